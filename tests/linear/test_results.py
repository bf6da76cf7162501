"""Linear results: protocol, tests of restrictions, tables of others, contents."""

from __future__ import annotations

import copy
import json
import pickle
import warnings
from dataclasses import fields

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import digiprosper as dp
from digiprosper import FixedEffects, Glance, LinearResults, Panel, Results, TestResult
from digiprosper.errors import ColumnError, InputTypeError, OptionError, TermError

X = ("log(pcap)", "log(pc)", "log(emp)", "unemp")
GLANCE = set(Glance.__annotations__)
TIDY = [
    "term",
    "estimate",
    "std_error",
    "statistic",
    "p_value",
    "conf_low",
    "conf_high",
]


@pytest.fixture(scope="module")
def states() -> Panel:
    return dp.datasets.us_states()


@pytest.fixture(scope="module")
def two_way(states: Panel) -> LinearResults:
    return FixedEffects("log(gsp)", X).fit(states)


def none(**options) -> FixedEffects:
    x = options.pop("x", X)
    return FixedEffects(
        "log(gsp)", x, entity_effects=False, time_effects=False, **options
    )


def make(spec: FixedEffects, frame: pd.DataFrame) -> LinearResults:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        return spec.fit(Panel(frame, "i", "t"))


def small(seed: int = 0, n: int = 40, periods: int = 6) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {"i": np.repeat(np.arange(n), periods), "t": np.tile(np.arange(periods), n)}
    )
    frame[["a", "b", "c"]] = rng.normal(size=(n * periods, 3)) + np.array([1, 2, 0])
    frame["y"] = (
        frame["a"]
        - 0.3 * frame["a"] ** 2
        + frame["a"] * frame["b"]
        + rng.normal(size=n * periods)
    )
    return frame


# --- the protocol ---------------------------------------------------------------------


def test_protocol_and_names(two_way: LinearResults) -> None:
    assert isinstance(two_way, Results)
    assert two_way.names == X
    assert (
        list(two_way.params.index)
        == list(two_way.cov.index)
        == list(two_way.cov.columns)
        == list(X)
    )
    assert two_way.nobs == 816
    assert not hasattr(two_way, "bse")
    assert not hasattr(two_way, "_use_mundlak")
    np.testing.assert_array_equal(two_way.cov.to_numpy(), two_way.covariance)


def test_inference_is_student_t(two_way: LinearResults) -> None:
    b, se = two_way.params, np.sqrt(np.diag(two_way.cov))
    np.testing.assert_allclose(two_way.std_errors, se, rtol=1e-14)
    np.testing.assert_allclose(two_way.tstats, b / se, rtol=1e-14)
    np.testing.assert_allclose(
        two_way.pvalues, 2 * stats.t.sf(np.abs(b / se), 47), rtol=1e-10
    )
    for level in (0.9, 0.95, 0.99):
        half = stats.t.ppf(0.5 + level / 2, 47) * se
        table = two_way.conf_int(level=level)
        assert list(table.columns) == ["conf_low", "conf_high"]
        np.testing.assert_allclose(
            table, np.column_stack([b - half, b + half]), rtol=1e-9
        )


def test_tidy(two_way: LinearResults) -> None:
    frame = two_way.tidy()
    assert list(frame.columns) == TIDY
    assert list(frame["term"]) == list(X)
    np.testing.assert_array_equal(frame["estimate"], two_way.params)
    np.testing.assert_allclose(
        two_way.tidy(0.9)[["conf_low", "conf_high"]], two_way.conf_int(level=0.9)
    )
    for bad in (0, 1, 95, "0.95", True):
        with pytest.raises(OptionError, match="level"):
            two_way.tidy(bad)


def test_glance_has_every_key(two_way: LinearResults, states: Panel) -> None:
    glance = two_way.glance()
    assert set(glance) == GLANCE
    assert len(GLANCE) == 24
    expected = {
        "depvar": "log(gsp)",
        "nobs": 816,
        "n_entities": 48,
        "n_times": 17,
        "period": "1970–1986",
        "n_clusters": 48,
        "df_resid": 748,
        "df_t": 47,
        "df_absorbed": 64,
        "cov_type": "clustered",
        "clusters": "state",
        "ssc": "reghdfe",
        "obs_weights": None,
        "effects": "state+year",
        "rng_entropy": None,
        "version": dp.__version__,
    }
    assert {k: glance[k] for k in expected} == expected
    plain = none(cov_type="robust").fit(states).glance()
    assert set(plain) == GLANCE
    assert plain["effects"] is plain["clusters"] is plain["n_clusters"] is None
    assert plain["rsquared_within_entity"] is None
    assert plain["df_absorbed"] == 1
    both = FixedEffects("log(gsp)", X, clusters=("state", "year")).fit
    with pytest.warns(dp.FewClustersWarning):
        glance = both(states).glance()
    assert (glance["clusters"], glance["n_clusters"], glance["df_t"]) == (
        "state+year",
        17,
        16,
    )


def test_sample_hash_tells_samples_apart(states: Panel) -> None:
    spec = FixedEffects("log(gsp)", ("unemp",))
    one, other = spec.fit(states), spec.add("log(pc)").fit(states)
    part = spec.fit(states.subset("year > 1970"))
    assert (
        one.glance()["sample_hash"]
        == other.glance()["sample_hash"]
        != part.glance()["sample_hash"]
    )


# --- R2 -------------------------------------------------------------------------------


def test_rsquared_definitions() -> None:
    frame = small(1)
    frame = frame[np.random.default_rng(0).random(len(frame)) > 0.2]
    frame["y"] += frame["i"] * 0.3 + frame["t"]
    results = make(FixedEffects("y", ("a", "b")), frame)

    def out_of(effects: list[str], columns: np.ndarray) -> np.ndarray:
        d = np.hstack(
            [pd.get_dummies(frame[e], dtype=float).to_numpy() for e in effects]
        )
        return columns - d @ np.linalg.lstsq(d, columns, rcond=None)[0]

    values = frame[["y", "a", "b"]].to_numpy()
    demeaned = out_of(["i", "t"], values)
    e = demeaned[:, 0] - demeaned[:, 1:] @ results.coefficients
    tss = ((values[:, 0] - values[:, 0].mean()) ** 2).sum()
    assert results.rsquared_within == pytest.approx(
        1 - e @ e / (demeaned[:, 0] @ demeaned[:, 0]), abs=1e-12
    )
    assert results.rsquared == pytest.approx(1 - e @ e / tss, abs=1e-12)
    n, full = len(frame), 2 + 40 + 6 - 1
    assert results.df_resid == n - full
    assert results.rsquared_adj == pytest.approx(
        1 - (e @ e / (n - full)) / (tss / (n - 1)), abs=1e-12
    )
    entity = out_of(["i"], values)
    u = entity[:, 0] - entity[:, 1:] @ results.coefficients
    assert results.rsquared_within_entity == pytest.approx(
        1 - u @ u / (entity[:, 0] @ entity[:, 0]), abs=1e-12
    )
    one_way = make(FixedEffects("y", ("a", "b"), time_effects=False), frame)
    assert one_way.rsquared_within == pytest.approx(
        one_way.rsquared_within_entity, abs=1e-12
    )


# --- tests of restrictions ------------------------------------------------------------


def test_wald_test_by_hand(two_way: LinearResults) -> None:
    b, v = two_way.coefficients, two_way.covariance
    cases = {
        "log(pc) = log(emp)": ([[0, 1, -1, 0]], [0]),
        "unemp = 0": ([[0, 0, 0, 1]], [0]),
        "log(pcap) + 2*log(pc) = 1, unemp = 0": ([[1, 2, 0, 0], [0, 0, 0, 1]], [1, 0]),
        "log(pcap)": ([[1, 0, 0, 0]], [0]),
    }
    for text, (matrix, value) in cases.items():
        r, q = np.array(matrix, dtype=float), len(value)
        gap = r @ b - value
        f = gap @ np.linalg.inv(r @ v @ r.T) @ gap / q
        test = two_way.wald_test(text)
        assert isinstance(test, TestResult)
        assert test.statistic == pytest.approx(f, rel=1e-10)
        assert test.df == (q, 47)
        stata = test.alternatives["stata"] if q > 1 else test
        assert stata.p_value == pytest.approx(stats.f.sf(f, q, 47), rel=1e-8)
    one = two_way.wald_test("log(pc) = 0")
    assert one.statistic == pytest.approx(two_way.tstats["log(pc)"] ** 2, rel=1e-10)
    assert one.p_value == pytest.approx(two_way.pvalues["log(pc)"], rel=1e-8)


def test_wald_test_refusals(two_way: LinearResults) -> None:
    with pytest.raises(TermError, match="gdp"):
        two_way.wald_test("gdp = 0")
    with pytest.raises(TermError):
        two_way.wald_test("unemp = = 0")
    with pytest.raises(TermError, match="repeat"):
        two_way.wald_test("unemp = 0, 2*unemp = 0")


def test_f_statistic_is_the_wald_test_of_all_slopes(
    two_way: LinearResults, states: Panel
) -> None:
    test = two_way.f_statistic
    wald = two_way.wald_test(", ".join(f"{x} = 0" for x in X))
    assert test.statistic == pytest.approx(wald.statistic, rel=1e-8)
    assert (test.df, test.p_value) == (wald.df, pytest.approx(wald.p_value, rel=1e-6))
    assert two_way.glance()["f_statistic"] == test.statistic
    plain = none().fit(states)
    assert plain.f_statistic.df == (4, 47)
    wald = plain.wald_test(", ".join(f"{x} = 0" for x in X))
    assert plain.f_statistic.statistic == pytest.approx(wald.statistic, rel=1e-8)


def test_a_joint_test_that_is_missing_has_a_reason(states: Panel) -> None:
    frame = small()
    frame["zone"] = frame["i"] % 2
    few = make(FixedEffects("y", ("a", "b", "c"), clusters="zone"), frame).f_statistic
    assert "3 restrictions need more than 2 clusters" in few.method
    one = states.assign(one="I(year > 1978)").assign(
        one=lambda f: f["one"] * (f.index.get_level_values("state") == "AL")
    )
    spec = FixedEffects("log(gsp)", ["one", "unemp"], cov_type="crv3")
    with pytest.warns(dp.DigiprosperWarning):
        fit = spec.fit(one)
    for test in (fit.f_statistic, fit.wald_test("one = 0, unemp = 0")):
        assert np.isnan(test.p_value)
        assert "the covariance of the restrictions is missing" in str(test)
    for language, text in (("en", "Wald test: not available"), ("zh", "不可用")):
        notes = dp.etable([test], style=dp.TableStyle(language)).notes
        assert any(text in note for note in notes)


def test_driscoll_and_kraay_give_a_reason_for_a_missing_test(states: Panel) -> None:
    """Three slopes, and fewer degrees of freedom of six years."""
    spec = FixedEffects(
        "log(gsp)", ["log(pc)", "log(emp)", "unemp"], cov_type="driscoll_kraay"
    )
    fit = spec.fit(states.subset("year > 1980"))
    assert 2 < fit.df_t < 3
    wald = fit.wald_test("log(pc) = 0, log(emp) = 0, unemp = 0")
    for test in (wald, fit.f_statistic):
        assert np.isnan(test.p_value)
        assert "so few periods that there are" in test.method
        assert test.alternatives["xtscc"].p_value > 0
    assert fit.wald_test("log(pc) = 0, unemp = 0").p_value > 0


def test_no_joint_test_with_fewer_clusters_than_slopes() -> None:
    frame = small()
    frame["zone"] = frame["i"] % 2
    results = make(FixedEffects("y", ("a", "b", "c"), clusters="zone"), frame)
    assert np.isnan(results.f_statistic.statistic)
    assert results.glance()["f_statistic"] is None


# --- the sample -----------------------------------------------------------------------


def test_sample_stats_of_variables_and_terms(states: Panel) -> None:
    for spec in (FixedEffects("log(gsp)", X), none()):
        table = spec.fit(states).sample_stats
        assert list(table.columns) == ["nobs", "mean", "sd", "min", "max"]
        assert {"log(gsp)", *X, "gsp", "pcap", "pc", "emp"} == set(table.index) - {
            "Intercept"
        }
        for name in ("gsp", "pc", "unemp", "log(pc)"):
            raw = states.frame[name.removeprefix("log(").removesuffix(")")]
            column = np.log(raw) if "(" in name else raw
            row = [816, column.mean(), column.std(), column.min(), column.max()]
            np.testing.assert_allclose(table.loc[name], row, rtol=1e-12)


def test_sample_stats_are_of_the_estimation_sample() -> None:
    frame = small()
    frame.loc[:20, "c"] = np.nan
    table = make(FixedEffects("y", ("a", "I(b**2)", "c")), frame).sample_stats
    kept = frame.dropna()
    np.testing.assert_allclose(table.loc["b", "mean"], kept["b"].mean())
    np.testing.assert_allclose(table.loc["I(b**2)", "max"], (kept["b"] ** 2).max())
    assert table.loc["a", "nobs"] == len(kept)


def test_standardised(two_way: LinearResults, states: Panel) -> None:
    frame = two_way.standardised()
    assert list(frame.columns) == TIDY
    logs = np.log(states.frame[["gsp", "pcap", "pc", "emp"]])
    sd = (
        np.array([*logs.std()[["pcap", "pc", "emp"]], states.frame["unemp"].std()])
        / logs["gsp"].std()
    )
    np.testing.assert_allclose(frame["estimate"], two_way.params * sd, rtol=1e-10)
    np.testing.assert_allclose(frame["std_error"], two_way.std_errors * sd, rtol=1e-10)
    np.testing.assert_allclose(frame["p_value"], two_way.pvalues, rtol=1e-12)
    np.testing.assert_allclose(
        frame["conf_low"], two_way.tidy()["conf_low"] * sd, rtol=1e-10
    )
    plain = none().fit(states).standardised()
    assert list(plain["term"]) == list(X)
    refit = none(x=("z_pc",)).replace(y="z_gsp")
    z = states.assign(lgsp="log(gsp)", lpc="log(pc)").standardise(["lgsp", "lpc"])
    direct = refit.replace(y="lgsp", x=("lpc",)).fit(z)
    assert none(x=("log(pc)",)).fit(states).standardised()["estimate"][
        0
    ] == pytest.approx(direct.params["lpc"])


def test_marginal_effect_of_squares_and_products() -> None:
    frame = small()
    results = make(FixedEffects("y", ("a", "I(a**2)", "b", "a:b", "c")), frame)
    b, v = results.params, results.cov
    at = [-1.0, 0.5, 2.0]
    got = results.marginal_effect("a", at={"a": at})
    assert list(got.columns) == ["at", "estimate", "std_error", "conf_low", "conf_high"]
    mean = frame["b"].mean()
    for row, value in zip(got.to_dict("records"), at, strict=True):
        g = pd.Series({"a": 1, "I(a**2)": 2 * value, "b": 0, "a:b": mean, "c": 0})[
            list(b.index)
        ]
        assert row["estimate"] == pytest.approx(g @ b, rel=1e-10)
        assert row["std_error"] == pytest.approx(np.sqrt(g @ v @ g), rel=1e-10)
        half = stats.t.ppf(0.975, results.df_t) * row["std_error"]
        assert row["conf_low"] == pytest.approx(row["estimate"] - half, rel=1e-9)
    default = results.marginal_effect("a")
    a = frame["a"]
    expected = [a.min(), a.mean() - a.std(), a.mean(), a.mean() + a.std(), a.max()]
    np.testing.assert_allclose(default["at"], expected, rtol=1e-12)
    by_b = results.marginal_effect("b", at={"a": [0, 1]})
    np.testing.assert_allclose(
        by_b["estimate"], [b["b"], b["b"] + b["a:b"]], rtol=1e-12
    )
    flat = results.marginal_effect("c")
    np.testing.assert_allclose(flat["estimate"], b["c"], rtol=1e-12)
    with pytest.raises(ColumnError, match="zz"):
        results.marginal_effect("zz")
    with pytest.raises(ColumnError, match="'c'"):
        results.marginal_effect("b", at={"c": [1]})


def test_marginal_effect_without_effects_uses_the_right_means() -> None:
    frame = small()
    spec = FixedEffects(
        "y", ("a", "I(a**2)", "a:b"), entity_effects=False, time_effects=False
    )
    results = make(spec, frame)
    got = results.marginal_effect("a", at={"a": [0.0]})["estimate"][0]
    assert got == pytest.approx(
        results.params["a"] + results.params["a:b"] * frame["b"].mean(), rel=1e-10
    )


# --- words ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "errors", "counted"),
    [
        ({}, "clustered by state (48 clusters, t with 47 {df}; {ssc} reghdfe)", 21),
        (
            {"time_effects": False},
            "clustered by state (48 clusters, t with 47 {df}; {ssc} reghdfe)",
            5,
        ),
        (
            {"ssc": "xtreg"},
            "clustered by state (48 clusters, t with 47 {df}; {ssc} xtreg)",
            21,
        ),
        (
            {"ssc": "linearmodels"},
            "clustered by state (48 clusters, t with 47 {df}; {ssc} linearmodels)",
            68,
        ),
        (
            {"ssc": "linearmodels", "time_effects": False},
            "clustered by state (48 clusters, t with 47 {df}; {ssc} linearmodels)",
            4,
        ),
        (
            {"ssc": "plm"},
            "clustered by state (48 clusters, t with 47 {df}; {ssc} plm)",
            4,
        ),
        (
            {"clusters": ("state", "year")},
            (
                "clustered by state and year (48 and 17 clusters, t with 16 {df}; "
                "{ssc} reghdfe)"
            ),
            5,
        ),
        (
            {"cov_type": "xtscc", "bandwidth": 3},
            (
                "Driscoll-Kraay standard errors as xtscc (3 lags, 17 periods, t with "
                "16 {df}; {ssc} reghdfe)"
            ),
            68,
        ),
        (
            {"cov_type": "robust"},
            "robust to heteroskedasticity (HC1) (t with 748 {df}; {ssc} reghdfe)",
            68,
        ),
        (
            {"cov_type": "unadjusted"},
            "errors of equal variance (t with 748 {df}; {ssc} reghdfe)",
            68,
        ),
        (
            {"ssc": "none"},
            (
                "clustered by state (48 clusters, t with 47 {df}; no "
                "small-sample correction)"
            ),
            0,
        ),
    ],
)
def test_summary_ends_with_the_standard_errors(
    states: Panel, options: dict, errors: str, counted: int
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        results = FixedEffects("log(gsp)", X, **options).fit(states)
    assert results.conventions.endswith(
        errors.format(df="degrees of freedom", ssc="small-sample correction as")
    )
    assert results.settings == (
        f"K = {counted} in the small-sample correction" if counted else ""
    )
    text = results.summary()
    ending = f"{results.conventions}." + (
        f" Settings: {results.settings}." if counted else ""
    )
    assert " ".join(text.split()).endswith(ending)
    assert str(results) == text
    assert "816 rows" in text
    assert max(map(len, text.splitlines())) <= 80


def test_summary_names_terms_and_never_prints_p_as_zero(two_way: LinearResults) -> None:
    text = two_way.summary()
    for x in X:
        assert x in text
    assert "0.000 " not in text
    assert "<0.001" in text
    assert "state, year" in text


def test_a_weighted_fit_says_its_weights() -> None:
    frame = small().assign(pop=lambda f: 1.0 + f["i"])
    weighted = make(FixedEffects("y", ("a", "b"), obs_weights="pop"), frame)
    plain = make(FixedEffects("y", ("a", "b")), frame)
    assert weighted.glance()["obs_weights"] == "pop"
    assert weighted.to_dict()["glance"]["obs_weights"] == "pop"
    assert "Weights: pop" in weighted.summary().splitlines()
    assert "Weights: pop" in weighted._repr_html_()
    assert plain.to_dict()["glance"]["obs_weights"] is None
    assert "Weights" not in plain.summary() + plain._repr_html_()


def test_html_escapes_names() -> None:
    frame = small().rename(columns={"a": "<b>a&</b>"})
    html = make(FixedEffects("y", ("<b>a&</b>",)), frame)._repr_html_()
    assert "<b>a&" not in html
    assert "&lt;b&gt;a&amp;" in html


# --- what it holds --------------------------------------------------------------------


def test_to_dict_is_json(two_way: LinearResults) -> None:
    frame = small()
    frame["zone"] = frame["i"] % 2
    odd = make(FixedEffects("y", ("a", "b", "c"), clusters="zone"), frame)
    for results in (two_way, odd):
        text = json.dumps(results.to_dict(), allow_nan=False)
        back = json.loads(text)
        assert back["schema"] == 1
        assert [row["term"] for row in back["coefficients"]] == list(results.names)
        assert back["glance"]["nobs"] == results.nobs


@pytest.mark.parametrize(
    "way", [lambda r: pickle.loads(pickle.dumps(r)), copy.copy, copy.deepcopy]
)
def test_copies_say_the_same(two_way: LinearResults, way) -> None:
    other = way(two_way)
    pd.testing.assert_frame_equal(other.tidy(), two_way.tidy())
    assert other.summary() == two_way.summary()
    assert other.glance() == two_way.glance()
    pd.testing.assert_series_equal(other.resids, two_way.resids)


def test_results_are_small_and_hold_no_panel() -> None:
    frame = small(n=300, periods=10)
    for j in range(40):
        frame[f"z{j}"] = np.random.default_rng(j).normal(size=len(frame))
    results = make(FixedEffects("y", ("a", "b", "I(z1**2)")), frame)
    assert results.nobs == 3000
    assert len(pickle.dumps(results)) < 200_000
    assert "Panel" not in {
        type(getattr(results, f)).__name__ for f in results.__dataclass_fields__
    }


def test_frozen(two_way: LinearResults) -> None:
    with pytest.raises((AttributeError, TypeError)):
        two_way.nobs = 3  # type: ignore[misc]
    with pytest.raises(AttributeError):
        two_way.depvar = "z"  # type: ignore[misc]


def test_changing_what_properties_give_changes_nothing(two_way: LinearResults) -> None:
    before = two_way.params.copy()
    column, square = two_way.params, two_way.cov
    column.iloc[0] = 99.0
    square.iloc[0, 0] = 99.0
    pd.testing.assert_series_equal(two_way.params, before)
    assert two_way.std_errors.iloc[0] < 1


def test_labels_travel(states: Panel, two_way: LinearResults) -> None:
    assert two_way.labels["unemp"] == states.labels["unemp"]


# --- other people's tables ------------------------------------------------------------


@pytest.mark.further
def test_maketables_reads_four_formats(
    states: Panel, two_way: LinearResults, tmp_path
) -> None:
    maketables = pytest.importorskip("maketables")
    from maketables.extractors import get_extractor

    one_way = FixedEffects("log(gsp)", X, time_effects=False).fit(states)
    assert type(get_extractor(two_way)).__name__ == "PluginExtractor"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = maketables.ETable([one_way, two_way])
        frame = table.df
        for kind in ("html", "tex", "typst"):
            text = str(table.make(type=kind))
            assert "0.169" in text, kind
            assert "816" in text, kind
        document = table.make(type="docx")
    assert document is not None
    cells = frame.astype(str).to_numpy().ravel().tolist()
    assert any("0.169" in c for c in cells)


def test_maketables_members(two_way: LinearResults) -> None:
    table = two_way.__maketables_coef_table__
    assert list(table.columns) == ["b", "se", "t", "p", "ci95l", "ci95u"]
    assert table.index.name == "Coefficient"
    assert two_way.__maketables_coef_table__ is not table
    assert two_way.__maketables_depvar__ == "log(gsp)"
    assert two_way.__maketables_fixef_string__ == "state+year"
    assert two_way.__maketables_vcov_info__["clustervar"] == ["state"]
    assert isinstance(two_way.__maketables_default_stat_keys__, list)
    known = {
        k: two_way.__maketables_stat__(k)
        for k in ("N", "r2", "r2_within", "adj_r2", "se_type", "n_clusters")
    }
    assert known["N"] == 816
    assert known["n_clusters"] == 48
    assert known["r2_within"] == two_way.rsquared_within
    assert known["se_type"] is not None
    assert two_way.__maketables_stat__("no such thing") is None


def test_groups_are_read_field_by_field(two_way: LinearResults) -> None:
    """What is in its groups is an attribute of the result.

    Arguments of the constructor are these groups, what every fit with effects has, as
    of counts too, and words.
    """
    assert len(fields(two_way)) <= 14
    for group in (two_way.estimated, two_way.sample, two_way.inference):
        shared = [f.name for f in fields(group) if hasattr(two_way, f.name)]
        assert shared
        for name in shared:
            assert getattr(two_way, name) is getattr(group, name)
    names = {f.name for f in (*fields(two_way.estimated), *fields(two_way.sample))}
    assert names - set(dir(two_way)) == {
        "root",
        "middle",
        "by_cluster",
        "is_scanned",
        "period",
        "xtscc",
        "block_slopes",
    }


# --- results without rows -------------------------------------------------------------


def with_and_without(
    frame: pd.DataFrame, **options
) -> tuple[LinearResults, LinearResults]:
    panel = dp.Panel(frame, "i", "t")
    spec = FixedEffects("y", ["a", "b"], **options)
    return spec.fit(panel), spec.replace(keep_rows=False).fit(panel)


def rows(entities: int = 60, periods: int = 8) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"i": np.repeat(np.arange(entities), periods)})
    frame["t"] = np.tile(np.arange(periods), entities)
    frame[["y", "a", "b"]] = rng.normal(size=(len(frame), 3))
    return frame


@pytest.mark.parametrize(
    "options", [{}, {"entity_effects": False, "time_effects": False}]
)
def test_all_but_the_rows_is_the_same_without_them(options) -> None:
    frame = rows()
    full, bare = with_and_without(frame, **options)
    assert bare.nobs == full.nobs == 480
    assert bare.glance() == full.glance()
    assert bare.glance()["sample_hash"]
    pd.testing.assert_frame_equal(bare.tidy(), full.tidy())
    assert bare.summary() == full.summary()
    assert str(dp.etable(bare)) == str(dp.etable(full))
    assert bare.to_dict() == full.to_dict()
    panel = dp.Panel(frame, "i", "t")
    pd.testing.assert_series_equal(bare.predict(panel), full.predict(panel))
    assert bare.__maketables_stat__("rmse") == full.__maketables_stat__("rmse")
    again = pickle.loads(pickle.dumps(bare))
    assert again.glance() == full.glance()
    assert again.combination("a + b").estimate == full.combination("a + b").estimate


@pytest.mark.parametrize(
    "name", ["resids", "fitted_values", "residuals", "fitted", "index"]
)
def test_what_needs_the_rows_says_how_to_keep_them(name) -> None:
    _, bare = with_and_without(rows())
    with pytest.raises(dp.OptionError, match="keep_rows=True") as error:
        getattr(bare, name)
    assert error.value.problems[0].data == {
        "option": "keep_rows",
        "value": False,
        "allowed": (True,),
    }


def test_a_pickle_without_rows_is_small() -> None:
    full, bare = with_and_without(rows(1000, 100))
    assert bare.nobs == 100_000
    assert len(pickle.dumps(full)) > 1_000_000
    # Sums by cluster are kept: k (k + 1) numbers for each of 1,000 clusters.
    assert len(pickle.dumps(bare)) < 150_000


def test_every_step_of_stepwise_keeps_no_rows() -> None:
    spec = FixedEffects("y", ["a"], keep_rows=False)
    for fit in dp.stepwise(spec, dp.Panel(rows(), "i", "t"), ["b"]).values():
        with pytest.raises(dp.OptionError, match="keep_rows"):
            fit.resids  # noqa: B018


def test_predict_takes_a_panel(two_way: LinearResults) -> None:
    with pytest.raises(InputTypeError, match="predict takes a Panel, not int"):
        two_way.predict(3)


@pytest.mark.parametrize(("treated", "told"), [(1, True), (2, True), (3, False)])
@pytest.mark.parametrize("entities", [15, 31])
def test_joint_tests_of_two_treated_clusters_say_so(
    entities: int, treated: int, told: bool
) -> None:
    frame = pd.DataFrame(
        {"i": np.repeat(np.arange(entities), 8), "t": np.tile(np.arange(8), entities)}
    )
    frame["d"] = ((frame["i"] < treated) & (frame["t"] >= 4)).astype(float)
    rng = np.random.default_rng(1)
    frame = frame.assign(a=rng.normal(size=len(frame)), y=rng.normal(size=len(frame)))
    spec = FixedEffects("y", ["d", "lag(d)", "a"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        fit = spec.fit(Panel(frame, "i", "t"))
    test = fit.wald_test("d = 0, lag(d) = 0")
    assert ([n.code for n in test.diagnostics] == ["no_rejection"]) == told
    assert ("randomisation_test" in test.summary()) == told
    if told:
        (notice,) = test.diagnostics
        assert notice.data["terms"] == ("d", "lag(d)")
        assert round(notice.data["effective"]) in (treated, treated + 1)
    # A restriction of one coefficient has no bootstrap, and another notice.
    assert fit.wald_test("d = 0").diagnostics == ()


def test_two_way_clusters_add_covariances_where_their_difference_is_indefinite() -> (
    None
):
    """The usual covariance has a negative eigenvalue; the sum by hand has none."""
    n, names = 6, ["a", "b", "c"]
    entity, time = np.divmod(np.arange(n * n), n)
    frame = pd.DataFrame({"i": entity, "t": time})
    rng = np.random.default_rng(5)
    frame[["y", *names]] = rng.normal(size=(n * n, 4))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        fit = FixedEffects("y", names, clusters=["i", "t"]).fit(Panel(frame, "i", "t"))
    # It does not warn, since it does not use the indefinite covariance.
    test = fit.wald_test("a = 0, b = 0")
    assert np.linalg.eigvalsh(fit.cov.loc[["a", "b"], ["a", "b"]])[0] < 0

    values = frame[["y", *names]]
    demeaned = (
        values
        - values.groupby(entity).transform("mean")
        - values.groupby(time).transform("mean")
        + values.mean()
    )
    x, y = demeaned[names].to_numpy(), demeaned["y"].to_numpy()
    bread = np.linalg.inv(x.T @ x)
    slopes = bread @ x.T @ y
    scores = pd.DataFrame(x * (y - x @ slopes)[:, None])
    added = np.zeros((3, 3))
    for codes in (entity, time):
        sums = scores.groupby(codes).sum().to_numpy() @ bread
        added += n / (n - 1) * sums.T @ sums
    form = slopes[:2] @ np.linalg.solve(added[:2, :2], slopes[:2])
    expected = (n - 2) / (2 * (n - 1)) * form
    assert test.statistic == pytest.approx(expected, rel=1e-9)
    assert test.p_value == pytest.approx(stats.f.sf(expected, 2, n - 2), rel=1e-9)
    assert test.method == "sum of the one-way clustered covariances"
    assert "not positive definite" in test.alternatives["stata"].method
    assert np.isfinite(fit.f_statistic.statistic)
    assert "nan" not in test.summary()
