"""Sensitivity of mediation to omitted common causes of mediator and outcome."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import pandas as pd

from digiprosper.checks import check_level, check_numbers
from digiprosper.errors import IdentificationError, InputTypeError, OptionError, cited
from digiprosper.kernels import Bools, Floats
from digiprosper.kernels.intervals import percentile
from digiprosper.mediation.kernel import bisect
from digiprosper.report.summary import Lines, Summarised, Summary
from digiprosper.report.terms import Factors
from digiprosper.report.text import interval_text, percent_text

_LARGEST_EFFECT = 300


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class MediationSensitivity(Summarised):
    """The indirect effect as a function of the correlation of the errors.

    Made by `MediationResults.sensitivity`.

    Parameters
    ----------
    mediator : str
        Name of the mediator.
    rho : (G,) array
        Correlations of the errors of mediator and outcome.
    effects : (G, 3) array
        For each correlation, the indirect effect and both ends of its percentile
        interval.
    assumed : (3,) array
        The indirect effect and its interval at rho = 0, which the fit assumes.
    rho_at_zero : float
        Correlation at which the indirect effect is 0.
    rho_low, rho_high : float
        Percentile interval of `rho_at_zero`.
    rho_insignificant : float
        Correlation nearest to 0 at which the interval contains 0. It is 0 if the
        indirect effect of the fit is not significant, and missing if there is no such
        correlation up to .99 or no interval.
    level : float
        Confidence level of the intervals.
    conventions : str
        Type of the draws, as text.
    labels : mapping
        Labels of columns, for figures.
    factors : mapping
        Factors of each interaction, by name.

    Examples
    --------
    >>> import digiprosper as dp
    >>> spec = dp.Mediation("log(gsp)", "log(pc)", "log(emp)", ["unemp"], reps=199)
    >>> sensitivity = spec.fit(dp.datasets.us_states(), rng=1).sensitivity()
    >>> round(sensitivity.rho_at_zero, 2)
    0.73
    """

    _reported: ClassVar[str] = (
        "mediator rho_at_zero rho_low rho_high r2_at_zero rho_insignificant assumed "
        "level conventions curve"
    )

    mediator: str
    rho: Floats
    effects: Floats
    assumed: Floats
    rho_at_zero: float
    rho_low: float
    rho_high: float
    rho_insignificant: float
    level: float
    conventions: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    factors: Factors = field(default_factory=dict)

    @property
    def curve(self) -> pd.DataFrame:
        """The indirect effect with its interval, one row per correlation.

        Columns are rho, indirect, conf_low and conf_high.
        """
        indirect, low, high = self.effects.T.copy()
        return pd.DataFrame(
            {"rho": self.rho, "indirect": indirect, "conf_low": low, "conf_high": high}
        )

    @property
    def r2_at_zero(self) -> float:
        """Square of `rho_at_zero`.

        An omitted common cause explains a share of the residual variance of the
        mediator and a share of that of the outcome. If the product of these shares is
        `r2_at_zero`, the indirect effect is 0.
        """
        return self.rho_at_zero**2

    def _summary(self) -> Summary:
        size = percent_text(self.level)
        ab, low, high = self.assumed
        if np.isnan(low):
            interval_line = f"Its {size} interval was not computed"
        elif np.isnan(self.rho_insignificant):
            interval_line = f"Its {size} interval excludes 0 for all |rho| up to .99"
        elif self.rho_insignificant == 0:
            interval_line = f"Its {size} interval includes 0 already at rho = 0"
        else:
            interval_line = (
                f"Its {size} interval first includes 0 at rho = "
                f"{self.rho_insignificant:.3g}"
            )
        share = f"{100 * abs(self.rho_at_zero):.3g}%"
        title = (
            f"Sensitivity of the indirect effect through {self.mediator} to an omitted "
            "common cause of mediator and outcome (Imai, Keele & Yamamoto 2010); "
            "rho is the correlation of their errors"
        )
        lines = (
            f"At rho = 0, as the fit assumes: {ab:z.4g}{_ends_text(low, high, '.4g')}",
            (
                "Zero at rho = "
                f"{self.rho_at_zero:.3g}"
                f"{_ends_text(self.rho_low, self.rho_high, '.3g')}, product of R2 "
                f"{self.r2_at_zero:.3g}: the cause would explain {share} of the "
                "residual variance of each"
            ),
            interval_line,
        )
        return self._titled(title, Lines(lines, wrapped=True), wrapped_title=True)


def sensitivity(
    mediator: str,
    a: float,
    moments: tuple[float, float, float] | Floats,
    a_draws: Floats,
    moment_draws: Floats,
    *,
    clusters: int | None,
    level: float = 0.95,
    rho: Sequence[float] | Floats | None = None,
) -> MediationSensitivity:
    """Compute the indirect effect over the correlation of the two errors.

    With e1 the residual of the outcome without this mediator, e2 that of the mediator,
    r their correlation and s1, s2 their standard deviations, the effect under a
    correlation rho of the structural errors is
    ``ACME(rho) = a (s1 / s2) (r - rho sqrt((1 - r^2) / (1 - rho^2)))``: ab at rho = 0,
    and 0 exactly at rho = r. Imai, Keele & Yamamoto (2010), Statistical Science 25:51,
    theorem 4, solved for the effect; linear paths without interaction of treatment and
    mediator.

    `moments` (3,) are the cross products s11, s12, s22 of e1 and e2, with any common
    divisor, and `moment_draws` (R, 3) those of the draws; `a_draws` (R,) has NaN for a
    lost draw. Intervals are missing below five clusters; `clusters` is None if the
    draws are not of clusters. `rho` is -.90, -.89, .., .90 and r by default.
    """
    level = check_level(level)
    r, scaled = _correlation_and_scale(np.asarray(a), np.asarray(moments))
    if np.isnan(r * scaled):
        raise IdentificationError(
            f"sensitivity: {cited(mediator)} or the outcome has no variation left "
            "after the other terms, so the correlation of their errors is "
            "undefined. Drop a term or an effect."
        )
    if rho is None:
        at = np.union1d(np.arange(-90, 91) / 100, [r] if abs(r) < 1 else [])
    else:
        kind = "correlations between -1 and 1, both excluded"
        at = np.array(check_numbers("rho", rho, kind, lambda r: abs(r) < 1))
    r_draws, scaled_draws = _correlation_and_scale(a_draws, moment_draws)

    def ends(points: Floats) -> tuple[Floats, Floats]:
        draws = _effect_at(points, r_draws[:, None], scaled_draws[:, None])
        return percentile(draws, level, clusters=clusters)

    grid = np.append(at, 0.0)
    effects = np.column_stack([_effect_at(grid, r, scaled), *ends(grid)])
    rho_low, rho_high = percentile(r_draws, level, clusters=clusters)
    return MediationSensitivity(
        mediator=mediator,
        rho=at,
        effects=effects[:-1],
        assumed=effects[-1],
        rho_at_zero=float(r),
        rho_low=float(rho_low),
        rho_high=float(rho_high),
        rho_insignificant=_first_insignificant(ends),
        level=level,
    )


def robustness_value(
    t: float | Floats, df: float | Floats, level: float = 0.95
) -> tuple[float | Floats, float | Floats, float | Floats]:
    """Compute partial R2, robustness value and that for significance.

    With ``f = |t| / sqrt(df)``: partial R2 ``t^2 / (t^2 + df)``; robustness value
    ``RV = (sqrt(f^4 + 4 f^2) - f^2) / 2``, the share of the residual variance of both
    the regressor and the outcome that an omitted variable must explain to bring the
    coefficient to 0; for its significance, the same with ``f - f*`` for f,
    ``f* = t_crit(df - 1) / sqrt(df - 1)``, 0 if that is negative.

    Cinelli & Hazlett (2020), JRSS B 82:39, section 4. Where ``f f* > 1``, with few
    degrees of freedom, an omitted variable that explains less of the outcome than of
    the regressor does more harm to the t, and ``rv_alpha = (f^2 - f*^2) / (1 + f^2)``.
    t is unadjusted, because partial R2 is a measure of fit; `df` counts the effects.
    """
    from scipy.special import stdtrit

    level = check_level(level)
    if not np.all(np.asarray(df) > 1):
        raise OptionError(
            f"robustness_value: df={cited(df)}; more than 1 degree of "
            "freedom is needed."
        )
    square = np.square(t) / df
    f, less_one = np.sqrt(square), np.subtract(df, 1)
    critical = stdtrit(less_one, (1 + level) / 2) / np.sqrt(less_one)
    gap = np.maximum(f - critical, 0)
    rv_alpha = np.where(
        f * critical > 1, gap * (f + critical) / (1 + square), _robustness(gap)
    )
    return square / (1 + square), _robustness(f), rv_alpha[()]


def mediational_e_value(d: float | Floats) -> float | Floats:
    """Compute the mediational E-value of a standardised indirect effect.

    The E-value is the risk ratio that an omitted common cause must have with both
    mediator and outcome so that the true effect is zero. ``RR = exp(.91 |d|)`` and
    ``E = RR + sqrt(RR (RR - 1))``.

    Parameters
    ----------
    d : float or array
        Indirect effect in standard deviations of the outcome.

    Returns
    -------
    float or array
        E-value, at least 1.

    Raises
    ------
    InputTypeError
        If `d` is not numeric.
    OptionError
        If `d` is missing, or 300 or larger in absolute value.

    Notes
    -----
    The E-value is that of Smith & VanderWeele (2019, Epidemiology 30:835). It was
    developed for risk ratios. For linear models use `MediationResults.sensitivity` and
    `MediationResults.robustness_value` first.

    Examples
    --------
    >>> round(float(mediational_e_value(0.5)), 3)
    2.529
    """
    try:
        effect = np.asarray(d, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputTypeError(
            f"d={cited(d)} must be a number or an array of numbers."
        ) from error
    if not (np.abs(effect) < _LARGEST_EFFECT).all():
        raise OptionError(
            f"d={cited(d)} must be finite effects in standard deviations, below "
            f"{_LARGEST_EFFECT}."
        )
    ratio = np.exp(0.91 * np.abs(effect))
    return np.asarray(ratio + np.sqrt(ratio * (ratio - 1)))[()]


def _ends_text(low: float, high: float, form: str) -> str:
    return "" if np.isnan(low) else f" {interval_text(low, high, form=form)}"


def _robustness(f: Floats) -> Floats:
    # (sqrt(f^4 + 4 f^2) - f^2) / 2 without its cancellation for large f.
    with np.errstate(divide="ignore"):
        return np.asarray(2 / (1 + np.sqrt(1 + 4 / np.square(f))))[()]


def _correlation_and_scale(a: Floats, moments: Floats) -> tuple[Floats, Floats]:
    """Compute r and ``a s1 / s2``; NaN without variation."""
    s11, s12, s22 = np.moveaxis(moments, -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        r, ratio = s12 / np.sqrt(s11 * s22), np.sqrt(s11 / s22)
    unusable = np.where((s11 > 0) & (s22 > 0) & np.isfinite(a), 0.0, np.nan)
    return np.clip(r, -1, 1) + unusable, a * ratio + unusable


def _effect_at(rho: Floats, r: Floats, scaled: Floats) -> Floats:
    return scaled * (r - rho * np.sqrt((1 - r**2) / (1 - rho**2)))


def _first_insignificant(ends: Callable[[Floats], tuple[Floats, Floats]]) -> float:
    """Find the correlation nearest to 0 at which the interval covers 0."""
    (low,), (high,) = ends(np.array([0.0]))
    if not (low > 0 or high < 0):
        return 0.0 if low <= high else float("nan")

    def excludes_zero(points: Floats) -> Bools:
        ends_at = ends(points)
        return ends_at[0] > 0 if low > 0 else ends_at[1] < 0

    crossings = []
    for points in (np.arange(100) / 100, np.arange(100) / -100):
        covering = np.flatnonzero(~excludes_zero(points))
        if covering.size:
            near, beyond = points[covering[0] - 1], points[covering[0]]
            crossings.append(
                bisect(lambda rho: excludes_zero(np.array([rho]))[0], near, beyond)[1]
            )
    return min(crossings, key=abs, default=float("nan"))
