"""Bootstraps of threshold tests: which residuals are drawn, and the statistic of each draw.

Every draw goes through the same running sums as the data, in chunks that stay in a processor's cache, and
searches every threshold again one after another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from digiprosper.kernels.threshold import Plan, condition, drops, split, start
from digiprosper.kernels.tolerances import NO_RESIDUALS
from digiprosper.kernels.within import is_nested
from digiprosper.optional import Done, uncounted

if TYPE_CHECKING:
    from digiprosper.kernels import Floats, Ints

# Webb's six points keep the draws apart where signs alone have few patterns.
WEBB_CLUSTERS = 12
_WEBB = np.array([-np.sqrt(1.5), -1.0, -np.sqrt(0.5), np.sqrt(0.5), 1.0, np.sqrt(1.5)])
_SIGNS = np.array([-1.0, 1.0])
_KEPT = 3 << 20


@dataclass(frozen=True, slots=True)
class Scheme:
    """Which residuals a draw takes. Rows are in the order of the threshold variable.

    Parameters
    ----------
    name : str
        ``"wild_cluster"``, ``"hansen"`` or ``"iid"``.
    size : int
        Uniform numbers that one draw needs.
    codes : (N,) int array
        Cluster of each row (wild_cluster) or place of the row in its entity's block (hansen); empty for iid.
    blocks : (n, T) int array
        Rows of each entity (hansen); empty otherwise.
    swept : bool
        Whether drawn residuals of a swept outcome stay swept of the level means.
    done : callable
        Is told how many draws begin, for progress that is shown.
    """

    name: str
    size: int
    codes: Ints
    blocks: Ints
    swept: bool
    done: Done = uncounted


def scheme(
    name: Literal["wild_cluster", "hansen", "iid"], search: Plan, codes: Ints, done: Done = uncounted
) -> Scheme:
    """Lay out a bootstrap for a search.

    Parameters
    ----------
    name : {"wild_cluster", "hansen", "iid"}
        One sign a cluster, whole entities exchanged, or single rows (for teaching).
    search : Plan
        From :func:`digiprosper.kernels.threshold.plan`.
    codes : (N,) int array
        Clusters (wild_cluster) or entities (hansen) coded 0, 1, ..., rows as they were given to the
        candidates; not read for iid.
    done : callable, optional
        Is told how many draws begin.

    Returns
    -------
    Scheme
        For :func:`residual_draws`.

    Raises
    ------
    ValueError
        If entities have unequal numbers of rows under "hansen": there is no block to exchange.
    """
    none = np.empty(0, dtype=np.intp)
    n = search.nobs
    if name == "iid":
        return Scheme(name, n, none, none[:, None], swept=False, done=done)

    levels = int(codes.max()) + 1
    groups = search.groups
    ranked = codes[search.candidates.order]
    inside = is_nested(groups.codes, ranked)
    if name == "wild_cluster":
        return Scheme(name, levels, ranked, none[:, None], swept=inside, done=done)

    counts = np.bincount(codes, minlength=levels)
    if counts.min() != counts.max():
        raise ValueError("entities have unequal numbers of rows")

    by_entity = np.argsort(codes, kind="stable").reshape(levels, -1)
    rank = np.empty(n, dtype=np.intp)
    rank[search.candidates.order] = np.arange(n)
    blocks = rank[by_entity].astype(np.intp)
    places = np.empty(n, dtype=np.intp)
    places[blocks] = np.arange(n).reshape(blocks.shape)
    swept = inside and levels == groups.sizes.size
    return Scheme(name, levels, places, blocks, swept=swept, done=done)


def residual_draws(which: Scheme, residual: Floats, uniforms: Floats) -> Floats:
    """Turn uniform numbers into drawn residuals.

    Parameters
    ----------
    which : Scheme
        From :func:`scheme`.
    residual : (N,) float array
        Residual of the null, in the order of the threshold variable.
    uniforms : (c, size) float array
        Numbers in [0, 1), one row per draw.

    Returns
    -------
    (c, N) float array
        In the order of the threshold variable.
    """
    which.done(len(uniforms))
    if which.name == "wild_cluster":
        points = _WEBB if which.size <= WEBB_CLUSTERS else _SIGNS
        signs = points[(uniforms * points.size).astype(np.intp)]
        drawn = np.take(signs, which.codes, axis=1)
        drawn *= residual
        return drawn
    picked = (uniforms * which.size).astype(np.intp)
    if which.name == "iid":
        return np.take(residual, picked)
    columns = which.blocks.shape[1]
    # Donor's block, laid over the entity's rows place by place.
    donors = np.repeat(picked * columns, columns, axis=1) + np.tile(np.arange(columns), which.size)
    return np.take(residual[which.blocks.ravel()], np.take(donors, which.codes, axis=1))


def swept_draws(search: Plan, which: Scheme, residual: Floats, uniforms: Floats) -> tuple[Floats, Floats]:
    """Draw residuals and take the effects out of them.

    Parameters
    ----------
    search : Plan
        The search.
    which, residual, uniforms
        As in `residual_draws`.

    Returns
    -------
    drawn : (c, N) float array
        In the order of the threshold variable.
    least : (c,) float array
        Sum of squares that is rounding. Effects that cross the clusters may leave nothing of a draw: with
        two periods as clusters and entity effects it is so where the periods have opposite weights.
    """
    drawn = residual_draws(which, residual, uniforms)
    if which.swept:
        return drawn, np.zeros(len(drawn))
    least = NO_RESIDUALS * np.einsum("ij,ij->i", drawn, drawn)
    return search.sweep(drawn), least


def excess(upper: Floats, lower: Floats, least: Floats) -> Floats:
    """Compute by how much one sum of squares exceeds a smaller one, relative to it.

    Parameters
    ----------
    upper, lower : (c,) float arrays
        Sums of squares.
    least : (c,) float array
        Sums that are rounding.

    Returns
    -------
    (c,) float array
        ``upper / lower - 1``; missing where `upper` is rounding, so that nothing is left to explain. A
        perfect fit divides by the rounding of `upper`, as the statistic of the data does.
    """
    lost = upper <= least
    bottom = np.maximum(lower, NO_RESIDUALS * upper)
    return np.where(lost, np.nan, upper / np.where(lost, 1.0, bottom) - 1)


def drawn_ratios(
    search: Plan,
    which: Scheme,
    outcome: Floats,
    null_at: tuple[int, ...],
    rng: np.random.Generator,
    *,
    reps: int,
    chunk: int | None = None,
) -> Floats:
    """Draw the statistic of one threshold more than the null has, without its degrees of freedom.

    Parameters
    ----------
    search : Plan
        From :func:`digiprosper.kernels.threshold.plan`.
    which : Scheme
        From :func:`scheme`.
    outcome : (N,) float array
        Outcome of the data, rows as they were given to the candidates.
    null_at : tuple of int
        Positions of the thresholds under the null: outcomes are its fit plus drawn residuals.
    rng : Generator
        Source of uniform numbers; they do not depend on `chunk`.
    reps : int
        Number of draws.
    chunk : int, optional
        Draws worked on together; by default as many as stay in cache.

    Returns
    -------
    (reps,) float array
        ``S_(j-1) / S_j - 1`` with all j thresholds searched again in sequence; missing where a draw left no
        room, or nothing to explain.
    """
    fit, residual = split(search, outcome, null_at)
    size = search.chunk if chunk is None else chunk
    # Taking a large block and giving it back at once makes glibc keep freed memory for the next step;
    # otherwise page faults cost more than the arithmetic. Elsewhere it does nothing.
    np.empty(_KEPT)
    ratios = np.empty(reps)
    for low in range(0, reps, size):
        high = min(low + size, reps)
        drawn, least = swept_draws(search, which, residual, rng.random((high - low, which.size)))
        if null_at:
            drawn += fit
        ratios[low:high] = _searched(search, drawn, least, len(null_at) + 1)
    return ratios


def _searched(search: Plan, outcomes: Floats, least: Floats, count: int) -> Floats:
    state = start(search, outcomes)
    for j in range(count):
        gain = drops(search, state)
        if j == 0:
            gain[:, ~search.candidates.allowed[0]] = -np.inf
        else:
            gain[~search.candidates.open_to(j, state.fixed)] = -np.inf

        at = gain.argmax(axis=1)
        best = gain[np.arange(at.size), at]
        if j == count - 1:
            break
        if np.isneginf(best).any():
            # A draw without room is missing; the others go on.
            out = np.full(at.size, np.nan)
            room = ~np.isneginf(best)
            if room.any():
                out[room] = _searched(search, outcomes[room], least[room], count)
            return out
        state = condition(search, state, at)

    room = ~np.isneginf(best)
    out = np.full(at.size, np.nan)
    out[room] = excess(state.ssr[room], state.ssr[room] - best[room], least[room])
    return out


def concentration(
    search: Plan, outcome: Floats, at: tuple[int, ...], codes: Ints, top: int = 5
) -> tuple[float, Ints]:
    """Compute the share of few clusters in the sum of squared scores of the last threshold.

    Parameters
    ----------
    search : Plan
        From :func:`digiprosper.kernels.threshold.plan`.
    outcome : (N,) float array
        Rows as they were given to the candidates.
    at : tuple of int
        Positions of the thresholds, the tested one last.
    codes : (N,) int array
        Cluster of each row.
    top : int
        How many clusters.

    Returns
    -------
    share : float
        Between 0 and 1: near 1, the test depends on these clusters.
    largest : (top,) int array
        Which they are, the largest first.
    """
    _, residual = split(search, outcome, at[:-1])
    blocks = np.concatenate([search.block(int(search.candidates.cuts[j])) for j in at])
    q, _ = np.linalg.qr(blocks.T)
    tested = q[:, -search.z.shape[0] :].T * residual
    ranked = codes[search.candidates.order]
    sums = np.stack([np.bincount(ranked, weights=row) for row in tested])
    squares = (sums * sums).sum(axis=0)
    largest = np.argsort(-squares, kind="stable")[:top].astype(np.intp)
    total = float(squares.sum())
    return (float(squares[largest].sum()) / total if total > 0 else np.nan), largest


def usual_concentration(groups: int, top: int = 5) -> float:
    """Compute the share that few of many equal clusters carry by chance.

    Parameters
    ----------
    groups : int
        Number of clusters.
    top : int
        How many of them.

    Returns
    -------
    float
        Share of the largest squares among as many independent standard normal scores, at their expected
        ranks: .56 for five of 31, .27 for five of 100.
    """
    from scipy.special import ndtri

    squares = ndtri(0.5 + (np.arange(groups) + 0.5) / groups / 2) ** 2
    return float(squares[-top:].sum() / squares.sum())
