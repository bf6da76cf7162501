"""Every draw against an explicit refit of the same outcome."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pytest

from digiprosper.errors import ThresholdSearchError
from digiprosper.kernels import threshold as kernel
from digiprosper.threshold.kernels import draws

if TYPE_CHECKING:
    from collections.abc import Sequence

Array = npt.NDArray[Any]
EFFECTS: list[tuple[str, ...]] = [(), ("entity",), ("time",), ("entity", "time")]


def estimate(plan: kernel.Plan, outcome: Array) -> SimpleNamespace:
    """Find as many thresholds as there are trims, or take those given."""
    where, base = plan.candidates, kernel.open_search(plan, outcome)
    stages, at = list[kernel.Stage](), ()
    for _ in where.given_positions or where.need:
        stage = kernel.stage(plan, base, at)
        if stage is None:
            raise ThresholdSearchError(f"threshold {len(stages) + 1}")
        stages.append(stage)
        at = stage.at
    profiles, ssr = kernel.finish(plan, base, at)
    return SimpleNamespace(stages=tuple(stages), profiles=profiles, ssr=ssr)


def panel(
    seed: int, *, balanced: bool, n: int = 14, periods: int = 6, k: int = 1
) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    entity, time = (
        a.ravel() for a in np.meshgrid(np.arange(n), np.arange(periods), indexing="ij")
    )
    if not balanced:
        keep = (rng.random(entity.size) > 0.2) | (time < 2)
        entity, time = entity[keep], time[keep]
    size = entity.size
    q = np.round(rng.normal(size=size), 1)
    z = rng.normal(size=(size, k)) + 1
    x = rng.normal(size=(size, 1)) + entity[:, None]
    y = (
        x[:, 0]
        + z.sum(axis=1) * np.where(q <= 0, 0.4, 1.0)
        + rng.normal(size=size) * (1 + np.abs(z[:, 0]))
    )
    y = y + rng.normal(size=n)[entity] + rng.normal(size=periods)[time]
    return {
        "y": y,
        "z": z,
        "x": x,
        "q": q,
        "entity": entity,
        "time": time,
        "region": entity % 4,
    }


def dummies(data: dict[str, Any], effects: Sequence[str]) -> Array:
    parts = [
        np.ones((data["y"].size, 1)),
        *((data[e][:, None] == np.unique(data[e])) * 1.0 for e in effects),
    ]
    return np.column_stack(parts)


def fit(
    data: dict[str, Any], effects: Sequence[str], y: Array, cuts: Sequence[float]
) -> tuple[float, Array]:
    low = [data["z"] * (data["q"][:, None] <= g) for g in cuts]
    full = np.column_stack([dummies(data, effects), data["x"], data["z"], *low])
    beta, *_ = np.linalg.lstsq(full, y, rcond=1e-11)
    return float(((y - full @ beta) ** 2).sum()), full @ beta


def searched(
    data: dict[str, Any], effects: Sequence[str], y: Array, trims: Sequence[float]
) -> float:
    """Search thresholds one by one by least squares, and take the last ratio.

    There is no refinement.
    """
    q, cuts = data["q"], list[float]()
    ssrs = [fit(data, effects, y, [])[0]]
    for trim in trims:
        edges = [0, q.size, *((q <= g).sum() for g in cuts)]
        need = trim * q.size - 1e-9
        free = [
            g
            for g in np.unique(q)
            if min(abs((q <= g).sum() - e) for e in edges) >= need
        ]
        actual = [fit(data, effects, y, [*cuts, g])[0] for g in free]
        cuts.append(free[int(np.argmin(actual))])
        ssrs.append(min(actual))
    return ssrs[-2] / ssrs[-1] - 1


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("effects", EFFECTS, ids="+".join)
@pytest.mark.parametrize(
    ("name", "codes", "balanced"),
    [
        ("wild_cluster", "entity", True),
        ("wild_cluster", "entity", False),
        ("wild_cluster", "region", False),
        ("wild_cluster", "time", False),
        ("hansen", "entity", True),
        ("iid", "entity", True),
        ("iid", "entity", False),
    ],
)
@pytest.mark.many(5)
def test_twenty_draws_equal_refits(
    *, name: Any, codes: str, balanced: bool, effects: tuple[str, ...], count: int
) -> None:
    data = panel(count + 10 * balanced, balanced=balanced, k=1 + (codes == "region"))
    trims = [0.12, 0.1][:count]
    where = kernel.candidates(data["q"], trims)
    plan = kernel.plan(data["z"], data["x"], where, [data[e] for e in effects])
    null_at = estimate(plan, data["y"]).stages[count - 2].at if count > 1 else ()
    which = draws.scheme(name, plan, data[codes])
    ratios = draws.drawn_ratios(
        plan, which, data["y"], null_at, np.random.default_rng(7), reps=20
    )

    _, fitted = fit(data, effects, data["y"], list(where.values[list(null_at)]))
    residual = data["y"] - fitted
    _, ranked = kernel.split(plan, data["y"], null_at)
    np.testing.assert_allclose(ranked, residual[where.order], atol=1e-11)
    uniforms = np.random.default_rng(7).random((20, which.size))
    for draw, ratio in zip(
        draws.residual_draws(which, ranked, uniforms), ratios, strict=True
    ):
        drawn = np.empty_like(residual)
        drawn[where.order] = draw
        assert ratio == pytest.approx(
            searched(data, effects, fitted + drawn, trims), rel=1e-9
        )


def test_wild_draws_have_one_sign_a_cluster() -> None:
    data = panel(0, balanced=False, n=20)
    plan = kernel.plan(
        data["z"], data["x"], kernel.candidates(data["q"], [0.1]), [data["entity"]]
    )
    residual = np.ones(data["y"].size)
    uniforms = np.random.default_rng(0).random((4000, 20))
    many = draws.residual_draws(
        draws.scheme("wild_cluster", plan, data["entity"]), residual, uniforms
    )
    assert set(np.unique(many)) == {-1.0, 1.0}
    ranked = data["entity"][plan.candidates.order]
    assert all(np.ptp(many[:, ranked == i], axis=1).max() == 0 for i in range(20))
    assert abs(many.mean()) < 0.02
    few = draws.residual_draws(
        draws.scheme("wild_cluster", plan, data["region"]), residual, uniforms[:, :4]
    )
    np.testing.assert_allclose(np.unique(few) ** 2, [1.5, 1, 0.5, 0.5, 1, 1.5])
    assert abs((few**2).mean() - 1) < 0.02


@pytest.mark.parametrize(("clusters", "points"), [(12, 6), (13, 2)])
def test_up_to_twelve_clusters_have_the_six_points_of_webb(
    clusters: int, points: int
) -> None:
    data = panel(0, balanced=True, n=clusters)
    plan = kernel.plan(
        data["z"], data["x"], kernel.candidates(data["q"], [0.1]), [data["entity"]]
    )
    which = draws.scheme("wild_cluster", plan, data["entity"])
    uniforms = np.random.default_rng(0).random((50, clusters))
    drawn = draws.residual_draws(which, np.ones(data["y"].size), uniforms)
    assert np.unique(drawn).size == points


def test_hansen_draws_move_whole_blocks_in_order() -> None:
    data = panel(0, balanced=True)
    plan = kernel.plan(
        data["z"], data["x"], kernel.candidates(data["q"], [0.1]), [data["entity"]]
    )
    which = draws.scheme("hansen", plan, data["entity"])
    assert which.demeaned
    order = plan.candidates.order
    names = (data["entity"] * 100.0 + data["time"])[order]
    uniforms = np.random.default_rng(0).random((5, which.size))
    for draw, row in zip(
        draws.residual_draws(which, names, uniforms), uniforms, strict=True
    ):
        moved = np.empty_like(draw)
        moved[order] = draw
        np.testing.assert_array_equal(moved % 100, data["time"])
        np.testing.assert_array_equal(
            moved // 100, (row * 14).astype(int)[data["entity"]]
        )


def test_hansen_refuses_unequal_blocks() -> None:
    data = panel(0, balanced=False)
    plan = kernel.plan(
        data["z"], data["x"], kernel.candidates(data["q"], [0.1]), [data["entity"]]
    )
    with pytest.raises(ValueError, match="unequal"):
        draws.scheme("hansen", plan, data["entity"])


@pytest.mark.parametrize("name", ["wild_cluster", "hansen", "iid"])
@pytest.mark.parametrize("count", [1, 2])
def test_chunks_change_nothing(
    name: Any, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = panel(1, balanced=True)
    plan = kernel.plan(
        data["z"],
        data["x"],
        kernel.candidates(data["q"], [0.1] * count),
        [data["entity"]],
    )
    null_at = estimate(plan, data["y"]).stages[0].at[: count - 1]
    which = draws.scheme(name, plan, data["entity"])

    def run() -> Array:
        rng = np.random.default_rng(3)
        return draws.drawn_ratios(plan, which, data["y"], null_at, rng, reps=50)

    whole = run()
    for chunk in (1, 7, 50, 400):
        monkeypatch.setattr(kernel.Plan, "chunk", chunk)
        np.testing.assert_allclose(run(), whole, rtol=1e-11)


def test_row_order_changes_no_wild_draw() -> None:
    data = panel(2, balanced=False)
    mixed = np.random.default_rng(0).permutation(data["y"].size)
    out = []
    for rows in (np.arange(data["y"].size), mixed):
        d = {name: values[rows] for name, values in data.items()}
        plan = kernel.plan(
            d["z"], d["x"], kernel.candidates(d["q"], [0.1]), [d["entity"], d["time"]]
        )
        which = draws.scheme("wild_cluster", plan, d["entity"])
        out.append(
            draws.drawn_ratios(
                plan, which, d["y"], (), np.random.default_rng(1), reps=99
            )
        )
    np.testing.assert_allclose(out[0], out[1], rtol=1e-11)


def test_draws_without_room_are_missing() -> None:
    data = panel(6, balanced=True, n=30)
    # A first threshold in the middle leaves no room for a second one; the null has it
    # at the side.
    where = kernel.candidates(data["q"], [0.34, 0.31])
    plan = kernel.plan(data["z"], data["x"], where, [data["entity"]])
    edge = int(np.flatnonzero(where.allowed[0])[0])
    which = draws.scheme("wild_cluster", plan, data["entity"])
    ratios = draws.drawn_ratios(
        plan, which, data["y"], (edge,), np.random.default_rng(0), reps=60
    )
    assert 0 < np.isnan(ratios).sum() < 60


def test_draws_with_nothing_to_explain_are_missing() -> None:
    data = panel(6, balanced=True, n=30)
    plan = kernel.plan(
        data["z"], data["x"], kernel.candidates(data["q"], [0.2]), [data["entity"]]
    )
    which = draws.scheme("hansen", plan, data["entity"])
    outcome = np.zeros_like(data["y"])
    assert np.isnan(
        draws.drawn_ratios(plan, which, outcome, (), np.random.default_rng(0), reps=5)
    ).all()


def test_draws_of_which_crossing_effects_leave_nothing_are_missing() -> None:
    """Two periods as clusters: entity effects take out periods."""
    data = panel(6, balanced=True, n=12)
    two = {name: column[data["time"] < 2] for name, column in data.items()}
    plan = kernel.plan(
        two["z"], two["x"], kernel.candidates(two["q"], [0.2]), [two["entity"]]
    )
    which = draws.scheme("wild_cluster", plan, two["time"])
    ratios = draws.drawn_ratios(
        plan, which, two["y"], (), np.random.default_rng(0), reps=200
    )
    weights = draws.residual_draws(
        which, np.ones(two["y"].size), np.random.default_rng(0).random((200, 2))
    )
    opposite = np.abs(weights.min(axis=1) + weights.max(axis=1)) < 1e-12
    np.testing.assert_array_equal(
        np.isnan(ratios), opposite & (weights.min(axis=1) < 0)
    )
    # All other draws are multiples of the residuals.
    assert np.nanmax(ratios) == pytest.approx(np.nanmin(ratios), rel=1e-9)


def test_the_excess_of_a_perfect_fit_is_large_and_that_of_nothing_is_missing() -> None:
    upper, lower, least = (
        np.array([4.0, 4.0, 4.0, 1e-20]),
        np.array([2.0, 0.0, -1e-18, 1e-21]),
        np.full(4, 1e-15),
    )
    np.testing.assert_allclose(
        draws.excess(upper, lower, least), [1.0, 1e15, 1e15, np.nan]
    )


def test_concentration_is_the_share_of_the_squared_scores() -> None:
    data = panel(3, balanced=False)
    data["y"] = data["y"] + 40 * (data["entity"] == 0) * data["z"][:, 0] * (
        data["q"] <= 0
    )
    plan = kernel.plan(
        data["z"], data["x"], kernel.candidates(data["q"], [0.1]), [data["entity"]]
    )
    at = estimate(plan, data["y"]).stages[0].at
    cut = plan.candidates.values[at[0]]
    base = np.column_stack([dummies(data, ["entity"]), data["x"], data["z"]])
    block = data["z"][:, 0] * (data["q"] <= cut)
    block = block - base @ np.linalg.lstsq(base, block, rcond=None)[0]
    rest = data["y"] - base @ np.linalg.lstsq(base, data["y"], rcond=None)[0]
    own = np.bincount(data["entity"], weights=block * rest) ** 2
    squares = np.sort(own)[::-1]
    share, largest = draws.concentration(plan, data["y"], at, data["entity"])
    assert share == pytest.approx(squares[:5].sum() / squares.sum(), rel=1e-9)
    assert own[largest].tolist() == squares[:5].tolist()
    assert draws.concentration(plan, data["y"], at, data["entity"], top=1)[0] > 0.5


@pytest.mark.parametrize("count", [2, 3])
def test_concentration_is_that_of_the_last_threshold(count: int) -> None:
    data = panel(3, balanced=False, k=2)
    where = kernel.candidates(data["q"], [0.1] * count)
    plan = kernel.plan(data["z"], data["x"], where, [data["entity"]])
    *null_at, tested = np.flatnonzero(where.allowed[0])[[-5, 5, 15][:count]].tolist()
    below = [
        data["z"] * (data["q"][:, None] <= where.values[at])
        for at in (*null_at, tested)
    ]
    base = np.column_stack(
        [dummies(data, ["entity"]), data["x"], data["z"], *below[:-1]]
    )
    fits = (
        base
        @ np.linalg.lstsq(base, np.column_stack([data["y"], below[-1]]), rcond=1e-11)[0]
    )
    rest, block = data["y"] - fits[:, 0], np.linalg.qr(below[-1] - fits[:, 1:])[0]
    scores = np.stack(
        [np.bincount(data["entity"], weights=column * rest) for column in block.T]
    )
    squares = (scores**2).sum(axis=0)
    share, largest = draws.concentration(
        plan, data["y"], (*null_at, tested), data["entity"]
    )
    assert share == pytest.approx(np.sort(squares)[-5:].sum() / squares.sum(), rel=1e-9)
    assert largest.tolist() == np.argsort(-squares)[:5].tolist()
    tiny, _ = draws.concentration(
        plan, 1e-9 * data["y"], (*null_at, tested), data["entity"]
    )
    assert tiny == pytest.approx(share, rel=1e-9)


@pytest.mark.parametrize(
    ("groups", "share"), [(5, 1.0), (31, 0.56), (60, 0.38), (100, 0.27)]
)
def test_few_of_equal_clusters_carry_what_chance_gives(
    groups: int, share: float
) -> None:
    scores = np.random.default_rng(0).normal(size=(4000, groups)) ** 2
    largest = np.sort(scores, axis=1)[:, -5:].sum(axis=1) / scores.sum(axis=1)
    assert draws.usual_concentration(groups) == pytest.approx(largest.mean(), abs=0.02)
    assert draws.usual_concentration(groups) == pytest.approx(share, abs=0.02)
