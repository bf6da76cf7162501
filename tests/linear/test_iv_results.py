"""Results with instruments: a LinearResults in everything, and what it adds."""

from __future__ import annotations

import copy
import json
import pickle
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper import FixedEffectsIV, Panel
from digiprosper.errors import (
    DigiprosperWarning,
    IdentificationError,
    InputTypeError,
    MissingDataError,
    OptionError,
)
from digiprosper.linear.fixed_effects_iv import intervals_text
from digiprosper.report.summary import Summary

if TYPE_CHECKING:
    from collections.abc import Callable

SPEC = FixedEffectsIV("y", ["a", "I(a**2)"], ["d"], ["z1", "z2"])


def make_frame(
    seed: int = 0, strength: float = 1.0, n: int = 40, periods: int = 6
) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rows = n * periods
    frame = pd.DataFrame(
        {"i": np.repeat(np.arange(n), periods), "t": np.tile(np.arange(periods), n)}
    )
    frame[["a", "z1", "z2", "z3", "common"]] = rng.normal(size=(rows, 5))
    frame["d"] = (
        strength * (frame["z1"] + frame["z2"])
        + 2 * frame["common"]
        + rng.normal(size=rows)
    )
    frame["e"] = strength * frame["z3"] - frame["common"] + rng.normal(size=rows)
    frame["y"] = (
        0.5 * frame["d"]
        + frame["a"] ** 2
        + frame["i"]
        + frame["common"]
        + rng.normal(size=rows)
    )
    return frame


def fit(spec=SPEC, frame: pd.DataFrame | None = None, **changes):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        return spec.replace(**changes).fit(
            Panel(make_frame() if frame is None else frame, "i", "t")
        )


# --- what every linear result can do --------------------------------------------------


def test_it_is_a_linear_result() -> None:
    results = fit()
    assert isinstance(results, dp.LinearResults)
    assert isinstance(results, dp.Results)
    assert results.names == ("d", "a", "I(a**2)")
    assert results.glance()["model"] == "FixedEffectsIV"
    assert set(results.glance()) - set(results.reduced_form.glance()) == {
        "cragg_donald",
        "effective_f",
        "effective_f_critical",
        "hansen_p",
        "kp_rk_lm",
        "kp_rk_lm_p",
    }
    wald = results.wald_test("d = 0.5, a = 0")
    gap = results.coefficients[:2] - [0.5, 0]
    expected = gap @ np.linalg.solve(results.covariance[:2, :2], gap) / 2
    assert wald.statistic == pytest.approx(expected, rel=1e-9)
    assert results.f_statistic.statistic == pytest.approx(
        results.wald_test("d=0, a=0, I(a**2)=0").statistic
    )
    slope = results.marginal_effect("a", at={"a": [1.0]})["estimate"].iloc[0]
    assert slope == pytest.approx(results.params["a"] + 2 * results.params["I(a**2)"])
    assert dp.u_test(results, "a").extremum == pytest.approx(
        -results.params["a"] / 2 / results.params["I(a**2)"]
    )


def test_residuals_are_those_of_the_regressors_themselves() -> None:
    frame = make_frame()
    results = fit(frame=frame)
    effects = sum(
        values.reindex(frame[name]).to_numpy()
        for name, values in results.effects.items()
    )
    b = results.params
    direct = (
        frame["y"]
        - b["d"] * frame["d"]
        - b["a"] * frame["a"]
        - b["I(a**2)"] * frame["a"] ** 2
        - effects
    )
    np.testing.assert_allclose(results.residuals, direct, atol=1e-9)
    predicted = results.predict(Panel(frame, "i", "t"))
    np.testing.assert_allclose(predicted, results.fitted_values, atol=1e-9)


def test_a_negative_r2_is_shown() -> None:
    frame = make_frame(1, 0.05)
    results = fit(frame=frame)
    e = results.residuals
    demeaned = dp.FixedEffects("y", ["a"]).fit(Panel(frame, "i", "t"))
    total = (demeaned.residuals @ demeaned.residuals) / (1 - demeaned.rsquared_within)
    assert results.rsquared_within == pytest.approx(1 - e @ e / total)
    other = make_frame(1).assign(y=lambda f: f["d"] - 2 * f["common"])
    assert fit(frame=other, x=()).rsquared_within < 0


def test_tables_pickles_and_dicts() -> None:
    results = fit()
    table = str(dp.etable({"IV": results, "first stage": results.first_stage["d"]}))
    assert "d" in table
    shown = str(dp.etable([results, results.reduced_form], stats=("nobs", "kp_rk_f")))
    assert f"{results.iv_tests['kp_rk_f']:.3f}" in shown
    assert "Kleibergen-Paap F" in shown
    assert results.reduced_form.glance()["kp_rk_f"] is None
    for other in (pickle.loads(pickle.dumps(results)), copy.deepcopy(results)):
        assert type(other) is dp.IVResults
        assert other.summary() == results.summary()
        assert other.anderson_rubin() == results.anderson_rubin()
        assert other.first_stage["d"].params.equals(results.first_stage["d"].params)
    stored = json.loads(json.dumps(results.to_dict()))
    again = Summary.from_dict(stored)
    assert again.to_text() == results.summary()
    assert again.to_dict() == stored
    assert again.params.equals(results.params)
    assert stored["type"] == "IVResults"
    assert stored["iv_tests"]["kp_rk_f"] == results.iv_tests["kp_rk_f"]
    assert stored["iv_tests"]["sargan"]["p_value"] == results.sargan.p_value
    assert stored["first_stage"]["d"]["type"] == "LinearResults"


def test_no_rows_are_kept_on_request() -> None:
    frame = make_frame(0, 1.0, 1000)
    results, whole = fit(frame=frame, keep_rows=False), fit(frame=frame)
    assert results.summary() == whole.summary()
    assert results.anderson_rubin() == whole.anderson_rubin()
    # What is left are sums by cluster, of 1,000 clusters and three equations.
    assert len(pickle.dumps(results)) < 500_000 < len(pickle.dumps(whole))
    for part in (
        results,
        results.first_stage["d"],
        results.reduced_form,
        whole.without_rows(),
    ):
        with pytest.raises(OptionError, match="keep_rows"):
            _ = part.resids
    with pytest.raises(OptionError, match="keep_rows"):
        _ = whole.without_rows().first_stage["d"].resids


def test_the_first_stages_are_a_result_set() -> None:
    results = fit(endog=["d", "e"], instruments=["z1", "z2", "z3"])
    assert isinstance(results.first_stage, dp.ResultSet)
    assert list(results.first_stage) == ["d", "e"]
    assert results.first_stage.tidy()["model"].unique().tolist() == ["d", "e"]
    assert results.first_stage["e"].names == ("z1", "z2", "z3", "a", "I(a**2)")
    assert len(results.first_stage.compare("z1")) == 2


def test_fit_all_takes_it() -> None:
    battery = {
        "one": SPEC,
        "robust": SPEC.replace(cov_type="robust"),
        "few": SPEC.replace(instruments=["zz"]),
    }
    results = dp.fit_all(battery, Panel(make_frame(), "i", "t"))
    assert list(results) == ["one", "robust"]
    assert list(results.failures) == ["few"]
    assert results.compare("d")["model"].tolist() == ["one", "robust"]


def test_html_and_text() -> None:
    results = fit()
    text = results.summary()
    for words in (
        "Instrumented: d.",
        "effective F",
        "Kleibergen-Paap",
        "Hansen J",
        "Anderson-Rubin 95% set of d",
    ):
        assert words in text
    assert "Sargan" in fit(cov_type="unadjusted").summary()
    assert "Hansen" not in fit(instruments=["z1"]).summary()
    assert (
        "Anderson-Rubin"
        not in fit(endog=["d", "e"], instruments=["z1", "z2", "z3"]).summary()
    )
    assert "<table" in results._repr_html_()


# --- Anderson and Rubin ---------------------------------------------------------------

COVARIANCES = [
    {},
    {"cov_type": "robust"},
    {"cov_type": "unadjusted"},
    {"cov_type": "driscoll_kraay"},
    {"ssc": "none"},
    {"clusters": ("i", "t")},
    {"obs_weights": "w"},
]


@pytest.mark.many(9)
@pytest.mark.parametrize("options", COVARIANCES)
@pytest.mark.parametrize("b0", [0.0, 0.5, -3.0])
def test_the_test_is_a_regression_on_the_instruments(options: dict, b0: float) -> None:
    frame = make_frame(2).assign(w=lambda f: 1 + f["t"] / 4)
    test = fit(frame=frame, **options).anderson_rubin_test(b0)
    frame["left"] = frame["y"] - b0 * frame["d"]
    plain = dp.FixedEffects("left", ["z1", "z2", "a", "I(a**2)"], **options)
    # With clusters in one way the covariance is that of the jackknife.
    if plain.cov_type == "clustered" and plain.clusters is None:
        plain = plain.replace(cov_type="crv3")
    expected = fit(plain, frame).wald_test("z1 = 0, z2 = 0")
    assert test.statistic == pytest.approx(expected.statistic, rel=1e-8)
    assert test.df == expected.df
    assert test.p_value == pytest.approx(expected.p_value, rel=1e-6)


@pytest.mark.many(6)
@pytest.mark.parametrize("options", COVARIANCES)
@pytest.mark.parametrize("strength", [1.0, 0.1])
def test_the_test_rejects_outside_the_set_only(options: dict, strength: float) -> None:
    frame = make_frame(3, strength).assign(w=lambda f: 1 + f["t"] / 4)
    results = fit(frame=frame, **options)
    for level in (0.9, 0.95):
        actual = results.anderson_rubin(level)
        for end in [e for pair in actual for e in pair if np.isfinite(e)]:
            assert results.anderson_rubin_test(end).p_value == pytest.approx(
                1 - level, rel=1e-6
            )
        for b0 in np.linspace(-4, 4, 81):
            inside = any(low <= b0 <= high for low, high in actual)
            assert (results.anderson_rubin_test(b0).p_value >= 1 - level) == inside


def test_values_of_several_regressors() -> None:
    frame = make_frame(4)
    results = fit(frame=frame, endog=["d", "e"], instruments=["z1", "z2", "z3"])
    with pytest.raises(OptionError, match="anderson_rubin_test"):
        results.anderson_rubin()
    test = results.anderson_rubin_test({"e": 0.2, "d": 0.5})
    frame["left"] = frame["y"] - 0.5 * frame["d"] - 0.2 * frame["e"]
    spec = dp.FixedEffects("left", ["z1", "z2", "z3", "a", "I(a**2)"], cov_type="crv3")
    plain = fit(spec, frame)
    expected = plain.wald_test("z1 = 0, z2 = 0, z3 = 0").statistic
    assert test.statistic == pytest.approx(expected, rel=1e-8)
    series = results.anderson_rubin_test(pd.Series({"d": 0.5, "e": 0.2}))
    assert series.statistic == test.statistic
    zero = results.anderson_rubin_test()
    assert zero.statistic == results.anderson_rubin_test({"d": 0, "e": 0}).statistic


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"a": 1.0}, OptionError),
        ({"d": 1.0, "a": 1.0}, OptionError),
        ({}, OptionError),
        ("x", InputTypeError),
        (None, InputTypeError),
        ({"d": np.nan}, InputTypeError),
        (np.inf, MissingDataError),
        (True, InputTypeError),
        ([1.0, 2.0], InputTypeError),
    ],
)
def test_malformed_values(values: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        fit().anderson_rubin_test(values)


@pytest.mark.parametrize("level", [0, 1, 95, "high", None])
def test_malformed_levels(level: object) -> None:
    with pytest.raises(dp.DigiprosperError):
        fit().anderson_rubin(level)


@pytest.mark.parametrize(
    "values",
    [
        np.array([0.5, 0.2]),
        [0.5, 0.2],
        pd.Series([0.5, 0.2]),
        pd.DataFrame({"d": [0.5]}),
        0.5,
    ],
)
def test_values_without_names_are_refused_where_there_are_several(
    values: object,
) -> None:
    results = fit(frame=make_frame(4), endog=["d", "e"], instruments=["z1", "z2", "z3"])
    with pytest.raises(OptionError, match="'d', 'e'"):
        results.anderson_rubin_test(values)


def test_one_value_for_two_regressors_is_refused() -> None:
    with pytest.raises(OptionError):
        fit(endog=["d", "e"], instruments=["z1", "z2", "z3"]).anderson_rubin_test(0.5)


def test_more_instruments_than_clusters() -> None:
    results = fit(
        frame=make_frame().assign(half=lambda f: f["i"] // 20), clusters=("half",)
    )
    with pytest.raises(IdentificationError, match="instruments"):
        results.anderson_rubin()


def test_words_of_sets() -> None:
    assert intervals_text([]).startswith("empty")
    assert intervals_text([(-np.inf, np.inf)]) == "(-inf, inf)"
    assert intervals_text([(1.0, 2.5)]) == "[1, 2.5]"
    assert (
        intervals_text([(-np.inf, -2.104), (0.3, np.inf)])
        == "(-inf, -2.104] and [0.3, inf)"
    )


def coverage(strength: float, draws: int, options: dict) -> float:
    covered = 0
    for seed in range(draws):
        frame = make_frame(1000 + seed, strength, 30, 4)
        results = fit(frame=frame, x=(), **options)
        covered += any(low <= 0.5 <= high for low, high in results.anderson_rubin())
    return covered / draws


@pytest.mark.further
@pytest.mark.weekly
def test_the_set_covers_without_a_first_stage() -> None:
    """At the nominal rate: 300 draws are within 3.3 standard errors of it."""
    assert coverage(0.0, 300, {"cov_type": "robust"}) == pytest.approx(0.95, abs=0.0415)


@pytest.mark.montecarlo
@pytest.mark.parametrize("strength", [0.0, 0.05, 1.0])
@pytest.mark.parametrize(
    "options", [{"cov_type": "unadjusted"}, {"cov_type": "robust"}, {}]
)
def test_coverage_at_every_strength(
    strength: float, options: dict, measured: Callable[..., None]
) -> None:
    """Share of 1,500 panels in which the 95% Anderson-Rubin set holds the truth.

    The truth is the coefficient with which the panels are drawn. There are 30 entities,
    4 periods and two instruments with the same slope in the first stage. The errors of
    the regressor and of the outcome have a common part. Panels with different slopes
    have the same errors, so that their coverage is the same.
    """
    actual = coverage(strength, 1500, options)
    errors = options.get("cov_type", "clustered")
    row = {
        "standard errors": errors,
        "slope of the instruments": f"{strength:g}",
        "coverage": actual,
    }
    measured("coverage_of_anderson_rubin_sets", row)
    # Four standard errors of the simulation, and one point more for 30 clusters.
    assert actual == pytest.approx(0.95, abs=0.0225 + 0.01)


def test_the_note_of_a_table_says_which_columns_are_instrumented_by_what() -> None:
    panel = dp.datasets.us_states().relabel(
        gsp="output", emp="employment", unemp="unemployment rate"
    )
    spec = dp.FixedEffectsIV("log(gsp)", ["unemp"], ["log(emp)"], ["lag(log(emp))"])
    plain = dp.FixedEffects("log(gsp)", ["log(emp)", "unemp"])
    table = str(dp.etable([plain.fit(panel), spec.fit(panel)], notes=[]))
    text = " ".join(table.split())
    assert (
        "(2): two-stage least squares, log(employment) instrumented by "
        "lag(log(employment))."
    ) in text


def covered(strength: float, noise: float, panels: int = 400) -> dict[str, float]:
    """Share of panels in which intervals contain the truth.

    The errors of d and y are u plus own noise.
    """
    keys = {"i": np.repeat(np.arange(50), 5), "t": np.tile(np.arange(5), 50)}
    by_set = by_t = unbounded = 0
    strengths = []
    for seed in range(panels):
        rng = np.random.default_rng(seed)
        z, u = rng.normal(size=(250, 2)), rng.normal(size=250)
        d = strength * z.sum(axis=1) + u + noise * rng.normal(size=250)
        y = 0.5 * d + u + noise * rng.normal(size=250)
        frame = pd.DataFrame(keys).assign(z1=z[:, 0], z2=z[:, 1], d=d, y=y)
        results = fit(FixedEffectsIV("y", [], ["d"], ["z1", "z2"]), frame)
        actual = results.anderson_rubin()
        by_set += any(low <= 0.5 <= high for low, high in actual)
        unbounded += any(np.isinf(end) for pair in actual for end in pair)
        low, high = results.conf_int().loc["d"]
        by_t += low <= 0.5 <= high
        strengths.append(results.iv_tests["effective_f"])
    return {
        "median effective F": float(np.median(strengths)),
        "t interval": by_t / panels,
        "Anderson-Rubin set": by_set / panels,
        "unbounded sets": unbounded / panels,
    }


@pytest.mark.montecarlo
@pytest.mark.parametrize("strength", [0.0, 0.15, 1.0])
@pytest.mark.parametrize(
    "noise", [0.3, 1.2], ids=["strongly endogenous", "moderately endogenous"]
)
def test_coverage_with_weak_instruments(
    noise: float, strength: float, measured: Callable[..., None]
) -> None:
    """Share of 400 panels in which 95% intervals contain the true coefficient.

    There are 50 entities, 5 periods, errors clustered by entity, and two instruments
    with the same slope in the first stage, which is 0, .15 or 1. The correlation
    between the errors of the regressor and those of the outcome is .92 (strongly
    endogenous) or .41 (moderately). Unbounded sets are counted among all sets. Panels
    with different slopes have the same errors, so that the coverage of their sets is
    the same.
    """
    actual = covered(strength, noise)
    cells = actual | {"median effective F": f"{actual['median effective F']:.1f}"}
    kind = "strongly" if noise < 1 else "moderately"
    measured("coverage_with_weak_instruments", {"endogenous": kind, **cells})
    if noise < 1:
        of_t = {0.0: 0.46, 0.15: 0.8425, 1.0: 0.955}[strength]
        assert actual["Anderson-Rubin set"] == pytest.approx(0.945, abs=0.005)
        assert actual["t interval"] == pytest.approx(of_t, abs=0.005)
    assert actual["Anderson-Rubin set"] == pytest.approx(0.95, abs=0.04)


def test_the_summary_says_why_there_is_no_joint_test_of_the_instruments() -> None:
    frame = make_frame().assign(third=lambda f: f["i"] % 3)
    results = fit(frame=frame, instruments=["z1", "z2", "z3"], clusters=["third"])
    assert np.isnan(results.iv_tests["kp_rk_f"])
    assert "nan" not in results.summary()
    assert "cannot be tested jointly" in results.summary()
    assert "cannot be tested jointly" not in fit().summary()


# --- stages side by side --------------------------------------------------------------


def test_stages_are_the_columns_of_one_table() -> None:
    results = fit()
    table = dp.etable(results.stages)
    assert list(table.frame.columns) == ["First stage", "Second stage"]
    assert table.frame.loc["Dependent variable"].tolist() == ["d", "y"]
    tests = results.iv_tests
    rows = {
        "F of the instruments": [f"{tests['first_stage_f:d'].statistic:,.3f}", ""],
        "Effective F": [f"{tests['effective_f']:,.3f}", ""],
        "Anderson-Rubin 95% set": ["", intervals_text(results.anderson_rubin())],
        "Anderson-Rubin, p-value": ["", "<0.001"],
        "Hansen test, p-value": ["", f"{tests['hansen_j'].p_value:.3f}"],
        "Endogeneity, p-value": ["", "<0.001"],
        "Kleibergen-Paap LM, p-value": ["", "<0.001"],
    }
    assert {name: table.frame.loc[name].tolist() for name in rows} == rows
    assert table.frame.loc["Kleibergen-Paap F"].tolist() == [
        "",
        f"{tests['kp_rk_f']:,.3f}",
    ]
    first = results.first_stage["d"].params["z1"]
    assert table.frame.loc["z1", "First stage"].startswith(f"{first:.3f}")


def test_stages_of_several_regressors_without_overidentification() -> None:
    results = fit(
        SPEC.replace(endog=["d", "e"], instruments=["z1", "z3"]), cov_type="unadjusted"
    )
    assert results.stages.labels == ("First stage: d", "First stage: e", "Second stage")
    table = dp.etable(
        results.stages, style=dp.TableStyle("zh"), labels={"d": "数字经济"}
    )
    assert list(table.frame.columns) == [
        "第一阶段：数字经济",
        "第一阶段：e",
        "第二阶段",
    ]
    # Exactly identified: there is no test of overidentification, nor an effective F of
    # two regressors.
    assert not {"Sargan检验p值", "Hansen检验p值", "有效F值"} & set(table.frame.index)
    assert "Anderson-Rubin 95%置信集" not in table.frame.index
    assert [bool(cell) for cell in table.frame.loc["工具变量F值"]] == [
        True,
        True,
        False,
    ]


def test_the_effective_f_of_one_instrument_is_the_f_of_the_instrument() -> None:
    for options in ({}, {"cov_type": "robust"}, {"clusters": ["i", "t"]}):
        results = fit(SPEC.replace(instruments=["z1"]), **options)
        tests = results.iv_tests
        assert tests["effective_f"] == pytest.approx(
            tests["first_stage_f:d"].statistic, rel=1e-10
        )
        assert tests["effective_f"] == pytest.approx(tests["kp_rk_f"], rel=1e-10)
    table = dp.etable(results.stages)
    assert "F of the instruments" in table.frame.index
    assert "Effective F" not in table.frame.index


def test_stages_survive_a_pickle_and_stand_below_a_head() -> None:
    again = pickle.loads(pickle.dumps(fit().stages))
    table = dp.etable({"IV": again, "OLS": fit()})
    assert table.spans == ("IV", "IV", "")
    assert list(table.frame.columns) == ["First stage", "Second stage", "OLS"]


@pytest.mark.parametrize(
    ("strength", "words", "chinese"),
    [
        (0.02, "instruments of d are weak", "d的工具变量较弱"),
        (0.9, "effective F of d is below its critical", "d的有效F统计量低于临界值"),
    ],
)
def test_a_table_says_that_instruments_are_weak(
    strength: float, words: str, chinese: str
) -> None:
    results = fit(frame=make_frame(2, strength), instruments=["z1"])
    assert words in " ".join(dp.etable(results).notes)
    notes = dp.etable(results, style=dp.TableStyle("zh")).notes
    assert chinese in " ".join(notes)
    strong = fit(frame=make_frame(2, 3.0))
    assert "Anderson-Rubin" not in " ".join(dp.etable(strong).notes)
    assert "Anderson-Rubin 95% set" not in dp.etable(strong).frame.index
    frame = dp.etable(results, style=dp.TableStyle("zh")).frame
    pieces = ", ".join(intervals_text([piece]) for piece in results.anderson_rubin())
    pieces = pieces.replace("inf", "∞")
    assert frame.loc["Anderson-Rubin 95%置信集"].tolist() == [pieces]
    p = results.anderson_rubin_test(0).p_value
    assert frame.loc["Anderson-Rubin检验p值"].tolist() == [f"{p:.3f}"]


def test_the_effective_f_is_a_statistic_of_tables() -> None:
    results, stats = fit(), ["effective_f", "effective_f_critical"]
    tests = results.iv_tests
    table = dp.etable([results.reduced_form, results], stats=stats)
    for name, key in zip(("Effective F", "Critical value of F"), stats, strict=True):
        assert results.glance()[key] == tests[key]
        assert table.frame.loc[name].tolist() == ["", f"{tests[key]:,.3f}"]
    chinese = dp.etable(results, stats=stats, style=dp.TableStyle("zh"))
    assert list(chinese.frame.index[-2:]) == ["有效F值", "有效F临界值"]
    several = fit(SPEC.replace(endog=["d", "e"], instruments=["z1", "z3"]))
    assert [several.glance()[key] for key in stats] == [None, None]
    assert "Effective F" not in dp.etable(several, stats=stats).frame.index


def test_tests_of_instruments_are_statistics_of_tables() -> None:
    results = fit()
    tests: Any = results.iv_tests
    stats = ["kp_rk_lm", "kp_rk_lm_p", "cragg_donald", "hansen_p"]
    rank, hansen = tests["kp_rk_lm"], tests["hansen_j"]
    expected = [rank.statistic, rank.p_value, tests["cragg_donald"], hansen.p_value]
    assert [results.glance()[key] for key in stats] == expected
    chinese = dp.etable(results, stats=stats, style=dp.TableStyle("zh")).frame
    assert list(chinese.index[-4:]) == [
        "Kleibergen-Paap LM统计量",
        "Kleibergen-Paap LM检验p值",
        "Cragg-Donald F",
        "Hansen检验p值",
    ]
    exact = fit(SPEC.replace(instruments=["z1"], cov_type="unadjusted"))
    assert exact.glance()["sargan_p"] is None
    assert "hansen_p" not in exact.glance()
    usual = dp.etable([exact, results]).frame.loc["Hansen test, p-value"]
    assert usual.tolist() == ["", f"{hansen.p_value:.3f}"]
