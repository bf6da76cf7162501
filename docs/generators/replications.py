"""Write `docs/replications.md`: published tables, with ours beside them.

`tests/reference/published.json` has the printed numbers as text: their digits are those
that are compared. The code of a table is a file of `docs/replications/`, which the page
shows up to the line `# Beside print`; the rest of the file names our numbers. Data of
papers are no part of the project: they are read from the folder that `--data` names and
its subfolders, by the name of the file. A table whose data or package is missing keeps
what the page has. Run by `make evidence`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import textwrap
import warnings
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from digiprosper.errors import DigiprosperWarning

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "replications.md"
CODE = ROOT / "docs" / "replications"
PRINTED = ROOT / "tests" / "reference" / "published.json"
DATA = ROOT.parent / "shared" / "data"
END = "# Beside print\n"
# Longer tables are folded, and longer lists of quantities are counted.
FOLDED, NAMED = 30, 6
WIDTH = 120
HEAD = """# Published results replicated

Numbers of published tables, beside those that the code shown here computes. "Equal"
means equal in all digits that are printed. Every other number has a reason. The largest
difference of these is relative to the printed number.

**{tables} tables, {numbers} numbers; {equal} are equal in the printed digits.**

Each table names where its numbers were read. The data are not part of the library.
`python docs/generators/replications.py --data FOLDER` reads them from a folder, and
writes this page; tables whose data are absent stay as they are. Printed numbers are in
`tests/reference/published.json`.

Numbers that other packages record for their own tests are compared on the page
[Verification](verification.md): those of
[linearmodels and plm](verification.md#munnell), [plm](verification.md#diagnostics),
[spreg](verification.md#spreg), [spatialreg and splm](verification.md#spatial),
[did, bacondecomp and Stata](verification.md#staggered), and more.

| table | numbers | equal | largest difference |
|---|---|---|---|
"""


@dataclass(frozen=True)
class Number:
    """One printed number beside ours."""

    quantity: str
    printed: str
    ours: float
    by_default: float | None

    @property
    def places(self) -> int:
        """Digits after the point, as printed."""
        return len(self.printed.partition(".")[2])

    @property
    def difference(self) -> float:
        """Ours minus the printed number."""
        return self.ours - float(self.printed)

    @property
    def equal(self) -> bool:
        """Whether ours rounds to the printed digits."""
        return abs(self.difference) <= 0.500001 * 10**-self.places


def tables() -> list[dict[str, Any]]:
    """Read the published tables."""
    return list(json.loads(PRINTED.read_text(encoding="utf-8"))["tables"])


def folder_of(table: dict[str, Any], data: Path) -> Path | None:
    """Find the folder of the data of a table; None if they or a package are missing."""
    if not all(find_spec(package) for package in table["packages"]):
        return None
    if not table["files"]:
        return ROOT
    found = sorted(data.rglob(table["files"][0])) if data.is_dir() else []
    complete = [
        path.parent
        for path in found
        if all((path.parent / name).exists() for name in table["files"])
    ]
    return complete[0] if complete else None


def numbers(table: dict[str, Any], folder: Path) -> list[Number]:
    """Run the code of a table in the folder of its data."""
    path = CODE / f"{table['name']}.py"
    names: dict[str, Any] = {}
    with contextlib.chdir(folder), warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), names)
    ours, usual = names["ours"], names.get("by_default", {})
    return [
        Number(quantity, printed, float(ours[quantity]), usual.get(quantity))
        for quantity, printed in table["values"].items()
    ]


def section(table: dict[str, Any], found: list[Number]) -> str:
    """One table: source, data, code, numbers, and why numbers differ."""
    code = (CODE / f"{table['name']}.py").read_text(encoding="utf-8")
    code = code.partition('"""\n\n')[2].partition(END)[0]
    reasons = [f"- {_named(c['quantities'])}: {c['why']}" for c in table["differs"]]
    parts = [
        f"## {table['title']}",
        _wrapped(f"**Printed** in {table['printed_in']}"),
        _wrapped(f"**Read from** {table['read_from']}."),
        _wrapped(f"**Data**: {table['data']}."),
        _wrapped(f"**Options**: {table['needed']}"),
        f"```python\n{code.strip()}\n```",
        _rows(found),
    ]
    if reasons:
        lines = [_wrapped(reason, "  ") for reason in reasons]
        parts.append("**Why numbers differ**\n\n" + "\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _wrapped(text: str, indent: str = "") -> str:
    return textwrap.fill(
        text,
        WIDTH,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _named(quantities: list[str]) -> str:
    """Name quantities, or count them if they are many."""
    if len(quantities) > NAMED:
        return f"The {len(quantities)} numbers with a difference"
    return ", ".join(quantities)


def _rows(found: list[Number]) -> str:
    """Numbers as a table, folded if it is long."""
    usual = any(number.by_default is not None for number in found)
    last = " by default |" if usual else ""
    lines = [
        f"| quantity | printed | here | |{last}",
        "|---|---|---|---|" + ("---|" if usual else ""),
    ]
    for number in found:
        digits = number.places + 2
        mark = "equal" if number.equal else f"{number.difference:+.{digits}f}"
        cells = [number.quantity, number.printed, f"{number.ours:.{digits}f}", mark]
        if usual:
            other = number.by_default
            cells.append("" if other is None else f"{other:.{digits}f}")
        lines.append(f"| {' | '.join(cells)} |")
    rows = "\n".join(lines)
    if len(found) <= FOLDED:
        return rows
    return f":::{{dropdown}} {len(found)} numbers\n{rows}\n:::"


def kept(page: str) -> dict[str, str]:
    """Read the sections of a page by their titles."""
    sections = re.split(r"^(?=## )", page, flags=re.MULTILINE)[1:]
    return {text.partition("\n")[0].removeprefix("## "): text for text in sections}


def rows_of(text: str) -> list[list[str]]:
    """Read the numbers of a section: quantity, printed, here, mark."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines]
    return [row for row in cells if row[0] != "quantity"]


def page_of(sections: dict[str, str]) -> str:
    """Make the page of its sections, with the counts at its top."""
    counts = {title: rows_of(text) for title, text in sections.items()}
    equal = {
        title: sum(row[3] == "equal" for row in rows) for title, rows in counts.items()
    }
    head = HEAD.format(
        tables=len(counts),
        numbers=sum(map(len, counts.values())),
        equal=sum(equal.values()),
    )
    summary = [
        f"| {_link(title)} | {len(rows)} | {equal[title]} | {_largest(rows)} |"
        for title, rows in counts.items()
    ]
    return f"{head}{chr(10).join(summary)}\n\n" + "\n".join(
        text.strip() + "\n" for text in sections.values()
    )


def _link(title: str) -> str:
    """Link a section of the page by its anchor."""
    words = re.sub(r"[^\w\s-]", "", title.lower())
    return f"[{title}](#{'-'.join(words.split(' '))})"


def _largest(rows: list[list[str]]) -> str:
    """Write the largest relative difference of numbers that are not equal."""
    ratios = [
        abs(float(row[2]) / float(row[1]) - 1) for row in rows if row[3] != "equal"
    ]
    return f"{max(ratios):.0e}" if ratios else ""


def main() -> None:
    """Replicate the tables whose data are there, and write the page."""
    parser = argparse.ArgumentParser(description="Write docs/replications.md.")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the data")
    data = parser.parse_args().data.resolve()
    old = kept(PAGE.read_text(encoding="utf-8")) if PAGE.exists() else {}
    sections: dict[str, str] = {}
    for table in tables():
        folder = folder_of(table, data)
        if folder is not None:
            sections[table["title"]] = section(table, numbers(table, folder))
        elif table["title"] in old:
            print(f"Not replicated, for want of data or a package: {table['name']}")
            sections[table["title"]] = old[table["title"]]
    PAGE.write_text(page_of(sections), encoding="utf-8")


if __name__ == "__main__":
    main()
