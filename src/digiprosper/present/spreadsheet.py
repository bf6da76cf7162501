"""Tables as Excel books."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from digiprosper.optional import require
from digiprosper.present.alignment import point_columns, split_number, type_width
from digiprosper.report.characters import text_width

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from digiprosper.present.alignment import PointColumn
    from digiprosper.report.rendering import Content

_SHEET_MARKS, _SHEET_LETTERS = re.compile(r"[\[\]:*?/\\]"), 31
_NUMBER = re.compile(
    r"(?P<open>\(?)(?P<value>-?[\d,]+(?:\.(?P<decimals>\d+))?)(?P<close>\)?\**)"
)
_MOST_DIGITS = 15  # of a number in Excel


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
    for position in range(len(rows)):
        _fill_row(sheet, first, position, content, points, styles)
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
    first: int,
    position: int,
    content: Content,
    points: Sequence[PointColumn | None],
    styles: Any,
) -> None:
    """Write the cells of a row; equal headings next to each other span columns."""
    number, row, head = (
        first + position,
        content.rows[position],
        content.is_head(position),
    )
    sides = {
        "thick": styles.Side(style="medium"),
        "thin": styles.Side(style="thin"),
        "": None,
    }
    above, below = content.rules(position)
    column = 1
    for (_, span), rule in zip(content.parts(position), below, strict=True):
        border = styles.Border(top=sides[above], bottom=sides[rule])
        named, start = column == 1, column
        for column in range(start, start + span):
            text = row[column - 1]
            if column == 1 or head:
                cell = _text_cell(sheet, number, column, text)
            else:
                cell = _body_cell(sheet, number, column, text, points[column - 2])
            if column > start:
                cell.value = None
            cell.font, cell.border = styles.Font(bold=head), border
            if not named:
                centred = "center" if span == 1 else "centerContinuous"
                cell.alignment = styles.Alignment(horizontal=centred)
        column += 1


def _text_cell(sheet: Any, row: int, column: int, text: str) -> Any:
    cell = sheet.cell(row, column)
    if text:
        cell.value = text
        # Else a label that begins with "=" is a formula.
        cell.data_type, cell.number_format = "s", "@"
    return cell


def _body_cell(
    sheet: Any, row: int, column: int, text: str, points: PointColumn | None
) -> Any:
    """Write a cell as a number with its printed format, otherwise as text."""
    match = _NUMBER.fullmatch(text)
    number_format = match and _plain_format(match["value"])
    if match is None or not number_format:
        return _text_cell(sheet, row, column, text)
    cell = sheet.cell(row, column, float(match["value"].replace(",", "")))
    before, after = _room(text, points)
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


def _room(text: str, points: PointColumn | None) -> tuple[str, str]:
    """Return blanks before and after a number: as wide as the column's widest."""
    parts = split_number(text)
    if parts is None or points is None:
        return "", ""
    lacking = [
        type_width(widest) - type_width(part)
        for widest, part in zip(points, parts, strict=True)
    ]
    return _blanks(lacking[0]), _blanks(lacking[1])


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
