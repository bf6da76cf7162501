"""Formulas of the variables: complete rows in, numbers out."""

from __future__ import annotations

import numpy as np

from digiprosper.kernels import Floats, Ints
from digiprosper.kernels.dispersion import theil_by_group


def shares(amounts: Floats) -> Floats:
    """Divide amounts (N, K), at least 0, by the sum of their row."""
    return np.asarray(amounts / amounts.sum(axis=1, keepdims=True))


def layer(value_added: Floats) -> Floats:
    """Sum k times the share of sector k, in [1, K]; value added is (N, K)."""
    return np.asarray(shares(value_added) @ np.arange(1.0, value_added.shape[1] + 1))


def angle(value_added: Floats) -> Floats:
    """Sum 3 th1 + 2 th2 + th3, th_j the radians from shares (N, 3) to axis j."""
    part = shares(value_added)
    other_squares = np.column_stack(
        [(np.delete(part, j, axis=1) ** 2).sum(axis=1) for j in range(3)]
    )
    # An arc cosine near 1 would lose half of the digits.
    return np.asarray(
        np.arctan2(np.sqrt(other_squares), part) @ np.array([3.0, 2.0, 1.0])
    )


def rationalisation(value_added: Floats, employment: Floats) -> Floats:
    """Sum y ln(y / l) over shares (N, K): Theil's T between sectors, at least 0.

    A sector without workers has no value added.
    """
    rows, sectors = value_added.shape
    per_worker = np.divide(
        value_added, employment, out=np.zeros_like(value_added), where=employment > 0
    )
    groups = np.repeat(np.arange(rows), sectors)
    return theil_by_group(per_worker.ravel(), groups, rows, employment.ravel())


def deviation(value_added: Floats, employment: Floats) -> Floats:
    """Sum |y / l - 1| over shares (N, K); employment is positive."""
    return np.asarray(
        np.abs(shares(value_added) / shares(employment) - 1.0).sum(axis=1)
    )


def productivity(value_added: Floats, employment: Floats) -> Floats:
    """Average value added per worker of sectors (N, K), by value added shares."""
    return np.asarray((shares(value_added) * value_added / employment).sum(axis=1))


def lilien(before: Floats, after: Floats, weights: Floats) -> Floats:
    """Take the root of the sum of w_k (g_k - g)^2, g the growth of logarithms.

    Positive employment by sector and weights, all (N, K); rows of weights add up
    to one.
    """
    growth = np.log(after / before)
    total = np.log(after.sum(axis=1) / before.sum(axis=1))
    return np.asarray(np.sqrt((weights * (growth - total[:, None]) ** 2).sum(axis=1)))


def accumulated(
    investment: Floats, first: Floats, before: Ints, time: Ints, survival: float
) -> Floats:
    """Accumulate capital: K_t = (1 - depreciation) K_{t-1} + I_t.

    `first` (N,) is the stock in the first year of an entity, NaN in other rows;
    `before` (N,) the row of the same entity one year earlier, -1 where there is none;
    `survival` is 1 - depreciation. The stock is NaN before the first year and from a
    gap on.
    """
    stock = first.copy()
    order = np.argsort(time, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(time[order])) + 1):
        later = rows[(before[rows] >= 0) & np.isnan(first[rows])]
        stock[later] = survival * stock[before[later]] + investment[later]
    return stock


def location_gini(groups: Ints, n_groups: int, employment: Floats) -> Floats:
    """Compute the Gini of location quotients, weighted by regions' employment.

    `groups` (N,) are codes 0..G-1 of regions that are compared; employment (N, K) by
    region and industry. The result (N, K) is the same in every row of a group.
    """
    out = np.empty_like(employment)
    order = np.argsort(groups, kind="stable")
    starts = np.searchsorted(groups[order], np.arange(1, n_groups))
    for rows in np.split(order, starts):
        of_group = employment[rows]
        size, total = of_group.sum(axis=1), of_group.sum()
        quotients = of_group / size[:, None] / (of_group.sum(axis=0) / total)
        by_quotient = np.argsort(quotients, axis=0, kind="stable")
        ranked = np.take_along_axis(quotients, by_quotient, axis=0)
        below = np.cumsum((size / total)[by_quotient], axis=0)[:-1]
        # The weighted mean of location quotients is one.
        out[rows] = (below * (1.0 - below) * np.diff(ranked, axis=0)).sum(axis=0)
    return out


def specialisation(groups: Ints, n_groups: int, employment: Floats) -> Floats:
    """Sum |share in the region - share in all others| by Krugman, in [0, 2].

    `groups` (N,) are codes 0..G-1 of regions that are compared; employment (N, K) by
    region and industry.
    """
    totals = np.column_stack(
        [np.bincount(groups, column, n_groups) for column in employment.T]
    )
    other_regions = np.maximum(totals[groups] - employment, 0.0)
    return np.asarray(np.abs(shares(employment) - shares(other_regions)).sum(axis=1))
