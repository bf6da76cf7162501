"""Nearest neighbours by a score, balancing weights, and the effect on the treated."""

from __future__ import annotations

import numpy as np

from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.kernels.tolerances import BALANCED, FULL_LEVERAGE, ON_A_PLANE

# Scores of entities with the same values may differ by rounding; distances are compared
# at so many decimals.
_DECIMALS = 12
_NEWTON_STEPS = 200


def nearest(
    treated: Floats,
    control: Floats,
    k: int,
    caliper: float,
    *,
    replace: bool,
    all_ties: bool = False,
) -> tuple[Ints, Ints, int]:
    """Find the `k` nearest controls of each treated unit, by score.

    Without replacement treated units choose in the order of their scores, the largest
    first, one control in each round. Of controls at the same distance the first is
    matched, or all with `all_ties` and `replace`.

    Returns positions (P,) of matched treated units, in order, and of their controls,
    the nearest first; and how many treated units have another control at the distance
    of the last match.
    """
    if replace:
        matches, ties = _with_replacement(
            treated, control, k, caliper, all_ties=all_ties
        )
    else:
        matches, ties = _without_replacement(treated, control, k, caliper)
    treated_units = np.repeat(np.arange(treated.size), list(map(len, matches)))
    control_units = np.array([unit for near in matches for unit in near], dtype=np.intp)
    return treated_units, control_units, ties


def _with_replacement(
    treated: Floats, control: Floats, k: int, caliper: float, *, all_ties: bool
) -> tuple[list[list[int]], int]:
    matches, ties = [], 0
    for score, near in zip(treated, tied_nearest(treated, control, k), strict=True):
        distance = np.round(np.abs(control[near] - score), _DECIMALS)
        order = np.argsort(distance, kind="stable")
        within = order[distance[order] <= caliper]
        matches.append(near[within if all_ties else within[:k]].tolist())
        ties += within.size > k
    return matches, ties


def tied_nearest(units: Floats, pool: Floats, k: int) -> list[Ints]:
    """Find the `k` nearest units in `pool` of each unit, with all ties.

    `units` and `pool` are scores (N,) or coordinates (N, q). Returns positions in
    `pool`, in order. A unit may itself be in the pool.
    """
    from scipy.spatial import KDTree

    points, tree = np.column_stack([units]), KDTree(np.column_stack([pool]))
    distances, _ = tree.query(points, [min(k, len(pool))])
    reach = np.asarray(distances)[:, 0] + 10.0**-_DECIMALS
    near = tree.query_ball_point(points, reach, return_sorted=True)
    return [np.array(positions, dtype=np.intp) for positions in near]


def _without_replacement(
    treated: Floats, control: Floats, k: int, caliper: float
) -> tuple[list[list[int]], int]:
    matches: list[list[int]] = [[] for _ in treated]
    tied = set()
    free = np.ones(control.size, dtype=bool)
    order = np.argsort(-np.round(treated, _DECIMALS), kind="stable")
    for unit in np.tile(order, k):
        distance = np.round(np.abs(control - treated[unit]), _DECIMALS)
        distance[~free | (distance > caliper)] = np.inf
        best = int(np.argmin(distance))
        if np.isinf(distance[best]):
            continue
        matches[unit].append(best)
        free[best] = False
        if np.count_nonzero(distance == distance[best]) > 1:
            tied.add(int(unit))
    return matches, len(tied)


def pair_weights(treated: Ints, control: Ints, n: int) -> Floats:
    """Weight n units, of which pairs are at the positions `treated` and `control`.

    A matched treated unit has 1, a unit without a match 0. A control has the sum over
    its treated units of one over the number of their matches.
    """
    weights = np.bincount(control, 1.0 / np.bincount(treated)[treated], n)
    weights[treated] = 1.0
    return weights.astype(np.float64)


def balanced_columns(x: Floats, moments: int) -> tuple[Floats, list[int]]:
    """Standardise `x` (n, p), and add squares if two moments are balanced.

    Also returns the positions of the squared columns; a dummy is its own square.
    """
    columns = (x - x.mean(axis=0)) / x.std(axis=0)
    squared = [j for j, column in enumerate(x.T) if np.unique(column).size > 2]
    squared = squared if moments == 2 else []
    return np.column_stack([columns, columns[:, squared] ** 2]), squared


def entropy_weights(x: Floats, treated: Bools, base: Floats) -> Floats | None:
    """Weight controls so that the means of `x` (N, p) are those of the treated.

    Hainmueller (2012), Political Analysis 20:25: of all such weights these minimise
    ``sum_i w_i log(w_i / base_i)``. They are proportional to ``base_i exp(x_i'b)``,
    where b minimises ``log sum_i base_i exp((x_i - mean)'b)``; Newton steps find it.

    `base` (n,) adds up to one, as the weights do. None if no positive weights have
    these means.
    """
    z = whitened(x)
    gap, b = z[~treated] - z[treated].mean(axis=0), np.zeros(x.shape[1])

    def at(b: Floats) -> tuple[float, Floats, Floats]:
        """Return the minimised function, the weights, and what their means are off."""
        index = gap @ b
        weights = base * np.exp(index - index.max())
        total = float(weights.sum())
        return index.max() + np.log(total), weights / total, weights @ gap / total

    value, weights, means = at(b)
    for _ in range(_NEWTON_STEPS):
        curvature, axes = np.linalg.eigh((gap - means).T * weights @ (gap - means))
        if np.abs(means).max() <= BALANCED:
            return weights if curvature[0] > ON_A_PLANE else None
        step = axes @ ((axes.T @ means) / np.maximum(curvature, ON_A_PLANE))
        share = 1.0
        while share > BALANCED:
            value_at, weights_at, means_at = at(b - share * step)
            if value_at < value or np.abs(means_at).max() < np.abs(means).max():
                break
            share /= 2
        b, value, weights, means = b - share * step, value_at, weights_at, means_at
    return None


def weighted_moments(x: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Compute weighted means and variances (p,) of a group; one unit has no variance.

    A variance is the weighted mean of squared deviations times ``n / (n - 1)``; n
    counts positive weights.
    """
    used = weights > 0
    n = int(used.sum())
    missing = np.full(x.shape[1], np.nan)
    if n == 0:
        return missing, missing
    values, share = x[used], weights[used] / weights[used].sum()
    mean = share @ values
    return mean, missing if n == 1 else share @ (values - mean) ** 2 * n / (n - 1)


# --- the average effect ---------------------------------------------------------------


def average_effect(
    y: Floats, treated: Bools, scores: Floats, pairs: tuple[Ints, Ints], neighbours: int
) -> tuple[float, float]:
    """Average differences of treated units and matches, in equal shares.

    Abadie & Imbens (2006), Econometrica 74:235, theorem 7: the variance is
    ``(sum_i (tau_i - tau)^2 + sum_j (K_j^2 - K'_j) s_j^2) / N1^2``. K_j is the sum of
    the shares of control j, and K'_j that of their squares. Conditional variances s^2
    are those among the `neighbours` nearest units of the own group and the unit itself,
    as in Stata's teffects. If each control has one match at most, the second sum is
    zero, and the variance is that of Abadie & Imbens (2012), JASA 107:833.

    `pairs`: positions (P,) of treated units and of their matches. Returns the estimate,
    and its variance if the scores were known.
    """
    treated_units, control_units = pairs
    count = np.bincount(treated_units, minlength=y.size)
    share = 1.0 / count[treated_units]
    matched = count > 0
    effects = (
        y - np.bincount(treated_units, share * y[control_units], minlength=y.size)
    )[matched]
    reused = np.bincount(control_units, share, minlength=y.size)
    squares = np.bincount(control_units, share**2, minlength=y.size)
    estimate = float(effects.mean())
    total = ((effects - estimate) ** 2).sum()

    reused_controls = np.flatnonzero(reused**2 - squares > 0)
    controls = np.flatnonzero(~treated)
    sets = tied_nearest(scores[reused_controls], scores[controls], neighbours + 1)
    for unit, near in zip(reused_controls, sets, strict=True):
        total += (reused[unit] ** 2 - squares[unit]) * y[controls[near]].var(ddof=1)
    return estimate, float(total) / effects.size**2


def score_correction(
    y: Floats,
    treated: Bools,
    scores: Floats,
    columns: tuple[Floats, Floats],
    estimate: float,
    neighbours: int,
) -> float:
    """Compute what the estimation of a logit adds to the variance; it can be negative.

    Abadie & Imbens (2016), Econometrica 84:781, theorem 2: ``d'Vd - c'Vc``, where V is
    the covariance of the coefficients, computed as in Stata's teffects psmatch. That
    program takes the columns themselves as coordinates, so that its errors depend on
    their units.

    `columns`: regressors of the logit with its constant (n, 1 + p), and coordinates
    (n, q) by which near units are found. All treated units must be matched, with
    replacement.
    """
    z, coordinates = columns
    density = scores * (1 - scores)
    n_treated = int(treated.sum())
    imputed, of_other_group = np.zeros((y.size, 2)), np.empty_like(y)
    conditional_covariances = np.zeros(z.shape[1])
    # Of the controls the density times p / (1 - p), which is defined for p = 1 too.
    for group, weight in ((True, density), (False, scores**2)):
        members, others = np.flatnonzero(treated == group), treated != group
        # Outcomes of the units of the other group with nearest covariates
        sets = tied_nearest(coordinates[members], coordinates[others], 1)
        of_other_group[members] = [y[others][near].mean() for near in sets]
        for unit, near, wider in zip(
            range(y.size),
            tied_nearest(scores, scores[members], neighbours + 1),
            tied_nearest(scores, scores[members], neighbours + 2),
            strict=True,
        ):
            rows = members[near]
            gap = y[rows] - y[rows].mean()
            conditional_covariances += (
                weight[unit]
                * (gap @ (z[rows] - z[rows].mean(axis=0)))
                / (rows.size - 1)
            )
            # Those of the own group without the unit itself.
            candidates = members[wider]
            rows = candidates[candidates != unit] if treated[unit] == group else rows
            imputed[unit, int(group)] = y[rows].mean()

    change = imputed[:, 1] - imputed[:, 0] - estimate
    c = ((density * change) @ z + conditional_covariances) / n_treated
    sign = np.where(treated, 1.0, -1.0)
    alike = sign * (y - of_other_group)
    d = (density * (alike - estimate)) @ z / n_treated
    covariance = np.linalg.inv((z * density[:, None]).T @ z)
    return float(d @ covariance @ d - c @ covariance @ c)


def balanced_effect(
    y: Floats, treated: Bools, x: Floats, weights: Floats
) -> tuple[float, float, float, Ints]:
    """Compare treated means with means of controls under entropy weights.

    The weights depend on the data. Stacked with their equations, the influence of a
    unit is its residual from the regression of the controls' y on `x` (N, p) with these
    weights (Zhao & Percival 2017, Journal of Causal Inference 5; Jann 2021). The
    variance is ``sum_T (e_i - mean e)^2 / (N1 (N1 - 1)) + sum_C w_i^2 e_i^2 / (1 -
    h_i)`` with weights that add up to one: h_i is the leverage, as in HC2. Degrees of
    freedom are Satterthwaite's; those of the second sum are the effective number of
    controls less 1 + p.

    Returns the estimate, its variance, degrees of freedom, and the controls that the
    regression fits perfectly, which have no residual.
    """
    share = weights[~treated] / weights[~treated].sum()
    z = np.column_stack([np.ones(len(x)), x - x[treated].mean(axis=0)])
    q, r = np.linalg.qr(z[~treated] * np.sqrt(share)[:, None])
    residuals = y - z @ np.linalg.solve(r, q.T @ (np.sqrt(share) * y[~treated]))
    slack = 1.0 - (q**2).sum(axis=1)
    n_treated = int(treated.sum())
    first = residuals[treated].var(ddof=1) / n_treated
    df_controls = max(1.0 / float((share**2).sum()) - z.shape[1], 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        second = float((share**2 * residuals[~treated] ** 2 / slack).sum())
        squares = first**2 / (n_treated - 1) + second**2 / df_controls
        df = (first + second) ** 2 / squares
    estimate = y[treated].mean() - share @ y[~treated]
    without_control = np.flatnonzero(~treated)[slack <= FULL_LEVERAGE]
    return float(estimate), float(first + second), float(df), without_control


def whitened(x: Floats) -> Floats:
    """Transform columns so that their Euclidean distances are Mahalanobis distances."""
    centred = (x - x.mean(axis=0)) / x.std(axis=0)
    triangle = np.asarray(np.linalg.qr(centred, mode="r"))
    return np.asarray(np.linalg.solve(triangle.T, centred.T).T * np.sqrt(len(x) - 1))
