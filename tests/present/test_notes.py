"""The notes of a table; those that go with its rows are in test_rows."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper.present.columns import distinct_heads, name_columns, read_columns
from digiprosper.present.notes import note_lines
from digiprosper.present.rows import setting_rows
from digiprosper.present.style import Style
from digiprosper.report.columns import Column, Estimate, Remark
from digiprosper.report.notices import too_few_clusters_to_draw
from digiprosper.report.summary import Summary
from digiprosper.report.terms import Term
from digiprosper.report.words import NOTES, Words

if TYPE_CHECKING:
    from digiprosper.report.words import Language

STYLE = Style("se", (0.1, 0.05, 0.01), 3)


def estimate(*numbers):
    return Estimate(Term("digital"), *numbers)


def read(*models):
    return name_columns(read_columns(list(models), "etable"), None, STYLE, "etable")


def lines_of(*models, **options):
    return note_lines(read(*models), Style("se", (0.1, 0.05, 0.01), 3, **options))


def small_panel():
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"id": np.repeat(range(48), 6), "year": np.tile(range(6), 48)})
    frame = frame.assign(**{name: rng.normal(size=288) for name in "wxzy"})
    frame["x"] += frame["w"]
    frame["twice"] = 2 * frame["x"]
    frame["size"] = frame["id"] % 4
    return dp.Panel(frame, "id", "year").relabel(x="Digital", twice="Twice")


def test_a_dropped_term_is_named_with_its_reason():
    spec = dp.FixedEffects("y", ["x", "z", "twice"], collinear="drop")
    panel = small_panel()
    fit, plain = spec.fit(panel), spec.drop("twice").fit(panel)
    note = "was dropped, because it is collinear with Digital."
    assert f"(2): Twice {note}" in note_lines(
        read(plain, fit), replace(STYLE, labels=dict(panel.labels))
    )
    assert not any("dropped" in line for line in lines_of(plain))
    absorbed = spec.swap("twice", "size").fit(panel)
    told = [line for line in lines_of(absorbed, fit, absorbed) if "size" in line]
    assert told == [
        (
            "(1), (3): size dropped, because of no variation within the effects "
            "(id, year)."
        )
    ]
    chinese = note_lines(
        read(fit),
        replace(replace(STYLE, language="chinese"), labels=dict(panel.labels)),
    )
    assert "Twice与Digital共线，已剔除。" in chinese


def test_a_control_that_instruments_drop_is_named_beside_the_instruments():
    spec = dp.FixedEffectsIV("y", ["size", "z"], "x", "w", collinear="drop")
    lines = lines_of(spec.fit(small_panel()))
    beside = [line[:9] for line in lines if line[:9] in ("Two-stage", "size drop")]
    assert beside == ["Two-stage", "size drop"]


def test_a_missing_error_says_why():
    panel = small_panel()
    two = panel.subset("id < 2")
    with pytest.warns(dp.DigiprosperWarning):
        fit = dp.FixedEffects("y", ["x"], clusters=["id"]).fit(two)
    assert np.isnan(fit.std_errors["x"])
    assert (
        "No standard error of x, because the scores add up to zero in every group."
        in [line.replace("Digital", "x") for line in lines_of(fit)]
    )
    alone = panel.assign(only=lambda f: (f.index.get_level_values(0) == 3) * f["z"])
    with pytest.warns(dp.DigiprosperWarning):
        fit = dp.FixedEffects("y", ["x", "only"], cov_type="crv3").fit(alone)
    assert np.isnan(fit.std_errors["only"])
    reason = "because not identified without one of the clusters (id)."
    assert f"No standard error of only, {reason}" in lines_of(fit)


def test_labels_keep_their_letters_wherever_they_stand():
    panel = small_panel().relabel(twice="log income", x="Log output")
    fit = dp.FixedEffects("y", ["x", "twice"], collinear="drop").fit(panel)
    style = replace(STYLE, labels=dict(panel.labels))
    note = "log income was dropped, because it is collinear with Log output."
    plain = replace(fit, diagnostics=())
    assert f"(1): {note}" in note_lines(read(fit, plain), style)
    # Said of all columns it begins a sentence, and has no capital of ours.
    for fits in ([fit], [fit, fit]):
        assert note in note_lines(read(*fits), style)


def test_words_of_ours_that_begin_a_sentence_have_a_capital():
    states = dp.datasets.us_states()
    spec = dp.DynamicPanel("log(gsp)", ["unemp"], instrument_lags=(2, 4))
    fits = [spec.fit(states), spec.replace(x=["log(pc)"]).fit(states)]
    assert any(line.startswith("Two-step difference GMM") for line in lines_of(*fits))


def test_too_small_errors_of_few_clusters_are_told():
    panel = small_panel().assign(
        area=lambda f: f.index.get_level_values(0) // 4,
        few=lambda f: (f.index.get_level_values(0) < 2) * f["z"],
    )
    spec = dp.FixedEffects("y", ["x"], clusters="area")
    with pytest.warns(dp.FewClustersWarning):
        fits = [spec.replace(cov_type=kind).fit(panel) for kind in ("clustered", "cr2")]
    note = "t tests may reject too often with 12 clusters (area)."
    assert f"(1): {note}" in lines_of(*fits)
    chinese = "(1)：聚类（area）仅12个，t检验可能过度拒绝原假设。"
    assert chinese in lines_of(*fits, language="chinese")
    with pytest.warns(dp.FewClustersWarning, match="depends on few clusters"):
        alone = dp.FixedEffects("y", ["few"]).fit(panel)
    assert (
        "Standard error too small, because few clusters (id) have most of the "
        "variation: few."
    ) in lines_of(alone)
    with pytest.warns(dp.FewClustersWarning, match="intervals are wide"):
        allowed = dp.FixedEffects("y", ["few"], cov_type="cr2").fit(panel)
    assert not any("too small" in line for line in lines_of(allowed))
    # A control of few clusters is a notice of the summary, and 48 clusters are enough.
    control = dp.FixedEffects("y", ["x", "few"]).fit(panel)
    assert "few_treated" in [notice.code for notice in control.diagnostics]
    assert not any("too small" in line for line in lines_of(control))
    frame = panel.frame.reset_index()
    frame["first"] = np.where(frame["id"] < 3, 3.0, np.nan)
    with pytest.warns(dp.FewClustersWarning):
        event = dp.EventStudy("y", "first", before=3, after=2).fit(
            dp.Panel(frame, "id", "year")
        )
    reason = "so that standard errors are too small."
    assert f"3 of 48 clusters (id) are treated, {reason}" in lines_of(event)


def test_an_interval_of_every_candidate_is_told():
    panel = small_panel().assign(jump="I(y + 9 * x * (z > 0.1))")
    spec = dp.PanelThreshold("y", "x", "z", bootstrap=None, confidence="lr")
    with pytest.warns(dp.BoundaryThresholdWarning, match="every candidate"):
        wide = spec.replace(level=0.9999).fit(panel)
    narrow = spec.replace(y="jump").fit(panel)
    note = (
        "The interval contains every candidate, so the data do not show the value: {} "
        "threshold 1."
    )
    assert note.format("(2), (3)") in lines_of(narrow, wide, wide)
    assert not any("every candidate" in line for line in lines_of(narrow))
    chinese = "区间包含所有候选值，数据不能确定其数值：(1) 第1个门槛值。"
    assert chinese in lines_of(wide, language="chinese")
    head = wide.summary().split("regime")[0]
    assert "; every candidate" in " ".join(head.split())
    assert "every candidate" not in narrow.summary().split("regime")[0]


@pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
def test_a_set_at_an_end_and_a_test_that_does_not_reject_are_told():
    seen = set()
    words = {
        (True, False): "the lowest candidate and may extend below it",
        (False, True): "the highest candidate and may extend above it",
        (True, True): "the lowest and the highest candidate and may extend beyond both",
    }
    for variable in ("x", "z", "size"):
        spec = dp.PanelThreshold("y", "x", variable, reps=99, confidence="lr")
        fitted = spec.fit(small_panel(), rng=1)
        gamma = fitted.profile(1)["gamma"]
        p_value = fitted.thresholds["p_value"].iloc[0]
        for level in (0.1, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99):
            actual = replace(fitted, level=level)
            pieces = actual.confidence_set(1)
            ends = pieces[0][0] == gamma.min(), pieces[-1][1] == gamma.max()
            whole = len(pieces) == 1 and all(ends)
            lines = lines_of(actual)
            told = [line for line in lines if "The confidence set includes" in line]
            assert told == (
                [f"The confidence set includes {words[ends]}: (1) threshold 1."]
                if any(ends) and not whole
                else []
            )
            size = f"{100 * (1 - level):.3g}%"
            refused = p_value > 1 - level
            note = f"Not significant at {size} by its test: (1) threshold 1."
            assert (note in lines) == refused
            chinese = lines_of(actual, language="chinese")
            note = f"检验在{size}的水平上不显著：(1) 第1个门槛值。"
            assert (note in chinese) == refused
            assert any("延伸" in line for line in chinese) == bool(told)
            seen |= {refused, "whole" if whole else ends}
    assert {True, False, "whole", *words} - {(True, True)} <= seen


def test_each_bootstrap_is_named(two_way, make_threshold):
    fits = [
        make_threshold(two_way, bootstrap=(b,)) for b in ("hansen", "iid", "hansen")
    ]
    assert note_lines(read(*fits), STYLE)[-2] == (
        "Below F of a test: its p-value, (1), (3): 2,999 draws, bootstrap of whole "
        "entities (Hansen 1999); (2): 2,999 draws, bootstrap of single rows."
    )


def test_each_confidence_set_names_its_criterion(two_way, make_threshold):
    one = make_threshold(two_way, (0.7,), bootstrap=())
    scaled = replace(one, confidence="scaled")
    drawn = replace(
        one,
        confidence="bootstrap",
        lr_bounds=np.full(one.profiles.shape, 1.0),
        level=0.9,
    )

    def notes(*models):
        return note_lines(read(*models), STYLE)[3:]

    assert notes(scaled) == [
        (
            "Below a threshold: its 95% confidence set (lower and upper end); LR "
            "scaled by the variance at the threshold."
        ),
        "Confidence sets with gaps: (1) threshold 1 in 2 pieces.",
    ]
    assert notes(one, scaled, one)[0] == (
        "Below a threshold: its 95% confidence set (lower and upper end); (1), (3): LR "
        "(Hansen 1999); (2): LR scaled by the variance at the threshold."
    )
    assert notes(drawn) == [
        "Below a threshold: its 90% confidence set (lower and upper end); bootstrap."
    ]
    assert notes(one, drawn)[0] == (
        "Below a threshold: its confidence set (lower and upper end); (1): 95%, LR "
        "(Hansen 1999); (2): 90%, bootstrap."
    )


@pytest.mark.parametrize(
    ("below", "note"),
    [
        (
            "se",
            (
                "Standard errors clustered by province and year (small-sample "
                "correction as reghdfe) in parentheses."
            ),
        ),
        ("t", "t statistics in parentheses, from {}."),
        ("p", "p-values in parentheses, from {}."),
        ("ci", "95% confidence intervals in brackets, from {}."),
    ],
)
def test_the_notes_explain_brackets_and_stars(make_fit, below, note):
    two = make_fit({"x": (1, 1, 1)}, info={"clusters": "province+year"})
    words = note.format(
        "standard errors clustered by province and year (small-sample "
        "correction as reghdfe)"
    )
    assert note_lines(read(two), Style(below, (0.05, 0.001), 3)) == [
        words,
        "* p < 0.05, ** p < 0.001.",
    ]
    assert note_lines(read(pd.DataFrame({"b": [1]})), STYLE) == []


@pytest.mark.parametrize("kind", ["cr2", "crv3", "abadie_imbens", "conley", "xtscc"])
def test_names_of_errors_keep_their_capital_inside_a_sentence(make_fit, kind):
    fit = make_fit({"x": (1, 1, 1)}, info={"cov_type": kind, "clusters": None})
    (note,) = note_lines(read(fit), Style("t", None, 3))
    name = NOTES.say(f"errors.kind.{kind}")
    assert note.startswith(f"t statistics in parentheses, from {name}")


def test_draws_are_told_where_they_are_in_the_table(one_way, make_drawn):
    columns = read(one_way, make_drawn({"x": (1, 1, 1)}))

    def notes(below, stars=None):
        return note_lines(columns, Style(below, stars, 3))

    errors, drawn = (
        "standard errors clustered by province (small-sample correction as reghdfe)",
        "1,999 bootstrap draws",
    )
    assert notes("se") == [f"{errors.capitalize()} in parentheses."]
    assert notes("se", (0.1,))[1:] == [
        "* p < 0.1.",
        f"Stars of (2): p-values from {drawn}.",
    ]
    assert notes("p") == [
        f"p-values in parentheses: (1) from {errors}; (2) from {drawn}."
    ]
    assert notes("p", (0.1,))[1:] == ["* p < 0.1."]
    assert notes("ci") == [
        (
            f"95% confidence intervals in brackets: (1) from {errors}; (2) from "
            f"percentiles of {drawn}."
        )
    ]
    assert note_lines(columns[1:], Style("ci", None, 3)) == [
        f"95% confidence intervals in brackets, from percentiles of {drawn}."
    ]
    for below, name in (("se", "SE clustered by"), ("ci", "Clustered by")):
        rows = dict(setting_rows(columns, {}, None, Style(below, None, 3)))
        assert rows[name] == ["province", "province"]


def test_columns_drawn_from_too_few_clusters_have_no_p_values(make_drawn):
    few, enough = (make_drawn({"digital": (0.1, 0.04, p)}) for p in (np.nan, 0.02))
    few.diagnostics = too_few_clusters_to_draw(3, "province")
    lines = note_lines(read(few, enough), STYLE)
    assert "Stars of (2): p-values from 1,999 bootstrap draws." in lines
    assert lines[-1] == (
        "Bootstrap p-values and intervals of (1) are not reported: 3 clusters are "
        "too few for a bootstrap."
    )


def remarked(head: str, *texts: str, over: str | None = None) -> Column:
    remarks = tuple(Remark("said", {"text": (text,)}) for text in texts)
    words = Words({"said": ("{text}.", "{text}。")})
    return Column(head, remarks=remarks, words=words, over=over)


def lines_below(columns: list[Column], language: Language = "english") -> list[str]:
    look = Style("se", None, 3, language)
    return note_lines(distinct_heads(columns, language), look)


def test_what_all_columns_share_is_said_once_without_heads():
    columns = [remarked("a", "shared", "mine"), remarked("b", "shared")]
    assert lines_below(columns) == ["a: mine.", "shared."]
    assert lines_below(columns[:1]) == ["shared.", "mine."]
    assert lines_below(columns, "chinese") == ["注：a：mine。", "shared。"]


def test_columns_with_one_head_are_named_by_their_position(one_way, make_fit):
    other = make_fit({"x": (1, 1, 1)}, info={"ssc": "xtreg"})
    table = dp.etable([one_way, other, one_way], heads=["OLS", "OLS", "IV"])
    assert table.notes[1:3] == (
        "OLS (1), IV: small-sample correction as reghdfe.",
        "OLS (2): small-sample correction as xtreg.",
    )


def test_columns_below_one_head_are_named_by_it():
    columns = [
        remarked("x", "first", over="A"),
        remarked("y", "first", over="A"),
        remarked("x", "second", over="B"),
        remarked("y", over="B"),
    ]
    assert lines_below(columns) == ["A: first.", "B: x: second."]
    assert lines_below(columns, "chinese") == ["注：A：first。", "B：x：second。"]


def test_a_remark_begins_with_a_capital_where_it_stands_alone():
    words = Words({"said": ("likelihood.", "似然。")})
    columns = [Column(h, remarks=(Remark("said", {}),), words=words) for h in "ab"]
    assert lines_below(columns) == ["Likelihood."]


CITIES = {"id": "城市", "year": "年份", "w": "工具"}


@pytest.mark.parametrize(
    ("where", "english", "chinese"),
    [
        ("year > 1", "Year > 1", "年份 > 1"),
        (
            "`w` < 9 and year != 2",
            "Opening < 9 and Year ≠ 2",
            "工具 < 9 且 年份 ≠ 2",
        ),
        ("place not in ['a', 'd']", "place not in [A, d]", "place 不属于 [A, d]"),
        ("lag(w) < 9", "lag(Opening) < 9", "lag(工具) < 9"),
        (
            "(w < 9) & (place == 'a') | (year >= 2)",
            "(Opening < 9) and (place = A) or (Year ≥ 2)",
            "(工具 < 9) 且 (place = A) 或 (年份 ≥ 2)",
        ),
    ],
)
def test_conditions_have_the_labels_of_columns_and_values(where, english, chinese):
    panel = small_panel().assign(place=lambda f: np.tile(["a", "b", "c", "d"], 72))
    spec = dp.FixedEffects("y", ["x"])
    labels = {"year": "Year", "w": "Opening", "a": "A"}
    for fit in (spec.replace(where=where).fit(panel), spec.fit(panel.subset(where))):
        assert f"Rows where {english}." in lines_of(fit, labels=labels)
        lines = lines_of(fit, language="chinese", labels=CITIES | {"a": "A"})
        assert f"样本为满足{chinese}的观测。" in lines


@pytest.mark.parametrize("change", ["interpolated", "winsorised"])
def test_many_changed_columns_are_counted(change):
    names = [f"v{number}" for number in range(7)]
    values = np.random.default_rng(5).normal(size=(288, 7))
    if change == "interpolated":
        values[3:100:6] = np.nan  # a year of some entities
    frame = pd.DataFrame(values, small_panel().index, names)
    panel = small_panel().attach(frame)

    def changed(count):
        chosen = names[:count]
        edit = panel.interpolate if change == "interpolated" else panel.winsorize
        fit = dp.FixedEffects("y", chosen).fit(edit(chosen))
        (notice,) = [n for n in fit.diagnostics if n.code == change]
        assert list(notice.data["cells"]) == chosen
        chinese = lines_of(fit, language="chinese")
        return notice.message, "".join(lines_of(fit)), "".join(chinese)

    message, below, chinese = changed(5)
    assert "more" not in message + below
    assert "v0、v1、v2、v3、v4" in chinese
    message, below, chinese = changed(7)
    assert "v4' (" in message
    assert message.endswith("values) and 2 more.")
    assert "v0, v1, v2, v3, v4, and 2 more." in below
    assert "v0、v1、v2、v3、v4、其余2个变量" in chinese


def test_the_reason_for_a_missing_model_has_labels():
    fits = dp.fit_all({"all": dp.FixedEffects("y", ["size"])}, small_panel())
    (line,) = (s for s in lines_of(fits, labels={"size": "Firm size", "id": "Firm"}))
    assert "Firm size" in line
    assert "Firm" in line.replace("Firm size", "")
    assert "size" not in line.replace("Firm size", "")


def test_a_chinese_reason_names_what_is_absorbed():
    panel = small_panel().assign(half="I(size / 2)")
    spec = dp.FixedEffects("y", ["x", "size", "log(I(half + 9))"])
    fits = dp.fit_all({"all": spec, "some": spec.replace(x=["x"])}, panel)
    labels = {"size": "规模", "half": "半数"}
    reason = "规模、log(I(半数 + 9))被固定效应吸收或在样本中没有变化，系数无法识别"
    lines = lines_of(fits, language="chinese", labels=labels)
    assert f"all未估计：{reason}。" in lines


WARNINGS = {
    "missing_codes": {"column": "x", "codes": [-99, 999]},
    "treated_together": {"treatment": "policy", "column": "province"},
    "shared_in_cells": {"term": "x", "effects": ("state", "year")},
    "shared_values": {"terms": {"x": 3}, "clusters": ("id",)},
    "same_in_both_directions": {"term": "x", "columns": ("from", "to")},
    "heavy_cluster": {"clusters": "id", "cluster": 3, "share": 0.25},
    "in_entities": {"term": "x", "entity": "id"},
    "shared_exposure": {"term": "x"},
    "near_entities": {"term": "x"},
    "lasting_shocks": {"term": "x"},
    "lagged_outcome": {"columns": ("lag(y)",)},
    "log_of_counts": {"term": "x", "zeros": 12},
    "zeros_in_log": {"term": "x", "column": "z", "share": 0.97},
    "mean_of_others": {"term": "x", "column": "z", "effect": "class"},
    "staggered_treatment": {"terms": ("x",)},
    "several_cohorts": {"cohorts": {2003: 4, 2005: 6}},
    "made_from": {"terms": {"x": "w"}, "of": ("w",)},
    "over_reversed": {"terms": ("log(x / p)",), "index": "p", "growth": "cpi"},
    "over_growth": {"terms": ("log(x / p)", "log(y / p)"), "index": "cpi"},
    "own_numerator": {
        "outcome": "y",
        "term": "x",
        "numerator": "z",
        "denominator": "w",
    },
    "own_ratio": {"outcome": "y", "term": "x", "numerator": "z", "denominator": "w"},
    "perfect_fit": {"depvar": "y"},
    "shared_indicators": {"indicators": {"x": ("w", "z")}},
    "shared_on_path": {"treatment": "x", "mediator": "z", "indicators": ("w",)},
    "zero_of_index": {"column": "x", "slope": 0.025, "p_value": 0.75},
    "turn_outside": {"term": "x", "turn": 9.5, "low": 0.25, "high": 7.5},
    "own_values": {"instrument": "z", "endog": "x", "effect": "class"},
    "alphabetical_codes": {"term": "x", "column": "z", "labels": ["A", "AA", "B"]},
    "near_collinear": {"columns": ("x", "z")},
    "entities_across_clusters": {"entity": "id", "clusters": ("industry",)},
    "entities_once": {"entity": "id"},
    "robust_inconsistent": {"periods": 6.5},
    "no_neighbours": {"distance_cutoff": 500.0},
    "few_periods": {"n_times": 11},
    "few_periods_conley": {"n_times": 10},
    "attrition": {"term": "y", "treatment": "policy"},
    "baseline_rows": {"term": "x", "time": "wave", "period": 0},
    "suppressed_counts": {"column": "deaths", "least": 10.0},
    "missing_at_zero": {"term": "x", "outcome": "y", "count": 12},
    "capped_outcome": {"term": "y", "count": 35},
    "chosen_by_outcome": {"term": "y"},
    "treatment_ends": {"column": "policy"},
    "uninformative_hansen": {"p_value": 0.995, "n_instruments": 41},
    "near_one": {"persistence": 0.91},
    "short_panel": {"effect": "id", "rows": 4.5},
    "large_time_effects_bias": {"coefficient": "rho", "bias": -0.125},
    "other_order": {"weights": "W", "column": "y", "here": -0.03, "there": 0.29},
    "small_regime": {"regime": 2, "nobs": 9, "n_entities": 4},
    "few_entities_kink": {"n_entities": 31},
}


@pytest.mark.parametrize("code", WARNINGS)
@pytest.mark.parametrize("language", ["english", "chinese"])
def test_what_misleads_is_said_below_the_table(code, language):
    fit = dp.FixedEffects("y", ["x"]).fit(small_panel())
    told = replace(fit, diagnostics=(dp.Notice(code, "", WARNINGS[code]),))
    again = Summary.from_dict(told.to_dict())
    before = lines_of(fit, language=language)
    (line,) = set(lines_of(told, language=language)) - set(before)
    assert line in lines_of(again, language=language)
    names = [
        str(name) for data in WARNINGS[code].values() for name in np.atleast_1d(data)
    ]
    if code == "several_cohorts":
        names = ["2003", "2005"]
    if code == "shared_indicators":
        names = ["x"]
    if code == "shared_on_path":
        names = ["x", "z"]
    if code == "shared_values":
        names = ["x", "id"]
    if code == "heavy_cluster":
        names = ["id", "3", "25%"]
    if code == "zeros_in_log":
        names = ["x", "z", "97%"]
    if code == "no_neighbours":
        names = ["500"]
    if code == "made_from":
        names = ["x", "w"]
    if code == "suppressed_counts":
        names = ["deaths", "10"]
    assert all(name in line for name in names)


def told_lines(code, data, **options):
    fit = dp.FixedEffects("y", ["x"]).fit(small_panel())
    told = replace(fit, diagnostics=(dp.Notice(code, "", data),))
    again = Summary.from_dict(json.loads(json.dumps(told.to_dict())))
    lines = lines_of(told, **options)
    assert lines_of(again, **options) == lines
    return lines


@pytest.mark.parametrize(
    ("side", "english", "chinese"),
    [("below", "below", "以下"), ("above", "above", "以上")],
)
def test_a_small_regime_of_a_kink_is_named_by_its_side(side, english, chinese):
    data = {"regime": side, "nobs": 9, "n_entities": 4}
    note = f"Only 9 rows of 4 entities are {english} the kink."
    assert note in told_lines("small_regime", data)
    note = f"拐点{chinese}仅有4个个体的9条观测。"
    assert note in told_lines("small_regime", data, language="chinese")


@pytest.mark.parametrize(
    ("label", "text"),
    [
        (np.int64(3), "3"),
        (np.float64(3.5), "3.5"),
        (pd.Timestamp("2004-01-01"), "2004-01-01"),
        (pd.Period("2004", "Y"), "2004"),
        (("a", np.int64(3)), "a, 3"),
        ("a", "a"),
    ],
)
def test_a_heavy_cluster_may_have_any_label(label, text):
    data = {"clusters": "id", "cluster": label, "share": 0.7194}
    note = f"Standard errors are too small, because id {text} has 72% of the"
    assert f"{note} weights." in told_lines("heavy_cluster", data)
    text = text.replace(", ", "、")
    note = f"id为{text}的观测占权重的72%，标准误偏小。"
    assert note in told_lines("heavy_cluster", data, language="chinese")


def test_a_heavy_entity_of_a_fit_is_below_its_table():
    panel = small_panel().assign(pop=lambda f: np.where(np.arange(len(f)) < 6, 99, 1))
    with pytest.warns(dp.DigiprosperWarning, match="id 0 has"):
        fit = dp.FixedEffects("y", ["x"], obs_weights="pop").fit(panel)
    (line,) = (line for line in lines_of(fit) if "of the weights" in line)
    assert "because id 0 has 68%" in line


def test_many_cohorts_are_one_short_line():
    cohorts = dict.fromkeys(pd.date_range("2000", periods=20, freq="YS"), 2)
    (line,) = (
        s for s in told_lines("several_cohorts", {"cohorts": cohorts}) if "…" in s
    )
    assert "(2000-01-01, 2001-01-01, 2002-01-01, …, 2019-01-01)" in line
    few = dict.fromkeys(range(2001, 2006), 2)
    lines = told_lines("several_cohorts", {"cohorts": few})
    assert any("(2001, 2002, 2003, 2004, 2005)" in line for line in lines)


def test_terms_of_notes_are_named_as_in_their_rows():
    panel = small_panel()
    panel = panel.assign(first=lambda f: np.where(f.reset_index()["id"] < 24, 3, 99))
    with warnings.catch_warnings(action="ignore"):
        study = dp.EventStudy("y", "first", before=2, after=2, never=99).fit(panel)
    data = {"terms": {study.names[0]: {}}, "clusters": "id"}
    told = replace(study, diagnostics=(dp.Notice("few_treated", "", data),))
    assert any(line.endswith("variation: Event time ≤ -2.") for line in lines_of(told))
    told_in_chinese = lines_of(told, language="chinese")
    assert any(line.endswith("：事件时间 ≤ -2。") for line in told_in_chinese)


def test_dummies_that_the_effects_absorb_are_in_one_note():
    spec = dp.FixedEffects("y", ["x", "C(size)", "half"], collinear="drop")
    panel = small_panel().assign(half="I(size / 2)")
    lines = [line for line in lines_of(spec.fit(panel)) if "no variation" in line]
    names = ["C(size)[T.1]", "C(size)[T.2]", "C(size)[T.3]", "half"]
    what = "because of no variation within the effects (id, year)"
    assert lines == [f"{', '.join(names)} dropped, {what}."]


def test_a_constant_without_effects_is_named_in_both_languages():
    panel = small_panel().assign(one="I(0 * size + 1)")
    spec = dp.FixedEffects("y", ["x", "one"], collinear="drop")
    fit = spec.replace(entity_effects=False, time_effects=False).fit(panel)
    assert "one dropped, because of no variation." in lines_of(fit)
    assert "one在样本中没有变化，已剔除。" in lines_of(fit, language="chinese")


def test_growth_on_the_initial_level_is_not_called_a_lag_of_the_outcome():
    spec = dp.FixedEffects("diff(y)", ["lag(y)", "x"])
    with pytest.warns(dp.DigiprosperWarning, match="Nickell"):
        fit = spec.fit(small_panel())
    (line,) = (line for line in lines_of(fit) if "Nickell" in line)
    assert line.startswith("lag(y): with entity effects the slope is biased")
    assert "lag of the outcome" not in line
