"""Effects and clusters: what absorb accepts, terms as codes, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from digiprosper import Panel
from digiprosper.errors import ColumnError, MissingDataError, TermError
from digiprosper.panel.access import table_of
from digiprosper.panel.codes import (
    Absorbed,
    canonical_effect,
    coded,
    effect_terms,
    read_absorbed,
)
from digiprosper.panel.terms import crossed_factors

nan = np.nan


@pytest.fixture
def panel(regions: pd.DataFrame) -> Panel:
    return Panel(regions.sample(frac=1.0, random_state=1), "city", "year")


def test_codes_of_columns_keys_and_terms(panel: Panel) -> None:
    f = panel.frame.reset_index()
    codes, levels = coded(table_of(panel), "region")
    assert levels.tolist() == ["east", "north", "west"]
    np.testing.assert_array_equal(levels.to_numpy()[codes], f["region"])
    assert coded(table_of(panel), "city")[0] is table_of(panel).keys.entity
    assert coded(table_of(panel), "year")[0] is table_of(panel).keys.time
    np.testing.assert_array_equal(coded(table_of(panel), "C(region)")[0], codes)
    np.testing.assert_array_equal(
        coded(table_of(panel), "I(x > 1.5)")[0], (f["x"] > 1.5).astype(int)
    )
    np.testing.assert_array_equal(
        coded(table_of(panel), "level")[1], ["low", "mid", "high"]
    )


def test_crossed_codes(panel: Panel) -> None:
    f = panel.frame.reset_index()
    codes, levels = coded(table_of(panel), "region^year")
    expected = f.groupby(["region", "year"]).ngroup()
    np.testing.assert_array_equal(codes, expected)
    assert levels.size == 12
    np.testing.assert_array_equal(
        coded(table_of(panel), " region ^ year ^ city")[0].max() + 1, 24
    )
    holes = panel.assign(
        region=panel.frame["region"].where(panel.frame["region"] != "east")
    )
    gaps, left = coded(table_of(holes), "region^year")
    np.testing.assert_array_equal(gaps == -1, (f["region"] == "east"))
    assert left.size == 8


@pytest.mark.parametrize(
    "text",
    [
        "region:year",
        "C(region):C(year)",
        "C(region):year",
        " region : C(year) ",
        "region^C(year)",
    ],
)
def test_a_colon_means_pairs_and_never_a_product_of_codes(
    panel: Panel, text: str
) -> None:
    table = table_of(panel)
    np.testing.assert_array_equal(coded(table, text)[0], coded(table, "region^year")[0])
    factors = crossed_factors(effect_terms(table, text, "absorb"))
    assert [factor.text for factor in factors] == ["region", "year"]


def test_integer_codes_are_not_multiplied(regions: pd.DataFrame) -> None:
    # 2 * 3 = 6 * 1, and a code of 0 makes every product 0.
    frame = regions.assign(
        a=np.tile([0, 2, 6], 8), b=np.repeat([0.0, 1.0, 3.0, nan], 6), k=True
    )
    table = table_of(Panel(frame, "city", "year"))
    pairs = frame["a"].astype(str) + "," + frame["b"].astype(str)
    assert coded(table, "a:b")[0].max() + 1 == pairs[frame["b"].notna()].nunique() == 9
    assert coded(table, "a:b:k")[0].max() + 1 == 9
    np.testing.assert_array_equal(coded(table, "a:b")[0] < 0, frame["b"].isna())


def test_many_pairs_do_not_overflow() -> None:
    rng = np.random.default_rng(1)
    n = 5000
    frame = pd.DataFrame(
        {"i": np.arange(n), "t": 1, **{f"g{j}": rng.permutation(n) for j in range(6)}}
    )
    table = table_of(Panel(frame, "i", "t"))
    assert coded(table, "^".join(f"g{j}" for j in range(6)))[0].max() + 1 == n


@pytest.mark.parametrize("role", ["codes", "clusters"])
@pytest.mark.parametrize(
    ("text", "pairs", "slopes"),
    [
        ("C(region):x", "C(region)^x", "C(region)[x]"),
        ("region:x", "region^x", "region[x]"),
        ("region:log(x)", "region^log(x)", "region[log(x)]"),
        ("I(x > 1):kind", "I(x > 1)^kind", "kind[I(x > 1)]"),
        ("`K / L`:region:kind", "`K / L`^region^kind", "region^kind[`K / L`]"),
        ("x:z", "x^z", "region[x:z]"),
    ],
)
def test_a_colon_beside_what_is_measured_is_refused_with_both_ways_out(
    panel: Panel, role: str, text: str, pairs: str, slopes: str
) -> None:
    with pytest.raises(TermError) as caught:
        panel.sample({"y": ["y"]}, **{role: [text]})
    assert f"{pairs!r} for one effect per combination" in str(caught.value)
    assert f"{slopes!r} in absorb for slopes by group" in str(caught.value)
    assert caught.value.problems[0].data["term"] == text
    assert coded(table_of(panel), pairs)[0].min() == 0


@pytest.mark.parametrize("text", ["region^year", "region:year", "C(region)^C(year)"])
def test_pairs_may_be_clusters(panel: Panel, text: str) -> None:
    sample = panel.sample({"y": ["y"]}, clusters=[text])
    np.testing.assert_array_equal(
        sample.codes[text], coded(table_of(panel), "region^year")[0]
    )
    holes = panel.assign(
        region=panel.frame["region"].where(panel.frame["region"] != "east")
    )
    with pytest.raises(MissingDataError, match=r"clusters: .* is missing in 8 rows"):
        holes.sample({"y": ["y"]}, clusters=[text])


KNOWN = ("province", "year", "region", "x", "K / L", "a[b]", "资本")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("province", ["province"]),
        ("a[b]", ["a[b]"]),
        ("province[year]", ["province", "province[[year]]"]),
        (" province [ year , x ] ", ["province", "province[[year]]", "province[[x]]"]),
        ("province[[year]]", ["province[[year]]"]),
        ("province[[year, x]]", ["province[[year]]", "province[[x]]"]),
        (
            "province[log(x), lag(x, 2)]",
            ["province", "province[[log(x)]]", "province[[lag(x,2)]]"],
        ),
        ("province[x, x]", ["province", "province[[x]]"]),
        ("region^year[x]", ["region^year", "region^year[[x]]"]),
        ("province[x:year]", ["province", "province[[x:year]]"]),
        ("province[`K / L`]", ["province", "province[[K / L]]"]),
        ("`a[b]`[year]", ["`a[b]`", "`a[b]`[[year]]"]),
        ("资本[year]", ["资本", "资本[[year]]"]),
    ],
)
def test_what_is_read(text: str, names: list[str]) -> None:
    assert [one.name for one in read_absorbed(text, KNOWN)] == names


@pytest.mark.parametrize(
    "text",
    [
        "province[year",
        "province]year[",
        "[year]",
        "[[year]]",
        "province[]",
        "province[[]]",
        "province[year,]",
        "province[,year]",
        "province[[year]",
        "province[year]]",
        "province[year][x]",
        "province[year]^region",
        "province[[year], x]",
        "province[C(region)]",
        "province[x^2]",
        "province[x**2]",
        "province[year + x]",
        "province['x']",
        "province[lag(x]",
        "province[" + "x, " * 600 + "x(]",
    ],
)
def test_what_is_refused(text: str) -> None:
    with pytest.raises(TermError, match="absorb"):
        read_absorbed(text, KNOWN)


def test_columns_that_are_missing_are_named() -> None:
    with pytest.raises(ColumnError, match="nope"):
        read_absorbed("province[nope]", KNOWN)


def test_a_text_beyond_all_bounds_is_left_to_the_reader_of_terms() -> None:
    text = "province[" + "x, " * 2000 + "x]"
    assert read_absorbed(text, KNOWN) == (Absorbed(text),)
    with pytest.raises(TermError, match="characters"):
        canonical_effect(text, KNOWN)


def test_two_spellings_of_an_effect_are_one() -> None:
    assert canonical_effect("C(region)", KNOWN) == canonical_effect("region", KNOWN)
    assert canonical_effect("region^year", KNOWN) == canonical_effect(
        "year ^ region", KNOWN
    )
    assert canonical_effect("region", KNOWN) != canonical_effect("province", KNOWN)


@pytest.mark.parametrize(
    "spelling",
    [
        "year^region",
        "region:year",
        "year:region",
        "C(region):C(year)",
        "C(year)^region",
    ],
)
def test_pairs_are_one_effect_however_they_are_spelled(spelling: str) -> None:
    assert canonical_effect(spelling, KNOWN) == canonical_effect("region^year", KNOWN)
    assert canonical_effect(f"{spelling}:province", KNOWN) == canonical_effect(
        "province^region^year", KNOWN
    )


def test_a_column_named_like_a_pair_is_another_effect() -> None:
    known = (*KNOWN, "region^year", "region:year")
    assert canonical_effect("region^year", known) != canonical_effect(
        "C(region)^C(year)", known
    )
    assert canonical_effect("`region:year`", known) != canonical_effect(
        "year:region", known
    )
