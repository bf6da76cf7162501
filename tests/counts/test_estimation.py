"""What is noticed of a Poisson fit, and rows shared by several sets of regressors."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper.counts.estimation import prepare_counts

quiet = pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")


@pytest.fixture
def panel() -> dp.Panel:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(
        {
            "id": np.repeat(np.arange(40), 5),
            "t": np.tile(np.arange(5), 40),
            "x": rng.normal(size=200),
            "z": rng.normal(size=200),
        }
    )
    frame["y"] = rng.poisson(np.exp(0.4 * frame.x + 0.5))
    frame.loc[7, "z"] = np.nan
    return dp.Panel(frame, "id", "t")


def codes(results: dp.PoissonResults) -> list[str]:
    return [notice.code for notice in results.diagnostics]


@quiet
def test_lagged_outcomes_are_reported(panel: dp.Panel) -> None:
    fit = dp.PoissonEffects("y", ["x", "lag(y)"]).fit(panel)
    (notice,) = [n for n in fit.diagnostics if n.code == "lagged_outcome"]
    assert "earlier outcomes" in notice.message
    assert "lagged_outcome" not in codes(dp.PoissonEffects("y", ["x"]).fit(panel))


@quiet
def test_few_treated_clusters_are_reported(panel: dp.Panel) -> None:
    treated = panel.assign(
        d=lambda f: (
            1.0
            * (f.index.get_level_values("id") < 2)
            * (f.index.get_level_values("t") > 2)
        )
    )
    fit = dp.PoissonEffects("y", ["d"]).fit(treated)
    assert "few_treated" in codes(fit)


@quiet
def test_a_perfect_fit_is_reported(panel: dp.Panel) -> None:
    exact = panel.assign(y=lambda f: np.exp(0.5 * f["x"]))
    fit = dp.PoissonEffects("y", ["x"]).fit(exact)
    assert fit.params["x"] == pytest.approx(0.5, abs=1e-12)
    assert "perfect_fit" in codes(fit)


@quiet
def test_roles_share_their_rows(panel: dp.Panel) -> None:
    spec = dp.PoissonEffects("y", ["x"])
    counts = prepare_counts(spec, panel, {"short": ["x"], "long": ["x", "z"]})
    short, long = (counts.fit(counts.regressors(role)) for role in ("short", "long"))
    assert short.nobs == long.nobs == 199
    assert short.names == ("x",)
    assert long.names == ("x", "z")
    own = spec.fit(panel.subset(panel.frame["z"].notna()))
    np.testing.assert_allclose(short.params, own.params, atol=1e-12)
