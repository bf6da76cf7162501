"""Tables with several panels."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import accumulate, chain, pairwise
from typing import TYPE_CHECKING

import pandas as pd

from digiprosper.errors import DigiprosperError, OptionError, cited, option_problem
from digiprosper.present.files import table_path
from digiprosper.present.tables import (
    Table,
    check_title,
    etable,
    named_tables,
    read_notes,
)
from digiprosper.report.characters import tidy_text
from digiprosper.report.words import NOTES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from typing import Self

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
        Panels by title: ``{"Panel A. Output": etable(...), "Panel B. Jobs": etable(...)}``. Values that are
        not a `Table` are passed to `etable`. All must have the same number of columns.
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
        The combined table. Headings and dependent variables that are the same in all panels are shown once at
        the top, and rows of settings and statistics that are the same are shown once at the bottom. A note
        that does not apply to all panels starts with the name of its panel.

    Raises
    ------
    InputTypeError
        If `tables` is empty, is not a mapping, or has a value that `etable` does not take. If `notes` is
        neither text nor a list of text, or `title` is not text.
    OptionError
        If the numbers of columns differ, or a table has panels already.

    Examples
    --------
    >>> import digiprosper as dp
    >>> panel, style = dp.datasets.us_states(), dp.TableStyle(stats=["nobs"])
    >>> output = dp.FixedEffects("log(gsp)", ["unemp"]).fit(panel)
    >>> jobs = dp.FixedEffects("log(emp)", ["unemp"]).fit(panel)
    >>> table = stack_tables({"Panel A. Output": output, "Panel B. Jobs": jobs}, style=style)
    >>> table.frame.index.tolist()[-4:]
    ['state fixed effects', 'year fixed effects', 'SE clustered by', 'Observations']
    """
    check_title(title)
    if file is not None:
        table_path(file, "file")
    named = named_tables(tables, "stack_tables", _EXAMPLE)
    panels = [
        _Panel(tidy_text(name), _table(name, table, style))
        for name, table in named.items()
    ]
    _refuse_others(panels)
    own_notes = read_notes(notes, "stack_tables")
    stacked = _stacked(panels, (*_joined_notes(panels), *own_notes), title)
    if file is not None:
        stacked.save(file)
    return stacked


@dataclass(frozen=True, slots=True)
class _Panel:
    """A table and its title."""

    title: str
    table: Table

    @property
    def rows(self) -> list[Row]:
        frame = self.table.frame
        return [
            (str(name), list(cells))
            for name, cells in zip(frame.index, frame.to_numpy(), strict=True)
        ]

    @property
    def heads(self) -> list[Row]:
        """Return the rows above the middle rule: headings and dependent variables."""
        table = self.table
        spans = [("", list(table.spans))] if table.spans else []
        return [
            *spans,
            ("", [str(head) for head in table.frame.columns]),
            *self.rows[: table.header_rows],
        ]

    @property
    def blocks(self) -> list[list[Row]]:
        """Return the rows below the middle rule by block; the first has the estimates."""
        ends = pairwise(
            [self.table.header_rows, *self.table.breaks, len(self.table.frame)]
        )
        return [self.rows[start:end] for start, end in ends]

    @property
    def in_chinese(self) -> bool:
        """Return whether the notes start with the opening word of Chinese tables."""
        return bool(self.table.notes) and self.table.notes[0].startswith(_OPENING)

    @property
    def notes(self) -> list[str]:
        """Return the notes without their opening word."""
        return [note.removeprefix(_OPENING) for note in self.table.notes]

    @property
    def short(self) -> str:
        """Return the short name of the panel, for notes."""
        match = _SHORT.match(self.title)
        return match[1] if match else self.title


def _table(name: str, table: Table | Models, style: TableStyle | None) -> Table:
    try:
        return table if isinstance(table, Table) else etable(table, style=style)
    except DigiprosperError as error:
        error.add_note(f"stack_tables: this is the panel {cited(name)}.")
        raise


def _refuse_others(panels: Sequence[_Panel]) -> None:
    nested = [panel.title for panel in panels if panel.table.panels]
    if nested:
        problem = f"the panel {cited(nested[0])} has panels itself"
        raise OptionError(
            f"stack_tables: {problem}; stack tables that have none.",
            [option_problem("tables", nested, what=problem)],
        )
    widths = {panel.title: panel.table.frame.shape[1] for panel in panels}
    if len(set(widths.values())) > 1:
        counts = ", ".join(
            f"{cited(name)} has {width}" for name, width in widths.items()
        )
        raise OptionError(
            f"stack_tables: panels must have equally many columns, but {counts}. Give each panel the same "
            "models, or save the tables one by one with save_tables.",
            [
                option_problem(
                    "tables", widths, what="panels differ in their number of columns"
                )
            ],
        )


def _stacked(
    panels: Sequence[_Panel], notes: tuple[str, ...], title: str | None
) -> Table:
    """Stack panels, with common headings at the top and common settings at the bottom."""
    top, closing = _Top.of(panels), _closing(panels)
    parts = [_blocks(panel, top, closing) for panel in panels]
    blocks = [*chain.from_iterable(parts), *([closing] if closing else [])]
    *starts, _ = accumulate(map(len, blocks), initial=len(top.named))
    *firsts, _ = accumulate(map(len, parts), initial=0)
    rows = [*top.named, *chain.from_iterable(blocks)]
    frame = pd.DataFrame(
        [cells for _, cells in rows],
        index=pd.Index([name for name, _ in rows], dtype=object),
        columns=pd.Index(top.heads, dtype=object),
        dtype=object,
    )
    return Table(
        frame,
        notes,
        header_rows=len(top.named),
        breaks=tuple(starts[1:]),
        title=title,
        spans=top.spans,
        panels=tuple(starts[first] for first in firsts),
        closing=starts[-1] if closing else None,
    )


@dataclass(frozen=True, slots=True)
class _Top:
    """What is above all panels: headings, spanning headings, and rows with a name."""

    spans: tuple[str, ...]
    heads: list[str]
    named: list[Row]

    @classmethod
    def of(cls, panels: Sequence[_Panel]) -> Self:
        """Return the headings that all panels share; if those of columns differ, columns are numbered."""
        first = panels[0].table
        named = [
            row
            for row in panels[0].heads
            if row[0] and all(row in panel.heads for panel in panels)
        ]
        heads = {
            (panel.table.spans, tuple(panel.table.frame.columns)) for panel in panels
        }
        if len(heads) == 1:
            return cls(first.spans, list(map(str, first.frame.columns)), named)
        return cls(
            (), [f"({number})" for number in range(1, first.frame.shape[1] + 1)], named
        )

    def left(self, panel: _Panel) -> list[Row]:
        """Return the headings that only this panel has."""
        above = [("", list(self.spans)), ("", self.heads), *self.named]
        return [row for row in panel.heads if row not in above]


def _blocks(panel: _Panel, top: _Top, closing: Sequence[Row]) -> list[list[Row]]:
    """Return the rows of a panel by block, without those that all panels share."""
    title = (panel.title, [""] * len(top.heads))
    estimates, *further_blocks = panel.blocks
    unshared_blocks = (
        [row for row in block if row not in closing] for block in further_blocks
    )
    return [[title, *top.left(panel), *estimates], *filter(None, unshared_blocks)]


def _closing(panels: Sequence[_Panel]) -> list[Row]:
    """Return the rows of settings and statistics that are equal in all panels and have no row below them."""
    if len(panels) == 1:
        return []
    alone = [
        [row for block in panel.blocks[1:] for row in _alone(block)] for panel in panels
    ]
    return [row for row in alone[0] if all(row in rows for rows in alone[1:])]


def _alone(block: Sequence[Row]) -> list[Row]:
    following = [name for name, _ in block[1:]] + ["end"]
    return [
        row for row, after in zip(block, following, strict=True) if row[0] and after
    ]


def _joined_notes(panels: Sequence[_Panel]) -> list[str]:
    """Join the notes of panels; a note that not all panels have starts with the name of its panel."""
    lines = dict.fromkeys(
        line for panel in panels for line in _note_lines(panel, panels)
    )
    first, *following = [*lines] or [""]
    opening = _OPENING if any(panel.in_chinese for panel in panels) else ""
    return [f"{opening}{first}", *following] if first else []


def _note_lines(panel: _Panel, panels: Sequence[_Panel]) -> list[str]:
    named = f"{panel.short}：" if panel.in_chinese else f"{panel.short}: "
    shared = [
        all(note in other_panel.notes for other_panel in panels) for note in panel.notes
    ]
    return [
        note if alike else named + note
        for note, alike in zip(panel.notes, shared, strict=True)
    ]
