"""Questions that stored estimates alone can answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from digiprosper.errors import (
    IdentificationError,
    InputTypeError,
    Notice,
    OptionError,
    TermError,
    check_level,
    quoted,
    unknown_columns,
)
from digiprosper.kernels.intervals import fieller
from digiprosper.panel.terms import canonical
from digiprosper.results.linear import LinearResults
from digiprosper.results.text import json_safe

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

__all__ = ["UTestResult", "u_test"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class UTestResult:
    """Whether a fitted quadratic is a U, or an inverse U, on an interval.

    Parameters
    ----------
    variable, square : str
        Terms of the quadratic.
    depvar : str
        Outcome.
    interval : tuple (low, high)
        Where the shape is asked for, in units of `variable`.
    statistic : float
        ``min(|t_low|, |t_high|)``; missing if the slope has the same sign at both ends.
    p_value : float
        One-sided: the larger of the two ends' p-values; missing with the statistic.
    shape : {"U", "inverse U"}
        Of the fitted curve.
    extremum, extremum_se : float
        Turning point ``-b1 / (2 b2)`` and its delta standard error, in units of `variable`.
    fieller : list of (low, high)
        Confidence set of the turning point; one interval, two unbounded pieces, or the whole line.
    slope_low, slope_high, t_low, t_high : float
        Slopes ``b1 + 2 b2 x`` at the ends, and their t statistics.
    inside : bool
        True if the turning point lies inside `interval`.
    df_t : float
        Degrees of freedom of the t distribution, the fit's own.
    level : float
        Of `fieller`.
    conventions : str
        Which standard errors were used.
    """

    variable: str
    square: str
    depvar: str
    interval: tuple[float, float]
    statistic: float
    p_value: float
    shape: str
    extremum: float
    extremum_se: float
    fieller: list[tuple[float, float]]
    slope_low: float
    slope_high: float
    t_low: float
    t_high: float
    inside: bool
    df_t: float
    level: float
    conventions: str

    @property
    def fieller_inside(self) -> bool:
        """True if the whole confidence set of the turning point lies inside the interval."""
        low, high = self.interval
        return all(low <= a and b <= high for a, b in self.fieller)

    @property
    def _article(self) -> str:
        return "a U" if self.shape == "U" else "an inverse U"

    def summary(self) -> str:
        """Say the answer in words.

        Returns
        -------
        str
            Slopes at both ends, the test, the turning point with its set; conventions in the last line.
        """
        low, high = self.interval
        lines = [
            f"U-shape test (Lind & Mehlum 2010): {self.variable} in the equation of {self.depvar}",
            f"Slope at {low:.4g}: {self.slope_low:.4g} (t {self.t_low:.2f}); "
            f"at {high:.4g}: {self.slope_high:.4g} (t {self.t_high:.2f})",
        ]
        if self.inside:
            null = f"monotone or {'inverse ' if self.shape == 'U' else ''}U on the interval"
            rejected = self.p_value < 1 - self.level
            p = f"= {self.p_value:.3f}" if self.p_value >= 0.001 else "< 0.001"
            lines.append(f"t = {self.statistic:.2f}, p {p} (H0: {null})")
            verdict = "supported" if rejected else "not shown"
            lines.append(f"A{self._article[1:]} is {verdict} at the {1 - self.level:.0%} level")
        else:
            lines.append("The slope has one sign over the whole interval: the curve bends but does not turn")
            lines.append(f"within it. This is not {self._article} in these data.")
        sets = " and ".join(f"[{a:.4g}, {b:.4g}]" for a, b in self.fieller)
        reach = "inside" if self.fieller_inside else "reaching beyond"
        lines.append(f"Turning point {self.extremum:.4g} (delta se {self.extremum_se:.3g})")
        lines.append(f"{self.level:.0%} Fieller set {sets}, {reach} the interval [{low:.4g}, {high:.4g}]")
        if not all(np.isfinite(end) for piece in self.fieller for end in piece):
            lines.append(f"(unbounded: the square itself is not significant at {1 - self.level:.0%})")
        return "\n".join([*lines, self.conventions])

    def __repr__(self) -> str:
        return self.summary()

    def to_dict(self) -> dict[str, Any]:
        """Give every number as JSON-safe values; missing and infinite ones are None.

        Returns
        -------
        dict
            With a ``schema`` number.
        """
        names = (
            "variable square depvar interval statistic p_value shape extremum extremum_se fieller slope_low "
            "slope_high t_low t_high inside df_t level conventions"
        )
        return {"schema": 1, **{name: json_safe(getattr(self, name)) for name in names.split()}}


def u_test(
    results: LinearResults,
    variable: str,
    *,
    square: str | None = None,
    interval: Sequence[float] | None = None,
    level: float = 0.95,
) -> UTestResult:
    """Test for a U, or an inverse U, in a fitted quadratic.

    With ``y = b1 x + b2 x^2 + ..`` the slope is ``b1 + 2 b2 x``. The null, monotone or the other shape on the
    interval, is rejected only if the slope differs from 0 at *both* ends, with opposite signs: statistic
    ``min(|t_low|, |t_high|)``, p one-sided (Sasabuchi 1980; Lind & Mehlum 2010). A significant square alone
    is not a U: the turning point and its set should lie inside the data (Haans, Pieters & He 2016).

    Parameters
    ----------
    results : LinearResults
        A fit with the variable and its square. Covariance and degrees of freedom are the fit's own: G - 1
        when clustered.
    variable : str
        Term of the level.
    square : str, optional
        Term or column of the square; by default the coefficient ``I(variable**2)``, however it is spaced.
    interval : (low, high), optional
        In units of `variable`; by default its range in the estimation sample.
    level : float
        Of the Fieller set.

    Returns
    -------
    UTestResult
        Statistic and p are NaN, and `inside` is False, if the turning point is outside the interval.

    Raises
    ------
    ColumnError
        If the variable or the square has no coefficient.
    TermError
        If there is no square, or what is named is not the square of the variable in the estimation sample.
    OptionError
        If the interval or the level is none.
    InputTypeError
        If `results` is no linear fit.

    Notes
    -----
    Fieller (1954) set: every x at which the slope is not told from 0, ``|s(x) / se(s(x))| <= t``. In a fit
    with effects the curve is identified by movement within entities, while the range is that of all rows.

    Examples
    --------
    >>> import digiprosper as dp
    >>> panel, truth = dp.datasets.simulate_provinces()
    >>> controls = ["urban", "fiscal", "openness"]
    >>> spec = dp.FixedEffects("urban_rural_theil", ["digital", "I(digital**2)", *controls])
    >>> test = dp.u_test(spec.fit(panel), "digital")
    >>> test.shape, test.inside
    ('inverse U', True)
    """
    if not isinstance(results, LinearResults):
        raise InputTypeError(
            f"u_test takes a fitted linear model, not {type(results).__name__}: "
            "u_test(FixedEffects(..).fit(panel), 'x')."
        )
    check_level(level)
    i, j = _positions(results, variable, square)
    stats = results.sample_stats
    _refuse_other_square(stats, results.names[i], results.names[j])
    low, high = _interval(interval, stats, results.names[i])
    b1, b2 = float(results.coefficients[i]), float(results.coefficients[j])
    v = results.covariance
    v11, v12, v22 = float(v[i, i]), float(v[i, j]), float(v[j, j])
    ends = np.array([low, high])
    if not np.isfinite([v11, v12, v22]).all() or min(v11, v22) < 0:
        raise IdentificationError(
            f"u_test: {results.names[i]!r} or its square has no standard error in this fit (its diagnostics "
            "say why), so no slope can be tested. Choose another cov_type or other clusters."
        )
    slopes = b1 + 2 * b2 * ends
    t = slopes / np.sqrt(v11 + 4 * ends * v12 + 4 * ends**2 * v22)
    inside = bool(slopes[0] * slopes[1] < 0)
    statistic = float(np.abs(t).min()) if inside else float("nan")
    return UTestResult(
        variable=results.names[i],
        square=results.names[j],
        depvar=results.depvar,
        interval=(low, high),
        statistic=statistic,
        p_value=_upper(results.df_t, statistic),
        shape="U" if b2 > 0 else "inverse U",
        extremum=-b1 / (2 * b2),
        extremum_se=float(np.sqrt(v11 / (4 * b2**2) - b1 * v12 / (2 * b2**3) + b1**2 * v22 / (4 * b2**4))),
        fieller=fieller((-b1, 2 * b2), (v11, -2 * v12, 4 * v22), _critical(results.df_t, level)),
        slope_low=float(slopes[0]),
        slope_high=float(slopes[1]),
        t_low=float(t[0]),
        t_high=float(t[1]),
        inside=inside,
        df_t=results.df_t,
        level=float(level),
        conventions=results.conventions,
    )


def _positions(results: LinearResults, variable: str, square: str | None) -> tuple[int, int]:
    known = {canonical(name): i for i, name in reversed(list(enumerate(results.names)))}
    if canonical(variable) not in known:
        raise unknown_columns([variable], results.names, "u_test")
    if square is not None:
        if canonical(square) not in known:
            raise unknown_columns([square], results.names, "square")
        return known[canonical(variable)], known[canonical(square)]
    wanted = canonical(f"I({variable}**2)")
    if wanted not in known:
        raise TermError(
            f"the fit has no square of {variable!r} (its terms: {quoted(results.names, 12)}). Add "
            f"'I({variable}**2)' to x, or name the column of the square: square='...'.",
            [Notice("no_square", f"no {wanted}", {"variable": variable, "terms": results.names})],
        )
    return known[canonical(variable)], known[wanted]


def _refuse_other_square(stats: pd.DataFrame, variable: str, square: str) -> None:
    nobs, mean, sd = (float(stats[column][variable]) for column in ("nobs", "mean", "sd"))
    want, found = mean**2 + sd**2 * (nobs - 1) / nobs, float(stats["mean"][square])
    if abs(found - want) > 1e-6 * want:
        raise TermError(
            f"{square!r} is not the square of {variable!r} in the estimation sample: its mean is {found:.6g}"
            f", not {want:.6g}. Square the level as it stands in the model (centre both or neither).",
            [Notice("other_square", f"not the square: {square!r}", {"variable": variable, "square": square})],
        )


def _interval(interval: Sequence[float] | None, stats: pd.DataFrame, name: str) -> tuple[float, float]:
    given: object = [stats["min"][name], stats["max"][name]] if interval is None else interval
    ends = list(given) if isinstance(given, list | tuple | np.ndarray) else []
    numbers = all(isinstance(e, int | float | np.number) for e in ends)
    if len(ends) != 2 or not numbers or not np.isfinite(ends).all() or not ends[0] < ends[1]:
        raise OptionError(f"interval={interval!r}: two finite numbers, the lower one first.")
    return float(ends[0]), float(ends[1])


def _critical(df: float, level: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(df, 0.5 + level / 2))


def _upper(df: float, t: float) -> float:
    from scipy.special import stdtr

    return float(stdtr(df, -t))
