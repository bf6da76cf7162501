"""From weighted indicators to one score."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from digiprosper.kernels import Floats

__all__ = ["AGGREGATIONS", "Aggregation", "aggregate_geometric", "aggregate_linear", "aggregate_topsis"]

Aggregation = Literal["linear", "geometric", "topsis"]


def aggregate_linear(z: Floats, weights: Floats, worst: Floats, best: Floats) -> Floats:
    """Weighted sum: S_i = sum_j w_j z_ij.

    Parameters
    ----------
    z : ndarray, shape (N, m)
        Directed and normalised.
    weights : ndarray, shape (m,)
        Add up to one.
    worst, best : ndarray, shape (m,)
        Not used.

    Returns
    -------
    ndarray, shape (N,)
        In [0, 1] when z is.
    """
    del worst, best
    scores: Floats = z @ weights
    return scores


def aggregate_geometric(z: Floats, weights: Floats, worst: Floats, best: Floats) -> Floats:
    """Weighted product: S_i = prod_j z_ij^w_j.

    Parameters
    ----------
    z : ndarray, shape (N, m)
        Directed and normalised, >= 0 where the weight is positive.
    weights : ndarray, shape (m,)
        >= 0, add up to one.
    worst, best : ndarray, shape (m,)
        Not used.

    Returns
    -------
    ndarray, shape (N,)
        0 where one indicator with a weight is 0.
    """
    del worst, best
    used = weights > 0
    with np.errstate(divide="ignore"):
        logs = np.log(z[:, used])
    scores: Floats = np.exp(logs @ weights[used])
    return scores


def aggregate_topsis(z: Floats, weights: Floats, worst: Floats, best: Floats) -> Floats:
    """Relative closeness to the ideal: C_i = D-_i / (D+_i + D-_i).

    D+_i = sqrt(sum_j (w_j (z_ij - best_j))^2) and D-_i the same with the worst.

    Parameters
    ----------
    z : ndarray, shape (N, m)
        Directed and normalised.
    weights : ndarray, shape (m,)
        Inside the square, as Hwang and Yoon (1981) have them.
    worst, best : ndarray, shape (m,)
        Smallest and largest z where the end points were learned; at least one with a weight differs.

    Returns
    -------
    ndarray, shape (N,)
        In [0, 1].
    """
    far = np.sqrt((((z - best) * weights) ** 2).sum(axis=1))
    near = np.sqrt((((z - worst) * weights) ** 2).sum(axis=1))
    scores: Floats = near / (far + near)
    return scores


AGGREGATIONS: Final[Mapping[str, Callable[[Floats, Floats, Floats, Floats], Floats]]] = {
    "linear": aggregate_linear,
    "geometric": aggregate_geometric,
    "topsis": aggregate_topsis,
}
