"""New columns, names and labels, and what is refused."""

from __future__ import annotations

import warnings
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings

from digiprosper import FixedEffects, Panel, etable
from digiprosper.errors import (
    AlignmentError,
    ColumnError,
    DigiprosperError,
    DigiprosperWarning,
    IdentificationError,
    InputTypeError,
    MissingDataError,
    MissingDataWarning,
    OptionError,
    PanelIndexError,
    TermError,
)
from digiprosper.panel.changes import fill_gaps, winsorized


def test_assign_takes_terms_callables_scalars_and_series(panel: Panel) -> None:
    new = panel.assign(
        ln="log(gdp / `K / L`)",
        twice=lambda d: d["gdp"] * 2,
        one=1,
        word="region",
        series=panel.frame["gdp"].sample(frac=1.0, random_state=3),
        later="I(twice - gdp)",
    )
    f = new.frame
    np.testing.assert_allclose(f["ln"], np.log(f["gdp"] / f["K / L"]))
    np.testing.assert_allclose(f["twice"], 2 * f["gdp"])
    np.testing.assert_array_equal(f["series"], f["gdp"])
    np.testing.assert_allclose(f["later"], f["gdp"])
    assert set(f["one"]) == {1}
    assert f["word"].equals(f["region"].rename("word"))
    assert "ln" not in panel.columns


@pytest.mark.parametrize(
    "value",
    [
        lambda p: np.ones(p.nobs),
        lambda p: [1.0] * p.nobs,
        lambda p: pd.Series(np.ones(p.nobs)),
        lambda p: p.frame["gdp"].iloc[:-1],
        lambda p: p.frame["gdp"].swaplevel(),
        lambda p: pl.Series([1.0] * p.nobs),
    ],
    ids=["array", "list", "range index", "a row less", "levels swapped", "polars"],
)
def test_assign_refuses_what_has_no_row_labels(panel: Panel, value: Any) -> None:
    with pytest.raises(AlignmentError, match="'z'"):
        panel.assign(z=value(panel))


def test_assign_refuses_keys_categories_and_infinities(panel: Panel) -> None:
    with pytest.raises(PanelIndexError, match=r"'year' is a key"):
        panel.assign(year=1)
    with pytest.raises(TermError, match="several columns"):
        panel.assign(z="C(region)")
    with pytest.raises(MissingDataError, match="'z' is infinite"):
        panel.assign(z=lambda d: d["gdp"] / 0)
    with pytest.raises(TermError, match=r"I\(gdp / digital\)"):
        panel.assign(z="gdp / digital")


def test_assign_says_that_keys_are_no_columns_of_the_frame(panel: Panel) -> None:
    with pytest.raises(ColumnError, match=r"'year', a key.*I\(year >= 2015\)"):
        panel.assign(post=lambda f: f["year"] >= 2015)
    with pytest.raises(KeyError, match="income"):
        panel.assign(rich=lambda f: f["income"] > 1)


@pytest.mark.parametrize(
    "dtype",
    ["category", "Int64", "int64[pyarrow]", "string[pyarrow]", "datetime64[ns]"],
)
def test_types_survive_assign_and_attach(dtype: str) -> None:
    values = {"category": ["b", None, "a"], "string[pyarrow]": ["b", None, "a"]}.get(
        dtype, [3, None, 1]
    )
    data = pd.DataFrame(
        {"i": [1, 1, 2], "t": [1, 2, 1], "x": pd.array(values, dtype=dtype)}
    )
    panel = Panel(data, "i", "t")
    assert panel.assign(z=panel.frame["x"]).frame["z"].dtype == data["x"].dtype
    assert (
        panel.attach(panel.frame["x"].rename("z")).frame["z"].dtype == data["x"].dtype
    )


def test_attach_by_both_keys_or_one(panel: Panel) -> None:
    by_both = panel.attach(panel.frame["gdp"].iloc[1:].rename("again"))
    np.testing.assert_array_equal(
        by_both.frame["again"].iloc[1:], panel.frame["gdp"].iloc[1:]
    )
    assert np.isnan(by_both.frame["again"].iloc[0])
    by_time = panel.attach(
        pd.Series({2010: 1.0, 2011: 2.0}, name="rate").rename_axis("year")
    )
    assert by_time.frame["rate"].groupby("year").first().to_dict()[2011] == 2.0
    assert np.isnan(by_time.frame["rate"].groupby("year").first().to_dict()[2013])
    by_entity = panel.attach(
        pd.DataFrame({"coast": {"p0": 1, "p1": 0}}).rename_axis("city")
    )
    assert by_entity.frame.loc["p0", "coast"].eq(1).all()
    assert by_entity.labels == panel.labels


def test_data_without_the_keys_are_refused_with_their_columns(panel: Panel) -> None:
    other = pd.DataFrame({"LOCATION": ["p0"], "TIME": [2011], "z": [1.0]})
    text = "no column 'city' or 'year'.*columns are 'LOCATION', 'TIME', 'z'. Rename"
    with pytest.raises(AlignmentError, match=text):
        panel.attach(other)
    renamed = other.rename(columns={"LOCATION": "city", "TIME": "year"})
    assert panel.attach(renamed)["z"].sum() == 1.0


def test_attach_replaces_no_column_silently(panel: Panel) -> None:
    half = panel.frame["gdp"].iloc[1:] * 2
    with pytest.raises(
        ColumnError, match=r"'gdp' is already.*overwrite=True"
    ) as caught:
        panel.attach(half)
    (problem,) = caught.value.problems
    assert (problem.code, problem.data["column"]) == ("column", "gdp")
    with pytest.raises(ColumnError, match="'gdp', 'digital'"):
        panel.attach(panel)
    with pytest.raises(OptionError):
        panel.attach(half, overwrite="yes")  # type: ignore[arg-type]
    replaced = panel.attach(half, overwrite=True)["gdp"]
    assert replaced.iloc[1:].tolist() == half.tolist()
    assert np.isnan(replaced.iloc[0])
    assert panel.attach(half.rename("twice"))["gdp"].equals(panel["gdp"])


def test_attach_takes_the_columns_and_labels_of_a_panel(panel: Panel) -> None:
    part = panel.frame[["gdp"]].rename(columns={"gdp": "twice"}).iloc[1:] * 2
    other = Panel(
        part.reset_index().rename(columns={"city": "place"}),
        "place",
        "year",
        labels={"twice": "Twice the output", "place": "Place"},
    )
    made = panel.attach(other)
    np.testing.assert_array_equal(
        made.frame["twice"].iloc[1:], 2 * panel.frame["gdp"].iloc[1:]
    )
    assert np.isnan(made.frame["twice"].iloc[0])
    assert made.labels == panel.labels | {"twice": "Twice the output"}
    with pytest.raises(AlignmentError, match="have no row in the panel"):
        panel.subset("year > 2010").attach(other)


def test_attach_of_a_panel_keeps_what_was_filled_and_noticed(panel: Panel) -> None:
    other = panel.rename(gdp="output").attach(
        {"p9": 1.0, "p0": 1.0}, name="a", keep="panel"
    )
    made = panel.attach(other, overwrite=True)
    assert [n.code for n in made.diagnostics] == ["keys_not_in_panel"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (lambda p: p.frame["gdp"].rename(None), "no name"),
        (lambda p: pd.Series([1.0], name="z"), "index them by 'city', 'year'"),
        (
            lambda p: pd.Series({"p0": 1.0}, name="z").rename_axis("pilot"),
            r"indexed by 'pilot'.*data\.rename_axis\('city'\)",
        ),
        (
            lambda p: pd.Series({"p0": 1.0, "p9": 2.0}, name="z").rename_axis("city"),
            "p9",
        ),
        (
            lambda p: pd.Series(
                [1.0, 2.0], index=pd.Index([2010, 2010], name="year"), name="z"
            ),
            "duplicate key",
        ),
        (lambda p: p.frame["gdp"].swaplevel(), "swaplevel"),
    ],
    ids=["no name", "no key", "other key", "stranger", "repeat", "levels swapped"],
)
def test_attach_refuses_what_does_not_match(
    panel: Panel, data: Any, words: str
) -> None:
    with pytest.raises(AlignmentError, match=words):
        panel.attach(data(panel))


def test_attach_of_the_rows_that_fit(panel: Panel) -> None:
    """More entities and more years than the panel, against a merge of pandas."""
    rng = np.random.default_rng(5)
    data = pd.DataFrame(
        [(f"p{i}", y) for i in range(1, 7) for y in range(2008, 2014)],
        columns=["city", "year"],
    )
    data["z"] = rng.normal(size=len(data))
    expected = panel.frame.reset_index().merge(data, on=["city", "year"], how="left")
    shuffled = data.sample(frac=1, random_state=1)
    indexed = shuffled.set_index(["city", "year"])
    for version in (shuffled.reset_index(drop=True), indexed, indexed["z"]):
        with pytest.raises(AlignmentError, match=r"keep='panel'"):
            panel.attach(version)
        made = panel.attach(version, keep="panel")
        np.testing.assert_array_equal(made["z"], expected["z"])
        (notice,) = made.diagnostics
        assert notice.code == "keys_not_in_panel"
        assert sorted(notice.data["city"]) == ["p5", "p6"]
        assert sorted(notice.data["year"]) == [2008, 2009]
        in_panel = pd.MultiIndex.from_frame(data[["city", "year"]]).isin(panel.index)
        assert notice.data["count"] == int((~in_panel).sum())
    assert panel.diagnostics == ()
    assert made.subset("year > 2010").lag("z").diagnostics == made.diagnostics
    again = made.attach({"p0": 1.0, "p9": 2.0}, name="w", keep="panel")
    assert [n.data["count"] for n in again.diagnostics] == [notice.data["count"], 1]
    with pytest.raises(AlignmentError, match="p9"):
        panel.attach({"p9": 1.0}, name="w", keep="panel")
    with pytest.raises(OptionError, match="keep='rows'"):
        panel.attach(indexed, keep="rows")  # type: ignore[arg-type]


def test_attach_of_pairs_that_the_panel_does_not_have(panel: Panel) -> None:
    grid = pd.MultiIndex.from_product(panel.index.levels, names=panel.index.names)
    absent = grid.difference(panel.index)
    values = pd.Series(1.0, index=grid, name="z")
    with pytest.raises(AlignmentError) as caught:
        panel.attach(values)
    city, year = absent[0]
    assert f"({city}, {year})" in str(caught.value)
    assert panel.attach(values, keep="panel").frame["z"].eq(1).all()


def test_attach_names_the_similar_key() -> None:
    names = ["北京", "内蒙古", "广西", "延边", "Xian", "a1"]
    frame = pd.DataFrame({"place": names, "x": range(6)})
    panel = Panel(frame, "place")
    wrong = {
        "北京市": "北京",
        "内蒙古自治区": "内蒙古",
        "广西壮族自治区": "广西",
        "延边市": "延边",
        "xian": "Xian",
    }
    with pytest.raises(AlignmentError) as caught:
        panel.attach(dict.fromkeys([*wrong, "a2", "东京"], 1.0), name="z")
    for key, near in wrong.items():
        assert f"'{key}' (did you mean '{near}'?)" in str(caught.value)
    assert "'a2', '东京'." in str(caught.value)
    with pytest.warns(DigiprosperWarning, match="did you mean '北京'"):
        made = panel.attach({"北京市": 1.0, "广西": 2.0}, name="z", keep="panel")
    assert made.frame["z"].dropna().to_dict() == {"广西": 2.0}
    # No suggestion of an entity that has data of its own.
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        panel.attach(dict.fromkeys([*names, "北京市"], 1.0), name="z", keep="panel")


def test_attach_of_a_mapping_and_of_a_series_without_a_name(panel: Panel) -> None:
    coast = {f"p{i}": float(i) for i in range(5)}
    made = panel.attach(coast, name="coast")
    assert made["coast"].groupby("city").first().to_dict() == coast
    series = pd.Series(coast).rename_axis("city")
    np.testing.assert_array_equal(panel.attach(series, name="w")["w"], made["coast"])
    renamed = panel.attach(series.rename("old"), name="w")
    assert renamed.columns[-1] == "w"
    with pytest.raises(InputTypeError, match="DataFrame"):
        panel.attach(series.to_frame("z"), name="w")
    for key in (("p0", 2010), 5, 2.5, pd.Timestamp("2020-01-01")):
        with pytest.raises(AlignmentError, match="no row in the panel"):
            panel.attach({key: 1.0}, name="w")
    with pytest.raises(AlignmentError, match="year '2010', '2011'"):
        panel.attach(pd.Series({"2010": 1, "2011": 2}).rename_axis("year"), name="w")


def test_attach_of_a_table_of_polars_with_its_keys(panel: Panel) -> None:
    data = panel.frame[["gdp"]].reset_index().rename(columns={"gdp": "z"})
    made = panel.attach(pl.from_pandas(data))  # type: ignore[arg-type]
    np.testing.assert_array_equal(made["z"], panel["gdp"])
    by_year = pl.DataFrame({"year": [2010, 2011], "rate": [1.0, 2.0]})
    made = panel.attach(by_year)  # type: ignore[arg-type]
    assert made["rate"].groupby("year").first().to_dict()[2011] == 2.0


@pytest.mark.parametrize("data", [None, "gdp", [1.0], {"gdp": 1.0}, np.ones(3)])
def test_attach_takes_tables_and_series(panel: Panel, data: Any) -> None:
    with pytest.raises(InputTypeError, match=r"attach takes a Series.*index\.scores"):
        panel.attach(data)


def _households() -> tuple[Panel, pd.DataFrame]:
    """Households in three provinces, one unknown, and values of provinces by year."""
    homes = pd.DataFrame({"home": np.repeat([1, 2, 3, 4], 2), "wave": [2012, 2014] * 4})
    homes["province"] = np.repeat(["京", "沪", "京", None], 2)
    homes.loc[5, "province"] = "沪"  # this one moves
    values = pd.MultiIndex.from_product([["京", "沪", "津"], range(2011, 2015)])
    frame = pd.DataFrame({"index": np.arange(12.0)}, index=values)
    return Panel(homes, "home", "wave", step=2), frame


def test_attach_by_a_column_in_the_place_of_the_entity() -> None:
    homes, values = _households()
    provinces = Panel(
        values.rename_axis(["region", "year"]), labels={"index": "Digital finance"}
    )
    long = values.rename_axis(["province", "wave"]).reset_index()
    expected = [1.0, 3.0, 5.0, 7.0, 1.0, 7.0, np.nan, np.nan]
    for data in (provinces, long, long.set_index(["province", "wave"])):
        merged = homes.attach(data, on="province", keep="panel")
        np.testing.assert_array_equal(merged["index"], expected)
        by_hand = homes.frame.reset_index().merge(
            long, "left", on=["province", "wave"], validate="m:1"
        )
        np.testing.assert_array_equal(merged["index"], by_hand["index"])
        assert merged.diagnostics[-1].data["province"] == ("津",)
    labelled = homes.attach(provinces, on="province", keep="panel")
    assert labelled.labels == {"index": "Digital finance"}
    coast = homes.attach({"京": 0.0, "沪": 1.0}, name="coast", on="province")
    np.testing.assert_array_equal(coast["coast"], [0, 0, 1, 1, 0, 1, np.nan, np.nan])


def test_attach_by_a_column_of_categories_or_codes_and_by_the_entity() -> None:
    homes, values = _households()
    long = values.rename_axis(["province", "wave"]).reset_index()
    codes = {"京": 11, "沪": 31, "津": 12}
    plain = homes.attach(long, on="province", keep="panel")["index"]
    for change in (lambda s: s.astype("category"), lambda s: s.map(codes)):
        changed = homes.assign(province=lambda f, c=change: c(f["province"]))
        data = long.assign(
            province=long["province"].map(codes)
            if changed["province"].dtype.kind == "f"
            else long["province"]
        )
        pd.testing.assert_series_equal(
            changed.attach(data, on="province", keep="panel")["index"], plain
        )
    of_homes = pd.DataFrame({"home": [1, 2], "members": [3.0, 4.0]})
    pd.testing.assert_frame_equal(
        homes.attach(of_homes, on="home").frame, homes.attach(of_homes).frame
    )


def test_attach_says_how_events_become_counts() -> None:
    panel = Panel(
        pd.DataFrame({"i": [1, 1], "t": [2001, 2002], "x": [1.0, 2.0]}), "i", "t"
    )
    patents = pd.DataFrame({"i": [1, 1], "t": [2001, 2001], "claims": [3, 8]})
    with pytest.raises(AlignmentError, match="as patents, count or sum") as error:
        panel.attach(patents)
    assert "df.groupby(['i', 't']).size()" in str(error.value)
    counts = patents.groupby(["i", "t"]).size().rename("patents")
    assert panel.attach(counts)["patents"].iloc[0] == 2


def test_attach_names_the_rows_to_keep_of_an_entity_listed_twice() -> None:
    """A list of pilots has a county in two waves; the panel has no waves."""
    panel = Panel(pd.DataFrame({"i": [1, 1, 2], "t": [1, 2, 1], "y": 0.0}), "i", "t")
    waves = pd.DataFrame({"i": [1, 1, 2], "wave": ["2016年", "2014年", "2015年"]})
    with pytest.raises(AlignmentError, match="listed several times") as caught:
        panel.attach(waves)
    assert "data.sort_values('wave').drop_duplicates('i')." in str(caught.value)
    first = waves.sort_values("wave").drop_duplicates("i")
    assert panel.attach(first)["wave"].tolist() == ["2014年", "2014年", "2015年"]
    # Names of counties in both do not tell rows apart.
    named = panel.assign(name=lambda f: f.index.get_level_values("i").astype(str))
    with pytest.raises(AlignmentError, match="listed several times"):
        named.attach(waves.assign(name=waves["i"].astype(str)))
    # A column of the panel tells its rows apart.
    with pytest.raises(AlignmentError, match="If it has a row for each") as caught:
        panel.assign(wave=1).attach(waves)
    assert "listed several times" not in str(caught.value)


def test_attach_by_a_column_refuses_unclear_data() -> None:
    homes, values = _households()
    long = values.rename_axis(["province", "wave"]).reset_index()
    with pytest.raises(AlignmentError, match=r"duplicate key 2011.*on='province'\."):
        homes.attach(long, keep="panel")
    with pytest.raises(AlignmentError, match="province '津'; wave '2011', '2013'"):
        homes.attach(long, on="province")
    with pytest.raises(ColumnError, match="no column named 'provinse'"):
        homes.attach(long, on="provinse")
    twice = pd.concat([long, long.head(1)])
    with pytest.raises(AlignmentError, match=r"duplicate key \(京, 2011\)\.$"):
        homes.attach(twice, on="province", keep="panel")
    unknown = long.assign(province=long["province"].replace("津", None))
    with pytest.raises(AlignmentError, match="missing in 4 rows of the data"):
        homes.attach(unknown, on="province", keep="panel")
    with pytest.raises(AlignmentError, match="index them by 'province', 'wave'"):
        homes.attach(values["index"].xs(2012, level=1), name="z", on="province")


def test_attach_refuses_the_name_of_a_key(panel: Panel) -> None:
    with pytest.raises(PanelIndexError, match=r"name of a key \('year'\)"):
        panel.attach(panel.frame["gdp"].rename("year"))


def test_a_function_of_the_frame_may_return_an_array_of_its_length(
    panel: Panel,
) -> None:
    doubled = (panel.frame["gdp"] * 2).to_numpy()
    made = panel.assign(
        a=lambda f: f["gdp"].to_numpy() * 2,
        b=lambda f: pd.array(f["gdp"].to_numpy() * 2, dtype="Float64"),
        c=lambda f: pd.Index(f["gdp"] * 2),
    ).frame
    for name in "abc":
        np.testing.assert_array_equal(made[name].to_numpy(dtype=float), doubled)
    for odd in (
        lambda f: f["gdp"].to_numpy()[1:],
        lambda f: f[["gdp"]].to_numpy(),
        lambda f: f[["gdp"]],
    ):
        with pytest.raises(AlignmentError):
            panel.assign(z=odd)
    with pytest.raises(AlignmentError):
        panel.assign(z=doubled)
    assert panel.lag("gdp", np.int64(2)).columns[-1] == "gdp_lag2"


def test_swapped_levels_are_refused_where_both_keys_have_the_same_values() -> None:
    """Every (year, id) is also an (id, year).

    Matching them would transpose the column in silence.
    """
    square = Panel(
        pd.DataFrame({"i": [0, 0, 1, 1], "t": [0, 1, 0, 1], "x": [1.0, 2, 3, 4]}),
        "i",
        "t",
    )
    turned = square.frame["x"].swaplevel()
    for call in (
        lambda: square.assign(z=turned),
        lambda: square.attach(turned.rename("z")),
        lambda: square.subset(turned > 2),
    ):
        with pytest.raises(AlignmentError, match="swaplevel"):
            call()


def test_labels_travel_through_every_method(panel: Panel) -> None:
    mask = panel.frame["gdp"] > 0
    made = [
        panel.assign(z="log(gdp)"),
        panel.subset("year > 2010"),
        panel.subset(mask),
        panel.attach(panel.frame["gdp"].rename("w")),
        panel.relabel(digital="Digital economy"),
        panel.balance("entities")
        if (panel.frame.groupby("city").size() == 6).any()
        else panel,
        panel.standardise("digital"),
        panel.winsorize("digital"),
        panel.interpolate("digital"),
        panel.lag("gdp"),
        panel.diff("gdp"),
    ]
    for other in made:
        assert other.labels["gdp"] == "GDP"
        assert other.sample({"y": ["gdp"]}).labels["gdp"] == "GDP"
    assert panel.labels == {"gdp": "GDP"}
    assert made[4].labels == {"gdp": "GDP", "digital": "Digital economy"}
    assert panel.relabel(**{"log(gdp)": "ln GDP"}).labels["log(gdp)"] == "ln GDP"
    panel.labels["gdp"] = "changed"
    assert panel.labels == {"gdp": "GDP"}


def test_the_label_of_a_later_column_has_a_way(cities: pd.DataFrame) -> None:
    with pytest.raises(
        ColumnError, match=r"no column named 'index'.*panel\.relabel\(\)"
    ):
        Panel(cities, "city", "year", labels={"index": "Digital economy"})


@pytest.mark.parametrize(
    ("labels", "kind"),
    [
        ({"gpd": "GDP"}, ColumnError),
        ({"log(gpd)": "GDP"}, ColumnError),
        ({"gdp**2": "GDP"}, TermError),
        ({"gdp": 3}, InputTypeError),
        ({1: "GDP"}, InputTypeError),
        (["gdp"], InputTypeError),
        (pd.DataFrame({"gdp": ["GDP"]}), InputTypeError),
    ],
)
def test_labels_are_checked(
    cities: pd.DataFrame, labels: Any, kind: type[Exception]
) -> None:
    with pytest.raises(kind, match=r"g[dp][dp]|labels"):
        Panel(cities, "city", "year", labels=labels)


def test_columns_and_their_labels(panel: Panel) -> None:
    other = panel.rename(gdp="output", digital="gdp")
    assert other.columns == ("output", "gdp", "region", "K / L", "资本")
    assert other.labels == {"output": "GDP"}
    pd.testing.assert_series_equal(other["output"], panel["gdp"], check_names=False)
    assert panel.columns[0] == "gdp"


def test_keys(panel: Panel) -> None:
    other = panel.rename(city="place", year="wave")
    assert (other.entity_name, other.time_name) == ("place", "wave")
    assert other.index.names == ["place", "wave"]
    assert other.entities.name == "place"
    assert (
        other.lag("gdp")["gdp_lag1"].isna().tolist()
        == panel.lag("gdp")["gdp_lag1"].isna().tolist()
    )
    assert other.subset("wave >= 2012").nobs == panel.subset("year >= 2012").nobs
    alone = Panel(pd.DataFrame({"i": [1, 2], "x": [1, 2]}), "i").rename(i="j")
    assert (alone.entity_name, alone.time_name) == ("j", None)


@pytest.mark.parametrize(
    ("term", "names", "expected"),
    [
        ("log(gdp)", {"gdp": "output"}, "log(output)"),
        ("log(gdp)", {"gdp": "GDP 2"}, "log(`GDP 2`)"),
        ("log(`K / L`)", {"K / L": "depth"}, "log(depth)"),
        (
            "gdp:lag(digital, 2)",
            {"gdp": "digital", "digital": "gdp"},
            "digital:lag(gdp, 2)",
        ),
        ("I(gdp**2)", {"digital": "x"}, "I(gdp**2)"),
        (
            "C(region):资本",
            {"资本": "capital", "region": "lambda"},
            "C(`lambda`):capital",
        ),
        ("log1p(gdp)", {"gdp": "log"}, "log1p(log)"),
        ("C(region, ref='gdp')", {"region": "ref", "gdp": "x"}, "C(ref, ref='gdp')"),
        ("treated(gdp)", {"gdp": "first"}, "treated(first)"),
    ],
)
def test_labels_of_terms(
    panel: Panel, term: str, names: dict[str, str], expected: str
) -> None:
    other = panel.relabel(**{term: "label"}).rename(**names)
    assert other.labels[expected] == "label"
    assert other.relabel(**other.labels).labels == other.labels


def test_a_column_named_as_an_argument_leaves_the_argument(panel: Panel) -> None:
    terms = {
        "C(region, ref='east')": "Region",
        "lag(gdp, k=2)": "Lag",
        "I(ref == k)": "Same",
    }
    other = panel.assign(ref=1.0, k=2.0).relabel(**terms).rename(ref="z", k="w")
    assert list(other.labels)[1:] == [
        "C(region, ref='east')",
        "lag(gdp, k=2)",
        "I(z == w)",
    ]


def test_labels_reach_the_table(panel: Panel) -> None:
    other = panel.relabel(**{"log(gdp)": "Output"}).rename(gdp="y", digital="d")
    text = str(etable(FixedEffects("log(y)", ["d"], cov_type="unadjusted").fit(other)))
    assert "Output" in text


def test_two_columns_exchange_their_names(panel: Panel) -> None:
    other = panel.rename(gdp="digital", digital="gdp")
    assert other["digital"].tolist() == panel["gdp"].tolist()
    assert other.rename(gdp="digital", digital="gdp").columns == panel.columns


def test_imputations_follow() -> None:
    df = pd.DataFrame({"i": [1, 1, 1], "t": [1, 2, 3], "x": [1.0, None, 3.0]})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MissingDataWarning)
        panel = Panel(df, "i", "t").interpolate("x")
    assert panel.rename(x="z").imputations["column"].tolist() == ["z"]
    assert panel.imputations["column"].tolist() == ["x"]


@pytest.mark.parametrize(
    ("names", "kind", "words"),
    [
        ({"gpd": "x"}, ColumnError, "did you mean 'gdp'"),
        ({"GDP": "x"}, ColumnError, "the label of the column 'gdp'"),
        ({"gdp": "digital"}, ColumnError, "two columns would be named"),
        ({"gdp": "x", "digital": "x"}, ColumnError, "two columns would be named"),
        ({"gdp": "year"}, ColumnError, "two columns would be named"),
        ({"city": "year"}, ColumnError, "two columns would be named"),
        ({"gdp": ""}, ColumnError, "is empty"),
        ({"gdp": "a\nb"}, ColumnError, "line breaks"),
        ({"gdp": 5}, InputTypeError, "not text"),
        ({"gdp": None}, InputTypeError, "not text"),
    ],
)
def test_refusals(
    panel: Panel, names: dict[str, Any], kind: type[DigiprosperError], words: str
) -> None:
    with pytest.raises(kind, match=words):
        panel.rename(**names)


nan = np.nan


def test_standardise_by_hand(panel: Panel) -> None:
    x = panel.frame["digital"]
    np.testing.assert_allclose(
        panel.standardise("digital").frame["digital"], (x - x.mean()) / x.std(ddof=1)
    )
    grouped = x.groupby("year")
    expected = (x - grouped.transform("mean")) / grouped.transform("std")
    np.testing.assert_allclose(
        panel.standardise("digital", by="time").frame["digital"], expected
    )
    np.testing.assert_allclose(
        panel.standardise("digital", by="year").frame["digital"], expected
    )
    region = panel.standardise(["digital", "gdp"], by="region").frame
    assert region.groupby("region")["gdp"].std().round(12).eq(1).all()


@pytest.mark.parametrize("largest", [1e150, 1.7e308])
def test_columns_at_the_end_of_the_range_are_described_and_changed(
    panel: Panel, largest: float
) -> None:
    x = panel.frame["digital"] / panel.frame["digital"].abs().max()
    huge = panel.assign(digital=largest * x)
    expected = panel.standardise("digital").frame["digital"]
    np.testing.assert_allclose(huge.standardise("digital").frame["digital"], expected)
    got = huge.winsorize("digital", 0.1, 0.9).frame["digital"] / largest
    np.testing.assert_allclose(
        got, panel.assign(digital=x).winsorize("digital", 0.1, 0.9).frame["digital"]
    )
    level = panel.assign(digital=largest)
    assert level.summarise("digital").loc["digital", "p50"] == largest
    assert level.correlate(["digital", "gdp"]).mean["digital"] == largest
    for rule in ("stata", "linear"):
        assert (
            level.winsorize("digital", 0.1, 0.9, quantile=rule).frame["digital"]
            == largest
        ).all()
    with pytest.raises(IdentificationError, match="'digital' does not vary"):
        level.standardise("digital")


@pytest.mark.parametrize("value", [0.0, 0.1, 3.0, 1e-9])
def test_standardise_refuses_what_does_not_vary(panel: Panel, value: float) -> None:
    with pytest.raises(IdentificationError, match="'gdp' does not vary"):
        panel.assign(gdp=value).standardise("gdp")
    with pytest.raises(IdentificationError, match="'gdp' does not vary in 1 row"):
        panel.assign(own="I((year == 2011) * (city == 'p1'))").standardise(
            "gdp", by="own"
        )


def stata_percentile(x: np.ndarray[Any, Any], percent: int) -> float:
    """Stata's _pctile: with i = n p / 100 whole, the mean of x_(i) and x_(i+1).

    Otherwise x_(ceil i).
    """
    ordered, n = np.sort(x), x.size
    whole, rest = divmod(n * percent, 100)
    return float(
        (ordered[whole - 1] + ordered[whole]) / 2 if rest == 0 else ordered[whole]
    )


@settings(max_examples=60, deadline=None)
@given(st.integers(3, 260), st.integers(1, 40), st.integers(0, 10))
def test_winsorize_is_statas_rule(n: int, percent: int, seed: int) -> None:
    x = np.random.default_rng(seed).normal(size=n)
    panel = Panel(pd.DataFrame({"i": np.arange(n), "x": x}), "i")
    low, high = stata_percentile(x, percent), stata_percentile(x, 100 - percent)
    got = panel.winsorize("x", percent / 100, 1 - percent / 100).frame["x"]
    np.testing.assert_allclose(got, np.clip(x, low, high), rtol=1e-14)


def test_winsorize_by_time_and_linear(panel: Panel) -> None:
    holes = panel.assign(gdp=panel.frame["gdp"].where(panel.frame["digital"] > -1))
    got = holes.winsorize("gdp", 0.2, 0.8, by="time").frame["gdp"]
    for year, x in holes.frame["gdp"].groupby("year"):
        there = x.dropna().to_numpy()
        expected = x.clip(stata_percentile(there, 20), stata_percentile(there, 80))
        np.testing.assert_allclose(got.xs(year, level="year"), expected)
    assert got.isna().equals(holes.frame["gdp"].isna())
    x = panel.frame["gdp"]
    np.testing.assert_allclose(
        panel.winsorize("gdp", quantile="linear").frame["gdp"],
        x.clip(*np.quantile(x, [0.01, 0.99])),
    )
    pd.testing.assert_series_equal(panel.winsorize("gdp", 0, 1).frame["gdp"], x)


def test_winsorised_columns_are_logged(panel: Panel) -> None:
    holes = panel.assign(gdp=panel.frame["gdp"].where(panel.frame["digital"] > -1))
    assert not holes.winsorize("gdp", 0, 1).diagnostics
    cut = holes.winsorize(["gdp", "digital"], 0.025, 0.7, by="time")
    changed = {
        n: int((cut.frame[n].dropna() != holes.frame[n].dropna()).sum())
        for n in ("gdp", "digital")
    }
    (notice,) = cut.diagnostics
    assert (notice.code, notice.data) == (
        "winsorised",
        {"cells": changed, "lower": 0.025, "upper": 0.7, "by": "time"},
    )
    assert notice.message == (
        f"Winsorised at 2.5% and 70% by time: 'gdp' ({changed['gdp']} values), "
        f"'digital' ({changed['digital']} values)."
    )
    (other,) = cut.rename(gdp="output").diagnostics
    assert other.data["cells"] == {
        "output": changed["gdp"],
        "digital": changed["digital"],
    }
    assert cut.subset("year > 2012").diagnostics == (notice,)


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ({"lower": 0.9, "upper": 0.1}, OptionError, "lower"),
        ({"upper": 99}, OptionError, "upper=99"),
        ({"quantile": "spss"}, OptionError, "'stata', 'linear'"),
        ({"by": "regoin"}, ColumnError, "region"),
        ({"columns": "region"}, InputTypeError, "'region'"),
        ({"columns": ["gdp", "gpd"]}, ColumnError, "'gpd'"),
    ],
)
def test_winsorize_refuses(
    panel: Panel, options: dict[str, Any], kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind, match=words):
        panel.winsorize(**{"columns": "gdp", **options})


@pytest.mark.parametrize(
    ("options", "ends"),
    [
        ({}, (0.01, 0.99)),
        ({"lower": 0.05}, (0.05, 0.95)),
        ({"upper": 0.9}, (0.1, 0.9)),
        ({"lower": 0}, (0, 0.99)),
        ({"upper": 1}, (0.01, 1)),
    ],
)
def test_one_share_to_winsorize_by_is_that_of_both_ends(
    panel: Panel, options: dict[str, float], ends: tuple[float, float]
) -> None:
    cut, other = panel.winsorize("gdp", **options), panel.winsorize("gdp", *ends)
    pd.testing.assert_series_equal(cut["gdp"], other["gdp"])
    assert cut.diagnostics == other.diagnostics
    with pytest.raises(OptionError, match=r"lower=5, upper=0\.99"):
        panel.winsorize("gdp", 5)


def test_quantiles_of_each_group_and_missing_values_stay() -> None:
    column = np.array([0.0, 1, 2, 3, 100, nan, 7, 8])
    groups = np.array([0, 0, 0, 0, 0, 0, 1, 1])
    out = winsorized(column, groups, (0.2, 0.8), "stata")
    # Five values: the 20th percentile is the mean of the first two, the 80th of the
    # last two.
    np.testing.assert_allclose(out, [0.5, 1, 2, 3, 51.5, nan, 7, 8])
    np.testing.assert_allclose(winsorized(column, groups, (0.0, 1.0), "linear"), column)


@pytest.mark.parametrize(
    ("lower", "upper"), [(0, 1), (0.5, np.nextafter(0.5, 1)), (0.0, 0.01), (0.99, 1.0)]
)
def test_shares_to_winsorize_by_reach_from_0_to_1(
    panel: Panel, lower: float, upper: float
) -> None:
    assert panel.winsorize("gdp", lower, upper).nobs == panel.nobs


@pytest.mark.parametrize(
    ("lower", "upper"), [(-1e-9, 0.9), (0.1, 1 + 1e-9), (0.5, 0.5), (0.6, 0.4)]
)
def test_other_shares_to_winsorize_by_are_refused(
    panel: Panel, lower: float, upper: float
) -> None:
    with pytest.raises(OptionError, match="0 <= lower < upper <= 1"):
        panel.winsorize("gdp", lower, upper)


def test_a_column_that_varies_by_less_than_1e_13_of_its_size_is_not_standardised() -> (
    None
):
    sign = np.tile([-1.0, 1.0], 6)
    data = pd.DataFrame({"i": np.repeat([1, 2], 6), "t": np.tile(np.arange(6), 2)})
    varies, flat = (
        Panel(data.assign(x=1 + share * sign), "i", "t") for share in (1.2e-13, 0.8e-13)
    )
    assert varies.standardise("x").frame["x"].abs().max() < 2
    with pytest.raises(IdentificationError, match="'x' does not vary"):
        flat.standardise("x")


nan = np.nan


GAPS = pd.DataFrame(
    {
        "i": ["A"] * 6 + ["B"] * 5,
        "t": [1, 2, 3, 6, 7, 8, 1, 2, 3, 4, 5],
        "x": [nan, 1, nan, 5, 6, nan, 1, 2, 3, 4, 5],
    }
)


@pytest.mark.parametrize(
    ("extrapolate", "expected"),
    [(False, [nan, 1, 2, 4, nan, 5, nan]), (True, [1, 1, 2, 4, 4, 5, 5])],
)
def test_gaps_are_filled_in_time_and_never_across_entities(
    extrapolate: bool, expected: list[float]
) -> None:
    values = np.array([nan, 1, nan, 4, nan, 5, nan])
    position = np.array([0.0, 1, 2, 4, 5, 0, 1])
    entity = np.array([0, 0, 0, 0, 0, 1, 1])
    before = values.copy()
    np.testing.assert_allclose(
        fill_gaps(values, position, entity, extrapolate=extrapolate), expected
    )
    np.testing.assert_array_equal(values, before)


def test_interpolation_is_linear_in_time_inside_an_entity_and_logged() -> None:
    panel = Panel(GAPS, "i", "t")
    with pytest.warns(MissingDataWarning, match="2 cells of 'x' .* stay missing"):
        filled = panel.interpolate("x")
    np.testing.assert_allclose(filled.frame["x"], [nan, 1, 2, 5, 6, nan, 1, 2, 3, 4, 5])
    assert filled.imputations.to_dict("records") == [
        {"column": "x", "entity": "A", "time": 3, "value": 2.0, "method": "linear"}
    ]
    changed = filled.imputations
    changed["value"] = 9.0
    assert filled.imputations["value"].tolist() == [2.0]
    assert filled.nobs == panel.nobs
    assert panel.imputations.empty
    assert list(panel.imputations) == ["column", "entity", "time", "value", "method"]
    assert filled.subset("t < 9").assign(z=1).imputations.equals(filled.imputations)


def test_extrapolation_is_off_by_default_and_warns() -> None:
    with pytest.warns(MissingDataWarning) as caught:
        filled = Panel(GAPS, "i", "t").interpolate("x", extrapolate=True)
    np.testing.assert_allclose(filled.frame["x"], [1, 1, 2, 5, 6, 6, 1, 2, 3, 4, 5])
    methods = filled.imputations.set_index("time")["method"].to_dict()
    assert methods == {1: "nearest", 3: "linear", 8: "nearest"}
    words = " ".join(str(w.message) for w in caught)
    assert "extrapolate=True fills 2 values" in words
    assert "27% of 'x' is interpolated (3 cells, 1 entity)" in words
    assert "panel.imputations" in words


def test_interpolation_warns_once_of_several_columns() -> None:
    panel = Panel(
        GAPS.assign(y=GAPS["x"], z=GAPS["x"].mask(GAPS["i"] == "A")), "i", "t"
    )
    with pytest.warns(MissingDataWarning) as caught:
        panel.interpolate(["x", "y", "z"])
    words = [str(w.message) for w in caught]
    (said,) = [text for text in words if "stay missing" in text]
    assert said.startswith("2 cells of 'x' (1 entity) could not be interpolated")
    assert all(f" cells of '{name}' (" in said for name in ("y", "z"))


def test_a_column_made_from_interpolated_values_says_so() -> None:
    with pytest.warns(MissingDataWarning):
        panel = Panel(GAPS, "i", "t").interpolate("x")
    panel = panel.assign(twice="I(2 * x)", logs="log(twice)", t2="I(t * 2)", one=1)
    cells = [n.data["cells"] for n in panel.diagnostics if n.code == "interpolated"]
    assert cells == [{"x": 1}, {"twice": 1}, {"logs": 1}]


def test_extrapolation_without_ends_to_fill_is_silent_about_ends() -> None:
    data = GAPS[GAPS["t"].between(2, 7)]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        Panel(data, "i", "t").interpolate("x", extrapolate=True)
    assert not [w for w in caught if "extrapolate" in str(w.message)]


def test_imputations_leave_with_their_rows() -> None:
    data = pd.DataFrame(
        {
            "i": [1] * 4 + [2] * 4,
            "t": [1, 2, 3, 4] * 2,
            "x": [1, nan, 3, 4, 5, nan, 7, 8],
        }
    )
    with pytest.warns(MissingDataWarning, match="25% of 'x'"):
        filled = Panel(data, "i", "t").interpolate("x")
    assert len(filled.imputations) == 2
    assert filled.subset("i == 2").imputations["entity"].tolist() == [2]
    assert filled.subset("t > 2").imputations.empty


def test_cells_that_stay_missing_are_counted() -> None:
    data = pd.DataFrame(
        {
            "i": [1, 1, 1, 1, 2, 2, 3],
            "t": [1, 2, 3, 4, 1, 2, 1],
            "x": [nan, 1, nan, 3, nan, nan, 2],
        }
    )
    with pytest.warns(MissingDataWarning) as said:
        filled = Panel(data, "i", "t").interpolate("x")
    (told,) = (str(w.message) for w in said if "stay missing" in str(w.message))
    assert told.startswith("3 cells of 'x' (2 entities)")
    assert filled.frame["x"].isna().sum() == 3
    with pytest.warns(MissingDataWarning) as said:
        Panel(data, "i", "t").interpolate("x", extrapolate=True)
    (told,) = (str(w.message) for w in said if "stay missing" in str(w.message))
    assert told.startswith("2 cells of 'x' (1 entity)")


def test_interpolating_a_lag_is_told() -> None:
    data = pd.DataFrame(
        {
            "i": np.repeat([1, 2, 3], 12),
            "t": np.tile(np.arange(12), 3),
            "cp": np.arange(36.0),
        }
    )
    panel = Panel(data, "i", "t").lag("cp")
    with pytest.warns(MissingDataWarning) as caught:
        panel.interpolate("cp_lag1", extrapolate=True)
    assert any(
        "'cp_lag1' equals the lag of 'cp'" in str(w.message)
        and "drop the first period" in str(w.message)
        for w in caught
    )


def test_interpolation_uses_the_value_of_time_off_the_grid_too() -> None:
    data = pd.DataFrame(
        {
            "i": [1] * 12,
            "t": [0, 3, *range(5, 55, 5)],
            "x": [0.0, nan, 5.0, *range(10, 55, 5)],
        }
    )
    np.testing.assert_allclose(
        Panel(data, "i", "t", step=5).interpolate("x").frame["x"].iloc[1], 3.0
    )
    hours = pd.to_datetime(["2020-01-01 00:00", "2020-01-01 06:00", "2020-01-01 08:00"])
    irregular = pd.DataFrame({"i": 1, "t": hours, "x": [0.0, nan, 8.0]})
    with pytest.warns(MissingDataWarning):
        np.testing.assert_allclose(
            Panel(irregular, "i", "t").interpolate("x").frame["x"], [0, 6, 8]
        )


def told_of_imputation(data: pd.DataFrame, name: str, **options: Any) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        Panel(data, "i", "t").interpolate(name, **options)
    return [str(w.message) for w in caught]


def test_more_than_a_tenth_of_interpolated_cells_is_told() -> None:
    data = pd.DataFrame(
        {
            "i": np.repeat([1, 2], 10),
            "t": np.tile(np.arange(10), 2),
            "x": np.arange(20.0),
        }
    )
    tenth, more = (
        {"x": data["x"].where(~data.index.isin(range(3, 3 + n)))} for n in (2, 3)
    )
    assert told_of_imputation(data.assign(**tenth), "x") == []
    assert any(
        "15% of 'x' is interpolated" in said
        for said in told_of_imputation(data.assign(**more), "x")
    )


@pytest.mark.parametrize("shared", [2, 3])
def test_a_column_is_a_lag_of_another_by_three_rows_or_more(shared: int) -> None:
    data = pd.DataFrame(
        {
            "i": 1,
            "t": np.arange(40),
            "x": np.arange(40.0) ** 2,
            "lagged": np.arange(40.0),
        }
    )
    data["lagged"] = data["x"].shift(1).where(data["t"] <= shared, data["x"] + 0.5)
    data.loc[data["t"] > shared + 1, "x"] = nan
    data.loc[data["t"] == shared + 1, "lagged"] = nan
    data["x"] = data["x"].where(data["t"] <= shared)
    said = told_of_imputation(data, "lagged", extrapolate=True)
    assert any("equals the lag of 'x'" in words for words in said) == (shared == 3)


def _listed() -> Panel:
    index = pd.MultiIndex.from_product(
        [["000001", "000004", "600000"], [2010, 2011]], names=["code", "year"]
    )
    return Panel(
        index.to_frame(index=False).assign(x=np.arange(6) ** 2.0), "code", "year"
    )


@pytest.mark.parametrize(
    ("written", "example"),
    [
        (lambda code: code.astype(int), "1 for '000001'"),
        (lambda code: code.astype(float), "1.0 for '000001'"),
        (lambda code: code.astype(int).astype(str), "'1' for '000001'"),
        (lambda code: code + ".SZ", "'000001.SZ' for '000001'"),
        (lambda code: "SZ" + code, "'SZ000001' for '000001'"),
    ],
)
def test_codes_in_another_form_are_named_and_the_advice_matches_them(
    written, example
) -> None:
    panel = _listed()
    df = panel.frame.reset_index().rename(columns={"x": "z"})
    right = df.copy()
    df["code"] = written(df["code"])
    with pytest.raises(AlignmentError) as said:
        panel.attach(df)
    message = str(said.value)
    assert example in message
    assert "keep='panel'" not in message
    advice = message.split("those of the data: ")[1].removesuffix(
        ". Then attach again."
    )
    exec(advice, {"df": df})
    assert df["code"].tolist() == right["code"].tolist()
    assert panel.attach(df)["z"].notna().all()


def test_some_codes_in_another_form_are_a_warning_with_keep_panel() -> None:
    panel = _listed()
    df = panel.frame.reset_index().rename(columns={"x": "z"})
    df["code"] = df["code"].astype(int).astype(str)  # 600000 fits, the others do not
    with pytest.warns(DigiprosperWarning, match="2 codes of the panel are written"):
        attached = panel.attach(df, keep="panel")
    assert attached["z"].notna().sum() == 2
    (notice,) = attached.diagnostics
    assert notice.code == "similar_keys"
    assert notice.data["same_code"] == (("1", "000001"), ("4", "000004"))


def test_numbers_of_the_panel_and_text_of_the_data() -> None:
    panel = Panel(
        _listed().frame.reset_index().assign(code=lambda f: f["code"].astype(int)),
        "code",
        "year",
    )
    df = _listed().frame.reset_index().rename(columns={"x": "z"})
    with pytest.raises(AlignmentError, match=r"'000001' for 1\. .*astype\(int\)"):
        panel.attach(df)


def test_codes_with_different_letters_are_different() -> None:
    df = _listed().frame.reset_index()
    suffixed = df.assign(code=df["code"] + ".SZ")
    panel = Panel(
        pd.concat([suffixed, df.assign(code=df["code"] + ".SH")]), "code", "year"
    )
    assert not panel.diagnostics
    # Years and codes that differ are none of another form.
    with pytest.raises(AlignmentError, match="in the panel: 2010, 2011") as said:
        _listed().attach(df.assign(year=df["year"] + 7).rename(columns={"x": "z"}))
    assert "another form" not in str(said.value)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("{:06d}", "{}"),
        ("{:06d}.SZ", "sz.{:06d}"),
        ("{:06d}-SZ", "{}.0"),
        ("{}.0", "{}"),
    ],
)
def test_forms_of_codes_are_written_alike(first: str, second: str) -> None:
    df = _listed().frame.reset_index()
    number = df["code"].astype(int)
    df["code"] = np.where(
        df["year"] == 2011, number.map(second.format), number.map(first.format)
    )
    with pytest.warns(DigiprosperWarning, match="seem to be one code"):
        (notice,) = Panel(df, "code", "year").diagnostics
    exec(notice.message.split("make them equal: ")[1].removesuffix("."), {"df": df})
    assert Panel(df, "code", "year").n_entities == 3


def test_codes_that_zeros_in_front_tell_apart_are_not_reported() -> None:
    df = _listed().frame.reset_index()
    division = df.assign(code=df["code"].astype(int).astype(str).str.zfill(2))
    df = pd.concat([df, division]).drop_duplicates(["code", "year"])
    assert not Panel(df, "code", "year").diagnostics
    # If two files are merged and few keys match, no column is in both rows.
    outer = _listed().frame.reset_index()
    outer = outer.merge(division.rename(columns={"x": "z"}), how="outer")
    with pytest.warns(DigiprosperWarning, match="seem to be one code"):
        Panel(outer, "code", "year")


def test_codes_of_a_panel_without_zeros_in_front() -> None:
    right = _listed().frame.reset_index().rename(columns={"x": "z"})
    panel = Panel(
        right.assign(code=right["code"].astype(int).astype(str)), "code", "year"
    )
    df = right.rename(columns={"z": "u"})
    with pytest.raises(AlignmentError) as said:
        panel.attach(df)
    advice = (
        str(said.value).split("of the data: ")[1].removesuffix(". Then attach again.")
    )
    exec(advice, {"df": df})
    assert panel.attach(df)["u"].notna().all()


def test_years_of_data_do_not_take_the_form_of_periods() -> None:
    frame = _listed().frame.reset_index()
    years = pd.PeriodIndex(frame["year"].astype(str), freq="Y")
    panel = Panel(frame.assign(year=years), "code", "year")
    with pytest.raises(AlignmentError, match="in the panel: Period") as said:
        panel.attach(frame.rename(columns={"x": "z"}))
    assert "astype(int)" not in str(said.value)


def test_one_code_in_two_forms_counts_as_two_entities_and_is_reported() -> None:
    df = _listed().frame.reset_index()
    df.loc[df["year"] == 2011, "code"] = df["code"].astype(int).astype(str)
    with pytest.warns(
        DigiprosperWarning, match="2 pairs of 'code' seem to be one code"
    ):
        panel = Panel(df, "code", "year")
    assert panel.n_entities == 5
    message = panel.diagnostics[0].message
    exec(message.split("make them equal: ")[1].removesuffix("."), {"df": df})
    assert Panel(df, "code", "year").n_entities == 3


def test_data_of_years_for_a_panel_of_quarters_are_merged_before() -> None:
    quarters = pd.period_range("2010Q1", "2011Q4", freq="Q")
    index = pd.MultiIndex.from_product(
        [["a", "b"], quarters], names=["firm", "quarter"]
    )
    df = index.to_frame(index=False).assign(year=lambda f: f["quarter"].dt.year)
    annual = pd.DataFrame({"firm": [*"aabb"], "year": [2010, 2011] * 2, "z": range(4)})
    with pytest.raises(AlignmentError) as said:
        Panel(df, "firm", "quarter").attach(annual)
    message = str(said.value)
    assert "matched by 'firm' only, since they have no 'quarter'" in message
    merged = df.merge(annual, on=["firm", "year"], how="left")
    assert "df.merge(data, on=['firm', 'year'], how='left')" in message
    assert Panel(merged, "firm", "quarter")["z"].notna().all()


@pytest.mark.parametrize("on", [None, "exporter"])
def test_data_of_one_end_of_a_flow_are_told_how_to_match(on: str | None) -> None:
    ends = [("a", "b"), ("b", "a")]
    frame = pd.DataFrame(
        [(*pair, year) for pair in ends for year in (2001, 2002)],
        columns=["exporter", "importer", "year"],
    ).assign(flow=1.0, pair=lambda f: f["exporter"] + f["importer"])
    panel = Panel(frame, "pair", "year")
    keys = [(c, year) for c in "ab" for year in (2001, 2002)]
    index = pd.DataFrame(keys, columns=["country", "year"]).assign(digital=range(4))
    with pytest.raises(AlignmentError) as said:
        panel.attach(index, on=on)
    advice = "attach(data.rename(columns={'country': 'exporter'}), on='exporter')"
    assert advice in str(said.value)
    data = index.rename(columns={"country": "exporter"})
    merged = panel.attach(data, on="exporter")
    assert merged["digital"].tolist() == [0, 1, 2, 3]


def test_attached_keys_repeated_beside_lists_are_named() -> None:
    panel = Panel(pd.DataFrame({"i": ["a", "b"], "t": [1, 1], "x": 1.0}), "i", "t")
    data = pd.DataFrame({"t": [1, 1], "list": [[1], [2]]})
    with pytest.raises(AlignmentError, match="matched by 't' only"):
        panel.attach(data)


def test_data_of_years_are_not_attached_to_months_without_a_word_how() -> None:
    months = pd.period_range("2018-01", periods=24, freq="M")
    frame = pd.DataFrame({"city": "A", "month": months, "x": range(24)})
    years = pd.DataFrame({"city": "A", "year": [2018, 2019], "gdp": [1.0, 2.0]})
    with pytest.raises(AlignmentError) as got:
        Panel(frame, "city", "month").attach(years)
    cure = "df.merge(data, on=['city', 'year'], how='left')"
    assert str(got.value).endswith(f"merge it before the panel is made: {cure}.")
    twice = years.assign(year=2018)
    with pytest.raises(AlignmentError) as got:
        Panel(frame, "city", "month").attach(twice)
    assert "merge" not in str(got.value)


@pytest.mark.parametrize(
    ("entities", "keys"),
    [
        (["1", "2"], pd.array([1, 2], dtype="int64[pyarrow]")),
        (["x", "y"], pd.array([1, 2], dtype="int64[pyarrow]")),
        (pd.period_range("2001", periods=2, freq="Y"), ["1", "2"]),
        (pd.to_datetime(["2001-01-01", "2002-01-01"]), ["2001-01-01", "2002-01-01"]),
    ],
)
@pytest.mark.parametrize("times", [[1], [1, 2]])
def test_keys_of_another_type_are_refused_and_never_become_missing(
    entities: Any, keys: Any, times: list[int]
) -> None:
    tables = [pd.DataFrame({"e": entities, "t": time, "x": 1.0}) for time in times]
    panel = Panel(pd.concat(tables), "e", "t")
    with pytest.raises(AlignmentError, match="2 of 2 rows of the data have no row"):
        panel.attach(pd.DataFrame({"e": keys, "q": [1.0, 2.0]}))
