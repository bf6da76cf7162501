"""Effects that are sums of products of coefficients: values in every draw, gradients, simulated estimates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from digiprosper.report.pickling import PickledByName

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digiprosper.kernels import Floats, Ints

Monomial = tuple[float, tuple[int, ...]]
"""A constant and the positions of the coefficients it multiplies."""


@dataclass(frozen=True, slots=True, eq=False)
class Products(PickledByName):
    """Terms that are sums of constants times products of coefficients.

    For M products, `constants` is (M,), `factors` (M, D) has the positions of the coefficients, -1 where a
    product has fewer than D, and `owners` (M,) the term that each product adds to. `ratio` is (numerator,
    denominator) of a last term, which `n_terms` does not count.
    """

    constants: Floats
    factors: Ints
    owners: Ints
    n_terms: int
    ratio: tuple[int, int] | None = None

    def evaluate(self, coefficients: Floats) -> Floats:
        """Evaluate every term, (R, T), at coefficients (R, K); the ratio, if any, is last."""
        parts = self._parts(coefficients)
        product = self.constants * np.prod(parts, axis=0)
        out = np.zeros((coefficients.shape[0], self.n_terms))
        for m, owner in enumerate(self.owners):
            out[:, owner] += product[:, m]
        if self.ratio is None:
            return out
        above, below = self.ratio
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.column_stack([out, out[:, above] / out[:, below]])

    def gradient(self, coefficients: Floats) -> Floats:
        """Differentiate every term by every coefficient at (K,): (T, K); the ratio, if any, is last."""
        parts = self._parts(coefficients[None, :])[:, 0]
        out = np.zeros((self.n_terms, coefficients.size + 1))
        for d in range(parts.shape[0]):
            partials = self.constants * np.prod(np.delete(parts, d, axis=0), axis=0)
            np.add.at(out, (self.owners, self.factors[:, d]), partials)
        out = out[:, :-1]
        if self.ratio is None:
            return out
        values, (above, below) = self.evaluate(coefficients[None, :])[0], self.ratio
        with np.errstate(divide="ignore", invalid="ignore"):
            last = (out[above] - values[-1] * out[below]) / values[below]
        return np.vstack([out, last])

    def _parts(self, coefficients: Floats) -> Floats:
        """Select the factors, (D, R, M); -1 selects the 1 that is appended."""
        padded = np.column_stack([coefficients, np.ones(coefficients.shape[0])])
        return np.stack([padded[:, column] for column in self.factors.T])


def products(terms: Sequence[Sequence[Monomial]], ratio: tuple[int, int] | None = None) -> Products:
    """Convert terms, each a list of (constant, positions of coefficients), into arrays.

    ``[(1.0, (0, 2)), (1.0, (1, 3))]`` is ``k0 k2 + k1 k3``.
    """
    flat = [(owner, constant, at) for owner, term in enumerate(terms) for constant, at in term]
    width = max((len(at) for _, _, at in flat), default=1)
    factors = np.full((len(flat), max(width, 1)), -1, dtype=np.intp)
    for row, (_, _, at) in zip(factors, flat, strict=True):
        row[: len(at)] = at
    return Products(
        constants=np.array([constant for _, constant, _ in flat]),
        factors=factors,
        owners=np.array([owner for owner, _, _ in flat], dtype=np.intp),
        n_terms=len(terms),
        ratio=ratio,
    )


def simulated(
    estimates: Floats, covariance: Floats, reps: int, rng: np.random.SeedSequence, *, df: float = np.inf
) -> Floats:
    """Draw coefficients, (R, K), from the normal distribution or t of their estimates.

    `covariance` is positive semidefinite; negative eigenvalues from rounding count as 0. With finite `df` it
    is the scale matrix of a multivariate t. Draws are NaN if it is not finite.
    """
    if not np.isfinite(covariance).all():
        return np.full((reps, estimates.size), np.nan)
    generator = np.random.default_rng(rng)
    scale = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    unit = np.where(scale > 0, scale, 1.0)
    roots, vectors = np.linalg.eigh(covariance / unit / unit[:, None])
    spread = (vectors * np.sqrt(np.maximum(roots, 0.0))).T * unit
    steps = generator.standard_normal((reps, estimates.size)) @ spread
    if np.isfinite(df):
        steps /= np.sqrt(generator.chisquare(df, size=(reps, 1)) / df)
    return np.asarray(estimates + steps)
