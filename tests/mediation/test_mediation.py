"""Mediation: outside numbers, identity, refits, invariances, truth, refusals."""

from __future__ import annotations

import copy
import json
import pickle
import warnings
from dataclasses import replace
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
    ThresholdSearchError,
)
from digiprosper.kernels import intervals
from digiprosper.kernels.resampling import draw_counts, seed_sequence

REFERENCE = Path(__file__).parents[1] / "reference" / "mediation.json"
GOLDEN = {
    case["case"]: case
    for case in json.loads(REFERENCE.read_text(encoding="utf-8"))["cases"]
}
MUNNELL = ("log(gsp)", "log(pcap)", "log(emp)", ("log(pc)", "unemp"))


def make(seed=0, n=60, periods=7, keep=0.8, a=0.6, b=0.5, direct=0.3, *, holes=True):
    """A panel with two mediators, two controls, gaps and a region.

    Some rows are missing a value.
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
        {
            "city": city,
            "year": year,
            "region": city % (n // 2),
            "w1": draw(),
            "w2": draw(),
        }
    )
    frame["x"] = draw() + 0.4 * frame["w1"]
    frame["m1"] = a * frame["x"] + 0.3 * frame["w2"] + draw()
    frame["m2"] = -0.4 * frame["x"] + 0.2 * frame["m1"] + draw()
    frame["y"] = (
        direct * frame["x"]
        + b * frame["m1"]
        + 0.2 * frame["m2"]
        + 0.1 * frame["w1"]
        + draw()
    )
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


# --- outside numbers ------------------------------------------------------------------


@pytest.mark.peers
def test_cross_section_equals_r() -> None:
    pingouin = pytest.importorskip("pingouin")
    frame = pingouin.read_dataset("mediation").assign(id=lambda d: np.arange(len(d)))
    case = GOLDEN["hayes-cross-section"]
    want, rtol = case["values"], case["rtol"]
    spec = Mediation(
        "Y",
        "X",
        "M",
        entity_effects=False,
        time_effects=False,
        cov_type="unadjusted",
        reps=999,
    )
    results = spec.fit(Panel(frame, "id"), rng=1)
    robust = {
        ssc: spec.replace(cov_type="robust", ssc=ssc)
        .fit(Panel(frame, "id"), rng=1)
        .sobel()
        for ssc in ("none", "reghdfe", "linearmodels")
    }
    leverage = spec.replace(cov_type="hc3").fit(Panel(frame, "id"), rng=1).sobel()
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
        "sobel_se_hc3": leverage.loc["indirect:M", "std_error"],
    }

    # R's HC1 is n / (n - k), intercept counted: with robust errors both conventions
    # say so.
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
    contrast = results.contrasts().loc["indirect:M - indirect:W1"]
    got = {
        **results.params,
        "contrast": contrast["estimate"],
        "se_contrast": contrast["std_error"],
    }
    got |= {f"se_{name}": value for name, value in results.std_errors.items()}
    for name, value in case["values"].items():
        assert got[name] == pytest.approx(value, rel=case["rtol"]), name


@pytest.mark.peers
def test_intervals_and_decision_of_the_cross_section() -> None:
    pingouin = pytest.importorskip("pingouin")
    frame = pingouin.read_dataset("mediation").assign(id=lambda d: np.arange(len(d)))
    spec = Mediation(
        "Y",
        "X",
        "M",
        entity_effects=False,
        time_effects=False,
        cov_type="unadjusted",
        reps=999,
    )
    results = spec.fit(Panel(frame, "id"), rng=1)
    want = GOLDEN["hayes-product-interval"]["values"]
    row = results.product_interval().loc["indirect:M"]
    ends = row[["conf_low", "conf_high"]].to_numpy(dtype=float)
    np.testing.assert_allclose(ends, want["thirty_digits"]["value"], rtol=1e-10)
    np.testing.assert_allclose(
        ends, want["rmediation"]["value"], rtol=want["rmediation"]["rtol"]
    )
    # A simulated quantile has the error sqrt(q (1 - q) / R) / density, and the ends'
    # densities are taken from the exact distribution. Four errors: of 10,000,000 draws
    # and five printed digits, then of our 19,999.
    wider = results.product_interval(level=0.94).loc[
        "indirect:M", ["conf_low", "conf_high"]
    ]
    density = 0.005 / np.abs(wider.to_numpy(dtype=float) - ends)
    published = np.array(want["monte_carlo"]["value"])
    outside = 4 * np.sqrt(0.025 * 0.975 / want["monte_carlo"]["draws"]) / density + 5e-6
    assert (np.abs(ends - published) < outside).all()
    drawn = (
        results.interval("monte_carlo")
        .loc["indirect:M", ["conf_low", "conf_high"]]
        .to_numpy(dtype=float)
    )
    ours = 4 * np.sqrt(0.025 * 0.975 / 19_999) / density
    assert (np.abs(drawn - published) < ours + outside).all()
    assert outside.max() < 4e-4
    assert ours.max() < 0.008
    jackknife = results.system.products.evaluate(results.system.jackknife)
    at = results.names.index("indirect:M")
    accelerated = intervals.acceleration(jackknife[:, at])
    assert float(accelerated) == pytest.approx(
        want["acceleration"]["value"], rel=want["acceleration"]["rtol"]
    )
    low, high = intervals.bca(
        results.draw_values[:, at], results.estimates[at], accelerated, clusters=None
    )
    got = results.interval("bca").loc["indirect:M", ["conf_low", "conf_high"]]
    assert tuple(got) == pytest.approx((float(low), float(high)), rel=1e-12)
    decision = results.decision()
    assert (decision.branch, decision.zhao) == ("complete mediation", "indirect-only")
    assert (decision.framing, decision.ratio_name) == ("mediation", None)
    assert decision.steps["reached"].tolist() == [True, True, False, True, False]
    assert decision.steps["passed"].tolist() == [True, True, True, False, True]


def test_munnell_two_way_equals_r_and_lavaan() -> None:
    case = GOLDEN["munnell-two-way"]
    want, rtol = case["values"], case["rtol"]
    panel = dp.datasets.us_states()
    for cov_type in ("unadjusted", "clustered"):
        spec = Mediation(
            *MUNNELL,
            cov_type=cov_type,
            ssc="reghdfe" if cov_type == "unadjusted" else "none",
            reps=199,
        )
        with pytest.warns(IdentificationWarning):
            results = spec.fit(panel, rng=1)
        (data,) = (n.data for n in results.diagnostics if n.code == "masking")
        assert data["direct"] * data["indirect"] < 0
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
    assert results.std_errors["indirect"] == pytest.approx(
        want["delta"]["se"], rel=rtol
    )
    factor = np.sqrt(48 / 47)
    times = results.std_errors["indirect"] * factor
    assert times == pytest.approx(want["delta"]["se_times_sqrt_48_47"], rel=rtol)
    assert times == pytest.approx(want["delta"]["lavaan_cluster"], rel=1e-9)
    system = results.system
    a, b = system.at("mediator:log(emp)", "log(pcap)"), system.at("outcome", "log(emp)")
    for name, at in (("aa", (a, a)), ("bb", (b, b)), ("ab", (a, b))):
        assert system.covariance[at] == pytest.approx(want["joint"][name], rel=rtol), (
            name
        )


def test_a_ratio_above_one_is_never_a_share() -> None:
    want = GOLDEN["munnell-two-way"]["values"]
    results = quiet(Mediation(*MUNNELL, ssc="none", reps=199), dp.datasets.us_states())
    assert results.params["indirect"] / results.params["total"] == pytest.approx(
        want["ratio"], rel=1e-9
    )
    assert np.isnan(results.params["proportion_mediated"])
    assert "112" not in results.summary()
    # c' is negative and not significant: complete, and complete mediation has no ratio.
    decision = results.decision()
    assert (decision.branch, decision.zhao, decision.ratio_name) == (
        "complete mediation",
        "indirect-only",
        None,
    )
    assert np.isnan(decision.ratio)
    # Were c' significant, ab and c' of opposite signs would make it masking: |ab / c'|,
    # and not ab / c.
    told = replace(decision, direct=replace(decision.direct, p_value=0.01))
    assert (told.branch, told.ratio_name) == ("masking", "|indirect/direct|")
    assert told.ratio == pytest.approx(abs(want["indirect"] / want["direct"]), rel=1e-9)
    # And were c' positive: partial, 1.12 of the total, with the remark that it is no
    # share.
    same = replace(
        decision,
        direct=replace(decision.direct, estimate=0.03, p_value=0.01),
        direct_draws_p=np.nan,
    )
    assert (same.branch, same.ratio_name) == ("partial mediation", "indirect/total")
    assert same.ratio == pytest.approx(want["ratio"], rel=1e-9)
    assert [n.code for n in same.diagnostics] == ["ratio_above_one"]


# --- the identity, and explicit refits ------------------------------------------------


@pytest.mark.parametrize(
    "flags", [(True, True), (True, False), (False, True), (False, False)]
)
def test_total_is_direct_plus_indirect_in_every_draw(flags) -> None:
    spec = Mediation(
        "y",
        "x",
        ["m1", "m2"],
        ["w1", "w2"],
        entity_effects=flags[0],
        time_effects=flags[1],
        reps=500,
    )
    results = quiet(spec, Panel(make(), "city", "year"))
    draws = results.draws
    assert (
        abs(
            results.params["total"]
            - results.params["direct"]
            - results.params["indirect"]
        )
        < 1e-12
    )
    assert (draws["total"] - draws["direct"] - draws["indirect"]).abs().max() < 1e-12
    assert (
        draws["indirect"] - draws["indirect:m1"] - draws["indirect:m2"]
    ).abs().max() < 1e-12
    assert results.lost_draws == 0


def dummies_fit(frame, equation):
    y, x = equation
    blocks = [frame[list(x)].to_numpy()]
    for key in ("copy", "year"):
        codes = np.unique(frame[key], return_inverse=True)[1]
        blocks.append(np.eye(codes.max() + 1)[codes])
    return np.linalg.lstsq(np.column_stack(blocks), frame[y].to_numpy(), rcond=1e-10)[
        0
    ][: len(x)]


@pytest.mark.parametrize("holes", [False, True], ids=["balanced", "unbalanced"])
@pytest.mark.parametrize("clusters", [None, "region"])
@pytest.mark.many(1)
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
            rows[rows[by] == group].assign(
                copy=lambda d, c=copies: d["city"] * 1000 + c
            )
            for group, times in zip(groups, count, strict=True)
            for copies in range(times)
        ]
        drawn = pd.concat(pieces)
        total = dummies_fit(drawn, ("y", ("x", *controls)))[0]
        a = [dummies_fit(drawn, (m, ("x", *controls)))[0] for m in ("m1", "m2")]
        direct, b1, b2, *_ = dummies_fit(drawn, ("y", ("x", "m1", "m2", *controls)))
        want = [total, direct, a[0] * b1 + a[1] * b2, a[0] * b1, a[1] * b2]
        np.testing.assert_allclose(
            results.draw_values[number, :5], want, rtol=1e-9, atol=1e-9
        )


def test_paths_are_fixed_effects_fits_on_the_common_sample() -> None:
    frame = make()
    results = quiet(
        Mediation("y", "x", ["m1", "m2"], ["w1"], reps=99), Panel(frame, "city", "year")
    )
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
        np.testing.assert_allclose(
            results.paths[name].coefficients, alone.coefficients, rtol=1e-12
        )
        np.testing.assert_allclose(
            results.paths[name].covariance, alone.covariance, rtol=1e-12
        )
    assert results.nobs == len(frame.dropna())
    assert set(results.sample_stats["nobs"]) == {results.nobs}


# --- the joint covariance -------------------------------------------------------------


@pytest.mark.many(9)
@pytest.mark.parametrize("ssc", ["reghdfe", "xtreg", "linearmodels", "plm", "none"])
@pytest.mark.parametrize(
    "cov_type", ["clustered", "robust", "unadjusted", "driscoll_kraay"]
)
def test_errors_of_total_and_direct_are_those_of_their_equations(cov_type, ssc) -> None:
    spec = Mediation(
        "y", "x", ["m1", "m2"], ["w1"], cov_type=cov_type, ssc=ssc, reps=20
    )
    results = quiet(spec, Panel(make(), "city", "year"))
    assert results.std_errors["total"] == pytest.approx(
        results.paths["total"].std_errors["x"], rel=1e-12
    )
    assert results.std_errors["direct"] == pytest.approx(
        results.paths["outcome"].std_errors["x"], rel=1e-12
    )
    np.testing.assert_allclose(results.cov, results.cov.T)


def test_joint_delta_equals_stacked_scores() -> None:
    frame = make(holes=False)
    panel = Panel(frame, "city", "year")
    results = quiet(Mediation("y", "x", "m1", ["w1"], ssc="none", reps=20), panel)
    codes = np.arange(60).repeat(7)

    def influence(y, x):
        columns = frame[[y, *x]]
        demeaned = columns - columns.groupby(frame["city"]).transform("mean")
        demeaned = (
            demeaned - demeaned.groupby(frame["year"]).transform("mean")
        ).to_numpy()
        design, outcome = demeaned[:, 1:], demeaned[:, 0]
        b = np.linalg.lstsq(design, outcome, rcond=None)[0]
        scores = design * (outcome - design @ b)[:, None]
        sums = np.add.reduceat(scores, np.flatnonzero(np.diff(codes, prepend=-1)))
        return sums @ np.linalg.inv(design.T @ design), b

    (first, a), (second, b) = (
        influence("m1", ["x", "w1"]),
        influence("y", ["x", "m1", "w1"]),
    )
    product = b[1] * first[:, 0] + a[0] * second[:, 1]
    assert results.std_errors["indirect"] == pytest.approx(
        np.sqrt(product @ product), rel=1e-10
    )
    whole, _ = influence("y", ["x", "w1"])
    np.testing.assert_allclose(whole[:, 0], second[:, 0] + product, atol=1e-12)


def test_unadjusted_joint_delta_is_sobels() -> None:
    spec = Mediation("y", "x", ["m1", "m2"], ["w1"], cov_type="unadjusted", reps=20)
    results = quiet(spec, Panel(make(), "city", "year"))
    sobel = results.sobel()
    for name in ("indirect:m1", "indirect:m2"):
        assert results.std_errors[name] == pytest.approx(
            sobel.loc[name, "std_error"], rel=1e-12
        )


def test_goodmans_variance_may_be_negative() -> None:
    frame = make(a=0.0, b=0.0, seed=3)
    results = quiet(Mediation("y", "x", "m1", reps=20), Panel(frame, "city", "year"))
    for name, regressor in (("mediator:m1", "x"), ("outcome", "m1")):
        estimated = results.paths[name].estimated
        is_regressor = np.array(estimated.names) == regressor
        slopes = np.where(is_regressor, 1e-9, estimated.coefficients)
        object.__setattr__(estimated, "coefficients", slopes)
    with pytest.warns(CovarianceWarning):
        row = results.sobel("goodman").iloc[0]
    assert np.isnan(row["std_error"])
    assert np.isnan(row["p_value"])
    with pytest.raises(OptionError, match="'aroian'"):
        results.sobel("baron")


# --- randomness -----------------------------------------------------------------------


def test_same_number_same_draws_and_entropy_reproduces() -> None:
    panel = Panel(make(), "city", "year")
    spec = Mediation("y", "x", "m1", reps=200)
    one = quiet(spec, panel, rng=[3, 4])
    again = quiet(spec, panel, rng=one.rng_entropy)
    np.testing.assert_array_equal(one.draw_values, again.draw_values)
    assert one.glance()["rng_entropy"] == one.rng_entropy
    other = quiet(spec, panel, rng=None)
    np.testing.assert_array_equal(
        other.draw_values, quiet(spec, panel, rng=other.rng_entropy).draw_values
    )
    assert (other.draw_values != one.draw_values).any()
    generator = np.random.default_rng(8)
    first = quiet(spec, panel, rng=generator)
    np.testing.assert_array_equal(
        first.draw_values, quiet(spec, panel, rng=first.rng_entropy).draw_values
    )
    with pytest.raises(InputTypeError, match="random number generator"):
        spec.fit(panel, rng="seed")


def test_row_order_and_labels_of_entities_change_nothing() -> None:
    frame = make()
    spec = Mediation("y", "x", ["m1", "m2"], ["w1"], reps=300)
    plain = quiet(spec, Panel(frame, "city", "year"))
    shuffled = quiet(spec, Panel(frame.sample(frac=1, random_state=2), "city", "year"))
    np.testing.assert_array_equal(plain.pvalues, shuffled.pvalues)
    np.testing.assert_allclose(
        plain.draw_values, shuffled.draw_values, rtol=1e-12, atol=1e-13
    )
    renamed = frame.assign(city=[f"city {c:03d}" for c in frame["city"]])
    np.testing.assert_array_equal(
        plain.pvalues, quiet(spec, Panel(renamed, "city", "year")).pvalues
    )


def test_intervals_follow_rescaling() -> None:
    frame = make()
    spec = Mediation("y", "x", "m1", ["w1"], reps=300)
    plain = quiet(spec, Panel(frame, "city", "year"))
    moved = frame.assign(
        y=frame["y"] * 1e3 + 1e6, x=frame["x"] * 1e-2, m1=frame["m1"] * 7 - 3
    )
    scaled = quiet(spec, Panel(moved, "city", "year"))
    for name in ("total", "direct", "indirect"):
        want = 1e5 * plain.interval().loc[name].iloc[:3]
        np.testing.assert_allclose(
            scaled.interval().loc[name].iloc[:3], want, rtol=1e-6
        )
    np.testing.assert_array_equal(scaled.pvalues, plain.pvalues)


# --- what the results say -------------------------------------------------------------


def test_terms_tidy_and_glance() -> None:
    results = quiet(
        Mediation("y", "x", ["m1", "m2"], ["w1"], reps=999),
        Panel(make(), "city", "year"),
    )
    names = [
        "total",
        "direct",
        "indirect",
        "indirect:m1",
        "indirect:m2",
        "proportion_mediated",
    ]
    assert (
        list(results.params.index)
        == list(results.tidy()["term"])
        == list(results.draws.columns)
        == names
    )
    assert isinstance(results, dp.EffectResults)
    assert isinstance(results, dp.Results)
    assert isinstance(results, dp.HasDraws)
    glance = results.glance()
    assert glance["model"] == "Mediation"
    assert (glance["depvar"], glance["effects"], glance["clusters"]) == (
        "y",
        "city+year",
        "city",
    )
    assert (glance["n_clusters"], glance["df_t"], glance["ssc"]) == (60, 59, "reghdfe")
    low, high = np.quantile(results.draws["indirect"], [0.025, 0.975], method="weibull")
    row = results.tidy().set_index("term").loc["indirect"]
    assert (row["conf_low"], row["conf_high"]) == pytest.approx((low, high))
    assert results.interval("delta").loc["indirect", "conf_low"] != row["conf_low"]
    assert (results.pvalues >= 2 / 1000).all()


def test_summary_in_words() -> None:
    results = quiet(
        Mediation("y", "x", ["m1", "m2"], ["w1"], reps=199),
        Panel(make(), "city", "year"),
        rng=2026,
    )
    lines = results.summary().splitlines()
    assert max(len(line) for line in lines) <= 80
    assert lines[0] == "Mediation: x -> m1, m2 -> y"
    assert "Through m1: a = " in results.summary()
    assert results.conventions.startswith(
        "Standard errors clustered by city (60 clusters"
    )
    assert results.conventions.endswith(
        "percentile intervals from 199 bootstrap draws of entities"
    )
    assert results.settings == "rng 2026"
    region = quiet(
        Mediation("y", "x", "m1", clusters="region", reps=199),
        Panel(make(), "city", "year"),
    )
    assert region.conventions.endswith("199 bootstrap draws of clusters (region)")
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


def test_signs_that_differ_by_chance_are_no_evidence_of_masking() -> None:
    said = set()
    for seed in range(6):
        panel = Panel(make(a=0.0, direct=1.2, seed=seed), "city", "year")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            results = Mediation("y", "x", "m1", ["w1"], reps=199).fit(panel, rng=1)
        row = results.tidy().set_index("term").loc["indirect"]
        for notice in results.diagnostics:
            if notice.code == "masking" and row["conf_low"] < 0 < row["conf_high"]:
                said.add(notice.message.split(":")[0])
    assert said == {
        "direct and indirect effect have opposite signs, but the interval of one "
        "includes 0, so that this is no evidence of masking"
    }


def test_proportion_is_missing_under_masking_and_for_an_unclear_total() -> None:
    panel = Panel(make(b=-0.8, direct=1.2), "city", "year")
    with pytest.warns(IdentificationWarning, match="masking"):
        results = Mediation("y", "x", "m1", ["w1"], reps=199).fit(panel, rng=1)
    assert np.isnan(results.params["proportion_mediated"])
    (notice,) = (n for n in results.diagnostics if n.code == "masking")
    assert "opposite signs (masking)" in notice.message
    assert results.cov.loc["proportion_mediated"].isna().all()
    assert results.cov["proportion_mediated"].isna().all()
    assert results.tidy().iloc[-1, 1:].isna().all()
    assert results.draws["proportion_mediated"].isna().all()
    assert np.isfinite(results.cov.loc["total", "total"])
    frame = make(a=0.0, direct=0.0, seed=8, holes=False)
    with pytest.warns(IdentificationWarning):
        unclear = Mediation("y", "x", "m1", ["w1", "m2"], reps=199).fit(
            Panel(frame, "city", "year"), rng=1
        )
    (data,) = (n.data for n in unclear.diagnostics if n.code == "masking")
    low, high = data["total_interval"]
    assert low < 0 < high
    assert np.isnan(unclear.params["proportion_mediated"])


@pytest.mark.further
def test_known_truth_is_inside() -> None:
    hits = []
    for seed in range(20):
        spec = Mediation("y", "x", ["m1", "m2"], ["w1", "w2"], reps=199)
        ends = quiet(spec, Panel(make(seed), "city", "year")).interval()
        truth = {
            "direct": 0.3,
            "indirect:m1": 0.3,
            "indirect:m2": 0.2 * (-0.4 + 0.2 * 0.6),
        }
        hits += [
            ends.loc[t, "conf_low"] < value < ends.loc[t, "conf_high"]
            for t, value in truth.items()
        ]
    assert (np.array(hits).reshape(20, 3).sum(axis=0) >= 16).all()


def test_few_draws_lost_draws_and_few_clusters_are_said() -> None:
    panel = Panel(make(n=8, holes=False), "city", "year")
    with pytest.warns(FewDrawsWarning), pytest.warns(FewClustersWarning):
        few_of_both = Mediation("y", "x", ["m1", "m2"], reps=50).fit(panel, rng=0)
    told = {n.code: n.data for n in few_of_both.diagnostics}
    assert told["few_draws"] == {"reps": 50}
    assert told["very_few_clusters"] == {"clusters": "city", "n_clusters": 8}
    frame = make(n=24, holes=False)
    frame["x"] = ((frame["city"] < 2) & (frame["year"] > 2004)).astype(float)
    frame["m1"] += 9 * frame["x"]
    frame["y"] += 9 * frame["m1"] + 99 * frame["x"]
    with (
        pytest.warns(FewDrawsWarning, match="draws failed"),
        pytest.warns(FewClustersWarning) as few,
    ):
        results = Mediation("y", "x", "m1", reps=999).fit(
            Panel(frame, "city", "year"), rng=0
        )
    # One for all equations
    assert sum(isinstance(w.message, FewClustersWarning) for w in few) == 1
    assert results.lost_draws > 50
    lost = np.isnan(results.draws["total"])
    assert results.draws[lost].isna().all().all()
    notice = next(n for n in results.diagnostics if n.code == "lost_draws")
    assert notice.data["lost"] == lost.sum()


def test_pooled_panel_warns_and_a_cross_section_does_not() -> None:
    frame = make(holes=False)
    spec = Mediation("y", "x", "m1", entity_effects=False, time_effects=False, reps=199)
    with pytest.warns(IdentificationWarning):
        results = spec.fit(Panel(frame, "city", "year"), rng=1)
    assert {n.code: n.data for n in results.diagnostics}["pooled"] == {
        "nobs": results.nobs
    }
    assert "Intercept" in results.paths["total"].names
    rows = frame[frame["year"] == 2003]
    cross = spec.fit(Panel(rows, "city"), rng=1)
    assert cross.nobs == 60
    assert cross.draws.shape == (199, 5)


def test_singletons_leave_once_for_all_equations() -> None:
    frame = make(holes=False)
    frame = frame[(frame["city"] != 7) | (frame["year"] == 2001)]
    with pytest.warns(SingletonWarning):
        results = Mediation("y", "x", "m1", reps=199).fit(
            Panel(frame, "city", "year"), rng=1
        )
    assert results.glance()["n_entities"] == 59
    assert {path.nobs for path in results.paths.values()} == {59 * 7}


# --- structures: explicit refits, lags, effects, clusters, cross-sections -------------

STRUCTURES = {
    "parallel": {},
    "serial": {"structure": "serial"},
    "a": {"moderator": "w1", "moderates": "a"},
    "b and direct": {"moderator": "w1", "moderates": ("b", "direct")},
    "both": {"moderator": "size", "moderates": ("a", "b")},
    "given": {"threshold": ("w1", 0.2)},
    "bent": {"quadratic": ("a", "direct")},
}


def structured(kind, **options):
    controls = ["w2"] if kind in ("a", "b and direct", "both") else ["w1", "w2"]
    return Mediation(
        "y", "x", ["m1", "m2"], controls, **{"reps": 20, **STRUCTURES[kind], **options}
    )


def varying(seed, n=20, **options):
    """The frame of `make`, with a moderator that moves."""
    frame = make(seed, n=n, **options)
    return frame.assign(size=np.random.default_rng(seed + 99).normal(size=len(frame)))


def with_products(frame):
    out = frame.copy()
    for w in ("w1", "size"):
        for name in ("x", "m1", "m2"):
            out[f"{name}:{w}"] = out[name] * out[w]
    for name in ("x", "m1", "m2"):
        out[f"{name}:regime1"] = out[name] * (out["w1"] <= 0.2)
        out[f"{name}:regime2"] = out[name] * (out["w1"] > 0.2)
    out["intercept:regime1"] = 1.0 * (out["w1"] <= 0.2)
    return out.assign(**{"I(x**2)": out["x"] ** 2})


def refitted(results, drawn, fit):
    """Slopes of each equation by dummies, then terms by sums of products."""
    y = {"total": "y", "outcome": "y"}
    names = {
        label: [n for n in path.names if n != "Intercept"]
        for label, path in results.paths.items()
    }
    slopes = {
        label: dict(
            zip(
                x,
                fit(drawn, (y.get(label, label.removeprefix("mediator:")), x)),
                strict=True,
            )
        )
        for label, x in names.items()
    }
    k = np.array([slopes[label][column] for label, column in results.system.names])
    return results.system.products.evaluate(k[None, :])[0]


@pytest.mark.parametrize("kind", STRUCTURES)
@pytest.mark.parametrize("clusters", [None, "region"])
@pytest.mark.many(2)
def test_draws_of_every_structure_equal_explicit_refits(kind, clusters) -> None:
    frame = varying(seed=len(kind))
    results = quiet(
        structured(kind, clusters=clusters), Panel(frame, "city", "year"), rng=5
    )
    rows = with_products(frame.dropna().sort_values(["city", "year"]))
    by = clusters or "city"
    groups = np.unique(rows[by])
    counts = draw_counts(seed_sequence(5), groups.size, 20).astype(int)
    known = ~np.isnan(results.estimates)
    whole = refitted(results, rows.assign(copy=rows["city"]), dummies_fit)
    np.testing.assert_allclose(
        results.estimates[known], whole[known], rtol=1e-8, atol=1e-10
    )
    for number in (0, 7, 19):
        pieces = [
            rows[rows[by] == group].assign(
                copy=lambda d, c=copies: d["city"] * 1000 + c
            )
            for group, times in zip(groups, counts[number], strict=True)
            for copies in range(times)
        ]
        want = refitted(results, pd.concat(pieces), dummies_fit)
        np.testing.assert_allclose(
            results.draw_values[number][known], want[known], rtol=1e-7, atol=1e-9
        )


@pytest.mark.many(3)
@pytest.mark.parametrize("kind", STRUCTURES)
def test_paths_of_every_structure_are_fixed_effects_fits(kind) -> None:
    frame = varying(3).assign(half=lambda d: d["city"] % 2)
    results = quiet(
        structured(kind, absorb="half^year", time_effects=False),
        Panel(frame, "city", "year"),
    )
    complete = Panel(with_products(frame.dropna()), "city", "year")
    for label, path in results.paths.items():
        y = label.removeprefix("mediator:") if ":" in label else "y"
        spec = FixedEffects(y, list(path.names), absorb="half^year", time_effects=False)
        alone = quiet(spec, complete, rng=None)
        np.testing.assert_allclose(
            path.coefficients, alone.coefficients, rtol=1e-8, atol=1e-10
        )
        np.testing.assert_allclose(
            path.covariance, alone.covariance, rtol=1e-7, atol=1e-10
        )
    assert results.glance()["effects"] == "city+half^year"
    assert set(results.sample_stats["nobs"]) == {results.nobs}


@pytest.mark.further
def test_absorbed_effects_are_in_every_draw() -> None:
    frame = make(4, n=30)
    spec = Mediation(
        "y", "x", "m1", ["w1"], absorb="half^year", time_effects=False, reps=20
    )
    panel = Panel(frame.assign(half=frame["city"] % 2), "city", "year")
    results = quiet(spec, panel, rng=6)
    rows = frame.assign(half=frame["city"] % 2)
    assert results.nobs == len(rows)

    def fit(drawn, equation):
        together = drawn.assign(year=drawn["half"] * 10_000 + drawn["year"])
        return dummies_fit(together, equation)

    for number, count in enumerate(draw_counts(seed_sequence(6), 30, 20).astype(int)):
        pieces = [
            rows[rows["city"] == city].assign(copy=city * 1000 + c)
            for city, times in zip(np.unique(rows["city"]), count, strict=True)
            for c in range(times)
        ]
        np.testing.assert_allclose(
            results.draw_values[number, :3],
            refitted(results, pd.concat(pieces), fit)[:3],
            rtol=1e-8,
        )


def test_the_product_is_of_levels() -> None:
    frame = varying(1, n=40, holes=False)
    results = quiet(structured("both"), Panel(frame, "city", "year"))
    levels = FixedEffects("m1", ["x", "x:size", "size", "w2"]).fit(
        Panel(frame, "city", "year")
    )
    assert results.paths["mediator:m1"].params["x:size"] == pytest.approx(
        levels.params["x:size"], rel=1e-10
    )
    # The product of demeaned variables is another regressor, and another slope.
    within = frame[["x", "size"]] - frame[["x", "size"]].groupby(
        frame["city"]
    ).transform("mean")
    other = FixedEffects("m1", ["x", "trap", "size", "w2"]).fit(
        Panel(frame.assign(trap=within["x"] * within["size"]), "city", "year")
    )
    assert abs(other.params["trap"] - levels.params["x:size"]) > 1e-3
    # Centring the moderator by a constant moves the slope at zero and nothing else.
    moved = quiet(
        structured("both"), Panel(frame.assign(size=frame["size"] - 7), "city", "year")
    )
    np.testing.assert_allclose(
        moved.draw_values, results.draw_values, rtol=1e-7, atol=1e-9
    )
    a, b = (r.paths["mediator:m1"].params for r in (moved, results))
    assert a["x:size"] == pytest.approx(b["x:size"], rel=1e-8)
    assert a["x"] == pytest.approx(b["x"] + 7 * b["x:size"], rel=1e-8)


@pytest.mark.parametrize("kind", ["a", "b and direct"])
def test_the_unit_of_the_moderator_is_the_unit_of_the_index(kind) -> None:
    frame = varying(2)
    plain = quiet(structured(kind, reps=99), Panel(frame, "city", "year"))
    scaled = quiet(
        structured(kind, reps=99),
        Panel(frame.assign(w1=frame["w1"] * 100 + 3), "city", "year"),
    )
    for name in plain.names:
        factor = 0.01 if name.startswith("index") else 1.0
        want = (
            factor * plain.interval().loc[name, ["estimate", "conf_low", "conf_high"]]
        )
        np.testing.assert_allclose(
            scaled.interval().loc[name].iloc[:3], want, rtol=1e-6, err_msg=name
        )
        assert scaled.std_errors[name] == pytest.approx(
            factor * plain.std_errors[name], rel=1e-6, nan_ok=True
        )
    np.testing.assert_array_equal(scaled.pvalues, plain.pvalues)


@pytest.mark.many(3)
@pytest.mark.parametrize("kind", STRUCTURES)
def test_row_order_and_labels_change_no_structure(kind) -> None:
    frame = varying(5)
    plain = quiet(structured(kind, reps=60), Panel(frame, "city", "year"))
    renamed = frame.assign(city=[f"city {c:03d}" for c in frame["city"]])
    for other in (frame.sample(frac=1, random_state=2), renamed):
        again = quiet(structured(kind, reps=60), Panel(other, "city", "year"))
        np.testing.assert_array_equal(plain.pvalues, again.pvalues)
        np.testing.assert_allclose(
            plain.draw_values, again.draw_values, rtol=1e-9, atol=1e-11
        )
        np.testing.assert_allclose(
            plain.covariance, again.covariance, rtol=1e-9, atol=1e-13
        )


def test_lags_are_terms_and_the_sample_is_cut_once() -> None:
    frame = make(holes=False)
    panel = Panel(frame, "city", "year")
    results = quiet(Mediation("y", "lag(x, 2)", "lag(m1)", ["w1"], reps=50), panel)
    assert results.nobs == 60 * 5
    assert {path.nobs for path in results.paths.values()} == {300}
    assert list(results.names[3:4]) == ["indirect:lag(m1)"]
    assert results.treatment == "lag(x, 2)"
    by = frame.groupby("city")
    columns = {"x2": by["x"].shift(2), "before": by["m1"].shift(1)}
    made = quiet(
        Mediation("y", "x2", "before", ["w1"], reps=50),
        Panel(frame.assign(**columns), "city", "year"),
    )
    np.testing.assert_allclose(results.draw_values, made.draw_values, rtol=1e-12)
    # A gap in the years is a gap: the row after it has no lag.
    gap = Panel(frame[(frame["city"] != 3) | (frame["year"] != 2003)], "city", "year")
    assert quiet(Mediation("y", "lag(x)", "m1", reps=50), gap).nobs == 60 * 6 - 2
    assert "lagged_rows" in {n.code for n in results.diagnostics}


def test_a_long_list_of_faults_is_told_by_its_first_five() -> None:
    frame = make(holes=False)
    many = [f"fixed{k}" for k in range(40)]
    frame[many] = np.arange(1, 41) * frame["city"].to_numpy(dtype=float)[:, None]
    with pytest.raises(
        TermError, match=r"'fixed4' is in .* and 35 more like these"
    ) as twice:
        Mediation("y", "x", many, many)
    with pytest.raises(
        IdentificationError, match=r"'fixed4' does not vary .* and 35 more like these"
    ) as flat:
        Mediation("y", "x", many, reps=50).fit(Panel(frame, "city", "year"), rng=1)
    assert len(twice.value.problems) == len(flat.value.problems) == 40


@pytest.mark.parametrize(
    "options", [{}, {"moderator": "w1", "moderates": "a"}, {"threshold": ("w1", 0.0)}]
)
def test_a_lag_of_the_outcome_is_said(options) -> None:
    panel = Panel(make(holes=False), "city", "year")
    spec = Mediation("y", "x", "m1", ["lag(y)"], reps=199, **options)
    with pytest.warns(
        IdentificationWarning,
        match=r"'lag\(y\)' is the lag of the outcome 'y'.*Nickell",
    ):
        results = spec.fit(panel, rng=1)
    notice = next(n for n in results.diagnostics if n.code == "lagged_outcome")
    assert notice.data["columns"] == ("lag(y)",)
    quietly = spec.replace(entity_effects=False).fit(panel, rng=1)
    assert "lagged_outcome" not in {n.code for n in quietly.diagnostics}
    other = Mediation("y", "x", "m1", ["lag(m2)"], reps=199).fit(panel, rng=1)
    assert "lagged_outcome" not in {n.code for n in other.diagnostics}


@pytest.mark.parametrize("term", ["lag(m1)", "lag(m1):w1"])
def test_a_lag_of_a_mediator_is_said(term: str) -> None:
    panel = Panel(make(holes=False), "city", "year")
    spec = Mediation("y", "x", ["m1", "m2"], [term], reps=199)
    with pytest.warns(IdentificationWarning, match="lag of the mediator 'm1'.*Nickell"):
        results = spec.fit(panel, rng=1)
    told = [
        n.data["columns"] for n in results.diagnostics if n.code == "lagged_outcome"
    ]
    assert told == [(term,)]
    quietly = spec.replace(entity_effects=False).fit(panel, rng=1)
    assert "lagged_outcome" not in {n.code for n in quietly.diagnostics}


@pytest.mark.parametrize("kind", STRUCTURES)
def test_a_cross_section_has_an_intercept_and_a_row_bootstrap(kind) -> None:
    frame = varying(7, n=60, holes=False).query("year == 2001")
    spec = structured(kind, entity_effects=False, time_effects=False)
    results = quiet(spec, Panel(frame, "city"), rng=3)
    assert results.nobs == 60
    assert all("Intercept" in path.names for path in results.paths.values())
    rows = with_products(frame.sort_values("city"))

    def fit(drawn, equation):
        y, x = equation
        design = np.column_stack([drawn[list(x)].to_numpy(), np.ones(len(drawn))])
        return np.linalg.lstsq(design, drawn[y].to_numpy(), rcond=None)[0][: len(x)]

    known = ~np.isnan(results.estimates)
    want = refitted(results, rows, fit)
    np.testing.assert_allclose(results.estimates[known], want[known], rtol=1e-9)
    for number, count in enumerate(
        draw_counts(seed_sequence(3), 60, 20).astype(int)[:4]
    ):
        want = refitted(results, rows.loc[rows.index.repeat(count)], fit)
        np.testing.assert_allclose(
            results.draw_values[number][known], want[known], rtol=1e-8, atol=1e-10
        )
    with pytest.raises(IdentificationError, match="entity_effects=False"):
        quiet(structured(kind), Panel(frame, "city"))


def test_known_truth_of_effects_that_depend_on_a_variable() -> None:
    rng = np.random.default_rng(3)
    n, periods = 150, 6
    city, year = (
        v.ravel() for v in np.meshgrid(np.arange(n), np.arange(periods), indexing="ij")
    )

    def noise():
        return (
            rng.normal(size=n)[city]
            + rng.normal(size=periods)[year]
            + rng.normal(size=city.size)
        )

    x, w = noise(), noise()
    frame = pd.DataFrame({"city": city, "year": year, "x": x, "w": w})
    frame["ma"] = (0.5 + 0.3 * w) * x + 0.2 * w + noise()
    frame["ya"] = (0.1 - 0.2 * w) * x + 0.6 * frame["ma"] + 0.1 * w + noise()
    frame["mt"] = np.where(w <= 0, 0.9, 0.3) * x + noise()
    frame["yt"] = 0.2 * x + np.where(w <= 0, 0.8, 0.4) * frame["mt"] + noise()
    frame["mq"] = 0.5 * x - 0.1 * x**2 + noise()
    frame["yq"] = 0.2 * x + 0.6 * frame["mq"] + noise()
    panel = Panel(frame, "city", "year")
    points = np.quantile(x, [0.1, 0.9])
    truths = [
        (
            Mediation(
                "ya", "x", "ma", moderator="w", moderates=("a", "direct"), reps=20
            ),
            {
                "index:ma": 0.18,
                "index:direct": -0.2,
                "indirect:ma": 0.6 * (0.5 + 0.3 * w.mean()),
            },
        ),
        (
            Mediation("yt", "x", "mt", threshold=("w", 0.0), reps=20),
            {
                "indirect:mt:regime1": 0.72,
                "indirect:mt:regime2": 0.12,
                "difference:mt": -0.6,
            },
        ),
        (
            Mediation("yq", "x", "mq", quadratic="a", reps=20),
            {
                f"indirect:mq:{p}": 0.6 * (0.5 - 0.2 * v)
                for p, v in zip(("p10", "p90"), points, strict=True)
            },
        ),
    ]
    for spec, truth in truths:
        results = quiet(spec, panel)
        for name, value in truth.items():
            assert abs(results.params[name] - value) < 4 * results.std_errors[name], (
                name
            )
            assert results.std_errors[name] < 0.1


# --- the specification, and refusals --------------------------------------------------


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
    ("options", "same", "other"),
    [
        (
            {"moderator": "w", "moderates": "a"},
            {"moderates": ["a"]},
            {"moderates": ("a", "b")},
        ),
        ({"threshold": "q"}, {"threshold": "q"}, {"threshold": ("q", 1)}),
        ({"threshold": ("q", 1)}, {"threshold": ["q", 1.0]}, {"threshold": ("q", 2)}),
        (
            {"threshold": "q", "search_draws": True},
            {"threshold": "q"},
            {"search_draws": False},
        ),
        ({"threshold": "q"}, {"regime_intercept": True}, {"regime_intercept": False}),
        ({"quadratic": "a"}, {"quadratic": ("a",)}, {"quadratic": ("a", "direct")}),
        ({"absorb": "region^year"}, {"absorb": ["region^year"]}, {"absorb": "region"}),
        ({"structure": "serial"}, {}, {"structure": "parallel"}),
    ],
)
def test_new_fields_are_values_too(options, same, other) -> None:
    spec = Mediation("y", "x", ["m1", "m2"], ["w1"], **options)
    twin, changed = (
        Mediation("y", "x", ["m1", "m2"], "w1", **{**options, **same}),
        spec.replace(**other),
    )
    assert spec == twin
    assert hash(spec) == hash(twin)
    assert spec != changed
    for copied in (
        pickle.loads(pickle.dumps(spec)),
        copy.deepcopy(spec),
        spec.replace(),
    ):
        assert copied == spec
    assert spec.add("w2").drop("w1") == spec.replace(x=("w2",))
    assert spec.swap("m1", "m9").mediators == ("m9", "m2")
    with pytest.raises(AttributeError):
        spec.threshold = "q2"


def test_moderator_and_threshold_are_terms_that_can_be_swapped() -> None:
    moderated = Mediation("y", "x", "m1", moderator="w", moderates="a")
    assert moderated.swap("w", "v").moderator == "v"
    assert "w" in moderated.terms
    searched, given = (
        Mediation("y", "x", "m1", threshold=t) for t in ("q", ("q", 6.5))
    )
    assert searched.swap("q", "v").threshold == "v"
    assert given.swap("q", "v").threshold == ("v", 6.5)
    assert "q" in searched.terms
    assert "q" in given.terms


@pytest.mark.parametrize(
    ("arguments", "options", "error", "words"),
    [
        (("y", "x", "m1"), {"structure": "chain"}, OptionError, "'serial'"),
        (("y", "x", "m1"), {"cov_type": "hc4"}, OptionError, "'clustered'"),
        (("y", "x", "m1"), {"ssc": "stata"}, OptionError, "'reghdfe'"),
        (("y", "x", "m1"), {"reps": 19}, OptionError, "from 20"),
        (("y", "x", "m1"), {"reps": 99.5}, OptionError, "integer"),
        (
            ("y", "x", "m1"),
            {"clusters": ["city", "year"]},
            OptionError,
            "two-way clusters",
        ),
        (
            ("y", "x", "m1"),
            {"clusters": "city", "cov_type": "robust"},
            OptionError,
            "clustered",
        ),
        (("y", "x", []), {}, TermError, "mediators is empty"),
        (("y", "x", ["m1", "m1"]), {}, TermError, "twice"),
        (("y", "x", "y"), {}, TermError, "'y' is in y and in mediators"),
        (("y", "x", "x"), {}, TermError, "'x' is in treatment and in mediators"),
        (("y", "y", "m1"), {}, TermError, "'y' is in y and in treatment"),
        (
            ("y", "x", "m1", ["w1", "m1"]),
            {},
            TermError,
            "'m1' is in mediators and in x",
        ),
        (("y", "log( x )", "m1", ["log(x)"]), {}, TermError, "treatment and in x"),
        (("y", ["x"], "m1"), {}, InputTypeError, "one term"),
        (("y", "x", 3), {}, InputTypeError, "mediators"),
        (
            ("y", "x", "m1"),
            {"moderator": "w"},
            OptionError,
            "moderator='w' with moderates=.*'a'.*'b'.*'direct'",
        ),
        (
            ("y", "x", "m1"),
            {"moderates": "a"},
            OptionError,
            "moderator=None with moderates=.*specify the moderator",
        ),
        (
            ("y", "x", "m1"),
            {"moderator": "w", "moderates": "c"},
            OptionError,
            "'c'.*'a', 'b', 'direct'",
        ),
        (
            ("y", "x", "m1"),
            {"moderator": "w", "moderates": ("a", "a")},
            TermError,
            "twice",
        ),
        (
            ("y", "x", "m1"),
            {"moderator": ["w"], "moderates": "a"},
            InputTypeError,
            "moderator=.* must be one term",
        ),
        (
            ("y", "x", "m1"),
            {"quadratic": "b"},
            OptionError,
            "quadratic='b'.*'a', 'direct'",
        ),
        (
            ("y", "x", "m1"),
            {"moderator": "w", "moderates": "a", "threshold": "q"},
            OptionError,
            "moderator and threshold cannot be combined",
        ),
        (
            ("y", "x", "m1"),
            {"threshold": "q", "quadratic": "a"},
            OptionError,
            "threshold and quadratic cannot be combined",
        ),
        (
            ("y", "x", ["m1", "m2"]),
            {"structure": "serial", "moderator": "w", "moderates": "a"},
            OptionError,
            "structure='serial' and moderator cannot be combined",
        ),
        (
            ("y", "x", "m1"),
            {"structure": "serial", "threshold": "q"},
            OptionError,
            "serial' and threshold",
        ),
        (
            ("y", "x", "m1"),
            {"structure": "serial", "quadratic": "a"},
            OptionError,
            "serial' and quadratic",
        ),
        (
            ("y", "x", list("abcdefg")),
            {"structure": "serial"},
            OptionError,
            "127 chains; at most 6",
        ),
        (
            ("y", "x", "m1"),
            {"threshold": ("q", np.nan)},
            OptionError,
            r"a finite number such as \('q', 6.5\)",
        ),
        (
            ("y", "x", "m1"),
            {"threshold": ("q", "low")},
            OptionError,
            "a term and a finite number",
        ),
        (
            ("y", "x", "m1"),
            {"threshold": ("q", True)},
            OptionError,
            "a term and a finite number",
        ),
        (
            ("y", "x", "m1"),
            {"threshold": ("q", 1, 2)},
            OptionError,
            "a term and a finite number",
        ),
        (
            ("y", "x", "m1"),
            {"threshold": (6.5, "q")},
            OptionError,
            "a term and a finite number",
        ),
        (
            ("y", "x", "m1"),
            {"threshold": 6.5},
            OptionError,
            "a term, or a term and a finite number",
        ),
        (
            ("y", "x", "m1"),
            {"search_draws": True},
            OptionError,
            "requires an estimated threshold",
        ),
        (
            ("y", "x", "m1"),
            {"threshold": ("q", 1.0), "search_draws": True},
            OptionError,
            "requires an estimated threshold",
        ),
        (
            ("y", "x", "m1"),
            {"threshold": "q", "search_draws": 1},
            OptionError,
            "search_draws=1 must be True or False",
        ),
        (
            ("y", "x", "m1"),
            {"threshold": "q", "regime_intercept": None},
            OptionError,
            "regime_intercept=None must be True or False",
        ),
    ],
)
def test_constructor_refusals(arguments, options, error, words) -> None:
    with pytest.raises(error, match=words):
        Mediation(*arguments, **options)


def test_fit_refusals() -> None:
    frame = make(holes=False)
    frame["twice"], frame["x_again"] = (
        2 * frame["y"] + frame["city"],
        frame["x"] * 3 - frame["year"],
    )
    frame["national"] = frame["year"] ** 2.0
    panel = Panel(frame, "city", "year")
    with pytest.raises(
        IdentificationError,
        match=r"treatment 'size'.*city, year.*within effect is not identified",
    ):
        Mediation("y", "size", "m1", reps=20).fit(panel)
    with pytest.raises(IdentificationError, match="mediator 'national'"):
        Mediation("y", "x", "national", reps=20).fit(panel)
    with pytest.raises(
        CollinearityError, match="'twice' is collinear with the outcome 'y'"
    ):
        Mediation("y", "x", "twice", reps=20).fit(panel)
    with pytest.raises(
        CollinearityError, match="'x_again' is collinear with the treatment 'x'"
    ):
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
    mixed = Panel(
        frame.assign(mixed=(frame["city"] + frame["year"]) % 25), "city", "year"
    )
    with pytest.raises(OptionError, match="nested"):
        Mediation("y", "x", "m1", clusters="mixed", reps=20).fit(mixed)


@pytest.mark.parametrize(
    ("controls", "options", "error", "words"),
    [
        (
            ["x:w1"],
            {"moderator": "w1", "moderates": "a"},
            TermError,
            "'x:w1' is among the terms, but moderates",
        ),
        (
            ["I(x**2)"],
            {"quadratic": "a"},
            TermError,
            r"but quadratic adds it already; remove it from x",
        ),
        (
            [],
            {"moderator": "x", "moderates": "b"},
            TermError,
            r"the outcome, the treatment or a mediator.*quadratic",
        ),
        (
            [],
            {"moderator": "m1", "moderates": "a"},
            TermError,
            "the outcome, the treatment or a mediator",
        ),
        (
            [],
            {"moderator": "C(region)", "moderates": "a"},
            TermError,
            "each term must be one column",
        ),
        ([], {"moderator": "absent", "moderates": "a"}, ColumnError, "absent"),
        ([], {"threshold": "absent"}, ColumnError, "absent"),
        (
            [],
            {"threshold": ("w1", 99.0)},
            ThresholdSearchError,
            "leaves a regime without rows: 'w1' ranges from",
        ),
        ([], {"threshold": "flat"}, ThresholdSearchError, "'flat' has 1 value"),
        ([], {"quadratic": "a", "treatment": "binary"}, CollinearityError, "binary"),
    ],
)
def test_fit_refusals_of_structures(controls, options, error, words) -> None:
    frame = make(n=20, holes=False).assign(
        flat=1.0, binary=lambda d: (d["x"] > 0).astype(float)
    )
    options = {"treatment": "x", **options}
    spec = Mediation("y", options.pop("treatment"), "m1", controls, reps=20, **options)
    with pytest.raises(error, match=words):
        quiet(spec, Panel(frame, "city", "year"))


def test_a_moderator_that_only_differs_between_entities_needs_no_level() -> None:
    # Its level is absorbed by the entity effects, its products are not.
    frame = make(n=30).assign(east=lambda d: (d["city"] % 2).astype(float))
    results = quiet(
        Mediation(
            "y", "x", "m1", ["w1"], moderator="east", moderates=("a", "b"), reps=20
        ),
        Panel(frame, "city", "year"),
    )
    alone = FixedEffects("m1", ["x", "x:east", "w1"]).fit(Panel(frame, "city", "year"))
    got = results.paths["mediator:m1"].params
    np.testing.assert_allclose(
        got[["x", "x:east"]], alone.params[["x", "x:east"]], rtol=1e-9
    )
    assert "absorbed_level" in {notice.code for notice in results.diagnostics}


@pytest.mark.parametrize("moderates", ["a", "b", "direct"])
def test_a_level_in_some_equations_is_not_absorbed(moderates: str) -> None:
    spec = Mediation("y", "x", "m1", moderator="w1", moderates=moderates, reps=20)
    results = quiet(spec, Panel(make(n=30), "city", "year"))
    assert "absorbed_level" not in {notice.code for notice in results.diagnostics}


def test_problems_are_data() -> None:
    with pytest.raises(IdentificationError) as caught:
        Mediation("y", "size", "m1", reps=20).fit(
            Panel(make(holes=False), "city", "year")
        )
    assert caught.value.problems[0].data["column"] == "size"


# --- limits at their edge -------------------------------------------------------------


def test_a_chain_has_at_most_six_mediators() -> None:
    names = [f"m{j}" for j in range(7)]
    assert Mediation("y", "x", names[:6], structure="serial").mediators == tuple(
        names[:6]
    )
    assert Mediation("y", "x", names, structure="parallel").mediators == tuple(names)
    with pytest.raises(OptionError, match="at most 6"):
        Mediation("y", "x", names, structure="serial")


@pytest.mark.parametrize(
    ("clusters", "limit", "near"), [(64, 0.75, 5.0), (225, 0.5, 1.3)]
)
def test_large_influence_is_6_over_the_root_of_clusters_and_half_an_error(
    clusters: int, limit: float, near: float
) -> None:
    """The farther one city's slope from the others', the more its loss moves."""
    rng = np.random.default_rng(clusters)
    frame = pd.DataFrame(
        {
            "city": np.repeat(np.arange(clusters), 4),
            "year": np.tile(np.arange(4), clusters),
        }
    )
    frame = frame.assign(x=rng.normal(size=len(frame)), m=rng.normal(size=len(frame)))
    frame["y"] = frame["x"] + frame["m"] + rng.normal(size=len(frame))
    moved = []
    for odd in near * 1.05 ** np.arange(6):
        data = frame.assign(y=frame["y"] + odd * frame["x"] * (frame["city"] == 0))
        results = quiet(Mediation("y", "x", "m", reps=20), Panel(data, "city", "year"))
        told = [n.data for n in results.diagnostics if n.code == "influential_cluster"]
        if told:
            (data,) = told
            gap = abs(data["without"] - results.params[data["term"]])
            moved.append(gap / results.std_errors[data["term"]])
            break
        moved.append(0.0)
    assert len(moved) > 1
    assert limit <= moved[-1] < 1.06 * limit


def test_a_mean_of_more_than_1e4_standard_deviations_is_far_from_zero() -> None:
    rng = np.random.default_rng(2)
    frame = pd.DataFrame(rng.normal(size=(300, 3)), columns=["x", "m", "y"])
    frame = frame.assign(
        city=np.repeat(np.arange(50), 6), year=np.tile(np.arange(6), 50)
    )
    w = rng.normal(size=300)
    w = (w - w.mean()) / w.std()
    spec = Mediation("y", "x", "m", moderator="w", moderates=["a"], reps=20)

    def ratios(mean: float) -> list[float]:
        results = quiet(spec, Panel(frame.assign(w=w + mean), "city", "year"))
        near = [n.data for n in results.diagnostics if n.code == "near_collinear"]
        return [data["value"] for data in near if data["measure"] == "mean"]

    assert ratios(0.99e4) == []
    assert ratios(1.01e4) == [pytest.approx(1.01e4)]


def test_monte_carlo_draws_from_t_below_40_clusters() -> None:
    """Both have the same estimates: only the tails of what is drawn tell them apart."""

    def wide(clusters: int) -> float:
        frame = make(3, n=clusters, holes=False)
        results = quiet(
            Mediation("y", "x", "m1", reps=20), Panel(frame, "city", "year")
        )
        normal = results.interval("monte_carlo").loc["direct"]
        return (
            (normal["conf_high"] - normal["conf_low"])
            / results.std_errors["direct"]
            / 2
        )

    assert wide(39) == pytest.approx(2.0244, abs=0.03)
    assert wide(40) == pytest.approx(1.9600, abs=0.03)


@pytest.mark.filterwarnings("ignore:the 95% interval of the total effect")
def test_spatial_lags_can_be_treatments_mediators_and_controls() -> None:
    borders = dp.SpatialWeights.from_neighbours(dp.datasets.us_neighbours())
    states = dp.datasets.us_states().assign(capital="log(pc)", jobs="log(emp)")
    panel = states.assign(w_capital=borders.lag("capital"), w_jobs=borders.lag("jobs"))
    results = Mediation(
        "log(gsp)", "w_capital", "w_jobs", ["capital", "jobs"], reps=199
    ).fit(panel, rng=1)

    first = FixedEffects("w_jobs", ["w_capital", "capital", "jobs"]).fit(panel)
    second = FixedEffects("log(gsp)", ["w_capital", "w_jobs", "capital", "jobs"]).fit(
        panel
    )
    indirect = first.params["w_capital"] * second.params["w_jobs"]
    assert results.params["indirect:w_jobs"] == pytest.approx(indirect, rel=1e-9)
    assert results.params["direct"] == pytest.approx(
        second.params["w_capital"], rel=1e-9
    )
