"""Every combination against its own fit; shares by hand; the grid against trial."""

from __future__ import annotations

import json
import pickle
import warnings
from functools import partial
from itertools import combinations as subsets, product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from scipy.stats import spearmanr

from digiprosper import (
    CompositeIndex,
    DigiprosperWarning,
    Indicator,
    IndicatorSystem,
    Panel,
)
from digiprosper.composite.rankings import complete_grid, index_sensitivity
from digiprosper.errors import (
    DigiprosperError,
    IdentificationError,
    IndicatorError,
    InputTypeError,
    MissingDataWarning,
    OptionError,
)
from digiprosper.report.text import last_lines

COLUMNS = list("abcd")
SYSTEM = IndicatorSystem.from_dict(
    {"one": {"a": "+", "b": "+"}, "two": {"c": "-", "d": "+"}}
)
BASE = CompositeIndex(SYSTEM)


def make_frame(seed=0, n=8, periods=3, *, unbalanced=False):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.lognormal(size=(n * periods, 4)), columns=COLUMNS)
    frame["id"] = np.repeat([f"r{i:02d}" for i in range(n)], periods)
    frame["year"] = np.tile(np.arange(2010, 2010 + periods), n)
    return frame.drop(index=[2, 9]).reset_index(drop=True) if unbalanced else frame


def panel_of(frame):
    return Panel(frame, "id", "year")


def quiet(function, *args, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        return function(*args, **options)


study = partial(quiet, index_sensitivity)

GRID = {
    "scope": ["pooled", "per_year", "base_year(2011)", "goalposts"],
    "normalise": ["minmax", "zscore", "max"],
    "weighting": ["entropy", "critic", "equal"],
    "aggregate": ["linear", "geometric", "topsis"],
}


@pytest.fixture(scope="module")
def frame():
    return make_frame(1, unbalanced=True)


@pytest.fixture(scope="module")
def results(frame):
    return study(BASE, panel_of(frame), over=GRID)


# --- combinations ---------------------------------------------------------------------


@pytest.mark.further
def test_every_combination_is_a_fit_of_its_own(frame, results):
    base = BASE.fit(panel_of(frame)).scores
    by = base.index.get_level_values("year")
    table, ranks = results.combinations, results.ranks
    assert list(table)[:4] == list(GRID)
    assert len(table) == 108
    kinds = set()
    for at, values in enumerate(product(*GRID.values())):
        row = table.loc[at]
        assert tuple(row[list(GRID)]) == values
        options, problem = dict(zip(GRID, values, strict=True)), ""
        try:
            scores = quiet(BASE.replace(**options).fit, panel_of(frame)).scores
        except (OptionError, IndicatorError) as error:
            kinds.add(type(error))
            problem = str(error)
        assert row["problem"] == problem
        if problem:
            assert row[["spearman", "mean_rank_change", "max_rank_change"]].isna().all()
            assert at not in ranks["combination"].to_numpy()
            continue
        mine = scores.groupby(by).rank(method="min", ascending=False)
        moved = mine - base.groupby(by).rank(method="min", ascending=False)
        got = ranks[ranks["combination"] == at].set_index(["id", "year"])
        assert got["rank"].tolist() == mine.tolist()
        assert got["rank_change"].tolist() == moved.tolist()
        rho = np.mean(
            [spearmanr(scores[by == t], base[by == t])[0] for t in by.unique()]
        )
        assert row["spearman"] == pytest.approx(rho, abs=1e-12)
        assert row["mean_rank_change"] == pytest.approx(moved.abs().mean())
        assert row["max_rank_change"] == moved[moved.abs().idxmax()]
        if row["max_rank_change"]:
            assert (row["moved_entity"], row["moved_period"]) == moved.abs().idxmax()
    assert kinds == {OptionError, IndicatorError}
    assert len(ranks) == len(base) * (table["problem"] == "").sum()


def test_the_baseline_is_marked(results):
    table = results.combinations
    assert table["baseline"].sum() == 1
    row = table[table["baseline"]].iloc[0]
    assert tuple(row[list(GRID)]) == ("pooled", "minmax", "entropy", "linear")
    assert (row["spearman"], row["max_rank_change"]) == (pytest.approx(1.0), 0)
    assert row["moved_entity"] is None


def test_a_baseline_outside_the_grid(frame):
    actual = study(BASE, panel_of(frame), over={"weighting": ["critic", "std"]})
    assert not actual.combinations["baseline"].any()
    assert actual.baseline == (None,)
    assert (actual.combinations["spearman"] < 1).all()


def test_a_shift_belongs_to_entropy_weights(frame):
    actual = study(
        BASE,
        panel_of(frame),
        over={"shift": [0, 0.01, 1.0], "weighting": ["entropy", "critic"]},
    )
    assert actual.possible.all()
    wide = actual.ranks.pivot_table(
        index=["id", "year"], columns="combination", values="rank"
    )
    assert (wide[1] == wide[3]).all()
    assert (wide[1] == wide[5]).all()
    assert not (wide[0] == wide[4]).all()
    shifted = quiet(BASE.replace(shift=1.0).fit, panel_of(frame)).ranks()["per_year"]
    assert wide[4].tolist() == shifted.tolist()
    critic = study(
        BASE.replace(weighting="critic"),
        panel_of(frame),
        over={"shift": [0, 1], "weighting": ["critic", "std"]},
    )
    assert critic.combinations["baseline"].tolist() == [True, False, True, False]


def test_given_weights_have_a_word(frame):
    one, two = (
        {"a": 1, "b": 1, "c": 2, "d": 4},
        {"a": 0.4, "b": 0.3, "c": 0.2, "d": 0.1},
    )
    actual = study(BASE, panel_of(frame), over={"weighting": ["entropy", one]})
    assert actual.combinations["weighting"].tolist() == ["entropy", "given"]
    both = study(
        BASE.replace(weighting=two),
        panel_of(frame),
        over={"weighting": ["entropy", one, two]},
    )
    assert both.combinations["weighting"].tolist() == ["entropy", "given 1", "given 2"]
    assert both.combinations["baseline"].tolist() == [False, False, True]


def test_structures_and_base_years(frame):
    grid = {
        "structure": ["flat", "nested", "equal_dimensions"],
        "scope": ["pooled", "base_year( 2010 )", "base_year(1999)"],
    }
    actual = study(BASE, panel_of(frame), over=grid)
    table = actual.combinations
    assert table["scope"].tolist()[:3] == [
        "pooled",
        "base_year(2010)",
        "base_year(1999)",
    ]
    assert (
        table["problem"].str.contains("'1999' is not a period").tolist()
        == [False, False, True] * 3
    )
    assert actual.complete == ((0, 1, 2), (0, 1))


def test_pooled_ranks_refuse_yearly_scores_one_by_one(frame):
    actual = study(
        BASE,
        panel_of(frame),
        over={"scope": ["pooled", "per_year", "expanding"]},
        among="pooled",
    )
    table = actual.combinations
    assert table["problem"].str.contains("cannot be ranked together").tolist() == [
        False,
        True,
        False,
    ]
    base = BASE.fit(panel_of(frame)).scores
    late = BASE.replace(scope="expanding").fit(panel_of(frame)).scores
    assert table.loc[2, "spearman"] == pytest.approx(spearmanr(base, late)[0])
    with pytest.raises(OptionError, match="cannot be ranked together"):
        study(
            BASE.replace(scope="per_year"),
            panel_of(frame),
            over={"shift": [0, 1]},
            among="pooled",
        )


def test_order_and_names_change_nothing(frame, results):
    shuffled = study(BASE, panel_of(frame.sample(frac=1, random_state=1)), over=GRID)
    pd.testing.assert_frame_equal(results.combinations, shuffled.combinations)
    pd.testing.assert_frame_equal(results.shares(), shuffled.shares())
    names = {f"r{i:02d}": f"x{9 - i}" for i in range(8)}
    turned = study(BASE, panel_of(frame.assign(id=frame["id"].map(names))), over=GRID)
    numbers = ["spearman", "mean_rank_change"]
    pd.testing.assert_frame_equal(
        results.combinations[numbers], turned.combinations[numbers]
    )
    mine, other = results.shares(), turned.shares()
    items = [(names[e], o) for e, o in mine.index]
    np.testing.assert_allclose(other.loc[items], mine, atol=1e-12)


# --- shares ---------------------------------------------------------------------------


def test_shares_are_those_of_the_complete_part(frame, results):
    kept = [
        [values[p] for p in places]
        for (_, values), places in zip(results.options, results.complete, strict=True)
    ]
    table = results.combinations
    inside = table[
        np.logical_and.reduce(
            [table[n].isin(k) for n, k in zip(GRID, kept, strict=True)]
        )
    ]
    assert (inside["problem"] == "").all()
    assert len(inside) == np.prod([len(k) for k in kept])
    last = results.ranks[results.ranks["year"] == 2012].merge(
        inside[list(GRID)], left_on="combination", right_index=True
    )
    shares = results.shares()
    for entity, rows in last.groupby("id"):
        variance = rows["rank"].var(ddof=0)
        for name, values in zip(GRID, kept, strict=True):
            others = [n for n in GRID if n != name]
            first = rows.groupby(name)["rank"].mean().var(ddof=0)
            rest = rows.groupby(others)["rank"].mean().var(ddof=0)
            got = shares.loc[(entity, name)]
            assert got["variance"] == pytest.approx(variance)
            if len(values) == 1 or variance == 0:
                assert got[["first", "total"]].isna().all()
            else:
                assert got["first"] == pytest.approx(first / variance, abs=1e-12)
                assert got["total"] == pytest.approx(1 - rest / variance, abs=1e-12)
    assert results.diagnostics[-1].code == "impossible"
    assert "The shares exclude" in results.diagnostics[-1].message


def test_shares_of_means_and_of_all_entities(frame):
    actual = study(
        BASE,
        panel_of(frame),
        over={"weighting": ["entropy", "std"], "normalise": ["minmax", "rank"]},
    )
    ranks = actual.ranks.pivot_table(index="combination", columns="id", values="rank")
    cube = ranks.to_numpy().reshape(2, 2, -1)
    variance = cube.var(axis=(0, 1))
    shares = actual.shares("mean")
    assert shares.index.names == ["id", "option"]
    np.testing.assert_allclose(
        shares.xs("weighting", level="option")["variance"], variance
    )
    first = cube.mean(axis=1).var(axis=0)
    moved = variance > 0
    got = shares.xs("weighting", level="option")["first"].to_numpy()
    np.testing.assert_allclose(
        got[moved], (first / np.where(moved, variance, 1))[moved]
    )
    overall = actual.shares("mean", overall=True)
    with pytest.raises(OptionError, match="overall"):
        actual.shares("mean", overall=pd.Series([1.0]))
    assert overall.loc["weighting", "first"] == pytest.approx(
        first.sum() / variance.sum()
    )
    assert overall.loc["weighting", "variance"] == pytest.approx(variance.sum())
    assert (
        actual.shares(2010).index.get_level_values("id").nunique()
        == (frame["year"] == 2010).sum()
    )
    with pytest.raises(OptionError, match="not in the sample"):
        actual.shares(1999)


def test_one_option_explains_everything(frame):
    actual = study(
        BASE, panel_of(frame), over={"weighting": ["entropy", "std", "equal"]}
    )
    shares = actual.shares().dropna()
    assert len(shares)
    np.testing.assert_allclose(shares[["first", "total"]], 1.0)
    assert actual.diagnostics == ()


def test_no_complete_part_has_no_shares(frame):
    # Goalposts are the ends of min-max; neither scope goes with both normalisations.
    posted = IndicatorSystem([Indicator(n, goalposts=(0, 50)) for n in COLUMNS])
    spec = CompositeIndex(posted, scope="goalposts")
    actual = study(spec, panel_of(frame), over={"normalise": ["minmax", "rank"]})
    assert actual.complete == ((0,),)
    with pytest.raises(IdentificationError, match="cannot be decomposed"):
        actual.shares()
    assert "1 of 2 combinations are impossible" in actual.summary()
    none = study(spec, panel_of(frame), over={"normalise": ["zscore", "rank"]})
    assert none.complete == ((),)
    assert not none.possible.any()
    assert "No part of the grid is complete" in none.diagnostics[-1].message
    assert none.ranks.empty
    assert none.combinations["spearman"].isna().all()
    assert "0 possible" in none.summary()


@settings(max_examples=80, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.lists(st.integers(1, 4), min_size=1, max_size=3),
    st.floats(0, 0.6),
)
def test_the_largest_complete_part_is_found(seed, sizes, holes):
    rng = np.random.default_rng(seed)
    possible = rng.random(sizes) >= holes
    pinned = tuple(int(rng.integers(d)) if rng.random() < 0.5 else None for d in sizes)
    if all(p is not None for p in pinned):
        possible[pinned] = True
    kept = complete_grid(possible, pinned)
    best = 0
    every = [
        [
            c
            for r in range(1, d + 1)
            for c in subsets(range(d), r)
            if p is None or p in c
        ]
        for d, p in zip(sizes, pinned, strict=True)
    ]
    for part in product(*every):
        if possible[np.ix_(*part)].all():
            best = max(best, int(np.prod([len(c) for c in part])))
    size = int(np.prod([len(c) for c in kept]))
    assert size == best
    if best:
        assert possible[np.ix_(*kept)].all()
        assert all(p is None or p in c for p, c in zip(pinned, kept, strict=True))


def test_among_parts_of_one_size_values_of_later_options_are_dropped():
    possible = np.array([[False, True], [True, True]])
    assert complete_grid(possible, (None, None)) == ((0, 1), (1,))
    assert complete_grid(possible.reshape(2, 1, 2), (None,) * 3) == ((0, 1), (0,), (1,))


def test_the_baseline_stays_in_the_grid(frame):
    # Entropy of z-scores is impossible; without entropy four cells would stay.
    over = {
        "normalise": ["minmax", "zscore"],
        "weighting": ["entropy", "critic", "equal"],
    }
    actual = study(BASE, panel_of(frame), over=over)
    assert actual.complete == ((0,), (0, 1, 2))
    assert "The shares exclude normalise 'zscore'." in actual.diagnostics[-1].message
    other = study(BASE.replace(weighting="critic"), panel_of(frame), over=over)
    assert other.complete == ((0, 1), (1, 2))


# --- the result -----------------------------------------------------------------------


def test_the_result_is_small_and_speaks(results):
    back = pickle.loads(pickle.dumps(results))
    pd.testing.assert_frame_equal(back.combinations, results.combinations)
    data = json.loads(json.dumps(results.to_dict()))
    assert data["schema"] == 1
    assert len(data["combinations"]) == 108
    lines = results.summary().splitlines()
    assert lines[0] == (
        "Sensitivity of 'index_score': 108 combinations, "
        f"{results.possible.sum()} possible"
    )
    assert results.summary().endswith(
        "\n".join(last_lines(results.conventions, results.settings))
    )
    assert results.conventions.startswith("Ranks among")
    assert results.settings == "baseline pooled minmax, entropy weights, flat, linear"
    assert repr(results) == results.summary()


def test_a_cross_section(frame):
    table = frame[frame["year"] == 2011].drop(columns="year")
    actual = study(
        BASE,
        Panel(table, "id"),
        over={"weighting": ["entropy", "std"], "aggregate": ["linear", "topsis"]},
    )
    assert list(actual.ranks) == ["combination", "id", "rank", "rank_change"]
    assert "moved_period" not in actual.combinations
    assert actual.shares().index.names == ["id", "option"]
    assert "shares of the variation of all entities' ranks" in actual.conventions
    pd.testing.assert_frame_equal(actual.shares("mean"), actual.shares())


def test_warnings_are_those_of_the_baseline(frame):
    holes = frame.assign(a=frame["a"].where(frame.index != 3))
    with pytest.warns(MissingDataWarning) as caught:
        actual = index_sensitivity(
            BASE.replace(missing="drop"), panel_of(holes), over={"shift": [0, 0.5, 1]}
        )
    assert len(caught) == 1
    assert actual.diagnostics[0].code == "missing_rows"
    assert len(actual.index) == len(frame) - 1


@pytest.mark.parametrize(
    ("over", "error", "match"),
    [
        (["shift"], InputTypeError, "mapping of option to values"),
        ({"shift": 0.01}, InputTypeError, r"over\['shift'\] must be a list"),
        (
            {"weighting": "critic"},
            InputTypeError,
            r"over\['weighting'\] must be a list",
        ),
        ({"weighting": {"a": 1}}, InputTypeError, "must be a list"),
        ({"missing": ["drop"]}, OptionError, "over='missing'"),
        ({"normalise": ["min-max", "rank"]}, OptionError, "normalise='min-max'"),
        ({"weighting": ["entropy", "topsis"]}, OptionError, "weighting='topsis'"),
        ({"weighting": ["entropy", {"a": 1}]}, OptionError, "one weight per indicator"),
        ({"aggregate": ["linear", "mean"]}, OptionError, "aggregate='mean'"),
        ({"structure": ["flat", "deep"]}, OptionError, "structure='deep'"),
        ({"scope": ["pooled", "base_year"]}, OptionError, "Include the base year"),
        ({"shift": [0, -1]}, OptionError, "shift=-1"),
        ({"shift": [0, 0.0]}, OptionError, "twice"),
        ({"shift": []}, OptionError, "lists no value"),
        (
            {"shift": [0.01], "aggregate": ["linear"]},
            OptionError,
            "at least two values",
        ),
        ({}, OptionError, "at least two values"),
    ],
)
def test_grids_that_make_no_sense_are_refused(frame, over, error, match):
    with pytest.raises(error, match=match):
        index_sensitivity(BASE, panel_of(frame), over=over)


def test_what_is_no_index_is_refused(frame):
    with pytest.raises(
        InputTypeError, match="index_sensitivity takes a CompositeIndex, not str"
    ):
        index_sensitivity("x", panel_of(frame), over={"shift": [0, 1]})
    with pytest.raises(DigiprosperError, match="takes a Panel"):
        index_sensitivity(BASE, frame, over={"shift": [0, 1]})
