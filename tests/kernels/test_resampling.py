"""The resampling engine against explicit refits with every dummy written out."""

from __future__ import annotations

import numpy as np
import pytest

from digiprosper.errors import InputTypeError
from digiprosper.kernels import resampling
from digiprosper.kernels.resampling import (
    bootstrap,
    draw_counts,
    entity_grams,
    jackknife,
    refit,
    seed_sequence,
)
from digiprosper.kernels.slopes import Slope
from digiprosper.kernels.within import compress, is_nested, within

Y, X, M, CONTROL = 0, 1, 2, 3
EQUATIONS = [(Y, (X, CONTROL)), (M, (X, CONTROL)), (Y, (X, M, CONTROL))]
BLOCKS = [
    ((Y, M), (X, CONTROL)),
    ((Y,), (X, M, CONTROL)),
    ((M, Y, X), (CONTROL,)),
    ((X, Y), ()),
]


def make_panel(seed, n=14, periods=6, keep=0.75, extra=4):
    """Columns y, x, m, w, ... and codes of a panel with holes (keep=1: balanced)."""
    rng = np.random.default_rng(seed)
    entity, time = (
        a.ravel() for a in np.meshgrid(np.arange(n), np.arange(periods), indexing="ij")
    )
    rows = rng.random(n * periods) < keep
    rows |= time < 2
    entity, time = entity[rows], time[rows]
    columns = (
        rng.normal(size=(entity.size, extra)) + rng.normal(size=(n, extra))[entity]
    )
    columns += rng.normal(size=(periods, extra))[time]
    columns[:, M] += 0.5 * columns[:, X]
    columns[:, Y] += 0.3 * columns[:, M] + 100.0
    return columns, entity, time


def explicit(columns, clusters, counts, effects, w=None):
    """Least squares on a draw's rows, with dummies: coefficients, residual products.

    A cluster drawn twice has its own codes each time, of the effects nested in it.
    """
    rows, copies = [], []
    for cluster, count in enumerate(counts.astype(int)):
        for copy in range(count):
            where = np.flatnonzero(clusters == cluster)
            rows.append(where)
            copies.append(np.full(where.size, copy))
    rows, copies = np.concatenate(rows), np.concatenate(copies)
    dummies = [np.ones((rows.size, 1))]
    for codes in effects:
        fresh = (
            codes[rows] * (copies.max() + 1) + copies
            if is_nested(codes, clusters)
            else codes[rows]
        )
        levels = np.unique(fresh, return_inverse=True)[1]
        dummies.append(np.eye(levels.max() + 1)[levels])
    plain = np.ones((rows.size, 1)) if w is None else np.sqrt(w)[rows, None]
    coefficients, products = [], []
    for outcomes, regressors in [*(((y,), x) for y, x in EQUATIONS), *BLOCKS]:
        design = np.column_stack([columns[rows][:, list(regressors)], *dummies]) * plain
        y = columns[rows][:, list(outcomes)] * plain
        solution, *_ = np.linalg.lstsq(design, y, rcond=1e-10)
        left = y - design @ solution
        coefficients.append(solution[: len(regressors), 0])
        products.append(left.T @ left)
    return [*coefficients[: len(EQUATIONS)], *products[len(EQUATIONS) :]]


def check(columns, clusters, effects, reps=12, seed=5, obs_weights=None):
    """Draws, the full sample and the jackknife against explicit fits."""
    grams = entity_grams(columns, clusters, effects, obs_weights=obs_weights)
    groups = clusters.max() + 1
    weights = np.vstack(
        [draw_counts(seed_sequence(seed), groups, reps), np.ones(groups)]
    )
    got = refit(grams, weights, EQUATIONS, residuals=BLOCKS)
    without = jackknife(grams, EQUATIONS, residuals=BLOCKS)
    assert without.lost == 0
    weights = np.vstack([weights, 1.0 - np.eye(groups)])
    want = [explicit(columns, clusters, w, effects, obs_weights) for w in weights]
    jack = (*without.coefficients, *without.residuals)
    for number, parts in enumerate(zip(got, jack, strict=True)):
        expected = [w[number] for w in want]
        np.testing.assert_allclose(
            np.concatenate(parts), expected, rtol=1e-9, atol=1e-9
        )
    total, first, second = got[:3]
    np.testing.assert_allclose(
        total[:, 0], second[:, 0] + first[:, 0] * second[:, 1], rtol=0, atol=1e-12
    )
    return grams


def codes_of(*parts):
    """One code, without gaps, for every combination of codes."""
    return np.unique(np.column_stack(parts), axis=0, return_inverse=True)[1].ravel()


@pytest.mark.many(8)
@pytest.mark.parametrize("keep", [1.0, 0.7], ids=["balanced", "unbalanced"])
@pytest.mark.parametrize(
    "which", [(0, 1), (0,), (1,), ()], ids=["two-way", "entity", "time", "none"]
)
@pytest.mark.parametrize("seed", range(3))
def test_draws_equal_explicit_refits(seed, which, keep) -> None:
    columns, *codes = make_panel(seed, keep=keep)
    check(columns, codes[0], [codes[j] for j in which])


@pytest.mark.parametrize("keep", [1.0, 0.7], ids=["balanced", "unbalanced"])
@pytest.mark.parametrize(
    "which", [(0, 1), (0,), (1,), ()], ids=["two-way", "entity", "time", "none"]
)
def test_weighted_rows(which, keep) -> None:
    columns, *codes = make_panel(7, keep=keep)
    w = np.random.default_rng(0).uniform(0.3, 2.0, len(columns))
    check(columns, codes[0], [codes[j] for j in which], obs_weights=w / w.mean())


def test_weighted_rows_with_several_crossed_effects() -> None:
    columns, entity, time = make_panel(8, n=16)
    third = codes_of(np.random.default_rng(0).integers(0, 4, len(columns)))
    w = np.random.default_rng(1).uniform(0.3, 2.0, len(columns))
    check(
        columns, codes_of(entity // 2), [entity, time, third], obs_weights=w / w.mean()
    )


@pytest.mark.parametrize("keep", [1.0, 0.7])
def test_clusters_above_the_entity(keep) -> None:
    columns, entity, time = make_panel(3, n=24, keep=keep)
    clusters = np.array([0, 1, 2, 3, 4, 5, 6, 7] * 3)[entity]
    check(columns, clusters, [entity, time])


@pytest.mark.parametrize("keep", [1.0, 0.8])
def test_periods_as_clusters(keep) -> None:
    columns, entity, time = make_panel(4, n=7, periods=12, keep=keep)
    check(columns, time, [entity, time])


def test_a_draw_that_loses_a_period() -> None:
    columns, entity, time = make_panel(5, n=10, keep=1.0)
    rows = (time != 5) | (entity == 0)  # the last period is seen in one entity only
    columns, entity, time = columns[rows], entity[rows], time[rows]
    weights = draw_counts(seed_sequence(1), 10, 20)
    assert (weights[:, 0] == 0).any()
    check(columns, entity, [entity, time], seed=1)


def test_several_components_in_the_data_and_in_draws() -> None:
    columns, entity, time = make_panel(6, n=12, periods=8, keep=1.0)
    apart = np.where(entity < 6, time < 4, time >= 4)
    check(columns[apart], entity[apart], [entity[apart], time[apart]])
    # One entity alone links the halves; many draws do without it.
    linked = apart | (entity == 0)
    check(columns[linked], entity[linked], [entity[linked], time[linked]])
    # A chain in which no period meets all others: connected, but not through one
    # period.
    columns, entity, time = make_panel(6, n=42, periods=8, keep=1.0)
    chain = (time - entity % 7 >= 0) & (time - entity % 7 <= 1)
    check(columns[chain], entity[chain], [entity[chain], time[chain]])


# Clusters, effects, and how the dummies' products of a draw are inverted (None: as in a
# two-way panel), from entity, time, region (of entities), half (of the periods) and
# mover (a group that entities change).
KINDS = {
    "region^year": lambda e, t, r, h, m: (e, [e, t, codes_of(r, t)], None),
    "region^year, regions drawn": lambda e, t, r, h, m: (
        r,
        [e, t, codes_of(r, t)],
        "diagonal",
    ),
    "entity^half": lambda e, t, r, h, m: (e, [e, t, codes_of(e, h)], None),
    "region, redundant": lambda e, t, r, h, m: (e, [e, r], "diagonal"),
    "each twice": lambda e, t, r, h, m: (e, [e, e.copy(), t, t.copy()], None),
    "mover": lambda e, t, r, h, m: (e, [e, t, m], "pseudo"),
    "mover, regions drawn": lambda e, t, r, h, m: (r, [e, t, m], "pseudo"),
    "mover, periods drawn": lambda e, t, r, h, m: (t, [e, t, m], "pseudo"),
    "two nested": lambda e, t, r, h, m: (r, [e, codes_of(r, h), t], "pseudo"),
    "two nested, nothing crossed": lambda e, t, r, h, m: (
        r,
        [e, codes_of(r, t)],
        "diagonal",
    ),
    "nothing nested": lambda e, t, r, h, m: (e, [t, m], "pseudo"),
    "region and year": lambda e, t, r, h, m: (e, [r, t], "pseudo"),
    "clusters cut both": lambda e, t, r, h, m: ((e + t) % 7, [e, t], "pseudo"),
}


@pytest.mark.many(4)
@pytest.mark.parametrize("keep", [1.0, 0.75], ids=["balanced", "unbalanced"])
@pytest.mark.parametrize("kind", KINDS)
def test_any_number_of_effects(kind, keep) -> None:
    columns, entity, time = make_panel(7, n=16, keep=keep)
    rng = np.random.default_rng(2)
    mover = np.where(
        rng.random(entity.size) < 0.3, rng.integers(0, 5, entity.size), entity % 5
    )
    clusters, effects, inverse = KINDS[kind](
        entity, time, entity % 4, (time > 2).astype(int), mover
    )
    grams = check(columns, clusters, effects)
    assert grams.inverse == (inverse or ("diagonal" if keep == 1.0 else "linked"))


def test_several_effects_in_a_panel_that_falls_apart() -> None:
    columns, entity, time = make_panel(8, n=24, periods=8, keep=1.0)
    apart = np.where(entity < 12, time < 4, time >= 4)
    columns, entity, time = columns[apart], entity[apart], time[apart]
    rng = np.random.default_rng(3)
    mover = compress(4 * (entity >= 12) + rng.integers(0, 4, entity.size))[0]
    grams = check(columns, entity, [entity, time, mover])
    assert grams.blocks == (8, 8)
    # One entity alone joins what movers see of the halves; draws without it fall apart.
    mover[entity == 0] = np.arange(4) * 2
    assert check(columns, entity, [entity, time, mover]).blocks == (16,)


def test_several_effects_when_a_period_and_a_level_are_not_drawn() -> None:
    columns, entity, time = make_panel(9, n=16, keep=1.0)
    # The last period is seen in one entity only, and so is mover 3
    rows = (time != 5) | (entity == 0)
    columns, entity, time = columns[rows], entity[rows], time[rows]
    mover = np.random.default_rng(4).integers(0, 3, entity.size)
    mover[(entity == 3) & (time > 1)] = 3
    weights = draw_counts(seed_sequence(5), 16, 12)
    assert (weights[:, 0] == 0).any()
    assert (weights[:, 3] == 0).any()
    assert check(columns, entity, [entity, time, mover]).inverse == "pseudo"


def test_a_long_chain_of_levels_is_not_taken_for_null() -> None:
    """Levels in rows one after another: the least eigenvalue counts."""
    step = np.tile(np.arange(80), 4)
    first, second = (step + 1) // 2, step // 2
    rng = np.random.default_rng(10)
    columns = (
        rng.normal(size=(320, 4))
        + rng.normal(size=(41, 4))[first]
        + rng.normal(size=(40, 4))[second]
    )
    grams = check(columns, np.repeat(np.arange(4), 80), [first, second], reps=4)
    assert (grams.inverse, grams.blocks) == ("pseudo", (81,))


def test_too_many_levels_are_refused_with_their_number(monkeypatch) -> None:
    columns, entity, time = make_panel(14)
    effects = [entity, time, (entity * time) % 3]
    grams = entity_grams(columns, entity, effects)
    monkeypatch.setattr(resampling, "_MOST", grams.sums.size)
    entity_grams(columns, entity, effects)
    monkeypatch.setattr(resampling, "_MOST", grams.sums.size - 1)
    assert entity_grams(columns, entity, effects).n_levels == 9
    # Two effects cross the entities: four pairs of dummies for each pair of rows.
    pairs = 4 * int((np.bincount(entity) ** 2).sum())
    monkeypatch.setattr(resampling, "_MOST_PAIRS", pairs)
    entity_grams(columns, entity, effects)
    with monkeypatch.context() as fewer:
        fewer.setattr(resampling, "_MOST_PAIRS", pairs - 1)
        with pytest.raises(ValueError, match="the 14 clusters have 9 levels"):
            entity_grams(columns, entity, effects)
    monkeypatch.setattr(resampling, "_MOST_LEVELS", 8)
    with pytest.raises(ValueError, match="the 14 clusters have 9 levels"):
        entity_grams(columns, entity, effects)


def test_few_large_clusters_of_small_entities_have_sparse_sums(monkeypatch) -> None:
    columns, entity, cell, _ = movers(71)
    city = compress(entity % 4)[0]
    dense = entity_grams(columns, city, [entity, cell])
    monkeypatch.setattr(resampling, "_MOST", dense.sums.size - 1)
    # The pairs of rows of an entity count, not those of a city.
    pairs = int((np.bincount(entity) ** 2).sum())
    monkeypatch.setattr(resampling, "_MOST_PAIRS", pairs)
    grams = entity_grams(columns, city, [entity, cell])
    np.testing.assert_allclose(grams.sums.toarray(), dense.sums, rtol=0, atol=1e-12)


def test_jackknife_of_a_sample_of_rows_is_deletion() -> None:
    rng = np.random.default_rng(11)
    columns = rng.normal(size=(12, 4))
    check(columns, np.arange(12), [])


def test_jackknife_loses_the_cluster_that_alone_has_variation() -> None:
    columns, entity, time = make_panel(12, n=8, keep=1.0)
    columns[:, X] = (entity == 2) * (time >= 3) + 0.0
    done = jackknife(
        entity_grams(columns, entity, [entity, time]), EQUATIONS, residuals=BLOCKS
    )
    assert done.lost == 1
    for part in (*done.coefficients, *done.residuals):
        lost = np.isnan(part.reshape(8, -1))
        np.testing.assert_array_equal(lost.all(axis=1), np.arange(8) == 2)
        np.testing.assert_array_equal(lost.any(axis=1), np.arange(8) == 2)


@pytest.mark.parametrize("keep", [1.0, 0.7])
def test_jackknife_in_chunks(keep) -> None:
    columns, entity, time = make_panel(13, keep=keep)
    grams = entity_grams(columns, entity, [entity, time])
    whole = jackknife(grams, EQUATIONS, residuals=BLOCKS)
    parts = jackknife(grams, EQUATIONS, residuals=BLOCKS, memory=1)
    for a, b in zip(
        (*whole.coefficients, *whole.residuals),
        (*parts.coefficients, *parts.residuals),
        strict=True,
    ):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


def test_residuals_of_a_bootstrap_are_those_of_its_draws() -> None:
    columns, entity, time = make_panel(15)
    grams = entity_grams(columns, entity, [entity, time])
    weights = draw_counts(seed_sequence(2), 14, 30)
    want = refit(grams, weights, EQUATIONS, residuals=BLOCKS)
    done = bootstrap(grams, EQUATIONS, 30, seed_sequence(2), residuals=BLOCKS)
    for a, b in zip((*done.coefficients, *done.residuals), want, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)
    assert bootstrap(grams, EQUATIONS, 30, seed_sequence(2)).residuals == ()
    alone = bootstrap(grams, [], 30, seed_sequence(2), residuals=BLOCKS[:1])
    np.testing.assert_allclose(alone.residuals[0], want[3], rtol=1e-12)


def test_residuals_are_in_units_of_the_columns_and_of_combinations() -> None:
    columns, entity, time = make_panel(16)
    scale = np.array([1e6, 1e-7, 1e3, 1e9])
    ones = np.ones((1, 14))
    plain = refit(
        entity_grams(columns, entity, [entity, time]), ones, [], residuals=BLOCKS
    )
    grams = entity_grams(columns * scale, entity, [entity, time])
    scaled = refit(grams, ones, [], residuals=BLOCKS)
    undone = refit(
        grams, ones, [], residuals=BLOCKS, combine=np.diag(1.0 / scale)[None]
    )
    for (outcomes, _), a, b, c in zip(BLOCKS, plain, scaled, undone, strict=True):
        units = scale[list(outcomes)]
        np.testing.assert_allclose(b, a * np.multiply.outer(units, units), rtol=1e-9)
        np.testing.assert_allclose(c, a, rtol=1e-9)


def test_squares_of_residuals_are_not_negative_where_nothing_is_left() -> None:
    columns, entity, time = make_panel(17)
    columns[:, Y] = columns @ [0.0, 1.0, 2.0, 3.0]
    grams = entity_grams(columns, entity, [entity, time])
    done = bootstrap(
        grams, [], 50, seed_sequence(0), residuals=[((Y,), (X, M, CONTROL))]
    )
    assert (done.residuals[0] >= 0.0).all()
    assert (done.residuals[0] < 1e-10).all()


def test_demeaning_beforehand_changes_digits_only() -> None:
    columns, entity, time = make_panel(8)
    shifted = (
        columns
        + 3.0 * np.arange(14.0)[entity][:, None]
        - np.arange(6.0)[time][:, None] ** 2
    )
    for a, b in zip(
        bootstrap(
            entity_grams(columns, entity, [entity, time]),
            EQUATIONS,
            50,
            seed_sequence(0),
        ).coefficients,
        bootstrap(
            entity_grams(shifted, entity, [entity, time]),
            EQUATIONS,
            50,
            seed_sequence(0),
        ).coefficients,
        strict=True,
    ):
        np.testing.assert_allclose(a, b, rtol=1e-9)


def test_scale_of_columns_does_not_matter() -> None:
    columns, entity, time = make_panel(9)
    scale = np.array([1e6, 1e-7, 1e3, 1e9])
    plain = bootstrap(
        entity_grams(columns, entity, [entity, time]), EQUATIONS, 50, seed_sequence(0)
    )
    scaled = bootstrap(
        entity_grams(columns * scale, entity, [entity, time]),
        EQUATIONS,
        50,
        seed_sequence(0),
    )
    for (outcome, regressors), a, b in zip(
        EQUATIONS, plain.coefficients, scaled.coefficients, strict=True
    ):
        np.testing.assert_allclose(
            b, a * scale[outcome] / scale[list(regressors)], rtol=1e-9
        )


@pytest.mark.parametrize("keep", [1.0, 0.7])
def test_chunks_change_nothing(keep) -> None:
    columns, entity, time = make_panel(10, keep=keep)
    grams = entity_grams(columns, entity, [entity, time])
    whole = bootstrap(grams, EQUATIONS, 101, seed_sequence(3))
    for memory in (1, 40_000):
        parts = bootstrap(grams, EQUATIONS, 101, seed_sequence(3), memory=memory)
        for a, b in zip(whole.coefficients, parts.coefficients, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-13)


def test_counts_are_multinomial_and_do_not_depend_on_chunks() -> None:
    counts = draw_counts(seed_sequence(11), 9, 64)
    assert counts.shape == (64, 9)
    np.testing.assert_array_equal(counts.sum(axis=1), 9)
    generator = np.random.default_rng(seed_sequence(11))
    pieces = np.concatenate(
        [draw_counts(generator, 9, size) for size in (1, 2, 3, 27, 31)]
    )
    np.testing.assert_array_equal(pieces, counts)
    # The drawn clusters themselves are fixed: numpy may change its streams, we may not
    # notice otherwise.
    assert counts.var() == pytest.approx(8 / 9, abs=0.2)


def test_lost_draws_are_missing_rows_and_counted() -> None:
    columns, entity, time = make_panel(12, n=8, keep=1.0)
    columns[:, X] = (entity == 0) * (time >= 3) + 0.0  # x moves in one entity only
    grams = entity_grams(columns, entity, [entity, time])
    weights = draw_counts(seed_sequence(0), 8, 200)
    lost = weights[:, 0] == 0
    done = bootstrap(grams, EQUATIONS, 200, seed_sequence(0), residuals=BLOCKS)
    assert done.lost == lost.sum() > 0
    for part in (*done.coefficients, *done.residuals):
        missing = np.isnan(part.reshape(200, -1))
        np.testing.assert_array_equal(missing.all(axis=1), lost)
        np.testing.assert_array_equal(missing.any(axis=1), lost)


def test_lost_draws_when_the_mediator_is_flat_or_follows_the_treatment() -> None:
    columns, entity, time = make_panel(13, n=8, keep=0.8)
    columns[:, M] = np.where(entity == 2, columns[:, M], 2.0 * columns[:, X])
    done = bootstrap(
        entity_grams(columns, entity, [entity, time]), EQUATIONS, 200, seed_sequence(0)
    )
    weights = draw_counts(seed_sequence(0), 8, 200)
    np.testing.assert_array_equal(
        np.isnan(done.coefficients[2]).any(axis=1), weights[:, 2] == 0
    )
    np.testing.assert_array_equal(
        np.isnan(done.coefficients[0]).any(axis=1), weights[:, 2] == 0
    )


@pytest.mark.parametrize(
    "rng",
    [
        7,
        np.int64(7),
        2**100 + 3,
        [1, 2, 3],
        (4, 5),
        np.array([6, 7]),
        [1, 0],
        np.random.SeedSequence(9),
    ],
    ids=repr,
)
def test_seed_is_reproduced_by_its_entropy(rng) -> None:
    seed = seed_sequence(rng)
    assert type(seed.entropy) is int
    again = seed_sequence(rng)
    back = seed_sequence(seed.entropy)
    np.testing.assert_array_equal(seed.generate_state(8), again.generate_state(8))
    np.testing.assert_array_equal(seed.generate_state(8), back.generate_state(8))


def test_seed_of_none_of_a_child_and_of_a_generator() -> None:
    fresh = seed_sequence(None)
    np.testing.assert_array_equal(
        fresh.generate_state(4), seed_sequence(fresh.entropy).generate_state(4)
    )
    parent = np.random.SeedSequence(3)
    first, second = (seed_sequence(child) for child in parent.spawn(2))
    assert len({first.entropy, second.entropy, parent.entropy}) == 3
    np.testing.assert_array_equal(
        first.generate_state(4), seed_sequence(first.entropy).generate_state(4)
    )
    generator = np.random.Generator(np.random.PCG64(1))
    a, b = seed_sequence(generator), seed_sequence(generator)
    assert a.entropy != b.entropy
    assert a.entropy < 2**128
    assert seed_sequence(np.random.Generator(np.random.PCG64(1))).entropy == a.entropy


def test_integers_keep_numpys_own_stream() -> None:
    want = np.random.default_rng(42).random(3)
    np.testing.assert_array_equal(
        np.random.default_rng(seed_sequence(42)).random(3), want
    )


@pytest.mark.parametrize(
    "rng",
    ["7", 1.5, True, [1, 2.5], [], -1, [3, -1], np.random.RandomState(1), [True]],
    ids=str,
)
def test_seed_refusals(rng) -> None:
    with pytest.raises(InputTypeError, match="random number generator"):
        seed_sequence(rng)


@pytest.mark.parametrize("centred", [True, False])
def test_slopes_nested_in_the_clusters_are_demeaned_whether_columns_were_or_not(
    *, centred: bool
) -> None:
    rng = np.random.default_rng(4)
    entity, period = (codes.astype(np.intp) for codes in np.divmod(np.arange(80), 8))
    keep = rng.random(80) > 0.1
    entity, period = entity[keep], period[keep]
    effects = [entity, period, Slope(entity, 2010.0 + period)]
    if not centred:
        effects = [period, Slope(entity, rng.normal(size=keep.sum()))]
    columns = rng.normal(size=(keep.sum(), 3)) + np.outer(
        period * rng.normal(size=10)[entity], [1, 2, 3]
    )
    counts = np.vstack([np.ones(10), draw_counts(np.random.SeedSequence(1), 10, 20)])
    demeaned = within(effects, keep.sum()).demean(columns)
    raw = refit(entity_grams(columns, entity, effects), counts, [(0, (1, 2))])[0]
    net = refit(
        entity_grams(demeaned, entity, effects, demeaned=True), counts, [(0, (1, 2))]
    )[0]
    np.testing.assert_allclose(raw, net, rtol=1e-8)
    np.testing.assert_allclose(
        net[0],
        np.linalg.lstsq(demeaned[:, 1:], demeaned[:, 0], rcond=None)[0],
        rtol=1e-9,
    )


def movers(seed, n=40, periods=6, groups=4):
    """Codes of groups by period where a third of the entities change their group."""
    rng = np.random.default_rng(seed)
    columns, entity, time = make_panel(seed, n, periods)
    group = rng.integers(groups, size=n)[entity]
    moves = (entity % 3 == 0) & (time >= 3)
    group = np.where(moves, rng.integers(groups, size=n)[entity], group)
    return columns, entity, compress(group * periods + time)[0], compress(time)[0]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    "which", ["group-periods", "two crossed", "above", "nothing nested"]
)
def test_sparse_sums_are_the_dense_ones(monkeypatch, which, weighted) -> None:
    columns, entity, cell, time = movers(71)
    clusters = compress(entity // 3)[0] if which == "above" else entity
    effects = {
        "group-periods": [entity, cell],
        "two crossed": [entity, time, cell % 5],
        "above": [entity, cell],
        "nothing nested": [cell],
    }[which]
    w = np.random.default_rng(1).uniform(0.5, 2.0, entity.size) if weighted else None
    dense = entity_grams(columns, clusters, effects, obs_weights=w)
    # Too few numbers for a dense table, enough for the pairs of rows.
    most = int((np.bincount(clusters) ** 2).sum())
    assert most < dense.sums.size
    monkeypatch.setattr(resampling, "_MOST", most)
    grams = entity_grams(columns, clusters, effects, obs_weights=w)
    assert not isinstance(grams.sums, np.ndarray)
    np.testing.assert_allclose(grams.sums.toarray(), dense.sums, rtol=0, atol=1e-12)
    assert grams.of_clusters(slice(1, 3)).shape == (2, dense.sums.shape[1])
    weights = draw_counts(np.random.SeedSequence(3), dense.n_clusters, 5)
    for got, want in zip(
        refit(grams, weights, EQUATIONS, residuals=BLOCKS),
        refit(dense, weights, EQUATIONS, residuals=BLOCKS),
        strict=True,
    ):
        np.testing.assert_allclose(got, want, rtol=1e-8, atol=1e-10)
    for got, want in zip(
        jackknife(grams, EQUATIONS).coefficients,
        jackknife(dense, EQUATIONS).coefficients,
        strict=True,
    ):
        np.testing.assert_allclose(got, want, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("table", ["dense", "sparse"])
@pytest.mark.parametrize("which", ["linked", "pseudo", "diagonal"])
def test_draws_from_the_sums_of_blocks_are_those_of_all_sums(
    monkeypatch, which, table
) -> None:
    """Regions share no level, as provinces with effects of province and year."""
    rng = np.random.default_rng(5)
    entity, period = np.divmod(np.arange(120 * 6), 6)
    rows = np.flatnonzero(rng.uniform(size=entity.size) < 0.8)
    if which == "diagonal":
        rows = np.arange(entity.size)
    entity, period = compress(entity[rows])[0], period[rows]
    cell, _ = compress(entity // 10 * 6 + period)
    effects = [entity, cell]
    if which == "pseudo":
        effects.append(compress(entity // 10 * 3 + rng.integers(0, 3, rows.size))[0])
    columns = rng.normal(size=(rows.size, 4))
    if table == "sparse":
        monkeypatch.setattr(resampling, "_MOST", 20_000)
    grams = entity_grams(columns, entity, effects)
    assert (grams.inverse, isinstance(grams.sums, np.ndarray)) == (
        which,
        table == "dense",
    )
    assert len(resampling._split_by_block(grams)) == 1 + len(grams.blocks) == 13
    seed = np.random.SeedSequence(3)
    actual = bootstrap(grams, EQUATIONS, 20, seed, residuals=BLOCKS)
    weights = draw_counts(seed, grams.n_clusters, 20)
    whole = refit(grams, weights, EQUATIONS, residuals=BLOCKS)
    for got, want in zip((*actual.coefficients, *actual.residuals), whole, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-12)


def test_sparse_sums_of_clusters_without_rows(monkeypatch) -> None:
    columns, entity, cell, _ = movers(72)
    dense = entity_grams(columns, entity, [entity, cell])
    monkeypatch.setattr(resampling, "_MOST", dense.sums.size - 1)
    grams = entity_grams(columns, entity, [entity, cell])
    np.testing.assert_allclose(
        grams.padded(2).sums.toarray(), dense.padded(2).sums, rtol=0, atol=1e-12
    )


def test_levels_in_a_chain_are_linked_and_others_are_not() -> None:
    adjacent = np.eye(9, dtype=bool)
    for i in range(5):
        adjacent[i, i + 1] = adjacent[i + 1, i] = True
    adjacent[7, 7] = False
    want = np.zeros((9, 9))
    want[:6, :6] = 1.0
    want[[6, 7, 8], [6, 7, 8]] = 1.0
    rng = np.random.default_rng(5)
    for order in (np.arange(9), rng.permutation(9), rng.permutation(9)):
        shuffled = np.ix_(order, order)
        got = resampling.linked_levels(adjacent[shuffled][None])[0]
        np.testing.assert_array_equal(got, want[shuffled])
