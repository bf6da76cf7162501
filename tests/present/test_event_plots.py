"""The figure of event studies."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from digiprosper.present.event_plots import draw_event_paths
from digiprosper.report.drawings import EventPath, EventPaths

pytest.importorskip("matplotlib")


def path(head: str = "", times: range = range(-3, 3)) -> EventPath:
    estimate = np.where(np.array(times) == -1, 0.0, np.array(times) / 10)
    half = np.where(np.array(times) == -1, np.nan, 0.2)
    frame = pd.DataFrame({"time": list(times), "estimate": estimate})
    frame = frame.assign(conf_low=estimate - half, conf_high=estimate + half, n_treated=1200)
    return EventPath(head, frame, -1)


def paths(*drawn: EventPath, outcome: str = "Output", ticks: dict[int, str] | None = None) -> EventPaths:
    times = sorted({time for one in drawn for time in one.points["time"]})
    return EventPaths(drawn, {time: str(time) for time in times} | (ticks or {}), outcome, 0.95)


REFERENCE = "reference, 0 by construction"


def legend(ax) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_estimates_intervals_reference_and_lines() -> None:
    ax = draw_event_paths(paths(path(), ticks={-3: "≤ -3"}), None, "test", counts=False)
    zero, policy, estimates, reference, _ = ax.get_lines()
    assert zero.get_ydata()[0] == 0
    assert policy.get_xdata()[0] == -0.5
    assert policy.get_linestyle() == "--"
    assert estimates.get_xdata().tolist() == [-3, -2, 0, 1, 2]
    assert reference.get_xdata()[0] == -1
    assert reference.get_markerfacecolor() == "white"
    segments = ax.collections[0].get_segments()
    np.testing.assert_allclose(segments[0], [[-3, -0.5], [-3, -0.1]])
    assert [t.get_text() for t in ax.get_xticklabels()] == ["≤ −3", "−2", "−1", "0", "1", "2"]
    assert ax.get_ylabel() == "Output\nEstimate and 95% confidence interval"
    assert legend(ax) == [REFERENCE]


def test_counts_stand_under_the_event_times() -> None:
    ax = draw_event_paths(paths(path()), None, "test", counts=True)
    assert ax.get_xticklabels()[0].get_text() == "−3\n1,200"
    other = path("b")
    other.points["n_treated"] = 7
    ax = draw_event_paths(paths(path("a"), other), None, "test", counts=True)
    assert ax.get_xticklabels()[0].get_text() == "−3\n1,200\n7"


def test_several_models_stand_beside_each_other() -> None:
    ax = draw_event_paths(paths(path("all"), path("east"), outcome=""), None, "test", counts=False)
    assert legend(ax) == ["all", "east", REFERENCE]
    at = [line.get_xdata()[0] for line in ax.get_lines()[2:-1:2]]
    assert at[0] < -3 < at[1]
    assert ax.get_ylabel() == "Estimate and 95% confidence interval"


def test_a_binned_end_beside_one_event_time_is_in_the_legend() -> None:
    ended = EventPath("two-way", path().points, -1, ("≤ -3", "≥ 2"))
    ax = draw_event_paths(paths(ended, path("longer", range(-4, 4))), None, "test", counts=False)
    assert legend(ax) == ["two-way (ends ≤ −3, ≥ 2)", "longer", REFERENCE]


def test_without_a_reference_there_is_no_legend() -> None:
    ax = draw_event_paths(paths(EventPath("", path().points, None)), None, "test", counts=False)
    assert ax.get_legend() is None


def test_of_many_event_times_some_are_named() -> None:
    drawn = paths(path(times=range(-40, 41)), ticks={-40: "≤ -40"})
    ax = draw_event_paths(drawn, None, "test", counts=False)
    texts = [t.get_text() for t in ax.get_xticklabels()]
    assert len(texts) <= 25
    assert {"≤ −40", "0"} <= set(texts)
