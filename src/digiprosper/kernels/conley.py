"""Sums of score products over rows near in space or in time (Conley 1999)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.kernels.chunks import rows_of_levels
from digiprosper.kernels.great_circle import EARTH_RADIUS, great_circle
from digiprosper.kernels.tolerances import SAME_DISTANCE
from digiprosper.kernels.within import level_sums

# Pairs of locations whose distances are computed at a time: about 100 MB in all
_PAIRS = 2_000_000
# Fewest locations that are processed together
_FEWEST = 32
# Cells of locations by periods, as a multiple of the rows, up to which all periods are
# summed together.
_CELLS = 4


@dataclass(frozen=True, slots=True, eq=False)
class Nearby:
    """Pairs of rows with correlated errors, and their weights.

    A pair of one period at distance d has the weight ``max(1 - d / cutoff, 0)``
    (bartlett), or 1 up to the cutoff (uniform); periods of an entity that are l <=
    `lags` apart have ``1 - l / (lags + 1)``.
    """

    # (P, 2) latitude and longitude of each location, sorted by latitude
    degrees: Floats
    place: Ints  # (N,) location of each row
    time: Ints  # (N,) period of each row, codes without gaps
    entity: Ints  # (N,)
    position: Ints  # (N,) of the row's period on the grid of periods
    cutoff: float  # kilometres
    kernel: str
    lags: int


def nearby(
    degrees: Floats,
    time: Ints,
    entity: Ints,
    position: Ints,
    *,
    cutoff: float,
    kernel: str,
    lags: int,
) -> Nearby:
    """Collect the rows' locations; `degrees` (N, 2) may vary within an entity."""
    locations, location = np.unique(degrees, axis=0, return_inverse=True)
    return Nearby(
        locations, location.reshape(-1), time, entity, position, cutoff, kernel, lags
    )


def near_products(scores: Floats, near: Nearby) -> Floats:
    """Sum the weighted products of the scores (N, k) of all pairs of rows: (k, k).

    ``sum_t sum_ij K(d_ij) s_it s_jt' + sum_i sum_{t != u} w(|t - u|) s_it
    s_iu'``: pairs of one period by their distance, pairs of one entity by the periods
    between them. Two entities in two periods are uncorrelated. The sum is symmetric,
    but need not be positive semidefinite.
    """
    total = _over_space(scores, near) + _over_time(scores, near)
    return (total + total.T) / 2


def _over_space(scores: Floats, near: Nearby) -> Floats:
    periods = int(near.time.max()) + 1
    if len(near.degrees) * periods <= _CELLS * len(scores):
        cells = near.place * periods + near.time
        sums = level_sums(cells, len(near.degrees) * periods, scores)
        shape = len(near.degrees), periods, scores.shape[1]
        return _products_within_cutoff(sums.reshape(shape), near.degrees, near)

    # Most locations have rows in few periods only.
    total = np.zeros((scores.shape[1], scores.shape[1]))
    for rows in rows_of_levels(near.time):
        locations, location = np.unique(near.place[rows], return_inverse=True)
        sums = level_sums(location, locations.size, scores[rows])
        total += _products_within_cutoff(sums[:, None], near.degrees[locations], near)
    return total


def _products_within_cutoff(sums: Floats, degrees: Floats, near: Nearby) -> Floats:
    """Sum weighted products of sums (P, T, k) of locations within the cutoff."""
    latitude, k = degrees[:, 0], sums.shape[2]
    by_location = sums.reshape(len(sums), -1)
    reach = np.degrees(near.cutoff / EARTH_RADIUS) * (1 + SAME_DISTANCE)
    ends = np.searchsorted(latitude, latitude + reach, side="right")
    total, start = np.zeros((k, k)), 0
    while start < len(degrees):
        stop = start + _block_size(ends[start:] - start)
        last = int(ends[stop - 1])
        apart = great_circle(degrees[start:stop, None], degrees[None, start:last])
        if near.kernel == "uniform":
            weights = (apart <= near.cutoff).astype(np.float64)
        else:
            weights = np.maximum(1 - apart / near.cutoff, 0.0)
        block_sums = by_location[start:stop].reshape(-1, k)
        within = weights[:, : stop - start] @ by_location[start:stop]
        total += block_sums.T @ within.reshape(-1, k)
        if last > stop:
            across = weights[:, stop - start :] @ by_location[stop:last]
            products = block_sums.T @ across.reshape(-1, k)
            total += products + products.T
        start = stop
    return total


def _block_size(reached: Ints) -> int:
    """Return how many locations to process together, given their reach."""
    pairs = np.arange(1, reached.size + 1) * reached
    count = int(np.searchsorted(pairs, _PAIRS, side="right"))
    return max(min(count, max(int(reached[0]), _FEWEST)), 1)


def _over_time(scores: Floats, near: Nearby) -> Floats:
    total = np.zeros((scores.shape[1], scores.shape[1]))
    order = np.lexsort((near.position, near.entity))
    # How many rows apart an entity's sorted rows may be within the lags
    longest = int(np.bincount(near.entity).max())
    for step in range(1, min(near.lags, longest - 1) + 1):
        later, earlier = order[step:], order[:-step]
        gap = near.position[later] - near.position[earlier]
        pairs = (near.entity[later] == near.entity[earlier]) & (gap <= near.lags)
        weight = 1 - gap[pairs] / (near.lags + 1)
        products = (scores[later[pairs]] * weight[:, None]).T @ scores[earlier[pairs]]
        total += products + products.T
    return total


def rows_within(entity: Ints, position: Ints, lags: int) -> bool:
    """Return whether some entity has two rows at most `lags` periods apart."""
    order = np.lexsort((position, entity))
    same_entity = entity[order[1:]] == entity[order[:-1]]
    gap = position[order[1:]] - position[order[:-1]]
    close: Bools = same_entity & (gap <= lags)
    return bool(close.any())


def nearest_distance(near: Nearby) -> float:
    """Compute the smallest distance between two locations in km; inf with one."""
    from scipy.spatial import cKDTree

    if len(near.degrees) < 2:
        return float("inf")
    latitude, longitude = np.radians(near.degrees).T
    level = np.cos(latitude)
    points = np.column_stack(
        [level * np.cos(longitude), level * np.sin(longitude), np.sin(latitude)]
    )
    chords = np.asarray(cKDTree(points).query(points, k=2)[0])
    return float(2 * EARTH_RADIUS * np.arcsin(chords[:, 1].min() / 2))
