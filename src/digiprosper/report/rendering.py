"""Tables as fixed-width text and as HTML."""

from __future__ import annotations

import html
import re
import textwrap
from dataclasses import dataclass

from digiprosper.report.characters import text_width

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
    columns = content.columns
    numbers = [[n for cell in column if (n := _NUMBER.fullmatch(cell))] for column in columns]
    bodies = [max((len(n[1]) for n in found), default=0) for found in numbers]
    tails = [max((len(n[2]) for n in found), default=0) for found in numbers]
    widths = [
        max(body + tail, *map(text_width, column), 0)
        for body, tail, column in zip(bodies, tails, columns, strict=True)
    ]
    for row in content.header:
        _make_room(widths, spans(row[1:]))
    total = stub + sum(w + 2 for w in widths)

    def head(row: list[str]) -> str:
        cells, start = [_pad(row[0], stub)], 0
        for text, span in spans(row[1:]):
            cells.append(_centre(text, sum(widths[start : start + span]) + 2 * (span - 1)))
            start += span
        return "  ".join(cells).rstrip()

    def line(row: list[str]) -> str:
        cells = [_pad(row[0], stub)]
        for cell, body, tail, width in zip(row[1:], bodies, tails, widths, strict=True):
            number = _NUMBER.fullmatch(cell)
            cells.append(_centre(number[1].rjust(body) + number[2].ljust(tail) if number else cell, width))
        return "  ".join(cells).rstrip()

    lines = [content.title] if content.title else []
    lines += ["=" * total, *map(head, content.header), "-" * total]
    for position, row in enumerate(content.body):
        if position in content.breaks:
            lines.append("-" * total)
        lines.append(line(row))
    lines.append("=" * total)
    for note in content.notes:
        lines += textwrap.wrap(note, max(total, 60))
    return "\n".join(lines)


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
    width = len(content.header[0])
    lines = ['<table class="digiprosper" style="border-collapse:collapse;border:none;font-size:0.95em;">']
    if content.title:
        title = html.escape(content.title)
        lines.append(f'<caption style="caption-side:top;font-weight:bold;">{title}</caption>')
    lines.append("<thead>")
    for position, row in enumerate(content.header):
        rule = "border-top:2px solid currentColor;" if position == 0 else ""
        rule += "border-bottom:1px solid currentColor;" if position == len(content.header) - 1 else ""
        cells = [_html_cell("th", row[0], f"text-align:left;font-weight:normal;{rule}")]
        cells += [_html_cell("th", text, _HEADS + rule, span) for text, span in spans(row[1:])]
        lines.append(_html_row(cells))
    lines.append("</thead>\n<tbody>")
    for position, row in enumerate(content.body):
        space = "padding-top:0.7em;" if position in content.breaks else ""
        rule = "border-bottom:2px solid currentColor;" if position == len(content.body) - 1 else ""
        cells = [_html_cell("th", row[0], f"text-align:left;font-weight:normal;{space}{rule}")]
        # Beside a label of several lines an estimate stands at the last, next to its error.
        numbers = f"text-align:center;vertical-align:bottom;{space}{rule}"
        cells += [_html_cell("td", text, numbers) for text in row[1:]]
        lines.append(_html_row(cells))
    lines.append("</tbody>")
    if content.notes:
        notes = "<br>".join(html.escape(note) for note in content.notes)
        style = "border:none;text-align:left;font-size:0.85em;padding:4px 8px;max-width:0;white-space:normal;"
        cell = f'<td colspan="{width}" style="{style}">{notes}</td>'
        lines.append(f"<tfoot>\n{_html_row([cell])}\n</tfoot>")
    return "\n".join([*lines, "</table>"])


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
