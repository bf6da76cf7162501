"""Maximum likelihood with absorbed effects, by reweighted least squares."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit, log_ndtr, ndtr, ndtri, xlogy

from digiprosper.checks import not_identified
from digiprosper.kernels import Floats
from digiprosper.kernels.covariance import Counts, Vcov, rescaled_sandwich
from digiprosper.kernels.equation import Solved, solve
from digiprosper.kernels.least_squares import Fit, ols
from digiprosper.kernels.slopes import Effect
from digiprosper.kernels.tolerances import (
    NO_WEIGHT,
    SAME_DEVIANCE,
    SAME_INDEX,
    SMALL_STEP,
)
from digiprosper.kernels.within import Within, within

_STEPS = 200
# From the largest number to the smallest.
_HALVINGS = 2100
# Steps of a probit become smaller by a factor of a half or more.
_NO_SMALLER = 0.9


@dataclass(frozen=True, slots=True)
class Family:
    """A distribution whose mean is a function of an index; functions of rows (N,)."""

    mean: Callable[[Floats], Floats]  # of the index
    # Information about the index: squared derivative of the mean over the variance
    weight: Callable[[Floats], Floats]
    # Of outcome and index: outcome less mean, over the derivative of the mean. The
    # working response is the index plus it.
    working_residual: Callable[[Floats, Floats], Floats]
    deviance: Callable[[Floats, Floats], Floats]  # of each row, of outcome and index
    start: Callable[[Floats, float], Floats]  # index, of the outcome and its mean


@dataclass(frozen=True, slots=True, eq=False)
class Reweighted:
    """Estimates that maximise the likelihood, with absorbed effects."""

    coefficients: Floats  # (k,)
    index: Floats  # (N,) regressors times coefficients, plus effects and offset
    mean: Floats  # (N,)
    weights: Floats  # (N,) information about the index, times `obs_weights`
    # (N,) as of the family; times `weights` the derivative of the log likelihood
    working_residuals: Floats
    projection: Within  # takes the effects out of columns, by `weights`
    x: Floats  # (N, k) regressors without the effects, by `projection`
    # Last regression: its `bread` (k, k) is the inverse of the information about the
    # coefficients. None without regressors
    regression: Fit | None
    deviance: float
    steps: int
    # Largest change of the index in the last step. If it is no rounding the deviance
    # stays the same though the index moves: a row is separated
    last_move: float


@dataclass(frozen=True, slots=True, eq=False)
class _Likelihood:
    """Data of the likelihood, and its deviance and steps."""

    y: Floats  # (N,)
    x: Floats  # (N, k)
    effects: Sequence[Effect]
    family: Family
    obs_weights: Floats  # (N,)
    offset: Floats  # (N,)

    def deviance(self, index: Floats) -> float:
        """Compute the deviance; infinite where a step from the index is."""
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            value = float(self.obs_weights @ self.family.deviance(self.y, index))
            residuals = self.family.working_residual(self.y, index)
        finite = np.isfinite(value) and np.isfinite(residuals).all()
        return value if finite else np.inf

    def step(self, index: Floats) -> Reweighted:
        """Regress the working response, less the offset, on columns and effects."""
        y, x, family = self.y, self.x, self.family
        weights = self.obs_weights * family.weight(index)
        weights = np.maximum(weights, NO_WEIGHT * weights.max())
        response = index + family.working_residual(y, index)
        projection = within(self.effects, y.size, obs_weights=weights)
        columns = projection.demean(np.column_stack([response - self.offset, x]))
        regression = None
        residuals, coefficients = columns[:, 0], np.zeros(0)
        if x.shape[1]:
            regression = ols(columns[:, 1:], columns[:, 0], obs_weights=weights)
            residuals, coefficients = regression.residuals, regression.coefficients
        fitted = response - residuals
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            return Reweighted(
                coefficients=coefficients,
                index=fitted,
                mean=family.mean(fitted),
                weights=weights,
                working_residuals=family.working_residual(y, fitted),
                projection=projection,
                x=columns[:, 1:],
                regression=regression,
                deviance=self.deviance(fitted),
                steps=1,
                last_move=np.inf,
            )


def reweighted_least_squares(
    y: Floats,
    x: Floats,
    effects: Sequence[Effect],
    family: Family,
    *,
    obs_weights: Floats | None = None,
    offset: Floats | None = None,
    start: Floats | None = None,
) -> Reweighted:
    """Maximise the likelihood of an outcome (N,) on columns (N, k) and effects.

    Each step regresses the working response, less the offset, on columns and effects,
    weighted by the information (Correia, Guimaraes & Zylkin 2020); without effects
    there is an intercept. A step that raises the deviance is halved; if the first does,
    above that of a constant, the constant is where the steps begin. They end when the
    index stays the same, one after the deviance does, so that coefficients are exact to
    rounding; or when rounding alone moves the index, and the deviance changes by less
    than 1e-12 of itself. `start` (N,) is the index that the steps begin with.

    No column may be a combination of other columns and effects, and no row separated.
    Raises IdentificationError after 200 steps.
    """
    q = np.ones(y.size) if obs_weights is None else obs_weights
    fixed = np.zeros(y.size) if offset is None else offset
    mean = float(q @ y / q.sum())
    likelihood = _Likelihood(y, x, effects, family, q, fixed)
    constant = fixed + family.start(np.full(y.size, mean), mean)
    index, deviance = constant, likelihood.deviance(constant)
    step = likelihood.step(family.start(y, mean) if start is None else start)
    if not step.deviance <= deviance:
        step = likelihood.step(constant)
    last_move = np.inf
    for steps in range(1, _STEPS + 1):
        updated, updated_deviance = _shorten_step(likelihood, index, step, deviance)
        move = np.abs(updated - index).max()
        same_index = move <= SAME_INDEX * np.abs(index).max(initial=1.0)
        same_deviance = abs(deviance - updated_deviance) < SAME_DEVIANCE * deviance
        if same_index or (same_deviance and move > _NO_SMALLER * last_move):
            return replace(step, steps=steps, last_move=float(move))
        index, deviance, last_move = updated, updated_deviance, move
        step = likelihood.step(index)
    raise not_identified(
        "not_converged",
        f"the likelihood has no maximum after {_STEPS} steps of reweighted least "
        "squares. Drop regressors or effects, or rescale the regressors.",
        steps=_STEPS,
    )


def _shorten_step(
    likelihood: _Likelihood, index: Floats, step: Reweighted, deviance: float
) -> tuple[Floats, float]:
    """Halve a step until the deviance is finite and no higher than before it."""
    updated, updated_deviance = step.index, step.deviance
    for _ in range(_HALVINGS):
        # Of a small step rounding alone raises the deviance.
        is_small = np.abs(updated - index).max() < SMALL_STEP
        if np.isfinite(updated_deviance) and (updated_deviance <= deviance or is_small):
            break
        updated = (updated + index) / 2
        updated_deviance = likelihood.deviance(updated)
    return updated, updated_deviance


# --- the last step as a regression ---------------------------------------------------


def as_regression(likelihood: Reweighted, count: Counts, estimator: Vcov) -> Solved:
    """Return the last step as a weighted regression with the scores of the model."""
    assert likelihood.regression is not None
    fitted = likelihood.x @ likelihood.coefficients
    solved = solve(
        fitted + likelihood.regression.residuals,
        likelihood.x,
        count,
        estimator,
        obs_weights=likelihood.weights,
    )
    return replace(
        solved,
        coefficients=likelihood.coefficients,
        residuals=likelihood.working_residuals,
    )


def root_and_middle(solved: Solved) -> tuple[Floats, Floats]:
    """Factor the covariance; under ``unadjusted`` from the information."""
    if solved.vcov.cov_type != "unadjusted":
        return solved.root_and_middle()
    columns, factor = solved.score_columns, solved.vcov.parts[0].factor
    assert solved.obs_weights is not None
    information = (columns.T * solved.obs_weights) @ columns
    return rescaled_sandwich(solved.root, information * factor)


# --- families -------------------------------------------------------------------------


def _poisson_deviance(y: Floats, index: Floats) -> Floats:
    return 2 * (xlogy(y, y) - y * index - y + np.exp(index))


def _poisson_residual(y: Floats, index: Floats) -> Floats:
    # Not as a quotient, which has no value where the mean is rounded to zero.
    with np.errstate(divide="ignore"):
        return np.expm1(np.log(y) - index)


def _signed_index(y: Floats, index: Floats) -> Floats:
    """Return the index of the observed outcome, with the sign turned for zero."""
    return np.where(y > 0, index, -index)


def _normal_weight(index: Floats) -> Floats:
    density = -np.square(index) - np.log(2 * np.pi)
    return np.asarray(np.exp(density - log_ndtr(index) - log_ndtr(-index)))


def _normal_residual(y: Floats, index: Floats) -> Floats:
    log_density = -np.square(index) / 2 - np.log(2 * np.pi) / 2
    size = np.exp(log_ndtr(-_signed_index(y, index)) - log_density)
    return np.asarray(np.where(y > 0, size, -size))


# A mean that is the exponential of the index; the outcome is zero or more.
POISSON = Family(
    mean=np.exp,
    weight=np.exp,
    working_residual=_poisson_residual,
    deviance=_poisson_deviance,
    start=lambda y, mean: np.log((y + mean) / 2),
)

# A logistic probability; the outcome is zero or one.
LOGIT = Family(
    mean=expit,
    weight=lambda index: expit(index) * expit(-index),
    working_residual=lambda y, index: (
        np.where(y > 0, 1.0, -1.0) / expit(_signed_index(y, index))
    ),
    deviance=lambda y, index: 2 * np.logaddexp(0, -_signed_index(y, index)),
    start=lambda y, mean: np.log((y + mean) / (2 - y - mean)),
)

# A normal probability; the outcome is zero or one.
PROBIT = Family(
    mean=ndtr,
    weight=_normal_weight,
    working_residual=_normal_residual,
    deviance=lambda y, index: -2 * log_ndtr(_signed_index(y, index)),
    start=lambda y, mean: ndtri((y + mean) / 2),
)
