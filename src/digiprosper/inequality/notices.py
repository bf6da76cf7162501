"""Notices about inequality and convergence: one maker a code.

========== ====================================
code       data
========== ====================================
rows_drawn level (of the index that repeats)
reducible  closed (number of absorbing sets)
========== ====================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from digiprosper.errors import Notice, cited

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = ["reducible", "rows_drawn"]


def rows_drawn(level: Hashable) -> Notice:
    """Report that rows were drawn one by one although they come in groups.

    Parameters
    ----------
    level : hashable
        Level of the index whose values repeat.

    Returns
    -------
    Notice
        Code rows_drawn.
    """
    text = (
        f"rows were resampled individually, although values of index level {cited(level)} repeat: intervals "
        "are too short if rows with the same value are correlated. Specify "
        f"clusters=y.index.get_level_values({cited(level)})."
    )
    return Notice("rows_drawn", text, {"level": level})


def reducible(closed: int) -> Notice:
    """Report that the long-run distribution depends on the initial class.

    Parameters
    ----------
    closed : int
        Number of absorbing sets of classes.

    Returns
    -------
    Notice
        Code reducible.
    """
    text = f"{closed} sets of classes are absorbing: the long-run distribution depends on the initial class."
    return Notice("reducible", text, {"closed": closed})
