"""Mediation, thresholds, turning points and matching."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

import digiprosper as dp
from tests.certificate.designs import (
    Cell,
    Study,
    Trial,
    cells,
    errors,
    has_notice,
    inside,
    panel_of,
    quiet,
    regressor,
)

if TYPE_CHECKING:
    from tests.certificate.designs import Rng


def mediation(rng: Rng, cell: Cell, effect: float) -> dict[str, Trial]:
    """Cover an indirect effect of .09, and test one of zero."""
    x = regressor(rng, cell)
    first, second = (errors(rng, cell, x) for _ in range(2))
    shown = {}
    for name, a in (("covered", 0.3), ("tested", 0.0)):
        m = a * x + first
        panel = panel_of(rng, cell, {"x": x, "m": m, "y": 0.2 * x + 0.3 * m + second})
        spec = dp.Mediation("y", "x", "m", reps=399)
        fit = quiet(spec.fit, panel, rng=rng)
        ends = [
            fit.interval(method).loc["indirect", ["conf_low", "conf_high"]]
            for method in ("percentile", "delta")
        ]
        held = [inside(low, a * 0.3, high) for low, high in ends]
        shown[name] = Trial(
            held[0], float("nan"), {"delta (Sobel)": held[1]}, has_notice(fit)
        )
    return {
        "Indirect effect": shown["covered"],
        "Indirect effect of zero": shown["tested"],
    }


def threshold(rng: Rng, cell: Cell, effect: float) -> dict[str, Trial]:
    """Test a threshold that is not there, and cover one that is."""
    q, z = regressor(rng, cell), regressor(rng, cell)
    error = errors(rng, cell, z)
    middle = float(np.median(q))
    spec = dp.PanelThreshold("y", "z", "q", reps=199)
    none = panel_of(rng, cell, {"q": q, "z": z, "y": z + error})
    fit = quiet(spec.fit, none, rng=rng)
    jump = panel_of(rng, cell, {"q": q, "z": z, "y": z * (1 + (q > middle)) + error})
    actual = quiet(spec.replace(bootstrap=None).fit, jump)
    profile = actual.profile()
    true = profile.loc[profile["gamma"] <= middle, "lr"].iloc[-1]
    held = {
        word: float(true <= actual.critical_value(method=word))
        for word in ("scaled", "lr")
    }
    return {
        "Threshold test": Trial(
            float(fit.tests["p_value"].iloc[0]), noticed=has_notice(fit)
        ),
        "Threshold set": Trial(
            held["scaled"], float("nan"), {"LR (Hansen)": held["lr"]}
        ),
    }


def u_shape(rng: Rng, cell: Cell, effect: float) -> dict[str, Trial]:
    """Test a U where the slope at the lower end is zero."""
    x = regressor(rng, cell)
    error = errors(rng, cell, x)
    low = float(x.min())
    y = 0.1 * (x - low) ** 2 + error
    panel = panel_of(rng, cell, {"x": x, "y": y})
    fit = quiet(dp.FixedEffects("y", ["x", "I(x**2)"]).fit, panel)
    test = quiet(dp.u_test, fit, "x")
    # Without a turning point in the range it does not reject.
    p_value = 1.0 if np.isnan(test.p_value) else test.p_value
    return {"U test": Trial(p_value)}


def cross_section(rng: Rng, cell: Cell) -> pd.DataFrame:
    """Draw entities of which those with large covariates are treated more often."""
    size, age = rng.normal(size=(2, cell.n))
    chance = 1 / (1 + np.exp(-(0.5 * size + 0.3 * age - 0.8)))
    policy = (rng.uniform(size=cell.n) < chance).astype(float)
    growth = policy + size + 0.5 * age + rng.normal(size=cell.n)
    return pd.DataFrame(
        {
            "i": np.arange(cell.n),
            "size": size,
            "age": age,
            "policy": policy,
            "growth": growth,
        }
    )


def matching(rng: Rng, cell: Cell, effect: float) -> dict[str, Trial]:
    """Cover the average effect of matched entities."""
    frame = cross_section(rng, cell)
    panel = dp.Panel(frame, "i")
    try:
        matched = quiet(dp.match_entities, panel, "policy", ["size", "age"], **_ALL)
    except dp.IdentificationError:
        # Too few are treated, or the logit separates them.
        return {"Matched effect": Trial(float("nan"), noticed=True)}
    average = quiet(matched.att, frame.set_index("i")["growth"])
    low, high = average.interval()
    covered = inside(low, 1.0, high)
    return {"Matched effect": Trial(covered, noticed=has_notice(average))}


def entropy(rng: Rng, cell: Cell, effect: float) -> dict[str, Trial]:
    """Cover the average effect of treated entities under entropy weights."""
    frame = cross_section(rng, cell)
    panel, x = dp.Panel(frame, "i"), ["size", "age"]
    try:
        matched = quiet(dp.match_entities, panel, "policy", x, method="entropy")
    except dp.IdentificationError:
        # Too few are treated, or no weights balance their means.
        return {"Balanced effect": Trial(float("nan"), noticed=True)}
    average = quiet(matched.att, frame.set_index("i")["growth"])
    spec = dp.FixedEffects(
        "growth",
        ["policy"],
        entity_effects=False,
        time_effects=False,
        cov_type="robust",
        obs_weights="w",
    )
    fit = quiet(spec.fit, panel.assign(w=matched.weights))
    ends = fit.conf_int().loc["policy"]
    covered = [
        inside(low, 1.0, high) for low, high in (average.interval(), tuple(ends))
    ]
    return {
        "Balanced effect": Trial(
            covered[0],
            float("nan"),
            {"weights taken as given": covered[1]},
            has_notice(average),
        )
    }


_ALL: dict[str, Any] = {"caliper": None, "support": False}
STUDIES = {
    "mediation": Study(
        {"Indirect effect": "coverage", "Indirect effect of zero": "size"},
        mediation,
        cells(sizes=(31,), periods=(10,)),
        "`Mediation` with two-way effects, bootstrap of entities; 399 draws.",
        "With skewed regressors draws of entities are too alike; `joint_significance` "
        "needs no interval of a product.",
        reps=300,
    ),
    "threshold": Study(
        {"Threshold test": "size", "Threshold set": "coverage"},
        threshold,
        cells(sizes=(31,), periods=(10,)),
        "`PanelThreshold` without a threshold, and with a jump of 1 in the slope at "
        "the median; 199 draws.",
        "The set is larger than it need be.",
        reps=200,
    ),
    "u-test": Study(
        {"U test": "size"},
        u_shape,
        cells(sizes=(31,), periods=(10,)),
        "`u_test` at the boundary: the slope is zero at the lower end.",
        "The end of the range is one row of a skewed regressor.",
        reps=500,
    ),
    "matching": Study(
        {"Matched effect": "coverage"},
        matching,
        [Cell(n, 1, "two covariates") for n in (31, 100)],
        "`Matching.att`, all treated entities matched; about a third is treated.",
        "Controls are few, and one is often used many times; use regression with the "
        "same covariates.",
        reps=500,
    ),
    "entropy": Study(
        {"Balanced effect": "coverage"},
        entropy,
        [Cell(n, 1, "two covariates") for n in (31, 100)],
        "`Matching.att` with `method='entropy'`; about a third is treated. The weights "
        "are taken as given by a weighted regression with robust errors.",
        "Few are treated.",
        reps=1000,
    ),
}
