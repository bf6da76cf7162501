"""Labels of groups permuted over entities, and the slope of each group in every permutation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from digiprosper.kernels.resampling import bytes_each, refit

if TYPE_CHECKING:
    from digiprosper.kernels import Floats, Ints
    from digiprosper.kernels.resampling import Grams

__all__ = ["permuted_labels", "permuted_slopes"]


def permuted_labels(generator: np.random.Generator, labels: Ints, count: int) -> Ints:
    """Permute labels over entities.

    Parameters
    ----------
    generator : Generator
        Source of the permutations. A number of them is the same in one call as in several.
    labels : (E,) array of int
        Group of each entity.
    count : int
        How many.

    Returns
    -------
    (count, E) array of int
        Each row has every group as often as `labels`.

    Examples
    --------
    >>> permuted_labels(np.random.default_rng(0), np.array([0, 0, 1]), 2).sum(axis=1)
    array([1, 1])
    """
    return generator.permuted(np.tile(labels, (count, 1)), axis=1)


def permuted_slopes(
    grams: Grams,
    labels: Ints,
    regressor: int,
    reps: int,
    seed: np.random.SeedSequence,
    *,
    memory: int = 2**28,
) -> Floats:
    """Fit each group by itself in every permutation of its label.

    A group is a weighting of the entities by zero and one, so all fits of a permutation are sums of cross
    products of entities. Effects nested in entities are swept; others are estimated anew in each group.

    Parameters
    ----------
    grams : Grams
        Cross products by entity: the outcome, then every regressor.
    labels : (E,) array of int
        Group of each entity, codes without gaps.
    regressor : int
        Position of the regressor among them.
    reps : int
        Permutations R.
    seed : SeedSequence
        Source of the permutations.
    memory : int
        Bytes that the arrays of one chunk may take; 256 MB.

    Returns
    -------
    (R, G) array
        Slope of the regressor by group; NaN where it is not identified.
    """
    generator = np.random.default_rng(seed)
    groups = int(labels.max()) + 1
    equation = (0, tuple(range(1, grams.n_columns)))
    chunk = max(1, memory // (bytes_each(grams) + 24 * grams.n_clusters))
    out = np.empty((reps, groups))
    for start in range(0, reps, chunk):
        stop = min(start + chunk, reps)
        drawn = permuted_labels(generator, labels, stop - start)
        for group in range(groups):
            weights = (drawn == group).astype(np.float64)
            out[start:stop, group] = refit(grams, weights, [equation])[0][:, regressor]
    return out
