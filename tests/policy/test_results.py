"""What is read from an event study: path, test, tables, files, predictions."""

from __future__ import annotations

import json
import pickle
import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper import EventStudy, EventStudyResults, LinearResults, Panel
from digiprosper.errors import InputTypeError, OptionError
from digiprosper.report.summary import Summary

if TYPE_CHECKING:
    from collections.abc import Callable


def test_the_path_has_the_intervals_of_the_fit(study) -> None:
    path = study.event_path(0.9).set_index("time")
    wanted = study.conf_int(level=0.9)
    for time in (-3, -2, 0, 1, 2):
        np.testing.assert_array_equal(
            path.loc[time, ["conf_low", "conf_high"]].astype(float),
            wanted.loc[f"event:{time}"],
        )
    pd.testing.assert_frame_equal(study.path, study.event_path(0.95))


def test_the_test_of_the_leads_is_their_wald_test(study) -> None:
    test = study.pretrend_test()
    wanted = study.wald_test("event:-3 = 0, event:-2 = 0")
    assert (test.statistic, test.df, test.p_value) == (
        wanted.statistic,
        wanted.df,
        wanted.p_value,
    )
    assert test.df == (2.0, 59.0)


def test_a_window_without_leads_has_no_test(panel) -> None:
    fit = EventStudy("y", "first", before=1, after=2).fit(panel)
    with pytest.raises(OptionError):
        fit.pretrend_test()
    assert "Pre-trend" not in fit.summary()


@pytest.mark.parametrize(
    ("treated", "cov_type", "possible"),
    [
        (1, "clustered", False),
        (2, "clustered", True),
        (2, "crv3", False),
        (3, "crv3", True),
    ],
)
def test_no_f_test_of_as_many_leads_as_treated_clusters(
    frame: pd.DataFrame, treated: int, cov_type: str, possible: bool
) -> None:
    few = frame.assign(
        first=frame["first"].where(frame["city"].isin([0, 3, 6][:treated]))
    )
    spec = EventStudy("y", "first", before=3, after=2, cov_type=cov_type)
    with pytest.warns(dp.FewClustersWarning):
        fit = spec.fit(Panel(few, "city", "year"))
    if possible:
        assert fit.pretrend_test().df[0] == 2
        return
    with pytest.raises(OptionError) as caught:
        fit.pretrend_test()
    assert caught.value.problems[0].data["option"] == "before"
    assert "Pre-trend test not available" in fit.summary()
    with pytest.warns(dp.DigiprosperWarning):
        plain = spec.replace(cov_type="unadjusted").fit(Panel(few, "city", "year"))
    assert 0 < plain.pretrend_test().p_value < 1


def test_more_leads_than_the_covariance_allows(frame) -> None:
    panel = Panel(frame.assign(region=frame["city"] % 3), "city", "year")
    with pytest.warns(dp.FewClustersWarning):
        fit = EventStudy("y", "first", before=4, after=2, clusters="region").fit(panel)
    assert "not available" in fit.summary()


def test_the_summary_prints_reference_bins_and_counts(study) -> None:
    text = study.summary()
    assert re.search(r"event:-1 +0 +reference\n", text)
    assert "event:-3 is ≤ -3, event:2 is ≥ 2" in text
    assert "city treated: 40 (2004: 20, 2006: 20); never: 20" in text
    test = study.pretrend_test()
    words = " ".join(text.split())
    assert f"Pre-trend test: F(2, 59) = {test.statistic:.4g}, " in words
    assert f"p = {test.p_value:.3f} (restricted wild cluster bootstrap, 999" in words
    known = test.alternatives["stata"]
    assert (
        f"Stata prints F(2, 59) = {known.statistic:.4g}, p = {known.p_value:.3f}"
        in (words)
    )


def test_tables_have_event_times_in_words(study) -> None:
    text = str(dp.etable(study))
    for words in (
        "Event time ≤ -3",
        "Event time -2",
        "Event time 0",
        "Event time ≥ 2",
        "Capital",
    ):
        assert words in text
    assert "Event time 0" not in str(
        dp.etable(study, labels={"event:0": "Year of the policy"})
    )
    ax = dp.plots.coefficients(study, keep="event*")
    assert [t.get_text() for t in ax.get_yticklabels()][1] == "Event time -2"


def test_a_binned_end_and_a_single_event_time_have_rows_of_their_own(
    panel, study
) -> None:
    wide = EventStudy("y", "first", ["x"], before=4, after=3).fit(panel)
    text = str(dp.etable([study, wide]))
    assert "Event time ≤ -3" in text
    assert "Event time -3" in text


def test_pickles_and_plain_data(study) -> None:
    again = pickle.loads(pickle.dumps(study))
    assert isinstance(again, EventStudyResults)
    pd.testing.assert_frame_equal(again.path, study.path)
    assert again.summary() == study.summary()
    stored = study.to_dict()
    json.dumps(stored)
    assert stored["type"] == "EventStudyResults"
    assert stored["n_never"] == 20
    assert [row["time"] for row in stored["path"]] == [-3, -2, -1, 0, 1, 2]
    assert Summary.from_dict(stored).to_text() == study.summary()


def test_it_is_a_linear_result(study) -> None:
    assert isinstance(study, LinearResults)
    assert study.glance()["model"] == "EventStudy"
    assert study.glance()["n_treated"] == 40
    table = dp.etable(study, stats=["n_entities", "n_treated"]).frame
    assert table.loc["Treated entities"].tolist() == ["40"]
    assert [term.family for term in study.terms] == [
        "binned_event",
        *["event"] * 3,
        "binned_event",
        "linear",
    ]
    combination = study.combination("event:1 - event:0")
    np.testing.assert_allclose(
        combination.estimate, study.params["event:1"] - study.params["event:0"]
    )


def test_predictions_are_the_fitted_values(panel, study) -> None:
    actual = study.predict(panel)
    pd.testing.assert_series_equal(actual, study.fitted_values.rename("y"), rtol=1e-12)
    part = panel.subset("city != 3")
    np.testing.assert_allclose(
        study.predict(part), actual.reindex(part.index), atol=1e-12
    )


def test_predictions_take_a_panel(study) -> None:
    with pytest.raises(InputTypeError, match="predict takes a Panel, not int"):
        study.predict(3)


def test_predictions_without_effects_have_the_intercept(panel) -> None:
    fit = EventStudy(
        "y", "first", before=3, after=2, entity_effects=False, time_effects=False
    ).fit(panel)
    np.testing.assert_allclose(fit.predict(panel), fit.fitted, atol=1e-12)
    assert fit.path["n_treated"].tolist() == [40] * 6


def test_a_fit_without_rows_has_the_same_path(panel, study) -> None:
    small = EventStudy("y", "first", ["x"], before=3, after=2, keep_rows=False).fit(
        panel
    )
    pd.testing.assert_frame_equal(small.path, study.path)
    pd.testing.assert_frame_equal(study.without_rows().path, study.path)


@pytest.mark.montecarlo
@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
@pytest.mark.parametrize(
    ("treated", "rejected"), [(1, 0.99), (2, 0.89), (3, 0.65), (5, 0.35)]
)
def test_size_of_the_test_of_leads_of_the_page(
    treated: int, rejected: float, measured: Callable[..., None]
) -> None:
    """Share of 300 panels in which the joint test of leads rejects at 5%.

    Four coefficients before treatment are tested, and trends are parallel. Of 30
    cities, observed for 10 years, some are treated from the seventh year on. Errors are
    independent. The F test is the one that Stata prints; the bootstrap is the default
    of `pretrend_test`, which refuses a single treated cluster. Power is that of the
    bootstrap if the treated cities have a trend of one standard deviation of the errors
    a year.
    """
    rng = np.random.default_rng(treated + 10)
    keys = pd.DataFrame(
        {"city": np.repeat(np.arange(30), 10), "year": np.tile(np.arange(10), 30)}
    )
    is_treated = keys["city"] < treated
    keys["first"] = np.where(is_treated, 6.0, np.nan)
    spec, draws = EventStudy("y", "first", before=5, after=3), 300
    leads = [f"event:{time} = 0" for time in (-5, -4, -3, -2)]
    rejections = np.zeros(3)
    for _ in range(draws):
        y = rng.normal(size=300)
        fit, trending = (
            spec.fit(Panel(keys.assign(y=y + slope), "city", "year"))
            for slope in (0, keys["year"] * is_treated)
        )
        test = fit.wald_test(leads)
        tests = (test.alternatives["stata"], test, trending.wald_test(leads))
        rejections += [test.p_value < 0.05 for test in tests]
    size_of_f, size, power = rejections / draws
    row = {"F test": size_of_f, "bootstrap": size, "power": power}
    measured("size_of_pretrend_test", {"treated cities": treated, **row})
    spread = np.sqrt(rejected * (1 - rejected) / draws)
    assert abs(size_of_f - rejected) < 4 * spread + 0.01
    assert size < 0.05 + 4 * np.sqrt(0.05 * 0.95 / draws)
    assert power > 0.7 or treated == 1
