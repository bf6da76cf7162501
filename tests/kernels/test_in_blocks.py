"""Least squares from sums over blocks, beside a regression on all dummies."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from operator import add

import numpy as np
import pytest

from digiprosper.kernels.in_blocks import (
    Scores,
    block_of,
    cluster_shares,
    first_pass,
    orthonormalising_transform,
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
    levels = [int(c.max()) + 1 for c in codes]
    blocks = []
    for part in np.array_split(np.unique(entity), 4):
        rows = np.isin(entity, part)
        blocks.append(
            block_of(
                np.asfortranarray(columns[rows]),
                entity[rows] - entity[rows][0],
                [c[rows] for c in codes],
                levels,
                None if w is None else w[rows],
                part.astype(object),
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
    by_entity, right, squares, system = first_pass(
        lambda function: map(function, blocks),
        levels,
        columns.mean(axis=0),
    )
    net, rank = on_dummies(entity, codes, columns, w)
    assert entity.max() + 1 + system.rank == rank

    weights = np.ones(260) if w is None else w
    centred = columns - np.average(columns, axis=0, weights=weights)
    np.testing.assert_allclose(squares, weights @ centred**2, rtol=1e-10)
    values = system.solve(right, np.diag(by_entity))
    weighted_net = net if w is None else net * w[:, None]
    products = by_entity - right.T @ values
    np.testing.assert_allclose(products, weighted_net.T @ net, rtol=1e-9, atol=1e-9)

    transform, regular = orthonormalising_transform(
        products, np.sqrt(np.diag(by_entity))
    )
    assert regular.all()
    scores = [
        Scores(4, 4, inside=True, keep=True, partials=np.eye(4)[:, :1]),
        Scores(3, 2, inside=False, size=levels[0], partials=np.eye(4)[:, :1]),
        Scores(3, 2, inside=True, keep=False),
        Scores(3, 2, inside=True, keep=False),
    ]
    size = levels[0]
    first_codes = [block.dummies[:, :size].toarray().argmax(axis=1) for block in blocks]
    by_block = [
        replace(block, groupings=[block.entity, code, None, block.entity])
        for block, code in zip(blocks, first_codes, strict=True)
    ]
    second = second_pass(
        lambda function: map(function, by_block),
        values,
        transform,
        scores,
    )
    np.testing.assert_allclose(second.products, np.eye(4), atol=1e-10)
    basis = net @ transform
    np.testing.assert_allclose(second.plain, basis.T @ basis, atol=1e-10)
    assert second.remaining_effects(system, np.diag(by_entity)) is None

    # An error that is a combination of the last two columns, and two of the first three
    rng = np.random.default_rng(5)
    errors, design = rng.normal(size=(2, 2)), rng.normal(size=(3, 2))
    by_row = (weighted_net @ transform)[:, :3] @ design
    every = [by_row * (basis[:, 2:] @ error)[:, None] for error in errors]
    for score, groups in zip(
        second.scores, (entity, codes[0], np.arange(260), entity), strict=True
    ):
        sums = [
            np.array([e[groups == g].sum(axis=0) for g in set(groups)]) for e in every
        ]
        products = score.by_group(np.eye(4))[:, :3, -2:]
        ours = np.hstack([design.T @ products @ error for error in errors])
        theirs = np.hstack(sums)
        np.testing.assert_allclose(ours.T @ ours, theirs.T @ theirs, rtol=1e-8)
    first, second_scores = second.scores[:2]
    np.testing.assert_allclose(first.sums.sum(axis=0), np.eye(4), atol=1e-10)
    squares = (weighted_net @ transform)[:, 0] * basis[:, 0]
    by_level = np.bincount(codes[0], weights=squares)
    np.testing.assert_allclose(second_scores.variation[:, 0], by_level, rtol=1e-8)
    assert first.variation.total == pytest.approx(1.0)


def test_a_column_that_is_nearly_a_combination_keeps_its_own_size():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(200, 2))
    columns = np.column_stack([x, x[:, 0] + 1e-8 * rng.normal(size=200), x.sum(axis=1)])
    products = columns.T @ columns
    transform, regular = orthonormalising_transform(
        products, np.sqrt(np.diag(products))
    )
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
    shares_of_parts = []
    for number, part in enumerate(parts):
        labels = [f"{number}:{position}" for position in range(len(part))]
        shares_of_parts.append(cluster_shares(part, np.array(labels, dtype=object)))
    carriers = reduce(add, shares_of_parts)
    every = np.vstack(parts)
    shares = every / every.sum(axis=0)
    np.testing.assert_allclose(carriers.effective, effective_clusters(shares))
    for j in range(k):
        largest = np.sort(every[:, j])[::-1][:5]
        order = np.argsort(-carriers.largest[:, j])
        np.testing.assert_allclose(carriers.largest[order[:5], j], largest)
        block, position = map(int, carriers.labels[order[0]].split(":"))
        assert parts[block][position, j] == largest[0]
