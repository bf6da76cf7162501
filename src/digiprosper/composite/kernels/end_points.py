"""Weights in draws of entities whose min-max end points are taken from the entities drawn.

Min-max scaling under other end points is z' = (z - low) / (high - low) of the values z scaled in the sample.
Means and covariances follow from those of z. Entropies need the rows again, once for each low end there is:
these are values of single entities, far fewer than draws.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from digiprosper.composite.kernels.information import Moments
from digiprosper.composite.kernels.uncertainty import MomentSums, TheilSums, weights_of_level
from digiprosper.kernels.dispersion import entity_divergence, theil_of_counts
from digiprosper.kernels.tolerances import LOST_IN_DRAW

if TYPE_CHECKING:
    from digiprosper.composite.kernels.uncertainty import EntitySums
    from digiprosper.kernels import Floats, Ints


@dataclass(frozen=True, slots=True, eq=False)
class RedrawnEnds:
    """Rows that weights were learned from, ready to be scaled and weighed again in every draw.

    z (N, m): directed rows in [0, 1], the rows of each entity together
    entity (N,): codes 0..n-1, non-decreasing, in the order of ``sums.entities``
    low, high (n, m): smallest and largest value by entity
    """

    sums: EntitySums
    z: Floats
    entity: Ints
    low: Floats
    high: Floats

    def coefficients(self, counts: Floats) -> Floats:
        """Scale and weigh again with multiplicities `counts`, (R, n): weight over range, (R, m), for z.

        The index of a draw is their sum times z, up to a constant. NaN where the draw has no weights.
        """
        low, high = self._ends(counts)
        span = np.where(high - low > LOST_IN_DRAW, high - low, 0.0)
        level = np.where(span > 0.0, self._level(counts, low, span), 0.0)
        weights = weights_of_level(level, self.sums.rule)
        return weights / np.where(span > 0.0, span, 1.0)

    def _ends(self, counts: Floats) -> tuple[Floats, Floats]:
        """Find the smallest and the largest value of every column among the entities drawn, (R, m) each."""
        drawn = counts > 0.0
        low, high = np.empty((len(counts), self.z.shape[1])), np.empty((len(counts), self.z.shape[1]))
        for j in range(self.z.shape[1]):
            low[:, j] = np.where(drawn, self.low[:, j], np.inf).min(axis=1)
            high[:, j] = np.where(drawn, self.high[:, j], -np.inf).max(axis=1)
        return low, high

    def _level(self, counts: Floats, low: Floats, span: Floats) -> Floats:
        """Compute the information of every column in every draw, (R, m)."""
        if isinstance(self.sums, TheilSums):
            return self._theil(counts, low, span)
        if isinstance(self.sums, MomentSums):
            moments = self.sums.moments(counts)
            by = np.where(span > 0.0, span, 1.0)
            cov = moments.cov / (by[:, :, None] * by[:, None, :])
            return self.sums.information(Moments((moments.mean - low) / by, cov))
        return self.sums.level(counts)

    def _theil(self, counts: Floats, low: Floats, span: Floats) -> Floats:
        """Compute Theil's T of z less the low end, plus the shift in units of the range."""
        theil = np.zeros_like(span)
        origin = low - self.sums.rule.shift * span
        for j in range(self.z.shape[1]):
            for start in np.unique(origin[:, j]):
                draws = np.flatnonzero((origin[:, j] == start) & (span[:, j] > 0.0))
                if draws.size:
                    # Rows below the low end belong to entities that these draws do not have.
                    column = np.maximum(self.z[:, [j]] - start, 0.0)
                    _, first, second = entity_divergence(column, self.entity)
                    theil[draws, j] = theil_of_counts(counts[draws], self.sums.rows, first, second)[:, 0]
        return theil


def redrawn_ends(sums: EntitySums, z: Floats, entity: Ints) -> RedrawnEnds:
    """Find the end points of each entity in z, (N, m), whose `entity` codes, (N,), are non-decreasing."""
    _, codes = np.unique(entity, return_inverse=True)
    starts = np.flatnonzero(np.diff(codes, prepend=-1))
    low, high = np.minimum.reduceat(z, starts, axis=0), np.maximum.reduceat(z, starts, axis=0)
    return RedrawnEnds(sums, z, codes, low, high)
