"""The average effect on the treated by matching on a score, and its variance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from digiprosper.policy.kernels.neighbours import tied_nearest

if TYPE_CHECKING:
    from digiprosper.kernels import Bools, Floats, Ints

# Distances between rows of covariates are computed for so many rows at once.
_ROWS: Final = 256
_DECIMALS: Final = 12


@dataclass(frozen=True, slots=True, eq=False)
class AverageEffect:
    """Average effect on the matched treated units; its variance takes the scores as known."""

    estimate: float
    variance: float


def average_effect(
    y: Floats, treated: Bools, scores: Floats, pairs: tuple[Ints, Ints], neighbours: int
) -> AverageEffect:
    """Average the differences between treated units and their matches (equal shares within a unit).

    Abadie & Imbens (2006), Econometrica 74:235, theorem 7: the variance is
    ``(sum_i (tau_i - tau)^2 + sum_j (K_j^2 - K'_j) s_j^2) / N1^2``. K_j is the sum of the shares of control
    j, and K'_j that of their squares. Conditional variances s^2 are those among the `neighbours` nearest
    units of the own group and the unit itself, as in Stata's teffects. If each control has one match at most,
    the second sum is zero, and the variance is that of Abadie & Imbens (2012), JASA 107:833.

    `pairs`: positions (P,) of treated units and of their matches.
    """
    treated_units, control_units = pairs
    count = np.bincount(treated_units, minlength=y.size)
    share = 1.0 / count[treated_units]
    matched = count > 0
    effects = (y - np.bincount(treated_units, share * y[control_units], minlength=y.size))[matched]
    reused = np.bincount(control_units, share, minlength=y.size)
    squares = np.bincount(control_units, share**2, minlength=y.size)
    estimate = float(effects.mean())
    total = ((effects - estimate) ** 2).sum()

    reused_controls = np.flatnonzero(reused**2 - squares > 0)
    controls = np.flatnonzero(~treated)
    sets = tied_nearest(scores[reused_controls], scores[controls], neighbours + 1)
    for unit, near in zip(reused_controls, sets, strict=True):
        total += (reused[unit] ** 2 - squares[unit]) * y[controls[near]].var(ddof=1)
    return AverageEffect(estimate, float(total) / effects.size**2)


def score_correction(
    y: Floats,
    treated: Bools,
    scores: Floats,
    columns: tuple[Floats, Floats],
    estimate: float,
    neighbours: int,
) -> float:
    """Compute what the estimation of a logit adds to the variance; it can be negative.

    Abadie & Imbens (2016), Econometrica 84:781, theorem 2: ``d'Vd - c'Vc``, where V is the covariance of the
    coefficients, computed as in Stata's teffects psmatch. That program takes the columns themselves as
    coordinates, so that its errors depend on their units.

    `columns`: regressors of the logit with its constant (n, 1 + p), and coordinates (n, q) by which near
    units are found. All treated units must be matched, with replacement.
    """
    z, coordinates = columns
    density = scores * (1 - scores)
    n_treated = int(treated.sum())
    imputed = np.zeros((y.size, 2))
    conditional_covariances = np.zeros_like(z)
    for group, weight in ((True, np.ones(y.size)), (False, scores / (1 - scores))):
        members = np.flatnonzero(treated == group)
        for unit, near, wider in zip(
            range(y.size),
            tied_nearest(scores, scores[members], neighbours + 1),
            tied_nearest(scores, scores[members], neighbours + 2),
            strict=True,
        ):
            rows = members[near]
            gap = y[rows] - y[rows].mean()
            conditional_covariances[unit] += (
                weight[unit] * (gap @ (z[rows] - z[rows].mean(axis=0))) / (rows.size - 1)
            )
            # Those of the own group without the unit itself.
            candidates = members[wider]
            rows = candidates[candidates != unit] if treated[unit] == group else rows
            imputed[unit, int(group)] = y[rows].mean()

    change = imputed[:, 1] - imputed[:, 0] - estimate
    c = density @ (z * change[:, None] + conditional_covariances) / n_treated
    sign = np.where(treated, 1.0, -1.0)
    alike = sign * (y - _nearest_of_other_group(y, treated, coordinates))
    d = (density * (alike - estimate)) @ z / n_treated
    covariance = np.linalg.inv((z * density[:, None]).T @ z)
    return float(d @ covariance @ d - c @ covariance @ c)


def _nearest_of_other_group(y: Floats, treated: Bools, coordinates: Floats) -> Floats:
    """Average the outcomes of the units of the other group with the nearest covariates."""
    from scipy.spatial.distance import cdist

    outcomes = np.empty_like(y)
    for group in (True, False):
        members, other_group = np.flatnonzero(treated == group), np.flatnonzero(treated != group)
        for start in range(0, members.size, _ROWS):
            rows = members[start : start + _ROWS]
            distance = np.round(cdist(coordinates[rows], coordinates[other_group]), _DECIMALS)
            near = distance == distance.min(axis=1, keepdims=True)
            outcomes[rows] = near @ y[other_group] / near.sum(axis=1)
    return outcomes


def whitened(x: Floats) -> Floats:
    """Transform columns so that their Euclidean distances are Mahalanobis distances."""
    centred = (x - x.mean(axis=0)) / x.std(axis=0)
    triangle = np.asarray(np.linalg.qr(centred, mode="r"))
    return np.asarray(np.linalg.solve(triangle.T, centred.T).T * np.sqrt(len(x) - 1))
