"""Estimates without each cluster, against refits."""

from __future__ import annotations

import numpy as np
import pytest

from digiprosper.kernels.cluster_jackknife import (
    _prefers_rows,
    can_leave_out,
    deviations,
    jackknife_root_and_middle,
)
from digiprosper.kernels.resampling import lay_out
from digiprosper.kernels.within import compress, within


def setting(seed, *, weighted):
    rng = np.random.default_rng(seed)
    entity, period = np.array(np.divmod(np.arange(90), 6))[:, rng.random(90) > 0.2]
    n = entity.size
    w = rng.uniform(0.3, 2.0, n) if weighted else None
    return entity, period, rng.normal(size=(n, 4)), w if w is None else w / w.mean()


def slopes_of(columns, dummies, w, rows):
    plain = (np.ones(len(columns)) if w is None else np.sqrt(w))[rows, None]
    design = np.column_stack([columns[:, 1:], *dummies])[rows] * plain
    return np.linalg.lstsq(design, columns[rows, 0] * plain[:, 0], rcond=1e-10)[0][
        : columns.shape[1] - 1
    ]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("memory", [2**28, 1])
@pytest.mark.parametrize("seed", range(4))
def test_deviations_are_those_of_refits(seed, memory, weighted) -> None:
    entity, period, columns, w = setting(seed, weighted=weighted)
    columns[:, 1] *= 1e5
    demeaned = within([entity, period], entity.size, obs_weights=w).demean(columns)
    x = demeaned[:, 1:]
    left = x if w is None else x * w[:, None]
    residuals = demeaned[:, 0] - x @ np.linalg.solve(
        left.T @ x, left.T @ demeaned[:, 0]
    )
    got = deviations(
        x, residuals, np.eye(3), entity, [entity, period], obs_weights=w, memory=memory
    )

    dummies = [np.eye(int(c.max()) + 1)[c] for c in (entity, period)]
    whole = slopes_of(columns, dummies, w, entity >= 0)
    without = [slopes_of(columns, dummies, w, entity != g) for g in range(15)]
    np.testing.assert_allclose(got, np.array(without) - whole, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
def test_two_effects_nested_in_the_clusters_and_one_that_crosses_them(weighted) -> None:
    entity, period, columns, w = setting(5, weighted=weighted)
    region = entity % 5
    half = 2 * region + (period > 2)
    effects = [entity, half, period]
    demeaned = within(effects, entity.size, obs_weights=w).demean(columns)
    x = demeaned[:, 1:]
    left = x if w is None else x * w[:, None]
    residuals = demeaned[:, 0] - x @ np.linalg.solve(
        left.T @ x, left.T @ demeaned[:, 0]
    )
    got = deviations(x, residuals, np.eye(3), region, effects, obs_weights=w)

    dummies = [np.eye(int(codes.max()) + 1)[codes] for codes in effects]
    whole = slopes_of(columns, dummies, w, entity >= 0)
    without = [slopes_of(columns, dummies, w, region != g) for g in range(5)]
    np.testing.assert_allclose(got, np.array(without) - whole, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("memory", [2**28, 1])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("which", ["group-periods", "two crossed", "nothing nested"])
def test_many_small_clusters_whose_levels_cross_them(which, weighted, memory) -> None:
    rng = np.random.default_rng(3)
    entity, period = np.array(np.divmod(np.arange(240), 6))[:, rng.random(240) > 0.2]
    n = entity.size
    w = rng.uniform(0.3, 2.0, n) if weighted else None
    columns = rng.normal(size=(n, 4))
    columns[:, 2] = (entity == 3) & (period > 2)  # of one cluster alone
    moves = (entity % 3 == 0) & (period > 2)
    group = np.where(moves, (entity // 3) % 5, entity % 5)
    cell = compress(group * 6 + period)[0]
    # A level of one cluster alone
    cell[np.flatnonzero(entity == 7)[:2]] = cell.max() + 1
    effects = {
        "group-periods": [entity, cell],
        "two crossed": [entity, period, (entity + period) % 7],
        "nothing nested": [cell],
    }[which]
    if which == "two crossed":
        effects.append((entity * period) % 11)
    assert _prefers_rows(lay_out(entity, effects, w), 4)
    demeaned = within(effects, n, obs_weights=w).demean(columns)
    x = demeaned[:, 1:]
    left = x if w is None else x * w[:, None]
    residuals = demeaned[:, 0] - x @ np.linalg.solve(
        left.T @ x, left.T @ demeaned[:, 0]
    )
    got = deviations(
        x, residuals, np.eye(3), entity, effects, obs_weights=w, memory=memory
    )

    dummies = [np.eye(int(codes.max()) + 1)[codes] for codes in effects]
    whole = slopes_of(columns, dummies, w, entity >= 0)
    without = [slopes_of(columns, dummies, w, entity != g) for g in range(40)]
    want = np.array(without) - whole
    want[3, 1] = np.nan
    np.testing.assert_allclose(got, want, rtol=1e-7, atol=1e-11)


def test_one_cluster_of_many_rows_among_small_ones() -> None:
    # A city of 700 firms, and 500 firms that are alone in theirs
    rng = np.random.default_rng(4)
    firm = np.repeat(np.arange(1200), 3)
    city = compress(np.where(firm < 700, 0, firm))[0]
    cell = rng.integers(0, 300, firm.size)
    effects = [firm, cell]
    assert _prefers_rows(lay_out(city, effects, None), 2)
    columns = within(effects, firm.size).demean(rng.normal(size=(firm.size, 2)))
    x = columns[:, 1:] / np.linalg.norm(columns[:, 1])
    slope = x.T @ columns[:, 0]
    got = deviations(x, columns[:, 0] - x @ slope, np.eye(1), city, effects)

    rest = city != 0
    rows = [compress(codes[rest])[0] for codes in effects]
    y, z = within(rows, rest.sum()).demean(np.column_stack([columns[:, 0], x])[rest]).T
    assert got[0] == pytest.approx(z @ y / (z @ z) - slope, rel=1e-8)


def test_a_cluster_of_very_many_rows_is_not_left_out_by_its_rows() -> None:
    # Its rows would be a matrix of 10,000 x 10,000.
    rng = np.random.default_rng(4)
    city = np.concatenate([np.zeros(10_000, int), np.arange(1, 30_001)])
    cell = compress(rng.integers(0, 3000, city.size))[0]
    assert not _prefers_rows(lay_out(city, [cell], None), 2)
    assert can_leave_out(city, [cell // 30], 2)


def test_only_what_is_not_identified_without_a_cluster_is_missing() -> None:
    entity, period, columns, _ = setting(1, weighted=False)
    columns[:, 2] = (entity == 3) & (period > 2)  # of one cluster alone
    # The same as another without one
    columns[:, 3] = columns[:, 1] + columns[:, 3] * (entity == 5)
    demeaned = within([entity, period], entity.size).demean(columns)
    x = demeaned[:, 1:]
    residuals = demeaned[:, 0] - x @ np.linalg.lstsq(x, demeaned[:, 0], rcond=None)[0]
    got = np.isnan(deviations(x, residuals, np.eye(3), entity, [entity, period]))
    want = np.zeros((15, 3), dtype=bool)
    want[3, 1] = True
    want[5, [0, 2]] = True
    np.testing.assert_array_equal(got, want)


def test_halves_of_deviations() -> None:
    moved = np.random.default_rng(0).normal(size=(9, 3))
    root, middle = jackknife_root_and_middle(moved)
    np.testing.assert_allclose(
        root @ middle @ root.T, 8 / 9 * moved.T @ moved, rtol=1e-12
    )
    moved[4, 1] = np.nan
    root, middle = jackknife_root_and_middle(moved)
    covariance = root @ middle @ root.T
    np.testing.assert_allclose(
        covariance[np.ix_([0, 2], [0, 2])],
        8 / 9 * moved[:, [0, 2]].T @ moved[:, [0, 2]],
        rtol=1e-12,
    )
    assert np.isnan(covariance[1]).all()
    root, middle = jackknife_root_and_middle(np.full((9, 2), np.nan))
    assert np.isnan(root @ middle @ root.T).all()


def test_fewer_clusters_than_coefficients() -> None:
    moved = np.random.default_rng(0).normal(size=(3, 5))
    root, middle = jackknife_root_and_middle(moved)
    np.testing.assert_allclose(
        root @ middle @ root.T, 2 / 3 * moved.T @ moved, rtol=1e-12
    )
