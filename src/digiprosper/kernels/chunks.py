"""Work that is done piece by piece, so that its arrays fit into memory."""

from __future__ import annotations

from collections.abc import Iterator


def chunks(count: int, numbers: int, memory: int = 2**28) -> Iterator[slice]:
    """Cut draws or rows, each of which takes so many numbers, into slices of them.

    A slice takes at most `memory` bytes, and has at least one draw or row.
    """
    size = max(1, memory // (8 * max(numbers, 1)))
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))
