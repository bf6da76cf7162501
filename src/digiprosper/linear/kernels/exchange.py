"""Paths of a regressor, labels of groups, and treatments, drawn anew."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import numpy as np

from digiprosper.errors import OptionError
from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.kernels.chunks import chunks
from digiprosper.kernels.covariance import Vcov, score_variances
from digiprosper.kernels.equation import Solved
from digiprosper.kernels.leverage import error_scale, row_leverage
from digiprosper.kernels.resampling import Grams, bytes_per_draw, refit
from digiprosper.kernels.slopes import Effect, codes_of, dummies
from digiprosper.kernels.tolerances import ABSORBED, LOST_IN_DRAW
from digiprosper.kernels.within import (
    Within,
    level_sums,
    pseudo_inverse_root,
    split_nested,
    within,
)
from digiprosper.optional import Done, ignore_progress

_CACHED = 2**21
_COLUMNS = 16
# Beyond this many arrangements they are counted as so many.
_LOG_MOST = 100.0
# Shares of rejected true hypotheses at 5% that are not worth a notice.
_NEAR_SIZE = (0.03, 0.08)


@dataclass(frozen=True, slots=True, eq=False)
class Paths:
    """A regressor as one path per entity; rows are sorted by entity, then time."""

    column: Floats  # (N,) values as in the data
    entity: Ints  # (N,) codes without gaps
    starts: Ints  # (E,) first row of each entity
    periods: Ints  # (E,) entities with the same number are observed in the same periods

    @property
    def exchanged(self) -> Bools:
        """Which entities have the periods of another one, (E,)."""
        return np.asarray((np.bincount(self.periods) > 1)[self.periods])

    @property
    def _exchangeable(self) -> list[tuple[Ints, Ints]]:
        """Entities with the same periods, and for each the first with its path."""
        # So that the bytes of -0.0 are those of 0.0
        parts = np.split(self.column + 0.0, self.starts[1:])
        out = []
        for number in np.unique(self.periods):
            entities = np.flatnonzero(self.periods == number)
            first = dict[bytes, int]()
            alike = [first.setdefault(parts[i].tobytes(), i) for i in entities.tolist()]
            out.append((entities, np.array(alike, dtype=np.intp)))
        return out

    @property
    def n_exchanges(self) -> float:
        """Number of different exchanges of paths, that of the data included."""
        ways = math.prod(count_arrangements(alike) for _, alike in self._exchangeable)
        return min(ways, math.exp(_LOG_MOST))  # a product of many is infinite

    def drawn(self, generator: np.random.Generator, count: int) -> Floats:
        """Randomly exchange the paths of entities with the same periods: (N, count)."""
        donors = np.empty((count, self.periods.size), dtype=np.intp)
        # Sorted by the number of the periods and, where it is the same, at random.
        keys = self.periods + generator.random((count, self.periods.size))
        donors[:, np.argsort(self.periods, kind="stable")] = np.argsort(keys, axis=1)
        return self.moved(donors)

    def all_donors(self) -> Ints:
        """List the different exchanges (W, E), that of the data included."""
        donors = np.arange(self.periods.size)[None, :]
        for entities, alike in self._exchangeable:
            orders = arrangements(alike)
            count = len(donors)
            donors = np.repeat(donors, len(orders), axis=0)
            donors[:, entities] = np.tile(orders, (count, 1))
        return donors

    def moved(self, donors: Ints) -> Floats:
        """Give each entity the path of its donor (count, E): (N, count)."""
        position = np.arange(self.entity.size) - self.starts[self.entity]
        return np.asarray(self.column[self.starts[donors[:, self.entity]] + position].T)


def paths(column: Floats, entity: Ints, time: Ints) -> Paths:
    """Compare the periods of entities; rows are sorted by entity, then time."""
    starts = np.flatnonzero(np.diff(entity, prepend=-1))
    numbers: dict[bytes, int] = {}
    period_sets = [
        numbers.setdefault(part.tobytes(), len(numbers))
        for part in np.split(time, starts[1:])
    ]
    return Paths(column, entity, starts, np.array(period_sets, dtype=np.intp))


def exchanged_statistics(
    equation: Solved,
    regressor: int,
    absorbed: Within,
    moved: Paths,
    reps: int,
    seed: np.random.SeedSequence | None,
    *,
    memory: int = 2**28,
    done: Done = ignore_progress,
) -> Floats:
    """Compute t of one regressor for R exchanges of its paths, (R,).

    Only one column changes: it is demeaned, taken net of the other regressors (Frisch &
    Waugh 1933), and its slope and variance are those of the simple regression that is
    left. NaN where the exchanged regressor is not identified or its variance is
    negative.

    Any covariance but ``crv3``. Without a seed all different exchanges are computed, of
    which there are R. `memory` is the bytes of a chunk; `done` is told how many
    exchanges are done.
    """
    residualiser = Residualiser.without(equation, regressor)
    outcome = residualiser.residuals(equation.y[:, None])
    every = moved.all_donors() if seed is None else None
    generator = np.random.default_rng(seed)
    n = moved.column.size
    least = ABSORBED**2 * n * moved.column.var()
    out = np.empty(reps)
    for part in chunks(reps, 10 * n, min(memory, 80 * max(_CACHED, _COLUMNS * n))):
        count = part.stop - part.start
        exchanged = (
            moved.drawn(generator, count) if every is None else moved.moved(every[part])
        )
        demeaned = residualiser.residuals(absorbed.demean(exchanged))
        unidentified = np.einsum("ij,ij->j", demeaned, demeaned) <= least
        t = simple_regressions(demeaned, outcome, equation.vcov, residualiser)[1]
        out[part] = np.where(unidentified, np.nan, t)
        done(count)
    return out


class Residualiser:
    """Residuals of regressions on the other regressors (N, k)."""

    def __init__(self, regressors: Floats, obs_weights: Floats | None) -> None:
        self.weights: Floats = (
            np.ones((len(regressors), 1))
            if obs_weights is None
            else obs_weights[:, None]
        )
        root = np.sqrt(self.weights)
        size = np.sqrt(np.einsum("ij,ij->j", regressors, regressors))
        self.basis: Floats = np.linalg.qr(root * (regressors / size))[0] / root
        self.leverage: Floats = np.zeros(len(regressors))
        if size.size:
            self.leverage = row_leverage(self.basis, obs_weights=obs_weights)

    @classmethod
    def without(cls, equation: Solved, regressor: int) -> Self:
        """Make that of all regressors of an equation but one, by position."""
        others = np.delete(equation.x, regressor, axis=1)
        return cls(others, equation.obs_weights)

    def residuals(self, columns: Floats) -> Floats:
        """Regress columns (N, m) on the other regressors, twice; return residuals."""
        for _ in range(2):
            columns = columns - self.basis @ (self.basis.T @ (self.weights * columns))
        return columns


def simple_regressions(
    x: Floats, y: Floats, vcov: Vcov, residualiser: Residualiser
) -> tuple[Floats, Floats]:
    """Regress residuals, one on each of R columns or R on one: slopes and t (R,)."""
    weighted = residualiser.weights * x
    square = np.einsum("ij,ij->j", weighted, x)
    with np.errstate(divide="ignore", invalid="ignore"):
        product = (weighted.T @ y).ravel()
        slopes = product / square
        errors = y - x * slopes
        if vcov.leverage is not None:
            regressors = residualiser.leverage[:, None] + weighted * x / square
            errors = errors * error_scale(
                vcov.cov_type, vcov.leverage[:, None], regressors
            )
        variance = score_variances(weighted * errors, vcov)
        if vcov.cov_type == "unadjusted":
            variance = (
                vcov.parts[0].factor
                * square
                * np.einsum("ij,ij->j", residualiser.weights * errors, errors)
            )
        return slopes, product / np.sqrt(variance)


# --- labels of groups -----------------------------------------------------------------


def count_arrangements(labels: Ints) -> float:
    """Count the orders of labels, ``E! / (n_1! n_2! ...)``, at most about 1e43."""
    log_ways = math.lgamma(len(labels) + 1)
    log_ways -= sum(
        math.lgamma(n + 1) for n in np.unique(labels, return_counts=True)[1].tolist()
    )
    return math.exp(min(log_ways, _LOG_MOST))


def arrangements(labels: Ints) -> Ints:
    """List the different orders of labels (W, E), each once, in ascending order."""
    order = sorted(labels.tolist())
    out = [order.copy()]
    # The next permutation in lexicographic order
    while True:
        smaller = [i for i in range(len(order) - 1) if order[i] < order[i + 1]]
        if not smaller:
            return np.array(out, dtype=np.intp)
        last = smaller[-1]
        swapped = max(i for i in range(last + 1, len(order)) if order[i] > order[last])
        order[last], order[swapped] = order[swapped], order[last]
        order[last + 1 :] = order[:last:-1]
        out.append(order.copy())


def permuted_labels(generator: np.random.Generator, labels: Ints, count: int) -> Ints:
    """Permute labels over entities (count, E), alike in one call and in several."""
    return generator.permuted(np.tile(labels, (count, 1)), axis=1)


def permuted_slopes(
    grams: Grams,
    labels: Ints,
    regressor: int,
    reps: int,
    seed: np.random.SeedSequence | None,
    *,
    memory: int = 2**28,
) -> Floats:
    """Fit each group in R permutations of its label: (R, G), NaN if not identified.

    A group is a weighting of the entities by zero and one, so all fits of a permutation
    are sums of cross products of entities: of the outcome, then every regressor.
    Effects nested in entities are taken out; others are estimated anew in each group.
    Without a seed all `arrangements` are used, of which there are R. `memory` is the
    bytes of a chunk.
    """
    every = arrangements(labels) if seed is None else None
    generator = np.random.default_rng(seed)
    groups = int(labels.max()) + 1
    equation = (0, tuple(range(1, grams.n_columns)))
    numbers = bytes_per_draw(grams) // 8 + 3 * grams.n_clusters
    out = np.empty((reps, groups))
    for part in chunks(reps, numbers, memory):
        permuted = (
            permuted_labels(generator, labels, part.stop - part.start)
            if every is None
            else every[part]
        )
        for group in range(groups):
            weights = (permuted == group).astype(np.float64)
            out[part, group] = refit(grams, weights, [equation])[0][:, regressor]
    return out


# --- placebo treatments ---------------------------------------------------------------


# Numbers that the dummies of effects which cross the entities may take, 1 GB.
_MOST = 2**27


@dataclass(frozen=True, slots=True, eq=False)
class Cohorts:
    """The cohorts of an absorbing treatment; rows are sorted by entity, then time."""

    starts: Ints  # (C,) first treated period of each cohort, in order
    sizes: Ints  # (C,) entities in each
    entity: Ints  # (N,) codes without gaps
    time: Ints  # (N,) codes without gaps

    @property
    def n_entities(self) -> int:
        """Entities, those never treated too."""
        return int(self.entity.max()) + 1

    @property
    def n_times(self) -> int:
        """Periods."""
        return int(self.time.max()) + 1

    @property
    def n_treated(self) -> int:
        """Entities of all cohorts."""
        return int(self.sizes.sum())

    def drawn(
        self,
        entity_generator: np.random.Generator,
        period_generator: np.random.Generator,
        count: int,
    ) -> tuple[Ints, Ints]:
        """Draw treated entities and first treated periods: (count, n_treated) each.

        Two generators, so that a number of draws is the same in one call as in several.
        A cohort starts in the second period or later, but one that is treated from the
        first period on has no start and keeps it.
        """
        everyone = np.tile(np.arange(self.n_entities), (count, 1))
        entities = entity_generator.permuted(everyone, axis=1)[:, : self.n_treated]
        starts = period_generator.integers(
            1, self.n_times, size=(count, self.sizes.size)
        )
        starts[:, self.starts == 0] = 0
        return entities, np.repeat(starts, self.sizes, axis=1)


def cohorts(column: Floats, entity: Ints, time: Ints) -> Cohorts | None:
    """Sort entities into cohorts by first treated period.

    None if the treatment is not 0 or 1 throughout, or ends in some entity.
    """
    inside = np.diff(entity) == 0
    if not np.isin(column, (0.0, 1.0)).all() or (np.diff(column)[inside] < 0).any():
        return None
    treated = np.flatnonzero(column)
    _, first = np.unique(entity[treated], return_index=True)
    starts, sizes = np.unique(time[treated[first]], return_counts=True)
    return Cohorts(starts, sizes, entity, time)


def placebo_slopes(
    equation: Solved,
    regressor: int,
    absorbed: Within,
    treated: Cohorts,
    reps: int,
    seed: np.random.SeedSequence,
    *,
    memory: int = 2**28,
) -> Floats:
    """Compute the slope of one regressor for R placebo treatments in its place, (R,).

    Only the treatment d changes, so its slope is ``d'u / d'Md`` (Frisch & Waugh 1933),
    u the outcome net of everything else. With M_e the projection that takes out effects
    nested in entities, and B an orthonormal basis of everything else net of them,
    ``d'Md = d'M_e d - |B'd|^2``. These three are sums over treated entities of numbers
    that depend on the entity and on its first treated period only: the table of them is
    computed once, and a draw adds up its entries.

    NaN where the drawn treatment is not identified. Refuse effects that cross the
    entities if their dummies exceed 2**27 numbers (1 GB). `memory` is the bytes of a
    chunk.
    """
    table = _tabulate_contributions(equation, regressor, absorbed, treated)
    entity_generator, period_generator = map(np.random.default_rng, seed.spawn(2))
    numbers = treated.n_entities + treated.n_treated * (table.shape[2] + 4)
    out = np.empty(reps)
    for part in chunks(reps, numbers, memory):
        entities, starts = treated.drawn(
            entity_generator, period_generator, part.stop - part.start
        )
        sums = table[entities, starts].sum(axis=1)
        square, product, nuisance = sums[:, 0], sums[:, 1], sums[:, 2:]
        net_square = square - np.einsum("rb,rb->r", nuisance, nuisance)
        identified = net_square > LOST_IN_DRAW * square
        out[part] = product / np.where(identified, net_square, np.nan)
    return out


def _tabulate_contributions(
    equation: Solved, regressor: int, absorbed: Within, treated: Cohorts
) -> Floats:
    """Tabulate contributions by entity and first treated period: (n, T, 2 + b)."""
    entity, n = treated.entity, treated.entity.size
    weights = np.ones(n) if equation.obs_weights is None else equation.obs_weights
    nested, crossing = split_nested(absorbed.effects_and_slopes, entity)
    demean = (
        within(nested, n, obs_weights=equation.obs_weights).demean
        if nested
        else np.copy
    )

    residualiser = Residualiser.without(equation, regressor)
    crossed = demean(_dummies(crossing, n, constant=not absorbed.effects_and_slopes))
    basis = np.column_stack(
        [
            residualiser.residuals(equation.y[:, None]),
            _orthonormal_basis(crossed, weights),
            residualiser.basis,
        ]
    )

    table = np.zeros((treated.n_entities, treated.n_times, 1 + basis.shape[1]))
    table[entity, treated.time, 1:] = weights[:, None] * basis
    # A treatment from a period on adds up the rows of this period and the later ones.
    table[:, :, 1:] = np.cumsum(table[:, ::-1, 1:], axis=1)[:, ::-1]
    for start in range(treated.n_times):
        demeaned = demean((treated.time >= start).astype(np.float64)[:, None])
        squares = weights[:, None] * demeaned**2
        table[:, start, 0] = level_sums(entity, treated.n_entities, squares)[:, 0]
    return table


def _dummies(effects: list[Effect], n: int, *, constant: bool) -> Floats:
    columns = [np.ones((n, 1))] if constant else [np.empty((n, 0))]
    for effect in effects:
        levels = int(codes_of(effect).max()) + 1
        if n * levels > _MOST:
            raise OptionError(
                f"an effect that crosses the entities has {levels:,} levels in {n:,} "
                f"rows; a placebo test would need {n * levels:.2g} numbers for their "
                f"dummies, and {_MOST:.2g} is the limit. Absorb an effect with "
                "fewer levels."
            )
        columns.append(dummies(effect))
    return np.column_stack(columns)


def _orthonormal_basis(columns: Floats, weights: Floats) -> Floats:
    """Make an orthonormal basis of columns under weights, redundant ones left out."""
    if not columns.shape[1]:
        return columns
    products = columns.T @ (weights[:, None] * columns)
    squares = products.diagonal()
    return columns @ pseudo_inverse_root(products, np.where(squares > 0, squares, 1.0))


def distorted_size(variances: Floats, sizes: Ints) -> float | None:
    """Compute the size at 5% if two groups are unlike; None if it is near 5%."""
    # The variance of the difference is v1 / n1 + v2 / n2, that over permutations
    # v1 / n2 + v2 / n1 (Chung & Romano 2013, Annals of Statistics 41:484).
    from scipy.special import ndtr, ndtri

    ratio = (variances / sizes).sum() / (variances / sizes[::-1]).sum()
    share = float(2 * ndtr(ndtri(0.025) / np.sqrt(ratio)))
    return None if _NEAR_SIZE[0] <= share <= _NEAR_SIZE[1] else share
