"""Published and peers' numbers, invariances, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper import Panel, PanelSpatial, SpatialWeights

X = ("log(pcap)", "log(pc)", "log(emp)", "unemp")
PRODUC = [
    f"{model} {effects} {transform}"
    for effects, transform in (
        ("individual", "exact"),
        ("two-way", "exact"),
        ("two-way", "splm"),
    )
    for model in ("sar", "sem", "sdm")
]


def options(case: str) -> dict[str, Any]:
    model, effects, transform = case.split()
    effects_options = {"time_effects": effects == "two-way", "transform": transform}
    return {"model": model, "likelihood": "unadjusted", **effects_options}


# --- numbers from elsewhere -----------------------------------------------------------


@pytest.mark.parametrize("case", PRODUC)
def test_produc(
    states: Panel, contiguity: SpatialWeights, numbers: dict[str, Any], case: str
) -> None:
    fit = PanelSpatial("log(gsp)", X, contiguity, **options(case)).fit(states)
    known, tolerance = numbers["produc"][case], numbers["tolerance"]["value"]
    name = "lambda" if "lambda" in known else "rho"
    assert fit.params[name] == pytest.approx(known[name], abs=tolerance)
    assert fit.loglik == pytest.approx(known["loglik"], abs=1e-6)
    assert fit.sigma2 == pytest.approx(known["sigma2"], rel=1e-6)
    slopes = known["slopes"]  # the first ones only for "sdm two-way splm"
    assert fit.params.to_numpy()[1 : 1 + len(slopes)] == pytest.approx(
        slopes, abs=tolerance
    )


@pytest.mark.parametrize(
    "case",
    [
        "sar individual information",
        "sar individual observed",
        "sdm individual information",
    ],
)
def test_errors_of_produc(
    states: Panel, contiguity: SpatialWeights, numbers: dict[str, Any], case: str
) -> None:
    model, _, cov_type = case.split()
    spec = PanelSpatial(
        "log(gsp)",
        X,
        contiguity,
        model=model,
        time_effects=False,
        likelihood="unadjusted",
        cov_type=cov_type,
    )
    results, known = spec.fit(states).std_errors, numbers["produc_errors"][case]
    assert results["rho"] == pytest.approx(known["rho"], abs=6e-8)
    assert results.to_numpy()[1:] == pytest.approx(known["slopes"], abs=6e-8)


@pytest.mark.parametrize("case", ["sar individual", "sdm individual", "sdm two-way"])
def test_effects_of_produc(
    states: Panel, contiguity: SpatialWeights, numbers: dict[str, Any], case: str
) -> None:
    fit = PanelSpatial("log(gsp)", X, contiguity, **options(f"{case} exact")).fit(
        states
    )
    known = np.array(numbers["produc_effects"][case])
    assert fit.impacts["estimate"].to_numpy() == pytest.approx(
        known.T.ravel(), abs=6e-9
    )


@pytest.mark.data("cigar.csv")
@pytest.mark.data("usa46.csv")
@pytest.mark.parametrize(
    "case",
    [
        "sar individual exact",
        "sdm individual exact",
        "sar two-way exact",
        "sdm two-way exact",
    ],
)
def test_cigar(
    cigar: Panel, cigar_weights: SpatialWeights, numbers: dict[str, Any], case: str
) -> None:
    spec = PanelSpatial(
        "log(sales)",
        ["logp", "logy"],
        cigar_weights,
        cov_type="information",
        **options(case),
    )
    fit, known = spec.fit(cigar), numbers["cigar"][case]
    digits = 1e-6 if case == "sdm two-way exact" else 2e-7
    assert fit.params["rho"] == pytest.approx(known["rho"], abs=2e-7)
    assert fit.params.to_numpy()[1:] == pytest.approx(known["slopes"], abs=digits)
    assert fit.std_errors["rho"] == pytest.approx(known["error_rho"], abs=2e-7)
    assert fit.std_errors.to_numpy()[1:] == pytest.approx(known["errors"], abs=digits)
    assert fit.loglik == pytest.approx(known["loglik"], abs=6e-5)


@pytest.mark.data("cigar.csv")
@pytest.mark.data("usa46.csv")
@pytest.mark.parametrize("cov_type", ["information", "observed"])
def test_effects_of_cigar(
    cigar: Panel, cigar_weights: SpatialWeights, numbers: dict[str, Any], cov_type: str
) -> None:
    spec = PanelSpatial(
        "log(sales)",
        ["logp", "logy"],
        cigar_weights,
        likelihood="unadjusted",
        cov_type=cov_type,
    )
    results = spec.fit(cigar).impacts
    known = numbers["cigar_effects"]
    assert results["estimate"].to_numpy() == pytest.approx(
        np.array(known["estimates"]).T.ravel(), abs=6e-7
    )
    assert results["std_error"].to_numpy() == pytest.approx(
        np.array(known[cov_type]).T.ravel(), abs=6e-7
    )


@pytest.mark.data("cigar.csv")
@pytest.mark.data("usa46.csv")
def test_lee_yu_of_cigar(
    cigar: Panel, cigar_weights: SpatialWeights, numbers: dict[str, Any]
) -> None:
    spec = PanelSpatial(
        "log(sales)",
        ["logp", "logy"],
        cigar_weights,
        transform="splm",
        likelihood="lee_yu",
    )
    assert spec.fit(cigar).params["rho"] == pytest.approx(
        numbers["cigar_tests"]["lee_yu_rho_splm"], abs=5e-5
    )


# --- against other estimators of ours -------------------------------------------------


def test_slx_is_least_squares_on_assigned_lags(
    states: Panel, contiguity: SpatialWeights
) -> None:
    fit = PanelSpatial(
        "log(gsp)", X, contiguity, model="slx", likelihood="unadjusted"
    ).fit(states)
    assigned = states.assign(**{f"z{i}": term for i, term in enumerate(X)})
    assigned = assigned.assign(**{f"w{i}": contiguity.lag(f"z{i}") for i in range(4)})
    x = [*X, *(f"w{i}" for i in range(4))]
    linear = dp.FixedEffects("log(gsp)", x, cov_type="unadjusted", ssc="none").fit(
        assigned
    )
    assert fit.params.to_numpy() == pytest.approx(linear.params.to_numpy(), rel=1e-9)
    assert fit.std_errors.to_numpy() == pytest.approx(
        linear.std_errors.to_numpy(), rel=1e-6
    )


def test_no_spatial_lag_and_no_lags_is_least_squares(
    states: Panel, contiguity: SpatialWeights
) -> None:
    fit = PanelSpatial("log(gsp)", X, contiguity, model="slx", spatial_lags=[]).fit(
        states
    )
    linear = dp.FixedEffects("log(gsp)", X).fit(states)
    assert fit.params.to_numpy() == pytest.approx(linear.params.to_numpy(), rel=1e-9)
    indirect = fit.impacts[fit.impacts["kind"] == "indirect"]
    assert (indirect["estimate"] == 0).all()
    assert (
        indirect[["std_error", "statistic", "p_value", "conf_low"]]
        .isna()
        .all(axis=None)
    )


def test_durbin_without_lags_is_the_lag_model(
    states: Panel, contiguity: SpatialWeights
) -> None:
    durbin = PanelSpatial("log(gsp)", X, contiguity, spatial_lags=[]).fit(states)
    lag = PanelSpatial("log(gsp)", X, contiguity, model="sar").fit(states)
    assert durbin.params.to_numpy() == pytest.approx(lag.params.to_numpy(), rel=1e-12)
    assert durbin.loglik == lag.loglik


def test_the_two_transforms_agree_without_time_effects(
    states: Panel, contiguity: SpatialWeights
) -> None:
    exact, splm = (
        PanelSpatial("log(gsp)", X, contiguity, time_effects=False, transform=t).fit(
            states
        )
        for t in ("exact", "splm")
    )
    assert exact.params.to_numpy() == pytest.approx(splm.params.to_numpy(), abs=1e-9)


# --- invariances ----------------------------------------------------------------------

N, T = 12, 5


def small(seed: int = 1) -> tuple[pd.DataFrame, np.ndarray, list[str]]:
    rng = np.random.default_rng(seed)
    w = rng.uniform(size=(N, N)) * (rng.uniform(size=(N, N)) < 0.4)
    np.fill_diagonal(w, 0)
    w[np.arange(N), (np.arange(N) + 1) % N] += 0.2
    names = [f"c{i:02d}" for i in range(N)]
    keys = {"city": np.repeat(names, T), "year": np.tile(np.arange(2000, 2000 + T), N)}
    frame = pd.DataFrame(
        {**keys, "x": rng.normal(size=N * T), "z": rng.normal(size=N * T)}
    )
    row = w / w.sum(axis=1, keepdims=True)
    signal = (
        (frame["x"] - 0.5 * frame["z"] + rng.normal(size=N * T))
        .to_numpy()
        .reshape(N, T)
    )
    frame["y"] = np.linalg.solve(np.eye(N) - 0.4 * row, signal).ravel()
    return frame, w, names


MODELS = ("sdm", "sar", "sem", "slx", "sdem", "sac")


@pytest.mark.many(6)
@pytest.mark.filterwarnings("ignore::digiprosper.FewClustersWarning")
@pytest.mark.filterwarnings("ignore:lambda = ")
@pytest.mark.parametrize("standardise", ["row", "none"])
@pytest.mark.parametrize("cov_type", ["larger", "observed", "information", "clustered"])
@pytest.mark.parametrize("model", MODELS)
def test_rows_labels_weights_and_units_do_not_matter(
    model: str, cov_type: str, standardise: str
) -> None:
    frame, w, names = small(4)
    w = w / np.abs(np.linalg.eigvals(w)).max()
    weights = SpatialWeights(w, names, standardise=standardise)
    spec = PanelSpatial("y", ["x", "z"], weights, model=model, cov_type=cov_type)
    fit = spec.fit(Panel(frame, "city", "year"))

    rng = np.random.default_rng(0)
    new_names = dict(
        zip(names, rng.permutation([f"k{i:02d}" for i in range(N)]), strict=True)
    )
    shuffled = frame.sample(frac=1, random_state=1)
    shuffled = shuffled.assign(
        city=shuffled["city"].map(new_names),
        x=shuffled["x"] * 1000,
        y=3 * shuffled["y"] + 7,
    )
    order = rng.permutation(N)
    relabelled = SpatialWeights(
        w[np.ix_(order, order)],
        [new_names[names[i]] for i in order],
        standardise=standardise,
    )
    other = spec.replace(spatial_weights=relabelled).fit(
        Panel(shuffled, "city", "year")
    )
    scale = np.array(
        [
            1 if n in ("rho", "lambda") else 3e-3 if n.endswith("x") else 3
            for n in fit.names
        ]
    )
    if standardise == "none" and model in ("sdm", "sar", "sac"):
        # An outcome with another origin is another time effect only by row
        scale = scale[: len(fit.names)]
        other = spec.replace(spatial_weights=relabelled).fit(
            Panel(shuffled.assign(y=shuffled["y"] - 7), "city", "year")
        )
    assert other.params.to_numpy() == pytest.approx(
        fit.params.to_numpy() * scale, rel=1e-7, abs=1e-10
    )
    assert other.std_errors.to_numpy() == pytest.approx(
        fit.std_errors.to_numpy() * scale, rel=1e-6
    )
    assert other.impacts["estimate"].to_numpy()[3:] == pytest.approx(
        3 * fit.impacts["estimate"].to_numpy()[3:]
    )
    rows = (N - 1) * (T - 1)
    assert other.loglik == pytest.approx(fit.loglik - rows * np.log(3), abs=1e-7)


@pytest.mark.parametrize("model", ["sem", "sdem", "sac"])
@pytest.mark.parametrize("entity", [True, False])
def test_error_models_with_time_effects_and_any_weights(
    model: str, entity: bool
) -> None:
    """Period dummies written out among the regressors, without `time_effects`."""
    frame, w, names = small(2)
    weights = SpatialWeights(w, names, standardise="spectral")
    lags = ["x", "z"] if model == "sdem" else None
    fit = PanelSpatial(
        "y",
        ["x", "z"],
        weights,
        model=model,
        spatial_lags=lags,
        entity_effects=entity,
        likelihood="unadjusted",
    ).fit(Panel(frame, "city", "year"))
    dummies = [f"d{t}" for t in range(2000 + 1, 2000 + T)]
    for name in dummies:
        frame[name] = (frame["year"] == int(name[1:])).astype(float)
    written = PanelSpatial(
        "y",
        ["x", "z", *dummies],
        weights,
        model=model,
        spatial_lags=lags,
        entity_effects=entity,
        time_effects=False,
        likelihood="unadjusted",
    ).fit(Panel(frame, "city", "year"))
    assert fit.loglik == pytest.approx(written.loglik, abs=1e-9)
    for name in fit.names:
        assert fit.params[name] == pytest.approx(written.params[name], abs=1e-9)
        assert fit.std_errors[name] == pytest.approx(written.std_errors[name], rel=1e-8)


def test_simulated_effects_agree_with_the_delta_method(
    states: Panel, contiguity: SpatialWeights
) -> None:
    # A standard deviation from 100,000 draws has an error of .2%; the rest is the
    # curvature in rho.
    for likelihood, curvature in (("unadjusted", 0.02), ("adjusted", 0.1)):
        spec = PanelSpatial("log(gsp)", X, contiguity, likelihood=likelihood)
        delta = spec.fit(states).impacts
        drawn = spec.replace(effects_error="simulated", reps=100_000).fit(states, rng=1)
        assert drawn.rng_entropy == 1
        errors = drawn.impacts["std_error"].to_numpy()
        assert errors == pytest.approx(delta["std_error"].to_numpy(), rel=curvature)
    assert drawn.impacts["estimate"].equals(delta["estimate"])


def test_lags_in_time_leave_whole_periods_out(
    states: Panel, contiguity: SpatialWeights
) -> None:
    fit = PanelSpatial(
        "log(gsp)", ["lag(log(pc))", "unemp"], contiguity, model="sar"
    ).fit(states)
    assert fit.nobs == 48 * 16
    assert "lagged_rows" in [notice.code for notice in fit.diagnostics]


@pytest.mark.parametrize("size", [1e-9, 1e9])
@pytest.mark.parametrize("model", ["sdm", "sem", "sac"])
def test_the_unit_of_the_weights_does_not_matter(model: str, size: float) -> None:
    frame, w, names = small()
    panel = Panel(frame, "city", "year")
    fits = [
        PanelSpatial(
            "y",
            ["x", "z"],
            SpatialWeights(scaled, names, standardise="none"),
            model=model,
        ).fit(panel)
        for scaled in (w, w * size)
    ]
    spatial = [n for n in fits[0].names if n in ("rho", "lambda")]
    for name in spatial:
        assert fits[1].params[name] * size == pytest.approx(
            fits[0].params[name], rel=1e-6
        )
        assert fits[1].std_errors[name] * size == pytest.approx(
            fits[0].std_errors[name], rel=1e-6
        )
    assert fits[1].loglik == pytest.approx(fits[0].loglik, abs=1e-8)
    assert fits[1].impacts["estimate"].to_numpy() == pytest.approx(
        fits[0].impacts["estimate"].to_numpy(), rel=1e-6
    )


def test_a_cross_section_has_an_intercept() -> None:
    frame, w, names = small()
    first = frame[frame["year"] == 2000]
    spec = PanelSpatial(
        "y",
        ["x"],
        SpatialWeights(w, names),
        model="sar",
        entity_effects=False,
        time_effects=False,
    )
    fit = spec.fit(Panel(first, "city"))
    assert list(fit.names) == ["rho", "x", "Intercept"]
    assert fit.params.to_numpy() == pytest.approx(
        spec.fit(Panel(first, "city", "year")).params.to_numpy()
    )
    with pytest.raises(dp.IdentificationError):
        spec.replace(entity_effects=True).fit(Panel(first, "city"))
    assert "Intercept" in spec.fit(Panel(first, "city")).summary()


# --- what is refused ------------------------------------------------------------------


def spec_of(**changes: Any) -> PanelSpatial:
    _, w, names = small()
    given: dict[str, Any] = {
        "y": "y",
        "x": ["x", "z"],
        "spatial_weights": SpatialWeights(w, names),
        **changes,
    }
    return PanelSpatial(
        given.pop("y"), given.pop("x"), given.pop("spatial_weights"), **given
    )


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"model": "SDM"}, dp.OptionError),
        ({"model": None}, dp.OptionError),
        ({"transform": "within"}, dp.OptionError),
        ({"likelihood": True}, dp.OptionError),
        (
            {"likelihood": "lee_yu", "entity_effects": False, "time_effects": False},
            dp.OptionError,
        ),
        ({"cov_type": "robust"}, dp.OptionError),
        ({"effects_error": "bootstrap"}, dp.OptionError),
        ({"reps": 10}, dp.OptionError),
        ({"entity_effects": "yes"}, dp.OptionError),
        ({"spatial_lags": ["v"]}, dp.TermError),
        ({"spatial_lags": ["x", "x"]}, dp.TermError),
        ({"spatial_lags": ["x"], "model": "sar"}, dp.OptionError),
        ({"spatial_lags": 3}, dp.InputTypeError),
        ({"x": []}, dp.TermError),
        ({"x": ["y"]}, dp.TermError),
        ({"x": [3]}, dp.InputTypeError),
        ({"y": ["y"]}, dp.InputTypeError),
        ({"spatial_weights": np.eye(N)}, dp.InputTypeError),
        ({"spatial_weights": None}, dp.InputTypeError),
    ],
)
def test_constructors_refuse(changes: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        spec_of(**changes)


def gone(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.drop(index=7)


def with_value(value: float) -> Any:
    return lambda frame: frame.assign(x=frame["x"].where(frame.index != 3, value))


def lag_of_x(frame: pd.DataFrame) -> pd.DataFrame:
    _, w, _ = small()
    row = w / w.sum(axis=1, keepdims=True)
    return frame.assign(z=(row @ frame["x"].to_numpy().reshape(N, T)).ravel())


def wide(frame: pd.DataFrame) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    short = frame[frame["year"] <= 2001]
    return short.assign(**{f"v{i}": rng.normal(size=len(short)) for i in range(8)})


def weights_of(change: str) -> SpatialWeights:
    _, w, names = small()
    if change == "others":
        return SpatialWeights(w, [f"k{i}" for i in range(N)])
    if change == "one entity less":
        return SpatialWeights(w[1:, 1:], names[1:])
    if change == "no circle":
        return SpatialWeights(np.triu(w), names)
    size = {"huge": 1e90, "tiny": 1e-90}.get(change, 1.0)
    return SpatialWeights(w * size, names, standardise="none")


BROKEN_FRAMES: dict[str, tuple[Any, type[Exception]]] = {
    "row gone": (gone, dp.MissingDataError),
    "value missing": (with_value(np.nan), dp.MissingDataError),
    "infinite": (with_value(np.inf), dp.DigiprosperError),
    "period missing": (
        lambda f: f.assign(y=f["y"].where(f["year"] != 2001)),
        dp.MissingDataError,
    ),
    "constant in time": (
        lambda f: f.assign(x=f.groupby("city")["x"].transform("first")),
        dp.IdentificationError,
    ),
    "same for all": (
        lambda f: f.assign(x=f.groupby("year")["x"].transform("first")),
        dp.IdentificationError,
    ),
    "collinear": (lambda f: f.assign(z=2 * f["x"]), dp.CollinearityError),
    "lag collinear": (lag_of_x, dp.CollinearityError),
    "perfect fit": (lambda f: f.assign(y=f["x"] + f["z"]), dp.IdentificationError),
    "constant outcome": (lambda f: f.assign(y=1.0), dp.IdentificationError),
    "text": (lambda f: f.assign(x="a"), dp.InputTypeError),
    "no column": (lambda f: f.drop(columns="x"), dp.ColumnError),
    "one period": (lambda f: f[f["year"] == 2000], dp.IdentificationError),
}


@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
@pytest.mark.parametrize("what", BROKEN_FRAMES)
def test_fit_refuses_panels(what: str) -> None:
    change, error = BROKEN_FRAMES[what]
    with pytest.raises(error) as caught:
        spec_of().fit(Panel(change(small()[0]), "city", "year"))
    problems: Any = caught.value
    assert problems.problems


@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
@pytest.mark.parametrize(
    ("change", "error", "more"),
    [
        ("others", dp.AlignmentError, {}),
        ("one entity less", dp.AlignmentError, {}),
        ("no circle", dp.IdentificationError, {}),
        ("no circle", dp.IdentificationError, {"model": "sem"}),
        ("none", dp.OptionError, {"likelihood": "lee_yu"}),
        ("huge", dp.IdentificationError, {}),
        ("tiny", dp.IdentificationError, {"model": "sem"}),
    ],
)
def test_fit_refuses_weights(
    change: str, error: type[Exception], more: dict[str, Any]
) -> None:
    with pytest.raises(error):
        spec_of(spatial_weights=weights_of(change), **more).fit(
            Panel(small()[0], "city", "year")
        )


@pytest.mark.parametrize(
    ("x", "error"),
    [
        (["rho"], dp.TermError),
        ([f"v{i}" for i in range(8)], dp.IdentificationError),
    ],
)
def test_fit_refuses_regressors(x: list[str], error: type[Exception]) -> None:
    frame = wide(small()[0]).assign(rho=1.0)
    with pytest.raises(error):
        spec_of(x=x).fit(Panel(frame, "city", "year"))


def test_fit_refuses_what_is_no_panel() -> None:
    with pytest.raises(dp.InputTypeError):
        spec_of().fit(small()[0])


def test_what_is_missing_is_named() -> None:
    with pytest.raises(dp.MissingDataError, match=r"panel\.balance\(\)") as caught:
        spec_of().fit(Panel(gone(small()[0]), "city", "year"))
    assert caught.value.problems[0].data["rows"] == (("c01", 2002),)
