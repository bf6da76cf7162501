"""Spatial models: tests, and intervals of the spatial Durbin model."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

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

_TESTS = (
    "LM lag",
    "LM error",
    "Robust LM lag",
    "Robust LM error",
    "LR SDM against SAR",
    "Wald SDM against SAR",
    "LR SDM against SEM",
    "Wald SDM against SEM",
)
_RHO = 0.3


@cache
def weights_of(n: int, kind: str) -> dp.SpatialWeights:
    """Return weights of n places that are drawn once, the four nearest or 1/d."""
    rng = np.random.default_rng(n)
    places = pd.DataFrame(
        {"lat": rng.uniform(20, 45, n), "lon": rng.uniform(80, 120, n)}
    )
    if kind == "1/d":
        return dp.SpatialWeights.inverse_distance(places)
    return dp.SpatialWeights.k_nearest(places, 4)


def spatial_panel(
    rng: Rng, cell: Cell, rho: float, lag: float
) -> tuple[dp.Panel, dp.SpatialWeights]:
    """Draw a spatial Durbin model with a slope of one, two-way effects."""
    kind = "1/d" if cell.design.endswith("1/d") else "4 nearest"
    plain = cell._replace(design=cell.design.removesuffix(", 1/d"))
    weights = weights_of(cell.n, kind)
    w = weights.dense
    x = regressor(rng, plain)
    error = errors(rng, plain, x)
    y = np.linalg.solve(np.eye(cell.n) - rho * w, x + lag * w @ x + error)
    return panel_of(rng, plain, {"x": x, "y": y}), weights


def tests(rng: Rng, cell: Cell, effect: float) -> dict[str, Trial]:
    """Test for spatial lags where there are none, or some of outcome and regressor."""
    panel, weights = spatial_panel(rng, cell, effect, effect)
    actual = quiet(dp.spatial_tests, dp.PanelSpatial("y", ["x"], weights), panel)
    frame, noticed = actual.frame.set_index("test"), has_notice(actual)
    return {
        name: Trial(
            row["p_value"],
            # The alternative has no spatial error.
            float("nan") if name == "Robust LM error" else row["statistic"],
            {"chi-squared": row["chi2_p_value"]},
            noticed,
        )
        for name, row in frame.loc[list(_TESTS)].iterrows()
    }


def durbin(rng: Rng, cell: Cell, effect: float) -> dict[str, Trial]:
    """Cover rho and the indirect effect of a spatial Durbin model."""
    panel, weights = spatial_panel(rng, cell, _RHO, 0.5)
    w, eye = weights.dense, np.eye(cell.n)
    multiplier = np.linalg.inv(eye - _RHO * w) @ (eye + 0.5 * w)
    indirect = float(multiplier.sum() - np.trace(multiplier)) / cell.n
    spec = dp.PanelSpatial("y", ["x"], weights)
    held: dict[str, list[float]] = {}
    noticed = False
    for likelihood in ("adjusted", "unadjusted"):
        try:
            fit = quiet(spec.replace(likelihood=likelihood).fit, panel)
        except dp.IdentificationError as error:
            if "no maximum" not in str(error):
                raise
            held[likelihood] = [np.nan, np.nan]
            continue
        effects = fit.impacts.set_index("kind").loc["indirect"]
        rho = fit.conf_int().loc["rho"]
        held[likelihood] = [
            *inside(rho.iloc[0], _RHO, rho.iloc[1]),
            *inside(effects["conf_low"], indirect, effects["conf_high"]),
        ]
        if likelihood == "adjusted":
            noticed = has_notice(fit)
    default, plain = held["adjusted"], held["unadjusted"]
    return {
        name: Trial(default[k], float("nan"), {"unadjusted": plain[k]}, noticed)
        for k, name in enumerate(("SDM, rho", "SDM, indirect effect"))
    }


_DISTANCE = [Cell(31, 10, f"{design}, 1/d") for design in ("AR", "skew", "hetx")]
STUDIES = {
    "spatial-tests": Study(
        dict.fromkeys(_TESTS, "size"),
        tests,
        [*cells(missing=False), *_DISTANCE],
        "`spatial_tests` without spatial lags, with two-way effects. Weights are those "
        "of the four nearest of places that are drawn once, or of 1/d. Power is that "
        "against equal spatial lags of outcome and regressor.",
        "Variances that follow a regressor are not those of the draws by unit.",
        {"AR": 0.25, "skew": 0.2, "hetx": 0.25},
        reps=300,
        weaker="the draws change signs by unit, so a few units with large residuals "
        "decide the largest values; and the regressors of the Durbin model "
        "cost degrees of freedom.",
    ),
    "durbin": Study(
        {"SDM, rho": "coverage", "SDM, indirect effect": "coverage"},
        durbin,
        [*cells(missing=False), *_DISTANCE],
        "`PanelSpatial`, the spatial Durbin model with rho = 0.3, a slope of 1 and one "
        "of 0.5 on the spatial lag of the regressor, two-way effects.",
        "The errors are correlated or skewed within entities; read the interval as "
        "too short.",
        reps=1000,
    ),
}
