"""The exact kink against a bounded minimiser by interval, with dummies."""

from __future__ import annotations

import itertools
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.optimize import minimize_scalar

from digiprosper.errors import ThresholdSearchError
from digiprosper.kernels.threshold import Plan
from digiprosper.threshold.kernels import kink as kernel
from digiprosper.threshold.kernels.draws import residual_draws, scheme

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Array = npt.NDArray[Any]
EFFECTS: list[tuple[str, ...]] = [
    (),
    ("entity",),
    ("time",),
    ("entity", "time"),
    ("entity", "time", "crossed"),
]


def panel(
    seed: int, *, n: int = 14, periods: int = 6, digits: int = 1
) -> dict[str, Array]:
    """Make an unbalanced panel whose kink variable has ties."""
    rng = np.random.default_rng(seed)
    entity, time = (
        a.ravel() for a in np.meshgrid(np.arange(n), np.arange(periods), indexing="ij")
    )
    keep = (rng.random(entity.size) > 0.2) | (time < 2)
    entity, time = entity[keep], time[keep]
    size = entity.size
    q = np.round(20 + 3 * rng.normal(size=size) + rng.normal(size=n)[entity], digits)
    x = rng.normal(size=(size, 2)) * [1.0, 1e4] + entity[:, None]
    y = 0.5 * np.minimum(q - 21, 0) + 1.2 * np.maximum(q - 21, 0) + x[:, 0]
    y = (
        y
        + rng.normal(size=size) * (1 + 0.3 * np.abs(q - 20))
        + rng.normal(size=n)[entity]
    )
    return {
        "y": y,
        "q": q,
        "x": x,
        "entity": entity,
        "time": time,
        "crossed": (entity + time) % 4,
    }


def dummies(data: dict[str, Array], effects: Sequence[str]) -> Array:
    parts = [
        np.ones((data["q"].size, 1)),
        *((data[e][:, None] == np.unique(data[e])) * 1.0 for e in effects),
    ]
    return np.column_stack(parts)


def lstsq(y: Array, *columns: Array) -> tuple[float, Array]:
    full = np.column_stack(columns)
    full = full / np.linalg.norm(full, axis=0)
    fit = full @ np.linalg.lstsq(full, y, rcond=1e-11)[0]
    return float(((y - fit) ** 2).sum()), fit


def knots(q: Array, trim: float) -> Array:
    need = trim * q.size - 1e-9
    return np.array(
        [g for g in np.unique(q) if min((q <= g).sum(), (q > g).sum()) >= need]
    )


def criterion(
    data: dict[str, Array], effects: Sequence[str], y: Array
) -> Callable[[float], float]:
    """Sum of squares over g, by projection on a basis of other columns."""
    base = np.column_stack([dummies(data, effects), data["x"], data["q"]])
    u, s, _ = np.linalg.svd(base / np.linalg.norm(base, axis=0), full_matrices=False)
    u = u[:, s > 1e-10 * s[0]]

    def rest(column: Array) -> Array:
        for _ in range(2):
            column = column - u @ (u.T @ column)
        return column

    left = rest(y)

    def ssr(g: float) -> float:
        bend = rest(np.maximum(data["q"] - g, 0))
        return float(left @ left - (bend @ left) ** 2 / (bend @ bend))

    return ssr


def least(ssr: Callable[[float], float], values: Array) -> tuple[float, float]:
    """Minimise interval by interval, from the best of a fine grid inside each."""
    best = (np.inf, np.nan)
    for low, high in itertools.pairwise(values):
        grid = np.linspace(low, high, 25)
        sums = [ssr(g) for g in grid]
        at = int(np.argmin(sums))
        bounds = grid[max(at - 1, 0)], grid[min(at + 1, 24)]
        inner = minimize_scalar(
            ssr, bounds=bounds, method="bounded", options={"xatol": 1e-11 * abs(high)}
        )
        best = min(
            best, (sums[at], float(grid[at])), (float(inner.fun), float(inner.x))
        )
    return best


def least_step(
    data: dict[str, Array], effects: Sequence[str], y: Array, values: Array
) -> float:
    base, q = np.column_stack([dummies(data, effects), data["x"], data["q"]]), data["q"]
    return min(lstsq(y, base, q <= g, q * (q <= g))[0] for g in values)


def plan(
    data: dict[str, Array], effects: Sequence[str], trim: float = 0.05
) -> kernel.KinkPlan:
    return kernel.kink_plan(data["q"], data["x"], trim, [data[e] for e in effects])


@pytest.mark.many(5)
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("effects", EFFECTS, ids="+".join)
def test_the_minimum_over_the_continuum_is_exact(
    seed: int, effects: tuple[str, ...]
) -> None:
    data = panel(seed, digits=1 + seed % 2)
    kinks = plan(data, effects)
    actual = kernel.estimate(kinks, data["y"])
    values, ssr = knots(data["q"], 0.05), criterion(data, effects, data["y"])
    np.testing.assert_array_equal(kinks.values, values)
    base = np.column_stack([dummies(data, effects), data["x"], data["q"]])
    assert actual.null_ssr == pytest.approx(lstsq(data["y"], base)[0], rel=1e-9)
    wanted, place = least(ssr, values)
    assert actual.ssr == pytest.approx(wanted, rel=1e-9)
    assert actual.threshold == pytest.approx(place, rel=1e-6)
    explicit, _ = lstsq(data["y"], base, np.maximum(data["q"] - actual.threshold, 0))
    assert actual.ssr == pytest.approx(explicit, rel=1e-9)
    np.testing.assert_allclose(actual.profile, [ssr(g) for g in values], rtol=1e-9)
    assert actual.step_ssr == pytest.approx(
        least_step(data, effects, data["y"], values), rel=1e-9
    )
    assert actual.step_ssr <= actual.ssr <= actual.null_ssr


def test_minima_are_found_inside_intervals_and_at_observed_values() -> None:
    places = [
        kernel.estimate(plan(panel(s), ["entity"]), panel(s)["y"]).offset > 0
        for s in range(12)
    ]
    assert 0 < sum(places) < 12


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("c", [0.5, 3.84, 30.0])
def test_sets_hold_exactly_what_fits_well_enough(seed: int, c: float) -> None:
    data = panel(seed)
    kinks = plan(data, ["entity", "time"])
    actual, ssr = (
        kernel.estimate(kinks, data["y"]),
        criterion(data, ["entity", "time"], data["y"]),
    )
    bound = actual.ssr * (1 + c / data["q"].size)
    pieces = kernel.accepted(kinks, actual, bound)
    assert all(
        a < b for a, b in itertools.pairwise(itertools.chain.from_iterable(pieces))
    )
    assert any(a <= actual.threshold <= b for a, b in pieces)
    first, last = kinks.values[[0, -1]]
    for edge in itertools.chain.from_iterable(pieces):
        assert edge in (first, last) or ssr(edge) == pytest.approx(bound, rel=1e-10)
    grid = np.linspace(first, last, 1501)
    clear = np.array(
        [min(abs(g - e) for piece in pieces for e in piece) > 1e-7 for g in grid]
    )
    inside = np.array([any(a <= g <= b for a, b in pieces) for g in grid])
    np.testing.assert_array_equal(
        inside[clear], np.array([ssr(g) for g in grid])[clear] <= bound
    )


def test_sets_of_extreme_bounds() -> None:
    data = panel(1)
    kinks = plan(data, ["entity"])
    actual = kernel.estimate(kinks, data["y"])
    assert kernel.accepted(kinks, actual, 2 * actual.null_ssr) == [
        (kinks.values[0], kinks.values[-1])
    ]
    assert kernel.accepted(kinks, actual, 0.0) == [(actual.threshold, actual.threshold)]


# --- draws ---


@pytest.mark.parametrize("clusters", ["entity", "crossed"])
@pytest.mark.parametrize("effects", [(), ("entity",), ("entity", "time")], ids="+".join)
@pytest.mark.many(1)
def test_twenty_draws_equal_refits(effects: tuple[str, ...], clusters: str) -> None:
    data = panel(7, n=9, periods=5)
    q, y = data["q"], data["y"]
    kinks = plan(data, effects, 0.1)
    actual = kernel.estimate(kinks, y)
    which = scheme("wild_cluster", kinks.search, data[clusters])
    uniforms = np.random.default_rng(3).random((20, which.size))
    nulls = kernel.null_draws(kinks, which, y, np.random.default_rng(3), reps=20)
    drawn = kernel.kink_draws(
        kinks, which, y, actual, np.random.default_rng(3), reps=20
    )
    base = np.column_stack([dummies(data, effects), data["x"], q])
    order, values = kinks.search.candidates.order, knots(q, 0.1)

    def outcomes(fit: Array) -> list[Array]:
        signed = np.empty((20, q.size))
        signed[:, order] = residual_draws(which, (y - fit)[order], uniforms)
        return [fit + row for row in signed]

    for star, ratio in zip(outcomes(lstsq(y, base)[1]), nulls, strict=True):
        best = least(criterion(data, effects, star), values)[0]
        assert ratio == pytest.approx(
            lstsq(star, base)[0] / best - 1, rel=1e-9, abs=1e-11
        )
    bend = np.maximum(q - actual.threshold, 0)
    for star, (jump, lr) in zip(
        outcomes(lstsq(y, base, bend)[1]), drawn.T, strict=True
    ):
        best = least(criterion(data, effects, star), values)[0]
        step = least_step(data, effects, star, values)
        assert jump == pytest.approx(best / step - 1, rel=1e-9, abs=1e-11)
        assert lr == pytest.approx(
            lstsq(star, base, bend)[0] / best - 1, rel=1e-9, abs=1e-11
        )


def _drawn(data: dict[str, Array]) -> Array:
    kinks = plan(data, ["entity", "time"])
    actual = kernel.estimate(kinks, data["y"])
    which = scheme("wild_cluster", kinks.search, data["entity"])
    rng = partial(np.random.default_rng, 5)
    nulls = kernel.null_draws(kinks, which, data["y"], rng(), reps=60)
    return np.vstack(
        [nulls, kernel.kink_draws(kinks, which, data["y"], actual, rng(), reps=60)]
    )


@pytest.mark.parametrize("chunk", [1, 7, 60, 400])
def test_chunks_change_nothing(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    data = panel(2)
    whole = _drawn(data)
    monkeypatch.setattr(Plan, "chunk", chunk)
    np.testing.assert_allclose(_drawn(data), whole, rtol=1e-11, atol=1e-13)


def test_row_order_changes_no_draw() -> None:
    data = panel(2)
    mixed = np.random.default_rng(0).permutation(data["y"].size)
    other = {name: values[mixed] for name, values in data.items()}
    np.testing.assert_allclose(_drawn(other), _drawn(data), rtol=1e-10, atol=1e-12)


# --- edges ---


@pytest.mark.parametrize(("shift", "scale"), [(0.0, 1e-6), (1e5, 1.0), (-3e7, 1e4)])
def test_units_of_q_do_not_matter(shift: float, scale: float) -> None:
    data = panel(3, digits=6)
    actual = kernel.estimate(plan(data, ["entity"]), data["y"])
    other = {**data, "q": shift + scale * data["q"]}
    again = kernel.estimate(plan(other, ["entity"]), data["y"])
    assert again.ssr == pytest.approx(actual.ssr, rel=1e-9)
    assert again.threshold == pytest.approx(
        shift + scale * actual.threshold, rel=1e-9, abs=1e-6 * scale
    )


def test_a_mass_at_the_lowest_value() -> None:
    """With g at it nothing is below; up to the next value g is all the same."""
    data = panel(4)
    data["q"] = np.maximum(data["q"], np.quantile(data["q"], 0.4))
    kinks = plan(data, ["entity"])
    actual, ssr = (
        kernel.estimate(kinks, data["y"]),
        criterion(data, ["entity"], data["y"]),
    )
    assert kinks.lost[0]
    assert not kinks.lost[1:].any()
    assert actual.profile[0] == actual.null_ssr
    np.testing.assert_allclose(
        actual.profile[1:], [ssr(g) for g in kinks.values[1:]], rtol=1e-9
    )
    assert actual.ssr == pytest.approx(least(ssr, kinks.values[1:])[0], rel=1e-9)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("spread", [1.0, 2.0, 4.0])
def test_skewed_q_is_exact_or_told(spread: float, sign: int) -> None:
    """Lognormal q: where rounding would show, the candidate is marked."""
    data = panel(1, digits=8)
    data["q"] = sign * np.exp(spread * (data["q"] - 20) / 3)
    kinks = plan(data, ["entity", "time"])
    actual, ssr = (
        kernel.estimate(kinks, data["y"]),
        criterion(data, ["entity", "time"], data["y"]),
    )
    clear = ~kinks.faint
    np.testing.assert_allclose(
        actual.profile[clear], [ssr(g) for g in kinks.values[clear]], rtol=1e-8
    )
    assert kinks.faint.any() or spread < 4
    assert not kinks.faint.any() or spread > 1
    assert not kinks.lost.any()


def test_one_candidate_is_the_threshold() -> None:
    data = panel(5)
    data["q"] = np.digitize(data["q"], np.quantile(data["q"], [0.2, 0.6])) * 1.0
    actual = kernel.estimate(plan(data, ["entity"], 0.3), data["y"])
    assert actual.threshold == 1
    assert actual.offset == 0
    assert kernel.accepted(plan(data, ["entity"], 0.3), actual, actual.ssr) == [
        (1.0, 1.0)
    ]


def test_no_kink_is_left_when_entities_never_move() -> None:
    data = panel(6)
    data["q"] = data["entity"] * 1.0
    with pytest.raises(ThresholdSearchError, match="no kink"):
        plan(data, ["entity"])
