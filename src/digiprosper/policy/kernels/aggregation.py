"""Effects by cohort and time, and averages with all that their errors need."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.kernels.chunks import chunks
from digiprosper.policy.kernels.unit_signs import UnitScores
from digiprosper.report.pickling import PickledByName

MEMORY = 2**25
"""Bytes that arrays of all rows and some of the effects take at a time."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class GroupTime(PickledByName):
    """Average effects on the treated by cohort and time, ATT(g, t)."""

    # (m,) position of the cohort; -1 for an effect of an event time, of all cohorts
    # together
    cohort: Ints
    time: Ints  # (m,) position of the period; -1 for an effect of all cohorts
    event: Ints  # (m,) periods since treatment, negative before it
    estimates: Floats  # (m,) effects
    n_treated: Ints  # (m,) number of treated entities
    mass: Floats  # (m,) weight in averages
    # (G,) share of each cohort among all entities, the never treated included
    share: Floats
    # (m + G, m + G) covariance of effects and cohort shares; zero for shares that
    # averages take as fixed.
    joint: Floats
    # (m + G, m + G) part of `joint` from treated entities: of the own cohort for
    # effects before treatment, of all cohorts for shares. See `treated_products`.
    treated_part: Floats
    # (m + G, m + G) covariance from influence functions, that of other programs
    influence: Floats
    units: UnitScores | None = None  # what each entity adds to the effects


@dataclass(frozen=True, slots=True, eq=False)
class Averages:
    """Averages of effects: the overall one, then q by event time, cohort, period."""

    # (q,) event times, or positions of cohorts or periods; empty for "simple"
    keys: Ints
    estimates: Floats  # (1 + q,)
    gradient: Floats  # (1 + q, m + G) derivatives by effects and cohort shares


def average(cells: GroupTime, by: str, balanced: int | None = None) -> Averages:
    """Average effects as in Callaway & Sant'Anna (2021), table 1.

    Journal of Econometrics 225:200. `by` is ``"simple"`` (all effects since treatment),
    ``"dynamic"``, ``"group"`` or ``"calendar"``. The overall average is that of event
    times from 0 on, of cohorts by size, or of periods. `balanced`, with ``"dynamic"``:
    only cohorts observed up to this event time, and no later ones.
    """
    used = (cells.cohort >= 0) & (cells.event >= 0)
    if by == "simple":
        return Averages(np.empty(0, dtype=np.intp), *_means(cells, used[None]))

    labels = {"dynamic": cells.event, "group": cells.cohort, "calendar": cells.time}[by]
    if by == "dynamic":
        used = _dynamic(cells, balanced)
    keys = np.unique(labels[used])
    estimates, slopes = _means(cells, used & (labels == keys[:, None]))

    weights = cells.share[keys] if by == "group" else np.ones(keys.size)
    if by == "dynamic":
        weights = (keys >= 0).astype(np.float64)
    weights = weights / weights.sum()
    overall, slope = weights @ estimates, weights @ slopes
    if by == "group":
        slope[cells.estimates.size + keys] += (estimates - overall) / cells.share[
            keys
        ].sum()
    return Averages(keys, np.append(overall, estimates), np.vstack([slope, slopes]))


def _dynamic(cells: GroupTime, balanced: int | None) -> Bools:
    """Return which effects (m,) the averages by event time use."""
    of_cohort = cells.cohort >= 0
    if balanced is None:
        return np.ones_like(of_cohort)
    furthest = np.full(cells.share.size, -1)
    np.maximum.at(furthest, cells.cohort[of_cohort], cells.event[of_cohort])
    return of_cohort & (furthest[cells.cohort] >= balanced) & (cells.event <= balanced)


def _means(cells: GroupTime, used: Bools) -> tuple[Floats, Floats]:
    """Average used effects (q, m) by mass, with gradients (q, m + G)."""
    total = np.where(used, cells.mass, 0.0).sum(axis=1, keepdims=True)
    weights = np.where(used, cells.mass, 0.0) / total
    estimates = weights @ cells.estimates
    slopes = np.where(used, cells.estimates - estimates[:, None], 0.0) / total
    # The mass of effects of cohorts follows their shares.
    member = cells.cohort[:, None] == np.arange(cells.share.size)
    return estimates, np.hstack([weights, slopes @ member])


def cluster_sums(scores: Floats, codes: Ints, clusters: int) -> Floats:
    """Sum scores (N, m) by cluster, with many columns faster than `level_sums`."""
    from scipy.sparse import csr_array

    rows = np.arange(codes.size)
    member = csr_array(
        (np.ones(codes.size), (codes, rows)), shape=(clusters, codes.size)
    )
    return np.asarray(member @ scores)


def treated_products(scores: Floats, member: Bools, codes: Ints) -> Floats:
    """Compute the covariance's part (m, m) due to treated rows, less their mean.

    `member` (N, m): rows of the treated entities that an estimate is of; `codes` are
    those of clusters. It is 0 with one treated cluster.
    """
    clusters = int(codes.max()) + 1
    every = np.empty((clusters, scores.shape[1]))
    for part in chunks(scores.shape[1], 4 * codes.size, MEMORY):
        treated = member[:, part]
        of_treated = np.where(treated, scores[:, part], 0.0)
        sums = cluster_sums(of_treated, codes, clusters)
        has_treated = cluster_sums(treated.astype(np.float64), codes, clusters) > 0
        # An average of treated entities is fitted to them, so that c clusters vary in
        # c - 1 dimensions only.
        mean = sums.sum(axis=0) / np.maximum(has_treated.sum(axis=0), 1)
        every[:, part] = sums - has_treated * mean
    return every.T @ every
