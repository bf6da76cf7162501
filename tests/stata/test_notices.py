"""Each question has a line, and says what is meant and what to do."""

from __future__ import annotations

import pytest

from digiprosper.stata import notices


@pytest.mark.many(9)
@pytest.mark.parametrize("code", notices._QUESTIONS)
def test_data_and_messages(code: str) -> None:
    asked = notices.question(code, 3, variables=("patents", "w"))
    assert (asked.code, asked.data["line"]) == (code, 3)
    assert len(asked.message) > 40
    assert "{" not in asked.message
    assert f"\n{code} " in (notices.__doc__ or "")


def test_all_variables_are_named() -> None:
    asked = notices.question("missing_kept", 3, variables=("w", "z"))
    assert "a missing w or z is larger" in asked.message
    assert asked.message.endswith("add & w < . & z < .")
    assert (
        "patents" in notices.question("log_of_count", 3, variables=("patents",)).message
    )
