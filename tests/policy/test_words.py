"""Words of event times."""

from __future__ import annotations

from digiprosper.policy.words import WORDS


def test_both_languages_have_the_same_codes() -> None:
    assert WORDS.english.keys() == WORDS.chinese.keys()


def test_a_point_is_written_behind_its_word() -> None:
    assert WORDS.say("point", effect=WORDS.say("event"), point=WORDS.say("point.≤ -5")) == "Event time ≤ -5"
