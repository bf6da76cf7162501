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
    """Average effect on the matched treated units.

    Parameters
    ----------
    estimate : float
        The effect.
    variance : float
        Its variance in repeated samples, with the scores taken as known.
    """

    estimate: float
    variance: float


def average_effect(
    y: Floats, treated: Bools, scores: Floats, pairs: tuple[Ints, Ints], neighbours: int
) -> AverageEffect:
    """Average the differences between treated units and their matches.

    Parameters
    ----------
    y : (n,) array
        Outcome.
    treated : (n,) array of bool
        Which units are treated.
    scores : (n,) array
        Propensity scores.
    pairs : two (P,) arrays of int
        Treated units and their matches, by position. The matches of a unit have equal shares.
    neighbours : int
        Units of its own group, beside itself, from which the conditional variance of a unit is found.

    Returns
    -------
    AverageEffect
        Abadie & Imbens (2006), Econometrica 74:235, theorem 7: the variance is
        ``(sum_i (tau_i - tau)^2 + sum_j (K_j^2 - K'_j) s_j^2) / N1^2``. K_j is the sum of the shares of
        control j, and K'_j that of their squares. Conditional variances s^2 are those among the nearest units
        of the own group, the unit included, as in Stata's teffects. If each control has one match at most,
        the second sum is zero, and the variance is that of Abadie & Imbens (2012), JASA 107:833.
    """
    left, right = pairs
    count = np.bincount(left, minlength=y.size)
    share = 1.0 / count[left]
    matched = count > 0
    effects = (y - np.bincount(left, share * y[right], minlength=y.size))[matched]
    reused = np.bincount(right, share, minlength=y.size)
    squares = np.bincount(right, share**2, minlength=y.size)
    estimate = float(effects.mean())
    total = ((effects - estimate) ** 2).sum()

    several = np.flatnonzero(reused**2 - squares > 0)
    controls = np.flatnonzero(~treated)
    sets = tied_nearest(scores[several], scores[controls], neighbours + 1)
    for unit, near in zip(several, sets, strict=True):
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

    Parameters
    ----------
    y : (n,) array
        Outcome.
    treated : (n,) array of bool
        Which units are treated.
    scores : (n,) array
        Probabilities of the logit.
    columns : (n, 1 + p) and (n, q) arrays
        Regressors of the logit with its constant, and coordinates in which units with near values of them are
        found.
    estimate : float
        The average effect, with all treated units matched, with replacement.
    neighbours : int
        As of `average_effect`.

    Returns
    -------
    float
        Abadie & Imbens (2016), Econometrica 84:781, theorem 2: ``d'Vd - c'Vc``, where V is the covariance of
        the coefficients, computed as Stata's teffects psmatch does. That program takes the columns
        themselves as coordinates, so that its errors depend on their units.
    """
    z, places = columns
    density = scores * (1 - scores)
    n_treated = int(treated.sum())
    imputed = np.zeros((y.size, 2))
    moved = np.zeros_like(z)
    for group, weight in ((True, np.ones(y.size)), (False, scores / (1 - scores))):
        members = np.flatnonzero(treated == group)
        for unit, near, others in zip(
            range(y.size),
            tied_nearest(scores, scores[members], neighbours + 1),
            tied_nearest(scores, scores[members], neighbours + 2),
            strict=True,
        ):
            rows = members[near]
            gap = y[rows] - y[rows].mean()
            moved[unit] += weight[unit] * (gap @ (z[rows] - z[rows].mean(axis=0))) / (rows.size - 1)
            # Those of the own group without the unit itself.
            own = members[others]
            rows = own[own != unit] if treated[unit] == group else rows
            imputed[unit, int(group)] = y[rows].mean()

    change = imputed[:, 1] - imputed[:, 0] - estimate
    c = density @ (z * change[:, None] + moved) / n_treated
    sign = np.where(treated, 1.0, -1.0)
    alike = sign * (y - _nearest_of_other_group(y, treated, places))
    d = (density * (alike - estimate)) @ z / n_treated
    covariance = np.linalg.inv((z * density[:, None]).T @ z)
    return float(d @ covariance @ d - c @ covariance @ c)


def _nearest_of_other_group(y: Floats, treated: Bools, places: Floats) -> Floats:
    """Average the outcomes of the units of the other group with the nearest covariates."""
    from scipy.spatial.distance import cdist

    out = np.empty_like(y)
    for group in (True, False):
        members, others = np.flatnonzero(treated == group), np.flatnonzero(treated != group)
        for start in range(0, members.size, _ROWS):
            rows = members[start : start + _ROWS]
            distance = np.round(cdist(places[rows], places[others]), _DECIMALS)
            near = distance == distance.min(axis=1, keepdims=True)
            out[rows] = near @ y[others] / near.sum(axis=1)
    return out


def whitened(x: Floats) -> Floats:
    """Transform columns so that their distances are those of Mahalanobis, whatever their units.

    Parameters
    ----------
    x : (n, p) array
        Columns, none a combination of others.

    Returns
    -------
    (n, p) array
        Uncorrelated columns of variance one.
    """
    centred = (x - x.mean(axis=0)) / x.std(axis=0)
    triangle = np.asarray(np.linalg.qr(centred, mode="r"))
    return np.asarray(np.linalg.solve(triangle.T, centred.T).T * np.sqrt(len(x) - 1))
