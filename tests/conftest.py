from __future__ import annotations

import gc
import math
import re
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
FILES = (
    "abdata.csv",
    "cases/dml_folds_60.csv",
    "cases/dml_panel_60x8.csv",
    "cases/honest_bc.csv",
    "cases/honest_medicaid.csv",
    "cases/honest_mpdta.csv",
    "cases/lalonde_matchit.csv",
    "cases/pretrends_hewang.csv",
    "cases/statspai_57_logit.csv",
    "china_cities_105x14.csv",
    "china_divisions.csv",
    "cigar.csv",
    "hansen1999.csv",
    "mpdta.csv",
    "published/cigarettes_sw.csv",
    "published/columbus.csv",
    "published/columbus_neighbours.csv",
    "published/democracy_income.csv",
    "published/durlauf_johnson.csv",
    "published/fatalities.csv",
    "published/guns.csv",
    "published/hayes_disaster.csv",
    "published/hayes_estress.csv",
    "published/hayes_glbwarm.csv",
    "published/hayes_pmi.csv",
    "published/hayes_teams.csv",
    "published/hdi_2010_2022.csv",
    "published/hsb2.csv",
    "usa46.csv",
)


def missing() -> list[str]:
    return [name for name in FILES if not (SHARED / name).exists()]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--cases",
        type=int,
        default=4,
        help="so many cases of one test, unless its marker `many` says another; the "
        "others are `further`",
    )


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Write a row of a table of the documentation.

    For example `measured("few_clusters", {"G": 5, "size": 0.05})`. Numbers with a
    fraction are written with so many digits after the point, 3 unless `digits` says
    another. `docs/generators/measured.py` keeps the rows, and writes the pages.
    """

    def write(table: str, row: Mapping[str, float | str], digits: int = 3) -> None:
        cells = {column: cell_text(value, digits) for column, value in row.items()}
        request.node.user_properties.append(("measured", (table, cells)))

    return write


def cell_text(value: float | str, digits: int) -> str:
    if isinstance(value, str | int):
        return str(value)
    return (
        re.sub(r"^(-?)0\.", r"\1.", f"{value:.{digits}f}")
        if math.isfinite(value)
        else ""
    )


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(
    file_path: Path,
) -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
    """Look for no doctests in files of tests, which takes a second of each worker."""
    collectors = yield
    if not file_path.name.startswith("test_"):
        return collectors
    return [each for each in collectors if type(each) is pytest.Module]


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Leave modules and tests, which stay until the end, out of garbage collection.

    Else each full collection walks through millions of objects, which takes a second.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    mark_further_cases(items, config.getoption("cases"))
    absent = missing()
    needy = {
        item
        for item in items
        if any(mark.args[0] in absent for mark in item.iter_markers("data"))
    }
    if needy:
        config.hook.pytest_deselected(items=needy)
        items[:] = [item for item in items if item not in needy]


def mark_further_cases(items: list[pytest.Item], usual: int) -> None:
    """Mark as further all but some of a test's cases, taken evenly from them.

    Of these `make check` runs as many as show each value of each parameter but a seed.
    The others, which combine these values again, are marked weekly.
    """
    cases: dict[str, list[Any]] = defaultdict(list)
    for item in items:
        if hasattr(item, "callspec"):
            cases[item.nodeid.split("[")[0]].append(item)
    for group in cases.values():
        mark = group[0].get_closest_marker("many")
        most = usual if mark is None else mark.args[0]
        if len(group) <= most:
            continue
        first = {round(i * len(group) / most) for i in range(most)}
        further = [item for i, item in enumerate(group) if i not in first]
        for item in further:
            item.add_marker(pytest.mark.further)
        # The weekly workflow does not install other packages.
        if group[0].get_closest_marker("peers") is None:
            for item in without_new_values(further, [group[i] for i in first]):
                item.add_marker(pytest.mark.weekly)


def without_new_values(further: list[Any], shown: list[Any]) -> list[Any]:
    """List further cases without those that show new values, most values first."""
    values = {item: values_of(item.callspec.params) for item in (*further, *shown)}
    seen = set().union(*(values[item] for item in shown))
    while further:
        item = max(further, key=lambda item: len(values[item] - seen))
        if values[item] <= seen:
            break
        seen |= values[item]
        further = [other for other in further if other is not item]
    return further


def values_of(parameters: Mapping[str, object]) -> set[tuple[str, object]]:
    plain = (str, int, float, tuple, type(None))
    return {
        (name, repr(value) if isinstance(value, plain) else id(value))
        for name, value in parameters.items()
        if name != "seed"
    }


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for name in missing():
        terminalreporter.write_line(
            f"Left out: tests that need {name}, which is not in {SHARED}."
        )
