"""Notices about spatial weights."""

from __future__ import annotations

import warnings
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper.errors import MissingDataError, SpatialWeightsWarning
from digiprosper.spatial import notices

if TYPE_CHECKING:
    from digiprosper.errors import Notice


def about(
    left_out: tuple[str, ...] = (),
    islands: tuple[str, ...] = (),
    n_links: int = 4,
    n_mutual: int = 4,
    made_from: str | None = None,
    longest: tuple[float, ...] = (),
) -> list[Notice]:
    links = pd.Series(longest, [f"r{i}" for i in range(len(longest))], dtype=float)
    weights = SimpleNamespace(
        name="W",
        left_out=left_out,
        islands=islands,
        n_links=n_links,
        pattern=SimpleNamespace(n_mutual=n_mutual),
        made_from=made_from,
        _longest_links=links,
    )
    return list(notices.about_weights(weights))


def test_nothing_is_reported_where_nothing_is_unusual() -> None:
    assert about() == []
    assert about(n_links=1, n_mutual=0) == []
    # Remote cities of a continent; firms in a city and one in a village
    assert about(longest=(150, 200, 250, 1_500)) == []
    assert about(longest=(1, 2, 3, 90)) == []
    assert list(notices.missing_neighbours("W", "x", 0, ())) == []


def test_codes_and_data() -> None:
    (notice,) = about(islands=("a",))
    assert (notice.code, notice.data) == (
        "islands",
        {"entities": ("a",), "weights": "W"},
    )
    (notice,) = about(left_out=("a", "b"))
    assert (notice.code, notice.data["entities"]) == ("unused_entities", ("a", "b"))
    (notice,) = about(n_mutual=0)
    assert (notice.code, notice.data["n_links"]) == ("one_direction", 4)
    (notice,) = notices.missing_neighbours("W", "x", 2, (("a", 1), ("a", 2)))
    assert (notice.code, notice.data["count"]) == ("missing_neighbours", 2)
    (notice,) = about(longest=(100, 120, 140, 7_467))
    assert notice.code == "far_neighbours"
    assert notice.data["entities"] == ("r3",)
    assert notice.data["longest"] == 7_467
    assert notice.data["median"] == 130
    (notice,) = about(made_from="gdp")
    assert (notice.code, notice.data) == (
        "made_from_variable",
        {"variable": "gdp", "weights": "W"},
    )
    codes = [n.code for n in about(("a",), ("b",), 3, 0, "gdp", (9, 9, 9, 4_000))]
    assert codes == [
        "unused_entities",
        "islands",
        "one_direction",
        "far_neighbours",
        "made_from_variable",
    ]


def test_a_coefficient_near_an_end() -> None:
    assert not list(notices.near_end({"rho": 0.9}, (-1.0, 1.0), "W"))
    (notice,) = notices.near_end({"rho": 0.97}, (-1.0, 1.0), "W")
    assert notice.code == "near_end"
    assert notice.data == {
        "coefficient": "rho",
        "value": 0.97,
        "interval": (-1.0, 1.0),
        "weights": "W",
    }


def biased(
    name: str, bias: float, deviation: float = 0.04, likelihood: str = "unadjusted"
):
    return notices.biased_coefficient(
        name, bias, 0.04, deviation, model="sdm", n_entities=31, likelihood=likelihood
    )


def test_a_bias_of_time_effects() -> None:
    assert not list(biased("rho", -0.01))
    (notice,) = biased("rho", -0.03)
    assert notice.code == "time_effects_bias"
    assert notice.data["bias"] == -0.03
    # The coverage of an interval whose middle is three quarters of a standard error
    # away.
    assert notice.data["coverage"] == pytest.approx(0.8835, abs=1e-4)
    (notice,) = biased("lambda", -0.05)
    assert notice.code == "large_time_effects_bias"
    assert notice.data["coverage"] == pytest.approx(0.7605, abs=1e-4)
    # Of an estimate that varies by half as much again as its standard error.
    (notice,) = biased("rho", -0.05, 0.06)
    assert notice.data["coverage"] == pytest.approx(0.6658, abs=1e-4)
    (never,) = biased("rho", -1.0)
    assert "less than 5% of samples" in never.message
    assert never.message.endswith("Use likelihood='adjusted'.")
    (corrected,) = biased("rho", -0.05, likelihood="lee_yu")
    assert "lee_yu' leaves about -0.050 (1.2 standard errors)" in corrected.message


def test_common_shocks() -> None:
    rho = {"rho": (0.54, -0.1)}
    assert not list(notices.common_shocks("year", 25.0, 9, 0.001, rho))
    (notice,) = notices.common_shocks("year", 190.0, 9, 0.00004, rho)
    assert notice.data == {
        "times": "year",
        "statistic": 190.0,
        "df": 9,
        "p_value": 0.00004,
        "coefficients": rho,
    }
    assert "chi2(9) = 190, p < 0.0001" in notice.message
    assert "with them rho is -0.1, not 0.54." in notice.message
    (plain,) = notices.common_shocks("year", 190.0, 9, 0.00004, {})
    assert "look like spillovers. Use" in plain.message


def test_entity_effects_in_short_panels() -> None:
    (three,) = notices.entity_effects_errors(3)
    assert three.data["coverage"] == pytest.approx(0.8905, abs=1e-4)
    assert "likelihood='adjusted'" in three.message
    assert list(notices.entity_effects_errors(5))
    assert not list(notices.entity_effects_errors(6))


def spatial_frame(
    labels: list[str], seed: int, rho: float
) -> tuple[pd.DataFrame, np.ndarray]:
    """Return a table and borders, both in the order of the labels of provinces."""
    rng, n = np.random.default_rng(seed), len(labels)
    borders = dp.SpatialWeights.from_neighbours(
        dp.datasets.province_neighbours("short"), standardise="none"
    ).aligned_to(labels)
    lag = borders.dense / borders.dense.sum(axis=1, keepdims=True)
    x = rng.normal(size=(n, 10))
    levels = rng.normal(0, 2, (n, 1)) + rng.normal(size=(n, 10)) + x
    y = np.linalg.solve(np.eye(n) - rho * lag, levels)
    columns = {"x": x.ravel(), "y": y.ravel(), "year": np.tile(range(10), n)}
    return pd.DataFrame(columns).assign(province=np.repeat(labels, 10)), borders.dense


def order_notices(panel: dp.Panel, weights: dp.SpatialWeights) -> list[Notice]:
    fit = dp.PanelSpatial("y", ["x"], weights).fit(panel)
    return [n for n in fit.diagnostics if n.code == "other_order"]


@pytest.mark.filterwarnings("ignore:.*may belong to other rows")
def test_rows_in_the_order_of_the_table_with_sorted_labels() -> None:
    by_code = [*dp.datasets.province_capitals("short").index]
    frame, borders = spatial_frame(by_code, 1, 0.6)
    panel = dp.Panel(frame, "province", "year")
    wrong = dp.SpatialWeights(borders, panel.entities)
    (notice,) = order_notices(panel.subset("year > 0"), wrong)
    assert notice.data["entities"] == tuple(by_code)
    assert notice.data["here"] < 0.1 < 0.3 < notice.data["there"]
    assert "the table ('北京', '天津', '河北', ...)" in notice.message
    with pytest.warns(SpatialWeightsWarning, match="to other rows"):
        dp.moran(panel, "y", wrong, permutations=0)
    right = dp.SpatialWeights(borders, frame["province"].unique())
    assert not order_notices(panel, right)
    # A sorted table has one order only.
    assert not order_notices(dp.Panel(panel.frame), wrong)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("rho", [0.0, 0.5])
def test_weights_with_their_own_labels_are_not_reported(seed, rho) -> None:
    names = sorted(dp.datasets.province_neighbours("short"))
    frame, borders = spatial_frame(names, seed, rho)
    # Tables of cities are often sorted by size.
    order = frame.groupby("province")["y"].mean().sort_values().index
    panel = dp.Panel(frame.set_index("province").loc[order], "province", "year")
    assert not order_notices(panel, dp.SpatialWeights(borders, names))


def test_neighbours_that_balance_left_out() -> None:
    """Counties in a row; some lack one of eight years, and balance() drops them."""
    rng = np.random.default_rng(3)
    keys = {"i": np.repeat(np.arange(40), 8), "t": np.tile(np.arange(8), 40)}
    frame = pd.DataFrame(keys | dict(zip("xy", rng.normal(size=(2, 320)), strict=True)))
    panel = dp.Panel(frame[~((frame.i % 4 == 1) & (frame.t == frame.i % 7))], "i", "t")

    tables = []

    def fit(panel: dp.Panel, labels: Any = None) -> dict[str, Any]:
        labels = panel.entities if labels is None else labels
        places = pd.DataFrame(
            {"lat": 30.0, "lon": 100 + 0.1 * np.asarray(labels)}, labels
        )
        weights = dp.SpatialWeights.k_nearest(places, 2)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fitted = dp.PanelSpatial("y", ["x"], weights).fit(panel)
        tables.append(" ".join(str(dp.etable(fitted)).split()))
        return {notice.code: notice for notice in fitted.diagnostics}

    with pytest.raises(MissingDataError, match="keeps 30 of 40 i"):
        fit(panel)
    balanced = panel.balance()
    notice = fit(balanced)["dropped_neighbours"]
    assert notice.data["in_panel"] == 30
    assert "Only the 30 entities without missing rows are in the model" in tables[-1]
    assert notice.data["entities"] == tuple(range(1, 40, 4))
    # Weights with these entities have the notice of entities that are not used.
    unused = fit(balanced, range(40))
    assert "unused_entities" in unused
    assert "dropped_neighbours" not in unused
    # A panel that is whole, or is balanced by periods, has all neighbours.
    whole = dp.Panel(frame, "i", "t")
    assert "dropped_neighbours" not in fit(whole.balance()) | fit(
        whole.subset("t > 1").balance("times")
    )
