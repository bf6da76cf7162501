"""Differences in differences of two periods, also with controls, and jackknifed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np

from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.kernels.chunks import chunks
from digiprosper.kernels.tolerances import COLLINEAR, LAST_STEP_TWO_PERIODS
from digiprosper.policy.kernels.aggregation import MEMORY

MOST_JACKKNIFED = 100
"""Clusters up to which the jackknife is computed."""
# Controls of a higher probability of treatment have no weight, as in the R package
# DRDID.
_TRIM = 0.995
_ITERATIONS = 100
# Log odds beyond which probabilities are 0 and 1.
_SEPARATED = 30.0
# Bytes of arrays that `differences` takes at a time
_FEW_EFFECTS = 2**21


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Comparisons:
    """The m comparisons of two periods among n entities."""

    change: Floats  # (m, n) outcome less that of the base period; 0 if not used
    used: Bools  # (m, n) entities compared
    treated: Bools  # (m, n)
    weights: Floats  # (m, n) positive where used, 0 elsewhere

    def part(self, effects: slice, entities: Bools) -> Comparisons:
        """Return the comparisons of some of the effects and of the entities (n,)."""
        arrays = {field.name: getattr(self, field.name) for field in fields(self)}
        return Comparisons(**{n: a[effects, entities] for n, a in arrays.items()})


def mean_differences(compared: Comparisons) -> tuple[Floats, Floats, Floats]:
    """Compare mean changes of treated entities and of controls, for m effects.

    Returns the effects (m,), the influence (n, m) of each entity, whose squares add up
    to the variances, and the weights (m, n) of the changes.
    """
    m, n = compared.used.shape
    estimates, influence, shares = np.zeros(m), np.zeros((m, n)), np.zeros((m, n))
    for part in chunks(m, 4 * n, MEMORY):
        change, treated = compared.change[part], compared.treated[part]
        for sign, group in ((1.0, treated), (-1.0, ~treated)):
            weights = np.where(group, compared.weights[part], 0.0)
            share = sign * weights / weights.sum(axis=1, keepdims=True)
            mean = (share * change).sum(axis=1)
            estimates[part] += mean
            influence[part] += share * (change - sign * mean[:, None])
            shares[part] += share
    return estimates, influence.T, shares


def differences(
    compared: Comparisons, x: Floats, adjustment: str
) -> tuple[Floats, Floats, Bools]:
    """Compare changes of treated entities and of controls alike in `x` (m, n, k).

    Sant'Anna & Zhao (2020), Journal of Econometrics 219:101: equations 2.2, 2.4 with
    weights that sum to one, 2.6 and theorem A.1. All means, the regression and the
    logit are weighted, as in the R package DRDID. `adjustment` is ``"doubly_robust"``,
    ``"ipw"`` or ``"regression"``.

    Returns the effects (m,), missing if they have no estimate, the influence (n, m) of
    each entity, and for which effects `x` is collinear among the controls (m,).
    """
    m, n, k = x.shape
    estimates, influence = np.zeros(m), np.zeros((m, n))
    collinear = np.zeros(m, dtype=np.bool_)
    for part in chunks(m, n * (k + 2) ** 2, _FEW_EFFECTS):
        # Few effects at a time, since those of a cohort use the same entities
        entities = np.asarray(compared.used[part].any(axis=0))
        data = compared.part(part, entities)
        design = scaled_design(data, x[part, entities])
        controls = np.where((data.used & ~data.treated)[:, :, None], design, 0.0)
        ranks = np.linalg.matrix_rank(controls, tol=COLLINEAR * data.used.sum(axis=1))
        collinear[part] = ranks <= k
        design = _orthogonal_design(design, controls, data.weights)
        effects, by_entity = _estimate(data, design, data.weights[:, None], adjustment)
        estimates[part] = np.where(collinear[part], np.nan, effects[:, 0])
        influence[part, entities] = by_entity()
    return estimates, influence.T, collinear


def _orthogonal_design(design: Floats, controls: Floats, weights: Floats) -> Floats:
    """Combine columns (m, n, p) of a design to ones orthogonal among the controls.

    Effects do not depend on it, but normal equations of nearly collinear columns lose
    half of the digits. `controls`: the design, 0 for treated entities.
    """
    root = np.sqrt(weights / weights.sum(axis=1, keepdims=True))
    _, sizes, turn = np.linalg.svd(root[:, :, None] * controls, full_matrices=False)
    sizes = np.maximum(sizes, np.finfo(np.float64).eps)
    return np.asarray(design @ (turn / sizes[:, :, None]).transpose(0, 2, 1))


def scaled_design(data: Comparisons, x: Floats) -> Floats:
    """Return ones and controls `x` (m, n, k), standardised among entities compared."""
    controls = np.where(data.used[:, :, None], x, np.nan)
    spread = np.nanstd(controls, axis=1, keepdims=True)
    centred = controls - np.nanmean(controls, axis=1, keepdims=True)
    scaled = np.nan_to_num(centred / np.where(spread > 0, spread, 1.0))
    return np.concatenate([np.ones((*data.used.shape, 1)), scaled], axis=2)


def without_each_cluster(
    data: Comparisons, design: Floats, clusters: Ints, adjustment: str
) -> Floats:
    """Estimate m effects without each cluster: (C, m), perhaps missing.

    `design` (m, n, p) is that of `scaled_design`.
    """
    values = []
    count = int(clusters.max()) + 1
    for part in chunks(count, data.used.size * design.shape[2], MEMORY):
        left_out = np.arange(part.start, part.stop)
        weights = data.weights[:, None] * (clusters != left_out[:, None])
        values.append(_estimate(data, design, weights, adjustment)[0])
    return np.hstack(values).T


def _estimate(
    data: Comparisons, design: Floats, weights: Floats, adjustment: str
) -> tuple[Floats, Callable[[], Floats]]:
    """Estimate effects (m, c) for weights (m, c, n) of entities, perhaps missing.

    Also returns the function that computes the influence (m, n) of entities on effects
    for their own weights, with c = 1.
    """
    m, n, p = design.shape
    columns = design.transpose(0, 2, 1)
    products = (design[:, :, :, None] * design[:, :, None, :]).reshape(m, n, -1)
    treated, change = data.treated[:, None, :], data.change[:, None, :]
    untreated_weights = np.where(treated, 0.0, weights)
    gram = (untreated_weights @ products).reshape(m, -1, p, p)
    estimable = _regular(gram)
    gram = np.where(estimable[..., None, None], gram, np.eye(p))
    shares = _normalised(np.where(treated, weights, 0.0))
    control_shares = np.zeros_like(weights)
    residual = change
    if adjustment != "regression":
        propensity, hessian, exists = _logit(treated, design, weights, products)
        estimable &= exists
        odds = propensity / (1 - np.minimum(propensity, _TRIM))
        odds_weights = np.where(propensity < _TRIM, untreated_weights * odds, 0.0)
        control_shares = _normalised(odds_weights)
    if adjustment != "ipw":
        moments = (untreated_weights * change) @ design
        residual = change - np.linalg.solve(gram, moments[..., None])[..., 0] @ columns
    mean, control_mean = (
        (share * residual).sum(axis=2, keepdims=True)
        for share in (shares, control_shares)
    )
    estimates = (mean - control_mean)[..., 0]

    def influence() -> Floats:
        of_controls = control_shares * (residual - control_mean)
        total = shares * (residual - mean) - of_controls
        parts = []
        if adjustment != "ipw":
            errors = np.where(treated, 0.0, residual)
            parts.append((gram, errors, shares - control_shares))
        if adjustment != "regression":
            parts.append((hessian, treated - propensity, of_controls))
        for curvature, errors, by_entity in parts:
            # What errors of the slopes of the regression, or of the logit, add
            by_slope = np.linalg.solve(curvature, (by_entity @ design)[..., None])
            total -= weights * errors * (by_slope[..., 0] @ columns)
        return np.asarray(total[:, 0])

    return np.where(estimable & np.isfinite(estimates), estimates, np.nan), influence


def _normalised(weights: Floats) -> Floats:
    """Divide weights (..., n) by their sums."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(weights / weights.sum(axis=-1, keepdims=True))


def _regular(gram: Floats) -> Bools:
    """Return which cross products (m, c, p, p) have an inverse."""
    size = np.sqrt(np.einsum("mcpp->mcp", gram))
    size = np.where(size > 0, size, 1.0)
    scaled = gram / size[..., :, None] / size[..., None, :]
    return np.linalg.eigvalsh(scaled)[..., 0] > COLLINEAR


def _logit(
    treated: Bools, design: Floats, weights: Floats, products: Floats
) -> tuple[Floats, Floats, Bools]:
    """Estimate propensity scores (m, c, n) with Hessians (m, c, p, p) by Newton steps.

    Also returns which (m, c) exist: steps converge, and no entity is separated.
    """
    m, _, p = design.shape
    used = weights > 0
    columns = design.transpose(0, 2, 1)
    slopes = np.zeros((m, weights.shape[1], p))
    exist = np.ones(slopes.shape[:2], dtype=np.bool_)
    exact = np.zeros_like(exist)
    for _ in range(_ITERATIONS):
        propensity = 1 / (1 + np.exp(-np.clip(slopes @ columns, -50, 50)))
        score = (weights * (treated - propensity)) @ design
        hessian = (weights * propensity * (1 - propensity)) @ products
        hessian = hessian.reshape(*slopes.shape, p)
        exist &= _regular(hessian)
        hessian = np.where(exist[..., None, None], hessian, np.eye(p))
        step = np.linalg.solve(hessian, score[..., None])[..., 0]
        # Steps of one effect are rounding, of any size, while others need more.
        exact |= np.abs(step).max(axis=2) < LAST_STEP_TWO_PERIODS
        if exact[exist].all():
            break
        slopes += np.where(exist[..., None], step, 0.0)
        furthest = np.where(used, np.abs(slopes @ columns), 0.0).max(axis=2)
        exist &= furthest <= _SEPARATED
    return propensity, hessian, exist & exact
