"""Results of difference in differences with staggered treatment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any, ClassVar, Self, cast

import numpy as np
import pandas as pd

from digiprosper.checks import check_option, check_whole, option_error, option_problem
from digiprosper.errors import (
    Notice,
    OptionError,
    cited,
    counted,
    number_text,
    time_text,
)
from digiprosper.kernels import Floats
from digiprosper.kernels.tolerances import SINGULAR
from digiprosper.policy.honest import POINTWISE, Bands, EventTimeResults
from digiprosper.policy.kernels.aggregation import Averages, GroupTime, average
from digiprosper.policy.kernels.unit_signs import UnitScores, joint_critical, wild_test
from digiprosper.policy.notices import FEW_UNTREATED
from digiprosper.policy.timing import CohortCoding, with_reference
from digiprosper.policy.words import WORDS
from digiprosper.report.certificate import coverage_remark
from digiprosper.report.columns import Column, Remark
from digiprosper.report.estimates import Estimates, hotelling_result
from digiprosper.report.inference import Inference
from digiprosper.report.protocol import Glance
from digiprosper.report.results import BaseResults
from digiprosper.report.summary import Lines, Remarks, Summary, coefficient_cells
from digiprosper.report.terms import Factors, Point, Term
from digiprosper.report.tests import TestResult
from digiprosper.report.text import conventions, sample_text, wrapped
from digiprosper.report.words import Words

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
# The program that prints the errors and the pre-trend test of cov_type="influence", and
# the code of this test.
_PROGRAMS = {
    "callaway_santanna": ("csdid prints", "csdid"),
    "imputation": ("did_imputation prints", "did_imputation"),
    "sun_abraham": ("The clustered regression has", "f"),
}
_ADJUSTMENTS = {
    "doubly_robust": "doubly robust",
    "ipw": "inverse probability weights",
    "regression": "regression",
}


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class StaggeredEstimates(Estimates):
    """Averages of effects; each sum of them has degrees of freedom of its own."""

    gradient: Floats  # (k, m + G) derivatives of the averages by effects and shares
    shares: Floats  # (G, G) covariance of the shares of cohorts
    units: UnitScores

    def df_of(self, weights: Floats) -> Floats | float:
        """Return the degrees of freedom of t for sums with weights (q, k)."""
        gradient = weights @ self.gradient
        m = self.units.model.shape[1]
        of_shares = gradient[:, m:]
        added = np.einsum("qg,gh,qh->q", of_shares, self.shares, of_shares)
        return self.units.df_t(gradient[:, :m], added)

    def joint_test(
        self,
        form: float,
        weights: Floats,
        gap: Floats,  # noqa: ARG002
        *,
        name: str,
        null: str,
        drawn: bool = True,  # noqa: ARG002
    ) -> TestResult:
        """Turn a Wald statistic into an F test.

        With v the fewest degrees of freedom of the q sums, ``(v - q + 1) / (v q)``
        times the statistic is F(q, v - q + 1), as if the covariance was Wishart. It is
        missing if v is below q.
        """
        least = float(np.min(self.df_of(weights)))
        return hotelling_result(form, len(weights), least, name, null)


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class StaggeredDidResults(EventTimeResults, BaseResults):
    """Average effects on the treated, made by `StaggeredDid.fit`.

    The first element of `params` is the overall average ``att``. The others are effects
    by event time (``event:-2``, ...), cohort (``cohort:2014``, ...) or period
    (``period:2014``, ...). The results keep no rows of the data.

    Parameters
    ----------
    depvar : str
        Outcome.
    by : str
        How effects are averaged: ``"dynamic"``, ``"simple"``, ``"group"`` or
        ``"calendar"``.
    cells : GroupTime
        Effects by cohort and time, with their covariance matrix.
    coding : CohortCoding
        First treated times of the entities.
    estimator : str
        ``"callaway_santanna"``, ``"imputation"`` or ``"sun_abraham"``.
    control : str
        Control group: ``"never"`` or ``"not_yet"``.
    adjustment : str or None
        How effects are adjusted for `x`; None without `x`.
    base_period : str
        ``"varying"`` or ``"universal"``.
    anticipation : int
        Number of periods before treatment in which it may have effects.
    x : tuple of str
        Controls.
    reference : int or None
        Event time whose effect is zero by construction, if all effects are differences
        from one event time.
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
        Event time up to which all cohorts in the averages by event time are observed;
        see `aggregate`.

    Examples
    --------
    >>> import numpy as np, pandas as pd, digiprosper as dp
    >>> frame = pd.DataFrame(
    ...     {"city": np.repeat(range(60), 6), "year": np.tile(range(2010, 2016), 60)}
    ... )
    >>> frame["first"] = np.array([2012.0, 2013.0, np.nan])[frame["city"] % 3]
    >>> frame["y"] = 2.0 * (frame["year"] >= frame["first"]) + np.random.default_rng(
    ...     1
    ... ).normal(size=360)
    >>> fit = dp.StaggeredDid("y", "first").fit(dp.Panel(frame, "city", "year"))
    >>> fit.path.columns.tolist()[:4]
    ['time', 'estimate', 'std_error', 'conf_low']
    """

    words: ClassVar[Words] = WORDS

    depvar: str
    by: str
    cells: GroupTime
    coding: CohortCoding
    estimator: str
    control: str
    adjustment: str | None
    base_period: str
    anticipation: int
    x: tuple[str, ...]
    reference: int | None
    info: Glance
    inference: Inference = field()  # without the property of the base as its default
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
            Only with ``"dynamic"``: use only cohorts that are observed up to this event
            time, and no later event times. So all event times from 0 on have the same
            cohorts (`balance_e` of R's did). With ``"imputation"`` the effects before
            treatment are dropped, since they are not estimated by cohort.

        Returns
        -------
        StaggeredDidResults
            Results with these averages.

        Raises
        ------
        OptionError
            If `by` is unknown, if `balanced` is given with another average, or if no
            cohort is observed up to it.

        Examples
        --------
        >>> import numpy as np, pandas as pd, digiprosper as dp
        >>> frame = pd.DataFrame(
        ...     {
        ...         "city": np.repeat(range(60), 6),
        ...         "year": np.tile(range(2010, 2016), 60),
        ...     }
        ... )
        >>> frame["first"] = np.array([2012.0, 2013.0, np.nan])[frame["city"] % 3]
        >>> frame["y"] = 2.0 * (frame["year"] >= frame["first"]) + frame["city"] % 7
        >>> fit = dp.StaggeredDid("y", "first", estimator="imputation").fit(
        ...     dp.Panel(frame, "city", "year")
        ... )
        >>> fit.aggregate("group").names
        ('att', 'cohort:2012', 'cohort:2013')
        """
        check_option("by", by, tuple(_OVERALL))
        if balanced is not None:
            if by != "dynamic":
                text = (
                    f"balanced={cited(balanced)} is for averages by event time, "
                    f"by='dynamic', not {cited(by)}."
                )
                raise option_error("balanced", balanced, text, (None,))
            check_whole("balanced", balanced, 0, int(self.cells.event.max()))
        return replace(self, by=by, balanced=balanced)

    # --- effects by cohort and time, and over event time ------------------------------

    @property
    def group_time(self) -> pd.DataFrame:
        """Effects by cohort and time, ATT(g, t), with 95% intervals.

        Columns are cohort (first treated time), time, event_time, estimate, std_error,
        statistic, p_value, conf_low, conf_high and n_treated (number of treated
        entities).
        """
        cells, coding = self.cells, self.coding
        by_cohort = np.flatnonzero(cells.cohort >= 0)
        cohorts = [coding.cohorts[i][0] for i in cells.cohort[by_cohort]]
        times = [coding.times[i] for i in cells.time[by_cohort]]
        names = map(str, by_cohort)
        gradient = np.eye(len(cells.joint))[by_cohort]
        estimated = self._make_estimates(names, cells.estimates[by_cohort], gradient)
        keys = {"cohort": cohorts, "time": times, "event_time": cells.event[by_cohort]}
        frame = pd.DataFrame(keys).join(estimated.frame(0.95).drop(columns="term"))
        return frame.assign(n_treated=cells.n_treated[by_cohort])

    def event_path(
        self,
        level: float = 0.95,
        bands: Bands = "pointwise",
    ) -> pd.DataFrame:
        """Return the effects by event time, whatever `by` is.

        Parameters
        ----------
        level : float
            Confidence level of the intervals, .95 by default.
        bands : {"pointwise", "joint"}
            ``"pointwise"`` (default): each interval covers the effect of its event
            time. ``"joint"``: the intervals cover the effects of all event times at
            once, so that they are wider; a path outside of the band is rejected.

        Returns
        -------
        DataFrame
            One row per event time, with columns time, estimate, std_error, conf_low,
            conf_high and n_treated (number of treated entities). The reference has
            estimate 0 and no standard error.

        Raises
        ------
        OptionError
            If `bands` is unknown, or `level` is not between 0 and 1.

        Notes
        -----
        The joint band is estimate plus and minus a critical value times the standard
        error. The critical value is a quantile of the largest absolute t statistic in
        999 draws with a fixed seed: random signs of clusters, with the standard errors
        computed again in every draw. Without that the band is too narrow with few
        entities in a cohort.
        """
        averages = self._by_event_time()._averages
        used = averages.gradient[1:, : self.cells.estimates.size] != 0
        counts = (used @ self.cells.n_treated).tolist()
        n_treated = dict(zip(averages.keys.tolist(), counts, strict=True))
        if self.reference is not None:
            cohorts = np.unique(self.cells.cohort[used.any(axis=0)])
            n_treated[self.reference] = sum(self.coding.cohorts[i][1] for i in cohorts)
        times = sorted(n_treated)
        return self._make_path(level, bands, times, [n_treated[t] for t in times])

    def _joint_critical(self, level: float) -> float:
        """Compute the critical value of the joint band; missing without the scores."""
        units, results = self.cells.units, self._by_event_time()
        estimated = results.estimated
        errors = estimated.std_errors()
        shown = errors > 0
        shown[0] = False  # the overall average
        if units is None or not shown.any():
            return float("nan")
        covariance = estimated.covariance[np.ix_(shown, shown)]
        correlation = covariance / np.outer(errors[shown], errors[shown])
        gradient = results._averages.gradient[shown, : self.cells.estimates.size]
        return joint_critical(units, gradient, correlation, level)

    @property
    def before(self) -> str:
        """What effects by event time before treatment are relative to, as a code.

        ``"reference"``: one event time, `reference`, whose effect is zero by
        construction. ``"previous"``: the previous period, so that event time -1 is an
        estimate like the others. ``"earlier"``: all periods before those that are
        estimated. ``"cohorts"``: a period that is not the same event time for all
        cohorts. Empty if there are no effects before treatment.
        """
        if self.reference is not None:
            return "reference"
        if not (self.cells.event < 0).any():
            return ""
        if self.estimator == "imputation":
            return "earlier"
        varying = (
            self.estimator == "callaway_santanna" and self.base_period == "varying"
        )
        return "previous" if varying else "cohorts"

    def pretrend_test(self, by: str = "group_time") -> TestResult:
        """Test jointly that all effects before treatment are zero.

        Parameters
        ----------
        by : {"group_time", "dynamic"}
            ``"group_time"`` (default) tests the effects by cohort and time, as csdid
            and R's did do. ``"dynamic"`` tests their averages by event time, which are
            fewer. With ``"imputation"`` both test the effects by event time.

        Returns
        -------
        TestResult
            Wald test that all effects before treatment (and its anticipation) are zero.
            Its p-value is that of a wild bootstrap: random signs of clusters times the
            residuals without effects before treatment, with the statistic computed
            again in 999 draws with a fixed seed, or in all signs of at most ten
            clusters. ``alternatives`` has the test of other programs: chi-squared, with
            ``"sun_abraham"`` F. With few entities in a cohort it rejects true
            hypotheses far too often. ``detail`` is the frame of `pretrend_power`, or
            None where it cannot be computed.

        Raises
        ------
        OptionError
            If `by` is unknown, if there are no effects before treatment, or if they are
            too many for the number of treated clusters.

        Notes
        -----
        If the test does not reject, this does not prove parallel trends (Roth 2022,
        American Economic Review: Insights 4:305).
        """
        check_option("by", by, ("group_time", "dynamic"))
        power = self._power_of_pretest()
        return replace(self._joint_pretrend(by), detail=power)

    def _joint_pretrend(self, by: str = "group_time") -> TestResult:
        values, gradient = self._effects_before(by)
        if not values.size:
            raise OptionError(
                "pretrend_test: there is no effect before treatment, because the panel "
                "has too few periods before it."
            )
        pooled = by == "dynamic" or self.estimator == "imputation"
        kind = "averages by event time" if pooled else "effects by cohort and time"
        effects = f"{values.size} {kind} before treatment are"
        weights = np.eye(values.size)
        tested = self._influence_estimates(gradient)
        form, least = tested.wald(weights, values)
        if self._is_testable(gradient) and not abs(least) <= SINGULAR:
            standard = tested.joint_test(
                form, weights, values, name="Pre-trend test", null=f"{effects} zero"
            )
            return self._wild_pretrend(standard, values, gradient)
        fewer = " pretrend_test('dynamic') tests averages, which are fewer."
        leads, of_leads = self._effects_before("dynamic")
        if not leads.size or not self._is_testable(of_leads):
            fewer = (
                " Fewer can be tested with estimator='imputation' and a small "
                "number of leads."
            )
        cohorts = counted(len(self.coding.cohorts), "cohort")
        text = (
            f"{effects} too many to test jointly with {self.coding.n_ever:,} treated "
            f"{self.coding.entity} in {cohorts} and errors "
            f"clustered by {self.inference.clusters[0]}: the variance of some of their "
            "sums would be that of controls alone, or zero, and the test would reject "
            f"far too often.{'' if pooled else fewer}"
        )
        raise OptionError(
            f"pretrend_test: {text}", [option_problem("by", by, what=text)]
        )

    def _effects_before(self, by: str) -> tuple[Floats, Floats]:
        """Return q effects before treatment with their gradient (q, m + G)."""
        if by == "group_time":
            before = self.cells.event < -self.anticipation
            gradient = np.eye(before.size, len(self.cells.joint))
            return self.cells.estimates[before], gradient[before]
        averages = self._by_event_time()._averages
        before = averages.keys < -self.anticipation
        return averages.estimates[1:][before], averages.gradient[1:][before]

    def _wild_pretrend(
        self, standard: TestResult, estimates: Floats, gradient: Floats
    ) -> TestResult:
        """Test by a wild bootstrap if there are scores, beside the `standard` test."""
        units = self.cells.units
        if units is None or not units.scores.size:
            return standard
        effects = gradient[:, : self.cells.estimates.size]
        statistic, rank, p_value, count = wild_test(units, effects, estimates)
        if not np.isfinite(statistic):
            return standard
        return TestResult(
            name=standard.name,
            statistic=statistic,
            distribution="bootstrap",
            df=float(rank),
            p_value=p_value,
            null=standard.null,
            method=f"wild bootstrap by {self.inference.clusters[0]}, {count:,} draws",
            alternatives={_PROGRAMS[self.estimator][1]: standard},
        )

    def _by_event_time(self) -> Self:
        return replace(self, by="dynamic")

    # --- the protocol -----------------------------------------------------------------

    @property
    def df_by_term(self) -> pd.Series[float]:
        """Degrees of freedom of t by term; infinite for the normal distribution."""
        df = np.broadcast_to(
            self.estimated.df_of(np.eye(len(self.names))), len(self.names)
        )
        return self._by_term(df, "df")

    @property
    def key_names(self) -> tuple[str, str]:
        """Names of the entity key and of the time key."""
        return self.coding.entity, self.coding.time

    @property
    def estimated(self) -> Estimates:
        """Average effects with their covariance matrix."""
        averages, names = self._averages, [term.name for term in self.terms]
        return self._make_estimates(names, averages.estimates, averages.gradient)

    @property
    def terms(self) -> tuple[Term, ...]:
        """Description of each average."""
        keys = self._averages.keys
        overall = Term("att", family=f"att_{self.by}", kind=f"att_{self.by}")
        return (overall, *map(self._term, keys.tolist()))

    def glance(self) -> Glance:
        """Return summary numbers of the fit, such as the number of rows.

        Returns
        -------
        Glance
            A mapping with the keys of all types of results, and n_treated (entities
            that are ever treated).
        """
        return cast("Glance", dict(self.info))

    def table_columns(self, level: float = 0.95) -> tuple[Column, ...]:
        """Return the column of a table, with a note on how effects were estimated.

        The note has the estimator, the controls and the control group.

        Parameters
        ----------
        level : float
            Confidence level of the intervals, .95 by default.

        Returns
        -------
        tuple of Column
            One.
        """
        (column,) = BaseResults.table_columns(self, level)
        # Only the estimators by regression absorb fixed effects.
        regression = self.estimator != "callaway_santanna"
        return (replace(column, absorbs=regression, adjusted=self.x),)

    def _remarks(self) -> tuple[Remark, ...]:
        remarks = [Remark(f"{self.estimator}.{self.control}", {})]
        if self.by == "dynamic" and self.before:
            time = {"time": (str(self.reference),)}
            remarks.append(Remark(f"before.{self.before}", time))
        if self.x:
            adjusts = self.estimator == "callaway_santanna"
            code = f"controls.{self.adjustment}" if adjusts else "controls"
            remarks.append(Remark(code, {"x": self.x}))
        # Few untreated entities, and groups of a single one
        few = [n.data for n in self.diagnostics if n.code == "few_untreated"]
        for data in few:
            count, cov_type = data["n_untreated"], data["cov_type"]
            names = {"count": (str(count),), "entity": (self.coding.entity,)}
            if 0 < count <= FEW_UNTREATED:
                is_clustered = cov_type == "clustered"
                code = "untreated.clustered" if is_clustered else "untreated"
                remarks.append(Remark(code, names))
            if data["alone"] and cov_type == "cr2":
                remarks.append(Remark("alone", names))
        return tuple(remarks)

    # --- words ------------------------------------------------------------------------

    @property
    def conventions(self) -> str:
        """Type of the standard errors, with clusters and distribution."""
        inference = self.inference
        if inference.cov_type == "cr2":
            smallest = float(self.df_by_term.min())
            text = conventions(replace(inference, df_t=smallest))
            units = self.cells.units
            if units is None or not units.alone.any():
                return text
            return f"{text}; the pooled variance for a single {self.coding.entity}"
        if inference.cov_type == "crv3":
            return conventions(inference)
        if self.estimator == "sun_abraham":
            return f"{conventions(inference)}; shares of cohorts taken as fixed"
        names, count = " and ".join(inference.clusters), inference.n_clusters[0]
        source = "conservative, with effects taken as equal inside a cohort and period"
        if self.estimator == "callaway_santanna":
            source = "from influence functions, those of the cohorts' shares included"
        return (
            f"Standard errors clustered by {names} ({count:,} clusters, normal "
            f"distribution), {source}"
        )

    @property
    def settings(self) -> str:
        """Options of the estimator."""
        parts = [f"control {self.control}"]
        if self.estimator == "callaway_santanna":
            if self.adjustment is not None:
                parts.append(_ADJUSTMENTS[self.adjustment])
            parts.append(f"{self.base_period} base period")
        return ", ".join([*parts, f"anticipation {self.anticipation}"])

    def _header_lines(self) -> list[str]:
        """Describe the estimator, the sample and the averages."""
        info = self.info
        weighted = "weighted " if info["obs_weights"] else ""
        sizes = self.nobs, int(info["n_entities"] or 0), int(info["n_times"] or 0)
        lines = [f"Estimator: {_ESTIMATORS[self.estimator]}"]
        if self.x:
            lines.append(f"Controls: {', '.join(self.x)}")
        if weighted:
            lines.append(f"Weights: {info['obs_weights']}")
        lines += [
            sample_text(*sizes, self.key_names),
            f"{self.coding.text}.",
            f"att is the {weighted}mean of {_OVERALL[self.by]}.",
        ]
        if self.by == "dynamic" and self.before:
            lines.append(self._base_text())
        if self.balanced is not None:
            lines.append(f"Only of cohorts that reach event time {self.balanced}.")
        return lines

    def _summary(self) -> Summary:
        symbol = "z" if self.df_t == inf else "t"
        cells = coefficient_cells(self.tidy(), symbol)
        keys = self._averages.keys
        reference = self.reference
        if self.by == "dynamic" and reference is not None and reference not in keys:
            cells = with_reference(cells, 1 + int((keys < reference).sum()), reference)
        return self._titled(
            f"Outcome: {self.depvar}",
            Lines((*self._header_lines(), "")),
            cells,
            self._test_lines(),
            self._footer_lines(),
            Remarks.of(self.diagnostics, self._coverage_text()),
            version=self.info["version"],
        )

    def _coverage_text(self) -> str:
        """Cite how often intervals of the average cover with these errors."""
        info = self.info
        alike = self.by == "dynamic" and not self.x and not info["obs_weights"]
        by_unit = self.inference.clusters == self.key_names[:1]
        if not alike or not by_unit or self.inference.cov_type != "cr2":
            return ""
        return coverage_remark(
            {"the average effect": f"att, {self.estimator}"},
            (info["nobs"], info["n_entities"] or 0, info["n_times"] or 0),
            self.diagnostics,
        )

    def _test_lines(self) -> Lines:
        if not (self.cells.event < -self.anticipation).any():
            return Lines(())
        program, code = _PROGRAMS[self.estimator]
        lines = self._pretest_lines("Pre-trend test ({null})", program, code)
        return Lines(("", *wrapped(lines)))

    def _footer_lines(self) -> Lines:
        """Write which intervals these are, and what other programs print."""
        lines = []
        if self.by == "dynamic":
            lines.append(POINTWISE)
        if self.inference.cov_type in ("cr2", "crv3"):
            other = self._influence_estimates(self._averages.gradient[:1])
            lines.append(
                f"{_PROGRAMS[self.estimator][0]} the standard error "
                f"{number_text(float(other.std_errors()[0]))} of att "
                "(cov_type='influence')."
            )
        return Lines(tuple(wrapped(lines)))

    def _more_numbers(self) -> dict[str, Any]:
        return {
            "estimator": self.estimator,
            "control": self.control,
            "aggregate": self.by,
            "balanced": self.balanced,
            "before": self.before,
            "df_by_term": self.df_by_term.to_dict(),
            "group_time": self.group_time.to_dict("records"),
            **self._path_numbers(self.coding),
        }

    # --- inside -----------------------------------------------------------------------

    @property
    def _averages(self) -> Averages:
        return average(self.cells, self.by, self.balanced)

    def _term(self, key: int) -> Term:
        variable, text, name = self.coding.event, str(key), "event"
        if self.by == "group":
            text, name = time_text(self.coding.cohorts[key][0]), "cohort"
        elif self.by == "calendar":
            variable, name = self.coding.time, "period"
            text = time_text(self.coding.times[key])
        kind = "calendar" if name == "period" else name
        point = Point(variable, text, float(key))
        return Term(f"{name}:{text}", family=kind, kind=kind, point=point)

    def _make_estimates(
        self, names: Iterable[str], estimates: Floats, gradient: Floats
    ) -> Estimates:
        """Estimate q functions of effects and shares; `gradient` is (q, m + G)."""
        cells, inference = self.cells, self.inference
        numbers = {
            **_covariance_of(gradient, cells.joint, inference),
            "names": tuple(names),
            "coefficients": estimates,
        }
        if inference.cov_type != "cr2" or cells.units is None:
            return Estimates(**numbers)
        m = cells.estimates.size
        shares = cells.influence[m:, m:]
        return StaggeredEstimates(
            **numbers, gradient=gradient, shares=shares, units=cells.units
        )

    def _influence_estimates(self, gradient: Floats) -> Estimates:
        """Return functions of effects, all zero, with the errors of other programs."""
        regression = self.estimator == "sun_abraham"
        df_t = min(self.inference.n_clusters) - 1.0 if regression else inf
        inference = replace(self.inference, df_t=df_t)
        numbers = _covariance_of(gradient, self.cells.influence, inference)
        return Estimates(names=(), coefficients=np.zeros(len(gradient)), **numbers)

    def _is_testable(self, gradient: Floats) -> bool:
        """Return whether differences of treated clusters can test so many restrictions.

        The covariance of the effects adds the variation of treated entities about the
        mean of their cohort and that of controls. A cohort of one entity adds nothing:
        its residual is zero whatever its errors are. So the treated part must itself
        have the rank of the restrictions. Otherwise the covariance of some sum of the
        effects is that of controls alone, which is far too small.
        """
        size = self._influence_estimates(gradient).std_errors()
        if not (size > 0).all():
            # Scores that are zero by construction have no standard error, or rounding.
            return False
        part = gradient @ self.cells.treated_part @ gradient.T / np.outer(size, size)
        return bool(np.linalg.eigvalsh(part)[0] > SINGULAR)


def _covariance_of(
    gradient: Floats, joint: Floats, inference: Inference
) -> dict[str, Any]:
    """Return fields of `Estimates` for functions with a gradient (q, m + G).

    One has no standard error if it depends on an effect that has none.
    """
    # Rounding of effects without a variance may be negative.
    zero = np.diag(joint) <= 0
    joint = np.where(zero | zero[:, None], 0.0, joint)
    effects = Estimates.of((), np.zeros(len(joint)), joint, inference)
    root = np.where(gradient == 0, 0.0, gradient * np.diag(effects.root))
    return {"root": root, "middle": effects.middle, "inference": inference}
