"""Results of matching: text, table, dict and pickles."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import pickle
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import digiprosper as dp
from digiprosper.errors import (
    AlignmentError,
    InputTypeError,
    MissingDataError,
    OptionError,
)
from digiprosper.policy.notices import few_matched, scores_given
from digiprosper.report.summary import Summary

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(scope="module")
def matching() -> dp.Matching:
    rng = np.random.default_rng(4)
    frame = pd.DataFrame(
        {
            "city": np.arange(120),
            "size": rng.normal(size=120),
            "age": rng.normal(size=120),
        }
    )
    frame["policy"] = (
        rng.uniform(size=120) < 1 / (1 + np.exp(1 - frame["size"]))
    ).astype(int)
    panel = dp.Panel(frame, "city", labels={"size": "City size"})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        return dp.match_entities(panel, "policy", ["size", "I(age ** 2)"])


def test_the_summary_has_the_balance_and_who_is_left_out(matching) -> None:
    text = matching.summary()
    assert "I(age ** 2)" in text
    assert f"matched {matching.n_matched:,}" in text
    assert max(map(len, text.splitlines())) <= 80
    assert matching._repr_html_().count("<table") == 1


def test_the_support_counts_entities(matching) -> None:
    support = matching.support.set_index("group")
    entities = matching.entities
    assert support["n"].to_dict() == {
        "treated": matching.n_treated,
        "control": matching.n_control,
    }
    assert support.loc["treated", "matched"] == matching.n_matched
    assert support.loc["control", "matched"] == matching.n_used
    assert (
        support.loc["control", "max"]
        == entities.loc[~entities["treated"], "score"].max()
    )
    treated = entities[entities["treated"]]
    inside = treated["score"].between(
        support.loc["control", "min"], support.loc["control", "max"]
    )
    assert support.loc["treated", "on_support"] == inside.sum()


def test_etable_prints_the_balance(matching) -> None:
    text = str(dp.etable(matching))
    assert "City size" in text
    assert "Std. diff., after" in text
    assert f"{matching.n_used:,} after it" in text
    assert "<table" in dp.etable(matching)._repr_html_()


@pytest.mark.parametrize("caliper", [None, 0.05])
@pytest.mark.parametrize("replace", [False, True])
def test_a_chinese_table_has_heads_and_note_in_chinese(
    matching, caliper, replace
) -> None:
    actual = dataclasses.replace(matching, caliper=caliper, replace=replace)
    table = dp.etable(actual, style=dp.TableStyle("zh"))
    assert table.frame.columns.tolist()[:2] == ["处理组，匹配前", "对照组，匹配前"]
    assert f"分别为{actual.n_matched}个和{actual.n_used}个" in table.notes[0]
    assert ("卡尺0.05" in table.notes[0]) is (caliper is not None)
    assert ("有放回" in table.notes[0]) is replace


def test_pickles_and_dicts_give_it_back(matching) -> None:
    again = pickle.loads(pickle.dumps(matching))
    assert again.summary() == matching.summary()
    pd.testing.assert_series_equal(again.weights, matching.weights)
    stored = json.loads(json.dumps(matching.to_dict()))
    assert stored["type"] == "Matching"
    assert stored["n_matched"] == matching.n_matched
    assert stored["balance"][0]["std_diff_after"] == pytest.approx(
        matching.balance["std_diff_after"][0]
    )
    assert Summary.from_dict(stored).to_text() == matching.summary()


def test_effective_controls_are_the_squared_sum_of_weights_over_the_sum_of_squares(
    matching,
) -> None:
    control = matching.entities.loc[~matching.entities["treated"], "weight"].dropna()
    assert matching.effective_controls == pytest.approx(
        control.sum() ** 2 / (control**2).sum()
    )
    assert matching.effective_controls <= matching.n_used


# --- the average effect ---------------------------------------------------------------


REFERENCE = Path(__file__).resolve().parents[1] / "reference" / "matching.json"
SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
KNOWN = {
    case["case"]: case["values"]
    for case in json.loads(REFERENCE.read_text(encoding="utf-8"))["cases"]
}
ALL: dict[str, Any] = {"caliper": None, "support": False}


def drawn(seed: int, n: int = 120, *, effect: float = 1.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "city": np.arange(n) + 100,
            "size": rng.normal(size=n),
            "age": rng.normal(size=n),
        }
    )
    index = 0.5 * frame["size"] + 0.3 * frame["age"] - 0.8
    frame["policy"] = 1.0 * (rng.uniform(size=n) < 1 / (1 + np.exp(-index)))
    frame["growth"] = (
        effect * frame["policy"]
        + frame["size"]
        + 0.5 * frame["age"]
        + rng.normal(size=n)
    )
    return frame


def matched(frame: pd.DataFrame, **options: Any) -> dp.Matching:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        return dp.match_entities(
            dp.Panel(frame, "city"), "policy", ["size", "age"], **options
        )


def outcome_of(frame: pd.DataFrame) -> pd.Series[float]:
    return frame.set_index("city")["growth"]


@pytest.mark.data("cases/lalonde_matchit.csv")
def test_matchit_without_replacement() -> None:
    frame = (
        pd.read_csv(SHARED / "cases" / "lalonde_matchit.csv")
        .rename_axis("man")
        .reset_index()
    )
    x = ["age", "educ", "married", "nodegree", "re74", "re75", "black", "hispan"]
    panel, known = dp.Panel(frame, "man"), KNOWN["lalonde_without_replacement"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.IdentificationWarning)
        assert dp.match_entities(panel, "treat", x, caliper=None).n_matched == 177
    matching = dp.match_entities(panel, "treat", x, replace=False, **ALL)
    assert matching.n_matched == known["treated"]["value"]
    assert matching.n_used == known["controls"]["value"]
    effect = matching.att(frame.set_index("man")["re78"])
    assert effect.estimate == pytest.approx(
        known["att"]["value"], abs=known["att"]["atol"]
    )
    with_replacement = dp.match_entities(panel, "treat", x, **ALL).att(
        frame.set_index("man")["re78"]
    )
    stata = KNOWN["lalonde"]
    assert with_replacement.estimate == pytest.approx(
        stata["atet"]["value"], abs=stata["atet"]["atol"]
    )
    # Stata finds similar covariates by their Euclidean distance, in dollars for the
    # most part.
    assert with_replacement.std_error == pytest.approx(
        stata["error"]["value"], rel=1e-3
    )


def test_the_effect_is_that_of_a_weighted_regression() -> None:
    frame = drawn(1)
    for options in ({}, {"k": 3}, {"replace": False}, ALL):
        matching = matched(frame, **options)
        kept = frame.assign(w=matching.weights.to_numpy()).dropna(subset="w")
        spec = dp.FixedEffects(
            "growth",
            ["policy"],
            entity_effects=False,
            time_effects=False,
            obs_weights="w",
        )
        fit = spec.replace(cov_type="robust").fit(dp.Panel(kept, "city"))
        effect = matching.att(outcome_of(frame))
        assert effect.estimate == pytest.approx(fit.params["policy"], abs=1e-10)
        assert effect.nobs == 120


def test_units_order_and_other_entities_do_not_matter() -> None:
    frame = drawn(2)
    matching, y = matched(frame, **ALL), outcome_of(frame)
    effect = matching.att(y)
    extended = pd.concat([y, pd.Series({5: np.nan})]).sample(frac=1, random_state=1)
    again = matching.att(extended)
    assert (again.estimate, again.std_error) == (effect.estimate, effect.std_error)
    scaled = matching.att(1e9 * y + 1e12)
    assert scaled.estimate == pytest.approx(1e9 * effect.estimate, rel=1e-4)
    other = matched(frame.assign(size=1e5 * frame["size"] + 3), **ALL).att(y)
    assert other.std_error == pytest.approx(effect.std_error, rel=1e-8)


def test_when_the_scores_are_taken_as_given() -> None:
    frame = drawn(3)
    y = outcome_of(frame)
    cases: dict[str, dict[str, Any]] = {
        "": ALL,
        "replace": {**ALL, "replace": False},
        "unmatched": {"caliper": 1e-3},
    }
    for reason, options in cases.items():
        effect = matched(frame, **options).att(y)
        assert effect.estimated_scores == (not reason)
        told = [
            notice.data
            for notice in effect.diagnostics
            if notice.code == "scores_given"
        ]
        assert told == ([{"reason": reason}] if reason else [])
        text = effect.summary()
        assert ("Abadie & Imbens (2016), for estimated scores" in text) == (not reason)
        assert ("scores taken as given" in text) == bool(reason)
        assert max(map(len, text.splitlines())) <= 80
    assert list(few_matched(20, "city")) == []
    (notice,) = few_matched(19, "city")
    assert (notice.code, notice.data) == ("few_matched", {"count": 19})
    few = matched(drawn(3, n=40), **ALL)
    assert few.n_matched < 20
    assert "few_matched" in [
        one.code for one in few.att(outcome_of(drawn(3, n=40))).diagnostics
    ]
    (notice,) = scores_given("variance", 0, "city")
    assert "larger than the variance itself" in notice.message


def test_tables_dicts_and_pickles() -> None:
    frame = drawn(4)
    effect = matched(frame, **ALL).att(outcome_of(frame))
    assert isinstance(effect, dp.Results)
    table = " ".join(str(dp.etable(effect)).split())
    assert "ATT, matched entities" in table
    assert "Abadie-Imbens standard errors in parentheses" in table
    assert "for estimated scores" in table
    assert "ATT（匹配个体）" in str(dp.etable(effect, style=dp.TableStyle("zh")))
    again = pickle.loads(pickle.dumps(effect))
    assert again.summary() == effect.summary()
    assert json.loads(json.dumps(effect.to_dict()))["type"] == "MatchedEffect"
    low, high = effect.interval(0.9)
    assert high - low == pytest.approx(2 * 1.6448536 * effect.std_error, rel=1e-6)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda y: y.to_numpy(), InputTypeError),
        (lambda y: y.astype(str), InputTypeError),
        (lambda y: pd.concat([y, y[:1]]), AlignmentError),
        (lambda y: y[1:], MissingDataError),
        (lambda y: y.mask(y.index == 101), MissingDataError),
        (lambda y: y.where(y.index != 101, np.inf), MissingDataError),
    ],
    ids=["array", "text", "twice", "absent", "missing", "infinite"],
)
def test_malformed_outcomes(change: Any, error: Any) -> None:
    frame = drawn(5)
    with pytest.raises(error) as caught:
        matched(frame).att(change(outcome_of(frame)))
    assert type(caught.value) is error


def test_outcomes_by_row_are_refused_though_numbers_of_rows_are_names() -> None:
    frame = drawn(5).assign(city=np.arange(120))
    rows = pd.concat([frame.assign(t=t, growth=frame["growth"] + t) for t in range(3)])
    rows = rows.sort_values(["city", "t"], ignore_index=True)
    for outcome in (rows["growth"], rows.set_index(["city", "t"])["growth"]):
        with pytest.raises(InputTypeError, match="one by row"):
            matched(frame).att(outcome)
    assert matched(frame).att(frame["growth"]).estimate > 0


@pytest.mark.parametrize("neighbours", [0, 1.5, 119])
def test_neighbours_that_are_not_there(neighbours: Any) -> None:
    frame = drawn(6)
    with pytest.raises(OptionError):
        matched(frame).att(outcome_of(frame), neighbours=neighbours)


# --- entropy balancing ----------------------------------------------------------------


@pytest.mark.parametrize("moments", [1, 2])
def test_balanced_samples_in_text_tables_dicts_and_pickles(moments) -> None:
    frame = drawn(7)
    actual = matched(frame, method="entropy", moments=moments)
    shown = actual.effective_controls, 100 * actual.entities["weight"].max()
    text = " ".join(actual.summary().split())
    assert f"worth {shown[0]:.4g} of equal weight" in text
    assert "all rows of one city have the same" in text
    assert ("means and variances" in text) == (moments == 2)
    table = dp.etable(actual)
    assert f"worth {shown[0]:.4g} of equal weight" in " ".join(table.notes)
    chinese = dp.etable(actual, style=dp.TableStyle("zh"))
    assert "熵平衡（Hainmueller 2012）" in chinese.notes[0]
    assert f"有效个数为{shown[0]:.4g}" in chinese.notes[0]
    assert pickle.loads(pickle.dumps(actual)).summary() == actual.summary()
    stored = json.loads(json.dumps(actual.to_dict()))
    assert (stored["method"], stored["moments"], stored["k"]) == (
        "entropy",
        moments,
        None,
    )
    assert Summary.from_dict(stored).to_text() == actual.summary()
    drawn_terms = [
        text.get_text() for text in dp.plots.balance(actual).get_yticklabels()
    ]
    assert sorted(drawn_terms) == ["age", "size"]


def test_the_effect_of_a_balanced_sample() -> None:
    frame = drawn(8)
    actual, y = matched(frame, method="entropy"), outcome_of(frame)
    effect = actual.att(y)
    weights = actual.entities["weight"].to_numpy()
    d = actual.entities["treated"].to_numpy()
    assert effect.estimate == pytest.approx(
        y[d].mean() - np.average(y[~d], weights=weights[~d])
    )
    assert effect.estimated_scores
    assert d.sum() - 1 < effect.df < 119
    assert "t distribution" in effect.summary()
    low, high = effect.interval()
    assert (high - low) / effect.std_error == pytest.approx(
        2 * stats.t.ppf(0.975, effect.df)
    )
    table = " ".join(str(dp.etable(effect)).split())
    assert "Standard error allows for estimated weights" in table
    assert "标准误考虑权重的估计" in str(dp.etable(effect, style=dp.TableStyle("zh")))
    scaled = actual.att(1e9 * y + 1e12)
    assert scaled.std_error == pytest.approx(1e9 * effect.std_error, rel=1e-4)
    other = matched(frame.assign(size=1e5 * frame["size"] + 3), method="entropy")
    assert other.att(y).std_error == pytest.approx(effect.std_error, rel=1e-8)
    with pytest.raises(OptionError, match="is an option of method='propensity'"):
        actual.att(y, neighbours=2)


def test_balanced_effects_without_a_standard_error_are_refused() -> None:
    frame = drawn(8)
    one = frame.assign(policy=1.0 * (frame["size"].rank() == 60))
    actual = matched(one, method="entropy")
    assert actual.n_matched == 1
    with pytest.raises(dp.IdentificationError, match="only one city is treated"):
        actual.att(outcome_of(frame))
    treated = frame["policy"] == 1
    frame["age"] = 0.0
    frame.loc[[treated.idxmax(), (~treated).idxmax()], "age"] = 1.0
    name = frame.loc[(~treated).idxmax(), "city"]
    with pytest.raises(dp.IdentificationError, match=f"no other controls.*'{name}'"):
        matched(frame, method="entropy").att(outcome_of(frame))


WAYS: dict[str, dict[str, Any]] = {
    "replace=True": {**ALL, "replace": True},
    "replace=False": {**ALL, "replace": False},
    "entropy": {"method": "entropy"},
}


@pytest.mark.montecarlo
@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
@pytest.mark.parametrize(
    ("n", "way", "covered"),
    [
        (31, "replace=True", 0.87),
        (31, "replace=False", 0.88),
        (31, "entropy", 0.95),
        (100, "replace=True", 0.94),
        (100, "replace=False", 0.88),
        (100, "entropy", 0.95),
        (400, "replace=True", 0.96),
        (400, "replace=False", 0.90),
        (400, "entropy", 0.95),
    ],
)
def test_coverage_of_the_page(
    n: int, way: str, covered: float, measured: Callable[..., None]
) -> None:
    """Average effect by `Matching.att` in 400 samples, all treated entities matched.

    The effect is 1.

    Each entity has two covariates, which make treatment more likely and raise the
    outcome. About a third is treated. Coverage is that of 95% intervals. With few
    entities no entropy weights balance the means of some samples ("no effect").
    """
    effects = []
    for frame in samples(n):
        # Where no weights balance the means, there is no effect.
        with contextlib.suppress(dp.IdentificationError):
            effects.append(matched(frame, **WAYS[way]).att(outcome_of(frame)))
    assert len(effects) == 400 or way == "entropy"
    estimates = np.array([effect.estimate for effect in effects])
    hits = np.mean(
        [low <= 1 <= high for low, high in (effect.interval() for effect in effects)]
    )
    row = {
        "entities": n,
        "matching": f"`{way}`" if "=" in way else way,
        "no effect": 400 - len(effects),
        "mean estimate": estimates.mean(),
        "standard deviation": estimates.std(ddof=1),
        "mean standard error": np.mean([effect.std_error for effect in effects]),
        "coverage": hits,
    }
    measured("coverage_of_matched_effects", row)
    assert hits == pytest.approx(covered, abs=0.03)


def samples(n: int) -> list[pd.DataFrame]:
    return [drawn(seed, n) for seed in range(400)]


def test_the_support_in_a_chinese_table(matching: dp.Matching) -> None:
    text = str(dp.etable(matching.support, style=dp.TableStyle("zh")))
    for word in ("处理组", "对照组", "共同支撑内", "匹配成功"):
        assert word in text
    assert "treated" not in text
