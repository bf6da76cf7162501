"""Variance ratios and draws against formulas and refits with dummies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pytest

from digiprosper.kernels import threshold as kernel
from digiprosper.threshold.kernels import draws

if TYPE_CHECKING:
    from collections.abc import Sequence

Array = npt.NDArray[Any]
EFFECTS: list[tuple[str, ...]] = [
    (),
    ("entity",),
    ("time",),
    ("entity", "time"),
    ("entity", "region", "time"),
]


def drawn_lr(
    search: Any, which: Any, y: Array, at: Any, j: int, rng: Any, *, reps: int
) -> Array:
    """Ratios with the thresholds `at` as truth.

    The bound at one candidate is a quantile of them.
    """
    held, free = draws._hold(search, at, j)
    return draws._draw_statistics(held, which, y, at[j], free, rng, reps)


def panel(
    seed: int,
    *,
    k: int = 1,
    n: int = 14,
    periods: int = 7,
    holes: float = 0.2,
    digits: int = 1,
) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    entity, time = (
        a.ravel() for a in np.meshgrid(np.arange(n), np.arange(periods), indexing="ij")
    )
    keep = (rng.random(entity.size) > holes) | (time < 2)
    entity, time = entity[keep], time[keep]
    size = entity.size
    q = np.round(rng.normal(size=size), digits)
    z = rng.normal(size=(size, k)) * 10.0 ** rng.integers(-2, 3, size=k) + rng.normal()
    x = rng.normal(size=(size, 2)) * [1.0, 1e3] + entity[:, None]
    slope = np.where(q <= -0.4, 0.2, np.where(q <= 0.6, 1.0, -0.5))
    y = x @ [0.5, 1e-3] + (z / z.std(axis=0)).sum(axis=1) * slope
    y = (
        y
        + rng.normal(size=size) * (0.3 + np.abs(q))
        + rng.normal(size=n)[entity]
        + rng.normal(size=periods)[time]
    )
    return {
        "y": y,
        "z": z,
        "x": x,
        "q": q,
        "entity": entity,
        "time": time,
        "region": entity % 4,
    }


def plan(
    data: dict[str, Any], effects: Sequence[str], trims: Sequence[float], **options: Any
) -> Any:
    intercept = options.pop("intercept", False)
    where = kernel.candidates(data["q"], trims, **options)
    return kernel.plan(
        data["z"], data["x"], where, [data[e] for e in effects], intercept=intercept
    )


def design(
    data: dict[str, Any],
    effects: Sequence[str],
    cuts: Sequence[float],
    *,
    intercept: bool,
    rule: str = "<=",
) -> tuple[Array, Array]:
    """Write out regime columns first, then others; also these columns alone."""
    z = (
        np.column_stack([np.ones(data["y"].size), data["z"]])
        if intercept
        else data["z"]
    )
    low = [(data["q"] <= g) if rule == "<=" else (data["q"] < g) for g in cuts]
    dummies = [(data[e][:, None] == np.unique(data[e])) * 1.0 for e in effects]
    ones = np.ones((data["y"].size, 1))
    full = np.column_stack(
        [*(z * m[:, None] for m in low), data["x"], data["z"], ones, *dummies]
    )
    return full, z


def ols(full: Array, y: Array) -> tuple[Array, Array]:
    scale = np.linalg.norm(full, axis=0)
    beta, *_ = np.linalg.lstsq(full / scale, y, rcond=1e-11)
    return beta / scale, y - full @ (beta / scale)


def ratio(
    data: dict[str, Any],
    effects: Sequence[str],
    cuts: Sequence[float],
    j: int,
    df: float,
    *,
    intercept: bool = False,
    rule: str = "<=",
) -> float:
    """Row by row, as the formula stands."""
    full, z = design(data, effects, cuts, intercept=intercept, rule=rule)
    beta, rest = ols(full, data["y"])
    k, n, q = z.shape[1], data["y"].size, data["q"]
    left, values, _ = np.linalg.svd(
        full / np.linalg.norm(full, axis=0), full_matrices=False
    )
    hat = (left[:, values > 1e-11 * values[0]] ** 2).sum(axis=1)
    jump = z @ beta[j * k : (j + 1) * k]
    border = int((q <= cuts[j]).sum() if rule == "<=" else (q < cuts[j]).sum())
    ranks = np.array([((q < v).sum() + (q == v).sum() / 2) / n for v in q])
    curve = np.polynomial.Polynomial.fit(ranks, jump**2 * rest**2, 2)
    spread = ((jump**2 * rest**2 - curve(ranks)) ** 2).sum() / n
    bandwidth = min(
        1.0, (15 * spread / (4 * n * curve.convert().coef[2] ** 2)) ** (1 / 5)
    )
    top = bottom = 0.0
    for s in range(n):
        u = (ranks[s] - border / n) / bandwidth
        weight = 0.75 * (1 - u * u) if abs(u) <= 1 else 0.0
        top += weight * jump[s] ** 2 * rest[s] ** 2
        bottom += weight * jump[s] ** 2 * (1 - hat[s])
    return float(top / bottom / (rest @ rest / df))


@pytest.mark.parametrize("effects", EFFECTS, ids="+".join)
@pytest.mark.parametrize("k", [1, 2])
@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("rule", ["<=", "<"])
@pytest.mark.many(20)
def test_the_ratio_is_the_formula_written_out(
    *, effects: tuple[str, ...], k: int, count: int, intercept: bool, rule: Any
) -> None:
    for seed in range(3):
        data = panel(seed, k=k)
        search = plan(data, effects, [0.1] * count, rule=rule, intercept=intercept)
        values = search.candidates.values
        at = (values.size // 3, 2 * values.size // 3)[::-1][:count]
        for j in range(count):
            actual = draws.variance_parts(
                search, data["y"], at, j, data["q"], 50.0
            ).sum()
            wanted = ratio(
                data, effects, values[list(at)], j, 50.0, intercept=intercept, rule=rule
            )
            assert actual == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("effects", EFFECTS, ids="+".join)
@pytest.mark.parametrize(("k", "count"), [(1, 1), (2, 1), (1, 2), (2, 2)])
@pytest.mark.parametrize(
    ("name", "codes"),
    [("wild_cluster", "entity"), ("wild_cluster", "region"), ("iid", "entity")],
)
@pytest.mark.many(4)
def test_twenty_draws_equal_refits(
    *, effects: tuple[str, ...], k: int, count: int, name: Any, codes: str
) -> None:
    data = panel(10 * k + count, k=k)
    trims = [0.12, 0.1][:count]
    search = plan(data, effects, trims)
    values, order, q = search.candidates.values, search.candidates.order, data["q"]
    at = (values.size // 3, 2 * values.size // 3)[:count]
    cuts = list(values[list(at)])
    which = draws.scheme(name, search, data[codes])
    _, rest = ols(design(data, effects, cuts, intercept=False)[0], data["y"])
    for j in range(count):
        actual = drawn_lr(
            search, which, data["y"], at, j, np.random.default_rng(7), reps=20
        )
        others = [g for i, g in enumerate(cuts) if i != j]
        edges = [0, q.size, *((q <= g).sum() for g in others)]
        need = trims[j] * q.size - 1e-9
        free = [
            g
            for g in np.unique(q)
            if min(abs((q <= g).sum() - e) for e in edges) >= need
        ]
        assert cuts[j] in free
        uniforms = np.random.default_rng(7).random((20, which.size))
        for drawn, value in zip(
            draws.residual_draws(which, rest[order], uniforms), actual, strict=True
        ):
            y = data["y"] - rest
            y[order] += drawn

            def ssr(g: float, y: Array = y, others: list[float] = others) -> float:
                return float(
                    (
                        ols(design(data, effects, [*others, g], intercept=False)[0], y)[
                            1
                        ]
                        ** 2
                    ).sum()
                )

            true, best = ssr(cuts[j]), min(ssr(g) for g in free)
            assert value == pytest.approx(true / best - 1, rel=1e-9, abs=1e-12)
            assert value >= 0


def test_an_estimate_that_its_own_rule_would_not_admit_counts() -> None:
    """Another threshold with a smaller trim may come nearer than this one."""
    data = panel(3, n=30)
    search = plan(data, ("entity",), [0.3, 0.05])
    allowed = np.flatnonzero(search.candidates.allowed[0])
    at = (int(allowed[0]), int(allowed[0]) + 3)
    which = draws.scheme("wild_cluster", search, data["entity"])
    assert not search.candidates.open_to(0, np.array([[at[1]]]))[0, at[0]]
    actual = drawn_lr(
        search, which, data["y"], at, 0, np.random.default_rng(0), reps=200
    )
    assert actual.min() == 0
    assert np.isfinite(actual).all()


def test_bounds_are_quantiles_of_the_draws_at_each_candidate(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = panel(9, n=25, digits=6)
    search = plan(data, ("entity",), [0.1, 0.08])
    which = draws.scheme("wild_cluster", search, data["entity"])
    own, other = 30, 90
    options: dict[str, Any] = {"reps": 49, "level": 0.9}

    def bounds(points: int) -> Array:
        monkeypatch.setattr(draws, "_POINTS", points)
        rng = np.random.default_rng(2)
        return draws.drawn_bounds(
            search, which, data["y"], (own, other), 0, rng, **options
        )

    every = bounds(1000)
    free = np.flatnonzero(search.candidates.open_to(0, np.array([[other]]))[0])
    wanted = np.empty(free.size)
    for i, point in enumerate(free):
        rng = np.random.default_rng(2)
        drawn = drawn_lr(search, which, data["y"], (int(point), other), 0, rng, reps=49)
        wanted[i] = np.quantile(drawn, 0.9)
    np.testing.assert_allclose(every[free], wanted, rtol=1e-10)
    cuts = search.candidates.cuts
    np.testing.assert_allclose(every, np.interp(cuts, cuts[free], wanted), rtol=1e-10)
    # With fewer points, those of the least sums of squares are still exact.
    base = kernel.start(
        search, search.residualise(data["y"][search.candidates.order][None, :])
    )
    gain = kernel.drops(search, kernel.condition(search, base, np.array([other])))[0]
    nearest = free[np.argsort(-gain[free])[:8]]
    few = bounds(16)
    np.testing.assert_allclose(few[nearest], every[nearest], rtol=1e-10)
    assert (few[free[[0, -1]]] == every[free[[0, -1]]]).all()
    assert (few != every).any()


def variants(data: dict[str, Any]) -> list[dict[str, Any]]:
    mixed = np.random.default_rng(0).permutation(data["y"].size)
    scaled = {**data, "y": 1e3 * data["y"] + 7 * data["entity"], "z": data["z"] * 1e-4}
    return [
        {name: values[mixed] for name, values in data.items()},
        scaled,
        {**data, "q": np.exp(3 * data["q"])},
    ]


@pytest.mark.parametrize(
    "which", range(3), ids=["row order", "scale of y and z", "monotone transform of q"]
)
@pytest.mark.parametrize("count", [1, 2])
def test_what_changes_nothing(which: int, count: int) -> None:
    data = panel(5, k=2, n=20)
    out = []
    for d in (data, variants(data)[which]):
        search = plan(d, ("entity", "time"), [0.1] * count)
        size = search.candidates.values.size
        at = (size // 4, 2 * size // 3)[:count]
        scheme = draws.scheme("wild_cluster", search, d["entity"])
        for j in range(count):
            drawn = drawn_lr(
                search, scheme, d["y"], at, j, np.random.default_rng(1), reps=99
            )
            out.append(
                np.append(
                    drawn,
                    draws.variance_parts(search, d["y"], at, j, d["q"], 100.0).sum(),
                )
            )
    half = len(out) // 2
    np.testing.assert_allclose(out[:half], out[half:], rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("count", [1, 2])
def test_chunks_change_nothing(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    data = panel(6, n=20)
    search = plan(data, ("entity",), [0.1] * count)
    which = draws.scheme("wild_cluster", search, data["entity"])

    def run() -> Array:
        rng = np.random.default_rng(3)
        return drawn_lr(search, which, data["y"], (9, 26)[:count], 0, rng, reps=50)

    whole = run()
    for chunk in (1, 7, 50, 400):
        monkeypatch.setattr(kernel.Plan, "chunk", chunk)
        np.testing.assert_allclose(run(), whole, rtol=1e-11, atol=1e-14)


def test_the_bound_on_the_sum_of_squares_depends_on_no_denominator() -> None:
    data = panel(7)
    search = plan(data, ("entity",), [0.1])
    one, two = (
        draws.variance_parts(search, data["y"], (9,), 0, data["q"], df).sum()
        for df in (60.0, 80.0)
    )
    assert one / 60 == pytest.approx(two / 80, rel=1e-12)


def test_rows_add_the_same_whatever_their_order() -> None:
    """Rows are in the original order, and none takes from the ratio."""
    data = panel(7)
    search = plan(data, ("entity",), [0.1])
    rows = draws.variance_parts(search, data["y"], (9,), 0, data["q"], 60.0)
    assert (rows >= 0).all()
    order = np.random.default_rng(2).permutation(rows.size)
    moved = {k: v[order] for k, v in data.items()}
    other = draws.variance_parts(
        plan(moved, ("entity",), [0.1]), moved["y"], (9,), 0, moved["q"], 60.0
    )
    np.testing.assert_allclose(other, rows[order], rtol=1e-9, atol=1e-14)


def test_an_exact_fit_has_no_scale() -> None:
    data = panel(8)
    search = plan(data, ("entity",), [0.1])
    y = (
        data["x"][:, 0]
        + data["z"][:, 0] * (data["q"] <= search.candidates.values[9])
        + data["entity"]
    )
    assert np.isnan(draws.variance_parts(search, y, (9,), 0, data["q"], 50.0).sum())
    assert np.isnan(draws.variance_parts(search, y, (9,), 0, data["q"], 50.0)).all()
    which = draws.scheme("wild_cluster", search, data["entity"])
    assert np.isnan(
        drawn_lr(search, which, y, (9,), 0, np.random.default_rng(0), reps=20)
    ).all()
    rng = np.random.default_rng(0)
    bounds = draws.drawn_bounds(search, which, y, (9,), 0, rng, reps=20, level=0.95)
    assert bounds[9] == 0
    assert np.isfinite(bounds).all()


@pytest.mark.many(1)
@pytest.mark.parametrize("effects", [("entity",), ("entity", "time")], ids="+".join)
def test_homoskedastic_errors_have_a_ratio_of_one(effects: tuple[str, ...]) -> None:
    """Unbalanced, entities of 2 to 10 rows; the mean of 200 panels."""
    actual = []
    for seed in range(200):
        data = panel(seed, n=45, periods=10, holes=0.5, digits=6)
        rng = np.random.default_rng([1, seed])
        data["y"] = data["z"][:, 0] / data["z"].std() * (data["q"] <= 0) + rng.normal(
            size=data["y"].size
        )
        search = plan(data, effects, [0.1])
        at = (int(np.searchsorted(search.candidates.values, 0.0)) - 1,)
        # Rows less everything fitted: the variance is then estimated without bias.
        df = data["y"].size - 45 - 4 - 9 * (len(effects) - 1)
        actual.append(
            draws.variance_parts(search, data["y"], at, 0, data["q"], df).sum()
        )
    error = np.std(actual) / np.sqrt(len(actual))
    assert error < 0.02
    assert abs(np.mean(actual) - 1) < 3 * error + 0.005


def test_a_variance_tied_to_the_regressor_has_its_own_ratio() -> None:
    """``sd^2 = .25 + .75 z^2``, z standard normal, T periods.

    Demeaned errors have their own second moments.
    ``E z^2 (e - mean)^2 = 2.5 (1 - 1/T)^2 + (T - 1) / T^2`` with
    ``E z^2 e^2 = .25 + .75 * 3 = 2.5`` and ``E e^2 = 1``; over ``1 - 1/T`` it is 2.35
    at T = 10.
    """
    n, periods, actual = 400, 10, []
    rng = np.random.default_rng(0)
    entity = np.repeat(np.arange(n), periods)
    wanted = (2.5 * (1 - 1 / periods) ** 2 + (periods - 1) / periods**2) / (
        1 - 1 / periods
    )
    assert wanted == pytest.approx(2.35)
    for _ in range(40):
        q, z, u = rng.normal(size=(3, n * periods))
        y = z * (q <= 0) + np.sqrt(0.25 + 0.75 * z**2) * u
        data = {
            "y": y,
            "z": z[:, None],
            "x": np.empty((y.size, 0)),
            "q": q,
            "entity": entity,
        }
        search = plan(data, ("entity",), [0.1])
        at = (int(np.searchsorted(search.candidates.values, 0.0)) - 1,)
        actual.append(draws.variance_parts(search, y, at, 0, q, y.size - n - 2).sum())
    error = np.std(actual) / np.sqrt(len(actual))
    assert error < 0.05
    assert abs(np.mean(actual) - wanted) < 3 * error


def test_only_the_variance_near_the_threshold_counts() -> None:
    """The variance is .1 in the lowest third, 1 above: the ratio is 1 / .7."""
    rng = np.random.default_rng(0)
    n, periods = 400, 10
    entity = np.repeat(np.arange(n), periods)
    q, z, u = rng.normal(size=(3, n * periods))
    y = z * (q <= 0.5) + np.where(q <= np.quantile(q, 1 / 3), np.sqrt(0.1), 1.0) * u
    data = {
        "y": y,
        "z": z[:, None],
        "x": np.empty((y.size, 0)),
        "q": q,
        "entity": entity,
    }
    search = plan(data, ("entity",), [0.1])
    at = (int(np.searchsorted(search.candidates.values, 0.5)) - 1,)
    assert draws.variance_parts(search, y, at, 0, q, y.size - n).sum() == pytest.approx(
        1 / 0.7, abs=0.12
    )
