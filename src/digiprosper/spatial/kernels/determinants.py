"""Eigenvalues and log-determinants of I - a W, its inverse, and effects from both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, TypeAlias

import numpy as np

from digiprosper.kernels import Bools, Floats
from digiprosper.kernels.chunks import chunks
from digiprosper.kernels.tolerances import REAL_EIGENVALUE, SIMILAR
from digiprosper.spatial.kernels.matrices import Matrix, pattern_of, row_sum, to_dense

# Exact to 1e-8 up to this share of the way to an end of the interval.
_INNER = 0.98
_QUADRATURE = 48
# Share of linked pairs up to which factors of rows of links are faster than dense ones.
_FACTOR_BELOW = 0.01
_MEMORY = 16_000_000
_NODES = 256

Eigenvalues: TypeAlias = (
    "np.ndarray[Any, np.dtype[np.float64] | np.dtype[np.complex128]]"
)


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Eigenvalues w of spatial weights W, and where I - a W is invertible.

    Its ends are one over the least and one over the largest real eigenvalue. Where
    there is none of that sign, the end is one over the largest modulus.
    """

    values: Eigenvalues  # (N,), complex ones in pairs
    low: float
    high: float

    @cached_property
    def nodes(self) -> tuple[Floats, Floats]:
        """Values of a on the interval and ``ln|I - a W|``, cached for more fits."""
        nodes = self.chebyshev(_NODES)
        return nodes, self.log_determinant(nodes)

    def chebyshev(self, count: int) -> Floats:
        """Return Chebyshev nodes, dense near the ends of the interval."""
        angles = (np.arange(count) + 0.5) / count * np.pi
        middle, half = (self.low + self.high) / 2, (self.high - self.low) / 2
        return middle - half * np.cos(angles)

    def log_determinant(self, at: Floats) -> Floats:
        """Compute ``ln|I - a W|`` at (m,) values of a: the sum of ``ln|1 - a w|``."""
        return self._sums(at, lambda a: np.log(np.abs(1 - a * self.values)))

    def traces(self, at: Floats, *, lags: int) -> Floats:
        """Compute the trace of ``W^lags (I - a W)^-1`` at (m,) values of a."""
        powers = self.values**lags
        return self._sums(at, lambda a: (powers / (1 - a * self.values)).real)

    def trace(self, at: float, *, lags: int, inverses: int) -> float:
        """Compute the trace of ``W^lags (I - a W)^-inverses`` at one value of a."""
        return float(
            (self.values**lags / (1 - at * self.values) ** inverses).real.sum()
        )

    def _sums(self, at: Floats, of: Callable[[Floats], Floats]) -> Floats:
        """Add over eigenvalues, for as many values of a as fit into memory."""
        parts = chunks(at.size, self.values.size, _MEMORY)
        return np.concatenate([of(at[part, None]).sum(axis=1) for part in parts])


def spectrum(matrix: Floats) -> Spectrum | None:
    """Compute spatial weights' eigenvalues; None if all are zero.

    Those of weights that are similar to a symmetric matrix, as row-standardised
    contiguity is, are real and computed from it (Ord 1975).
    """
    similar = symmetric_similar(matrix)
    if similar is not None:
        values: Any = np.linalg.eigvalsh(similar)
    else:
        # Those of parts in which every unit reaches all others by links: sorted by
        # these parts the matrix is block triangular. Nearest neighbours, whose links
        # have no way back, make many of them.
        parts = pattern_of(matrix).strong
        blocks = (np.flatnonzero(parts == part) for part in range(parts.max() + 1))
        values = np.concatenate(
            [np.linalg.eigvals(matrix[np.ix_(rows, rows)]) for rows in blocks]
        )
    largest = float(np.abs(values).max())
    if largest == 0:
        return None
    real = values.real[np.abs(values.imag) <= REAL_EIGENVALUE * largest]
    least = float(real.min(initial=0.0))
    most = float(real.max(initial=0.0))
    low = 1 / least if least < -REAL_EIGENVALUE * largest else -1 / largest
    high = 1 / most if most > REAL_EIGENVALUE * largest else 1 / largest
    return Spectrum(values, low, high)


def symmetric_similar(matrix: Floats) -> Floats | None:
    """Find ``D^1/2 W D^-1/2``, symmetric with the eigenvalues of W; None without it."""
    linked = matrix != 0
    if (linked != linked.T).any() or (matrix < 0).any():
        return None
    scale = np.exp(_log_scale(matrix, linked) / 2)
    similar = matrix * scale[:, None] / scale
    if np.abs(similar - similar.T).max() > SIMILAR * np.abs(similar).max():
        return None
    return (similar + similar.T) / 2


def _log_scale(matrix: Floats, linked: Bools) -> Floats:
    """Follow links between entities; ``d_i W_ij = d_j W_ji`` gives ln D there."""
    out = np.zeros(len(matrix))
    reached = np.zeros(len(matrix), dtype=np.bool_)
    while not reached.all():
        front = np.flatnonzero(~reached)[:1]
        reached[front] = True
        while front.size:
            links = linked[front] & ~reached
            new = np.flatnonzero(links.any(axis=0))
            before = front[links[:, new].argmax(axis=0)]
            out[new] = (
                out[before] + np.log(matrix[before, new]) - np.log(matrix[new, before])
            )
            reached[new] = True
            front = new
    return out


# --- adjusted for the fixed effects or not --------------------------------------------


@dataclass(frozen=True, eq=False)
class PeriodMeans:
    """What time effects take out of the log-determinants of each period.

    With M = I - pp' for a unit vector p, the expected score under time effects is that
    of ``tr(M G)``, not ``tr(G)``, where G = W (I - a W)^-1. For rho, p is constant, and
    for lambda proportional to (I - lambda W) 1. If all rows of W have the sum w, both
    log-determinants become ``ln|I - a W| - ln(1 - a w)``, which is the likelihood of
    the transformed data of Lee & Yu (2010); otherwise it is an adjusted score (Yang
    2018), the one of rho exact without a spatial error.
    """

    matrix: Floats  # (N, N)
    spectrum: Spectrum

    @cached_property
    def sums(self) -> Floats:
        """Row sums (N,) of the weights."""
        return np.asarray(self.matrix.sum(axis=1))

    @cached_property
    def common(self) -> float | None:
        """Sum of every row of the weights; None if rows have different sums."""
        return row_sum(self.matrix)

    @cached_property
    def of_sums(self) -> tuple[str, ...]:
        """Coefficients for which p is proportional to (I - a W) 1."""
        return ("lambda",) if self.common is None else ("rho", "lambda")

    def value(self, name: str, at: Floats) -> Floats:
        """Compute what is added to ``ln|I - a W|`` at (m,) values of rho or lambda."""
        if name in self.of_sums:
            squares = (1 - at[:, None] * self.sums) ** 2
            return np.asarray(-np.log(squares.mean(axis=1)) / 2)
        # The integral of 1'G1 / N = (h - 1) / a from 0, where h = 1'(I - a W)^-1 1 / N
        # is det(I - a MW) / det(I - a W).
        nodes, weights = _quadrature()
        demeaned, values = self._eigenvalues
        integrals = []
        for a in at:
            steps = a * nodes[:, None]
            ratios = ((1 - steps * demeaned) / (1 - steps * values)).prod(axis=1).real
            integrals.append((ratios - 1) / nodes @ weights)
        return np.array(integrals)

    @cached_property
    def lag_nodes(self) -> Floats:
        """Values for rho at the nodes of the spectrum, for further fits."""
        return self.value("rho", self.spectrum.nodes[0])

    @cached_property
    def _eigenvalues(self) -> tuple[Any, Any]:
        """Eigenvalues of MW and W, sorted so that quotients are moderate."""
        demeaned = np.linalg.eigvals(self.matrix - self.matrix.mean(axis=0))
        return np.sort(demeaned), np.sort(self.spectrum.values)

    def derivative(self, name: str, at: float, order: int) -> float:
        """Compute the first or the second derivative of `value`."""
        sums = self.sums
        if name in self.of_sums:
            filtered = 1 - at * sums
            square, cross = filtered @ filtered, filtered @ sums
            if order == 1:
                return float(cross / square)
            return float((2 * cross**2 - sums @ sums * square) / square**2)
        n = len(sums)
        filter_matrix = np.eye(n) - at * self.matrix
        column = np.linalg.solve(filter_matrix, np.ones(n))
        if order == 2:
            column = np.linalg.solve(filter_matrix, self.matrix @ column)
        return float(self.matrix.sum(axis=0) @ column) / n


@cache
def _quadrature() -> tuple[Floats, Floats]:
    """Compute nodes and weights of Gauss-Legendre for integrals from 0 to 1, once."""
    nodes, weights = np.polynomial.legendre.leggauss(_QUADRATURE)
    return (nodes + 1) / 2, weights / 2


@dataclass(frozen=True, slots=True, eq=False)
class Determinants:
    """Log-determinants of I - rho W and I - lambda W, and the rows of the likelihood.

    The log likelihood is their sum minus half of `rows` times the log of the sum of
    squares. Unadjusted, `periods` is T and `rows` NT. Entity effects use one period,
    and time effects one row of each.
    """

    eigenvalues: Spectrum | None  # None without spatial coefficients
    periods: float
    rows: float
    period_means: PeriodMeans | None = None  # None if not adjusted for time effects

    @property
    def spectrum(self) -> Spectrum:
        """Eigenvalues of W, of a model with spatial coefficients."""
        assert self.eigenvalues is not None
        return self.eigenvalues

    def lag_grid(self) -> tuple[Floats, Floats]:
        """Return values of rho, and the log-determinant at each."""
        nodes, values = self.spectrum.nodes
        if self.period_means is not None:
            values = values + self.period_means.lag_nodes
        return nodes, self.periods * values

    def peaks(self, grid: Floats, heights: Floats) -> Floats:
        """Keep the local maxima of a likelihood (B, m) on a grid of rho.

        If rows of W have different sums, the adjusted likelihood may increase without
        bound to an end of the interval, and its local maximum is the estimate. Without
        a local maximum a row remains as it is.
        """
        if self.period_means is None or self.period_means.common is not None:
            return heights
        share = np.where(grid > 0, grid / self.spectrum.high, grid / self.spectrum.low)
        inner = heights[:, 1:-1]
        local = (
            (inner >= heights[:, :-2])
            & (inner >= heights[:, 2:])
            & (share[1:-1] < _INNER)
        )
        out = np.full(heights.shape, -np.inf)
        out[:, 1:-1] = np.where(local, inner, -np.inf)
        return np.where(local.any(axis=1, keepdims=True), out, heights)

    def value(self, name: str, at: Floats) -> Floats:
        """Compute the log-determinant at (m,) values of rho or lambda."""
        values = self.spectrum.log_determinant(at)
        if self.period_means is not None:
            values = values + self.period_means.value(name, at)
        return self.periods * values

    def derivative(self, name: str, at: float, order: int) -> float:
        """Compute the first or the second derivative of the log-determinant."""
        out = -self.spectrum.trace(at, lags=order, inverses=order)
        if self.period_means is not None:
            out += self.period_means.derivative(name, at, order)
        return float(self.periods * out)


# --- what a change of a regressor does to all outcomes --------------------------------


def multiplier(matrix: Matrix, rho: float) -> Floats:
    """Compute ``S = (I - rho W)^-1``, an (N, N) array."""
    n = matrix.shape[0]
    if rho == 0:
        return np.eye(n)
    if not isinstance(matrix, np.ndarray) and matrix.nnz <= _FACTOR_BELOW * n * n:
        from scipy.sparse import csc_array, eye_array
        from scipy.sparse.linalg import splu

        factors = splu(csc_array(eye_array(n) - rho * matrix))
        return factors.solve(np.eye(n))
    from scipy.linalg import inv

    return inv(np.eye(n) - rho * to_dense(matrix), overwrite_a=True, check_finite=False)


def averages(
    units: Floats, spectrum: Spectrum | None, rho: float
) -> tuple[Floats, Floats | None]:
    """Compute means of diagonals and row sums of S and of S W, and derivatives in rho.

    Both are (2, 2). The means are those of the (6, N) array of `by_unit`; derivatives
    of diagonals are traces from the eigenvalues. Without a spectrum the outcome has no
    spatial lag: S is the identity, and there are no derivatives.
    """
    value = units.reshape(2, 3, -1)[:, :2].mean(axis=-1)
    if spectrum is None:
        return value, None
    _, rows, _, _, rows_lag, columns_lag = units
    slope = [
        [spectrum.trace(rho, lags=1, inverses=2), columns_lag @ rows],
        [spectrum.trace(rho, lags=2, inverses=2), columns_lag @ rows_lag],
    ]
    return value, np.array(slope) / rows.size


def _by_kind(at: Floats) -> Floats:
    """Compute the factors (3, 2, ...) of direct, indirect and total effects.

    They multiply slopes and slopes of lags; `at` are averages (2, 2, ...).
    """
    direct, total = at[:, 0], at[:, 1]
    return np.stack([direct, total - direct, total])


def effects(
    value: Floats, slope: Floats | None, slopes: Floats, lags: Floats
) -> tuple[Floats, Floats]:
    """Compute average effects and derivatives (LeSage & Pace 2009, 2.7).

    `value` and `slope` are averages of the multiplier and their derivatives in rho;
    `slopes` and `lags` are b and th, zero where there is none. Returns direct, indirect
    and total effects (3, k), and the derivatives (3k, p) in rho (if there is `slope`),
    b and th, in this order; rows in the order of the effects read by row.
    """
    coefficients = np.stack([slopes, lags])
    gradient: Any = np.kron(_by_kind(value), np.eye(slopes.size))
    if slope is not None:
        in_rho = _by_kind(slope) @ coefficients
        gradient = np.column_stack([in_rho.ravel(), gradient])
    return _by_kind(value) @ coefficients, gradient


def effects_of_draws(
    matrix: Floats, spectrum: Spectrum | None, draws: Floats
) -> Floats:
    """Compute average effects of B draws of rho, k slopes and k of lags: (B, 3, k).

    Without a spectrum the model has no spatial lag of the outcome, and draws no rho.
    """
    n = len(matrix)
    eye = np.eye(n)
    common_sum = row_sum(matrix)
    if spectrum is None:
        value, _ = averages(by_unit(matrix, eye), None, 0.0)
        at = value[..., None]
    else:
        rho, draws = draws[:, 0], draws[:, 1:]
        diagonal, diagonal_lag = (spectrum.traces(rho, lags=k) / n for k in (0, 1))
        if common_sum is not None:
            remainder = 1 - rho * common_sum
            total, total_lag = 1 / remainder, common_sum / remainder
        else:
            ones = np.ones(n)
            sums = np.array([np.linalg.solve((eye - a * matrix).T, ones) for a in rho])
            total, total_lag = sums.mean(axis=1), sums @ (matrix @ ones) / n
        at = np.array([[diagonal, total], [diagonal_lag, total_lag]])
    coefficients = draws.reshape(len(draws), 2, -1)
    kinds = _by_kind(at)
    return np.asarray(np.einsum("eh...,...hk->...ek", kinds, coefficients))


def symmetric_root(covariance: Floats) -> Floats:
    """Compute R with ``R' R`` the covariance (k, k), to draw rows ``z @ R``.

    It may be singular, with rows of zeros: R is computed from the symmetric root of the
    correlations.
    """
    deviations = np.sqrt(np.diag(covariance))
    scale = np.where(deviations > 0, deviations, 1.0)
    values, vectors = np.linalg.eigh(covariance / scale / scale[:, None])
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    return np.asarray(root * scale)


def by_unit(matrix: Floats, inverse: Floats) -> Floats:
    """Compute diagonal, row sums, column sums of S, then of S W: (6, N)."""
    columns = inverse.sum(axis=0)
    diagonal = np.einsum("ij,ji->i", inverse, matrix)
    of_lag = [diagonal, inverse @ matrix.sum(axis=1), columns @ matrix]
    return np.vstack([np.diag(inverse), inverse.sum(axis=1), columns, *of_lag])
