"""What fitting an index gives: scores, weights with their errors, and the state that scores other panels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal, overload

import numpy as np
import pandas as pd

from digiprosper.composite.audits import Audited, audit_index
from digiprosper.composite.cells import refuse_cells
from digiprosper.composite.frames import apply_frame, is_frame
from digiprosper.composite.kernels.ranking import descending_ranks
from digiprosper.composite.notices import zero_remarks
from digiprosper.composite.rows import cut_rows, dropped_rows
from digiprosper.errors import (
    MOST_DRAWS,
    IndicatorError,
    Notice,
    OptionError,
    check_level,
    check_option,
    check_whole,
    cited,
    issue,
    quoted,
)
from digiprosper.kernels import intervals
from digiprosper.kernels.resampling import seed_sequence
from digiprosper.panel import Panel
from digiprosper.report.notices import lost_draws, too_few_clusters_to_draw
from digiprosper.report.pickling import PickledByName
from digiprosper.report.summary import Cells, Lines, PlainNumbers, Summarised, Summary

if TYPE_CHECKING:
    from digiprosper.composite.kernels.uncertainty import EntitySums
    from digiprosper.composite.recipe import HasRecipe, Recipe
    from digiprosper.composite.state import Placed, State
    from digiprosper.kernels import Floats

__all__ = ["IndexResults", "ScoredRows", "WeightErrors"]

WeightErrors = Literal["delta", "jackknife", "bootstrap"]
_METHODS: Final = ("delta", "jackknife", "bootstrap")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ScoredRows(PickledByName):
    """The rows an index was fitted on, with their scores.

    Parameters
    ----------
    nobs : int
        Rows in use.
    score_values : ndarray, shape (N,), or None
        Scores. All but `nobs` is None when a table was fitted that is no Panel.
    dimension_values : ndarray, shape (N, K), or None
        Scores of the dimensions.
    index : Index or None
        Labels of the rows.
    n_entities, n_times : int or None
        Entities and periods with at least one row.
    """

    nobs: int
    score_values: np.ndarray[Any, np.dtype[np.float64]] | None = None
    dimension_values: np.ndarray[Any, np.dtype[np.float64]] | None = None
    index: pd.Index[Any] | None = None
    n_entities: int | None = None
    n_times: int | None = None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class IndexResults(Summarised, PickledByName):
    """A fitted index: scores, weights, and what scores other panels.

    Made by `CompositeIndex.fit`. Holds no panel. A table of weights has one row an indicator; a table of
    scores or contributions one row of the panel.

    Parameters
    ----------
    spec : CompositeIndex
        What was fitted.
    state : State
        Scale and weights: one of each, or one a period.
    entity_sums : EntitySums or None
        Sums by entity from which weights are drawn again; None where sums are not enough.
    scored : ScoredRows
        The rows with their scores; its fields are attributes of the results, too.
    diagnostics : tuple of Notice
        What was noticed.

    Examples
    --------
    >>> import digiprosper as dp
    >>> states = dp.datasets.us_states().assign(roads="I(hwy / emp)", pipes="I(water / emp)")
    >>> system = dp.IndicatorSystem.from_dict({"": {"roads": "+", "pipes": "+"}})
    >>> index = dp.CompositeIndex(system).fit(states)
    >>> index.weights[["weight", "std_error"]].round(3).values.tolist()
    [[0.631, 0.061], [0.369, 0.061]]
    """

    spec: HasRecipe
    state: State
    entity_sums: EntitySums | None
    scored: ScoredRows
    diagnostics: tuple[Notice, ...]

    @property
    def values(self) -> Floats | None:
        """Scores as an (N,) array; None when a table was fitted that is no Panel."""
        return self.scored.score_values

    @property
    def dimension_values(self) -> Floats | None:
        """Scores of the dimensions as an (N, K) array; None when a table was fitted that is no Panel."""
        return self.scored.dimension_values

    @property
    def index(self) -> pd.Index[Any] | None:
        """Labels of the rows; None when a table was fitted that is no Panel."""
        return self.scored.index

    @property
    def nobs(self) -> int:
        """Rows in use."""
        return self.scored.nobs

    @property
    def n_entities(self) -> int | None:
        """Entities with at least one row."""
        return self.scored.n_entities

    @property
    def n_times(self) -> int | None:
        """Periods with at least one row."""
        return self.scored.n_times

    @property
    def recipe(self) -> Recipe:
        """The options of what was fitted, as values."""
        return self.spec.recipe

    @property
    def scores(self) -> pd.Series[float]:
        """Scores, named by the specification and indexed by (entity, time): ready for `Panel.attach`."""
        return pd.Series(_there(self.values).copy(), index=self.index, name=self.recipe.name)

    @property
    def dimension_scores(self) -> pd.DataFrame:
        """One column a dimension: sum of w z over the sum of w inside it; missing where it has no weight."""
        names = pd.Index(self.recipe.system.dimensions, name="dimension")
        return pd.DataFrame(_there(self.dimension_values).copy(), index=self.index, columns=names)

    @property
    def weights(self) -> pd.DataFrame:
        """One row an indicator: dimension, direction, entropy, redundancy, weight, std_error.

        `weight` is the effective weight and adds up to one; with yearly weights, its mean over the years, as
        are entropy and redundancy (missing when entropy plays no part). `std_error` is clustered by entity
        and holds the end points fixed; missing where sums by entity are not enough (nested structure, yearly
        weights, the ln T script) and for PCA weights whose components may change within the sampling error
        (``"unstable_components"`` in `diagnostics`), 0 where weights are not estimated.
        """
        table = self.recipe.system.to_frame().set_index("indicator")[["dimension", "direction"]]
        return table.assign(
            entropy=self.state.entropy,
            redundancy=self.state.redundancy,
            weight=self.state.weights.mean(axis=0),
            std_error=self._delta_errors(),
        )

    @property
    def weights_by_year(self) -> pd.DataFrame | None:
        """Years by indicators where each year has its own weights; None otherwise."""
        if self.state.periods is None:
            return None
        return pd.DataFrame(self.state.weights, index=self.state.periods, columns=self._indicators)

    @property
    def end_points(self) -> pd.DataFrame:
        """What the scale rests on: low and high of every indicator, mean and sd for z-scores.

        Indexed by indicator; by (time, indicator) where each year has its own.
        """
        tables = [pd.DataFrame(part.scale.table, index=self._indicators) for part in self.state.learned]
        if not self.recipe.scope.scale_by_period:
            return tables[0]
        return pd.concat(tables, keys=self.state.periods)

    @property
    def _indicators(self) -> pd.Index[str]:
        return pd.Index(self.recipe.names, name="indicator")

    def ranks(self) -> pd.DataFrame:
        """Rank the scores, 1 the best; ties (within rounding) share the smaller number.

        Returns
        -------
        DataFrame
            Columns ``per_year`` (among the rows of the same period) and ``pooled`` (among all rows; missing
            under ``scope="per_year"``, whose scores cannot be compared between years).
        """
        scores = self.scores
        values = np.asarray(_there(self.values))[None]
        every = np.arange(self.nobs)
        groups = [every]
        if scores.index.nlevels == 2:
            periods = pd.factorize(scores.index.get_level_values(1))[0]
            groups = [np.flatnonzero(periods == t) for t in range(int(periods.max()) + 1)]
        table = pd.DataFrame(
            {
                "per_year": descending_ranks(values, groups)[0],
                "pooled": descending_ranks(values, [every])[0],
            },
            index=scores.index,
        ).astype("Int64")
        if not self.recipe.scope.comparable_years:
            table["pooled"] = pd.NA
        return table.astype("Int64")

    @overload
    def apply(self, panel: Panel) -> pd.Series[float]: ...

    @overload
    def apply(self, panel: Any) -> Any: ...

    def apply(self, panel: Any) -> Any:
        """Score rows with the end points and weights learned here.

        Parameters
        ----------
        panel : Panel, or a table that narwhals reads
            Any panel with the same indicators: later years, other regions. Yearly scopes need years they
            learned; ``expanding`` scores a later year with the last state, as nothing after it is known.
            Tables that are no Panel are scored where the score is a weighted sum of min-max values.

        Returns
        -------
        Series, or a table of the kind that was given
            Scores; in a table they are a column more, a lazy table stays lazy, and a missing indicator makes
            a missing score. Values beyond the learned end points give scores beyond [0, 1]; nothing is
            clipped.

        Raises
        ------
        ColumnError
            If the panel has no such column.
        IndicatorError
            If a column is not numeric, or the options are not defined for its values.
        MissingDataError
            If cells are missing and the specification says ``"raise"``.
        OptionError
            If a year has no state.

        Examples
        --------
        >>> import digiprosper as dp
        >>> states = dp.datasets.us_states()
        >>> system = dp.IndicatorSystem.from_dict({"": {"hwy": "+", "water": "+"}})
        >>> early = dp.CompositeIndex(system).fit(states.subset("year <= 1980"))
        >>> bool(early.apply(states).max() > early.scores.max())
        True
        """
        if not isinstance(panel, Panel) and is_frame(panel):
            return apply_frame(self.recipe, self.state, panel)
        recipe = self.recipe
        index, placed = self._place(panel)
        values = self.state.scores(recipe, placed, index)
        issue(zero_remarks(values, recipe.aggregation))
        return pd.Series(values, index=index, name=recipe.name)

    def contributions(self, panel: Panel) -> pd.DataFrame:
        """Split the linear score of every row over the indicators.

        Parameters
        ----------
        panel : Panel
            The fitted one, or any that `apply` takes.

        Returns
        -------
        DataFrame
            Rows by indicators, weight times normalised value; each row adds up to the linear score, whatever
            the specification aggregates by.
        """
        index, placed = self._place(panel)
        values = placed.z * self.state.weights[placed.which]
        return pd.DataFrame(values, index=index, columns=self._indicators)

    def obstacle_degree(self, panel: Panel) -> pd.DataFrame:
        """Compute which indicators hold every row back.

        Parameters
        ----------
        panel : Panel
            The fitted one, or any that `apply` takes.

        Returns
        -------
        DataFrame
            Rows by indicators: w_j (1 - z_ij) / sum_k w_k (1 - z_ik), the indicator's share in what the row
            lacks of 1. Each row adds up to one; missing where a row lacks nothing.

        Raises
        ------
        OptionError
            If values are z-scores, which have no best value.
        IndicatorError
            If a value lies beyond its better end point, or a weight is negative.
        """
        if self.recipe.normalise == "zscore":
            raise OptionError("obstacle degrees need a best value of 1: refit with normalise='minmax'.")
        below = [n for n, w in zip(self._indicators, self.state.weights.min(axis=0), strict=True) if w < 0]
        if below:
            raise IndicatorError(
                f"obstacle degrees need weights >= 0, but {quoted(below)} has a negative weight."
            )
        index, placed = self._place(panel)
        refuse_cells(
            (placed.z > 1.0) & (self.state.weights[placed.which] > 0),
            self.recipe.names,
            ("beyond", "lies beyond its better end point"),
            "The obstacle degree is negative there: use a scope whose end points cover every row.",
            index=index,
        )
        lack = self.state.weights[placed.which] * (1.0 - placed.z)
        total = lack.sum(axis=1, keepdims=True)
        values = np.where(total > 0, lack / np.where(total > 0, total, 1.0), np.nan)
        return pd.DataFrame(values, index=index, columns=self._indicators)

    def weight_draws(self, reps: int, *, rng: object = None) -> pd.DataFrame:
        """Draw entities with replacement and weigh again, the end points held fixed.

        Parameters
        ----------
        reps : int
            Draws.
        rng : None, int, sequence of int, SeedSequence or Generator
            Seeds the draws; the number that reproduces them is in ``.attrs["rng_entropy"]``.

        Returns
        -------
        DataFrame
            One row a draw, one column an indicator. A draw without weights is a row of missing values.

        Raises
        ------
        OptionError
            If sums by entity are not enough for these weights, or `reps` is no whole number from 1 to
            10,000,000.
        """
        sums = self._need_sums("weight_draws")
        reps = check_whole("reps", reps, 1, MOST_DRAWS)
        seed = seed_sequence(rng)
        issue(too_few_clusters_to_draw(sums.rows.size, "entity", "method='delta' needs no draws."))
        values = sums.draws(reps, seed)
        lost = int(np.isnan(values).any(axis=1).sum())
        why = "have no weights, because no indicator varies among the drawn entities."
        issue(lost_draws(lost, int(reps), why))
        draws = pd.DataFrame(values, index=pd.RangeIndex(int(reps), name="draw"), columns=self._indicators)
        draws.attrs["rng_entropy"] = seed.entropy
        return draws

    def weight_errors(
        self, method: WeightErrors = "delta", *, reps: int = 999, level: float = 0.95, rng: object = None
    ) -> pd.DataFrame:
        """Give the weights' sampling errors and intervals, entities being the clusters.

        Parameters
        ----------
        method : {"delta", "jackknife", "bootstrap"}
            ``delta``: influence functions added inside each entity. ``jackknife``: one entity left out at a
            time. Both are missing for PCA weights whose components may change within the sampling error.
            ``bootstrap``: entities drawn with replacement, percentile interval; missing below five entities.
        reps : int
            Draws of the bootstrap.
        level : float
            Coverage.
        rng : None, int, sequence of int, SeedSequence or Generator
            Seeds the bootstrap.

        Returns
        -------
        DataFrame
            Indexed by indicator: weight, std_error, conf_low, conf_high. The interval of the first two
            methods is weight -+ t std_error, t with n - 1 degrees of freedom for n entities.

        Raises
        ------
        OptionError
            If the method is unknown, or sums by entity are not enough for these weights.

        Notes
        -----
        All of it is conditional on the end points: minima and maxima are extremes, and their sampling has no
        regular theory. ``scope="goalposts"`` has none to sample and is the one to use for inference.
        """
        check_option("method", method, _METHODS)
        level = check_level(level)
        sums = self._need_sums("weight_errors")
        weight = self.state.weights[0]
        if method == "bootstrap":
            draws = self.weight_draws(reps, rng=rng).to_numpy()
            error = np.sqrt(np.diag(intervals.covariance_of(draws, clusters=sums.rows.size)))
            low, high = intervals.percentile(draws, level, clusters=sums.rows.size)
        else:
            n = sums.rows.size
            error = self._delta_errors()
            if method == "jackknife" and not sums.unstable_components():
                left_out = sums.jackknife()
                error = np.sqrt((n - 1) / n * ((left_out - left_out.mean(axis=0)) ** 2).sum(axis=0))
            low, high, _ = intervals.delta(weight, error, n - 1, level)
        columns = {"weight": weight, "std_error": error, "conf_low": low, "conf_high": high}
        return pd.DataFrame(columns, index=self._indicators)

    def audit(self, panel: Panel | None = None, *, size: str | None = None) -> pd.DataFrame:
        """Check what readers of an index should know.

        Parameters
        ----------
        panel : Panel, optional
            With `size`: the fitted panel.
        size : str, optional
            Column that measures the size of an entity, such as population. An indicator whose name and unit
            do not say whether it is an amount is taken for one if entity means have a rank correlation of at
            least .8 with it. Without both, only names and units are read, and what they do not say is not
            remarked on.

        Returns
        -------
        DataFrame
            Columns ``check``, ``finding`` (``ok``, ``note`` or ``warning``) and ``message``, one row a check:
            ``future_information``, ``comparability``, ``size_variables``, ``legacy_lnT``.
        """
        fitted = Audited(
            recipe=self.recipe,
            state=self.state,
            nobs=self.nobs,
            n_times=self.n_times,
            cross_section=self.index is not None and self.index.nlevels == 1,
            imputed=any(n.code == "imputed" for n in self.diagnostics),
        )
        return audit_index(fitted, panel, size)

    def _delta_errors(self) -> Floats:
        sums = self.entity_sums
        if sums is None or sums.rows.size < 2 or sums.unstable_components():
            return np.full(len(self._indicators), np.nan)
        n = sums.rows.size
        errors: Floats = np.sqrt(n / (n - 1) * (sums.influence() ** 2).sum(axis=0))
        return errors

    def _need_sums(self, what: str) -> EntitySums:
        sums = self.entity_sums
        if sums is None or sums.rows.size < 2:
            why = self._why_no_sums()
            raise OptionError(f"{what}: {why}.", [Notice("no_sums", why, {"scope": self.recipe.scope.text})])
        return sums

    def _why_no_sums(self) -> str:
        if self.entity_sums is not None:
            return "a sampling error needs at least two entities"
        if self.index is None:
            return "a table that is not a Panel has no entities to resample; fit a Panel"
        if self.recipe.structure == "nested":
            return (
                "the weights of nested dimensions cannot be recomputed without the rows; use "
                "'equal_dimensions' or 'flat'"
            )
        if self.state.periods is not None:
            return (
                "yearly weights cannot be recomputed without the rows; use 'pooled', 'base_year(...)' or "
                "'goalposts'"
            )
        return (
            "the weights of the ln T script are wrong, so their standard errors are not meaningful; use "
            "scope='pooled'"
        )

    def _place(self, panel: Panel) -> tuple[pd.Index[Any], Placed]:
        sample = cut_rows(self.recipe, panel)
        issue(dropped_rows(sample))
        return sample.index, self.state.place(self.recipe, sample)

    def _summary(self) -> Summary:
        shown = self.weights.round(4).dropna(axis=1, how="all").reset_index()
        if not any(shown["dimension"]):
            shown = shown.drop(columns="dimension")
        size = f"{self.nobs} rows"
        if self.n_entities is not None:
            size += f", {self.n_entities} entities, {self.n_times} periods"
        cells = Cells.of(list(shown.columns), shown.astype(str).to_numpy().tolist())
        return Summary(
            type=type(self).__name__,
            title=f"Composite index {cited(self.recipe.name)}: {size}",
            blocks=(
                replace(cells, printed=shown.to_string(index=False)),
                Lines(tuple(f"! {n.message}" for n in self.diagnostics)),
            ),
            notices=self.diagnostics,
            conventions=self.conventions,
            settings=self.settings,
        )

    @property
    def conventions(self) -> str:
        """Which standard errors the weights have, if any."""
        if self.state.periods is not None:
            return "Weights are means over periods, without standard errors"
        if self.entity_sums is None or not self.recipe.weights_estimated:
            return "Weights without standard errors"
        entities = self.entity_sums.rows.size
        return (
            f"Standard errors of the weights clustered by entity ({entities:,} entities), end points of the "
            "normalisation taken as known"
        )

    @property
    def settings(self) -> str:
        """The options of the index in words."""
        recipe = self.recipe
        weights = f"{recipe.weighting} weights"
        if recipe.weighting == "entropy":
            weights += f"{self._divisor}, shift {recipe.shift:g}"
        return "; ".join(
            [
                f"{recipe.normalise} normalisation ({recipe.scope.text})",
                weights,
                f"{recipe.structure}, {recipe.aggregation}",
                f"missing values: {recipe.missing}",
            ]
        )

    @property
    def _divisor(self) -> str:
        """What the entropy is divided by; nothing is said where it differs between periods."""
        if self.recipe.scope.replication_only:
            return f" (entropy divided by ln {self.n_times})"
        if self.state.periods is not None:
            return ""
        rows = self.nobs if self.entity_sums is None else int(self.entity_sums.rows.sum())
        return f" (entropy divided by ln {rows})"

    def _numbers(self) -> PlainNumbers:
        scales = [p.scale for p in self.state.learned]
        learned = self.weights.assign(unit=[i.unit for i in self.recipe.system], **scales[-1].table)
        periods = () if self.state.periods is None else tuple(self.state.periods)
        years = [
            {"time": t, "weights": dict(zip(self._indicators, p.weighing.weights, strict=True))}
            | {n: dict(zip(self._indicators, v, strict=True)) for n, v in p.scale.table.items()}
            for t, p in zip(periods, self.state.learned, strict=False)
        ]
        return PlainNumbers(
            more={
                "kind": "composite_index",
                "spec": self.recipe.options,
                "indicators": learned.reset_index().to_dict("records"),
                "years": years,
                "nobs": self.nobs,
                "n_entities": self.n_entities,
                "n_times": self.n_times,
            }
        )


def _there(values: Floats | None) -> Floats:
    if values is None:
        raise OptionError(
            "the index was fitted on a table that is not a Panel, and its rows were not stored: "
            "results.apply(table) adds the scores to the table as a column.",
            [Notice("no_rows", "the rows were not stored")],
        )
    return values
