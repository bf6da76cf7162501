"""Tables and figures as Word files, and how a table fits a page."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

from digiprosper.optional import require
from digiprosper.report.characters import text_width
from digiprosper.report.rendering import Content, Line

_LATIN, _CHINESE = "Times New Roman", "SimSun"
_PAGE = (21.0, 29.7)  # A4, centimetres
PAGE_MARGIN = 2.5
"""Margin on every side, in centimetres."""
TITLE_SIZE = 11.5
"""Size of the titles of all tables in a file, in points."""
_POINT = 2.54 / 72  # centimetres of a point of type
_PADDING = 0.1  # left and right of a cell, centimetres
_NOTE_WIDTH = 9.0  # least width of notes, centimetres
_CAPTION_HEIGHT = 1.5  # kept for the title below a figure, centimetres
_MANY_LINES = 9  # of notes, which may end on the page after that of their table
_RULES = {"thick": 12, "thin": 6}  # eighths of a point
_TWIP = 635 / 360_000  # centimetres of the unit of Word files
_CENTRED = '<w:jc w:val="center"/>'


class Picture(NamedTuple):
    """A figure with its title; width and height in centimetres."""

    title: str
    png: bytes
    width: float
    height: float


def write_docx(contents: Sequence[Content | Picture], path: Path) -> None:
    """Write a Word document with three-line tables, each on one page if it fits."""
    docx = require("docx", extra="tables", purpose="saving a table as .docx")
    document = docx.Document()
    document.core_properties.author = ""
    document.core_properties.comments = ""
    document.core_properties.title = contents[0].title or ""
    contents = [c.typeset if isinstance(c, Content) else c for c in contents]
    pages = [fit_page(c) if isinstance(c, Content) else _UPRIGHT for c in contents]
    # Word makes its list of tables of the paragraphs in the style of captions.
    for style, size in (("Normal", pages[0].size), ("Caption", TITLE_SIZE)):
        _set_font(document.styles[style], size, docx)
    document.styles["Caption"].font.color.rgb = docx.shared.RGBColor(0, 0, 0)
    _lay_out(document.sections[0], pages[0], docx)
    before = pages[0]
    for number, (content, page) in enumerate(zip(contents, pages, strict=True)):
        if page.landscape != before.landscape:
            _lay_out(document.add_section(), page, docx)
            # The paragraph that ends a section: a higher one would need a page if the
            # last is full.
            ending = document.paragraphs[-1].paragraph_format
            ending.line_spacing, ending.space_after = docx.shared.Pt(1), 0
        elif number > 0:
            # Without a paragraph between them Word makes one table of two.
            _append(document, _paragraph_xml(_spacing_xml(0, 12)), docx)
        if isinstance(content, Content):
            title = _title_xml(content.title, keeps=True)
            table = _table_xml(content, page) + _notes_xml(content, page)
            _append(document, title + table, docx)
        else:
            _add_picture(document, content, docx)
        before = page
    document.save(str(path))


def _append(document: Any, parts: str, docx: Any) -> None:
    namespace = docx.oxml.ns.nsdecls("w")
    end = document.element.body[-1]
    for part in docx.oxml.parse_xml(f"<w:body {namespace}>{parts}</w:body>"):
        end.addprevious(part)


def _add_picture(document: Any, picture: Picture, docx: Any) -> None:
    across, down = (side - 2 * PAGE_MARGIN for side in _PAGE)
    share = min(1.0, across / picture.width, (down - _CAPTION_HEIGHT) / picture.height)
    paragraph = document.add_paragraph()
    paragraph.alignment = docx.enum.text.WD_ALIGN_PARAGRAPH.CENTER
    paragraph.paragraph_format.keep_with_next = True
    width = docx.shared.Cm(share * picture.width)
    paragraph.add_run().add_picture(BytesIO(picture.png), width=width)
    _append(document, _title_xml(picture.title, keeps=False), docx)


def _lay_out(section: Any, page: Page, docx: Any) -> None:
    sides = _PAGE[::-1] if page.landscape else _PAGE
    section.page_width, section.page_height = (docx.shared.Cm(x) for x in sides)
    orient = docx.enum.section.WD_ORIENT
    section.orientation = orient.LANDSCAPE if page.landscape else orient.PORTRAIT
    for side in ("left_margin", "right_margin", "top_margin", "bottom_margin"):
        setattr(section, side, docx.shared.Cm(PAGE_MARGIN))


def _set_font(style: Any, size: float, docx: Any) -> None:
    """Set the fonts of a style, see `_run_xml`."""
    style.font.name, style.font.size = _LATIN, docx.shared.Pt(size)
    properties = style.element.get_or_add_rPr()
    properties.get_or_add_rFonts().set(docx.oxml.ns.qn("w:eastAsia"), _CHINESE)
    language = docx.oxml.OxmlElement("w:lang")
    language.set(docx.oxml.ns.qn("w:eastAsia"), "zh-CN")
    properties.append(language)


# --- elements of a Word file, in the order that is fixed ------------------------------


def _title_xml(title: str | None, *, keeps: bool) -> str:
    if not title:
        return ""
    keep = "<w:keepNext/>" if keeps else ""
    layout = f'<w:pStyle w:val="Caption"/>{keep}{_spacing_xml(0, 4)}{_CENTRED}'
    return _paragraph_xml(layout, _run_xml(title, TITLE_SIZE, "<w:b/>"))


def _table_xml(content: Content, page: Page) -> str:
    """Write the rows of a table; equal headings next to each other share a cell."""
    points, texts = point_positions(content, page), text_columns(content)
    widths = "".join(f'<w:gridCol w:w="{_twips(width)}"/>' for width in page.widths)
    rows = "".join(
        _row_xml(line, page, points, texts, keeps=keeps_next(content, position, page))
        for position, line in enumerate(content.lines)
    )
    padding = f'w:w="{round(_PADDING / 2.54 * 1440)}" w:type="dxa"'
    return (
        '<w:tbl><w:tblPr><w:tblW w:type="auto" w:w="0"/><w:jc w:val="center"/>'
        '<w:tblLayout w:type="fixed"/>'
        f"<w:tblCellMar><w:left {padding}/><w:right {padding}/></w:tblCellMar>"
        '<w:tblLook w:firstColumn="1" w:firstRow="1" w:lastColumn="0" w:lastRow="0" '
        'w:noHBand="0" w:noVBand="1" w:val="04A0"/></w:tblPr>'
        f"<w:tblGrid>{widths}</w:tblGrid>{rows}</w:tbl>"
    )


def _row_xml(
    line: Line,
    page: Page,
    points: Sequence[float | None],
    texts: Sequence[bool],
    *,
    keeps: bool,
) -> str:
    keep = "" if keeps else ' w:val="0"'
    spacing = _spacing_xml(6 if line.opens_block else 1, 1)
    cells = ""
    for text, start, end, rule in line.parts:
        width = _twips(sum(page.widths[start:end]))
        span = f'<w:gridSpan w:val="{end - start}"/>' if end - start > 1 else ""
        borders = _border_xml("top", line.above) + _border_xml("bottom", rule)
        borders = f"<w:tcBorders>{borders}</w:tcBorders>" if borders else ""
        # Beside a label or definition of several lines an estimate stands at the last,
        # next to its error, and so do short labels.
        bottom = "" if line.is_head else '<w:vAlign w:val="bottom"/>'
        tab = align = ""
        if start > 0:
            point = None if line.is_head else points[start - 1]
            is_text = end - start == 1 and texts[start - 1]
            tab, align = _alignment_xml(text, point, is_text=is_text)
        layout = f"<w:keepNext{keep}/>{tab}{spacing}{align}"
        cells += (
            f'<w:tc><w:tcPr><w:tcW w:type="dxa" w:w="{width}"/>{span}{borders}{bottom}'
            f"</w:tcPr>{_paragraph_xml(layout, _run_xml(text, page.size))}</w:tc>"
        )
    repeated = "<w:tblHeader/>" if line.is_head else ""
    return f"<w:tr><w:trPr><w:cantSplit/>{repeated}</w:trPr>{cells}</w:tr>"


def _alignment_xml(text: str, point: float | None, *, is_text: bool) -> tuple[str, str]:
    """Align a number at its decimal point, words left, and centre other texts."""
    if point is not None and split_number(text):
        # Word aligns a cell at its only tab stop without a tab in the text.
        tab = f'<w:tab w:pos="{_twips(point)}" w:val="decimal"/>'
        return f"<w:tabs>{tab}</w:tabs>", ""
    return "", '<w:jc w:val="left"/>' if is_text else _CENTRED


def _notes_xml(content: Content, page: Page) -> str:
    """Write notes below a centred table, not narrower than a readable width."""
    side, width = _PAGE[page.landscape], sum(page.widths)
    room = (_twips(side) - 2 * _twips(PAGE_MARGIN)) * _TWIP
    left_margin = max((room - width) / 2, 0.0)
    right_margin = max(room - left_margin - max(width, _NOTE_WIDTH), 0.0)
    size = max(page.size - 1.5, 7.0)
    letters = int((room - left_margin - right_margin) / (size * 0.5 * _POINT))
    lines = sum(-(-text_width(note) // letters) for note in content.notes)
    indent = f'<w:ind w:left="{_twips(left_margin)}" w:right="{_twips(right_margin)}"/>'
    notes = ""
    for number, note in enumerate(content.notes, start=1):
        keeps = number < len(content.notes) and lines < _MANY_LINES
        keep = "" if keeps else ' w:val="0"'
        spacing = _spacing_xml(3 if number == 1 else 0, 0)
        run = _run_xml(note, size)
        notes += _paragraph_xml(f"<w:keepNext{keep}/>{spacing}{indent}", run)
    return notes


def _paragraph_xml(layout: str, run: str = "") -> str:
    return f"<w:p><w:pPr>{layout}</w:pPr>{run}</w:p>"


def _spacing_xml(before: int, after: int) -> str:
    """Write the space around a paragraph, in points."""
    space = f'w:before="{20 * before}" w:after="{20 * after}"'
    return f'<w:spacing {space} w:line="240" w:lineRule="auto"/>'


def _run_xml(text: str, size: float, bold: str = "") -> str:
    """Write a text with its fonts and the language of Chinese.

    Without a font for Chinese, the theme of the document decides and characters may be
    missing. Without a language, programs may choose a font of another region with other
    forms of the characters.
    """
    fonts = f'w:ascii="{_LATIN}" w:hAnsi="{_LATIN}" w:eastAsia="{_CHINESE}"'
    look = f'<w:rFonts {fonts}/>{bold}<w:sz w:val="{round(2 * size)}"/>'
    written = f"<w:t>{html.escape(text, quote=False)}</w:t>" if text else ""
    return f'<w:r><w:rPr>{look}<w:lang w:eastAsia="zh-CN"/></w:rPr>{written}</w:r>'


def _border_xml(side: str, rule: str) -> str:
    if not rule:
        return ""
    size = f'w:sz="{_RULES[rule]}" w:space="0" w:color="000000"'
    return f'<w:{side} w:val="single" {size}/>'


def _twips(centimetres: float) -> int:
    """Return a length in the unit of Word files."""
    return round(int(centimetres * 360_000) / 635)


# --- alignment at the decimal point ---------------------------------------------------

# Counts have no point, and intervals have two numbers: both are centred.
_NUMBER = re.compile(r"([(<]*[-−]?[\d,]+)(\.\d+[)*]*)")
# Widths in Times of what numbers are written with, as shares of the type size. A minus
# in LaTeX is wider than a parenthesis, and the hyphen of Times as wide: of the two the
# minus counts as the wider one.
_WIDTHS = {
    ".": 0.25,
    ",": 0.25,
    "(": 0.333,
    ")": 0.333,
    "-": 0.334,
    "−": 0.564,
    "<": 0.564,
}
_WIDTH = 0.5
_SHORT = 3
_SENTENCE = 24
"""Letters to which definitions and other texts may be wrapped."""


class PointColumn(NamedTuple):
    """Widest texts of a column left of the decimal point, and from it on."""

    whole: str
    decimals: str

    def position(self, room: float, size: float) -> float:
        """Return the point's distance from the left edge that centres numbers."""
        left_width, right_width = (type_width(text) * size for text in self)
        return max((room - left_width - right_width) / 2, 0.0) + left_width


def split_number(text: str) -> tuple[str, str] | None:
    """Split a number before its decimal point; None for words, counts and intervals."""
    match = _NUMBER.fullmatch(text)
    return (match[1], match[2]) if match else None


def type_width(text: str) -> float:
    """Return the width of a number in Times as a share of font size: 0.5 a digit."""
    return sum(_WIDTHS.get(letter, _WIDTH) for letter in text)


def point_columns(content: Content) -> list[PointColumn | None]:
    """Find where the decimal points of each column are aligned.

    One element per column without that of the row names; None if no number of a column
    has decimals.
    """
    columns: list[PointColumn | None] = []
    for cells in content.columns:
        parts = list(filter(None, map(split_number, cells)))
        widest = [max(texts, key=type_width) for texts in zip(*parts, strict=True)]
        columns.append(PointColumn(*widest) if parts else None)
    return columns


def text_columns(content: Content) -> list[bool]:
    """Find columns of words, such as definitions, which are left-aligned.

    Most of their cells begin with a letter and none is a number. Short words such as
    Yes are centred. One element per column without that of the row names.
    """
    are_texts = []
    for cells in content.columns:
        words = [text for text in cells if text[:1].isalpha()]
        is_text = 2 * len(words) > len(cells) and not any(map(split_number, cells))
        are_texts.append(is_text and max(map(text_width, words)) > _SHORT)
    return are_texts


# --- how a table fits a page ----------------------------------------------------------


class Page(NamedTuple):
    """Widths of columns and between margins in cm, font in points, orientation."""

    widths: list[float]
    size: float
    landscape: bool
    room: float


_UPRIGHT = Page([], 10.5, landscape=False, room=_PAGE[0] - 2 * PAGE_MARGIN)


def point_positions(content: Content, page: Page) -> list[float | None]:
    """Return where decimal points are, as `point_columns`, in cm from the padding."""
    letter = page.size * _POINT
    return [
        None if column is None else column.position(width - 2 * _PADDING, letter)
        for column, width in zip(point_columns(content), page.widths[1:], strict=True)
    ]


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
    return position < len(content.header) or paired or position > rows - 4


def fit_page(content: Content) -> Page:
    """Choose widths, font size and orientation of an A4 page.

    The page is upright if the table fits when row names are wrapped to a quarter of the
    width, and definitions to a width of `_SENTENCE`.
    """
    stub = max(map(text_width, content.names), default=0)
    cells = [max(map(text_width, ["-0.000", *column])) for column in content.columns]
    units = [
        min(width, _SENTENCE) if is_text else width
        for width, is_text in zip(cells, text_columns(content), strict=True)
    ]
    least_widths = [*map(max, units, head_widths(content, _longest_word))]
    full_widths = [*map(max, cells, head_widths(content, text_width))]
    upright, across = (side - 2 * PAGE_MARGIN for side in _PAGE)
    for size, room, wrapped in (
        (10.5, upright, 0.4),
        (9.0, upright, 0.25),
        (10.5, across, 0.4),
        (9.0, across, 0.25),
        (7.5, across, 0.2),
    ):
        columns = [_centimetres(width, size) for width in least_widths]
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
        needs = [_centimetres(width, size) for width in full_widths]
        columns = _widened(columns, needs, spare)
    return Page([wide, *columns], size, room > upright, room)


def _widened(widths: list[float], needs: list[float], spare: float) -> list[float]:
    """Divide spare room: first to what would be broken, then up to 1 cm for each."""
    gaps = [max(need - width, 0.0) for width, need in zip(widths, needs, strict=True)]
    share = min(1.0, spare / (sum(gaps) or 1.0))
    margin = min(max(spare - sum(gaps), 0.0) / len(widths), 1.0)
    return [w + share * gap + margin for w, gap in zip(widths, gaps, strict=True)]


def _centimetres(letters: int, size: float) -> float:
    """Return the width of a cell; a Latin letter is half the height wide."""
    return letters * (size * 0.5 * _POINT) + 2 * _PADDING + 0.1


def head_widths(content: Content, measure: Callable[[str], int]) -> list[int]:
    """Measure the headings of columns; a spanning one is divided."""
    most = [0] * len(content.columns)
    for line in content.lines[: len(content.header)]:
        for text, start, end, _ in line.parts[1:]:
            divided = -(-measure(text) // (end - start))
            for column in range(start - 1, end - 1):
                most[column] = max(most[column], divided)
    return most


def _longest_word(text: str) -> int:
    """Return the width of a heading: only long Chinese ones break."""
    widths = (min(text_width(word), max(len(word), 8)) for word in text.split())
    return max(widths, default=0)
