"""The cluster jackknife: estimates without each cluster (CRV3)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.kernels.chunks import chunks, rows_of_levels
from digiprosper.kernels.least_squares import with_weights
from digiprosper.kernels.resampling import (
    Grams,
    Layout,
    bytes_per_draw,
    entity_grams,
    fits_in_memory,
    gram_systems,
    lay_out,
    linked_levels,
    pairs_of_rows,
)
from digiprosper.kernels.slopes import Effect
from digiprosper.kernels.tolerances import LOST_WITHOUT, PART_OF
from digiprosper.kernels.within import level_sums, pseudo_inverse

# Crossed levels, or rows of a cluster, whose products are inverted; 4096 take a quarter
# of a minute.
_MOST = 2**12
# Arrays of the size of a cluster's leverage that exist at once.
_ARRAYS = 8


def can_leave_out(clusters: Ints, effects: Sequence[Effect], p: int) -> bool:
    """Return whether `deviations` of p columns can re-estimate the effects."""
    layout = lay_out(clusters, effects, None)
    return _prefers_rows(layout, p) or fits_in_memory(layout, p)


def deviations(
    basis: Floats,
    residuals: Floats,
    slopes: Floats,
    clusters: Ints,
    effects: Sequence[Effect],
    *,
    obs_weights: Floats | None = None,
    memory: int = 2**28,
) -> Floats:
    """Compute the estimates without each cluster, less the estimates with all of them.

    (G, k) for residuals (N,), and (G, o, k) for those of several outcomes (N, o). The
    residuals are regressed on the basis without each cluster, with all effects
    re-estimated; since their slopes are zero with all clusters, no nearly equal
    estimates are subtracted. Missing where a coefficient is not identified without the
    cluster.

    `basis` (N, m) spans the demeaned regressors, far from collinear; a last column of
    ones is that of a model without effects. `slopes` (k, m) turns coefficients on the
    basis into those of the regressors. `memory` is the bytes of one chunk.
    """
    constant = not effects and bool((basis[:, -1] == 1.0).all())
    varying = basis[:, :-1] if constant else basis
    outcomes = residuals.reshape(len(residuals), -1)
    columns = np.column_stack([outcomes, varying])
    used, count = slopes[:, : varying.shape[1]], outcomes.shape[1]
    layout = lay_out(clusters, effects, obs_weights)
    if _prefers_rows(layout, columns.shape[1]):
        scale = np.sqrt(with_weights(columns**2, obs_weights).sum(axis=0))
        scale[scale == 0.0] = 1.0
        products = _products_without(columns / scale, layout, memory)
        moved, null = _solve_identified(products, scale, count)
        missing = _unidentified(null, used / scale[count:])
    else:
        grams = entity_grams(
            columns, clusters, effects, demeaned=True, obs_weights=obs_weights
        )
        moved, missing = _slopes_without(
            grams, grams.sums.sum(axis=0), used, count, memory
        )
    if constant:
        means = _means_without(outcomes, varying, moved, clusters, obs_weights)
        moved = np.dstack([moved, means])
    changes = np.where(missing[:, None, :], np.nan, moved @ slopes.T)
    return changes[:, 0] if residuals.ndim == 1 else changes


def deviations_from_grams(
    grams: Grams, total: Floats, slopes: Floats, outcomes: int
) -> Floats:
    """Compute `deviations` (G, o, k) from cross products by cluster of o outcomes.

    The outcomes come first, the basis after them; `total` are the sums over all
    clusters, others than those of `grams` among them.
    """
    moved, missing = _slopes_without(grams, total, slopes, outcomes, 2**26)
    return np.where(missing[:, None, :], np.nan, moved @ slopes.T)


def _slopes_without(
    grams: Grams, total: Floats, slopes: Floats, count: int, memory: int
) -> tuple[Floats, Bools]:
    """Regress outcomes on the basis without each cluster: (G, o, m), missing (G, k)."""
    groups = grams.n_clusters
    moved = np.empty((groups, count, grams.n_columns - count))
    missing = np.zeros((groups, slopes.shape[0]), dtype=np.bool_)
    for batch in chunks(groups, bytes_per_draw(grams) // 8, memory):
        others = total - grams.of_clusters(batch)
        system, _, scale = gram_systems(grams, others)
        moved[batch], null = _solve_identified(np.moveaxis(system, 2, 0), scale, count)
        missing[batch] = _unidentified(null, slopes / scale[count:])
    return moved, missing


def _prefers_rows(layout: Layout, p: int) -> bool:
    """Return whether working by rows of clusters is faster than by crossed levels."""
    largest = int(np.bincount(layout.clusters).max())
    if not layout.one_nested or max(layout.levels, largest) > _MOST:
        return False
    fewer = 2 * pairs_of_rows(layout.clusters) < layout.groups * layout.width(p)
    return bool(layout.crossed) and fewer


def _products_without(columns: Floats, layout: Layout, memory: int) -> Floats:
    """Multiply columns net of all effects in the rows of the other clusters: (G, p, p).

    With Z the columns and H the rows and columns of cluster g in the projection on the
    dummies that cross the clusters, net of the nested effect, the products without g
    are ``Z'Z - Z_g' (I - H)^+ Z_g`` (Woodbury; all with roots of the weights). H has
    an eigenvalue of one for what only the rows of g identify.
    """
    root = np.ones(len(columns))
    if layout.obs_weights is not None:
        root = np.sqrt(layout.obs_weights)
    columns = columns * root[:, None]
    inverse = _inverse_dummy_products(layout, root)
    out = np.tile(columns.T @ columns, (layout.groups, 1, 1))
    size, members = np.bincount(layout.clusters), rows_of_levels(layout.clusters)
    for n in np.unique(size).tolist():
        equal = np.flatnonzero(size == n)
        for part in chunks(equal.size, _ARRAYS * n**2, memory):
            batch = equal[part]
            rows = np.stack([members[g] for g in batch])
            net = np.eye(n) - _leverage(rows, root, layout, inverse)
            values, vectors = np.linalg.eigh(net)
            identified = values > LOST_WITHOUT
            inflation = identified / np.where(identified, values, 1.0)
            along = vectors.transpose(0, 2, 1) @ columns[rows]
            out[batch] -= along.transpose(0, 2, 1) @ (inflation[:, :, None] * along)
    return out


def _leverage(rows: Ints, root: Floats, layout: Layout, inverse: Floats) -> Floats:
    """Compute the leverage of clusters of n rows (m, n) in the dummies: (m, n, n)."""
    weights = root[rows][:, :, None] * root[rows][:, None, :]
    leverage = np.zeros(weights.shape)
    for codes, others in product(layout.crossed, repeat=2):
        leverage += inverse[codes[rows][:, :, None], others[rows][:, None, :]]
    leverage *= weights
    for nested in layout.nested:
        same_level = nested[rows][:, :, None] == nested[rows][:, None, :]
        total = np.bincount(nested, weights=root**2)[nested[rows]]
        net = np.eye(rows.shape[1]) - same_level * weights / total[:, :, None]
        leverage = net @ leverage @ net
    return leverage


def _inverse_dummy_products(layout: Layout, root: Floats) -> Floats:
    """Invert products of the crossed dummies net of the nested effect: (L, L)."""
    from scipy import sparse

    rows, many = np.arange(root.size), len(layout.crossed)
    dummies = sparse.csr_array(
        (np.tile(root, many), (np.tile(rows, many), np.concatenate(layout.crossed))),
        (root.size, layout.levels),
    )
    products = dummies.T @ dummies
    for codes in layout.nested:
        norm = np.sqrt(np.bincount(codes, weights=root**2))
        cells = dummies.T @ sparse.csr_array((root / norm[codes], (rows, codes)))
        products = products - cells @ cells.T
    table = products.toarray()
    if layout.inverse == "linked":
        return np.linalg.inv(table + linked_levels(table[None] != 0.0)[0])
    return pseudo_inverse(table, dummies.power(2).sum(axis=0))[0]


def _solve_identified(
    products: Floats, scale: Floats, outcomes: int
) -> tuple[Floats, Floats]:
    """Regress the first columns on the others; return slopes and null directions."""
    values, vectors = np.linalg.eigh(products[:, outcomes:, outcomes:])
    identified = values > LOST_WITHOUT
    heights = products[:, :outcomes, outcomes:] @ vectors
    heights = np.where(identified, 1.0, 0.0)[:, None] * heights
    heights = heights / np.where(identified, values, 1.0)[:, None]
    slopes = heights @ vectors.transpose(0, 2, 1)
    slopes = slopes * (scale[:outcomes, None] / scale[outcomes:])
    return slopes, np.where(identified[:, None, :], 0.0, vectors)


def _unidentified(null: Floats, slopes: Floats) -> Bools:
    """Find coefficients (R, k) that change along a null direction of columns."""
    if not null.any():
        return np.zeros((len(null), len(slopes)), dtype=np.bool_)
    norms = np.linalg.norm(slopes, axis=1)[:, None]
    return np.asarray((np.abs(slopes @ null) > PART_OF * norms).any(axis=2))


def _means_without(
    outcomes: Floats,
    basis: Floats,
    moved: Floats,
    clusters: Ints,
    obs_weights: Floats | None,
) -> Floats:
    """Compute mean residuals (G, o) of the other rows, net of their own slopes."""
    count = outcomes.shape[1]
    columns = np.column_stack([outcomes, basis, np.ones(len(basis))])
    sums = level_sums(clusters, len(moved), columns, obs_weights)
    other_sums = sums.sum(axis=0) - sums
    explained = np.einsum("gm,gom->go", other_sums[:, count:-1], moved)
    return np.asarray((other_sums[:, :count] - explained) / other_sums[:, -1:])


def jackknife_root_and_middle(
    moved: Floats, factor: float | None = None
) -> tuple[Floats, Floats]:
    """Factor the jackknife covariance as ``root @ middle @ root.T``.

    It is ``(G - 1) / G``, or `factor`, times the sum of the outer products of the
    deviations `moved` (G, k); `middle` is the identity. Rows of coefficients that are
    not identified without some cluster are missing in `root` (k, m), m from 1 to k.
    """
    groups, k = moved.shape
    identified = ~np.isnan(moved).any(axis=0)
    if not identified.any():
        return np.full((k, 1), np.nan), np.eye(1)
    triangle = np.asarray(np.linalg.qr(moved[:, identified], mode="r"))
    root = np.full((k, len(triangle)), np.nan)
    root[identified] = triangle.T * np.sqrt(
        (groups - 1) / groups if factor is None else factor
    )
    return root, np.eye(len(triangle))
