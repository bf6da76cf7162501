"""New columns: terms, values with row labels, tables with the keys; what has no labels is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from digiprosper import Panel
from digiprosper.errors import (
    AlignmentError,
    InputTypeError,
    MissingDataError,
    PanelIndexError,
    TermError,
)


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
    with pytest.raises(PanelIndexError, match="'year' is a key"):
        panel.assign(year=1)
    with pytest.raises(TermError, match="several columns"):
        panel.assign(z="C(region)")
    with pytest.raises(MissingDataError, match="'z' is infinite"):
        panel.assign(z=lambda d: d["gdp"] / 0)
    with pytest.raises(TermError, match=r"I\(gdp / digital\)"):
        panel.assign(z="gdp / digital")


@pytest.mark.parametrize(
    "dtype", ["category", "Int64", "int64[pyarrow]", "string[pyarrow]", "datetime64[ns]"]
)
def test_types_survive_assign_and_attach(dtype: str) -> None:
    values = {"category": ["b", None, "a"], "string[pyarrow]": ["b", None, "a"]}.get(dtype, [3, None, 1])
    data = pd.DataFrame({"i": [1, 1, 2], "t": [1, 2, 1], "x": pd.array(values, dtype=dtype)})
    panel = Panel(data, "i", "t")
    assert panel.assign(z=panel.frame["x"]).frame["z"].dtype == data["x"].dtype
    assert panel.attach(panel.frame["x"].rename("z")).frame["z"].dtype == data["x"].dtype


def test_attach_by_both_keys_or_one(panel: Panel) -> None:
    by_both = panel.attach(panel.frame["gdp"].iloc[1:].rename("again"))
    np.testing.assert_array_equal(by_both.frame["again"].iloc[1:], panel.frame["gdp"].iloc[1:])
    assert np.isnan(by_both.frame["again"].iloc[0])
    by_time = panel.attach(pd.Series({2010: 1.0, 2011: 2.0}, name="rate").rename_axis("year"))
    assert by_time.frame["rate"].groupby("year").first().to_dict()[2011] == 2.0
    assert np.isnan(by_time.frame["rate"].groupby("year").first().to_dict()[2013])
    by_entity = panel.attach(pd.DataFrame({"coast": {"p0": 1, "p1": 0}}).rename_axis("city"))
    assert by_entity.frame.loc["p0", "coast"].eq(1).all()
    assert by_entity.labels == panel.labels


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (lambda p: p.frame["gdp"].rename(None), "no name"),
        (lambda p: pd.Series([1.0], name="z"), "index them by 'city', 'year'"),
        (lambda p: pd.Series({"p0": 1.0, "p9": 2.0}, name="z").rename_axis("city"), "p9"),
        (
            lambda p: pd.Series([1.0, 2.0], index=pd.Index([2010, 2010], name="year"), name="z"),
            "duplicate key",
        ),
        (lambda p: p.frame["gdp"].swaplevel(), "swaplevel"),
    ],
    ids=["no name", "no key", "stranger", "repeat", "levels swapped"],
)
def test_attach_refuses_what_does_not_match(panel: Panel, data: Any, words: str) -> None:
    with pytest.raises(AlignmentError, match=words):
        panel.attach(data(panel))


@pytest.mark.parametrize("data", [None, "gdp", [1.0], {"gdp": 1.0}, np.ones(3)])
def test_attach_takes_tables_and_series(panel: Panel, data: Any) -> None:
    with pytest.raises(InputTypeError, match=r"attach takes a Series.*index\.scores"):
        panel.attach(data)


def test_attach_refuses_the_name_of_a_key(panel: Panel) -> None:
    with pytest.raises(PanelIndexError, match="'year' is a key"):
        panel.attach(panel.frame["gdp"].rename("year"))


def test_a_function_of_the_frame_may_return_an_array_of_its_length(panel: Panel) -> None:
    doubled = (panel.frame["gdp"] * 2).to_numpy()
    made = panel.assign(
        a=lambda f: f["gdp"].to_numpy() * 2,
        b=lambda f: pd.array(f["gdp"].to_numpy() * 2, dtype="Float64"),
        c=lambda f: pd.Index(f["gdp"] * 2),
    ).frame
    for name in "abc":
        np.testing.assert_array_equal(made[name].to_numpy(dtype=float), doubled)
    for odd in (lambda f: f["gdp"].to_numpy()[1:], lambda f: f[["gdp"]].to_numpy(), lambda f: f[["gdp"]]):
        with pytest.raises(AlignmentError):
            panel.assign(z=odd)
    with pytest.raises(AlignmentError):
        panel.assign(z=doubled)
    assert panel.lag("gdp", np.int64(2)).columns[-1] == "gdp_lag2"


def test_swapped_levels_are_refused_where_both_keys_have_the_same_values() -> None:
    """Every (year, id) is also an (id, year): matching them would transpose the column in silence."""
    square = Panel(pd.DataFrame({"i": [0, 0, 1, 1], "t": [0, 1, 0, 1], "x": [1.0, 2, 3, 4]}), "i", "t")
    turned = square.frame["x"].swaplevel()
    for call in (
        lambda: square.assign(z=turned),
        lambda: square.attach(turned.rename("z")),
        lambda: square.subset(turned > 2),
    ):
        with pytest.raises(AlignmentError, match="swaplevel"):
            call()
