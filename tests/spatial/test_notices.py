"""Notices about spatial weights."""

from __future__ import annotations

import pytest

from digiprosper.spatial import notices


def test_nothing_is_reported_where_nothing_is_unusual() -> None:
    assert notices.islands("W", []) == ()
    assert notices.unused_entities("W", []) == ()
    assert notices.missing_neighbours("W", "x", 0, ()) == ()
    assert notices.made_from_variable("W", None) == ()


def test_codes_and_data() -> None:
    (notice,) = notices.islands("W", ["a"])
    assert (notice.code, notice.data) == ("islands", {"entities": ("a",), "weights": "W"})
    (notice,) = notices.unused_entities("W", ["a", "b"])
    assert (notice.code, notice.data["entities"]) == ("unused_entities", ("a", "b"))
    (notice,) = notices.missing_neighbours("W", "x", 2, (("a", 1), ("a", 2)))
    assert (notice.code, notice.data["count"]) == ("missing_neighbours", 2)
    (notice,) = notices.made_from_variable("W", "gdp")
    assert (notice.code, notice.data) == ("made_from_variable", {"variable": "gdp", "weights": "W"})


def test_a_coefficient_near_an_end() -> None:
    assert notices.near_end("rho", 0.9, (-1.0, 1.0), "W") == ()
    (notice,) = notices.near_end("rho", 0.97, (-1.0, 1.0), "W")
    assert notice.code == "near_end"
    assert notice.data == {"coefficient": "rho", "value": 0.97, "interval": (-1.0, 1.0), "weights": "W"}


def test_a_bias_of_time_effects() -> None:
    assert notices.time_effects_bias("rho", -0.01, 0.04, 31) == ()
    (notice,) = notices.time_effects_bias("rho", -0.03, 0.04, 31)
    assert notice.code == "time_effects_bias"
    assert notice.data["bias"] == -0.03
    # The coverage of an interval whose middle is three quarters of a standard error away.
    assert notice.data["coverage"] == pytest.approx(0.8835, abs=1e-4)
    (notice,) = notices.time_effects_bias("lambda", -0.05, 0.04, 31)
    assert notice.code == "large_time_effects_bias"
    assert notice.data["coverage"] == pytest.approx(0.7605, abs=1e-4)
