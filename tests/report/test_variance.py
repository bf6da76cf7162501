"""Roots of variances and quadratic forms against the plain matrix arithmetic."""

from __future__ import annotations

import numpy as np
import pytest

from digiprosper.report.variance import (
    SINGULAR,
    quadratic_form,
    standard_errors,
)


def test_roots_are_missing_below_zero() -> None:
    np.testing.assert_array_equal(
        standard_errors(np.array([4.0, -1e-30, np.nan, 0.0])), [2, np.nan, np.nan, 0]
    )


@pytest.mark.parametrize("seed", range(20))
def test_the_form_is_that_of_the_inverse(seed: int) -> None:
    rng = np.random.default_rng(seed)
    m = int(rng.integers(1, 7))
    q = int(rng.integers(1, m + 1))
    half = rng.normal(size=(m, 2 * m))
    middle = half @ half.T
    rows = rng.normal(size=(q, m)) * 10.0 ** rng.integers(-6, 7, q)[:, None]
    gap = rng.normal(size=q)
    form, least = quadratic_form(gap, rows, middle)
    v = rows @ middle @ rows.T
    unit = np.sqrt(np.diag(v))
    assert form == pytest.approx(
        gap / unit @ np.linalg.solve(v / unit / unit[:, None], gap / unit), rel=1e-8
    )
    assert 0 < least <= 1


def test_nothing_is_tested_by_what_is_singular_indefinite_or_missing() -> None:
    middle = np.diag([1.0, -1.0, 1.0])
    assert quadratic_form(np.ones(3), np.eye(3), middle)[1] == -1
    assert np.isnan(quadratic_form(np.ones(3), np.eye(3), middle)[0])
    assert quadratic_form(np.ones(2), np.eye(3)[[0, 2]], middle) == (2, 1)
    for rows in (
        np.array([[1.0, 0, 0], [2, 0, 0]]),
        np.zeros((1, 3)),
        np.ones((4, 3)),
        np.array([[1.0, 1, 0]]),
    ):
        form, least = quadratic_form(np.ones(len(rows)), rows, middle)
        assert np.isnan(form)
        assert abs(least) <= SINGULAR
    assert np.isnan(quadratic_form(np.ones(1), np.full((1, 3), np.nan), middle)).all()


def test_nearly_parallel_rows_keep_the_digits_of_the_form() -> None:
    """Of V itself the second eigenvalue, 1e-18 of the first, would be rounding."""
    gap, rows = np.array([1.0, 1.0 + 1e-9]), np.array([[1.0, 0.0], [1.0, 1e-9]])
    assert quadratic_form(gap, rows, np.eye(2))[0] == pytest.approx(2, rel=1e-6)


@pytest.mark.parametrize(("least", "form"), [(1.2e-12, True), (0.8e-12, False)])
def test_a_covariance_has_an_inverse_above_1e_12_of_its_size(
    least: float, form: bool
) -> None:
    value, actual = quadratic_form(np.ones(2), np.eye(2), np.diag([1.0, least]))
    assert actual == pytest.approx(least)
    assert np.isfinite(value) == form
