"""Scale and draws for the confidence set of a threshold.

The set inverts ``LR(g) = (S(g) / S(ghat) - 1) df``, the other thresholds held. With ``c = -2 log(1 -
sqrt(level))`` it is ``LR <= c`` if errors are homoskedastic (Hansen 1999, J. Econometrics 93:345-368, eq. 15),
``LR <= c eta2`` if their variance depends on the regressors (Hansen 2000, Econometrica 68:575-603, section
3.4), or ``LR <=`` a quantile of bootstrap draws of ``LR(ghat)``. The first two take a jump that shrinks as the
sample grows. For a bootstrap of the place of a jump there is no proof: resampling of rows is inconsistent
under a fixed jump (Yu 2014, Econometric Theory 30:676-714; Seijo & Sen 2011, Annals of Statistics 39:424-461),
which is why Gonzalo & Wolf (2005, J. Econometrics 127:201-224) subsample. How well the sets cover is a matter
of simulation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from digiprosper.kernels.threshold import condition, drops, split, start
from digiprosper.kernels.threshold_draws import residual_draws

if TYPE_CHECKING:
    from digiprosper.kernels import Floats
    from digiprosper.kernels.threshold import Plan
    from digiprosper.kernels.threshold_draws import Scheme

__all__ = ["drawn_lr", "variance_ratio"]


# Rule of thumb for the Epanechnikov kernel times the standard deviation of ranks in (0, 1), sqrt(1/12).
_BANDWIDTH = 2.344 / np.sqrt(12)


def variance_ratio(
    search: Plan, outcome: Floats, at: tuple[int, ...], threshold: int, q: Floats, df: float
) -> float:
    """Estimate by how much the variance at a threshold differs from what the likelihood ratio supposes.

    ``eta2 = E[(d'z)^2 e^2 | q = g] / (s2 E[(d'z)^2 | q = g])`` at ``g = ghat``, with ``d`` the change of the
    slopes across the threshold (Hansen 2000, section 3.4). Residuals of the fitted model stand for the
    errors: with ``m`` the diagonal of the matrix that takes all effects and columns out, their square has mean
    ``s2 m`` under homoskedasticity, and a row that changes regime moves the sum of squares by ``(d'z)^2 m``.
    Hence ``eta2 = sum w (d'z)^2 e^2 / (s2 sum w (d'z)^2 m)`` with ``s2 = S / df``: near 1 for homoskedastic
    errors whatever the effects; ``m = 1 - 1/T_i`` up to the columns under entity effects. The bound ``eta2``
    gives on ``S(g) - S(ghat)`` does not depend on `df`.

    The weights ``w`` are an Epanechnikov kernel in the ranks of ``q``, its centre the border between the
    regimes, so that a monotone transform of ``q`` changes nothing; the bandwidth is
    ``2.344 sd N^(-1/5)`` with ``sd = sqrt(1/12)``, that of the pilot estimate in the program of Hansen (2000),
    whose second step (a plug-in from a quadratic) divides by curvatures close to zero.

    Parameters
    ----------
    search : Plan
        From :func:`digiprosper.kernels.threshold.plan`.
    outcome : (N,) float array
        Rows as they were given to the candidates.
    at : tuple of int
        Positions of all thresholds.
    threshold : int
        Which of them, from 0.
    q : (N,) float array
        Threshold variable, rows as they were given to the candidates.
    df : float
        Denominator of LR.

    Returns
    -------
    float
        Missing if the fit is exact or no row near the threshold tells about it.
    """
    n, k, cuts = search.nobs, search.z.shape[0], search.candidates.cuts
    _, residual = split(search, outcome, at)
    rest = search.residualise(outcome[search.candidates.order][None, :])[0]
    basis, turn = np.linalg.qr(np.concatenate([search.block(int(cuts[j])) for j in at]).T)
    jumps = np.linalg.solve(turn, basis.T @ rest)[k * threshold : k * (threshold + 1)]
    groups = search.groups
    left = 1 - 1 / groups.sizes[groups.codes] - (search.basis**2).sum(axis=0) - (basis**2).sum(axis=1)
    weights = _near(q[search.candidates.order], int(cuts[at[threshold]])) * (jumps @ search.z) ** 2
    variance = residual @ residual / df
    supposed = float(variance * (weights @ left))
    # What rounding leaves of an exact fit, or of rows without freedom, is no variance.
    floor = np.finfo(np.float64).eps * n
    if not (variance * df > floor * (rest @ rest) and weights @ left > floor * weights.sum()):
        return np.nan
    return float(weights @ residual**2) / supposed


def _near(ranked: Floats, cut: int) -> Floats:
    """Weigh rows, in the order of the threshold variable, by how close their ranks are to a border."""
    _, inverse, counts = np.unique(ranked, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - counts / 2)[inverse]
    distance = (ranks - cut) / (_BANDWIDTH * ranked.size**0.8)
    return np.asarray(np.maximum(1 - distance**2, 0.0))


def drawn_lr(
    search: Plan,
    which: Scheme,
    outcome: Floats,
    at: tuple[int, ...],
    threshold: int,
    rng: np.random.Generator,
    *,
    reps: int,
    chunk: int | None = None,
) -> Floats:
    """Draw the likelihood ratio of a threshold at its true place, without its degrees of freedom.

    Outcomes are the fit with all thresholds plus drawn residuals of that fit, so that the estimate is the
    truth of each draw. There is no proof that the draws follow the distribution of the statistic (see the
    head of this module).

    Parameters
    ----------
    search : Plan
        From :func:`digiprosper.kernels.threshold.plan`.
    which : Scheme
        From :func:`digiprosper.kernels.threshold_draws.scheme`.
    outcome : (N,) float array
        Outcome of the data, rows as they were given to the candidates.
    at : tuple of int
        Positions of all thresholds.
    threshold : int
        Which of them is searched again in each draw, from 0; the others are held.
    rng : Generator
        Source of uniform numbers; they do not depend on `chunk`.
    reps : int
        Number of draws.
    chunk : int, optional
        Draws worked on together; by default as many as stay in cache.

    Returns
    -------
    (reps,) float array
        ``S(ghat) / S(ghat of the draw) - 1``, at least zero; missing where the fit is exact.
    """
    fit, residual = split(search, outcome, at)
    others = [*at[:threshold], *at[threshold + 1 :]]
    size = search.chunk if chunk is None else chunk
    ratios = np.empty(reps)
    for low in range(0, reps, size):
        high = min(low + size, reps)
        drawn = residual_draws(which, residual, rng.random((high - low, which.size)))
        if not which.swept:
            drawn = search.sweep(drawn)
        state = start(search, drawn + fit)
        for other in others:
            state = condition(search, state, np.full(high - low, other, dtype=np.intp))
        gain = drops(search, state)
        true = gain[:, at[threshold]].copy()
        gain[~search.candidates.open_to(threshold, state.fixed)] = -np.inf
        best = np.maximum(gain.max(axis=1), true)
        left = state.ssr - best
        exact = left <= np.finfo(np.float64).eps * search.nobs * state.ssr
        ratios[low:high] = np.where(exact, np.nan, (best - true) / np.where(exact, 1.0, left))
    return ratios
