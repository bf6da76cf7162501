"""Bias from estimated effects in logit and probit, and average partial effects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, ndtr

from digiprosper.kernels.within import level_sums

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digiprosper.kernels import Floats, Ints
    from digiprosper.kernels.reweighted import Reweighted


@dataclass(frozen=True, slots=True, eq=False)
class PartialEffects:
    """Effects of regressors on the probability in the rows of a fit.

    by_row (N, k): change of the probability for one unit more; of a dummy, from zero to
        one
    bias (k,): of the sum of all rows, because effects were estimated
    moves, coefficient_moves (N, k): how far the score of a row moves this sum, and the
        coefficients
    """

    by_row: Floats
    bias: Floats
    moves: Floats
    coefficient_moves: Floats


def probabilities(link: str, index: Floats) -> Floats:
    """Compute the probability of a one and its first three derivatives (4, N)."""
    if link == "probit":
        density = np.exp(-(index**2) / 2) / np.sqrt(2 * np.pi)
        curvature = (index**2 - 1) * density
        return np.stack([ndtr(index), density, -index * density, curvature])
    chance = expit(index)
    density = chance * expit(-index)
    gap = 1 - 2 * chance
    curvature = density * (gap**2 - 2 * density)
    return np.stack([chance, density, density * gap, curvature])


def coefficient_bias(link: str, fit: Reweighted) -> Floats:
    """Compute the bias (k,) of coefficients because effects were estimated.

    Fernandez-Val & Weidner (2016, Journal of Econometrics 192:291, section 4.3) for
    strictly exogenous regressors: minus the inverse of the information about the
    coefficients times ``1/2 sum over effects of sum_g (sum_g z x) / (sum_g w)``, where
    w are the weights, x the regressors without the effects, and z is w times the
    second over the first derivative of the probability.
    """
    assert fit.regression is not None
    total = _level_ratios(fit, fit.x * _skewness(link, fit)[:, None])
    return np.asarray(-fit.regression.bread @ total / 2)


def partial_effects(
    link: str,
    fit: Reweighted,
    coefficients: Floats,
    x: Floats,
    categories: Sequence[Ints | None],
    *,
    corrected: bool,
) -> PartialEffects:
    """Compute effects of regressors (N, k) on the probability, their bias and moves.

    Fernandez-Val & Weidner (2016, section 4.4). `fit` has the index at the
    coefficients (k,). `categories` has for each dummy the positions of the dummies of
    its category, itself among them, which are zero before the change; None for other
    regressors, whose effect is a derivative. Without `corrected` the bias is zero.
    """
    derivatives = probabilities(link, fit.index)[1:]
    within = fit.projection.demean(x)
    information = (within.T * fit.weights) @ within
    parts = np.empty((3, *x.shape))
    rows, first, second = parts
    jacobian = np.empty((x.shape[1],) * 2)  # of the sum of an effect, by column
    for j, category in enumerate(categories):
        direct = np.zeros(x.shape[1])
        if category is None:
            parts[:, :, j] = coefficients[j] * derivatives
            moved, direct[j] = within, derivatives[0].sum()
        else:
            base = fit.index - x[:, category] @ coefficients[category]
            after = probabilities(link, base + coefficients[j])
            before = probabilities(link, base)
            parts[:, :, j] = after[:3] - before[:3]
            moved, direct[j] = within.copy(), after[1].sum()
            moved[:, category] -= x[:, category]
        jacobian[:, j] = moved.T @ first[:, j] + direct
    of_index = first / fit.weights[:, None]
    through_effects = of_index - fit.projection.demean(of_index)
    bias = np.zeros(x.shape[1])
    if corrected:
        skewness = _skewness(link, fit)[:, None]
        bias = _level_ratios(fit, second - through_effects * skewness) / 2
    coefficient_moves = within @ np.linalg.inv(information)
    return PartialEffects(
        by_row=rows,
        bias=bias,
        moves=coefficient_moves @ jacobian + through_effects,
        coefficient_moves=coefficient_moves,
    )


def _skewness(link: str, fit: Reweighted) -> Floats:
    """Compute the weights times the second over the first derivative, (N,)."""
    ratio = -fit.index if link == "probit" else 1 - 2 * expit(fit.index)
    return np.asarray(fit.weights * ratio)


def _level_ratios(fit: Reweighted, columns: Floats) -> Floats:
    """Sum columns (N, k) by level over the weights of the level, of all effects."""
    total = np.zeros(columns.shape[1])
    for codes in fit.projection.effects:
        levels = int(codes.max()) + 1
        weights = np.bincount(codes, weights=fit.weights)
        total += (level_sums(codes, levels, columns) / weights[:, None]).sum(axis=0)
    return total
