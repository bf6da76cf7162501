"""Coefficients of a system of paths, and effects along them as functions of a variable."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from digiprosper.report.pickling import PickledByName

if TYPE_CHECKING:
    from digiprosper.kernels import Floats
    from digiprosper.mediation.kernel import Monomial, Products

Slope = tuple[tuple[int, float, float], ...]
"""Parts (position of a coefficient, level, rate): the slope at v is the sum of k (level + rate v)."""


@dataclass(frozen=True, slots=True)
class Route(PickledByName):
    """An effect that depends on a variable: a slope, or the product of two.

    A part of a slope is (position of a coefficient, level, rate): the slope at v is the sum of coefficient
    times (level + rate v).
    """

    name: str
    slopes: tuple[Slope, ...]

    def at(self, value: float) -> list[Monomial]:
        """Write the effect at one value as a sum of products."""
        out: list[Monomial] = [(1.0, ())]
        for slope in self.slopes:
            out = [(c * (lv + rt * value), (*at, i)) for c, at in out for i, lv, rt in slope]
        return out

    def powers(self) -> list[list[Monomial]]:
        """Write the effect as a polynomial of the variable: a sum of products for each power."""
        out: list[list[Monomial]] = [[(1.0, ())]]
        for slope in self.slopes:
            expanded: list[list[Monomial]] = [[] for _ in range(len(out) + 1)]
            for power, terms in enumerate(out):
                for c, at in terms:
                    for i, level, rate in slope:
                        expanded[power] += [(c * level, (*at, i))] if level else []
                        expanded[power + 1] += [(c * rate, (*at, i))] if rate else []
            out = expanded
        return out


@dataclass(frozen=True, slots=True, eq=False)
class PathSystem(PickledByName):
    """Coefficients of the equations from which effects are computed; K slopes, M mediators.

    - names: (equation, term) of each slope
    - covariance: (K, K), across the equations, with the cov_type of the fit
    - unadjusted: (K, 2), standard errors for independent rows, and residual degrees of freedom
    - draws: (R, K), bootstrap draws; a lost one is a row of NaN
    - jackknife: (G, K), estimates without each cluster
    - moments: (M, 3), squares and products (yy, ym, mm) of the residuals of y and m from regressions on the
      other regressors of the outcome's equation; empty if no sensitivity analysis is defined
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


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Varying(PickledByName):
    """Variable that the effects depend on. All fields are empty if effects are constant.

    Parameters
    ----------
    variable : str
        The moderator, the threshold variable or the treatment; empty if effects are constant.
    quantiles : (101,) array
        Quantiles 0, 1, ..., 100% of the variable in the sample.
    points : tuple of (suffix, value)
        Values at which terms evaluate the effects, with the suffix of the term: the 10, 50 and 90% quantiles,
        or both values of a dummy.
    routes : tuple of Route
        Effects as functions of the variable.
    threshold : float or None
        Threshold gamma.
    threshold_draws : (R,) array
        Threshold in each draw with ``search_draws=True``; otherwise empty. Intervals "percentile" and "bc"
        allow for its estimation. "delta" and "monte_carlo" take the threshold as known, and so does the
        acceleration of "bca". The draws are not a confidence set of the threshold (Yu 2014, Econometric
        Theory 30:676); `PanelThreshold` computes one.
    regime_counts : tuple of (rows, entities)
        Numbers of rows and entities of each regime.
    """

    variable: str = ""
    quantiles: Floats = field(default_factory=lambda: np.empty(0))
    points: tuple[tuple[str, float], ...] = ()
    routes: tuple[Route, ...] = ()
    threshold: float | None = None
    threshold_draws: Floats = field(default_factory=lambda: np.empty(0))
    regime_counts: tuple[tuple[int, int], ...] = ()


class VaryingFields:
    """Fields of `Varying` as attributes."""

    __slots__ = ()

    varying: Varying

    @property
    def variable(self) -> str:
        """Variable that effects depend on: moderator, threshold variable or treatment; or the empty text."""
        return self.varying.variable

    @property
    def quantiles(self) -> Floats:
        """Quantiles 0, 1, ..., 100% of the variable in the sample."""
        return self.varying.quantiles

    @property
    def points(self) -> tuple[tuple[str, float], ...]:
        """Values at which terms evaluate the effects, with the suffix of the term."""
        return self.varying.points

    @property
    def routes(self) -> tuple[Route, ...]:
        """Effects as functions of the variable."""
        return self.varying.routes

    @property
    def threshold(self) -> float | None:
        """Threshold gamma, or None."""
        return self.varying.threshold

    @property
    def threshold_draws(self) -> Floats:
        """Threshold in each draw with ``search_draws=True``; not a confidence set."""
        return self.varying.threshold_draws

    @property
    def regime_counts(self) -> tuple[tuple[int, int], ...]:
        """Numbers of rows and entities of each regime."""
        return self.varying.regime_counts
