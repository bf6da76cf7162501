"""Columns that are asked for, and groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from digiprosper.errors import MissingDataError, PanelIndexError

if TYPE_CHECKING:
    from digiprosper import Panel


def test_groups_with_missing_values_are_refused(panel: Panel) -> None:
    with pytest.raises(MissingDataError, match="'half' is missing in"):
        panel.assign(half="lag(gdp)").winsorize("gdp", by="half")


def test_keys_are_columns_to_read_and_not_to_change(panel: Panel) -> None:
    assert panel.summarise("year").loc["year", "min"] == 2010
    assert panel.correlate(["year", "gdp"]).r.loc["year", "year"] == 1
    assert panel.describe("year").loc[("year", "overall"), "max"] == 2015
    assert panel.lag("year").frame["year_lag1"].dropna().between(2010, 2014).all()
    assert panel.assign(t="I(year - 2010)").frame["t"].min() == 0
    for call in (panel.standardise, panel.winsorize, panel.interpolate):
        with pytest.raises(PanelIndexError, match="'year' is a key"):
            call("year")
