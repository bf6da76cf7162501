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
    """An average effect on the treated.

    Parameters
    ----------
    estimate : float
        The effect.
    influence : (n,) array
        Influence of each entity on it: the sum of the squares is the variance.
    problem : str
        Empty; ``"collinear"`` or ``"separated"`` where there is no estimate.
    """

    estimate: float
    influence: Floats
    problem: str = ""


def difference(change: Floats, treated: Bools, x: Floats, weights: Floats, adjustment: str) -> Difference:
    """Compare the changes of treated entities and of controls (Sant'Anna & Zhao 2020).

    Parameters
    ----------
    change : (n,) array
        Outcome in the later period less that in the earlier one.
    treated : (n,) array of bool
        Entities of the cohort; the others are controls.
    x : (n, k) array
        Values that controls are adjusted for; k may be 0.
    weights : (n,) array
        Weights of the entities, positive. Only their ratios matter.
    adjustment : {"doubly_robust", "ipw", "regression"}
        How: both, weights by the odds of treatment, or a regression of the changes of controls.

    Returns
    -------
    Difference
        Journal of Econometrics 219:101: equations 2.2, 2.4 with weights that sum to one, 2.6 and theorem A.1.
        All means, the regression and the logit are weighted, as in the R package DRDID.
    """
    weights = weights / weights.mean()
    # Without controls all three are the difference of means.
    adjustment = adjustment if x.shape[1] else "regression"
    design = _standardised(x)
    if np.linalg.matrix_rank(design[~treated], tol=COLLINEAR * treated.size) < design.shape[1]:
        return Difference(np.nan, np.full(treated.size, np.nan), "collinear")
    odds, odds_moves = _odds(design, treated, weights) if adjustment != "regression" else (None, None)
    if adjustment != "regression" and odds is None:
        return Difference(np.nan, np.full(treated.size, np.nan), "separated")

    residual, slope_moves = change, np.zeros_like(design)
    if adjustment != "ipw":
        residual, slope_moves = _regression(change, treated, design, weights)
    one = _weighted_mean(residual, weights * treated)
    centre = np.average(design[treated], axis=0, weights=weights[treated])
    estimate, influence = one.estimate, one.influence - slope_moves @ centre
    if odds is None or odds_moves is None:
        return Difference(estimate, influence)

    other = _weighted_mean(residual, weights * odds)
    shares = weights * odds / (weights @ odds)
    moved = slope_moves @ (shares @ design)
    moved -= odds_moves @ (shares * (residual - other.estimate) @ design)
    return Difference(estimate - other.estimate, influence - other.influence + moved)


def _standardised(x: Floats) -> Floats:
    """Put a constant before columns of mean zero and standard deviation one."""
    spread = x.std(axis=0)
    scaled = (x - x.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    return np.column_stack([np.ones(len(x)), scaled])


def _weighted_mean(values: Floats, weights: Floats) -> Difference:
    shares = weights / weights.sum()
    mean = float(shares @ values)
    return Difference(mean, shares * (values - mean))


def _regression(change: Floats, treated: Bools, design: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Take the prediction of a regression of controls out; and by how much each entity moves its slopes."""
    controls = ~treated
    root = np.sqrt(weights[controls])
    basis, triangle = np.linalg.qr(root[:, None] * design[controls])
    slopes = np.linalg.solve(triangle, basis.T @ (root * change[controls]))
    residual = change - design @ slopes
    moves = np.zeros_like(design)
    moves[controls] = (basis * (root * residual[controls])[:, None]) @ np.linalg.inv(triangle).T
    return residual, moves


def _odds(design: Floats, treated: Bools, weights: Floats) -> tuple[Floats, Floats] | tuple[None, None]:
    """Estimate the odds of treatment of controls by a logit; and by how much each entity moves its slopes."""
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
    """Give the scores of a logit, its negative Hessian and the probabilities."""
    chance = 1 / (1 + np.exp(-design @ slopes))
    hessian = (design * (weights * chance * (1 - chance))[:, None]).T @ design
    return design * (weights * (outcome - chance))[:, None], hessian, chance
