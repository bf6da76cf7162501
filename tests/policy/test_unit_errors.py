"""Errors from the entities of each cohort, against formulas and fits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import stdtrit

import digiprosper as dp
from digiprosper.policy import callaway_santanna, staggered
from digiprosper.policy.kernels import unit_signs

if TYPE_CHECKING:
    from collections.abc import Callable

ESTIMATORS = ("callaway_santanna", "imputation", "sun_abraham")


def draw(
    sizes: tuple[int, ...] = (6, 7, 8),
    seed: int = 1,
    missing: float = 0.0,
    periods: int = 7,
) -> pd.DataFrame:
    """Draw cohorts 3 and 5 and the never treated, with random effects of trend."""
    rng = np.random.default_rng(seed)
    n = sum(sizes)
    frame = pd.DataFrame(
        {
            "city": np.repeat(np.arange(n), periods),
            "year": np.tile(np.arange(periods), n),
        }
    )
    frame["first"] = np.repeat([3.0, 5.0, np.nan], sizes)[frame["city"]]
    frame["x"] = rng.normal(size=n)[frame["city"]] + 0.3 * rng.normal(size=len(frame))
    frame["w"] = rng.uniform(0.5, 2, size=n)[frame["city"]]
    walk = rng.normal(size=(n, periods)).cumsum(axis=1).ravel()
    frame["y"] = 5 * rng.normal(size=n)[frame["city"]] + walk + 0.5 * frame["x"]
    return frame[(rng.random(len(frame)) >= missing) | (frame["year"] == 0)]


def fit_of(frame: pd.DataFrame, **options: Any) -> dp.StaggeredDidResults:
    return dp.StaggeredDid("y", "first", **options).fit(dp.Panel(frame, "city", "year"))


# --- estimates are weighted sums of outcomes ------------------------------------------


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("weighted", [False, True])
def test_weights_give_the_estimates_and_residuals_are_those_of_dummies(
    estimator: Any, weighted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each effect is a sum of outcomes that no entity's level changes."""
    frame = draw(missing=0.15, seed=2)
    x = [] if estimator == "callaway_santanna" else ["x"]
    rows: list[Any] = []

    def keep(*given: Any, group: Any, **by_entity: Any) -> Any:
        rows.append((*given, group))
        return unit_signs.unit_scores(*given, group=group, **by_entity)

    monkeypatch.setattr(staggered, "unit_scores", keep)
    fit = fit_of(frame, x=x, estimator=estimator, obs_weights="w" if weighted else None)
    ((weights, residuals, null, entity, time, group),) = rows
    y = frame["y"].to_numpy()
    np.testing.assert_allclose(weights.T @ y, fit.cells.estimates, atol=1e-9)
    by_entity = np.array([weights[entity == one].sum(axis=0) for one in range(21)])
    np.testing.assert_allclose(by_entity, 0, atol=1e-9)

    root = (
        np.sqrt(frame["w"].to_numpy() / frame["w"].mean())
        if weighted
        else np.ones(len(frame))
    )
    cell = np.eye(21)[group[entity] * 7 + time]
    design = np.column_stack([np.eye(21)[entity], cell, frame[x]])
    slopes = np.linalg.lstsq(design * root[:, None], y * root)[0]
    np.testing.assert_allclose(residuals, y - design @ slopes, atol=1e-8)
    untreated = ~(frame["year"] >= frame["first"]).to_numpy()
    design = np.column_stack([np.eye(21)[entity], np.eye(7)[time], frame[x]])
    scaled = (design * root[:, None])[untreated]
    slopes = np.linalg.lstsq(scaled, (y * root)[untreated])[0]
    np.testing.assert_allclose(
        null[untreated], (y - design @ slopes)[untreated], atol=1e-8
    )
    np.testing.assert_array_equal(null[~untreated], residuals[~untreated])


@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
@pytest.mark.parametrize("estimator", ["callaway_santanna", "sun_abraham"])
def test_one_cohort_has_the_errors_and_intervals_of_an_event_study_with_cr2(
    estimator: Any,
) -> None:
    frame = draw((6, 0, 9), 3)
    panel = dp.Panel(frame, "city", "year")
    options: Any = (
        {"base_period": "universal"} if estimator == "callaway_santanna" else {}
    )
    fit = dp.StaggeredDid("y", "first", estimator=estimator, **options).fit(panel)
    study = dp.EventStudy("y", "first", before=3, after=3, cov_type="cr2").fit(panel)
    for name in ("estimate", "std_error"):
        np.testing.assert_allclose(
            fit.path[name], study.path[name], rtol=1e-9, atol=1e-12
        )
    # The working model has the covariance over time, and not independent errors. For
    # two groups the degrees of freedom are the same.
    events = [name for name in study.names if name.startswith("event:")]
    np.testing.assert_allclose(
        fit.df_by_term[events], study.df_by_term[events], rtol=1e-8
    )


def test_t_intervals_and_tests_have_the_degrees_of_freedom_of_the_term() -> None:
    fit = fit_of(draw())
    table, df = fit.tidy(0.9), fit.df_by_term.to_numpy()
    assert (df < 20).all()
    assert fit.df_t <= df.min()
    half = stdtrit(df, 0.95) * table["std_error"]
    np.testing.assert_allclose(table["conf_high"], table["estimate"] + half, rtol=1e-10)
    total = fit.combination("event:0 - event:1")
    weights = np.zeros((1, df.size))
    weights[0, [list(fit.names).index(f"event:{time}") for time in (0, 1)]] = 1, -1
    assert total.df == pytest.approx(fit.estimated.df_of(weights)[0])
    cells = fit.group_time.iloc[0]
    (own,) = fit.cells.units.df_t(np.eye(fit.cells.estimates.size)[:1], np.zeros(1))
    assert cells["conf_high"] - cells["estimate"] == pytest.approx(
        stdtrit(own, 0.975) * cells["std_error"]
    )
    assert "CR2" in fit.summary()
    assert f"{df.min():.1f} or more" in " ".join(fit.summary().split())
    plain = fit_of(draw(), cov_type="influence")
    assert np.isinf(plain.df_by_term).all()


# --- the jackknife --------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
@pytest.mark.parametrize("adjustment", ["doubly_robust", "ipw", "regression"])
@pytest.mark.parametrize("pairs", [False, True])
def test_errors_with_controls_are_those_of_fits_without_each_cluster(
    adjustment: Any, pairs: bool
) -> None:
    frame = draw((9, 9, 10), 4, missing=0.1).assign(pair=lambda f: f["city"] // 2)
    options: Any = {"x": ["x"], "adjustment": adjustment}
    options["clusters"] = ["pair"] if pairs else None
    fit = fit_of(frame, **options)
    cluster = "pair" if pairs else "city"
    values = []
    for one in range(28 // (1 + pairs)):
        cells = fit_of(frame[frame[cluster] != one], **options).cells
        values.append(np.append(cells.estimates, cells.share))
    count = len(values)
    deviations = np.array(values) - np.mean(values, axis=0)
    wanted = (count - 1) / count * deviations.T @ deviations
    np.testing.assert_allclose(fit.cells.joint, wanted, rtol=1e-6, atol=1e-9)
    assert fit.group_time["std_error"][0] == pytest.approx(
        np.sqrt(wanted[0, 0]), rel=1e-7
    )
    assert (fit.inference.cov_type, fit.df_t) == ("crv3", count - 1)
    assert "one cluster left out at a time" in " ".join(fit.summary().split())
    plain = fit_of(frame, cov_type="influence", **options)
    assert plain.inference.cov_type == "clustered"
    if not pairs:
        assert plain.pretrend_test().p_value == fit.pretrend_test().p_value


def test_without_a_jackknife_errors_are_from_influence_functions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    frame = draw((9, 9, 10), 5)
    plain = fit_of(frame, x=["x"], cov_type="influence")
    monkeypatch.setattr(callaway_santanna, "MOST_JACKKNIFED", 27)
    fit = fit_of(frame, x=["x"])
    np.testing.assert_array_equal(fit.cov, plain.cov)
    (notice,) = [one for one in fit.diagnostics if one.code == "other_errors"]
    assert notice.data == {"cov_type": "hc2", "reason": "jackknife"}
    monkeypatch.undo()
    # Without one of three controls there is no regression on two columns.
    few = fit_of(draw((9, 9, 3), 6), x=["x", "I(x**2)"], adjustment="regression")
    assert "other_errors" in [one.code for one in few.diagnostics]


# --- remarks --------------------------------------------------------------------------


def notice_of(fit: Any, code: str) -> Any:
    (notice,) = [one for one in fit.diagnostics if one.code == code]
    return notice


@pytest.mark.parametrize(
    ("never", "told"), [(1, True), (2, True), (5, True), (6, False)]
)
def test_few_never_treated_are_reported(never: int, told: bool) -> None:
    fit = fit_of(draw((10, 10, never), 7))
    if not told:
        assert "few_untreated" not in [one.code for one in fit.diagnostics]
        return
    notice = notice_of(fit, "few_untreated")
    assert notice.data["n_untreated"] == never
    subject = f"{never} {'entity is' if never == 1 else 'entities are'} never treated"
    assert notice.message.startswith(f"{subject}, and effects")
    assert ("as variable as those of the others" in notice.message) == (never == 1)
    assert ("joint bands covered in 85%" in notice.message) == (never > 1)
    assert notice.data["alone"] == (("never",) if never == 1 else ())
    plain = fit_of(draw((10, 10, never), 7), cov_type="influence")
    assert "far too small" in notice_of(plain, "few_untreated").message


def test_a_cohort_of_one_is_reported() -> None:
    with pytest.warns(dp.FewClustersWarning):
        fit = fit_of(draw((1, 6, 9), 8))
    notice = notice_of(fit, "few_untreated")
    assert notice.data["alone"] == (3,)
    assert "the cohort of 3 is a single city" in notice.message
    # The figures of a single entity that is never treated are not those of this fit.
    assert "72%" not in notice.message
    errors = fit.group_time.query("cohort == 3")["std_error"]
    assert (errors > fit.group_time.query("cohort == 5")["std_error"].mean()).all()


@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
def test_single_entities_alone_have_no_errors() -> None:
    fit = fit_of(draw((1, 1, 1), 9))
    assert fit.std_errors.isna().all()
    assert fit.event_path(bands="joint")["conf_low"].isna().all()
    assert fit.summary()


@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
@pytest.mark.parametrize("estimator", ["imputation", "sun_abraham"])
def test_clusters_that_divide_entities_have_the_errors_of_the_regression(
    estimator: Any,
) -> None:
    frame = draw((9, 9, 10), 10).assign(region=lambda f: (f["city"] + f["year"]) % 14)
    fit = fit_of(frame, estimator=estimator, clusters=["region"])
    plain = fit_of(
        frame, estimator=estimator, clusters=["region"], cov_type="influence"
    )
    np.testing.assert_array_equal(fit.cov, plain.cov)
    assert notice_of(fit, "other_errors").data["reason"] == "divided"
    assert "other_errors" not in [one.code for one in plain.diagnostics]
    assert fit.pretrend_test().alternatives == {}


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_large_samples_have_the_errors_of_influence_functions(
    estimator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = draw((9, 9, 10), 11)
    small = fit_of(frame, estimator=estimator)
    monkeypatch.setattr(unit_signs, "MOST_CLUSTERS", 20)
    fit = fit_of(frame, estimator=estimator)
    np.testing.assert_array_equal(fit.cov, small.cov)
    np.testing.assert_array_equal(fit.df_by_term, small.df_by_term)
    assert fit.pretrend_test().method == ""
    path, joint = fit.path, fit.event_path(bands="joint")
    wide = (joint["conf_high"] - joint["conf_low"]) / (
        path["conf_high"] - path["conf_low"]
    )
    assert (wide.dropna() > 1).all()
    monkeypatch.setattr(staggered, "MOST_WEIGHTS", 10)
    fit = fit_of(frame, estimator=estimator)
    assert notice_of(fit, "other_errors").data["reason"] == "large"
    np.testing.assert_array_equal(
        fit.cov, fit_of(frame, estimator=estimator, cov_type="influence").cov
    )
    assert fit.event_path(bands="joint")["conf_low"].isna().all()


# --- size and coverage ----------------------------------------------------------------


def errors_of(
    rng: np.random.Generator, design: str, treated: np.ndarray, periods: int
) -> np.ndarray:
    """Draw correlated errors: normal, skewed, or noisier if treated."""
    error = rng.normal(size=(treated.size, periods))
    if design == "skewed":
        error = (np.exp(error) - np.exp(0.5)) / 2.16
    for time in range(1, periods):
        error[:, time] = 0.6 * error[:, time - 1] + 0.8 * error[:, time]
    return np.asarray(
        error * np.where(treated & (design == "treated noisier"), 2.0, 1.0)[:, None]
    )


def simulate(
    sizes: tuple[int, int],
    design: str,
    estimator: Any,
    draws: int,
    seed: int,
    missing: float = 0.0,
    *,
    paths: bool = True,
) -> dict[str, float]:
    """Measure coverage of intervals, and of bands of `paths`, and size, at 31 x 10."""
    rng = np.random.default_rng(seed)
    keys = pd.DataFrame(
        {"city": np.repeat(np.arange(31), 10), "year": np.tile(np.arange(10), 31)}
    )
    first = np.full(31, np.nan)
    first[: sum(sizes)] = np.repeat([4.0, 6.0], sizes)
    keys["first"] = first[keys["city"]]
    shares: dict[str, list[float]] = {}
    for _ in range(draws):
        error = errors_of(rng, design, ~np.isnan(first), 10) + rng.normal(size=(31, 1))
        frame = keys.assign(y=error.ravel())[rng.random(310) >= missing]
        panel = dp.Panel(frame, "city", "year")
        for errors, kind in (("hc2", ""), ("influence", ", csdid")):
            fit = dp.StaggeredDid(
                "y", "first", estimator=estimator, cov_type=errors
            ).fit(panel)
            low, high = fit.aggregate("simple").conf_int().loc["att"]
            shares.setdefault(f"interval{kind}", []).append(low <= 0 <= high)
            if not paths:
                continue
            path = fit.event_path(
                bands="joint" if errors == "hc2" else "pointwise"
            ).dropna()
            inside = (path["conf_low"] <= 0) & (path["conf_high"] >= 0)
            shares.setdefault(f"all event times{kind}", []).append(inside.all())
        try:
            test = fit.pretrend_test("dynamic")
        except dp.OptionError:  # too few entities have the rows of an effect
            continue
        (known,) = test.alternatives.values()
        shares.setdefault("pre-trend size", []).append(test.p_value < 0.05)
        shares.setdefault("pre-trend size, csdid", []).append(known.p_value < 0.05)
    return {name: float(np.mean(values)) for name, values in shares.items()}


@pytest.mark.further
@pytest.mark.weekly
@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
def test_coverage_with_two_never_treated() -> None:
    """In 60 panels."""
    actual = simulate((15, 14), "normal", "callaway_santanna", 60, 1, paths=False)
    assert actual["interval"] > 0.85
    assert actual["interval, csdid"] < 0.8
    assert actual["pre-trend size"] < 0.15


@pytest.mark.further
@pytest.mark.weekly
@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
def test_size_and_coverage_with_small_cohorts_of_an_unbalanced_panel() -> None:
    """In 60 panels with a tenth of the rows missing."""
    actual = simulate((5, 5), "normal", "callaway_santanna", 60, 2, missing=0.1)
    assert actual["pre-trend size"] < 0.15
    assert actual["pre-trend size, csdid"] > 0.15
    assert actual["all event times"] > 0.85 > actual["all event times, csdid"]


MEASURED = [
    ((10, 10), "normal", 0.0),
    ((5, 5), "treated noisier", 0.0),
    ((12, 5), "skewed", 0.1),
    ((15, 13), "normal", 0.0),
    ((15, 14), "normal", 0.0),
    ((15, 15), "normal", 0.0),
]


@pytest.mark.montecarlo
@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
@pytest.mark.parametrize("estimator", ["callaway_santanna", "imputation"])
@pytest.mark.parametrize(("sizes", "design", "missing"), MEASURED)
def test_coverage_of_31_provinces_on_the_page(
    sizes: tuple[int, int],
    design: str,
    missing: float,
    estimator: str,
    measured: Callable[..., None],
) -> None:
    """Coverage and size in 300 panels of 31 provinces and 10 years, without an effect.

    Two cohorts, the others never treated. Errors have a serial correlation of .6;
    "treated noisier": those of the treated are twice as large; "skewed": they are
    lognormal, and a tenth of the rows is missing. Coverage of the 95% interval of the
    average effect, and of all event times at once by the joint band. Size is the share
    in which `pretrend_test("dynamic")` rejects at 5%. "csdid": the same with the errors
    and the test of csdid or did_imputation, and with pointwise intervals; the test in
    panels in which it can be computed.
    """
    actual = simulate(sizes, design, estimator, 300, 3, missing)
    row = {
        "cohorts": " + ".join(map(str, sizes)),
        "never": 31 - sum(sizes),
        "errors": design,
    }
    measured(
        "coverage_of_31_provinces", {**row, "estimator": f"`{estimator}`", **actual}
    )
    assert actual["interval"] > 0.89
    assert actual["all event times"] > 0.89
    assert actual["pre-trend size"] < 0.11
    assert actual["interval, csdid"] < actual["interval"] + 0.02


# --- units of weights -----------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
@pytest.mark.parametrize("estimator", ["imputation", "sun_abraham"])
def test_the_unit_of_weights_does_not_matter(estimator: Any) -> None:
    frame = draw((9, 9, 10), 7)
    frame["w"] = np.random.default_rng(1).uniform(0.5, 2, size=len(frame))
    frame["u"] = 1.7 * frame["w"]
    fit, other = (
        fit_of(frame, estimator=estimator, obs_weights=name) for name in ("w", "u")
    )
    np.testing.assert_allclose(other.df_by_term, fit.df_by_term, rtol=1e-10)
    np.testing.assert_allclose(other.std_errors, fit.std_errors, rtol=1e-10)
