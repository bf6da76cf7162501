"""Maximum likelihood of spatial panels, concentrated, and its covariances."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np

from digiprosper.kernels import Floats
from digiprosper.kernels.least_squares import ols
from digiprosper.kernels.tolerances import AT_THE_END, EXACT_ROOT
from digiprosper.spatial.kernels.determinants import (
    Determinants,
    PeriodMeans,
    Spectrum,
    multiplier,
)
from digiprosper.spatial.kernels.matrices import Matrix

_NODES_EACH = 64
# Nodes between those where the score has no root.
_FINER = 32


@dataclass(frozen=True, slots=True, eq=False)
class SpatialColumns:
    """Columns of a balanced panel without fixed effects, by entity, then period.

    Lambda is 0 without a spatial error.
    """

    # (NT, 2) outcome and its spatial lag; (NT, 3) with the lag of that for a spatial
    # error
    y: Floats
    x: Floats  # (NT, k) regressors, spatial lags among them
    wx: Floats  # (NT, k) spatial lags of `x` for a spatial error, (NT, 0) without one
    n_times: int

    @property
    def n_entities(self) -> int:
        """Number of entities N."""
        return len(self.y) // self.n_times

    def filtered(self, lam: float) -> tuple[Floats, Floats, Floats]:
        """Compute ``I - lambda W`` times y and W y (NT,), and times x (NT, k)."""
        if not lam:
            return self.y[:, 0], self.y[:, 1], self.x
        outcome, lag = (self.y[:, :2] - lam * self.y[:, 1:]).T
        return outcome, lag, self.x - lam * self.wx

    def error_lag(self, rho: float, coefficients: Floats) -> Floats:
        """Compute the spatial lag of the error, an (NT,) array."""
        return self.y[:, 1] - rho * self.y[:, 2] - self.wx @ coefficients


@dataclass(frozen=True, slots=True, eq=False)
class Optimum:
    """Maximum likelihood estimates."""

    rho: float  # 0 without a spatial lag of the outcome
    lam: float  # 0 without a spatial lag of the error
    coefficients: Floats  # (k,) slopes
    sigma2: float  # mean squared residual
    loglik: float
    residuals: Floats  # (NT,) of the filtered equation
    at_end: str = ""  # "rho" or "lambda" if it is at an end of its interval


def lagged(matrix: Matrix, columns: Floats) -> Floats:
    """Compute the spatial lag of (NT, p) columns, rows by entity, then period."""
    by_entity = columns.reshape(matrix.shape[0], -1)
    return (matrix @ by_entity).reshape(columns.shape)


def without_means(columns: Floats, n_times: int, entity: bool, time: bool) -> Floats:  # noqa: FBT001
    """Subtract means of entities and periods from (NT, p) balanced, sorted columns."""
    cells = columns.reshape(-1, n_times, columns.shape[1])
    if entity:
        cells = cells - cells.mean(axis=1, keepdims=True)
    if time:
        cells = cells - cells.mean(axis=0, keepdims=True)
    return np.array(cells.reshape(columns.shape))


def maximise(
    columns: SpatialColumns, determinants: Determinants, *, lag: bool, error: bool
) -> Optimum:
    """Maximise the likelihood of a spatial panel.

    A grid over the interval of each spatial coefficient finds the highest maximum; the
    estimate is the root of the score beside it. `at_end` tells if there is no maximum
    inside the interval.
    """
    # Rotated to as many rows as columns; products stay as they are
    k, lags = columns.x.shape[1], columns.wx.shape[1]
    joined = np.hstack([columns.x, columns.wx, columns.y])
    x, wx, y = np.split(np.linalg.qr(joined, mode="r"), [k, k + lags], axis=1)
    reduced = SpatialColumns(y, x, wx, n_times=columns.n_times)
    grid = determinants.lag_grid() if lag else None

    def profile(lam: float) -> tuple[float, bool]:
        """Find rho, and whether it is at an end."""
        if grid is None:
            return 0.0, False
        return _best_rho(reduced, determinants, *grid, lam)

    def heights(lams: Floats) -> Floats:
        return np.array(
            [at_values(reduced, determinants, profile(at)[0], at).loglik for at in lams]
        )

    def score(lam: float) -> float:
        rho, _ = profile(lam)
        fit = at_values(reduced, determinants, rho, lam)
        e, error_lag = fit.residuals, reduced.error_lag(rho, fit.coefficients)
        fall = float(error_lag @ e / (e @ e))
        return determinants.rows * fall + determinants.derivative("lambda", lam, 1)

    lam, lambda_at_end = 0.0, False
    if error:
        spectrum = determinants.spectrum
        lams = spectrum.chebyshev(_NODES_EACH)
        lam, lambda_at_end = _root(score, heights, lams, heights(lams), spectrum)
    rho, rho_at_end = profile(lam)
    at_end = "rho" if rho_at_end else "lambda" if lambda_at_end else ""
    return replace(at_values(columns, determinants, rho, lam), at_end=at_end)


def at_values(
    columns: SpatialColumns, determinants: Determinants, rho: float, lam: float
) -> Optimum:
    """Estimate slopes and sigma2 by least squares, given spatial coefficients.

    With n rows, the log likelihood is both log-determinants minus
    ``n/2 [ln(2 pi e'e / n) + 1]``.
    """
    outcome, lag, x = columns.filtered(lam)
    fit = ols(x, outcome - rho * lag)
    squares = float(fit.residuals @ fit.residuals)
    n = determinants.rows
    both = sum(
        float(determinants.value(name, np.array([at]))[0])
        for name, at in (("rho", rho), ("lambda", lam))
        if at != 0  # the log-determinant of the identity is zero
    )
    return Optimum(
        rho=rho,
        lam=lam,
        coefficients=fit.coefficients,
        sigma2=squares / n,
        loglik=both - n / 2 * float(np.log(2 * np.pi * squares / n) + 1),
        residuals=fit.residuals,
    )


def _best_rho(
    reduced: SpatialColumns,
    determinants: Determinants,
    grid: Floats,
    values: Floats,
    lam: float,
) -> tuple[float, bool]:
    """Find rho given lambda and log-determinants on the grid, and if at an end."""
    *pair, x = reduced.filtered(lam)
    outcome, lag = ols(x, np.column_stack(pair)).residuals.T
    # The sum of squares is least + curve (rho - bottom)^2
    curve = float(lag @ lag)
    bottom = float(outcome @ lag) / curve if curve > 0 else 0.0
    outcome = outcome - bottom * lag
    least = float(outcome @ outcome)

    def score(rho: float) -> float:
        fall = -curve * (rho - bottom) / (least + curve * (rho - bottom) ** 2)
        return determinants.rows * fall + determinants.derivative("rho", rho, 1)

    def fit_of(rhos: Floats) -> Floats:
        squares = least + curve * (rhos - bottom) ** 2
        return -determinants.rows / 2 * np.log(squares)

    def heights(rhos: Floats) -> Floats:
        return determinants.value("rho", rhos) + fit_of(rhos)

    on_grid = determinants.peaks(grid, (values + fit_of(grid))[None])[0]
    return _root(score, heights, grid, on_grid, determinants.spectrum)


# --- roots on an interval -------------------------------------------------------------


def _root(
    score: Callable[[float], float],
    heights: Callable[[Floats], Floats],
    grid: Floats,
    on_grid: Floats,
    spectrum: Spectrum,
) -> tuple[float, bool]:
    """Find the score's root next to the best grid node.

    `heights` is the log likelihood of an array of values apart from a constant,
    `on_grid` its values on the grid. The result is an end if the score has no root up
    to it.
    """
    from scipy.optimize import brentq, minimize_scalar

    score = cache(score)
    margin = AT_THE_END * (spectrum.high - spectrum.low)
    nodes = np.array([spectrum.low + margin, *grid, spectrum.high - margin])
    best = int(on_grid.argmax())
    low, middle, high = nodes[best : best + 3]
    if best == 0 and score(low) <= 0:
        return float(low), True
    if best == len(grid) - 1 and score(high) >= 0:
        return float(high), True
    # Weights of any size: what is exact is the distance over the length of the
    # interval.
    exact = EXACT_ROOT * (spectrum.high - spectrum.low)
    bracket = (middle, high) if score(middle) > 0 else (low, middle)
    if not score(bracket[0]) > 0 >= score(bracket[1]):
        # Where another rho is best on the other side of a node, the score jumps.
        finer = np.linspace(low, high, _FINER)
        best = int(heights(finer[1:-1]).argmax())
        peak = minimize_scalar(
            lambda at: -heights(np.array([at]))[0],
            bounds=(finer[best], finer[best + 2]),
            method="bounded",
            options={"xatol": exact},
        )
        return float(peak.x), False
    return float(brentq(score, *bracket, xtol=exact, rtol=EXACT_ROOT)), False


# --- information ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """A model at its estimates, with what every covariance is computed from."""

    columns: SpatialColumns  # without fixed effects
    optimum: Optimum
    determinants: Determinants
    matrix: Matrix  # (N, N) weights
    lag: bool  # whether the outcome has a spatial lag
    error: bool  # whether the error has a spatial lag
    # Removes the fixed effects from an (NT, 1) array
    demean: Callable[[Floats], Floats]
    # (I - a W)^-1 by a; shared by points
    inverses: dict[float, Floats] = field(default_factory=dict)

    @property
    def spatial(self) -> dict[str, float]:
        """Spatial coefficients of the model by name: rho, lambda, both or none."""
        rho = {"rho": self.optimum.rho} if self.lag else {}
        return rho | ({"lambda": self.optimum.lam} if self.error else {})

    def moves(self) -> Floats:
        """Compute minus residuals' derivatives in rho, lambda, slopes, (NT, p)."""
        optimum = self.optimum
        _, lag, x = self.columns.filtered(optimum.lam)
        spatial = [lag] if self.lag else []
        if self.error:
            spatial.append(self.columns.error_lag(optimum.rho, optimum.coefficients))
        return np.column_stack([*spatial, x])

    def inverse(self, at: float) -> Floats:
        """Compute ``(I - a W)^-1``, an (N, N) array, once for each a."""
        if at not in self.inverses:
            self.inverses[at] = multiplier(self.matrix, at)
        return self.inverses[at]

    def period_vector(self) -> Floats | None:
        """Compute the unit vector (N,) that time effects take out."""
        if self.determinants.period_means is None:
            return None
        ones = np.ones(self.columns.n_entities)
        filtered = ones - self.optimum.lam * (self.matrix @ ones)
        return filtered / np.linalg.norm(filtered)

    def multiplied(self) -> Floats:
        """Compute ``G = W (I - a W)^-1``, or M G M if adjusted, for q coefficients.

        It is a (q, N, N) array.
        """
        n, p = self.columns.n_entities, self.period_vector()
        lags = [self.matrix @ self.inverse(at) for at in self.spatial.values()]
        out = np.reshape(lags, (-1, n, n))
        if p is not None:
            out = out - p[:, None] * (p @ out)[:, None]
            out = out - (out @ p)[..., None] * p
        return out


def observed_information(point: Point) -> Floats:
    """Compute minus the log likelihood's Hessian in rho, lambda, slopes, sigma2."""
    columns, e, sigma2 = point.columns, point.optimum.residuals, point.optimum.sigma2
    moves, spatial = point.moves(), point.spatial
    q = len(spatial)
    squares = moves.T @ moves
    # Second derivatives of the residuals: in lambda and rho, and in lambda and a slope.
    if point.error:
        in_rho = [columns.y[:, 2] @ e] if point.lag else []
        cross = np.concatenate([in_rho, [0.0], columns.wx.T @ e])
        squares[q - 1] += cross
        squares[:, q - 1] += cross
    for j, (name, at) in enumerate(spatial.items()):
        squares[j, j] -= sigma2 * point.determinants.derivative(name, at, 2)
    with_variance = moves.T @ e / sigma2**2
    # At the estimate the sum of squares is sigma2 times as many rows as the likelihood
    # counts.
    rows = point.determinants.rows
    of_variance = float(e @ e) / sigma2**3 - rows / (2 * sigma2**2)
    return _bordered(squares / sigma2, with_variance, of_variance)


def expected_information(point: Point) -> Floats:
    """Compute the expectation of `observed_information` under normal errors."""
    sigma2, spatial = point.optimum.sigma2, point.spatial
    multiplied = point.multiplied()
    means = _means(point, multiplied)
    squares = means.T @ means / sigma2
    symmetric = multiplied + multiplied.swapaxes(1, 2)
    determinants, q = point.determinants, len(spatial)
    traces = np.tensordot(multiplied, symmetric, axes=((1, 2), (1, 2)))
    squares[:q, :q] += determinants.periods * traces
    with_variance = np.zeros(len(squares))
    for j, (name, at) in enumerate(spatial.items()):
        with_variance[j] = -determinants.derivative(name, at, 1) / sigma2
    return _bordered(squares, with_variance, determinants.rows / (2 * sigma2**2))


def clustered_covariance(point: Point, bread: Floats) -> Floats:
    """Compute a sandwich that allows for dependence within entities.

    The score of a spatial coefficient has the form ``sum_t e_t' B e_t + m_t' e_t``. Its
    part from one entity is summed over the periods; its part from a pair of entities,
    ``(B_ij + B_ji) sum_t e_it e_jt``, is a term of its own, since a sum by entity alone
    omits half of the variance of the pairs. Errors of different entities are
    independent, those of one entity are not restricted. The factor is G / (G - 1).
    """
    sigma2, n = point.optimum.sigma2, point.columns.n_entities
    multiplied = point.multiplied()
    q = len(multiplied)
    by_period = point.optimum.residuals.reshape(n, -1)
    products = by_period @ by_period.T / sigma2
    linear = _means(point, multiplied) * point.optimum.residuals[:, None] / sigma2
    scores = linear.reshape(n, -1, linear.shape[1]).sum(axis=1)
    p = point.period_vector()
    expected = point.determinants.periods * (1.0 if p is None else 1 - p**2)
    excess = (np.diag(products) - expected)[:, None]
    scores[:, :q] += np.diagonal(multiplied, axis1=1, axis2=2).T * excess
    scores = np.hstack([scores, excess / (2 * sigma2)])
    meat = scores.T @ scores

    above = np.triu_indices(n, 1)
    pairs = (multiplied + multiplied.swapaxes(1, 2))[:, *above]
    meat[:q, :q] += (pairs * products[above] ** 2) @ pairs.T
    return np.asarray(n / (n - 1) * bread @ meat @ bread)


def lee_yu(point: Point, period_means: PeriodMeans | None, *, entity: bool) -> Optimum:
    """Correct bias of fixed effects (Lee & Yu 2010; Elhorst 2014, eqs 3.25, 3.26).

    With time effects, which `period_means` stands for, ``T I^-1 a`` is added to the
    estimates, with the expected information I. -T a is the expectation of the scores at
    the true values. If all rows of W have the sum w, it is ``-w / (1 - rho w)`` for
    rho, the same for lambda, ``-1 / (2 sigma2)`` for sigma2, and 0 for the slopes. With
    entity effects sigma2 is multiplied by ``T / (T - 1)``. The log likelihood remains
    that of the maximum.
    """
    optimum, columns, spatial = point.optimum, point.columns, point.spatial
    q = len(spatial)
    values = np.array([*spatial.values(), *optimum.coefficients, optimum.sigma2])
    if period_means is not None:
        bias = np.zeros(values.size)
        bias[:q] = [
            period_means.derivative(name, at, 1) for name, at in spatial.items()
        ]
        bias[-1] = 1 / (2 * optimum.sigma2)
        values = values + columns.n_times * np.linalg.solve(
            expected_information(point), bias
        )
    if entity:
        values[-1] *= columns.n_times / (columns.n_times - 1)
    rho = float(values[0]) if point.lag else 0.0
    lam = float(values[q - 1]) if point.error else 0.0
    coefficients = values[q:-1]
    outcome, lag, x = columns.filtered(lam)
    return replace(
        optimum,
        rho=rho,
        lam=lam,
        coefficients=coefficients,
        sigma2=float(values[-1]),
        residuals=outcome - rho * lag - x @ coefficients,
    )


def _means(point: Point, multiplied: Floats) -> Floats:
    """Compute the expectation of `Point.moves`: lags without their errors."""
    moves = point.moves()
    if point.lag:
        errors = point.optimum.residuals.reshape(point.columns.n_entities, -1)
        added = (multiplied[0] @ errors).reshape(-1, 1)
        moves[:, 0] -= point.demean(added)[:, 0]
    if point.error:
        # The lag of the error is nothing but errors.
        moves[:, len(multiplied) - 1] = 0.0
    return moves


def _bordered(squares: Floats, with_variance: Floats, of_variance: float) -> Floats:
    border, corner = with_variance[:, None], np.array([[of_variance]])
    return np.block([[squares, border], [border.T, corner]])
