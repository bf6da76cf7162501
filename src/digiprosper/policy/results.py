"""Results of an event study."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Literal, cast

import numpy as np
import pandas as pd

from digiprosper.checks import check_option, not_identified, option_problem
from digiprosper.errors import OptionError, TermError, counted
from digiprosper.linear.kernels.restricted_wild import (
    band_critical,
    multivariate_t_critical,
)
from digiprosper.linear.results import LinearResults
from digiprosper.panel import Panel
from digiprosper.panel.access import check_panel, table_of
from digiprosper.policy.honest import EventTimeResults
from digiprosper.policy.messages import POINTWISE, cohort_rows, describe_test
from digiprosper.policy.timing import read_timing
from digiprosper.policy.window import EventWindow, dummies, event_name, with_reference
from digiprosper.policy.words import WORDS
from digiprosper.report.protocol import Glance
from digiprosper.report.summary import Cells, Lines, Remarks, Summary
from digiprosper.report.terms import Term, slope_terms
from digiprosper.report.tests import TestResult
from digiprosper.report.text import wrapped
from digiprosper.report.words import Words


class WindowResults(EventTimeResults):
    """Base of results with coefficients by event time in a window."""

    __slots__ = ()

    depvar: str
    window: EventWindow  # event times with a coefficient, and who reaches them

    def event_path(
        self,
        level: float = 0.95,
        bands: Literal["pointwise", "joint"] = "pointwise",
    ) -> pd.DataFrame:
        """Return the coefficients by event time.

        Parameters
        ----------
        level : float
            Confidence level of the intervals, .95 by default.
        bands : {"pointwise", "joint"}
            ``"pointwise"`` (default): each interval covers the coefficient of its event
            time. ``"joint"``: the intervals cover all coefficients at once, so that
            they are wider; a path outside of the band is rejected.

        Returns
        -------
        DataFrame
            One row per event time, with columns time, estimate, std_error, conf_low,
            conf_high and n_treated. n_treated is the number of treated entities with
            rows at this event time; at a binned end it includes rows beyond it. The
            reference has estimate 0 and no standard error.

        Raises
        ------
        OptionError
            If `bands` is unknown, or `level` is not between 0 and 1.

        Notes
        -----
        The joint band is estimate plus and minus a critical value times the standard
        error. With clusters in one way the critical value is a quantile of the largest
        absolute t statistic in 999 draws of a wild cluster bootstrap with a fixed seed,
        with the standard errors computed again in every draw. With other standard
        errors it is that of a multivariate t distribution with their correlations.
        """
        check_option("bands", bands, ("pointwise", "joint"))
        window = self.window
        rows = self.tidy(level).set_index("term")
        names = [event_name(time) for time in window.times]
        path = rows.reindex(names)[
            ["estimate", "std_error", "conf_low", "conf_high"]
        ].reset_index(drop=True)
        if bands == "joint":
            half = self._joint_critical(level) * path["std_error"]
            path["conf_low"] = path["estimate"] - half
            path["conf_high"] = path["estimate"] + half
        path.loc[window.times.index(window.reference), "estimate"] = 0.0
        path.insert(0, "time", list(window.times))
        return path.assign(n_treated=list(window.n_treated))

    def _joint_critical(self, level: float) -> float:
        """Compute the critical value of the joint band of all event times."""
        events = [event_name(time) for time in self.window.estimated]
        shown = np.isin(self.names, events) & (self.estimated.std_errors() > 0)
        weights = np.eye(len(self.names))[shown]
        if not len(weights):
            return np.nan
        ways: Any = getattr(self.estimated, "by_cluster", ())
        if len(ways) == 1:
            return band_critical(ways[0], weights, level)
        return multivariate_t_critical(
            self.estimated.covariance_of(weights), self.df_t, level
        )

    @property
    def reference(self) -> int:
        """Event time whose coefficient is zero by construction."""
        return self.window.reference

    def pretrend_test(self) -> TestResult:
        """Test jointly that all coefficients before treatment are zero.

        Returns
        -------
        TestResult
            F test, as in `wald_test`. Its `detail` is the frame of `pretrend_power`:
            slopes of linear trends that an interval of a single event time shows with
            probability .5 and .8. It is None where they cannot be computed.

        Raises
        ------
        OptionError
            If the reference is the only event time before treatment. With clustered
            standard errors also if one cluster is treated, or if the test is no
            bootstrap and the other event times before treatment are not fewer than
            the treated clusters.

        Notes
        -----
        If the test does not reject, this does not prove parallel trends. The test has
        little power against trends that would bias the effects, and reporting effects
        only if it does not reject biases them (Roth 2022, American Economic Review:
        Insights 4:305).
        """
        power = self._power_of_pretest()
        return replace(self._joint_pretrend(), detail=power)

    def _joint_pretrend(self) -> TestResult:
        window, leads = self.window, self.window.leads
        if not leads:
            raise OptionError(
                "pretrend_test: the window has no event time before treatment beside "
                f"the reference {window.reference}; fit with a larger before."
            )
        test = self.wald_test([f"{event_name(time)} = 0" for time in leads])
        few = [
            n.data["n_treated"]
            for n in self.diagnostics
            if n.code == "few_treated_clusters"
        ]
        treated = min(few, default=window.n_ever)
        # Coefficients are means of treated entities, so the residuals of c treated
        # clusters vary in c - 1 dimensions. With as many leads, the variance of some
        # sum of leads comes from the other clusters alone and is far too small: with
        # one treated cluster the F test rejects nearly always. The bootstrap imposes
        # zeros.
        has_draws = "bootstrap" in test.method
        if (
            self.inference.clusters
            and treated <= len(leads)
            and not (has_draws and treated > 1)
        ):
            text = (
                f"{counted(len(leads), 'event time')} before treatment cannot be "
                f"tested jointly with {counted(treated, 'treated cluster')}: the "
                + (
                    "bootstrap would hardly ever reject, and the F test nearly always."
                    if has_draws
                    else f"F test would reject far too often. Set before to at most "
                    f"{treated}, or use cov_type='clustered' with clusters in one way."
                )
            )
            problem = option_problem("before", window.before, what=text)
            raise OptionError(f"pretrend_test: {text}", [problem])
        return replace(test, name="Pre-trend test")

    def _refuse_binned_ends(self, purpose: str, last: int) -> None:
        window = self.window
        if not window.binned or window.binned[0] > last:
            return
        before = max(window.before, -window.lowest)
        after = max(window.after, window.highest)
        text = (
            f"{purpose}: binned ends are no single event times. Fit with "
            f"before={before}, after={after}, which contains all event times, or drop "
            "the rows beyond the window with panel.subset."
        )
        raise not_identified("binned_ends", text, before=before, after=after)

    @property
    def terms(self) -> tuple[Term, ...]:
        """Description of each coefficient: an event time or a slope."""
        event_terms = {
            event_name(time): self.window.term(time) for time in self.window.estimated
        }
        return tuple(
            event_terms.get(term.name, term)
            for term in slope_terms(self.names, self.factors)
        )

    def _with_reference(self, cells: Cells) -> Cells:
        position = self.window.times.index(self.window.reference)
        return with_reference(cells, position, self.window.reference)

    def _test_lines(self) -> Lines:
        if not self.window.leads:
            return Lines(("", *wrapped([POINTWISE])))
        try:
            test = self._joint_pretrend()
        except OptionError as error:
            lines = [f"Pre-trend test not available: {error.problems[0].message}"]
        except TermError:
            lines = [
                "Pre-trend test: not available, the window has more leads than the "
                "covariance allows."
            ]
        else:
            lines = [f"Pre-trend test: {describe_test(test)}."]
            if "stata" in test.alternatives:
                lines.append(
                    f"Stata prints {describe_test(test.alternatives['stata'])}."
                )
        return Lines(("", *wrapped([*lines, POINTWISE])))

    def _window_numbers(self) -> dict[str, Any]:
        window = self.window
        return {
            "event": window.event,
            "reference": window.reference,
            "binned": window.binned,
            "cohorts": cohort_rows(window.cohorts),
            "n_never": window.n_never,
            "path": self.path.to_dict("records"),
        }


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class EventStudyResults(WindowResults, LinearResults):
    """Results of an event study, made by `EventStudy.fit`.

    It has all methods of `LinearResults`.

    Parameters
    ----------
    window : EventWindow
        Event times with a coefficient, and the treated entities at each of them.

    Examples
    --------
    >>> import numpy as np, pandas as pd, digiprosper as dp
    >>> frame = pd.DataFrame(
    ...     {"city": np.repeat(range(60), 6), "year": np.tile(range(2010, 2016), 60)}
    ... )
    >>> frame["first"] = np.where(frame["city"] % 2 == 0, 2013.0, np.nan)
    >>> frame["y"] = 2.0 * (frame["year"] >= frame["first"]) + np.random.default_rng(
    ...     1
    ... ).normal(size=360)
    >>> fit = dp.EventStudy("y", "first", before=3, after=2).fit(
    ...     dp.Panel(frame, "city", "year")
    ... )
    >>> fit.event_path()["estimate"].round(1).tolist()
    [0.2, 0.1, 0.0, 2.0, 2.5, 2.2]
    """

    words: ClassVar[Words] = WORDS

    window: EventWindow

    # --- the protocol -----------------------------------------------------------------

    def glance(self) -> Glance:
        """Return summary numbers of the fit, such as the number of rows.

        Returns
        -------
        Glance
            A mapping with the keys of all types of results, and n_treated (entities
            that are ever treated).
        """
        more = {"model": "EventStudy", "n_treated": self.window.n_ever}
        return cast("Glance", {**LinearResults.glance(self), **more})

    def predict(self, panel: Panel) -> pd.Series[float]:
        """Predict the outcome, including the fixed effects.

        Parameters
        ----------
        panel : Panel
            A panel with the columns of the model, including that of the event.

        Returns
        -------
        Series
            Predictions indexed by row of `panel`. A prediction is missing, with a
            warning, if a fixed effect of the row was not estimated or a regressor is
            missing.

        Raises
        ------
        DigiprosperError
            If `panel` is not a Panel, or the column of the event is not valid, as in
            `EventStudy.fit`. The panel must contain the periods before treatment.
        """
        window = self.window
        check_panel(panel, "predict")
        timing = read_timing(table_of(panel), window.event, window.never)
        columns = dummies(window, *timing.event_times(timing.keys))
        event_names = [event_name(time) for time in window.estimated]
        is_event = np.isin(self.names, event_names)
        # The fit without the event times predicts from the other regressors.
        fit = {f.name: getattr(self, f.name) for f in fields(LinearResults)}
        others = replace(
            self.estimated,
            names=tuple(name for name in self.names if name not in event_names),
            coefficients=self.coefficients[~is_event],
        )
        prediction = LinearResults(**{**fit, "estimated": others}).predict(panel)
        by_event = columns @ self.params[event_names].to_numpy()
        return (prediction + by_event).rename(self.depvar)

    def _summary(self) -> Summary:
        plain, window = LinearResults._summary(self), self.window
        head, cells, beside, remarks = cast(
            "tuple[Lines, Cells, Lines, Remarks]", plain.blocks
        )
        lines = (*window.lines(self.key_names[0]), "")
        cells = self._with_reference(cells)
        blocks = (head, Lines(lines), cells, beside, self._test_lines(), remarks)
        return replace(plain, blocks=blocks)

    def _more_numbers(self) -> dict[str, Any]:
        return LinearResults._more_numbers(self) | self._window_numbers()
