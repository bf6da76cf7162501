"""Digits of nearly collinear fits, against whole fractions; negative variances."""

from __future__ import annotations

import json
import pickle
import warnings
from fractions import Fraction
from functools import lru_cache

import numpy as np
import pandas as pd
import pytest

from digiprosper import FixedEffects, Panel, moderated_u_test, plots, u_test
from digiprosper.errors import CovarianceWarning, DigiprosperWarning
from digiprosper.threshold.panel_kink import PanelKink

X = ("x1", "x2", "x3")
OPTIONS = {
    "unadjusted": {"cov_type": "unadjusted"},
    "robust": {"cov_type": "robust"},
    "clustered": {},
    "two": {"clusters": ("city", "year")},
    "xtscc": {"cov_type": "xtscc", "bandwidth": 1},
}


def near(seed: int, condition: float, *, n: int = 6, periods: int = 5) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    city, year = np.divmod(np.arange(n * periods), periods)
    frame = pd.DataFrame(
        {"city": city, "year": year, "x1": rng.normal(size=n * periods)}
    )
    frame["x2"] = frame["x1"] + 2 / condition * rng.normal(size=len(frame))
    frame["x3"], noise = rng.normal(size=(2, len(frame)))
    frame["y"] = frame["x1"] + frame["x3"] + noise
    return frame


# --- the same arithmetic in fractions -------------------------------------------------


def product(a: list, b: list) -> Fraction:
    return sum((p * q for p, q in zip(a, b, strict=True)), Fraction(0))


def inverse(matrix: list[list]) -> list[list]:
    size = len(matrix)
    rows = [
        [*row, *(Fraction(int(i == j)) for j in range(size))]
        for i, row in enumerate(matrix)
    ]
    for i in range(size):
        pivot = next(r for r in range(i, size) if rows[r][i] != 0)
        rows[i], rows[pivot] = rows[pivot], rows[i]
        rows[i] = [v / rows[i][i] for v in rows[i]]
        for r in range(size):
            if r != i:
                rows[r] = [
                    v - rows[r][i] * w for v, w in zip(rows[r], rows[i], strict=True)
                ]
    return [row[size:] for row in rows]


def less_means(column: list, codes: list) -> list:
    sums, counts = {}, {}
    for value, code in zip(column, codes, strict=True):
        sums[code], counts[code] = sums.get(code, 0) + value, counts.get(code, 0) + 1
    return [v - sums[c] / counts[c] for v, c in zip(column, codes, strict=True)]


class Exact:
    """Least squares on a balanced two-way panel, slopes by rows, without a rounding."""

    def __init__(self, frame: pd.DataFrame, outcome: str, x: tuple[str, ...]) -> None:
        self.codes = {key: frame[key].tolist() for key in ("city", "year")}
        y, *columns = (
            [Fraction(v) for v in frame[name].tolist()] for name in (outcome, *x)
        )
        y, *columns = (
            less_means(less_means(c, self.codes["city"]), self.codes["year"])
            for c in (y, *columns)
        )
        self.bread = inverse([[product(a, b) for b in columns] for a in columns])
        self.slopes = [
            product(row, [product(a, y) for a in columns]) for row in self.bread
        ]
        fitted = [product(self.slopes, row) for row in zip(*columns, strict=True)]
        self.rest = [v - f for v, f in zip(y, fitted, strict=True)]
        self.moves = [
            [
                product(row, values) * e
                for values, e in zip(zip(*columns, strict=True), self.rest, strict=True)
            ]
            for row in self.bread
        ]

    def sums(self, *keys: str) -> list[list]:
        groups = list(zip(*(self.codes[k] for k in keys), strict=True))
        order = sorted(set(groups))
        out = []
        for row in self.moves:
            total = dict.fromkeys(order, Fraction(0))
            for group, value in zip(groups, row, strict=True):
                total[group] += value
            out.append([total[g] for g in order])
        return out

    def covariance(self, kind: str) -> list[list]:
        if kind == "unadjusted":
            scale = product(self.rest, self.rest) / len(self.rest)
            return [[scale * v for v in row] for row in self.bread]
        if kind == "xtscc":
            h = self.sums("year")
            lagged = [
                [product(a[1:], b[:-1]) + product(a[:-1], b[1:]) for b in h] for a in h
            ]
            return [
                [product(a, b) + lagged[i][j] / 2 for j, b in enumerate(h)]
                for i, a in enumerate(h)
            ]
        if kind == "two":
            parts = [
                outer(self.sums(*keys))
                for keys in (("city",), ("year",), ("city", "year"))
            ]
            return [
                [a + b - c for a, b, c in zip(*rows, strict=True)]
                for rows in zip(*parts, strict=True)
            ]
        return outer(self.moves if kind == "robust" else self.sums("city"))


def outer(rows: list[list]) -> list[list]:
    return [[product(a, b) for b in rows] for a in rows]


def quiet(spec, frame: pd.DataFrame):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        return spec.fit(Panel(frame, "city", "year"))


@pytest.mark.many(4)
@pytest.mark.parametrize("condition", [1e1, 1e2, 1e4, 1e6, 1e7, 1e8, 4e8])
@pytest.mark.parametrize("kind", OPTIONS)
def test_errors_and_tests_lose_digits_with_the_condition_and_not_with_its_square(
    kind: str, condition: float
) -> None:
    frame = near(1, condition)
    exact = Exact(frame, "y", X)
    results = quiet(FixedEffects("y", X, ssc="none", **OPTIONS[kind]), frame)
    v, b = exact.covariance(kind), exact.slopes
    tolerance = 1e-11 + 2e-15 * condition
    variance = np.array([float(v[j][j]) for j in range(3)])
    got = np.diag(results.covariance)
    np.testing.assert_allclose(got, variance, rtol=tolerance)
    np.testing.assert_allclose(
        results.coefficients, [float(s) for s in b], rtol=tolerance
    )
    scales = {3: 1 / 3, 2: 1 / 2}
    if kind == "two":
        # Joint tests add G / (G - 1) times the covariances of both ways, and are
        # Hotelling's with the five years: (5 - q) / 4 of the Wald form over q.
        by_city, by_year = (outer(exact.sums(key)) for key in ("city", "year"))
        v = [
            [
                a * Fraction(6, 5) + b * Fraction(5, 4)
                for a, b in zip(*rows, strict=True)
            ]
            for rows in zip(by_city, by_year, strict=True)
        ]
        scales = {q: (5 - q) / 4 / q for q in scales}
    form = float(product(b, [product(row, b) for row in inverse(v)]))
    assert results.f_value == pytest.approx(form * scales[3], rel=10 * tolerance)
    both = results.wald_test("x1 = 0, x2 = 0")
    part = inverse([row[:2] for row in v[:2]])
    want = float(product(b[:2], [product(row, b[:2]) for row in part])) * scales[2]
    assert both.statistic == pytest.approx(want, rel=10 * tolerance)


@pytest.mark.parametrize("seed", range(5))
def test_small_nearly_collinear_panels_keep_their_errors(seed: int) -> None:
    frame = near(seed, 1e7, n=4, periods=4)
    exact = Exact(frame, "y", X[:2])
    results = quiet(FixedEffects("y", X[:2], ssc="none"), frame)
    v = exact.covariance("clustered")
    np.testing.assert_allclose(
        results.covariance, [[float(p) for p in row] for row in v], rtol=1e-7
    )
    # The sum of the two slopes is told well, though each of them is not.
    want = float(v[0][0] + 2 * v[0][1] + v[1][1])
    assert results.covariance_of(np.ones((1, 2)))[0, 0] == pytest.approx(want, rel=1e-7)


@pytest.mark.parametrize("level", [1e3, 1e6])
def test_levels_that_dwarf_the_variation_cost_no_digit(level: float) -> None:
    frame = near(2, 1e6)
    moved = frame.assign(
        x1=frame["x1"] + level * frame["city"], x2=frame["x2"] + level * frame["city"]
    )
    exact = Exact(moved, "y", X)
    results = quiet(FixedEffects("y", X, ssc="none"), moved)
    variance = [float(exact.covariance("clustered")[j][j]) for j in range(3)]
    np.testing.assert_allclose(np.diag(results.covariance), variance, rtol=1e-8)
    np.testing.assert_allclose(
        results.coefficients, [float(s) for s in exact.slopes], rtol=1e-8
    )


# --- variances below zero -------------------------------------------------------------


@lru_cache
def indefinite(x: tuple[str, ...] = ("x", "I(x**2)", "z")) -> list[tuple]:
    """Fits with two-way clusters whose covariance is not positive semidefinite."""
    actual = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        city, year = np.divmod(np.arange(30), 5)
        frame = pd.DataFrame(
            {
                "city": city,
                "year": year,
                "x": rng.uniform(0, 4, 30),
                "z": rng.normal(size=30),
            }
        )
        frame["y"] = frame["x"] - 0.3 * frame["x"] ** 2 + rng.normal(size=30)
        spec = FixedEffects("y", x, clusters=("city", "year"), entity_effects=False)
        results = quiet(spec, frame)
        if "not_psd" in [n.code for n in results.diagnostics]:
            actual.append((frame, results))
    return actual


@pytest.mark.further
def test_a_joint_test_adds_both_ways_of_an_indefinite_covariance() -> None:
    """The usual covariance is indefinite, the sum of the two ways is not."""
    seen = 0
    for _, results in indefinite():
        assert np.linalg.eigvalsh(results.estimated.middle)[0] < 0
        json.dumps(results.to_dict(), allow_nan=False)
        test = results.wald_test("x = 0, I(x**2) = 0, z = 0")
        assert results.f_value == results.glance()["f_statistic"]
        assert results.f_value == pytest.approx(test.statistic, rel=1e-9)
        assert 0 < test.p_value == pytest.approx(results.f_statistic.p_value, rel=1e-9)
        assert np.isnan(test.alternatives["stata"].p_value)
        seen += 1
    assert seen > 5


@pytest.mark.further
def test_a_definite_part_of_an_indefinite_covariance_is_tested() -> None:
    seen = 0
    for _, results in indefinite():
        v = results.covariance[:2, :2]
        if (
            np.linalg.eigvalsh(
                v / np.sqrt(np.outer(np.abs(np.diag(v)), np.abs(np.diag(v))))
            )[0]
            > 0.01
        ):
            b = results.coefficients[:2]
            test = results.wald_test("x = 0, I(x**2) = 0").alternatives["stata"]
            assert test.statistic == pytest.approx(
                b @ np.linalg.solve(v, b) / 2, rel=1e-9
            )
            seen += 1
    assert seen


@pytest.mark.further
@pytest.mark.filterwarnings("ignore:.*extrapolated")
def test_slopes_of_negative_variance_have_no_error_and_say_so() -> None:
    seen = 0
    for _, results in indefinite():
        at = np.linspace(0, 4, 41)
        weights = np.column_stack([np.ones(41), 2 * at, np.zeros(41)])
        variance = np.einsum("ij,jk,ik->i", weights, results.covariance, weights)
        if (variance >= 0).all():
            continue
        with pytest.warns(CovarianceWarning, match="not positive semidefinite"):
            frame = results.marginal_effect("x", at={"x": at})
        np.testing.assert_array_equal(np.isnan(frame["std_error"]), variance < 0)
        np.testing.assert_array_equal(np.isnan(frame["conf_low"]), variance < 0)
        assert np.isfinite(frame["estimate"]).all()
        seen += 1
    assert seen


def test_a_u_test_says_what_an_indefinite_covariance_leaves_missing() -> None:
    seen = set()
    for _, results in indefinite():
        test = u_test(results, "x")
        bad = results.is_indefinite(np.eye(3)[:2])
        assert [n.code for n in test.diagnostics] == ["not_psd"] * bad
        assert np.isnan(test.fieller).any() == bad
        assert not (bad and test.fieller_inside)
        if np.isnan([test.t_low, test.t_high]).any():
            assert np.isnan([test.statistic, test.p_value]).all()
            seen.add("ends")
        seen.add(bad)
        assert ("Note:" in test.summary()) == bad
        assert pickle.loads(pickle.dumps(test)).summary() == test.summary()
        json.dumps(test.to_dict(), allow_nan=False)
    assert seen == {True, False, "ends"}


@pytest.mark.further
def test_a_moderated_u_test_says_it_too() -> None:
    seen = 0
    for _, results in indefinite(("x", "I(x**2)", "x:z", "I(x**2):z", "z")):
        actual = moderated_u_test(results, "x", "z")
        bad = results.is_indefinite(np.eye(5)[:4])
        assert [n.code for n in actual.diagnostics] == ["not_psd"] * bad
        assert ("Note:" in actual.summary()) == bad
        json.dumps(actual.to_dict(), allow_nan=False)
        assert len(actual.turning_points) == 5
        seen += bad
    assert seen


@pytest.mark.further
def test_a_kink_with_a_negative_variance() -> None:
    seen = set()
    for frame, _ in indefinite():
        spec = PanelKink(
            "y",
            "x",
            ("z",),
            clusters=("city", "year"),
            entity_effects=False,
            bootstrap=None,
            trim=0.15,
        )
        actual = quiet(spec, frame)
        told = "not_psd" in [n.code for n in actual.diagnostics]
        negative = np.diag(actual.slopes.covariance) < 0
        np.testing.assert_array_equal(np.isnan(actual.slopes.std_errors), negative)
        assert told or not (negative.any() or np.isnan(actual.threshold_se))
        if np.isnan(actual.threshold_se):
            assert actual.confidence_set("wald") == [(-np.inf, np.inf)]
        actual.summary()
        seen.add((told, bool(negative.any()), bool(np.isnan(actual.threshold_se))))
    assert len(seen) > 2


@pytest.mark.further
def test_a_picture_of_a_curve_leaves_out_what_has_no_error() -> None:
    import matplotlib.pyplot as plt

    seen = 0
    for _, results in indefinite():
        test = u_test(results, "x")
        if np.isnan([test.t_low, test.t_high]).any():
            axes = plots.u_shape(results, test)
            assert any(
                "missing" in text.get_text() for text in axes.get_legend().get_texts()
            )
            axes.figure.canvas.draw()
            plt.close(axes.figure)
            seen += 1
    assert seen
