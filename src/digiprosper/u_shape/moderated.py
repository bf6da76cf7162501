"""U-shapes that depend on a moderator."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from digiprosper.checks import check_level, finite_numbers, is_real, one_problem
from digiprosper.errors import (
    ColumnError,
    Notice,
    OptionError,
    TermError,
    cited,
    number_text,
    quoted,
)
from digiprosper.kernels import Floats
from digiprosper.kernels.intervals import delta
from digiprosper.linear.marginal import default_points
from digiprosper.linear.results import LinearResults
from digiprosper.panel.terms import canonical
from digiprosper.report.summary import Cells, Lines, Remarks, Summarised, Summary
from digiprosper.report.tests import TestResult
from digiprosper.report.text import interval_text, p_text, p_words, percent_text
from digiprosper.report.verdicts import rejects
from digiprosper.specification import one_term
from digiprosper.u_shape import u_test


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ModeratedUResult(Summarised):
    """Tests of whether a U-shape depends on a moderator, made by `moderated_u_test`.

    Parameters
    ----------
    variable, square, moderator : str
        Terms of the model.
    depvar : str
        Outcome.
    values : (m,) array
        Values of the moderator at which the curve is tested.
    tests : tuple of UTestResult
        U-test of the curve at each of `values`.
    shift : TestResult
        t test that the turning point does not depend on the moderator,
        ``b1 b4 - b2 b3 = 0``. The estimate has the sign of ``dx*/dw``. `detail` has
        estimate and std_error.
    steepening : TestResult
        t test that the curvature does not depend on the moderator, ``b4 = 0``. `detail`
        has estimate and std_error.
    flip : float
        Value of the moderator, ``-b2 / b4``, at which a U becomes an inverse U.
    level : float
        Confidence level of sets and tests.
    conventions : str
        Type of the standard errors, as text.
    diagnostics : tuple of Notice
        ``"not_psd"`` if two-way clusters make numbers missing;
        ``"curve_by_few_clusters"`` if the coefficients depend on few clusters.

    Examples
    --------
    >>> import digiprosper as dp
    >>> panel, truth = dp.datasets.simulate_provinces()
    >>> terms = [
    ...     "digital",
    ...     "I(digital**2)",
    ...     "digital:urban",
    ...     "I(digital**2):urban",
    ...     "urban",
    ... ]
    >>> fit = dp.FixedEffects("urban_rural_theil", terms).fit(panel)
    >>> test = dp.moderated_u_test(fit, "digital", "urban")
    >>> test.turning_points.shape
    (5, 9)
    """

    _reported: ClassVar[str] = (
        "variable square moderator depvar flip level conventions turning_points"
    )

    variable: str
    square: str
    moderator: str
    depvar: str
    values: Floats
    tests: tuple[u_test.UTestResult, ...]
    shift: TestResult
    steepening: TestResult
    flip: float
    level: float
    conventions: str
    diagnostics: tuple[Notice, ...] = ()

    @property
    def turning_points(self) -> pd.DataFrame:
        """Turning point of the curve, one row per value of the moderator.

        Columns are at; extremum and std_error (delta method); conf_low and conf_high
        (ends of the Fieller set, missing if it is not a bounded interval); slope_low
        and slope_high (at the ends of the interval of x); p_value of the U-test
        (missing if the turning point is outside the interval); and shape, which is
        ``"none"`` where the U-test does not reject at 1 - level.
        """
        rows = []
        for value, test in zip(self.values, self.tests, strict=True):
            bounded = len(test.fieller) == 1 and np.isfinite(test.fieller).all()
            low, high = test.fieller[0] if bounded else (np.nan, np.nan)
            row = {
                "at": value,
                "extremum": test.extremum,
                "std_error": test.extremum_se,
                "conf_low": low,
                "conf_high": high,
                "slope_low": test.slope_low,
                "slope_high": test.slope_high,
                "p_value": test.p_value,
                "shape": test.shape,
            }
            rows.append(row)
        return pd.DataFrame(rows)

    def _summary(self) -> Summary:
        low, high = map(number_text, self.tests[0].interval)
        head = [
            self.moderator,
            "shape",
            "turning point",
            f"{percent_text(self.level)} Fieller set",
        ]
        rows = []
        for w, test in zip(self.values, self.tests, strict=True):
            sets = " and ".join(interval_text(a, b) for a, b in test.fieller)
            slopes = map(number_text, (test.slope_low, test.slope_high))
            p = p_text(test.p_value) or ("missing" if test.inside else "outside")
            turn = number_text(test.extremum)
            rows.append([number_text(w), test.shape, turn, sets, *slopes, p])
        table = Cells.of([*head, f"slope at {low}", f"at {high}", "U-test p"], rows)

        turning = (
            f"Turning point: {self._shift_text()} "
            f"({_test_text('b1 b4 - b2 b3', self.shift)})"
        )
        curve = (
            f"Curve: {self._steepening_text()} ({_test_text('b4', self.steepening)})"
        )
        return self._titled(
            f"Moderated U-shape test (Haans, Pieters & He 2016): {self.variable} by "
            f"{self.moderator} in the equation of {self.depvar}",
            table,
            Lines((turning, curve)),
            Remarks.of(self.diagnostics),
        )

    def _shift_text(self) -> str:
        if not rejects(self.shift.p_value, self.level):
            return f"does not shift significantly with {self.moderator}"
        return (
            f"moves {'up' if self.shift.statistic > 0 else 'down'} as "
            f"{self.moderator} rises"
        )

    def _steepening_text(self) -> str:
        if not rejects(self.steepening.p_value, self.level):
            return f"not significantly steeper or flatter with {self.moderator}"
        curvatures = {t.curvature for t in self.tests}
        if len(curvatures) == 2:
            return (
                "changes between convex and concave at "
                f"{self.moderator} = {number_text(self.flip)}"
            )
        steeper = (self.steepening.statistic > 0) == (curvatures == {"convex"})
        return f"{'steeper' if steeper else 'flatter'} as {self.moderator} rises"

    def _more_numbers(self) -> dict[str, Any]:
        tests: dict[str, Any] = {
            name: {
                **(t.detail or {}),
                "statistic": t.statistic,
                "df": t.df,
                "p_value": t.p_value,
            }
            for name, t in (("shift", self.shift), ("steepening", self.steepening))
        }
        return {**tests, "fieller": [t.fieller for t in self.tests]}


def moderated_u_test(
    results: LinearResults,
    variable: str,
    moderator: str,
    *,
    square: str | None = None,
    at: Sequence[float] | None = None,
    level: float = 0.95,
) -> ModeratedUResult:
    """Test whether a U-shape's turning point or curvature depends on a moderator.

    The model is ``y = b1 x + b2 x^2 + b3 x w + b4 x^2 w (+ b5 w)`` with other
    regressors. At the value w of the moderator the turning point is
    ``x* = -(b1 + b3 w) / (2 (b2 + b4 w))``. Two tests answer two questions (Haans,
    Pieters & He 2016). Does the turning point shift with w?
    ``dx*/dw = (b1 b4 - b2 b3) / (2 (b2 + b4 w)^2)``. Is the curve steeper or flatter?
    ``b4``.

    Parameters
    ----------
    results : LinearResults
        A fit with x, its square, and the interactions of both with the moderator.
    variable, moderator : str
        x and w, as written in the terms.
    square : str, optional
        Term or column of the square. The default is ``I(variable**2)``.
    at : sequence of float, optional
        Values of the moderator. The default is its minimum, mean minus one standard
        deviation, mean, mean plus one standard deviation, and maximum; values outside
        the range of the data are left out. A variable with two values is evaluated at
        both.
    level : float
        Confidence level of the Fieller sets, .95 by default.

    Returns
    -------
    ModeratedUResult
        `turning_points` has one row per value of the moderator. `shift` and
        `steepening` are t tests with the standard errors and degrees of freedom of the
        fit; `shift` tests the numerator ``b1 b4 - b2 b3``, which does not depend on w,
        by the delta method.

    Raises
    ------
    ColumnError
        If a variable has no coefficient, or if `at` is not given and the fit has no
        statistics of the moderator.
    TermError
        If an interaction is not in the fit, or `square` is not the square of the
        variable. If the variable also interacts with another column: use `u_test` with
        `at`.
    OptionError
        If `at` or `level` has a value that is not allowed.
    InputTypeError
        If `results` is not the result of a linear model.

    Notes
    -----
    The interval of the U-tests is the range of x in all rows, not only in rows near a
    value of w.

    Examples
    --------
    >>> import digiprosper as dp
    >>> from digiprosper import moderated_u_test
    >>> panel, truth = dp.datasets.simulate_provinces()
    >>> terms = [
    ...     "digital",
    ...     "I(digital**2)",
    ...     "digital:urban",
    ...     "I(digital**2):urban",
    ...     "urban",
    ... ]
    >>> fit = dp.FixedEffects("urban_rural_theil", [*terms, "fiscal", "openness"]).fit(
    ...     panel
    ... )
    >>> test = moderated_u_test(fit, "digital", "urban", at=[40, 60])
    >>> test.turning_points["extremum"].round(2).tolist(), test.shift.p_value > 0.05
    ([0.34, 0.33], True)
    """
    one_term(moderator, "moderated_u_test: moderator")
    curve = u_test.read_curve(
        "moderated_u_test", results, variable, square=square, form="square"
    )
    level = check_level(level)
    i, j = curve.positions
    k, m = (_interaction_position(results, results.names[p], moderator) for p in (i, j))
    if at is not None:
        values = np.array([] if is_real(at) else finite_numbers(at))
        if not values.size:
            raise OptionError(
                f"at={cited(at)} must be a list of finite values of "
                f"{cited(moderator)}, such as [0, 1]."
            )
    elif moderator in results.sample_stats.index:
        values = default_points(results.sample_stats, moderator)
    else:
        raise ColumnError(
            f"no sample statistics for {cited(moderator)}; pass its values, at=[...]."
        )

    zeros = _other_dummies(curve, (k, m))
    unit = np.eye(len(results.names))
    tests = [
        u_test.curve_test(curve, {moderator: float(w), **zeros}, level) for w in values
    ]
    b1, b2, b3, b4 = (float(results.coefficients[p]) for p in (i, j, k, m))
    gradient = b4 * unit[i] - b3 * unit[j] - b2 * unit[k] + b1 * unit[m]
    constant = f"does not depend on {moderator}"

    return ModeratedUResult(
        variable=curve.variable,
        square=results.names[j],
        moderator=moderator,
        depvar=results.depvar,
        values=values,
        tests=tuple(tests),
        shift=_t_test(
            results,
            "Shift",
            b1 * b4 - b2 * b3,
            gradient,
            f"the turning point {constant}",
        ),
        steepening=_t_test(
            results, "Steepening", b4, unit[m], f"the curvature {constant}"
        ),
        flip=-b2 / b4,
        level=level,
        conventions=results.conventions,
        diagnostics=curve.notices(unit[[i, j, k, m]]),
    )


def _t_test(
    results: LinearResults, name: str, estimate: float, gradient: Floats, null: str
) -> TestResult:
    # Scaled by a power of two: the square of a large product of slopes could overflow
    # although the product does not.
    unit = 2.0 ** round(math.log2(float(np.abs(gradient).max()) or 1.0))
    variance = float(results.covariance_of(gradient[None, :] / unit)[0, 0])
    se = math.sqrt(variance) * unit if variance > 0 else math.nan
    df = results.df_t
    detail = {"estimate": estimate, "std_error": se}
    p = float(delta(np.array(estimate), np.array(se), df)[2])
    return TestResult(name, estimate / se, "t", df, p, null, detail)


def _interaction_position(results: LinearResults, term: str, moderator: str) -> int:
    texts = sorted(canonical(part) for part in (term, moderator))
    for position, candidate in enumerate(results.terms):
        if sorted(canonical(factor.text) for factor in candidate.factors) == texts:
            return position
    raise one_problem(
        TermError,
        "no_product",
        f"the fit has no interaction of {cited(term)} and {cited(moderator)} (its "
        f"terms: {quoted(results.names, 12)}). Add '{term}:{moderator}' to x; a "
        "moderated curve needs the interactions with both the level and the square.",
        term=term,
        moderator=moderator,
    )


def _other_dummies(curve: u_test.Curve, moderated: tuple[int, int]) -> dict[str, float]:
    """Set the moderator category's other dummies to zero; refuse anything else."""
    factors = curve.results.terms[moderated[0]].factors
    category = {factor.column for factor in factors if factor.level is not None}
    zeros = dict[str, float]()
    others = list[u_test.Product]()
    for product in curve.products:
        if product.position in moderated:
            continue
        dummies = [
            f for f in product.factors if f.level is not None and f.column in category
        ]
        if len(dummies) == len(product.factors) == 1:
            zeros[dummies[0].text] = 0.0
        else:
            others.append(product)
    if others:
        on = (
            "other columns too, so the turning point does not depend on the moderator "
            "alone. Drop these terms, or set all values in u_test(..., at={...})."
        )
        raise u_test.dependence_error(curve, others, on, "other interactions")
    return zeros


def _test_text(name: str, test: TestResult) -> str:
    assert isinstance(test.detail, dict)
    t, p = test.statistic, p_words(test.p_value, 3)
    return f"{name} = {test.detail['estimate']:.4g}, t {t:z.2f}, {p}"
