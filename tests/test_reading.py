"""Functions and files stay short enough to be read: the caps are for monsters, not for shaping code."""

from __future__ import annotations

from pathlib import Path

import pytest
from radon.complexity import cc_visit
from radon.raw import analyze

SOURCE = Path(__file__).parents[1] / "src" / "digiprosper"
TEXTS = {
    path.relative_to(SOURCE).as_posix(): path.read_text(encoding="utf-8")
    for path in sorted(SOURCE.rglob("*.py"))
}

# Branches as radon counts them, comprehensions, conditional expressions and boolean operators included.
MOST_BRANCHES = 12
MOST_COMPLEX = 0

# Lines of source as radon counts them (`sloc`): docstrings, comments and blank lines are not among them.
MOST_LINES = 700


@pytest.mark.further
def test_functions_of_many_branches_only_become_fewer() -> None:
    found = [
        f"{name}: {block.fullname} has {block.complexity}"
        for name, text in TEXTS.items()
        for block in cc_visit(text)
        if block.letter in "FM" and block.complexity > MOST_BRANCHES
    ]
    assert len(found) <= MOST_COMPLEX, "\n".join(found)


@pytest.mark.further
def test_no_file_is_long() -> None:
    assert [name for name, text in TEXTS.items() if analyze(text).sloc > MOST_LINES] == []


def test_no_docstring_begins_with_say() -> None:
    assert [name for name, text in TEXTS.items() if '"""Say ' in text] == []
