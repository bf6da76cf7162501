"""The columns of a table or plot, from results of all kinds."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from itertools import chain, count
from typing import TypeAlias

import pandas as pd

from digiprosper.checks import (
    column_problem,
    models_problem,
    option_error,
    type_error,
)
from digiprosper.errors import (
    ColumnError,
    DigiprosperError,
    InputTypeError,
    cited,
    quoted,
)
from digiprosper.present.style import Style
from digiprosper.report.characters import tidy_text
from digiprosper.report.collection import ResultSet, merged
from digiprosper.report.columns import Column, HasColumns, PlainCell, Remark, columns_of
from digiprosper.report.foreign import as_results
from digiprosper.report.labels import name_label
from digiprosper.report.protocol import Results
from digiprosper.report.summary import read_factors
from digiprosper.report.terms import in_any_order, same_products
from digiprosper.report.words import HEADS, NOTES, TABLE, Language

LEVELS = " / "
"""Separator of the levels of a row name with several."""

Model: TypeAlias = Results | HasColumns | pd.DataFrame | DigiprosperError
Columns: TypeAlias = Sequence[Column]
_Several: TypeAlias = (
    ResultSet | Sequence[Model | ResultSet] | Mapping[str, Model | ResultSet]
)
Models: TypeAlias = Model | _Several | Mapping[str, Model | _Several]


def read_columns(
    models: Models, caller: str, *, level: float = 0.95, spanning: bool = False
) -> list[Column]:
    """Read the models that a user passes into columns, one or several each.

    With `spanning` the key of several columns is a heading above them, otherwise a
    prefix of their headings.
    """
    columns = _read_all(models, caller, level)
    if spanning:
        return columns
    return list(map(_prefix_spanning_head, _number_columns(columns)))


def _read_all(models: object, caller: str, level: float) -> list[Column]:
    pairs: Iterable[tuple[str | None, object]] = [(None, models)]
    if isinstance(models, Mapping) and not isinstance(models, ResultSet):
        pairs = ((tidy_text(head), model) for head, model in models.items())
    elif isinstance(models, Sequence) and not isinstance(models, str):
        pairs = ((None, model) for model in models)
    columns = [
        c for head, model in pairs for c in _read_model(head, model, caller, level)
    ]
    if not columns:
        raise InputTypeError(
            f"{caller}: models is empty; pass a result, or a list or "
            "mapping of results.",
            [models_problem("no models", models)],
        )
    return columns


def _prefix_spanning_head(column: Column, language: Language = "english") -> Column:
    """Write the heading that spans a column as a prefix of its own."""
    if column.over is None:
        return column
    head = NOTES.say("column", language, heads=column.over, text=column.head)
    return replace(column, head=head, over=None)


def name_columns(
    columns: Columns,
    heads: Sequence[str] | None,
    style: Style,
    caller: str,
) -> list[Column]:
    """Set the headings of columns: `heads`, their own, or numbers."""
    if heads is None:
        return [_translate_head(column, style) for column in _number_columns(columns)]
    untyped_heads: object = heads
    texts = list(untyped_heads) if isinstance(untyped_heads, Iterable) else None
    if texts is None or isinstance(heads, str) or len(texts) != len(columns):
        several = "no texts" if texts is None else f"{len(texts)} heads"
        heads_text = "one text" if isinstance(heads, str) else several
        raise option_error(
            "heads",
            heads,
            f"{caller}: heads has {heads_text} for {len(columns)} columns; pass a list "
            "with one text per column.",
        )
    return [
        replace(c, head=tidy_text(head)) for c, head in zip(columns, texts, strict=True)
    ]


def _number_columns(columns: Columns) -> list[Column]:
    """Give columns without a heading a number."""
    numbers = count(1)
    return [
        replace(c, head=f"({next(numbers)})" if c.head is None else c.head)
        for c in columns
    ]


def distinct_heads(columns: Columns, language: Language = "english") -> list[Column]:
    """Make headings unique, by the heading above or the position of the column."""
    counts = Counter(column.head for column in columns)
    named = [
        replace(_prefix_spanning_head(c, language), over=c.over)
        if counts[c.head] > 1
        else c
        for c in columns
    ]
    counts = Counter(column.head for column in named)
    return [
        replace(c, head=f"{c.head} ({position})") if counts[c.head] > 1 else c
        for position, c in enumerate(named, start=1)
    ]


def with_constant(column: Column) -> Column:
    """Add the constant, if known, of a model with absorbed effects."""
    constant = column.constant
    if constant is None or math.isnan(constant.estimate):
        return column
    return replace(column, estimates={**column.estimates, constant.term.name: constant})


def read_texts(argument: object) -> list[str] | None:
    """Read one or several texts; None if the argument is neither."""
    texts = [argument] if isinstance(argument, str) else argument
    if not isinstance(texts, Iterable):
        return None
    texts = list(texts)
    return texts if all(isinstance(text, str) for text in texts) else None


def _translate_head(column: Column, style: Style) -> Column:
    """Replace headings by labels, or by words if they name an equation of a system."""
    equation, words, over = column.equation, column.words, column.over
    if over is not None:
        code = f"over.{over}"
        over_words = style.say(code, words) if code in words else over
        over = style.labels.get(over, over_words)
    head = str(column.head)
    code = f"head.{head}"
    if head in style.labels:
        text = style.labels[head]
    elif column.named is not None:
        text = style.remark(column.named, column)
    elif code in words:
        text = style.say(code, words)
    elif equation is not None and head == equation.name:
        links = (style.label(link, column.factors) for link in equation.path)
        text = style.say(equation.kind, HEADS, name=" → ".join(links))
    else:
        text = _head_label(head, column, style)
    return replace(column, head=text, over=over)


def _head_label(head: str, column: Column, style: Style) -> str:
    """Print a heading that is a name, or a sum of names such as a set of controls."""
    code = f"head.{head}"
    if code in TABLE and column.cells:
        return style.say(code)
    parts = [head] if head in column.factors else head.split(" + ")
    return " + ".join(style.label(part, column.factors) for part in parts)


def merged_labels(
    columns: Columns, labels: Mapping[str, str], language: Language = "english"
) -> dict[str, str]:
    """Merge the labels of all models (the first wins) with those of the call.

    Those of the call win over all. Where columns have the numbers of their rows as
    headings, labels start with the number.
    """
    of_models, factors = merged(columns, "labels"), merged(columns, "factors")
    texts = {str(name): tidy_text(text) for name, text in of_models.items()}
    texts |= labels
    return texts | {
        name: f"({number}) {name_label(name, texts, factors, language)}"
        for column in columns
        for name, number in column.numbers.items()
    }


def matching_terms(
    patterns: Sequence[str] | str, terms: Iterable[str], option: str, caller: str
) -> list[str]:
    """Find terms by names, patterns (``*``, ``?``) and, of dummies, ``C(year)``."""
    entries = read_texts(patterns)
    if entries is None:
        raise type_error(
            option,
            patterns,
            "a term, a pattern or a list of them, such as ['digital*']",
            caller,
        )
    names = list(terms)
    hits = {
        entry: [entry]
        if entry in names
        else [n for n in names if fnmatchcase(n, entry) or n.startswith(f"{entry}[")]
        for entry in entries
    }
    lost = [entry for entry in entries if not hits[entry]]
    if lost:
        raise ColumnError(
            f"{caller}: {option} matches no term {quoted(lost)}. The terms are "
            f"{quoted(names, 12)}; a pattern such as 'digital*' matches several.",
            [column_problem(e, option, f"no term {cited(e)}") for e in lost],
        )
    return list(dict.fromkeys(chain.from_iterable(hits.values())))


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
    named = {
        option: with_products(matching_terms(patterns, terms, option, caller), columns)
        for option, patterns in (("keep", keep), ("drop", drop), ("order", order))
        if patterns is not None
    }
    out = {*fold, *named.get("drop", ())}
    chosen = [t for t in terms if t in named.get("keep", terms) and t not in out]
    first = [term for term in named.get("order", ()) if term in chosen]
    others = [term for term in chosen if term not in first]
    # The intercept comes last.
    return first + sorted(others, key=lambda term: term == "Intercept")


def with_products(terms: Sequence[str], columns: Columns) -> list[str]:
    """Add other names of the same products after a term."""
    return in_any_order(terms, products_of(columns))


def products_of(columns: Columns) -> dict[str, tuple[str, ...]]:
    """Find products that columns write in another order, as `same_products` does."""
    return same_products(
        cell.term for column in columns for cell in column.estimates.values()
    )


def all_terms(columns: Columns) -> list[str]:
    """List the terms of all columns, each once.

    A term that only a later model has is inserted before the term that follows it in
    that model. A series, such as the event times of another model, is not divided:
    terms are inserted before or after it.
    """
    terms: list[str] = []
    series = _series_kinds(columns)
    for column in columns:
        column_terms = [*column.estimates, *column.cells]
        for number, term in enumerate(column_terms):
            if term not in terms:
                later = next((t for t in column_terms[number:] if t in terms), None)
                terms.insert(_position(term, later, terms, series), term)
    return terms


def _position(
    term: str, later: str | None, terms: Sequence[str], series: Mapping[str, str]
) -> int:
    if later is None:
        of_series = [n for n, t in enumerate(terms) if t in series]
        same = [n for n in of_series if series[terms[n]] == series.get(term)]
        return same[-1] + 1 if same else len(terms)
    position = terms.index(later)
    if later in series and term not in series:
        while position and series.get(terms[position - 1]) == series[later]:
            position -= 1
    return position


def _series_kinds(columns: Columns) -> dict[str, str]:
    """Return the kind of each term of a series, such as event times of one kind."""
    return {
        name: cell.term.kind
        for column in columns
        for name, cell in column.estimates.items()
        if cell.term.point is not None
    }


def _read_model(
    head: str | None, model: object, caller: str, level: float
) -> list[Column]:
    if isinstance(model, ResultSet):
        return _set_spanning_head(head, _read_set(model, caller, level))
    if head is not None and isinstance(model, (Mapping, list, tuple)):
        return _set_spanning_head(head, _read_all(model, caller, level))
    if isinstance(model, pd.DataFrame):
        return _read_frame(head, model, caller)
    columns = columns_of(as_results(model, level), level)
    if columns is None:
        raise _not_a_result(model, caller)
    if head is not None and len(columns) == 1:
        return [replace(columns[0], head=head, named=None)]
    return _set_spanning_head(head, columns)


def _set_spanning_head(head: str | None, columns: Iterable[Column]) -> list[Column]:
    """Set a spanning heading; an existing one becomes part of the columns' own."""
    if head is None:
        return list(columns)
    return [
        replace(_prefix_spanning_head(c) if c.over else c, over=head) for c in columns
    ]


def _read_set(models: ResultSet, caller: str, level: float) -> list[Column]:
    """Read a set of models with its notes, and its rows in its last column."""
    blank = tuple((name, None) for name, _ in models.table_rows)
    columns = []
    for label, model in models.outcomes:
        part = _read_model(tidy_text(label), model, caller, level)
        cells = tuple((n, row[label]) for n, row in models.table_rows if label in row)
        for column in part:
            last = column is part[-1]
            own_rows = cells or blank if last else blank
            columns.append(
                replace(
                    column,
                    named=models.table_heads.get(label, column.named),
                    set_notes=(*column.set_notes, *models.table_notes),
                    set_rows=(*column.set_rows, *own_rows),
                )
            )
    return columns


def _not_a_result(model: object, caller: str) -> InputTypeError:
    help_text = (
        "Pass what `fit` returns, here or in statsmodels, linearmodels or pyfixest, a "
        "list or mapping of them, a ResultSet, or a DataFrame (of an index: its "
        "`.weights`). Another object needs params, cov, nobs, tidy(level) and glance()."
    )
    if type(model).__module__.startswith("digiprosper") and hasattr(model, "p_value"):
        rows = "test.rows" if hasattr(model, "rows") else '{"Test, p": [test.p_value]}'
        help_text = (
            "Pass its numbers as rows below its fit, one value per column: "
            f"etable(fit, rows={rows})."
        )
    return InputTypeError(
        f"{caller}: {type(model).__name__} is not a result. {help_text}",
        [models_problem("not a result", model)],
    )


def _read_frame(head: str | None, frame: pd.DataFrame, caller: str) -> list[Column]:
    if isinstance(frame.index, pd.RangeIndex) and frame.shape[1] > 1:
        first = frame.iloc[:, 0]
        if first.map(lambda value: isinstance(value, str)).all() and first.is_unique:
            # Rows that were only numbered are better named by the text beside them.
            frame = frame.set_index(frame.columns[0])
    rows = list(map(_name_text, frame.index))
    counts = pd.Series(rows).value_counts()
    repeated = counts.index[counts > 1].tolist()
    if repeated:
        raise InputTypeError(
            f"{caller}: the index of a DataFrame gives the row names, but "
            f"{quoted(repeated)} are duplicated; pass one with unique row names "
            "(`reset_index()` numbers them).",
            [models_problem(f"repeated rows {quoted(repeated)}", frame)],
        )
    columns, names = [], frame.index.names
    stub = () if None in names else tuple(map(tidy_text, names))
    for position, name in enumerate(frame.columns):
        text, values = _name_text(name), frame.iloc[:, position]
        cells = {row: PlainCell(text, v) for row, v in zip(rows, values, strict=True)}
        columns.append(
            Column(
                text,
                cells=cells,
                over=head,
                stub=stub,
                labels=frame.attrs.get("labels", {}),
                factors=read_factors(frame.attrs.get("factors", {})),
                whole=_frame_note(frame),
            )
        )
    if head is not None and len(columns) == 1:
        return [replace(columns[0], head=head, over=None)]
    return columns


def _frame_note(frame: pd.DataFrame) -> Remark | None:
    """Note by what errors are clustered, or what p-values are drawn from."""
    attrs = frame.attrs
    if isinstance(attrs.get("clusters"), str):
        code = "tested.by" if "p_value" in frame else "estimated.by"
        if "std_error" in frame or "p_value" in frame:
            return Remark(code, {"clusters": (attrs["clusters"],)}, NOTES)
    if "spatial_weights" in attrs and "p_permutation" in frame:
        names = {
            "permutations": (f"{attrs['permutations']:,}",),
            "weights": (attrs["spatial_weights"],),
        }
        return Remark("permuted.by", names, NOTES)
    return None


def _name_text(name: object) -> str:
    parts = name if isinstance(name, tuple) else (name,)
    return LEVELS.join(map(tidy_text, parts))
