from __future__ import annotations

import numpy as np
import pytest

import digiprosper as dp
from digiprosper.errors import AlignmentError, OptionError
from digiprosper.report.drawings import Wording
from digiprosper.u_shape import figures


@pytest.fixture(scope="module")
def fit():
    return dp.FixedEffects("log(gsp)", ["unemp", "I(unemp**2)"]).fit(
        dp.datasets.us_states()
    )


def test_the_curve_is_zero_at_the_mean_and_its_band_is_that_of_the_slopes(fit):
    test = dp.u_test(fit, "unemp")
    drawn = figures.turning_curve(fit, test, Wording({"unemp": "Jobless"}, fit.factors))
    place, value, low, high = drawn.points.to_numpy().T
    mean = fit.sample_stats.loc["unemp", "mean"]
    b = fit.params.to_numpy()
    np.testing.assert_allclose(
        value, b[0] * (place - mean) + b[1] * (place**2 - mean**2), atol=1e-12
    )
    weights = np.column_stack([place - mean, place**2 - mean**2])
    error = np.sqrt(np.einsum("ij,jk,ik->i", weights, fit.cov.to_numpy(), weights))
    np.testing.assert_allclose(
        (high - low) / 2, error * (high - low)[0] / 2 / error[0], atol=1e-9
    )
    assert (drawn.variable, drawn.interval, drawn.turns) == (
        "Jobless",
        test.interval,
        (test.extremum,),
    )


def test_another_fit_is_refused(fit):
    other = dp.FixedEffects("log(gsp)", ["log(pc)"]).fit(dp.datasets.us_states())
    with pytest.raises(
        OptionError, match=r"plots\.u_shape: the fit does not contain 'unemp'"
    ):
        figures.turning_curve(
            other, dp.u_test(fit, "unemp"), Wording({}, other.factors)
        )


def test_the_curve_is_that_at_the_values_of_the_test():
    panel = dp.datasets.us_states()
    fit = dp.FixedEffects(
        "log(gsp)", ["unemp", "I(unemp**2)", "unemp:log(pc)", "log(pc)"]
    ).fit(panel)
    test = dp.u_test(fit, "unemp", at={"log(pc)": 10})
    drawn = figures.turning_curve(
        fit, test, Wording({"log(pc)": "Capital"}, fit.factors)
    )
    place, value = drawn.points.to_numpy().T[:2]
    mean, b = fit.sample_stats.loc["unemp", "mean"], fit.params.to_numpy()
    level = b[0] + 10 * b[2]
    np.testing.assert_allclose(
        value, level * (place - mean) + b[1] * (place**2 - mean**2), atol=1e-12
    )
    assert drawn.at == ("Capital = 10",)
    ax = dp.plots.u_shape(fit, test)
    assert "log(Private capital (million USD)) = 10" in ax.get_xlabel()
    ax.figure.clf()


@pytest.mark.filterwarnings("ignore::digiprosper.errors.FewClustersWarning")
def test_a_cubic_has_two_turning_points():
    panel = dp.datasets.us_states()
    terms = ["unemp", "I(unemp**2)", "I(unemp**3)"]
    fit = dp.FixedEffects("log(gsp)", terms).fit(panel)
    test = dp.two_turns_test(fit, "unemp")
    drawn = figures.turning_curve(fit, test, Wording({}, fit.factors))
    place, value = drawn.points.to_numpy().T[:2]
    mean, b = fit.sample_stats.loc["unemp", "mean"], fit.params.to_numpy()
    expected = sum(b[k - 1] * (place**k - mean**k) for k in (1, 2, 3))
    np.testing.assert_allclose(value, expected, atol=1e-12)
    assert drawn.turns == test.turning_points
    with pytest.raises(OptionError, match="does not contain"):
        figures.turning_curve(
            dp.FixedEffects("log(gsp)", terms[:2]).fit(panel), test, {}
        )


def test_rows_are_drawn_below_the_curve_on_the_interval_of_the_test(fit):
    panel = dp.datasets.us_states()
    test = dp.u_test(fit, "unemp", interval=(4, 10))
    wording = Wording({}, fit.factors)
    assert figures.turning_curve(fit, test, wording).rows is None
    drawn = figures.turning_curve(fit, test, wording, panel)
    values = panel.frame["unemp"]
    assert drawn.rows["rows"].sum() == values.between(4, 10).sum()
    ax = dp.plots.u_shape(fit, test, panel=panel)
    bars = [bar for group in ax.containers for bar in group]
    assert len(bars) == len(drawn.rows)
    table = dp.plots.data(ax)
    assert table["series"].unique().tolist() == ["curve", "rows"]
    ax.figure.clf()
    with pytest.raises(AlignmentError, match=r"plots\.u_shape: panel is not"):
        dp.plots.u_shape(fit, test, panel=panel.subset("year > 1975"))


def test_the_turning_point_has_the_digits_of_the_summary_and_the_table(fit):
    panel = dp.datasets.simulate_provinces()[0]
    terms = ["digital", "I(digital**2)", "urban"]
    bent = dp.FixedEffects("urban_rural_theil", terms).fit(panel)
    test = dp.u_test(bent, "digital")
    point, (low, high) = f"{test.extremum:.4g}", test.fieller[0]
    sets = f"[{low:.4g}, {high:.4g}]"
    for language, words in (("en", "Turning point"), ("zh", "拐点")):
        with dp.plots.figure_style(language=language):
            ax = dp.plots.u_shape(bent, test)
        legend = [text.get_text() for text in ax.get_legend().get_texts()]
        ax.figure.clf()
        table = dp.etable(bent, rows=test.rows, style=dp.TableStyle(language)).frame
        rows = table["(1)"]
        assert rows[words] == point
        assert any(text.startswith(words) and text.endswith(point) for text in legend)
        assert sets in rows.tolist()
        assert any(sets in text for text in legend)
    assert f"Turning point {point} " in test.summary()
    assert sets in test.summary()
