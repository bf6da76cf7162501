"""The panel kink: brute force, a known truth, invariances, refusals.

There is no outside number at hand.
"""

from __future__ import annotations

import itertools
import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from scipy import stats
from scipy.optimize import minimize_scalar

from digiprosper import FixedEffects, KinkResults, Panel, PanelKink, PanelThreshold
from digiprosper.errors import (
    BoundaryThresholdWarning,
    CollinearityError,
    ColumnError,
    DigiprosperError,
    FewClustersWarning,
    FewDrawsWarning,
    IdentificationError,
    IdentificationWarning,
    InputTypeError,
    MissingDataError,
    OptionError,
    SmallRegimeWarning,
    TermError,
    ThresholdSearchError,
)
from digiprosper.kernels.tolerances import FLAT_DRAWS, NO_RESIDUALS

if TYPE_CHECKING:
    from collections.abc import Callable

    from digiprosper import LinearResults

Array = npt.NDArray[Any]
quiet = pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
SPEC = PanelKink("y", "q", "x", reps=199)


def frame(
    seed: int = 0,
    *,
    n: int = 40,
    periods: int = 8,
    holes: float = 0.15,
    bend: float = 1.0,
    jump: float = 0.0,
) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    entity, time = (
        a.ravel() for a in np.meshgrid(np.arange(n), np.arange(periods), indexing="ij")
    )
    size = entity.size
    df = pd.DataFrame({"i": entity, "t": time + 2000})
    df["q"] = np.round(rng.normal(size=size), 2)
    df["x"] = rng.normal(size=size) + 0.1 * entity
    df["w"] = rng.normal(size=size)
    df["region"] = entity % 15
    effects = rng.normal(size=n)[entity] + rng.normal(size=periods)[time]
    up = np.maximum(df["q"] - 0.3, 0)
    df["y"] = (
        df["x"]
        + 0.5 * df["q"]
        + bend * up
        + jump * (up > 0)
        + effects
        + rng.normal(size=size)
    )
    return df[(rng.random(size) >= holes) | (time < 2)].reset_index(drop=True)


def dummies(df: pd.DataFrame, effects: list[str]) -> Array:
    return np.column_stack(
        [np.ones(len(df)), *(pd.get_dummies(df[e]).to_numpy(float) for e in effects)]
    )


def ssr(y: Array, *columns: Array) -> float:
    full = np.column_stack(columns)
    full = full / np.linalg.norm(full, axis=0)
    return float(((y - full @ np.linalg.lstsq(full, y, rcond=1e-11)[0]) ** 2).sum())


# --- brute force ---


@quiet
@pytest.mark.parametrize(
    "effects", [(), ("i",), ("t",), ("i", "t"), ("i", "t", "region^t")], ids="+".join
)
@pytest.mark.many(1)
def test_fit_equals_a_minimiser_over_least_squares(effects: tuple[str, ...]) -> None:
    df = frame(len(effects), n=16, periods=6).assign(region=lambda d: d["i"] % 3)
    spec = SPEC.replace(
        entity_effects="i" in effects,
        time_effects="t" in effects,
        absorb=effects[2:],
        trim=0.1,
        bootstrap=None,
    )
    results = spec.fit(Panel(df, "i", "t"))
    df["region^t"] = df["region"].astype(str) + df["t"].astype(str)
    q, y, base = df["q"].to_numpy(), df["y"].to_numpy(), dummies(df, list(effects))

    def total(g: float) -> float:
        return ssr(y, base, df["x"], np.minimum(q - g, 0), np.maximum(q - g, 0))

    need = 0.1 * len(df) - 1e-9
    values = [g for g in np.unique(q) if min((q <= g).sum(), (q > g).sum()) >= need]
    ends = {g: total(g) for g in values}
    inner = [
        minimize_scalar(total, bounds=pair, method="bounded", options={"xatol": 1e-10})
        for pair in itertools.pairwise(values)
    ]
    best = min(inner, key=lambda r: r.fun)
    wanted = min(best.fun, *ends.values())
    place = min(ends, key=ends.__getitem__) if wanted < best.fun else best.x
    assert results.ssr["kink"] == pytest.approx(wanted, rel=1e-9)
    assert results.threshold == pytest.approx(place, rel=1e-6, abs=1e-9)
    assert results.ssr["linear"] == pytest.approx(ssr(y, base, df["x"], q), rel=1e-9)
    steps = [ssr(y, base, df["x"], q, q <= g, q * (q <= g)) for g in values]
    assert results.ssr["step"] == pytest.approx(min(steps), rel=1e-9)
    denominator = len(df) - (df["i"].nunique() if "i" in effects else 1)
    assert results.test.statistic == pytest.approx(
        (results.ssr["linear"] / wanted - 1) * denominator, rel=1e-8
    )
    assert float(results.slopes.resids @ results.slopes.resids) == pytest.approx(
        wanted, rel=1e-9
    )


@quiet
def test_the_step_is_the_threshold_model_with_all_of_the_line_by_regime() -> None:
    panel = Panel(frame(2), "i", "t")
    step = PanelThreshold(
        "y", "q", "q", "x", regime_intercept=True, bootstrap=None
    ).fit(panel)
    assert SPEC.replace(bootstrap=None).fit(panel).ssr["step"] == pytest.approx(
        step.ssr.iloc[-1], rel=1e-10
    )


def sandwich(
    df: pd.DataFrame, actual: KinkResults, effects: list[str], groups: Array | None
) -> Array:
    """Covariance of slopes and threshold from the gradient, without factors."""
    q, g = df["q"].to_numpy(), actual.threshold
    b1, b2 = actual.slopes.coefficients[:2]
    bend = -np.where(q < g, b1, np.where(q > g, b2, (b1 + b2) / 2))
    columns = np.column_stack(
        [np.minimum(q - g, 0), np.maximum(q - g, 0), df["x"], bend]
    )
    base = dummies(df, effects)
    demeaned = columns - base @ np.linalg.lstsq(base, columns, rcond=None)[0]
    bread = np.linalg.inv(demeaned.T @ demeaned)
    e = actual.slopes.residuals
    if groups is None:
        return bread * (e @ e)
    scores = np.stack([np.bincount(groups, weights=c * e) for c in demeaned.T])
    return bread @ scores @ scores.T @ bread


@quiet
@pytest.mark.parametrize(
    "kind", ["clustered", "regions", "robust", "unadjusted", "two-way", "none"]
)
def test_errors_are_the_sandwich_of_slopes_and_threshold_together(kind: str) -> None:
    df = frame(3)
    n, rank = len(df), 40 + 7
    keys: dict[str, dict[str, Any]] = {
        "clustered": {},
        "regions": {"clusters": "region"},
        "robust": {"cov_type": "robust"},
        "unadjusted": {"cov_type": "unadjusted"},
        "two-way": {"clusters": ("i", "t"), "bootstrap": None},
        "none": {"ssc": "none"},
    }
    results = SPEC.replace(**keys[kind]).fit(Panel(df, "i", "t"), rng=1)
    own = {
        "clustered": df["i"],
        "none": df["i"],
        "regions": df["region"],
        "robust": pd.Series(np.arange(n)),
    }
    if kind == "unadjusted":
        wanted = sandwich(df, results, ["i", "t"], None) / (n - rank - 4)
    elif kind == "two-way":
        i, t = df["i"].to_numpy(), df["t"].to_numpy() - 2000
        parts = [sandwich(df, results, ["i", "t"], c) for c in (i, t, np.arange(n))]
        wanted = (parts[0] + parts[1] - parts[2]) * 8 / 7 * (n - 1) / (n - 4 - 1)
    else:
        groups = own[kind].to_numpy()
        many = groups.max() + 1
        factor = {"robust": n / (n - rank - 4), "none": 1.0}
        # reghdfe: effects nested in the clusters do not count, a constant does.
        nested = many / (many - 1) * (n - 1) / (n - 4 - 1 - 7)
        wanted = sandwich(df, results, ["i", "t"], groups) * factor.get(kind, nested)
    np.testing.assert_allclose(results.slopes.covariance, wanted[:3, :3], rtol=1e-8)
    assert results.threshold_se == pytest.approx(np.sqrt(wanted[3, 3]), rel=1e-8)
    assert results.slopes.df_resid == n - rank - 4


@quiet
def test_coefficients_are_those_of_fixed_effects_at_the_threshold() -> None:
    df = frame(3)
    results = SPEC.fit(Panel(df, "i", "t"), rng=1)
    df["low"] = np.minimum(df["q"] - results.threshold, 0)
    df["high"] = np.maximum(df["q"] - results.threshold, 0)
    known = FixedEffects("y", ["low", "high", "x"]).fit(Panel(df, "i", "t"))
    assert results.slopes.names == ("q:below", "q:above", "x")
    # Products of a matrix by blocks of other widths differ in the last digit on some
    # processors.
    np.testing.assert_allclose(
        results.slopes.coefficients, known.coefficients, rtol=1e-13
    )
    np.testing.assert_allclose(
        results.slopes.residuals, known.residuals, rtol=1e-11, atol=1e-13
    )
    np.testing.assert_allclose(
        results.slopes.conf_int().loc["x"], known.conf_int().loc["x"], rtol=0.02
    )
    assert results.slopes.std_errors["q:above"] > known.std_errors["high"]
    assert results.slopes.glance()["f_statistic"] is None
    assert results.slopes.df_resid == known.df_resid - 1
    full = 1 - (1 - known.rsquared) * (len(df) - 1) / (known.df_resid - 1)
    assert results.slopes.rsquared_adj == pytest.approx(full)
    # A bootstrap from sums at a known threshold would not allow for its estimation.
    test = results.wald_test("q:below = 0, x = 0")
    weights = np.eye(3)[[0, 2]]
    form, _ = results.estimated.wald(weights, weights @ results.coefficients)
    assert test.statistic == pytest.approx(form / 2)
    assert test.p_value == pytest.approx(stats.f.sf(form / 2, *test.df))
    assert "too often with few clusters" in test.method


@quiet
def test_without_effects_the_intercept_has_its_error() -> None:
    rng = np.random.default_rng(0)
    df = pd.DataFrame(
        {
            "i": np.arange(300),
            "q": rng.normal(5, 1, size=300),
            "x": rng.normal(size=300),
        }
    )
    df["y"] = 2 + df["q"] - 2 * np.maximum(df["q"] - 5.4, 0) + rng.normal(size=300)
    spec = SPEC.replace(entity_effects=False, time_effects=False, cov_type="robust")
    results = spec.fit(Panel(df, "i"), rng=1)
    q, g, (b1, b2, *_) = (
        df["q"].to_numpy(),
        results.threshold,
        results.slopes.coefficients,
    )
    bend = -np.where(q < g, b1, np.where(q > g, b2, (b1 + b2) / 2))
    full = np.column_stack(
        [np.minimum(q - g, 0), np.maximum(q - g, 0), df["x"], np.ones(300), bend]
    )
    bread = np.linalg.inv(full.T @ full)
    scores = full * results.slopes.residuals[:, None]
    wanted = bread @ scores.T @ scores @ bread * 300 / 295
    assert results.slopes.names == ("q:below", "q:above", "x", "Intercept")
    np.testing.assert_allclose(results.slopes.covariance, wanted[:4, :4], rtol=1e-8)
    assert results.threshold_se == pytest.approx(np.sqrt(wanted[4, 4]), rel=1e-8)
    assert results.df == 299
    assert "N - 1 = 299" in results.settings


@quiet
def test_progress_counts_the_draws_and_changes_none(
    capsys: pytest.CaptureFixture[str],
) -> None:
    panel, spec = (
        Panel(frame(5, n=16, periods=6), "i", "t"),
        SPEC.replace(trim=0.12, reps=20),
    )
    shown = spec.fit(panel, rng=11, progress=True)
    assert "40/40" in capsys.readouterr().err
    np.testing.assert_array_equal(
        shown.statistic_draws, spec.fit(panel, rng=11).statistic_draws
    )


@pytest.mark.further
@quiet
def test_twenty_draws_equal_explicit_refits() -> None:
    df = frame(5, n=16, periods=6)
    panel, spec = Panel(df, "i", "t"), SPEC.replace(trim=0.12, reps=20)
    results, plain = spec.fit(panel, rng=11), spec.replace(bootstrap=None)
    line = FixedEffects("y", ["q", "x"]).fit(panel)
    for row, fit in enumerate((line, results.slopes)):
        stream = np.random.default_rng(np.random.SeedSequence(11, spawn_key=(10, row)))
        signs = np.where(stream.random((20, 16)) < 0.5, -1.0, 1.0)
        for b in range(20):
            drawn = fit.fitted_values + fit.resids * signs[b][df["i"].to_numpy()]
            again = plain.fit(panel.assign(y=drawn))
            if row == 0:
                assert results.statistic_draws[0, b] == pytest.approx(
                    again.test.statistic, rel=1e-9
                )
                continue
            assert results.statistic_draws[1, b] == pytest.approx(
                again.continuity.statistic, rel=1e-8, abs=1e-9
            )
            q = df["q"].to_numpy() - results.threshold
            held = ssr(
                drawn.to_numpy(),
                dummies(df, ["i", "t"]),
                df["x"],
                np.minimum(q, 0),
                np.maximum(q, 0),
            )
            lr = (held / again.ssr["kink"] - 1) * results.df
            assert results.statistic_draws[2, b] == pytest.approx(
                lr, rel=1e-8, abs=1e-9
            )
    assert (
        results.test.p_value
        == (1 + (results.statistic_draws[0] >= results.test.statistic).sum()) / 21
    )
    assert results.critical["bootstrap"] == np.quantile(
        results.statistic_draws[2], 0.95
    )


# --- a known truth ---


@pytest.mark.further
@quiet
def test_a_planted_kink_is_found() -> None:
    """Of many panels the set holds .93, both slopes .88.

    Of 40 with an error of .04 and .05.
    """
    inside, tested, slopes = 0, 0, 0
    for seed in range(40):
        results = SPEC.fit(
            Panel(frame(seed, n=60, periods=10, bend=2.0), "i", "t"), rng=seed
        )
        assert results.threshold == pytest.approx(0.3, abs=0.3)
        inside += any(a <= 0.3 <= b for a, b in results.confidence_set())
        tested += results.test.p_value <= 0.05 < results.continuity.p_value
        bounds = results.slopes.conf_int()
        slopes += bool(
            (
                (bounds["conf_low"] <= [0.5, 2.5, 1])
                & (bounds["conf_high"] >= [0.5, 2.5, 1])
            ).all()
        )
    assert inside >= 33
    assert tested >= 33
    assert slopes >= 30


@quiet
def test_a_jump_is_no_kink() -> None:
    results = SPEC.fit(Panel(frame(1, n=60, bend=0.0, jump=2.0), "i", "t"), rng=1)
    assert results.continuity.p_value == 1 / 200
    assert results.ssr["step"] < 0.95 * results.ssr["kink"]


STEP = PanelThreshold("y", "q", "q", "x", regime_intercept=True, reps=199)


def keys(n: int, periods: int = 10) -> pd.DataFrame:
    return pd.DataFrame(
        {"i": np.repeat(np.arange(n), periods), "t": np.tile(np.arange(periods), n)}
    )


@quiet
@pytest.mark.montecarlo
@pytest.mark.parametrize("bend", [1.0, 0.5])
@pytest.mark.parametrize("errors", ["iid", "serial + het"])
@pytest.mark.parametrize("n", [31, 100])
def test_coverage_and_size(
    n: int, errors: str, bend: float, measured: Callable[..., None]
) -> None:
    """Share of 1,000 panels in which a 95% interval contains the truth.

    For tests, it is the share in which a test at 5% rejects it.

    n entities are observed for 10 periods. q is standard normal with a slope of .5,
    which changes by the bend at q = .3; errors have a standard deviation of 1.
    "serial + het": q and the errors have a serial correlation of .8, and the standard
    deviation of the error is sqrt(.25 + .75 q^2). Tests and sets have 199 draws. "no
    kink" is measured in panels without a kink. "g known": the standard errors take the
    estimated threshold as known.
    """
    rng, panels, periods, hard = (
        np.random.default_rng(1),
        1000,
        10,
        errors == "serial + het",
    )
    inside, rejected, slopes, known = np.zeros(3), np.zeros(2), np.zeros(2), np.zeros(2)
    truth = np.array([0.5, 0.5 + bend])
    for _ in range(panels):
        df = keys(n)
        q, e = (_series(rng, n, periods, 0.8 * hard) for _ in range(2))
        df["q"], df["x"] = q, rng.normal(size=q.size)
        e = e * np.sqrt(0.25 + 0.75 * q**2) if hard else e
        df["y"] = 0.5 * q + df["x"] + e
        if bend == 1:
            rejected[0] += SPEC.fit(Panel(df, "i", "t"), rng=rng).test.p_value <= 0.05
        df["y"] += bend * np.maximum(q - 0.3, 0)
        results = SPEC.fit(Panel(df, "i", "t"), rng=rng)
        rejected[1] += results.continuity.p_value <= 0.05
        for m, method in enumerate(("bootstrap", "lr", "wald")):
            inside[m] += any(a <= 0.3 <= b for a, b in results.confidence_set(method))
        slopes += contained(results.slopes, truth)
        known += contained(at_threshold(df, results.threshold), truth)
    drawn, lr, wald = inside / panels
    cell = {"n": n, "errors": errors, "bend": f"{bend:g}"}
    size = {"no kink": rejected[0] / panels} if bend == 1 else {}
    measured("size_of_kink_tests", {**cell, **size, "no jump": rejected[1] / panels})
    measured(
        "coverage_of_kink_sets", {**cell, "bootstrap": drawn, "lr": lr, "wald": wald}
    )
    (below, above), (low, high) = slopes / panels, known / panels
    covered = {
        "below": below,
        "above": above,
        "below, g known": low,
        "above, g known": high,
    }
    measured("coverage_of_kink_slopes", {**cell, **covered})

    assert abs(rejected[bend != 1 :] / panels - 0.05).max() < 0.045
    assert drawn >= max(lr, wald)
    if n == 31 and bend == 1:
        assert drawn > (0.83 if hard else 0.9)
        assert wald < (0.75 if hard else 0.87)
        assert lr < (0.82 if hard else 0.95)


def contained(results: LinearResults, truth: Array) -> Array:
    """Whether the intervals of the first coefficients contain the truth."""
    bounds = results.conf_int().to_numpy()[: truth.size]
    return (bounds[:, 0] <= truth) & (truth <= bounds[:, 1])


def at_threshold(df: pd.DataFrame, threshold: float) -> LinearResults:
    """Fit both slopes with a threshold that is taken as known."""
    sides = {
        "low": np.minimum(df["q"] - threshold, 0),
        "high": np.maximum(df["q"] - threshold, 0),
    }
    return FixedEffects("y", ["low", "high", "x"]).fit(
        Panel(df.assign(**sides), "i", "t")
    )


@quiet
@pytest.mark.montecarlo
@pytest.mark.parametrize("jump", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("errors", ["iid", "serial + het"])
@pytest.mark.parametrize("n", [31, 100])
def test_a_jump_escapes_the_test_of_no_kink_and_not_that_of_continuity(
    n: int, errors: str, jump: float, measured: Callable[..., None]
) -> None:
    """Share of 500 panels in which a test at 5% rejects.

    The truth is a line, with a jump or without.

    n entities are observed for 10 periods. q is standard normal with a slope of .5, and
    the outcome jumps where q is above .3, by so many standard deviations of the error.
    "serial + het": q and the errors have a serial correlation of .8, and the standard
    deviation of the error is sqrt(.25 + .75 q^2). The step's own test is that of
    `PanelThreshold` with its own level and slope on each side. "step only" is the share
    of panels in which the test of no kink does not reject and both others do. All tests
    have 199 draws.
    """
    rng, panels, periods, hard = (
        np.random.default_rng(2),
        500,
        10,
        errors == "serial + het",
    )
    rejected = np.zeros(4)
    for _ in range(panels):
        df = keys(n)
        q, x, e = (
            _series(rng, n, periods, rho) for rho in (0.8 * hard, 0.0, 0.8 * hard)
        )
        df["q"], df["x"] = q, x
        e = e * np.sqrt(0.25 + 0.75 * q**2) if hard else e
        df["y"] = 0.5 * q + x + jump * (q > 0.3) + e
        results, other = (
            spec.fit(Panel(df, "i", "t"), rng=rng) for spec in (SPEC, STEP)
        )
        p = [
            results.test.p_value,
            results.continuity.p_value,
            other.tests["p_value"][0],
        ]
        line, kink, step = np.array(p) <= 0.05
        rejected += [line, kink, step, kink and step and not line]
    no_kink, no_jump, own, only = rejected / panels
    cell = {"n": n, "errors": errors, "jump": f"{jump:g}"}
    shares = {
        "no kink": no_kink,
        "no jump": no_jump,
        "step's own test": own,
        "step only": only,
    }
    measured("power_against_a_jump", {**cell, **shares})

    if jump == 0:
        assert max(no_kink, no_jump, own) < 0.11
        assert only < 0.05
    if (n, errors, jump) == (31, "iid", 1):
        assert 0.45 < no_kink < 0.68
        assert no_jump > 0.85
        assert own > 0.87


@quiet
@pytest.mark.montecarlo
@pytest.mark.parametrize("n", [31, 100])
def test_a_step_at_a_kink_is_found_less_precisely(
    n: int, measured: Callable[..., None]
) -> None:
    """Thresholds of kink and step models in 500 panels where the truth is a kink.

    n entities are observed for 10 periods. q is standard normal with a slope of .5,
    which changes by one standard deviation of the independent errors at q = .3. Root
    mean squared errors of both thresholds, and the share of panels in which two 95%
    sets of the step model contain the truth.
    """
    rng, panels = np.random.default_rng(3), 500
    thresholds, inside = np.zeros((2, panels)), np.zeros(2)
    for r in range(panels):
        df = keys(n)
        df["q"], df["x"], e = rng.normal(size=(3, len(df)))
        df["y"] = 0.5 * df["q"] + np.maximum(df["q"] - 0.3, 0) + df["x"] + e
        kink, step = (
            spec.replace(bootstrap=None).fit(Panel(df, "i", "t"))
            for spec in (SPEC, STEP)
        )
        thresholds[:, r] = kink.threshold, step.estimates[0]
        for m, method in enumerate(("lr", "scaled")):
            inside[m] += any(
                a <= 0.3 <= b for a, b in step.confidence_set(method=method)
            )
    of_kink, of_step = np.sqrt(((thresholds - 0.3) ** 2).mean(axis=1))
    errors = {"error of the kink": of_kink, "error of the step": of_step}
    sets = {
        "lr set of the step": inside[0] / panels,
        "scaled set of the step": inside[1] / panels,
    }
    measured("thresholds_where_there_is_a_kink", {"n": n, **errors, **sets})
    assert of_kink < of_step
    assert (inside / panels < 0.95).all()


def _series(rng: np.random.Generator, n: int, periods: int, rho: float) -> Array:
    out = rng.normal(size=(n, periods))
    for t in range(1, periods):
        out[:, t] = rho * out[:, t - 1] + np.sqrt(1 - rho**2) * out[:, t]
    return out.ravel()


# --- invariances ---


@quiet
def test_row_order_and_labels_change_nothing() -> None:
    df = frame(1)
    results = SPEC.fit(Panel(df, "i", "t"), rng=5)
    mixed = SPEC.fit(Panel(df.sample(frac=1, random_state=1), "i", "t"), rng=5)
    assert mixed.to_dict() == results.to_dict()
    named = df.assign(i=df["i"].map(lambda i: f"city {i:03d}"), t=df["t"] - 1900)
    again = SPEC.fit(Panel(named, "i", "t"), rng=5)
    assert again.to_dict()["tests"] == results.to_dict()["tests"]
    assert again.confidence_set() == results.confidence_set()


@quiet
@pytest.mark.parametrize(("shift", "scale"), [(1e4, 1.0), (0.0, 1e-5), (-300.0, 2e6)])
def test_units_change_what_they_should(shift: float, scale: float) -> None:
    df = frame(2).assign(q=lambda d: d["q"].round(4))
    results = SPEC.fit(Panel(df, "i", "t"), rng=5)
    other = df.assign(
        q=shift + scale * df["q"], y=1e3 * df["y"] + 1e4 * df["i"], x=df["x"] * 1e5 + 3
    )
    again = SPEC.fit(Panel(other, "i", "t"), rng=5)
    close = {"rtol": 1e-6, "atol": 1e-7}
    np.testing.assert_allclose(
        (again.threshold - shift) / scale, results.threshold, **close
    )
    np.testing.assert_allclose(
        again.threshold_se / scale, results.threshold_se, **close
    )
    np.testing.assert_allclose(
        again.slopes.coefficients[:2] * scale / 1e3,
        results.slopes.coefficients[:2],
        **close,
    )
    np.testing.assert_allclose(again.slopes.tstats, results.slopes.tstats, rtol=1e-6)
    for method in ("bootstrap", "lr", "wald"):
        sets = (np.array(again.confidence_set(method)) - shift) / scale
        np.testing.assert_allclose(sets, results.confidence_set(method), **close)
    for name in ("test", "continuity"):
        assert getattr(again, name).p_value == getattr(results, name).p_value
        assert getattr(again, name).statistic == pytest.approx(
            getattr(results, name).statistic, rel=1e-6
        )


@quiet
def test_mirrored_q_mirrors_the_fit() -> None:
    df = frame(2)
    results = SPEC.fit(Panel(df, "i", "t"), rng=5)
    mirrored = SPEC.fit(Panel(df.assign(q=-df["q"]), "i", "t"), rng=5)
    assert mirrored.threshold == pytest.approx(-results.threshold, rel=1e-9)
    assert mirrored.threshold_se == pytest.approx(results.threshold_se, rel=1e-8)
    np.testing.assert_allclose(
        mirrored.slopes.coefficients[:2], -results.slopes.coefficients[1::-1], rtol=1e-9
    )
    np.testing.assert_allclose(
        mirrored.slopes.std_errors[:2], results.slopes.std_errors[1::-1], rtol=1e-8
    )


@quiet
def test_a_line_added_to_the_outcome_moves_both_slopes_alike() -> None:
    df = frame(4)
    results = SPEC.fit(Panel(df, "i", "t"), rng=5)
    tilted = SPEC.fit(Panel(df.assign(y=df["y"] + 7 * df["q"]), "i", "t"), rng=5)
    assert tilted.threshold == pytest.approx(results.threshold, rel=1e-9)
    assert tilted.threshold_se == pytest.approx(results.threshold_se, rel=1e-8)
    np.testing.assert_allclose(
        tilted.slopes.coefficients[:2] - 7, results.slopes.coefficients[:2], rtol=1e-9
    )
    np.testing.assert_allclose(
        tilted.slopes.covariance, results.slopes.covariance, rtol=1e-7, atol=1e-12
    )


@quiet
def test_seeds_reproduce() -> None:
    panel = Panel(frame(1), "i", "t")
    one = SPEC.fit(panel, rng=np.random.default_rng(3))
    np.testing.assert_array_equal(
        one.statistic_draws, SPEC.fit(panel, rng=one.rng_entropy).statistic_draws
    )
    assert SPEC.fit(panel).rng_entropy != SPEC.fit(panel).rng_entropy
    first = SPEC.replace(reps=50).fit(panel, rng=one.rng_entropy).statistic_draws
    np.testing.assert_allclose(first, one.statistic_draws[:, :50], rtol=1e-9, atol=1e-9)


# --- the specification is a value ---


def test_specs_are_values() -> None:
    a, b = (
        PanelKink("y", "q", ["x"], absorb="region"),
        PanelKink("y", "q", "x", absorb=["region"]),
    )
    assert a == b
    assert hash(a) == hash(b)
    assert pickle.loads(pickle.dumps(a)) == a
    assert a.add("w").x == ("x", "w")
    assert a.drop("x").x == ()
    assert a.swap("q", "q2").kink_variable == "q2"
    assert a.terms == ("y", "q", "x")


# --- refusals ---

BAD_OPTIONS: list[tuple[dict[str, Any], str]] = [
    ({"trim": 0}, "trim=0"),
    ({"trim": 0.5}, "trim=0.5"),
    ({"trim": (0.05, 0.1)}, "trim="),
    ({"trim": "5%"}, "trim='5%'"),
    ({"trim": float("nan")}, "trim=nan"),
    (
        {"bootstrap": "hansen"},
        "bootstrap='hansen' is not known; use one of 'wild_cluster', None",
    ),
    ({"bootstrap": ("wild_cluster",)}, "bootstrap="),
    ({"bootstrap": False}, "bootstrap=False"),
    ({"reps": 0}, "reps=0"),
    ({"reps": 99.5}, "reps=99.5"),
    ({"level": 95}, "level=95"),
    ({"df": "stata"}, "df='stata'"),
    ({"cov_type": "hc4"}, "cov_type='hc4'"),
    ({"ssc": "stata"}, "ssc='stata'"),
    ({"entity_effects": "id"}, "entity_effects"),
    ({"clusters": ("i", "t")}, "two-way.*bootstrap=None"),
    ({"clusters": ("i",), "cov_type": "robust"}, "clusters"),
]


@pytest.mark.parametrize(("options", "words"), BAD_OPTIONS, ids=lambda v: str(v))
def test_absurd_options_are_refused_by_name(
    options: dict[str, Any], words: str
) -> None:
    with pytest.raises(OptionError, match=words):
        PanelKink("y", "q", "x", **options)


def test_terms_are_checked() -> None:
    for wrong in (("y", "q", ["y"]), ("y", "y")):
        with pytest.raises(TermError, match="'y' is also"):
            PanelKink(*wrong)
    with pytest.raises(InputTypeError, match="kink_variable"):
        PanelKink("y", ["q"])  # type: ignore[arg-type]
    with pytest.raises(InputTypeError, match="x must be a list"):
        PanelKink("y", "q", 3)  # type: ignore[arg-type]


BAD_DATA: list[tuple[str, Any, dict[str, Any], type[DigiprosperError], str]] = [
    (
        "constant q",
        lambda df: df.assign(q=1.0),
        {},
        ThresholdSearchError,
        "'q' is constant",
    ),
    (
        "binary q",
        lambda df: df.assign(q=1.0 * (df["q"] > 0)),
        {},
        ThresholdSearchError,
        "'q': no kink remains",
    ),
    (
        "rare q",
        lambda df: df.assign(q=1.0 * (df["q"] > 2)),
        {},
        ThresholdSearchError,
        "2 distinct.*Lower trim",
    ),
    (
        "q also in x",
        None,
        {"x": ("x", "q")},
        CollinearityError,
        "PanelKink adds its two slopes. Remove it from x",
    ),
    (
        "q twice",
        lambda df: df.assign(w=2 * df["q"]),
        {"x": ("x", "w")},
        CollinearityError,
        "'w'.*'q'",
    ),
    (
        "multiple",
        lambda df: df.assign(w=2 * df["x"]),
        {"x": ("x", "w")},
        CollinearityError,
        "'w'.*'x'",
    ),
    (
        "flat q",
        lambda df: df.assign(q=df["i"] * 1.0),
        {},
        IdentificationError,
        "'q' is absorbed",
    ),
    (
        "flat x",
        lambda df: df.assign(x=df["i"] * 1.0),
        {},
        IdentificationError,
        "'x' is absorbed",
    ),
    (
        "constant y",
        lambda df: df.assign(y=1.0),
        {},
        IdentificationError,
        "'y' is constant",
    ),
    (
        "y of the entity",
        lambda df: df.assign(y=df["i"] * 1.0),
        {},
        IdentificationError,
        "'y' does not vary",
    ),
    ("unknown column", None, {"kink_variable": "qq"}, ColumnError, "did you mean 'q'"),
    ("bare power", None, {"x": "x**2"}, TermError, r"I\(x\*\*2\)"),
    (
        "several columns",
        None,
        {"kink_variable": "C(region)"},
        TermError,
        "kink_variable",
    ),
    ("text", lambda df: df.assign(q=["a"] * len(df)), {}, InputTypeError, "'q'"),
    ("missing q", lambda df: df.assign(q=np.nan), {}, MissingDataError, "no row"),
    (
        "skewed q",
        lambda df: df.assign(q=np.exp(6 * df["q"])),
        {},
        ThresholdSearchError,
        "'q' varies too.*logarithm",
    ),
    (
        "huge q",
        lambda df: df.assign(q=df["q"] * 1e200),
        {},
        IdentificationError,
        "'q'.*Rescale",
    ),
]


@quiet
@pytest.mark.parametrize(
    ("change", "options", "error", "words"),
    [c[1:] for c in BAD_DATA],
    ids=[c[0] for c in BAD_DATA],
)
def test_what_cannot_be_searched_is_refused_in_words(
    change: Any, options: dict[str, Any], error: type[DigiprosperError], words: str
) -> None:
    df = frame(1)
    panel = Panel(df if change is None else change(df), "i", "t")
    with pytest.raises(error, match=words):
        SPEC.replace(**options).fit(panel)


def test_fit_takes_a_panel() -> None:
    with pytest.raises(InputTypeError, match="Panel"):
        SPEC.fit(frame())  # type: ignore[arg-type]
    with pytest.raises(InputTypeError, match="rng"):
        SPEC.fit(Panel(frame(holes=0.0), "i", "t"), rng="seed")


@quiet
def test_more_parameters_than_rows_are_refused() -> None:
    df = frame(1, n=2, periods=4, holes=0.0).assign(q=[0.0, 1, 3, 4, 2, 6, 5, 9])
    spec = PanelKink(
        "y", "q", ["x", "w"], time_effects=False, bootstrap=None, cov_type="robust"
    )
    assert spec.fit(Panel(df, "i", "t")).slopes.df_resid == 1
    with pytest.raises(IdentificationError, match="more parameters than rows"):
        spec.add("I(x**2)").fit(Panel(df, "i", "t"))


# --- what is worth saying ---


def codes(results: KinkResults) -> set[str]:
    return {n.code for n in results.diagnostics}


def test_a_quiet_fit_issues_nothing() -> None:
    results = SPEC.fit(Panel(frame(1, n=60, holes=0.0), "i", "t"), rng=1)
    assert results.diagnostics == ()


@quiet
def test_a_rotating_panel_is_unbalanced() -> None:
    """Every entity has equally many rows, but not in the same periods."""
    data = frame(1, n=60, holes=0.0)
    whole = SPEC.fit(Panel(data, "i", "t"), rng=1)
    data["t"] += data["i"] % 3
    results = SPEC.fit(Panel(data, "i", "t"), rng=1)
    (notice,) = (n for n in results.diagnostics if n.code == "unbalanced")
    rows, periods = whole.slopes.n_times, whole.slopes.n_times + 2
    assert notice.data == {"least": rows, "most": rows, "n_times": periods}
    assert f"({rows} rows per entity in {periods} periods)" in notice.message
    assert "unbalanced" not in codes(whole)


@quiet
def test_unbalance_and_few_clusters_are_told() -> None:
    panel = Panel(frame(1, n=60), "i", "t")
    assert codes(SPEC.fit(panel, rng=1)) == {"unbalanced"}
    with pytest.warns(FewClustersWarning):
        regions = SPEC.replace(clusters="region").fit(panel, rng=1)
    (data,) = (n.data for n in regions.diagnostics if n.code == "very_few_clusters")
    assert data == {"clusters": "region", "n_clusters": 15}
    few = SPEC.replace(clusters="few").fit(
        Panel(frame(1).assign(few=lambda d: d["i"] % 7), "i", "t"), rng=1
    )
    assert {"webb", "very_few_clusters"} <= codes(few)


@quiet
def test_short_intervals_of_few_entities_are_told() -> None:
    few = SPEC.fit(Panel(frame(1, n=31, holes=0.0), "i", "t"), rng=1)
    (notice,) = (n for n in few.diagnostics if n.code == "few_entities_kink")
    assert notice.data == {"n_entities": 31}
    assert "covered the slopes in 64 to 91%" in " ".join(few.summary().split())
    more = SPEC.fit(Panel(frame(1, n=40, holes=0.0), "i", "t"), rng=1)
    assert "few_entities_kink" not in codes(more)


@quiet
def test_a_lagged_outcome_is_told() -> None:
    panel = Panel(frame(1, n=60), "i", "t")
    with pytest.warns(IdentificationWarning):
        results = SPEC.add("lag(y)").fit(panel, rng=1)
    (notice,) = (n for n in results.diagnostics if n.code == "lagged_outcome")
    assert notice.data["columns"] == ("lag(y)",)
    assert notice.message.endswith("use a dynamic threshold model (Seo & Shin 2016).")


@quiet
def test_sets_at_the_end_small_sides_and_few_draws_are_told() -> None:
    weak = Panel(frame(3, n=60, bend=0.0), "i", "t")
    with pytest.warns(BoundaryThresholdWarning), pytest.warns(FewDrawsWarning):
        results = SPEC.replace(reps=99).fit(weak, rng=1)
    told = {n.code: n.data for n in results.diagnostics}
    assert told["boundary"]["whole"]
    assert told["few_draws"] == {"reps": 99}
    df = frame(3, n=20, holes=0.0, bend=0.0)
    df["q"] = np.where(df["i"] < 2, 5 + df["q"].abs(), df["q"])
    df["y"] = df["y"] + 6 * np.maximum(df["q"] - 5, 0)
    with pytest.warns(SmallRegimeWarning):
        small = SPEC.fit(Panel(df, "i", "t"), rng=1)
    (notice,) = (n for n in small.diagnostics if n.code == "small_regime")
    assert notice.data["regime"] == "above"
    assert "above the threshold of 'q': the slope on that side" in notice.message


@quiet
def test_a_place_that_makes_no_difference_has_no_error() -> None:
    """With three values of q any g between the lower two fits alike."""
    df = frame(3, n=60, holes=0.0)
    df["q"] = np.digitize(df["q"], [-0.5, 0.5]) * 1.0
    df["y"] = df["y"] + (df["q"] > 1)
    results = SPEC.fit(Panel(df, "i", "t"), rng=1)
    assert np.isnan(results.threshold_se)
    assert "no_threshold_se" in codes(results)
    assert results.confidence_set("wald") == [(-np.inf, np.inf)]
    assert results.slopes.std_errors.notna().all()


@quiet
def test_no_information_is_no_error() -> None:
    """Two entities with both effects: scores add up to zero in each."""
    rng = np.random.default_rng(1)
    df = pd.DataFrame(
        {
            "i": np.repeat([0, 1], 60),
            "t": np.tile(np.arange(60), 2),
            "q": rng.normal(size=120),
        }
    )
    df["x"], df["y"] = (
        rng.normal(size=120),
        np.maximum(df["q"], 0) + rng.normal(size=120),
    )
    results = SPEC.replace(bootstrap=None).fit(Panel(df, "i", "t"))
    assert np.isnan(results.threshold_se)
    assert results.slopes.std_errors.isna().all()


@quiet
def test_two_way_clusters_go_without_a_bootstrap() -> None:
    results = SPEC.replace(clusters=("i", "t"), bootstrap=None).fit(
        Panel(frame(1), "i", "t")
    )
    assert results.slopes.clusters == ("i", "t")
    assert np.isnan(results.test.p_value)
    assert results.rng_entropy is None


@quiet
def test_an_exact_fit_finds_the_kink_and_rejects_the_line() -> None:
    df = frame(1, holes=0.0)
    df["y"] = (
        df["x"] + np.minimum(df["q"] - 0.205, 0) - 2 * np.maximum(df["q"] - 0.205, 0)
    )
    results = SPEC.fit(Panel(df, "i", "t"), rng=1)
    assert results.threshold == pytest.approx(0.205, abs=1e-6)
    assert results.test.p_value == 1 / 200
    assert results.test.statistic > 1e6
    assert (results.ssr > 0).all()


@quiet
def test_rounding_of_an_exact_fit_is_no_sum_of_squares() -> None:
    """The sums of squares are differences: without the floor some are negative."""
    for seed in range(6):
        df = frame(seed, holes=0.0)
        df["y"] = 100 * (df["x"] + np.abs(df["q"] - 0.2))
        results = SPEC.replace(bootstrap=None).fit(Panel(df, "i", "t"))
        least = NO_RESIDUALS * results.ssr["linear"]
        assert (results.ssr >= least).all()
        assert (results.profile_ssr >= least).all()
        assert results.profile_ssr.min() < 100 * least


@quiet
def test_draws_without_another_place_for_the_kink_make_no_wide_set() -> None:
    df = frame(2, holes=0.0)
    df["q"] = np.digitize(df["q"], df["q"].quantile([0.2, 0.6])) * 1.0
    results = SPEC.replace(trim=0.3).fit(Panel(df, "i", "t"), rng=1)
    assert results.critical["bootstrap"] == pytest.approx(
        FLAT_DRAWS * results.df, rel=1e-12
    )
    assert results.sets["bootstrap"] == ((1.0, 1.0),)


@pytest.mark.parametrize("trim", [np.nextafter(0, 1), np.nextafter(0.5, 0)])
def test_trim_lies_above_zero_and_below_a_half(trim: float) -> None:
    assert PanelKink("y", "q", trim=trim).trim == trim
    for beyond in (0.0, 0.5):
        with pytest.raises(OptionError, match="trim="):
            PanelKink("y", "q", trim=beyond)


@pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
def test_a_column_with_the_name_of_a_term_is_not_that_term() -> None:
    data = frame().rename(columns={"q": "I( x**2 )"})
    spec = PanelKink("y", "I( x**2 )", ["I(x**2)"], bootstrap=None)
    assert spec.fit(Panel(data, "i", "t")).slopes.params.index[-1] == "I(x**2)"
    with pytest.raises(CollinearityError, match="also in x"):
        spec.fit(Panel(frame(), "i", "t"))


def test_a_control_may_not_bear_the_name_of_a_slope():
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        {"id": np.repeat(np.arange(20), 6), "year": np.tile(np.arange(6), 20)}
    )
    frame = frame.assign(
        y=rng.normal(size=120), q=rng.normal(size=120), other=rng.normal(size=120)
    )
    panel = Panel(frame.rename(columns={"other": "q:below"}), "id", "year")
    with pytest.raises(
        TermError, match="'q:below' is the name of a column and of a term"
    ):
        PanelKink("y", "q", ["q:below"], bootstrap=None).fit(panel)


@quiet
def test_draws_of_which_nothing_is_left_are_missing_and_counted() -> None:
    """Two periods as clusters, entity effects.

    In a sixth of the draws the effects take everything out.
    """
    lost = 0
    for seed in range(25):
        rng = np.random.default_rng(seed)
        df = pd.DataFrame(
            {"i": np.repeat(np.arange(6), 2), "t": np.tile(np.arange(2), 6)}
        )
        df[["q", "y"]] = rng.normal(size=(12, 2))
        spec = PanelKink("y", "q", reps=60, clusters=["t"], time_effects=False)
        try:
            results = spec.fit(Panel(df, "i", "t"), rng=1)
        except DigiprosperError:
            continue
        count = int(np.isnan(results.statistic_draws[:2]).sum())
        (notice,) = (n for n in results.diagnostics if n.code == "lost_draws")
        assert notice.data == {"lost": count, "reps": 120}
        np.testing.assert_array_equal(*np.isnan(results.statistic_draws[1:]))
        assert 0 < results.test.p_value <= 1
        assert np.isfinite(results.confidence_set()).all()
        lost += count
    assert 0.1 < lost / (25 * 120) < 0.25
