"""The composite index: a frozen specification, and fitting it."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, fields
from typing import TYPE_CHECKING, Any

from digiprosper.composite.frames import fit_frame, is_frame
from digiprosper.composite.indicators import IndicatorSystem
from digiprosper.composite.notices import component_remarks, weight_remarks, zero_remarks
from digiprosper.composite.options import OPTIONS, read_option, refuse_contradictions
from digiprosper.composite.recipe import Recipe
from digiprosper.composite.results import IndexResults, ScoredRows
from digiprosper.composite.rows import cut_rows, dropped_rows
from digiprosper.composite.scopes import read_scope
from digiprosper.composite.state import State, learn, state_sums
from digiprosper.errors import InputTypeError, cited, issue, plain
from digiprosper.panel import Panel
from digiprosper.specification import Specification

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from digiprosper.composite.indicators import Indicator
    from digiprosper.composite.kernels.aggregate import Aggregation
    from digiprosper.composite.kernels.normalise import Normalisation
    from digiprosper.composite.kernels.structure import IndexStructure
    from digiprosper.composite.kernels.uncertainty import EntitySums
    from digiprosper.composite.options import IndexMissing
    from digiprosper.composite.scopes import Scope
    from digiprosper.composite.weights import Weighting
    from digiprosper.kernels import Floats
    from digiprosper.panel import Sample

__all__ = ["CompositeIndex"]


@dataclass(frozen=True, slots=True)
class CompositeIndex(Specification):
    """Make one index from many indicators.

    Parameters
    ----------
    system : IndicatorSystem
        Columns, directions, dimensions, goalposts.
    scope : str, default "pooled"
        Which rows end points and weights are learned from. ``"pooled"``: all. ``"per_year"``: each year's
        own. ``"pooled_norm_yearly_weights"``: end points from all, weights year by year.
        ``"base_year(2011)"``: the rows of one year. ``"expanding"``: year t from the years up to t.
        ``"goalposts"``: end points as the indicators give them, weights from all rows. ``"legacy_lnT"``: a
        wrong script, to replicate; warns.
    normalise : {"minmax", "zscore", "rank", "max", "none"}, default "minmax"
        ``minmax`` (x - min) / (max - min), turned round for ``"-"``. ``zscore`` (x - mean) / sd, with n - 1,
        the sign turned. ``rank`` from 0 to 1, ties sharing. ``max`` x / max and min / x. ``none``: values as
        given.
    shift : float, default 0.0
        Added to normalised values before the logarithm of entropy weights; scores never use it.
    weighting : {"entropy", "critic", "cv", "std", "pca", "equal"} or mapping, default "entropy"
        How columns are weighed (see `entropy_weights` and its neighbours), or ``{indicator: weight}``; given
        weights are divided by their sum.
    structure : {"flat", "nested", "equal_dimensions"}, default "flat"
        ``flat``: all indicators at once. ``nested``: inside each dimension, then the dimensions' scores in
        the same way. ``equal_dimensions``: inside each dimension, every dimension counting alike.
    aggregate : {"linear", "geometric", "topsis"}, default "linear"
        Weighted sum, weighted product, or relative closeness to the best values.
    missing : {"raise", "drop"}, default "raise"
        Refuse missing cells, or leave out rows that have any (listwise). `Panel.interpolate` fills and logs.
    name : str, default "index_score"
        Name of the scores, and of the column that `Panel.attach` makes of them.

    Raises
    ------
    InputTypeError
        If the system is not an `IndicatorSystem` or the name is not text.
    OptionError
        If an option has an unknown word, or options contradict each other: the message says which to change.
    IndicatorError
        If ``scope="goalposts"`` and an indicator has none.

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
    scope: Scope | str = "pooled"
    normalise: Normalisation = "minmax"
    shift: float = 0.0
    weighting: Weighting | Mapping[str, float] | tuple[tuple[str, float], ...] = "entropy"
    structure: IndexStructure = "flat"
    aggregate: Aggregation = "linear"
    missing: IndexMissing = "raise"
    name: str = "index_score"

    def __post_init__(self) -> None:
        for field in fields(self):
            object.__setattr__(self, field.name, plain(getattr(self, field.name)))
        if not isinstance(self.system, IndicatorSystem):
            raise InputTypeError(
                f"CompositeIndex takes an IndicatorSystem, not {type(self.system).__name__}; "
                "make one with IndicatorSystem.from_dict({dimension: {column: '+'}})."
            )
        for option in OPTIONS:
            value = read_option(option, getattr(self, option), self.system.names)
            object.__setattr__(self, option, value)
        name: object = self.name
        if not isinstance(name, str) or not name:
            raise InputTypeError(f"name={cited(name)}: the name of the scores must be a non-empty text.")
        refuse_contradictions(self.recipe)

    @property
    def recipe(self) -> Recipe:
        """The options as values: what computing needs to know."""
        given = self.weighting if isinstance(self.weighting, tuple) else ()
        return Recipe(
            system=self.system,
            scope=read_scope(self.scope),
            normalise=self.normalise,
            shift=self.shift,
            weighting="given" if given else str(self.weighting),
            given=given,
            structure=self.structure,
            aggregation=self.aggregate,
            missing=self.missing,
            name=self.name,
        )

    @property
    def given_weights(self) -> Floats | None:
        """Weights given by the caller in the order of the system, adding up to one; None otherwise."""
        return self.recipe.given_weights

    @property
    def terms(self) -> tuple[str, ...]:
        """Columns that the index reads."""
        return self.system.names

    def add(self, *indicators: str | Indicator) -> Self:
        """Add indicators at the end.

        Parameters
        ----------
        *indicators : str or Indicator
            A text is a column in which more is better.

        Returns
        -------
        CompositeIndex
            A new specification.

        Raises
        ------
        OptionError
            If weights are given: change them at the same time, with `replace`.
        """
        return self.replace(system=self.system.add(*indicators))

    def drop(self, *names: str) -> Self:
        """Leave indicators out; given weights of the others keep their proportions.

        Parameters
        ----------
        *names : str
            Columns.

        Returns
        -------
        CompositeIndex
            A new specification.

        Raises
        ------
        ColumnError
            If a column is not in the system.
        IndicatorError
            If none would be left.
        """
        given = self.weighting
        if isinstance(given, tuple):
            given = tuple((n, w) for n, w in given if n not in names)
        return self.replace(system=self.system.drop(*names), weighting=given)

    def swap(self, old: str, new: str) -> Self:
        """Read another column in the place of one; its direction, dimension and weight stay.

        Parameters
        ----------
        old, new : str
            Columns.

        Returns
        -------
        CompositeIndex
            A new specification.

        Raises
        ------
        ColumnError
            If the first is not in the system.
        """
        given = self.weighting
        if isinstance(given, tuple):
            given = tuple((new if n == old else n, w) for n, w in given)
        return self.replace(system=self.system.swap(old, new), weighting=given)

    def fit(self, panel: Any, *, rng: object = None, progress: bool = False) -> IndexResults:
        """Learn end points and weights, and score every row.

        Parameters
        ----------
        panel : Panel, or a table that narwhals reads
            Has every indicator as a numeric column. A table that is no Panel (pandas, polars eager or lazy,
            pyarrow, a DuckDB relation, PySpark) is read in two aggregate queries, so that it may be larger
            than memory: entropy weights, min-max, linear, flat, scope ``"pooled"`` or ``"goalposts"``; no
            scores (use `IndexResults.apply`) and no sampling errors.
        rng : optional
            Not used: weights are not drawn here. Taken so that every specification is called alike.
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
            If a column is not numeric, all are constant, or the options are not defined for its values.
        MissingDataError
            If cells are missing and `missing` is ``"raise"``, or no row is left.
        OptionError
            If the scope needs periods that the panel does not have.

        Warns
        -----
        IndicatorWarning
            If an indicator is constant or has a negative weight, the shift is .01 or more, a weight exceeds
            three equal shares, a product is zero, or the scope is ``"legacy_lnT"``.
        MissingDataWarning
            If rows were dropped, or interpolated cells look ahead under ``"expanding"``.
        """
        del rng, progress
        recipe = self.recipe
        if not isinstance(panel, Panel) and is_frame(panel):
            learned, nobs, remarks = fit_frame(recipe, panel)
            return IndexResults(
                spec=self,
                state=State((learned,), None),
                entity_sums=None,
                scored=ScoredRows(nobs=nobs),
                diagnostics=remarks,
            )

        sample = cut_rows(recipe, panel)
        state = learn(recipe, sample)
        placed = state.place(recipe, sample)
        values = state.scores(recipe, placed, sample.index)
        sums = _sums(recipe, state, sample)

        weighings = [p.weighing for p in state.learned]
        periods = () if state.periods is None else tuple(state.periods)
        notices = [
            *dropped_rows(sample),
            *weight_remarks(recipe.names, weighings, recipe.rule(sample.n_times), periods),
            *zero_remarks(values, recipe.aggregation),
            *component_remarks(sums),
            *recipe.scope.notices(panel.imputations, recipe.names),
        ]
        issue(notices)
        return IndexResults(
            spec=self,
            state=state,
            entity_sums=sums,
            scored=ScoredRows(
                nobs=sample.nobs,
                score_values=values,
                dimension_values=state.dimension_scores(recipe.groups, placed),
                index=sample.index,
                n_entities=sample.n_entities,
                n_times=sample.n_times,
            ),
            diagnostics=tuple(notices),
        )


def _sums(recipe: Recipe, state: State, sample: Sample) -> EntitySums | None:
    """Sum by entity where the sums are enough to weigh again: one state, no nesting, no wrong weights."""
    if state.periods is not None or recipe.nested or recipe.scope.replication_only:
        return None
    return state_sums(recipe, state, sample)[0]
