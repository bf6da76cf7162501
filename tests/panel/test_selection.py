"""From terms to one matrix: names, categories, codes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from formulaic import model_matrix

from digiprosper import Panel
from digiprosper.errors import ColumnError, InputTypeError, MissingDataError, OptionError, TermError
from digiprosper.panel.selection import coded, coefficient_column

nan = np.nan


def data() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    n = 24
    return pd.DataFrame(
        {
            "city": np.repeat(list("ABCDEF"), 4),
            "year": np.tile([2010, 2011, 2012, 2013], 6),
            "y": rng.normal(size=n),
            "x": rng.uniform(1, 2, size=n),
            "z": rng.normal(size=n),
            "region": np.repeat(["west", "east", "north"], 8),
            "kind": np.tile([3, 1, 2], 8),
            "level": pd.Categorical(
                np.tile(["low", "mid", "high"], 8), categories=["low", "mid", "unused", "high"]
            ),
            "flag": np.tile([True, False], 12),
            "K / L": rng.normal(size=n),
        }
    )


@pytest.fixture
def panel() -> Panel:
    return Panel(data().sample(frac=1.0, random_state=1), "city", "year")


@pytest.mark.parametrize(
    "terms",
    [
        ["x"],
        ["C(region)"],
        ["C(kind)"],
        ["C(level)"],
        ["C(flag)"],
        ["C(year)"],
        ["C(region)", "C(kind)"],
        ["C(region)", "x"],
        ["x", "C(region):x"],
        ["C(region):x"],
        ["x:C(region)"],
        ["x", "x:C(region)"],
        ["C(region)", "C(region):x"],
        ["C(region)", "x", "C(region):x"],
        ["x", "z", "x:z", "C(level):x:z"],
        ["C(level):log(x)"],
        ["log(x)", "C(level):log(x)"],
    ],
    ids=" + ".join,
)
def test_categories_equal_formulaics_columns(panel: Panel, terms: list[str]) -> None:
    sample = panel.sample({"x": terms})
    expected = model_matrix(" + ".join(terms), data()).drop(columns="Intercept")
    expected = expected.loc[:, [c for c in expected if "unused" not in c]]
    assert set(sample.names_of("x")) == set(expected.columns)
    np.testing.assert_allclose(
        sample.columns("x"), expected[list(sample.names_of("x"))].to_numpy(dtype=float)
    )


@pytest.mark.parametrize("name", ["K / L", "`K / L`"])
def test_a_product_with_an_odd_name_knows_its_main_term(panel: Panel, name: str) -> None:
    names = panel.sample({"x": [name, "C(region):`K / L`"]}).names
    assert names == ("K / L", "C(region)[T.north]:`K / L`", "C(region)[T.west]:`K / L`")


def test_levels_outside_of_the_sample_vanish(panel: Panel) -> None:
    holes = panel.assign(x=panel.frame["x"].where(panel.frame["region"] != "east"))
    assert holes.sample({"x": ["x", "C(region)"]}).names == ("x", "C(region)[T.west]")
    some = panel.assign(x=panel.frame["x"].where(panel.frame["region"] != "north"))
    assert some.sample({"x": ["x", "C(region)"]}).names == ("x", "C(region)[T.west]")
    with pytest.raises(InputTypeError, match=r"C\(region\) has fewer than two"):
        panel.subset("region == 'east'").sample({"x": ["C(region)"]})


def test_a_missing_category_drops_the_row(panel: Panel) -> None:
    holes = panel.assign(region=panel.frame["region"].where(panel.frame["x"] > 1.2))
    sample = holes.sample({"y": ["y"], "x": ["C(region)"]})
    assert sample.nobs == int((panel.frame["x"] > 1.2).sum())
    assert sample.dropped[0].by_term == {"region": 24 - sample.nobs}


PIECES = (
    "x",
    "z",
    "K / L",
    "log(x)",
    "I(x**0)",
    "I(2**z)",
    "I(z > 0)",
    "I(region == 'east')",
    "lag(x)",
    "lead(z, 2)",
    "diff(`K / L`)",
    "C(region)",
    "C(level)",
    "C(flag)",
    "flag",
    "nullable",
)
JOINED = [*PIECES, *(f"{a}:{b}" for a in PIECES for b in PIECES if a != b and "K / L" not in (a, b))]


@pytest.mark.parametrize("seed", range(3))
def test_a_sample_never_holds_a_missing_value_whatever_the_term(seed: int) -> None:
    rng = np.random.default_rng(seed)
    frame = data().assign(nullable=rng.normal(size=24))
    for name in ("x", "z", "region", "level", "flag", "K / L", "nullable"):
        frame[name] = frame[name].mask(rng.random(24) < 0.12)
    frame["flag"] = frame["flag"].astype("boolean")
    frame["nullable"] = frame["nullable"].astype("Float64")
    panel = Panel(frame, "city", "year")
    for term in JOINED:
        sample = panel.sample({"x": [term]})
        assert np.isfinite(sample.matrix).all(), term
        if sample.nobs < panel.nobs:
            assert sum(sample.dropped[0].by_term.values()) >= sample.dropped[0].count, term
            with pytest.raises(MissingDataError):
                panel.sample({"x": [term]}, missing="raise")


def test_slopes_by_group_lose_the_rows_where_the_regressor_is_missing(panel: Panel) -> None:
    gap = panel.frame["x"].copy()
    gap.iloc[[1, 7]] = nan
    some = panel.assign(x=gap)
    sample = some.sample({"y": ["y"], "x": ["C(region):x"]})
    assert sample.dropped[0].by_term == {"x": 2}
    np.testing.assert_array_equal(sample.columns("x").sum(axis=1), gap.dropna().to_numpy())
    lagged = some.sample({"y": ["y"], "x": ["C(region):lag(x)"]})
    assert lagged.dropped[0].by_term == {"lag(x)": 7}


def test_a_column_named_as_a_factor_keeps_its_own_gaps() -> None:
    frame = data().assign(**{"log(x)": 1.0})
    frame.loc[[2, 3], "log(x)"] = nan
    frame.loc[5, "x"] = nan
    sample = Panel(frame, "city", "year").sample({"y": ["log(x)"], "x": ["C(region):log(x)", "x"]})
    assert sample.nobs == 21
    assert np.isfinite(sample.matrix).all()


def test_rival_equations_code_a_category_each_for_itself(panel: Panel) -> None:
    sample = panel.sample({"y": ["y"], "(1)": ["z", "C(region):x"], "(2)": ["z", "C(region):x", "x"]})
    assert sample.names_of("(1)") == (
        "z",
        "C(region)[east]:x",
        "C(region)[north]:x",
        "C(region)[west]:x",
    )
    assert sample.names_of("(2)") == ("z", "C(region)[T.north]:x", "C(region)[T.west]:x", "x")


def test_parts_of_one_equation_are_read_together_and_weights_are_no_part(panel: Panel) -> None:
    together = panel.sample({"treatment": ["x"], "x": ["C(region):x"]})
    assert together.names_of("x") == ("C(region)[T.north]:x", "C(region)[T.west]:x")
    weighted = panel.sample({"y": ["y"], "x": ["C(region):x"], "obs_weights": ["x"]})
    assert len(weighted.names_of("x")) == 3
    assert len(panel.sample({"y": ["x"], "x": ["C(region):x"]}).names_of("x")) == 3


def test_a_term_is_evaluated_once_however_it_is_spaced(panel: Panel) -> None:
    sample = panel.sample({"a": ["I(x ** 2)", "x"], "b": ["x", "I(x**2)", "`x`"]})
    assert sample.names == ("I(x ** 2)", "x")
    assert sample.roles == {"a": (0, 1), "b": (1, 0, 1)}


def test_a_role_may_be_one_term(panel: Panel) -> None:
    assert panel.sample({"y": "y"}).names_of("y") == ("y",)


def test_codes_of_columns_keys_and_terms(panel: Panel) -> None:
    f = panel.frame.reset_index()
    codes, levels = coded(panel, "region")
    assert levels.tolist() == ["east", "north", "west"]
    np.testing.assert_array_equal(levels.to_numpy()[codes], f["region"])
    assert coded(panel, "city")[0] is panel.keys.entity
    assert coded(panel, "year")[0] is panel.keys.time
    np.testing.assert_array_equal(coded(panel, "C(region)")[0], codes)
    np.testing.assert_array_equal(coded(panel, "I(x > 1.5)")[0], (f["x"] > 1.5).astype(int))
    np.testing.assert_array_equal(coded(panel, "level")[1], ["low", "mid", "high"])


def test_crossed_codes(panel: Panel) -> None:
    f = panel.frame.reset_index()
    codes, levels = coded(panel, "region^year")
    expected = f.groupby(["region", "year"]).ngroup()
    np.testing.assert_array_equal(codes, expected)
    assert levels.size == 12
    np.testing.assert_array_equal(coded(panel, " region ^ year ^ city")[0].max() + 1, 24)
    holes = panel.assign(region=panel.frame["region"].where(panel.frame["region"] != "east"))
    gaps, left = coded(holes, "region^year")
    np.testing.assert_array_equal(gaps == -1, (f["region"] == "east"))
    assert left.size == 8


def test_crossing_is_for_absorbed_effects_only(panel: Panel) -> None:
    with pytest.raises(TermError, match=r"clusters: 'region\^year'.*assign"):
        panel.sample({"y": ["y"]}, clusters=["region^year"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("C(region):x", "to the regressors"),
        ("C(kind):year", "to the regressors"),
        ("C(region):C(kind)", "region^kind"),
        ("region:x", "'C(region):x' to the regressors"),
        ("region:C(kind)", "region^kind"),
    ],
)
def test_slopes_by_group_are_no_effect(panel: Panel, text: str, words: str) -> None:
    with pytest.raises(TermError, match="absorb") as caught:
        panel.sample({"y": ["y"]}, codes=[text])
    assert words in str(caught.value)


def test_a_missing_cluster_is_an_error_where_the_row_would_stay(panel: Panel) -> None:
    holes = panel.assign(region=panel.frame["region"].where(panel.frame["x"] > 1.2))
    with pytest.raises(
        MissingDataError, match=r"clusters: 'region' is missing in \d+ rows \(first: \(B, 2010\)"
    ):
        holes.sample({"y": ["y"]}, clusters=["region"])
    both = holes.assign(y=holes.frame["y"].where(panel.frame["x"] > 1.2))
    assert both.sample({"y": ["y"]}, clusters=["region"]).codes["region"].min() == 0
    sample = holes.sample({"y": ["y"]}, codes=["region"])
    assert sample.dropped[0].by_term == {"region": 24 - sample.nobs}


@pytest.mark.parametrize(
    ("roles", "codes", "kind", "words"),
    [
        ({"y": ["gpd"]}, (), ColumnError, "'gpd'"),
        ({"y": ["x**2"]}, (), TermError, r"I\(x\*\*2\)"),
        ({"y": ["region"]}, (), InputTypeError, r"C\(region\)"),
        ({"y": ["y"]}, ("state",), ColumnError, "'state'"),
        ({"y": ["y"]}, ("region^yeer",), ColumnError, "'yeer'"),
    ],
)
def test_refusals(panel: Panel, roles: Any, codes: Any, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        panel.sample(roles, codes=codes)


def test_missing_values_may_be_an_error(panel: Panel) -> None:
    holes = panel.assign(x=panel.frame["x"].where(panel.frame["x"] > 1.2))
    with pytest.raises(MissingDataError, match=r"missing values in x \(\d+\), lag\(y\) \(6\)"):
        holes.assign(x=lambda d: d["x"].where(d.index.get_level_values("year") > 2011)).sample(
            {"y": ["y"], "x": ["x", "lag(y)"]}, missing="raise"
        )
    with pytest.raises(OptionError, match="'drop', 'raise'"):
        panel.sample({"y": ["y"]}, missing="ignore")


def test_a_coefficients_column_can_be_rebuilt(panel: Panel) -> None:
    terms = ["x", "I(x**2)", "C(region)", "C(kind):z", "lag(x)", "K / L", "x:z"]
    sample = panel.sample({"x": terms})
    rows = panel.frame.index.isin(sample.index)
    for name, column in zip(sample.names, sample.matrix.T, strict=True):
        np.testing.assert_allclose(coefficient_column(panel, name, sample.categories)[rows], column)
