"""Log-determinants of the likelihood, adjusted for the fixed effects or not."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from digiprosper.spatial.kernels.multiplier import row_sum

if TYPE_CHECKING:
    from digiprosper.kernels import Floats
    from digiprosper.spatial.kernels.spectrum import Spectrum

# Exact to 1e-8 up to this share of the way to an end of the interval.
_INNER: Final = 0.98
_QUADRATURE: Final = 48


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
    def common(self) -> float | None:
        """Sum of every row of the weights; None if rows have different sums."""
        return row_sum(self.matrix)

    def _is_of_sums(self, name: str) -> bool:
        """Tell whether p is proportional to (I - a W) 1, as for rho with equal sums."""
        return name == "lambda" or self.common is not None

    def value(self, name: str, at: Floats) -> Floats:
        """Compute what is added to ``ln|I - a W|`` at (m,) values of rho or lambda."""
        if self._is_of_sums(name):
            squares = (1 - at[:, None] * self.matrix.sum(axis=1)) ** 2
            return np.asarray(-np.log(squares.mean(axis=1)) / 2)
        # The integral of 1'G1 / N = (h - 1) / a from 0, where h = 1'(I - a W)^-1 1 / N
        # is det(I - a MW) / det(I - a W).
        nodes, weights = np.polynomial.legendre.leggauss(_QUADRATURE)
        nodes = (nodes + 1) / 2
        ratios = [self._mean_inverse(a * nodes) for a in at]
        return np.array([(ratio - 1) / nodes @ weights / 2 for ratio in ratios])

    @cached_property
    def lag_nodes(self) -> Floats:
        """Values for rho at the nodes of the spectrum, for further fits."""
        return self.value("rho", self.spectrum.nodes[0])

    @cached_property
    def _values(self) -> tuple[Any, Any]:
        """Eigenvalues of MW and W, sorted so that quotients are moderate."""
        demeaned = np.linalg.eigvals(self.matrix - self.matrix.mean(axis=0))
        return np.sort(demeaned), np.sort(self.spectrum.values)

    def _mean_inverse(self, at: Floats) -> Floats:
        """Compute ``1'(I - a W)^-1 1 / N`` at (m,) values of a."""
        demeaned, values = self._values
        quotients = (1 - at[:, None] * demeaned) / (1 - at[:, None] * values)
        return np.asarray(quotients.prod(axis=1).real)

    def slope(self, name: str, at: float) -> float:
        """Compute the derivative of `value`."""
        sums = self.matrix.sum(axis=1)
        if self._is_of_sums(name):
            return float((1 - at * sums) @ sums / ((1 - at * sums) @ (1 - at * sums)))
        return float(
            self.matrix.sum(axis=0) @ self._solve(at, np.ones(len(sums)))
        ) / len(sums)

    def curve(self, name: str, at: float) -> float:
        """Compute the second derivative of `value`."""
        sums = self.matrix.sum(axis=1)
        if self._is_of_sums(name):
            square, cross = (1 - at * sums) @ (1 - at * sums), (1 - at * sums) @ sums
            return float((2 * cross**2 - sums @ sums * square) / square**2)
        inverse_lag = self._solve(at, self.matrix @ self._solve(at, np.ones(len(sums))))
        return float(self.matrix.sum(axis=0) @ inverse_lag) / len(sums)

    def _solve(self, at: float, column: Floats) -> Floats:
        return np.asarray(
            np.linalg.solve(np.eye(len(column)) - at * self.matrix, column)
        )


@dataclass(frozen=True, slots=True, eq=False)
class Determinants:
    """Log-determinants of I - rho W and I - lambda W, and the rows of the likelihood.

    The log likelihood is their sum minus half of `rows` times the log of the sum of
    squares. Unadjusted, `periods` is T and `rows` NT. Entity effects use one period,
    and time effects one row of each.
    """

    spectrum: Spectrum | None  # None if both are zero
    periods: float
    rows: float
    period_means: PeriodMeans | None = None  # None if not adjusted for time effects

    def lag_grid(self) -> tuple[Floats, Floats]:
        """Return values of rho, and the log-determinant at each."""
        assert self.spectrum is not None
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
        if (
            self.spectrum is None
            or self.period_means is None
            or self.period_means.common is not None
        ):
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
        if self.spectrum is None:
            return np.zeros(at.shape)
        values = self.spectrum.log_determinant(at)
        if self.period_means is not None:
            values = values + self.period_means.value(name, at)
        return np.asarray(self.periods * values)

    def slope(self, name: str, at: float) -> float:
        """Compute the derivative of the log-determinant."""
        if self.spectrum is None:
            return 0.0
        trace = self.spectrum.trace(at, lags=1, inverses=1)
        means = 0.0 if self.period_means is None else self.period_means.slope(name, at)
        return self.periods * (means - trace)

    def curve(self, name: str, at: float) -> float:
        """Compute the second derivative of the log-determinant."""
        if self.spectrum is None:
            return 0.0
        trace = self.spectrum.trace(at, lags=2, inverses=2)
        means = 0.0 if self.period_means is None else self.period_means.curve(name, at)
        return self.periods * (means - trace)
