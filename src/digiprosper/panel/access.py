"""The rows behind a panel, for methods that read columns without cutting a sample."""

from __future__ import annotations

from digiprosper.checks import check_type, option_problem
from digiprosper.errors import InputTypeError, PanelIndexError, TermError, cited
from digiprosper.kernels import Floats
from digiprosper.panel.evaluation import evaluate
from digiprosper.panel.frame import Panel
from digiprosper.panel.scan import PanelScan
from digiprosper.panel.table import Table
from digiprosper.panel.terms import parse


def table_of(panel: Panel) -> Table:
    """Return the sorted rows behind a panel, which must not be written to."""
    return panel._table


def check_panel(panel: object, caller: str) -> None:
    """Refuse anything but a panel."""
    if isinstance(panel, PanelScan):
        raise InputTypeError(
            f"{caller} takes a Panel, not a scanned table; only FixedEffects, "
            "FixedEffectsIV, EventStudy, fit_all, stepwise and by_group with "
            "method='interaction' do. Read a sample of whole entities into a Panel: "
            "scan.sample_entities(share)."
        )
    if not isinstance(panel, Panel):
        kind = type(panel).__name__
        raise InputTypeError(
            f"{caller} takes a Panel, not {kind}: Panel(df, entity='province', "
            "time='year').",
            [option_problem("panel", kind)],
        )


def refuse_numbered_rows(panel: Panel, caller: str) -> None:
    """Refuse panels in which an entity has several rows but there is no time key."""
    keys = table_of(panel).keys
    if keys.rows is not None and not keys.rows_are_entities:
        raise PanelIndexError(
            f"{caller} needs a time key if an entity has several rows: "
            "Panel(df, entity=, time=)."
        )


def numeric_values(panel: Panel, column: str, caller: str) -> Floats:
    """Evaluate one numeric column or term (N,), NaN where it is missing."""
    check_type(column, str, f"{caller}: column must be one column or term (text)")
    table = table_of(panel)
    term = parse(column, table.names, caller)
    if term.categories:
        raise TermError(
            f"{caller}: {cited(column)} is categorical; specify a numeric column."
        )
    return evaluate(term, table)


def known_names(panel: object) -> tuple[str, ...]:
    """List the keys and columns that terms may use; empty if this is not a Panel."""
    return table_of(panel).names if isinstance(panel, Panel) else ()
