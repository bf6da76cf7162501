"""Panels for examples and tests: real US states, simulated Chinese provinces."""

from digiprosper.datasets.geography import (
    match_cities,
    match_provinces,
    province_capitals,
    province_neighbours,
    us_capitals,
    us_neighbours,
    us_states,
)
from digiprosper.datasets.simulate import Truth, beside_truth, simulate_provinces

__all__ = [
    "Truth",
    "beside_truth",
    "match_cities",
    "match_provinces",
    "province_capitals",
    "province_neighbours",
    "simulate_provinces",
    "us_capitals",
    "us_neighbours",
    "us_states",
]
