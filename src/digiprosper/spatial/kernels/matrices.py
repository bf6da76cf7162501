"""Matrices of spatial weights: from places or values, stored, standardised, lagged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import scipy

from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.kernels.chunks import chunks
from digiprosper.kernels.great_circle import great_circle
from digiprosper.kernels.tolerances import (
    EQUAL_DIFFERENCE,
    EQUAL_ROW_SUMS,
    SAME_DISTANCE,
    SYMMETRIC,
)

Matrix: TypeAlias = "Floats | scipy.sparse.csr_array[Any]"
"""(n, n) weights: a dense array, or rows of links only."""

# A product with rows of links is faster than a dense one from about this size and below
# this share.
_SPARSE_FROM = 200
_SPARSE_BELOW = 0.1
# Up to this size all eigenvalues take less than a few seconds.
_DENSE_EIGENVALUES = 1_000
# Bytes of a block of rows of distances; some ten arrays of that size are alive at once.
_MEMORY = 2**25


def stored(matrix: Any) -> Matrix:
    """Copy a matrix to the fastest form, read-only and without stored zeros.

    Rows of links (CSR) if n is at least 200 and at most a tenth of all pairs are
    linked; dense otherwise.
    """
    n = matrix.shape[0]
    most = _SPARSE_BELOW * n * n if n >= _SPARSE_FROM else -1
    if scipy.sparse.issparse(matrix) or np.count_nonzero(matrix) <= most:
        rows = scipy.sparse.csr_array(matrix, dtype=np.float64, copy=True)
        rows.sum_duplicates()
        rows.eliminate_zeros()
        if rows.nnz <= most:
            return _frozen_rows(rows)
        matrix = rows.toarray()
    dense = np.array(matrix, dtype=np.float64)
    dense.setflags(write=False)
    return dense


def _frozen_rows(rows: scipy.sparse.csr_array[Any]) -> scipy.sparse.csr_array[Any]:
    rows.sort_indices()
    for part in (rows.data, rows.indices, rows.indptr):
        part.setflags(write=False)
    return rows


def to_dense(matrix: Matrix) -> Floats:
    """Return the dense array of weights, the same one if they are dense already."""
    return matrix if isinstance(matrix, np.ndarray) else matrix.toarray()


def link_ends(matrix: Matrix) -> tuple[Ints, Ints, Floats]:
    """Return rows, columns and positive weights of links, by row, then column."""
    if isinstance(matrix, np.ndarray):
        rows, columns = np.nonzero(matrix)
        return rows, columns, matrix[rows, columns]
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    return rows, matrix.indices.astype(np.intp), matrix.data


def cut(matrix: Matrix, positions: Ints) -> Matrix:
    """Select weights among some entities, by positions in the new order."""
    return stored(matrix[positions][:, positions])


def row_sum(matrix: Floats) -> float | None:
    """Return the common sum of all rows, or None if rows have different sums."""
    sums = matrix.sum(axis=1)
    equal = np.ptp(sums) <= EQUAL_ROW_SUMS * np.abs(sums).max()
    return float(sums.mean()) if equal else None


def scaled(matrix: Matrix, factors: Floats) -> Matrix:
    """Multiply each row by a factor; the result is read-only."""
    if isinstance(matrix, np.ndarray):
        out = matrix * factors[:, None]
        out.setflags(write=False)
        return out
    rows = matrix.copy()
    rows.data = rows.data * np.repeat(factors, np.diff(rows.indptr))
    return _frozen_rows(rows)


def spectral_radius(matrix: Matrix) -> float:
    """Compute the largest absolute eigenvalue; zero if the links have no cycle.

    Weights are not negative, so the radius is itself an eigenvalue (Perron, Frobenius).
    """
    parts = pattern_of(matrix).strong
    rows, columns, _ = link_ends(matrix)
    # Links between strongly connected parts lie beside the diagonal blocks and move no
    # eigenvalue.
    inside = np.unique(parts[rows[parts[rows] == parts[columns]]])
    blocks = (cut(matrix, np.flatnonzero(parts == part)) for part in inside)
    return max(map(_irreducible_radius, blocks), default=0.0)


def _irreducible_radius(matrix: Matrix) -> float:
    n = matrix.shape[0]
    if n > _DENSE_EIGENVALUES:
        # If it does not converge, compute all of them.
        with suppress(scipy.sparse.linalg.ArpackError):
            values = scipy.sparse.linalg.eigs(
                matrix, k=1, which="LR", v0=np.ones(n), return_eigenvectors=False
            )
            return float(values[0].real)
    return float(np.abs(np.linalg.eigvals(to_dense(matrix))).max())


def is_symmetric(matrix: Matrix) -> bool:
    """Tell whether weights are the same in both directions, apart from rounding."""
    turned: Any = matrix.T
    larger: Any
    if isinstance(matrix, np.ndarray):
        larger = np.maximum(matrix, turned)
    else:
        larger = matrix.maximum(turned)
    return not (abs(matrix - turned) > SYMMETRIC * larger).sum()


@dataclass(frozen=True, slots=True, eq=False)
class Pattern:
    """Links between entities."""

    neighbours: Ints  # (n,) positive weights in each row
    islands: Bools  # (n,) whether a row has no link
    n_parts: int  # connected components, in any direction of the links
    strong: Ints  # (n,) strongly connected component, along the direction of the links
    n_mutual: int  # links that have one in the other direction


def pattern_of(matrix: Matrix) -> Pattern:
    """Count neighbours and find connected components."""
    n = matrix.shape[0]
    rows, columns, _ = link_ends(matrix)
    neighbours = np.bincount(rows, minlength=n)
    links = scipy.sparse.csr_array((np.ones(rows.size), (rows, columns)), shape=(n, n))
    components = scipy.sparse.csgraph.connected_components
    n_parts = components(links, directed=False)[0]
    strong = components(links, connection="strong")[1].astype(np.intp)
    n_mutual = int((links * links.T).sum())
    return Pattern(neighbours, neighbours == 0, int(n_parts), strong, n_mutual)


def lag_by_period(matrix: Matrix, cells: Floats) -> Floats:
    """Compute the spatial lag ``sum_j w_ij x_jt`` of (T, n) values in each period.

    NaN if a neighbour is missing, zero for a row of W without links.
    """
    missing = np.isnan(cells)
    lag = (matrix @ np.where(missing, 0.0, cells).T).T
    incomplete = missing.any(axis=1)
    if incomplete.any():
        missing_weight = (matrix @ missing[incomplete].T.astype(np.float64)).T
        lag[incomplete] = np.where(missing_weight > 0, np.nan, lag[incomplete])
    return np.ascontiguousarray(lag)


# --- from places and from values, before standardising --------------------------------


def _blocks(degrees: Floats) -> Iterator[tuple[int, Floats]]:
    """Compute distances to all places in km, by chunks; infinite to itself."""
    n = len(degrees)
    for part in chunks(n, n, _MEMORY):
        kilometres = great_circle(degrees[part, None], degrees[None])
        rows = np.arange(len(kilometres))
        kilometres[rows, rows + part.start] = np.inf
        yield part.start, kilometres


def same_places(degrees: Floats) -> tuple[Ints, Ints]:
    """Return the positions of each pair of entities at the same place, once."""
    pairs = np.concatenate(
        [np.argwhere(km == 0) + np.array([start, 0]) for start, km in _blocks(degrees)]
    )
    first, second = pairs[pairs[:, 0] < pairs[:, 1]].T
    return first, second


def inverse_distances(degrees: Floats, power: float, cutoff: float | None) -> Matrix:
    """Compute ``d_ij ** -power`` from (n, 2) places, zero on the diagonal.

    Beyond the cutoff in kilometres weights are zero, and the result is a csr_array.
    """
    if cutoff is None:
        return np.concatenate([km**-power for _, km in _blocks(degrees)])
    return _stacked(
        np.where(km <= cutoff, km, np.inf) ** -power for _, km in _blocks(degrees)
    )


def _stacked(blocks: Iterable[Floats]) -> Matrix:
    parts = [scipy.sparse.csr_array(block) for block in blocks]
    return scipy.sparse.csr_array(scipy.sparse.vstack(parts))


def nearest_distances(degrees: Floats, k: int = 1) -> Floats:
    """Compute each place's distance to its k-th nearest in km, for k below n."""
    return np.concatenate(
        [np.partition(km, k - 1, axis=1)[:, k - 1] for _, km in _blocks(degrees)]
    )


def nearest_neighbours(degrees: Floats, k: int) -> Matrix:
    """Link each place with the k nearest ones, with weights of one.

    All places as far as the k-th are linked, so that the order of rows does not matter.
    """
    reach = nearest_distances(degrees, k) * (1 + SAME_DISTANCE)
    return _stacked(
        (km <= reach[start : start + len(km), None]).astype(np.float64)
        for start, km in _blocks(degrees)
    )


def same_values(values: Floats) -> tuple[Ints, Ints]:
    """Return pairs of values, adjacent when sorted, equal up to rounding."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    sizes = np.maximum(np.abs(ordered[1:]), np.abs(ordered[:-1]))
    equal_next = np.diff(ordered) <= EQUAL_DIFFERENCE * sizes
    return order[:-1][equal_next], order[1:][equal_next]


def inverse_differences(values: Floats) -> Matrix:
    """Compute ``1 / |v_i - v_j|`` of (n,) different values; zero on the diagonal."""
    difference = np.abs(values[:, None] - values)
    np.fill_diagonal(difference, np.inf)
    return 1.0 / difference
