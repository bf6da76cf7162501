"""Double machine learning on arrays: dictionaries, cross-fitting, estimates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from digiprosper.kernels import Floats, Ints
from digiprosper.kernels.tolerances import ABSORBED

# Makes a new learner, which has fit and predict.
NewLearner: TypeAlias = "Callable[[], Any]"


@dataclass(frozen=True, slots=True, eq=False)
class PartialledOut:
    """The slope of one residual on another.

    `influence` (G,) has what each cluster adds to the error of the estimate; its sum of
    squares is the variance without a small-sample factor.
    """

    estimate: float
    influence: Floats

    @property
    def variance(self) -> float:
        """Variance of the estimate, without a small-sample factor."""
        return float(self.influence @ self.influence)


def quadratic(columns: Floats) -> Floats:
    """Append squares and products of two to columns (N, p).

    Columns are centred before they are multiplied, which changes no combination of all
    and keeps digits. A column of two values has no square of its own.
    """
    centred = columns - columns.mean(axis=0)
    p = columns.shape[1]
    two_values = [np.unique(column).size <= 2 for column in columns.T]
    products = [
        centred[:, i] * centred[:, j]
        for i in range(p)
        for j in range(i, p)
        if not (i == j and two_values[i])
    ]
    return np.column_stack([centred, *products])


def level_means(columns: Floats, codes: Ints) -> Floats:
    """Compute the means of columns (N, p) by level, for each row."""
    counts = np.bincount(codes)
    sums = np.column_stack([np.bincount(codes, column) for column in columns.T])
    return np.asarray((sums / np.maximum(counts, 1)[:, None])[codes])


def draw_folds(groups: int, folds: int, rng: np.random.Generator) -> Ints:
    """Draw a fold for each cluster (G,); sizes of folds differ by at most one."""
    return np.asarray(rng.permutation(groups) % folds)


def cross_fit(
    learner: NewLearner, features: Floats, outcome: Floats, folds: Ints | None
) -> Floats:
    """Predict the outcome (N,) of each fold by the rows of all other folds.

    Features have mean zero and variance one in the rows that are learned from. Without
    `folds` (N,) these are the rows that are predicted.
    """
    predicted = np.empty(outcome.size)
    for fold in (None,) if folds is None else np.unique(folds):
        inside = np.ones(outcome.size, bool) if fold is None else folds == fold
        training = inside if fold is None else ~inside
        mean, spread = features[training].mean(axis=0), features[training].std(axis=0)
        # A column may vary in other folds only.
        varies = spread > ABSORBED * features.std(axis=0)
        scaled = (features - mean) / np.where(varies, spread, 1.0)
        fitted = learner().fit(scaled[training], outcome[training])
        predicted[inside] = np.ravel(fitted.predict(scaled[inside]))
    return predicted


def rsquared(outcome: Floats, predicted: Floats) -> float:
    """Compute the share of the outcome's variance that is explained."""
    deviations = outcome - outcome.mean()
    residuals = outcome - predicted
    return float(1 - residuals @ residuals / (deviations @ deviations))


def partial_out(
    outcome: Floats, treatment: Floats, instrument: Floats, clusters: Ints
) -> PartialledOut:
    """Regress the residual of the outcome on that of the treatment, no constant.

    ``theta = sum rz ry / sum rz rd`` with the residual rz of an instrument, which is
    that of the treatment if there is none; a cluster adds ``sum rz (ry - theta rd) /
    sum rz rd`` (Chernozhukov et al. 2018, Econometrics Journal 21:C1, section 4.2;
    Clarke & Polselli 2025, Econometrics Journal).
    """
    product = float(instrument @ treatment)
    estimate = float(instrument @ outcome) / product
    scores = np.bincount(clusters, instrument * (outcome - estimate * treatment))
    return PartialledOut(estimate, scores / product)


def over_seeds(estimates: Floats, influences: Floats, factor: float) -> Floats:
    """Compute the covariance (L, L) of the medians over seeds of L learners.

    `estimates` is (S, L), `influences` (S, L, G). A variance is the median over seeds
    of ``factor * V_s + (theta_s - median)^2`` (Chernozhukov et al. 2018, definition
    3.3), correlations are those of the mean over seeds of the same matrices.
    """
    deviations = estimates - np.median(estimates, axis=0)
    matrices = factor * influences @ influences.transpose(0, 2, 1)
    matrices += deviations[:, :, None] * deviations[:, None, :]
    errors = np.sqrt(np.median(np.diagonal(matrices, axis1=1, axis2=2), axis=0))
    mean = matrices.mean(axis=0)
    scale = np.sqrt(np.diag(mean))
    scale[scale == 0] = 1.0
    return np.asarray(mean / np.outer(scale, scale) * np.outer(errors, errors))
