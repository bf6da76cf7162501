"""Sampling errors of weights from sums by entity: influence functions, the jackknife, bootstrap draws.

Entities are what is drawn, since the rows of one entity depend on each other. End points are held fixed, so
that everything a draw needs is linear in how often each entity is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from digiprosper.composite.kernels.information import INFORMATION, Moments, component_margins
from digiprosper.composite.kernels.structure import Rule, equal_across, shares
from digiprosper.kernels.dispersion import entity_divergence, theil_of_counts
from digiprosper.kernels.resampling import draw_counts
from digiprosper.kernels.tolerances import LOST_IN_DRAW, SUM_TO_ONE
from digiprosper.report.pickling import PickledByName

if TYPE_CHECKING:
    from digiprosper.kernels import Bools, Floats, Ints

# Margins of PCA weights in standard errors, below which delta errors do not hold (simulated, see the docs).
_MARGIN: Final = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class EntitySums(PickledByName):
    """Sums by entity from which weights can be computed again for drawn entities without the panel.

    What is summed depends on the weighting: see the subclasses.
    entities (n,): codes of the entities that weights were learned from
    rows (n,): rows of each
    first, second (n, m) or (n, m, m): sums over the rows of each
    mean (m,): means of z, shifted where weights are by entropy
    constant (m,): columns that do not vary; their sums are 0
    """

    entities: Ints
    rows: Ints
    first: Floats
    second: Floats
    mean: Floats
    constant: Bools
    rule: Rule

    def weights(self, counts: Floats) -> Floats:
        """Compute weights, (R, m), with multiplicities `counts`, (R, n); NaN where a draw has none.

        Counts of a bootstrap, ``1 - eye(n)`` for the jackknife, ones for the sample.
        """
        return weights_of_level(self.level(counts), self.rule)

    def draws(self, reps: int, seed: np.random.SeedSequence, *, memory: int = 2**28) -> Floats:
        """Draw entities with replacement and weigh again: (reps, m).

        `memory` is the bytes that one chunk of draws may take; chunks do not change the draws.
        """
        generator = np.random.default_rng(seed)
        out = np.empty((reps, self.first.shape[1]))
        chunk = max(1, memory // (8 * (4 * self.rows.size + 4 * self.second[0].size)))
        for start in range(0, reps, chunk):
            stop = min(start + chunk, reps)
            out[start:stop] = self.weights(draw_counts(generator, self.rows.size, stop - start))
        return out

    def jackknife(self) -> Floats:
        """Weigh again without each entity, (n, m)."""
        return self.weights(1.0 - np.eye(self.rows.size))

    def influence(self) -> Floats:
        """Differentiate the weights by the multiplicity of each entity at one, (n, m).

        This is the entity's sum of influences over N. For entropy the influence of a row on T is
        psi = b - T u, with u = z / mean and b = u ln u - u + 1, and on the weight w_j = T_j / sum T it is
        (psi_j - w_j sum_k psi_k) / sum_k T_k.
        """
        once = np.ones((1, self.rows.size))
        level = self.level(once)[0]
        slope = self.slope()
        out = np.zeros_like(slope)
        weights = self.weights(once)[0]
        for columns in self.rule.groups:
            total, share = level[columns].sum(), weights[columns].sum()
            if total != 0 and share != 0:
                inside = weights[columns] / share
                moved = slope[:, columns] - inside * slope[:, columns].sum(axis=1, keepdims=True)
                out[:, columns] = share * moved / total
        return out

    def level(self, counts: Floats) -> Floats:
        """Compute the information of every column, (R, m), with multiplicities `counts`, (R, n)."""
        raise NotImplementedError

    def slope(self) -> Floats:
        """Differentiate the information by the multiplicities, (n, m)."""
        raise NotImplementedError

    def unstable_components(self) -> tuple[str, ...]:
        """Find what may jump in PCA weights within the sampling error, so that no delta error is valid.

        "count", "order" or "sign", see `component_margins`, where a margin is below two of its standard
        errors, clustered by entity; empty for other weights.
        """
        return ()


@dataclass(frozen=True, slots=True, eq=False)
class FixedSums(EntitySums):
    """Sums for weights that are not estimated: `first` and `second` are not used."""

    def level(self, counts: Floats) -> Floats:
        """Repeat the weights: see `EntitySums.level`."""
        fixed = np.ones(self.mean.size) if self.rule.given is None else self.rule.given
        if not self.rule.keeps_constant:
            fixed = np.where(self.constant, 0.0, fixed)
        return np.tile(fixed, (len(counts), 1))

    def slope(self) -> Floats:
        """Return zeros: see `EntitySums.slope`."""
        return np.zeros_like(self.first)


@dataclass(frozen=True, slots=True, eq=False)
class TheilSums(EntitySums):
    """Sums for entropy weights: `first` of d = z / mean - 1, `second` of (1 + d) ln(1 + d) - d."""

    def level(self, counts: Floats) -> Floats:
        """Compute Theil's T: see `EntitySums.level`."""
        theil = theil_of_counts(counts, self.rows, self.first, self.second)
        whole = theil_of_counts(np.ones((1, self.rows.size)), self.rows, self.first, self.second)
        return np.where(theil > LOST_IN_DRAW * whole, theil, 0.0)

    def slope(self) -> Floats:
        """Differentiate Theil's T: see `EntitySums.slope`."""
        total = self.rows.sum()
        theil = self.second.sum(axis=0) / total
        relative_sums = self.rows[:, None] + self.first
        moved: Floats = (self.second - theil * relative_sums) / total
        return moved


@dataclass(frozen=True, slots=True, eq=False)
class MomentSums(EntitySums):
    """Sums for weights from means and covariances: `first` of z - mean, `second` of its cross products."""

    def level(self, counts: Floats) -> Floats:
        """Compute the information from moments: see `EntitySums.level`."""
        return self.information(self.moments(counts))

    def information(self, moments: Moments) -> Floats:
        """Compute the information of every column, (R, m), group by group."""
        level = np.zeros_like(moments.mean)
        for columns in self.rule.groups:
            level[:, columns] = INFORMATION[self.rule.weighting].level(moments.of(columns))
        return level

    def slope(self) -> Floats:
        """Differentiate by the moments: see `EntitySums.slope`."""
        sample, change = self._sample_moments()
        slope = np.zeros_like(self.first)
        for columns in self.rule.groups:
            slope[:, columns] = INFORMATION[self.rule.weighting].slope(sample.of(columns), change.of(columns))
        return slope

    def unstable_components(self) -> tuple[str, ...]:
        """Compare margins with their standard errors: see `EntitySums.unstable_components`."""
        if self.rule.weighting != "pca":
            return ()
        n = self.rows.size
        unstable = []
        sample, change = self._sample_moments()
        for columns in self.rule.groups:
            for reason, margin, slope in component_margins(sample.of(columns), change.of(columns)):
                error = np.sqrt(n / (n - 1) * (slope**2).sum(axis=0))
                if (np.abs(margin) <= _MARGIN * error).any():
                    unstable.append(reason)
        return tuple(dict.fromkeys(unstable))

    def moments(self, counts: Floats) -> Moments:
        """Compute means and covariances of R samples with multiplicities `counts`, (R, n)."""
        size = (counts @ self.rows)[:, None]
        shift = counts @ self.first / size
        width = self.mean.size
        products = (counts @ self.second.reshape(self.rows.size, -1)).reshape(-1, width, width)
        cov = products / size[:, :, None] - shift[:, :, None] * shift[:, None, :]

        whole = self.second.sum(axis=0).diagonal() / self.rows.sum()
        varies = cov.diagonal(axis1=1, axis2=2) > LOST_IN_DRAW * whole
        cov = np.where(varies[:, :, None] & varies[:, None, :], cov, 0.0)
        return Moments(self.mean + shift, cov)

    def _sample_moments(self) -> tuple[Moments, Moments]:
        """Compute moments of the sample, and their changes as each entity is taken more often."""
        total = self.rows.sum()
        whole = self.moments(np.ones((1, self.rows.size)))
        sample = Moments(whole.mean[0], whole.cov[0])
        change = Moments(self.first / total, (self.second - self.rows[:, None, None] * sample.cov) / total)
        return sample, change


def weights_of_level(level: Floats, rule: Rule) -> Floats:
    """Turn the information of the columns in each draw, (R, m), into weights; NaN where a draw has none."""
    inner = shares(level, rule.groups)
    weights = equal_across(inner, rule.groups) if rule.across == "equal_dimensions" else inner
    weights[~(np.abs(weights.sum(axis=1) - 1.0) <= SUM_TO_ONE)] = np.nan
    return weights


def entity_sums(z: Floats, entity: Ints, rule: Rule, constant: Bools) -> EntitySums:
    """Sum what the weights rest on by entity: z is (N, m), `entity` (N,) has non-decreasing codes."""
    seen, codes = np.unique(entity, return_inverse=True)
    rows = np.bincount(codes)
    if rule.by_entropy:
        mean, first, second = entity_divergence(np.where(constant, 1.0, z), codes, shift=rule.shift)
        return TheilSums(seen, rows, first, second, mean, constant, rule)

    starts = np.flatnonzero(np.diff(codes, prepend=-1))
    mean = z.mean(axis=0)
    centred = np.where(constant, 0.0, z - mean)
    first = np.add.reduceat(centred, starts, axis=0)
    if not rule.estimated:
        return FixedSums(seen, rows, first, np.empty((seen.size, 0, 0)), mean, constant, rule)

    second = np.empty((seen.size, z.shape[1], z.shape[1]))
    for j in range(z.shape[1]):
        second[:, j] = np.add.reduceat(centred * centred[:, [j]], starts, axis=0)
    return MomentSums(seen, rows, first, second, mean, constant, rule)
