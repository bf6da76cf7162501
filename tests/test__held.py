"""Classes that results hold are where the table says."""

from __future__ import annotations

import pytest

import digiprosper as dp
from digiprosper._held import HELD
from digiprosper.report.pickling import PickledByName


@pytest.mark.parametrize("name", sorted(HELD))
def test_what_results_hold_is_where_the_table_says(name: str) -> None:
    kind = getattr(dp, name)
    assert issubclass(kind, PickledByName)
    assert name not in dp.__all__
