"""Lists of the first few, and periods as text."""

from __future__ import annotations

import pandas as pd

from digiprosper.policy.messages import first_few, time_text


def test_the_first_few() -> None:
    assert first_few(["a", "b"], 2) == "a, b"
    assert first_few(list("abcdefg")) == "a, b, c, d, e and 2 more"


def test_times() -> None:
    assert time_text(pd.Timestamp("2014-01-01")) == "2014-01-01"
    assert time_text(2014) == "2014"
