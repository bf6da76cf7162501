"""What a mediation tells without rows: intervals, contrasts, tests, words.

Also conditional effects.
"""

from __future__ import annotations

import copy
import json
import pickle
import warnings
from dataclasses import FrozenInstanceError, replace
from functools import cache
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import digiprosper as dp
from digiprosper import FixedEffects, HasDraws, Mediation, Panel, Results
from digiprosper.errors import (
    CovarianceWarning,
    IdentificationError,
    IdentificationWarning,
    InputTypeError,
    OptionError,
    TermError,
)
from digiprosper.kernels import intervals
from digiprosper.mediation.decisions import Test
from digiprosper.mediation.layout import is_specific
from digiprosper.mediation.results import _path_cells
from digiprosper.report.text import last_lines

STRUCTURES = {
    "parallel": {},
    "serial": {"structure": "serial"},
    "a": {"moderator": "w1", "moderates": "a"},
    "b": {"moderator": "w1", "moderates": "b"},
    "both": {"moderator": "w1", "moderates": ("a", "b")},
    "straight": {"moderator": "w1", "moderates": "direct"},
    "all": {"moderator": "w1", "moderates": ("a", "b", "direct")},
    "given": {"threshold": ("w2", 0.1)},
    "searched": {"threshold": "w2", "regime_intercept": False},
    "redrawn": {"threshold": "w2", "search_draws": True},
    "bent": {"quadratic": "a"},
    "bent twice": {"quadratic": ("a", "direct")},
}
CONSTANT = ("parallel", "serial")
VARYING = tuple(kind for kind in STRUCTURES if kind not in CONSTANT)
MOVING = tuple(kind for kind in VARYING if "threshold" not in STRUCTURES[kind])
METHODS = ("percentile", "delta", "bc", "bca", "monte_carlo")


def make(seed=0, n=45, periods=6, keep=0.85):
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

    frame = pd.DataFrame({"city": city, "year": year, "w1": draw(), "w2": draw()})
    frame["x"] = draw() + 0.4 * frame["w1"]
    frame["m1"] = (
        (0.6 + 0.3 * frame["w1"] + 0.05 * frame["x"]) * frame["x"]
        + 0.3 * frame["w2"]
        + draw()
    )
    frame["m2"] = -0.4 * frame["x"] + 0.2 * frame["m1"] + draw()
    slope = 0.5 - 0.2 * frame["w1"]
    frame["y"] = (
        (0.3 + 0.1 * frame["w1"]) * frame["x"]
        + slope * frame["m1"]
        + 0.2 * frame["m2"]
        + draw()
    )
    return frame[(rng.random(city.size) < keep) | (year < 2003)].reset_index(drop=True)


def quiet(spec, frame, rng=1):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return spec.fit(Panel(frame, "city", "year"), rng=rng)


def spec_of(kind, **options):
    words = {"reps": 199, **STRUCTURES[kind], **options}
    return Mediation("y", "x", ["m1", "m2"], ["w1", "w2"], **words)


@cache
def fitted(kind):
    return quiet(spec_of(kind), make())


# --- the identity ---------------------------------------------------------------------


@pytest.mark.many(2)
@pytest.mark.parametrize("kind", STRUCTURES)
def test_total_is_direct_plus_indirect(kind) -> None:
    results = fitted(kind)
    for values in (results.params, results.draws):
        total, direct, indirect = (values[t] for t in ("total", "direct", "indirect"))
        assert np.max(np.abs(total - direct - indirect)) < 1e-12
        chains = [term.name for term in results.terms if is_specific(term)]
        assert np.max(np.abs(sum(values[n] for n in chains) - indirect)) < 1e-12
    assert results.lost_draws == 0
    # The covariance knows it too: V(total) is that of the sum, where no factor counts
    # each equation's slopes.
    cov = quiet(spec_of(kind, ssc="none", reps=20), make()).cov
    want = (
        cov.loc["direct", "direct"]
        + cov.loc["indirect", "indirect"]
        + 2 * cov.loc["direct", "indirect"]
    )
    assert cov.loc["total", "total"] == pytest.approx(want, rel=1e-9)


@pytest.mark.many(1)
@pytest.mark.parametrize("kind", ["given", "searched", "redrawn"])
def test_each_regime_adds_up(kind) -> None:
    values = fitted(kind).draws
    for r in ("regime1", "regime2"):
        whole = values[f"direct:{r}"] + values[f"indirect:{r}"]
        np.testing.assert_allclose(values[f"total:{r}"], whole, atol=1e-12)
        parts = values[f"indirect:m1:{r}"] + values[f"indirect:m2:{r}"]
        np.testing.assert_allclose(values[f"indirect:{r}"], parts, atol=1e-12)
    for name, term in (
        ("direct", "direct"),
        ("indirect:m1", "m1"),
        ("indirect:m2", "m2"),
    ):
        gap = values[f"{name}:regime2"] - values[f"{name}:regime1"]
        np.testing.assert_allclose(values[f"difference:{term}"], gap, atol=1e-12)


def test_a_chain_splits_what_runs_side_by_side() -> None:
    side, chain = fitted("parallel"), fitted("serial")
    for term in ("total", "direct", "indirect", "proportion_mediated"):
        assert chain.params[term] == pytest.approx(side.params[term], abs=1e-12)
        np.testing.assert_allclose(
            chain.draws[term], side.draws[term], rtol=1e-12, atol=1e-12
        )
    # Without a factor for each equation's own count of slopes the errors are equal too.
    plain = [
        quiet(spec_of(kind, ssc="none", reps=20), make()).std_errors
        for kind in CONSTANT
    ]
    for term in ("total", "direct", "indirect", "proportion_mediated"):
        assert plain[0][term] == pytest.approx(plain[1][term], rel=1e-9)
    assert chain.params["indirect:m1"] == pytest.approx(
        side.params["indirect:m1"], abs=1e-12
    )
    assert abs(chain.params["indirect:m2"] - side.params["indirect:m2"]) > 1e-3


# --- five intervals -------------------------------------------------------------------


@pytest.mark.many(1)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", STRUCTURES)
def test_every_interval_agrees_with_its_p(kind, method) -> None:
    results = fitted(kind)
    frame = results.interval(method)
    assert list(frame.columns) == ["estimate", "conf_low", "conf_high", "p_value"]
    assert tuple(frame.index) == results.names
    known = frame.dropna()
    assert len(known) >= len(frame) - 1
    assert (known["conf_low"] < known["conf_high"]).all()
    assert known["p_value"].between(0, 1).all()
    if method != "delta":
        assert (known["p_value"] > 0).all()
    out = (known["conf_low"] > 0) | (known["conf_high"] < 0)
    # bc and bca read the ends between two draws, and their p counts whole draws: within
    # one of the 199.
    near = (known["p_value"] - 0.05).abs() < (
        0.02 if method in ("bc", "bca") else 1e-12
    )
    assert ((known["p_value"] <= 0.05 + 1e-12) == out)[~near].all()
    wide = results.interval(method, level=0.5).loc[known.index]
    assert (
        (wide["conf_low"] >= known["conf_low"])
        & (wide["conf_high"] <= known["conf_high"])
    ).all()


def test_percentile_is_what_tidy_shows() -> None:
    results = fitted("all")
    tidy = results.tidy(0.9).set_index("term")
    frame = results.interval(level=0.9)
    for column in frame.columns:
        np.testing.assert_array_equal(tidy[column], frame[column])
    errors = np.sqrt(np.diag(results.cov))
    np.testing.assert_allclose(tidy["std_error"], errors)
    np.testing.assert_allclose(tidy["statistic"], results.params / errors)
    ranked = np.sort(results.draws["indirect"])
    assert tuple(tidy.loc["indirect", ["conf_low", "conf_high"]]) == pytest.approx(
        (ranked[9], ranked[189])
    )


@pytest.mark.parametrize("kind", ["parallel", "serial", "a", "redrawn", "bent"])
@pytest.mark.many(1)
def test_bca_has_the_acceleration_of_fits_without_each_city(kind) -> None:
    frame, results = make(n=20), quiet(spec_of(kind), make(n=20))
    options = {"reps": 20}
    if kind == "redrawn":  # the acceleration, as the standard error, is given the value
        options |= {"threshold": ("w2", results.threshold), "search_draws": False}
    without = []
    for city in range(20):
        left = quiet(spec_of(kind, **options), frame[frame["city"] != city])
        # Averages and quantiles are those of the whole sample: the coefficients are
        # what changes.
        without.append(
            results.system.products.evaluate(left.system.estimates[None, :])[0]
        )
    acceleration = intervals.acceleration(np.array(without))
    known = ~np.isnan(results.estimates)
    ends = intervals.bca(
        results.draw_values, results.estimates, acceleration, clusters=None
    )
    p = intervals.bca_p(
        results.draw_values, results.estimates, acceleration, clusters=None
    )
    got = results.interval("bca").to_numpy()[known, 1:].T
    np.testing.assert_allclose(
        got, np.vstack([*ends, p])[:, known], rtol=1e-6, atol=1e-9
    )
    assert np.abs(acceleration[known]).max() > 0.01


def test_monte_carlo_approaches_the_product_of_normal_estimates() -> None:
    # 45 clusters: normal draws. Error of a simulated quantile: sqrt(q (1 - q) / 19,999)
    # / density, where the density is taken from the exact distribution; four of them.
    results = fitted("parallel")
    drawn = results.interval("monte_carlo")
    exact, wider = (results.product_interval(level=level) for level in (0.95, 0.94))
    for term in ("indirect:m1", "indirect:m2"):
        for end, direction in (("conf_low", 1), ("conf_high", -1)):
            density = 0.005 / (
                direction * (wider.loc[term, end] - exact.loc[term, end])
            )
            error = np.sqrt(0.025 * 0.975 / 19_999) / density
            assert drawn.loc[term, end] == pytest.approx(
                exact.loc[term, end], abs=4 * error
            )
    # The direct effect is one coefficient: its simulated ends are those of the normal
    # distribution.
    error = 4 * np.sqrt(0.025 * 0.975 / 19_999) / stats.norm.pdf(1.96)
    row = drawn.loc["direct"]
    for end, z in (("conf_low", -1.96), ("conf_high", 1.96)):
        assert (row[end] - row["estimate"]) / results.std_errors[
            "direct"
        ] == pytest.approx(z, abs=error)


def test_monte_carlo_of_few_clusters_draws_from_t() -> None:
    results = quiet(spec_of("parallel"), make(n=12))
    row, critical = (
        results.interval("monte_carlo").loc["direct"],
        stats.t.ppf(0.975, 11),
    )
    error = 4 * np.sqrt(0.025 * 0.975 / 19_999) / stats.t.pdf(critical, 11)
    half = np.array(
        [row["estimate"] - row["conf_low"], row["conf_high"] - row["estimate"]]
    )
    np.testing.assert_allclose(
        half / results.std_errors["direct"], critical, atol=error
    )


def test_monte_carlo_depends_on_the_seed_alone() -> None:
    again = quiet(spec_of("parallel", reps=20), make(), rng=1)
    other = quiet(spec_of("parallel", reps=20), make(), rng=2)
    want = fitted("parallel").interval("monte_carlo").loc["indirect"]
    np.testing.assert_allclose(
        again.interval("monte_carlo").loc["indirect"], want, rtol=1e-10
    )
    assert (other.interval("monte_carlo").loc["indirect"] != want).iloc[1:].any()


@pytest.mark.many(2)
@pytest.mark.parametrize("kind", STRUCTURES)
def test_lost_draws_are_left_out_of_every_method(kind) -> None:
    results = fitted(kind)
    keep = np.arange(199) >= 40

    def without(rows, gone):
        rows = rows.copy()
        rows[~keep] = np.nan
        return rows if gone else rows[keep]

    made = []
    for gone in (True, False):
        paths = replace(
            results.system,
            draws=without(results.system.draws, gone),
            moment_draws=without(results.system.moment_draws, gone),
        )
        estimated = replace(
            results.estimated, draw_values=without(results.draw_values, gone)
        )
        made.append(replace(results, estimated=estimated, system=paths))
    lost, fewer = made
    assert (lost.lost_draws, fewer.lost_draws) == (40, 0)
    for method in METHODS:
        pd.testing.assert_frame_equal(
            lost.interval(method), fewer.interval(method), rtol=1e-12
        )
    pd.testing.assert_frame_equal(lost.contrasts(), fewer.contrasts(), rtol=1e-12)
    if kind in MOVING:
        pd.testing.assert_frame_equal(
            lost.conditional_effects(), fewer.conditional_effects(), rtol=1e-12
        )
        effect = lost.routes[0].name
        assert (
            lost.johnson_neyman(effect).regions == fewer.johnson_neyman(effect).regions
        )
    if kind == "parallel":
        pd.testing.assert_frame_equal(lost.two_step(), fewer.two_step())
        actual, want = (r.sensitivity("m1").to_dict() for r in made)
        assert actual["curve"] == want["curve"]


def test_a_missing_share_is_missing_in_every_method() -> None:
    frame = make()
    frame["y"] -= 1.2 * frame["m1"]
    results = quiet(spec_of("parallel"), frame)
    assert results.params["direct"] * results.params["indirect"] < 0
    for method in METHODS:
        table = results.interval(method)
        assert table.loc["proportion_mediated"].isna().all(), method
        assert np.isfinite(table.drop("proportion_mediated")).all(axis=None), method
    assert results.contrasts().notna().all(axis=None)
    assert "Share of the total effect" not in results.summary()


# --- products -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", CONSTANT)
def test_product_interval_takes_errors_and_correlation_from_the_joint_covariance(
    kind,
) -> None:
    results = fitted(kind)
    frame = results.product_interval(level=0.9)
    assert list(frame.columns) == ["estimate", "conf_low", "conf_high", "p_value"]
    assert list(frame.index) == ["indirect:m1", "indirect:m2"]
    assert frame.index.name == "term"
    for m in ("m1", "m2"):
        first, second = results.paths[f"mediator:{m}"], results.paths["outcome"]
        a, b = first.params["x"], second.params[m]
        s_a, s_b = first.std_errors["x"], second.std_errors[m]
        # Var(ab) by the joint delta holds their covariance.
        v_ab = (
            (
                results.cov.loc[f"indirect:{m}", f"indirect:{m}"]
                - (a * s_b) ** 2
                - (b * s_a) ** 2
            )
            / 2
            / a
            / b
        )
        r = v_ab / s_a / s_b
        assert abs(r) > 1e-3
        row = frame.loc[f"indirect:{m}"]
        assert row["estimate"] == pytest.approx(
            results.params[f"indirect:{m}"], rel=1e-12
        )
        want = intervals.product_interval(a, b, s_a, s_b, r, 0.9)
        assert (row["conf_low"], row["conf_high"]) == pytest.approx(want, rel=1e-7)
        assert row["p_value"] == pytest.approx(
            intervals.product_p(a, b, s_a, s_b, r), rel=1e-6
        )
        at_p = results.product_interval(level=1 - row["p_value"]).loc[f"indirect:{m}"]
        assert min(abs(at_p["conf_low"]), abs(at_p["conf_high"])) < 1e-10


def test_products_of_one_chain_are_sobels() -> None:
    results = fitted("serial")
    first, second = results.paths["mediator:m2"], results.paths["outcome"]
    a, b = first.params["x"], second.params["m2"]
    s_a, s_b = first.std_errors["x"], second.std_errors["m2"]
    for kind, sign in (("sobel", 0), ("aroian", 1), ("goodman", -1)):
        row = results.sobel(kind).loc["indirect:m2"]
        error = np.sqrt((a * s_b) ** 2 + (b * s_a) ** 2 + sign * (s_a * s_b) ** 2)
        assert row["std_error"] == pytest.approx(error, rel=1e-12)
        assert row["statistic"] == pytest.approx(a * b / error, rel=1e-12)
        assert row["p_value"] == pytest.approx(
            2 * stats.norm.sf(abs(a * b / error)), rel=1e-10
        )
    with pytest.raises(OptionError, match="'sobel', 'aroian', 'goodman'"):
        results.sobel("baron")


def test_joint_significance_is_the_larger_p() -> None:
    results = fitted("parallel")
    frame = results.joint_significance()
    for m in ("m1", "m2"):
        row = frame.loc[f"indirect:{m}"]
        assert row["p_a"] == results.paths[f"mediator:{m}"].pvalues["x"]
        assert row["p_b"] == results.paths["outcome"].pvalues[m]
        assert row["p_value"] == max(row["p_a"], row["p_b"])
    # t(G - 1) of the fit.
    t = results.paths["outcome"].tstats["m1"]
    assert frame.loc["indirect:m1", "p_b"] == pytest.approx(
        2 * stats.t.sf(abs(t), 44), rel=1e-10
    )


# --- contrasts ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", STRUCTURES)
def test_contrasts_are_differences(kind) -> None:
    results = fitted(kind)
    frame = results.contrasts(level=0.9)
    assert list(frame.columns) == [
        "estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high",
    ]  # fmt: skip
    chains = [
        "indirect:m1",
        "indirect:m2",
        *(["indirect:m1>m2"] if kind == "serial" else []),
    ]
    pairs = list(combinations(chains, 2))
    moving = [n.removesuffix(":p90") for n in results.names if n.endswith(":p90")]
    pairs += [(f"{n}:p90", f"{n}:p10") for n in moving]
    assert list(frame.index) == [f"{one} - {two}" for one, two in pairs]
    for (one, two), (_, row) in zip(pairs, frame.iterrows(), strict=True):
        assert row["estimate"] == pytest.approx(
            results.params[one] - results.params[two], rel=1e-12
        )
        cov = results.cov.loc[[one, two], [one, two]].to_numpy()
        assert row["std_error"] == pytest.approx(
            np.sqrt(cov[0, 0] + cov[1, 1] - 2 * cov[0, 1]), rel=1e-9
        )
        assert row["statistic"] == pytest.approx(
            row["estimate"] / row["std_error"], rel=1e-12
        )
        draws = (results.draws[one] - results.draws[two]).to_numpy()
        ends = intervals.percentile(draws, 0.9, clusters=None)
        assert (row["conf_low"], row["conf_high"]) == pytest.approx(ends, rel=1e-12)
        assert row["p_value"] == intervals.percentile_p(draws, clusters=None)


def test_one_mediator_has_no_contrast() -> None:
    results = quiet(Mediation("y", "x", "m1", reps=20), make())
    assert results.contrasts().empty


# --- effects that depend on a variable ------------------------------------------------


@pytest.mark.parametrize("kind", MOVING)
def test_conditional_effects_at_quantiles_are_the_terms(kind) -> None:
    results = fitted(kind)
    frame, tidy = (
        results.conditional_effects(level=0.9),
        results.tidy(0.9).set_index("term"),
    )
    variable = make().dropna()["x" if "bent" in kind else "w1"]
    assert list(frame.columns) == [
        "effect", "at", "estimate", "std_error", "statistic", "p_value", "conf_low",
        "conf_high",
    ]  # fmt: skip
    assert list(frame["effect"]) == [r.name for r in results.routes for _ in range(3)]
    points = np.quantile(variable, [0.1, 0.5, 0.9])
    np.testing.assert_allclose(
        frame["at"].to_numpy().reshape(-1, 3), np.tile(points, (len(frame) // 3, 1))
    )
    terms = [f"{r.name}:{p}" for r in results.routes for p in ("p10", "p50", "p90")]
    assert set(terms) == {term.name for term in results.terms if term.point}
    for column in frame.columns[2:]:
        np.testing.assert_allclose(
            frame[column], tidy.loc[terms, column], rtol=1e-9, err_msg=column
        )


@pytest.mark.parametrize("kind", MOVING)
def test_conditional_effects_anywhere_by_hand(kind) -> None:
    results = fitted(kind)
    outcome, by = (
        results.paths["outcome"].params,
        "I(x**2)" if "bent" in kind else "x:w1",
    )
    twice = 2 if "bent" in kind else 1
    for v in (-3.0, 0.0, 0.7):
        frame = results.conditional_effects([v]).set_index("effect")["estimate"]
        for m in ("m1", "m2"):
            if f"indirect:{m}" in frame.index:
                first = results.paths[f"mediator:{m}"].params
                a = first["x"] + twice * v * first.get(by, 0.0)
                b = outcome[m] + v * outcome.get(f"{m}:w1", 0.0)
                assert frame[f"indirect:{m}"] == pytest.approx(a * b, rel=1e-9)
        if "direct" in frame.index:
            want = outcome["x"] + twice * v * outcome[by]
            assert frame["direct"] == pytest.approx(want, rel=1e-9)
    one = results.conditional_effects(0.7)
    pd.testing.assert_frame_equal(one, results.conditional_effects((0.7,)))


def test_effects_beyond_the_moderator_are_reported() -> None:
    results = fitted("straight")
    low, high = results.quantiles[[0, -1]]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        results.conditional_effects([low, high])
        results.conditional_effects()
    with pytest.warns(IdentificationWarning, match=f"'w1' is between {low:.4g} and"):
        results.conditional_effects([high + 1])


def test_a_conditional_error_is_that_of_its_coefficients() -> None:
    results = fitted("straight")
    fit = results.paths["outcome"]
    v = fit.cov.loc[["x", "x:w1"], ["x", "x:w1"]].to_numpy()
    row = results.conditional_effects([2.0]).iloc[0]
    assert row["std_error"] == pytest.approx(
        np.sqrt(v[0, 0] + 4 * v[0, 1] + 4 * v[1, 1]), rel=1e-9
    )


@pytest.mark.many(3)
@pytest.mark.parametrize("kind", MOVING)
def test_johnson_neyman_by_substitution(kind) -> None:
    results = fitted(kind)
    critical = stats.t.ppf(0.95, results.df_t)
    for route in results.routes:
        actual = results.johnson_neyman(route.name, level=0.9)
        assert (actual.effect, actual.variable) == (route.name, results.variable)
        assert actual.support == (results.quantiles[0], results.quantiles[-1])
        ends = [
            e for region in actual.regions for e in region if e not in actual.support
        ]
        by_t = len(route.slopes) == 1
        assert actual.method == ("t" if by_t else "percentile")
        middles = [(lo + hi) / 2 for lo, hi in actual.regions]
        for points, inside in ((ends, False), (middles, True)):
            if not points:
                continue
            frame = results.conditional_effects(points, level=0.9)
            frame = frame[frame["effect"] == route.name]
            if by_t and not inside:
                np.testing.assert_allclose(
                    frame["statistic"].abs(), critical, rtol=1e-8
                )
            elif by_t:
                assert (frame["statistic"].abs() > critical).all()
            elif not inside:
                near = frame[["conf_low", "conf_high"]].abs().min(axis=1)
                assert (near < 1e-10).all()
            else:
                assert ((frame["conf_low"] > 0) | (frame["conf_high"] < 0)).all()
        at = actual.curve.iloc[[0, 200, 400]]
        frame = results.conditional_effects(at["at"].to_list(), level=0.9)
        frame = frame[frame["effect"] == route.name]
        np.testing.assert_allclose(at["estimate"], frame["estimate"], rtol=1e-8)
        if not by_t:
            np.testing.assert_allclose(at["conf_low"], frame["conf_low"], rtol=1e-8)


def test_johnson_neyman_asks_which_effect() -> None:
    with pytest.raises(
        OptionError,
        match=r"specify the effect; 'direct', 'indirect:m1', "
        r"'indirect:m2' depend on w1",
    ):
        fitted("all").johnson_neyman()
    with pytest.raises(OptionError, match=r"effect='indirect:m3'.*'indirect:m1'"):
        fitted("all").johnson_neyman("indirect:m3")
    assert fitted("straight").johnson_neyman().effect == "direct"


# --- decisions and robustness: what they are made of ----------------------------------


def test_a_decision_takes_its_tests_from_the_paths() -> None:
    results = fitted("parallel")
    decision = results.decision("m1")
    for test, path, term in (
        (decision.total, "total", "x"),
        (decision.a, "mediator:m1", "x"),
        (decision.b, "outcome", "m1"),
        (decision.direct, "outcome", "x"),
    ):
        fit = results.paths[path]
        assert test == Test(fit.params[term], fit.tstats[term], fit.pvalues[term])
    assert decision.indirect.p_value == results.pvalues["indirect:m1"]
    assert decision.indirect.estimate == results.params["indirect:m1"]
    assert decision.conventions == results.conventions


def test_two_steps_are_the_mediators_equations() -> None:
    frame = fitted("parallel").two_step()
    for m in ("m1", "m2"):
        fit = fitted("parallel").paths[f"mediator:{m}"]
        want = [fit.params["x"], fit.std_errors["x"], fit.tstats["x"], fit.pvalues["x"]]
        np.testing.assert_allclose(
            frame.loc[m].iloc[:4].to_numpy(dtype=float), want, rtol=1e-9
        )
    np.testing.assert_allclose(
        frame["p_holm"], intervals.holm(frame["p_value"].to_numpy())
    )
    assert (frame["p_romano_wolf"] >= 1 / 200).all()


def test_sensitivity_starts_at_ab_and_ends_at_the_correlation_of_residuals() -> None:
    frame, results = make(), fitted("parallel")
    dummies = [
        np.eye(c.max() + 1)[c]
        for c in (pd.factorize(frame[k])[0] for k in ("city", "year"))
    ]
    for m, other in (("m1", "m2"), ("m2", "m1")):
        design = np.column_stack([*dummies, frame[["x", other, "w1", "w2"]]])
        both = frame[["y", m]].to_numpy()
        rest = both - design @ np.linalg.lstsq(design, both, rcond=1e-10)[0]
        actual = results.sensitivity(m, rho=[0.0, np.corrcoef(rest.T)[0, 1]])
        assert actual.rho_at_zero == pytest.approx(np.corrcoef(rest.T)[0, 1], rel=1e-8)
        assert actual.curve["indirect"][0] == pytest.approx(
            results.params[f"indirect:{m}"], rel=1e-10
        )
        assert actual.curve["indirect"][1] == pytest.approx(0, abs=1e-9)
        low, high = results.interval().loc[f"indirect:{m}", ["conf_low", "conf_high"]]
        assert tuple(actual.curve.iloc[0, 2:]) == pytest.approx((low, high), rel=1e-8)


def test_robustness_value_is_of_the_unadjusted_t() -> None:
    frame = fitted("parallel").robustness_value("m1", level=0.9)
    panel = Panel(make(), "city", "year")
    for row, (y, x, term) in {
        "a": ("m1", ["x", "w1", "w2"], "x"),
        "b": ("y", ["x", "m1", "m2", "w1", "w2"], "m1"),
    }.items():
        fit = FixedEffects(y, x, cov_type="unadjusted").fit(panel)
        t, df = fit.tstats[term], fit.glance()["df_resid"]
        assert frame.loc[row, "partial_r2"] == pytest.approx(
            t**2 / (t**2 + df), rel=1e-9
        )
        f = abs(t) / np.sqrt(df)
        assert frame.loc[row, "rv"] == pytest.approx(
            (np.sqrt(f**4 + 4 * f**2) - f**2) / 2, rel=1e-9
        )


# --- refusals -------------------------------------------------------------------------

ONE_EFFECT = (
    "sobel", "joint_significance", "product_interval", "decision", "two_step",
    "sensitivity",
    "robustness_value", "path_rows",
)  # fmt: skip


@pytest.mark.parametrize("method", ONE_EFFECT)
@pytest.mark.parametrize("kind", ["a", "straight", "given", "bent"])
def test_methods_about_one_effect_refuse_many(kind, method) -> None:
    results = fitted(kind)
    words = rf"^{method} .* depends on '{results.variable}'"
    with pytest.raises(OptionError, match=words):
        getattr(results, method)()


@pytest.mark.parametrize("kind", ["parallel", "serial", "given", "redrawn"])
def test_methods_about_a_line_refuse_points(kind) -> None:
    for method in ("conditional_effects", "johnson_neyman"):
        with pytest.raises(
            OptionError,
            match=f"{method}: no effect of this fit depends on a continuous",
        ):
            getattr(fitted(kind), method)()


@pytest.mark.parametrize("method", ["decision", "sensitivity", "robustness_value"])
def test_a_mediator_has_to_be_named_and_known(method) -> None:
    with pytest.raises(OptionError, match="specify the mediator: 'm1', 'm2'"):
        getattr(fitted("parallel"), method)()
    with pytest.raises(
        OptionError, match="mediator='m3' is not known; use one of 'm1', 'm2'"
    ):
        getattr(fitted("parallel"), method)("m3")


def test_two_step_refuses_a_chain() -> None:
    with pytest.raises(OptionError, match=r"two_step.*structure='parallel'"):
        fitted("serial").two_step()


@pytest.mark.parametrize(
    "at", [[], [np.nan], [1.0, np.inf], "p10", [[1.0, 2.0]], {"w": 1}]
)
def test_values_have_to_be_finite_numbers(at) -> None:
    with pytest.raises(OptionError, match=r"at=.* one or more finite numbers"):
        fitted("a").conditional_effects(at)


@pytest.mark.parametrize("level", [0, 1, 95, True, "0.95"])
def test_every_level_is_checked(level) -> None:
    plain, moved = fitted("parallel"), fitted("straight")
    for ask in (
        plain.contrasts,
        plain.product_interval,
        moved.conditional_effects,
        moved.johnson_neyman,
        lambda *, level: plain.interval("bca", level=level),
        lambda *, level: plain.decision("m1", level=level),
        lambda *, level: plain.sensitivity("m1", level=level),
        lambda *, level: plain.robustness_value("m1", level=level),
    ):  # fmt: skip
        with pytest.raises(OptionError, match="a number between 0 and 1"):
            ask(level=level)


def test_an_unknown_method_is_told_the_five() -> None:
    words = "'percentile', 'delta', 'bc', 'bca', 'monte_carlo'"
    with pytest.raises(OptionError, match=words):
        fitted("a").interval("bootstrap")


def test_without_an_error_and_with_two_drawn_cities_there_are_estimates_only() -> None:
    # Two cities with both effects: scores add up to zero in each.
    frame = make(keep=1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = Mediation("y", "x", "m1", reps=40).fit(
            Panel(frame[frame["city"] < 2], "city", "year"), rng=1
        )
    assert results.std_errors.isna().all()
    for method in ("delta", "monte_carlo"):
        assert (
            results.interval(method)[["conf_low", "conf_high", "p_value"]]
            .isna()
            .all(axis=None)
        )
    assert (
        results.product_interval()[["conf_low", "conf_high", "p_value"]]
        .isna()
        .all(axis=None)
    )
    assert results.interval("percentile").loc["indirect"].isna().tolist() == [
        False,
        True,
        True,
        True,
    ]
    assert results.draws["indirect"].notna().any()
    with pytest.raises(IdentificationError, match="no test of the path"):
        results.decision()


def test_goodmans_variance_is_negative_where_squares_of_t_add_up_to_less_than_one() -> (
    None
):
    frame, seen = make(n=15), set()
    for seed in range(12):
        frame["m1"] = np.random.default_rng(seed).normal(size=len(frame))
        results = quiet(Mediation("y", "x", "m1", reps=20), frame)
        t = (
            results.paths["mediator:m1"].tstats["x"],
            results.paths["outcome"].tstats["m1"],
        )
        negative = t[0] ** 2 + t[1] ** 2 < 1
        seen.add(negative)
        if not negative:
            assert results.sobel("goodman").notna().all(axis=None)
            continue
        with pytest.warns(
            CovarianceWarning, match="Goodman's variance of 'indirect:m1' is negative"
        ):
            row = results.sobel("goodman").iloc[0]
        assert row.iloc[1:].isna().all()
    assert seen == {True, False}


# --- words, copies, plain data --------------------------------------------------------


@pytest.mark.parametrize("kind", STRUCTURES)
@pytest.mark.many(2)
def test_words_copies_and_plain_data(kind) -> None:
    results = fitted(kind)
    assert isinstance(results, Results)
    assert isinstance(results, HasDraws)
    text = results.summary()
    lines = text.splitlines()
    assert max(map(len, lines)) <= 80
    assert text.endswith("\n".join(last_lines(results.conventions, results.settings)))
    assert repr(results) == text
    want = [results.interval(method) for method in ("bca", "monte_carlo")]
    for other in (pickle.loads(pickle.dumps(results)), copy.deepcopy(results)):
        assert other.summary() == text
        np.testing.assert_array_equal(other.draw_values, results.draw_values)
        for method, frame in zip(("bca", "monte_carlo"), want, strict=True):
            pd.testing.assert_frame_equal(other.interval(method), frame)
    plain = json.loads(json.dumps(results.to_dict(), allow_nan=False))
    assert plain["type"] == "MediationResults"
    assert plain["schema"] == 1
    assert [row["term"] for row in plain["terms"]] == list(results.names)
    assert list(plain["paths"]) == ["total", "mediator:m1", "mediator:m2", "outcome"]
    kinds = {
        "parallel": "parallel",
        "serial": "serial",
        "bent": "quadratic",
        "bent twice": "quadratic",
    }
    kinds |= dict.fromkeys(("given", "searched", "redrawn"), "threshold")
    assert plain["structure"] == results.structure == kinds.get(kind, "moderated")
    assert plain["variable"] == (results.variable or None)
    assert plain["threshold"] == results.threshold
    assert plain["draws"] == {
        "count": 199,
        "lost": 0,
        "drawn": "entity",
        "clusters": 45,
    }
    with pytest.raises((FrozenInstanceError, TypeError)):
        results.threshold = 1.0
    assert (results.regimes.empty) == ("threshold" not in STRUCTURES[kind])


def test_words_of_each_structure() -> None:
    assert fitted("parallel").summary().startswith("Mediation: x -> m1, m2 -> y")
    assert fitted("serial").summary().startswith("Mediation: x -> m1 -> m2 -> y")
    moved = " ".join(fitted("a").summary().split())
    assert (
        "They depend on w1; terms without a suffix are averages over the rows of "
        "the sample, and every total"
    ) in moved
    assert "w1: p10 = " in moved
    row = fitted("a").tidy().set_index("term").loc["index:m1"]
    shown = row["conf_low"] > 0 or row["conf_high"] < 0
    assert f"index:m1: {row['estimate']:.4g}, interval [" in moved
    assert ("the effect depends significantly on it" in moved) >= shown
    parted = fitted("searched")
    words = " ".join(parted.summary().split())
    low, high = parted.regimes["nobs"]
    assert (
        f"Regimes split at w2 = {parted.threshold:.5g}: {low:,} rows at or below, "
        f"{high:,} above."
    ) in words
    assert "each has its own intercept" in " ".join(fitted("given").summary().split())
    assert "difference:m1: " in words
    assert "x: p10 = " in " ".join(fitted("bent").summary().split())


@pytest.mark.parametrize("kind", CONSTANT)
def test_rows_for_the_table_stand_in_the_column_of_the_outcome(kind) -> None:
    results = fitted(kind)
    rows = results.path_rows()
    chains = [
        n.removeprefix("indirect:").replace(">", " → ")
        for n in results.names
        if ":" in n
    ]
    first = "Indirect effect through {} [95% interval]"
    assert [name for name in rows if "Indirect" in name] == [
        first.format(c) for c in chains
    ]
    for name, cells in rows.items():
        assert len(cells) == len(results.paths), name
        assert cells[:-1] == [""] * (len(cells) - 1)
    ends = results.interval().loc["indirect:m1"]
    want = f"{ends['estimate']:.3f} [{ends['conf_low']:.3f}, {ends['conf_high']:.3f}]"
    assert rows[first.format("m1")][-1] == want
    assert (
        rows["Sobel z through m1"][-1]
        == f"{results.sobel().loc['indirect:m1', 'statistic']:.2f}"
    )
    assert list(results.path_rows("m2")) == [
        first.format("m2"),
        "Bootstrap p through m2",
        "Sobel z through m2",
    ]
    labelled = replace(results, labels={"m1": "jobs"}).path_rows("m1", digits=2)
    assert labelled[first.format("jobs")][-1].startswith(f"{ends['estimate']:.2f} [")
    with pytest.raises(OptionError, match="digits=-1"):
        results.path_rows(digits=-1)


def test_cells_without_draws_or_sobel_are_left_out() -> None:
    drawn = np.array([0.2, 0.1, 0.3, 0.01])
    assert _path_cells(drawn, None, 3, computed=False) == {"effect": "0.200"}
    assert _path_cells(drawn, 2.0, 3, computed=True) == {
        "interval": "0.200 [0.100, 0.300]",
        "bootstrap": "0.010",
        "sobel": "2.00",
    }


def test_small_numbers_keep_their_digits() -> None:
    drawn = np.array([0.00123, np.nan, np.nan, np.nan])
    cells = _path_cells(drawn, -0.001, 2, computed=False)
    assert cells == {"effect": "0.0012", "sobel": "0.00"}


def test_other_languages_and_lists_of_labels_are_refused() -> None:
    results = fitted("parallel")
    with pytest.raises(OptionError):
        results.path_rows(language="cn")
    with pytest.raises(InputTypeError):
        results.path_rows(labels=["就业"])
    assert results.path_rows(labels={}) == results.path_rows(labels=None)


def test_rows_for_the_table_have_labels_inside_functions() -> None:
    frame = make().assign(m1=lambda f: np.exp(f["m1"]))
    results = quiet(
        Mediation("y", "x", ["log(m1)", "m2"], reps=40, structure="serial"), frame
    )
    labelled = replace(results, labels={"m1": "jobs", "m2": "wages"})
    rows = [name for name in labelled.path_rows() if "Indirect" in name]
    assert [name.removesuffix(" [95% interval]") for name in rows] == [
        "Indirect effect through log(jobs)",
        "Indirect effect through wages",
        "Indirect effect through log(jobs) → wages",
    ]


def test_rows_have_the_language_and_the_labels_of_their_table() -> None:
    results = replace(fitted("serial"), labels={"m1": "jobs", "m2": "wages"})
    rows, labels = results.path_rows(), {"m1": "就业", "m2": "工资"}
    chinese = dp.etable(
        results.paths, rows=rows, labels=labels, style=dp.TableStyle("zh")
    )
    names = chinese.frame.index.tolist()
    assert "经由就业的间接效应 [95%置信区间]" in names
    assert "经由就业 → 工资的自助法p值" in names
    # Labels of the rows themselves come first, and each row is printed once.
    own = results.path_rows(labels={"m1": "work", "m2": "wages"}, language="zh")
    english = dp.etable(results.paths, rows=own, labels={"m1": "employment"})
    names = english.frame.index.tolist()
    assert names.count("Bootstrap p through work → wages") == 1
    assert not any("employment" in name for name in names if "through" in name)


def test_rows_bring_their_note_once_in_the_language_of_the_table() -> None:
    results = replace(fitted("parallel"), labels={"firm": "enterprise"})
    unit = results.paths["outcome"].key_names[0]
    reps = results.inference.reps
    english = (
        f"Intervals and p-values of indirect effects: percentiles of {reps} bootstrap "
        f"draws, resampled by {unit}."
    )
    chinese = f"间接效应的置信区间和p值来自{reps}次自助抽样的分位数，按{unit}整群抽样。"
    rows = results.path_rows()
    table = dp.etable(results.paths, rows=rows, notes=["Mine."])
    assert table.notes[-2:] == (english, "Mine.")
    assert table.notes.count(english) == 1
    labels = {unit: "企业"}
    table = dp.etable(
        results.paths, rows=rows, labels=labels, style=dp.TableStyle("zh")
    )
    assert table.notes[-1] == chinese.replace(unit, "企业")
    assert english not in dp.etable(results.paths, rows={"Mine": [""] * 4}).notes


def test_rows_for_the_table_are_named_in_chinese_by_the_labels_of_the_call() -> None:
    results = replace(fitted("parallel"), labels={"m1": "jobs", "m2": "wages"})
    rows = results.path_rows(labels={"m1": "就业"}, language="zh")
    names = "经由{}的间接效应 [95%置信区间]", "经由{}的自助法p值", "经由{}的Sobel z值"
    assert list(rows) == [
        name.format(label) for label in ("就业", "wages") for name in names
    ]
    assert list(rows.values()) == list(results.path_rows().values())
    single = quiet(Mediation("y", "x", "m1", reps=40), make())
    assert list(single.path_rows(language="zh")) == [
        "间接效应 [95%置信区间]",
        "自助法p值",
        "Sobel z值",
    ]
    assert list(single.path_rows()) == [
        "Indirect effect [95% interval]",
        "Bootstrap p",
        "Sobel z",
    ]


def test_a_share_that_rounds_to_zero_has_no_sign() -> None:
    results = fitted("parallel")
    draws = results.draw_values.copy()
    draws[:, -1] = np.linspace(-0.012, 0.35, len(draws))
    words = " ".join(
        replace(results, estimated=replace(results.estimated, draw_values=draws))
        .summary()
        .split()
    )
    assert "(95% interval 0% to 3" in words


def test_words_name_the_spread_of_a_standard_deviation() -> None:
    assert "(one overall standard deviation, " in " ".join(
        fitted("parallel").summary().split()
    )


@pytest.mark.parametrize(
    "options", [STRUCTURES["given"], {"moderator": "w1", "moderates": ("a", "direct")}]
)
def test_a_mediator_called_direct_is_refused_where_it_would_name_two_effects(
    options,
) -> None:
    frame = make().rename(columns={"m1": "direct"})
    with pytest.raises(TermError, match="refers to two effects; rename"):
        quiet(Mediation("y", "x", ["direct", "m2"], reps=40, **options), frame)
    assert (
        len(set(quiet(Mediation("y", "x", ["direct", "m2"], reps=40), frame).names))
        == 6
    )


def test_words_go_by_p_where_few_draws_make_ends_of_the_extremes() -> None:
    few = quiet(Mediation("y", "x", "m1", reps=20), make())
    assert few.pvalues["indirect"] > 0.05
    assert "leaves 0 out" not in few.summary()


def test_a_table_names_the_variable_that_effects_depend_on() -> None:
    frame = make()
    both = [
        quiet(
            Mediation("y", "x", "m1", moderator=w, moderates="a", reps=29),
            frame.assign(w9=frame["w1"] ** 2),
        )
        for w in ("w1", "w9")
    ]
    notes = dp.etable(both, labels={"w9": "Age"}).notes
    assert "(1): effects depend on w1, at whose values they are shown." in notes
    assert "(2): effects depend on Age, at whose values they are shown." in notes
    split = quiet(Mediation("y", "x", "m1", threshold=("w1", 0.25), reps=29), frame)
    (note,) = (n for n in dp.etable(split).notes if "egime 1" in n)
    assert note == "Regime 1 has w1 at most 0.25, regime 2 above."
    chinese = dp.etable(split, style=dp.TableStyle("zh")).notes
    assert "区制1中w1不高于0.25，区制2中高于0.25。" in chinese
    incomes = frame.assign(w1=412345 + 1e5 * frame["w1"])
    split = quiet(Mediation("y", "x", "m1", threshold=("w1", 437345), reps=29), incomes)
    (note,) = (n for n in dp.etable(split).notes if "egime 1" in n)
    assert note == "Regime 1 has w1 at most 437,345, regime 2 above."
    assert "Regimes split at w1 = 437,345: " in split.summary()
    plain = quiet(Mediation("y", "x", "m1", reps=29), frame)
    assert not any("w1" in note for note in dp.etable(plain).notes)


def test_a_dummy_moderates_at_its_two_values() -> None:
    frame = make().assign(d=lambda f: (f["w1"] > f["w1"].quantile(0.95)).astype(float))
    results = quiet(
        Mediation("y", "x", "m1", moderator="d", moderates=("a", "direct"), reps=199),
        frame,
    )
    assert {"direct:low", "direct:high", "indirect:m1:low", "indirect:m1:high"} <= set(
        results.names
    )
    at = results.conditional_effects()
    assert sorted(set(at["at"])) == [0.0, 1.0]
    change = results.contrasts().loc["direct:high - direct:low"]
    index = results.tidy().set_index("term").loc["index:direct"]
    assert change["estimate"] == pytest.approx(index["estimate"], rel=1e-9)
    assert change["std_error"] == pytest.approx(index["std_error"], rel=1e-9)
    assert "they" in results.summary()


def test_johnson_neyman_of_one_slope_by_draws_agrees_with_conditional_effects() -> None:
    results = fitted("straight")
    by_draws = results.johnson_neyman(method="percentile")
    ends = results.conditional_effects(by_draws.curve["at"].tolist())
    np.testing.assert_allclose(by_draws.curve["conf_low"], ends["conf_low"], rtol=1e-9)
    with pytest.raises(OptionError, match="method"):
        fitted("both").johnson_neyman("indirect:m1", method="t")


@pytest.mark.parametrize("q", ["y", "m1", ("m2", 0.5)])
def test_a_threshold_in_what_the_treatment_moves_is_refused(q) -> None:
    with pytest.raises(TermError, match="biases the slopes"):
        Mediation("y", "x", ["m1", "m2"], threshold=q)


def test_a_square_of_a_sparse_treatment_around_zero() -> None:
    frame = make()
    rng = np.random.default_rng(3)
    x = np.zeros(len(frame))
    x[rng.choice(len(frame), 20, replace=False)] = np.tile([1.0, -1.0], 10)
    results = quiet(
        Mediation("y", "x", "m1", quadratic=("a", "direct"), reps=20), frame.assign(x=x)
    )
    assert np.isfinite(results.conditional_effects([0.5])["estimate"]).all()


def test_the_cluster_that_decides_is_named() -> None:
    frame = make()
    first = frame["city"] == frame["city"].min()
    wild = np.where(first, 8.0, 0.0) * np.random.default_rng(0).normal(size=len(frame))
    frame = frame.assign(x=frame["x"] + wild, y=frame["y"] + 3 * wild)
    actual = quiet(Mediation("y", "x", "m1", reps=20), frame).diagnostics
    (notice,) = [n for n in actual if n.code == "influential_cluster"]
    assert notice.data["cluster"] == frame["city"].min()
    without = quiet(Mediation("y", "x", "m1", reps=20), frame[~first])
    assert notice.data["without"] == pytest.approx(
        without.params[notice.data["term"]], rel=1e-9
    )
    codes = {
        n.code for n in quiet(Mediation("y", "x", "m1", reps=20), make()).diagnostics
    }
    assert "influential_cluster" not in codes


def test_products_of_a_column_far_from_zero_are_warned_of() -> None:
    frame = make().assign(w1=lambda f: f["w1"] + 1e5)
    spec = Mediation("y", "x", "m1", moderator="w1", moderates="direct", reps=20)
    notices = [n for n in quiet(spec, frame).diagnostics if n.code == "near_collinear"]
    assert [n.data["columns"] for n in notices if n.data["measure"] == "mean"] == [
        ("w1",)
    ]
    assert "near_collinear" not in {n.code for n in quiet(spec, make()).diagnostics}


# --- few clusters ---------------------------------------------------------------------


@cache
def drawn_from(clusters, kind):
    """Fit with this many cities, or this many groups of cities as clusters."""
    frame = make(n=45).assign(group=lambda f: f["city"] % clusters)
    return quiet(spec_of(kind, clusters="group"), frame)


@pytest.mark.parametrize("clusters", [2, 3, 4, 5])
@pytest.mark.parametrize(
    "kind", ["parallel", "serial", "both", "given", "redrawn", "bent"]
)
@pytest.mark.many(1)
def test_draws_of_few_clusters_give_no_interval_and_no_p(clusters, kind) -> None:
    results, missing = drawn_from(clusters, kind), clusters < 5
    told = [n.code for n in results.diagnostics]
    assert told.count("too_few_clusters_to_draw") == missing
    assert told.count("very_few_clusters") == (not missing)
    frames = [
        results.tidy(),
        results.contrasts(),
        *(results.interval(m) for m in ("percentile", "bc", "bca")),
    ]
    if kind in ("both", "bent"):
        frames.append(results.conditional_effects())
    for frame in frames:
        there = frame[frame["estimate"].notna()]
        assert len(there) > 0
        assert (there[["conf_low", "conf_high", "p_value"]].isna() == missing).all(
            axis=None
        )
    assert results.params.notna().iloc[:-1].all()
    assert results.tidy()["std_error"].notna().iloc[:-1].all()
    delta = results.interval("delta").iloc[:-1]
    assert delta.notna().all(axis=None)
    assert results.interval("monte_carlo").iloc[:-1].notna().all(axis=None)
    assert (results.pvalues.isna().iloc[:-1] == missing).all()


@pytest.mark.parametrize("kind", ["parallel", "both", "given", "bent"])
def test_words_without_an_interval(kind) -> None:
    results = drawn_from(3, kind)
    text = results.summary()
    assert "nan" not in text
    assert "not computed: 3 clusters" in results.conventions
    assert "verdict" not in text
    for word in ("excludes 0", "includes 0", "significantly"):
        assert word not in text
        assert word not in results._repr_html_()
    assert json.dumps(results.to_dict(), allow_nan=False)


def test_what_is_read_from_few_clusters_further_on() -> None:
    few, enough = drawn_from(3, "parallel"), drawn_from(5, "parallel")
    table = few.two_step()
    assert table["p_romano_wolf"].isna().all()
    assert table["p_holm"].notna().all()
    assert enough.two_step()["p_romano_wolf"].notna().all()
    actual = few.sensitivity("m1")
    assert actual.curve[["conf_low", "conf_high"]].isna().all(axis=None)
    assert actual.curve["indirect"].notna().all()
    assert np.isnan([actual.rho_low, actual.rho_high, actual.rho_insignificant]).all()
    assert "nan" not in actual.summary()
    assert "covers 0" not in actual.summary()
    with pytest.raises(IdentificationError, match="p nan"):
        few.decision("m1")
    rows = few.path_rows("m1")
    assert list(rows) == ["Indirect effect through m1", "Sobel z through m1"]
    assert not any("nan" in cell for cells in rows.values() for cell in cells)
    with pytest.raises(IdentificationError, match="3 clusters"):
        drawn_from(3, "both").johnson_neyman("indirect:m1")


@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
def test_tables_name_the_effects_of_every_kind_of_mediation_alike():
    panel, _ = dp.datasets.simulate_provinces(12, 8)
    spec = dp.Mediation("prosperity", "digital", "productivity", reps=99)
    fits = {
        "one": spec.fit(panel, rng=1),
        "sequential": dp.sequential_g(spec, panel, "urban", rng=1),
        "drawn": dp.cluster_bootstrap(
            dp.FixedEffects("prosperity", ["digital"]), panel, reps=99, rng=1
        ),
    }
    rows = dp.etable(fits, style=dp.TableStyle("zh")).frame
    assert {fit.key_names for fit in fits.values()} == {("province", "year")}
    assert list(rows.loc["个体固定效应"]) == ["是"] * 3
