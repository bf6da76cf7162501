"""Dagum's decomposition: outside numbers, identities, pairs, draws.

Draws are compared with stacked rows.
"""

from __future__ import annotations

import json
import pickle
import warnings
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digiprosper import DagumResult, dagum, gini
from digiprosper.errors import (
    FewClustersWarning,
    FewDrawsWarning,
    IdentificationError,
    InputTypeError,
    OptionError,
)
from digiprosper.kernels.resampling import draw_counts
from digiprosper.report.protocol import HasDraws, Results

if TYPE_CHECKING:
    from collections.abc import Callable

OUTSIDE = json.loads(
    (Path(__file__).parents[1] / "reference" / "inequality.json").read_text(
        encoding="utf-8"
    )
)
INCOMES, GROUPS = OUTSIDE["G3"]["data"], OUTSIDE["G3"]["groups"]
PARTS = ["within", "between", "transvariation"]


def provinces(seed=1, n=60, years=5):
    """Incomes of provinces over years, moving together inside a province.

    The means of regions differ.
    """
    rng = np.random.default_rng(seed)
    region = np.array(["east", "central", "west"])[np.arange(n) % 3]
    level = rng.normal(size=n) * 0.3 + np.array([0.6, 0.2, 0.0])[np.arange(n) % 3]
    frame = pd.DataFrame(
        {"id": np.repeat(np.arange(n), years), "region": np.repeat(region, years)}
    )
    frame["income"] = np.exp(np.repeat(level, years) + 0.1 * rng.normal(size=n * years))
    frame["people"] = rng.integers(1, 5, n * years).astype(float)
    return frame


def test_outside_numbers():
    found, case = dagum(INCOMES, GROUPS), OUTSIDE["dagum"]
    assert found.total == pytest.approx(OUTSIDE["G3"]["gini"], abs=1e-15)
    for name in PARTS:
        assert getattr(found, name) == pytest.approx(case[name], abs=case["tolerance"])
    assert found.shares.to_dict() == pytest.approx(
        {n: case["exact"][n][0] / 241 for n in PARTS}, abs=1e-14
    )


def test_pairs_as_defined():
    rng = np.random.default_rng(2)
    y, w, groups = rng.lognormal(size=45), rng.random(45), rng.choice(list("abcd"), 45)
    found = dagum(y, groups, obs_weights=w)
    assert found.pairs.columns.tolist() == ["richer", "poorer", "gini", "distance"]
    assert len(found.pairs) == 6
    means = found.groups["mean"]
    for row in found.pairs.itertuples():
        j, h = groups == row.richer, groups == row.poorer
        assert means[row.richer] >= means[row.poorer]
        chance = np.outer(w[j], w[h]) / (w[j].sum() * w[h].sum())
        lead = y[j][:, None] - y[h]
        d, p = (
            (chance * np.maximum(lead, 0)).sum(),
            (chance * np.maximum(-lead, 0)).sum(),
        )
        assert row.gini == pytest.approx(
            (d + p) / (means[row.richer] + means[row.poorer]), abs=1e-13
        )
        assert row.distance == pytest.approx((d - p) / (d + p), abs=1e-12)


def test_groups_and_pairs_give_the_parts_back():
    rng = np.random.default_rng(3)
    y, groups = rng.lognormal(size=80), rng.choice(list("abcd"), 80)
    found = dagum(y, groups)
    table = found.groups
    p, s = table["population_share"], table["income_share"]
    assert p.sum() == pytest.approx(1)
    assert s.sum() == pytest.approx(1)
    for name in table.index:
        assert table.loc[name, "gini"] == pytest.approx(
            gini(y[groups == name]), abs=1e-14
        )
        assert table.loc[name, "mean"] == pytest.approx(y[groups == name].mean())
    both = [
        p[a] * s[b] + p[b] * s[a]
        for a, b in zip(found.pairs["richer"], found.pairs["poorer"], strict=True)
    ]
    across = found.pairs["gini"] * both
    assert (table["gini"] * p * s).sum() == pytest.approx(found.within, abs=1e-14)
    assert (across * found.pairs["distance"]).sum() == pytest.approx(
        found.between, abs=1e-14
    )
    assert (across * (1 - found.pairs["distance"])).sum() == pytest.approx(
        found.transvariation, abs=1e-14
    )


@pytest.mark.further
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_parts_add_up_whatever_the_rows(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 60))
    y, groups = rng.lognormal(size=n), rng.integers(0, 5, n)
    times = rng.integers(0, 4, n) + (np.arange(n) == 0)
    found = dagum(y, groups, obs_weights=times)
    assert found.within + found.between + found.transvariation == pytest.approx(
        found.total, abs=1e-14
    )
    assert found.total == pytest.approx(gini(y, obs_weights=times), abs=1e-14)
    assert found.shares.isna().all() or found.shares.sum() == pytest.approx(
        1, abs=1e-10
    )
    # Rows in another order, groups renamed, another unit, weights written out
    order = rng.permutation(n)
    again = dagum(
        y[order] * 1e4, [f"g{9 - g}" for g in groups[order]], obs_weights=times[order]
    )
    stacked = dagum(np.repeat(y, times), np.repeat(groups, times))
    means = (
        pd.Series(y * times).groupby(groups).sum()
        / pd.Series(times).groupby(groups).sum()
    )
    for name in ["total", *PARTS]:
        assert getattr(again, name) == pytest.approx(getattr(found, name), abs=1e-13)
        assert getattr(stacked, name) == pytest.approx(getattr(found, name), abs=1e-13)
    in_group = means.loc[groups].to_numpy()
    assert gini(np.nan_to_num(in_group), obs_weights=times) == pytest.approx(
        found.between, abs=1e-13
    )


def test_groups_apart_and_groups_alike():
    apart = dagum([1, 2, 3, 11, 12, 13], list("aaabbb"))
    assert apart.transvariation == 0.0
    assert apart.pairs["distance"].tolist() == [1.0]
    touching = dagum([1, 2, 2, 3], list("aabb"))
    assert touching.transvariation == 0.0
    alike = dagum([1, 2, 3, 1, 2, 3], list("aaabbb"))
    assert alike.between == 0.0
    assert alike.pairs["distance"].tolist() == [0.0]
    # One member of the poorer group ahead of one of the richer: E(Y_h - Y_j)+ = 2/4,
    # times 2 p_j p_h / mean
    crossing = dagum([1, 6, 4, 9], list("aabb"))
    assert crossing.transvariation == pytest.approx(2 * 0.25 * 0.5 / 5, abs=1e-15)


def test_one_group_and_equal_values():
    alone = dagum(INCOMES, ["all"] * 10)
    assert alone.shares.tolist() == pytest.approx([1, 0, 0])
    assert alone.pairs.empty
    flat = dagum([2.0, 2.0, 2.0], list("aab"))
    assert (flat.total, flat.within, flat.between, flat.transvariation) == (0, 0, 0, 0)
    assert flat.shares.isna().all()
    assert flat.pairs[["gini"]].to_numpy().tolist() == [[0.0]]
    assert flat.pairs["distance"].isna().all()
    zeros = dagum([0, 0, 1, 2], list("aabb"))
    assert np.isnan(zeros.groups.loc["a", "gini"])
    assert zeros.shares.sum() == pytest.approx(1)


# --- draws ----------------------------------------------------------------------------


def test_a_draw_is_the_decomposition_of_stacked_rows():
    frame = provinces(n=40)
    found = dagum(
        frame["income"],
        frame["region"],
        obs_weights=frame["people"],
        clusters=frame["id"],
        reps=199,
        rng=7,
    )
    counts = draw_counts(np.random.SeedSequence(7), 40, 199)
    for r in range(30):
        rows = np.concatenate(
            [
                np.flatnonzero(frame["id"] == c)
                for c in np.repeat(np.arange(40), counts[r].astype(int))
            ]
        )
        part = frame.iloc[rows].reset_index(drop=True)
        again = dagum(part["income"], part["region"], obs_weights=part["people"])
        np.testing.assert_allclose(
            found.draws.iloc[r], [again.total, *again.shares], atol=1e-10
        )


def test_by_default_rows_are_drawn():
    frame = provinces(n=50, years=1)
    rows = dagum(frame["income"], frame["region"], reps=199, rng=3)
    named = dagum(
        frame["income"], frame["region"], clusters=frame["id"], reps=199, rng=3
    )
    pd.testing.assert_frame_equal(rows.draws, named.draws)
    assert rows.n_clusters == 50


def test_rows_of_one_entity_drawn_apart_are_told():
    frame = provinces().assign(year=np.tile(np.arange(5), 60)).set_index(["id", "year"])
    apart = dagum(frame["income"], frame["region"], reps=199, rng=3)
    assert [n.code for n in apart.diagnostics] == ["rows_drawn"]
    assert "get_level_values('id')" in apart.summary()
    ids = frame.index.get_level_values("id")
    assert (
        dagum(
            frame["income"], frame["region"], clusters=ids, reps=199, rng=3
        ).diagnostics
        == ()
    )
    once = frame.xs(2, level="year", drop_level=False)
    assert dagum(once["income"], once["region"], reps=199, rng=3).diagnostics == ()


def test_intervals():
    frame = provinces()
    found = dagum(
        frame["income"],
        frame["region"],
        clusters=frame["id"],
        reps=399,
        rng=5,
        level=0.9,
    )
    table = found.intervals
    assert table.index.tolist() == [
        "total",
        "share_within",
        "share_between",
        "share_transvariation",
    ]
    assert table.columns.tolist() == ["estimate", "conf_low", "conf_high"]
    assert (table["conf_low"] < table["estimate"]).all()
    assert (table["estimate"] < table["conf_high"]).all()
    # Order statistics at .05 and .95 times 400
    ordered = np.sort(found.draws["share_between"])
    assert table.loc["share_between", "conf_low"] == pytest.approx(ordered[19])
    assert table.loc["share_between", "conf_high"] == pytest.approx(ordered[379])
    np.testing.assert_allclose(found.draws.iloc[:, 1:].sum(axis=1), 1.0, atol=1e-12)
    narrower = dagum(
        frame["income"], frame["region"], reps=399, rng=5, level=0.9
    ).intervals
    assert (
        narrower.loc["share_between", "conf_high"]
        - narrower.loc["share_between", "conf_low"]
    ) < (
        table.loc["share_between", "conf_high"] - table.loc["share_between", "conf_low"]
    )


def test_draws_are_reproduced_and_do_not_depend_on_the_order_of_rows():
    frame = provinces()
    call = {"clusters": frame["id"], "reps": 199}
    first = dagum(frame["income"], frame["region"], **call)
    again = dagum(frame["income"], frame["region"], rng=first.rng_entropy, **call)
    pd.testing.assert_frame_equal(first.draws, again.draws)
    turned = frame.sample(frac=1, random_state=1)
    other = dagum(
        turned["income"],
        turned["region"],
        clusters=turned["id"],
        reps=199,
        rng=first.rng_entropy,
    )
    np.testing.assert_allclose(other.draws, first.draws, atol=1e-12)


@pytest.mark.parametrize("value", [3.7, 1.1 / 3, 1e-7])
def test_equal_values_have_no_shares_in_any_draw(value):
    groups = np.repeat(list("abc"), 8)
    with pytest.warns(FewDrawsWarning):
        found = dagum(np.full(24, value), groups, reps=39, rng=1)
    assert found.total == pytest.approx(0, abs=1e-14)
    assert found.shares.isna().all()
    assert (
        found.draws[["share_within", "share_between", "share_transvariation"]]
        .isna()
        .all(axis=None)
    )
    assert found.intervals.iloc[1:][["conf_low", "conf_high"]].isna().all(axis=None)


def test_without_draws():
    found = dagum(INCOMES, GROUPS)
    assert found.draws.shape == (0, 4)
    assert found.intervals[["conf_low", "conf_high"]].isna().all(axis=None)
    assert found.rng_entropy is None
    assert found.n_clusters is None
    assert "draws" not in found.summary()


def test_few_clusters_few_draws_and_lost_draws():
    frame = provinces(n=30)
    arguments = (frame["income"], frame["region"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        some = dagum(*arguments, clusters=frame["id"], reps=199, rng=1)
    assert [n.code for n in some.diagnostics] == ["few_clusters"]
    assert some.diagnostics[0].data == {"clusters": "drawn together", "n_clusters": 30}
    with pytest.warns(FewClustersWarning):
        few = dagum(*arguments, clusters=frame["region"], reps=199, rng=1)
    data = {"clusters": "drawn together", "n_clusters": 3}
    assert [(n.code, n.data) for n in few.diagnostics] == [
        ("too_few_clusters_to_draw", data)
    ]
    with pytest.warns(FewDrawsWarning):
        short = dagum(*arguments, clusters=frame["id"], reps=50, rng=1)
    assert {n.code: n.data for n in short.diagnostics}["few_draws"] == {"reps": 50}
    y = [0.0] * 25 + [1.0, 2.0]
    with pytest.warns(
        FewDrawsWarning, match="draws were dropped: all drawn values are equal"
    ):
        lost = dagum(y, ["a", "b", *["a"] * 25], reps=199, rng=1)
    gone = int(lost.draws["share_within"].isna().sum())
    assert {n.code: n.data for n in lost.diagnostics}["lost_draws"] == {
        "lost": gone,
        "reps": 199,
    }
    assert lost.draws["share_within"].isna().any()
    assert lost.intervals["conf_low"].notna().all()


def test_options_out_of_range():
    for reps in (-1, 1.5, "99", True, None):
        with pytest.raises(OptionError, match="reps"):
            dagum(INCOMES, GROUPS, reps=reps)
    with pytest.raises(OptionError, match="level"):
        dagum(INCOMES, GROUPS, level=95)
    with pytest.raises(IdentificationError, match="two clusters"):
        dagum(INCOMES, GROUPS, clusters=["x"] * 10, reps=99)
    with pytest.raises(InputTypeError, match="rng"):
        dagum(INCOMES, GROUPS, reps=99, rng="seed")


def test_the_result_is_small_plain_and_no_set_of_estimates():
    frame = provinces()
    found = dagum(
        frame["income"], frame["region"], clusters=frame["id"], reps=199, rng=2
    )
    assert isinstance(found, DagumResult)
    assert not isinstance(found, Results | HasDraws)
    assert len(found.draws) == 199
    with pytest.raises(AttributeError):
        found.total = 1.0  # type: ignore[misc]
    back = pickle.loads(pickle.dumps(found))
    pd.testing.assert_frame_equal(back.intervals, found.intervals)
    pd.testing.assert_frame_equal(back.pairs, found.pairs)
    data = json.loads(json.dumps(found.to_dict()))
    assert data["schema"] == 1
    assert data["total"] == found.total
    assert [p["richer"] for p in data["pairs"]] == ["east", "east", "central"]
    text = found.summary()
    assert repr(found) == text
    assert "95% interval" in text
    assert (
        next(line for line in text.splitlines() if line.startswith("total")).split()[2]
        == "100.0%"
    )
    assert found.conventions.endswith("199 bootstrap draws of 60 clusters")
    assert text.splitlines()[-1] == f"Settings: rng {found.rng_entropy}."
    assert max(map(len, text.splitlines())) <= 80


def regions(seed, n):
    """Incomes of n entities in three regions over ten years, and their regions."""
    rng = np.random.default_rng(seed)
    region = np.repeat(
        np.arange(3), np.round(np.array([0.35, 0.30, 0.35]) * n).astype(int)
    )
    level = np.array([0.6, 0.2, 0.0])[region] + 0.35 * rng.normal(size=n)
    return np.exp(level[:, None] + 0.1 * rng.normal(size=(n, 10))).ravel(), np.repeat(
        region, 10
    )


@pytest.mark.montecarlo
@pytest.mark.parametrize("draws_of", ["entities", "rows"])
@pytest.mark.parametrize("n", [31, 100, 280])
def test_coverage(n, draws_of, measured: Callable[..., None]) -> None:
    """Share of 500 panels in which a 95% interval contains the true value.

    The true value is that of 100,000 entities.

    n entities in three regions of fixed sizes are observed for 10 years. Log incomes
    have standard deviations of .35 between and .1 within the entities of a region, and
    means of 0, .2 and .6. Draws are 399, of entities or, wrongly, of rows.
    """
    y, region = regions(0, 100_000)
    many = dagum(y, region)
    truth = np.array([many.total, *many.shares])
    clusters = np.repeat(np.arange(n), 10) if draws_of == "entities" else None
    hits = np.zeros(4)
    for seed in range(500):
        y, region = regions(seed + 1, n)
        table = dagum(y, region, clusters=clusters, reps=399, rng=seed).intervals
        hits += (
            (table["conf_low"] <= truth) & (truth <= table["conf_high"])
        ).to_numpy()
    cover = hits / 500
    shares = dict(zip(["total", *PARTS], cover.tolist(), strict=True))
    measured("coverage_of_gini_intervals", {"n": n, "draws of": draws_of, **shares})
    if draws_of == "rows":
        assert (cover < 0.7).all()
    if (n, draws_of) == (100, "entities"):
        assert (cover > np.array([0.86, 0.94, 0.92, 0.93])).all()
        assert cover[0] < 0.94


def test_many_groups():
    rng = np.random.default_rng(4)
    y, groups = rng.lognormal(size=2000), rng.integers(0, 200, 2000)
    found = dagum(y, groups)
    assert found.within + found.between + found.transvariation == pytest.approx(
        found.total, abs=1e-13
    )
    assert len(found.pairs) == len(list(combinations(range(200), 2)))


@pytest.mark.parametrize("clusters", [2, 3, 4, 5])
def test_draws_of_few_clusters_give_no_interval(clusters):
    frame, missing = provinces(n=30), clusters < 5
    group = pd.factorize(frame["id"])[0] % clusters
    with pytest.warns(FewClustersWarning) as caught:
        found = dagum(frame["income"], frame["region"], clusters=group, reps=199, rng=1)
    assert len(caught) == 1
    assert (found.intervals[["conf_low", "conf_high"]].isna() == missing).all(axis=None)
    assert found.intervals["estimate"].notna().all()
    code = "too_few_clusters_to_draw" if missing else "very_few_clusters"
    assert [n.code for n in found.diagnostics] == [code]
    assert "nan" not in found.summary()
    assert ("not computed" in found.summary()) is missing


@pytest.mark.parametrize(("units", "equal"), [(160, True), (200, False)])
def test_a_gini_coefficient_below_1e_14_is_that_of_equal_values(units, equal):
    """Of two values the coefficient is a quarter of their distance."""
    found = dagum([1.0, 1 + units * np.finfo(float).eps], ["a", "b"])
    assert found.total == pytest.approx(units * np.finfo(float).eps / 4, rel=0.05)
    assert found.shares.isna().all() == equal
