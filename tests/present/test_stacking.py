from __future__ import annotations

import pandas as pd
import pytest

import digiprosper as dp
from digiprosper.errors import InputTypeError, OptionError
from digiprosper.present.stacking import stack_tables
from digiprosper.present.tables import Table, etable

ZH = dp.TableStyle("zh")


@pytest.fixture
def fits(make_fit):
    one = make_fit({"digital": (0.1234, 0.04, 0.002), "edu": (0.2, 0.1, 0.04)})
    other = make_fit(
        {"digital": (0.5, 0.04, 0.002)}, info={"depvar": "jobs", "rsquared_within": 0.7}
    )
    return one, other


def test_panels_share_heads_above_and_settings_below(fits):
    one, other = fits
    table = stack_tables(
        {"Panel A. Output": [one, one], "Panel B. Jobs": [other, other]}
    )
    rows = list(table.frame.index)
    assert rows == [
        *[
            "Panel A. Output",
            "Dependent variable",
            "digital",
            "",
            "edu",
            "",
            "Within R²",
        ],
        *["Panel B. Jobs", "Dependent variable", "digital", "", "Within R²"],
        *[
            "province fixed effects",
            "year fixed effects",
            "SE clustered by",
            "Observations",
            "Entities",
        ],
    ]
    assert list(table.frame.columns) == ["(1)", "(2)"]
    assert (table.panels, table.closing, table.header_rows) == ((0, 7), 12, 0)
    assert table.breaks == (6, 7, 11, 12)
    assert table.frame.iloc[8].tolist() == ["jobs", "jobs"]
    assert [note.count("Panel") for note in table.notes] == [0, 0]


def test_a_dependent_variable_that_all_panels_share_stands_above(fits):
    one, _ = fits
    table = stack_tables({"Full": [one], "Short": etable(one, keep="digital")})
    assert table.header_rows == 1
    assert list(table.frame.index)[:3] == ["Dependent variable", "Full", "digital"]
    # All that is below the estimates is the same.
    assert table.panels == (1, 6)
    assert table.closing == 9


def test_columns_are_numbered_where_heads_differ(fits):
    one, other = fits
    table = stack_tables(
        {
            "By region": {"east": one, "west": one},
            "By size": {"small": one, "large": one},
        }
    )
    assert list(table.frame.columns) == ["(1)", "(2)"]
    assert table.frame.iloc[2].tolist() == ["east", "west"]
    spanned = {"Output": [one, one], "Jobs": [other, other]}
    same = stack_tables({"A": spanned, "B": spanned})
    assert same.spans == ("Output", "Output", "Jobs", "Jobs")
    mixed = stack_tables({"A": spanned, "B": [one, one, other, other]})
    assert mixed.spans == ()
    assert mixed.frame.iloc[2].tolist() == ["Output", "Output", "Jobs", "Jobs"]


def test_a_note_of_one_panel_names_it(fits, make_fit):
    one, _ = fits
    robust = make_fit(
        {"digital": (0.1, 0.04, 0.002)}, info={"cov_type": "robust", "clusters": None}
    )
    table = stack_tables(
        {"Panel A. Clustered": one, "Panel B: robust": robust}, notes="Source: own."
    )
    assert [note.split(" ")[:2] for note in table.notes[:2]] == [
        ["Panel", "A:"],
        ["*", "p"],
    ]
    assert table.notes[2].startswith("Panel B: Heteroskedasticity-robust")
    assert table.notes[-1] == "Source: own."


def test_chinese_notes_open_once(fits, make_fit):
    one, _ = fits
    robust = make_fit(
        {"digital": (0.1, 0.04, 0.002)}, info={"cov_type": "robust", "clusters": None}
    )
    table = stack_tables({"面板A：聚类": one, "面板B：稳健": robust}, style=ZH)
    assert table.notes[0].startswith("注：面板A：括号内为")
    assert table.notes[1].startswith("面板B：括号内为")
    assert sum(note.count("注：") for note in table.notes) == 1


def test_pairs_of_rows_stay_in_their_panel(fits, make_threshold):
    one, _ = fits
    found = make_threshold(one)
    table = stack_tables({"A": found, "B": found})
    rows = list(table.frame.index)
    assert rows.count("Threshold 1 (urban)") == 2
    assert rows.count("Observations") == 1


def test_one_panel_is_a_table_with_a_title(fits):
    table = stack_tables({"All": fits[0]}, title="Table 1")
    assert list(table.frame.index)[:2] == ["Dependent variable", "All"]
    assert (table.title, table.closing) == ("Table 1", None)


def test_the_title_of_a_panel_makes_the_first_column_no_wider(fits):
    long = "Panel A. A title that is much longer than the name of any row of it"
    narrow, wide = (
        str(stack_tables({title: fits[0]})).splitlines() for title in ("A", long)
    )
    assert wide[-3] == narrow[-3] or long in wide
    assert "digital" in narrow[5]
    assert wide[5] == narrow[5]


BAD = {
    "none": None,
    "empty": {},
    "list": [1],
    "text": "A",
    "numbers": {1: "x"},
    "no result": {"A": 1},
    "no models": {"A": []},
    "empty group": {"A": {"B": []}},
    "frame of twins": {"A": pd.DataFrame({"a": [1, 2]}, index=["x", "x"])},
    "class": {"A": dp.FixedEffects},
    "function": {"A": len},
    "deep": {"A": {"B": {"C": {"D": 3}}}},
}


@pytest.mark.many(12)
@pytest.mark.parametrize("given", BAD.values(), ids=BAD)
def test_what_are_no_panels(given):
    with pytest.raises(InputTypeError):
        stack_tables(given)


def test_an_error_of_a_panel_names_it(fits):
    with pytest.raises(InputTypeError) as caught:
        stack_tables({"A": fits[0], "B": object()})
    assert caught.value.__notes__ == ["stack_tables: this is the panel 'B'."]


@pytest.mark.parametrize("option", ["notes", "title", "style", "file"])
@pytest.mark.parametrize("value", [1, ["a", 1], object()])
def test_options_that_are_not_allowed(fits, option, value):
    with pytest.raises((InputTypeError, OptionError)):
        stack_tables({"A": fits[0], "B": fits[1]}, **{option: value})


def test_panels_of_different_widths_are_refused(fits):
    one, other = fits
    with pytest.raises(OptionError) as caught:
        stack_tables({"A": [one, other], "B": other})
    (problem,) = caught.value.problems
    assert problem.data["value"] == {"A": 2, "B": 1}
    with pytest.raises(OptionError):
        stack_tables({"A": stack_tables({"B": one}), "C": other})


def test_a_stack_is_saved_at_once(fits, tmp_path):
    target = tmp_path / "t.md"
    table = stack_tables({"A": fits[0]}, file=target)
    assert isinstance(table, Table)
    assert "| A |" in target.read_text("utf-8")
