"""Each notice where it belongs, and not elsewhere; three of them warn."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import digiprosper as dp
from digiprosper import errors
from digiprosper.dynamic import estimation as notices, kernel
from tests.dynamic.conftest import balanced


def of_gmm(**numbers: Any) -> list[errors.Notice]:
    """The notices of a fit without any, but for some numbers."""
    usual = {
        "count": 9,
        "cluster": ("i", 100),
        "entities": 100,
        "first_lags": {"y": 2},
        "second_order": (np.nan, np.nan),
        "hansen_p": np.nan,
    }
    return list(notices.gmm_notices(**{**usual, **numbers}))


def of_corrected(
    persistence: float, *, solved: bool = True, estimator: str = "lsdvc"
) -> list[errors.Notice]:
    """The notices of an estimate whose draws have no solution in a fifth."""
    draws = np.array([solved, False, True, True, True, True])
    return list(notices.corrected_notices(np.array([persistence]), draws, estimator))


def of_bounds(
    estimate: float, within: float, ols: float, estimator: str = "system"
) -> list[errors.Notice]:
    bounds = {"within": within, "ols": ols}
    return list(notices.outside_bounds(estimate, bounds, estimator))


def test_more_instruments_than_clusters() -> None:
    assert of_gmm(count=31, cluster=("province", 31)) == []
    (notice,) = of_gmm(count=32, cluster=("province", 31))
    assert notice.data["n_instruments"] == 32
    assert "32 instruments and 31 clusters (province)" in notice.message
    assert "instrument_lags=(2, 3)" in notice.message


def test_dummies_of_many_periods_are_more_instruments_than_clusters() -> None:
    """Neither collapsed instruments, the default, nor fewer lags would help."""
    (notice,) = of_gmm(count=51, cluster=("country", 38))
    assert "If most are dummies of periods, use estimator='lsdvc'" in notice.message
    said = "50 instruments and 20 clusters.* if most are dummies of periods"
    with pytest.raises(dp.IdentificationError, match=said):
        dp.DynamicPanel("y").fit(quarters(0.0))


def quarters(seasons: float, rho: float = 0.7) -> dp.Panel:
    """Twenty countries and 48 quarters, with seasons of this size in each country."""
    rng = np.random.default_rng(4)
    shocks, own = rng.normal(size=(20, 68)), seasons * rng.normal(size=(20, 4))
    y = np.zeros((20, 68))
    for t in range(1, 68):
        y[:, t] = rho * y[:, t - 1] + shocks[:, t]
    y += own[:, np.arange(68) % 4]
    times = pd.period_range("2010Q1", periods=48, freq="Q")
    index = pd.MultiIndex.from_product([range(20), times], names=["i", "t"])
    return dp.Panel(pd.DataFrame({"y": y[:, 20:].ravel()}, index=index))


@pytest.mark.parametrize(("rho", "estimate"), [(0.7, 0.5), (0.3, 0.1)])
def test_seasons_of_entities(rho: float, estimate: float) -> None:
    spec = dp.DynamicPanel("y", estimator="lsdvc", reps=49)

    def fit(panel: dp.Panel) -> dp.DynamicResults:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return spec.fit(panel, rng=1)

    seasonal = fit(quarters(1.0, rho))
    (notice,) = (n for n in seasonal.diagnostics if n.code == "seasons_of_entities")
    assert notice.data["statistic"] > 2
    assert "get_level_values('t').quarter" in notice.message
    assert seasonal.params.iloc[0] < estimate
    table = " ".join(str(dp.etable(seasonal)).split())
    assert "Residuals of each i have seasons, so that persistence" in table
    assert "残差存在季节性" in str(dp.etable(seasonal, style=dp.TableStyle("zh")))
    # What the notice recommends
    panel = quarters(1.0, rho)
    panel = panel.assign(season=lambda f: f.index.get_level_values("t").quarter)
    means = panel.frame.groupby(["i", "season"])["y"].transform("mean")
    mended = fit(panel.assign(y=panel["y"] - means))
    assert "seasons_of_entities" not in {n.code for n in mended.diagnostics}
    assert mended.params.iloc[0] == pytest.approx(rho, abs=0.06)
    assert "seasons_of_entities" not in {n.code for n in fit(quarters(0.0)).diagnostics}


def test_few_entities() -> None:
    assert of_gmm(entities=100) == []
    (notice,) = of_gmm(entities=99)
    assert "estimator='lsdvc'" in notice.message


def test_lag_one_of_outcome_and_endogenous_regressors() -> None:
    assert of_gmm(first_lags={}) == []
    (notice,) = of_gmm(first_lags={"y": 1, "w": 2})
    assert notice.data == {"terms": ("y",)}


def test_bounds() -> None:
    assert of_bounds(0.4, 0.4, 0.9) == []
    assert of_bounds(0.6, 0.9, 0.4) == []
    for estimate in (0.39, 0.91):
        (notice,) = of_bounds(estimate, 0.4, 0.9, "difference")
        assert f"persistence {estimate:.3f} is not between" in notice.message
        assert "Compare estimator='system'" in notice.message
        assert notice.data == {"estimate": estimate, "within": 0.4, "ols": 0.9}
    (notice,) = of_bounds(0.39, 0.4, 0.9)
    assert "Compare estimator='difference'" in notice.message
    (notice,) = of_bounds(0.91, 0.4, 0.9, "half_panel")
    assert "Weak instruments" not in notice.message


def test_second_order() -> None:
    assert of_gmm(second_order=(1.9, 0.0574)) == []
    assert of_gmm(second_order=(2.0, 0.0455), first_lags={"y": 3}) == []
    (notice,) = of_gmm(second_order=(2.0, 0.0455))
    assert notice.data == {"z": 2.0, "p_value": 0.0455}


def test_a_p_value_of_one_is_no_comfort() -> None:
    assert of_gmm(hansen_p=0.9) == []
    (notice,) = of_gmm(hansen_p=1.0)
    assert "does not show that they are valid" in notice.message


def test_rejected_instruments() -> None:
    assert of_gmm(hansen_p=0.051) == []
    (notice,) = of_gmm(hansen_p=0.0049)
    assert "rejects that the 9 instruments are valid (p = 0.0049)" in notice.message
    assert "difference_in_hansen" in notice.message
    assert "a later lag (instrument_lags)" in notice.message
    assert hasattr(dp.DynamicResults, "difference_in_hansen")


def test_near_one_and_not_solved() -> None:
    assert of_corrected(0.85) == []
    (notice,) = of_corrected(0.91)
    assert notice.data == {"persistence": 0.91}
    assert "280 entities" not in notice.message
    (notice,) = of_corrected(0.91, estimator="half_panel")
    assert "280 entities in 75%" in notice.message
    (notice,) = of_corrected(0.5, solved=False)
    assert notice.data == {"nearest": 0.5, "share": pytest.approx(0.2)}
    assert "in 20% of the draws" in notice.message


@pytest.mark.parametrize(
    ("notice", "warns"),
    [
        (of_gmm(count=101), True),
        (of_gmm(second_order=(3.0, 0.003)), True),
        (of_gmm(first_lags={"y": 1}), True),
        (of_corrected(0.5, solved=False), True),
        (of_gmm(entities=5), False),
        (of_corrected(0.99), False),
        (of_bounds(2.0, 0.0, 1.0), False),
        (of_gmm(hansen_p=1.0), False),
        (of_gmm(hansen_p=0.01), True),
    ],
)
def test_what_warns(notice: list[errors.Notice], warns: bool) -> None:
    assert len(notice) == 1
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        errors.issue(notice)
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


@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
def test_the_intercept_of_a_system_is_no_treatment() -> None:
    """Its variation net of a dummy of all rows but few is in these."""
    frame = balanced(3, entities=31, periods=9)
    frame["others"] = ((frame["i"] > 0) | (frame["t"] < 2003)) * 1.0
    spec = dp.DynamicPanel("y", ["x", "others"], estimator="system", time_effects=False)
    fit = spec.fit(dp.Panel(frame, "i", "t"))
    assert fit.names[-1] == "Intercept"
    (notice,) = (n for n in fit.diagnostics if n.code == "few_treated")
    assert list(notice.data["terms"]) == ["others"]


def test_seasons_of_entities_by_brute_force() -> None:
    """F of means by entity and season in residuals of the within regression."""
    rng = np.random.default_rng(5)
    n, size, n_seasons = 7, 21, 4
    columns = rng.normal(size=(n, size, 3)) * rng.uniform(1, 9, (n, 1, 1))
    columns[..., 0] += rng.normal(size=(n, n_seasons))[:, np.arange(size) % n_seasons]
    complete = rng.uniform(size=(n, size)) > 0.1
    columns *= complete[..., None]
    entity, period = np.nonzero(complete)
    rows = pd.DataFrame(columns[complete]).assign(i=entity, s=period % n_seasons)
    demeaned = rows[[0, 1, 2]] - rows.groupby("i")[[0, 1, 2]].transform("mean")
    slopes = np.linalg.lstsq(demeaned[[1, 2]], demeaned[0], rcond=None)[0]
    e = demeaned[0] - demeaned[[1, 2]] @ slopes
    rows["e"] = e / np.sqrt((e**2).groupby(rows["i"]).transform("mean"))
    means = rows.groupby(["i", "s"])["e"].transform("mean")
    df, df_rest = n * n_seasons - n - n_seasons + 1, len(rows) - 3 - n * n_seasons
    rest = float(((rows["e"] - means) ** 2).sum())
    expected = float((means**2).sum()) / df / (rest / df_rest)
    statistic, p_value = kernel.season_test(columns, complete, n_seasons)
    assert statistic == pytest.approx(expected)
    assert p_value == pytest.approx(stats.f.sf(expected, df, df_rest))
    # Too short: a season in each period
    short = kernel.season_test(columns[:, :4], complete[:, :4], n_seasons)
    assert np.isnan(short).all()
