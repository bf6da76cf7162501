"""The conditional logit beside all choices written out."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import approx_fprime, linprog
from statsmodels.discrete.conditional_models import ConditionalLogit as Conditional

from digiprosper.counts.kernels import conditional_logit as kernel
from digiprosper.counts.kernels.conditional_logit import conditional_logit
from digiprosper.errors import IdentificationError
from digiprosper.kernels.within import compress


def draws(seed: int, n: int = 40, levels: int = 7, k: int = 2):
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
    y, x, codes = draws(seed)
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
    y, x, codes = draws(3)
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
    y, x, codes = draws(5, n=300, levels=40)
    share = np.bincount(codes, weights=y) / np.bincount(codes)
    varies = ((share > 0) & (share < 1))[codes]
    y, x, codes = y[varies], x[varies], compress(codes[varies])[0]
    fit = conditional_logit(y, x, codes)
    other = Conditional(y, x, groups=codes).fit(method="newton", disp=0)
    np.testing.assert_allclose(fit.coefficients, other.params, atol=1e-6)
    errors = np.sqrt(np.diag(np.linalg.inv(fit.information)))
    np.testing.assert_allclose(errors, other.bse, rtol=1e-5)


def test_levels_without_variation_and_order_do_not_matter() -> None:
    y, x, codes = draws(7, n=60, levels=10)
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
    y, x, codes = draws(9)
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
    y, x, codes = draws(11, n=80, levels=15)
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
