"""Weights from places and from values, before standardising."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from digiprosper.kernels.great_circle import great_circle
from digiprosper.kernels.tolerances import EQUAL_DIFFERENCE, SAME_DISTANCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from digiprosper.kernels import Floats, Ints
    from digiprosper.spatial.kernels.matrices import Matrix

# Numbers in a block of rows of distances, 32 MB each; some ten arrays of that size are
# alive at once.
_BLOCK: Final = 2**22


def _blocks(degrees: Floats) -> Iterator[tuple[int, Floats]]:
    """Compute distances to all places in km, by chunks; infinite to itself."""
    n = len(degrees)
    step = max(1, _BLOCK // max(n, 1))
    for start in range(0, n, step):
        rows = np.arange(start, min(start + step, n))
        kilometres = great_circle(degrees[rows, None], degrees[None])
        kilometres[rows - start, rows] = np.inf
        yield start, kilometres


def same_places(degrees: Floats) -> tuple[Ints, Ints]:
    """Return the positions of each pair of entities at the same place, once."""
    pairs = np.concatenate(
        [np.argwhere(km == 0) + np.array([start, 0]) for start, km in _blocks(degrees)]
    )
    first, second = pairs[pairs[:, 0] < pairs[:, 1]].T
    return first, second


def inverse_distances(degrees: Floats, power: float, cutoff: float | None) -> Matrix:
    """Compute ``d_ij ** -power`` from (n, 2) places, zero on the diagonal.

    Beyond the cutoff in kilometres weights are zero; with a cutoff the result is a
    csr_array.
    """
    from scipy.sparse import csr_array, vstack

    parts: list[Any] = []
    for _, km in _blocks(degrees):
        if cutoff is None:
            parts.append(km**-power)
        else:
            parts.append(csr_array(np.where(km <= cutoff, km, np.inf) ** -power))
    return np.concatenate(parts) if cutoff is None else csr_array(vstack(parts))


def nearest_distances(degrees: Floats, k: int = 1) -> Floats:
    """Compute each place's distance to its k-th nearest in km, for k below n."""
    return np.concatenate(
        [np.partition(km, k - 1, axis=1)[:, k - 1] for _, km in _blocks(degrees)]
    )


def nearest_neighbours(degrees: Floats, k: int) -> Matrix:
    """Link each place with the k nearest ones, with weights of one.

    All places as far as the k-th are linked, so that the order of rows does not matter.
    """
    from scipy.sparse import csr_array, vstack

    reach = nearest_distances(degrees, k) * (1 + SAME_DISTANCE)
    parts = [
        csr_array((km <= reach[start : start + len(km), None]).astype(np.float64))
        for start, km in _blocks(degrees)
    ]
    return csr_array(vstack(parts))


def same_values(values: Floats) -> tuple[Ints, Ints]:
    """Return pairs of values, adjacent when sorted, equal up to rounding."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    sizes = np.maximum(np.abs(ordered[1:]), np.abs(ordered[:-1]))
    same = np.diff(ordered) <= EQUAL_DIFFERENCE * sizes
    return order[:-1][same], order[1:][same]


def inverse_differences(values: Floats) -> Matrix:
    """Compute ``1 / |v_i - v_j|`` of (n,) different values; zero on the diagonal."""
    difference = np.abs(values[:, None] - values)
    np.fill_diagonal(difference, np.inf)
    return 1.0 / difference
