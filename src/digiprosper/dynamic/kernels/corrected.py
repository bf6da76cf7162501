"""Within estimators of a dynamic panel, corrected for the bias of Nickell (1981)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.polynomial.polynomial import polyval

from digiprosper.dynamic.kernels.transforms import within_deviations
from digiprosper.kernels.tolerances import COLLINEAR
from digiprosper.kernels.within import level_sums

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digiprosper.kernels import Bools, Floats, Ints

# The equation of the bias is solved between the within estimate and a value above,
# in steps of the search, and bisections of the step with the solution.
_HIGHEST = 1.3
_LEAST_RANGE = 0.3
_STEPS = 80
_BISECTIONS = 45


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class WithinProducts:
    """What within estimators of any draw of clusters need.

    products (G, K, K): cross products by cluster of outcome, regressors and dummies of
        periods, net of entity means; the lag of the outcome is the first regressor
    n_regressors: regressors without the dummies
    rows (G,): rows of a cluster
    entities (G,): entities of a cluster
    bias (G, T): ``bias @ (1, r, r^2, ...)``, times the error variance, is the expected
        product of lag and error in a cluster if the coefficient of the lag is r
    """

    products: Floats
    n_regressors: int
    rows: Floats
    entities: Floats
    bias: Floats

    def drawn(self, counts: Floats) -> WithinProducts:
        """Sum the clusters of draws (R, G); a draw then stands for a cluster."""
        flat = self.products.reshape(len(self.products), -1)
        return WithinProducts(
            products=(counts @ flat).reshape(-1, *self.products.shape[1:]),
            n_regressors=self.n_regressors,
            rows=counts @ self.rows,
            entities=counts @ self.entities,
            bias=counts @ self.bias,
        )


def within_products(
    values: Floats, n_regressors: int, complete: Bools, clusters: Ints
) -> WithinProducts:
    """Sum products by cluster.

    values (N, T, 1 + k + p): outcome, its lag, other regressors, and dummies of
    periods; `complete` (N, T) are the rows, `clusters` (N,) the cluster of each entity.
    """
    columns = within_deviations(values, complete)[0]
    products = columns.transpose(0, 2, 1) @ columns
    rows = complete.sum(axis=1)
    groups = int(clusters.max()) + 1
    bias = _expected_products(columns[..., 1 + n_regressors :], complete)
    return WithinProducts(
        products=level_sums(
            clusters, groups, products.reshape(len(products), -1)
        ).reshape(groups, *products.shape[1:]),
        n_regressors=n_regressors,
        rows=np.bincount(clusters, rows, groups).astype(np.float64),
        entities=np.bincount(clusters, rows > 0, groups).astype(np.float64),
        bias=level_sums(clusters, groups, bias),
    )


def persistence_bounds(columns: Floats, complete: Bools, lags: int) -> dict[str, float]:
    """Sum the coefficients of the lags by two estimators with opposite biases.

    Within entities it is biased downwards, by pooled least squares upwards (Bond 2002).
    columns (N, T, 1 + K): outcome, the lags, other regressors.
    """
    pooled = np.concatenate([columns, np.ones((*complete.shape, 1))], axis=2)
    by_estimator = {"within": within_deviations(columns, complete)[0], "ols": pooled}
    out = {}
    for name, values in by_estimator.items():
        rows = values[complete]
        size = np.linalg.norm(rows, axis=0)
        scale = np.where(size > 0, size, 1.0)
        scaled = rows / scale
        coefficients = np.linalg.lstsq(scaled[:, 1:], scaled[:, 0], rcond=COLLINEAR)[0]
        out[name] = float((coefficients / scale[1:])[:lags].sum() * scale[0])
    return out


def _expected_products(dummies: Floats, complete: Bools) -> Floats:
    """Compute the coefficients (N, T) of powers of r in E(lag' M e) over the variance.

    The lag of period t contains the error of period s < t with the weight
    ``r^(t - 1 - s)``, so the expectation is ``tr(M L)`` with these weights in L and M
    the projection that removes entity and period effects (Bun & Carree 2005, section
    2; with gaps, a period without a row passes the error on). `dummies` (N, T, p) of
    periods are net of entity means.
    """
    n, periods = complete.shape
    rows = np.maximum(complete.sum(axis=1), 1)
    present = complete.astype(np.float64)
    inverse = np.linalg.pinv(np.einsum("ntp,ntq->pq", dummies, dummies))
    by_period = dummies @ inverse
    out = np.zeros((n, periods))
    for lag in range(1, periods):
        out[:, lag - 1] = -(present[:, lag:] * present[:, :-lag]).sum(axis=1) / rows
        out[:, lag - 1] -= (by_period[:, lag:] * dummies[:, :-lag]).sum(axis=(1, 2))
    return out


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Corrected:
    """Estimates of D draws: coefficients (D, k), and whether the bias was solved (D,).

    Without a solution the coefficient is the one that comes nearest to it. It is
    missing with no more rows than coefficients, or without variation in a regressor.
    """

    coefficients: Floats
    solved: Bools


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
    scaled = regressors / size[:, :, None] / size[:, None, :]
    inverse = (
        np.linalg.pinv(scaled, hermitian=True) / size[:, :, None] / size[:, None, :]
    )
    coefficients = np.einsum("dkl,dl->dk", inverse, outcome)
    coefficients[constant] = np.nan
    squares = products[:, 0, 0] - np.einsum("dk,dk->d", coefficients, outcome)
    return coefficients, inverse[:, :, 0], np.maximum(squares, 0.0)


def bias_corrected(data: WithinProducts) -> Corrected:
    """Solve for the coefficients whose bias explains the within estimates.

    With the within estimate w of the lag's coefficient, r solves ``r + s^2(r) tr(r) q =
    w`` (Bun & Carree 2005, equations 10 and 11). q is the first element of the inverse
    cross product, tr(r) as in `WithinProducts.bias`, and s^2(r) the error variance if
    the coefficient is r. The smallest solution above w is taken. The other coefficients
    follow, since their bias is that of the lag times a regression coefficient.
    """
    estimates, inverse, squares = within(data)
    first, q = estimates[:, 0], inverse[:, 0]
    k = data.n_regressors
    dummies = estimates.shape[1] - k
    degrees = data.rows - data.entities - dummies - k
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
    moved = ((r - first) / q)[:, None] * inverse
    return Corrected(coefficients=(estimates + moved)[:, :k], solved=solved)


def half_panel(whole: WithinProducts, halves: Sequence[WithinProducts]) -> Corrected:
    """Correct by the half-panel jackknife (Dhaene & Jochmans 2015, equation 3.2).

    Twice the estimate of the panel less the mean of those of its halves.
    """
    k = whole.n_regressors
    mean = np.mean([within(half)[0][:, :k] for half in halves], axis=0)
    coefficients = 2 * within(whole)[0][:, :k] - mean
    return Corrected(
        coefficients=coefficients, solved=np.full(len(coefficients), fill_value=True)
    )
