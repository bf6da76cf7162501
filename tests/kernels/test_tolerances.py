"""One table of tolerances."""

from __future__ import annotations

import ast
import re
from itertools import takewhile
from pathlib import Path

import pytest

from digiprosper.kernels import tolerances

SOURCE = Path(tolerances.__file__).parents[1]
TABLE = Path(tolerances.__file__)
# What a copied script adds inside its logarithm.
NOT_TOLERANCES = {("composite/kernels/structure.py", 1e-10)}


def small_numbers(path: Path) -> set[tuple[str, float]]:
    text = path.read_text(encoding="utf-8")
    # Other texts have no small numbers, and parsing takes time.
    if not re.search(r"[eE]-\d|\.0[0_]{4}", text):
        return set()
    values = {
        node.value
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Constant) and isinstance(node.value, float)
    }
    return {
        (path.relative_to(SOURCE).as_posix(), v) for v in values if 0 < abs(v) < 1e-6
    }


@pytest.mark.further
def test_no_other_module_has_a_tolerance_of_its_own() -> None:
    others = set(SOURCE.rglob("*.py")) - {TABLE}
    assert set().union(*map(small_numbers, others)) <= NOT_TOLERANCES


def test_every_tolerance_says_what_it_is_a_share_of() -> None:
    text = TABLE.read_text(encoding="utf-8")
    lines = text.splitlines()
    constants = [n for n in ast.parse(text).body if isinstance(n, ast.Assign)]
    assert len(constants) > 80
    for constant in constants:
        above = takewhile(
            lambda line: line.startswith("#"), reversed(lines[: constant.lineno - 1])
        )
        assert len("".join(line.strip("# -") for line in above)) > 20


def test_every_tolerance_is_used() -> None:
    text = "".join(
        p.read_text(encoding="utf-8") for p in SOURCE.rglob("*.py") if p != TABLE
    )
    names = [name for name in vars(tolerances) if name.isupper()]
    assert [name for name in names if name not in text] == []
