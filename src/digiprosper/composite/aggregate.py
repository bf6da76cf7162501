"""From weighted indicators to one score."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from digiprosper.kernels import Floats

__all__ = ["AGGREGATIONS", "Aggregation", "aggregate_linear"]

Aggregation = Literal["linear"]


def aggregate_linear(z: Floats, weights: Floats) -> Floats:
    """Weighted sum: S_i = sum_j w_j z_ij.

    Parameters
    ----------
    z : ndarray, shape (N, m)
        Directed and normalised.
    weights : ndarray, shape (m,)
        Add up to one.

    Returns
    -------
    ndarray, shape (N,)
        In [0, 1] when z is.
    """
    scores: Floats = z @ weights
    return scores


AGGREGATIONS: Final[Mapping[str, Callable[[Floats, Floats], Floats]]] = {"linear": aggregate_linear}
