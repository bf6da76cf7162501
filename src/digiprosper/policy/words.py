"""What event times are called, by code."""

from __future__ import annotations

from digiprosper.report.words import Words

__all__ = ["WORDS"]

WORDS = Words(
    english={"event": "Event time", "point": "{effect} {point}"},
    chinese={"event": "事件时间", "point": "{effect}{point}"},
)
"""Of tables. The code of a point is its text, such as ``"-3"`` or ``"≤ -5"``."""
