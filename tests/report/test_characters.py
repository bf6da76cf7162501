from __future__ import annotations

import pytest

from digiprosper.report.characters import (
    console_text,
    has_cjk,
    misspelt_labels,
    text_width,
    tidy_text,
    wrap_text,
)


def test_widths_and_scripts() -> None:
    assert has_cjk("GDP 增长")
    assert not has_cjk("Größe² γ")
    assert text_width("省份a²") == 6


def test_powers_and_minus_on_a_console() -> None:
    assert console_text("Within R² 0.9") == "Within R2 0.9"
    assert console_text("χ²(3), 组内R²") == "χ2(3), 组内R2"
    assert console_text("x² and z³ − 1") == "x^2 and z^3 - 1"


def test_labels_become_one_line() -> None:
    assert tidy_text(" a\nb\tc\x00 ") == "a b c"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("one two three", ["one two", "three"]),
        ("注：标准误。星号", ["注：标", "准误。", "星号"]),
        ("显著水平：p", ["显著水", "平：p"]),
        ("R² 为 0.988。", ["R² 为", "0.988。"]),
        ("一二三。", ["一二", "三。"]),
    ],
)
def test_lines_of_seven_columns(text: str, lines: list[str]) -> None:
    assert wrap_text(text, 7) == lines
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


@pytest.mark.many(10)
@pytest.mark.parametrize(
    ("labels", "misspelt"),
    [
        ({"digital": "D"}, {}),
        ({"urban": "U", "digtal": "D"}, {"digtal": "digital"}),
        ({"urban": "U", "finance": "F"}, {}),
        ({"finance": "F"}, {}),
        ({"urban": "U", "digital": "D", "digital2": "E"}, {}),
        ({"city": "City"}, {}),
        ({"urban": "U", "lag(urban)": "U", "log(urban**2)": "V"}, {}),
        ({"urban": "U", "log(digtal)": "D"}, {"log(digtal)": "log(digital)"}),
        ({"urban": "U", "p50": "Median"}, {}),
        ({}, {}),
    ],
)
def test_labels_without_a_use_are_named_where_they_look_misspelt(labels, misspelt):
    assert (
        misspelt_labels(
            labels, ["log(digital)", "I(urban**2)", "gdp", "city+year", "50"]
        )
        == misspelt
    )


def test_operators_of_a_condition_are_no_names() -> None:
    """`min` labels a column of another table, and is not a misspelt `in`."""
    names = ["x", "province not in ['beijing'] and year < 2020"]
    assert misspelt_labels({"min": "Min"}, names) == {}
    assert misspelt_labels({"provinse": "P"}, names) == {"provinse": "province"}
