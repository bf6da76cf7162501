"""Both languages say the same things."""

from __future__ import annotations

import re

from digiprosper.pathways.words import WORDS
from digiprosper.report.characters import has_cjk


def test_both_languages_have_the_same_codes() -> None:
    assert WORDS.english.keys() == WORDS.chinese.keys()


def test_chinese_words_are_chinese() -> None:
    without = {code for code, text in WORDS.chinese.items() if not has_cjk(re.sub(r"\{\w+\}", "", text))}
    assert {
        code for code in without if re.search(r"[a-z]", re.sub(r"\{\w+\}", "", WORDS.chinese[code]))
    } == set()


def test_what_stands_in_braces_is_known_in_english_too() -> None:
    for code, text in WORDS.chinese.items():
        assert set(re.findall(r"\{(\w+)\}", text)) <= set(re.findall(r"\{(\w+)\}", WORDS.english[code])), code
