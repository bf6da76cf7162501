"""Rows in parts: chunks that fit into memory, and the rows of each level."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from digiprosper.kernels import Ints


def chunks(count: int, numbers: int, memory: int = 2**28) -> Iterator[slice]:
    """Split draws or rows into slices of at most `memory` bytes.

    `numbers` is how many floats one draw or row needs; a slice has at least one.
    """
    size = max(1, memory // (8 * max(numbers, 1)))
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))


def rows_of_levels(codes: Ints) -> list[Ints]:
    """List the rows of each level, in order; `codes` (N,) are 0, 1, ..."""
    order = np.argsort(codes, kind="stable")
    return np.split(order, np.cumsum(np.bincount(codes))[:-1])
