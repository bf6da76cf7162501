"""The panel: lags by time, columns by label, rows by condition, by hand.

Lags are by time value; numbers are by hand.
"""

from __future__ import annotations

import copy
import inspect
import pickle
import re
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from digiprosper import Panel
from digiprosper.errors import (
    AlignmentError,
    ColumnError,
    InputTypeError,
    MissingDataError,
    MissingDataWarning,
    OptionError,
    PanelIndexError,
    TermError,
)

nan = np.nan


# --- reading --------------------------------------------------------------------------


def test_length_and_names(panel: Panel) -> None:
    assert len(panel) == panel.nobs
    assert "gdp" in panel
    assert "city" in panel
    assert "GDP" not in panel
    with pytest.raises(TypeError, match="not iterable"):
        iter(panel)  # type: ignore[call-overload]


def test_columns_in_brackets(panel: Panel) -> None:
    pd.testing.assert_series_equal(panel["gdp"], panel.frame["gdp"])
    pd.testing.assert_frame_equal(
        panel[["region", "gdp"]], panel.frame[["region", "gdp"]]
    )
    years = panel["year"]
    assert years.index.equals(panel.index)
    assert years.tolist() == panel.index.get_level_values("year").tolist()
    assert years.name == "year"
    assert panel[[]].shape == (panel.nobs, 0)
    with pytest.raises(ColumnError, match="'gdp' is in the list more than once"):
        panel[["gdp", "region", "gdp"]]
    taken = panel["gdp"]
    taken[:] = 0.0
    assert not (panel["gdp"] == 0).any()
    assert panel.assign(half=panel["gdp"] / 2)["half"].equals(
        (panel["gdp"] / 2).rename("half")
    )


@pytest.mark.parametrize(
    "columns", [0, slice(0, 3), ("gdp", "digital"), None, pd.Series([True]), ["gdp", 3]]
)
def test_what_is_no_name_in_brackets(panel: Panel, columns: Any) -> None:
    with pytest.raises(InputTypeError):
        panel[columns]


def test_an_unknown_name_in_brackets(panel: Panel) -> None:
    with pytest.raises(ColumnError, match="did you mean 'digital'"):
        panel["digitl"]
    with pytest.raises(KeyError):
        panel[["gdp", "none"]]


def test_head(panel: Panel) -> None:
    pd.testing.assert_frame_equal(panel.head(), panel.frame.iloc[:5])
    assert len(panel.head(0)) == 0
    assert len(panel.head(10_000)) == panel.nobs
    for n in (-1, 2.0, "3", None, True):
        with pytest.raises(OptionError, match="n="):
            panel.head(n)  # type: ignore[arg-type]


# --- rows with missing values ---------------------------------------------------------


@pytest.fixture
def gaps() -> Panel:
    df = pd.DataFrame(
        {"i": [1, 1, 2, 2, 3], "t": [1, 2, 1, 2, 1], "x": [1, nan, 3, 4, nan]}
    )
    df["place"] = ["a", None, "b", None, "c"]
    df["z"] = pd.array([1, 2, None, 4, 5], dtype="Int64")
    return Panel(df, "i", "t", labels={"x": "X"})


@pytest.mark.parametrize(
    ("columns", "rows", "counts"),
    [
        ("x", 3, {"x": 2}),
        (["place", "x"], 2, {"place": 2, "x": 2}),
        ("z", 4, {"z": 1}),
        (None, 1, None),
    ],
)
def test_dropna_counts_what_leaves(
    gaps: Panel, columns: Any, rows: int, counts: Any
) -> None:
    with pytest.warns(MissingDataWarning) as caught:
        kept = gaps.dropna() if columns is None else gaps.dropna(columns)
    assert len(caught) == 1
    assert kept.nobs == rows
    assert kept.is_part
    assert kept.labels == {"x": "X"}
    actual = dict(re.findall(r"(\w+) \((\d)\)", str(caught[0].message)))
    assert {n: int(c) for n, c in actual.items()} == (
        counts or {"x": 2, "place": 2, "z": 1}
    )
    chosen = [columns] if isinstance(columns, str) else columns or list(gaps.columns)
    assert kept.index.equals(gaps.frame.dropna(subset=chosen).index)


def test_dropna_with_nothing_missing(panel: Panel) -> None:
    assert panel.dropna(["gdp", "region"]) is panel
    assert panel.dropna([]) is panel
    assert panel.dropna("city") is panel


def test_dropna_refuses(gaps: Panel) -> None:
    with pytest.raises(ColumnError, match="did you mean"):
        gaps.dropna("plac")
    with pytest.raises(InputTypeError):
        gaps.dropna([1])  # type: ignore[list-item]
    empty = gaps.assign(none=lambda frame: frame["x"] * nan)
    with pytest.raises(MissingDataError, match="keeps no rows"):
        empty.dropna("none")


# --- what it holds --------------------------------------------------------------------


def test_members(panel: Panel, cities: pd.DataFrame) -> None:
    raw = cities
    assert panel.nobs == len(raw)
    assert panel.n_entities == 5
    assert panel.n_times == 6
    assert not panel.is_balanced
    assert panel.columns == ("gdp", "digital", "region", "K / L", "资本")
    assert panel.frame.index.equals(raw.set_index(["city", "year"]).sort_index().index)
    assert panel.frame.index.is_monotonic_increasing
    pd.testing.assert_frame_equal(
        panel.frame, raw.set_index(["city", "year"]).sort_index()
    )


def test_the_users_frame_is_never_written_to(cities: pd.DataFrame) -> None:
    raw = cities
    before = raw.copy(deep=True)
    panel = Panel(raw, "city", "year")
    panel.assign(gdp=0.0).standardise("digital").winsorize("digital").lag("gdp")
    shown = panel.frame
    shown["gdp"] = 1.0
    panel.describe("gdp")
    pd.testing.assert_frame_equal(raw, before)
    raw["gdp"] = 7.0
    assert not (panel.frame["gdp"] == 7.0).any()
    assert not (panel.frame["gdp"] == 1.0).any()


def test_copies_and_pickles(panel: Panel) -> None:
    panel.describe("gdp")
    for other in (
        pickle.loads(pickle.dumps(panel)),
        copy.copy(panel),
        copy.deepcopy(panel),
    ):
        pd.testing.assert_frame_equal(other.frame, panel.frame)
        assert other.labels == panel.labels
        assert (
            other.lag("gdp")
            .frame["gdp_lag1"]
            .equals(panel.lag("gdp").frame["gdp_lag1"])
        )


def test_repr_says_the_shape(panel: Panel, cities: pd.DataFrame) -> None:
    assert repr(panel).startswith(
        f"Panel: 5 city x 6 year, {panel.nobs} rows, unbalanced; columns gdp, digital"
    )
    assert "Panel: 5 city" in repr(Panel(cities.drop_duplicates("city"), "city"))
    assert "<table" in panel._repr_html_()


def test_a_cross_section(cities: pd.DataFrame) -> None:
    panel = Panel(cities.drop_duplicates("city").drop(columns="year"), entity="city")
    assert panel.frame.index.tolist() == ["p0", "p1", "p2", "p3", "p4"]
    assert panel.frame.index.name == "city"
    assert panel.time_name is None
    assert panel.subset("region == 'east'").entities.tolist() == ["p0", "p2"]
    assert (
        panel.attach(pd.Series({"p1": 3.0}, name="z").rename_axis("city"))
        .frame["z"]
        .count()
        == 1
    )
    for call in (lambda: panel.lag("gdp"), lambda: panel.interpolate("gdp")):
        with pytest.raises(PanelIndexError, match="cross-section"):
            call()
    with pytest.raises(PanelIndexError, match=r"earlier row.*time column"):
        Panel(cities, "city")


def test_polars_gives_the_same(cities: pd.DataFrame) -> None:
    a, b = Panel(pl.from_pandas(cities), "city", "year"), Panel(cities, "city", "year")
    pd.testing.assert_frame_equal(a.frame, b.frame, check_dtype=False)


# --- lags by the value of time --------------------------------------------------------


def test_lag_crosses_neither_entities_nor_a_gap() -> None:
    data = pd.DataFrame(
        {
            "i": list("AAABBB"),
            "t": [2019, 2020, 2022, 2020, 2021, 2022],
            "x": [1.0, 2, 3, 4, 5, 6],
        }
    )
    panel = Panel(data, "i", "t").lag("x").lag("x", 2).diff("x")
    assert panel.columns == ("x", "x_lag1", "x_lag2", "x_diff1")
    np.testing.assert_array_equal(panel.frame["x_lag1"], [nan, 1, nan, nan, 4, 5])
    np.testing.assert_array_equal(panel.frame["x_lag2"], [nan, nan, 2, nan, nan, 4])
    np.testing.assert_array_equal(panel.frame["x_diff1"], [nan, 1, nan, nan, 1, 1])


def test_step_of_five_years() -> None:
    data = pd.DataFrame({"i": 1, "t": [2000, 2005, 2010, 2020], "x": [1.0, 2, 3, 4]})
    with pytest.raises(MissingDataError, match=r"missing in every row.*step"):
        Panel(data, "i", "t").lag("x")
    panel = Panel(data, "i", "t", step=5)
    np.testing.assert_array_equal(panel.lag("x").frame["x_lag1"], [nan, 1, 2, nan])
    np.testing.assert_array_equal(
        panel.subset("t != 2005").lag("x", 2).frame["x_lag2"], [nan, 1, 3]
    )


def test_dates_keep_their_step_when_rows_leave() -> None:
    data = pd.DataFrame(
        {
            "i": 1,
            "t": pd.date_range("2020-01-01", periods=9, freq="QS"),
            "x": np.arange(9.0),
        }
    )
    panel = Panel(data.assign(q=data["t"].dt.quarter), "i", "t")
    np.testing.assert_array_equal(
        panel.lag("x", 4).frame["x_lag4"], [nan] * 4 + [0, 1, 2, 3, 4]
    )
    first = panel.subset("q == 1")
    np.testing.assert_array_equal(first.lag("x", 4).frame["x_lag4"], [nan, 0, 4])
    with pytest.raises(MissingDataError, match="missing in every row"):
        first.lag("x")


def test_periods_and_dates_skip_gaps() -> None:
    for times in (
        pd.PeriodIndex(["2020-01", "2020-02", "2020-04"], freq="M"),
        pd.to_datetime(["2020-01-31", "2020-02-29", "2020-04-30"]),
    ):
        panel = Panel(pd.DataFrame({"i": 1, "t": times, "x": [1.0, 2, 3]}), "i", "t")
        np.testing.assert_array_equal(panel.lag("x").frame["x_lag1"], [nan, 1, nan])
        assert panel.times.equals(pd.Index(times, name="t"))


def test_times_of_hours_have_a_step_and_those_of_minutes_ask_for_one() -> None:
    hours = pd.date_range("2020-01-01", periods=3, freq="h")
    data = pd.DataFrame({"i": 1, "t": hours, "x": [1.0, 2, 3]})
    for panel in (Panel(data, "i", "t"), Panel(data, "i", "t", step="h")):
        assert panel.lag("x").frame["x_lag1"].tolist()[1:] == [1.0, 2.0]
    minutes = data.assign(t=pd.date_range("2020-01-01", periods=3, freq="min"))
    with pytest.raises(PanelIndexError, match="step="):
        Panel(minutes, "i", "t").lag("x")


@pytest.mark.parametrize("periods", [0, -1, 1.5, True, "1"])
def test_a_fractional_lag_is_refused(panel: Panel, periods: Any) -> None:
    for method in (panel.lag, panel.diff):
        with pytest.raises(OptionError, match="periods="):
            method("gdp", periods)


def test_lags_of_odd_names_and_of_several(panel: Panel) -> None:
    assert panel.lag(["K / L", "资本"]).columns[-2:] == ("K / L_lag1", "资本_lag1")
    with pytest.raises(InputTypeError, match="'region'"):
        panel.lag("region")
    with pytest.raises(ColumnError, match="did you mean 'gdp'"):
        panel.lag("gpd")


# --- fewer rows -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "year >= 2012 and region == 'east'",
            lambda f: (f.year >= 2012) & (f.region == "east"),
        ),
        ("2011 < year <= 2013", lambda f: (f.year > 2011) & (f.year <= 2013)),
        (
            "city in ['p0', 'p3'] or not (year == 2010)",
            lambda f: f.city.isin(["p0", "p3"]) | (f.year != 2010),
        ),
        ("region not in ['east']", lambda f: f.region != "east"),
        (
            "(gdp > 1) & (digital > 0) | year == 2011",
            lambda f: (f.gdp > 1) & (f.digital > 0) | (f.year == 2011),
        ),
        (
            "`K / L` > 1.5 and 资本 > 1.2",
            lambda f: (f["K / L"] > 1.5) & (f["资本"] > 1.2),
        ),
        ("gdp > 2 * digital ** 2 - 1", lambda f: f.gdp > 2 * f.digital**2 - 1),
    ],
)
def test_subset_by_text(panel: Panel, text: str, expected: Any) -> None:
    flat = panel.frame.reset_index()
    pd.testing.assert_frame_equal(
        panel.subset(text).frame, panel.frame[expected(flat).to_numpy()]
    )


@pytest.mark.parametrize("dtype", ["float64", "Float64", "double[pyarrow]"])
def test_subset_drops_rows_where_the_condition_is_missing(dtype: str) -> None:
    data = pd.DataFrame(
        {"i": 1, "t": [1, 2, 3], "x": pd.array([1.0, None, 3.0], dtype=dtype)}
    )
    assert Panel(data, "i", "t").subset("x > 0").times.tolist() == [1, 3]


def test_subset_by_dates_and_periods() -> None:
    for times, text in (
        (pd.date_range("2020-01-01", periods=4, freq="QS"), "t >= '2020-07-01'"),
        (pd.period_range("2020Q1", periods=4, freq="Q"), "t >= '2020Q3'"),
    ):
        panel = Panel(pd.DataFrame({"i": 1, "t": times, "x": 1.0}), "i", "t")
        assert panel.subset(text).nobs == 2


def test_subset_by_mask(panel: Panel) -> None:
    mask = (panel.frame["gdp"] > 1).sample(frac=1.0, random_state=1)
    pd.testing.assert_frame_equal(
        panel.subset(mask).frame, panel.frame[panel.frame["gdp"] > 1]
    )


@pytest.mark.parametrize(
    ("rows", "kind", "words"),
    [
        ("regoin == 'east'", ColumnError, "did you mean 'region'"),
        ("gdp >", TermError, "cannot be read"),
        ("gdp", TermError, "true or false"),
        ("gdp > @x", TermError, "cannot be read"),
        ("region > 1", TermError, "numbers with numbers"),
        ("gdp.sum() > 0", TermError, "mask made from panel.frame"),
        ("gdp.to_csv('stolen.csv') == 1", TermError, "mask made from panel.frame"),
        ("__import__('os').system('ls') == 0", TermError, "mask made from panel.frame"),
        ("gdp[0] > 1", TermError, "mask made from panel.frame"),
        ("index > 3", ColumnError, "'index'"),
        ("gdp > 1e9", MissingDataError, "keeps no rows"),
        (lambda p: (p.frame["gdp"] > 1).to_numpy(), AlignmentError, "no row labels"),
        (
            lambda p: (p.frame["gdp"] > 1).reset_index(drop=True),
            AlignmentError,
            "do not match",
        ),
        (lambda p: p.frame["gdp"], InputTypeError, "boolean"),
        (
            lambda p: (p.frame["gdp"] > 1).astype("boolean").where(p.frame["gdp"] > 1),
            MissingDataError,
            "fillna",
        ),
    ],
)
def test_subset_refuses(
    panel: Panel, rows: Any, kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind, match=words):
        panel.subset(rows(panel) if callable(rows) else rows)


def test_balance() -> None:
    data = pd.DataFrame(
        {"i": list("AAABBCCC"), "t": [1, 2, 3, 1, 2, 1, 2, 3], "x": np.arange(8.0)}
    )
    panel = Panel(data, "i", "t")
    entities, times = panel.balance("entities"), panel.balance("times")
    assert entities.is_balanced
    assert entities.entities.tolist() == ["A", "C"]
    assert times.is_balanced
    assert times.times.tolist() == [1, 2]
    assert panel.balance().nobs == 6
    with pytest.raises(OptionError, match="'entities', 'times'"):
        panel.balance("rows")  # type: ignore[arg-type]
    with pytest.raises(MissingDataError, match="balance"):
        Panel(data[data["t"] != 3].assign(t=[1, 2, 3, 4, 5, 6]), "i", "t").balance()


# --- what is in it --------------------------------------------------------------------


def test_every_method_of_the_contract_is_there() -> None:
    expected = (
        "frame entities times n_entities n_times nobs is_balanced labels imputations "
        "assign subset attach relabel balance standardise winsorize interpolate lag "
        "diff summarise correlate describe sample"
    )
    for name in expected.split():
        assert hasattr(Panel, name), name
    assert str(inspect.signature(Panel.__init__)).startswith("(self, data")
    kinds = inspect.signature(Panel).parameters
    assert list(kinds) == ["data", "entity", "time", "labels", "step", "time_format"]
    assert kinds["step"].kind is inspect.Parameter.KEYWORD_ONLY


def test_lags_and_steps_begin_at_one(panel: Panel, cities: pd.DataFrame) -> None:
    assert "gdp_lag1" in panel.lag("gdp", 1).frame
    with pytest.raises(OptionError, match="periods=0"):
        panel.lag("gdp", 0)
    assert Panel(cities, "city", "year", step=1).n_times == 6
    with pytest.raises(OptionError, match="step=0"):
        Panel(cities, "city", "year", step=0)


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
