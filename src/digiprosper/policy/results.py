"""Results of an event study."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar, cast

from digiprosper.errors import OptionError, TermError, counted, option_problem
from digiprosper.linear.results import LinearResults
from digiprosper.panel.access import check_panel, table_of
from digiprosper.policy.messages import first_few
from digiprosper.policy.timing import read_timing
from digiprosper.policy.window import EventWindow, dummies, event_name
from digiprosper.policy.words import WORDS
from digiprosper.report.summary import Cells, Lines
from digiprosper.report.text import p_words, wrapped

if TYPE_CHECKING:
    import pandas as pd

    from digiprosper.panel import Panel
    from digiprosper.report.protocol import Glance
    from digiprosper.report.summary import Remarks, Summary
    from digiprosper.report.terms import Term
    from digiprosper.report.tests import TestResult
    from digiprosper.report.words import Words

_MOST_COHORTS = 8


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class EventStudyResults(LinearResults):
    """Results of an event study, made by `EventStudy.fit`.

    It has all methods of `LinearResults`.

    Parameters
    ----------
    window : EventWindow
        Event times with a coefficient, and the treated entities at each of them.

    Examples
    --------
    >>> import numpy as np, pandas as pd, digiprosper as dp
    >>> frame = pd.DataFrame({"city": np.repeat(range(60), 6), "year": np.tile(range(2010, 2016), 60)})
    >>> frame["first"] = np.where(frame["city"] % 2 == 0, 2013.0, np.nan)
    >>> frame["y"] = 2.0 * (frame["year"] >= frame["first"]) + np.random.default_rng(1).normal(size=360)
    >>> fit = dp.EventStudy("y", "first", before=3, after=2).fit(dp.Panel(frame, "city", "year"))
    >>> fit.event_path()["estimate"].round(1).tolist()
    [0.2, 0.1, 0.0, 2.0, 2.5, 2.2]
    """

    words: ClassVar[Words] = WORDS

    window: EventWindow

    @property
    def path(self) -> pd.DataFrame:
        """Coefficients by event time with 95% intervals; see `event_path`."""
        return self.event_path()

    def event_path(self, level: float = 0.95) -> pd.DataFrame:
        """Return the coefficients by event time.

        Parameters
        ----------
        level : float
            Confidence level of the intervals, .95 by default.

        Returns
        -------
        DataFrame
            One row per event time, with columns time, estimate, std_error, conf_low, conf_high and n_treated.
            n_treated is the number of treated entities with rows at this event time; at a binned end it
            includes rows beyond it. The reference has estimate 0 and no standard error.
        """
        window = self.window
        rows = self.tidy(level).set_index("term")
        names = [event_name(time) for time in window.times]
        path = rows.reindex(names)[["estimate", "std_error", "conf_low", "conf_high"]].reset_index(drop=True)
        path.loc[window.times.index(window.reference), "estimate"] = 0.0
        path.insert(0, "time", list(window.times))
        return path.assign(n_treated=list(window.n_treated))

    @property
    def reference(self) -> int:
        """Event time whose coefficient is zero by construction."""
        return self.window.reference

    def pretrend_test(self) -> TestResult:
        """Test jointly that all coefficients before treatment are zero.

        Returns
        -------
        TestResult
            F test, as in `wald_test`.

        Raises
        ------
        OptionError
            If the reference is the only event time before treatment. With clustered standard errors also if
            the other event times before treatment are not fewer than the treated clusters.

        Notes
        -----
        If the test does not reject, this does not prove parallel trends. The test has little power against
        trends that would bias the effects, and reporting effects only if it does not reject biases them (Roth
        2022, American Economic Review: Insights 4:305).
        """
        leads = self.window.leads
        if not leads:
            raise OptionError(
                "pretrend_test: the window has no event time before treatment beside the reference "
                f"{self.window.reference}; fit with a larger before."
            )
        self._refuse_few_treated(len(leads))
        test = self.wald_test([f"{event_name(time)} = 0" for time in leads])
        return replace(test, name="Pre-trend test")

    def _refuse_few_treated(self, leads: int) -> None:
        """Refuse as many leads as treated clusters, or more.

        Coefficients are means of treated entities, so that the residuals of c treated clusters vary in c - 1
        dimensions. The variance of some sum of the leads is then that of the other clusters alone, which is
        far too small: with one treated cluster the test rejects nearly always.
        """
        few = [
            notice.data["n_treated"] for notice in self.diagnostics if notice.code == "few_treated_clusters"
        ]
        treated = min(few, default=self.window.n_ever)
        if self.inference.clusters and treated <= leads:
            text = (
                f"{counted(leads, 'event time')} before treatment cannot be tested jointly with "
                f"{counted(treated, 'treated cluster')}: the test would reject far too often. Set before "
                f"to at most {treated}."
            )
            problem = option_problem("before", self.window.before, what=text)
            raise OptionError(f"pretrend_test: {text}", [problem])

    # --- the protocol -------------------------------------------------------------------------------------

    @property
    def terms(self) -> tuple[Term, ...]:
        """Description of each coefficient: an event time or a slope."""
        event_terms = {event_name(time): self.window.term(time) for time in self.window.estimated}
        return tuple(event_terms.get(term.name, term) for term in cast("Any", LinearResults.terms).fget(self))

    def glance(self) -> Glance:
        """Return summary numbers of the fit, such as the number of rows.

        Returns
        -------
        Glance
            A mapping with the same keys for all types of results.
        """
        return cast("Glance", {**LinearResults.glance(self), "model": "EventStudy"})

    def predict(self, panel: Panel) -> pd.Series[float]:
        """Predict the outcome, including the fixed effects.

        Parameters
        ----------
        panel : Panel
            A panel with the columns of the model, including that of the event.

        Returns
        -------
        Series
            Predictions indexed by row of `panel`. A prediction is missing, with a warning, if a fixed effect
            of the row was not estimated or a regressor is missing.

        Raises
        ------
        DigiprosperError
            If `panel` is not a Panel, or the column of the event is not valid, as in `EventStudy.fit`. The
            panel must contain the periods before treatment.
        """
        window = self.window
        check_panel(panel, "predict")
        timing = read_timing(table_of(panel), window.event, window.never)
        columns = dummies(window, *timing.event_times(timing.keys))
        event_positions = [self.names.index(event_name(time)) for time in window.estimated]
        other_prediction = self._without(event_positions).predict(panel)
        return (other_prediction + columns @ self.coefficients[event_positions]).rename(self.depvar)

    def _summary(self) -> Summary:
        plain = LinearResults._summary(self)
        head, cells, remarks = cast("tuple[Lines, Cells, Remarks]", plain.blocks)
        blocks = (head, Lines((*self._about(), "")), self._with_reference(cells), self._test_lines(), remarks)
        return replace(plain, blocks=blocks)

    def _about(self) -> list[str]:
        """Describe the treated entities and the window."""
        window = self.window
        counts = [f"{time}: {count:,}" for time, count in window.cohorts]
        shown = first_few(counts, _MOST_COHORTS)
        entity = self.key_names[0]
        lines = [
            f"Event: {window.event}. {entity} treated: {window.n_ever:,} ({shown}); "
            f"never: {window.n_never:,}",
            f"Event time {window.reference} is the reference.",
        ]
        if window.binned:
            ends = ", ".join(f"{event_name(time)} is {window.text(time)}" for time in window.binned)
            lines.append(f"Ends are binned: {ends}.")
        return lines

    def _with_reference(self, cells: Cells) -> Cells:
        """Insert the reference among the coefficients, in the order of event time."""
        window = self.window
        position = window.times.index(window.reference)
        row = (event_name(window.reference), "0", *[""] * 3, "reference")
        return Cells.of(cells.head, (*cells.rows[:position], row, *cells.rows[position:]))

    def _test_lines(self) -> Lines:
        if not self.window.leads:
            return Lines(())
        try:
            test = self.pretrend_test()
        except OptionError as error:
            return Lines(("", *wrapped([f"Pre-trend test not available: {error.problems[0].message}"])))
        except TermError:
            return Lines(
                ("", "Pre-trend test: not available, the window has more leads than the covariance allows.")
            )
        df = cast("tuple[float, float]", test.df)
        text = f"F({df[0]:g}, {df[1]:g}) = {test.statistic:z.4g}, {p_words(test.p_value, digits=3)}"
        return Lines(("", f"Pre-trend test: {text}."))

    def _more_numbers(self) -> dict[str, Any]:
        window = self.window
        return LinearResults._more_numbers(self) | {
            "event": window.event,
            "reference": window.reference,
            "binned": window.binned,
            "cohorts": [[time if isinstance(time, int) else str(time), n] for time, n in window.cohorts],
            "n_never": window.n_never,
            "path": self.path.to_dict("records"),
        }

    def _without(self, event_positions: list[int]) -> LinearResults:
        """Return the fit without the event times, to predict from the other regressors."""
        field_values = {f.name: getattr(self, f.name) for f in fields(LinearResults)}
        other_positions = [position for position in range(len(self.names)) if position not in event_positions]
        estimated = replace(
            self.estimated,
            names=tuple(self.names[position] for position in other_positions),
            coefficients=self.coefficients[other_positions],
        )
        return LinearResults(**{**field_values, "estimated": estimated})
