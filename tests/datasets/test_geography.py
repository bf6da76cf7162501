from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from linearmodels.datasets import munnell

from digiprosper import SpatialWeights, datasets
from digiprosper.datasets import (
    province_capitals,
    province_neighbours,
    simulate_provinces,
)


def test_the_panel_is_munnells_under_lower_case_names():
    panel = datasets.us_states()
    assert (panel.n_entities, panel.n_times, panel.nobs) == (48, 17, 816)
    assert panel.is_balanced
    assert (panel.entity_name, panel.time_name) == ("state", "year")
    assert list(panel.frame.columns) == [
        "state_name",
        "pcap",
        "hwy",
        "water",
        "util",
        "pc",
        "gsp",
        "emp",
        "unemp",
    ]
    raw = munnell.load().sort_values(["ST_ABB", "YR"])
    for ours, theirs in {
        "pcap": "P_CAP",
        "pc": "PC",
        "gsp": "GSP",
        "emp": "EMP",
        "unemp": "UNEMP",
    }.items():
        np.testing.assert_array_equal(panel.frame[ours], raw[theirs])


def test_public_capital_is_the_sum_of_its_parts():
    frame = datasets.us_states().frame
    np.testing.assert_allclose(
        frame["pcap"], frame[["hwy", "water", "util"]].sum(axis=1), atol=0.011
    )


def test_every_column_has_a_label():
    panel = datasets.us_states()
    assert set(panel.labels) == set(panel.frame.columns)
    assert panel.labels["hwy"].endswith("(million USD)")


def test_borders_are_mutual_and_of_the_states_of_the_panel() -> None:
    borders = datasets.us_neighbours()
    assert sorted(borders) == datasets.us_states().entities.tolist()
    assert all(
        state in borders[other] for state, near in borders.items() for other in near
    )
    assert sum(map(len, borders.values())) == 214
    assert all(state not in near for state, near in borders.items())


def test_capitals_are_those_of_the_states_of_the_panel() -> None:
    capitals = datasets.us_capitals()
    assert capitals.index.equals(datasets.us_states().entities)
    assert capitals["lat"].between(30, 47.1).all()
    assert capitals["lon"].between(-123.1, -69.7).all()


def test_the_nearest_capital_of_each_state_is_that_of_a_neighbour() -> None:
    borders = datasets.us_neighbours()
    nearest = SpatialWeights.k_nearest(datasets.us_capitals(), 1)
    first = nearest.entities[nearest.dense.argmax(axis=1)]
    assert all(
        other in borders[state]
        for state, other in zip(nearest.entities, first, strict=True)
    )


def test_the_first_line_of_the_readme_imports_no_other_econometrics_package() -> None:
    code = (
        "import sys, digiprosper as dp; dp.datasets.us_states(); "
        "print(sorted({'linearmodels', 'statsmodels', 'formulaic'} & set(sys.modules)))"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert printed.stdout.strip() == "[]"


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
    near = SpatialWeights.from_neighbours(province_neighbours()).aligned_to(
        inverse.entities
    )
    linked = near.dense[~np.eye(31, dtype=bool)] > 0
    assert kilometres[linked].max() < 1700 < kilometres[~linked].max()
    assert 2 * kilometres[linked].mean() < kilometres[~linked].mean()
