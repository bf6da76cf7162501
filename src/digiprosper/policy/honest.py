"""Effects if trends differ, and the power of the test before treatment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, TypeAlias, get_args

import numpy as np
import pandas as pd

from digiprosper.checks import (
    check_level,
    check_numbers,
    check_option,
    finite_numbers,
    is_real,
    not_identified,
    option_error,
    plain,
)
from digiprosper.errors import (
    IdentificationError,
    Notice,
    OptionError,
    TermError,
    cited,
    counted,
    number_text,
)
from digiprosper.kernels import Floats, Ints
from digiprosper.kernels.tolerances import SINGULAR
from digiprosper.policy.kernels.honest import (
    INTERVALS,
    MOST_BEFORE,
    EventCoefficients,
    break_even,
    likelihood_ratio,
    passing,
    slope_of_power,
)
from digiprosper.policy.notices import few_treated_trends
from digiprosper.policy.timing import TreatedEntities, event_name
from digiprosper.policy.words import WORDS
from digiprosper.report.columns import Column, PlainCell, Remark, remark_text
from digiprosper.report.estimates import Estimates
from digiprosper.report.results import BaseResults
from digiprosper.report.summary import (
    Cells,
    Lines,
    Remarks,
    Summarised,
    Summary,
)
from digiprosper.report.tests import TestResult
from digiprosper.report.text import interval_text, p_words

Bands: TypeAlias = Literal["pointwise", "joint"]
"""Intervals that cover each event time by itself, or all at once."""
POINTWISE = (
    "Intervals are pointwise; event_path(bands='joint') covers all event times at once."
)
PATH_COLUMNS = ["estimate", "std_error", "conf_low", "conf_high"]
_BOUNDS = (0.5, 1.0, 1.5, 2.0)
_METHODS = {
    "relative": "conditional test with least favourable first stage",
    "smoothness": "fixed-length intervals",
}
_DISTRIBUTIONS = {
    "t": "standard errors scaled by the quantile of t over the normal",
    "normal": "normal distribution",
}
# What to do if effects are not relative to the last event time before treatment.
_OTHER_BASE = {
    "previous": "Fit with base_period='universal'.",
    "earlier": "Use estimator='callaway_santanna', base_period='universal'.",
    "cohorts": "Drop cohorts without rows in the period before treatment.",
    "reference": "Fit with reference=-1.",
}
# How near a level may be to 0 or 1.
_NEAREST = 1e-6


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class HonestIntervals(Summarised):
    """Confidence intervals of an effect if trends differ, made by `honest` of a result.

    Parameters
    ----------
    frame : DataFrame
        One row per bound M, after one of the usual interval. Columns are M (missing for
        the usual interval), conf_low, conf_high and original (True for the usual
        interval).
    breakdown : float
        The break-even bound: the smallest M whose interval contains 0. It is 0 if the
        effect is not significant without differences in trends.
    restriction : str
        ``"relative"`` or ``"smoothness"``.
    weights : mapping
        Weights of the event times in the effect.
    critical : str
        ``"t"`` or ``"normal"``.
    level : float
        Confidence level.
    depvar : str
        Outcome.
    before : tuple of int
        Event times before treatment that are used, without the reference.
    labels, factors : mapping
        Labels of columns, and the factors of the outcome.
    diagnostics : tuple of Notice
        Remarks about the fit.

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
    >>> intervals = fit.honest(bounds=[0.5, 1])
    >>> intervals.frame.round(1).values.tolist()[1:]
    [[0.5, 1.1, 2.9, False], [1.0, 0.9, 3.1, False]]
    >>> round(intervals.breakdown, 1)
    2.5
    """

    _reported: ClassVar[str] = (
        "restriction critical level depvar breakdown before weights"
    )

    frame: pd.DataFrame
    breakdown: float
    restriction: str
    weights: Mapping[int, float]
    critical: str
    level: float
    depvar: str
    before: tuple[int, ...]
    labels: Mapping[str, str] = field(default_factory=dict)
    factors: Mapping[str, Any] = field(default_factory=dict)
    diagnostics: tuple[Notice, ...] = ()

    @property
    def effect(self) -> Remark:
        """Name the effect in the words of tables and figures."""
        used = [time for time, weight in self.weights.items() if weight]
        code = "average" if len(set(self.weights.values())) == 1 else "weights"
        if [self.weights[time] for time in used] == [1.0]:
            code = "time"
        ends = {"first": (str(used[0]),), "last": (str(used[-1]),)}
        return Remark(f"honest.{code}", ends, WORDS)

    @property
    def conventions(self) -> str:
        """Method of the intervals, and their distribution."""
        distribution = _DISTRIBUTIONS[self.critical]
        return f"Rambachan & Roth (2023), {_METHODS[self.restriction]}; {distribution}"

    def table_columns(self, level: float = 0.95) -> tuple[Column, ...]:  # noqa: ARG002
        """Return the columns of a table: the ends of the interval for each bound.

        Parameters
        ----------
        level : float
            Not used, since the level was an argument of `honest`. All results have this
            argument.

        Returns
        -------
        tuple of Column
            Two columns, with the restriction and the break-even bound in a note.
        """
        names: dict[str, tuple[str | Remark]] = {
            "level": (f"{100 * self.level:g}",),
            "effect": (self.effect,),
            "restriction": (Remark(f"honest.{self.restriction}", {}, WORDS),),
            "breakdown": (number_text(self.breakdown, 3),),
        }
        return tuple(
            Column(
                f"honest.{end}",
                cells={
                    row: PlainCell(end, value)
                    for row, value in zip(
                        self._row_names(), self.frame[end], strict=True
                    )
                },
                labels=self.labels,
                factors=self.factors,
                whole=Remark("honest", names),
                words=WORDS,
            )
            for end in ("conf_low", "conf_high")
        )

    def _row_names(self) -> list[str]:
        return ["original", *(f"M = {bound:g}" for bound in self.frame["M"][1:])]

    def _summary(self) -> Summary:
        about = (
            f"Outcome: {self.depvar}; {remark_text(self.effect, WORDS, {}, {})}.",
            f"Assumption: {WORDS.say(f'honest.{self.restriction}')}.",
            f"Event times before treatment: {', '.join(map(str, self.before))}.",
            "",
        )
        texts = map(interval_text, self.frame["conf_low"], self.frame["conf_high"])
        rows = zip(["usual interval", *self._row_names()[1:]], texts, strict=True)
        even = f"Break-even M: {self.breakdown:.4g}"
        return self._titled(
            f"{100 * self.level:g}% confidence intervals if trends differ",
            Lines(about, wrapped=True),
            Cells.of(["", "interval"], rows),
            Lines((f"{even}, the smallest whose interval contains 0.",)),
            Remarks.of(self.diagnostics),
        )

    def _more_numbers(self) -> dict[str, Any]:
        return {"intervals": self.frame.to_dict("records")}


class EventTimeResults(BaseResults):
    """What results by event time have in common: answers to differences in trends."""

    __slots__ = ()

    if TYPE_CHECKING:  # fields or properties of the subclasses
        depvar: str

        @property
        def reference(self) -> int | None:
            """Event time whose effect is zero by construction."""

        @property
        def before(self) -> str:
            """What effects before treatment are relative to, as a code."""

        @property
        def anticipation(self) -> int:
            """Periods before treatment in which it may have effects."""

        def _joint_critical(self, level: float) -> float:
            """Compute the critical value of the joint band of all event times."""

        def _joint_pretrend(self) -> TestResult:
            """Test jointly that all effects before treatment are zero."""

    def event_path(
        self, level: float = 0.95, bands: Bands = "pointwise"
    ) -> pd.DataFrame:
        """Return the effects by event time."""
        raise NotImplementedError

    def _make_path(
        self, level: float, bands: str, times: Sequence[int], n_treated: Sequence[int]
    ) -> pd.DataFrame:
        """Return the effects at event times, of which one may be the reference."""
        check_option("bands", bands, get_args(Bands))
        rows = self._by_event_time().tidy(level).set_index("term")
        path = rows.reindex([event_name(time) for time in times])[PATH_COLUMNS]
        path.insert(0, "time", list(times))
        path = path.reset_index(drop=True)
        if bands == "joint":
            half = self._joint_critical(level) * path["std_error"]
            path["conf_low"] = path["estimate"] - half
            path["conf_high"] = path["estimate"] + half
        path.loc[path["time"] == self.reference, "estimate"] = 0.0
        return path.assign(n_treated=list(n_treated))

    @property
    def path(self) -> pd.DataFrame:
        """Effects by event time with 95% intervals; see `event_path`."""
        return self.event_path()

    def _path_numbers(self, timing: TreatedEntities) -> dict[str, Any]:
        """Return numbers of a summary: the path, and who is treated when."""
        cohorts = [
            [time if isinstance(time, int) else str(time), count]
            for time, count in timing.cohorts
        ]
        return {
            "event": timing.event,
            "reference": self.reference,
            "cohorts": cohorts,
            "n_never": timing.n_never,
            "path": self.path.to_dict("records"),
        }

    def _base_text(self) -> str:
        """Describe what effects before treatment are relative to, in a sentence."""
        text = WORDS.say(f"before.{self.before}", time=self.reference)
        return text[0].upper() + text[1:]

    def _by_event_time(self) -> Self:
        """Return the results whose estimates are by event time."""
        return self

    def _refuse_binned_ends(self, purpose: str, last: int) -> None:
        """Refuse ends up to the last event time that stand for all beyond them."""

    def _event_estimates(self) -> tuple[Ints, int, Estimates, Floats]:
        """Return m event times, how many are before, estimates and weights (m, k)."""
        estimated, times = self._by_event_time().estimated, self.path["time"].to_numpy()
        times = times[times != self.reference]
        positions = [estimated.names.index(event_name(time)) for time in times]
        before = int((times < -self.anticipation).sum())
        return times, before, estimated, np.eye(len(estimated.names))[positions]

    def honest(
        self,
        *,
        restriction: Literal["relative", "smoothness"] = "relative",
        bounds: Sequence[float] | None = None,
        effect: int | Literal["average"] | Sequence[float] = 0,
        level: float = 0.95,
        critical: Literal["t", "normal"] = "t",
    ) -> HonestIntervals:
        """Compute confidence intervals of an effect that allow trends to differ.

        The usual interval assumes that the trends of treated and other entities are
        parallel. These intervals assume only that they do not differ by more than a
        bound M, and the result says from which M on the effect is not significant.

        Parameters
        ----------
        restriction : {"relative", "smoothness"}
            What M bounds. ``"relative"`` (default): from one period to the next, the
            difference in trends changes since treatment by at most M times its largest
            change before treatment. M = 1 means that trends differ no more than they
            did. ``"smoothness"``: its slope changes by at most M from one period to the
            next, in units of the outcome; M = 0 is a linear difference in trends.
        bounds : sequence of float, optional
            Values of M, at least 0. The default is .5, 1, 1.5 and 2. With
            ``"smoothness"`` it is 0 and these multiples of the largest change of the
            slope of the coefficients before treatment, or of more, so that the last
            interval contains 0.
        effect : int, "average" or sequence of float
            The effect at this event time (default 0), the mean of all event times from
            0 on, or a sum with one weight for each of them.
        level : float
            Confidence level, .95 by default.
        critical : {"t", "normal"}
            The intervals take the covariance matrix as known. With ``"t"`` (default)
            standard errors are multiplied by the critical value of the usual interval
            over that of the normal distribution, so that intervals hold with few
            clusters, and with M = 0 and ``"relative"`` the interval is the usual one.
            ``"normal"`` is the interval of R's HonestDiD and Stata's honestdid.

        Returns
        -------
        HonestIntervals
            With `frame`, `breakdown`, `summary` and a table.

        Raises
        ------
        OptionError
            If an option has an unknown value, if `level` is within 1e-6 of 0 or 1, or
            if there are too few event times before treatment.
        IdentificationError
            If the coefficients do not have one reference, the last period before the
            treatment; if event times have gaps, or ends are binned; if the covariance
            matrix of the coefficients is missing or singular.

        See Also
        --------
        pretrend_power : which trends the test before treatment would detect.

        Notes
        -----
        The coefficients are effects plus a difference in trends delta, which is 0 at
        the reference. With ``"relative"``, ``|delta_(t+1) - delta_t|`` since the
        reference is at most M times its maximum before it. For each change before
        treatment as the largest one, the conditional least-favourable hybrid test of
        Andrews, Roth & Pakes (2023, Review of Economic Studies 90:2763), with a first
        stage of a tenth of its size, is inverted; the interval contains all sets. With
        ``"smoothness"``, second differences of delta are at most M, and the interval is
        the shortest of fixed length around a linear estimator (Armstrong & Kolesar
        2018, Econometrica 86:655). Source: Rambachan & Roth (2023, Review of Economic
        Studies 90:2555).

        Critical values are exact integrals, and ends are found by bisection. R's
        HonestDiD draws the former, and evaluates a grid for the latter.

        Examples
        --------
        >>> import numpy as np, pandas as pd, digiprosper as dp
        >>> frame = pd.DataFrame(
        ...     {"city": np.repeat(range(60), 8), "year": [*range(2010, 2018)] * 60}
        ... )
        >>> frame["first"] = np.where(frame["city"] % 3 == 0, 2014.0, np.nan)
        >>> frame["y"] = 2.0 * (frame["year"] >= frame["first"])
        >>> frame["y"] += np.random.default_rng(1).normal(size=480)
        >>> spec = dp.EventStudy("y", "first", before=4, after=3)
        >>> fit = spec.fit(dp.Panel(frame, "city", "year"))
        >>> intervals = fit.honest(effect="average", bounds=[0.5, 1.0])
        >>> intervals.frame.round(1)["conf_low"].tolist()
        [1.6, 0.1, -1.4]
        >>> round(intervals.breakdown, 1)
        0.5
        """
        from scipy.special import ndtri

        check_option("restriction", restriction, (*INTERVALS,))
        check_option("critical", critical, (*_DISTRIBUTIONS,))
        level = check_level(level, _NEAREST)
        times, before, estimated, sums = self._event_estimates()
        needed = 2 if restriction == "smoothness" else 1
        if before < needed:
            text = (
                f"honest: restriction={restriction!r} needs "
                f"{counted(needed, 'event time')} before treatment beside the "
                f"reference, and there is {before or 'none'}. Fit with more periods "
                "before treatment."
            )
            raise option_error("restriction", restriction, text)
        reference = self.reference
        comparable = reference is not None and bool(times[before - 1] < reference)
        events = self._checked("honest", estimated, sums, times, comparable=comparable)
        gaps = sorted({*range(times[0], times[-1])} - {*times, reference})
        if gaps:
            text = (
                f"honest: no estimate at event time {', '.join(map(str, gaps))}. Use "
                "Panel(..., step=) if periods are several units apart, or "
                "aggregate('dynamic', balanced=...)."
            )
            raise not_identified("gaps", text, times=tuple(gaps))
        since = times[times >= 0].tolist()
        weights = _effect_weights(effect, since)
        of_effect = np.append(np.zeros(times.size - len(since)), weights)
        usual = estimated.combined("effect", of_effect @ sums, 0.0)
        scale = 1.0
        if critical == "t":
            scale = usual.critical(level, np.eye(1)).item() / ndtri((1 + level) / 2)
        covariance = scale**2 * events.covariance
        path = EventCoefficients(events.coefficients, covariance, before, of_effect)
        breakdown = break_even(path, restriction, level)
        (low,), (high,) = usual.limits(level)
        rows = [
            (bound, *INTERVALS[restriction](path, bound, level), False)
            for bound in _bounds(bounds, restriction, path, breakdown)
        ]
        return HonestIntervals(
            frame=pd.DataFrame(
                [(np.nan, low, high, True), *rows],
                columns=["M", "conf_low", "conf_high", "original"],
            ),
            breakdown=breakdown,
            restriction=restriction,
            weights=dict(zip(since, weights.tolist(), strict=True)),
            critical=critical,
            level=level,
            depvar=self.depvar,
            before=tuple(times[:before].tolist()),
            labels=dict(self.labels),
            factors=dict(self.factors),
            diagnostics=(
                *self.diagnostics,
                *few_treated_trends(self.diagnostics, self.inference.cov_type),
            ),
        )

    def pretrend_power(
        self,
        slopes: float | Sequence[float] | None = None,
        *,
        powers: Sequence[float] = (0.5, 0.8),
        level: float = 0.95,
    ) -> pd.DataFrame:
        """Compute how often event times before treatment would show a linear trend.

        The test that is meant is the usual look at a figure: a trend is detected if any
        of the intervals of single event times before treatment excludes zero.

        Parameters
        ----------
        slopes : float or sequence of float, optional
            Slopes of the difference in trends, in units of the outcome by period. The
            default is the smallest slope that is detected with each of `powers`.
        powers : sequence of float
            Probabilities of detecting a trend, .5 and .8 by default. Not used with
            `slopes`.
        level : float
            Confidence level of the intervals, .95 by default.

        Returns
        -------
        DataFrame
            One row per slope, with columns

            - ``slope``;
            - ``power``: the probability that an interval excludes zero;
            - ``bayes_factor``: the probability that none does, over that without a
              trend. Near 1 says that a figure without significant coefficients is
              nearly as likely with the trend as without it;
            - ``likelihood_ratio``: the likelihood of the coefficients before treatment
              with the trend, over that without it.

        Raises
        ------
        OptionError
            If there is no event time before treatment beside the reference, or more
            than 20, if an option has an unknown value, or if `level` is within 1e-6 of
            0 or 1.
        IdentificationError
            If the coefficients are no differences from one period, if the first event
            time is a binned end, or if their covariance is missing or singular.

        See Also
        --------
        honest : intervals of the effect if trends differ.

        Notes
        -----
        The estimates are taken as normal with a known covariance, as in R's pretrends
        and Stata's pretrends. If effects before treatment are changes since the
        previous period, a linear trend has the same mean in all of them. Source: Roth
        (2022, American Economic Review: Insights 4:305).

        Examples
        --------
        >>> import numpy as np, pandas as pd, digiprosper as dp
        >>> frame = pd.DataFrame(
        ...     {"city": np.repeat(range(60), 8), "year": [*range(2010, 2018)] * 60}
        ... )
        >>> frame["first"] = np.where(frame["city"] % 3 == 0, 2014.0, np.nan)
        >>> frame["y"] = 2.0 * (frame["year"] >= frame["first"])
        >>> frame["y"] += np.random.default_rng(1).normal(size=480)
        >>> spec = dp.EventStudy("y", "first", before=4, after=3)
        >>> fit = spec.fit(dp.Panel(frame, "city", "year"))
        >>> fit.pretrend_power()[["slope", "power"]].round(2).values.tolist()
        [[0.22, 0.5], [0.34, 0.8]]
        """
        level = check_level(level, _NEAREST)
        times, count, estimated, sums = self._event_estimates()
        if not 1 <= count <= MOST_BEFORE:
            text = (
                f"pretrend_power needs 1 to {MOST_BEFORE} event times before treatment "
                f"beside the reference, and there are {count}. Choose another window."
            )
            raise option_error("before", count, text)
        times, sums = times[:count], sums[:count]
        trend = np.ones(count)
        if self.reference is not None:
            trend = (times - self.reference).astype(np.float64)
        comparable = self.before in ("reference", "previous")
        events = self._checked(
            "pretrend_power", estimated, sums, times, comparable=comparable
        )
        covariance = events.covariance
        if slopes is None:
            kind = "one or more numbers between 0 and 1, such as [.5, .8]"
            shares = check_numbers("powers", powers, kind, lambda p: 0 < p < 1)
            slopes = [slope_of_power(covariance, trend, s, level) for s in shares]
        values = check_numbers("slopes", slopes, "finite numbers")
        trends = np.outer(values, trend)
        passed = np.array([passing(covariance, mean, level) for mean in trends])
        return pd.DataFrame(
            {
                "slope": values,
                "power": 1 - passed,
                "bayes_factor": passed / passing(covariance, 0.0 * trend, level),
                "likelihood_ratio": likelihood_ratio(
                    events.coefficients, covariance, trends
                ),
            }
        )

    def _pretest_lines(self, head: str, program: str, code: str) -> list[str]:
        """Describe the test before treatment, and what a program prints.

        `head` is the name of the test, and may contain ``{null}``. `program` begins the
        line of the alternative `code`.
        """
        try:
            test = self._joint_pretrend()
        except OptionError as error:
            return [f"Pre-trend test not available: {error.problems[0].message}"]
        except TermError:
            return [
                "Pre-trend test: not available, the window has more leads than the "
                "covariance allows."
            ]
        lines = [f"{head.format(null=test.null)}: {_describe_test(test)}."]
        if code in test.alternatives:
            lines.append(f"{program} {_describe_test(test.alternatives[code])}.")
        return lines

    def _power_of_pretest(self) -> pd.DataFrame | None:
        """Return the default of `pretrend_power`; None where it cannot be computed."""
        try:
            return self.pretrend_power()
        except (OptionError, IdentificationError):
            return None

    def _checked(
        self,
        purpose: str,
        estimated: Estimates,
        sums: Floats,
        times: Ints,
        *,
        comparable: bool,
    ) -> Estimates:
        """Return estimates by event time; refuse those that cannot be compared."""
        if not comparable:
            text = (
                f"{purpose} needs effects relative to the last event time before "
                f"treatment. {self._base_text()} {_OTHER_BASE[self.before]}"
            )
            raise not_identified("no_reference", text, reference=self.reference)
        self._refuse_binned_ends(purpose, times[-1])
        events = Estimates.of(
            (), estimated.sums(sums), estimated.covariance_of(sums), self.inference
        )
        if np.linalg.eigvalsh(events.middle)[0] > SINGULAR:
            return events
        text = (
            f"{purpose}: the covariance matrix of the coefficients by event time is "
            "missing or singular: there are too few clusters for so many event times. "
            "Choose a shorter window or more clusters."
        )
        raise not_identified("singular_covariance", text)


def _describe_test(test: TestResult) -> str:
    """Write statistic, p-value and method of a test."""
    symbol = "Wald" if test.distribution == "bootstrap" else test._distribution()
    words = f"{symbol} = {test.statistic:z.4g}, {p_words(test.p_value, digits=3)}"
    return f"{words} ({test.method})" if test.method else words


# --- options --------------------------------------------------------------------------


def _bounds(
    bounds: object, restriction: str, path: EventCoefficients, breakdown: float
) -> list[float]:
    """Return the values of M; by default multiples of a natural unit."""
    if bounds is not None:
        kind = "one or more finite numbers of at least 0, such as [.5, 1]"
        return check_numbers("bounds", bounds, kind, lambda m: m >= 0)
    if restriction == "relative":
        return list(_BOUNDS)
    bends = (path.differences(2) @ path.coefficients)[: path.before - 1]
    unit = max(float(np.abs(bends).max()), breakdown / _BOUNDS[-1])
    return [unit * bound for bound in (0.0, *_BOUNDS)]


def _effect_weights(effect: object, times: Sequence[int]) -> Floats:
    value, count = plain(effect), len(times)
    if isinstance(value, str) and value == "average":
        weights = [1 / count] * count
    elif is_real(value):
        weights = [float(time == value) for time in times]
    else:
        weights = finite_numbers(value)
    if len(weights) == count and any(weights):
        return np.array(weights)
    text = (
        f"effect={cited(value)} must be an event time since treatment, from {times[0]} "
        f"to {times[-1]}, 'average', or a weight for each of the {count} event times, "
        "not all zero."
    )
    raise option_error("effect", value, text, (*times, "average"))
