"""Slopes by level, on columns that are made orthogonal within levels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.kernels.tolerances import COLLINEAR, CONSTANT


@dataclass(frozen=True, slots=True, eq=False)
class Slope:
    """An effect that is a column's slope (N,) by level; codes (N,) without gaps."""

    codes: Ints
    column: Floats


# Codes without gaps of a constant by level, or a slope by level.
Effect: TypeAlias = "Ints | Slope"


def codes_of(effect: Effect) -> Ints:
    """Return the codes (N,) of the levels of an effect."""
    return effect.codes if isinstance(effect, Slope) else effect


def dummies(effect: Effect) -> Floats:
    """Return dummies (N, levels) of an effect, times the column of a slope."""
    codes = codes_of(effect)
    out = np.zeros((codes.size, int(codes.max()) + 1))
    values = effect.column if isinstance(effect, Slope) else 1.0
    out[np.arange(codes.size), codes] = values
    return out


def split_slopes(effects: Sequence[Effect]) -> tuple[list[Ints], list[Slope]]:
    """Separate constants by level from slopes by level."""
    slopes = [effect for effect in effects if isinstance(effect, Slope)]
    return [effect for effect in effects if not isinstance(effect, Slope)], slopes


@dataclass(frozen=True, slots=True, eq=False)
class Directions:
    """Columns that span an effect's q slopes, orthogonal inside each level."""

    # q (N,): (weighted) sum of squares one in each level, or zero where the level has
    # no such slope
    columns: tuple[Floats, ...]
    # q (levels,): independent of the constant, if centred, and of earlier columns
    identified: tuple[Bools, ...]
    # (levels, 1 + q, q) each direction as a combination of the constant and the
    # original columns
    back: Floats

    def slopes(self, values: Sequence[Floats]) -> tuple[Floats, list[Floats]]:
        """Convert coefficients of the q directions to those of the original columns.

        They are (k, levels) each. The first array is added to the constants of the
        levels. Coefficients that are not identified are zero.
        """
        level, *slopes = np.einsum("qkl,lpq->pkl", np.stack(values), self.back)
        return level, slopes


def directions(
    codes: Ints,
    levels: int,
    slopes: Sequence[Floats],
    *,
    centred: bool,
    obs_weights: Floats | None = None,
) -> Directions:
    """Make q slope columns (N,) orthogonal within levels, in order.

    `centred` says that other effects contain the constant of each level; means are then
    subtracted, for precision.
    """
    w = obs_weights

    def sums(values: Floats) -> Floats:
        return np.asarray(
            np.bincount(codes, values if w is None else values * w, levels),
            dtype=np.float64,
        )

    size = np.bincount(codes, weights=w, minlength=levels)
    back = np.zeros((levels, 1 + len(slopes), len(slopes)))
    columns: list[Floats] = []
    identified: list[Bools] = []
    for j, slope in enumerate(slopes):
        column = np.array(slope, dtype=np.float64)
        back[:, 1 + j, j] = 1.0
        squares = sums(column**2)
        varies = squares > 0
        if centred:
            # Less the first value of a level, a year is exact, and so are the sums of
            # what is left.
            first = np.empty(levels)
            first[codes[::-1]] = column[::-1]
            for mean in (first, None, None):
                mean = sums(column) / size if mean is None else mean
                column -= mean[codes]
                back[:, 0, j] -= mean
            varies = sums(column**2) > CONSTANT**2 * squares
            squares = sums(column**2)

        for _ in range(2):  # the second time removes what rounding left
            for i, before in enumerate(columns):
                share = sums(column * before)
                column -= share[codes] * before
                back[:, :, j] -= share[:, None] * back[:, :, i]

        net_squares = sums(column**2)
        varies &= net_squares > COLLINEAR**2 * squares
        scale = varies / np.sqrt(np.where(varies, net_squares, 1.0))
        columns.append(column * scale[codes])
        back[:, :, j] *= scale[:, None]
        identified.append(varies)
    return Directions(tuple(columns), tuple(identified), back)
