"""Logits of yes/no outcomes: coefficients and average effects."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, ndtr
from scipy.stats import logistic

import digiprosper as dp
from tests.certificate.designs import (
    Cell,
    Study,
    Trial,
    autoregressive,
    cells,
    inside,
    panel_of,
    quiet,
)

if TYPE_CHECKING:
    from tests.certificate.designs import Array, Rng

SLOPE = 0.8
RARE = -2.5
_USUAL = {"perfectly_predicted", "independent_errors"}


def drawn_outcome(rng: Rng, cell: Cell) -> tuple[Array, Array, float]:
    """Draw a regressor and an outcome (n, t); also return the average effect."""
    x = autoregressive(rng, cell.n, cell.t, 0.5)
    entity, common = rng.normal(size=(cell.n, 1)), rng.normal(size=(1, cell.t))
    x = x + 0.5 * entity
    index = SLOPE * x + 1.6 * entity + 0.5 * common
    index += RARE * (cell.errors == "rare")
    error = autoregressive(rng, cell.n, cell.t, 0.6 * (cell.errors == "autocorrelated"))
    y = (index + logistic.ppf(ndtr(error)) > 0).astype(float)
    return x, y, SLOPE * float((expit(index) * expit(-index)).mean())


@cache
def average_effect(t: int, design: str) -> float:
    """Compute the average effect in the population that entities are drawn from."""
    drawn = (
        drawn_outcome(np.random.default_rng([t, seed]), Cell(400, t, design))[2]
        for seed in range(200)
    )
    return float(np.mean(list(drawn)))


def logit(rng: Rng, cell: Cell, effect: float) -> dict[str, Trial]:
    """Cover a coefficient of .8, and the average effect that it makes."""
    x, y, _ = drawn_outcome(rng, cell)
    panel = panel_of(rng, cell, {"x": x, "y": y})
    spec = dp.LogitEffects("y", ["x"])
    truth = average_effect(cell.t, cell.design)
    try:
        fit = quiet(spec.fit, panel)
        plain = quiet(spec.replace(bias_correction=None).fit, panel)
        conditional = dp.LogitEffects("y", ["x", "C(t)"], time_effects=False)
        given = quiet(conditional.fit, panel)
    except dp.IdentificationError:
        nothing = Trial(float("nan"), noticed=True)
        return {"Logit coefficient": nothing, "Average effect, logit": nothing}
    linear = quiet(dp.FixedEffects("y", ["x"]).fit, panel)

    def held(result: dp.Results, value: float) -> Array:
        low, high = result.tidy()[["conf_low", "conf_high"]].iloc[0]
        return inside(low, value, high)

    noticed = any(notice.code not in _USUAL for notice in fit.diagnostics)
    averages = {
        "errors='sample'": fit.average_effects(errors="sample"),
        "not corrected": plain.average_effects(),
        "linear probability model": linear,
    }
    return {
        "Logit coefficient": Trial(
            held(fit, SLOPE),
            float("nan"),
            {"not corrected": held(plain, SLOPE), "conditional": held(given, SLOPE)},
            noticed,
        ),
        "Average effect, logit": Trial(
            held(fit.average_effects(), truth),
            float("nan"),
            {name: held(result, truth) for name, result in averages.items()},
            noticed,
        ),
    }


STUDIES = {
    "logit": Study(
        {"Logit coefficient": "coverage", "Average effect, logit": "coverage"},
        logit,
        cells(
            ("independent", "autocorrelated", "rare"),
            sizes=(31, 100),
            periods=(10,),
            missing=False,
        ),
        "`LogitEffects` with two-way effects, corrected; a regressor that is "
        "correlated with the entity effect, and a coefficient of .8. Errors are "
        "independent, or have an autocorrelation of .6; under 'rare' few outcomes are "
        "one. Effects on the probability are averages over the population.",
        "The correction of coefficients assumes errors that are independent over time; "
        "average effects need it less.",
        reps=600,
    )
}
