"""Wide tables and Excel sheets become the panel of the long table."""

from __future__ import annotations

import contextlib
import io
import itertools
import warnings
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from digiprosper import (
    AlignmentError,
    ColumnError,
    DigiprosperError,
    DigiprosperWarning,
    InputTypeError,
    MissingDataWarning,
    OptionError,
    Panel,
    PanelIndexError,
    datasets,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytest.importorskip("openpyxl")


@pytest.fixture
def long() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        [(c, y) for c in ("乙市", "甲市", "丙市") for y in range(2010, 2014)],
        columns=["city", "year"],
    )
    # An Excel file holds 15 digits.
    frame["gdp"] = rng.normal(size=len(frame)).round(6)
    frame["pop"] = rng.integers(1, 99, size=len(frame))
    return frame


def wide(long: pd.DataFrame, value: str) -> pd.DataFrame:
    columns = long.set_index(["city", "year"])[value].unstack()  # noqa: PD010
    return columns.reset_index()


@pytest.mark.parametrize("heading", ["{}", "{}年", " {} 年", "{}年度", 0, 0.0], ids=str)
def test_years_alone_in_headings(long: pd.DataFrame, heading: Any) -> None:
    frame = wide(long, "gdp").rename_axis(columns=None)
    years = range(2010, 2014)
    names = (
        [heading.format(y) for y in years]
        if isinstance(heading, str)
        else [type(heading)(y) for y in years]
    )
    frame.columns = pd.Index(["city", *names], dtype=object)
    panel = Panel.from_wide(frame, entity="city", value="gdp")
    expected = Panel(long[["city", "year", "gdp"]], "city", "year")
    pd.testing.assert_frame_equal(panel.frame, expected.frame)
    assert panel.diagnostics == ()


@pytest.mark.parametrize("heading", ["gdp{}", "gdp_{}", "gdp {}年", "gdp-{}", "gdp.{}"])
def test_headings_with_variable_and_year(long: pd.DataFrame, heading: str) -> None:
    frames = [
        wide(long, name)
        .set_index("city")
        .rename(columns=lambda y, name=name: heading.replace("gdp", name).format(y))
        for name in ("gdp", "pop")
    ]
    both = pd.concat(frames, axis=1).assign(coast=[1, 0, 1], code2=7)
    expected = Panel(long, "city", "year").attach(both[["coast", "code2"]])
    for frame in (both, both.reset_index()):
        panel = Panel.from_wide(frame, entity="city")
        pd.testing.assert_frame_equal(
            panel.frame[["gdp", "pop", "coast", "code2"]], expected.frame
        )


def test_a_variable_observed_in_some_years_only(long: pd.DataFrame) -> None:
    frame = wide(long, "gdp").rename(columns=lambda n: f"gdp{n}" if n != "city" else n)
    frame["pm2.5_2011"] = [1.0, 2.0, 3.0]
    actual = Panel.from_wide(frame, entity="city").frame["pm2.5"].dropna()
    assert actual.index.get_level_values("year").unique().tolist() == [2011]


def test_other_tables_and_times(long: pd.DataFrame) -> None:
    frame = wide(long, "gdp").rename(columns=str)
    expected = Panel.from_wide(frame, entity="city", value="gdp")
    of_polars = Panel.from_wide(pl.from_pandas(frame), entity="city", value="gdp")
    pd.testing.assert_frame_equal(of_polars.frame, expected.frame)
    quarters = pd.DataFrame({"city": ["A"], "2019Q4": [1.0], "2020Q1": [2.0], "z": [3]})
    panel = Panel.from_wide(
        quarters, entity="city", value="gdp", time="quarter", time_format="%YQ%q"
    )
    assert panel.lag("gdp").frame["gdp_lag1"].tolist()[1] == 1.0
    assert panel.frame["z"].tolist() == [3, 3]
    assert panel.time_name == "quarter"


def test_rows_without_values_are_dropped_and_told(long: pd.DataFrame) -> None:
    frame = wide(long, "gdp")
    note = pd.DataFrame({"city": ["注：年鉴", None]})
    with pytest.warns(MissingDataWarning, match="2 rows without values.*注：年鉴"):
        panel = Panel.from_wide(pd.concat([frame, note]), entity="city", value="gdp")
    assert panel.n_entities == 3
    (notice,) = panel.subset("year > 2010").diagnostics
    assert (notice.code, notice.data["texts"]) == ("rows_without_values", ("注：年鉴",))


@pytest.mark.parametrize(
    ("change", "options", "error", "words"),
    [
        (lambda f: f, {}, OptionError, "times without a variable.*value='gdp'"),
        (lambda f: f.rename(columns={"city": "c"}), {}, ColumnError, "no column named"),
        (lambda f: f[["city"]], {}, ColumnError, "no heading with a year"),
        (
            lambda f: f[["city"]].assign(年份=2010, pm25=1.0, pm10=2.0),
            {},
            ColumnError,
            r"did you mean time='年份'\?\), and no heading with a year",
        ),
        (
            lambda f: f[["city"]].assign(HR70=1.0, HR80=2.0),
            {},
            ColumnError,
            r"If 'HR70', 'HR80' have years of two digits, .*\{'HR70': 'HR1970', ",
        ),
        (
            lambda f: f.assign(**{"2013年": 1.0}),
            {"value": "gdp"},
            ColumnError,
            "'2013' and '2013年' have the same time",
        ),
        (lambda f: f.assign(year=1), {"value": "gdp"}, ColumnError, "'year'"),
        (lambda f: f.assign(gdp=1), {"value": "gdp"}, ColumnError, "'gdp'"),
        (
            lambda f: f.assign(city=["甲市", "甲市", "乙市"]),
            {"value": "gdp"},
            PanelIndexError,
            "甲市",
        ),
        (
            lambda f: f.assign(city=["甲市", None, "乙市"]),
            {"value": "gdp"},
            PanelIndexError,
            "'city' is missing",
        ),
    ],
)
def test_wide_tables_that_are_refused(
    long: pd.DataFrame,
    change: Any,
    options: dict[str, Any],
    error: type[DigiprosperError],
    words: str,
) -> None:
    with pytest.raises(error, match=words):
        Panel.from_wide(change(wide(long, "gdp")), entity="city", **options)


def test_a_range_of_years_is_no_variable() -> None:
    frame = pd.DataFrame({"city": ["A"], "2010-2015": [1.0], 2015: [2.0]})
    panel = Panel.from_wide(frame, entity="city", value="gdp")
    assert panel.columns == ("2010-2015", "gdp")


# --- Excel ----------------------------------------------------------------------------


def write(path: Path, sheets: dict[str, pd.DataFrame], top: int = 0) -> Path:
    with pd.ExcelWriter(path) as file:
        for name, frame in sheets.items():
            frame.to_excel(file, sheet_name=name, index=False, startrow=top)
            if top:
                file.sheets[name]["A1"] = f"表 {name}"
    return path


def test_a_long_sheet(tmp_path: Path, long: pd.DataFrame) -> None:
    path = write(tmp_path / "a.xlsx", {"data": long, "Sheet2": pd.DataFrame()})
    panel = Panel.from_excel(path, entity="city", labels={"gdp": "GDP"})
    pd.testing.assert_frame_equal(panel.frame, Panel(long, "city", "year").frame)
    assert panel.labels == {"gdp": "GDP"}
    renamed = write(tmp_path / "b.xlsx", {"data": long.rename(columns={"year": "年"})})
    assert Panel.from_excel(renamed, entity="city", time="年").time_name == "年"


def test_a_sheet_for_each_indicator(tmp_path: Path, long: pd.DataFrame) -> None:
    sheets = {name: wide(long, name) for name in ("gdp", "pop")}
    notes = {"说明": pd.DataFrame({"note": ["abc"]})}
    expected = Panel(long, "city", "year").frame
    path = write(tmp_path / "a.xlsx", sheets | notes, top=2)
    pd.testing.assert_frame_equal(Panel.from_excel(path, entity="city").frame, expected)
    one = Panel.from_excel(path, entity="city", sheet="gdp", time="t")
    assert (one.columns, one.time_name) == (("gdp",), "t")
    chosen = Panel.from_excel(path, entity="city", sheet=["pop", "gdp"])
    assert chosen.columns == ("pop", "gdp")
    named = Panel.from_excel(path, entity="city", sheet={"gdp": "output"})
    pd.testing.assert_series_equal(
        named.frame["output"], expected["gdp"], check_names=False
    )


def test_blanks_in_the_heading_of_entities_do_not_matter(tmp_path: Path) -> None:
    table = pd.DataFrame({"地区": ["北京", "天津"], 2019: [1, 2], 2020: [3, 4]})
    sheets = {
        name: table.rename(columns={"地区": heading})
        for name, heading in {
            "gdp": "地区",
            "pop": "地  区",
            "cpi": "地\u3000区",
        }.items()
    }
    panel = Panel.from_excel(write(tmp_path / "a.xlsx", sheets, top=2), entity="地区")
    assert (panel.columns, panel.nobs) == (("gdp", "pop", "cpi"), 4)
    assert panel.diagnostics == ()


def test_sheets_of_numbers_that_are_not_read_are_told(tmp_path: Path) -> None:
    table = pd.DataFrame({"地区": ["北京", "天津"], 2019: [1, 2], 2020: [3, 4]})
    sheets = {"gdp": table, "pop": table.rename(columns={"地区": "省份"})}
    notes = {"说明": pd.DataFrame({"note": ["2019", "b"], "page": [1, 2]})}
    km = pd.DataFrame([[0, 1999, 137], [1999, 0, 1084], [137, 1084, 0]])
    weights = {"权重": km, "距离": km.set_axis(["北京", "天津", "上海"], axis=1)}
    path = write(tmp_path / "a.xlsx", sheets | notes | weights)
    with pytest.warns(DigiprosperWarning, match=r"'pop': .* not read") as caught:
        panel = Panel.from_excel(path, entity="地区")
    assert len(caught) == 1
    assert panel.diagnostics[-1].data == {"sheets": ("pop",)}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Panel.from_excel(path, entity="地区", sheet="gdp")


def test_long_and_wide_sheets_are_joined(tmp_path: Path, long: pd.DataFrame) -> None:
    later = wide(long, "gdp").drop(columns=2010)
    path = write(
        tmp_path / "a.xlsx", {"long": long[["city", "year", "pop"]], "g": later}
    )
    frame = Panel.from_excel(path, entity="city").frame
    assert frame["g"].isna().groupby("year").all().to_dict()[2010]
    expected = Panel(long, "city", "year").frame
    np.testing.assert_array_equal(frame["pop"], expected["pop"])
    np.testing.assert_array_equal(
        frame["g"].dropna(), expected.query("year > 2010")["gdp"]
    )


def test_sheets_that_spell_names_in_two_ways(tmp_path: Path) -> None:
    sheets = {
        "gdp": pd.DataFrame(
            {"地区": ["北京市", "河北省", "注"], 2019: [1.0, 2.0, None]}
        ),
        "pop": pd.DataFrame({"地区": ["北  京", "河北"], "2019年": [3.0, 4.0]}),
    }
    path = write(tmp_path / "a.xlsx", sheets)
    with (
        pytest.warns(DigiprosperWarning, match=r"4 of 4 entities.*match="),
        pytest.warns(DigiprosperWarning, match="one name in two forms"),
        pytest.warns(MissingDataWarning),
    ):
        panel = Panel.from_excel(path, entity="地区")
    assert panel.n_entities == 4
    with pytest.warns(MissingDataWarning, match="注"):
        panel = Panel.from_excel(path, entity="地区", match=datasets.match_provinces)
    assert panel.entities.tolist() == ["北京", "河北"]
    assert panel.frame["pop"].tolist() == [3.0, 4.0]
    with pytest.raises(AlignmentError, match=r"^sheet 'gdp': match_cities: '河北省'"):
        Panel.from_excel(path, entity="地区", match=datasets.match_cities)


def test_files_that_are_refused(tmp_path: Path, long: pd.DataFrame) -> None:
    path = write(tmp_path / "a.xlsx", {"data": long, "twice": pd.concat([long, long])})
    for options, error, words in (
        (
            {"entity": "City"},
            ColumnError,
            "sheet 'data', 'twice' has no cell 'City'",
        ),
        (
            {"entity": "City", "sheet": "data"},
            ColumnError,
            r"sheet 'data' has no cell 'City' \(did you mean 'city'",
        ),
        ({"entity": "city", "sheet": "dat"}, OptionError, "did you mean 'data'"),
        ({"entity": "city", "sheet": 1}, OptionError, "sheet=1"),
        ({"entity": "city", "sheet": []}, ColumnError, "no cell"),
        ({"entity": 5}, InputTypeError, "text.; 5 is not"),
        ({"entity": "city", "time": ["y"]}, InputTypeError, "is not"),
        ({"entity": "city", "match": "x"}, InputTypeError, "match='x'"),
        (
            {"entity": "city", "sheet": "data", "time": "Year"},
            ColumnError,
            "sheet 'data': there is no column 'Year'",
        ),
        ({"entity": "city"}, PanelIndexError, "sheet 'twice': 12 rows"),
    ):
        with pytest.raises(error, match=words):
            Panel.from_excel(path, **options)  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError):
        Panel.from_excel(tmp_path / "none.xlsx", entity="city")
    with pytest.raises(
        InputTypeError, match="takes the path of a file or folder, not int"
    ):
        Panel.from_excel(5, entity="city")  # type: ignore[arg-type]
    text = tmp_path / "a.csv"
    text.write_text("city,year\n", encoding="utf-8")
    with pytest.raises(InputTypeError, match=r"is not an Excel file.*pandas\.read_csv"):
        Panel.from_excel(text, entity="city")


@pytest.mark.many(6)
@pytest.mark.parametrize("seed", range(24))
def test_damaged_files(tmp_path: Path, long: pd.DataFrame, seed: int) -> None:
    """A file with other bytes is read, or refused by an error of the library."""
    rng = np.random.default_rng(seed)
    path = write(tmp_path / "a.xlsx", {"data": long})
    damaged = io.BytesIO()
    with zipfile.ZipFile(path) as whole, zipfile.ZipFile(damaged, "w") as copy:
        for name in whole.namelist():
            part = bytearray(whole.read(name))
            for position in rng.integers(len(part), size=3 * (rng.random() < 0.4)):
                part[position] = rng.integers(256)
            copy.writestr(name, bytes(part))
    content = bytearray(damaged.getvalue())
    for position in rng.integers(len(content), size=9 * (seed % 2)):
        content[position] = rng.integers(256)
    path.write_bytes(content)
    with contextlib.suppress(DigiprosperError), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        Panel.from_excel(path, entity="city")


def test_an_archive_without_a_workbook_is_no_excel_file(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            "[Content_Types].xml",
            '<Types xmlns="http://schemas.openxmlformats.org/package/2006/'
            'content-types"/>',
        )
    with pytest.raises(InputTypeError, match="is not an Excel file"):
        Panel.from_excel(path, entity="city")


def test_too_little_memory_is_not_called_damage(
    tmp_path: Path, long: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.xlsx", {"data": long})

    def refused(*args: Any, **options: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr(pd, "read_excel", refused)
    monkeypatch.setattr(pd, "read_stata", refused)
    with pytest.raises(MemoryError):
        Panel.from_excel(path, entity="city")
    with pytest.raises(MemoryError):
        Panel.from_stata(path, entity="city")


def test_openpyxl_is_asked_for(
    tmp_path: Path, long: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.xlsx", {"data": long})

    def refused(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr("digiprosper.optional.import_module", refused)
    with pytest.raises(ImportError, match=r"Panel\.from_excel needs openpyxl.*tables"):
        Panel.from_excel(path, entity="city")


def test_columns_of_numbers_and_dates_keep_their_types(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "city": ["A", "B"],
            "year": [2019, 2020],
            "n": [1, 2],
            "x": [1.5, None],
            "word": ["a", None],
            "day": pd.to_datetime(["2020-01-01", "2021-05-06"]),
        }
    )
    path = write(tmp_path / "a.xlsx", {"data": frame})
    kinds = [d.kind for d in Panel.from_excel(path, entity="city").frame.dtypes]
    assert kinds[:2] + kinds[3:] == ["i", "f", "M"]


def test_a_column_without_a_heading_is_named(tmp_path: Path) -> None:
    frame = pd.DataFrame({"city": ["A", "B"], "gdp2019": [1, 2], "x": ["u", None]})
    path = write(tmp_path / "a.xlsx", {"s": frame.rename(columns={"x": ""})})
    panel = Panel.from_excel(path, entity="city")
    assert panel.frame["column without heading"].fillna("").tolist() == ["u", ""]
    assert panel.frame["gdp"].tolist() == [1, 2]


def yearbook(text: object) -> dict[str, pd.DataFrame]:
    """One indicator in a long sheet, one in a wide sheet, each with a cell of text."""
    return {
        "long": pd.DataFrame(
            {
                "地区": list("AABB"),
                "年份": [2019, 2020] * 2,
                "er": [1.0, text, 3.0, 4.0],
            }
        ),
        "gdp": pd.DataFrame({"地区": ["A", "B"], 2019: [5.0, 6.0], 2020: [7.0, text]}),
    }


@pytest.mark.parametrize("text", ["…", "-", "—", -999])
def test_text_for_missing_values(tmp_path: Path, text: object) -> None:
    path = write(tmp_path / "a.xlsx", yearbook(text))
    for na_values in (text, ["x", text]):
        panel = Panel.from_excel(path, entity="地区", time="年份", na_values=na_values)
        assert panel.diagnostics == ()
        np.testing.assert_array_equal(panel["er"], [1.0, np.nan, 3.0, 4.0])
        np.testing.assert_array_equal(panel["gdp"], [5.0, 7.0, 6.0, np.nan])


def test_text_among_numbers_is_told_with_its_cells(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xlsx", yearbook("…"))
    words = (
        r"'er' has '…' in 1 row \(first: \(A, 2020\)\); 'gdp' has '…' in 1 row "
        r"\(first: \(B, 2020\)\);.*na_values=\['…'\] of Panel\.from_excel"
    )
    with pytest.warns(DigiprosperWarning, match=words):
        panel = Panel.from_excel(path, entity="地区", time="年份")
    (notice,) = panel.diagnostics
    assert notice.code == "text_among_numbers"
    assert notice.data == {"columns": ("er", "gdp")}


def test_separators_of_thousands(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"地区": ["A", "B"], 2019: ["1,234.5", "34"], 2020: [" 12,345 ", "—"]}
    )
    path = write(tmp_path / "a.xlsx", {"gdp": frame})
    cure = (
        r"read '1,234\.5' with thousands=',', or read them as missing with "
        r"na_values=\['—'\]"
    )
    with pytest.warns(DigiprosperWarning, match=cure):
        Panel.from_excel(path, entity="地区")
    panel = Panel.from_excel(path, entity="地区", thousands=",", na_values="—")
    np.testing.assert_array_equal(panel["gdp"], [1234.5, 12345.0, 34.0, np.nan])
    with pytest.raises(OptionError, match="thousands"):
        Panel.from_excel(path, entity="地区", thousands="x")


def test_only_numbers_lose_their_separators(tmp_path: Path) -> None:
    cells = {"地区": ["A", "B", "C"], 2019: ["1,234", "12,3", "5"]}
    path = write(tmp_path / "a.xlsx", {"gdp": pd.DataFrame(cells)})
    with pytest.warns(DigiprosperWarning, match="'12,3'"):
        panel = Panel.from_excel(path, entity="地区", thousands=",")
    assert panel["gdp"].tolist() == [1234.0, "12,3", 5.0]
    codes = {"地区": ["A", "B"], "code": ["001", "002\n003"], "gdp2019": [1.0, 2.0]}
    path = write(tmp_path / "b.xlsx", {"gdp": pd.DataFrame(codes)})
    for thousands in (None, ","):
        panel = Panel.from_excel(path, entity="地区", thousands=thousands)
        assert panel["code"].tolist() == ["001", "002\n003"]


@pytest.mark.parametrize("last", ["8.5", 9.0, None])
def test_numbers_that_are_text_in_years_are_read(tmp_path: Path, last: object) -> None:
    frame = pd.DataFrame({"地区": ["A", "B"], 2019: ["5.5", "6"], 2020: ["7", last]})
    panel = Panel.from_excel(write(tmp_path / "a.xlsx", {"gdp": frame}), entity="地区")
    assert panel.diagnostics == ()
    assert panel["gdp"].dtype == np.float64
    np.testing.assert_array_equal(panel["gdp"], [5.5, 7.0, 6.0, float(last or "nan")])


def test_dates_in_years_stay_dates() -> None:
    dates = [pd.Timestamp("2019-03-01"), None]
    frame = pd.DataFrame({"city": ["A", "B"], 2019: dates, 2020: "2020-01-05"})
    panel = Panel.from_wide(frame, entity="city", value="opened")
    assert panel["opened"].tolist()[:2] == [dates[0], "2020-01-05"]


def test_missing_cells_may_be_named_in_an_array(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xlsx", yearbook("…"))
    texts = np.array(["…", "-"])
    panel = Panel.from_excel(path, entity="地区", time="年份", na_values=texts)
    assert panel.diagnostics == ()


@pytest.mark.parametrize(
    "match",
    [
        lambda s: s[s != "B"].reset_index(drop=True),
        lambda s: s.to_frame(),
        lambda s: None,
        lambda s: {*s},
        lambda s: pd.concat([s, s]),
    ],
    ids=["other index", "frame", "nothing", "set", "twice"],
)
def test_names_that_fit_no_rows_are_refused(
    tmp_path: Path, match: Callable[[Any], Any]
) -> None:
    frame = pd.DataFrame({"地区": list("ABCD"), 2019: np.arange(4.0)})
    path = write(tmp_path / "a.xlsx", {"gdp": frame})
    with pytest.raises(InputTypeError, match="Series with the index of its argument"):
        Panel.from_excel(path, entity="地区", match=match)


def test_names_in_another_order_keep_their_rows(tmp_path: Path) -> None:
    frame = pd.DataFrame({"地区": list("BACD"), 2019: np.arange(4.0)})
    path = write(tmp_path / "a.xlsx", {"gdp": frame})
    panel = Panel.from_excel(path, entity="地区", match=lambda s: s.sort_values())
    assert panel["gdp"].tolist() == [1.0, 0.0, 2.0, 3.0]


def test_blanks_around_texts_are_not_read(tmp_path: Path) -> None:
    frames = {
        "gdp": pd.DataFrame(
            {"地区": ["\u3000北京市", "天津市 "], 2019: [1.0, " — "], 2020: [2.0, 5.0]}
        ),
        "pop": pd.DataFrame(
            {"地区": ["北京市", "天津市"], 2019: [3.0, 4.0], 2020: [3, 4]}
        ),
    }
    path = write(tmp_path / "a.xlsx", frames)
    panel = Panel.from_excel(path, entity="地区", na_values=["—"])
    assert panel.frame.index.unique(0).tolist() == ["北京市", "天津市"]
    np.testing.assert_array_equal(panel["gdp"], [1.0, 2.0, np.nan, 5.0])


@pytest.mark.parametrize("leave_out", [True, False])
def test_rows_without_a_match_are_dropped_and_told(
    tmp_path: Path, *, leave_out: bool
) -> None:
    frame = pd.DataFrame({"地区": ["全国", "北京市", "河北"], 2019: [9.0, 1.0, 2.0]})
    path = write(tmp_path / "a.xlsx", {"gdp": frame})

    def match(names: pd.Series[Any]) -> pd.Series[Any]:
        total = names == "全国"
        return datasets.match_provinces(
            names[~total] if leave_out else names.mask(total)
        )

    with pytest.warns(
        MissingDataWarning, match="sheet 'gdp': 1 row .* no name: '全国'"
    ):
        panel = Panel.from_excel(path, entity="地区", match=match)
    (notice,) = panel.diagnostics
    assert notice.code == "rows_without_match"
    assert notice.data == {"count": 1, "names": ("全国",)}
    assert panel["gdp"].tolist() == [1.0, 2.0]


def test_what_several_sheets_lack_is_told_once(
    tmp_path: Path, long: pd.DataFrame
) -> None:
    note, sheets = pd.DataFrame({"city": ["数据来源：年鉴"]}), {}
    for name in ("gdp", "pop"):
        cities = wide(long, name)
        sheets[name] = pd.concat([cities.head(1).assign(city="全国"), cities, note])

    def match(names: pd.Series[Any]) -> pd.Series[Any]:
        return names.mask(names == "全国")

    path = write(tmp_path / "a.xlsx", sheets)
    with pytest.warns(MissingDataWarning) as caught:
        panel = Panel.from_excel(path, entity="city", match=match)
    unmatched, empty = (notice.message for notice in panel.diagnostics)
    assert unmatched.startswith("sheets 'gdp', 'pop': 1 row dropped because match")
    assert empty.startswith("sheets 'gdp', 'pop': 1 row without values dropped")
    assert sum(str(w.message).count("数据来源") for w in caught) == 1


def test_names_of_sheets_label_their_columns(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xlsx", yearbook(1.0))
    names = {"gdp": "y", "long": "long"}
    panel = Panel.from_excel(path, entity="地区", time="年份", sheet=names)
    assert panel.labels == {"y": "gdp"}
    panel = Panel.from_excel(
        path, entity="地区", time="年份", sheet=names, labels={"y": "GDP"}
    )
    assert panel.labels == {"y": "GDP"}
    with pytest.raises(InputTypeError, match="labels must be a mapping"):
        Panel.from_excel(  # type: ignore[arg-type]
            path, entity="地区", time="年份", labels=["x"]
        )


def test_the_name_of_a_sheet_with_several_columns_is_no_label(tmp_path: Path) -> None:
    frame = pd.DataFrame({"地区": ["A", "B"], "gdp2019": [1, 2], "pop2019": [3, 4]})
    path = write(tmp_path / "a.xlsx", {"经济": frame})
    panel = Panel.from_excel(path, entity="地区", sheet={"经济": "gdp"})
    assert (panel.columns, panel.labels) == (("gdp", "pop"), {})


def test_text_for_missing_values_is_of_all_columns(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xlsx", yearbook("…"))
    with pytest.raises(InputTypeError, match="na_values of from_excel is a list"):
        Panel.from_excel(path, entity="地区", na_values={"er": "…"})  # type: ignore[arg-type]


@pytest.mark.parametrize("heading", ["年份", "年度", "年"])
def test_a_chinese_heading_of_years_is_suggested(
    tmp_path: Path, long: pd.DataFrame, heading: str
) -> None:
    sheets = {"data": long.rename(columns={"year": heading})}
    path = write(tmp_path / "a.xlsx", sheets)
    words = rf"no column 'year' \(did you mean time='{heading}'\?\), and no heading"
    with pytest.raises(ColumnError, match=words):
        Panel.from_excel(path, entity="city")
    assert len(Panel.from_excel(path, entity="city", time=heading)) == len(long)


def test_a_year_in_a_heading_of_a_long_table_is_no_period(
    tmp_path: Path, long: pd.DataFrame
) -> None:
    # Post offices of 1984 are the usual instrument of Chinese cities.
    sheet = long.rename(columns={"year": "年份"}).assign(邮局1984=1.0)
    path = write(tmp_path / "a.xlsx", {"data": sheet})
    words = r"\(did you mean time='年份'\?\), and entities are repeated, so '邮局1984'"
    with pytest.raises(ColumnError, match=words):
        Panel.from_excel(path, entity="city")
    panel = Panel.from_excel(path, entity="city", time="年份")
    assert (panel["邮局1984"] == 1).all()


def test_code_entities_and_headings_of_numbers(tmp_path: Path) -> None:
    frame = pd.DataFrame({"code": [110000, 120000], 2019: [1, 2], 2020: [3, 4]})
    panel = Panel.from_excel(write(tmp_path / "a.xlsx", {"gdp": frame}), entity="code")
    assert panel.entities.tolist() == [110000, 120000]
    assert panel.times.tolist() == [2019, 2020]
    assert panel.frame["gdp"].tolist() == [1, 3, 2, 4]


@pytest.mark.parametrize(
    "heading", ["2020①", "2020年*", "2020 ¹", "2020p", "2020年（预计）", "2020[1]"]
)
def test_marks_of_footnotes_behind_a_year(tmp_path: Path, heading: str) -> None:
    frame = pd.DataFrame({"city": ["A", "B"], 2019: [1.0, 2.0], heading: [3.0, 4.0]})
    path = write(tmp_path / "a.xlsx", {"gdp": frame})
    panel = Panel.from_excel(path, entity="city")
    assert (panel.columns, panel["gdp"].tolist()) == (("gdp",), [1.0, 3.0, 2.0, 4.0])


@pytest.mark.parametrize(
    ("above", "columns"), [(["gdp", "pop"], ("gdp", "pop")), (["gdp", None], ("x",))]
)
def test_headings_of_two_rows_with_merged_cells(
    tmp_path: Path, above: list[str | None], columns: tuple[str, ...]
) -> None:
    rows = [
        ["地区", "region", above[0], None, above[1], None],
        [None, None, 2019, 2020, 2021 if above[1] is None else 2019, "2022年"],
        ["A", "east", 1.0, 2.0, 3.0, 4.0],
        ["B", "west", 5.0, 6.0, 7.0, 8.0],
    ]
    with pd.ExcelWriter(tmp_path / "a.xlsx") as file:
        pd.DataFrame(rows).to_excel(file, sheet_name="x", header=False, index=False)
    panel = Panel.from_excel(tmp_path / "a.xlsx", entity="地区")
    assert panel.columns == ("region", *columns)
    cells = panel.frame[[*columns]].to_numpy()
    assert sorted(cells[~np.isnan(cells)]) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert panel.frame.loc[("B", 2019), columns[0]] == 5
    assert panel.frame.loc[("B", 2022), columns[-1]] == 8


@pytest.mark.parametrize(
    ("first", "message"),
    [
        (["city", "year", "gdp"], "key 'city' is missing in 1 row"),
        (["city", "area", "gdp"], "no column 'year'"),
        (["city", "year", "index"], "key 'city' is missing in 1 row"),
    ],
)
@pytest.mark.parametrize("below", [[2019, 1000], [5, 2005], [None, "base 2015"]])
def test_a_row_of_data_is_no_second_heading(
    tmp_path: Path, first: list[str], message: str, below: list[Any]
) -> None:
    rows = [first, [None, *below], ["A", 2019, 2], ["B", 2019, 3]]
    with pd.ExcelWriter(tmp_path / "a.xlsx") as file:
        pd.DataFrame(rows).to_excel(file, header=False, index=False)
    with pytest.raises(DigiprosperError, match=message):
        Panel.from_excel(tmp_path / "a.xlsx", entity="city", time="year")


def test_a_letter_behind_a_year_is_part_of_a_name() -> None:
    frame = pd.DataFrame({"city": ["A", "B"], "gdp2019": 1.0, "gdp2020": 2.0})
    panel = Panel.from_wide(
        frame.assign(share2019a=[3.0, 4.0]), entity="city", time="year"
    )
    assert panel["share2019a"].tolist() == [3.0, 3.0, 4.0, 4.0]


def test_a_number_with_a_mark_is_not_to_be_read_as_missing(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xlsx", yearbook("74.1*"))
    with pytest.warns(
        DigiprosperWarning, match=r"'74\.1\*' in .*correct these cells\."
    ):
        Panel.from_excel(path, entity="地区", time="年份")


def world_bank() -> pd.DataFrame:
    """A file of two series in three countries, one without values, and a note."""
    heads = ["Country Name", "Country Code", "Series Name", "Series Code"]
    names = {"DEU": "Germany", "GHA": "Ghana", "AIA": "Anguilla"}
    series = {"GDP": "Gross domestic product", "GINI": "Gini index"}
    cells = {
        ("DEU", "GDP"): [3.0, 4.0],
        ("DEU", "GINI"): [np.nan, 0.3],
        ("GHA", "GDP"): [1.0, 2.0],
    }
    rows = [
        [names[code], code, series[s], s, *cells.get((code, s), [np.nan, np.nan])]
        for code, s in itertools.product(names, series)
    ]
    years = ["2019 [YR2019]", "2020 [YR2020]"]
    table = pd.DataFrame(rows, columns=[*heads, *years])
    note = pd.DataFrame({"Country Name": ["Last Updated: 06/05/2025"]})
    return pd.concat([table, note], ignore_index=True)


def test_variables_in_rows_become_columns() -> None:
    wide = world_bank()
    with pytest.warns(MissingDataWarning) as caught:
        panel = Panel.from_wide(wide, entity="Country Code", value="Series Code")
    frame = panel.frame
    assert frame["GDP"].to_dict() == {
        ("DEU", 2019): 3.0,
        ("DEU", 2020): 4.0,
        ("GHA", 2019): 1.0,
        ("GHA", 2020): 2.0,
    }
    assert frame["GINI"].dropna().to_dict() == {("DEU", 2020): 0.3}
    assert [*frame] == ["Country Name", "GDP", "GINI"]
    assert frame["Country Name"].unique().tolist() == ["Germany", "Ghana"]
    assert panel.labels == {"GDP": "Gross domestic product", "GINI": "Gini index"}
    said = " ".join(str(w.message) for w in caught)
    assert "Last Updated" in said
    assert "'AIA'" in said
    assert "'DEU'" not in said
    # pandas, by another way, and in another order of rows
    long = wide.dropna(subset="Series Code").melt(
        [*wide.columns[:4]], var_name="year", value_name="v"
    )
    long["year"] = long["year"].str[:4].astype(int)
    table = long.pivot_table("v", ["Country Code", "year"], "Series Code")
    pd.testing.assert_frame_equal(
        frame[["GDP", "GINI"]], table, check_names=False, check_column_type=False
    )
    mixed = wide.sample(frac=1, random_state=3)
    with pytest.warns(MissingDataWarning):
        again = Panel.from_wide(mixed, entity="Country Code", value="Series Code")
    pd.testing.assert_frame_equal(again.frame[[*frame]], frame)
    # A code is no label of a name, and a label that is passed is kept.
    with pytest.warns(MissingDataWarning):
        named = Panel.from_wide(
            wide, entity="Country Name", value="Series Name", labels={"Gini index": "G"}
        )
    assert named.labels == {"Gini index": "G"}


def test_rows_of_one_variable_that_are_unclear_are_refused() -> None:
    wide = world_bank()
    with pytest.raises(PanelIndexError, match="2 rows with the Country Code"):
        Panel.from_wide(
            pd.concat([wide, wide.head(2)]), entity="Country Code", value="Series Code"
        )
    with pytest.raises(
        ColumnError, match="'source' is constant neither within 'Country Code'"
    ):
        Panel.from_wide(
            wide.assign(source=range(len(wide))),
            entity="Country Code",
            value="Series Code",
        )
    with pytest.raises(OptionError, match="with the variable of each row"):
        Panel.from_wide(wide, entity="Country Code")


EUROSTAT = pd.DataFrame(
    {
        "freq,unit,geo\\TIME_PERIOD": ["A,PC,DE11", "A,PC,FR10", "A,PC,ITC1"],
        "2019 ": ["70.5 ", ": ", "61.0 bp"],
        "2020 ": [72, 80, 64],
        "2021 ": ["74.25 e", ": c", "-3 "],
    }
)


@pytest.mark.parametrize("heading", [r"freq,unit,geo\TIME_PERIOD", r"a,unit,geo\time"])
def test_files_of_eurostat_are_read_as_they_are(heading: str) -> None:
    table = EUROSTAT.set_axis([heading, *EUROSTAT.columns[1:]], axis=1)
    panel = Panel.from_wide(table, entity="geo", value="users")
    expected = [70.5, 72, 74.25, np.nan, 80, np.nan, 61, 64, -3]
    assert panel.frame["users"].dtype == float
    assert np.array_equal(panel.frame["users"], expected, equal_nan=True)
    assert set(panel.frame["unit"]) == {"PC"}
    (notice,) = panel.diagnostics
    flags = {"b": 1, "c": 1, "e": 1, "p": 1}
    assert (notice.code, notice.data) == ("flags", {"count": 4, "flags": flags})
    assert EUROSTAT["2019 "].tolist() == ["70.5 ", ": ", "61.0 bp"]


def test_what_is_no_cell_or_key_of_eurostat_is_told() -> None:
    odd = EUROSTAT.replace({"2019 ": {"70.5 ": "70,5"}})
    with pytest.warns(DigiprosperWarning, match="text among numbers.*'70,5'"):
        panel = Panel.from_wide(odd, entity="geo", value="users")
    assert panel.frame.loc[("ITC1", 2019), "users"] == 61
    two = pd.concat([EUROSTAT, EUROSTAT.replace("A,PC,", "A,MIO,", regex=True)])
    with pytest.raises(PanelIndexError, match="differ in 'unit'"):
        Panel.from_wide(two, entity="geo", value="users")
    both = Panel.from_wide(two, entity="geo", value="unit")
    assert list(both.frame) == ["freq", "PC", "MIO"]
    whole = EUROSTAT.columns[0]
    with pytest.raises(ColumnError, match="columns are 'freq', 'unit', 'geo'"):
        Panel.from_wide(EUROSTAT, entity=whole, value="users")
    texts = EUROSTAT.astype("category")
    assert Panel.from_wide(texts, entity="geo", value="users")["users"].sum() == 418.75
    short = EUROSTAT.replace("A,PC,FR10", "PC,FR10")
    with pytest.raises(ColumnError, match="names 3 keys"):
        Panel.from_wide(short, entity="geo", value="users")


def regions_file(path: Any, names: tuple[str, str]) -> Any:
    """A file with a sheet for each indicator, and the name and level in each sheet."""
    with pd.ExcelWriter(path) as file:
        for sheet, name in zip(("gdp", "pop"), names, strict=True):
            rows = {"code": ["FR10", "PL71"], "name": [name, "Łódzkie"], "level": 2}
            wide = pd.DataFrame(rows).assign(**{"2019": [1.0, 2.0]})
            wide.to_excel(file, sheet_name=sheet, index=False)
    return path


def test_columns_that_all_sheets_have_are_read_once(tmp_path: Any) -> None:
    path = regions_file(tmp_path / "a.xlsx", ("Île-de-France", "Île-de-France"))
    panel = Panel.from_excel(path, entity="code")
    assert list(panel.columns) == ["name", "level", "gdp", "pop"]
    assert panel.frame["name"].tolist() == ["Île-de-France", "Łódzkie"]
    path = regions_file(tmp_path / "b.xlsx", ("Île-de-France", "Ile-de-France"))
    with pytest.raises(ColumnError, match="'name' is the name of several columns"):
        Panel.from_excel(path, entity="code")


@pytest.mark.parametrize(
    ("names", "time_format"),
    [
        (["2015年", "2016年"], None),
        (["财政2015", "财政2016"], None),
        (["201501", "201602"], "%Y%m"),
    ],
)
def test_a_sheet_for_each_year(
    tmp_path: Any, names: list[str], time_format: Any
) -> None:
    """Columns are in another order, and one city is in one of the sheets."""
    first = pd.DataFrame(
        {"city": ["A", "B", "Source"], "tax": [1.0, 2, None], "debt": [3.0, None, None]}
    )
    second = pd.DataFrame({"debt": [5.0, 6.0], "city": ["B", "C"], "tax": [7.0, 8.0]})
    path = write(tmp_path / "a.xlsx", dict(zip(names, [first, second], strict=True)), 2)
    with pytest.warns(DigiprosperWarning) as said:
        panel = Panel.from_excel(path, entity="city", time_format=time_format)
    assert {str(warning.message)[-9:] for warning in said} >= {" 'Source'"}
    assert panel["tax"].tolist() == [1.0, 2.0, 7.0, 8.0]
    assert panel["debt"].fillna(0).tolist() == [3.0, 0.0, 5.0, 6.0]
    assert [str(t)[:4] for t in panel.times] == ["2015", "2016"]
    # Years in a column are those of the rows, whatever the sheets are called.
    stated = {"north": first[:2].assign(year=2013), "2010": second.assign(year=2014)}
    with pytest.warns(DigiprosperWarning, match="so some values are missing"):
        panel = Panel.from_excel(write(tmp_path / "b.xlsx", stated), entity="city")
    assert panel.times.tolist() == [2013, 2014]
    assert panel["tax"].tolist() == [1.0, 2.0, 7.0, 8.0]


def test_sheets_of_years_tell_which_entities_begin_or_end(tmp_path: Any) -> None:
    """B changed its code; C lacks a year, as rows of any table do."""
    names = {"2015": "ABC", "2016": "AB", "2017": "AXC", "2018": "AXC"}
    sheets = {
        year: pd.DataFrame({"city": [*cities], "tax": range(len(cities))})
        for year, cities in names.items()
    }
    with pytest.warns(DigiprosperWarning, match="neither of the last two") as said:
        Panel.from_excel(write(tmp_path / "a.xlsx", sheets), entity="city")
    (warning,) = said
    assert "2 of 4 entities" in str(warning.message)
    unsorted = {year: sheets[year] for year in ("2016", "2018", "2015", "2017")}
    with pytest.warns(DigiprosperWarning, match="neither of the last two"):
        Panel.from_excel(write(tmp_path / "c.xlsx", unsorted), entity="city")
    assert "'B', 'X'. If" in str(warning.message)
    same = {year: frame.replace("X", "B") for year, frame in sheets.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        panel = Panel.from_excel(write(tmp_path / "b.xlsx", same), entity="city")
    assert (panel.n_entities, panel.nobs) == (3, 11)


def test_sheets_that_differ_in_one_row_are_refused(tmp_path: Any) -> None:
    sheet = pd.DataFrame({"city": ["A", "B"], "year": 2015, "tax": [1.0, 2.0]})
    sheets = {"old": sheet, "new": sheet.assign(tax=[1.0, 3.0])}
    with pytest.raises(ColumnError, match="'tax' is the name of several columns"):
        Panel.from_excel(write(tmp_path / "a.xlsx", sheets), entity="city")


def test_a_long_table_is_told_from_a_wide_one() -> None:
    rows = {"geo": ["A", "A"], "unit": ["PC", "MIO"], "time": [2019] * 2, "v": [1, 2]}
    with pytest.raises(ColumnError, match="'time' is a column, so the table is long"):
        Panel.from_wide(pd.DataFrame(rows), entity="geo", time="time", value="unit")
