"""Remarks on a report of propositions.

=======================  ==================================================================================
code                     data
=======================  ==================================================================================
several_tests            tests, method, chance (how many would reject without adjustment), alpha
association              none
samples_differ           least, most (observations)
overlap_not_searched     none
controls_left_out        names (of controls), ids (of propositions)
controls_overlap         names (of controls), indices, ids
few_draws_to_adjust      tests, reps, least (adjusted p-value that is possible)
=======================  ==================================================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from digiprosper.errors import Notice
from digiprosper.studies.pathways.words import WORDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from digiprosper.report.words import Language

_SEPARATORS: dict[Language, str] = {"english": ", ", "chinese": "、"}


def words_of(notice: Notice, language: Language) -> str:
    """Write a notice of this file in a language.

    Parameters
    ----------
    notice : Notice
        From this file.
    language : {"english", "chinese"}
        Of the words.

    Returns
    -------
    str
        One or more sentences.
    """
    return _said(notice.code, notice.data, language)


def several_tests(tests: int, method: str, alpha: float) -> list[Notice]:
    """State how many tests there are, how p-values are adjusted, and how many would reject by chance.

    Parameters
    ----------
    tests : int
        Propositions that were tested.
    method : str
        Of the adjustment.
    alpha : float
        One less the level.

    Returns
    -------
    list of Notice
        Code several_tests; none without tests.
    """
    data = {"tests": tests, "method": method, "chance": round(tests * alpha, 1), "alpha": round(alpha, 6)}
    return [Notice("several_tests", _said("several_tests", data), data)] if tests else []


def association(tests: int) -> list[Notice]:
    """State that verdicts are about associations.

    Parameters
    ----------
    tests : int
        Propositions that were tested.

    Returns
    -------
    list of Notice
        Code association; none without tests.
    """
    return [Notice("association", _said("association", {}), {})] if tests else []


def samples_differ(nobs: Sequence[int]) -> list[Notice]:
    """State that propositions were put to different rows.

    Parameters
    ----------
    nobs : sequence of int
        Observations of each that was tested.

    Returns
    -------
    list of Notice
        Code samples_differ; none if all are alike.
    """
    if len(set(nobs)) < 2:
        return []
    data = {"least": min(nobs), "most": max(nobs)}
    return [Notice("samples_differ", _said("samples_differ", data), data)]


def overlap_not_searched(tests: int, *, searched: bool) -> list[Notice]:
    """State that nobody looked whether a channel is part of an index.

    Parameters
    ----------
    tests : int
        Propositions that were tested.
    searched : bool
        Whether indicator systems were given.

    Returns
    -------
    list of Notice
        Code overlap_not_searched; none if they were.
    """
    if searched or not tests:
        return []
    return [Notice("overlap_not_searched", _said("overlap_not_searched", {}), {})]


def controls_left_out(left_out: Mapping[str, Sequence[str]]) -> list[Notice]:
    """State which controls are variables of a proposition, and so not its controls.

    Parameters
    ----------
    left_out : mapping
        Proposition to its controls that were left out.

    Returns
    -------
    list of Notice
        Code controls_left_out; none if there are none.
    """
    names = tuple(dict.fromkeys(name for given in left_out.values() for name in given))
    data = {"names": names, "ids": tuple(left_out)}
    return [Notice("controls_left_out", _said("controls_left_out", data), data)] if left_out else []


def controls_overlap(found: Mapping[str, Sequence[tuple[str, str]]]) -> list[Notice]:
    """State that a control is an indicator of an index in the same model.

    Parameters
    ----------
    found : mapping
        Proposition to pairs of a control and an index.

    Returns
    -------
    list of Notice
        Code controls_overlap; none if there are none.
    """
    pairs = [pair for given in found.values() for pair in given]
    names = tuple(dict.fromkeys(name for name, _ in pairs))
    indices = tuple(dict.fromkeys(index for _, index in pairs))
    data = {"names": names, "indices": indices, "ids": tuple(found)}
    return [Notice("controls_overlap", _said("controls_overlap", data), data)] if pairs else []


def few_draws_to_adjust(tests: int, reps: int, alpha: float) -> list[Notice]:
    """State that no adjusted p-value of some draws can be small enough.

    Parameters
    ----------
    tests : int
        Propositions that were tested.
    reps : int
        Fewest draws behind a p-value.
    alpha : float
        One less the level.

    Returns
    -------
    list of Notice
        Code few_draws_to_adjust; none if the smallest p-value times the tests is below alpha.
    """
    least = tests / (reps + 1)
    data = {"tests": tests, "reps": reps, "least": round(least, 4)}
    if least <= alpha:
        return []
    return [Notice("few_draws_to_adjust", _said("few_draws_to_adjust", data), data)]


def _said(code: str, data: Mapping[str, object], language: Language = "english") -> str:
    parts = {
        name: _SEPARATORS[language].join(value) if isinstance(value, tuple) else value
        for name, value in data.items()
    }
    if "method" in parts:
        parts["method"] = WORDS.say(f"method.{parts['method']}", language)
    return WORDS.say(f"note.{code}", language, **parts)
