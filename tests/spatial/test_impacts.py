from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper.spatial.impacts import SpatialEffects, effects_frame, unit_frame


def made(draws: np.ndarray | None = None) -> SpatialEffects:
    estimates = np.array([[1.0, 2.0], [0.5, 0.0], [1.5, 2.0]])
    covariance = np.diag([0.01, 0.04, 0.01, 0.0, 0.04, 0.04])
    units = np.vstack([np.full(3, v) for v in (1.0, 1.5, 1.5, 0.0, 0.0, 0.0)])
    return SpatialEffects(
        terms=("a", "b"),
        slopes=np.array([1.0, 2.0]),
        lags=np.zeros(2),
        estimates=estimates,
        covariance=covariance,
        draws=draws,
        units=units,
        entities=pd.Index(["u", "v", "w"]),
    )


def test_three_rows_a_term() -> None:
    frame = effects_frame(made(), np.inf, 0.95)
    assert frame["term"].tolist() == ["a"] * 3 + ["b"] * 3
    assert frame["kind"].tolist() == ["direct", "indirect", "total"] * 2
    assert frame["estimate"].tolist() == [1.0, 0.5, 1.5, 2.0, 0.0, 2.0]
    assert frame.loc[0, "conf_high"] == pytest.approx(1.0 + 1.959964 * 0.1, abs=1e-6)
    assert frame.loc[2, "p_value"] == pytest.approx(6.4e-14, rel=0.01)


def test_an_effect_set_to_zero_has_no_error() -> None:
    frame = effects_frame(made(), np.inf, 0.95)
    assert frame.loc[4, ["std_error", "statistic", "p_value", "conf_low", "conf_high"]].isna().all()


def test_levels_are_checked() -> None:
    with pytest.raises(dp.OptionError):
        effects_frame(made(), np.inf, 95)


def test_draws_give_errors_and_percentiles() -> None:
    rng = np.random.default_rng(1)
    draws = made().estimates + 0.1 * rng.normal(size=(500, 3, 2))
    draws[:, 1, 1] = 0.0
    frame = effects_frame(made(draws), np.inf, 0.9)
    assert frame.loc[0, "std_error"] == pytest.approx(draws[:, 0, 0].std(ddof=1))
    low = np.quantile(draws[:, 0, 0], 0.05)
    assert frame.loc[0, "conf_low"] == pytest.approx(low, abs=0.01)
    assert frame.loc[4, ["std_error", "p_value", "conf_low"]].isna().all()


def test_units() -> None:
    frame = unit_frame(made(), "city")
    assert list(frame.columns) == ["city", "term", "direct", "indirect", "total", "to_others"]
    assert frame.loc[1].tolist() == ["u", "b", 2.0, 1.0, 3.0, 1.0]
