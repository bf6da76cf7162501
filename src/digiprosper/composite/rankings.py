"""Uncertainty of the ranks of an index: bootstrap of the weights, and leaving out indicators or entities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, cast

import numpy as np
import pandas as pd

from digiprosper.composite.kernels.ranking import descending_ranks, rank_correlations
from digiprosper.composite.kernels.structure import weigh
from digiprosper.composite.notices import fixed_weights
from digiprosper.composite.ranking_results import RankedRows, RankResults, moves
from digiprosper.composite.rows import cut_rows, without_indicator
from digiprosper.composite.specification import CompositeIndex
from digiprosper.composite.state import learn, state_sums
from digiprosper.errors import (
    IdentificationError,
    IndicatorError,
    InputTypeError,
    Notice,
    OptionError,
    check_option,
    cited,
    issue,
    option_problem,
)
from digiprosper.kernels.resampling import draw_counts, seed_sequence
from digiprosper.kernels.tolerances import SAME_CHANGE
from digiprosper.report.notices import few_draws, lost_draws, too_few_clusters_to_draw
from digiprosper.specification import check_reps

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from digiprosper.composite.kernels.uncertainty import EntitySums
    from digiprosper.composite.ranking_results import Among
    from digiprosper.composite.recipe import Recipe
    from digiprosper.composite.results import IndexResults
    from digiprosper.composite.state import Placed
    from digiprosper.kernels import Bools, Floats, Ints
    from digiprosper.panel import Panel, Sample

LeaveOut = Literal["indicator", "entity"]

_NONE_LEFT: Final = "the others have no weights, or a negative weight or dimension under a geometric mean"


def rank_probabilities(
    index_spec: CompositeIndex,
    panel: Panel,
    *,
    reps: int = 999,
    among: Among = "per_year",
    rng: object = None,
) -> RankResults:
    """Bootstrap the ranks of an index over the sampling error of its weights.

    In each draw, entities are drawn with replacement, the weights are estimated from them, and the observed
    rows are scored and ranked with these weights. The draws are the same as those of
    ``index_spec.fit(panel).weight_draws(reps, rng=rng)``. If the weights differ by year, the same entities
    are drawn in every year.

    Parameters
    ----------
    index_spec : CompositeIndex
        The index. Its scope cannot be ``"legacy_lnT"``, and its structure cannot be ``"nested"``.
    panel : Panel
        Panel with the indicators.
    reps : int, default 999
        Number of draws.
    among : {"per_year", "pooled"}, default "per_year"
        ``"per_year"`` ranks the rows of each period among themselves, ``"pooled"`` all rows together.
    rng : None, int, sequence of int, SeedSequence or Generator
        Seed of the draws. The `rng_entropy` of the results reproduces them.

    Returns
    -------
    RankResults
        Its `ranks()` has the rank of each row, the mean rank, an interval and P(rank <= k). Its `pairwise()`
        has P(i > j) for each pair of entities.

    Raises
    ------
    InputTypeError
        If `index_spec` is not a `CompositeIndex`, or `panel` is not a Panel.
    OptionError
        If the scope is ``"legacy_lnT"`` or the structure ``"nested"``, if `reps` is not an integer of at
        least 1, or if `among` is ``"pooled"`` and the scores of different years are not comparable.
    IdentificationError
        If there is only one entity, or the weights cannot be estimated in any draw.
    ColumnError, IndicatorError, MissingDataError
        As in `CompositeIndex.fit`.

    Warns
    -----
    FewClustersWarning
        If the sample has fewer than five entities. Intervals of ranks are then missing.
    FewDrawsWarning
        If `reps` is below 199, or if draws are dropped because their weights cannot be estimated.

    Notes
    -----
    Rank 1 is the best. Tied rows all have the smallest of their ranks. Scores that differ by less than 1e-12
    times the largest score are tied.

    The interval is a percentile interval. It covers the rank of one row, not the ranks of all rows jointly;
    Mogstad, Romano, Shaikh and Wilhelm (2024, Review of Economic Studies 91:476-518) discuss both. The end
    points of the normalisation and the observed values are taken as known: only the weights vary.

    Examples
    --------
    >>> import digiprosper as dp
    >>> from digiprosper import rank_probabilities
    >>> states = dp.datasets.us_states().assign(roads="I(hwy / emp)", pipes="I(water / emp)")
    >>> system = dp.IndicatorSystem.from_dict({"": {"roads": "+", "pipes": "+"}})
    >>> found = rank_probabilities(dp.CompositeIndex(system), states, rng=2026)
    >>> last = found.ranks(top=[3]).xs(1986, level="year")
    >>> last.loc[["WY", "ND", "NE"], ["rank", "rank_low", "rank_high", "top_3"]].round(2).values.tolist()
    [[1.0, 1.0, 1.0, 1.0], [3.0, 3.0, 4.0, 0.94], [15.0, 13.0, 17.0, 0.0]]
    """
    fit = fitted_rows(index_spec, panel, "rank_probabilities", among)
    reps = check_reps(reps, 1)
    why = _why_not_sums(fit.recipe)
    if why:
        raise OptionError(f"rank_probabilities: {why}.", [Notice("no_sums", why)])
    sums = fit.sums()
    drawn = np.unique(np.concatenate([part.entities for part in sums]))
    if drawn.size < 2:
        raise IdentificationError("rank_probabilities: at least two entities are needed.")

    seed = seed_sequence(rng)
    groups = groups_of(fit.sample, among)
    ranks, has_scores = _drawn_ranks(fit, sums, drawn, groups, reps, seed)
    if not has_scores.any():
        raise IdentificationError("rank_probabilities: no draw has weights; more entities are needed.")

    notices = [
        *too_few_clusters_to_draw(drawn.size, "entity"),
        *([] if fit.recipe.weights_estimated else [fixed_weights(fit.recipe.weighting)]),
        *few_draws(reps, "tails"),
        *lost_draws(int((~has_scores).sum()), reps, "have no weights or no scores and were dropped."),
    ]
    issue(notices)
    return RankResults(
        ranked=RankedRows(
            name=fit.recipe.name,
            index=fit.sample.index,
            among=among,
            method=fit.recipe.description,
            labels=panel.labels,
        ),
        values=fit.scores,
        rank_values=descending_ranks(fit.scores[None], groups)[0],
        draw_values=ranks if has_scores.all() else ranks[has_scores],
        n_drawn=drawn.size,
        rng_entropy=cast("int", seed.entropy),
        diagnostics=(*fit.results.diagnostics, *notices),
    )


def _drawn_ranks(
    fit: FittedRows,
    sums: Sequence[EntitySums],
    drawn: Ints,
    groups: Sequence[Ints],
    reps: int,
    seed: np.random.SeedSequence,
) -> tuple[np.ndarray[Any, np.dtype[np.unsignedinteger[Any]]], Bools]:
    """Draw entities, weigh, score and rank: ranks of every draw, and whether it has any."""
    ranks = np.zeros((reps, fit.sample.nobs), dtype=np.min_scalar_type(max(g.size for g in groups)))
    has_scores = np.zeros(reps, dtype=bool)
    generator = np.random.default_rng(seed)
    for part in _chunks(reps, fit, sums):
        counts = np.zeros((part.stop - part.start, fit.sample.n_entities))
        counts[:, drawn] = draw_counts(generator, drawn.size, len(counts))
        scores = draw_scores(fit, drawn_weights(fit, sums, counts))
        usable = ~np.isnan(scores[:, 0])
        has_scores[part] = usable
        ranks[part][usable] = descending_ranks(scores[usable], groups)
    return ranks, has_scores


def leave_one_out(
    index_spec: CompositeIndex,
    panel: Panel,
    *,
    over: LeaveOut = "indicator",
    among: Among = "per_year",
) -> pd.DataFrame:
    """Leave out one indicator or one entity at a time, and compare the index with the full one.

    Parameters
    ----------
    index_spec : CompositeIndex
        The full index.
    panel : Panel
        Panel with the indicators.
    over : {"indicator", "entity"}, default "indicator"
        What is left out. ``"indicator"`` fits the index without one indicator. ``"entity"`` estimates the
        weights without the rows of one entity, and scores all rows with these weights, also those of the
        entity.
    among : {"per_year", "pooled"}, default "per_year"
        ``"per_year"`` compares ranks and scores within each period and averages the correlations.
        ``"pooled"`` compares all rows together.

    Returns
    -------
    DataFrame
        One row per indicator or entity that is left out. Columns are

        - ``weight_change``: the largest change of a weight in absolute value, with its sign, and
          ``weight_of``, its indicator. With weights by year it is the largest of all years.
        - ``spearman``: correlation of the scores with those of the full index.
        - ``mean_rank_change``: mean absolute change of rank.
        - ``max_rank_change``: the largest change of rank in absolute value, with its sign (negative if a row
          moves towards rank 1), and ``moved_entity`` and ``moved_period``, its row.

        If the index cannot be computed, the column ``problem`` says why, and all other columns are missing.

    Raises
    ------
    InputTypeError
        If `index_spec` is not a `CompositeIndex`, or `panel` is not a Panel.
    OptionError
        If `over` or `among` is unknown, or the scores of different years are not comparable.
    IndicatorError, IdentificationError
        If there is only one indicator, or only one entity.
    ColumnError, MissingDataError
        As in `CompositeIndex.fit`.

    Notes
    -----
    All indices have the rows of the full index. Without an indicator, the end points of the other indicators
    do not change, because each indicator is normalised separately. Without an entity, the end points are
    those of the full sample. So only the weights change, and not also the scale. To change both, fit the
    index to `Panel.subset` without the entity.

    Weights add up to one, so the other weights increase when an indicator is dropped. With flat entropy
    weights, the weight w_k increases by w_k w_j / (1 - w_j) without indicator j. Therefore compare scores and
    ranks rather than weights.

    Examples
    --------
    >>> import digiprosper as dp
    >>> from digiprosper import leave_one_out
    >>> states = dp.datasets.us_states().assign(roads="I(hwy / emp)", pipes="I(water / emp)")
    >>> system = dp.IndicatorSystem.from_dict({"": {"roads": "+", "pipes": "+"}})
    >>> found = leave_one_out(dp.CompositeIndex(system), states, over="entity")
    >>> found["weight_change"].abs().idxmax(), float(found["spearman"].min().round(3))
    ('WY', 0.996)
    """
    check_option("over", over, ("indicator", "entity"))
    fit = fitted_rows(index_spec, panel, "leave_one_out", among)
    groups = groups_of(fit.sample, among)
    base = descending_ranks(fit.scores[None], groups)[0]

    parts = _without_entities(fit)
    items = fit.sample.entities
    if over == "indicator":
        parts = _without_indicators(fit)
        items = pd.Index(fit.recipe.names, name="indicator")
    tables = [_compared(fit, part, base, groups) for part in parts]
    return pd.concat(tables, ignore_index=True).set_axis(items, axis=0)


# --- the index and its rows ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class FittedRows:
    """An index, the raw rows it was fitted to, and these rows on its scale."""

    spec: CompositeIndex
    results: IndexResults
    sample: Sample
    placed: Placed

    @property
    def recipe(self) -> Recipe:
        """Options of the index."""
        return self.spec.recipe

    @property
    def scores(self) -> Floats:
        """Scores under the weights of the sample, shape (N,)."""
        return np.asarray(self.results.scores, dtype=np.float64)

    def sums(self) -> list[EntitySums]:
        """Compute the sums by entity from which the weights of every state are drawn again."""
        stored = self.results.entity_sums
        return state_sums(self.recipe, self.results.state, self.sample) if stored is None else [stored]


def fitted_rows(spec: object, panel: Panel, caller: str, among: object) -> FittedRows:
    """Fit an index and keep its rows; `caller` is named in messages."""
    if not isinstance(spec, CompositeIndex):
        raise InputTypeError(f"{caller} takes a CompositeIndex, not {type(spec).__name__}.")
    check_option("among", among, ("per_year", "pooled"))
    recipe = spec.recipe
    refuse_incomparable(recipe, among)
    sample = cut_rows(recipe, panel, caller)
    results = spec.fit(panel)
    return FittedRows(spec, results, sample, results.state.place(recipe, sample))


def refuse_incomparable(recipe: Recipe, among: object) -> None:
    """Refuse to rank scores of different years together when each year has its own scale."""
    if among == "pooled" and not recipe.scope.comparable_years:
        raise OptionError(
            f"among='pooled': under scope={cited(recipe.scope.text)} the best value of every indicator is 1 "
            "in every year, so years cannot be ranked together; use among='per_year', or scope='pooled'.",
            [option_problem("among", among, ("per_year",), "incomparable years")],
        )


# --- weights ------------------------------------------------------------------------------------------------


def drawn_weights(fit: FittedRows, sums: Sequence[EntitySums], counts: Floats) -> Floats:
    """Weigh again in each of L states with multiplicities `counts`, (R, n): (L, R, m), NaN for no weights."""
    out = np.full((len(sums), len(counts), len(fit.recipe.system)), np.nan)
    for k, part in enumerate(sums):
        multiplicities = counts[:, part.entities]
        drawn = multiplicities.any(axis=1)
        out[k, drawn] = part.weights(multiplicities[drawn])
    return out


def draw_scores(fit: FittedRows, weights: Floats) -> Floats:
    """Score all rows under every set of weights, (L, R, m): (R, N).

    A row of NaN where a state has no weights, or a product a negative weight or factor.
    """
    aggregate = fit.recipe.aggregate
    state = fit.results.state
    placed = fit.placed
    lost = np.asarray(np.isnan(weights).any(axis=(0, 2)))
    if aggregate.product:
        lost |= (weights < 0).any(axis=(0, 2))
    # Loadings that nearly cancel out make weights so large that their product would overflow.
    usable_weights = np.where(lost[:, None], np.nan, weights)

    scores = np.empty((weights.shape[1], fit.sample.nobs))
    for k, part, rows in state.parts(placed.which):
        z = placed.z[rows]
        scores[:, rows] = aggregate.scores(z, usable_weights[k], part.worst, part.best, fit.recipe.groups)
    lost |= np.isnan(scores).any(axis=1)
    scores[lost] = np.nan
    return scores


def _why_not_sums(recipe: Recipe) -> str:
    """Explain why weights cannot be computed from sums by entity; empty if they can."""
    if recipe.scope.replication_only:
        return "the weights of the ln T script are wrong, and so would be their ranks; use scope='pooled'"
    if recipe.nested:
        return (
            "the weights of nested dimensions cannot be computed from entity sums; use "
            "structure='equal_dimensions'"
        )
    return ""


def _chunks(reps: int, fit: FittedRows, sums: Sequence[EntitySums], memory: int = 2**28) -> Any:
    """Cut draws into slices whose arrays take at most `memory` bytes."""
    cells = 6 * fit.sample.nobs + 4 * fit.sample.n_entities + 4 * max(part.second[0].size for part in sums)
    size = max(1, memory // (8 * cells))
    return [slice(start, min(start + size, reps)) for start in range(0, reps, size)]


# --- ranks --------------------------------------------------------------------------------------------------


def groups_of(sample: Sample, among: str) -> list[Ints]:
    """Find the positions of the rows that are ranked together: those of a period, or all."""
    if among == "pooled":
        return [np.arange(sample.nobs)]
    return [np.flatnonzero(sample.time == t) for t in range(sample.n_times)]


# --- leaving out --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class _Without:
    """Indices with something left out: changes of weights (L, R, m) and scores (R, N), NaN for none."""

    changes: Floats
    scores: Floats
    problems: list[str]


def _without_indicators(fit: FittedRows) -> Iterator[_Without]:
    names = fit.recipe.names
    nobs = fit.sample.nobs
    if len(names) < 2:
        raise IndicatorError("leave_one_out: the index needs at least two indicators.")
    weights = fit.results.state.weights
    for j, name in enumerate(names):
        changes = np.full((len(weights), 1, len(names)), np.nan)
        scores = np.full((1, nobs), np.nan)
        keep = np.arange(len(names)) != j
        problem = ""
        try:
            recipe = fit.spec.drop(name).recipe
            sample = without_indicator(fit.sample, name)
            state = learn(recipe, sample)
            scores[0] = state.scores(recipe, state.place(recipe, sample), sample.index)
            changes[:, 0, keep] = state.weights - weights[:, keep]
        except (IndicatorError, OptionError) as error:
            problem = error.message
        yield _Without(changes, scores, [problem])


def _without_entities(fit: FittedRows) -> Iterator[_Without]:
    count = fit.sample.n_entities
    state = fit.results.state
    if count < 2:
        raise IdentificationError("leave_one_out: at least two entities are needed.")
    for weights in _weights_without(fit, count):
        scores = draw_scores(fit, weights)
        lost = np.isnan(scores[:, 0]).tolist()  # a draw has all scores or none
        problems = [_NONE_LEFT if is_lost else "" for is_lost in lost]
        yield _Without(weights - state.weights[:, None], scores, problems)


def _weights_without(fit: FittedRows, count: int) -> Iterator[Floats]:
    """Weigh again without each entity, in chunks (L, R, m): by the jackknife where sums are enough."""
    if _why_not_sums(fit.recipe):
        for entity in range(count):
            yield _weighed_without(fit, entity)[:, None]
        return
    sums = fit.sums()
    for part in _chunks(count, fit, sums):
        left_out = np.arange(part.start, part.stop)
        counts = np.ones((left_out.size, count))
        counts[np.arange(left_out.size), left_out] = 0.0
        yield drawn_weights(fit, sums, counts)


def _weighed_without(fit: FittedRows, entity: int) -> Floats:
    """Weigh the rows of every state without one entity, on the same scale: (L, m), NaN for no weights."""
    recipe = fit.recipe
    sample = fit.sample
    state = fit.results.state
    rule = recipe.rule(sample.n_times)
    out = np.full(state.weights.shape, np.nan)
    learned_rows = recipe.scope.learned_rows(sample.time, sample.times)
    for k, (rows, part) in enumerate(zip(learned_rows, state.learned, strict=True)):
        others = sample.entity[rows] != entity
        z = part.scale.apply(sample.matrix[rows][others], recipe.positive)
        if len(z):
            try:
                out[k] = weigh(z, rule, recipe.names).weights
            except IndicatorError:
                continue  # NaN: the others have no weights
    return out


def _compared(fit: FittedRows, without: _Without, base: Ints, groups: Sequence[Ints]) -> pd.DataFrame:
    """Compare indices with something left out with the full one, one row each."""
    lost = np.isnan(without.scores[:, 0])
    scores = np.where(lost[:, None], fit.scores, without.scores)
    changes = np.where(np.isnan(without.changes), 0.0, without.changes)
    flat = changes.transpose(1, 0, 2).reshape(len(scores), -1)
    size = np.abs(flat)
    # Two weights that add up to one move alike: the first is named, whatever rounding says.
    at = (size >= size.max(axis=1, keepdims=True) * (1 - SAME_CHANGE)).argmax(axis=1)
    change = flat[np.arange(at.size), at]
    names = np.array(fit.recipe.names, dtype=object)[at % len(fit.recipe.system)]
    columns = {
        "weight_change": change,
        "weight_of": np.where(change != 0, names, None),
        "spearman": rank_correlations(scores, fit.scores, groups),
        **moves(descending_ranks(scores, groups) - base, fit.sample.index),
    }
    table = pd.DataFrame(columns)
    return table.where(np.broadcast_to(~lost[:, None], table.shape)).assign(problem=without.problems)
