"""The figure of spatial autocorrelation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from digiprosper.present.spatial_plots import draw_moran_scatter
from digiprosper.report.drawings import MoranScatter

pytest.importorskip("matplotlib")

POINTS = pd.DataFrame(
    {"value": [1.0, 0.5, -1.0, -0.5], "spatial_lag": [0.4, -0.2, -0.3, 0.1]}, index=list("abcd")
)
DRAWN = MoranScatter(
    variable="Income",
    period="2020",
    weights="W: row-standardised",
    points=POINTS,
    quadrants=[("High-high", 1), ("High-low", 1), ("Low-low", 1), ("Low-high", 1)],
    slope=0.22,
    statistic=-0.22,
    p_value=0.0004,
)


def test_points_line_quadrants_and_texts() -> None:
    ax = draw_moran_scatter(DRAWN, None, "test", names=True)
    horizontal, vertical, points, line = ax.get_lines()
    assert (horizontal.get_ydata()[0], vertical.get_xdata()[0]) == (0, 0)
    np.testing.assert_array_equal(points.get_xydata(), POINTS.to_numpy())
    assert line.get_slope() == 0.22
    assert ax.get_title() == "Moran's I in 2020: −0.220 (p < 0.001)"
    assert ax.get_xlabel() == "Income, standardised"
    assert ax.get_ylabel() == "Spatial lag\nW: row-standardised"
    texts = {text.get_text(): text for text in ax.texts}
    assert set(texts) == {*"abcd", "High-high (1)", "High-low (1)", "Low-low (1)", "Low-high (1)"}
    # Each quadrant is named in its corner.
    for name, right, top in (("High-high", 1, 1), ("High-low", 1, 0), ("Low-low", 0, 0), ("Low-high", 0, 1)):
        x, y = texts[f"{name} (1)"].get_position()
        assert (x > 0.5, y > 0.5) == (right, top)


def test_names_are_left_out_on_request_and_of_many() -> None:
    ax = draw_moran_scatter(DRAWN, None, "test", names=False)
    assert len(ax.texts) == 4
    many = pd.DataFrame({"value": np.zeros(61), "spatial_lag": np.zeros(61)})
    ax = draw_moran_scatter(replace(DRAWN, points=many, period=""), None, "test", names=True)
    assert len(ax.texts) == 4
    assert ax.get_title().startswith("Moran's I: ")


def test_axes_that_are_given_are_used() -> None:
    first = draw_moran_scatter(DRAWN, None, "test", names=True)
    assert draw_moran_scatter(DRAWN, first, "test", names=True) is first
