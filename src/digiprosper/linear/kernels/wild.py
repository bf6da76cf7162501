"""The wild cluster bootstrap of one linear restriction, for every null value at once.

With the null imposed the residuals are ``u + t v``: u those of the fit, t the statistic of the null value,
and v the regressor that the restriction is about, net of the others. Numerator and cluster scores of a draw
are therefore linear in t, and the square of its standard error is quadratic. Five numbers a draw give its
statistic under any null value, whatever the number of rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from digiprosper.errors import OptionError
from digiprosper.kernels.slopes import apart
from digiprosper.kernels.tolerances import REDUNDANT_LEVELS, SAME_LEVEL, TIED_DRAWS
from digiprosper.kernels.within import is_nested, level_sums, within
from digiprosper.report.pickling import PickledByName

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from digiprosper.kernels import Floats, Ints
    from digiprosper.kernels.equation import Solved
    from digiprosper.kernels.slopes import Effect
    from digiprosper.kernels.within import Within

WEBB_CLUSTERS = 12
"""Most clusters for which Webb's six points are used; signs alone give few different draws there."""

_WEBB = (-np.sqrt(1.5), -1.0, -np.sqrt(0.5), np.sqrt(0.5), 1.0, np.sqrt(1.5))
_SIGNS = (-1.0, 1.0)
# Null values are searched from t = 0 up to here; what is not rejected there is not rejected anywhere.
_GRID = np.exp2(np.arange(-6.0, 20.25, 0.25))
_HALVINGS = 60
# Numbers that the products of clusters and levels may take, 1 GB.
_MOST = 2**27
_CACHED = 2**23
_ROWS = 32


# --- which weights ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WildWeights:
    """Weights that multiply the residuals of the clusters.

    Parameters
    ----------
    name : {"webb", "rademacher"}
        Six points, or signs.
    points : tuple of float
        Values that a weight may have, with equal probability.
    groups : int
        Clusters G.
    reps : int
        Draws R.
    enumerated : bool
        Whether the draws are all ``points ** G`` combinations, each once, and nothing is random.
    """

    name: str
    points: tuple[float, ...]
    groups: int
    reps: int
    enumerated: bool

    def chunks(self, seed: np.random.SeedSequence, rows: int) -> Iterator[Floats]:
        """Give the weights, some draws at a time.

        Parameters
        ----------
        seed : SeedSequence
            Source of the weights; not read where they are enumerated.
        rows : int
            Draws in a chunk; the weights do not depend on it.

        Yields
        ------
        (rows, G) array
            Weights of the next draws; the last chunk may have fewer rows.
        """
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

    Webb's six points up to 12 clusters, signs (Rademacher) above (Webb 2023; MacKinnon, Nielsen & Webb 2023,
    section 5). All combinations are used where there are no more than draws.

    Parameters
    ----------
    groups : int
        Clusters G.
    reps : int
        Draws asked for.

    Returns
    -------
    WildWeights
        For `wild_draws`.

    Examples
    --------
    >>> [(w.name, w.reps, w.enumerated) for w in (wild_weights(5, 9999), wild_weights(13, 9999))]
    [('webb', 7776, True), ('rademacher', 8192, True)]
    """
    name, points = ("webb", _WEBB) if groups <= WEBB_CLUSTERS else ("rademacher", _SIGNS)
    every = len(points) ** groups
    return WildWeights(name, points, groups, min(every, reps), every <= reps)


# --- sums by cluster ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class WildSums:
    """What draws are computed from. First axis of `own` and `through`: for u, and for v.

    With weights w the numerator is ``own.sum(w)`` and the score of cluster g is
    ``scale * (w_g own_g - loadings_g' (through' w))``.

    Parameters
    ----------
    own : (2, G) array
        Sums by cluster of the direction times the (weighted) residuals.
    through : (2, G, q) array
        Sums by cluster of the residuals with what is estimated again in every draw: effects that cross the
        clusters, and slopes.
    loadings : (G, q) array
        What one unit of these changes the score of each cluster by.
    scale : float
        Root of the small-sample factor.
    """

    own: Floats
    through: Floats
    loadings: Floats
    scale: float

    def scores(self) -> Callable[[Floats], list[Floats]]:
        """Prepare the scores of draws.

        Returns
        -------
        callable
            From (R, G) weights to the (R, G) scores for u and for v.
        """
        groups, width = self.loadings.shape
        if groups > 2 * width:
            parts = list(zip(self.own, self.through, strict=True))
            return lambda w: [
                (w * own - (w @ through) @ self.loadings.T) * self.scale for own, through in parts
            ]
        # With few clusters one product is cheaper than two of low rank.
        whole = [
            (np.diag(own) - through @ self.loadings.T) * self.scale
            for own, through in zip(self.own, self.through, strict=True)
        ]
        return lambda w: [w @ matrix for matrix in whole]


def wild_sums(equation: Solved, direction: Floats, absorbed: Within, codes: Ints, factor: float) -> WildSums:
    """Sum by cluster all that the draws need.

    Parameters
    ----------
    equation : Solved
        The fit.
    direction : (N,) array
        With ``direction @ (w * e)`` what errors `e` move the restricted combination by, in standard errors of
        the fit.
    absorbed : Within
        The projection that takes out the effects.
    codes : (N,) array of int
        Clusters, without gaps.
    factor : float
        Small-sample factor of the covariance.

    Returns
    -------
    WildSums
        For `wild_draws`.

    Raises
    ------
    OptionError
        If effects not nested in the clusters have so many levels, and the clusters are so many, that their
        products exceed 2**27 numbers.
    """
    groups = int(codes.max()) + 1
    weights = equation.obs_weights
    score = direction if weights is None else direction * weights
    # Residuals of the fit, and what one unit of t adds to them.
    pair = np.stack([equation.residuals, direction / (score @ direction)], axis=1)

    through, loadings = _of_effects(absorbed, pair, score, codes)
    slopes = level_sums(codes, groups, equation.x, score) @ equation.root
    scored = [level_sums(codes, groups, equation.scored, _weighed(u, weights)) for u in pair.T]
    return WildSums(
        own=level_sums(codes, groups, pair, score).T,
        through=np.concatenate([through, np.stack(scored)], axis=2),
        loadings=np.hstack([loadings, slopes]),
        scale=float(np.sqrt(factor)),
    )


def _weighed(values: Floats, weights: Floats | None) -> Floats:
    return values if weights is None else values * weights


def _of_effects(absorbed: Within, pair: Floats, score: Floats, codes: Ints) -> tuple[Floats, Floats]:
    """Sum what the effects that cross the clusters take out of a draw, in the cheaper of two ways."""
    groups = int(codes.max()) + 1
    crossing, nested, slopes_cross = _beside_clusters(absorbed, codes)
    if not crossing and not slopes_cross:
        return np.empty((2, groups, 0)), np.empty((groups, 0))
    if slopes_cross or groups <= sum(int(e.max()) + 1 for e in crossing):
        return _by_sweeping(absorbed, pair, score, codes, groups)
    return _by_levels(crossing, nested, pair, score, codes, absorbed.obs_weights)


def _beside_clusters(absorbed: Within, codes: Ints) -> tuple[list[Ints], list[Effect], bool]:
    """List the effects that cross the clusters and those nested in them; whether a slope crosses them."""
    constants, slopes = apart(absorbed.every)
    crossing = [e for e in constants if not is_nested(e, codes)]
    nested: list[Effect] = [e for e in constants if is_nested(e, codes)]
    inside = [slope for slope in slopes if is_nested(slope.codes, codes)]
    if not absorbed.codes:
        crossing = [np.zeros_like(codes)]
    return crossing, [*nested, *inside], len(inside) < len(slopes)


def _by_sweeping(
    absorbed: Within, pair: Floats, score: Floats, codes: Ints, groups: int
) -> tuple[Floats, Floats]:
    """Sweep the residuals of each cluster alone: (2, G, G) and (G, G)."""
    _refuse_many(groups, groups)
    taken = np.empty((2, groups, groups))
    chunk = max(1, _CACHED // codes.size)
    for start in range(0, groups, chunk):
        here = np.arange(start, min(start + chunk, groups))
        inside = codes[:, None] == here
        for which in range(2):
            alone = np.where(inside, pair[:, which, None], 0.0)
            sums = level_sums(codes, groups, alone - absorbed.sweep(alone), score)
            taken[which, here] = sums.T
    return taken, np.eye(groups)


def _by_levels(
    crossing: Sequence[Ints],
    nested: Sequence[Effect],
    pair: Floats,
    score: Floats,
    codes: Ints,
    weights: Floats | None,
) -> tuple[Floats, Floats]:
    """Sum by cluster and level of the effects that cross the clusters: (2, G, L) and (G, L).

    Restricted residuals add up to zero in every level of a nested effect, whatever the weights of the
    clusters, so that only the crossing effects, net of the nested ones, are estimated again.
    """
    groups, sizes = int(codes.max()) + 1, [int(e.max()) + 1 for e in crossing]
    _refuse_many(groups, sum(sizes))

    def cells(values: Floats) -> Floats:
        parts = [
            np.bincount(codes * size + e, weights=values, minlength=groups * size).reshape(groups, size)
            for e, size in zip(crossing, sizes, strict=True)
        ]
        return np.hstack(parts)

    through = np.stack([cells(_weighed(u, weights)) for u in pair.T])
    return through, cells(score) @ _inverse(crossing, sizes, nested, weights)


def _inverse(
    crossing: Sequence[Ints], sizes: Sequence[int], nested: Sequence[Effect], weights: Floats | None
) -> Floats:
    """Pseudo-inverse of the products of the crossing dummies net of the nested effects: (L, L)."""
    n = crossing[0].size
    ones = np.ones(n) if weights is None else weights
    counts = np.concatenate(
        [np.bincount(e, ones, minlength=size) for e, size in zip(crossing, sizes, strict=True)]
    )
    inside = within(nested, n, obs_weights=weights) if nested else None
    columns = []
    chunk = max(1, _CACHED // n)
    for codes, size in zip(crossing, sizes, strict=True):
        for start in range(0, size, chunk):
            here = np.arange(start, min(start + chunk, size))
            dummies = (codes[:, None] == here).astype(np.float64)
            swept = dummies if inside is None else inside.sweep(dummies)
            parts = [level_sums(e, k, swept, ones) for e, k in zip(crossing, sizes, strict=True)]
            columns.append(np.vstack(parts))
    scale = 1 / np.sqrt(counts)
    system = np.hstack(columns) * scale * scale[:, None]
    inverse = np.linalg.pinv((system + system.T) / 2, rcond=REDUNDANT_LEVELS, hermitian=True)
    return np.asarray(inverse * scale * scale[:, None])


def _refuse_many(groups: int, levels: int) -> None:
    if groups * levels > _MOST:
        raise OptionError(
            f"effects not nested in the {groups:,} clusters have {levels:,} levels or more: their products "
            f"would need {groups * levels:.2g} numbers, and {_MOST:.2g} is the limit. Absorb effects with "
            "fewer levels, or specify clusters in which they are nested."
        )


# --- draws --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class WildDraws(PickledByName):
    """Draws as functions of the null value, through t = (estimate - null value) / standard error.

    Parameters
    ----------
    numerators : (R, 2) array
        The estimate of a draw less the null value, in standard errors of the fit, is ``n0 + n1 t``.
    squares : (R, 3) array
        The square of its standard error, in the same units, is ``q0 + 2 q1 t + q2 t^2``.
    weights : {"webb", "rademacher"}
        Six points, or signs.
    enumerated : bool
        Whether the draws are all combinations of weights, each once.
    """

    numerators: Floats
    squares: Floats
    weights: str
    enumerated: bool

    @property
    def reps(self) -> int:
        """How many draws there are."""
        return len(self.numerators)


def wild_draws(
    sums: WildSums, weights: WildWeights, seed: np.random.SeedSequence, *, memory: int = 2**28
) -> WildDraws:
    """Draw the statistic under every null value.

    Parameters
    ----------
    sums : WildSums
        From `wild_sums`.
    weights : WildWeights
        From `wild_weights`.
    seed : SeedSequence
        Source of the weights.
    memory : int
        Bytes that the arrays of one chunk of draws may take; 256 MB.

    Returns
    -------
    WildDraws
        Five numbers a draw.
    """
    numerators = np.empty((weights.reps, 2))
    squares = np.empty((weights.reps, 3))
    each = 8 * (5 * weights.groups + 2 * sums.loadings.shape[1])
    rows = max(1, min(memory // each, max(_CACHED // each, _ROWS)))
    start, scores = 0, sums.scores()
    for drawn in weights.chunks(seed, rows):
        here = slice(start, start + len(drawn))
        numerators[here] = drawn @ sums.own.T
        first, second = scores(drawn)
        squares[here, 0] = np.einsum("rg,rg->r", first, first)
        squares[here, 1] = np.einsum("rg,rg->r", first, second)
        squares[here, 2] = np.einsum("rg,rg->r", second, second)
        start += len(drawn)
    return WildDraws(numerators, squares, weights.name, weights.enumerated)


def statistics(draws: WildDraws, t: float) -> Floats:
    """Give the statistic of every draw under one null value.

    Parameters
    ----------
    draws : WildDraws
        From `wild_draws`.
    t : float
        Statistic of the fit under that null value.

    Returns
    -------
    (R,) array
        t of each draw; NaN where it is zero over zero.
    """
    top = draws.numerators[:, 0] + t * draws.numerators[:, 1]
    square = draws.squares[:, 0] + t * (2 * draws.squares[:, 1] + t * draws.squares[:, 2])
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(top / np.sqrt(np.maximum(square, 0.0)))


def share_beyond(drawn: Floats, t: float, *, enumerated: bool) -> float:
    """Compute the p-value: the share of draws that are at least as far from zero as the statistic.

    Parameters
    ----------
    drawn : (R,) array
        Statistics of the draws; a missing one counts as beyond.
    t : float
        Statistic of the fit. A draw that is nearer to zero by less than 1e-9 of it is a tie, and counts.
    enumerated : bool
        True: the share itself, as the draws are all there are and the data are one of them. False:
        ``(1 + #) / (R + 1)``.

    Returns
    -------
    float
        Never 0.

    Examples
    --------
    >>> share_beyond(np.array([-2.0, 1.0, 3.0]), 2.0, enumerated=False)
    0.75
    """
    size = abs(t)
    beyond = int((~(np.abs(drawn) < size - TIED_DRAWS * max(size, 1.0))).sum())
    if enumerated:
        return max(beyond, 1) / drawn.size
    return (1 + beyond) / (drawn.size + 1)


def inverted(draws: WildDraws, level: float) -> tuple[float, float]:
    """Find the null values that are not rejected, as statistics of the fit.

    Parameters
    ----------
    draws : WildDraws
        The same draws are used for all null values.
    level : float
        Coverage; a null value is rejected where ``p <= 1 - level``.

    Returns
    -------
    low, high : float
        Ends of the smallest interval around 0 that has all values of t that are not rejected; infinite where
        no value up to a million is.
    """

    def kept(t: float) -> bool:
        p = share_beyond(statistics(draws, t), t, enumerated=draws.enumerated)
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
