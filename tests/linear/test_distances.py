"""Conley errors of a fit, against all pairs of rows with dummies written out."""

from __future__ import annotations

import json
import pickle
import warnings
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper import (
    ColumnError,
    DigiprosperError,
    FixedEffects,
    FixedEffectsIV,
    OptionError,
    Panel,
)
from digiprosper.kernels.great_circle import EARTH_RADIUS, great_circle
from digiprosper.linear.notices import few_periods

GOLDEN = json.loads(
    (Path(__file__).parents[1] / "reference" / "conley.json").read_text(
        encoding="utf-8"
    )
)
X = ["log(pcap)", "log(pc)", "log(emp)", "unemp"]
EFFECTS = {
    "two": ({}, ("i", "t")),
    "one": ({"time_effects": False}, ("i",)),
    "none": ({"entity_effects": False, "time_effects": False}, ()),
}


def frame_of(seed: int = 0, entities: int = 16, periods: int = 7) -> pd.DataFrame:
    """An unbalanced panel with a gap in time, places between 20 and 50 north."""
    rng = np.random.default_rng(seed)
    i, t = np.divmod(np.arange(entities * periods), periods)
    frame = pd.DataFrame({"i": i, "t": 2000 + t + (t > 3)})[
        rng.random(i.size) > 0.2
    ].reset_index(drop=True)
    n = len(frame)
    places = np.column_stack(
        [rng.uniform(20, 50, entities), rng.uniform(75, 130, entities)]
    )
    frame[["lat", "lon"]] = places[frame["i"]]
    frame["w"] = rng.uniform(0.3, 3.0, n)
    frame[["a", "b", "z"]] = rng.normal(size=(n, 3)) + 0.1 * frame[["i"]].to_numpy()
    frame["d"] = frame["z"] + 0.5 * frame["b"] + rng.normal(size=n)
    frame["y"] = (
        frame["a"]
        + 0.3 * frame["d"]
        + frame["i"]
        + rng.normal(size=n) * (1 + frame["b"] ** 2)
    )
    return frame


def quiet(spec, data, keys=("i", "t")):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        return spec.fit(data if isinstance(data, Panel) else Panel(data, *keys))


def fit(frame: pd.DataFrame, x=("a", "b"), **options):
    return quiet(
        FixedEffects(
            "y", x, **({"cov_type": "conley", "distance_cutoff": 900} | options)
        ),
        frame,
    )


def used(frame: pd.DataFrame, results) -> pd.DataFrame:
    return frame.set_index(["i", "t"]).loc[results.index].reset_index()


def design_of(rows: pd.DataFrame, x, effects) -> np.ndarray:
    """Regressors, then dummies as far as independent, or the constant."""
    columns = [rows[list(x)].to_numpy(dtype=float)]
    columns += [pd.get_dummies(rows[e]).to_numpy(dtype=float) for e in effects] or [
        np.ones((len(rows), 1))
    ]
    full = np.column_stack(columns)
    keep: list[int] = []
    for j in range(full.shape[1]):
        if np.linalg.matrix_rank(full[:, [*keep, j]]) > len(keep):
            keep.append(j)
    return full[:, keep]


def middle_of(
    rows: pd.DataFrame, scores: np.ndarray, cutoff: float, kernel: str, lags: int
) -> np.ndarray:
    """Middle of the sandwich from the weight of every pair of rows."""
    place, entity, time = (
        rows[["lat", "lon"]].to_numpy(),
        rows["i"].to_numpy(),
        rows["t"].to_numpy(),
    )
    apart = great_circle(place[:, None], place[None])
    space = (
        apart <= cutoff if kernel == "uniform" else np.maximum(1 - apart / cutoff, 0)
    )
    lag = np.abs(time[:, None] - time)
    serial = np.where(entity[:, None] == entity, np.maximum(1 - lag / (lags + 1), 0), 0)
    return scores.T @ np.where(lag == 0, space, serial) @ scores


@pytest.mark.parametrize("effects", EFFECTS)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.many(6)
def test_the_covariance_is_that_of_all_pairs_with_dummies(
    seed, weighted, effects
) -> None:
    frame, (flags, names) = frame_of(seed), EFFECTS[effects]
    kernel, lags = ("bartlett", "uniform")[seed % 2], seed % 4
    options = {
        "distance_kernel": kernel,
        "bandwidth": lags,
        "obs_weights": "w" if weighted else None,
    }
    results = fit(frame, **options, **flags)
    rows = used(frame, results)
    design, w = (
        design_of(rows, ("a", "b"), names),
        rows["w"].to_numpy() if weighted else np.ones(len(rows)),
    )
    w = w / w.mean()
    bread = np.linalg.inv(design.T @ (w[:, None] * design))
    errors = rows["y"] - design @ (bread @ design.T @ (w * rows["y"]))
    middle = middle_of(
        rows, design * (w * errors.to_numpy())[:, None], 900, kernel, lags
    )
    n, rank = design.shape
    k = 2 if names else 3
    np.testing.assert_allclose(
        results.cov, (n / (n - rank) * bread @ middle @ bread)[:k, :k], rtol=1e-8
    )
    assert results.df_t == results.df_resid == n - rank
    assert results.bandwidth == lags


@pytest.mark.parametrize("seed", range(2))
def test_instruments(seed: int) -> None:
    frame = frame_of(seed)
    options = {
        "cov_type": "conley",
        "distance_cutoff": 900,
        "bandwidth": 2,
        "ssc": "none",
    }
    results = quiet(FixedEffectsIV("y", ["a"], ["d"], ["z"], **options), frame)
    rows = used(frame, results)
    design, instruments = (
        design_of(rows, ("d", "a"), ("i", "t")),
        design_of(rows, ("z", "a"), ("i", "t")),
    )
    fitted = instruments @ np.linalg.lstsq(instruments, design, rcond=None)[0]
    bread = np.linalg.inv(fitted.T @ fitted)
    errors = rows["y"].to_numpy() - design @ (bread @ fitted.T @ rows["y"].to_numpy())
    middle = middle_of(rows, fitted * errors[:, None], 900, "bartlett", 2)
    np.testing.assert_allclose(results.cov, (bread @ middle @ bread)[:2, :2], rtol=1e-8)


# --- outside numbers ------------------------------------------------------------------


@pytest.fixture(scope="module")
def states() -> Panel:
    frame = dp.datasets.us_states().frame.reset_index()
    return Panel(
        frame.merge(dp.datasets.us_capitals().reset_index(), on="state"),
        "state",
        "year",
    )


def peer_case(case: dict, panel: Panel):
    # The other package has another radius of the earth: what counts is distance over
    # cutoff.
    cutoff = case["cutoff"] * EARTH_RADIUS / GOLDEN["earth_radius"]
    spec = FixedEffects(
        "log(gsp)", X, cov_type="conley", distance_cutoff=cutoff, ssc="none"
    )
    return quiet(
        spec.replace(distance_kernel=case["kernel"], bandwidth=case["lags"]), panel
    )


@pytest.mark.parametrize(
    "case", GOLDEN["cases"], ids=lambda c: f"{c['cutoff']} {c['kernel']} {c['lags']}"
)
def test_numbers_of_another_package(case: dict, states: Panel) -> None:
    results = peer_case(case, states)
    np.testing.assert_allclose(
        results.std_errors, case["std_errors"], rtol=GOLDEN["tolerance"]
    )


@pytest.mark.peers
@pytest.mark.skipif(find_spec("diff_diff") is None, reason="needs diff-diff")
@pytest.mark.parametrize(
    "case", GOLDEN["cases"], ids=lambda c: f"{c['cutoff']} {c['kernel']} {c['lags']}"
)
def test_the_other_package_beside_us(case: dict, states: Panel) -> None:
    from diff_diff.linalg import compute_robust_vcov

    results = peer_case(case, states)
    frame = states.frame.reset_index()
    columns = np.log(frame[["gsp", "pcap", "pc", "emp"]]).assign(unemp=frame["unemp"])
    means = [columns.groupby(frame[key]).transform("mean") for key in ("state", "year")]
    demeaned = (columns - means[0] - means[1] + columns.mean()).to_numpy()
    slopes = np.linalg.lstsq(demeaned[:, 1:], demeaned[:, 0], rcond=None)[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        covariance = compute_robust_vcov(
            demeaned[:, 1:],
            demeaned[:, 0] - demeaned[:, 1:] @ slopes,
            vcov_type="conley",
            conley_coords=frame[["lat", "lon"]].to_numpy(),
            conley_cutoff_km=case["cutoff"],
            conley_kernel=case["kernel"],
            conley_time=frame["year"].to_numpy(),
            conley_unit=frame["state"].to_numpy(),
            conley_lag_cutoff=case["lags"],
        )
    np.testing.assert_allclose(results.cov, covariance, rtol=1e-8)
    np.testing.assert_allclose(
        case["std_errors"], np.sqrt(np.diag(covariance)), rtol=1e-8
    )


# --- limits and invariances -----------------------------------------------------------


@pytest.mark.parametrize("ssc", ["reghdfe", "xtreg", "linearmodels", "plm", "none"])
def test_without_neighbours_and_lags_errors_are_hc1(ssc: str) -> None:
    frame = frame_of()
    want = fit(frame, cov_type="robust", distance_cutoff=None, ssc=ssc)
    got = fit(frame, distance_cutoff=1e-6, bandwidth=0, ssc=ssc)
    np.testing.assert_allclose(got.cov, want.cov, rtol=1e-11)
    assert (got.df_t, got.df_counted) == (want.df_t, want.df_counted)


def test_everywhere_and_always_errors_are_clustered() -> None:
    frame, options = frame_of(), {"time_effects": False, "ssc": "none"}
    everywhere = fit(
        frame, distance_cutoff=30_000, distance_kernel="uniform", bandwidth=0, **options
    )
    by_time = fit(
        frame, cov_type="clustered", distance_cutoff=None, clusters="t", **options
    )
    np.testing.assert_allclose(everywhere.cov, by_time.cov, rtol=1e-10)
    always = fit(frame, distance_cutoff=1e-6, bandwidth=10**9, **options)
    by_entity = fit(frame, cov_type="clustered", distance_cutoff=None, **options)
    np.testing.assert_allclose(always.cov, by_entity.cov, rtol=1e-7)


def test_row_order_units_labels_and_longitudes_change_nothing() -> None:
    frame = frame_of(4)
    want = fit(frame).std_errors.to_numpy()
    np.testing.assert_array_equal(
        fit(frame.sample(frac=1, random_state=1)).std_errors, want
    )
    renamed = frame.assign(i=frame["i"].map(lambda i: f"city {(5 * i) % 16}"))
    np.testing.assert_allclose(fit(renamed).std_errors, want, rtol=1e-11)
    moved = frame.assign(a=1e6 * frame["a"], b=frame["b"] + 1e3, lon=frame["lon"] - 250)
    np.testing.assert_allclose(fit(moved).std_errors * [1e6, 1], want, rtol=1e-8)


def test_coordinates_are_found_by_name_or_given_as_terms() -> None:
    frame = frame_of()
    want = fit(frame).std_errors
    named = frame.rename(columns={"lat": "纬度", "lon": "Longitude"})
    pd.testing.assert_series_equal(fit(named).std_errors, want)
    swapped = fit(frame, coordinates=["lon", "lat"]).std_errors
    pd.testing.assert_series_equal(swapped, want)
    given = frame.rename(columns={"lat": "north", "lon": "east"})
    pd.testing.assert_series_equal(
        fit(given, coordinates=["north", "east"]).std_errors, want
    )
    tenths = given.assign(north=10 * given["north"])
    np.testing.assert_allclose(
        fit(tenths, coordinates=["I(north / 10)", "east"]).std_errors, want, rtol=1e-9
    )


def test_lags_are_counted_by_the_value_of_time() -> None:
    frame = frame_of()
    waves = frame.assign(t=5 * frame["t"])
    spec = FixedEffects("y", ["a"], cov_type="conley", distance_cutoff=900, bandwidth=1)
    with pytest.raises(OptionError, match="step=5"):
        quiet(spec, waves)
    want = quiet(spec, frame).std_errors
    pd.testing.assert_series_equal(
        quiet(spec, Panel(waves, "i", "t", step=5)).std_errors, want
    )


def test_lags_by_default() -> None:
    assert fit(frame_of()).bandwidth == 7  # from 2000 to 2007, with a gap
    waves = frame_of().assign(t=lambda f: 5 * f["t"])
    assert fit(waves).bandwidth == 35
    cross = frame_of().drop_duplicates("i").drop(columns="t")
    options = {
        "entity_effects": False,
        "time_effects": False,
        "cov_type": "conley",
        "distance_cutoff": 900,
    }
    alone = quiet(FixedEffects("y", ["a"], **options), cross, ("i",))
    assert alone.bandwidth is None
    assert "lag" not in alone.conventions
    repeated = frame_of().assign(i=lambda f: np.arange(len(f)))
    assert quiet(FixedEffects("y", ["a"], **options), repeated).bandwidth == 0


# --- notices --------------------------------------------------------------------------


def codes(results) -> list[str]:
    return [note.code for note in results.diagnostics]


def test_a_cutoff_that_no_two_places_are_within() -> None:
    spec = FixedEffects("y", ["a"], cov_type="conley", distance_cutoff=1)
    with pytest.warns(dp.CovarianceWarning, match="kilometres"):
        results = spec.fit(Panel(frame_of(), "i", "t"))
    (note,) = (n for n in results.diagnostics if n.code == "no_neighbours")
    assert note.data["nearest"] > note.data["distance_cutoff"] == 1
    frame = frame_of().assign(lat=30.0, lon=100.0)
    assert "there is one place" in next(
        n.message for n in fit(frame).diagnostics if n.code == "no_neighbours"
    )


def test_entities_that_move() -> None:
    frame = frame_of()
    assert "moving_places" not in codes(fit(frame))
    frame.loc[frame["i"] == 3, "lat"] += np.arange((frame["i"] == 3).sum())
    (note,) = (n for n in fit(frame).diagnostics if n.code == "moving_places")
    assert (note.data["count"], note.data["entity"]) == (1, "i")


def test_independent_periods_are_reported_with_entity_effects() -> None:
    assert "robust_inconsistent" in codes(fit(frame_of(), bandwidth=0))
    assert "robust_inconsistent" not in codes(fit(frame_of(), bandwidth=1))


def test_few_periods_of_conley_errors_are_reported_with_entity_effects() -> None:
    told = fit(frame_of()).diagnostics
    (notice,) = (n for n in told if n.code == "few_periods_conley")
    assert notice.data == {"n_times": frame_of()["t"].nunique()}
    assert "above all with a bandwidth below the default" in notice.message
    # Independent rows have another notice, and pooled ones and many periods none.
    pooled = {"entity_effects": False, "time_effects": False}
    quiet_fits = fit(frame_of(), bandwidth=0), fit(frame_of(), **pooled)
    assert not any("few_periods_conley" in codes(quiet) for quiet in quiet_fits)
    assert few_periods(49, "conley")
    assert not few_periods(50, "conley")


def test_a_covariance_that_is_not_positive_semidefinite_is_not_adjusted() -> None:
    """Three places on a line: the middle is near both ends, which are apart."""
    frame = pd.DataFrame(
        {"i": range(12), "lat": 0.0, "lon": np.repeat([0.0, 1.0, 2.0], 4)}
    )
    frame["x"] = np.tile([1.0, 1.0, -1.0, -1.0], 3)
    # The ends differ, so that the intercept has an error.
    frame["y"] = np.where(frame["lon"] == 1, -1.4, 1.0) * frame["x"] + frame["lon"]
    options = {
        "entity_effects": False,
        "time_effects": False,
        "distance_kernel": "uniform",
    }
    spec = FixedEffects("y", ["x"], cov_type="conley", distance_cutoff=120, **options)
    with pytest.warns(dp.CovarianceWarning, match="not positive semidefinite"):
        results = spec.fit(Panel(frame, "i"))
    assert "not_psd" in codes(results)
    assert results.cov.loc["x", "x"] < 0
    assert np.isnan(results.std_errors["x"])


# --- where the words arrive -----------------------------------------------------------


def test_words_reach_summaries_tables_dicts_and_pickles(states: Panel) -> None:
    spec = FixedEffects(
        "log(gsp)", X, cov_type="conley", distance_cutoff=1500, bandwidth=2
    )
    results, uniform = (
        quiet(spec, states),
        quiet(spec.replace(distance_kernel="uniform", bandwidth=1), states),
    )
    assert (
        "Conley standard errors (1,500 km, Bartlett kernel, 2 lags" in results.summary()
    )
    assert "(1,500 km, uniform kernel, 1 lag" in uniform.conventions
    assert (
        dp.etable(results)
        .notes[0]
        .startswith("Conley standard errors (1,500 km, 2 lags,")
    )
    assert (
        "Conley标准误（1,500公里、滞后2期）"
        in dp.etable(results, style=dp.TableStyle(language="zh")).notes[0]
    )
    rows = dp.etable([results, uniform]).frame.loc["Standard errors"].tolist()
    assert rows == [
        "Conley, 1,500 km, 2 lags",
        "Conley, 1,500 km, uniform kernel, 1 lag",
    ]
    stored = json.loads(json.dumps(results.to_dict()))["inference"]
    assert (
        stored["distance_cutoff"],
        stored["distance_kernel"],
        stored["bandwidth"],
    ) == (
        1500.0,
        "bartlett",
        2,
    )
    assert pickle.loads(pickle.dumps(results)).inference == results.inference
    assert results.glance()["cov_type"] == "conley"


# --- what is refused ------------------------------------------------------------------

GIVEN = {"cov_type": "conley", "distance_cutoff": 900}
REFUSED = {
    "no cutoff": ({"distance_cutoff": None}, "distance_cutoff, in kilometres"),
    "zero": ({"distance_cutoff": 0}, "above 0"),
    "negative": ({"distance_cutoff": -5}, "-5"),
    "infinite": ({"distance_cutoff": np.inf}, "above 0"),
    "missing": ({"distance_cutoff": np.nan}, "above 0"),
    "text": ({"distance_cutoff": "300 km"}, "300 km"),
    "truth": ({"distance_cutoff": True}, "True"),
    "pair": ({"distance_cutoff": (100, 200)}, "above 0"),
    "kernel": ({"distance_kernel": "epanechnikov"}, "bartlett"),
    "one coordinate": ({"coordinates": "lat"}, "two terms"),
    "three": ({"coordinates": ["lat", "lon", "a"]}, "two terms"),
    "twice": ({"coordinates": ["lat", "lat"]}, "twice"),
    "number": ({"coordinates": [1, 2]}, "text"),
    "unknown": ({"coordinates": ["lat", "east"]}, "east"),
    "swapped": ({"coordinates": ["I(lon + 0)", "lat"]}, "swapped"),
    "category": ({"coordinates": ["lat", "C(i)"]}, "two"),
    "lags": ({"bandwidth": -1}, "bandwidth"),
    "half": ({"bandwidth": 1.5}, "bandwidth"),
    "clusters": ({"clusters": "i"}, "clusters"),
    "cutoff alone": ({"cov_type": "clustered"}, "requires cov_type='conley'"),
    "coordinates alone": (
        {"cov_type": "robust", "distance_cutoff": None, "coordinates": ["lat", "lon"]},
        "coordinates",
    ),
    "kernel alone": (
        {"cov_type": "robust", "distance_cutoff": None, "distance_kernel": "uniform"},
        "distance_kernel",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.many(22)
def test_refused_options(case: str) -> None:
    options, words = REFUSED[case]
    for make in (
        lambda: FixedEffects("y", ["a"], **{**GIVEN, **options}),
        lambda: FixedEffectsIV("y", ["a"], ["d"], ["z"], **{**GIVEN, **options}),
    ):
        with pytest.raises(DigiprosperError, match=words.replace("(", r"\(")):
            quiet(make(), frame_of())


def test_refused_columns() -> None:
    frame = frame_of()
    with pytest.raises(ColumnError, match="latitude"):
        fit(frame.drop(columns="lat"))
    with pytest.raises(ColumnError, match="latitude"):
        fit(frame.assign(latitude=1.0))
    with pytest.raises(OptionError, match="degrees"):
        fit(frame.assign(lat=frame["lat"] * 1e5))
    with pytest.raises(DigiprosperError, match="lat"):
        fit(frame.assign(lat="north"))
    cross = frame.drop_duplicates("i").drop(columns="t")
    spec = FixedEffects(
        "y", ["a"], entity_effects=False, time_effects=False, **GIVEN, bandwidth=1
    )
    with pytest.raises(OptionError, match="one row only"):
        quiet(spec, cross, ("i",))


def test_rows_without_coordinates_leave_and_are_counted() -> None:
    frame = frame_of()
    frame.loc[[3, 5], "lat"] = np.nan
    with pytest.warns(dp.MissingDataWarning, match=r"lat \(2\)"):
        FixedEffects("y", ["a"], **GIVEN).fit(Panel(frame, "i", "t"))


@pytest.mark.parametrize(
    "refused",
    [
        lambda: dp.Mediation("y", "a", "b", cov_type="conley"),
        lambda: dp.MediationIV("y", "a", "b", "z", "d", cov_type="conley"),
        lambda: dp.PanelThreshold("y", "a", "b", cov_type="conley"),
        lambda: dp.PanelKink("y", "a", cov_type="conley"),
        lambda: dp.wild_bootstrap(
            FixedEffects("y", ["a"], **GIVEN), Panel(frame_of(), "i", "t"), "a"
        ),
        lambda: dp.randomisation_test(
            FixedEffects("y", ["a"], **GIVEN), Panel(frame_of(), "i", "t"), "a"
        ),
    ],
    ids=[
        "Mediation",
        "MediationIV",
        "PanelThreshold",
        "PanelKink",
        "wild",
        "randomisation",
    ],
)
def test_refused_by_name_where_it_is_not_defined(refused) -> None:
    with pytest.raises(OptionError, match="conley"):
        refused()


def test_event_studies_and_sets_of_controls_take_it() -> None:
    frame = frame_of(2)
    frame["t"] -= frame["t"] > 2004
    frame["event"] = np.where(frame["i"] < 8, 2003.0, np.nan)
    event = quiet(dp.EventStudy("y", "event", before=2, after=2, **GIVEN), frame)
    assert event.inference.distance_cutoff == 900
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        sets = dp.control_sets(
            FixedEffects("y", ["a"], **GIVEN), Panel(frame, "i", "t"), ["b", "d"]
        )
    want = fit(frame, ("a", "b", "d")).std_errors["a"]
    assert np.isclose(sets.frame["std_error"], want, rtol=1e-10).any()
