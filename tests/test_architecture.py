"""The tests mirror the source, and the page on architecture names what is there."""

from __future__ import annotations

import ast
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
SOURCE = TESTS.parent / "src" / "digiprosper"
MODULES = [
    p.relative_to(SOURCE)
    for p in sorted(SOURCE.rglob("*.py"))
    if p.name != "__init__.py"
]
FILES = [p.relative_to(TESTS) for p in sorted(TESTS.rglob("test_*.py"))]

MOST_IGNORED = 0

PAGE = (TESTS.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
# Folders that the page names and a command writes.
BUILT = {"figures/", "gallery/", "reference/"}

# What is about no single module, or about one module beside its peers.
EXTRAS = {
    "test_architecture.py",
    "test_certificate.py",
    "test_examples.py",
    "test_fuzz.py",
    "test_limits.py",
    "test_llms.py",
    "test_malformed.py",
    "test_mutants.py",
    "test_packaging.py",
    "test_numbers_of_pages.py",
    "test_pages.py",
    "test_public.py",
    "test_reading.py",
    "test_replications.py",
    "test_rows_as_entities.py",
    "test_tiny_panels.py",
    "test_toy_method.py",
    "test_where.py",
    "test_words.py",
    "composite/test_audits.py",
    "composite/test_index_sensitivity.py",
    "counts/test_published.py",
    "datasets/test_recovery.py",
    "counts/test_logit_size.py",
    "dynamic/test_dynamic_size.py",
    "dynamic/test_notices.py",
    "dynamic/test_published.py",
    "dynamic/test_stata.py",
    "learning/test_cross_fitting.py",
    "learning/test_dml_size.py",
    "learning/test_results.py",
    "linear/kernels/test_anderson_rubin.py",
    "linear/kernels/test_permutation.py",
    "linear/kernels/test_placebo.py",
    "linear/kernels/test_restricted_wild.py",
    "linear/kernels/test_weak_instruments.py",
    "linear/test_absorbed_slopes.py",
    "linear/test_cluster_bootstrap.py",
    "linear/test_common_shocks_size.py",
    "linear/test_hausman.py",
    "linear/test_instrument_tests.py",
    "linear/test_iv_results.py",
    "linear/test_iv_size.py",
    "linear/test_rows_of_persons.py",
    "linear/test_sample_values.py",
    "linear/test_trials.py",
    "linear/test_vif.py",
    "linear/test_wild_bootstrap.py",
    "policy/test_event_bands.py",
    "policy/test_count_results.py",
    "policy/test_sun_abraham.py",
    "policy/test_unit_errors.py",
    "linear/test_constant.py",
    "linear/test_linear_covariances.py",
    "linear/test_conley_size.py",
    "linear/test_few_clusters_size.py",
    "linear/test_iv_peers.py",
    "linear/test_linear_digits.py",
    "linear/test_linear_peers.py",
    "linear/test_placebo_test.py",
    "mediation/test_mean_group.py",
    "mediation/test_mediation_coverage.py",
    "mediation/test_mediation_iv.py",
    "mediation/test_mediation_iv_results.py",
    "mediation/test_mediation_oracle.py",
    "mediation/test_mediation_regimes.py",
    "mediation/test_sequential_g.py",
    "panel/test_stata.py",
    "pathways/test_estimators.py",
    "pathways/test_family_wise.py",
    "linear/test_notices_coverage.py",
    "present/test_every_figure.py",
    "present/test_every_table.py",
    "spatial/test_spatial_peers.py",
    "spatial/test_tests_table.py",
    "stata/test_do_files.py",
    "threshold/kernels/test_robust.py",
    "threshold/kernels/test_sets.py",
    "threshold/test_regimes.py",
    "threshold/test_threshold_coverage.py",
    "threshold/test_threshold_published.py",
}


def test_every_module_has_a_test_file() -> None:
    """Tables of words are tested together, in `tests/test_words.py`."""
    modules = [m for m in MODULES if not m.name.endswith("words.py")]
    untested = [
        m for m in modules if not (TESTS / m.with_name(f"test_{m.name}")).exists()
    ]
    assert untested == []


def test_every_test_file_has_a_module() -> None:
    modules = {m for m in MODULES if not m.name.endswith("words.py")}
    of_modules = [file for file in FILES if file.as_posix() not in EXTRAS]
    stray = [
        f
        for f in of_modules
        if f.with_name(f.name.removeprefix("test_")) not in modules
    ]
    assert stray == []


def test_every_extra_is_there() -> None:
    assert {f.as_posix() for f in FILES} >= EXTRAS


def test_imports_that_are_ignored_only_become_fewer() -> None:
    text = (TESTS.parent / "pyproject.toml").read_text(encoding="utf-8")
    contracts = tomllib.loads(text)["tool"]["importlinter"]["contracts"]
    assert (
        sum(len(contract.get("ignore_imports", [])) for contract in contracts)
        <= MOST_IGNORED
    )


def test_no_tests_package() -> None:
    assert not list(TESTS.rglob("__init__.py"))


# --- the page on architecture ---------------------------------------------------------


def quoted(text: str) -> list[str]:
    """Return what is between backticks."""
    return re.findall(r"`([^`]+)`", text)


@cache
def names_in(file: Path) -> set[str]:
    """Return what a file defines, and `Class.name` for what its classes define."""
    return _names(ast.parse(file.read_text(encoding="utf-8")).body, "")


def _names(body: list[ast.stmt], owner: str) -> set[str]:
    names = set()
    for statement in body:
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            names.add(owner + statement.name)
        if isinstance(statement, ast.ClassDef):
            names |= _names(statement.body, f"{owner}{statement.name}.")
        targets = statement.targets if isinstance(statement, ast.Assign) else []
        targets = (
            [statement.target] if isinstance(statement, ast.AnnAssign) else targets
        )
        names |= {
            owner + target.id for target in targets if isinstance(target, ast.Name)
        }
    return names


def test_what_is_to_find_is_there() -> None:
    """In "Where to find" the names of functions and values follow their file."""
    table = PAGE.partition("## Where to find")[2].partition("\n## ")[0]
    rows = [
        line.split(" | ")[1] for line in table.splitlines() if line.startswith("| ")
    ][1:]
    assert len(rows) > 10
    missing = []
    for row in rows:
        file = SOURCE
        for name in quoted(row):
            if name.endswith(".py"):
                file = SOURCE / name
                if not file.exists():
                    missing.append(name)
            elif file.is_file() and name not in names_in(file):
                missing.append(f"{file.relative_to(SOURCE)}, {name}")
    assert missing == []


def test_every_path_of_the_page_exists() -> None:
    paths = [
        n
        for n in quoted(PAGE)
        if re.fullmatch(r"[\w./*-]*(/|\.(py|md|csv|json|toml))[\w./*-]*", n)
    ]
    assert len(paths) > 60
    roots = (TESTS.parent, SOURCE.parent, SOURCE, TESTS.parent / "docs")
    missing = [
        path
        for path in paths
        if path not in BUILT
        and not any([*root.glob(path), *root.glob(f"{path}.py")] for root in roots)
        and not [*SOURCE.rglob(path)]
    ]
    assert missing == []


def rooms_of_page() -> list[tuple[str, str]]:
    """Return what the tables of rooms and of their files name, each with its room."""
    named = []
    section = ""
    for line in PAGE.splitlines():
        before = re.match(r"(?:In )?`([\w/]+)/`:", line)
        row = re.match(r"\| `(\w+)/`", line)
        section = "" if line.startswith("#") else before[1] if before else section
        room = row[1] if row else section
        named += [(room, name) for name in quoted(line) if room]
    return named


@pytest.mark.further
def test_what_the_page_says_is_in_a_room_is_there() -> None:
    """A name is that of a file or folder, or of something that a file defines."""
    named = [(room, name) for room, name in rooms_of_page() if "/" not in name]
    assert len(named) > 200
    at_top = {path.stem for path in SOURCE.iterdir()}
    missing = []
    for room, name in named:
        files = list((SOURCE / room).rglob("*.py"))
        stems = {
            name
            for path in (SOURCE / room).rglob("*")
            for name in (path.name, path.stem)
        }
        qualified = {name for file in files for name in names_in(file)}
        defined = qualified | {name.rpartition(".")[2] for name in qualified}
        if name not in at_top | stems | defined:
            missing.append(f"{room}: {name}")
    assert missing == []


def test_every_method_is_in_all_lists_of_methods() -> None:
    """What a new method is added to, besides the import layers."""
    project = tomllib.loads((TESTS.parent / "pyproject.toml").read_text("utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    layers = next(c["layers"] for c in contracts if c["type"] == "layers")
    methods = {
        name for layer in layers if "threshold" in layer for name in layer.split(" | ")
    }
    reads_nothing_else = next(
        c for c in contracts if c["name"].startswith("presentation")
    )
    assert {f"digiprosper.{name}" for name in methods} <= set(
        reads_nothing_else["forbidden_modules"]
    )
    generator = (TESTS.parent / "docs" / "generators" / "reference.py").read_text(
        "utf-8"
    )
    assert [name for name in methods if f'"{name}": ' not in generator] == []
