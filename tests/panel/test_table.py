"""Columns and keys of sorted rows: lags by the value of time, numbers of any type."""

from __future__ import annotations

import re
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from digiprosper import FixedEffects, Panel
from digiprosper.errors import (
    ColumnError,
    DigiprosperWarning,
    InputTypeError,
    MissingDataError,
)
from digiprosper.panel.access import table_of

nan = np.nan


def brute_lag(data: pd.DataFrame, column: str, steps: int) -> list[float]:
    known = {(i, t): v for i, t, v in data[["i", "t", column]].itertuples(index=False)}
    ordered = data.sort_values(["i", "t"])
    return [
        known.get((i, t - steps), nan)
        for i, t in ordered[["i", "t"]].itertuples(index=False)
    ]


@st.composite
def ragged(draw: st.DrawFn) -> pd.DataFrame:
    cells = draw(
        st.lists(
            st.tuples(st.integers(0, 4), st.integers(-12, 12)),
            min_size=3,
            max_size=30,
            unique=True,
        ).map(lambda c: draw(st.permutations(c)))
    )
    values = draw(
        st.lists(
            st.integers(-99, 99) | st.none(), min_size=len(cells), max_size=len(cells)
        )
    )
    return pd.DataFrame(cells, columns=["i", "t"]).assign(
        x=np.array(values, dtype=float)
    )


@pytest.mark.further
@settings(max_examples=120, deadline=None)
@given(ragged(), st.integers(-4, 4).filter(bool), st.sampled_from([1, 2, 5, 10**20]))
def test_shift_equals_a_loop_over_keys(
    data: pd.DataFrame, periods: int, step: int
) -> None:
    table = table_of(Panel(data, "i", "t", step=step))
    np.testing.assert_array_equal(
        table.shift(table.numeric("x"), periods), brute_lag(data, "x", periods * step)
    )


@pytest.mark.further
@settings(max_examples=40, deadline=None)
@given(ragged(), st.integers(1, 40), st.integers(1, 7))
def test_long_shifts_on_a_grid_of_steps(
    data: pd.DataFrame, periods: int, step: int
) -> None:
    table = table_of(Panel(data, "i", "t", step=step))
    for sign in (1, -1):
        np.testing.assert_array_equal(
            table.shift(table.numeric("x"), sign * periods),
            brute_lag(data, "x", sign * periods * step),
        )


@pytest.mark.parametrize("step", [1, 2])
def test_the_longest_lag_on_a_grid_of_steps_reaches_from_the_last_time_to_the_first(
    step: int,
) -> None:
    data = pd.DataFrame({"i": 0, "t": 2000 + step * np.arange(3), "x": [5.0, 6.0, 7.0]})
    lagged = Panel(data, "i", "t", step=step).assign(
        back="lag(x, 2)", ahead="lead(x, 2)"
    )
    np.testing.assert_array_equal(lagged.frame["back"], [nan, nan, 5.0])
    np.testing.assert_array_equal(lagged.frame["ahead"], [7.0, nan, nan])
    with pytest.raises(MissingDataError, match="3 steps apart"):
        lagged.assign(beyond="lag(x, 3)")


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_lag_never_reaches_another_entity(times: int) -> None:
    data = pd.DataFrame(
        {"i": np.repeat(np.arange(3), times), "t": np.tile(np.arange(times), 3)}
    )
    data["x"] = np.arange(3.0 * times)
    table = table_of(Panel(data, "i", "t"))
    for periods in range(-times - 1, times + 2):
        got = table.shift(table.numeric("x"), periods)
        np.testing.assert_array_equal(got, brute_lag(data, "x", periods))


def test_a_lag_never_reaches_another_grid_of_steps() -> None:
    data = pd.DataFrame(
        {"i": 0, "t": [2000, 2001, 2004, 2005, 2006], "x": np.arange(5.0)}
    )
    table = table_of(Panel(data, "i", "t", step=2))
    for periods in (*range(-12, 0), *range(1, 13)):
        got = table.shift(table.numeric("x"), periods)
        np.testing.assert_array_equal(got, brute_lag(data, "x", 2 * periods))


@settings(max_examples=30, deadline=None)
@given(ragged(), st.randoms(use_true_random=False))
def test_row_order_does_not_matter(data: pd.DataFrame, random: Any) -> None:
    order = list(range(len(data)))
    random.shuffle(order)
    a, b = Panel(data, "i", "t"), Panel(data.iloc[order], "i", "t")
    pd.testing.assert_frame_equal(a.frame, b.frame)
    one, other = table_of(a), table_of(b)
    np.testing.assert_array_equal(
        one.shift(one.numeric("x"), 1), other.shift(other.numeric("x"), 1)
    )


def test_numbers_of_any_type_become_float64() -> None:
    data = pd.DataFrame(
        {
            "i": [1, 1, 2],
            "t": [1, 2, 1],
            "a": pd.array([3, None, 1], dtype="Int64"),
            "b": pd.array([3, None, 1], dtype="int64[pyarrow]"),
            "c": pd.array([True, None, False], dtype="boolean"),
            "d": np.array([3, nan, 1], dtype="float32"),
        }
    )
    table = table_of(Panel(data, "i", "t"))
    as_floats = table_of(Panel(data.astype({"b": "float64[pyarrow]"}), "i", "t"))
    assert "b" in table.label_columns.keys() - as_floats.label_columns.keys()
    for name in "abd":
        np.testing.assert_array_equal(table.numeric(name), [3.0, nan, 1.0])
    np.testing.assert_array_equal(table.numeric("c"), [1.0, nan, 0.0])
    assert table.numeric("a").dtype == np.float64


@pytest.mark.parametrize("name", ["nothing", np.array([1, 2]), 3], ids=str)
def test_what_is_no_column_is_refused(panel: Panel, name: Any) -> None:
    for take in (table_of(panel).series, table_of(panel).raw, table_of(panel).numeric):
        with pytest.raises(ColumnError) as caught:
            take(name)
        assert repr(str(name)) in str(caught.value)


def test_columns_keys_and_rows_by_hand(panel: Panel) -> None:
    table, flat = table_of(panel), panel.frame.reset_index()
    assert table.names == ("city", "year", *panel.columns)
    for name in table.names:
        np.testing.assert_array_equal(table.raw(name), flat[name])
    assert [name for name in table.names if not table.is_numeric(name)] == [
        "city",
        "region",
    ]
    first = tuple(flat.loc[0, ["city", "year"]])
    assert (
        table.describe_rows(np.arange(len(table)) < 1)
        == f"1 row (first: ({first[0]}, {first[1]}))"
    )


def test_numbers_are_read_once_and_cannot_be_written(panel: Panel) -> None:
    table = table_of(panel)
    assert table.numeric("gdp") is table.numeric("gdp")
    with pytest.raises(ValueError, match="read-only"):
        table.numeric("gdp")[0] = 1.0
    changed = table.with_columns({"gdp": 0.0})
    assert (changed.numeric("gdp") == 0).all()
    assert (table.numeric("gdp") > 0).all()


@pytest.mark.parametrize(
    "times",
    [
        pd.PeriodIndex(["2018-12", "2019-01"], freq="M"),
        pd.to_datetime(["2018-12-01", "2019-01-01"]),
    ],
)
def test_periods_and_dates_are_told_how_to_become_numbers(times: Any) -> None:
    panel = Panel(pd.DataFrame({"i": 1, "t": times, "x": 1.0}), "i", "t")
    with pytest.raises(
        InputTypeError, match=r"assign a number, such as panel\['t'\]\.dt\.year"
    ):
        table_of(panel).numeric("t")
    assert panel.assign(year=panel["t"].dt.year)["year"].tolist() == [2018, 2019]


def with_cells(cells: list[object]) -> pd.DataFrame:
    keys = {"i": np.arange(len(cells)) // 5, "t": np.arange(len(cells)) % 5}
    return pd.DataFrame(keys).assign(x=pd.Series(cells, dtype=object))


@pytest.mark.parametrize("numbers", ["numbers", "texts"])
def test_text_among_numbers_is_named_with_its_cells(numbers: str) -> None:
    values: list[object] = [f"{v}" if numbers == "texts" else v for v in range(10)]
    values[3], values[6], values[8] = "…", None, " - "
    with pytest.warns(DigiprosperWarning, match="text among numbers: 'x' has ") as said:
        panel = Panel(with_cells(values), "i", "t")
    cells = r"'…', ' - ' in 2 rows (first: (0, 3), (1, 3))"
    assert cells in str(said[0].message)
    with pytest.raises(InputTypeError) as caught:
        panel.interpolate("x")
    assert f"column 'x' is object and not numeric: {cells}; " in str(caught.value)
    assert caught.value.problems[0].data == {"column": "x", "values": ("…", " - ")}
    with pytest.raises(InputTypeError, match="not numeric"):
        FixedEffects("x", "t", entity_effects=False).fit(panel)


def test_percent_signs_are_named_with_what_reads_them() -> None:
    texts = [f"{v}.5%" for v in range(9)] + ["9\uff05"]
    with pytest.warns(DigiprosperWarning, match="text among numbers") as said:
        panel = Panel(with_cells(texts), "i", "t")
    (cure,) = re.findall(r"'0.5%' by (.*)\.$", str(said[0].message))
    numbers = eval(f"panel['x']{cure}")
    assert numbers.tolist() == [0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9.0]
    with pytest.raises(InputTypeError, match=r"'0\.5%' by \.str\.strip"):
        FixedEffects("x", "t", entity_effects=False).fit(panel)


def test_empty_texts_are_no_percentages() -> None:
    texts = [*map(str, range(9)), " "]
    with pytest.warns(DigiprosperWarning, match="text among numbers") as said:
        Panel(with_cells(texts), "i", "t")
    assert "str.strip" not in str(said[0].message)


@pytest.mark.parametrize(
    "cells",
    [
        ["a", "b", "c", None, "58号"],
        [1.0, None, 2.0, 3.0, 4.0],
        ["1", "2", None, "4", "5"],
        [True, None, False, True, True],
        [[1], {"a": 2}, None, (3,), "a"],
        [pd.Timestamp("2020-01-01"), "a", None, "b", "c"],
        [None] * 5,
    ],
    ids=str,
)
def test_columns_of_names_and_of_numbers_alone_have_no_notice(
    cells: list[object],
) -> None:
    assert Panel(with_cells(cells), "i", "t").diagnostics == ()


def test_a_column_of_lists_is_not_numeric() -> None:
    panel = Panel(with_cells([[1], [2], None]), "i", "t")
    with pytest.raises(InputTypeError, match=r"'x' is object and not numeric.*'\[1\]'"):
        panel.summarise("x")


def test_a_category_of_numbers_and_text_is_meant() -> None:
    data = with_cells([1, 2, "more", 1, 1]).astype({"x": "category"})
    assert Panel(data, "i", "t").diagnostics == ()


@pytest.mark.parametrize("size", [999, 1000, 2500])
def test_one_text_in_a_long_column_is_named_wherever_it_is(size: int) -> None:
    for row in (0, size // 2 + 1, size - 1):
        cells: list[object] = list(range(size))
        cells[row] = "n.a."
        with pytest.warns(DigiprosperWarning, match=rf"\({row // 5}, {row % 5}\)"):
            Panel(with_cells(cells), "i", "t")


def test_dummies_are_columns_of_0_and_1_without_gaps() -> None:
    frame = pd.DataFrame({"i": [1, 1, 2], "t": [1, 2, 1]}).assign(
        number=[0.0, 1.0, 1.0],
        truth=[True, False, True],
        objects=pd.Series([True, False, True], dtype=object),
        nullable=pd.array([0, 1, 0], dtype="Int8"),
        gap=[0.0, nan, 1.0],
        none=pd.array([True, None, False], dtype="boolean"),
        text=["0", "1", "1"],
        more=[0, 1, 2],
    )
    dummies = table_of(Panel(frame, "i", "t")).dummies
    assert dummies == ("number", "truth", "objects", "nullable")
