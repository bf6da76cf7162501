"""Sensitivity to an omitted cause, against regressions with it, and formulas."""

from __future__ import annotations

import json
import pickle
from dataclasses import FrozenInstanceError, replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from digiprosper.errors import IdentificationError, OptionError
from digiprosper.mediation.sensitivity import (
    MediationSensitivity,
    mediational_e_value,
    robustness_value,
    sensitivity,
)

# No draw but a lost one.
NONE = (np.full(1, np.nan), np.full((1, 3), np.nan))


def slopes(y: Any, *x: Any) -> Any:
    return np.linalg.lstsq(np.column_stack([*x, np.ones(len(y))]), y, rcond=None)[0]


def residual(y: Any, *x: Any) -> Any:
    design = np.column_stack([*x, np.ones(len(y))])
    return y - design @ np.linalg.lstsq(design, y, rcond=None)[0]


def parts(
    y: Any, x: Any, m: Any, *others: Any
) -> tuple[float, tuple[float, float, float]]:
    """a and moments of residuals of y and m, on x and the other mediators."""
    e1, e2 = residual(y, x, *others), residual(m, x, *others)
    return slopes(m, x)[0], (float(e1 @ e1), float(e1 @ e2), float(e2 @ e2))


def draw(y: Any, x: Any, m: Any, reps: int, seed: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, len(y), (reps, len(y)))
    actual = [parts(y[i], x[i], m[i]) for i in rows]
    return np.array([a for a, _ in actual]), np.array([s for _, s in actual])


@pytest.fixture(scope="module")
def data() -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(3)
    x = rng.normal(size=150)
    m = 0.6 * x + rng.normal(size=150)
    return 0.2 * x + 0.5 * m + rng.normal(size=150), x, m


@pytest.fixture(scope="module")
def draws(data: tuple[Any, Any, Any]) -> tuple[Any, Any]:
    return draw(*data, reps=599, seed=4)


@pytest.fixture(scope="module")
def results(data: tuple[Any, Any, Any], draws: tuple[Any, Any]) -> MediationSensitivity:
    analysis = sensitivity("m", *parts(*data), *draws, clusters=None)
    return replace(analysis, conventions="599 row draws")


def orthogonal(n: int, k: int, seed: int) -> Any:
    """Columns of mean 0, variance 1, no correlation: nothing left to chance.

    This holds in the sample.
    """
    z = np.random.default_rng(seed).normal(size=(n, k))
    return np.linalg.qr(z - z.mean(axis=0))[0].T * np.sqrt(n)


@pytest.mark.parametrize(
    ("alpha", "beta"), [(0.8, 0.7), (-0.8, 0.7), (0.3, 2.0), (0.0, 1.0), (1.5, -0.1)]
)
def test_the_true_correlation_gives_the_true_effect(alpha: float, beta: float) -> None:
    x, u, v2, v3 = orthogonal(60, 4, 1)
    m = 0.5 * x + alpha * u + v2
    y = 0.3 * x + 0.4 * m + beta * u + 1.2 * v3
    rho = alpha * beta / np.sqrt((alpha**2 + 1) * (beta**2 + 1.44))
    a, moments = parts(y, x, m)
    actual = sensitivity("m", a, moments, *NONE, rho=[rho, 0.0], clusters=None)
    # With the omitted cause in the regression b is .4; without it, what the fit
    # assumes.
    assert slopes(y, x, m, u)[1] == pytest.approx(0.4)
    assert actual.curve["indirect"].tolist() == pytest.approx(
        [0.5 * 0.4, a * slopes(y, x, m)[1]], abs=1e-12
    )
    assert np.isnan(actual.effects[:, 1:]).all()
    assert np.isnan(actual.rho_insignificant)


def test_with_other_mediators_the_omitted_cause_is_of_what_they_leave() -> None:
    x, n, u, v2, v3 = orthogonal(60, 5, 2)
    n = 0.7 * x + n
    m = 0.5 * x + 0.4 * n + 0.8 * u + v2
    y = 0.3 * x + 0.4 * m - 0.6 * n + 0.9 * u + v3
    rho = 0.8 * 0.9 / np.sqrt((0.8**2 + 1) * (0.9**2 + 1))
    a, moments = parts(y, x, m, n)
    actual = sensitivity("m", a, moments, *NONE, rho=[rho, 0.0], clusters=None)
    assert actual.curve["indirect"].tolist() == pytest.approx(
        [a * 0.4, a * slopes(y, x, m, n)[1]], abs=1e-12
    )


def test_a_simulated_confounder_is_recovered_in_a_large_sample() -> None:
    rng = np.random.default_rng(8)
    n, rho = 200_000, 0.45
    x = rng.normal(size=n)
    e2, e3 = rng.multivariate_normal([0, 0], [[1, rho], [rho, 1]], n).T
    m = 0.5 * x + e2
    y = 0.3 * x + 0.4 * m + e3
    a, moments = parts(y, x, m)
    actual = sensitivity("m", a, moments, *NONE, rho=[rho], clusters=None)
    # Standard errors of a and of b are below 1.5 / sqrt(n) = .0034; five of them.
    assert actual.curve["indirect"][0] == pytest.approx(0.2, abs=5 * 0.9 * 0.0034)
    assert actual.assumed[0] > 0.4


def test_the_curve_is_its_formula_at_every_draw(
    data: tuple[Any, Any, Any], draws: tuple[Any, Any], results: MediationSensitivity
) -> None:
    def effect(a: float, moments: Any, rho: float) -> float:
        s11, s12, s22 = moments
        r = s12 / np.sqrt(s11 * s22)
        return float(
            a * np.sqrt(s11 / s22) * (r - rho * np.sqrt((1 - r**2) / (1 - rho**2)))
        )

    curve = results.curve
    assert list(curve.columns) == ["rho", "indirect", "conf_low", "conf_high"]
    a, moments = parts(*data)
    for row in curve.iloc[[0, 17, 90, 140, -1]].itertuples():
        assert row.indirect == pytest.approx(
            effect(a, moments, row.rho), rel=1e-12, abs=1e-14
        )
        values = [effect(*d, row.rho) for d in zip(*draws, strict=True)]
        ends = np.quantile(values, [0.025, 0.975], method="weibull")
        assert [row.conf_low, row.conf_high] == pytest.approx(ends.tolist(), rel=1e-12)


def test_the_grid_has_zero_and_the_correlation_itself(
    data: tuple[Any, Any, Any], draws: tuple[Any, Any], results: MediationSensitivity
) -> None:
    curve = results.curve
    assert len(curve) == 182
    assert curve["rho"].is_monotonic_increasing
    assert curve["rho"].iloc[[0, -1]].tolist() == [-0.9, 0.9]
    r = np.corrcoef(residual(data[0], data[1]), residual(data[2], data[1]))[0, 1]
    assert results.rho_at_zero == pytest.approx(r, rel=1e-12)
    assert results.r2_at_zero == results.rho_at_zero**2
    assert curve.loc[curve["rho"] == results.rho_at_zero, "indirect"].tolist() == [0.0]
    # At rho = 0 it is ab with the percentile interval of ab.
    a_draws, s = draws
    ab = np.quantile(a_draws * s[:, 1] / s[:, 2], [0.025, 0.975], method="weibull")
    at_zero = curve.loc[
        curve["rho"] == 0.0, ["indirect", "conf_low", "conf_high"]
    ].to_numpy()[0]
    y, x, m = data
    assert at_zero.tolist() == pytest.approx(
        [slopes(m, x)[0] * slopes(y, x, m)[1], *ab], rel=1e-12
    )
    np.testing.assert_array_equal(at_zero, results.assumed)
    ends = np.quantile(
        s[:, 1] / np.sqrt(s[:, 0] * s[:, 2]), [0.025, 0.975], method="weibull"
    )
    assert [results.rho_low, results.rho_high] == pytest.approx(
        ends.tolist(), rel=1e-12
    )


def covers(a_draws: Any, s: Any, rho: Any, level: float) -> Any:
    r = s[:, 1] / np.sqrt(s[:, 0] * s[:, 2])
    scaled = a_draws * np.sqrt(s[:, 0] / s[:, 2])
    values = scaled[:, None] * (
        r[:, None] - rho * np.sqrt((1 - r[:, None] ** 2) / (1 - rho**2))
    )
    tails = [(1 - level) / 2, (1 + level) / 2]
    low, high = np.nanquantile(values, tails, axis=0, method="weibull")
    return (low <= 0) & (high >= 0)


@pytest.mark.many(2)
@pytest.mark.parametrize("level", [0.8, 0.9, 0.95])
@pytest.mark.parametrize("sign", [1, -1])
def test_where_the_interval_first_covers_zero(
    data: tuple[Any, Any, Any], draws: tuple[Any, Any], level: float, sign: int
) -> None:
    a, (s11, s12, s22) = parts(*data)
    a_draws, s = draws[0], draws[1] * [1, sign, 1]
    actual = sensitivity(
        "m", a, (s11, sign * s12, s22), a_draws, s, level=level, clusters=None
    )
    first = actual.rho_insignificant
    assert 0 < sign * first < abs(actual.rho_at_zero)
    nearer = np.linspace(-1, 1, 801) * abs(first) * (1 - 1e-9)
    assert not covers(a_draws, s, nearer, level).any()
    assert covers(a_draws, s, np.array([first * (1 + 1e-9)]), level).all()


def test_an_interval_that_covers_zero_at_once_or_never(
    data: tuple[Any, Any, Any],
) -> None:
    y, x, _ = data
    noise = np.random.default_rng(9).normal(size=150)
    weak = sensitivity(
        "m", *parts(y, x, noise), *draw(y, x, noise, 199, 1), clusters=None
    )
    assert weak.rho_insignificant == 0
    assert "includes 0 already at rho = 0" in weak.summary()
    # Draws all alike and r = .995: clear of 0 up to .99.
    a_draws, s = np.full(99, 0.5), np.tile([1.0, 0.995, 1.0], (99, 1))
    never = sensitivity("m", 0.5, (1.0, 0.995, 1.0), a_draws, s, clusters=None)
    assert np.isnan(never.rho_insignificant)
    assert "excludes 0 for all" in never.summary()
    assert never.curve["rho"].iloc[-1] == 0.995
    # A narrow interval jumps over 0 between two steps and is found all the same.
    sharp = sensitivity(
        "m",
        0.5,
        (1.0, 0.3337, 1.0),
        a_draws,
        np.tile([1.0, 0.3337, 1.0], (99, 1)),
        clusters=None,
    )
    assert sharp.rho_insignificant == pytest.approx(0.3337, rel=1e-12)


def test_lost_draws_are_left_out(
    data: tuple[Any, Any, Any], draws: tuple[Any, Any]
) -> None:
    a, moments = parts(*data)
    whole = sensitivity("m", a, moments, *draws, clusters=None)
    lost = sensitivity(
        "m", a, moments, np.append(draws[0], [np.nan, 1.0, 1.0]),
        np.vstack([draws[1], np.full(3, np.nan), [1.0, 0.0, 0.0], np.full(3, np.nan)]),
        clusters=None,
    )  # fmt: skip
    assert lost.to_dict() == whole.to_dict()


def test_what_cannot_be_asked_is_refused(draws: tuple[Any, Any]) -> None:
    a_draws, s = draws
    for moments in ((1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (1.0, np.nan, 1.0)):
        with pytest.raises(IdentificationError, match="no variation left"):
            sensitivity("m", 0.5, moments, a_draws, s, clusters=None)
    with pytest.raises(IdentificationError, match="'m'"):
        sensitivity("m", np.nan, (1.0, 0.5, 1.0), a_draws, s, clusters=None)
    bad: Any
    for bad in ("nonsense", 1.0, [-1.0, 0.2], [], [np.nan], [[0.1], [0.2]]):
        with pytest.raises(OptionError, match="between -1 and 1"):
            sensitivity("m", 0.5, (1.0, 0.5, 1.0), a_draws, s, rho=bad, clusters=None)
    with pytest.raises(OptionError, match="level"):
        sensitivity("m", 0.5, (1.0, 0.5, 1.0), a_draws, s, level=1, clusters=None)


def test_words_and_plain_data(results: MediationSensitivity) -> None:
    text = results.summary()
    assert text.splitlines()[-1] == "599 row draws."
    assert max(map(len, text.splitlines())) <= 80
    assert f"first includes 0 at rho = {results.rho_insignificant:.3g}" in text
    assert repr(results) == text
    assert pickle.loads(pickle.dumps(results)).to_dict() == results.to_dict()
    out = json.loads(json.dumps(results.to_dict(), allow_nan=False))
    assert out["schema"] == 1
    assert out["curve"][0]["rho"] == -0.9
    assert out["assumed"] == results.assumed.tolist()
    with pytest.raises(FrozenInstanceError):
        results.level = 0.9  # type: ignore[misc]
    curve = results.curve
    curve["indirect"] = 0.0
    curve.loc[:, "rho"] = 0.0
    assert results.curve["indirect"].iloc[0] != 0
    assert results.curve["rho"].iloc[0] == -0.9


# --- robustness values ----------------------------------------------------------------


def test_the_published_example() -> None:
    # Cinelli & Hazlett (2020): directly harmed, t = 4.18, 783 degrees of freedom.
    assert [round(100 * v, 1) for v in robustness_value(4.18, 783)] == [2.2, 13.9, 7.6]
    assert all(isinstance(v, float) for v in robustness_value(4, 783))


@pytest.mark.many(3)
@pytest.mark.parametrize(
    ("t", "df"), [(4.18, 783), (-2.5, 40), (3.0, 5), (8.0, 12), (60.0, 100), (2.6, 9)]
)
def test_an_omitted_variable_of_that_strength_undoes_the_coefficient(
    t: float, df: float
) -> None:
    """Estimate and error with an omitted variable of given partial R2.

    By the omitted-variable formulas.
    """
    partial, rv, rv_alpha = (float(v) for v in robustness_value(t, df))
    assert partial == pytest.approx(t**2 / (t**2 + df))
    critical = stats.t.ppf(0.975, df - 1)

    def adjusted(r2_y: Any, r2_d: Any) -> tuple[Any, Any]:
        estimate = abs(t) - np.sqrt(df * r2_y * r2_d / (1 - r2_d))
        error = np.sqrt((1 - r2_y) / (1 - r2_d) * df / (df - 1))
        return estimate, estimate / error

    def weakest(strength: float) -> tuple[float, float]:
        grid = np.linspace(0, strength, 1001)
        estimates, ts = adjusted(*np.meshgrid(grid, grid))
        return float(estimates.min()), float(ts.min())

    assert weakest(rv * 0.999)[0] > 0 > weakest(rv + 0.001 * (1 - rv))[0]
    if rv_alpha == 0:
        assert adjusted(0.0, 0.0)[1] <= critical
    else:
        assert (
            weakest(rv_alpha * 0.999)[1]
            > critical
            > weakest(rv_alpha + 0.001 * (1 - rv_alpha))[1]
        )
    assert rv_alpha < rv


def test_robustness_values_of_arrays_and_none() -> None:
    t, df = np.array([4.18, 0.5, np.nan, -4.18]), np.array([783, 50, 50, 783])
    both = robustness_value(t, df, level=0.9)
    for j in range(4):
        assert [v[j] for v in both] == pytest.approx(
            list(robustness_value(t[j], df[j], level=0.9)), nan_ok=True
        )
    assert both[2][1] == 0
    assert np.isnan([v[2] for v in both]).all()
    assert [v[0] for v in both] == [v[3] for v in both]
    assert robustness_value(0.0, 10) == (0, 0, 0)
    with pytest.raises(OptionError, match="degree of freedom"):
        robustness_value(2.0, 1)
    with pytest.raises(OptionError, match="level"):
        robustness_value(2.0, 10, level=0)


def test_robustness_rises_with_the_statistic() -> None:
    t = np.linspace(0, 30, 601)
    for df in (3, 10, 200):
        for values in robustness_value(t, df):
            assert (np.diff(values) >= -1e-15).all()
            assert np.max(np.abs(np.diff(values))) < 0.05


def test_e_value() -> None:
    assert mediational_e_value(0.0) == 1
    ratio = 2.0
    assert mediational_e_value(np.log(ratio) / 0.91) == pytest.approx(2 + np.sqrt(2))
    np.testing.assert_allclose(
        mediational_e_value(np.array([-0.5, 0.5])), mediational_e_value(0.5)
    )


def test_strong_paths_have_a_robustness_value_near_one_and_not_zero() -> None:
    _, rv, _ = robustness_value(np.array([1e9, 1e5, 0.0]), 100)
    assert rv[0] == pytest.approx(1.0, abs=1e-12)
    assert 0.99 < rv[1] <= 1.0
    assert rv[2] == 0.0


def test_effects_are_below_300_standard_deviations_and_correlations_below_one(
    data: tuple[Any, Any, Any],
) -> None:
    assert np.isfinite(mediational_e_value(np.nextafter(300, 0)))
    for d in (300.0, -300.0):
        with pytest.raises(OptionError, match="below 300"):
            mediational_e_value(d)

    def curve(rho: float) -> Any:
        return sensitivity(
            "m", *parts(data[0], data[1], data[2]), *NONE, clusters=None, rho=[rho]
        )

    for end in (-1.0, 1.0):
        assert np.isfinite(curve(0.999 * end).curve["indirect"]).all()
        with pytest.raises(OptionError):
            curve(end)


def test_a_robustness_value_needs_more_than_one_degree_of_freedom() -> None:
    assert np.isfinite(robustness_value(2.0, np.nextafter(1, 2))).all()
    with pytest.raises((OptionError, IdentificationError)):
        robustness_value(2.0, 1)
