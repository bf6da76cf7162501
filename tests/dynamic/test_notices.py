"""Each notice where it belongs, and not elsewhere; three of them warn."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper import errors
from digiprosper.dynamic import dynamic_panel as notices
from tests.dynamic.conftest import balanced


def test_more_instruments_than_clusters() -> None:
    assert notices.many_instruments(31, "province", 31) == []
    (notice,) = notices.many_instruments(32, "province", 31)
    assert notice.data["n_instruments"] == 32
    assert "32 instruments and 31 clusters (province)" in notice.message
    assert "instrument_lags=(2, 3)" in notice.message


def test_few_entities() -> None:
    assert notices.few_entities(100) == []
    (notice,) = notices.few_entities(31)
    assert "estimator='lsdvc'" in notice.message


def test_bounds() -> None:
    bounds = {"within": 0.4, "ols": 0.9}
    assert notices.outside_bounds(0.4, bounds, "system") == []
    assert notices.outside_bounds(0.6, {"within": 0.9, "ols": 0.4}, "system") == []
    for estimate in (0.39, 0.91):
        (notice,) = notices.outside_bounds(estimate, bounds, "difference")
        assert f"persistence {estimate:.3f} is not between" in notice.message
        assert "Compare estimator='system'" in notice.message
    (notice,) = notices.outside_bounds(0.39, bounds, "system")
    assert "Compare estimator='difference'" in notice.message
    (notice,) = notices.outside_bounds(0.91, bounds, "half_panel")
    assert "Weak instruments" not in notice.message


def test_second_order() -> None:
    assert notices.second_order(np.nan, np.nan, 2) == []
    assert notices.second_order(1.9, 0.0574, 2) == []
    assert notices.second_order(2.0, 0.0455, 3) == []
    (notice,) = notices.second_order(2.0, 0.0455, 2)
    assert notice.data == {"z": 2.0, "p_value": 0.0455}


def test_a_p_value_of_one_is_no_comfort() -> None:
    assert notices.overidentification(np.nan, 40) == []
    assert notices.overidentification(0.9, 40) == []
    (notice,) = notices.overidentification(1.0, 40)
    assert "does not show that they are valid" in notice.message


def test_rejected_instruments() -> None:
    assert notices.overidentification(0.051, 9) == []
    (notice,) = notices.overidentification(0.0049, 9)
    assert "rejects that the 9 instruments are valid (p = 0.0049)" in notice.message
    assert "difference_in_hansen" in notice.message
    assert "a later lag (instrument_lags)" in notice.message
    assert hasattr(dp.DynamicResults, "difference_in_hansen")


def test_near_one_and_not_solved() -> None:
    assert notices.near_one(0.85, "lsdvc") == []
    (notice,) = notices.near_one(0.91, "lsdvc")
    assert notice.data == {"persistence": 0.91}
    assert "280 entities" not in notice.message
    assert "280 entities in 75%" in notices.near_one(0.91, "half_panel")[0].message
    assert notices.bias_not_solved(1.0, 0.2, solved=True) == []
    (notice,) = notices.bias_not_solved(1.0, 0.2, solved=False)
    assert "in 20% of the draws" in notice.message


@pytest.mark.parametrize(
    ("notice", "warns"),
    [
        (notices.many_instruments(9, "i", 3)[0], True),
        (notices.second_order(3.0, 0.003, 2)[0], True),
        (notices.first_lag(["y"])[0], True),
        (notices.bias_not_solved(1.0, 0.2, solved=False)[0], True),
        (notices.few_entities(5)[0], False),
        (notices.near_one(0.99, "lsdvc")[0], False),
        (notices.outside_bounds(2.0, {"within": 0.0, "ols": 1.0}, "system")[0], False),
        (notices.overidentification(1.0, 9)[0], False),
        (notices.overidentification(0.01, 9)[0], True),
    ],
)
def test_what_warns(notice: errors.Notice, warns: bool) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        errors.issue([notice])
    assert bool(caught) == warns


@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
def test_a_fit_has_them() -> None:
    """Autocorrelated errors of few entities."""
    rng = np.random.default_rng(1)
    error = rng.normal(size=(60, 10))
    y = np.zeros((60, 10))
    for t in range(1, 10):
        error[:, t] += 0.9 * error[:, t - 1]
        y[:, t] = 0.3 * y[:, t - 1] + error[:, t]
    frame = pd.DataFrame(
        {
            "i": np.repeat(np.arange(60), 10),
            "t": np.tile(np.arange(10), 60),
            "y": y.ravel(),
        }
    )
    panel, spec = (
        dp.Panel(frame, "i", "t"),
        dp.DynamicPanel("y", instrument_lags=(2, 4)),
    )
    fit = spec.fit(panel)
    codes = {notice.code for notice in fit.diagnostics}
    assert {"few_entities_gmm", "second_order", "hansen_rejected"} <= codes
    messages = " ".join(notice.message for notice in fit.diagnostics)
    assert messages.count("instrument_lags=(3, 6)") == 1
    later = spec.replace(instrument_lags={"y": (3, 6)}).fit(panel)
    assert later.ar_tests["p_value"][2] < 0.05
    assert "second_order" not in {notice.code for notice in later.diagnostics}
    assert fit.ar_tests["p_value"][2] < 0.05
    assert fit.hansen.p_value < 0.05


@pytest.mark.filterwarnings("ignore::digiprosper.FewDrawsWarning")
@pytest.mark.parametrize("estimator", ["difference", "system", "lsdvc", "half_panel"])
def test_a_treatment_of_one_entity_is_told(estimator: str) -> None:
    """Of 31 entities: in simulated panels 95% intervals covered it in a third."""
    frame = balanced(3, entities=31, periods=9)
    frame["pilot"] = ((frame["i"] == 0) & frame["t"].isin([2002, 2003, 2006])) * 1.0
    panel = dp.Panel(frame, "i", "t")
    spec = dp.DynamicPanel("y", ["x"], estimator=estimator, reps=499)
    with warnings.catch_warnings():
        warnings.simplefilter("error", dp.FewClustersWarning)
        spec.fit(panel, rng=1)
    with pytest.warns(dp.FewClustersWarning, match="of 'pilot' depends on few"):
        fit = spec.add("pilot").fit(panel, rng=1)
    (notice,) = (n for n in fit.diagnostics if n.code == "few_treated")
    assert notice.data["terms"]["pilot"]["effective"] < 1.5
    assert "DynamicPanel has no errors that allow for it. In Fixed" in notice.message
    assert list(notice.data["terms"]) == ["pilot"]
