"""Event studies of counts: cells, separated rows, and the covariance of effects."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

import digiprosper as dp

TESTS = Path(__file__).resolve().parents[1]
SHARED = TESTS.parents[1] / "shared" / "data"
CASE = json.loads((TESTS / "reference/poisson.json").read_text(encoding="utf-8"))[
    "etwfe"
]
ETWFE = dp.EventStudy("y", "g", never=0, before=1, after=3, family="poisson")

pytestmark = pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")


def etwfe_frame() -> pd.DataFrame:
    path = SHARED / CASE["file"]
    if not path.exists():
        pytest.skip(f"{path.name} is not beside the project")
    return pd.read_csv(path)


def draw(cohorts: tuple[float, ...], seed: int = 3, entities: int = 60) -> pd.DataFrame:
    """Draw counts of `entities` over eight years; the first cohort is never treated."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "city": np.repeat(np.arange(entities), 8),
            "year": np.tile(np.arange(2000, 2008), entities),
        }
    )
    frame["first"] = np.array([np.nan, *cohorts])[frame["city"] % (len(cohorts) + 1)]
    since = (frame["year"] - frame["first"]).fillna(-9)
    level = rng.normal(scale=0.7, size=entities)[frame["city"]]
    frame["x"] = rng.normal(size=len(frame))
    frame["w"] = rng.uniform(0.5, 2, size=len(frame))
    frame["region"] = frame["city"] // 4
    index = 1.2 + level + 0.2 * frame["x"] + 0.3 * (since >= 0) + 0.1 * since.clip(0)
    frame["y"] = rng.poisson(np.exp(index + 0.05 * (frame["year"] - 2000)))
    return frame


def panel_of(frame: pd.DataFrame) -> dp.Panel:
    return dp.Panel(frame, "city", "year")


def study(**options) -> dp.EventStudy:
    defaults = {"before": 3, "after": 2, "family": "poisson"}
    return dp.EventStudy("y", "first", **{**defaults, **options})


def average(fit) -> tuple[float, float]:
    row = fit.average_effects().set_index("scale").loc["counts"]
    return float(row["estimate"]), float(row["std_error"])


# --- outside numbers ------------------------------------------------------------------


def test_effects_in_counts_are_those_of_etwfe() -> None:
    panel = dp.Panel(etwfe_frame(), "id", "year")
    spec = ETWFE.replace(entity_effects=False, absorb=["g"], ssc="fixest")
    fit = spec.fit(panel)
    estimate, error = average(fit)
    assert estimate == pytest.approx(CASE["simple"], abs=1e-9)
    # The derivatives of R's marginaleffects are numerical.
    assert error == pytest.approx(CASE["std_error"], rel=5e-6)
    path = fit.event_path(scale="counts").set_index("time")["estimate"]
    for time in (0, 2):
        assert path[time] == pytest.approx(CASE[f"event_{time}"], abs=5e-7)


def test_entity_effects_give_the_effects_of_cohorts_in_a_balanced_panel() -> None:
    """The means differ by a factor of each entity, which cancels in every score."""
    panel = dp.Panel(etwfe_frame(), "id", "year")
    entity, cohort = (
        spec.fit(panel)
        for spec in (ETWFE, ETWFE.replace(entity_effects=False, absorb=["g"]))
    )
    np.testing.assert_allclose(entity.params, cohort.params, atol=1e-10)
    np.testing.assert_allclose(entity.cov, cohort.cov, atol=1e-12)
    assert average(entity) == pytest.approx(average(cohort), rel=1e-9)


def test_entities_without_counts_have_an_effect_of_zero() -> None:
    """Entity effects drop them; effects of cohorts fit them beside the others."""
    frame = etwfe_frame()
    zero = frame.loc[frame["g"] == 3, "id"].unique()[:5]
    frame.loc[frame["id"].isin(zero), "y"] = 0
    panel = dp.Panel(frame, "id", "year")
    with pytest.warns(dp.IdentificationWarning, match="30 rows with outcome zero"):
        entity = ETWFE.fit(panel)
    assert len(entity.separated) == 30
    assert set(entity.separated["reason"]) == {"effects"}
    cohort = ETWFE.replace(entity_effects=False, absorb=["g"]).fit(panel)
    assert average(entity)[0] == pytest.approx(average(cohort)[0], rel=1e-9)
    both = [fit.event_path(scale="counts")["estimate"] for fit in (entity, cohort)]
    np.testing.assert_allclose(*both, atol=1e-9)


# --- brute force ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"ssc": "fixest"},
        {"cov_type": "robust"},
        {"cov_type": "crv3"},
        {"clusters": ["region"]},
        {"clusters": ["region", "year"]},
        {"obs_weights": "w"},
        {"exposure": "w"},
        {"offset": "w", "cov_type": "crv3"},
    ],
)
def test_one_cohort_is_a_poisson_regression_on_dummies(options) -> None:
    frame = draw((2004.0,))
    since = (frame["year"] - frame["first"]).clip(-3, 2)
    names = []
    for time in (-3, -2, 0, 1, 2):
        names.append(f"d{time}".replace("-", "m"))
        frame[names[-1]] = (since == time).astype(float)
    panel = panel_of(frame)
    fit = study(x=["x"], **options).fit(panel)
    other = dp.PoissonEffects("y", [*names, "x"], **options).fit(panel)
    np.testing.assert_allclose(fit.params, other.params, rtol=1e-9)
    np.testing.assert_allclose(fit.cov, other.cov, rtol=1e-7, atol=1e-12)
    np.testing.assert_allclose(fit.pvalues, other.pvalues, rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(fit.fitted_values, other.fitted_values, rtol=1e-8)


def test_effects_of_cohorts_are_those_of_dummies_and_their_delta_method() -> None:
    """An unbalanced, weighted panel with a control: influences of every cluster."""
    frame = draw((2003.0, 2005.0)).sample(frac=0.9, random_state=1)
    frame = frame.sort_values(["city", "year"])
    fit = study(x=["x"], obs_weights="w").fit(panel_of(frame))

    since = (frame["year"] - frame["first"]).clip(-3, 2)
    cells = {
        (cohort, time): (frame["first"].eq(cohort) & since.eq(time)).to_numpy(float)
        for cohort in (2003.0, 2005.0)
        for time in (-3, -2, 0, 1, 2)
    }
    effects = pd.get_dummies(frame[["city", "year"]].astype("category"), dtype=float)
    dummies = np.column_stack(list(cells.values()))
    x = np.column_stack([dummies, frame["x"], effects.drop(columns="year_2000")])
    y, q = frame["y"].to_numpy(float), frame["w"].to_numpy()
    model = sm.GLM(y, x, family=sm.families.Poisson(), var_weights=q)
    glm = model.fit(maxiter=100, tol=1e-14)
    m = len(cells)
    b, mean = glm.params[:m], glm.fittedvalues

    scores = x * (q * (y - mean))[:, None]
    moved = scores @ np.linalg.inv((x.T * (q * mean)) @ x)[:, :m]
    weight, sums = dummies.T @ q, dummies.T @ (q * y)
    of_sums = dummies * (q * (y - dummies @ (sums / weight)))[:, None]
    groups = frame["city"].to_numpy()
    for time in (*(-3, -2, 0, 1, 2), None):
        used = np.array([t >= 0 if time is None else t == time for _, t in cells])
        rows = weight[used].sum()
        treated, untreated = sums[used].sum(), (sums * np.exp(-b))[used].sum()
        by_b = used * sums * np.exp(-b)
        influence = moved @ by_b + of_sums @ (used * (1 - np.exp(-b)))
        error = np.sqrt(_squares(influence / rows, groups))
        if time is None:
            assert average(fit) == pytest.approx(
                ((treated - untreated) / rows, error), rel=1e-6
            )
            continue
        path = fit.event_path(scale="counts").set_index("time").loc[time]
        assert path["estimate"] == pytest.approx((treated - untreated) / rows, rel=1e-6)
        assert path["std_error"] == pytest.approx(error, rel=1e-6)
        name = f"event:{time}"
        assert fit.params[name] == pytest.approx(np.log(treated / untreated), rel=1e-6)
        influence = moved @ by_b / untreated + of_sums @ (
            used * (1 / treated - np.exp(-b) / untreated)
        )
        error = np.sqrt(_squares(influence, groups))
        assert fit.std_errors[name] == pytest.approx(error, rel=1e-6)


def _squares(values: np.ndarray, groups: np.ndarray) -> float:
    sums = pd.Series(values).groupby(groups).sum()
    return float((sums**2).sum() * sums.size / (sums.size - 1))


def test_the_jackknife_is_that_of_the_last_step() -> None:
    """Without each cluster: least squares of the working response, and the means."""
    frame = draw((2003.0, 2005.0), entities=24)
    spec = study(before=1, after=4, cov_type="crv3")
    fit = spec.fit(panel_of(frame))
    joint = fit.cells.joint
    m = fit.cells.event.size
    assert joint.inference.df_t == 23
    since = frame["year"] - frame["first"]
    dummies = np.column_stack(
        [
            frame["first"].eq(cohort) & since.clip(-1, 4).eq(time)
            for cohort in (2003.0, 2005.0)
            for time in range(5)
            if (frame["first"].eq(cohort) & since.clip(-1, 4).eq(time)).any()
        ]
    ).astype(float)
    assert dummies.shape[1] == m
    y, mean = frame["y"].to_numpy(float), fit.fitted_values.to_numpy()
    effects = pd.get_dummies(frame[["city", "year"]].astype("category"), dtype=float)
    x = np.column_stack([dummies, effects.drop(columns="year_2000")])
    response = np.log(mean) + (y - mean) / mean
    root = np.sqrt(mean)
    whole = np.concatenate([joint.coefficients[:m], joint.coefficients[-m:]])
    moved = []
    for city in range(24):
        rest = (frame["city"] != city).to_numpy()
        weighted = x[rest] * root[rest, None]
        b = np.linalg.lstsq(weighted, (response * root)[rest], rcond=None)[0][:m]
        means = (dummies[rest].T @ y[rest]) / dummies[rest].sum(axis=0)
        moved.append(np.append(b, means * dummies.sum(axis=0)) - whole)
    expected = 23 / 24 * np.transpose(moved) @ np.array(moved)
    np.testing.assert_allclose(joint.covariance, expected, rtol=1e-5, atol=1e-6)


def test_an_exposure_is_the_offset_of_its_log() -> None:
    frame = draw((2003.0, 2005.0)).assign(size=lambda f: 50 * f["w"] ** 3)
    spec, panel = study(exposure="size"), panel_of(frame)
    fit = spec.fit(panel)
    other = spec.replace(exposure=None, offset="log(size)").fit(panel)
    np.testing.assert_allclose(fit.params, other.params, atol=1e-10)
    np.testing.assert_allclose(fit.cov, other.cov, atol=1e-12)
    assert "Exposure: size" in fit.summary()
    assert "Offset: log(size)" in other.summary()
    # The unit of the exposure is in the effects of entities and periods.
    thousands = panel_of(frame.assign(size=lambda f: f["size"] / 1000))
    np.testing.assert_allclose(spec.fit(thousands).params, fit.params, atol=1e-9)


def test_effects_in_counts_are_means_with_an_exposure_too() -> None:
    frame = draw((2004.0,))
    fit = study(exposure="w").fit(panel_of(frame))
    path = fit.event_path().set_index("time")["estimate"]
    counts = fit.event_path(scale="counts").set_index("time")["estimate"]
    since = frame["year"].to_numpy() - frame["first"].to_numpy()
    for time in (0, 1):
        means = fit.fitted_values.to_numpy()[since == time]
        want = (means * (1 - np.exp(-path[time]))).mean()
        assert counts[time] == pytest.approx(want, rel=1e-9)


# --- invariances ----------------------------------------------------------------------


def test_rows_in_any_order_and_outcomes_in_any_unit() -> None:
    frame = draw((2003.0, 2005.0))
    fit = study().fit(panel_of(frame))
    shuffled = study().fit(panel_of(frame.sample(frac=1, random_state=4)))
    np.testing.assert_allclose(shuffled.cov, fit.cov, rtol=1e-9)
    scaled = study().fit(panel_of(frame.assign(y=1000.0 * frame["y"])))
    np.testing.assert_allclose(scaled.params, fit.params, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(scaled.cov, fit.cov, rtol=1e-8, atol=1e-12)
    assert average(scaled) == pytest.approx(np.multiply(1000, average(fit)), rel=1e-8)


def test_weights_in_any_unit() -> None:
    frame = draw((2003.0, 2005.0))
    spec = study(obs_weights="w")
    fits = [
        spec.fit(panel_of(frame.assign(w=scale * frame["w"]))) for scale in (1, 70.0)
    ]
    assert average(fits[1]) == pytest.approx(average(fits[0]), rel=1e-9)


def test_where_chooses_rows() -> None:
    frame = draw((2003.0, 2005.0))
    chosen = study(where="year < 2007").fit(panel_of(frame))
    subset = study().fit(panel_of(frame[frame["year"] < 2007]))
    np.testing.assert_allclose(chosen.params, subset.params, rtol=1e-10)
    assert average(chosen) == pytest.approx(average(subset), rel=1e-10)
    assert chosen.nobs == 420


# --- what is refused, and reported ----------------------------------------------------


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda f: f["y"] - 5, "is negative in"),
        (lambda f: 0.0 * f["y"], "is zero in every row"),
        (
            lambda f: f["y"].where(~((f["first"] == 2005) & (f["year"] == 2006)), 0),
            r"zero in every row of 1 cell .*event:1, first:2005",
        ),
        (
            lambda f: f["y"].where(~((f["first"] == 2003) & (f["year"] == 2002)), 0),
            r"event:-1, first:2003",
        ),
    ],
)
def test_outcomes_without_finite_ratios_are_refused(change, match) -> None:
    frame = draw((2003.0, 2005.0))
    with pytest.raises(dp.IdentificationError, match=match):
        study().fit(panel_of(frame.assign(y=change(frame))))


def test_without_a_comparison_nothing_is_identified() -> None:
    treated = draw((2004.0,)).dropna()
    with pytest.raises(dp.IdentificationError, match="never treated"):
        study().fit(panel_of(treated))
    treated = draw((2003.0, 2005.0)).dropna()
    with pytest.raises(dp.DigiprosperError, match="event"):
        study(before=1, after=4).fit(panel_of(treated))


def test_exposures_that_are_refused() -> None:
    frame = draw((2004.0,)).assign(zero=lambda f: f["w"] * (f["year"] > 2000))
    with pytest.raises(dp.OptionError, match="positive in every row"):
        study(exposure="zero").fit(panel_of(frame))
    with pytest.raises(dp.OptionError, match="cannot be combined"):
        study(exposure="w", offset="x")
    with pytest.raises(dp.OptionError, match="offset='x' requires family='poisson'"):
        study(offset="x", family="linear")


def test_cells_are_never_dropped() -> None:
    treated = draw((2003.0, 2005.0)).dropna()
    with pytest.raises(dp.IdentificationError, match="another reference"):
        study(before=2, after=3, collinear="drop").fit(panel_of(treated))


@pytest.mark.parametrize("cov_type", ["clustered", "crv3"])
def test_few_clusters_are_reported(cov_type) -> None:
    fit = study(cov_type=cov_type).fit(panel_of(draw((2004.0,), entities=30)))
    (notice,) = [n for n in fit.diagnostics if n.code == "few_clusters"]
    assert ("29 degrees" in notice.message) == (cov_type == "crv3")


def test_a_notice_does_not_speak_of_mixed_cohorts() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit = study().fit(panel_of(draw((2003.0, 2005.0))))
    assert fit.diagnostics == ()
