"""New names: columns, keys, labels of columns and of terms, and the log of imputations follow."""

from __future__ import annotations

import warnings
from typing import Any

import pandas as pd
import pytest

from digiprosper import FixedEffects, Panel, etable
from digiprosper.errors import ColumnError, DigiprosperError, InputTypeError, MissingDataWarning


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
    assert other.lag("gdp")["gdp_lag1"].isna().tolist() == panel.lag("gdp")["gdp_lag1"].isna().tolist()
    assert other.subset("wave >= 2012").nobs == panel.subset("year >= 2012").nobs
    alone = Panel(pd.DataFrame({"i": [1, 2], "x": [1, 2]}), "i").rename(i="j")
    assert (alone.entity_name, alone.time_name) == ("j", None)


@pytest.mark.parametrize(
    ("term", "names", "expected"),
    [
        ("log(gdp)", {"gdp": "output"}, "log(output)"),
        ("log(gdp)", {"gdp": "GDP 2"}, "log(`GDP 2`)"),
        ("log(`K / L`)", {"K / L": "depth"}, "log(depth)"),
        ("gdp:lag(digital, 2)", {"gdp": "digital", "digital": "gdp"}, "digital:lag(gdp, 2)"),
        ("I(gdp**2)", {"digital": "x"}, "I(gdp**2)"),
        ("C(region):资本", {"资本": "capital", "region": "lambda"}, "C(`lambda`):capital"),
        ("log1p(gdp)", {"gdp": "log"}, "log1p(log)"),
        ("C(region, ref='gdp')", {"region": "ref", "gdp": "x"}, "C(ref, ref='gdp')"),
        ("treated(gdp)", {"gdp": "first"}, "treated(first)"),
    ],
)
def test_labels_of_terms(panel: Panel, term: str, names: dict[str, str], expected: str) -> None:
    other = panel.relabel(**{term: "label"}).rename(**names)
    assert other.labels[expected] == "label"
    assert other.relabel(**other.labels).labels == other.labels


def test_a_column_named_as_an_argument_leaves_the_argument(panel: Panel) -> None:
    terms = {"C(region, ref='east')": "Region", "lag(gdp, k=2)": "Lag", "I(ref == k)": "Same"}
    other = panel.assign(ref=1.0, k=2.0).relabel(**terms).rename(ref="z", k="w")
    assert list(other.labels)[1:] == ["C(region, ref='east')", "lag(gdp, k=2)", "I(z == w)"]


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
        ({"gdp": "digital"}, ColumnError, "name of two columns"),
        ({"gdp": "x", "digital": "x"}, ColumnError, "name of two columns"),
        ({"gdp": "year"}, ColumnError, "name of two columns"),
        ({"city": "year"}, ColumnError, "name of two columns"),
        ({"gdp": ""}, ColumnError, "is empty"),
        ({"gdp": "a\nb"}, ColumnError, "line breaks"),
        ({"gdp": 5}, InputTypeError, "not text"),
        ({"gdp": None}, InputTypeError, "not text"),
    ],
)
def test_refusals(panel: Panel, names: dict[str, Any], kind: type[DigiprosperError], words: str) -> None:
    with pytest.raises(kind, match=words):
        panel.rename(**names)
