"""The sequential search: one more threshold, then all of them refined; profiles and pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from digiprosper.errors import ThresholdSearchError
from digiprosper.kernels.threshold.scores import State, condition, drops, start
from digiprosper.kernels.tolerances import NO_FALL, SAME_SSR

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digiprosper.kernels import Floats
    from digiprosper.kernels.threshold.planning import Plan

_MOST_CYCLES = 200


@dataclass(frozen=True, slots=True)
class Stage:
    """Result of one step of the sequential search."""

    null_ssr: float  # sum of squares of the refined model with one threshold less
    ssr: float  # least sum of squares over the new threshold, the others held
    at: tuple[int, ...]  # positions of all thresholds after refinement, in the order found


def open_search(search: Plan, outcome: Floats) -> State:
    """Score the outcome (N,) of the data, in the original order of rows, with no threshold fixed."""
    return start(search, search.residualise(outcome[search.candidates.order][None, :]))


def stage(search: Plan, base: State, at: Sequence[int]) -> Stage | None:
    """Find one more threshold, then refine all of them; or take the next of those given.

    `at` has the positions of the thresholds so far. Refined until no threshold moves given the others (Bai
    1997, Econometric Theory 13:315-352); ThresholdSearchError if that does not settle. None if no candidate
    is left at which the slopes are identified.
    """
    null = _fix(search, base, at)
    if search.candidates.given:
        profile = null.ssr[0] - drops(search, null)[0]
        new = search.candidates.given[len(at)]
    else:
        profile = _profile(search, null, len(at), None)
        new = lowest(profile)
    ssr = float(profile[new])
    if not np.isfinite(ssr):
        return None
    positions = [*at, new]
    if not search.candidates.given:
        positions = _refine(search, base, positions)
    return Stage(float(null.ssr[0]), ssr, tuple(positions))


def finish(search: Plan, base: State, at: Sequence[int]) -> tuple[Floats, float]:
    """Profile each threshold with the others held: sums of squares (m, G), and the one at the thresholds.

    Infinite where a threshold may not lie; a searched threshold's own position always counts.
    """
    profiles = np.empty((len(at), search.candidates.values.size))
    for j, position in enumerate(at):
        others = _fix(search, base, [*at[:j], *at[j + 1 :]])
        profiles[j] = _profile(search, others, j, position)
    return profiles, float(_fix(search, base, at).ssr[0])


def least_pair(search: Plan, base: State) -> tuple[tuple[int, int], float]:
    """Find the two thresholds with the least sum of squares of all admissible pairs; one trim for both.

    First comes the one that alone leaves the smaller sum of squares. Raises ThresholdSearchError if no pair
    is admissible.
    """
    alone = _profile(search, base, 0, None)
    first = np.flatnonzero(np.isfinite(alone))
    size = max(1, 4 * search.chunk)
    best = np.inf
    pair = (-1, -1)
    for low in range(0, first.size, size):
        at = first[low : low + size]
        state = condition(search, _copies(base, at.size), at)
        sums = state.ssr[:, None] - drops(search, state)
        # The other half of the pairs has been, or will be, looked at from the other side.
        sums[~search.candidates.open_to(1, state.fixed) | (np.arange(sums.shape[1]) < at[:, None])] = np.inf
        member, other = np.unravel_index(int(sums.argmin()), sums.shape)
        if sums[member, other] < best * (1 - SAME_SSR):
            best, pair = float(sums[member, other]), (int(at[member]), int(other))
    if not np.isfinite(best):
        raise ThresholdSearchError("no pair of candidates keeps enough rows and entities in each regime")
    if alone[pair[1]] < alone[pair[0]]:
        pair = pair[1], pair[0]
    return pair, best


def _copies(state: State, count: int) -> State:
    k, _, candidates = state.score.shape
    return State(
        ssr=np.repeat(state.ssr, count),
        score=np.broadcast_to(state.score, (k, count, candidates)),
        gram=state.gram,
        blocks=(),
        fixed=np.empty((count, 0), dtype=np.intp),
    )


def _fix(search: Plan, state: State, at: Sequence[int]) -> State:
    for position in at:
        state = condition(search, state, np.array([position], dtype=np.intp))
    return state


def _profile(search: Plan, state: State, threshold: int, present: int | None) -> Floats:
    """Compute the sum of squares of one outcome by candidate, infinite where the threshold may not lie."""
    candidates = search.candidates
    if candidates.given:  # others that are given need no room
        free = candidates.allowed[min(threshold, candidates.need.size - 1)]
    else:
        free = candidates.open_to(threshold, state.fixed)[0]
    if present is not None and not candidates.given:
        # Another threshold with a smaller trim may have come nearer than this one may go: it can stay.
        free[present] = True
    profile: Floats = np.where(free, state.ssr[0] - drops(search, state)[0], np.inf)
    return profile


def lowest(profile: Floats) -> int:
    """Find the first candidate with the least sum of squares (G,), whatever rounding makes of equal ones."""
    minimum = profile.min()
    return int(np.flatnonzero(profile <= minimum + SAME_SSR * abs(minimum))[0])


def _refine(search: Plan, base: State, at: list[int]) -> list[int]:
    if len(at) == 1:
        return at
    for _ in range(_MOST_CYCLES):
        moved = False
        for j in range(len(at)):
            profile = _profile(search, _fix(search, base, [*at[:j], *at[j + 1 :]]), j, at[j])
            best = lowest(profile)
            # The sum of squares falls with every move, so that the cycles end; rounding is no fall.
            if profile[best] < profile[at[j]] * (1 - NO_FALL):
                at = [*at[:j], best, *at[j + 1 :]]
                moved = True
        if not moved:
            return at
    raise ThresholdSearchError(f"the refinement did not converge in {_MOST_CYCLES} cycles")


def split(search: Plan, outcome: Floats, at: Sequence[int]) -> tuple[Floats, Floats]:
    """Split an outcome (N,), effects and fixed columns out, into what thresholds explain and the residual.

    The outcome is in the original order of rows, the results in that of the threshold variable.
    """
    net_outcome = search.residualise(outcome[search.candidates.order][None, :])[0]
    if not at:
        return np.zeros_like(net_outcome), net_outcome
    blocks = np.concatenate([search.block(int(search.candidates.cuts[j])) for j in at])
    q, _ = np.linalg.qr(blocks.T)
    fit: Floats = q @ (q.T @ net_outcome)
    return fit, net_outcome - fit
