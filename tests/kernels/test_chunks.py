"""Slices of draws and rows."""

from __future__ import annotations

from digiprosper.kernels.chunks import chunks


def test_slices_cover_every_row_once_and_fit_into_memory() -> None:
    parts = list(chunks(10, numbers=3, memory=8 * 3 * 4))
    assert parts == [slice(0, 4), slice(4, 8), slice(8, 10)]


def test_a_slice_has_a_row_however_large_it_is() -> None:
    assert list(chunks(2, numbers=10**9, memory=1)) == [slice(0, 1), slice(1, 2)]
    assert list(chunks(3, numbers=0)) == [slice(0, 3)]
    assert not list(chunks(0, numbers=5))
