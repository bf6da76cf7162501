"""A solved equation against least squares written out."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper.kernels.covariance import (
    count_groups,
    counts,
    intersections,
    joint_meat,
    ranks,
    rescaled_sandwich,
    vcov,
)
from digiprosper.kernels.equation import joint_covariance, solve
from digiprosper.kernels.leverage import effects_leverage
from digiprosper.kernels.within import within


def setting(seed=0, k=3, *, weighted=False, cov_type="clustered", near=0.0):
    rng = np.random.default_rng(seed)
    city, year = np.divmod(np.arange(60), 5)
    w = rng.uniform(0.5, 2.0, 60) if weighted else None
    effects = within([city, year], 60, obs_weights=w)
    raw = rng.normal(size=(60, k + 2))
    if near:
        raw[:, 2] = raw[:, 1] + near * raw[:, 2]
    raw[:, 0] += raw[:, 1]
    columns = effects.demean(raw)
    absorbed = ranks(effects, [city], 0)
    actual = []
    for regressors in (range(1, 1 + k), range(2, 2 + k)):
        count = counts(60, k, absorbed, [count_groups(c) for c in [city]], periods=5)
        leverage = effects_leverage(effects, 60) if cov_type in ("hc2", "hc3") else None
        how = vcov(
            cov_type,
            "reghdfe",
            count,
            intersections([city]),
            year,
            leverage=leverage,
            effects=effects.effects,
        )
        x = columns[:, list(regressors)]
        actual.append(solve(columns[:, 0], x, count, how, obs_weights=w))
    return raw, columns, w, actual


def by_hand(y, x, w):
    w = np.ones(len(y)) if w is None else w
    inverse = np.linalg.inv((x.T * w) @ x)
    b = inverse @ (x.T * w) @ y
    return b, y - x @ b, inverse


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("near", [0.0, 1e-3])
def test_the_solution_is_that_of_least_squares(weighted, near) -> None:
    _, _, w, (solved, _) = setting(weighted=weighted, near=near)
    b, e, inverse = by_hand(solved.y, solved.x, w)
    rtol = 1e-8 if near else 1e-10  # the inverse by hand squares the condition number
    np.testing.assert_allclose(solved.coefficients, b, rtol=rtol)
    np.testing.assert_allclose(solved.residuals, e, atol=1e-8 if near else 1e-11)
    np.testing.assert_allclose(solved.bread, inverse, rtol=rtol)
    assert (solved.condition > 100) == bool(near)
    assert (solved.score_columns is solved.x) == (not near)
    # The root turns scores into slopes, whichever columns carry them.
    u = np.random.default_rng(5).normal(size=60)
    weights = u if w is None else w * u
    np.testing.assert_allclose(
        solved.root @ solved.score_columns.T @ weights,
        inverse @ solved.x.T @ weights,
        rtol=rtol,
        atol=1e-9,
    )


@pytest.mark.parametrize("weighted", [False, True])
def test_products_that_are_known_change_nothing(weighted) -> None:
    _, _, w, (solved, _) = setting(weighted=weighted)
    left = solved.x if w is None else solved.x * w[:, None]
    again = solve(
        solved.y, solved.x, solved.count, solved.vcov,
        obs_weights=w, products=(left.T @ solved.x, left.T @ solved.y),
    )  # fmt: skip
    np.testing.assert_allclose(again.coefficients, solved.coefficients, rtol=1e-13)


def test_degrees_of_freedom_are_rows_less_slopes_less_effects() -> None:
    _, _, _, (solved, _) = setting()
    assert solved.df_resid == 60 - 3 - (12 + 5 - 1)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    "cov_type", ["clustered", "robust", "unadjusted", "driscoll_kraay"]
)
def test_covariances_of_two_equations_are_blocks(cov_type, weighted) -> None:
    _, _, w, (one, two) = setting(weighted=weighted, cov_type=cov_type)
    joint = joint_covariance([one, two])
    for solved, here in ((one, slice(0, 3)), (two, slice(3, 6))):
        root, middle = solved.root_and_middle()
        np.testing.assert_allclose(
            root @ middle @ root.T, joint[here, here], rtol=1e-10, atol=1e-15
        )
        want = rescaled_sandwich(
            solved.root,
            joint_meat(
                [(solved.score_columns, solved.residuals, solved.vcov)], obs_weights=w
            ),
        )
        np.testing.assert_allclose(root, want[0], rtol=1e-13)
    np.testing.assert_array_equal(joint, joint.T)
    # The same equation twice is perfectly correlated with itself.
    twice = joint_covariance([one, one])
    np.testing.assert_allclose(twice[:3, 3:], twice[:3, :3], rtol=1e-10, atol=1e-15)


def with_dummies(raw, places):
    """An equation's columns beside all dummies of 12 cities and 4 of 5 years."""
    city, year = np.divmod(np.arange(60), 5)
    return np.column_stack(
        [raw[:, list(places)], np.eye(12)[city], np.eye(5)[year][:, 1:]]
    )


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("cov_type", ["hc2", "hc3"])
def test_hc_covariances_of_two_equations_are_those_with_dummies(
    cov_type, weighted
) -> None:
    raw, _, w, solved = setting(weighted=weighted, cov_type=cov_type)
    plain, moved = np.ones(60) if w is None else np.sqrt(w), []
    for places in ((1, 2, 3), (2, 3, 4)):
        design, y = with_dummies(raw, places) * plain[:, None], raw[:, 0] * plain
        inverse = np.linalg.inv(design.T @ design)
        h = np.einsum("ij,jk,ik->i", design, inverse, design)
        e = (y - design @ inverse @ design.T @ y) * (1 - h) ** (
            -0.5 if cov_type == "hc2" else -1.0
        )
        moved.append((inverse @ design.T)[:3] * e)
    both = np.vstack(moved)
    np.testing.assert_allclose(joint_covariance(solved), both @ both.T, rtol=1e-9)


@pytest.mark.parametrize("weighted", [False, True])
def test_crv3_of_two_equations_is_that_of_refits(weighted) -> None:
    raw, _, w, solved = setting(weighted=weighted, cov_type="crv3")
    plain = np.ones(60) if w is None else np.sqrt(w)
    every = np.ones(60, dtype=bool)

    def slopes(rows):
        actual = [
            np.linalg.lstsq(
                (with_dummies(raw, p) * plain[:, None])[rows],
                (raw[:, 0] * plain)[rows],
                rcond=1e-10,
            )
            for p in ((1, 2, 3), (2, 3, 4))
        ]
        return np.concatenate([f[0][:3] for f in actual])

    moved = np.array([slopes(np.arange(60) // 5 != g) for g in range(12)]) - slopes(
        every
    )
    np.testing.assert_allclose(
        joint_covariance(solved), 11 / 12 * moved.T @ moved, rtol=1e-9
    )


@pytest.mark.parametrize("weighted", [False, True])
def test_unadjusted_errors(weighted) -> None:
    _, _, w, (solved, _) = setting(weighted=weighted)
    _, e, inverse = by_hand(solved.y, solved.x, w)
    square = e @ e if w is None else (w * e) @ e
    np.testing.assert_allclose(
        solved.unadjusted_errors(),
        np.sqrt(np.diag(inverse) * square / solved.df_resid),
        rtol=1e-10,
    )


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("regressor", [0, 2])
def test_products_net_of_the_other_regressors_are_those_of_residuals(
    weighted, regressor
) -> None:
    _, _, w, (solved, _) = setting(weighted=weighted)
    others = np.delete(solved.x, regressor, axis=1)
    rest = np.column_stack(
        [by_hand(c, others, w)[1] for c in (solved.y, solved.x[:, regressor])]
    )
    weights = np.ones(60) if w is None else w
    np.testing.assert_allclose(
        solved.partial_products(regressor), (rest.T * weights) @ rest, rtol=1e-9
    )


@pytest.mark.parametrize("weighted", [False, True])
def test_an_intercept_is_that_of_a_column_of_ones(weighted) -> None:
    rng = np.random.default_rng(3)
    w = rng.uniform(0.5, 2.0, 40) if weighted else None
    raw = rng.normal(size=(40, 3)) + 5.0
    centred = within([], 40, obs_weights=w).demean(raw)
    count = counts(40, 2, ranks(within([], 40, obs_weights=w), [], None), [], periods=1)
    how = vcov("robust", "none", count, intersections([]), np.zeros(40, dtype=np.intp))
    solved = solve(centred[:, 0], centred[:, 1:], count, how, obs_weights=w)
    means = np.average(raw, axis=0, weights=w)
    full = solved.with_intercept(means, 40.0 if w is None else float(w.sum()))
    design = np.column_stack([raw[:, 1:], np.ones(40)])
    b, e, inverse = by_hand(raw[:, 0], design, w)
    np.testing.assert_allclose(full.coefficients, b, rtol=1e-10)
    scores = design * (e if w is None else w * e)[:, None]
    root, middle = full.root_and_middle()
    np.testing.assert_allclose(
        root @ middle @ root.T,
        40 / (40 - how.counted) * inverse @ scores.T @ scores @ inverse,
        rtol=1e-9,
    )


# --- slopes in blocks of periods ------------------------------------------------------


X = ["a", "b"]


def make(seed: int, periods: int, *, missing: float = 0.2) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    n = 12
    frame = pd.DataFrame(
        {
            "i": np.repeat(np.arange(n), periods),
            "t": np.tile(np.arange(2000, 2000 + periods), n),
        }
    )
    shock = rng.normal(size=periods)
    for name in ("a", "b", "z", "u"):
        frame[name] = rng.normal(size=len(frame)) + shock[frame["t"] - 2000]
    frame["w"] = rng.uniform(0.5, 2.0, len(frame))
    frame["d"] = frame["z"] + frame["u"]
    frame["y"] = frame["a"] - frame["b"] + frame["d"] + frame["u"]
    return frame[rng.random(len(frame)) >= missing]


def fit(spec: dp.FixedEffects | dp.FixedEffectsIV, frame: pd.DataFrame):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        return spec.fit(dp.Panel(frame, "i", "t"))


@pytest.mark.parametrize("periods", [8, 9, 10, 12, 17])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"time_effects": False},
        {"entity_effects": False, "time_effects": False},
        {"obs_weights": "w"},
        {"absorb": ["i[b]"], "x": ["a"]},
    ],
)
def test_they_equal_fits_of_the_blocks(periods: int, options: dict) -> None:
    frame = make(periods, periods, missing=0.1)
    if "absorb" in options and periods < 17:
        pytest.skip("a slope of each entity needs longer blocks")
    spec = dp.FixedEffects("y", X, cov_type="driscoll_kraay").replace(**options)
    results = fit(spec, frame)
    q = 5 if periods >= 10 else 4
    year = frame["t"] - 2000
    want = [
        fit(spec.replace(cov_type="robust"), frame[year * q // periods == block])
        .params[list(spec.x)]
        .tolist()
        for block in range(q)
    ]
    test = results.block_test("a")
    np.testing.assert_allclose(
        test.detail["blocks"], [row[0] for row in want], rtol=1e-8
    )
    mean, error = np.mean(want, axis=0)[0], np.std(want, axis=0, ddof=1)[0]
    assert test.statistic == pytest.approx(mean / error * np.sqrt(q), rel=1e-8)
    assert test.df == q - 1
    assert (test.detail["conf_low"] < 0 < test.detail["conf_high"]) == (
        test.p_value > 0.05
    )
    assert np.sign(test.statistic) == np.sign(test.detail["estimate"])


def test_instruments_keep_the_first_stage_of_all_periods() -> None:
    frame = make(3, 10, missing=0.0)
    spec = dp.FixedEffectsIV("y", ["a"], ["d"], ["z"], cov_type="driscoll_kraay")
    test = fit(spec, frame).block_test("d")
    inside = [
        fit(spec.replace(cov_type="robust"), frame[(frame["t"] - 2000) // 2 == block])
        for block in range(5)
    ]
    # With one instrument its coefficient in the first stage does not matter, but that
    # of the control does; both are close to those of the block.
    np.testing.assert_allclose(
        test.detail["blocks"], [f.params["d"] for f in inside], atol=0.5
    )
    alone = dp.FixedEffectsIV("y", [], ["d"], ["z"], cov_type="driscoll_kraay")
    inside = [
        fit(alone.replace(cov_type="robust"), frame[(frame["t"] - 2000) // 2 == block])
        for block in range(5)
    ]
    np.testing.assert_allclose(
        fit(alone, frame).block_test("d").detail["blocks"],
        [f.params["d"] for f in inside],
        rtol=1e-8,
    )


def test_a_regressor_that_does_not_vary_in_every_block_is_refused() -> None:
    frame = make(4, 10)
    frame["policy"] = (frame["i"] < 5) * (frame["t"] >= 2005)
    results = fit(
        dp.FixedEffects("y", ["policy", "a"], cov_type="driscoll_kraay"), frame
    )
    with pytest.raises(dp.OptionError, match="'policy' does not vary by itself"):
        results.block_test("policy")
    assert np.isfinite(results.block_test("a").p_value)
    assert "missing" in results.summary()
    with pytest.raises(dp.TermError, match="slopes are 'policy', 'a'"):
        results.block_test("c")
    other = fit(dp.FixedEffects("y", ["a"]), frame)
    with pytest.raises(dp.OptionError, match="cov_type='driscoll_kraay'"):
        other.block_test("a")


def test_few_periods_have_no_block_test() -> None:
    results = fit(dp.FixedEffects("y", ["a"], cov_type="driscoll_kraay"), make(5, 5))
    with pytest.raises(dp.OptionError, match="4 blocks"):
        results.block_test("a")
