"""Tables as files: the ending of a path says how; Markdown, LaTeX, HTML and CSV."""

from __future__ import annotations

import csv
import html
import os
import re
import shutil
from itertools import accumulate, takewhile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from digiprosper.errors import InputTypeError, cited, option_error, option_problem
from digiprosper.present.alignment import point_columns, split_number
from digiprosper.present.office import head_widths, write_docx
from digiprosper.present.rich_text import write_rtf
from digiprosper.present.spreadsheet import write_xlsx
from digiprosper.report.characters import has_cjk, text_width
from digiprosper.report.rendering import as_html

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

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
    return "\n".join([*lines, r"\end{threeparttable}", *ends])


def _latex_width(content: Content, letter: int = 5, gap: int = 12) -> int:
    """Estimate a table's width in points, from those of a letter and a gap."""
    letters = max(map(text_width, content.names), default=0)
    heads = head_widths(content, text_width)
    for head, column in zip(heads, content.columns, strict=True):
        letters += max([head, *map(text_width, column)])
    return letter * letters + gap * len(heads)


def _latex_head(parts: Sequence[tuple[str, int]]) -> str:
    cells = (
        _latex(text) if span == 1 else rf"\multicolumn{{{span}}}{{c}}{{{_latex(text)}}}"
        for text, span in parts
    )
    return " & ".join(cells) + r" \\"


def _latex_rules(parts: Sequence[tuple[str, int]]) -> list[str]:
    """Write a rule below each heading that spans columns."""
    ends = accumulate(span for _, span in parts)
    rules = [
        rf"\cmidrule(lr){{{end - span + 1}-{end}}}"
        for (text, span), end in zip(parts, ends, strict=True)
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
    path.write_text(as_latex(*contents), "utf-8")


def write_csv(contents: Sequence[Content], path: Path) -> None:
    """Write tables as comma-separated text, titles and notes in the first column."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        for number, content in enumerate(contents):
            lead: list[list[str]] = [[]] if number else []
            title = [[content.title]] if content.title else []
            notes = [[note] for note in content.notes]
            rows = [*lead, *title, *content.header, *content.body, *notes]
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
    shared = _shared(column.right, decimals)
    if len(column.right) > shared:
        # Stars are raised together, so that room for a part of them would not be exact.
        shared = min(shared, len(decimals.rstrip("*")))
    shared_left = _shared(column.left[::-1], whole[::-1])
    start, end = len(whole) - shared_left, len(column.left) - shared_left
    before = _beside(r"\phantom", column.left[:end]) + _beside(r"\llap", whole[:start])
    after = _beside(r"\phantom", column.right[shared:])
    if not after:
        return before + _latex_cell(whole[start:] + decimals)
    number = _latex_cell(whole[start:] + decimals[:shared])
    return before + number + _beside(r"\rlap", decimals[shared:]) + after


def _shared(first: str, second: str) -> int:
    """Count characters in which two numbers' starts agree; digits count as equal."""
    pairs = zip(re.sub(r"\d", "0", first), re.sub(r"\d", "0", second), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _beside(command: str, text: str) -> str:
    return f"{command}{{{_latex_cell(text)}}}" if text else ""


def _latex_cell(text: str) -> str:
    """Write a cell with raised stars."""
    body = text.rstrip("*")
    stars = text[len(body) :]
    return _latex(body) + (rf"$^{{{stars}}}$" if stars else "")


# --- by ending ------------------------------------------------------------------------

WRITERS: dict[str, Callable[[Sequence[Content], Path], None]] = {
    ".docx": write_docx,
    ".xlsx": write_xlsx,
    ".tex": write_latex,
    ".rtf": write_rtf,
    ".csv": write_csv,
    ".html": write_html,
    ".md": write_markdown,
}
"""What writes tables, by ending."""


def table_path(argument: object, option: str) -> Path:
    """Check that a path has the ending of a format of tables."""
    if not isinstance(argument, str | os.PathLike):
        raise InputTypeError(
            f"{option}={cited(argument)} must be a path such as 'table.docx'.",
            [option_problem(option, argument)],
        )
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


def write_tables(contents: Sequence[Content], target: Path) -> None:
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
