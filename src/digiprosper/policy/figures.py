"""Numbers for figures: estimates by event time, and balance of a matched sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from digiprosper.errors import cited, issue, notice_of
from digiprosper.policy.honest import EventTimeResults, HonestIntervals
from digiprosper.policy.matching_results import Matching
from digiprosper.policy.notices import ALIKE
from digiprosper.policy.results import WindowResults
from digiprosper.policy.words import WORDS
from digiprosper.report.collection import labelled, refuse_other_results
from digiprosper.report.columns import remark_text
from digiprosper.report.drawings import (
    Balance,
    EventPath,
    EventPaths,
    HonestPlot,
    Wording,
)

_BASES = {
    "reference": "the reference",
    "previous": "the previous period",
    "earlier": "earlier periods",
    "cohorts": "references of their cohorts",
}


def named_studies(results: object, purpose: str) -> dict[str, EventTimeResults]:
    """Return event studies by name, or by number for a list; errors name `purpose`."""
    studies = labelled(results)
    makers = "fit of an EventStudy or StaggeredDid returns"
    problem = "no estimates by event time"
    refuse_other_results(studies, EventTimeResults, purpose, makers, problem)
    return dict(studies)


def event_paths(
    studies: Mapping[str, EventTimeResults],
    wording: Wording,
    level: float,
) -> EventPaths:
    """Collect the estimates by event time of several studies.

    An event time that is a binned end in some studies only is labelled by its number.
    """
    points = {head: _path_points(study, level) for head, study in studies.items()}
    times = sorted({int(time) for path in points.values() for time in path["time"]})
    texts_of = {
        head: _event_time_texts(study, times) for head, study in studies.items()
    }
    ticks = {}
    for time in times:
        distinct = {event[time] for event in texts_of.values() if time in event}
        ticks[time] = distinct.pop() if len(distinct) == 1 else str(time)
    paths = []
    for head, study in studies.items():
        before = study.before.removeprefix("reference")
        ends = _unlabelled_ends(texts_of[head], ticks)
        name = wording.labels.get(head, head)
        paths.append(EventPath(name, points[head], study.reference, ends, before))
    _warn_of_unlike_bases(paths)
    outcomes = {wording.label(study.depvar) for study in studies.values()}
    outcome = outcomes.pop() if len(outcomes) == 1 else ""
    return EventPaths(paths=paths, ticks=ticks, outcome=outcome, level=level)


def _warn_of_unlike_bases(paths: Sequence[EventPath]) -> None:
    """Warn if models compare the times before treatment with different periods."""
    bases = {}
    for path in paths:
        times = path.points["time"]
        if ((times < 0) & (times != path.reference)).any():
            bases[path.head] = path.before or "reference"
    if len(set(bases.values())) > 1:
        each = ", ".join(f"{cited(head)}: {_BASES[b]}" for head, b in bases.items())
        issue([notice_of("unlike_bases", bases=bases, _each=each)])


def _path_points(study: EventTimeResults, level: float) -> pd.DataFrame:
    """Return the estimates with intervals, and the joint band if there is one."""
    columns = ["time", "estimate", "conf_low", "conf_high", "n_treated"]
    points = study.event_path(level)[columns]
    band = study.event_path(level, "joint")
    if not band["conf_low"].notna().any():
        return points
    return points.assign(band_low=band["conf_low"], band_high=band["conf_high"])


def _unlabelled_ends(
    texts: Mapping[int, str], ticks: Mapping[int, str]
) -> tuple[str, ...]:
    """List a study's binned ends that the tick labels do not show."""
    items = texts.items()
    return tuple(text for time, text in items if text not in (str(time), ticks[time]))


def _event_time_texts(study: EventTimeResults, times: Sequence[int]) -> dict[int, str]:
    """Write the event times of a study; only an event study has binned ends."""
    if isinstance(study, WindowResults):
        return {time: study.window.text(time) for time in study.window.times}
    return {time: str(time) for time in times}


def honest_plot(intervals: HonestIntervals, wording: Wording) -> HonestPlot:
    """Collect the intervals of an effect by the bound on how trends differ."""
    effect, restriction = (
        text[0].upper() + text[1:]
        for text in (
            remark_text(intervals.effect, WORDS, {}, {}, wording.language),
            WORDS.say(f"honest.{intervals.restriction}", wording.language),
        )
    )
    return HonestPlot(
        points=intervals.frame,
        effect=effect,
        outcome=wording.label(intervals.depvar),
        restriction=restriction,
        breakdown=intervals.breakdown,
        level=intervals.level,
    )


def balance(matching: Matching, wording: Wording) -> Balance:
    """Collect absolute standardised differences, before and after matching.

    The largest before matching is first.
    """
    rows = matching.balance
    labels = list(map(wording.label, rows["term"]))
    before, after = rows["std_diff_before"].abs(), rows["std_diff_after"].abs()
    points = pd.DataFrame({"label": labels, "before": before, "after": after})
    points = points.sort_values(
        "before", ascending=False, ignore_index=True, kind="stable"
    )
    return Balance(points, ALIKE)
