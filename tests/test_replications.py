"""Published tables: ours beside the printed digits, and the page that shows both.

`docs/generators/replications.py` writes the page. Printed numbers are text in
`tests/reference/published.json`.
"""

from __future__ import annotations

import importlib.util
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "docs" / "generators" / "replications.py"


@cache
def generator() -> Any:
    """Load the script that writes the page."""
    spec = importlib.util.spec_from_file_location("replications", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["replications"] = module
    spec.loader.exec_module(module)
    return module


TABLES = {table["name"]: table for table in generator().tables()}


# Where the files of papers are beside the project.
AT_THE_TOP = {"abdata.csv", "hansen1999.csv"}


def case(name: str) -> Any:
    """Make the case of a table, which needs its data and packages."""
    table = TABLES[name]
    paths = [f if f in AT_THE_TOP else f"published/{f}" for f in table["files"]]
    marks = [pytest.mark.data(path) for path in paths]
    if table["packages"]:
        marks.append(pytest.mark.peers)
    return pytest.param(name, marks=marks)


@pytest.mark.many(20)
@pytest.mark.parametrize("name", [case(name) for name in TABLES])
def test_a_published_table(name: str) -> None:
    """All numbers are equal in the printed digits, but for those with a reason."""
    table = TABLES[name]
    folder = generator().folder_of(table, generator().DATA)
    if folder is None:
        pytest.skip(f"needs {', '.join(table['packages'])}")
    actual = generator().numbers(table, folder)
    assert len(actual) == len(table["values"])
    unequal = {number.quantity for number in actual if not number.equal}
    assert unequal == explained(table)
    shown = on_page(table)
    for number in actual:
        printed, ours = shown[number.quantity][1:3]
        assert printed == number.printed
        assert number.ours == pytest.approx(
            float(ours), abs=1.1 * 10 ** -(number.places + 2)
        )


def explained(table: dict[str, Any]) -> set[str]:
    """Name the numbers that have a reason for a difference."""
    return {quantity for cause in table["differs"] for quantity in cause["quantities"]}


def on_page(table: dict[str, Any]) -> dict[str, list[str]]:
    """Read the numbers of a table on the page."""
    text = generator().kept(generator().PAGE.read_text(encoding="utf-8"))
    return {row[0]: row for row in generator().rows_of(text[table["title"]])}


def test_the_page_has_every_table_and_counts_its_numbers() -> None:
    text = generator().PAGE.read_text(encoding="utf-8")
    sections = generator().kept(text)
    assert list(sections) == [table["title"] for table in TABLES.values()]
    assert generator().page_of(sections) == text
    for table in TABLES.values():
        rows = on_page(table)
        assert list(rows) == list(table["values"])
        marked = {quantity for quantity, row in rows.items() if row[3] != "equal"}
        assert marked == explained(table)


def test_every_table_shows_its_code_and_where_it_was_read() -> None:
    scripts = {path.stem for path in generator().CODE.glob("*.py")}
    assert scripts == set(TABLES)
    for table in TABLES.values():
        assert "http" in table["read_from"] or "reference" in table["read_from"]
        assert all(cause["why"] for cause in table["differs"])


@pytest.mark.many(8)
@pytest.mark.parametrize(
    ("printed", "ours", "equal"),
    [
        ("0.072", 0.0717, True),
        ("0.072", 0.0714, False),
        ("-0.010", -0.01049, True),
        ("-0.010", -0.01051, False),
        ("863", 863.0, True),
        ("863", 864.0, False),
        ("0.5", 0.45, True),
    ],
)
def test_printed_digits(printed: str, ours: float, *, equal: bool) -> None:
    assert generator().Number("x", printed, ours, None).equal == equal


def test_a_table_without_its_data_has_no_folder(tmp_path: Path) -> None:
    table = TABLES["columbus"]
    assert generator().folder_of(table, tmp_path / "nowhere") is None
    (tmp_path / "columbus.csv").touch()
    assert generator().folder_of(table, tmp_path) is None
    inside = tmp_path / "inside"
    inside.mkdir()
    for name in table["files"]:
        (inside / name).touch()
    assert generator().folder_of(table, tmp_path) == inside
    unknown = {**table, "packages": ["no_such_package"]}
    assert generator().folder_of(unknown, tmp_path) is None
