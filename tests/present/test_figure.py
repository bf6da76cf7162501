"""What figures share."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pytest

from digiprosper.present import figure
from digiprosper.present.figure import balanced_lines, broken_lines, type_columns
from digiprosper.report.drawings import Bars

mpl.use("Agg")


def test_a_figure_of_its_own_has_two_borders():
    from matplotlib import pyplot as plt

    bars = Bars(["a"], np.ones(1), np.ones(1), [False])
    with figure.drawing(bars, None, (2.0, 1.0)) as axes:
        assert figure.drawing_on(axes) is None
    assert figure.drawing_on(axes) is bars
    assert axes.figure.get_size_inches().tolist() == [2.0, 1.0]
    assert [name for name, spine in axes.spines.items() if spine.get_visible()] == [
        "left",
        "bottom",
    ]
    plt.close("all")


def test_ticks_have_all_digits_and_no_power_of_ten_above_the_axis():
    from matplotlib import pyplot as plt

    axes = figure.new_axes((4.0, 3.0))
    axes.plot([2e-6, 1e-5], [-2_000_000, 1_500_000])
    axes.figure.draw_without_rendering()
    assert axes.yaxis.get_offset_text().get_text() == ""
    assert "−2000000" in [tick.get_text() for tick in axes.get_yticklabels()]
    assert "0.000002" in [tick.get_text() for tick in axes.get_xticklabels()]
    plt.close("all")


LONG = (
    "Without the four municipalities and after 1975, with errors clustered by "
    "province and by year"
)


@pytest.mark.many(4)
@pytest.mark.parametrize("place", [figure.legend_above, figure.legend_beside])
@pytest.mark.parametrize("size", [(6.4, 4.2), (2.2, 3.0)])
@pytest.mark.parametrize("texts", [("a", "b"), (LONG, LONG, "b")])
def test_a_legend_leaves_the_axes_as_they_are_however_often_they_are_drawn(
    place, size, texts
):
    from matplotlib import pyplot as plt

    axes = figure.new_axes(size)
    for text in texts:
        axes.plot([0, 1], [0, 1], label=text)
    axes.set_xticks([])  # a tick's text moves the axes a little too
    axes.set_yticks([])
    place(axes)
    # Beside the axes it is placed by a share of their width, which the first draw sets.
    axes.figure.draw_without_rendering()
    axes.figure.draw_without_rendering()
    settled = axes.get_position().bounds
    for _ in range(3):
        axes.figure.draw_without_rendering()
    assert axes.get_position().bounds == pytest.approx(settled)
    assert settled[2] > 0.4
    legend = axes.get_legend().get_window_extent()
    assert not legend.overlaps(axes.bbox)
    assert legend.x1 <= axes.figure.bbox.x1
    plt.close("all")


# --- lines ----------------------------------------------------------------------------


def test_lines_break_between_words_and_chinese_characters():
    assert broken_lines("one two three", 8) == ["one two", "three"]
    assert broken_lines("劳动生产率（对数）", 12) == ["劳动生产率", "（对数）"]
    # a comma never begins a line
    assert broken_lines("城镇化率，省份", 8) == ["城镇化", "率，省份"]
    stars = broken_lines("Errors; * p < 0.1, ** p < 0.05.", 12)
    assert stars == ["Errors;", "* p < 0.1,", "** p < 0.05."]
    assert broken_lines("abcdefghij", 4) == ["abcd", "efgh", "ij"]
    assert balanced_lines("Common prosperity of all", 18) == [
        "Common",
        "prosperity of all",
    ]


def test_chinese_characters_and_capitals_are_wider():
    assert type_columns("ab") == 2
    assert type_columns("AB") == 2.5
    assert type_columns("省") == 2
