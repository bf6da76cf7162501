"""Maximum likelihood of spatial panels, concentrated in spatial coefficients."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from digiprosper.kernels.tolerances import AT_THE_END, EXACT_ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from digiprosper.kernels import Floats
    from digiprosper.spatial.kernels.determinants import Determinants
    from digiprosper.spatial.kernels.matrices import Matrix
    from digiprosper.spatial.kernels.spectrum import Spectrum

_NODES_EACH = 64
# Finer grids where the score has no root beside the best node, and their nodes.
_REFINEMENTS = 8
_FINER = 7


@dataclass(frozen=True, slots=True, eq=False)
class SpatialColumns:
    """Columns of a balanced panel without fixed effects, by entity, then period."""

    # (NT, 2) outcome and its spatial lag; (NT, 3) with the lag of that for a spatial
    # error
    y: Floats
    x: Floats  # (NT, k) regressors, spatial lags among them
    wx: Floats  # (NT, k) spatial lags of `x` for a spatial error, (NT, 0) without one
    n_times: int

    @property
    def nobs(self) -> int:
        """Number of rows NT."""
        return len(self.y)

    @property
    def n_entities(self) -> int:
        """Number of entities N."""
        return self.nobs // self.n_times

    @property
    def has_error(self) -> bool:
        """Whether the columns for a spatial error are present."""
        return bool(self.y.shape[1] > 2)

    def filtered_outcome(self, rho: float, lam: float) -> Floats:
        """Compute ``(I - lambda W)(I - rho W) y``, an (NT,) array."""
        y, first, *second = self.y.T
        outcome = y - rho * first
        return np.asarray(
            outcome - lam * (first - rho * second[0]) if second else outcome
        )

    def filtered(self, lam: float) -> Floats:
        """Compute ``(I - lambda W) x``, an (NT, k) array."""
        return self.x - lam * self.wx if self.has_error else self.x


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


class _Profile(NamedTuple):
    """Rho at which the likelihood is largest, given lambda."""

    rho: float
    at_end: bool


def lagged(matrix: Matrix, columns: Floats) -> Floats:
    """Compute the spatial lag of (NT, p) columns, rows by entity, then period."""
    by_entity = columns.reshape(matrix.shape[0], -1)
    return np.asarray((matrix @ by_entity).reshape(columns.shape))


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
    reduced, grid, values = _reduced(columns), np.zeros(1), np.zeros(1)
    if lag:
        grid, values = determinants.lag_grid()

    def profile_at(lam: float) -> _Profile:
        return _profile(_squares(reduced, np.array([lam])), determinants, grid, values)

    if not error:
        profile = profile_at(0.0)
        return at_values(
            columns,
            determinants,
            profile.rho,
            0.0,
            at_end="rho" if profile.at_end else "",
        )

    def heights(lams: Floats) -> Floats:
        squares = _squares(reduced, lams)
        rhos = np.array(
            [
                _profile(squares.select(i), determinants, grid, values).rho
                for i in range(lams.size)
            ]
        )
        both = determinants.value("rho", rhos) + determinants.value("lambda", lams)
        return np.asarray(
            both - determinants.rows / 2 * np.log(np.diag(squares.at(rhos)))
        )

    def score(lam: float) -> float:
        return _error_score(reduced, determinants, profile_at(lam).rho, lam)

    lam, at_end = _root(score, heights, spectrum.chebyshev(_NODES_EACH), spectrum)
    profile = profile_at(lam)
    ends = {"rho": profile.at_end, "lambda": at_end}
    reached = [name for name, end in ends.items() if end]
    return at_values(
        columns, determinants, profile.rho, lam, at_end=reached[0] if reached else ""
    )


def log_likelihood(
    determinants: Determinants, rho: float, lam: float, squares: float
) -> float:
    """Compute the concentrated log likelihood from the sum of squared residuals.

    With n rows, it is both log-determinants minus ``n/2 [ln(2 pi e'e / n) + 1]``.
    """
    n = determinants.rows
    both = sum(
        float(determinants.value(name, np.array([at]))[0])
        for name, at in (("rho", rho), ("lambda", lam))
    )
    return both - n / 2 * float(np.log(2 * np.pi * squares / n) + 1)


def at_values(
    columns: SpatialColumns,
    determinants: Determinants,
    rho: float,
    lam: float,
    *,
    at_end: str = "",
) -> Optimum:
    """Estimate slopes and sigma2 by least squares, given spatial coefficients."""
    coefficients, residuals = _least_squares(
        columns.filtered(lam), columns.filtered_outcome(rho, lam)
    )
    squares = float(residuals @ residuals)
    return Optimum(
        rho=rho,
        lam=lam,
        coefficients=coefficients,
        sigma2=squares / determinants.rows,
        loglik=log_likelihood(determinants, rho, lam, squares),
        residuals=residuals,
        at_end=at_end,
    )


def _least_squares(design: Floats, outcome: Floats) -> tuple[Floats, Floats]:
    """Regress an outcome, or several, by QR of columns of unit length."""
    if design.shape[1] == 0:
        return np.zeros(0), outcome
    length = np.sqrt(np.einsum("ij,ij->j", design, design))
    basis, triangle = np.linalg.qr(design / length)
    projections = basis.T @ outcome
    slopes = np.linalg.solve(triangle, projections)
    coefficients = slopes / (length if outcome.ndim == 1 else length[:, None])
    return coefficients, np.asarray(outcome - basis @ projections)


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


# --- the spatial lag of the outcome, given lambda -------------------------------------


class _Squares(NamedTuple):
    """Sums of squares ``least + curve (rho - bottom)^2``, one per lambda."""

    least: Floats
    curve: Floats
    bottom: Floats

    def select(self, position: int) -> _Squares:
        """Select the values of one lambda."""
        return _Squares(*(part[position : position + 1] for part in self))

    def at(self, rho: Floats) -> Floats:
        """Compute the sums at values of rho, an array with a row per lambda."""
        return (
            self.least[:, None]
            + self.curve[:, None] * (rho - self.bottom[:, None]) ** 2
        )


def _squares(reduced: SpatialColumns, lams: Floats) -> _Squares:
    """Regress filtered outcome and lag on filtered regressors, by lambda."""
    if reduced.has_error:
        y, first, second = reduced.y.T
        at = lams[:, None]
        pair = np.stack([y - at * first, first - at * second], axis=2)
        design = reduced.x - at[:, :, None] * reduced.wx
    else:
        pair, design = reduced.y[None], reduced.x[None]
    length = np.sqrt(np.einsum("lij,lij->lj", design, design))
    basis = np.linalg.qr(design / length[:, None, :])[0]
    residuals = pair - basis @ (basis.transpose(0, 2, 1) @ pair)
    curve = np.einsum("li,li->l", residuals[:, :, 1], residuals[:, :, 1])
    cross = np.einsum("li,li->l", residuals[:, :, 0], residuals[:, :, 1])
    bottom = np.divide(cross, curve, out=np.zeros_like(curve), where=curve > 0)
    partial_residuals = residuals[:, :, 0] - bottom[:, None] * residuals[:, :, 1]
    return _Squares(
        np.einsum("li,li->l", partial_residuals, partial_residuals), curve, bottom
    )


def _profile(
    squares: _Squares, determinants: Determinants, grid: Floats, values: Floats
) -> _Profile:
    """Find rho given one lambda; 0 without a spatial lag of the outcome.

    `values` are the log-determinants on the grid.
    """
    spectrum = determinants.spectrum
    if grid.size == 1 or spectrum is None:
        return _Profile(0.0, at_end=False)
    least, curve, bottom = (float(part[0]) for part in squares)

    def score(rho: float) -> float:
        fall = -curve * (rho - bottom) / (least + curve * (rho - bottom) ** 2)
        return determinants.rows * fall + determinants.slope("rho", rho)

    def heights_of(rhos: Floats, log_determinants: Floats) -> Floats:
        return np.asarray(
            log_determinants - determinants.rows / 2 * np.log(squares.at(rhos)[0])
        )

    def heights(rhos: Floats) -> Floats:
        return heights_of(rhos, determinants.value("rho", rhos))

    first = determinants.peaks(grid, heights_of(grid, values)[None])[0]
    return _Profile(*_root(score, heights, grid, spectrum, first=first))


def _error_score(
    reduced: SpatialColumns, determinants: Determinants, rho: float, lam: float
) -> float:
    """Compute the derivative of the log likelihood in lambda."""
    outcome, design = reduced.filtered_outcome(rho, lam), reduced.filtered(lam)
    coefficients, residuals = _least_squares(design, outcome)
    lag = reduced.y[:, 1] - rho * reduced.y[:, 2] - reduced.wx @ coefficients
    fall = float(lag @ residuals) / float(residuals @ residuals)
    return determinants.rows * fall + determinants.slope("lambda", lam)


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
    from scipy.optimize import brentq

    score = cache(score)
    margin = AT_THE_END * (spectrum.high - spectrum.low)
    nodes = np.array([spectrum.low + margin, *grid, spectrum.high - margin])
    best = int((heights(grid) if first is None else first).argmax())
    low, middle, high = nodes[best : best + 3]
    if best == 0 and score(low) <= 0:
        return float(low), True
    if best == len(grid) - 1 and score(high) >= 0:
        return float(high), True
    # Where another rho is best on the other side of a node, the score jumps, and a
    # finer grid is needed.
    refinements = 0
    while not _changes_sign(score, low, middle, high) and refinements < _REFINEMENTS:
        finer = np.linspace(low, high, _FINER + 2)
        best = int(heights(finer[1:-1]).argmax())
        low, middle, high = finer[best : best + 3]
        refinements += 1
    if not _changes_sign(score, low, middle, high):
        return float(middle), False
    bracket = (middle, high) if score(middle) > 0 else (low, middle)
    # Weights of any size: what is exact is the distance over the length of the
    # interval.
    exact = EXACT_ROOT * (spectrum.high - spectrum.low)
    return float(brentq(score, *bracket, xtol=exact, rtol=EXACT_ROOT)), False


def _changes_sign(
    score: Callable[[float], float], low: float, middle: float, high: float
) -> bool:
    """Tell whether the score has a root from the middle to the better end."""
    return score(high) < 0 if score(middle) > 0 else score(low) > 0
