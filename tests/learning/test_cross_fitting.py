"""Cross-fitting, dictionaries, and sums over seeds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from digiprosper.learning.panel_dml import (
    cross_fit,
    over_seeds,
    partial_out,
    squares_and_products,
)

pytest.importorskip("sklearn")

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
FILES = ("cases/dml_panel_60x8.csv", "cases/dml_folds_60.csv")
# doubleml 0.11.4, wg_approx: estimate and standard error
FOREST = (0.8127728321151570, 0.0619764349385240)


@pytest.mark.data(*FILES)
def test_forest_of_doubleml() -> None:
    """doubleml adds means to outcome and treatment; rounding breaks ties of splits."""
    pytest.importorskip("sklearn", "1.9", reason="splits of ties differ before")
    ensemble = pytest.importorskip("sklearn.ensemble")
    frame, folds = (pd.read_csv(SHARED / name) for name in FILES)
    columns = ["y", "d", "x1", "x2", "x3"]
    demeaned = frame[columns] - frame.groupby("id")[columns].transform("mean")
    by_row = frame["id"].map(folds.set_index("id")["fold"]).to_numpy()
    outcome, treatment = (
        (demeaned[name] + frame[name].mean()).to_numpy() for name in "yd"
    )
    learned = np.column_stack([outcome, treatment])
    residuals, _ = cross_fit(
        ensemble.RandomForestRegressor(50, min_samples_leaf=5, random_state=1),
        demeaned[columns[2:]].to_numpy(),
        learned,
        by_row,
    )
    y, d = residuals.T
    estimate, influence = partial_out(y, d, d, frame["id"].to_numpy())
    error = np.sqrt((influence**2).sum())
    np.testing.assert_allclose([estimate, error], FOREST, rtol=1e-10)


class Mean:
    """Predicts the mean of the rows it was fitted to."""

    def get_params(self, deep: bool = False) -> dict[str, object]:
        return {}

    def fit(self, x: np.ndarray, y: np.ndarray) -> Mean:
        self.mean = y.mean()
        return self

    def predict(self, x: np.ndarray) -> np.ndarray:
        return np.full((len(x), 1), self.mean)


def test_a_row_is_predicted_by_other_folds() -> None:
    y, folds = np.array([1.0, 2.0, 6.0, 9.0]), np.array([0, 0, 1, 2])
    x = np.zeros((4, 1))
    both = np.column_stack([y, -2 * y])
    residuals, r2 = cross_fit(Mean(), x, both, folds)
    predicted = both - residuals
    np.testing.assert_allclose(predicted[:, 0], [7.5, 7.5, 4.0, 3.0])
    np.testing.assert_allclose(predicted[:, 1], -2 * predicted[:, 0])
    np.testing.assert_allclose(r2, 1 - (6.5**2 + 5.5**2 + 2**2 + 6**2) / 41)
    one_fold, none = cross_fit(Mean(), x, both, np.zeros(4, int))
    np.testing.assert_allclose(both - one_fold, [[4.5, -9.0]] * 4)
    np.testing.assert_allclose(none, 0.0, atol=1e-15)


def test_features_are_scaled_by_the_rows_that_are_learned_from() -> None:
    """As a pipeline of scaling and ridge fitted to each fold's other rows."""
    linear = pytest.importorskip("sklearn.linear_model")
    pipeline = pytest.importorskip("sklearn.pipeline")
    scaling = pytest.importorskip("sklearn.preprocessing")
    rng = np.random.default_rng(3)
    x = rng.lognormal(size=(60, 3)) * [1.0, 1e3, 1e-4] + [0.0, 5.0, 1.0]
    y, folds = x @ [1.0, 1e-3, 1e4] + rng.normal(size=60), np.arange(60) % 4
    # Constant in all rows but those of one fold
    x = np.column_stack([x, folds == 2])
    wanted = np.empty(60)
    for fold in range(4):
        inside = folds == fold
        brute = pipeline.make_pipeline(scaling.StandardScaler(), linear.Ridge(3.0))
        wanted[inside] = brute.fit(x[~inside], y[~inside]).predict(x[inside])
    residuals, _ = cross_fit(linear.Ridge(3.0), x, y[:, None], folds)
    np.testing.assert_allclose(y - residuals[:, 0], wanted, rtol=1e-9)
    units, _ = cross_fit(linear.Ridge(3.0), x * 7 + 2, y[:, None], folds)
    np.testing.assert_allclose(y - units[:, 0], wanted, rtol=1e-9)


def test_rounding_is_no_variation_of_a_feature() -> None:
    """A feature that varies in one fold only is constant but for rounding elsewhere."""
    linear = pytest.importorskip("sklearn.linear_model")
    pipeline = pytest.importorskip("sklearn.pipeline")
    scaling = pytest.importorskip("sklearn.preprocessing")
    rng, folds = np.random.default_rng(4), np.arange(60) % 3
    x, y = rng.normal(size=(2, 60))
    equal = np.where(rng.random(60) < 0.5, 0.3, 0.1 + 0.2)
    both = np.column_stack([x, np.where(folds == 2, 1.0, equal)])
    ridge = pipeline.make_pipeline(scaling.StandardScaler(), linear.Ridge())
    residuals, _ = cross_fit(ridge, both, y[:, None], folds)
    alone, _ = cross_fit(ridge, x[:, None], y[:, None], folds)
    np.testing.assert_allclose(residuals[folds == 2], alone[folds == 2], rtol=1e-9)


def test_a_column_of_two_values_has_no_square() -> None:
    x = np.array([[1.0, 0.0], [2.0, 1.0], [4.0, 0.0], [5.0, 1.0]])
    out = squares_and_products(x)
    a, b = (x - x.mean(axis=0)).T
    np.testing.assert_allclose(out, np.column_stack([a * a, a * b]))
    assert squares_and_products(x[:, 1:]).shape == (4, 0)


def test_a_factor_multiplies_the_variance() -> None:
    y, d = np.random.default_rng(1).normal(size=(2, 12))
    codes = np.arange(12) % 4
    estimate, influence = partial_out(y, d, d, codes)
    again, larger = partial_out(y, d, d, codes, 4 / 3)
    assert again == estimate
    assert larger @ larger == pytest.approx(4 / 3 * (influence @ influence))


def test_variances_over_seeds() -> None:
    """A median of variances, each with the squared deviation from the median."""
    rng = np.random.default_rng(2)
    estimates, influences = rng.normal(size=(5, 2)), rng.normal(size=(5, 2, 9))
    covariance = over_seeds(estimates, influences)
    for learner in range(2):
        theta = estimates[:, learner]
        own = (influences[:, learner] ** 2).sum(axis=1)
        variance = np.median(own + (theta - np.median(theta)) ** 2)
        assert covariance[learner, learner] == pytest.approx(variance)
    assert np.linalg.eigvalsh(covariance).min() > 0
    one = over_seeds(estimates[:1], influences[:1])
    np.testing.assert_allclose(one, influences[0] @ influences[0].T)
