from __future__ import annotations

import pandas as pd
import pytest

import digiprosper as dp
from digiprosper.errors import AlignmentError, InputTypeError
from digiprosper.linear.figures import row_counts, sample_values


@pytest.fixture(scope="module")
def panel():
    return dp.datasets.us_states()


def test_values_are_those_of_the_rows_of_the_fit(panel):
    late = panel.subset("year > 1980")
    fit = dp.FixedEffects("log(gsp)", ["unemp", "I(unemp**2)"]).fit(late)
    values = sample_values(fit, "unemp", panel, "u_test")
    pd.testing.assert_series_equal(
        values, panel.frame.loc[fit.index, "unemp"], check_names=False
    )
    squares = sample_values(fit, "I(unemp**2)", panel, "u_test")
    assert squares.tolist() == (values**2).tolist()
    years = sample_values(fit, "year", panel, "u_test")
    assert years.tolist() == fit.index.get_level_values("year").tolist()


def test_another_panel_is_refused_in_the_name_of_the_caller(panel):
    fit = dp.FixedEffects("log(gsp)", ["unemp"]).fit(panel)
    with pytest.raises(InputTypeError, match=r"^u_test: panel must be the Panel"):
        sample_values(fit, "unemp", panel.frame, "u_test")
    with pytest.raises(AlignmentError, match=r"^u_test: panel is not .* missing"):
        sample_values(fit, "unemp", panel.subset("year > 1975"), "u_test")
    moved = panel.assign(unemp=lambda f: f["unemp"] + 1)
    with pytest.raises(AlignmentError, match=r"^u_test: .*mean of 'unemp'"):
        sample_values(fit, "unemp", moved, "u_test")


def test_rows_are_counted_by_interval_or_level():
    values = pd.Series([0.0, 0.0, 1.0, 3.0])
    bars = row_counts(values, None)
    assert (bars["low"].min(), bars["high"].max()) == (0.0, 3.0)
    assert bars["rows"].sum() == 4
    assert bars["rows"].iloc[0] == 2
    levels = row_counts(values, [0.0, 3.0])
    assert levels.to_dict("list") == {"at": ["0", "3"], "rows": [2, 1]}
