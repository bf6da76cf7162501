"""Indicators of an index, with their directions and dimensions."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from digiprosper.checks import check_type, one_problem, refuse_unknown
from digiprosper.errors import (
    DigiprosperError,
    IndicatorError,
    InputTypeError,
    Notice,
    cited,
    quoted,
    subject,
)
from digiprosper.report.pickling import PickledByName
from digiprosper.report.text import repeated
from digiprosper.specification import as_terms, one_term

Direction = Literal["+", "-"]

_FIELDS = ("indicator", "direction", "dimension", "unit")


@dataclass(frozen=True, slots=True)
class Indicator(PickledByName):
    """One indicator of an index: a column, its direction and its dimension.

    Parameters
    ----------
    name : str
        Column of the panel.
    direction : {"+", "-"}, default "+"
        ``"+"`` if a higher value is better, ``"-"`` if a lower value is better.
    dimension : str, default ""
        Name of the dimension of the index that the indicator belongs to.
    unit : str, default ""
        Unit of the column. It is shown in tables, and `IndexResults.audit` uses it to
        recognise amounts.
    goalposts : pair of float, optional
        Fixed minimum and maximum (low, high) for min-max scaling, in the unit of the
        column. The lower number comes first for both directions. Only
        ``scope="goalposts"`` uses them.

    Raises
    ------
    InputTypeError
        If `name`, `direction`, `dimension` or `unit` is not text.
    IndicatorError
        If the name is empty, the direction is not ``"+"`` or ``"-"``, or the goalposts
        are not two numbers with low < high.

    Examples
    --------
    >>> import digiprosper as dp
    >>> dp.Indicator("engel", "-", dimension="affluence", unit="%").direction
    '-'
    """

    name: str
    direction: Direction = "+"
    _: KW_ONLY
    dimension: str = ""
    unit: str = ""
    goalposts: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        for field in ("name", "dimension", "unit"):
            value = getattr(self, field)
            if not isinstance(value, str):
                raise InputTypeError(
                    f"indicator {cited(self.name)}: {field} must be text, not "
                    f"{type(value).__name__} ({cited(value)})."
                )
        if not self.name.strip():
            raise IndicatorError(
                "an indicator has no name; pass the name of its column."
            )
        direction: object = self.direction
        if not isinstance(direction, str) or direction not in ("+", "-"):
            raise one_problem(
                IndicatorError,
                "direction",
                f"indicator {cited(self.name)} has direction {cited(self.direction)}; "
                "use '+' where more is better, '-' where less is.",
                indicator=self.name,
                direction=self.direction,
            )
        if self.goalposts is not None:
            object.__setattr__(
                self, "goalposts", _check_goalposts(self.name, self.goalposts)
            )


def _check_goalposts(name: str, pair: Any) -> tuple[float, float]:
    try:
        low, high = (float(v) for v in pair)
    except (TypeError, ValueError):
        low = high = math.nan
    if not -math.inf < low < high < math.inf:
        raise one_problem(
            IndicatorError,
            "goalposts",
            f"indicator {cited(name)}: goalposts must be two ascending numbers (low, "
            f"high), not {cited(pair)}.",
            indicator=name,
        )
    return low, high


@dataclass(frozen=True, slots=True)
class IndicatorSystem(PickledByName):
    """All indicators of one index.

    Parameters
    ----------
    indicators : sequence of Indicator
        At least one indicator; each column at most once.

    Raises
    ------
    InputTypeError
        If an element is not an `Indicator`.
    IndicatorError
        If there is no indicator, or a column is listed twice.

    Examples
    --------
    >>> import digiprosper as dp
    >>> system = dp.IndicatorSystem(
    ...     [dp.Indicator("broadband"), dp.Indicator("price", "-")]
    ... )
    >>> system.names
    ('broadband', 'price')
    >>> len(system)
    2
    """

    indicators: Sequence[Indicator]

    def __post_init__(self) -> None:
        untyped: Any = self.indicators
        if isinstance(untyped, str | Mapping) or not isinstance(untyped, Iterable):
            raise InputTypeError(
                "IndicatorSystem takes a list of Indicator, not "
                f"{type(untyped).__name__}; for a mapping use "
                "IndicatorSystem.from_dict({dimension: {column: '+'}})."
            )
        items: tuple[Any, ...] = tuple(untyped)
        other_types = [i for i in items if not isinstance(i, Indicator)]
        if other_types:
            raise InputTypeError(
                "IndicatorSystem takes Indicator objects; convert "
                f"{quoted(other_types)} with Indicator(name)."
            )
        if not items:
            raise IndicatorError(
                "an index needs at least one indicator; the system is empty."
            )
        names = [i.name for i in items]
        twice = repeated(names)
        if twice:
            raise IndicatorError(
                f"{subject(twice, 'is')} listed more than once; keep each column in "
                "one place.",
                [
                    Notice(
                        "duplicate_indicator",
                        f"{cited(n)} is listed twice",
                        {"indicator": n},
                    )
                    for n in twice
                ],
            )
        object.__setattr__(self, "indicators", items)

    @classmethod
    def from_frame(cls, frame: pd.DataFrame) -> IndicatorSystem:
        """Make a system from a table with one row per indicator.

        Parameters
        ----------
        frame : DataFrame
            Table with columns ``indicator`` and ``direction``, and optionally
            ``dimension`` and ``unit``. Other columns are ignored. An empty cell is the
            empty text.

        Returns
        -------
        IndicatorSystem
            The indicators in the order of the rows.

        Raises
        ------
        InputTypeError
            If `frame` is not a DataFrame.
        ColumnError
            If the table has no column ``indicator`` or ``direction``.
        IndicatorError
            If a row is not a valid indicator. The message lists all such rows.

        Examples
        --------
        >>> import pandas as pd
        >>> import digiprosper as dp
        >>> table = pd.DataFrame(
        ...     {"indicator": ["ports", "price"], "direction": ["+", "-"]}
        ... )
        >>> dp.IndicatorSystem.from_frame(table).directions
        ('+', '-')
        """
        check_type(frame, pd.DataFrame, "from_frame takes a pandas DataFrame")
        refuse_unknown(_FIELDS[:2], frame.columns, "IndicatorSystem.from_frame")
        columns = [c for c in _FIELDS if c in frame.columns]
        fields = ("name", *columns[1:])
        rows = [
            {f: "" if pd.isna(v) else v for f, v in zip(fields, row, strict=True)}
            for row in frame[columns].itertuples(index=False, name=None)
        ]
        return cls(_make_indicators(rows))

    @classmethod
    def from_dict(
        cls, system: Mapping[str, Mapping[str, Direction]]
    ) -> IndicatorSystem:
        """Make a system from a mapping of dimensions to indicators.

        Parameters
        ----------
        system : mapping
            ``{dimension: {column: "+" or "-"}}``. Without dimensions use
            ``{"": {column: "+" or "-"}}``.

        Returns
        -------
        IndicatorSystem
            The indicators in the order of the mapping.

        Raises
        ------
        InputTypeError
            If `system` is not a mapping of mappings.
        IndicatorError
            If an entry is not a valid indicator. The message lists all such entries.

        Examples
        --------
        >>> import digiprosper as dp
        >>> system = dp.IndicatorSystem.from_dict(
        ...     {"users": {"broadband": "+"}, "cost": {"price": "-"}}
        ... )
        >>> system.dimensions
        ('users', 'cost')
        """
        untyped: object = system
        if not isinstance(untyped, Mapping) or not all(
            isinstance(v, Mapping) for v in untyped.values()
        ):
            raise InputTypeError(
                "from_dict takes {dimension: {column: '+' or '-'}}; without dimensions "
                "{'': {column: '+'}}."
            )
        return cls(
            _make_indicators(
                {"name": name, "direction": direction, "dimension": dimension}
                for dimension, members in system.items()
                for name, direction in members.items()
            )
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Columns of the indicators."""
        return tuple(i.name for i in self.indicators)

    @property
    def directions(self) -> tuple[Direction, ...]:
        """Direction of each column."""
        return tuple(i.direction for i in self.indicators)

    @property
    def dimensions(self) -> tuple[str, ...]:
        """Distinct dimensions, in the order of the indicators."""
        return tuple(dict.fromkeys(i.dimension for i in self.indicators))

    @property
    def positive(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Whether the direction is ``"+"``, (m,), one element per indicator."""
        return np.array([d == "+" for d in self.directions])

    def add(self, *indicators: str | Indicator) -> IndicatorSystem:
        """Add indicators at the end.

        Parameters
        ----------
        *indicators : str or Indicator
            A text is the name of a column with direction ``"+"``.

        Returns
        -------
        IndicatorSystem
            A new system.

        Raises
        ------
        InputTypeError
            If an argument is neither text nor an `Indicator`.
        IndicatorError
            If a column is in the system already.

        Examples
        --------
        >>> import digiprosper as dp
        >>> system = dp.IndicatorSystem.from_dict({"": {"ports": "+", "price": "-"}})
        >>> system.add("users").names
        ('ports', 'price', 'users')
        """
        added = [Indicator(i) if isinstance(i, str) else i for i in indicators]
        return IndicatorSystem([*self.indicators, *added])

    def swap(self, old: str, new: str) -> IndicatorSystem:
        """Replace the column of one indicator.

        Its direction, dimension, unit and goalposts stay.

        Parameters
        ----------
        old, new : str
            Column to replace, and the column that replaces it.

        Returns
        -------
        IndicatorSystem
            A new system with the indicators in the same order.

        Raises
        ------
        ColumnError
            If `old` is not in the system.
        IndicatorError
            If `new` is in the system already.

        Examples
        --------
        >>> import digiprosper as dp
        >>> system = dp.IndicatorSystem.from_dict({"": {"ports": "+", "price": "-"}})
        >>> system.swap("ports", "phones").names
        ('phones', 'price')
        """
        refuse_unknown([one_term(old, "old")], self.names, "swap")
        return IndicatorSystem(
            [replace(i, name=new) if i.name == old else i for i in self.indicators]
        )

    def drop(self, *names: str) -> IndicatorSystem:
        """Drop indicators.

        Parameters
        ----------
        *names : str
            Columns of the indicators to drop.

        Returns
        -------
        IndicatorSystem
            A new system with the other indicators.

        Raises
        ------
        ColumnError
            If a column is not in the system.
        IndicatorError
            If no indicator would be left.

        Examples
        --------
        >>> import digiprosper as dp
        >>> dp.IndicatorSystem.from_dict({"": {"ports": "+", "price": "-"}}).drop(
        ...     "price"
        ... ).names
        ('ports',)
        """
        names = as_terms(names, "drop()")
        refuse_unknown(names, self.names, "drop")
        return IndicatorSystem([i for i in self.indicators if i.name not in names])

    def to_frame(self) -> pd.DataFrame:
        """Return the system as a table.

        Returns
        -------
        DataFrame
            One row per indicator with columns indicator, direction, dimension and unit.
            `from_frame` reads such a table.

        Examples
        --------
        >>> import digiprosper as dp
        >>> dp.IndicatorSystem.from_dict(
        ...     {"users": {"phones": "+"}}
        ... ).to_frame().values.tolist()
        [['phones', '+', 'users', '']]
        """
        rows = [(i.name, i.direction, i.dimension, i.unit) for i in self.indicators]
        return pd.DataFrame(rows, columns=list(_FIELDS))

    def __iter__(self) -> Iterator[Indicator]:
        return iter(self.indicators)

    def __len__(self) -> int:
        return len(self.indicators)


def _make_indicators(rows: Iterable[Mapping[str, Any]]) -> list[Indicator]:
    """Make all indicators, or raise one error with all problems."""
    indicators: list[Indicator] = []
    problems: list[Notice] = []
    for row in rows:
        try:
            indicators.append(Indicator(**row))
        except DigiprosperError as error:
            problems.extend(error.problems)
    if problems:
        raise IndicatorError(" ".join(p.message for p in problems), problems)
    return indicators


# --- overlaps of two systems ----------------------------------------------------------


def overlap_audit(
    system_a: IndicatorSystem,
    system_b: IndicatorSystem,
    other_columns: Sequence[str] = (),
) -> pd.DataFrame:
    """Find indicators that are in two indices, or in an index and other regressors.

    If the outcome and a regressor of one model are indices with an indicator in common,
    they are correlated by construction.

    Parameters
    ----------
    system_a, system_b : IndicatorSystem
        The two systems, for example of the outcome and of the regressor.
    other_columns : sequence of str
        Other terms of the regression, none by default. A term such as ``"log(gdp)"``
        counts for each column in it.

    Returns
    -------
    DataFrame
        One row per indicator that occurs more than once. Column ``indicator`` has its
        name; ``system_a``, ``system_b`` and ``other_columns`` are True where it occurs;
        ``where`` lists these places as text. If nothing overlaps, the table has no
        rows.

    Raises
    ------
    InputTypeError
        If a system is not an `IndicatorSystem`, or `other_columns` is not a list of
        text.

    Examples
    --------
    >>> from digiprosper import IndicatorSystem
    >>> from digiprosper import overlap_audit
    >>> digital = IndicatorSystem.from_dict(
    ...     {"users": {"broadband": "+", "finance": "+"}}
    ... )
    >>> prosperity = IndicatorSystem.from_dict(
    ...     {"affluence": {"income": "+", "finance": "+"}}
    ... )
    >>> overlap_audit(digital, prosperity, ["log(income)"])[
    ...     ["indicator", "where"]
    ... ].values.tolist()
    [['finance', 'system_a (users), system_b (affluence)'],
     ['income', 'system_b (affluence), log(income)']]
    """
    for name, system in (("system_a", system_a), ("system_b", system_b)):
        check_type(system, IndicatorSystem, f"{name} must be an IndicatorSystem")
    others = as_terms(other_columns, "other_columns")

    rows = []
    for name in dict.fromkeys((*system_a.names, *system_b.names)):
        in_a = _where_used("system_a", system_a, name)
        in_b = _where_used("system_b", system_b, name)
        terms = [o for o in others if _contains_column(o, name)]
        used = bool(in_a), bool(in_b), bool(terms)
        if sum(used) > 1:
            rows.append((name, *used, ", ".join([*in_a, *in_b, *terms])))
    return pd.DataFrame(
        rows, columns=["indicator", "system_a", "system_b", "other_columns", "where"]
    )


def _where_used(label: str, system: IndicatorSystem, name: str) -> list[str]:
    return [
        f"{label} ({i.dimension})" if i.dimension else label
        for i in system
        if i.name == name
    ]


def _contains_column(term: str, name: str) -> bool:
    """Check whether a term contains a column (and not a function of that name)."""
    words = re.findall(r"`([^`]+)`|([^\W\d]\w*)(?!\w|\s*\()", term)
    return term.strip() == name or name in {quoted_ or word for quoted_, word in words}
