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
from digiprosper.report.columns import (
    Column,
    HasColumns,
    PlainCell,
    columns_of,
    remark_text,
)
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
Columns: TypeAlias = Sequence[Column]
_Several: TypeAlias = (
    ResultSet | Sequence[Model | ResultSet] | Mapping[str, Model | ResultSet]
)
Models: TypeAlias = Model | _Several | Mapping[str, Model | _Several]


def read_columns(
    models: Models, caller: str, *, level: float = 0.95, spanning: bool = False
) -> list[Column]:
    """Read models in any form that users may pass, one column per model or per column of a DataFrame.

    With `spanning` the key of several columns is a heading above them, otherwise a prefix of their headings.
    """
    columns = _read_all(models, caller, level)
    return (
        columns
        if spanning
        else [_under_one_head(column) for column in _numbered(columns)]
    )


def _read_all(models: object, caller: str, level: float) -> list[Column]:
    if isinstance(models, Mapping) and not isinstance(models, ResultSet):
        columns = [
            c
            for head, model in models.items()
            for c in _read(tidy_text(head), model, caller, level)
        ]
    elif isinstance(models, Sequence) and not isinstance(models, str):
        columns = [c for model in models for c in _read(None, model, caller, level)]
    else:
        columns = _read(None, models, caller, level)
    if not columns:
        raise InputTypeError(
            f"{caller}: models is empty; pass a result, or a list or mapping of results.",
            [models_problem("no models", models)],
        )
    return columns


def _under_one_head(column: Column) -> Column:
    """Write the heading that spans a column as a prefix of its own."""
    head = column.head if column.over is None else f"{column.over}: {column.head}"
    return replace(column, head=head, over=None)


def name_columns(
    columns: Columns,
    heads: Sequence[str] | None,
    labels: Mapping[str, str],
    caller: str,
    language: Language = "english",
) -> list[Column]:
    """Set the headings of columns: `heads`, or their own, or numbers for those without."""
    if heads is None:
        return [_in_words(column, labels, language) for column in _numbered(columns)]
    untyped_heads: object = heads
    texts = list(untyped_heads) if isinstance(untyped_heads, Iterable) else None
    if texts is None or isinstance(heads, str) or len(texts) != len(columns):
        several = "no texts" if texts is None else f"{len(texts)} heads"
        heads_text = "one text" if isinstance(heads, str) else several
        raise OptionError(
            f"{caller}: heads has {heads_text} for {len(columns)} columns; pass a list with one text per "
            "column.",
            [option_problem("heads", heads)],
        )
    return [
        replace(c, head=tidy_text(head)) for c, head in zip(columns, texts, strict=True)
    ]


def _numbered(columns: Columns) -> list[Column]:
    """Give columns without a heading a number."""
    numbers = count(1)
    return [
        replace(c, head=f"({next(numbers)})" if c.head is None else c.head)
        for c in columns
    ]


def distinct_heads(columns: Columns) -> list[Column]:
    """Make headings unique for the notes, with the spanning heading as a prefix where two are equal."""
    counts = Counter(column.head for column in columns)
    return [
        _under_one_head(column) if counts[column.head] > 1 else column
        for column in columns
    ]


def with_constant(column: Column) -> Column:
    """Add the constant of a model with absorbed effects to the estimates, if it is known."""
    constant = column.constant
    if constant is None or math.isnan(constant.estimate):
        return column
    return replace(column, estimates={**column.estimates, constant.term.name: constant})


def texts_of(argument: object) -> list[str] | None:
    """Read an argument that is a text or several; None if it is neither."""
    if isinstance(argument, str):
        return [argument]
    if not isinstance(argument, Iterable) or not all(
        isinstance(text, str) for text in argument
    ):
        return None
    return list(argument)


def _in_words(column: Column, labels: Mapping[str, str], language: Language) -> Column:
    """Replace the heading by its label, or by words if it names an equation of a system."""
    equation, head = column.equation, str(column.head)
    code = f"head.{head}"
    column = replace(column, over=_over_words(column, labels, language))
    if column.named is not None:
        named = remark_text(
            column.named, column.words, labels, column.factors, language
        )
        return replace(column, head=named)
    if code in column.words:
        return replace(column, head=column.words.say(code, language))
    if equation is None or head != equation.name:
        return replace(column, head=_head_label(head, column, labels, language))
    path = " → ".join(
        name_label(link, labels, column.factors) for link in equation.path
    )
    return replace(column, head=HEADS.say(equation.kind, language, name=path))


def _over_words(
    column: Column, labels: Mapping[str, str], language: Language
) -> str | None:
    if column.over is None:
        return None
    code = f"over.{column.over}"
    method_words = (
        column.words.say(code, language) if code in column.words else column.over
    )
    return labels.get(column.over, method_words)


def _head_label(
    head: str, column: Column, labels: Mapping[str, str], language: Language
) -> str:
    """Print a heading that is a name or a sum of names, such as a set of controls, with labels."""
    code = f"head.{head}"
    if head not in labels and code in TABLE and column.cells:
        return TABLE.say(code, language)
    parts = (name_label(part, labels, column.factors) for part in head.split(" + "))
    return labels.get(head, " + ".join(parts))


def check_labels(labels: object, caller: str) -> dict[str, str]:
    """Check the argument `labels` and make each label one line."""
    if labels is None:
        return {}
    if not isinstance(labels, Mapping) or not all(isinstance(k, str) for k in labels):
        raise InputTypeError(
            f'{caller}: labels must be a mapping of texts such as {{"digital": "Digital economy"}}.',
            [option_problem("labels", labels, what="not a mapping of texts")],
        )
    return {k: tidy_text(v) for k, v in labels.items()}


def merged_labels(columns: Columns, labels: Mapping[str, str]) -> dict[str, str]:
    """Merge the labels of all models (the first wins) with those of the call, which win over all.

    Where columns have the numbers of their rows as headings, labels start with the number.
    """
    merged: dict[str, str] = {}
    numbers: dict[str, int] = {}
    for column in columns:
        numbers |= column.numbers
        for name, text in column.labels.items():
            merged.setdefault(str(name), tidy_text(text))
    merged |= labels
    return merged | {
        name: f"({number}) {merged.get(name, name)}" for name, number in numbers.items()
    }


def merged_factors(columns: Columns) -> dict[str, tuple[Factor, ...]]:
    """Merge the factors of the names of all models; the first model wins."""
    merged: dict[str, tuple[Factor, ...]] = {}
    for column in columns:
        merged = {**column.factors, **merged}
    return merged


def matching(
    patterns: Sequence[str] | str, terms: Iterable[str], option: str, caller: str
) -> list[str]:
    """Find the terms that names or patterns (``*``, ``?``) match, each once, in the order of the patterns."""
    entries = texts_of(patterns)
    if entries is None:
        raise InputTypeError(
            f"{caller}: {option}={cited(patterns)} must be a term, a pattern or a list of them, such as "
            "['digital*'].",
            [option_problem(option, patterns)],
        )
    names = list(terms)
    matched: dict[str, None] = {}
    lost = []
    for entry in entries:
        hits = (
            [entry] if entry in names else [t for t in names if fnmatchcase(t, entry)]
        )
        if not hits:
            lost.append(entry)
        matched.update(dict.fromkeys(hits))
    if lost:
        raise ColumnError(
            f"{caller}: {option} matches no term {quoted(lost)}. The terms are {quoted(names, 12)}; a "
            "pattern such as 'digital*' matches several.",
            [
                column_problem(entry, option, f"no term {cited(entry)}")
                for entry in lost
            ],
        )
    return list(matched)


def arrange(terms: Iterable[str], first: Sequence[str]) -> list[str]:
    """Order terms: `first`, then the others, then the intercept."""
    unlisted = [t for t in terms if t not in first]
    return [
        *first,
        *(t for t in unlisted if t != "Intercept"),
        *(t for t in unlisted if t == "Intercept"),
    ]


def select(
    columns: Columns,
    keep: Sequence[str] | str | None,
    drop: Sequence[str] | str | None,
    order: Sequence[str] | str | None = None,
    *,
    fold: Sequence[str] = (),
    caller: str,
) -> list[str]:
    """Choose and order the terms of a table or plot by names or patterns."""
    terms = all_terms(columns)
    kept_terms = (
        terms
        if keep is None
        else with_products(matching(keep, terms, "keep", caller), columns)
    )
    dropped = (
        []
        if drop is None
        else with_products(matching(drop, terms, "drop", caller), columns)
    )
    first = (
        []
        if order is None
        else with_products(matching(order, terms, "order", caller), columns)
    )
    out = {*fold, *dropped}
    chosen = [term for term in terms if term in kept_terms and term not in out]
    return arrange(chosen, [term for term in first if term in chosen])


def with_products(terms: Sequence[str], columns: Columns) -> list[str]:
    """Add the other names of the same products after each term, such as ``"z:x"`` after ``"x:z"``."""
    product_names = products_of(columns)
    return list(
        dict.fromkeys(
            name for term in terms for name in (term, *product_names.get(term, ()))
        )
    )


def products_of(columns: Columns) -> dict[str, tuple[str, ...]]:
    """Find the products that columns write with their factors in another order, as `same_products` does."""
    return same_products(
        cell.term for column in columns for cell in column.estimates.values()
    )


def all_terms(columns: Columns) -> list[str]:
    """List the terms of all columns, each once.

    A term that only a later model has is inserted before the term that follows it in that model. A series,
    such as the event times of another model, is not divided: the term is inserted before all of it.
    """
    placed: list[str] = []
    series = {
        term: kind for column in columns for term, kind in _series(column).items()
    }
    for column in columns:
        column_terms = [*column.estimates, *column.cells]
        for position, term in enumerate(column_terms):
            if term not in placed:
                later = next((t for t in column_terms[position:] if t in placed), None)
                placed.insert(_place(term, later, placed, series), term)
    return placed


def _series(column: Column) -> dict[str, str]:
    """Return the series of each term that belongs to one, such as event times of the same kind."""
    return {
        name: cell.term.kind
        for name, cell in column.estimates.items()
        if cell.term.point is not None
    }


def _place(
    term: str, later: str | None, placed: Sequence[str], series: Mapping[str, str]
) -> int:
    """Return the position before a later term, and before all of its series if the term belongs to none."""
    if later is None:
        return len(placed)
    position = placed.index(later)
    if term in series or later not in series:
        return position
    while position > 0 and series.get(placed[position - 1]) == series[later]:
        position -= 1
    return position


def _read(head: str | None, model: object, caller: str, level: float) -> list[Column]:
    if isinstance(model, ResultSet):
        return _below(head, _read_set(model, caller, level))
    if head is not None and isinstance(model, (Mapping, list, tuple)):
        return _below(head, _read_all(model, caller, level))
    if isinstance(model, pd.DataFrame):
        return _read_frame(head, model, caller)
    columns = columns_of(model, level)
    if columns is None:
        raise _no_result(model, caller)
    if head is not None and len(columns) == 1:
        return [replace(columns[0], head=head)]
    return _below(head, columns)


def _below(head: str | None, columns: Iterable[Column]) -> list[Column]:
    """Set a heading that spans columns; if they have one already, it becomes part of their own headings."""
    if head is None:
        return list(columns)
    return [replace(_under_one_head(c) if c.over else c, over=head) for c in columns]


def _read_set(models: ResultSet, caller: str, level: float) -> list[Column]:
    parts = [
        _read(tidy_text(label), item, caller, level) for label, item in models.outcomes
    ]
    notes, heads, labels = (
        models.table_notes,
        models.table_heads,
        [label for label, _ in models.outcomes],
    )
    return [
        replace(
            column,
            named=heads.get(label, column.named),
            set_notes=(*column.set_notes, *notes),
            set_rows=(*column.set_rows, *rows),
        )
        for label, part in zip(labels, parts, strict=True)
        for column, rows in zip(
            part, _rows_of(models.table_rows, label, len(part)), strict=True
        )
    ]


def _rows_of(
    rows: Sequence[SharedRow], label: str, count: int
) -> list[tuple[tuple[Remark, object], ...]]:
    """Return the rows that a set of models adds for a model; only its last column has their cells."""
    model_rows = tuple(
        (row.name, row.cells[label]) for row in rows if label in row.cells
    )
    blank = tuple((row.name, None) for row in rows)
    return [blank] * (count - 1) + [model_rows or blank]


def _no_result(model: object, caller: str) -> InputTypeError:
    help_text = (
        _test_help(model)
        if hasattr(model, "p_value")
        else "Pass what `fit` returns, a list or mapping of them, a ResultSet, or a DataFrame (of an index: "
        "its `.weights`)."
    )
    return InputTypeError(
        f"{caller}: {type(model).__name__} is not a result. {help_text}",
        [models_problem("not a result", model)],
    )


def _test_help(model: object) -> str:
    rows = '"Turning point": [test.extremum], ' if hasattr(model, "extremum") else ""
    return (
        "Pass its numbers as rows below its fit, one value per column: "
        f'etable(fit, rows={{{rows}"Test, p": [test.p_value]}}).'
    )


def _read_frame(head: str | None, frame: pd.DataFrame, caller: str) -> list[Column]:
    if (
        isinstance(frame.index, pd.RangeIndex)
        and frame.shape[1] > 1
        and _is_text(frame.iloc[:, 0])
    ):
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
        column_name = _name_text(name)
        title, over = (
            (head, None) if single and head is not None else (column_name, head)
        )
        cells = dict(
            zip(
                rows,
                (PlainCell(column_name, v) for v in frame.iloc[:, position]),
                strict=True,
            )
        )
        columns.append(Column(title, cells=cells, over=over))
    return columns


def _name_text(name: object) -> str:
    return (
        LEVELS.join(map(tidy_text, name))
        if isinstance(name, tuple)
        else tidy_text(name)
    )


def _is_text(column: pd.Series[Any]) -> bool:
    return bool(column.map(lambda v: isinstance(v, str)).all()) and column.is_unique
