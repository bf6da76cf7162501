"""Write `docs/verification.md`: every outside number beside ours.

As the tests compare them. Run by `make evidence`, with the groups `test` and `peers`.
Where a table that is not part of the project is missing, its tests do not run, and its
numbers are not on the page.
"""

from __future__ import annotations

import json
import platform
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from generators import recorder

PAGE = recorder.ROOT / "docs" / "verification.md"
HEAD = """# Verification

Numbers of other programs and of papers, beside ours. Each comes from a file in
`tests/reference/`, which names software, version and command. The tests compare it at
every change. `make evidence` runs these tests and writes this page with both numbers of
every comparison.

{compared:,} numbers were compared, with digiprosper {ours}, Python {python}, numpy
{numpy} and scipy {scipy}. If an entry has several numbers, the one with the largest
difference is shown. Differences are relative to the reference. Most of them are the
rounding of the printed reference. Each file says which difference is allowed, and why.
Numbers that tests compare in another way, such as exact fractions, are not listed.

"""
# Keys that only structure a file.
FRAME = {"cases", "values", "value"}
NAMES = ("case", "name", "test", "what", "model", "term", "year")


def main() -> None:
    """Run the tests that compare with outside numbers, and write their page."""
    paths = [str(path) for path in recorder.modules()]
    chosen = ["-m", "not montecarlo", "-q", "-p", "no:cacheprovider"]
    code = pytest.main([*paths, *chosen], plugins=[recorder])
    if code:
        sys.exit("The tests fail; the page stays as it was.")
    PAGE.write_text(page_of(recorder.FOUND), encoding="utf-8")


def page_of(found: dict[str, dict[recorder.Place, tuple[float, float]]]) -> str:
    """Make the page of the numbers that were compared."""
    head = HEAD.format(
        compared=sum(map(len, found.values())),
        ours=version("digiprosper"),
        python=platform.python_version(),
        numpy=version("numpy"),
        scipy=version("scipy"),
    )
    files = {name: _read(name) for name in sorted(found)}
    rows = [_summary_row(name, found[name]) for name in files]
    table = (
        "| file | numbers | median difference | largest |\n|---|---|---|---|\n"
        + "\n".join(rows)
    )
    return (
        head
        + table
        + "\n\n"
        + "\n".join(_section(name, files[name], found[name]) for name in files)
    )


def _read(name: str) -> dict[str, Any]:
    return dict(json.loads((recorder.REFERENCE / name).read_text(encoding="utf-8")))


def _difference(pair: tuple[float, float]) -> float:
    reference, ours = pair
    return abs(ours - reference) / abs(reference)


def _summary_row(name: str, numbers: dict[recorder.Place, tuple[float, float]]) -> str:
    differences = [_difference(pair) for pair in numbers.values()]
    stem = name.removesuffix(".json")
    link = f"[{stem}](#{stem.replace('_', '-')})"
    return (
        f"| {link} | {len(numbers)} | {np.median(differences):.0e} | "
        f"{max(differences):.0e} |"
    )


def _section(
    name: str, file: dict[str, Any], numbers: dict[recorder.Place, tuple[float, float]]
) -> str:
    """One file: what it is about, and a table for each entry with its source."""
    title = name.removesuffix(".json").replace("_", " ")
    lines = [f"## {title}\n", str(file.get("about", file.get("_about", ""))) + "\n"]
    source = (
        file.get("data", {}).get("source")
        if isinstance(file.get("data"), dict)
        else None
    )
    if source:
        lines.append(f"Data: {source}.\n")
    groups: dict[tuple[str, str, str], dict[str, list[tuple[float, float]]]] = {}
    for place, pair in numbers.items():
        entry, software, command = _origin(file, place)
        quantity = _quantity(place)
        groups.setdefault((entry, software, command), {}).setdefault(
            quantity, []
        ).append(pair)
    for (entry, software, command), quantities in groups.items():
        origin = "; ".join(
            part for part in (software, f"`{command}`" if command else "") if part
        )
        lines.append(f"**{entry}**. {origin}\n" if origin else f"**{entry}**\n")
        lines.append(
            "| quantity | numbers | reference | ours | difference |\n"
            "|---|---|---|---|---|"
        )
        lines.extend(_row(quantity, pairs) for quantity, pairs in quantities.items())
        lines.append("")
    return "\n".join(lines)


def _row(quantity: str, pairs: list[tuple[float, float]]) -> str:
    worst = max(pairs, key=_difference)
    shown = f"{worst[0]:.12g} | {worst[1]:.12g} | {_difference(worst):.0e}"
    return f"| {quantity} | {len(pairs)} | {shown} |"


def _origin(file: dict[str, Any], place: recorder.Place) -> tuple[str, str, str]:
    """Name, software, command of the innermost entry with them for a number."""
    software = command = ""
    names: list[str] = []
    at: Any = file
    for depth, key in enumerate((None, *place)):
        at = at if key is None else at[key]
        if not isinstance(at, dict):
            continue
        software = _software(at.get("software"), place) or software
        command = str(at.get("command", command))
        if depth:
            own = [
                str(at[name]) for name in NAMES if isinstance(at.get(name), str | int)
            ]
            names = own or names
    keys = [str(key) for key in place[:-1] if isinstance(key, str) and key not in FRAME]
    return (
        ", ".join(dict.fromkeys(names)) or " ".join(keys[:2]) or "all",
        software,
        command.replace("|", "\\|"),
    )


def _software(value: Any, place: recorder.Place) -> str:
    if isinstance(value, dict):
        text = " ".join(map(str, place)).replace("two-way", "two_way")
        fitting = [str(what) for key, what in value.items() if key in text]
        return fitting[-1] if fitting else ""
    return str(value).replace("|", "\\|") if value else ""


def _quantity(place: recorder.Place) -> str:
    keys = [str(key) for key in place if isinstance(key, str) and key not in FRAME]
    return " ".join(keys[-2:]).replace("|", "\\|") if keys else "value"


if __name__ == "__main__":
    main()
