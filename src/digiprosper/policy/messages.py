"""Parts of messages: lists of the first few, and periods as text."""

from __future__ import annotations

from collections.abc import Sequence


def first_few(texts: Sequence[str], most: int = 5) -> str:
    """List the first texts and count the others, such as ``"a, b and 3 more"``."""
    shown = ", ".join(texts[:most])
    return shown if len(texts) <= most else f"{shown} and {len(texts) - most} more"


def time_text(time: object) -> str:
    """Write a period; a date at midnight without the time."""
    return str(time).removesuffix(" 00:00:00")


def have(count: int) -> str:
    """Return "has" or "have" for a number of entities."""
    return "has" if count == 1 else "have"
