"""Every set of controls: a fit of each model; what cannot be estimated or read."""

from __future__ import annotations

import json
import warnings
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper import FixedEffects, Panel
from digiprosper.errors import (
    CollinearityError,
    ColumnError,
    DigiprosperError,
    DigiprosperWarning,
    IdentificationError,
    IdentificationWarning,
    InputTypeError,
    MissingDataError,
    NearCollinearWarning,
    OptionError,
    TermError,
)

KEYS = ("i", "t")
GOLDEN = json.loads(
    (Path(__file__).parents[1] / "reference" / "munnell.json").read_text(
        encoding="utf-8"
    )
)


def make(
    seed: int = 0, n: int = 25, periods: int = 7, *, gaps: bool = True
) -> pd.DataFrame:
    """An unbalanced panel with candidates a, b, c, d and regions r.

    One of the four has missing values.
    """
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {"i": np.repeat(np.arange(n), periods), "t": np.tile(np.arange(periods), n)}
    )
    for name in ("x", "z", "a", "b", "c", "d", "y"):
        frame[name] = rng.normal(size=len(frame)) + rng.normal(size=n)[frame["i"]]
    frame["y"] += 0.5 * frame["x"] + frame["a"] - 0.3 * frame["b"]
    frame["x"] += 0.5 * frame["a"]
    frame["w"] = rng.uniform(0.3, 3, len(frame))
    frame["g"] = frame["i"] % 6
    frame["r"] = np.array(["east", "middle", "west"])[(frame["i"] + frame["t"]) % 3]
    frame["fixed"] = frame["i"] % 4 * 1.0
    if gaps:
        frame = frame[rng.random(len(frame)) > 0.15].reset_index(drop=True)
        frame.loc[rng.choice(len(frame), 8, replace=False), "d"] = np.nan
    return frame


def quiet(function: Any, *args: Any, **options: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        return function(*args, **options)


def sets_of(
    spec: Any,
    frame: pd.DataFrame,
    candidates: Any = ("a", "b", "c", "d"),
    **options: Any,
) -> dp.ControlSets:
    return quiet(dp.control_sets, spec, Panel(frame, *KEYS), candidates, **options)


SPEC = FixedEffects("y", ["x", "z"])
CASES: dict[str, dict[str, Any]] = {
    "two-way": {},
    "entity effects": {"time_effects": False},
    "no effects": {"entity_effects": False, "time_effects": False},
    "region by year": {"absorb": ["g^t"]},
    "entity trends": {"absorb": ["i[t]"]},
    "weights": {"obs_weights": "w"},
    "two-way clusters": {"clusters": ["i", "t"]},
    "clusters of entities": {"clusters": "g"},
    "robust": {"cov_type": "robust"},
    "unadjusted": {"cov_type": "unadjusted"},
    "unadjusted, weights": {"cov_type": "unadjusted", "obs_weights": "w"},
    "driscoll_kraay": {"cov_type": "driscoll_kraay"},
    "hc3": {"cov_type": "hc3"},
    "crv3": {"cov_type": "crv3"},
    "xtreg": {"ssc": "xtreg"},
    "plm": {"ssc": "plm", "time_effects": False},
    "linearmodels": {"ssc": "linearmodels"},
    "one regressor": {"x": ["x"]},
    "no rows kept": {"keep_rows": False},
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.many(2)
def test_every_set_is_the_fit_of_that_model(case: str) -> None:
    frame, spec = make(len(case)), SPEC.replace(**CASES[case])
    actual = sets_of(spec, frame)
    assert len(actual) == 16
    complete = Panel(frame.dropna(), *KEYS)
    for label, one in actual.items():
        fit = quiet(spec.add(*one.controls).fit, complete)
        expected = fit.tidy().set_index("term").loc[["x"]].reset_index()
        pd.testing.assert_frame_equal(one.tidy(), expected, rtol=1e-10, atol=1e-13)
        assert label == (" + ".join(one.controls) or "(none)")
        assert (one.nobs, one.df_t) == (fit.nobs, fit.df_t)
        own, whole = one.glance(), fit.glance()
        same = (
            set(own)
            - {"df_resid", "f_statistic"}
            - {key for key in own if key.startswith("rsquared")}
        )
        assert {key: own[key] for key in same} == {key: whole[key] for key in same}


def test_errors_are_those_of_dummies_written_out() -> None:
    frame = make(1).dropna()
    actual = sets_of(SPEC, frame)
    lone = frame.groupby("i")["y"].transform("size") > 1
    frame = frame[lone]
    clusters, g = np.unique(frame["i"], return_inverse=True)
    dummies = [
        pd.get_dummies(frame[key], drop_first=key == "t", dtype=float) for key in KEYS
    ]
    for one in actual.values():
        design = np.column_stack([frame[["x", "z", *one.controls]], *dummies])
        y = frame["y"].to_numpy()
        slopes, *_ = np.linalg.lstsq(design, y, rcond=None)
        bread = np.linalg.inv(design.T @ design)
        scores = design * (y - design @ slopes)[:, None]
        sums = np.array([scores[g == j].sum(axis=0) for j in range(len(clusters))])
        n, many, k = len(y), len(clusters), 2 + len(one.controls)
        counted = k + 1 + frame["t"].nunique() - 1
        factor = many / (many - 1) * (n - 1) / (n - counted)
        variance = factor * (bread @ sums.T @ sums @ bread)[0, 0]
        np.testing.assert_allclose(
            [one.estimate, one.std_error], [slopes[0], np.sqrt(variance)], rtol=1e-9
        )


def test_the_set_of_all_candidates_is_the_model_of_the_textbook() -> None:
    spec = FixedEffects("log(gsp)", ["log(pcap)"])
    actual = dp.control_sets(
        spec, dp.datasets.us_states(), ["log(pc)", "log(emp)", "unemp"]
    )
    one = actual["log(pc) + log(emp) + unemp"]
    cases = {
        (c["effects"], c["name"], c.get("options", {}).get("ssc")): c["values"][0]
        for c in GOLDEN["cases"]
    }
    tight, wide = GOLDEN["tolerance"]["tight"], GOLDEN["tolerance"]["value"]
    assert one.estimate == pytest.approx(
        cases["two-way", "coefficients", None], rel=tight
    )
    assert one.std_error == pytest.approx(
        cases["two-way", "clustered by entity", "reghdfe"], rel=wide
    )


def test_a_confounder_among_the_candidates_shows() -> None:
    rng = np.random.default_rng(0)
    frame = make(2, n=200, periods=10, gaps=False)
    frame["x"] = frame["a"] + rng.normal(size=len(frame))
    frame["y"] = 1.0 * frame["x"] + 2.0 * frame["a"] + rng.normal(size=len(frame))
    actual = sets_of(FixedEffects("y", ["x"]), frame)
    rows = actual.by_control().loc["a"]
    assert rows["median_with"] == pytest.approx(1.0, abs=0.1)
    assert rows["median_without"] == pytest.approx(2.0, abs=0.1)


def test_sets_come_by_size_in_the_order_of_the_candidates() -> None:
    actual = sets_of(SPEC, make())
    names = list("abcd")
    expected = [
        " + ".join(one) or "(none)"
        for size in range(5)
        for one in combinations(names, size)
    ]
    assert actual.labels == tuple(expected)
    assert actual.included.index.tolist() == expected
    assert actual.included.columns.tolist() == names
    assert actual.included.loc["b + d"].tolist() == [False, True, False, True]


@pytest.mark.parametrize(
    ("size", "sizes"),
    [
        (2, {2}),
        (0, {0}),
        ((1, 3), {1, 2, 3}),
        ([0, 1], {0, 1}),
        (range(2, 4), {2, 3}),
        (np.int64(4), {4}),
    ],
)
def test_size(size: Any, sizes: set[int]) -> None:
    actual = sets_of(SPEC, make(), size=size)
    assert set(actual.frame["n_controls"]) == sizes
    assert len(actual) == sum(
        len(list(combinations(range(4), number))) for number in sizes
    )


def test_all_sets_have_the_rows_complete_in_every_candidate() -> None:
    frame = make()
    with pytest.warns(dp.MissingDataWarning, match="missing d"):
        actual = dp.control_sets(
            SPEC.replace(cov_type="robust", time_effects=False),
            Panel(frame, *KEYS),
            list("abcd"),
        )
    assert actual.nobs == len(frame.dropna())
    assert set(actual.frame["nobs"]) == {actual.nobs}
    assert any("missing d" in notice.message for notice in actual.diagnostics)
    assert "the same rows in every model" in " ".join(actual.summary().split())


def test_the_order_of_the_rows_and_of_the_candidates_changes_nothing() -> None:
    frame = make(3)
    one = sets_of(SPEC, frame).frame.set_index("model")
    two = sets_of(SPEC, frame.sample(frac=1, random_state=1), list("dcba")).frame
    two["model"] = [" + ".join(sorted(names)) or "(none)" for names in two["controls"]]
    two = two.set_index("model").loc[one.index]
    numbers = ["estimate", "std_error", "p_value", "conf_low", "conf_high"]
    np.testing.assert_allclose(two[numbers], one[numbers], rtol=1e-9, atol=1e-12)


def test_units_and_origin_change_nothing() -> None:
    frame = make(4)
    one = sets_of(SPEC, frame).frame
    two = sets_of(
        SPEC, frame.assign(a=1e6 + 1e3 * frame["a"], d=-frame["d"] / 1e5)
    ).frame
    np.testing.assert_allclose(two["estimate"], one["estimate"], rtol=1e-8)
    np.testing.assert_allclose(two["std_error"], one["std_error"], rtol=1e-8)
    large = sets_of(SPEC, frame.assign(x=1e3 * frame["x"])).frame
    np.testing.assert_allclose(1e3 * large["estimate"], one["estimate"], rtol=1e-9)


def test_another_term_than_the_first() -> None:
    frame = make(5)
    actual = sets_of(SPEC, frame, term="z", size=(0, 1))
    assert actual.term == "z"
    fit = quiet(SPEC.add("a").fit, Panel(frame.dropna(), *KEYS))
    assert actual["a"].estimate == pytest.approx(fit.params["z"], rel=1e-11)


def test_a_category_is_added_as_a_whole() -> None:
    frame = make(6).dropna()
    actual = sets_of(SPEC, frame, ["a", "C(r)"])
    assert actual.labels == ("(none)", "a", "C(r)", "a + C(r)")
    fit = quiet(SPEC.add("a", "C(r)").fit, Panel(frame, *KEYS))
    assert len(fit.names) == 5
    assert actual["a + C(r)"].estimate == pytest.approx(fit.params["x"], rel=1e-11)
    assert actual["a + C(r)"].std_error == pytest.approx(fit.std_errors["x"], rel=1e-10)


def test_terms_are_those_of_columns() -> None:
    frame = make(7).dropna()
    panel = quiet(Panel, frame, *KEYS)
    made = panel.assign(lagged="lag(a)", square="I(b**2)")
    one = quiet(dp.control_sets, SPEC, panel, ["lag(a)", "I(b**2)"]).frame
    two = quiet(dp.control_sets, SPEC, made, ["lagged", "square"]).frame
    np.testing.assert_allclose(one["estimate"], two["estimate"], rtol=1e-12)


# --- sets that cannot be estimated ----------------------------------------------------


def test_a_collinear_set_fails_under_its_label_and_stops_no_other() -> None:
    frame = make(8)
    frame["sum"] = frame["a"] + frame["b"]
    actual = sets_of(SPEC, frame, ["a", "b", "sum"])
    assert list(actual.failures) == ["a + b + sum"]
    assert isinstance(actual.failures["a + b + sum"], CollinearityError)
    assert len(actual) == 7
    assert "1 set not estimated, such as 'a + b + sum'" in " ".join(
        actual.summary().split()
    )
    fit = quiet(SPEC.add("a", "sum").fit, Panel(frame.dropna(subset=["a", "b"]), *KEYS))
    assert actual["a + sum"].estimate == pytest.approx(fit.params["x"], rel=1e-10)
    with pytest.raises(ColumnError, match="not estimated"):
        actual["a + b + sum"]


def test_collinear_columns_are_dropped_where_the_specification_says_so() -> None:
    frame = make(8)
    frame["sum"], spec = frame["a"] + frame["b"], SPEC.replace(collinear="drop")
    actual = sets_of(spec, frame, ["a", "b", "sum", "fixed"])
    assert actual.failures == {}
    assert actual["a + b + sum"].estimate == pytest.approx(
        actual["a + b"].estimate, rel=1e-10
    )
    assert actual["a + fixed"].estimate == pytest.approx(
        actual["a"].estimate, rel=1e-10
    )
    assert {"dropped_collinear", "dropped_absorbed"} <= {
        notice.code for notice in actual.diagnostics
    }


def test_nearly_collinear_sets_are_fitted_and_said_once() -> None:
    frame = make(9, gaps=False)
    frame["near"] = frame["a"] + 3e-9 * frame["b"]
    with pytest.warns(NearCollinearWarning, match="'a \\+ near'") as caught:
        actual = dp.control_sets(SPEC, Panel(frame, *KEYS), ["a", "near", "c"])
    assert sum(issubclass(one.category, NearCollinearWarning) for one in caught) == 1
    assert actual.failures == {}
    fit = quiet(SPEC.add("a", "near").fit, Panel(frame, *KEYS))
    assert actual["a + near"].estimate == pytest.approx(fit.params["x"], rel=1e-10)
    assert "near_collinear" in {notice.code for notice in actual.diagnostics}


def test_sets_with_more_parameters_than_rows_fail_and_others_do_not() -> None:
    frame = make(10, n=4, periods=4, gaps=False)
    rng = np.random.default_rng(1)
    names = [f"v{j}" for j in range(9)]
    frame = frame.assign(**{name: rng.normal(size=16) for name in names})
    actual = sets_of(FixedEffects("y", ["x"]), frame, names, size=(0, 9))
    sizes = {len(label.split(" + ")) for label in actual.failures}
    assert sizes == {8, 9}
    assert all(
        isinstance(error, IdentificationError) for error in actual.failures.values()
    )
    assert len(actual) == 2**9 - 10


def test_a_perfect_fit_is_said() -> None:
    frame = make(11, gaps=False)
    frame["y"] = frame["x"] + frame["a"]
    actual = sets_of(FixedEffects("y", ["x"]), frame, ["a", "b"])
    assert "perfect_fit" in {notice.code for notice in actual.diagnostics}
    assert actual["a"].estimate == pytest.approx(1.0, rel=1e-10)


def test_a_lag_of_the_outcome_is_said_once() -> None:
    with pytest.warns(IdentificationWarning, match="lag") as caught:
        dp.control_sets(SPEC, Panel(make(12, n=45, gaps=False), *KEYS), ["lag(y)", "a"])
    assert sum(issubclass(one.category, IdentificationWarning) for one in caught) == 1


def test_notices_of_a_covariance_by_sets_are_said_once() -> None:
    actual = sets_of(SPEC.replace(cov_type="crv3"), make(13))
    codes = [notice.code for notice in actual.diagnostics]
    assert len(codes) == len(set(codes))


# --- malformed input ------------------------------------------------------------------

MALFORMED: dict[str, tuple[type[DigiprosperError], str, dict[str, Any]]] = {
    "no candidates": (TermError, "candidates is empty", {"candidates": []}),
    "a number": (InputTypeError, "candidates must be a list", {"candidates": 3}),
    "a number among them": (InputTypeError, "3 is int", {"candidates": ["a", 3]}),
    "twice": (TermError, "'a' twice", {"candidates": ["a", "b", "a"]}),
    "twice in other words": (
        TermError,
        "twice",
        {"candidates": ["lag(a, 1)", "lag(a,1)"]},
    ),
    "already in x": (
        TermError,
        "'z' is in candidates and in x",
        {"candidates": ["a", "z"]},
    ),
    "the outcome": (
        TermError,
        "'y' is in candidates and in y",
        {"candidates": ["a", "y"]},
    ),
    "unknown": (ColumnError, "no column named 'aa'", {"candidates": ["aa", "b"]}),
    "not readable": (TermError, "a \\+", {"candidates": ["a +", "b"]}),
    "text column": (InputTypeError, "'r'", {"candidates": ["a", "r"]}),
    "absorbed": (
        IdentificationError,
        "'fixed' is absorbed",
        {"candidates": ["a", "fixed"]},
    ),
    "an interaction of the term": (
        TermError,
        "'x:a' contains the column of 'x'",
        {"candidates": ["x:a", "b"]},
    ),
    "a square of the term": (
        TermError,
        "contains the column of 'x'",
        {"candidates": ["I(x**2)"]},
    ),
    "term unknown": (
        TermError,
        "no coefficient of spec is named 'q'; they",
        {"term": "q"},
    ),
    "term a candidate": (TermError, "It is a candidate", {"term": "a"}),
    "term no text": (
        InputTypeError,
        "term=3 must be one term",
        {"term": 3},
    ),
    "too large a size": (OptionError, "from 0 to 4", {"size": 5}),
    "negative size": (OptionError, "size=-1", {"size": -1}),
    "size a fraction": (OptionError, r"size=1\.5", {"size": 1.5}),
    "size true": (OptionError, "size=True", {"size": True}),
    "size text": (OptionError, "size='all'", {"size": "all"}),
    "three sizes": (OptionError, "a pair", {"size": (1, 2, 3)}),
    "an empty range": (OptionError, "a pair", {"size": range(3, 3)}),
    "a pair the wrong way round": (OptionError, "a pair", {"size": (3, 1)}),
    "a range too wide": (OptionError, "from 0 to 4", {"size": range(2, 9)}),
    "no specification": (
        InputTypeError,
        "takes a FixedEffects specification, not str",
        {"spec": "y ~ x"},
    ),
    "another specification": (
        InputTypeError,
        "not FixedEffectsIV",
        {"spec": dp.FixedEffectsIV("y", [], "x", "z")},
    ),
    "a frame": (InputTypeError, "takes a Panel, not DataFrame", {"panel": make()}),
    "categories beside one another": (
        TermError,
        "with 'C\\(r\\):a' the dummies of a product",
        {"candidates": ["a", "C(r):a"]},
    ),
    "the factor of a category in x": (
        TermError,
        "with 'a' the dummies of a product",
        {"spec": SPEC.add("C(r):a"), "candidates": ["b", "a"]},
    ),
    "missing refused": (
        MissingDataError,
        "missing values in d",
        {"spec": SPEC.replace(missing="raise")},
    ),
    "collinear by itself": (
        CollinearityError,
        "2x",
        {"spec": SPEC.add("2x"), "candidates": ["a"]},
    ),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_input_is_a_named_error(case: str) -> None:
    kind, text, options = MALFORMED[case]
    frame = make()
    frame["2x"] = 2 * frame["x"]
    given = {
        "spec": SPEC,
        "panel": Panel(frame, *KEYS),
        "candidates": list("abcd"),
        **options,
    }
    with pytest.raises(kind, match=text):
        quiet(dp.control_sets, **given)


def test_too_many_sets_are_counted_and_a_size_is_named() -> None:
    names = [f"v{j}" for j in range(20)]
    frame = make().assign(**dict.fromkeys(names, 0.0))
    with pytest.raises(
        OptionError,
        match=r"1,048,576 sets; at most 65,536.*size=\(0, 6\), which makes 60,460",
    ):
        sets_of(SPEC, frame, names)
    with pytest.raises(OptionError, match=r"size=\(5, 6\), which makes 54,264"):
        sets_of(SPEC, frame, names, size=(5, 15))
    with pytest.raises(OptionError, match=r"Pass fewer candidates\.$"):
        sets_of(SPEC, frame, names, size=10)


def test_names_with_plus_signs_may_not_make_two_sets_one() -> None:
    frame = make().rename(columns={"c": "a + b"})
    with pytest.raises(
        TermError, match="'a \\+ b' is the name of a candidate and of a set"
    ):
        sets_of(SPEC, frame, ["a", "b", "a + b"])
