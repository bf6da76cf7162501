"""Cohorts of a sample."""

from __future__ import annotations

import numpy as np
import pandas as pd

from digiprosper import Panel
from digiprosper.panel.access import table_of
from digiprosper.policy.cohorts import CohortCoding, read_cohorts, time_text
from digiprosper.policy.timing import read_timing


def test_cohorts_of_entities_and_rows(frame: pd.DataFrame) -> None:
    panel = Panel(frame.iloc[::-1], "city", "year")
    sample = panel.sample({"y": ("y",)})
    found = read_cohorts("first", sample, read_timing(table_of(panel), "first", None))
    assert found.coding.cohorts == ((2004, 20), (2006, 20))
    assert (found.coding.n_never, found.coding.n_ever) == (20, 40)
    assert found.coding.times == tuple(range(2000, 2010))
    np.testing.assert_array_equal(found.of_entity, np.array([0, 1, -1])[np.arange(60) % 3])
    np.testing.assert_allclose(found.share, [1 / 3, 1 / 3])
    rows = sample.keys
    first = np.array([2004, 2006, 0])[rows.entities.to_numpy()[rows.entity] % 3]
    event = np.where(first > 0, rows.times.to_numpy()[rows.time] - first, 0)
    np.testing.assert_array_equal(found.event, event)
    np.testing.assert_array_equal(found.treated, first > 0)
    assert (found.steps[4], found.steps[6]) == tuple(found.first)


def test_words() -> None:
    cohorts = tuple((2000 + place, 1) for place in range(10))
    names = {"event": "first", "entity": "city", "time": "year", "times": ()}
    coding = CohortCoding(**names, cohorts=cohorts, n_never=1234)
    assert coding.text.startswith("First treated year (city): 2000 (1), 2001 (1)")
    assert coding.text.endswith("2007 (1) and 2 more; never: 1,234")
    assert time_text(pd.Timestamp("2014-01-01")) == "2014-01-01"
    assert time_text(2014) == "2014"
