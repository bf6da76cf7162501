"""Double machine learning on arrays: dictionaries, cross-fitting, estimates."""

from __future__ import annotations

from typing import Any

import numpy as np

from digiprosper.kernels import Floats, Ints
from digiprosper.kernels.tolerances import ABSORBED


def squares_and_products(columns: Floats) -> Floats:
    """Compute the squares and the products of two of columns (N, p).

    Columns are centred before they are multiplied, which changes no combination of
    them and all columns, and keeps digits. A column of two values has no square of its
    own.
    """
    centred = (columns - columns.mean(axis=0)).T
    products = [
        column * other
        for i, column in enumerate(centred)
        for j, other in enumerate(centred[i:])
        if j > 0 or np.unique(column).size > 2
    ]
    return np.column_stack([columns[:, :0], *products])


def cross_fit(
    learner: Any, features: Floats, outcomes: Floats, folds: Ints
) -> tuple[Floats, Floats]:
    """Predict the outcomes (N, c) of each fold by the rows of all other folds.

    Returns what is not predicted, and the R2 of each outcome. Features have mean zero
    and variance one in the rows that are learned from. With a single fold these are the
    rows that are predicted.
    """
    from sklearn.base import clone
    from sklearn.metrics import r2_score

    predicted = np.empty(outcomes.shape)
    sizes = features.std(axis=0)
    for fold in np.unique(folds):
        inside = folds == fold
        training = inside if inside.all() else ~inside
        mean, spread = features[training].mean(axis=0), features[training].std(axis=0)
        # Of a column that varies in other folds only, rounding is no variation.
        scaled = (features - mean) / np.where(spread > ABSORBED * sizes, spread, np.inf)
        learned_from, predicted_from = scaled[training], scaled[inside]
        for j, outcome in enumerate(outcomes.T):
            fitted = clone(learner).fit(learned_from, outcome[training])
            predicted[inside, j] = np.ravel(fitted.predict(predicted_from))
    if not np.isfinite(predicted).all():
        raise ValueError("its predictions are not finite.")
    r2 = r2_score(outcomes, predicted, multioutput="raw_values")
    return outcomes - predicted, r2


def partial_out(
    outcome: Floats,
    treatment: Floats,
    instrument: Floats,
    clusters: Ints,
    factor: float = 1.0,
) -> tuple[float, Floats]:
    """Regress the residual of the outcome on that of the treatment, no constant.

    ``theta = sum rz ry / sum rz rd`` with the residual rz of an instrument, which is
    that of the treatment if there is none. A cluster adds ``sum rz (ry - theta rd) /
    sum rz rd`` to its error; the squares of these influences (G,) sum to the variance,
    times a small-sample `factor` (Chernozhukov et al. 2018, Econometrics Journal
    21:C1, section 4.2; Clarke & Polselli 2025, Econometrics Journal).
    """
    product = float(instrument @ treatment)
    estimate = float(instrument @ outcome) / product
    scores = np.bincount(clusters, instrument * (outcome - estimate * treatment))
    return estimate, np.sqrt(factor) * scores / product


def over_seeds(estimates: Floats, influences: Floats) -> Floats:
    """Compute the covariance (L, L) of the medians over seeds of L learners.

    `estimates` is (S, L), `influences` (S, L, G). A variance is the median over seeds
    of ``V_s + (theta_s - median)^2`` (Chernozhukov et al. 2018, definition 3.3),
    correlations are those of the mean over seeds of the same matrices.
    """
    deviations = estimates - np.median(estimates, axis=0)
    matrices = influences @ influences.transpose(0, 2, 1)
    matrices += deviations[:, :, None] * deviations[:, None, :]
    errors = np.sqrt(np.median(np.diagonal(matrices, axis1=1, axis2=2), axis=0))
    mean = matrices.mean(axis=0)
    scale = np.sqrt(np.diag(mean))
    scale[scale == 0] = 1.0
    return np.asarray(mean / np.outer(scale, scale) * np.outer(errors, errors))
