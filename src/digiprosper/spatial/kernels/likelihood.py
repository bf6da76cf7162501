"""Maximum likelihood of spatial panels, concentrated in spatial coefficients."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from digiprosper.kernels.least_squares import ols
from digiprosper.kernels.tolerances import AT_THE_END, EXACT_ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from digiprosper.kernels import Floats
    from digiprosper.spatial.kernels.determinants import Determinants, Spectrum
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

    def filtered_outcome(self, rho: float, lam: float) -> Floats:
        """Compute ``(I - lambda W)(I - rho W) y``, an (NT,) array."""
        outcome = self.y[:, 0] - rho * self.y[:, 1]
        if lam:
            outcome = outcome - lam * (self.y[:, 1] - rho * self.y[:, 2])
        return outcome

    def filtered_lag(self, lam: float) -> Floats:
        """Compute ``(I - lambda W) W y``, an (NT,) array."""
        return self.y[:, 1] - lam * self.y[:, 2] if lam else self.y[:, 1]

    def filtered(self, lam: float) -> Floats:
        """Compute ``(I - lambda W) x``, an (NT, k) array."""
        return self.x - lam * self.wx if lam else self.x


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


def maximise(
    columns: SpatialColumns, determinants: Determinants, *, lag: bool, error: bool
) -> Optimum:
    """Maximise the likelihood of a spatial panel.

    A grid over the interval of each spatial coefficient finds the highest maximum; the
    estimate is the root of the score beside it. `at_end` tells if there is no maximum
    inside the interval.
    """
    spectrum = determinants.spectrum
    assert spectrum is not None
    reduced = _reduced(columns)
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
        lag_of_error = reduced.y[:, 1] - rho * reduced.y[:, 2]
        lag_of_error = lag_of_error - reduced.wx @ fit.coefficients
        fall = lag_of_error @ fit.residuals / (fit.residuals @ fit.residuals)
        return float(determinants.rows * fall) + determinants.slope("lambda", lam)

    lam, lambda_at_end = 0.0, False
    if error:
        lam, lambda_at_end = _root(
            score, heights, spectrum.chebyshev(_NODES_EACH), spectrum
        )
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
    fit = ols(columns.filtered(lam), columns.filtered_outcome(rho, lam))
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


def _reduced(columns: SpatialColumns) -> SpatialColumns:
    """Rotate columns to as many rows as columns; products stay as they are."""
    k, lags = columns.x.shape[1], columns.wx.shape[1]
    triangle = np.asarray(
        np.linalg.qr(np.hstack([columns.x, columns.wx, columns.y]), mode="r")
    )
    return SpatialColumns(
        triangle[:, k + lags :],
        triangle[:, :k],
        triangle[:, k : k + lags],
        n_times=columns.n_times,
    )


def _best_rho(
    reduced: SpatialColumns,
    determinants: Determinants,
    grid: Floats,
    values: Floats,
    lam: float,
) -> tuple[float, bool]:
    """Find rho given lambda, and whether it is at an end of its interval.

    `values` are the log-determinants on the grid.
    """
    spectrum = determinants.spectrum
    assert spectrum is not None
    pair = np.column_stack(
        [reduced.filtered_outcome(0.0, lam), reduced.filtered_lag(lam)]
    )
    outcome, lag = ols(reduced.filtered(lam), pair).residuals.T
    # The sum of squares is least + curve (rho - bottom)^2
    curve = float(lag @ lag)
    bottom = float(outcome @ lag) / curve if curve > 0 else 0.0
    outcome = outcome - bottom * lag
    least = float(outcome @ outcome)

    def score(rho: float) -> float:
        fall = -curve * (rho - bottom) / (least + curve * (rho - bottom) ** 2)
        return determinants.rows * fall + determinants.slope("rho", rho)

    def heights_of(rhos: Floats, log_determinants: Floats) -> Floats:
        squares = least + curve * (rhos - bottom) ** 2
        return log_determinants - determinants.rows / 2 * np.log(squares)

    def heights(rhos: Floats) -> Floats:
        return heights_of(rhos, determinants.value("rho", rhos))

    first = determinants.peaks(grid, heights_of(grid, values)[None])[0]
    return _root(score, heights, grid, spectrum, first=first)


# --- roots on an interval -------------------------------------------------------------


def _root(
    score: Callable[[float], float],
    heights: Callable[[Floats], Floats],
    grid: Floats,
    spectrum: Spectrum,
    *,
    first: Floats | None = None,
) -> tuple[float, bool]:
    """Find the score's root next to the best grid node.

    `heights` is the log likelihood of an array of values apart from a constant, `first`
    its values on the grid if they are known. The result is an end if the score has no
    root up to it.
    """
    from scipy.optimize import brentq, minimize_scalar

    score = cache(score)
    margin = AT_THE_END * (spectrum.high - spectrum.low)
    nodes = np.array([spectrum.low + margin, *grid, spectrum.high - margin])
    best = int((heights(grid) if first is None else first).argmax())
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
