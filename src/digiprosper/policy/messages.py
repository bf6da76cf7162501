"""Parts of messages: lists of the first few, and verbs."""

from __future__ import annotations

from collections.abc import Sequence


def first_few(texts: Sequence[str], most: int = 5) -> str:
    """List the first texts and count the others, such as ``"a, b and 3 more"``."""
    shown = ", ".join(texts[:most])
    return shown if len(texts) <= most else f"{shown} and {len(texts) - most} more"


def have(count: int) -> str:
    """Return "has" or "have" for a number of entities."""
    return "has" if count == 1 else "have"
