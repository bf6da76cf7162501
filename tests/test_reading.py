"""Functions and files stay short: caps are for monsters, not for shaping code."""

from __future__ import annotations

import ast
import importlib.util
import json
from pathlib import Path

import pytest
from radon.complexity import cc_visit
from radon.raw import analyze

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "digiprosper"
TEXTS = {
    path.relative_to(SOURCE).as_posix(): path.read_text(encoding="utf-8")
    for path in sorted(SOURCE.rglob("*.py"))
}

# Branches as radon counts them, comprehensions, conditional expressions and boolean
# operators included.
MOST_BRANCHES = 12
MOST_COMPLEX = 0
MOST_BODY_LINES = 60

# Lines of source as radon counts them (`sloc`): docstrings, comments and blank lines
# are not among them.
MOST_LINES = 700


@pytest.mark.further
def test_functions_of_many_branches_only_become_fewer() -> None:
    actual = [
        f"{name}: {block.fullname} has {block.complexity}"
        for name, text in TEXTS.items()
        for block in cc_visit(text)
        if block.letter in "FM" and block.complexity > MOST_BRANCHES
    ]
    assert len(actual) <= MOST_COMPLEX, "\n".join(actual)


@pytest.mark.further
def test_no_function_is_long() -> None:
    long = [
        (name, node.name)
        for name, text in TEXTS.items()
        for lines in [text.splitlines()]
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef)
        if body_lines(lines, node) > MOST_BODY_LINES
    ]
    assert long == []


def body_lines(lines: list[str], function: ast.FunctionDef) -> int:
    """Count lines without signature, docstring, comments and blank lines."""
    start = 1 if ast.get_docstring(function) is not None else 0
    body = function.body[start:]
    if not body:
        return 0
    inside = lines[body[0].lineno - 1 : function.end_lineno]
    return sum(
        bool(line.strip()) and not line.strip().startswith("#") for line in inside
    )


@pytest.mark.further
def test_no_folder_grows_without_a_reason() -> None:
    """Folders weigh at most 3% more than `benchmarks/house.json` says.

    A new folder is added to it.
    """
    path = ROOT / "benchmarks" / "house.py"
    spec = importlib.util.spec_from_file_location("house", path)
    assert spec is not None
    assert spec.loader is not None
    house = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(house)
    stored = json.loads(house.STORED.read_text(encoding="utf-8"))["rooms"]
    now = house.folders()[0]
    assert set(now) == set(stored)
    grown = {
        room: (stored[room]["characters"], weights["characters"])
        for room, weights in now.items()
        if weights["characters"] > 1.03 * stored[room]["characters"]
    }
    assert grown == {}
    assert sum(weights["dialect"] for weights in now.values()) == 0


@pytest.mark.further
def test_no_file_is_long() -> None:
    # Counting takes seconds, and no file has more lines of code than lines.
    long = {n: t for n, t in TEXTS.items() if len(t.splitlines()) > MOST_LINES}
    assert [name for name, t in long.items() if analyze(t).sloc > MOST_LINES] == []


def test_no_docstring_begins_with_say() -> None:
    assert [name for name, text in TEXTS.items() if '"""Say ' in text] == []
