"""Matrices of spatial weights: how they are stored, standardised and multiplied."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from digiprosper.kernels.tolerances import SYMMETRIC

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from digiprosper.kernels import Bools, Floats, Ints

Matrix: TypeAlias = "Floats | csr_array[Any]"
"""(n, n) weights: a dense array, or rows of links only."""

# A product with rows of links is faster than a dense one from about this size and below this share.
_SPARSE_FROM: Final = 200
_SPARSE_BELOW: Final = 0.1
# Up to this size all eigenvalues take less than a few seconds.
_DENSE_EIGENVALUES: Final = 1_000


def stored(matrix: Any) -> Matrix:
    """Store a matrix the way in which products with it are fastest.

    Parameters
    ----------
    matrix : (n, n) array or scipy.sparse matrix
        Weights.

    Returns
    -------
    (n, n) array or csr_array
        Rows of links (CSR) where n is at least 200 and at most a tenth of all pairs are linked; dense
        otherwise. A copy that cannot be written to, without stored zeros.
    """
    from scipy.sparse import csr_array, issparse

    n = matrix.shape[0]
    sparse = issparse(matrix)
    rows = csr_array(matrix, dtype=np.float64, copy=True) if sparse else None
    if rows is not None:
        rows.sum_duplicates()
        rows.eliminate_zeros()
    links = np.count_nonzero(matrix) if rows is None else rows.nnz
    if n >= _SPARSE_FROM and links <= _SPARSE_BELOW * n * n:
        return _frozen_rows(csr_array(matrix, dtype=np.float64) if rows is None else rows)
    dense = np.array(matrix, dtype=np.float64) if rows is None else rows.toarray()
    dense.setflags(write=False)
    return dense


def _frozen_rows(rows: csr_array[Any]) -> csr_array[Any]:
    rows.sort_indices()
    for part in (rows.data, rows.indices, rows.indptr):
        part.setflags(write=False)
    return rows


def to_dense(matrix: Matrix) -> Floats:
    """Write a matrix out.

    Parameters
    ----------
    matrix : (n, n) array or csr_array
        Weights.

    Returns
    -------
    (n, n) array
        Dense; the same one if it is dense already.
    """
    return matrix if isinstance(matrix, np.ndarray) else matrix.toarray()


def link_ends(matrix: Matrix) -> tuple[Ints, Ints, Floats]:
    """List the links.

    Parameters
    ----------
    matrix : (n, n) array or csr_array
        Weights.

    Returns
    -------
    rows, columns : (L,) arrays of int
        Entity and neighbour of each link, by row and then column.
    weights : (L,) array
        All positive.
    """
    if isinstance(matrix, np.ndarray):
        rows, columns = np.nonzero(matrix)
        return rows, columns, matrix[rows, columns]
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    return rows, matrix.indices.astype(np.intp), matrix.data


def cut(matrix: Matrix, places: Ints) -> Matrix:
    """Take some entities, in a new order.

    Parameters
    ----------
    matrix : (n, n) array or csr_array
        Weights.
    places : (m,) array of int
        Positions of the entities to take.

    Returns
    -------
    (m, m) array or csr_array
        Their weights among one another.
    """
    return stored(matrix[places][:, places])


def row_standardised(matrix: Matrix) -> Matrix:
    """Divide each row by its sum.

    Parameters
    ----------
    matrix : (n, n) array or csr_array
        Weights.

    Returns
    -------
    (n, n) array or csr_array
        Rows that sum to one; a row of zeros stays.
    """
    sums = np.asarray(matrix.sum(axis=1)).ravel()
    return scaled(matrix, 1.0 / np.where(sums > 0, sums, 1.0))


def scaled(matrix: Matrix, factors: Floats) -> Matrix:
    """Multiply each row by a factor.

    Parameters
    ----------
    matrix : (n, n) array or csr_array
        Weights.
    factors : (n,) array
        One a row.

    Returns
    -------
    (n, n) array or csr_array
        Read-only.
    """
    if isinstance(matrix, np.ndarray):
        out = matrix * factors[:, None]
        out.setflags(write=False)
        return out
    rows = matrix.copy()
    rows.data = rows.data * np.repeat(factors, np.diff(rows.indptr))
    return _frozen_rows(rows)


def spectral_radius(matrix: Matrix) -> float:
    """Compute the largest absolute value of an eigenvalue.

    Parameters
    ----------
    matrix : (n, n) array or csr_array
        Weights, none negative: the radius is then an eigenvalue itself (Perron, Frobenius).

    Returns
    -------
    float
        Zero where no chain of links comes back to where it began.

    Examples
    --------
    >>> round(spectral_radius(np.array([[0.0, 4.0], [1.0, 0.0]])), 12)
    2.0
    """
    parts = pattern_of(matrix).strong
    rows, columns, _ = link_ends(matrix)
    # Links between strongly connected parts lie beside the diagonal blocks and move no eigenvalue.
    inside = np.unique(parts[rows[parts[rows] == parts[columns]]])
    blocks = (cut(matrix, np.flatnonzero(parts == part)) for part in inside)
    return max(map(_irreducible_radius, blocks), default=0.0)


def _irreducible_radius(matrix: Matrix) -> float:
    if matrix.shape[0] <= _DENSE_EIGENVALUES:
        dense = to_dense(matrix)
        values = np.linalg.eigvalsh(dense) if is_symmetric(matrix) else np.linalg.eigvals(dense)
        return float(np.abs(values).max())

    from scipy.sparse.linalg import ArpackError, eigs, eigsh

    start = np.ones(matrix.shape[0])
    try:
        if is_symmetric(matrix):
            return float(eigsh(matrix, k=1, which="LA", v0=start, return_eigenvectors=False)[0])
        return float(eigs(matrix, k=1, which="LR", v0=start, return_eigenvectors=False)[0].real)
    except ArpackError:
        # It did not converge: compute all of them.
        return float(np.abs(np.linalg.eigvals(to_dense(matrix))).max())


def is_symmetric(matrix: Matrix) -> bool:
    """Find out whether weights are the same in both directions.

    Parameters
    ----------
    matrix : (n, n) array or csr_array
        Weights.

    Returns
    -------
    bool
        Up to rounding.
    """
    if isinstance(matrix, np.ndarray):
        return bool((np.abs(matrix - matrix.T) <= SYMMETRIC * np.maximum(matrix, matrix.T)).all())
    other = matrix.T.tocsr()
    difference, larger = abs(matrix - other), SYMMETRIC * matrix.maximum(other)
    return bool((difference - difference.minimum(larger)).nnz == 0)


@dataclass(frozen=True, slots=True, eq=False)
class Pattern:
    """Who is linked with whom.

    Parameters
    ----------
    neighbours : (n,) array of int
        Links that leave each entity: positive weights of its row.
    islands : (n,) array of bool
        Rows without a link.
    parts : (n,) array of int
        Connected part of each entity, whatever the direction of the links.
    strong : (n,) array of int
        Strongly connected part: a chain of links leads from each entity of it to each other.
    n_mutual : int
        Links that have one in the other direction.
    """

    neighbours: Ints
    islands: Bools
    parts: Ints
    strong: Ints
    n_mutual: int

    @property
    def n_parts(self) -> int:
        """How many connected parts."""
        return int(self.parts.max()) + 1


def pattern_of(matrix: Matrix) -> Pattern:
    """Describe who is linked with whom.

    Parameters
    ----------
    matrix : (n, n) array or csr_array
        Weights.

    Returns
    -------
    Pattern
        Counts and connected parts.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    n = matrix.shape[0]
    rows, columns, _ = link_ends(matrix)
    neighbours = np.bincount(rows, minlength=n)
    links = csr_array((np.ones(rows.size), (rows, columns)), shape=(n, n))
    parts, strong = (
        connected_components(links, directed=True, connection=kind)[1].astype(np.intp)
        for kind in ("weak", "strong")
    )
    n_mutual = int((links * links.T).sum())
    return Pattern(neighbours, neighbours == 0, parts, strong, n_mutual)


def lag_by_period(matrix: Matrix, cells: Floats) -> Floats:
    """Compute the spatial lag of a variable, period by period.

    Parameters
    ----------
    matrix : (n, n) array or csr_array
        Weights W.
    cells : (T, n) array
        The variable by period and entity; NaN where it is missing.

    Returns
    -------
    (T, n) array
        ``sum_j w_ij x_jt``; NaN where a neighbour is missing, zero for a row of W without links.

    Examples
    --------
    >>> pairs = np.array([[0.0, 1.0, 0.0], [0.5, 0.0, 0.5], [0.0, 0.0, 0.0]])
    >>> lag_by_period(pairs, np.array([[1.0, 2.0, 4.0], [1.0, np.nan, 4.0]]))
    array([[2. , 2.5, 0. ],
           [nan, 2.5, 0. ]])
    """
    missing = np.isnan(cells)
    lag = (matrix @ np.where(missing, 0.0, cells).T).T
    touched = missing.any(axis=1)
    if touched.any():
        reached = (matrix @ missing[touched].T.astype(np.float64)).T
        lag[touched] = np.where(reached > 0, np.nan, lag[touched])
    return np.ascontiguousarray(lag)
