"""Remarks on a report of propositions.

=======================  ===============================================================
code                     data
=======================  ===============================================================
several_tests            tests, method, chance (how many would reject without
                         adjustment), alpha
association              none
samples_differ           least, most (observations)
overlap_not_searched     none
controls_left_out        names (of controls), ids (of propositions)
controls_overlap         names (of controls), indices, ids
few_draws_to_adjust      tests, reps, least (adjusted p-value that is possible)
=======================  ===============================================================
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain

from digiprosper.errors import Notice
from digiprosper.pathways.findings import Finding
from digiprosper.pathways.words import WORDS
from digiprosper.report.words import Language

_SEPARATORS: dict[Language, str] = {"english": ", ", "chinese": "、"}


def report_notices(
    findings: Iterable[Finding],
    controls: Sequence[str],
    overlaps: Mapping[str, Sequence[tuple[str, str]]] | None,
    adjust: str,
    alpha: float,
    reps: int,
) -> Iterator[Notice]:
    """State what a reader of tested propositions needs to know.

    `overlaps` lists, by id, controls that are indicators of an index in the same model,
    with the index; it is None if nobody searched for them.
    """
    tested = [finding for finding in findings if finding.tested]
    if not tested:
        return
    count, nobs = len(tested), [finding.nobs for finding in tested]
    yield _notice(
        "several_tests",
        tests=count,
        method=adjust,
        chance=round(count * alpha, 1),
        alpha=round(alpha, 6),
    )
    yield _notice("association")
    if min(nobs) < max(nobs):
        yield _notice("samples_differ", least=min(nobs), most=max(nobs))
    yield from _control_notices(tested, controls, overlaps)
    least = count / (reps + 1)
    # The other adjustments do not multiply the smallest p-value by all tests.
    if adjust in ("holm", "bonferroni") and least > alpha:
        yield _notice(
            "few_draws_to_adjust", tests=count, reps=reps, least=round(least, 4)
        )


def _control_notices(
    tested: Sequence[Finding],
    controls: Sequence[str],
    overlaps: Mapping[str, Sequence[tuple[str, str]]] | None,
) -> Iterator[Notice]:
    """State which controls are left out or part of an index, if that was searched."""
    if overlaps is None:
        yield _notice("overlap_not_searched")
    # Variables of a proposition are no controls in its model.
    left_out = {
        f.mechanism.id: [c for c in controls if c not in f.controls] for f in tested
    }
    if names := _distinct(chain(*left_out.values())):
        ids = tuple(filter(left_out.get, left_out))
        yield _notice("controls_left_out", names=names, ids=ids)
    if overlaps and (pairs := [*chain(*overlaps.values())]):
        names, indices = map(_distinct, zip(*pairs, strict=True))
        ids = tuple(filter(overlaps.get, overlaps))
        yield _notice("controls_overlap", names=names, indices=indices, ids=ids)


def _distinct(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))


def _notice(code: str, /, **data: object) -> Notice:
    return Notice(code, words_of(code, data), data)


def words_of(
    code: str, data: Mapping[str, object], language: Language = "english"
) -> str:
    """Write a notice of this file in a language."""
    parts = {
        name: _SEPARATORS[language].join(value) if isinstance(value, tuple) else value
        for name, value in data.items()
    }
    if "method" in parts:
        parts["method"] = WORDS.say(f"method.{parts['method']}", language)
    return WORDS.say(f"note.{code}", language, **parts)
