"""Results of an index: scores, weights with standard errors, and scoring of other panels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal, overload

import numpy as np
import pandas as pd

from digiprosper.composite.audits import Audited, audit_index
from digiprosper.composite.cells import refuse_cells
from digiprosper.composite.frames import apply_frame, is_frame
from digiprosper.composite.kernels.ranking import descending_ranks
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

WeightErrors = Literal["delta", "jackknife", "bootstrap"]
_METHODS: Final = ("delta", "jackknife", "bootstrap")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ScoredRows(PickledByName):
    """The rows an index was fitted to, with their scores (N,) and those of the dimensions (N, K).

    If the index was fitted to a table that is not a Panel, all fields except `nobs` are None.
    """

    nobs: int
    score_values: np.ndarray[Any, np.dtype[np.float64]] | None = None
    dimension_values: np.ndarray[Any, np.dtype[np.float64]] | None = None
    index: pd.Index[Any] | None = None
    n_entities: int | None = None
    n_times: int | None = None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class IndexResults(Summarised, PickledByName):
    """Results of an index: scores, weights and end points, made by `CompositeIndex.fit`.

    `apply` scores other panels with the same weights and end points. The results do not contain the panel.
    Tables of weights have one row per indicator; tables of scores have one row per row of the panel.

    Parameters
    ----------
    spec : CompositeIndex
        Specification of the index.
    state : State
        End points and weights: one set, or one set per period.
    entity_sums : EntitySums or None
        Sums by entity, from which standard errors and draws of the weights are computed. None if the weights
        cannot be computed from such sums: nested structure, weights by year, the scope ``"legacy_lnT"``, and
        data that were not a Panel.
    scored : ScoredRows
        The rows with their scores. Its fields are also attributes of the results.
    diagnostics : tuple of Notice
        Remarks about the data and the index.

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
        """Scores as an (N,) array, or None if the index was fitted to a table that is not a Panel."""
        return self.scored.score_values

    @property
    def dimension_values(self) -> Floats | None:
        """Scores of the K dimensions as an (N, K) array, or None if the data were not a Panel."""
        return self.scored.dimension_values

    @property
    def index(self) -> pd.Index[Any] | None:
        """Labels of the rows, or None if the data were not a Panel."""
        return self.scored.index

    @property
    def nobs(self) -> int:
        """Number of rows, N."""
        return self.scored.nobs

    @property
    def n_entities(self) -> int | None:
        """Number of entities, or None if the data were not a Panel."""
        return self.scored.n_entities

    @property
    def n_times(self) -> int | None:
        """Number of periods, or None if the data were not a Panel."""
        return self.scored.n_times

    @property
    def recipe(self) -> Recipe:
        """Options of the index."""
        return self.spec.recipe

    @property
    def scores(self) -> pd.Series[float]:
        """Scores, a Series indexed by (entity, time) that `Panel.attach` takes.

        Its name is the `name` of the specification.
        """
        return pd.Series(_stored(self.values).copy(), index=self.index, name=self.recipe.name)

    @property
    def dimension_scores(self) -> pd.DataFrame:
        """Scores of the dimensions, one column per dimension.

        The score of a dimension is the sum of w_j z_j over its indicators, divided by the sum of their
        weights w_j, with normalised values z_j. It is missing if all its weights are 0.
        """
        names = pd.Index(self.recipe.system.dimensions, name="dimension")
        return pd.DataFrame(_stored(self.dimension_values).copy(), index=self.index, columns=names)

    @property
    def weights(self) -> pd.DataFrame:
        """Weights of the indicators, one row per indicator.

        Columns are dimension, direction, entropy, redundancy (1 - entropy), weight and std_error. The weights
        add up to one. If they differ by year, their mean over the years is shown, and so it is for entropy
        and redundancy. Entropy and redundancy are missing if the weights are not entropy weights.

        Standard errors are clustered by entity and take the end points as known. They are 0 if the weights
        are not estimated. They are missing for a nested structure, for weights by year, for the scope
        ``"legacy_lnT"`` and if the data were not a Panel. They are also missing for PCA weights if
        `diagnostics` has the code ``"unstable_components"``: other components may be retained in another
        sample.
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
        """Weights of each year, with years in the rows and indicators in the columns.

        None if all years have the same weights.
        """
        if self.state.periods is None:
            return None
        return pd.DataFrame(self.state.weights, index=self.state.periods, columns=self._indicators)

    @property
    def end_points(self) -> pd.DataFrame:
        """End points of the normalisation: low and high of each indicator, or mean and sd for z-scores.

        The index is the indicator, or (time, indicator) if each year has its own end points.
        """
        tables = [pd.DataFrame(part.scale.table, index=self._indicators) for part in self.state.learned]
        if not self.recipe.scope.scale_by_period:
            return tables[0]
        return pd.concat(tables, keys=self.state.periods)

    @property
    def _indicators(self) -> pd.Index[str]:
        return pd.Index(self.recipe.names, name="indicator")

    def ranks(self) -> pd.DataFrame:
        """Return the ranks of the scores; rank 1 is the best.

        Tied rows all have the smallest of their ranks.

        Returns
        -------
        DataFrame
            One row per row of the panel. ``per_year`` is the rank among the rows of the same period,
            ``pooled`` the rank among all rows. With ``scope="per_year"``, ``pooled`` is missing, because
            scores of different years are not comparable.

        Examples
        --------
        >>> import digiprosper as dp
        >>> states = dp.datasets.us_states().assign(roads="I(hwy / emp)", pipes="I(water / emp)")
        >>> system = dp.IndicatorSystem.from_dict({"": {"roads": "+", "pipes": "+"}})
        >>> dp.CompositeIndex(system).fit(states).ranks().loc[("WY", 1986)].tolist()
        [1, 5]
        """
        scores = self.scores
        values = np.asarray(_stored(self.values))[None]
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
        """Score the rows of any panel with the end points and weights of this index.

        Parameters
        ----------
        panel : Panel, or a table that narwhals reads
            Data with the same indicators, for example of later years or other regions. If the index has end
            points or weights by year, it can score only the years of the sample; with ``scope="expanding"`` a
            later year has those of the last year of the sample. A table that is not a Panel can be scored
            only if the index has min-max normalisation and linear aggregation.

        Returns
        -------
        Series, or a table of the same type as `panel`
            For a Panel, the scores. For another table, the table with the scores as an additional column; the
            score is missing if an indicator is missing, and a lazy table stays lazy. A value beyond the end
            points can give a score below 0 or above 1. ``.attrs["diagnostics"]`` of a Series has the remarks
            on its scores.

        Raises
        ------
        ColumnError
            If the panel does not have an indicator.
        IndicatorError
            If a column is not numeric, or the index is not defined for its values.
        MissingDataError
            If values are missing and the specification has ``missing="raise"``.
        OptionError
            If the index has no end points or weights for a year.

        Warns
        -----
        IndicatorWarning
            If values beyond the end points give a score below 0 or above 1, with the share of rows of each
            indicator: perhaps a column has another unit. With ``scope="base_year(...)"`` this is a remark and
            no warning, because other years may be beyond the base year. Also if a score with a geometric mean
            is 0. Not for a table that is not a Panel.

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
        notices = self.state.remarks(recipe, placed, values)
        issue(notices)
        scores = pd.Series(values, index=index, name=recipe.name)
        scores.attrs["diagnostics"] = tuple(notices)
        return scores

    def contributions(self, panel: Panel) -> pd.DataFrame:
        """Compute the contribution of each indicator to the score of each row.

        Parameters
        ----------
        panel : Panel
            The fitted panel, or another one that `apply` takes.

        Returns
        -------
        DataFrame
            The weight times the normalised value, with rows of the panel in the rows and indicators in the
            columns. Each row adds up to the score with linear aggregation, also if the index has another
            aggregation. With ``"geometric_dimensions"``, the columns of a dimension add up to its score times
            the sum of its weights.

        Raises
        ------
        ColumnError, IndicatorError, MissingDataError, OptionError
            As in `apply`.

        Examples
        --------
        >>> import digiprosper as dp
        >>> states = dp.datasets.us_states().assign(roads="I(hwy / emp)", pipes="I(water / emp)")
        >>> system = dp.IndicatorSystem.from_dict({"": {"roads": "+", "pipes": "+"}})
        >>> dp.CompositeIndex(system).fit(states).contributions(states).loc[("AL", 1970)].round(3).tolist()
        [0.122, 0.113]
        """
        index, placed = self._place(panel)
        values = placed.z * self.state.weights[placed.which]
        return pd.DataFrame(values, index=index, columns=self._indicators)

    def obstacle_degree(self, panel: Panel) -> pd.DataFrame:
        """Compute the obstacle degree of each indicator in each row.

        The obstacle degree is the share of an indicator in the difference between a row's score and the best
        score, which is 1.

        Parameters
        ----------
        panel : Panel
            The fitted panel, or another one that `apply` takes.

        Returns
        -------
        DataFrame
            w_j (1 - z_ij) / sum_k w_k (1 - z_ik) for row i of the panel and indicator j, with weights w and
            normalised values z. Each row adds up to one. It is missing if all values of the row are 1.

        Raises
        ------
        OptionError
            If the normalisation is ``"zscore"``, which has no best value.
        IndicatorError
            If a value is better than its end point, or a weight is negative.

        Examples
        --------
        >>> import digiprosper as dp
        >>> states = dp.datasets.us_states().assign(roads="I(hwy / emp)", pipes="I(water / emp)")
        >>> system = dp.IndicatorSystem.from_dict({"": {"roads": "+", "pipes": "+"}})
        >>> dp.CompositeIndex(system).fit(states).obstacle_degree(states).loc[("AL", 1970)].round(3).tolist()
        [0.665, 0.335]
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
        """Bootstrap the weights: draw entities with replacement and estimate the weights from them.

        The end points of the normalisation are those of the sample in all draws.

        Parameters
        ----------
        reps : int
            Number of draws.
        rng : None, int, sequence of int, SeedSequence or Generator
            Seed of the draws. ``.attrs["rng_entropy"]`` of the returned table reproduces them.

        Returns
        -------
        DataFrame
            Weights with one row per draw and one column per indicator. A row is missing if the weights cannot
            be estimated in its draw.

        Raises
        ------
        OptionError
            If the weights cannot be computed from sums by entity (nested structure, weights by year, scope
            ``"legacy_lnT"``), or if `reps` is not an integer from 1 to 10,000,000.

        Examples
        --------
        >>> import digiprosper as dp
        >>> states = dp.datasets.us_states().assign(roads="I(hwy / emp)", pipes="I(water / emp)")
        >>> system = dp.IndicatorSystem.from_dict({"": {"roads": "+", "pipes": "+"}})
        >>> dp.CompositeIndex(system).fit(states).weight_draws(199, rng=1).std().round(3).tolist()
        [0.059, 0.059]
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
        """Compute standard errors and confidence intervals of the weights, clustered by entity.

        Parameters
        ----------
        method : {"delta", "jackknife", "bootstrap"}
            ``"delta"`` (default) uses the influence functions of the weights, summed within each entity.
            ``"jackknife"`` leaves out one entity at a time. Both are missing for PCA weights if `diagnostics`
            has the code ``"unstable_components"``. ``"bootstrap"`` draws entities with replacement and has a
            percentile interval, which is missing with fewer than five entities.
        reps : int
            Number of draws of the bootstrap, 999 by default.
        level : float
            Confidence level, .95 by default.
        rng : None, int, sequence of int, SeedSequence or Generator
            Seed of the bootstrap.

        Returns
        -------
        DataFrame
            One row per indicator with columns weight, std_error, conf_low and conf_high. For ``"delta"`` and
            ``"jackknife"`` the interval is weight -+ t std_error, with t from the t distribution with n - 1
            degrees of freedom for n entities.

        Raises
        ------
        OptionError
            If the method is unknown, or the weights cannot be computed from sums by entity (nested structure,
            weights by year, scope ``"legacy_lnT"``).

        Notes
        -----
        The end points are taken as known. The bootstrap and the delta method are not valid for a minimum or a
        maximum. With ``scope="goalposts"`` the end points are not estimated, so it is the best choice for
        inference.

        Examples
        --------
        >>> import digiprosper as dp
        >>> states = dp.datasets.us_states().assign(roads="I(hwy / emp)", pipes="I(water / emp)")
        >>> system = dp.IndicatorSystem.from_dict({"": {"roads": "+", "pipes": "+"}})
        >>> dp.CompositeIndex(system).fit(states).weight_errors("jackknife").loc["roads"].round(3).tolist()
        [0.631, 0.066, 0.498, 0.763]
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
        """Check the index for common problems.

        Parameters
        ----------
        panel : Panel, optional
            The fitted panel; needed only with `size`.
        size : str, optional
            Column that measures the size of an entity, such as population. It helps to find indicators that
            are amounts rather than ratios. If the name and unit of an indicator do not show this, it is
            reported as an amount if the rank correlation of its entity means with those of `size` is at least
            .8. Without `panel` and `size` only names and units are checked.

        Returns
        -------
        DataFrame
            One row per check with columns ``check``, ``finding`` (``ok``, ``note`` or ``warning``) and
            ``message``. The checks are ``future_information`` (do scores depend on later years?),
            ``comparability`` (of scores over years and samples), ``size_variables`` (are indicators amounts?)
            and ``legacy_lnT`` (are the weights those of a known wrong script?).

        Raises
        ------
        InputTypeError
            If `panel` is not a Panel, or only one of `panel` and `size` is given.

        Examples
        --------
        >>> import digiprosper as dp
        >>> states = dp.datasets.us_states().assign(roads="I(hwy / emp)", pipes="I(water / emp)")
        >>> system = dp.IndicatorSystem.from_dict({"": {"roads": "+", "pipes": "+"}})
        >>> dp.CompositeIndex(system).fit(states).audit()["finding"].tolist()
        ['warning', 'ok', 'ok', 'ok']
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

    def _need_sums(self, caller: str) -> EntitySums:
        sums = self.entity_sums
        if sums is None or sums.rows.size < 2:
            why = self._why_no_sums()
            raise OptionError(
                f"{caller}: {why}.", [Notice("no_sums", why, {"scope": self.recipe.scope.text})]
            )
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
        """Type of the standard errors of the weights."""
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
        """Options of the index as text."""
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
        """What the entropy is divided by; empty where it differs between periods."""
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


def _stored(values: Floats | None) -> Floats:
    if values is None:
        raise OptionError(
            "the index was fitted on a table that is not a Panel, and its rows were not stored: "
            "results.apply(table) adds the scores to the table as a column.",
            [Notice("no_rows", "the rows were not stored")],
        )
    return values
