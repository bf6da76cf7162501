"""Tables as Markdown and LaTeX, and as files of text."""

from __future__ import annotations

import csv
import html
import re
from itertools import accumulate, takewhile
from typing import TYPE_CHECKING

from digiprosper.present.alignment import point_columns, split_number
from digiprosper.report.characters import has_cjk, text_width
from digiprosper.report.rendering import as_html

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from digiprosper.present.alignment import PointColumn
    from digiprosper.report.rendering import Content

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
    "<": "$<$",
    ">": "$>$",
    "²": "$^2$",
    "³": "$^3$",
    "×": r"$\times$",
    "→": r"$\rightarrow$",
    "−": "$-$",
    "≤": r"$\le$",
    "≥": r"$\ge$",
}
_GREEK = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau phi chi psi "
    "omega"
)
_LATEX |= {
    letter: rf"$\{name}$"
    for letter, name in zip("αβγδεζηθικλμνξπρστφχψω", _GREEK.split(), strict=True)
}
_TEXT_WIDTH = 345  # points of a line in LaTeX's article at 10 points
# A title that brings its number.
_NUMBERED = re.compile(r"\s*(table|表)\s*\w*\d", re.IGNORECASE)
# What spreadsheets take for a formula or, in parentheses, for a negative number.
_MISREAD = re.compile(r"[=+@\t]|-(?!\d[\d.,]*$)|\(\s*-?[\d.,]+\s*%?\s*\)$")


def as_markdown(content: Content) -> str:
    """Write a table as a Markdown pipe table, with markup characters escaped."""
    rows = [
        [_markdown(cell) for cell in row] for row in (*content.header, *content.body)
    ]
    lines = [f"**{_markdown(content.title)}**", ""] if content.title else []
    lines.append("| " + " | ".join(rows[0]) + " |")
    lines.append("|:---|" + ":---:|" * (len(rows[0]) - 1))
    lines += ["| " + " | ".join(row) + " |" for row in rows[1:]]
    for note in content.notes:
        lines += ["", _markdown(note)]
    return "\n".join(lines) + "\n"


def as_latex(content: Content) -> str:
    r"""Write a table as a LaTeX ``table`` with booktabs rules and notes in threeparttable, for ``\input``."""
    return "\n".join([*_preamble([content]), _latex_table(content)])


def _preamble(contents: Sequence[Content]) -> list[str]:
    own_numbers = any(_NUMBERED.match(content.title or "") for content in contents)
    packages = "booktabs,threeparttable" + (",caption" if own_numbers else "")
    lines = [rf"% In the preamble: \usepackage{{{packages}}}"]
    if any(has_cjk(content.texts) for content in contents):
        lines.append(
            r"% The Chinese text needs \usepackage{ctex} and xelatex (or lualatex)"
        )
    return lines


def _latex_table(content: Content) -> str:
    lines = [r"\begin{table}[htbp]", r"\centering", r"\begin{threeparttable}"]
    if _latex_width(content) > _TEXT_WIDTH:
        lines.append(r"\footnotesize\setlength{\tabcolsep}{3pt}")
    if content.title:
        # LaTeX would put a number of its own before that of the title.
        caption = "caption*" if _NUMBERED.match(content.title) else "caption"
        lines.append(rf"\{caption}{{{_latex(content.title)}}}")
    align = "l" + "c" * (len(content.header[0]) - 1)
    lines += [rf"\begin{{tabular}}{{{align}}}", r"\toprule"]
    for position in range(len(content.header)):
        lines.append(_latex_head(content.parts(position)))
        lines += (
            _latex_rules(content.parts(0)) if position == 0 and content.spanning else []
        )
    lines.append(r"\midrule")
    lines += _latex_body(content)
    lines += [r"\bottomrule", r"\end{tabular}"]
    if content.notes:
        lines += [r"\begin{tablenotes}[flushleft]", r"\footnotesize"]
        lines += [rf"\item {_latex(note)}" for note in content.notes]
        lines.append(r"\end{tablenotes}")
    return "\n".join([*lines, r"\end{threeparttable}", r"\end{table}", ""])


def _latex_width(content: Content) -> float:
    """Estimate the width of a table in points: five per letter, and the space between columns."""
    columns = zip(
        *(row[1:] for row in content.rows[len(content.header) - 1 :]), strict=True
    )
    letters = max(map(text_width, content.names), default=0)
    letters += sum(max(map(text_width, texts)) for texts in columns)
    return 5 * letters + 12 * (len(content.header[0]) - 1)


def _latex_head(parts: Sequence[tuple[str, int]]) -> str:
    cells = [(_latex(text), span) for text, span in parts]
    joined = (
        text if span == 1 else rf"\multicolumn{{{span}}}{{c}}{{{text}}}"
        for text, span in cells
    )
    return " & ".join(joined) + r" \\"


def _latex_rules(parts: Sequence[tuple[str, int]]) -> list[str]:
    """Write a rule below each heading that spans columns."""
    ends = list(accumulate(span for _, span in parts))
    rules = [
        rf"\cmidrule(lr){{{end - span + 1}-{end}}}"
        for (text, span), end in zip(parts[1:], ends[1:], strict=True)
        if text
    ]
    return [" ".join(rules)]


def _latex_body(content: Content) -> list[str]:
    columns, count, lines = point_columns(content), len(content.header), list[str]()
    for position, row in enumerate(content.body, start=count):
        if content.is_ruled(position):
            lines.append(r"\midrule")
        elif content.opens_block(position):
            lines.append(r"\addlinespace")
        if content.is_panel(position):
            lines.append(rf"\multicolumn{{{len(row)}}}{{l}}{{{_latex(row[0])}}} \\")
        else:
            lines.append(
                " & ".join([_latex(row[0]), *map(_latex_number, row[1:], columns)])
                + r" \\"
            )
    return lines


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
    path.write_text(
        "\n".join([*_preamble(contents), *map(_latex_table, contents)]), "utf-8"
    )


def write_csv(contents: Sequence[Content], path: Path) -> None:
    """Write tables as comma-separated texts, with titles and notes in the first column."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        for number, content in enumerate(contents):
            lead: list[list[str]] = [[]] if number else []
            title = [[content.title]] if content.title else []
            notes = [[note] for note in content.notes]
            rows = [*lead, *title, *content.header, *content.body, *notes]
            writer.writerows([_csv(cell) for cell in row] for row in rows)


def _csv(text: str) -> str:
    """Write a cell, as a quoted formula where a spreadsheet would read (0.040) as a negative number."""
    return f'="{text.replace(chr(34), 2 * chr(34))}"' if _MISREAD.match(text) else text


def _markdown(text: str) -> str:
    return re.sub(r"([\\`*_|<>$~\[\]])", r"\\\1", text)


def _latex(text: str) -> str:
    # A bracket or star that comes first would belong to the line break or item before it.
    opening = "{}" if text.startswith(("[", "*")) else ""
    text = text.replace("<=", "≤").replace(">=", "≥")
    return opening + "".join(_LATEX.get(letter, letter) for letter in text)


def _latex_number(text: str, column: PointColumn | None) -> str:
    """Write a number as wide as the widest of its column on both sides of the decimal point."""
    parts = split_number(text)
    if column is None or parts is None:
        return _latex_cell(text)
    shared_right = _shared(column.right, parts.right)
    if len(column.right) > shared_right:
        # Stars are raised together, so that room for a part of them would not be exact.
        shared_right = min(shared_right, len(parts.right.rstrip("*")))
    shared_left = _shared(column.left[::-1], parts.left[::-1])
    start, end = len(parts.left) - shared_left, len(column.left) - shared_left
    before = _beside(r"\phantom", column.left[:end]) + _beside(
        r"\llap", parts.left[:start]
    )
    after = _beside(r"\phantom", column.right[shared_right:])
    if not after:
        return before + _latex_cell(parts.left[start:] + parts.right)
    beyond = _beside(r"\rlap", parts.right[shared_right:])
    return (
        before
        + _latex_cell(parts.left[start:] + parts.right[:shared_right])
        + beyond
        + after
    )


def _shared(first: str, second: str) -> int:
    """Count the characters in which the starts of two numbers agree; all digits count as equal."""
    pairs = zip(re.sub(r"\d", "0", first), re.sub(r"\d", "0", second), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _beside(command: str, text: str) -> str:
    return f"{command}{{{_latex_cell(text)}}}" if text else ""


def _latex_cell(text: str) -> str:
    """Write a cell with a minus sign before negative numbers and raised stars."""
    body = text.rstrip("*")
    marks = len(text) - len(body)
    written = re.sub(r"(?<![\w.])-(?=\d|$)", "−", body)
    return _latex(written) + (rf"$^{{{'*' * marks}}}$" if marks else "")
