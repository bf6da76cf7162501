"""Counts: the slope of a Poisson regression."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

import digiprosper as dp
from tests.certificate.designs import (
    Cell,
    Study,
    Trial,
    autoregressive,
    cells,
    has_notice,
    panel_of,
    quiet,
    regressor,
)

if TYPE_CHECKING:
    from tests.certificate.designs import Rng


def slope(rng: Rng, cell: Cell, effect: float) -> dict[str, Trial]:
    """Test the only slope of a two-way Poisson regression."""
    x = regressor(rng, cell)
    scale = 0.5 * np.exp(0.5 * rng.normal(size=(cell.n, 1)) * (cell.errors == "skew"))
    shock = scale * autoregressive(rng, cell.n, cell.t, 0.6) - scale**2 / 2
    level = -1.0 if cell.errors == "zeros" else 1.5
    index = level + 0.5 * rng.normal(size=(cell.n, 1)) + effect * x + shock
    panel = panel_of(rng, cell, {"x": x, "y": rng.poisson(np.exp(index))})
    spec = dp.PoissonEffects("y", ["x"])
    fit = quiet(spec.fit, panel)
    jackknife = quiet(spec.replace(cov_type="crv3").fit, panel)
    wild = quiet(dp.wild_bootstrap, spec, panel, "x", reps=399, rng=rng)
    others = {"CRV3": jackknife.pvalues["x"], "wild bootstrap": wild.p_value}
    statistic = abs(float(fit.tstats["x"]))
    # The note of few clusters says here that intervals are too short.
    noticed = any(notice.code == "few_clusters" for notice in fit.diagnostics)
    trial = Trial(
        fit.pvalues["x"], statistic, others, noticed=noticed or has_notice(fit)
    )
    return {"Slope, Poisson": trial}


STUDIES = {
    "counts": Study(
        {"Slope, Poisson": "coverage"},
        slope,
        cells(("Poisson", "skew", "zeros"), (31, 100), (10,)),
        about=(
            "The 95% interval of the slope of a Poisson regression with two-way "
            "effects, clustered by entity; the wild bootstrap is of scores. Log means "
            "have shocks with an autocorrelation of .6 and a standard deviation of .5, "
            "so that counts vary more than Poisson ones. **Poisson** has normal "
            "regressors and means of about five, **skew** persistent lognormal "
            "regressors and shocks whose variances differ between entities, **zeros** "
            "means of about .4."
        ),
        outside=(
            "the default uses the normal distribution, as ppmlhdfe and fixest do, and "
            "is too short with 31 clusters; CRV3 and the wild bootstrap allow for few."
        ),
        effects={"Poisson": 0.1, "skew": 0.1, "zeros": 0.2},
        reps=400,
    ),
}
