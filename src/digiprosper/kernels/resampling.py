"""The resampling engine: cross products by cluster, refitted in all draws at once.

One draw of a cluster bootstrap is a weighting of the clusters, so whatever a
least-squares fit needs is ``W @ F``: W (draws x clusters) the counts, F (clusters x
cross products) computed once. A cluster drawn twice is two clusters with effects of
their own, which is automatic here: effects nested in a cluster are demeaned before the
products are formed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from digiprosper.checks import one_problem, option_error
from digiprosper.errors import InputTypeError, OptionError, cited
from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.kernels.chunks import chunks, rows_of_levels
from digiprosper.kernels.least_squares import with_weights
from digiprosper.kernels.slopes import Effect, Slope, split_slopes
from digiprosper.kernels.tolerances import LOST_IN_DRAW, REDUNDANT_LEVELS
from digiprosper.kernels.within import (
    compress,
    effects_in_rows,
    finest,
    is_nested,
    within,
)

if TYPE_CHECKING:
    from scipy import sparse


# Column of the outcome and columns of the regressors.
Equation = tuple[int, tuple[int, ...]]

# Columns of outcomes and columns of the regressors, if any, whose residuals are
# multiplied.
Outcomes = tuple[tuple[int, ...], tuple[int, ...]]

# From (R, G) counts to the (R, p, q) combinations of the columns that equations are
# about.
Combine: TypeAlias = "Callable[[Floats], Floats]"

_CACHED = 2**23
_BLOCK = 2**14
_ROWS = 32
# Numbers that the cross products may take, 1 GB.
_MOST = 2**27
# Numbers of the cross products of all blocks, 256 MB.
_MOST_IN_BLOCKS = 2**25
# Crossed levels of which a draw solves a system; 2048 take a second each.
_MOST_LEVELS = 2**11
# Pairs of rows of a nested level whose sparse products are formed: 1 GB.
_MOST_PAIRS = 2**24

_Inverse: TypeAlias = Literal["diagonal", "linked", "pseudo"]


@dataclass(frozen=True, slots=True, eq=False)
class Grams:
    """Cross products by cluster, ready to be weighted.

    `sums` has per cluster the upper triangle of the p columns' products; the p x L
    products with the dummies of the effects that cross the clusters; the rows of each
    of these L levels, unless `inverse` is ``"linked"``; and the upper triangles of the
    dummies' own products, block by block, unless it is ``"diagonal"``. They are sparse
    where most clusters have no row in most levels, such as firms in industry-years.
    """

    sums: Any  # (G, q), Floats or a csr_array of scipy
    n_columns: int  # p
    # L, levels of the effects that cross the clusters; 0 when there is none
    n_levels: int
    # Levels of each block, L in all; no row links levels of different blocks
    blocks: tuple[int, ...]
    # of the dummies' products: diagonal; null directions are sums of linked levels; by
    # eigenvalues
    inverse: _Inverse
    scale: Floats  # (p,) norm of each demeaned column, by which it was divided

    @property
    def n_clusters(self) -> int:
        """Number of clusters, the rows of `sums`."""
        return int(self.sums.shape[0])

    def __add__(self, other: Grams) -> Grams:
        """Add other rows of the same clusters."""
        return replace(self, sums=self.sums + other.sums)

    def padded(self, spare: int) -> Grams:
        """Add clusters that have no rows."""
        if isinstance(self.sums, np.ndarray):
            return replace(self, sums=np.pad(self.sums, ((0, spare), (0, 0))))
        sums = self.sums.copy()
        sums.resize(self.n_clusters + spare, sums.shape[1])
        return replace(self, sums=sums)

    def of_clusters(self, clusters: slice) -> Floats:
        """Take the sums of some clusters, dense: (n, q)."""
        sums = self.sums[clusters]
        return sums if isinstance(sums, np.ndarray) else sums.toarray()


@dataclass(frozen=True, slots=True, eq=False)
class Draws:
    """Coefficients of all equations in all draws; a lost draw is NaN throughout."""

    coefficients: tuple[Floats, ...]  # (R, k) per equation
    lost: int  # draws in which a regressor does not vary by itself
    # (R, m, m) per block of m outcomes: products of residuals, summed over the rows, in
    # units of the columns
    residuals: tuple[Floats, ...] = ()


def entity_grams(
    columns: Floats,
    clusters: Ints,
    effects: Sequence[Effect],
    *,
    demeaned: bool = False,
    obs_weights: Floats | None = None,
) -> Grams:
    """Compute the cross products by cluster from which every draw is refitted.

    They are F in the formulas of the module. Effects nested in the clusters, which are
    new in every copy of a cluster, are removed from the columns. Others (periods, when
    entities are drawn) cross the clusters and are shared by all copies; products with
    their dummies are kept, and `refit` removes them in each draw. Without effects the
    constant is that dummy. An effect in which another is nested is left out. Slopes by
    level have to be nested in the clusters.

    `columns` (N, p) has outcomes and regressors of all equations; `demeaned` says that
    all effects have been taken out of them with the same weights, which are of
    mean one. Raises OptionError if F would exceed 1 GB, zeros not counted, or if the
    levels of a slope cross the clusters.
    """
    n, p = columns.shape
    layout = lay_out(clusters, effects, obs_weights)
    dense = layout.groups * layout.width(p) <= _MOST
    if not fits_in_memory(layout, p):
        raise OptionError(
            f"effects not nested in the {layout.groups} clusters have {layout.levels} "
            "levels; the products of their dummies would need "
            f"{layout.groups * layout.width(p):.2g} numbers, and {_MOST:.2g} is the "
            "limit. Absorb effects with fewer levels, or specify clusters in which "
            "they are nested."
        )

    if not demeaned:
        columns = within(
            [*layout.nested, *layout.slopes], n, obs_weights=obs_weights
        ).demean(columns)
    scale = np.sqrt(with_weights(columns**2, obs_weights).sum(axis=0))
    scale[scale == 0.0] = 1.0
    return _grams(layout, columns / scale, scale, dense=dense)


def fits_in_memory(layout: Layout, p: int) -> bool:
    """Return whether the cross products of p columns fit into memory."""
    if layout.groups * layout.width(p) <= _MOST:
        return True
    pairs = sum(map(pairs_of_rows, layout.nested)) * len(layout.crossed) ** 2
    few_levels = layout.levels <= _MOST_LEVELS and layout.one_nested
    return few_levels and pairs <= _MOST_PAIRS


def pairs_of_rows(codes: Ints) -> int:
    """Count the pairs of rows within levels, each row with itself included."""
    return int((np.bincount(codes).astype(np.int64) ** 2).sum())


def block_grams(
    columns: Floats,
    clusters: Ints,
    groups: int,
    entity: Ints,
    codes: Sequence[Ints],
    levels: Sequence[int],
    obs_weights: Floats | None,
) -> Grams:
    """Compute the cross products by cluster in a block of whole entities.

    `columns` (n, p) are demeaned, in units of their norms over all rows. `codes` (n,)
    are of the effects beside `entity`, with the `levels` that they have in all blocks.
    """
    ends = np.cumsum([0, *levels])
    crossed = [code + start for code, start in zip(codes, ends, strict=False)]
    layout = Layout(
        clusters,
        groups,
        [entity],
        [],
        crossed,
        ends[-1:] if levels else ends[:0],
        "pseudo" if levels else "diagonal",
        obs_weights,
    )
    return _grams(layout, columns, np.ones(columns.shape[1]))


def _grams(
    layout: Layout, columns: Floats, scale: Floats, *, dense: bool = True
) -> Grams:
    p = columns.shape[1]
    blocks = tuple(layout.blocks.tolist())
    if not dense:
        parts = _sparse_sums(layout, columns)
        return Grams(parts, p, layout.levels, blocks, layout.inverse, scale)
    sums = np.empty((layout.groups, layout.width(p)))
    start = 0
    for part in chain(
        _column_products(layout, columns),
        _column_dummy_products(layout, columns),
        _dummy_products(layout),
    ):
        sums[:, start : start + part.shape[1]] = part
        start += part.shape[1]
    return Grams(sums, p, layout.levels, blocks, layout.inverse, scale)


@dataclass(frozen=True, slots=True)
class Layout:
    """Effects that are nested in clusters, and effects that cross them."""

    clusters: Ints  # (N,) cluster of each row
    groups: int  # G
    nested: list[Ints]  # (N,) codes of each nested effect
    slopes: list[Slope]  # slopes by level of nested effects
    crossed: list[Ints]  # (N,) codes of each crossed effect, levels numbered through
    blocks: Ints  # levels of each block
    inverse: _Inverse
    obs_weights: Floats | None

    @property
    def levels(self) -> int:
        """Number of levels of the crossed effects."""
        return int(self.blocks.sum())

    def width(self, p: int) -> int:
        """Count the numbers that one cluster needs with p columns."""
        counts = 0 if self.inverse == "linked" else self.levels
        dummy_products = (
            0
            if self.inverse == "diagonal"
            else int((self.blocks * (self.blocks + 1) // 2).sum())
        )
        return p * (p + 1) // 2 + p * self.levels + counts + dummy_products

    @property
    def one_nested(self) -> bool:
        """Whether at most one effect is nested in the clusters, and no slope is."""
        return len(self.nested) <= 1 and not self.slopes


def lay_out(
    clusters: Ints, effects: Sequence[Effect], obs_weights: Floats | None
) -> Layout:
    """Separate effects that are nested in the clusters from those that cross them."""
    constants, slopes = split_slopes(effects)
    _refuse_crossing(slopes, clusters)
    nested: list[Ints] = []
    crossing: list[Ints] = []
    for codes in finest(constants):
        (nested if is_nested(codes, clusters) else crossing).append(codes)
    if not effects:
        crossing = [np.zeros(clusters.size, dtype=np.intp)]
    crossed, blocks = _number_by_block(
        crossing, [*nested, *(slope.codes for slope in slopes)]
    )
    groups = int(clusters.max()) + 1
    inverse: _Inverse = "pseudo"
    if not crossed or (
        len(crossed) == 1
        and not slopes
        and _act_as_diagonal(
            crossed[0], blocks, nested, weighted=obs_weights is not None
        )
    ):
        inverse = "diagonal"
    elif len(crossed) == len(nested) == 1 and not slopes:
        inverse = "linked"
    return Layout(
        clusters, groups, nested, slopes, crossed, blocks, inverse, obs_weights
    )


def _refuse_crossing(slopes: Sequence[Slope], clusters: Ints) -> None:
    crossing = [slope for slope in slopes if not is_nested(slope.codes, clusters)]
    if crossing:
        levels, groups = int(crossing[0].codes.max()) + 1, int(clusters.max()) + 1
        raise option_error(
            "absorb",
            None,
            f"slopes by {levels} groups in absorb: the groups must be nested in the "
            f"{groups} clusters, which are drawn or left out with their slopes. "
            "Absorb slopes by smaller groups, or specify clusters in which the groups "
            "are nested.",
        )


def _column_products(layout: Layout, demeaned: Floats) -> Iterator[Floats]:
    """Multiply the columns with each other, by cluster: (G, 1) each."""
    for a, b in zip(*np.triu_indices(demeaned.shape[1]), strict=True):
        products = with_weights(demeaned[:, a] * demeaned[:, b], layout.obs_weights)
        yield _sum_by_level([layout.clusters], layout.groups, products)[:, None]


def _column_dummy_products(layout: Layout, demeaned: Floats) -> Iterator[Floats]:
    """Multiply columns with crossed dummies, by cluster, count rows: (G, L) each."""
    groups, levels = layout.groups, layout.levels
    if not levels:
        return
    cells = [layout.clusters * levels + codes for codes in layout.crossed]
    weighted: list[Floats | None] = [
        with_weights(column, layout.obs_weights) for column in demeaned.T
    ]
    if layout.inverse != "linked":
        weighted.append(layout.obs_weights)
    for values in weighted:
        yield _sum_by_level(cells, groups * levels, values).reshape(groups, levels)


def _number_by_block(
    crossed: Sequence[Ints], nested: Sequence[Ints]
) -> tuple[list[Ints], Ints]:
    """Renumber crossed levels so that linked ones form a block; return sizes too."""
    if not crossed:
        return [], np.zeros(0, dtype=np.intp)

    label = crossed[0]
    while True:
        before = label
        for codes in (*crossed, *nested):
            lowest = np.full(int(codes.max()) + 1, label.size)
            np.minimum.at(lowest, codes, label)
            label = lowest[codes]
        if np.array_equal(label, before):
            break

    block, _ = compress(label)
    sizes = [int(codes.max()) + 1 for codes in crossed]
    through = [
        codes + start
        for codes, start in zip(crossed, np.cumsum([0, *sizes]), strict=False)
    ]
    home = np.empty(sum(sizes), dtype=np.intp)
    for codes in through:
        home[codes] = block

    rank = np.empty_like(home)
    rank[np.argsort(home, kind="stable")] = np.arange(home.size)
    return [rank[codes] for codes in through], np.bincount(home)


def _act_as_diagonal(
    crossed: Ints, blocks: Ints, nested: Sequence[Ints], *, weighted: bool
) -> bool:
    """Return whether products of dummies act as a diagonal matrix.

    Nothing demeaned: dummies of one effect are orthogonal. Every nested level with each
    level of its block once: the matrix of a block is a multiple of the identity but for
    the constant, which the demeaned columns do not see. Weights leave no such multiple.
    """
    if weighted or len(nested) != 1:
        return not nested
    block = np.repeat(np.arange(blocks.size), blocks)[crossed]
    size = np.bincount(nested[0])
    if (size[nested[0]] != blocks[block]).any():
        return False
    cell = (
        (np.cumsum(size) - size)[nested[0]]
        + crossed
        - (np.cumsum(blocks) - blocks)[block]
    )
    return bool((np.bincount(cell, minlength=crossed.size) == 1).all())


def _sum_by_level(codes: Sequence[Ints], levels: int, values: Floats | None) -> Floats:
    """Sum values by level over all codes; count rows without values."""
    out = np.zeros(levels)
    for level in codes:
        out += np.bincount(level, weights=values, minlength=levels)
    return out


def _dummy_products(layout: Layout) -> Iterator[Floats]:
    """Multiply crossed dummies net of nested effects by cluster: rows of triangles."""
    if layout.inverse == "diagonal":
        return
    clusters, groups, crossed, blocks = (
        layout.clusters,
        layout.groups,
        layout.crossed,
        layout.blocks,
    )
    for size, end in zip(blocks.tolist(), np.cumsum(blocks).tolist(), strict=True):
        rows = np.flatnonzero((crossed[0] >= end - size) & (crossed[0] < end))
        local = [codes[rows] - (end - size) for codes in crossed]
        cells = [clusters[rows] * size + codes for codes in local]
        w = None if layout.obs_weights is None else layout.obs_weights[rows]
        inside = effects_in_rows([*layout.nested, *layout.slopes], rows)
        demean = _demeaning(inside, rows.size, w)
        for level in range(size):
            dummy = np.any([codes == level for codes in local], axis=0).astype(
                np.float64
            )
            products = _sum_by_level(
                cells, groups * size, with_weights(demean(dummy), w)
            ).reshape(groups, size)
            yield products[:, level:]


def _sparse_sums(layout: Layout, columns: Floats) -> sparse.csr_array:
    """Form the sums of `Grams` from the levels that each cluster has rows in."""
    from scipy import sparse

    clusters, levels = layout.clusters, layout.levels
    w = np.ones(clusters.size) if layout.obs_weights is None else layout.obs_weights
    parts, start = [], 0
    for column in (*columns.T, *([] if layout.inverse == "linked" else [1.0])):
        parts += [(clusters, start + codes, column * w) for codes in layout.crossed]
        start += levels
    if layout.inverse != "diagonal":
        parts += [
            (cluster, start + _in_triangles(layout.blocks, low, high), value)
            for cluster, low, high, value in _pairs_of_levels(layout, w)
        ]
    row, column, value = (np.concatenate(part) for part in zip(*parts, strict=True))
    products = np.hstack(list(_column_products(layout, columns)))
    width = layout.width(columns.shape[1]) - products.shape[1]
    of_levels = sparse.csr_array((value, (row, column)), (layout.groups, width))
    parts_by_column = [sparse.csr_array(products), of_levels]
    return sparse.csr_array(sparse.hstack(parts_by_column, format="csr"))


def _pairs_of_levels(
    layout: Layout, w: Floats
) -> Iterator[tuple[Ints, Ints, Ints, Floats]]:
    """Multiply crossed dummies net of the nested effect: cluster, two levels, value.

    The first level is at most the second. A product is that of the dummies, less the
    product of their sums in a nested level over its weight.
    """
    for i, codes in enumerate(layout.crossed):
        for others in layout.crossed[i:]:
            low, high = np.minimum(codes, others), np.maximum(codes, others)
            yield layout.clusters, low, high, w
    many = len(layout.crossed)
    rows, level = np.tile(np.arange(w.size), many), np.concatenate(layout.crossed)
    for nested in layout.nested:
        _, first, cell = np.unique(
            nested[rows] * layout.levels + level, return_index=True, return_inverse=True
        )
        weight = np.bincount(cell, weights=w[rows])
        home, level_of = nested[rows[first]], level[first]
        # Cells are in the order of their nested level: each with all of the same one.
        size = np.bincount(home)[home]
        low = np.repeat(np.arange(home.size), size)
        turn = np.arange(low.size) - np.repeat(np.cumsum(size) - size, size)
        high = np.searchsorted(home, home)[low] + turn
        upper = level_of[low] <= level_of[high]
        low, high = low[upper], high[upper]
        total = np.bincount(nested, weights=w)[home[low]]
        cluster = layout.clusters[rows[first[low]]]
        yield (
            cluster,
            level_of[low],
            level_of[high],
            -weight[low] * weight[high] / total,
        )


def _in_triangles(blocks: Ints, low: Ints, high: Ints) -> Ints:
    """Find pairs of levels of a block in the upper triangles of all blocks."""
    block = np.repeat(np.arange(blocks.size), blocks)[low]
    first = (np.cumsum(blocks) - blocks)[block]
    triangles = blocks * (blocks + 1) // 2
    row = low - first
    start = (np.cumsum(triangles) - triangles)[block]
    return np.asarray(start + row * blocks[block] - row * (row - 1) // 2 + high - low)


def _demeaning(
    nested: Sequence[Effect], n: int, w: Floats | None
) -> Callable[[Floats], Floats]:
    if not nested:
        return lambda dummy: dummy
    codes = nested[0]
    if len(nested) > 1 or isinstance(codes, Slope):
        return within(nested, n, obs_weights=w).demean
    size = np.bincount(codes, weights=w)
    # Not the general projection: zeros have to be exact, in differences of sums too;
    # they tell what is not linked.
    return lambda dummy: (
        dummy - (np.bincount(codes, weights=with_weights(dummy, w)) / size)[codes]
    )


def drawn_rows(codes: Ints, count: Ints) -> tuple[Ints, Ints]:
    """List the rows of clusters drawn `count` (G,) times, and numbers of the copies."""
    members = rows_of_levels(codes)
    drawn = [members[cluster] for cluster in np.repeat(np.arange(count.size), count)]
    return np.concatenate(drawn), np.repeat(np.arange(len(drawn)), [*map(len, drawn)])


def draw_counts(
    rng: np.random.SeedSequence | np.random.Generator, n_clusters: int, reps: int
) -> Floats:
    """Draw clusters with replacement: how often each is in each draw, (R, G).

    The counts depend on `rng` and the number of clusters alone, bit for bit.
    """
    return _fill_counts(np.random.default_rng(rng), np.empty((reps, n_clusters)))


def _fill_counts(generator: np.random.Generator, out: Floats) -> Floats:
    """Fill rows with counts, in blocks so that memory is reused."""
    reps, n = out.shape
    rows = min(reps, max(1, _BLOCK // n))
    offsets = n * np.arange(rows)[:, None]
    draws = generator.integers(0, n, size=(reps, n), dtype=np.int32)
    codes = np.empty((rows, n), np.intp)
    for start in range(0, reps, rows):
        block = out[start : start + rows]
        block_codes = codes[: block.shape[0]]
        np.add(draws[start : start + rows], offsets[: block.shape[0]], out=block_codes)
        block[:] = np.bincount(block_codes.ravel(), minlength=block.size).reshape(
            block.shape
        )
    return out


def refit(
    grams: Grams,
    weights: Floats,
    equations: Sequence[Equation],
    *,
    residuals: Sequence[Outcomes] = (),
    combine: Floats | None = None,
) -> tuple[Floats, ...]:
    """Fit every equation under every weighting of the clusters.

    `weights` (R, G) are counts of a bootstrap, or ones for the full sample. Each block
    of `residuals` has m outcomes, whose residuals on the regressors are multiplied with
    each other. `combine` (R, p, q) gives the q variables of the equations as
    combinations of the p columns, anew in every draw. Returns (R, k) coefficients by
    equation, then (R, m, m) residual products by block; NaN where a regressor does not
    vary by itself.

    With Z the columns and D the crossed dummies, net of nested effects, the Gram matrix
    of a draw is the Schur complement ``Z'Z - Z'D (D'D)^+ D'Z``. With one crossed effect
    the null directions of D'D are known, one for each connected component and one for
    each level no drawn cluster has: a one for every two levels that the draw's rows
    link, and on the diagonal, fills them and leaves the complement as it is, at a tenth
    of the cost of a pseudo-inverse. With several, D'D is scaled by the rows of each
    level and its eigenvalues below 1e-10 are null.
    """
    return _fit_draws(grams, weights @ grams.sums, equations, residuals, combine)


def _split_by_block(grams: Grams) -> list[tuple[Ints, Ints, Floats]]:
    """Select the sums of each block and of the clusters with rows in it.

    Clusters, columns and sums of each part. No parts where they are more than half of
    all sums, or do not fit into memory.
    """
    if len(grams.blocks) < 2:
        return []
    sums = grams.sums if isinstance(grams.sums, np.ndarray) else grams.sums.tocsc()
    products = grams.n_columns * (grams.n_columns + 1) // 2
    # Each row: the products of a column with dummies, or the counts of levels
    counts = grams.inverse != "linked"
    by_level = np.arange(grams.n_columns + counts)[:, None] * grams.n_levels + products
    triangles = int(by_level[-1, 0]) + grams.n_levels
    parts = [_select_sums(sums, np.arange(products))]
    level = 0
    for size in grams.blocks:
        used = (by_level + np.arange(level, level + size)).ravel()
        if grams.inverse != "diagonal":
            end = triangles + size * (size + 1) // 2
            used, triangles = np.concatenate([used, np.arange(triangles, end)]), end
        parts.append(_select_sums(sums, used))
        level += size
        total = sum(part.size for _, _, part in parts)
        if 2 * total > sums.shape[0] * sums.shape[1] or total > _MOST_IN_BLOCKS:
            return []
    return parts


def _select_sums(sums: Any, columns: Ints) -> tuple[Ints, Ints, Floats]:
    """Take some columns of the sums of those clusters in which any is not zero."""
    part = sums[:, columns]
    if not isinstance(part, np.ndarray):
        clusters = np.unique(part.indices)
        return clusters, columns, part.tocsr()[clusters].toarray()
    clusters = np.flatnonzero(part.any(axis=1))
    return clusters, columns, part[clusters]


def _weighted_sums(
    grams: Grams, parts: Sequence[tuple[Ints, Ints, Floats]], weights: Floats
) -> Floats:
    """Add up the sums of the clusters under (R, G) weights: (R, q)."""
    if not parts:
        return np.asarray(weights @ grams.sums)
    out = np.zeros((len(weights), grams.sums.shape[1]))
    for clusters, columns, part in parts:
        out[:, columns] = weights[:, clusters] @ part
    return out


def _fit_draws(
    grams: Grams,
    sums: Floats,
    equations: Sequence[Equation],
    residuals: Sequence[Outcomes],
    combine: Floats | None = None,
) -> tuple[Floats, ...]:
    """Fit from the (R, q) sums of each draw."""
    system, floor, scale = gram_systems(grams, sums, combine)

    # By regressors: the outcomes regressed on them, with their positions.
    outcomes: dict[tuple[int, ...], dict[int, int]] = {}
    for ys, x in [*[((y,), x) for y, x in equations], *residuals]:
        positions = outcomes.setdefault(x, {})
        for y in ys:
            positions.setdefault(y, len(positions))
    solved = {
        x: _solve(
            system[np.ix_(x, x)], system[np.ix_(x, list(positions))], floor[list(x)]
        )
        for x, positions in outcomes.items()
    }
    coefficients = [
        solved[x][:, outcomes[x][y]].T * (scale[y] / scale[list(x)])
        for y, x in equations
    ]

    products = []
    for ys, x in residuals:
        slopes = solved[x][:, [outcomes[x][y] for y in ys]]
        residual_products = system[np.ix_(ys, ys)] - np.einsum(
            "kir,kjr->ijr", system[np.ix_(x, ys)], slopes
        )
        residual_products = residual_products.transpose(2, 0, 1) * np.multiply.outer(
            scale[list(ys)], scale[list(ys)]
        )
        residual_products = (
            residual_products + residual_products.transpose(0, 2, 1)
        ) / 2.0
        squares = np.einsum("rii->ri", residual_products)
        np.maximum(squares, 0.0, out=squares)  # rounding where nothing is left
        products.append(residual_products)
    return (*coefficients, *products)


def gram_systems(
    grams: Grams, sums: Floats, combine: Floats | None = None
) -> tuple[Floats, Floats, Floats]:
    """Form products of the variables in each draw from weighted `sums` (R, q).

    Returns products (q, q, R) of columns divided by their scale, least pivots (q, R),
    and the scale (q,). `combine` is as in `refit`.
    """
    p, levels = grams.n_columns, grams.n_levels
    rows, cols = np.triu_indices(p)
    position = np.empty((p, p), dtype=np.intp)
    position[rows, cols] = position[cols, rows] = np.arange(rows.size)
    products = sums[:, position.ravel()].reshape(-1, p, p)
    before = np.maximum(
        products.diagonal(axis1=1, axis2=2),
        grams.sums[:, np.diag(position)].sum(axis=0),
    )
    scale = grams.scale
    if combine is not None:
        combine = combine * scale[:, None]
        scale = np.ones(combine.shape[2])
        before = (combine * (products @ combine)).sum(axis=1)
    if levels:
        cross = sums[:, rows.size : rows.size + p * levels].reshape(-1, p, levels)
        products = products - _explained_by_dummies(
            grams, cross, sums[:, rows.size + p * levels :]
        )
    if combine is not None:
        products = combine.transpose(0, 2, 1) @ products @ combine
    return np.moveaxis(products, 0, 2), LOST_IN_DRAW * before.T, scale


def _explained_by_dummies(grams: Grams, cross: Floats, dummy_sums: Floats) -> Floats:
    """Compute what the crossed dummies explain of the products: (R, p, p)."""
    counts = dummy_sums[:, : grams.n_levels]
    triangles = dummy_sums
    if grams.inverse != "linked":
        triangles = dummy_sums[:, grams.n_levels :]
        scale = 1.0 / np.where(counts == 0.0, 1.0, counts)
    if grams.inverse == "diagonal":
        return (cross * scale[:, None, :]) @ cross.transpose(0, 2, 1)

    explained = np.zeros((cross.shape[0], cross.shape[1], cross.shape[1]))
    level = start = 0
    for size in grams.blocks:
        block_levels = slice(level, level + size)
        stop = start + size * (size + 1) // 2
        rows, cols = np.triu_indices(size)
        system = np.empty((dummy_sums.shape[0], size, size))
        system[:, rows, cols] = system[:, cols, rows] = triangles[:, start:stop]
        if grams.inverse == "linked":
            part = cross[:, :, block_levels]
            system += linked_levels(system != 0.0)
            explained += part @ np.linalg.solve(system, part.transpose(0, 2, 1))
        else:
            half = _times_inverse_root(
                cross[:, :, block_levels], system, np.sqrt(scale[:, block_levels])
            )
            explained += half @ half.transpose(0, 2, 1)
        level, start = level + size, stop
    return explained


def _times_inverse_root(cross: Floats, system: Floats, scale: Floats) -> Floats:
    """Multiply by a root of the pseudo-inverse of products of dummies: (R, p, L)."""
    values, vectors = np.linalg.eigh(system * scale[:, :, None] * scale[:, None, :])
    nonzero = values > REDUNDANT_LEVELS
    root = np.where(nonzero, 1.0 / np.sqrt(np.where(nonzero, values, 1.0)), 0.0)
    return np.asarray((cross * scale[:, None, :]) @ vectors * root[:, None, :])


def linked_levels(adjacent: Bools) -> Floats:
    """Mark pairs of levels that are connected, by draw: (R, L, L)."""
    present = adjacent.diagonal(axis1=1, axis2=2)
    together = present[:, :, None] & present[:, None, :]
    linked = together.astype(np.float64)
    # Mostly one level neighbours every other that is there, and then all are linked.
    hubs = np.all(adjacent | ~present[:, None, :], axis=2)
    unfinished = np.flatnonzero(~np.any(hubs, axis=1))
    neighbours = adjacent[unfinished]
    levels = present.shape[1]
    # Small numbers: all levels are compared with all others.
    label = np.arange(levels, dtype=np.min_scalar_type(levels))
    lowest = np.broadcast_to(label, (unfinished.size, levels))
    while unfinished.size:
        # Chains are halved in each turn: a level's label has that label's label.
        lower = np.where(neighbours, lowest[:, None, :], label[-1]).min(axis=2)
        lower = np.minimum(lower, lowest)
        lower = np.take_along_axis(lower, lower, axis=1)
        if np.array_equal(lower, lowest):
            break
        lowest = lower
    same_lowest = lowest[:, :, None] == lowest[:, None, :]
    linked[unfinished] = same_lowest & together[unfinished]
    diagonal = np.arange(levels)
    linked[:, diagonal, diagonal] = 1.0
    return linked


def _solve(system: Floats, outcomes: Floats, floor: Floats) -> Floats:
    """Solve (k, k, R) systems for (k, m, R) outcomes; NaN if a pivot is too small."""
    k = system.shape[0]
    table = np.concatenate([system, outcomes], axis=1)
    singular = np.zeros(table.shape[2], dtype=bool)
    for j in range(k):
        singular |= ~(table[j, j] > floor[j])
        table[j, j:] /= np.where(singular, 1.0, table[j, j])
        factors = table[:, j].copy()
        factors[j] = 0.0
        table[:, j:] -= factors[:, None] * table[j, j:]
    solution = table[:, k:]
    solution[:, :, singular] = np.nan
    return solution


def bootstrap(
    grams: Grams,
    equations: Sequence[Equation],
    reps: int,
    seed: np.random.SeedSequence,
    *,
    residuals: Sequence[Outcomes] = (),
    combine: Combine | None = None,
    memory: int = 2**28,
) -> Draws:
    """Draw clusters and refit every equation on the same draws.

    `residuals` are blocks as in `refit`; `combine` computes the variables of the
    equations from the counts of a chunk. `memory` is the bytes of one chunk of draws
    (256 MB by default); chunks do not change the draws.
    """
    generator = np.random.default_rng(seed)
    parts = _split_by_block(grams)

    def fit(draws: slice) -> tuple[Floats, ...]:
        weights = _fill_counts(generator, buffer[: draws.stop - draws.start])
        mixed = None if combine is None else combine(weights)
        return _fit_draws(
            grams, _weighted_sums(grams, parts, weights), equations, residuals, mixed
        )

    draw_bytes = bytes_per_draw(grams) + 32 * grams.n_clusters
    # What fits into the caches is drawn and counted half as fast again, if the products
    # still are matrices.
    memory = min(memory, max(_CACHED, _ROWS * draw_bytes))
    batches = list(chunks(reps, draw_bytes // 8, memory))
    buffer = np.empty((batches[0].stop, grams.n_clusters))
    return _fit_in_chunks(fit, batches, equations, residuals)


def jackknife(
    grams: Grams,
    equations: Sequence[Equation],
    *,
    residuals: Sequence[Outcomes] = (),
    memory: int = 2**28,
) -> Draws:
    """Refit every equation without one cluster at a time (row g), effects too."""
    total = grams.sums.sum(axis=0)

    def fit(clusters: slice) -> tuple[Floats, ...]:
        others = total - grams.of_clusters(clusters)
        return _fit_draws(grams, others, equations, residuals)

    batches = list(chunks(grams.n_clusters, bytes_per_draw(grams) // 8, memory))
    return _fit_in_chunks(fit, batches, equations, residuals)


def bytes_per_draw(grams: Grams) -> int:
    """Count the bytes that the products of one draw need."""
    p, levels = grams.n_columns, grams.n_levels
    square: int = 0 if grams.inverse == "diagonal" else max(grams.blocks) ** 2
    return 8 * (2 * int(grams.sums.shape[1]) + 3 * p * (p + levels) + 4 * square)


def _fit_in_chunks(
    fit: Callable[[slice], tuple[Floats, ...]],
    batches: Sequence[slice],
    equations: Sequence[Equation],
    residuals: Sequence[Outcomes],
) -> Draws:
    """Fit batch by batch; a draw in which one equation is lost is lost for all."""
    reps = batches[-1].stop
    out = [np.empty((reps, len(x))) for _, x in equations]
    out += [np.empty((reps, len(y), len(y))) for y, _ in residuals]
    for batch in batches:
        for array, part in zip(out, fit(batch), strict=True):
            array[batch] = part
    failed = np.zeros(reps, dtype=bool)
    for part in out:
        failed |= np.isnan(part.reshape(reps, -1)).any(axis=1)
    for part in out:
        part[failed] = np.nan
    return Draws(
        tuple(out[: len(equations)]), int(failed.sum()), tuple(out[len(equations) :])
    )


def seed_sequence(rng: object = None) -> np.random.SeedSequence:
    """Convert the argument `rng` to a seed that reproduces the run.

    ``seed_sequence(seed.entropy)``, an int, gives the same stream. None takes fresh
    entropy from the system. From a Generator 128 bits are drawn, which moves it on and
    needs no spawning. A sequence, and a SeedSequence that was spawned or has a sequence
    as its entropy, is folded into 128 bits. Anything else, a bool or a negative number
    included, raises InputTypeError.
    """
    if rng is None:
        return np.random.SeedSequence()
    words: Any
    if isinstance(rng, np.random.Generator):
        words = rng.integers(0, 2**32, size=4, dtype=np.uint32)
    elif isinstance(rng, np.random.SeedSequence):
        if isinstance(rng.entropy, int) and not rng.spawn_key:
            return np.random.SeedSequence(rng.entropy)
        words = rng.generate_state(4)
    elif isinstance(rng, list | tuple) or (
        isinstance(rng, np.ndarray) and rng.ndim == 1
    ):
        entropy = _checked_words(list(rng), rng)
        words = np.random.SeedSequence(entropy).generate_state(4)
    else:
        return np.random.SeedSequence(_checked_words([rng], rng)[0])
    return np.random.SeedSequence(
        int.from_bytes(words.astype("<u4").tobytes(), "little")
    )


def _checked_words(words: Sequence[object], rng: object) -> list[int]:
    entropy = [
        int(w)
        for w in words
        if isinstance(w, int | np.integer) and not isinstance(w, bool)
    ]
    if not words or len(entropy) < len(words) or min(entropy) < 0:
        raise one_problem(
            InputTypeError,
            "rng",
            f"rng={cited(rng)} is not a valid random number generator or seed; pass "
            "None, an integer of at least 0, a sequence of such integers, a numpy "
            "SeedSequence or a numpy Generator.",
            type=type(rng).__name__,
        )
    return entropy
