"""Windows of event time: names, bins, counts and dummies."""

from __future__ import annotations

import numpy as np
import pytest

from digiprosper.policy.window import EventWindow, dummies


def window(**changes: object) -> EventWindow:
    fields = {
        "event": "first",
        "never": None,
        "before": 2,
        "after": 1,
        "reference": -1,
        "lowest": -4,
    }
    counts = {
        "n_treated": (3, 3, 3, 3),
        "cohorts": ((2004, 2), (2006, 1)),
        "n_never": 5,
    }
    return EventWindow(**{**fields, "highest": 1, **counts, **changes})  # type: ignore[arg-type]


def test_times_leads_and_counts() -> None:
    actual = window()
    assert actual.times == (-2, -1, 0, 1)
    assert actual.estimated == (-2, 0, 1)
    assert actual.leads == (-2,)
    assert actual.n_ever == 3


@pytest.mark.parametrize(
    ("lowest", "highest", "binned"),
    [(-4, 1, (-2,)), (-2, 3, (1,)), (-3, 2, (-2, 1)), (-2, 1, ())],
)
def test_ends_are_binned_where_rows_lie_beyond(
    lowest: int, highest: int, binned: tuple[int, ...]
) -> None:
    actual = window(lowest=lowest, highest=highest)
    assert actual.binned == binned
    assert actual.text(-2) == ("≤ -2" if -2 in binned else "-2")
    assert actual.text(1) == ("≥ 1" if 1 in binned else "1")


def test_a_binned_end_and_a_single_event_time_are_not_the_same_thing() -> None:
    binned, single = window().term(-2), window(lowest=-2).term(-2)
    assert binned.name == single.name == "event:-2"
    assert binned.meaning != single.meaning
    assert (single.family, single.kind) == ("event", "event")
    assert single.point is not None
    assert (single.point.variable, single.point.code, single.point.value) == (
        "first",
        "-2",
        -2.0,
    )


def test_dummies_add_up_to_treated_rows_without_the_reference() -> None:
    times = np.array([-4, -2, -1, 0, 1, 5, 0])
    treated = np.array([True] * 6 + [False])
    actual = dummies(window(), times, treated)
    np.testing.assert_array_equal(actual[:, 0], [1, 1, 0, 0, 0, 0, 0])
    np.testing.assert_array_equal(actual[:, 1], [0, 0, 0, 1, 0, 0, 0])
    np.testing.assert_array_equal(actual[:, 2], [0, 0, 0, 0, 1, 1, 0])
