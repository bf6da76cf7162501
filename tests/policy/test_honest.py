"""Intervals of results if trends differ: options, refusals, words, figures."""

from __future__ import annotations

import pickle
import time
import warnings
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper.policy.kernels.honest import EventCoefficients, relative_interval

mpl.use("Agg")

if TYPE_CHECKING:
    from digiprosper.policy.results import EventStudyResults


def draw(seed: int = 1, n: int = 60, periods: int = 8, start: int = 4) -> pd.DataFrame:
    """Draw a panel of which every third city is treated from `start` on."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "city": np.repeat(range(n), periods),
            "year": np.tile(range(2000, 2000 + periods), n),
        }
    )
    frame["first"] = np.where(frame["city"] % 3 == 0, 2000.0 + start, np.nan)
    frame["x"] = rng.normal(size=len(frame))
    frame["y"] = 2.0 * (frame["year"] >= frame["first"]) + rng.normal(size=len(frame))
    return frame


def fitted(frame: pd.DataFrame | None = None, **options: Any) -> EventStudyResults:
    spec = dp.EventStudy("y", "first", ["x"], before=4, after=3).replace(**options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        return spec.fit(dp.Panel(draw() if frame is None else frame, "city", "year"))


def staggered(frame: pd.DataFrame | None = None, **options: Any) -> Any:
    frame = draw() if frame is None else frame
    options = {"base_period": "universal"} | options
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        return dp.StaggeredDid("y", "first", **options).fit(
            dp.Panel(frame, "city", "year")
        )


@pytest.fixture(scope="module")
def fit() -> EventStudyResults:
    return fitted()


# --- numbers --------------------------------------------------------------------------


@pytest.mark.parametrize("critical", ["t", "normal"])
def test_the_frame_has_the_usual_interval_and_those_of_the_kernel(
    fit: EventStudyResults, critical: Any
) -> None:
    intervals = fit.honest(bounds=[0, 0.5], critical=critical)
    assert list(intervals.frame) == ["M", "conf_low", "conf_high", "original"]
    usual, none, half = intervals.frame.itertuples(index=False)
    limits = fit.conf_int().loc["event:0"].tolist()
    assert (usual.conf_low, usual.conf_high) == pytest.approx(limits, abs=1e-12)
    events = [name for name in fit.names if name.startswith("event:")]
    scale = 1.0
    if critical == "t":
        scale = (limits[1] - limits[0]) / 2 / fit.std_errors["event:0"] / 1.959963985
        assert (none.conf_low, none.conf_high) == pytest.approx(limits, abs=1e-6)
    path = EventCoefficients(
        fit.params[events].to_numpy(),
        fit.cov.loc[events, events].to_numpy() * scale**2,
        3,
        np.array([0.0, 0, 0, 1, 0, 0, 0]),
    )
    ends = relative_interval(path, 0.5, 0.95)
    assert (half.conf_low, half.conf_high) == pytest.approx(ends, abs=1e-6)
    assert intervals.before == (-4, -3, -2)


def test_controls_do_not_matter_for_which_coefficients_are_used() -> None:
    frame = draw()
    with_x = fitted(frame, x=["x"]).honest(bounds=[1.0]).frame
    without = fitted(frame, x=()).honest(bounds=[1.0]).frame
    np.testing.assert_allclose(with_x["conf_low"], without["conf_low"], atol=0.2)


def test_with_one_cohort_both_estimators_have_nearly_the_same_intervals() -> None:
    frame = draw(n=300)
    one = fitted(frame, x=()).honest(critical="normal").frame
    other = staggered(frame, cov_type="influence").honest(critical="normal").frame
    for end in ("conf_low", "conf_high"):
        np.testing.assert_allclose(one[end], other[end], atol=0.02)
    later = staggered(frame, estimator="sun_abraham", base_period=None).honest()
    np.testing.assert_allclose(later.frame["conf_low"], one["conf_low"], atol=0.05)


@pytest.mark.parametrize(
    ("effect", "weights", "word"),
    [
        (0, [1, 0, 0, 0], "time"),
        (np.int64(2), [0, 0, 1, 0], "time"),
        ("average", [0.25] * 4, "average"),
        ([0.5, 0.5, 0, 0], [0.5, 0.5, 0, 0], "weights"),
        (np.array([0.0, -1, 0, 2]), [0, -1, 0, 2], "weights"),
    ],
)
def test_effects(
    fit: EventStudyResults, effect: Any, weights: list[float], word: str
) -> None:
    intervals = fit.honest(effect=effect, bounds=[0.0])
    assert intervals.effect.code == f"honest.{word}"
    assert list(intervals.weights.values()) == weights
    assert list(intervals.weights) == [0, 1, 2, 3]
    text = " + ".join(f"{w} * event:{k}" for k, w in enumerate(weights) if w)
    total = fit.combination(text)
    limits = total.estimate - 2 * total.std_error, total.estimate + 2 * total.std_error
    usual = intervals.frame.loc[0, ["conf_low", "conf_high"]].tolist()
    assert usual == pytest.approx(limits, abs=0.05)
    zero = intervals.frame.loc[1, ["conf_low", "conf_high"]].tolist()
    assert zero == pytest.approx(usual, abs=1e-6)


def test_anticipation_moves_the_reference() -> None:
    fit = staggered(anticipation=1)
    intervals = fit.honest(bounds=[0.5])
    assert intervals.before == (-4, -3)
    assert list(intervals.weights) == [0, 1, 2, 3]


def test_default_bounds_of_smoothness_are_multiples_of_the_largest_bend(
    fit: EventStudyResults,
) -> None:
    frame = fit.honest(restriction="smoothness").frame
    path = fit.path.set_index("time")["estimate"]
    bends = np.diff(path.loc[-4:-1].to_numpy(), n=2)
    want = np.abs(bends).max() * np.array([0, 0.5, 1, 1.5, 2])
    np.testing.assert_allclose(frame["M"][1:], want)


@pytest.mark.parametrize("effect", [0.1, 2.0, 50.0])
def test_default_bounds_of_smoothness_hold_the_break_even_bound(effect: float) -> None:
    frame = draw()
    frame["y"] += (effect - 2) * (frame["year"] >= frame["first"])
    intervals = fitted(frame).honest(restriction="smoothness")
    bounds, ends = intervals.frame["M"][1:], intervals.frame.iloc[1:, 1:3]
    holds_zero = (ends.prod(axis=1) <= 0).tolist()
    assert bounds.iloc[0] == 0
    assert intervals.breakdown <= bounds.iloc[-1]
    assert holds_zero[0] is (intervals.breakdown == 0)
    assert holds_zero[-1]


def test_the_break_even_bound(fit: EventStudyResults) -> None:
    for restriction in ("relative", "smoothness"):
        even = fit.honest(restriction=restriction).breakdown  # type: ignore[arg-type]
        bounds = [0.999 * even, 1.001 * even]
        near = fit.honest(restriction=restriction, bounds=bounds)  # type: ignore[arg-type]
        assert near.frame["conf_low"][1] > 0 > near.frame["conf_low"][2]
    none = draw()
    none["y"] = none["x"]
    assert fitted(none, x=()).honest().breakdown == 0.0


def test_rows_units_and_labels_do_not_matter() -> None:
    frame = draw()
    usual = fitted(frame).honest().frame
    mixed = frame.sample(frac=1, random_state=3)
    mixed["city"] = "c" + (100 - mixed["city"]).astype(str)
    mixed["y"] *= 1e6
    scaled = fitted(mixed).honest().frame
    for end in ("conf_low", "conf_high"):
        np.testing.assert_allclose(scaled[end] / 1e6, usual[end], rtol=1e-7)


@pytest.mark.parametrize("restriction", ["relative", "smoothness"])
def test_intervals_widen_up_to_the_ends_of_levels(
    fit: EventStudyResults, restriction: Any
) -> None:
    levels = (1e-6, 1e-3, 0.5, 0.95, 0.999, 1 - 1e-6)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        all_intervals = [
            fit.honest(restriction=restriction, bounds=[0, 0.5], level=level)
            for level in levels
        ]
        powers = [fit.pretrend_power(0.2, level=level) for level in levels]
    ends = np.array([i.frame[["conf_low", "conf_high"]] for i in all_intervals])
    # Between ties of the relative statistics low levels differ by nothing.
    assert (np.diff(ends[..., 1] - ends[..., 0], axis=0) > -1e-9).all()
    assert (np.diff([i.breakdown for i in all_intervals]) < 1e-9).all()
    factors = [float(power["bayes_factor"].iloc[0]) for power in powers]
    assert (np.diff(factors) > 0).all()
    # The first rectangle is so small that densities stand for probabilities.
    leads, trend = ["event:-4", "event:-3", "event:-2"], 0.2 * np.array([-3.0, -2, -1])
    form = trend @ np.linalg.solve(fit.cov.loc[leads, leads].to_numpy(), trend)
    assert factors[0] == pytest.approx(np.exp(-form / 2), rel=1e-6)


def test_a_narrow_second_stage() -> None:
    """Between its truncation points there may be no number but the statistic."""
    frame = draw(3)
    frame.loc[frame["city"] % 6 == 3, "first"] = 2005.0
    fit = staggered(frame).aggregate("dynamic", balanced=1)
    intervals = fit.honest(critical="normal")
    again = fit.honest(critical="normal", bounds=[1.0001 * intervals.breakdown])
    low, high = again.frame.loc[1, ["conf_low", "conf_high"]]
    assert low <= 0 <= high


def test_ten_periods_before_and_after_are_fast() -> None:
    fit = fitted(draw(n=120, periods=20, start=10), before=10, after=9)
    start = time.process_time()
    fit.honest(effect="average")
    fit.honest(effect="average", restriction="smoothness")
    assert time.process_time() - start < 10


# --- the power of the test before treatment -------------------------------------------


def test_power_is_in_the_test(fit: EventStudyResults) -> None:
    power = fit.pretrend_power()
    assert list(power) == ["slope", "power", "bayes_factor", "likelihood_ratio"]
    pd.testing.assert_frame_equal(fit.pretrend_test().detail, power)
    slope = float(power["slope"][1])
    again = fit.pretrend_power(slope)
    assert again["power"].tolist() == pytest.approx([0.8], abs=1e-6)
    assert fit.pretrend_power(-slope)["power"].tolist() == pytest.approx(
        [0.8], abs=1e-4
    )
    assert fit.pretrend_power([0.0, 1])["bayes_factor"][0] == pytest.approx(1)
    other = fit.pretrend_power(powers=[0.9], level=0.9)
    assert other["power"].tolist() == pytest.approx([0.9])


def test_changes_since_the_previous_period_have_equal_means() -> None:
    varying, universal = staggered(base_period="varying"), staggered()
    power = varying.pretrend_power()
    pd.testing.assert_frame_equal(varying.pretrend_test().detail, power)
    assert power["slope"][0] != universal.pretrend_power()["slope"][0]
    leads = varying.path["time"] < 0
    errors = varying.path.loc[leads, "std_error"]
    assert power["slope"][0] < 3 * errors.max()


def test_the_test_has_no_power_where_it_cannot_be_computed() -> None:
    frame = draw()
    imputed = staggered(frame, estimator="imputation", base_period=None, leads=2)
    assert imputed.pretrend_test().detail is None
    binned = fitted(frame, before=3)
    assert binned.pretrend_test().detail is None
    assert "Pre-trend test" in binned.summary()


# --- what is refused ------------------------------------------------------------------


@pytest.mark.many(20)
@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"restriction": "sd"}, dp.OptionError, "smoothness"),
        ({"critical": "z"}, dp.OptionError, "normal"),
        ({"level": 95}, dp.OptionError, "between 0 and 1"),
        ({"level": 1e-100}, dp.OptionError, "too near 0 or 1"),
        ({"level": 1e-12}, dp.OptionError, "too near 0 or 1"),
        ({"level": 1 - 1e-12}, dp.OptionError, "too near 0 or 1"),
        ({"level": 1 - 2**-53}, dp.OptionError, "too near 0 or 1"),
        ({"bounds": [-1]}, dp.OptionError, "at least 0"),
        ({"bounds": []}, dp.OptionError, "finite numbers"),
        ({"bounds": "wide"}, dp.OptionError, "finite numbers"),
        ({"bounds": [np.nan]}, dp.OptionError, "finite numbers"),
        ({"effect": 4}, dp.OptionError, "from 0 to 3"),
        ({"effect": -2}, dp.OptionError, "from 0 to 3"),
        ({"effect": True}, dp.OptionError, "from 0 to 3"),
        ({"effect": "mean"}, dp.OptionError, "'average'"),
        ({"effect": [1, 0]}, dp.OptionError, "each of the 4"),
        ({"effect": [0, 0, 0, 0]}, dp.OptionError, "not all zero"),
        ({"effect": {"a": 1}}, dp.OptionError, "each of the 4"),
        ({"effect": None}, dp.OptionError, "each of the 4"),
    ],
)
def test_options(
    fit: EventStudyResults, options: dict[str, Any], error: type, words: str
) -> None:
    with pytest.raises(error, match=words):
        fit.honest(**options)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"powers": [1.0]}, dp.OptionError, "between 0 and 1"),
        ({"powers": "high"}, dp.OptionError, "between 0 and 1"),
        ({"slopes": [np.inf]}, dp.OptionError, "finite numbers"),
        ({"level": 0}, dp.OptionError, "between 0 and 1"),
        ({"level": 1e-100}, dp.OptionError, "too near 0 or 1"),
        ({"level": 1 - 2**-53}, dp.OptionError, "too near 0 or 1"),
    ],
)
def test_options_of_power(
    fit: EventStudyResults, options: dict[str, Any], error: type, words: str
) -> None:
    with pytest.raises(error, match=words):
        fit.pretrend_power(**options)


@pytest.mark.many(12)
@pytest.mark.parametrize(
    ("before", "restriction", "text"),
    [
        (1, "relative", "1 event time before treatment {} is none. {}."),
        (1, "smoothness", "2 event times before treatment {} is none. {}."),
        (2, "smoothness", "2 event times before treatment {} is 1. {}."),
    ],
)
def test_too_few_event_times_before_treatment(
    before: int, restriction: Any, text: str
) -> None:
    with pytest.raises(dp.OptionError) as caught:
        fitted(before=before).honest(restriction=restriction)
    needs = text.format(
        "beside the reference, and there", "Fit with more periods before treatment"
    )
    assert str(caught.value) == f"honest: restriction='{restriction}' needs {needs}"


@pytest.mark.many(12)
@pytest.mark.parametrize(
    ("options", "method"),
    [
        ({"before": 3}, "honest"),
        ({"after": 2}, "honest"),
        ({"before": 3, "after": 2}, "honest"),
        ({"before": 3}, "pretrend_power"),
        # Differences from all event times beyond the window are those of no trend.
        ({"before": 3, "reference": -3}, "pretrend_power"),
    ],
)
def test_binned_ends(options: dict[str, Any], method: str) -> None:
    with pytest.raises(dp.IdentificationError) as caught:
        getattr(fitted(**options), method)()
    assert str(caught.value) == (
        f"{method}: binned ends are no single event times. Fit with before=4, after=3, "
        "which contains all event times, or drop the rows beyond the window with "
        "panel.subset."
    )
    (problem,) = caught.value.problems
    assert problem.code == "binned_ends"
    assert problem.data == {"before": 4, "after": 3}


def test_a_binned_last_event_time_does_not_matter_for_power() -> None:
    assert len(fitted(after=2).pretrend_power()) == 2


@pytest.mark.many(12)
@pytest.mark.parametrize(
    ("options", "methods", "text"),
    [
        (
            {"base_period": "varying"},
            ["honest"],
            "Before treatment: change since the previous period; event time -1 is "
            "estimated. Fit with base_period='universal'.",
        ),
        (
            {"estimator": "imputation", "base_period": None, "leads": 3},
            ["honest", "pretrend_power"],
            "Before treatment: difference from all earlier periods. Use "
            "estimator='callaway_santanna', base_period='universal'.",
        ),
        (
            {"estimator": "sun_abraham", "base_period": None},
            ["honest", "pretrend_power"],
            "The reference is not the same event time for all cohorts. Drop cohorts "
            "without rows in the period before treatment.",
        ),
    ],
)
def test_estimates_without_one_reference(
    options: dict[str, Any], methods: list[str], text: str
) -> None:
    frame = draw()
    later = frame["city"] % 6 == 3
    frame.loc[later, "first"] = 2005.0
    fit = staggered(frame[~later | (frame["year"] != 2004)], **options)
    for method in methods:
        with pytest.raises(dp.IdentificationError) as caught:
            getattr(fit, method)()
        needs = "needs effects relative to the last event time before treatment"
        assert str(caught.value) == f"{method} {needs}. {text}"
        assert caught.value.problems[0].code == "no_reference"


def test_a_reference_that_is_not_the_last_period() -> None:
    fit = fitted(reference=-2)
    assert len(fit.pretrend_power()) == 2
    with pytest.raises(dp.IdentificationError) as caught:
        fit.honest()
    text = (
        "honest needs effects relative to the last event time before treatment. Event "
        "time -2 is the reference, 0 by construction. Fit with reference=-1."
    )
    assert str(caught.value) == text


def test_no_periods_before_treatment() -> None:
    frame = draw(start=1)
    with pytest.raises(dp.OptionError, match="there is none"):
        staggered(frame).honest()
    with pytest.raises(dp.OptionError, match="1 to 20 event times"):
        staggered(frame).pretrend_power()


def test_gaps_in_event_times() -> None:
    frame = draw()
    frame = frame[frame["year"] != 2006]
    fit = staggered(frame)
    assert 2 not in fit.path["time"].tolist()
    with pytest.raises(dp.IdentificationError, match="no estimate at event time 2"):
        fit.honest()
    with pytest.raises(dp.IdentificationError, match="at event time 1, 2") as caught:
        staggered(frame[frame["year"] != 2005]).honest()
    assert caught.value.problems[0].code == "gaps"
    assert caught.value.problems[0].data == {"times": (1, 2)}


def test_a_singular_covariance_is_refused() -> None:
    frame = draw(n=9)
    frame = frame[frame["city"].isin([0, 1, 2, 3, 4, 5])]
    fit = fitted(frame, x=())
    with pytest.raises(dp.IdentificationError, match="too few clusters"):
        fit.honest()
    with pytest.raises(dp.IdentificationError, match="shorter window"):
        fitted(frame[frame["city"].isin([0, 1, 2])], x=()).pretrend_power()


# --- tables, words, figures -----------------------------------------------------------


def test_the_summary_and_the_table_have_the_break_even_bound(
    fit: EventStudyResults,
) -> None:
    intervals = fit.honest(effect="average")
    even = intervals.breakdown
    assert f"Break-even M: {even:.4g}, the smallest" in intervals.summary()
    assert "mean effect of event times 0 to 3" in intervals.summary()
    table = str(dp.etable(intervals))
    assert "Usual interval" in table
    assert f"Break-even M: {even:.3g}" in table
    chinese = str(dp.etable(intervals, style=dp.TableStyle("zh"))).replace("\n", "")
    assert f"临界M值：{even:.3g}" in chinese
    plain = intervals.to_dict()
    assert plain["breakdown"] == even
    assert len(plain["intervals"]) == 5
    assert "contains 0 for no M" not in repr(intervals)


def test_intervals_are_pickled(fit: EventStudyResults) -> None:
    intervals = fit.honest(restriction="smoothness")
    again = pickle.loads(pickle.dumps(intervals))
    pd.testing.assert_frame_equal(again.frame, intervals.frame)
    assert again.summary() == intervals.summary()


def test_notices_of_the_fit_stay() -> None:
    frame = draw()
    frame.loc[frame["city"] > 12, "first"] = np.nan
    intervals = fitted(frame).honest()
    codes = [notice.code for notice in intervals.diagnostics]
    assert {"few_treated_clusters", "few_treated_trends"} <= set(codes)
    assert "Fit with cov_type='cr2'" in intervals.summary().replace("\n  ", " ")
    other = fitted(frame, cov_type="cr2").honest()
    assert "few_treated_trends" not in [n.code for n in other.diagnostics]
    assert "few_treated_trends" not in [n.code for n in fitted().honest().diagnostics]


def test_the_figure_says_where_the_effect_ends(fit: EventStudyResults) -> None:
    intervals = fit.honest()
    ax = dp.plots.honest(intervals, labels={"y": "Output"})
    ax.figure.canvas.draw()
    last = min(ax.get_legend().get_texts(), key=lambda t: t.get_window_extent().y0)
    assert last.get_text() == f"contains 0 from M = {intervals.breakdown:.3g}"
    assert "Output" in ax.get_ylabel()
    pd.testing.assert_frame_equal(dp.plots.data(ax), intervals.frame)
    with pytest.raises(dp.InputTypeError, match="honest of an event study"):
        dp.plots.honest(fit)  # type: ignore[arg-type]
