"""Size of five tests with few clusters and few treated ones.

As in docs/explanations/few_clusters.md.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from digiprosper import FixedEffects, Panel, randomisation_test, wild_bootstrap
from digiprosper.errors import DigiprosperWarning

if TYPE_CHECKING:
    from collections.abc import Callable

T = 10
PANELS = 1000
SPEC = FixedEffects("y", ["x"])
TESTS = ("clustered", "crv3", "cr2", "wild", "randomisation")


def autoregressive(rng: np.random.Generator, groups: int, rho: float) -> np.ndarray:
    out = rng.normal(size=(groups, T))
    out[:, 0] /= np.sqrt(1 - rho**2)
    for t in range(1, T):
        out[:, t] += rho * out[:, t - 1]
    return out


def regressor(rng: np.random.Generator, groups: int, treated: int) -> np.ndarray:
    """A persistent regressor, or a treatment of some clusters in the second half."""
    if treated == 0:
        return autoregressive(rng, groups, 0.8)
    x = np.zeros((groups, T))
    x[:treated, T // 2 :] = 1
    return x


def p_values(rng: np.random.Generator, groups: int, treated: int) -> list[float]:
    """Draw one panel with a slope of zero, and test it in five ways."""
    x, y = regressor(rng, groups, treated), autoregressive(rng, groups, 0.6)
    keys = {"i": np.repeat(np.arange(groups), T), "t": np.tile(np.arange(T), groups)}
    panel = Panel(pd.DataFrame({**keys, "x": x.ravel(), "y": y.ravel()}), "i", "t")
    return [
        SPEC.fit(panel).pvalues["x"],
        SPEC.replace(cov_type="crv3").fit(panel).pvalues["x"],
        SPEC.replace(cov_type="cr2").fit(panel).pvalues["x"],
        wild_bootstrap(SPEC, panel, "x", reps=999, rng=rng).p_value,
        randomisation_test(SPEC, panel, "x", reps=199, rng=rng).p_value,
    ]


def sizes(groups: int, treated: int, panels: int = PANELS) -> dict[str, float]:
    """Share of panels in which each test rejects at .05."""
    rng = np.random.default_rng([groups, treated])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        p = np.array([p_values(rng, groups, treated) for _ in range(panels)])
    return dict(zip(TESTS, (p <= 0.05 + 1e-12).mean(axis=0).tolist(), strict=True))


def unequal_p_values(rng: np.random.Generator, groups: int) -> list[float]:
    """Test in four ways, clusters being regions of 1, 2, ... entities.

    The entities of a region have shocks in common.
    """
    region = np.repeat(np.arange(groups), np.arange(groups) + 1)
    x = autoregressive(rng, groups, 0.8)[region] + autoregressive(rng, region.size, 0.8)
    y = autoregressive(rng, groups, 0.6)[region] + autoregressive(rng, region.size, 0.6)
    keys = {
        "i": np.repeat(np.arange(region.size), T),
        "t": np.tile(np.arange(T), region.size),
    }
    frame = pd.DataFrame(
        {**keys, "r": np.repeat(region, T), "x": x.ravel(), "y": y.ravel()}
    )
    panel, spec = Panel(frame, "i", "t"), SPEC.replace(clusters="r")
    return [
        spec.fit(panel).pvalues["x"],
        spec.replace(cov_type="crv3").fit(panel).pvalues["x"],
        spec.replace(cov_type="cr2").fit(panel).pvalues["x"],
        wild_bootstrap(spec, panel, "x", reps=999, rng=rng).p_value,
    ]


def unequal_sizes(groups: int, panels: int = PANELS) -> dict[str, float]:
    """Share of panels in which each test rejects at .05."""
    rng = np.random.default_rng([groups, 99])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        p = np.array([unequal_p_values(rng, groups) for _ in range(panels)])
    return dict(zip(TESTS, (p <= 0.05 + 1e-12).mean(axis=0).tolist(), strict=False))


def row(
    groups: int | str, kind: str, results: dict[str, float]
) -> dict[str, float | str]:
    """Name the sizes as the documentation does."""
    heads = (
        "clustered, t(G-1)",
        "crv3, t(G-1)",
        "cr2, Bell-McCaffrey t",
        "wild bootstrap",
        "randomisation",
    )
    rates = {
        head: results[test]
        for head, test in zip(heads, TESTS, strict=True)
        if test in results
    }
    return {"G": groups, "regressor": kind, **rates}


@pytest.mark.montecarlo
@pytest.mark.parametrize("groups", [5, 10, 30, 100])
def test_balanced_clusters(groups: int, measured: Callable[..., None]) -> None:
    """Share of 1,000 panels in which a test at 5% rejects a slope of zero.

    G entities are observed for 10 periods, with two-way effects and errors with a
    serial correlation of .6. The regressor varies everywhere (normal, with a serial
    correlation of .8), or it is a treatment of some entities in the last five periods.
    The wild bootstrap has 999 draws, and randomisation 199 exchanges.
    """
    actual = sizes(groups, 0)
    measured("size_with_few_clusters", row(groups, "varies everywhere", actual))
    if groups >= 10:
        assert 0.03 <= actual["wild"] <= 0.07
    assert 0.03 <= actual["randomisation"] <= 0.07


@pytest.mark.montecarlo
def test_unequal_clusters(measured: Callable[..., None]) -> None:
    """Unequal clusters are regions of 1, 2, up to 20 entities with shocks in common.

    An exchange between their entities would not be valid.
    """
    actual = unequal_sizes(20)
    measured("size_with_few_clusters", row("20, unequal", "varies everywhere", actual))
    assert actual["clustered"] > actual["wild"]
    assert 0.03 <= actual["wild"] <= 0.08


@pytest.mark.montecarlo
@pytest.mark.parametrize(
    ("groups", "treated"),
    [(10, 5), (31, 15), (31, 5), (31, 4), (100, 4), (31, 3), (10, 2), (31, 2)],
)
def test_few_treated_clusters(
    groups: int, treated: int, measured: Callable[..., None]
) -> None:
    actual = sizes(groups, treated)
    measured("size_with_few_clusters", row(groups, f"{treated} treated", actual))
    assert 0.03 <= actual["randomisation"] <= 0.07
    if treated == 2:
        assert actual["clustered"] > 0.1
        assert actual["wild"] < 0.03
    elif treated > 3:
        assert 0.03 <= actual["wild"] <= 0.08


def test_the_simulation_runs() -> None:
    assert set(sizes(6, 0, panels=2)) == set(TESTS)
