"""The resampling engine against explicit refits with every dummy written out."""

from __future__ import annotations

import numpy as np
import pytest

from digiprosper.errors import InputTypeError
from digiprosper.kernels.resampling import bootstrap, draw_counts, entity_grams, refit, seed_sequence
from digiprosper.kernels.within import is_nested

Y, X, M, CONTROL = 0, 1, 2, 3
EQUATIONS = [(Y, (X, CONTROL)), (M, (X, CONTROL)), (Y, (X, M, CONTROL))]


def make_panel(seed, n=14, periods=6, keep=0.75, extra=4):
    """Columns y, x, m, w, ... and codes of an unbalanced panel with holes (keep=1: balanced)."""
    rng = np.random.default_rng(seed)
    entity, time = (a.ravel() for a in np.meshgrid(np.arange(n), np.arange(periods), indexing="ij"))
    rows = rng.random(n * periods) < keep
    rows |= time < 2
    entity, time = entity[rows], time[rows]
    columns = rng.normal(size=(entity.size, extra)) + rng.normal(size=(n, extra))[entity]
    columns += rng.normal(size=(periods, extra))[time]
    columns[:, M] += 0.5 * columns[:, X]
    columns[:, Y] += 0.3 * columns[:, M] + 100.0
    return columns, entity, time


def explicit(columns, clusters, counts, effects, nested, equation):
    """Least squares on the rows of one draw; a cluster drawn twice has its own codes each time."""
    rows, copies = [], []
    for cluster, count in enumerate(counts.astype(int)):
        for copy in range(count):
            where = np.flatnonzero(clusters == cluster)
            rows.append(where)
            copies.append(np.full(where.size, copy))
    rows, copies = np.concatenate(rows), np.concatenate(copies)
    blocks = [np.ones((rows.size, 1))]
    for codes, inside in zip(effects, nested, strict=True):
        fresh = codes[rows] * (copies.max() + 1) + copies if inside else codes[rows]
        levels = np.unique(fresh, return_inverse=True)[1]
        blocks.append(np.eye(levels.max() + 1)[levels])
    outcome, regressors = equation
    design = np.column_stack([columns[rows][:, list(regressors)], *blocks])
    solution, *_ = np.linalg.lstsq(design, columns[rows, outcome], rcond=1e-10)
    return solution[: len(regressors)]


def check(columns, clusters, effects, reps=20, seed=5):
    grams = entity_grams(columns, clusters, effects)
    weights = draw_counts(seed_sequence(seed), clusters.max() + 1, reps)
    nested = [is_nested(codes, clusters) for codes in effects]
    got = refit(grams, weights, EQUATIONS)
    for equation, coefficients in zip(EQUATIONS, got, strict=True):
        want = [explicit(columns, clusters, w, effects, nested, equation) for w in weights]
        np.testing.assert_allclose(coefficients, want, rtol=1e-9, atol=1e-9)
    total, first, second = got
    np.testing.assert_allclose(total[:, 0], second[:, 0] + first[:, 0] * second[:, 1], rtol=0, atol=1e-12)


@pytest.mark.parametrize("keep", [1.0, 0.7], ids=["balanced", "unbalanced"])
@pytest.mark.parametrize("which", [(0, 1), (0,), (1,), ()], ids=["two-way", "entity", "time", "none"])
@pytest.mark.parametrize("seed", range(3))
def test_draws_equal_explicit_refits(seed, which, keep) -> None:
    columns, *codes = make_panel(seed, keep=keep)
    check(columns, codes[0], [codes[j] for j in which])


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
    # A chain in which no period meets all others: connected, but not through one period.
    columns, entity, time = make_panel(6, n=42, periods=8, keep=1.0)
    chain = (time - entity % 7 >= 0) & (time - entity % 7 <= 1)
    check(columns[chain], entity[chain], [entity[chain], time[chain]])


def test_full_sample_and_jackknife_weights() -> None:
    columns, entity, time = make_panel(7)
    grams = entity_grams(columns, entity, [entity, time])
    whole = refit(grams, np.ones((1, 14)), EQUATIONS)
    left_out = refit(grams, 1.0 - np.eye(14), EQUATIONS)
    for equation, one, many in zip(EQUATIONS, whole, left_out, strict=True):
        nested = [True, False]
        want = explicit(columns, entity, np.ones(14), [entity, time], nested, equation)
        np.testing.assert_allclose(one[0], want, rtol=1e-10)
        want = explicit(columns, entity, 1.0 - np.eye(14)[3], [entity, time], nested, equation)
        np.testing.assert_allclose(many[3], want, rtol=1e-10)


def test_sweeping_beforehand_changes_digits_only() -> None:
    columns, entity, time = make_panel(8)
    shifted = columns + 3.0 * np.arange(14.0)[entity][:, None] - np.arange(6.0)[time][:, None] ** 2
    for a, b in zip(
        bootstrap(
            entity_grams(columns, entity, [entity, time]), EQUATIONS, 50, seed_sequence(0)
        ).coefficients,
        bootstrap(
            entity_grams(shifted, entity, [entity, time]), EQUATIONS, 50, seed_sequence(0)
        ).coefficients,
        strict=True,
    ):
        np.testing.assert_allclose(a, b, rtol=1e-9)


def test_scale_of_columns_does_not_matter() -> None:
    columns, entity, time = make_panel(9)
    scale = np.array([1e6, 1e-7, 1e3, 1e9])
    plain = bootstrap(entity_grams(columns, entity, [entity, time]), EQUATIONS, 50, seed_sequence(0))
    scaled = bootstrap(entity_grams(columns * scale, entity, [entity, time]), EQUATIONS, 50, seed_sequence(0))
    for (outcome, regressors), a, b in zip(EQUATIONS, plain.coefficients, scaled.coefficients, strict=True):
        np.testing.assert_allclose(b, a * scale[outcome] / scale[list(regressors)], rtol=1e-9)


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
    pieces = np.concatenate([draw_counts(generator, 9, size) for size in (1, 2, 3, 27, 31)])
    np.testing.assert_array_equal(pieces, counts)
    # The drawn clusters themselves are fixed: numpy may change its streams, we may not notice otherwise.
    assert counts.var() == pytest.approx(8 / 9, abs=0.2)


def test_lost_draws_are_missing_rows_and_counted() -> None:
    columns, entity, time = make_panel(12, n=8, keep=1.0)
    columns[:, X] = (entity == 0) * (time >= 3) + 0.0  # x moves in one entity only
    grams = entity_grams(columns, entity, [entity, time])
    weights = draw_counts(seed_sequence(0), 8, 200)
    lost = weights[:, 0] == 0
    done = bootstrap(grams, EQUATIONS, 200, seed_sequence(0))
    assert done.lost == lost.sum() > 0
    for coefficients in done.coefficients:
        np.testing.assert_array_equal(np.isnan(coefficients).all(axis=1), lost)
        np.testing.assert_array_equal(np.isnan(coefficients).any(axis=1), lost)


def test_lost_draws_when_the_mediator_is_flat_or_follows_the_treatment() -> None:
    columns, entity, time = make_panel(13, n=8, keep=0.8)
    columns[:, M] = np.where(entity == 2, columns[:, M], 2.0 * columns[:, X])
    done = bootstrap(entity_grams(columns, entity, [entity, time]), EQUATIONS, 200, seed_sequence(0))
    weights = draw_counts(seed_sequence(0), 8, 200)
    np.testing.assert_array_equal(np.isnan(done.coefficients[2]).any(axis=1), weights[:, 2] == 0)
    np.testing.assert_array_equal(np.isnan(done.coefficients[0]).any(axis=1), weights[:, 2] == 0)


def test_two_effects_that_cross_the_clusters_are_refused() -> None:
    columns, entity, time = make_panel(14)
    with pytest.raises(ValueError, match="cross"):
        entity_grams(columns, (entity + time) % 5, [entity, time])


@pytest.mark.parametrize(
    "rng",
    [7, np.int64(7), 2**100 + 3, [1, 2, 3], (4, 5), np.array([6, 7]), [1, 0], np.random.SeedSequence(9)],
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
    np.testing.assert_array_equal(fresh.generate_state(4), seed_sequence(fresh.entropy).generate_state(4))
    parent = np.random.SeedSequence(3)
    first, second = (seed_sequence(child) for child in parent.spawn(2))
    assert len({first.entropy, second.entropy, parent.entropy}) == 3
    np.testing.assert_array_equal(first.generate_state(4), seed_sequence(first.entropy).generate_state(4))
    generator = np.random.Generator(np.random.PCG64(1))
    a, b = seed_sequence(generator), seed_sequence(generator)
    assert a.entropy != b.entropy
    assert a.entropy < 2**128
    assert seed_sequence(np.random.Generator(np.random.PCG64(1))).entropy == a.entropy


def test_integers_keep_numpys_own_stream() -> None:
    want = np.random.default_rng(42).random(3)
    np.testing.assert_array_equal(np.random.default_rng(seed_sequence(42)).random(3), want)


@pytest.mark.parametrize(
    "rng", ["7", 1.5, True, [1, 2.5], [], -1, [3, -1], np.random.RandomState(1), [True]], ids=repr
)
def test_seed_refusals(rng) -> None:
    with pytest.raises(InputTypeError, match="source of random numbers"):
        seed_sequence(rng)
