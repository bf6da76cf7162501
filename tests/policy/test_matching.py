"""Matched entities: a search, balance by hand, invariances, malformed input."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper import FixedEffects, Matching, Panel, errors, match_entities
from digiprosper.errors import (
    CollinearityError,
    ColumnError,
    DigiprosperError,
    IdentificationError,
    IdentificationWarning,
    InputTypeError,
    MissingDataWarning,
    OptionError,
    TermError,
)

if TYPE_CHECKING:
    from collections.abc import Callable


import json
from importlib.resources import files
from pathlib import Path

from digiprosper.errors import MissingDataError, PanelIndexError
from digiprosper.policy.matching import base_values, is_separated, propensity

YEARS = np.arange(2010, 2016)


def made(seed: int = 1, n: int = 90, *, gaps: bool = False) -> pd.DataFrame:
    """Cities, larger ones treated more often, from 2013 on, or from 2014."""
    rng = np.random.default_rng(seed)
    size, age = rng.normal(size=(2, n))
    chosen = rng.uniform(size=n) < 1 / (1 + np.exp(1 - 0.8 * size - 0.4 * age))
    frame = pd.DataFrame(
        {"city": np.repeat(np.arange(n), YEARS.size), "year": np.tile(YEARS, n)}
    )
    start = np.where(chosen, 2013 + rng.integers(0, 2, size=n), 9999)[frame["city"]]
    frame["policy"] = (frame["year"] >= start).astype(float)
    frame["size"] = size[frame["city"]] + 0.1 * (frame["year"] - 2010)
    frame["age"] = age[frame["city"]] + rng.normal(size=len(frame)) * 0.2
    frame["y"] = frame["policy"] + 0.3 * frame["size"] + rng.normal(size=len(frame))
    keep = (rng.uniform(size=len(frame)) > 0.1) | (frame["year"] == 2012)
    return frame[keep].reset_index(drop=True) if gaps else frame


def quiet(frame: pd.DataFrame, x: Any = ("size", "age"), **options: Any) -> Matching:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        return match_entities(
            Panel(frame, "city", "year"), "policy", x, **{"base": 2012, **options}
        )


# --- against a search -----------------------------------------------------------------


def scores_by_hand(rows: pd.DataFrame, treated: np.ndarray) -> np.ndarray:
    """Solve the logit by Newton steps."""
    design = np.column_stack([np.ones(len(rows)), rows[["size", "age"]]])
    b = np.zeros(3)
    for _ in range(50):
        p = 1 / (1 + np.exp(-design @ b))
        b += np.linalg.solve(
            design.T @ (design * (p * (1 - p))[:, None]), design.T @ (treated - p)
        )
    return np.asarray(1 / (1 + np.exp(-design @ b)))


@pytest.mark.many(3)
@pytest.mark.parametrize(
    "options", [{}, {"k": 3}, {"k": 3, "caliper": None}, {"caliper": 0.002}]
)
@pytest.mark.parametrize("gaps", [False, True])
def test_pairs_weights_and_balance_equal_those_of_a_search(options, gaps) -> None:
    frame = made(2, gaps=gaps)
    actual = quiet(frame, **options)
    rows = frame.query("year == 2012").set_index("city")
    treated = frame.groupby("city")["policy"].max().to_numpy() > 0
    scores = pd.Series(scores_by_hand(rows, treated), index=rows.index)
    controls = scores[~treated]

    pairs, weights = [], pd.Series(0.0, index=rows.index)
    for city in rows.index[treated]:
        distance = (controls - scores[city]).abs().sort_values()
        near = distance[distance <= (options.get("caliper", 0.05) or np.inf)][
            : options.get("k", 1)
        ]
        if controls.min() <= scores[city] <= controls.max() and len(near):
            pairs += [(city, other) for other in near.index]
            weights[city] = 1
            weights[near.index] += 1 / len(near)
    assert (
        list(zip(actual.pairs["treated"], actual.pairs["control"], strict=True))
        == pairs
    )
    assert actual.entities["weight"].fillna(0).to_numpy() == pytest.approx(
        weights.to_numpy()
    )
    assert actual.weights.fillna(0).to_numpy() == pytest.approx(
        weights[frame["city"]].to_numpy()
    )

    x = rows[["size", "age"]]
    spread = np.sqrt((x[treated].var() + x[~treated].var()) / 2)
    left = np.average(x[treated], axis=0, weights=weights[treated])
    right = np.average(x[~treated], axis=0, weights=weights[~treated])
    assert actual.balance["std_diff_after"].to_numpy() == pytest.approx(
        (left - right) / spread
    )
    before = (x[treated].mean() - x[~treated].mean()) / spread
    assert actual.balance["std_diff_before"].to_numpy() == pytest.approx(before)
    assert actual.balance["variance_ratio_before"].to_numpy() == pytest.approx(
        x[treated].var() / x[~treated].var()
    )


def test_without_replacement_no_control_has_two_matches() -> None:
    actual = quiet(made(3), replace=False)
    assert actual.pairs["control"].is_unique
    assert set(actual.entities["weight"].dropna()) == {1.0}
    assert actual.effective_controls == actual.n_used == actual.n_matched


def test_reasons_of_treated_without_a_match() -> None:
    actual = quiet(made(16), replace=False, caliper=0.02)
    with pytest.warns(IdentificationWarning):
        errors.issue(actual.diagnostics)
    controls = actual.entities.loc[~actual.entities["treated"], "score"]
    for row in actual.unmatched.itertuples():
        inside = controls.min() <= row.score <= controls.max()
        near = (controls - row.score).abs().min() <= 0.02
        assert row.reason == (
            "used" if inside and near else "caliper" if inside else "support"
        )
    assert set(actual.unmatched["reason"]) == {"used", "caliper", "support"}
    (notice,) = [n for n in actual.diagnostics if n.code == "unmatched_treated"]
    assert notice.data["entities"] == actual.unmatched["treated"].tolist()
    assert actual.n_matched + len(actual.unmatched) == actual.n_treated


# --- the way to a model ---------------------------------------------------------------


def test_weights_drop_rows_outside_and_count_them() -> None:
    frame = made(5, gaps=True)
    actual = quiet(frame)
    panel = Panel(frame, "city", "year")
    spec = FixedEffects("y", ["policy"], obs_weights="w")
    outside = int(actual.weights.isna().sum())
    with pytest.warns(MissingDataWarning, match=rf"{outside} of {len(frame)} rows"):
        fit = spec.fit(panel.assign(w=actual.weights))
    again = spec.fit(panel.assign(w=actual.weights).subset("w > 0"))
    assert fit.nobs == again.nobs == len(frame) - outside
    assert fit.params["policy"] == pytest.approx(again.params["policy"], rel=1e-12)

    # Repeating each row as often as its weight gives the same slope.
    kept = frame.assign(w=actual.weights.to_numpy()).dropna(subset="w")
    repeated = kept.loc[kept.index.repeat(kept["w"].astype(int))].reset_index(drop=True)
    number = repeated.groupby(["city", "year"]).cumcount()
    repeated["copy"] = repeated["city"] * 100 + number
    by_hand = FixedEffects("y", ["policy"]).fit(Panel(repeated, "copy", "year"))
    assert fit.params["policy"] == pytest.approx(by_hand.params["policy"], rel=1e-9)


def test_an_event_study_takes_the_weights() -> None:
    frame = made(6)
    frame["first"] = (
        frame["year"].where(frame["policy"] > 0).groupby(frame["city"]).transform("min")
    )
    panel = Panel(frame, "city", "year").assign(w=quiet(frame).weights).subset("w > 0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        study = dp.EventStudy("y", "first", before=2, after=1, obs_weights="w").fit(
            panel
        )
    assert study.glance()["obs_weights"] == "w"


@pytest.mark.parametrize("base", ["first", "pre", 2011])
def test_selection_on_a_base_value_is_removed(base) -> None:
    """The outcome grows with size, and larger cities are treated: the truth is 1."""
    rng = np.random.default_rng(7)
    n = 1200
    size = rng.normal(size=n)
    chosen = rng.uniform(size=n) < 1 / (1 + np.exp(1.5 - 0.8 * size))
    frame = pd.DataFrame(
        {"city": np.repeat(np.arange(n), YEARS.size), "year": np.tile(YEARS, n)}
    )
    frame["policy"] = (chosen[frame["city"]] & (frame["year"] >= 2013)).astype(float)
    frame["size"] = size[frame["city"]]
    growth = 0.5 * frame["size"] * (frame["year"] - 2010)
    frame["y"] = frame["policy"] + growth + rng.normal(size=len(frame)) * 0.3
    panel = Panel(frame, "city", "year")
    actual = quiet(frame, ["size"], base=base)
    spec = FixedEffects("y", ["policy"])
    biased = spec.fit(panel).params["policy"]
    fit = spec.replace(obs_weights="w").fit(
        panel.assign(w=actual.weights).subset("w > 0")
    )
    assert biased > 1.5
    assert fit.params["policy"] == pytest.approx(1.0, abs=0.05)
    assert (
        abs(actual.balance["std_diff_after"][0])
        < 0.01
        < actual.balance["std_diff_before"][0]
    )


SAMPLES: dict[str, dict[str, Any]] = {
    "k=1": {},
    "k=3": {"k": 3},
    "replace=False": {"replace": False},
    "entropy": {"method": "entropy"},
}


@pytest.mark.montecarlo
@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
@pytest.mark.parametrize(
    ("n", "sample", "mean", "covered"),
    [
        (100, "all", 1.45, 0.57),
        (100, "k=1", 1.02, 0.97),
        (100, "k=3", 1.02, 0.98),
        (100, "replace=False", 1.05, 0.97),
        (100, "entropy", 1.00, 0.98),
        (300, "all", 1.43, 0.14),
        (300, "k=1", 1.00, 0.96),
        (300, "k=3", 1.00, 0.97),
        (300, "replace=False", 1.01, 0.97),
        (300, "entropy", 1.00, 0.98),
    ],
)
def test_coverage_of_the_page(
    n: int, sample: str, mean: float, covered: float, measured: Callable[..., None]
) -> None:
    """Difference in differences in 500 panels, on all cities and on matched ones.

    The effect is 1.

    Larger cities are treated more often, from the fifth of 8 years on, and their
    outcome grows faster. Cities are matched on their size. Errors have a serial
    correlation of .5. Coverage is that of 95% intervals with clustered standard errors.
    """
    rng = np.random.default_rng(n)
    spec, actual = FixedEffects("y", ["policy"]), []
    for _ in range(500):
        size = rng.normal(size=n)
        chosen = rng.uniform(size=n) < 1 / (1 + np.exp(1.2 - 0.8 * size))
        frame = pd.DataFrame(
            {
                "city": np.repeat(np.arange(n), 8),
                "year": np.tile(np.arange(2010, 2018), n),
            }
        )
        frame["size"] = size[frame["city"]]
        frame["policy"] = (chosen[frame["city"]] & (frame["year"] >= 2014)) * 1.0
        error = rng.normal(size=(n, 8))
        for t in range(1, 8):
            error[:, t] = 0.5 * error[:, t - 1] + error[:, t] * np.sqrt(0.75)
        frame["y"] = (
            frame["policy"]
            + 0.15 * frame["size"] * (frame["year"] - 2010)
            + error.ravel()
        )
        panel, used = Panel(frame, "city", "year"), spec
        if sample in SAMPLES:
            weights = quiet(frame, ["size"], base=2013, **SAMPLES[sample]).weights
            panel, used = (
                panel.assign(w=weights).subset("w > 0"),
                spec.replace(obs_weights="w"),
            )
        fit = used.fit(panel)
        low, high = fit.conf_int().iloc[0]
        actual.append(
            (fit.params["policy"], fit.std_errors["policy"], low <= 1 <= high)
        )
    estimates, std_errors, hits = np.array(actual).T
    row = {
        "cities": n,
        "sample": f"`{sample}`" if "=" in sample else sample,
        "mean estimate": estimates.mean(),
        "standard deviation": estimates.std(ddof=1),
        "mean standard error": std_errors.mean(),
        "coverage": hits.mean(),
    }
    measured("coverage_after_matching", row)
    assert estimates.mean() == pytest.approx(mean, abs=0.04)
    assert hits.mean() == pytest.approx(
        covered, abs=0.02 if sample in SAMPLES else 0.05
    )


# --- invariances ----------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"k": 2, "replace": False}])
def test_order_of_rows_units_and_names_do_not_matter(options) -> None:
    frame = made(8, gaps=True)
    expected = quiet(frame, **options)

    mixed = quiet(frame.sample(frac=1, random_state=1), **options)
    pd.testing.assert_frame_equal(mixed.entities, expected.entities, check_exact=True)
    pd.testing.assert_series_equal(mixed.weights, expected.weights, check_exact=True)

    units = quiet(
        frame.assign(size=frame["size"] * 1e5 + 7, age=-frame["age"] / 1e3), **options
    )
    assert units.pairs[["treated", "control"]].equals(
        expected.pairs[["treated", "control"]]
    )
    assert units.balance["std_diff_after"].abs().to_numpy() == pytest.approx(
        expected.balance["std_diff_after"].abs().to_numpy(), rel=1e-8
    )

    names = np.random.default_rng(1).permutation(90)
    renamed = quiet(frame.assign(city=names[frame["city"]]), **options)
    pairs = {
        (names[a], names[b])
        for a, b in expected.pairs[["treated", "control"]].to_numpy()
    }
    assert pairs == set(map(tuple, renamed.pairs[["treated", "control"]].to_numpy()))


@pytest.mark.parametrize("k", [1, 3])
def test_all_controls_at_the_same_distance_are_matched_with_equal_shares(
    k: int,
) -> None:
    """So that names of entities do not matter.

    Without replacement the first is taken.
    """
    frame = made(9)
    frame["kind"] = frame["city"] % 3
    actual = quiet(frame, ["kind"], k=k)
    (notice,) = [n for n in actual.diagnostics if n.code == "tied_scores"]
    assert notice.data == {"count": actual.n_matched, "ties": "all"}
    assert "all of these are matched" in notice.message
    controls = actual.entities[~actual.entities["treated"]]
    for treated, pairs in actual.pairs.groupby("treated"):
        assert (
            pairs["control"].tolist()
            == controls.index[controls.index % 3 == treated % 3].tolist()
        )
    number = actual.pairs.groupby("treated")["control"].transform("size")
    by_hand = (1 / number).groupby(actual.pairs["control"]).sum()
    np.testing.assert_allclose(actual.entities["weight"][by_hand.index], by_hand)
    names = np.random.default_rng(1).permutation(90)
    renamed = quiet(frame.assign(city=names[frame["city"]]), ["kind"], k=k)
    np.testing.assert_allclose(
        renamed.entities["weight"][names], actual.entities["weight"]
    )
    without = quiet(frame, ["kind"], replace=False)
    assert without.ties == "first"
    with pytest.raises(OptionError, match="ties='all' needs replace=True"):
        quiet(frame, ["kind"], replace=False, ties="all")


def test_without_trimming_all_treated_are_matched() -> None:
    frame = made(16)
    trimmed = quiet(frame, caliper=None)
    assert set(trimmed.unmatched["reason"]) == {"support"}
    actual = quiet(frame, caliper=None, support=False)
    assert actual.n_matched == actual.n_treated > trimmed.n_matched
    assert not actual.entities["on_support"].all()
    assert "also outside the common support" in " ".join(actual.summary().split())
    assert "不限于共同支撑域" in str(dp.etable(actual, style=dp.TableStyle("zh")))
    outside = actual.entities.query("treated and not on_support")
    controls = actual.entities.query("not treated")["score"]
    pairs = actual.pairs.set_index("treated")["control"]
    for city, row in outside.iterrows():
        assert pairs[city] == (controls - row["score"]).abs().idxmin()
    # The same entities have the same matches as with trimming.
    kept = actual.pairs[~actual.pairs["treated"].isin(outside.index)].reset_index(
        drop=True
    )
    pd.testing.assert_frame_equal(kept, trimmed.pairs)
    near = quiet(frame, caliper=0.001, support=False)
    assert set(near.unmatched["reason"]) == {"caliper"}


def test_tied_scores_are_said_and_broken_by_the_order_of_entities() -> None:
    frame = made(9)
    frame["kind"] = frame["city"] % 3
    actual = quiet(frame, ["kind"], ties="first")
    (notice,) = [n for n in actual.diagnostics if n.code == "tied_scores"]
    assert notice.data == {"count": actual.n_matched, "ties": "first"}
    controls = actual.entities[~actual.entities["treated"]]
    for pair in actual.pairs.itertuples():
        same = controls.index[controls.index % 3 == pair.treated % 3]
        assert pair.control == same[0]


# --- what is said ---------------------------------------------------------------------


def test_entities_without_base_values_are_in_neither_group() -> None:
    frame = made(10)
    lost = frame["city"].isin([3, 4, 5]) & (frame["year"] == 2012)
    frame.loc[lost, "age"] = np.nan
    actual = quiet(frame)
    with pytest.warns(MissingDataWarning):
        errors.issue(actual.diagnostics[:1])
    (notice,) = [n for n in actual.diagnostics if n.code == "no_base_values"]
    treated = int(frame.groupby("city")["policy"].max()[[3, 4, 5]].sum())
    assert notice.data == {
        "count": 3,
        "treated": treated,
        "entities": [3, 4, 5],
        "by_term": {"age": 3},
    }
    assert actual.n_treated + actual.n_control == 87
    assert actual.weights[[3, 4, 5]].isna().all()


def test_first_rows_of_several_periods_are_said() -> None:
    frame = made(11).query("city > 5 or year > 2010")
    actual = quiet(frame, base="first")
    (notice,) = [n for n in actual.diagnostics if n.code == "several_base_periods"]
    assert notice.data["periods"] == {2010: 84, 2011: 6}


def test_differences_that_are_left_are_said() -> None:
    actual = quiet(made(12), caliper=None)
    left = {n.code: n.data for n in actual.diagnostics}.get(
        "still_unbalanced", {"terms": {}}
    )["terms"]
    after = actual.balance.set_index("term")["std_diff_after"]
    assert left == after[after.abs() > 0.1].to_dict()
    assert left


# --- entropy balancing ----------------------------------------------------------------


@pytest.mark.parametrize("moments", [1, 2])
def test_entropy_weights_balance_the_base_values_of_entities(moments) -> None:
    frame = made(3)
    frame["coast"] = 1.0 * (frame["city"] % 3 == 0)
    frame["people"] = 1.0 + frame["city"] % 7
    x = ["size", "age", "coast"]
    actual = quiet(frame, x, method="entropy", moments=moments, base_weights="people")
    rows = frame.query("year == 2012").set_index("city")
    treated = actual.entities["treated"]
    weights = actual.entities["weight"]
    assert weights[treated].eq(1).all()
    w = weights[~treated] / weights[~treated].sum()
    assert weights[~treated].sum() == pytest.approx(treated.sum())
    for power in range(1, moments + 1):
        values = rows[x] ** power
        assert (w @ values[~treated]).to_numpy() == pytest.approx(
            values[treated].mean().to_numpy(), abs=1e-10
        )
    # Log ratios to the base weights are linear in the balanced moments.
    design = rows.loc[~treated, x].assign(one=1.0)
    if moments == 2:
        design = design.assign(size2=design["size"] ** 2, age2=design["age"] ** 2)
    ratio = np.log(w / rows["people"][~treated])
    fitted = design @ np.linalg.lstsq(design, ratio, rcond=None)[0]
    assert fitted.to_numpy() == pytest.approx(ratio.to_numpy(), abs=1e-9)
    assert actual.weights.groupby(frame["city"].to_numpy()).nunique().eq(1).all()
    assert actual.balance["std_diff_after"].tolist() == [0.0, 0.0, 0.0]
    assert (actual.n_matched, actual.n_used) == (treated.sum(), (~treated).sum())
    assert actual.support.columns.tolist() == ["group", "n", "matched"]
    assert not {note.code for note in actual.diagnostics} & {"still_unbalanced"}


def test_an_effect_with_entropy_weights_is_the_same_with_the_covariates() -> None:
    frame = made(3)
    actual = quiet(frame, method="entropy")
    base = frame.query("year == 2012").set_index("city")[["size", "age"]]
    cross = frame.query("year == 2015").set_index("city")[["y"]].join(base)
    cross = cross.assign(
        w=actual.entities["weight"], policy=1.0 * actual.entities["treated"]
    )
    spec = FixedEffects(
        "y", ["policy"], entity_effects=False, time_effects=False, obs_weights="w"
    )
    panel = Panel(cross.reset_index(), "city")
    alone, both = (
        spec.replace(x=x, cov_type="robust").fit(panel).params["policy"]
        for x in (["policy"], ["policy", "size", "age"])
    )
    assert alone == pytest.approx(both, abs=1e-9)
    assert actual.att(cross["y"]).estimate == pytest.approx(alone, abs=1e-9)


def test_entropy_weights_do_not_depend_on_order_units_and_names() -> None:
    frame, options = made(8, gaps=True), {"method": "entropy", "moments": 2}
    expected = quiet(frame, **options).entities["weight"]
    mixed = quiet(frame.sample(frac=1, random_state=1), **options).entities["weight"]
    pd.testing.assert_series_equal(mixed, expected, check_exact=True)
    units = frame.assign(size=frame["size"] * 1e5 + 7e6, age=-frame["age"] / 1e3)
    assert quiet(units, **options).entities["weight"].to_numpy() == pytest.approx(
        expected.to_numpy(), rel=1e-7
    )
    names = np.random.default_rng(1).permutation(90)
    renamed = quiet(frame.assign(city=names[frame["city"]]), **options).entities
    assert renamed["weight"][names].to_numpy() == pytest.approx(
        expected.to_numpy(), rel=1e-9
    )


def test_base_values_that_cannot_be_balanced_are_named() -> None:
    frame = made(3)
    ever = frame.groupby("city")["policy"].transform("max")
    for distance in (9, -9):
        frame["far"] = frame["age"] + distance * ever
        with pytest.raises(
            IdentificationError, match=r"no weights balance 'far'.*not inside the range"
        ) as caught:
            quiet(frame, ["size", "far"], method="entropy")
        (problem,) = caught.value.problems
        assert (problem.code, problem.data) == ("not_balanced", {"terms": ("far",)})
    # Each is inside its range, but together they are where no control is.
    rng = np.random.default_rng(1)
    line = rng.normal(size=90)[frame["city"]]
    frame["left"] = line + 0.2 * ever * (1 + (frame["city"] % 2))
    frame["right"] = line - 0.2 * ever
    with pytest.raises(IdentificationError, match="together") as caught:
        quiet(frame, ["size", "left", "right"], method="entropy")
    assert caught.value.problems[0].data == {"terms": ("left", "right")}


def test_base_weights_are_above_zero() -> None:
    frame = made(3).assign(people=lambda f: 1.0 * (f["city"] != 5))
    with pytest.raises(InputTypeError, match=r"must be above 0.*'5'"):
        quiet(frame, method="entropy", base_weights="people")


# --- malformed input ------------------------------------------------------------------


def test_a_column_of_first_treated_times_is_told_what_it_is() -> None:
    years = np.where(
        made()["policy"].groupby(made()["city"]).transform("max"), 2013, np.nan
    )
    panel = dp.Panel(made().assign(**{"first year": years}), "city", "year")
    with pytest.raises(MissingDataError, match="first treated times") as caught:
        dp.match_entities(panel, "first year", ["size"])
    advice = str(caught.value).partition("panel.assign(on='")[2].partition("')")[0]
    assert set(panel.assign(on=advice)["on"]) == {0.0, 1.0}
    # Times may be dates, and shares are no times.
    dates = made().assign(first=years, year=pd.to_datetime(made()["year"].astype(str)))
    for column, advised in (("first", "on='treated"), ("size", "on='I")):
        with pytest.raises(dp.DigiprosperError, match=advised):
            dp.match_entities(dp.Panel(dates, "city", "year"), column, ["y"])


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"panel": made()}, InputTypeError),
        ({"treated": ["policy"]}, InputTypeError),
        ({"treated": "nothing"}, ColumnError),
        ({"treated": "y"}, InputTypeError),
        ({"treated": "size", "x": ["size"]}, TermError),
        ({"x": []}, IdentificationError),
        ({"x": 3}, InputTypeError),
        ({"x": ["size", "size"]}, TermError),
        ({"support": "yes"}, OptionError),
        ({"ties": "some"}, OptionError),
        ({"x": ["none"]}, ColumnError),
        ({"x": ["size", "I(2 * size)"]}, CollinearityError),
        ({"x": ["flat"]}, IdentificationError),
        ({"x": ["ever"]}, IdentificationError),
        ({"x": ["word"]}, InputTypeError),
        ({"k": 0}, OptionError),
        ({"k": 1.5}, OptionError),
        ({"k": True}, OptionError),
        ({"caliper": 0}, OptionError),
        ({"caliper": -0.1}, OptionError),
        ({"caliper": 2}, OptionError),
        ({"caliper": "small"}, OptionError),
        ({"caliper": float("nan")}, OptionError),
        ({"caliper": 1e-12}, IdentificationError),
        ({"replace": "no"}, OptionError),
        ({"base": 1999}, OptionError),
        ({"base": 2014}, IdentificationError),
        ({"base": 2012, "x": ["lag(size, 5)"]}, DigiprosperError),
        ({"method": "kernel"}, OptionError),
        ({"moments": 2}, OptionError),
        ({"base_weights": "age"}, OptionError),
        ({"method": "entropy", "k": 2}, OptionError),
        ({"method": "entropy", "caliper": None}, OptionError),
        ({"method": "entropy", "ties": "first"}, OptionError),
        ({"method": "entropy", "moments": 3}, OptionError),
        ({"method": "entropy", "base_weights": "size"}, TermError),
        ({"method": "entropy", "base_weights": ["age"]}, InputTypeError),
        ({"method": "entropy", "base_weights": "age"}, InputTypeError),
        ({"method": "entropy", "base_weights": "none"}, ColumnError),
        ({"method": "entropy", "x": ["ever"]}, IdentificationError),
        ({"method": "entropy", "x": ["flat"]}, IdentificationError),
        ({"method": "entropy", "x": ["size", "I(2 * size)"]}, CollinearityError),
        (
            {"method": "entropy", "x": ["size", "I(size ** 2)"], "moments": 2},
            CollinearityError,
        ),
    ],
)
def test_malformed_input_is_one_named_error(change, error) -> None:
    frame = made()
    frame["flat"], frame["word"] = 1.0, "a"
    frame["ever"] = frame.groupby("city")["policy"].transform("max")
    given = {
        "panel": Panel(frame, "city", "year"),
        "treated": "policy",
        "x": ["size"],
        "base": 2012,
        **change,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        with pytest.raises(error) as caught:
            match_entities(
                given.pop("panel"), given.pop("treated"), given.pop("x"), **given
            )
    assert caught.value.problems


def test_a_scanned_table_is_refused_with_what_to_do() -> None:
    scan = Panel.scan(made(), entity="city", time="year")
    advice = r"match_entities takes a Panel, not a scanned table.*sample_entities"
    with pytest.raises(InputTypeError, match=advice):
        match_entities(scan, "policy", ["size"])  # type: ignore[arg-type]


# --- base values ----------------------------------------------------------------------


def frame() -> pd.DataFrame:
    """Eight cities, six years, unbalanced.

    Cities 0 to 2 are treated from 2003, city 3 from 2004 on.
    """
    rng = np.random.default_rng(1)
    made = pd.DataFrame(
        {"city": np.repeat(np.arange(8), 6), "year": np.tile(np.arange(2000, 2006), 8)}
    )
    first = np.array([2003, 2003, 2003, 2004, 9999, 9999, 9999, 9999])
    made["policy"] = (made["year"] >= first[made["city"]]).astype(float)
    made["group"] = (first[made["city"]] < 9999).astype(int)
    made["first"] = first[made["city"]]
    made["a"], made["b"] = rng.uniform(1, 2, size=(2, len(made)))
    made.loc[9, "b"] = np.nan  # city 1, 2003
    return made.drop(index=[0, 13, 40]).reset_index(drop=True)


def read(
    base: Any, treated: str = "policy", terms: tuple[str, ...] = ("a", "b")
) -> Any:
    return base_values(Panel(frame(), "city", "year"), treated, terms, base)


def test_first_rows_are_taken() -> None:
    actual = read("first")
    expected = frame().groupby("city")[["a", "b"]].first()
    assert actual.x == pytest.approx(expected.to_numpy(), abs=0)
    assert actual.treated.tolist() == [True] * 4 + [False] * 4
    assert actual.periods == {2000: 7, 2001: 1}
    assert actual.complete.all()


def test_a_period_is_taken() -> None:
    actual = read(2001)
    rows = frame().query("year == 2001").set_index("city").reindex(range(8))
    assert actual.x == pytest.approx(rows[["a", "b"]].to_numpy(), abs=0, nan_ok=True)
    assert actual.complete.tolist() == [True, True, False, True, True, True, True, True]
    assert actual.missing == {"a": 1, "b": 1}
    assert actual.periods == {}


def test_the_advice_for_a_treatment_fits_its_values() -> None:
    rows = frame().assign(
        share=lambda f: (f["city"] + 1) / 9 + 0.01 * (f["year"] - 2000),
        first=lambda f: np.where(f["city"] < 4, 2003, 0),
    )
    panel = Panel(rows, "city", "year")
    for treated, advice in (("share", "I(share > 0."), ("first", "treated(first)")):
        with pytest.raises(InputTypeError) as caught:
            base_values(panel, treated, ("a", "b"), "first")
        statement = str(caught.value).split("panel.assign")[1]
        assert statement.startswith(f"(on='{advice}")
        if treated == "share":
            on = eval("panel.assign" + statement.rstrip("."), {"panel": panel})["on"]
            assert {*on} == {0, 1}


def test_means_are_over_the_periods_before_anybody_is_treated() -> None:
    actual = read("pre")
    expected = frame().query("year < 2003").groupby("city")[["a", "b"]].mean()
    assert actual.x == pytest.approx(expected.to_numpy(), rel=1e-14)


def test_terms_and_lags_are_evaluated_in_the_whole_panel() -> None:
    actual = read(2002, terms=("lag(a)", "log(b)"))
    made = frame().set_index(["city", "year"])
    assert actual.x[3] == pytest.approx(
        [made.loc[(3, 2001), "a"], np.log(made.loc[(3, 2002), "b"])]
    )
    assert np.isnan(actual.x[2]).all()  # no row in 2001
    assert actual.missing == {"lag(a)": 1}


def test_a_missing_value_is_counted_by_its_term() -> None:
    actual = read(2003, treated="group")
    assert actual.missing == {"b": 1}
    assert not actual.complete[1]


def test_a_column_that_is_constant_by_entity_has_no_first_period() -> None:
    assert read(2005, treated="group").complete.all()
    with pytest.raises(OptionError, match="not known"):
        read("pre", treated="group")


def test_a_cross_section_has_its_only_row() -> None:
    made = frame().groupby("city").first().reset_index()
    actual = base_values(Panel(made, "city"), "group", ("a",), "first")
    assert (actual.base, actual.periods) == ("the only row", {})
    for base in ("pre", 2001):
        with pytest.raises(PanelIndexError):
            base_values(Panel(made, "city"), "group", ("a",), base)


def test_dates_can_be_a_base() -> None:
    made = frame()
    made["year"] = pd.to_datetime(made["year"].astype(str))
    panel = Panel(made, "city", "year")
    for base in (pd.Timestamp("2001-01-01"), "2001-01-01"):
        assert base_values(panel, "policy", ("a",), base).complete.sum() == 7
    with pytest.raises(OptionError):
        base_values(panel, "policy", ("a",), "soon")


@pytest.mark.parametrize(
    "base", [2010, 2000.5, "middle", None, True, [2001], (2000, 2001), float("nan")]
)
def test_other_bases_are_refused(base) -> None:
    with pytest.raises(OptionError) as caught:
        read(base)
    assert caught.value.problems[0].data["option"] == "base"


@pytest.mark.parametrize(("base", "late"), [(2003, [0, 1, 2]), (2004, [0, 1, 2, 3])])
def test_a_base_in_which_treatment_has_begun_is_refused(base, late) -> None:
    with pytest.raises(IdentificationError) as caught:
        read(base)
    assert caught.value.problems[0].data == {"base": base, "entities": late}


def test_an_entity_treated_in_its_first_row_has_no_base() -> None:
    made = frame().query("city != 0 or year >= 2003")
    with pytest.raises(IdentificationError) as caught:
        base_values(Panel(made, "city", "year"), "policy", ("a",), "first")
    assert caught.value.problems[0].data["entities"] == [0]


@pytest.mark.parametrize(
    ("treated", "error"),
    [
        ("first", InputTypeError),
        ("a", InputTypeError),
        ("b", MissingDataError),
        ("city", TermError),
        ("year", TermError),
        ("nothing", ColumnError),
        ("name", InputTypeError),
        ("always", IdentificationError),
        ("never", IdentificationError),
    ],
)
def test_columns_that_say_not_who_is_treated_are_refused(treated, error) -> None:
    made = frame().assign(name="x", always=1, never=0)
    with pytest.raises(error):
        base_values(Panel(made, "city", "year"), treated, ("a",), "first")


# --- the propensity score -------------------------------------------------------------


REFERENCE = Path(__file__).resolve().parents[1] / "reference" / "matching.json"


def drawn(seed: int, n: int = 200) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    return x, rng.uniform(size=n) < 1 / (1 + np.exp(1 - x @ [1.0, -0.5, 0.0]))


def test_scores_solve_the_equations_of_the_logit() -> None:
    x, treated = drawn(1)
    scores, coefficients = propensity(x, treated, ["a", "b", "c"])
    design = np.column_stack([np.ones(len(x)), x])
    assert scores == pytest.approx(1 / (1 + np.exp(-design @ coefficients)), rel=1e-12)
    assert design.T @ (treated - scores) == pytest.approx(np.zeros(4), abs=1e-9)


def test_units_and_origin_of_columns_do_not_matter() -> None:
    x, treated = drawn(2)
    scores, coefficients = propensity(x, treated, ["a", "b", "c"])
    moved, others = propensity(
        x * [1e6, 1e-6, 1] + [0, 0, 1e4], treated, ["a", "b", "c"]
    )
    assert moved == pytest.approx(scores, rel=1e-7)
    assert others[1:] * [1e6, 1e-6, 1] == pytest.approx(coefficients[1:], rel=1e-6)


def birth_weights() -> tuple[pd.DataFrame, np.ndarray]:
    place = files("statsmodels.treatment.tests").joinpath("results/cataneo2.csv")
    frame = pd.read_csv(str(place))
    return frame, (frame["mbsmoke"] == "smoker").to_numpy()


def test_differences_of_matched_outcomes_are_those_of_stata() -> None:
    values = json.loads(REFERENCE.read_text(encoding="utf-8"))["cases"][0]["values"]
    frame, treated = birth_weights()
    age = frame["mage"].to_numpy(float)
    x = np.column_stack(
        [frame["mmarried_"], age, age**2, frame["fbaby_"], frame["medu"]]
    ).astype(float)
    scores, _ = propensity(x, treated, ["mmarried", "mage", "mage2", "fbaby", "medu"])

    y = frame["bweight"].to_numpy(float)
    differences = [
        *with_ties(scores, y, treated),
        *(-d for d in with_ties(scores, y, ~treated)),
    ]
    assert np.mean(differences) == pytest.approx(
        values["ate"]["value"], abs=values["ate"]["atol"]
    )
    atet = np.mean(differences[: treated.sum()])
    assert atet == pytest.approx(values["atet"]["value"], abs=values["atet"]["atol"])


def with_ties(scores, y, own) -> list[float]:
    """Compare each unit with all units of the other group at the smallest distance."""
    out = []
    for score, value in zip(scores[own], y[own], strict=True):
        distance = np.round(np.abs(scores[~own] - score), 12)
        out.append(value - y[~own][distance == distance.min()].mean())
    return out


@pytest.mark.peers
def test_five_neighbours_of_the_job_training_data_give_the_number_of_the_book() -> None:
    data = pytest.importorskip("causaldata")
    values = json.loads(REFERENCE.read_text(encoding="utf-8"))["cases"][1]["values"]
    trained, others = (
        getattr(data, name).load_pandas().data
        for name in ("nsw_mixtape", "cps_mixtape")
    )
    frame = pd.concat(
        [trained[trained["treat"] == 1], others[others["treat"] == 0]],
        ignore_index=True,
    )
    age, educ, re74, re75 = (
        frame[name].to_numpy(float) for name in ("age", "educ", "re74", "re75")
    )
    plain = [
        frame[name].to_numpy(float) for name in ("marr", "nodegree", "black", "hisp")
    ]
    x = [
        age,
        age**2,
        age**3,
        educ,
        educ**2,
        *plain,
        re74,
        re75,
        re74 == 0,
        re75 == 0,
        educ * re74,
    ]
    treated = (frame["treat"] == 1).to_numpy()
    scores, _ = propensity(
        np.column_stack(x).astype(float), treated, [str(j) for j in range(len(x))]
    )

    y, differences = frame["re78"].to_numpy(float), []
    for score, value in zip(scores[treated], y[treated], strict=True):
        distance = np.round(np.abs(scores[~treated] - score), 12)
        differences.append(value - y[~treated][distance <= np.sort(distance)[4]].mean())
    assert np.mean(differences) == pytest.approx(
        values["atet"]["value"], abs=values["atet"]["atol"]
    )


def test_a_constant_column_is_named() -> None:
    x, treated = drawn(3)
    x[:, 1] = 7.0
    with pytest.raises(IdentificationError) as caught:
        propensity(x, treated, ["a", "b", "c"])
    assert [(p.code, p.data["column"]) for p in caught.value.problems] == [
        ("constant", "b")
    ]


def test_a_combination_is_named() -> None:
    x, treated = drawn(4)
    x[:, 2] = x[:, 0] - 2 * x[:, 1] + 5
    with pytest.raises(CollinearityError) as caught:
        propensity(x, treated, ["a", "b", "c"])
    assert caught.value.problems[0].data["column"] == "c"


def test_too_few_entities_are_refused() -> None:
    x, _ = drawn(5, n=4)
    with pytest.raises(IdentificationError) as caught:
        propensity(x, np.array([True, False, True, False]), ["a", "b", "c"])
    assert caught.value.problems[0].code == "few_entities"


def test_the_column_that_separates_is_named() -> None:
    x, _ = drawn(6)
    with pytest.raises(IdentificationError) as caught:
        propensity(x, x[:, 1] > 0.3, ["a", "b", "c"])
    assert (caught.value.problems[0].code, caught.value.problems[0].data["terms"]) == (
        "separated",
        ("b",),
    )


def test_a_combination_that_separates_is_named_as_such() -> None:
    x, _ = drawn(7)
    with pytest.raises(IdentificationError) as caught:
        propensity(x, x[:, 0] - x[:, 1] > 0.3, ["a", "b", "c"])
    assert caught.value.problems[0].data["terms"] == ("a", "b", "c")


def test_columns_with_a_heavy_tail_give_no_overflow() -> None:
    tail = np.exp(20 * np.random.default_rng(0).normal(size=13))
    x = np.column_stack([np.arange(13) % 4, tail])
    scores, _ = propensity(x, np.isin(np.arange(13), [0, 2, 5, 11]), ["a", "b"])
    assert np.isfinite(scores).all()


# --- separation -----------------------------------------------------------------------


@pytest.mark.parametrize("gap", [1.0, 1e-3])
def test_complete_separation_is_found(gap) -> None:
    score = np.r_[np.linspace(-1, -gap, 20), np.linspace(gap, 1, 20)]
    rng = np.random.default_rng(1)
    x = np.column_stack([np.ones(40), score + rng.normal(size=40), rng.normal(size=40)])
    x[:, 2] = score - x[:, 1]
    assert is_separated(x, score > 0)
    assert not is_separated(x, rng.uniform(size=40) > 0.5)


def test_quasi_separation_is_found() -> None:
    x = np.column_stack([np.ones(30), np.arange(30) % 3 == 0]).astype(float)
    treated = (np.arange(30) % 3 == 0) & (np.arange(30) > 9)
    assert is_separated(x, treated)
    treated[1] = True
    assert not is_separated(x, treated)
