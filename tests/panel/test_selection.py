"""From terms to one matrix: names, categories, codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from digiprosper import Panel
from digiprosper.errors import ColumnError, InputTypeError, MissingDataError, OptionError, TermError
from digiprosper.panel.access import table_of
from digiprosper.panel.selection import coefficient_column

if TYPE_CHECKING:
    import pandas as pd

nan = np.nan


@pytest.fixture
def panel(regions: pd.DataFrame) -> Panel:
    return Panel(regions.sample(frac=1.0, random_state=1), "city", "year")


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


@pytest.mark.many(1)
@pytest.mark.parametrize("seed", range(3))
def test_a_sample_never_holds_a_missing_value_whatever_the_term(regions: pd.DataFrame, seed: int) -> None:
    rng = np.random.default_rng(seed)
    frame = regions.assign(nullable=rng.normal(size=24))
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


def test_a_column_named_as_a_factor_keeps_its_own_gaps(regions: pd.DataFrame) -> None:
    frame = regions.assign(**{"log(x)": 1.0})
    frame.loc[[2, 3], "log(x)"] = nan
    frame.loc[5, "x"] = nan
    sample = Panel(frame, "city", "year").sample({"y": ["log(x)"], "x": ["C(region):log(x)", "x"]})
    assert sample.nobs == 21
    assert np.isfinite(sample.matrix).all()


def test_a_role_may_be_one_term(panel: Panel) -> None:
    assert panel.sample({"y": "y"}).names_of("y") == ("y",)


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
    with pytest.raises(MissingDataError, match=r"missing values in x \(\d+\), lag\(y\) \(6\).*interpolate"):
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
        np.testing.assert_allclose(
            coefficient_column(table_of(panel), sample.factors[name], sample.categories)[rows], column
        )
