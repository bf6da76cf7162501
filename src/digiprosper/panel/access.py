"""The rows behind a panel, for methods that read columns without cutting a sample."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from digiprosper.panel.frame import Panel
    from digiprosper.panel.table import Table

__all__ = ["table_of"]


def table_of(panel: Panel) -> Table:
    """Give the sorted rows behind a panel.

    Parameters
    ----------
    panel : Panel
        A panel.

    Returns
    -------
    Table
        Its columns and keys. Do not write to them.
    """
    return panel._table
