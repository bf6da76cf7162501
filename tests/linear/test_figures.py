"""The density that a figure of draws shows, and the figure of a marginal effect."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper.errors import (
    AlignmentError,
    ColumnError,
    DigiprosperError,
    IdentificationError,
    InputTypeError,
    OptionError,
)
from digiprosper.linear import figures
from digiprosper.report.drawings import Wording
from digiprosper.report.tests import TestResult

# The row without an outcome, which leaves the sample but not the panel.
pytestmark = pytest.mark.filterwarnings("ignore::digiprosper.errors.MissingDataWarning")


def make(
    draws: np.ndarray, statistic: float = 0.5, detail: object = None
) -> TestResult:
    return TestResult(
        "Placebo test", statistic, "permutation", None, 0.2, "no effect", detail, draws
    )


DRAWS = np.random.default_rng(0).normal(size=500)


def drawn_density(test, language="english"):
    return figures.drawn_density(test, Wording(test.labels, test.factors, language))


def slope_curve(fit, term, moderator, panel, labels, level):
    wording = Wording(labels, fit.factors)
    return figures.slope_curve(fit, term, moderator, panel, wording, level)


def test_the_density_of_draws_that_are_not_negative_begins_at_zero() -> None:
    positive = np.abs(DRAWS)
    points = drawn_density(make(positive, detail={"term": "d"})).points
    assert points["value"].iloc[0] == 0.0
    area = np.trapezoid(points["density"], points["value"])
    assert area == pytest.approx(1, abs=1e-3)


def test_the_axis_has_labels_of_the_panel_and_names_a_range() -> None:
    detail = {"term": "d", "estimates": {"a": 1.0, "b": 2.0, "c": 0.0}}
    named = {
        "name": "Difference of d between 3 groups of g",
        "labels": {"d": "数字经济"},
    }
    test = replace(make(DRAWS, detail=detail), **named)
    assert drawn_density(test).name == "Difference of 数字经济 between 3 groups of g"
    assert drawn_density(test, "chinese").name == ("数字经济的系数在g的3组之间的差异")
    exchanged = replace(make(DRAWS), name="Randomisation test")
    assert drawn_density(exchanged).name == "Statistic of the randomisation test"
    chinese = drawn_density(exchanged, "chinese").name
    assert chinese == "检验统计量（随机化检验）"


def test_the_density_is_scipys_and_integrates_to_one() -> None:
    from scipy.stats import gaussian_kde

    drawn = drawn_density(make(DRAWS, detail={"term": "d"}))
    value, density = (
        drawn.points["value"].to_numpy(),
        drawn.points["density"].to_numpy(),
    )
    np.testing.assert_allclose(density, gaussian_kde(DRAWS)(value), rtol=1e-9)
    assert np.trapezoid(density, value) == pytest.approx(1, abs=1e-3)
    assert (drawn.name, drawn.statistic, drawn.p_value) == ("Estimate of d", 0.5, 0.2)


@pytest.mark.parametrize("results", [-9.0, 9.0])
def test_the_range_has_the_statistic_of_the_data(results: float) -> None:
    value = drawn_density(make(DRAWS, results)).points["value"]
    assert value.min() <= results <= value.max()


@pytest.mark.parametrize("scale", [1e-150, 1e150])
def test_units_only_scale_it(scale: float) -> None:
    one, other = (
        drawn_density(make(DRAWS)),
        drawn_density(make(DRAWS * scale, 0.5 * scale)),
    )
    np.testing.assert_allclose(
        other.points["value"] / scale, one.points["value"], rtol=1e-9
    )
    np.testing.assert_allclose(
        other.points["density"] * scale, one.points["density"], rtol=1e-9
    )


def test_draws_without_a_statistic_are_left_out() -> None:
    drawn = drawn_density(make(np.r_[DRAWS, np.nan, np.nan]))
    assert (drawn.draws.size, drawn.name) == (500, "Statistic of the placebo test")


@pytest.mark.parametrize(
    "draws", [np.ones(20), np.full(20, np.nan), np.array([]), np.array([1.0, np.nan])]
)
def test_draws_without_variation_have_no_density(draws: np.ndarray) -> None:
    with pytest.raises(IdentificationError, match="no density"):
        drawn_density(replace(make(DRAWS), draws=draws))


# --- a slope over its moderator -------------------------------------------------------


def frame(n: int = 40, periods: int = 6) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    data = pd.DataFrame(
        {
            "city": np.repeat(np.arange(n), periods),
            "year": np.tile(np.arange(periods), n),
        }
    )
    data["x"], data["w"] = rng.normal(size=len(data)), rng.normal(size=len(data))
    data["v"] = rng.normal(size=len(data))
    data["dummy"] = data["city"] % 2
    data["region"] = np.array(["east", "west", "centre"])[data["city"] % 3]
    data["y"] = (
        data["x"] * (0.1 + data["w"] + data["dummy"])
        + data["w"]
        + rng.normal(size=len(data))
    )
    data.loc[5, "y"] = np.nan
    return data


@pytest.fixture(scope="module")
def panel() -> dp.Panel:
    return dp.Panel(frame(), "city", "year", labels={"w": "Moderator"})


@pytest.fixture(scope="module")
def fit(panel):
    return dp.FixedEffects("y", ["x", "w", "x:w"], missing="drop").fit(panel)


def test_the_curve_is_that_of_the_coefficients(fit, panel):
    drawn = slope_curve(fit, "x", None, panel, fit.labels, 0.9)
    b, cov, w = fit.params, fit.cov, drawn.points["at"].to_numpy()
    np.testing.assert_allclose(drawn.points["estimate"], b["x"] + b["x:w"] * w)
    error = np.sqrt(
        cov.loc["x", "x"] + 2 * w * cov.loc["x", "x:w"] + w**2 * cov.loc["x:w", "x:w"]
    )
    from scipy import stats

    half = stats.t.ppf(0.95, fit.df_t) * error
    np.testing.assert_allclose(
        drawn.points["conf_low"], drawn.points["estimate"] - half
    )
    assert (drawn.variable, drawn.moderator, drawn.outcome) == ("x", "Moderator", "y")


def test_regions_end_where_the_interval_reaches_zero(fit, panel):
    drawn = slope_curve(fit, "x", "w", panel, {}, 0.95)
    assert len(drawn.regions) == 2
    inner = [drawn.regions[0][1], drawn.regions[1][0]]
    ends = fit.marginal_effect("x", at={"w": inner})
    # Interpolated between 401 points.
    np.testing.assert_allclose(
        np.minimum(abs(ends["conf_low"]), abs(ends["conf_high"])), 0, atol=1e-4
    )
    values = panel.frame.loc[fit.index, "w"]
    assert drawn.share == np.mean((values <= inner[0]) | (values >= inner[1]))
    assert (drawn.regions[0][0], drawn.regions[1][1]) == (values.min(), values.max())


def test_rows_are_those_of_the_estimation_sample(fit, panel):
    rows = slope_curve(fit, "x", "w", panel, {}, 0.95).rows
    values = panel.frame.loc[fit.index, "w"]
    assert rows["rows"].sum() == fit.nobs == 239
    for low, high, count in rows.iloc[:-1].itertuples(index=False):
        assert count == ((values >= low) & (values < high)).sum()
    without = slope_curve(fit, "x", "w", None, {}, 0.95)
    assert without.rows is None
    assert np.isnan(without.share)


def test_the_order_of_rows_does_not_matter(fit, panel):
    shuffled = dp.Panel(frame().sample(frac=1, random_state=1), "city", "year")
    one, other = (slope_curve(fit, "x", "w", p, {}, 0.95) for p in (panel, shuffled))
    pd.testing.assert_frame_equal(one.rows, other.rows)


def test_a_square_is_drawn_over_the_variable_itself(panel):
    squared = dp.FixedEffects("y", ["x", "I(x**2)"], missing="drop").fit(panel)
    drawn = slope_curve(squared, "x", None, panel, {}, 0.95)
    b, x = squared.params, drawn.points["at"]
    np.testing.assert_allclose(drawn.points["estimate"], b["x"] + 2 * b["I(x**2)"] * x)


def test_a_dummy_and_a_category_have_a_point_a_value(panel):
    spec = dp.FixedEffects("y", ["x", "x:dummy"], missing="drop")
    drawn = slope_curve(spec.fit(panel), "x", None, panel, {}, 0.95)
    assert drawn.points["at"].tolist() == ["0", "1"]
    assert drawn.rows["rows"].tolist() == [119, 120]
    by_region = dp.FixedEffects("y", ["x", "C(region):x"], missing="drop").fit(panel)
    drawn = slope_curve(by_region, "x", None, panel, {}, 0.95)
    assert sorted(drawn.points["at"]) == ["centre", "east", "west"]
    assert drawn.rows["rows"].sum() == 239
    assert drawn.regions == []


def test_a_moderator_may_be_a_term_or_a_key(panel):
    spec = dp.FixedEffects("y", ["x", "log(I(v**2))", "x:log(I(v**2))"], missing="drop")
    drawn = slope_curve(spec.fit(panel), "x", None, panel, {}, 0.95)
    assert drawn.rows["rows"].sum() == 239
    trend = dp.FixedEffects("y", ["x", "x:year"], missing="drop").fit(panel)
    assert slope_curve(trend, "x", None, panel, {}, 0.95).rows["rows"].sum() == 239


def test_what_else_the_slope_depends_on_is_named(panel):
    both = dp.FixedEffects("y", ["x", "w", "v", "x:w", "x:v"], missing="drop").fit(
        panel
    )
    drawn = slope_curve(both, "x", "v", None, {"w": "W"}, 0.95)
    assert drawn.at_means == ["W"]
    assert drawn.moderator == "v"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("z", None, None), ColumnError),
        (("w", "v", None), ColumnError),
        ((1, None, None), InputTypeError),
        ((None, None, None), InputTypeError),
        (("x", 1, None), InputTypeError),
        (("x", ["w"], None), InputTypeError),
        (("x", "v", None), ColumnError),
        (("x", "", None), ColumnError),
        (("x", None, "panel"), InputTypeError),
        (("x", None, frame()), InputTypeError),
        (("x", None, dp.Panel(frame(30), "city", "year")), AlignmentError),
        (("x", None, dp.Panel(frame().assign(w=1.0), "city", "year")), AlignmentError),
        (
            ("x", None, dp.Panel(frame().drop(columns="w"), "city", "year")),
            DigiprosperError,
        ),
    ],
)
def test_what_cannot_be_drawn_is_refused(fit, arguments, error):
    with pytest.raises(error) as caught:
        slope_curve(fit, *arguments, {}, 0.95)
    assert isinstance(caught.value, DigiprosperError)


def test_a_constant_slope_and_rows_not_kept_are_refused(panel):
    with pytest.raises(ColumnError, match="constant"):
        slope_curve(
            dp.FixedEffects("y", ["x"], missing="drop").fit(panel),
            "x",
            None,
            None,
            {},
            0.95,
        )
    bare = dp.FixedEffects("y", ["x", "x:w"], missing="drop", keep_rows=False).fit(
        panel
    )
    assert slope_curve(bare, "x", None, None, {}, 0.95).rows is None
    with pytest.raises(OptionError, match="keep_rows"):
        slope_curve(bare, "x", None, panel, {}, 0.95)
