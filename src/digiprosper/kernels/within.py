"""Sweep entity, time and further effects out of columns, exactly, on unbalanced panels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from digiprosper.errors import IdentificationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digiprosper.kernels import Floats, Ints

__all__ = ["Within", "compress", "is_nested", "not_singletons", "within"]


# Dummies of all effects but the largest are solved for densely up to this many; beyond, by conjugate
# gradients.
_DENSE = 1200
_DENSE_CELLS = 40_000_000
_ITERATIONS = 5000
_FLOOR = 2e-15
_LOOSE = 1e-10


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
        False for rows alone in an effect, or left alone once others have gone.
    """
    keep = np.ones(effects[0].size, dtype=bool)
    while True:
        before = int(keep.sum())
        for codes in effects:
            keep &= np.bincount(codes[keep], minlength=int(codes.max()) + 1)[codes] > 1
        if int(keep.sum()) == before:
            return keep


def is_nested(inner: Ints, outer: Ints) -> bool:
    """Tell whether each level of one code lies inside a single level of another.

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
    """

    effects: tuple[Ints, ...]
    levels: tuple[int, ...]
    rank: int
    main: int
    obs_weights: Floats | None
    _starts: Ints | None
    _counts: tuple[Floats, ...]
    _cross: Floats | None
    _inverse: Floats | None

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
        flat = columns.ndim == 1
        values = columns[:, None] if flat else columns
        # Sweeping a second time removes what rounding left when levels dwarf the variation around them.
        swept = self._once(self._once(values - values.mean(axis=0)))
        return swept[:, 0] if flat else swept

    def decompose(self, column: Floats) -> tuple[Floats, list[Floats]]:
        """Split a column into effects and what is left.

        Parameters
        ----------
        column : (N,) array
            Values by row.

        Returns
        -------
        rest : (N,) array
            The swept column.
        values : list of arrays
            One value a level for each effect. All but the first have mean zero over their levels; their means
            are in the first. Without effects, one array with the mean.
        """
        if self.main < 0:
            mean = self._average(column[:, None])[0]
            return column - mean, [np.array([mean])]
        mean = column.mean()
        left = column - mean
        solved = self._solve(self._sweep_main(left[:, None]), left[:, None])
        values: list[Floats] = [np.zeros(n) for n in self.levels]
        for position, start in self._offsets():
            values[position] = solved[start : start + self.levels[position], 0]
            left -= values[position][self.effects[position]]
        values[self.main] = self._means(left[:, None])[:, 0]
        left -= values[self.main][self.effects[self.main]]
        for value in values[1:]:
            mean += value.mean()
            value -= value.mean()
        values[0] += mean
        return left, values

    def _once(self, values: Floats) -> Floats:
        if self.main < 0:
            return values - self._average(values)
        rest = self._sweep_main(values)
        if len(self.effects) == 1:
            return rest
        return rest - self._sweep_main(self._expand(self._solve(rest, values)))

    def _expand(self, solved: Floats) -> Floats:
        fitted = np.zeros((self.effects[0].size, solved.shape[1]))
        for position, start in self._offsets():
            fitted += solved[start : start + self.levels[position]][self.effects[position]]
        return np.asarray(fitted)

    def _right_side(self, rest: Floats) -> Floats:
        return np.vstack([self._sums(position, rest) for position, _ in self._offsets()])

    def _offsets(self) -> list[tuple[int, int]]:
        out, start = [], 0
        for position, levels in enumerate(self.levels):
            if position != self.main:
                out.append((position, start))
                start += levels
        return out

    def _average(self, values: Floats) -> Floats:
        if self.obs_weights is None:
            return np.asarray(values.mean(axis=0))
        return np.asarray(self.obs_weights @ values / self.obs_weights.sum())

    def _sums(self, position: int, values: Floats) -> Floats:
        if self.obs_weights is not None:
            values = values * self.obs_weights[:, None]
        if position == self.main and self._starts is not None:
            return np.asarray(np.add.reduceat(values, self._starts, axis=0))
        return level_sums(self.effects[position], self.levels[position], values)

    def _means(self, values: Floats) -> Floats:
        return self._sums(self.main, values) / self._counts[self.main][:, None]

    def _sweep_main(self, values: Floats) -> Floats:
        return values - self._means(values)[self.effects[self.main]]

    def _solve(self, rest: Floats, whole: Floats) -> Floats:
        if len(self.effects) == 1:
            return np.zeros((0, rest.shape[1]))
        right = self._right_side(rest)
        if self._inverse is not None:
            return np.asarray(self._inverse @ right)
        weighted = whole if self.obs_weights is None else whole * np.sqrt(self.obs_weights)[:, None]
        return self._conjugate(right, np.sqrt(np.einsum("ij,ij->j", weighted, weighted)))

    def _conjugate(self, right: Floats, norm: Floats) -> Floats:
        """Solve for all columns at once by conjugate gradients, scaled by the levels' counts."""
        scale = 1 / np.sqrt(np.concatenate([self._counts[position] for position, _ in self._offsets()]))
        scale = scale[:, None]

        def apply(vectors: Floats) -> Floats:
            return np.asarray(scale * self._right_side(self._sweep_main(self._expand(scale * vectors))))

        # The floor is a multiple of the rounding in `right`; below it lies only its part outside the range.
        floor = (_FLOOR * norm) ** 2
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
            open_ &= curvature > 1e-12 * np.einsum("ij,ij->j", direction, direction)
            step = np.where(open_, square / np.where(open_, curvature, 1.0), 0.0)
            solution += step * direction
            rest -= step * image
            new = np.einsum("ij,ij->j", rest, rest)
            ratio = np.where(open_, new / np.where(open_, square, 1.0), 0.0)
            square = new
            open_ &= square > floor
            direction = rest + ratio * direction
        if (square > (_LOOSE * norm) ** 2).any():
            raise IdentificationError(
                "the effects are so loosely connected that they could not be swept out exactly; absorb fewer."
            )
        return np.asarray(scale * solution)


def level_sums(codes: Ints, levels: int, values: Floats) -> Floats:
    """Sum columns by level of a code.

    Parameters
    ----------
    codes : (N,) array of int
        Codes without gaps.
    levels : int
        Number of levels.
    values : (N, k) array
        What to sum.

    Returns
    -------
    (levels, k) array
        Sums.
    """
    out = np.empty((levels, values.shape[1]))
    for j in range(values.shape[1]):
        out[:, j] = np.bincount(codes, weights=values[:, j], minlength=levels)
    return out


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
        return Within((), (), 1, -1, obs_weights, None, (), None, None)
    levels = tuple(int(c.max()) + 1 for c in codes)
    main = int(np.argmax(levels))
    counts = tuple(
        np.bincount(c, weights=obs_weights, minlength=size).astype(np.float64)
        for c, size in zip(codes, levels, strict=True)
    )
    steps = np.diff(codes[main])
    starts = np.flatnonzero(np.concatenate([[True], steps > 0])) if (steps >= 0).all() else None
    others = [p for p in range(len(codes)) if p != main]
    if not others:
        return Within(codes, levels, levels[main], main, obs_weights, starts, counts, None, None)
    size = sum(levels[p] for p in others)
    if size > _DENSE or size * levels[main] > _DENSE_CELLS:
        rank = _rank_bound(codes, levels, main, others, n)
        return Within(codes, levels, rank, main, obs_weights, starts, counts, None, None)
    system, cross = _system(codes, levels, main, others, obs_weights, counts)
    # Scaled by counts, not by its own diagonal: that of an effect nested in another is rounding alone.
    scale = 1 / np.sqrt(np.concatenate([counts[p] for p in others]))
    values, vectors = np.linalg.eigh(system * scale[:, None] * scale)
    good = values > 1e-10
    vectors = vectors[:, good] * scale[:, None]
    inverse = (vectors / values[good]) @ vectors.T
    return Within(
        codes, levels, levels[main] + int(good.sum()), main, obs_weights, starts, counts, cross, inverse
    )


def _system(
    codes: tuple[Ints, ...],
    levels: tuple[int, ...],
    main: int,
    others: list[int],
    obs_weights: Floats | None,
    counts: tuple[Floats, ...],
) -> tuple[Floats, Floats]:
    def table(a: int, b: int) -> Floats:
        flat = np.bincount(
            codes[a] * levels[b] + codes[b], weights=obs_weights, minlength=levels[a] * levels[b]
        )
        return flat.reshape(levels[a], levels[b]).astype(np.float64)

    cross = np.hstack([table(main, p) for p in others])
    gram = np.block([[table(a, b) for b in others] for a in others])
    system = gram - cross.T @ (cross / counts[main][:, None])
    return (system + system.T) / 2, cross


def _rank_bound(
    codes: tuple[Ints, ...], levels: tuple[int, ...], main: int, others: list[int], n: int
) -> int:
    """Count components of the first two effects exactly; a further one is taken to lose one level."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    second = max(others, key=lambda p: levels[p])
    size = levels[main] + levels[second]
    graph = coo_array((np.ones(n), (codes[main], levels[main] + codes[second])), shape=(size, size))
    components: Any = connected_components(graph, directed=False, return_labels=False)
    return size - int(components) + sum(levels[p] - 1 for p in others if p != second)
