"""Tables as fixed-width text and as HTML."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Self

from digiprosper.report.characters import text_width, wrap_text

_NUMBER = re.compile(r"([(<]*-?[\d.,]+(?:e[+-]?\d+)?)([)*]*)")
_RULES = {"thick": "2px solid currentColor;", "thin": "1px solid currentColor;"}
_ROW_NAMES = "text-align:left;font-weight:normal;"
_HEADS = "text-align:center;font-weight:normal;"
# Beside a label of several lines an estimate stands at the last, next to its error.
_NUMBERS = "text-align:center;vertical-align:bottom;"


@dataclass(frozen=True, slots=True)
class Content:
    """Texts of a table, for all formats."""

    # Rows above the middle rule, the first with the headings; the first cell of a row
    # is its name
    header: tuple[list[str], ...]
    body: tuple[list[str], ...]  # rows below it
    breaks: frozenset[int]  # positions of body rows that start a new block
    notes: tuple[str, ...]
    title: str | None = None
    # Whether the first row has headings that span columns, with a rule below each
    spanning: bool = False
    # Positions of body rows that are titles of panels and span the table
    panels: frozenset[int] = frozenset()
    # Position of the first body row that is about all panels
    closing: int | None = None

    @property
    def rows(self) -> tuple[list[str], ...]:
        """Return the rows of header and body."""
        return (*self.header, *self.body)

    @property
    def names(self) -> list[str]:
        """Return the names of the rows, from the first column."""
        return [
            row[0]
            for position, row in enumerate(self.rows)
            if not self.is_panel(position)
        ]

    def is_head(self, position: int) -> bool:
        """Return whether a row, counted from the header, is above the middle rule."""
        return position < len(self.header)

    def opens_block(self, position: int) -> bool:
        """Return whether a row starts a new block of the body."""
        return position - len(self.header) in self.breaks

    def is_panel(self, position: int) -> bool:
        """Return whether a row is the title of a panel."""
        return position - len(self.header) in self.panels

    def is_ruled(self, position: int) -> bool:
        """Return whether a row has a rule above."""
        row = position - len(self.header)
        return row > 0 and (row in self.panels or row == self.closing)

    def rules(self, position: int) -> tuple[str, list[str]]:
        """Return the rules above a row and below its parts: "thick", "thin" or ""."""
        top, spanning = position == 0, self.spanning and position == 0
        above = "thick" if top else "thin" if self.is_ruled(position) else ""
        last_head, last = len(self.header) - 1, len(self.rows) - 1
        below = {last_head: "thin", last: "thick"}.get(position, "")
        parts = self.parts(position)
        return above, ["thin" if spanning and text else below for text, _ in parts]

    def parts(self, position: int) -> list[tuple[str, int]]:
        """Return the cells of a row with the number of columns that each spans.

        Equal headings next to each other are one cell, unless different headings above
        span them.
        """
        row = self.rows[position]
        if self.is_panel(position):
            return [(row[0], len(row))]
        if not self.is_head(position):
            return [(text, 1) for text in row]
        above = self.header[0][1:] if self.spanning else [""] * (len(row) - 1)
        return [(row[0], 1), *spans(row[1:], above)]

    @property
    def columns(self) -> list[list[str]]:
        """Return the cells of the body by column, without the names of the rows."""
        return [[row[i] for row in self.body] for i in range(1, len(self.header[0]))]

    @property
    def typeset(self) -> Self:
        """Return the table with typographic minus signs, ``≤`` and ``≥``."""
        return replace(
            self,
            header=tuple(list(map(_with_minus_sign, row)) for row in self.header),
            body=tuple(list(map(_with_minus_sign, row)) for row in self.body),
            notes=tuple(map(_with_minus_sign, self.notes)),
            title=None if self.title is None else _with_minus_sign(self.title),
        )

    @property
    def texts(self) -> str:
        """Return all texts, for example to find their characters."""
        cells = (cell for row in (*self.header, *self.body) for cell in row)
        return "\n".join((*cells, *self.notes, self.title or ""))


def _with_minus_sign(text: str) -> str:
    text = text.replace("<=", "≤").replace(">=", "≥")
    # A hyphen between years, such as 2005年-2010年, is no minus.
    return re.sub(r"(?<![A-Za-z0-9_.)\]年月日-])-(?=[\d.∞])", "−", text)


def spans(row: Sequence[str], above: Sequence[str]) -> list[tuple[str, int]]:
    """Join equal neighbours of a header row to (text, span), except empty ones."""
    joined: list[tuple[str, int]] = []
    for number, cell in enumerate(row):
        if (
            cell
            and joined
            and joined[-1][0] == cell
            and above[number] == above[number - 1]
        ):
            joined[-1] = (cell, joined[-1][1] + 1)
        else:
            joined.append((cell, 1))
    return joined


def as_text(content: Content) -> str:
    """Write a table in fixed-width type, with numbers aligned at their last digit."""
    stub = max(map(text_width, content.names), default=0)
    columns = [_TextColumn.of(column) for column in content.columns]
    widths = [column.width for column in columns]
    heads = [content.parts(position) for position in range(len(content.header))]
    for head in heads:
        _widen_for_heads(widths, head[1:])
    panels = [text_width(content.body[position][0]) for position in content.panels]
    total = max(stub + sum(widths) + 2 * len(widths), *panels, 0)

    body: list[str] = []
    for position, row in enumerate(content.body):
        body += ["-" * total] if position in content.breaks else []
        is_title = position in content.panels
        body.append(row[0] if is_title else _text_line(row, stub, columns, widths))
    above = [_text_head(head, stub, widths) for head in heads]
    title = [content.title] if content.title else []
    lines = [*title, "=" * total, *above, "-" * total, *body, "=" * total]
    notes = (wrap_text(note, max(total, 60)) for note in content.notes)
    return "\n".join(chain(lines, *notes))


@dataclass(frozen=True, slots=True)
class _TextColumn:
    """Widths of a column: up to the last digit, text after it, widest cell."""

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
        return (
            number[1].rjust(self.body) + number[2].ljust(self.tail) if number else cell
        )


def _text_head(parts: list[tuple[str, int]], stub: int, widths: Sequence[int]) -> str:
    cells, start = [_pad(parts[0][0], stub)], 0
    for text, span in parts[1:]:
        cells.append(_centre(text, sum(widths[start : start + span]) + 2 * (span - 1)))
        start += span
    return "  ".join(cells).rstrip()


def _text_line(
    row: list[str], stub: int, columns: Sequence[_TextColumn], widths: Sequence[int]
) -> str:
    placed = zip(row[1:], columns, widths, strict=True)
    cells = [_centre(column.aligned(cell), width) for cell, column, width in placed]
    return "  ".join([_pad(row[0], stub), *cells]).rstrip()


def as_html(content: Content) -> str:
    """Write a table as HTML: three rules, escaped texts, the page's colours."""
    content = content.typeset
    lines = [
        (
            '<table class="digiprosper" '
            'style="border-collapse:collapse;border:none;font-size:0.95em;">'
        )
    ]
    if content.title:
        title = html.escape(content.title)
        lines.append(
            f'<caption style="caption-side:top;font-weight:bold;">{title}</caption>'
        )
    rows = [_html_row(position, content) for position in range(len(content.rows))]
    heads, body = rows[: len(content.header)], rows[len(content.header) :]
    lines += ["<thead>", *heads, "</thead>\n<tbody>", *body, "</tbody>"]
    if content.notes:
        notes = "<br>".join(html.escape(note) for note in content.notes)
        style = (
            "border:none;text-align:left;font-size:0.85em;padding:4px "
            "8px;max-width:0;white-space:normal;"
        )
        cell = f'<td colspan="{len(content.header[0])}" style="{style}">{notes}</td>'
        lines.append(f"<tfoot>\n{_html_cells([cell])}\n</tfoot>")
    return "\n".join([*lines, "</table>"])


def _html_row(position: int, content: Content) -> str:
    head, space = content.is_head(position), ""
    if content.opens_block(position):
        space = "padding-top:0.7em;"
    above, below = content.rules(position)
    top = f"border-top:{_RULES[above]}" if above else ""
    cells: list[str] = []
    for (text, span), rule in zip(content.parts(position), below, strict=True):
        style = _ROW_NAMES if not cells else _HEADS if head else _NUMBERS
        bottom = f"border-bottom:{_RULES[rule]}" if rule else ""
        tag = "td" if cells and not head else "th"
        cells.append(_html_cell(tag, text, style + space + top + bottom, span))
    return _html_cells(cells)


def _widen_for_heads(widths: list[int], heads: list[tuple[str, int]]) -> None:
    """Widen columns until each spanning heading fits."""
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
    return (
        f'<{tag}{colspan} style="border:none;padding:2px '
        f'10px;{style}">{html.escape(text)}</{tag}>'
    )


def _html_cells(cells: list[str]) -> str:
    return '<tr style="background:none;">' + "".join(cells) + "</tr>"
