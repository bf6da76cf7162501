"""Tables as Word files, and how a table fits a page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from digiprosper.optional import require
from digiprosper.present.alignment import point_columns, split_number, text_columns
from digiprosper.report.characters import text_width
from digiprosper.report.rendering import Content

_LATIN, _CHINESE = "Times New Roman", "SimSun"
_PAGE = (21.0, 29.7)  # A4, centimetres
PAGE_MARGIN = 2.5
"""Margin on every side, in centimetres."""
TITLE_SIZE = 11.5
"""Size of the titles of all tables in a file, in points."""
_POINT = 2.54 / 72  # centimetres of a point of type
_PADDING = 0.1  # left and right of a cell, centimetres
_NOTE_WIDTH = 9.0  # least width of notes, centimetres
_RULES = {"thick": 12, "thin": 6}  # eighths of a point


def write_docx(contents: Sequence[Content], path: Path) -> None:
    """Write a Word document with three-line tables, each on one page if it fits."""
    docx = require("docx", extra="tables", purpose="saving a table as .docx")
    document = docx.Document()
    document.core_properties.author = ""
    document.core_properties.comments = ""
    document.core_properties.title = contents[0].title or ""
    contents = [content.typeset for content in contents]
    pages = [fit_page(content) for content in contents]
    normal = document.styles["Normal"]
    _set_font(normal.font, normal.element.get_or_add_rPr(), pages[0].size, docx)
    # Word makes its list of tables of the paragraphs in this style.
    caption = document.styles["Caption"]
    _set_font(caption.font, caption.element.get_or_add_rPr(), TITLE_SIZE, docx)
    caption.font.color.rgb = docx.shared.RGBColor(0, 0, 0)
    _lay_out(document.sections[0], pages[0], docx)
    before = pages[0]
    for number, (content, page) in enumerate(zip(contents, pages, strict=True)):
        if page.landscape != before.landscape:
            _lay_out(document.add_section(), page, docx)
        elif number > 0:
            # Without a paragraph between them Word makes one table of two.
            _space(document.add_paragraph(), docx, after=12)
        _add_table(document, content, page, docx)
        before = page
    document.save(str(path))


def _lay_out(section: Any, page: Page, docx: Any) -> None:
    sides = _PAGE[::-1] if page.landscape else _PAGE
    section.page_width, section.page_height = (docx.shared.Cm(x) for x in sides)
    orient = docx.enum.section.WD_ORIENT
    section.orientation = orient.LANDSCAPE if page.landscape else orient.PORTRAIT
    for side in ("left_margin", "right_margin", "top_margin", "bottom_margin"):
        setattr(section, side, docx.shared.Cm(PAGE_MARGIN))


def _add_table(document: Any, content: Content, page: Page, docx: Any) -> None:
    """Add title, table and notes at the end of a document."""
    centre = docx.enum.text.WD_ALIGN_PARAGRAPH.CENTER
    if content.title:
        title = document.add_paragraph(style="Caption")
        _write(title, content.title, TITLE_SIZE, docx, bold=True)
        _space(title, docx, after=4)
        title.alignment, title.paragraph_format.keep_with_next = centre, True
    rows = content.rows
    table = document.add_table(len(rows), len(page.widths))
    table.alignment = docx.enum.table.WD_TABLE_ALIGNMENT.CENTER
    table.autofit = False
    _pad(table, docx)
    for column, width in zip(table.columns, page.widths, strict=True):
        column.width = docx.shared.Cm(width)
    points = point_places(content, page)
    texts = text_columns(content)
    for position, row in enumerate(table.rows):
        _fill_row(row, position, content, page, points, texts, docx)
    _add_notes(document, content.notes, page, docx)


def point_places(content: Content, page: Page) -> list[float | None]:
    """Return decimal points' positions in cells, in cm from the left padding.

    One element per column without that of the row names; None if no number of a column
    has decimals.
    """
    letter = page.size * _POINT
    return [
        None if column is None else column.place(width - 2 * _PADDING, letter)
        for column, width in zip(point_columns(content), page.widths[1:], strict=True)
    ]


def _fill_row(
    line: Any,
    position: int,
    content: Content,
    page: Page,
    points: Sequence[float | None],
    texts: Sequence[bool],
    docx: Any,
) -> None:
    """Write one row; equal headings next to each other share a cell."""
    head, keeps = content.is_head(position), keeps_next(content, position, page)
    before = 6 if content.opens_block(position) else 1
    cells, start = line.cells, 0
    for text, span in content.parts(position):
        end = start + span
        cell = cells[start] if span == 1 else cells[start].merge(cells[end - 1])
        cell.width = docx.shared.Cm(sum(page.widths[start:end]))
        paragraph = cell.paragraphs[0]
        _write(paragraph, text, page.size, docx)
        _space(paragraph, docx, before=before, after=1)
        paragraph.paragraph_format.keep_with_next = keeps
        if start > 0:
            point, is_text = points[start - 1], span == 1 and texts[start - 1]
            _place(cell, None if head else point, docx, head=head, is_text=is_text)
        start = end
    properties = line._tr.get_or_add_trPr()
    properties.append(_element(docx, "cantSplit"))
    if head:
        properties.append(_element(docx, "tblHeader"))
    above, below = content.rules(position)
    for part, rule in zip(line._tr.tc_lst, below, strict=True):
        for side, width in (("top", above), ("bottom", rule)):
            if width:
                _rule(part, side, _RULES[width], docx)


def keeps_next(content: Content, position: int, page: Page) -> bool:
    """Return whether a row stays on the page of the next row, or of the notes.

    If all rows of a table longer than a page were, the title would stand alone. There
    an estimate keeps its error, and the last rows keep the notes.
    """
    rows = len(content.rows)
    if position == rows - 1:
        return bool(content.notes)
    height = _PAGE[not page.landscape] - 2 * PAGE_MARGIN
    if rows * 1.6 * page.size * _POINT < height:
        return True
    paired = not content.rows[position + 1][0]
    return content.is_head(position) or paired or position > rows - 4


def _place(
    cell: Any, point: float | None, docx: Any, *, head: bool, is_text: bool
) -> None:
    """Align a number at its decimal point, words left, and centre other texts."""
    paragraph, text = cell.paragraphs[0], docx.enum.text
    if point is not None and split_number(paragraph.text):
        # Word aligns a cell at its only tab stop without a tab in the text.
        stops = paragraph.paragraph_format.tab_stops
        stops.add_tab_stop(docx.shared.Cm(point), text.WD_TAB_ALIGNMENT.DECIMAL)
    else:
        side = text.WD_ALIGN_PARAGRAPH
        paragraph.alignment = side.LEFT if is_text else side.CENTER
    if not head:
        # Beside a label of several lines an estimate stands at the last, next to its
        # error.
        cell.vertical_alignment = docx.enum.table.WD_CELL_VERTICAL_ALIGNMENT.BOTTOM


def _add_notes(document: Any, notes: Sequence[str], page: Page, docx: Any) -> None:
    """Write notes below a centred table, not narrower than a readable width."""
    width = sum(page.widths)
    section = document.sections[-1]
    room = section.page_width - section.left_margin - section.right_margin
    room /= docx.shared.Cm(1)
    left_margin = max((room - width) / 2, 0.0)
    right_margin = max(room - left_margin - max(width, _NOTE_WIDTH), 0.0)
    for number, note in enumerate(notes):
        paragraph = document.add_paragraph()
        layout = paragraph.paragraph_format
        layout.left_indent = docx.shared.Cm(left_margin)
        layout.right_indent = docx.shared.Cm(right_margin)
        _write(paragraph, note, max(page.size - 1.5, 7.0), docx)
        _space(paragraph, docx, before=3 if number == 0 else 0)
        layout.keep_with_next = number < len(notes) - 1


class Page(NamedTuple):
    """Widths of columns and between margins in cm, font in points, orientation."""

    widths: list[float]
    size: float
    landscape: bool
    room: float


def fit_page(content: Content) -> Page:
    """Choose widths, font size and orientation of an A4 page.

    The page is upright if the table fits when row names are wrapped to a quarter of the
    width.
    """
    stub = max(map(text_width, content.names), default=0)
    units = [max(map(text_width, ["-0.000", *column])) for column in content.columns]
    words = head_widths(content, _longest_word)
    heads = head_widths(content, text_width)
    upright, across = (side - 2 * PAGE_MARGIN for side in _PAGE)
    for size, room, wrapped in (
        (10.5, upright, 0.4),
        (9.0, upright, 0.25),
        (10.5, across, 0.4),
        (9.0, across, 0.25),
        (7.5, across, 0.2),
    ):
        columns = [
            _centimetres(max(pair), size) for pair in zip(units, words, strict=True)
        ]
        # Some letters are wider than half the type size.
        whole = _centimetres(stub + 2, size)
        least = min(whole, wrapped * room)
        if least + sum(columns) <= room:
            break
    wide = min(whole, 0.5 * room, max(room - sum(columns), least))
    spare = room - wide - sum(columns)
    if spare < 0:
        columns = [c * (room - wide) / sum(columns) for c in columns]
    else:
        # Up to the widths with which no heading is broken.
        share = spare / len(columns)
        needs = [_centimetres(head, size) for head in heads]
        columns = [
            c + min(share, max(1.0, need - c))
            for c, need in zip(columns, needs, strict=True)
        ]
    return Page([wide, *columns], size, room > upright, room)


def _centimetres(letters: int, size: float) -> float:
    """Return the width of a cell; a Latin letter is half the height wide."""
    return letters * (size * 0.5 * _POINT) + 2 * _PADDING + 0.1


def head_widths(content: Content, measure: Callable[[str], int]) -> list[int]:
    """Measure the headings of columns; a spanning one is divided."""
    most = [0] * len(content.columns)
    for position in range(len(content.header)):
        parts = content.parts(position)[1:]
        of_row = [
            -(-measure(text) // span) for text, span in parts for _ in range(span)
        ]
        most = [max(pair) for pair in zip(most, of_row, strict=True)]
    return most


def _longest_word(text: str) -> int:
    """Return the width of a heading: only long Chinese ones break."""
    widths = (min(text_width(word), max(len(word), 8)) for word in text.split())
    return max(widths, default=0)


def _write(
    paragraph: Any, text: str, size: float, docx: Any, *, bold: bool = False
) -> None:
    run = paragraph.add_run(text)
    run.bold = bold or None
    _set_font(run.font, run._element.get_or_add_rPr(), size, docx)


def _set_font(font: Any, properties: Any, size: float, docx: Any) -> None:
    """Set fonts, and the language of Chinese text.

    Without a font for Chinese, the theme of the document decides and characters may be
    missing. Without a language, programs may choose a font of another region with other
    forms of the characters.
    """
    font.name, font.size = _LATIN, docx.shared.Pt(size)
    properties.get_or_add_rFonts().set(docx.oxml.ns.qn("w:eastAsia"), _CHINESE)
    properties.append(_element(docx, "lang", eastAsia="zh-CN"))


def _element(docx: Any, name: str, **values: str) -> Any:
    """Make an element of a Word file."""
    element = docx.oxml.OxmlElement(f"w:{name}")
    for attribute, value in values.items():
        element.set(docx.oxml.ns.qn(f"w:{attribute}"), value)
    return element


def _space(paragraph: Any, docx: Any, *, before: float = 0, after: float = 0) -> None:
    layout = paragraph.paragraph_format
    layout.space_before = docx.shared.Pt(before)
    layout.space_after = docx.shared.Pt(after)
    layout.line_spacing = 1.0


def _pad(table: Any, docx: Any) -> None:
    margins = _element(docx, "tblCellMar")
    for side in ("left", "right"):
        width = str(round(_PADDING / 2.54 * 1440))
        margins.append(_element(docx, side, w=width, type="dxa"))
    properties = table._tbl.tblPr
    look = properties.find(docx.oxml.ns.qn("w:tblLook"))
    properties.append(margins)
    if look is not None:  # the order of these elements is fixed
        properties.append(look)


def _rule(cell: Any, side: str, width: int, docx: Any) -> None:
    properties = cell.get_or_add_tcPr()
    borders = properties.find(docx.oxml.ns.qn("w:tcBorders"))
    if borders is None:
        borders = _element(docx, "tcBorders")
        # The order of these elements is fixed.
        properties.insert_element_before(borders, "w:vAlign")
    look = {"val": "single", "sz": str(width), "space": "0", "color": "000000"}
    borders.append(_element(docx, side, **look))
