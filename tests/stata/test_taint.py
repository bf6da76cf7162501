"""Marks of refused lines: columns, all rows, and what depends on them."""

from __future__ import annotations

import pytest

from digiprosper.stata.prefixes import Origin, read_command
from digiprosper.stata.taint import (
    Taint,
    condition_and_command,
    is_no_command,
    keeps_data,
    would_make,
)


def test_marks() -> None:
    taint = Taint()
    assert taint.reason(["y x"]) == ""
    taint.mark(["权重", "w"], Origin("", 7))
    assert taint.reason(["df['x'] + 1", "where=权重 != 0"]) == "权重 comes from line 7"
    assert taint.reason(["ww + xw"]) == ""
    # A scalar may have the name of the frame of scripts.
    taint.mark(["df"], Origin("", 8))
    assert taint.reason(["df = df[by_time(panel, df, 'x') + df['x'] > 0].copy()"]) == ""
    assert taint.reason(["df['df']"]) == taint.reason(["df == 2"])
    assert taint.reason(["df == 2"]) == "df comes from line 8"
    taint.unmark(["w"])
    assert taint.reason(["w"]) == ""
    taint.mark_rows(Origin("", 9))
    taint.mark_rows(Origin("", 11))
    assert taint.reason([]) == "line 9 would change the data"
    taint.clear()
    assert taint.reason(["w"]) == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("As it was said, there are two types.", True),
        ("1. y and x: L.y, the controls", True),
        ("Mycommand y x, option", False),
        ("b(%9.3f) se(%9.3f) replace", True),
        ("rangestat(mean) x, interval(t -1 1)", False),
        ("collapse(first) x, by(id)", False),
        ('population removed_time "', True),
        ('mycommand "a b"', False),
        ("lnx - the logarithm of x", True),
        ("mycommand -x", False),
    ],
)
def test_lines_that_are_no_commands(text: str, *, expected: bool) -> None:
    name = text.replace("(", " ").split()[0]
    assert is_no_command(name, text, others_run=False) is expected


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("a == 1 replace x = 2", "replace x = 2"),
        ("year > total & diff == 1 replace x = 2", "replace x = 2"),
        ("`n' > mean cap gen y = 1", "cap gen y = 1"),
        ("a == 1 drop *", "drop *"),
        ("a == 1 exit", "exit"),
    ],
)
def test_a_condition_ends_where_a_command_begins(text: str, command: str) -> None:
    """Variables may have names of commands, such as total."""
    assert condition_and_command(text)[1] == command


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("gen a=x*(_n<=`c')", ["a"]),
        ("gen b* = 1", ["*df.filter(regex='^b.*$')"]),
        ("xi i.a*i.b", ["*df.filter(regex='^_I.*$')"]),
        ("xi i.a*i.b, prefix(_c)", ["*df.filter(regex='^_c.*$')"]),
        ("spmat lag wx W x", ["lag", "wx", "W", "x"]),
        ("spmat use W using a.spmat", []),
        ("mine x", None),
    ],
)
def test_columns_that_a_line_would_make(text: str, names: list[str] | None) -> None:
    """Any sign may be beside the stars of a pattern."""
    command = read_command(text)
    made = would_make(command.name, text, command, {})
    assert made == names
    taint = Taint()
    taint.mark(made or [], Origin("", 3))
    assert taint.reason(["df['c'] + df['d']"]) == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mata: mata drop w", True),
        ("cap mata: mata clear", True),
        ("mata: st_store(., 1, x)", False),
        ("mata: mata mlib index", True),
        ("set obs 9", False),
        ("frame copy default b", True),
        ("frame copy b default, replace", False),
        ("frame put x, into(b)", True),
        ("frame change b", False),
        ("qui snapshot save, label(a)", True),
        ("snapshot restore 1", False),
        ("panelcombine, use(a.tex b.tex) save(c.tex)", True),
        ("collect: mine", False),
    ],
)
def test_lines_that_keep_the_data(text: str, *, expected: bool) -> None:
    command = read_command(text)
    assert keeps_data(command.name, command) is expected
