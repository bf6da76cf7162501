"""Read a file's tables back: every cell as shown, one list of rows a table."""

from __future__ import annotations

import csv
import re
from itertools import chain
from typing import TYPE_CHECKING, Any

import docx
import openpyxl

if TYPE_CHECKING:
    from pathlib import Path

Grid = list[list[str]]


def typed(text: str) -> str:
    """Write the signs of typeset tables as they are typed."""
    return text.replace("−", "-").replace("≤", "<=").replace("≥", ">=")


def read_docx(path: Path) -> list[Grid]:
    tables = docx.Document(str(path)).tables
    return [
        [[typed(cell.text) for cell in row.cells] for row in table.rows]
        for table in tables
    ]


def shown(cell: Any) -> str:
    """Show the number of a cell in Excel as its format says."""
    if not isinstance(cell.value, int | float):
        return cell.value or ""
    positive, _, negative = cell.number_format.partition(";")
    code = negative if cell.value < 0 else positive
    code = re.sub(r"_.", "", code)
    digits = re.search(r"(#,##)?0(\.0+)?", code)
    assert digits is not None
    mark, decimals = "," if digits[1] else "", len(digits[2] or ".") - 1
    number = f"{abs(cell.value):{mark}.{decimals}f}"
    around = (code[: digits.start()], code[digits.end() :])
    before, after = (
        re.sub(r'"(.*?)"|\\(.)', lambda match: match[1] or match[2], part)
        for part in around
    )
    return before + number + after


def read_xlsx(path: Path) -> list[Grid]:
    """Read rows; a head that is centred over several columns is repeated in each."""
    return [
        [_shown_row(row) for row in sheet] for sheet in openpyxl.load_workbook(path)
    ]


def _shown_row(row: Any) -> list[str]:
    texts: list[str] = []
    for cell in row:
        covered = cell.value is None and cell.alignment.horizontal == "centerContinuous"
        texts.append(texts[-1] if covered else shown(cell))
    return texts


def _unescaped(cell: str) -> str:
    cell = re.sub(
        r"\\phantom\{(?:[^{}]|\{[^{}]*\})*\}",
        "",
        cell.strip().removesuffix(r"\\").strip(),
    )
    cell = re.sub(r"\\[lr]lap\{((?:[^{}]|\{[^{}]*\})*)\}", r"\1", cell)
    cell = re.sub(r"\$\^\{(\*+)\}\$", r"\1", cell.removeprefix("{}"))
    for written, meant in (
        ("$-$", "-"),
        ("$^2$", "²"),
        ("$<$", "<"),
        ("$>$", ">"),
        (r"$\rightarrow$", "→"),
        (r"$\times$", "×"),
        (r"$\le$", "<="),
        (r"\%", "%"),
        (r"\_", "_"),
    ):
        cell = cell.replace(written, meant)
    return cell


def _latex_cells(line: str) -> list[str]:
    made: list[str] = []
    for part in line.removesuffix(r" \\").split(" & "):
        spanned = re.fullmatch(r"\\multicolumn\{(\d+)\}\{.*?\}\{(.*)\}", part)
        text, count = (spanned[2], int(spanned[1])) if spanned else (part, 1)
        made += [_unescaped(text)] * count
    return made


def read_tex(path: Path) -> list[Grid]:
    blocks = re.findall(
        r"\\toprule\n(.*?)\\bottomrule", path.read_text("utf-8"), re.DOTALL
    )
    return [
        [_latex_cells(line) for line in block.splitlines() if line.endswith(r"\\")]
        for block in blocks
    ]


def _rtf_text(text: str) -> str:
    def letter(match: re.Match[str]) -> str:
        return (
            int(match[1])
            .to_bytes(2, "little", signed=True)
            .decode("utf-16-le", "surrogatepass")
        )

    text = re.sub(r"\\u(-?\d+)\?", letter, re.sub(r"\{\\f1 (.*?)\}", r"\1", text))
    text = re.sub(r"\\([\\{}])", r"\1", text)
    return typed(text.encode("utf-16-le", "surrogatepass").decode("utf-16-le"))


def read_rtf(path: Path) -> list[Grid]:
    """Read rows; a cell that spans several columns is repeated in each."""
    tables = []
    for block in re.findall(
        r"\\trowd.*?\\row\n(?!\\trowd)", path.read_bytes().decode("ascii"), re.DOTALL
    ):
        rows = re.findall(r"\\trowd(.*?)\\row", block, re.DOTALL)
        edges = [
            [int(edge) for edge in re.findall(r"\\cellx(\d+)", row)] for row in rows
        ]
        every = sorted(set(chain.from_iterable(edges)))
        texts = [re.findall(r"\\fs\d+ (.*)\\cell\b", row) for row in rows]
        tables.append(
            [
                [
                    _rtf_text(cells[next(i for i, e in enumerate(own) if e >= edge)])
                    for edge in every
                ]
                for own, cells in zip(edges, texts, strict=True)
            ]
        )
    return tables


def _wide(rows: list[list[str]]) -> list[Grid]:
    """Part a file of text into tables, whose rows have as many cells as its heads."""
    tables: list[Grid] = [[]]
    for row in rows:
        if len(row) > 1:
            tables[-1].append(row)
        elif tables[-1]:
            tables.append([])
    return [table for table in tables if table]


def read_csv(path: Path) -> list[Grid]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = [
            [re.sub(r'^="(.*)"$', r"\1", cell) for cell in row]
            for row in csv.reader(file)
        ]
    return _wide(rows)


def read_md(path: Path) -> list[Grid]:
    lines = path.read_text("utf-8").splitlines()
    rows = [
        line.strip()[2:-2].split(" | ") if line.startswith("|") else [line]
        for line in lines
    ]
    kept = [
        row for row, line in zip(rows, lines, strict=True) if not line.startswith("|:")
    ]
    return _wide(
        [[re.sub(r"\\(.)", r"\1", cell).strip() for cell in row] for row in kept]
    )


def read_html(path: Path) -> list[Grid]:
    """Read rows; a cell that spans several columns is repeated in each.

    The notes are left out.
    """
    import html

    tables = []
    for block in re.findall(r"<table.*?</table>", path.read_text("utf-8"), re.DOTALL):
        body = re.sub(r"<tfoot>.*</tfoot>", "", block, flags=re.DOTALL)
        rows = []
        for row in re.findall(r"<tr.*?</tr>", body, re.DOTALL):
            cells = re.findall(r"<t[hd](.*?)>(.*?)</t[hd]>", row)
            spans = [
                int((re.search(r'colspan="(\d+)"', about) or [0, 1])[1])
                for about, _ in cells
            ]
            texts = [typed(html.unescape(text)) for _, text in cells]
            rows.append(
                [
                    text
                    for text, span in zip(texts, spans, strict=True)
                    for _ in range(span)
                ]
            )
        tables.append(rows)
    return tables


READERS = {
    ".docx": read_docx,
    ".xlsx": read_xlsx,
    ".tex": read_tex,
    ".rtf": read_rtf,
    ".csv": read_csv,
    ".md": read_md,
    ".html": read_html,
}
