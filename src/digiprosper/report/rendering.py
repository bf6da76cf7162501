"""Tables as fixed-width text and as HTML."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import chain, groupby
from typing import NamedTuple, Self

from digiprosper.report.characters import (
    console_text,
    text_width,
    with_minus_signs,
    wrap_text,
)

_NUMBER = re.compile(r"([(<]*-?[\d.,]+(?:e[+-]?\d+)?)([)*]*)")
_RULES = {"thick": "2px solid currentColor;", "thin": "1px solid currentColor;"}
_ROW_NAMES = "text-align:left;font-weight:normal;"
_HEADS = "text-align:center;font-weight:normal;"
# Beside a label of several lines an estimate stands at the last, next to its error.
_NUMBERS = "text-align:center;vertical-align:bottom;"


class Part(NamedTuple):
    """A cell of a row, its columns, and the rule below: "thick", "thin" or ""."""

    text: str
    start: int
    end: int
    rule: str = ""


class Line(NamedTuple):
    """A row of all formats, with the rule above it: "thick", "thin" or ""."""

    cells: list[str]
    parts: list[Part]
    above: str
    is_head: bool  # whether it is above the middle rule
    is_panel: bool  # whether it is the title of a panel
    opens_block: bool


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
        return [line.cells[0] for line in self.lines if not line.is_panel]

    @property
    def lines(self) -> list[Line]:
        """Return the rows as all formats write them."""
        heads, last = len(self.header), len(self.rows) - 1
        rules = {heads - 1: "thin", last: "thick"}
        lines = []
        for position, cells in enumerate(self.rows):
            row = position - heads
            is_ruled = row > 0 and (row in self.panels or row == self.closing)
            above = "thick" if position == 0 else "thin" if is_ruled else ""
            parts = self._parts(position, cells, rules.get(position, ""))
            is_panel, is_block = row in self.panels, row in self.breaks
            lines.append(Line(cells, parts, above, row < 0, is_panel, is_block))
        return lines

    def _parts(self, position: int, cells: list[str], rule: str) -> list[Part]:
        """Join cells of equal headings, unless those above differ, and of a title."""
        if position - len(self.header) in self.panels:
            return [Part(cells[0], 0, len(cells), rule)]
        if position >= len(self.header):
            return [Part(text, at, at + 1, rule) for at, text in enumerate(cells)]
        above = self.header[0] if self.spanning else [""] * len(cells)

        def shared(column: int) -> object:
            """Return what is equal for columns of one heading."""
            joins = column > 0 and cells[column]
            return (cells[column], above[column]) if joins else column

        parts = []
        for _, group in groupby(range(len(cells)), shared):
            start, *further = group
            spans = self.spanning and position == 0 and cells[start]
            below = "thin" if spans else rule
            parts.append(Part(cells[start], start, start + 1 + len(further), below))
        return parts

    @property
    def columns(self) -> list[list[str]]:
        """Return the cells of the body by column, without the names of the rows."""
        return [[row[i] for row in self.body] for i in range(1, len(self.header[0]))]

    @property
    def typeset(self) -> Self:
        """Return the table with typographic minus signs, ``≤`` and ``≥``."""
        return self._with_texts(with_minus_signs)

    @property
    def plain(self) -> Self:
        """Return the table with characters that Chinese Windows can print."""
        return self._with_texts(console_text)

    def _with_texts(self, change: Callable[[str], str]) -> Self:
        return replace(
            self,
            header=tuple(list(map(change, row)) for row in self.header),
            body=tuple(list(map(change, row)) for row in self.body),
            notes=tuple(map(change, self.notes)),
            title=None if self.title is None else change(self.title),
        )

    @property
    def texts(self) -> str:
        """Return all texts, for example to find their characters."""
        cells = (cell for row in (*self.header, *self.body) for cell in row)
        return "\n".join((*cells, *self.notes, self.title or ""))


def as_text(content: Content) -> str:
    """Write a table in fixed-width type, with numbers aligned at their last digit."""
    content = content.plain
    columns = list(map(_aligned, content.columns))
    heads = [line.parts for line in content.lines if line.is_head]
    widths = _column_widths([content.names, *columns], heads)
    panels = [text_width(content.body[position][0]) for position in content.panels]
    total = max(_span_width(widths, 0, len(widths)), *panels, 0)

    body: list[str] = []
    for position, row in enumerate(content.body):
        body += ["-" * total] if position in content.breaks else []
        cells = [row[0], *(column[position] for column in columns)]
        parts = [Part(cell, at, at + 1) for at, cell in enumerate(cells)]
        is_title = position in content.panels
        body.append(row[0] if is_title else _text_line(parts, widths))
    above = [_text_line(head, widths) for head in heads]
    title = [content.title] if content.title else []
    lines = [*title, "=" * total, *above, "-" * total, *body, "=" * total]
    notes = (wrap_text(note, max(total, 60)) for note in content.notes)
    return "\n".join(chain(lines, *notes))


def _column_widths(
    columns: Sequence[Sequence[str]], heads: Sequence[Sequence[Part]]
) -> list[int]:
    """Measure columns, and widen them until each spanning heading fits."""
    widths = [max(map(text_width, column), default=0) for column in columns]
    for text, start, end, _ in chain.from_iterable(head[1:] for head in heads):
        lacking = text_width(text) - _span_width(widths, start, end)
        for number in range(max(lacking, 0)):
            widths[start + number % (end - start)] += 1
    return widths


def _aligned(cells: Sequence[str]) -> list[str]:
    """Pad numbers so that their last digits are below each other."""
    numbers = list(map(_NUMBER.fullmatch, cells))
    body, tail = (
        max((len(number[part]) for number in numbers if number), default=0)
        for part in (1, 2)
    )
    return [
        number[1].rjust(body) + number[2].ljust(tail) if number else cell
        for cell, number in zip(cells, numbers, strict=True)
    ]


def _span_width(widths: Sequence[int], start: int, end: int) -> int:
    """Return the width of columns with the two blanks between them."""
    return sum(widths[start:end]) + 2 * (end - start - 1)


def _text_line(parts: Sequence[Part], widths: Sequence[int]) -> str:
    """Write a row: its name on the left, other cells centred."""
    line = ""
    for text, start, end, _ in parts:
        space = _span_width(widths, start, end) - text_width(text)
        before = (space + 1) // 2 if start else 0
        gap = "  " if start else ""
        line += gap + " " * before + text + " " * (space - before)
    return line.rstrip()


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
    rows = list(map(_html_row, content.lines))
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


def _html_row(line: Line) -> str:
    space = "padding-top:0.7em;" if line.opens_block else ""
    top = f"border-top:{_RULES[line.above]}" if line.above else ""
    cells = []
    for text, start, end, rule in line.parts:
        style = _ROW_NAMES if start == 0 else _HEADS if line.is_head else _NUMBERS
        bottom = f"border-bottom:{_RULES[rule]}" if rule else ""
        tag = "th" if line.is_head or start == 0 else "td"
        colspan = f' colspan="{end - start}"' if end - start > 1 else ""
        # Borders are taken off first: notebooks and sites draw their own around every
        # cell.
        cells.append(
            f'<{tag}{colspan} style="border:none;padding:2px '
            f'10px;{style}{space}{top}{bottom}">{html.escape(text)}</{tag}>'
        )
    return _html_cells(cells)


def _html_cells(cells: list[str]) -> str:
    return '<tr style="background:none;">' + "".join(cells) + "</tr>"
