"""Words of figures."""

from __future__ import annotations

import string

from digiprosper.report.figure_words import FIGURE


def test_both_languages_have_every_code() -> None:
    assert FIGURE.english.keys() == FIGURE.chinese.keys()


def test_what_is_filled_in_is_the_same_in_both_languages() -> None:
    formatter = string.Formatter()
    for code, text in FIGURE.chinese.items():
        chinese = {name for _, name, _, _ in formatter.parse(text) if name}
        english = {name for _, name, _, _ in formatter.parse(FIGURE.english[code]) if name}
        assert chinese == english, code
