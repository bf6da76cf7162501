"""Regression tables, stacked tables, and files of several formats."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from itertools import accumulate, chain, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from digiprosper.checks import check_option, option_error, option_problem, type_error
from digiprosper.errors import (
    DigiprosperError,
    InputTypeError,
    cited,
    issue,
    no_attribute,
    notice_of,
)
from digiprosper.present.columns import (
    LEVELS,
    Models,
    distinct_heads,
    merged_labels,
    name_columns,
    read_columns,
    read_texts,
    select,
    with_constant,
)
from digiprosper.present.formats import table_path, write_tables
from digiprosper.present.notes import note_lines
from digiprosper.present.office import Picture
from digiprosper.present.rows import (
    Row,
    StdEffectIn,
    block_rows,
    depvar_rows,
    fold_terms,
    named_stats,
    setting_rows,
    stat_rows,
    std_effect_rows,
    term_rows,
)
from digiprosper.present.style import (
    FROM_STYLE,
    Below,
    FromStyle,
    Style,
    TableStyle,
    read_style,
)
from digiprosper.report.characters import misspelt_labels, tidy_text
from digiprosper.report.columns import Column, Remark
from digiprosper.report.labels import check_labels
from digiprosper.report.rendering import Content, as_html, as_text
from digiprosper.report.words import NOTES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_OPENING = NOTES.say("opening", "chinese", note="")
_EXAMPLE = '{"Panel A. Output": etable(fits), "Panel B. Jobs": etable(others)}'
# What names a panel in a note: "Panel A" of "Panel A. Output".
_SHORT = re.compile(r"(.{1,12}?)\s*[.:\u3002\uff1a]")


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A table for a paper, made by `etable`, `stack_tables` and other functions.

    `print` shows it as text, a notebook shows it as HTML, and `save` writes it to a
    file.

    Parameters
    ----------
    frame : DataFrame
        All cells as text. Column names are the headings of the columns. The index has
        the names of the rows; it is ``""`` for a row that belongs to the one above,
        such as a standard error.
    notes : tuple of str
        Lines below the table.
    header_rows : int
        Number of first rows of `frame` that belong to the headings.
    breaks : tuple of int
        Rows of `frame` at which a new block starts.
    title : str or None
        Line above the table.
    spans : tuple of str
        Headings above those of the columns, one per column. Equal neighbours are one
        heading. Empty if there are none.
    panels : tuple of int
        Rows of `frame` that are titles of panels.
    closing : int or None
        First row of `frame` below all panels.

    Examples
    --------
    >>> import pandas as pd
    >>> weights = pd.DataFrame({"weight": [0.25, 0.75]}, index=["broadband", "mobile"])
    >>> print(etable(weights, labels={"broadband": "Broadband ports"}))
    =======================
                     Weight
    -----------------------
    Broadband ports   0.250
    mobile            0.750
    =======================
    """

    frame: pd.DataFrame
    notes: tuple[str, ...] = ()
    header_rows: int = 0
    breaks: tuple[int, ...] = ()
    title: str | None = None
    spans: tuple[str, ...] = ()
    panels: tuple[int, ...] = ()
    closing: int | None = None

    if not TYPE_CHECKING:  # else every attribute would have a type

        def __getattr__(self, name: str) -> Any:
            raise no_attribute(self, name, "table")

    def __str__(self) -> str:
        return as_text(self._content())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return as_html(self._content())

    def save(self, path: str | Path, *, title: str | None = None) -> Path:
        """Write the table to a file. The ending of its name determines the format.

        Parameters
        ----------
        path : str or Path
            File with the ending ``.docx``, ``.xlsx``, ``.tex``, ``.rtf``, ``.csv``,
            ``.html`` or ``.md``. The first two need the extra ``tables``. In a CSV
            file, cells such as ``(0.040)``, which a spreadsheet would read as negative
            numbers, are written as ``="(0.040)"``, as esttab does.
        title : str, optional
            Line above the table. The default is the title of the table.

        Returns
        -------
        Path
            Path of the file. If writing fails, an existing file does not change.

        Raises
        ------
        OptionError
            If the ending is not one of these.
        InputTypeError
            If `path` is not a path, or `title` is not text.
        FileNotFoundError
            If the folder does not exist.
        ImportError
            If the extra ``tables`` is needed and not installed.

        Examples
        --------
        >>> import pandas as pd, tempfile, pathlib
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> etable(pd.DataFrame({"weight": [1.0]}, index=["mobile"])).save(
        ...     folder / "weights.md"
        ... ).name
        'weights.md'
        """
        check_title(title)
        target = table_path(path, "path")
        write_tables([self._content(title)], target)
        return target

    def _content(self, title: str | None = None) -> Content:
        frame = self.frame
        rows = zip(frame.index, frame.to_numpy(), strict=True)
        body = [list(map(tidy_text, [name, *cells])) for name, cells in rows]
        stub = "" if frame.index.name is None else frame.index.name
        heads = list(map(tidy_text, [stub, *frame.columns]))
        above = [["", *map(tidy_text, self.spans)]] if self.spans else []
        return Content(
            header=(*above, heads, *body[: self.header_rows]),
            body=tuple(body[self.header_rows :]),
            breaks=frozenset(b - self.header_rows for b in self.breaks),
            notes=tuple(map(tidy_text, self.notes)),
            title=tidy_text(text)
            if (text := self.title if title is None else title)
            else None,
            spanning=bool(self.spans),
            panels=frozenset(p - self.header_rows for p in self.panels),
            closing=None if self.closing is None else self.closing - self.header_rows,
        )


def check_title(title: object) -> None:
    """Check that a title is text."""
    if title is not None and not isinstance(title, str):
        raise type_error("title", title, "a text such as 'Table 1. Baseline'")


def etable(  # noqa: PLR0913  (every choice a table has; all but the models are named)
    models: Models,
    *,
    labels: Mapping[str, str] | None = None,
    heads: Sequence[str] | None = None,
    keep: Sequence[str] | str | None = None,
    drop: Sequence[str] | str | None = None,
    order: Sequence[str] | str | None = None,
    controls: Sequence[str] | str = (),
    blocks: Mapping[str, Sequence[str] | str] | None = None,
    rows: Mapping[str, Sequence[object]] | None = None,
    stats: Sequence[str] | None = None,
    constant: bool = False,
    std_effect: Sequence[str] | str = (),
    std_effect_in: StdEffectIn = "sd",
    below: Below | None = None,
    stars: Sequence[float] | FromStyle | None = FROM_STYLE,
    digits: int | None = None,
    t_digits: int | None = None,
    notes: str | Sequence[str] | None = None,
    title: str | None = None,
    style: TableStyle | None = None,
    file: str | Path | None = None,
) -> Table:
    """Make a regression table with one column per model.

    Parameters
    ----------
    models : result, test, list, mapping, ResultSet, DataFrame or Correlation
        The models. The keys of a mapping are the headings of the columns. The key of a
        list, mapping or ResultSet inside a mapping is a heading above its columns:
        ``{"Output": [a, b], "Jobs": [c, d]}``. A model that could not be estimated is a
        column "not estimated" with the reason in the notes. Fitted results of
        statsmodels, linearmodels and pyfixest are columns with the standard errors and
        p-values of their package; a cell is blank where nothing is known (see
        `foreign`). So is any object with the attributes of `Results`, whose `glance`
        may have a few keys only. A DataFrame, such as the `weights` of an index, is
        printed with its rows and columns; names of columns that the frames of this
        library have, such as ``p50`` and ``std_error``, are words, which `labels`
        replace.
        `Panel.correlate` is printed as mean, standard deviation and lower triangle of
        the correlations with stars. A `TestResult` is printed as statistic,
        distribution and p-value. Thresholds are headings of their slopes and have rows
        of their own; given ones are marked.
    labels : mapping, optional
        Labels of terms or columns. They replace the labels of the results. The label of
        a term is used before that of a column inside it. Terms with the same label
        share a row if no model has two of them; otherwise each has its row, with the
        term in brackets after the label. One mapping can serve all tables of a paper.
        There is a warning if a key is not a name in the table but similar to one that
        has no label.
    heads : sequence of str, optional
        Headings of the columns. The default is ``(1)``, ``(2)``, ...
    keep, drop, order : sequence of str, optional
        Terms to keep, to drop, and to put first: names, or patterns such as
        ``"digital*"``. ``"C(year)"`` stands for its dummies.
    controls : sequence of str
        Terms or patterns that are not shown but summarised in a row "Controls" with
        Yes, No, or Some if a model has only some of them.
    blocks : mapping, optional
        Several such rows with their names:
        ``{"Controls": ["edu", "open"], "Trends": ["trend*"]}``. An element may also be
        an absorbed effect, such as ``"province[year]"``, whose row is then replaced.
    rows : mapping, optional
        Additional rows with one value per column, such as
        ``{"Sample": ["all", "no municipalities"]}``. Use it also to show tests:
        ``{"Turning point": [test.extremum], "U test, p": [test.p_value]}``, or
        ``rows=test.rows`` of `u_test`, whose names are in both languages. Numbers in a
        row whose name ends in ``p``, ``p-value`` or ``p值`` are printed as p-values.
    stats : sequence of str, optional
        Statistics below the estimates, which are keys of `glance` of any model. The
        default is that of the style, see `TableStyle`. Others with words in both
        languages are n_times, period (the first and last time of the estimation sample,
        such as 2011–2020), n_clusters, rsquared, rsquared_within_entity, rsquared_adj,
        f_statistic, df_resid, df_t, df_absorbed, ssc (the small-sample correction,
        which the note names otherwise), n_treated (entities that are ever treated) of
        event studies and `StaggeredDid`, loglik, aic and bic for maximum likelihood,
        sargan_p of GMM, and ``"mean_y"``,
        the mean of the outcome in the estimation sample, without weights. Another key,
        such as one of your own results, is printed under its name or its label:
        integers as integers, p-values (keys that end in ``_p``) as p-values, other
        numbers with the digits of the table. A cell is blank if its model has no such
        value. The number of clusters is always shown if it differs from the number of
        entities.
    constant : bool
        Whether to show the constant of models with fixed effects
        (`LinearResults.constant`). The default is False. The intercept of a model
        without fixed effects is always shown.
    std_effect : str or sequence of str
        Terms or patterns whose standardised effect is shown in a row below the
        statistics: the coefficient times the standard deviation of the term in the
        estimation sample (divisor N - 1, without weights, before fixed effects are
        absorbed).
    std_effect_in : {"sd", "mean"}
        The standardised effect is divided by the standard deviation of the outcome
        (``"sd"``, the default), or by its absolute mean and shown in percent
        (``"mean"``). Do not use ``"mean"`` for an outcome in logarithms.
    below : {"se", "t", "p", "ci"}, optional
        What is shown below each estimate: standard error, t statistic, p-value or 95%
        confidence interval. The default is that of the style (standard error).
    stars : sequence of float or None, optional
        Significance levels in descending order, with one more star for each. None shows
        no stars. The default is that of the style (.1, .05, .01).
    digits : int, optional
        Number of decimals. The default is that of the style (3). A p-value below the
        last decimal is printed as ``<0.001``. Another number that would be rounded to 0
        is printed with this many significant digits, such as ``0.000417`` or
        ``0.0000655``. There is never an exponent, and at most 15 decimals; a number
        below them is printed as 0.
    t_digits : int, optional
        Number of decimals of t statistics. The default is that of the style, or
        `digits`.
    notes : str or sequence of str, optional
        Lines that are added to the notes below the table.
    title : str, optional
        Line above the table, such as ``"Table 1. Baseline"``.
    style : TableStyle, optional
        Language and format of the table. The arguments above override it.
    file : str or Path, optional
        File to write the table to, as `Table.save` does.

    Returns
    -------
    Table
        The table. Its `frame` has all cells as text.

    Raises
    ------
    InputTypeError
        If `models` is empty or has an element that is not a result.
    OptionError
        If an option has a value that is not allowed, or `stats` has a key that is in
        `glance` of no model.
    ColumnError
        If `keep`, `drop`, `order`, `controls`, `blocks` or `std_effect` has a term that
        is in no model.

    Examples
    --------
    >>> import digiprosper as dp
    >>> spec = dp.FixedEffects("log(gsp)", ["log(pc)"])
    >>> steps = dp.stepwise(spec, dp.datasets.us_states(), ["unemp"])
    >>> labels = {"gsp": "output", "pc": "capital", "unemp": "unemployment"}
    >>> print(dp.etable(steps, labels=labels, stats=["nobs"]))
    =========================================
                            (1)        (2)
    Dependent variable        log(output)
    -----------------------------------------
    log(capital)          0.718***   0.664***
                         (0.072)    (0.066)
    unemployment                    -0.017***
                                    (0.003)
    -----------------------------------------
    state fixed effects     Yes        Yes
    year fixed effects      Yes        Yes
    SE clustered by        state      state
    -----------------------------------------
    Observations            816        816
    =========================================
    Standard errors clustered by state (small-sample correction
    as reghdfe) in parentheses.
    * p < 0.1, ** p < 0.05, *** p < 0.01.
    """
    look = read_style(style, below, stars, digits, stats, t_digits)
    check_title(title)
    if file is not None:
        table_path(file, "file")
    check_option("constant", constant, (True, False))
    check_option("std_effect_in", std_effect_in, ("sd", "mean"))
    columns = read_columns(models, "etable", spanning=True)
    if constant:
        columns = list(map(with_constant, columns))
    caller_labels = check_labels(labels, "etable")
    _report_misspelt([*_names_in(columns), *named_stats(look)], caller_labels, "etable")
    texts = look.own_labels | merged_labels(columns, caller_labels, look.language)
    look = replace(look, labels=texts)
    columns = name_columns(columns, heads, look, "etable")
    folded = fold_terms(columns, controls, blocks, look)
    inside = list(chain.from_iterable(folded.values()))
    terms = select(columns, keep, drop, order, fold=inside, caller="etable")
    if keep is not None:
        terms += _add_constant(terms, columns, drop)
    parts = [
        term_rows(columns, terms, look),
        block_rows(columns, look),
        setting_rows(columns, folded, rows, look),
        [
            *stat_rows(columns, look),
            *std_effect_rows(columns, std_effect, std_effect_in, look),
        ],
    ]
    lines = (
        *note_lines(distinct_heads(columns, look.language), look),
        *look.row_notes(rows or ()),
        *read_notes(notes, "etable"),
    )
    table = _assemble(columns, depvar_rows(columns, look), parts, lines, title)
    table.frame.index.name = _stub(columns, look)
    if file is not None:
        table.save(file)
    return table


def read_notes(notes: object, caller: str) -> list[str]:
    """Read the notes of the caller, a text or several."""
    texts = [] if notes is None else read_texts(notes)
    if texts is None:
        raise type_error("notes", notes, "a text or a list of texts", caller)
    return list(map(tidy_text, texts))


def _add_constant(
    terms: Sequence[str], columns: Sequence[Column], drop: object
) -> list[str]:
    """Add the constant to the terms, for columns that show it."""
    has_constant = any(
        column.constant is not None and "Intercept" in column.estimates
        for column in columns
    )
    is_added = has_constant and "Intercept" not in terms and drop is None
    return ["Intercept"] if is_added else []


def _names_in(columns: Sequence[Column]) -> list[str]:
    """List all names in a table that labels may be for."""
    names: list[object] = []
    for column in columns:
        names += [*column.estimates, *column.cells, *column.labels, *column.stub]
        names += [*column.factors, *(column.keys or ())]
        texts = (cell.value for cell in column.cells.values())
        names += [text for text in texts if isinstance(text, str)]
        named = {**column.glance, "model": "", "version": ""}
        names += [column.head or "", column.over or "", *named.values()]
        names += [block.variable for block in column.blocks]
        remarks = [column.whole, column.named, *column.remarks, *column.set_notes]
        remarks += [name for name, _ in column.set_rows]
        names += chain.from_iterable(map(_names_of, filter(None, remarks)))
    return list(map(str, names))


def _names_of(remark: Remark) -> Iterator[str]:
    """List the names in a remark and in the remarks inside it."""
    for name in chain.from_iterable(remark.names.values()):
        if isinstance(name, str):
            yield name
        else:
            yield from _names_of(name)


def _report_misspelt(
    names: Sequence[str], labels: Mapping[str, str], caller: str
) -> None:
    misspelt = misspelt_labels(labels, names)
    if misspelt:
        pairs = [*misspelt.items()][:5]
        hint = ", ".join(f"{cited(k)} (did you mean {cited(n)}?)" for k, n in pairs)
        where = "this table" if caller == "etable" else "these tables"
        notice = notice_of(
            "unknown_labels",
            labels=misspelt,
            _caller=caller,
            _where=where,
            _hint=hint,
        )
        issue([notice])


def _assemble(
    columns: Sequence[Column],
    header: list[Row],
    blocks: Sequence[list[Row]],
    notes: tuple[str, ...],
    title: str | None,
) -> Table:
    rows, breaks = list(header), []
    for block in blocks:
        if block and len(rows) > len(header):
            breaks.append(len(rows))
        rows += block
    frame = text_frame(rows, [str(c.head) for c in columns])
    spans = tuple(c.over or "" for c in columns)
    return Table(
        frame,
        notes,
        header_rows=len(header),
        breaks=tuple(breaks),
        title=title,
        spans=spans if any(spans) else (),
    )


def _stub(columns: Sequence[Column], style: Style) -> str | None:
    """Write the heading of the row names, if all columns have the same."""
    stubs = {column.stub for column in columns}
    names = stubs.pop() if len(stubs) == 1 else ()
    return LEVELS.join(map(style.stub, names)) or None


def text_frame(rows: Sequence[Row], heads: Sequence[str]) -> pd.DataFrame:
    """Make the frame of a table."""
    return pd.DataFrame(
        [cells for _, cells in rows],
        index=pd.Index([name for name, _ in rows], dtype=object),
        columns=pd.Index(list(heads), dtype=object),
        dtype=object,
    )


def save_tables(
    path: str | Path,
    tables: Mapping[str, Table | Models | Axes | Figure],
    *,
    labels: Mapping[str, str] | None = None,
    style: TableStyle | None = None,
) -> Path:
    """Write tables and figures to one file, with their notes.

    Parameters
    ----------
    path : str or Path
        File. The ending of its name determines the format, as in `Table.save`. A Word
        file has the tables one below the other, each on one page if it fits; wide
        tables are on landscape pages. An Excel file has one sheet per table.
    tables : mapping
        Tables by title. If a `Table` has a title, this is used instead of the key. An
        Axes or Figure of matplotlib, such as one of `plots`, is a picture above its
        title, in Word files only. Other values are passed to `etable`.
    labels : mapping, optional
        Labels of terms or columns, as in `etable`, for values that are not a `Table`. A
        label may be missing in some tables.
    style : TableStyle, optional
        Style of values that are not a `Table`.

    Returns
    -------
    Path
        Path of the file. If writing fails, an existing file does not change.

    Raises
    ------
    OptionError
        If the ending is not one of those of `Table.save`, or not that of a Word file
        for a figure.
    InputTypeError
        If `path` is not a path, `labels` is not a mapping of texts, or `tables` is
        empty, is not a mapping, or has a value that `etable` does not take.
    FileNotFoundError
        If the folder does not exist.
    ImportError
        If the extra ``tables`` is needed and not installed.

    Examples
    --------
    >>> import pandas as pd, tempfile, pathlib
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> weights = etable(
    ...     pd.DataFrame({"weight": [0.25, 0.75]}, index=["ports", "mobile"])
    ... )
    >>> save_tables(
    ...     folder / "paper.md",
    ...     {"Table 1. Weights": weights, "Table 2. Again": weights},
    ... ).name
    'paper.md'
    """
    target = table_path(path, "path")
    stats = named_stats(read_style(style))
    caller_labels = check_labels(labels, "save_tables")
    named = named_tables(tables, "save_tables", '{"Table 1. Baseline": etable(fits)}')
    figures = _figures_in(named, target)
    # A Table has its labels already.
    models = {
        title: table
        for title, table in named.items()
        if not isinstance(table, Table) and title not in figures
    }
    names: dict[str, list[str]] = {}
    for title, of_table in models.items():
        with add_error_note(f"save_tables: this is the table {cited(title)}."):
            columns = read_columns(of_table, "etable", spanning=True)
        names[title] = [*_names_in(columns), *stats]
    _report_misspelt(
        [*chain.from_iterable(names.values())], caller_labels, "save_tables"
    )
    contents: list[Content | Picture] = []
    for title, table in named.items():
        if title in figures:
            contents.append(_picture(title, figures[title]))
            continue
        if title in models:
            # A label that is used in another table only is no mistake.
            others = misspelt_labels(caller_labels, names[title])
            used = {k: text for k, text in caller_labels.items() if k not in others}
            with add_error_note(f"save_tables: this is the table {cited(title)}."):
                table = etable(table, labels=used, style=style)
        contents.append(table._content(table.title or title))
    write_tables(contents, target)
    return target


def _figures_in(named: Mapping[str, Any], target: Path) -> dict[str, Figure]:
    figures = {
        title: value.figure
        for title, value in named.items()
        if hasattr(getattr(value, "figure", None), "savefig")
    }
    if figures and target.suffix.lower() != ".docx":
        title = cited(next(iter(figures)))
        text = (
            f"save_tables: the figure {title} can be written to a Word file only, not "
            f"to {cited(target.name)}. axes.figure.savefig writes it to a file of its "
            "own."
        )
        raise option_error("path", target.name, text, [".docx"])
    return figures


def _picture(title: str, figure: Figure) -> Picture:
    file = BytesIO()
    figure.savefig(file, format="png", dpi=300)
    return Picture(title, file.getvalue(), *(2.54 * figure.get_size_inches()))


def named_tables(tables: Any, function: str, example: str) -> dict[str, Any]:
    """Check a mapping from titles to tables."""
    is_filled = isinstance(tables, Mapping) and len(tables) > 0
    if not is_filled or not all(isinstance(title, str) for title in tables):
        problem = "not a mapping from titles to tables"
        raise InputTypeError(
            f"{function}: tables must be a mapping from titles to tables such "
            f"as {example}.",
            [option_problem("tables", tables, what=problem)],
        )
    return dict(tables)


@contextmanager
def add_error_note(note: str) -> Iterator[None]:
    """Add a note to errors that says which of several tables they are about."""
    try:
        yield
    except DigiprosperError as error:
        error.add_note(note)
        raise


# --- tables below one another ---------------------------------------------------------


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
        with add_error_note(f"stack_tables: this is the panel {cited(name)}."):
            panel = table if isinstance(table, Table) else etable(table, style=style)
        panels.append(_panel(tidy_text(name), panel))
    _check_panels(panels)
    own_notes = read_notes(notes, "stack_tables")
    stacked = _stack(panels, (*_joined_notes(panels), *own_notes), title)
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
    frame, count = table.frame, table.header_rows
    cells = zip(frame.index, frame.to_numpy(), strict=True)
    rows = [(str(name), list(texts)) for name, texts in cells]
    above = [list(table.spans)] if table.spans else []
    above.append(list(map(str, frame.columns)))
    ends = pairwise([count, *table.breaks, len(rows)])
    return _Panel(
        title,
        table,
        heads=[*(("", texts) for texts in above), *rows[:count]],
        blocks=[rows[start:end] for start, end in ends],
        notes=[note.removeprefix(_OPENING) for note in table.notes],
        in_chinese=bool(table.notes) and table.notes[0].startswith(_OPENING),
    )


def _check_panels(panels: Sequence[_Panel]) -> None:
    nested = [panel.title for panel in panels if panel.table.panels]
    if nested:
        problem = f"the panel {cited(nested[0])} has panels itself"
        raise option_error(
            "tables", nested, f"stack_tables: {problem}; stack tables that have none."
        )
    widths = {panel.title: panel.table.frame.shape[1] for panel in panels}
    if len(set(widths.values())) > 1:
        pairs = widths.items()
        counts = ", ".join(f"{cited(name)} has {width}" for name, width in pairs)
        raise option_error(
            "tables",
            widths,
            f"stack_tables: panels must have equally many columns, but {counts}. Give "
            "each panel the same models, or save the tables one by one with "
            "save_tables.",
        )


def _stack(
    panels: Sequence[_Panel], notes: tuple[str, ...], title: str | None
) -> Table:
    """Stack panels with common headings and settings, or numbers of columns."""
    spans, heads = _shared_heads(panels)
    in_all = (r for r in panels[0].heads if all(r in panel.heads for panel in panels))
    top = [row for row in in_all if row[0]]
    closing = _shared_closing(panels)
    above = [("", list(spans)), ("", heads), *top]
    blocks: list[list[Row]] = []
    firsts = []
    for panel in panels:
        firsts.append(len(blocks))
        title_row = (panel.title, [""] * len(heads))
        blocks += _own_rows(panel, title_row, above, closing)
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


def _own_rows(
    panel: _Panel, title_row: Row, above: Sequence[Row], closing: Sequence[Row]
) -> list[list[Row]]:
    """Return the rows of a panel by block, without rows shared by all panels."""
    estimates, *further_blocks = panel.blocks
    own_heads = [row for row in panel.heads if row not in above]
    unshared = ([row for row in rows if row not in closing] for rows in further_blocks)
    return [[title_row, *own_heads, *estimates], *filter(None, unshared)]


def _shared_closing(panels: Sequence[_Panel]) -> list[Row]:
    """Return settings and statistics equal in all panels, without a row below them."""
    if len(panels) == 1:
        return []
    alone = []
    for panel in panels:
        pairs = [pairwise([*block, ("end", [])]) for block in panel.blocks[1:]]
        alone.append([row for row, (after, _) in chain(*pairs) if row[0] and after])
    return [row for row in alone[0] if all(row in rows for rows in alone[1:])]


def _joined_notes(panels: Sequence[_Panel]) -> list[str]:
    """Join the notes; one that not all panels have starts with its panel's name."""
    lines: dict[str, None] = {}
    for panel in panels:
        match = _SHORT.match(panel.title)
        mark = "：" if panel.in_chinese else ": "
        prefix = f"{match[1] if match else panel.title}{mark}"
        for note in panel.notes:
            alike = all(note in other_panel.notes for other_panel in panels)
            lines[note if alike else f"{prefix}{note}"] = None
    first, *following = [*lines] or [""]
    opening = _OPENING if any(panel.in_chinese for panel in panels) else ""
    return [f"{opening}{first}", *following] if first else []
