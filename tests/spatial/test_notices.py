"""Notices about spatial weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from digiprosper.spatial import notices

if TYPE_CHECKING:
    from digiprosper.errors import Notice


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


def biased(name: str, bias: float, remains: float | None, *, corrected: bool = False) -> tuple[Notice, ...]:
    return notices.biased_coefficient(name, bias, remains, 0.04, 31, model="sdm", corrected=corrected)


def test_a_bias_of_time_effects() -> None:
    assert biased("rho", -0.01, 0.0) == ()
    (notice,) = biased("rho", -0.03, 0.0)
    assert notice.code == "time_effects_bias"
    assert notice.data["bias"] == -0.03
    # The coverage of an interval whose middle is three quarters of a standard error away.
    assert notice.data["coverage"] == pytest.approx(0.8835, abs=1e-4)
    (notice,) = biased("lambda", -0.05, 0.0)
    assert notice.code == "large_time_effects_bias"
    assert notice.data["coverage"] == pytest.approx(0.7605, abs=1e-4)


def test_the_remedy_is_one_that_helps() -> None:
    (small,), (part,), (none,) = (
        biased("rho", -0.05, -0.01),
        biased("rho", -0.1, -0.05),
        biased("rho", -0.1, None),
    )
    assert "Use bias_correction='lee_yu'" in small.message
    assert "removes only a part" in part.message
    assert "requires weights with equal row sums" in none.message
    assert biased("rho", -0.05, -0.01, corrected=True) == ()
    (left,) = biased("rho", -0.1, -0.05, corrected=True)
    assert (left.code, left.data["bias"]) == ("large_time_effects_bias", -0.05)
    assert "lee_yu' leaves about -0.050 (1.2 standard errors)" in left.message
    (never,) = biased("rho", -1.0, None)
    assert "less than 5% of samples" in never.message


def test_entity_effects_in_short_panels() -> None:
    (three,) = notices.entity_effects_errors(3, can_correct=True)
    assert three.data["coverage"] == pytest.approx(0.8905, abs=1e-4)
    assert "lee_yu" in three.message
    (three,) = notices.entity_effects_errors(3, can_correct=False)
    assert "clustered" in three.message
    assert notices.entity_effects_errors(5, can_correct=True)
    assert notices.entity_effects_errors(6, can_correct=True) == ()
