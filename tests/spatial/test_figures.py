"""What figures of spatial autocorrelation draw."""

from __future__ import annotations

import numpy as np
import pytest

import digiprosper as dp
from digiprosper import MissingDataError, OptionError, SpatialWeights
from digiprosper.spatial.figures import moran_scatter

STATES = dp.datasets.us_states()
BORDERS = SpatialWeights.from_neighbours(dp.datasets.us_neighbours(), name="borders")


@pytest.mark.parametrize("time", [None, 1975])
def test_points_are_those_of_the_local_statistics(time) -> None:
    drawn = moran_scatter(STATES, "log(gsp)", BORDERS, time, {})
    year = 1986 if time is None else time
    local = dp.local_moran(STATES, "log(gsp)", BORDERS, permutations=0).xs(
        year, level="year"
    )
    np.testing.assert_allclose(
        drawn.points, local[["value", "spatial_lag"]], rtol=1e-12
    )
    assert drawn.points.index.equals(STATES.entities)
    whole = dp.moran(STATES, "log(gsp)", BORDERS, permutations=0).loc[year]
    assert drawn.statistic == pytest.approx(whole["statistic"], rel=1e-12)
    assert drawn.slope == pytest.approx(whole["statistic"], rel=1e-12)
    assert drawn.p_value == pytest.approx(whole["p_randomisation"], rel=1e-9)
    counts = local["quadrant"].value_counts()
    assert {name.lower(): n for name, n in drawn.quadrants} == counts.to_dict()
    assert [name for name, _ in drawn.quadrants] == [
        "High-high",
        "High-low",
        "Low-low",
        "Low-high",
    ]
    assert (drawn.period, drawn.weights) == (str(year), "borders (row-standardised)")


def test_labels() -> None:
    drawn = moran_scatter(STATES, "log(gsp)", BORDERS, None, {})
    assert drawn.variable == "log(Gross state product (million USD))"
    assert (
        moran_scatter(STATES, "log(gsp)", BORDERS, None, {"gsp": "GSP"}).variable
        == "log(GSP)"
    )


@pytest.mark.parametrize("time", [1999, "1975", [1975], (1975, 1)])
def test_a_period_has_to_be_there(time) -> None:
    with pytest.raises(OptionError, match="1970"):
        moran_scatter(STATES, "unemp", BORDERS, time, {})


def test_columns_are_refused_as_by_moran() -> None:
    holes = STATES.assign(u=STATES.frame["unemp"].where(STATES.frame["unemp"] > 4))
    with pytest.raises(MissingDataError, match=r"plots\.moran_scatter"):
        moran_scatter(holes, "u", BORDERS, None, {})
