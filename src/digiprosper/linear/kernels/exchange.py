"""Paths of a regressor exchanged between entities, and each exchange's t statistic."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import numpy as np

from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.kernels.chunks import chunks
from digiprosper.kernels.covariance import Vcov, score_variances
from digiprosper.kernels.equation import Solved
from digiprosper.kernels.leverage import error_scale, row_leverage
from digiprosper.kernels.tolerances import ABSORBED
from digiprosper.kernels.within import Within
from digiprosper.linear.kernels.permutation import arrangements, count_arrangements
from digiprosper.optional import Done, ignore_progress

_CACHED = 2**21
_COLUMNS = 16
# Ways of exchanging are 1, or 2 and more.
_ONE_WAY = 1.5


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
        return math.prod(count_arrangements(alike) for _, alike in self._exchangeable)

    @property
    def differ(self) -> bool:
        """Whether any two entities with the same periods have different paths."""
        return self.n_exchanges > _ONE_WAY

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
        drawn = (
            moved.drawn(generator, count)
            if every is None
            else moved.moved(every[part])
        )
        demeaned = residualiser.residuals(absorbed.demean(drawn))
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
