"""Fixed effects in logit and probit, and the score bootstrap of Poisson regressions.

Without a correction estimated effects bias the coefficients of logit and probit. The
conditional logit estimates none: it is given the number of ones of each level. In the
score bootstrap of one restriction weights of clusters multiply their scores.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import expit, ndtr

from digiprosper.checks import not_identified
from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.kernels.reweighted import Reweighted
from digiprosper.kernels.tolerances import SAME_DEVIANCE
from digiprosper.kernels.within import level_sums
from digiprosper.linear.kernels.wild import WildWeights
from digiprosper.report.pickling import PickledByName

_STEPS = 100
_HALVINGS = 40
# Numbers in the arrays of one turn: 256 MB.
_CELLS = 2**25


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
    return -fit.regression.bread @ total / 2


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
    return fit.weights * ratio


def _level_ratios(fit: Reweighted, columns: Floats) -> Floats:
    """Sum columns (N, k) by level over the weights of the level, of all effects."""
    total = np.zeros(columns.shape[1])
    for codes in fit.projection.effects:
        levels = int(codes.max()) + 1
        weights = np.bincount(codes, weights=fit.weights)
        total += (level_sums(codes, levels, columns) / weights[:, None]).sum(axis=0)
    return total


# --- given the number of ones of each level -------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class ConditionalLogit:
    """Coefficients that maximise the likelihood given the ones of each level."""

    coefficients: Floats  # (k,)
    scores: Floats  # (G, k) derivative of the log likelihood of each level
    information: Floats  # (k, k)
    loglik: float
    null: float  # log likelihood of coefficients of zero


@dataclass(frozen=True, slots=True, eq=False)
class _Levels:
    """Some levels with rows side by side, the rare outcome of each as one.

    positions (L,): of the levels
    x (L, T, k): regressors, zero where a level has no more rows
    present (L, T): where there are rows
    count (L,), total (L, k): rows with the rarer outcome, and the sum of x over them
    """

    positions: Ints
    x: Floats
    present: Bools
    count: Ints
    total: Floats


def conditional_logit(y: Floats, x: Floats, codes: Ints) -> ConditionalLogit:
    """Maximise the likelihood of outcomes (N,) of zero and one given those of levels.

    Chamberlain (1980). ``P = exp(sum_t y_t x_t'b) / sum_d exp(sum_t d_t x_t'b)``, where
    d runs over all choices of as many rows of the level as have an outcome of one. Rows
    of levels `codes` (N,) without zeros or ones do not count; x (N, k) has no column
    that is constant in all levels, or a combination of others. Raises
    IdentificationError where the likelihood has no maximum.
    """
    levels = int(codes.max()) + 1
    means = level_sums(codes, levels, x) / np.bincount(codes)[:, None]
    centred = x - means[codes]
    scale = 1 / centred.std(axis=0)
    groups = list(_arrange_levels(y, centred * scale, codes))
    coefficients, exact = np.zeros(x.shape[1]), False
    loglik, scores, information = _likelihood_moments(groups, coefficients, levels)
    null = loglik
    for _ in range(_STEPS):
        score = scores.sum(axis=0)
        step = np.linalg.lstsq(information, score)[0]
        # What the log likelihood would gain, were it a quadratic function. Steps
        # double the digits, so that one more is exact.
        gain = float(score @ step) / 2
        for _ in range(_HALVINGS):
            updated = _likelihood_moments(groups, coefficients + step, levels)
            if updated[0] >= loglik or exact:
                break
            step = step / 2
        else:
            break
        coefficients = coefficients + step
        loglik, scores, information = updated
        if exact:
            return ConditionalLogit(
                coefficients=coefficients * scale,
                scores=scores / scale,
                information=information / scale / scale[:, None],
                loglik=loglik,
                null=null,
            )
        exact = gain < SAME_DEVIANCE * abs(loglik)
    raise not_identified(
        "not_converged",
        "the conditional likelihood has no maximum: a combination of regressors "
        "separates zeros from ones in every level, or the scales of regressors differ "
        "too much. Drop or rescale regressors.",
        steps=_STEPS,
    )


def _arrange_levels(y: Floats, x: Floats, codes: Ints) -> Iterator[_Levels]:
    """Put rows of levels side by side, levels of a similar size together."""
    k = x.shape[1]
    order = np.argsort(codes, kind="stable")
    rows, ones = np.bincount(codes), np.bincount(codes, weights=y).astype(np.intp)
    starts = np.cumsum(rows) - rows
    fewer = np.minimum(ones, rows - ones)
    positions = np.flatnonzero(fewer)
    positions = positions[np.argsort(rows[positions], kind="stable")]
    cells = int(1 + fewer.max() + rows.max()) * (1 + k + k * k)
    count = max(1, _CELLS // cells)
    for start in range(0, positions.size, count):
        batch = positions[start : start + count]
        slots = np.arange(rows[batch].max())
        present = slots < rows[batch, None]
        at = order[np.where(present, starts[batch, None] + slots, 0)]
        # Which rows have a zero says the same, with the signs of the regressors turned.
        rare = (ones[batch] <= rows[batch] - ones[batch])[:, None]
        sign = np.where(rare, 1.0, -1.0) * present
        signed, chosen = x[at] * sign[..., None], (y[at] > 0) == rare
        total = np.einsum("lt,ltk->lk", chosen, signed)
        yield _Levels(batch, signed, present, fewer[batch], total)


def _likelihood_moments(
    groups: list[_Levels], coefficients: Floats, levels: int
) -> tuple[float, Floats, Floats]:
    """Compute the log likelihood, scores by level (G, k) and information (k, k)."""
    k = coefficients.size
    loglik, scores, information = 0.0, np.zeros((levels, k)), np.zeros((k, k))
    for group in groups:
        logs, means, covariances = _sums_over_choices(group, coefficients)
        at = np.arange(group.count.size), group.count
        loglik += float((group.total @ coefficients - logs[at]).sum())
        scores[group.positions] = group.total - means[at]
        information += covariances[at].sum(axis=0)
    return loglik, scores, information


def _sums_over_choices(
    group: _Levels, coefficients: Floats
) -> tuple[Floats, Floats, Floats]:
    """Sum ``exp(sum of x'b)`` over all choices of j rows, for j from 0 to the most.

    ``f_t(j) = f_t-1(j) + f_t-1(j - 1) exp(x_t'b)`` (Howard 1972; Gail, Lubin &
    Rubinstein 1981). Returns logs (L, 1 + most), and by the same recursion mean (...,
    k) and covariance (..., k, k) of the sum of x over these choices, which have the
    probabilities ``exp(sum of x'b) / f``.
    """
    x, most = group.x, group.count.max()
    levels, rows, k = x.shape
    index = np.where(group.present, x @ coefficients, -np.inf)
    logs = np.full((levels, most + 1), -np.inf)
    logs[:, 0] = 0.0
    means = np.zeros((levels, most + 1, k))
    covariances = np.zeros((levels, most + 1, k, k))
    for row in range(rows):
        with_row = logs[:, :-1] + index[:, row, None]
        total = np.logaddexp(logs[:, 1:], with_row)
        with np.errstate(invalid="ignore"):  # no choice reaches so many rows
            share = np.nan_to_num(np.exp(with_row - total))
        gap = means[:, :-1] + x[:, row, None] - means[:, 1:]
        outer = ((1 - share)[..., None] * gap)[..., None] * gap[..., None, :]
        change = covariances[:, :-1] - covariances[:, 1:] + outer
        covariances[:, 1:] += share[..., None, None] * change
        means[:, 1:] += share[..., None] * gap
        logs[:, 1:] = total
    return logs, means, covariances


# --- the score bootstrap of a Poisson regression --------------------------------------


_ROWS = 4096


@dataclass(frozen=True, slots=True, eq=False)
class ScoreDraws(PickledByName):
    """Draws as functions of the null, by t = (estimate - null) / standard error.

    Scores are computed by refits under the null values `nulls`, between these by cubic
    splines, and beyond them they are those of the last.
    """

    nulls: Floats  # (m,) ascending values of t
    # (m, G) what the scores of each cluster move the tested sum of coefficients by
    moved: Floats
    shares: Floats  # (G,) of the clusters in the rows
    drawn: WildWeights
    seed: np.random.SeedSequence

    def statistic(self, t: float) -> float:
        """Return the statistic of the data under the null that gives the fit `t`."""
        ones = np.ones_like(self.shares)
        return float(score_statistics(self._moved(t), self.shares, ones))

    def at(self, t: float) -> Floats:
        """Return the statistic of each draw (R,) under the null with this `t`."""
        weights = _all_weights(self.drawn, self.seed)
        return score_statistics(self._moved(t), self.shares, weights)

    def _moved(self, t: float) -> Floats:
        from scipy.interpolate import CubicSpline

        nearest = np.clip(t, self.nulls[0], self.nulls[-1])
        return CubicSpline(self.nulls, self.moved)(nearest)


# An interval asks for the same weights a few hundred times.
@lru_cache(maxsize=1)
def _all_weights(drawn: WildWeights, seed: np.random.SeedSequence) -> Floats:
    return np.concatenate(list(drawn.chunks(seed, _ROWS)))


def score_statistics(moved: Floats, shares: Floats, weights: Floats) -> Floats:
    """Compute t (R,) of draws with weights (R, G), or of one (G,); NaN for 0 / 0.

    With q_g what the score of cluster g moves the estimate by,
    ``t = sum v_g q_g / sqrt(sum (v_g q_g - n_g / n sum v q)^2)`` (Kline & Santos 2012).
    """
    total = weights @ moved
    centred = weights**2 @ moved**2 - 2 * total * (weights @ (moved * shares))
    centred += total**2 * (shares @ shares)
    with np.errstate(divide="ignore", invalid="ignore"):
        return total / np.sqrt(np.maximum(centred, 0.0))
