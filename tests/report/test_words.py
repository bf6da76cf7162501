from __future__ import annotations

import re

import pytest

from digiprosper.report.words import HEADS, NO_WORDS, NOTES, TABLE, Words

WORDS = Words(
    {"effect": "Effect", "through": "Through {path}"},
    {"effect": "\u6548\u5e94"},
)


def test_words_are_said_in_a_language():
    assert WORDS.say("effect") == "Effect"
    assert WORDS.say("effect", "chinese") == "\u6548\u5e94"
    assert WORDS.say("through", path="jobs") == "Through jobs"
    assert WORDS.say("through", "chinese", path="jobs") == "Through jobs"


def test_a_code_without_words_says_itself():
    assert NO_WORDS.say("drawn.wild_score") == "wild_score"
    assert "effect" in WORDS
    assert "effect" not in NO_WORDS


# English pairs each mark with its level, where Chinese lists the marks and then the levels; it names the keys
# of effects, which Chinese calls those of individuals and of time.
OTHER_PARTS = {"stars", "stars.one", "effects.entity", "effects.time"}


@pytest.mark.parametrize("words", [TABLE, HEADS, NOTES])
def test_every_language_has_the_same_codes_and_fills_in_the_same_parts(words):
    assert words.english.keys() == words.chinese.keys()
    for code, text in words.english.items():
        if code in OTHER_PARTS:
            continue
        assert set(re.findall(r"{(\w+)}", text)) == set(re.findall(r"{(\w+)}", words.chinese[code]))


def test_labels_with_braces_stay_as_they_are():
    assert WORDS.say("through", path="{x}") == "Through {x}"
