"""Results of event studies, also of counts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, cast

import numpy as np
import pandas as pd

from digiprosper.checks import (
    check_option,
    not_identified,
    option_problem,
)
from digiprosper.errors import OptionError, counted, number_text
from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.linear.kernels.wild import (
    band_critical,
    multivariate_t_critical,
)
from digiprosper.linear.poisson import CountEstimates, CountResults
from digiprosper.linear.results import LinearResults
from digiprosper.panel import Panel
from digiprosper.panel.access import check_panel, table_of
from digiprosper.policy.honest import (
    PATH_COLUMNS,
    POINTWISE,
    Bands,
    EventTimeResults,
)
from digiprosper.policy.timing import (
    EventWindow,
    dummies,
    event_name,
    read_timing,
    with_reference,
)
from digiprosper.policy.words import WORDS
from digiprosper.report.columns import Remark
from digiprosper.report.estimates import Estimates
from digiprosper.report.pickling import PickledByName
from digiprosper.report.protocol import Glance
from digiprosper.report.summary import (
    Cells,
    Lines,
    Remarks,
    Summary,
    coefficient_cells,
)
from digiprosper.report.terms import Term, slope_terms
from digiprosper.report.tests import TestResult
from digiprosper.report.text import wrapped
from digiprosper.report.words import Words

_SCALES = ("log", "percent", "counts")
_MEANING = (
    "A coefficient of an event time is the log of a ratio: the mean outcome of treated "
    "rows over what it would be without treatment. exp(b) - 1 is the relative effect; "
    "event_path(scale='counts') has effects in counts."
)


class WindowResults(EventTimeResults):
    """Base of results with coefficients by event time in a window."""

    __slots__ = ()
    before: ClassVar[str] = "reference"  # as in `StaggeredDidResults`
    anticipation: ClassVar[int] = 0

    window: EventWindow  # event times with a coefficient, and who reaches them

    def event_path(
        self,
        level: float = 0.95,
        bands: Bands = "pointwise",
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
        window = self.window
        return self._make_path(level, bands, window.times, window.n_treated)

    def _joint_critical(self, level: float) -> float:
        """Compute the critical value of the joint band of all event times."""
        is_event = np.isin(self.names, self.window.names)
        shown = is_event & (self.estimated.std_errors() > 0)
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
            why = "bootstrap would hardly ever reject, and the F test nearly always."
            if not has_draws:
                why = (
                    "F test would reject far too often. Set before to at most "
                    f"{treated}, or use cov_type='clustered' with clusters in one way."
                )
            text = (
                f"{counted(len(leads), 'event time')} before treatment cannot be "
                f"tested jointly with {counted(treated, 'treated cluster')}: the {why}"
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
        lines = []
        if self.window.leads:
            lines = self._pretest_lines("Pre-trend test", "Stata prints", "stata")
        return Lines(("", *wrapped([*lines, POINTWISE])))

    def _window_numbers(self) -> dict[str, Any]:
        return {"binned": self.window.binned, **self._path_numbers(self.window)}


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
        columns = dummies(window, *timing.event_times(timing.table.keys))
        is_event = np.isin(self.names, window.names)
        # The fit without the event times predicts from the other regressors.
        others = replace(
            self.estimated,
            names=tuple(np.array(self.names)[~is_event].tolist()),
            coefficients=self.coefficients[~is_event],
        )
        prediction = LinearResults._of(self, estimated=others).predict(panel)
        by_event = columns @ self.params[window.names].to_numpy()
        return (prediction + by_event).rename(self.depvar)

    def _summary(self) -> Summary:
        plain, window = LinearResults._summary(self), self.window
        head, cells, tests, remarks = cast(
            "tuple[Lines, Cells, Lines, Remarks]", plain.blocks
        )
        lines = (*window.lines(self.key_names[0]), "")
        cells = self._with_reference(cells)
        blocks = (head, Lines(lines), cells, tests, self._test_lines(), remarks)
        return replace(plain, blocks=blocks)

    def _more_numbers(self) -> dict[str, Any]:
        return LinearResults._more_numbers(self) | self._window_numbers()


# --- counts ---------------------------------------------------------------------------


def _in_percent(frame: pd.DataFrame) -> pd.DataFrame:
    """Convert logs of ratios to relative effects in percent, by the delta method."""
    frame["std_error"] *= 100 * np.exp(frame["estimate"])
    ends = ["estimate", "conf_low", "conf_high"]
    frame[ends] = 100 * np.expm1(frame[ends])
    return frame


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class CountCells(PickledByName):
    """Cells of cohort and event time, from which all effects are computed."""

    event: Ints  # (m,) event time of the cell
    # Coefficients, the first m of which are log ratios of the cells, then m sums of the
    # outcomes in the cells
    joint: Estimates
    # Sum of the weights of treated rows at each event time with a coefficient; also of
    # separated rows, whose mean is zero with treatment and without
    rows: Floats

    def estimates(
        self, member: Bools, scale: str, rows: Floats, names: tuple[str, ...] = ()
    ) -> Estimates:
        """Estimate effects (q,) of cells (q, m), with logs also slopes of controls.

        The fitted means of the treated rows of a cell add up to their outcomes S, those
        without treatment to S exp(-b). With the scale ``"log"`` an effect is the log of
        the ratio of these sums over all its cells, with ``"counts"`` their difference
        by row, of `rows` (q,).
        """
        m, size = self.event.size, self.joint.coefficients.size
        ratios, sums = self.joint.coefficients[:m], self.joint.coefficients[-m:]
        shrunk = np.exp(-ratios)
        treated, untreated = member @ sums, member @ (sums * shrunk)
        estimates, denominators = (treated - untreated) / rows, (rows, rows)
        if scale == "log":
            estimates, denominators = np.log(treated / untreated), (treated, untreated)
        per_treated, per_untreated = (member / d[:, None] for d in denominators)
        by_sum = per_treated - per_untreated * shrunk
        by_ratio = per_untreated * (sums * shrunk)
        others = np.zeros((len(member), size - 2 * m))
        controls = np.eye(size)[m : size - m] if scale == "log" else np.zeros((0, size))
        weights = np.vstack([np.hstack([by_ratio, others, by_sum]), controls])
        return CountEstimates(
            names=names or tuple(map(str, range(len(member)))),
            coefficients=np.append(estimates, controls @ self.joint.coefficients),
            # Row by row, so that a missing error affects no other effect.
            root=np.vstack([self.joint.rows(row[None]) for row in weights]),
            middle=self.joint.middle,
            inference=self.joint.inference,
        )


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class PoissonEventStudyResults(WindowResults, CountResults):
    """Results of `EventStudy` with ``family="poisson"``.

    Parameters
    ----------
    depvar : str
        Outcome.
    estimated : Estimates
        Log ratios by event time, then slopes of controls. Tests use the normal
        distribution, and under ``"crv3"`` t with G - 1 degrees of freedom.
    sample : EstimationSample
        The rows of the fit.
    window : EventWindow
        Event times with a coefficient, and the treated entities at each of them.
    cells : CountCells
        Log ratios and outcomes by cohort and event time, with their covariance.
    fitted : array or None
        Means (N,), effects included; None with ``keep_rows=False``.
    residuals : array or None
        Outcome less mean (N,).
    deviance : float
        Twice the difference of log likelihoods of a perfect fit and of the fit.
    df_absorbed : int
        Rank of the absorbed effects.
    effect_names : tuple of str
        Names of the absorbed effects.
    effect_values : tuple
        Name, levels and estimates of each absorbed effect.
    separated : DataFrame
        Rows that were dropped because they are separated, with the reason, as in
        `PoissonResults`.
    exposure, offset : str or None
        Terms of the specification.
    labels : mapping
        Labels of columns.
    diagnostics : tuple of Notice
        Remarks about the data and the fit.
    version : str
        Version of digiprosper that fitted the model.

    Examples
    --------
    >>> import numpy as np, pandas as pd, digiprosper as dp
    >>> frame = pd.DataFrame(
    ...     {"city": np.repeat(range(60), 6), "year": np.tile(range(2010, 2016), 60)}
    ... )
    >>> frame["first"] = np.where(frame["city"] % 2 == 0, 2013.0, np.nan)
    >>> mean = 5 * np.exp(0.4 * (frame["year"] >= frame["first"]))
    >>> frame["patents"] = np.random.default_rng(1).poisson(mean)
    >>> spec = dp.EventStudy("patents", "first", before=3, after=2, family="poisson")
    >>> fit = spec.fit(dp.Panel(frame, "city", "year"))
    >>> fit.event_path()["estimate"].round(2).tolist()
    [0.02, -0.24, 0.0, 0.33, 0.61, 0.46]
    >>> fit.average_effects()["estimate"].round(2).tolist()
    [0.47, 59.48, 2.94]
    """

    words: ClassVar[Words] = WORDS
    _model: ClassVar[str] = "EventStudy"

    window: EventWindow
    cells: CountCells

    def event_path(
        self,
        level: float = 0.95,
        bands: Bands = "pointwise",
        scale: Literal["log", "percent", "counts"] = "log",
    ) -> pd.DataFrame:
        """Return the effects by event time.

        Parameters
        ----------
        level : float
            Confidence level of the intervals, .95 by default.
        bands : {"pointwise", "joint"}
            As in `EventStudyResults.event_path`, ``"pointwise"`` by default. The joint
            band has a critical value of the multivariate normal distribution, with the
            correlations of the estimates (of t under ``"crv3"``).
        scale : {"log", "percent", "counts"}
            ``"log"`` (default): the coefficients b, logs of ratios. ``"percent"``:
            the relative effect 100 (exp(b) - 1) in percent, with the error
            100 exp(b) se(b) and the ends of the interval of b. ``"counts"``: the mean
            difference of fitted means with and without treatment, over treated rows
            (Wooldridge 2023); there is no joint band.

        Returns
        -------
        DataFrame
            As that of `EventStudyResults.event_path`.

        Raises
        ------
        OptionError
            If `bands` or `scale` is unknown, or `level` is not between 0 and 1, or a
            joint band of effects in counts is asked for.

        Notes
        -----
        With several cohorts the ratio of an event time is that of the sums over their
        cells. Errors are by the delta method, with those of the mean outcomes of
        treated rows. In counts they equal those of Wooldridge's regression on effects
        of cohorts and periods in a balanced panel without controls. Rows that are
        separated by their effects count with an effect of zero; their share is taken
        as fixed.
        """
        check_option("scale", scale, _SCALES)
        if scale == "counts":
            check_option("bands", bands, ("pointwise",))
        # A dataclass with slots is a new class, which `super()` does not know.
        path = WindowResults.event_path(self, level, bands)
        if scale == "log":
            return path
        if scale == "percent":
            return _in_percent(path)
        at = path["time"] != self.window.reference
        # Cells (m) of each event time with a coefficient
        member = self.cells.event == np.array(self.window.estimated)[:, None]
        counts = self.cells.estimates(member, "counts", self.cells.rows)
        path.loc[at, PATH_COLUMNS] = counts.frame(level)[PATH_COLUMNS].to_numpy()
        return path

    def average_effects(self, level: float = 0.95) -> pd.DataFrame:
        """Compute the average effect on all rows since treatment, on every scale.

        Parameters
        ----------
        level : float
            Confidence level of the intervals, .95 by default.

        Returns
        -------
        DataFrame
            One row per scale of `event_path`: ``"log"``, ``"percent"``, ``"counts"``,
            with columns scale, estimate, std_error, conf_low and conf_high.

        Raises
        ------
        OptionError
            If `level` is not between 0 and 1.
        """
        since = (self.cells.event >= 0)[None]
        rows = self.cells.rows[np.array(self.window.estimated) >= 0].sum()[None]
        names = ("att", *self.names[len(self.window.estimated) :])
        log = self.cells.estimates(since, "log", rows, names).frame(level)[:1]
        counts = self.cells.estimates(since, "counts", rows).frame(level)
        frame = pd.concat([log, _in_percent(log.copy()), counts])[PATH_COLUMNS]
        frame.insert(0, "scale", _SCALES)
        return frame.reset_index(drop=True)

    # --- the protocol -----------------------------------------------------------------

    def _remarks(self) -> tuple[Remark, ...]:
        return (Remark("log_ratios", {}),)

    def _summary(self) -> Summary:
        scales = self.average_effects().set_index("scale")
        averages = [
            f"{number_text(estimate)}{unit} ({number_text(error)})"
            for (estimate, error), unit in zip(
                scales.loc[["percent", "counts"], ["estimate", "std_error"]].to_numpy(),
                ("%", " in counts"),
                strict=True,
            )
        ]
        lines = (
            *self._about(),
            f"Dropped: {len(self.separated)} separated rows",
            f"Deviance {self.deviance:.6g}",
            *self.window.lines(self.key_names[0]),
            "",
        )
        average = f"Average effect since treatment: {', '.join(averages)}."
        return self._titled(
            f"Event study by Poisson regression, outcome: {self.depvar}",
            Lines(lines),
            self._with_reference(coefficient_cells(self.tidy())),
            self._test_lines(),
            Lines((average, _MEANING), wrapped=True),
            Remarks.of(self.diagnostics, ""),
        )

    def _more_numbers(self) -> dict[str, Any]:
        averages = self.average_effects().to_dict("records")
        return {**self._window_numbers(), "average_effects": averages}
