from __future__ import annotations

import numpy as np
import pytest

from digiprosper import SpatialWeights
from digiprosper.datasets import province_capitals, province_neighbours, simulate_provinces


@pytest.fixture(scope="module")
def provinces():
    return simulate_provinces()[0].entities


def test_neighbours_are_mutual_and_named_as_the_simulated_provinces(provinces):
    borders = province_neighbours()
    assert sorted(borders) == sorted(provinces)
    assert all(a in borders[b] and a != b for a, near in borders.items() for b in near)
    assert all(len(set(near)) == len(near) > 0 for near in borders.values())
    assert len(borders["neimenggu"]) == len(borders["shaanxi"]) == 8
    weights = SpatialWeights.from_neighbours(borders)
    assert weights.islands == ()
    assert weights.describe()["n_parts"] == 1


def test_capitals_are_named_as_the_simulated_provinces_and_lie_in_china(provinces):
    places = province_capitals()
    assert sorted(places.index) == sorted(provinces)
    assert places["lat"].between(18, 54).all()
    assert places["lon"].between(73, 135).all()


def test_neighbours_are_nearer_than_others():
    inverse = SpatialWeights.inverse_distance(province_capitals())
    kilometres = 1 / inverse.raw[~np.eye(31, dtype=bool)]
    near = SpatialWeights.from_neighbours(province_neighbours()).aligned_to(inverse.entities)
    linked = near.dense[~np.eye(31, dtype=bool)] > 0
    assert kilometres[linked].max() < 1700 < kilometres[~linked].max()
    assert 2 * kilometres[linked].mean() < kilometres[~linked].mean()
