"""Differences in differences of one cohort between two periods, adjusted for controls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from digiprosper.kernels.tolerances import COLLINEAR, LAST_STEP_TWO_PERIODS

if TYPE_CHECKING:
    from digiprosper.kernels import Bools, Floats

# Controls of a higher probability of treatment have no weight, as in the R package DRDID.
_TRIM = 0.995
_ITERATIONS = 100
# Log odds beyond which probabilities are 0 and 1.
_SEPARATED = 30.0


@dataclass(frozen=True, slots=True, eq=False)
class Difference:
    """An average effect on the treated, with the influence of each entity."""

    estimate: float
    influence: Floats  # (n,) the sum of squares is the variance
    problem: str = ""  # "collinear" or "separated" if there is no estimate


def difference(change: Floats, treated: Bools, x: Floats, weights: Floats, adjustment: str) -> Difference:
    """Compare the changes of treated entities and of controls (Sant'Anna & Zhao 2020).

    Journal of Econometrics 219:101: equations 2.2, 2.4 with weights that sum to one, 2.6 and theorem A.1. All
    means, the regression and the logit are weighted, as in the R package DRDID.

    `change` (n,) is the later outcome less the earlier one, `x` (n, k) has the controls (k may be 0), and
    `adjustment` is ``"doubly_robust"``, ``"ipw"`` or ``"regression"``.
    """
    weights = weights / weights.mean()
    # Without controls all three are the difference of means.
    adjustment = adjustment if x.shape[1] else "regression"
    design = _standardised(x)
    if np.linalg.matrix_rank(design[~treated], tol=COLLINEAR * treated.size) < design.shape[1]:
        return Difference(np.nan, np.full(treated.size, np.nan), "collinear")
    odds, logit_influence = _odds(design, treated, weights) if adjustment != "regression" else (None, None)
    if adjustment != "regression" and odds is None:
        return Difference(np.nan, np.full(treated.size, np.nan), "separated")

    residual, slope_influence = change, np.zeros_like(design)
    if adjustment != "ipw":
        residual, slope_influence = _regression(change, treated, design, weights)
    treated_mean = _weighted_mean(residual, weights * treated)
    centre = np.average(design[treated], axis=0, weights=weights[treated])
    estimate, influence = treated_mean.estimate, treated_mean.influence - slope_influence @ centre
    if odds is None or logit_influence is None:
        return Difference(estimate, influence)

    control_mean = _weighted_mean(residual, weights * odds)
    shares = weights * odds / (weights @ odds)
    correction = slope_influence @ (shares @ design)
    correction -= logit_influence @ (shares * (residual - control_mean.estimate) @ design)
    return Difference(estimate - control_mean.estimate, influence - control_mean.influence + correction)


def _standardised(x: Floats) -> Floats:
    """Standardise columns, and put a constant before them."""
    spread = x.std(axis=0)
    scaled = (x - x.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    return np.column_stack([np.ones(len(x)), scaled])


def _weighted_mean(values: Floats, weights: Floats) -> Difference:
    shares = weights / weights.sum()
    mean = float(shares @ values)
    return Difference(mean, shares * (values - mean))


def _regression(change: Floats, treated: Bools, design: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Return residuals of a regression of the controls, and the influence (n, 1 + k) on its slopes."""
    controls = ~treated
    root = np.sqrt(weights[controls])
    basis, triangle = np.linalg.qr(root[:, None] * design[controls])
    slopes = np.linalg.solve(triangle, basis.T @ (root * change[controls]))
    residual = change - design @ slopes
    influence = np.zeros_like(design)
    influence[controls] = (basis * (root * residual[controls])[:, None]) @ np.linalg.inv(triangle).T
    return residual, influence


def _odds(design: Floats, treated: Bools, weights: Floats) -> tuple[Floats, Floats] | tuple[None, None]:
    """Estimate the odds of treatment of controls by a logit, and the influence (n, 1 + k) on its slopes."""
    outcome = treated.astype(np.float64)
    slopes = np.zeros(design.shape[1])
    for _ in range(_ITERATIONS):
        score, hessian, _ = _logit(design, outcome, slopes, weights)
        step = np.linalg.lstsq(hessian, score.sum(axis=0))[0]
        slopes = slopes + step
        if np.abs(design @ slopes).max() > _SEPARATED:
            return None, None
        if np.abs(step).max() < LAST_STEP_TWO_PERIODS:
            break
    else:
        return None, None
    score, hessian, chance = _logit(design, outcome, slopes, weights)
    used = ~treated & (chance < _TRIM)
    if not used.any():
        return None, None
    odds = np.where(used, chance / (1 - chance), 0.0)
    return odds, np.asarray(score @ np.linalg.pinv(hessian))


def _logit(design: Floats, outcome: Floats, slopes: Floats, weights: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the scores of a logit, its negative Hessian and the probabilities."""
    chance = 1 / (1 + np.exp(-design @ slopes))
    hessian = (design * (weights * chance * (1 - chance))[:, None]).T @ design
    return design * (weights * (outcome - chance))[:, None], hessian, chance
