"""Least squares with absorbed effects from sums over blocks of whole entities.

The columns of all rows are never in memory together. A block has every row of its
entities, so that deviations from entity means, and scores by entity, are its own; what
blocks share are the dummies of the other effects, solved for from their cross products
``S = D'MD`` as in `within` (Abowd, Kramarz & Margolis 1999, eq. 3.9). The regression is
solved by Cholesky factors of the cross products, twice, the second time on columns that
are nearly orthonormal, which squares no condition number (Yamamoto et al. 2015).

Each pass takes `run`, which calls a function with every block, and yields what it
returns in the order of the blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from typing import Any, TypeAlias

import numpy as np

from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.kernels.least_squares import with_weights
from digiprosper.kernels.tolerances import NEARLY_DEPENDENT, REMOVED
from digiprosper.kernels.within import (
    Within,
    conjugate_gradients,
    level_sums,
    pseudo_inverse,
    within,
)

# Dummies beside those of the entity are solved for densely up to this many.
MOST_DENSE = 1200
# Up to this many levels a table of rows by entity and level is no sparse matrix.
_FEW_LEVELS = 50
# Clusters with most of a column's variation that are remembered
_CARRIERS = 16
# Rows whose scores are in memory together, if each is a group.
_ROWS = 2**16
_EPS = float(np.finfo(np.float64).eps)

Run: TypeAlias = "Callable[[Callable[[Block], Any]], Iterable[Any]]"


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """All rows of some entities, sorted by entity."""

    columns: Floats  # (n, p), each in one piece of memory
    entities: Within  # demeans by entity
    codes: Sequence[Ints]  # (n,) of each other effect, with the levels of all blocks
    dummies: Any  # (n, L) sparse, of these
    labels: Any = None  # of the entities, an array of objects
    groupings: Sequence[Any] = ()  # codes (n,) of groups; None are single rows

    @property
    def entity(self) -> Ints:
        """Codes of the entities (n,): 0, 1, ... without gaps."""
        return self.entities.codes[0]

    def weighted(self, columns: Floats) -> Floats:
        """Multiply columns (n, k) by the weights of the rows."""
        return with_weights(columns, self.entities.obs_weights)

    def net_of_entities(self, columns: Floats) -> Floats:
        """Subtract entity means from columns (n, k)."""
        return self.entities.deviations(columns, 0)

    def net_columns(self, values: Floats) -> Floats:
        """Demean the columns; `values` (L, p) are the effects other than entities."""
        net = self.net_of_entities(self.columns)
        if not len(values):
            return net
        net -= self.dummies @ values
        return self.net_of_entities(net)


def block_of(
    columns: Floats,
    entity: Ints,
    codes: Sequence[Ints],
    levels: Sequence[int],
    obs_weights: Floats | None = None,
    labels: Any = None,
    groupings: Sequence[Any] = (),
) -> Block:
    """Make a block; `codes` (n,) of other effects have the `levels` of all blocks."""
    from scipy.sparse import csr_array

    n, starts = len(entity), np.cumsum([0, *levels])
    columns_of = [code + start for code, start in zip(codes, starts, strict=False)]
    cells = np.array(columns_of, dtype=np.int32).reshape(-1, n).T.ravel()
    ends = np.arange(n + 1, dtype=np.int32) * len(codes)
    dummies = csr_array((np.ones(cells.size), cells, ends), shape=(n, starts[-1]))
    entities = within([entity], n, obs_weights=obs_weights)
    return Block(columns, entities, codes, dummies, labels, groupings)


@dataclass(slots=True, eq=False)
class Dummies:
    """Cross products of the dummies of the other effects, net of entity effects."""

    gram: Any  # (L, L) D'WD
    # (L, L) what entities take out of it, where dense; otherwise (entities, L)
    # weights by entity and level, and (entities,) weights
    taken_out: Floats | None
    cross: Any
    entity_weights: Floats
    # (L, L) generalised inverse of S and its rank, where dense
    inverse: Floats | None = None
    rank: int = 0

    @property
    def weights(self) -> Floats:
        """Weights of the rows of each level (L,)."""
        return np.asarray(self.gram.diagonal())

    def solve(self, right: Floats, squares: Floats) -> Floats:
        """Solve ``S g = r`` (L, p); the tolerance is relative to `squares` (p,)."""
        if self.inverse is not None:
            return self.inverse @ right
        system = self.gram, self.cross, self.entity_weights, self.weights
        return conjugate_gradients(right, squares, *system)


def first_pass(
    run: Run, levels: Sequence[int], centres: Floats
) -> tuple[Floats, Floats, Floats, Dummies]:
    """Sum cross products net of entity means (p, p), and with the dummies (L, p).

    Also sum the squares of the columns around their means, which are near `centres`
    (p,), and the cross products of the dummies.
    """
    from scipy.sparse import csr_array, diags_array, vstack

    count, most = sum(levels), MOST_DENSE

    def sums_of(block: Block) -> tuple[Any, ...]:
        rows = block.entity.size
        net = block.net_of_entities(block.columns)
        weighted = block.weighted(net)
        weights = block.entities.obs_weights
        w = np.ones(rows) if weights is None else weights
        of_entity = csr_array((np.ones(rows), (block.entity, np.arange(rows))))
        size: Any = of_entity @ w
        starts = np.flatnonzero(np.diff(block.entity, prepend=-1))
        between = block.columns[starts] - net[starts] - centres
        weighted_dummies = diags_array(w) @ block.dummies
        cross: Any = of_entity @ weighted_dummies
        taken_out, crosses = 0.0, [cross]
        if count <= most:
            root = diags_array(1 / np.sqrt(size)) @ cross
            if count <= _FEW_LEVELS:
                root = root.toarray()
            taken_out, crosses = np.zeros((count, count)) + root.T @ root, []
        return (
            weighted.T @ net,
            block.dummies.T @ weighted,
            size @ between,
            size @ between**2,
            block.dummies.T @ weighted_dummies,
            taken_out,
            crosses,
            [size],
        )

    total = add_up(run(sums_of))
    products, right, first, second, gram, taken_out, crosses, sizes = total
    out = Dummies(gram, None, None, np.concatenate(sizes))
    squares = np.diag(products) + second - first**2 / out.entity_weights.sum()
    if crosses:
        out.cross = vstack(crosses, format="csr")
    else:
        out.gram, out.taken_out = gram.toarray(), taken_out
        out.inverse, out.rank = pseudo_inverse(out.gram - taken_out, out.weights)
    return products, right, squares, out


def add_up(parts: Iterable[Sequence[Any]]) -> Sequence[Any]:
    """Add up each of several sums over all blocks; lists are joined."""
    return reduce(lambda total, part: [*map(add, total, part)], parts)


def orthonormalising_transform(
    products: Floats, lengths: Floats
) -> tuple[Floats, Bools]:
    """Compute an upper triangular T (p, p) that makes columns nearly orthonormal.

    Column j is made orthogonal to those before it that are not themselves nearly
    combinations of earlier ones. Of one that is, only the part outside them is left,
    in small units: its true size is seen once it is computed from rows. `products`
    (p, p) are cross products, `lengths` (p,) norms that they are compared with. Also
    returns which columns (p,) were scaled to length one.
    """
    factor = triangular_factor(products, lengths, NEARLY_DEPENDENT**2)
    return inverse_factor(factor, lengths, NEARLY_DEPENDENT), factor.diagonal() > 0


def triangular_factor(
    products: Floats, lengths: Floats | None = None, least: float = _EPS
) -> Floats:
    """Compute R (p, p), upper triangular, of products R'R; no row below `least`."""
    scale = np.sqrt(np.diag(products)) if lengths is None else lengths
    scale = np.where(scale > 0, scale, 1.0)
    gram = products / scale / scale[:, None]
    out = np.zeros_like(gram)
    for j in range(len(gram)):
        pivots = gram[j, j:] - out[:j, j] @ out[:j, j:]
        if pivots[0] > least:
            out[j, j:] = pivots / np.sqrt(pivots[0])
    return out * scale


def inverse_factor(
    factor: Floats, lengths: Floats | None = None, least: float = _EPS
) -> Floats:
    """Invert a triangular factor; pivots are at least a share `least` of lengths."""
    scale = np.linalg.norm(factor, axis=0) if lengths is None else lengths
    out, pivots = factor.copy(), factor.diagonal()
    smallest = least * np.where(scale > 0, scale, 1.0)
    np.fill_diagonal(out, np.where(np.abs(pivots) < smallest, smallest, pivots))
    return np.asarray(np.linalg.inv(out))


@dataclass(frozen=True, slots=True, eq=False)
class ClusterShares:
    """Totals and the largest clusters of the variation of k columns."""

    total: Floats  # (k,)
    squares: Floats  # (k,) of the clusters' sums
    largest: Floats  # (m, k) sums of clusters that are the largest for some column
    labels: Any  # (m,) of these

    def __add__(self, other: ClusterShares) -> ClusterShares:
        """Add other clusters."""
        largest = np.vstack([self.largest, other.largest])
        merged = cluster_shares(largest, np.concatenate([self.labels, other.labels]))
        total, squares = self.total + other.total, self.squares + other.squares
        return replace(merged, total=total, squares=squares)

    @property
    def effective(self) -> Floats:
        """Effective number of clusters of each column, as `effective_clusters`."""
        return self.total**2 / self.squares


def cluster_shares(sums: Floats, labels: Any) -> ClusterShares:
    """Total the sums (G, k) of clusters with labels (G,), and select the largest."""
    order = np.argsort(-sums, axis=0, kind="stable")[:_CARRIERS]
    largest = np.unique(order)
    squares = np.einsum("ij,ij->j", sums, sums)
    return ClusterShares(sums.sum(axis=0), squares, sums[largest], labels[largest])


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Scores: products of k columns and e residuals, summed by groups of rows.

    Groups are clusters, periods, or single rows. The columns and errors are the first k
    and the last e of nearly orthonormal ones.
    """

    k: int
    e: int
    inside: bool  # whether each group is inside one block
    size: int = 0  # number of groups, if they are not
    keep: bool = True  # whether each group has a row in `sums`
    # (p, m) combinations of the columns whose squares by group are looked at
    partials: Floats | None = None
    # (G, k, e); of groups inside blocks that are not kept, rows with the same products
    sums: Any = None
    # Of `partials`: `ClusterShares` of groups inside blocks, (size, m) of others
    variation: Any = 0.0

    def of(self, block: Block, codes: Ints | None, basis: Floats) -> Scores:
        """Compute the scores of a block with columns (n, p); codes None are rows."""
        weighted, errors = block.weighted(basis[:, : self.k]), basis[:, -self.e :]
        if codes is None:
            sums = np.empty((0, self.k, self.e))
            for start in range(0, len(basis), _ROWS):
                rows = slice(start, start + _ROWS)
                products = weighted[rows, :, None] * errors[rows, None]
                sums = self._compress(np.concatenate([sums, products]))
            return replace(self, sums=sums)
        size = int(codes.max()) + 1 if self.inside else self.size
        by_error = [level_sums(codes, size, weighted, u) for u in errors.T]
        scores = replace(self, sums=self._compress(np.stack(by_error, axis=2)))
        if self.partials is None:
            return scores
        squares = (basis @ self.partials) ** 2
        variation: Any = level_sums(codes, size, squares, block.entities.obs_weights)
        if self.inside:
            variation = cluster_shares(variation, block.labels)
        return replace(scores, variation=variation)

    def __add__(self, other: Scores) -> Scores:
        """Add the scores of another block."""
        both = [self.sums, other.sums]
        sums = self._compress(np.concatenate(both)) if self.inside else sum(both)
        return replace(self, sums=sums, variation=self.variation + other.variation)

    def _compress(self, sums: Floats) -> Floats:
        """Reduce groups that are not kept to k e rows with the same products."""
        if self.keep:
            return sums
        flat = sums.reshape(len(sums), -1)
        triangle = np.asarray(np.linalg.qr(flat, mode="r"))
        return triangle.reshape(-1, self.k, self.e)

    def by_group(self, rotation: Floats) -> Floats:
        """Return the sums (G, k, e) of columns rotated by an upper triangle (p, p)."""
        k, e = self.k, self.e
        return np.asarray(rotation[:k, :k].T @ self.sums @ rotation[-e:, -e:])


@dataclass(slots=True, eq=False)
class SecondSums:
    """Sums of the second pass, of columns net of all effects."""

    transform: Floats  # T (p, p)
    products: Floats  # (p, p) of the columns times T
    plain: Floats  # (p, p) the same, never weighted
    right: Floats  # (L, p) D'W times the columns
    squares: Floats  # (p,) of the columns, never weighted
    scores: Sequence[Scores]

    @property
    def factor(self) -> Floats:
        """Triangular factor (p, p) of the products of the columns."""
        triangle = triangular_factor(self.products)
        return triangle @ np.linalg.inv(self.transform)

    def remaining_effects(self, system: Dummies, before: Floats) -> Floats | None:
        """Estimate what is left of the effects (L, p); None if it is rounding."""
        if not len(self.right):
            return None
        values = system.solve(self.right, before)
        squares = np.einsum("ij,ij->j", self.factor, self.factor)
        positive = squares > 0
        in_effects = np.einsum("ij,ij->j", self.right, values)
        share = np.sqrt(np.abs(in_effects[positive]) / squares[positive])
        smallest = np.sqrt((squares[positive] / before[positive]).min(initial=1.0))
        is_rounding = (share <= max(REMOVED, 4 * _EPS / smallest)).all()
        return None if is_rounding else values


def second_pass(
    run: Run, values: Floats, transform: Floats, scores: Sequence[Scores] = ()
) -> SecondSums:
    """Sum products of the demeaned columns times `transform`, and scores by group."""

    def sums_of(block: Block) -> tuple[Any, ...]:
        net = block.net_columns(values)
        basis = net @ transform
        grouped = zip(scores, block.groupings, strict=True)
        return (
            block.weighted(basis).T @ basis,
            basis.T @ basis,
            block.dummies.T @ block.weighted(net),
            np.einsum("ij,ij->j", net, net),
            *[score.of(block, codes, basis) for score, codes in grouped],
        )

    products, plain, right, squares, *summed = add_up(run(sums_of))
    return SecondSums(transform, products, plain, right, squares, summed)
