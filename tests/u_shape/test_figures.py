from __future__ import annotations

import numpy as np
import pytest

import digiprosper as dp
from digiprosper.errors import OptionError
from digiprosper.report.figure_words import Wording
from digiprosper.u_shape import figures


@pytest.fixture(scope="module")
def fit():
    return dp.FixedEffects("log(gsp)", ["unemp", "I(unemp**2)"]).fit(
        dp.datasets.us_states()
    )


def test_the_curve_is_zero_at_the_mean_and_its_band_is_that_of_the_slopes(fit):
    test = dp.u_test(fit, "unemp")
    drawn = figures.turning_curve(fit, test, Wording({"unemp": "Jobless"}, fit.factors))
    place, value, low, high = drawn.points.T
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
    place, value = drawn.points.T[:2]
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
    place, value = drawn.points.T[:2]
    mean, b = fit.sample_stats.loc["unemp", "mean"], fit.params.to_numpy()
    expected = sum(b[k - 1] * (place**k - mean**k) for k in (1, 2, 3))
    np.testing.assert_allclose(value, expected, atol=1e-12)
    assert drawn.turns == test.turning_points
    with pytest.raises(OptionError, match="does not contain"):
        figures.turning_curve(
            dp.FixedEffects("log(gsp)", terms[:2]).fit(panel), test, {}
        )
