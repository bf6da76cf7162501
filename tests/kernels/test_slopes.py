"""Slope columns made orthogonal inside levels, with digits and the way back."""

from __future__ import annotations

import numpy as np
import pytest

from digiprosper.kernels.slopes import directions

CODES = np.repeat(np.arange(4), [5, 2, 1, 6]).astype(np.intp)
YEAR = 2010.0 + np.concatenate([np.arange(5), np.arange(2), np.arange(1), np.arange(6)])


@pytest.mark.parametrize("w", [None, np.linspace(0.2, 3, CODES.size)])
@pytest.mark.parametrize("centred", [True, False])
def test_directions_are_orthonormal_in_each_level(
    w: np.ndarray | None, *, centred: bool
) -> None:
    x = np.random.default_rng(0).normal(size=CODES.size)
    made = directions(CODES, 4, [YEAR, x, YEAR**2], centred=centred, obs_weights=w)
    weights = np.ones(CODES.size) if w is None else w
    for level in range(4):
        rows = level == CODES
        columns = np.column_stack([column[rows] for column in made.columns])
        seen = [known[level] for known in made.identified]
        rows_and_constant = (
            np.column_stack([columns, np.ones(rows.sum())]) if centred else columns
        )
        gram = rows_and_constant.T @ (weights[rows, None] * rows_and_constant)
        np.testing.assert_allclose(
            gram[:3, :3], np.diag(np.array(seen, dtype=float)), atol=1e-12
        )
        np.testing.assert_allclose(gram[:3, 3:], 0, atol=1e-12)
    counts = [int(known.sum()) for known in made.identified]
    assert counts == ([3, 2, 2] if centred else [4, 3, 2])


@pytest.mark.parametrize("centred", [True, False])
def test_the_way_back(*, centred: bool) -> None:
    rng = np.random.default_rng(1)
    slopes = [YEAR - 2012, rng.normal(size=CODES.size)]
    made = directions(CODES, 4, slopes, centred=centred)
    values = [rng.normal(size=(2, 4)) for _ in slopes]
    level, given = made.slopes(values)
    ours = sum(
        v[:, CODES] * column for v, column in zip(values, made.columns, strict=True)
    )
    raw = level[:, CODES] + sum(
        v[:, CODES] * column for v, column in zip(given, slopes, strict=True)
    )
    np.testing.assert_allclose(raw, ours, atol=1e-12)
    assert centred or not level.any()


def test_the_origin_and_the_unit_of_a_column_change_no_digit() -> None:
    near = directions(CODES, 4, [YEAR - 2010], centred=True)
    for moved in (YEAR, YEAR + 1e6, 1e-8 * YEAR, (YEAR - 2010) * 1e12):
        far = directions(CODES, 4, [moved], centred=True)
        np.testing.assert_array_equal(far.identified[0], near.identified[0])
        np.testing.assert_allclose(far.columns[0], near.columns[0], atol=1e-9)


def test_a_column_of_one_value_a_level_has_no_slope() -> None:
    made = directions(
        CODES, 4, [0.1 * CODES + 7, np.where(CODES == 0, YEAR, 3.3)], centred=True
    )
    assert not made.identified[0].any()
    assert made.identified[1].tolist() == [True, False, False, False]
    assert not made.columns[0].any()
