"""Mediation beside an oracle that knows formulas only; both beside numbers."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from functools import cache
from itertools import cycle, product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper import Mediation, Panel
from digiprosper.kernels.resampling import draw_counts, seed_sequence
from tests.mediation import mediation_oracle as oracle
from tests.mediation.mediation_oracle import Model

REFERENCE = Path(__file__).parents[1] / "reference" / "mediation.json"
GOLDEN = {
    case["case"]: case["values"]
    for case in json.loads(REFERENCE.read_text(encoding="utf-8"))["cases"]
}
SHAPES = ("balanced", "unbalanced", "holes")
DESIGNS = {
    "two-way": {},
    "entity": {"effects": ("city",)},
    "time": {"effects": ("year",)},
    "none": {"effects": ()},
    "region-year": {"effects": ("city", "year", "region^year")},
    "regions drawn": {"clusters": "region"},
    "region-year, regions drawn": {
        "effects": ("city", "year", "region^year"),
        "clusters": "region",
    },
}
TWO, W = {"mediators": ("m1", "m2"), "controls": ("w1",)}, {"moderator": "w"}
STRUCTURES = {
    "one": {"controls": ("w1", "w2")},
    "two": TWO,
    "serial": TWO | {"structure": "serial"},
    "serial of three": {"mediators": ("m2", "m1", "m3"), "structure": "serial"},
    "a moderated": W | {"moderates": ("a",)},
    "b moderated": W | {"moderates": ("b",)},
    "both moderated": TWO | W | {"moderates": ("a", "b")},
    "direct moderated": W | {"moderates": ("direct",)},
    "all moderated": TWO | W | {"moderates": ("a", "b", "direct")},
    "moderator a control": W | {"moderates": ("a",), "controls": ("w", "w1")},
    "two, b and direct moderated": TWO | W | {"moderates": ("b", "direct")},
    "threshold": {"threshold": "q", "gamma": 0.2},
    "threshold, two": TWO | {"threshold": "q", "gamma": -0.4},
    "threshold, one level": {"threshold": "q", "gamma": 0.2, "regime_intercept": False},
    "square in a": TWO | {"quadratic": ("a",)},
    "square in direct": {"quadratic": ("direct",)},
    "squares": {"quadratic": ("a", "direct"), "controls": ("w1",)},
}
# Every structure on one design, every second one on another, then four in turn on every
# design and shape.
WIDE = [("unbalanced", "two-way", s) for s in STRUCTURES]
WIDE += [("holes", "regions drawn", s) for s in [*STRUCTURES][::2]]
TURN = zip(
    product(DESIGNS, SHAPES),
    cycle(["two", "all moderated", "threshold", "serial"]),
    strict=False,
)
CASES = list(
    dict.fromkeys([*WIDE, *((shape, design, s) for (design, shape), s in TURN)])
)
REPS, CHECKED = 20, 5


@cache
def make(shape="balanced", seed=0, n=30, periods=6, *, a=0.6, b=0.5, direct=0.3):
    """Three mediators, two controls, a moderator, a threshold; ten regions.

    Regions have three cities. The threshold is its variable.
    """
    rng = np.random.default_rng(seed)
    city, year = (
        v.ravel()
        for v in np.meshgrid(np.arange(n), 2001 + np.arange(periods), indexing="ij")
    )

    def draw():
        return (
            rng.normal(size=n)[city]
            + rng.normal(size=periods)[year - 2001]
            + rng.normal(size=city.size)
        )

    frame = pd.DataFrame(
        {"city": city, "year": year, "region": city % 10, "w1": draw(), "w2": draw()}
    )
    frame["w"], frame["q"] = 2 + 0.5 * draw(), 0.5 * draw()
    frame["x"] = draw() + 0.4 * frame["w1"]
    frame["m1"] = (
        (a + 0.2 * frame["w"]) * frame["x"]
        + 0.1 * frame["x"] ** 2
        + 0.3 * frame["w2"]
        + draw()
    )
    frame["m2"] = -0.4 * frame["x"] + 0.2 * frame["m1"] + draw()
    frame["m3"] = 0.3 * frame["m1"] + 0.2 * frame["m2"] + 0.1 * frame["w"] + draw()
    slope = b + 0.3 * (frame["q"] > 0)
    frame["y"] = (
        direct * frame["x"]
        + slope * frame["m1"]
        + 0.2 * frame["m2"]
        + 0.1 * frame["w1"]
        + draw()
    )
    if shape == "balanced":
        return frame
    late = frame["year"] < 2001 + frame["city"] % 4
    frame = frame[~late].reset_index(drop=True)
    if shape == "holes":
        frame = frame[rng.random(len(frame)) < 0.9].reset_index(drop=True)
        for name in ("m1", "w", "q"):
            frame.loc[rng.random(len(frame)) < 0.02, name] = np.nan
    return frame.sample(frac=1, random_state=seed).reset_index(drop=True)


def specification(model, **options):
    extra = tuple(effect for effect in model.effects if effect not in ("city", "year"))
    threshold = (
        model.threshold if model.gamma is None else (model.threshold, model.gamma)
    )
    return Mediation(
        model.y,
        model.x,
        model.mediators,
        model.controls,
        structure=model.structure,
        moderator=model.moderator,
        moderates=model.moderates,
        threshold=threshold,
        regime_intercept=model.regime_intercept,
        quadratic=model.quadratic,
        absorb=extra,
        entity_effects="city" in model.effects,
        time_effects="year" in model.effects,
        clusters=None if model.clusters == "city" else model.clusters,
        **options,
    )


def fit(model, frame, rng=5, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        return specification(model, **options).fit(
            Panel(frame, "city", "year"), rng=rng
        )


def counts(rows, reps, rng=5):
    return draw_counts(seed_sequence(rng), rows["cluster"].max() + 1, reps).astype(int)


@cache
def case(shape, design, structure, ssc="reghdfe", reps=REPS):
    """Results, the oracle's rows, and the model."""
    frame, model = make(shape), Model(**(DESIGNS[design] | STRUCTURES[structure]))
    return fit(model, frame, ssc=ssc, reps=reps), oracle.sample(frame, model), model


def missing(values, ends):
    """True where the proportion is to be missing."""
    return values["direct"] * values["indirect"] < 0 or ends[0] <= 0 <= ends[1]


# --- the oracle itself ----------------------------------------------------------------


def us_states():
    names = {
        "log(gsp)": "y",
        "log(pcap)": "x",
        "log(emp)": "m1",
        "log(pc)": "w1",
        "unemp": "w2",
    }
    frame = dp.datasets.us_states().frame.reset_index()
    keys = frame.columns[:2]
    for term, name in names.items():
        column = term.removeprefix("log(").removesuffix(")")
        frame[name] = np.log(frame[column]) if "(" in term else frame[column]
    return frame.rename(columns=dict(zip(keys, ("city", "year"), strict=True)))


def test_oracle_gives_the_numbers_of_r_and_lavaan() -> None:
    want, model = GOLDEN["munnell-two-way"], Model(controls=("w1", "w2"))
    rows = oracle.sample(us_states(), model)
    got = oracle.estimate(rows, model)
    a, b, c = ("mediator:m1", "x"), ("outcome", "m1"), ("total", "x")
    assert got["total"]["x"] == pytest.approx(want["c"], rel=1e-10)
    assert got["mediator:m1"]["x"] == pytest.approx(want["a"], rel=1e-10)
    assert got["outcome"]["m1"] == pytest.approx(want["b"], rel=1e-10)
    values = oracle.terms(got, rows, model)
    assert values["direct"] == pytest.approx(want["direct"], rel=1e-10)
    assert values["indirect:m1"] == pytest.approx(want["indirect"], rel=1e-10)
    assert values["proportion_mediated"] == pytest.approx(want["ratio"], rel=1e-10)
    v, (plain, df) = (
        oracle.joint_covariance(rows, model, "none"),
        oracle.unadjusted_covariance(rows, model),
    )
    assert df == {"total": 749, "mediator:m1": 749, "outcome": 748}
    for names, covariance in (("clustered", v), ("unadjusted", plain)):
        errors = np.sqrt(pd.Series(np.diag(covariance), covariance.index))
        for name, place in (
            ("se_c", c),
            ("se_a", a),
            ("se_b", b),
            ("se_direct", ("outcome", "x")),
        ):
            assert errors[place] == pytest.approx(want[names][name], rel=1e-9)
        se, z, _ = oracle.product_test(
            want["a"], want["b"], errors[a], errors[b], "sobel"
        )
        assert (se, z) == pytest.approx(
            (want[names]["sobel_se"], want[names]["sobel_z"]), rel=1e-9
        )
    assert (v.loc[a, a], v.loc[b, b]) == pytest.approx(
        (0.0132660090649, 0.00691190134248), rel=1e-9
    )
    assert v.loc[a, b] == pytest.approx(-0.000322281775699, rel=1e-9)
    joint = oracle.delta_covariance(rows, model, "none")
    assert np.sqrt(joint.loc["indirect", "indirect"]) == pytest.approx(
        want["delta"]["se"], rel=1e-9
    )
    assert joint.loc["total", "total"] == pytest.approx(v.loc[c, c], rel=1e-12)


@pytest.mark.further
def test_oracle_equals_statsmodels_and_linearmodels() -> None:
    from linearmodels.panel import PanelOLS
    from statsmodels.regression.linear_model import OLS

    frame, model = (
        make("holes"),
        Model(mediators=("m1", "m2"), controls=("w1",), structure="serial"),
    )
    rows = oracle.sample(frame, model)
    v, (plain, df) = (
        oracle.joint_covariance(rows, model, "reghdfe"),
        oracle.unadjusted_covariance(rows, model),
    )
    absorbed = oracle.dummies(rows, model)[:, 1:]
    for name, (y, x) in oracle.equations(model).items():
        ols = OLS(rows[y], np.hstack([rows[x], absorbed])).fit()
        np.testing.assert_allclose(
            oracle.estimate(rows, model)[name], ols.params[: len(x)], rtol=1e-9
        )
        np.testing.assert_allclose(
            np.sqrt(np.diag(plain.loc[name, name])), ols.bse[: len(x)], rtol=1e-9
        )
        assert df[name] == ols.df_resid
        panel = rows.set_index(["city", "year"])
        peer = PanelOLS(panel[y], panel[x], entity_effects=True, time_effects=True)
        clustered = peer.fit(
            cov_type="clustered",
            cluster_entity=True,
            debiased=False,
            auto_df=False,
            count_effects=False,
        )
        groups, n = rows["city"].nunique(), len(rows)
        nest = len(x) + 1 + rows["year"].nunique() - 1
        scale = groups / (groups - 1) * (n - 1) / (n - nest)
        np.testing.assert_allclose(v.loc[name, name] / scale, clustered.cov, rtol=1e-8)


def test_oracle_keeps_the_identity_and_the_total_of_chains() -> None:
    model = Model(mediators=("m1", "m2", "m3"), controls=("w1",))
    rows = oracle.sample(make("unbalanced"), model)
    chained = replace(model, structure="serial")
    parallel, serial = (
        oracle.terms(oracle.estimate(rows, m), rows, m) for m in (model, chained)
    )
    assert parallel["total"] == pytest.approx(
        parallel["direct"] + parallel["indirect"], rel=1e-12
    )
    assert serial["indirect"] == pytest.approx(parallel["indirect"], rel=1e-12)
    assert sum(name.startswith("indirect:") for name in serial) == 7
    drawn = oracle.redraw(rows, model, counts(rows, 1)[0])
    values = oracle.terms(oracle.estimate(drawn, model), rows, model)
    assert values["total"] == pytest.approx(
        values["direct"] + values["indirect"], rel=1e-11
    )


@pytest.mark.further
def test_oracle_adjusts_p_values_as_statsmodels() -> None:
    from statsmodels.stats.multitest import multipletests

    p = np.array([0.04, 0.001, 0.03, 0.5, 0.03])
    np.testing.assert_allclose(oracle.holm(p), multipletests(p, method="holm")[1])


@pytest.mark.peers
def test_oracle_on_the_cross_section() -> None:
    pingouin = pytest.importorskip("pingouin")
    frame = pingouin.read_dataset("mediation").assign(
        city=lambda d: np.arange(len(d)), year=0
    )
    want, model = (
        GOLDEN["hayes-cross-section"],
        Model(y="Y", x="X", mediators=("M",), effects=()),
    )
    rows = oracle.sample(frame, model)
    values = oracle.terms(oracle.estimate(rows, model), rows, model)
    assert values["indirect"] == pytest.approx(want["indirect"], rel=1e-10)
    errors = np.sqrt(np.diag(oracle.unadjusted_covariance(rows, model)[0]))
    np.testing.assert_allclose(
        errors, [want[f"se_{k}"] for k in ("c", "a", "direct", "b")], rtol=1e-10
    )
    for kind in ("sobel", "aroian", "goodman"):
        se, z, p = oracle.product_test(
            want["a"], want["b"], want["se_a"], want["se_b"], kind
        )
        assert (se, z) == pytest.approx(
            (want[f"{kind}_se"], want[f"{kind}_z"]), rel=1e-10
        )
        assert kind != "sobel" or p == pytest.approx(want["sobel_p"], rel=1e-9)
    assert oracle.acceleration(
        oracle.delete_one(rows, model)["indirect"]
    ) == pytest.approx(-0.00413438574806, rel=1e-10)
    v = np.diag([want["se_a"] ** 2, want["se_b"] ** 2])
    assert oracle.monte_carlo(want["a"], want["b"], v) == pytest.approx(
        (0.20781, 0.53175), abs=2e-3
    )


@pytest.mark.peers
def test_two_mediators() -> None:
    pingouin = pytest.importorskip("pingouin")
    frame = pingouin.read_dataset("mediation").assign(
        city=lambda d: np.arange(len(d)), year=0
    )
    model = Model(y="Y", x="X", mediators=("M", "W1"), effects=())
    rows = oracle.sample(frame, model)
    plain, _ = oracle.unadjusted_covariance(rows, model, divisor=len(rows))
    v = oracle.delta_covariance(rows, model, covariance=plain)
    errors = np.sqrt(pd.Series(np.diag(v), v.index))
    for name, value in {
        "indirect:M": 0.0815404520427,
        "indirect:W1": 0.0191562890179,
    }.items():
        assert errors[name] == pytest.approx(value, rel=1e-8)
    assert errors["indirect"] == pytest.approx(0.0829398492323, rel=1e-8)
    contrast = v.loc["indirect:M", "indirect:M"] + v.loc["indirect:W1", "indirect:W1"]
    contrast -= 2 * v.loc["indirect:M", "indirect:W1"]
    assert np.sqrt(contrast) == pytest.approx(0.0845730386461, rel=1e-8)
    options = {
        "entity_effects": False,
        "time_effects": False,
        "cov_type": "unadjusted",
        "ssc": "none",
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        results = Mediation("Y", "X", ["M", "W1"], reps=99, **options).fit(
            Panel(frame, "city", "year"), rng=1
        )
    assert results.std_errors["indirect"] == pytest.approx(0.0829398492323, rel=1e-8)
    assert results.contrasts()["std_error"].iloc[0] == pytest.approx(
        0.0845730386461, rel=1e-8
    )


# --- estimates, draws, covariances ----------------------------------------------------


@pytest.mark.parametrize(("shape", "design", "structure"), CASES)
@pytest.mark.many(3)
def test_estimates(shape, design, structure) -> None:
    results, rows, model = case(shape, design, structure)
    coefficients = oracle.estimate(rows, model)
    want = oracle.terms(coefficients, rows, model)
    assert results.nobs == len(rows)
    assert set(results.params.index) == set(want)
    if missing(want, oracle.ends(results.draws["total"], (0.025, 0.975))):
        assert np.isnan(results.params["proportion_mediated"])
        del want["proportion_mediated"]
    got = results.params[list(want)]
    np.testing.assert_allclose(
        got, list(want.values()), rtol=1e-10, atol=1e-12, err_msg=str(list(want))
    )
    v = oracle.joint_covariance(rows, model, "reghdfe")
    for name, part in coefficients.items():
        if name == "total" and not model.plain:
            continue
        path = results.paths[name]
        np.testing.assert_allclose(
            path.params[part.index], part, rtol=1e-10, atol=1e-12, err_msg=name
        )
        errors = np.sqrt(np.diag(v.loc[name, name]))
        np.testing.assert_allclose(
            path.std_errors[part.index], errors, rtol=1e-9, err_msg=name
        )
        assert set(path.params.index) - {"Intercept"} == set(part.index)


@pytest.mark.parametrize(("shape", "design", "structure"), CASES)
@pytest.mark.many(4)
def test_draws(shape, design, structure) -> None:
    results, rows, model = case(shape, design, structure)
    want = oracle.replay(rows, model, counts(rows, REPS)[:CHECKED])
    assert results.draws.shape == (REPS, want.shape[1])
    if np.isnan(results.params["proportion_mediated"]):
        assert results.draws["proportion_mediated"].isna().all()
        del want["proportion_mediated"]
    for name in want:
        got = results.draws[name].iloc[:CHECKED]
        np.testing.assert_allclose(
            got, want[name], rtol=1e-10, atol=1e-11, err_msg=name
        )


@pytest.mark.parametrize(
    ("shape", "design", "structure", "ssc"),
    [
        *((*names, "reghdfe") for names in CASES),
        *((*names, "none") for names in WIDE[::2]),
    ],
)
@pytest.mark.many(3)
def test_joint_delta_covariance(shape, design, structure, ssc) -> None:
    results, rows, model = case(shape, design, structure, ssc)
    want = oracle.delta_covariance(rows, model, ssc)
    if np.isnan(results.params["proportion_mediated"]):
        assert results.cov["proportion_mediated"].isna().all()
        want = want.drop(index="proportion_mediated", columns="proportion_mediated")
    errors = np.sqrt(np.diag(want))
    gap = (results.cov.loc[want.index, want.columns] - want) / np.outer(errors, errors)
    assert gap.abs().to_numpy().max() < 1e-9, gap.abs().max()


@pytest.mark.parametrize("ssc", ["none", "reghdfe"])
def test_unadjusted_covariance(ssc) -> None:
    model = Model(**TWO)
    rows = oracle.sample(make("unbalanced"), model)
    results = fit(model, make("unbalanced"), cov_type="unadjusted", ssc=ssc, reps=REPS)
    plain, _ = oracle.unadjusted_covariance(
        rows, model, divisor=len(rows) if ssc == "none" else None
    )
    want = oracle.delta_covariance(rows, model, covariance=plain)
    names = ["total", "direct", "indirect", "indirect:m1", "indirect:m2"]
    np.testing.assert_allclose(
        results.cov.loc[names, names], want.loc[names, names], rtol=1e-9
    )


@pytest.mark.further
def test_a_draw_in_which_the_treatment_does_not_vary_is_missing() -> None:
    frame = make("unbalanced").copy()
    frame["x"] = ((frame["city"] < 3) & (frame["year"] > 2004)).astype(float)
    model = Model(controls=("w1",))
    results, rows = fit(model, frame, reps=99), oracle.sample(frame, model)
    want = oracle.replay(rows, model, counts(rows, 99))["total"].isna()
    assert want.any()
    np.testing.assert_array_equal(results.draws["total"].isna(), want)
    assert results.draws[want.to_numpy()].isna().all().all()
    got = (
        results.interval()
        .loc["total", ["conf_low", "conf_high", "p_value"]]
        .astype(float)
    )
    np.testing.assert_allclose(
        got, oracle.percentile(results.draws["total"].to_numpy()), rtol=1e-12
    )


# --- intervals ------------------------------------------------------------------------

FEW = [("unbalanced", "two-way", "two"), ("holes", "regions drawn", "all moderated")]


@pytest.mark.many(1)
@pytest.mark.parametrize("level", [0.9, 0.95])
@pytest.mark.parametrize(("shape", "design", "structure"), FEW)
def test_intervals(shape, design, structure, level) -> None:
    results, rows, model = case(shape, design, structure, reps=199)
    jackknife, df = oracle.delete_one(rows, model), rows["cluster"].max()
    tables = {
        name: results.interval(name, level=level)
        for name in ("percentile", "delta", "bc", "bca")
    }
    for term in results.params.index:
        value, draws = results.params[term], results.draws[term].to_numpy()
        if np.isnan(value):
            continue
        want = {
            "percentile": oracle.percentile(draws, level),
            "delta": oracle.delta_interval(value, results.std_errors[term], df, level),
            "bc": oracle.corrected(draws, value, level=level),
            "bca": oracle.corrected(
                draws, value, oracle.acceleration(jackknife[term]), level
            ),
        }
        for name, numbers in want.items():
            row = (
                tables[name]
                .loc[term, ["estimate", "conf_low", "conf_high", "p_value"]]
                .astype(float)
            )
            np.testing.assert_allclose(
                row, (value, *numbers), rtol=1e-9, err_msg=f"{name} {term}"
            )


@pytest.mark.parametrize(("n", "few"), [(15, True), (60, False)])
def test_monte_carlo_interval(n, few) -> None:
    frame, model = make("balanced", n=n), Model(controls=("w1",))
    rows = oracle.sample(frame, model)
    places = [("mediator:m1", "x"), ("outcome", "m1")]
    v, got = (
        oracle.joint_covariance(rows, model, "reghdfe"),
        oracle.estimate(rows, model),
    )
    want = oracle.monte_carlo(
        got["mediator:m1"]["x"],
        got["outcome"]["m1"],
        v.loc[places, places].to_numpy(),
        df=n - 1 if few else None,
    )
    row = fit(model, frame, reps=4999).interval("monte_carlo").loc["indirect:m1"]
    width = want[1] - want[0]
    # Ends of some thousand draws move by half to 1% of the width; t(14) instead of the
    # normal by 5%.
    assert (row["conf_low"], row["conf_high"]) == pytest.approx(want, abs=0.025 * width)
    assert row["p_value"] < 0.01


# --- tests ----------------------------------------------------------------------------


def path_errors(rows, model, ssc="reghdfe"):
    v = oracle.joint_covariance(rows, model, ssc)
    return np.sqrt(pd.Series(np.diag(v), v.index))


@pytest.mark.parametrize(("shape", "design", "structure"), FEW[:1])
def test_product_tests_and_joint_significance(shape, design, structure) -> None:
    results, rows, model = case(shape, design, structure, reps=199)
    errors, got, df = (
        path_errors(rows, model),
        oracle.estimate(rows, model),
        rows["cluster"].max(),
    )
    joint = results.joint_significance()
    for m in model.mediators:
        a, b = got[f"mediator:{m}"]["x"], got["outcome"][m]
        s_a, s_b = errors[f"mediator:{m}", "x"], errors["outcome", m]
        for kind in ("sobel", "aroian", "goodman"):
            row = results.sobel(kind).loc[
                f"indirect:{m}", ["estimate", "std_error", "statistic", "p_value"]
            ]
            want = (a * b, *oracle.product_test(a, b, s_a, s_b, kind))
            np.testing.assert_allclose(row.astype(float), want, rtol=1e-9)
        p = oracle.two_sided(a, s_a, df), oracle.two_sided(b, s_b, df)
        row = joint.loc[f"indirect:{m}", ["p_a", "p_b", "p_value"]].astype(float)
        np.testing.assert_allclose(row, (*p, max(p)), rtol=1e-7)


@pytest.mark.parametrize(("shape", "design", "structure"), FEW[:1])
def test_contrasts(shape, design, structure) -> None:
    results, rows, model = case(shape, design, structure, reps=199)
    v, values = (
        oracle.delta_covariance(rows, model),
        oracle.terms(oracle.estimate(rows, model), rows, model),
    )
    one, two = "indirect:m1", "indirect:m2"
    row = results.contrasts().iloc[0]
    assert row["estimate"] == pytest.approx(values[one] - values[two], rel=1e-9)
    ends = oracle.percentile((results.draws[one] - results.draws[two]).to_numpy())
    got = row[["conf_low", "conf_high", "p_value"]].astype(float)
    np.testing.assert_allclose(got, ends, rtol=1e-9)
    variance = v.loc[one, one] + v.loc[two, two] - 2 * v.loc[one, two]
    assert row["std_error"] == pytest.approx(np.sqrt(variance), rel=1e-9)


@pytest.mark.further
def test_two_step() -> None:
    frame = make("holes", a=-0.25)
    model = Model(mediators=("m1", "m2", "m3"), controls=("w1",))
    results, rows = fit(model, frame, reps=99), oracle.sample(frame, model)
    names = [f"mediator:{m}" for m in model.mediators]
    got, errors = oracle.estimate(rows, model), path_errors(rows, model)
    a, s = (
        np.array([got[n]["x"] for n in names]),
        np.array([errors[n, "x"] for n in names]),
    )
    drawn = [
        oracle.estimate(oracle.redraw(rows, model, c), model) for c in counts(rows, 99)
    ]
    draws = np.array([[part[n]["x"] for n in names] for part in drawn])
    p = oracle.two_sided(a, s, rows["cluster"].max())
    want = pd.DataFrame(
        {
            "estimate": a,
            "std_error": s,
            "statistic": a / s,
            "p_value": p,
            "p_holm": oracle.holm(p),
            "p_romano_wolf": oracle.romano_wolf(a, s, draws),
        },
        index=list(model.mediators),
    )
    table = results.two_step()
    assert set(want) <= set(table)
    np.testing.assert_allclose(table.loc[want.index, list(want)], want, rtol=1e-7)
    assert 0.02 < want["p_romano_wolf"].max() < 0.98


BRANCHES = {
    "partial mediation": {"direct": 0.8},
    "masking": {"direct": -1.2},
    "complete mediation": {"direct": 0.0},
    "no indirect effect": {"b": -0.15, "direct": 0.3},
}


@pytest.mark.parametrize("branch", BRANCHES)
def test_decision(branch) -> None:
    frame, model = make("unbalanced", **BRANCHES[branch]), Model(controls=("w1",))
    results, rows = fit(model, frame, reps=199), oracle.sample(frame, model)
    got, errors, df = (
        oracle.estimate(rows, model),
        path_errors(rows, model),
        rows["cluster"].max(),
    )
    places = {
        "c": ("total", "x"),
        "a": ("mediator:m1", "x"),
        "b": ("outcome", "m1"),
        "direct": ("outcome", "x"),
    }
    values = {name: got[place[0]][place[1]] for name, place in places.items()}
    p = {
        name: oracle.two_sided(values[name], errors[place], df)
        for name, place in places.items()
    }
    values["ab"] = values["a"] * values["b"]
    p["ab"] = oracle.percentile(results.draws["indirect:m1"])[2]
    want, verdict = oracle.wen_ye(values, p), results.decision()
    assert verdict.branch == want["branch"] == branch
    assert verdict.zhao == want["zhao"]
    assert list(verdict.steps["reached"]) == want["reached"]
    assert list(verdict.steps["passed"].iloc[:4]) == want["passed"][:4]
    p_values = verdict.steps["p_value"].iloc[:4].astype(float)
    np.testing.assert_allclose(
        p_values, [p["c"], max(p["a"], p["b"]), p["ab"], p["direct"]], rtol=1e-7
    )
    if not np.isnan(want["ratio"]):
        assert verdict.ratio == pytest.approx(want["ratio"], rel=1e-9)


# --- sensitivity ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "design", "structure"),
    [
        ("unbalanced", "two-way", "two"),
        ("holes", "region-year, regions drawn", "one"),
        ("balanced", "none", "one"),
        ("unbalanced", "two-way", "serial"),
    ],
)
@pytest.mark.further
def test_sensitivity(shape, design, structure) -> None:
    results, rows, model = case(shape, design, structure, reps=40)
    redrawn = [oracle.redraw(rows, model, count) for count in counts(rows, 40)]
    for mediator in model.mediators:
        moments = oracle.residual_moments(rows, model, mediator)
        actual, ab = (
            results.sensitivity(mediator),
            results.params[f"indirect:{mediator}"],
        )
        assert actual.rho_at_zero == pytest.approx(moments[3], rel=1e-9)
        assert actual.r2_at_zero == pytest.approx(moments[3] ** 2, rel=1e-9)
        assert oracle.indirect_at(moments, 0.0) == pytest.approx(ab, rel=1e-9)
        drawn = [oracle.residual_moments(part, model, mediator) for part in redrawn]
        curve = actual.curve[actual.curve["rho"].abs() < 1]
        for _, row in curve.iloc[:: max(1, len(curve) // 7)].iterrows():
            low, high = oracle.ends(
                [oracle.indirect_at(m, row["rho"]) for m in drawn], (0.025, 0.975)
            )
            want = oracle.indirect_at(moments, row["rho"]), low, high
            got = row[["indirect", "conf_low", "conf_high"]].astype(float)
            np.testing.assert_allclose(got, want, rtol=1e-8)


@pytest.mark.parametrize("mediator", ["m1", "m2"])
@pytest.mark.parametrize(
    ("shape", "design", "structure"), [FEW[0], ("holes", "regions drawn", "two")]
)
def test_robustness_value(shape, design, structure, mediator) -> None:
    results, rows, model = case(shape, design, structure)
    v, df = oracle.unadjusted_covariance(rows, model)
    got, table = oracle.estimate(rows, model), results.robustness_value(mediator)
    for label, place in {
        "a": (f"mediator:{mediator}", "x"),
        "b": ("outcome", mediator),
    }.items():
        t = got[place[0]][place[1]] / np.sqrt(v.loc[place, place])
        row = table.loc[label, ["partial_r2", "rv", "rv_alpha"]].astype(float)
        np.testing.assert_allclose(
            row, oracle.robustness_value(t, df[place[0]]), rtol=1e-8, atol=1e-12
        )


# --- threshold ------------------------------------------------------------------------


@pytest.mark.many(1)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("clusters", "level"), [("city", True), ("region", True), ("city", False)]
)
def test_searched_threshold(shape, clusters, level) -> None:
    frame = make(shape)
    model = Model(
        controls=("w1",), threshold="q", clusters=clusters, regime_intercept=level
    )
    rows = oracle.sample(frame, model)
    gamma = oracle.search(rows, model)
    results, given = fit(model, frame, reps=REPS), replace(model, gamma=gamma)
    assert isinstance(results.threshold, float)
    assert results.threshold == gamma
    np.testing.assert_array_equal(results.params, fit(given, frame, reps=REPS).params)
    rows = oracle.sample(frame, given)
    want = oracle.replay(rows, given, counts(rows, REPS)[:2])
    for name in want.drop(columns="proportion_mediated"):
        np.testing.assert_allclose(
            results.draws[name].iloc[:2], want[name], rtol=1e-10, atol=1e-11
        )


@pytest.mark.many(2)
@pytest.mark.parametrize("rank", [8, 9, 171, 172])
def test_a_regime_may_have_five_per_cent_of_the_rows(rank) -> None:
    frame = make("balanced").copy()
    assert len(frame) == 180
    frame["y"] += (
        20 * frame["x"] * (frame["q"] <= frame["q"].sort_values().iloc[rank - 1])
    )
    model = Model(threshold="q")
    results = fit(model, frame, reps=REPS)
    assert results.threshold == oracle.search(oracle.sample(frame, model), model)
    assert (frame["q"] <= results.threshold).sum() == min(max(rank, 9), 171)


@pytest.mark.many(1)
@pytest.mark.parametrize(
    ("shape", "effects", "level"),
    [
        ("holes", ("city", "year"), True),
        ("balanced", ("city",), True),
        ("holes", ("city", "year"), False),
    ],
)
def test_threshold_searched_in_every_draw(shape, effects, level) -> None:
    frame = make(shape, n=24)
    frame = frame.assign(q=frame["q"].round(1))
    model = Model(
        controls=("w1",), threshold="q", effects=effects, regime_intercept=level
    )
    rows = oracle.sample(frame, model)
    results, cuts = fit(model, frame, reps=REPS, search_draws=True), set()
    for number, count in enumerate(counts(rows, REPS)[:3]):
        drawn = oracle.redraw(rows, model, count)
        given = replace(model, gamma=oracle.search(drawn, model))
        cuts.add(given.gamma)
        want = oracle.regimes(
            oracle.estimate(oracle.levels(drawn, given), given), given
        )
        got = results.draws[list(want)].iloc[number]
        np.testing.assert_allclose(got, list(want.values()), rtol=1e-9, atol=1e-10)
    assert len(cuts) > 1
