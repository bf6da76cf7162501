"""What is read from effects by cohort and time."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
import warnings
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper.errors import DigiprosperWarning, OptionError, TermError
from digiprosper.report.summary import Summary

mpl.use("Agg")

ESTIMATORS = (
    "callaway_santanna",
    pytest.param("imputation", marks=pytest.mark.further),
    pytest.param("sun_abraham", marks=pytest.mark.further),
)


def fit_of(frame: pd.DataFrame, **options: Any) -> dp.StaggeredDidResults:
    panel = dp.Panel(frame, "city", "year", labels={"y": "Output"})
    return dp.StaggeredDid("y", "first", **options).fit(panel)


@pytest.fixture(scope="module", params=ESTIMATORS)
def fit(request: pytest.FixtureRequest, frame: pd.DataFrame) -> dp.StaggeredDidResults:
    return fit_of(frame, estimator=request.param)


def test_the_protocol(fit: dp.StaggeredDidResults) -> None:
    assert isinstance(fit, dp.Results)
    table = fit.tidy()
    np.testing.assert_allclose(np.sqrt(np.diag(fit.cov)), table["std_error"])
    np.testing.assert_array_equal(fit.params, table["estimate"])
    assert (fit.cov.index == fit.params.index).all()
    assert fit.nobs == 600
    glance = fit.glance()
    assert (glance["model"], glance["n_entities"], glance["n_clusters"]) == (
        "StaggeredDid",
        60,
        60,
    )
    assert glance["sample_hash"]
    assert glance["n_treated"] == 40
    style = dp.TableStyle("zh", stats=("n_treated",))
    assert dp.etable(fit, style=style).frame.loc["处理组个体数"].tolist() == ["40"]
    np.testing.assert_array_equal(
        fit.conf_int(level=0.9), fit.tidy(0.9)[["conf_low", "conf_high"]]
    )
    np.testing.assert_array_equal(fit.pvalues, table["p_value"])


@pytest.mark.many(2)
@pytest.mark.parametrize("by", ["dynamic", "simple", "group", "calendar"])
def test_it_is_stored_and_read_again(fit: dp.StaggeredDidResults, by: str) -> None:
    one = fit.aggregate(by)
    for again in (pickle.loads(pickle.dumps(one)), copy.deepcopy(one)):
        assert again.summary() == one.summary()
        np.testing.assert_array_equal(again.cov, one.cov)
    stored = json.loads(json.dumps(one.to_dict()))
    assert Summary.from_dict(stored).to_text() == one.summary()
    assert stored["aggregate"] == by
    assert stored["cohorts"] == [[2004, 20], [2006, 20]]
    assert len(stored["group_time"]) == len(one.group_time)


def test_other_averages_are_those_of_another_fit(
    fit: dp.StaggeredDidResults, frame: pd.DataFrame
) -> None:
    for by in ("simple", "group", "calendar"):
        again = fit_of(frame, estimator=fit.estimator, aggregate=by)
        np.testing.assert_array_equal(fit.aggregate(by).cov, again.cov)
        np.testing.assert_array_equal(fit.aggregate(by).params, again.params)
    with pytest.raises(OptionError):
        fit.aggregate("event")


def test_balanced_event_times_are_of_the_same_cohorts(
    fit: dp.StaggeredDidResults,
) -> None:
    both = fit.aggregate("dynamic", balanced=3)
    path = both.path[both.path["time"] >= 0]
    assert path["time"].tolist() == [0, 1, 2, 3]
    assert (path["n_treated"] == 40).all()
    assert both.params["event:2"] == fit.params["event:2"]
    assert "Only of cohorts that reach event time 3." in both.summary()
    alone = fit.aggregate("dynamic", balanced=5)
    assert alone.params["event:0"] == pytest.approx(
        fit.group_time.query("cohort == 2004 and time == 2004")["estimate"].item()
    )
    assert alone.path["n_treated"].max() == 20
    assert fit.aggregate("simple").balanced is None
    for by, balanced in (
        ("simple", 2),
        ("dynamic", -1),
        ("dynamic", 6),
        ("dynamic", 1.5),
    ):
        with pytest.raises(OptionError) as caught:
            fit.aggregate(by, balanced=balanced)  # type: ignore[arg-type]
        assert caught.value.problems[0].data["option"] == "balanced"


def test_averages_of_a_balanced_panel_agree(fit: dp.StaggeredDidResults) -> None:
    simple, group = fit.aggregate("simple").params["att"], fit.aggregate("group").params
    # 2004 has six periods since treatment, 2006 has four, with as many entities.
    assert simple == pytest.approx(
        (6 * group["cohort:2004"] + 4 * group["cohort:2006"]) / 10
    )
    assert group["att"] == pytest.approx(
        (group["cohort:2004"] + group["cohort:2006"]) / 2
    )
    mean = fit.combination(
        "(" + " + ".join(f"event:{time}" for time in range(6)) + ") / 6"
    )
    assert mean.estimate == pytest.approx(fit.params["att"])
    assert mean.std_error == pytest.approx(fit.std_errors["att"])
    assert mean.p_value == pytest.approx(fit.pvalues["att"])


def test_wald_tests(fit: dp.StaggeredDidResults, frame: pd.DataFrame) -> None:
    test = fit.wald_test("event:0 = 0, event:1 = event:2")
    matrix = np.zeros((2, fit.params.size))
    names = list(fit.params.index)
    matrix[0, names.index("event:0")] = 1
    matrix[1, [names.index("event:1"), names.index("event:2")]] = 1, -1
    gap = matrix @ fit.params.to_numpy()
    form = gap @ np.linalg.solve(matrix @ fit.cov.to_numpy() @ matrix.T, gap)
    # Hotelling's F with the fewest degrees of freedom of the two sums.
    least = fit.estimated.df_of(matrix).min()
    assert test.df == pytest.approx((2, least - 1))
    assert test.statistic == pytest.approx(form / 2 * (least - 1) / least, rel=1e-8)
    plain = fit_of(frame, estimator=fit.estimator, cov_type="influence")
    other = plain.wald_test("event:0 = 0, event:1 = event:2")
    form = gap @ np.linalg.solve(matrix @ plain.cov.to_numpy() @ matrix.T, gap)
    q = 1 if np.isinf(plain.df_t) else 2
    assert other.statistic * q == pytest.approx(form, rel=1e-8)
    one = fit.wald_test("event:0 = 0")
    assert one.p_value == pytest.approx(fit.pvalues["event:0"], rel=1e-8)
    with pytest.raises(TermError):
        fit.wald_test("event:0 = 0, 2*event:0 = 0")
    with pytest.raises(TermError):
        fit.wald_test("event:99 = 0")
    with pytest.raises(TermError):
        fit.combination("event:0 = 1")


def test_tests_before_treatment(
    fit: dp.StaggeredDidResults, frame: pd.DataFrame
) -> None:
    fit = fit_of(frame, estimator=fit.estimator, cov_type="influence")
    cells, path = fit.group_time, fit.path
    if fit.estimator == "imputation":
        count = int((path["time"] < 0).sum())
    else:
        count = int((cells["event_time"] < 0).sum())
    assert fit.pretrend_test().df == count
    (known,) = fit.pretrend_test().alternatives.values()
    df = known.df
    assert (df if isinstance(df, float) else df[0]) == count
    (other,) = fit.pretrend_test("dynamic").alternatives.values()
    leads = [name for name in fit.params.index if name.startswith("event:-")]
    expected = fit.wald_test([f"{name} = 0" for name in leads])
    assert (other.statistic, other.p_value) == pytest.approx(
        (expected.statistic, expected.p_value), rel=1e-8
    )
    with pytest.raises(OptionError):
        fit.pretrend_test("event")


def test_averages_are_recommended_where_they_can_be_tested() -> None:
    rng = np.random.default_rng(0)
    city, year = np.divmod(np.arange(40 * 8), 8)
    first = np.where(city < 12, 3.0 + city % 4, np.nan)
    frame = pd.DataFrame(
        {"city": city, "year": year, "first": first, "y": rng.normal(size=320)}
    )
    fit = fit_of(frame)
    with pytest.raises(OptionError, match=r"pretrend_test\('dynamic'\) tests averages"):
        fit.pretrend_test()
    assert fit.pretrend_test("dynamic").df == 5


def test_averages_that_add_up_to_others_are_not_tested_twice() -> None:
    """Without never treated entities, changes of cohorts add up to zero."""
    rng = np.random.default_rng(1)
    city, year = np.divmod(np.arange(31 * 10), 10)
    first = np.repeat([3.0, 5.0, 8.0], [10, 10, 11])[city]
    frame = pd.DataFrame(
        {"city": city, "year": year, "first": first, "y": rng.normal(size=310)}
    )
    test = fit_of(frame, control="not_yet").pretrend_test("dynamic")
    assert test.method
    assert 0 < test.df < 7
    assert test.alternatives["csdid"].df == 7


def test_more_effects_than_the_covariance_allows(frame: pd.DataFrame) -> None:
    few = frame[frame["city"].isin([0, 1, 2, 5])]
    with pytest.warns(dp.FewClustersWarning):
        fit = fit_of(few)
    assert "not available" in fit.summary()
    with pytest.raises(OptionError, match="a small number of leads"):
        fit.pretrend_test()
    # What is recommended is not refused itself.
    with pytest.raises(OptionError):
        fit.pretrend_test("dynamic")


@pytest.mark.parametrize(
    "estimator", ["callaway_santanna", "imputation", "sun_abraham"]
)
@pytest.mark.parametrize(("per_cohort", "possible"), [(1, False), (3, True)])
def test_no_pretrend_test_of_more_effects_than_treated_entities_show_errors_of(
    estimator: str, per_cohort: int, possible: bool
) -> None:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(
        {
            "city": np.repeat(np.arange(30), 10),
            "year": np.tile(np.arange(10) + 2001, 30),
        }
    )
    first = dict(enumerate(np.repeat([2005.0, 2007.0, 2008.0], per_cohort)))
    frame["first"] = frame["city"].map(first)
    frame["y"] = rng.normal(size=300)
    with pytest.warns(dp.FewClustersWarning):
        fit = fit_of(frame, estimator=estimator)
    if possible:
        assert 0 < fit.pretrend_test("dynamic").p_value < 1
        return
    for by in ("group_time", "dynamic"):
        with pytest.raises(OptionError) as caught:
            fit.pretrend_test(by)
        assert caught.value.problems[0].data["option"] == "by"
    assert "Pre-trend test not available" in fit.summary()
    assert "p <" not in fit.summary().split("not available")[1]


@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
def test_averages_without_event_times_before_treatment_have_a_summary(
    frame: pd.DataFrame,
) -> None:
    fit = fit_of(frame, estimator="imputation", clusters=["year"])
    balanced = fit.aggregate("dynamic", balanced=1)
    assert not any(time < 0 for time in balanced.path["time"])
    assert "Pre-trend test not available" in balanced.summary()


def test_effects_of_one_treated_and_one_untreated_entity_are_not_tested() -> None:
    """Their variance in Sun & Abraham's regression is zero but for rounding."""
    city, year = np.divmod(np.arange(24), 4)
    first = np.array([2002.0] * 4 + [2003.0, np.nan])[city]
    for seed in range(6):
        frame = pd.DataFrame({"city": city, "year": 2000 + year, "first": first})
        frame["y"] = np.random.default_rng(seed).normal(size=24)
        panel = dp.Panel(frame, "city", "year")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DigiprosperWarning)
            fit = dp.StaggeredDid("y", "first", estimator="sun_abraham").fit(panel)
        with pytest.raises(OptionError, match="too many to test jointly"):
            fit.pretrend_test()


def test_no_test_of_effects_that_rest_on_one_entity_in_two_clusters() -> None:
    """Scores of 1e-16 would have a statistic of 1e29, and a p-value of zero."""
    rng = np.random.default_rng(1)
    first = [2001.0, 2005, 2004, 2002, 2002, 2001, np.nan, np.nan, 2004]
    city, year = np.divmod(np.arange(54), 6)
    frame = pd.DataFrame({"city": city, "year": 2000 + year, "two": city % 2})
    frame["first"] = np.array(first)[city]
    frame["y"] = rng.normal(size=54) + rng.normal(size=9)[city]
    for seed in range(6):
        kept = np.random.default_rng(seed).random(54) > 0.35
        panel = dp.Panel(frame[kept], "city", "year")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DigiprosperWarning)
            spec = dp.StaggeredDid(
                "y", "first", estimator="sun_abraham", clusters="two"
            )
            try:
                test = spec.fit(panel).pretrend_test()
            except dp.DigiprosperError:
                continue
        assert np.isnan(test.statistic) or test.statistic < 1e8


def test_the_path_has_the_reference_and_the_treated(
    fit: dp.StaggeredDidResults,
) -> None:
    path = fit.event_path(0.9)
    assert path["n_treated"].max() == 40
    assert (path.loc[path["time"] == 5, "n_treated"] == 20).all()
    shown = path.set_index("time")["estimate"]
    for time, estimate in shown.items():
        assert estimate == fit.params.get(f"event:{time}", 0.0)
    assert (fit.reference == -1) == (fit.estimator == "sun_abraham")
    assert ("reference" in fit.summary()) == (fit.reference == -1)
    printed = [
        line.split()[0]
        for line in fit.summary().splitlines()
        if line.startswith("event:")
    ]
    expected = {f"event:{time}" for time in np.arange(-9, 10)} & {
        *fit.params.index,
        f"event:{fit.reference}",
    }
    assert printed == sorted(expected, key=lambda name: int(name.split(":")[1]))
    pd.testing.assert_frame_equal(fit.aggregate("simple").path, fit.path)


def test_the_joint_band_is_wider_than_the_intervals(
    fit: dp.StaggeredDidResults,
) -> None:
    path, band = fit.event_path(0.9), fit.event_path(0.9, bands="joint")
    pd.testing.assert_frame_equal(
        band.drop(columns=["conf_low", "conf_high"]),
        path[list(band)].drop(columns=["conf_low", "conf_high"]),
    )
    half = (band["conf_high"] - band["estimate"]) / band["std_error"]
    # One critical value for all event times.
    assert half.max() == pytest.approx(half.min())
    assert half.max() > 1.7
    assert (
        fit.event_path(bands="joint")["conf_low"].dropna() < band["conf_low"].dropna()
    ).all()
    pd.testing.assert_frame_equal(fit.event_path(0.9, "joint"), band)
    with pytest.raises(OptionError) as caught:
        fit.event_path(bands="uniform")  # type: ignore[arg-type]
    assert caught.value.problems[0].data["option"] == "bands"
    with pytest.raises(OptionError):
        fit.event_path(1.5, bands="joint")
    assert "event_path(bands='joint')" in " ".join(fit.summary().split())
    assert "pointwise" not in fit.aggregate("group").summary()


def test_the_summary_has_the_test_and_the_error_of_other_programs(
    fit: dp.StaggeredDidResults, frame: pd.DataFrame
) -> None:
    text = " ".join(fit.summary().split())
    test = fit.pretrend_test()
    (known,) = test.alternatives.values()
    program = {
        "callaway_santanna": "csdid prints",
        "imputation": "did_imputation prints",
        "sun_abraham": "The clustered regression has",
    }[fit.estimator]
    assert test.method == "wild bootstrap by city, 999 draws"
    assert f"p = {test.p_value:.3f} (wild bootstrap by city, 999 draws)" in text
    assert f"{program} {known._distribution()} = " in text
    if fit.estimator == "sun_abraham":
        assert known.df == (float(test.df), 59.0)  # G - 1, as the clustered regression
    plain = fit_of(frame, estimator=fit.estimator, cov_type="influence")
    assert f"{program} the standard error {plain.std_errors['att']:.4g} of att" in text
    assert "of att (cov_type" not in plain.summary()
    assert plain.pretrend_test().p_value == test.p_value
    assert fit.to_dict()["df_by_term"] == pytest.approx(fit.df_by_term.to_dict())


def test_tables_beside_an_event_study(
    fit: dp.StaggeredDidResults, study: dp.EventStudyResults
) -> None:
    text = str(
        dp.etable(
            {
                "a": study,
                "b": fit,
                "c": fit.aggregate("group"),
                "d": fit.aggregate("calendar"),
            }
        )
    )
    for line in (
        "Event time 0",
        "ATT, mean of event times",
        "First treated in 2004",
        "Treated, in 2007",
    ):
        assert line in text
    (row,) = [line for line in text.splitlines() if line.startswith("Event time 1 ")]
    assert len(row.split()) == 5


def event_ends(fit: dp.StaggeredDidResults) -> list[str]:
    """Binned ends of the event study where the other result has an estimate."""
    return [
        text
        for time, text in ((-3, "≤ −3"), (2, "≥ 2"))
        if time in fit.path["time"].tolist()
    ]


def test_figures_beside_an_event_study(
    fit: dp.StaggeredDidResults, study: dp.EventStudyResults
) -> None:
    import matplotlib.pyplot as plt

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ax = dp.plots.event_study({"two-way": study, "other": fit}, counts=True)
    codes = [warning.message.code for warning in caught]
    assert codes == (["unlike_bases"] if fit.before != "reference" else [])
    ax.figure.canvas.draw()
    boxes = {t.get_text(): t.get_window_extent() for t in ax.get_legend().get_texts()}
    names = sorted(boxes, key=lambda name: (-round(boxes[name].y0), boxes[name].x0))
    before = {
        "callaway_santanna": " (before treatment: change since the previous period)",
        "imputation": " (before treatment: difference from earlier periods)",
        "sun_abraham": "",
    }[fit.estimator]
    assert names == [
        f"two-way (ends {', '.join(event_ends(fit))})",
        f"other{before}",
        "reference, 0 by construction",
    ]
    plt.close(ax.figure)
    alone = dp.plots.event_study(fit)
    assert "Output" in alone.get_ylabel()
    plt.close(alone.figure)
    with warnings.catch_warnings(), dp.plots.figure_style(language="zh"):
        warnings.simplefilter("ignore", DigiprosperWarning)
        ax = dp.plots.event_study({"双向": study, "另": fit})
    first = ax.get_legend().get_texts()[0].get_text()
    assert first == f"双向（端点{'，'.join(event_ends(fit))}）"
    plt.close(ax.figure)


def test_an_effect_without_an_error_leaves_the_others_theirs(
    fit: dp.StaggeredDidResults,
) -> None:
    """As where the clusters' sums of one dummy are zero."""
    joint = fit.cells.joint.copy()
    lost = int(np.flatnonzero((fit.cells.event == 2) & (fit.cells.cohort == 0))[0])
    joint[lost] = np.nan
    joint[:, lost] = np.nan
    other = dataclasses.replace(fit, cells=dataclasses.replace(fit.cells, joint=joint))
    missing = other.std_errors.index[other.std_errors.isna()].tolist()
    assert missing == ["att", "event:2"]
    kept = fit.std_errors.index.difference(missing)
    np.testing.assert_allclose(other.std_errors[kept], fit.std_errors[kept])
    np.testing.assert_allclose(other.cov.loc[kept, kept], fit.cov.loc[kept, kept])
    assert other.group_time["std_error"].isna().sum() == 1
    assert np.isnan(other.wald_test("event:2 = 0").statistic)
    one, same = (result.wald_test("event:1 = 0").statistic for result in (other, fit))
    assert one == pytest.approx(same)
    assert other.summary()


@pytest.mark.parametrize(
    ("options", "codes"),
    [
        ({"control": "not_yet"}, ["callaway_santanna.not_yet", "before.previous"]),
        (
            {"x": ["x"], "adjustment": "ipw", "base_period": "universal"},
            ["callaway_santanna.never", "before.reference", "controls.ipw"],
        ),
        ({"aggregate": "group"}, ["callaway_santanna.never"]),
        (
            {"x": ["x"], "estimator": "imputation"},
            ["imputation.not_yet", "before.earlier", "controls"],
        ),
        (
            {"x": ["x"], "estimator": "sun_abraham"},
            ["sun_abraham.never", "before.reference", "controls"],
        ),
    ],
)
def test_a_table_says_which_estimator_whose_controls_and_who_is_compared(
    frame: pd.DataFrame, options: dict[str, Any], codes: list[str]
) -> None:
    (column,) = fit_of(frame, **options).table_columns()
    assert column.keys == ("city", "year")
    assert [remark.code for remark in column.remarks] == codes
    assert all(code in column.words for code in codes)


@pytest.mark.parametrize("base", ["varying", "universal"])
def test_varying_and_universal_base_periods_are_told_apart(
    frame: pd.DataFrame, base: str
) -> None:
    """-1 is the reference if "universal", an estimate if "varying".

    In text, tables and figures.
    """
    import matplotlib.pyplot as plt

    fit = fit_of(frame, base_period=base)
    universal = base == "universal"
    assert (fit.reference, fit.before) == (
        (-1, "reference") if universal else (None, "previous")
    )
    assert ("event:-1" in fit.params.index) != universal
    summary, table = fit.summary(), " ".join(str(dp.etable(fit)).split())
    assert (
        "Event time -1 is the reference, 0 by construction." in summary
    ) == universal
    assert ("Event time -1 is the reference, 0 by construction" in table) == universal
    assert ("event time -1 is estimated" in summary) != universal
    assert ("event time -1 is estimated" in table) != universal
    assert "基准期" not in str(dp.etable(fit, style=dp.TableStyle("zh"))) or universal
    ax = dp.plots.event_study(fit)
    (name,) = [text.get_text() for text in ax.get_legend().get_texts()]
    assert name == (
        "reference, 0 by construction"
        if universal
        else "before treatment: change since the previous period"
    )
    plt.close(ax.figure)
    assert "Before treatment:" not in fit.aggregate("group").summary()


def test_a_table_never_says_no_to_effects_that_a_method_does_not_absorb(
    frame: pd.DataFrame,
) -> None:
    panel = dp.Panel(
        frame.assign(on=1.0 * (frame["year"] >= frame["first"])), "city", "year"
    )
    models: dict[str, Any] = {"FE": dp.FixedEffects("y", ["on", "x"]).fit(panel)}
    models |= {"city": dp.FixedEffects("y", ["on", "x"], time_effects=False).fit(panel)}
    for name in ("callaway_santanna", "imputation", "sun_abraham"):
        models[name] = fit_of(frame, x=["x"], estimator=name)
    rows = dp.etable(models, blocks={"Both": ["city", "year"]}, controls=["x"]).frame
    assert rows.loc["Both"].tolist() == ["Yes", "Some", "", "Yes", "Yes"]
    assert rows.loc["Controls"].tolist() == ["Yes"] * 5
    rows = dp.etable(models).frame
    assert rows.loc["city fixed effects"].tolist() == ["Yes", "Yes", "", "Yes", "Yes"]
    assert rows.loc["year fixed effects"].tolist() == ["Yes", "No", "", "Yes", "Yes"]


@pytest.mark.parametrize(
    ("never", "treated", "cov_type", "codes"),
    [
        (1, 15, "hc2", {"untreated", "alone"}),
        (3, 14, "hc2", {"untreated"}),
        (12, 1, "hc2", {"alone"}),
        (12, 9, "hc2", set()),
        (1, 15, "influence", {"untreated.clustered"}),
    ],
)
def test_tables_name_few_untreated_entities_and_pooled_errors_of_single_ones(
    never: int, treated: int, cov_type: Any, codes: set[str]
) -> None:
    rng = np.random.default_rng(4)
    i, t = np.repeat(np.arange(31), 8), np.tile(np.arange(2010, 2018), 31)
    first = np.where(i < treated, 2013.0, 2015.0)
    first[i >= 31 - never] = np.nan
    frame = pd.DataFrame({"i": i, "t": t, "first": first, "y": rng.normal(size=i.size)})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        spec = dp.StaggeredDid("y", "first", cov_type=cov_type)
        fit = spec.fit(dp.Panel(frame, "i", "t"))
    (column,) = fit.table_columns()
    few = {"untreated", "untreated.clustered", "alone"}
    assert {remark.code for remark in column.remarks} & few == codes
    chinese = str(dp.etable(fit, style=dp.TableStyle("zh")))
    assert ("从未处理的" in chinese) is any("untreated" in code for code in codes)
    assert ("合并方差" in chinese) is ("alone" in codes)
    pooled = "pooled variance for a single i"
    assert (pooled in " ".join(str(fit).split())) is ("alone" in codes)
