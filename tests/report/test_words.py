from __future__ import annotations

from digiprosper.report.words import NO_WORDS, Words

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
