"""Results of event studies of counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd

from digiprosper.checks import check_level, check_option
from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.linear.poisson import CountEstimates, CountResults
from digiprosper.policy.results import WindowResults
from digiprosper.policy.window import EventWindow
from digiprosper.policy.words import WORDS
from digiprosper.report.columns import Remark
from digiprosper.report.estimates import Estimates
from digiprosper.report.pickling import PickledByName
from digiprosper.report.summary import Lines, Remarks, Summary, coefficient_cells
from digiprosper.report.text import number_text
from digiprosper.report.words import Words

_SCALES = ("log", "percent", "counts")
_COLUMNS = ["estimate", "std_error", "conf_low", "conf_high"]
_MEANING = (
    "A coefficient of an event time is the log of a ratio: the mean outcome of treated "
    "rows over what it would be without treatment. exp(b) - 1 is the relative effect; "
    "event_path(scale='counts') has effects in counts."
)


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
    # Of k coefficients, log ratios of the m cells first, then of m sums of outcomes
    joint: Estimates
    # Weights of treated rows at each event time with a coefficient, also of separated
    # rows, whose mean is zero with treatment and without
    rows: Floats

    def effects(self, member: Bools, scale: str, rows: Floats) -> tuple[Floats, Floats]:
        """Compute effects (q,) of cells (q, m), and their gradient by `joint`.

        The fitted means of the treated rows of a cell add up to their outcomes S, those
        without treatment to S exp(-b). With the scale ``"log"`` an effect is the log of
        the ratio of these sums over all its cells, with ``"counts"`` their difference
        by row, of `rows` (q,).
        """
        m = self.event.size
        ratios, sums = self.joint.coefficients[:m], self.joint.coefficients[-m:]
        shrunk = np.exp(-ratios)
        treated, untreated = member @ sums, member @ (sums * shrunk)
        if scale == "log":
            estimates = np.log(treated / untreated)
            by_sum = member * (1 / treated[:, None] - shrunk / untreated[:, None])
            by_ratio = member * (sums * shrunk) / untreated[:, None]
        else:
            estimates = (treated - untreated) / rows
            by_sum = member * (1 - shrunk) / rows[:, None]
            by_ratio = member * (sums * shrunk) / rows[:, None]
        others = np.zeros((len(member), self.joint.coefficients.size - 2 * m))
        return estimates, np.hstack([by_ratio, others, by_sum])

    def estimates(
        self, names: tuple[str, ...], member: Bools, scale: str, rows: Floats
    ) -> Estimates:
        """Estimate effects (q,) of cells (q, m), then the slopes of controls."""
        values, gradient = self.effects(member, scale, rows)
        m, size = self.event.size, self.joint.coefficients.size
        controls = np.eye(size)[m : size - m] if scale == "log" else np.zeros((0, size))
        weights = np.vstack([gradient, controls])
        return CountEstimates(
            names=names,
            coefficients=np.append(values, controls @ self.joint.coefficients),
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
        bands: Literal["pointwise", "joint"] = "pointwise",
        scale: Literal["log", "percent", "counts"] = "log",
    ) -> pd.DataFrame:
        """Return the effects by event time.

        Parameters
        ----------
        level : float
            Confidence level of the intervals, .95 by default.
        bands : {"pointwise", "joint"}
            As in `EventStudyResults.event_path`. The joint band has a critical value of
            the multivariate normal distribution, with the correlations of the estimates
            (of t under ``"crv3"``).
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
        # The class with slots is another one than that of the closure of super().
        path = WindowResults.event_path(self, level, bands)
        if scale == "log":
            return path
        if scale == "percent":
            return _in_percent(path)
        at = path["time"] != self.window.reference
        # Cells (m) of each event time with a coefficient
        member = self.cells.event == np.array(self.window.estimated)[:, None]
        counts = self._count_estimates(member, self.cells.rows)
        path.loc[at, _COLUMNS] = counts.frame(level)[_COLUMNS].to_numpy()
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
        level, since = check_level(level), (self.cells.event >= 0)[None]
        rows = self.cells.rows[np.array(self.window.estimated) >= 0].sum()[None]
        names = ("att", *self.names[len(self.window.estimated) :])
        log = self.cells.estimates(names, since, "log", rows).frame(level)[:1]
        counts = self._count_estimates(since, rows).frame(level)
        frame = pd.concat([log, _in_percent(log.copy()), counts])[_COLUMNS]
        frame.insert(0, "scale", _SCALES)
        return frame.reset_index(drop=True)

    def _count_estimates(self, member: Bools, rows: Floats) -> Estimates:
        names = tuple(map(str, range(len(member))))
        return self.cells.estimates(names, member, "counts", rows)

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
