"""The two-lines test of U-shapes (Simonsohn 2018)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, ClassVar

import numpy as np

from digiprosper.checks import check_level, check_whole, one_problem, unknown_columns
from digiprosper.errors import (
    IdentificationError,
    Notice,
    TermError,
    cited,
    issue,
    notice_of,
    number_text,
    quoted,
    subject,
)
from digiprosper.kernels import Bools, Floats
from digiprosper.kernels.tolerances import HIDDEN_SQUARE
from digiprosper.linear.diagnostics import lagged_outcome, merge_notices
from digiprosper.linear.estimation import Demeaned, demean_roles, fit_equation
from digiprosper.linear.fixed_effects import FixedEffects, refuse_other_specification
from digiprosper.linear.preparation import Prepared, prepare
from digiprosper.linear.results import LinearResults
from digiprosper.panel import Panel
from digiprosper.panel.access import check_panel, table_of
from digiprosper.panel.terms import Term, canonical, parse, term_factors
from digiprosper.report.summary import Lines, PlainNumbers, Summarised, Summary
from digiprosper.report.text import interval_text, p_words, percent_text
from digiprosper.report.verdicts import rejects

_PARTS = ("below", "above", "jump")
# Share of the rows below the first knot, and above the last, by the number of knots
# (Harrell 2015).
_OUTER = {3: 0.1, 7: 0.025}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class TwoLinesResult(Summarised):
    """Result of the two-lines test, made by `two_lines`.

    Parameters
    ----------
    variable, depvar : str
        Variable of the lines, and outcome.
    replaced : tuple of str
        Terms of the specification that the lines replace.
    breakpoint : float
        Breakpoint of the two lines, in units of `variable`.
    first_breakpoint : float
        Median of the flat region. Two lines with this breakpoint determine
        `breakpoint`; see `two_lines`.
    flat : pair of float
        Smallest and largest value of the flat region of the smooth curve.
    knots : tuple of float
        Knots of the smooth curve.
    sought : {"U", "inverse U"}
        Whether the flat region is around the minimum or the maximum of the curve.
    low, high : LinearResults
        The two regressions. In `low` rows at the breakpoint belong to the lower line;
        it gives the slope ``"x:below"``. In `high` they belong to the upper line; it
        gives the slope ``"x:above"``.
    nobs_low, nobs_high, entities_low, entities_high : int
        Numbers of rows and entities at or below the breakpoint, and at or above it.
    level : float
        Each slope is tested two-sided at 1 - level.
    diagnostics : tuple of Notice
        Remarks about the two regressions.

    Examples
    --------
    >>> import digiprosper as dp
    >>> panel, truth = dp.datasets.simulate_provinces()
    >>> spec = dp.FixedEffects(
    ...     "urban_rural_theil", ["digital", "I(digital**2)", "urban"]
    ... )
    >>> test = dp.two_lines(spec, panel, "digital")
    >>> test.shape
    'inverse U'
    """

    _reported: ClassVar[str] = (
        "variable depvar replaced breakpoint first_breakpoint flat knots sought "
        "slope_low slope_high se_low se_high t_low t_high p_low p_high shape "
        "supported nobs_low nobs_high entities_low entities_high level conventions"
    )

    variable: str
    depvar: str
    replaced: tuple[str, ...]
    breakpoint: float
    first_breakpoint: float
    flat: tuple[float, float]
    knots: tuple[float, ...]
    sought: str
    low: LinearResults
    high: LinearResults
    nobs_low: int
    nobs_high: int
    entities_low: int
    entities_high: int
    level: float
    diagnostics: tuple[Notice, ...]

    @property
    def slope_low(self) -> float:
        """Slope below the breakpoint."""
        return float(self.low.params[f"{self.variable}:below"])

    @property
    def slope_high(self) -> float:
        """Slope above the breakpoint."""
        return float(self.high.params[f"{self.variable}:above"])

    @property
    def se_low(self) -> float:
        """Standard error of the slope below."""
        return float(self.low.std_errors[f"{self.variable}:below"])

    @property
    def se_high(self) -> float:
        """Standard error of the slope above."""
        return float(self.high.std_errors[f"{self.variable}:above"])

    @property
    def t_low(self) -> float:
        """The t statistic of the slope below."""
        return float(self.low.tstats[f"{self.variable}:below"])

    @property
    def t_high(self) -> float:
        """The t statistic of the slope above."""
        return float(self.high.tstats[f"{self.variable}:above"])

    @property
    def p_low(self) -> float:
        """Two-sided p-value of the slope below."""
        return float(self.low.pvalues[f"{self.variable}:below"])

    @property
    def p_high(self) -> float:
        """Two-sided p-value of the slope above."""
        return float(self.high.pvalues[f"{self.variable}:above"])

    @property
    def supported(self) -> bool:
        """Whether slopes have opposite signs, both significant at 1 - level."""
        return self.slope_low * self.slope_high < 0 and rejects(
            max(self.p_low, self.p_high), self.level
        )

    @property
    def shape(self) -> str:
        """``"U"`` or ``"inverse U"`` if supported, otherwise ``"none"``."""
        if not self.supported:
            return "none"
        return "U" if self.slope_high > 0 else "inverse U"

    @property
    def conventions(self) -> str:
        """Type of the standard errors, and method of the breakpoint."""
        return (
            f"{self.low.conventions}; breakpoint chosen on the same data (Robin Hood "
            f"algorithm, cubic spline with {len(self.knots)} knots)"
        )

    def _summary(self) -> Summary:
        size = percent_text(1 - self.level)
        shape = self.shape
        slopes = {
            "below": (self.slope_low, self.t_low, self.p_low),
            "above": (self.slope_high, self.t_high, self.p_high),
        }
        rows = (self.nobs_low, self.entities_low), (self.nobs_high, self.entities_high)
        lines = [
            f"Replaces {', '.join(self.replaced)}",
            *([f"Weights: {self.low.obs_weights}"] if self.low.obs_weights else []),
            f"Breakpoint {number_text(self.breakpoint)}; the smooth curve is flat in "
            f"{interval_text(*self.flat)}",
            *(
                f"Slope {side}: {slope:.4g} (t {t:z.2f}, {p_words(p, 3)}), {nobs:,} "
                f"rows, {entities} {self.low.key_names[0]}"
                for (side, (slope, t, p)), (nobs, entities) in zip(
                    slopes.items(), rows, strict=True
                )
            ),
        ]
        weak = [
            side for side, (_, _, p) in slopes.items() if not rejects(p, self.level)
        ]
        conclusion = (
            f"No U at the {size} level: the slope {' and '.join(weak)} is not "
            "significant"
        )
        if self.slope_low * self.slope_high > 0:
            sign = "positive" if self.slope_low > 0 else "negative"
            conclusion = f"No U: both slopes are {sign}"
        if self.supported:
            conclusion = (
                f"{'A' if shape == 'U' else 'An'} {shape} is supported at the {size} "
                "level: both slopes are significant"
            )
        return self._titled(
            f"Two lines (Simonsohn 2018): {self.variable} in the equation of "
            f"{self.depvar}",
            Lines((*lines, conclusion)),
            version=self.low.version,
        )

    def _numbers(self) -> PlainNumbers:
        # A slotted dataclass is a new class: `super()` without arguments would look in
        # the old one.
        return replace(Summarised._numbers(self), labels=self.low.labels)

    def _more_numbers(self) -> dict[str, Any]:
        return {"obs_weights": self.low.obs_weights}


def two_lines(
    spec: FixedEffects,
    panel: Panel,
    variable: str,
    *,
    square: str | None = None,
    knots: int = 5,
    level: float = 0.95,
) -> TwoLinesResult:
    """Test for a U-shape or inverse U-shape with two lines (Simonsohn 2018).

    Two lines with a breakpoint xc replace the variable and its square in the
    specification: ``b1 (x - xc) 1{x <= xc} + b2 (x - xc) 1{x > xc} + d 1{x > xc}``. The
    other regressors, the fixed effects and the clusters do not change. A U-shape is
    supported if b1 and b2 have opposite signs and both are significant.

    The test assumes no functional form. In contrast, the square and the slopes at both
    ends of a quadratic can be significant although the true function is monotone, for
    example a logarithm.

    Parameters
    ----------
    spec : FixedEffects
        Specification with the variable in `x`, with or without its square.
    panel : Panel
        The data.
    variable : str
        Term of the variable.
    square : str, optional
        Term or column of the square in `x`. It must be given if it is not
        ``I(variable**2)``.
    knots : int
        Number of knots of the smooth curve, from 3 to 7; 5 by default. Harrell (2015)
        recommends 5 with at least 100 rows, and 3 with fewer than 30.
    level : float
        Each slope is tested two-sided at 1 - level; .95 by default.

    Returns
    -------
    TwoLinesResult
        Breakpoint, both slopes with the standard errors of the specification, and
        shape.

    Raises
    ------
    ColumnError
        If the variable or the square is not in `x`.
    TermError
        If another term of `x` is a function of the variable: it would be a curve in
        addition to the lines.
    IdentificationError
        If the variable has too few values, or the slope of a line is not identified.
    OptionError
        If `knots` or `level` has a value that is not allowed.
    InputTypeError
        If `spec` is not a `FixedEffects`, or `panel` is not a Panel.
    DigiprosperError
        As in `FixedEffects.fit`.

    Notes
    -----
    The method is that of Simonsohn (2018, Advances in Methods and Practices in
    Psychological Science 1:538-555). The breakpoint xc is chosen by his Robin Hood
    algorithm, which gives more rows to the line with the smaller t statistic:

    1. A quadratic is fitted. If it is concave, the maximum is searched, otherwise the
       minimum.
    2. A smooth curve of x is fitted with the other regressors of the specification. The
       flat region has those x, in the inner 80% of the rows, at which the curve is
       within one standard error of its extremum. The standard error is that of the
       curve around its mean.
    3. Two lines with xc at the median of the flat region have t statistics t1 and t2.
    4. xc is the ``|t2| / (|t1| + |t2|)`` quantile of the x in the flat region.

    The model is estimated twice: with rows at xc in the lower line, for b1, and in the
    upper line, for b2.

    There are two differences to his program. His smooth curve is penalised. Here it is
    a natural cubic spline with knots at fixed quantiles (Harrell 2015, Regression
    Modeling Strategies, 2.4.5 and 2.4.6), so that it is a linear regression with the
    fixed effects and clusters of the specification. His program uses the slope of the
    quadratic at the lowest x in step 1. This is the same if the quadratic turns within
    the data; otherwise the result would differ between x and -x.

    xc is chosen with the same data as the slopes. The standard errors do not allow for
    this.

    Examples
    --------
    >>> import digiprosper as dp
    >>> from digiprosper import two_lines
    >>> panel, truth = dp.datasets.simulate_provinces()
    >>> controls = ["urban", "fiscal", "openness"]
    >>> spec = dp.FixedEffects(
    ...     "urban_rural_theil", ["digital", "I(digital**2)", *controls]
    ... )
    >>> test = two_lines(spec, panel, "digital")
    >>> test.shape, round(test.breakpoint, 2)
    ('inverse U', 0.41)
    """
    level = check_level(level)
    refuse_other_specification("two_lines", spec)
    check_panel(panel, "two_lines")
    knots = check_whole("knots", knots, 3, 7)
    replaced, controls = _split_terms(spec, panel, variable, square)
    prepared = prepare(
        panel,
        {"y": (spec.y,), "variable": replaced, "x": controls},
        spec.options,
    )

    data = _demean_data(prepared, spec.y, replaced)
    knot_values = _knot_values(data, knots)
    _refuse_curves(data, square)
    concave = _is_concave(data)
    flat = _flat_region(data, knot_values, maximum=concave)

    first = float(np.median(flat))
    t_low, t_high = (
        abs(float(fit.tstats.iloc[0])) for fit in _fit_two_lines(data, first)
    )
    xc = float(np.quantile(flat, t_high / (t_low + t_high)))
    low, high = _fit_two_lines(data, xc)
    below, above = data.x <= xc, data.x >= xc
    entity = prepared.sample.entity

    notices, used = (
        merge_notices((*low.diagnostics, *high.diagnostics)),
        knot_values.size,
    )
    if used < knots:
        notices.append(
            notice_of("few_knots", knots=used, asked=knots, _variable=data.variable)
        )
    notices += lagged_outcome(prepared)
    issue(notices)

    return TwoLinesResult(
        variable=data.variable,
        depvar=spec.y,
        replaced=replaced,
        breakpoint=xc,
        first_breakpoint=first,
        flat=(float(flat.min()), float(flat.max())),
        knots=tuple(knot_values.tolist()),
        sought="inverse U" if concave else "U",
        low=low,
        high=high,
        nobs_low=int(below.sum()),
        nobs_high=int(above.sum()),
        entities_low=np.unique(entity[below]).size,
        entities_high=np.unique(entity[above]).size,
        level=level,
        diagnostics=tuple(notices),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _DemeanedData:
    """The variable x, with outcome and controls demeaned; `inner` are 80% of rows."""

    prepared: Prepared
    variable: str
    x: Floats
    inner: Bools
    demeaned: Demeaned


def _split_terms(
    spec: FixedEffects, panel: Panel, variable: str, square: str | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Separate the terms that the lines replace from the controls."""
    column_names = table_of(panel).names
    terms = {canonical(t, column_names): t for t in spec.x}
    level = canonical(variable, column_names)
    if level not in terms:
        raise unknown_columns([variable], spec.x, "variable")
    parsed = {key: parse(text, column_names, "x") for key, text in terms.items()}
    if square is None:
        bends = [key for key, term in parsed.items() if _is_square(term, level)]
    else:
        bends = [canonical(square, column_names)]
        if bends[0] not in terms:
            raise unknown_columns([square], spec.x, "square")
        if bends[0] == level:
            raise TermError(
                f"square={cited(square)} is the variable itself; specify its "
                "square, or omit it."
            )
    replaced = tuple(terms.pop(key) for key in (level, *bends))
    _refuse_functions([parsed[key] for key in terms], parsed[level])
    return replaced, tuple(terms.values())


def _is_square(term: Term, variable: str) -> bool:
    (first, *others) = term_factors(term)
    return not others and first.power == 2 and canonical(first.column) == variable


def _refuse_functions(terms: Sequence[Term], level: Term) -> None:
    functions = [term for term in terms if _is_function_of(term, level)]
    names, name = [term.text for term in functions], level.text
    if functions:
        square = ", or specify it if it is the square: square='...'"
        if all(len(term.factors) > 1 for term in functions):
            square = ""
        raise TermError(
            f"x has {quoted(names)} in addition to {cited(name)}: a function of the "
            f"variable would add a curve to the two lines. Drop it{square}.",
            [Notice("several_bends", t, {"variable": name, "term": t}) for t in names],
        )


def _is_function_of(term: Term, level: Term) -> bool:
    """Tell whether a factor of a term has the columns of the level and no others."""
    factors = term_factors(term)
    # A lag is another variable.
    if level.shifts:
        inside = chain.from_iterable((f.text, f.column, *f.columns) for f in factors)
        return canonical(level.text) in map(canonical, inside)
    column_sets = [f.names for f in term.factors] or [term.names]
    return not term.shifts and any(
        set(names) == set(level.names) for names in column_sets
    )


def _demean_data(
    prepared: Prepared, depvar: str, replaced: tuple[str, ...]
) -> _DemeanedData:
    sample = prepared.sample.with_dummies(replaced[:1], _PARTS)
    prepared = replace(prepared, sample=sample)
    demeaned, _ = demean_roles(depvar, prepared, ("x",))
    curve = sample.columns("variable")
    if curve.shape[1] != len(replaced):
        raise TermError(
            f"{cited(replaced[0])} makes several columns; it must be one column."
        )
    x = curve[:, 0]
    low, high = np.quantile(x, (0.1, 0.9))
    return _DemeanedData(prepared, replaced[0], x, (x > low) & (x < high), demeaned)


def _fit_columns(
    data: _DemeanedData,
    names: Sequence[str],
    columns: Floats,
    *,
    auxiliary: Sequence[str] = (),
    **options: Any,
) -> LinearResults:
    """Regress the outcome on columns and on the controls, which are demeaned once."""
    prepared = replace(data.prepared, options=replace(data.prepared.options, **options))
    demeaned = data.demeaned.with_columns(prepared, names, columns)
    first = len(data.demeaned.names)
    regressors = (*range(first, len(demeaned.names)), *range(1, first))
    return fit_equation(prepared, demeaned, 0, regressors, auxiliary=auxiliary)[0]


def _refuse_curves(data: _DemeanedData, square: str | None) -> None:
    """Refuse controls that are a quadratic in x, and a given square that is not."""
    x, demeaned = data.x, data.demeaned
    controls = zip(demeaned.names[1:], demeaned.raw[:, 1:].T, strict=True)
    hidden = [name for name, column in controls if _is_quadratic(x, column)]
    # Any column that only depends on x is a quadratic in three values.
    if hidden and np.unique(x).size > 3:
        raise TermError(
            f"{quoted(hidden)} is a quadratic function of {cited(data.variable)} in "
            "the sample and would add a curve to the two lines. Specify it: "
            f"square={cited(hidden[0])}.",
            [
                Notice("hidden_square", n, {"variable": data.variable, "column": n})
                for n in hidden
            ],
        )
    if square is not None and not _is_quadratic(
        x, data.prepared.sample.columns("variable")[:, 1]
    ):
        raise one_problem(
            TermError,
            "other_square",
            f"square={cited(square)} is not a quadratic function of "
            f"{cited(data.variable)} in the sample. Specify its square, or drop the "
            "term from x.",
            variable=data.variable,
            square=square,
        )


def _is_quadratic(x: Floats, column: Floats) -> bool:
    z = (x - x.mean()) / x.std()
    residuals = column - np.polyval(np.polyfit(z, column, 2), z)
    spread = np.linalg.norm(column - column.mean())
    return bool(np.linalg.norm(residuals) <= HIDDEN_SQUARE * spread)


def _is_concave(data: _DemeanedData) -> bool:
    """Fit a quadratic, and return whether it is concave."""
    z = data.x - data.x.mean()
    names = (data.variable, f"I({data.variable}**2)")
    fit = _fit_columns(data, names, np.column_stack([z, z**2]))
    collinear = [name for name in names if name not in fit.names]
    if collinear:
        raise IdentificationError(
            f"{subject(collinear, 'is')} collinear within the effects: there is no "
            "curve to test."
        )
    return float(fit.params[names[1]]) < 0


def _knot_values(data: _DemeanedData, count: int) -> Floats:
    """Return Harrell's quantiles of x without duplicates."""
    outer = _OUTER.get(count, 0.05)
    quantiles = np.unique(np.quantile(data.x, np.linspace(outer, 1 - outer, count)))
    if quantiles.size < 3 or not data.inner.any():
        raise IdentificationError(
            f"{cited(data.variable)} has too few distinct values "
            f"({np.unique(data.x).size}, and {quantiles.size} at the knots) for a "
            "smooth curve and a break in the inner 80% of the rows."
        )
    return quantiles


def _spline(x: Floats, knots: Floats) -> Floats:
    """Compute a natural cubic spline, linear outside (Harrell 2015, 2.4.5)."""
    width = knots[-1] - knots[0]
    z, t = (x - knots[0]) / width, (knots - knots[0]) / width
    cubes = np.maximum(z[:, None] - t, 0) ** 3
    before, last = t[-2], t[-1]
    bent = (
        cubes[:, :-2]
        - cubes[:, [-2]] * (last - t[:-2]) / (last - before)
        + cubes[:, [-1]] * (before - t[:-2]) / (last - before)
    )
    return np.column_stack([z, bent])


def _flat_region(data: _DemeanedData, knots: Floats, *, maximum: bool) -> Floats:
    """Return the inner 80% of x where the smooth curve is near its extremum."""
    basis = _spline(data.x, knots)
    names = tuple(f"{data.variable}:spline{j}" for j in range(basis.shape[1]))
    fit = _fit_columns(data, names, basis, collinear="drop")
    # The columns that are estimated come first in the fit
    basis = basis[:, [name in fit.names for name in names]]
    centred = basis - basis.mean(axis=0)
    k = basis.shape[1]
    variance = np.einsum("ij,jk,ik->i", centred, fit.covariance[:k, :k], centred)
    if not np.isfinite(variance).all():
        raise _no_std_error(data)
    # Two-way clusters can give a variance that is a little negative.
    se = np.sqrt(np.maximum(variance, 0))
    curve = centred @ fit.coefficients[:k] * (1 if maximum else -1)
    return np.asarray(data.x[data.inner & (curve + se >= curve[data.inner].max())])


def _fit_two_lines(data: _DemeanedData, xc: float) -> list[LinearResults]:
    """Fit the two lines twice: with rows at xc in the lower line, and in the upper.

    The line whose slope is of interest comes first. If x has too few values, a later
    column is dropped.
    """
    fits = []
    z = data.x - xc
    jump = f"{data.variable}:jump"
    for side, other, in_line in (
        ("below", "above", data.x <= xc),
        ("above", "below", data.x >= xc),
    ):
        above = in_line if side == "above" else ~in_line
        names = (f"{data.variable}:{side}", f"{data.variable}:{other}", jump)
        columns = np.column_stack([z * in_line, z * ~in_line, above])
        fit = _fit_columns(data, names, columns, auxiliary=(jump,), collinear="drop")
        if names[0] not in fit.names:
            raise IdentificationError(
                f"the slope {side} the breakpoint is not identified: too few values of "
                f"{cited(data.variable)} vary there within the effects."
            )
        if not np.isfinite(fit.tstats.iloc[0]):
            raise _no_std_error(data)
        fits.append(fit)
    return fits


def _no_std_error(data: _DemeanedData) -> IdentificationError:
    return IdentificationError(
        f"two_lines: a slope in {cited(data.variable)} has no standard error under "
        "this covariance. Choose another cov_type or other clusters."
    )
