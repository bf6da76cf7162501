"""The U-shape test of Lind and Mehlum (2010), and sets of turning points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from digiprosper.checks import (
    check_level,
    check_option,
    check_type,
    finite_numbers,
    one_problem,
    option_error,
    unknown_columns,
)
from digiprosper.errors import (
    ColumnError,
    IdentificationError,
    InputTypeError,
    Notice,
    OptionError,
    TermError,
    cited,
    notice_of,
    number_text,
    quoted,
)
from digiprosper.kernels import Floats
from digiprosper.kernels.intervals import fieller
from digiprosper.kernels.tolerances import IS_SQUARE
from digiprosper.linear.figures import sample_values
from digiprosper.linear.marginal import (
    base_and_power,
    contains_variable,
    level_positions,
    refuse_dummy,
)
from digiprosper.linear.notices import FEW_TREATED
from digiprosper.linear.results import LinearResults
from digiprosper.panel import Panel
from digiprosper.panel.terms import canonical
from digiprosper.report.characters import decimal_text
from digiprosper.report.columns import Remark, RowName, remark_text
from digiprosper.report.notices import not_psd
from digiprosper.report.summary import Lines, Remarks, Summarised, Summary
from digiprosper.report.terms import Factor, Term
from digiprosper.report.text import interval_text, p_words, percent_text
from digiprosper.report.variance import standard_errors
from digiprosper.report.verdicts import rejects
from digiprosper.report.words import TABLE
from digiprosper.specification import one_term

UForm = Literal["square", "inverse", "log", "sqrt"]


@dataclass(frozen=True, slots=True)
class _Form:
    """A power f of x that bends a line in x, or the logarithm (power 0).

    Its slope f' is ``factor * x**(power - 1)``, with values in `slopes`.
    """

    power: float
    slopes: tuple[float, float]
    spelling: str
    words: str

    @property
    def factor(self) -> float:
        """Coefficient of ``x**(power - 1)`` in the slope."""
        return self.power or 1.0

    def value(self, x: Any) -> Any:
        """Compute f at x."""
        return x**self.power if self.power else np.log(x)

    def slope(self, x: Any) -> Any:
        """Compute f' at x."""
        return self.factor * x ** (self.power - 1)

    def inverse(self, slope: Any) -> Any:
        """Compute x from f'."""
        return (slope / self.factor) ** (1 / (self.power - 1))

    def curvature(self, x: float) -> float:
        """Compute f'' at x."""
        return float(self.factor * (self.power - 1) * x ** (self.power - 2))


FORMS = {
    "square": _Form(2.0, (-np.inf, np.inf), "I({x}**2)", "the square of {x!r}"),
    "inverse": _Form(-1.0, (-np.inf, 0.0), "I(1/{x})", "one over {x!r}"),
    "log": _Form(0.0, (0.0, np.inf), "log({x})", "the logarithm of {x!r}"),
    "sqrt": _Form(0.5, (0.0, np.inf), "sqrt({x})", "the square root of {x!r}"),
}


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class CurveTest(Summarised):
    """Base of the results of tests of whether a curve turns inside the data."""

    variable: str
    depvar: str
    interval: tuple[float, float]
    statistic: float
    p_value: float
    fieller: list[tuple[float, float]]
    inside: bool
    df_t: float
    level: float
    conventions: str
    diagnostics: tuple[Notice, ...] = ()
    at: Mapping[str, Any] = field(default_factory=dict)

    @property
    def _fitted_shape(self) -> str:
        raise NotImplementedError

    @property
    def shape(self) -> str:
        """``"U"`` or ``"inverse U"`` if supported, otherwise ``"none"``.

        Of a cubic ``"N"``, which goes up, down, up, or ``"inverse N"``.
        """
        return self._fitted_shape if self.supported else "none"

    @property
    def supported(self) -> bool:
        """Whether the test rejects at 1 - level.

        False if there is no test because the slope does not change its sign as it
        would have to.
        """
        return rejects(self.p_value, self.level)

    @property
    def fieller_inside(self) -> bool:
        """Whether the set of the turning points is inside, and not empty."""
        low, high = self.interval
        return bool(self.fieller) and all(
            low <= a and b <= high for a, b in self.fieller
        )

    def _more_numbers(self) -> dict[str, Any]:
        of_class: Any = type(self)
        names = [attribute.name for attribute in fields(of_class)]
        names.remove("diagnostics")
        return {name: getattr(self, name) for name in (*names, "supported", "shape")}

    def _described(self, test: str, *lines: str) -> Summary:
        if self.at:
            lines = (f"Curve at {', '.join(moderator_texts(self.at))}", *lines)
        return self._titled(
            f"{test}: {self.variable} in the equation of {self.depvar}",
            Lines(lines, wrapped=True),
            Remarks.of(self.diagnostics),
        )

    def _verdict(self, no_test: str, null: str, shape: str) -> list[str]:
        if not self.inside:
            return [no_test]
        if np.isnan(self.statistic):
            return [
                "The slope changes its sign, but no test is possible (see the note)"
            ]
        verdict = "supported" if self.supported else "not significant"
        return [
            f"t = {self.statistic:z.2f}, {p_words(self.p_value, 3)} (H0: {null})",
            f"{shape} is {verdict} at the {percent_text(1 - self.level)} level",
        ]

    def _fieller_text(self) -> str:
        """Describe the confidence set, and whether it is inside the interval."""
        name = f"{percent_text(self.level)} Fieller set"
        if not self.fieller:
            return f"{name} empty: every value of the turning point is rejected"
        if np.isnan(self.fieller[0][0]):
            return f"No {name} (see the note)"
        sets = " and ".join(interval_text(a, b) for a, b in self.fieller)
        reach = "inside" if self.fieller_inside else "reaching beyond"
        return f"{name} {sets}, {reach} the interval {interval_text(*self.interval)}"


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class UTestResult(CurveTest):
    """Result of the test of a U-shape, made by `u_test`.

    Parameters
    ----------
    variable, square : str
        Terms x and f(x) of the curve ``b1 x + b2 f(x)``.
    form : {"square", "inverse", "log", "sqrt"}
        Form of f.
    depvar : str
        Outcome.
    interval : tuple (low, high)
        Interval on which the shape is tested, in units of `variable`.
    statistic : float
        ``min(|t_low|, |t_high|)``; missing if the slope has the same sign at both ends.
    p_value : float
        One-sided p-value: the larger of those of the two ends. Missing if the
        statistic is.
    curvature : {"convex", "concave"}
        Curvature of the fitted curve, whether or not it turns inside the data. The
        conclusion of the test is `shape`.
    extremum, extremum_se : float
        Turning point and its standard error by the delta method, in units of
        `variable`. Both are missing if the curve has no turning point, which is
        possible for ``"inverse"``, ``"log"`` and ``"sqrt"``. The standard error is also
        missing if its variance is negative, which is possible with two-way clusters.
    fieller : list of (low, high)
        Confidence set of the turning point by Fieller's method, in ascending order. For
        a square it is one interval, two unbounded intervals, or all numbers. For the
        other forms only the part with x > 0 is kept, and the list can be empty. It is
        one pair of missing values if the covariance matrix of the two terms is not
        positive semi-definite.
    slope_low, slope_high, t_low, t_high : float
        Slopes ``b1 + b2 f'(x)`` at the ends of the interval, and their t statistics.
    inside : bool
        Whether the turning point is inside `interval`.
    df_t : float
        Degrees of freedom of the t distribution.
    level : float
        Confidence level of `fieller`.
    conventions : str
        Type of the standard errors, as text.
    diagnostics : tuple of Notice
        ``"not_psd"`` if two-way clusters make numbers missing;
        ``"curve_by_few_clusters"`` if the coefficients depend on few clusters.
    at : mapping
        Values of the columns that the curve depends on through interactions; empty if
        there are none.
    rows_above, nobs : int or None
        Number of rows with a variable above the turning point, and of all rows of the
        fit. Both are None if the test had no panel, or if there is no turning point.

    Examples
    --------
    >>> import digiprosper as dp
    >>> panel, truth = dp.datasets.simulate_provinces()
    >>> fit = dp.FixedEffects(
    ...     "urban_rural_theil", ["digital", "I(digital**2)", "urban"]
    ... ).fit(panel)
    >>> test = dp.u_test(fit, "digital")
    >>> test.shape, round(test.extremum, 2)
    ('inverse U', 0.33)
    """

    square: str
    form: str
    curvature: str
    extremum: float
    extremum_se: float
    slope_low: float
    slope_high: float
    t_low: float
    t_high: float
    rows_above: int | None = None
    nobs: int | None = None

    @property
    def _fitted_shape(self) -> str:
        """Name the alternative of the test, which follows from the curvature."""
        return "U" if self.curvature == "convex" else "inverse U"

    @property
    def rows(self) -> dict[str, list[Any]]:
        """Turning point, its set, both slopes with t and the p-value: rows of `etable`.

        ``etable(fit, rows=test.rows)``; `etable` prints their names in its language.
        The turning point and its set have four significant digits, as in `summary` and
        `plots.u_shape`. If it is not `inside`, it is "outside the data", without set
        and p-value. With `rows_above` there is a row for it and its share.
        """
        sets = self.fieller if self.inside else []
        pieces = [interval_text(a, b) for a, b in sets if not np.isnan(a)]
        above: dict[str, str | None] = {}
        if self.rows_above is not None and self.nobs:
            share = f"{self.rows_above:,} ({self.rows_above / self.nobs:.1%})"
            above["above"] = share if self.inside else None
        cells = {
            "extremum": (
                number_text(self.extremum) if self.inside else "outside the data"
            ),
            "fieller": "; ".join(pieces) or None,
            **above,
            "slope.low": _slope_text(self.slope_low, self.t_low),
            "slope.high": _slope_text(self.slope_high, self.t_high),
            "p": self.p_value,
        }
        level = {"level": (percent_text(self.level),)}
        names = {code: Remark(f"curve.{code}", level, TABLE) for code in cells}
        return {
            RowName(remark_text(names[code], TABLE, {}, {}), names[code]): [cell]
            for code, cell in cells.items()
        }

    def _summary(self) -> Summary:
        low, high = self.interval
        article, opposite = (
            ("A U", "inverse U") if self._fitted_shape == "U" else ("An inverse U", "U")
        )
        curve = f"Curve: b1 {self.variable} + b2 {self.square}"
        lines = [
            f"Turning point {number_text(self.extremum)} "
            f"(delta se {number_text(self.extremum_se, 3)})",
            self._fieller_text(),
        ]
        if np.isnan(self.extremum):
            beyond = f"{self.variable} > 0"
            lines[0] = f"No turning point: the curve is monotone for all {beyond}"
        if self.rows_above is not None and self.nobs:
            count = f"{self.rows_above:,} of {self.nobs:,}"
            share = f"{self.rows_above / self.nobs:.1%}"
            lines.append(f"Rows above the turning point: {count} ({share})")
        if np.isinf(self.fieller).any():
            # At infinity, the slope is that of the square, or, for other forms, that of
            # the level.
            weak = "the square" if self.form == "square" else self.variable
            size = percent_text(1 - self.level)
            lines.append(f"(unbounded: {weak} itself is not significant at {size})")
        return self._described(
            "U-shape test (Lind & Mehlum 2010)",
            *([curve] if self.form != "square" else []),
            f"Slope at {number_text(low)}: {number_text(self.slope_low)} "
            f"(t {self.t_low:z.2f}); at {number_text(high)}: "
            f"{number_text(self.slope_high)} (t {self.t_high:z.2f})",
            *self._verdict(
                "The slope has the same sign over the whole interval, which contains "
                f"no turning point. This is not a{article[1:]} in these data.",
                f"monotone or {opposite} on the interval",
                article,
            ),
            *lines,
        )


def _slope_text(slope: float, t: float) -> str:
    text = decimal_text(slope, 3)
    return text if np.isnan(t) else f"{text} ({t:z.2f})"


def moderator_texts(
    at: Mapping[str, Any], labels: Mapping[str, str] | None = None
) -> tuple[str, ...]:
    """Write values of other columns for which a curve is tested: ``"z = 0.5"``."""
    numbers = {
        name: f"{v:.4g}" if isinstance(v, float) else str(v) for name, v in at.items()
    }
    return tuple(
        f"{(labels or {}).get(name, name)} = {text}" for name, text in numbers.items()
    )


def u_test(
    results: LinearResults,
    variable: str,
    *,
    square: str | None = None,
    at: Mapping[str, Any] | None = None,
    interval: Sequence[float] | None = None,
    level: float = 0.95,
    form: UForm | None = None,
    panel: Panel | None = None,
) -> UTestResult:
    """Test for a U-shape or inverse U-shape (Lind & Mehlum 2010), as Stata's ``utest``.

    The curve is ``y = b1 x + b2 f(x) + ..``, where f(x) is the square, 1/x, the
    logarithm or the square root. Its slope is ``b1 + b2 f'(x)``. The null hypothesis is
    that the curve is monotone on the interval or has the opposite shape. It is rejected
    if the slope is significant at *both* ends with opposite signs. The statistic is
    ``min(|t_low|, |t_high|)`` with a one-sided p-value (Sasabuchi 1980; Lind & Mehlum
    2010).

    A significant square is not enough for a U-shape: the turning point and its
    confidence set should also be within the range of the data (Haans, Pieters & He
    2016).

    Parameters
    ----------
    results : LinearResults
        A fit with the variable and its square, or another form of f. The test uses its
        covariance matrix and degrees of freedom (G - 1 with clustered standard errors).
    variable : str
        Term x.
    square : str, optional
        Term or column f(x). The default is the term ``I(x**2)``, ``I(1/x)`` or
        ``I(x**-1)``, ``log(x)`` or ``sqrt(x)`` of the fit.
    at : mapping, optional
        Values of the columns with which x or f(x) interact, such as ``{"z": 0.5}``, or
        ``{"region": "east"}`` for the interactions ``C(region):x``. It must have one
        value for each of them. There is no default: the slope is another one at each
        value. `moderated_u_test` compares several values.
    interval : (low, high), optional
        Interval of the test, in units of `variable`. The default is the range of x in
        the estimation sample. It must be above 0 for forms other than the square.
    level : float
        Confidence level of the Fieller set, .95 by default.
    form : {"square", "inverse", "log", "sqrt"}, optional
        Form of f. The default is that of the term; for a column it is ``"square"``.
    panel : Panel, optional
        The fitted panel. If it is given, the result counts the rows above the turning
        point.

    Returns
    -------
    UTestResult
        The test, the turning point and its confidence set. If the turning point is
        outside the interval, the statistic and the p-value are missing and `inside` is
        False.

    Raises
    ------
    ColumnError
        If the variable or the square has no coefficient. If a column in `at` has no
        interaction with them, or a column with an interaction is not in `at`.
    TermError
        If the fit has no term f(x), or several, or if `square` is not such a function
        of the variable. If the fit has interactions with other columns, and `at` is not
        given.
    OptionError
        If `at`, `interval`, `level` or `form` has a value that is not allowed, or the
        interval begins at 0 or below and the form is not a square.
    InputTypeError
        If `results` is not the result of a linear model, `at` is not a mapping, or
        `panel` is not a Panel.
    AlignmentError
        If the panel is not that of the fit.

    Notes
    -----
    The Fieller (1954) set has all x at which the slope s(x) is not significant,
    ``|s(x) / se(s(x))| <= t``.

    If `square` is a column, it is checked with the statistics that the fit stores: the
    mean of a square, and the smallest and largest value of the other forms (if all x >
    0). So another column with the same statistics is not detected, and the other forms
    are not checked if x has both signs.

    In a fit with fixed effects the curve is identified by variation within entities,
    but the interval is the range of all rows, whatever `at` is.

    Examples
    --------
    >>> import digiprosper as dp
    >>> panel, truth = dp.datasets.simulate_provinces()
    >>> controls = ["urban", "fiscal", "openness"]
    >>> spec = dp.FixedEffects(
    ...     "urban_rural_theil", ["digital", "I(digital**2)", *controls]
    ... )
    >>> test = dp.u_test(spec.fit(panel), "digital")
    >>> test.shape, test.inside
    ('inverse U', True)
    >>> log = dp.u_test(
    ...     spec.swap("I(digital**2)", "log(digital)").fit(panel), "digital"
    ... )
    >>> log.form, log.shape
    ('log', 'inverse U')
    >>> wider = spec.replace(x=[*spec.x, "digital:urban"]).fit(panel)
    >>> test = dp.u_test(wider, "digital", at={"urban": 50})
    >>> print(test.summary().splitlines()[1])
    Curve at urban = 50
    """
    if form is not None:
        check_option("form", form, get_args(UForm))
    curve = read_curve(
        "u_test", results, variable, square=square, form=form, interval=interval
    )
    level = check_level(level)
    test = curve_test(curve, moderator_values(curve, at), level)
    if panel is None:
        return test
    values = sample_values(results, test.variable, panel, "u_test")
    if np.isnan(test.extremum):
        return test
    above = int((values > test.extremum).sum())
    return replace(test, rows_above=above, nobs=len(values))


@dataclass(frozen=True, slots=True)
class Product:
    """A product of a curve's term with other columns; `position` in coefficients.

    `row` is 0 for the variable and 1 or 2 for a term that bends the curve. `factors`
    are the other columns; empty if the term is not such a product but another function
    of the variable and them.
    """

    position: int
    row: int
    factors: tuple[Factor, ...]


@dataclass(frozen=True, slots=True)
class Curve:
    """A curve in a fit: positions of its level and bending terms, and the interval.

    caller: name of the function that tests it, for messages
    form: of the bending term; "cube" if there are two, the square and the cube
    """

    caller: str
    results: LinearResults
    positions: tuple[int, ...]
    form: str
    interval: tuple[float, float]

    @property
    def terms(self) -> tuple[str, ...]:
        """Names of the level and the bending terms."""
        return tuple(self.results.names[position] for position in self.positions)

    @property
    def variable(self) -> str:
        """Name of the level."""
        return self.terms[0]

    @property
    def products(self) -> tuple[Product, ...]:
        """Interactions of the terms, in the order of the coefficients."""
        terms = self.results.terms
        curve = [canonical(terms[position].name) for position in self.positions]
        products = (
            _read_product(position, terms[position].factors, curve)
            for position in range(len(terms))
            if position not in self.positions
        )
        return tuple(product for product in products if product is not None)

    def weights(self, at: Mapping[str, Any]) -> Floats:
        """Compute weights (m, k) of k coefficients in the m terms of the curve.

        `at` maps other columns to a number or the level of a category; a dummy of a
        category may be used instead.
        """
        weights = np.eye(len(self.results.names))[list(self.positions)]
        levels = dict(self.results.categories.values())
        spelling = {canonical(name): name for name in at}
        for product in self.products:
            weight = 1.0
            for factor in product.factors:
                name = spelling.get(canonical(factor.text))
                column = factor.column
                if name is not None:
                    weight *= at[name]
                elif factor.level is not None:
                    weight *= levels[column][factor.level] == at[column]
                else:
                    base, power = base_and_power(factor, spelling)
                    weight *= at[base] ** power
            weights[product.row, product.position] = weight
        return weights

    def covariance(self, weights: Floats) -> Floats:
        """Compute the covariance of sums of coefficients; refuse missing values."""
        v = self.results.covariance_of(weights)
        if not np.isfinite(v).all():
            raise IdentificationError(
                f"{self.caller}: {' or '.join(map(cited, self.terms))} has no standard "
                "error in this fit (its diagnostics say why), so no slope can be "
                "tested. Choose another cov_type or other clusters."
            )
        return v

    def test_fields(
        self,
        at: Mapping[str, Any],
        level: float,
        weights: Floats,
        t: Floats,
        sets: Sequence[Sequence[float]],
        *,
        inside: bool,
    ) -> dict[str, Any]:
        """Collect the fields that all test results have.

        `weights` are of the coefficients in the slopes, `t` the statistics of these,
        and `sets` the intervals of the confidence set of turning points.
        """
        from scipy.special import stdtr

        results, notices = self.results, self.notices(weights)
        statistic = float(np.abs(t).min()) if inside else np.nan
        return {
            "variable": self.variable,
            "depvar": results.depvar,
            "interval": self.interval,
            "statistic": statistic,
            "p_value": float(stdtr(results.df_t, -statistic)),
            "fieller": [(np.nan, np.nan)]
            if results.is_indefinite(weights)
            else list(map(tuple, sets)),
            "inside": inside,
            "df_t": results.df_t,
            "level": level,
            "conventions": results.conventions,
            "diagnostics": notices,
            "at": dict(at),
        }

    def notices(self, weights: Floats) -> tuple[Notice, ...]:
        """Report a negative variance, and coefficients that depend on few clusters."""
        results, notices = self.results, list[Notice]()
        if results.is_indefinite(weights):
            notices.append(not_psd("variance", [f"a slope in {self.variable}"]))
        names = {results.names[j] for j in np.flatnonzero(weights.any(axis=0))}
        # The fit advises CR2, which these tests refuse.
        if results.cov_type == "clustered" and len(results.clusters) == 1:
            notices += [
                notice_of(
                    "curve_by_few_clusters",
                    clusters=few.data["clusters"],
                    n_clusters=few.data["n_clusters"],
                    terms=tuple(name for name in few.data["terms"] if name in names),
                )
                for few in results.diagnostics
                if few.code in FEW_TREATED and names & set(few.data["terms"])
            ]
        return tuple(notices)


def read_curve(
    caller: str,
    results: LinearResults,
    variable: str,
    *,
    square: str | None,
    form: str | None,
    interval: Sequence[float] | None = None,
) -> Curve:
    """Find the level and the bending term in a fit; the interval is x's range."""
    check_fit(caller, results, variable=variable, square=square)
    i = position_of(results, variable, caller)
    j, curve_form = _find_bending_term(results, variable, square, form)
    stats = results.sample_stats
    _refuse_other_function(stats, results.names[i], results.names[j], curve_form)
    ends = check_interval(interval, stats, results.names[i], curve_form)
    return Curve(caller, results, (i, j), curve_form, ends)


def position_of(results: LinearResults, term: str, role: str) -> int:
    """Find a term among the coefficients; errors name its `role`."""
    names = [canonical(name) for name in results.names]
    if canonical(term) not in names:
        raise unknown_columns([term], results.names, role)
    return names.index(canonical(term))


def check_fit(caller: str, results: LinearResults, **terms: object) -> None:
    """Refuse other results than those of linear models, and terms that are not text."""
    model = "a fitted linear model, such as FixedEffects(..).fit(panel)"
    check_type(results, LinearResults, f"{caller} takes {model}")
    if results.cov_type == "cr2":
        # Each slope, and each point of the Fieller set, would have its own degrees of
        # freedom.
        raise option_error(
            "cov_type",
            "cr2",
            "a U-test does not take cov_type='cr2': use cov_type='clustered' or "
            "'crv3'.",
            ("clustered", "crv3"),
        )
    for name, term in terms.items():
        if term is not None:
            one_term(term, f"{caller}: {name}")


# --- interactions ---------------------------------------------------------------------


def _read_product(
    position: int, factors: Sequence[Factor], curve: Sequence[str]
) -> Product | None:
    """Read a product of a term of the curve with other factors; None for other terms.

    It has no factors if it depends on the variable in a way that is not read.
    """
    # A difference is another variable, as a lag is.
    if len(factors) == 1 and factors[0].function == "diff":
        return None
    texts = [canonical(factor.text) for factor in factors]
    rows = [curve.index(text) for text in texts if text in curve]
    others = tuple(f for f in factors if canonical(f.text) not in curve)
    if len(rows) > 1 or any(contains_variable(f, curve[0]) for f in others):
        return Product(position, 0, ())
    return Product(position, rows[0], others) if rows else None


def moderator_values(curve: Curve, at: Mapping[str, Any] | None) -> dict[str, Any]:
    """Check the values of the columns that the slope depends on: one for each."""
    unread = [product for product in curve.products if not product.factors]
    if unread:
        on = (
            "it, or on other columns, in an unknown way. Drop other functions of it, "
            f"and write products with ':', such as '{curve.variable}:z'."
        )
        raise dependence_error(curve, unread, on, "not a product")
    if not isinstance(at, Mapping | None):
        raise InputTypeError(
            f"at={cited(at)} must map columns to their values, such as {{'z': 0.5}}."
        )

    at = at or {}
    moderators = _moderator_columns(curve, at)
    if not at and moderators:
        values = ", ".join(f"{cited(name)}: ..." for name in moderators)
        on = (
            f"{quoted(moderators)}, so there is no single turning point. Set values, "
            f"at={{{values}}}, or compare several values with moderated_u_test."
        )
        problem = "no single curve"
        raise dependence_error(curve, curve.products, on, problem, moderators)
    if set(at) != set(moderators):
        raise ColumnError(
            f"{curve.caller}: at={cited(at)}, but the slope in {cited(curve.variable)} "
            f"depends on {quoted(moderators) or 'no other column'}. Set one value for "
            "each of these columns, and no others."
        )
    levels = dict(curve.results.categories.values())
    return {
        name: _check_moderator_value(curve.caller, name, at[name], levels)
        for name in moderators
    }


def dependence_error(
    curve: Curve,
    products: Sequence[Product],
    on: str,
    problem: str,
    moderators: Sequence[str] = (),
) -> TermError:
    """Make the error that products make the slope depend `on` other columns."""
    terms = [curve.results.names[product.position] for product in products]
    data = {"variable": curve.variable, "terms": tuple(terms)}
    if moderators:
        data["moderators"] = tuple(moderators)
    return TermError(
        f"{curve.caller}: {quoted(terms, 12)} makes the slope in "
        f"{cited(curve.variable)} depend on {on}",
        [Notice("moderated", problem, data)],
    )


def _moderator_columns(curve: Curve, at: Mapping[str, Any]) -> list[str]:
    """List the columns that a curve depends on, spelled as in `at`; no dummies."""
    for name in at:
        refuse_dummy(name, curve.results.categories)
    spelling = {canonical(str(name)): str(name) for name in at}
    names = (
        factor.column
        if factor.level is not None
        else base_and_power(factor, spelling)[0]
        for product in curve.products
        for factor in product.factors
    )
    return list(dict.fromkeys(names))


def _check_moderator_value(
    caller: str, name: str, value: Any, levels: Mapping[str, pd.Index[Any]]
) -> Any:
    if name in levels and np.ndim(value) == 0:
        return levels[name].tolist()[level_positions(name, value, levels[name])[0]]
    if not isinstance(value, int | float | np.number) or not np.isfinite(value):
        raise OptionError(
            f"{caller}: at={{{cited(name)}: {cited(value)}}} must be one finite "
            "number; moderated_u_test compares several."
        )
    return float(value)


# --- the test -------------------------------------------------------------------------


def curve_test(curve: Curve, at: Mapping[str, Any], level: float) -> UTestResult:
    """Test a curve with other columns `at` fixed values; `level` of the Fieller set."""
    f, results = FORMS[curve.form], curve.results
    u = f.slope(np.array(curve.interval))
    # The slope in the middle instead of at f' = 0: with x far from zero that one is far
    # outside the data, and large numbers would have to cancel in the set of the turning
    # point.
    middle = float(u.mean())
    weights = np.array([[1.0, middle], [0.0, 1.0]]) @ curve.weights(at)
    b0, b2 = (float(b) for b in weights @ results.coefficients)
    v = curve.covariance(weights)
    slopes = b0 + b2 * (u - middle)
    ends = np.column_stack([np.ones(2), u - middle]) @ weights
    t = slopes / standard_errors(np.diag(results.covariance_of(ends)))

    turn = -b0 / b2
    extremum, se = np.nan, np.nan
    if f.slopes[0] < middle + turn < f.slopes[1]:
        extremum = float(f.inverse(middle + turn))
        # Written in the ratio: high powers of a slope leave the range of numbers where
        # the slope does not.
        error = standard_errors(
            results.covariance_of(np.array([[1.0, turn]]) @ weights)
        )[0, 0] / abs(b2)
        se = float(error / abs(f.curvature(extremum)))
    critical = float(results.estimated.critical(level, weights))
    variance = float(v[0, 0]), -float(v[0, 1]), float(v[1, 1])
    ratios = fieller((-b0, b2), variance, critical)
    # Intervals of f' as intervals of x, without parts beyond the range of f'
    sets = []
    with np.errstate(divide="ignore"):
        for low, high in np.add(ratios, middle).tolist():
            if high > f.slopes[0] and low < f.slopes[1]:
                x = f.inverse(np.clip([low, high], *f.slopes))
                sets.append((float(x.min()), float(x.max())))

    inside = bool(slopes[0] * slopes[1] < 0)
    return UTestResult(
        **curve.test_fields(at, level, weights, t, sorted(sets), inside=inside),
        square=curve.terms[1],
        form=curve.form,
        curvature="convex" if b2 * f.curvature(curve.interval[1]) > 0 else "concave",
        extremum=extremum,
        extremum_se=se,
        slope_low=float(slopes[0]),
        slope_high=float(slopes[1]),
        t_low=float(t[0]),
        t_high=float(t[1]),
    )


def _find_bending_term(
    results: LinearResults, variable: str, square: str | None, form: str | None
) -> tuple[int, str]:
    """Find the term that bends the curve, and its form."""
    bends = bending_terms(results.terms, variable)
    sought = form or "square"
    forms = [form] if form else FORMS
    fitting = [position for position, bend in bends.items() if bend in forms]
    if square is not None:
        at = position_of(results, square, "square")
        if bends.get(at) in (None, *FORMS):
            fitting = [at]
    if not fitting:
        spelling = FORMS[sought].spelling.format(x=variable)
        alternatives = "" if form else " (or I(1/x), log(x), sqrt(x))"
        raise one_problem(
            TermError,
            "no_square",
            f"the fit has no {sought} of {cited(variable)} (its terms: "
            f"{quoted(results.names, 12)}). Add {cited(spelling)}{alternatives} to x, "
            "or specify the column: square='...'.",
            variable=variable,
            terms=results.names,
        )
    j = fitting[0]
    term_form = bends.pop(j, sought)
    if form not in (None, term_form):
        raise OptionError(
            f"form={cited(form)}, but {cited(results.names[j])} is of the form "
            f"{cited(term_form)}."
        )
    if bends:
        terms = tuple(results.names[position] for position in (j, *bends))
        raise one_problem(
            TermError,
            "several_bends",
            f"several terms make the curve in {cited(variable)} nonlinear, "
            f"{quoted(terms, 12)}: a U-test uses the level and one of them. "
            "Drop the others.",
            variable=variable,
            terms=terms,
        )
    return j, term_form


def bending_terms(terms: Sequence[Term], variable: str) -> dict[int, str]:
    """Map positions of the terms that bend a line in the variable to their forms."""
    return {
        position: form
        for position, term in enumerate(terms)
        if len(term.factors) == 1
        and canonical(term.factors[0].column) == canonical(variable)
        and (form := _form_name(term.factors[0]))
    }


def _form_name(factor: Factor) -> str | None:
    """Return a factor's form: ``"power"`` above the cube, None for the level."""
    if factor.level is not None or factor.shift:
        return None
    if factor.function:
        return "log" if factor.function == "log" else None
    name = {2.0: "square", 3.0: "cube", -1.0: "inverse", 0.5: "sqrt"}.get(factor.power)
    higher = factor.power >= 3 and float(factor.power).is_integer()
    return name or ("power" if higher else None)


def _refuse_other_function(
    stats: pd.DataFrame, variable: str, square: str, form: str
) -> None:
    """Refuse a square, or other form, that contradicts the sample statistics."""
    level, bend = stats.loc[variable], stats.loc[square]
    columns = ["mean"] if form == "square" else ["min", "max"]
    if form == "square":
        share = (level["nobs"] - 1) / level["nobs"]
        expected = [level["mean"] ** 2 + level["sd"] ** 2 * share]
    elif level["min"] > 0:
        expected = sorted(FORMS[form].value(level[column]) for column in columns)
    else:
        return

    observed = [bend[column] for column in columns]
    largest = np.abs(np.subtract(observed, expected)).max()
    if largest > IS_SQUARE * np.abs(expected).max():
        statistic = "mean" if form == "square" else "range"
        observed_text, expected_text = (
            " to ".join(f"{v:.6g}" for v in values) for values in (observed, expected)
        )
        name = FORMS[form].words.format(x=variable)
        data = {"variable": variable, "square": square}
        raise TermError(
            f"{cited(square)} is not {name} in the estimation sample: its {statistic} "
            f"is {observed_text}, not {expected_text}. Compute it from the level "
            "used in the model (centre both or neither), or specify its form: "
            "form='square', 'inverse', 'log' or 'sqrt'.",
            [Notice("other_square", f"not {form}: {cited(square)}", data)],
        )


def check_interval(
    interval: Sequence[float] | None, stats: pd.DataFrame, name: str, form: str
) -> tuple[float, float]:
    """Check the interval of a test, or take the variable's range."""
    bounds = [stats["min"][name], stats["max"][name]] if interval is None else interval
    ends = finite_numbers(bounds)
    if len(ends) != 2 or ends[0] >= ends[1]:
        raise OptionError(
            f"interval={cited(interval)} must be two finite numbers, the "
            "lower one first."
        )
    if form in FORMS and form != "square" and ends[0] <= 0:
        origin = "the sample's" if interval is None else "the given"
        bend = FORMS[form].words.format(x=name)
        raise one_problem(
            OptionError,
            "interval",
            f"a curve with {bend} is tested for {name} > 0, but {origin} interval "
            f"begins at {ends[0]:.6g}. Set interval=(low, high) with low above 0.",
            variable=name,
            form=form,
            low=ends[0],
        )
    return ends[0], ends[1]
