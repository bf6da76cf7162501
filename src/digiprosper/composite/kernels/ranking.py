"""Ranks of many sets of scores at once, and how they go together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from digiprosper.kernels import Floats, Ints
from digiprosper.kernels.tolerances import SAME_SCORE


def descending_ranks(scores: Floats, groups: Sequence[Ints]) -> Ints:
    """Rank R sets of scores, (R, N), inside groups of rows; ties share the smaller.

    Scores are tied if less than 1e-12 of the group's largest (in size) apart.
    """
    ranks = np.empty(scores.shape, dtype=np.int64)
    for rows in groups:
        part = scores[:, rows]
        order = np.argsort(-part, axis=1, kind="stable")
        ordered = np.take_along_axis(part, order, axis=1)
        least = SAME_SCORE * np.abs(ordered[:, [0, -1]]).max(axis=1, keepdims=True)
        position = np.broadcast_to(np.arange(rows.size), part.shape)
        first = np.where(
            np.diff(-ordered, axis=1, prepend=-np.inf) > least, position, 0
        )
        inside = np.empty_like(ranks, shape=part.shape)
        np.put_along_axis(
            inside, order, np.maximum.accumulate(first, axis=1) + 1, axis=1
        )
        ranks[:, rows] = inside
    return ranks


def rank_correlations(scores: Floats, base: Floats, groups: Sequence[Ints]) -> Floats:
    """Correlate scores, (R, N), with a baseline, (N,): Spearman, averaged over groups.

    Means over the groups in which both vary; NaN where there is none. Ties have the
    mean of their ranks.
    """
    everything = np.vstack([base, scores])
    middle = (
        descending_ranks(everything, groups) - descending_ranks(-everything, groups)
    ) / 2.0
    total, count = np.zeros(len(scores)), np.zeros(len(scores))
    for rows in groups:
        centred = middle[:, rows] - middle[:, rows].mean(axis=1, keepdims=True)
        size = np.sqrt((centred**2).sum(axis=1))
        varies = (size[1:] > 0) & (size[0] > 0)
        total[varies] += centred[1:][varies] @ centred[0] / (size[1:][varies] * size[0])
        count += varies
    return np.where(count > 0, total / np.where(count > 0, count, 1.0), np.nan)
