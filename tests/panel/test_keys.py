"""Keys: what is accepted, how it is coded, and how the rest is refused."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from digiprosper import FixedEffects, Panel
from digiprosper.errors import (
    ColumnError,
    DigiprosperWarning,
    InputTypeError,
    MissingDataError,
    OptionError,
    PanelIndexError,
)
from digiprosper.panel.keys import (
    period_text,
    rows_text,
    sorted_keys,
    to_pandas,
)

FLAT = pd.DataFrame(
    {
        "city": ["B", "A", "B", "A"],
        "year": [2020, 2021, 2019, 2019],
        "gdp": [4.0, 2.0, 3.0, 1.0],
    }
)


def keys_of(frame: pd.DataFrame, step: object = None) -> Any:
    return sorted_keys(frame, "city", "year", step)


def test_rows_are_sorted_and_coded() -> None:
    frame, keys = keys_of(FLAT)
    assert frame["gdp"].tolist() == [1.0, 2.0, 3.0, 4.0]
    assert keys.entity.tolist() == [0, 0, 1, 1]
    assert keys.time.tolist() == [0, 2, 0, 1]
    assert keys.entities.tolist() == ["A", "B"]
    assert keys.times.tolist() == [2019, 2020, 2021]
    assert keys.index.names == ["city", "year"]
    assert keys.index.tolist() == [("A", 2019), ("A", 2021), ("B", 2019), ("B", 2020)]


@pytest.mark.parametrize(
    "table",
    [
        FLAT,
        pl.from_pandas(FLAT),
        pa.Table.from_pandas(FLAT, preserve_index=False),
        FLAT.convert_dtypes(dtype_backend="pyarrow"),
        FLAT.convert_dtypes(),
        FLAT.assign(city=FLAT["city"].astype("category")),
        FLAT.assign(year=FLAT["year"].astype("int16")),
        FLAT.assign(year=FLAT["year"].astype("uint8")),
    ],
    ids=[
        "pandas",
        "polars",
        "pyarrow",
        "pyarrow-backed",
        "nullable",
        "category",
        "int16",
        "uint8",
    ],
)
def test_every_kind_of_table_gives_the_same_keys(table: object) -> None:
    frame, keys = keys_of(to_pandas(table))
    assert frame["gdp"].astype(float).tolist() == [1.0, 2.0, 3.0, 4.0]
    assert keys.entity.tolist() == [0, 0, 1, 1]
    assert keys.entities.tolist() == ["A", "B"]
    assert keys.ordinals is not None
    assert np.diff(keys.ordinals).tolist() == [1, 1]


def test_a_multiindex_needs_no_names() -> None:
    indexed = FLAT.set_index(["city", "year"])
    frame, keys = sorted_keys(indexed, None, None, None)
    assert (keys.entity_name, keys.time_name) == ("city", "year")
    assert frame.columns.tolist() == ["gdp"]
    _, bare = sorted_keys(indexed.rename_axis([None, None]), None, None, None)
    assert (bare.entity_name, bare.time_name) == ("entity", "time")


def test_levels_of_the_index_may_be_named_as_keys() -> None:
    for indexed in (FLAT.set_index(["city", "year"]), FLAT.set_index("city")):
        _, keys = keys_of(indexed)
        assert keys.index.tolist()[0] == ("A", 2019)


def test_a_level_that_is_also_a_column_is_refused() -> None:
    clash = FLAT.set_index(["city", "year"]).assign(year=1)
    with pytest.raises(PanelIndexError, match=r"'year'.*rename"):
        sorted_keys(clash, None, None, None)


def test_cross_section() -> None:
    frame, keys = sorted_keys(
        pd.DataFrame({"city": ["B", "A"], "gdp": [1, 2]}), "city", None, None
    )
    assert keys.time_name is None
    assert keys.index.tolist() == ["A", "B"]
    assert keys.index.name == "city"
    assert frame["gdp"].tolist() == [2, 1]


@pytest.mark.parametrize(
    "times",
    [
        pd.PeriodIndex(["2020Q1", "2020Q2", "2021Q1"], freq="Q"),
        pd.to_datetime(["2020-01-01", "2020-04-01", "2021-01-01"]),
        pd.to_datetime(["2020-01-01", "2020-04-01", "2021-01-01"]).tz_localize(
            "Asia/Shanghai"
        ),
        [dt.date(2020, 1, 1), dt.date(2020, 4, 1), dt.date(2021, 1, 1)],
        pd.array(
            [dt.date(2020, 1, 1), dt.date(2020, 4, 1), dt.date(2021, 1, 1)],
            dtype=pd.ArrowDtype(pa.date32()),
        ),
        pd.array(
            pd.to_datetime(["2020-01-01", "2020-04-01", "2021-01-01"]),
            dtype="timestamp[ns][pyarrow]",
        ),
    ],
    ids=["period", "datetime", "zone", "date", "arrow-date", "arrow-timestamp"],
)
def test_quarters_are_one_step_apart(times: Any) -> None:
    _, keys = sorted_keys(pd.DataFrame({"i": 1, "t": times, "x": 1.0}), "i", "t", None)
    assert np.diff(keys.ordinals).tolist() == [1, 3]


@pytest.mark.parametrize(
    ("freq", "periods", "expected"),
    [
        ("YS", 4, 1),
        ("YE", 4, 1),
        ("QS", 6, 1),
        ("MS", 30, 1),
        ("W", 60, 1),
        ("D", 60, 1),
    ],
)
def test_the_step_of_dates_is_found(freq: str, periods: int, expected: int) -> None:
    times = pd.date_range("2020-01-01", periods=periods, freq=freq)
    _, keys = sorted_keys(pd.DataFrame({"i": 1, "t": times, "x": 1.0}), "i", "t", None)
    assert set(np.diff(keys.ordinals).tolist()) == {expected}


def test_minutes_need_a_step() -> None:
    times = pd.date_range("2020-01-01", periods=3, freq="20min")
    frame = pd.DataFrame({"i": 1, "t": times, "x": 1.0})
    assert sorted_keys(frame, "i", "t", None)[1].ordinals is None
    with pytest.raises(PanelIndexError, match="step='min'"):
        Panel(frame, "i", "t").lag("x")
    assert np.diff(sorted_keys(frame, "i", "t", "min")[1].ordinals).tolist() == [20, 20]


@pytest.mark.parametrize("step", [None, "h"])
@pytest.mark.parametrize("day", ["2019-03-31", "2019-10-27", "2019-07-01"])
def test_hours_are_a_step_also_when_the_clock_is_changed(
    day: str, step: str | None
) -> None:
    """In Berlin there is no 02:00 in spring, and there are two in autumn."""
    utc = pd.date_range(day, periods=48, freq="h", tz="UTC") - pd.Timedelta(hours=6)
    for times in (utc, utc.tz_convert("Europe/Berlin"), utc.tz_localize(None)):
        frame = pd.DataFrame({"i": 1, "t": times, "x": np.arange(48.0)})
        lags = Panel(frame, "i", "t", step=step).lag("x")["x_lag1"]
        assert lags.tolist()[1:] == list(range(47))


def test_local_days_are_a_step_where_summer_time_begins() -> None:
    """Midnight in London is 23:00 of the day before in UTC, from April on."""
    days = pd.date_range("2019-03-25", periods=15, freq="D", tz="Europe/London")
    frame = pd.DataFrame({"i": 1, "t": days, "x": 1.0})
    assert set(np.diff(sorted_keys(frame, "i", "t", None)[1].ordinals)) == {1}


def test_an_hour_that_is_there_twice_in_autumn_is_explained() -> None:
    utc = pd.date_range("2019-10-26 12:00", periods=24, freq="h", tz="UTC")
    local = utc.tz_convert("Europe/Berlin").tz_localize(None)
    for times in (local, local.strftime("%Y-%m-%d %H:%M")):
        station = pd.DataFrame({"i": 1, "t": times, "utc": utc, "x": np.arange(24.0)})
        frame = pd.concat([station, station.assign(i=2)], ignore_index=True)
        time_format = None if times is local else "%Y-%m-%d %H:%M"
        with pytest.raises(PanelIndexError, match="When summer time ends") as got:
            Panel(frame, "i", "t", time_format=time_format)
        assert "pairs, df" not in str(got.value)
        (statement,) = re.findall(r"df\['t'\] = .*'infer'\)", str(got.value))
        exec(statement, {"df": frame, "pd": pd})
        lags = Panel(frame, "i", "t").lag("x")["x_lag1"]
        assert lags.tolist()[1:24] == list(range(23))
    days = pd.DatetimeIndex(["2019-10-27", "2019-10-27"])
    with pytest.raises(PanelIndexError) as got:
        Panel(pd.DataFrame({"i": 1, "t": days, "x": [1.0, 2.0]}), "i", "t")
    assert "summer" not in str(got.value)
    assert "(1, 2019-10-27)" in str(got.value)


@pytest.mark.parametrize("separator", "-/.")
def test_texts_with_the_year_first_are_dates(separator: str) -> None:
    texts = [f"{year}{separator}12{separator}31" for year in (2014, 2015)]
    frame = pd.DataFrame({"i": 1, "t": texts, "x": [1.0, 2.0]})
    panel = Panel(frame, "i", "t")
    expected = Panel(
        frame.assign(t=pd.to_datetime(["2014-12-31", "2015-12-31"])), "i", "t"
    )
    pd.testing.assert_frame_equal(panel.frame, expected.frame, check_index_type=False)
    assert panel.lag("x")["x_lag1"].tolist()[1] == 1.0
    attached = panel.attach(frame.rename(columns={"x": "z"}))
    assert attached["z"].tolist() == [1.0, 2.0]


@pytest.mark.parametrize("odd", ["2014/12/31", "2014-02-30", "2014"])
def test_a_text_among_dates_that_is_none_is_refused(odd: str) -> None:
    frame = pd.DataFrame({"i": 1, "t": ["2013-12-31", odd], "x": 1.0})
    with pytest.raises(PanelIndexError, match=f"1 value in 1 row cannot.*'{odd}'"):
        Panel(frame, "i", "t")


@pytest.mark.parametrize("texts", [["01/02/2017", "13/02/2017"], ["1.2.2017 10:00"]])
def test_texts_that_begin_with_the_day_or_the_month(texts: list[str]) -> None:
    frame = pd.DataFrame({"i": 1, "t": texts, "x": 1.0})
    with pytest.raises(PanelIndexError, match="time_format='%d/%m/%Y' or") as got:
        Panel(frame, "i", "t")
    assert "pd.to_datetime(df" not in str(got.value)
    if len(texts) > 1:
        panel = Panel(frame, "i", "t", time_format="%d/%m/%Y")
        assert [f"{t:%m-%d}" for t in panel.times] == ["02-01", "02-13"]


@pytest.mark.parametrize("step", [0, -1, 1.5, True, "Y"])
def test_step_of_whole_numbers_is_a_positive_whole_number(step: object) -> None:
    with pytest.raises(OptionError, match="step="):
        keys_of(FLAT, step)


@pytest.mark.parametrize("step", [5, "no such"])
def test_step_of_dates_is_a_frequency(step: object) -> None:
    frame = FLAT.assign(year=pd.to_datetime(FLAT["year"].astype(str)))
    with pytest.raises(OptionError, match="'Y'"):
        keys_of(frame, step)


def test_step_too_coarse_for_the_dates() -> None:
    frame = pd.DataFrame(
        {"city": 1, "year": pd.date_range("2020-01-01", periods=3, freq="MS"), "x": 1.0}
    )
    with pytest.raises(OptionError, match="too coarse"):
        keys_of(frame, "Y")


def test_periods_have_their_own_frequency() -> None:
    frame = FLAT.assign(year=pd.PeriodIndex(FLAT["year"].astype(str), freq="Y"))
    with pytest.raises(OptionError, match="omit step"):
        keys_of(frame, "Q")


def test_clashing_keys_are_named_five_at_most_and_counted() -> None:
    frame = pd.DataFrame({"city": list("abcdefg") * 3, "year": 2020, "x": 1.0})
    with pytest.raises(PanelIndexError, match=r"14 rows with the key") as caught:
        keys_of(frame)
    problem = caught.value.problems[0]
    assert problem.data["count"] == 14
    assert problem.data["keys"] == tuple((c, 2020) for c in "abcde")
    assert "(e, 2020)" in str(caught.value)
    assert "(f, 2020)" not in str(caught.value)
    assert "aggregate or drop" in str(caught.value)


def test_empty_keys_of_both_columns_are_reported_together() -> None:
    frame = FLAT.assign(city=["B", None, "B", "A"], year=[2020, 2021, None, 2019])
    with pytest.raises(PanelIndexError) as caught:
        keys_of(frame.astype({"year": "Int64"}))
    assert [p.data["column"] for p in caught.value.problems] == ["city", "year"]
    assert [p.data["rows"] for p in caught.value.problems] == [("1",), ("2",)]


def test_whole_decimal_times_are_whole_numbers() -> None:
    _, keys = keys_of(FLAT.assign(year=FLAT["year"].astype(float)))
    assert keys.times.dtype == np.int64
    assert keys.times.tolist() == sorted(FLAT["year"].unique())


@pytest.mark.parametrize(
    ("years", "words"),
    [
        (
            ["2019", "2020", "2021", "2022"],
            ["'year'", "text", "astype(int)", "to_datetime", "PeriodIndex"],
        ),
        (
            ["2019年", "2020年", "2021年", "2022年"],
            ["'year'", "text", "extract", "time_format="],
        ),
        ([2019.5, 2020.0, 2021.0, 2022.0], ["'year'", "fractional", "2019.5"]),
        ([True, False, True, False], ["'year'", "boolean"]),
        (
            pd.Categorical([2019, 2020, 2021, 2022]),
            ["'year' is a category ('2019'", "astype(int)"],
        ),
    ],
)
def test_times_without_an_order_are_refused_and_told_how_to_convert(
    years: Any, words: list[str]
) -> None:
    with pytest.raises(PanelIndexError) as caught:
        keys_of(FLAT.assign(year=years))
    for word in words:
        assert word in str(caught.value)


def test_entities_of_mixed_types_are_refused() -> None:
    with pytest.raises(
        PanelIndexError, match=r"'city' mixes int and str.*astype\(str\)"
    ):
        keys_of(FLAT.assign(city=["1", 1, "2", 2]))


def test_entities_in_bytes_as_pandas_reads_them_from_sas_are_refused() -> None:
    with pytest.raises(
        PanelIndexError, match=r"'city' holds bytes.*read_sas\(\.\.\., encoding='utf-8'"
    ):
        keys_of(FLAT.assign(city=FLAT["city"].astype(str).str.encode("utf-8")))


def test_ordered_categories_keep_their_order() -> None:
    city = pd.Categorical(FLAT["city"], categories=["B", "unused", "A"], ordered=True)
    _, keys = keys_of(FLAT.assign(city=city))
    assert keys.entities.tolist() == ["B", "A"]
    assert keys.keep(keys.time > 0).entities.tolist() == ["B", "A"]


@pytest.mark.parametrize(
    ("entity", "time", "kind", "words"),
    [
        ("city", "city", PanelIndexError, "two different columns"),
        ("town", "year", PanelIndexError, "'town'"),
        ("citi", "yeer", PanelIndexError, "did you mean 'year'"),
        (None, "year", PanelIndexError, "both keys"),
        (None, None, PanelIndexError, "MultiIndex"),
        (0, "year", InputTypeError, "text"),
    ],
)
def test_key_names_are_checked(
    entity: Any, time: Any, kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind, match=words):
        sorted_keys(FLAT, entity, time, None)


def test_a_table_without_rows_is_refused() -> None:
    with pytest.raises(PanelIndexError, match="no rows"):
        keys_of(FLAT.iloc[:0])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"city": [1]}, "dict"),
        (np.ones((2, 2)), "ndarray"),
        (FLAT["gdp"], "Series"),
        (pl.from_pandas(FLAT).lazy(), "collect"),
        (None, "NoneType"),
    ],
)
def test_what_is_no_table_is_refused(data: object, words: str) -> None:
    with pytest.raises(InputTypeError, match=words):
        to_pandas(data)


def test_a_table_that_pandas_cannot_hold_is_refused() -> None:
    bands = FLAT.assign(band=pd.cut(FLAT["gdp"], 2))
    with pytest.raises(InputTypeError, match="cannot be converted to pandas"):
        to_pandas(pa.Table.from_pandas(bands))


def test_odd_column_names_are_refused() -> None:
    with pytest.raises(InputTypeError, match=r"'0'.*map\(str\)"):
        to_pandas(pd.DataFrame(np.ones((1, 2))))
    with pytest.raises(ColumnError, match="'gdp'"):
        to_pandas(pd.concat([FLAT, FLAT[["gdp"]]], axis=1))


def test_infinite_values_are_all_named() -> None:
    frame = pd.DataFrame(
        {
            "a": [np.inf, 1.0],
            "b": [1, 2],
            "c": pd.array([1.0, -np.inf], dtype="Float64"),
        }
    )
    with pytest.raises(MissingDataError) as caught:
        Panel(frame.assign(i=["r", "s"]), "i")
    assert [(p.data["column"], p.data["rows"]) for p in caught.value.problems] == [
        ("a", ("r",)),
        ("c", ("s",)),
    ]


def test_row_labels_in_words() -> None:
    assert rows_text((("北京", 2011), "A", 3)) == "(北京, 2011), A, 3"


def test_keep_renumbers_without_gaps_and_keeps_the_grid() -> None:
    _, keys = keys_of(FLAT)
    kept = keys.keep(np.array([False, True, False, True]))
    assert kept.entity.tolist() == [0, 1]
    assert kept.time.tolist() == [1, 0]
    assert kept.times.tolist() == [2020, 2021]
    assert np.diff(kept.ordinals).tolist() == [1]
    only = keys.keep(np.array([True, True, False, False]))
    assert np.diff(only.ordinals).tolist() == [2]


# --- years and their parts in one number ----------------------------------------------


def one_number(times: list[int], entities: int = 3) -> pd.DataFrame:
    n = entities * len(times)
    return pd.DataFrame(
        {
            "i": np.repeat(range(entities), len(times)),
            "t": np.tile(times, entities),
            "x": np.arange(n) * 1.0,
        }
    )


MONTHS = [year * 100 + month for year in (2018, 2019) for month in range(1, 13)]
QUARTERS = [year * 10 + quarter for year in (2018, 2019) for quarter in range(1, 5)]
WEEKS = [
    int(day.strftime("%G%V"))
    for day in pd.date_range("2018-01-01", periods=160, freq="7D")
]
DAYS = [int(day.strftime("%Y%m%d")) for day in pd.date_range("2018-01-01", periods=60)]
JUMPING = {
    "months": (MONTHS, "%Y%m", 201812, 201901),
    "winters": ([201811, 201812, 201901, 201902], "%Y%m", 201812, 201901),
    "quarters": (QUARTERS, "%Y%q", 20184, 20191),
    "quarters of two digits": (
        [201803, 201804, 201901, 201902],
        "%Y0%q",
        201804,
        201901,
    ),
    "weeks": (WEEKS, "%G%V", 201852, 201901),
    "days": (DAYS, "%Y%m%d", 20180131, 20180201),
}


@pytest.mark.parametrize(
    ("times", "time_format", "before", "after"), JUMPING.values(), ids=JUMPING
)
def test_parts_of_years_in_one_number_are_noticed_and_read(
    times: list[int], time_format: str, before: int, after: int
) -> None:
    frame = one_number(times)
    with pytest.warns(
        DigiprosperWarning,
        match=f"from {before} to {after}.*time_format='{time_format}'",
    ) as said:
        panel = Panel(frame, "i", "t")
    assert len(said) == 1
    assert (
        f"balanced, t jumps from {before} to {after}: see time_format; columns x"
        in repr(panel)
    )
    assert "see time_format" in panel._repr_html_()
    assert panel.lag("x")["x_lag1"].isna().sum() > 3

    read = Panel(frame, "i", "t", time_format=time_format)
    assert "jumps" not in repr(read)
    expected = frame.groupby("i")["x"].shift()
    np.testing.assert_array_equal(read.lag("x")["x_lag1"], expected)
    np.testing.assert_array_equal(read.diff("x")["x_diff1"], frame["x"] - expected)


@pytest.mark.filterwarnings("ignore:'t' seems to be year and month")
@pytest.mark.filterwarnings("ignore:.* periods:digiprosper.CovarianceWarning")
def test_models_of_months_equal_those_of_counted_months() -> None:
    frame = one_number(MONTHS, 20).assign(x=np.random.default_rng(8).normal(size=480))
    frame = frame.assign(y=frame["x"].cumsum(), count=np.tile(range(24), 20)).query(
        "x < 1.5"
    )
    spec = FixedEffects("y", ["lag(x)"], cov_type="driscoll_kraay")
    numbers, months, counted = (
        spec.fit(panel)
        for panel in (
            Panel(frame, "i", "t"),
            Panel(frame, "i", "t", time_format="%Y%m"),
            Panel(frame, "i", "count"),
        )
    )
    assert months.nobs == counted.nobs > numbers.nobs + 10
    np.testing.assert_array_equal(months.params, counted.params)
    np.testing.assert_array_equal(months.std_errors, counted.std_errors)


@pytest.mark.parametrize(
    ("times", "step"),
    [
        (MONTHS[:12], None),
        (MONTHS, 1),
        (list(range(2000, 2020)), None),
        ([201806, 201906, 202006], None),
        ([20181, 20182, 20191, 20192], None),
        ([21184, 21191, 21198, 21205], None),
        ([17897, 17898, 17899, 17900], None),
        ([999912, 1000001], None),
        ([202013, 202101], None),
        (list(range(200001, 200101)), None),
    ],
    ids=[
        "one year",
        "step",
        "years",
        "one month",
        "halves",
        "days of Stata",
        "days",
        "large",
        "no month",
        "count",
    ],
)
def test_other_numbers_are_not_noticed(times: list[int], step: int | None) -> None:
    assert "jumps" not in repr(Panel(one_number(times), "i", "t", step=step))


def test_the_part_without_the_jump_is_not_noticed() -> None:
    with pytest.warns(DigiprosperWarning, match="jumps"):
        panel = Panel(one_number(MONTHS), "i", "t")
    assert "jumps" not in repr(panel.subset("t < 201900"))
    assert "jumps" in repr(panel.subset("t > 201806"))


@pytest.mark.parametrize(
    ("values", "time_format", "expected"),
    [
        (["201801", "201802"], "%Y%m", ["2018-01", "2018-02"]),
        ([20181, 201812], "%Y%m", ["2018-01", "2018-12"]),
        ([201801.0, 201802.0], "%Y%m", ["2018-01", "2018-02"]),
        (pd.array([201801, 201802], dtype="Int64"), "%Y%m", ["2018-01", "2018-02"]),
        (pd.Categorical(["2018m1", "2018m2"]), "%Ym%m", ["2018-01", "2018-02"]),
        (["2018年1月", " 2018年2月 "], "%Y年%m月", ["2018-01", "2018-02"]),
        (["2018q1", "2018q4"], "%Yq%q", ["2018Q1", "2018Q4"]),
        (["Q1/2018", "Q4/2018"], "Q%q/%Y", ["2018Q1", "2018Q4"]),
        (["FY2018", "FY2019"], "FY%Y", ["2018", "2019"]),
        ([202053, 202101], "%G%V", ["2020-12-28/2021-01-03", "2021-01-04/2021-01-10"]),
        (
            ["31.1.2018", "1.2.2018"],
            "%d.%m.%Y",
            ["2018-01-31 00:00:00", "2018-02-01 00:00:00"],
        ),
    ],
)
def test_times_are_read_by_their_format(
    values: Any, time_format: str, expected: list[str]
) -> None:
    keys = sorted_keys(
        pd.DataFrame({"i": 1, "t": values, "x": 1.0}), "i", "t", None, time_format
    )[1]
    assert [str(time) for time in keys.times] == expected


def test_the_level_of_an_index_is_read_too() -> None:
    panel = Panel(one_number(MONTHS).set_index(["i", "t"]), time_format="%Y%m")
    assert panel.times.dtype == "period[M]"
    assert panel.subset("t >= '2019-11'").nobs == 6


@pytest.mark.parametrize(
    ("times", "time_format", "values", "count"),
    [
        ([201801, 201813, 201800, 201801], "%Y%m", ("201813", "201800"), 2),
        (["2018q1", "2018q5", "x", "x"], "%Yq%q", ("2018q5", "x"), 3),
        (["2018q0", "2018q01", "2018q4", "18q2"], "%Yq%q", ("2018q0", "18q2"), 2),
        ([201801, 201853, 202053, 201854], "%G%V", ("201853", "201854"), 2),
        ([2018.5, 2019.0, 2020.0, 2021.0], "%Y", ("2018.5",), 1),
    ],
)
def test_times_that_do_not_fit_the_format_are_named(
    times: list[Any], time_format: str, values: tuple[str, ...], count: int
) -> None:
    with pytest.raises(
        PanelIndexError, match=f"'year'.*first: '{values[0]}'"
    ) as caught:
        Panel(FLAT.assign(year=times), "city", "year", time_format=time_format)
    data = {"column": "year", "format": time_format, "count": count, "values": values}
    assert [(p.code, p.data) for p in caught.value.problems] == [("unread_times", data)]


def test_times_that_a_format_makes_equal_are_repeated_keys() -> None:
    frame = pd.DataFrame({"i": 1, "t": ["2018-01", "2018-1"], "x": 1.0})
    with pytest.raises(PanelIndexError, match=r"1 row with the key.*2018-1"):
        Panel(frame, "i", "t", time_format="%Y-%m")


@pytest.mark.many(13)
@pytest.mark.parametrize(
    ("time_format", "words"),
    [
        ("%m", "with the year"),
        (5, "with the year"),
        ("", "with the year"),
        ("mixed", "with the year"),
        ("%Y%K", "'K' is a bad directive"),
        ("%Y%m%Y", "not a date format"),
        ("%Y%", "not a date format"),
        ("%Y%U", "not a date format"),
        ("%Y%q%m", "no other part"),
        ("%y%q", "no other part"),
        ("%Y%q%q", "no other part"),
        ("%Y%V", "no other part"),
    ],
)
def test_what_is_no_format_of_times(time_format: Any, words: str) -> None:
    with pytest.raises(OptionError, match=words) as caught:
        Panel(FLAT, "city", "year", time_format=time_format)
    assert caught.value.problems[0].data["option"] == "time_format"


def test_a_format_needs_times_that_are_no_dates() -> None:
    with pytest.raises(OptionError, match="needs a time key"):
        Panel(pd.DataFrame({"city": [1, 2], "x": 1.0}), "city", time_format="%Y")
    for times in (
        pd.to_datetime(FLAT["year"].astype(str)),
        pd.PeriodIndex(FLAT["year"].astype(str), freq="Y"),
    ):
        with pytest.raises(OptionError, match="omit time_format"):
            Panel(FLAT.assign(year=times), "city", "year", time_format="%Y")
    with pytest.raises(OptionError, match="omit step"):
        Panel(FLAT, "city", "year", step=2, time_format="%Y")


# --- names ----------------------------------------------------------------------------


def excel(**more: object) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "省\n份": [1, 1, 2, 2],
            "t": [1, 2, 1, 2],
            "GDP\r\nper head": [1.0, 2, 3, 5],
            "gdp ": 1.0,
        }
    )
    frame = frame.assign(last=1.0, **more)
    names = ["a\ud800\x00b" if c == "last" else c for c in frame.columns]
    # pandas 3 keeps half a character only among objects.
    return frame.set_axis(pd.Index(names, dtype=object), axis=1)


def test_headers_of_several_lines_become_one_and_are_told() -> None:
    labels = {"GDP\r\nper head": "GDP\nper head"}
    with pytest.warns(DigiprosperWarning, match="3 column names") as said:
        panel = Panel(excel(), "省\n份", "t", labels=labels)
    assert len(said) == 1
    assert panel.entity_name == "省 份"
    assert panel.columns == ("GDP per head", "gdp ", "a b")
    assert panel.labels == {"GDP per head": "GDP per head"}
    assert panel.sample({"y": ["GDP per head"]}).nobs == 4
    with pytest.warns(DigiprosperWarning, match="column names"):
        by_index = Panel(excel().set_index(["省\n份", "t"]))
    assert by_index.entity_name == "省 份"
    with pytest.warns(DigiprosperWarning, match="1 column name"):
        more = panel.attach(pd.Series(np.ones(4), index=panel.index, name="new\nname"))
    assert more.columns[-1] == "new name"


def test_names_that_clash_without_their_line_breaks_are_an_error() -> None:
    with pytest.raises(ColumnError, match="that of another column") as caught:
        Panel(excel(**{"GDP per head": 1.0}), "省\n份", "t")
    assert caught.value.problems[0].data == {
        "column": "GDP\r\nper head",
        "role": "columns",
    }
    with pytest.raises(ColumnError, match="empty"):
        Panel(excel(**{"\n": 1.0}), "省\n份", "t")
    panel = Panel(pd.DataFrame({"i": [1, 2], "x": 1.0}), "i")
    with pytest.raises(ColumnError, match="write 'a b'"):
        panel.assign(**{"a\nb": 1.0})


@pytest.mark.parametrize(
    ("times", "text"),
    [
        ([2011, 2013, 2020], "2011–2020"),
        ([2011.0], "2011"),
        (["2011年", "2012年"], "2011年–2012年"),
        (pd.PeriodIndex(["2011Q1", "2012Q4"], freq="Q"), "2011Q1–2012Q4"),
    ],
)
def test_a_period_is_written_with_its_ends(times, text):
    assert period_text(pd.Index(times)) == text
    assert period_text(None) is None


def test_years_may_be_a_column_of_python_objects() -> None:
    frame = pd.DataFrame({"i": [1, 1, 2, 2], "t": [2011, 2012] * 2, "x": np.arange(4)})
    panel = Panel(frame.astype({"t": object}), "i", "t")
    pd.testing.assert_frame_equal(panel.frame, Panel(frame, "i", "t").frame)


def test_codes_that_all_samples_share_cannot_be_changed() -> None:
    frame = pd.DataFrame({"i": [1, 1, 2, 2], "t": [1, 2] * 2, "x": np.arange(4.0)})
    sample = Panel(frame, "i", "t").sample({"x": ["x"]})
    for codes in (sample.entity, sample.time):
        with pytest.raises(ValueError, match="read-only"):
            codes[:] = 0


def _dated(times: Any, firms: int = 2) -> pd.DataFrame:
    index = pd.MultiIndex.from_product([range(firms), times], names=["firm", "date"])
    return index.to_frame(index=False).assign(x=np.arange(len(index)) ** 2.0)


def test_a_warning_of_jumping_times_is_in_the_diagnostics() -> None:
    with pytest.warns(DigiprosperWarning, match="201812"):
        panel = Panel(_dated([201811, 201812, 201901]), "firm", "date")
    assert [notice.code for notice in panel.diagnostics] == ["jumping_times"]


def test_opening_balances_beside_closing_ones_are_reported() -> None:
    closing = pd.to_datetime([f"{year}-12-31" for year in range(2010, 2016)])
    opening = pd.to_datetime([f"{year}-01-01" for year in range(2010, 2016)])
    with pytest.warns(DigiprosperWarning, match="a lag is one quarter") as said:
        panel = Panel(_dated(closing.union(opening)), "firm", "date")
    (warning,) = said
    assert warning.message.code == "uneven_dates"
    assert [notice.code for notice in panel.diagnostics] == ["uneven_dates"]
    assert (
        "6 of 12 dates have no date one quarter earlier, such as 2010-12-31 after "
        "2010-01-01"
    ) in str(warning.message)
    # One date a year, a stated step, and a gap or two are no defect.
    Panel(_dated(closing), "firm", "date")
    Panel(_dated(closing.union(opening)), "firm", "date", step="D")
    quarters = pd.period_range("2010Q1", "2014Q4", freq="Q").to_timestamp(how="E")
    Panel(_dated(quarters.normalize().delete([5, 11])), "firm", "date")


def test_waves_of_a_survey_as_dates_are_gaps_as_they_are_as_years() -> None:
    waves = [2010, 2011, 2012, 2014, 2016, 2018, 2020]
    Panel(_dated(waves), "firm", "date")
    Panel(_dated(pd.to_datetime([f"{year}-07-01" for year in waves])), "firm", "date")


def test_trading_days_are_reported_with_the_way_to_number_them() -> None:
    days = pd.bdate_range("2021-01-04", "2021-03-31")
    frame = _dated(days)
    with pytest.warns(DigiprosperWarning, match="such as 2021-01-11 after 2021-01-08"):
        Panel(frame, "firm", "date")
    frame["day"] = frame["date"].rank(method="dense").astype(int)
    lags = Panel(frame, "firm", "day").lag("x")["x_lag1"]
    assert lags.isna().sum() == 2


@pytest.mark.parametrize(
    ("times", "cure"),
    [
        (
            [y * 100 + m for y in (2015, 2016) for m in (3, 6, 9, 12)],
            "pd.to_datetime(df['date'].astype(str), format='%Y%m').dt.to_period('Q')",
        ),
        (
            [20150331, 20150630, 20150930, 20151231, 20160331, 20160630],
            "Pass time_format='%Y%m%d'",
        ),
    ],
)
def test_quarters_as_numbers_of_months_or_days_are_reported(times, cure) -> None:
    frame = _dated(times)
    with pytest.warns(
        DigiprosperWarning, match="2015(12|1231) to 2016(03|0331)"
    ) as got:
        Panel(frame, "firm", "date")
    assert cure in str(got[0].message)
    dates = pd.to_datetime(frame["date"].astype(str).str[:6], format="%Y%m")
    frame["date"] = dates.dt.to_period("Q")
    assert Panel(frame, "firm", "date").lag("x")["x_lag1"].isna().sum() == 2


@pytest.mark.parametrize("months", [(6, 12), (4, 8, 12), (2, 4, 6, 8, 10, 12)])
def test_half_years_as_numbers_of_months_are_numbered(months) -> None:
    frame = _dated([y * 100 + m for y in (2015, 2016, 2017) for m in months])
    with pytest.warns(DigiprosperWarning, match="differences are missing. Num") as got:
        Panel(frame, "firm", "date")
    advice = str(got[0].message).split("the times: ")[1].removesuffix(".")
    frame["date"] = eval(advice, {"df": frame})
    assert Panel(frame, "firm", "date").lag("x")["x_lag1"].isna().sum() == 2


def test_every_lag_missing_states_how_far_rows_are_apart() -> None:
    panel = Panel(_dated([2010, 2013, 2016]), "firm", "date")
    with pytest.raises(MissingDataError, match="the nearest rows are 3 apart") as got:
        panel.lag("x")
    assert panel.lag("x", 3)["x_lag3"].notna().sum() == 4
    assert str(got.value).endswith("If this is a period, pass it: Panel(..., step=3).")
    stepped = Panel(_dated([2010, 2013, 2016]), "firm", "date", step=3)
    assert stepped.lag("x")["x_lag1"].notna().sum() == 4
    with pytest.raises(MissingDataError, match="Check the time key and the panel's st"):
        Panel(_dated([2010, 2013, 2016]), "firm", "date", step=2).lag("x")


@pytest.mark.parametrize(
    ("codes", "is_namibia"),
    [(["DE", "NO", None], True), (["DE", "Oslo", None], False), ([None, 1, 2], False)],
)
def test_a_missing_code_of_two_letters_may_be_namibia(codes, is_namibia) -> None:
    frame = pd.DataFrame({"code": codes, "year": 2010, "x": 1.0})
    with pytest.raises(PanelIndexError, match="'code' is missing in 1 row") as got:
        Panel(frame, "code", "year")
    assert ("NA, the code of Namibia" in str(got.value)) == is_namibia


@pytest.mark.parametrize("time_format", [None, "%Y-%m-%d"])
def test_names_and_units_below_the_headings_are_recognised(time_format) -> None:
    rows = [
        ["证券代码", "统计截止日期", "资产总计"],
        ["没有单位", "没有单位", "元"],
        ["000001", "2010-12-31", 5.0],
        ["000001", "2011-12-31", 6.0],
    ]
    frame = pd.DataFrame(rows, columns=["Stkcd", "Accper", "assets"])
    with pytest.raises(PanelIndexError, match=r"skiprows=\[1, 2\]"):
        Panel(frame, "Stkcd", "Accper", time_format=time_format)
    with pytest.raises(PanelIndexError) as said:
        Panel(frame[2:].assign(Accper="unknown"), "Stkcd", "Accper")
    assert "skiprows" not in str(said.value)


def test_two_kinds_of_rows_and_copies_are_named() -> None:
    frame = _dated([2010, 2011])
    both = pd.concat([frame.assign(kind="A"), frame.assign(kind="B")])
    with pytest.raises(PanelIndexError, match=r"differ in 'kind' \('A', 'B'\)"):
        Panel(both, "firm", "date")
    with pytest.raises(
        PanelIndexError, match=r"They are identical: df.drop_duplicates"
    ):
        Panel(pd.concat([frame, frame]), "firm", "date")
    # df.drop_duplicates() would take rows of other keys for copies.
    indexed = frame.set_index(["firm", "date"])
    with pytest.raises(PanelIndexError, match=r"df.reset_index\(\).drop_duplicates"):
        Panel(pd.concat([indexed, indexed]))
    values = pd.concat([frame, frame.assign(x=-1.0)])
    with pytest.raises(PanelIndexError) as said:
        Panel(values, "firm", "date")
    assert "differ in" not in str(said.value)
    assert "copies" not in str(said.value)


def test_a_step_of_a_year_for_different_closing_days() -> None:
    frame = _dated(pd.to_datetime(["2015-06-30", "2015-12-31", "2016-06-30"]))
    with pytest.raises(OptionError, match=r"use the year as the time"):
        Panel(frame, "firm", "date", step="Y")


def test_keys_of_flows_of_products_are_one_column() -> None:
    index = pd.MultiIndex.from_product(
        [["a", "b"], ["CN", "US"], ["850110", "850120"], [2001, 2002]],
        names=["firm", "country", "hs6", "year"],
    )
    frame = index.to_frame(index=False).assign(value=1.0)
    with pytest.raises(PanelIndexError) as said:
        Panel(frame, "firm", "year")
    joined = "df['firm'] + '-' + df['country'] + '-' + df['hs6'], entity='triple'"
    assert f"entities are triples, df['triple'] = {joined}" in str(said.value)


def test_keys_of_flows_are_one_column() -> None:
    names = [f"c{k}" for k in range(12)]
    index = pd.MultiIndex.from_product(
        [names, names, [2001, 2002]], names=["exporter", "importer", "year"]
    )
    frame = index.to_frame(index=False).assign(flow=1.0)
    with pytest.raises(PanelIndexError) as said:
        Panel(frame, "exporter", "year")
    assert "df['pair'] = df['exporter'] + '-' + df['importer']" in str(said.value)
    coded = frame.astype({"importer": "category"})
    with pytest.raises(PanelIndexError) as said:
        Panel(coded, "exporter", "year")
    statement = str(said.value).split("If entities are pairs, ")[1].split(", entity")[0]
    exec(statement, {"df": coded})
    assert coded["pair"].nunique() == 144
    with pytest.raises(InputTypeError) as said:
        Panel(frame, ["exporter", "importer"], "year")  # type: ignore[arg-type]
    assert "df['pair'] = df['exporter'] + '-' + df['importer']." in str(said.value)
    with pytest.raises(InputTypeError) as said:
        Panel(frame, 3, "year")  # type: ignore[arg-type]
    assert "pair" not in str(said.value)
    pair = frame.assign(pair=frame["exporter"] + "-" + frame["importer"])
    assert Panel(pair, "pair", "year").n_entities == 144
    # No column tells these rows apart.
    with pytest.raises(PanelIndexError) as said:
        Panel(pd.concat([frame, frame]), "exporter", "year")
    assert "pair" not in str(said.value).split("first:")[1].split("Each")[1][60:]


def test_keys_repeated_beside_lists_are_named() -> None:
    frame = pd.DataFrame({"i": ["a", "a"], "t": [1, 1], "list": [[1], [2]]})
    with pytest.raises(PanelIndexError, match="earlier row"):
        Panel(frame, "i", "t")


def test_names_as_times_are_told_as_swapped_keys() -> None:
    frame = pd.DataFrame(
        {"province": ["安徽", "北京"], "year": [2011, 2011], "x": [1, 2]}
    )
    with pytest.raises(PanelIndexError, match=r"swapped.*entity='province'"):
        Panel(frame, entity="year", time="province")
    with pytest.raises(PanelIndexError, match="astype"):
        Panel(frame.assign(year="2011年"), entity="province", time="year")
    frame["firm"] = ["F00", "F01"]
    with pytest.raises(PanelIndexError, match=r"swapped: Panel.df, entity='firm'"):
        Panel(frame, entity="year", time="firm")
    with pytest.raises(PanelIndexError, match=r"freq='Q'") as caught:
        Panel(frame.assign(year="2011Q1"), entity="province", time="year")
    assert "swapped" not in str(caught.value)
