"""Tables with several panels."""

from __future__ import annotations

import re
from itertools import accumulate, chain, pairwise
from typing import TYPE_CHECKING, NamedTuple

from digiprosper.errors import cited, option_error
from digiprosper.present.formats import table_path
from digiprosper.present.tables import (
    Table,
    about,
    check_title,
    etable,
    named_tables,
    read_notes,
    text_frame,
)
from digiprosper.report.characters import tidy_text
from digiprosper.report.words import NOTES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from digiprosper.present.columns import Models
    from digiprosper.present.rows import Row
    from digiprosper.present.style import TableStyle

_OPENING = NOTES.say("opening", "chinese", note="")
_EXAMPLE = '{"Panel A. Output": etable(fits), "Panel B. Jobs": etable(others)}'
# What names a panel in a note: "Panel A" of "Panel A. Output".
_SHORT = re.compile(r"(.{1,12}?)\s*[.:\u3002\uff1a]")


def stack_tables(
    tables: Mapping[str, Table | Models],
    *,
    notes: str | Sequence[str] | None = None,
    title: str | None = None,
    style: TableStyle | None = None,
    file: str | Path | None = None,
) -> Table:
    """Combine tables with the same columns to one table with Panel A, Panel B, ...

    Parameters
    ----------
    tables : mapping
        Panels by title:
        ``{"Panel A. Output": etable(...), "Panel B. Jobs": etable(...)}``. Values that
        are not a `Table` are passed to `etable`. All must have the same number of
        columns.
    notes : str or sequence of str, optional
        Lines that are added to the notes below the table.
    title : str, optional
        Line above the table.
    style : TableStyle, optional
        Style of values that are not a `Table`.
    file : str or Path, optional
        File to write the table to, as `Table.save` does.

    Returns
    -------
    Table
        The combined table. Headings and dependent variables that are the same in all
        panels are shown once at the top, and rows of settings and statistics that are
        the same are shown once at the bottom. A note that does not apply to all panels
        starts with the name of its panel.

    Raises
    ------
    InputTypeError
        If `tables` is empty, is not a mapping, or has a value that `etable` does not
        take. If `notes` is neither text nor a list of text, or `title` is not text.
    OptionError
        If the numbers of columns differ, or a table has panels already.

    Examples
    --------
    >>> import digiprosper as dp
    >>> panel, style = dp.datasets.us_states(), dp.TableStyle(stats=["nobs"])
    >>> output = dp.FixedEffects("log(gsp)", ["unemp"]).fit(panel)
    >>> jobs = dp.FixedEffects("log(emp)", ["unemp"]).fit(panel)
    >>> table = stack_tables(
    ...     {"Panel A. Output": output, "Panel B. Jobs": jobs}, style=style
    ... )
    >>> table.frame.index.tolist()[-4:]
    ['state fixed effects', 'year fixed effects', 'SE clustered by', 'Observations']
    """
    check_title(title)
    if file is not None:
        table_path(file, "file")
    named = named_tables(tables, "stack_tables", _EXAMPLE)
    panels = []
    for name, table in named.items():
        with about(f"stack_tables: this is the panel {cited(name)}."):
            panel = table if isinstance(table, Table) else etable(table, style=style)
        panels.append(_panel(tidy_text(name), panel))
    _refuse_others(panels)
    own_notes = read_notes(notes, "stack_tables")
    stacked = _stacked(panels, (*_joined_notes(panels), *own_notes), title)
    if file is not None:
        stacked.save(file)
    return stacked


class _Panel(NamedTuple):
    """A table and its title.

    heads: rows above the middle rule: headings and dependent variables
    blocks: rows below it by block; the first has the estimates
    notes: without their opening word, which Chinese tables have
    """

    title: str
    table: Table
    heads: list[Row]
    blocks: list[list[Row]]
    notes: list[str]
    in_chinese: bool


def _panel(title: str, table: Table) -> _Panel:
    frame, spans, count = table.frame, table.spans, table.header_rows
    cells = zip(frame.index, frame.to_numpy(), strict=True)
    rows: list[Row] = [(str(name), list(texts)) for name, texts in cells]
    above = [list(spans)] if spans else []
    above.append([str(head) for head in frame.columns])
    ends = pairwise([count, *table.breaks, len(rows)])
    return _Panel(
        title,
        table,
        [*(("", texts) for texts in above), *rows[:count]],
        [rows[start:end] for start, end in ends],
        [note.removeprefix(_OPENING) for note in table.notes],
        bool(table.notes) and table.notes[0].startswith(_OPENING),
    )


def _refuse_others(panels: Sequence[_Panel]) -> None:
    nested = [panel.title for panel in panels if panel.table.panels]
    if nested:
        problem = f"the panel {cited(nested[0])} has panels itself"
        raise option_error(
            "tables", nested, f"stack_tables: {problem}; stack tables that have none."
        )
    widths = {panel.title: panel.table.frame.shape[1] for panel in panels}
    if len(set(widths.values())) > 1:
        problem = "panels differ in their number of columns"
        counts = ", ".join(
            f"{cited(name)} has {width}" for name, width in widths.items()
        )
        raise option_error(
            "tables",
            widths,
            f"stack_tables: panels must have equally many columns, but {counts}. Give "
            "each panel the same models, or save the tables one by one with "
            "save_tables.",
        )


def _stacked(
    panels: Sequence[_Panel], notes: tuple[str, ...], title: str | None
) -> Table:
    """Stack panels, with common headings at the top and common settings at the bottom.

    If the headings of columns differ, columns are numbered.
    """
    spans, heads = _shared_heads(panels)
    in_all = (r for r in panels[0].heads if all(r in panel.heads for panel in panels))
    top = [row for row in in_all if row[0]]
    closing = _closing(panels)
    above = [("", list(spans)), ("", heads), *top]
    blocks: list[list[Row]] = []
    firsts = []
    for panel in panels:
        firsts.append(len(blocks))
        title_row = (panel.title, [""] * len(heads))
        blocks += _unshared(panel, title_row, above, closing)
    blocks += [closing] if closing else []
    *starts, _ = accumulate(map(len, blocks), initial=len(top))
    return Table(
        text_frame([*top, *chain.from_iterable(blocks)], heads),
        notes,
        header_rows=len(top),
        breaks=tuple(starts[1:]),
        title=title,
        spans=spans,
        panels=tuple(starts[position] for position in firsts),
        closing=starts[-1] if closing else None,
    )


def _shared_heads(panels: Sequence[_Panel]) -> tuple[tuple[str, ...], list[str]]:
    """Return the headings of columns and above them, or numbers if panels differ."""
    tables = [panel.table for panel in panels]
    first, count = tables[0], tables[0].frame.shape[1]
    if len({(table.spans, tuple(table.frame.columns)) for table in tables}) == 1:
        return first.spans, list(map(str, first.frame.columns))
    return (), [f"({number})" for number in range(1, count + 1)]


def _unshared(
    panel: _Panel, title_row: Row, above: Sequence[Row], closing: Sequence[Row]
) -> list[list[Row]]:
    """Return the rows of a panel by block, without those that all panels share."""
    estimates, *further_blocks = panel.blocks
    own_heads = [row for row in panel.heads if row not in above]
    unshared = ([row for row in rows if row not in closing] for rows in further_blocks)
    return [[title_row, *own_heads, *estimates], *filter(None, unshared)]


def _closing(panels: Sequence[_Panel]) -> list[Row]:
    """Return rows of settings and statistics that are equal in all panels.

    Those with a row below them are not among them.
    """
    if len(panels) == 1:
        return []
    alone = [
        [row for block in panel.blocks[1:] for row in _alone(block)] for panel in panels
    ]
    return [row for row in alone[0] if all(row in rows for rows in alone[1:])]


def _alone(block: Sequence[Row]) -> list[Row]:
    following = [name for name, _ in block[1:]] + ["end"]
    pairs = zip(block, following, strict=True)
    return [row for row, after in pairs if row[0] and after]


def _joined_notes(panels: Sequence[_Panel]) -> list[str]:
    """Join the notes; one that not all panels have starts with its panel's name."""
    lines: dict[str, None] = {}
    for panel in panels:
        match = _SHORT.match(panel.title)
        short = match[1] if match else panel.title
        prefix = f"{short}：" if panel.in_chinese else f"{short}: "
        for note in panel.notes:
            alike = all(note in other_panel.notes for other_panel in panels)
            lines[note if alike else prefix + note] = None
    first, *following = [*lines] or [""]
    opening = _OPENING if any(panel.in_chinese for panel in panels) else ""
    return [f"{opening}{first}", *following] if first else []
