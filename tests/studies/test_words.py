"""Notes of sets of models."""

from __future__ import annotations

from digiprosper.studies.words import WORDS


def test_both_languages_have_the_same_codes() -> None:
    assert WORDS.english.keys() == WORDS.chinese.keys()
