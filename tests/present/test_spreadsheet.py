from __future__ import annotations

import openpyxl
import pytest

from digiprosper import optional
from digiprosper.present.spreadsheet import write_xlsx
from digiprosper.report.rendering import Content
from tests.present.table_files import read_xlsx

CONTENT = Content(
    header=(
        ["", "(1)", "2", "基准"],
        ["Dependent variable", "共同富裕指数", "共同富裕指数", "GDP"],
    ),
    body=(
        ["数字经济发展水平", "0.123***", "-12.3", "=1+1"],
        ["", "(0.040)", "(-2.10)", ""],
        ["p", "<0.001", "[0.1, 0.2]", "4.17e-05"],
        ["Observations", "1,234", "-5", "007"],
    ),
    breaks=frozenset({2}),
    notes=("* p < 0.1.", "数据来源：作者计算。"),
    title="表3 基准回归",
)


def first_sheet(content, folder):
    write_xlsx([content], folder / "t.xlsx")
    return openpyxl.load_workbook(folder / "t.xlsx").active


def one_column(*cells: str) -> Content:
    return Content((["", "(1)"],), tuple(["", cell] for cell in cells), frozenset(), ())


def test_a_sheet_shows_every_text_as_printed(tmp_path):
    sheet = first_sheet(CONTENT, tmp_path)
    (rows,) = read_xlsx(tmp_path / "t.xlsx")
    assert rows[0][0] == CONTENT.title
    assert rows[1:7] == [*CONTENT.header, *CONTENT.body]
    assert [row[0] for row in rows[7:]] == list(CONTENT.notes)
    assert sheet["B2"].font.bold
    assert not sheet["B4"].font.bold
    assert sheet.column_dimensions["A"].width >= 18
    assert (sheet["B2"].border.top.style, sheet["B3"].border.bottom.style) == (
        "medium",
        "thin",
    )
    assert sheet["B7"].border.bottom.style == "medium"


def test_numbers_are_numbers_and_other_cells_texts(tmp_path):
    sheet = first_sheet(CONTENT, tmp_path)
    values = [[cell.value for cell in row] for row in sheet["B4:D7"]]
    assert values == [
        [0.123, -12.3, "=1+1"],
        [0.04, -2.1, None],
        ["<0.001", "[0.1, 0.2]", "4.17e-05"],
        [1234, -5, "007"],
    ]
    assert {
        cell.data_type
        for row in sheet["B4:D7"]
        for cell in row
        if isinstance(cell.value, str)
    } == {"s"}
    assert sheet["C2"].value == "2"


def test_formats_leave_room_for_what_other_numbers_have(tmp_path):
    sheet = first_sheet(one_column("0.123***", "(0.040)", "-12.3", "816"), tmp_path)
    # A minus follows the room, which is why negative numbers have a section of
    # their own.
    assert [cell.number_format for (cell,) in sheet["B2:B5"]] == [
        '_0_(0.000"***"',
        '_0"("0.000")"_0_0',
        r"0.0_0_0_0_0_0;\-0.0_0_0_0_0_0",
        "0",
    ]


@pytest.mark.parametrize(
    "text",
    ["1234567890123456", "00.5", "1,23", "1e5", "12,345.6.7", "0.1+0.2", "(0.5", "5%"],
)
def test_what_a_format_cannot_show_stays_a_text(text, tmp_path):
    sheet = first_sheet(one_column(text), tmp_path)
    assert read_xlsx(tmp_path / "t.xlsx")[0][1][1] == text
    assert text == "(0.5" or sheet["B2"].value == text


def test_a_table_without_rows_or_notes_is_written(tmp_path):
    assert (
        first_sheet(Content((["", "b"],), (), frozenset(), ()), tmp_path)["B1"].value
        == "b"
    )


def test_a_missing_extra_names_its_cure(tmp_path, monkeypatch):
    def absent(name):
        raise ImportError(name)

    monkeypatch.setattr(optional, "import_module", absent)
    with pytest.raises(
        ImportError, match=r'needs openpyxl: pip install "\.\[tables\]"'
    ):
        write_xlsx([CONTENT], tmp_path / "t")
