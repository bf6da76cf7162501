"""No line is longer than it may be."""

from __future__ import annotations

from digiprosper.present.figure import balanced_lines, broken_lines, type_columns


def test_lines_break_between_words_and_chinese_characters():
    assert broken_lines("one two three", 8) == ["one two", "three"]
    assert broken_lines("劳动生产率（对数）", 12) == ["劳动生产率", "（对数）"]
    # a comma never begins a line
    assert broken_lines("城镇化率，省份", 8) == ["城镇化", "率，省份"]
    assert broken_lines("abcdefghij", 4) == ["abcd", "efgh", "ij"]
    assert balanced_lines("Common prosperity of all", 18) == [
        "Common",
        "prosperity of all",
    ]


def test_chinese_characters_and_capitals_are_wider():
    assert type_columns("ab") == 2
    assert type_columns("AB") == 2.5
    assert type_columns("省") == 2
