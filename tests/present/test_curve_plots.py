"""The figure of many models."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest

from digiprosper.present.curve_plots import draw_specification_curve
from digiprosper.report.drawings import Choice, SpecificationCurve

plt = pytest.importorskip("matplotlib.pyplot")


def curve(count: int = 6, choices: int = 3, *, groups: Any = "control", heads: Any = (), **more: Any) -> Any:
    estimate = np.linspace(-0.1, 0.4, count)
    points = pd.DataFrame({"model": [f"m{j}" for j in range(count)], "estimate": estimate})
    points = points.assign(conf_low=estimate - 0.2, conf_high=estimate + 0.2, significant=estimate > 0.25)
    made = [np.arange(count) % (j + 2) == 0 for j in range(choices)]
    given = {
        "name": "Digital economy",
        "outcome": "Prosperity",
        "points": points,
        "choices": [Choice(groups, f"c{j}", which) for j, which in enumerate(made)],
        "main": 1,
        "main_text": "specification as given",
        "heads": heads,
        "left_out": [],
        "level": 0.95,
    }
    return SpecificationCurve(**{**given, **more})


def draw(*args: Any, **more: Any) -> Any:
    ax = draw_specification_curve(curve(*args, **more), None, "test")
    ax.figure.canvas.draw()
    return ax


def names(ax: Any) -> list[str]:
    return [text.get_text() for text in ax.get_yticklabels(minor=True)]


def test_few_models_have_a_mark_and_an_interval_each() -> None:
    ax = draw()
    assert ax.get_xlabel() == "6 models, ordered by estimate"
    assert ax.get_ylabel().splitlines() == [
        "Digital economy (outcome: Prosperity)",
        "Estimate and 95% confidence interval",
    ]
    segments = [segment for lines in ax.collections for segment in lines.get_segments()]
    assert len(segments) == 7  # and that of the marked model once more
    np.testing.assert_allclose(segments[0][:, 1], [0.1, 0.5])
    assert names(ax) == ["c0", "c1", "c2"]
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert texts == ["p ≤ 0.05", "p > 0.05", "specification as given"]
    plt.close(ax.figure)


def test_choices_are_in_rows_below_the_estimates() -> None:
    ax = draw()
    rows = ax.get_yticks(minor=True)
    assert (np.diff(rows) < 0).all()
    assert rows[0] < -0.3
    marks = [line for line in ax.get_lines() if line.get_marker() == "o" and line.get_ydata().size]
    made = next(line for line in marks if set(line.get_ydata()) <= set(rows))
    assert [int(x) for x, y in zip(*made.get_data(), strict=True) if y == rows[0]] == [1, 3, 5]
    assert min(ax.get_yticks()) >= -0.4
    plt.close(ax.figure)


def test_of_many_models_a_row_is_shaded_by_shares() -> None:
    ax = draw(5000, 4)
    assert len(ax.images) == 4
    shares = np.asarray(ax.images[0].get_array()).ravel()
    assert shares.size == 400
    np.testing.assert_allclose(shares, 0.5, atol=0.05)
    assert ax.get_xlabel().startswith("5,000 models")
    assert len(ax.collections) == 2  # the band, and the interval of the marked model
    low, high = ax.get_xlim()
    assert low < 1
    assert high > 5000
    plt.close(ax.figure)


def test_between_the_limits_each_model_is_a_cell() -> None:
    ax = draw(200, 2)
    shares = np.asarray(ax.images[1].get_array()).ravel()
    assert shares.tolist() == (np.arange(200) % 3 == 0).astype(float).tolist()
    plt.close(ax.figure)


@pytest.mark.further
def test_few_models_are_named_and_kinds_of_choices_too() -> None:
    ax = draw(groups="effect", heads=[f"m{j}" for j in range(6)], left_out=["2 not estimated"])
    assert [text.get_text() for text in ax.get_xticklabels()] == [f"m{j}" for j in range(6)]
    assert names(ax)[0] == "effect: c0"
    assert ax.get_xlabel() == "6 models, ordered by estimate (2 not estimated)"
    plt.close(ax.figure)
    many = draw(40, heads=[f"m{j}" for j in range(40)])
    assert "m0" not in [text.get_text() for text in many.get_xticklabels()]
    plt.close(many.figure)


def test_no_choices_and_no_main() -> None:
    ax = draw(choices=0, main=None, main_text="", outcome="")
    assert names(ax) == []
    assert ax.get_ylabel().splitlines()[0] == "Digital economy"
    assert "specification as given" not in [text.get_text() for text in ax.get_legend().get_texts()]
    plt.close(ax.figure)


def test_more_choices_than_can_be_named() -> None:
    ax = draw(choices=70)
    assert names(ax) == []
    plt.close(ax.figure)


def test_missing_intervals_and_estimates_that_are_all_zero() -> None:
    points = curve().points.assign(estimate=0.0, conf_low=np.nan, conf_high=np.nan, significant=False)
    ax = draw(points=points)
    low, high = ax.get_ylim()
    assert low < 0 < high
    plt.close(ax.figure)


def test_names_do_not_overlap() -> None:
    ax = draw(16, 12)
    boxes = [text.get_window_extent() for text in ax.get_yticklabels(minor=True)]
    assert all(upper.y0 >= lower.y1 - 1 for upper, lower in pairwise(boxes))
    lowest = min(text.get_window_extent().y0 for text in ax.get_yticklabels())
    assert lowest >= boxes[0].y1 - 4
    plt.close(ax.figure)


def test_long_names_are_broken_and_the_figure_is_wide_enough() -> None:
    long = ["a name of a column " * 4, "x" * 90, "short"]
    choices = [Choice("control", name, np.arange(6) % 2 == 0) for name in long]
    drawn = curve(choices=0, heads=["a long name of a model that goes on and on"] * 6)
    ax = draw_specification_curve(replace(drawn, choices=choices), None, "test")
    ax.figure.canvas.draw()
    assert "\n" in names(ax)[0]
    assert "\n" in ax.get_xticklabels()[0].get_text()
    assert ax.get_window_extent().width > 0.5 * ax.figure.get_window_extent().width
    boxes = [text.get_window_extent() for text in ax.get_yticklabels(minor=True)]
    assert all(upper.y0 >= lower.y1 - 1 for upper, lower in pairwise(boxes))
    plt.close(ax.figure)


def test_on_given_axes() -> None:
    figure, axes = plt.subplots()
    assert draw_specification_curve(curve(), axes, "test") is axes
    plt.close(figure)
