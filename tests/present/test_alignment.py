from __future__ import annotations

import pytest

from digiprosper.present.office import (
    PointColumn,
    point_columns,
    split_number,
    text_columns,
    type_width,
)
from digiprosper.report.rendering import Content


@pytest.mark.many(20)
@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("0.123***", ("0", ".123***")),
        ("-12.3", ("-12", ".3")),
        ("(0.040)", ("(0", ".040)")),
        ("(-2.10)", ("(-2", ".10)")),
        ("<0.001", ("<0", ".001")),
        ("(<0.001)", ("(<0", ".001)")),
        ("0.0000417", ("0", ".0000417")),
        ("1,234.5", ("1,234", ".5")),
        ("1,234", None),
        ("816", None),
        ("[0.1, 0.2]", None),
        ("0.6 (given)", None),
        ("Yes", None),
        ("", None),
        ("v1.2", None),
        (".5", None),
    ],
)
def test_a_number_is_parted_at_its_point(text, parts):
    assert split_number(text) == parts


def test_a_column_is_as_wide_as_its_widest_numbers():
    body = (["a", "-0.1***", "Yes"], ["", "(12.345)", "5"], ["n", "1,234,567", "no"])
    content = Content((["", "(1)", "(2)"],), body, frozenset(), ())
    assert point_columns(content) == [PointColumn("(12", ".1***"), None]


def test_the_numbers_of_a_column_are_centred_as_a_block():
    column = PointColumn("-0", ".123***")
    left, right = type_width("-0"), type_width(".123***")
    place = column.place(100.0, 10.0)
    assert place - 10 * left == pytest.approx(100 - place - 10 * right)
    assert column.place(1.0, 10.0) == pytest.approx(10 * left)


def test_columns_of_words_are_found() -> None:
    content = Content(
        header=(["", "Definition", "Direction", "Mean", "Controls", "Model"],),
        body=(
            ["a", "Output per head", "+", "1.000", "Yes", "not estimated"],
            ["b", "Jobs", "+", "2.000", "No", ""],
        ),
        breaks=frozenset(),
        notes=(),
    )
    assert text_columns(content) == [True, False, False, False, False]
