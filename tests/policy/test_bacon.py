"""The decomposition of a two-way fixed-effects slope."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper.errors import (
    DigiprosperError,
    IdentificationError,
    InputTypeError,
    OptionError,
)
from digiprosper.policy.bacon import compare_cohorts

REFERENCE = Path(__file__).parents[1] / "reference" / "staggered.json"
SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
CASES = {
    (c["case"], c["data"]): c
    for c in json.loads(REFERENCE.read_text(encoding="utf-8"))["cases"]
}
KINDS = ["treated vs never", "earlier vs later", "later vs earlier"]


def draw(
    seed: int = 1, first: tuple[float, ...] = (2, 4, 99), n: int = 30, periods: int = 7
) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "city": np.repeat(np.arange(n), periods),
            "year": np.tile(np.arange(periods), n),
        }
    )
    frame["on"] = (frame["year"] >= np.array(first)[frame["city"] % len(first)]).astype(
        float
    )
    frame["x"] = rng.normal(size=len(frame))
    frame["w"] = 1.0 + rng.random(len(frame))
    return frame.assign(y=frame["on"] * frame["year"] + rng.normal(size=len(frame)))


def parts_of(frame: pd.DataFrame, **options: Any) -> pd.DataFrame:
    return dp.bacon_decomposition(
        dp.FixedEffects("y", ["on"], **options), dp.Panel(frame, "city", "year")
    )


@pytest.mark.parametrize(
    "first", [(2, 4, 99), (0, 3, 5), (3, 99), (1, 2, 3, 4, 5), (0, 2)]
)
def test_the_weighted_sum_is_the_slope(first: tuple[float, ...]) -> None:
    frame = draw(len(first), first)
    parts = parts_of(frame.sample(frac=1, random_state=1))
    slope = (
        dp.FixedEffects("y", ["on"]).fit(dp.Panel(frame, "city", "year")).params["on"]
    )
    assert parts["weight"].sum() == pytest.approx(1, abs=1e-12)
    assert parts["weight"] @ parts["estimate"] == pytest.approx(slope, abs=1e-12)
    assert parts["weight"].is_monotonic_decreasing


def test_comparisons_and_their_cohorts() -> None:
    parts = parts_of(draw(2, (0, 2, 4, 99)))
    actual = {
        (row.comparison, row.treated, row.control)
        for row in parts.fillna(-1).itertuples()
    }
    assert actual == {
        ("treated vs never", 2, -1),
        ("treated vs never", 4, -1),
        ("treated vs always", 2, -1),
        ("treated vs always", 4, -1),
        ("earlier vs later", 2, 4),
        ("later vs earlier", 4, 2),
    }


def test_an_estimate_is_the_difference_in_differences_of_its_rows() -> None:
    frame = draw(3)
    parts = parts_of(frame).set_index("comparison")
    later = frame[(frame["city"] % 3 < 2) & (frame["year"] >= 2)]
    by_hand = dp.FixedEffects("y", ["on"]).fit(dp.Panel(later, "city", "year"))
    assert parts.loc["later vs earlier", "estimate"] == pytest.approx(
        by_hand.params["on"], abs=1e-12
    )


@pytest.mark.data("mpdta.csv")
def test_weights_and_estimates_on_mpdta() -> None:
    frame = pd.read_csv(SHARED / "mpdta.csv")
    on = (frame["first.treat"] > 0) & (frame["year"] >= frame["first.treat"])
    panel = dp.Panel(frame.assign(on=on.astype(float)), "countyreal", "year")
    parts = dp.bacon_decomposition(dp.FixedEffects("lemp", ["on"]), panel)
    known = CASES["bacon", "mpdta"]
    weight = parts.groupby("comparison")["weight"].sum()[KINDS]
    total = (
        (parts["weight"] * parts["estimate"]).groupby(parts["comparison"]).sum()[KINDS]
    )
    np.testing.assert_allclose(weight, known["weight"], rtol=0, atol=known["atol"])
    np.testing.assert_allclose(
        total / weight, known["estimate"], rtol=0, atol=known["atol"]
    )


# --- castle, from the package causaldata ----------------------------------------------


@pytest.fixture(scope="module")
def castle() -> pd.DataFrame:
    data = pytest.importorskip("causaldata").castle.load_pandas().data
    data = (
        data[["sid", "year", "l_homicide", "post", "popwt"]]
        .astype(float)
        .astype({"sid": int, "year": int})
    )
    full = data[data["post"] > 0].groupby("sid")["year"].min()
    return data.assign(
        full_year=data["sid"].map(full), effyear=data["sid"].map(full) - 1
    )


@pytest.mark.peers
def test_castle_weights(castle: pd.DataFrame) -> None:
    parts = dp.bacon_decomposition(
        dp.FixedEffects("l_homicide", ["post"]), dp.Panel(castle, "sid", "year")
    )
    known = CASES["bacon", "castle"]
    assert len(parts) == known["n"]
    never = parts.loc[parts["comparison"] == "treated vs never", "weight"].sum()
    assert never == pytest.approx(known["weight"][0], abs=known["atol"])


@pytest.mark.peers
def test_castle_two_way_regressions(castle: pd.DataFrame) -> None:
    panel = dp.Panel(castle, "sid", "year")
    for case, weights in (("two_way", None), ("two_way_weighted", "popwt")):
        known = CASES[case, "castle"]
        for ssc in ("reghdfe", "xtreg"):
            fit = dp.FixedEffects(
                "l_homicide", ["post"], ssc=ssc, obs_weights=weights
            ).fit(panel)
            np.testing.assert_allclose(
                fit.params, known["estimate"], rtol=0, atol=known["atol"]
            )
            np.testing.assert_allclose(
                fit.std_errors, known["std_error"], rtol=0, atol=known["atol"]
            )
    bare = (
        dp.FixedEffects("l_homicide", ["post"], ssc="none")
        .fit(panel)
        .std_errors["post"]
    )
    known = CASES["two_way_k2", "castle"]
    assert bare * np.sqrt(50 / 49 * 549 / 548) == pytest.approx(
        known["std_error"][0], abs=known["atol"]
    )


@pytest.mark.peers
@pytest.mark.parametrize(
    ("event", "case"),
    [("effyear", "simple_effyear"), ("full_year", "simple_full_year")],
)
def test_castle_effects_depend_on_the_coding_of_cohorts(
    castle: pd.DataFrame, event: str, case: str
) -> None:
    fit = dp.StaggeredDid("l_homicide", event, aggregate="simple").fit(
        dp.Panel(castle, "sid", "year")
    )
    known = CASES[case, "castle"]
    assert fit.params["att"] == pytest.approx(known["estimate"][0], abs=known["atol"])
    assert "small_cohorts" in [notice.code for notice in fit.diagnostics]


# --- failures -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda f: f.iloc[1:], "unbalanced"),
        (lambda f: f.assign(on=f["on"].where(f["year"] < 6, 0.0)), "switched_off"),
        (lambda f: f.assign(on=2 * f["on"]), "event_values"),
        (lambda f: f.assign(on=(f["year"] > 2) * 1.0), "no_comparison"),
        (lambda f: f.assign(on=(f["city"] > 2) * 1.0), "no_comparison"),
    ],
    ids=["unbalanced", "switched off", "0 and 2", "all at once", "never or always"],
)
def test_data_that_cannot_be_decomposed(change: Any, code: str) -> None:
    with pytest.raises(IdentificationError) as caught:
        parts_of(change(draw()))
    assert caught.value.problems[0].code == code
    assert ("panel.dropna([...]).balance()" in str(caught.value)) == (
        code == "unbalanced"
    )


@pytest.mark.parametrize(
    ("spec", "error"),
    [
        (dp.FixedEffects("y", ["on", "x"]), OptionError),
        (dp.FixedEffects("y", ["on"], time_effects=False), OptionError),
        (dp.FixedEffects("y", ["on"], obs_weights="w"), OptionError),
        (dp.FixedEffects("y", ["on"], absorb=["w"]), OptionError),
        (dp.EventStudy("y", "on"), InputTypeError),
        ("y ~ on", InputTypeError),
        (dp.FixedEffects("y", ["of"]), DigiprosperError),
    ],
    ids=[
        "controls",
        "one effect",
        "weights",
        "absorb",
        "event study",
        "formula",
        "no such column",
    ],
)
def test_specifications_that_cannot_be_decomposed(
    spec: Any, error: type[DigiprosperError]
) -> None:
    with pytest.raises(error):
        dp.bacon_decomposition(spec, dp.Panel(draw(), "city", "year"))


def test_years_stay_whole_beside_missing_ones() -> None:
    df = pd.DataFrame(
        {
            "city": np.repeat(np.arange(12), 6),
            "year": np.tile(np.arange(2010, 2016), 12),
        }
    )
    first = (df["city"] % 3).map({0: 2012, 1: 2014, 2: 9999})
    df["on"] = (df["year"] >= first).astype(float)
    df["y"] = df["on"] * (df["year"] - first) + df["city"]
    for without in ([], [1], [2]):
        panel = dp.Panel(df[~(df["city"] % 3).isin(without)], "city", "year")
        parts = dp.bacon_decomposition(dp.FixedEffects("y", ["on"]), panel)
        assert (parts[["treated", "control"]].dtypes == "Int64").all()
        never = parts["comparison"] == "treated vs never"
        assert (parts["control"].isna() == never).all()


# --- comparisons of cohorts against the regression that they decompose ----------------


@pytest.mark.parametrize(
    "first", [[2, 4, 8], [0, 3, 5, 8], [1, 2], [0, 3], [1, 3, 5, 7]]
)
def test_weights_sum_to_one_and_the_weighted_sum_is_the_slope(first: list[int]) -> None:
    rng = np.random.default_rng(len(first))
    sizes = rng.integers(1, 6, size=len(first))
    of_entity = np.repeat(np.arange(len(first)), sizes)
    y = rng.normal(size=(of_entity.size, 8))
    on = (np.arange(8) >= np.array(first)[of_entity][:, None]).astype(float)
    demeaned = on - on.mean(axis=1, keepdims=True) - on.mean(axis=0) + on.mean()
    slope = (demeaned * y).sum() / (demeaned * on).sum()

    means = np.array([y[of_entity == g].mean(axis=0) for g in range(len(first))])
    pairs, weights, estimates = compare_cohorts(
        means, np.array(first), sizes / sizes.sum()
    )
    assert weights.sum() == pytest.approx(1, abs=1e-14)
    assert (weights > 0).all()
    assert weights @ estimates == pytest.approx(slope, abs=1e-12)
    becomes = [g for g in range(len(first)) if 0 < first[g] < 8]
    assert len(pairs) == len(becomes) * (len(first) - 1)


def test_a_chinese_table_has_no_english_comparison() -> None:
    """Cities that are always treated are controls, too."""
    parts = parts_of(draw(first=(0, 2, 4, 99), n=40))
    assert set(parts["comparison"]) == {*KINDS, "treated vs always"}
    text = str(dp.etable(parts, style=dp.TableStyle("zh")))
    assert "处理组与始终处理组" in text
    assert " vs " not in text
