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
    """Read one event study or several.

    Parameters
    ----------
    results : EventStudyResults or StaggeredDidResults, sequence or mapping
        What to draw.
    purpose : str
        Which figure, for errors.

    Returns
    -------
    dict
        Name to event study; those of a sequence are numbered.

    Raises
    ------
    InputTypeError
        If there is none, or one of them is something else.
    """
    named: dict[str, Any] = dict(_pairs(results))
    odd = [one for one in named.values() if not isinstance(one, EffectsByEventTime)]
    if odd or not named:
        given = odd[0] if odd else results
        raise InputTypeError(
            f"{purpose}: takes what fit of an EventStudy or StaggeredDid returns, or a list or mapping of "
            "them, not "
            f"{type(given).__name__ if odd else 'none'}.",
            [models_problem("no estimates by event time", given)],
        )
    return named


def _pairs(results: object) -> Iterable[tuple[str, Any]]:
    if isinstance(results, Mapping):
        return [(str(head), one) for head, one in results.items()]
    if isinstance(results, Sequence) and not isinstance(results, str):
        return [(f"({number})", one) for number, one in enumerate(results, 1)]
    return [("", results)]


def event_paths(
    studies: Mapping[str, EffectsByEventTime], texts: Mapping[str, str], level: float
) -> EventPaths:
    """Lay out estimates by event time.

    Parameters
    ----------
    studies : mapping
        Name to event study.
    texts : mapping
        Labels by term or column.
    level : float
        Confidence level of the intervals.

    Returns
    -------
    EventPaths
        An event time that is a binned end in some studies only has its number, and these studies name it.
    """
    columns = ["time", "estimate", "conf_low", "conf_high", "n_treated"]
    points = {head: one.event_path(level)[columns] for head, one in studies.items()}
    times = sorted({int(time) for own in points.values() for time in own["time"]})
    ticks = {time: _tick(time, studies) for time in times}
    paths = [
        EventPath(texts.get(head, head), points[head], one.reference, _unnamed_ends(one, ticks), _before(one))
        for head, one in studies.items()
    ]
    outcomes = {name_label(one.depvar, texts, one.factors) for one in studies.values()}
    return EventPaths(
        paths=paths,
        ticks=ticks,
        outcome=outcomes.pop() if len(outcomes) == 1 else "",
        level=level,
    )


def _before(study: EffectsByEventTime) -> str:
    """Give the code of what event times before treatment are relative to, unless it is a reference."""
    code = "" if isinstance(study, EventStudyResults) else study.before
    return "" if code == "reference" else code


def _tick(time: int, studies: Mapping[str, EffectsByEventTime]) -> str:
    found = {text for one in studies.values() if (text := _text(time, one)) is not None}
    return found.pop() if len(found) == 1 else str(time)


def _unnamed_ends(study: EffectsByEventTime, ticks: Mapping[int, str]) -> tuple[str, ...]:
    """List the binned ends of a study that stand at the number of one event time."""
    ends = ((time, _text(time, study)) for time in ticks)
    return tuple(text for time, text in ends if text is not None and text not in (str(time), ticks[time]))


def _text(time: int, study: EffectsByEventTime) -> str | None:
    """Write an event time; None if the study does not have it. Only an event study has binned ends."""
    if isinstance(study, EventStudyResults):
        return study.window.text(time) if time in study.window.times else None
    return str(time)


def balance(matching: Matching, texts: Mapping[str, str]) -> Balance:
    """Lay out standardised differences before and after matching.

    Parameters
    ----------
    matching : Matching
        The matched sample.
    texts : mapping
        Labels by term or column.

    Returns
    -------
    Balance
        The terms with the largest difference before matching first.
    """
    rows = matching.balance
    points = pd.DataFrame(
        {
            "label": [name_label(term, texts, matching.factors) for term in rows["term"]],
            "before": rows["std_diff_before"].abs(),
            "after": rows["std_diff_after"].abs(),
        }
    )
    return Balance(points.sort_values("before", ascending=False, ignore_index=True, kind="stable"), ALIKE)
