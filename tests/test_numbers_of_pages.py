"""Every number of a page is in its code's output, or in a written file.

A command writes the file.
"""

from __future__ import annotations

import importlib.util
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "docs" / "generators" / "measured.py"
EVIDENCE = {
    "certificate.md",
    "validity.md",
    "verification.md",
    "replications.md",
    "performance.md",
    "changelog.md",
}
# Levels of tests and intervals, and versions of Python that the library runs on.
REFERENCE = re.compile(r"tests/reference/(\w+\.json)")
SETTLED = {
    ".01",
    ".05",
    ".1",
    ".90",
    ".95",
    ".99",
    "1%",
    "5%",
    "10%",
    "90%",
    "95%",
    "97.5%",
    "99%",
    "3.11",
}

FENCED = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"`[^`\n]+`|\$[^$\n]+\$")
ADDRESS = re.compile(
    r"\]\([^)]*\)|^\[.*\]: .*$|\S*(?:doi|arXiv|https?)\S*:?\s?\S*", re.MULTILINE
)
NUMBER = re.compile(
    r"(?<![\w.,/])[-−+]?(?:\d[\d,]*)?\.\d+%?(?![\w.]*\w)|(?<![\w.])\d+%|\b\d[\d,]*(?= "
    r"times\b)"
)
ANY = re.compile(r"\d[\d,]*\.?\d*(?:e[-+]?\d+)?|\.\d+(?:e[-+]?\d+)?")
PAGES = [
    path
    for path in [
        *sorted((ROOT / "docs").glob("*.md")),
        *sorted((ROOT / "docs").glob("*/*.md")),
        ROOT / "README.md",
    ]
    if path.name not in EVIDENCE
    and path.parts[-2] not in {"_build", "reference", "gallery", "examples"}
]


@cache
def generator() -> Any:
    """Load the script that writes the tables."""
    spec = importlib.util.spec_from_file_location("measured", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def from_outside(name: str) -> str:
    """Read a reference file."""
    return (
        (ROOT / "tests" / "reference" / name)
        .read_text(encoding="utf-8")
        .replace(",", " ")
    )


def untraced(page: str) -> list[str]:
    """List numbers of prose and typed tables that have no source.

    Sources: code, output, measured table or named file.
    """
    prose = generator().BLOCK.sub("", page)
    sources = [block[3] for block in generator().BLOCK.finditer(page)]
    sources += [from_outside(name) for name in set(REFERENCE.findall(page))]
    for pattern in (FENCED, INLINE):
        sources += pattern.findall(prose)
        prose = pattern.sub(" ", prose)
    prose = ADDRESS.sub(" ", prose)
    there = [
        float(number.replace(",", "")) for number in ANY.findall("\n".join(sources))
    ]
    return [
        text
        for text in NUMBER.findall(prose)
        if text not in SETTLED and not traced(text, there)
    ]


def traced(text: str, there: list[float]) -> bool:
    """Whether a number, rounded as it is printed, is in one of the sources."""
    share = text.endswith("%")
    digits = text.strip("-−+%").replace(",", "")
    places = len(digits.partition(".")[2])
    near = [*there, *(100 * value for value in there)] if share else there
    half = 0.5001 * 10**-places
    return any(abs(value - float(digits)) <= half for value in near)


@pytest.mark.further
@pytest.mark.parametrize(
    "page", PAGES, ids=lambda path: f"{path.parent.name}-{path.stem}"
)
@pytest.mark.many(100)
def test_numbers_are_from_code_or_from_a_file(page: Path) -> None:
    assert untraced(page.read_text(encoding="utf-8")) == []


@pytest.mark.further
@pytest.mark.parametrize(
    "page", PAGES, ids=lambda path: f"{path.parent.name}-{path.stem}"
)
@pytest.mark.many(100)
def test_tables_are_those_of_the_files(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert generator().filled(text) == text


def test_the_page_of_simulations_is_that_of_the_files() -> None:
    assert generator().validity() == generator().VALIDITY.read_text(encoding="utf-8")


def test_a_page_may_show_some_rows_of_a_table() -> None:
    marker = "<!-- measured: size_under_common_shocks where N=31 and T=10 -->\n"
    page = generator().filled(f"{marker}\n<!-- measured end -->")
    head, _, *rows = (line for line in page.splitlines() if line.startswith("|"))
    assert head.startswith("| exposure | autocorrelation | Driscoll-Kraay |")
    assert [row.split(" | ")[0] for row in rows] == [
        *["| shared"] * 3,
        "| own",
        "| none",
        "| shared, missing",
    ]


def test_headings_of_tables_are_written_as_the_field_does() -> None:
    page = generator().validity()
    assert set(generator().TITLES) <= set(generator().tables())
    for title in (
        "Double machine learning with 31 provinces",
        "Size of the Levene test",
        "Size of joint Poisson tests",
    ):
        assert f"\n### {title}\n" in page


def test_every_table_has_tests_that_write_it() -> None:
    functions = {
        name
        for table in generator().tables().values()
        for name in generator().functions(table)
    }
    missing = [name for name in functions if "measured: " not in signature(name)]
    assert missing == []


def signature(function: str) -> str:
    """Read the signature of a test function."""
    file, _, name = function.partition("::")
    text = (ROOT / file).read_text(encoding="utf-8")
    return text.partition(f"\ndef {name}(")[2].partition(") ->")[0]


def test_every_simulation_writes_a_table() -> None:
    silent = []
    for path in (ROOT / "tests").glob("*/**/test_*.py"):
        for part in path.read_text(encoding="utf-8").split("@pytest.mark.montecarlo")[
            1:
        ]:
            head = part[: part.index(") ->")]
            if "measured: " not in head:
                silent.append(
                    f"{path.name}: {head.partition('def ')[2].partition('(')[0]}"
                )
    assert silent == []


@pytest.mark.parametrize(
    ("page", "results"),
    [
        ("The slope is .213.\n\n```\n0.2134\n```\n", []),
        ("The slope is .214.\n\n```\n0.2134\n```\n", [".214"]),
        ("A share of 21%.\n\n```\n0.2134\n```\n", []),
        ("`x > .25` at .25, and 250 times faster", ["250"]),
        ("| a | .31 |\n", [".31"]),
        ("Rejected at 5%, Table 3.2 ([page](a/0.7.md))", ["3.2"]),
    ],
)
def test_a_number_is_looked_up(page: str, results: list[str]) -> None:
    assert untraced(page) == results
