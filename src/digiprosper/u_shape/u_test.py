"""A U in a fitted curve: the test at both ends of the data, and the set of its turning point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from digiprosper.errors import (
    IdentificationError,
    InputTypeError,
    Notice,
    OptionError,
    TermError,
    check_level,
    check_option,
    cited,
    quoted,
    unknown_columns,
)
from digiprosper.kernels.intervals import fieller
from digiprosper.kernels.tolerances import IS_SQUARE
from digiprosper.linear.results import LinearResults
from digiprosper.panel.terms import canonical
from digiprosper.report.pickling import PickledByName
from digiprosper.report.summary import Lines, PlainNumbers, Remarks, Summarised, Summary
from digiprosper.report.variance import negative_variance, standard_errors
from digiprosper.report.verdicts import rejects

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

    from digiprosper.kernels import Floats
    from digiprosper.report.terms import Factor, Term

__all__ = [
    "Curve",
    "UForm",
    "UTestResult",
    "curve_test",
    "read_curve",
    "refuse_other_kind",
    "u_test",
    "upper_tail",
]

UForm = Literal["square", "inverse", "log", "sqrt"]


@dataclass(frozen=True, slots=True)
class _Form:
    """A term f that bends a line in x: f itself, f', where f' has a value, f'', and all values of f'."""

    value: Callable[[Any], Any]
    slope: Callable[[Any], Any]
    place: Callable[[Any], Any]
    curvature: Callable[[Any], Any]
    slopes: tuple[float, float]
    spellings: tuple[str, ...]
    words: str


_FORMS = {
    "square": _Form(
        value=lambda x: x**2,
        slope=lambda x: 2 * x,
        place=lambda u: u / 2,
        curvature=lambda x: 2 + 0 * x,
        slopes=(-np.inf, np.inf),
        spellings=("I({x}**2)",),
        words="the square of {x!r}",
    ),
    "inverse": _Form(
        value=lambda x: 1 / x,
        slope=lambda x: -1 / x**2,
        place=lambda u: 1 / np.sqrt(np.abs(u)),
        curvature=lambda x: 2 / x**3,
        slopes=(-np.inf, 0.0),
        spellings=("I(1/{x})", "I({x}**-1)", "I({x}**(-1))"),
        words="one over {x!r}",
    ),
    "log": _Form(
        value=np.log,
        slope=lambda x: 1 / x,
        place=lambda u: 1 / np.abs(u),
        curvature=lambda x: -1 / x**2,
        slopes=(0.0, np.inf),
        spellings=("log({x})",),
        words="the logarithm of {x!r}",
    ),
    "sqrt": _Form(
        value=np.sqrt,
        slope=lambda x: 0.5 / np.sqrt(x),
        place=lambda u: 0.25 / u**2,
        curvature=lambda x: -0.25 * x**-1.5,
        slopes=(0.0, np.inf),
        spellings=("sqrt({x})", "I({x}**0.5)", "I({x}**.5)"),
        words="the square root of {x!r}",
    ),
}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class UTestResult(Summarised, PickledByName):
    """Whether a fitted curve is a U, or an inverse U, on an interval.

    Parameters
    ----------
    variable, square : str
        Terms of the curve: the level, and what bends it.
    form : {"square", "inverse", "log", "sqrt"}
        What the second term is of the first.
    depvar : str
        Outcome.
    interval : tuple (low, high)
        Where the shape is tested, in units of `variable`.
    statistic : float
        ``min(|t_low|, |t_high|)``; missing if the slope has the same sign at both ends.
    p_value : float
        One-sided: the larger of the two ends' p-values; missing with the statistic.
    shape : {"U", "inverse U"}
        Of the fitted curve: the sign of its curvature.
    extremum, extremum_se : float
        Turning point and its delta standard error, in units of `variable`; missing if the curve has none (a
        log, root or inverse curve may not turn at x > 0). The error is missing too where its variance is
        negative, which two-way clusters allow.
    fieller : list of (low, high)
        Confidence set of the turning point, from left to right. Of a square: one interval, two unbounded
        pieces, or the whole line. Of the other forms: what of that lies in x > 0, possibly nothing. One pair
        of missing values where the covariance of the two terms is not positive semidefinite.
    slope_low, slope_high, t_low, t_high : float
        Slopes ``b1 + b2 f'(x)`` at the ends, and their t statistics.
    inside : bool
        True if the turning point lies inside `interval`.
    df_t : float
        Degrees of freedom of the t distribution, the fit's own.
    level : float
        Of `fieller`.
    conventions : str
        Which standard errors were used.
    diagnostics : tuple of Notice
        ``"not_psd"`` where two-way clusters leave numbers missing.

    Examples
    --------
    >>> import digiprosper as dp
    >>> panel, truth = dp.datasets.simulate_provinces()
    >>> fit = dp.FixedEffects("urban_rural_theil", ["digital", "I(digital**2)", "urban"]).fit(panel)
    >>> test = dp.u_test(fit, "digital")
    >>> test.shape, round(test.extremum, 2)
    ('inverse U', 0.33)
    """

    variable: str
    square: str
    form: str
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
    diagnostics: tuple[Notice, ...] = ()

    @property
    def fieller_inside(self) -> bool:
        """True if there is a confidence set of the turning point and all of it lies inside the interval."""
        low, high = self.interval
        return bool(self.fieller) and all(low <= a and b <= high for a, b in self.fieller)

    @property
    def _article(self) -> str:
        return "a U" if self.shape == "U" else "an inverse U"

    def _summary(self) -> Summary:
        low, high = self.interval
        lines = list[str]()
        if self.form != "square":
            lines.append(f"Curve: b1 {self.variable} + b2 {self.square}")
        lines.append(
            f"Slope at {low:.4g}: {self.slope_low:.4g} (t {self.t_low:z.2f}); "
            f"at {high:.4g}: {self.slope_high:.4g} (t {self.t_high:z.2f})"
        )

        if self.inside and np.isnan(self.statistic):
            lines.append("The slope changes its sign, but no test is possible (see the note)")
        elif self.inside:
            null = f"monotone or {'inverse ' if self.shape == 'U' else ''}U on the interval"
            rejected = rejects(self.p_value, self.level)
            p = f"= {self.p_value:.3f}" if self.p_value >= 0.001 else "< 0.001"
            lines.append(f"t = {self.statistic:z.2f}, p {p} (H0: {null})")
            verdict = "supported" if rejected else "not significant"
            lines.append(f"A{self._article[1:]} is {verdict} at the {1 - self.level:.0%} level")
        else:
            lines.append("The slope has the same sign over the whole interval, which contains no turning")
            lines.append(f"point. This is not {self._article} in these data.")

        return Summary(
            type=type(self).__name__,
            title=f"U-shape test (Lind & Mehlum 2010): {self.variable} in the equation of {self.depvar}",
            blocks=(Lines((*lines, *self._turning_lines())), Remarks.of(self.diagnostics)),
            notices=self.diagnostics,
            conventions=self.conventions,
        )

    def _turning_lines(self) -> list[str]:
        low, high = self.interval
        if np.isnan(self.extremum):
            lines = [f"No turning point: the curve is monotone for all {self.variable} > 0"]
        else:
            lines = [f"Turning point {self.extremum:.4g} (delta se {self.extremum_se:.3g})"]
        if not self.fieller:
            return [
                *lines,
                f"{self.level:.0%} Fieller set empty: every value of the turning point is rejected",
            ]
        if np.isnan(self.fieller[0][0]):
            return [*lines, f"No {self.level:.0%} Fieller set (see the note)"]

        sets = " and ".join(f"[{a:.4g}, {b:.4g}]" for a, b in self.fieller)
        reach = "inside" if self.fieller_inside else "reaching beyond"
        lines.append(f"{self.level:.0%} Fieller set {sets}, {reach} the interval [{low:.4g}, {high:.4g}]")
        if not np.isfinite(self.fieller).all():
            # Far out the slope is that of the bending term in a square, that of the level in the others.
            weak = "the square" if self.form == "square" else self.variable
            lines.append(f"(unbounded: {weak} itself is not significant at {1 - self.level:.0%})")
        return lines

    def _numbers(self) -> PlainNumbers:
        names = (
            "variable square form depvar interval statistic p_value shape extremum extremum_se fieller "
            "slope_low slope_high t_low t_high inside df_t level conventions"
        )
        return PlainNumbers(more={name: getattr(self, name) for name in names.split()})


def u_test(
    results: LinearResults,
    variable: str,
    *,
    square: str | None = None,
    interval: Sequence[float] | None = None,
    level: float = 0.95,
    form: UForm | None = None,
) -> UTestResult:
    """Test for a U, or an inverse U, in a fitted curve.

    With ``y = b1 x + b2 f(x) + ..``, f the square, 1/x, log or square root, the slope is ``b1 + b2 f'(x)``.
    The null, monotone or the other shape on the interval, is rejected only if the slope differs from 0 at
    *both* ends, with opposite signs: statistic ``min(|t_low|, |t_high|)``, p one-sided (Sasabuchi 1980;
    Lind & Mehlum 2010). A significant square alone is not a U: the turning point and its set should lie
    inside the data (Haans, Pieters & He 2016).

    Parameters
    ----------
    results : LinearResults
        A fit with the variable and its square, or another bending term. Covariance and degrees of freedom are
        the fit's own: G - 1 when clustered.
    variable : str
        Term of the level.
    square : str, optional
        Term or column that bends the curve; by default whichever of ``I(x**2)``, ``I(1/x)`` (``I(x**-1)``),
        ``log(x)``, ``sqrt(x)`` the fit has, however it is spaced.
    interval : (low, high), optional
        In units of `variable`; by default its range in the estimation sample. Above 0 unless the form is a
        square.
    level : float
        Of the Fieller set.
    form : {"square", "inverse", "log", "sqrt"}, optional
        What `square` is of `variable`; read from the term, and ``"square"`` for a column.

    Returns
    -------
    UTestResult
        Statistic and p are NaN, and `inside` is False, if the turning point is outside the interval.

    Raises
    ------
    ColumnError
        If the variable or the square has no coefficient.
    TermError
        If no term bends the curve, several do, or what is named is not that of the variable in the estimation
        sample.
    OptionError
        If the interval, the level or the form is none, or the interval begins at 0 or below and the form is
        no square.
    InputTypeError
        If `results` is no linear fit.

    Notes
    -----
    Fieller (1954) set: every x at which the slope is not significantly different from zero,
    ``|s(x) / se(s(x))| <= t``. It is that of the ratio ``-b1 / b2``, taken back through ``f'``,
    which is monotone for x > 0.

    A column that is named is checked with what a fit stores: of a square the mean, of the other forms the
    smallest and the largest value (where all x > 0). A column with the same mean, or the same ends, passes;
    one over a variable with both signs is not checked.

    Products with other variables play no part: with ``x:w`` in the fit the curve is that where w = 0, see
    `moderated_u_test`. In a fit with effects the curve is identified by movement within entities, while the
    range is that of all rows.

    Examples
    --------
    >>> import digiprosper as dp
    >>> panel, truth = dp.datasets.simulate_provinces()
    >>> controls = ["urban", "fiscal", "openness"]
    >>> spec = dp.FixedEffects("urban_rural_theil", ["digital", "I(digital**2)", *controls])
    >>> test = dp.u_test(spec.fit(panel), "digital")
    >>> test.shape, test.inside
    ('inverse U', True)
    >>> log = dp.u_test(spec.swap("I(digital**2)", "log(digital)").fit(panel), "digital")
    >>> log.form, log.shape
    ('log', 'inverse U')
    """
    if form is not None:
        check_option("form", form, get_args(UForm))
    curve = read_curve("u_test", results, variable, square=square, form=form, interval=interval)
    level = check_level(level)
    return curve_test(results, curve, np.eye(len(results.names))[[curve.level_at, curve.bend_at]], level)


@dataclass(frozen=True, slots=True)
class Curve:
    """Where the two terms of a curve stand in a fit, and where it is tested.

    Parameters
    ----------
    level_at, bend_at : int
        Positions of the variable and of the term that bends the curve.
    form : {"square", "inverse", "log", "sqrt"}
        What the second is of the first.
    interval : tuple (low, high)
        In units of the variable.
    """

    level_at: int
    bend_at: int
    form: str
    interval: tuple[float, float]


def read_curve(
    call: str,
    results: LinearResults,
    variable: str,
    *,
    square: str | None,
    form: str | None,
    interval: Sequence[float] | None = None,
) -> Curve:
    """Find the two terms of a curve in a fit.

    Parameters
    ----------
    call : str
        Name of the function, for messages.
    results : LinearResults
        The fit.
    variable : str
        Term of the level.
    square, form, interval
        As in `u_test`.

    Returns
    -------
    Curve
        With the range of the variable in the estimation sample where no interval is given.

    Raises
    ------
    InputTypeError, ColumnError, TermError, OptionError
        As in `u_test`.
    """
    given: object = results
    if not isinstance(given, LinearResults):
        raise InputTypeError(
            f"{call} takes a fitted linear model, such as FixedEffects(..).fit(panel), not "
            f"{type(given).__name__}."
        )
    refuse_other_kind(call, variable=variable, square=square)
    i, j, read = _positions(results, variable, square, form)
    stats = results.sample_stats
    _refuse_other(stats, results.names[i], results.names[j], read)
    return Curve(i, j, read, _interval(interval, stats, results.names[i], read))


def refuse_other_kind(call: str, **terms: object) -> None:
    """Refuse terms that are not text.

    Parameters
    ----------
    call : str
        Name of the function, for messages.
    **terms
        Argument to its term, or None.

    Raises
    ------
    InputTypeError
        Naming the argument.
    """
    for name, term in terms.items():
        if term is not None and not isinstance(term, str):
            raise InputTypeError(f"{call}: {name} is one term (text), not {type(term).__name__}.")


def curve_test(results: LinearResults, curve: Curve, weights: Floats, level: float) -> UTestResult:
    """Test a curve whose two coefficients are weighted sums of a fit's.

    Parameters
    ----------
    results : LinearResults
        The fit, of k coefficients.
    curve : Curve
        Its terms.
    weights : (2, k) array
        Of the level and of the bending term.
    level : float
        Of the Fieller set.

    Returns
    -------
    UTestResult
        With the fit's covariance and degrees of freedom.

    Raises
    ------
    IdentificationError
        If a coefficient has no standard error.
    """
    f = _FORMS[curve.form]
    variable, square = results.names[curve.level_at], results.names[curve.bend_at]
    u = f.slope(np.array(curve.interval))
    # The slope in the middle instead of at f' = 0: with x far from zero that one is far outside the data, and
    # large numbers would have to cancel in the set of the turning point.
    middle = float(u.mean())
    weights = np.array([[1.0, middle], [0.0, 1.0]]) @ weights
    b0, b2 = (float(b) for b in weights @ results.coefficients)
    v = results.covariance_of(weights)
    if not np.isfinite(v).all():
        raise IdentificationError(
            f"U-test: {cited(variable)} or {cited(square)} has no standard error in this fit (its "
            "diagnostics say why), so no slope can be tested. Choose another cov_type or other clusters."
        )

    indefinite = results.is_indefinite(weights)
    slopes = b0 + b2 * (u - middle)
    ends = np.column_stack([np.ones(2), u - middle]) @ weights
    t = slopes / standard_errors(np.diag(results.covariance_of(ends)))
    inside = bool(slopes[0] * slopes[1] < 0)
    statistic = float(np.abs(t).min()) if inside else float("nan")

    extremum, se = _turning_point(results, weights, middle, f)
    v00, v02, v22 = float(v[0, 0]), float(v[0, 1]), float(v[1, 1])
    ratios = fieller((-b0, b2), (v00, -v02, v22), _critical(results.df_t, level))
    ratios = [(low + middle, high + middle) for low, high in ratios]

    return UTestResult(
        variable=variable,
        square=square,
        form=curve.form,
        depvar=results.depvar,
        interval=curve.interval,
        statistic=statistic,
        p_value=upper_tail(results.df_t, statistic),
        shape="U" if b2 * f.curvature(curve.interval[1]) > 0 else "inverse U",
        extremum=extremum,
        extremum_se=se,
        fieller=[(float("nan"), float("nan"))] if indefinite else _turning_set(ratios, f),
        slope_low=float(slopes[0]),
        slope_high=float(slopes[1]),
        t_low=float(t[0]),
        t_high=float(t[1]),
        inside=inside,
        df_t=results.df_t,
        level=float(level),
        conventions=results.conventions,
        diagnostics=(negative_variance([f"a slope in {variable}"]),) if indefinite else (),
    )


def _turning_point(results: LinearResults, weights: Floats, middle: float, f: _Form) -> tuple[float, float]:
    b0, b2 = (float(b) for b in weights @ results.coefficients)
    from_middle = -b0 / b2
    ratio = middle + from_middle
    if not f.slopes[0] < ratio < f.slopes[1]:
        return float("nan"), float("nan")
    extremum = float(f.place(ratio))
    # Written in the ratio: high powers of a slope leave the range of numbers where the slope does not.
    gradient = np.array([[1.0, from_middle]]) @ weights
    se = standard_errors(results.covariance_of(gradient))[0, 0] / abs(b2)
    return extremum, float(se / abs(f.curvature(extremum)))


def _turning_set(ratios: list[tuple[float, float]], f: _Form) -> list[tuple[float, float]]:
    """Take a set of values of f' back to where they are; f' has only some values."""
    low, high = f.slopes
    out = []
    with np.errstate(divide="ignore"):
        for a, b in ratios:
            if b > low and a < high:
                ends = f.place(np.array([max(a, low), min(b, high)]))
                out.append((float(ends.min()), float(ends.max())))
    return sorted(out)


def _positions(
    results: LinearResults, variable: str, square: str | None, form: str | None
) -> tuple[int, int, str]:
    known = _places(results.names)
    if canonical(variable) not in known:
        raise unknown_columns([variable], results.names, "u_test")
    if square is not None and canonical(square) not in known:
        raise unknown_columns([square], results.names, "square")

    bends = _bends(results.terms, variable)
    j = known[canonical(square)] if square else _only_bend(results, variable, bends, form)
    read = bends.pop(j, None)
    if read and form not in (None, read):
        raise OptionError(f"form={cited(form)}, but {cited(results.names[j])} is of the form {cited(read)}.")
    if bends:
        raise _several_bends(results, variable, [j, *bends])
    return known[canonical(variable)], j, form or read or "square"


def _places(names: Sequence[str]) -> dict[str, int]:
    """Map each term to where it stands first."""
    return {canonical(name): i for i, name in reversed(list(enumerate(names)))}


def _several_bends(results: LinearResults, variable: str, at: list[int]) -> TermError:
    terms = [results.names[p] for p in at]
    return TermError(
        f"several terms make the curve in {cited(variable)} nonlinear, {quoted(terms, 12)}: a U-test "
        "uses the level and one of them. Drop the others.",
        [Notice("several_bends", "several bending terms", {"variable": variable, "terms": tuple(terms)})],
    )


def _bends(terms: Sequence[Term], variable: str) -> dict[int, str]:
    """Positions of the terms that are known to bend a line in the variable, and their forms."""
    wanted = canonical(variable)
    alone = {at: term.factors[0] for at, term in enumerate(terms) if len(term.factors) == 1}
    forms = {at: _form_of(factor) for at, factor in alone.items() if canonical(factor.column) == wanted}
    return {at: form for at, form in forms.items() if form is not None}


def _form_of(factor: Factor) -> str | None:
    """Read the form of one factor, ``"power"`` above the square; None for the level itself."""
    if factor.level is not None or factor.shift:
        return None
    if factor.function:
        return "log" if factor.function == "log" else None
    named = {2.0: "square", -1.0: "inverse", 0.5: "sqrt"}.get(factor.power)
    higher = factor.power >= 3 and float(factor.power).is_integer()
    return named or ("power" if higher else None)


def _only_bend(results: LinearResults, variable: str, bends: dict[int, str], form: str | None) -> int:
    fitting = [p for p, found in bends.items() if found in (form, *([] if form else _FORMS))]
    if not fitting:
        wanted = _FORMS[form or "square"].spellings[0].format(x=variable)
        others = "" if form else " (or I(1/x), log(x), sqrt(x))"
        raise TermError(
            f"the fit has no {'square' if form is None else form} of {cited(variable)} (its terms: "
            f"{quoted(results.names, 12)}). Add {cited(wanted)}{others} to x, or specify the column: "
            "square='...'.",
            [Notice("no_square", f"no {wanted}", {"variable": variable, "terms": results.names})],
        )
    return fitting[0]


def _refuse_other(stats: pd.DataFrame, variable: str, square: str, form: str) -> None:
    """Compare what is named with what it should be, as far as stored moments show."""
    nobs, mean, sd, least, most = (
        float(stats[column][variable]) for column in ("nobs", "mean", "sd", "min", "max")
    )
    if form == "square":
        found, want = [float(stats["mean"][square])], [mean**2 + sd**2 * (nobs - 1) / nobs]
        what = "mean"
    elif least > 0:
        found = [float(stats[column][square]) for column in ("min", "max")]
        want = sorted(float(_FORMS[form].value(x)) for x in (least, most))
        what = "range"
    else:
        return

    if np.abs(np.subtract(found, want)).max() > IS_SQUARE * np.abs(want).max():
        shown, right = (" to ".join(f"{v:.6g}" for v in values) for values in (found, want))
        name = _FORMS[form].words.format(x=variable)
        raise TermError(
            f"{cited(square)} is not {name} in the estimation sample: its {what} is {shown}, not "
            f"{right}. Compute it from the level used in the model (centre both or neither), or specify "
            "its form: form='square', 'inverse', 'log' or 'sqrt'.",
            [
                Notice(
                    "other_square", f"not {form}: {cited(square)}", {"variable": variable, "square": square}
                )
            ],
        )


def _interval(
    interval: Sequence[float] | None, stats: pd.DataFrame, name: str, form: str
) -> tuple[float, float]:
    given: object = [stats["min"][name], stats["max"][name]] if interval is None else interval
    ends = list(given) if isinstance(given, list | tuple | np.ndarray) else []
    if not _is_interval(ends):
        raise OptionError(f"interval={cited(interval)} must be two finite numbers, the lower one first.")
    if form != "square" and ends[0] <= 0:
        whose = "the sample's" if interval is None else "the given"
        bend = _FORMS[form].words.format(x=name)
        raise OptionError(
            f"a curve with {bend} is tested for {name} > 0, but {whose} interval begins at "
            f"{ends[0]:.6g}. Set interval=(low, high) with low above 0.",
            [Notice("interval", "not positive", {"variable": name, "form": form, "low": float(ends[0])})],
        )
    return float(ends[0]), float(ends[1])


def _is_interval(ends: list[Any]) -> bool:
    numbers = len(ends) == 2 and all(isinstance(e, int | float | np.number) for e in ends)
    return numbers and bool(np.isfinite(ends).all()) and bool(ends[0] < ends[1])


def upper_tail(df: float, t: float) -> float:
    """Probability of a larger t.

    Parameters
    ----------
    df : float
        Degrees of freedom.
    t : float
        Value.

    Returns
    -------
    float
        P(T > t).
    """
    from scipy.special import stdtr

    return float(stdtr(df, -t))


def _critical(df: float, level: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(df, 0.5 + level / 2))
