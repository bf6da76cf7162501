"""States, borders, capitals, and names of Chinese provinces and cities."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from linearmodels.datasets import munnell

from digiprosper import (
    AlignmentError,
    FewClustersWarning,
    FixedEffects,
    InputTypeError,
    OptionError,
    Panel,
    SpatialWeights,
    by_group,
    datasets,
)
from digiprosper.datasets import (
    match_cities,
    match_provinces,
    province_capitals,
    province_neighbours,
    simulate_provinces,
)
from digiprosper.datasets.geography import NAME_FORMS, read_table

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
PROVINCES = read_table("provinces").set_index("code")
CITIES = read_table("cities").set_index("code")
NO_CITIES = {"市辖区", "县", "省直辖县级行政区划", "自治区直辖县级行政区划"}


def test_the_panel_is_munnells_under_lower_case_names():
    panel = datasets.us_states()
    assert (panel.n_entities, panel.n_times, panel.nobs) == (48, 17, 816)
    assert panel.is_balanced
    assert (panel.entity_name, panel.time_name) == ("state", "year")
    assert list(panel.frame.columns) == [
        "state_name",
        "pcap",
        "hwy",
        "water",
        "util",
        "pc",
        "gsp",
        "emp",
        "unemp",
    ]
    raw = munnell.load().sort_values(["ST_ABB", "YR"])
    for ours, theirs in {
        "pcap": "P_CAP",
        "pc": "PC",
        "gsp": "GSP",
        "emp": "EMP",
        "unemp": "UNEMP",
    }.items():
        np.testing.assert_array_equal(panel.frame[ours], raw[theirs])


def test_public_capital_is_the_sum_of_its_parts():
    frame = datasets.us_states().frame
    np.testing.assert_allclose(
        frame["pcap"], frame[["hwy", "water", "util"]].sum(axis=1), atol=0.011
    )


def test_every_column_has_a_label():
    panel = datasets.us_states()
    assert set(panel.labels) == set(panel.frame.columns)
    assert panel.labels["hwy"].endswith("(million USD)")


def test_borders_are_mutual_and_of_the_states_of_the_panel() -> None:
    borders = datasets.us_neighbours()
    assert sorted(borders) == datasets.us_states().entities.tolist()
    assert all(
        state in borders[other] for state, near in borders.items() for other in near
    )
    assert sum(map(len, borders.values())) == 214
    assert all(state not in near for state, near in borders.items())


def test_capitals_are_those_of_the_states_of_the_panel() -> None:
    capitals = datasets.us_capitals()
    assert capitals.index.equals(datasets.us_states().entities)
    assert capitals["lat"].between(30, 47.1).all()
    assert capitals["lon"].between(-123.1, -69.7).all()


def test_the_nearest_capital_of_each_state_is_that_of_a_neighbour() -> None:
    borders = datasets.us_neighbours()
    nearest = SpatialWeights.k_nearest(datasets.us_capitals(), 1)
    first = nearest.entities[nearest.dense.argmax(axis=1)]
    assert all(
        other in borders[state]
        for state, other in zip(nearest.entities, first, strict=True)
    )


def test_the_first_line_of_the_readme_imports_no_other_econometrics_package() -> None:
    code = (
        "import sys, digiprosper as dp; dp.datasets.us_states(); "
        "print(sorted({'linearmodels', 'statsmodels', 'formulaic'} & set(sys.modules)))"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert printed.stdout.strip() == "[]"


@pytest.fixture(scope="module")
def provinces():
    return simulate_provinces()[0].entities


def test_neighbours_are_mutual_and_named_as_the_simulated_provinces(provinces):
    borders = province_neighbours()
    assert sorted(borders) == sorted(provinces)
    assert all(a in borders[b] and a != b for a, near in borders.items() for b in near)
    assert all(len(set(near)) == len(near) > 0 for near in borders.values())
    assert len(borders["neimenggu"]) == len(borders["shaanxi"]) == 8
    weights = SpatialWeights.from_neighbours(borders)
    assert weights.islands == ()
    assert weights.describe()["n_parts"] == 1


def test_capitals_are_named_as_the_simulated_provinces_and_lie_in_china(provinces):
    places = province_capitals()
    assert sorted(places.index) == sorted(provinces)
    assert places["lat"].between(18, 54).all()
    assert places["lon"].between(73, 135).all()


def test_neighbours_are_nearer_than_others():
    inverse = SpatialWeights.inverse_distance(province_capitals())
    kilometres = 1 / inverse.raw[~np.eye(31, dtype=bool)]
    near = SpatialWeights.from_neighbours(province_neighbours()).aligned_to(
        inverse.entities
    )
    linked = near.dense[~np.eye(31, dtype=bool)] > 0
    assert kilometres[linked].max() < 1700 < kilometres[~linked].max()
    assert 2 * kilometres[linked].mean() < kilometres[~linked].mean()


# --- names of Chinese provinces and cities --------------------------------------------


def forms_of_provinces() -> pd.DataFrame:
    forms = PROVINCES.reset_index().rename(
        columns={"province": "pinyin", "province_zh": "short"}
    )
    return forms.assign(code=forms["code"].astype(int))


def test_every_form_of_every_province_becomes_every_form() -> None:
    forms = forms_of_provinces()
    assert len(forms) == 31
    spellings = {form: forms[form].tolist() for form in NAME_FORMS}
    spellings["two digits"] = [code // 10_000 for code in forms["code"]]
    spellings["two digits as text"] = [str(code // 10_000) for code in forms["code"]]
    spellings["six digits as text"] = forms["code"].astype(str).tolist()
    spellings["decimal"] = forms["code"].astype(float).tolist()
    spellings["capitals"] = [name.upper() for name in forms["pinyin"]]
    spellings["in English"] = [f"{name.title()} Province" for name in forms["pinyin"]]
    of_provinces = forms["official"].str.endswith("省")
    for (spelling, names), to in itertools.product(spellings.items(), NAME_FORMS):
        rows = of_provinces if spelling == "in English" else of_provinces | True
        chosen = pd.Series(names)[rows]
        assert match_provinces(chosen, to=to).tolist() == forms[to][rows].tolist()


@pytest.mark.data("china_divisions.csv")
def test_provinces_are_those_of_the_official_list() -> None:
    listed = pd.read_csv(SHARED / "china_divisions.csv", dtype=str)
    provinces = listed[listed["level"] == "province"]
    codes = provinces["code"].astype(int) * 10_000
    assert match_provinces(provinces["name"], to="code").tolist() == codes.tolist()
    assert match_provinces(provinces["code"], to="official").tolist() == (
        provinces["name"].tolist()
    )


def test_shaanxi_and_shanxi_are_two() -> None:
    assert match_provinces(
        ["shaanxi", "shanxi", "Shanxi", "陕西", "山西省"]
    ).tolist() == [
        "陕西",
        "山西",
        "山西",
        "陕西",
        "山西",
    ]
    with pytest.raises(AlignmentError, match="Shǎnxī"):
        match_provinces(["Shǎnxī"])


@pytest.mark.data("china_divisions.csv")
def test_every_prefecture_of_the_official_list_by_name_and_code() -> None:
    listed = pd.read_csv(SHARED / "china_divisions.csv", dtype=str)
    listed = listed[(listed["level"] == "city") & ~listed["name"].isin(NO_CITIES)]
    assert len(listed) == 333
    codes = (listed["code"].astype(int) * 100).tolist()
    for spelling in (listed["name"], listed["code"], listed["code"] + "00", codes):
        assert match_cities(spelling, to="code").tolist() == codes
        assert match_cities(spelling, to="official").tolist() == listed["name"].tolist()
    assert match_provinces(
        match_cities(codes, to="province"), to="official"
    ).tolist() == (listed["province"].tolist())
    # Short names, by an independent rule where the name has no nationality.
    plain = listed[~listed["name"].str.endswith("自治州")]
    short = plain["name"].str.replace("(市|地区|盟)$", "", regex=True)
    assert match_cities(plain["name"]).tolist() == short.tolist()
    assert match_cities(short, to="official").tolist() == plain["name"].tolist()
    # Of autonomous prefectures the official name begins with the short one.
    others = listed[listed["name"].str.endswith("自治州")]["name"]
    short = match_cities(others)
    assert all(name.startswith(part) for name, part in zip(others, short, strict=True))
    assert not short.str.contains("族|蒙古|哈萨克|柯尔克孜").any()
    for ending in ("", "州", "自治州"):
        assert match_cities(short + ending, to="official").tolist() == others.tolist()


def test_every_short_name_and_unambiguous_pinyin_of_a_city() -> None:
    assert CITIES["short"].is_unique
    assert CITIES["official"].is_unique
    codes = CITIES.index.astype(int).tolist()
    assert match_cities(CITIES["short"].tolist(), to="code").tolist() == codes
    one = CITIES[~CITIES["pinyin"].duplicated(keep=False)]
    for spelling in (
        one["pinyin"],
        one["pinyin"].str.title(),
        one["pinyin"] + " City",
        one["pinyin"].str[:2] + "'" + one["pinyin"].str[2:],
    ):
        endings = one["official"].str.endswith("市") | ~spelling.str.contains("City")
        actual = match_cities(spelling[endings])
        assert actual.tolist() == one["short"][endings].tolist()
        assert (
            match_cities(one["short"], to="pinyin").tolist() == one["pinyin"].tolist()
        )


def test_codes_of_cities_before_they_changed() -> None:
    codes = {522400: "毕节", 522200: "铜仁", 632100: "海东", 652200: "哈密"}
    assert match_cities([*codes]).tolist() == [*codes.values()]
    assert match_cities(["5424", "469003"], to="code").tolist() == [540600, 460400]


@pytest.mark.data("china_cities_105x14.csv")
def test_the_cities_of_a_published_panel() -> None:
    cities = pd.read_csv(SHARED / "china_cities_105x14.csv")["city"].drop_duplicates()
    with pytest.raises(AlignmentError) as caught:
        match_cities(cities)
    assert [p.data["rows"] for p in caught.value.problems] == [("Suzhou",), ("Fuzhou",)]
    chosen = cities.replace({"Suzhou": "苏州", "Fuzhou": "福州市"})
    actual = match_cities(chosen)
    assert actual.nunique() == 105
    assert actual.index.equals(cities.index)
    assert {"哈尔滨", "乌鲁木齐", "呼和浩特", "西安", "泰安"} <= set(actual)


def test_ambiguous_pinyin_is_listed_and_not_guessed() -> None:
    several = CITIES[CITIES["pinyin"].duplicated(keep=False)]
    names = several["pinyin"].unique()
    assert sorted(names) == ["fuzhou", "suzhou", "taizhou", "yichun", "yulin"]
    with pytest.raises(AlignmentError) as caught:
        match_cities([*names, "济南"])
    listed = [p.data["rows"][0] for p in caught.value.problems]
    assert sorted(listed) == sorted(names)
    for official in several["official"]:
        assert official in str(caught.value)


def test_the_error_shows_how_ambiguous_names_are_replaced() -> None:
    names = pd.Series(["Suzhou", "Jinan", "Fuzhou"])
    with pytest.raises(AlignmentError) as caught:
        match_cities(names)
    code = str(caught.value).partition("match=")[2].removesuffix(".")
    match = eval(code, {"match_cities": match_cities})
    assert match(names).tolist() == ["苏州", "济南", "福州"]
    with pytest.raises(AlignmentError, match=r"Replace or omit these names\.$"):
        match_cities(["Atlantis"])


def test_the_error_shows_how_rows_of_totals_are_left_out() -> None:
    names = pd.Series(["全  国", "北京", "东部地区", "天津"])
    with pytest.raises(AlignmentError) as caught:
        match_provinces(names)
    code = str(caught.value).partition("match=")[2].removesuffix(".")
    match = eval(code, {"match_provinces": match_provinces})
    assert match(names).tolist() == ["北京", "天津"]


def test_two_cities_do_not_become_one_by_pinyin() -> None:
    with pytest.raises(AlignmentError, match="苏州市, 宿州市"):
        match_cities(["苏州", "宿州"], to="pinyin")
    assert match_cities(["苏州", "苏州市"], to="pinyin").tolist() == ["suzhou"] * 2


def test_unknown_names_are_listed_with_the_nearest() -> None:
    with pytest.raises(AlignmentError) as caught:
        match_provinces(["北京", "北京市区", "Zhejang", "台北"])
    text = str(caught.value)
    assert "'北京市区' is unknown (did you mean '北京市'?)" in text
    assert "'Zhejang' is unknown (did you mean 'zhejiang'?)" in text
    assert [p.data["rows"][0] for p in caught.value.problems] == [
        "北京市区",
        "Zhejang",
        "台北",
    ]
    with pytest.raises(AlignmentError, match=r"'延边市' .*did you mean '延边'"):
        match_cities(["延边市"])
    # A county that its province governs, and a row of the list that is no city.
    with pytest.raises(AlignmentError, match="仙桃市"):
        match_cities(["仙桃市"])
    with pytest.raises(AlignmentError, match="市辖区"):
        match_cities(["市辖区"])


def test_a_county_level_city_is_told_from_prefectures() -> None:
    names = (
        "昆山市 义乌市 江阴市 张家港市 常熟市 慈溪市 晋江市 胶州市 延吉市 kunshan Yiwu"
    )
    with pytest.raises(AlignmentError, match=r"prefectures .* county-level") as caught:
        match_cities([*names.split(), "Shijazhuang"])
    text = str(caught.value)
    assert text.count("is unknown") == 12
    assert text.count("did you mean") == 1
    assert "'Shijazhuang' is unknown (did you mean 'shijiazhuang'?)" in text
    with pytest.raises(AlignmentError) as caught:
        match_provinces(["Atlantis"])
    assert "county" not in str(caught.value)


def test_a_city_among_provinces_is_said_to_be_one() -> None:
    with pytest.raises(AlignmentError) as caught:
        match_provinces(["大连", "Shenzhen", 2102, "内蒙", "内"])
    text = str(caught.value)
    assert "'大连' is a city of 辽宁, not a province" in text
    assert "'Shenzhen' is a city of 广东" in text
    assert "2102 is a city of 辽宁" in text
    assert "'内蒙' is unknown (did you mean '内蒙古'?)" in text
    assert "'内' is unknown. Replace" in text
    with pytest.raises(AlignmentError, match="'辽宁省' is a province, not a city"):
        match_cities(["辽宁省", "北京"])


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_missing_names_stay_missing(missing: object) -> None:
    column = pd.Series(["北京", missing, "上海市"], index=[3, 1, 2], name="省份")
    for to in NAME_FORMS:
        actual = match_provinces(column, to=to)
        assert actual.isna().tolist() == [False, True, False]
        assert actual.index.equals(column.index)
        assert actual.name == "省份"
    assert match_provinces(column, to="code").dropna().tolist() == [110000, 310000]
    assert match_provinces(pd.Series([missing])).isna().all()


def test_former_names_and_units() -> None:
    former = ["襄樊市", "思茅", "毕节地区", "巢湖市", "莱芜", "哲里木盟"]
    assert match_cities(former).tolist() == [
        "襄阳",
        "普洱",
        "毕节",
        "巢湖",
        "莱芜",
        "通辽",
    ]


def test_regions_are_in_the_usual_order() -> None:
    provinces = pd.Series(["新疆", "河南", None, "上海"], index=list("abcd"))
    regions = match_provinces(provinces, to="region")
    assert regions.dtype.ordered
    assert regions.cat.categories.tolist() == ["east", "central", "west"]
    assert regions.sort_values().dropna().tolist() == ["east", "central", "west"]
    assert regions.isna().tolist() == [False, False, True, False]
    index = match_cities(pd.Index(["大连", "桂林"], name="city"), to="region")
    assert (index.name, list(index)) == ("city", ["east", "west"])
    array = match_provinces(np.array(["新疆", "河南"]), to="region")
    assert array.dtype == object
    data = simulate_provinces()[0].frame.reset_index()
    data["area"] = match_provinces(data["province"], to="region")
    spec = FixedEffects("prosperity", ["urban"])
    with pytest.warns(FewClustersWarning):
        groups = by_group(spec, Panel(data, "province", "year"), group="area")
    assert list(groups) == ["east", "central", "west"]


def test_regions_of_provinces_and_cities() -> None:
    table = pd.Series(match_provinces(PROVINCES.index, to="region"))
    assert table.value_counts().to_dict() == {"west": 12, "east": 11, "central": 8}
    assert match_cities(["大连", "哈尔滨", "桂林"], to="region").tolist() == [
        "east",
        "central",
        "west",
    ]


def test_the_key_of_a_panel_becomes_a_column() -> None:
    rows = {"city": ["Xi'an", "大连市"] * 2, "year": [1, 1, 2, 2], "x": [1.0, 2, 3, 4]}
    panel = Panel(pd.DataFrame(rows), "city", "year")
    made = panel.assign(
        province=lambda f: match_cities(
            f.index.get_level_values("city"), to="province"
        ),
        region=lambda f: match_provinces(f["province"].to_numpy(), to="region"),
    )
    wanted = {"Xi'an": ("陕西", "west"), "大连市": ("辽宁", "east")}
    for city, values in wanted.items():
        for year in (1, 2):
            assert tuple(made.frame.loc[(city, year), ["province", "region"]]) == values


def test_an_index_stays_an_index_and_an_array_an_array() -> None:
    index = pd.Index(["北京", None, "河北省"], name="prov")
    short = match_provinces(index)
    assert isinstance(short, pd.Index)
    assert short.name == "prov"
    codes = match_provinces(index, to="code")
    assert codes.tolist() == [110000, pd.NA, 130000]
    assert isinstance(match_cities(np.array(["大连"])), np.ndarray)
    series = pd.Series(["大连"], index=["a"], name="c")
    assert match_cities(series).index.tolist() == ["a"]


def test_types_of_columns() -> None:
    for column in (
        pd.Index(["北京"]),
        np.array(["北京"]),
        pd.Series(["北京"], dtype="category"),
        pd.Series(["北京"], dtype="string"),
        ("北京",),
    ):
        assert match_provinces(column).tolist() == ["北京"]
    assert len(match_provinces([])) == 0
    for no_column in ("北京", 11, pd.DataFrame({"a": ["北京"]})):
        with pytest.raises(InputTypeError, match="takes a column of names"):
            match_provinces(no_column)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="to='zh'"):
        match_provinces(["北京"], to="zh")  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="names='zh'"):
        province_neighbours("zh")  # type: ignore[arg-type]


@pytest.mark.parametrize("names", NAME_FORMS)
def test_borders_and_capitals_in_every_form(names: str) -> None:
    plain = province_neighbours()
    borders = province_neighbours(names)  # type: ignore[arg-type]
    assert {
        name: tuple(match_provinces(near, to="pinyin"))
        for name, near in zip(
            match_provinces([*borders], to="pinyin"), borders.values(), strict=True
        )
    } == plain
    capitals = province_capitals(names)  # type: ignore[arg-type]
    assert match_provinces(capitals.index, to="pinyin").tolist() == (
        province_capitals().index.tolist()
    )
    np.testing.assert_array_equal(capitals, province_capitals())
    assert SpatialWeights.from_neighbours(borders).n_links == 138


def test_weights_match_a_panel_with_chinese_names() -> None:
    panel, _ = simulate_provinces()
    names = panel["province_zh"].groupby("province").first()
    borders = province_neighbours("short")
    assert set(names) == set(borders)
    assert borders[names["neimenggu"]][0] == names["hebei"]


def test_codes_of_counties_lead_to_those_of_cities_and_provinces() -> None:
    """Numbers and texts; numbers of numpy are printed without their type."""
    codes = np.array([130121, 420581])
    for match, divisor, digits in (
        (datasets.match_provinces, 10_000, 2),
        (datasets.match_cities, 100, 4),
    ):
        for column in (codes, pd.Series(codes.astype(str))):
            with pytest.raises(AlignmentError, match="Codes of counties") as caught:
                match(column)
            assert f"(codes // {divisor:_}), or codes.str[:{digits}]" in str(
                caught.value
            )
            assert "int64" not in str(caught.value)
        texts = pd.Series(codes.astype(str)).str[:digits]
        assert match(codes // divisor).tolist() == match(texts).tolist()
    with pytest.raises(AlignmentError, match="no county-level cities"):
        datasets.match_cities(["130121", "昆山"])
