"""What notices about inequality say, and their data."""

from __future__ import annotations

from digiprosper.inequality.notices import reducible, rows_drawn


def test_rows_that_were_drawn_one_by_one_are_told_with_the_level() -> None:
    notice = rows_drawn("province")
    assert (notice.code, notice.data) == ("rows_drawn", {"level": "province"})
    assert notice.message.endswith(
        "Specify clusters=y.index.get_level_values('province')."
    )


def test_absorbing_sets_are_counted() -> None:
    assert reducible(1) == ()
    (notice,) = reducible(2)
    assert (notice.code, notice.data) == ("reducible", {"closed": 2})
    assert notice.message.startswith("2 sets of classes are absorbing")
