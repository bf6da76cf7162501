"""Sweep entity, time and further effects out of columns, exactly, on unbalanced panels."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from digiprosper.errors import IdentificationError, OptionError
from digiprosper.kernels.tolerances import (
    CONVERGED,
    DWARFED,
    NO_CURVATURE,
    NOT_CONVERGED,
    REDUNDANT_LEVELS,
    SECOND_SWEEP,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digiprosper.kernels import Floats, Ints

__all__ = ["Within", "compress", "effects_rank", "finest", "is_nested", "not_singletons", "within"]


# Dummies of all effects but the largest are solved for densely up to this many; beyond, by conjugate
# gradients.
_DENSE = 1200
_DENSE_CELLS = 20_000_000
_ITERATIONS = 5000
_MANY_ROWS = 10_000


def compress(codes: Ints) -> tuple[Ints, int]:
    """Renumber codes 0..L-1 in their own order.

    Parameters
    ----------
    codes : (N,) array of int
        Non-negative codes, possibly with gaps.

    Returns
    -------
    codes : (N,) array of int
        Codes without gaps.
    levels : int
        How many there are.
    """
    if codes.size == 0:
        return codes, 0
    seen = np.bincount(codes) > 0
    if seen.all():
        return codes, seen.size
    return (np.cumsum(seen) - 1)[codes], int(seen.sum())


def not_singletons(effects: Sequence[Ints]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Mark rows that share every one of their effects with another row, repeatedly.

    Parameters
    ----------
    effects : sequence of (N,) arrays of int
        Codes of each effect.

    Returns
    -------
    (N,) array of bool
        False for singletons: rows that are the only one of a level, at first or once others are dropped.
    """
    keep = np.ones(effects[0].size, dtype=bool)
    while True:
        before = int(keep.sum())
        for codes in effects:
            keep &= np.bincount(codes[keep], minlength=int(codes.max()) + 1)[codes] > 1
        if int(keep.sum()) == before:
            return keep


def is_nested(inner: Ints, outer: Ints) -> bool:
    """Decide whether each level of one code lies inside a single level of another.

    Parameters
    ----------
    inner, outer : (N,) arrays of int
        Codes without gaps.

    Returns
    -------
    bool
        True if `inner` is nested in `outer`.
    """
    if inner is outer:
        return True
    first = np.empty(int(inner.max()) + 1, dtype=outer.dtype)
    first[inner] = outer
    return bool((first[inner] == outer).all())


def finest(effects: Sequence[Ints]) -> list[Ints]:
    """Leave out effects in which another is nested: their dummies are sums of its dummies.

    Parameters
    ----------
    effects : sequence of (N,) arrays of int
        Codes without gaps of each effect.

    Returns
    -------
    list of (N,) arrays of int
        In the order given; of two that are the same, the first.
    """
    codes = list(effects)
    inside = [[is_nested(a, b) for b in codes] for a in codes]
    places = range(len(codes))

    def spanned(p: int) -> bool:
        return any(inside[q][p] and (q < p or not inside[p][q]) for q in places if q != p)

    return [codes[p] for p in places if not spanned(p)]


def effects_rank(effects: Sequence[Ints], n: int, *, obs_weights: Floats | None = None) -> tuple[int, bool]:
    """Count the parameters that effects take up together.

    Parameters
    ----------
    effects : sequence of (N,) arrays of int
        Codes without gaps of each effect.
    n : int
        Rows.
    obs_weights : (N,) array, optional
        Weights of the rows.

    Returns
    -------
    rank : int
        Rank of all their dummies, 1 (the constant) without effects.
    exact : bool
        As in `Within`.
    """
    codes = finest(effects)
    if len(codes) == 1:
        return int(codes[0].max()) + 1, True
    found = within(codes, n, obs_weights=obs_weights)
    return found.rank, found.exact


@dataclass(frozen=True, slots=True, eq=False)
class Within:
    """The projection that takes out effects.

    Parameters
    ----------
    effects : tuple of (N,) arrays of int
        Codes without gaps of each effect, as given.
    levels : tuple of int
        Levels of each effect.
    rank : int
        Rank of all the dummies together (1, the constant, without effects).
    main : int
        Position of the effect swept in closed form, the one with most levels; -1 without effects.
    obs_weights : (N,) array or None
        Weights of the rows.
    exact : bool
        False if `rank` is an upper bound: three or more effects that are not nested in one another, with more
        levels than are solved for densely.
    """

    effects: tuple[Ints, ...]
    levels: tuple[int, ...]
    rank: int
    main: int
    obs_weights: Floats | None
    _starts: Ints | None
    _counts: tuple[Floats, ...]
    _cross: Any
    _gram: Any
    _inverse: Floats | None
    exact: bool = True

    def sweep(self, columns: Floats) -> Floats:
        """Take the effects out of columns.

        Parameters
        ----------
        columns : (N,) or (N, k) array
            Values by row.

        Returns
        -------
        array
            Same shape: residuals of the (weighted) regression on all dummies.
        """
        work = self._work(columns)
        self._centre(work)
        if self.main >= 0:
            self._take_out(work)
        return np.asarray(work[0] if columns.ndim == 1 else work.T)

    def decompose(self, columns: Floats) -> tuple[Floats, list[Floats]]:
        """Split columns into effects and what is left.

        Parameters
        ----------
        columns : (N,) or (N, k) array
            Values by row.

        Returns
        -------
        rest : array
            The swept columns, as they come from `sweep`.
        values : list of (levels,) or (levels, k) arrays
            One value a level for each effect. All but the first have mean zero over their levels; their means
            are in the first. Without effects, one array with the mean.
        """
        work = self._work(columns)
        means = self._centre(work)
        values = [means] if self.main < 0 else self._take_out(work)
        if self.main >= 0:
            values[self.main] += means
        for later in values[1:]:
            mean = later.mean(axis=1, keepdims=True)
            later -= mean
            values[0] += mean
        if columns.ndim == 1:
            return work[0], [value[0] for value in values]
        return work.T, [value.T for value in values]

    @staticmethod
    def _work(columns: Floats) -> Floats:
        # One contiguous row a column: sums and look-ups by level are several times faster that way.
        return np.array(columns.T, dtype=np.float64, order="C", ndmin=2)

    def _centre(self, work: Floats) -> Floats:
        """Take out the means by level of the main effect, the overall means without effects; (k, levels).

        Where levels dwarf the variation around them a value less its own level's mean is exact in floating
        point, and less the overall mean it is not.
        """
        w = self.obs_weights
        if self.main < 0:
            means = work.mean(axis=1)[:, None] if w is None else (work @ (w / w.sum()))[:, None]
            work -= means
            return np.asarray(means)
        means = self._sums(self.main, work if w is None else work * w) / self._counts[self.main]
        for row, part in zip(work, means, strict=True):
            row -= part.take(self.effects[self.main])
        return np.asarray(means)

    def deviations(self, column: Floats, position: int) -> Floats:
        """Take out a single effect: deviations from the (weighted) means of its levels.

        Parameters
        ----------
        column : (N,) array
            Values by row.
        position : int
            Which effect.

        Returns
        -------
        (N,) array
            Deviations.
        """
        work = np.array(column, dtype=np.float64, ndmin=2)
        codes, counts = self.effects[position], self._counts[position]
        for _ in range(2):  # the second time removes what rounding left
            weighted = work if self.obs_weights is None else work * self.obs_weights
            work -= (self._sums(position, weighted) / counts).take(codes, axis=1)
        return np.asarray(work[0])

    @property
    def is_dense(self) -> bool:
        """Whether the dummies are solved for densely, and not by conjugate gradients."""
        return len(self.effects) < 2 or self._inverse is not None

    def leverage(self, n: int) -> Floats:
        """Compute the leverage of every row in a regression on the dummies alone.

        With D the dummies and W the weights, ``h_i = w_i d_i' (D'WD)^+ d_i``: one over the rows of the level
        for a single effect. Of several effects, the largest has that part, and the dummies of the others,
        net of it, add ``w_i m_i' S^+ m_i``, each of whose terms depends on the levels of the row alone.

        Parameters
        ----------
        n : int
            Rows.

        Returns
        -------
        (N,) array
            Between 0 and 1; they sum to the rank of the dummies.

        Raises
        ------
        OptionError
            If the effects have too many levels to be solved for densely.
        """
        if not self.is_dense:
            raise OptionError(
                f"the effects have {sum(self.levels):,} levels, too many to compute the leverage of the rows."
            )
        weights = np.ones(n) if self.obs_weights is None else self.obs_weights
        if self.main < 0:
            return np.asarray(weights / weights.sum())
        main, counts = self.effects[self.main], self._counts[self.main]
        share = 1 / counts[main]
        if self._inverse is not None:
            share += self._further_leverage(main, counts)
        return np.clip(weights * share, 0.0, 1.0)

    def _further_leverage(self, main: Ints, counts: Floats) -> Floats:
        """Compute what the dummies of the other effects, net of the main one, add: m' S^+ m by row."""
        assert self._inverse is not None
        half = self._cross @ self._inverse
        half /= counts[:, None]
        out = (np.einsum("ij,ij->i", self._cross, half) / counts)[main]

        others = [p for p in range(len(self.levels)) if p != self.main]
        starts = np.cumsum([0, *(self.levels[p] for p in others)])
        places = [self.effects[p] + start for p, start in zip(others, starts, strict=False)]
        for place in places:
            out -= 2 * half[main, place]
        for left, right in product(places, repeat=2):
            out += self._inverse[left, right]
        return np.asarray(out)

    def _take_out(self, work: Floats) -> list[Floats]:
        before = np.einsum("ij,ij->i", work, work)
        values = self._once(work, before)
        after = np.einsum("ij,ij->i", work, work)
        # A second sweep removes what rounding left where levels dwarf the variation around them.
        if (len(self.effects) > 1 and self._inverse is None) or (after < DWARFED * before).any():
            more = self._once(work, after + SECOND_SWEEP * before)
            values = [a + b for a, b in zip(values, more, strict=True)]
        return values

    def _once(self, work: Floats, square: Floats) -> list[Floats]:
        """Sweep rows in place; what was taken out, (k, levels) for each effect.

        `square` is the squared length that the exactness of conjugate gradients is measured by.
        """
        weighted = work if self.obs_weights is None else work * self.obs_weights
        main = self._sums(self.main, weighted) / self._counts[self.main]
        others = [p for p in range(len(self.levels)) if p != self.main]
        values = [main] * len(self.levels)
        if others:
            right = np.hstack([self._sums(p, weighted) for p in others]) - main @ self._cross
            solved = self._conjugate(right.T, square).T if self._inverse is None else right @ self._inverse
            values[self.main] = main - (self._cross @ solved.T).T / self._counts[self.main]
            start = 0
            for p in others:
                values[p] = solved[:, start : start + self.levels[p]]
                start += self.levels[p]
        for row, *parts in zip(work, *values, strict=True):
            for part, codes in zip(parts, self.effects, strict=True):
                row -= part.take(codes)
        return values

    def _sums(self, position: int, weighted: Floats) -> Floats:
        if position == self.main and self._starts is not None:
            return np.asarray(np.add.reduceat(weighted, self._starts, axis=1))
        return level_sums(self.effects[position], self.levels[position], weighted.T).T

    def _conjugate(self, right: Floats, size: Floats) -> Floats:
        """Solve for all columns at once by conjugate gradients, scaled by the levels' counts."""
        scale = (
            1 / np.sqrt(np.concatenate([c for p, c in enumerate(self._counts) if p != self.main]))[:, None]
        )
        counts = self._counts[self.main][:, None]

        def apply(vectors: Floats) -> Floats:
            scaled = scale * vectors
            return np.asarray(
                scale * (self._gram @ scaled - self._cross.T @ ((self._cross @ scaled) / counts))
            )

        # The floor is a multiple of the rounding in `right`; below it lies only its part outside the range.
        if self.obs_weights is not None:
            size = size * self.obs_weights.mean()
        floor = CONVERGED**2 * size
        solution = np.zeros_like(right)
        rest = scale * right
        direction = rest.copy()
        square = np.einsum("ij,ij->j", rest, rest)
        open_ = square > floor
        for _ in range(_ITERATIONS):
            if not open_.any():
                break
            image = apply(direction)
            curvature = np.einsum("ij,ij->j", direction, image)
            # A direction without curvature lies in the null space: nothing more can be gained along it.
            open_ &= curvature > NO_CURVATURE * np.einsum("ij,ij->j", direction, direction)
            step = np.where(open_, square / np.where(open_, curvature, 1.0), 0.0)
            solution += step * direction
            rest -= step * image
            new = np.einsum("ij,ij->j", rest, rest)
            ratio = np.where(open_, new / np.where(open_, square, 1.0), 0.0)
            square = new
            open_ &= square > floor
            direction = rest + ratio * direction
        if (square > NOT_CONVERGED**2 * size).any():
            raise IdentificationError(
                "the effects are so weakly connected that they could not be partialled out exactly; "
                "absorb fewer effects."
            )
        return np.asarray(scale * solution)


def level_sums(codes: Ints, levels: int, values: Floats, factor: Floats | None = None) -> Floats:
    """Sum columns by level of a code.

    Parameters
    ----------
    codes : (N,) array of int
        Codes without gaps.
    levels : int
        Number of levels.
    values : (N, k) array
        What to sum.
    factor : (N,) array, optional
        Each row is multiplied by it first.

    Returns
    -------
    (levels, k) array
        Sums.
    """
    out = np.empty((values.shape[1], levels))
    # Rows of a level that lie together are summed faster, which pays for the look at many rows.
    starts = _starts(codes) if codes.size > _MANY_ROWS else None
    for column, sums in zip(values.T, out, strict=True):
        scaled = column if factor is None else column * factor
        if starts is None:
            sums[:] = np.bincount(codes, weights=scaled, minlength=levels)
        else:
            np.add.reduceat(scaled, starts, out=sums)
    return out.T


def _starts(codes: Ints) -> Ints | None:
    """Find where each level begins; None where rows are not sorted by level."""
    steps = np.diff(codes)
    if (steps < 0).any():
        return None
    return np.concatenate([[0], np.flatnonzero(steps) + 1])


def within(effects: Sequence[Ints], n: int, *, obs_weights: Floats | None = None) -> Within:
    """Prepare the projection that takes out effects.

    The effect with most levels is swept by its means; the dummies of the others are then solved for from
    ``S g = r`` with ``S = D'MD``, exactly, by a pseudo-inverse of the scaled `S` (Abowd, Kramarz & Margolis
    1999, eq. 3.9, for two effects). Past 1,200 further dummies the same system is solved by conjugate
    gradients.

    Parameters
    ----------
    effects : sequence of (N,) arrays of int
        Codes of each effect, without gaps. None at all: only the mean is taken out.
    n : int
        Rows.
    obs_weights : (N,) array, optional
        Weights of the rows.

    Returns
    -------
    Within
        With `sweep`, `decompose` and `rank`.
    """
    codes = tuple(effects)
    if not codes:
        return Within((), (), 1, -1, obs_weights, None, (), None, None, None)

    levels = tuple(int(c.max()) + 1 for c in codes)
    main = int(np.argmax(levels))
    counts = tuple(_counted(c, size, obs_weights) for c, size in zip(codes, levels, strict=True))
    starts = _starts(codes[main])
    others = [*range(main), *range(main + 1, len(codes))]
    if not others:
        return Within(codes, levels, levels[main], main, obs_weights, starts, counts, None, None, None)

    size = sum(levels[p] for p in others)
    dense = size <= _DENSE and size * levels[main] <= _DENSE_CELLS
    make = _tables if dense else _sparse_tables
    cross, gram = make(codes, levels, main, others, obs_weights)
    if not dense:
        rank, exact = _rank_bound(codes, n)
        return Within(codes, levels, rank, main, obs_weights, starts, counts, cross, gram, None, exact=exact)
    system = gram - cross.T @ (cross / counts[main][:, None])
    inverse, good = _pseudo_inverse(system, np.concatenate([counts[p] for p in others]))
    return Within(codes, levels, levels[main] + good, main, obs_weights, starts, counts, cross, None, inverse)


def _counted(codes: Ints, levels: int, obs_weights: Floats | None) -> Floats:
    return np.bincount(codes, weights=obs_weights, minlength=levels).astype(np.float64)


def _pseudo_inverse(system: Floats, counts: Floats) -> tuple[Floats, int]:
    """Invert the dummies' products where they are not null; their rank."""
    # Scaled by counts, not by its own diagonal: that of an effect nested in another is rounding alone.
    scale = 1 / np.sqrt(counts)
    values, vectors = np.linalg.eigh(system * scale[:, None] * scale)
    good = values > REDUNDANT_LEVELS
    vectors = vectors[:, good] * scale[:, None]
    return (vectors / values[good]) @ vectors.T, int(good.sum())


def _tables(
    codes: tuple[Ints, ...],
    levels: tuple[int, ...],
    main: int,
    others: list[int],
    obs_weights: Floats | None,
) -> tuple[Any, Any]:
    """Count rows by level of the main effect and by level of the others, and among the others."""

    def table(a: int, b: int) -> Floats:
        if a == b:
            return np.diag(np.bincount(codes[a], weights=obs_weights, minlength=levels[a]))
        flat = np.bincount(
            codes[a] * levels[b] + codes[b], weights=obs_weights, minlength=levels[a] * levels[b]
        )
        return flat.reshape(levels[a], levels[b]).astype(np.float64)

    cross = np.hstack([table(main, p) for p in others])
    return cross, np.block([[table(a, b) for b in others] for a in others])


def _sparse_tables(
    codes: tuple[Ints, ...],
    levels: tuple[int, ...],
    main: int,
    others: list[int],
    obs_weights: Floats | None,
) -> tuple[Any, Any]:
    from scipy.sparse import block_array, csr_array

    w = np.ones(codes[main].size) if obs_weights is None else obs_weights

    def table(a: int, b: int) -> Any:
        return csr_array((w, (codes[a], codes[b])), shape=(levels[a], levels[b]))

    cross = block_array([[table(main, p) for p in others]], format="csr")
    return cross, block_array([[table(a, b) for b in others] for a in others], format="csr")


def _rank_bound(effects: Sequence[Ints], n: int) -> tuple[int, bool]:
    """Count components of two effects exactly; a further one is taken to lose one level."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    inside = sorted(finest(effects), key=lambda codes: -int(codes.max()))
    levels = [int(codes.max()) + 1 for codes in inside]
    if len(inside) == 1:
        return levels[0], True
    size = levels[0] + levels[1]
    graph = coo_array((np.ones(n), (inside[0], levels[0] + inside[1])), shape=(size, size))
    components: Any = connected_components(graph, directed=False, return_labels=False)
    return size - int(components) + sum(m - 1 for m in levels[2:]), len(inside) == 2
