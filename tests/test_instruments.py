"""Instruments built from parts: by key, in any order, with every gap named."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper import FixedEffectsIV, Panel, instruments
from digiprosper.errors import (
    AlignmentError,
    ColumnError,
    DigiprosperError,
    IdentificationError,
    IdentificationWarning,
    InputTypeError,
    MissingDataError,
    OptionError,
    PanelIndexError,
    TermError,
    notice_of,
)

YEARS = np.arange(2011, 2017)


def make_frame(seed: int = 0, n: int = 8) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {"city": np.repeat([f"c{i}" for i in range(n)], 6), "year": np.tile(YEARS, n)}
    )
    frame["posts"] = np.repeat(rng.uniform(1, 9, n), 6)
    frame["users"] = np.tile(rng.uniform(0.1, 0.9, 6), n)
    for industry in ("farms", "mills"):
        frame[industry] = rng.uniform(1, 5, len(frame))
    return (
        frame[rng.random(len(frame)) > 0.15]
        .sample(frac=1, random_state=seed)
        .reset_index(drop=True)
    )


def panel_of(frame: pd.DataFrame | None = None) -> Panel:
    return Panel(make_frame() if frame is None else frame, "city", "year")


def national(first: int = 2010, last: int = 2016) -> pd.Series:
    years = np.arange(first, last + 1)
    return pd.Series(np.sqrt(years - 1900.0), index=years, name="national")


# --- interact -------------------------------------------------------------------------


def test_interact_by_loops() -> None:
    frame = make_frame()
    users = national()
    z = instruments.interact(
        panel_of(frame), "posts", users.sample(frac=1, random_state=2)
    )
    assert z.name == "posts:lag(national, 1)"
    for _, row in frame.iterrows():
        assert z[(row["city"], row["year"])] == row["posts"] * users[row["year"] - 1]


def test_interact_takes_columns_terms_and_series_alike() -> None:
    frame = make_frame()
    panel = panel_of(frame)
    posts = frame.groupby("city")["posts"].first()
    users = frame.groupby("year")["users"].first()
    by_column = instruments.interact(panel, "posts", "users", lag=2)
    by_series = instruments.interact(panel, posts[::-1], users[::-1], lag=2)
    pd.testing.assert_series_equal(by_column, by_series, check_exact=True)
    year = by_column.index.get_level_values("year")
    assert by_column[year < 2013].isna().all()
    assert by_column[year >= 2013].notna().all()
    logs = instruments.interact(panel, "log(posts)", users, lag=0)
    np.testing.assert_allclose(
        logs, np.log(panel.frame["posts"]) * panel.frame["users"]
    )
    assert logs.name == "log(posts):users"


def test_interact_goes_into_a_panel_and_a_model() -> None:
    panel = panel_of(make_frame(1, 30))
    panel = panel.assign(z=instruments.interact(panel, "posts", national()))
    rng = np.random.default_rng(0)
    noise = pd.DataFrame(
        rng.normal(size=(panel.nobs, 2)), index=panel.index, columns=["u", "v"]
    )
    panel = panel.attach(noise).assign(d="I(20 * z + u)", y="I(d + u + v)")
    results = FixedEffectsIV("y", [], ["d"], ["z"]).fit(panel)
    assert abs(results.params["d"] - 1) < 4 * results.std_errors["d"]
    with pytest.raises(IdentificationError, match="interact"):
        FixedEffectsIV("y", [], ["d"], ["posts"]).fit(panel)


def test_a_missing_entity_stays_missing() -> None:
    frame = make_frame()
    frame.loc[frame["city"] == "c3", "posts"] = np.nan
    z = instruments.interact(panel_of(frame), "posts", national())
    assert z.xs("c3").isna().all()
    assert z.drop("c3").notna().all()
    posts = make_frame().groupby("city")["posts"].first()
    posts["c3"] = np.nan
    assert (
        instruments.interact(panel_of(), posts, national()).isna().sum()
        == z.isna().sum()
    )


def test_a_column_that_is_missing_in_some_rows_counts_where_it_is_there() -> None:
    frame = make_frame()
    frame.loc[frame["year"] > 2012, "posts"] = np.nan
    whole = instruments.interact(panel_of(), "posts", national())
    pd.testing.assert_series_equal(
        instruments.interact(panel_of(frame), "posts", national()), whole
    )


def test_periods_before_the_series_are_missing() -> None:
    z = instruments.interact(panel_of(), "posts", national(2012))
    year = z.index.get_level_values("year")
    assert z[year <= 2012].isna().all()
    assert z[year > 2012].notna().all()


@pytest.mark.parametrize(
    "times",
    [
        pd.period_range("2011", periods=6, freq="Y"),
        pd.period_range("2011-01", periods=6, freq="Q"),
        pd.date_range("2011-01-01", periods=6, freq="YS"),
        pd.date_range("2011-01-31", periods=6, freq="ME"),
    ],
)
def test_dates_and_periods(times: pd.Index) -> None:
    frame = make_frame()
    frame["year"] = times[frame["year"] - 2011]
    series = pd.Series(np.arange(6.0), index=times, name="s")
    z = instruments.interact(panel_of(frame), "posts", series)
    expected = panel_of(frame).frame["posts"] * (
        times.get_indexer(z.index.get_level_values(1)) - 1.0
    )
    first = z.index.get_level_values(1) == times[0]
    np.testing.assert_allclose(z[~first], expected[~first])
    assert z[first].isna().all()


def test_dates_of_a_finer_step_are_refused() -> None:
    frame = make_frame()
    frame["year"] = pd.to_datetime(frame["year"].astype(str))
    months = pd.date_range("2010-01-01", "2016-12-01", freq="MS")
    with pytest.raises(AlignmentError, match="frequency"):
        instruments.interact(panel_of(frame), "posts", pd.Series(1.0, index=months))


# --- bartik ---------------------------------------------------------------------------


def share_frame(seed: int = 0) -> pd.DataFrame:
    frame = make_frame(seed)
    total = frame["farms"] + frame["mills"]
    return frame.assign(s_farms=frame["farms"] / total, s_mills=frame["mills"] / total)


def growth() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    return pd.DataFrame(
        rng.normal(size=(6, 2)), index=YEARS, columns=["s_mills", "s_farms"]
    )


def test_bartik_by_loops() -> None:
    frame, g = share_frame(), growth()
    z = instruments.bartik(
        panel_of(frame), ["s_farms", "s_mills"], g.sample(frac=1, random_state=1)
    )
    for _, row in frame.iterrows():
        expected = sum(row[k] * g.loc[row["year"], k] for k in ("s_farms", "s_mills"))
        assert z[(row["city"], row["year"])] == pytest.approx(expected, rel=1e-12)


def test_shares_of_a_base_period() -> None:
    frame = share_frame()
    cities = set(frame.loc[frame["year"] == 2012, "city"])
    frame = frame[frame["city"].isin(cities)]
    g = growth()
    z = instruments.bartik(panel_of(frame), ["s_farms", "s_mills"], g, base=2012)
    base = frame[frame["year"] == 2012].set_index("city")
    for city, year in z.index:
        expected = sum(
            base.loc[city, k] * g.loc[year, k] for k in ("s_farms", "s_mills")
        )
        assert z[(city, year)] == pytest.approx(expected, rel=1e-12)


@pytest.mark.many(2)
@pytest.mark.parametrize("leave", [False, True])
@pytest.mark.parametrize("lag", [1, 2])
def test_growth_of_totals_by_loops(leave: bool, lag: int) -> None:
    frame = share_frame(2)
    pairs = {"s_farms": "farms", "s_mills": "mills"}
    z = instruments.bartik(
        panel_of(frame), list(pairs), pairs, leave_one_out=leave, lag=lag
    )
    by_key = frame.set_index(["city", "year"])
    for city, year in z.index:
        others = [
            c
            for c in frame["city"].unique()
            if (c, year) in by_key.index
            and (c, year - lag) in by_key.index
            and not (leave and c == city)
        ]
        if year - lag < 2011:
            assert np.isnan(z[(city, year)])
            continue
        expected = 0.0
        for share, column in pairs.items():
            now, then = (
                sum(by_key.loc[(c, t), column] for c in others)
                for t in (year, year - lag)
            )
            expected += by_key.loc[(city, year), share] * (now / then - 1)
        assert z[(city, year)] == pytest.approx(expected, rel=1e-9)


def test_incomplete_shares_are_told() -> None:
    frame = share_frame().assign(s_mills=lambda f: f["s_mills"] / 2)
    sums = frame["s_farms"] + frame["s_mills"]
    words = f"{sums.mean():.3g} on average ({sums.min():.3g} to {sums.max():.3g})"
    with pytest.warns(IdentificationWarning, match=re.escape(words)):
        instruments.bartik(panel_of(frame), ["s_farms", "s_mills"], growth())
    notice = notice_of("incomplete_shares", least=0.2, mean=0.5, largest=0.9)
    assert (notice.code, notice.data) == (
        "incomplete_shares",
        {"least": 0.2, "mean": 0.5, "largest": 0.9},
    )


# --- distance -------------------------------------------------------------------------

CITIES = pd.DataFrame(
    {"lat": [30.27, 31.23, 39.90, 30.27], "lon": [120.15, 121.47, 116.40, -59.85]},
    index=pd.Index(["Hangzhou", "Shanghai", "Beijing", "nowhere"], name="city"),
)


def test_distances() -> None:
    actual = instruments.distance_to(CITIES, "Hangzhou")
    assert actual.index.equals(CITIES.index)
    assert actual["Hangzhou"] == 0
    # By the law of cosines.
    a, b = np.radians(CITIES.to_numpy())[[0, 2]]
    cosine = np.sin(a[0]) * np.sin(b[0]) + np.cos(a[0]) * np.cos(b[0]) * np.cos(
        a[1] - b[1]
    )
    assert actual["Beijing"] == pytest.approx(6371.0088 * np.arccos(cosine), rel=1e-9)
    antipode = instruments.distance_to(CITIES, (-30.27, -59.85))["Hangzhou"]
    assert antipode == pytest.approx(np.pi * 6371.0088, rel=1e-12)
    renamed = CITIES[["lon", "lat"]].rename(
        columns={"lon": "Longitude", "lat": "Latitude"}
    )
    pd.testing.assert_series_equal(
        instruments.distance_to(renamed, (30.27, 120.15)), actual
    )


def test_distances_in_a_panel() -> None:
    frame = make_frame().merge(
        pd.DataFrame(
            {
                "city": [f"c{i}" for i in range(8)],
                "lat": np.arange(8.0),
                "lon": 100 + np.arange(8.0),
            }
        )
    )
    panel = panel_of(frame)
    panel = panel.assign(far=lambda f: instruments.distance_to(f[["lat", "lon"]], "c2"))
    assert (panel.frame["far"].xs("c2") == 0).all()
    z = instruments.interact(panel, "far", national())
    assert z.notna().all()
    by_city = frame.groupby("city")[["lat", "lon"]].first()
    other = instruments.interact(
        panel, instruments.distance_to(by_city, "c2"), national()
    )
    np.testing.assert_array_equal(z, other)


def test_a_missing_coordinate_is_a_missing_distance() -> None:
    table = CITIES.copy()
    table.loc["Beijing", "lat"] = np.nan
    assert instruments.distance_to(table, "Shanghai").isna().tolist() == [
        False,
        False,
        True,
        False,
    ]


# --- refusals -------------------------------------------------------------------------


def strange_labels() -> pd.Series:
    return pd.Series(1.0, index=[f"C{i}" for i in range(8)])


REFUSED = {
    "no panel": (
        InputTypeError,
        lambda p: instruments.interact(p.frame, "posts", national()),
    ),
    "a cross-section": (
        PanelIndexError,
        lambda p: instruments.interact(
            Panel(CITIES.reset_index(), "city"), "lat", national()
        ),
    ),
    "unknown column": (
        ColumnError,
        lambda p: instruments.interact(p, "post", national()),
    ),
    "varies within entities": (
        TermError,
        lambda p: instruments.interact(p, "farms", national()),
    ),
    "varies within periods": (
        TermError,
        lambda p: instruments.interact(p, "posts", "farms"),
    ),
    "entities not covered": (
        AlignmentError,
        lambda p: instruments.interact(p, strange_labels(), national()),
    ),
    "periods not covered": (
        AlignmentError,
        lambda p: instruments.interact(p, "posts", national(2010, 2013)),
    ),
    "no period covered": (
        AlignmentError,
        lambda p: instruments.interact(p, "posts", national(1990, 1999)),
    ),
    "a gap": (
        AlignmentError,
        lambda p: instruments.interact(p, "posts", national().drop(2013)),
    ),
    "years as text": (
        AlignmentError,
        lambda p: instruments.interact(p, "posts", national().rename(index=str)),
    ),
    "years as floats": (
        AlignmentError,
        lambda p: instruments.interact(p, "posts", national().rename(index=float)),
    ),
    "two levels": (
        AlignmentError,
        lambda p: instruments.interact(p, p.frame["posts"], national()),
    ),
    "a year twice": (
        AlignmentError,
        lambda p: instruments.interact(p, "posts", pd.concat([national(), national()])),
    ),
    "text values": (
        InputTypeError,
        lambda p: instruments.interact(p, "posts", national().astype(str)),
    ),
    "complex values": (
        InputTypeError,
        lambda p: instruments.interact(p, "posts", national().astype(complex)),
    ),
    "infinite values": (
        MissingDataError,
        lambda p: instruments.interact(p, "posts", national() * np.inf),
    ),
    "products beyond floats": (
        MissingDataError,
        lambda p: instruments.interact(
            p.assign(posts="I(posts * 1e200)"), "posts", national() * 1e200
        ),
    ),
    "an array": (
        InputTypeError,
        lambda p: instruments.interact(p, "posts", np.ones(6)),
    ),
    "a category": (
        TermError,
        lambda p: instruments.interact(p, "C(posts)", national()),
    ),
    "a fractional lag": (
        OptionError,
        lambda p: instruments.interact(p, "posts", national(), lag=0.5),
    ),
    "a lead": (
        OptionError,
        lambda p: instruments.interact(p, "posts", national(), lag=-1),
    ),
    "a share without shock": (
        ColumnError,
        lambda p: instruments.bartik(p, ["s_farms", "s_mills"], growth()[["s_mills"]]),
    ),
    "a shock without share": (
        ColumnError,
        lambda p: instruments.bartik(p, ["s_farms"], growth()),
    ),
    "a shock twice": (
        ColumnError,
        lambda p: instruments.bartik(
            p, ["s_farms", "s_mills"], pd.concat([growth(), growth()], axis=1)
        ),
    ),
    "periods without shocks": (
        AlignmentError,
        lambda p: instruments.bartik(p, ["s_farms", "s_mills"], growth().loc[2012:]),
    ),
    "no shares": (TermError, lambda p: instruments.bartik(p, [], growth())),
    "negative share": (
        OptionError,
        lambda p: instruments.bartik(
            p.assign(s_farms="I(0 - s_farms)"), ["s_farms", "s_mills"], growth()
        ),
    ),
    "own growth left out of given shocks": (
        OptionError,
        lambda p: instruments.bartik(
            p, ["s_farms", "s_mills"], growth(), leave_one_out=True
        ),
    ),
    "no truth value": (
        OptionError,
        lambda p: instruments.bartik(
            p, ["s_farms", "s_mills"], growth(), leave_one_out=1
        ),
    ),
    "unknown base": (
        OptionError,
        lambda p: instruments.bartik(p, ["s_farms", "s_mills"], growth(), base=1999),
    ),
    "base as a list": (
        OptionError,
        lambda p: instruments.bartik(p, ["s_farms", "s_mills"], growth(), base=[2012]),
    ),
    "entities without the base": (
        AlignmentError,
        lambda p: instruments.bartik(
            p.subset("(city != 'c1') | (year > 2012)"),
            ["s_farms", "s_mills"],
            growth(),
            base=2012,
        ),
    ),
    "shocks as a Series": (
        InputTypeError,
        lambda p: instruments.bartik(p, ["s_farms"], growth()["s_farms"]),
    ),
    "lag of nothing": (
        OptionError,
        lambda p: instruments.bartik(p, ["s_farms"], {"s_farms": "farms"}, lag=0),
    ),
    "no frame": (InputTypeError, lambda p: instruments.distance_to(p, "c1")),
    "no coordinates": (ColumnError, lambda p: instruments.distance_to(p.frame, "c1")),
    "unknown place": (
        AlignmentError,
        lambda p: instruments.distance_to(CITIES, "hangzhou"),
    ),
    "no place": (AlignmentError, lambda p: instruments.distance_to(CITIES, None)),
    "swapped": (
        OptionError,
        lambda p: instruments.distance_to(CITIES, (120.15, 30.27)),
    ),
    "coordinates in metres": (
        OptionError,
        lambda p: instruments.distance_to(CITIES * 1000, "Hangzhou"),
    ),
    "coordinates as text": (
        InputTypeError,
        lambda p: instruments.distance_to(CITIES.astype(str), "Hangzhou"),
    ),
    "place of text": (
        InputTypeError,
        lambda p: instruments.distance_to(CITIES, ("30", "east")),
    ),
    "place unknown in part": (
        MissingDataError,
        lambda p: instruments.distance_to(CITIES, (30.0, np.nan)),
    ),
    "a place that moves": (
        AlignmentError,
        lambda p: instruments.distance_to(pd.concat([CITIES, CITIES + 1]), "Hangzhou"),
    ),
}


@pytest.mark.many(21)
@pytest.mark.parametrize("case", REFUSED)
def test_malformed_input_is_refused_by_name(case: str) -> None:
    error, call = REFUSED[case]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        panel = Panel(share_frame(), "city", "year")
        with pytest.raises(error) as caught:
            call(panel)
    assert isinstance(caught.value, DigiprosperError)
    assert caught.value.problems


def test_the_module_is_public() -> None:
    assert dp.instruments is instruments
    assert set(instruments.__all__) == {"bartik", "distance_to", "interact"}
