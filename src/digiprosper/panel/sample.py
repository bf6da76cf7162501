"""Rows and columns of a panel for one system of equations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from digiprosper.errors import MissingDataError, Notice, cited, clipped, counted, quoted
from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.panel.grammar import backticked
from digiprosper.panel.keys import Keys, renumber_codes, rows_text
from digiprosper.report.terms import Factor
from digiprosper.report.verdicts import is_balanced


@dataclass(frozen=True, slots=True)
class Compared:
    """Rows that were dropped because a comparison inside a term is missing."""

    # Such as "I(year >= first)".
    term: str
    # Columns in the comparison that are missing.
    columns: tuple[str, ...]
    # Number of rows.
    count: int
    # Number of entities that lose all their rows.
    entities: int
    entity_name: str
    # The missing column, if the time key is compared with it.
    first: str | None = None

    def add(self, other: Compared) -> Compared:
        """Add the counts of another block of the table."""
        return replace(
            self,
            columns=tuple(dict.fromkeys([*self.columns, *other.columns])),
            count=self.count + other.count,
            entities=self.entities + other.entities,
        )

    @property
    def message(self) -> str:
        """Message: which comparison is missing in which rows, and what to do."""
        names, rows = quoted(self.columns), counted(self.count, "row")
        if self.entities:
            rows += f", with all rows of {self.entities:,} {self.entity_name}"
        text = (
            f"{clipped(self.term)} is missing where {names} is missing ({rows}), so "
            "these rows are dropped"
        )
        if self.first is None:
            return f"{text}. Fill {names} with assign() to keep them"
        return (
            f"{text}. If {cited(self.first)} is missing for entities that are never "
            f"treated, write treated({backticked(self.first)}), which is 0 for them "
            "and 1 from the first treated period on"
        )


@dataclass(frozen=True, slots=True)
class Dropped:
    """Rows that were dropped from a sample."""

    # Such as "missing" or "singleton".
    reason: str
    # Number of rows.
    count: int
    # Labels of the first five rows.
    rows: tuple[Any, ...]
    # Number of rows in which each term is missing, if the reason is missing values.
    by_term: Mapping[str, int] = field(default_factory=dict)
    # The terms among them in which a comparison is missing.
    compared: tuple[Compared, ...] = ()

    @property
    def message(self) -> str:
        """A sentence with the number, the reason and the first rows."""
        terms = ",".join(f" {clipped(t)} ({c})" for t, c in self.by_term.items())
        noun = "rows" if self.count > 1 else "row"
        text = (
            f"{self.count} {noun} dropped: {self.reason}{terms}; "
            f"first: {rows_text(self.rows)}"
        )
        return ". ".join([text, *(c.message for c in self.compared)])

    def add(self, other: Dropped) -> Dropped:
        """Add the rows of another block of the table."""
        by_term = {t: self.by_term.get(t, 0) + n for t, n in other.by_term.items()}
        compared = {c.term: c for c in self.compared}
        for c in other.compared:
            before = compared.get(c.term)
            compared[c.term] = c if before is None else before.add(c)
        return Dropped(
            self.reason,
            self.count + other.count,
            tuple(sorted([*self.rows, *other.rows])[:5]),
            by_term,
            tuple(compared.values()),
        )

    def empty_sample_error(self) -> MissingDataError:
        """Build the error for a sample without rows."""
        data = {"reason": self.reason, "by_term": self.by_term}
        return MissingDataError(
            f"the sample has no rows. {self.message}.",
            [Notice("no_rows", self.message, data)],
        )


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """The rows without missing values that all equations of a model use.

    `Panel.sample` makes it. Models take the outcome, regressors and codes of fixed
    effects and clusters from it.

    Parameters
    ----------
    matrix : (N, p) array
        Values of the p columns of all terms. A numeric term has one column; a category
        ``C(x)`` has one for each level except the first. Each column is contiguous in
        memory.
    names : tuple of str
        Names of the p columns, which are also the names of coefficients.
    roles : mapping
        For each role, the positions of its columns in `matrix`.
    entity, time : (N,) arrays of int
        Codes 0, 1, ... of the entity and the time of each row. Rows are sorted by
        entity, then time.
    codes : mapping
        For each cluster variable and absorbed effect, the (N,) array of its codes 0,
        1, ...
    code_levels : mapping
        For each of these terms, the values that the codes stand for.
    variables : mapping
        For each numeric column that a term uses, its (N,) values before any
        transformation. They may be missing.
    dropped : tuple of Dropped
        The rows that were dropped, and the reasons.
    categories : mapping
        For each term such as ``"C(region)"``, its column and the levels that occur in
        the sample.
    labels : mapping
        Labels of columns.
    keys : Keys
        Names of the keys, and the values of entities and times.
    lags : mapping
        For each column, the variable and the number of periods of each lag in its term.
    factors : mapping
        For each column and each term, the factors of which it is the product.
    where : str, optional
        The condition by which rows of the panel were chosen.
    is_block : bool
        Whether the rows are a part of a larger table, which may be empty.

    Examples
    --------
    >>> import digiprosper as dp
    >>> sample = dp.datasets.us_states().sample(
    ...     {"y": ["log(gsp)"], "x": ["log(pc)", "unemp"]}
    ... )
    >>> sample.names, sample.matrix.shape
    (('log(gsp)', 'log(pc)', 'unemp'), (816, 3))
    """

    matrix: Floats
    names: tuple[str, ...]
    roles: Mapping[str, tuple[int, ...]]
    entity: Ints
    time: Ints
    codes: Mapping[str, Ints]
    code_levels: Mapping[str, pd.Index[Any]]
    variables: Mapping[str, Floats]
    dropped: tuple[Dropped, ...]
    categories: Mapping[str, tuple[str, pd.Index[Any]]]
    labels: Mapping[str, str]
    keys: Keys
    lags: Mapping[str, tuple[tuple[str, int], ...]]
    factors: Mapping[str, tuple[Factor, ...]] = field(default_factory=dict)
    where: str | None = None
    is_block: bool = False

    @property
    def nobs(self) -> int:
        """Number of rows, N."""
        return len(self.matrix)

    @property
    def index(self) -> pd.Index[Any]:
        """Labels of the N rows."""
        return self.keys.index.view()

    @property
    def is_balanced(self) -> bool:
        """Whether every entity has a row in every period."""
        keys = self.keys
        return is_balanced(len(self.matrix), keys.entities.size, keys.times.size)

    @property
    def n_entities(self) -> int:
        """Number of entities."""
        return self.keys.entities.size

    @property
    def n_times(self) -> int:
        """Number of periods."""
        return self.keys.times.size

    @property
    def entities(self) -> pd.Index[Any]:
        """Entities in the order of their codes."""
        return self.keys.entities.view()

    @property
    def times(self) -> pd.Index[Any]:
        """Times in the order of their codes."""
        return self.keys.times.view()

    def columns(self, role: str) -> Floats:
        """Return the columns of a role.

        Parameters
        ----------
        role : str
            A role that was passed to `Panel.sample`, such as ``"x"``.

        Returns
        -------
        (N, k) array
            The k columns of the role (a copy).
        """
        return self.matrix.T[list(self.roles[role])].T

    def names_of(self, role: str) -> tuple[str, ...]:
        """Return the names of the columns of a role.

        Parameters
        ----------
        role : str
            A role that was passed to `Panel.sample`, such as ``"x"``.

        Returns
        -------
        tuple of str
            Names of the k columns.
        """
        return tuple([self.names[i] for i in self.roles[role]])

    def factors_of(self, name: str) -> tuple[Factor, ...]:
        """Return the factors of which a column is the product.

        Parameters
        ----------
        name : str
            Name of the column.

        Returns
        -------
        tuple of Factor
            The factors. A column that is not an interaction has one factor.
        """
        if name in self.factors:
            return self.factors[name]
        return (Factor(name, name, columns=(name,)),)

    def with_factors(self, made: Mapping[str, tuple[Factor, ...]]) -> Sample:
        """Register the factors of columns that a model computes from the sample.

        Parameters
        ----------
        made : mapping
            For each name of a computed column, its factors.

        Returns
        -------
        Sample
            A sample with the same rows and columns and with these factors.
        """
        return replace(self, factors={**self.factors, **made})

    def with_dummies(self, names: Iterable[str], dummies: Sequence[str]) -> Sample:
        """Register products of columns with dummies of a model, such as regimes'.

        Parameters
        ----------
        names : iterable of str
            Columns.
        dummies : sequence of str
            Names of the dummies.

        Returns
        -------
        Sample
            A sample with the factors of each product of a column and a dummy, such as
            ``"x:regime1"``.
        """
        pairs = product(names, dummies)
        return self.with_factors(
            {f"{n}:{d}": (*self.factors_of(n), Factor(d, d)) for n, d in pairs}
        )

    def keep(
        self,
        mask: Bools,
        reason: str,
        *,
        by_term: Mapping[str, int] | None = None,
        compared: Sequence[Compared] = (),
    ) -> Sample:
        """Keep some rows and add the others to `dropped`.

        Parameters
        ----------
        mask : (N,) array of bool
            Rows to keep.
        reason : str
            Why the others are dropped.
        by_term : mapping, optional
            If the reason is missing values: the number of rows in which each term is
            missing.
        compared : sequence of Compared
            The terms in which a comparison is missing.

        Returns
        -------
        Sample
            The rows that are kept. Their codes are again 0, 1, ... without gaps.

        Raises
        ------
        MissingDataError
            If no row would be left.
        """
        if mask.all():
            return self
        first = tuple(self.index[np.flatnonzero(~mask)[:5]])
        note = Dropped(
            reason, int((~mask).sum()), first, dict(by_term or {}), tuple(compared)
        )
        if not (mask.any() or self.is_block):
            raise note.empty_sample_error()

        keys = self.keys.keep(mask)
        # Codes of the keys stay those arrays.
        of_keys = {id(self.entity): (keys.entity, keys.entities)}
        of_keys[id(self.time)] = keys.time, keys.times
        codes, levels = {}, {}
        for term, code in self.codes.items():
            codes[term], levels[term] = of_keys.get(id(code)) or renumber_codes(
                code[mask], self.code_levels[term]
            )

        return replace(
            self,
            # Columns stay contiguous, as indexing by a mask does not leave them.
            matrix=self.matrix.T.compress(mask, axis=1).T,
            entity=keys.entity,
            time=keys.time,
            codes=codes,
            code_levels=levels,
            variables={n: v[mask] for n, v in self.variables.items()},
            dropped=(*self.dropped, note),
            keys=keys,
        )
