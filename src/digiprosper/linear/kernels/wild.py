"""The wild cluster bootstrap of one linear restriction, for every null value at once.

With the null imposed the residuals are ``u + t v``: u those of the fit, t the statistic
of the null value, and v the regressor that the restriction is about, net of the others.
Numerator and cluster scores of a draw are therefore linear in t, and the square of its
standard error is quadratic. Five numbers a draw give its statistic under any null
value, whatever the number of rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from digiprosper.errors import OptionError
from digiprosper.kernels import Floats, Ints
from digiprosper.kernels.chunks import chunks
from digiprosper.kernels.equation import Solved
from digiprosper.kernels.least_squares import with_weights
from digiprosper.kernels.slopes import Effect, split_slopes
from digiprosper.kernels.tolerances import SAME_LEVEL, TIED_DRAWS
from digiprosper.kernels.within import (
    Within,
    level_sums,
    pseudo_inverse,
    split_nested,
    within,
)
from digiprosper.report.pickling import PickledByName

# Most clusters for which Webb's six points are used; signs alone give few different
# draws there.
WEBB_CLUSTERS = 12

_WEBB = (-np.sqrt(1.5), -1.0, -np.sqrt(0.5), np.sqrt(0.5), 1.0, np.sqrt(1.5))
_SIGNS = (-1.0, 1.0)
# Null values are searched from t = 0 up to here; what is not rejected there is not
# rejected anywhere.
_GRID = np.exp2(np.arange(-6.0, 20.25, 0.25))
_HALVINGS = 60
# Numbers that the products of clusters and levels may take, 1 GB.
_MOST = 2**27
_CACHED = 2**23
_ROWS = 32


# --- which weights --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WildWeights(PickledByName):
    """Weights that multiply the residuals of the clusters."""

    name: str  # "webb" (six points) or "rademacher" (signs)
    points: tuple[float, ...]  # values that a weight may have, with equal probability
    groups: int  # clusters G
    reps: int  # draws R
    # The draws are all ``points ** G`` combinations, each once, and nothing is random
    enumerated: bool

    def chunks(self, seed: np.random.SeedSequence, rows: int) -> Iterator[Floats]:
        """Yield the weights (rows, G), some draws at a time, whatever `rows`."""
        generator = np.random.default_rng(seed)
        values, size = np.array(self.points), len(self.points)
        for start in range(0, self.reps, rows):
            count = min(rows, self.reps - start)
            if self.enumerated:
                numbers = np.arange(start, start + count)[:, None]
                digits = numbers // size ** np.arange(self.groups) % size
            else:
                digits = (generator.random((count, self.groups)) * size).astype(np.intp)
            yield values[digits]


def wild_weights(groups: int, reps: int) -> WildWeights:
    """Choose the weights for a number of clusters.

    Webb's six points up to 12 clusters, signs (Rademacher) above (Webb 2023; MacKinnon,
    Nielsen & Webb 2023, section 5). All combinations are used where there are no more
    than draws.
    """
    name, points = (
        ("webb", _WEBB) if groups <= WEBB_CLUSTERS else ("rademacher", _SIGNS)
    )
    every = len(points) ** groups
    return WildWeights(name, points, groups, min(every, reps), every <= reps)


# --- sums by cluster ------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class WildSums:
    """Sums by cluster from which draws are computed.

    First axis of `direct` and `through`: for u, and for v.

    With weights w the numerator is ``direct.sum(w)`` and the score of cluster g is
    ``scale * (w_g direct_g - loadings_g' (through' w))``.
    """

    # (2, G) sums by cluster of the direction times the (weighted) residuals
    direct: Floats
    # (2, G, q) sums by cluster of the residuals with what is estimated again in every
    # draw: effects that cross the clusters, and slopes
    through: Floats
    # (G, q) what one unit of these changes the score of each cluster by
    loadings: Floats
    scale: float  # root of the small-sample factor

    def scores(self) -> Callable[[Floats], list[Floats]]:
        """Return a function of weights (R, G): draws' scores (R, G) for u and v."""
        groups, width = self.loadings.shape
        if groups > 2 * width:
            parts = list(zip(self.direct, self.through, strict=True))
            return lambda w: [
                (w * direct - (w @ through) @ self.loadings.T) * self.scale
                for direct, through in parts
            ]
        # With few clusters one product is cheaper than two of low rank.
        whole = [
            (np.diag(direct) - through @ self.loadings.T) * self.scale
            for direct, through in zip(self.direct, self.through, strict=True)
        ]
        return lambda w: [w @ matrix for matrix in whole]


def wild_sums(
    equation: Solved, direction: Floats, absorbed: Within, codes: Ints, factor: float
) -> WildSums:
    """Compute the sums by cluster for the draws of one restriction.

    Errors e move the restricted combination by ``direction @ (w * e)``, in standard
    errors of the fit; `factor` is the small-sample factor of the covariance. Refuse
    effects that cross the clusters if their products exceed 2**27 numbers.
    """
    groups = int(codes.max()) + 1
    weights = equation.obs_weights
    score = with_weights(direction, weights)
    # Residuals of the fit, and what one unit of t adds to them.
    pair = np.stack([equation.residuals, direction / (score @ direction)], axis=1)

    through, loadings = _sum_crossing_effects(absorbed, pair, score, codes)
    slopes = level_sums(codes, groups, equation.x, score) @ equation.root
    scored = [
        level_sums(codes, groups, equation.score_columns, with_weights(u, weights))
        for u in pair.T
    ]
    return WildSums(
        direct=level_sums(codes, groups, pair, score).T,
        through=np.concatenate([through, np.stack(scored)], axis=2),
        loadings=np.hstack([loadings, slopes]),
        scale=float(np.sqrt(factor)),
    )


def _sum_crossing_effects(
    absorbed: Within, pair: Floats, score: Floats, codes: Ints
) -> tuple[Floats, Floats]:
    """Sum what crossing effects remove from a draw, by the cheaper of two ways."""
    groups = int(codes.max()) + 1
    effects = absorbed.effects_and_slopes or (np.zeros_like(codes),)
    nested, crossing = split_nested(effects, codes)
    if not crossing:
        return np.empty((2, groups, 0)), np.empty((groups, 0))
    constants, slopes = split_slopes(crossing)
    if slopes or groups <= sum(int(e.max()) + 1 for e in constants):
        return _by_demeaning(absorbed, pair, score, codes, groups)
    return _by_levels(constants, nested, pair, score, codes, absorbed.obs_weights)


def _by_demeaning(
    absorbed: Within, pair: Floats, score: Floats, codes: Ints, groups: int
) -> tuple[Floats, Floats]:
    """Demean the residuals of each cluster alone: (2, G, G) and (G, G)."""
    _refuse_many(groups, groups)
    removed = np.empty((2, groups, groups))
    for columns in chunks(groups, codes.size, 8 * _CACHED):
        inside = codes[:, None] == np.arange(columns.start, columns.stop)
        for j in range(2):
            alone = np.where(inside, pair[:, j, None], 0.0)
            sums = level_sums(codes, groups, alone - absorbed.demean(alone), score)
            removed[j, columns] = sums.T
    return removed, np.eye(groups)


def _by_levels(
    crossing: Sequence[Ints],
    nested: Sequence[Effect],
    pair: Floats,
    score: Floats,
    codes: Ints,
    weights: Floats | None,
) -> tuple[Floats, Floats]:
    """Sum by cluster and level of the crossing effects: (2, G, L) and (G, L).

    Restricted residuals add up to zero in every level of a nested effect, whatever the
    weights of the clusters, so that only the crossing effects, net of the nested ones,
    are estimated again.
    """
    groups, sizes = int(codes.max()) + 1, [int(e.max()) + 1 for e in crossing]
    _refuse_many(groups, sum(sizes))

    def cells(values: Floats) -> Floats:
        parts = [
            np.bincount(
                codes * size + e, weights=values, minlength=groups * size
            ).reshape(groups, size)
            for e, size in zip(crossing, sizes, strict=True)
        ]
        return np.hstack(parts)

    through = np.stack([cells(with_weights(u, weights)) for u in pair.T])
    return through, cells(score) @ _inverse_of_products(
        crossing, sizes, nested, weights
    )


def _inverse_of_products(
    crossing: Sequence[Ints],
    sizes: Sequence[int],
    nested: Sequence[Effect],
    weights: Floats | None,
) -> Floats:
    """Pseudo-invert products (L, L) of crossing dummies net of nested effects."""
    n = crossing[0].size
    row_weights = np.ones(n) if weights is None else weights
    demean = within(nested, n, obs_weights=weights).demean if nested else np.asarray

    def sums(columns: Floats) -> Floats:
        pairs = zip(crossing, sizes, strict=True)
        return np.vstack([level_sums(e, k, columns, row_weights) for e, k in pairs])

    products = []
    for codes, size in zip(crossing, sizes, strict=True):
        for part in chunks(size, n, 8 * _CACHED):
            dummies = codes[:, None] == np.arange(part.start, part.stop)
            products.append(sums(demean(dummies.astype(np.float64))))
    counts = sums(np.ones((n, 1)))[:, 0]
    return pseudo_inverse(np.hstack(products), counts)[0]


def _refuse_many(groups: int, levels: int) -> None:
    if groups * levels > _MOST:
        raise OptionError(
            f"effects not nested in the {groups:,} clusters have {levels:,} levels or "
            f"more: their products would need {groups * levels:.2g} numbers, and "
            f"{_MOST:.2g} is the limit. Absorb effects with fewer levels, or specify "
            "clusters in which they are nested."
        )


# --- draws ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class WildDraws(PickledByName):
    """Draws as functions of the null, by t = (estimate - null) / standard error."""

    # (R, 2) the estimate of a draw less the null value, in standard errors of the fit,
    # is ``n0 + n1 t``
    numerators: Floats
    # (R, 3) the square of its standard error, in the same units, is
    # ``q0 + 2 q1 t + q2 t^2``
    squares: Floats
    # Pickles have these; the test has them in its `detail`.
    weights: str  # "webb" or "rademacher"
    enumerated: bool  # the draws are all combinations of weights, each once

    def statistic(self, t: float) -> float:
        """Return the statistic of the data under the null that gives the fit `t`."""
        return t

    def at(self, t: float) -> Floats:
        """Return the statistic of each draw (R,) under this null; NaN for 0 / 0."""
        top = self.numerators[:, 0] + t * self.numerators[:, 1]
        square = self.squares[:, 0] + t * (
            2 * self.squares[:, 1] + t * self.squares[:, 2]
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(top / np.sqrt(np.maximum(square, 0.0)))


def wild_draws(
    sums: WildSums,
    weights: WildWeights,
    seed: np.random.SeedSequence,
    *,
    memory: int = 2**28,
) -> WildDraws:
    """Draw the statistic under every null: five numbers a draw; `memory` of a chunk."""
    numerators = np.empty((weights.reps, 2))
    squares = np.empty((weights.reps, 3))
    bytes_per_draw = 8 * (5 * weights.groups + 2 * sums.loadings.shape[1])
    rows = max(1, min(memory // bytes_per_draw, max(_CACHED // bytes_per_draw, _ROWS)))
    start, scores = 0, sums.scores()
    for drawn in weights.chunks(seed, rows):
        rows_drawn = slice(start, start + len(drawn))
        numerators[rows_drawn] = drawn @ sums.direct.T
        first, second = scores(drawn)
        for j, (a, b) in enumerate([(first, first), (first, second), (second, second)]):
            squares[rows_drawn, j] = np.einsum("rg,rg->r", a, b)
        start += len(drawn)
    return WildDraws(numerators, squares, weights.name, weights.enumerated)


def p_value_of_draws(drawn: Floats, t: float, *, enumerated: bool) -> float:
    """Compute the p-value: the share of draws at least as far from zero, never 0.

    If they are enumerated, the draws are all there are and the data are one of them:
    the share itself. If not, ``(1 + #) / (R + 1)``. A missing draw counts as beyond;
    one that is nearer to zero by less than 1e-9 of the statistic is a tie, and counts.
    """
    size = abs(t)
    beyond = int((~(np.abs(drawn) < size - TIED_DRAWS * max(size, 1.0))).sum())
    if enumerated:
        return max(beyond, 1) / drawn.size
    return (1 + beyond) / (drawn.size + 1)


class Draws(Protocol):
    """Draws of a statistic as functions of the null value of a restriction."""

    def statistic(self, t: float) -> float:
        """Return the statistic of the data under the null that gives the fit `t`."""

    def at(self, t: float) -> Floats:
        """Return the statistic of each draw (R,) under the null with this `t`."""


def invert_test(draws: Draws, level: float, *, enumerated: bool) -> tuple[float, float]:
    """Find the smallest interval around 0 of all t whose null is not rejected.

    A null value is rejected where ``p <= 1 - level``, with the same draws for all;
    `enumerated` says whether they are all combinations of weights. An end is infinite
    where no value up to a million is rejected.
    """

    def kept(t: float) -> bool:
        statistic = draws.statistic(t)
        p = p_value_of_draws(draws.at(t), statistic, enumerated=enumerated)
        return p > 1 - level + SAME_LEVEL

    def end(sign: float) -> float:
        inside = [kept(sign * t) for t in _GRID.tolist()]
        last = max((i for i, stays in enumerate(inside) if stays), default=-1)
        if last == _GRID.size - 1:
            return sign * np.inf
        low, high = (0.0 if last < 0 else float(_GRID[last])), float(_GRID[last + 1])
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            low, high = (middle, high) if kept(sign * middle) else (low, middle)
        return sign * low

    return end(-1.0), end(1.0)
