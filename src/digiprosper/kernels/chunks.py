"""Processing in chunks that fit into memory."""

from __future__ import annotations

from collections.abc import Iterator


def chunks(count: int, numbers: int, memory: int = 2**28) -> Iterator[slice]:
    """Split draws or rows into slices of at most `memory` bytes.

    `numbers` is how many floats one draw or row needs; a slice has at least one.
    """
    size = max(1, memory // (8 * max(numbers, 1)))
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))
