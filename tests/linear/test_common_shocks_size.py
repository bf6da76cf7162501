"""Size of tests under shocks that entities share and that are autocorrelated."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp

if TYPE_CHECKING:
    from collections.abc import Callable

N_ENTITIES = 31
OPTIONS: dict[str, dict[str, Any]] = {
    "Driscoll-Kraay": {"cov_type": "driscoll_kraay"},
    "by entity": {},
    "by entity and period": {"clusters": ("i", "t")},
}


def autoregressive(
    rng: np.random.Generator, shape: tuple[int, int], phi: float
) -> np.ndarray:
    """Draw stationary series of variance one."""
    values = rng.normal(size=shape)
    for t in range(1, shape[1]):
        values[:, t] = phi * values[:, t - 1] + np.sqrt(1 - phi**2) * values[:, t]
    return values


def sizes(phi: float, periods: int, panels: int) -> dict[str, float]:
    rng = np.random.default_rng([periods, round(100 * phi)])
    keys = {
        "i": np.repeat(np.arange(N_ENTITIES), periods),
        "t": np.tile(np.arange(periods), N_ENTITIES),
    }
    rejected = dict.fromkeys(OPTIONS, 0)
    for _ in range(panels):
        columns = {}
        for name in ("y", "x"):
            shock = autoregressive(rng, (1, periods), phi)
            loadings = rng.lognormal(size=(N_ENTITIES, 1))
            columns[name] = loadings * shock + autoregressive(
                rng, (N_ENTITIES, periods), phi
            )
        frame = pd.DataFrame(
            {**keys, **{name: values.ravel() for name, values in columns.items()}}
        )
        panel = dp.Panel(frame, "i", "t")
        for name, options in OPTIONS.items():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", dp.DigiprosperWarning)
                results = dp.FixedEffects("y", ["x"], **options).fit(panel)
            rejected[name] += bool(results.pvalues["x"] < 0.05)
    return {name: count / panels for name, count in rejected.items()}


@pytest.mark.montecarlo
@pytest.mark.parametrize("phi", [0.0, 0.6, 0.9])
@pytest.mark.parametrize("periods", [10, 20, 40, 60])
def test_common_shocks(phi: float, periods: int, measured: Callable[..., None]) -> None:
    """Share of 500 panels of 31 entities in which a test at 5% rejects a slope of zero.

    Outcome and regressor have a shock that all entities share, with lognormal loadings,
    and a series of their own; both have the autocorrelation of the first column. The
    model has two-way effects.
    """
    shares = sizes(phi, periods, 500)
    measured(
        "size_under_common_shocks", {"autocorrelation": phi, "T": periods, **shares}
    )
    assert shares["by entity"] < 0.13
    if phi > 0.5:
        assert shares["Driscoll-Kraay"] > 0.1


def test_the_simulation_runs() -> None:
    assert set(sizes(0.6, 8, 2)) == set(OPTIONS)
