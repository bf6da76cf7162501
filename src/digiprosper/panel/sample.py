"""Rows and columns cut from a panel for one system of equations."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from digiprosper.errors import MissingDataError, Notice, clipped
from digiprosper.panel.keys import Keys, Mask, cut_codes, rows_text
from digiprosper.report.terms import Factor
from digiprosper.report.verdicts import is_balanced

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd

    from digiprosper.kernels import Floats, Ints

__all__ = ["Dropped", "Mask", "Sample"]


@dataclass(frozen=True, slots=True)
class Dropped:
    """Rows that left a sample.

    Parameters
    ----------
    reason : str
        Why.
    count : int
        How many.
    rows : tuple
        Labels of the first five.
    by_term : mapping
        For missing values: term to the number of rows where it is missing.
    """

    reason: str
    count: int
    rows: tuple[Any, ...]
    by_term: Mapping[str, int] = field(default_factory=dict)

    @property
    def message(self) -> str:
        """The same in words."""
        detail = "".join(f" {clipped(t)} ({c})," for t, c in self.by_term.items()).rstrip(",")
        return (
            f"{self.count} row{'s' * (self.count > 1)} dropped: {self.reason}{detail}; first: "
            f"{rows_text(self.rows)}"
        )


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One matrix of complete rows, what each column is for, and what was dropped.

    Parameters
    ----------
    matrix : (N, p) array
        One column a coefficient name, each in one piece of memory; a category takes several.
    names : tuple of str
        Names of the columns.
    roles : mapping
        Role to positions of its columns.
    entity, time : (N,) arrays of int
        Codes without gaps, rows sorted by entity, then time.
    codes : mapping
        Term to (N,) codes without gaps, for clusters and absorbed effects.
    code_levels : mapping
        Term to the values its codes stand for.
    variables : mapping
        Raw numeric columns inside the terms, by name; they may have missing values.
    index : Index
        Labels of the rows.
    dropped : tuple of Dropped
        What left, and why.
    categories : mapping
        ``"C(region)"`` as typed to its column and the levels it has in the sample.
    labels : mapping
        Labels of columns.
    keys : Keys
        Names of the keys and the values behind the codes.
    lags : mapping
        Name of a column to what each factor of its term is a lag of, and of how many periods, as `Term.lags`.
    factors : mapping
        Name of a column, and a term, absorbed effect or cluster as typed, to what it is a product of.

    Examples
    --------
    >>> import digiprosper as dp
    >>> sample = dp.datasets.us_states().sample({"y": ["log(gsp)"], "x": ["log(pc)", "unemp"]})
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
    index: pd.Index[Any]
    dropped: tuple[Dropped, ...]
    categories: Mapping[str, tuple[str, pd.Index[Any]]]
    labels: Mapping[str, str]
    keys: Keys
    lags: Mapping[str, tuple[tuple[str, int], ...]]
    factors: Mapping[str, tuple[Factor, ...]] = field(default_factory=dict)

    @property
    def nobs(self) -> int:
        """Rows."""
        return len(self.matrix)

    @property
    def is_balanced(self) -> bool:
        """Whether every entity is there in every period."""
        return is_balanced(self.nobs, self.n_entities, self.n_times)

    @property
    def n_entities(self) -> int:
        """Entities with at least one row."""
        return self.keys.entities.size

    @property
    def n_times(self) -> int:
        """Periods with at least one row."""
        return self.keys.times.size

    @property
    def entities(self) -> pd.Index[Any]:
        """Entity behind each entity code."""
        return self.keys.entities

    @property
    def times(self) -> pd.Index[Any]:
        """Time behind each time code."""
        return self.keys.times

    def columns(self, role: str) -> Floats:
        """Take the columns of a role.

        Parameters
        ----------
        role : str
            A key of the mapping the sample was asked with.

        Returns
        -------
        (N, k) array
            A copy.
        """
        return np.asarray(self.matrix.T[list(self.roles[role])].T)

    def names_of(self, role: str) -> tuple[str, ...]:
        """Name the columns of a role.

        Parameters
        ----------
        role : str
            A key of the mapping the sample was asked with.

        Returns
        -------
        tuple of str
            Coefficient names.
        """
        return tuple(self.names[i] for i in self.roles[role])

    def factors_of(self, name: str) -> tuple[Factor, ...]:
        """Give what a column is a product of.

        Parameters
        ----------
        name : str
            Coefficient name.

        Returns
        -------
        tuple of Factor
            The name itself where nothing else is known.
        """
        return self.factors.get(name, (Factor(name, name, columns=(name,)),))

    def with_factors(self, made: Mapping[str, tuple[Factor, ...]]) -> Sample:
        """Describe columns that a model makes of those of the sample.

        Parameters
        ----------
        made : mapping
            Name of a column to what it is a product of.

        Returns
        -------
        Sample
            The same rows and columns.
        """
        return replace(self, factors={**self.factors, **made})

    def with_dummies(self, names: Iterable[str], dummies: Sequence[str]) -> Sample:
        """Describe columns that a model multiplies by dummies of its own, such as those of regimes.

        Parameters
        ----------
        names : iterable of str
            Columns.
        dummies : sequence of str
            Names of the dummies.

        Returns
        -------
        Sample
            It knows the product ``"x:regime1"`` of each column and dummy.
        """
        pairs = product(names, dummies)
        return self.with_factors({f"{n}:{d}": (*self.factors_of(n), Factor(d, d)) for n, d in pairs})

    def keep(self, mask: Mask, reason: str, *, by_term: Mapping[str, int] | None = None) -> Sample:
        """Keep some rows and note the others.

        Parameters
        ----------
        mask : (N,) array of bool
            Rows to keep.
        reason : str
            Why the others go.
        by_term : mapping, optional
            For missing values, the count by term.

        Returns
        -------
        Sample
            Codes renumbered without gaps.

        Raises
        ------
        MissingDataError
            If no row would be left.
        """
        if mask.all():
            return self
        note = Dropped(reason, int((~mask).sum()), tuple(self.index[~mask][:5]), dict(by_term or {}))
        if not mask.any():
            raise MissingDataError(
                f"the sample has no rows. {note.message}.",
                [Notice("no_rows", note.message, {"reason": reason, "by_term": note.by_term})],
            )

        keys = self.keys.keep(mask)
        codes, levels = {}, {}
        for term, code in self.codes.items():
            if code is self.entity:
                codes[term], levels[term] = keys.entity, keys.entities
            elif code is self.time:
                codes[term], levels[term] = keys.time, keys.times
            else:
                codes[term], levels[term] = cut_codes(code[mask], self.code_levels[term])

        return replace(
            self,
            matrix=self.matrix.T[:, mask].T,
            entity=keys.entity,
            time=keys.time,
            codes=codes,
            code_levels=levels,
            variables={n: v[mask] for n, v in self.variables.items()},
            index=self.index[mask],
            dropped=(*self.dropped, note),
            keys=keys,
        )
