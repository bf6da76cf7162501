"""The figure of spatial effects over the cut-off."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from digiprosper.present.decay_plots import draw_decay
from digiprosper.report.drawings import Decay

pytest.importorskip("matplotlib")

POINTS = pd.DataFrame(
    {
        "kind": ["indirect", "indirect", "total", "total"],
        "cutoff": [200.0, 1200.0, 200.0, 1200.0],
        "estimate": [0.5, 0.2, 1.5, 1.2],
        "conf_low": [0.3, -0.1, 1.3, 0.9],
        "conf_high": [0.7, 0.5, 1.7, 1.5],
    }
)
ONE = Decay(
    name="Digital",
    outcome="GDP",
    points=POINTS[:2],
    heads={"indirect": "Indirect"},
    left_out=[],
    level=0.9,
)
TWO = replace(ONE, points=POINTS, heads={"indirect": "Indirect", "total": "Total"}, outcome="")


def test_points_intervals_and_texts() -> None:
    ax = draw_decay(ONE, None, "test")
    zero, _, points = ax.get_lines()
    assert zero.get_ydata()[0] == 0
    np.testing.assert_array_equal(points.get_xydata(), POINTS.loc[:1, ["cutoff", "estimate"]])
    ends = [segment[:, 1].tolist() for segment in ax.collections[0].get_segments()]
    assert ends == [[0.3, 0.7], [-0.1, 0.5]]
    assert [text.get_text() for text in ax.get_xticklabels()] == ["200", "1,200"]
    assert ax.get_xlabel() == "Cut-off of the distance in km"
    assert ax.get_ylabel() == "Indirect effect of Digital on GDP\nEstimate and 90% confidence interval"
    assert ax.get_legend() is None


def test_kinds_stand_beside_each_other_with_a_legend() -> None:
    ax = draw_decay(replace(TWO, left_out=["1 not estimated"]), None, "test")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["Indirect", "Total"]
    first, second = ax.get_lines()[2], ax.get_lines()[4]
    assert (first.get_xdata() < second.get_xdata()).all()
    np.testing.assert_allclose((first.get_xdata() + second.get_xdata()) / 2, [200, 1200])
    assert ax.get_ylabel().startswith("Effects of Digital\n")
    assert ax.get_xlabel() == "Cut-off of the distance in km (1 not estimated)"


def test_many_cutoffs_have_no_tick_each() -> None:
    many = pd.DataFrame({"cutoff": np.arange(1.0, 31), "estimate": 0.1, "conf_low": 0.0, "conf_high": 0.2})
    ax = draw_decay(replace(ONE, points=many.assign(kind="indirect")), None, "test")
    assert len(ax.get_xticks()) <= 12


def test_axes_that_are_given_are_used() -> None:
    first = draw_decay(ONE, None, "test")
    assert draw_decay(ONE, first, "test") is first


def test_the_name_is_broken_where_the_axis_is_short() -> None:
    pyplot = pytest.importorskip("matplotlib.pyplot")
    low = pyplot.subplots(figsize=(4, 2))[1]
    lines = draw_decay(replace(ONE, name="Digital economy of the prefecture"), low, "test").get_ylabel()
    assert max(map(len, lines.splitlines())) <= 21
