"""Marks of refused lines: columns, all rows, and what depends on them."""

from __future__ import annotations

from digiprosper.stata.taint import Taint


def test_marks() -> None:
    taint = Taint()
    assert taint.reason(["y x"]) == ""
    taint.mark(["权重", "w"], 7)
    assert taint.reason(["df['x'] + 1", "where=权重 != 0"]) == "权重 comes from line 7"
    assert taint.reason(["ww + xw"]) == ""
    taint.unmark(["w"])
    assert taint.reason(["w"]) == ""
    taint.mark_rows(9)
    taint.mark_rows(11)
    assert taint.reason([]) == "line 9 would change the data"
    taint.clear()
    assert taint.reason(["w"]) == ""
