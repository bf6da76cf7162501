"""Bootstraps of threshold tests: residuals drawn, and each draw's statistic.

Every draw goes through the same running sums as the data, in chunks that stay in a
processor's cache, and searches every threshold again one after another.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from digiprosper.kernels import Floats, Ints
from digiprosper.kernels.threshold import Plan, condition, drops, split, start
from digiprosper.kernels.tolerances import NO_RESIDUALS
from digiprosper.kernels.within import is_nested
from digiprosper.linear.kernels.wild import wild_weights
from digiprosper.optional import Done, ignore_progress

_KEPT = 3 << 20


@dataclass(frozen=True, slots=True)
class Scheme:
    """Which residuals a draw takes. Rows are in the order of the threshold variable."""

    name: str  # ``wild_cluster``, ``hansen`` or ``iid``
    size: int  # uniform numbers of one draw
    # (N,) cluster (wild_cluster), or position of the row in its entity's block (hansen)
    codes: Ints
    blocks: Ints  # (n, T) rows of each entity (hansen)
    demeaned: bool  # drawn residuals of a demeaned outcome keep level means of zero
    # Called with the number of draws that begin, to show progress
    done: Done = ignore_progress


def scheme(
    name: Literal["wild_cluster", "hansen", "iid"],
    search: Plan,
    codes: Ints,
    done: Done = ignore_progress,
) -> Scheme:
    """Prepare a bootstrap: a sign per cluster, exchanged entities, or single rows.

    Entities are exchanged as a whole. Single rows are for teaching. `codes` (N,) are
    clusters (wild_cluster) or entities (hansen), rows in the original order. Raises
    ValueError if entities have unequal numbers of rows under "hansen".
    """
    blocks = np.empty((0, 1), dtype=np.intp)
    order = search.candidates.order
    n, levels = search.nobs, int(codes.max()) + 1
    if name == "iid":
        return Scheme(name, n, blocks[:, 0], blocks, demeaned=False, done=done)

    positions = codes[order]
    demeaned = is_nested(search.groups.codes, positions)
    if name == "hansen":
        counts = np.bincount(codes, minlength=levels)
        if counts.min() != counts.max():
            raise ValueError("entities have unequal numbers of rows")
        rank, positions = np.empty_like(order), np.empty_like(order)
        rank[order] = np.arange(n)
        blocks = rank[np.argsort(codes, kind="stable")].reshape(levels, -1)
        positions[blocks] = np.arange(n).reshape(blocks.shape)
        demeaned = demeaned and levels == search.groups.sizes.size
    return Scheme(name, levels, positions, blocks, demeaned=demeaned, done=done)


def residual_draws(bootstrap: Scheme, residual: Floats, uniforms: Floats) -> Floats:
    """Turn uniform numbers (c, size) into residuals (c, N), in the order of q."""
    bootstrap.done(len(uniforms))
    if bootstrap.name == "wild_cluster":
        points = np.array(wild_weights(bootstrap.size, len(uniforms)).points)
        signs = points[(uniforms * points.size).astype(np.intp)]
        drawn = np.take(signs, bootstrap.codes, axis=1)
        drawn *= residual
        return drawn
    picked = (uniforms * bootstrap.size).astype(np.intp)
    if bootstrap.name == "iid":
        return np.take(residual, picked)
    columns = bootstrap.blocks.shape[1]
    # The donor's block is laid over the entity's rows, one after the other.
    donors = np.repeat(picked * columns, columns, axis=1) + np.tile(
        np.arange(columns), bootstrap.size
    )
    return np.take(
        residual[bootstrap.blocks.ravel()], np.take(donors, bootstrap.codes, axis=1)
    )


def uniforms(
    search: Plan, bootstrap: Scheme, rng: np.random.Generator, reps: int
) -> Iterator[Floats]:
    """Yield the uniform numbers (c, size) of the draws that are computed together."""
    for low in range(0, reps, search.chunk):
        yield rng.random((min(search.chunk, reps - low), bootstrap.size))


def demeaned_draws(
    search: Plan,
    bootstrap: Scheme,
    residual: Floats,
    rng: np.random.Generator,
    reps: int,
) -> Iterator[tuple[Floats, Floats]]:
    """Yield drawn residuals (c, N), demeaned, of the draws computed together.

    The second result is the sum of squares (c,) that is rounding. Effects that cross
    the clusters may leave nothing of a draw: with two periods as clusters and entity
    effects it is so where the periods have opposite weights.
    """
    for numbers in uniforms(search, bootstrap, rng, reps):
        drawn, rounding = (
            residual_draws(bootstrap, residual, numbers),
            np.zeros(len(numbers)),
        )
        if not bootstrap.demeaned:
            rounding = NO_RESIDUALS * np.einsum("ij,ij->i", drawn, drawn)
            drawn = search.groups.demean(drawn)
        yield drawn, rounding


def excess(upper: Floats, lower: Floats, rounding: Floats) -> Floats:
    """Compute ``upper / lower - 1`` of sums of squares (c,).

    Missing where `upper` is at most `rounding`, so that nothing is left to explain. A
    perfect fit divides by the rounding of `upper`, as the statistic of the data does.
    """
    lost = upper <= rounding
    bottom = np.maximum(lower, NO_RESIDUALS * upper)
    return np.where(lost, np.nan, upper / np.where(lost, 1.0, bottom) - 1)


def drawn_ratios(
    search: Plan,
    bootstrap: Scheme,
    outcome: Floats,
    null_at: tuple[int, ...],
    rng: np.random.Generator,
    *,
    reps: int,
) -> Floats:
    """Draw the statistic (reps,) of one threshold more than the null.

    ``S_(j-1) / S_j - 1`` with all j thresholds searched again in sequence. Outcomes are
    the fit of the null, with thresholds at positions `null_at`, plus drawn residuals.
    Missing where a draw left no candidate, or nothing to explain. Draws do not depend
    on how many are computed together.
    """
    fit, residual = split(search, outcome, null_at)
    # Taking a large block and giving it back at once makes glibc keep freed memory for
    # the next step; otherwise page faults cost more than the arithmetic. Elsewhere it
    # does nothing.
    np.empty(_KEPT)
    ratios = []
    for drawn, rounding in demeaned_draws(search, bootstrap, residual, rng, reps):
        if null_at:
            drawn += fit
        ratios.append(_run_search(search, drawn, rounding, len(null_at) + 1))
    return np.concatenate(ratios)


def _run_search(search: Plan, outcomes: Floats, rounding: Floats, count: int) -> Floats:
    state = start(search, outcomes)
    for j in range(count):
        gain = drops(search, state)
        gain[~search.candidates.open_to(j, state.fixed)] = -np.inf
        at = gain.argmax(axis=1)
        best = gain[np.arange(at.size), at]
        room = ~np.isneginf(best)
        out = np.full(at.size, np.nan)
        if j == count - 1:
            break
        if not room.all():
            # A draw without room is missing; the others go on.
            if room.any():
                out[room] = _run_search(search, outcomes[room], rounding[room], count)
            return out
        state = condition(search, state, at)

    out[room] = excess(state.ssr[room], state.ssr[room] - best[room], rounding[room])
    return out


def concentration(
    search: Plan, outcome: Floats, at: tuple[int, ...], codes: Ints, top: int = 5
) -> tuple[float, Ints]:
    """Compute the `top` clusters' share in the last threshold's squared scores.

    Also return these clusters, the largest first. `at` has the positions of the
    thresholds, the tested one last. Near 1, the test depends on these clusters.
    """
    _, residual = split(search, outcome, at[:-1])
    basis, _ = search.blocks(at)
    tested = basis[:, -search.z.shape[0] :].T * residual
    ranked = codes[search.candidates.order]
    sums = np.stack([np.bincount(ranked, weights=row) for row in tested])
    squares = (sums * sums).sum(axis=0)
    largest = np.argsort(-squares, kind="stable")[:top].astype(np.intp)
    total = float(squares.sum())
    return (float(squares[largest].sum()) / total if total > 0 else np.nan), largest


def usual_concentration(groups: int) -> float:
    """Compute the share that the five largest of many equal clusters have by chance.

    It is that of the largest squares among independent standard normal scores, at their
    expected ranks: .56 for five of 31, .27 for five of 100.
    """
    from scipy.special import ndtri

    squares = ndtri(0.5 + (np.arange(groups) + 0.5) / groups / 2) ** 2
    return float(squares[-5:].sum() / squares.sum())
