"""Bounds on the likelihood ratio for the confidence set of a threshold.

The set inverts ``LR(g) = (S(g) / S(ghat) - 1) df``, the other thresholds held. With
``c = -2 log(1 - sqrt(level))`` it is ``LR <= c`` if errors are homoskedastic (Hansen
1999, J. Econometrics 93:345-368, eq. 15), ``LR <= c eta2`` if their variance depends on
the regressors (Hansen 2000, Econometrica 68:575-603, section 3.4). Both take a jump
that shrinks as the sample grows, and a sample that is large.

Draws can replace ``c``. With the estimate as their truth they have no proof and, in
simulations, far too small quantiles: how well a jump is located depends on the few rows
around it, and an estimate sits where they locate it well. (The bootstrap of rows is
inconsistent under a fixed jump: Yu 2014, Econometric Theory 30:676-714; Seijo & Sen
2011, Annals of Statistics 39:424-461; Gonzalo & Wolf 2005, J. Econometrics 127:201-224,
subsample for that reason.) Test inversion draws at each candidate as if it were the
truth, so that the true one has its own rows around it (Hidalgo, Lee & Seo 2019, J.
Econometrics 210:291-309).
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import numpy as np

from digiprosper.kernels import Bools, Floats
from digiprosper.kernels.threshold import (
    Plan,
    block_loadings,
    drops,
    open_search,
    split,
    start,
)
from digiprosper.threshold.kernels.draws import Scheme, demeaned_draws

# Ranks on each side of the border that the narrowest kernel reaches.
_FEWEST = 5
_POINTS = 200


def variance_parts(
    search: Plan,
    outcome: Floats,
    at: tuple[int, ...],
    threshold: int,
    q: Floats,
    df: float,
) -> Floats:
    """Estimate how the variance at a threshold differs from the ratio's assumption.

    The ratio is the sum of the result (N,): what each row adds, not negative, in the
    original order of rows.

    ``eta2 = E[(d'z)^2 e^2 | q = g] / (s2 E[(d'z)^2 | q = g])`` at ``g = ghat``, with
    ``d`` the change of the slopes across the threshold (Hansen 2000, section 3.4).
    Residuals of the fitted model stand for the errors: with ``m`` the diagonal of the
    matrix that takes all effects and columns out, their square has mean ``s2 m`` under
    homoskedasticity, and a row that changes regime moves the sum of squares by
    ``(d'z)^2 m``. Hence ``eta2 = sum w (d'z)^2 e^2 / (s2 sum w (d'z)^2 m)`` with
    ``s2 = S / df``: near 1 for homoskedastic errors, whatever the effects (under entity
    effects ``m`` is ``1 - 1/T_i`` up to the columns). The bound it gives on
    ``S(g) - S(ghat)`` does not depend on `df`.

    ``w`` is an Epanechnikov kernel in the ranks of ``q``, from 0 to 1, around the
    border between the regimes: a monotone transform of ``q`` changes nothing. The
    bandwidth is the one that minimises the mean squared error of the numerator at a
    point, ``h^5 = 15 v / (4 N b^2)``, at most 1, with ``b`` and ``v`` the quadratic
    coefficient and the residual variance of a regression of ``(d'z)^2 e^2`` on ranks
    and their squares. It is that of the program of Hansen (2000) with the numerator in
    place of the denominator (which does not show a variance that changes with ``q``),
    uniform ranks in place of ``q``, and the fifth root, which his program lacks. His
    other choice, the quadratic itself, can be negative.

    All are missing if the fit is exact or no row lies near enough to the threshold.
    Thresholds are numbered from 0.
    """
    n = search.nobs
    k = search.z.shape[0]
    candidates = search.candidates

    net_outcome = search.residuals(outcome)
    # The ratio has no units, and eighth powers of the outcome do not stand all of them.
    net_outcome = net_outcome / max(
        float(np.abs(net_outcome).max()), np.finfo(np.float64).tiny
    )
    basis, turn = search.blocks(at)
    heights = basis.T @ net_outcome
    residual = net_outcome - basis @ heights

    change = (
        np.linalg.solve(turn, heights)[k * threshold : k * (threshold + 1)] @ search.z
    )
    levels = 1 / search.groups.sizes[search.groups.codes]
    residual_maker = 1 - levels - (search.basis**2).sum(axis=0) - (basis**2).sum(axis=1)
    weights = (
        _near(
            q[candidates.order],
            int(candidates.cuts[at[threshold]]),
            change**2 * residual**2,
        )
        * change**2
    )

    total, supposed = float(residual @ residual), float(weights @ residual_maker)
    # What rounding leaves of an exact fit, or of rows without freedom, is no variance.
    floor = float(np.finfo(np.float64).eps) * n
    if not (
        total > floor * (net_outcome @ net_outcome) and supposed > floor * weights.sum()
    ):
        return np.full(n, np.nan)

    parts = np.empty(n)
    parts[candidates.order] = weights * residual**2 / supposed / (total / df)
    return parts


def _near(ranked: Floats, cut: int, values: Floats) -> Floats:
    """Weigh rows, in the order of q, by their ranks' distance from a border."""
    n = ranked.size
    _, inverse, counts = np.unique(ranked, return_inverse=True, return_counts=True)
    ranks = ((np.cumsum(counts) - counts / 2) / n)[inverse]
    curve = np.vander(ranks, 3)
    beta, *_ = np.linalg.lstsq(curve, values, rcond=None)
    spread = float(((values - curve @ beta) ** 2).mean())
    ratio = 15 * spread
    bend = 4 * n * float(beta[0]) ** 2
    bandwidth = (ratio / bend) ** 0.2 if ratio < bend else 1.0
    distance = (ranks - cut / n) / max(bandwidth, _FEWEST / n)
    return np.asarray(np.maximum(1 - distance**2, 0.0))


def drawn_bounds(
    search: Plan,
    bootstrap: Scheme,
    outcome: Floats,
    at: tuple[int, ...],
    threshold: int,
    rng: np.random.Generator,
    *,
    reps: int,
    level: float,
) -> Floats:
    """Draw a bound on the likelihood ratio at each candidate (Hidalgo et al. 2019).

    It is (G,); the candidate is taken as the truth. Half of 200 candidates are those of
    the least sums of squares, the others are evenly spaced; between them bounds are
    interpolated by ranks. All candidates have the same uniform numbers. The bound is
    the quantile `level` of `reps` draws, and the set keeps the candidates with
    ``S(g) / S(ghat) - 1`` at most this: no degrees of freedom.
    """
    plan, free = _hold(search, at, threshold)
    gain = drops(plan, open_search(plan, outcome))[0]
    admissible = np.flatnonzero(free & np.isfinite(gain))
    nearest = admissible[np.argsort(-gain[admissible], kind="stable")[: _POINTS // 2]]
    evenly = admissible[
        np.linspace(0, admissible.size - 1, _POINTS // 2).astype(np.intp)
    ]
    points = np.unique(np.concatenate([nearest, evenly]))
    bounds = np.zeros(points.size)
    for i, point in enumerate(points):
        drawn = _draw_statistics(
            plan, bootstrap, outcome, int(point), free, deepcopy(rng), reps
        )
        drawn = drawn[np.isfinite(drawn)]
        # A fit without residuals leaves no doubt.
        bounds[i] = np.quantile(drawn, level) if drawn.size else 0.0
    cuts = search.candidates.cuts
    return np.interp(cuts, cuts[points], bounds)


def _hold(search: Plan, at: tuple[int, ...], threshold: int) -> tuple[Plan, Bools]:
    """Add other thresholds to the fixed columns; find candidates left free."""
    others = [*at[:threshold], *at[threshold + 1 :]]
    free = search.candidates.open_to(threshold, np.array([others], dtype=np.intp))[0]
    free[at[threshold]] = True
    if not others:
        return search, free
    basis = search.blocks(others)[0].T
    loadings, explained = block_loadings(basis, search.z, search.candidates.cuts - 1)
    plan = replace(
        search,
        basis=np.concatenate([search.basis, basis]),
        loadings=np.concatenate([search.loadings, loadings], axis=1),
        gram=search.gram - explained[:, :, None],
    )
    return plan, free


def _draw_statistics(
    plan: Plan,
    bootstrap: Scheme,
    outcome: Floats,
    true: int,
    free: Bools,
    rng: np.random.Generator,
    reps: int,
) -> Floats:
    fit, residual = split(plan, outcome, (true,))
    ratios = []
    for drawn, _ in demeaned_draws(plan, bootstrap, residual, rng, reps):
        state = start(plan, drawn + fit)
        gain = drops(plan, state)
        true_gain = gain[:, true]
        best = np.maximum(np.where(free, gain, -np.inf).max(axis=1), true_gain)
        ssr = state.ssr - best
        exact = ssr <= np.finfo(np.float64).eps * plan.nobs * state.ssr
        ratios.append(
            np.where(exact, np.nan, (best - true_gain) / np.where(exact, 1.0, ssr))
        )
    return np.concatenate(ratios)
