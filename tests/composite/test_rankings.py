"""Ranks under drawn weights against refits on stacked rows.

What is left out is compared with refits without it.
"""

from __future__ import annotations

import json
import pickle
import warnings
from dataclasses import FrozenInstanceError, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from digiprosper import (
    CompositeIndex,
    DigiprosperWarning,
    Indicator,
    IndicatorSystem,
    Panel,
    datasets,
    entropy_weights,
)
from digiprosper.composite import rankings
from digiprosper.composite.kernels.structure import FIXED_WEIGHTS
from digiprosper.composite.rankings import leave_one_out, rank_probabilities
from digiprosper.composite.weights import WEIGHTINGS
from digiprosper.errors import (
    ColumnError,
    FewDrawsWarning,
    IdentificationError,
    IndicatorError,
    InputTypeError,
    MissingDataError,
    MissingDataWarning,
    OptionError,
)
from digiprosper.plots import rank_ribbon
from digiprosper.report.text import last_lines

if TYPE_CHECKING:
    from collections.abc import Callable

COLUMNS = list("abcd")
NONE_LEFT = (
    "the other entities give no weights, or, with a geometric mean, a negative weight "
    "or dimension"
)
SYSTEM = IndicatorSystem.from_dict(
    {"one": {"a": "+", "b": "+"}, "two": {"c": "-", "d": "+"}}
)


def make_frame(seed=0, n=7, periods=4, *, unbalanced=False, common=0.0):
    rng = np.random.default_rng(seed)
    logs = rng.normal(size=(n * periods, 4))
    logs += common * rng.normal(size=(n * periods, 1)) * np.array([1, 1, -1, 1])
    frame = pd.DataFrame(np.exp(logs), columns=COLUMNS)
    frame["id"] = np.repeat([f"r{i:02d}" for i in range(n)], periods)
    frame["year"] = np.tile(np.arange(2010, 2010 + periods), n)
    return frame.drop(index=[2, 9, 10]).reset_index(drop=True) if unbalanced else frame


def panel_of(frame):
    return Panel(frame, "id", "year")


def quiet(function, *args, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        return function(*args, **options)


draw = partial(quiet, rank_probabilities)
without = partial(quiet, leave_one_out)


def drawn_entities(seed, n, reps):
    return np.random.default_rng(np.random.SeedSequence(seed)).integers(
        0, n, size=(reps, n)
    )


def held(frame, system=SYSTEM):
    """The system with the end points of a frame as goalposts."""
    ends = frame[COLUMNS].agg(["min", "max"])
    return IndicatorSystem([replace(i, goalposts=tuple(ends[i.name])) for i in system])


def stacked(frame, taken, entities):
    """Rows of the entities drawn, each draw of one an entity of its own."""
    parts = [
        frame[frame["id"] == entities[i]].assign(id=f"copy{k}")
        for k, i in enumerate(taken)
    ]
    return pd.concat(parts)


def rank(scores, by):
    return scores.groupby(by).rank(method="min", ascending=False)


# --- draws ----------------------------------------------------------------------------


@pytest.mark.parametrize("aggregate", ["linear", "geometric", "geometric_dimensions"])
@pytest.mark.parametrize(
    "weighting", [word for word in WEIGHTINGS if word not in FIXED_WEIGHTS]
)
@pytest.mark.many(1)
def test_draws_are_refits_with_end_points_held(weighting, aggregate):
    frame = make_frame(1, unbalanced=True, common=0.3)
    options = {"weighting": weighting, "aggregate": aggregate}
    spec = CompositeIndex(SYSTEM, **options)
    actual = draw(spec, panel_of(frame), reps=25, rng=7)
    fixed = CompositeIndex(held(frame), scope="goalposts", **options)
    entities = sorted(frame["id"].unique())
    expected = []
    for taken in drawn_entities(7, 7, 25):
        try:
            fit = quiet(fixed.fit, panel_of(stacked(frame, taken, entities)))
        except IndicatorError:  # a product with a negative weight: such a draw is lost
            continue
        expected.append(rank(quiet(fit.apply, panel_of(frame)), "year"))
    np.testing.assert_array_equal(actual.draws, np.array(expected))
    lost = [n.data["lost"] for n in actual.diagnostics if n.code == "lost_draws"]
    assert actual.reps == len(expected) == 25 - sum(lost)
    assert bool(lost) == (weighting == "pca" and aggregate != "linear")
    pd.testing.assert_series_equal(
        actual.scores, quiet(spec.fit, panel_of(frame)).scores
    )


def test_a_lost_draw_with_enormous_weights_computes_no_product():
    """Loadings of opposite signs may nearly cancel in a draw.

    Weights are their shares.
    """
    spec, panel = CompositeIndex(SYSTEM, aggregate="geometric"), panel_of(make_frame(1))
    fit = quiet(rankings.fit_rows, spec, panel, "rank_probabilities", "per_year")
    m = len(COLUMNS)
    weights = np.full((1, 2, m), 1 / m)
    weights[0, 1] = [-1e5, 1e5 + 1, *[0.0] * (m - 2)]
    scores = rankings.draw_scores(fit, weights)
    assert np.isnan(scores[1]).all()
    assert np.isfinite(scores[0]).all()


def test_draws_of_topsis_keep_the_ideal():
    frame = make_frame(2, unbalanced=True)
    spec = CompositeIndex(SYSTEM, aggregate="topsis")
    actual = draw(spec, panel_of(frame), reps=25, rng=3)
    fit = spec.fit(panel_of(frame))
    z = fit.contributions(panel_of(frame)) / fit.weights["weight"]
    for w, ranks in zip(
        fit.weight_draws(25, rng=3).to_numpy(), actual.draws.to_numpy(), strict=True
    ):
        far = np.sqrt((((z - 1) * w) ** 2).sum(axis=1))
        near = np.sqrt(((z * w) ** 2).sum(axis=1))
        assert rank(near / (far + near), "year").tolist() == ranks.tolist()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"normalise": "rank"},
        {"normalise": "zscore", "weighting": "critic"},
        {"normalise": "max"},
        {"structure": "equal_dimensions"},
        {"scope": "base_year(2011)"},
    ],
)
def test_draws_are_those_of_weight_draws(options):
    frame = make_frame(3, unbalanced=True)
    spec = CompositeIndex(SYSTEM, **options)
    actual = draw(spec, panel_of(frame), reps=30, rng=11)
    fit = quiet(spec.fit, panel_of(frame))
    z = fit.contributions(panel_of(frame)) / fit.weights["weight"]
    for w, ranks in zip(
        fit.weight_draws(30, rng=11).to_numpy(), actual.draws.to_numpy(), strict=True
    ):
        assert rank(z @ w, "year").tolist() == ranks.tolist()


@pytest.mark.parametrize(
    "scope", ["per_year", "pooled_norm_yearly_weights", "expanding"]
)
@pytest.mark.further
def test_yearly_weights_are_drawn_from_the_same_entities_every_year(scope):
    frame = make_frame(4, unbalanced=True)
    actual = draw(CompositeIndex(SYSTEM, scope=scope), panel_of(frame), reps=8, rng=5)
    entities, expected = sorted(frame["id"].unique()), []
    for taken in drawn_entities(5, 7, 8):
        parts = []
        for year in sorted(frame["year"].unique()):
            now = frame[frame["year"] == year]
            learned = frame[frame["year"] <= year] if scope == "expanding" else now
            ends = frame if scope == "pooled_norm_yearly_weights" else learned
            fixed = CompositeIndex(held(ends), scope="goalposts")
            fit = quiet(fixed.fit, panel_of(stacked(learned, taken, entities)))
            parts.append(fit.apply(panel_of(now)))
        scores = pd.concat(parts).reindex(actual.index)
        expected.append(rank(scores, "year"))
    np.testing.assert_array_equal(actual.draws, np.array(expected))


def test_observed_ranks_are_those_of_the_index():
    panel = panel_of(make_frame(5))
    spec = CompositeIndex(SYSTEM)
    ranks = spec.fit(panel).ranks()
    for among in ("per_year", "pooled"):
        got = draw(spec, panel, reps=5, rng=1, among=among).ranks()["rank"]
        assert got.tolist() == ranks[among].tolist()


def test_pooled_ranks_go_over_all_rows():
    frame = make_frame(6, n=5)
    spec = CompositeIndex(SYSTEM)
    actual = draw(spec, panel_of(frame), reps=10, rng=1, among="pooled")
    fit = spec.fit(panel_of(frame))
    z = fit.contributions(panel_of(frame)) / fit.weights["weight"]
    for w, ranks in zip(
        fit.weight_draws(10, rng=1).to_numpy(), actual.draws.to_numpy(), strict=True
    ):
        assert (z @ w).rank(ascending=False).tolist() == ranks.tolist()


def test_chunks_change_nothing(monkeypatch):
    panel = panel_of(make_frame(7, unbalanced=True))
    whole = draw(CompositeIndex(SYSTEM, scope="expanding"), panel, reps=40, rng=2)
    monkeypatch.setattr(
        rankings, "_draw_chunks", partial(rankings._draw_chunks, memory=20_000)
    )
    parts = draw(CompositeIndex(SYSTEM, scope="expanding"), panel, reps=40, rng=2)
    pd.testing.assert_frame_equal(whole.draws, parts.draws)
    left = without(CompositeIndex(SYSTEM), panel, over="entity")
    monkeypatch.undo()
    pd.testing.assert_frame_equal(
        left, without(CompositeIndex(SYSTEM), panel, over="entity")
    )


def test_a_draw_is_reproduced_by_its_number():
    panel, spec = panel_of(make_frame(8)), CompositeIndex(SYSTEM)
    actual = draw(spec, panel, reps=30, rng=np.random.default_rng(3))
    again = draw(spec, panel, reps=30, rng=actual.rng_entropy)
    pd.testing.assert_frame_equal(actual.draws, again.draws)
    assert (
        draw(spec, panel, reps=30, rng=[1, 2]).rng_entropy
        != draw(spec, panel, reps=30).rng_entropy
    )
    assert not draw(spec, panel, reps=30, rng=1).draws.equals(actual.draws)


def test_invariances():
    frame, spec = make_frame(9, unbalanced=True), CompositeIndex(SYSTEM)
    actual = draw(spec, panel_of(frame), reps=50, rng=1)
    shuffled = draw(
        spec, panel_of(frame.sample(frac=1, random_state=1)), reps=50, rng=1
    )
    pd.testing.assert_frame_equal(actual.draws, shuffled.draws)
    renamed = draw(spec, panel_of(frame.assign(id="Z" + frame["id"])), reps=50, rng=1)
    np.testing.assert_array_equal(actual.draws, renamed.draws)
    scaled = draw(
        spec,
        panel_of(frame.assign(a=3 * frame["a"] + 2, c=frame["c"] / 7)),
        reps=50,
        rng=1,
    )
    pd.testing.assert_frame_equal(actual.draws, scaled.draws)


def test_another_order_of_entities_gives_other_draws_of_the_same_law():
    frame, spec = make_frame(10, n=6), CompositeIndex(SYSTEM)
    turned = frame.assign(
        id=frame["id"].map({f"r{i:02d}": f"x{9 - i}" for i in range(6)})
    )
    one = draw(spec, panel_of(frame), reps=4000, rng=1).ranks()["mean_rank"]
    two = draw(spec, panel_of(turned), reps=4000, rng=1).ranks()["mean_rank"]
    two.index = pd.MultiIndex.from_arrays(
        [
            [f"r{9 - int(k[1:]):02d}" for k in two.index.get_level_values(0)],
            two.index.get_level_values(1),
        ]
    )
    assert (one - two.reindex(one.index)).abs().max() < 0.12


# --- what is read from them -----------------------------------------------------------


@pytest.fixture(scope="module")
def results():
    return draw(
        CompositeIndex(SYSTEM),
        panel_of(make_frame(11, n=9, unbalanced=True)),
        reps=399,
        rng=4,
    )


def test_probabilities_and_means_are_shares_of_draws(results):
    table = results.ranks(top=[1, 2, 300])
    draws = results.draws
    assert list(table) == [
        "score",
        "rank",
        "mean_rank",
        "rank_low",
        "rank_high",
        "top_1",
        "top_2",
        "top_300",
    ]
    np.testing.assert_allclose(table["mean_rank"], draws.mean())
    np.testing.assert_allclose(table["top_2"], (draws <= 2).mean())
    assert (table["top_300"] == 1).all()
    np.testing.assert_allclose(table["top_1"].groupby("year").sum(), 1.0)
    pd.testing.assert_series_equal(results.probability(2), table["top_2"])
    with pytest.raises(
        OptionError,
        match=r"top=None must be a sequence of integers, such as \(10, 20\)",
    ):
        results.ranks(top=None)


@pytest.mark.parametrize(("level", "below"), [(0.95, 10), (0.9, 20), (0.5, 100)])
def test_intervals_are_order_statistics(results, level, below):
    table, ordered = results.ranks(level), np.sort(results.draws.to_numpy(), axis=0)
    assert table["rank_low"].tolist() == ordered[below - 1].tolist()
    assert table["rank_high"].tolist() == ordered[-below].tolist()
    inside = (results.draws >= table["rank_low"]) & (
        results.draws <= table["rank_high"]
    )
    assert (inside.mean() >= level).all()


def test_few_draws_have_the_extremes_as_ends():
    table = draw(CompositeIndex(SYSTEM), panel_of(make_frame(12)), reps=9, rng=1)
    assert table.ranks()["rank_low"].tolist() == table.draws.min().tolist()
    assert table.ranks(0.99)["rank_high"].tolist() == table.draws.max().tolist()


def test_pairs(results):
    wins = results.pairwise(2011)
    scores = results.draws.xs(2011, axis=1, level="year")
    for i in wins.index:
        for j in wins.columns:
            if i == j:
                assert np.isnan(wins.loc[i, j])
            else:
                assert wins.loc[i, j] == pytest.approx((scores[i] < scores[j]).mean())
                assert wins.loc[i, j] + wins.loc[j, i] == pytest.approx(1.0)
    pd.testing.assert_frame_equal(results.pairwise(), results.pairwise(2013))
    pooled = draw(
        CompositeIndex(SYSTEM),
        panel_of(make_frame(11, n=9, unbalanced=True)),
        reps=399,
        rng=4,
        among="pooled",
    )
    pd.testing.assert_frame_equal(pooled.pairwise(2011), wins)


def test_rows_that_are_alike_tie_in_every_draw():
    frame = make_frame(13)
    twin = frame[frame["id"] == "r01"].assign(id="twin")
    actual = draw(
        CompositeIndex(SYSTEM), panel_of(pd.concat([frame, twin])), reps=99, rng=1
    )
    wins = actual.pairwise()
    assert wins.loc["r01", "twin"] == wins.loc["twin", "r01"] == 0.0
    ranks = actual.ranks()
    pd.testing.assert_frame_equal(ranks.xs("r01"), ranks.xs("twin"))


def test_dominance_is_certain():
    frame = make_frame(14)
    best = frame["id"] == "r03"
    frame.loc[best, ["a", "b", "d"]] += 100
    frame.loc[best, "c"] = 0.0
    table = (
        draw(CompositeIndex(SYSTEM), panel_of(frame), reps=199, rng=1).ranks().xs("r03")
    )
    assert (table[["rank", "rank_low", "rank_high", "top_1"]] == 1).all(axis=None)


def test_a_cross_section_is_ranked_as_a_whole():
    frame = make_frame(15, n=12, periods=1).drop(columns="year")
    actual = draw(CompositeIndex(SYSTEM), Panel(frame, "id"), reps=99, rng=1)
    assert actual.ranks().index.names == ["id"]
    assert actual.pairwise().shape == (12, 12)
    assert "12 rows" in actual.summary().splitlines()[0]
    with pytest.raises(OptionError, match="cross-section"):
        actual.pairwise(2010)


def test_many_rows_need_wider_ranks():
    frame = make_frame(16, n=300, periods=1).drop(columns="year")
    actual = draw(CompositeIndex(SYSTEM), Panel(frame, "id"), reps=20, rng=1)
    assert actual.draw_values.dtype == np.uint16
    assert actual.draw_values.max() == 300
    few = draw(CompositeIndex(SYSTEM), panel_of(make_frame(16)), reps=20, rng=1)
    assert few.draw_values.dtype == np.uint8
    assert (few.probability(1000) == 1).all()


def test_the_result_is_frozen_small_and_speaks(results):
    back = pickle.loads(pickle.dumps(results))
    pd.testing.assert_frame_equal(back.ranks(), results.ranks())
    with pytest.raises((FrozenInstanceError, TypeError)):
        results.name = "x"
    data = json.loads(json.dumps(results.to_dict()))
    assert data["schema"] == 1
    assert data["draws"] == {"count": 399, "entities": 9, "rng": 4}
    assert len(data["ranks"]) == results.nobs
    lines = results.summary().splitlines()
    assert lines[0] == "Ranks of 'index_score', year 2013: 9 rows"
    assert results.summary().endswith(
        "\n".join(last_lines(results.conventions, results.settings))
    )
    assert "399 bootstrap draws of 9 entities" in results.conventions
    assert "end points of the normalisation taken as known" in results.conventions
    assert results.settings.endswith("rng 4")
    assert repr(results) == results.summary()
    assert "2011" in results.summary(2011)


# --- remarks and refusals -------------------------------------------------------------


def test_weights_that_are_not_estimated_are_certain():
    panel = panel_of(make_frame(17))
    for weighting in ("equal", {"a": 1, "b": 2, "c": 3, "d": 4}):
        actual = rank_probabilities(
            CompositeIndex(SYSTEM, weighting=weighting), panel, reps=199, rng=1
        )
        table = actual.ranks()
        assert (table["rank"] == table["rank_low"]).all()
        assert (table["rank"] == table["rank_high"]).all()
        assert [n.code for n in actual.diagnostics] == ["fixed_weights"]


def test_few_and_lost_draws_warn():
    panel = panel_of(make_frame(18))
    with pytest.warns(FewDrawsWarning):
        few = rank_probabilities(CompositeIndex(SYSTEM), panel, reps=50, rng=1)
    assert few.diagnostics[-1].data == {"reps": 50}
    frame = pd.DataFrame(
        {"id": list("ppqqqrrst"), "year": [1, 2, 1, 2, 3, 1, 2, 1, 1], "a": [0.0] * 9}
    )
    frame.loc[frame["id"] == "q", "a"] = [1.0, 2.0, 3.0]
    spec = CompositeIndex(IndicatorSystem([Indicator("a")]))
    with pytest.warns(FewDrawsWarning, match=r"of 400 draws have no weights") as caught:
        actual = rank_probabilities(spec, panel_of(frame), reps=400, rng=1)
    assert len(caught) == 1
    lost = int(
        np.isnan(quiet(spec.fit(panel_of(frame)).weight_draws, 400, rng=1)["a"]).sum()
    )
    assert lost > 0
    assert actual.reps == 400 - lost
    assert actual.diagnostics[-1].data == {"lost": lost, "reps": 400}


def test_no_draw_with_weights_is_refused():
    twice = next(seed for seed in range(99) if np.ptp(drawn_entities(seed, 2, 1)) == 0)
    frame = pd.DataFrame({"id": list("pq"), "year": [1, 1], "a": [0.0, 1.0]})
    spec = CompositeIndex(IndicatorSystem([Indicator("a")]))
    with pytest.raises(IdentificationError, match="no draw has weights"):
        rank_probabilities(spec, panel_of(frame), reps=1, rng=twice)


def test_warnings_of_the_fit_are_issued_once():
    frame = make_frame(19)
    frame.loc[3, "a"] = np.nan
    with pytest.warns(MissingDataWarning) as caught:
        actual = rank_probabilities(
            CompositeIndex(SYSTEM, missing="drop"), panel_of(frame), reps=199, rng=1
        )
    assert len(caught) == 1
    assert actual.nobs == len(frame) - 1
    assert actual.diagnostics[0].code == "missing_rows"
    with pytest.warns(MissingDataWarning) as caught:
        leave_one_out(CompositeIndex(SYSTEM, missing="drop"), panel_of(frame))
    assert len(caught) == 1


def test_refusals():
    panel, spec = panel_of(make_frame(20)), CompositeIndex(SYSTEM)
    for function in (rank_probabilities, leave_one_out):
        with pytest.raises(
            InputTypeError, match="takes a CompositeIndex, not IndexResults"
        ):
            function(spec.fit(panel), panel)
        with pytest.raises(
            InputTypeError, match=f"{function.__name__} takes a Panel, not DataFrame"
        ):
            function(spec, panel.frame)
        with pytest.raises(OptionError, match="among="):
            function(spec, panel, among="all")
        with pytest.raises(OptionError, match="cannot be ranked together"):
            function(spec.replace(scope="per_year"), panel, among="pooled")
        with pytest.raises(ColumnError):
            function(spec, panel_of(make_frame(20).drop(columns="a")))
        with pytest.raises(MissingDataError):
            function(
                spec,
                panel_of(
                    make_frame(20).replace({"a": {make_frame(20)["a"][0]: np.nan}})
                ),
            )
    with pytest.raises(OptionError, match="nested dimensions"):
        rank_probabilities(spec.replace(structure="nested"), panel)
    with pytest.raises(OptionError, match="ln T script"):
        quiet(rank_probabilities, spec.replace(scope="legacy_lnT"), panel)
    for reps in (0, 2.5, True, "9"):
        with pytest.raises(OptionError, match="reps="):
            rank_probabilities(spec, panel, reps=reps)
    with pytest.raises(InputTypeError, match="rng="):
        rank_probabilities(spec, panel, rng="x")
    alone = panel_of(make_frame(20, n=1))
    with pytest.raises(IdentificationError, match="at least two entities"):
        rank_probabilities(spec, alone)
    with pytest.raises(IdentificationError, match="at least two entities"):
        leave_one_out(spec, alone, over="entity")
    with pytest.raises(IndicatorError, match="at least two indicators"):
        leave_one_out(CompositeIndex(IndicatorSystem([Indicator("a")])), panel)
    with pytest.raises(OptionError, match="over='year'"):
        leave_one_out(spec, panel, over="year")


def test_questions_that_have_no_answer_are_refused(results):
    for k in (0, 1.5, True, "1"):
        with pytest.raises(OptionError, match="k="):
            results.probability(k)
    for level in (0, 95, "a"):
        with pytest.raises(OptionError, match="level="):
            results.ranks(level)
    with pytest.raises(
        OptionError, match="period=1999 is not in the sample; it has '2010'"
    ):
        results.pairwise(1999)


# --- leaving out ----------------------------------------------------------------------


def compared(scores, base, weights, full):
    """The row of `leave_one_out` worked out with pandas and scipy."""
    change = weights.to_numpy() - full.to_numpy()
    size = np.abs(change)
    largest = np.unravel_index((size >= size.max() * (1 - 1e-9)).argmax(), change.shape)
    by = base.index.get_level_values("year")
    moved = rank(scores, by) - rank(base, by)
    rho = [spearmanr(scores[by == t], base[by == t])[0] for t in by.unique()]
    at = moved.abs().idxmax()
    return {
        "weight_change": change[largest],
        "weight_of": weights.columns[largest[1]],
        "spearman": np.mean(rho),
        "mean_rank_change": moved.abs().mean(),
        "max_rank_change": moved[at],
        "moved_entity": at[0] if moved[at] else None,
        "moved_period": at[1] if moved[at] else None,
        "problem": "",
    }


def check(row, expected):
    assert list(row.index) == list(expected)
    for name, value in expected.items():
        if value is None or isinstance(value, str):
            assert row[name] == value, name
        else:
            assert row[name] == pytest.approx(value, abs=1e-9), name


def weights_of(fit):
    by_year = fit.weights_by_year
    return fit.weights[["weight"]].T if by_year is None else by_year


VARIANTS = [
    {},
    {"weighting": "critic", "aggregate": "geometric"},
    {"structure": "equal_dimensions", "aggregate": "geometric_dimensions"},
    {"weighting": "pca"},
    {"scope": "per_year"},
    {"scope": "expanding", "aggregate": "topsis"},
    {"structure": "equal_dimensions"},
    {"structure": "nested"},
    {"weighting": {"a": 1, "b": 2, "c": 3, "d": 4}},
    {"scope": "legacy_lnT"},
    {"scope": "base_year(2011)"},
]


@pytest.mark.many(4)
@pytest.mark.parametrize("options", VARIANTS)
def test_without_an_indicator(options):
    frame = make_frame(21, unbalanced=True)
    spec = CompositeIndex(SYSTEM, **options)
    table = without(spec, panel_of(frame))
    assert table.index.tolist() == COLUMNS
    assert table.index.name == "indicator"
    full = quiet(spec.fit, panel_of(frame))
    for name in COLUMNS:
        fit = quiet(spec.drop(name).fit, panel_of(frame))
        kept = [c for c in COLUMNS if c != name]
        expected = compared(
            fit.scores, full.scores, weights_of(fit), weights_of(full)[kept]
        )
        check(table.loc[name], expected)


@pytest.mark.many(2)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"weighting": "critic"},
        {"weighting": "pca"},
        {"structure": "equal_dimensions"},
        {"structure": "nested"},
        {"structure": "nested", "weighting": "std"},
    ],
)
def test_without_an_entity_the_weights_are_those_of_the_others(options):
    frame = make_frame(22, unbalanced=True)
    spec = CompositeIndex(SYSTEM, **options)
    table = without(spec, panel_of(frame), over="entity")
    assert table.index.name == "id"
    full = quiet(spec.fit, panel_of(frame))
    fixed = CompositeIndex(held(frame), scope="goalposts", **options)
    for entity in frame["id"].unique():
        fit = quiet(fixed.fit, panel_of(frame[frame["id"] != entity]))
        expected = compared(
            fit.apply(panel_of(frame)), full.scores, weights_of(fit), weights_of(full)
        )
        check(table.loc[entity], expected)


@pytest.mark.many(2)
@pytest.mark.parametrize(
    "scope", ["per_year", "pooled_norm_yearly_weights", "expanding"]
)
@pytest.mark.parametrize("structure", ["flat", "nested"])
def test_without_an_entity_with_yearly_weights(scope, structure):
    frame = make_frame(23, n=6)
    spec = CompositeIndex(SYSTEM, scope=scope, structure=structure)
    table = without(spec, panel_of(frame), over="entity")
    full = quiet(spec.fit, panel_of(frame))
    for entity in ("r00", "r04"):
        scores, weights = [], {}
        for year in sorted(frame["year"].unique()):
            now = frame[frame["year"] == year]
            learned = frame[frame["year"] <= year] if scope == "expanding" else now
            ends = frame if scope == "pooled_norm_yearly_weights" else learned
            fixed = CompositeIndex(held(ends), scope="goalposts", structure=structure)
            fit = quiet(fixed.fit, panel_of(learned[learned["id"] != entity]))
            scores.append(fit.apply(panel_of(now)))
            weights[year] = fit.weights["weight"]
        both = pd.concat(scores).reindex(full.scores.index)
        check(
            table.loc[entity],
            compared(both, full.scores, pd.DataFrame(weights).T, full.weights_by_year),
        )


def test_two_entities_are_enough_to_leave_one_out():
    frame = make_frame(3, n=2)
    table = without(CompositeIndex(SYSTEM), panel_of(frame), over="entity")
    full = quiet(CompositeIndex(SYSTEM).fit, panel_of(frame))
    assert table.index.tolist() == ["r00", "r01"]
    assert (table["problem"] == "").all()
    for entity in table.index:
        held_ends = CompositeIndex(held(frame), scope="goalposts")
        fit = quiet(held_ends.fit, panel_of(frame[frame["id"] != entity]))
        check(
            table.loc[entity],
            compared(
                fit.apply(panel_of(frame)),
                full.scores,
                weights_of(fit),
                weights_of(full),
            ),
        )


def test_an_entity_that_is_not_in_the_base_year_teaches_nothing():
    frame = make_frame(24)
    frame = frame[~((frame["id"] == "r05") & (frame["year"] == 2010))]
    for structure in ("flat", "nested"):
        spec = CompositeIndex(SYSTEM, scope="base_year(2010)", structure=structure)
        table = without(spec, panel_of(frame), over="entity")
        assert table.loc["r05", "weight_change"] == pytest.approx(0.0, abs=1e-12)
        assert table.loc["r05", "max_rank_change"] == 0
        assert table.loc["r05", "moved_entity"] is None
        assert table.loc["r05", "spearman"] == pytest.approx(1.0)
        assert (table.drop("r05")["weight_change"].abs() > 1e-6).all()


def test_the_jackknife_of_the_index_is_the_same():
    panel = panel_of(make_frame(25))
    fit = CompositeIndex(SYSTEM).fit(panel)
    change = fit.entity_sums.jackknife() - fit.weights["weight"].to_numpy()
    at = np.abs(change).argmax(axis=1)
    table = without(CompositeIndex(SYSTEM), panel, over="entity")
    np.testing.assert_allclose(
        table["weight_change"], change[np.arange(7), at], rtol=1e-12
    )


def test_entropy_weights_grow_in_proportion():
    panel = panel_of(make_frame(26))
    w = CompositeIndex(SYSTEM).fit(panel).weights["weight"]
    table = without(CompositeIndex(SYSTEM), panel)
    for j in COLUMNS:
        rest = w.drop(j)
        assert table.loc[j, "weight_change"] == pytest.approx(
            (rest * w[j] / (1 - w[j])).max()
        )
        assert table.loc[j, "weight_of"] == rest.idxmax()


def test_what_has_no_index_says_why():
    frame = make_frame(27).assign(b=1.0, c=2.0, d=3.0)
    table = without(CompositeIndex(SYSTEM), panel_of(frame))
    assert "every indicator is constant" in table.loc["a", "problem"]
    assert table.loc["a"].drop("problem").isna().all()
    assert table.loc["b", "problem"] == ""
    assert table.loc["b", "weight_change"] == 0
    assert table.loc["b", "weight_of"] is None
    nested = CompositeIndex(
        IndicatorSystem.from_dict({"x": {"a": "+", "b": "+"}, "y": {"c": "-"}}),
        structure="nested",
    )
    table = without(nested, panel_of(make_frame(27)))
    assert "needs at least two dimensions" in table.loc["c", "problem"]
    lone = make_frame(28, n=3)
    lone.loc[lone["id"] != "r02", COLUMNS] = 1.0
    for structure in ("flat", "nested"):
        spec = CompositeIndex(SYSTEM, structure=structure)
        table = without(spec, panel_of(lone), over="entity")
        assert table["problem"].tolist() == ["", "", NONE_LEFT]
        assert table.loc["r02"].drop("problem").isna().all()


def test_leaving_out_does_not_depend_on_order_or_names():
    frame = make_frame(29, unbalanced=True)
    names = {f"r{i:02d}": f"x{9 - i}" for i in range(7)}
    for over in ("indicator", "entity"):
        table = without(CompositeIndex(SYSTEM), panel_of(frame), over=over)
        shuffled = without(
            CompositeIndex(SYSTEM),
            panel_of(frame.sample(frac=1, random_state=1)),
            over=over,
        )
        pd.testing.assert_frame_equal(table, shuffled)
        turned = without(
            CompositeIndex(SYSTEM),
            panel_of(frame.assign(id=frame["id"].map(names))),
            over=over,
        )
        items = [names.get(i, i) for i in table.index]
        numbers = ["weight_change", "spearman", "mean_rank_change"]
        np.testing.assert_allclose(
            turned.loc[items, numbers], table[numbers], rtol=1e-9
        )
        assert (
            turned.loc[items, "max_rank_change"].abs().tolist()
            == table["max_rank_change"].abs().tolist()
        )


def test_pooled_comparisons():
    frame = make_frame(30)
    table = without(CompositeIndex(SYSTEM), panel_of(frame), among="pooled")
    full = CompositeIndex(SYSTEM).fit(panel_of(frame)).scores
    part = CompositeIndex(SYSTEM).drop("b").fit(panel_of(frame)).scores
    assert table.loc["b", "spearman"] == pytest.approx(spearmanr(full, part)[0])
    moved = part.rank(ascending=False) - full.rank(ascending=False)
    assert table.loc["b", "mean_rank_change"] == pytest.approx(moved.abs().mean())


def test_a_cross_section_has_no_period_to_name():
    frame = make_frame(31, n=12, periods=1).drop(columns="year")
    for over in ("indicator", "entity"):
        table = without(CompositeIndex(SYSTEM), Panel(frame, "id"), over=over)
        assert "moved_period" not in table
        assert table["spearman"].between(-1, 1).all()


def test_a_real_panel():
    states = datasets.us_states().assign(
        roads="I(hwy / emp)", pipes="I(water / emp)", homes="I(util / emp)"
    )
    spec = CompositeIndex(
        IndicatorSystem.from_dict({"": {"roads": "+", "pipes": "+", "homes": "+"}})
    )
    actual = rank_probabilities(spec, states, rng=1)
    assert actual.labels == states.labels
    table = actual.ranks()
    assert (table["rank_low"] <= table["rank"]).all()
    assert (table["rank"] <= table["rank_high"]).all()
    left = leave_one_out(spec, states, over="entity")
    assert left["spearman"].between(0.9, 1).all()


@pytest.mark.montecarlo
@pytest.mark.parametrize(("n", "panels"), [(30, 400), (100, 200)])
def test_intervals_hold_the_rank_under_the_weights_of_the_population(
    n: int, panels: int, measured: Callable[..., None]
) -> None:
    """Coverage of 95% intervals of ranks: the share of rows whose true rank is inside.

    Panels of n entities and ten years, with four lognormal indicators that are
    correlated inside entities, and goalposts as end points; 499 draws of the weights.
    The true rank of an observed row is its rank under the weights of 200,000 entities.
    The table has means over rows and panels, and the Monte Carlo standard error of the
    coverage.
    """
    sd = np.array([0.4, 0.6, 0.8, 1.0])
    best = np.exp(3 * np.sqrt(2) * sd)

    def drawn(rng, count):
        own = 0.8 * rng.normal(size=(count, 1, 4))
        x = np.exp(sd * (own + 0.6 * rng.normal(size=(count, 10, 4))))
        return np.minimum(x, best).reshape(-1, 4)

    weights = entropy_weights(drawn(np.random.default_rng(0), 200_000) / best)
    posts = [
        Indicator(c, goalposts=(0.0, float(b)))
        for c, b in zip(COLUMNS, best, strict=True)
    ]
    spec, held_there, widths = (
        CompositeIndex(IndicatorSystem(posts), scope="goalposts"),
        [],
        [],
    )
    for seed in range(panels):
        x = drawn(np.random.default_rng(1000 + seed), n)
        frame = pd.DataFrame(x, columns=COLUMNS)
        frame = frame.assign(
            id=np.repeat(np.arange(n), 10), year=np.tile(np.arange(10), n)
        )
        table = draw(spec, panel_of(frame), reps=499, rng=seed).ranks(top=())
        true = rank(pd.Series(x / best @ weights), frame["year"]).to_numpy()
        held_there.append(
            ((table["rank_low"] <= true) & (true <= table["rank_high"])).mean()
        )
        widths.append((table["rank_high"] - table["rank_low"]).mean())
    coverage, error = (
        float(np.mean(held_there)),
        float(np.std(held_there, ddof=1) / np.sqrt(panels)),
    )
    row = {
        "coverage": coverage,
        "mean width": float(np.mean(widths)),
        "Monte Carlo error": error,
    }
    measured("coverage_of_ranks", {"n": n, "panels": panels, **row})
    assert 0.945 <= coverage <= 0.985


@pytest.mark.parametrize("entities", [2, 3, 4, 5])
def test_draws_of_few_entities_give_no_interval_of_a_rank(entities):
    actual, missing = (
        draw(CompositeIndex(SYSTEM), panel_of(make_frame(3, n=entities)), rng=1),
        entities < 5,
    )
    table = actual.ranks()
    assert (table[["rank_low", "rank_high"]].isna() == missing).all(axis=None)
    assert table[["rank", "mean_rank", "top_1"]].notna().all(axis=None)
    assert [n.code for n in actual.diagnostics].count(
        "too_few_clusters_to_draw"
    ) == missing
    assert "nan" not in actual.summary()
    if missing:
        with pytest.raises(OptionError, match=f"{entities} entities"):
            rank_ribbon(actual)
