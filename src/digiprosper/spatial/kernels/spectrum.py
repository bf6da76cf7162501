"""Eigenvalues of spatial weights, and determinants and traces that follow."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from digiprosper.kernels.tolerances import REAL_EIGENVALUE, SIMILAR

if TYPE_CHECKING:
    from collections.abc import Callable

    from digiprosper.kernels import Bools, Floats

_MOST_CELLS = 2_000_000
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
        return np.asarray(middle - half * np.cos(angles))

    def log_determinant(self, at: Floats) -> Floats:
        """Compute ``ln|I - a W|`` at (m,) values of a: the sum of ``ln|1 - a w|``."""
        return self._sums(at, lambda a: np.log(np.abs(1 - a * self.values)))

    def traces(self, at: Floats, *, lags: int, inverses: int) -> Floats:
        """Compute the trace of ``W^lags (I - a W)^-inverses`` at (m,) values of a."""
        powers = self.values**lags
        return self._sums(
            at, lambda a: (powers / (1 - a * self.values) ** inverses).real
        )

    def trace(self, at: float, *, lags: int, inverses: int) -> float:
        """Compute the trace of ``W^lags (I - a W)^-inverses`` at one value of a."""
        return float(
            (self.values**lags / (1 - at * self.values) ** inverses).real.sum()
        )

    def _sums(self, at: Floats, of: Callable[[Floats], Floats]) -> Floats:
        """Add over eigenvalues, for as many values of a as fit into memory."""
        chunk = max(1, _MOST_CELLS // self.values.size)
        parts = [
            of(at[start : start + chunk, None]).sum(axis=1)
            for start in range(0, at.size, chunk)
        ]
        return np.concatenate(parts)


def spectrum(matrix: Floats) -> Spectrum | None:
    """Compute spatial weights' eigenvalues; None if all are zero.

    Those of weights that are similar to a symmetric matrix, as row-standardised
    contiguity is, are real and computed from it (Ord 1975).
    """
    similar = symmetric_similar(matrix)
    values: Any = (
        np.linalg.eigvals(matrix) if similar is None else np.linalg.eigvalsh(similar)
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
    """Find a symmetric matrix with the same eigenvalues, ``D^1/2 W D^-1/2``.

    None if there is no such D.
    """
    linked = matrix != 0
    if (linked != linked.T).any() or (matrix < 0).any():
        return None
    scale = np.exp(_log_scale(matrix, linked) / 2)
    similar = matrix * scale[:, None] / scale
    if np.abs(similar - similar.T).max() > SIMILAR * np.abs(similar).max():
        return None
    return np.asarray((similar + similar.T) / 2)


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
