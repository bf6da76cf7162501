"""Parts of messages: lists of the first few, periods and tests as text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from digiprosper.report.tests import TestResult
from digiprosper.report.text import p_words

POINTWISE = (
    "Intervals are pointwise; event_path(bands='joint') covers all event times at once."
)


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


def cohort_rows(cohorts: Iterable[tuple[Any, int]]) -> list[list[Any]]:
    """List pairs of first treated time (an integer or text) and number of entities."""
    return [
        [time if isinstance(time, int) else str(time), count] for time, count in cohorts
    ]


def describe_test(test: TestResult) -> str:
    """Write statistic, p-value and method of a test."""
    symbol = "Wald" if test.distribution == "bootstrap" else test._distribution()
    words = f"{symbol} = {test.statistic:z.4g}, {p_words(test.p_value, digits=3)}"
    return f"{words} ({test.method})" if test.method else words
