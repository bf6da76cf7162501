"""Files of Stata: labels, missing codes, dates as written, or with a word."""

from __future__ import annotations

import contextlib
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from digiprosper import FixedEffects, Panel
from digiprosper.errors import (
    DigiprosperError,
    DigiprosperWarning,
    InputTypeError,
    OptionError,
    PanelIndexError,
)
from digiprosper.panel.sheets import read_stata

if TYPE_CHECKING:
    from pathlib import Path


def written(folder: Path, frame: pd.DataFrame, **options: Any) -> Path:
    path = folder / "file.dta"
    frame.to_stata(path, write_index=False, **options)
    return path


@pytest.fixture
def cities() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "city": np.repeat([3, 1, 2], 3),
            "year": np.tile([2010, 2011, 2013], 3),
            "gdp": [1.0, 2.0, np.nan, 3.0, 5.0, 4.0, 2.0, 2.5, 7.0],
            "region": np.repeat([2, 1, 2], 3).astype(np.int8),
            "jobs": np.arange(100, 109, dtype=np.int8),
        }
    )


def test_labels_and_value_labels(tmp_path: Path, cities: pd.DataFrame) -> None:
    path = written(
        tmp_path,
        cities,
        variable_labels={
            "gdp": "GDP per head, yuan",
            "city": "Prefecture",
            "jobs": " ",
        },
        value_labels={
            "city": {1: "Anqing", 2: "Bengbu", 3: "Chuzhou"},
            "region": {1: "west", 2: "east"},
        },
    )
    panel = Panel.from_stata(path, entity="city", time="year")
    assert panel.labels == {"city": "Prefecture", "gdp": "GDP per head, yuan"}
    assert panel.entities.tolist() == ["Anqing", "Bengbu", "Chuzhou"]
    assert panel.columns == ("gdp", "region", "jobs")
    assert panel.frame["region"].cat.categories.tolist() == ["west", "east"]
    assert not panel.frame["region"].cat.ordered
    assert panel["region"].loc[("Chuzhou", 2010)] == "east"
    assert np.isnan(panel["gdp"].loc[("Chuzhou", 2013)])
    assert panel.frame["jobs"].dtype == np.int64
    spec = FixedEffects(
        "jobs", ["C(region)"], entity_effects=False, cov_type="unadjusted"
    )
    assert spec.fit(panel).params.index.tolist() == ["C(region)[T.east]"]


def test_the_same_numbers_as_pandas_reads(tmp_path: Path, cities: pd.DataFrame) -> None:
    path = written(tmp_path, cities, value_labels={"region": {1: "west", 2: "east"}})
    read = read_stata(path, "year")[0]
    other = pd.read_stata(path)
    pd.testing.assert_frame_equal(
        read.assign(region=read["region"].astype(str)),
        other.assign(region=other["region"].astype(str)),
        check_dtype=False,
    )


def test_the_time_key_keeps_its_numbers(tmp_path: Path, cities: pd.DataFrame) -> None:
    names = {2010: "first", 2011: "second", 2013: "last"}
    path = written(tmp_path, cities, value_labels={"year": names})
    assert Panel.from_stata(path, entity="city", time="year").times.tolist() == [
        2010,
        2011,
        2013,
    ]


@pytest.mark.parametrize("labels", [{1: "west"}, {1: "west", 2: "west"}])
def test_value_labels_of_a_part_of_a_column(
    tmp_path: Path, cities: pd.DataFrame, labels: Any
) -> None:
    path = written(tmp_path, cities, value_labels={"region": labels})
    with pytest.warns(DigiprosperWarning, match="'region'.*the numbers are kept"):
        panel = Panel.from_stata(path, entity="city", time="year")
    assert panel.frame["region"].tolist() == [1, 1, 1, 2, 2, 2, 2, 2, 2]
    assert [n.code for n in read_stata(path)[2]] == ["partly_labelled"]


def test_codes_of_missing_values_are_named(tmp_path: Path) -> None:
    """Stata keeps -9 as a number until mvdecode; so do we, but not silently."""
    frame = pd.DataFrame({"i": [1, 2, 3], "income": [100, -9, 250], "age": [30, 31, 2]})
    labels = {"income": {-9: "refused", -8: "no answer"}, "age": {99: "unknown"}}
    path = written(tmp_path, frame, value_labels=labels)
    said = r"^'income' \(-9 is 'refused'\): some values.*codes of missing values"
    with pytest.warns(DigiprosperWarning, match=said):
        panel = Panel.from_stata(path, entity="i")
    assert panel.frame.to_dict("list") == {"income": [100, -9, 250], "age": [30, 31, 2]}


def test_codes_of_missing_values_are_made_missing_as_the_notice_says(
    tmp_path: Path,
) -> None:
    income = [100, -8, 300, 99]
    frame = pd.DataFrame({"i": [1, 2, 3, 4], "income": income, "score": [1, 2, 9, 9]})
    labels = {"income": {-8: "refused"}, "score": {1: "low", 9: "unknown"}}
    path = written(tmp_path, frame, value_labels=labels)
    with pytest.warns(DigiprosperWarning, match="codes of missing values"):
        panel = Panel.from_stata(path, entity="i")
    (notice,) = [n for n in panel.diagnostics if n.code == "partly_labelled"]
    assert "'score' (1 is 'low'; 9 is 'unknown')" in notice.message
    advice = notice.message.split("set them to missing: ")[1].removesuffix(".")
    cured = eval(advice, {"panel": panel})
    assert cured["income"].isna().tolist() == [False, True, False, False]


def test_a_variable_named_none_keeps_its_value_labels(tmp_path: Path) -> None:
    frame = pd.DataFrame({"city": ["a", "b"], "None": [1, 2]})
    path = written(tmp_path, frame, value_labels={"None": {1: "west", 2: "east"}})
    assert Panel.from_stata(path, entity="city")["None"].tolist() == ["west", "east"]


def test_extended_missing_values_are_missing(tmp_path: Path) -> None:
    frame = pd.DataFrame({"i": [1, 1, 2], "t": [1, 2, 1], "x": [1.0, 2.0, 3.0]})
    path = written(tmp_path, frame, version=118)
    body = path.read_bytes()
    three = np.array([3.0], "<f8").tobytes()
    assert body.count(three) == 1
    # How Stata stores .a: 2**1023 times 1 + 2**-12.
    extended = np.array([2.0**1023 * (1 + 2.0**-12)], "<f8").tobytes()
    path.write_bytes(body.replace(three, extended))
    assert Panel.from_stata(path, entity="i", time="t")["x"].isna().tolist() == [
        False,
        False,
        True,
    ]


def test_empty_text_is_missing(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"i": ["a", "b", "c"], "place": ["x", "", "z"], "self": [1, 2, 3]}
    )
    panel = Panel.from_stata(
        written(tmp_path, frame, variable_labels={"self": "own"}), entity="i"
    )
    assert panel["place"].isna().tolist() == [False, True, False]
    assert panel.labels == {"self": "own"}
    with pytest.raises(PanelIndexError, match="missing in 1 row"):
        Panel.from_stata(tmp_path / "file.dta", entity="place")


@pytest.mark.parametrize(
    ("unit", "steps"), [("tm", 1), ("tq", 3), ("ty", 12), ("td", 0), ("tc", 0)]
)
def test_dates_are_times_and_lags_go_by_their_step(
    tmp_path: Path, unit: str, steps: int
) -> None:
    gap = pd.DateOffset(months=steps) if steps else pd.DateOffset(days=1)
    dates = [pd.Timestamp(2015, 1, 1) + k * gap for k in (0, 1, 3)]
    frame = pd.DataFrame({"i": [1] * 3 + [2] * 3, "t": dates * 2, "x": np.arange(6.0)})
    path = written(tmp_path, frame, convert_dates={"t": unit})
    panel = Panel.from_stata(path, entity="i", time="t")
    assert panel.times.tolist() == dates
    np.testing.assert_array_equal(
        panel.lag("x")["x_lag1"], [np.nan, 0, np.nan, np.nan, 3, np.nan]
    )


def test_dates_with_leap_seconds_stay_numbers(tmp_path: Path) -> None:
    dates = pd.to_datetime(["2015-01-01", None, "2015-01-02"])
    path = written(
        tmp_path,
        pd.DataFrame({"i": [1, 2, 3], "at": dates}),
        convert_dates={"at": "tc"},
        version=118,
    )
    body = path.read_bytes()
    assert body.count(b"%tc") == 1
    path.write_bytes(body.replace(b"%tc", b"%tC"))
    with pytest.warns(
        DigiprosperWarning, match="'at' has the format %tC with leap seconds"
    ):
        panel = Panel.from_stata(path, entity="i")
    assert panel.frame["at"].dtype == np.float64
    assert panel.frame["at"].isna().tolist() == [False, True, False]


def test_steps_of_five_years(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"i": [1, 1, 2, 2], "t": [2000, 2005] * 2, "x": [1.0, 2, 3, 4]}
    )
    panel = Panel.from_stata(written(tmp_path, frame), entity="i", time="t", step=5)
    assert panel.lag("x")["x_lag1"].tolist()[1] == 1


def test_times_in_one_number_are_read_by_their_format(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "city": 1,
            "month": [201811, 201812, 201901],
            "quarter": ["2018q3", "2018q4", "2019q1"],
        }
    )
    path = written(tmp_path, frame.assign(x=[1.0, 2.0, 3.0]))
    for time, time_format in (("month", "%Y%m"), ("quarter", "%Yq%q")):
        panel = Panel.from_stata(
            path, entity="city", time=time, time_format=time_format
        )
        assert panel.lag("x")["x_lag1"].tolist()[1:] == [1.0, 2.0]
    with pytest.warns(DigiprosperWarning, match="time_format='%Y%m'"):
        Panel.from_stata(path, entity="city", time="month")


# --- text -----------------------------------------------------------------------------


def test_chinese_text_of_an_old_file(tmp_path: Path) -> None:
    def garbled(text: str) -> str:
        return text.encode("gb18030").decode("latin-1")

    frame = pd.DataFrame(
        {"city": [garbled("合肥"), garbled("北京")], "x": [1, 2], "zone": [1, 2]}
    )
    path = written(
        tmp_path,
        frame,
        version=117,
        variable_labels={"x": garbled("数字经济")},
        value_labels={"zone": {1: garbled("东部"), 2: garbled("西部")}},
    )
    panel = Panel.from_stata(path, entity="city", encoding="gb18030")
    assert panel.entities.tolist() == ["北京", "合肥"]
    assert panel.labels == {"x": "数字经济"}
    assert panel["zone"].tolist() == ["西部", "东部"]
    assert Panel.from_stata(path, entity="city").labels == {"x": garbled("数字经济")}
    for encoding, words in (
        ("utf-8", "is not the encoding of the text"),
        ("klingon", "is not known"),
    ):
        with pytest.raises(OptionError, match=words):
            Panel.from_stata(path, entity="city", encoding=encoding)


def test_chinese_text_of_a_new_file(tmp_path: Path) -> None:
    frame = pd.DataFrame({"城市": ["合肥", "北京"], "x": [1, 2]})
    path = written(tmp_path, frame, version=118, variable_labels={"x": "数字经济"})
    panel = Panel.from_stata(path, entity="城市")
    assert (panel.entity_name, panel.labels) == ("城市", {"x": "数字经济"})
    with pytest.raises(OptionError, match="Unicode already"):
        Panel.from_stata(path, entity="城市", encoding="gb18030")


def test_text_that_is_not_in_the_encoding_of_the_file(tmp_path: Path) -> None:
    path = written(
        tmp_path, pd.DataFrame({"i": ["abcd", "b"], "x": [1, 2]}), version=118
    )
    path.write_bytes(path.read_bytes().replace(b"abcd", b"\xba\xcf\xb7\xca"))
    with pytest.warns(DigiprosperWarning, match="not valid UTF-8"):
        panel = Panel.from_stata(path, entity="i")
    assert len(panel) == 2


# --- failures -------------------------------------------------------------------------


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Panel.from_stata(tmp_path / "none.dta", entity="i", time="t")


@pytest.mark.parametrize(
    "content",
    [b"", b"a,b\n1,2\n", b"<stata_dta>" + bytes(40), bytes(200), b"\x72\x02" * 60],
)
def test_what_is_no_stata_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.dta"
    path.write_bytes(content)
    with pytest.raises(InputTypeError, match="cannot be read as a Stata file"):
        Panel.from_stata(path, entity="i", time="t")


@pytest.mark.parametrize("values", [[1.0, 2.0], ["a", "b"]], ids=["numbers", "text"])
@pytest.mark.parametrize("version", [114, 117, 118, 119])
def test_two_variables_of_one_name(
    tmp_path: Path, version: int, values: list[Any]
) -> None:
    path = written(
        tmp_path,
        pd.DataFrame({"city": [1, 2], "abc1": values, "abc2": values}),
        version=version,
    )
    content = path.read_bytes()
    path.write_bytes(content.replace(b"abc2", b"abc1"))
    with pytest.raises(InputTypeError, match="two variables have one name"):
        Panel.from_stata(path, entity="city")


def test_a_path_that_is_none() -> None:
    with pytest.raises(InputTypeError, match="path of a file"):
        Panel.from_stata(5, entity="i")  # type: ignore[arg-type]


@pytest.mark.many(10)
@pytest.mark.parametrize("seed", range(150))
def test_damaged_files(tmp_path: Path, cities: pd.DataFrame, seed: int) -> None:
    rng = np.random.default_rng(seed)
    days = pd.date_range("2020-01-31", periods=len(cities), freq="D")
    path = written(
        tmp_path,
        cities.assign(name="ab", kind="c", day=days),
        version=int(rng.choice([114, 117, 118])),
        value_labels={"region": {1: "a"}},
        convert_dates={"day": "td"},
    )
    body = bytearray(path.read_bytes())
    if rng.random() < 0.3:
        body = body[: rng.integers(len(body))]
    else:
        for place in rng.integers(len(body), size=rng.integers(1, 12)):
            body[place] = rng.integers(256)
    path.write_bytes(bytes(body))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        with contextlib.suppress(DigiprosperError):
            Panel.from_stata(path, entity="city", time="year")


def test_rows_without_any_value_are_dropped_and_told(
    tmp_path: Path, cities: pd.DataFrame
) -> None:
    """As files have that were longer once: 1,532 empty rows in a published one."""
    empty = pd.DataFrame(np.nan, index=range(40), columns=cities.columns)
    long = pd.concat([cities.astype(float), empty]).assign(name="")
    long.iloc[: len(cities), -1] = "a"
    options = {"variable_labels": {"gdp": "GDP per head"}}
    path = written(tmp_path, long, value_labels={"region": {1: "w", 2: "e"}}, **options)
    panel = Panel.from_stata(path, entity="city", time="year")
    assert panel.nobs == len(cities)
    assert panel.labels == {"gdp": "GDP per head"}
    assert panel["region"].cat.categories.tolist() == ["w", "e"]
    assert panel.times.tolist() == [2010, 2011, 2013]
    (notice,) = panel.diagnostics
    assert (notice.code, notice.data["count"]) == ("empty_rows", 40)


def test_a_row_with_a_value_and_without_a_key_is_an_error_about_the_file(
    tmp_path: Path, cities: pd.DataFrame
) -> None:
    long = cities.assign(city=cities["city"].where(cities["gdp"] != 5.0))
    path = written(tmp_path, long)
    with pytest.raises(PanelIndexError) as caught:
        Panel.from_stata(path, entity="city", time="year")
    assert str(caught.value).endswith(f"Here df is pandas.read_stata({str(path)!r}).")
    assert "'city' is missing in 1 row" in str(caught.value)
    assert [p.code for p in caught.value.problems] == ["missing_key"]
    with pytest.raises(PanelIndexError, match=r"'cty' \(did you mean 'city'") as caught:
        Panel.from_stata(path, entity="cty", time="year")
    assert "read_stata" not in str(caught.value)


def test_variables_of_seven_digits_are_told(
    tmp_path: Path, cities: pd.DataFrame
) -> None:
    single = cities.assign(
        tenth=np.float32(0.1), whole=np.float32(3), year=cities["year"].astype("f4")
    )
    path = written(tmp_path, single)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        panel = Panel.from_stata(path, entity="city", time="year")
    (notice,) = panel.diagnostics
    assert (notice.code, notice.data) == ("single_precision", {"columns": ("tenth",)})
    assert ".10000000149" in notice.message
    assert panel["tenth"].iloc[0] == float(np.float32(0.1))
