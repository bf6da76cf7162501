"""Errors with their data, and lists of the first few."""

from __future__ import annotations

import pandas as pd

from digiprosper.errors import IdentificationError, OptionError
from digiprosper.policy.messages import bad_option, first_few, not_identified, time_text


def test_errors_have_their_data() -> None:
    error = not_identified("none_treated", "text", event="first")
    assert isinstance(error, IdentificationError)
    (problem,) = error.problems
    assert (problem.code, problem.message, problem.data) == (
        "none_treated",
        "text",
        {"event": "first"},
    )
    option = bad_option("never", "a", "text", (None,))
    assert isinstance(option, OptionError)
    (problem,) = option.problems
    data = {"option": "never", "value": "a", "allowed": (None,)}
    assert (problem.code, problem.data) == ("option", data)


def test_the_first_few() -> None:
    assert first_few(["a", "b"], 2) == "a, b"
    assert first_few(list("abcdefg")) == "a, b, c, d, e and 2 more"


def test_times() -> None:
    assert time_text(pd.Timestamp("2014-01-01")) == "2014-01-01"
    assert time_text(2014) == "2014"
