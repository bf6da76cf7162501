"""Within estimators of a dynamic panel, corrected for the bias of Nickell (1981)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.polynomial.polynomial import polyval

from digiprosper.dynamic.kernels.transforms import transformed
from digiprosper.kernels import Bools, Floats
from digiprosper.kernels.tolerances import COLLINEAR

# The equation of the bias is solved between the within estimate and a value above,
# in steps of the search, and bisections of the step with the solution.
_HIGHEST = 1.3
_LEAST_RANGE = 0.3
_STEPS = 80
_BISECTIONS = 45


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class WithinProducts:
    """What within estimators need of each of N entities, or in sum of each draw.

    products (N, K, K): cross products of outcome, regressors and dummies of periods,
        net of entity means; the lag of the outcome is the first regressor
    n_regressors: regressors without the dummies
    degrees (N,): rows, less the one that an entity's mean takes
    bias (N, T - 1): ``bias @ (1, r, r^2, ...)``, times the error variance, is the
        expected product of lag and error if the coefficient of the lag is r
    """

    products: Floats
    n_regressors: int
    degrees: Floats
    bias: Floats

    def drawn(self, counts: Floats) -> WithinProducts:
        """Sum the entities of draws, which are in each as often as `counts` (D, N)."""
        products, degrees, bias = (
            np.tensordot(counts, by_entity, axes=1)
            for by_entity in (self.products, self.degrees, self.bias)
        )
        return replace(self, products=products, degrees=degrees, bias=bias)


def within_products(
    values: Floats, n_regressors: int, complete: Bools
) -> WithinProducts:
    """Compute products of each entity.

    values (N, T, 1 + k + p): outcome, its lag, other regressors, and dummies of
    periods; `complete` (N, T) are the rows.
    """
    columns = transformed(values, complete, "within")[0]
    rows = complete.sum(axis=1)
    return WithinProducts(
        products=columns.transpose(0, 2, 1) @ columns,
        n_regressors=n_regressors,
        degrees=rows - np.minimum(rows, 1.0),
        bias=_expected_products(columns[..., 1 + n_regressors :], complete),
    )


def persistence_bounds(columns: Floats, complete: Bools, lags: int) -> dict[str, float]:
    """Sum the coefficients of the lags by two estimators with opposite biases.

    Within entities it is biased downwards, by pooled least squares upwards (Bond 2002).
    columns (N, T, 1 + K): outcome, the lags, other regressors.
    """
    pooled = np.concatenate([columns, np.ones((*complete.shape, 1))], axis=2)
    within_entities, _ = transformed(columns, complete, "within")
    bounds = {}
    for name, values in (("within", within_entities), ("ols", pooled)):
        size = np.linalg.norm(values[complete], axis=0)
        rows = values[complete] / np.where(size > 0, size, 1.0)
        slopes = np.linalg.lstsq(rows[:, 1:], rows[:, 0], rcond=COLLINEAR)[0]
        bounds[name] = float((slopes[:lags] * size[0] / size[1 : 1 + lags]).sum())
    return bounds


def _expected_products(dummies: Floats, complete: Bools) -> Floats:
    """Compute the coefficients (N, T - 1) of powers of r in E(lag' M e) / variance.

    The lag of period t contains the error of period s < t with the weight
    ``r^(t - 1 - s)``, so the expectation is ``tr(M L)`` with these weights in L and M
    the projection that removes entity and period effects (Bun & Carree 2005, section
    2; with gaps, a period without a row passes the error on). `dummies` (N, T, p) of
    periods are net of entity means.
    """
    present = complete.astype(np.float64)
    rows = np.maximum(present.sum(axis=1), 1.0)[:, None, None]
    inverse = np.linalg.pinv(np.einsum("ntp,ntq->pq", dummies, dummies))
    removed = present[:, :, None] * present[:, None] / rows
    removed += dummies @ inverse @ dummies.transpose(0, 2, 1)
    lags = range(1, complete.shape[1])
    return -np.stack([removed.trace(-lag, 1, 2) for lag in lags], axis=1)


def within(data: WithinProducts) -> tuple[Floats, Floats, Floats]:
    """Estimate by least squares within entities; missing if a regressor is constant.

    Coefficients (D, K), the first column (D, K) of the inverse cross product of the
    regressors, and sums of squared residuals (D,).
    """
    products = data.products
    regressors, outcome = products[:, 1:, 1:], products[:, 1:, 0]
    size = np.sqrt(np.einsum("dkk->dk", regressors))
    constant = ~(size[:, : data.n_regressors] > 0).all(axis=1)
    size = np.where(size > 0, size, 1.0)
    scale = size[:, :, None] * size[:, None, :]
    inverse = np.linalg.pinv(regressors / scale, hermitian=True) / scale
    coefficients = np.einsum("dkl,dl->dk", inverse, outcome)
    coefficients[constant] = np.nan
    squares = products[:, 0, 0] - np.einsum("dk,dk->d", coefficients, outcome)
    return coefficients, inverse[:, :, 0], np.maximum(squares, 0.0)


def bias_corrected(data: WithinProducts) -> tuple[Floats, Bools]:
    """Solve for the coefficients whose bias explains the within estimates.

    With the within estimate w of the lag's coefficient, r solves ``r + s^2(r) tr(r) q =
    w`` (Bun & Carree 2005, equations 10 and 11). q is the first element of the inverse
    cross product, tr(r) as in `WithinProducts.bias`, and s^2(r) the error variance if
    the coefficient is r. The smallest solution above w is taken. The other coefficients
    follow, since their bias is that of the lag times a regression coefficient.

    Coefficients (D, k), and whether the bias was solved (D,). Without a solution the
    coefficient is the one that comes nearest to it. It is missing with no more rows
    than coefficients, or without variation in a regressor.
    """
    estimates, inverse, squares = within(data)
    first, q = estimates[:, 0], inverse[:, 0]
    degrees = data.degrees - estimates.shape[1]
    degrees = np.where((degrees > 0) & (q > 0), degrees, np.nan)
    q = np.where(q > 0, q, 1.0)

    def gap(r: Floats) -> Floats:
        variance = (squares + (r - first) ** 2 / q) / degrees
        expected = variance * polyval(r, data.bias.T, tensor=False) * q
        return np.asarray(r + expected - first)

    steps = np.linspace(0, 1, _STEPS + 1)[:, None]
    grid = first + np.maximum(_HIGHEST - first, _LEAST_RANGE) * steps
    gaps = np.array([gap(r) for r in grid])
    # Without residuals, or with rounding only, the within estimate has no bias.
    crosses = (gaps[:-1] <= 0) & (gaps[1:] >= 0)
    solved = np.asarray(crosses.any(axis=0))
    draw, step = np.arange(first.size), crosses.argmax(axis=0)
    low, high = grid[step, draw], grid[step + 1, draw]
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        below = gap(middle) < 0
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    nearest = grid[gaps.argmax(axis=0), draw]
    r = np.where(solved, (low + high) / 2, nearest)
    r = np.where(np.isnan(degrees), np.nan, r)
    correction = ((r - first) / q)[:, None] * inverse
    return (estimates + correction)[:, : data.n_regressors], solved


def half_panel(whole: WithinProducts, halves: Sequence[WithinProducts]) -> Floats:
    """Correct by the half-panel jackknife (Dhaene & Jochmans 2015, equation 3.2).

    Twice the estimate (D, k) of the panel less the mean of those of its halves.
    """
    mean = np.mean(
        [within(half)[0][:, : whole.n_regressors] for half in halves], axis=0
    )
    return np.asarray(2 * within(whole)[0][:, : whole.n_regressors] - mean)
