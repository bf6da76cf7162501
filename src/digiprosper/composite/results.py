"""Results of an index: scores, weights with errors, scoring of other panels."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar, get_args, overload

import numpy as np
import pandas as pd

from digiprosper.checks import (
    MOST_DRAWS,
    check_level,
    check_option,
    check_whole,
    one_problem,
    refuse_unknown,
)
from digiprosper.composite.cells import names_where, refuse_cells
from digiprosper.composite.frames import apply_frame, is_frame
from digiprosper.composite.indicators import IndicatorSystem
from digiprosper.composite.kernels.ranking import descending_ranks
from digiprosper.composite.kernels.uncertainty import EntitySums
from digiprosper.composite.options import IndexOptions
from digiprosper.composite.ranking_results import Among, ranking_groups
from digiprosper.composite.scopes import Finding
from digiprosper.composite.state import ScaledRows, State, complete_rows, dropped_rows
from digiprosper.errors import (
    IndicatorError,
    InputTypeError,
    Notice,
    OptionError,
    cited,
    issue,
    quoted,
    subject,
)
from digiprosper.kernels import Floats, intervals
from digiprosper.kernels.resampling import seed_sequence
from digiprosper.kernels.tolerances import PRINTED_WEIGHTS
from digiprosper.panel import Panel
from digiprosper.report.notices import lost_draws, too_few_clusters_to_draw
from digiprosper.report.summary import Cells, Lines, Summarised, Summary

_Stored = TypeVar("_Stored")
WeightErrors = Literal["delta", "jackknife", "bootstrap"]

# Words that indicate ratios, and words that indicate amounts and counts.
_RATIO = re.compile(
    r"%|‰|/|\bper\b|\b(?:share|ratio|rate|index|proportion|percent\w*|coefficient|gini"
    r"|theil|points?|degrees?"
    r"|density|penetration|intensity|years?)\b|人均|每|率|比|占|指数|系数|密度",
    re.IGNORECASE,
)
_LEVEL = re.compile(
    r"\b10\s*(?:\^|\*\*)\s*\d|\b(?:thousands?|millions?|billions?|yuan|rmb|cny|usd"
    r"|dollars?|euros?|km2?|kilomet\w+"
    r"|tonnes?|tons?|kwh|hectares?|people|persons?|households?|subscribers?|users?"
    r"|employees|units|sets|pieces"
    r"|ports|pages|domains|numbers?|counts?|totals?|gdp|gnp|population|revenues?"
    r"|turnover)\b|万|亿|元|人|户|个|公里|千米|吨|台|件|家",
    re.IGNORECASE,
)
# Rank correlation with size above which an indicator without a unit counts as an
# amount.
_FOLLOWS = 0.8


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class IndexResults(Summarised):
    """Results of an index: scores, weights, end points; from `CompositeIndex.fit`.

    `apply` scores other panels with the same weights and end points. The results do not
    contain the panel. Tables of weights have one row per indicator; tables of scores
    have one row per row of the panel.

    Parameters
    ----------
    spec : CompositeIndex
        Specification of the index.
    state : State
        End points and weights: one set, or one set per period.
    entity_sums : EntitySums or None
        Sums by entity, from which standard errors and draws of the weights are
        computed. None if the weights cannot be computed from such sums: nested
        structure, weights by year, the scope ``"legacy_lnT"``, and data that were not a
        Panel.
    nobs : int
        Number of rows, N.
    diagnostics : tuple of Notice
        Remarks about the data and the index.
    values : ndarray, shape (N,), or None
        Scores. This and the following are None if the index was fitted to a table that
        is not a Panel.
    dimension_values : ndarray, shape (N, K), or None
        Scores of the K dimensions.
    index : Index or None
        Labels of the rows.
    n_entities, n_times : int or None
        Number of entities and of periods.

    Examples
    --------
    >>> import digiprosper as dp
    >>> states = dp.datasets.us_states().assign(
    ...     roads="I(hwy / emp)", pipes="I(water / emp)"
    ... )
    >>> system = dp.IndicatorSystem.from_dict({"": {"roads": "+", "pipes": "+"}})
    >>> index = dp.CompositeIndex(system).fit(states)
    >>> index.weights[["weight", "std_error"]].round(3).values.tolist()
    [[0.631, 0.061], [0.369, 0.061]]
    """

    spec: Any
    state: State
    entity_sums: EntitySums | None
    nobs: int
    diagnostics: tuple[Notice, ...]
    values: Floats | None = None
    dimension_values: Floats | None = None
    index: pd.Index[Any] | None = None
    n_entities: int | None = None
    n_times: int | None = None

    @property
    def recipe(self) -> IndexOptions:
        """Options of the index."""
        options: IndexOptions = self.spec.recipe
        return options

    @property
    def scores(self) -> pd.Series[float]:
        """Scores, a Series indexed by (entity, time) that `Panel.attach` takes.

        Its name is the `name` of the specification.
        """
        return self._scores_series(
            _require_stored(self.values).copy(), _require_stored(self.index).view()
        )

    def _scores_series(self, values: Floats, index: Any) -> pd.Series[float]:
        """Return scores as a Series, with the indicators in its attributes."""
        scores = pd.Series(values, index=index, name=self.recipe.name)
        scores.attrs["indicators"] = tuple(self.recipe.system.names)
        return scores

    @property
    def dimension_scores(self) -> pd.DataFrame:
        """Scores of the dimensions, one column per dimension.

        The score of a dimension is the sum of w_j z_j over its indicators, divided by
        the sum of their weights w_j, with normalised values z_j. It is missing if all
        its weights are 0.
        """
        system = self.recipe.system
        names = pd.Index(system.dimensions, name="dimension")
        scores = pd.DataFrame(
            _require_stored(self.dimension_values).copy(),
            index=_require_stored(self.index).view(),
            columns=names,
        )
        scores.attrs["indicators"] = {
            name: tuple(i.name for i in system.indicators if i.dimension == name)
            for name in names
        }
        return scores

    @property
    def weights(self) -> pd.DataFrame:
        """Weights of the indicators, one row per indicator.

        Columns are dimension, direction, entropy, redundancy (1 - entropy), weight and
        std_error. The weights add up to one. If they differ by year, their mean over
        the years is shown, and so it is for entropy and redundancy. Entropy and
        redundancy are missing if the weights are not entropy weights.

        Standard errors are clustered by entity and take the end points as known. They
        are missing if the weights are not estimated, for a nested structure, for
        weights by year, for the scope ``"legacy_lnT"`` and if the data were not a
        Panel. They are also missing for PCA weights if `diagnostics` has the code
        ``"unstable_components"``: other components may be retained in another sample.
        """
        sums = self._sums_of_estimated
        table = self.recipe.system.to_frame().set_index("indicator")
        table = table[["dimension", "direction"]].assign(
            entropy=1.0 - self.state.redundancy,
            redundancy=self.state.redundancy,
            weight=self.state.weights.mean(axis=0),
            std_error=np.nan if sums is None else sums.delta_errors(),
        )
        if self.index is not None and table["std_error"].notna().any():
            table.attrs["clusters"] = self.index.names[0]
        return table

    @property
    def weights_by_year(self) -> pd.DataFrame | None:
        """Weights of each year, with years in the rows and indicators in the columns.

        None if all years have the same weights.
        """
        if self.state.periods is None:
            return None
        return pd.DataFrame(
            self.state.weights, index=self.state.periods, columns=self._indicators
        )

    @property
    def end_points(self) -> pd.DataFrame:
        """End points: low and high of each indicator, or mean and sd for z-scores.

        They are the end points of the normalisation. The index is the indicator, or
        (time, indicator) if each year has its own end points.
        """
        tables = [
            pd.DataFrame(part.scale.table, index=self._indicators)
            for part in self.state.learned
        ]
        if not self.recipe.scope.scale_by_period:
            return tables[0]
        return pd.concat(tables, keys=self.state.periods)

    @property
    def _sums_of_estimated(self) -> EntitySums | None:
        return self.entity_sums if self.recipe.weights_estimated else None

    @property
    def _indicators(self) -> pd.Index[str]:
        return pd.Index(self.recipe.system.names, name="indicator")

    def ranks(self) -> pd.DataFrame:
        """Return the ranks of the scores; rank 1 is the best.

        Tied rows all have the smallest of their ranks.

        Returns
        -------
        DataFrame
            One row per row of the panel. ``per_year`` is the rank among the rows of the
            same period, ``pooled`` the rank among all rows. With ``scope="per_year"``,
            ``pooled`` is missing, because scores of different years are not comparable.

        Examples
        --------
        >>> import digiprosper as dp
        >>> states = dp.datasets.us_states().assign(
        ...     roads="I(hwy / emp)", pipes="I(water / emp)"
        ... )
        >>> system = dp.IndicatorSystem.from_dict({"": {"roads": "+", "pipes": "+"}})
        >>> dp.CompositeIndex(system).fit(states).ranks().loc[("WY", 1986)].tolist()
        [1, 5]
        """
        values, index = _require_stored(self.values)[None], self.scores.index
        ranks = {
            name: descending_ranks(values, ranking_groups(index, name))[0]
            for name in get_args(Among)
        }
        table = pd.DataFrame(ranks, index=index)
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
            Data with the same indicators, for example of later years or other regions.
            If the index has end points or weights by year, it can score only the years
            of the sample; with ``scope="expanding"`` a later year has those of the last
            year of the sample. A table that is not a Panel can be scored only if the
            index has min-max normalisation and linear aggregation.

        Returns
        -------
        Series, or a table of the same type as `panel`
            For a Panel, the scores. For another table, the table with the scores as an
            additional column; the score is missing if an indicator is missing, and a
            lazy table stays lazy. A value beyond the end points can give a score below
            0 or above 1. ``.attrs["diagnostics"]`` of a Series has the remarks on its
            scores.

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
            If values beyond the end points give a score below 0 or above 1, with the
            share of rows of each indicator: perhaps a column has another unit. With
            ``scope="base_year(...)"`` this is a remark and no warning, because other
            years may be beyond the base year. Also if a score with a geometric mean
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
        scaled = self._scale_rows(panel)
        values = scaled.scores()
        scores = self._scores_series(values, scaled.index)
        scores.attrs["diagnostics"] = tuple(scaled.remarks(values))
        issue(scores.attrs["diagnostics"])
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
            The weight times the normalised value, with rows of the panel in the rows
            and indicators in the columns. Each row adds up to the score with linear
            aggregation, also if the index has another aggregation. With
            ``"geometric_dimensions"``, the columns of a dimension add up to its score
            times the sum of its weights.

        Raises
        ------
        ColumnError, IndicatorError, MissingDataError, OptionError
            As in `apply`.

        Examples
        --------
        >>> import digiprosper as dp
        >>> states = dp.datasets.us_states().assign(
        ...     roads="I(hwy / emp)", pipes="I(water / emp)"
        ... )
        >>> system = dp.IndicatorSystem.from_dict({"": {"roads": "+", "pipes": "+"}})
        >>> dp.CompositeIndex(system).fit(states).contributions(states).loc[
        ...     ("AL", 1970)
        ... ].round(3).tolist()
        [0.122, 0.113]
        """
        scaled = self._scale_rows(panel)
        values = scaled.z * scaled.weights
        return pd.DataFrame(values, index=scaled.index, columns=self._indicators)

    def obstacle_degree(self, panel: Panel) -> pd.DataFrame:
        """Compute the obstacle degree of each indicator in each row.

        The obstacle degree is the share of an indicator in the difference between a
        row's score and the best score, which is 1.

        Parameters
        ----------
        panel : Panel
            The fitted panel, or another one that `apply` takes.

        Returns
        -------
        DataFrame
            w_j (1 - z_ij) / sum_k w_k (1 - z_ik) for row i of the panel and indicator
            j, with weights w and normalised values z. Each row adds up to one. It is
            missing if all values of the row are 1.

        Raises
        ------
        OptionError
            If the normalisation is ``"zscore"``, which has no best value.
        IndicatorError
            If a value is better than its end point, or a weight is negative.

        Examples
        --------
        >>> import digiprosper as dp
        >>> states = dp.datasets.us_states().assign(
        ...     roads="I(hwy / emp)", pipes="I(water / emp)"
        ... )
        >>> system = dp.IndicatorSystem.from_dict({"": {"roads": "+", "pipes": "+"}})
        >>> dp.CompositeIndex(system).fit(states).obstacle_degree(states).loc[
        ...     ("AL", 1970)
        ... ].round(3).tolist()
        [0.665, 0.335]
        """
        if self.recipe.normalise == "zscore":
            raise OptionError(
                "obstacle degrees need a best value of 1: refit with "
                "normalise='minmax'."
            )
        below_zero = self.state.weights.min(axis=0) < 0
        negative = names_where(self.recipe.system.names, below_zero)
        if negative:
            raise IndicatorError(
                f"obstacle degrees need weights >= 0, but {subject(negative, 'has')} "
                "a negative weight."
            )
        scaled = self._scale_rows(panel)
        weights = scaled.weights
        refuse_cells(
            (scaled.z > 1.0) & (weights > 0),
            self.recipe.system.names,
            ("beyond", "lies beyond its better end point"),
            "The obstacle degree is negative there: use a scope whose end points "
            "cover every row.",
            index=scaled.index,
        )
        lack = weights * (1.0 - scaled.z)
        total = lack.sum(axis=1, keepdims=True)
        values = np.where(total > 0, lack / np.where(total > 0, total, 1.0), np.nan)
        return pd.DataFrame(values, index=scaled.index, columns=self._indicators)

    def weight_draws(self, reps: int, *, rng: object = None) -> pd.DataFrame:
        """Bootstrap the weights: draw entities with replacement, estimate again.

        The end points of the normalisation are those of the sample in all draws.

        Parameters
        ----------
        reps : int
            Number of draws.
        rng : None, int, sequence of int, SeedSequence or Generator
            Seed of the draws. ``.attrs["rng_entropy"]`` of the returned table
            reproduces them.

        Returns
        -------
        DataFrame
            Weights with one row per draw and one column per indicator. A row is missing
            if the weights cannot be estimated in its draw.

        Raises
        ------
        OptionError
            If the weights cannot be computed from sums by entity (nested structure,
            weights by year, scope ``"legacy_lnT"``), or if `reps` is not an integer
            from 1 to 10,000,000.

        Examples
        --------
        >>> import digiprosper as dp
        >>> states = dp.datasets.us_states().assign(
        ...     roads="I(hwy / emp)", pipes="I(water / emp)"
        ... )
        >>> system = dp.IndicatorSystem.from_dict({"": {"roads": "+", "pipes": "+"}})
        >>> dp.CompositeIndex(system).fit(states).weight_draws(199, rng=1).std().round(
        ...     3
        ... ).tolist()
        [0.059, 0.059]
        """
        sums = self._required_sums("weight_draws")
        reps = check_whole("reps", reps, 1, MOST_DRAWS)
        seed = seed_sequence(rng)
        issue(
            too_few_clusters_to_draw(
                sums.rows.size, "entity", "method='delta' needs no draws."
            )
        )
        values = sums.draws(reps, seed)
        n_failed = int(np.isnan(values).any(axis=1).sum())
        reason = (
            "have no weights, because no indicator varies among the drawn entities."
        )
        issue(lost_draws(n_failed, reps, reason))
        draws = pd.DataFrame(
            values, index=pd.RangeIndex(reps, name="draw"), columns=self._indicators
        )
        draws.attrs["rng_entropy"] = seed.entropy
        return draws

    def weight_errors(
        self,
        method: WeightErrors = "delta",
        *,
        reps: int = 999,
        level: float = 0.95,
        rng: object = None,
    ) -> pd.DataFrame:
        """Compute standard errors and confidence intervals of the weights.

        They are clustered by entity.

        Parameters
        ----------
        method : {"delta", "jackknife", "bootstrap"}
            ``"delta"`` (default) uses the influence functions of the weights, summed
            within each entity. ``"jackknife"`` leaves out one entity at a time. Both
            are missing for PCA weights if `diagnostics` has the code
            ``"unstable_components"``. ``"bootstrap"`` draws entities with replacement
            and has a percentile interval, which is missing with fewer than five
            entities.
        reps : int
            Number of draws of the bootstrap, 999 by default.
        level : float
            Confidence level, .95 by default.
        rng : None, int, sequence of int, SeedSequence or Generator
            Seed of the bootstrap.

        Returns
        -------
        DataFrame
            One row per indicator with columns weight, std_error, conf_low and
            conf_high. For ``"delta"`` and ``"jackknife"`` the interval is weight -+ t
            std_error, with t from the t distribution with n - 1 degrees of freedom for
            n entities.

        Raises
        ------
        OptionError
            If the method is unknown, or the weights cannot be computed from sums by
            entity (nested structure, weights by year, scope ``"legacy_lnT"``).

        Notes
        -----
        The squared errors are ``n / (n - 1)`` times the sum of squared influences, or
        ``(n - 1) / n`` times that of the jackknife's deviations from their mean.

        The end points are taken as known. The bootstrap and the delta method are not
        valid for a minimum or a maximum. With ``scope="goalposts"`` the end points are
        not estimated, so it is the best choice for inference.

        Examples
        --------
        >>> import digiprosper as dp
        >>> states = dp.datasets.us_states().assign(
        ...     roads="I(hwy / emp)", pipes="I(water / emp)"
        ... )
        >>> system = dp.IndicatorSystem.from_dict({"": {"roads": "+", "pipes": "+"}})
        >>> dp.CompositeIndex(system).fit(states).weight_errors("jackknife").loc[
        ...     "roads"
        ... ].round(3).tolist()
        [0.631, 0.066, 0.498, 0.763]
        """
        check_option("method", method, get_args(WeightErrors))
        level = check_level(level)
        sums = self._required_sums("weight_errors")
        n = sums.rows.size
        weight = self.state.weights[0]
        if method == "bootstrap":
            draws = self.weight_draws(reps, rng=rng).to_numpy()
            error = np.sqrt(np.diag(intervals.covariance_of(draws, clusters=n)))
            low, high = intervals.percentile(draws, level, clusters=n)
        else:
            error = sums.delta_errors()
            if method == "jackknife" and not sums.unstable_components():
                error = np.sqrt(n - 1) * sums.jackknife().std(axis=0)
            low, high, _ = intervals.delta(weight, error, n - 1, level)
        columns = {
            "weight": weight,
            "std_error": error,
            "conf_low": low,
            "conf_high": high,
        }
        return pd.DataFrame(columns, index=self._indicators)

    def audit(
        self, panel: Panel | None = None, *, size: str | None = None
    ) -> pd.DataFrame:
        """Check the index for common problems.

        Parameters
        ----------
        panel : Panel, optional
            The fitted panel; needed only with `size`.
        size : str, optional
            Column that measures the size of an entity, such as population. It helps to
            find indicators that are amounts rather than ratios. If the name and unit of
            an indicator do not show this, it is reported as an amount if the rank
            correlation of its entity means with those of `size` is at least .8. Without
            `panel` and `size` only names and units are checked.

        Returns
        -------
        DataFrame
            One row per check with columns ``check``, ``finding`` (``ok``, ``note`` or
            ``warning``) and ``message``. The checks are ``future_information`` (do
            scores depend on later years?), ``comparability`` (of scores over years and
            samples), ``size_variables`` (are indicators amounts?) and ``legacy_lnT``
            (are the weights those of a known wrong script?).

        Raises
        ------
        InputTypeError
            If `panel` is not a Panel, or only one of `panel` and `size` is given.

        Examples
        --------
        >>> import digiprosper as dp
        >>> states = dp.datasets.us_states().assign(
        ...     roads="I(hwy / emp)", pipes="I(water / emp)"
        ... )
        >>> system = dp.IndicatorSystem.from_dict({"": {"roads": "+", "pipes": "+"}})
        >>> dp.CompositeIndex(system).fit(states).audit()["finding"].tolist()
        ['warning', 'ok', 'ok', 'ok']
        """
        cross_section = self.index is not None and self.index.nlevels == 1
        future = ("ok", "one period: no future information can be used.")
        options = self.recipe
        if not cross_section:
            imputed = any(n.code == "imputed" for n in self.diagnostics)
            future = _future_information(options, imputed=imputed)
        legacy = _legacy_weights(options, self.state, self.nobs, self.n_times)
        rows = [
            ("future_information", *future),
            ("comparability", *options.scope.comparability),
            ("size_variables", *_size_variables(options.system, panel, size)),
            ("legacy_lnT", *legacy),
        ]
        return pd.DataFrame(rows, columns=["check", "finding", "message"])

    def _required_sums(self, caller: str) -> EntitySums:
        sums, reason = self.entity_sums, self.recipe.reason_without_sums
        if sums is not None and sums.rows.size > 1:
            return sums
        if sums is not None:
            reason = "a sampling error needs at least two entities"
        elif self.index is None:
            reason = (
                "a table that is not a Panel has no entities to resample; fit a Panel"
            )
        elif not reason:
            reason = (
                "yearly weights cannot be recomputed without the rows; use 'pooled', "
                "'base_year(...)' or 'goalposts'"
            )
        raise one_problem(
            OptionError, "no_sums", f"{caller}: {reason}.", scope=self.recipe.scope.text
        )

    def _scale_rows(self, panel: Panel) -> ScaledRows:
        sample = complete_rows(self.recipe, panel)
        issue(dropped_rows(sample))
        return self.state.scaled(self.recipe, sample)

    def _summary(self) -> Summary:
        shown = self.weights.round(4).dropna(axis=1, how="all").reset_index()
        if not any(shown["dimension"]):
            shown = shown.drop(columns="dimension")
        size = f"{self.nobs} rows"
        if self.n_entities is not None:
            size += f", {self.n_entities} entities, {self.n_times} periods"
        cells = Cells.of(list(shown.columns), shown.astype(str).to_numpy().tolist())
        return self._titled(
            f"Composite index {cited(self.recipe.name)}: {size}",
            replace(cells, printed=shown.to_string(index=False)),
            Lines(tuple(f"! {n.message}" for n in self.diagnostics)),
        )

    @property
    def conventions(self) -> str:
        """Type of the standard errors of the weights."""
        if self.state.periods is not None:
            return "Weights are means over periods, without standard errors"
        sums = self._sums_of_estimated
        if sums is None:
            return "Weights without standard errors"
        return (
            f"Standard errors of the weights clustered by entity ({sums.rows.size:,} "
            "entities), end points of the normalisation taken as known"
        )

    @property
    def settings(self) -> str:
        """Options of the index as text."""
        options = self.recipe
        weights = f"{options.weighting} weights"
        if options.weighting == "entropy":
            count, sums = self.n_times, self.entity_sums
            if not options.scope.replication_only:
                count = self.nobs if sums is None else int(sums.rows.sum())
            # With weights by period the divisor differs between periods.
            if options.scope.replication_only or self.state.periods is None:
                weights += f" (entropy divided by ln {count})"
            weights += f", shift {options.shift:g}"
        return (
            f"{options.normalise} normalisation ({options.scope.text}); {weights}; "
            f"{options.structure}, {options.aggregation}; missing values: "
            f"{options.missing}"
        )

    def _more_numbers(self) -> dict[str, Any]:
        names = self._indicators
        learned = self.state.learned
        units = [i.unit for i in self.recipe.system]
        indicators = self.weights.assign(
            unit=units, **learned[-1].scale.table
        ).reset_index()
        years = []
        if self.state.periods is not None:
            for time, part in zip(self.state.periods, learned, strict=True):
                columns = {"weights": part.weighing.weights, **part.scale.table}
                table = pd.DataFrame(columns, index=names)
                years.append({"time": time, **table.to_dict()})
        return {
            "kind": "composite_index",
            "spec": self.recipe.arguments,
            "indicators": indicators.to_dict("records"),
            "years": years,
            "nobs": self.nobs,
            "n_entities": self.n_entities,
            "n_times": self.n_times,
        }


def _require_stored(values: _Stored | None) -> _Stored:
    if values is None:
        raise OptionError(
            "the index was fitted on a table that is not a Panel, and its rows were "
            "not stored: results.apply(table) adds the scores to the table "
            "as a column.",
            [Notice("no_rows", "the rows were not stored")],
        )
    return values


# --- checks ---------------------------------------------------------------------------


def _future_information(options: IndexOptions, *, imputed: bool) -> Finding:
    """Report whether scores use information from later years."""
    if options.scope.text == "goalposts" and not options.weights_estimated:
        return "ok", (
            "end points are fixed in advance and weights are not estimated: no future "
            "information is used."
        )
    if options.scope.text == "expanding" and imputed:
        return "warning", (
            "each year uses only the years up to it, but interpolated cells use later "
            "years."
        )
    return options.scope.future


def is_level(name: str, unit: str) -> bool | None:
    """Judge by name and unit: True for an amount, False for a ratio, else None."""
    words = f"{name} {unit}".replace("_", " ")
    if _RATIO.search(words):
        return False
    return True if _LEVEL.search(words) else None


def _size_variables(
    system: IndicatorSystem, panel: Panel | None, size: str | None
) -> Finding:
    """Report indicators that are amounts, by name, unit or correlation."""
    is_amount = {i.name: is_level(i.name, i.unit) for i in system}
    correlations = _size_correlations(system, panel, size)
    # An indicator that is a ratio by its name may still be correlated with size.
    measured = {n: r for n, r in correlations.items() if is_amount[n] is None}
    amounts = [n for n, level in is_amount.items() if level]
    if not measured:
        return _amounts_by_name(amounts, list(is_amount.values()))
    shown = ", ".join(f"{cited(n)} {r:z.2f}" for n, r in measured.items())
    text = (
        f"rank correlations of entity means with {cited(str(size))}: {shown}. These "
        "look like amounts, which measure the size of a unit. Divide by population, "
        "area or output."
    )
    many = 2 * (len(amounts) + len(measured)) > len(is_amount)
    more = f" By name or unit {quoted(amounts)} too." if amounts else ""
    return "warning" if many else "note", text + more


def _amounts_by_name(amounts: list[str], levels: list[bool | None]) -> Finding:
    """Judge by names and units; `levels` are as in `is_level`."""
    if 2 * len(amounts) > len(levels) - levels.count(None):
        return "warning", (
            f"{quoted(amounts)} are amounts or counts: the index measures the size of "
            "a unit. Divide by population, area or output."
        )
    if amounts:
        are = "is an amount" if len(amounts) == 1 else "are amounts"
        return "note", f"{quoted(amounts)} {are} and not a ratio."
    if None not in levels:
        return "ok", "all indicators are ratios."
    return "ok", (
        "no indicator is an amount by its name or unit; audit(panel, size=...) "
        "compares with size."
    )


def _size_correlations(
    system: IndicatorSystem, panel: Panel | None, size: str | None
) -> dict[str, float]:
    """Find indicators whose entity means have a high rank correlation with `size`."""
    if panel is None and size is None:
        return {}
    if not isinstance(panel, Panel) or not isinstance(size, str):
        raise InputTypeError(
            "audit(panel, size=...) takes a Panel and the name of one of its columns."
        )
    refuse_unknown((*system.names, size), panel.columns, "audit")

    means = panel.frame[[*system.names, size]].groupby(level=0).mean()
    correlation = means[list(system.names)].rank().corrwith(means[size].rank())
    return {str(n): float(r) for n, r in correlation.items() if r >= _FOLLOWS}


def _legacy_weights(
    options: IndexOptions, state: State, nobs: int, n_times: int | None
) -> Finding:
    """Report whether weights are those of the copied script."""
    if options.scope.replication_only:
        return "warning", (
            "the copied script divides the entropies of all rows by the logarithm of "
            "the number of years, so that they exceed 1 and the order of the weights "
            "is reversed. Use it for replication only."
        )
    given_weights = options.given_weights
    if given_weights is None and options.weighting != "entropy":
        return "ok", "no entropies are used."
    script = _script_weights(state, nobs, n_times)
    if given_weights is None or script is None:
        return "ok", (
            "entropies are divided by the logarithm of the number of rows they are "
            "computed from."
        )
    correct = state.redundancy / state.redundancy.sum()
    distance = np.abs(given_weights - script).max()
    if distance < min(PRINTED_WEIGHTS, float(np.abs(given_weights - correct).max())):
        return "warning", (
            "the given weights are those of the copied script, which divides entropies "
            "by the logarithm of the number of years; the correct entropy weights of "
            "these rows have the reverse order."
        )
    return "ok", "the given weights are not those of the copied script."


def _script_weights(state: State, nobs: int, n_times: int | None) -> Floats | None:
    """Compute the copied script's weights from entropies of a pooled fit."""
    if (
        state.periods is not None
        or n_times is None
        or n_times < 2
        or np.isnan(state.redundancy).any()
    ):
        return None
    redundancy = 1.0 - (1.0 - state.redundancy) * np.log(nobs) / np.log(n_times)
    redundancy = np.where(state.learned[0].weighing.constant, 0.0, redundancy)
    return np.asarray(redundancy / redundancy.sum())
