from __future__ import annotations

import numpy as np
import pytest

import digiprosper as dp
from digiprosper import PanelSpatial
from digiprosper.spatial.preparation import (
    lag_name,
    lay_out,
    spatial_columns,
    without_means,
)


def test_means_of_entities_and_periods() -> None:
    columns = np.random.default_rng(1).normal(size=(12, 2))
    both = without_means(columns, 4, True, True).reshape(3, 4, 2)
    assert np.abs(both.mean(axis=0)).max() < 1e-15
    assert np.abs(both.mean(axis=1)).max() < 1e-15
    assert without_means(columns, 4, False, False) == pytest.approx(columns)


def test_the_layout_names_regressors_and_lags(states, contiguity) -> None:
    spec = PanelSpatial(
        "log(gsp)", ["log(pc)", "unemp"], contiguity, spatial_lags=["unemp"]
    )
    layout = lay_out(spec, states)
    assert layout.names == ("log(gsp)", "log(pc)", "unemp", lag_name("unemp"))
    assert (layout.slopes, layout.lags) == (("log(pc)", "unemp"), ("unemp",))
    assert layout.effects == (True, True)
    assert layout.lag(layout.raw[:, [2]]) == pytest.approx(layout.raw[:, [3]])


def test_demeaning_is_that_of_fixed_effects(states, contiguity) -> None:
    layout = lay_out(PanelSpatial("log(gsp)", ["log(pc)", "unemp"], contiguity), states)
    assert layout.demean(layout.raw) == pytest.approx(layout.demeaned, abs=1e-12)


def test_orders_of_lag_and_demeaning(states, contiguity) -> None:
    layout = lay_out(
        PanelSpatial("log(gsp)", ["unemp"], contiguity, model="sar"), states
    )
    exact = spatial_columns(layout, splm=False, error=False).y[:, 1:2]
    other = spatial_columns(layout, splm=True, error=False).y[:, 1:2]
    assert exact == pytest.approx(layout.demean(layout.lag(layout.raw[:, :1])))
    assert other == pytest.approx(layout.lag(layout.demean(layout.raw[:, :1])))
    assert np.abs(exact - other).max() > 1e-4


def test_categories_have_spatial_lags(states, contiguity) -> None:
    half = states.assign(
        late=lambda df: (df.index.get_level_values(0) < "M") * (df["unemp"] > 6) * 1.0
    )
    fit = PanelSpatial("log(gsp)", ["log(pc)", "C(late)"], contiguity).fit(half)
    assert "W:C(late)[T.1.0]" in fit.names


def test_an_absorbed_lag_is_named(states, contiguity) -> None:
    # The lag of a variable of a period alone is that of the period.
    trend = states.assign(trend=lambda df: df.index.get_level_values(1).astype(float))
    with pytest.raises(dp.IdentificationError) as caught:
        PanelSpatial("log(gsp)", ["log(pc)", "trend"], contiguity).fit(trend)
    assert {p.data["column"] for p in caught.value.problems} == {"trend", "W:trend"}


def test_lags_of_other_dummies_than_those_of_x_are_refused(states, contiguity) -> None:
    """Their coefficients were left out of the effects, which were zero."""
    slack = states.assign(slack=lambda df: df["unemp"] > 6)
    x = ["log(pc)", "log(pc):C(slack)"]
    spec = PanelSpatial("log(gsp)", x, contiguity, model="slx", spatial_lags=x[1:])
    with pytest.raises(dp.TermError, match="the dummies of a product with"):
        spec.fit(slack)
    assert spec.replace(spatial_lags=None).fit(slack).effects.lags.all()
