from __future__ import annotations

import re

from digiprosper.linear.words import WORDS


def test_every_language_has_the_same_codes():
    assert WORDS.english.keys() == WORDS.chinese.keys()


def test_every_language_fills_in_the_same_parts():
    for code, text in WORDS.english.items():
        assert set(re.findall(r"{(\w+)}", text)) == set(re.findall(r"{(\w+)}", WORDS.chinese[code]))
