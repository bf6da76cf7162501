from __future__ import annotations

import re

import pytest

from digiprosper.present.rich_text import write_rtf
from digiprosper.report.rendering import Content

CONTENT = Content(
    header=(["", "(1)", "(2)"], ["Dependent variable", "共同富裕", "共同富裕"]),
    body=(
        ["a\\{b}", "0.123***", ""],
        ["", "(0.040)", ""],
        ["观测值 😀 é", "1,234", "5"],
    ),
    breaks=frozenset({2}),
    notes=("注：第一。", "* p < 0.1."),
    title="表1 基准",
)


def decoded(text: str) -> str:
    """Give the letters that an RTF text writes by number."""

    def letter(found: re.Match[str]) -> str:
        return (
            int(found[1])
            .to_bytes(2, "little", signed=True)
            .decode("utf-16-le", "surrogatepass")
        )

    units = re.sub(r"\\u(-?\d+)\?", letter, text)
    return units.encode("utf-16-le", "surrogatepass").decode("utf-16-le")


def without_fonts(text: str) -> str:
    return re.sub(r"\{\\f1 (.*?)\}", r"\1", text)


def cells(text: str) -> list[str]:
    """Read the texts of the cells, in order."""
    found = re.findall(r"\\fs\d+ (.*)\\cell", decoded(text))
    return [re.sub(r"\\([\\{}])", r"\1", without_fonts(cell)) for cell in found]


@pytest.fixture
def written(tmp_path) -> str:
    write_rtf([CONTENT, CONTENT], tmp_path / "t.rtf")
    return (tmp_path / "t.rtf").read_bytes().decode("ascii")


def test_every_text_is_there(written):
    heads = ["", "(1)", "(2)", "Dependent variable", "共同富裕"]
    body = [text for row in CONTENT.body for text in row]
    assert cells(written) == [*heads, *body] * 2
    for text in (CONTENT.title, *CONTENT.notes):
        assert without_fonts(decoded(written)).count(text) == 2


def test_rows_have_an_edge_a_cell_and_groups_are_closed(written):
    rows = re.findall(r"\\trowd(.*?)\\row", written, re.DOTALL)
    assert len(rows) == 2 * 5
    assert all(
        row.count(r"\cellx") == len(re.findall(r"\\cell\b", row)) for row in rows
    )
    assert [row.count(r"\cellx") for row in rows[:5]] == [3, 2, 3, 3, 3]
    bare = re.sub(r"\\[\\{}]", "", written)
    assert bare.count("{") == bare.count("}")


def test_three_lines_and_no_others(written):
    rows = re.findall(r"\\trowd(.*?)\\row", written, re.DOTALL)[:5]
    below = [re.findall(r"\\clbrdrb\\brdrs\\brdrw(\d+)", row)[:1] for row in rows]
    assert below == [[], ["15"], [], [], ["30"]]
    assert [r"\clbrdrt\brdrs\brdrw30" in row for row in rows] == [
        True,
        False,
        False,
        False,
        False,
    ]


def test_a_wide_table_lies_across_its_own_page(tmp_path):
    row = ["digital", *["[-0.123, 0.456]"] * 6]
    wide = Content((["", *map(str, range(6))],), (row,), frozenset(), ())
    write_rtf([CONTENT, wide], tmp_path / "t.rtf")
    first, second = (tmp_path / "t.rtf").read_text("ascii").split("\\sect\\sectd")
    assert r"\lndscpsxn" not in first
    assert r"\lndscpsxn" in second
    assert int(re.findall(r"\\cellx(\d+)", second)[-1]) <= 14100
