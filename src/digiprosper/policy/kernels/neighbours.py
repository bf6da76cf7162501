"""Nearest neighbours by a score, the weights they get, and how alike the groups are then."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from digiprosper.kernels import Bools, Floats, Ints

# Scores of entities with the same values may differ by rounding; distances are compared at so many decimals.
_DECIMALS: Final = 12


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Treated units with their matches, sorted by treated unit and then by distance."""

    treated: Ints  # (P,) positions among the treated
    control: Ints  # (P,) positions among the controls
    distance: Floats  # (P,) absolute difference of the scores
    ties: int  # treated units with another control at the distance of the last match


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Means and variances (p,) of columns in two groups; a group of one has no variance."""

    treated: Floats
    control: Floats
    variance_treated: Floats
    variance_control: Floats


def nearest(
    treated: Floats, control: Floats, k: int, caliper: float, *, replace: bool, all_ties: bool = False
) -> Pairs:
    """Find the `k` nearest controls of each treated unit, by score.

    Without replacement treated units choose in the order of their scores, the largest first, one control in
    each round. Of controls at the same distance the first is matched, or all with `all_ties` and `replace`.
    """
    if replace:
        matches, ties = _with_replacement(treated, control, k, caliper, all_ties=all_ties)
    else:
        matches, ties = _without_replacement(treated, control, k, caliper)
    treated_units = np.array([unit for unit, chosen in enumerate(matches) for _ in chosen], dtype=np.intp)
    control_units = np.array([unit for chosen in matches for unit in chosen], dtype=np.intp)
    return Pairs(treated_units, control_units, np.abs(treated[treated_units] - control[control_units]), ties)


def _with_replacement(
    treated: Floats, control: Floats, k: int, caliper: float, *, all_ties: bool
) -> tuple[list[list[int]], int]:
    matches, ties = [], 0
    for score, near in zip(treated, tied_nearest(treated, control, k), strict=True):
        distance = np.round(np.abs(control[near] - score), _DECIMALS)
        order = np.argsort(distance, kind="stable")
        within = order[distance[order] <= caliper]
        matches.append(near[within if all_ties else within[:k]].tolist())
        ties += within.size > k
    return matches, ties


def tied_nearest(scores: Floats, pool: Floats, k: int) -> list[Ints]:
    """Find the `k` nearest units in `pool` of each score, and all that are as near as the last one.

    Returns positions in `pool`, in order. A unit with this score may itself be in the pool.
    """
    by_score = np.argsort(pool, kind="stable")
    ordered = pool[by_score]
    return [_as_near_as(ordered, by_score, score, k) for score in scores]


def _as_near_as(ordered: Floats, by_score: Ints, score: float, k: int) -> Ints:
    """Find all controls as near as the k-th nearest, in the order of their positions."""
    position = int(np.searchsorted(ordered, score))
    window = np.abs(ordered[max(position - k, 0) : position + k] - score)
    last = np.sort(window)[:k][-1]
    low = int(np.searchsorted(ordered, score - last - 10.0 ** (1 - _DECIMALS)))
    high = int(np.searchsorted(ordered, score + last + 10.0 ** (1 - _DECIMALS), side="right"))
    as_near = np.round(np.abs(ordered[low:high] - score), _DECIMALS) <= np.round(last, _DECIMALS)
    return np.sort(by_score[low:high][as_near])


def _without_replacement(
    treated: Floats, control: Floats, k: int, caliper: float
) -> tuple[list[list[int]], int]:
    matches: list[list[int]] = [[] for _ in treated]
    tied = set()
    free = np.ones(control.size, dtype=bool)
    order = np.argsort(-np.round(treated, _DECIMALS), kind="stable")
    for unit in np.tile(order, k):
        distance = np.round(np.abs(control - treated[unit]), _DECIMALS)
        distance[~free | (distance > caliper)] = np.inf
        best = int(np.argmin(distance))
        if np.isinf(distance[best]):
            continue
        matches[unit].append(best)
        free[best] = False
        if np.count_nonzero(distance == distance[best]) > 1:
            tied.add(int(unit))
    return matches, len(tied)


def pair_weights(pairs: Pairs, n_treated: int, n_control: int) -> tuple[Floats, Floats]:
    """Weight matched units: 1 for a matched treated unit, 0 without a match.

    A control has the sum over its treated units of one over the number of their matches.
    """
    count = np.bincount(pairs.treated, minlength=n_treated)
    share = 1.0 / count[pairs.treated]
    control = np.bincount(pairs.control, weights=share, minlength=n_control).astype(np.float64)
    return (count > 0).astype(np.float64), control


def matched_moments(x: Floats, treated: Bools, weights: Floats) -> Moments:
    """Compute weighted means and variances by group.

    A variance is the weighted mean of squared deviations times ``n / (n - 1)``; n counts positive weights.
    """
    mean_t, var_t = _moments(x[treated], weights[treated])
    mean_c, var_c = _moments(x[~treated], weights[~treated])
    return Moments(mean_t, mean_c, var_t, var_c)


def _moments(x: Floats, weights: Floats) -> tuple[Floats, Floats]:
    used = weights > 0
    n = int(used.sum())
    if n == 0:
        missing = np.full(x.shape[1], np.nan)
        return missing, missing
    values, share = x[used], weights[used] / weights[used].sum()
    mean = share @ values
    if n == 1:
        return mean, np.full(x.shape[1], np.nan)
    return mean, share @ (values - mean) ** 2 * n / (n - 1)
