"""Least squares from sums over blocks, beside a regression on all dummies."""

from __future__ import annotations

import numpy as np
import pytest

from digiprosper.kernels.in_blocks import (
    Block,
    Carriers,
    dummies,
    empty_scores,
    first_pass,
    is_removed,
    orthonormalising,
    second_pass,
    triangular_factor,
)
from digiprosper.kernels.leverage import effective_clusters


def rows_of(seed, *, weighted):
    """Simulate 40 entities, and give their rows as one block and as four."""
    rng = np.random.default_rng(seed)
    entity = np.sort(rng.integers(0, 40, 260))
    entity = np.unique(entity, return_inverse=True)[1]
    codes = (rng.integers(0, 6, 260), rng.integers(0, 60, 260))
    codes = tuple(np.unique(c, return_inverse=True)[1] for c in codes)
    columns = np.asfortranarray(rng.normal(size=(260, 4)) + entity[:, None])
    w = rng.uniform(0.5, 2, 260) if weighted else None
    blocks = []
    for part in np.array_split(np.unique(entity), 4):
        rows = np.isin(entity, part)
        blocks.append(
            Block(
                np.asfortranarray(columns[rows]),
                entity[rows] - entity[rows][0],
                tuple(c[rows] for c in codes),
                None if w is None else w[rows],
            )
        )
    return entity, codes, columns, w, blocks


def on_dummies(entity, codes, columns, w):
    """Regress columns on all dummies: residuals, and the rank of the dummies."""
    design = np.hstack([np.eye(c.max() + 1)[c] for c in (entity, *codes)])
    root = np.ones(len(entity)) if w is None else np.sqrt(w)
    fit = np.linalg.lstsq(design * root[:, None], columns * root[:, None], rcond=None)
    return columns - design @ fit[0], np.linalg.matrix_rank(design)


@pytest.mark.parametrize("weighted", [False, True])
def test_sums_over_blocks_are_those_of_a_regression_on_dummies(weighted):
    entity, codes, columns, w, blocks = rows_of(1, weighted=weighted)
    levels = [int(c.max()) + 1 for c in codes]
    system = dummies(blocks, levels)
    net, rank = on_dummies(entity, codes, columns, w)
    assert entity.max() + 1 + system.rank == rank

    by_entity, right = first_pass(blocks, levels, 4)
    values = system.solve(right, np.diag(by_entity))
    weighted_net = net if w is None else net * w[:, None]
    products = by_entity - right.T @ values
    np.testing.assert_allclose(products, weighted_net.T @ net, rtol=1e-9, atol=1e-9)

    transform, regular = orthonormalising(products, np.sqrt(np.diag(by_entity)))
    assert regular.all()
    empty = empty_scores(3, inside=True, size=0, carriers=True, keep=True)
    by_block = [(block, [block.entity]) for block in blocks]
    second = second_pass(by_block, values, levels, transform, [empty])
    np.testing.assert_allclose(second.products, np.eye(4), atol=1e-10)
    assert is_removed(system, second.right, np.ones(4), np.diag(by_entity))

    x, y = weighted_net[:, :3], weighted_net[:, 3]
    slopes = np.linalg.solve(x.T @ net[:, :3], x.T @ net[:, 3])
    residuals = y - x @ slopes
    scores = net[:, :3] @ transform[:3, :3] * residuals[:, None]
    by_entity = np.array(
        [scores[entity == e].sum(axis=0) for e in range(entity.max() + 1)]
    )
    np.testing.assert_allclose(empty.middle, by_entity.T @ by_entity, rtol=1e-8)
    kept = np.concatenate([sums for sums, _ in empty.kept])
    np.testing.assert_allclose(kept, by_entity, rtol=1e-6, atol=1e-9)


def test_a_column_that_is_nearly_a_combination_keeps_its_own_size():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(200, 2))
    columns = np.column_stack([x, x[:, 0] + 1e-8 * rng.normal(size=200), x.sum(axis=1)])
    products = columns.T @ columns
    transform, regular = orthonormalising(products, np.sqrt(np.diag(products)))
    assert regular.tolist() == [True, True, False, False]
    basis = columns @ transform
    factor = triangular_factor(basis.T @ basis) @ np.linalg.inv(transform)
    exact = np.abs(np.linalg.qr(columns, mode="r"))
    assert abs(factor[2, 2]) == pytest.approx(exact[2, 2], rel=1e-6)
    assert abs(factor[3, 3]) < 1e-12


def test_carriers_keep_the_largest_clusters_of_all_blocks():
    rng = np.random.default_rng(3)
    parts = [rng.exponential(size=(size, 2)) ** 4 for size in (30, 7, 25)]
    k = 2
    carriers = Carriers(
        np.zeros(k), np.zeros(k), np.zeros((0, k)), np.zeros((0, k, 2), dtype=np.intp)
    )
    for number, part in enumerate(parts):
        carriers.add(part, number)
    every = np.vstack(parts)
    shares = every / every.sum(axis=0)
    np.testing.assert_allclose(carriers.effective, effective_clusters(shares))
    for j in range(k):
        largest = np.sort(every[:, j])[::-1][:5]
        np.testing.assert_allclose(carriers.largest[:5, j], largest)
        block, position = carriers.where[0, j]
        assert parts[block][position, j] == largest[0]
