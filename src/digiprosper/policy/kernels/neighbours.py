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
    """Treated units with their matches.

    Parameters
    ----------
    treated, control : (P,) arrays of int
        Positions among the treated and among the controls, sorted by treated and then by distance.
    distance : (P,) array
        Difference of the scores, in absolute value.
    ties : int
        Treated units with another control at the distance of the last one taken.
    """

    treated: Ints
    control: Ints
    distance: Floats
    ties: int


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Means and variances of columns in two groups.

    Parameters
    ----------
    treated, control : (p,) arrays
        Means.
    variance_treated, variance_control : (p,) arrays
        Variances; missing in a group of one.
    """

    treated: Floats
    control: Floats
    variance_treated: Floats
    variance_control: Floats


def nearest(
    treated: Floats, control: Floats, k: int, caliper: float, *, replace: bool, all_ties: bool = False
) -> Pairs:
    """Find the nearest controls of each treated unit.

    Parameters
    ----------
    treated : (T,) array
        Scores of the treated.
    control : (C,) array
        Scores of the controls.
    k : int
        Controls for each, as far as they are within the caliper.
    caliper : float
        Largest distance; infinite for none.
    replace : bool
        Whether a control may be taken by several treated units. If not, treated units choose in the order of
        their scores, the largest first, one control each in every round.
    all_ties : bool
        With replacement: take all controls at the distance of the last one taken.

    Returns
    -------
    Pairs
        Of controls at the same distance the first is taken, unless all are; of treated units with the same
        score, the first chooses first.
    """
    if replace:
        taken, ties = _with_replacement(treated, control, k, caliper, all_ties=all_ties)
    else:
        taken, ties = _without_replacement(treated, control, k, caliper)
    left = np.array([unit for unit, chosen in enumerate(taken) for _ in chosen], dtype=np.intp)
    right = np.array([one for chosen in taken for one in chosen], dtype=np.intp)
    return Pairs(left, right, np.abs(treated[left] - control[right]), ties)


def _with_replacement(
    treated: Floats, control: Floats, k: int, caliper: float, *, all_ties: bool
) -> tuple[list[list[int]], int]:
    taken, ties = [], 0
    for score, near in zip(treated, tied_nearest(treated, control, k), strict=True):
        distance = np.round(np.abs(control[near] - score), _DECIMALS)
        order = np.argsort(distance, kind="stable")
        within = order[distance[order] <= caliper]
        taken.append(near[within if all_ties else within[:k]].tolist())
        ties += within.size > k
    return taken, ties


def tied_nearest(scores: Floats, pool: Floats, k: int) -> list[Ints]:
    """Find the nearest units of each score, with all that are as near as the last one.

    Parameters
    ----------
    scores : (n,) array
        Scores.
    pool : (m,) array
        Scores of the units to choose from; a unit may be among them itself.
    k : int
        How many; all of a smaller pool.

    Returns
    -------
    list of arrays of int
        Positions in `pool`, in order.
    """
    by_score = np.argsort(pool, kind="stable")
    ordered = pool[by_score]
    return [_as_near_as(ordered, by_score, score, k) for score in scores]


def _as_near_as(ordered: Floats, by_score: Ints, score: float, k: int) -> Ints:
    """Find all controls as near as the k-th nearest, in the order of their positions."""
    place = int(np.searchsorted(ordered, score))
    window = np.abs(ordered[max(place - k, 0) : place + k] - score)
    last = np.sort(window)[:k][-1]
    low = int(np.searchsorted(ordered, score - last - 10.0 ** (1 - _DECIMALS)))
    high = int(np.searchsorted(ordered, score + last + 10.0 ** (1 - _DECIMALS), side="right"))
    as_near = np.round(np.abs(ordered[low:high] - score), _DECIMALS) <= np.round(last, _DECIMALS)
    return np.sort(by_score[low:high][as_near])


def _without_replacement(
    treated: Floats, control: Floats, k: int, caliper: float
) -> tuple[list[list[int]], int]:
    taken: list[list[int]] = [[] for _ in treated]
    tied = set()
    free = np.ones(control.size, dtype=bool)
    order = np.argsort(-np.round(treated, _DECIMALS), kind="stable")
    for unit in np.tile(order, k):
        distance = np.round(np.abs(control - treated[unit]), _DECIMALS)
        distance[~free | (distance > caliper)] = np.inf
        best = int(np.argmin(distance))
        if np.isinf(distance[best]):
            continue
        taken[unit].append(best)
        free[best] = False
        if np.count_nonzero(distance == distance[best]) > 1:
            tied.add(int(unit))
    return taken, len(tied)


def pair_weights(pairs: Pairs, n_treated: int, n_control: int) -> tuple[Floats, Floats]:
    """Weigh matched units.

    Parameters
    ----------
    pairs : Pairs
        From `nearest`.
    n_treated, n_control : int
        Units in each group.

    Returns
    -------
    treated : (T,) array
        1 for treated units with a match, 0 for others.
    control : (C,) array
        Sum over treated units of one over the number of their matches.
    """
    count = np.bincount(pairs.treated, minlength=n_treated)
    share = 1.0 / count[pairs.treated]
    control = np.bincount(pairs.control, weights=share, minlength=n_control).astype(np.float64)
    return (count > 0).astype(np.float64), control


def matched_moments(x: Floats, treated: Bools, weights: Floats) -> Moments:
    """Compute weighted means and variances by group.

    Parameters
    ----------
    x : (N, p) array
        Columns.
    treated : (N,) array of bool
        Which rows are of the treated.
    weights : (N,) array
        Of the rows; rows of weight zero do not count.

    Returns
    -------
    Moments
        A variance is the weighted mean of squared deviations times ``n / (n - 1)``, n the rows with a
        weight.
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
