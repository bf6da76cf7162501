"""Results of event studies of counts: scales, tests, tables, figures."""

from __future__ import annotations

import pickle

import matplotlib as mpl
import numpy as np
import pytest

import digiprosper as dp
from tests.policy.test_event_study import draw, panel_of, study

pytestmark = pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")


@pytest.fixture(scope="module")
def fit() -> dp.PoissonEventStudyResults:
    return study(x=["x"]).fit(panel_of(draw((2003.0, 2005.0))))


def test_scales_are_the_same_effects(fit) -> None:
    log, percent, counts = (
        fit.event_path(scale=scale).set_index("time")
        for scale in ("log", "percent", "counts")
    )
    ends = ["estimate", "conf_low", "conf_high"]
    np.testing.assert_allclose(percent[ends], 100 * np.expm1(log[ends]))
    error = 100 * np.exp(log["estimate"]) * log["std_error"]
    np.testing.assert_allclose(percent["std_error"], error)
    assert (np.sign(counts["estimate"]) == np.sign(log["estimate"])).all()
    assert counts.loc[-1, "estimate"] == 0
    assert np.isnan(counts.loc[-1, "std_error"])
    np.testing.assert_allclose(
        counts["conf_high"] - counts["estimate"], 1.959963985 * counts["std_error"]
    )


def test_average_effects_lie_between_those_of_event_times(fit) -> None:
    averages = fit.average_effects().set_index("scale")
    for scale in ("log", "percent", "counts"):
        path = fit.event_path(scale=scale)
        after = path.loc[path["time"] >= 0, "estimate"]
        assert after.min() < averages.loc[scale, "estimate"] < after.max()


def test_differences_of_fitted_means_are_the_effects_in_counts() -> None:
    """With one cohort a mean without treatment is the mean over the ratio."""
    fit = study().fit(panel_of(draw((2004.0,))))
    mean = fit.fitted_values
    year = mean.index.get_level_values("year")
    city = mean.index.get_level_values("city")
    path = fit.event_path(scale="counts").set_index("time")["estimate"]
    for time in (0, 1):
        rows = mean[(year == 2004 + time) & (city % 2 == 1)]
        ratio = np.exp(fit.params[f"event:{time}"])
        assert path[time] == pytest.approx((rows - rows / ratio).mean(), rel=1e-9)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"scale": "ratio"}, "scale='ratio'"),
        ({"scale": "counts", "bands": "joint"}, "bands='joint'"),
        ({"bands": "both"}, "bands='both'"),
        ({"level": 2}, "level"),
    ],
)
def test_paths_that_do_not_exist_are_refused(fit, options, match) -> None:
    with pytest.raises(dp.OptionError, match=match):
        fit.event_path(**options)


def test_joint_bands_are_wider(fit) -> None:
    pointwise, joint = fit.event_path(), fit.event_path(bands="joint")
    estimated = pointwise["time"] != -1
    assert (joint["conf_low"] < pointwise["conf_low"])[estimated].all()
    percent = fit.event_path(bands="joint", scale="percent")
    np.testing.assert_allclose(percent["conf_high"], 100 * np.expm1(joint["conf_high"]))


def test_periods_before_treatment_are_tested(fit) -> None:
    test = fit.pretrend_test()
    leads = fit.cov.iloc[:2, :2].to_numpy()
    b = fit.params.iloc[:2].to_numpy()
    assert test.statistic == pytest.approx(b @ np.linalg.inv(leads) @ b, rel=1e-8)
    assert test.distribution == "chi2"
    unbinned = study(before=5, after=2).fit(panel_of(draw((2005.0,))))
    assert unbinned.window.binned == ()
    intervals = unbinned.honest(effect="average", bounds=[0.5, 1.0])
    assert intervals.frame["conf_low"].is_monotonic_decreasing
    assert unbinned.pretrend_power()["power"].round(2).tolist() == [0.5, 0.8]


def test_summary_table_and_figure(fit) -> None:
    text = str(fit.summary())
    assert "Event study by Poisson regression, outcome: y" in text
    assert "Average effect since treatment" in text
    assert "Event time -1 is the reference." in text
    assert fit.glance()["n_separated"] == 0
    assert fit.to_dict()["average_effects"][0]["scale"] == "log"
    table = dp.etable([fit], stats=["nobs", "deviance", "n_separated"])
    assert "coefficients of event times are logs" in " ".join(str(table).split())
    chinese = str(
        dp.etable(
            [fit], stats=["nobs", "n_separated"], style=dp.TableStyle(language="zh")
        )
    )
    assert "泊松回归" in chinese
    assert "分离样本数" in chinese
    mpl.use("Agg")
    axes = dp.plots.event_study(fit, counts=True)
    assert axes.get_xticklabels()[0].get_text().startswith("≤ −3")


def test_it_is_pickled_and_keeps_rows_only_if_asked(fit) -> None:
    other = pickle.loads(pickle.dumps(fit))
    assert other.to_dict() == fit.to_dict()
    small = study(x=["x"], keep_rows=False).fit(panel_of(draw((2003.0, 2005.0))))
    assert small.params.equals(fit.params)
    assert small.glance()["sample_hash"] == fit.glance()["sample_hash"]
    assert small.nobs == fit.nobs == 480
    with pytest.raises(dp.OptionError, match="keep_rows"):
        small.fitted_values  # noqa: B018
    assert set(fit.effects) == {"city", "year"}
    assert fit.resids.sum() == pytest.approx(0, abs=1e-6)


def test_effects_predict_the_fitted_means(fit) -> None:
    """Of a row that is never treated: effects and the control."""
    mean = fit.fitted_values
    city, year = (mean.index.get_level_values(k) for k in ("city", "year"))
    frame = draw((2003.0, 2005.0)).set_index(["city", "year"])
    never = city % 3 == 0
    index = fit.effects["city"][city].to_numpy() + fit.effects["year"][year].to_numpy()
    index = index + fit.params["x"] * frame.loc[mean.index, "x"]
    np.testing.assert_allclose(np.exp(index[never]), mean[never], rtol=1e-7)
