"""Least squares with dummies, on unbalanced panels; ties in the threshold."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from digiprosper.errors import ThresholdSearchError
from digiprosper.kernels import threshold as kernel

if TYPE_CHECKING:
    from collections.abc import Sequence

Array = npt.NDArray[Any]


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


def ssr(y: Array, columns: Sequence[Array], effects: Sequence[Array]) -> float:
    """Least squares by lstsq, a dummy for every level of every effect."""
    design = [np.ones((y.size, 1))]
    design += [(codes[:, None] == np.unique(codes)).astype(float) for codes in effects]
    full = np.column_stack([*design, *columns])
    full = full / np.maximum(np.linalg.norm(full, axis=0), 1e-300)
    beta, *_ = np.linalg.lstsq(full, y, rcond=1e-11)
    rest = y - full @ beta
    return float(rest @ rest)


def panel(seed: int, k: int, *, wide: bool = False) -> dict[str, Any]:
    """Make an unbalanced panel whose threshold variable has ties."""
    rng = np.random.default_rng(seed)
    n, periods = (
        (5, 14) if wide else (int(rng.integers(7, 14)), int(rng.integers(4, 8)))
    )
    entity, time = (
        a.ravel() for a in np.meshgrid(np.arange(n), np.arange(periods), indexing="ij")
    )
    keep = rng.random(entity.size) > 0.15
    keep |= np.isin(time, [0, 1])
    entity, time = entity[keep], time[keep]
    size = entity.size
    q = np.round(rng.normal(size=size) + 0.5 * entity / n, 1)
    z = rng.normal(size=(size, k)) * 10.0 ** rng.integers(-2, 3) + rng.normal() * 3
    x = rng.normal(size=(size, 2)) * [1.0, 1e4] + [0.0, 1e5] + entity[:, None]
    y = (
        x @ [0.5, 1e-4]
        + z.sum(axis=1) * np.where(q <= 0.2, 0.3, 1.0) / np.std(z)
        + rng.normal(size=size)
    )
    y = y + rng.normal(size=n)[entity] + rng.normal(size=periods)[time]
    effects = {
        "entity": entity,
        "time": time,
        "region": entity % 3,
        "crossed": (entity + 2 * time) % 4,
    }
    return {"y": y, "z": z, "x": x, "q": q, "effects": effects}


EFFECTS: list[tuple[str, ...]] = [
    (),
    ("entity",),
    ("time",),
    ("entity", "time"),
    ("entity", "time", "region"),
    ("entity", "crossed"),
]


def search(
    data: dict[str, Any], effects: Sequence[str], trims: Sequence[float], **options: Any
) -> Any:
    intercept = options.pop("intercept", False)
    where = kernel.candidates(data["q"], trims, **options)
    codes = [data["effects"][e] for e in effects]
    return kernel.plan(data["z"], data["x"], where, codes, intercept=intercept)


def brute(
    data: dict[str, Any],
    effects: Sequence[str],
    cuts: Sequence[float],
    rule: str,
    *,
    intercept: bool,
) -> float:
    z = (
        np.column_stack([np.ones(data["y"].size), data["z"]])
        if intercept
        else data["z"]
    )
    low = [data["q"] <= g if rule == "<=" else data["q"] < g for g in cuts]
    columns = [data["x"], data["z"], *(z * m[:, None] for m in low)]
    return ssr(data["y"], columns, [data["effects"][e] for e in effects])


def varies(data: dict[str, Any], ranks: Array) -> int:
    """Count the entities with two different values of z among rows."""
    entity = data["effects"]["entity"][ranks]
    return sum(
        len(np.unique(data["z"][ranks[entity == e]], axis=0)) > 1
        for e in np.unique(entity)
    )
