"""The composite index: a frozen specification, and what fitting it learns."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Final, Literal, cast

import numpy as np
import pandas as pd

from digiprosper.composite.aggregate import AGGREGATIONS, Aggregation
from digiprosper.composite.indicators import IndicatorSystem
from digiprosper.composite.normalise import NORMALISATIONS, EndPoints, Normalisation
from digiprosper.composite.weights import WEIGHTINGS, Weighing, Weighting, check_shift
from digiprosper.errors import (
    IndicatorError,
    InputTypeError,
    Notice,
    OptionError,
    check_option,
    issue,
    quoted,
    unknown_columns,
)
from digiprosper.kernels.dispersion import entity_sums
from digiprosper.panel import Panel, Sample

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CompositeIndex", "EntitySums", "IndexMissing", "IndexResults", "IndexStructure", "Scope"]

Scope = Literal["pooled"]
IndexStructure = Literal["flat"]
IndexMissing = Literal["raise", "drop"]

_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "scope": ("pooled",),
    "normalise": tuple(NORMALISATIONS),
    "weighting": tuple(WEIGHTINGS),
    "structure": ("flat",),
    "aggregate": tuple(AGGREGATIONS),
    "missing": ("raise", "drop"),
}


@dataclass(frozen=True, slots=True)
class CompositeIndex:
    """Make one index from many indicators.

    Parameters
    ----------
    system : IndicatorSystem
        Columns, directions, dimensions.
    scope : {"pooled"}, default "pooled"
        Where end points and entropies are taken from: all rows of the panel at once, so that scores can be
        compared over entities and years.
    normalise : {"minmax"}, default "minmax"
        (x - min) / (max - min), turned round for ``"-"``.
    shift : float, default 0.0
        Added to normalised values before the logarithm of the weights; scores never use it.
    weighting : {"entropy"}, default "entropy"
        Entropy weights: see `entropy_weights`.
    structure : {"flat"}, default "flat"
        All indicators at once; a dimension's weight is the sum over its indicators.
    aggregate : {"linear"}, default "linear"
        Sum of weight times normalised indicator, in [0, 1].
    missing : {"raise", "drop"}, default "raise"
        Refuse missing cells, or leave out rows that have any (listwise). `Panel.interpolate` fills and logs.
    name : str, default "index_score"
        Name of the scores, and of the column that `Panel.attach` makes of them.

    Raises
    ------
    InputTypeError
        If the system is not an `IndicatorSystem` or the name is not text.
    OptionError
        If an option has an unknown word, or the shift is not a number >= 0.

    Examples
    --------
    >>> import pandas as pd
    >>> import digiprosper as dp
    >>> table = pd.DataFrame({"region": ["a", "a", "b"], "year": [2019, 2020, 2020],
    ...                       "ports": [1.0, 2, 3], "users": [5.0, 9, 9], "price": [7.0, 7, 4]})
    >>> system = dp.IndicatorSystem.from_dict({"": {"ports": "+", "users": "+", "price": "-"}})
    >>> index = dp.CompositeIndex(system, name="digital").fit(dp.Panel(table, entity="region", time="year"))
    >>> index.scores.round(4).tolist()
    [0.0, 0.3237, 1.0]
    >>> index.weights["weight"].round(4).tolist()
    [0.235, 0.2062, 0.5588]
    """

    system: IndicatorSystem
    _: KW_ONLY
    scope: Scope = "pooled"
    normalise: Normalisation = "minmax"
    shift: float = 0.0
    weighting: Weighting = "entropy"
    structure: IndexStructure = "flat"
    aggregate: Aggregation = "linear"
    missing: IndexMissing = "raise"
    name: str = "index_score"

    def __post_init__(self) -> None:
        if not isinstance(self.system, IndicatorSystem):
            raise InputTypeError(
                f"CompositeIndex takes an IndicatorSystem, not {type(self.system).__name__}; "
                "make one with IndicatorSystem.from_dict({dimension: {column: '+'}})."
            )
        for option, allowed in _WORDS.items():
            check_option(option, getattr(self, option), allowed)
        check_shift(self.shift)
        name: object = self.name
        if not isinstance(name, str) or not name:
            raise InputTypeError(f"name={name!r}: the name of the scores is a text that is not empty.")

    def replace(self, **changes: Any) -> CompositeIndex:
        """Copy with some fields changed.

        Parameters
        ----------
        **changes
            Fields of the constructor.

        Returns
        -------
        CompositeIndex
            A new specification.

        Raises
        ------
        OptionError
            If there is no such field.
        """
        known = [f.name for f in fields(self)]
        unknown = [n for n in changes if n not in known]
        if unknown:
            raise OptionError(f"CompositeIndex has no field {quoted(unknown)}; it has {quoted(known, 30)}.")
        return replace(self, **changes)

    def fit(self, panel: Panel, *, rng: object = None, progress: bool = False) -> IndexResults:
        """Learn end points and weights, and score every row.

        Parameters
        ----------
        panel : Panel
            Has every indicator as a numeric column.
        rng : optional
            Not used: entropy weights are not drawn. Taken so that every specification is called alike.
        progress : bool, default False
            Not used.

        Returns
        -------
        IndexResults
            Scores, weights, end points.

        Raises
        ------
        ColumnError
            If the panel has no such column.
        IndicatorError
            If a column is not numeric, or all are constant.
        MissingDataError
            If cells are missing and `missing` is ``"raise"``, or no row is left.

        Warns
        -----
        IndicatorWarning
            If an indicator is constant, the shift is .01 or more, or a weight exceeds three equal shares.
        MissingDataWarning
            If rows were dropped.
        """
        del rng, progress
        sample = _cut(self, panel)
        x = sample.columns("indicators")
        ends = NORMALISATIONS[self.normalise](x)
        z = ends.apply(x, _positive(self.system))
        weighing = WEIGHTINGS[self.weighting](z, self.system.names, self.shift)
        rows, total, z_log_z = entity_sums(z + self.shift, sample.entity, sample.n_entities)
        notices = (*_dropped(sample), *weighing.notices)
        issue(notices)
        return IndexResults(
            spec=self,
            end_points=ends,
            weighing=weighing,
            entity_sums=EntitySums(sample.entities, rows, total, z_log_z),
            values=AGGREGATIONS[self.aggregate](z, weighing.weights),
            index=sample.index,
            n_times=sample.n_times,
            diagnostics=notices,
        )


@dataclass(frozen=True, slots=True, eq=False)
class EntitySums:
    """What the weights need to know about each entity, so that entities can be drawn again without the panel.

    Parameters
    ----------
    entities : Index
        The n entities.
    rows : ndarray, shape (n,)
        Rows of each.
    total, z_log_z : ndarray, shape (n, m)
        Sums of z and z ln z over the entity's rows, z normalised and shifted.
    """

    entities: pd.Index[Any]
    rows: np.ndarray[Any, np.dtype[np.intp]]
    total: np.ndarray[Any, np.dtype[np.float64]]
    z_log_z: np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True, slots=True, eq=False)
class IndexResults:
    """A fitted index: scores, weights, and the end points that score other panels.

    Made by `CompositeIndex.fit`. Holds no panel.

    Parameters
    ----------
    spec : CompositeIndex
        What was fitted.
    end_points : EndPoints
        Learned range of each indicator.
    weighing : Weighing
        Weights and entropies, in the order of the system.
    entity_sums : EntitySums
        Sums by entity.
    values : ndarray, shape (N,)
        Scores.
    index : Index
        Labels of the rows.
    n_times : int
        Periods with at least one row.
    diagnostics : tuple of Notice
        What was noticed.
    """

    spec: CompositeIndex
    end_points: EndPoints
    weighing: Weighing
    entity_sums: EntitySums
    values: np.ndarray[Any, np.dtype[np.float64]]
    index: pd.Index[Any]
    n_times: int
    diagnostics: tuple[Notice, ...]

    @property
    def scores(self) -> pd.Series[float]:
        """Scores, named by the specification and indexed by (entity, time): ready for `Panel.attach`."""
        return pd.Series(self.values.copy(), index=self.index, name=self.spec.name)

    @property
    def weights(self) -> pd.DataFrame:
        """One row an indicator: dimension, direction, entropy, redundancy, weight."""
        table = self.spec.system.to_frame().set_index("indicator")[["dimension", "direction"]]
        return table.assign(
            entropy=self.weighing.entropy, redundancy=self.weighing.redundancy, weight=self.weighing.weights
        )

    @property
    def nobs(self) -> int:
        """Rows in use."""
        return int(self.values.size)

    def apply(self, panel: Panel) -> pd.Series[float]:
        """Score a panel with the end points and weights learned here.

        Parameters
        ----------
        panel : Panel
            Any panel with the same indicators: later years, other regions.

        Returns
        -------
        Series
            Scores. Values beyond the learned end points give scores beyond [0, 1]; nothing is clipped.

        Raises
        ------
        ColumnError
            If the panel has no such column.
        IndicatorError
            If a column is not numeric.
        MissingDataError
            If cells are missing and the specification says ``"raise"``.

        Examples
        --------
        >>> import digiprosper as dp
        >>> states = dp.datasets.us_states()
        >>> system = dp.IndicatorSystem.from_dict({"": {"hwy": "+", "water": "+"}})
        >>> early = dp.CompositeIndex(system).fit(states.subset("year <= 1980"))
        >>> bool(early.apply(states).max() > early.scores.max())
        True
        """
        sample = _cut(self.spec, panel)
        issue(_dropped(sample))
        z = self.end_points.apply(sample.columns("indicators"), _positive(self.spec.system))
        values = AGGREGATIONS[self.spec.aggregate](z, self.weighing.weights)
        return pd.Series(values, index=sample.index, name=self.spec.name)

    def summary(self) -> str:
        """Show the weights, and the conventions in the last line.

        Returns
        -------
        str
            A text table.
        """
        spec, table = self.spec, self.weights.round(4).reset_index()
        if not any(table["dimension"]):
            table = table.drop(columns="dimension")
        size = f"{self.nobs} rows, {len(self.entity_sums.entities)} entities, {self.n_times} periods"
        remarks = [f"! {n.message}" for n in self.diagnostics]
        conventions = (
            f"{spec.scope} {spec.normalise}; {spec.weighting} weights, entropy over ln {self.nobs}, "
            f"shift {spec.shift:g}; {spec.structure}, {spec.aggregate}; missing {spec.missing}"
        )
        return "\n".join(
            [f"Composite index {spec.name!r}: {size}", table.to_string(index=False), *remarks, conventions]
        )

    def to_dict(self) -> dict[str, Any]:
        """Give the specification, end points and weights as JSON-safe data.

        Returns
        -------
        dict
            Keys schema, kind, spec, indicators, nobs, n_entities, n_times, diagnostics. Scores are not in it:
            `apply` gives them.
        """
        options = {f.name: getattr(self.spec, f.name) for f in fields(self.spec) if f.name != "system"}
        learned = self.weights.assign(low=self.end_points.low, high=self.end_points.high)
        units = [i.unit for i in self.spec.system]
        rows = cast("list[dict[str, Any]]", learned.assign(unit=units).reset_index().to_dict("records"))
        return {
            "schema": 1,
            "kind": "composite_index",
            "spec": options,
            "indicators": rows,
            "nobs": self.nobs,
            "n_entities": len(self.entity_sums.entities),
            "n_times": self.n_times,
            "diagnostics": [{"code": n.code, "message": n.message} for n in self.diagnostics],
        }

    def __repr__(self) -> str:
        return self.summary()


def _positive(system: IndicatorSystem) -> np.ndarray[Any, np.dtype[np.bool_]]:
    return np.array([d == "+" for d in system.directions])


def _cut(spec: CompositeIndex, panel: Panel) -> Sample:
    if not isinstance(panel, Panel):
        raise InputTypeError(
            f"CompositeIndex takes a Panel, not {type(panel).__name__}: Panel(df, entity='id', time='year')."
        )
    names, frame = spec.system.names, panel.frame
    absent = [n for n in names if n not in frame.columns]
    if absent:
        raise unknown_columns(absent, frame.columns, "the indicator system")
    text = [n for n in names if not pd.api.types.is_numeric_dtype(frame[n].dtype)]
    if text:
        raise IndicatorError(
            f"indicator {quoted(text)} is not numeric; convert it with pandas.to_numeric first.",
            [Notice("not_numeric", f"{n!r} is not numeric", {"indicator": n}) for n in text],
        )
    return panel.sample({"indicators": names}, missing=spec.missing)


def _dropped(sample: Sample) -> tuple[Notice, ...]:
    return tuple(
        Notice("missing_rows", d.message, {"count": d.count, "rows": d.rows, "by_term": dict(d.by_term)})
        for d in sample.dropped
    )
