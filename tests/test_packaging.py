"""Imports are declared, what is declared is imported, README reads elsewhere."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from tests.conftest import without_new_values

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
TABLES = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT, GROUPS = TABLES["project"], TABLES["dependency-groups"]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ASKING = ("require", "pytest.importorskip")
MODULES = {
    "python_docx": "docx",
    "pytest_xdist": "xdist",
    "scikit_criteria": "skcriteria",
    "scikit_learn": "sklearn",
}


def declared(requirements: list[str]) -> set[str]:
    """Modules of the packages, without our own extras."""
    names = {
        re.split(r"[<>=!~\[;]", text)[0].strip().replace("-", "_")
        for text in requirements
    }
    return {MODULES.get(name, name) for name in names} - {"digiprosper"}


@cache
def packages(folder: str) -> frozenset[str]:
    """Packages outside the standard library, however they are asked for.

    By a statement, or by `require` and `importorskip`.
    """
    names = set[str]()
    for path in (ROOT / folder).rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        asks = any(f"{name}(" in text for name in ASKING)
        tree = ast.parse(text)
        for node in ast.walk(tree) if asks else statements(tree):
            if isinstance(node, ast.Import):
                names.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                names.add(node.module or "")
            elif isinstance(node, ast.Call) and _name(node.func) in ASKING:
                names.add(ast.literal_eval(node.args[0]))
    ours = {path.stem for path in (ROOT / "tests").rglob("*.py")} | {
        "digiprosper",
        "tests",
    }
    return frozenset(
        {name.split(".")[0] for name in names} - set(sys.stdlib_module_names) - ours
    )


def statements(node: ast.AST) -> Iterator[ast.stmt]:
    """Give all statements below a node, without their expressions, which are many."""
    for part in ("body", "orelse", "handlers", "finalbody", "cases"):
        for child in getattr(node, part, ()):
            yield child
            yield from statements(child)


def _name(function: ast.expr) -> str:
    named = isinstance(function, ast.Name | ast.Attribute)
    return ast.unparse(function) if named else ""


def imported(*folders: str) -> frozenset[str]:
    return frozenset().union(*map(packages, folders))


REQUIRED = declared(PROJECT["dependencies"])
EXTRAS = declared(
    [text for texts in PROJECT["optional-dependencies"].values() for text in texts]
)
OF_TESTS = ("test", "peers", "spark", "pysal", "spreg", "duckreg", "pages")
TESTS = declared([text for group in OF_TESTS for text in GROUPS[group]])


@pytest.mark.further
def test_the_library_declares_what_it_imports() -> None:
    assert imported("src") <= REQUIRED | EXTRAS


@pytest.mark.further
def test_the_tests_declare_what_they_import() -> None:
    of_a_test = {"no_such_package"}
    assert imported("tests", "benchmarks", "examples") - of_a_test <= REQUIRED | TESTS
    assert EXTRAS <= TESTS


@pytest.mark.further
def test_all_that_is_declared_is_imported() -> None:
    assert imported("src") >= REQUIRED
    used = imported("src", "tests", "benchmarks") | {"xdist"}
    assert not (EXTRAS | TESTS) - used


def test_links_of_the_readme_work_elsewhere() -> None:
    home = PROJECT["urls"]["Homepage"]
    links = re.findall(r"\]\(([^)]+)\)", README) + re.findall(
        r"^\[[^\]]+\]: (\S+)$", README, re.MULTILINE
    )
    assert links
    for link in links:
        assert link.startswith("https://"), link
        if link.startswith(home):
            place = re.sub(r"^(blob|tree)/main/", "", link.removeprefix(f"{home}/"))
            assert (ROOT / place).exists(), link


def series(text: str) -> list[str]:
    """Give the versions of Python that a text names, such as 3.11, in order."""
    return sorted(
        set(re.findall(r"\b3\.\d+\b", text)),
        key=lambda version: int(version.split(".")[1]),
    )


WORKFLOW = (ROOT / ".github" / "workflows" / "tests.yml").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
CLASSIFIED = series(" ".join(PROJECT["classifiers"]))


def recipe(target: str) -> str:
    (text,) = re.findall(rf"^{target}: \S+\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    return str(text)


def test_the_versions_of_python_that_are_declared_are_tested() -> None:
    (matrix,) = re.findall(r"python: (\[.*\])", WORKFLOW)
    assert series(matrix) == CLASSIFIED
    assert PROJECT["requires-python"] == f">={CLASSIFIED[0]}"
    check = WORKFLOW[WORKFLOW.index("  check:") :]
    assert series(check) == [CLASSIFIED[0], CLASSIFIED[-1]]


def test_what_the_readme_runs_is_run_on_the_newest_python() -> None:
    """README's command, without options, and the newest version before others.

    Where there is no newer Python than the lowest, `check` runs it with its cases.
    """
    assert recipe("test") == "\t$(BIN)/python $(PYTEST)\n"
    (newer,) = re.findall(r"^NEWER = \$\(call python,(.*)\)$", MAKEFILE, re.MULTILINE)
    assert newer.split() == CLASSIFIED[:0:-1]
    call = "$(call on_python,$(NEWER),.venv-newest,highest,)"
    assert recipe("newest") == f"\t{call}\n"
    assert (
        "newest" in re.findall(r"^versions: (.*)$", MAKEFILE, re.MULTILINE)[0].split()
    )
    lowest = f"call on_python,$(call python,{CLASSIFIED[0]}),"
    assert lowest in recipe("lowest")


def test_a_check_runs_every_case_but_those_of_once_a_week() -> None:
    """Those that the configuration leaves out, and by `versions` all others.

    Without a newer Python all at once.
    """
    options = TABLES["tool"]["pytest"]["addopts"]
    usual = options[options.index("-m") + 1]
    assert usual == "not montecarlo and not peers and not further"
    first, *others = recipe("check").splitlines()
    part = "$(if $(NEWER), and (peers or further))"
    chosen = f'-m "not montecarlo and not weekly{part}"'
    assert first == f"\t$(call run_tests,$(BIN)/python,{chosen})"
    assert "\t$(MAKE) versions" in others


class Case:
    """One case of a test, as pytest lists it."""

    def __init__(self, **parameters: object) -> None:
        self.callspec = SimpleNamespace(params=parameters)


def test_a_check_shows_each_value_in_some_case() -> None:
    options = {"levels": 1}
    cases = [
        Case(effects=effects, weighted=weighted, options=options, seed=seed)
        for effects in ("one-way", "two-way", "none")
        for weighted in (True, False)
        for seed in range(5)
    ]
    weekly = without_new_values(cases[1:], cases[:1])
    actual = [case.callspec.params for case in cases if case not in weekly]
    assert [(p["effects"], p["weighted"]) for p in actual] == [
        ("one-way", True),
        ("two-way", False),
        ("none", True),
    ]
    panels = [Case(seed=1), Case(seed=2)]
    assert without_new_values(panels, [Case(seed=0)]) == panels
    assert without_new_values([Case(word="b"), Case(word="c")], [Case(word="a")]) == []


def test_security_says_what_a_pickle_can_do_and_where_to_report() -> None:
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    assert f"{PROJECT['urls']['Homepage']}/security/advisories/new" in text
    assert "Unpickle only what you trust" in text
