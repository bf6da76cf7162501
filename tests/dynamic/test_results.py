"""What a result says: tests, long-run effects, tables, and studies of several fits."""

from __future__ import annotations

import dataclasses
import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtr
from scipy.stats import t as student

import digiprosper as dp
from tests.dynamic.conftest import gapped

pytestmark = pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
STATS = ["n_instruments", "ar1_p", "ar2_p", "hansen_p"]


@pytest.fixture(scope="module")
def panel() -> dp.Panel:
    return dp.Panel(gapped(5, entities=150), "i", "t")


@pytest.fixture(scope="module")
def gmm(panel: dp.Panel) -> Any:
    return dp.DynamicPanel("y", ["x", "w"], instrument_lags=(2, 4)).fit(panel)


@pytest.fixture(scope="module")
def corrected(panel: dp.Panel) -> Any:
    spec = dp.DynamicPanel("y", ["x", "w"], estimator="lsdvc", reps=499)
    return spec.fit(panel, rng=3)


def test_tests_of_gmm(gmm: Any, corrected: Any) -> None:
    assert gmm.ar_tests.index.tolist() == [1, 2, 3]
    z, p = gmm.ar_tests.to_numpy().T
    np.testing.assert_allclose(p, 2 * ndtr(-np.abs(z)))
    instruments = gmm.instruments
    assert list(instruments.columns) == ["variable", "equation", "lag", "period"]
    assert len(instruments) == gmm.n_instruments
    lags = instruments.query("variable == 'y'")["lag"]
    assert lags.tolist() == [2, 3, 4]
    for name in ("ar_tests", "hansen", "sargan", "instruments", "n_instruments"):
        assert getattr(corrected, name) is None
    assert corrected.difference_in_hansen is None


def test_glance_and_its_rows_in_tables(gmm: Any, corrected: Any) -> None:
    glance = gmm.glance()
    assert glance["n_instruments"] == gmm.n_instruments
    assert glance["hansen_p"] == gmm.hansen.p_value
    assert glance["ar2_p"] == gmm.ar_tests["p_value"][2]
    assert glance["n_clusters"] == gmm.glance()["n_entities"]
    english = str(dp.etable([gmm, corrected], stats=STATS))
    assert "Hansen test, p-value" in english
    assert "Instruments" in english
    chinese = str(dp.etable([gmm], style=dp.TableStyle(stats=STATS, language="zh")))
    assert "工具变量个数" in chinese
    assert "Hansen检验p值" in chinese


def test_summary(gmm: Any, corrected: Any) -> None:
    text = " ".join(str(gmm.summary()).split())
    assert "Difference GMM, outcome: y" in text
    assert f"{gmm.n_instruments} instruments." in text
    assert "AR(2): z = " in text
    assert "pooled least squares" in text
    assert f"{gmm.nobs:,} transformed rows, 148 entities" in text
    assert "periods, with dummies of periods estimate" in text
    assert text.endswith(
        "Settings: two-step difference GMM with Windmeijer's correction, first "
        "differences; instruments: lags 2 to 4 of y, collapsed."
    )
    other = " ".join(str(corrected.summary()).split())
    assert "Bias-corrected within estimator" in other
    assert "expanded percentile intervals from 499 draws" in other


def test_tests_that_are_not_defined_say_why(panel: dp.Panel) -> None:
    short = panel.subset("t < 2003")
    spec = dp.DynamicPanel("y", instrument_lags=(2, 2))
    text = " ".join(str(spec.fit(short).summary()).split())
    assert "No Hansen test: as many instruments as coefficients." in text
    assert "AR(1): too few periods" in text
    assert "nan" not in text
    few = panel.subset("i < 8")
    fit = dp.DynamicPanel("y", steps=1, collapse=False).fit(few)
    assert "covariance of the moments is singular" in str(fit.summary())


@pytest.mark.parametrize(
    ("estimator", "english", "chinese"),
    [
        ("lsdvc", "Bias-corrected within estimator", "偏差修正"),
        ("half_panel", "Half-panel jackknife", "刀切法"),
    ],
)
def test_tables_name_corrected_estimators(
    panel: dp.Panel, estimator: str, english: str, chinese: str
) -> None:
    """They would be mistaken for fixed effects."""
    spec = dp.DynamicPanel("y", ["x"], estimator=estimator, reps=99)
    fit = spec.fit(panel, rng=1)
    assert english in str(dp.etable([fit]))
    assert chinese in str(dp.etable([fit], style=dp.TableStyle(language="zh")))


def test_long_run_effects_by_the_delta_method(gmm: Any) -> None:
    table = gmm.long_run(0.9)
    assert list(table.index) == ["x", "w"]
    b, cov = gmm.params.to_numpy(), gmm.cov.to_numpy()
    ratio = b[1] / (1 - b[0])
    slope = np.array([ratio / (1 - b[0]), 1 / (1 - b[0]), 0.0])
    error = np.sqrt(slope @ cov @ slope)
    critical = student(gmm.glance()["df_t"]).ppf(0.95)
    row = table.loc["x"]
    np.testing.assert_allclose(
        row[["estimate", "std_error", "delta_low", "delta_high"]],
        [ratio, error, ratio - critical * error, ratio + critical * error],
    )
    # Fieller: at each end b - r (1 - rho) is just significant.
    assert (row["fieller_low"], row["fieller_high"]) == (
        row["conf_low"],
        row["conf_high"],
    )
    for end in (row["conf_low"], row["conf_high"]):
        weights = np.array([end, 1.0, 0.0])
        gap = b[1] - end * (1 - b[0])
        assert abs(gap) / np.sqrt(weights @ cov @ weights) == pytest.approx(critical)


def test_long_run_effects_of_draws(corrected: Any) -> None:
    """The interval is that of the ratio in every draw, expanded."""
    draws = corrected.estimated.draw_values
    ratios = draws[:, 1] / (1 - draws[:, 0])
    n = corrected.glance()["n_clusters"]
    tail = ndtr(np.sqrt(n / (n - 1)) * student(n - 1).ppf(0.025))
    ends = np.quantile(ratios, [tail, 1 - tail], method="weibull")
    row = corrected.long_run().loc["x"]
    np.testing.assert_allclose(row[["conf_low", "conf_high"]], ends, rtol=1e-6)
    with pytest.raises(dp.OptionError, match="level"):
        corrected.long_run(95)


def test_persistence_of_one_in_draws_has_no_long_run_effect(corrected: Any) -> None:
    """Where rho is 1 or more, x has an effect without limit, of its own sign."""
    values = corrected.estimated.draw_values.copy()
    values[:200, 0] = 1.1
    estimated = dataclasses.replace(corrected.estimated, draw_values=values)
    fit = dataclasses.replace(corrected, estimated=estimated)
    table = fit.long_run()
    assert table["conf_high"]["x"] == np.inf
    assert table["conf_low"]["w"] == -np.inf
    assert np.isfinite(table["conf_low"]["x"])


def test_persistence_above_one_has_no_long_run_effect(gmm: Any) -> None:
    """The effects of all later periods have no sum; one of the other sign was shown."""
    explosive = gmm.coefficients.copy()
    explosive[0] = 1.05
    fit = dataclasses.replace(
        gmm, estimated=dataclasses.replace(gmm.estimated, coefficients=explosive)
    )
    paths = np.cumsum(explosive[1] * explosive[0] ** np.arange(400))
    assert np.sign(paths[-1]) == np.sign(explosive[1])
    assert abs(paths[-1]) > 1e8
    columns = ["estimate", "std_error", "delta_low", "delta_high"]
    assert fit.long_run()[columns].isna().all(axis=None)
    # With errors so small Fieller's set would be an interval, of the other sign too.
    for explosive[0], share in ((1.05, 1.0), (1.5, 1e-6), (1.0, 1.0)):
        estimated = dataclasses.replace(
            gmm.estimated, coefficients=explosive, root=gmm.estimated.root * share
        )
        table = dataclasses.replace(gmm, estimated=estimated).long_run()
        assert table[columns].isna().all(axis=None)
        ends = table[["fieller_low", "fieller_high"]].to_numpy()
        np.testing.assert_array_equal(ends, [[-np.inf, np.inf]] * 2)


def test_intervals_and_p_values_of_draws_agree(corrected: Any) -> None:
    """A 1 - p interval has zero at one end, as far as draws allow."""
    sum_of_both = corrected.combination("x + w")
    low, high = sum_of_both.conf_int().to_numpy()[0]
    assert (sum_of_both.pvalues.iloc[0] < 0.05) == (low > 0 or high < 0)
    assert corrected.pvalues.between(0, 1).all()
    wide = corrected.conf_int(0.99).to_numpy()
    assert (wide[:, 0] < corrected.conf_int().to_numpy()[:, 0]).all()


def test_no_regressors_and_no_long_run(panel: dp.Panel) -> None:
    fit = dp.DynamicPanel("y", estimator="half_panel", reps=99).fit(panel, rng=1)
    assert fit.long_run().empty
    assert fit.persistence == fit.params.iloc[0]


def test_a_wide_fieller_set_has_no_ends(panel: dp.Panel) -> None:
    noise = panel.assign(u=lambda f: np.sin(np.arange(len(f)) ** 2))
    fit = dp.DynamicPanel("y", ["u"], instrument_lags=(4, 4), steps=1).fit(noise)
    row = fit.long_run(0.999999).loc["u"]
    assert (row["fieller_low"], row["fieller_high"]) == (-np.inf, np.inf)


def test_wald_tests_terms_and_pickles(gmm: Any, corrected: Any) -> None:
    assert gmm.wald_test("x = 0, w = 0").df is not None
    assert [term.kind for term in gmm.terms][:1] == [gmm.terms[1].kind]
    for fit in (gmm, corrected):
        again = pickle.loads(pickle.dumps(fit))
        pd.testing.assert_series_equal(again.params, fit.params)
        assert str(again.summary()) == str(fit.summary())
        assert again.to_dict() == fit.to_dict()


def test_errors_from_draws_are_named_beside_others(panel: dp.Panel) -> None:
    drawn = dp.DynamicPanel("y", ["x"], estimator="half_panel", reps=99)
    fits = [drawn.fit(panel, rng=1), dp.FixedEffects("y", ["x"]).fit(panel)]
    alone, both = (dp.etable(fits[:count]) for count in (1, 2))
    assert alone.notes[0].startswith("Bootstrap standard errors clustered by ")
    name = panel.entity_name
    row = both.frame.loc["Standard errors"].tolist()
    assert row == [f"bootstrap by {name}", f"by {name}"]


def test_studies_of_several_fits(panel: dp.Panel) -> None:
    spec = dp.DynamicPanel("y", ["x"], instrument_lags=(2, 3))
    battery = {
        "difference": spec,
        "system": spec.replace(estimator="system"),
        "lsdvc": dp.DynamicPanel("y", ["x"], estimator="lsdvc", reps=99),
    }
    fits = dp.fit_all(battery, panel, rng=1)
    assert not fits.failures
    assert fits.compare("lag(y)")["model"].tolist() == list(battery)
    steps = dp.stepwise(spec, panel, ["w"], sample="own")
    assert len(steps) == 2
    by_group = dp.by_group(
        battery["lsdvc"],
        panel.assign(half=lambda f: np.where(f["region"] < 10, "a", "b")),
        "half",
        term="x",
        rng=1,
    )
    assert by_group is not None


@pytest.mark.parametrize(("language", "words"), [("en", "outside"), ("zh", "界限")])
def test_a_table_says_what_misleads(language: str, words: str) -> None:
    states = dp.datasets.us_states()
    spec = dp.DynamicPanel(
        "log(gsp)", ["log(emp)"], estimator="system", instrument_lags=(2, 3)
    )
    fit = spec.fit(states)
    assert "outside_bounds" in {notice.code for notice in fit.diagnostics}
    table = dp.etable(fit, stats=["ar1_p"], style=dp.TableStyle(language))
    assert any(words in note for note in table.notes)


def test_a_table_says_how_gmm_was_estimated() -> None:
    states = dp.datasets.us_states().relabel(unemp="Unemployment", gsp="Product")
    spec = dp.DynamicPanel("log(gsp)", ["unemp"], instrument_lags=(2, 4))
    system = spec.replace(
        x=(),
        predetermined=["unemp"],
        estimator="system",
        transform="orthogonal",
        steps=1,
        collapse=False,
        instrument_lags={"log(gsp)": (2, None), "unemp": (2, 3)},
    )
    fits = [spec.fit(states), system.fit(states)]
    notes = " ".join(dp.etable(fits).notes)
    assert (
        "(1): two-step difference GMM with Windmeijer's correction, first differences; "
        "instruments: lags 2 to 4 of log(Product), collapsed."
    ) in notes
    assert (
        "(2): one-step system GMM, orthogonal deviations; instruments: lags 2 and "
        "longer of log(Product), lags 2 to 3 of Unemployment."
    ) in notes
    chinese = " ".join(dp.etable(fits, style=dp.TableStyle("zh")).notes)
    assert "两步差分GMM（Windmeijer修正），一阶差分" in chinese
    assert "ln(Product)的2阶及以上滞后、Unemployment的2至3阶滞后。" in chinese
    single = " ".join(dp.etable(spec.replace(instrument_lags=(2, 2)).fit(states)).notes)
    assert "instruments: lag 2 of log(Product), collapsed." in single
    none = spec.replace(y="unemp", x=["log(gsp)"], instrument_lags={"unemp": None})
    text = " ".join(dp.etable(none.replace(instruments=["log(pc)"]).fit(states)).notes)
    assert "instruments: no lags" in text


def test_an_outcome_with_a_name_of_python_and_its_label() -> None:
    states = dp.datasets.us_states().rename(unemp="is")
    fit = dp.DynamicPanel("is", ["log(pc)"]).fit(states)
    assert fit.lag_names == ("lag(`is`)",)
    table = dp.etable(fit, stats=["ar1_p"], labels={"is": "Unemployment"})
    assert "lag(Unemployment)" in table.frame.index
    assert table.frame.iloc[-1, 0] == "<0.001"
