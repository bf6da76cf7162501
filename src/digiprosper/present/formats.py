"""Tables as Markdown and LaTeX, and as files of text."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from digiprosper.report.characters import has_cjk
from digiprosper.report.rendering import as_html, spans

if TYPE_CHECKING:
    from pathlib import Path

    from digiprosper.report.rendering import Content

__all__ = [
    "as_latex",
    "as_markdown",
    "write_html",
    "write_latex",
    "write_markdown",
]

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
    "γ": r"$\gamma$",
    "−": "$-$",
    "≤": r"$\le$",
    "≥": r"$\ge$",
}


def as_markdown(content: Content) -> str:
    """Write a table as a Markdown pipe table.

    Parameters
    ----------
    content : Content
        The table.

    Returns
    -------
    str
        Characters that Markdown would read as markup are escaped.
    """
    rows = [[_markdown(cell) for cell in row] for row in (*content.header, *content.body)]
    lines = [f"**{_markdown(content.title)}**", ""] if content.title else []
    lines.append("| " + " | ".join(rows[0]) + " |")
    lines.append("|:---|" + ":---:|" * (len(rows[0]) - 1))
    lines += ["| " + " | ".join(row) + " |" for row in rows[1:]]
    for note in content.notes:
        lines += ["", _markdown(note)]
    return "\n".join(lines) + "\n"


def as_latex(content: Content) -> str:
    r"""Write a table as LaTeX with booktabs rules and notes in threeparttable.

    Parameters
    ----------
    content : Content
        The table.

    Returns
    -------
    str
        A ``table`` environment to ``\input``; special characters are escaped.
    """
    lines = [r"% In the preamble: \usepackage{booktabs,threeparttable}"]
    if has_cjk(content.texts):
        lines.append(r"% The Chinese text needs \usepackage{ctex} and xelatex (or lualatex)")
    lines += [r"\begin{table}[htbp]", r"\centering", r"\begin{threeparttable}"]
    if content.title:
        lines.append(rf"\caption{{{_latex(content.title)}}}")
    align = "l" + "c" * (len(content.header[0]) - 1)
    lines += [rf"\begin{{tabular}}{{{align}}}", r"\toprule"]
    for row in content.header:
        cells = [_latex(row[0])]
        for text, span in spans(row[1:]):
            cells.append(_latex(text) if span == 1 else rf"\multicolumn{{{span}}}{{c}}{{{_latex(text)}}}")
        lines.append(" & ".join(cells) + r" \\")
    lines.append(r"\midrule")
    for position, row in enumerate(content.body):
        if position in content.breaks:
            lines.append(r"\addlinespace")
        lines.append(" & ".join([_latex(row[0]), *map(_latex_cell, row[1:])]) + r" \\")
    lines += [r"\bottomrule", r"\end{tabular}"]
    if content.notes:
        lines += [r"\begin{tablenotes}[flushleft]", r"\footnotesize"]
        lines += [rf"\item {_latex(note)}" for note in content.notes]
        lines.append(r"\end{tablenotes}")
    return "\n".join([*lines, r"\end{threeparttable}", r"\end{table}", ""])


def write_html(content: Content, path: Path) -> None:
    """Write a table as a whole HTML page.

    Parameters
    ----------
    content : Content
        The table.
    path : Path
        File to write, in UTF-8.
    """
    fonts = '"Times New Roman","Songti SC",SimSun,"Noto Serif CJK SC",serif'
    page = (
        '<!DOCTYPE html>\n<html>\n<head>\n<meta charset="utf-8">\n'
        f"<title>{html.escape(content.title or 'Table')}</title>\n</head>\n"
        f"<body style='font-family:{fonts};margin:2em;'>\n{as_html(content)}\n</body>\n</html>\n"
    )
    path.write_text(page, "utf-8")


def write_markdown(content: Content, path: Path) -> None:
    """Write a table as a Markdown file.

    Parameters
    ----------
    content : Content
        The table.
    path : Path
        File to write, in UTF-8.
    """
    path.write_text(as_markdown(content), "utf-8")


def write_latex(content: Content, path: Path) -> None:
    """Write a table as a LaTeX file.

    Parameters
    ----------
    content : Content
        The table.
    path : Path
        File to write, in UTF-8.
    """
    path.write_text(as_latex(content), "utf-8")


def _markdown(text: str) -> str:
    return re.sub(r"([\\`*_|<>$~\[\]])", r"\\\1", text)


def _latex(text: str) -> str:
    # A bracket or star that comes first would belong to the line break or item before it.
    opening = "{}" if text.startswith(("[", "*")) else ""
    text = text.replace("<=", "≤").replace(">=", "≥")
    return opening + "".join(_LATEX.get(letter, letter) for letter in text)


def _latex_cell(text: str) -> str:
    """Write a cell; the hyphen before a number becomes a minus, stars are raised."""
    body = text.rstrip("*")
    marks = len(text) - len(body)
    written = re.sub(r"(?<![\w.])-(?=\d)", "−", body)
    return _latex(written) + (rf"$^{{{'*' * marks}}}$" if marks else "")
