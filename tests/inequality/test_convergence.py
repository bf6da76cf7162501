"""Spread over time, moves between classes, and growth on the initial level."""

from __future__ import annotations

import json
import pickle
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from digiprosper import (
    CompositeIndex,
    FixedEffects,
    IndicatorSystem,
    LinearResults,
    Panel,
    coefficient_of_variation,
    datasets,
    etable,
    markov_transitions,
    sigma_convergence,
)
from digiprosper.errors import (
    CollinearityError,
    ColumnError,
    IdentificationError,
    IdentificationWarning,
    IndicatorWarning,
    InputTypeError,
    MissingDataError,
    MissingDataWarning,
    OptionError,
    PanelIndexError,
    TermError,
)
from digiprosper.inequality import convergence
from digiprosper.inequality.convergence import ConvergenceResults, beta_convergence
from digiprosper.report.protocol import Results
from digiprosper.report.text import last_lines

OUTSIDE = json.loads(
    (Path(__file__).parents[1] / "reference" / "inequality.json").read_text(
        encoding="utf-8"
    )
)


def long(values, ids="abcdefghij", start=2010):
    """One row of `values` an entity, one column a year."""
    table = pd.DataFrame(
        values,
        index=list(ids)[: len(values)],
        columns=range(start, start + len(values[0])),
    )
    frame = (
        table.rename_axis("id")
        .reset_index()
        .melt("id", var_name="year", value_name="y")
    )
    return Panel(frame.astype({"year": int}), "id", "year")


# --- sigma ----------------------------------------------------------------------------


def test_sigma_by_hand():
    rng = np.random.default_rng(1)
    values = rng.lognormal(size=(8, 4))
    actual = sigma_convergence(long(values), "y")
    assert actual.index.tolist() == [2010, 2011, 2012, 2013]
    assert actual.columns.tolist() == ["cv", "sd_log"]
    np.testing.assert_allclose(
        actual["cv"], values.std(axis=0) / values.mean(axis=0), rtol=1e-13
    )
    np.testing.assert_allclose(
        actual["sd_log"], np.log(values).std(axis=0, ddof=1), rtol=1e-13
    )
    assert actual["cv"].iloc[2] == pytest.approx(
        coefficient_of_variation(values[:, 2]), rel=1e-13
    )


def test_sigma_of_a_term_and_of_other_units():
    panel = datasets.us_states()
    actual = sigma_convergence(panel, "I(gsp / emp)")
    again = sigma_convergence(
        panel.assign(per=lambda f: 1000 * f["gsp"] / f["emp"]), "per"
    )
    pd.testing.assert_frame_equal(actual, again)
    assert actual.index.name == "year"


def test_sigma_on_a_panel_with_holes_warns_and_uses_what_is_there():
    values = np.array([[1.0, 2, 3], [2, np.nan, 5], [4, 7, 8]])
    panel = long(values)
    with pytest.warns(
        MissingDataWarning, match="1 of 3 entities are not observed in every period"
    ):
        actual = sigma_convergence(panel, "y")
    pair = values[[0, 2], 1]
    assert actual.loc[2011, "cv"] == pytest.approx(pair.std() / pair.mean())
    with pytest.warns(MissingDataWarning):
        gone = sigma_convergence(panel.subset("id != 'b' or year != 2011"), "y")
    pd.testing.assert_frame_equal(actual, gone)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sigma_convergence(panel.subset("y == y").balance(), "y")


def test_sigma_of_one_entity_and_of_a_period_without_values():
    with pytest.warns(MissingDataWarning):
        actual = sigma_convergence(
            long([[1.0, 2.0, np.nan], [np.nan, 3.0, np.nan]]), "y"
        )
    assert actual.index.tolist() == [2010, 2011]
    assert np.isnan(actual.loc[2010, "sd_log"])
    assert actual.loc[2010, "cv"] == 0.0


def test_sigma_refusals():
    panel = long([[1.0, 2], [0, -3]])
    with pytest.raises(
        IdentificationError,
        match=r"'y' is zero or negative in 2 rows \(first: \(b, 2010\)",
    ):
        sigma_convergence(panel, "y")
    with pytest.raises(ColumnError, match="income"):
        sigma_convergence(panel, "income")
    with pytest.raises(InputTypeError, match="DataFrame"):
        sigma_convergence(panel.frame, "y")
    with pytest.raises(InputTypeError, match="list"):
        sigma_convergence(panel, ["y"])
    with pytest.raises(TermError, match="categorical"):
        sigma_convergence(panel, "C(id)")
    with pytest.raises(InputTypeError, match="not numeric"):
        sigma_convergence(panel, "id")
    with pytest.raises(MissingDataError, match="every row"):
        sigma_convergence(panel.assign(y=np.nan), "y")
    with pytest.raises(PanelIndexError, match="time key"):
        sigma_convergence(Panel(pd.DataFrame({"id": [1, 2], "y": [1.0, 2]}), "id"), "y")


# --- Markov chains --------------------------------------------------------------------


@pytest.mark.parametrize("case", ["irreducible", "absorbing"])
def test_markov_outside_numbers(case):
    small = OUTSIDE["markov_small"]
    numbers = [
        [{"a": 1.0, "b": 2.0, "c": 3.0}[c] for c in path]
        for path in small[case]["paths"]
    ]
    actual = markov_transitions(long(numbers), "y", cuts=[1.5, 2.5])
    np.testing.assert_array_equal(actual.counts, small[case]["counts"])
    np.testing.assert_allclose(
        actual.ergodic, small[case]["ergodic"], atol=small["tolerance"]
    )
    np.testing.assert_allclose(actual.probabilities.sum(axis=1), 1.0, atol=1e-15)
    assert actual.n == np.sum(small[case]["counts"])


def test_markov_by_hand():
    # Pooled terciles of 1..9 are 3.67 and 6.33: classes 1 2 3, 1 1 3, 2 3 2
    panel = long([[1.0, 4, 9], [2, 3, 8], [5, 7, 6]])
    actual = markov_transitions(panel, "y", classes=3)
    np.testing.assert_array_equal(actual.counts, [[1, 1, 1], [0, 0, 2], [0, 1, 0]])
    np.testing.assert_allclose(
        actual.cuts.to_numpy(), np.quantile(np.arange(1, 10), [1 / 3, 2 / 3])[None, :]
    )
    assert actual.counts.index.tolist() == [1, 2, 3]
    yearly = markov_transitions(panel, "y", classes=3, cuts="per_year")
    # Ranks by year: 1 2 3, 2 1 2, 3 3 1
    np.testing.assert_array_equal(yearly.counts, [[0, 2, 0], [1, 0, 1], [1, 0, 1]])
    assert yearly.cuts.index.tolist() == [2010, 2011, 2012]


def test_a_value_at_a_cut_is_in_the_lower_class():
    actual = markov_transitions(long([[2.0, 2.5], [2.5, 2.0]]), "y", cuts=[2.0])
    np.testing.assert_array_equal(actual.counts, [[0, 1], [1, 0]])


def test_four_classes_by_default():
    moves = markov_transitions(datasets.us_states(), "unemp")
    assert moves.counts.shape == (4, 4)
    assert moves.cuts.shape == (1, 3)
    assert not moves.diagnostics


def test_growth_moves_everybody_up_under_pooled_cuts_only():
    panel, column = datasets.us_states(), "I(gsp / emp * exp(year - 1970))"
    with pytest.warns(IdentificationWarning, match="extrapolates a trend"):
        moves = markov_transitions(panel, column)
    (notice,) = [n for n in moves.diagnostics if n.code == "common_trend"]
    up = int(np.triu(moves.counts, 1).sum())
    assert notice.data == {"column": column, "up": up, "down": 0}
    assert np.tril(moves.counts, -1).sum() == 0
    ranks = markov_transitions(panel, column, cuts="per_year")
    assert np.tril(ranks.counts, -1).sum() > 0
    assert not ranks.diagnostics


def index_panel(rate: float) -> Panel:
    """An index of two indicators whose gaps close at a rate while both rise."""
    rng = np.random.default_rng(4)
    i, t = np.indices((30, 12)).reshape(2, -1)
    gaps = rng.normal(size=(2, 30))[:, i] * (1 - rate) ** t
    x, z = gaps + t / 4 + rng.normal(scale=0.02, size=(2, i.size)).cumsum(axis=1) / 9
    data = Panel(pd.DataFrame({"i": i, "year": t, "x": x, "z": z}), "i", "year")
    system = IndicatorSystem.from_dict({"d": {"x": "+", "z": "+"}})
    scores = CompositeIndex(system, name="index").fit(data).scores
    # The lowest score is zero, which has no logarithm.
    return data.attach(scores + 0.02).assign(copy="I(index + 0)")


def test_an_index_that_only_leaves_its_zero_does_not_converge():
    apart, together = map(index_panel, (-0.03, 0.1))
    with pytest.warns(IndicatorWarning, match="Without logs the slope"):
        fit = beta_convergence(apart, "index", time_effects=True)
    with pytest.warns(IndicatorWarning, match="whose zero is a choice") as caught:
        spread = sigma_convergence(apart, "index")
    (notice,) = [n for n in fit.diagnostics if n.code == "zero_of_index"]
    data = apart.assign(change="I(lead(index) - index)")
    level = FixedEffects("change", ["index"], entity_effects=False, missing="drop")
    level = level.fit(data.subset("change == change"))
    assert fit.pvalues["log_initial"] < 0.05
    assert notice.data == {
        "column": "index",
        "slope": pytest.approx(level.params["index"]),
        "p_value": pytest.approx(level.pvalues["index"]),
    }
    assert "whose zero is a choice" in " ".join(str(etable(fit)).split())
    deviations = apart["index"].groupby("year").std(ddof=0)
    first, last = (f"{deviations[year]:.3g}" for year in (0, 11))
    assert f"goes from {first} to {last}" in str(caught[0].message)
    assert spread["cv"].iloc[-1] < spread["cv"].iloc[0]
    for data, column in ((together, "index"), (apart, "copy")):
        fit = beta_convergence(data, column, time_effects=True)
        assert "zero_of_index" not in {n.code for n in fit.diagnostics}
        sigma_convergence(data, column)


@pytest.mark.parametrize(
    ("growth", "ratio"),
    [("I(g * 100)", 100), ("I(g * 4)", 4), ("g", None), ("I(exp(g) - 1)", None)],
)
@pytest.mark.parametrize("by_interval", [True, False])
def test_growth_that_is_no_change_a_year_is_told(growth, ratio, by_interval):
    steps = 1 if by_interval else 4
    change = f"I((lead(log(income), {steps}) - log(income)) / 4)"
    data = panel().assign(g=change).subset("g == g")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit = beta_convergence(data, "income", growth=growth, years=4)
    told = [n.data for n in fit.diagnostics if n.code == "growth_unit"]
    assert all("check years=4, the length" in str(w.message) for w in caught)
    assert [w.message.code for w in caught] == ["growth_unit"] * len(told)
    assert [data["ratio"] for data in told] == ([pytest.approx(ratio)] if ratio else [])


@pytest.mark.parametrize(("rate", "years"), [(0.9, 1), (0.07, 1), (0.07, 3)])
def test_fast_and_steady_growth_per_year_is_not_told(rate, years):
    rng = np.random.default_rng(2)
    logs = rng.normal(size=(30, 1)) + rate * np.arange(12)
    data = long(np.exp(logs + rng.normal(0, 1e-4, logs.shape)), range(30))
    data = data.assign(g=lambda f: rng.normal(rate, 2e-4, len(f)) + 0 * f["y"])
    fit = beta_convergence(data, "y", growth="g", years=years)
    assert "growth_unit" not in {n.code for n in fit.diagnostics}


def test_growth_of_a_cross_section_is_told_where_it_is_too_fast():
    frame = pd.DataFrame({"i": range(20), "y": np.linspace(1, 9, 20)})
    frame["total"] = 1.2 - frame["y"] / 40 + np.sin(frame["y"]) / 9
    for growth, told in (("total", True), ("I(total / 16)", False)):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            beta_convergence(
                Panel(frame, "i"), "y", growth=growth, years=16, cov_type="robust"
            )
        assert ("growth_unit" in [w.message.code for w in caught]) == told


def test_gaps_make_no_move_and_steps_are_the_panels():
    rows = pd.DataFrame(
        {
            "id": list("aaabbb"),
            "year": [2010, 2011, 2013] * 2,
            "y": [1.0, 2, 1, 2, 1, 2],
        }
    )
    actual = markov_transitions(Panel(rows, "id", "year"), "y", cuts=[1.5])
    np.testing.assert_array_equal(actual.counts, [[0, 1], [1, 0]])
    missing = rows.assign(y=[1.0, 2, 1, 2, np.nan, 2])
    with pytest.raises(IdentificationError, match=r"starts in class 2 of 2"):
        markov_transitions(Panel(missing, "id", "year"), "y", cuts=[1.5])
    five = rows.assign(year=[2000, 2005, 2010] * 2)
    assert markov_transitions(Panel(five, "id", "year", step=5), "y", cuts=[1.5]).n == 4
    with pytest.raises(IdentificationError, match="two consecutive periods"):
        markov_transitions(Panel(five, "id", "year"), "y", cuts=[1.5])


def test_an_ergodic_distribution_that_hangs_on_the_start():
    actual = markov_transitions(
        long([[1.0, 1, 1], [2, 1, 1], [2, 3, 3]]), "y", cuts=[1.5, 2.5]
    )
    assert actual.ergodic.isna().all()
    (notice,) = actual.diagnostics
    assert (notice.code, notice.data) == ("reducible", {"closed": 2})
    assert notice.message.startswith("2 sets of classes are absorbing")
    assert "2 sets of classes" in actual.summary()


def test_row_order_and_units_do_not_matter():
    panel = datasets.us_states()
    actual = markov_transitions(panel, "gsp", cuts="per_year")
    turned = Panel(
        panel.frame.reset_index().sample(frac=1, random_state=2), "state", "year"
    )
    again = markov_transitions(turned.assign(gsp="I(gsp / 7)"), "gsp", cuts="per_year")
    pd.testing.assert_frame_equal(actual.counts, again.counts)


def test_the_result_is_plain():
    actual = markov_transitions(datasets.us_states(), "I(gsp / emp)", cuts="per_year")
    back = pickle.loads(pickle.dumps(actual))
    pd.testing.assert_frame_equal(back.probabilities, actual.probabilities)
    pd.testing.assert_series_equal(back.ergodic, actual.ergodic)
    data = json.loads(json.dumps(actual.to_dict()))
    assert data["n"] == 768
    assert np.shape(data["cuts"]) == (17, 3)
    assert repr(actual) == actual.summary()
    text = actual.summary().splitlines()
    assert actual.conventions == (
        "768 transitions between consecutive periods; 4 classes, cut at quantiles "
        "of each period"
    )
    assert max(map(len, text)) <= 80


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"cuts": "yearly"}, "cuts='yearly'"),
        ({"cuts": 3}, "cuts=3"),
        ({"cuts": []}, "cuts"),
        ({"cuts": [2.0, 1.0]}, "ascending order"),
        ({"cuts": [1.0, np.nan]}, "finite"),
        ({"cuts": ["a"]}, "finite"),
        ({"cuts": [1.0], "classes": 3}, "omit classes"),
        ({"classes": 1}, "classes=1"),
        ({"classes": 10**30}, "fewer than classes"),
        ({"classes": 2.0}, "classes=2.0"),
        ({"classes": True}, "classes=True"),
    ],
)
def test_options_out_of_range(options, words):
    with pytest.raises(OptionError, match=words):
        markov_transitions(datasets.us_states(), "gsp", **options)


def test_cuts_that_coincide():
    values = [[1.0, 1, 1, 2]] * 3
    with pytest.raises(IdentificationError, match="equal cuts: too many equal values"):
        markov_transitions(long(values), "y", classes=3)
    with pytest.raises(IdentificationError, match="equal cuts in 2010"):
        markov_transitions(long(values), "y", classes=3, cuts="per_year")


def test_two_classes_are_the_fewest():
    frame = pd.DataFrame(
        {"i": np.repeat(np.arange(6), 3), "t": np.tile(np.arange(3), 6)}
    )
    moved = markov_transitions(
        Panel(frame.assign(y=np.random.default_rng(0).normal(size=18)), "i", "t"),
        "y",
        classes=2,
    )
    assert moved.probabilities.shape == (2, 2)


# --- growth regressions on the initial level ------------------------------------------


def growing(b=-0.05, n=60, periods=20, effect=0.0, seed=1, noise=0.02):
    """ln y_{t+1} = (1 + b) ln y_t + .02 x + effect + noise, from the long run."""
    rng = np.random.default_rng(seed)
    own = effect * rng.normal(size=n)
    x = rng.normal(size=(n, periods))
    log = np.empty((n, periods))
    spread = noise / np.sqrt(1 - (1 + b) ** 2) if -2 < b < 0 else 1.0
    log[:, 0] = 5 - own / b + rng.normal(size=n) * max(spread, 0.3 * (effect == 0))
    for t in range(1, periods):
        drift = -b * 5 + own + 0.02 * x[:, t - 1]
        log[:, t] = (1 + b) * log[:, t - 1] + drift + noise * rng.normal(size=n)
    frame = pd.DataFrame(
        {"id": np.repeat(np.arange(n), periods), "year": np.tile(np.arange(periods), n)}
    )
    return frame.assign(
        income=np.exp(log.ravel()),
        x=x.ravel(),
        group=np.repeat(np.arange(n) % 12, periods),
    )


def panel(**options):
    return Panel(growing(**options), "id", "year")


def test_least_squares_written_out():
    data = panel(n=12, periods=8)
    frame = data.frame.reset_index()
    pairs = frame.merge(
        frame.assign(year=frame["year"] - 1), on=["id", "year"], suffixes=("", "_next")
    )
    growth = np.log(pairs["income_next"] / pairs["income"])
    design = [np.log(pairs["income"]), pairs["x"]]
    years = pd.get_dummies(pairs["year"]).to_numpy(dtype=float)
    entities = pd.get_dummies(pairs["id"]).to_numpy(dtype=float)
    for effects, dummies in (
        ({}, np.ones((len(pairs), 1))),
        ({"time_effects": True}, years),
        ({"entity_effects": True}, entities),
        ({"entity_effects": True, "time_effects": True}, np.hstack([entities, years])),
    ):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", IdentificationWarning)
            warnings.simplefilter("ignore")
            fit = beta_convergence(data, "income", x=["x"], **effects)
        by_hand = np.linalg.lstsq(
            np.column_stack([*design, dummies]), growth, rcond=None
        )[0]
        np.testing.assert_allclose(fit.params.iloc[:2], by_hand[:2], atol=1e-9)
        assert fit.nobs == len(pairs) == 12 * 7


def test_it_is_fixed_effects_on_growth():
    data = panel()
    after = data.assign(
        growth="I(lead(log(income)) - log(income))", start="log(income)"
    )
    spec = FixedEffects("growth", ["start", "x"], entity_effects=False)
    for options in (
        {},
        {"cov_type": "robust"},
        {"clusters": ["group"]},
        {"ssc": "none"},
        {"absorb": ["group"]},
    ):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            plain = spec.replace(**options).fit(after)
            fit = beta_convergence(
                data, "income", x=["x"], time_effects=True, **options
            )
        np.testing.assert_allclose(fit.params, plain.params, atol=1e-12)
        np.testing.assert_allclose(fit.std_errors, plain.std_errors, rtol=1e-9)
        assert fit.names == ("log_initial", "x")
        assert fit.depvar == "growth of income"
        assert fit.conventions == plain.conventions


def test_a_known_truth():
    fit = beta_convergence(panel(n=400, periods=25, seed=3), "income", x="x")
    b = fit.params["log_initial"]
    assert abs(b + 0.05) < 4 * fit.std_errors["log_initial"] < 0.02
    assert fit.params["x"] == pytest.approx(0.02, abs=0.002)
    assert fit.speed == pytest.approx(-np.log(1 + b))
    assert fit.half_life == pytest.approx(np.log(2) / fit.speed)


def test_delta_method():
    fit = beta_convergence(panel(), "income", x=["x"])
    b, se = fit.params["log_initial"], fit.std_errors["log_initial"]
    h = 1e-6
    slope = (-np.log(1 + b + h) + np.log(1 + b - h)) / (2 * h)
    assert fit.speed_se == pytest.approx(abs(slope) * se, rel=1e-6)
    slope = (np.log(2) / -np.log(1 + b + h) - np.log(2) / -np.log(1 + b - h)) / (2 * h)
    assert fit.half_life_se == pytest.approx(abs(slope) * se, rel=1e-6)


def test_no_convergence_has_no_half_life():
    apart = beta_convergence(panel(b=0.03, n=80), "income")
    assert apart.speed < 0
    assert np.isnan(apart.half_life)
    assert np.isnan(apart.half_life_se)
    assert "no half-life" in apart.summary()
    frame = pd.DataFrame(
        {"id": np.repeat(np.arange(30), 2), "year": np.tile([0, 1], 30)}
    )
    log = np.random.default_rng(0).normal(size=30)
    # Ranks are turned round: b is about -1.5 and -2.5
    for slope in (-0.5, -1.5):
        frame["y"] = np.exp(
            np.column_stack([log, slope * log + 0.01 * np.sin(np.arange(30))]).ravel()
        )
        beyond = beta_convergence(Panel(frame, "id", "year"), "y")
        assert beyond.params["log_initial"] == pytest.approx(slope - 1, abs=0.05)
        assert np.isnan(beyond.speed)
        assert np.isnan(beyond.speed_se)


def test_gaps_in_time_are_real():
    frame = growing(n=30, periods=12)
    whole = beta_convergence(Panel(frame, "id", "year"), "income")
    holes = frame[~((frame["id"] < 10) & (frame["year"] == 5))]
    fit = beta_convergence(Panel(holes, "id", "year"), "income")
    assert fit.nobs == whole.nobs - 20  # neither into the gap nor out of it
    with pytest.warns(MissingDataWarning):
        blank = beta_convergence(
            Panel(
                frame.assign(
                    income=frame["income"].where(
                        holes["id"].reindex(frame.index).notna()
                    )
                ),
                "id",
                "year",
            ),
            "income",
        )
    np.testing.assert_allclose(blank.params, fit.params, atol=1e-12)
    every = frame.assign(year=frame["year"] * 5)
    np.testing.assert_allclose(
        beta_convergence(Panel(every, "id", "year", step=5), "income").params,
        whole.params,
        atol=1e-12,
    )
    with pytest.raises(MissingDataError, match="missing in every row"):
        beta_convergence(Panel(every, "id", "year"), "income")


def test_missing_raise_does_not_mean_the_last_period():
    frame = growing(n=30)
    fit = beta_convergence(
        Panel(frame, "id", "year"), "income", x=["x"], missing="raise"
    )
    assert fit.nobs == 30 * 19
    with pytest.raises(MissingDataError, match=r"x \(1\)"):
        beta_convergence(
            Panel(frame.assign(x=frame["x"].where(frame.index != 3)), "id", "year"),
            "income",
            x=["x"],
            missing="raise",
        )


def test_nickell_warning():
    short, long = (
        panel(n=60, periods=11, effect=0.01),
        panel(n=60, periods=16, effect=0.01),
    )
    with pytest.warns(IdentificationWarning, match=r"10 rows per entity.*Nickell 1981"):
        fit = beta_convergence(short, "income", entity_effects=True)
    assert "lagged_outcome" in [n.code for n in fit.diagnostics]
    with pytest.warns(IdentificationWarning):
        again = beta_convergence(short, "income", absorb=["id"])
    assert "lagged_outcome" in [n.code for n in again.diagnostics]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        beta_convergence(short, "income", time_effects=True)
        beta_convergence(long, "income", entity_effects=True)


def test_common_shocks_to_growth_are_said_without_time_effects():
    """Of random walks with a drift, a third converge at 5% by errors of entities."""
    rng = np.random.default_rng(1)
    growth = 0.08 + rng.normal(0, 0.03, 10) + rng.normal(0, 0.04, (31, 10))
    y = np.exp(rng.normal(9, 0.4, (31, 1)) + growth.cumsum(axis=1))
    city, year = np.indices(y.shape)
    columns = {"city": city, "year": year, "y": y}
    frame = pd.DataFrame({name: data.ravel() for name, data in columns.items()})
    panel = Panel(frame, "city", "year")
    codes = [n.code for n in beta_convergence(panel, "y").diagnostics]
    assert "shared_exposure" in codes
    with_effects = beta_convergence(panel, "y", time_effects=True)
    assert "shared_exposure" not in [n.code for n in with_effects.diagnostics]


def test_the_bias_is_about_the_size_the_warning_names():
    slopes, named = [], []
    for seed in range(40):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            fit = beta_convergence(
                panel(b=-0.3, n=200, periods=11, effect=0.01, seed=seed),
                "income",
                entity_effects=True,
            )
        slopes.append(fit.params["log_initial"])
        named += [
            str(w.message).split("by about ")[1].split(" ")[0]
            for w in caught
            if "Nickell" in str(w.message)
        ]
    bias = -0.3 - np.mean(slopes)
    assert bias == pytest.approx(1.7 / 9, rel=0.25)
    assert float(named[0]) == pytest.approx(bias, rel=0.35)


def test_names_that_are_no_python_words():
    frame = growing(n=30).rename(columns={"income": "人均 收入 / 元"})
    data = Panel(frame, "id", "year", labels={"人均 收入 / 元": "Income"})
    plain = beta_convergence(panel(n=30), "income")
    np.testing.assert_allclose(
        beta_convergence(data, "人均 收入 / 元").params, plain.params
    )
    term = beta_convergence(panel(n=30), "I(income * 7)", time_effects=True)
    np.testing.assert_allclose(
        term.params,
        beta_convergence(panel(n=30), "income", time_effects=True).params,
        atol=1e-10,
    )


def test_the_result_is_linear_results():
    fit = beta_convergence(datasets.us_states(), "I(gsp / emp)", time_effects=True)
    assert isinstance(fit, LinearResults)
    assert isinstance(fit, ConvergenceResults)
    assert isinstance(fit, Results)
    back = pickle.loads(pickle.dumps(fit))
    assert back.half_life == fit.half_life
    pd.testing.assert_frame_equal(back.tidy(), fit.tidy())
    data = json.loads(json.dumps(fit.to_dict()))
    assert data["speed"] == pytest.approx(fit.speed)
    lines = fit.summary().splitlines()
    ending = last_lines(fit.conventions, fit.settings)
    assert lines[-len(ending) :] == ending
    assert lines[-len(ending) - 1].startswith("Speed 0.04284 (se ")
    assert max(map(len, lines)) <= 80
    assert repr(fit) == fit.summary()
    assert "log_initial" in etable(fit).frame.to_string()


def test_refusals():
    data = panel(n=30)
    with pytest.raises(InputTypeError, match="Panel"):
        beta_convergence(data.frame, "income")
    with pytest.raises(InputTypeError, match="column"):
        beta_convergence(data, ["income"])
    with pytest.raises(InputTypeError, match="x must be"):
        beta_convergence(data, "income", x=None)
    with pytest.raises(ColumnError, match="incom"):
        beta_convergence(data, "incom")
    with pytest.raises(MissingDataError, match="log of zero or less"):
        beta_convergence(data.assign(income="I(income - income)"), "income")
    with pytest.raises(TermError, match="twice"):
        beta_convergence(data, "income", x=["log_initial"])
    with pytest.raises(CollinearityError):
        beta_convergence(data, "income", x=["log(income)"])
    with pytest.raises(OptionError, match="cov_type"):
        beta_convergence(data, "income", cov_type="hac")
    with pytest.raises(TypeError, match="weights"):
        beta_convergence(data, "income", weights="x")


@pytest.mark.parametrize(("short", "biased"), [(0, False), (1, True)])
def test_entity_effects_bias_the_slope_below_fifteen_rows_an_entity(short, biased):
    """One entity has a year less, or none has."""
    data = panel(n=60, periods=16, effect=0.01)
    last = data.frame.reset_index().groupby("id").tail(1).index[:short]
    kept = Panel(data.frame.reset_index().drop(index=last), "id", data.time_name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        actual = beta_convergence(kept, "income", entity_effects=True).diagnostics
    assert [n.data["periods"] for n in actual if n.code == "lagged_outcome"] == [
        15 - 1 / 60
    ] * biased


# --- the length of the interval -------------------------------------------------------


def exact(speed=0.02, years=5.0, n=40):
    """Two periods so many years apart; the gap to 9 closes at this speed.

    There is no error.
    """
    start = np.random.default_rng(2).normal(8, 1, size=n)
    after = 9 + (start - 9) * np.exp(-speed * years)
    frame = pd.DataFrame(
        {"id": np.repeat(np.arange(n), 2), "year": np.tile([2000, 2005], n)}
    )
    frame["income"] = np.exp(np.column_stack([start, after]).ravel())
    section = pd.DataFrame(
        {"id": np.arange(n), "initial": np.exp(start), "g": (after - start) / years}
    )
    return Panel(frame, "id", "year", step=5), Panel(section, "id")


@pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
@pytest.mark.parametrize(("speed", "years"), [(0.02, 5.0), (0.05, 25.0), (0.3, 0.25)])
def test_the_speed_does_not_depend_on_the_interval(speed, years):
    panel, section = exact(speed, years)
    fit = beta_convergence(panel, "income", years=years, cov_type="robust")
    assert fit.params["log_initial"] == pytest.approx(np.exp(-speed * years) - 1)
    assert fit.speed == pytest.approx(speed)
    assert fit.half_life == pytest.approx(np.log(2) / speed)
    averaged = beta_convergence(
        section, "initial", growth="g", years=years, cov_type="robust"
    )
    assert averaged.params["log_initial"] == pytest.approx(
        (np.exp(-speed * years) - 1) / years
    )
    assert averaged.speed == pytest.approx(speed)
    assert averaged.depvar == "g"
    without = beta_convergence(panel, "income", cov_type="robust")
    assert without.speed == pytest.approx(speed * years)
    assert "per period" in without.summary()
    assert "per year" in fit.summary()
    assert fit.to_dict()["years"] == years
    assert pickle.loads(pickle.dumps(averaged)).speed == averaged.speed


def test_numbers_by_hand():
    # Growth 3, 2 and 1 percent a year over 10 years at ln y = 1, 2, 3: b = -.01, so
    # speed = -ln(1 - .1) / 10 = .0105361 and half-life = ln 2 / .0105361 = 65.788.
    frame = pd.DataFrame(
        {"id": range(4), "y": np.exp([1.0, 2, 3, 4]), "g": [0.03, 0.02, 0.01, 0.0]}
    )
    frame["g"] += [0.001, -0.001, -0.001, 0.001]
    fit = beta_convergence(
        Panel(frame, "id"), "y", growth="g", years=10, cov_type="unadjusted"
    )
    assert fit.params["log_initial"] == pytest.approx(-0.01)
    assert fit.speed == pytest.approx(0.0105360516)
    assert fit.half_life == pytest.approx(65.7881348)
    # Residuals are .001 in absolute value: variance 4e-6 / 2, over a sum of squares
    # of 5.
    se = np.sqrt(2e-6 / 5)
    assert fit.speed_se == pytest.approx(se / 0.9)
    assert fit.half_life_se == pytest.approx(65.7881348 * se / 0.9 / 0.0105360516)


def test_a_published_half_life():
    # Loayza (1994, World Bank Policy Research Working Paper 1333, summary): periods of
    # five years, a speed of .0494 a year, "implying a half-life of about 14 years".
    panel, _ = exact(0.0494, 5.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = beta_convergence(panel, "income", years=5, cov_type="robust")
    assert round(fit.half_life) == 14


def test_errors_scale_with_the_interval():
    data = panel()
    fit, plain = (
        beta_convergence(data, "income", years=4),
        beta_convergence(data, "income"),
    )
    pd.testing.assert_series_equal(fit.params, plain.params)
    assert fit.speed == pytest.approx(plain.speed / 4)
    assert fit.speed_se == pytest.approx(plain.speed_se / 4)
    assert fit.half_life == pytest.approx(4 * plain.half_life)
    assert fit.half_life_se == pytest.approx(4 * plain.half_life_se)
    after = data.assign(g="I((lead(log(income)) - log(income)) / 4)").subset("g == g")
    averaged = beta_convergence(after, "income", growth="g", years=4)
    assert averaged.params["log_initial"] == pytest.approx(
        plain.params["log_initial"] / 4
    )
    for name in ("speed", "speed_se", "half_life", "half_life_se"):
        assert getattr(averaged, name) == pytest.approx(getattr(fit, name))
    with pytest.warns(
        IdentificationWarning, match="biased downwards, by about"
    ) as caught:
        within = beta_convergence(
            data.subset("year < 8"), "income", entity_effects=True
        )
    with pytest.warns(IdentificationWarning) as again:
        beta_convergence(
            after.subset("year < 7"), "income", growth="g", years=4, entity_effects=True
        )
    bias = [
        float(str(w.list[0].message).split("about ")[1].split(" ")[0])
        for w in (caught, again)
    ]
    assert bias[0] == pytest.approx(4 * bias[1], rel=0.05)
    assert within.nobs == 60 * 7


@pytest.mark.parametrize("years", [0, -5, "five", True, np.nan, np.inf])
def test_an_interval_is_a_positive_number(years):
    with pytest.raises(OptionError, match=r"years=.* must be a positive number"):
        beta_convergence(panel(), "income", years=years)


def test_growth_needs_its_interval():
    with pytest.raises(OptionError, match="growth='x' needs years="):
        beta_convergence(panel(), "income", growth="x")


@pytest.mark.parametrize(
    ("slope", "p_value", "told"),
    [(-0.009, 0.077, False), (-0.009, 0.12, True), (0.009, 0.01, True)],
)
def test_an_index_that_nearly_converges_in_levels_is_not_told(
    slope: float, p_value: float, told: bool
) -> None:
    in_levels: Any = SimpleNamespace(
        coefficients=np.array([slope]), pvalues=pd.Series([p_value])
    )
    notices = [*convergence._zero_notices("index", in_levels)]
    assert [n.code for n in notices] == ["zero_of_index"] * told
    assert all(n.data["slope"] == slope for n in notices)
