"""Sensitivity of the scores and ranks of an index to its options."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from digiprosper.composite.kernels.ranking import descending_ranks, rank_correlations
from digiprosper.composite.notices import impossible
from digiprosper.composite.options import read_option
from digiprosper.composite.ranking_results import ComparedRanks, IndexSensitivity, RankedRows, left_out
from digiprosper.composite.rankings import fitted_rows, groups_of, refuse_incomparable
from digiprosper.composite.state import learn
from digiprosper.errors import (
    IndicatorError,
    InputTypeError,
    Notice,
    OptionError,
    check_option,
    cited,
    option_problem,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from digiprosper.composite.ranking_results import Among
    from digiprosper.composite.rankings import FittedRows
    from digiprosper.composite.specification import CompositeIndex
    from digiprosper.kernels import Bools, Floats, Ints
    from digiprosper.panel import Panel, Sample

_VARIED: Final = ("scope", "normalise", "shift", "weighting", "structure", "aggregate")


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
        The values of each option to compare, such as ``{"weighting": ["entropy", "equal"]}``. Options are
        ``scope``, ``normalise``, ``shift``, ``weighting`` (also given weights, ``{indicator: weight}``),
        ``structure`` and ``aggregate``. Only entropy weights have a shift; other weights are computed without
        it.
    among : {"per_year", "pooled"}, default "per_year"
        ``"per_year"`` ranks the rows of each period among themselves, ``"pooled"`` all rows together.

    Returns
    -------
    IndexSensitivity
        `combinations` compares each combination with the baseline. `ranks` has the rank of each row with each
        combination. `shares()` decomposes the variance of the ranks by option.

    Raises
    ------
    InputTypeError
        If `index_spec` is not a `CompositeIndex`, `panel` is not a Panel, or `over` is not a mapping of
        lists.
    OptionError
        If an option or a value is unknown, if a value is listed twice, or if no option has two values.
    ColumnError, IndicatorError, MissingDataError
        As in `CompositeIndex.fit`, for the baseline.

    Notes
    -----
    Some combinations are impossible. For example, entropy weights are not defined for z-scores, and a
    geometric mean is not defined for negative values. They stay in the table with the reason. `shares` needs
    all combinations of the values it uses. It uses the largest such part of the grid that contains the
    baseline; a notice lists the values that are left out.

    Only the warnings of the baseline are issued. Fit another combination itself before you use it.

    Saisana, Saltelli and Tarantola (2005, JRSS A 168:307-323) estimate the shares by simulation. Here all
    combinations are computed, so the shares are exact.

    Examples
    --------
    >>> import digiprosper as dp
    >>> from digiprosper import index_sensitivity
    >>> states = dp.datasets.us_states().assign(roads="I(hwy / emp)", pipes="I(water / emp)")
    >>> system = dp.IndicatorSystem.from_dict({"": {"roads": "+", "pipes": "+"}})
    >>> grid = {"weighting": ["entropy", "equal"], "normalise": ["minmax", "rank"]}
    >>> found = index_sensitivity(dp.CompositeIndex(system), states, over=grid)
    >>> found.combinations["spearman"].round(2).tolist()
    [1.0, 0.95, 0.96, 0.95]
    >>> found.shares(overall=True)[["first", "total"]].round(2).values.tolist()
    [[0.16, 0.32], [0.68, 0.84]]
    """
    fit = fitted_rows(index_spec, panel, "index_sensitivity", among)
    grid = _read_grid(over, fit.recipe.names)
    groups = groups_of(fit.sample, among)
    changes = [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]
    compared = _compare(fit, [_variant(index_spec, change) for change in changes], among, groups)

    shown = tuple((name, _labels(values)) for name, values in grid.items())
    baseline = tuple(_position(getattr(index_spec, name), values) for name, values in grid.items())
    possible = np.array([not p for p in compared.problems]).reshape([len(v) for v in grid.values()])
    complete = complete_grid(possible, baseline)
    return IndexSensitivity(
        ranked=RankedRows(
            name=index_spec.name,
            index=fit.sample.index,
            among=among,
            method=fit.recipe.description,
            labels=panel.labels,
        ),
        options=shown,
        baseline=baseline,
        base_ranks=descending_ranks(fit.scores[None], groups)[0],
        compared=compared,
        complete=complete,
        diagnostics=(*fit.results.diagnostics, *_notices(possible, shown, complete)),
    )


def _compare(
    fit: FittedRows,
    specs: Sequence[CompositeIndex | OptionError | IndicatorError],
    among: str,
    groups: Sequence[Ints],
) -> ComparedRanks:
    ranks = np.zeros((len(specs), fit.sample.nobs), dtype=np.min_scalar_type(max(g.size for g in groups)))
    correlations = np.full(len(specs), np.nan)
    problems = [""] * len(specs)
    for c, spec in enumerate(specs):
        try:
            scores = _scores(spec, fit.sample, among)[None]
        except (OptionError, IndicatorError) as error:
            problems[c] = error.message
        else:
            ranks[c] = descending_ranks(scores, groups)[0]
            correlations[c] = rank_correlations(scores, fit.scores, groups)[0]
    return ComparedRanks(
        rank_values=ranks,
        correlations=correlations,
        problems=tuple(problems),
        same=np.array([spec == fit.spec for spec in specs]),
    )


def complete_grid(possible: Bools, pinned: Sequence[int | None]) -> tuple[tuple[int, ...], ...]:
    """Find the largest part of a grid, (d_1, ..., d_k), whose combinations are all possible.

    Returns positions by option, empty if no part is complete; `pinned` is a position that each option has to
    keep, if any. Of parts of the same size the one that takes values from later options is found first.
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
        # A complete part lacks a value of this hole: try each, the option that loses least first.
        for option in sorted(range(possible.ndim), key=lambda i: (-len(part[i]), -i)):
            value = part[option][holes[0][option]]
            if len(part[option]) > 1 and value != pinned[option]:
                remaining = tuple(p for p in part[option] if p != value)
                search((*part[:option], remaining, *part[option + 1 :]))

    search(tuple(tuple(range(d)) for d in possible.shape))
    return best


# --- options ------------------------------------------------------------------------------------------------


def _read_grid(over: object, names: tuple[str, ...]) -> dict[str, list[Any]]:
    """Check options and values, each by itself: contradictions between them are found later."""
    if not hasattr(over, "items"):
        raise InputTypeError("over must be a mapping of option to values, such as {'shift': [0, .01]}.")
    grid = {}
    for option, values in over.items():
        check_option("over", option, _VARIED)
        grid[option] = _read_values(option, values, names)
    if not any(len(values) > 1 for values in grid.values()):
        raise OptionError("over must have at least two values of some option.")
    return grid


def _read_values(option: str, values: Any, names: tuple[str, ...]) -> list[Any]:
    if isinstance(values, str) or hasattr(values, "items") or not isinstance(values, Iterable):
        raise InputTypeError(f"over[{cited(option)}] must be a list of values; {cited(values)} is not.")
    read = [read_option(option, value, names) for value in values]
    twice = [v for i, v in enumerate(read) if v in read[:i]]
    if twice or not read:
        problem = f"lists {cited(twice[0])} twice" if twice else "lists no value"
        raise OptionError(f"over[{cited(option)}] {problem}.", [option_problem(option, values, what=problem)])
    return read


def _labels(values: Sequence[Any]) -> tuple[Any, ...]:
    """Show values as they are, and given weights by a word."""
    given_weights = [v for v in values if isinstance(v, tuple)]
    name = "given" if len(given_weights) == 1 else "given {}"
    return tuple(name.format(given_weights.index(v) + 1) if isinstance(v, tuple) else v for v in values)


def _position(value: Any, values: Sequence[Any]) -> int | None:
    return values.index(value) if value in values else None


def _variant(spec: CompositeIndex, changes: dict[str, Any]) -> CompositeIndex | OptionError | IndicatorError:
    """Change options of the baseline; options that contradict each other give the error."""
    weighting = changes.get("weighting", spec.weighting)
    if weighting != "entropy":
        changes["shift"] = 0.0
    try:
        return spec.replace(**changes)
    except (OptionError, IndicatorError) as error:
        return error


def _scores(spec: CompositeIndex | OptionError | IndicatorError, sample: Sample, among: str) -> Floats:
    if isinstance(spec, OptionError | IndicatorError):
        raise spec
    recipe = spec.recipe
    refuse_incomparable(recipe, among)
    state = learn(recipe, sample)
    return state.scores(recipe, state.place(recipe, sample), sample.index)


def _notices(
    possible: Bools, options: Sequence[tuple[str, tuple[Any, ...]]], complete: Sequence[Sequence[int]]
) -> list[Notice]:
    if possible.all():
        return []
    complete_values = {n: [v[p] for p in k] for (n, v), k in zip(options, complete, strict=True)}
    excluded = left_out(options, complete) if all(complete) else ""
    return [impossible(int((~possible).sum()), possible.size, complete_values, excluded)]
