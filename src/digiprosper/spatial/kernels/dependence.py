"""Spatial dependence of a variable, and of the residuals of a model.

Moran's I and Geary's C, period by period, and their local parts, beside permutations of
the entities. Tests of a model: the residuals under the null hypothesis are multiplied
by a random sign for each entity, which keeps the dependence of its periods, and the
models are fitted again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.kernels.chunks import chunks
from digiprosper.kernels.tolerances import CONSTANT, SAME_STATISTIC, TIED_DRAWS
from digiprosper.spatial.kernels.determinants import Determinants
from digiprosper.spatial.kernels.likelihood import SpatialColumns, lagged, without_means
from digiprosper.spatial.kernels.matrices import Matrix, lag_by_period, to_dense

# Bytes of a block of permutations; some six arrays of that size are alive at once.
_PERMUTED = 2**23


def _both_sums(matrix: Matrix) -> Floats:
    """Add the sum of each row and that of the column of the same entity."""
    rows, columns = (
        np.asarray(matrix.sum(axis=axis), dtype=np.float64).ravel() for axis in (1, 0)
    )
    return rows + columns


def deviations(cells: Floats) -> tuple[Floats, Bools]:
    """Standardise (T, n) values to mean zero and mean square one in each period.

    Also returns the (T,) periods in which all values are the same; there the result is
    zero.
    """
    largest = np.abs(cells).max(axis=1, keepdims=True)
    z = cells / np.where(largest > 0, largest, 1.0)
    z = z - z.mean(axis=1, keepdims=True)
    constant = np.abs(z).max(axis=1) <= CONSTANT
    spread = np.sqrt((z**2).mean(axis=1, keepdims=True))
    return np.where(
        constant[:, None], 0.0, z / np.where(spread > 0, spread, 1.0)
    ), constant


def global_statistics(
    matrix: Matrix, z: Floats, reps: int, seed: np.random.SeedSequence, *, geary: bool
) -> tuple[Floats, Ints]:
    """Compute Moran's I or Geary's C, and count permutations that are as extreme.

    Returns the statistic of each period (T,), and how many permutations have one at
    least as far from its expectation.
    ``I = n / S0 * z'Wz / z'z``;
    ``C = (n - 1) / (2 S0) * sum_ij w_ij (z_i - z_j)^2 / z'z``. `z` is the (T, n) array
    of `deviations`. Permutations of the entities are the same in all periods.
    """
    n = z.shape[1]
    total = float(matrix.sum())
    sums = _both_sums(matrix)
    expectation = 1.0 if geary else -1.0 / (n - 1)

    def statistics(values: Floats) -> Floats:
        """Compute the statistic of (n, b) columns of mean square one."""
        products = np.einsum("nb,nb->b", values, matrix @ values)
        if geary:
            products = (n - 1) / (2 * n) * (sums @ values**2 - 2 * products)
        return np.asarray(products / total)

    observed = statistics(np.ascontiguousarray(z.T))
    distances = _as_far(np.abs(observed - expectation), abs(expectation))
    beyond = np.zeros(len(z), dtype=np.intp)
    for order in _permutations(n, reps, seed):
        for t, row in enumerate(z):
            beyond[t] += (
                np.abs(statistics(row[order]) - expectation) >= distances[t]
            ).sum()
    return observed, beyond


def _permutations(n: int, reps: int, seed: np.random.SeedSequence) -> Iterator[Ints]:
    """Draw (n, b) permutations in blocks; block size does not change the stream."""
    generator = np.random.default_rng(seed)
    for part in chunks(reps, n, _PERMUTED):
        rows = np.tile(np.arange(n), (part.stop - part.start, 1))
        yield np.ascontiguousarray(generator.permuted(rows, axis=1).T)


def moments(matrix: Matrix, z: Floats, *, geary: bool) -> tuple[float, float, Floats]:
    """Compute moments without autocorrelation (Cliff & Ord 1981, p. 21).

    Returns the expectation, ``-1 / (n - 1)`` of Moran's I and one of Geary's C, the
    variance for independent normal values, and for each period the variance over all
    permutations of the (T, n) values of `deviations`. A variance of zero is missing.
    """
    n = matrix.shape[0]
    pair_sums: Any = matrix + matrix.T
    squares = pair_sums**2 if isinstance(pair_sums, np.ndarray) else pair_sums.data**2
    s0, s1 = float(matrix.sum()), float(squares.sum() / 2)
    s2 = float((_both_sums(matrix) ** 2).sum())
    kurtosis = (z**4).mean(axis=1)
    if geary:
        expectation, size = 1.0, 1 / n
        normality = ((2 * s1 + s2) * (n - 1) - 4 * s0**2) / (2 * (n + 1) * s0**2)
        pairs = (n - 1) * s1 * (n**2 - 3 * n + 3 - (n - 1) * kurtosis)
        rows = (n - 1) * s2 * (n**2 + 3 * n - 6 - (n**2 - n + 2) * kurtosis) / 4
        whole = s0**2 * (n**2 - 3 - (n - 1) ** 2 * kurtosis)
        randomisation = (pairs - rows + whole) / (n * (n - 2) * (n - 3) * s0**2)
    else:
        expectation = -1.0 / (n - 1)
        size = expectation**2
        normality = (n**2 * s1 - n * s2 + 3 * s0**2) / (s0**2 * (n**2 - 1)) - size
        first = n * ((n**2 - 3 * n + 3) * s1 - n * s2 + 3 * s0**2)
        second = (n**2 - n) * s1 - 2 * n * s2 + 6 * s0**2
        scale = (n - 1) * (n - 2) * (n - 3) * s0**2
        randomisation = (first - kurtosis * second) / scale - size
    # A variance within the rounding error of its terms is none
    least = SAME_STATISTIC * size
    return (
        expectation,
        normality if normality > least else np.nan,
        np.where(randomisation > least, randomisation, np.nan),
    )


def _as_far(distance: Floats, size: Floats | float) -> Floats:
    """Reduce distances from a centre by rounding error, so that ties count as ties."""
    return distance - SAME_STATISTIC * (distance + size)


def local_statistics(
    matrix: Matrix, z: Floats, reps: int, seed: np.random.SeedSequence
) -> tuple[Floats, Ints]:
    """Compute spatial lags; count permutations with local statistics as extreme.

    Returns both as (T, n) arrays. The local Moran statistic is z times its lag,
    ``I_i = z_i sum_j w_ij z_j`` with z of mean square one (Anselin 1995). The value of
    i is fixed, those of the others are permuted: in each permutation of all entities
    the value that i received is exchanged with z_i, which leaves all permutations of
    the others equally likely.
    """
    n = z.shape[1]
    lag = lag_by_period(matrix, z)
    # Mean of the lag over permutations of the other entities, whose values sum to -z_i.
    centre = -np.asarray(matrix.sum(axis=1), dtype=np.float64).ravel() * z / (n - 1)
    distances = _as_far(np.abs(z * (lag - centre)), np.abs(z * centre))
    beyond = np.zeros(z.shape, dtype=np.intp)
    for order in _permutations(n, reps, seed):
        positions = np.empty_like(order)
        np.put_along_axis(positions, order, np.arange(n)[:, None], axis=0)
        # The weight of i for the entity that received its value
        rows = np.broadcast_to(np.arange(n)[:, None], order.shape)
        weights = matrix[rows.ravel(), positions.ravel()]
        received_weights = np.asarray(weights).reshape(order.shape)
        for t, row in enumerate(z):
            permuted, value = row[order], row[:, None]
            permuted_lags = matrix @ permuted + received_weights * (permuted - value)
            as_far = (
                np.abs(value * (permuted_lags - centre[t, :, None]))
                >= distances[t, :, None]
            )
            beyond[t] += as_far.sum(axis=1)
    return lag, beyond


def benjamini_hochberg(p: Floats) -> Floats:
    """Adjust (T, n) p-values for false discoveries (Benjamini & Hochberg 1995).

    NaN where there is no test, which does not count as one.
    """
    from scipy.stats import false_discovery_control

    adjusted = np.full(p.shape, np.nan)
    for t, row in enumerate(p):
        tests = ~np.isnan(row)
        if tests.any():
            adjusted[t, tests] = false_discovery_control(row[tests])
    return adjusted


# --- tests of a model's residuals -----------------------------------------------------


REPS = 499
_SEED = 31
# Bytes of one array of drawn outcomes; some six are alive at once.
_DRAWN = 2**25
_ERROR_NODES = 96
_CURVE_NODES = 64


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """Outcomes under a null hypothesis, the observed one first.

    Rows are sorted by entity, then period, and each column is a draw.
    """

    outcome: Floats  # (N, T)
    residuals: Floats  # (N, T) of the model under the null
    inverse: Floats | None  # (N, N) from residuals to the outcome; None is the identity
    matrix: Matrix  # (N, N) weights
    entity: bool  # whether entity effects are removed
    time: bool  # whether time effects are removed

    def columns(self) -> Iterator[tuple[Floats, Floats]]:
        """Yield outcomes and their spatial lags, each (NT, B)."""
        n, t = self.residuals.shape
        signs = np.random.default_rng(_SEED).choice([-1.0, 1.0], size=(1 + REPS, n))
        signs[0] = 1.0
        # By size of the residuals, so that the order of the entities does not matter.
        signs[:, np.argsort((self.residuals**2).sum(axis=1), kind="stable")] = (
            signs.copy()
        )
        for part in chunks(1 + REPS, n * t, _DRAWN):
            shift = self.residuals[:, :, None] * (signs[part].T[:, None] - 1)
            shift = shift.reshape(n * t, -1)
            if self.inverse is not None:
                shift = lagged(self.inverse, shift)
            outcomes = self.outcome.reshape(-1, 1) + shift
            yield outcomes, lagged(self.matrix, outcomes)

    def demean(self, columns: Floats) -> Floats:
        """Remove the fixed effects from (NT, B) columns."""
        return without_means(columns, self.outcome.shape[1], self.entity, self.time)


def p_value(statistics: Floats) -> float:
    """Compute the share of statistics at least as large as the first."""
    observed, draws = statistics[0], statistics[1:]
    return float(1 + (draws >= observed - TIED_DRAWS * abs(observed)).sum()) / (
        1 + draws.size
    )


# --- Lagrange multiplier tests --------------------------------------------------------


def lagrange_tests(
    matrix: Floats, x: Floats, e: Floats, lag_y: Floats, lag_e: Floats
) -> Floats:
    """Compute tests of Anselin, Le Gallo & Jayet (2008), robust of Elhorst (2010).

    Returns the statistics of a spatial lag, of a spatial error, and the robust ones of
    both, each chi-squared with one degree of freedom under its null. `x` are the
    (NT, k) demeaned regressors, `e` the (NT,) least-squares residuals of the outcome,
    and `lag_y` and `lag_e` the spatial lags of both; rows are sorted by entity and then
    by period.
    """
    n_times = e.size / len(matrix)
    trace = n_times * float(np.sum(matrix * matrix.T) + np.sum(matrix**2))
    errors, lags, error_lags = np.stack([e, lag_y, lag_e])[..., None]
    return np.ravel(
        _score_statistics(_basis(x), errors, lags, error_lags, e.size, 0.0, trace)
    )


def _score_statistics(
    basis: Floats,
    errors: Floats,
    lags: Floats,
    error_lags: Floats,
    rows: float,
    mean: float,
    variance: float,
) -> Floats:
    """Compute statistics (B, 4) of a lag, of an error, and the robust ones.

    The scores are ``e'Wy`` and ``e'We`` over ``e'e / rows``, less their `mean`. That of
    the error has the `variance`, and that of the lag in addition the variance of
    ``e'W`` times the fitted values and fixed effects.
    """
    sigma2 = _products(errors, errors) / rows
    of_lag = _products(errors, lags) / sigma2 - mean
    of_error = _products(errors, error_lags) / sigma2 - mean
    fitted = _residuals(lags - error_lags, basis)
    information = _products(fitted, fitted) / sigma2
    share = variance / (information + variance)
    statistics = (
        of_lag**2 / (information + variance),
        of_error**2 / variance,
        (of_lag - of_error) ** 2 / information,
        (of_error - share * of_lag) ** 2 / (variance * (1 - share)),
    )
    return np.column_stack(statistics)


def lagrange_draws(drawn: Drawn, x: Floats, periods: float, rows: float) -> Floats:
    """Compute centred LM statistics (1 + B, 4): lag, error, both robust.

    `x` are the (NT, k) regressors without the fixed effects, `periods` and `rows` those
    of the adjusted likelihood. The expectation and variance of ``e'We / e'e`` are those
    of a ratio of quadratic forms (Cliff & Ord 1981; Baltagi & Yang 2013): with the
    residual maker Q, the traces of QW and of its square, and the degrees of freedom.
    """
    basis, df = _basis(x), rows - x.shape[1]
    # Traces of Q W and of the square of its symmetric part
    matrix = to_dense(drawn.matrix)
    symmetric = (matrix + matrix.T) / 2
    if drawn.time:
        symmetric = symmetric - symmetric.mean(axis=0)
        symmetric = symmetric - symmetric.mean(axis=1, keepdims=True)
    basis_lags = drawn.demean(lagged(symmetric, basis))
    inner = basis_lags.T @ basis
    first = periods * float(np.trace(symmetric)) - float(np.trace(inner))
    second = periods * float((symmetric**2).sum()) - 2 * float((basis_lags**2).sum())
    second += float((inner**2).sum())
    variance = df**2 * ((2 * second + first**2) / (df * (df + 2)) - (first / df) ** 2)
    parts = []
    for outcomes, lags in drawn.columns():
        errors = _residuals(drawn.demean(outcomes), basis)
        both_lags = drawn.demean(lags), drawn.demean(lagged(drawn.matrix, errors))
        parts.append(_score_statistics(basis, errors, *both_lags, df, first, variance))
    return np.vstack(parts)


def _basis(x: Floats) -> Floats:
    return np.linalg.qr(x / np.linalg.norm(x, axis=0))[0]


def _residuals(columns: Floats, basis: Floats) -> Floats:
    return columns - basis @ (basis.T @ columns)


def _products(first: Floats, second: Floats) -> Floats:
    return np.asarray(np.einsum("ib,ib->b", first, second))


# --- restrictions of the spatial Durbin model -----------------------------------------


def _lag_fits(
    outcomes: Floats, lags: Floats, x: Floats, determinants: Determinants
) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Maximise the likelihood of a model with a spatial lag for B outcomes.

    It is maximised over rho on a grid, with a parabola. Returns, each (B,): rho, the
    log likelihood apart from a constant, the sum of squared residuals, and of the lag
    net of the regressors the product with the residuals and the sum of squares.
    """
    basis = _basis(x)
    products = _all_products(_residuals(outcomes, basis), _residuals(lags, basis))
    grid, values = determinants.lag_grid()
    heights = values - determinants.rows / 2 * np.log(_squares(products, grid))
    rho, loglik = _peak(grid, heights, determinants.peaks(grid, heights))
    _, cross, lag_squares = products.T
    squares = _squares(products, rho[:, None])[:, 0]
    return rho, loglik, squares, cross - lag_squares * rho, lag_squares


def _all_products(outcomes: Floats, lags: Floats) -> Floats:
    """Compute ``y'y``, ``y'Wy`` and ``(Wy)'Wy`` of B outcomes, (B, 3)."""
    pairs = (outcomes, outcomes), (outcomes, lags), (lags, lags)
    return np.column_stack([_products(*pair) for pair in pairs])


def _squares(products: Floats, at: Floats) -> Floats:
    """Compute the sums of squares of ``y - a Wy`` at values of a."""
    of_outcome, cross, of_lag = (column[:, None] for column in products.T)
    return np.asarray(of_outcome - 2 * cross * at + of_lag * at**2)


def _peak(grid: Floats, heights: Floats, peaks: Floats) -> tuple[Floats, Floats]:
    """Find the maximum of the parabola through each row's highest peak."""
    rows = np.arange(len(heights))
    best = np.clip(peaks.argmax(axis=1), 1, grid.size - 2)
    x0, x1, x2 = grid[best - 1], grid[best], grid[best + 1]
    y0, y1, y2 = (heights[rows, best + step] for step in (-1, 0, 1))
    below, above = (y1 - y0) / (x1 - x0), (y2 - y1) / (x2 - x1)
    bend = (above - below) / (x2 - x0)
    inside = bend < 0
    at = (x0 + x1) / 2 - np.divide(
        below, 2 * bend, out=np.zeros_like(below), where=inside
    )
    at = np.where(inside, np.clip(at, x0, x2), x1)
    return at, y0 + below * (at - x0) + bend * (at - x0) * (at - x1)


def durbin_draws(
    drawn: Drawn,
    durbin: SpatialColumns,
    simple: SpatialColumns,
    determinants: Determinants,
    k: int,
    error: Drawn | None,
) -> Floats:
    """Compute LR and Wald of SAR or SEM against a Durbin model: (1 + B, 2).

    `simple` has the columns of the model under the null. `error` is `drawn` with the
    fixed effects that are removed from the columns of a SEM; None is a SAR.
    """
    curve_nodes = determinants.spectrum.chebyshev(_CURVE_NODES)
    curves = [determinants.derivative("rho", at, 2) for at in curve_nodes]
    parts = []
    for raw, raw_lags in drawn.columns():
        outcomes, lags = drawn.demean(raw), drawn.demean(raw_lags)
        rho, loglik, squares, products, lag_squares = _lag_fits(
            outcomes, lags, durbin.x, determinants
        )
        if error is None:
            null = _lag_fits(outcomes, lags, simple.x, determinants)[1]
        else:
            null = _error_logliks(
                error.demean(raw), error.demean(raw_lags), simple, determinants
            )
        sigma2 = squares / determinants.rows
        precision = (lag_squares - 2 * products**2 / squares) / sigma2
        precision -= np.interp(rho, curve_nodes, curves)
        pair = np.hstack([outcomes, lags])
        wald = _walds(
            durbin.x, pair, k, rho, sigma2, precision, common=error is not None
        )
        parts.append(np.column_stack([2 * (loglik - null), wald]))
    return np.vstack(parts)


def _walds(
    x: Floats,
    pair: Floats,
    k: int,
    rho: Floats,
    sigma2: Floats,
    precision: Floats,
    *,
    common: bool,
) -> Floats:
    """Compute Wald statistics (B,) of outcomes and their lags, joined in `pair`.

    Under the null the coefficients of the lags are zero; with `common` factors it is
    those plus rho times the slopes.
    """
    gram = x.T @ x
    by_outcome, by_lag = np.split(np.linalg.solve(gram, x.T @ pair).T[..., None], 2)
    coefficients = by_outcome - rho[:, None, None] * by_lag
    restrictions = np.zeros((rho.size, k, len(gram)))
    restrictions[:, :, k : 2 * k] = np.eye(k)
    if common:
        restrictions[:, :, :k] = rho[:, None, None] * np.eye(k)
    # What is zero under the null, and minus its derivative in rho
    gap, moves = restrictions @ coefficients, restrictions @ by_lag
    if common:
        moves -= coefficients[:, :k]
    inverse = restrictions @ np.linalg.inv(gram) @ restrictions.swapaxes(1, 2)
    covariance = sigma2[:, None, None] * inverse
    covariance += moves @ moves.swapaxes(1, 2) / precision[:, None, None]
    return np.asarray((gap * np.linalg.solve(covariance, gap)).sum(axis=(1, 2)))


def _error_logliks(
    outcomes: Floats, lags: Floats, columns: SpatialColumns, determinants: Determinants
) -> Floats:
    """Maximise the likelihood of a SEM for B outcomes over lambda.

    The regressors are the same in every draw: all products with them are those with a
    basis of the regressors and their lags.
    """
    grid = determinants.spectrum.chebyshev(_ERROR_NODES)
    basis = np.linalg.qr(np.hstack([columns.x, columns.wx]))[0]
    y, wy, x, wx = (basis.T @ c for c in (outcomes, lags, columns.x, columns.wx))
    squares = _squares(_all_products(outcomes, lags), grid)
    for j, at in enumerate(grid):
        fitted = np.linalg.qr(x - at * wx)[0].T @ (y - at * wy)
        squares[:, j] -= _products(fitted, fitted)
    values = determinants.value("lambda", grid)
    heights = values - determinants.rows / 2 * np.log(squares)
    return _peak(grid, heights, heights)[1]
