"""Least squares with absorbed effects from sums over blocks of whole entities.

The columns of all rows are never in memory together. A block has every row of its
entities, so that deviations from entity means, and scores by entity, are its own; what
blocks share are the dummies of the other effects, solved for from their cross products
``S = D'MD`` as in `within` (Abowd, Kramarz & Margolis 1999, eq. 3.9). The regression is
solved by Cholesky factors of the cross products, twice, the second time on columns that
are nearly orthonormal, which squares no condition number (Yamamoto et al. 2015).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from digiprosper.kernels import Floats, Ints
from digiprosper.kernels.tolerances import NEARLY_DEPENDENT, REMOVED
from digiprosper.kernels.within import conjugate_gradients, level_sums, pseudo_inverse

# Dummies beside those of the entity are solved for densely up to this many.
MOST_DENSE = 1200
# Up to this many levels a table of rows by entity and level is no sparse matrix.
_FEW_LEVELS = 50


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """All rows of some entities, sorted by entity."""

    columns: Floats  # (n, p), each in one piece of memory
    entity: Ints  # (n,) codes 0, 1, ... without gaps
    codes: tuple[Ints, ...]  # (n,) of each other effect, the same in all blocks
    obs_weights: Floats | None = None  # (n,)
    labels: Any = None  # of the entities, an array of objects

    @property
    def starts(self) -> Ints:
        """First row of each entity."""
        steps = np.flatnonzero(np.diff(self.entity)) + 1
        return np.concatenate([[0], steps])

    def weighted(self, columns: Floats) -> Floats:
        """Multiply columns (n, k) by the weights of the rows."""
        w = self.obs_weights
        return columns if w is None else columns * w[:, None]

    def deviations(self, columns: Floats) -> Floats:
        """Subtract entity means from columns (n, k), twice because of rounding."""
        starts, out = self.starts, np.array(columns, order="F")
        rows = np.diff([*starts, len(self.entity)])
        sizes = rows if self.obs_weights is None else self.entity_sums(None)
        for column in out.T:
            for _ in range(2):
                w = self.obs_weights
                sums = np.add.reduceat(column if w is None else column * w, starts)
                column -= np.repeat(sums / sizes, rows)
        return out

    def entity_sums(self, column: Floats | None) -> Floats:
        """Sum weights, or weights times a column, by entity."""
        w = np.ones(len(self.entity)) if self.obs_weights is None else self.obs_weights
        values = w if column is None else w * column
        return np.asarray(np.add.reduceat(values, self.starts))

    def by_entity_and_level(self, levels: Sequence[int]) -> Any:
        """Sum weights by entity and level of all other effects: (entities, L)."""
        n_entities = int(self.entity[-1]) + 1
        tables = [
            _cross_table(self.entity, n_entities, codes, size, self.obs_weights)
            for codes, size in zip(self.codes, levels, strict=True)
        ]
        if not any(_is_sparse(table) for table in tables):
            return np.hstack([np.empty((n_entities, 0)), *tables])
        from scipy.sparse import csr_array, hstack

        return hstack([csr_array(table) for table in tables], format="csr")


def _is_sparse(table: Any) -> bool:
    return not isinstance(table, np.ndarray)


def _cross_table(
    first: Ints, n_first: int, second: Ints, n_second: int, w: Floats | None
) -> Any:
    if n_second <= _FEW_LEVELS:
        pairs = first.astype(np.intp) * n_second + second
        sums = np.bincount(pairs, weights=w, minlength=n_first * n_second)
        return sums.reshape(n_first, n_second).astype(np.float64)
    from scipy.sparse import csr_array

    values = np.ones(first.size) if w is None else w
    return csr_array((values, (first, second)), shape=(n_first, n_second))


@dataclass(slots=True, eq=False)
class Dummies:
    """Cross products of the dummies of the other effects, net of entity effects."""

    weights: Floats  # (L,) of the rows of each level
    gram: Any  # (L, L) D'WD
    # (L, L) what entities take out of it, where dense; otherwise (entities, L)
    # weights by entity and level, and (entities,) weights
    taken_out: Floats | None
    cross: Any
    entity_weights: Floats | None
    # (L, L) generalised inverse of S and its rank, where dense
    inverse: Floats | None
    rank: int

    def solve(self, right: Floats, squares: Floats) -> Floats:
        """Solve ``S g = r`` (L, p); the tolerance is relative to `squares` (p,)."""
        if self.inverse is not None:
            return np.asarray(self.inverse @ right)
        assert self.entity_weights is not None
        return conjugate_gradients(
            right,
            squares,
            gram=self.gram,
            cross=self.cross,
            main_counts=self.entity_weights,
            counts=self.weights,
        )


def dummies(blocks: Any, levels: Sequence[int]) -> Dummies:
    """Sum the cross products of the other effects' dummies over blocks."""
    total = sum(levels)
    dense = total <= MOST_DENSE
    weights = np.zeros(total)
    gram: Any = np.zeros((total, total)) if dense else None
    taken_out = np.zeros((total, total)) if dense else None
    crosses, entity_weights = [], []
    for block in blocks:
        table = block.by_entity_and_level(levels)
        sizes = block.entity_sums(None)
        weights += np.asarray(table.sum(axis=0)).ravel()
        part = _level_products(block, levels, dense=dense)
        gram = part if gram is None else gram + part
        if taken_out is None:
            crosses.append(table)
            entity_weights.append(sizes)
        elif _is_sparse(table):
            from scipy.sparse import diags_array

            taken_out += (table.T @ (diags_array(1 / sizes) @ table)).toarray()
        else:
            taken_out += table.T @ (table / sizes[:, None])
    cross = None
    if crosses:
        from scipy.sparse import csr_array, vstack

        cross = vstack([csr_array(table) for table in crosses], format="csr")
    inverse, rank = None, 0
    if taken_out is not None:
        inverse, rank = pseudo_inverse(gram - taken_out, weights)
    return Dummies(
        weights=weights,
        gram=gram,
        taken_out=taken_out,
        cross=cross,
        entity_weights=np.concatenate(entity_weights) if entity_weights else None,
        inverse=inverse,
        rank=rank,
    )


def _level_products(block: Block, levels: Sequence[int], *, dense: bool) -> Any:
    """Compute D'WD of one block: weights by pairs of levels of the effects."""
    from scipy.sparse import block_array, csr_array, diags_array

    def products(a: int, b: int) -> Any:
        if a == b:
            counts = np.bincount(
                block.codes[a], weights=block.obs_weights, minlength=levels[a]
            )
            counts = counts.astype(np.float64)
            return np.diag(counts) if dense else diags_array(counts)
        table = _cross_table(
            block.codes[a], levels[a], block.codes[b], levels[b], block.obs_weights
        )
        return table.toarray() if dense and _is_sparse(table) else table

    positions = range(len(levels))
    tables = [[products(a, b) for b in positions] for a in positions]
    if dense:
        return np.block(tables) if tables else np.empty((0, 0))
    return csr_array(block_array(tables, format="csr"))


def first_pass(blocks: Any, levels: Sequence[int], p: int) -> tuple[Floats, Floats]:
    """Sum cross products net of entity means (p, p), and with the dummies (L, p)."""
    products, right = np.zeros((p, p)), np.zeros((sum(levels), p))
    for block in blocks:
        centred = block.deviations(block.columns)
        products += block.weighted(centred).T @ centred
        right += _by_level(block, centred, levels)
    return products, right


def _by_level(block: Block, columns: Floats, levels: Sequence[int]) -> Floats:
    parts = [
        level_sums(codes, size, columns, block.obs_weights)
        for codes, size in zip(block.codes, levels, strict=True)
    ]
    return np.vstack(parts) if parts else np.zeros((0, columns.shape[1]))


def net_columns(block: Block, values: Floats, levels: Sequence[int]) -> Floats:
    """Demean the columns of a block; `values` (L, p) are the other effects."""
    out = block.deviations(block.columns)
    start = 0
    for codes, size in zip(block.codes, levels, strict=True):
        part = values[start : start + size]
        for column, by_level in zip(out.T, part.T, strict=True):
            column -= by_level.take(codes)
        start += size
    return block.deviations(out) if levels else out


def orthonormalising_transform(
    products: Floats, lengths: Floats
) -> tuple[Floats, Floats]:
    """Compute an upper triangular T (p, p) that makes columns nearly orthonormal.

    Column j is made orthogonal to those before it that are not themselves nearly
    combinations of earlier ones. Of one that is, only the part outside them is left,
    in units of its raw length: its true size is seen once it is computed from rows.
    `products` (p, p) are cross products, `lengths` (p,) norms that they are compared
    with. Also returns which columns (p,) were scaled to length one.
    """
    p = len(products)
    scale = np.where(lengths > 0, lengths, 1.0)
    gram = products / scale / scale[:, None]
    transform = np.zeros((p, p))
    regular = np.zeros(p, dtype=bool)
    for j in range(p):
        direction = np.zeros(p)
        direction[j] = 1.0
        for _ in range(2):
            basis = transform[:, regular]
            direction -= basis @ (basis.T @ (gram @ direction))
        size = float(direction @ gram @ direction)
        regular[j] = size > NEARLY_DEPENDENT**2
        transform[:, j] = direction / np.sqrt(size) if regular[j] else direction
    return transform / scale[:, None], regular


def triangular_factor(products: Floats) -> Floats:
    """Compute R (p, p), upper triangular, of cross products R'R.

    A column that is a combination of earlier ones, but for rounding, adds no row.
    """
    scale = np.sqrt(np.diag(products))
    scale = np.where(scale > 0, scale, 1.0)
    gram = products / scale / scale[:, None]
    out = np.zeros_like(gram)
    for j in range(len(gram)):
        square = gram[j, j] - out[:j, j] @ out[:j, j]
        if square > np.finfo(np.float64).eps:
            out[j, j] = np.sqrt(square)
            out[j, j + 1 :] = (gram[j, j + 1 :] - out[:j, j] @ out[:j, j + 1 :]) / out[
                j, j
            ]
    return np.asarray(out * scale)


def effects_are_removed(
    dummy_products: Dummies, right: Floats, products: Floats, before: Floats
) -> bool:
    """Return whether columns are demeaned up to rounding.

    `right` (L, p) are the dummies' products with the columns, `products` (p,) the
    columns' squares, and `before` (p,) those net of entity means alone.
    """
    positive = products > 0
    if not positive.any() or not len(right):
        return True
    in_effects = np.einsum("ij,ij->j", right, dummy_products.solve(right, before))
    share = np.sqrt(np.abs(in_effects[positive]) / products[positive])
    kept = np.sqrt((products[positive] / before[positive]).min())
    eps = np.finfo(np.float64).eps
    return bool((share <= max(REMOVED, 4 * eps / kept)).all())


@dataclass(slots=True, eq=False)
class ClusterShares:
    """Totals and the largest clusters of the variation of regressors."""

    total: Floats  # (k,)
    squares: Floats  # (k,) of the clusters' sums
    largest: Floats  # (m, k) largest sums
    labels: Any  # (m, k) of their clusters

    def add(self, sums: Floats, labels: Any) -> None:
        """Add the sums (G, k) of the clusters of a block, with their labels (G,)."""
        self.total += sums.sum(axis=0)
        self.squares += np.einsum("ij,ij->j", sums, sums)
        every = np.vstack([self.largest, sums])
        added = np.broadcast_to(labels[:, None], sums.shape)
        every_label = np.vstack([self.labels, added])
        order = np.argsort(-every, axis=0, kind="stable")[:_CARRIERS]
        self.largest = np.take_along_axis(every, order, axis=0)
        self.labels = np.take_along_axis(every_label, order, axis=0)

    @property
    def effective(self) -> Floats:
        """Effective number of clusters of each regressor, as `effective_clusters`."""
        return self.total**2 / self.squares


@dataclass(slots=True, eq=False)
class Scores:
    """Scores: products of k columns and e residuals, summed by groups of rows.

    Groups are clusters, periods, or single rows. The columns and errors are the first k
    and the last e of nearly orthonormal ones.
    """

    inside: bool  # whether each group is inside one block
    size: int  # number of groups, if they are not
    # (k e, k e) products of the groups' sums with each other, if they are inside
    middle: Floats
    sums: Floats  # (size, k, e) otherwise
    # (p, m) combinations of the columns whose squares by group are looked at, with the
    # groups that have most of them or, where groups are in several blocks, (size, m)
    partials: Floats
    carriers: ClusterShares | None
    variation: Floats
    # (G, p, p) products of all columns by group, in parts, if groups are few
    cluster_products: list[Floats] | None = None

    def by_group(self, rotation: Floats) -> Floats:
        """Return the products (G, k, e) of columns rotated to orthonormal ones.

        `rotation` (p, p) is upper triangular. Groups inside blocks are replaced by
        the rows of a root of `middle`, whose products are the same.
        """
        _, k, e = self.sums.shape
        sums = self.sums
        if self.inside:
            scale = np.sqrt(np.diag(self.middle))
            scale = np.where(scale > 0, scale, 1.0)
            values, vectors = np.linalg.eigh(self.middle / scale / scale[:, None])
            root = np.sqrt(np.maximum(values, 0))[:, None] * vectors.T * scale
            sums = root.reshape(-1, k, e)
        return np.asarray(rotation[:k, :k].T @ sums @ rotation[-e:, -e:])


_CARRIERS = 16
# Rows whose scores are in memory together, if each is a group.
_ROWS = 2**16


def empty_scores(
    k: int, e: int, partials: Floats | None, *, inside: bool, size: int, keep: bool
) -> Scores:
    """Make sums of zero; `keep` says whether `cluster_products` are collected."""
    m = 0 if partials is None else partials.shape[1]
    few = ClusterShares(
        np.zeros(m), np.zeros(m), np.zeros((0, m)), np.zeros((0, m), dtype=object)
    )
    groups = 0 if inside else size
    return Scores(
        inside=inside,
        size=size,
        middle=np.zeros((k * e, k * e)),
        sums=np.zeros((groups, k, e)),
        partials=np.zeros((k + 1, 0)) if partials is None else partials,
        carriers=few if m and inside else None,
        variation=np.zeros((groups, m)),
        cluster_products=[] if keep else None,
    )


@dataclass(slots=True, eq=False)
class SecondSums:
    """Sums of the second pass, of columns net of all effects."""

    products: Floats  # (p, p) of the columns times T
    plain: Floats  # (p, p) the same, never weighted
    right: Floats  # (L, p) D'W times the columns


def second_pass(
    blocks: Any,
    values: Floats,
    levels: Sequence[int],
    transform: Floats,
    scores: Sequence[Scores] = (),
) -> SecondSums:
    """Sum products of the demeaned columns times `transform`, and scores by group.

    `blocks` yields a block and, for each of `scores`, the codes (n,) of its groups,
    None for single rows.
    """
    p = len(transform)
    out = SecondSums(
        products=np.zeros((p, p)),
        plain=np.zeros((p, p)),
        right=np.zeros((sum(levels), p)),
    )
    for block, groupings in blocks:
        net = net_columns(block, values, levels)
        out.right += _by_level(block, net, levels)
        basis = net @ transform
        out.products += block.weighted(basis).T @ basis
        out.plain += basis.T @ basis
        for grouping, codes in zip(scores, groupings, strict=True):
            _add_scores(grouping, block, codes, basis)
    return out


def _add_scores(
    grouping: Scores, block: Block, codes: Ints | None, basis: Floats
) -> None:
    """Add the scores of a block, from columns (n, p), to a grouping."""
    _, k, e = grouping.sums.shape
    weighted = block.weighted(basis[:, :k])
    if codes is None:
        for start in range(0, len(basis), _ROWS):
            rows = slice(start, start + _ROWS)
            by_row = weighted[rows, :, None] * basis[rows, None, -e:]
            flat = by_row.reshape(-1, k * e)
            grouping.middle += flat.T @ flat
        return
    size = int(codes.max()) + 1 if grouping.inside else grouping.size
    errors = basis[:, -e:].T
    sums = np.stack([level_sums(codes, size, weighted, u) for u in errors], axis=2)
    if grouping.inside:
        flat = sums.reshape(size, k * e)
        grouping.middle += flat.T @ flat
    else:
        grouping.sums += sums
    if grouping.partials.size:
        squares = (basis @ grouping.partials) ** 2
        variation = level_sums(codes, size, squares, block.obs_weights)
        if grouping.carriers is not None:
            grouping.carriers.add(variation, block.labels)
        else:
            grouping.variation += variation
    if grouping.cluster_products is not None:
        every = block.weighted(basis)
        products = np.stack(
            [level_sums(codes, size, every, u) for u in basis.T], axis=2
        )
        if grouping.inside or not grouping.cluster_products:
            grouping.cluster_products.append(products)
        else:
            grouping.cluster_products[0] += products
