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
    """What the weights need to know about each entity, so that entities can be drawn again without the panel.

    What is summed depends on the weighting: see the subclasses.

    Parameters
    ----------
    entities : ndarray of int, shape (n,)
        Codes of the n entities that weights were learned from.
    rows : ndarray, shape (n,)
        Rows of each.
    first, second : ndarray, shape (n, m) or (n, m, m)
        Sums over the rows of each.
    mean : ndarray, shape (m,)
        Means of z, shifted where weights are by entropy.
    constant : ndarray of bool, shape (m,)
        Columns that do not vary; their sums are 0.
    rule : Rule
        How columns are weighed.
    """

    entities: Ints
    rows: Ints
    first: Floats
    second: Floats
    mean: Floats
    constant: Bools
    rule: Rule

    def weights(self, counts: Floats) -> Floats:
        """Weigh again with every entity taken so many times.

        Parameters
        ----------
        counts : ndarray, shape (R, n)
            Multiplicities: counts of a bootstrap, ``1 - eye(n)`` for the jackknife, ones for the sample.

        Returns
        -------
        ndarray, shape (R, m)
            Weights; a row of NaN where the draw has none.
        """
        return weights_of_level(self.level(counts), self.rule)

    def draws(self, reps: int, seed: np.random.SeedSequence, *, memory: int = 2**28) -> Floats:
        """Draw entities with replacement and weigh again.

        Parameters
        ----------
        reps : int
            R, draws.
        seed : SeedSequence
            Source of the draws.
        memory : int
            Bytes that one chunk of draws may take; 256 MB. Chunks do not change the draws.

        Returns
        -------
        ndarray, shape (R, m)
            Weights.
        """
        generator = np.random.default_rng(seed)
        out = np.empty((reps, self.first.shape[1]))
        chunk = max(1, memory // (8 * (4 * self.rows.size + 4 * self.second[0].size)))
        for start in range(0, reps, chunk):
            stop = min(start + chunk, reps)
            out[start:stop] = self.weights(draw_counts(generator, self.rows.size, stop - start))
        return out

    def jackknife(self) -> Floats:
        """Weigh again without each entity.

        Returns
        -------
        ndarray, shape (n, m)
            Weights, one row per entity left out.
        """
        return self.weights(1.0 - np.eye(self.rows.size))

    def influence(self) -> Floats:
        """Differentiate the weights by how often each entity is taken, at once each.

        Returns
        -------
        ndarray, shape (n, m)
            The entity's sum of influences over N.

        Notes
        -----
        For entropy the influence of a row on T is b - T u, with u = z / mean and b = u ln u - u + 1, and on
        the weight w_j = T_j / sum T it is (psi_j - w_j sum_k psi_k) / sum_k T_k.
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
        """Compute the information of every column with every entity taken so many times.

        Parameters
        ----------
        counts : ndarray, shape (R, n)
            Multiplicities.

        Returns
        -------
        ndarray, shape (R, m)
            Weights before they are divided by their sum.
        """
        raise NotImplementedError

    def slope(self) -> Floats:
        """Differentiate the information by the multiplicities, (n, m)."""
        raise NotImplementedError

    def unstable_components(self) -> tuple[str, ...]:
        """Find what may jump in PCA weights within the sampling error, so that no delta error is valid.

        Returns
        -------
        tuple of str
            ``"count"``, ``"order"`` or ``"sign"``, see `component_margins`, where a margin is below two of
            its standard errors, clustered by entity; empty for other weights.
        """
        return ()


@dataclass(frozen=True, slots=True, eq=False)
class FixedSums(EntitySums):
    """For weights that are not estimated: `first` and `second` are not used."""

    def level(self, counts: Floats) -> Floats:
        """Repeat the weights: see `EntitySums.level`."""
        fixed = np.ones(self.mean.size) if self.rule.given is None else self.rule.given
        if not self.rule.keeps_constant:
            fixed = np.where(self.constant, 0.0, fixed)
        return np.tile(fixed, (len(counts), 1))

    def slope(self) -> Floats:
        """Give zeros: see `EntitySums.slope`."""
        return np.zeros_like(self.first)


@dataclass(frozen=True, slots=True, eq=False)
class TheilSums(EntitySums):
    """For entropy weights: `first` sums d = z / mean - 1, `second` its divergence (1 + d) ln(1 + d) - d."""

    def level(self, counts: Floats) -> Floats:
        """Compute Theil's T: see `EntitySums.level`."""
        theil = theil_of_counts(counts, self.rows, self.first, self.second)
        whole = theil_of_counts(np.ones((1, self.rows.size)), self.rows, self.first, self.second)
        return np.where(theil > LOST_IN_DRAW * whole, theil, 0.0)

    def slope(self) -> Floats:
        """Differentiate Theil's T: see `EntitySums.slope`."""
        total = self.rows.sum()
        theil = self.second.sum(axis=0) / total
        taken = self.rows[:, None] + self.first
        moved: Floats = (self.second - theil * taken) / total
        return moved


@dataclass(frozen=True, slots=True, eq=False)
class MomentSums(EntitySums):
    """For weights from means and covariances: `first` sums z - mean, `second` its cross products."""

    def level(self, counts: Floats) -> Floats:
        """Compute the information from moments: see `EntitySums.level`."""
        return self.information(self.moments(counts))

    def information(self, moments: Moments) -> Floats:
        """Compute the information of every column, group by group.

        Parameters
        ----------
        moments : Moments
            Of R samples.

        Returns
        -------
        ndarray, shape (R, m)
            As in `EntitySums.level`.
        """
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
        found = []
        sample, change = self._sample_moments()
        for columns in self.rule.groups:
            for what, margin, slope in component_margins(sample.of(columns), change.of(columns)):
                error = np.sqrt(n / (n - 1) * (slope**2).sum(axis=0))
                if (np.abs(margin) <= _MARGIN * error).any():
                    found.append(what)
        return tuple(dict.fromkeys(found))

    def moments(self, counts: Floats) -> Moments:
        """Compute means and covariances with every entity taken so many times.

        Parameters
        ----------
        counts : ndarray, shape (R, n)
            Multiplicities.

        Returns
        -------
        Moments
            Of R samples.
        """
        size = (counts @ self.rows)[:, None]
        shift = counts @ self.first / size
        width = self.mean.size
        products = (counts @ self.second.reshape(self.rows.size, -1)).reshape(-1, width, width)
        cov = products / size[:, :, None] - shift[:, :, None] * shift[:, None, :]

        whole = self.second.sum(axis=0).diagonal() / self.rows.sum()
        there = cov.diagonal(axis1=1, axis2=2) > LOST_IN_DRAW * whole
        cov = np.where(there[:, :, None] & there[:, None, :], cov, 0.0)
        return Moments(self.mean + shift, cov)

    def _sample_moments(self) -> tuple[Moments, Moments]:
        """Moments of the sample, and their changes as each entity is taken more often."""
        total = self.rows.sum()
        whole = self.moments(np.ones((1, self.rows.size)))
        sample = Moments(whole.mean[0], whole.cov[0])
        change = Moments(self.first / total, (self.second - self.rows[:, None, None] * sample.cov) / total)
        return sample, change


def weights_of_level(level: Floats, rule: Rule) -> Floats:
    """Turn the information of the columns in each draw into weights.

    Parameters
    ----------
    level : ndarray, shape (R, m)
        Information of every column.
    rule : Rule
        How columns are weighed.

    Returns
    -------
    ndarray, shape (R, m)
        Weights; a row of NaN where the draw has none.
    """
    inner = shares(level, rule.groups)
    weights = equal_across(inner, rule.groups) if rule.across == "equal_dimensions" else inner
    weights[~(np.abs(weights.sum(axis=1) - 1.0) <= SUM_TO_ONE)] = np.nan
    return weights


def entity_sums(z: Floats, entity: Ints, rule: Rule, constant: Bools) -> EntitySums:
    """Sum what the weights rest on, entity by entity.

    Parameters
    ----------
    z : ndarray, shape (N, m)
        Directed and normalised rows that weights are learned from.
    entity : ndarray of int, shape (N,)
        Codes, non-decreasing; some entities may have no rows.
    rule : Rule
        How columns are weighed.
    constant : ndarray of bool, shape (m,)
        Columns that do not vary.

    Returns
    -------
    EntitySums
        Of the entities with rows.
    """
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
