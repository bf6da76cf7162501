"""Sampling errors of weights from entity sums: influence, jackknife, bootstrap.

Entities are what is drawn, since the rows of one entity depend on each other. End
points are held fixed, so that everything a draw needs is linear in how often each
entity is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from digiprosper.composite.kernels.information import SLOPES, Moments, component_margins
from digiprosper.composite.kernels.structure import (
    Rule,
    equal_across,
    information,
    shares,
)
from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.kernels.chunks import chunks
from digiprosper.kernels.dispersion import entity_divergence, theil_of_draws
from digiprosper.kernels.resampling import draw_counts
from digiprosper.kernels.tolerances import LOST_IN_DRAW, SUM_TO_ONE
from digiprosper.report.pickling import PickledByName

# Margins of PCA weights in standard errors, below which delta errors do not hold
# (simulated, see the docs).
_MARGIN = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class EntitySums(PickledByName):
    """Sums by entity: with them weights of drawn entities need no panel.

    - entities (n,): codes of the entities that weights were learned from
    - rows (n,): rows of each
    - first (n, m), second (n, m) or (n, m, m): sums over the rows of each. For entropy
      weights of d = z / mean - 1 and of (1 + d) ln(1 + d) - d; for others of z - mean
      and of its cross products, which weights that are not estimated do not need
    - mean (m,): means of z, shifted where weights are by entropy
    - constant (m,): columns that do not vary; their sums are 0
    """

    entities: Ints
    rows: Ints
    first: Floats
    second: Floats
    mean: Floats
    constant: Bools
    rule: Rule

    @property
    def _once(self) -> Floats:
        # Multiplicities (1, n) of the sample itself
        return np.ones((1, self.rows.size))

    def weights(self, counts: Floats) -> Floats:
        """Compute weights (R, m) by multiplicities (R, n) of entities, NaN for none."""
        weights = shares(self.level(counts), self.rule.groups)
        if self.rule.across == "equal_dimensions":
            weights = equal_across(weights, self.rule.groups)
        weights[~(np.abs(weights.sum(axis=1) - 1.0) <= SUM_TO_ONE)] = np.nan
        return weights

    def draws(
        self, reps: int, seed: np.random.SeedSequence, *, memory: int = 2**28
    ) -> Floats:
        """Draw entities with replacement and weigh again: (reps, m).

        `memory` is the bytes of one chunk of draws; chunks do not change the draws.
        """
        generator = np.random.default_rng(seed)
        out = np.empty((reps, self.first.shape[1]))
        numbers = 4 * self.rows.size + 4 * self.second[0].size
        for part in chunks(reps, numbers, memory):
            counts = draw_counts(generator, self.rows.size, part.stop - part.start)
            out[part] = self.weights(counts)
        return out

    def jackknife(self) -> Floats:
        """Weigh again without each entity, (n, m)."""
        return self.weights(1.0 - np.eye(self.rows.size))

    def delta_errors(self) -> Floats:
        """Compute standard errors (m,) from influences; NaN where they do not hold."""
        n = self.rows.size
        if n < 2 or self.unstable_components():
            return np.full(self.mean.size, np.nan)
        return np.asarray(np.sqrt(n / (n - 1) * (self.influence() ** 2).sum(axis=0)))

    def influence(self) -> Floats:
        """Differentiate the weights by the multiplicity of each entity at one, (n, m).

        This is the entity's sum of influences over N. For entropy the influence of a
        row on T is psi = b - T u, with u = z / mean and b = u ln u - u + 1, and on the
        weight w_j = T_j / sum T it is (psi_j - w_j sum_k psi_k) / sum_k T_k.
        """
        level, weights = self.level(self._once)[0], self.weights(self._once)[0]
        slope = self._slope()
        out = np.zeros_like(slope)
        for columns in self.rule.groups:
            total, share = level[columns].sum(), weights[columns].sum()
            if total != 0 and share != 0:
                inside = weights[columns] / share
                moved = slope[:, columns] - inside * slope[:, columns].sum(
                    axis=1, keepdims=True
                )
                out[:, columns] = share * moved / total
        return out

    def level(self, counts: Floats) -> Floats:
        """Compute information of columns, (R, m), with multiplicities, (R, n)."""
        if self.rule.weighting == "entropy":
            theil = theil_of_draws(counts, self.rows, self.first, self.second)
            whole = theil_of_draws(self._once, self.rows, self.first, self.second)
            return np.where(theil > LOST_IN_DRAW * whole, theil, 0.0)
        if self.rule.estimated:
            return information(self.moments(counts), self.rule)
        fixed = self.rule.fixed_level(self.constant)
        return np.tile(fixed, (len(counts), 1))

    def _slope(self) -> Floats:
        """Differentiate the information by the multiplicities, (n, m)."""
        slope = np.zeros_like(self.first)
        if self.rule.weighting == "entropy":
            total = self.rows.sum()
            theil = self.second.sum(axis=0) / total
            return np.asarray(
                (self.second - theil * (self.rows[:, None] + self.first)) / total
            )
        if self.rule.estimated:
            sample, change = self._sample_moments()
            for columns in self.rule.groups:
                inside = sample.of(columns), change.of(columns)
                slope[:, columns] = SLOPES[self.rule.weighting](*inside)
        return slope

    def unstable_components(self) -> tuple[str, ...]:
        """Find what may jump in PCA weights within the sampling error.

        "count", "order" or "sign", see `component_margins`, where a margin is below two
        of its standard errors, clustered by entity; empty for other weights.
        """
        if self.rule.weighting != "pca":
            return ()
        n = self.rows.size
        unstable = []
        sample, change = self._sample_moments()
        for columns in self.rule.groups:
            for reason, margin, slope in component_margins(
                sample.of(columns), change.of(columns)
            ):
                error = np.sqrt(n / (n - 1) * (slope**2).sum(axis=0))
                if (np.abs(margin) <= _MARGIN * error).any():
                    unstable.append(reason)
        return tuple(dict.fromkeys(unstable))

    def moments(self, counts: Floats) -> Moments:
        """Compute moments of R samples with multiplicities `counts`, (R, n)."""
        size = (counts @ self.rows)[:, None]
        shift = counts @ self.first / size
        width = self.mean.size
        products = (counts @ self.second.reshape(self.rows.size, -1)).reshape(
            -1, width, width
        )
        cov = products / size[:, :, None] - shift[:, :, None] * shift[:, None, :]

        whole = self.second.sum(axis=0).diagonal() / self.rows.sum()
        varies = cov.diagonal(axis1=1, axis2=2) > LOST_IN_DRAW * whole
        cov = np.where(varies[:, :, None] & varies[:, None, :], cov, 0.0)
        return Moments(self.mean + shift, cov)

    def _sample_moments(self) -> tuple[Moments, Moments]:
        """Compute moments of the sample, and their change with each entity's weight."""
        total = self.rows.sum()
        whole = self.moments(self._once)
        sample = Moments(whole.mean[0], whole.cov[0])
        change = Moments(
            self.first / total,
            (self.second - self.rows[:, None, None] * sample.cov) / total,
        )
        return sample, change


def entity_sums(z: Floats, entity: Ints, rule: Rule, constant: Bools) -> EntitySums:
    """Sum by entity what weights need from z, (N, m); `entity` codes are sorted."""
    entities, codes = np.unique(entity, return_inverse=True)
    rows = np.bincount(codes)
    if rule.weighting == "entropy":
        mean, first, second = entity_divergence(
            np.where(constant, 1.0, z), codes, shift=rule.shift
        )
        return EntitySums(entities, rows, first, second, mean, constant, rule)

    starts = np.flatnonzero(np.diff(codes, prepend=-1))
    mean = z.mean(axis=0)
    centred = np.where(constant, 0.0, z - mean)
    first = np.add.reduceat(centred, starts, axis=0)
    second = np.empty((entities.size, 0, 0))
    if rule.estimated:
        products = [
            np.add.reduceat(centred * centred[:, [j]], starts, axis=0)
            for j in range(z.shape[1])
        ]
        second = np.stack(products, axis=1)
    return EntitySums(entities, rows, first, second, mean, constant, rule)
