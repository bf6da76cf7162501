"""The sorted rows of a panel, from which terms and conditions are evaluated."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import compress, product
from numbers import Number
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pandas.api.types import infer_dtype, is_bool_dtype, is_numeric_dtype

from digiprosper.checks import several, text_problem, unknown_columns
from digiprosper.errors import (
    ColumnError,
    InputTypeError,
    MissingDataError,
    Notice,
    PanelIndexError,
    cited,
    quoted,
)
from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.panel.coordinates import coordinate_names
from digiprosper.panel.keys import Keys, describe_rows, has_dates, row_problem

SEPARATORS = (",", "，", " ", "'")
"""Separators of thousands that `Panel.from_excel` reads."""
_PERCENT_SIGNS = ("%", "\uff05")
_PERCENT = "% \uff05"
_ANY = "".join(SEPARATORS)
_SOME_ROWS = 300
# Rises and falls of columns whose order tells which are one column
_FEWEST_TURNS = 5
# Where indices of prices or growth are that have the year before as 100
_NEAR_100 = (75, 135)
_FEWEST_YEARS = 10
# Logs of indices with few decimals differ by less.
_ROUNDED = 1e-3
# Squared changes from year to year, over the variance. Of prices whose inflation is
# independent from year to year it is near 2, and of those that are chained below 1.
_RETURNS = 1.25
_TEXTS = ("string", "categorical")
_LABELS = (*_TEXTS, "integer")
# Cells are read by the thousand: the patterns are compiled once.
_GROUPED = {
    signs: re.compile(rf"\s*-?\d{{1,3}}([{re.escape(signs)}]\d{{3}})+(\.\d+)?\s*")
    for signs in (*SEPARATORS, _ANY)
}


class Logs(NamedTuple):
    """Logs of columns without their means; the last is that of one, without a name."""

    names: list[str]
    columns: Floats  # (R, k + 1)
    products: Floats  # (k + 1, k + 1), of the columns


@dataclass(frozen=True, eq=False)
class SomeNumbers:
    """Columns of numbers in some rows of a table."""

    rows: Ints  # positions (R,) in the table
    names: Sequence[str]
    values: Floats  # (R, k), with missing ones
    # By role and term: pairs of columns of which it may be the ratio, up to a unit
    ratios: dict[tuple[str, str], list[tuple[int, int]]] = field(default_factory=dict)
    # By outcome and rows: how a term is made from the outcome, or ""
    tested: dict[tuple[str, int], dict[str, str]] = field(default_factory=dict)

    def select(self, inside: Bools) -> SomeNumbers:
        """Keep some of the rows."""
        return SomeNumbers(self.rows[inside], self.names, self.values[inside])

    @cached_property
    def with_zeros(self) -> tuple[list[str], Floats]:
        """Names and values of columns that have zeros and no negative numbers."""
        has_zeros = np.all(self.values >= 0, axis=0) & (self.values == 0).any(axis=0)
        return [*compress(self.names, has_zeros)], self.values[:, has_zeros]

    @cached_property
    def orders(self) -> dict[str, bytes]:
        """Order of the rows of columns with several values."""
        order = self.values.argsort(axis=0, kind="stable")
        steps = np.diff(np.take_along_axis(self.values, order, axis=0), axis=0)
        # Equal values are in the order of the rows, so that their groups matter too.
        many = np.count_nonzero(steps > 0, axis=0) >= _FEWEST_TURNS
        # All columns that rise in a single entity, or a few, have one order.
        rises = np.count_nonzero(np.diff(self.values, axis=0) > 0, axis=0)
        many &= np.minimum(rises, len(order) - 1 - rises) >= _FEWEST_TURNS
        columns = zip(compress(self.names, many), order.T[many], strict=True)
        return {name: row_order.tobytes() for name, row_order in columns}

    @cached_property
    def logs(self) -> Logs:
        """Logs of the positive columns."""
        has_log = np.all(self.values > 0, axis=0)
        logs = np.log(self.values[:, has_log])
        logs = np.column_stack([logs - logs.mean(axis=0), np.zeros(len(logs))])
        return Logs([*compress(self.names, has_log)], logs, logs.T @ logs)

    def is_quotient(self, name: str, numerator: str, denominator: str) -> bool:
        """Tell whether a column is a quotient to the last digit, up to a unit.

        The numerator, as a product of both, differs in the last digit of some rows.
        """
        ratio, top, below = (
            self.values[:, self.names.index(n)] for n in (name, numerator, denominator)
        )
        unit = float(f"{np.median(ratio * below / top):.9g}")
        quotients = [top / below * unit, top * unit / below]
        as_stata_stores_it = (ratio.astype(np.float32) == ratio).all()
        if as_stata_stores_it and not np.array_equal(ratio, ratio.round(3)):
            quotients = [quotient.astype(np.float32) for quotient in quotients]
        return any(np.array_equal(ratio, quotient) for quotient in quotients)


def is_unchained(prices: Floats, entity: Ints) -> bool:
    """Tell whether prices, in order, return where those of a chained index move on."""
    grouped = pd.Series(prices).groupby(entity)
    moves, variance = (grouped.diff() ** 2).mean(), grouped.var(ddof=0).mean()
    # Levels of prices would differ between entities.
    returns = moves > _RETURNS * variance > grouped.mean().var(ddof=0)
    return bool(returns and grouped.count().mean() >= _FEWEST_YEARS)


def falls_as(values: Floats, index: Floats, before: Ints) -> bool:
    """Tell whether values fall by what an index rises, from some rows to the next."""
    if not np.fmin.reduce(values[before], initial=np.inf) > 0:
        return False
    with np.errstate(invalid="ignore", divide="ignore"):
        steps = np.log(values[before + 1] / values[before])
        # They fall by the rise to a period, or by that to the period before.
        rises = [np.log(index[rows] / 100) for rows in (before + 1, before)]
    for growth in rises:
        gaps = np.abs(steps + growth)
        gaps = gaps[np.isfinite(gaps)]
        if gaps.size > _FEWEST_YEARS:
            near = min(_ROUNDED, np.nanstd(growth) / _FEWEST_TURNS)
            if gaps.mean() < near:
                return True
    return False


@dataclass(frozen=True, eq=False)
class Table:
    """Columns and keys of sorted rows. It is never written to.

    `names` lists the names a term may use: the keys and the columns.
    """

    # The columns without the keys, on a plain range index.
    data: pd.DataFrame
    keys: Keys
    # By column, or by term such as "log(gdp)".
    labels: Mapping[str, str]
    # One step of time, as the user passed it.
    step: int | str | None
    # Mask (N,) of the rows of a sample, None for all; terms may be undefined elsewhere
    chosen: Bools | None = None
    # Whether this is one block of a larger table
    is_block: bool = False
    # Conditions of `subset` that chose these rows
    conditions: tuple[str, ...] = ()
    # Keys and columns; listed once, since parsing needs them for every term
    names: tuple[str, ...] = field(init=False, repr=False)
    _numbers: dict[str, Floats] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", (*self.keys.names, *self.data.columns))

    def __getstate__(self) -> dict[str, Any]:
        # Copies of numbers are not pickled.
        copies = ("numbers", "some_numbers")
        return {k: v for k, v in self.__dict__.items() if k not in copies}

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.data)

    @property
    def frame(self) -> pd.DataFrame:
        """The columns indexed by the keys."""
        return self.data.set_axis(self.keys.index.view(), axis=0)

    @cached_property
    def numbers(self) -> dict[str, Floats]:
        """Columns of numbers (N,), without those of truth values."""
        kinds = self.data.dtypes.items()
        return {str(n): self.numeric(str(n)) for n, d in kinds if d.kind in "iuf"}

    @cached_property
    def entity_label_columns(self) -> tuple[str, ...]:
        """Columns of labels, such as regions, that do not change in an entity."""
        return tuple([n for n, changes in self.label_columns.items() if not changes])

    @cached_property
    def label_columns(self) -> dict[str, bool]:
        """Columns of labels, and whether they change in an entity, if it moves."""
        names = {}
        for name, values in self.data.items():
            # Lists and other objects have no codes.
            is_label = values.dtype.kind != "O" or infer_dtype(values) in _LABELS
            is_float = values.dtype.kind == "f"
            # Stata stores codes, such as those of villages, as floats.
            if is_label and not (is_float and has_fractions(self.numbers[str(name)])):
                changes = bool(self.keys.vary(pd.factorize(values)[0]).any())
                if not (is_float and changes):
                    names[str(name)] = changes
        return names

    @cached_property
    def alphabetical(self) -> dict[str, tuple[Ints, list[str]]]:
        """Texts in some hundred rows, by column: alphabetical codes, and labels."""
        rows, orders = self.some_numbers.rows, {}
        for name, values in self.data.items():
            if infer_dtype(values) in _TEXTS:
                texts = values.iloc[rows].to_numpy(dtype=object)
                codes, labels = pd.factorize(texts, sort=True)
                orders[str(name)] = codes, [*map(str, labels)]
        return orders

    @cached_property
    def dummies(self) -> tuple[str, ...]:
        """Columns of 0 and 1, or of False and True, without missing values."""
        return tuple(
            str(name)
            for name, values in self.data.items()
            if (values.dtype.kind in "biuf" or infer_dtype(values) == "boolean")
            and not values.isna().any()
            and np.isin(values.to_numpy(dtype=np.float64), (0, 1)).all()
        )

    @cached_property
    def some_numbers(self) -> SomeNumbers:
        """Columns of numbers in some hundred rows."""
        rows = np.linspace(0, len(self) - 1, min(len(self), _SOME_ROWS)).astype(np.intp)
        columns = np.array([values[rows] for values in self.numbers.values()])
        return SomeNumbers(rows, [*self.numbers], columns.reshape(-1, rows.size).T)

    @cached_property
    def degrees(self) -> Floats | None:
        """Latitude and longitude of entities (n, 2), if columns have these names."""
        try:
            names = coordinate_names([*self.numbers], "")
        except ColumnError:
            return None
        columns = [self.numbers[name][self.keys.starts] for name in names]
        return np.column_stack(columns)

    @cached_property
    def column_totals(self) -> dict[str, float]:
        """Total of each column of numbers, without missing values, if finite."""
        with np.errstate(over="ignore", invalid="ignore"):
            totals = {name: float(np.nansum(x)) for name, x in self.numbers.items()}
        return {name: total for name, total in totals.items() if np.isfinite(total)}

    @cached_property
    def doubtful_deflators(self) -> dict[str, str]:
        """Indices with the period before as 100, and columns that fall as one rises."""
        numbers, keys = self.some_numbers, self.keys
        low, high = (f.reduce(numbers.values, axis=0) for f in (np.fmin, np.fmax))
        near = (low > _NEAR_100[0]) & (high < _NEAR_100[1])
        names = [*compress(numbers.names, near)]
        unchained = [n for n in names if is_unchained(self.numeric(n), keys.entity)]
        pairs = product(names, self.numbers.items())
        before = np.flatnonzero(keys.steps == 1)
        before = before[:: 1 + before.size // _SOME_ROWS]
        falling = {
            name: index
            for index, (name, values) in pairs
            if falls_as(values, self.numeric(index), before)
        }
        return dict.fromkeys(unchained, "") | falling

    def raw(self, name: str) -> np.ndarray[Any, Any]:
        """Return the values of a column or key as an array."""
        return np.asarray(self.series(name))

    def series(self, name: str) -> pd.Series[Any]:
        """Return a column or key with its own type, on a range index.

        It must not be written to.
        """
        column: object = name
        if not isinstance(column, str) or name not in self.names:
            raise unknown_columns([str(column)], self.names, "the panel", self.labels)
        if name == self.keys.entity_name:
            return pd.Series(self.keys.entities.take(self.keys.entity))
        if name == self.keys.time_name:
            return pd.Series(self.keys.times.take(self.keys.time))
        return self.data[name]

    def is_numeric(self, name: str) -> bool:
        """Return whether a column holds numbers or booleans."""
        return name in self._numbers or is_number_type(self.series(name))

    def numeric(self, name: str) -> Floats:
        """Return the values of a numeric column as float64; NaN where missing."""
        column: object = name
        if not isinstance(column, str) or name not in self._numbers:
            self._numbers[name] = self._as_numbers(name)
        return self._numbers[name]

    def _as_numbers(self, name: str) -> Floats:
        values = self.series(name)
        if not is_number_type(values):
            raise self._not_numeric(name)
        if values.dtype.kind == "c":
            raise InputTypeError(f"column {cited(name)} has complex numbers.")
        out = values.to_numpy(dtype=np.float64, na_value=np.nan)
        out.setflags(write=False)
        return out

    def _not_numeric(self, name: str) -> InputTypeError:
        values = self.series(name)
        odd, cells = self._texts(name)
        advice, column = _text_advice(odd), f"df[{cited(name)}]"
        if not self._share_of_numbers(name):
            advice = f"or number its labels in their order, {column}.map(...)"
        cure = f"use C({name}) for categories, {advice}"
        if not odd:
            odd = values.astype(str).unique()[:3].tolist()
            cells = f"first {quoted(odd)}"
            cure = f"convert it: {column} = pd.to_numeric({column})"
            if has_dates(values):
                cure = f"assign a number, such as panel[{cited(name)}].dt.year"
        return InputTypeError(
            f"column {cited(name)} is {values.dtype} and not numeric: {cells}; {cure}.",
            [text_problem(name, odd[:5])],
        )

    def text_among_numbers(self, left_out_by: str = "") -> list[Notice]:
        """Report columns of numbers in which some cells are text.

        Most cells must be numbers, or a tenth if `left_out_by` names a method that left
        the columns out.
        """
        problems, others = [], []
        for name, dtype in zip(self.data.columns, self.data.dtypes, strict=True):
            share = 0.0 if dtype.kind in "biufcmM" else self._share_of_numbers(name)
            if share <= (0.1 if left_out_by else 0.5):
                continue
            texts, what = self._texts(name)
            others += texts
            if texts or left_out_by:
                what = f"{cited(name)} has {what}"
                problems.append(text_problem(name, texts[:5], what))
        if not problems:
            return []
        beginning = f"{left_out_by} leaves out columns with " if left_out_by else ""
        advice = _text_advice(others)
        text = f"{beginning}text among numbers: {several(problems)}; {advice}."
        data = {"columns": tuple(p.data["column"] for p in problems)}
        return [Notice("text_among_numbers", text, data)]

    def _share_of_numbers(self, name: str) -> float:
        """Compute the share of numbers among a thousand cells of a column of text."""
        values = self.series(name)
        if isinstance(values.dtype, pd.CategoricalDtype):
            return 0.0
        cells = values.iloc[:: 1 + len(values) // 1000].dropna().to_numpy(dtype=object)
        numbers = sum(_is_number(cell) for cell in cells if not isinstance(cell, str))
        # Names repeat, and each is read once.
        texts = Counter(cell for cell in cells if isinstance(cell, str))
        numbers += sum(
            count
            for text, count in texts.items()
            if _is_number(text.strip(_PERCENT)) or has_thousands_separators(text)
        )
        return numbers / max(len(cells), 1)

    def _texts(self, name: str) -> tuple[list[str], str]:
        """List the texts of a column that are not numbers, and describe their rows."""
        values = self.series(name)
        bad = np.array([isinstance(v, str) and not _is_number(v) for v in values])
        texts = list(dict.fromkeys(values[bad]))
        if not texts:
            return [], f"numbers of type {values.dtype}"
        return texts, f"{quoted(texts, 3)} in {self.describe_rows(bad)}"

    def shift(self, values: Floats, periods: int) -> Floats:
        """Lag values (N,) within each entity.

        Missing where the entity has no row that many steps earlier.
        """
        ordinal, reach = self._steps_of_time()
        if abs(periods) > reach:
            return np.full(values.size, np.nan)

        # So far apart that no lag reaches another entity.
        span = int(ordinal.max()) + abs(periods) + 1
        positions = self.keys.entity * (2 * span) + ordinal
        sources = pd.Index(positions).get_indexer(pd.Index(positions - periods))
        return np.where(sources < 0, np.nan, values[sources])

    def _steps_of_time(self) -> tuple[np.ndarray[Any, np.dtype[np.intp]], int]:
        """Return the position of each row in time, from 0, and the longest lag."""
        keys = self.keys
        if keys.time_name is None:
            raise PanelIndexError(
                "lags need a time key, but this panel is a cross-section: Panel(df, "
                "entity=, time=)."
            )
        if keys.ordinals is None:
            raise PanelIndexError(
                f"the step of {cited(keys.time_name)} cannot be determined; pass it: "
                "Panel(..., step='M'), or step='min' for several times in an hour."
            )
        ordinal = keys.ordinals[keys.time]
        ordinal = ordinal - ordinal.min()
        if isinstance(self.step, int | np.integer):
            # Times off the grid of steps have larger positions than any lag reaches.
            return ordinal, int(keys.times[-1] - keys.times[0]) // int(self.step)
        return ordinal, int(ordinal.max())

    def describe_rows(self, bad: Bools) -> str:
        """Count rows and list the first."""
        return describe_rows(bad, self.keys.index)

    def with_columns(self, columns: Mapping[str, Any]) -> Table:
        """Add or replace columns."""
        data = self.data.copy(deep=False)
        for name, values in columns.items():
            data[name] = values
        return replace(self, data=data)

    def refuse_infinite(self, names: Collection[str]) -> None:
        """Refuse infinite values in some columns, all in one error."""
        problems = []
        for name, values in self.numbers.items():
            if name in names:
                text, infinite = f"column {cited(name)} is infinite", np.isinf(values)
                problems += row_problem(
                    "infinite", text, name, infinite, self.keys.index
                )
        if problems:
            raise MissingDataError(
                f"{several(problems)}. This is often the log of zero or a division by "
                "zero: correct it, or set the cells to missing with "
                "df.replace([numpy.inf, -numpy.inf], numpy.nan).",
                problems,
            )

    def keep(self, rows: Bools | Ints) -> Table:
        """Keep some rows, by a mask (N,) or by positions, which may be repeated."""
        data = self.data.iloc[rows].reset_index(drop=True)
        return replace(self, data=data, keys=self.keys.keep(rows))


def has_fractions(values: Floats) -> bool:
    """Return whether a value is no whole number."""
    return bool((np.abs(values - np.floor(values)) > 0).any())


def is_number_type(values: pd.Series[Any]) -> bool:
    """Return whether values have a numeric or boolean dtype."""
    return is_numeric_dtype(values.dtype) or is_bool_dtype(values.dtype)


def has_thousands_separators(text: str, separators: str = _ANY) -> bool:
    """Return whether a text is a number with thousands separators."""
    return _GROUPED[separators].fullmatch(text) is not None


def _text_advice(texts: Sequence[str]) -> str:
    """Advise how to read the texts in a column of numbers."""
    if not texts:
        return "convert them with pandas.to_numeric"
    grouped = [text for text in texts if has_thousands_separators(text)]
    # A number with a mark, such as 74.1*, is a value that na_values would lose.
    others = dict.fromkeys(t.strip() for t in texts if not re.search(r"\d", t))
    cures = ["correct these cells"]
    if grouped:
        separator = next(s for s in SEPARATORS if s in grouped[0].strip())
        cures.append(f"read {cited(grouped[0])} with thousands={separator!r}")
    if others:
        cures.append(f"read them as missing with na_values={[*others][:3]}")
    reader = " of Panel.from_excel or pandas.read_csv" if cures[1:] else ""
    return ", or ".join(cures) + reader + _percent_advice(texts)


def _percent_advice(texts: Sequence[str]) -> str:
    """Advise how to read numbers with percent signs."""
    for text in texts:
        if text.strip().endswith(_PERCENT_SIGNS):
            return f", or {cited(text)} by .str.strip('{_PERCENT}').astype(float)"
    return ""


def _is_number(cell: object) -> bool:
    """Return whether a cell is a number, or text that Python parses as one."""
    if not isinstance(cell, str):
        return isinstance(cell, Number | np.bool_)
    try:
        float(cell)
    except ValueError:
        return False
    return True
