"""The density that a figure of draws shows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from digiprosper.errors import IdentificationError
from digiprosper.linear.figures import drawn_density
from digiprosper.report.tests import TestResult


def make(
    draws: np.ndarray, statistic: float = 0.5, detail: object = None
) -> TestResult:
    return TestResult(
        "Placebo test", statistic, "permutation", None, 0.2, "no effect", detail, draws
    )


DRAWS = np.random.default_rng(0).normal(size=500)


def test_the_density_is_scipys_and_integrates_to_one() -> None:
    from scipy.stats import gaussian_kde

    drawn = drawn_density(make(DRAWS, detail={"term": "d"}))
    value, density = (
        drawn.points["value"].to_numpy(),
        drawn.points["density"].to_numpy(),
    )
    np.testing.assert_allclose(density, gaussian_kde(DRAWS)(value), rtol=1e-9)
    assert np.trapezoid(density, value) == pytest.approx(1, abs=1e-3)
    assert (drawn.name, drawn.found, drawn.p_value) == ("Estimate of d", 0.5, 0.2)


@pytest.mark.parametrize("found", [-9.0, 9.0])
def test_the_range_has_the_statistic_of_the_data(found: float) -> None:
    value = drawn_density(make(DRAWS, found)).points["value"]
    assert value.min() <= found <= value.max()


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
