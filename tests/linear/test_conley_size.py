"""Size of tests with errors correlated in space.

As in docs/explanations/standard_errors.md.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from digiprosper import FixedEffects, Panel
from digiprosper.errors import DigiprosperWarning
from digiprosper.kernels.great_circle import great_circle

if TYPE_CHECKING:
    from collections.abc import Callable

T = 10
PANELS = 1000
CLUSTERED = FixedEffects("y", ["x"])
CONLEY = CLUSTERED.replace(cov_type="conley", distance_cutoff=500, bandwidth=2)
SPECS = {
    "clustered": CLUSTERED,
    "xtscc": CLUSTERED.replace(cov_type="xtscc"),
    "500 km": CONLEY,
    "1000 km": CONLEY.replace(distance_cutoff=1000),
    "1000 km, 9 lags": CONLEY.replace(distance_cutoff=1000, bandwidth=9),
    "1000 km, 9 lags, uniform": CONLEY.replace(
        distance_cutoff=1000, bandwidth=9, distance_kernel="uniform"
    ),
}


HEADS = (
    "by entity",
    "xtscc",
    "500 km, 2 lags",
    "1,000 km, 2 lags",
    "1,000 km, 9 lags",
    "the same, uniform kernel",
)


def correlated(rng: np.random.Generator, root: np.ndarray, rho: float) -> np.ndarray:
    """Draw entity-period variables, correlated in space by `root`, in time by `rho`."""
    out = np.asarray(root @ rng.normal(size=(len(root), T)))
    out[:, 1:] *= np.sqrt(1 - rho**2)
    for t in range(1, T):
        out[:, t] += rho * out[:, t - 1]
    return out


def p_values(
    rng: np.random.Generator, entities: int, decay: float, rho: float
) -> list[float]:
    """Draw a panel with a slope of zero, and test it with each kind of errors."""
    places = np.column_stack(
        [rng.uniform(22, 42, entities), rng.uniform(100, 120, entities)]
    )
    apart = great_circle(places[:, None], places[None])
    root = np.linalg.cholesky(np.exp(-apart / decay) if decay else np.eye(entities))
    keys = {
        "i": np.repeat(np.arange(entities), T),
        "t": np.tile(np.arange(T), entities),
    }
    x, y = correlated(rng, root, rho).ravel(), correlated(rng, root, rho).ravel()
    lat, lon = np.repeat(places, T, axis=0).T
    panel = Panel(
        pd.DataFrame({**keys, "x": x, "y": y, "lat": lat, "lon": lon}), "i", "t"
    )
    return [float(spec.fit(panel).pvalues["x"]) for spec in SPECS.values()]


def sizes(
    entities: int, decay: float, rho: float, panels: int = PANELS
) -> dict[str, float]:
    """Share of panels in which each test rejects at .05."""
    rng = np.random.default_rng([entities, int(decay), int(10 * rho)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        p = np.array([p_values(rng, entities, decay, rho) for _ in range(panels)])
    # A negative variance has no p-value.
    rejected = np.where(np.isnan(p), np.nan, p <= 0.05)
    return dict(zip(SPECS, np.nanmean(rejected, axis=0).tolist(), strict=True))


def test_the_simulation_runs() -> None:
    assert set(sizes(12, 300, 0.6, panels=2)) == set(SPECS)


@pytest.mark.montecarlo
@pytest.mark.parametrize(
    ("decay", "rho"), [(0, 0.6), (300, 0.0), (300, 0.6)], ids=["time", "space", "both"]
)
@pytest.mark.parametrize("entities", [31, 100, 300])
def test_size_with_neighbours(
    entities: int, decay: int, rho: float, measured: Callable[..., None]
) -> None:
    """Share of 1,000 panels in which a test at 5% rejects a slope of zero.

    Entities are spread evenly over 2,200 by 2,000 km and observed for 10 periods, with
    two-way effects. The regressor and the errors have the same correlations: exp(-d /
    300 km) between entities at a distance of d km in the same period, and .6 between
    consecutive periods of an entity, or only one of the two. The columns with a cutoff
    have Conley errors, with the Bartlett kernel unless another is named.
    """
    actual = sizes(entities, decay, rho)
    kind = {(0, 0.6): "time", (300, 0.0): "space", (300, 0.6): "both"}[decay, rho]
    row: dict[str, float | str] = {"entities, correlated in": f"{entities}, {kind}"}
    measured(
        "size_with_correlated_neighbours",
        row | dict(zip(HEADS, actual.values(), strict=True)),
    )
    # As the notice of few periods says of Conley errors
    assert all(0.055 < actual[kind] < 0.275 for kind in list(SPECS)[2:])
    if decay:
        assert actual["clustered"] > 0.1
        # With 31 entities the two differ less.
        less = 0.01 if entities == 31 else 0.04
        assert actual["1000 km, 9 lags"] < actual["clustered"] - less
    else:
        assert actual["clustered"] < 0.1
