"""From weighted indicators to one score: of one set of weights, or of many at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from digiprosper.kernels import Floats, Ints

Aggregation = Literal["linear", "geometric", "geometric_dimensions", "topsis"]
# Undefined for negative factors and weights, and 0 where one factor is 0.
PRODUCTS = ("geometric", "geometric_dimensions")


def aggregate(
    aggregation: str,
    z: Floats,
    weights: Floats,
    worst: Floats,
    best: Floats,
    groups: Sequence[Ints],
) -> Floats:
    """Compute scores (..., N) from z (N, m), directed and normalised.

    weights (..., m): each set adds up to one
    worst, best (m,): smallest and largest z where the end points were learned
    groups: columns by dimension
    """
    if aggregation == "geometric":
        return aggregate_geometric(z, weights)
    if aggregation == "geometric_dimensions":
        return aggregate_dimensions(z, weights, groups)
    if aggregation == "topsis":
        return aggregate_topsis(z, weights, worst, best)
    return weights @ z.T


def aggregate_geometric(z: Floats, weights: Floats) -> Floats:
    """Weighted product: S_i = prod_j z_ij^w_j; 0 if a weighted indicator is 0."""
    logs = np.log(np.where(z > 0, z, 1.0))
    zeros = (weights > 0).astype(np.float64) @ (z <= 0).T.astype(np.float64)
    return np.where(zeros > 0, 0.0, np.exp(weights @ logs.T))


def aggregate_dimensions(z: Floats, weights: Floats, groups: Sequence[Ints]) -> Floats:
    """Weighted product of the dimensions' weighted means: S_i = prod_k D_ik^W_k.

    D_ik = sum_j w_j z_ij / W_k over the columns j of dimension k, and W_k is the sum of
    their weights. The Human Development Index is made so (UNDP 2024, Human Development
    Report 2023/24, technical note 1). 0 where the mean of a dimension with a weight is
    0, NaN where it is negative.
    """
    scores = np.ones((*weights.shape[:-1], len(z)))
    for columns in groups:
        inside = weights[..., columns]
        total = inside.sum(axis=-1, keepdims=True)
        mean = inside @ z[:, columns].T / np.where(total > 0, total, 1.0)
        scores *= np.where(total > 0, np.where(mean < 0, np.nan, mean), 1.0) ** total
    return scores


def aggregate_topsis(z: Floats, weights: Floats, worst: Floats, best: Floats) -> Floats:
    """Relative closeness to the ideal: C_i = D-_i / (D+_i + D-_i).

    The weights are inside the square. D+_i = sqrt(sum_j (w_j (z_ij - best_j))^2) and
    D-_i the same with the worst (Hwang and Yoon 1981). worst and best differ in at
    least one column with a weight.
    """
    far = np.sqrt(weights**2 @ ((z - best) ** 2).T)
    near = np.sqrt(weights**2 @ ((z - worst) ** 2).T)
    return np.asarray(near / (far + near))
