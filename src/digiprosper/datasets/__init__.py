"""Panels for examples and tests: real data of US states, and simulated Chinese provinces."""

from __future__ import annotations

from digiprosper.datasets.comparison import beside_truth
from digiprosper.datasets.provinces import province_capitals, province_neighbours
from digiprosper.datasets.simulate import Truth, simulate_provinces
from digiprosper.datasets.states import us_capitals, us_neighbours, us_states

__all__ = [
    "Truth",
    "beside_truth",
    "province_capitals",
    "province_neighbours",
    "simulate_provinces",
    "us_capitals",
    "us_neighbours",
    "us_states",
]
