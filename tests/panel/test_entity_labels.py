"""Which entities are totals, or groups, of others."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp


def notices(rows: pd.DataFrame) -> dict[str, dp.errors.Notice]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        return {n.code: n for n in dp.Panel(rows, "province", "year").diagnostics}


def labelled(labels: list[object]) -> pd.DataFrame:
    """Two years of entities with these labels."""
    return pd.DataFrame(
        {"province": labels * 2, "year": np.repeat([0, 1], len(labels))}
    )


CODES = ["ABW", "DEU", "FRA", "GHA", "IND", "JPN", "KEN", "PER", "SWE", "USA"]
NAMES = [
    "Aruba",
    "Côte d'Ivoire",
    "Germany",
    "Ghana",
    "India",
    "Japan",
    "Kenya",
    "Peru",
]


COUNTIES = [
    f"{state}{county:03}" for state in ("01", "04") for county in range(1, 40, 2)
]
NUTS = ["BE10", "DE11", "DE12", "DEA1", "FR10", "FRK1", "FRK2", "LU00", "UKC1"]


@pytest.mark.parametrize(
    ("others", "inside"),
    [
        (CODES, ["EMU", "HIC", "SSF", "WLD"]),
        (["US", "DE", "FR", "SE"], ["EA20", "EU27_2020"]),
        (CODES, ["EU27_2020", "OECD"]),
        (NAMES, ["Euro area", "High income", "Sub-Saharan Africa", "World"]),
        (["北京", "天津", "河北"], ["全国"]),
        (["北京", "天津", "河北"], ["全  国"]),
        (["北京", "天津", "河北", "上海"], ["东部地区", "全国总计"]),
        (["北京", "天津", "河北", "上海"], ["东部", "全国平均"]),
        (["辽宁省", "浙江", "福州"], ["大连市", "宁波"]),
        (["Fujian", "Shandong"], ["Xiamen"]),
        (["新疆", "西藏"], ["兵团"]),
        (["农行北京分行", "农行天津分行", "总行营业部"], ["农行总行", "银行合计"]),
        (["南京市本级", "江宁区", "江阴市"], ["集团、总公司本级"]),
        (NUTS, ["EA20"]),
        (["DE1", "DE2", *NUTS[4:]], ["EU28", "FR", "LU0"]),
        (NUTS, ["EU27_2020", "FR", "FR1", "FRK", "LU", "LU0", "UK", "UKC"]),
        ([code + "1" for code in NUTS], ["EU28", "FR", "FR1", "FR10", "LU00"]),
        # Divisions of China and counties of the US, as text and as numbers
        (["110000", "130100", "130200", "140100"], ["130000", "140000"]),
        ([1100, 1301, 1302, 1401, 1402, 1403], [1300, 1400]),
        ([110101, 110102, 130102, 130203, 140105], [110000, 130100]),
        (COUNTIES, ["00000", "01000", "04000"]),
        ([int(code) for code in COUNTIES], [0, 1000, 4000]),
        ([float(code) for code in COUNTIES], [1000.0]),
    ],
)
def test_totals_among_the_entities_are_reported(others, inside) -> None:
    rows = labelled([*others, *inside])
    (notice,) = notices(rows).values()
    assert notice.code == "totals"
    assert notice.data == {"entity": "province", "labels": tuple(inside)}
    # The statement in the message leaves the others.
    cure = notice.message.split("Drop them: ")[1].removesuffix(".")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        panel = dp.Panel(rows, "province", "year")
    kept = eval(cure, {"df": rows, "panel": panel})
    kept = kept.frame.reset_index() if isinstance(kept, dp.Panel) else kept
    assert sorted(set(kept["province"])) == sorted(others)
    assert not notices(kept)


@pytest.mark.parametrize(
    "labels",
    [
        ["东部地区", "中部地区", "西部地区"],
        ["大连", "宁波", "沈阳", "辽宁分行", "浙江（不含宁波）"],
        # Shares, of which few have the code of a country
        ["IDA", "SST", "USA", *(f"{a}{b}X" for a in "ABCDE" for b in "FGHI")],
        # One of a few powers, and not the sum of others
        ["USA", "CHN", "JPN", "EU"],
        ["BRA", "CAN", "CHN", "EU", "EU27", "IND", "JPN", "USA"],
        # Countries, and continents without them
        ["Argentina", "Brazil", "Canada", "China", "India", "Japan", "Africa"],
        # Languages
        [
            "arb",
            "ceb",
            "deu",
            "est",
            "fin",
            "fra",
            "hrv",
            "hun",
            "isl",
            "jpn",
            "kor",
            "nld",
            "pol",
            "rus",
            "tur",
        ],
        # Groups alone, or regions
        ["WLD", "HIC", "LIC", "MIC", "DEU", "FRA", "GHA"],
        ["Africa", "Asia", "Europe", "North America", "World"],
        ["Total", "Shell", "Exxon", "Eni"],
        # Regions of one level, countries of three letters, states and names
        NUTS,
        ["DE1", "DE2", "FR1", "FR2", "LU0"],
        ["BEL", "BGR", "DEU", "ESP", "FIN", "FRA", "GRC", "HRV", "HUN", "ITA"],
        ["AL", "ALB", "DE", "ME", "MEX", "MEXT", "OH", "TX"],
        ["BE", "BEIJING", "BEIJING1", "Niger", "Nigeria"],
        # Cities, of which four are provinces, counties, industries, firms
        [110000, 120000, 130100, 130200, 310000, 500000],
        COUNTIES,
        [1000, 1040, 1311, 2000, 2011, 2013, 2015],
        [*range(900, 1100)],
        # Firms that are numbered in turn
        [*range(1101, 1250)],
        [*range(310050, 310300)],
        [600000, 600001, 600003, 300001, 300003],
    ],
)
def test_codes_of_shares_and_regions_are_no_totals(labels: list[object]) -> None:
    assert not notices(labelled(labels))


@pytest.mark.parametrize("of_pair", [str, hash])
def test_totals_among_the_ends_of_pairs_are_reported(of_pair) -> None:
    ends = pd.MultiIndex.from_product([[*CODES, "WORLD"], CODES], names=["from", "to"])
    pairs = ends.to_frame(index=False)
    pairs["province"] = (pairs["from"] + pairs["to"]).map(of_pair)
    rows = pairs.merge(pd.DataFrame({"year": range(3)}), "cross").assign(x=1.5)
    (notice,) = notices(rows).values()
    assert notice.data == {"entity": "from", "labels": ("WORLD",)}
    # A region of one country, and places of firms that do not overlap
    assert not notices(rows[rows["from"] != "WORLD"])
    assert not notices(rows.assign(to=rows["to"].str.lower() + "x"))


@pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
def test_columns_of_names_and_of_mixed_categories_are_no_ends_of_pairs() -> None:
    rows = labelled([*CODES, "WLD"]).assign(name=lambda f: f["province"].str.lower())
    (notice,) = dp.Panel(
        rows.assign(label=rows["name"], short=rows["name"]), "province", "year"
    ).diagnostics
    assert notice.data["entity"] == "province"
    mixed = pd.Categorical([*CODES[:5], 1, 2.5, *CODES[:4]] * 2)
    turned = pd.Categorical([*mixed[1:], mixed[0]])
    assert len(dp.Panel(rows.assign(a=mixed, b=turned), "province", "year").diagnostics)
