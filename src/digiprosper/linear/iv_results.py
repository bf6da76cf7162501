"""Results of a linear model with instruments, first stages and their tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self, cast

import numpy as np
import pandas as pd

from digiprosper.checks import check_level, finite_numbers, is_real
from digiprosper.errors import (
    IdentificationError,
    InputTypeError,
    MissingDataError,
    OptionError,
    cited,
    quoted,
)
from digiprosper.linear.kernels.anderson_rubin import (
    ReducedForms,
    confidence_set,
    statistic,
)
from digiprosper.linear.results import LinearResults
from digiprosper.linear.words import WORDS
from digiprosper.report.collection import ResultSet
from digiprosper.report.columns import Column, Remark, SharedRow, result_column
from digiprosper.report.protocol import Glance
from digiprosper.report.summary import Lines, Remarks, Summary
from digiprosper.report.tests import TestResult, f_test
from digiprosper.report.text import p_words
from digiprosper.report.words import Words

_NO_F = "not available"


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class IVResults(LinearResults):
    """Results of two-stage least squares, with first stages and instrument tests.

    Made by `FixedEffectsIV.fit`. It has all methods of `LinearResults`. R2 is computed
    from the outcome minus the fitted values at the observed regressors, as in Stata, so
    it may be negative.

    Parameters
    ----------
    endog, instruments : tuple of str
        Endogenous regressors and excluded instruments that were used.
    first_stage : ResultSet
        For each endogenous regressor, its regression on the instruments and controls: a
        `LinearResults` with the same type of standard errors.
    reduced_form : LinearResults
        Regression of the outcome on the instruments and controls.
    iv_tests : mapping
        Tests of the instruments. Each value is a number or a `TestResult`. Controls and
        fixed effects are partialled out.

        ``first_stage_f:x``
            F statistic of the instruments in the first stage of x, with the standard
            errors of the fit.
        ``sanderson_windmeijer_f:x``
            Conditional first-stage F of Sanderson & Windmeijer (2016), if there are
            several endogenous regressors.
        ``kp_rk_lm``
            LM test of underidentification of Kleibergen & Paap (2006), chi-square, with
            the covariance of the fit and no small-sample correction. It is missing if
            ``kp_rk_f`` is. With ``cov_type="unadjusted"`` it is Anderson's canonical
            correlation statistic n r^2, where n is reduced by the number of absorbed
            effects.
        ``kp_rk_f``
            Wald F statistic of Kleibergen & Paap (2006), with the small-sample
            correction of the fit. With one endogenous regressor it equals the
            first-stage F.
        ``cragg_donald``
            F statistic of Cragg & Donald (1993), which assumes independent errors with
            equal variances. Its residual degrees of freedom count the absorbed effects.
        ``effective_f``, ``effective_f_critical``
            Effective F of Montiel Olea & Pflueger (2013) and its 5% critical value for
            a bias of at most 10% of the worst case; only with one endogenous regressor.
        ``hansen_j``
            Hansen's J test of the overidentifying restrictions, with the covariance of
            the fit, at the two-step efficient GMM estimate. It is missing if the model
            is exactly identified.
        ``sargan``
            Sargan's test of the overidentifying restrictions, which assumes independent
            errors with equal variances. It is missing if the model is exactly
            identified.
    endogeneity : TestResult
        Result of `endogeneity_test`.
    reduced_forms : ReducedForms
        Slopes on the instruments and their covariance, for the Anderson-Rubin test.

    Examples
    --------
    >>> import numpy as np, pandas as pd, digiprosper as dp
    >>> z, u, *e = np.random.default_rng(1).normal(size=(4, 600))
    >>> keys = {
    ...     "city": np.repeat(np.arange(60), 10),
    ...     "year": np.tile(np.arange(10), 60),
    ... }
    >>> frame = pd.DataFrame(
    ...     {**keys, "z": z, "x": z + u + e[0], "y": z + 3 * u + e[0] + e[1]}
    ... )
    >>> fit = dp.FixedEffectsIV("y", [], ["x"], ["z"]).fit(
    ...     dp.Panel(frame, "city", "year")
    ... )
    >>> float(fit.params["x"].round(1)), round(fit.iv_tests["effective_f"])
    (0.9, 208)
    >>> [tuple(round(end, 1) for end in piece) for piece in fit.anderson_rubin()]
    [(0.6, 1.1)]
    """

    words: ClassVar[Words] = WORDS

    endog: tuple[str, ...]
    instruments: tuple[str, ...]
    first_stage: ResultSet
    reduced_form: LinearResults
    iv_tests: Mapping[str, float | TestResult]
    endogeneity: TestResult
    reduced_forms: ReducedForms

    # --- tests ------------------------------------------------------------------------

    @property
    def sargan(self) -> TestResult:
        """Sargan's test of the overidentifying restrictions.

        It is missing if the model is exactly identified.
        """
        return cast("TestResult", self.iv_tests["sargan"])

    def endogeneity_test(self) -> TestResult:
        """Test whether regressors in `endog` are exogenous, assuming valid instruments.

        The residuals of the first stages are added to the equation, which is estimated
        by least squares, and tested jointly (Hausman 1978; Wooldridge 1995). The
        covariance is of the type of the fit. Stata's ``estat endogenous`` after
        ``ivregress, vce(robust)`` computes this test. The option ``endog()`` of ivreg2
        computes another one, the difference of two J statistics.

        Returns
        -------
        TestResult
            F test. A small p-value is evidence that the regressors are endogenous.

        Examples
        --------
        >>> from digiprosper import FixedEffectsIV, datasets
        >>> spec = FixedEffectsIV(
        ...     "log(gsp)", ["unemp"], ["log(emp)"], ["lag(log(emp))"]
        ... )
        >>> test = spec.fit(datasets.us_states()).endogeneity_test()
        >>> test.df
        (1.0, 47.0)
        """
        return self.endogeneity

    def anderson_rubin(self, level: float = 0.95) -> list[tuple[float, float]]:
        """Compute the Anderson-Rubin confidence set of the endogenous coefficient.

        This is the coefficient of the endogenous regressor. The set has all values b0
        that the Anderson-Rubin test does not reject. The test regresses the outcome
        minus b0 times the regressor on controls and instruments, and tests the
        instruments jointly (Anderson & Rubin 1949). The set has the correct coverage
        also with weak instruments. With clusters in one way the covariance is that of
        the jackknife (CRV3) and F has Hotelling's factor, so that it holds with few
        clusters too; with clusters in several ways their covariances are added, without
        subtracting that of the intersections, which is conservative.

        Parameters
        ----------
        level : float
            Confidence level, .95 by default.

        Returns
        -------
        list of pairs of float
            Intervals (low, high) in ascending order. With weak instruments the set can
            be unbounded, so an end can be infinite, and there can be two intervals. The
            list is empty if the test rejects every value, which can happen if some
            instruments are not valid.

        Raises
        ------
        OptionError
            If there are several endogenous regressors: use `anderson_rubin_test`. Also
            if `level` is not between 0 and 1.
        IdentificationError
            If the test cannot be computed, for example with fewer clusters than
            instruments.

        Examples
        --------
        >>> from digiprosper import FixedEffectsIV, datasets
        >>> panel = datasets.us_states()
        >>> spec = FixedEffectsIV(
        ...     "log(gsp)", ["unemp"], ["log(emp)"], ["lag(log(emp))"]
        ... )
        >>> [
        ...     (round(low, 2), round(high, 2))
        ...     for low, high in spec.fit(panel).anderson_rubin()
        ... ]
        [(0.74, 0.97)]
        """
        from scipy.special import fdtri

        level = check_level(level)
        if len(self.endog) > 1:
            raise OptionError(
                "anderson_rubin() is for one endogenous regressor; there are "
                f"{len(self.endog)} ({quoted(self.endog)}). Test values of all of "
                "them jointly with "
                "anderson_rubin_test({...})."
            )
        self._check_test_exists()
        q = len(self.instruments)
        return confidence_set(
            self.reduced_forms, float(fdtri(q, self.reduced_forms.df_t, level))
        )

    def anderson_rubin_test(
        self, values: float | Mapping[str, float] | pd.Series[float] = 0.0
    ) -> TestResult:
        """Test coefficients of the endogenous regressors with the Anderson-Rubin test.

        The test has the correct size also with weak instruments. Its null hypothesis is
        that the coefficients have these values and that the instruments are valid.

        Parameters
        ----------
        values : float, mapping or Series
            Coefficient under the null hypothesis, 0 by default. With several endogenous
            regressors, a mapping with one coefficient for each.

        Returns
        -------
        TestResult
            F test. Its degrees of freedom are the number of instruments and those of
            the reduced form.

        Raises
        ------
        OptionError
            If a regressor is missing from `values`, or is not endogenous.
        InputTypeError
            If a value is not a finite number.
        IdentificationError
            If the test cannot be computed, for example with fewer clusters than
            instruments.

        Examples
        --------
        >>> from digiprosper import FixedEffectsIV, datasets
        >>> spec = FixedEffectsIV(
        ...     "log(gsp)", ["unemp"], ["log(emp)"], ["lag(log(emp))"]
        ... )
        >>> spec.fit(datasets.us_states()).anderson_rubin_test(1.0).p_value < 0.05
        True
        """
        chosen = self._check_values(values)
        self._check_test_exists()
        f = statistic(
            self.reduced_forms, np.array([chosen[name] for name in self.endog])
        )
        null = ", ".join(f"{name} = {chosen[name]:g}" for name in self.endog)
        df = (len(self.instruments), float(self.reduced_forms.df_t))
        return f_test("Anderson-Rubin test", f, df, null)

    def _check_values(self, values: object) -> dict[str, float]:
        if isinstance(values, pd.Series):
            values = dict(values.items())
        if not isinstance(values, Mapping):
            all_zero = np.isscalar(values) and values == 0
            if len(self.endog) > 1 and not all_zero:
                raise OptionError(
                    f"anderson_rubin_test: values={cited(values)} for "
                    f"{len(self.endog)} endogenous regressors; pass a mapping with a "
                    f"value for each of {quoted(self.endog)}."
                )
            values = dict.fromkeys(self.endog, values)
        by_regressor: Mapping[str, Any] = values
        if set(by_regressor) != set(self.endog):
            raise OptionError(
                f"anderson_rubin_test: values are for {quoted(by_regressor)}; pass "
                f"exactly one for each endogenous regressor, {quoted(self.endog)}."
            )
        return {name: _finite_value(by_regressor[name], name) for name in self.endog}

    def _check_test_exists(self) -> None:
        q, df = len(self.instruments), self.reduced_forms.df_t
        if (
            np.isnan(statistic(self.reduced_forms, np.zeros(len(self.endog))))
            or df <= 0
        ):
            raise IdentificationError(
                f"the Anderson-Rubin test is not defined: {q} instruments cannot be "
                f"tested jointly under this covariance ({self.conventions}). Use "
                "fewer instruments or another covariance."
            )

    # --- the protocol -----------------------------------------------------------------

    def glance(self) -> Glance:
        """Return summary numbers of the fit, such as the number of rows and R2.

        Returns
        -------
        Glance
            Beside what all results have: effective_f and effective_f_critical.
        """
        names = ("kp_rk_f", "effective_f", "effective_f_critical")
        tests = {name: cast("float", self.iv_tests.get(name, np.nan)) for name in names}
        of_instruments = {
            "model": "FixedEffectsIV",
            **{name: None if np.isnan(f) else f for name, f in tests.items()},
        }
        return cast("Glance", {**LinearResults.glance(self), **of_instruments})

    def without_rows(self) -> Self:
        """Return a copy without residuals, fitted values and row labels.

        They are also removed from the first stages and the reduced form.

        Returns
        -------
        IVResults
            The same estimates in less memory. Methods that need the rows raise an
            OptionError.
        """
        stages = tuple(
            (name, stage.without_rows()) for name, stage in self.first_stage.items()
        )
        return replace(
            LinearResults.without_rows(self),
            first_stage=ResultSet(stages),
            reduced_form=self.reduced_form.without_rows(),
        )

    @property
    def stages(self) -> IVStages:
        """First stages and second stage for one table, with tests of the instruments.

        ``etable(results.stages)`` prints them. With one instrument the effective F
        equals the F of the instrument and has no separate row. The Kleibergen-Paap F in
        `stats` of the table is that of the second stage.
        """
        single = len(self.endog) == 1
        labels = [
            "First stage" if single else f"First stage: {name}" for name in self.endog
        ]
        stages = zip(labels, self.first_stage.values(), strict=True)
        return IVStages((*stages, ("Second stage", self)))

    def table_columns(self, level: float = 0.95) -> tuple[Column, ...]:
        """Return the column of a table, with a note on the roles of columns.

        The note names endogenous regressors and instruments. If instruments are weak,
        there is also the Anderson-Rubin 95% set, with the p-value of zero.

        Parameters
        ----------
        level : float
            Confidence level of the intervals, .95 by default.

        Returns
        -------
        tuple of Column
            One column.
        """
        remark = Remark(
            "two_stage", {"endog": self.endog, "instruments": self.instruments}
        )
        factors = {**self.reduced_form.factors, **self.factors}
        column = result_column(self, level)
        weak = any("first_stage" in notice.code for notice in self.diagnostics)
        rows = self._anderson_rubin_rows() if weak else ()
        remarks = (remark, *column.remarks)
        return (replace(column, factors=factors, remarks=remarks, set_rows=rows),)

    def _anderson_rubin_rows(self) -> tuple[tuple[Remark, object], ...]:
        """Rows with the confidence set and the p-value of zero, for one regressor."""
        if len(self.endog) > 1:
            return ()
        try:
            intervals, test = self.anderson_rubin(), self.anderson_rubin_test(0)
        except IdentificationError:
            return ()
        pieces = ", ".join(intervals_text([interval]) for interval in intervals)
        return (
            (Remark("stage.set", {}, WORDS), pieces or "{}"),
            (Remark("stage.set_p", {}, WORDS), test.p_value),
        )

    def _summary(self) -> Summary:
        plain = LinearResults._summary(self)
        tests = Lines(("", *self._test_lines()), wrapped=True)
        remarks = Remarks.of(self.diagnostics, self._coverage("2SLS slope"))
        return replace(plain, blocks=(*plain.blocks[:-1], tests, remarks))

    def _test_lines(self) -> list[str]:
        endog, instruments = ", ".join(self.endog), ", ".join(self.instruments)
        lines = [
            f"Instrumented: {endog}. Instruments: {instruments}.",
            f"First stage: {self._first_stage_text()}.",
            *(
                f"{test.name}: {_test_text(test)}."
                for test in self._summary_tests()
                if not np.isnan(test.statistic)
            ),
        ]
        if np.isnan(cast("float", self.iv_tests["kp_rk_f"])):
            lines.append(
                "The instruments cannot be tested jointly under this covariance: there "
                "are too few clusters or periods, or the covariance of two-way "
                "clusters is not positive definite."
            )
        if len(self.endog) == 1:
            try:
                text = f"95% set of {endog}: {intervals_text(self.anderson_rubin())}."
            except IdentificationError:
                text = f"set of {endog}: not available."
            lines.append(f"Anderson-Rubin {text}")
        return lines

    def _first_stage_text(self) -> str:
        tests = self.iv_tests
        parts = []
        if "effective_f" in tests:
            critical = (
                f" (5% critical value {tests['effective_f_critical']:.1f} for a "
                "bias of 10%)"
            )
            effective = _f_text(cast("float", tests["effective_f"]))
            parts.append(
                f"effective F {effective}{'' if effective == _NO_F else critical}"
            )
        parts.append(f"Kleibergen-Paap F {_f_text(cast('float', tests['kp_rk_f']))}")
        parts.append(f"Cragg-Donald F {tests['cragg_donald']:.4g}")
        return ", ".join(parts)

    def _summary_tests(self) -> list[TestResult]:
        over = "sargan" if self.cov_type == "unadjusted" else "hansen_j"
        shown = [self.iv_tests["kp_rk_lm"], self.iv_tests[over], self.endogeneity]
        return cast("list[TestResult]", shown)

    def _more_numbers(self) -> dict[str, Any]:
        tests = {name: _test_as_dict(value) for name, value in self.iv_tests.items()}
        return LinearResults._more_numbers(self) | {
            "endog": self.endog,
            "instruments": self.instruments,
            "iv_tests": tests,
            "endogeneity_test": _test_as_dict(self.endogeneity),
            "first_stage": {
                name: stage.to_dict() for name, stage in self.first_stage.items()
            },
            "reduced_form": self.reduced_form.to_dict(),
        }


@dataclass(frozen=True, slots=True, eq=False)
class IVStages(ResultSet):
    """First stages and second stage of one fit, for `etable`.

    `outcomes` has pairs of a title, ``"First stage"`` (``"First stage: x"`` if there
    are several) or ``"Second stage"``, and a result.
    """

    @property
    def table_heads(self) -> Mapping[str, Remark]:
        """Titles of the columns."""
        *firsts, second = self.labels
        endog = self[second].endog
        code = "stage.first" if len(firsts) == 1 else "stage.first.of"
        first = {
            label: Remark(code, {"name": (x,)}, WORDS)
            for label, x in zip(firsts, endog, strict=True)
        }
        return first | {second: Remark("stage.second", {}, WORDS)}

    @property
    def table_rows(self) -> tuple[SharedRow, ...]:
        """Rows with F of the first stages, and the tests of the instruments."""
        *firsts, second = self.labels
        fit = self[second]
        pairs = zip(firsts, fit.endog, strict=True)
        f = {label: fit.iv_tests[f"first_stage_f:{x}"].statistic for label, x in pairs}
        several = "effective_f" in fit.iv_tests and len(fit.instruments) > 1
        effective = {firsts[0]: fit.iv_tests["effective_f"]} if several else {}
        under, over, endogeneity = (test.p_value for test in fit._summary_tests())
        code = "sargan" if fit.cov_type == "unadjusted" else "hansen"
        zero = {row.code: {second: cell} for row, cell in fit._anderson_rubin_rows()}
        rows = {
            "stage.first_f": f,
            "stat.effective_f": effective,
            **zero,
            "stage.kp_lm": {second: under},
            f"stage.{code}": {second: over},
            "stage.endogeneity": {second: endogeneity},
        }
        return tuple(
            SharedRow(Remark(name, {}, WORDS), cells) for name, cells in rows.items()
        )


def intervals_text(intervals: Sequence[tuple[float, float]]) -> str:
    """Write intervals in ascending order, such as ``"(-inf, -2.1] and [0.3, inf)"``."""
    if not intervals:
        return "empty (every value is rejected)"
    return " and ".join(
        ("(" if low == -np.inf else "[")
        + f"{low:z.4g}, {high:z.4g}"
        + (")" if high == np.inf else "]")
        for low, high in intervals
    )


def _f_text(f: float) -> str:
    return _NO_F if np.isnan(f) else f"{f:.4g}"


def _test_text(test: TestResult) -> str:
    df: Any = test.df
    degrees = f"{df[0]:g}, {df[1]:g}" if isinstance(df, tuple) else f"{df:g}"
    return (
        f"{test.distribution}({degrees}) = {test.statistic:z.4g}, "
        f"{p_words(test.p_value, digits=3)}"
    )


def _test_as_dict(value: float | TestResult) -> Any:
    return dict(value._numbers().more) if isinstance(value, TestResult) else value


def _finite_value(value: object, name: str) -> float:
    number = float(value) if is_real(value) else float("nan")
    if np.isnan(number):
        raise InputTypeError(
            f"anderson_rubin_test: the value of {name} is {cited(value)}, not a number."
        )
    if not finite_numbers(number):
        raise MissingDataError(
            f"anderson_rubin_test: the value of {name} is {cited(value)}; it "
            "must be finite, also when squared."
        )
    return number
