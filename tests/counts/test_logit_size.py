"""Bias of logit and probit with effects, and coverage of their intervals."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtr
from scipy.stats import logistic

import digiprosper as dp
from digiprosper.counts.kernel import probabilities

if TYPE_CHECKING:
    from collections.abc import Callable

PANELS = {31: 500, 100: 250}
SIZES = {"logit": 0.8, "probit": 0.5}


def simulated(
    rng: np.random.Generator, entities: int, periods: int, link: str, persistence: float
) -> tuple[pd.DataFrame, np.ndarray]:
    """Draw a panel, and average in it the effects of x and of the dummy d."""
    shape, scale = (entities, periods), SIZES[link]
    x, error = rng.normal(size=(2, *shape))
    for t in range(1, periods):
        x[:, t] = 0.5 * x[:, t - 1] + np.sqrt(0.75) * x[:, t]
        error[:, t] *= np.sqrt(1 - persistence**2)
        error[:, t] += persistence * error[:, t - 1]
    entity = rng.normal(size=(entities, 1))
    x += 0.5 * entity
    d = (rng.normal(size=shape) + 0.5 * entity > 0).astype(float)
    common = 0.3 * rng.normal(size=(1, periods))
    index = scale * (x + d + 2 * entity + 2 * common)
    if link == "logit":
        error = logistic.ppf(ndtr(error))
    density = probabilities(link, index)[1]
    without = index - scale * d
    step = probabilities(link, without + scale)[0] - probabilities(link, without)[0]
    frame = pd.DataFrame(
        {
            "i": np.repeat(np.arange(entities), periods),
            "t": np.tile(np.arange(periods), entities),
            "y": (index + error > 0).astype(float).ravel(),
            "x": x.ravel(),
            "d": d.ravel(),
        }
    )
    return frame, np.array([scale * density.mean(), step.mean()])


def estimates(
    entities: int, periods: int, link: str, panels: int, persistence: float = 0.0
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Compute estimates and ends of intervals of two regressors, (R, 3, 2) by name.

    Also returns their average effects in each panel (R, 2).
    """
    rng = np.random.default_rng([entities, periods, len(link), int(10 * persistence)])
    rows: dict[str, list[Any]] = {}
    true = []
    spec = dp.LogitEffects("y", ["x", "d"], link=link)
    conditional = dp.LogitEffects("y", ["x", "d", "C(t)"], time_effects=False)
    for _ in range(panels):
        frame, effects = simulated(rng, entities, periods, link, persistence)
        panel = dp.Panel(frame, "i", "t")
        true.append(effects)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", dp.DigiprosperWarning)
            corrected = spec.fit(panel)
            plain = spec.replace(bias_correction=None).fit(panel)
            fits = {
                "corrected": corrected,
                "not corrected": plain,
                "average effect": corrected.average_effects(),
                "average effect, not corrected": plain.average_effects(),
                "errors of the sample": corrected.average_effects(errors="sample"),
            }
            if link == "logit":
                fits["conditional"] = conditional.fit(panel)
        for name, fit in fits.items():
            ends = fit.conf_int().to_numpy()[:2].T
            rows.setdefault(name, []).append([fit.params.to_numpy()[:2], *ends])
        glance = plain.glance()
        share = glance["n_predicted"] / (entities * periods)
        rows.setdefault("predicted", []).append(share)
    return {name: np.array(values) for name, values in rows.items()}, np.array(true)


def covers(values: np.ndarray, truth: np.ndarray | float) -> np.ndarray:
    """Compute how often intervals hold the truth, of each regressor."""
    inside = (values[:, 1] <= truth) & (truth <= values[:, 2])
    return np.asarray(inside.mean(axis=0))


@pytest.mark.montecarlo
@pytest.mark.parametrize("periods", [6, 8, 10, 20])
@pytest.mark.parametrize("entities", PANELS)
@pytest.mark.parametrize("link", SIZES)
def test_binary_outcomes(
    link: str, entities: int, periods: int, measured: Callable[..., None]
) -> None:
    """Estimates of N entities in T years in R simulated panels with two-way effects.

    The index is a regressor x with autocorrelation .5, a dummy d, and effects of
    entities and years; x and d are correlated with the effect of the entity. The errors
    are independent. Coefficients are .8 (logit) and .5 (probit). A bias is that of x,
    in percent of the true value. "left" is the share of rows that are predicted
    perfectly.
    """
    panels = PANELS[entities]
    values, true = estimates(entities, periods, link, panels)
    population, size = true.mean(axis=0), SIZES[link]
    cell = {"link": link, "N": entities, "T": periods, "R": panels}
    left = float(values["predicted"].mean())
    coefficients = ["not corrected", "corrected", "conditional"]
    averages = ["average effect, not corrected", "average effect"]
    bias = {
        name: 100 * (float(np.median(values[name][:, 0, 0])) / size - 1)
        if name in values
        else float("nan")
        for name in coefficients
    }
    bias |= {
        name: 100 * float((values[name][:, 0] - true).mean(axis=0)[0] / population[0])
        for name in averages
    }
    measured("bias_of_binary_outcomes", {**cell, "left": left, **bias}, digits=2)
    shares = {
        name: float(covers(values[name], size)[0]) if name in values else float("nan")
        for name in coefficients
    }
    shares |= {name: float(covers(values[name], population)[0]) for name in averages}
    shares["errors='sample'"] = float(covers(values["errors of the sample"], true)[0])
    measured("coverage_of_binary_outcomes", {**cell, **shares})
    dummies = {name: float(covers(values[name], size)[1]) for name in coefficients[:2]}
    dummies |= {name: float(covers(values[name], population)[1]) for name in averages}
    measured("coverage_of_binary_dummies", {**cell, **dummies})
    assert bias["not corrected"] > 5
    assert bias["not corrected"] > 3 * abs(bias["average effect"])
    if (entities, periods) == (31, 10):
        assert abs(bias["corrected"]) < 6
        assert 0.92 <= shares["average effect"] <= 0.97


@pytest.mark.montecarlo
@pytest.mark.parametrize("periods", [10, 20])
@pytest.mark.parametrize("entities", PANELS)
def test_autocorrelated_binary_outcomes(
    entities: int, periods: int, measured: Callable[..., None]
) -> None:
    """Logits as above, with errors of an entity that have an autocorrelation of .6."""
    panels = PANELS[entities]
    values, true = estimates(entities, periods, "logit", panels, 0.6)
    population, size = true.mean(axis=0), SIZES["logit"]
    average = values["average effect"]
    measured(
        "autocorrelated_binary_outcomes",
        {
            "N": entities,
            "T": periods,
            "R": panels,
            "bias of b, %": 100
            * (float(np.median(values["corrected"][:, 0, 0])) / size - 1),
            "coverage of b": float(covers(values["corrected"], size)[0]),
            "bias of the average effect, %": 100
            * float((average[:, 0] - true).mean(axis=0)[0] / population[0]),
            "coverage of the average effect": float(covers(average, population)[0]),
        },
        digits=3,
    )
    assert covers(average, population)[0] > 0.9


def test_the_simulation_runs() -> None:
    values, true = estimates(31, 8, "logit", 2)
    assert values["conditional"].shape == (2, 3, 2)
    assert true.shape == (2, 2)
