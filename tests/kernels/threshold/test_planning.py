"""Running sums of the regressors: a basis in its own memory, effects of everything, levels of a regime."""

from __future__ import annotations

import numpy as np
import pytest

from digiprosper.errors import CollinearityError, OptionError
from digiprosper.kernels import threshold as kernel
from digiprosper.kernels.slopes import Slope
from digiprosper.kernels.threshold import planning
from tests.kernels.threshold.threshold_oracle import (
    EFFECTS,
    brute,
    estimate,
    panel,
    search,
)


def test_a_large_basis_is_made_in_its_own_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    data = panel(3, 2)
    small = estimate(search(data, ("entity", "time"), [0.1]), data["y"])
    monkeypatch.setattr(planning, "_LARGE", 0)
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
        want = [brute(written, effects, [g], "<=", intercept=False) for g in where.values.tolist()]
        there = np.isfinite(profile)
        np.testing.assert_allclose(profile[there], np.array(want)[there], rtol=1e-9)


def test_slopes_that_take_too_many_numbers_are_refused() -> None:
    levels = np.arange(2**12 + 1)  # so many numbers for each of so many rows
    q = levels / levels.size
    with pytest.raises(OptionError, match="slopes by 4,097 groups"):
        kernel.plan(q[:, None], q[:, None], kernel.candidates(q, [0.1]), [Slope(levels, q)])


def test_a_level_far_from_zero_leaves_the_residuals_their_digits() -> None:
    data = panel(4, 2)
    plan = search(data, ("entity",), [0.1])
    rows = np.random.default_rng(0).integers(-9, 9, size=(3, data["y"].size)).astype(float)
    np.testing.assert_allclose(plan.residualise(rows + 2.0**40), plan.residualise(rows), atol=1e-9)


def test_constant_effects_of_everything_are_harmless() -> None:
    data = panel(2, 1)
    wanted = estimate(search(data, ("entity",), [0.1]), data["y"])
    doubled = {**data, "x": np.column_stack([data["x"], data["x"][:, 0] * 2, np.ones(data["y"].size)])}
    found = estimate(search(doubled, ("entity", "region"), [0.1]), data["y"])
    np.testing.assert_allclose(found.profiles, wanted.profiles, rtol=1e-9)


@pytest.mark.parametrize("effects", EFFECTS)
def test_a_level_added_to_a_plan_is_that_of_a_plan_with_an_intercept(effects: tuple[str, ...]) -> None:
    data = panel(4, 2)
    bare = search(data, effects, [0.1, 0.1])
    added, whole = kernel.with_level(bare), search(data, effects, [0.1, 0.1], intercept=True)
    one, other = (estimate(plan, data["y"]) for plan in (added, whole))
    np.testing.assert_allclose(one.profiles, other.profiles, rtol=1e-10)
    assert [s.at for s in one.stages] == [s.at for s in other.stages]
    assert not kernel.level_is_held(added).any()


def test_where_effects_hold_the_level_the_other_columns_alone_count() -> None:
    """Entities that never change sides but one, which does at the middle candidate alone."""
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
        brute(data, ("entity", "time"), [g], "<=", intercept=True) for g in plan.candidates.values.tolist()
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
    np.testing.assert_allclose(planning._whiten(1e-9 * block), planning._whiten(block), rtol=1e-12)
