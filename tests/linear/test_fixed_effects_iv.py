"""Two-stage least squares with effects: dummies, covariances, invariances."""

from __future__ import annotations

import pickle
import warnings
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from digiprosper import FixedEffects, FixedEffectsIV, Panel
from digiprosper.errors import (
    CollinearityError,
    ColumnError,
    DigiprosperError,
    DigiprosperWarning,
    IdentificationError,
    IdentificationWarning,
    InputTypeError,
    MissingDataError,
    OptionError,
    TermError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

KEYS = ("city", "year")
SSC = ("reghdfe", "xtreg", "linearmodels", "plm", "none")
SPEC = FixedEffectsIV("y", ["a", "b"], ["d"], ["z1", "z2"])


def make_frame(
    seed: int = 0, n: int = 20, periods: int = 8, *, holes: float = 0.2
) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rows = n * periods
    frame = pd.DataFrame(
        {
            "city": np.repeat(np.arange(n), periods),
            "year": np.tile(np.arange(periods), n),
        }
    )
    frame["year"] += 2000
    frame["region"] = frame["city"] // 4
    frame["kind"] = rng.integers(0, 5, rows)
    frame["w"] = rng.uniform(0.2, 3, rows)
    trend = rng.normal(size=periods)[frame["year"] - 2000]
    for name in ("a", "b", "z1", "z2", "z3"):
        frame[name] = rng.normal(size=rows) + 0.3 * frame["city"] + trend
    frame["common"] = common = rng.normal(size=rows)
    frame["d"] = (
        0.8 * frame["z1"]
        + 0.5 * frame["z2"]
        - 0.3 * frame["a"]
        + common
        + rng.normal(size=rows)
    )
    frame["d2"] = 0.9 * frame["z3"] - 0.4 * frame["z2"] - common + rng.normal(size=rows)
    noise = rng.normal(size=rows) * (1 + 0.5 * np.abs(frame["z1"] - frame["z1"].mean()))
    frame["y"] = (
        frame["d"]
        - 0.5 * frame["d2"]
        + frame["a"]
        + 2.0 * frame["city"]
        + common
        + noise
    )
    return frame[rng.random(rows) >= holes].reset_index(drop=True)


def quiet_fit(
    spec, frame: pd.DataFrame, entity: str = "city", time: str | None = "year"
):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        return spec.fit(Panel(frame, entity, time))


# --- an oracle of dummies and loops, written from the textbook ------------------------


def dummies(frame: pd.DataFrame, effects: list[str]) -> np.ndarray:
    if not effects:
        return np.ones((len(frame), 1))
    return np.hstack([pd.get_dummies(frame[e]).to_numpy(dtype=float) for e in effects])


def oracle(frame, y, endog, x, instruments, effects, *, weights=None):
    """Slopes, and a function from groups and lags to the raw sandwich."""
    w = (
        np.ones(len(frame))
        if weights is None
        else (frame[weights] / frame[weights].mean()).to_numpy()
    )
    half = np.sqrt(w)[:, None]
    d = dummies(frame, effects) * half
    regressors = np.hstack([frame[[*endog, *x]].to_numpy() * half, d])
    exogenous = np.hstack([frame[[*instruments, *x]].to_numpy() * half, d])
    outcome = frame[y].to_numpy() * half[:, 0]
    fitted = exogenous @ np.linalg.lstsq(exogenous, regressors, rcond=None)[0]
    b = np.linalg.lstsq(fitted, outcome, rcond=None)[0]
    e = outcome - regressors @ b
    # Slopes alone, each projected regressor net of the dummies.
    k = len(endog) + len(x)
    net = fitted[:, :k] - d @ np.linalg.lstsq(d, fitted[:, :k], rcond=None)[0]
    bread = np.linalg.inv(net.T @ net)
    scores = net * e[:, None]

    def raw(codes=None, lags=0):
        if codes is None:
            sums = scores
        else:
            sums = np.vstack([scores[codes == c].sum(axis=0) for c in np.unique(codes)])
        meat = sums.T @ sums
        for lag in range(1, lags + 1):
            more = sums[lag:].T @ sums[:-lag] * (1 - lag / (lags + 1))
            meat = meat + more + more.T
        return bread @ meat @ bread

    rank = np.linalg.matrix_rank(regressors)
    return b[:k], raw, e, bread, rank


EFFECTS = {
    "none": ({"entity_effects": False, "time_effects": False}, []),
    "one-way": ({"time_effects": False}, ["city"]),
    "two-way": ({}, ["city", "year"]),
    "three-way": ({"absorb": ("kind",)}, ["city", "year", "kind"]),
}
MODELS = {
    "one": (["d"], ["a", "b"], ["z1", "z2"]),
    "exact": (["d"], ["a"], ["z1"]),
    "no x": (["d"], [], ["z1", "z2"]),
    "two": (["d", "d2"], ["a", "b"], ["z1", "z2", "z3"]),
}


@pytest.mark.parametrize(
    ("model", "effects", "weights", "seed"),
    list(product(MODELS, EFFECTS, [None, "w"], range(2))),
)
@pytest.mark.many(4)
def test_every_dummy_written_out(
    model: str, effects: str, weights: str | None, seed: int
) -> None:
    frame = make_frame(seed)
    flags, columns = EFFECTS[effects]
    endog, x, instruments = MODELS[model]
    b, raw, e, bread, rank = oracle(
        frame, "y", endog, x, instruments, columns, weights=weights
    )
    n = len(frame)
    options = {**flags, "obs_weights": weights, "ssc": "none"}
    k = len(b)

    def fit(**more):
        return quiet_fit(
            FixedEffectsIV("y", x, endog, instruments, **{**options, **more}), frame
        )

    results = fit()
    np.testing.assert_allclose(results.coefficients[:k], b, rtol=1e-9)
    assert results.nobs == n
    assert results.df_resid == n - rank
    city, year, region = (frame[c].to_numpy() for c in ("city", "year", "region"))
    both = city * 10_000 + year
    expected = {
        "unadjusted": (
            {"cov_type": "unadjusted", "ssc": "reghdfe"},
            e @ e / (n - rank) * bread,
        ),
        "robust": ({"cov_type": "robust", "ssc": "reghdfe"}, n / (n - rank) * raw()),
        "clustered": ({}, raw(city)),
        "region": ({"clusters": ("region",)}, raw(region)),
        "two-way": ({"clusters": ("city", "year")}, raw(city) + raw(year) - raw(both)),
        "xtscc": (
            {"cov_type": "xtscc", "bandwidth": 2},
            raw(year, 2),
        ),
    }
    for name, (more, covariance) in expected.items():
        got = fit(**more).covariance[:k, :k]
        np.testing.assert_allclose(
            got,
            covariance,
            rtol=1e-9,
            atol=1e-9 * np.abs(covariance).max(),
            err_msg=name,
        )


@pytest.mark.many(5)
@pytest.mark.parametrize("ssc", SSC)
@pytest.mark.parametrize(
    "cov", [{}, {"clusters": ("city", "year")}, {"cov_type": "xtscc"}]
)
def test_the_factors_are_those_of_least_squares(ssc: str, cov: dict) -> None:
    """K counts slopes and effects, as in a regression on the same columns."""
    frame = make_frame(3)
    plain = FixedEffects("y", ["d", "a", "b"], **cov)
    iv = SPEC.replace(**cov)
    ratio = {}
    for spec in (plain, iv):
        variance = [
            np.diag(quiet_fit(spec.replace(ssc=s), frame).covariance)
            for s in (ssc, "none")
        ]
        ratio[spec] = variance[0] / variance[1]
    if ssc != "plm" or "clusters" not in cov:
        np.testing.assert_allclose(ratio[iv], ratio[plain], rtol=1e-12)
    fits = [quiet_fit(spec.replace(ssc=ssc), frame) for spec in (plain, iv)]
    assert fits[0].df_t == fits[1].df_t
    assert fits[0].df_counted == fits[1].df_counted


def test_the_intercept_and_its_error() -> None:
    frame = make_frame(1)
    spec = FixedEffectsIV(
        "y",
        ["a"],
        ["d"],
        ["z1", "z2"],
        entity_effects=False,
        time_effects=False,
        cov_type="robust",
    )
    results = quiet_fit(spec, frame)
    half = np.hstack([frame[["d", "a"]].to_numpy(), np.ones((len(frame), 1))])
    exogenous = np.hstack(
        [frame[["z1", "z2", "a"]].to_numpy(), np.ones((len(frame), 1))]
    )
    fitted = exogenous @ np.linalg.lstsq(exogenous, half, rcond=None)[0]
    b = np.linalg.solve(fitted.T @ half, fitted.T @ frame["y"])
    e = frame["y"].to_numpy() - half @ b
    bread = np.linalg.inv(fitted.T @ fitted)
    n = len(frame)
    covariance = n / (n - 3) * bread @ (fitted.T * e**2) @ fitted @ bread
    np.testing.assert_allclose(results.coefficients, b, rtol=1e-10)
    np.testing.assert_allclose(results.covariance, covariance, rtol=1e-9)
    assert results.names == ("d", "a", "Intercept")


def test_it_is_least_squares_where_the_instruments_are_the_regressors() -> None:
    """With instruments that nearly span the regressor, 2SLS nears least squares.

    There are as many of them.
    """
    frame = make_frame(2)
    frame["z"] = frame["d"] + 1e-7 * frame["z1"]
    iv = quiet_fit(FixedEffectsIV("y", ["a"], ["d"], ["z"]), frame)
    plain = quiet_fit(FixedEffects("y", ["d", "a"]), frame)
    np.testing.assert_allclose(iv.params, plain.params, rtol=1e-6)
    np.testing.assert_allclose(iv.std_errors, plain.std_errors, rtol=1e-6)


# --- invariances ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "cov", [{}, {"cov_type": "robust"}, {"cov_type": "driscoll_kraay"}]
)
def test_row_order_units_and_origin_change_nothing(cov: dict) -> None:
    frame = make_frame(4)
    spec = FixedEffectsIV("y", ["a"], ["d"], ["z1", "z2"], **cov)
    base = quiet_fit(spec, frame)

    shuffled = quiet_fit(spec, frame.sample(frac=1, random_state=1))
    np.testing.assert_array_equal(base.coefficients, shuffled.coefficients)
    assert base.iv_tests["kp_rk_f"] == shuffled.iv_tests["kp_rk_f"]

    names = {c: f"city {97 - c}" for c in frame["city"].unique()}
    renamed = quiet_fit(spec, frame.assign(city=frame["city"].map(names)))
    np.testing.assert_allclose(renamed.std_errors, base.std_errors, rtol=1e-9)

    moved = frame.assign(
        y=1e4 * frame["y"] + 1e6,
        d=1e-5 * frame["d"] - 3,
        z1=1e7 * frame["z1"],
        a=frame["a"] + 1e4,
    )
    scaled = quiet_fit(spec, moved)
    np.testing.assert_allclose(
        scaled.coefficients, base.coefficients * [1e9, 1e4], rtol=1e-8
    )
    np.testing.assert_allclose(
        scaled.std_errors, base.std_errors * [1e9, 1e4], rtol=1e-8
    )
    for name, value in base.iv_tests.items():
        other = scaled.iv_tests[name]
        if isinstance(value, float):
            assert other == pytest.approx(value, rel=1e-7)
        else:
            assert other.statistic == pytest.approx(value.statistic, rel=1e-7)
    np.testing.assert_allclose(
        np.array(scaled.anderson_rubin()),
        1e9 * np.array(base.anderson_rubin()),
        rtol=1e-7,
    )


def test_weights_of_one_and_doubled_weights() -> None:
    frame = make_frame(5).assign(one=1.0, two=lambda f: 2 * f["w"])
    plain = quiet_fit(SPEC, frame)
    ones = quiet_fit(SPEC.replace(obs_weights="one"), frame)
    np.testing.assert_allclose(ones.std_errors, plain.std_errors, rtol=1e-11)
    weighted, doubled = (
        quiet_fit(SPEC.replace(obs_weights=w), frame) for w in ("w", "two")
    )
    np.testing.assert_allclose(weighted.covariance, doubled.covariance, rtol=1e-11)
    assert weighted.iv_tests["sargan"].statistic == pytest.approx(
        doubled.iv_tests["sargan"].statistic
    )


def test_known_truth() -> None:
    frame = make_frame(6, 300, 10, holes=0.1)
    noise = np.random.default_rng(1).normal(size=len(frame))
    frame["y"] = (
        frame["d"]
        - 0.5 * frame["d2"]
        + frame["a"]
        + frame["city"]
        + frame["common"]
        + noise
    )
    spec = FixedEffectsIV("y", ["a"], ["d", "d2"], ["z1", "z2", "z3"])
    results = quiet_fit(spec, frame)
    truth = np.array([1.0, -0.5, 1.0])
    assert (np.abs(results.coefficients - truth) < 3.5 * results.std_errors).all()
    plain = quiet_fit(FixedEffects("y", ["d", "d2", "a"]), frame)
    assert abs(plain.params["d"] - 1) > 10 * plain.std_errors["d"]
    assert results.endogeneity_test().p_value < 1e-6


# --- notices --------------------------------------------------------------------------


def weak_frame(seed: int = 0) -> pd.DataFrame:
    frame = make_frame(seed)
    rng = np.random.default_rng(100 + seed)
    return frame.assign(
        noise=rng.normal(size=len(frame)), more=rng.normal(size=len(frame))
    )


def test_a_weak_first_stage_warns_and_shows_the_set() -> None:
    spec = FixedEffectsIV("y", ["a"], ["d"], ["noise"])
    with pytest.warns(IdentificationWarning, match="Anderson-Rubin"):
        results = spec.fit(Panel(weak_frame(), *KEYS))
    (notice,) = [n for n in results.diagnostics if n.code == "weak_first_stage"]
    assert notice.data["statistic"] == "effective_f"
    assert notice.data["value"] == results.iv_tests["effective_f"] < 10
    assert notice.data["critical"] == pytest.approx(23.1085, abs=1e-3)
    assert "Anderson-Rubin 95% set" in results.summary()


def test_a_weak_system_is_judged_by_the_rank_statistic() -> None:
    results = quiet_fit(
        FixedEffectsIV("y", [], ["d", "d2"], ["noise", "more"]), weak_frame()
    )
    (notice,) = [n for n in results.diagnostics if n.code == "weak_first_stage"]
    assert (notice.data["statistic"], notice.data["critical"]) == ("kp_rk_f", None)
    assert "effective_f" not in results.iv_tests


def test_a_strong_first_stage_says_nothing() -> None:
    results = quiet_fit(SPEC, make_frame(0, 60))
    assert {"weak_first_stage", "biased_first_stage"}.isdisjoint(
        n.code for n in results.diagnostics
    )


def test_a_lag_of_the_outcome_is_noticed_among_the_regressors_only() -> None:
    frame = make_frame(0)
    inside = quiet_fit(FixedEffectsIV("y", ["lag(y)"], ["d"], ["z1"]), frame)
    assert "lagged_outcome" in {n.code for n in inside.diagnostics}
    outside = quiet_fit(FixedEffectsIV("y", ["a"], ["d"], ["z1", "lag(y)"]), frame)
    assert "lagged_outcome" not in {n.code for n in outside.diagnostics}


def test_few_clusters_name_no_remedy_that_is_for_least_squares() -> None:
    results = quiet_fit(SPEC, make_frame(0, 15))
    (few,) = [n for n in results.diagnostics if n.code == "very_few_clusters"]
    assert few.data == {"clusters": "city", "n_clusters": 15}
    assert "wild_bootstrap(" not in few.message
    (own,) = [
        n for n in results.first_stage["d"].diagnostics if n.code == "very_few_clusters"
    ]
    assert "wild_bootstrap(" in own.message


def test_few_clusters_carry_the_projected_regressor() -> None:
    """The instrument varies in two cities only, the regressor in all of them."""
    frame = make_frame(0)
    frame["z"] = np.where(frame["city"] < 2, frame["z1"], 0.0)
    frame["d"] = frame["d"] + 3 * frame["z"]
    results = quiet_fit(
        FixedEffectsIV("y", ["a"], ["d"], ["z"], time_effects=False), frame
    )
    (notice,) = [n for n in results.diagnostics if n.code == "few_treated"]
    assert list(notice.data["terms"]) == ["d"]


def few_instruments(treated: int, strength: float, rng: np.random.Generator):
    """Fit with an instrument of few treated entities and another, 31 x 10."""
    n, periods = 31, 10
    i, t = np.repeat(np.arange(n), periods), np.tile(np.arange(periods), n)
    u = rng.normal(size=(n, periods))
    for s in range(1, periods):
        u[:, s] = 0.6 * u[:, s - 1] + 0.8 * u[:, s]
    frame = pd.DataFrame({"i": i, "t": t, "y": u.ravel()})
    frame["on"] = ((i < treated) & (t >= 5)).astype(float)
    frame["z"], noise = rng.normal(size=(2, n * periods))
    frame["x"] = strength * (frame["on"] + frame["z"]) + 0.5 * frame["y"] + noise
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return FixedEffectsIV("y", [], ["x"], ["on", "z"]).fit(Panel(frame, "i", "t"))


@pytest.mark.parametrize("strength", [0.05, 1.0])
def test_an_instrument_of_two_clusters_is_no_case_for_anderson_rubin(strength) -> None:
    for treated in (2, 8):
        fit = few_instruments(treated, strength, np.random.default_rng(2))
        by_code = {notice.code: notice for notice in fit.diagnostics}
        assert ("few_for_anderson_rubin" in by_code) is (treated == 2)
        weak = by_code.get("weak_first_stage")
        assert (weak is not None) is (strength < 1)
        assert weak is None or ("is also valid with weak" in weak.message) is (
            treated == 8
        )
        if treated == 2:
            data = by_code["few_for_anderson_rubin"].data
            assert data["terms"] == {"on": pytest.approx(2, abs=0.3)}


@pytest.mark.parametrize("strength", [0.0, 1.5])
@pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
def test_irrelevant_instruments_of_one_cluster_each_are_weak(strength) -> None:
    rng = np.random.default_rng(5)
    i, t = np.indices((60, 40)).reshape(2, -1)
    region, wind = i % 20, rng.integers(0, 3, (20, 40))
    u, noise = rng.normal(size=(2, i.size))
    names = [f"z{r}_{w}" for r in range(20) for w in (1, 2)]
    z = [(region == r) & (wind[region, t] == w) for r in range(20) for w in (1, 2)]
    frame = pd.DataFrame(dict(zip(names, np.multiply(z, 1.0), strict=True)))
    x = strength * wind[region, t] + u + noise
    frame = frame.assign(i=i, t=t, region=region, x=x, y=u + rng.normal(size=i.size))
    spec = FixedEffectsIV("y", [], ["x"], names, clusters="region")
    fit = spec.fit(Panel(frame, "i", "t"))
    # With clusters F of irrelevant instruments is above all critical values.
    assert fit.iv_tests["effective_f"] > max(10, fit.iv_tests["effective_f_critical"])
    weak = [n for n in fit.diagnostics if n.code == "weak_first_stage"]
    assert bool(weak) is (strength == 0)
    # The bias of least squares is 0.5; the true slope is 0.
    assert bool(fit.pvalues["x"] < 0.01) is (strength == 0)
    for notice in weak:
        assert notice.data["statistic"] == "cragg_donald"
        assert notice.data["value"] == fit.iv_tests["cragg_donald"] < 2
        assert "too large: 40 instruments and 20 clusters" in notice.message
    for several in (fit, fit.summary()):
        assert ("Cragg-Donald F = " in str(several)) is (strength == 0)


@pytest.mark.montecarlo
def test_size_of_anderson_rubin_with_two_treated_clusters(
    measured: Callable[..., None],
) -> None:
    """Share of 400 panels in which the Anderson-Rubin test at 5% rejects the truth.

    The instrument varies in two of 31 clusters, which a notice reports.
    """
    rng = np.random.default_rng(8)
    p = [
        few_instruments(2, 0.3, rng).anderson_rubin_test({"x": 0}).p_value
        for _ in range(400)
    ]
    size = np.mean(np.array(p) < 0.05)
    measured("size_with_two_treated_clusters", {"clusters": 2, "size": size})
    # The figure of the notice; its Monte Carlo standard error is .017.
    assert size == pytest.approx(0.14, abs=0.04)


# --- refusals -------------------------------------------------------------------------

MALFORMED = {
    "no endogenous regressor": (TermError, {"endog": []}),
    "no instrument": (TermError, {"instruments": []}),
    "fewer instruments": (
        IdentificationError,
        {"endog": ["d", "d2"], "instruments": ["z1"]},
    ),
    "both endogenous and exogenous": (TermError, {"x": ["d"]}),
    "instrument among the controls": (TermError, {"instruments": ["a", "z1"]}),
    "instrument is the regressor": (TermError, {"instruments": ["d"]}),
    "instrument is the outcome": (TermError, {"instruments": ["y"]}),
    "outcome is endogenous": (TermError, {"endog": ["y"]}),
    "instrument twice": (TermError, {"instruments": ["z1", "z1"]}),
    "instrument equal to a control": (CollinearityError, {"instruments": ["copy"]}),
    "instruments that add up": (
        CollinearityError,
        {"instruments": ["z1", "z2", "sum"]},
    ),
    "endogenous copy of a control": (CollinearityError, {"endog": ["copy"]}),
    "endogenous sum of instruments": (
        CollinearityError,
        {"endog": ["sum"], "instruments": ["z1", "z2"]},
    ),
    "instrument without variation in time": (
        IdentificationError,
        {"instruments": ["terrain"]},
    ),
    "instrument of the period": (IdentificationError, {"instruments": ["national"]}),
    "constant instrument": (IdentificationError, {"instruments": ["constant"]}),
    "endogenous regressor absorbed": (IdentificationError, {"endog": ["terrain"]}),
    "unrelated instrument": (
        IdentificationError,
        {"instruments": ["unrelated"], "x": []},
    ),
    "hc2": (OptionError, {"cov_type": "hc2"}),
    "hc3": (OptionError, {"cov_type": "hc3"}),
    "crv3": (OptionError, {"cov_type": "crv3"}),
    "unknown covariance": (OptionError, {"cov_type": "hac"}),
    "clusters of robust": (OptionError, {"cov_type": "robust", "clusters": ["city"]}),
    "unknown column": (ColumnError, {"instruments": ["zz"]}),
    "text": (InputTypeError, {"instruments": ["word"]}),
    "terms as a number": (InputTypeError, {"endog": 3}),
    "one text of several terms": (DigiprosperError, {"instruments": "z1 z2"}),
    "nothing left": (MissingDataError, {"instruments": ["lag(z1, 20)"]}),
    "categories as outcome": (TermError, {"y": "C(kind)"}),
}


def refused_frame() -> pd.DataFrame:
    frame = make_frame(0)
    frame["copy"] = 2 * frame["a"] + frame["city"]
    frame["sum"] = frame["z1"] - 3 * frame["z2"]
    frame["terrain"] = np.sqrt(frame["city"] + 1.0)
    frame["national"] = np.log(frame["year"])
    frame["constant"] = 1.0
    frame["word"] = "text"
    demeaned = {
        c: quiet_fit(FixedEffects(c, ["z1"]), frame).resids.to_numpy()
        for c in ("d", "z2")
    }
    frame["unrelated"] = demeaned["z2"] - demeaned["d"] * (
        demeaned["z2"] @ demeaned["d"]
    ) / (demeaned["d"] @ demeaned["d"])
    return frame


@pytest.mark.many(13)
@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_input_is_refused_by_name(case: str) -> None:
    error, change = MALFORMED[case]
    options = {"y": "y", "x": ["a"], "endog": ["d"], "instruments": ["z1"], **change}
    frame = refused_frame()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", DigiprosperWarning)
        with pytest.raises(error) as caught:
            FixedEffectsIV(**options).fit(Panel(frame, *KEYS))
    assert isinstance(caught.value, DigiprosperError)
    assert caught.value.problems
    assert pickle.loads(pickle.dumps(caught.value)).problems == caught.value.problems


def test_problems_are_data() -> None:
    frame = refused_frame()
    with pytest.raises(IdentificationError, match=r"instruments\.interact") as caught:
        quiet_fit(FixedEffectsIV("y", ["a"], ["d"], ["terrain"]), frame)
    (problem,) = caught.value.problems
    assert (problem.code, problem.data) == (
        "absorbed",
        {"column": "terrain", "effects": "city, year"},
    )
    with pytest.raises(IdentificationError) as caught:
        quiet_fit(FixedEffectsIV("y", [], ["d", "d2"], ["z1"]), frame)
    assert caught.value.problems[0].data == {
        "instruments": ("z1",),
        "endog": ("d", "d2"),
    }


def test_more_parameters_than_rows() -> None:
    frame = make_frame(0, 3, 4, holes=0.0)
    with pytest.raises(IdentificationError, match="rows"):
        quiet_fit(
            FixedEffectsIV("y", ["a", "b"], ["d"], ["z1", "z2", "z3", "kind"]), frame
        )


def test_columns_are_dropped_on_request() -> None:
    frame = refused_frame()
    spec = FixedEffectsIV(
        "y", ["a", "copy"], ["d"], ["z1", "z2", "sum", "terrain"], collinear="drop"
    )
    results = quiet_fit(spec, frame)
    assert results.instruments == ("z1", "z2")
    assert results.names == ("d", "a")
    dropped = [n for n in results.diagnostics if n.code.startswith("dropped")]
    assert {n.data["column"] for n in dropped} == {"copy", "sum", "terrain"}
    with pytest.raises(IdentificationError):
        quiet_fit(
            FixedEffectsIV("y", ["a"], ["d"], ["copy", "terrain"], collinear="drop"),
            frame,
        )


def test_a_spec_is_a_value() -> None:
    assert SPEC.replace() == SPEC
    assert SPEC.terms == ("y", "d", "z1", "z2", "a", "b")
    assert SPEC.swap("z2", "z3").instruments == ("z1", "z3")
    assert SPEC.drop("a", "b").x == ()
    assert pickle.loads(pickle.dumps(SPEC)) == SPEC


def test_absorbed_slopes_are_those_written_out() -> None:
    """Slopes by region absorbed, or as controls: the same statistics.

    The same estimates, set and first-stage statistics.
    """
    frame = make_frame(7)
    for region in range(1, 5):
        frame[f"trend{region}"] = (frame["region"] == region) * (frame["year"] - 2000.0)
    trends = [f"trend{region}" for region in range(1, 5)]
    absorbed = quiet_fit(SPEC.replace(absorb=("region[year]",), ssc="none"), frame)
    written = quiet_fit(SPEC.replace(x=("a", "b", *trends), ssc="none"), frame)
    names = ["d", "a", "b"]
    np.testing.assert_allclose(absorbed.params[names], written.params[names], rtol=1e-8)
    np.testing.assert_allclose(
        absorbed.std_errors[names], written.std_errors[names], rtol=1e-8
    )
    # Sets leave out clusters, and only slopes that are written out are then estimated
    # again.
    ((low, high),), ((wide_low, wide_high),) = (
        absorbed.anderson_rubin(),
        written.anderson_rubin(),
    )
    assert wide_low < low < absorbed.params["d"] < high < wide_high
    robust = {"cov_type": "robust", "ssc": "none"}
    sets = [
        quiet_fit(spec, frame).anderson_rubin()
        for spec in (
            SPEC.replace(absorb=("region[year]",), **robust),
            SPEC.replace(x=("a", "b", *trends), **robust),
        )
    ]
    np.testing.assert_allclose(*sets, rtol=1e-7)
    for name in ("kp_rk_f", "cragg_donald", "effective_f"):
        assert absorbed.iv_tests[name] == pytest.approx(
            written.iv_tests[name], rel=1e-8
        )


def _listed_firms(firms=60, years=6, industries=4, seed=5):
    """Firms of industries with shocks by year; a third moves to another industry."""
    rng = np.random.default_rng(seed)
    firm, year = (a.ravel() for a in np.indices((firms, years)))
    industry = rng.integers(industries, size=firms)[firm]
    later = rng.integers(industries, size=firms)[firm]
    industry = np.where((firm % 3 == 0) & (year > 2), later, industry)
    own = rng.normal(size=firm.size)
    shock = rng.normal(size=(industries, years))[industry, year]
    df = pd.DataFrame({"firm": firm, "year": year, "industry": industry})
    df["x"] = shock + own
    df["y"] = 0.5 * df["x"] + own + rng.normal(size=firm.size)
    groups = df.groupby(["industry", "year"])["x"]
    total, size = groups.transform("sum"), groups.transform("count")
    df["z"] = (total - df["x"]) / (size - 1)
    return df[(size > 2) & (rng.uniform(size=firm.size) < 0.9)]


def test_a_mean_of_the_others_beside_the_effects_of_its_groups_is_reported() -> None:
    df = _listed_firms()
    panel = Panel(df, "firm", "year")
    spec = FixedEffectsIV("y", [], ["x"], ["z"])
    fit = spec.fit(panel)
    assert "own_values" not in {notice.code for notice in fit.diagnostics}
    assert "own_values" not in {
        n.code for n in spec.replace(absorb="industry").fit(panel).diagnostics
    }
    inside = spec.replace(absorb="industry^year")
    with pytest.warns(
        IdentificationWarning, match="in the other rows of each industry.year"
    ):
        mechanical = inside.fit(panel)
    (notice,) = [n for n in mechanical.diagnostics if n.code == "own_values"]
    assert dict(notice.data) == {
        "instrument": "z",
        "endog": "x",
        "effect": "industry^year",
    }
    # The slope of the error in x is what least squares has, and not the true .5.
    plain = FixedEffects("y", ["x"], absorb="industry^year").fit(panel)
    assert abs(mechanical.params["x"] - plain.params["x"]) < 0.1
    assert plain.params["x"] > 1.2
    assert mechanical.iv_tests["effective_f"] > 100
    # A regressor that the instrument moves in some firms only is no such function.
    treated = df.assign(
        z=(df["firm"] % 2) * (df["year"] > 2),
        x=((df["firm"] % 2) * (df["year"] > 2) + (df["firm"] % 5 == 0)).clip(upper=1),
    )
    treated["x"] *= 1.0
    offered = spec.fit(Panel(treated, "firm", "year"))
    assert "own_values" not in {notice.code for notice in offered.diagnostics}


def test_a_mean_with_the_own_row_is_reported_as_an_instrument_of_itself() -> None:
    df = _listed_firms().rename(columns={"firm": "city"})
    df["w"] = np.random.default_rng(2).normal(size=len(df))
    df.loc[::17, "x"] = np.nan
    # Of some firms the mean of a pair is the own value.
    df["pair"] = df["city"] // 2
    spec = FixedEffectsIV("y", [], ["x"], ["z"])
    for group, column in (("industry", "x"), ("pair", "x"), ("industry", "w")):
        df["z"] = df.groupby([group, "year"])[column].transform("mean")
        fit = quiet_fit(spec, df)
        made = [n.data for n in fit.diagnostics if n.code == "made_from"]
        about = {"terms": {"z": "x"}, "role": "endog", "of": ("x",)}
        assert made == ([about] if column == "x" else [])


def test_an_exposure_times_a_period_is_no_mean_of_the_others() -> None:
    rng = np.random.default_rng(4)
    city, year = (a.ravel() for a in np.indices((40, 8)))
    exposure, distance, own = rng.uniform(0.1, 1, size=(3, 40))[:, city]
    df = pd.DataFrame({"city": city, "year": year, "x": exposure * (year > 3)})
    df["y"] = 0.5 * df["x"] + rng.normal(size=city.size)
    spec = FixedEffectsIV("y", [], ["x"], ["z"])
    for z in (exposure + distance, np.log(distance), 1 / (exposure - 2 * own)):
        fit = quiet_fit(spec, df.assign(z=z * (year > 3)))
        assert "own_values" not in {notice.code for notice in fit.diagnostics}


@pytest.mark.parametrize("scale", [1.0, 0.01, 7.3])
def test_a_mean_of_the_others_in_another_unit_is_reported(scale: float) -> None:
    df = _listed_firms().rename(columns={"firm": "city"})
    groups = df.groupby(["industry", "year"])["x"]
    total, size = groups.transform("sum"), groups.transform("count")
    df["z"] = scale * (total - df["x"]) / (size - 1)
    spec = FixedEffectsIV("y", [], ["x"], ["z"], absorb="industry^year")
    fit = quiet_fit(spec, df[size > 2])
    assert "own_values" in {notice.code for notice in fit.diagnostics}


def test_many_firms_beside_industry_years() -> None:
    rng = np.random.default_rng(1)
    df = _listed_firms(firms=2500, years=8, industries=50, seed=8)
    df["w"] = df["x"] + rng.normal(size=len(df))
    df["x"] = df["w"] + df["y"]
    spec = FixedEffectsIV("y", [], ["x"], ["w"], absorb="industry^year")
    fit = spec.fit(Panel(df, "firm", "year"))
    ((low, high),) = fit.anderson_rubin()
    assert low < fit.params["x"] < high
    # The cluster jackknife of the reduced form is that of the regression itself.
    form = FixedEffects("y", ["w"], absorb="industry^year", cov_type="crv3")
    jackknifed = form.fit(Panel(df, "firm", "year"))
    forms = fit.reduced_forms
    np.testing.assert_allclose(
        abs(forms.slopes[0, 0]) / np.sqrt(forms.covariance[0, 0]),
        jackknifed.params["w"] / jackknifed.std_errors["w"],
        rtol=1e-7,
    )


@pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
def test_tests_of_a_fit_without_residuals_are_missing() -> None:
    signs = np.random.default_rng(4).choice([-1.0, 1.0], size=(3, 16))
    frame = pd.DataFrame(dict(zip("xzw", signs, strict=True)))
    frame = frame.assign(i=np.repeat(range(4), 4), t=np.tile(range(4), 4), y=frame["x"])
    spec = FixedEffectsIV("y", [], ["x"], ["z", "w"], time_effects=False)
    fit = spec.fit(Panel(frame, "i", "t"))
    assert fit.params["x"] == 1
    assert "perfect_fit" in [notice.code for notice in fit.diagnostics]
    for name in ("sargan", "hansen_j"):
        assert np.isnan(fit.iv_tests[name].statistic)
