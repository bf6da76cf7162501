"""Terms as codes: columns, keys, crossed effects, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from digiprosper import Panel
from digiprosper.errors import (
    TermError,
)
from digiprosper.panel.access import table_of
from digiprosper.panel.codes import coded

if TYPE_CHECKING:
    import pandas as pd


@pytest.fixture
def panel(regions: pd.DataFrame) -> Panel:
    return Panel(regions.sample(frac=1.0, random_state=1), "city", "year")


def test_codes_of_columns_keys_and_terms(panel: Panel) -> None:
    f = panel.frame.reset_index()
    codes, levels = coded(table_of(panel), "region")
    assert levels.tolist() == ["east", "north", "west"]
    np.testing.assert_array_equal(levels.to_numpy()[codes], f["region"])
    assert coded(table_of(panel), "city")[0] is table_of(panel).keys.entity
    assert coded(table_of(panel), "year")[0] is table_of(panel).keys.time
    np.testing.assert_array_equal(coded(table_of(panel), "C(region)")[0], codes)
    np.testing.assert_array_equal(coded(table_of(panel), "I(x > 1.5)")[0], (f["x"] > 1.5).astype(int))
    np.testing.assert_array_equal(coded(table_of(panel), "level")[1], ["low", "mid", "high"])


def test_crossed_codes(panel: Panel) -> None:
    f = panel.frame.reset_index()
    codes, levels = coded(table_of(panel), "region^year")
    expected = f.groupby(["region", "year"]).ngroup()
    np.testing.assert_array_equal(codes, expected)
    assert levels.size == 12
    np.testing.assert_array_equal(coded(table_of(panel), " region ^ year ^ city")[0].max() + 1, 24)
    holes = panel.assign(region=panel.frame["region"].where(panel.frame["region"] != "east"))
    gaps, left = coded(table_of(holes), "region^year")
    np.testing.assert_array_equal(gaps == -1, (f["region"] == "east"))
    assert left.size == 8


def test_crossing_is_for_absorbed_effects_only(panel: Panel) -> None:
    with pytest.raises(TermError, match=r"clusters: 'region\^year'.*assign"):
        panel.sample({"y": ["y"]}, clusters=["region^year"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("C(region):x", "'region[x]'"),
        ("C(kind):year", "'kind[year]'"),
        ("C(region):C(kind)", "region^kind"),
        ("region:x", "'region[x]'"),
        ("region:C(kind)", "region^kind"),
    ],
)
def test_slopes_by_group_are_no_effect(panel: Panel, text: str, words: str) -> None:
    with pytest.raises(TermError, match="absorb") as caught:
        panel.sample({"y": ["y"]}, codes=[text])
    assert words in str(caught.value)
