"""Tables as files: Markdown, LaTeX, HTML, CSV, RTF and Excel; the ending says which."""

from __future__ import annotations

import csv
import html
import os
import re
import shutil
from collections.abc import Callable, Sequence
from itertools import accumulate, groupby, takewhile
from pathlib import Path
from struct import iter_unpack
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from digiprosper.checks import option_error, type_error
from digiprosper.errors import cited
from digiprosper.optional import require
from digiprosper.present import office
from digiprosper.present.office import (
    Picture,
    PointColumn,
    keeps_next,
    point_columns,
    split_number,
    type_width,
)
from digiprosper.report.characters import has_cjk, text_width
from digiprosper.report.rendering import Content, Line, Part, as_html

_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "|": r"\textbar{}",
    "`": r"\textasciigrave{}",
    "<": "$<$",
    ">": "$>$",
    "²": "$^2$",
    "³": "$^3$",
    "×": r"$\times$",
    "→": r"$\rightarrow$",
    "−": "$-$",
    "≤": r"$\le$",
    "≥": r"$\ge$",
    "∞": r"$\infty$",
}
_GREEK = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho "
    "sigma tau phi chi psi omega"
)
_LATEX |= {
    letter: rf"$\{name}$"
    for letter, name in zip("αβγδεζηθικλμνξπρστφχψω", _GREEK.split(), strict=True)
}
_TEXT_WIDTH = 345  # points of a line in LaTeX's article at 10 points
_TEXT_ROWS = 40  # of a table that fits its page, with title and notes
_LATEX_PACKAGES = {
    "caption": r"\caption*",
    "rotating": "{sideways",
    "adjustbox": "{adj",
}
# A title that brings its number.
_NUMBERED = re.compile(r"\s*(table|表)\s*\w*\d", re.IGNORECASE)
# What spreadsheets take for a formula or, in parentheses, for a negative number.
_MISREAD = re.compile(r"[=+@\t]|-(?!\d[\d.,]*$)|\(\s*-?[\d.,]+\s*%?\s*\)$")
_TWIPS = 1440 / 2.54  # a centimetre
_RTF_FONTS = (
    r"{\fonttbl{\f0\froman\fcharset0 Times New Roman;}{\f1\fnil\fcharset134 SimSun;}}"
)
_RTF_RULES = {"thick": r"\brdrs\brdrw30", "thin": r"\brdrs\brdrw15"}
_UPRIGHT, _ACROSS = r"\pgwsxn11906\pghsxn16838", r"\lndscpsxn\pgwsxn16838\pghsxn11906"
_SHEET_MARKS, _SHEET_LETTERS = re.compile(r"[\[\]:*?/\\]"), 31
_SHEET_NUMBER = re.compile(
    r"(?P<open>\(?)(?P<value>-?[\d,]+(?:\.(?P<decimals>\d+))?)(?P<close>\)?\**)"
)
_MOST_DIGITS = 15  # of a number in Excel


def as_markdown(content: Content) -> str:
    """Write a table as a Markdown pipe table, with markup characters escaped."""
    rows = [[_markdown(cell) for cell in row] for row in content.rows]
    lines = [f"**{_markdown(content.title)}**", ""] if content.title else []
    lines.append("| " + " | ".join(rows[0]) + " |")
    lines.append("|:---|" + ":---:|" * (len(rows[0]) - 1))
    lines += ["| " + " | ".join(row) + " |" for row in rows[1:]]
    for note in content.notes:
        # At the start of a line these begin a list or a heading.
        lines += ["", re.sub(r"^(\d*)([-+#.)])(?=[-#\s])", r"\1\\\2", _markdown(note))]
    return "\n".join(lines) + "\n"


def as_latex(*contents: Content) -> str:
    r"""Write tables as LaTeX with booktabs and threeparttable, for ``\input``."""
    tables = "\n".join(_latex_table(content.typeset) for content in contents)
    needed = [name for name, word in _LATEX_PACKAGES.items() if word in tables]
    packages = ",".join(["booktabs", "threeparttable", *needed])
    lines = [rf"% In the preamble: \usepackage{{{packages}}}"]
    if any(has_cjk(content.texts) for content in contents):
        lines.append(
            r"% The Chinese text needs \usepackage{ctex} and xelatex (or lualatex)"
        )
    return "\n".join([*lines, tables])


def _latex_table(content: Content) -> str:
    is_wide = _latex_width(content) > _TEXT_WIDTH
    # In small type, and on a page with narrower margins than those of article.
    is_sideways = _latex_width(content, 4, 6) > 1.3 * _TEXT_WIDTH
    environment, height = "table", "height"
    if is_sideways:
        environment, height = "sidewaystable", "width"
    lines = [rf"\begin{{{environment}}}[htbp]", r"\centering"]
    ends = [rf"\end{{{environment}}}", ""]
    if is_wide or len(content.rows) > _TEXT_ROWS:
        # What is still larger than the page is made smaller, not cut off.
        room = rf"{{\linewidth}}{{\text{height}}}"
        lines.append(rf"\begin{{adjustbox}}{{max totalsize={room}}}")
        ends.insert(0, r"\end{adjustbox}")
    lines.append(r"\begin{threeparttable}")
    if is_wide:
        lines.append(r"\footnotesize\setlength{\tabcolsep}{3pt}")
    if content.title:
        # LaTeX would put a number of its own before that of the title.
        caption = "caption*" if _NUMBERED.match(content.title) else "caption"
        lines.append(rf"\{caption}{{{_latex(content.title)}}}")
    align = "l" + "c" * (len(content.header[0]) - 1)
    lines += [rf"\begin{{tabular}}{{{align}}}", r"\toprule"]
    lines += [*_latex_heads(content), r"\midrule", *_latex_body(content)]
    lines += [r"\bottomrule", r"\end{tabular}"]
    if content.notes:
        lines += [r"\begin{tablenotes}[flushleft]", r"\footnotesize"]
        lines += [rf"\item {_latex(note)}" for note in content.notes]
        lines.append(r"\end{tablenotes}")
    return "\n".join([*lines, r"\end{threeparttable}", *ends])


def _latex_width(content: Content, letter: int = 5, gap: int = 12) -> int:
    """Estimate a table's width in points, from those of a letter and a gap."""
    letters = max(map(text_width, content.names), default=0)
    heads = office.head_widths(content, text_width)
    for head, column in zip(heads, content.columns, strict=True):
        letters += max([head, *map(text_width, column)])
    return letter * letters + gap * len(heads)


def _latex_heads(content: Content) -> list[str]:
    """Write the headings, with a rule below each that spans columns."""
    heads = [line.parts for line in content.lines if line.is_head]
    first, *further = [" & ".join(map(_latex_head, parts)) + r" \\" for parts in heads]
    rules = [rf"\cmidrule(lr){{{p.start + 1}-{p.end}}}" for p in heads[0] if p.text]
    return [first, *([" ".join(rules)] if content.spanning else []), *further]


def _latex_head(part: Part) -> str:
    text, span = _latex(part.text), part.end - part.start
    return text if span == 1 else rf"\multicolumn{{{span}}}{{c}}{{{text}}}"


def _latex_body(content: Content) -> list[str]:
    columns, rows = point_columns(content), list[str]()
    for line in content.lines[len(content.header) :]:
        if line.above:
            rows.append(r"\midrule")
        elif line.opens_block:
            rows.append(r"\addlinespace")
        name, *cells = line.cells
        row = [_latex(name), *map(_latex_number, cells, columns)]
        if line.is_panel:
            row = [rf"\multicolumn{{{len(line.cells)}}}{{l}}{{{_latex(name)}}}"]
        rows.append(" & ".join(row) + r" \\")
    return rows


def write_html(contents: Sequence[Content], path: Path) -> None:
    """Write tables as an HTML page."""
    fonts = '"Times New Roman","Songti SC",SimSun,"Noto Serif CJK SC",serif'
    body = "\n<br>\n".join(map(as_html, contents))
    page = (
        '<!DOCTYPE html>\n<html>\n<head>\n<meta charset="utf-8">\n'
        f"<title>{html.escape(contents[0].title or 'Table')}</title>\n</head>\n"
        f"<body style='font-family:{fonts};margin:2em;'>\n{body}\n</body>\n</html>\n"
    )
    path.write_text(page, "utf-8")


def write_markdown(contents: Sequence[Content], path: Path) -> None:
    """Write tables as a Markdown file."""
    path.write_text("\n".join(map(as_markdown, contents)), "utf-8")


def write_latex(contents: Sequence[Content], path: Path) -> None:
    """Write tables as a LaTeX file with one ``table`` environment each."""
    path.write_text(as_latex(*contents), "utf-8")


def write_csv(contents: Sequence[Content], path: Path) -> None:
    """Write tables as comma-separated text, titles and notes in the first column."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        for number, content in enumerate(contents):
            lead: list[list[str]] = [[]] if number else []
            title = [[content.title]] if content.title else []
            notes = [[note] for note in content.notes]
            rows = [*lead, *title, *content.rows, *notes]
            writer.writerows([_csv(cell) for cell in row] for row in rows)


def _csv(text: str) -> str:
    """Write a cell, quoted where a spreadsheet would read (0.040) as negative."""
    return f'="{text.replace(chr(34), 2 * chr(34))}"' if _MISREAD.match(text) else text


def _markdown(text: str) -> str:
    return re.sub(r"([\\`*_|<>$~\[\]]|&(?=#?\w+;))", r"\\\1", text)


def _latex(text: str) -> str:
    # A bracket or star that comes first would belong to the line break or item
    # before it.
    opening = "{}" if text.startswith(("[", "*")) else ""
    written = "".join(_LATEX.get(letter, letter) for letter in text)
    # Two hyphens or apostrophes would be one dash or quotation mark.
    return opening + re.sub(r"([-'])(?=\1)", r"\1{}", written)


def _latex_number(text: str, column: PointColumn | None) -> str:
    """Write a number as wide as the widest of its column on both sides of the point."""
    parts = split_number(text)
    if column is None or parts is None:
        return _latex_cell(text)
    whole, decimals = parts
    shared = _common_prefix_length(column.decimals, decimals)
    if len(column.decimals) > shared:
        # Stars are raised together, so that room for a part of them would not be exact.
        shared = min(shared, len(decimals.rstrip("*")))
    shared_left = _common_prefix_length(column.whole[::-1], whole[::-1])
    start, end = len(whole) - shared_left, len(column.whole) - shared_left
    before = _beside(r"\phantom", column.whole[:end]) + _beside(r"\llap", whole[:start])
    after = _beside(r"\phantom", column.decimals[shared:])
    if not after:
        return before + _latex_cell(whole[start:] + decimals)
    number = _latex_cell(whole[start:] + decimals[:shared])
    return before + number + _beside(r"\rlap", decimals[shared:]) + after


def _common_prefix_length(first: str, second: str) -> int:
    """Return the length of the common start of two numbers; digits count as equal."""
    pairs = zip(re.sub(r"\d", "0", first), re.sub(r"\d", "0", second), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _beside(command: str, text: str) -> str:
    return f"{command}{{{_latex_cell(text)}}}" if text else ""


def _latex_cell(text: str) -> str:
    """Write a cell with raised stars."""
    body = text.rstrip("*")
    stars = text[len(body) :]
    return _latex(body) + (rf"$^{{{stars}}}$" if stars else "")


# --- RTF ------------------------------------------------------------------------------


def write_rtf(contents: Sequence[Content], path: Path) -> None:
    """Write three-line tables below each other."""
    margin = round(office.PAGE_MARGIN * _TWIPS)
    margins = rf"\margl{margin}\margr{margin}\margt{margin}\margb{margin}"
    contents = [content.typeset for content in contents]
    pages = [office.fit_page(content) for content in contents]
    parts, before = [], None
    for content, page in zip(contents, pages, strict=True):
        parts.append(_rtf_opening(page, before) + _rtf_table(content, page))
        before = page
    text = "\n".join(
        [rf"{{\rtf1\ansi\ansicpg1252\uc1\deff0{_RTF_FONTS}{margins}", *parts, "}", ""]
    )
    path.write_bytes(text.encode("ascii"))


def _rtf_opening(page: office.Page, before: office.Page | None) -> str:
    """Start a section if the page turns, or else a line between two tables."""
    if before is not None and page.landscape == before.landscape:
        return "\\pard\\plain\\sa240\\par\n"
    start = "" if before is None else r"\sect"
    return rf"{start}\sectd\sbkpage{_ACROSS if page.landscape else _UPRIGHT}" + "\n"


def _rtf_table(content: Content, page: office.Page) -> str:
    size = round(2 * page.size)
    half_points = f"{2 * office.TITLE_SIZE:.0f}"
    title = (
        rf"\pard\plain\qc\keepn\fs{half_points}\b {_rtf(content.title)}\b0\par"
        if content.title
        else ""
    )
    edges = [round(edge * _TWIPS) for edge in accumulate(page.widths)]
    points = office.point_positions(content, page)
    rows = [
        _rtf_row(line, edges, points, size, keeps=keeps_next(content, position, page))
        for position, line in enumerate(content.lines)
    ]
    left_indent = round((page.room - sum(page.widths)) / 2 * _TWIPS)
    indent = rf"\li{max(left_indent, 0)}\ri{max(left_indent, 0)}"
    notes = [
        rf"\pard\plain\ql{indent}\fs{max(size - 3, 14)} {_rtf(note)}\par"
        for note in content.notes
    ]
    return "\n".join([*filter(None, [title]), *rows, *notes])


def _rtf_row(
    line: Line,
    edges: Sequence[int],
    points: Sequence[float | None],
    size: int,
    *,
    keeps: bool,
) -> str:
    """Write one row; equal headings next to each other share a cell."""
    top = rf"\clbrdrt{_RTF_RULES[line.above]}" if line.above else ""
    space = r"\sb120" if line.opens_block else r"\sb20"
    keep = r"\keepn" if keeps else ""
    cells, texts = "", []
    for text, start, end, rule in line.parts:
        bottom = rf"\clbrdrb{_RTF_RULES[rule]}" if rule else ""
        cells += rf"{top}{bottom}\clvertalb\cellx{edges[end - 1]}"
        align = "ql"
        if start > 0:
            align = "qc" if line.is_head else _rtf_alignment(text, points[start - 1])
        texts.append(
            rf"\pard\plain\intbl{keep}{space}\sa20\{align}\fs{size} {_rtf(text)}\cell"
        )
    repeated = r"\trhdr" if line.is_head else ""
    return "\n".join(
        [rf"\trowd\trqc\trgaph60\trkeep{repeated}{cells}", *texts, r"\row"]
    )


def _rtf_alignment(text: str, point: float | None) -> str:
    """Align a number at its decimal point, and centre any other text."""
    if point is None or split_number(text) is None:
        return "qc"
    return rf"ql\tqdec\tx{round(point * _TWIPS)}"


def _rtf(text: str) -> str:
    """Write a text, with a Chinese font; beyond ASCII as UTF-16 codes."""
    written = ""
    for chinese, letters in groupby(text, has_cjk):
        run = "".join(map(_rtf_letter, letters))
        written += rf"{{\f1 {run}}}" if chinese else run
    return written


def _rtf_letter(letter: str) -> str:
    if letter in "\\{}":
        return f"\\{letter}"
    if letter.isascii():
        return letter
    units = iter_unpack("<h", letter.encode("utf-16-le"))
    return "".join(rf"\u{unit}?" for (unit,) in units)


# --- Excel ----------------------------------------------------------------------------


def write_xlsx(contents: Sequence[Content], path: Path) -> None:
    """Write an Excel file, one sheet per table; numbers have number formats."""
    openpyxl = require("openpyxl", extra="tables", purpose="saving a table as .xlsx")
    book = openpyxl.Workbook()
    book.remove(book.active)
    names = ["Table"] if len(contents) == 1 else _sheet_names(contents)
    for name, content in zip(names, contents, strict=True):
        _fill_sheet(book.create_sheet(name), content, openpyxl)
    book.save(path)


def _sheet_names(contents: Sequence[Content]) -> list[str]:
    """Make names that Excel accepts: short, unique, and without certain characters."""
    names: list[str] = []
    for number, content in enumerate(contents, start=1):
        plain = _SHEET_MARKS.sub(" ", content.title or "").strip(" '")
        name = (
            " ".join(plain.split())[:_SHEET_LETTERS].rstrip(" '") or f"Table {number}"
        )
        used_names = {used_name.casefold() for used_name in names}
        if name.casefold() in used_names or name.casefold() == "history":
            name = f"{name[: _SHEET_LETTERS - 6].rstrip()} ({number})"
        names.append(name)
    return names


def _fill_sheet(sheet: Any, content: Content, openpyxl: Any) -> None:
    styles = openpyxl.styles
    sheet.sheet_view.showGridLines = False
    first = 2 if content.title else 1
    rows = content.rows
    last_head, last = first + len(content.header) - 1, first + len(rows) - 1
    if content.title:
        _text_cell(sheet, 1, 1, content.title).font = styles.Font(bold=True)
    points = point_columns(content)
    for number, line in enumerate(content.lines, start=first):
        _fill_row(sheet, number, line, points, styles)
    for column in range(len(rows[0])):
        texts = content.names if column == 0 else [row[column] for row in rows]
        letter = openpyxl.utils.get_column_letter(column + 1)
        sheet.column_dimensions[letter].width = 3 + max(
            map(text_width, texts), default=0
        )
    for number, note in enumerate(content.notes, start=last + 1):
        _text_cell(sheet, number, 1, note).font = styles.Font(italic=True)
    sheet.freeze_panes = sheet.cell(last_head + 1, 2)


def _fill_row(
    sheet: Any,
    number: int,
    line: Line,
    points: Sequence[PointColumn | None],
    styles: Any,
) -> None:
    """Write the cells of a row; equal headings next to each other span columns."""
    sides = {
        "thick": styles.Side(style="medium"),
        "thin": styles.Side(style="thin"),
        "": None,
    }
    for _, start, end, rule in line.parts:
        border = styles.Border(top=sides[line.above], bottom=sides[rule])
        for column in range(start, end):
            text = line.cells[column]
            if column == 0 or line.is_head:
                cell = _text_cell(sheet, number, column + 1, text)
            else:
                cell = _body_cell(sheet, number, column + 1, text, points[column - 1])
            if column > start:
                cell.value = None
            cell.font, cell.border = styles.Font(bold=line.is_head), border
            if start > 0:
                centred = "center" if end - start == 1 else "centerContinuous"
                cell.alignment = styles.Alignment(horizontal=centred)


def _text_cell(sheet: Any, row: int, column: int, text: str) -> Any:
    cell = sheet.cell(row, column)
    if text:
        cell.value = text
        # Else a label that begins with "=" is a formula.
        cell.data_type, cell.number_format = "s", "@"
    return cell


def _body_cell(
    sheet: Any, row: int, column: int, text: str, widest: PointColumn | None
) -> Any:
    """Write a cell as a number with its printed format, otherwise as text."""
    match = _SHEET_NUMBER.fullmatch(text)
    number_format = match and _plain_format(match["value"])
    if match is None or not number_format:
        return _text_cell(sheet, row, column, text)
    cell = sheet.cell(row, column, float(match["value"].replace(",", "")))
    before, after = _blanks_around(text, widest)
    opening, closing = _quoted(match["open"]), _quoted(match["close"])
    cell.number_format = f"{before}{opening}{number_format}{closing}{after}"
    if match["value"].startswith("-"):
        # A minus that Excel writes itself would stand before the room that is left.
        cell.number_format += f";{before}{opening}\\-{number_format}{closing}{after}"
    return cell


def _plain_format(value: str) -> str | None:
    """Return the Excel format that shows a number as printed, or None."""
    digits = value.removeprefix("-")
    decimals = len(digits.partition(".")[2])
    number, mark = float(digits.replace(",", "")), "," if "," in digits else ""
    if f"{number:{mark}.{decimals}f}" != digits or len(digits) > _MOST_DIGITS:
        return None
    return ("#,##0" if mark else "0") + ("." + "0" * decimals if decimals else "")


def _blanks_around(text: str, widest: PointColumn | None) -> tuple[str, str]:
    """Return blanks before and after a number: as wide as the column's widest."""
    parts = split_number(text)
    if parts is None or widest is None:
        return "", ""
    before, after = (
        type_width(wide) - type_width(part)
        for wide, part in zip(widest, parts, strict=True)
    )
    return _blanks(before), _blanks(after)


def _blanks(width: float) -> str:
    """Write blanks as wide as digits, parentheses, points: Excel's units."""
    blanks = ""
    for letter in "0(.":
        count = int((width + 0.05) / type_width(letter))
        blanks += f"_{letter}" * count
        width -= count * type_width(letter)
    return blanks


def _quoted(text: str) -> str:
    return f'"{text}"' if text else ""


# --- by ending ------------------------------------------------------------------------

WRITERS: dict[str, Callable[[Sequence[Any], Path], None]] = {
    ".docx": office.write_docx,
    ".xlsx": write_xlsx,
    ".tex": write_latex,
    ".rtf": write_rtf,
    ".csv": write_csv,
    ".html": write_html,
    ".md": write_markdown,
}
"""Functions that write tables, by ending."""


def table_path(argument: object, option: str) -> Path:
    """Check that a path has the ending of a format of tables."""
    if not isinstance(argument, str | os.PathLike):
        raise type_error(option, argument, "a path such as 'table.docx'")
    path = Path(argument)
    ending = path.suffix.lower()
    if ending not in WRITERS:
        raise option_error(
            "path",
            path.name,
            f"cannot write a table to {cited(path.name)}: the ending must be one of "
            f"{', '.join(WRITERS)}. For plain text write str(table).",
            WRITERS,
        )
    return path


def write_tables(contents: Sequence[Content | Picture], target: Path) -> None:
    """Write tables to one file; an existing file does not change if this fails."""
    write = WRITERS[target.suffix.lower()]
    # Beside the target and then renamed, so that a failure leaves neither half a file
    # nor none.
    final = target.resolve()
    if not final.parent.is_dir():
        raise FileNotFoundError(
            f"cannot write {cited(final.name)}: there is no folder "
            f"{cited(str(final.parent))}."
        )
    with TemporaryDirectory(dir=final.parent, prefix=".") as folder:
        temporary_file = Path(folder, final.name)
        write(contents, temporary_file)
        if final.suffix.lower() in (".docx", ".xlsx"):
            _remove_times(temporary_file)
        if final.exists():
            shutil.copymode(final, temporary_file)
        temporary_file.replace(final)


def _remove_times(path: Path) -> None:
    """Set the times in an Office file to 1980, so that equal tables are equal files."""
    with ZipFile(path) as file:
        parts = {name: file.read(name) for name in file.namelist()}
    time = re.compile(rb'(?<=W3CDTF">)[^<]*')
    with ZipFile(path, "w", ZIP_DEFLATED) as file:
        for name, part in parts.items():
            undated = time.sub(b"1980-01-01T00:00:00Z", part)
            file.writestr(ZipInfo(name), undated, ZIP_DEFLATED)
