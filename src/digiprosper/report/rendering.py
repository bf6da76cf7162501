"""Tables as fixed-width text and as HTML."""

from __future__ import annotations

import html
import re
import textwrap
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from digiprosper.report.characters import text_width

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

__all__ = ["Content", "as_html", "as_text", "spans"]

_NUMBER = re.compile(r"([(<]*-?[\d.,]+(?:e[+-]?\d+)?)([)*]*)")
_HEADS = "text-align:center;font-weight:normal;"


@dataclass(frozen=True, slots=True)
class Content:
    """What a table says, ready to be written.

    Parameters
    ----------
    header : tuple of list of str
        Rows above the middle rule; the first has the heads. The first cell of each row names the row.
    body : tuple of list of str
        Rows below it.
    breaks : frozenset of int
        Rows of the body that start a new block.
    notes : tuple of str
        Lines below the table.
    title : str or None
        Line above it.
    """

    header: tuple[list[str], ...]
    body: tuple[list[str], ...]
    breaks: frozenset[int]
    notes: tuple[str, ...]
    title: str | None = None

    @property
    def columns(self) -> list[list[str]]:
        """Cells of the body, column by column, without the names of the rows."""
        return [[row[i] for row in self.body] for i in range(1, len(self.header[0]))]

    @property
    def texts(self) -> str:
        """Every text of the table, to ask which characters it needs."""
        cells = (cell for row in (*self.header, *self.body) for cell in row)
        return "\n".join((*cells, *self.notes, self.title or ""))


def spans(row: list[str]) -> list[tuple[str, int]]:
    """Join equal neighbours of a header row.

    Parameters
    ----------
    row : list of str
        Cells without the one that names the row.

    Returns
    -------
    list of (str, int)
        Text and how many columns it spans; empty cells stay apart.
    """
    joined: list[tuple[str, int]] = []
    for cell in row:
        if cell and joined and joined[-1][0] == cell:
            joined[-1] = (cell, joined[-1][1] + 1)
        else:
            joined.append((cell, 1))
    return joined


def as_text(content: Content) -> str:
    """Write a table in fixed-width type, numbers aligned at their last digit.

    Parameters
    ----------
    content : Content
        The table.

    Returns
    -------
    str
        Lines without a final new line.
    """
    stub = max(text_width(row[0]) for row in (*content.header, *content.body))
    columns = [_TextColumn.of(column) for column in content.columns]
    widths = [column.width for column in columns]
    for row in content.header:
        _make_room(widths, spans(row[1:]))
    total = stub + sum(widths) + 2 * len(widths)

    body = []
    for position, row in enumerate(content.body):
        body += ["-" * total] if position in content.breaks else []
        body.append(_text_line(row, stub, columns, widths))
    heads = [_text_head(row, stub, widths) for row in content.header]
    title = [content.title] if content.title else []
    lines = [*title, "=" * total, *heads, "-" * total, *body, "=" * total]
    notes = (textwrap.wrap(note, max(total, 60)) for note in content.notes)
    return "\n".join(chain(lines, *notes))


@dataclass(frozen=True, slots=True)
class _TextColumn:
    """Widths of a column: its numbers up to the last digit, what follows them, and the widest cell."""

    body: int
    tail: int
    width: int

    @classmethod
    def of(cls, cells: Sequence[str]) -> Self:
        numbers = [number for cell in cells if (number := _NUMBER.fullmatch(cell))]
        body = max((len(number[1]) for number in numbers), default=0)
        tail = max((len(number[2]) for number in numbers), default=0)
        return cls(body, tail, max(body + tail, *map(text_width, cells), 0))

    def aligned(self, cell: str) -> str:
        number = _NUMBER.fullmatch(cell)
        return number[1].rjust(self.body) + number[2].ljust(self.tail) if number else cell


def _text_head(row: list[str], stub: int, widths: Sequence[int]) -> str:
    cells, start = [_pad(row[0], stub)], 0
    for text, span in spans(row[1:]):
        cells.append(_centre(text, sum(widths[start : start + span]) + 2 * (span - 1)))
        start += span
    return "  ".join(cells).rstrip()


def _text_line(row: list[str], stub: int, columns: Sequence[_TextColumn], widths: Sequence[int]) -> str:
    placed = zip(row[1:], columns, widths, strict=True)
    cells = [_centre(column.aligned(cell), width) for cell, column, width in placed]
    return "  ".join([_pad(row[0], stub), *cells]).rstrip()


def as_html(content: Content) -> str:
    """Write a table as an HTML fragment with three rules; colours follow the page.

    Parameters
    ----------
    content : Content
        The table.

    Returns
    -------
    str
        One ``<table>``; every text is escaped.
    """
    lines = ['<table class="digiprosper" style="border-collapse:collapse;border:none;font-size:0.95em;">']
    if content.title:
        title = html.escape(content.title)
        lines.append(f'<caption style="caption-side:top;font-weight:bold;">{title}</caption>')
    heads = [_html_head(row, position, len(content.header)) for position, row in enumerate(content.header)]
    body = [_html_line(row, position, content) for position, row in enumerate(content.body)]
    lines += ["<thead>", *heads, "</thead>\n<tbody>", *body, "</tbody>"]
    if content.notes:
        notes = "<br>".join(html.escape(note) for note in content.notes)
        style = "border:none;text-align:left;font-size:0.85em;padding:4px 8px;max-width:0;white-space:normal;"
        cell = f'<td colspan="{len(content.header[0])}" style="{style}">{notes}</td>'
        lines.append(f"<tfoot>\n{_html_row([cell])}\n</tfoot>")
    return "\n".join([*lines, "</table>"])


def _html_head(row: list[str], position: int, count: int) -> str:
    rule = "border-top:2px solid currentColor;" if position == 0 else ""
    rule += "border-bottom:1px solid currentColor;" if position == count - 1 else ""
    cells = [_html_cell("th", row[0], f"text-align:left;font-weight:normal;{rule}")]
    return _html_row(
        [*cells, *(_html_cell("th", text, _HEADS + rule, span) for text, span in spans(row[1:]))]
    )


def _html_line(row: list[str], position: int, content: Content) -> str:
    space = "padding-top:0.7em;" if position in content.breaks else ""
    rule = "border-bottom:2px solid currentColor;" if position == len(content.body) - 1 else ""
    cells = [_html_cell("th", row[0], f"text-align:left;font-weight:normal;{space}{rule}")]
    # Beside a label of several lines an estimate stands at the last, next to its error.
    numbers = f"text-align:center;vertical-align:bottom;{space}{rule}"
    return _html_row([*cells, *(_html_cell("td", text, numbers) for text in row[1:])])


def _make_room(widths: list[int], heads: list[tuple[str, int]]) -> None:
    """Widen columns until each head fits over those it spans."""
    start = 0
    for text, span in heads:
        lacking = text_width(text) - sum(widths[start : start + span]) - 2 * (span - 1)
        for number in range(max(lacking, 0)):
            widths[start + number % span] += 1
        start += span


def _pad(text: str, width: int) -> str:
    return text + " " * (width - text_width(text))


def _centre(text: str, width: int) -> str:
    space = width - text_width(text)
    return " " * ((space + 1) // 2) + text + " " * (space // 2)


def _html_cell(tag: str, text: str, style: str, span: int = 1) -> str:
    # Borders are taken off first: notebooks and sites draw their own around every cell.
    colspan = f' colspan="{span}"' if span > 1 else ""
    return f'<{tag}{colspan} style="border:none;padding:2px 10px;{style}">{html.escape(text)}</{tag}>'


def _html_row(cells: list[str]) -> str:
    return '<tr style="background:none;">' + "".join(cells) + "</tr>"
