"""The slope of one column beside sets of others, against least squares on each set."""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import numpy as np
import pytest

from digiprosper.kernels.covariance import Part, Vcov
from digiprosper.studies.kernel import set_slopes, set_slopes_in_draws


def make(
    seed: int = 0, n: int = 60, p: int = 5
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = (
        rng.normal(size=(n, p))
        @ rng.normal(size=(p, p))
        * 10.0 ** rng.integers(-4, 4, p)
    )
    sets = np.array(
        [
            [bool(code >> j & 1) for j in range(p - 1)] + [True]
            for code in range(2 ** (p - 1))
        ]
    )
    return x @ np.ones(p) + rng.normal(size=n), x, sets


class Slopes(NamedTuple):
    slopes: np.ndarray
    std_errors: np.ndarray
    df_t: np.ndarray

    @property
    def regular(self) -> np.ndarray:
        return np.isfinite(self.std_errors)


def slopes_of(*columns: Any, **options: Any) -> Slopes:
    return Slopes(*set_slopes(*columns, **options))


GROUPS = np.arange(60) % 7


def vcov(kind: str) -> Vcov:
    parts = {
        "unadjusted": (Part(1.0, 0.1, None, 60),),
        "robust": (Part(1.0, 1.2, None, 60),),
        "clustered": (Part(1.0, 1.3, GROUPS, 7),),
        "two-way": (
            Part(1.0, 1.3, GROUPS, 7),
            Part(1.0, 1.3, np.arange(60) // 6, 10),
            Part(-1.0, 1.3, None, 60),
        ),
        "xtscc": (Part(1.0, 1.1, GROUPS, 7, 2),),
    }
    bandwidth = 2 if kind == "xtscc" else None
    return Vcov(
        "clustered" if kind == "two-way" else kind, parts[kind], 9.0, bandwidth, 3
    )


def brute(
    y: np.ndarray, x: np.ndarray, w: np.ndarray, how: Vcov
) -> tuple[float, float]:
    """Slope of the last column and its variance, from the inverted cross product."""
    bread = np.linalg.inv(x.T * w @ x)
    slopes = bread @ (x.T @ (w * y))
    e = y - x @ slopes
    if how.cov_type == "unadjusted":
        return slopes[-1], bread[-1, -1] * (w * e @ e) * how.parts[0].factor
    middle = np.zeros_like(bread)
    for part in how.parts:
        codes = np.arange(len(y)) if part.codes is None else part.codes
        sums = np.array(
            [
                ((w * e)[codes == c, None] * x[codes == c]).sum(axis=0)
                for c in range(codes.max() + 1)
            ]
        )
        lags = np.abs(np.subtract.outer(np.arange(len(sums)), np.arange(len(sums))))
        weights = np.maximum(0.0, 1 - lags / ((how.bandwidth or 0) + 1))
        middle += part.sign * part.factor * sums.T @ weights @ sums
    return slopes[-1], (bread @ middle @ bread)[-1, -1]


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize(
    "kind", ["unadjusted", "robust", "clustered", "two-way", "xtscc"]
)
def test_slopes_and_errors_are_those_of_each_set(kind: str, weighted: bool) -> None:
    y, x, sets = make(len(kind))
    w = np.random.default_rng(1).uniform(0.2, 3, len(y)) if weighted else None
    how = vcov(kind)
    actual = slopes_of(y, x, sets, lambda k: how, most_condition=1e8, obs_weights=w)
    expected = [
        brute(y, x[:, row], np.ones(len(y)) if w is None else w, how) for row in sets
    ]
    slopes, variances = np.array(expected).T
    np.testing.assert_allclose(actual.slopes, slopes, rtol=1e-9)
    positive = variances > 0
    assert (actual.regular == positive).all()
    np.testing.assert_allclose(
        actual.std_errors[positive], np.sqrt(variances[positive]), rtol=1e-9
    )
    assert (actual.df_t == 9).all()


def test_chunks_change_nothing() -> None:
    y, x, sets = make(2)
    one: Any = {"vcov_of": lambda k: vcov("clustered"), "most_condition": 1e8}
    whole, parts = (
        slopes_of(y, x, sets, **one),
        slopes_of(y, x, sets, **one, memory=1),
    )
    np.testing.assert_allclose(parts.slopes, whole.slopes, rtol=1e-13)
    np.testing.assert_allclose(parts.std_errors, whole.std_errors, rtol=1e-12)


def test_the_number_of_slopes_chooses_the_factor() -> None:
    y, x, sets = make(3)
    rows = {
        k: Vcov("robust", (Part(1.0, float(k), None, 60),), 60.0 - k, None, k)
        for k in range(1, 6)
    }
    actual = slopes_of(y, x, sets, rows.__getitem__, most_condition=1e8)
    assert actual.df_t.tolist() == (60 - sets.sum(axis=1)).tolist()
    one = slopes_of(y, x, sets, lambda k: rows[1], most_condition=1e8)
    np.testing.assert_allclose(
        actual.std_errors, one.std_errors * np.sqrt(sets.sum(axis=1)), rtol=1e-12
    )


def test_what_cannot_be_estimated_is_not_regular() -> None:
    y, x, sets = make(4)
    x[:, 1] = 2 * x[:, 0]
    actual = slopes_of(y, x, sets, lambda k: vcov("robust"), most_condition=1e8)
    assert (actual.regular == ~(sets[:, 0] & sets[:, 1])).all()

    near = make(4)[1]
    near[:, 1] = (
        near[:, 0]
        + 1e-12 * near[:, 1] * np.abs(near[:, 0]).max() / np.abs(near[:, 1]).max()
    )
    actual = slopes_of(y, near, sets, lambda k: vcov("robust"), most_condition=1e8)
    assert (actual.regular == ~(sets[:, 0] & sets[:, 1])).all()


def test_a_perfect_fit_is_not_regular() -> None:
    _, x, sets = make(5)
    actual = slopes_of(
        x @ np.ones(5), x, sets, lambda k: vcov("robust"), most_condition=1e8
    )
    assert (actual.regular == (sets.sum(axis=1) < 5)).all()


@pytest.mark.parametrize("kind", ["unadjusted", "robust", "clustered"])
def test_an_outcome_of_zeros_has_no_variance(kind: str) -> None:
    _, x, sets = make(5)
    actual = slopes_of(np.zeros(60), x, sets, lambda k: vcov(kind), most_condition=1e8)
    assert (actual.slopes == 0).all()
    assert np.isnan(actual.std_errors).all()
    assert not actual.regular.any()


def test_scores_that_add_up_to_zero_are_not_regular() -> None:
    y = np.tile([1.0, -1.0, 3.0, -3.0], 15)
    x = np.tile([1.0, 1.0, -1.0, -1.0], 15)[:, None]
    how = Vcov("clustered", (Part(1.0, 1.0, np.arange(60) // 2, 30),), 29.0, None, 1)
    actual = slopes_of(y, x, np.array([[True]]), lambda k: how, most_condition=1e8)
    assert abs(actual.slopes[0]) < 1e-12
    assert not actual.regular[0]


def test_more_columns_than_rows() -> None:
    rng = np.random.default_rng(6)
    y, x = rng.normal(size=8), rng.normal(size=(8, 12))
    sets = np.zeros((11, 12), dtype=bool)
    sets[:, -1] = True
    sets[np.arange(11), np.arange(11)] = True
    how = Vcov("robust", (Part(1.0, 1.0, None, 8),), 6.0, None, 2)
    actual = slopes_of(y, x, sets, lambda k: how, most_condition=1e8)
    expected = [brute(y, x[:, row], np.ones(8), how)[0] for row in sets]
    np.testing.assert_allclose(actual.slopes, expected, rtol=1e-10)


@pytest.mark.parametrize("groups", [9, 150])
def test_draws_are_those_of_a_regression_in_few_and_in_many_clusters(
    groups: int,
) -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(400, 4)) + rng.normal(size=(400, 1))
    x *= [1.0, 1e3, 1e-3, 1.0]
    chosen = itertools.product([False, True], repeat=3)
    sets = np.array([[*inside, True] for inside in chosen])
    codes = np.concatenate([np.arange(groups), rng.integers(0, groups, 400 - groups)])
    outcomes = x @ rng.normal(size=(4, 3)) + rng.normal(size=(400, 3))
    how = Vcov("clustered", (Part(1.0, 1.5, codes, groups),), 9.0, None, 4)
    slopes, t = set_slopes_in_draws(x, sets, lambda k: how)(outcomes)
    for row, inside in enumerate(sets):
        columns = x[:, inside]
        bread = np.linalg.inv(columns.T @ columns)
        b = bread @ columns.T @ outcomes
        for draw in range(3):
            errors = outcomes[:, draw] - columns @ b[:, draw]
            sums = np.zeros((groups, columns.shape[1]))
            np.add.at(sums, codes, columns * errors[:, None])
            variance = 1.5 * (bread @ sums.T @ sums @ bread)[-1, -1]
            np.testing.assert_allclose(slopes[row, draw], b[-1, draw], rtol=1e-10)
            expected = b[-1, draw] / np.sqrt(variance)
            np.testing.assert_allclose(t[row, draw], expected, rtol=1e-10)
