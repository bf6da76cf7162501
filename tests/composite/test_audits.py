from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from digiprosper import (
    ColumnError,
    Indicator,
    IndicatorSystem,
    InputTypeError,
    OptionError,
    Panel,
    audit_weights,
    datasets,
    overlap_audit,
)
from digiprosper.composite.results import is_level

A = IndicatorSystem.from_dict(
    {"users": {"broadband": "+", "finance": "+"}, "output": {"telecom": "+"}}
)
B = IndicatorSystem.from_dict(
    {"": {"income": "+", "finance": "+", "urban rate": "+", "gini": "-"}}
)


def places(*others):
    actual = overlap_audit(A, B, others)
    return dict(zip(actual["indicator"], actual["where"], strict=True))


def test_an_indicator_on_both_sides_is_found():
    actual = overlap_audit(A, B)
    assert list(actual) == [
        "indicator",
        "system_a",
        "system_b",
        "other_columns",
        "where",
    ]
    assert actual.iloc[0].tolist() == [
        "finance",
        True,
        True,
        False,
        "system_a (users), system_b",
    ]
    assert len(actual) == 1
    assert overlap_audit(A, IndicatorSystem([Indicator("x")])).empty


@pytest.mark.parametrize(
    ("term", "names"),
    [
        ("income", ["income"]),
        ("log(income)", ["income"]),
        ("lag(gini, 2)", ["gini"]),
        ("I(gini**2)", ["gini"]),
        ("income:broadband", ["broadband", "income"]),
        ("log(`urban rate`)", ["urban rate"]),
        ("urban rate", ["urban rate"]),
        ("ln_income", []),
        ("gini(x)", []),
        ("C(region)", []),
    ],
)
def test_columns_inside_terms_count(term, names):
    actual = places(term)
    assert [n for n in actual if n != "finance"] == names
    assert all(actual[n].endswith(term) for n in names)


def test_a_single_text_is_one_column():
    assert overlap_audit(A, B, "telecom")["indicator"].tolist() == [
        "finance",
        "telecom",
    ]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: overlap_audit({"a": {}}, B),
            "system_a must be an IndicatorSystem, not dict",
        ),
        (lambda: overlap_audit(A, None), "system_b"),
        (lambda: overlap_audit(A, B, [3]), "other_columns.*3 is int"),
    ],
)
def test_what_is_wrong_is_said(call, words):
    with pytest.raises(InputTypeError, match=words):
        call()


@pytest.mark.parametrize(
    ("name", "unit", "level"),
    [
        ("broadband subscribers", "per 100 people", False),
        ("broadband subscribers", "10^4 households", True),
        ("telecom services volume per capita", "yuan", False),
        ("telecom services total", "10^8 yuan", True),
        ("software revenue", "亿元", True),
        ("人均可支配收入", "元", False),
        ("互联网普及率", "%", False),
        ("光缆线路长度", "公里", True),
        ("digital finance", "index", False),
        ("cable_density", "公里/平方公里", False),
        ("x1", "", None),
    ],
)
def test_amounts_are_told_from_ratios(name, unit, level):
    assert is_level(name, unit) is level


def finding(results, check):
    table = results.audit()
    assert list(table) == ["check", "finding", "message"]
    assert table["check"].tolist() == [
        "future_information",
        "comparability",
        "size_variables",
        "legacy_lnT",
    ]
    row = table.set_index("check").loc[check]
    return row["finding"], row["message"]


@pytest.mark.parametrize(
    ("scope", "future", "comparability"),
    [
        ("pooled", "warning", "ok"),
        ("per_year", "note", "warning"),
        ("pooled_norm_yearly_weights", "warning", "note"),
        ("base_year(2012)", "ok", "ok"),
        ("expanding", "ok", "note"),
        ("goalposts", "note", "ok"),
        ("legacy_lnT", "warning", "warning"),
    ],
)
def test_what_each_scope_knows(scope, future, comparability, posted, frame_of, fit):
    results = fit(posted, frame_of(1), scope=scope)
    assert finding(results, "future_information")[0] == future
    assert finding(results, "comparability")[0] == comparability


def test_goalposts_with_weights_that_are_not_learned_look_nowhere(
    posted, frame_of, fit
):
    assert (
        finding(
            fit(posted, frame_of(2), scope="goalposts", weighting="equal"),
            "future_information",
        )[0]
        == "ok"
    )


@pytest.mark.parametrize(
    ("units", "expected"),
    [
        (["10^4 people", "yuan", "%", "km"], "warning"),
        (["10^4 people", "%", "%", "per head"], "note"),
        (["%", "%", "%", ""], "ok"),
        (["%"] * 4, "ok"),
        ([""] * 4, "ok"),
    ],
)
def test_size_variables(units, expected, frame_of, fit):
    system = IndicatorSystem(
        [Indicator(c, unit=u) for c, u in zip("abcd", units, strict=True)]
    )
    actual, message = finding(fit(system, frame_of(3)), "size_variables")
    assert actual == expected
    if expected == "warning":
        assert "'a', 'b', 'd'" in message


def test_the_copied_script_is_recognised_by_scope_and_by_given_weights(frame_of, fit):
    system = IndicatorSystem([Indicator(c) for c in "abcdef"])
    frame = frame_of(4, n=30, periods=10, width=6)
    legacy = fit(system, frame, scope="legacy_lnT")
    assert finding(legacy, "legacy_lnT")[0] == "warning"
    copied = fit(system, frame, weighting=legacy.weights["weight"].round(3))
    assert finding(copied, "legacy_lnT")[0] == "warning"
    right = fit(system, frame)
    assert finding(right, "legacy_lnT")[0] == "ok"
    assert (
        finding(
            fit(system, frame, weighting=right.weights["weight"].round(3)), "legacy_lnT"
        )[0]
        == "ok"
    )
    for other in (
        {"weighting": "equal"},
        {"weighting": "critic"},
        {"scope": "per_year"},
    ):
        assert finding(fit(system, frame, **other), "legacy_lnT")[0] == "ok"
    # The logarithm of the number of years is 0: nobody divides by it.
    first = frame[frame["year"] == frame["year"].min()]
    weights = dict.fromkeys("abcdef", 1)
    assert finding(fit(system, first, weighting=weights), "legacy_lnT")[0] == "ok"


def test_the_simulated_systems():
    _, truth = datasets.simulate_provinces(6, 4)
    actual = overlap_audit(
        IndicatorSystem.from_frame(truth.indicators("digital")),
        IndicatorSystem.from_frame(truth.indicators("prosperity")),
        ["urban", "log(income)"],
    )
    pd.testing.assert_series_equal(
        actual["indicator"], pd.Series(["income"], name="indicator")
    )


@pytest.mark.parametrize("name", ["gdp", "population", "total_revenue", "GDP"])
def test_amounts_are_told_by_name(name):
    assert is_level(name, "")
    assert not is_level(f"{name} per head", "")


def test_amounts_are_told_by_their_correlation_with_size(frame_of, fit):
    frame = frame_of(3, n=20)
    rng = np.random.default_rng(1)
    size = np.exp(rng.normal(size=20))[pd.factorize(frame["id"])[0]]
    frame["size"] = size
    frame["a"] = size * np.exp(0.1 * rng.normal(size=len(frame)))
    frame["b"] = np.exp(rng.normal(size=len(frame)))
    frame["c"] = size
    system = IndicatorSystem([Indicator("a"), Indicator("b"), Indicator("c", unit="%")])
    results, panel = fit(system, frame), Panel(frame, "id", "year")
    assert finding(results, "size_variables")[0] == "ok"
    table = results.audit(panel, size="size").set_index("check")
    assert table.loc["size_variables", "finding"] == "note"
    message = table.loc["size_variables", "message"]
    assert "'a' 0.9" in message or "'a' 1.0" in message
    assert "'b'" not in message
    assert "'c'" not in message  # its unit says that it is a ratio
    with pytest.raises(ColumnError, match="'sise'"):
        results.audit(panel, size="sise")
    for bad in ((), (frame,)):
        with pytest.raises(InputTypeError, match="takes a Panel"):
            results.audit(*bad, size="size")


def sized(fit, *orders):
    """Audit indicators of seven entities whose values are in these orders of size."""
    frame = pd.DataFrame(dict(zip("abc", orders, strict=False))).assign(
        id=list("pqrstuv"), year=2010, size=range(7)
    )
    system = IndicatorSystem([Indicator(name) for name in "abc"[: len(orders)]])
    table = (
        fit(system, frame)
        .audit(Panel(frame, "id", "year"), size="size")
        .set_index("check")
    )
    return table.loc["size_variables", "finding"]


ALIKE, LIKELY, UNLIKE = (
    [0, 1, 2, 4, 6, 3, 5],
    [0, 1, 2, 4, 5, 6, 3],
    [3, 0, 6, 1, 5, 2, 4],
)


def test_an_indicator_follows_size_from_a_rank_correlation_of_8_tenths(fit):
    ranks = pd.DataFrame({"alike": ALIKE, "likely": LIKELY}).corrwith(
        pd.Series(range(7))
    )
    assert ranks.tolist() == pytest.approx([1 - 10 / 56, 1 - 12 / 56])
    assert sized(fit, ALIKE) == "warning"
    assert sized(fit, LIKELY) == "ok"


def test_more_than_half_of_the_indicators_are_amounts(fit):
    assert sized(fit, ALIKE, UNLIKE) == "note"
    assert sized(fit, ALIKE, UNLIKE, ALIKE[::-1]) == "note"
    assert sized(fit, ALIKE, UNLIKE, list(range(7))) == "warning"

    frame = pd.DataFrame(
        np.eye(4), columns=["gdp", "share", "total income", "gini ratio"]
    )
    frame = frame.assign(id=list("pqrs"), year=2010)
    for names, word in (
        (["gdp", "gini ratio"], "note"),
        (["gdp", "gini ratio", "total income"], "warning"),
    ):
        actual = fit(IndicatorSystem([Indicator(n) for n in names]), frame)
        assert finding(actual, "size_variables")[0] == word


def test_given_weights_are_those_of_a_script_up_to_two_thousandths(frame_of, fit):
    system = IndicatorSystem([Indicator(c) for c in "abcdef"])
    frame = frame_of(4, n=30, periods=10, width=6)
    legacy = fit(system, frame, scope="legacy_lnT").weights["weight"]
    for off, word in ((1.95e-3, "warning"), (2.05e-3, "ok")):
        given = legacy + np.array([off, -off, 0, 0, 0, 0])
        assert finding(fit(system, frame, weighting=given), "legacy_lnT")[0] == word


# --- published weights ----------------------------------------------------------------

AUDITED = [
    "weighting",
    "scope",
    "normalise",
    "structure",
    "shift",
    "max_deviation",
    "problem",
]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"scope": "legacy_lnT"},
        {"scope": "per_year", "shift": 1e-4},
        {"scope": "expanding", "weighting": "cv"},
        {"scope": "base_year(2012)", "structure": "nested"},
        {"scope": "goalposts", "structure": "equal_dimensions"},
        {"weighting": "critic"},
        {"weighting": "equal"},
        {"normalise": "max"},
    ],
)
@pytest.mark.further
def test_the_options_behind_weights_are_found(options, posted, frame_of, fit):
    frame = frame_of(1)
    results = fit(posted, frame, **options)
    actual = audit_weights(
        posted, Panel(frame, "id", "year"), results.weights["weight"].round(4)
    )
    assert list(actual) == AUDITED
    assert actual["max_deviation"].dropna().is_monotonic_increasing
    best = actual.iloc[0]
    for name, value in {
        "weighting": "entropy",
        "scope": "pooled",
        "shift": 0.0,
        **options,
    }.items():
        # a shift of 1e-6 or 1e-4 shows in no printed digit
        assert best[name] == value or (
            name == "shift" and abs(best[name] - value) <= 1e-4
        )
    assert best["max_deviation"] <= 0.5e-4 + 1e-12


@pytest.mark.further
def test_percent_and_mappings_and_shapes(system, frame_of, fit):
    frame = frame_of(2)
    panel, weights = Panel(frame, "id", "year"), fit(system, frame).weights["weight"]
    percent = audit_weights(system, panel, {n: 100 * w for n, w in weights.items()})
    assert percent["max_deviation"].iloc[0] < 1e-12
    assert percent.drop_duplicates(AUDITED[:5]).shape == percent.shape
    assert (percent["weighting"] == "equal").sum() == 3  # one a structure
    assert "goalposts" not in set(percent["scope"])
    assert "none" not in set(percent["normalise"])
    assert set(percent["scope"]) >= {
        "pooled",
        "legacy_lnT",
        "base_year(2010)",
        "base_year(2014)",
    }


@pytest.mark.further
def test_what_these_data_cannot_have_comes_last_with_its_reason(system, frame_of, fit):
    frame = frame_of(3).assign(a=lambda f: f["a"] - 1)
    actual = audit_weights(
        system, Panel(frame, "id", "year"), fit(system, frame).weights["weight"]
    )
    assert actual["max_deviation"].iloc[0] < 1e-12
    last = actual[actual["max_deviation"].isna()]
    assert last.index[-1] == len(actual) - 1
    cancelled = last["weighting"] == "pca"
    assert set(last[~cancelled]["normalise"]) == {"max"}
    assert (
        last[last["normalise"] == "max"]["problem"]
        .str.contains("'a' is zero or negative")
        .all()
    )
    assert last[last["normalise"] != "max"]["problem"].str.contains("loadings").all()
    assert (actual["problem"] == "").sum() == len(actual) - len(last)


def test_a_cross_section_has_few_scopes(frame_of):
    table = frame_of(4, periods=1).drop(columns="year")
    flat = IndicatorSystem([Indicator(c) for c in "abcd"])
    actual = audit_weights(flat, Panel(table, "id"), dict.fromkeys("abcd", 1))
    assert set(actual["scope"]) == {"pooled"}
    assert actual.iloc[0]["weighting"] == "equal"


@pytest.mark.parametrize(
    ("published", "error", "match"),
    [
        ({"a": 1.0}, OptionError, "published=.*'b', 'c', 'd' have none"),
        (dict.fromkeys("abcde", 1), OptionError, "'e' is not in the system"),
        ([0.25] * 4, InputTypeError, "mapping .* or a Series, not list"),
        ({"a": -1, "b": 1, "c": 1, "d": 1}, OptionError, "'a' has -1"),
    ],
)
def test_what_is_wrong_with_published_weights_is_said(
    published, error, match, system, frame_of
):
    with pytest.raises(error, match=match):
        audit_weights(system, Panel(frame_of(5), "id", "year"), published)


def test_columns_are_needed(system, frame_of):
    with pytest.raises(ColumnError, match="'c'"):
        audit_weights(
            system,
            Panel(frame_of(6).drop(columns="c"), "id", "year"),
            dict.fromkeys("abcd", 1),
        )


@pytest.mark.further
def test_the_planted_weights_of_a_simulated_panel():
    panel, truth = datasets.simulate_provinces(15, 6, rng=3)
    system = IndicatorSystem.from_frame(truth.indicators("prosperity"))
    published = {n: round(w, 4) for n, w in truth.weights["prosperity"].items()}
    best = audit_weights(system, panel, published).iloc[0]
    assert best[AUDITED[:4]].tolist() == ["entropy", "pooled", "minmax", "flat"]
    assert np.isclose(pd.Series(truth.weights["prosperity"]).sum(), 1)


def test_what_is_no_panel_is_refused(system):
    weights = dict.fromkeys(system.names, 1.0)
    with pytest.raises(InputTypeError, match="audit_weights takes a Panel, not int"):
        audit_weights(system, 3, weights)
