"""The rows behind a panel, for methods that read columns without cutting a sample."""

from __future__ import annotations

from typing import TYPE_CHECKING

from digiprosper.errors import InputTypeError
from digiprosper.panel.frame import Panel

if TYPE_CHECKING:
    from digiprosper.panel.table import Table


def table_of(panel: Panel) -> Table:
    """Take the sorted rows behind a panel.

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


def check_panel(panel: object, caller: str) -> None:
    """Refuse anything but a panel.

    Parameters
    ----------
    panel : object
        As given.
    caller : str
        Function or method that takes the panel, for the message.

    Raises
    ------
    InputTypeError
        If it is not a Panel.
    """
    if not isinstance(panel, Panel):
        raise InputTypeError(
            f"{caller} takes a Panel, not {type(panel).__name__}: Panel(df, entity='province', time='year')."
        )


def known_names(panel: object) -> tuple[str, ...]:
    """List the names that terms may use.

    Parameters
    ----------
    panel : Panel
        A panel. What is none has no names: it is refused where a sample is cut.

    Returns
    -------
    tuple of str
        The keys and the columns.
    """
    return table_of(panel).known if isinstance(panel, Panel) else ()
