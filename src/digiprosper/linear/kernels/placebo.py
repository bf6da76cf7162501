"""Placebo treatments of drawn entities from drawn periods on, and their slopes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from digiprosper.errors import OptionError
from digiprosper.kernels import Floats, Ints
from digiprosper.kernels.chunks import chunks
from digiprosper.kernels.equation import Solved
from digiprosper.kernels.slopes import Effect, codes_of, dummies
from digiprosper.kernels.tolerances import LOST_IN_DRAW, REDUNDANT_LEVELS
from digiprosper.kernels.within import Within, level_sums, split_nested, within
from digiprosper.linear.kernels.exchange import Residualiser

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
        square, product, beside = sums[:, 0], sums[:, 1], sums[:, 2:]
        net_square = square - np.einsum("rb,rb->r", beside, beside)
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
    size = np.sqrt(weights @ columns**2)
    scaled = columns / np.where(size > 0, size, 1.0)
    values, vectors = np.linalg.eigh(scaled.T @ (weights[:, None] * scaled))
    independent = values > REDUNDANT_LEVELS
    return np.asarray(scaled @ (vectors[:, independent] / np.sqrt(values[independent])))
