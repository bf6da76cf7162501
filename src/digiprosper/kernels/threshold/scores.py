"""A batch of outcomes scored at every candidate, and thresholds fixed one by one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from digiprosper.kernels.tolerances import UNIDENTIFIED

if TYPE_CHECKING:
    from digiprosper.kernels import Bools, Floats, Ints
    from digiprosper.kernels.threshold.planning import Plan

_TILE = 1 << 16


@dataclass(frozen=True, slots=True)
class State:
    """A batch of c outcomes, with the thresholds fixed so far taken out."""

    ssr: Floats  # (c,) sum of squares of the residuals
    score: Floats  # (k, c, G) products of the regime block at each candidate with the residuals
    gram: Floats  # (k, k, 1 or c, G) products of the block with itself after all that is fixed
    # (k, k, c, G) per fixed threshold: its orthonormal block times the block at each candidate
    blocks: tuple[Floats, ...]
    fixed: Ints  # (c, l) positions of the fixed thresholds


def start(search: Plan, outcomes: Floats) -> State:
    """Score a batch of demeaned outcomes (c, N), in the order of q, at every candidate, no threshold fixed.

    O(N (p + k)) an outcome.
    """
    basis_products = outcomes @ search.basis.T
    ssr = np.einsum("cn,cn->c", outcomes, outcomes) - np.einsum("cp,cp->c", basis_products, basis_products)
    last = search.candidates.cuts - 1
    score = np.empty((search.z.shape[0], outcomes.shape[0], last.size))
    running = np.empty_like(outcomes)
    for row, loading, out in zip(search.z, search.loadings, score, strict=True):
        np.cumsum(np.multiply(outcomes, row, out=running), axis=1, out=running)
        np.take(running, last, axis=1, out=out, mode="clip")
        for tile in _tiles(out):
            out[:, tile] -= basis_products @ loading[:, tile]
    return State(ssr, score, search.gram, (), np.empty((outcomes.shape[0], 0), dtype=np.intp))


def drops(search: Plan, state: State) -> Floats:
    """Compute by how much one more threshold at each candidate reduces the sum of squares.

    ``b' A^-1 b``, (c, G). Minus infinity where the block is not identified (no variation left).
    """
    gains = np.empty(state.score.shape[1:])
    for tile in _tiles(gains):
        squares = search.squares[:, :, tile]
        gains[:, tile] = _gains(state.gram[..., tile], state.score[..., tile], squares)
    return gains


def _tiles(batch: Floats) -> list[slice]:
    """Cut the candidates so that the temporary arrays of a batch stay in cache, however many there are."""
    members, count = batch.shape
    step = max(1, _TILE // members)
    return [slice(low, low + step) for low in range(0, count, step)]


def _gains(gram: Floats, score: Floats, squares: Floats) -> Floats:
    k = score.shape[0]
    if k == 1:  # the same in fewer passes
        pivot = gram[0, 0]
        none = pivot <= UNIDENTIFIED * squares[0, 0]
        gain = score[0] ** 2 / np.where(none, 1.0, pivot)
        gain[np.broadcast_to(none, gain.shape)] = -np.inf
        return np.asarray(gain)

    rows: list[list[Floats]] = []
    inverse: list[Floats] = []
    solved: list[Floats] = []
    bad: Bools = np.zeros(gram.shape[2:], dtype=np.bool_)
    total = np.zeros(score.shape[1:])

    # Columns of which rounding alone is left pass the test of each pivot, and overflow a few pivots later.
    with np.errstate(over="ignore", invalid="ignore"):
        for a in range(k):
            row: list[Floats] = []
            for j in range(a):
                inner = sum(x * y for x, y in zip(row, rows[j], strict=False))
                row.append((gram[a, j] - inner) * inverse[j])
            pivot = gram[a, a] - sum(x * x for x in row)
            bad |= ~(pivot > UNIDENTIFIED * squares[a, a])
            inverse.append(1 / np.sqrt(np.where(bad, 1.0, pivot)))
            solved.append((score[a] - sum(x * y for x, y in zip(row, solved, strict=False))) * inverse[a])
            total += solved[a] * solved[a]
            rows.append(row)

    total[bad | ~np.isfinite(total)] = -np.inf
    return total


def condition(search: Plan, state: State, at: Ints) -> State:
    """Fix one more threshold, at positions (c,), in every member of a batch.

    A step of block Gram-Schmidt in products: another O(N (p + k)) an outcome.
    """
    candidates, groups = search.candidates, search.groups
    k = search.z.shape[0]
    low = groups.order < candidates.cuts[at][:, None]
    lower = np.minimum(np.arange(candidates.cuts.size), at[:, None])
    cross = np.empty((k, k, at.size, candidates.cuts.size))
    for a in range(k):
        means = np.add.reduceat(search.z[a][groups.order] * low, groups.starts, axis=1) / groups.sizes
        spread = np.take(means, groups.codes, axis=1)
        for b in range(k):
            # The demeaned block times z is the product of the rows below both, less the means below one.
            running = np.cumsum(spread * search.z[b], axis=1)
            np.take(running, candidates.cuts - 1, axis=1, out=cross[a, b], mode="clip")
            np.subtract(np.take(search.squares[a, b], lower), cross[a, b], out=cross[a, b])
            cross[a, b] -= search.loadings[a][:, at].T @ search.loadings[b]

    members = np.arange(at.size)
    for earlier in state.blocks:
        cross -= _contract(earlier[:, :, members, at], earlier)

    gram = np.broadcast_to(state.gram, (k, k, at.size, candidates.cuts.size))
    factor = np.linalg.cholesky(np.moveaxis(gram[:, :, members, at], -1, 0))
    inverse = np.moveaxis(np.linalg.inv(factor), 0, -1)
    block = _contract(inverse.swapaxes(0, 1), cross)

    height = np.einsum("mac,ac->mc", inverse, state.score[:, members, at])
    score = state.score - _contract(height[:, None, :], block)[0]
    return State(
        ssr=state.ssr - (height * height).sum(axis=0),
        score=score,
        gram=gram - _contract(block, block),
        blocks=(*state.blocks, block),
        fixed=np.concatenate([state.fixed, at[:, None]], axis=1),
    )


def _contract(first: Floats, second: Floats) -> Floats:
    """Sum left[m, a] right[m, b] over m, the last axes being batch members and candidates."""
    if first.ndim < second.ndim:
        first = first[..., None]
    out = first[0][:, None] * second[0][None, :]
    for m in range(1, second.shape[0]):
        out += first[m][:, None] * second[m][None, :]
    return np.asarray(out)
