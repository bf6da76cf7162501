"""Tables as RTF files, which word processors of every kind open."""

from __future__ import annotations

from itertools import accumulate, groupby
from typing import TYPE_CHECKING

from digiprosper.present.alignment import split_number
from digiprosper.present.office import (
    PAGE_MARGIN,
    TITLE_SIZE,
    fit_page,
    keeps_next,
    point_places,
)
from digiprosper.report.characters import has_cjk

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from digiprosper.present.office import Page
    from digiprosper.report.rendering import Content

_TWIPS = 1440 / 2.54  # a centimetre
_FONTS = (
    r"{\fonttbl{\f0\froman\fcharset0 Times New Roman;}{\f1\fnil\fcharset134 SimSun;}}"
)
_RULES = {"thick": r"\brdrs\brdrw30", "thin": r"\brdrs\brdrw15"}
_UPRIGHT, _ACROSS = r"\pgwsxn11906\pghsxn16838", r"\lndscpsxn\pgwsxn16838\pghsxn11906"


def write_rtf(contents: Sequence[Content], path: Path) -> None:
    """Write three-line tables below each other."""
    margin = round(PAGE_MARGIN * _TWIPS)
    margins = rf"\margl{margin}\margr{margin}\margt{margin}\margb{margin}"
    contents = [content.typeset for content in contents]
    pages = [fit_page(content) for content in contents]
    befores = [None, *pages]
    parts = [
        _opening(page, before) + _table(content, page)
        for content, page, before in zip(contents, pages, befores, strict=False)
    ]
    text = "\n".join(
        [rf"{{\rtf1\ansi\ansicpg1252\uc1\deff0{_FONTS}{margins}", *parts, "}", ""]
    )
    path.write_bytes(text.encode("ascii"))


def _opening(page: Page, before: Page | None) -> str:
    """Start a section if the page turns, or else a line between two tables."""
    if before is not None and page.landscape == before.landscape:
        return "\\pard\\plain\\sa240\\par\n"
    start = "" if before is None else r"\sect"
    return rf"{start}\sectd\sbkpage{_ACROSS if page.landscape else _UPRIGHT}" + "\n"


def _table(content: Content, page: Page) -> str:
    size = round(2 * page.size)
    title = (
        rf"\pard\plain\qc\keepn\fs{2 * TITLE_SIZE:.0f}\b {_rtf(content.title)}\b0\par"
        if content.title
        else ""
    )
    edges = [round(edge * _TWIPS) for edge in accumulate(page.widths)]
    points = point_places(content, page)
    rows = [
        _row(content, position, edges, points, page)
        for position in range(len(content.rows))
    ]
    left_indent = round((page.room - sum(page.widths)) / 2 * _TWIPS)
    indent = rf"\li{max(left_indent, 0)}\ri{max(left_indent, 0)}"
    notes = [
        rf"\pard\plain\ql{indent}\fs{max(size - 3, 14)} {_rtf(note)}\par"
        for note in content.notes
    ]
    return "\n".join([*filter(None, [title]), *rows, *notes])


def _row(
    content: Content,
    position: int,
    edges: Sequence[int],
    points: Sequence[float | None],
    page: Page,
) -> str:
    """Write one row; equal headings next to each other share a cell."""
    head, parts = content.is_head(position), content.parts(position)
    ends = list(accumulate(span for _, span in parts))
    above, below = content.rules(position)
    top = rf"\clbrdrt{_RULES[above]}" if above else ""
    bottoms = [rf"\clbrdrb{_RULES[rule]}" if rule else "" for rule in below]
    cells = "".join(
        rf"{top}{bottom}\clvertalb\cellx{edges[end - 1]}"
        for bottom, end in zip(bottoms, ends, strict=True)
    )
    space = r"\sb120" if content.opens_block(position) else r"\sb20"
    numbers = zip(parts[1:], points, strict=False)
    alignments = [
        "ql",
        *("qc" if head else _placed(text, point) for (text, _), point in numbers),
    ]
    size = round(2 * page.size)
    keep = r"\keepn" if keeps_next(content, position, page) else ""
    texts = [
        rf"\pard\plain\intbl{keep}{space}\sa20\{alignment}\fs{size} {_rtf(text)}\cell"
        for alignment, (text, _) in zip(alignments, parts, strict=False)
    ]
    repeated = r"\trhdr" if head else ""
    return "\n".join(
        [rf"\trowd\trqc\trgaph60\trkeep{repeated}{cells}", *texts, r"\row"]
    )


def _placed(text: str, point: float | None) -> str:
    """Align a number at its decimal point, and centre any other text."""
    is_number = point is not None and split_number(text) is not None
    return rf"ql\tqdec\tx{round(point * _TWIPS)}" if point and is_number else "qc"


def _rtf(text: str) -> str:
    """Write a text, with a Chinese font; beyond ASCII as UTF-16 codes."""
    runs = ((chinese, "".join(letters)) for chinese, letters in groupby(text, has_cjk))
    return "".join(
        rf"{{\f1 {_escaped(run)}}}" if chinese else _escaped(run)
        for chinese, run in runs
    )


def _escaped(text: str) -> str:
    return "".join(map(_letter, text))


def _letter(letter: str) -> str:
    if letter in "\\{}":
        return f"\\{letter}"
    if letter.isascii():
        return letter
    code = letter.encode("utf-16-le")
    units = [
        int.from_bytes(code[i : i + 2], "little", signed=True)
        for i in range(0, len(code), 2)
    ]
    return "".join(rf"\u{unit}?" for unit in units)
