"""Demeaning equals dummy-variable least squares on any panel; the rank is right.

The panel may have every shape.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st

from digiprosper.errors import IdentificationError
from digiprosper.kernels import within as module
from digiprosper.kernels.slopes import Slope
from digiprosper.kernels.within import compress, is_nested, not_singletons, within


def dummies(effects: list[np.ndarray]) -> np.ndarray:
    return np.hstack(
        [(e[:, None] == np.arange(e.max() + 1)).astype(float) for e in effects]
    )


def brute(
    effects: list[np.ndarray], columns: np.ndarray, w: np.ndarray | None = None
) -> np.ndarray:
    d = dummies(effects)
    root = np.ones(len(columns)) if w is None else np.sqrt(w)
    solution = np.linalg.lstsq(d * root[:, None], columns * root[:, None], rcond=1e-10)[
        0
    ]
    return columns - d @ solution


def draw_codes(rng: np.random.Generator, n: int, sizes: list[int]) -> list[np.ndarray]:
    out = [compress(rng.integers(0, size, n).astype(np.intp))[0] for size in sizes]
    out[0] = np.sort(out[0])
    return out


@st.composite
def problems(draw: st.DrawFn) -> tuple[list[np.ndarray], np.ndarray, np.ndarray | None]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.integers(6, 90))
    sizes = draw(st.lists(st.integers(1, 14), min_size=1, max_size=3))
    effects = draw_codes(rng, n, sizes)
    # Blocks that share no level: several components
    if draw(st.booleans()) and len(effects) > 1:
        half = np.arange(n) >= n // 2
        effects = [compress(np.where(half, e + e.max() + 1, e))[0] for e in effects]
    if draw(st.booleans()):  # rows in no order at all
        order = rng.permutation(n)
        effects = [e[order] for e in effects]
    w = rng.uniform(0.1, 5, n) if draw(st.booleans()) else None
    return effects, rng.normal(size=(n, 3)) * [1, 1e-3, 1e4] + [0, 5, -1e3], w


@settings(max_examples=250, deadline=None)
@given(problems())
def test_demean_and_rank_equal_the_dummies(problem: tuple) -> None:
    effects, columns, w = problem
    how = within(effects, len(columns), obs_weights=w)
    scale = np.abs(columns).max(axis=0)
    np.testing.assert_allclose(
        how.demean(columns) / scale, brute(effects, columns, w) / scale, atol=1e-9
    )
    assert how.rank == np.linalg.matrix_rank(dummies(effects), rtol=1e-10)


@settings(max_examples=80, deadline=None)
@given(problems())
def test_decompose_gives_back_the_column(problem: tuple) -> None:
    effects, columns, w = problem
    how = within(effects, len(columns), obs_weights=w)
    rest, values = how.decompose(columns[:, 0])
    total = rest + sum(v[e] for v, e in zip(values, effects, strict=True))
    np.testing.assert_allclose(total, columns[:, 0], atol=1e-10)
    np.testing.assert_allclose(rest, brute(effects, columns[:, :1], w)[:, 0], atol=1e-9)
    for later in values[1:]:
        assert later.mean() == pytest.approx(0, abs=1e-10)


@settings(max_examples=60, deadline=None)
@given(problems())
def test_conjugate_gradients_equal_the_dense_solve(problem: tuple) -> None:
    effects, columns, w = problem
    if len(effects) == 1:
        return
    dense = within(effects, len(columns), obs_weights=w)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_DENSE", 0)
        large = within(effects, len(columns), obs_weights=w)
    assert large._inverse is None
    scale = np.abs(columns).max(axis=0)
    np.testing.assert_allclose(
        large.demean(columns) / scale, dense.demean(columns) / scale, atol=1e-9
    )
    assert large.rank >= dense.rank
    if len(effects) == 2:
        assert large.rank == dense.rank


def test_many_levels_take_the_iterative_path_and_agree() -> None:
    rng = np.random.default_rng(5)
    n = 9000
    effects = draw_codes(rng, n, [2500, 1800])
    x = rng.normal(size=(n, 2)) + rng.normal(size=2500)[effects[0] % 2500, None]
    how = within(effects, n)
    assert how._inverse is None
    demeaned = how.demean(x)
    for e in effects:
        for j in range(2):
            assert np.abs(np.bincount(e, demeaned[:, j])).max() < 1e-9
    again = how.demean(demeaned)
    np.testing.assert_allclose(again, demeaned, atol=1e-10)


def test_a_chain_is_slow_for_projections_and_still_exact() -> None:
    # Movers one by one along a line: alternating projections crawl here.
    size = 300
    first = np.repeat(np.arange(size), 2)
    second = np.clip(first + np.tile([0, 1], size), 0, size - 1)
    rng = np.random.default_rng(6)
    x = rng.normal(size=(2 * size, 1))
    codes = [first.astype(np.intp), compress(second.astype(np.intp))[0]]
    expected = brute(codes, x)
    np.testing.assert_allclose(within(codes, 2 * size).demean(x), expected, atol=1e-9)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_DENSE", 0)
        np.testing.assert_allclose(
            within(codes, 2 * size).demean(x), expected, atol=1e-9
        )


def test_no_effects_take_out_the_mean() -> None:
    x = np.random.default_rng(0).normal(size=(20, 2)) + 3
    w = np.random.default_rng(1).uniform(1, 2, 20)
    assert within([], 20).rank == 1
    np.testing.assert_allclose(within([], 20).demean(x), x - x.mean(axis=0), atol=1e-14)
    np.testing.assert_allclose(
        within([], 20, obs_weights=w).demean(x),
        x - np.average(x, axis=0, weights=w),
        atol=1e-13,
    )


def test_one_column_keeps_its_shape() -> None:
    effects = draw_codes(np.random.default_rng(0), 30, [5, 4])
    x = np.random.default_rng(2).normal(size=(30, 2))
    how = within(effects, 30)
    assert how.demean(x[:, 0]).shape == (30,)
    np.testing.assert_allclose(how.demean(x[:, 0]), how.demean(x)[:, 0], atol=1e-13)


def test_unbalanced_two_way_is_not_the_closed_form() -> None:
    i, t = np.divmod(np.arange(40), 8)
    keep = np.random.default_rng(4).random(40) > 0.3
    i, t = compress(i[keep].astype(np.intp))[0], compress(t[keep].astype(np.intp))[0]
    x = np.random.default_rng(5).normal(size=(keep.sum(), 1)) + i[:, None]

    def means(codes: np.ndarray) -> np.ndarray:
        return (np.bincount(codes, x[:, 0]) / np.bincount(codes))[codes][:, None]

    naive = x - means(i) - means(t) + x.mean()
    demeaned = within([i, t], x.size).demean(x)
    assert np.abs(demeaned - naive).max() > 1e-3
    np.testing.assert_allclose(demeaned, brute([i, t], x), atol=1e-12)


def test_levels_that_dwarf_the_variation_are_demeaned_clean() -> None:
    effects = draw_codes(np.random.default_rng(7), 200, [20, 10])
    x = np.random.default_rng(8).normal(size=(200, 1))
    how = within(effects, 200)
    big = x + 1e8 + 1e6 * effects[0][:, None]
    np.testing.assert_allclose(how.demean(big), how.demean(x), atol=1e-6)


def test_input_is_not_written_to() -> None:
    effects = draw_codes(np.random.default_rng(0), 30, [5, 4])
    x = np.random.default_rng(2).normal(size=(30, 2))
    before = x.copy()
    within(effects, 30).demean(x)
    np.testing.assert_array_equal(x, before)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 60))
def test_singletons_leave_repeatedly_as_a_plain_loop_says(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    effects = [
        rng.integers(0, max(n // 2, 1), n).astype(np.intp)
        for _ in range(rng.integers(1, 4))
    ]
    rows = set(range(n))
    while True:
        alone = {
            r
            for r in rows
            if any(sum(e[q] == e[r] for q in rows) == 1 for e in effects)
        }
        if not alone:
            break
        rows -= alone
    np.testing.assert_array_equal(np.flatnonzero(not_singletons(effects)), sorted(rows))


def test_compress_and_nesting() -> None:
    codes, levels = compress(np.array([5, 2, 2, 9], dtype=np.intp))
    assert (codes.tolist(), levels) == ([1, 0, 0, 2], 3)
    city = np.array([0, 0, 1, 1, 2, 2], dtype=np.intp)
    region = np.array([0, 0, 0, 0, 1, 1], dtype=np.intp)
    assert is_nested(city, region)
    assert not is_nested(region, city)
    assert is_nested(city, city.copy())


@settings(max_examples=60, deadline=None)
@given(problems())
def test_deviations_take_out_one_effect(problem: tuple) -> None:
    effects, columns, w = problem
    how = within(effects, len(columns), obs_weights=w)
    for position, effect in enumerate(effects):
        expected = brute([effect], columns[:, :1], w)[:, 0]
        np.testing.assert_allclose(
            how.deviations(columns[:, 0], position), expected, atol=1e-10
        )


def test_hopelessly_loose_effects_are_refused_not_fudged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    size = 300
    first = np.repeat(np.arange(size), 2).astype(np.intp)
    second = np.clip(first + np.tile([0, 1], size), 0, size - 1).astype(np.intp)
    monkeypatch.setattr(module, "_DENSE", 0)
    monkeypatch.setattr(module, "_ITERATIONS", 5)
    with pytest.raises(IdentificationError, match="absorb fewer"):
        within([first, second], 2 * size).demean(
            np.random.default_rng(0).normal(size=2 * size)
        )


def test_nested_effects_add_no_rank_on_the_large_path(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Year inside industry-year adds nothing, however dummies are solved for."""
    rng = np.random.default_rng(0)
    entity, year = np.repeat(np.arange(40), 6), np.tile(np.arange(6), 40)
    industry = rng.integers(0, 7, 240)
    cross, _ = module.compress(industry * 6 + year)
    for effects in (
        [entity, year, cross],
        [entity, cross, year],
        [cross, entity],
        [year, cross],
    ):
        monkeypatch.undo()
        dense = module.within(effects, 240).rank
        monkeypatch.setattr(module, "_DENSE", 0)
        assert module.within(effects, 240).rank == dense


@pytest.mark.many(1)
@pytest.mark.parametrize(("levels", "exact"), [(1198, True), (1199, False)])
def test_the_rank_is_exact_up_to_1_200_dummies_besides_the_largest_effect(
    levels, exact
):
    entity, time = np.repeat(np.arange(1300), 2), np.tile([0, 1], 1300)
    third = np.random.default_rng(0).permutation(2600) % levels
    actual = within([entity, time, third], 2600)
    assert actual.exact == exact
    assert actual.rank == 1300 + 1 + levels - 1 or not exact


@pytest.mark.parametrize(
    ("others", "rank", "exact"),
    [
        (lambda entity, x: [entity // 2], 2600, True),
        (lambda entity, x: [Slope(entity // 2, x)], 3900, False),
    ],
)
def test_many_levels_beside_one_constant_effect(others, rank, exact):
    """Levels nested in entities add no rank, surely; slopes might: a bound."""
    entity = np.repeat(np.arange(2600), 2)
    x = np.random.default_rng(0).normal(size=entity.size)
    absorbed = within([entity, *others(entity, x)], entity.size)
    assert (absorbed.rank, absorbed.exact) == (rank, exact)


# --- slopes by level ------------------------------------------------------------------


def joined(effects: list[np.ndarray], slopes: list[np.ndarray | None]) -> list:
    return [
        e if s is None else Slope(e, s) for e, s in zip(effects, slopes, strict=True)
    ]


def written_out(
    effects: list[np.ndarray], slopes: list[np.ndarray | None]
) -> np.ndarray:
    """All dummies, times the slopes' columns."""
    parts = []
    for codes, slope in zip(effects, slopes, strict=True):
        dummy = (codes[:, None] == np.arange(codes.max() + 1)).astype(float)
        parts.append(dummy if slope is None else dummy * slope[:, None])
    return np.hstack(parts)


def orthonormal(design: np.ndarray, w: np.ndarray | None = None) -> np.ndarray:
    root = np.ones(len(design)) if w is None else np.sqrt(w)
    scaled = design * root[:, None]
    norms = np.linalg.norm(scaled, axis=0)
    u, values, _ = np.linalg.svd(
        scaled[:, norms > 0] / norms[norms > 0], full_matrices=False
    )
    return u[:, values > 1e-9 * values[0]]


def spectrum(design: np.ndarray, w: np.ndarray | None = None) -> np.ndarray:
    """Singular values of the columns scaled to unit length, over the largest."""
    scaled = design * (np.ones(len(design)) if w is None else np.sqrt(w))[:, None]
    norms = np.linalg.norm(scaled, axis=0)
    values = np.linalg.svd(scaled[:, norms > 0] / norms[norms > 0], compute_uv=False)
    return values / values[0]


def demeaned_of(
    design: np.ndarray, columns: np.ndarray, w: np.ndarray | None = None
) -> np.ndarray:
    root = np.ones(len(columns))[:, None] if w is None else np.sqrt(w)[:, None]
    basis = orthonormal(design, w)
    left = columns * root
    for _ in range(2):
        left = left - basis @ (basis.T @ left)
    return left / root


@st.composite
def slope_problems(draw: st.DrawFn) -> tuple:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.integers(8, 90))
    sizes = draw(st.lists(st.integers(1, 12), min_size=1, max_size=3))
    plain = draw_codes(rng, n, sizes)
    effects, slopes = list(plain), [None] * len(plain)
    if draw(st.booleans()) and len(plain) > 1:  # the first has slopes only
        effects, slopes = effects[1:], slopes[1:]
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(plain) - 1))
        kind = draw(st.integers(0, 3))
        column = [
            rng.normal(size=n),
            rng.integers(0, 3, n).astype(float),
            np.where(rng.random(n) < 0.5, 0.0, rng.normal(size=n)),
            np.arange(n) % 7 - 3.0,
        ][kind]
        place = draw(st.integers(0, len(effects)))
        effects.insert(place, plain[at])
        slopes.insert(place, column)
    w = rng.uniform(0.1, 5, n) if draw(st.booleans()) else None
    return effects, slopes, rng.normal(size=(n, 3)) * [1, 1e-3, 1e4] + [0, 5, -1e3], w


@pytest.mark.further
@settings(max_examples=400, deadline=None)
@given(slope_problems())
def test_slopes_are_demeaned_as_dummies_times_columns(problem: tuple) -> None:
    effects, slopes, columns, w = problem
    design = written_out(effects, slopes)
    how = within(joined(effects, slopes), len(columns), obs_weights=w)
    scale = np.abs(columns).max(axis=0)
    expected = demeaned_of(design, columns, w)
    np.testing.assert_allclose(how.demean(columns) / scale, expected / scale, atol=1e-9)
    assert how.rank == orthonormal(design, w).shape[1]

    rest, values = how.decompose(columns)
    np.testing.assert_array_equal(rest, how.demean(columns))
    parts = zip(values, effects, slopes, strict=True)
    total = rest + sum(v[e] * (1 if s is None else s[:, None]) for v, e, s in parts)
    np.testing.assert_allclose(total / scale, columns / scale, atol=1e-8)


@pytest.mark.further
@settings(max_examples=100, deadline=None)
@given(slope_problems())
def test_slopes_by_conjugate_gradients_equal_the_dense_solve(problem: tuple) -> None:
    effects, slopes, columns, w = problem
    dense = within(joined(effects, slopes), len(columns), obs_weights=w)
    if dense.rank > 0.7 * len(columns):
        # Hardly a row is left: what the others tell of a slope is rounding, which is
        # refused
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_DENSE", 0)
        large = within(joined(effects, slopes), len(columns), obs_weights=w)
    scale = np.abs(columns).max(axis=0)
    np.testing.assert_allclose(
        large.demean(columns) / scale, dense.demean(columns) / scale, atol=1e-9
    )
    assert large.rank >= dense.rank
    assert not large.exact or large.rank == dense.rank


@settings(max_examples=150, deadline=None)
@given(slope_problems())
def test_leverage_with_slopes_is_that_of_everything_written_out(problem: tuple) -> None:
    effects, slopes, columns, w = problem
    design = written_out(effects, slopes)
    values = spectrum(design, w)
    # Between these bounds it is a convention whether a direction counts as null.
    assume(not ((values > 1e-9) & (values < 1e-4)).any())
    how = within(joined(effects, slopes), len(columns), obs_weights=w)
    basis = orthonormal(design, w)
    actual = how.leverage(len(columns))
    # Products are rounded at 1e-16, and their inverse multiplies that by the squared
    # condition number.
    tolerance = max(1e-9, 1e-14 / values[values > 1e-9].min() ** 2)
    np.testing.assert_allclose(
        actual, np.einsum("ij,ij->i", basis, basis), atol=tolerance
    )
    assert actual.sum() == pytest.approx(how.rank, abs=10 * tolerance)


def flows(countries: int, periods: int, seed: int) -> tuple[list[np.ndarray], Any]:
    """Effects of a table of flows, and weights as unequal as its fitted means."""
    rng = np.random.default_rng(seed)
    grid = np.meshgrid(*map(np.arange, (countries, countries, periods)), indexing="ij")
    exporter, importer, year = (part.ravel() for part in grid)
    keep = rng.uniform(size=exporter.size) < 0.9
    codes = (
        exporter * countries + importer,
        exporter * periods + year,
        importer * periods + year,
    )
    size = rng.normal(0, 2, (2, countries))
    domestic = 6.0 * (exporter == importer)
    weights = np.exp(size[0, exporter] + size[1, importer] + domestic)
    return [compress(code[keep])[0] for code in codes], weights[keep]


@pytest.mark.parametrize("seed", range(4))
def test_conjugate_gradients_are_exact_where_values_are_large_and_weights_small(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a Poisson regression has them: working responses of small means are large."""
    effects, weights = flows(12, 8, seed)
    columns = np.random.default_rng(seed).normal(size=(weights.size, 2))
    columns[:, 1] /= weights
    expected = within(effects, weights.size, obs_weights=weights).demean(columns)
    monkeypatch.setattr(module, "_DENSE", 0)
    large = within(effects, weights.size, obs_weights=weights)
    gaps = weights @ np.square(large.demean(columns) - expected)
    assert large._inverse is None
    assert (gaps < 1e-12**2 * (weights @ np.square(expected))).all()


def test_iterations_that_go_astray_end_where_the_rest_was_shortest() -> None:
    """A part of the right-hand side outside the range does not spoil the solution."""
    effects, weights = flows(12, 8, 1)
    table = dummies(effects)
    main = effects[0].max() + 1
    products = table.T @ (table * weights[:, None])
    cross, gram = products[:main, main:], products[main:, main:]
    main_counts, counts = (np.diag(part) for part in (products[:main, :main], gram))
    system = gram - cross.T @ (cross / main_counts[:, None])
    scale = np.sqrt(counts)
    values, vectors = np.linalg.eigh(system / scale[:, None] / scale)
    outside = scale * (vectors[:, values < 1e-10].sum(axis=1))
    right = system @ np.random.default_rng(1).normal(size=counts.size)
    size = np.array([np.square(right / scale).sum()])
    shifted = right + 1e-13 * np.sqrt(size) * outside
    solution = module.conjugate_gradients(
        shifted[:, None],
        size,
        gram=gram,
        cross=cross,
        main_counts=main_counts,
        counts=counts,
    )
    rest = (system @ solution[:, 0] - right) / scale
    assert np.linalg.norm(rest) < 1e-11 * np.sqrt(size[0])
