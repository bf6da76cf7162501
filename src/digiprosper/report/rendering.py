"""Tables as fixed-width text and as HTML."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain, groupby
from typing import NamedTuple, Self

from digiprosper.report.characters import text_width, with_signs, wrap_text

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

    def rule_above(self, position: int) -> str:
        """Return the rule above a row: "thick", "thin" or ""."""
        return "thick" if position == 0 else "thin" if self.is_ruled(position) else ""

    def parts(self, position: int) -> list[Part]:
        """Return the cells of a row.

        Equal headings next to each other are one cell, unless different headings above
        span them.
        """
        row, top = self.rows[position], self.spanning and position == 0
        ends = {len(self.header) - 1: "thin", len(self.rows) - 1: "thick"}
        rule = ends.get(position, "")
        if self.is_panel(position):
            return [Part(row[0], 0, len(row), rule)]
        if not self.is_head(position):
            return [Part(text, at, at + 1, rule) for at, text in enumerate(row)]
        above = self.header[0] if self.spanning else [""] * len(row)

        def shared(column: int) -> object:
            """Return what is equal for columns of one heading."""
            joins = column > 0 and row[column]
            return (row[column], above[column]) if joins else column

        parts = []
        for _, group in groupby(range(len(row)), shared):
            start, *further = group
            below = "thin" if top and row[start] else rule
            parts.append(Part(row[start], start, start + 1 + len(further), below))
        return parts

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
    # A hyphen between years, such as 2005年-2010年, is no minus.
    hyphen = r"(?<![A-Za-z0-9_.)\]年月日-])-(?=[\d.∞])"
    return re.sub(hyphen, "−", with_signs(text))


def as_text(content: Content) -> str:
    """Write a table in fixed-width type, with numbers aligned at their last digit."""
    columns = list(map(_aligned, content.columns))
    heads = list(map(content.parts, range(len(content.header))))
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
        line += "  " * (start > 0) + " " * before + text + " " * (space - before)
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
    above = content.rule_above(position)
    top = f"border-top:{_RULES[above]}" if above else ""
    cells = []
    for text, start, end, rule in content.parts(position):
        style = _ROW_NAMES if start == 0 else _HEADS if head else _NUMBERS
        bottom = f"border-bottom:{_RULES[rule]}" if rule else ""
        tag = "th" if head or start == 0 else "td"
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
