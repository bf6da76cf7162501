"""Johnson-Neyman regions: values at which a conditional effect is significant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from digiprosper.checks import check_level
from digiprosper.errors import IdentificationError, cited, number_text
from digiprosper.kernels import Floats
from digiprosper.kernels.intervals import (
    LEAST_CLUSTERS,
    fieller,
    has_enough_clusters,
    percentile,
)
from digiprosper.mediation.kernel import Effects, bisect
from digiprosper.report.summary import Lines, Summarised, Summary
from digiprosper.report.text import interval_text, percent_text

_POINTS = 401


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class JohnsonNeyman(Summarised):
    """Values of a variable at which an effect that depends on it is significant.

    Made by `MediationResults.johnson_neyman`.

    Parameters
    ----------
    effect : str
        Name of the effect.
    variable : str
        Variable w that the effect depends on.
    coefficients : (D + 1,) array
        Coefficients of the effect, which is ``sum_d coefficients[d] w^d``.
    regions : list of (low, high)
        Closed intervals of w inside `support` in which the confidence interval of the
        effect does not contain 0, in ascending order.
    support : tuple (low, high)
        Range of the variable in the sample.
    points : (G, 4) array
        Values of w with equal distances over the support, the effect, and both ends of
        its interval.
    share : float
        Approximate share of the rows of the sample in the regions.
    level : float
        Confidence level of the interval at each single value of w.
    method : {"t", "percentile"}
        Method of the interval.
    conventions : str
        Type of the standard errors or draws, as text.

    Examples
    --------
    >>> import digiprosper as dp
    >>> spec = dp.Mediation(
    ...     "log(gsp)",
    ...     "log(pc)",
    ...     "log(emp)",
    ...     ["unemp"],
    ...     moderator="unemp",
    ...     moderates=("direct",),
    ...     reps=199,
    ... )
    >>> moderation = spec.fit(dp.datasets.us_states(), rng=1).johnson_neyman("direct")
    >>> moderation.effect, moderation.variable, moderation.regions
    ('direct', 'unemp', [])
    """

    _reported: ClassVar[str] = (
        "effect variable coefficients regions support share level method "
        "conventions curve"
    )

    effect: str
    variable: str
    coefficients: Floats
    regions: list[tuple[float, float]]
    support: tuple[float, float]
    points: Floats
    share: float
    level: float
    method: str
    conventions: str

    @property
    def curve(self) -> pd.DataFrame:
        """The effect with its interval, one row per value of the variable.

        Columns are at, estimate, conf_low and conf_high.
        """
        return pd.DataFrame(
            self.points.copy(), columns=["at", "estimate", "conf_low", "conf_high"]
        )

    def _summary(self) -> Summary:
        low, high = map(number_text, self.support)
        size = percent_text(1 - self.level)
        title = (
            f"{self.effect} by {self.variable}: Johnson-Neyman regions ({self.method})"
        )
        if self.regions:
            lines = [
                f"Significant at {size} where {self.variable} is",
                *map(self._region_text, self.regions),
                (
                    f"{100 * self.share:.0f}% of the rows are in this region; "
                    f"{self.variable} ranges from {low} to {high}"
                ),
            ]
        else:
            lines = [
                f"Not significant at {size} at any {self.variable} from {low} to {high}"
            ]
        block = Lines(tuple(lines), wrapped=True)
        return self._titled(title, block, wrapped_title=True)

    def _region_text(self, region: tuple[float, float]) -> str:
        low, high = region
        middle = np.array([(low + high) / 2])
        positive = _polynomial(middle, self.coefficients)[0] > 0
        sign = "positive" if positive else "negative"
        return f"- in {interval_text(low, high)} ({sign})"


def significant_regions(
    slope: tuple[float, float],
    variance: tuple[float, float, float],
    critical: float,
    support: tuple[float, float],
) -> list[tuple[float, float]]:
    """Find where ``b0 + b1 w`` is significantly different from zero, in closed form.

    `variance` is (v00, v01, v11) of b0 and b1, `support` the range of w. Elsewhere,
    where ``|b0 + b1 w| <= critical * se(w)``, is Fieller's set of ``-b0 / b1``. Johnson
    & Neyman (1936), Statistical Research Memoirs 1:57; Bauer & Curran (2005),
    Multivariate Behavioral Research 40:373.
    """
    (b0, b1), (v00, v01, v11), (low, high) = slope, variance, support
    pieces = fieller((-b0, b1), (v00, -v01, v11), critical)
    starts = [low, *(max(low, b) for _, b in pieces)]
    ends = [*(min(high, a) for a, _ in pieces), high]
    return [(float(a), float(b)) for a, b in zip(starts, ends, strict=True) if a < b]


def johnson_neyman(  # noqa: PLR0913 - estimates, and how each method reads them
    effect: str,
    variable: str,
    estimated: Effects,
    quantiles: Floats,
    *,
    method: str,
    df: float,
    clusters: int | None,
    level: float,
    conventions: str,
) -> JohnsonNeyman:
    """Find the Johnson-Neyman regions of an effect, a polynomial in a variable w.

    `estimated` are the coefficients (D + 1,) of ``sum_d coefficients[d] w^d``.
    `quantiles` of w in the sample are evenly spaced, from its smallest to its largest
    value. Method "t", for one path ``b0 + b1 w``, needs `df` (``inf``: the normal
    distribution), "percentile" the number of drawn `clusters`, None if the draws are
    not of clusters. The level holds at each value of w, not for all at once (Esarey &
    Sumner 2018, Comparative Political Studies 51:1144).
    """
    level = check_level(level)
    support = float(quantiles[0]), float(quantiles[-1])
    if not support[0] < support[1]:
        raise IdentificationError(
            f"{cited(variable)} is {support[0]:g} in every row, so no effect can "
            "depend on it."
        )
    at, name = np.linspace(*support, _POINTS), f"{effect} by {cited(variable)}"
    coefficients, covariance, draws = estimated
    if method == "t":
        regions, ends = _regions_by_t(name, coefficients, covariance, at, df, level)
    else:
        regions, ends = _regions_from_draws(name, draws, at, clusters, level)
    inside = [(low <= quantiles) & (quantiles <= high) for low, high in regions]
    return JohnsonNeyman(
        effect=effect,
        variable=variable,
        coefficients=coefficients,
        regions=regions,
        support=support,
        points=np.column_stack([at, _polynomial(at, coefficients), *ends]),
        share=float(np.any(inside, axis=0).mean()) if inside else 0.0,
        level=level,
        method=method,
        conventions=conventions,
    )


def _regions_by_t(
    name: str,
    coefficients: Floats,
    covariance: Floats,
    at: Floats,
    df: float,
    level: float,
) -> tuple[list[tuple[float, float]], tuple[Floats, Floats]]:
    """Find the regions of one path, with exact ends, and t intervals at points."""
    from scipy.special import stdtrit

    (v00, v01), (_, v11) = covariance.tolist()
    spread = v00 + 2 * at * v01 + at**2 * v11
    if not (v11 > 0 and (spread >= 0).all() and np.isfinite(coefficients).all()):
        raise IdentificationError(
            f"{name} has no standard error everywhere (the fit's diagnostics say why), "
            "so no region can be tested. Choose another cov_type or other clusters."
        )
    critical = float(stdtrit(df, (1 + level) / 2))
    b0, b1 = coefficients.tolist()
    regions = significant_regions((b0, b1), (v00, v01, v11), critical, (at[0], at[-1]))
    estimate, half = _polynomial(at, coefficients), critical * np.sqrt(spread)
    return regions, (estimate - half, estimate + half)


def _regions_from_draws(
    name: str, draws: Floats, at: Floats, clusters: int | None, level: float
) -> tuple[list[tuple[float, float]], tuple[Floats, Floats]]:
    """Find the regions of an effect, and percentile intervals at points.

    The ends of regions are found by bisection between points, so that regions narrower
    than the distance of the points can be missed.
    """
    if not np.isfinite(draws).all(axis=1).any():
        raise IdentificationError(f"{name}: all draws failed, so there is no interval.")
    if not has_enough_clusters(clusters):
        raise IdentificationError(
            f"{name}: intervals are not computed from draws of {clusters} clusters, so "
            f"there is no region; at least {LEAST_CLUSTERS} clusters are needed."
        )

    def ends(points: Floats) -> tuple[Floats, Floats]:
        return percentile(_polynomial(points, draws), level, clusters=clusters)

    low, high = ends(at)
    positive = _positive_intervals(at, low, lambda w: float(ends(np.array([w]))[0][0]))
    negative = _positive_intervals(
        at, -high, lambda w: -float(ends(np.array([w]))[1][0])
    )
    return sorted(positive + negative), (low, high)


def _polynomial(at: Floats, coefficients: Floats) -> Floats:
    """Evaluate polynomials at every point; the coefficients are along the last axis."""
    powers = at ** np.arange(coefficients.shape[-1])[:, None]
    return coefficients @ powers


def _positive_intervals(
    at: Floats, values: Floats, function: Callable[[float], float]
) -> list[tuple[float, float]]:
    """Find intervals where a continuous function is positive, by bisection."""
    inside = values > 0
    ends = [float(at[0])] if inside[0] else []
    for k in np.flatnonzero(inside[1:] != inside[:-1]):
        positive, other = (at[k], at[k + 1]) if inside[k] else (at[k + 1], at[k])
        ends.append(bisect(lambda w: function(w) > 0, positive, other)[0])
    ends += [float(at[-1])] if inside[-1] else []
    return list(zip(ends[::2], ends[1::2], strict=True))
