"""A panel larger than memory, read in blocks of whole entities."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

import numpy as np
import pandas as pd

from digiprosper.checks import check_type, is_real, option_error, refuse_unknown
from digiprosper.errors import (
    InputTypeError,
    MissingDataError,
    PanelIndexError,
    cited,
    issue,
)
from digiprosper.optional import require
from digiprosper.panel.describe import column_names
from digiprosper.panel.evaluation import rows_where
from digiprosper.panel.keys import (
    check_key_names,
    refuse_repeated,
    sorted_keys,
    usual_step,
)
from digiprosper.panel.notices import time_notices
from digiprosper.panel.sources import (
    MOST_BLOCKS,
    FileBlocks,
    Source,
    SparkBlocks,
    cut_in_spark,
    cut_into_files,
    engine_errors,
    share_of,
    source_of,
    temporary_folder,
)

_UNITS = {"KB": 2**10, "MB": 2**20, "GB": 2**30}
# Memory of Python, numpy, pandas and the engine without any rows
_BASE = 300 * 2**20
# Bytes a row and column while a block is read, demeaned and multiplied.
_BYTES = 80
_SMALLEST_MEMORY = 400 * 2**20


P = TypeVar("P")  # Panel, which imports this file


@dataclass(frozen=True, slots=True, eq=False)
class Copy:
    """The columns of a scanned table in blocks, for one or several models."""

    blocks: FileBlocks | SparkBlocks
    folder: Path
    rows: int
    n_blocks: int
    columns: tuple[str, ...]
    step: int | str | None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PanelScan(Generic[P]):
    """A panel that is larger than memory; `Panel.scan` makes it.

    Nothing is read before a model is fitted. Then the columns that the model needs are
    copied once into files on disk, cut by a hash of the entity, and each file, a block
    of whole entities, is read as a `Panel`. Terms, lags, missing rows and messages are
    therefore those of a panel in memory. The files are deleted when the model is
    fitted. Spark cuts and holds the blocks itself, and its workers read them.

    Parameters
    ----------
    make_panel : type
        `Panel`.
    source : Source
        The table.
    entity_name, time_name : str
        The keys.
    labels : mapping
        Labels of columns.
    step, time_format
        As in `Panel`.
    memory : int
        Bytes that a fit may use.
    n_blocks : int or None
        Number of blocks; None is computed from `memory`.
    folder : Path or None
        Folder in which the files are written; None is the system's temporary folder.
    changes : tuple
        Conditions of `subset` and terms of `assign`, which are those of each block.
    copy : Copy or None
        Files that several models share.

    Examples
    --------
    >>> import digiprosper as dp
    >>> states = dp.datasets.us_states().frame.reset_index()
    >>> scan = dp.Panel.scan(states, entity="state", time="year")
    >>> scan.columns[:3]
    ('state', 'year', 'state_name')
    """

    make_panel: Callable[..., P]
    source: Source
    entity_name: str
    time_name: str | None
    labels: Mapping[str, str]
    step: int | str | None
    time_format: str | None
    memory: int
    n_blocks: int | None
    folder: Path | None
    changes: tuple[Any, ...] = ()
    copy: Copy | None = None

    def __repr__(self) -> str:
        keys = f"{self.entity_name} x {self.time_name or 'one period'}"
        return f"PanelScan: {keys}; columns {', '.join(self.columns)}"

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the table, and those that `assign` adds."""
        added = [change for change in self.changes if isinstance(change, dict)]
        return tuple(dict.fromkeys(chain(self.source.names, *added)))

    @property
    def is_part(self) -> bool:
        """Whether rows were removed by `subset`."""
        return any(not isinstance(change, dict) for change in self.changes)

    @property
    def conditions(self) -> tuple[str, ...]:
        """Conditions of `subset`."""
        return tuple([change for change in self.changes if isinstance(change, str)])

    def subset(self, rows: object) -> PanelScan[P]:
        """Keep some rows, as `Panel.subset`.

        Parameters
        ----------
        rows : str
            A condition on columns and keys.

        Returns
        -------
        PanelScan
            The table with the condition, which is checked when a model is fitted.

        Raises
        ------
        InputTypeError
            If the condition is not text.

        Examples
        --------
        >>> import digiprosper as dp
        >>> states = dp.datasets.us_states().frame.reset_index()
        >>> scan = dp.Panel.scan(states, entity="state", time="year")
        >>> spec = dp.FixedEffects("log(gsp)", ["log(pc)"])
        >>> spec.fit(scan.subset("year >= 1980")).nobs
        336
        """
        condition = "a condition as text, such as 'year >= 2015'"
        check_type(rows, str, f"subset of a scanned table takes {condition}")
        return replace(self, changes=(*self.changes, rows))

    def assign(self, **terms: object) -> PanelScan[P]:
        """Add columns computed by terms, as `Panel.assign` does with text.

        Parameters
        ----------
        **terms : str
            For each new column a term, such as ``lngdp="log(gdp)"``.

        Returns
        -------
        PanelScan
            The table with the columns, which are computed when a model is fitted.

        Raises
        ------
        InputTypeError
            If a term is not text.

        Examples
        --------
        >>> import digiprosper as dp
        >>> states = dp.datasets.us_states().frame.reset_index()
        >>> scan = dp.Panel.scan(states, entity="state", time="year")
        >>> scan.assign(output="log(gsp)").columns[-1]
        'output'
        """
        wrong = [name for name, term in terms.items() if not isinstance(term, str)]
        if wrong:
            raise InputTypeError(
                f"assign of a scanned table takes terms as text; {cited(wrong[0])} is "
                f"{type(terms[wrong[0]]).__name__}."
            )
        return replace(self, changes=(*self.changes, dict(terms)))

    def sample_entities(self, share: float) -> P:
        """Read all rows of a share of the entities into memory.

        The entities are chosen by a hash of their name, so the same share has the same
        entities in every engine and in any order of rows. Models that a scanned table
        does not take can be fitted to such a sample.

        Parameters
        ----------
        share : float
            Share of the entities, above 0 and at most 1.

        Returns
        -------
        Panel
            A panel with all columns of the table.

        Raises
        ------
        OptionError
            If `share` is not above 0 and at most 1.
        PanelIndexError
            If no entity is chosen.

        Examples
        --------
        >>> import digiprosper as dp
        >>> states = dp.datasets.us_states().frame.reset_index()
        >>> scan = dp.Panel.scan(states, entity="state", time="year")
        >>> scan.sample_entities(0.25).nobs % 17
        0
        """
        if not is_real(share) or not 0 < share <= 1:
            raise option_error(
                "share", share, f"share={cited(share)} must be above 0 and at most 1."
            )
        scan = replace(self, n_blocks=1, copy=None)
        with scan.copied(self.columns, share=share) as copied:
            (panel,) = copied._run(lambda panel: panel, is_part=False)
        return cast("P", panel)

    def summarise(self, columns: str | Sequence[str] | None = None) -> pd.DataFrame:
        """Count, mean, standard deviation, minimum and maximum of numeric columns.

        Parameters
        ----------
        columns : str or sequence of str, optional
            Numeric columns, also those that `assign` adds. The default is all.

        Returns
        -------
        DataFrame
            One row a column: nobs, mean, sd, min, max.

        Raises
        ------
        ColumnError
            If a column does not exist.

        Examples
        --------
        >>> import digiprosper as dp
        >>> states = dp.datasets.us_states().frame.reset_index()
        >>> scan = dp.Panel.scan(states, entity="state", time="year")
        >>> scan.summarise(["unemp"]).round(2).loc["unemp"].tolist()
        [816.0, 6.6, 2.23, 2.8, 18.0]
        """
        names = None if columns is None else column_names(columns, "summarise")
        texts = self.columns if names is None else tuple(names)
        with self.copied(texts) as copied:
            tables = [*copied._run(lambda panel: panel.summarise(names))]
        merged = {
            str(name): merge_moments(rows.to_numpy(dtype=float))
            for name, rows in pd.concat(tables)[_MOMENTS].groupby(level=0, sort=False)
        }
        return pd.DataFrame.from_dict(merged, orient="index", columns=_MOMENTS)

    @contextmanager
    def copied(
        self, texts: Sequence[str], *, share: float = 1.0
    ) -> Iterator[PanelScan[P]]:
        """Copy the columns that occur in texts, and delete the files in the end.

        Parameters
        ----------
        texts : sequence of str
            Columns, terms and conditions. A column whose name is part of one of them is
            copied.
        share : float
            Share of the entities that are copied; all by default.

        Yields
        ------
        PanelScan
            The same table with the files, which all models that are fitted to it use.

        Raises
        ------
        ScanError
            If the engine fails, or the disk is full.

        Examples
        --------
        >>> import digiprosper as dp
        >>> states = dp.datasets.us_states().frame.reset_index()
        >>> scan = dp.Panel.scan(states, entity="state", time="year")
        >>> with scan.copied(["gsp", "pc"]) as copied:
        ...     len(list(copied.panels()))
        1
        """
        needed = self._needed(texts)
        if self.copy is not None and set(needed) <= set(self.copy.columns):
            yield self
            return
        with engine_errors(self.source.errors):
            blocks = self.n_blocks or self._blocks(self.source.count(), len(needed))
        parent = self.folder or tempfile.gettempdir()
        source, cut = self.source, (needed, (self.entity_name, self.time_name), blocks)
        if share < 1:
            source = share_of(source, self.entity_name, share)
        with temporary_folder(parent) as folder, ExitStack() as exits:
            cut_blocks, rows, times = (
                cut_into_files(source, folder, *cut)
                if source.spark is None
                else cut_in_spark(source, exits, *cut)
            )
            if rows == 0:
                few = f" of a share of {share:g} of the entities" if share < 1 else ""
                raise PanelIndexError(f"the table has no rows{few}.")
            step = self._common_step(times)
            copy = Copy(cut_blocks, folder, rows, blocks, needed, step)
            yield replace(self, copy=copy)

    def panels(self) -> Iterator[P]:
        """Read the blocks of a copied table, each as a panel.

        Yields
        ------
        Panel
            All rows of some of the entities. Blocks of which no row is left are not
            there.

        Raises
        ------
        PanelIndexError
            If two rows have the same keys, or a time is missing.
        MissingDataError
            If no row of any block is left.

        Examples
        --------
        See `copied`.
        """
        yield from self._run(lambda panel: panel)

    # --- inside -----------------------------------------------------------------------

    @property
    def _files(self) -> Copy:
        assert self.copy is not None
        return self.copy

    def _run(self, function: Callable[[Any], Any], *, is_part: bool = True) -> Any:
        """Call a function with each block as a panel; yield what it returns."""
        return self._files.blocks.run(self._of_rows(function, is_part=is_part))

    def _store(self, function: Callable[[Any], Any], folder: Path) -> Any:
        """Store the sample that a function of a panel returns beside something else."""
        return self._files.blocks.store(self._of_rows(function), folder)

    def _of_rows(self, function: Any, *, is_part: bool = True) -> Any:
        """Turn a function of a panel into one of the rows of a block."""
        nothing: Any = None  # an engine cannot be pickled
        scan, n_blocks = replace(self, source=nothing), self._files.n_blocks

        def call(frame: pd.DataFrame) -> Any:
            try:
                panel = scan._panel(frame, is_part=is_part)
                return None if panel is None else function(panel)
            except (PanelIndexError, MissingDataError) as error:
                if n_blocks == 1:
                    raise
                text = (
                    f"{error} (These are rows of one of {n_blocks} blocks of the "
                    "table.)"
                )
                raise type(error)(text, error.problems) from error

        return call

    def _choose(self, rows: Callable[[P], Any]) -> PanelScan[P]:
        """Keep the rows of each block for which a function returns True."""
        return replace(self, changes=(*self.changes, rows))

    def _needed(self, texts: Sequence[str]) -> tuple[str, ...]:
        """List the keys, and the columns whose names occur in the texts."""
        terms = [c.values() for c in self.changes if isinstance(c, dict)]
        every = [*texts, *self.conditions, *chain(*terms)]
        keys = [name for name in (self.entity_name, self.time_name) if name]
        used = [n for n in self.source.names if any(n in text for text in every)]
        return tuple(dict.fromkeys([*keys, *used]))

    def _blocks(self, rows: int, columns: int) -> int:
        at_once = (self.memory - _BASE) / (_BYTES * (columns + 3))
        return min(MOST_BLOCKS, max(1, math.ceil(rows / at_once)))

    def _common_step(self, times: list[Any]) -> int | str | None:
        """Determine the step of time from the times of all blocks."""
        if self.step is not None or self.time_name is None or not times:
            return self.step
        frame = pd.DataFrame({self.entity_name: 0, self.time_name: times})
        _, keys = sorted_keys(
            frame, self.entity_name, self.time_name, None, self.time_format
        )
        issue(time_notices(keys, self.step))
        return usual_step(keys.times)

    def _panel(self, frame: pd.DataFrame, *, is_part: bool) -> Any:
        """Make the panel of a block with `subset` and `assign`; None without rows."""
        panel: Any = self.make_panel(
            frame,
            self.entity_name,
            self.time_name,
            labels={n: t for n, t in self.labels.items() if n in frame.columns},
            step=self._files.step,
            time_format=self.time_format,
        )
        panel._table = replace(panel._table, is_block=is_part)
        for change in self.changes:
            if isinstance(change, dict):
                panel = panel.assign(**change)
                continue
            is_text = isinstance(change, str)
            mask = rows_where(change, panel._table) if is_text else change(panel)
            if not mask.any():
                return None
            panel = panel._keep_rows(mask, "subset")
        return panel


_MOMENTS = ["N", "mean", "sd", "min", "max"]


def merge_moments(parts: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Merge moments (b, 5) of parts of a column: nobs, mean, sd, min, max.

    Chan, Golub & LeVeque (1983), The American Statistician 37:242.
    """
    parts = parts[parts[:, 0] > 0]
    if not len(parts):
        return np.array([0.0, *[np.nan] * 4])
    n, mean = parts[:, 0], parts[:, 1]
    total = n.sum()
    overall = mean[0] + float(n @ (mean - mean[0])) / total
    deviations = np.nan_to_num(parts[:, 2]) ** 2 * (n - 1) + n * (mean - overall) ** 2
    sd = math.sqrt(deviations.sum() / (total - 1)) if total > 1 else math.nan
    return np.array([total, overall, sd, parts[:, 3].min(), parts[:, 4].max()])


def checked_source(table: object, entity: str, time: str | None) -> Source:
    """Recognise a table, and check its keys and the names of its columns."""
    check_key_names(entity, time)
    require("pyarrow", extra="scale", purpose="Panel.scan")
    source = source_of(table)
    keys = [entity] if time is None else [entity, time]
    refuse_unknown(keys, source.names, "Panel.scan")
    refuse_repeated(source.names)
    return source


def checked_folder(folder: object) -> Path | None:
    """Refuse a path that is not a folder."""
    if folder is None:
        return None
    parent = Path(str(folder))
    if not parent.is_dir():
        text = f"folder={cited(str(folder))} is not a folder."
        raise option_error("folder", folder, text)
    return parent


def parse_memory(memory: int | str) -> int:
    """Parse a size such as ``"1GB"``; at least 400 MB."""
    size: float = memory if isinstance(memory, int) else 0
    if isinstance(memory, str):
        text = memory.strip().upper()
        try:
            size = float(text[:-2]) * _UNITS[text[-2:]]
        except (KeyError, ValueError):
            size = 0
    if not _SMALLEST_MEMORY <= size < math.inf:
        raise option_error(
            "memory",
            memory,
            f"memory={cited(memory)} must be a size of at least 400 MB, such as '1GB'.",
        )
    return int(size)
