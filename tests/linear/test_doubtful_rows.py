"""Codes of missing values that are used as numbers."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from digiprosper import FixedEffects, Panel
from digiprosper.errors import Notice
from tests.linear.test_doubtful_terms import group_panel


def coded(values: dict[int, float], *, column: str = "x") -> Panel:
    """Put numbers in place of the values of a column in some rows."""
    frame = group_panel().frame.reset_index()
    for row, number in values.items():
        frame.loc[row, column] = number
    return Panel(frame, "i", "t")


def codes_of(panel: Panel, terms: list[str], y: str = "y") -> list[Notice]:
    with warnings.catch_warnings(record=True) as issued:
        warnings.simplefilter("always")
        fit = FixedEffects(y, terms).fit(panel)
    notices = [n for n in fit.diagnostics if n.code == "missing_codes"]
    # They warn, whatever the role of the column.
    texts = [str(warning.message) for warning in issued]
    assert all(notice.message in texts for notice in notices)
    return notices


@pytest.mark.parametrize("code", [-99, -66, 999, 9999])
@pytest.mark.parametrize("terms", [["x", "z"], ["lag(x)", "z"], ["z", "x:late"]])
def test_codes_of_missing_values_are_told(code: int, terms: list[str]) -> None:
    (notice,) = codes_of(coded({3: code, 4: np.nan, 44: code}), terms)
    used = 1 if terms[0] == "lag(x)" else 2
    assert notice.data["column"] == "x"
    assert notice.data["codes"] == [code]
    assert notice.data["count"] in (used, 2)
    assert f"df['x'].replace([{code}], np.nan)" in notice.message


def test_a_code_of_never_treated_entities_is_a_time() -> None:
    frame = coded({}).frame.reset_index()
    first = frame.iloc[:, 0].map(lambda i: 9999 if i % 2 else 4 + i % 3)
    panel = Panel(frame.assign(first=first), *frame.columns[:2])
    assert codes_of(panel, ["treated(first)"]) == []


def test_codes_of_the_outcome_and_two_codes_are_told() -> None:
    panel = coded({3: -66, 4: -88, 5: -88}, column="x")
    (notice,) = codes_of(panel, ["z"], y="x")
    assert notice.data == {"column": "x", "codes": [-88, -66], "count": 3}


@pytest.mark.parametrize(
    "panel",
    [
        coded({3: -98.0}),  # no code
        coded({3: -99.0, 4: 120.0}),  # returns in percent
        coded({3: -9.0, 4: -8.0, 5: 7.0}),  # a scale from -9
        coded(dict.fromkeys(range(400), -9.0) | {3: 0.0}),  # no range of others
        coded(dict.fromkeys(range(400), -9.0) | {3: -8.0}),  # codes only
    ],
)
def test_numbers_that_may_be_values_are_no_codes(panel: Panel) -> None:
    assert codes_of(panel, ["x", "z"]) == []


def test_a_code_of_a_category_is_no_number() -> None:
    panel = group_panel().assign(w=lambda f: (f["x"] > 0) - 10.0 * (f["x"] > 1.5))
    assert codes_of(panel, ["z", "w"])[0].data["codes"] == [-9]
    assert codes_of(panel, ["z", "C(w)"]) == []
