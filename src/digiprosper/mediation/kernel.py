"""Effects as sums of products of coefficients, with their gradients and draws."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import product
from typing import Any, TypeAlias

import numpy as np

from digiprosper.kernels import Floats
from digiprosper.report.pickling import PickledByName

_HALVINGS = 50
# Its square vanishes when added to any number.
_STEP = 2.0**-600
Monomial = tuple[float, tuple[int, ...]]
"""A constant and the positions of the coefficients it multiplies."""
Effects: TypeAlias = "tuple[Floats, Floats, Floats]"
"""Estimates (k,), covariance (k, k) and draws (R, k) of effects."""
Slope = tuple[tuple[int, float, float], ...]
"""Parts (position, level, rate): the slope at v is the sum of k (level + rate v)."""


def gradient(effects: Callable[[Any], Any], coefficients: Floats) -> Floats:
    """Differentiate effects (R, T) of coefficients (R, K), at (K,): (T, K).

    By a complex step (Squire & Trapp 1998, SIAM Review 40:110), which loses no digits.
    """
    steps = coefficients + 1j * _STEP * np.eye(coefficients.size)
    return np.asarray(effects(steps).imag.T / _STEP)


def delta_method(
    effects: Callable[[Any], Any],
    coefficients: Floats,
    covariance: Floats,
    draws: Floats,
) -> Effects:
    """Compute effects of coefficients (K,), their covariance, and their draws."""
    # The share of a total effect of exactly zero has no derivative.
    with np.errstate(over="ignore", invalid="ignore"):
        by_coefficient = gradient(effects, coefficients)
        by_effect = by_coefficient @ covariance @ by_coefficient.T
    return effects(coefficients[None, :])[0], by_effect, effects(draws)


@dataclass(frozen=True, slots=True, eq=False)
class Products(PickledByName):
    """Terms that are sums of constants times products of coefficients.

    ``[(1.0, (0, 2)), (1.0, (1, 3))]`` is ``k0 k2 + k1 k3``. `ratio` is (numerator,
    denominator) of a last term, which is not in `terms`.
    """

    terms: Sequence[Sequence[Monomial]]
    ratio: tuple[int, int] | None = None

    def evaluate(self, coefficients: Floats) -> Floats:
        """Evaluate every term, (R, T), at coefficients (R, K), the ratio last."""
        shape = len(coefficients), len(self.terms)
        out = np.zeros(shape, dtype=coefficients.dtype)
        for column, term in zip(out.T, self.terms, strict=True):
            for constant, at in term:
                column += constant * coefficients[:, at].prod(axis=1)
        if self.ratio is None:
            return out
        upper, lower = self.ratio
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.column_stack([out, out[:, upper] / out[:, lower]])


@dataclass(frozen=True, slots=True)
class Route(PickledByName):
    """An effect that depends on a variable: a slope, or the product of two."""

    name: str
    slopes: tuple[Slope, ...]


def powers(slopes: Sequence[Any]) -> list[list[Any]]:
    """Write a product of slopes as a polynomial of the variable: a sum per power."""
    out: list[list[Any]] = [[] for _ in range(len(slopes) + 1)]
    for parts in product(*slopes):
        positions, *lines = zip(*parts, strict=True)
        polynomial = reduce(np.convolve, np.transpose(lines))
        for power, constant in enumerate(polynomial):
            out[power] += [(float(constant), positions)] if constant else []
    return out


def expand(slopes: Iterable[Any], values: Floats) -> list[Any]:
    """Write a product of slopes as a sum of products, averaged over values (N,)."""
    out = []
    for parts in product(*slopes):
        positions, levels, rates = zip(*parts, strict=True)
        factors = np.array(levels)[:, None] + np.outer(rates, values)
        if constant := float(factors.prod(axis=0).mean()):
            out.append((constant, positions))
    return out


@dataclass(frozen=True, slots=True, eq=False)
class PathSystem(PickledByName):
    """The K slopes that effects are computed from, with M mediators.

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

    def effects(self, function: Callable[[Any], Any]) -> Effects:
        """Compute functions of the slopes, with the delta method and their draws."""
        return delta_method(function, self.estimates, self.covariance, self.draws)


def simulate_coefficients(
    estimates: Floats,
    covariance: Floats,
    reps: int,
    rng: np.random.SeedSequence,
    *,
    df: float = np.inf,
) -> Floats:
    """Draw coefficients, (R, K), from the normal distribution or t of their estimates.

    `covariance` is positive semidefinite; negative eigenvalues from rounding count
    as 0. With finite `df` it is the scale matrix of a multivariate t. Draws are NaN if
    it is not finite.
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


def bisect(
    positive: Callable[[float], bool], inside: float, outside: float
) -> tuple[float, float]:
    """Find the boundary where a function stops being positive: values on both sides."""
    for _ in range(_HALVINGS):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if positive(middle) else (inside, middle)
    return float(inside), float(outside)
