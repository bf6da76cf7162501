from __future__ import annotations

import pytest

import digiprosper as dp
from digiprosper.errors import ColumnError, InputTypeError, OptionError
from digiprosper.present.columns import read_columns
from digiprosper.present.rows import absorbed_effects, fold_terms, folded_rows
from digiprosper.present.style import Style
from digiprosper.present.tables import etable

STYLE = Style("se", None, 3)


@pytest.fixture
def steps(make_fit):
    """Give fits with more terms, one after the other."""
    numbers = dict.fromkeys(
        ("digital", "edu", "open", "trend_1", "trend_2"), (1.0, 0.5, 0.04)
    )
    return [make_fit(dict(list(numbers.items())[:count])) for count in (1, 2, 3, 4, 5)]


def test_a_row_a_block(steps):
    table = etable(steps, blocks={"Controls": ["edu", "open"], "Trends": "trend*"})
    assert table.frame.loc["Controls"].tolist() == ["No", "Some", "Yes", "Yes", "Yes"]
    assert table.frame.loc["Trends"].tolist() == ["No", "No", "No", "Some", "Yes"]
    names = [name for name in table.frame.index if name]
    assert names[:4] == ["Dependent variable", "digital", "Controls", "Trends"]
    assert not {"edu", "open", "trend_1", "trend_2"} & set(names)


def test_blocks_follow_the_controls(steps):
    table = etable(
        steps, controls="edu", blocks={"Trends": ["trend*"], "Openness": ["open"]}
    )
    names = list(table.frame.index)
    at = names.index("Controls")
    assert names[at : at + 3] == ["Controls", "Trends", "Openness"]
    ways = ({"controls": "edu"}, {"blocks": {"Controls": "edu"}})
    one, other = (etable(steps, **options) for options in ways)
    assert one.frame.equals(other.frame)


def test_blocks_in_chinese(steps):
    style = dp.TableStyle("zh", yes="控制")
    table = etable(
        steps, style=style, controls=["edu", "open"], blocks={"时间趋势": "trend*"}
    )
    assert table.frame.loc["控制变量"].tolist() == [
        "未控制",
        "部分",
        "控制",
        "控制",
        "控制",
    ]
    assert table.frame.loc["时间趋势"].tolist() == [
        "未控制",
        "未控制",
        "未控制",
        "部分",
        "控制",
    ]


def test_an_absorbed_trend_may_be_in_a_block():
    panel = dp.datasets.us_states()
    spec = dp.FixedEffects("log(gsp)", ["log(pc)", "unemp"])
    fits = [spec.fit(panel), spec.replace(absorb="state[year]").fit(panel)]
    trend = absorbed_effects(read_columns(fits[1], "etable")[0])[-1]
    table = etable(
        fits,
        blocks={"State trends": [trend]},
        labels={"state": "State", "year": "Year"},
    )
    assert table.frame.loc["State trends"].tolist() == ["No", "Yes"]
    plain = etable(fits, labels={"state": "State", "year": "Year"})
    assert len(table.frame) == len(plain.frame)
    assert (
        plain.frame.loc["State fixed effects"].tolist()
        == table.frame.loc["State fixed effects"].tolist()
    )


def test_effects_of_draws_and_frames_do_not_list_what_they_hold(make_drawn, one_way):
    columns = read_columns([make_drawn({"total": (1, 1, 1)}), one_way], "etable")
    folded = {"Controls": ["edu"]}
    assert folded_rows(columns, folded, STYLE) == [("Controls", ["", "No"])]


def test_names_in_the_order_asked(steps):
    columns = read_columns(steps, "etable")
    found = fold_terms(
        columns, ["open"], {"B": ["trend_2", "trend*"], "A": "edu"}, STYLE
    )
    assert list(found.items()) == [
        ("Controls", ["open"]),
        ("B", ["trend_2", "trend_1"]),
        ("A", ["edu"]),
    ]
    assert fold_terms(columns, (), None, STYLE) == {}
    assert fold_terms(columns, (), {}, STYLE) == {}


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"blocks": ["edu"]}, InputTypeError),
        ({"blocks": "edu"}, InputTypeError),
        ({"blocks": 1}, InputTypeError),
        ({"blocks": {1: ["edu"]}}, InputTypeError),
        ({"blocks": {"A": 1}}, InputTypeError),
        ({"blocks": {"A": None}}, InputTypeError),
        ({"blocks": {"A": [1]}}, InputTypeError),
        ({"blocks": {"A": {"edu": 1, 2: 3}}}, InputTypeError),
        ({"blocks": {"A": []}}, OptionError),
        ({"blocks": {"": ["edu"]}}, OptionError),
        ({"blocks": {" ": ["edu"], "": ["open"]}}, OptionError),
        ({"blocks": {"A": ["edu"], "A\n": ["open"]}}, OptionError),
        ({"blocks": {"A": ["edu"], "B": ["edu"]}}, OptionError),
        ({"blocks": {"A": ["*"], "B": ["edu"]}}, OptionError),
        ({"blocks": {"A": ["edu"]}, "controls": "e*"}, OptionError),
        ({"blocks": {"Controls": ["edu"]}, "controls": "open"}, OptionError),
        ({"blocks": {"A": ["income"]}}, ColumnError),
        ({"blocks": {"A": ["edu", "income*"]}}, ColumnError),
        ({"blocks": {"A": ["city"]}}, ColumnError),
        ({"blocks": {"A": ["province[year]"]}}, ColumnError),
    ],
)
def test_what_no_blocks_are(steps, options, error):
    with pytest.raises(error) as caught:
        etable(steps, **options)
    assert caught.value.problems
