"""Size of tests after two-stage least squares with 31 clusters."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp

if TYPE_CHECKING:
    from collections.abc import Callable

N, T = 31, 10
COLUMNS = ("J", "t of d", "joint test", "joint F", "Anderson-Rubin")


def series(rng: np.random.Generator) -> np.ndarray:
    """Draw autocorrelated series of variance one."""
    values = rng.normal(size=(N, T))
    for t in range(1, T):
        values[:, t] = 0.6 * values[:, t - 1] + 0.8 * values[:, t]
    return values


def sizes(surplus: int, design: str, panels: int) -> dict[str, dict[str, float]]:
    """Reject true hypotheses, by weights and test."""
    rng = np.random.default_rng([surplus, len(design)])
    instruments = [f"z{j}" for j in range(surplus + 1)]
    spec = dp.FixedEffectsIV("y", ["a", "b"], ["d"], instruments)
    keys = {"i": np.repeat(np.arange(N), T), "t": np.tile(np.arange(T), N)}
    rejected = {name: np.zeros(len(COLUMNS)) for name in ("no", "yes")}
    for _ in range(panels):
        columns = {name: series(rng) for name in (*instruments, "a", "b", "y", "v")}
        if design == "skewed":
            columns |= {name: np.exp(columns[name]) for name in instruments}
            columns["y"] *= rng.lognormal(0, 0.7, size=(N, 1))
        total = np.sum([columns[name] for name in instruments], axis=0)
        columns["d"] = 0.5 * total + 0.7 * columns["y"] + columns["v"]
        columns["w"] = rng.uniform(0.3, 3.0, size=(N, T))
        frame = pd.DataFrame(
            {**keys, **{name: column.ravel() for name, column in columns.items()}}
        )
        for name, weights in (("no", None), ("yes", "w")):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", dp.DigiprosperWarning)
                results = spec.replace(obs_weights=weights).fit(
                    dp.Panel(frame, "i", "t")
                )
            joint = results.wald_test("d = 0, a = 0, b = 0")
            tests = (
                results.iv_tests["hansen_j"].p_value,
                results.pvalues["d"],
                joint.p_value,
                joint.alternatives["stata"].p_value,
                results.anderson_rubin_test(0.0).p_value,
            )
            rejected[name] += np.array(tests) < 0.05
    return {
        name: dict(zip(COLUMNS, counts / panels, strict=True))
        for name, counts in rejected.items()
    }


@pytest.mark.montecarlo
@pytest.mark.parametrize("design", ["normal", "skewed"])
@pytest.mark.parametrize("surplus", [2, 3, 4])
def test_size_after_instruments(
    surplus: int, design: str, measured: Callable[..., None]
) -> None:
    """Share of 300 panels in which a true hypothesis is rejected at 5%.

    Two-stage least squares with 31 clusters of ten periods and two-way effects, one
    endogenous regressor d, two controls, and so many instruments more than are needed.
    Errors are autocorrelated. "skewed": lognormal instruments, and a standard deviation
    of the errors of each entity. "joint test" is the bootstrap of all three
    coefficients and "joint F" the test of Stata. "weights": of the rows, between .3 and
    3.
    """
    for weights, shares in sizes(surplus, design, 300).items():
        row = {"surplus": surplus, "design": design, "weights": weights, **shares}
        measured("size_after_instruments", row)
        # The Monte Carlo standard error of .05 is .013.
        assert shares["J"] < 0.09
        assert shares["joint test"] < 0.11
        assert shares["Anderson-Rubin"] < 0.09


def test_the_simulation_runs() -> None:
    assert set(sizes(2, "normal", 2)) == {"no", "yes"}
