"""Lists of the first few."""

from __future__ import annotations

from digiprosper.policy.messages import first_few


def test_the_first_few() -> None:
    assert first_few(["a", "b"], 2) == "a, b"
    assert first_few(list("abcdefg")) == "a, b, c, d, e and 2 more"
