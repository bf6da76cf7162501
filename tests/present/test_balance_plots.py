"""The figure of a matched sample."""

from __future__ import annotations

import pandas as pd
import pytest

from digiprosper.present.balance_plots import draw_balance
from digiprosper.report.drawings import Balance

pytest.importorskip("matplotlib")


def drawn() -> Balance:
    names = ["Size", "Industry's share of output at constant prices"]
    points = pd.DataFrame({"label": names, "before": [0.8, 0.3], "after": [0.02, 0.15]})
    return Balance(points, 0.1)


def test_points_lines_and_names() -> None:
    ax = draw_balance(drawn(), None, "test")
    zero, limit, before, after = ax.get_lines()
    assert (zero.get_xdata()[0], limit.get_xdata()[0]) == (0, 0.1)
    assert before.get_xdata().tolist() == [0.8, 0.3]
    assert after.get_xdata().tolist() == [0.02, 0.15]
    assert before.get_markerfacecolor() == "white"
    assert before.get_ydata().tolist() == [1, 0]
    names = [text.get_text() for text in ax.get_yticklabels()]
    assert names[0] == "Size"
    assert names[1].count("\n") == 1
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["Before matching", "After matching"]


def test_it_draws_where_it_is_told() -> None:
    from matplotlib import pyplot as plt

    _, ax = plt.subplots()
    assert draw_balance(drawn(), ax, "test") is ax
