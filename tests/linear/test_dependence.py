"""Notices of correlated errors: what is reported of which errors, and what is not."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from digiprosper import (
    FixedEffects,
    Panel,
)
from digiprosper.errors import (
    Notice,
)


def exposed_frame(seed: int, *, shared: bool) -> pd.DataFrame:
    """React to common shocks, y and x in the same entities if `shared`."""
    rng = np.random.default_rng(seed)
    to_x, to_y = rng.lognormal(size=(2, 60, 1))
    shocks = rng.normal(size=(2, 25))
    x = to_x * shocks[0] + rng.normal(size=(60, 25))
    y = (to_x if shared else to_y) * shocks[1] + rng.normal(size=(60, 25)).cumsum(1)
    i, t = np.indices(x.shape)
    columns = {"i": i, "t": t, "x": x, "y": y, "z": rng.normal(size=x.shape)}
    return pd.DataFrame({name: values.ravel() for name, values in columns.items()})


@pytest.mark.filterwarnings("ignore::digiprosper.errors.FewClustersWarning")
def test_common_shocks_that_entities_share_are_said() -> None:
    said = {}
    for shared, seed in itertools.product((True, False), range(20)):
        panel = Panel(exposed_frame(seed, shared=shared), "i", "t")
        fit = FixedEffects("y", ["x", "z"]).fit(panel)
        actual = [n for n in fit.diagnostics if n.code == "shared_exposure"]
        said[shared, seed] = [n.data["term"] for n in actual]
    assert [bool(said[True, s]) for s in range(20)].count(True) > 10
    assert not any(said[False, s] for s in range(20))
    assert all(terms == ["x"] for terms in said.values() if terms)


@pytest.mark.parametrize(
    ("options", "is_said"),
    [
        ({}, True),
        ({"cov_type": "crv3"}, True),
        ({"clusters": ["i", "t"]}, False),
        ({"clusters": "g"}, True),
        ({"clusters": "few"}, False),
        ({"clusters": ["g", "t"]}, False),
        ({"cov_type": "driscoll_kraay"}, False),
        ({"cov_type": "robust"}, False),
        ({"time_effects": False}, True),
        ({"entity_effects": False, "cov_type": "robust"}, True),
        ({"where": "t < 4"}, False),
        ({"where": "i < 9"}, False),
    ],
)
@pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
def test_shared_exposure_is_said_of_errors_by_entity(options, is_said) -> None:
    frame = exposed_frame(0, shared=True)
    panel = Panel(frame.assign(g=frame["i"] // 2, few=frame["i"] % 5), "i", "t")
    fit = FixedEffects("y", ["x"], **options).fit(panel)
    assert ("shared_exposure" in {n.code for n in fit.diagnostics}) == is_said


@pytest.mark.parametrize(
    ("options", "is_said"),
    [
        ({}, True),
        ({"entity_effects": False, "cov_type": "robust"}, True),
        ({"entity_effects": False}, True),
        ({"time_effects": True}, False),
        ({"clusters": ["i", "t"]}, False),
        ({"clusters": "t"}, False),
        ({"cov_type": "driscoll_kraay"}, False),
        ({"absorb": ["g^t"]}, False),
        ({"where": "t < 4"}, False),
    ],
)
@pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
def test_shocks_are_said_where_periods_have_no_effects(options, is_said) -> None:
    """With 31 x 10 the products of residuals and regressor seldom show them."""
    rng = np.random.default_rng(0)
    i, t = np.indices((31, 10))
    x = rng.normal(size=i.shape) + 0.15 * t
    y = rng.normal(size=i.shape) + 0.7 * rng.normal(size=10)
    columns = {"i": i, "t": t, "g": i % 3, "x": x, "y": y}
    frame = pd.DataFrame({name: data.ravel() for name, data in columns.items()})
    spec = FixedEffects("y", ["x"], **{"time_effects": False, **options})
    notices = [
        n
        for n in spec.fit(Panel(frame, "i", "t")).diagnostics
        if n.code == "shared_exposure"
    ]
    assert bool(notices) == is_said
    assert all("Moulton" in n.message and n.data["term"] == "x" for n in notices)


def weather_frame(seed: int, *, reach: int) -> pd.DataFrame:
    """Weather and outcomes of 90 counties in 30 states, shared by `reach` neighbours.

    Neighbours are in a circle, three counties are a state. No effect.
    """
    rng = np.random.default_rng(seed)
    i, t = np.indices((90, 40))
    near = sum(np.roll(np.eye(90), shift, axis=0) for shift in range(reach))
    temp, y = (near @ rng.normal(size=i.shape) / reach**0.5 for _ in range(2))
    columns = {"i": i, "t": t, "state": i // 3, "temp": 15 + 8 * temp, "y": y}
    frame = pd.DataFrame({name: values.ravel() for name, values in columns.items()})
    return frame.assign(bin=pd.cut(frame["temp"], [-50, 5, 10, 20, 25, 80]))


@pytest.mark.parametrize(
    ("x", "clusters", "term"),
    [
        ("temp", "state", "temp"),
        ("I(temp > 20)", "i", "I(temp > 20)"),
        ("C(bin, ref='(10, 20]')", "i", "C(bin, ref='(10, 20]')[T."),
    ],
)
@pytest.mark.filterwarnings("ignore::digiprosper.errors.CovarianceWarning")
def test_weather_of_neighbours_is_shared_exposure(x, clusters, term) -> None:
    said = {12: [], 1: []}
    for reach, seed in itertools.product(said, range(10)):
        panel = Panel(weather_frame(seed, reach=reach), "i", "t")
        fit = FixedEffects("y", [x], clusters=clusters).fit(panel)
        actual = [n for n in fit.diagnostics if n.code == "shared_exposure"]
        said[reach] += actual
        assert all(n.data["term"].startswith(term) for n in actual)
        assert all(f"clustered by {clusters} may be" in n.message for n in actual)
    assert len(said[12]) >= 5
    assert not said[1]


def test_sums_of_clusters_are_compared_within_periods() -> None:
    frame = weather_frame(0, reach=12)
    fit = FixedEffects("y", ["temp"], clusters="state").fit(Panel(frame, "i", "t"))
    (notice,) = [n for n in fit.diagnostics if n.code == "shared_exposure"]
    net = frame[["temp", "y"]]
    for key in ("i", "t", "i", "t"):
        net = net - net.groupby(frame[key]).transform("mean")
    slope = (net["temp"] @ net["y"]) / (net["temp"] @ net["temp"])
    scores = net["temp"] * (net["y"] - slope * net["temp"])
    sums = scores.groupby([frame["t"], frame["state"]]).sum()
    by_time = sums.groupby("t").sum() ** 2 / (sums**2).groupby("t").sum()
    ratio = by_time.mean()
    assert notice.data["ratio"] == pytest.approx(ratio, rel=1e-9)


@pytest.mark.parametrize("clusters", ["i", "state"])
@pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
def test_one_entity_with_most_weights_is_no_shared_exposure(clusters: str) -> None:
    rng = np.random.default_rng(0)
    i, t = np.divmod(np.arange(60 * 12), 12)
    frame = pd.DataFrame({"i": i, "t": t, "w": np.where(i == 3, 200.0, 1.0)})
    frame["state"] = i // 3
    for _ in range(8):
        frame[["x", "y"]] = rng.normal(size=(len(frame), 2))
        spec = FixedEffects("y", ["x"], obs_weights="w", clusters=clusters)
        fit = spec.fit(Panel(frame, "i", "t"))
        codes = {n.code for n in fit.diagnostics}
        assert "heavy_cluster" in codes
        assert "shared_exposure" not in codes


def returns_frame(*, exposed: bool, firm: float = 0.0, seed: int = 0) -> pd.DataFrame:
    """Returns of 40 firms in 120 months, and those of the next twelve together."""
    rng = np.random.default_rng(seed)
    i, t = np.indices((40, 132))
    x = rng.normal(size=(40, 1)) * firm + rng.normal(size=i.shape)
    for month in range(1, 132):
        x[:, month] = 0.9 * x[:, month - 1] + 0.4 * x[:, month]
    prices = exposed * rng.normal(size=132)
    r = x * prices + rng.normal(size=(40, 1)) * firm + rng.normal(size=i.shape)
    year = sum(r[:, lead : lead + 120] for lead in range(1, 13))
    columns = {"i": i, "t": t, "x": x, "r": r}
    columns = {name: values[:, :120].ravel() for name, values in columns.items()}
    return pd.DataFrame(columns | {"year": year.ravel()})


def notices_of(frame: pd.DataFrame, y: str = "r", **options) -> dict[str, Notice]:
    fit = FixedEffects(y, ["x"], **options).fit(Panel(frame, "i", "t"))
    codes = ("in_entities", "shared_exposure", "lasting_shocks")
    return {n.code: n for n in fit.diagnostics if n.code in codes}


@pytest.mark.parametrize("periods", [1, 8])
@pytest.mark.parametrize("spread", [0.0, 6.0])
def test_noise_that_neighbours_share_is_said(periods: int, spread: float) -> None:
    rng = np.random.default_rng(3)
    places = rng.uniform([24, 102], [40, 120], (250, 2))
    apart = np.linalg.norm(places[:, None] - places, axis=-1)
    root = np.linalg.cholesky(np.exp(-apart / max(spread, 1e-3)) + 1e-9 * np.eye(250))
    county, year = np.indices((250, periods)).reshape(2, -1)
    frame = pd.DataFrame({"county": county, "year": year})
    frame["Lat"], frame["经度"] = places[county].T
    frame["x"], frame["y"] = (root @ rng.normal(size=(2, 250, periods))).reshape(2, -1)
    effects = {"entity_effects": periods > 1, "time_effects": periods > 1}
    spec = FixedEffects("y", ["x"], **effects)
    panel = Panel(frame, "county", "year")
    fewer = Panel(frame[county > 9], "county", "year")
    unnamed = Panel(frame.rename(columns={"Lat": "a"}), "county", "year")
    # Sums of neighbours may also vary by year.
    of_space = {"near_entities", "shared_exposure"}
    for data in (panel, fewer):
        codes = of_space & {n.code for n in spec.fit(data).diagnostics}
        assert bool(codes) == (spread > 0)
        assert periods > 1 or codes <= {"near_entities"}
    conley = spec.replace(cov_type="conley", distance_cutoff=500)
    for fit in (spec.fit(unnamed), conley.fit(panel)):
        assert "near_entities" not in {n.code for n in fit.diagnostics}


@pytest.mark.parametrize("exact", [False, True])
def test_entities_without_coordinates_are_not_near(exact: bool) -> None:
    rng = np.random.default_rng(5)
    county = np.arange(200)
    frame = pd.DataFrame({"county": county, "x": rng.normal(size=200)})
    frame["lat"], frame["lon"] = rng.uniform([24, 102], [40, 120], (200, 2)).T
    # Counties that are not on the map are rich.
    away = county % 5 == 0
    frame.loc[away, ["lat", "lon"]] = np.nan
    frame["x"] += 3 * away
    frame["y"] = frame["x"] if exact else (frame["x"] - 5) ** 2 + rng.normal(size=200)
    spec = FixedEffects(
        "y", ["x"], entity_effects=False, time_effects=False, cov_type="robust"
    )
    fit = spec.fit(Panel(frame, "county"))
    assert "near_entities" not in {n.code for n in fit.diagnostics}


def test_common_shocks_are_said_of_many_periods() -> None:
    assert set(notices_of(returns_frame(exposed=True))) == {"shared_exposure"}
    assert not notices_of(returns_frame(exposed=False))


@pytest.mark.parametrize("options", [{"cov_type": "unadjusted"}, {"clusters": "t"}])
@pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
def test_scores_without_residuals_are_not_compared(options) -> None:
    frame = pd.DataFrame({"i": np.repeat(range(40), 10), "t": [*range(10)] * 40})
    frame["d"] = ((frame["i"] % 2 == 0) & (frame["t"] > 4)).astype(int)
    spec = FixedEffects("y", ["d"], entity_effects=False, **options)
    fit = spec.fit(Panel(frame.assign(y=frame["d"]), "i", "t"))
    codes = [notice.code for notice in fit.diagnostics]
    assert "perfect_fit" in codes
    assert "in_entities" not in codes


@pytest.mark.parametrize(
    "options", [{"cov_type": "robust"}, {"cov_type": "unadjusted"}, {"clusters": "t"}]
)
@pytest.mark.parametrize("time_effects", [False, True])
@pytest.mark.filterwarnings("ignore::digiprosper.errors.CovarianceWarning")
def test_rows_of_an_entity_that_no_cluster_joins(options, time_effects: bool) -> None:
    options = {"entity_effects": False, "time_effects": time_effects, **options}
    frame = returns_frame(exposed=False, firm=0.4)
    notice = notices_of(frame, **options)["in_entities"]
    spec = FixedEffects("r", ["x"], **options, ssc="none")
    clusters = ["i", "t"] if "clusters" in options else "i"
    panel = Panel(frame, "i", "t")
    used = spec.replace(cov_type=options.get("cov_type", "clustered")).fit(panel)
    if options.get("cov_type") == "unadjusted":
        used = spec.replace(cov_type="robust").fit(panel)
    both = spec.replace(cov_type="clustered", clusters=clusters).fit(panel)
    ratio = (both.std_errors["x"] / used.std_errors["x"]) ** 2
    assert notice.data["ratio"] == pytest.approx(ratio, rel=1e-9)
    assert f"would be {ratio**0.5:.1f} times" in notice.message
    for other in ({"clusters": "i", "cov_type": "clustered"}, {"entity_effects": True}):
        assert "in_entities" not in notices_of(frame, **(options | other))


@pytest.mark.filterwarnings("ignore::digiprosper.errors.CovarianceWarning")
@pytest.mark.parametrize("clusters", [["i", "t"], ["t"]])
def test_returns_that_overlap_are_said_of_clusters_by_time(clusters) -> None:
    frame = returns_frame(exposed=True)
    panel = Panel(frame, "i", "t")
    options = {"entity_effects": False, "clusters": clusters}
    notice = notices_of(frame, "year", **options)["lasting_shocks"]
    fit = FixedEffects("year", ["x"], **options).fit(panel)
    x = frame["x"] - frame.groupby("t")["x"].transform("mean")
    score = (x.to_numpy() * fit.resids.to_numpy()).reshape(40, 120)
    total = score.sum(axis=0)
    used = total @ total + (score.sum(axis=1) ** 2).sum() - (score**2).sum()
    lags, added = 14, 0.0
    for s, t in itertools.permutations(range(120), 2):
        if (weight := 1 - abs(s - t) / (lags + 1)) > 0:
            added += weight * (total[s] * total[t] - score[:, s] @ score[:, t])
    first = sum(
        total[t] * total[t - 1] - score[:, t] @ score[:, t - 1] for t in range(1, 120)
    )
    assert notice.data["lags"] == lags
    assert notice.data["ratio"] == pytest.approx(1 + added / used, rel=1e-9)
    assert notice.data["correlation"] == pytest.approx(first / (total @ total))
    assert not notices_of(frame, "r", **options)
    assert not notices_of(returns_frame(exposed=False), "r", **options)


@pytest.mark.parametrize("share", [False, True])
@pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
def test_effects_of_a_treatment_that_grow_are_no_shared_exposure(share: bool) -> None:
    rng = np.random.default_rng(3)
    i, t = np.indices((200, 20))
    to = rng.uniform(size=(200, 1)) if share else rng.uniform(size=(200, 1)) < 0.5
    d = to * (t >= 10.0)
    y = d * (t - 9) / 4 + rng.normal(size=d.shape)
    columns = {"i": i, "t": t, "d": d, "y": y}
    frame = pd.DataFrame({name: values.ravel() for name, values in columns.items()})
    fit = FixedEffects("y", ["d"]).fit(Panel(frame, "i", "t"))
    assert "shared_exposure" not in {n.code for n in fit.diagnostics}


@pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
def test_a_policy_whose_effects_differ_is_no_shared_exposure() -> None:
    rng = np.random.default_rng(0)
    i, t = np.indices((60, 12)).reshape(2, -1)
    since = np.clip(t - np.where(i < 20, 4, np.where(i < 40, 8, 99)) + 1, 0, None)
    y = since * np.where(i < 20, 1.0, 0.2) + rng.normal(size=i.size)
    frame = pd.DataFrame({"i": i, "t": t, "y": y, "on": (since > 0) * 1.0})
    fit = FixedEffects("y", ["on"]).fit(Panel(frame, "i", "t"))
    assert "shared_exposure" not in {n.code for n in fit.diagnostics}
