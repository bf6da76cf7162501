"""What figures draw: estimates by event time, and the balance of a matched sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import pandas as pd

from digiprosper.errors import InputTypeError, models_problem
from digiprosper.policy.notices import ALIKE
from digiprosper.policy.results import EventStudyResults
from digiprosper.policy.staggered_results import StaggeredDidResults
from digiprosper.report.drawings import Balance, EventPath, EventPaths
from digiprosper.report.labels import name_label

if TYPE_CHECKING:
    from collections.abc import Iterable

    from digiprosper.policy.matching_results import Matching

EffectsByEventTime: TypeAlias = EventStudyResults | StaggeredDidResults


def named_studies(results: object, purpose: str) -> dict[str, EffectsByEventTime]:
    """Return event studies by name; those of a sequence are numbered. `purpose` is for the error."""
    named: dict[str, Any] = dict(_pairs(results))
    other_results = [study for study in named.values() if not isinstance(study, EffectsByEventTime)]
    if other_results or not named:
        refused = other_results[0] if other_results else results
        raise InputTypeError(
            f"{purpose}: takes what fit of an EventStudy or StaggeredDid returns, or a list or mapping of "
            "them, not "
            f"{type(refused).__name__ if other_results else 'none'}.",
            [models_problem("no estimates by event time", refused)],
        )
    return named


def _pairs(results: object) -> Iterable[tuple[str, Any]]:
    if isinstance(results, Mapping):
        return [(str(head), study) for head, study in results.items()]
    if isinstance(results, Sequence) and not isinstance(results, str):
        return [(f"({number})", study) for number, study in enumerate(results, 1)]
    return [("", results)]


def event_paths(
    studies: Mapping[str, EffectsByEventTime], texts: Mapping[str, str], level: float
) -> EventPaths:
    """Collect the estimates by event time of several studies.

    An event time that is a binned end in some studies only is labelled by its number; these studies name it.
    """
    columns = ["time", "estimate", "conf_low", "conf_high", "n_treated"]
    points = {head: study.event_path(level)[columns] for head, study in studies.items()}
    times = sorted({int(time) for path in points.values() for time in path["time"]})
    ticks = {time: _tick(time, studies) for time in times}
    paths = [
        EventPath(
            texts.get(head, head), points[head], study.reference, _unnamed_ends(study, ticks), _before(study)
        )
        for head, study in studies.items()
    ]
    outcomes = {name_label(study.depvar, texts, study.factors) for study in studies.values()}
    return EventPaths(
        paths=paths,
        ticks=ticks,
        outcome=outcomes.pop() if len(outcomes) == 1 else "",
        level=level,
    )


def _before(study: EffectsByEventTime) -> str:
    """Return the code of what effects before treatment are relative to; empty for a reference."""
    code = "" if isinstance(study, EventStudyResults) else study.before
    return "" if code == "reference" else code


def _tick(time: int, studies: Mapping[str, EffectsByEventTime]) -> str:
    texts = {text for study in studies.values() if (text := _text(time, study)) is not None}
    return texts.pop() if len(texts) == 1 else str(time)


def _unnamed_ends(study: EffectsByEventTime, ticks: Mapping[int, str]) -> tuple[str, ...]:
    """List the binned ends of a study whose tick is labelled by the number of the event time."""
    ends = ((time, _text(time, study)) for time in ticks)
    return tuple(text for time, text in ends if text is not None and text not in (str(time), ticks[time]))


def _text(time: int, study: EffectsByEventTime) -> str | None:
    """Write an event time; None if the study does not have it. Only an event study has binned ends."""
    if isinstance(study, EventStudyResults):
        return study.window.text(time) if time in study.window.times else None
    return str(time)


def balance(matching: Matching, texts: Mapping[str, str]) -> Balance:
    """Collect absolute standardised differences before and after matching, the largest before first."""
    rows = matching.balance
    points = pd.DataFrame(
        {
            "label": [name_label(term, texts, matching.factors) for term in rows["term"]],
            "before": rows["std_diff_before"].abs(),
            "after": rows["std_diff_after"].abs(),
        }
    )
    return Balance(points.sort_values("before", ascending=False, ignore_index=True, kind="stable"), ALIKE)
