"""Write the tables that tests measure, and the pages that show them.

Tables are in `docs/measured/`; one page is `docs/validity.md`. A test with the fixture
`measured` writes rows of a table. This command runs those tests, keeps the rows in
`docs/measured/<table>.json`, and writes the docstrings of the tests and the table where
a page asks for it:

    <!-- measured: few_clusters -->

    (here)

    <!-- measured end -->

Arguments are files, folders or node ids of tests; then only those run, and the rows of
the others stay. With `--pages` no test runs, and the pages are written from the rows
that are there.
"""

from __future__ import annotations

import ast
import json
import os
import re
import sys
import textwrap
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "docs" / "measured"
VALIDITY = ROOT / "docs" / "validity.md"
BLOCK = re.compile(
    r"(<!-- measured: (\w+)[^>]* -->\n)(.*?)(<!-- measured end -->)", re.DOTALL
)
Table: TypeAlias = dict[str, list[dict[str, str]]]
ROOMS = {
    "composite": "Indices",
    "inequality": "Inequality",
    "linear": "Regressions",
    "studies": "Studies of many fits",
    "pathways": "Pathways",
    "policy": "Policy",
    "mediation": "Mediation",
    "threshold": "Thresholds and kinks",
    "dynamic": "Dynamic panels",
    "learning": "Double machine learning",
    "counts": "Counts and binary outcomes",
    "u_shape": "U-shapes",
    "unit_roots": "Unit roots",
    "spatial": "Space",
}
NAMES = (
    "anderson",
    "chu",
    "conley",
    "durbin",
    "gini",
    "hansen",
    "levin",
    "lin",
    "moran",
    "poisson",
    "rubin",
    "wald",
    "wang",
    "wooldridge",
)
PROPER = {
    **{name: name.capitalize() for name in NAMES},
    **{name: name.upper() for name in ("iv", "pca", "sar", "sdm", "sem")},
}
# Tables whose file name is no heading
TITLES = {
    "coverage_of_anderson_rubin_sets": "Coverage of Anderson-Rubin sets",
    "dml_with_31_provinces": "Double machine learning with 31 provinces",
    "size_of_cross_section_dependence": "Size of tests of cross-section dependence",
    "size_of_levene_test": "Size of the Levene test",
    "size_of_modified_wald_test": "Size of the modified Wald test",
    "size_of_placebo_test": "Size of the placebo test",
    "size_of_pretrend_test": "Size of the pre-trend test",
    "size_of_the_test_of_levin_lin_and_chu": "Size of the test of Levin, Lin and Chu",
    "size_of_wooldridge_test": "Size of the Wooldridge test",
    "u_shapes_found": "U-shapes found",
}
HEAD = """# Validity

Do tests reject a true hypothesis as often as they say, and do intervals cover the
truth? Each table is written by the simulation that is named below it, with `make
evidence`. What follows for a choice is on the pages of the methods. Shares are between
0 and 1. A share p of R simulated panels has a Monte Carlo standard error of sqrt(p(1 -
p) / R), which is .007 for p = .05 and R = 1,000.

"""


class Rows:
    """The tests that write rows, and the rows of those that passed."""

    def __init__(self) -> None:
        self.nodes: list[str] = []
        self.found: dict[str, list[tuple[str, dict[str, str]]]] = {}

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        """Name the tests that use the fixture."""
        for item in items:
            if "measured" in getattr(item, "fixturenames", ()):
                self.nodes.append(item.nodeid)

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Keep the rows of a test that passed."""
        if report.when == "call" and report.passed:
            rows = [
                value for name, value in report.user_properties if name == "measured"
            ]
            self.found[report.nodeid] = [(table, cells) for table, cells in rows]


def main() -> None:
    """Run the tests, keep their rows, and write the pages."""
    code = 0
    if sys.argv[1:] != ["--pages"]:
        code = run(sys.argv[1:])
    for page in pages():
        text = page.read_text(encoding="utf-8")
        page.write_text(filled(text), encoding="utf-8")
    VALIDITY.write_text(validity(), encoding="utf-8")
    sys.exit(code)


def run(chosen: list[str]) -> int:
    """Run the chosen tests, or all, and keep their rows.

    Returns the exit code of pytest.
    """
    options = ["-q", "-p", "no:cacheprovider", "--rootdir", str(ROOT), "-m", ""]
    every, rows = Rows(), Rows()
    pytest.main(
        [str(ROOT / "tests"), *options, "--collect-only", "-qq"], plugins=[every]
    )
    picked = every
    if chosen:
        picked = Rows()
        pytest.main([*chosen, *options, "--collect-only", "-qq"], plugins=[picked])
    os.chdir(ROOT)
    parallel = ["-n", os.environ.get("WORKERS", "auto"), "--dist", "worksteal"]
    code = pytest.main([*picked.nodes, *options, *parallel], plugins=[rows])
    keep(every.nodes, rows.found)
    return int(code)


def keep(nodes: list[str], found: dict[str, list[tuple[str, dict[str, str]]]]) -> None:
    """Put the rows of each table in its file, in the order of the tests.

    A case that its test no longer has is dropped. A test that is not collected, because
    its data are missing, keeps its rows.
    """
    collected = {node.split("[")[0] for node in nodes}
    there: dict[str, Table] = defaultdict(dict)
    for name, table in tables().items():
        for node, rows in table.items():
            if node not in found and (
                node in nodes or node.split("[")[0] not in collected
            ):
                there[name][node] = rows
    for node, written in found.items():
        for name, cells in written:
            there[name].setdefault(node, []).append(cells)

    KEPT.mkdir(exist_ok=True)
    for path in KEPT.glob("*.json"):
        path.unlink()
    place = {node: position for position, node in enumerate(nodes)}
    for name, table in there.items():
        ordered = {
            node: table[node]
            for node in sorted(table, key=lambda node: place.get(node, len(nodes)))
        }
        text = json.dumps(ordered, indent=1, ensure_ascii=False) + "\n"
        (KEPT / f"{name}.json").write_text(text, encoding="utf-8")


def pages() -> list[Path]:
    """List the pages that are written by hand."""
    folder = ROOT / "docs"
    made = {"_build", "reference", "gallery", "examples"}
    written = [
        path
        for path in folder.rglob("*.md")
        if path.relative_to(folder).parts[0] not in made
    ]
    return [*sorted(written), ROOT / "README.md"]


def tables() -> dict[str, Table]:
    """Read each table: the rows of each test that writes it."""
    return {
        path.stem: json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(KEPT.glob("*.json"))
    }


def filled(page: str) -> str:
    """Fill a page with the tables that it asks for.

    A docstring stands above the first of its tables only. A page may show some rows,
    ``<!-- measured: name where N=31 and T=10 -->``, without these columns. Headings in
    another language follow the name, ``<!-- measured: name; heading, heading -->``,
    without a docstring.
    """
    there = tables()
    told: set[str] = set()

    def fill(block: re.Match[str]) -> str:
        table, marker = there[block[2]], block[1].removesuffix(" -->\n")
        rows = re.findall(r"(\S+)=(.+?)(?: and |$)", marker.partition(" where ")[2])
        heads = marker.split("; ")[1].split(", ") if "; " in marker else []
        text = shown(table, functions(table) if heads else told, dict(rows), heads)
        told.update(functions(table))
        return f"{block[1]}\n{text}\n{block[4]}"

    return BLOCK.sub(fill, page)


def shown(
    table: Table,
    told: Collection[str] = (),
    values: Mapping[str, str] | None = None,
    heads: Sequence[str] = (),
) -> str:
    """Write a table below its tests' docstrings, but for those the page has.

    A docstring is on a page once. Of the rows only those with these values are shown.
    `heads` stand in place of the names of columns.
    """
    values = values or {}
    docstrings = [docstring(test) for test in functions(table) if test not in told]
    about = textwrap.fill(
        " ".join(filter(None, docstrings)), 120, break_on_hyphens=False
    )
    rows = [
        {column: cell for column, cell in cells.items() if column not in values}
        for written in table.values()
        for cells in written
        if values.items() <= cells.items()
    ]
    columns = list(dict.fromkeys(column for cells in rows for column in cells))
    lines = [
        [*heads] or columns,
        ["---"] * len(columns),
        *([cells.get(c, "") for c in columns] for cells in rows),
    ]
    return f"{about}\n\n".lstrip() + "".join(
        f"| {' | '.join(line)} |\n" for line in lines
    )


def functions(table: Table) -> list[str]:
    """List the test functions that write a table, without their cases."""
    return list(dict.fromkeys(node.split("[")[0] for node in table))


@cache
def docstring(function: str) -> str:
    """Read the docstring of a test function, in one line."""
    file, _, name = function.partition("::")
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    (found,) = (
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name == name
    )
    return " ".join((ast.get_docstring(found) or "").split())


def validity() -> str:
    """Make the page of all tables, by room."""
    sections: dict[str, list[str]] = {title: [] for title in ROOMS.values()}
    for name, table in tables().items():
        tests = functions(table)
        words = " ".join(
            PROPER.get(word, word)
            for word in name.replace("p_values", "p-values").split("_")
        )
        title = TITLES.get(name, words[0].upper() + words[1:])
        source = ", ".join(f"`{test}`" for test in tests)
        room = ROOMS[tests[0].split("/")[1]]
        sections[room].append(f"### {title}\n\n{shown(table)}\n{source}\n")
    found = {title: blocks for title, blocks in sections.items() if blocks}
    return HEAD + "\n".join(
        f"## {title}\n\n" + "\n".join(blocks) for title, blocks in found.items()
    )


if __name__ == "__main__":
    main()
