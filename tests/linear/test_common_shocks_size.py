"""Size of tests under shocks that entities share and that are autocorrelated."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp

if TYPE_CHECKING:
    from collections.abc import Callable

COLUMNS = ("Driscoll-Kraay", "block test", "xtscc", "by entity")


def autoregressive(
    rng: np.random.Generator, shape: tuple[int, int], phi: float
) -> np.ndarray:
    """Draw stationary series of variance one."""
    values = rng.normal(size=shape)
    for t in range(1, shape[1]):
        values[:, t] = phi * values[:, t - 1] + np.sqrt(1 - phi**2) * values[:, t]
    return values


def sizes(
    exposure: str,
    phi: float,
    shape: tuple[int, int],
    panels: int,
    *,
    missing: float = 0.0,
) -> dict[str, float]:
    n, periods = shape
    rng = np.random.default_rng([periods, round(100 * phi)])
    keys = {"i": np.repeat(np.arange(n), periods), "t": np.tile(np.arange(periods), n)}
    rejected = dict.fromkeys(COLUMNS, 0)
    for _ in range(panels):
        columns = {}
        shared = rng.lognormal(size=(n, 1))
        for name in ("y", "x"):
            own = rng.lognormal(size=(n, 1))
            loadings = {"none": 0.0, "own": own, "shared": shared}[exposure]
            shock = autoregressive(rng, (1, periods), phi)
            columns[name] = loadings * shock + autoregressive(rng, shape, phi)
        frame = pd.DataFrame(
            {**keys, **{name: values.ravel() for name, values in columns.items()}}
        )
        panel = dp.Panel(frame[rng.random(len(frame)) >= missing], "i", "t")
        spec = dp.FixedEffects("y", ["x"], cov_type="driscoll_kraay")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", dp.DigiprosperWarning)
            results = spec.fit(panel)
            by_entity = spec.replace(cov_type="clustered").fit(panel)
        p_values = (
            results.pvalues["x"],
            results.block_test("x").p_value,
            results.wald_test("x = 0").alternatives["xtscc"].p_value,
            by_entity.pvalues["x"],
        )
        for name, p in zip(COLUMNS, p_values, strict=True):
            rejected[name] += bool(p < 0.05)
    return {name: count / panels for name, count in rejected.items()}


@pytest.mark.montecarlo
@pytest.mark.parametrize("shape", [(31, 8), (31, 10), (31, 20), (31, 40)])
@pytest.mark.parametrize(
    ("exposure", "phi"),
    [("shared", 0.0), ("shared", 0.6), ("shared", 0.9), ("own", 0.6), ("none", 0.6)],
)
def test_common_shocks(
    exposure: str,
    phi: float,
    shape: tuple[int, int],
    measured: Callable[..., None],
) -> None:
    """Share of 400 panels in which a test at 5% rejects a slope of zero.

    N entities and T periods, with two-way effects. Outcome and regressor are the sum of
    a shock that all entities share, with lognormal loadings of each entity, and a
    series of their own; all have the autocorrelation of the second column. Loadings of
    outcome and regressor are the same ("shared") or independent ("own"), or there are
    no common shocks ("none"). In rows with "missing" a tenth of the observations are
    missing.
    """
    _record(exposure, phi, shape, measured)


@pytest.mark.montecarlo
@pytest.mark.parametrize("phi", [0.0, 0.6, 0.9])
@pytest.mark.parametrize("periods", [8, 10, 20, 40])
def test_common_shocks_of_100_entities(
    phi: float, periods: int, measured: Callable[..., None]
) -> None:
    _record("shared", phi, (100, periods), measured)


@pytest.mark.montecarlo
@pytest.mark.parametrize("periods", [8, 10, 20, 40])
def test_common_shocks_of_unbalanced_panels(
    periods: int, measured: Callable[..., None]
) -> None:
    _record("shared", 0.6, (31, periods), measured, missing=0.1)


def _record(
    exposure: str,
    phi: float,
    shape: tuple[int, int],
    measured: Callable[..., None],
    missing: float = 0.0,
) -> None:
    shares = sizes(exposure, phi, shape, 400, missing=missing)
    cells = {"exposure": f"{exposure}{', missing' * (missing > 0)}"}
    cells |= {"autocorrelation": phi, "N": shape[0], "T": shape[1], **shares}
    measured("size_under_common_shocks", cells)
    # The Monte Carlo standard error of .05 is .011.
    assert shares["block test"] < 0.085
    assert shares["Driscoll-Kraay"] < shares["xtscc"]
    if exposure != "shared":
        assert shares["Driscoll-Kraay"] < 0.02
    elif phi < 0.9:
        assert shares["Driscoll-Kraay"] < 0.13


def test_the_simulation_runs() -> None:
    assert set(sizes("shared", 0.6, (31, 8), 2)) == set(COLUMNS)
