"""Formulas of the variables: complete rows in, numbers out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from digiprosper.kernels.dispersion import theil_by_group

if TYPE_CHECKING:
    from digiprosper.kernels import Floats, Ints


def shares(amounts: Floats) -> Floats:
    """Divide by the sum of the row.

    Parameters
    ----------
    amounts : ndarray, shape (N, K)
        At least 0, with a positive sum.

    Returns
    -------
    ndarray, shape (N, K)
        Rows that add up to one.
    """
    parts: Floats = amounts / amounts.sum(axis=1, keepdims=True)
    return parts


def layer(value_added: Floats) -> Floats:
    """Sum of k times the share of sector k.

    Parameters
    ----------
    value_added : ndarray, shape (N, K)
        By sector, in order.

    Returns
    -------
    ndarray, shape (N,)
        In [1, K].
    """
    ranks = np.arange(1.0, value_added.shape[1] + 1)
    coefficient: Floats = shares(value_added) @ ranks
    return coefficient


def angle(value_added: Floats) -> Floats:
    """Sum of 3 th1 + 2 th2 + th3, th_j the angle between the shares and the axis of sector j.

    Parameters
    ----------
    value_added : ndarray, shape (N, 3)
        By sector, in order.

    Returns
    -------
    ndarray, shape (N,)
        Radians.
    """
    part = shares(value_added)
    squares = part**2
    others = np.stack([squares[:, [1, 2]], squares[:, [0, 2]], squares[:, [0, 1]]], axis=1).sum(axis=2)
    # An arc cosine near 1 would lose half of the digits.
    angles: Floats = np.arctan2(np.sqrt(others), part)
    return np.asarray(angles @ np.array([3.0, 2.0, 1.0]))


def rationalisation(value_added: Floats, employment: Floats) -> Floats:
    """Sum of y ln(y / l) over shares: Theil's T of value added per worker between sectors.

    Parameters
    ----------
    value_added, employment : ndarray, shape (N, K)
        By sector; a sector without workers has no value added.

    Returns
    -------
    ndarray, shape (N,)
        At least 0.
    """
    rows, sectors = value_added.shape
    per_worker = np.divide(value_added, employment, out=np.zeros_like(value_added), where=employment > 0)
    groups = np.repeat(np.arange(rows), sectors)
    return theil_by_group(per_worker.ravel(), groups, rows, employment.ravel())


def deviation(value_added: Floats, employment: Floats) -> Floats:
    """Sum of |y / l - 1| over shares.

    Parameters
    ----------
    value_added, employment : ndarray, shape (N, K)
        By sector; employment is positive.

    Returns
    -------
    ndarray, shape (N,)
        At least 0.
    """
    gaps: Floats = np.abs(shares(value_added) / shares(employment) - 1.0)
    return np.asarray(gaps.sum(axis=1))


def productivity(value_added: Floats, employment: Floats) -> Floats:
    """Value added per worker of each sector, weighted by its share in value added.

    Parameters
    ----------
    value_added, employment : ndarray, shape (N, K)
        By sector; employment is positive.

    Returns
    -------
    ndarray, shape (N,)
        In units of value added per worker.
    """
    weighted: Floats = shares(value_added) * value_added / employment
    return np.asarray(weighted.sum(axis=1))


def lilien(before: Floats, after: Floats, weights: Floats) -> Floats:
    """Root of the sum of w_k (g_k - g)^2, g the growth of logarithms.

    Parameters
    ----------
    before, after : ndarray, shape (N, K)
        Positive employment by sector.
    weights : ndarray, shape (N, K)
        Rows that add up to one.

    Returns
    -------
    ndarray, shape (N,)
        At least 0.
    """
    growth = np.log(after / before)
    total = np.log(after.sum(axis=1) / before.sum(axis=1))
    squares: Floats = weights * (growth - total[:, None]) ** 2
    return np.asarray(np.sqrt(squares.sum(axis=1)))


def accumulated(investment: Floats, first: Floats, before: Ints, time: Ints, kept: float) -> Floats:
    """Perpetual inventory: K_t = kept * K_{t-1} + I_t.

    Parameters
    ----------
    investment : ndarray, shape (N,)
        At constant prices; NaN where it is missing.
    first : ndarray, shape (N,)
        Stock of the first year of an entity; NaN in the other rows.
    before : ndarray of int, shape (N,)
        Row of the same entity one year earlier; -1 where there is none.
    time : ndarray of int, shape (N,)
        Codes of years, in order.
    kept : float
        One less the rate of depreciation.

    Returns
    -------
    ndarray, shape (N,)
        NaN before the first year, and from a gap on.
    """
    stock = first.copy()
    order = np.argsort(time, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(time[order])) + 1):
        later = rows[(before[rows] >= 0) & np.isnan(first[rows])]
        stock[later] = kept * stock[before[later]] + investment[later]
    return stock


def location_gini(groups: Ints, n_groups: int, employment: Floats) -> Floats:
    """Gini coefficient of location quotients, weighted by the employment of the regions.

    Parameters
    ----------
    groups : ndarray of int, shape (N,)
        Codes 0..G-1 of the regions that are compared with one another.
    n_groups : int
        G.
    employment : ndarray, shape (N, K)
        By region and industry; the sums of rows, and of columns in each group, are positive.

    Returns
    -------
    ndarray, shape (N, K)
        Of each industry, the same in every row of a group.
    """
    out = np.empty_like(employment)
    order = np.argsort(groups, kind="stable")
    starts = np.searchsorted(groups[order], np.arange(1, n_groups))
    for rows in np.split(order, starts):
        out[rows] = _gini_of_quotients(employment[rows])
    return out


def _gini_of_quotients(employment: Floats) -> Floats:
    size = employment.sum(axis=1)
    weights = size / size.sum()
    quotients = employment / size[:, None] / (employment.sum(axis=0) / size.sum())
    order = np.argsort(quotients, axis=0, kind="stable")
    ranked = np.take_along_axis(quotients, order, axis=0)
    below = np.cumsum(weights[order], axis=0)[:-1]
    # The weighted mean of location quotients is one.
    gini: Floats = (below * (1.0 - below) * np.diff(ranked, axis=0)).sum(axis=0)
    return gini


def specialisation(groups: Ints, n_groups: int, employment: Floats) -> Floats:
    """Sum over industries of the absolute difference between a region's shares and those of all others.

    Parameters
    ----------
    groups : ndarray of int, shape (N,)
        Codes 0..G-1 of the regions that are compared with one another.
    n_groups : int
        G.
    employment : ndarray, shape (N, K)
        By region and industry; every region, and the others of every region, have employment.

    Returns
    -------
    ndarray, shape (N,)
        In [0, 2].
    """
    totals = np.column_stack([np.bincount(groups, column, n_groups) for column in employment.T])
    others = np.maximum(totals[groups] - employment, 0.0)
    gaps: Floats = np.abs(shares(employment) - shares(others))
    return np.asarray(gaps.sum(axis=1))
