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


def shares_without_time_effects(
    path: str, shocks: float, shape: tuple[int, int], panels: int
) -> dict[str, float]:
    n, periods = shape
    i, t = np.indices(shape)
    rejected = {"by entity": 0, "with time effects": 0}
    slopes, errors, factors = list[float](), list[float](), list[float]()
    for seed in range(panels):
        rng = np.random.default_rng([seed, n, periods])
        paths = {
            "trend": np.linspace(0, 1.5, periods),
            "shocks": 0.7 * autoregressive(rng, (1, periods), 0.5),
            "none": 0.0,
        }
        x = rng.normal(size=(n, 1)) + autoregressive(rng, shape, 0.7) + paths[path]
        y = np.sqrt(1 - shocks) * autoregressive(rng, shape, 0.6)
        y += np.sqrt(shocks) * autoregressive(rng, (1, periods), 0.6)
        columns = {"i": i, "t": t, "x": x, "y": y}
        frame = pd.DataFrame({name: data.ravel() for name, data in columns.items()})
        panel = dp.Panel(frame, "i", "t")
        spec = dp.FixedEffects("y", ["x"])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", dp.DigiprosperWarning)
            plain = spec.replace(time_effects=False).fit(panel)
            with_effects = spec.fit(panel)
        rejected["by entity"] += bool(plain.pvalues["x"] < 0.05)
        rejected["with time effects"] += bool(with_effects.pvalues["x"] < 0.05)
        slopes.append(plain.params["x"])
        errors.append(plain.std_errors["x"])
        factors += [
            n.data["ratio"] ** 0.5
            for n in plain.diagnostics
            if n.code == "shared_exposure"
        ]
    return {
        **{name: count / panels for name, count in rejected.items()},
        "with a notice": len(factors) / panels,
        "factor": float(np.std(slopes) / np.mean(errors)),
        "factor in the notice": float(np.median(factors)) if factors else np.nan,
    }


@pytest.mark.montecarlo
@pytest.mark.parametrize("shape", [(31, 10), (31, 20), (100, 10)])
@pytest.mark.parametrize("shocks", [0.0, 0.1, 0.3])
@pytest.mark.parametrize("path", ["trend", "shocks", "none"])
def test_common_shocks_without_time_effects(
    path: str,
    shocks: float,
    shape: tuple[int, int],
    measured: Callable[..., None],
) -> None:
    """Share of 400 panels in which a test at 5% rejects a slope of zero.

    N entities and T periods, with entity effects and errors clustered by entity. The
    shocks are a share of the error variance; errors have an autocorrelation of .6. The
    regressor is a series with an autocorrelation of .7, plus a common trend that rises
    by 1.5 of its standard deviations, or common shocks of .7, or nothing. A notice says
    that errors by entity are too small. The factor is the standard deviation of the
    slopes over their mean standard error; that in the notice is a median. It is too low
    where shocks are large or last, because slope and effects take up a part of them.
    """
    shares = shares_without_time_effects(path, shocks, shape, 400)
    cells = {"common path of x": path, "shocks": f"{shocks:.1f}"}
    cells |= {"N": shape[0], "T": shape[1], **shares}
    for name in ("factor", "factor in the notice"):
        rare = shares["with a notice"] < 0.05 and name != "factor"
        cells[name] = "" if rare else f"{shares[name]:.1f}"
    measured("size_without_time_effects", cells)
    assert shares["with time effects"] < 0.085
    if not shocks:
        assert shares["with a notice"] < 0.02
    elif path != "none":
        assert shares["by entity"] > 0.1
        assert shares["with a notice"] > (0.35 if shocks < 0.2 else 0.85)
        # Panels with a notice are those whose residuals show more of the shocks.
        assert 1.2 < shares["factor in the notice"] < shares["factor"] + 0.15


def test_the_simulations_run() -> None:
    assert set(sizes("shared", 0.6, (31, 8), 2)) == set(COLUMNS)
    shares = shares_without_time_effects("trend", 0.5, (31, 10), 3)
    assert shares["with a notice"] == 1
