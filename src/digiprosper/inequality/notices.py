"""Notices about inequality and convergence: one maker a code.

=========== ===========================================
code        data
=========== ===========================================
rows_drawn  level (of the index that repeats)
reducible   closed (number of absorbing sets)
mixed_units larger, smaller (arguments), ratio, rows
=========== ===========================================
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from digiprosper.errors import Notice, cited


def rows_drawn(level: Hashable) -> Notice:
    """Report that rows were drawn singly although an index level's values repeat."""
    text = (
        "rows were resampled individually, although values of index level "
        f"{cited(level)} repeat: intervals are too short if rows with the same value "
        f"are correlated. Specify clusters=y.index.get_level_values({cited(level)})."
    )
    return Notice("rows_drawn", text, {"level": level})


def reducible(closed: int) -> tuple[Notice, ...]:
    """Report that the long run depends on the initial class: several absorbing sets."""
    text = (
        f"{closed} sets of classes are absorbing: the long-run distribution depends on "
        "the initial class."
    )
    return (Notice("reducible", text, {"closed": closed}),) if closed > 1 else ()


def mixed_units(
    larger: str, smaller: str, ratio: float, rows: Sequence[Hashable], rows_said: str
) -> Notice:
    """Report columns of one unit that differ by `ratio`, with labels of their rows."""
    text = (
        f"urban_rural_theil: {larger} is {ratio:,.0f} times {smaller} in {rows_said}. "
        "Both must have one unit: check the unit of each column. Otherwise the "
        "index is far too small or too large."
    )
    data = {"larger": larger, "smaller": smaller, "ratio": ratio, "rows": tuple(rows)}
    return Notice("mixed_units", text, data)
