"""Running sums against each cluster's score, with residualised blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pytest

from digiprosper.kernels import threshold as kernel
from digiprosper.threshold.kernels import draws
from digiprosper.threshold.kernels.draws import drawn_robust, robust_profile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Array = npt.NDArray[Any]
EFFECTS: list[tuple[str, ...]] = [(), ("entity",), ("time",), ("entity", "time")]
CLUSTERS = ["entity", "region", "time"]


def panel(seed: int, *, n: int = 14, periods: int = 6, k: int = 1) -> dict[str, Any]:
    """Make an unbalanced panel; ties in the threshold, unequal clusters.

    The threshold variable has ties. Clusters differ in weight.
    """
    rng = np.random.default_rng(seed)
    entity, time = (
        a.ravel() for a in np.meshgrid(np.arange(n), np.arange(periods), indexing="ij")
    )
    keep = (rng.random(entity.size) > 0.2) | (time < 2)
    entity, time = entity[keep], time[keep]
    size = entity.size
    q = np.round(rng.normal(size=size), 1)
    z = rng.normal(size=(size, k)) * np.exp(rng.normal(size=n))[entity, None] + 1
    x = rng.normal(size=(size, 1)) + entity[:, None]
    e = rng.normal(size=size) * (1 + np.abs(z[:, 0]))
    y = x[:, 0] + z.sum(axis=1) * np.where(q <= 0, 0.4, 1.0) + e
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


def search(
    data: dict[str, Any], effects: Sequence[str], trims: Sequence[float]
) -> kernel.Plan:
    where = kernel.candidates(data["q"], trims)
    return kernel.plan(data["z"], data["x"], where, [data[e] for e in effects])


def null(plan: kernel.Plan, data: dict[str, Any], count: int) -> tuple[int, ...]:
    """Find the thresholds that the test of the `count`-th takes as given."""
    at: tuple[int, ...] = ()
    for _ in range(count - 1):
        stage = kernel.stage(plan, kernel.open_search(plan, data["y"]), at)
        assert stage is not None
        at = stage.at
    return at


def design(
    data: dict[str, Any], effects: Sequence[str], cuts: Sequence[float]
) -> Array:
    """Write out every column of the null."""
    dummies = [(data[e][:, None] == np.unique(data[e])) * 1.0 for e in effects]
    low = [data["z"] * (data["q"][:, None] <= g) for g in cuts]
    return np.column_stack(
        [np.ones((data["y"].size, 1)), *dummies, data["x"], data["z"], *low]
    )


def out_of(columns: Array, design: Array) -> Array:
    return np.asarray(
        columns - design @ np.linalg.lstsq(design, columns, rcond=1e-11)[0]
    )


def written_out(block: Array, residual: Array, codes: Array) -> float:
    """Compute the statistic from one score a cluster."""
    scores = np.stack(
        [block[codes == c].T @ residual[codes == c] for c in np.unique(codes)]
    )
    total = scores.sum(axis=0)
    return float(total @ np.linalg.solve(scores.T @ scores, total))


def blocks_of(data: dict[str, Any], base: Array, values: Array) -> list[Array]:
    return [out_of(data["z"] * (data["q"][:, None] <= g), base) for g in values]


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("effects", EFFECTS, ids="+".join)
@pytest.mark.parametrize("clusters", CLUSTERS)
@pytest.mark.parametrize("k", [1, 2])
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.many(8)
def test_every_candidate_and_draw_equals_scores_written_out(
    *, seed: int, k: int, clusters: str, effects: tuple[str, ...], count: int
) -> None:
    data = panel(seed, k=k)
    plan = search(data, effects, [0.12, 0.1][:count])
    where, codes, at = plan.candidates, data[clusters], null(plan, data, count)
    base = design(data, effects, list(where.values[list(at)]))
    residual = out_of(data["y"], base)
    free = where.open_to(count - 1, np.array([at], dtype=np.intp))[0]
    blocks = blocks_of(data, base, where.values[free])

    profile = robust_profile(plan, data["y"], at, count - 1, codes)
    np.testing.assert_array_equal(np.isfinite(profile), free)
    wanted = [written_out(w, residual, codes) for w in blocks]
    np.testing.assert_allclose(profile[free], wanted, rtol=1e-9)

    which = draws.scheme("wild_cluster", plan, codes)
    actual = drawn_robust(
        plan, which, data["y"], at, np.random.default_rng(7), reps=20, codes=codes
    )
    uniforms = np.random.default_rng(7).random((20, which.size))
    ranked = draws.residual_draws(which, residual[where.order], uniforms)
    drawn = np.empty_like(ranked)
    drawn[:, where.order] = ranked
    wanted = [max(written_out(w, row, codes) for w in blocks) for row in drawn]
    np.testing.assert_allclose(actual, wanted, rtol=1e-9)


def test_all_signs_alike_give_the_data_back() -> None:
    data = panel(4, k=2)
    plan = search(data, ("entity", "time"), [0.1])
    which = draws.scheme("wild_cluster", plan, data["entity"])

    class Same:
        def random(self, shape: tuple[int, ...]) -> Array:
            return np.full(shape, 0.75)

    rng: Any = Same()
    drawn = drawn_robust(plan, which, data["y"], (), rng, reps=3, codes=data["entity"])
    profile = robust_profile(plan, data["y"], (), 0, data["entity"])
    np.testing.assert_allclose(drawn, profile.max(), rtol=1e-11)


@pytest.mark.parametrize("clusters", CLUSTERS)
@pytest.mark.parametrize("count", [1, 2])
def test_chunks_change_nothing(
    clusters: str, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = panel(1)
    plan = search(data, ("entity",), [0.1] * count)
    which, at = (
        draws.scheme("wild_cluster", plan, data[clusters]),
        null(plan, data, count),
    )

    def run() -> Array:
        rng, codes = np.random.default_rng(3), data[clusters]
        return drawn_robust(plan, which, data["y"], at, rng, reps=50, codes=codes)

    whole = run()
    for chunk in (1, 7, 50, 400):
        monkeypatch.setattr(kernel.Plan, "chunk", chunk)
        np.testing.assert_allclose(run(), whole, rtol=1e-11)


def test_row_order_changes_nothing() -> None:
    data = panel(2, k=2)
    mixed = np.random.default_rng(0).permutation(data["y"].size)
    out = []
    for rows in (np.arange(mixed.size), mixed):
        d = {name: values[rows] for name, values in data.items()}
        plan = search(d, ("entity", "time"), [0.1, 0.1])
        at = null(plan, d, 2)
        which = draws.scheme("wild_cluster", plan, d["entity"])
        rng = np.random.default_rng(1)
        drawn = drawn_robust(plan, which, d["y"], at, rng, reps=99, codes=d["entity"])
        out.append(
            np.concatenate([robust_profile(plan, d["y"], at, 1, d["entity"]), drawn])
        )
    np.testing.assert_allclose(out[0], out[1], rtol=1e-10)


def test_scales_shifts_and_labels_change_nothing() -> None:
    data = panel(3, k=2)
    other: dict[str, Any] = {
        **data,
        "y": 1e3 * data["y"] + 1e4 * data["entity"],
        "z": data["z"] @ [[1e-5, 1.0], [0.0, 1e3]],
        "x": data["x"] * 1e4 + 7,
        "q": np.exp(data["q"]),
        "entity": 1000 - 3 * data["entity"],
    }
    profiles = [
        robust_profile(search(d, ("entity",), [0.1]), d["y"], (), 0, d["entity"])
        for d in (data, other)
    ]
    np.testing.assert_allclose(profiles[0], profiles[1], rtol=1e-8)


def test_centred_scores_and_equal_clusters_give_the_same_test() -> None:
    rng = np.random.default_rng(0)
    n, periods = 20, 9
    entity = np.repeat(np.arange(n), periods)
    q, z = (np.tile(rng.normal(size=periods), n) for _ in range(2))
    data = {"q": q, "z": z[:, None], "x": np.empty((q.size, 0)), "entity": entity}
    y: Array = rng.normal(size=q.size) * (1 + np.abs(z))
    data["y"] = y
    plan = search(data, ("entity",), [0.2])
    base = design(data, ("entity",), [])
    residual = out_of(y, base)
    actual = robust_profile(plan, y, (), 0, entity)
    for block, value in zip(
        blocks_of(data, base, plan.candidates.values), actual, strict=True
    ):
        scores = np.bincount(entity, weights=block[:, 0] * residual)
        centred = scores.sum() ** 2 / ((scores - scores.mean()) ** 2).sum()
        after = residual - block[:, 0] * (
            block[:, 0] @ residual / (block[:, 0] @ block[:, 0])
        )
        wald = (
            scores.sum() ** 2
            / (np.bincount(entity, weights=block[:, 0] * after) ** 2).sum()
        )
        assert centred == pytest.approx(value / (1 - value / n), rel=1e-9)
        assert wald == pytest.approx(centred, rel=1e-9)


def test_no_jump_is_worth_more_than_there_are_clusters() -> None:
    data = panel(5)
    plan = search(data, ("entity",), [0.05])
    data["y"] = data["y"] + 1e7 * data["z"][:, 0] * (
        data["q"] <= plan.candidates.values[20]
    )
    residual = kernel.open_search(plan, data["y"])
    assert kernel.drops(plan, residual).argmax() == 20
    for clusters, count in (("entity", 14), ("region", 4), ("time", 6)):
        profile = robust_profile(plan, data["y"], (), 0, data[clusters])
        assert profile.max() <= count
        assert profile.min() >= 0


def test_scores_that_do_not_span_the_block_give_no_statistic() -> None:
    data = panel(6, k=2)
    plan = search(data, ("entity",), [0.1])
    alone = np.zeros(data["y"].size, dtype=np.intp)
    assert np.isneginf(robust_profile(plan, data["y"], (), 0, alone)).all()
    which = draws.scheme("wild_cluster", plan, alone)
    drawn = drawn_robust(
        plan, which, data["y"], (), np.random.default_rng(0), reps=3, codes=alone
    )
    assert np.isneginf(drawn).all()
    # Within entities nothing varies below the first cuts, so that the block is rounding
    # there.
    data = panel(6)
    data["q"] = data["entity"] + 0.0
    data["z"] = np.where(data["entity"][:, None] < 5, 3.0, data["z"])
    plan = search(data, ("entity",), [0.1])
    profile = robust_profile(plan, data["y"], (), 0, data["entity"])
    assert np.isneginf(profile[plan.candidates.values < 5]).all()
    assert np.isfinite(profile[plan.candidates.values >= 5]).all()


@pytest.mark.montecarlo
@pytest.mark.parametrize(
    "design", ["depends on z", "rises with q", "z of unequal scale"]
)
def test_size_and_power_where_the_variance_depends_on_regressors(
    design: str, measured: Callable[..., None]
) -> None:
    """Share of 400 panels in which a test of no threshold rejects at 5%.

    There are panels without a threshold, and with one.

    31 entities are observed for 10 periods; 199 draws. The slope of z changes by .6 at
    the .2 quantile of the threshold variable q. The standard deviation of the errors is
    sqrt(.25 + .75 z^2), or exp(.7 q), or it is 1 and the scale of z is exp(N(0, 1)) of
    its entity.
    """
    rng, panels, reps = np.random.default_rng(2), 400, 199
    entity = np.repeat(np.arange(31), 10)
    rejected = np.zeros((2, 2))
    for _ in range(panels):
        q, z, e = rng.normal(size=(3, entity.size))
        if design == "z of unequal scale":
            z *= np.exp(rng.normal(size=31))[entity]
        else:
            e *= (
                np.exp(0.7 * q)
                if design == "rises with q"
                else np.sqrt(0.25 + 0.75 * z**2)
            )
        data = {"q": q, "z": z[:, None], "x": np.empty((q.size, 0)), "entity": entity}
        plan = search(data, ("entity",), [0.1])
        which = draws.scheme("wild_cluster", plan, entity)
        for jump in (0, 1):
            y: Array = e + 0.6 * jump * z * (q <= np.quantile(q, 0.2))
            value = robust_profile(plan, y, (), 0, entity).max()
            drawn = drawn_robust(plan, which, y, (), rng, reps=reps, codes=entity)
            state = kernel.open_search(plan, y)
            ratio = state.ssr[0] / (state.ssr[0] - kernel.drops(plan, state).max()) - 1
            plain = draws.drawn_ratios(plan, which, y, (), rng, reps=reps)
            rejected[jump] += [
                (drawn >= value).sum() + 1 <= 10,
                (plain >= ratio).sum() + 1 <= 10,
            ]
    size, power = rejected / panels
    rates = {"size": size, "power": power}
    cells = {
        f"{w}, {r}": rates[r][k]
        for r in rates
        for k, w in ((1, "wild_cluster"), (0, "wild_score"))
    }
    measured("power_of_threshold_tests", {"errors": design, **cells})
    assert abs(size[0] - 0.05) < 0.033
    if design == "rises with q":
        assert power[0] > power[1] + 0.2
