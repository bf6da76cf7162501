"""What is too long or too deep for Python's parser is refused before it is parsed."""

from __future__ import annotations

import ast

import pytest

from digiprosper.report.parsing import too_deep, too_long


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x" * 21, "it has 21 characters, more than 20"),
        ("r'x'", "there is a letter before a quotation mark"),
        ("+" * 1001, "more than 1,000 signs"),
        ("1" * 51, "a number of more than 50 digits"),
    ],
)
def test_a_text_is_too_long(text: str, reason: str) -> None:
    longest = 20 if text.startswith("x") else 2000
    refusal = too_long(text, longest)
    assert refusal is not None
    assert reason in refusal


@pytest.mark.parametrize(
    "text", ["x" * 20, "a + 'b' * 2", "`" + "+" * 18 + "`", "1" * 20]
)
def test_a_text_is_short_enough(text: str) -> None:
    assert too_long(text, 20) is None


@pytest.mark.parametrize(("levels", "deep"), [(98, False), (99, True), (150, True)])
def test_a_tree_is_too_deep(levels: int, deep: bool) -> None:
    tree = ast.parse("+" * levels + "x", mode="eval").body
    assert (too_deep(tree) is not None) is deep
