"""Where regimes part: the panel threshold's value; draws searched one by one."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from digiprosper import Mediation, Panel, PanelThreshold
from digiprosper.errors import (
    CollinearityError,
    IdentificationError,
    OptionError,
    ThresholdSearchError,
)
from digiprosper.kernels.resampling import draw_counts, seed_sequence


def make(seed=0, n=24, periods=6, keep=0.85, gamma=0.4):
    """Unbalanced; below gamma treatment and mediator have three times the slopes.

    The treatment moves the mediator, and the mediator the outcome.
    """
    rng = np.random.default_rng(seed)
    city, year = (
        v.ravel()
        for v in np.meshgrid(np.arange(n), 2001 + np.arange(periods), indexing="ij")
    )

    def draw():
        return (
            rng.normal(size=n)[city]
            + rng.normal(size=periods)[year - 2001]
            + rng.normal(size=city.size)
        )

    frame = pd.DataFrame(
        {"city": city, "year": year, "region": city % (n // 2), "w": draw()}
    )
    frame["q"] = rng.normal(size=city.size).round(1)  # with ties
    big = np.where(frame["q"] <= gamma, 1.5, 0.5)
    frame["x"] = draw() + 0.4 * frame["w"]
    frame["m1"] = big * frame["x"] + draw()
    frame["m2"] = -0.4 * frame["x"] + 0.2 * frame["m1"] + draw()
    frame["y"] = (
        0.3 * frame["x"]
        + big * frame["m1"]
        + 0.2 * frame["m2"]
        + 0.1 * frame["w"]
        + draw()
    )
    return frame[(rng.random(city.size) < keep) | (year < 2003)].reset_index(drop=True)


def quiet(spec, panel, rng=1):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return spec.fit(panel, rng=rng)


def on(frame):
    return Panel(frame, "city", "year")


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    "flags", [(True, True), (True, False), (False, True), (False, False)]
)
@pytest.mark.parametrize("level", [True, False])
@pytest.mark.many(8)
def test_the_value_is_that_of_a_panel_threshold(seed, flags, level) -> None:
    panel = on(make(seed, n=15))
    words = {
        "entity_effects": flags[0],
        "time_effects": flags[1],
        "regime_intercept": level,
    }
    spec = Mediation("y", "x", ["m1", "m2"], ["w"], threshold="q", reps=20, **words)
    actual = PanelThreshold(
        "y", ["x", "m1", "m2"], "q", ["w"], trim=0.05, bootstrap=None, **words
    )
    results, want = quiet(spec, panel), quiet(actual, panel)
    assert results.threshold == want.thresholds.loc[1, "estimate"]
    # The outcome's equation is that threshold's regression.
    got = results.paths["outcome"].params
    assert set(got.index) == set(want.slopes.params.index)
    assert ("intercept:regime1" in got.index) == level
    for name, value in want.slopes.params.items():
        assert got[name] == pytest.approx(value, rel=1e-8, abs=1e-12), name
    assert [n.code for n in results.diagnostics].count("untested_threshold") == 1


def rss(frame, gamma):
    """Sum of squares of the outcome's equation with dummies, and its rank."""
    low = (frame["q"] <= gamma).to_numpy(dtype=float)
    split = [
        frame[c].to_numpy() * half for c in ("x", "m1", "m2") for half in (low, 1 - low)
    ]
    blocks = [np.column_stack([*split, low, frame["w"]])]
    for key in ("copy", "year"):
        codes = pd.factorize(frame[key])[0]
        blocks.append(np.eye(codes.max() + 1)[codes])
    design = np.column_stack(blocks)
    b = np.linalg.lstsq(design, frame["y"].to_numpy(), rcond=1e-10)[0]
    return float(np.sum((frame["y"].to_numpy() - design @ b) ** 2))


def searched(frame):
    """Least sum of squares with 5% of rows on each side; the lowest if tied."""
    least = np.ceil(0.05 * len(frame) - 1e-9)
    values = np.unique(frame["q"])
    inside = [
        g for g in values if least <= (frame["q"] <= g).sum() <= len(frame) - least
    ]
    return min(inside, key=lambda g: rss(frame, g))


def test_the_value_has_the_least_sum_of_squares() -> None:
    frame = make(3)
    results = quiet(
        Mediation("y", "x", ["m1", "m2"], ["w"], threshold="q", reps=20), on(frame)
    )
    assert results.threshold == searched(frame.assign(copy=frame["city"]))
    # The truth, in steps of .1
    assert results.threshold == pytest.approx(0.4, abs=0.11)
    low = frame["q"] <= results.threshold
    want = [(int(r.sum()), frame["city"][r].nunique()) for r in (low, ~low)]
    assert list(map(tuple, results.regimes[["nobs", "n_entities"]].to_numpy())) == want
    assert results.regimes["upper"].tolist() == [results.threshold, np.inf]
    assert results.regimes["lower"].tolist() == [-np.inf, results.threshold]
    assert results.threshold_draws.size == 0


@pytest.mark.parametrize("clusters", [None, "region"])
@pytest.mark.further
def test_twenty_searched_draws_equal_searches_and_refits_row_by_row(clusters) -> None:
    frame = make(5, n=20)
    spec = Mediation(
        "y",
        "x",
        ["m1", "m2"],
        ["w"],
        threshold="q",
        search_draws=True,
        clusters=clusters,
        reps=20,
    )
    results = quiet(spec, on(frame), rng=8)
    assert results.threshold_draws.shape == (20,)
    assert np.unique(results.threshold_draws).size > 1
    by = clusters or "city"
    groups = np.unique(frame[by])
    # Held at a number, the same draws are fitted by the engine: what a search adds is
    # the number.
    held = {
        g: quiet(
            spec.replace(threshold=("q", float(g)), search_draws=False),
            on(frame),
            rng=8,
        )
        for g in np.unique(results.threshold_draws)
    }
    for number, count in enumerate(
        draw_counts(seed_sequence(8), groups.size, 20).astype(int)
    ):
        pieces = [
            frame[frame[by] == group].assign(
                copy=lambda d, c=copies: d["city"] * 1000 + c
            )
            for group, times in zip(groups, count, strict=True)
            for copies in range(times)
        ]
        drawn = pd.concat(pieces, ignore_index=True)
        gamma = results.threshold_draws[number]
        assert gamma == searched(drawn)
        here = [
            i
            for i, name in enumerate(results.names)
            if "regime" in name or "difference" in name
        ]
        np.testing.assert_allclose(
            results.draw_values[number, here],
            held[gamma].draw_values[number, here],
            rtol=1e-9,
            atol=1e-10,
        )


def test_averages_of_a_searched_draw_have_the_shares_of_its_own_value() -> None:
    # The average is over the rows of the sample, each in the regime in which the draw's
    # value puts it.
    frame = make(5, n=20)
    spec = Mediation(
        "y", "x", ["m1", "m2"], ["w"], threshold="q", search_draws=True, reps=30
    )
    results = quiet(spec, on(frame), rng=8)
    draws = results.draws
    share = np.array(
        [(frame["q"] <= gamma).mean() for gamma in results.threshold_draws]
    )
    assert np.unique(share).size > 1
    for name in ("total", "direct", "indirect", "indirect:m1", "indirect:m2"):
        want = share * draws[f"{name}:regime1"] + (1 - share) * draws[f"{name}:regime2"]
        np.testing.assert_allclose(draws[name], want, rtol=1e-10, err_msg=name)


@pytest.mark.further
def test_draws_at_a_given_value_equal_refits_row_by_row() -> None:
    frame = make(2, n=20)
    spec = Mediation("y", "x", "m1", ["w"], threshold=("q", 0.1), reps=20)
    results = quiet(spec, on(frame), rng=4)
    low = (frame["q"] <= 0.1).to_numpy(dtype=float)
    frame = frame.assign(
        **{
            f"{c}{r}": frame[c] * h
            for c in ("x", "m1")
            for r, h in ((1, low), (2, 1 - low))
        },
        low=low,
    )

    def fit(drawn, y, x):
        blocks = [drawn[x].to_numpy()]
        for key in ("copy", "year"):
            codes = pd.factorize(drawn[key])[0]
            blocks.append(np.eye(codes.max() + 1)[codes])
        return np.linalg.lstsq(
            np.column_stack(blocks), drawn[y].to_numpy(), rcond=1e-10
        )[0]

    for number, count in enumerate(draw_counts(seed_sequence(4), 20, 20).astype(int)):
        pieces = [
            frame[frame["city"] == city].assign(copy=100 * city + c)
            for city, times in enumerate(count)
            for c in range(times)
        ]
        drawn = pd.concat(pieces, ignore_index=True)
        a, b = (
            fit(drawn, "m1", ["x1", "x2", "w", "low"]),
            fit(drawn, "y", ["x1", "x2", "m11", "m12", "w", "low"]),
        )
        row = dict(zip(results.names, results.draw_values[number], strict=True))
        assert row["indirect:m1:regime1"] == pytest.approx(a[0] * b[2], rel=1e-8)
        assert row["total:regime2"] == pytest.approx(b[1] + a[1] * b[3], rel=1e-8)
        assert row["difference:m1"] == pytest.approx(
            a[1] * b[3] - a[0] * b[2], rel=1e-7, abs=1e-9
        )
        # Averages keep the shares of the sample's rows.
        share = low.mean()
        want = share * a[0] * b[2] + (1 - share) * a[1] * b[3]
        assert row["indirect"] == pytest.approx(want, rel=1e-8)


def test_row_order_and_names_change_neither_the_value_nor_the_draws() -> None:
    frame = make(6, n=15)
    spec = Mediation("y", "x", "m1", ["w"], threshold="q", search_draws=True, reps=30)
    plain = quiet(spec, on(frame))
    shuffled = frame.sample(frac=1, random_state=3)
    renamed = frame.assign(city=[f"city {c:03d}" for c in frame["city"]])
    for other in (quiet(spec, on(shuffled)), quiet(spec, on(renamed))):
        assert other.threshold == plain.threshold
        np.testing.assert_array_equal(other.threshold_draws, plain.threshold_draws)
        np.testing.assert_allclose(
            other.draw_values, plain.draw_values, rtol=1e-10, atol=1e-12
        )


def test_a_monotone_change_of_the_variable_changes_the_value_alone() -> None:
    frame = make(6, n=15)
    spec = Mediation("y", "x", "m1", ["w"], threshold="q", reps=30)
    plain = quiet(spec, on(frame))
    moved = quiet(spec.replace(threshold="exp(q)"), on(frame))
    assert moved.threshold == pytest.approx(np.exp(plain.threshold), rel=1e-12)
    np.testing.assert_allclose(
        moved.draw_values, plain.draw_values, rtol=1e-10, atol=1e-12
    )
    given = quiet(spec.replace(threshold=("q", plain.threshold)), on(frame))
    np.testing.assert_allclose(
        given.draw_values, plain.draw_values, rtol=1e-10, atol=1e-12
    )
    assert "untested_threshold" not in {n.code for n in given.diagnostics}


# --- the level of the regimes ---------------------------------------------------------


@pytest.mark.many(1)
@pytest.mark.parametrize(
    "options",
    [
        {"threshold": "q", "search_draws": True},
        {"threshold": "q"},
        {"threshold": ("q", 0.2)},
    ],
)
def test_the_origin_of_treatment_and_mediators_does_not_matter(options) -> None:
    """Units inside a logarithm move the origin.

    With a level in each regime that changes nothing.
    """
    frame = make(5, n=20)
    spec = Mediation("y", "x", ["m1", "m2"], ["w"], reps=30, **options)
    plain = quiet(spec, on(frame))
    moved = quiet(
        spec,
        on(frame.assign(x=frame["x"] + 50, m1=frame["m1"] - 20, m2=frame["m2"] + 7)),
    )
    assert moved.threshold == plain.threshold
    np.testing.assert_array_equal(moved.threshold_draws, plain.threshold_draws)
    np.testing.assert_allclose(moved.params, plain.params, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(moved.std_errors, plain.std_errors, rtol=1e-8)
    np.testing.assert_allclose(
        moved.draw_values, plain.draw_values, rtol=1e-7, atol=1e-9
    )
    for method in ("bc", "bca", "delta"):
        np.testing.assert_allclose(
            moved.interval(method).iloc[:-1],
            plain.interval(method).iloc[:-1],
            rtol=1e-6,
            atol=1e-8,
        )
    bare = quiet(spec.replace(regime_intercept=False), on(frame))
    far = quiet(
        spec.replace(regime_intercept=False), on(frame.assign(x=frame["x"] + 50))
    )
    assert abs(far.params["difference:direct"] - bare.params["difference:direct"]) > 0.1


@pytest.mark.parametrize(
    "options", [{}, {"search_draws": True}, {"regime_intercept": False}]
)
def test_the_total_is_direct_and_indirect_in_every_draw(options) -> None:
    results = quiet(
        Mediation("y", "x", ["m1", "m2"], ["w"], threshold="q", reps=60, **options),
        on(make(5)),
    )
    for values in (results.params, results.draws):
        for ending in ("", ":regime1", ":regime2"):
            gap = (
                values[f"total{ending}"]
                - values[f"direct{ending}"]
                - values[f"indirect{ending}"]
            )
            assert np.nanmax(np.abs(gap)) < 1e-12


def test_the_level_enters_every_equation() -> None:
    spec = Mediation("y", "x", ["m1", "m2"], ["w"], threshold=("q", 0.2), reps=20)
    for name, path in quiet(spec, on(make(5))).paths.items():
        assert "intercept:regime1" in path.names, name
    for name, path in quiet(
        spec.replace(regime_intercept=False), on(make(5))
    ).paths.items():
        assert "intercept:regime1" not in path.names, name


def test_a_level_that_effects_or_controls_hold_is_left_out() -> None:
    """Where no city changes regime its effect, or a dummy control, holds the level."""
    frame = make(5).assign(
        side=lambda d: (d["city"] % 3) * 1.0, low=lambda d: (d["q"] <= 0.2) * 1.0
    )
    spec = Mediation(
        "y", "x", "m1", ["w"], threshold="side", search_draws=True, reps=30
    )
    with_level, without = (
        quiet(spec.replace(regime_intercept=r), on(frame)) for r in (True, False)
    )
    assert with_level.threshold == without.threshold
    np.testing.assert_array_equal(with_level.threshold_draws, without.threshold_draws)
    np.testing.assert_allclose(
        with_level.draw_values, without.draw_values, rtol=1e-10, atol=1e-12
    )
    assert "held_level" in {n.code for n in with_level.diagnostics}
    assert "held_level" not in {n.code for n in without.diagnostics}
    spec = Mediation("y", "x", "m1", ["w"], threshold=("q", 0.2), reps=30)
    ours, theirs = quiet(spec, on(frame)), quiet(spec.add("low"), on(frame))
    np.testing.assert_allclose(theirs.params, ours.params, rtol=1e-9)
    np.testing.assert_allclose(
        theirs.draw_values, ours.draw_values, rtol=1e-8, atol=1e-10
    )
    assert "held_level" in {n.code for n in theirs.diagnostics}
    assert "held_level" not in {n.code for n in ours.diagnostics}


def test_a_draw_may_split_where_no_city_changes_its_regime() -> None:
    """Its equations then lack the dummy that those of the sample have."""
    frame = make(5, n=20, periods=8, keep=1.0)
    moves = (frame["city"] % 6 == 2) & (frame["year"] > 2004)
    frame["q"] = frame["city"] // 2 + moves * 1.0
    frame["m1"] += frame["x"] * (frame["q"] > 4)
    spec = Mediation("y", "x", "m1", threshold="q", search_draws=True, reps=40)
    results = quiet(spec, on(frame))
    names = [n for n in results.names if "regime" in n or "difference" in n]
    levels = set()
    for gamma in np.unique(results.threshold_draws):
        at_gamma = spec.replace(threshold=("q", float(gamma)), search_draws=False)
        held = quiet(at_gamma, on(frame))
        levels.add("intercept:regime1" in held.paths["outcome"].names)
        rows = (results.threshold_draws == gamma) & results.draws.notna().all(axis=1)
        np.testing.assert_allclose(
            results.draws.loc[rows, names], held.draws.loc[rows, names], rtol=1e-9
        )
    assert levels == {True, False}


def test_a_draw_without_any_change_of_regime_is_lost() -> None:
    """City 0 alone changes regime, at 0: draws without it estimate no own level."""
    frame = make(5, n=12, keep=1.0).assign(side=lambda d: (d["city"] % 2) * 1.0)
    frame.loc[(frame["city"] == 0) & (frame["year"] > 2003), "side"] = 1.0
    results = quiet(
        Mediation("y", "x", "m1", threshold=("side", 0.0), reps=200), on(frame), rng=3
    )
    lost = np.isnan(results.draw_values[:, 0])
    np.testing.assert_array_equal(
        lost, draw_counts(seed_sequence(3), 12, 200)[:, 0] == 0
    )
    assert [n.data["lost"] for n in results.diagnostics if n.code == "lost_draws"] == [
        lost.sum()
    ]
    for method in ("percentile", "bc", "bca", "delta"):
        assert np.isfinite(results.interval(method).iloc[:-1]).all(axis=None), method


@pytest.mark.parametrize("value", [1, None, "yes"])
def test_the_level_is_a_yes_or_a_no(value) -> None:
    with pytest.raises(OptionError, match="regime_intercept"):
        Mediation("y", "x", "m1", threshold="q", regime_intercept=value)
    with pytest.raises(OptionError, match="requires a threshold"):
        Mediation("y", "x", "m1", regime_intercept=False)


def test_lost_searches_are_said_once_and_left_out() -> None:
    frame = make(1, n=12, periods=5, keep=1.0)
    # The treatment moves in three cities only, so that many draws leave one regime
    # without it.
    frame["x"] = frame["x"].where(frame["city"] < 3, 0.0)
    frame["y"] += 3 * frame["x"] + frame["m1"]
    spec = Mediation("y", "x", "m1", threshold="q", search_draws=True, reps=60)
    results = quiet(spec, on(frame), rng=2)
    lost = np.isnan(results.draw_values).all(axis=1)
    assert 0 < lost.sum() < 60
    assert np.isnan(results.draw_values).any(axis=1).sum() == lost.sum() + (
        0 if np.isfinite(results.params["proportion_mediated"]) else (~lost).sum()
    )
    said = [n for n in results.diagnostics if n.code == "lost_draws"]
    assert [n.data["lost"] for n in said] == [lost.sum()]
    assert lost[np.isnan(results.threshold_draws)].all()
    for method in ("percentile", "bc", "bca", "monte_carlo", "delta"):
        assert np.isfinite(results.interval(method).loc["indirect"]).all(), method


# --- refusals -------------------------------------------------------------------------


def test_a_value_has_to_leave_rows_on_both_sides() -> None:
    frame = make()
    low, high = frame["q"].min(), frame["q"].max()
    for gamma in (low - 0.01, high, high + 1):
        spec = Mediation("y", "x", "m1", threshold=("q", gamma), reps=20)
        with pytest.raises(
            ThresholdSearchError, match=r"leaves a regime without rows: 'q' ranges from"
        ) as caught:
            quiet(spec, on(frame))
        assert caught.value.problems[0].data["column"] == "q"
    with pytest.raises(CollinearityError):  # two rows cannot tell four slopes
        quiet(Mediation("y", "x", "m1", threshold=("q", low), reps=20), on(frame))


@pytest.mark.parametrize(
    "options", [{}, {"search_draws": True}, {"regime_intercept": False}]
)
@pytest.mark.parametrize("flat", ["same", "city"])
def test_an_outcome_that_does_not_vary_is_one_error(options, flat) -> None:
    frame = make(1, n=12).assign(y=lambda d: d["city"] * 1.0 if flat == "city" else 3.0)
    spec = Mediation("y", "x", "m1", threshold="q", reps=20, **options)
    with pytest.raises(IdentificationError, match="the outcome 'y'"):
        quiet(spec, on(frame))


def test_a_variable_that_does_not_move_has_no_threshold() -> None:
    frame = make().assign(flat=2.0, rare=lambda d: (d.index == 5).astype(float))
    for name, values in (("flat", 1), ("rare", 2)):
        spec = Mediation("y", "x", "m1", threshold=name, reps=20)
        words = (
            rf"threshold='{name}'.*'{name}' has {values} values? in .*each regime "
            r"needs at least 5%"
        )
        with pytest.raises(ThresholdSearchError, match=words) as caught:
            quiet(spec, on(frame))
        assert caught.value.problems[0].data == {"column": name}
    with pytest.raises(ThresholdSearchError, match="leaves a regime without rows"):
        quiet(Mediation("y", "x", "m1", threshold=("flat", 2.0), reps=20), on(frame))


def test_a_twentieth_of_the_rows_is_kept_on_each_side_of_the_threshold() -> None:
    """The outcome changes below the third of 100 rows; the fifth is nearest."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"city": np.repeat(np.arange(20), 5), "year": np.tile(np.arange(5), 20)}
    )
    frame = frame.assign(
        q=rng.permutation(100), x=rng.normal(size=100), m=rng.normal(size=100)
    )
    spec = Mediation(
        "y", "x", "m", threshold="q", reps=20, entity_effects=False, time_effects=False
    )
    for turned, actual in ((frame["q"] < 3, 4.0), (frame["q"] > 96, 94.0)):
        y = frame["x"] + 50 * turned * (frame["x"] + 3) + 0.1 * rng.normal(size=100)
        assert quiet(spec, on(frame.assign(y=y))).threshold == actual
