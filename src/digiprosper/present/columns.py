"""Results of every kind, read into the columns of one table or plot."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from itertools import count
from typing import TYPE_CHECKING, Any, TypeAlias

import pandas as pd

from digiprosper.errors import (
    ColumnError,
    DigiprosperError,
    InputTypeError,
    OptionError,
    cited,
    column_problem,
    models_problem,
    option_problem,
    quoted,
)
from digiprosper.report.characters import tidy_text
from digiprosper.report.collection import ResultSet
from digiprosper.report.columns import Column, HasColumns, PlainCell, columns_of, remark_text
from digiprosper.report.labels import name_label
from digiprosper.report.protocol import Results
from digiprosper.report.terms import same_products
from digiprosper.report.words import HEADS, TABLE

if TYPE_CHECKING:
    from digiprosper.report.columns import Remark, SharedRow
    from digiprosper.report.terms import Factor
    from digiprosper.report.words import Language

LEVELS = " / "
"""Between the levels of a row that a DataFrame names by several."""

Model: TypeAlias = Results | HasColumns | pd.DataFrame | DigiprosperError
_Several: TypeAlias = ResultSet | Sequence[Model | ResultSet] | Mapping[str, Model | ResultSet]
Models: TypeAlias = Model | _Several | Mapping[str, Model | _Several]


def read_columns(models: Models, caller: str, *, level: float = 0.95, spanning: bool = False) -> list[Column]:
    """Read whatever a user may pass as models.

    Parameters
    ----------
    models : result, list, mapping, ResultSet or DataFrame
        The models. The values of a mapping may be lists and mappings of them.
    caller : str
        Function named in messages.
    level : float
        Level of the confidence intervals.
    spanning : bool
        Whether a key stands above several columns of its own, or else before the head of each.

    Returns
    -------
    list of Column
        One a model, one a column of a DataFrame.

    Raises
    ------
    InputTypeError
        If there are none, or one of them is not a result.
    """
    columns = _read_all(models, caller, level)
    return columns if spanning else [_under_one_head(column) for column in _numbered(columns)]


def _read_all(given: object, caller: str, level: float) -> list[Column]:
    if isinstance(given, Mapping) and not isinstance(given, ResultSet):
        columns = [c for head, model in given.items() for c in _read(tidy_text(head), model, caller, level)]
    elif isinstance(given, Sequence) and not isinstance(given, str):
        columns = [c for model in given for c in _read(None, model, caller, level)]
    else:
        columns = _read(None, given, caller, level)
    if not columns:
        raise InputTypeError(
            f"{caller}: models is empty; pass a result, or a list or mapping of results.",
            [models_problem("no models", given)],
        )
    return columns


def _under_one_head(column: Column) -> Column:
    """Put the head that spans a column before its own."""
    head = column.head if column.over is None else f"{column.over}: {column.head}"
    return replace(column, head=head, over=None)


def name_columns(
    columns: Sequence[Column],
    heads: Sequence[str] | None,
    labels: Mapping[str, str],
    caller: str,
    language: Language = "english",
) -> list[Column]:
    """Give every column its head.

    Parameters
    ----------
    columns : sequence of Column
        The columns.
    heads : sequence of str, optional
        Heads to use; default the columns' own (those of the equations of a mediation in words), and ``(1)``,
        ``(2)``, ... where they have none.
    labels : mapping
        Labels by term or column.
    caller : str
        Function named in messages.
    language : {"english", "chinese"}
        Of heads that are words of the library.

    Returns
    -------
    list of Column
        The same, headed.

    Raises
    ------
    OptionError
        If there are not as many heads as columns.
    """
    if heads is None:
        return [_in_words(column, labels, language) for column in _numbered(columns)]
    given: object = heads
    texts = list(given) if isinstance(given, Iterable) else None
    if texts is None or isinstance(heads, str) or len(texts) != len(columns):
        several = "no texts" if texts is None else f"{len(texts)} heads"
        found = "one text" if isinstance(heads, str) else several
        raise OptionError(
            f"{caller}: heads has {found} for {len(columns)} columns; pass a list with one text per column.",
            [option_problem("heads", heads)],
        )
    return [replace(c, head=tidy_text(head)) for c, head in zip(columns, texts, strict=True)]


def _numbered(columns: Sequence[Column]) -> list[Column]:
    """Give columns without a head a number."""
    numbers = count(1)
    return [replace(c, head=f"({next(numbers)})" if c.head is None else c.head) for c in columns]


def distinct_heads(columns: Sequence[Column]) -> list[Column]:
    """Give columns heads that tell them apart in the notes.

    Parameters
    ----------
    columns : sequence of Column
        The columns, headed.

    Returns
    -------
    list of Column
        Where two have the same head, those below a head that spans them with it before their own.
    """
    counts = Counter(column.head for column in columns)
    return [_under_one_head(column) if counts[column.head] > 1 else column for column in columns]


def with_constant(column: Column) -> Column:
    """Put the constant beside absorbed effects among the estimates.

    Parameters
    ----------
    column : Column
        A column.

    Returns
    -------
    Column
        The same where it has no such constant, or one that is not known.
    """
    constant = column.constant
    if constant is None or math.isnan(constant.estimate):
        return column
    return replace(column, estimates={**column.estimates, constant.term.name: constant})


def texts_of(given: object) -> list[str] | None:
    """Read an argument that is one text or several.

    Parameters
    ----------
    given : object
        The argument.

    Returns
    -------
    list of str or None
        None if it is neither.
    """
    if isinstance(given, str):
        return [given]
    if not isinstance(given, Iterable) or not all(isinstance(text, str) for text in given):
        return None
    return list(given)


def _in_words(column: Column, labels: Mapping[str, str], language: Language) -> Column:
    """Head a column by the label of its name, and an equation of a system in words."""
    equation, head = column.equation, str(column.head)
    code = f"head.{head}"
    column = replace(column, over=_over_words(column, labels, language))
    if column.named is not None:
        named = remark_text(column.named, column.words, labels, column.factors, language)
        return replace(column, head=named)
    if code in column.words:
        return replace(column, head=column.words.say(code, language))
    if equation is None or head != equation.name:
        return replace(column, head=_head_label(head, column, labels, language))
    path = " → ".join(name_label(link, labels, column.factors) for link in equation.path)
    return replace(column, head=HEADS.say(equation.kind, language, name=path))


def _over_words(column: Column, labels: Mapping[str, str], language: Language) -> str | None:
    if column.over is None:
        return None
    code = f"over.{column.over}"
    own = column.words.say(code, language) if code in column.words else column.over
    return labels.get(column.over, own)


def _head_label(head: str, column: Column, labels: Mapping[str, str], language: Language) -> str:
    """Print a head that is a name or a sum of names, as that of a set of controls, with labels."""
    code = f"head.{head}"
    if head not in labels and code in TABLE and column.cells:
        return TABLE.say(code, language)
    parts = (name_label(part, labels, column.factors) for part in head.split(" + "))
    return labels.get(head, " + ".join(parts))


def check_labels(labels: object, caller: str) -> dict[str, str]:
    """Read the labels argument.

    Parameters
    ----------
    labels : mapping or None
        Text by term or column.
    caller : str
        Function named in messages.

    Returns
    -------
    dict
        The same as one-line texts.

    Raises
    ------
    InputTypeError
        If it is not a mapping of texts.
    """
    if labels is None:
        return {}
    if not isinstance(labels, Mapping) or not all(isinstance(k, str) for k in labels):
        raise InputTypeError(
            f'{caller}: labels must be a mapping of texts such as {{"digital": "Digital economy"}}.',
            [option_problem("labels", labels, what="not a mapping of texts")],
        )
    return {k: tidy_text(v) for k, v in labels.items()}


def merged_labels(columns: Sequence[Column], labels: Mapping[str, str]) -> dict[str, str]:
    """Merge the labels of all models, the first seen wins, under those given in the call.

    Parameters
    ----------
    columns : sequence of Column
        The columns.
    labels : mapping
        Labels given in the call.

    Returns
    -------
    dict
        Labels by term or column, with the number of the row before them where columns are headed by it.
    """
    merged: dict[str, str] = {}
    numbers: dict[str, int] = {}
    for column in columns:
        numbers |= column.numbers
        for name, text in column.labels.items():
            merged.setdefault(str(name), tidy_text(text))
    merged |= labels
    return merged | {name: f"({number}) {merged.get(name, name)}" for name, number in numbers.items()}


def merged_factors(columns: Sequence[Column]) -> dict[str, tuple[Factor, ...]]:
    """Merge what the names of all models are products of; the first seen wins.

    Parameters
    ----------
    columns : sequence of Column
        The columns.

    Returns
    -------
    dict
        By name.
    """
    merged: dict[str, tuple[Factor, ...]] = {}
    for column in columns:
        merged = {**column.factors, **merged}
    return merged


def matching(patterns: Sequence[str] | str, terms: Iterable[str], option: str, caller: str) -> list[str]:
    """Terms that exact names or patterns (``*``, ``?``) ask for, in the order asked.

    Parameters
    ----------
    patterns : sequence of str
        Terms or patterns.
    terms : iterable of str
        Terms that exist.
    option : str
        Argument that holds the patterns.
    caller : str
        Function named in messages.

    Returns
    -------
    list of str
        Terms, each once.

    Raises
    ------
    InputTypeError
        If it is neither a text nor a list of texts.
    ColumnError
        If an entry matches none.
    """
    wanted = texts_of(patterns)
    if wanted is None:
        raise InputTypeError(
            f"{caller}: {option}={cited(patterns)} must be a term, a pattern or a list of them, such as "
            "['digital*'].",
            [option_problem(option, patterns)],
        )
    known = list(terms)
    found: dict[str, None] = {}
    lost = []
    for entry in wanted:
        hits = [entry] if entry in known else [t for t in known if fnmatchcase(t, entry)]
        if not hits:
            lost.append(entry)
        found.update(dict.fromkeys(hits))
    if lost:
        raise ColumnError(
            f"{caller}: {option} matches no term {quoted(lost)}. The terms are {quoted(known, 12)}; a "
            "pattern such as 'digital*' matches several.",
            [column_problem(entry, option, f"no term {cited(entry)}") for entry in lost],
        )
    return list(found)


def arrange(terms: Iterable[str], first: Sequence[str]) -> list[str]:
    """Order terms: those listed, then the others as they come, the intercept last.

    Parameters
    ----------
    terms : iterable of str
        Terms.
    first : sequence of str
        Terms that come first.

    Returns
    -------
    list of str
        All terms.
    """
    rest = [t for t in terms if t not in first]
    return [*first, *(t for t in rest if t != "Intercept"), *(t for t in rest if t == "Intercept")]


def select(
    columns: Sequence[Column],
    keep: Sequence[str] | str | None,
    drop: Sequence[str] | str | None,
    order: Sequence[str] | str | None = None,
    *,
    fold: Sequence[str] = (),
    caller: str,
) -> list[str]:
    """Choose and order the rows of a table or plot.

    Parameters
    ----------
    columns : sequence of Column
        The columns.
    keep, drop, order : sequence of str, optional
        Terms or patterns to keep, to leave out, to put first.
    fold : sequence of str
        Terms that are left out because one row stands for them.
    caller : str
        Function named in messages.

    Returns
    -------
    list of str
        Terms, in order.
    """
    known = all_terms(columns)
    kept = known if keep is None else with_products(matching(keep, known, "keep", caller), columns)
    dropped = [] if drop is None else with_products(matching(drop, known, "drop", caller), columns)
    first = [] if order is None else with_products(matching(order, known, "order", caller), columns)
    out = {*fold, *dropped}
    chosen = [term for term in known if term in kept and term not in out]
    return arrange(chosen, [term for term in first if term in chosen])


def with_products(terms: Sequence[str], columns: Sequence[Column]) -> list[str]:
    """Add the names that other columns give to the same products, such as ``"z:x"`` for ``"x:z"``.

    Parameters
    ----------
    terms : sequence of str
        Terms.
    columns : sequence of Column
        The columns.

    Returns
    -------
    list of str
        Terms, each once, those of one product beside each other.
    """
    same = products_of(columns)
    return list(dict.fromkeys(name for term in terms for name in (term, *same.get(term, ()))))


def products_of(columns: Sequence[Column]) -> dict[str, tuple[str, ...]]:
    """Find the names of products that columns write in another order.

    Parameters
    ----------
    columns : sequence of Column
        The columns.

    Returns
    -------
    dict
        As `same_products` gives it.
    """
    return same_products(cell.term for column in columns for cell in column.estimates.values())


def all_terms(columns: Sequence[Column]) -> list[str]:
    """Rows of all columns; a term that only a later model has goes before what follows it there.

    It does not divide a series, such as the event times of another model, but goes before all of it.

    Parameters
    ----------
    columns : sequence of Column
        The columns.

    Returns
    -------
    list of str
        Terms, each once.
    """
    placed: list[str] = []
    series = {term: kind for column in columns for term, kind in _series(column).items()}
    for column in columns:
        own = [*column.estimates, *column.cells]
        for position, term in enumerate(own):
            if term not in placed:
                later = next((t for t in own[position:] if t in placed), None)
                placed.insert(_place(term, later, placed, series), term)
    return placed


def _series(column: Column) -> dict[str, str]:
    """Name the series that terms of a column belong to: of one kind, each at a point of its own."""
    return {name: cell.term.kind for name, cell in column.estimates.items() if cell.term.point is not None}


def _place(term: str, later: str | None, placed: Sequence[str], series: Mapping[str, str]) -> int:
    """Find the place of a term before another one, and before its series if the term is of none."""
    if later is None:
        return len(placed)
    place = placed.index(later)
    if term in series or later not in series:
        return place
    while place > 0 and series.get(placed[place - 1]) == series[later]:
        place -= 1
    return place


def _read(head: str | None, model: object, caller: str, level: float) -> list[Column]:
    if isinstance(model, ResultSet):
        return _below(head, _read_set(model, caller, level))
    if head is not None and isinstance(model, (Mapping, list, tuple)):
        return _below(head, _read_all(model, caller, level))
    if isinstance(model, pd.DataFrame):
        return _read_frame(head, model, caller)
    found = columns_of(model, level)
    if found is None:
        raise _no_result(model, caller)
    if head is not None and len(found) == 1:
        return [replace(found[0], head=head)]
    return _below(head, found)


def _below(head: str | None, columns: Iterable[Column]) -> list[Column]:
    """Put columns below a head that spans them; of two such heads the lower one joins their own."""
    if head is None:
        return list(columns)
    return [replace(_under_one_head(c) if c.over else c, over=head) for c in columns]


def _read_set(models: ResultSet, caller: str, level: float) -> list[Column]:
    parts = [_read(tidy_text(label), item, caller, level) for label, item in models.outcomes]
    notes, heads, labels = models.table_notes, models.table_heads, [label for label, _ in models.outcomes]
    return [
        replace(
            column,
            named=heads.get(label, column.named),
            set_notes=(*column.set_notes, *notes),
            set_rows=(*column.set_rows, *rows),
        )
        for label, part in zip(labels, parts, strict=True)
        for column, rows in zip(part, _rows_of(models.table_rows, label, len(part)), strict=True)
    ]


def _rows_of(rows: Sequence[SharedRow], label: str, count: int) -> list[tuple[tuple[Remark, object], ...]]:
    """Give what a set says of one model; the last of several columns of the model has it."""
    own = tuple((row.name, row.cells[label]) for row in rows if label in row.cells)
    blank = tuple((row.name, None) for row in rows)
    return [blank] * (count - 1) + [own or blank]


def _no_result(model: object, caller: str) -> InputTypeError:
    how = (
        _test_help(model)
        if hasattr(model, "p_value")
        else "Pass what `fit` returns, a list or mapping of them, a ResultSet, or a DataFrame (of an index: "
        "its `.weights`)."
    )
    return InputTypeError(
        f"{caller}: {type(model).__name__} is not a result. {how}",
        [models_problem("not a result", model)],
    )


def _test_help(model: object) -> str:
    rows = '"Turning point": [test.extremum], ' if hasattr(model, "extremum") else ""
    return (
        "Pass its numbers as rows below its fit, one value per column: "
        f'etable(fit, rows={{{rows}"Test, p": [test.p_value]}}).'
    )


def _read_frame(head: str | None, frame: pd.DataFrame, caller: str) -> list[Column]:
    if isinstance(frame.index, pd.RangeIndex) and frame.shape[1] > 1 and _is_text(frame.iloc[:, 0]):
        # Rows that were only numbered are better named by the text beside the number.
        frame = frame.set_index(frame.columns[0])
    rows = [_name_text(name) for name in frame.index]
    counts = pd.Series(rows).value_counts()
    repeated = counts.index[counts > 1].tolist()
    if repeated:
        raise InputTypeError(
            f"{caller}: the index of a DataFrame gives the row names, but {quoted(repeated)} are "
            "duplicated; pass one with unique row names (`reset_index()` numbers them).",
            [models_problem(f"repeated rows {quoted(repeated)}", frame)],
        )
    single = frame.shape[1] == 1
    columns = []
    for position, name in enumerate(frame.columns):
        own = _name_text(name)
        title, over = (head, None) if single and head is not None else (own, head)
        cells = dict(zip(rows, (PlainCell(own, v) for v in frame.iloc[:, position]), strict=True))
        columns.append(Column(title, cells=cells, over=over))
    return columns


def _name_text(name: object) -> str:
    return LEVELS.join(map(tidy_text, name)) if isinstance(name, tuple) else tidy_text(name)


def _is_text(column: pd.Series[Any]) -> bool:
    return bool(column.map(lambda v: isinstance(v, str)).all()) and column.is_unique
