"""Corrections and average effects beside all dummies; the conditional logit, spelt."""

from __future__ import annotations

import pickle
from itertools import combinations, product

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import example, given, settings, strategies as st
from scipy.optimize import approx_fprime, linprog
from statsmodels.discrete.conditional_models import ConditionalLogit as Conditional

from digiprosper.counts import kernel
from digiprosper.counts.kernel import (
    ScoreDraws,
    coefficient_bias,
    conditional_logit,
    partial_effects,
    probabilities,
    score_statistics,
)
from digiprosper.errors import IdentificationError
from digiprosper.kernels.reweighted import LOGIT, PROBIT, reweighted_least_squares
from digiprosper.kernels.separation import predicted_rows
from digiprosper.kernels.within import compress
from digiprosper.linear.kernels.wild import WildWeights

LINKS = {"logit": (LOGIT, sm.Logit), "probit": (PROBIT, sm.Probit)}
STEP = 1e-4


def draws(link: str, seed: int = 1, entities: int = 14, periods: int = 12):
    """Draw an unbalanced panel without rows that are predicted perfectly."""
    rng = np.random.default_rng(seed)
    codes = [
        np.repeat(np.arange(entities), periods),
        np.tile(np.arange(periods), entities),
    ]
    n = entities * periods
    keep = rng.random(n) > 0.1
    x = rng.normal(size=(n, 2))
    category = rng.integers(0, 3, n)
    x = np.column_stack([x, category == 1, category == 2, rng.random(n) > 0.5]).astype(
        float
    )
    index = (
        x @ [0.5, -0.3, 0.4, 0.8, 0.5] + 0.5 * rng.normal(size=entities)[codes[0]] - 0.5
    )
    y = (index + rng.logistic(size=n) > 0).astype(float)
    y, x, codes = y[keep], x[keep], [compress(c[keep])[0] for c in codes]
    keep = ~predicted_rows(y, x, codes)
    return y[keep], x[keep], [compress(c[keep])[0] for c in codes]


def dummies(codes: list[np.ndarray]) -> np.ndarray:
    columns = [codes[0][:, None] == np.arange(codes[0].max() + 1)]
    columns += [c[:, None] == np.arange(1, c.max() + 1) for c in codes[1:]]
    return np.hstack(columns).astype(float)


CATEGORIES = [None, None, np.array([2, 3]), np.array([2, 3]), np.array([4])]


def changes(link: str, b: np.ndarray, x: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Compute the effects by row (N, k), a regressor at a time."""
    out = np.empty_like(x)
    for j in range(2):
        up, down = (probabilities(link, index + s * STEP * b[j])[0] for s in (1, -1))
        out[:, j] = (up - down) / (2 * STEP)
    for j, others in ((2, [2, 3]), (3, [2, 3]), (4, [4])):
        base = index - x[:, others] @ b[others]
        out[:, j] = probabilities(link, base + b[j])[0] - probabilities(link, base)[0]
    return out


@pytest.mark.parametrize("link", LINKS)
def test_derivatives_of_the_probability(link: str) -> None:
    index = np.linspace(-4, 4, 17)
    at = probabilities(link, index)
    for order in range(3):
        up, down = (probabilities(link, index + s * STEP)[order] for s in (1, -1))
        np.testing.assert_allclose(at[order + 1], (up - down) / (2 * STEP), atol=1e-7)


@pytest.mark.parametrize("link", LINKS)
def test_effects_and_their_delta_errors_with_all_dummies(link: str) -> None:
    y, x, codes = draws(link)
    family, model = LINKS[link]
    fit = reweighted_least_squares(y, x, codes, family)
    effects = partial_effects(
        link, fit, fit.coefficients, x, CATEGORIES, corrected=False
    )
    np.testing.assert_allclose(
        effects.by_row, changes(link, fit.coefficients, x, fit.index), atol=1e-7
    )
    design = np.hstack([x, dummies(codes)])
    other = model(y, design).fit(method="newton", maxiter=100, disp=0, tol=1e-12)
    np.testing.assert_allclose(fit.coefficients, other.params[:5], atol=1e-6)

    def total(parameters: np.ndarray) -> np.ndarray:
        return changes(link, parameters[:5], x, design @ parameters).sum(axis=0)

    slopes = np.array(
        [
            (total(other.params + STEP * row) - total(other.params - STEP * row))
            / 2
            / STEP
            for row in np.eye(design.shape[1])
        ]
    ).T
    information = (design.T * fit.weights) @ design
    expected = slopes @ np.linalg.solve(information, slopes.T)
    variance = (effects.moves.T * fit.weights) @ effects.moves
    np.testing.assert_allclose(variance, expected, rtol=1e-4, atol=1e-6)
    own = (effects.coefficient_moves.T * fit.weights) @ effects.coefficient_moves
    np.testing.assert_allclose(own, np.linalg.inv(information)[:5, :5], rtol=1e-5)
    assert (effects.bias == 0).all()


@pytest.mark.parametrize("link", LINKS)
def test_moves_are_those_of_another_outcome(link: str) -> None:
    """A small change of one row's score moves the sum of effects as `moves` says."""
    y, x, codes = draws(link, seed=4)
    family = LINKS[link][0]
    fit = reweighted_least_squares(y, x, codes, family)
    effects = partial_effects(
        link, fit, fit.coefficients, x, CATEGORIES, corrected=False
    )
    design = np.hstack([x, dummies(codes)])
    parameters = np.linalg.lstsq(design, fit.index)[0]
    information = (design.T * fit.weights) @ design
    shift = 1e-4 * np.linalg.solve(information, design[7])
    up, down = (
        changes(
            link, (parameters + s * shift)[:5], x, design @ (parameters + s * shift)
        )
        for s in (1, -1)
    )
    np.testing.assert_allclose(
        effects.moves[7], (up - down).sum(axis=0) / 2e-4, rtol=1e-3, atol=1e-5
    )


@pytest.mark.parametrize("link", LINKS)
def test_the_bias_formula_in_loops(link: str) -> None:
    """Fernandez-Val & Weidner (2016), with projections on dummies and sums in loops."""
    y, x, codes = draws(link, seed=2)
    fit = reweighted_least_squares(y, x, codes, LINKS[link][0])
    chance, density, slope, curvature = probabilities(link, fit.index)
    w = density**2 / chance / (1 - chance)
    z = density / chance / (1 - chance) * slope
    d = dummies(codes)

    def projected(columns: np.ndarray) -> np.ndarray:
        root = np.sqrt(w)[:, None]
        return d @ np.linalg.lstsq(root * d, root * columns, rcond=None)[0]

    within = x - projected(x)

    def ratios(columns: np.ndarray) -> np.ndarray:
        total = np.zeros(columns.shape[1])
        for c in codes:
            for level in range(c.max() + 1):
                total += columns[c == level].sum(axis=0) / w[c == level].sum()
        return total / 2

    bias = -np.linalg.solve((within.T * w) @ within, ratios(within * z[:, None]))
    np.testing.assert_allclose(coefficient_bias(link, fit), bias, atol=1e-7)

    effects = partial_effects(
        link, fit, fit.coefficients, x, CATEGORIES, corrected=True
    )
    b = fit.coefficients
    first, second = b[0] * slope, b[0] * curvature
    psi = projected((-first / w)[:, None])[:, 0]
    expected = ratios((second + psi * z)[:, None])
    np.testing.assert_allclose(effects.bias[0], expected[0], atol=1e-7)
    after, before = (
        probabilities(link, fit.index + s * b[4]) for s in (1 - x[:, 4], -x[:, 4])
    )
    psi = projected((-(after[1] - before[1]) / w)[:, None])[:, 0]
    expected = ratios((after[2] - before[2] + psi * z)[:, None])
    np.testing.assert_allclose(effects.bias[4], expected[0], atol=1e-7)


# --- given the number of ones of each level -------------------------------------------


def logit_draws(seed: int, n: int = 40, levels: int = 7, k: int = 2):
    rng = np.random.default_rng(seed)
    codes, _ = compress(rng.integers(0, levels, n).astype(np.intp))
    x = rng.normal(size=(n, k)) + codes[:, None]
    y = (rng.normal(size=n) + 0.5 * x[:, 0] - 0.5 * codes > 0).astype(float)
    return y, x, codes


def loglik(b: np.ndarray, y: np.ndarray, x: np.ndarray, codes: np.ndarray) -> float:
    """Enumerate all choices of as many ones."""
    total = 0.0
    for level in range(codes.max() + 1):
        index = x[codes == level] @ b
        ones = np.flatnonzero(y[codes == level])
        sums = [
            index[list(c)].sum() for c in combinations(range(index.size), ones.size)
        ]
        total += index[ones].sum() - np.logaddexp.reduce(sums)
    return float(total)


def are_separated(y: np.ndarray, x: np.ndarray, codes: np.ndarray) -> bool:
    """Tell whether some b makes the observed choice of every level the likeliest."""
    gains = []
    for level in range(codes.max() + 1):
        rows = x[codes == level]
        ones = np.flatnonzero(y[codes == level])
        observed = rows[ones].sum(axis=0)
        gains += [
            observed - rows[list(c)].sum(axis=0)
            for c in combinations(range(len(rows)), ones.size)
        ]
    gain = np.array(gains)
    best = linprog(
        -gain.sum(axis=0), A_ub=-gain, b_ub=np.zeros(len(gain)), bounds=(-1, 1)
    )
    return bool(best.fun < -1e-9)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
@example(seed=1024)  # separated
@example(seed=5194)  # separated, and the information underflows
def test_estimates_maximise_the_enumerated_likelihood(seed: int) -> None:
    y, x, codes = logit_draws(seed)
    if are_separated(y, x, codes):
        with pytest.raises(IdentificationError, match="no maximum"):
            conditional_logit(y, x, codes)
        return
    fit = conditional_logit(y, x, codes)
    b = fit.coefficients
    assert fit.loglik == pytest.approx(loglik(b, y, x, codes), abs=1e-9)
    assert fit.null == pytest.approx(loglik(0 * b, y, x, codes), abs=1e-9)
    np.testing.assert_allclose(fit.scores.sum(axis=0), 0, atol=1e-8)
    for step in (1e-3, -1e-3):
        for j in range(b.size):
            moved = b + step * np.eye(b.size)[j]
            assert loglik(moved, y, x, codes) <= fit.loglik


def test_scores_and_information_are_derivatives() -> None:
    y, x, codes = logit_draws(3)
    fit = conditional_logit(y, x, codes)
    for level in range(codes.max() + 1):
        rows = codes == level

        def of_level(b: np.ndarray, rows: np.ndarray = rows) -> float:
            return loglik(b, y[rows], x[rows], 0 * codes[rows])

        slope = approx_fprime(fit.coefficients, of_level, 1e-6)
        np.testing.assert_allclose(fit.scores[level], slope, atol=1e-4)

    def slopes(b: np.ndarray) -> np.ndarray:
        return approx_fprime(b, lambda at: loglik(at, y, x, codes), 1e-5)

    second = approx_fprime(fit.coefficients, slopes, 1e-4)
    np.testing.assert_allclose(fit.information, -second, rtol=1e-2)


def test_statsmodels_has_the_same_estimates() -> None:
    y, x, codes = logit_draws(5, n=300, levels=40)
    share = np.bincount(codes, weights=y) / np.bincount(codes)
    varies = ((share > 0) & (share < 1))[codes]
    y, x, codes = y[varies], x[varies], compress(codes[varies])[0]
    fit = conditional_logit(y, x, codes)
    other = Conditional(y, x, groups=codes).fit(method="newton", disp=0)
    np.testing.assert_allclose(fit.coefficients, other.params, atol=1e-6)
    errors = np.sqrt(np.diag(np.linalg.inv(fit.information)))
    np.testing.assert_allclose(errors, other.bse, rtol=1e-5)


def test_levels_without_variation_and_order_do_not_matter() -> None:
    y, x, codes = logit_draws(7, n=60, levels=10)
    fit = conditional_logit(y, x, codes)
    rng = np.random.default_rng(1)
    order = rng.permutation(y.size + 4)
    wider = np.concatenate([y, [0, 0, 1, 1]])[order]
    columns = np.vstack([x, rng.normal(size=(4, 2))])[order]
    last = codes.max()
    more = np.concatenate([codes, [last + 1, last + 1, last + 2, last + 2]])[order]
    again = conditional_logit(wider, columns, more)
    np.testing.assert_allclose(fit.coefficients, again.coefficients, atol=1e-10)
    assert fit.loglik == pytest.approx(again.loglik, abs=1e-9)
    np.testing.assert_allclose(again.scores[last + 1 :], 0)


def test_units_and_constants_of_levels_do_not_matter() -> None:
    y, x, codes = logit_draws(9)
    fit = conditional_logit(y, x, codes)
    scaled = x * [1e-6, 1e5] + 1e3 * codes[:, None]
    again = conditional_logit(y, scaled, codes)
    np.testing.assert_allclose(
        again.coefficients * [1e-6, 1e5], fit.coefficients, rtol=1e-5
    )


def test_many_rows_of_a_level_do_not_overflow() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(1500, 1))
    y = (3 * x[:, 0] + rng.logistic(size=1500) > 0).astype(float)
    codes = np.repeat(np.arange(3), 500)
    fit = conditional_logit(y, x, codes)
    assert fit.coefficients[0] == pytest.approx(3, abs=0.5)
    assert np.isfinite(fit.loglik)


def test_levels_in_turns_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    y, x, codes = logit_draws(11, n=80, levels=15)
    fit = conditional_logit(y, x, codes)
    monkeypatch.setattr(kernel, "_CELLS", 1)
    again = conditional_logit(y, x, codes)
    np.testing.assert_allclose(fit.coefficients, again.coefficients, atol=1e-12)
    np.testing.assert_allclose(fit.scores, again.scores, atol=1e-10)


def test_a_regressor_that_separates_has_no_maximum() -> None:
    y = np.tile([0.0, 1.0], 5)
    x = np.tile([0.0, 1.0], 5)[:, None]
    with pytest.raises(IdentificationError, match="no maximum"):
        conditional_logit(y, x, np.repeat(np.arange(5), 2))


# --- the score bootstrap --------------------------------------------------------------


SIGNS = WildWeights("rademacher", (-1.0, 1.0), 4, 16, True)


def score_draws(moved: np.ndarray) -> ScoreDraws:
    return ScoreDraws(
        nulls=np.array([-2.0, -1.0, 0.0, 1.0]),
        moved=moved,
        shares=np.array([0.1, 0.2, 0.3, 0.4]),
        drawn=SIGNS,
        seed=np.random.SeedSequence(1),
    )


def written_out(q: np.ndarray, shares: np.ndarray, v: np.ndarray) -> float:
    total = float(v @ q)
    return total / float(np.sqrt(((v * q - shares * total) ** 2).sum()))


def test_statistics_are_the_formula() -> None:
    rng = np.random.default_rng(3)
    q, shares = rng.normal(size=4), np.array([0.1, 0.2, 0.3, 0.4])
    v = rng.normal(size=(9, 4))
    np.testing.assert_allclose(
        score_statistics(q, shares, v), [written_out(q, shares, row) for row in v]
    )


def test_every_sign_is_drawn_once() -> None:
    q = np.random.default_rng(5).normal(size=4)
    drawn = score_draws(np.tile(q, (4, 1)))
    signs = np.array(list(product((-1, 1), repeat=4)))
    np.testing.assert_allclose(
        np.sort(drawn.at(0.5)),
        np.sort([written_out(q, drawn.shares, row) for row in signs]),
    )
    assert drawn.statistic(0.5) == pytest.approx(
        written_out(q, drawn.shares, np.ones(4))
    )
    weights = drawn.drawn
    assert (weights.reps, weights.name, weights.enumerated) == (16, "rademacher", True)


def test_scores_between_nulls_are_interpolated() -> None:
    rng = np.random.default_rng(7)
    powers = rng.normal(size=(4, 4))
    nulls = np.array([-2.0, -1.0, 0.0, 1.0])
    moved = np.vander(nulls, 4) @ powers
    drawn = score_draws(moved)
    at = np.vander([0.3], 4) @ powers
    assert drawn.statistic(0.3) == pytest.approx(
        written_out(at[0], drawn.shares, np.ones(4))
    )
    # Beyond the last null they stay as they are there.
    assert drawn.statistic(5.0) == drawn.statistic(1.0)


def test_pickled_draws_are_the_same() -> None:
    drawn = score_draws(np.random.default_rng(9).normal(size=(4, 4)))
    again = pickle.loads(pickle.dumps(drawn))
    np.testing.assert_array_equal(again.at(0.1), drawn.at(0.1))
