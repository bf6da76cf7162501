"""The tests' tree mirrors the source's, in both directions."""

from __future__ import annotations

import tomllib
from pathlib import Path

TESTS = Path(__file__).parent
SOURCE = TESTS.parent / "src" / "digiprosper"
MODULES = [p.relative_to(SOURCE) for p in sorted(SOURCE.rglob("*.py")) if p.name != "__init__.py"]
FILES = [p.relative_to(TESTS) for p in sorted(TESTS.rglob("test_*.py"))]

MOST_IGNORED = 0

# What is about no single module, or about one module beside its peers.
EXTRAS = {
    "test_architecture.py",
    "test_examples.py",
    "test_fuzz.py",
    "test_limits.py",
    "test_malformed.py",
    "test_mutants.py",
    "test_packaging.py",
    "test_numbers_of_pages.py",
    "test_pages.py",
    "test_public.py",
    "test_reading.py",
    "test_tiny_panels.py",
    "test_toy_method.py",
    "test_words.py",
    "datasets/test_recovery.py",
    "linear/test_absorbed_slopes.py",
    "linear/test_constant.py",
    "linear/test_linear_covariances.py",
    "linear/test_conley_size.py",
    "linear/test_few_clusters_size.py",
    "linear/test_iv_peers.py",
    "linear/test_linear_digits.py",
    "linear/test_linear_peers.py",
    "mediation/test_mean_group.py",
    "mediation/test_mediation_coverage.py",
    "mediation/test_mediation_iv_results.py",
    "mediation/test_mediation_oracle.py",
    "mediation/test_mediation_regimes.py",
    "pathways/test_estimators.py",
    "pathways/test_family_wise.py",
    "linear/test_notices_coverage.py",
    "present/test_every_figure.py",
    "spatial/test_spatial_peers.py",
    "threshold/test_regimes.py",
    "threshold/test_threshold_coverage.py",
    "threshold/test_threshold_published.py",
}


def test_every_module_has_a_test_file() -> None:
    untested = [m for m in MODULES if not (TESTS / m.with_name(f"test_{m.name}")).exists()]
    assert untested == []


def test_every_test_file_has_a_module() -> None:
    module_of = {file: SOURCE / file.with_name(file.name.removeprefix("test_")) for file in FILES}
    stray = [file for file in FILES if file.as_posix() not in EXTRAS and not module_of[file].exists()]
    assert stray == []


def test_every_extra_is_there() -> None:
    assert {f.as_posix() for f in FILES} >= EXTRAS


def test_imports_that_are_ignored_only_become_fewer() -> None:
    text = (TESTS.parent / "pyproject.toml").read_text(encoding="utf-8")
    contracts = tomllib.loads(text)["tool"]["importlinter"]["contracts"]
    assert sum(len(contract.get("ignore_imports", [])) for contract in contracts) <= MOST_IGNORED


def test_no_tests_package() -> None:
    assert not list(TESTS.rglob("__init__.py"))
