"""Moran's I, Geary's C and local Moran of a panel's column."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper import (
    AlignmentError,
    ColumnError,
    IdentificationError,
    InputTypeError,
    MissingDataError,
    OptionError,
    Panel,
    PanelIndexError,
    SpatialWeights,
    SpatialWeightsWarning,
    TermError,
    geary,
    local_moran,
    moran,
)
from digiprosper.spatial.moran import read_field

if TYPE_CHECKING:
    from collections.abc import Callable

REFERENCE = json.loads(
    (Path(__file__).parents[1] / "reference" / "moran.json").read_text(encoding="utf-8")
)
STATES = dp.datasets.us_states()
BORDERS = SpatialWeights.from_neighbours(dp.datasets.us_neighbours(), name="borders")
FUNCTIONS = {"moran": moran, "geary": geary, "local_moran": local_moran}


@pytest.mark.parametrize("case", REFERENCE["cases"], ids=lambda case: case["year"])
def test_numbers_of_spdep(case) -> None:
    near, z = REFERENCE["tolerance"]["statistic"], REFERENCE["tolerance"]["z"]
    actual = moran(STATES, "log(gsp)", BORDERS, permutations=0).loc[case["year"]]
    assert actual["statistic"] == pytest.approx(case["moran"], abs=near)
    assert actual["z_randomisation"] == pytest.approx(case["z_randomisation"], abs=z)
    assert actual["z_normality"] == pytest.approx(case["z_normality"], abs=z)
    other = geary(STATES, "log(gsp)", BORDERS, permutations=0).loc[case["year"]]
    assert other["statistic"] == pytest.approx(case["geary"], abs=near)


# --- invariances ----------------------------------------------------------------------


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_order_of_rows_and_of_weights_changes_nothing(name) -> None:
    actual = FUNCTIONS[name](STATES, "unemp", BORDERS, permutations=99, rng=5)
    rows = STATES.frame.reset_index().sample(frac=1, random_state=1)
    shuffled = BORDERS.aligned_to(
        np.random.default_rng(1).permutation(BORDERS.entities)
    )
    again = FUNCTIONS[name](
        Panel(rows, "state", "year"), "unemp", shuffled, permutations=99, rng=5
    )
    pd.testing.assert_frame_equal(actual, again, rtol=1e-10)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_units_and_origin_of_the_column_and_scale_of_weights_change_nothing(
    name,
) -> None:
    actual = FUNCTIONS[name](STATES, "unemp", BORDERS, permutations=99, rng=5)
    changed = FUNCTIONS[name](
        STATES, "I(1000 * unemp + 7)", BORDERS, permutations=99, rng=5
    )
    pd.testing.assert_frame_equal(actual, changed, rtol=1e-8)
    if name != "local_moran":
        doubled = SpatialWeights(
            2 * BORDERS.dense, BORDERS.entities, standardise="none"
        )
        changed = FUNCTIONS[name](STATES, "unemp", doubled, permutations=99, rng=5)
        pd.testing.assert_frame_equal(actual, changed, rtol=1e-10)


@pytest.mark.parametrize("name", ["moran", "geary"])
def test_a_period_is_computed_by_itself(name) -> None:
    every = FUNCTIONS[name](STATES, "unemp", BORDERS, permutations=0)
    one = FUNCTIONS[name](
        STATES.subset("year == 1980"), "unemp", BORDERS, permutations=0
    )
    pd.testing.assert_frame_equal(every.loc[[1980]], one, rtol=1e-12)


def test_sparse_weights_give_the_same() -> None:
    rng = np.random.default_rng(3)
    n = 220
    frame = pd.DataFrame({"city": np.arange(n), "x": rng.normal(size=n)})
    links = (rng.random((n, n)) < 0.02) * rng.random((n, n))
    np.fill_diagonal(links, 0)
    links[np.arange(n), (np.arange(n) + 1) % n] = 1
    panel, weights = Panel(frame, "city"), SpatialWeights(links, range(n))
    assert not isinstance(weights.matrix, np.ndarray)
    dense = weights._replace(raw=links)
    for function in FUNCTIONS.values():
        actual = function(panel, "x", weights, permutations=49, rng=1)
        pd.testing.assert_frame_equal(
            actual, function(panel, "x", dense, permutations=49, rng=1), rtol=1e-10
        )


# --- draws ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", FUNCTIONS)
def test_draws_are_recorded_and_repeated(name) -> None:
    noise = pd.Series(np.random.default_rng(6).normal(size=STATES.nobs), STATES.index)
    panel = STATES.assign(noise=noise)
    actual = FUNCTIONS[name](panel, "noise", BORDERS, permutations=49)
    again = FUNCTIONS[name](
        panel, "noise", BORDERS, permutations=49, rng=actual.attrs["rng_entropy"]
    )
    pd.testing.assert_frame_equal(actual, again)
    assert (
        again.attrs
        == actual.attrs
        == {
            "permutations": 49,
            "rng_entropy": actual.attrs["rng_entropy"],
            "spatial_weights": BORDERS.name,
        }
    )
    other = FUNCTIONS[name](panel, "noise", BORDERS, permutations=49, rng=3)
    assert not actual["p_permutation"].equals(other["p_permutation"])
    least, most = actual["p_permutation"].agg(["min", "max"])
    assert 1 / 50 <= least <= most <= 1


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_permutations_no_p_value(name) -> None:
    assert (
        FUNCTIONS[name](STATES, "unemp", BORDERS, permutations=0)["p_permutation"]
        .isna()
        .all()
    )


@pytest.mark.parametrize("name", ["moran", "geary"])
def test_p_values_agree_where_there_are_many_entities(name) -> None:
    actual = FUNCTIONS[name](STATES, "log(gsp)", BORDERS, permutations=4_999, rng=1)
    assert (actual["p_permutation"] - actual["p_randomisation"]).abs().max() < 0.012


# --- local ----------------------------------------------------------------------------


def test_local_statistics_have_the_mean_of_the_global_one() -> None:
    local = local_moran(STATES, "unemp", BORDERS, permutations=0)
    whole = moran(STATES, "unemp", BORDERS, permutations=0)
    mean = local["statistic"].groupby("year").mean()
    np.testing.assert_allclose(mean, whole["statistic"], rtol=1e-12)


def test_quadrants_and_rows() -> None:
    local = local_moran(STATES, "unemp", BORDERS, permutations=19, rng=2)
    assert local.index.equals(STATES.index)
    own = np.where(local["value"] > 0, "high", "low")
    near = np.where(local["spatial_lag"] > 0, "high", "low")
    assert [f"{a}-{b}" for a, b in zip(own, near, strict=True)] == local[
        "quadrant"
    ].tolist()
    assert (local["p_adjusted"] >= local["p_permutation"] - 1e-15).all()
    z = (
        STATES.frame["unemp"]
        .groupby("year")
        .transform(lambda x: (x - x.mean()) / x.std(ddof=0))
    )
    np.testing.assert_allclose(local["value"], z, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(
        local["statistic"], local["value"] * local["spatial_lag"]
    )


def test_a_cluster_is_found_and_noise_is_not() -> None:
    """A ring of 60 with ten high neighbours: they alone are adjusted below .05."""
    n = 60
    ring = {i: [(i - 2) % n, (i - 1) % n, (i + 1) % n, (i + 2) % n] for i in range(n)}
    x = np.random.default_rng(4).normal(size=n)
    x[20:30] += 8
    panel = Panel(pd.DataFrame({"city": range(n), "x": x}), "city")
    local = local_moran(
        panel, "x", SpatialWeights.from_neighbours(ring), permutations=4_999, rng=1
    )
    actual = local.index[
        (local["p_adjusted"] < 0.05) & (local["quadrant"] == "high-high")
    ]
    assert set(range(21, 29)) <= set(actual) <= set(range(20, 30))


def test_islands() -> None:
    frame = pd.DataFrame({"city": list("abcdef"), "x": [1.0, 2, 4, 3, 5, 9]})
    lists = {"a": "bc", "b": "a", "c": "ad", "d": "ce", "e": "d", "f": ""}
    weights = SpatialWeights.from_neighbours(
        {city: list(near) for city, near in lists.items()}
    )
    with pytest.warns(SpatialWeightsWarning, match="'f'"):
        local = local_moran(Panel(frame, "city"), "x", weights, permutations=99, rng=1)
    assert local.loc["f", ["spatial_lag", "statistic"]].tolist() == [0, 0]
    assert local.loc["f", ["p_permutation", "p_adjusted", "quadrant"]].isna().all()
    with pytest.warns(SpatialWeightsWarning):
        whole = moran(Panel(frame, "city"), "x", weights, permutations=0)
    z = frame["x"] - frame["x"].mean()
    lag = weights.dense @ z
    assert whole["statistic"].iloc[0] == pytest.approx(
        6 / weights.dense.sum() * (z @ lag) / (z @ z)
    )


def test_entities_that_only_the_weights_have() -> None:
    some = STATES.subset("state != 'NH'")
    # Maine has no neighbour left.
    with pytest.warns(SpatialWeightsWarning) as caught:
        actual = moran(some, "unemp", BORDERS, permutations=0)
    assert ["'NH'" in str(caught[0].message), "'ME'" in str(caught[1].message)] == [
        True,
        True,
    ]
    assert np.isfinite(actual["statistic"]).all()


# --- malformed ------------------------------------------------------------------------

HOLES = STATES.frame["unemp"].where(STATES.frame.index.get_level_values("year") != 1975)
MALFORMED: dict[str, tuple[type[Exception], Any]] = {
    "no panel": (InputTypeError, lambda f: f(STATES.frame, "unemp", BORDERS)),
    "no weights": (InputTypeError, lambda f: f(STATES, "unemp", np.eye(48))),
    "no column": (ColumnError, lambda f: f(STATES, "unempl", BORDERS)),
    "columns": (InputTypeError, lambda f: f(STATES, ["unemp"], BORDERS)),
    "no term": (TermError, lambda f: f(STATES, "log(unemp", BORDERS)),
    "categories": (TermError, lambda f: f(STATES, "C(year)", BORDERS)),
    "text": (InputTypeError, lambda f: f(STATES, "state_name", BORDERS)),
    "missing values": (
        MissingDataError,
        lambda f: f(STATES.assign(u=HOLES), "u", BORDERS),
    ),
    "unbalanced": (
        MissingDataError,
        lambda f: f(STATES.subset("year != 1975 | state != 'TX'"), "unemp", BORDERS),
    ),
    "constant": (IdentificationError, lambda f: f(STATES, "year", BORDERS)),
    "three entities": (
        IdentificationError,
        lambda f: f(STATES.subset("state in ['CA', 'NV', 'AZ']"), "unemp", BORDERS),
    ),
    "weights of others": (
        AlignmentError,
        lambda f: f(STATES, "unemp", SpatialWeights(BORDERS.raw, range(48))),
    ),
    "lacking an entity": (
        AlignmentError,
        lambda f: f(STATES, "unemp", BORDERS.aligned_to(STATES.entities[:40])),
    ),
    "permutations of text": (
        OptionError,
        lambda f: f(STATES, "unemp", BORDERS, permutations="99"),
    ),
    "negative permutations": (
        OptionError,
        lambda f: f(STATES, "unemp", BORDERS, permutations=-1),
    ),
    "permutations of True": (
        OptionError,
        lambda f: f(STATES, "unemp", BORDERS, permutations=True),
    ),
    "rng of text": (InputTypeError, lambda f: f(STATES, "unemp", BORDERS, rng="seed")),
}


@pytest.mark.parametrize("case", MALFORMED)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_malformed_input_is_refused(case, name) -> None:
    error, call = MALFORMED[case]
    with pytest.raises(error) as caught:
        call(FUNCTIONS[name])
    assert type(caught.value) is error
    assert caught.value.problems


def test_lags_need_time_but_autocorrelation_does_not() -> None:
    section = Panel(
        STATES.frame.reset_index().query("year == 1980").drop(columns="year"), "state"
    )
    actual = moran(section, "unemp", BORDERS, permutations=0)
    assert actual.index.tolist() == ["all"]
    expected = moran(STATES, "unemp", BORDERS, permutations=0).loc[1980]
    np.testing.assert_allclose(
        actual.iloc[0, :6].astype(float), expected.iloc[:6], rtol=1e-12
    )
    with pytest.raises(PanelIndexError):
        moran(section, "lag(unemp)", BORDERS)


# --- size -----------------------------------------------------------------------------

WAYS = {
    "permutation": "permutations",
    "randomisation": "z, randomisation",
    "normality": "z, normality",
}


def independent_years(shape: str) -> tuple[Panel, SpatialWeights]:
    """Draw 4,000 years of 31 entities without autocorrelation, and weights."""
    rng = np.random.default_rng(11)
    draws = (
        rng.normal(size=(4_000, 31))
        if shape == "normal"
        else rng.lognormal(size=(4_000, 31))
    )
    keys = {
        "city": np.tile(np.arange(31), 4_000),
        "year": np.repeat(np.arange(4_000), 31),
    }
    panel = Panel(pd.DataFrame(keys).assign(x=draws.ravel()), "city", "year")
    places = pd.DataFrame(
        {"lat": rng.uniform(20, 45, 31), "lon": rng.uniform(80, 125, 31)}
    )
    return panel, SpatialWeights.k_nearest(places, 4)


@pytest.mark.montecarlo
@pytest.mark.parametrize("shape", ["normal", "lognormal"])
def test_size_under_no_autocorrelation(
    shape: str, measured: Callable[..., None]
) -> None:
    """Share of 4,000 years without autocorrelation in which a test at 5% rejects.

    A year has 31 entities at random places. Each has its four nearest neighbours, with
    row-standardised weights. Values are independent normal or lognormal draws. P-values
    are from 999 permutations, or from z with the variance under randomisation or under
    normality.
    """
    panel, weights = independent_years(shape)
    for name, title in {"moran": "Moran's I", "geary": "Geary's C"}.items():
        actual = FUNCTIONS[name](panel, "x", weights, permutations=999, rng=1)
        size = {way: float((actual[f"p_{way}"] <= 0.05).mean()) for way in WAYS}
        rates = {head: size[way] for way, head in WAYS.items()}
        measured(
            "size_of_autocorrelation_tests", {"values": shape, "test": title, **rates}
        )
        assert size["permutation"] == pytest.approx(0.05, abs=0.011)
        assert size["randomisation"] == pytest.approx(0.05, abs=0.02)


@pytest.mark.montecarlo
@pytest.mark.parametrize("shape", ["normal", "lognormal"])
def test_false_local_clusters(shape: str, measured: Callable[..., None]) -> None:
    """Local Moran's I at 5% in 4,000 years without autocorrelation.

    So every rejection is false. A year has 31 entities at random places. Each has its
    four nearest neighbours, with row-standardised weights. P-values are from 999
    permutations. The table has the share of all entities and years with a p-value of at
    most .05, and the share of years in which there is at least one, without and with
    the adjustment of Benjamini and Hochberg.
    """
    panel, weights = independent_years(shape)
    local = local_moran(panel, "x", weights, permutations=999, rng=1)
    single = float((local["p_permutation"] <= 0.05).mean())
    plain = float((local["p_permutation"] <= 0.05).groupby("year").any().mean())
    false = float((local["p_adjusted"] <= 0.05).groupby("year").any().mean())
    row = {
        "share of entities": single,
        "years with one or more": plain,
        "the same, adjusted": false,
    }
    measured("false_local_clusters", {"values": shape, **row})
    assert single == pytest.approx(0.05, abs=0.005)
    assert false < 0.06


@pytest.mark.parametrize("measure", [moran, geary])
def test_a_statistic_that_no_data_can_change_has_no_z(measure) -> None:
    weights = SpatialWeights(np.ones((9, 9)) - np.eye(9), range(9))
    keys = {"city": np.repeat(range(9), 3), "year": np.tile(range(3), 9)}
    panel = Panel(
        pd.DataFrame({**keys, "x": np.random.default_rng(1).normal(size=27)}),
        "city",
        "year",
    )
    actual = measure(panel, "x", weights, permutations=9, rng=1)
    assert actual["statistic"].to_numpy() == pytest.approx(
        actual["expectation"].to_numpy()
    )
    assert (
        actual[["z_normality", "p_normality", "z_randomisation", "p_randomisation"]]
        .isna()
        .all(axis=None)
    )
    assert (actual["p_permutation"] == 1).all()
    assert (
        local_moran(panel, "x", weights, permutations=9, rng=1)["p_permutation"] == 1
    ).all()


# --- peers ----------------------------------------------------------------------------


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
def test_against_esda() -> None:
    esda, libpysal = pytest.importorskip("esda"), pytest.importorskip("libpysal")
    w = libpysal.io.open(libpysal.examples.get_path("states48.gal")).read()
    names = STATES.frame["state_name"].groupby("state").first().sort_values().index
    weights = SpatialWeights.from_pysal(w, list(names))
    assert weights.aligned_to(BORDERS.entities) == BORDERS._replace(name="W")
    w.transform = "r"
    graph = libpysal.graph.Graph.from_W(w)
    from_graph = SpatialWeights.from_pysal(
        graph, dict(zip(w.id_order, names, strict=True))
    )
    np.testing.assert_allclose(
        from_graph.aligned_to(names).matrix, weights.matrix, rtol=1e-14
    )

    actual = moran(STATES, "unemp", weights, permutations=0)
    other = geary(STATES, "unemp", weights, permutations=0)
    local = local_moran(STATES, "unemp", weights, permutations=999, rng=1)
    for year in (1970, 1980):
        x = STATES.frame["unemp"].xs(year, level="year").reindex(names).to_numpy()
        peer = esda.Moran(x, w, permutations=0)
        ours = actual.loc[
            year, ["statistic", "z_normality", "z_randomisation", "p_normality"]
        ]
        np.testing.assert_allclose(
            ours, [peer.I, peer.z_norm, peer.z_rand, peer.p_norm], rtol=1e-9
        )
        peer = esda.Geary(x, w, permutations=0)
        ours = other.loc[year, ["statistic", "z_normality", "z_randomisation"]]
        np.testing.assert_allclose(ours, [peer.C, peer.z_norm, peer.z_rand], rtol=1e-9)
        peer = esda.Moran_Local(x, w, permutations=999, seed=1)
        ours = local.xs(year, level="year").reindex(names)
        np.testing.assert_allclose(ours["statistic"] * 47 / 48, peer.Is, rtol=1e-9)
        quadrants = np.array(["high-high", "low-high", "low-low", "high-low"])[
            peer.q - 1
        ]
        assert (ours["quadrant"] == quadrants).all()
        # One tail, folded, against two: equal where the distribution of permutations is
        # symmetric.
        assert np.corrcoef(peer.p_sim, ours["p_permutation"])[0, 1] > 0.97


def test_cells_and_weights_are_in_one_order() -> None:
    frame = pd.DataFrame(
        {"city": ["b", "a", "b", "a"], "year": [2, 1, 1, 2], "x": [22.0, 11, 21, 12]}
    )
    weights = SpatialWeights([[0, 1.0], [2.0, 0]], ["b", "a"], standardise="none")
    field = read_field("f", Panel(frame, "city", "year"), "I(2 * x)", weights)
    assert field.cells.tolist() == [[22.0, 42.0], [24.0, 44.0]]
    assert (field.times.tolist(), field.entities.tolist()) == ([1, 2], ["a", "b"])
    assert field.weights.matrix.tolist() == [[0.0, 2.0], [1.0, 0.0]]
