from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest

from digiprosper import (
    ColumnError,
    CompositeIndex,
    FixedEffects,
    FixedEffectsIV,
    IndicatorSystem,
    InputTypeError,
    OptionError,
)
from digiprosper.datasets import (
    beside_truth,
    simulate,
    simulate_provinces,
    us_states,
)

CONTROLS = ["urban", "fiscal", "openness"]


@pytest.fixture(scope="module")
def made():
    return simulate_provinces()


def slopes(frame, outcome, design):
    """Least squares with a dummy for every province and year."""
    dummies = [
        pd.get_dummies(frame.index.get_level_values(k)).to_numpy(float) for k in (0, 1)
    ]
    x = np.column_stack([design, frame[CONTROLS], *dummies])
    beta, *_ = np.linalg.lstsq(x, outcome, rcond=None)
    # Nothing is left: the error is all there is
    np.testing.assert_allclose(x @ beta, outcome, atol=1e-10)
    return beta


@pytest.mark.parametrize(
    "options",
    [{}, {"rng": 3}, {"n": 9, "periods": 5, "rng": 1}, {"n": 40, "periods": 6}],
)
def test_outcome_minus_error_obeys_its_equation_exactly(options):
    panel, truth = simulate_provinces(**options)
    frame, errors = panel.frame, truth.errors
    assert errors.index.equals(frame.index)
    x = frame[["digital"]].to_numpy()
    low = (frame["urban"] <= truth.threshold).to_numpy()[:, None]
    equations = {channel: (x, [a]) for channel, a in truth.a.items()}
    equations["prosperity"] = (
        np.hstack([x, frame[list(truth.b)]]),
        [truth.direct, *truth.b.values()],
    )
    equations["rural_income"] = (np.hstack([x * low, x * ~low]), truth.regime_slopes)
    equations["urban_rural_theil"] = (np.hstack([x, x**2]), truth.curve)
    for outcome, terms in truth.coefficients.items():
        columns = [frame[t.split(":")].prod(axis=1).to_numpy() for t in terms]
        equations[outcome] = (np.column_stack(columns), list(terms.values()))
    assert set(equations) == set(errors.columns) == set(truth.controls)
    for outcome, (design, planted) in equations.items():
        beta = slopes(frame, frame[outcome] - errors[outcome], design)
        planted = [*planted, *truth.controls[outcome].values()]
        np.testing.assert_allclose(beta[: len(planted)], planted, rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("which", ["digital", "prosperity"])
def test_the_index_of_the_indicators_is_the_column(made, which):
    panel, truth = made
    system = IndicatorSystem.from_dict(truth.systems[which])
    index = CompositeIndex(system).fit(panel)
    np.testing.assert_allclose(index.scores, panel.frame[which], atol=1e-13)
    np.testing.assert_allclose(
        index.weights["weight"], pd.Series(truth.weights[which]), rtol=1e-12
    )
    assert index.diagnostics == ()
    table = truth.indicators(which)
    by_table = IndicatorSystem.from_frame(table)
    assert by_table.names == system.names
    assert by_table.dimensions == system.dimensions
    assert all(i.unit for i in by_table)


def test_the_same_seed_makes_the_same_panel(made):
    panel, truth = made
    np.random.seed(99)  # noqa: NPY002
    again, truth_again = simulate_provinces(rng=0)
    pd.testing.assert_frame_equal(panel.frame, again.frame, check_exact=True)
    pd.testing.assert_frame_equal(truth.errors, truth_again.errors, check_exact=True)
    assert truth.effects == truth_again.effects
    other, _ = simulate_provinces(rng=1)
    assert not np.allclose(panel.frame["digital"], other.frame["digital"])
    first, _ = simulate_provinces(rng=np.random.default_rng(5))
    second, _ = simulate_provinces(rng=np.random.default_rng(5))
    pd.testing.assert_frame_equal(first.frame, second.frame, check_exact=True)


def test_noise_that_wanders_has_its_variance_in_every_period():
    noise = simulate._Draw(np.random.default_rng(1), 20_000, 6).wander(2.0, 0.6)
    np.testing.assert_allclose(noise.std(axis=0), 2.0, rtol=0.02)
    np.testing.assert_allclose(np.corrcoef(noise.T)[0, 1:3], [0.6, 0.36], atol=0.02)


def test_shape_keys_and_labels(made):
    panel, _ = made
    assert (panel.n_entities, panel.n_times, panel.nobs) == (31, 12, 372)
    assert panel.is_balanced
    assert (panel.entity_name, panel.time_name) == ("province", "year")
    assert list(panel.times) == list(range(2011, 2023))
    assert panel.frame["province_zh"].loc[("shaanxi", 2015)] == "陕西"
    assert panel.frame["region"].groupby(level=0).first().value_counts().to_dict() == {
        "west": 12,
        "east": 11,
        "central": 8,
    }
    assert set(panel.labels) == set(panel.frame.columns)
    assert all(
        any("\u4e00" <= c <= "\u9fff" for c in text) for text in panel.labels.values()
    )
    assert panel.labels["digital"] == "数字经济指数"
    small, _ = simulate_provinces(6, 4)
    assert small.nobs == 24
    large, _ = simulate_provinces(33, 4)
    assert large.frame.loc[("region_33", 2011), "province_zh"] == "地区33"


@pytest.mark.parametrize("seed", range(5))
def test_numbers_are_believable(seed):
    panel, truth = simulate_provinces(rng=seed)
    frame = panel.frame
    assert frame["urban"].between(15, 95).all()
    assert frame["urban_rural_theil"].between(0, 0.4).all()
    assert frame["openness"].between(0.5, 250).all()
    assert frame[["entrepreneurship", "upgrading", "productivity"]].gt(0).all(axis=None)
    assert 0.2 <= (frame["urban"] <= truth.threshold).mean() <= 0.8
    assert truth.threshold in set(frame["urban"])
    assert 0.05 < (frame["digital"] > truth.turning_point).mean() < 0.6
    assert frame["digital"].groupby("year").mean().is_monotonic_increasing


def test_the_truth_adds_up(made):
    _, truth = made
    assert truth.total == pytest.approx(
        truth.direct + sum(truth.a[m] * truth.b[m] for m in truth.a)
    )
    assert truth.effects["indirect"] == pytest.approx(sum(truth.indirect.values()))
    assert list(truth.effects)[:3] == ["total", "direct", "indirect"]
    assert f"urban <= {truth.threshold:.2f}" in truth.equations
    assert pickle.loads(pickle.dumps(truth)).effects == truth.effects


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"n": 2}, OptionError, ["n=2", "from 5 to"]),
        ({"periods": 3}, OptionError, ["periods=3", "from 4 to"]),
        ({"n": 31.0}, OptionError, ["n=31.0", "integer"]),
        ({"n": True}, OptionError, ["n=True"]),
        ({"rng": "seed"}, InputTypeError, ["rng='seed'"]),
    ],
)
def test_what_is_wrong_is_said(options, error, words):
    with pytest.raises(error) as caught:
        simulate_provinces(**options)
    assert all(w in str(caught.value) for w in words)


def test_an_unknown_system_is_refused(made):
    with pytest.raises(OptionError, match="'digital', 'prosperity'"):
        made[1].indicators("green")


def test_gaps_are_inside_and_change_no_other_value(made):
    panel, truth = made
    gappy, again = simulate_provinces(gaps=0.05)
    missing = gappy.frame.isna()
    with_gaps = {*truth.weights["digital"], *truth.weights["prosperity"], *CONTROLS}
    assert set(missing.columns[missing.any()]) == with_gaps
    assert not missing.loc[(slice(None), [2011, 2022]), :].any(axis=None)
    assert missing[list(with_gaps)].mean(axis=None) == pytest.approx(
        0.05 * 10 / 12, rel=0.1
    )
    pd.testing.assert_frame_equal(
        gappy.frame.fillna(panel.frame), panel.frame, check_exact=True
    )
    assert again.effects == truth.effects
    assert not gappy.interpolate([*with_gaps]).frame.isna().any(axis=None)


@pytest.mark.parametrize("gaps", [-0.1, 0.5, True, "few", float("nan"), None])
def test_gaps_that_are_no_probability_are_refused(gaps):
    with pytest.raises(OptionError, match="gaps="):
        simulate_provinces(gaps=gaps)


def test_the_instrument_is_strong_and_recovers_the_effect(made):
    panel, truth = made
    frame = panel.frame
    assert frame.groupby("province")["post_offices_1984"].nunique().eq(1).all()
    assert frame.groupby("year")["national_users"].nunique().eq(1).all()
    iv = FixedEffectsIV(
        "prosperity",
        CONTROLS,
        endog=["digital"],
        instruments=["post_offices_1984:lag(national_users)"],
    ).fit(panel)
    assert iv.iv_tests["kp_rk_f"] > 20
    low, high = iv.conf_int().loc["digital"]
    assert low < truth.total < high


def test_labels_in_both_languages(made):
    panel, truth = made
    assert set(truth.labels["en"]) == set(truth.labels["zh"])
    assert {**truth.labels["zh"]}.items() >= panel.labels.items()
    assert all(
        text.isprintable() and not set(text) & set("（）")
        for text in truth.labels["en"].values()
    )


# --- estimates beside the truth -------------------------------------------------------


@pytest.fixture(scope="module")
def fit():
    return FixedEffects("log(gsp)", ["log(pc)", "unemp"]).fit(us_states())


def test_rows_of_results_are_those_of_their_tidy_frame(fit):
    table = beside_truth(
        {"capital": (0.7, fit, "log(pc)"), "jobs": (9, fit, "unemp")}, level=0.9
    )
    assert table.columns.tolist() == [
        "truth",
        "estimate",
        "std_error",
        "conf_low",
        "conf_high",
        "inside",
    ]
    assert table.index.tolist() == ["capital", "jobs"]
    tidy = fit.tidy(0.9).set_index("term").loc[["log(pc)", "unemp"]]
    shared = ["estimate", "std_error", "conf_low", "conf_high"]
    np.testing.assert_array_equal(table[shared], tidy[shared])
    assert table["truth"].tolist() == [0.7, 9.0]
    assert table["inside"].tolist() == [
        bool(tidy.iloc[0]["conf_low"] <= 0.7 <= tidy.iloc[0]["conf_high"]),
        False,
    ]


def test_a_frame_with_terms_takes_the_place_of_results(fit):
    by_frame = beside_truth({"capital": (0.7, fit.tidy(0.9), "log(pc)")}, level=0.99)
    pd.testing.assert_frame_equal(
        by_frame, beside_truth({"capital": (0.7, fit, "log(pc)")}, level=0.9)
    )


@pytest.mark.parametrize(
    ("pieces", "truth", "inside"),
    [
        ([(1.0, 2.0)], 1.5, True),
        ([(1.0, 2.0), (3.0, 4.0)], 2.5, False),
        ([(1.0, 2.0), (3.0, 4.0)], 4, True),
        ([(-np.inf, 2.0)], -9, True),
        ([], 1, False),
    ],
)
def test_a_set_covers_the_truth_piece_by_piece(pieces, truth, inside):
    row = beside_truth({"point": (truth, 1.4, pieces)}).loc["point"]
    assert (row["truth"], row["estimate"], row["inside"]) == (truth, 1.4, inside)
    assert pd.isna(row["std_error"])
    if pieces:
        assert (row["conf_low"], row["conf_high"]) == (min(pieces)[0], max(pieces)[1])


@pytest.mark.parametrize(
    "rows",
    [
        None,
        {},
        [("a", 1)],
        {"a": 1},
        {"a": "abc"},
        {"a": (1, 2)},
        {"a": (1, 2, "log(pc)")},
        {"a": ("one", 1, [(0, 1)])},
        {"a": (1, 1, [(0, 1, 2)])},
        {"a": (1, 1, None)},
    ],
)
@pytest.mark.many(10)
def test_what_is_no_row_is_refused(rows):
    with pytest.raises(InputTypeError, match="beside_truth"):
        beside_truth(rows)


def test_an_unknown_term_or_level_is_refused(fit):
    with pytest.raises(ColumnError, match=r"'pc' not; .*'unemp'"):
        beside_truth({"capital": (1, fit, "pc")})
    with pytest.raises(ColumnError, match="twice"):
        beside_truth({"capital": (1, pd.concat([fit.tidy()] * 2), "unemp")})
    with pytest.raises(ColumnError, match="'term'"):
        beside_truth({"capital": (1, fit.tidy().drop(columns="term"), "unemp")})
    with pytest.raises(InputTypeError):
        beside_truth({"capital": ("x", fit, "unemp")})
    with pytest.raises(OptionError):
        beside_truth({"capital": (1, fit, "unemp")}, level=95)
