"""The value at which a mediation's regimes part: searched in the sample, and again in every draw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from digiprosper.errors import CollinearityError, Notice, ThresholdSearchError, cited
from digiprosper.kernels.resampling import draw_counts, entity_grams, refit
from digiprosper.kernels.slopes import Slope, apart
from digiprosper.kernels.threshold import (
    candidates,
    drops,
    level_is_held,
    lowest,
    open_search,
    plan,
    without_level,
)
from digiprosper.kernels.tolerances import ABSORBED
from digiprosper.kernels.within import is_nested
from digiprosper.linear.cluster_bootstrap import drawn_clusters
from digiprosper.mediation.layout import lay_out
from digiprosper.mediation.system import demean_made

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digiprosper.kernels import Floats, Ints
    from digiprosper.kernels.slopes import Effect
    from digiprosper.kernels.threshold import Plan
    from digiprosper.linear.estimation import Demeaned
    from digiprosper.linear.preparation import Prepared
    from digiprosper.mediation.system import System

_TRIM = 0.05
NO_THRESHOLD = (
    "failed: in the drawn sample no threshold leaves enough rows in each regime. Intervals use the remaining "
    "draws."
)
"""Why draws in which the threshold is searched again are lost."""


@dataclass(frozen=True, slots=True, eq=False)
class SearchedDraws:
    """Draws in each of which the threshold is searched again.

    `gammas` (R,) and the rows of `coefficients` (R, K), as in `System.draws`, and `terms` (R, T) are NaN in
    draws without a threshold; `lost` is their number.
    """

    gammas: Floats
    coefficients: Floats
    terms: Floats
    lost: int


def search(spec: Any, prepared: Prepared) -> float:
    """Find the threshold with the smallest sum of squares of the outcome's equation.

    Candidates leave at least 5% of the rows in each regime.
    """
    y, z, x, q = _columns(prepared)
    try:
        return _least(y, z, x, q, prepared.within.every, intercept=spec.regime_intercept)
    except (ThresholdSearchError, CollinearityError) as error:
        name = prepared.sample.names_of("threshold_variable")[0]
        raise ThresholdSearchError(
            f"threshold={cited(spec.threshold)}: {error}. {cited(name)} has {np.unique(q).size:,} values "
            f"in {q.size:,} rows; each regime needs at least 5% of the rows, with variation in treatment "
            "and mediators. Pass the value, ('q', 6.5), or use another variable.",
            [Notice("no_room", str(error), {"column": name})],
        ) from error


def holds_level(prepared: Prepared, demeaned: Demeaned, gamma: float) -> bool:
    """Whether the dummy of the low regime is collinear with effects and controls.

    This is so if no entity ever changes its regime. The dummy then has no coefficient, and nothing depends on
    where the split variables are zero.
    """
    sample = prepared.sample
    low = (sample.columns("threshold_variable")[:, 0] <= gamma).astype(np.float64)
    residuals = prepared.within.demean(low)
    if sample.names_of("x"):
        at = demeaned.at(sample.names_of("x"))
        controls, size = demeaned.taken(at), demeaned.lengths[list(at)]
        controls = controls[:, size > 0] / size[size > 0]
        residuals = residuals - controls @ np.linalg.lstsq(controls, residuals, rcond=None)[0]
    return bool(np.linalg.norm(residuals) < ABSORBED * np.linalg.norm(low - low.mean()))


def searched_draws(
    spec: Any,
    prepared: Prepared,
    demeaned: Demeaned,
    system: System,
    seed: np.random.SeedSequence,
    n_terms: int,
) -> SearchedDraws:
    """Search the threshold in every draw and fit all equations at the value of the draw.

    The draws are those of the system, made again from its seed. Each is written out row by row, with new
    codes for repeated clusters, and searched like a sample: running sums over rows are not weighted sums of
    clusters. The fits are batched over draws with the same threshold.
    """
    codes, _ = drawn_clusters(prepared)
    counts = draw_counts(seed, int(codes.max()) + 1, system.draws.shape[0])
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(counts.shape[1] + 1))
    y, z, x, q = _columns(prepared)
    gammas = np.full(counts.shape[0], np.nan)
    for r, count in enumerate(counts.astype(np.intp)):
        rows, copies = _stacked(order, starts, count)
        effects = _fresh(prepared.within.every, codes, rows, copies)
        try:
            gammas[r] = _least(y[rows], z[rows], x[rows], q[rows], effects, intercept=spec.regime_intercept)
        except (ThresholdSearchError, CollinearityError):  # a draw without room is a lost draw, and counted
            continue
    draws = np.full_like(system.draws, np.nan)
    terms = np.full((gammas.size, n_terms), np.nan)
    for gamma in np.unique(gammas[~np.isnan(gammas)]):
        same_gamma = np.flatnonzero(gammas == gamma)
        level = spec.regime_intercept and not holds_level(prepared, demeaned, float(gamma))
        layout = lay_out(spec, prepared.sample, float(gamma), level=level)
        columns = demean_made(prepared, demeaned, layout).columns
        grams = entity_grams(columns, codes, prepared.within.every, demeaned=True)
        draws[same_gamma] = np.hstack(refit(grams, counts[same_gamma], layout.equations))
        # Averages over the rows have the shares of the draw's own regimes.
        at = np.array([system.at(*slope) for slope in layout.used])
        terms[same_gamma] = layout.products.evaluate(draws[np.ix_(same_gamma, at)])
    missing = np.isnan(draws).any(axis=1)
    draws[missing] = terms[missing] = np.nan
    return SearchedDraws(gammas, draws, terms, int(missing.sum()))


def _columns(prepared: Prepared) -> tuple[Floats, Floats, Floats, Floats]:
    """Select outcome, split regressors, controls, threshold variable."""
    sample = prepared.sample
    split = np.column_stack([sample.columns("treatment"), sample.columns("mediators")])
    return sample.columns("y")[:, 0], split, sample.columns("x"), sample.columns("threshold_variable")[:, 0]


def _least(
    y: Floats, z: Floats, x: Floats, q: Floats, effects: Sequence[Effect], *, intercept: bool
) -> float:
    running = plan(z, x, candidates(q, [_TRIM]), effects, intercept=intercept)
    sums = _sums_of_squares(running, y)
    if intercept and (held := level_is_held(running)).any():
        sums[held] = _sums_of_squares(without_level(running), y)[held]
    best = lowest(sums)
    if not np.isfinite(sums[best]):
        raise ThresholdSearchError("no candidate leaves enough rows in each regime to estimate its slopes")
    return float(running.candidates.values[best])


def _sums_of_squares(running: Plan, y: Floats) -> Floats:
    """Compute the sum of squares at each candidate, infinite if the slopes are not identified."""
    state = open_search(running, y)
    return np.asarray(state.ssr[0] - drops(running, state)[0])


def _stacked(order: Ints, starts: Ints, count: Ints) -> tuple[Ints, Ints]:
    """List the rows of the drawn clusters, and which copy of a cluster each belongs to."""
    drawn = np.repeat(np.arange(count.size), count)
    sizes = starts[drawn + 1] - starts[drawn]
    copies = np.repeat(np.arange(drawn.size), sizes)
    inside = np.arange(copies.size) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return order[starts[drawn][copies] + inside], copies


def _fresh(effects: Sequence[Effect], codes: Ints, rows: Ints, copies: Ints) -> list[Effect]:
    """Code the effects of a draw: nested effects anew in every copy, crossing effects unchanged."""
    constants, slopes = apart(effects)
    drawn: list[Effect] = [_drawn(effect, codes, rows, copies) for effect in constants]
    return [*drawn, *(Slope(_drawn(s.codes, codes, rows, copies), s.column[rows]) for s in slopes)]


def _drawn(effect: Ints, codes: Ints, rows: Ints, copies: Ints) -> Ints:
    drawn = effect[rows]
    if is_nested(effect, codes):
        drawn = copies * (int(effect.max()) + 1) + drawn
    return np.unique(drawn, return_inverse=True)[1].astype(np.intp)
