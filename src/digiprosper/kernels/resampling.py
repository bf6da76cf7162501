"""The resampling engine: Gram matrices by cluster, drawn counts, every draw refitted in one batch.

One draw of a cluster bootstrap is a weighting of the clusters, so whatever a least-squares fit needs is
``W @ F``: W (draws x clusters) the counts, F (clusters x cross products) computed once. A cluster drawn
twice is two clusters with effects of their own, which is automatic here: effects nested in a cluster are
swept before the products are formed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from digiprosper.errors import InputTypeError, Notice
from digiprosper.kernels.within import is_nested, within

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from digiprosper.kernels import Floats, Ints

__all__ = [
    "Combine",
    "Draws",
    "Equation",
    "Grams",
    "bootstrap",
    "draw_counts",
    "entity_grams",
    "refit",
    "seed_sequence",
]

Equation = tuple[int, tuple[int, ...]]
"""Column of the outcome and columns of the regressors."""

Combine: TypeAlias = "Callable[[Floats], Floats]"
"""From (R, G) counts to the (R, p, q) combinations of the columns that equations are about."""

# A regressor is lost in a draw when its variation is below this share of what it has in the sample.
_LOST = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Grams:
    """Cross products by cluster, ready to be weighted.

    Parameters
    ----------
    sums : (G, q) array
        Per cluster: upper triangle of the p columns' products, the p x L products with the dummies of the
        crossed effect, and these dummies' own (their diagonal, or the upper triangle if not `diagonal`).
    n_columns : int
        p.
    n_levels : int
        L, levels of the effect that crosses the clusters; 0 when there is none.
    diagonal : bool
        True if the dummies' products act as a diagonal matrix in every draw.
    scale : (p,) array
        Norm of each swept column, by which it was divided.
    """

    sums: Floats
    n_columns: int
    n_levels: int
    diagonal: bool
    scale: Floats

    @property
    def n_clusters(self) -> int:
        """Clusters, the rows of `sums`."""
        return int(self.sums.shape[0])


@dataclass(frozen=True, slots=True, eq=False)
class Draws:
    """Coefficients of every equation in every draw.

    Parameters
    ----------
    coefficients : tuple of (R, k) arrays
        One an equation, columns in the order of its regressors. A lost draw is a row of NaN in all of them.
    lost : int
        Draws in which a regressor had no variation of its own left.
    """

    coefficients: tuple[Floats, ...]
    lost: int


def entity_grams(columns: Floats, clusters: Ints, effects: Sequence[Ints]) -> Grams:
    """Form the cross products of each cluster from which every draw is refitted.

    Effects nested in the clusters are swept from the columns. One effect may cross the clusters (periods,
    when entities are drawn): its dummies are carried along and taken out of each draw by :func:`refit`.
    Without effects the constant is that dummy.

    Parameters
    ----------
    columns : (N, p) array
        Outcomes and regressors of all equations. Effects may have been swept from them: nothing but digits
        depends on it.
    clusters : (N,) array of int
        What is drawn, codes without gaps: the entity, or groups above it.
    effects : sequence of (N,) arrays of int
        Effects of all equations, codes without gaps.

    Returns
    -------
    Grams
        ``F`` in the formulas of the module.

    Raises
    ------
    ValueError
        If more than one effect crosses the clusters.
    """
    nested = [codes for codes in effects if is_nested(codes, clusters)]
    crossed = [codes for codes in effects if not is_nested(codes, clusters)]
    if len(crossed) > 1 or (crossed and len(nested) > 1):
        raise ValueError("at most one nested and one crossed effect: two effects cross the clusters")
    if not effects:
        crossed = [np.zeros(columns.shape[0], dtype=np.intp)]
    swept = within(nested, columns.shape[0]).sweep(columns)
    scale = np.sqrt((swept**2).sum(axis=0))
    scale[scale == 0.0] = 1.0
    swept = swept / scale
    groups = int(clusters.max()) + 1
    p = columns.shape[1]
    rows, cols = np.triu_indices(p)
    products = (swept[:, a] * swept[:, b] for a, b in zip(rows, cols, strict=True))
    blocks = [_total(clusters, groups, products)]
    levels, diagonal = 0, True
    if crossed:
        levels = int(crossed[0].max()) + 1
        cell = clusters * levels + crossed[0]
        blocks += [_total(cell, groups * levels, [column]).reshape(groups, levels) for column in swept.T]
        block, diagonal = _dummies(clusters, groups, crossed[0], levels, nested)
        blocks.append(block)
    return Grams(np.hstack(blocks), p, levels, diagonal, scale)


def _total(codes: Ints, levels: int, products: Iterable[Floats]) -> Floats:
    return np.stack([np.bincount(codes, weights=product, minlength=levels) for product in products], axis=1)


def _dummies(
    clusters: Ints, groups: int, crossed: Ints, levels: int, nested: Sequence[Ints]
) -> tuple[Floats, bool]:
    """Multiply the crossed dummies after the nested sweep, by cluster; True if only the diagonal counts."""
    if nested:
        inner = int(nested[0].max()) + 1
        seen = np.bincount(nested[0] * levels + crossed, minlength=inner * levels).reshape(inner, levels)
        if (seen != 1).any():
            owner = np.zeros(inner, dtype=np.intp)
            owner[nested[0]] = clusters
            size = seen.sum(axis=1)
            pairs = zip(*np.triu_indices(levels), strict=True)
            products = ((a == b) * seen[:, a] - seen[:, a] * seen[:, b] / size for a, b in pairs)
            return _total(owner, groups, products), False
    # Balanced: the dummies' matrix is a multiple of the identity but for the constant, which the swept
    # columns do not see. Nothing swept: dummies of one effect are orthogonal.
    counts = np.bincount(clusters * levels + crossed, minlength=groups * levels)
    return counts.reshape(groups, levels).astype(np.float64), True


def draw_counts(rng: np.random.SeedSequence | np.random.Generator, n_clusters: int, reps: int) -> Floats:
    """Draw clusters with replacement: how often each is in each draw.

    Parameters
    ----------
    rng : SeedSequence or Generator
        The only source: counts depend on it and on the number of clusters, bit for bit.
    n_clusters : int
        G, clusters to draw from and clusters in a draw.
    reps : int
        R, draws.

    Returns
    -------
    (R, G) array
        Multinomial counts; each row sums to G.
    """
    drawn = np.random.default_rng(rng).integers(0, n_clusters, size=(reps, n_clusters))
    drawn += n_clusters * np.arange(reps)[:, None]
    counts = np.bincount(drawn.ravel(), minlength=reps * n_clusters)
    return counts.reshape(reps, n_clusters).astype(np.float64)


def refit(
    grams: Grams, weights: Floats, equations: Sequence[Equation], *, combine: Floats | None = None
) -> tuple[Floats, ...]:
    """Fit every equation under every weighting of the clusters.

    Parameters
    ----------
    grams : Grams
        Cross products by cluster.
    weights : (R, G) array
        Counts of a bootstrap, ``1 - eye(G)`` for the jackknife, ones for the full sample.
    equations : sequence of (outcome, regressors)
        Column numbers, of the combinations where there are any.
    combine : (R, p, q) array, optional
        The q variables of the equations as combinations of the p columns, anew in every draw.

    Returns
    -------
    tuple of (R, k) arrays
        Coefficients, one array an equation; NaN where a regressor has no variation of its own left.

    Notes
    -----
    With Z the columns and D the crossed dummies, nested effects swept from both, the Gram matrix of a draw is
    the Schur complement ``Z'Z - Z'D (D'D + R)^-1 D'Z``. R has a one for every two levels that the draw's rows
    link, and on the diagonal: it fills the directions that are null whatever the data, one for each connected
    component and one for each level no drawn cluster has, and leaves the complement as it is.
    """
    p, levels = grams.n_columns, grams.n_levels
    sums = weights @ grams.sums
    rows, cols = np.triu_indices(p)
    place = np.empty((p, p), dtype=np.intp)
    place[rows, cols] = place[cols, rows] = np.arange(rows.size)
    products = sums[:, place.ravel()].reshape(-1, p, p)
    before = np.maximum(products.diagonal(axis1=1, axis2=2), grams.sums[:, np.diag(place)].sum(axis=0))
    scale = grams.scale
    if combine is not None:
        combine, scale = combine * scale[:, None], np.ones(combine.shape[2])
        before = (combine * (products @ combine)).sum(axis=1)
    if levels:
        cross = sums[:, rows.size : rows.size + p * levels].reshape(-1, p, levels)
        own = sums[:, rows.size + p * levels :]
        products = products - _explained(cross, own, diagonal=grams.diagonal)
    if combine is not None:
        products = combine.transpose(0, 2, 1) @ products @ combine
    system, floor = np.moveaxis(products, 0, 2), _LOST * before.T
    solved: dict[tuple[int, ...], Floats] = {}
    outcomes: dict[tuple[int, ...], list[int]] = {}
    for outcome, regressors in equations:
        outcomes.setdefault(regressors, []).append(outcome)
    for regressors, columns in outcomes.items():
        x = list(regressors)
        solved[regressors] = _solve(system[np.ix_(x, x)], system[np.ix_(x, columns)], floor[x])
    return tuple(solved[x][:, outcomes[x].index(y)].T * (scale[y] / scale[list(x)]) for y, x in equations)


def _explained(cross: Floats, own: Floats, *, diagonal: bool) -> Floats:
    """Compute what the crossed dummies take out of the products: (R, p, p)."""
    if diagonal:
        inverse = 1.0 / np.where(own == 0.0, 1.0, own)
        return np.asarray((cross * inverse[:, None, :]) @ cross.transpose(0, 2, 1))
    levels = cross.shape[2]
    rows, cols = np.triu_indices(levels)
    system = np.empty((own.shape[0], levels, levels))
    system[:, rows, cols] = own
    system[:, cols, rows] = own
    system += _linked(system != 0.0)
    return np.asarray(cross @ np.linalg.solve(system, cross.transpose(0, 2, 1)))


def _linked(adjacent: np.ndarray[Any, np.dtype[np.bool_]]) -> Floats:
    """Put a one for every two levels that a chain of neighbours joins, in each draw: (R, L, L)."""
    here = adjacent.diagonal(axis1=1, axis2=2)
    together = here[:, :, None] & here[:, None, :]
    linked = together.astype(np.float64)
    # Mostly one level neighbours every other that is there, and then all are linked.
    hubs = np.all(adjacent | ~here[:, None, :], axis=2)
    open_ = np.flatnonzero(~np.any(hubs, axis=1))
    reach = adjacent[open_].astype(np.float64)
    while open_.size:
        further = (reach @ reach > 0.0).astype(np.float64)
        if np.array_equal(further, reach):
            break
        reach = further
    linked[open_] = reach
    diagonal = np.arange(here.shape[1])
    linked[:, diagonal, diagonal] = 1.0
    return linked


def _solve(system: Floats, outcomes: Floats, floor: Floats) -> Floats:
    """Solve (k, k, R) systems for (k, m, R) outcomes by elimination; NaN where a pivot is below its floor."""
    k = system.shape[0]
    table = np.concatenate([system, outcomes], axis=1)
    lost = np.zeros(table.shape[2], dtype=bool)
    for j in range(k):
        lost |= ~(table[j, j] > floor[j])
        table[j, j:] /= np.where(lost, 1.0, table[j, j])
        factors = table[:, j].copy()
        factors[j] = 0.0
        table[:, j:] -= factors[:, None] * table[j, j:]
    solution = table[:, k:]
    solution[:, :, lost] = np.nan
    return solution


def bootstrap(
    grams: Grams,
    equations: Sequence[Equation],
    reps: int,
    seed: np.random.SeedSequence,
    *,
    combine: Combine | None = None,
    memory: int = 2**28,
) -> Draws:
    """Draw clusters and refit every equation on the same draws.

    Parameters
    ----------
    grams : Grams
        Cross products by cluster.
    equations : sequence of (outcome, regressors)
        Column numbers.
    reps : int
        Draws.
    seed : SeedSequence
        See :func:`seed_sequence`.
    combine : callable, optional
        Gives the variables of the equations as combinations of the columns from the counts of a chunk.
    memory : int
        Bytes that the arrays of one chunk of draws may take; 256 MB. Chunks do not change the draws.

    Returns
    -------
    Draws
        Coefficients by equation, and how many draws were lost.
    """
    generator = np.random.default_rng(seed)
    p, levels = grams.n_columns, grams.n_levels
    solve = 3 * p * (p + levels) + (0 if grams.diagonal else 4 * levels**2)
    bytes_each = 8 * (4 * grams.n_clusters + 2 * grams.sums.shape[1] + solve)
    chunk = max(1, memory // bytes_each)
    out = tuple(np.empty((reps, len(x))) for _, x in equations)
    for start in range(0, reps, chunk):
        stop = min(start + chunk, reps)
        weights = draw_counts(generator, grams.n_clusters, stop - start)
        mixed = None if combine is None else combine(weights)
        for whole, part in zip(out, refit(grams, weights, equations, combine=mixed), strict=True):
            whole[start:stop] = part
    lost = np.any([np.isnan(part).any(axis=1) for part in out], axis=0)
    for part in out:
        part[lost] = np.nan
    return Draws(out, int(lost.sum()))


def seed_sequence(rng: object = None) -> np.random.SeedSequence:
    """Turn whatever a caller gives as `rng` into one seed that reproduces the run.

    Parameters
    ----------
    rng : None, int, sequence of int, SeedSequence or Generator
        None takes fresh entropy from the system. From a Generator 128 bits are drawn, which moves it on
        and needs no spawning. A sequence, and a SeedSequence that was spawned or has a sequence as its
        entropy, is folded into 128 bits.

    Returns
    -------
    numpy.random.SeedSequence
        Fresh, with `entropy` an int: ``seed_sequence(seed.entropy)`` gives the same stream.

    Raises
    ------
    InputTypeError
        If `rng` is anything else, a bool or a negative number included.

    Examples
    --------
    >>> seed_sequence(2026).entropy
    2026
    >>> seed = seed_sequence([1, 2])
    >>> bool((seed_sequence(seed.entropy).generate_state(2) == seed.generate_state(2)).all())
    True
    """
    if rng is None:
        return np.random.SeedSequence()
    if isinstance(rng, np.random.Generator):
        return np.random.SeedSequence(_integer(rng.integers(0, 2**32, size=4, dtype=np.uint32)))
    if isinstance(rng, np.random.SeedSequence):
        plain = isinstance(rng.entropy, int) and not rng.spawn_key
        return np.random.SeedSequence(rng.entropy if plain else _integer(rng.generate_state(4)))
    several = isinstance(rng, list | tuple | np.ndarray) and np.ndim(rng) == 1
    words = list(rng) if several else [rng]  # type: ignore[call-overload]
    entropy = [int(w) for w in words if isinstance(w, int | np.integer) and not isinstance(w, bool)]
    if not words or len(entropy) < len(words) or min(entropy) < 0:
        raise InputTypeError(
            f"rng={rng!r} is not a source of random numbers; give None, an integer of at least 0, a sequence "
            "of such integers, a numpy SeedSequence or a numpy Generator.",
            [Notice("rng", f"rng is a {type(rng).__name__}", {"type": type(rng).__name__})],
        )
    if several:
        return np.random.SeedSequence(_integer(np.random.SeedSequence(entropy).generate_state(4)))
    return np.random.SeedSequence(entropy[0])


def _integer(words: np.ndarray[Any, np.dtype[np.unsignedinteger[Any]]]) -> int:
    return int.from_bytes(words.astype("<u4").tobytes(), "little")
