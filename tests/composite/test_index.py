from __future__ import annotations

import json
import pickle
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
from digiprosper.kernels.dispersion import theil_from_sums, theil_shares

REFERENCE = json.loads((Path(__file__).parents[1] / "reference" / "entropy.json").read_text(encoding="utf-8"))


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
    x = pd.DataFrame(rng.lognormal(size=(n * periods, width)), columns=list("abcdefgh")[:width])
    x["id"] = np.repeat([f"r{i:02d}" for i in range(n)], periods)
    x["year"] = np.tile(np.arange(2010, 2010 + periods), n)
    return x


SYSTEM = IndicatorSystem.from_dict({"one": {"a": "+", "b": "+"}, "two": {"c": "-", "d": "+"}})


def panel_of(frame):
    return Panel(frame, "id", "year")


@pytest.mark.parametrize("name", ["G1", "G2", "closed_form"])
def test_outside_numbers(name):
    case, panel, system = golden(name)
    index = CompositeIndex(system).fit(panel)
    np.testing.assert_allclose(index.weights["weight"], case["weights"], atol=case["tolerance"], rtol=0)
    if "scores" in case:
        np.testing.assert_allclose(index.scores, case["scores"], atol=case["tolerance"], rtol=0)


def test_shift_enters_the_weights_and_not_the_scores():
    case, panel, system = golden("G1")
    with pytest.warns(IndicatorWarning, match="shift"):
        index = CompositeIndex(system, shift=0.01).fit(panel)
    np.testing.assert_allclose(index.weights["weight"], case["weights_shift_01"], atol=1e-10)
    assert index.scores.min() == 0.0
    assert index.scores.max() == pytest.approx(1.0, abs=1e-15)
    assert index.diagnostics[0].code == "shift"


def test_weights_table_and_theil_identity():
    frame = made(1)
    index = CompositeIndex(SYSTEM).fit(panel_of(frame))
    table = index.weights
    assert list(table.columns) == ["dimension", "direction", "entropy", "redundancy", "weight"]
    assert list(table.index) == ["a", "b", "c", "d"]
    assert table.index.name == "indicator"
    assert table["dimension"].tolist() == ["one", "one", "two", "two"]
    x = frame[list("abcd")].to_numpy()
    z = (x - x.min(axis=0)) / np.ptp(x, axis=0)
    z[:, 2] = 1 - z[:, 2]
    p = z / z.sum(axis=0)
    entropy = -np.where(p > 0, p * np.log(np.where(p > 0, p, 1)), 0).sum(axis=0) / np.log(len(z))
    np.testing.assert_allclose(table["entropy"], entropy, rtol=1e-12)
    np.testing.assert_allclose(table["redundancy"], 1 - entropy, rtol=1e-10)
    u = z / z.mean(axis=0)
    theil = np.where(u > 0, u * np.log(np.where(u > 0, u, 1)), 0).mean(axis=0)
    np.testing.assert_allclose(table["weight"], theil / theil.sum(), rtol=1e-10)
    np.testing.assert_allclose(table["weight"], entropy_weights(z), rtol=1e-12)
    np.testing.assert_allclose(index.scores, z @ table["weight"].to_numpy(), rtol=1e-12)


@given(st.integers(0, 2**32 - 1), st.floats(0.01, 100), st.floats(-50, 50))
@settings(max_examples=60, deadline=None)
def test_invariances(seed, factor, offset):
    frame = made(seed)
    spec = CompositeIndex(SYSTEM)
    base = spec.fit(panel_of(frame))
    w, s = base.weights["weight"], base.scores
    assert abs(w.sum() - 1) < 1e-14
    assert -1e-12 < s.min() <= s.max() < 1 + 1e-12

    def same(changed, system=SYSTEM, weights=w, scores=s):
        other = CompositeIndex(system).fit(panel_of(changed))
        np.testing.assert_allclose(other.weights["weight"], weights, rtol=1e-8)
        np.testing.assert_allclose(other.scores, scores, rtol=1e-8, atol=1e-12)

    same(frame.assign(a=offset + factor * frame["a"], c=3 - offset + frame["c"] / factor))
    flipped = IndicatorSystem.from_dict({"": {"a": "-", "b": "+", "c": "-", "d": "+"}})
    same(frame.assign(a=-frame["a"]), flipped)
    same(frame.sample(frac=1, random_state=seed % 1000))
    doubled = pd.concat([frame, frame.assign(id=frame["id"] + "x")])
    twice = spec.fit(panel_of(doubled))
    np.testing.assert_allclose(twice.weights["weight"], w, rtol=1e-10)
    copied = IndicatorSystem([*SYSTEM, Indicator("a2")])
    weights = CompositeIndex(copied).fit(panel_of(frame.assign(a2=frame["a"]))).weights["weight"]
    assert weights["a"] == pytest.approx(weights["a2"], rel=1e-12)
    np.testing.assert_allclose(
        weights[["a", "b", "c", "d"]] / weights[["a", "b", "c", "d"]].sum(), w, rtol=1e-10
    )


def test_scores_go_back_into_the_panel():
    panel = panel_of(made(2))
    index = CompositeIndex(SYSTEM, name="digital").fit(panel)
    assert index.scores.name == "digital"
    assert index.scores.index.equals(panel.frame.index)
    np.testing.assert_array_equal(panel.attach(index.scores).frame["digital"], index.scores)


def test_apply_uses_the_learned_ends_and_does_not_clip():
    frame = made(3)
    panel = panel_of(frame)
    early = CompositeIndex(SYSTEM).fit(panel.subset("year <= 2012"))
    again = early.apply(panel)
    assert again.name == "index_score"
    np.testing.assert_array_equal(again.loc[early.scores.index], early.scores)
    x = frame.set_index(["id", "year"]).loc[again.index, list("abcd")]
    z = (x - early.end_points.low) / (early.end_points.high - early.end_points.low)
    z["c"] = 1 - z["c"]
    np.testing.assert_allclose(again, z @ early.weights["weight"], rtol=1e-12)
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
    assert list(sums.entities) == sorted(frame["id"].unique())
    theil = theil_from_sums(sums.rows.sum(), sums.total.sum(axis=0), sums.z_log_z.sum(axis=0))
    np.testing.assert_allclose(theil_shares(theil), index.weights["weight"], rtol=1e-10)


def test_constant_indicator_is_as_if_it_were_not_there():
    frame = made(7).assign(flat=2.5)
    panel = panel_of(frame)
    system = IndicatorSystem([Indicator("flat", "-"), *SYSTEM])
    with pytest.warns(IndicatorWarning, match="'flat' is constant") as caught:
        index = CompositeIndex(system).fit(panel)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert index.weights.loc["flat", ["entropy", "redundancy", "weight"]].tolist() == [1.0, 0.0, 0.0]
    plain = CompositeIndex(SYSTEM).fit(panel)
    np.testing.assert_allclose(index.scores, plain.scores, rtol=1e-13)
    assert [n.code for n in index.diagnostics] == ["constant_indicator"]
    varying = panel_of(frame.assign(flat=np.arange(len(frame))))
    np.testing.assert_allclose(index.apply(varying), plain.scores, rtol=1e-13)


def test_all_constant_is_refused():
    frame = made(8).assign(a=1, b=2, c=3, d=4)
    with pytest.raises(IndicatorError, match="every indicator is constant over the 40 rows"):
        CompositeIndex(SYSTEM).fit(panel_of(frame))


def test_dominant_indicator_warns_and_constants_do_not_count():
    frame = made(9, width=5).assign(flat=1.0)
    frame[list("abcd")] = np.random.default_rng(0).uniform(size=(len(frame), 4))
    frame["e"] = 0.0
    frame.loc[0, "e"] = 1.0
    system = IndicatorSystem([Indicator(c) for c in "abcde"])
    with pytest.warns(IndicatorWarning, match="'e'"):
        index = CompositeIndex(system).fit(panel_of(frame))
    assert index.diagnostics[0].data["limit"] == pytest.approx(3 / 5)


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
    with pytest.warns(MissingDataWarning, match="2 rows dropped"):
        index = spec.fit(panel_of(frame))
    kept = frame.drop(index=[1, 7])
    plain = CompositeIndex(SYSTEM).fit(panel_of(kept))
    pd.testing.assert_series_equal(index.scores, plain.scores)
    assert index.diagnostics[0].code == "missing_rows"
    with pytest.warns(MissingDataWarning):
        assert len(index.apply(panel_of(frame))) == 38


def test_negative_raw_values_are_fine():
    frame = made(12).assign(a=lambda f: f["a"] - 10)
    assert CompositeIndex(SYSTEM).fit(panel_of(frame)).scores.between(0, 1).all()


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: CompositeIndex({"one": {"a": "+"}}), InputTypeError, ["IndicatorSystem", "from_dict"]),
        (lambda: CompositeIndex(SYSTEM, scope="per_year"), OptionError, ["scope='per_year'", "'pooled'"]),
        (lambda: CompositeIndex(SYSTEM, normalise="zscore"), OptionError, ["normalise='zscore'", "'minmax'"]),
        (
            lambda: CompositeIndex(SYSTEM, weighting="critic"),
            OptionError,
            ["weighting='critic'", "'entropy'"],
        ),
        (lambda: CompositeIndex(SYSTEM, weighting={"a": 1.0}), OptionError, ["weighting=", "'entropy'"]),
        (lambda: CompositeIndex(SYSTEM, structure="nested"), OptionError, ["structure='nested'", "'flat'"]),
        (lambda: CompositeIndex(SYSTEM, aggregate="topsis"), OptionError, ["aggregate='topsis'", "'linear'"]),
        (
            lambda: CompositeIndex(SYSTEM, missing="skip"),
            OptionError,
            ["missing='skip'", "'raise'", "'drop'"],
        ),
        (lambda: CompositeIndex(SYSTEM, shift=-0.1), OptionError, ["shift=-0.1"]),
        (lambda: CompositeIndex(SYSTEM, name=""), InputTypeError, ["name="]),
        (lambda: CompositeIndex(SYSTEM).replace(weights="x"), OptionError, ["'weights'", "'weighting'"]),
        (lambda: CompositeIndex(SYSTEM).fit(made()), InputTypeError, ["Panel", "DataFrame"]),
        (
            lambda: CompositeIndex(SYSTEM).fit(panel_of(made().rename(columns={"c": "cc", "d": "dd"}))),
            ColumnError,
            ["'c'", "'d'", "did you mean 'cc'"],
        ),
        (
            lambda: CompositeIndex(IndicatorSystem([Indicator("log(a)")])).fit(panel_of(made())),
            ColumnError,
            ["'log(a)'"],
        ),
        (
            lambda: CompositeIndex(SYSTEM).fit(panel_of(made().assign(a="much"))),
            IndicatorError,
            ["'a'", "not numeric", "to_numeric"],
        ),
    ],
)
def test_what_is_wrong_is_said(make, error, words):
    with pytest.raises(error) as caught:
        make()
    assert all(w in str(caught.value) for w in words), str(caught.value)


def test_a_spec_is_a_value():
    spec = CompositeIndex(SYSTEM, name="digital")
    same = CompositeIndex(IndicatorSystem(list(SYSTEM)), name="digital")
    assert spec == same
    assert hash(spec) == hash(same)
    assert spec.replace(shift=1e-4) != spec
    assert spec.replace(shift=1e-4).name == "digital"
    assert pickle.loads(pickle.dumps(spec)) == spec


def test_results_are_small_picklable_and_hold_no_panel():
    index = CompositeIndex(SYSTEM).fit(panel_of(made(13)), rng=1, progress=False)
    again = pickle.loads(pickle.dumps(index))
    pd.testing.assert_series_equal(again.scores, index.scores)
    assert not any(isinstance(getattr(index, f), Panel) for f in index.__slots__)
    assert not hasattr(index, "bse")
    scores = index.scores
    scores.iloc[0] = 99.0
    assert index.scores.iloc[0] != 99.0


def test_to_dict_is_json_safe_and_enough_to_score_by_hand():
    frame = made(14)
    index = CompositeIndex(SYSTEM, name="digital").fit(panel_of(frame))
    data = json.loads(json.dumps(index.to_dict()))
    assert data["schema"] == 1
    assert data["spec"]["weighting"] == "entropy"
    score = 0.0
    for row in data["indicators"]:
        value = frame[row["indicator"]][0]
        z = (value - row["low"]) / (row["high"] - row["low"])
        score += row["weight"] * (z if row["direction"] == "+" else 1 - z)
    assert score == pytest.approx(index.scores.iloc[0], rel=1e-12)


def test_summary_ends_with_the_conventions():
    text = CompositeIndex(SYSTEM, name="digital").fit(panel_of(made(15))).summary()
    assert text.startswith("Composite index 'digital': 40 rows, 8 entities, 5 periods")
    assert text.splitlines()[-1] == (
        "pooled minmax; entropy weights, entropy over ln 40, shift 0; flat, linear; missing raise"
    )


def test_cross_section_and_integers():
    frame = pd.DataFrame({"id": list("pqr"), "a": [1, 2, 3], "b": [5, 9, 9], "c": [7, 7, 4]})
    system = IndicatorSystem([Indicator("a"), Indicator("b"), Indicator("c", "-")])
    index = CompositeIndex(system).fit(Panel(frame, "id"))
    assert list(index.scores.index) == list("pqr")
    assert index.scores.iloc[1] == pytest.approx(0.3237321199, abs=1e-10)


def test_no_warning_in_the_ordinary_case():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert CompositeIndex(SYSTEM).fit(panel_of(made(16))).diagnostics == ()
