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

from collections.abc import Mapping, Sequence

from digiprosper.errors import Notice
from digiprosper.pathways.words import WORDS
from digiprosper.report.words import Language

_SEPARATORS: dict[Language, str] = {"english": ", ", "chinese": "、"}


def words_of(notice: Notice, language: Language) -> str:
    """Write a notice of this file in a language."""
    return _sentences(notice.code, notice.data, language)


def several_tests(tests: int, method: str, alpha: float) -> list[Notice]:
    """State the number of tests, of rejections by chance, and the adjustment."""
    data = {
        "tests": tests,
        "method": method,
        "chance": round(tests * alpha, 1),
        "alpha": round(alpha, 6),
    }
    return (
        [Notice("several_tests", _sentences("several_tests", data), data)]
        if tests
        else []
    )


def association(tests: int) -> list[Notice]:
    """State that verdicts are about associations."""
    return [Notice("association", _sentences("association", {}))] if tests else []


def samples_differ(nobs: Sequence[int]) -> list[Notice]:
    """State that the propositions have different numbers of observations."""
    if len(set(nobs)) < 2:
        return []
    data = {"least": min(nobs), "most": max(nobs)}
    return [Notice("samples_differ", _sentences("samples_differ", data), data)]


def overlap_not_searched(tests: int, *, searched: bool) -> list[Notice]:
    """State that it was not checked whether a channel is part of an index."""
    if searched or not tests:
        return []
    return [Notice("overlap_not_searched", _sentences("overlap_not_searched", {}))]


def controls_left_out(left_out: Mapping[str, Sequence[str]]) -> list[Notice]:
    """State which controls were dropped as variables of a proposition."""
    names = tuple(dict.fromkeys(name for terms in left_out.values() for name in terms))
    data = {
        "names": names,
        "ids": tuple(name for name, terms in left_out.items() if terms),
    }
    return (
        [Notice("controls_left_out", _sentences("controls_left_out", data), data)]
        if names
        else []
    )


def controls_overlap(overlaps: Mapping[str, Sequence[tuple[str, str]]]) -> list[Notice]:
    """State which controls are indicators of an index in the same model."""
    pairs = [pair for group in overlaps.values() for pair in group]
    names = tuple(dict.fromkeys(name for name, _ in pairs))
    indices = tuple(dict.fromkeys(index for _, index in pairs))
    ids = tuple(name for name, group in overlaps.items() if group)
    data = {"names": names, "indices": indices, "ids": ids}
    return (
        [Notice("controls_overlap", _sentences("controls_overlap", data), data)]
        if pairs
        else []
    )


def few_draws_to_adjust(tests: int, reps: int, alpha: float) -> list[Notice]:
    """State that `reps` draws are too few for a significant adjusted p-value."""
    least = tests / (reps + 1)
    data = {"tests": tests, "reps": reps, "least": round(least, 4)}
    if least <= alpha:
        return []
    return [
        Notice("few_draws_to_adjust", _sentences("few_draws_to_adjust", data), data)
    ]


def _sentences(
    code: str, data: Mapping[str, object], language: Language = "english"
) -> str:
    parts = {
        name: _SEPARATORS[language].join(value) if isinstance(value, tuple) else value
        for name, value in data.items()
    }
    if "method" in parts:
        parts["method"] = WORDS.say(f"method.{parts['method']}", language)
    return WORDS.say(f"note.{code}", language, **parts)
