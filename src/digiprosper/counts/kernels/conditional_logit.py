"""Logit given the number of ones of each level: no effect is estimated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from digiprosper.errors import not_identified
from digiprosper.kernels.tolerances import SAME_DEVIANCE
from digiprosper.kernels.within import level_sums

if TYPE_CHECKING:
    from collections.abc import Iterator

    from digiprosper.kernels import Bools, Floats, Ints

_STEPS = 100
_HALVINGS = 40
# Numbers in the arrays of one turn: 256 MB.
_CELLS = 2**25


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
    groups = list(_groups(y, centred * scale, codes))
    coefficients, exact = np.zeros(x.shape[1]), False
    loglik, scores, information = _moments(groups, coefficients, levels)
    null = loglik
    for _ in range(_STEPS):
        score = scores.sum(axis=0)
        step = np.linalg.lstsq(information, score)[0]
        # What the log likelihood would gain, were it a quadratic function. Steps
        # double the digits, so that one more is exact.
        gain = float(score @ step) / 2
        for _ in range(_HALVINGS):
            updated = _moments(groups, coefficients + step, levels)
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
        "the conditional likelihood has no maximum: a combination of regressors tells "
        "zeros from ones in every level, or regressors differ too much in scale. Drop "
        "regressors, or rescale them.",
        steps=_STEPS,
    )


def _groups(y: Floats, x: Floats, codes: Ints) -> Iterator[_Levels]:
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


def _moments(
    groups: list[_Levels], coefficients: Floats, levels: int
) -> tuple[float, Floats, Floats]:
    """Compute the log likelihood, scores by level (G, k) and information (k, k)."""
    k = coefficients.size
    loglik, scores, information = 0.0, np.zeros((levels, k)), np.zeros((k, k))
    for group in groups:
        logs, means, covariances = _choices(group, coefficients)
        at = np.arange(group.count.size), group.count
        loglik += float((group.total @ coefficients - logs[at]).sum())
        scores[group.positions] = group.total - means[at]
        information += covariances[at].sum(axis=0)
    return loglik, scores, information


def _choices(group: _Levels, coefficients: Floats) -> tuple[Floats, Floats, Floats]:
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
