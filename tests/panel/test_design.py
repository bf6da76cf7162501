"""Terms as columns: names, categories, and which of them share columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from formulaic import model_matrix

from digiprosper import Panel
from digiprosper.errors import (
    InputTypeError,
)

if TYPE_CHECKING:
    import pandas as pd


@pytest.fixture
def panel(regions: pd.DataFrame) -> Panel:
    return Panel(regions.sample(frac=1.0, random_state=1), "city", "year")


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
def test_categories_equal_formulaics_columns(panel: Panel, regions: pd.DataFrame, terms: list[str]) -> None:
    sample = panel.sample({"x": terms})
    expected = model_matrix(" + ".join(terms), regions).drop(columns="Intercept")
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
