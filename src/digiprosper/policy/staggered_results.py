"""Results of difference in differences with staggered treatment."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from digiprosper.errors import (
    OptionError,
    TermError,
    check_level,
    check_option,
    check_whole,
    cited,
    option_problem,
)
from digiprosper.kernels.tolerances import SINGULAR
from digiprosper.policy.kernels.aggregation import Averages, GroupTime, average
from digiprosper.policy.messages import time_text
from digiprosper.policy.words import WORDS
from digiprosper.report.columns import Remark, result_column
from digiprosper.report.estimates import Estimates
from digiprosper.report.pickling import PickledByName
from digiprosper.report.restrictions import null_text, read_combination, read_restrictions, restrictions_text
from digiprosper.report.results import LinearCombination
from digiprosper.report.summary import (
    Cells,
    Lines,
    PlainNumbers,
    Remarks,
    Summarised,
    Summary,
    coefficient_cells,
)
from digiprosper.report.terms import Point, Term
from digiprosper.report.tests import TestResult
from digiprosper.report.text import conventions, p_words, sample_text, wrapped
from digiprosper.report.variance import quadratic_form, standard_errors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Self

    from digiprosper.errors import Notice
    from digiprosper.kernels import Bools, Floats
    from digiprosper.policy.timing import CohortCoding
    from digiprosper.report.columns import Column
    from digiprosper.report.inference import Inference
    from digiprosper.report.protocol import Glance
    from digiprosper.report.terms import Factors

_BY = ("dynamic", "simple", "group", "calendar")
_ESTIMATORS = {
    "callaway_santanna": "Callaway & Sant'Anna (2021)",
    "imputation": "imputation, Borusyak, Jaravel & Spiess (2024)",
    "sun_abraham": "Sun & Abraham (2021)",
}
_OVERALL = {
    "simple": "all treated rows",
    "dynamic": "the event times from 0 on",
    "group": "the cohorts, by their size",
    "calendar": "the periods",
}
_BEFORE = {
    "reference": "Event time {time} is the reference: it is 0 by construction.",
    "previous": "Before treatment: change since the previous period; event time -1 is estimated.",
    "earlier": "Before treatment: difference from all earlier periods.",
    "cohorts": "The reference is not the same event time for all cohorts.",
}
_ADJUSTMENTS = {
    "doubly_robust": "doubly robust",
    "ipw": "inverse probability weights",
    "regression": "regression",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StaggeredSettings(PickledByName):
    """Options of `StaggeredDid` that the results were estimated with."""

    estimator: str
    control: str  # "never" or "not_yet"
    adjustment: str | None  # None without x
    base_period: str  # "varying" or "universal"
    anticipation: int  # number of periods before treatment in which it may have effects
    x: tuple[str, ...]
    reference: int | None  # event time with effect zero, if all effects are differences from one event time


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class StaggeredDidResults(Summarised, PickledByName):
    """Average effects on the treated, made by `StaggeredDid.fit`.

    The first element of `params` is the overall average ``att``. The others are effects by event time
    (``event:-2``, ...), cohort (``cohort:2014``, ...) or period (``period:2014``, ...). The results keep no
    rows of the data.

    Parameters
    ----------
    depvar : str
        Outcome.
    by : str
        How effects are averaged: ``"dynamic"``, ``"simple"``, ``"group"`` or ``"calendar"``.
    cells : GroupTime
        Effects by cohort and time, with their covariance matrix.
    coding : CohortCoding
        First treated times of the entities.
    setting : StaggeredSettings
        Options of the estimator.
    info : Glance
        Summary numbers of the fit.
    inference : Inference
        Type of the standard errors.
    labels : mapping
        Labels of columns.
    factors : mapping
        Factors of outcome and clusters, by name.
    diagnostics : tuple of Notice
        Remarks about the data and the fit.
    balanced : int or None
        Event time up to which all cohorts in the averages by event time are observed; see `aggregate`.

    Examples
    --------
    >>> import numpy as np, pandas as pd, digiprosper as dp
    >>> frame = pd.DataFrame({"city": np.repeat(range(60), 6), "year": np.tile(range(2010, 2016), 60)})
    >>> frame["first"] = np.array([2012.0, 2013.0, np.nan])[frame["city"] % 3]
    >>> frame["y"] = 2.0 * (frame["year"] >= frame["first"]) + np.random.default_rng(1).normal(size=360)
    >>> fit = dp.StaggeredDid("y", "first").fit(dp.Panel(frame, "city", "year"))
    >>> fit.path.columns.tolist()[:4]
    ['time', 'estimate', 'std_error', 'conf_low']
    """

    depvar: str
    by: str
    cells: GroupTime
    coding: CohortCoding
    setting: StaggeredSettings
    info: Glance
    inference: Inference
    labels: Mapping[str, str]
    factors: Factors
    diagnostics: tuple[Notice, ...]
    balanced: int | None = None

    def aggregate(self, by: str, *, balanced: int | None = None) -> Self:
        """Average the effects by cohort and time in another way.

        Parameters
        ----------
        by : {"dynamic", "simple", "group", "calendar"}
            By event time, over all treated rows, by cohort, or by period.
        balanced : int, optional
            Only with ``"dynamic"``: use only cohorts that are observed up to this event time, and no later
            event times. So all event times from 0 on have the same cohorts (`balance_e` of R's did). With
            ``"imputation"`` the effects before treatment are dropped, since they are not estimated by cohort.

        Returns
        -------
        StaggeredDidResults
            Results with these averages.

        Raises
        ------
        OptionError
            If `by` is unknown, if `balanced` is given with another average, or if no cohort is observed up to
            it.

        Examples
        --------
        >>> import numpy as np, pandas as pd, digiprosper as dp
        >>> frame = pd.DataFrame({"city": np.repeat(range(60), 6), "year": np.tile(range(2010, 2016), 60)})
        >>> frame["first"] = np.array([2012.0, 2013.0, np.nan])[frame["city"] % 3]
        >>> frame["y"] = 2.0 * (frame["year"] >= frame["first"]) + frame["city"] % 7
        >>> fit = dp.StaggeredDid("y", "first", estimator="imputation").fit(dp.Panel(frame, "city", "year"))
        >>> fit.aggregate("group").names
        ('att', 'cohort:2012', 'cohort:2013')
        """
        check_option("by", by, _BY)
        if balanced is not None:
            _check_balanced(by, balanced, int(self.cells.event.max()))
        return replace(self, by=by, balanced=balanced)

    # --- effects by cohort and time, and over event time --------------------------------------------------

    @property
    def group_time(self) -> pd.DataFrame:
        """Effects by cohort and time, ATT(g, t), with 95% intervals.

        Columns are cohort (first treated time), time, event_time, estimate, std_error, statistic, p_value,
        conf_low, conf_high and n_treated (number of treated entities).
        """
        cells, coding = self.cells, self.coding
        by_cohort = np.flatnonzero(cells.cohort >= 0)
        rows = np.eye(len(cells.joint))[by_cohort]
        keys = {
            "cohort": [coding.cohorts[position][0] for position in cells.cohort[by_cohort]],
            "time": [coding.times[position] for position in cells.time[by_cohort]],
            "event_time": cells.event[by_cohort],
        }
        numbers = self._numbers_of(cells.estimates[by_cohort], rows, 0.95)
        return pd.DataFrame({**keys, **numbers, "n_treated": cells.n_treated[by_cohort]})

    @property
    def path(self) -> pd.DataFrame:
        """Effects by event time with 95% intervals; see `event_path`."""
        return self.event_path()

    def event_path(self, level: float = 0.95) -> pd.DataFrame:
        """Return the effects by event time, whatever `by` is.

        Parameters
        ----------
        level : float
            Confidence level of the intervals, .95 by default.

        Returns
        -------
        DataFrame
            One row per event time, with columns time, estimate, std_error, conf_low, conf_high and n_treated
            (number of treated entities). The reference has estimate 0 and no standard error.
        """
        averages = average(self.cells, "dynamic", self.balanced)
        numbers = self._numbers_of(averages.estimates[1:], averages.gradient[1:], level)
        columns = ("estimate", "std_error", "conf_low", "conf_high")
        used = averages.gradient[1:, : self.cells.estimates.size] != 0
        counts = used @ self.cells.n_treated
        rows = pd.DataFrame(
            {"time": averages.keys, **{name: numbers[name] for name in columns}, "n_treated": counts}
        )
        reference = self.setting.reference
        if reference is None or reference in averages.keys:
            return rows
        cohorts = np.unique(self.cells.cohort[used.any(axis=0)])
        n_treated = sum(self.coding.cohorts[position][1] for position in cohorts)
        times = pd.Index(sorted([*averages.keys, reference]), name="time")
        path = rows.set_index("time").reindex(times)
        path.loc[reference, ["estimate", "n_treated"]] = 0.0, n_treated
        return path.reset_index().astype({"time": int, "n_treated": int})

    @property
    def reference(self) -> int | None:
        """Event time whose effect is zero by construction, or None."""
        return self.setting.reference

    @property
    def before(self) -> str:
        """What effects by event time before treatment are relative to, as a code.

        ``"reference"``: one event time, `reference`, whose effect is zero by construction. ``"previous"``:
        the previous period, so that event time -1 is an estimate like the others. ``"earlier"``: all periods
        before those that are estimated. ``"cohorts"``: a period that is not the same event time for all
        cohorts. Empty if there are no effects before treatment.
        """
        if self.setting.reference is not None:
            return "reference"
        if not (self.cells.event < 0).any():
            return ""
        if self.setting.estimator == "imputation":
            return "earlier"
        varying = self.setting.estimator == "callaway_santanna" and self.setting.base_period == "varying"
        return "previous" if varying else "cohorts"

    def pretrend_test(self, by: str = "group_time") -> TestResult:
        """Test jointly that all effects before treatment are zero.

        Parameters
        ----------
        by : {"group_time", "dynamic"}
            ``"group_time"`` (default) tests the effects by cohort and time, as csdid and R's did do.
            ``"dynamic"`` tests their averages by event time, which are fewer. With ``"imputation"`` both test
            the effects by event time.

        Returns
        -------
        TestResult
            Wald test that all effects before treatment (and its anticipation) are zero. It is an F test with
            ``"sun_abraham"``, otherwise a chi-squared test.

        Raises
        ------
        OptionError
            If `by` is unknown, if there are no effects before treatment, or if they are too many for the
            number of treated clusters.

        Notes
        -----
        If the test does not reject, this does not prove parallel trends (Roth 2022, American Economic Review:
        Insights 4:305).
        """
        check_option("by", by, ("group_time", "dynamic"))
        averages = average(self.cells, "dynamic", self.balanced)
        estimates, rows, event = averages.estimates[1:], averages.gradient[1:], averages.keys
        if by == "group_time":
            estimates, event = self.cells.estimates, self.cells.event
            rows = np.eye(estimates.size, len(self.cells.joint))
        before = event < -self.setting.anticipation
        if not before.any():
            raise OptionError(
                "pretrend_test: there is no effect before treatment, because the panel has too few periods "
                "before it."
            )
        pooled = by == "dynamic" or self.setting.estimator == "imputation"
        effects_text = "averages by event time" if pooled else "effects by cohort and time"
        null = f"{int(before.sum())} {effects_text} before treatment are zero"
        try:
            self._refuse_few_treated(rows[before])
            return self._wald("Pre-trend test", estimates[before], rows[before], null)
        except OptionError as error:
            fewer = "" if pooled else self._fewer_before(averages)
            text = (
                f"{int(before.sum())} {effects_text} before treatment are too many to test jointly with "
                f"{self.coding.n_ever:,} treated {self.coding.entity} in {len(self.coding.cohorts)} cohorts "
                f"and errors clustered by {self.inference.clusters[0]}: the variance of some of their sums "
                "would be that of controls alone, or zero, and the test would reject far too often."
                f"{fewer}"
            )
            raise OptionError(f"pretrend_test: {text}", [option_problem("by", by, what=text)]) from error

    def _fewer_before(self, averages: Averages) -> str:
        """Recommend a test of averages, unless these are also too many."""
        before = averages.keys < -self.setting.anticipation
        try:
            self._refuse_few_treated(averages.gradient[1:][before])
        except OptionError:
            return " Fewer can be tested with estimator='imputation' and a small number of leads."
        return " pretrend_test('dynamic') tests averages, which are fewer."

    # --- the protocol -------------------------------------------------------------------------------------

    @property
    def key_names(self) -> tuple[str, str]:
        """Names of the entity key and of the time key."""
        return self.coding.entity, self.coding.time

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the averages."""
        return tuple(term.name for term in self.terms)

    @property
    def terms(self) -> tuple[Term, ...]:
        """Description of each average."""
        overall = Term("att", family=f"att_{self.by}", kind=f"att_{self.by}")
        return (overall, *(self._term(int(key)) for key in self._averages.keys))

    @property
    def params(self) -> pd.Series[float]:
        """Average effects, indexed by term."""
        return pd.Series(self._averages.estimates, index=self._index, name="estimate")

    @property
    def covariance(self) -> Floats:
        """Covariance matrix of the average effects as a (k, k) array."""
        return self._covariance_of(self._averages.gradient)

    @property
    def cov(self) -> pd.DataFrame:
        """Covariance matrix of the average effects."""
        return pd.DataFrame(self.covariance, index=self._index, columns=self._index)

    @property
    def nobs(self) -> int:
        """Number of rows in the estimation sample."""
        return self.info["nobs"]

    @property
    def df_t(self) -> float:
        """Degrees of freedom of t; infinite for the normal distribution."""
        return self.inference.df_t

    @property
    def std_errors(self) -> pd.Series[float]:
        """Standard errors, indexed by term."""
        return self.tidy().set_index("term")["std_error"]

    @property
    def pvalues(self) -> pd.Series[float]:
        """Two-sided p-values, indexed by term."""
        return self.tidy().set_index("term")["p_value"]

    def conf_int(self, *, level: float = 0.95) -> pd.DataFrame:
        """Return confidence intervals.

        Parameters
        ----------
        level : float
            Confidence level, .95 by default.

        Returns
        -------
        DataFrame
            One row per term with columns conf_low and conf_high.
        """
        return self.tidy(level).set_index("term")[["conf_low", "conf_high"]]

    def tidy(self, level: float = 0.95) -> pd.DataFrame:
        """Return a table with one row per term.

        Parameters
        ----------
        level : float
            Confidence level of the intervals, .95 by default.

        Returns
        -------
        DataFrame
            term, estimate, std_error, statistic, p_value, conf_low, conf_high.
        """
        averages = self._averages
        numbers = self._numbers_of(averages.estimates, averages.gradient, level)
        return pd.DataFrame({"term": list(self.names), **numbers})

    def glance(self) -> Glance:
        """Return summary numbers of the fit, such as the number of rows.

        Returns
        -------
        Glance
            A mapping with the same keys for all types of results.
        """
        return cast("Glance", dict(self.info))

    def table_columns(self, level: float = 0.95) -> tuple[Column, ...]:
        """Return the column of a table, with a note on the estimator, the controls and the control group.

        Parameters
        ----------
        level : float
            Confidence level of the intervals, .95 by default.

        Returns
        -------
        tuple of Column
            One.
        """
        setting = self.setting
        remarks = [Remark(f"{setting.estimator}.{setting.control}", {})]
        if self.by == "dynamic" and self.before:
            remarks.append(Remark(f"before.{self.before}", {"time": (str(setting.reference),)}))
        if setting.x:
            adjusted = setting.estimator == "callaway_santanna"
            code = f"controls.{setting.adjustment}" if adjusted else "controls"
            remarks.append(Remark(code, {"x": setting.x}))
        column = result_column(self, level, words=WORDS)
        # Differences in differences of two periods have no effects to absorb; the two others are regressions.
        absorbs = setting.estimator != "callaway_santanna"
        return (replace(column, remarks=tuple(remarks), absorbs=absorbs, adjusted=setting.x),)

    # --- tests --------------------------------------------------------------------------------------------

    def wald_test(self, restrictions: str | Sequence[str]) -> TestResult:
        """Test linear restrictions of the averages jointly.

        Parameters
        ----------
        restrictions : str or sequence of str
            Restrictions such as ``"event:0 = event:1"``, as in `LinearResults.wald_test`.

        Returns
        -------
        TestResult
            F test with ``"sun_abraham"``, otherwise chi-squared test.

        Raises
        ------
        TermError
            If a restriction cannot be read, is not linear, repeats another one, or uses a name that is not an
            average effect.
        InputTypeError
            If a restriction is not text.
        """
        text = restrictions_text(restrictions)
        matrix, value = read_restrictions(text, self.names)
        averages = self._averages
        gap = matrix @ averages.estimates - value
        try:
            return self._wald("Wald test", gap, matrix @ averages.gradient, null_text(text, self.names))
        except OptionError as error:
            raise TermError(
                f"wald_test({cited(text)}): the restrictions repeat each other, or there are more of them "
                "than the covariance allows."
            ) from error

    def combination(self, expression: str) -> LinearCombination:
        """Estimate a linear combination of the averages, as Stata's lincom.

        Parameters
        ----------
        expression : str
            A combination such as ``"(event:0 + event:1) / 2"``, as in `LinearResults.combination`.

        Returns
        -------
        LinearCombination
            Estimate, standard error, test statistic, p-value and confidence interval.

        Raises
        ------
        TermError
            If the expression cannot be read, is not linear, contains ``=``, or uses a name that is not an
            average effect.
        InputTypeError
            If `expression` is not text.
        """
        weights, constant = read_combination(expression, self.names)
        averages = self._averages
        estimated = Estimates.of(
            (expression,),
            np.array([float(weights @ averages.estimates) + constant]),
            self._covariance_of((weights @ averages.gradient)[None, :]),
            self.inference,
        )
        return LinearCombination(
            estimated=estimated,
            fit_glance=self.info,
            conventions=conventions(self.inference),
            labels=self.labels,
            version=self.info["version"],
            factors=self.factors,
        )

    # --- words --------------------------------------------------------------------------------------------

    @property
    def conventions(self) -> str:
        """Type of the standard errors, with clusters and distribution."""
        inference = self.inference
        if self.setting.estimator == "sun_abraham":
            return f"{conventions(inference)}; shares of cohorts taken as fixed"
        names, count = " and ".join(inference.clusters), inference.n_clusters[0]
        source = {
            "callaway_santanna": "from influence functions, those of the cohorts' shares included",
            "imputation": "conservative, with effects taken as equal inside a cohort and period",
        }[self.setting.estimator]
        return f"Standard errors clustered by {names} ({count:,} clusters, normal distribution), {source}"

    @property
    def settings(self) -> str:
        """Options of the estimator."""
        setting = self.setting
        parts = [f"control {setting.control}"]
        if setting.adjustment is not None and setting.estimator == "callaway_santanna":
            parts.append(_ADJUSTMENTS[setting.adjustment])
        if setting.estimator == "callaway_santanna":
            parts.append(f"{setting.base_period} base period")
        parts.append(f"anticipation {setting.anticipation}")
        return ", ".join(parts)

    def _summary(self) -> Summary:
        keys = (self.coding.entity, self.coding.time)
        info = self.info
        about = (
            f"Estimator: {_ESTIMATORS[self.setting.estimator]}",
            *([f"Controls: {', '.join(self.setting.x)}"] if self.setting.x else []),
            *([f"Weights: {info['obs_weights']}"] if info["obs_weights"] else []),
            sample_text(self.nobs, int(info["n_entities"] or 0), int(info["n_times"] or 0), keys),
            f"{self.coding.text}.",
            f"att is the {'weighted ' if info['obs_weights'] else ''}mean of {_OVERALL[self.by]}.",
            *self._before_lines(),
            *([] if self.balanced is None else [f"Only of cohorts that reach event time {self.balanced}."]),
            "",
        )
        return Summary(
            type=type(self).__name__,
            title=f"Outcome: {self.depvar}",
            blocks=(Lines(about), self._cells(), self._test_lines(), Remarks.of(self.diagnostics)),
            notices=self.diagnostics,
            conventions=self.conventions,
            settings=self.settings,
            version=info["version"],
        )

    def _before_lines(self) -> list[str]:
        """Describe what effects before treatment are relative to."""
        if self.by != "dynamic" or not self.before:
            return []
        return [_BEFORE[self.before].format(time=self.setting.reference)]

    def _cells(self) -> Cells:
        """Arrange the averages, with a line for the reference event time."""
        cells = coefficient_cells(self.tidy())
        head = tuple("z" if heading == "t" and self.df_t == inf else heading for heading in cells.head)
        keys = self._averages.keys
        reference = self.setting.reference
        if self.by != "dynamic" or reference is None or reference in keys:
            return Cells.of(head, cells.rows)
        position = 1 + int((keys < reference).sum())
        row = (f"event:{reference}", "0", *[""] * 3, "reference")
        return Cells.of(head, (*cells.rows[:position], row, *cells.rows[position:]))

    def _test_lines(self) -> Lines:
        if not (self.cells.event < -self.setting.anticipation).any():
            return Lines(())
        try:
            test = self.pretrend_test()
        except OptionError as error:
            return Lines(("", *wrapped([f"Pre-trend test not available: {error.problems[0].message}"])))
        text = f"{test._distribution()} = {test.statistic:z.4g}, {p_words(test.p_value, digits=3)}"
        return Lines(("", *wrapped([f"Pre-trend test ({test.null}): {text}."])))

    def _numbers(self) -> PlainNumbers:
        coding, setting = self.coding, self.setting
        more = {
            "estimator": setting.estimator,
            "control": setting.control,
            "aggregate": self.by,
            "balanced": self.balanced,
            "event": coding.event,
            "reference": setting.reference,
            "before": self.before,
            "cohorts": [[time if isinstance(time, int) else str(time), n] for time, n in coding.cohorts],
            "n_never": coding.n_never,
            "group_time": self.group_time.to_dict("records"),
            "path": self.path.to_dict("records"),
        }
        return PlainNumbers.of(
            self, inference=self.inference, labels=self.labels, factors=self.factors, more=more
        )

    # --- inside -------------------------------------------------------------------------------------------

    @property
    def _averages(self) -> Averages:
        return average(self.cells, self.by, self.balanced)

    @property
    def _index(self) -> pd.Index[Any]:
        return pd.Index(list(self.names), name="term")

    def _term(self, key: int) -> Term:
        """Describe one average."""
        event = self.coding.event
        if self.by == "dynamic":
            return Term(
                f"event:{key}", family="event", kind="event", point=Point(event, str(key), float(key))
            )
        if self.by == "group":
            text = time_text(self.coding.cohorts[key][0])
            return Term(
                f"cohort:{text}", family="cohort", kind="cohort", point=Point(event, text, float(key))
            )
        text = time_text(self.coding.times[key])
        point = Point(self.coding.time, text, float(key))
        return Term(f"period:{text}", family="calendar", kind="calendar", point=point)

    def _scaled(self, rows: Floats) -> tuple[Floats, Floats]:
        """Scale weights of effects and shares so that their covariance has a diagonal of one.

        Effects without a standard error count as known if they have no weight.
        """
        joint = self.cells.joint
        unused = self._without_error & ~(rows != 0).any(axis=0)
        size = np.sqrt(np.clip(np.diag(joint), 0.0, None))
        size = np.where(size > 0, size, 1.0)
        correlation = joint / np.outer(size, size)
        correlation[unused] = 0.0
        correlation[:, unused] = 0.0
        return rows * size, correlation

    @property
    def _without_error(self) -> Bools:
        return np.asarray(np.isnan(np.diag(self.cells.joint)))

    def _covariance_of(self, rows: Floats) -> Floats:
        """Compute the covariance of sums of effects and shares; NaN if a standard error is missing."""
        without_error = self._without_error
        scaled, correlation = self._scaled(np.where(without_error, 0.0, rows))
        covariance = np.asarray(scaled @ correlation @ scaled.T)
        missing = (rows[:, without_error] != 0).any(axis=1)
        covariance[missing] = np.nan
        covariance[:, missing] = np.nan
        return covariance

    def _errors(self, rows: Floats) -> Floats:
        return standard_errors(np.diag(self._covariance_of(rows)))

    def _numbers_of(self, estimates: Floats, rows: Floats, level: float) -> dict[str, Floats]:
        from scipy.special import stdtr, stdtrit

        se = self._errors(rows)
        half = float(stdtrit(self.df_t, 0.5 + check_level(level) / 2)) * se
        with np.errstate(divide="ignore", invalid="ignore"):
            t = estimates / se
        p = np.asarray(2 * stdtr(self.df_t, -np.abs(t)))
        numbers: dict[str, Any] = {"estimate": estimates, "std_error": se, "statistic": t, "p_value": p}
        return {**numbers, "conf_low": estimates - half, "conf_high": estimates + half}

    def _refuse_few_treated(self, rows: Floats) -> None:
        """Refuse more restrictions than the differences between treated clusters can test.

        The covariance of the effects adds the variation of treated entities about the mean of their cohort
        and that of controls. A cohort of one entity adds nothing: its residual is zero whatever its errors
        are. So the treated part must itself have the rank of the restrictions. Otherwise the covariance of
        some sum of the effects is that of controls alone, which is far too small.
        """
        size = self._errors(rows)
        if not (size > 0).all():
            return
        part = rows @ self.cells.treated_part @ rows.T / np.outer(size, size)
        if np.linalg.eigvalsh(part)[0] <= SINGULAR:
            raise OptionError(
                f"{rows.shape[0]} restrictions are more than the differences between treated clusters allow."
            )

    def _wald(self, name: str, gap: Floats, rows: Floats, null: str) -> TestResult:
        from scipy.special import chdtrc, fdtrc

        form, least = quadratic_form(gap, *self._scaled(rows))
        q = float(gap.size)
        if abs(least) <= SINGULAR:
            raise OptionError(
                f"{name}: {gap.size} restrictions are more than the covariance allows; some are sums of "
                "others."
            )
        if self.df_t == inf:
            return TestResult(name, form, "chi2", q, float(chdtrc(q, form)), null)
        return TestResult(name, form / q, "F", (q, self.df_t), float(fdtrc(q, self.df_t, form / q)), null)


def _check_balanced(by: str, balanced: object, most: int) -> None:
    """Refuse an event time at which averages cannot be balanced."""
    if by != "dynamic":
        text = f"balanced={cited(balanced)} is for averages by event time, by='dynamic', not {cited(by)}."
        raise OptionError(text, [option_problem("balanced", balanced, (None,), text)])
    check_whole("balanced", balanced, 0, most)
