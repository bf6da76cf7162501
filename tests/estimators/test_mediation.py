"""Mediation: outside numbers, the identity, explicit refits, invariances, known truth, refusals."""

from __future__ import annotations

import copy
import json
import pickle
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper import FixedEffects, Mediation, Panel
from digiprosper.errors import (
    CollinearityError,
    ColumnError,
    CovarianceWarning,
    FewClustersWarning,
    FewDrawsWarning,
    IdentificationError,
    IdentificationWarning,
    InputTypeError,
    OptionError,
    SingletonWarning,
    TermError,
)
from digiprosper.kernels.resampling import draw_counts, seed_sequence

REFERENCE = Path(__file__).parents[1] / "reference" / "mediation.json"
GOLDEN = {case["case"]: case for case in json.loads(REFERENCE.read_text(encoding="utf-8"))["cases"]}
MUNNELL = ("log(gsp)", "log(pcap)", "log(emp)", ("log(pc)", "unemp"))


def make(seed=0, n=60, periods=7, keep=0.8, a=0.6, b=0.5, direct=0.3, *, holes=True):
    """A panel with two mediators, two controls, gaps, rows that are missing a value and a region."""
    rng = np.random.default_rng(seed)
    city, year = (v.ravel() for v in np.meshgrid(np.arange(n), 2001 + np.arange(periods), indexing="ij"))

    def draw():
        return rng.normal(size=n)[city] + rng.normal(size=periods)[year - 2001] + rng.normal(size=city.size)

    frame = pd.DataFrame({"city": city, "year": year, "region": city % (n // 2), "w1": draw(), "w2": draw()})
    frame["x"] = draw() + 0.4 * frame["w1"]
    frame["m1"] = a * frame["x"] + 0.3 * frame["w2"] + draw()
    frame["m2"] = -0.4 * frame["x"] + 0.2 * frame["m1"] + draw()
    frame["y"] = direct * frame["x"] + b * frame["m1"] + 0.2 * frame["m2"] + 0.1 * frame["w1"] + draw()
    frame["size"] = rng.normal(size=n)[city]
    if not holes:
        return frame
    kept = frame[(rng.random(city.size) < keep) | (year < 2004)].reset_index(drop=True)
    kept.loc[rng.random(len(kept)) < 0.03, "m2"] = np.nan
    return kept


def quiet(spec, panel, rng=1):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return spec.fit(panel, rng=rng)


# --- outside numbers --------------------------------------------------------------------------------------


@pytest.mark.peers
def test_cross_section_equals_r() -> None:
    pingouin = pytest.importorskip("pingouin")
    frame = pingouin.read_dataset("mediation").assign(id=lambda d: np.arange(len(d)))
    case = GOLDEN["hayes-cross-section"]
    want, rtol = case["values"], case["rtol"]
    spec = Mediation("Y", "X", "M", entity_effects=False, time_effects=False, cov_type="unadjusted", reps=999)
    results = spec.fit(Panel(frame, "id"), rng=1)
    robust = {
        ssc: spec.replace(cov_type="robust", ssc=ssc).fit(Panel(frame, "id"), rng=1).sobel()
        for ssc in ("none", "reghdfe", "linearmodels")
    }
    first, second = results.paths["mediator:M"], results.paths["outcome"]
    got = {
        "c": results.params["total"],
        "se_c": results.std_errors["total"],
        "a": first.params["X"],
        "se_a": first.std_errors["X"],
        "b": second.params["M"],
        "se_b": second.std_errors["M"],
        "direct": results.params["direct"],
        "se_direct": results.std_errors["direct"],
        "indirect": results.params["indirect"],
        "proportion": results.params["proportion_mediated"],
        "sobel_se": results.std_errors["indirect"],
        "sobel_se_hc0": robust["none"].loc["indirect:M", "std_error"],
        "sobel_se_hc1": robust["reghdfe"].loc["indirect:M", "std_error"],
    }
    # R's HC1 is n / (n - k), intercept counted: with robust errors both conventions say so.
    assert robust["linearmodels"].equals(robust["reghdfe"])
    for kind in ("sobel", "aroian", "goodman"):
        row = results.sobel(kind).loc["indirect:M"]
        got |= {f"{kind}_se": row["std_error"], f"{kind}_z": row["statistic"]}
    got["sobel_p"] = results.sobel().loc["indirect:M", "p_value"]
    for name, value in want.items():
        assert got[name] == pytest.approx(value, rel=rtol), name


@pytest.mark.peers
def test_two_mediators_equal_lavaan() -> None:
    pingouin = pytest.importorskip("pingouin")
    frame = pingouin.read_dataset("mediation").assign(id=lambda d: np.arange(len(d)))
    spec = Mediation(
        "Y",
        "X",
        ["M", "W1"],
        entity_effects=False,
        time_effects=False,
        cov_type="unadjusted",
        ssc="none",
        reps=999,
    )
    results = spec.fit(Panel(frame, "id"), rng=1)
    case = GOLDEN["hayes-two-mediators"]
    for name, value in case["values"].items():
        got = results.std_errors[name[3:]] if name.startswith("se_") else results.params[name]
        assert got == pytest.approx(value, rel=case["rtol"]), name


def test_munnell_two_way_equals_r_and_lavaan() -> None:
    case = GOLDEN["munnell-two-way"]
    want, rtol = case["values"], case["rtol"]
    panel = dp.datasets.us_states()
    for cov_type in ("unadjusted", "clustered"):
        spec = Mediation(
            *MUNNELL, cov_type=cov_type, ssc="reghdfe" if cov_type == "unadjusted" else "none", reps=199
        )
        with pytest.warns(IdentificationWarning, match="opposite signs"):
            results = spec.fit(panel, rng=1)
        first, second = results.paths["mediator:log(emp)"], results.paths["outcome"]
        sobel = results.sobel().loc["indirect:log(emp)"]
        got = {
            "se_c": results.std_errors["total"],
            "se_a": first.std_errors["log(pcap)"],
            "se_b": second.std_errors["log(emp)"],
            "se_direct": results.std_errors["direct"],
            "sobel_se": sobel["std_error"],
            "sobel_z": sobel["statistic"],
        }
        for name, value in want[cov_type].items():
            assert got[name] == pytest.approx(value, rel=rtol), (cov_type, name)
        for name in ("direct", "indirect"):
            assert results.params[name] == pytest.approx(want[name], rel=rtol)
        assert results.params["total"] == pytest.approx(want["c"], rel=rtol)
        assert first.params["log(pcap)"] == pytest.approx(want["a"], rel=rtol)
        assert second.params["log(emp)"] == pytest.approx(want["b"], rel=rtol)
        assert np.isnan(results.params["proportion_mediated"])
    assert results.std_errors["indirect"] == pytest.approx(want["delta"]["se"], rel=rtol)
    factor = np.sqrt(48 / 47)
    assert results.std_errors["indirect"] * factor == pytest.approx(want["delta"]["lavaan_cluster"], rel=1e-9)


# --- the identity, and explicit refits --------------------------------------------------------------------


@pytest.mark.parametrize("flags", [(True, True), (True, False), (False, True), (False, False)])
def test_total_is_direct_plus_indirect_in_every_draw(flags) -> None:
    spec = Mediation(
        "y", "x", ["m1", "m2"], ["w1", "w2"], entity_effects=flags[0], time_effects=flags[1], reps=500
    )
    results = quiet(spec, Panel(make(), "city", "year"))
    draws = results.draws
    assert abs(results.params["total"] - results.params["direct"] - results.params["indirect"]) < 1e-12
    assert (draws["total"] - draws["direct"] - draws["indirect"]).abs().max() < 1e-12
    assert (draws["indirect"] - draws["indirect:m1"] - draws["indirect:m2"]).abs().max() < 1e-12
    assert results.lost_draws == 0


def dummies_fit(frame, equation):
    y, x = equation
    blocks = [frame[list(x)].to_numpy()]
    for key in ("copy", "year"):
        codes = np.unique(frame[key], return_inverse=True)[1]
        blocks.append(np.eye(codes.max() + 1)[codes])
    return np.linalg.lstsq(np.column_stack(blocks), frame[y].to_numpy(), rcond=1e-10)[0][: len(x)]


@pytest.mark.parametrize("holes", [False, True], ids=["balanced", "unbalanced"])
@pytest.mark.parametrize("clusters", [None, "region"])
def test_twenty_draws_equal_explicit_refits(holes, clusters) -> None:
    frame = make(n=30, holes=holes)
    spec = Mediation("y", "x", ["m1", "m2"], ["w1", "w2"], clusters=clusters, reps=20)
    results = quiet(spec, Panel(frame, "city", "year"), rng=5)
    assert len(results.draws) == 20
    rows = frame.dropna().sort_values(["city", "year"])
    by = clusters or "city"
    groups = np.unique(rows[by])
    counts = draw_counts(seed_sequence(5), groups.size, 20).astype(int)
    controls = ("w1", "w2")
    for number, count in enumerate(counts):
        pieces = [
            rows[rows[by] == group].assign(copy=lambda d, c=copies: d["city"] * 1000 + c)
            for group, times in zip(groups, count, strict=True)
            for copies in range(times)
        ]
        drawn = pd.concat(pieces)
        total = dummies_fit(drawn, ("y", ("x", *controls)))[0]
        a = [dummies_fit(drawn, (m, ("x", *controls)))[0] for m in ("m1", "m2")]
        direct, b1, b2, *_ = dummies_fit(drawn, ("y", ("x", "m1", "m2", *controls)))
        want = [total, direct, a[0] * b1 + a[1] * b2, a[0] * b1, a[1] * b2]
        np.testing.assert_allclose(results.draw_values[number, :5], want, rtol=1e-9, atol=1e-9)


def test_paths_are_fixed_effects_fits_on_the_common_sample() -> None:
    frame = make()
    results = quiet(Mediation("y", "x", ["m1", "m2"], ["w1"], reps=99), Panel(frame, "city", "year"))
    panel = Panel(frame.dropna(), "city", "year")
    specs = {
        "total": FixedEffects("y", ["x", "w1"]),
        "mediator:m1": FixedEffects("m1", ["x", "w1"]),
        "mediator:m2": FixedEffects("m2", ["x", "w1"]),
        "outcome": FixedEffects("y", ["x", "m1", "m2", "w1"]),
    }
    assert list(results.paths) == list(specs)
    for name, spec in specs.items():
        alone = spec.fit(panel)
        np.testing.assert_allclose(results.paths[name].coefficients, alone.coefficients, rtol=1e-12)
        np.testing.assert_allclose(results.paths[name].covariance, alone.covariance, rtol=1e-12)
    assert results.nobs == len(frame.dropna())
    assert set(results.sample_stats["nobs"]) == {results.nobs}


# --- the joint covariance ---------------------------------------------------------------------------------


@pytest.mark.parametrize("ssc", ["reghdfe", "xtreg", "linearmodels", "plm", "none"])
@pytest.mark.parametrize("cov_type", ["clustered", "robust", "unadjusted", "driscoll_kraay"])
def test_errors_of_total_and_direct_are_those_of_their_equations(cov_type, ssc) -> None:
    spec = Mediation("y", "x", ["m1", "m2"], ["w1"], cov_type=cov_type, ssc=ssc, reps=20)
    results = quiet(spec, Panel(make(), "city", "year"))
    assert results.std_errors["total"] == pytest.approx(results.paths["total"].std_errors["x"], rel=1e-12)
    assert results.std_errors["direct"] == pytest.approx(results.paths["outcome"].std_errors["x"], rel=1e-12)
    np.testing.assert_allclose(results.cov, results.cov.T)


def test_joint_delta_equals_stacked_scores() -> None:
    frame = make(holes=False)
    panel = Panel(frame, "city", "year")
    results = quiet(Mediation("y", "x", "m1", ["w1"], ssc="none", reps=20), panel)
    codes = np.arange(60).repeat(7)

    def influence(y, x):
        columns = frame[[y, *x]]
        swept = columns - columns.groupby(frame["city"]).transform("mean")
        swept = (swept - swept.groupby(frame["year"]).transform("mean")).to_numpy()
        design, outcome = swept[:, 1:], swept[:, 0]
        b = np.linalg.lstsq(design, outcome, rcond=None)[0]
        scores = design * (outcome - design @ b)[:, None]
        sums = np.add.reduceat(scores, np.flatnonzero(np.diff(codes, prepend=-1)))
        return sums @ np.linalg.inv(design.T @ design), b

    (first, a), (second, b) = influence("m1", ["x", "w1"]), influence("y", ["x", "m1", "w1"])
    product = b[1] * first[:, 0] + a[0] * second[:, 1]
    assert results.std_errors["indirect"] == pytest.approx(np.sqrt(product @ product), rel=1e-10)
    whole, _ = influence("y", ["x", "w1"])
    np.testing.assert_allclose(whole[:, 0], second[:, 0] + product, atol=1e-12)


def test_unadjusted_joint_delta_is_sobels() -> None:
    spec = Mediation("y", "x", ["m1", "m2"], ["w1"], cov_type="unadjusted", reps=20)
    results = quiet(spec, Panel(make(), "city", "year"))
    sobel = results.sobel()
    for name in ("indirect:m1", "indirect:m2"):
        assert results.std_errors[name] == pytest.approx(sobel.loc[name, "std_error"], rel=1e-12)


def test_goodmans_variance_may_be_negative() -> None:
    frame = make(a=0.0, b=0.0, seed=3)
    results = quiet(Mediation("y", "x", "m1", reps=20), Panel(frame, "city", "year"))
    nothing = copy.replace(results) if hasattr(copy, "replace") else results
    for name, value in (("mediator:m1", 1e-9), ("outcome", 1e-9)):
        equation = nothing.paths[name]
        equation.coefficients[equation.names.index("x" if name != "outcome" else "m1")] = value
    with pytest.warns(CovarianceWarning, match="negative"):
        row = nothing.sobel("goodman").iloc[0]
    assert np.isnan(row["std_error"])
    assert np.isnan(row["p_value"])
    with pytest.raises(OptionError, match="'aroian'"):
        results.sobel("baron")


# --- randomness -------------------------------------------------------------------------------------------


def test_same_number_same_draws_and_entropy_reproduces() -> None:
    panel = Panel(make(), "city", "year")
    spec = Mediation("y", "x", "m1", reps=200)
    one = quiet(spec, panel, rng=[3, 4])
    again = quiet(spec, panel, rng=one.rng_entropy)
    np.testing.assert_array_equal(one.draw_values, again.draw_values)
    assert one.glance()["rng_entropy"] == one.rng_entropy
    other = quiet(spec, panel, rng=None)
    np.testing.assert_array_equal(other.draw_values, quiet(spec, panel, rng=other.rng_entropy).draw_values)
    assert (other.draw_values != one.draw_values).any()
    generator = np.random.default_rng(8)
    first = quiet(spec, panel, rng=generator)
    np.testing.assert_array_equal(first.draw_values, quiet(spec, panel, rng=first.rng_entropy).draw_values)
    with pytest.raises(InputTypeError, match="source of random numbers"):
        spec.fit(panel, rng="seed")


def test_row_order_and_labels_of_entities_change_nothing() -> None:
    frame = make()
    spec = Mediation("y", "x", ["m1", "m2"], ["w1"], reps=300)
    plain = quiet(spec, Panel(frame, "city", "year"))
    shuffled = quiet(spec, Panel(frame.sample(frac=1, random_state=2), "city", "year"))
    np.testing.assert_array_equal(plain.pvalues, shuffled.pvalues)
    np.testing.assert_allclose(plain.draw_values, shuffled.draw_values, rtol=1e-12, atol=1e-13)
    renamed = frame.assign(city=[f"city {c:03d}" for c in frame["city"]])
    np.testing.assert_array_equal(plain.pvalues, quiet(spec, Panel(renamed, "city", "year")).pvalues)


def test_intervals_follow_rescaling() -> None:
    frame = make()
    spec = Mediation("y", "x", "m1", ["w1"], reps=300)
    plain = quiet(spec, Panel(frame, "city", "year"))
    moved = frame.assign(y=frame["y"] * 1e3 + 1e6, x=frame["x"] * 1e-2, m1=frame["m1"] * 7 - 3)
    scaled = quiet(spec, Panel(moved, "city", "year"))
    for name in ("total", "direct", "indirect"):
        want = 1e5 * plain.interval().loc[name].iloc[:3]
        np.testing.assert_allclose(scaled.interval().loc[name].iloc[:3], want, rtol=1e-6)
    np.testing.assert_array_equal(scaled.pvalues, plain.pvalues)


# --- what the results say ---------------------------------------------------------------------------------


def test_terms_tidy_and_glance() -> None:
    results = quiet(Mediation("y", "x", ["m1", "m2"], ["w1"], reps=999), Panel(make(), "city", "year"))
    names = ["total", "direct", "indirect", "indirect:m1", "indirect:m2", "proportion_mediated"]
    assert list(results.params.index) == list(results.tidy()["term"]) == list(results.draws.columns) == names
    assert isinstance(results, dp.EffectResults)
    assert isinstance(results, dp.Results)
    assert isinstance(results, dp.HasDraws)
    glance = results.glance()
    assert glance["model"] == "Mediation"
    assert (glance["depvar"], glance["effects"], glance["clusters"]) == ("y", "city+year", "city")
    assert (glance["n_clusters"], glance["df_t"], glance["ssc"]) == (60, 59, "reghdfe")
    low, high = np.quantile(results.draws["indirect"], [0.025, 0.975], method="weibull")
    row = results.tidy().set_index("term").loc["indirect"]
    assert (row["conf_low"], row["conf_high"]) == pytest.approx((low, high))
    assert results.interval("delta").loc["indirect", "conf_low"] != row["conf_low"]
    assert (results.pvalues >= 2 / 1000).all()


def test_summary_in_words() -> None:
    results = quiet(
        Mediation("y", "x", ["m1", "m2"], ["w1"], reps=199), Panel(make(), "city", "year"), rng=2026
    )
    lines = results.summary().splitlines()
    assert max(len(line) for line in lines[:-1]) <= 80
    assert lines[0] == "Mediation: x -> m1, m2 -> y"
    assert "Through m1: a = " in results.summary()
    assert lines[-1].startswith("SE clustered by city (G = 60, t 59 df")
    assert lines[-1].endswith("percentile interval, 199 entity draws; rng 2026")
    region = quiet(Mediation("y", "x", "m1", clusters="region", reps=199), Panel(make(), "city", "year"))
    assert "199 region draws" in region.summary()
    assert "30 clusters (region)" in region.summary().replace("\n  ", " ")


def test_copies_and_plain_data() -> None:
    results = quiet(Mediation("y", "x", "m1", reps=99), Panel(make(), "city", "year"))
    for other in (pickle.loads(pickle.dumps(results)), copy.deepcopy(results)):
        assert other.summary() == results.summary()
    plain = json.loads(json.dumps(results.to_dict(), allow_nan=False))
    assert plain["type"] == "MediationResults"
    assert plain["schema"] == 1
    assert list(plain["paths"]) == ["total", "mediator:m1", "outcome"]
    assert plain["mediators"] == ["m1"]


def test_proportion_is_missing_under_masking_and_for_an_unclear_total() -> None:
    panel = Panel(make(b=-0.8, direct=1.2), "city", "year")
    with pytest.warns(IdentificationWarning, match="masking"):
        results = Mediation("y", "x", "m1", ["w1"], reps=199).fit(panel, rng=1)
    assert np.isnan(results.params["proportion_mediated"])
    assert results.cov.loc["proportion_mediated"].isna().all()
    assert results.cov["proportion_mediated"].isna().all()
    assert results.tidy().iloc[-1, 1:].isna().all()
    assert results.draws["proportion_mediated"].isna().all()
    assert np.isfinite(results.cov.loc["total", "total"])
    frame = make(a=0.0, direct=0.0, seed=8, holes=False)
    with pytest.warns(IdentificationWarning, match="missing"):
        unclear = Mediation("y", "x", "m1", ["w1", "m2"], reps=199).fit(Panel(frame, "city", "year"), rng=1)
    assert np.isnan(unclear.params["proportion_mediated"])


def test_known_truth_is_inside() -> None:
    hits = []
    for seed in range(20):
        spec = Mediation("y", "x", ["m1", "m2"], ["w1", "w2"], reps=199)
        ends = quiet(spec, Panel(make(seed), "city", "year")).interval()
        truth = {"direct": 0.3, "indirect:m1": 0.3, "indirect:m2": 0.2 * (-0.4 + 0.2 * 0.6)}
        hits += [ends.loc[t, "conf_low"] < value < ends.loc[t, "conf_high"] for t, value in truth.items()]
    assert (np.array(hits).reshape(20, 3).sum(axis=0) >= 16).all()


def test_few_draws_lost_draws_and_few_clusters_are_said() -> None:
    panel = Panel(make(n=8, holes=False), "city", "year")
    with (
        pytest.warns(FewDrawsWarning, match="p cannot be below"),
        pytest.warns(FewClustersWarning, match="8 clusters"),
    ):
        Mediation("y", "x", ["m1", "m2"], reps=50).fit(panel, rng=0)
    frame = make(n=24, holes=False)
    frame["x"] = ((frame["city"] < 2) & (frame["year"] > 2004)).astype(float)
    frame["m1"] += 9 * frame["x"]
    frame["y"] += 9 * frame["m1"] + 99 * frame["x"]
    with pytest.warns(FewDrawsWarning, match="were lost"):
        results = Mediation("y", "x", "m1", reps=999).fit(Panel(frame, "city", "year"), rng=0)
    assert results.lost_draws > 50
    lost = np.isnan(results.draws["total"])
    assert results.draws[lost].isna().all().all()
    notice = next(n for n in results.diagnostics if n.code == "lost_draws")
    assert notice.data["lost"] == lost.sum()


def test_pooled_panel_warns_and_a_cross_section_does_not() -> None:
    frame = make(holes=False)
    spec = Mediation("y", "x", "m1", entity_effects=False, time_effects=False, reps=199)
    with pytest.warns(IdentificationWarning, match="pooled"):
        results = spec.fit(Panel(frame, "city", "year"), rng=1)
    assert "Intercept" in results.paths["total"].names
    rows = frame[frame["year"] == 2003]
    cross = spec.fit(Panel(rows, "city"), rng=1)
    assert cross.nobs == 60
    assert cross.draws.shape == (199, 5)


def test_singletons_leave_once_for_all_equations() -> None:
    frame = make(holes=False)
    frame = frame[(frame["city"] != 7) | (frame["year"] == 2001)]
    with pytest.warns(SingletonWarning):
        results = Mediation("y", "x", "m1", reps=199).fit(Panel(frame, "city", "year"), rng=1)
    assert results.glance()["n_entities"] == 59
    assert {path.nobs for path in results.paths.values()} == {59 * 7}


def serial(rng, n, periods, rho=0.8):
    """Stationary AR(1) rows, variance one."""
    out = rng.normal(size=(n, periods))
    for t in range(1, periods):
        out[:, t] = rho * out[:, t - 1] + np.sqrt(1 - rho**2) * out[:, t]
    return out


def simulated(seed, a, b, n=31, periods=11):
    rng = np.random.default_rng(seed)
    x, e, u = (serial(rng, n, periods) + rng.normal(size=(n, 1)) + rng.normal(size=periods) for _ in range(3))
    m = a * x + e
    columns = {"x": x, "m": m, "y": 0.2 * x + b * m + u}
    frame = pd.DataFrame({name: values.ravel() for name, values in columns.items()})
    return frame.assign(city=np.repeat(np.arange(n), periods), year=np.tile(np.arange(periods), n))


@pytest.mark.montecarlo
def test_size_and_coverage_with_serial_correlation() -> None:
    """The table of docs/mediation.md: 1,000 panels a column, 999 draws; simulation error .7 points."""
    clustered, naive = (
        Mediation("y", "x", "m", reps=999),
        Mediation("y", "x", "m", cov_type="unadjusted", reps=20),
    )
    covered = {}
    for a in (0.0, 0.3):
        hits = np.zeros(3)
        for seed in range(1000):
            panel = Panel(simulated(seed, a, 0.3), "city", "year")
            results, sobel = quiet(clustered, panel, seed), quiet(naive, panel).interval("delta")
            for j, ends in enumerate((sobel, results.interval("delta"), results.interval())):
                row = ends.loc["indirect"]
                hits[j] += row["conf_low"] <= 0.3 * a <= row["conf_high"]
        covered[a] = hits / 1000
    size, coverage = 1 - covered[0.0], covered[0.3]
    assert size[0] > 0.10
    assert coverage[0] < 0.85
    assert size[2] == pytest.approx(0.055, abs=0.025)
    assert coverage[2] == pytest.approx(0.93, abs=0.03)
    assert size[1] < 0.05


# --- the specification, and refusals ----------------------------------------------------------------------


def test_specification_is_a_value() -> None:
    spec = Mediation("y", "x", ["m1"], ["w1"])
    assert spec == Mediation("y", "x", ("m1",), ("w1",))
    assert hash(spec) == hash(Mediation("y", "x", "m1", "w1"))
    assert spec.add("w2").x == ("w1", "w2")
    assert spec.drop("w1").x == ()
    assert spec.swap("m1", "m2").mediators == ("m2",)
    assert spec.swap("x", "z").treatment == "z"
    assert spec.replace(reps=99).reps == 99
    assert spec.terms == ("y", "x", "m1", "w1")
    assert spec.reps == 4999
    assert pickle.loads(pickle.dumps(spec)) == spec


@pytest.mark.parametrize(
    ("arguments", "options", "error", "words"),
    [
        (("y", "x", "m1"), {"structure": "chain"}, OptionError, "'serial'"),
        (("y", "x", "m1"), {"cov_type": "hc3"}, OptionError, "'clustered'"),
        (("y", "x", "m1"), {"ssc": "stata"}, OptionError, "'reghdfe'"),
        (("y", "x", "m1"), {"reps": 19}, OptionError, "at least 20"),
        (("y", "x", "m1"), {"reps": 99.5}, OptionError, "whole number"),
        (("y", "x", "m1"), {"clusters": ["city", "year"]}, OptionError, "two-way clusters"),
        (("y", "x", "m1"), {"clusters": "city", "cov_type": "robust"}, OptionError, "clustered"),
        (("y", "x", []), {}, TermError, "mediators is empty"),
        (("y", "x", ["m1", "m1"]), {}, TermError, "twice"),
        (("y", "x", "y"), {}, TermError, "'y' is in y and in mediators"),
        (("y", "x", "x"), {}, TermError, "'x' is in treatment and in mediators"),
        (("y", "y", "m1"), {}, TermError, "'y' is in y and in treatment"),
        (("y", "x", "m1", ["w1", "m1"]), {}, TermError, "'m1' is in mediators and in x"),
        (("y", "log( x )", "m1", ["log(x)"]), {}, TermError, "treatment and in x"),
        (("y", ["x"], "m1"), {}, InputTypeError, "one term"),
        (("y", "x", 3), {}, InputTypeError, "mediators"),
    ],
)
def test_constructor_refusals(arguments, options, error, words) -> None:
    with pytest.raises(error, match=words):
        Mediation(*arguments, **options)


def test_fit_refusals() -> None:
    frame = make(holes=False)
    frame["twice"], frame["x_again"] = 2 * frame["y"] + frame["city"], frame["x"] * 3 - frame["year"]
    frame["national"] = frame["year"] ** 2.0
    panel = Panel(frame, "city", "year")
    with pytest.raises(
        IdentificationError, match=r"treatment 'size'.*city, year.*within effect is not identified"
    ):
        Mediation("y", "size", "m1", reps=20).fit(panel)
    with pytest.raises(IdentificationError, match="mediator 'national'"):
        Mediation("y", "x", "national", reps=20).fit(panel)
    with pytest.raises(CollinearityError, match="'twice' is the outcome 'y'"):
        Mediation("y", "x", "twice", reps=20).fit(panel)
    with pytest.raises(CollinearityError, match="'x_again' is the treatment 'x'"):
        Mediation("y", "x", "x_again", reps=20).fit(panel)
    with pytest.raises(CollinearityError, match="w3"):
        Mediation("y", "x", "m1", ["w1", "w3"], reps=20).fit(
            Panel(frame.assign(w3=frame["w1"] * 2), "city", "year")
        )
    with pytest.raises(ColumnError, match="m_1"):
        Mediation("y", "x", "m_1", reps=20).fit(panel)
    with pytest.raises(TermError, match="each term must be one"):
        Mediation("y", "C(region)", "m1", reps=20).fit(panel)
    with pytest.raises(InputTypeError, match="Panel"):
        Mediation("y", "x", "m1", reps=20).fit(frame)
    mixed = Panel(frame.assign(mixed=(frame["city"] + frame["year"]) % 25), "city", "year")
    with pytest.raises(OptionError, match="cut through"):
        Mediation("y", "x", "m1", clusters="mixed", reps=20).fit(mixed)


def test_problems_are_data() -> None:
    with pytest.raises(IdentificationError) as caught:
        Mediation("y", "size", "m1", reps=20).fit(Panel(make(holes=False), "city", "year"))
    assert caught.value.problems[0].data["column"] == "size"
