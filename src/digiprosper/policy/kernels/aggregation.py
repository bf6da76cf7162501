"""Effects by cohort and time, and their averages with all that the averages' errors need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from digiprosper.report.pickling import PickledByName

if TYPE_CHECKING:
    from digiprosper.kernels import Bools, Floats, Ints


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class GroupTime(PickledByName):
    """Average effects on the treated by cohort and time, ATT(g, t).

    Parameters
    ----------
    cohort : (m,) array of int
        Position of the cohort; -1 for an effect of an event time that is of all cohorts together.
    time : (m,) array of int
        Position of the period; -1 for an effect of all cohorts.
    event : (m,) array of int
        Periods since treatment, negative before it.
    estimates : (m,) array
        The effects.
    n_treated : (m,) array of int
        Treated entities behind each.
    mass : (m,) array
        Weight in averages.
    share : (G,) array
        Share of each cohort among all entities, the never treated included.
    joint : (m + G, m + G) array
        Covariance of the effects and the shares of the cohorts among all entities. Zero for the shares where
        averages take them as fixed.
    treated_part : (m + G, m + G) array
        The part of `joint` that treated entities of its own cohort contribute to each effect before
        treatment, and all treated entities to the shares, as `treated_products` computes it.
    """

    cohort: Ints
    time: Ints
    event: Ints
    estimates: Floats
    n_treated: Ints
    mass: Floats
    share: Floats
    joint: Floats
    treated_part: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Averages:
    """Averages of effects.

    Parameters
    ----------
    keys : (q,) array of int
        What each is of: event times, positions of cohorts or positions of periods. Empty for ``"simple"``.
    estimates : (1 + q,) array
        The overall average, then one a key.
    gradient : (1 + q, m + G) array
        Their derivatives by effects and shares of cohorts.
    """

    keys: Ints
    estimates: Floats
    gradient: Floats


def average(cells: GroupTime, by: str, balanced: int | None = None) -> Averages:
    """Average effects as Callaway & Sant'Anna (2021), table 1.

    Parameters
    ----------
    cells : GroupTime
        The effects.
    by : {"simple", "dynamic", "group", "calendar"}
        ``simple``: all effects since treatment. Otherwise one average an event time, a cohort or a period,
        and the overall average is that of the event times from 0 on, of the cohorts by their sizes, or of
        the periods.
    balanced : int, optional
        With ``dynamic``: only cohorts that reach this event time, and no later event times, so that all event
        times from 0 on are of the same cohorts.

    Returns
    -------
    Averages
        With the derivatives by the shares of the cohorts, which the weights are made of.
    """
    since = (cells.cohort >= 0) & (cells.event >= 0)
    if by == "simple":
        estimate, slope = _mean(cells, since)
        return Averages(np.empty(0, dtype=np.intp), np.array([estimate]), slope[None, :])

    labels = {"dynamic": cells.event, "group": cells.cohort, "calendar": cells.time}[by]
    used = _dynamic(cells, balanced) if by == "dynamic" else since
    keys = np.unique(labels[used])
    parts = [_mean(cells, used & (labels == key)) for key in keys]
    estimates = np.array([estimate for estimate, _ in parts])
    slopes = np.array([slope for _, slope in parts])

    weights = _overall_weights(cells, by, keys)
    overall, slope = weights @ estimates, weights @ slopes
    if by == "group":
        slope[cells.estimates.size + keys] += (estimates - overall) / cells.share[keys].sum()
    return Averages(keys, np.append(overall, estimates), np.vstack([slope, slopes]))


def _dynamic(cells: GroupTime, balanced: int | None) -> Bools:
    """Choose the effects that averages by event time are of."""
    own = cells.cohort >= 0
    if balanced is None:
        return np.ones_like(own)
    furthest = np.full(cells.share.size, -1)
    np.maximum.at(furthest, cells.cohort[own], cells.event[own])
    return np.asarray(own & (furthest[cells.cohort] >= balanced) & (cells.event <= balanced))


def _mean(cells: GroupTime, used: Bools) -> tuple[float, Floats]:
    """Average some effects by their mass; the mass of a cohort moves with its share."""
    total = cells.mass[used].sum()
    weights = np.where(used, cells.mass, 0.0) / total
    estimate = float(weights @ cells.estimates)
    moved = np.zeros(cells.share.size)
    own = used & (cells.cohort >= 0)
    np.add.at(moved, cells.cohort[own], (cells.estimates[own] - estimate) / total)
    return estimate, np.append(weights, moved)


def _overall_weights(cells: GroupTime, by: str, keys: Ints) -> Floats:
    weights = cells.share[keys] if by == "group" else np.ones(keys.size)
    if by == "dynamic":
        weights = (keys >= 0).astype(np.float64)
    return np.asarray(weights / weights.sum())


def cluster_products(scores: Floats, codes: Ints, clusters: int) -> Floats:
    """Sum scores by cluster, and the products of the sums over the clusters.

    Parameters
    ----------
    scores : (N, m) array
        What each row adds to the estimates.
    codes : (N,) array of int
        Cluster of each row.
    clusters : int
        How many there are.

    Returns
    -------
    (m, m) array
        Covariance of the estimates.
    """
    sums = cluster_sums(scores, codes, clusters)
    return np.asarray(sums.T @ sums)


def cluster_sums(scores: Floats, codes: Ints, clusters: int) -> Floats:
    """Sum scores by cluster.

    Parameters
    ----------
    scores : (N, m) array
        What each row adds to the estimates.
    codes : (N,) array of int
        Cluster of each row.
    clusters : int
        How many there are.

    Returns
    -------
    (clusters, m) array
        The sums.
    """
    from scipy.sparse import csr_array

    rows = np.arange(codes.size)
    member = csr_array((np.ones(codes.size), (codes, rows)), shape=(clusters, codes.size))
    return np.asarray(member @ scores)


def treated_products(scores: Floats, member: Bools, codes: Ints, clusters: int) -> Floats:
    """Sum the products of the scores of treated rows, by cluster and less their mean.

    Parameters
    ----------
    scores : (N, m) array
        What each row adds to the estimates.
    member : (N, m) array of bool
        Rows of the treated entities that an estimate is of.
    codes : (N,) array of int
        Cluster of each row.
    clusters : int
        How many there are.

    Returns
    -------
    (m, m) array
        Part of the covariance. An estimate of one treated cluster has a part of zero.
    """
    sums = cluster_sums(np.where(member, scores, 0.0), codes, clusters)
    # An average of treated entities is fitted to them, so that c clusters vary in c - 1 dimensions only.
    own = cluster_sums(member.astype(np.float64), codes, clusters) > 0
    sums -= own * (sums.sum(axis=0) / np.maximum(own.sum(axis=0), 1))
    return np.asarray(sums.T @ sums)
