from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import docx
import pytest
from docx.enum.table import WD_CELL_VERTICAL_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml.ns import qn

import digiprosper as dp
from digiprosper import optional
from digiprosper.present.office import (
    PointColumn,
    fit_page,
    keeps_next,
    point_columns,
    split_number,
    text_columns,
    type_width,
    write_docx,
)
from digiprosper.report.rendering import Content

if TYPE_CHECKING:
    from pathlib import Path

BOTTOM = WD_CELL_VERTICAL_ALIGNMENT.BOTTOM
CONTENT = Content(
    header=(
        ["", "(1)", "(2)", "基准"],
        ["Dependent variable", "共同富裕指数", "共同富裕指数", "GDP"],
    ),
    body=(
        ["数字经济发展水平", "0.123***", "", "=1+1"],
        ["", "(0.040)", "", ""],
        ["Observations", "1,234", "", ""],
    ),
    breaks=frozenset({2}),
    notes=("* p < 0.1.", "数据来源：作者计算。"),
    title="表3 基准回归",
)


def wide(columns: int, text: str = "0.123***", stub: str = "digital") -> Content:
    return Content(
        (["", *[f"({i})" for i in range(columns)]],),
        ([stub, *[text] * columns],),
        frozenset(),
        (),
    )


@pytest.fixture
def document(tmp_path: Path):
    write_docx([CONTENT], tmp_path / "t.docx")
    return docx.Document(tmp_path / "t.docx")


def edges(cell) -> dict[str, str]:
    borders = cell._tc.tcPr.find(qn("w:tcBorders"))
    return (
        {}
        if borders is None
        else {b.tag.split("}")[1]: b.get(qn("w:sz")) for b in borders}
    )


def test_word_keeps_every_text(document):
    (table,) = document.tables
    rows = [[cell.text for cell in row.cells] for row in table.rows]
    assert rows == [*CONTENT.header, *CONTENT.body]
    assert [p.text for p in document.paragraphs] == [CONTENT.title, *CONTENT.notes]
    assert document.paragraphs[0].style.name == "Caption"


def test_word_has_three_lines_and_no_others(document):
    rows = document.tables[0].rows
    lines = [[edges(cell) for cell in row.cells] for row in rows]
    assert lines[0] == [{"top": "12"}] * 4
    assert lines[1] == [{"bottom": "6"}] * 4
    assert lines[-1] == [{"bottom": "12"}] * 4
    assert all(not any(line) for line in lines[2:-1])
    assert document.tables[0]._tbl.tblPr.find(qn("w:tblBorders")) is None
    assert not document.tables[0]._tbl.xpath(
        ".//w:left[@w:val='single'] | .//w:right[@w:val='single']"
    )


def test_word_names_a_chinese_font_in_every_run(document):
    runs = document.element.body.xpath(".//w:r")
    fonts = {
        (r.rPr.rFonts.get(qn("w:eastAsia")), r.rPr.rFonts.get(qn("w:ascii")))
        for r in runs
    }
    assert fonts == {("SimSun", "Times New Roman")}


def test_word_joins_equal_heads_and_repeats_the_header(document):
    rows = document.tables[0].rows
    assert len(rows[1]._tr.tc_lst) == 3
    assert rows[1].cells[1]._tc is rows[1].cells[2]._tc
    assert [bool(r._tr.xpath("./w:trPr/w:tblHeader")) for r in rows] == [
        True,
        True,
        False,
        False,
        False,
    ]


def test_word_stays_on_one_page_with_its_notes(document):
    cells = [c for row in document.tables[0].rows for c in row.cells]
    assert all(c.paragraphs[0].paragraph_format.keep_with_next for c in cells)
    assert [bool(p.paragraph_format.keep_with_next) for p in document.paragraphs] == [
        True,
        True,
        False,
    ]


def test_word_keeps_an_estimate_next_to_its_error(document):
    body = document.tables[0].rows[len(CONTENT.header) :]
    assert {cell.vertical_alignment for row in body for cell in row.cells} == {BOTTOM}
    # Word refuses a cell whose borders come after its alignment.
    for properties in document.element.body.xpath(".//w:tcPr[w:tcBorders][w:vAlign]"):
        names = [child.tag.split("}")[1] for child in properties]
        assert names.index("tcBorders") < names.index("vAlign")


@pytest.mark.parametrize("columns", [1, 3, 6, 30])
def test_word_starts_its_notes_where_the_table_starts(columns, tmp_path):
    content = replace(
        wide(columns), notes=("Standard errors in parentheses.", "* p < 0.1.")
    )
    write_docx([content], tmp_path / "t.docx")
    made = docx.Document(tmp_path / "t.docx")
    section = made.sections[0]
    room = section.page_width - section.left_margin - section.right_margin
    width = sum(cell.width for cell in made.tables[0].rows[0].cells)
    for note in made.paragraphs:
        layout = note.paragraph_format
        assert layout.left_indent == pytest.approx((room - width) / 2, abs=5000)
        assert (
            room - layout.left_indent - layout.right_indent >= min(width, room) - 10000
        )


@pytest.mark.many(3)
@pytest.mark.parametrize(
    ("content", "size", "turned"),
    [
        (wide(3), 10.5, False),
        (wide(6), 10.5, False),
        (wide(6, "[-0.123, 0.456]"), 10.5, True),
        (wide(7, stub="数字经济发展水平 (0.53 < 城镇化率 <= 0.61)"), 9.0, False),
        (wide(8, stub="数字经济发展水平 (0.53 < 城镇化率 <= 0.61)"), 10.5, True),
        (wide(10, "0.000482***"), 9.0, True),
        (wide(30), 7.5, True),
    ],
)
def test_word_makes_room(content, size, turned, tmp_path):
    write_docx([content], tmp_path / "t.docx")
    made = docx.Document(tmp_path / "t.docx")
    section = made.sections[0]
    assert (section.page_width > section.page_height) is turned
    assert made.styles["Normal"].font.size.pt == size
    room = section.page_width - section.left_margin - section.right_margin
    widths = [cell.width for cell in made.tables[0].rows[0].cells]
    assert sum(widths) <= room * 1.001
    assert min(widths) > 0


def test_a_table_without_rows_or_notes_is_written(tmp_path):
    bare = Content((["", "b"],), (), frozenset(), ())
    write_docx([bare], tmp_path / "t.docx")
    assert docx.Document(tmp_path / "t.docx").paragraphs == []


def test_numbers_align_at_their_decimal_points(tmp_path):
    content = wide(2, "-0.019***")
    rows = (
        *content.body,
        ["", "(0.040)", "[0.1, 0.2]"],
        ["Observations", "1,234", ""],
        ["R", "0.5", "Yes"],
    )
    write_docx([replace(content, body=rows)], tmp_path / "t.docx")
    table = docx.Document(tmp_path / "t.docx").tables[0]
    stops = [
        [
            [
                (stop.alignment.name, stop.position)
                for stop in cell.paragraphs[0].paragraph_format.tab_stops
            ]
            for cell in row.cells
        ]
        for row in table.rows
    ]
    (one,), (other,) = stops[1][1], stops[1][2]
    assert stops[2:] == [[[], [one], []], [[], [], []], [[], [one], []]]
    assert stops[0] == [[], [], []]
    assert one[0] == other[0] == "DECIMAL"
    assert 0 < one[1] < table.rows[1].cells[1].width
    # Only text that is aligned to the left obeys the tab stop.
    centred = [
        [cell.paragraphs[0].alignment is not None for cell in row.cells[1:]]
        for row in table.rows
    ]
    assert centred == [
        [True, True],
        [False, False],
        [False, True],
        [True, True],
        [False, True],
    ]


def test_a_missing_extra_names_its_cure(tmp_path, monkeypatch):
    def absent(name):
        raise ImportError(name)

    monkeypatch.setattr(optional, "import_module", absent)
    with pytest.raises(ImportError, match=r'needs docx: pip install "\.\[tables\]"'):
        write_docx([CONTENT], tmp_path / "t")


def test_definitions_are_read_from_the_left(tmp_path: Path) -> None:
    definitions = dp.datasets.us_states().define({"gsp": "Gross state product"})
    table = dp.etable(definitions, title="Table 1. Definitions")
    (made,) = docx.Document(str(table.save(tmp_path / "t.docx"))).tables
    left, centre = WD_ALIGN_PARAGRAPH.LEFT, WD_ALIGN_PARAGRAPH.CENTER
    for row, number in ((made.rows[0], centre), (made.rows[1], None)):
        alignments = [cell.paragraphs[0].alignment for cell in row.cells[1:]]
        assert alignments[0] == left
        assert alignments[-1] == number


def test_long_definitions_are_wrapped_on_an_upright_page() -> None:
    numbers = ["10,000 persons", "1,470", "29,836.491", "19,967.540"]
    names = ("Green patents", "Tertiary/secondary output")
    meanings = ("Applications", "Value added of services over that of industry")
    body = tuple(
        [name, meaning, *numbers] for name, meaning in zip(names, meanings, strict=True)
    )
    header = ["Variable", "Definition", "Unit", "N", "Mean", "SD"]
    page = fit_page(Content((header,), body, frozenset(), ()))
    assert not page.landscape
    assert sum(page.widths) <= page.room * 1.001
    assert page.widths[1] > page.widths[2]


def test_no_heading_is_broken_while_other_columns_have_room() -> None:
    rows = (
        ["创新环境", "-1.474***", "-0.034", "-1.479***"],
        ["间接效应 [95%置信区间]", "", "", "0.004 [-0.084, 0.123]"],
    )
    heads = ["", "绿色专利（对数）", "中介变量：产业结构", "绿色专利（对数）"]
    page = fit_page(Content((heads,), rows, frozenset(), ()))
    letter = page.size * 0.5 * 2.54 / 72
    for head, width in zip(heads[1:], page.widths[1:], strict=True):
        assert width > 2 * len(head) * letter
    assert sum(page.widths) <= page.room * 1.001


def test_a_table_longer_than_a_page_keeps_its_title_and_each_error():
    def kept(pairs, notes=("Note.",)):
        body = tuple(row for k in range(pairs) for row in ([f"x{k}", "1"], ["", "(2)"]))
        content = Content((["", "(1)"],), body, frozenset(), notes)
        return [
            keeps_next(content, position, fit_page(content))
            for position in range(len(content.rows))
        ]

    assert all(kept(15))
    assert kept(15, notes=())[-2:] == [True, False]
    # Head; an estimate with its error; the last rows with the notes.
    assert kept(40) == [True, *[True, False] * 38, *[True] * 4]
    assert kept(40, notes=())[-4:] == [True, True, True, False]


@pytest.mark.parametrize(
    ("count", "words", "kept"),
    [(3, 1, [True, True, False]), (12, 1, [False]), (3, 99, [False])],
)
def test_many_lines_of_notes_begin_below_their_table(
    tmp_path: Path, count: int, words: int, kept: list[bool]
) -> None:
    notes = tuple(f"{'Note ' * words}{number}." for number in range(count))
    content = Content((["", "(1)"],), (["x", "1"],), frozenset(), notes)
    write_docx([content], tmp_path / "t.docx")
    paragraphs = docx.Document(tmp_path / "t.docx").paragraphs
    of_notes = [p for p in paragraphs if p.text in notes]
    keeps = [bool(p.paragraph_format.keep_with_next) for p in of_notes]
    assert keeps == kept * (count // len(kept))


def test_a_page_full_of_notes_is_followed_by_no_blank_one(tmp_path: Path) -> None:
    # Word turns the page at the end of an empty paragraph, which needs room too.
    upright = wide(2)
    across = replace(wide(30), notes=("A long note.",))
    write_docx([upright, across, upright], tmp_path / "t.docx")
    document = docx.Document(tmp_path / "t.docx")
    turning = [p for p in document.paragraphs if p._p.xpath("./w:pPr/w:sectPr")]
    assert len(turning) == 2
    for paragraph in turning:
        layout = paragraph.paragraph_format
        assert (layout.line_spacing, layout.space_after) == (docx.shared.Pt(1), 0)


# --- alignment at the decimal point ---------------------------------------------------


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
    place = column.position(100.0, 10.0)
    assert place - 10 * left == pytest.approx(100 - place - 10 * right)
    assert column.position(1.0, 10.0) == pytest.approx(10 * left)


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
