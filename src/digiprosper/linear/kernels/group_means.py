"""Which columns are means of another column in groups of rows."""

from __future__ import annotations

from typing import Literal

import numpy as np

from digiprosper.kernels import Floats, Ints
from digiprosper.kernels.tolerances import LINEAR_INSIDE, SAME_MEAN

# Two values are always on a line.
_FEWEST_INSIDE = 3
_FIRST_LEVELS = 100
# Slopes are as exact as the root of what a linear function may leave.
_NEAR = 1e-4


def same_total(z: Floats, y: Floats) -> bool:
    """Tell whether two columns have one total, as those of means in groups have."""
    return bool(abs(z.sum() - y.sum()) <= SAME_MEAN * np.abs(y).sum())


def mean_in_groups(z: Floats, y: Floats, codes: Ints) -> Literal["", "all", "others"]:
    """Tell whether z is the mean of y in the rows of a group, or in its other rows.

    Groups of one row have no others. They may have at most half of the rows.
    """
    size = np.bincount(codes)[codes]
    several = size > 1
    if not 2 * np.count_nonzero(several) > several.size:
        return ""
    total = np.bincount(codes, weights=y)[codes][several]
    z, y, size = z[several], y[several], size[several]
    near = SAME_MEAN * np.abs(total).max()
    if (np.abs(z * size - total) <= near).all():
        return "all"
    return "others" if (np.abs(z * (size - 1) - total + y) <= near).all() else ""


def is_mean_of_others(
    z: Floats, x: Floats, codes: Ints, *, any_unit: bool = True
) -> bool:
    """Tell whether z falls with x as the mean of x in the other n - 1 rows of a level.

    In each level with three rows or more, which have to have half of the rows, z is a
    linear function of x with slope ``-1 / (n - 1)``. An exposure times a period is a
    linear function of another one, too, but with slopes of any size. Unless `any_unit`,
    a share that is one less another is no mean: n is the number of rows, or a few more.
    """
    # The first levels show for most instruments that they are no such function.
    first = codes < _FIRST_LEVELS
    if _slopes_inside(z[first], x[first], codes[first])[0] is None:
        return False
    slopes, others = _slopes_inside(z, x, codes)
    if slopes is None or not slopes.size or slopes.max() >= 0:
        return False
    # The mean may be of more rows than the sample, or in another unit.
    counts = -1 / slopes
    nearest = np.maximum(np.rint(counts), 1)
    scales = counts / others
    whole = bool((abs(counts - nearest) <= _NEAR * counts).all())
    if not any_unit:
        return whole and bool(((others <= nearest) & (nearest <= 2 * others)).all())
    return whole or bool(scales.size > 1 and np.ptp(scales) <= _NEAR * scales.max())


def _slopes_inside(z: Floats, x: Floats, codes: Ints) -> tuple[Floats | None, Ints]:
    """Return the slope of z on x in each level where x moves, and its rows less one.

    None if z is no linear function of x in one of them, or if most rows are in levels
    with less than three.
    """
    size = np.bincount(codes)
    rows = size[codes] >= _FEWEST_INSIDE
    if 2 * np.count_nonzero(rows) < rows.size:
        return None, size
    z, x = (
        column - (np.bincount(codes, weights=column) / np.maximum(size, 1))[codes]
        for column in (z, x)
    )
    zz, xx, zx = (
        np.bincount(codes[rows], weights=squares[rows], minlength=size.size)
        for squares in (z * z, x * x, z * x)
    )
    if not size.size:
        return np.empty(0), size
    moves, follows = (part > LINEAR_INSIDE * part.mean() for part in (xx, zz))
    # A constant is a linear function too, but not a mean of the others.
    if not np.array_equal(moves, follows):
        return None, size
    if (zz * xx - zx**2 > LINEAR_INSIDE * zz * xx)[moves].any():
        return None, size
    return zx[moves] / xx[moves], size[moves] - 1
