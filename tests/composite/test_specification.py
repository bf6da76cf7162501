from __future__ import annotations

import json
import pickle
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from digiprosper import (
    ColumnError,
    CompositeIndex,
    Indicator,
    IndicatorError,
    IndicatorSystem,
    IndicatorWarning,
    InputTypeError,
    MissingDataError,
    MissingDataWarning,
    OptionError,
    Panel,
    entropy_weights,
)

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"
REFERENCE = json.loads(
    (Path(__file__).parents[1] / "reference" / "entropy.json").read_text(
        encoding="utf-8"
    )
)

HDI = json.loads(
    (Path(__file__).parents[1] / "reference" / "hdi.json").read_text(encoding="utf-8")
)
HDI_FILE = SHARED / "published" / "hdi_2010_2022.csv"


def golden(name):
    case = REFERENCE[name]
    frame = pd.DataFrame(case["data"], columns=case["columns"], dtype=float)
    frame["id"] = case.get("entities", [f"r{i}" for i in range(len(frame))])
    if "times" in case:
        frame["year"] = case["times"]
    panel = Panel(frame, "id", "year" if "times" in case else None)
    pairs = zip(case["columns"], case["directions"], strict=True)
    return case, panel, IndicatorSystem([Indicator(c, d) for c, d in pairs])


def made(seed=0, n=8, periods=5, width=4):
    rng = np.random.default_rng(seed)
    x = pd.DataFrame(
        rng.lognormal(size=(n * periods, width)), columns=list("abcdefgh")[:width]
    )
    x["id"] = np.repeat([f"r{i:02d}" for i in range(n)], periods)
    x["year"] = np.tile(np.arange(2010, 2010 + periods), n)
    return x


SYSTEM = IndicatorSystem.from_dict(
    {"one": {"a": "+", "b": "+"}, "two": {"c": "-", "d": "+"}}
)


def panel_of(frame):
    return Panel(frame, "id", "year")


def quiet(spec, frame):
    """Fit without the warning that a drawn column may deserve."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", IndicatorWarning)
        return spec.fit(panel_of(frame))


@pytest.mark.parametrize("name", ["G1", "G2", "closed_form"])
def test_outside_numbers(name):
    case, panel, system = golden(name)
    index = CompositeIndex(system).fit(panel)
    np.testing.assert_allclose(
        index.weights["weight"], case["weights"], atol=case["tolerance"], rtol=0
    )
    if "scores" in case:
        np.testing.assert_allclose(
            index.scores, case["scores"], atol=case["tolerance"], rtol=0
        )


def test_shift_enters_the_weights_and_not_the_scores():
    case, panel, system = golden("G1")
    with pytest.warns(IndicatorWarning):
        index = CompositeIndex(system, shift=0.01).fit(panel)
    np.testing.assert_allclose(
        index.weights["weight"], case["weights_shift_01"], atol=1e-10
    )
    assert index.scores.min() == 0.0
    assert index.scores.max() == pytest.approx(1.0, abs=1e-15)
    assert (index.diagnostics[0].code, index.diagnostics[0].data) == (
        "shift",
        {"shift": 0.01},
    )


def test_weights_table_and_theil_identity():
    frame = made(1)
    index = CompositeIndex(SYSTEM).fit(panel_of(frame))
    table = index.weights
    assert list(table.columns) == [
        "dimension",
        "direction",
        "entropy",
        "redundancy",
        "weight",
        "std_error",
    ]
    assert list(table.index) == ["a", "b", "c", "d"]
    assert table.index.name == "indicator"
    assert table["dimension"].tolist() == ["one", "one", "two", "two"]
    x = frame[list("abcd")].to_numpy()
    z = (x - x.min(axis=0)) / np.ptp(x, axis=0)
    z[:, 2] = 1 - z[:, 2]
    p = z / z.sum(axis=0)
    entropy = -np.where(p > 0, p * np.log(np.where(p > 0, p, 1)), 0).sum(
        axis=0
    ) / np.log(len(z))
    np.testing.assert_allclose(table["entropy"], entropy, rtol=1e-12)
    np.testing.assert_allclose(table["redundancy"], 1 - entropy, rtol=1e-10)
    u = z / z.mean(axis=0)
    theil = np.where(u > 0, u * np.log(np.where(u > 0, u, 1)), 0).mean(axis=0)
    np.testing.assert_allclose(table["weight"], theil / theil.sum(), rtol=1e-10)
    np.testing.assert_allclose(table["weight"], entropy_weights(z), rtol=1e-12)
    np.testing.assert_allclose(index.scores, z @ table["weight"].to_numpy(), rtol=1e-12)


@pytest.mark.further
@pytest.mark.parametrize("count", [15, pytest.param(60, marks=pytest.mark.weekly)])
def test_invariances(count):
    drawn = st.integers(0, 2**32 - 1), st.floats(0.01, 100), st.floats(-50, 50)
    settings(max_examples=count, deadline=None)(given(*drawn)(compare_changed))()


def compare_changed(seed, factor, offset):
    frame = made(seed)
    spec = CompositeIndex(SYSTEM)
    base = quiet(spec, frame)
    w, s = base.weights["weight"], base.scores
    assert abs(w.sum() - 1) < 1e-14
    assert -1e-12 < s.min() <= s.max() < 1 + 1e-12

    def same(changed, system=SYSTEM, weights=w, scores=s):
        other = quiet(CompositeIndex(system), changed)
        np.testing.assert_allclose(other.weights["weight"], weights, rtol=1e-8)
        np.testing.assert_allclose(other.scores, scores, rtol=1e-8, atol=1e-12)

    same(
        frame.assign(a=offset + factor * frame["a"], c=3 - offset + frame["c"] / factor)
    )
    flipped = IndicatorSystem.from_dict({"": {"a": "-", "b": "+", "c": "-", "d": "+"}})
    same(frame.assign(a=-frame["a"]), flipped)
    same(frame.sample(frac=1, random_state=seed % 1000))
    doubled = pd.concat([frame, frame.assign(id=frame["id"] + "x")])
    twice = quiet(spec, doubled)
    np.testing.assert_allclose(twice.weights["weight"], w, rtol=1e-10)
    copied = IndicatorSystem([*SYSTEM, Indicator("a2")])
    weights = quiet(CompositeIndex(copied), frame.assign(a2=frame["a"])).weights[
        "weight"
    ]
    assert weights["a"] == pytest.approx(weights["a2"], rel=1e-12)
    np.testing.assert_allclose(
        weights[["a", "b", "c", "d"]] / weights[["a", "b", "c", "d"]].sum(),
        w,
        rtol=1e-10,
    )


def test_scores_go_back_into_the_panel():
    panel = panel_of(made(2))
    index = CompositeIndex(SYSTEM, name="digital").fit(panel)
    assert index.scores.name == "digital"
    assert index.scores.index.equals(panel.frame.index)
    np.testing.assert_array_equal(
        panel.attach(index.scores).frame["digital"], index.scores
    )


def test_apply_uses_the_learned_ends_and_does_not_clip():
    frame = made(3)
    panel = panel_of(frame)
    early = CompositeIndex(SYSTEM).fit(panel.subset("year <= 2012"))
    again = early.apply(panel)
    assert again.name == "index_score"
    np.testing.assert_array_equal(again.loc[early.scores.index], early.scores)
    assert early.end_points.index.equals(early.weights.index)
    x = frame.set_index(["id", "year"]).loc[again.index, list("abcd")]
    z = (x - early.end_points.low) / (early.end_points.high - early.end_points.low)
    z["c"] = 1 - z["c"]
    np.testing.assert_allclose(again, z @ early.weights["weight"], rtol=1e-12)
    with pytest.warns(IndicatorWarning, match=r"scores from .* instead of 0 to 1"):
        wide = early.apply(panel_of(frame.assign(a=frame["a"] * 1000)))
    assert wide.max() > 1


def test_apply_on_a_panel_with_other_rows_and_keys():
    index = CompositeIndex(SYSTEM).fit(panel_of(made(4)))
    other = Panel(made(5, n=3).rename(columns={"id": "city", "year": "t"}), "city", "t")
    assert index.apply(other).index.names == ["city", "t"]


def test_entity_sums_reproduce_the_weights_without_the_panel():
    frame = made(6).drop(index=[3, 11, 12])
    index = CompositeIndex(SYSTEM).fit(panel_of(frame))
    sums = index.entity_sums
    assert sums.rows.sum() == index.nobs == len(frame)
    assert index.index.unique(level=0)[sums.entities].tolist() == sorted(
        frame["id"].unique()
    )
    np.testing.assert_allclose(
        sums.weights(np.ones((1, 8)))[0], index.weights["weight"], rtol=1e-12
    )


def test_constant_indicator_is_as_if_it_were_not_there():
    frame = made(7).assign(flat=2.5)
    panel = panel_of(frame)
    system = IndicatorSystem([Indicator("flat", "-"), *SYSTEM])
    with pytest.warns(IndicatorWarning) as caught:
        index = CompositeIndex(system).fit(panel)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert index.weights.loc["flat", ["entropy", "redundancy", "weight"]].tolist() == [
        1.0,
        0.0,
        0.0,
    ]
    plain = CompositeIndex(SYSTEM).fit(panel)
    np.testing.assert_allclose(index.scores, plain.scores, rtol=1e-13)
    data = {"columns": ("flat",), "times": {}}
    assert [(n.code, n.data) for n in index.diagnostics] == [
        ("constant_indicator", data)
    ]
    varying = panel_of(frame.assign(flat=np.arange(len(frame))))
    np.testing.assert_allclose(index.apply(varying), plain.scores, rtol=1e-13)


def test_all_constant_is_refused():
    frame = made(8).assign(a=1, b=2, c=3, d=4)
    with pytest.raises(
        IndicatorError, match="every indicator is constant over the 40 rows"
    ):
        CompositeIndex(SYSTEM).fit(panel_of(frame))


def test_dominant_indicator_warns_and_constants_do_not_count():
    frame = made(9, width=5).assign(flat=1.0)
    frame[list("abcd")] = np.random.default_rng(0).uniform(size=(len(frame), 4))
    frame["e"] = 0.0
    frame.loc[0, "e"] = 1.0
    system = IndicatorSystem([Indicator(c) for c in "abcde"])
    with pytest.warns(IndicatorWarning):
        index = CompositeIndex(system).fit(panel_of(frame))
    assert index.diagnostics[0].data["limit"] == pytest.approx(3 / 5)
    assert set(index.diagnostics[0].data["weights"]) == {"e"}


def test_missing_is_refused_with_column_rows_and_count():
    frame = made(10)
    frame.loc[[1, 7, 8], "c"] = np.nan
    with pytest.raises(MissingDataError) as caught:
        CompositeIndex(SYSTEM).fit(panel_of(frame))
    text = str(caught.value)
    assert "'c'" in text or "c (3)" in text
    assert "3" in text
    assert "r00, 2011" in text
    assert caught.value.problems


def test_missing_dropped_listwise_says_so():
    frame = made(11)
    frame.loc[[1, 7], "c"] = np.nan
    frame.loc[7, "d"] = np.nan
    spec = CompositeIndex(SYSTEM, missing="drop")
    with pytest.warns(MissingDataWarning):
        index = spec.fit(panel_of(frame))
    kept = frame.drop(index=[1, 7])
    plain = CompositeIndex(SYSTEM).fit(panel_of(kept))
    pd.testing.assert_series_equal(index.scores, plain.scores)
    assert index.diagnostics[0].code == "missing_rows"
    assert (
        index.diagnostics[0].data["count"],
        index.diagnostics[0].data["by_term"],
    ) == (2, {"c": 2, "d": 1})
    with pytest.warns(MissingDataWarning):
        assert len(index.apply(panel_of(frame))) == 38


def test_negative_raw_values_are_fine():
    frame = made(12).assign(a=lambda f: f["a"] - 10)
    assert CompositeIndex(SYSTEM).fit(panel_of(frame)).scores.between(0, 1).all()


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (
            lambda: CompositeIndex({"one": {"a": "+"}}),
            InputTypeError,
            ["IndicatorSystem", "from_dict"],
        ),
        (
            lambda: CompositeIndex(SYSTEM, scope="rolling"),
            OptionError,
            ["scope='rolling'", "'pooled'"],
        ),
        (
            lambda: CompositeIndex(SYSTEM, normalise="log"),
            OptionError,
            ["normalise='log'", "'minmax'", "'zscore'"],
        ),
        (
            lambda: CompositeIndex(SYSTEM, weighting="ahp"),
            OptionError,
            ["weighting='ahp'", "'entropy'", "'critic'"],
        ),
        (
            lambda: CompositeIndex(SYSTEM, structure="tree"),
            OptionError,
            ["structure='tree'", "'nested'"],
        ),
        (
            lambda: CompositeIndex(SYSTEM, aggregate="sum"),
            OptionError,
            ["aggregate='sum'", "'topsis'"],
        ),
        (
            lambda: CompositeIndex(SYSTEM, missing="skip"),
            OptionError,
            ["missing='skip'", "'raise'", "'drop'"],
        ),
        (lambda: CompositeIndex(SYSTEM, shift=-0.1), OptionError, ["shift=-0.1"]),
        (lambda: CompositeIndex(SYSTEM, name=""), InputTypeError, ["name="]),
        (
            lambda: CompositeIndex(SYSTEM).replace(weights="x"),
            OptionError,
            ["'weights'", "'weighting'"],
        ),
        (lambda: CompositeIndex(SYSTEM).drop("e"), ColumnError, ["'e'"]),
        (
            lambda: CompositeIndex(SYSTEM).drop(*"abcd"),
            IndicatorError,
            ["at least one"],
        ),
        (
            lambda: CompositeIndex(SYSTEM).fit([made()]),
            InputTypeError,
            ["Panel", "list"],
        ),
        (
            lambda: CompositeIndex(SYSTEM).fit(panel_of(made())).contributions(made()),
            InputTypeError,
            ["Panel", "DataFrame"],
        ),
        (
            lambda: CompositeIndex(SYSTEM).fit(
                panel_of(made().rename(columns={"c": "cc", "d": "dd"}))
            ),
            ColumnError,
            ["'c'", "'d'", "did you mean 'cc'"],
        ),
        (
            lambda: CompositeIndex(IndicatorSystem([Indicator("log(a)")])).fit(
                panel_of(made())
            ),
            ColumnError,
            ["'log(a)'"],
        ),
        (
            lambda: CompositeIndex(SYSTEM).fit(panel_of(made().assign(a="much"))),
            IndicatorError,
            ["'a'", "not numeric", "to_numeric", "thousands=','"],
        ),
    ],
)
def test_what_is_wrong_is_said(make, error, words):
    with pytest.raises(error) as caught:
        make()
    assert all(w in str(caught.value) for w in words), str(caught.value)


PLUS = IndicatorSystem(
    [Indicator(c, dimension="one" if c in "ab" else "two") for c in "abcd"]
)
POSTED = IndicatorSystem([Indicator(c, goalposts=(0, 40)) for c in "abcd"])


@pytest.mark.parametrize(
    ("system", "options", "words"),
    [
        (
            SYSTEM,
            {"weighting": "critic", "shift": 0.01},
            ["shift=0.01", "entropy weights", "shift=0"],
        ),
        (
            POSTED,
            {"scope": "goalposts", "normalise": "rank"},
            ["goalposts", "normalise='minmax'", "'rank'"],
        ),
        (
            SYSTEM,
            {"scope": "legacy_lnT", "weighting": "cv"},
            ["legacy_lnT", "weighting='entropy'", "'pooled'"],
        ),
        (
            SYSTEM,
            {"scope": "legacy_lnT", "structure": "nested"},
            ["legacy_lnT", "structure='flat'"],
        ),
        (
            SYSTEM,
            {"scope": "legacy_lnT", "normalise": "max"},
            ["legacy_lnT", "normalise='minmax'"],
        ),
        (
            SYSTEM,
            {"scope": "pooled_norm_yearly_weights", "weighting": "equal"},
            ["not estimated", "'pooled'"],
        ),
        (
            SYSTEM,
            {"normalise": "none"},
            ["'c' has direction '-'", "normalise='minmax'"],
        ),
        (SYSTEM, {"normalise": "zscore"}, ["zscore", "entropy", "critic"]),
        (SYSTEM, {"normalise": "zscore", "weighting": "cv"}, ["zscore", "cv"]),
        (
            SYSTEM,
            {"normalise": "zscore", "weighting": "std"},
            ["standard deviation 1", "'equal'"],
        ),
        (
            SYSTEM,
            {"normalise": "zscore", "weighting": "pca", "aggregate": "geometric"},
            ["linear"],
        ),
        (
            SYSTEM,
            {
                "normalise": "zscore",
                "weighting": "pca",
                "aggregate": "geometric_dimensions",
            },
            ["linear"],
        ),
        (
            POSTED,
            {"aggregate": "geometric_dimensions"},
            [
                "aggregate='geometric_dimensions'",
                "two dimensions",
                "have none",
                "aggregate='geometric'",
            ],
        ),
        (
            SYSTEM,
            {"weighting": dict.fromkeys("abcd", 1), "structure": "nested"},
            ["given", "structure='flat'"],
        ),
        (
            POSTED,
            {"structure": "nested"},
            ["two dimensions", "'a', 'b', 'c', 'd' have none", "'flat'"],
        ),
        (
            IndicatorSystem(
                [Indicator("a", dimension="one"), Indicator("b", dimension="one")]
            ),
            {"structure": "equal_dimensions"},
            ["two dimensions", "'one'"],
        ),
        (SYSTEM, {"weighting": {"a": 1, "b": 1, "c": 1}}, ["'d' has none"]),
        (
            SYSTEM,
            {"weighting": dict.fromkeys("abcde", 1)},
            ["'e' is not in the system"],
        ),
        (SYSTEM, {"weighting": dict.fromkeys("abcd", 0)}, ["all are 0"]),
        (
            SYSTEM,
            {"weighting": {"a": -1, "b": 1, "c": 1, "d": 1}},
            ["'a' has -1", ">= 0"],
        ),
        (SYSTEM, {"weighting": {"a": "1", "b": 1, "c": 1, "d": 1}}, ["'a' has '1'"]),
        (SYSTEM, {"weighting": {"a": np.nan, "b": 1, "c": 1, "d": 1}}, ["'a' has nan"]),
        (SYSTEM, {"weighting": None}, ["weighting=None", "'entropy'"]),
    ],
)
def test_options_that_contradict_each_other_say_what_to_do(system, options, words):
    with pytest.raises(OptionError) as caught:
        CompositeIndex(system, **options)
    assert all(w in str(caught.value) for w in words), str(caught.value)
    assert caught.value.problems


def test_goalposts_are_needed_where_they_are_asked_for():
    system = IndicatorSystem(
        [Indicator("a", goalposts=(0, 1)), Indicator("b"), Indicator("c")]
    )
    with pytest.raises(
        IndicatorError, match=r"'b', 'c' have none: set Indicator\(name, goalposts="
    ):
        CompositeIndex(system, scope="goalposts")


@pytest.mark.parametrize(
    "options",
    [
        {"normalise": "zscore", "weighting": "critic"},
        {"normalise": "zscore", "weighting": "pca", "aggregate": "topsis"},
        {
            "normalise": "zscore",
            "weighting": "std",
            "scope": "pooled_norm_yearly_weights",
        },
        {"normalise": "rank", "weighting": "cv", "structure": "nested"},
        {"scope": "per_year", "weighting": "equal"},
        {"scope": "legacy_lnT", "aggregate": "topsis", "shift": 1e-4},
        {
            "weighting": {"a": 1, "b": 0, "c": 2, "d": 3},
            "scope": "expanding",
            "aggregate": "geometric",
        },
    ],
)
def test_options_that_make_sense_are_taken(options):
    spec = CompositeIndex(SYSTEM, **options)
    assert spec.replace(name="x").replace(name="index_score") == spec
    assert quiet(spec, made(30)).nobs == 40


def test_given_weights_are_stored_in_the_order_of_the_system():
    given = {"d": 1, "c": 2, "a": 3, "b": 4.0}
    spec = CompositeIndex(SYSTEM, weighting=given)
    assert spec.weighting == (("a", 3.0), ("b", 4.0), ("c", 2.0), ("d", 1.0))
    assert spec == CompositeIndex(SYSTEM, weighting=pd.Series(given))
    assert hash(spec) == hash(
        CompositeIndex(SYSTEM, weighting=dict(reversed(given.items())))
    )
    np.testing.assert_allclose(spec.given_weights, [0.3, 0.4, 0.2, 0.1])
    assert CompositeIndex(SYSTEM).given_weights is None
    assert spec.fit(panel_of(made(31))).weights["weight"].tolist() == pytest.approx(
        [0.3, 0.4, 0.2, 0.1]
    )
    assert spec.drop("b").weighting == (("a", 3.0), ("c", 2.0), ("d", 1.0))


def test_drop_leaves_indicators_out():
    spec = CompositeIndex(SYSTEM, name="x").drop("b", "c")
    assert spec.terms == ("a", "d")
    assert spec.name == "x"
    frame = made(32)
    lone = CompositeIndex(
        IndicatorSystem([SYSTEM.indicators[0], SYSTEM.indicators[3]]), name="x"
    )
    pd.testing.assert_series_equal(quiet(spec, frame).scores, quiet(lone, frame).scores)


def test_add_puts_indicators_at_the_end():
    spec = CompositeIndex(SYSTEM).add("e", Indicator("f", "-", dimension="three"))
    assert spec.terms == (*SYSTEM.names, "e", "f")
    assert [i.direction for i in spec.system][-2:] == ["+", "-"]
    with pytest.raises(IndicatorError, match="'a' is listed more than once"):
        spec.add("a")
    with pytest.raises(OptionError, match="'e' has none"):
        CompositeIndex(SYSTEM, weighting=dict.fromkeys(SYSTEM.names, 1)).add("e")


def test_swap_reads_another_column_in_the_same_way():
    frame = made(33)
    spec = CompositeIndex(SYSTEM)
    other = spec.swap("b", "bb")
    assert [
        replace(i, name="b") if i.name == "bb" else i for i in other.system
    ] == list(SYSTEM)
    same = quiet(other, frame.rename(columns={"b": "bb"}))
    pd.testing.assert_series_equal(same.scores, quiet(spec, frame).scores)
    given = CompositeIndex(SYSTEM, weighting={"a": 3, "b": 4, "c": 2, "d": 1}).swap(
        "b", "bb"
    )
    assert given.weighting == (("a", 3.0), ("bb", 4.0), ("c", 2.0), ("d", 1.0))
    with pytest.raises(ColumnError, match="'z'"):
        spec.swap("z", "b")


@pytest.mark.parametrize("name", ["G1", "closed_form"])
def test_every_scope_without_years_agrees_on_a_table(name):
    case, panel, system = golden(name)
    posted = IndicatorSystem(
        [
            Indicator(
                i.name,
                i.direction,
                goalposts=(panel.frame[i.name].min(), panel.frame[i.name].max()),
            )
            for i in system
        ]
    )
    index = CompositeIndex(posted, scope="goalposts").fit(panel)
    np.testing.assert_allclose(
        index.weights["weight"], case["weights"], atol=case["tolerance"], rtol=0
    )
    np.testing.assert_allclose(
        index.scores, case["scores"], atol=case["tolerance"], rtol=0
    )


@pytest.mark.parametrize("aggregate", ["topsis", "geometric"])
def test_outside_numbers_of_other_aggregates(aggregate):
    _, panel, system = golden("G1")
    index = quiet_fit(CompositeIndex(system, aggregate=aggregate), panel)
    case = REFERENCE["aggregates"]
    np.testing.assert_allclose(
        index.scores, case[aggregate], atol=case["tolerance"], rtol=0
    )


def human_development(frame):
    """The index of UNDP: better goalposts as ends, income in logarithms."""
    posts = HDI["goalposts"]
    for name, (_, high) in posts.items():
        frame[name] = np.minimum(frame[name], high)
    frame["income"] = np.log(frame["income"])
    posts = posts | {"income": np.log(posts["income"]).tolist()}
    system = IndicatorSystem(
        [
            Indicator(n, dimension=d, goalposts=tuple(posts[n]))
            for n, d in HDI["dimensions"].items()
        ]
    )
    return CompositeIndex(
        system,
        scope="goalposts",
        weighting="equal",
        structure="equal_dimensions",
        aggregate="geometric_dimensions",
        name="hdi",
    ).fit(Panel(frame, "country"))


def test_human_development_of_some_countries_is_met_in_one_step():
    frame = pd.DataFrame(HDI["countries"], columns=["country", *HDI["columns"]])
    printed = frame.set_index("country")["hdi"]
    scores = human_development(frame).scores
    np.testing.assert_allclose(
        scores, printed[scores.index], atol=HDI["tolerance"], rtol=0
    )


@pytest.mark.data("published/hdi_2010_2022.csv")
@pytest.mark.parametrize("year", [2010, 2015, 2020, 2022])
def test_human_development_of_all_countries_is_met_in_one_step(year):
    wide = pd.read_csv(HDI_FILE)
    sources = {
        "life": "le",
        "expected": "eys",
        "mean": "mys",
        "income": "gnipc",
        "hdi": "hdi",
    }
    frame = pd.DataFrame(
        {name: wide[f"{source}_{year}"] for name, source in sources.items()}
    )
    frame = frame.assign(country=wide["iso3"]).dropna()
    assert len(frame) > 185
    scores = human_development(frame).scores
    assert (
        scores.round(3).tolist()
        == frame.set_index("country")["hdi"][scores.index].tolist()
    )


def quiet_fit(spec, panel):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", IndicatorWarning)
        return spec.fit(panel)


def test_critic_outside_number_turns_directions_first():
    _, panel, system = golden("G1")
    index = CompositeIndex(system, weighting="critic").fit(panel)
    case = REFERENCE["relatives"]
    np.testing.assert_allclose(
        index.weights["weight"], case["critic_weights"], atol=1e-10, rtol=0
    )


def test_a_spec_is_a_value():
    spec = CompositeIndex(SYSTEM, name="digital")
    same = CompositeIndex(IndicatorSystem(list(SYSTEM)), name="digital")
    assert spec == same
    assert hash(spec) == hash(same)
    assert spec.replace(shift=1e-4) != spec
    assert spec.replace(shift=1e-4).name == "digital"
    assert pickle.loads(pickle.dumps(spec)) == spec


def test_cross_section_and_integers():
    frame = pd.DataFrame(
        {"id": list("pqr"), "a": [1, 2, 3], "b": [5, 9, 9], "c": [7, 7, 4]}
    )
    system = IndicatorSystem([Indicator("a"), Indicator("b"), Indicator("c", "-")])
    index = CompositeIndex(system).fit(Panel(frame, "id"))
    assert list(index.scores.index) == list("pqr")
    assert index.scores.iloc[1] == pytest.approx(0.3237321199, abs=1e-10)


def test_no_warning_in_the_ordinary_case():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert CompositeIndex(SYSTEM).fit(panel_of(made(16))).diagnostics == ()
