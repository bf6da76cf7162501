"""Effects as sums of products of coefficients: in every draw, with gradients, and over a variable."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from digiprosper.report.pickling import PickledByName

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from digiprosper.kernels import Floats, Ints

_HALVINGS = 50
Monomial = tuple[float, tuple[int, ...]]
"""A constant and the positions of the coefficients it multiplies."""
Slope = tuple[tuple[int, float, float], ...]
"""Parts (position, level, rate): the slope at v is the sum of k (level + rate v)."""


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


@dataclass(frozen=True, slots=True)
class Route(PickledByName):
    """An effect that depends on a variable: a slope, or the product of two."""

    name: str
    slopes: tuple[Slope, ...]

    def powers(self) -> list[list[Monomial]]:
        """Write the effect as a polynomial of the variable: a sum for each power."""
        out: list[list[Monomial]] = [[(1.0, ())]]
        for slope in self.slopes:
            expanded: list[list[Monomial]] = [[] for _ in range(len(out) + 1)]
            for power, terms in enumerate(out):
                for (c, at), (i, level, rate) in product(terms, slope):
                    expanded[power] += [(c * level, (*at, i))] if level else []
                    expanded[power + 1] += [(c * rate, (*at, i))] if rate else []
            out = expanded
        return out


def expand(slopes: Iterable[Any], values: Floats) -> list[Any]:
    """Write a product of slopes as a sum of products, averaged over values (N,).

    Positions in the parts of slopes may be of any type.
    """
    out = []
    for parts in product(*slopes):
        factors = [level + rate * values for _, level, rate in parts]
        if constant := float(np.prod(factors, axis=0).mean()):
            out.append((constant, tuple(position for position, _, _ in parts)))
    return out


@dataclass(frozen=True, slots=True, eq=False)
class PathSystem(PickledByName):
    """Coefficients of the equations that effects consist of; K slopes, M mediators.

    - names: (equation, term) of each slope
    - covariance: (K, K), across the equations, with the cov_type of the fit
    - unadjusted: (K, 2), standard errors for independent rows, and residual degrees of
      freedom
    - draws: (R, K), bootstrap draws; a lost one is a row of NaN
    - jackknife: (G, K), estimates without each cluster
    - moments: (M, 3), squares and products (yy, ym, mm) of the residuals of y and m
      from regressions on the other regressors of the outcome's equation; empty if no
      sensitivity analysis is defined
    - moment_draws: (R, M, 3), the same in each draw
    - products: from slopes to the terms of the results
    """

    names: tuple[tuple[str, str], ...]
    estimates: Floats
    covariance: Floats
    unadjusted: Floats
    draws: Floats
    jackknife: Floats
    moments: Floats
    moment_draws: Floats
    products: Products

    def at(self, equation: str, term: str) -> int:
        """Look up the position of a slope."""
        return self.names.index((equation, term))


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


def as_numbers(values: object) -> Floats:
    """Convert one number or a sequence to an array (n,); empty if they are no numbers."""
    try:
        numbers = np.atleast_1d(np.asarray(values, dtype=np.float64))
    except (TypeError, ValueError):
        return np.empty(0)
    return numbers if numbers.ndim == 1 else np.empty(0)


def bisect(positive: Callable[[float], bool], inside: float, outside: float) -> tuple[float, float]:
    """Find the end of an interval where a function is positive: the values on either side of it."""
    for _ in range(_HALVINGS):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if positive(middle) else (inside, middle)
    return float(inside), float(outside)
