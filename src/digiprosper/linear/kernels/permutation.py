"""Permutations of group labels over entities, and the slopes of the groups."""

from __future__ import annotations

import math

import numpy as np

from digiprosper.kernels import Floats, Ints
from digiprosper.kernels.chunks import chunks
from digiprosper.kernels.resampling import Grams, bytes_per_draw, refit

# Beyond this many arrangements they are counted as so many.
_LOG_MOST = 100.0


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
        drawn = (
            permuted_labels(generator, labels, part.stop - part.start)
            if every is None
            else every[part]
        )
        for group in range(groups):
            weights = (drawn == group).astype(np.float64)
            out[part, group] = refit(grams, weights, [equation])[0][:, regressor]
    return out
