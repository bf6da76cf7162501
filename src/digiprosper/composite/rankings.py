"""Ranks in draws, without a part, with other options; options of other weights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal, cast, get_args

import numpy as np
import pandas as pd

from digiprosper.checks import check_option, check_type, option_error
from digiprosper.composite.indicators import IndicatorSystem
from digiprosper.composite.kernels.aggregate import PRODUCTS
from digiprosper.composite.kernels.ranking import descending_ranks, rank_correlations
from digiprosper.composite.kernels.structure import weigh
from digiprosper.composite.kernels.uncertainty import EntitySums
from digiprosper.composite.notices import fixed_weights, impossible_notice
from digiprosper.composite.options import IndexOptions, read_option, read_weights
from digiprosper.composite.ranking_results import (
    Among,
    IndexSensitivity,
    RankResults,
    Ranks,
    rank_changes,
    ranking_groups,
)
from digiprosper.composite.results import IndexResults
from digiprosper.composite.specification import CompositeIndex, fit_panel
from digiprosper.composite.state import (
    ScaledRows,
    complete_rows,
    learn,
    learn_and_score,
    state_sums,
    without_indicator,
)
from digiprosper.composite.weights import WEIGHTINGS
from digiprosper.errors import (
    IdentificationError,
    IndicatorError,
    InputTypeError,
    Notice,
    OptionError,
    cited,
    issue,
)
from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.kernels.chunks import chunks
from digiprosper.kernels.resampling import draw_counts, seed_sequence
from digiprosper.kernels.tolerances import SAME_CHANGE
from digiprosper.panel import Panel, Sample
from digiprosper.report.notices import few_draws, lost_draws, too_few_clusters_to_draw
from digiprosper.specification import check_reps

LeaveOut = Literal["indicator", "entity"]

_VARIED = ("scope", "normalise", "shift", "weighting", "structure", "aggregate")
# Shifts seen in papers and scripts.
_SHIFTS = (0.0, 1e-6, 1e-4, 0.002, 0.01, 1.0)
_AUDITED = ("weighting", "scope", "normalise", "structure", "shift")
_NO_SCORES = (
    "the other entities give no weights, or, with a geometric mean, a negative weight "
    "or dimension"
)


def rank_probabilities(
    index_spec: CompositeIndex,
    panel: Panel,
    *,
    reps: int = 999,
    among: Among = "per_year",
    rng: object = None,
) -> RankResults:
    """Bootstrap the ranks of an index over the sampling error of its weights.

    In each draw, entities are drawn with replacement, the weights are estimated from
    them, and the observed rows are scored and ranked with these weights. The draws are
    the same as those of ``index_spec.fit(panel).weight_draws(reps, rng=rng)``. If the
    weights differ by year, the same entities are drawn in every year.

    Parameters
    ----------
    index_spec : CompositeIndex
        The index. Its scope cannot be ``"legacy_lnT"``, and its structure cannot be
        ``"nested"``.
    panel : Panel
        Panel with the indicators.
    reps : int, default 999
        Number of draws.
    among : {"per_year", "pooled"}, default "per_year"
        ``"per_year"`` ranks the rows of each period among themselves, ``"pooled"`` all
        rows together.
    rng : None, int, sequence of int, SeedSequence or Generator
        Seed of the draws. The `rng_entropy` of the results reproduces them.

    Returns
    -------
    RankResults
        Its `ranks()` has the rank of each row, the mean rank, an interval and P(rank <=
        k). Its `pairwise()` has P(i > j) for each pair of entities.

    Raises
    ------
    InputTypeError
        If `index_spec` is not a `CompositeIndex`, or `panel` is not a Panel.
    OptionError
        If the scope is ``"legacy_lnT"`` or the structure ``"nested"``, if `reps` is not
        an integer of at least 1, or if `among` is ``"pooled"`` and the scores of
        different years are not comparable.
    IdentificationError
        If there is only one entity, or the weights cannot be estimated in any draw.
    ColumnError, IndicatorError, MissingDataError
        As in `CompositeIndex.fit`.

    Warns
    -----
    FewClustersWarning
        If the sample has fewer than five entities. Intervals of ranks are then missing.
    FewDrawsWarning
        If `reps` is below 199, or if draws are dropped because their weights cannot be
        estimated.

    Notes
    -----
    Rank 1 is the best. Tied rows all have the smallest of their ranks. Scores that
    differ by less than 1e-12 times the largest score are tied.

    The interval is a percentile interval. It covers the rank of one row, not the ranks
    of all rows jointly; Mogstad, Romano, Shaikh and Wilhelm (2024, Review of Economic
    Studies 91:476-518) discuss both. The end points of the normalisation and the
    observed values are taken as known: only the weights vary.

    Examples
    --------
    >>> import digiprosper as dp
    >>> from digiprosper import rank_probabilities
    >>> states = dp.datasets.us_states().assign(
    ...     roads="I(hwy / emp)", pipes="I(water / emp)"
    ... )
    >>> system = dp.IndicatorSystem.from_dict({"": {"roads": "+", "pipes": "+"}})
    >>> bootstrap = rank_probabilities(dp.CompositeIndex(system), states, rng=2026)
    >>> last = bootstrap.ranks(top=[3]).xs(1986, level="year")
    >>> last.loc[["WY", "ND", "NE"], ["rank", "rank_low", "rank_high", "top_3"]].round(
    ...     2
    ... ).values.tolist()
    [[1.0, 1.0, 1.0, 1.0], [3.0, 3.0, 4.0, 0.94], [15.0, 13.0, 17.0, 0.0]]
    """
    fit = fit_rows(index_spec, panel, "rank_probabilities", among)
    reps = check_reps(reps, 1)
    reason = fit.options.reason_without_sums
    if reason:
        raise OptionError(f"rank_probabilities: {reason}.", [Notice("no_sums", reason)])
    sums = state_sums(fit.options, fit.results.state, fit.sample)
    entities = np.unique(np.concatenate([part.entities for part in sums]))
    if entities.size < 2:
        raise IdentificationError(
            "rank_probabilities: at least two entities are needed."
        )

    seed = seed_sequence(rng)
    ranks, has_scores = _draw_ranks(fit, sums, entities, reps, seed)
    if not has_scores.any():
        raise IdentificationError(
            "rank_probabilities: no draw has weights; more entities are needed."
        )

    notices = [
        *too_few_clusters_to_draw(entities.size, "entity"),
        *fixed_weights(fit.options.weighting),
        *few_draws(reps, "tails"),
        *lost_draws(
            int((~has_scores).sum()),
            reps,
            "have no weights or no scores and were dropped.",
        ),
    ]
    issue(notices)
    return RankResults(
        name=index_spec.name,
        index=fit.sample.index,
        among=among,
        method=fit.options.description,
        labels=panel.labels,
        values=fit.scores,
        rank_values=fit.ranks,
        draw_values=ranks if has_scores.all() else ranks[has_scores],
        n_drawn=entities.size,
        rng_entropy=cast("int", seed.entropy),
        diagnostics=(*fit.results.diagnostics, *notices),
    )


def _draw_ranks(
    fit: FittedRows,
    sums: Sequence[EntitySums],
    drawn: Ints,
    reps: int,
    seed: np.random.SeedSequence,
) -> tuple[Ranks, Bools]:
    """Draw entities, estimate weights and rank; also return which draws have ranks."""
    ranks = _empty_ranks(fit, reps)
    has_scores = np.zeros(reps, dtype=bool)
    generator = np.random.default_rng(seed)
    for part in _draw_chunks(reps, fit, sums):
        counts = np.zeros((part.stop - part.start, fit.sample.n_entities))
        counts[:, drawn] = draw_counts(generator, drawn.size, len(counts))
        scores = draw_scores(fit, weights_of_counts(fit, sums, counts))
        usable = ~np.isnan(scores[:, 0])
        has_scores[part] = usable
        ranks[part][usable] = descending_ranks(scores[usable], fit.groups)
    return ranks, has_scores


def leave_one_out(
    index_spec: CompositeIndex,
    panel: Panel,
    *,
    over: LeaveOut = "indicator",
    among: Among = "per_year",
) -> pd.DataFrame:
    """Leave out one indicator or entity at a time, and compare with the full index.

    Parameters
    ----------
    index_spec : CompositeIndex
        The full index.
    panel : Panel
        Panel with the indicators.
    over : {"indicator", "entity"}, default "indicator"
        What is left out. ``"indicator"`` fits the index without one indicator.
        ``"entity"`` estimates the weights without the rows of one entity, and scores
        all rows with these weights, also those of the entity.
    among : {"per_year", "pooled"}, default "per_year"
        ``"per_year"`` compares ranks and scores within each period and averages the
        correlations. ``"pooled"`` compares all rows together.

    Returns
    -------
    DataFrame
        One row per indicator or entity that is left out. Columns are

        - ``weight_change``: the largest change of a weight in absolute value, with its
          sign, and ``weight_of``, its indicator. With weights by year it is the largest
          of all years.
        - ``spearman``: correlation of the scores with those of the full index.
        - ``mean_rank_change``: mean absolute change of rank.
        - ``max_rank_change``: the largest change of rank in absolute value, with its
          sign (negative if a row moves towards rank 1), and ``moved_entity`` and
          ``moved_period``, its row.

        If the index cannot be computed, the column ``problem`` says why, and all other
        columns are missing.

    Raises
    ------
    InputTypeError
        If `index_spec` is not a `CompositeIndex`, or `panel` is not a Panel.
    OptionError
        If `over` or `among` is unknown, or the scores of different years are not
        comparable.
    IndicatorError, IdentificationError
        If there is only one indicator, or only one entity.
    ColumnError, MissingDataError
        As in `CompositeIndex.fit`.

    Notes
    -----
    All indices have the rows of the full index. Without an indicator, the end points of
    the other indicators do not change, because each indicator is normalised separately.
    Without an entity, the end points are those of the full sample. So only the weights
    change, and not also the scale. To change both, fit the index to `Panel.subset`
    without the entity.

    Weights add up to one, so the other weights increase when an indicator is dropped.
    With flat entropy weights, the weight w_k increases by w_k w_j / (1 - w_j) without
    indicator j. Therefore compare scores and ranks rather than weights.

    Examples
    --------
    >>> import digiprosper as dp
    >>> from digiprosper import leave_one_out
    >>> states = dp.datasets.us_states().assign(
    ...     roads="I(hwy / emp)", pipes="I(water / emp)"
    ... )
    >>> system = dp.IndicatorSystem.from_dict({"": {"roads": "+", "pipes": "+"}})
    >>> changes = leave_one_out(dp.CompositeIndex(system), states, over="entity")
    >>> changes["weight_change"].abs().idxmax()
    'WY'
    >>> float(changes["spearman"].min().round(3))
    0.996
    """
    check_option("over", over, get_args(LeaveOut))
    fit = fit_rows(index_spec, panel, "leave_one_out", among)
    if over == "entity":
        tables, left_out = _leave_out_entities(fit), fit.sample.entities
    else:
        tables = _leave_out_indicators(fit)
        left_out = pd.Index(fit.options.system.names, name="indicator")
    return pd.concat(tables, ignore_index=True).set_axis(left_out, axis=0)


def index_sensitivity(
    index_spec: CompositeIndex,
    panel: Panel,
    *,
    over: Mapping[str, Sequence[Any]],
    among: Among = "per_year",
) -> IndexSensitivity:
    """Compute an index with each combination of options, and compare the ranks.

    Parameters
    ----------
    index_spec : CompositeIndex
        The baseline. Options that are not in `over` have the values of the baseline.
    panel : Panel
        Panel with the indicators. All combinations use the rows of the baseline.
    over : mapping of str to list
        The values of each option to compare, such as
        ``{"weighting": ["entropy", "equal"]}``. Options are ``scope``, ``normalise``,
        ``shift``, ``weighting`` (also given weights, ``{indicator: weight}``),
        ``structure`` and ``aggregate``. Only entropy weights have a shift; other
        weights are computed without it.
    among : {"per_year", "pooled"}, default "per_year"
        ``"per_year"`` ranks the rows of each period among themselves, ``"pooled"`` all
        rows together.

    Returns
    -------
    IndexSensitivity
        `combinations` compares each combination with the baseline. `ranks` has the rank
        of each row with each combination. `shares()` decomposes the variance of the
        ranks by option.

    Raises
    ------
    InputTypeError
        If `index_spec` is not a `CompositeIndex`, `panel` is not a Panel, or `over` is
        not a mapping of lists.
    OptionError
        If an option or a value is unknown, if a value is listed twice, or if no option
        has two values.
    ColumnError, IndicatorError, MissingDataError
        As in `CompositeIndex.fit`, for the baseline.

    Notes
    -----
    Some combinations are impossible. For example, entropy weights are not defined for
    z-scores, and a geometric mean is not defined for negative values. They stay in the
    table with the reason. `shares` needs all combinations of the values it uses. It
    uses the largest such part of the grid that contains the baseline; a notice lists
    the values that are left out.

    Only the warnings of the baseline are issued. Fit another combination itself before
    you use it.

    Saisana, Saltelli and Tarantola (2005, JRSS A 168:307-323) estimate the shares by
    simulation. Here all combinations are computed, so the shares are exact.

    Examples
    --------
    >>> import digiprosper as dp
    >>> from digiprosper import index_sensitivity
    >>> states = dp.datasets.us_states().assign(
    ...     roads="I(hwy / emp)", pipes="I(water / emp)"
    ... )
    >>> system = dp.IndicatorSystem.from_dict({"": {"roads": "+", "pipes": "+"}})
    >>> grid = {"weighting": ["entropy", "equal"], "normalise": ["minmax", "rank"]}
    >>> sensitivity = index_sensitivity(dp.CompositeIndex(system), states, over=grid)
    >>> sensitivity.combinations["spearman"].round(2).tolist()
    [1.0, 0.95, 0.96, 0.95]
    >>> sensitivity.shares(overall=True)[["first", "total"]].round(2).values.tolist()
    [[0.16, 0.32], [0.68, 0.84]]
    """
    fit = fit_rows(index_spec, panel, "index_sensitivity", among)
    grid = _read_grid(over, fit.options.system.names)
    combinations = [
        dict(zip(grid, values, strict=True)) for values in product(*grid.values())
    ]
    ranks = _empty_ranks(fit, len(combinations))
    correlations = np.full(len(combinations), np.nan)
    is_baseline = np.zeros(len(combinations), dtype=bool)
    problems = [""] * len(combinations)
    for c, changes in enumerate(combinations):
        # Only entropy weights have a shift.
        if changes.get("weighting", index_spec.weighting) != "entropy":
            changes["shift"] = 0.0
        try:
            spec = index_spec.replace(**changes)
            is_baseline[c] = spec == index_spec
            _refuse_incomparable(spec.recipe, among)
            _, scores = learn_and_score(spec.recipe, fit.sample)
        except (OptionError, IndicatorError) as error:
            problems[c] = error.message
        else:
            ranks[c] = descending_ranks(scores[None], fit.groups)[0]
            correlations[c] = rank_correlations(scores[None], fit.scores, fit.groups)[0]

    options = tuple((name, _value_labels(values)) for name, values in grid.items())
    base_values = [(getattr(index_spec, name), values) for name, values in grid.items()]
    baseline = tuple(v.index(base) if base in v else None for base, v in base_values)
    sizes = [len(values) for values in grid.values()]
    possible = np.array([not problem for problem in problems]).reshape(sizes)
    complete = complete_grid(possible, baseline)
    return IndexSensitivity(
        name=index_spec.name,
        index=fit.sample.index,
        among=among,
        method=fit.options.description,
        labels=panel.labels,
        options=options,
        baseline=baseline,
        base_ranks=fit.ranks,
        rank_values=ranks,
        correlations=correlations,
        problems=tuple(problems),
        same=is_baseline,
        complete=complete,
        diagnostics=(
            *fit.results.diagnostics,
            *impossible_notice(possible, options, complete),
        ),
    )


# --- the index and its rows -----------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class FittedRows:
    """A fitted index with its rows, raw and normalised.

    - scores, ranks (N,): with the weights of the sample
    - groups: positions of the rows that are ranked together, those of a period or all
    """

    options: IndexOptions
    results: IndexResults
    sample: Sample
    scaled: ScaledRows
    scores: Floats
    ranks: Ints
    groups: Sequence[Ints]


def fit_rows(spec: CompositeIndex, panel: Panel, caller: str, among: str) -> FittedRows:
    """Fit an index and keep its rows; errors name the `caller`."""
    check_type(spec, CompositeIndex, f"{caller} takes a CompositeIndex")
    check_option("among", among, get_args(Among))
    options = spec.recipe
    _refuse_incomparable(options, among)
    results, sample, scaled = fit_panel(spec, panel, caller)
    scores = np.asarray(results.scores, dtype=np.float64)
    groups = ranking_groups(sample.index, among)
    ranks = descending_ranks(scores[None], groups)[0]
    return FittedRows(options, results, sample, scaled, scores, ranks, groups)


def _empty_ranks(fit: FittedRows, count: int) -> Ranks:
    """Allocate ranks (count, N) of indices, in the smallest integer type."""
    largest = max(rows.size for rows in fit.groups)
    return np.zeros((count, fit.sample.nobs), dtype=np.min_scalar_type(largest))


def _refuse_incomparable(options: IndexOptions, among: object) -> None:
    """Refuse to rank different years together if each has its own scale."""
    if among == "pooled" and not options.scope.comparable_years:
        raise option_error(
            "among",
            among,
            f"among='pooled': under scope={cited(options.scope.text)} the best value "
            "of every indicator is 1 in every year, so years cannot be ranked "
            "together; use among='per_year', or scope='pooled'.",
            ("per_year",),
        )


# --- weights --------------------------------------------------------------------------


def weights_of_counts(
    fit: FittedRows, sums: Sequence[EntitySums], counts: Floats
) -> Floats:
    """Compute weights (L, R, m) of L states from counts of entities; NaN if none."""
    drawn_weights = np.full((len(sums), len(counts), len(fit.options.system)), np.nan)
    for weights, part in zip(drawn_weights, sums, strict=True):
        multiplicities = counts[:, part.entities]
        has_draws = multiplicities.any(axis=1)
        weights[has_draws] = part.weights(multiplicities[has_draws])
    return drawn_weights


def draw_scores(fit: FittedRows, weights: Floats) -> Floats:
    """Score all rows with every set of weights, (L, R, m): (R, N).

    A draw is NaN if a state has no weights, or a geometric mean a negative factor.
    """
    options = fit.options
    without_scores = np.asarray(np.isnan(weights).any(axis=(0, 2)))
    if options.aggregation in PRODUCTS:
        without_scores |= (weights < 0).any(axis=(0, 2))
    # Loadings that nearly cancel make huge weights, whose products would overflow.
    usable = np.where(without_scores[:, None], np.nan, weights)
    scores = fit.scaled.scores_under(usable)
    scores[np.isnan(scores).any(axis=1) | without_scores] = np.nan
    return scores


def _draw_chunks(
    reps: int, fit: FittedRows, sums: Sequence[EntitySums], memory: int = 2**28
) -> Iterator[slice]:
    """Split draws into slices whose arrays take at most `memory` bytes."""
    products = max(part.second[0].size for part in sums)
    numbers = 6 * fit.sample.nobs + 4 * fit.sample.n_entities + 4 * products
    return chunks(reps, numbers, memory)


# --- leaving out ----------------------------------------------------------------------


def _leave_out_indicators(fit: FittedRows) -> Iterator[pd.DataFrame]:
    names = fit.options.system.names
    if len(names) < 2:
        raise IndicatorError("leave_one_out: the index needs at least two indicators.")
    weights = fit.results.state.weights[:, None]
    for j, name in enumerate(names):
        changes = np.full(weights.shape, np.nan)
        scores = np.full((1, fit.sample.nobs), np.nan)
        problem = ""
        try:
            sample = without_indicator(fit.sample, name)
            options = fit.results.spec.drop(name).recipe
            scaled, scores[0] = learn_and_score(options, sample)
            others = np.arange(len(names)) != j
            changes[..., others] = scaled.state.weights[:, None] - weights[..., others]
        except (IndicatorError, OptionError) as error:
            problem = error.message
        yield _compare_with_full_index(fit, changes, scores, [problem])


def _leave_out_entities(fit: FittedRows) -> Iterator[pd.DataFrame]:
    count = fit.sample.n_entities
    if count < 2:
        raise IdentificationError("leave_one_out: at least two entities are needed.")
    for weights in _weights_leaving_out(fit, count):
        scores = draw_scores(fit, weights)
        # A draw has all scores or none.
        without_scores = np.isnan(scores[:, 0])
        problems = np.where(without_scores, _NO_SCORES, "").tolist()
        yield _compare_with_full_index(
            fit, weights - fit.results.state.weights[:, None], scores, problems
        )


def _weights_leaving_out(fit: FittedRows, count: int) -> Iterator[Floats]:
    """Compute the weights without each entity (L, R, m), from sums if possible."""
    if fit.options.reason_without_sums:
        for entity in range(count):
            yield _weights_without_entity(fit, entity)[:, None]
        return
    sums = state_sums(fit.options, fit.results.state, fit.sample)
    for part in _draw_chunks(count, fit, sums):
        left_out = np.arange(part.start, part.stop)
        counts = np.ones((left_out.size, count))
        counts[np.arange(left_out.size), left_out] = 0.0
        yield weights_of_counts(fit, sums, counts)


def _weights_without_entity(fit: FittedRows, entity: int) -> Floats:
    """Compute the weights (L, m) without one entity, on the same scale; NaN if none."""
    options, sample, state = fit.options, fit.sample, fit.results.state
    rule = options.rule(sample.n_times)
    weights_by_state = np.full(state.weights.shape, np.nan)
    learned_rows = options.scope.learned_rows(sample.time, sample.times)
    for k, (rows, part) in enumerate(zip(learned_rows, state.learned, strict=True)):
        others = sample.entity[rows] != entity
        z = part.scale.apply(sample.matrix[rows][others], options.system.positive)
        if len(z):
            try:
                weights_by_state[k] = weigh(z, rule, options.system.names).weights
            except IndicatorError:
                continue  # NaN: the others have no weights
    return weights_by_state


def _compare_with_full_index(
    fit: FittedRows, changes: Floats, scores: Floats, problems: list[str]
) -> pd.DataFrame:
    """Compare R indices that leave something out with the full index, one row each.

    `changes` (L, R, m) are those of the weights, `scores` (R, N); both may be NaN.
    """
    without_scores = np.isnan(scores[:, 0])
    scores = np.where(without_scores[:, None], fit.scores, scores)
    flat = np.nan_to_num(changes).transpose(1, 0, 2).reshape(len(scores), -1)
    size = np.abs(flat)
    # Two weights with sum one change equally: name the first, whatever the rounding.
    positions = (size >= size.max(axis=1, keepdims=True) * (1 - SAME_CHANGE)).argmax(
        axis=1
    )
    change = flat[np.arange(positions.size), positions]
    names = np.array(fit.options.system.names, dtype=object)[
        positions % changes.shape[2]
    ]
    table = pd.DataFrame(
        {
            "weight_change": change,
            "weight_of": np.where(change != 0, names, None),
            "spearman": rank_correlations(scores, fit.scores, fit.groups),
            **rank_changes(
                descending_ranks(scores, fit.groups) - fit.ranks, fit.sample.index
            ),
        }
    )
    return table[~without_scores].reindex(table.index).assign(problem=problems)


# --- combinations of options ----------------------------------------------------------


def complete_grid(
    possible: Bools, pinned: Sequence[int | None]
) -> tuple[tuple[int, ...], ...]:
    """Find the largest subgrid of (d_1, ..., d_k) in which all cells are possible.

    Returns positions by option, empty if there is none. `pinned` are positions that
    must stay. Among subgrids of one size, values of later options are dropped first.
    """
    best: tuple[tuple[int, ...], ...] = ((),) * possible.ndim
    most = 0
    seen = set[tuple[tuple[int, ...], ...]]()

    def search(part: tuple[tuple[int, ...], ...]) -> None:
        nonlocal best, most
        size = int(np.prod([len(positions) for positions in part]))
        if size <= most or part in seen:
            return
        seen.add(part)
        holes = np.argwhere(~possible[np.ix_(*part)])
        if not len(holes):
            best, most = part, size
            return
        # A complete subgrid lacks one of the values of this impossible cell: try each,
        # beginning with the option that has the most values.
        for option in sorted(range(possible.ndim), key=lambda i: (-len(part[i]), -i)):
            value = part[option][holes[0][option]]
            if len(part[option]) > 1 and value != pinned[option]:
                remaining = tuple(p for p in part[option] if p != value)
                search((*part[:option], remaining, *part[option + 1 :]))

    search(tuple(tuple(range(d)) for d in possible.shape))
    return best


def _read_grid(over: object, names: tuple[str, ...]) -> dict[str, list[Any]]:
    """Check options and values one by one; contradictions are checked later."""
    if not hasattr(over, "items"):
        raise InputTypeError(
            "over must be a mapping of option to values, such as {'shift': [0, .01]}."
        )
    grid = {}
    for option, values in over.items():
        check_option("over", option, _VARIED)
        grid[option] = _read_values(option, values, names)
    if not any(len(values) > 1 for values in grid.values()):
        raise OptionError("over must have at least two values for one of the options.")
    return grid


def _read_values(option: str, values: Any, names: tuple[str, ...]) -> list[Any]:
    # A Series has names as well as values, like a mapping.
    is_mapping = hasattr(values, "items")
    if isinstance(values, str) or is_mapping or not isinstance(values, Iterable):
        raise InputTypeError(
            f"over[{cited(option)}] must be a list of values; {cited(values)} is not."
        )
    read = [read_option(option, value, names) for value in values]
    twice = [v for i, v in enumerate(read) if v in read[:i]]
    if twice or not read:
        problem = f"lists {cited(twice[0])} twice" if twice else "lists no value"
        raise option_error(option, values, f"over[{cited(option)}] {problem}.")
    return read


def _value_labels(values: Sequence[Any]) -> tuple[Any, ...]:
    """Return values as labels; weights of the user are called "given"."""
    given_weights = [v for v in values if isinstance(v, tuple)]
    name = "given" if len(given_weights) == 1 else "given {}"
    labels = {v: name.format(k) for k, v in enumerate(given_weights, 1)}
    return tuple(labels.get(v, v) for v in values)


# --- options behind published weights -------------------------------------------------


def audit_weights(
    system: IndicatorSystem, panel: Panel, published: Any
) -> pd.DataFrame:
    """Find the options of an index that reproduce published weights.

    The weights are computed with each combination of options and compared with the
    published ones.

    Parameters
    ----------
    system : IndicatorSystem
        The indicators, directions and dimensions of the paper.
    panel : Panel
        The data of the paper.
    published : mapping or Series
        Published weight of each indicator, in percent or any other unit. They are
        divided by their sum.

    Returns
    -------
    DataFrame
        One row per combination of options, with the smallest deviation first. Columns
        are the options weighting, scope, normalise, structure and shift;
        ``max_deviation``, the largest absolute difference of a weight; and ``problem``,
        why the weights cannot be computed, or the empty text. Weights by year are
        averaged over the years. Combinations with the same deviation are in the order
        of the options, the simplest first. Combinations of options that contradict each
        other are not in the table.

    Raises
    ------
    OptionError
        If an indicator has no published weight, a name is not an indicator, or a weight
        is negative.
    InputTypeError
        If `system` is not an `IndicatorSystem`, `panel` is not a Panel, or `published`
        is not a mapping or Series.
    ColumnError, IndicatorError, MissingDataError
        As in `CompositeIndex.fit`.

    Notes
    -----
    All weightings, scopes, normalisations and structures of `CompositeIndex` are
    compared. The scopes include each year as base year, and goalposts if all indicators
    have them. Entropy weights are computed with the shifts 0, 1e-6, 1e-4, .002, .01
    and 1.

    A combination reproduces the weights if ``max_deviation`` is at most half a unit of
    the last published digit. Several combinations can do so. The aggregation cannot be
    found this way, because weights do not depend on it.

    Examples
    --------
    >>> import digiprosper as dp
    >>> from digiprosper import audit_weights
    >>> panel, truth = dp.datasets.simulate_provinces(12, 5)
    >>> system = dp.IndicatorSystem.from_dict(truth.systems["digital"])
    >>> audit = audit_weights(system, panel, truth.weights["digital"])
    >>> audit[["weighting", "scope", "normalise", "structure"]].iloc[0].tolist()
    ['entropy', 'pooled', 'minmax', 'flat']
    """
    check_type(system, IndicatorSystem, "audit_weights takes an IndicatorSystem")
    if not hasattr(published, "items"):
        raise InputTypeError(
            f"published must be a mapping {{indicator: weight}} or a Series, not "
            f"{type(published).__name__}."
        )
    _, target = zip(*read_weights(published, system.names, "published"), strict=True)
    sample = complete_rows(CompositeIndex(system).recipe, panel, "audit_weights")
    rows = []
    for spec in _candidate_specifications(system, sample):
        deviation, problem = np.nan, ""
        try:
            weights = learn(spec.recipe, sample).weights.mean(axis=0)
            deviation = float(np.abs(weights - np.divide(target, sum(target))).max())
        except IndicatorError as error:
            problem = error.message
        rows.append((*(getattr(spec, name) for name in _AUDITED), deviation, problem))
    table = pd.DataFrame(rows, columns=[*_AUDITED, "max_deviation", "problem"])
    return table.sort_values("max_deviation", kind="stable", ignore_index=True)


def _candidate_specifications(
    system: IndicatorSystem, sample: Sample
) -> Iterator[CompositeIndex]:
    """Make every valid combination of options, the simplest first."""
    scopes = ["pooled", "goalposts"]
    if sample.n_times > 1:
        of_years = "pooled_norm_yearly_weights", "per_year", "legacy_lnT", "expanding"
        base_years = (f"base_year({t})" for t in sample.times)
        scopes = ["pooled", *of_years, "goalposts", *base_years]

    plain = CompositeIndex(system)
    for structure, shift, scope, normalise, weighting in product(
        ("flat", "equal_dimensions", "nested"),
        _SHIFTS,
        scopes,
        ("minmax", "max", "none", "zscore", "rank"),
        WEIGHTINGS,
    ):
        # Equal weights are the same whatever the rest.
        if weighting == "equal" and (scope, normalise) != ("pooled", "minmax"):
            continue
        if shift and weighting != "entropy":
            continue
        try:
            yield plain.replace(
                scope=scope,
                normalise=normalise,
                weighting=weighting,
                structure=structure,
                shift=shift,
            )
        except (OptionError, IndicatorError):
            # Options that contradict each other are no candidates.
            continue
