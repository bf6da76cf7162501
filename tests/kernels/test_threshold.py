"""Searches of thresholds against least squares, and against Hansen (1999)."""

from __future__ import annotations

import csv
import itertools
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings, strategies as st

from digiprosper.errors import CollinearityError, OptionError, ThresholdSearchError
from digiprosper.kernels import threshold as kernel
from digiprosper.kernels.slopes import Slope
from tests.kernels.threshold_oracle import (
    EFFECTS,
    Array,
    brute,
    estimate,
    panel,
    search,
    varies,
)

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "hansen1999.csv"
GOLDEN = json.loads(
    (Path(__file__).parents[1] / "reference" / "hansen1999.json").read_text(
        encoding="utf-8"
    )
)
needs_data = pytest.mark.data("hansen1999.csv")


# --- candidates -----------------------------------------------------------------------


def test_candidates_are_distinct_values_inside_the_trim() -> None:
    q = np.repeat(np.arange(10.0), 10)
    np.testing.assert_array_equal(kernel.candidates(q, [0.1]).values, np.arange(9.0))
    np.testing.assert_array_equal(
        kernel.candidates(q, [0.11]).values, np.arange(1.0, 8.0)
    )
    np.testing.assert_array_equal(
        kernel.candidates(q, [0.1], rule="<").values, np.arange(1.0, 10.0)
    )
    where = kernel.candidates(q, [0.1, 0.3])
    assert where.allowed.sum(axis=1).tolist() == [9, 5]
    free = where.open_to(1, np.array([[4]]))
    np.testing.assert_array_equal(where.values[free[0]], [])
    free = where.open_to(0, np.array([[4]]))
    np.testing.assert_array_equal(where.values[free[0]], [0, 1, 2, 3, 5, 6, 7, 8])


@pytest.mark.parametrize("rule", ["<=", "<"])
def test_a_grid_of_quantiles_has_its_ends_at_the_trim(rule: Any) -> None:
    q = np.random.default_rng(0).permutation(np.arange(100.0))
    where = kernel.candidates(q, [0.05], grid=19, rule=rule)
    assert where.values.size == 19
    assert where.cuts[0] == 5
    assert where.cuts[-1] == 95
    every = kernel.candidates(q, [0.05], rule=rule)
    assert set(where.values) <= set(every.values)


def test_hansens_grid_is_his() -> None:
    q = np.arange(1.0, 6748.0)
    where = kernel.candidates(q, [0.01], grid="hansen")
    assert where.values.size == 393
    assert where.values[0] == np.floor(0.01 * 6747)
    assert where.values[-1] == np.floor(0.99 * 6747)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("least", [1, 2, 4])
@pytest.mark.many(2)
def test_zones_leave_enough_entities_that_vary(seed: int, least: int) -> None:
    data = panel(seed, 1 + seed % 2)
    # Repeated values: seen, and without variation
    data["z"] = np.round(data["z"] / np.std(data["z"]))
    order = np.argsort(data["q"], kind="stable")
    actual = kernel.variation(data["z"], data["effects"]["entity"], order, least)
    n = order.size
    cuts = np.array([0, n // 3, n // 2, n])
    for cut, below, above in zip(cuts, *actual.zone(cuts), strict=True):
        for other in range(n + 1):
            rows = order[min(cut, other) : max(cut, other)]
            enough = varies(data, rows) >= least
            assert enough == (other <= below or other >= above)


def test_more_entities_than_there_are_cannot_vary() -> None:
    data = panel(0, 1)
    entity = data["effects"]["entity"]
    with pytest.raises(ThresholdSearchError, match="entities with variation"):
        kernel.variation(
            data["z"], entity, np.argsort(data["q"]), int(entity.max()) + 2
        )


def test_more_rows_than_any_array_has_are_refused():
    with pytest.raises(ThresholdSearchError):
        kernel.candidates(np.arange(20.0), [0.1], min_nobs=2**63)


# --- running sums of the regressors ---------------------------------------------------


def test_a_large_basis_is_made_in_its_own_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = panel(3, 2)
    small = estimate(search(data, ("entity", "time"), [0.1]), data["y"])
    monkeypatch.setattr(kernel, "_LARGE", 0)
    large = estimate(search(data, ("entity", "time"), [0.1]), data["y"])
    assert large.stages[0].at == small.stages[0].at
    np.testing.assert_allclose(large.profiles, small.profiles, rtol=1e-11)


@pytest.mark.parametrize("effects", [(), ("time",), ("entity", "time")], ids="+".join)
def test_slopes_by_level_are_columns_written_out(effects: tuple[str, ...]) -> None:
    data = panel(4, 1)
    entity = data["effects"]["entity"]
    column = np.random.default_rng(0).normal(size=entity.size) + 3.0
    where = kernel.candidates(data["q"], [0.1])
    codes = [data["effects"][name] for name in effects]
    for levels in (entity, np.zeros_like(entity)):
        plan = kernel.plan(data["z"], data["x"], where, [*codes, Slope(levels, column)])
        profile = estimate(plan, data["y"]).profiles[0]
        slopes = (levels[:, None] == np.unique(levels)) * column[:, None]
        written = {**data, "x": np.column_stack([data["x"], slopes])}
        want = [
            brute(written, effects, [g], "<=", intercept=False)
            for g in where.values.tolist()
        ]
        there = np.isfinite(profile)
        np.testing.assert_allclose(profile[there], np.array(want)[there], rtol=1e-9)


def test_slopes_that_take_too_many_numbers_are_refused() -> None:
    levels = np.arange(2**12 + 1)  # so many numbers for each of so many rows
    q = levels / levels.size
    with pytest.raises(OptionError, match="slopes by 4,097 groups"):
        kernel.plan(
            q[:, None], q[:, None], kernel.candidates(q, [0.1]), [Slope(levels, q)]
        )


def test_a_level_far_from_zero_leaves_the_residuals_their_digits() -> None:
    data = panel(4, 2)
    plan = search(data, ("entity",), [0.1])
    rows = (
        np.random.default_rng(0).integers(-9, 9, size=(3, data["y"].size)).astype(float)
    )
    np.testing.assert_allclose(
        plan.residualise(rows + 2.0**40), plan.residualise(rows), atol=1e-9
    )


def test_constant_effects_of_everything_are_harmless() -> None:
    data = panel(2, 1)
    wanted = estimate(search(data, ("entity",), [0.1]), data["y"])
    doubled = {
        **data,
        "x": np.column_stack([data["x"], data["x"][:, 0] * 2, np.ones(data["y"].size)]),
    }
    actual = estimate(search(doubled, ("entity", "region"), [0.1]), data["y"])
    np.testing.assert_allclose(actual.profiles, wanted.profiles, rtol=1e-9)


@pytest.mark.parametrize("effects", EFFECTS)
def test_a_level_added_to_a_plan_is_that_of_a_plan_with_an_intercept(
    effects: tuple[str, ...],
) -> None:
    data = panel(4, 2)
    bare = search(data, effects, [0.1, 0.1])
    added, whole = (
        kernel.with_level(bare),
        search(data, effects, [0.1, 0.1], intercept=True),
    )
    one, other = (estimate(plan, data["y"]) for plan in (added, whole))
    np.testing.assert_allclose(one.profiles, other.profiles, rtol=1e-10)
    assert [s.at for s in one.stages] == [s.at for s in other.stages]
    assert not kernel.level_is_held(added).any()


def test_where_effects_hold_the_level_the_other_columns_alone_count() -> None:
    """Entities that never change sides, but one, at the middle candidate alone."""
    data = panel(4, 2)
    entity = data["effects"]["entity"]
    data["q"] = (entity % 4).astype(float)
    first = np.flatnonzero(entity == 0)
    data["q"][first[: first.size // 2]] = 1.0
    plan = search(data, ("entity", "time"), [0.05], intercept=True)
    held = kernel.level_is_held(plan)
    assert held.tolist() == [False, True, True]
    profiles = []
    for one in (plan, kernel.without_level(plan)):
        base = kernel.open_search(one, data["y"])
        profiles.append(base.ssr[0] - kernel.drops(one, base)[0])
    profile = np.where(held, profiles[1], profiles[0])
    assert np.isinf(profiles[0][held]).all()
    want = [
        brute(data, ("entity", "time"), [g], "<=", intercept=True)
        for g in plan.candidates.values.tolist()
    ]
    np.testing.assert_allclose(profile, want, rtol=1e-9)
    assert kernel.lowest(profile) == int(np.argmin(want))


def test_a_level_that_the_columns_add_up_to_is_refused() -> None:
    data = panel(4, 2)
    data["z"] = np.column_stack([data["z"][:, 0], 5 - data["z"][:, 0]])
    with pytest.raises(CollinearityError):
        kernel.with_level(search(data, ("entity",), [0.1]))


def test_units_of_regime_columns_do_not_matter() -> None:
    block = np.random.default_rng(3).normal(size=(2, 40))
    np.testing.assert_allclose(
        kernel._whiten(1e-9 * block), kernel._whiten(block), rtol=1e-12
    )


# --- outcomes scored at every candidate -----------------------------------------------


@pytest.mark.further
@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10**6),
    k=st.integers(1, 2),
    effects=st.sampled_from(EFFECTS),
    rule=st.sampled_from(["<=", "<"]),
    intercept=st.booleans(),
    wide=st.booleans(),
)
def test_every_candidate_equals_least_squares_with_dummies(
    *,
    seed: int,
    k: int,
    effects: tuple[str, ...],
    rule: str,
    intercept: bool,
    wide: bool,
) -> None:
    data = panel(seed, k, wide=wide)
    plan = search(data, effects, [0.08], rule=rule, intercept=intercept)
    actual = estimate(plan, data["y"])
    start = brute(data, effects, [], rule, intercept=intercept)
    assert actual.stages[0].null_ssr == pytest.approx(start, rel=1e-9)
    values = plan.candidates.values
    wanted = np.array(
        [brute(data, effects, [g], rule, intercept=intercept) for g in values]
    )
    there = np.isfinite(actual.profiles[0])
    np.testing.assert_allclose(
        actual.profiles[0][there], wanted[there], atol=1e-9 * start, rtol=0
    )
    assert values[actual.stages[0].at[0]] == values[there][wanted[there].argmin()]
    block = k + intercept
    for cut in plan.candidates.cuts[~there]:
        # A value is passed over only where a regime has too few rows for its own
        # slopes.
        assert min(cut, data["q"].size - cut) <= block + len(effects)


def test_columns_of_rounding_alone_gain_nothing_and_do_not_overflow() -> None:
    k = 12
    gram = np.ones((k, k, 1, 1))
    gram[0, 0] = 1e-100
    state = SimpleNamespace(gram=gram, score=np.ones((k, 2, 1)))
    search = SimpleNamespace(squares=np.full((k, k, 1), 1e-120))
    np.testing.assert_array_equal(kernel.drops(search, state), np.full((2, 1), -np.inf))


# --- the sequential search ------------------------------------------------------------


@pytest.mark.further
@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10**6),
    k=st.integers(1, 2),
    effects=st.sampled_from(EFFECTS),
    rule=st.sampled_from(["<=", "<"]),
)
# Trims that differ could chase each other for ever
@example(seed=520, k=1, effects=("entity",), rule="<=")
@example(seed=180160, k=2, effects=(), rule="<=")
def test_two_thresholds_equal_the_same_search_by_least_squares(
    seed: int, k: int, effects: tuple[str, ...], rule: str
) -> None:
    data = panel(seed, k)
    trims = [0.1, 0.12]
    plan = search(data, effects, trims, rule=rule)
    actual = estimate(plan, data["y"])
    values, n = plan.candidates.values, data["q"].size

    def below(g: float) -> int:
        return int((data["q"] <= g).sum() if rule == "<=" else (data["q"] < g).sum())

    def best(other: list[float], trim: float) -> tuple[float, float]:
        edges = [0, n, *map(below, other)]
        free = [
            g
            for g in values
            if min(abs(below(g) - e) for e in edges) >= trim * n - 1e-9
        ]
        ssrs = [brute(data, effects, [*other, g], rule, intercept=False) for g in free]
        return free[int(np.argmin(ssrs))], min(ssrs)

    first, s1 = best([], trims[0])
    second, s2 = best([first], trims[1])
    scale = 1e-9 * actual.stages[0].null_ssr
    assert actual.stages[0].ssr == pytest.approx(s1, abs=scale)
    assert values[actual.stages[0].at[0]] == first
    assert actual.stages[1].null_ssr == pytest.approx(s1, abs=scale)
    assert actual.stages[1].ssr == pytest.approx(s2, abs=scale)
    pair, last = [first, second], s2
    while True:
        old = list(pair)
        for j in (0, 1):
            other = [pair[1 - j]]
            g, s = best(other, trims[j])
            if s < last - scale:
                pair[j], last = g, s
        if pair == old:
            break
    assert list(values[list(actual.stages[1].at)]) == pair
    np.testing.assert_allclose(actual.profiles.min(axis=1), last, atol=scale)
    assert actual.ssr == pytest.approx(last, abs=scale)


@pytest.mark.parametrize("rule", ["<=", "<"])
@pytest.mark.parametrize("effects", EFFECTS, ids="+".join)
def test_given_thresholds_need_not_be_observed(
    effects: tuple[str, ...], rule: str
) -> None:
    data = panel(3, 2)
    cuts = [0.73, -0.4]
    plan = search(data, effects, [0.05, 0.05], rule=rule, given=cuts)
    actual = estimate(plan, data["y"])
    for j, stage in enumerate(actual.stages):
        wanted = brute(data, effects, cuts[: j + 1], rule, intercept=False)
        assert stage.ssr == pytest.approx(wanted, rel=1e-9)
        assert list(plan.candidates.values[list(stage.at)]) == cuts[: j + 1]
    for j in range(2):
        there = np.flatnonzero(np.isfinite(actual.profiles[j]))
        for at in there[:: max(1, there.size // 5)]:
            pair = [plan.candidates.values[at], cuts[1 - j]]
            wanted = brute(data, effects, pair, rule, intercept=False)
            assert actual.profiles[j][at] == pytest.approx(wanted, rel=1e-9)
    low = [(data["q"] > g) if rule == "<=" else (data["q"] >= g) for g in cuts]
    np.testing.assert_array_equal(
        plan.regimes(plan.candidates.given_positions), 1 + low[0] + low[1]
    )


def test_three_thresholds_leave_less_than_two() -> None:
    data = panel(11, 1)
    actual = estimate(search(data, ("entity",), [0.08] * 3), data["y"])
    values = [actual.stages[0].null_ssr, *(s.ssr for s in actual.stages), actual.ssr]
    # The last two are one number, summed in another order.
    assert all(a >= b * (1 - 1e-13) for a, b in itertools.pairwise(values))
    at = actual.stages[2].at
    plan = search(data, ("entity",), [0.08] * 3)
    cuts = list(plan.candidates.values[list(at)])
    assert actual.ssr == pytest.approx(
        brute(data, ("entity",), cuts, "<=", intercept=False), rel=1e-9
    )
    np.testing.assert_allclose(actual.profiles.min(axis=1), actual.ssr, rtol=1e-12)


def test_three_thresholds_are_refined_one_by_one_until_none_moves() -> None:
    moves = 0
    for seed in range(4):
        data = panel(seed, 1)
        plan = search(data, ("entity",), [0.05] * 3)
        stages = estimate(plan, data["y"]).stages
        values, q = plan.candidates.values, data["q"]

        def best(
            others: list[float], data: Any = data, values: Array = values, q: Array = q
        ) -> Any:
            edges = [0, q.size, *((q <= g).sum() for g in others)]
            free = [
                g
                for g in values
                if min(abs((q <= g).sum() - e) for e in edges) >= 0.05 * q.size - 1e-9
            ]
            return min(
                (brute(data, ("entity",), [*others, g], "<=", intercept=False), g)
                for g in free
            )

        cuts = values[list(stages[1].at)].tolist()
        least, third = best(cuts)
        assert stages[2].ssr == pytest.approx(least, rel=1e-9)
        cuts.append(third)
        moved = True
        while moved:
            moved = False
            for j in range(3):
                ssr, cut = best([*cuts[:j], *cuts[j + 1 :]])
                if ssr < least * (1 - 1e-9):
                    cuts[j], least, moved = cut, ssr, True
                    moves += 1
        assert values[list(stages[2].at)].tolist() == cuts
    assert moves > 0


def test_row_order_changes_nothing() -> None:
    data = panel(5, 2)
    mixed = np.random.default_rng(0).permutation(data["y"].size)
    other = {name: data[name][mixed] for name in "yzxq"}
    other["effects"] = {name: codes[mixed] for name, codes in data["effects"].items()}
    a = estimate(search(data, ("entity", "time"), [0.05] * 2), data["y"])
    b = estimate(search(other, ("entity", "time"), [0.05] * 2), other["y"])
    assert [s.at for s in a.stages] == [s.at for s in b.stages]
    np.testing.assert_allclose(a.profiles, b.profiles, rtol=1e-12)


def test_scales_shifts_and_monotone_transforms_change_nothing() -> None:
    data = panel(8, 2)
    plan = search(data, ("entity", "time"), [0.05] * 2)
    actual = estimate(plan, data["y"])
    entity = data["effects"]["entity"]
    other = {
        **data,
        "q": np.exp(data["q"]) * 7,
        "z": data["z"] * [1e-5, 1e5],
        "x": data["x"] * 3 + entity[:, None] * 100,
        "y": 50 * data["y"] + 1e3 * entity,
    }
    again = estimate(search(other, ("entity", "time"), [0.05] * 2), other["y"])
    assert [s.at for s in actual.stages] == [s.at for s in again.stages]
    np.testing.assert_allclose(again.profiles / 2500, actual.profiles, rtol=1e-8)


def test_more_fixed_columns_than_rows_can_carry() -> None:
    data = panel(2, 1)
    rng = np.random.default_rng(0)
    data["x"] = rng.normal(size=(data["y"].size, data["y"].size + 3))
    with pytest.raises(ThresholdSearchError, match="threshold 1"):
        estimate(search(data, ("entity",), [0.1]), data["y"])


def test_no_room_is_told() -> None:
    q = np.repeat([0.0, 1.0], 20)
    with pytest.raises(ThresholdSearchError, match="no candidate"):
        kernel.candidates(np.zeros(30), [0.1])
    with pytest.raises(ThresholdSearchError, match="no candidate"):
        kernel.candidates(q, [0.51])
    with pytest.raises(ThresholdSearchError, match="without rows"):
        kernel.candidates(q, [0.1], given=[5.0])
    with pytest.raises(ThresholdSearchError, match="without rows"):
        kernel.candidates(q, [0.1, 0.1], given=[0.2, 0.3])
    data = panel(4, 1)
    with pytest.raises(ThresholdSearchError, match="threshold 2"):
        estimate(search(data, ("entity",), [0.4, 0.4]), data["y"])
    with pytest.raises(CollinearityError, match="combinations"):
        search(
            {**data, "z": np.column_stack([data["z"], 2 * data["z"]])},
            ("entity",),
            [0.1],
        )
    with pytest.raises(CollinearityError, match="zero"):
        search({**data, "z": np.zeros_like(data["z"])}, ("entity",), [0.1])


@pytest.mark.parametrize("effects", [(), ("entity",), ("entity", "time")], ids="+".join)
@pytest.mark.parametrize("least", [0, 3])
@pytest.mark.many(1)
def test_the_best_of_all_pairs_equals_least_squares(
    effects: tuple[str, ...], least: int
) -> None:
    for seed in range(4):
        data = panel(seed, 1 + seed % 2)
        order = np.argsort(data["q"], kind="stable")
        varying = (
            kernel.variation(data["z"], data["effects"]["entity"], order, least)
            if least
            else None
        )
        plan = search(data, effects, [0.15], varying=varying)
        pair, actual = kernel.least_pair(plan, kernel.open_search(plan, data["y"]))
        n, values = data["q"].size, np.unique(data["q"])
        sums = {}
        for low, high in itertools.combinations(values, 2):
            edges = [0, (data["q"] <= low).sum(), (data["q"] <= high).sum(), n]
            parts = [order[a:b] for a, b in itertools.pairwise(edges)]
            room = min(len(part) for part in parts) >= 0.15 * n - 1e-9
            if room and min(varies(data, part) for part in parts) >= least:
                sums[float(low), float(high)] = brute(
                    data, effects, [low, high], "<=", intercept=False
                )
        best = min(sums, key=lambda cuts: sums[cuts])
        assert actual == pytest.approx(sums[best], rel=1e-9)
        assert sorted(plan.candidates.values[list(pair)]) == list(best)
        alone = [
            brute(data, effects, [plan.candidates.values[j]], "<=", intercept=False)
            for j in pair
        ]
        assert alone[0] <= alone[1] * (1 + 1e-12)


def test_a_fit_is_split_into_what_thresholds_explain_and_the_rest() -> None:
    data = panel(3, 2)
    plan = search(data, ("entity",), [0.1] * 2)
    order, at = plan.candidates.order, [5, 12]
    cuts = plan.candidates.values[at].tolist()
    for chosen in ([], at[:1], at):
        fit, rest = kernel.split(plan, data["y"], chosen)
        expected = brute(data, ("entity",), cuts[: len(chosen)], "<=", intercept=False)
        assert rest @ rest == pytest.approx(expected, rel=1e-9)
        assert fit @ rest == pytest.approx(0.0, abs=1e-9 * (rest @ rest))
        np.testing.assert_allclose(
            fit + rest, plan.residualise(data["y"][order][None])[0], atol=1e-9
        )


def test_pairs_without_room_are_told() -> None:
    data = panel(4, 1)
    plan = search(data, ("entity",), [0.4])
    with pytest.raises(ThresholdSearchError, match="no pair"):
        kernel.least_pair(plan, kernel.open_search(plan, data["y"]))


# --- Hansen (1999) --------------------------------------------------------------------


def hansen() -> dict[str, Array]:
    with DATA.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    out = {name: np.array([float(r[name]) for r in rows]) for name in rows[0]}
    out["entity"] = np.unique(out["id"], return_inverse=True)[1]
    out["x"] = np.column_stack([out[c] for c in ("q1", "q2", "q3", "d1", "qd1")])
    return out


def closes(value: float, number: dict[str, Any]) -> bool:
    return bool(abs(value - number["value"]) <= number["tolerance"])


@needs_data
@pytest.mark.parametrize("case", GOLDEN["cases"]["own"], ids=lambda c: c["name"])
def test_hansens_data_under_our_convention(case: dict[str, Any]) -> None:
    data = hansen()
    where = kernel.candidates(data["d1"], [0.01, 0.01])
    actual = estimate(
        kernel.plan(data["c1"][:, None], data["x"], where, [data["entity"]]), data["i"]
    )
    at = where.values[list(actual.stages[1].at)]
    values = {
        "S0": actual.stages[0].null_ssr,
        "S1": actual.stages[0].ssr,
        "S2": actual.stages[1].ssr,
        "g1": at[0],
        "g2": at[1],
        "F1": (actual.stages[0].null_ssr / actual.stages[0].ssr - 1) * (7910 - 565),
    }
    assert closes(values[case["name"]], case)


@needs_data
def test_hansens_printed_column_with_the_last_demeaned_period_dropped() -> None:
    data = hansen()
    n, periods = 565, 14
    dd = np.unique(data["d1"])
    grid = dd[np.floor((0.01 + np.arange(393) / 400) * dd.size + 1e-9).astype(int) - 1]

    def within(a: Array) -> Array:
        cube = a.reshape(n, periods, -1)
        return (cube - cube.mean(axis=1, keepdims=True))[:, :-1].reshape(
            n * (periods - 1), -1
        )

    y, z, q = within(data["i"])[:, 0], data["c1"], data["d1"]
    base, _ = np.linalg.qr(within(np.column_stack([data["x"], z])))

    def profile(fixed: list[float]) -> Array:
        columns = [within(z * (q < g)) for g in fixed]
        c, _ = np.linalg.qr(np.column_stack([base, *columns]))
        r = y - c @ (c.T @ y)
        block = within(z[:, None] * (q[:, None] < grid))
        block -= c @ (c.T @ block)
        norm = np.einsum("ij,ij->j", block, block)
        s = r @ r - (block.T @ r) ** 2 / np.where(norm > 1e-12, norm, np.inf)
        return np.array([r @ r, *s])

    def best_of(fixed: list[float], trim: float) -> tuple[float, float, float]:
        s = profile(fixed)
        at = [int(np.argmin(np.abs(grid - g))) for g in fixed]
        zone = 400 * trim
        open_ = np.array([all(abs(j - a) > zone for a in at) for j in range(grid.size)])
        ssrs = np.where(open_, s[1:], np.inf)
        return s[0], float(ssrs.min()), float(grid[ssrs.argmin()])

    df = n * (periods - 1)
    s0, s1, g1 = best_of([], 0.01)
    _, s2, g2 = best_of([g1], 0.01)
    _, _, g1 = best_of([g2], 0.01)
    null, s3, g3 = best_of([g1, g2], 0.05)
    values = {"S0": s0, "S1": s1, "S2": s2, "S3": s3, "g1": g1, "g2": g2, "g3": g3}
    values |= {
        "F1": (s0 / s1 - 1) * df,
        "F2": (s1 / s2 - 1) * df,
        "F3": (null / s3 - 1) * df,
    }
    for number in GOLDEN["cases"]["gauss"]:
        assert closes(values[number["name"]], number), (number, values[number["name"]])


@needs_data
def test_printed_thresholds_of_wang_give_his_sums_of_squares_and_statistics() -> None:
    data = hansen()
    where = kernel.candidates(
        data["d1"], [0.01, 0.01], rule="<", given=[0.0154, 0.54181]
    )
    actual = estimate(
        kernel.plan(data["c1"][:, None], data["x"], where, [data["entity"]]), data["i"]
    )
    first, second = actual.stages
    df = 14 * (565 - 1)
    values = {
        "S0": first.null_ssr,
        "S1": first.ssr,
        "S2": second.ssr,
        "F1": (first.null_ssr / first.ssr - 1) * df,
        "F2": (first.ssr / second.ssr - 1) * df,
        "below": int(where.cuts[where.given_positions[0]]),
    }
    for number in GOLDEN["cases"]["xthreg"]:
        assert closes(values[number["name"]], number), (number, values[number["name"]])
