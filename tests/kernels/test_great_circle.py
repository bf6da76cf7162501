"""Great-circle distances."""

from __future__ import annotations

import numpy as np
import pytest

from digiprosper.kernels.great_circle import EARTH_RADIUS, great_circle


def test_against_the_angle_between_vectors() -> None:
    rng = np.random.default_rng(1)
    degrees = np.column_stack(
        [np.degrees(np.arcsin(rng.uniform(-1, 1, 50))), rng.uniform(-180, 180, 50)]
    )
    latitude, longitude = np.radians(degrees).T
    points = np.column_stack(
        [
            np.cos(latitude) * np.cos(longitude),
            np.cos(latitude) * np.sin(longitude),
            np.sin(latitude),
        ]
    )
    angles = np.arccos(np.clip(points @ points.T, -1, 1))
    actual = great_circle(degrees[:, None], degrees[None])
    np.testing.assert_allclose(actual, EARTH_RADIUS * angles, rtol=1e-7, atol=1e-3)
    np.testing.assert_array_equal(actual, actual.T)


def test_one_degree_and_the_antipode() -> None:
    degree = EARTH_RADIUS * np.pi / 180
    assert great_circle(
        np.array([0.0, 179.5]), np.array([0.0, -179.5])
    ) == pytest.approx(degree)
    assert great_circle(
        np.array([89.5, 0.0]), np.array([89.5, 180.0])
    ) == pytest.approx(degree)
    assert great_circle(
        np.array([12.0, 34.0]), np.array([-12.0, -146.0])
    ) == pytest.approx(180 * degree)
    assert np.isnan(great_circle(np.array([np.nan, 0.0]), np.array([0.0, 0.0])))
