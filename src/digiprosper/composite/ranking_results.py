"""Ranks of an index under other weights and other options."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np
import pandas as pd

from digiprosper.checks import (
    check_level,
    check_option,
    is_whole,
    not_identified,
    option_error,
)
from digiprosper.errors import Notice, OptionError, cited, quoted
from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.kernels.intervals import has_enough_clusters
from digiprosper.kernels.tolerances import SAME_RANKS
from digiprosper.report.summary import (
    Block,
    Cells,
    Lines,
    Remarks,
    Summarised,
    Summary,
    SummaryText,
)

Among = Literal["per_year", "pooled"]
Ranks: TypeAlias = np.ndarray[Any, np.dtype[np.unsignedinteger[Any]]]

_TOP = (1, 3, 5, 10)
_SHOWN = 12
_AMONG = {
    "per_year": "among the rows of the same period",
    "pooled": "among all rows",
}


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class RankedIndex(Summarised):
    """Base of results with ranks of an index: its rows and options."""

    _reported: ClassVar[str] = "name method among"

    name: str
    index: pd.Index[Any]
    among: Among
    method: str
    labels: Mapping[str, str]
    diagnostics: tuple[Notice, ...]


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class RankResults(RankedIndex):
    """Bootstrap distribution of the ranks of an index, made by `rank_probabilities`.

    Rank 1 is the best. Tied rows all have the smallest of their ranks. In each draw,
    entities are drawn with replacement, the weights are estimated from them, and the
    observed rows are scored and ranked with these weights. The end points of the
    normalisation are those of the sample in all draws.

    Parameters
    ----------
    name : str
        Name of the index.
    index : Index
        Labels of the rows.
    among : {"per_year", "pooled"}
        Which rows are ranked together: the rows of each period, or all rows.
    method : str
        Options of the index as text.
    labels : mapping
        Labels of columns.
    values : ndarray, shape (N,)
        Scores with the weights of the sample.
    rank_values : ndarray of int, shape (N,)
        Ranks of these scores.
    draw_values : ndarray of unsigned int, shape (R, N)
        Ranks in each of the R draws for which weights could be estimated.
    n_drawn : int
        Number of entities in the sample. If it is below five, intervals of ranks are
        missing.
    rng_entropy : int
        Seed of the draws; pass it as `rng` to reproduce them.
    diagnostics : tuple of Notice
        Remarks about the data and the draws.

    Examples
    --------
    >>> import digiprosper as dp
    >>> states = dp.datasets.us_states().assign(
    ...     roads="I(hwy / emp)", pipes="I(water / emp)"
    ... )
    >>> index = dp.CompositeIndex(
    ...     dp.IndicatorSystem.from_dict({"": {"roads": "+", "pipes": "+"}})
    ... )
    >>> bootstrap = dp.rank_probabilities(index, states, reps=199, rng=1)
    >>> bootstrap.ranks().loc[("WY", 1986), ["rank", "rank_low", "rank_high"]].tolist()
    [1, 1, 1]
    """

    values: Floats
    rank_values: Ints
    draw_values: Ranks
    n_drawn: int
    rng_entropy: int

    @property
    def nobs(self) -> int:
        """Number of rows, N."""
        return int(self.values.size)

    @property
    def reps(self) -> int:
        """Number of draws for which weights could be estimated, R."""
        return len(self.draw_values)

    @property
    def scores(self) -> pd.Series[float]:
        """Scores with the weights of the sample, one per row."""
        return pd.Series(self.values.copy(), index=self.index.view(), name=self.name)

    @property
    def draws(self) -> pd.DataFrame:
        """Ranks in each draw: one row per draw, one column per row of the panel."""
        return pd.DataFrame(
            self.draw_values,
            index=pd.RangeIndex(self.reps, name="draw"),
            columns=self.index.view(),
            copy=True,
        )

    def ranks(self, level: float = 0.95, *, top: Sequence[int] = _TOP) -> pd.DataFrame:
        """Return each row's rank, its interval, and the chance to be among the best.

        The chance is the probability to be among the best k.

        Parameters
        ----------
        level : float
            Confidence level of the percentile interval, .95 by default. The ends of the
            interval are ranks: of R draws in ascending order those with the numbers
            (R + 1)(1 - level) / 2, rounded down, and (R + 1)(1 + level) / 2, rounded
            up. So it contains at least this share of the draws.
        top : sequence of int
            Values of k in P(rank <= k), by default 1, 3, 5 and 10.

        Returns
        -------
        DataFrame
            One row per row of the panel. Columns are ``score``, ``rank``, ``mean_rank``
            (over the draws), ``rank_low`` and ``rank_high`` (the interval, missing with
            fewer than five entities), and ``top_<k>`` for each k: the share of draws in
            which the rank is at most k.

        Raises
        ------
        OptionError
            If `level` is not between 0 and 1, or a k is not an integer of at least 1.

        Examples
        --------
        >>> import digiprosper as dp
        >>> states = dp.datasets.us_states().assign(
        ...     roads="I(hwy / emp)", pipes="I(water / emp)"
        ... )
        >>> index = dp.CompositeIndex(
        ...     dp.IndicatorSystem.from_dict({"": {"roads": "+", "pipes": "+"}})
        ... )
        >>> bootstrap = dp.rank_probabilities(index, states, reps=199, rng=1)
        >>> ranks = bootstrap.ranks(top=[3])
        >>> ranks.loc[("ND", 1986), ["rank", "rank_low", "rank_high", "top_3"]].round(
        ...     2
        ... ).tolist()
        [3.0, 3.0, 4.0, 0.93]
        """
        if not isinstance(top, list | tuple | range | np.ndarray):
            raise OptionError(
                f"top={cited(top)} must be a sequence of integers, such as (10, 20)."
            )
        low, high = self._interval_ends(check_level(level))
        columns = {
            "score": self.values,
            "rank": self.rank_values,
            "mean_rank": self.draw_values.mean(axis=0),
            "rank_low": low,
            "rank_high": high,
            **{f"top_{k}": self.probability(k) for k in top},
        }
        return pd.DataFrame(columns, index=self.index.view())

    def probability(self, k: int) -> pd.Series[float]:
        """Return P(rank <= k) of each row: its share of draws with rank at most k.

        Parameters
        ----------
        k : int
            A rank, at least 1.

        Returns
        -------
        Series
            One probability per row of the panel.

        Raises
        ------
        OptionError
            If `k` is not an integer of at least 1.

        Examples
        --------
        >>> import digiprosper as dp
        >>> states = dp.datasets.us_states().assign(
        ...     roads="I(hwy / emp)", pipes="I(water / emp)"
        ... )
        >>> index = dp.CompositeIndex(
        ...     dp.IndicatorSystem.from_dict({"": {"roads": "+", "pipes": "+"}})
        ... )
        >>> bootstrap = dp.rank_probabilities(index, states, reps=199, rng=1)
        >>> round(float(bootstrap.probability(3).loc[("ND", 1986)]), 2)
        0.93
        """
        if not is_whole(k) or k < 1:
            raise OptionError(f"k={cited(k)}: k must be an integer of at least 1.")
        shares = (self.draw_values <= k).mean(axis=0)
        return pd.Series(shares, index=self.index.view(), name=f"top_{k}")

    def pairwise(self, period: Any = None) -> pd.DataFrame:
        """Return P(i > j): the share of draws in which entity i scores above entity j.

        Parameters
        ----------
        period : optional
            Period in which entities are compared. The default is the last one. A
            cross-section has none.

        Returns
        -------
        DataFrame
            A square table with entity i in the rows and entity j in the columns. A tie
            is not a higher score, so P(i > j) + P(j > i) = 1 - P(tie). The diagonal is
            missing.

        Raises
        ------
        OptionError
            If the sample does not have the period.

        Examples
        --------
        >>> import digiprosper as dp
        >>> states = dp.datasets.us_states().assign(
        ...     roads="I(hwy / emp)", pipes="I(water / emp)"
        ... )
        >>> index = dp.CompositeIndex(
        ...     dp.IndicatorSystem.from_dict({"": {"roads": "+", "pipes": "+"}})
        ... )
        >>> bootstrap = dp.rank_probabilities(index, states, reps=199, rng=1)
        >>> round(float(bootstrap.pairwise().loc["ND", "SD"]), 2)
        0.97
        """
        rows, entities = rows_of_period(self.index, period)
        ranks = self.draw_values[:, rows]
        # Equal ranks are equal scores, whichever rows are ranked together.
        wins = np.array(
            [(ranks[:, [i]] < ranks).mean(axis=0) for i in range(ranks.shape[1])]
        )
        np.fill_diagonal(wins, np.nan)
        return pd.DataFrame(wins, index=entities, columns=entities.rename(None))

    def summary(self, period: Any = None) -> str:
        """Return a table of one period's best entities, with intervals of their ranks.

        Parameters
        ----------
        period : optional
            Period of the ranks. The default is the last one.

        Returns
        -------
        str
            The twelve best entities, and below them how the draws were made and the
            settings. A notebook shows it as a table.
        """
        return SummaryText(self._summary(period))

    def _summary(self, period: Any = None) -> Summary:
        positions, entities = rows_of_period(self.index, period)
        ranks = self.ranks(top=(1, 3, 10)).iloc[positions].set_axis(entities, axis=0)
        best = ranks.sort_values("rank", kind="stable").head(_SHOWN)
        rows = []
        for entity, score, rank, mean, low, high, *top in best.itertuples(name=None):
            ends = "not computed" if math.isnan(low) else f"{low:.0f} to {high:.0f}"
            numbers = [f"{score:z.4f}", f"{rank:.0f}", f"{mean:.1f}", ends]
            rows.append([str(entity), *numbers, *(f"{p:.2f}" for p in top)])

        head = ["", "score", "rank", "mean", "95% of draws", "first", "top 3", "top 10"]
        when = _period_text(self.index, period)
        title = f"Ranks of {self.name!r}{when}: {len(ranks)} rows"
        more = f", best {len(best)} shown" if len(best) < len(ranks) else ""
        return self._titled(
            title + more, Cells.of(head, rows), Remarks.of(self.diagnostics)
        )

    @property
    def conventions(self) -> str:
        """Which rows are ranked together, and how the draws are made."""
        return (
            f"Ranks {_AMONG[self.among]}, from {self.reps:,} bootstrap draws of "
            f"{self.n_drawn:,} entities: weights estimated again in each, end points "
            "of the normalisation taken as known"
        )

    @property
    def settings(self) -> str:
        """Options of the index and the seed of the draws."""
        return f"{self.method}; rng {self.rng_entropy}"

    def _more_numbers(self) -> dict[str, Any]:
        draws = {"count": self.reps, "entities": self.n_drawn, "rng": self.rng_entropy}
        ranks = self.ranks().reset_index().to_dict("records")
        return {"kind": "rank_probabilities", "ranks": ranks, "draws": draws}

    def _interval_ends(self, level: float) -> Ints | Floats:
        """Return the ends of percentile intervals, (2, N), rounded outwards."""
        if not has_enough_clusters(self.n_drawn):
            return np.full((2, self.nobs), np.nan)
        tail = round((1.0 - level) / 2.0, 12) * (self.reps + 1)
        below = max(math.floor(tail) - 1, 0)
        ends = [below, self.reps - 1 - below]
        return np.partition(self.draw_values, ends, axis=0)[ends].astype(np.int64)


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class IndexSensitivity(RankedIndex):
    """Ranks of an index with each combination of options, made by `index_sensitivity`.

    Parameters
    ----------
    name : str
        Name of the index.
    index : Index
        Labels of the rows.
    among : {"per_year", "pooled"}
        Which rows are ranked together: the rows of each period, or all rows.
    method : str
        Options of the index as text.
    labels : mapping
        Labels of columns.
    options : tuple of (str, tuple)
        Each option and its values.
    baseline : tuple
        For each option, the position of the baseline's value among the values, or None
        if it is not among them.
    base_ranks : ndarray of int, shape (N,)
        Ranks of the baseline.
    rank_values : ndarray of unsigned int, shape (C, N)
        Ranks with each of the C combinations, the last option varying fastest; 0 if it
        is impossible.
    correlations : ndarray, shape (C,)
        Spearman's correlation of the scores with those of the baseline.
    problems : tuple of str
        Why each combination is impossible, or the empty text; length C.
    same : ndarray of bool, shape (C,)
        Whether the combination is the baseline.
    complete : tuple of tuple of int
        For each option, the positions of the values that `shares` uses. All their
        combinations are possible.
    diagnostics : tuple of Notice
        Remarks about the data and the options.

    Examples
    --------
    >>> import digiprosper as dp
    >>> states = dp.datasets.us_states().assign(
    ...     roads="I(hwy / emp)", pipes="I(water / emp)"
    ... )
    >>> index = dp.CompositeIndex(
    ...     dp.IndicatorSystem.from_dict({"": {"roads": "+", "pipes": "+"}})
    ... )
    >>> sensitivity = dp.index_sensitivity(
    ...     index, states, over={"weighting": ["entropy", "equal"]}
    ... )
    >>> sensitivity.combinations["spearman"].round(2).tolist()
    [1.0, 0.96]
    """

    options: tuple[tuple[str, tuple[Any, ...]], ...]
    baseline: tuple[int | None, ...]
    base_ranks: Ints
    rank_values: Ranks
    correlations: Floats
    problems: tuple[str, ...]
    same: Bools
    complete: tuple[tuple[int, ...], ...]

    @property
    def possible(self) -> Bools:
        """Whether each combination is possible, shape (C,)."""
        return np.array([not p for p in self.problems])

    @property
    def combinations(self) -> pd.DataFrame:
        """Comparison of each combination with the baseline, one row per combination.

        There is one column per option. ``baseline`` is True for the baseline.
        ``spearman`` is the correlation of the scores with those of the baseline.
        ``mean_rank_change`` is the mean absolute change of rank. ``max_rank_change`` is
        the largest change in absolute value (negative if the row moves towards rank 1),
        and ``moved_entity`` and ``moved_period`` are its row. ``problem`` states why a
        combination is impossible; its numbers are missing.
        """
        options = dict(self.options)
        frame = pd.DataFrame(product(*options.values()), columns=list(options))
        changes = self.rank_values.astype(np.int64) - self.base_ranks
        change_columns = pd.DataFrame(rank_changes(changes, self.index))
        return (
            frame.assign(baseline=self.same, spearman=self.correlations)
            .join(change_columns[self.possible])
            .assign(problem=list(self.problems))
            .rename_axis("combination")
        )

    @property
    def ranks(self) -> pd.DataFrame:
        """Ranks in long format, one row per combination and row of the panel.

        Columns are combination, the keys, rank, and rank_change (rank minus rank of the
        baseline).
        """
        combinations = np.flatnonzero(self.possible)
        rows = self.index.to_frame(index=False)
        ranks = self.rank_values[combinations].astype(np.int64)
        keys = {str(c): np.tile(rows[c].to_numpy(), combinations.size) for c in rows}
        return pd.DataFrame(
            {
                "combination": np.repeat(combinations, len(rows)),
                **keys,
                "rank": ranks.ravel(),
                "rank_change": (ranks - self.base_ranks).ravel(),
            }
        )

    def spread(self, period: Any = None) -> pd.DataFrame:
        """Return quantiles of each entity's rank over the possible combinations.

        Parameters
        ----------
        period : optional
            Period of the ranks. The default is the last one.

        Returns
        -------
        DataFrame
            One row per entity, sorted by its rank in the baseline. Columns are ``rank``
            (in the baseline), ``min``, ``q25``, ``median``, ``q75`` and ``max``.

        Raises
        ------
        OptionError
            If the sample does not have the period.

        Examples
        --------
        >>> import digiprosper as dp
        >>> states = dp.datasets.us_states().assign(
        ...     roads="I(hwy / emp)", pipes="I(water / emp)"
        ... )
        >>> index = dp.CompositeIndex(
        ...     dp.IndicatorSystem.from_dict({"": {"roads": "+", "pipes": "+"}})
        ... )
        >>> grid = {"weighting": ["entropy", "equal"], "normalise": ["minmax", "rank"]}
        >>> dp.index_sensitivity(index, states, over=grid).spread().loc["MT"].tolist()
        [2.0, 2.0, 2.0, 2.5, 3.0, 3.0]
        """
        rows, entities = rows_of_period(self.index, period)
        ranks = self.rank_values[self.possible][:, rows]
        ends = np.quantile(ranks, [0.0, 0.25, 0.5, 0.75, 1.0], axis=0)
        names = ["min", "q25", "median", "q75", "max"]
        columns = {"rank": self.base_ranks[rows], **dict(zip(names, ends, strict=True))}
        return pd.DataFrame(columns, index=entities).sort_values("rank", kind="stable")

    def shares(self, period: Any = None, *, overall: bool = False) -> pd.DataFrame:
        """Decompose the variance of each entity's rank by option (Sobol indices).

        Parameters
        ----------
        period : optional
            Period of the ranks. The default is the last one. ``"mean"`` is the mean
            rank of an entity over its periods.
        overall : bool
            Whether to decompose the sum of the variances of all entities instead. The
            default is False.

        Returns
        -------
        DataFrame
            One row per entity and option; with `overall` one row per option. ``first``
            is the share of the variance that the option explains without interactions,
            and ``total`` the share that it explains with all its interactions.
            ``variance`` is the variance of the rank. Shares are missing if the rank
            does not vary, or if only one value of the option is used.

        Raises
        ------
        IdentificationError
            If no option has two values whose combinations with the others are all
            possible.
        OptionError
            If the sample does not have the period.

        Notes
        -----
        With ``Y`` the rank, ``X_i`` the value of option i, and ``X_-i`` the values of
        all other options, ``first = Var(E[Y | X_i]) / Var(Y)`` and
        ``total = 1 - Var(E[Y | X_-i]) / Var(Y)`` (Sobol 1993; Homma and Saltelli 1996,
        Reliability Engineering & System Safety 52:1-17; for composite indicators
        Saisana, Saltelli and Tarantola 2005, JRSS A 168:307-323). All combinations have
        equal probability and all are computed, so the shares have no simulation error.
        First-order shares add up to at most one, total shares to at least one.

        These formulas need every combination of the options. If some are impossible,
        the shares use the largest part of the grid in which all are possible. A notice
        in `diagnostics` lists the values that are not used.

        Examples
        --------
        >>> import digiprosper as dp
        >>> states = dp.datasets.us_states().assign(
        ...     roads="I(hwy / emp)", pipes="I(water / emp)"
        ... )
        >>> index = dp.CompositeIndex(
        ...     dp.IndicatorSystem.from_dict({"": {"roads": "+", "pipes": "+"}})
        ... )
        >>> grid = {"weighting": ["entropy", "equal"], "normalise": ["minmax", "rank"]}
        >>> sensitivity = dp.index_sensitivity(index, states, over=grid)
        >>> sensitivity.shares().loc["AL", ["first", "total"]].round(2).values.tolist()
        [[0.04, 0.07], [0.93, 0.96]]
        """
        check_option("overall", overall, (True, False))
        names = pd.Index([name for name, _ in self.options], name="option")
        varied = np.array([len(positions) > 1 for positions in self.complete])
        if not varied.any():
            raise not_identified(
                "no_grid",
                "no option has two values that are possible with all others, so the "
                "variance cannot be decomposed; see `combinations` and omit values "
                "that are incompatible.",
                options=names.tolist(),
            )

        entities, values = self._grid_ranks(period)
        first, total, variance = sobol_shares(values)
        index: pd.Index[Any] = pd.MultiIndex.from_product([entities, names])
        if overall:
            index = names
            first, total, variance = (
                a.sum(axis=-1, keepdims=True) for a in (first, total, variance)
            )
        divisor = np.where(variance > SAME_RANKS, variance, np.nan)
        divisor = np.where(varied[:, None], divisor, np.nan)
        columns = {
            "first": (first / divisor).T.ravel(),
            "total": (total / divisor).T.ravel(),
            "variance": np.repeat(variance, len(names)),
        }
        return pd.DataFrame(columns, index=index)

    def _grid_ranks(self, period: Any) -> tuple[pd.Index[Any], Floats]:
        """Return entities, and their ranks on the complete grid (d_1, ..., d_k, n)."""
        sizes = [len(values) for _, values in self.options]
        grid = self.rank_values.reshape(*sizes, -1)[np.ix_(*self.complete)]
        if not (isinstance(period, str) and period == "mean"):
            rows, entities = rows_of_period(self.index, period)
            return entities, grid[..., rows].astype(np.float64)
        codes, entities = pd.factorize(self.index.get_level_values(0))
        starts = np.flatnonzero(np.diff(codes, prepend=-1))
        sums = np.add.reduceat(grid.astype(np.float64), starts, axis=-1)
        return pd.Index(entities, name=self.index.names[0]), sums / np.bincount(codes)

    def _summary(self) -> Summary:
        possible = self.possible
        blocks: list[Block] = []
        if max(map(len, self.complete)) > 1:
            shares = self.shares(overall=True)[["first", "total"]].to_numpy()
            rows = []
            for (name, values), positions, row in zip(
                self.options, self.complete, shares, strict=True
            ):
                percent = ["" if np.isnan(share) else f"{share:.0%}" for share in row]
                rows.append([name, str(len(values)), str(len(positions)), *percent])
            blocks.append(Cells.of(["", "values", "in shares", "first", "total"], rows))
        other = self.combinations[possible & ~self.same]
        if len(other):
            rho, mean = other["spearman"], other["mean_rank_change"]
            text = (
                f"Spearman with the baseline {rho.min():z.3f} to {rho.max():z.3f}; "
                f"mean rank change {mean.min():.1f} to {mean.max():.1f}; largest "
                f"{other['max_rank_change'].abs().max()}."
            )
            blocks.append(Lines((text,), wrapped=True))
        return self._titled(
            f"Sensitivity of {self.name!r}: {len(possible)} combinations, "
            f"{possible.sum()} possible",
            *blocks,
            Remarks.of(self.diagnostics),
        )

    @property
    def conventions(self) -> str:
        """Which rows are ranked together, and what is decomposed."""
        when = _period_text(self.index, None)
        return (
            f"Ranks {_AMONG[self.among]}; shares of the variation of all "
            f"entities' ranks{when}"
        )

    @property
    def settings(self) -> str:
        """Options of the baseline."""
        return f"baseline {self.method}"

    def _more_numbers(self) -> dict[str, Any]:
        return {
            "kind": "index_sensitivity",
            "options": dict(self.options),
            "combinations": self.combinations.reset_index().to_dict("records"),
        }


def sobol_shares(values: Floats) -> tuple[Floats, Floats, Floats]:
    """Decompose the variance over a complete grid, (d_1, ..., d_k, n).

    Returns Var(E[Y | X_i]) and Var(Y) - Var(E[Y | X_-i]), (k, n), and Var(Y), (n,).
    """
    axes = tuple(range(values.ndim - 1))
    variance = values.var(axis=axes)
    first, total = np.empty((2, len(axes), values.shape[-1]))
    for i in axes:
        others = tuple(a for a in axes if a != i)
        first[i] = values.mean(axis=others).var(axis=0)
        total[i] = variance - values.mean(axis=i).var(axis=axes[:-1])
    return first, total, variance


def rank_changes(changes: Ints, index: pd.Index[Any]) -> dict[str, Any]:
    """Summarise changes of ranks (C, N): mean, largest, and the row of the largest."""
    size = np.abs(changes)
    rows = size.argmax(axis=1)
    largest = changes[np.arange(len(rows)), rows]
    columns = {
        "mean_rank_change": size.mean(axis=1),
        # A nullable type, so that a missing value does not turn the others into floats
        "max_rank_change": pd.array(largest, dtype="Int64"),
    }
    names = ("moved_entity", "moved_period")[: index.nlevels]
    for level, name in enumerate(names):
        labels = index.get_level_values(level)[rows].astype(object)
        columns[name] = pd.Series(np.where(largest != 0, labels, None), dtype=object)
    return columns


def ranking_groups(index: pd.Index[Any], among: str) -> list[Ints]:
    """Return the positions of rows that are ranked together: by period, or all."""
    if among == "pooled" or index.nlevels == 1:
        return [np.arange(len(index))]
    periods = pd.factorize(index.get_level_values(1))[0]
    return [np.flatnonzero(periods == t) for t in range(int(periods.max()) + 1)]


def rows_of_period(index: pd.Index[Any], period: Any) -> tuple[Ints, pd.Index[Any]]:
    """Return positions and entities of the rows of a period; None: the last."""
    entities = index.get_level_values(0)
    if index.nlevels == 1 and period is None:
        return np.arange(len(index)), entities
    if index.nlevels == 1:
        raise OptionError(
            f"period={cited(period)}: this is a cross-section and has no periods."
        )
    times = index.get_level_values(1)
    chosen = times.max() if period is None else period
    is_single = pd.api.types.is_scalar(chosen) and chosen is not pd.NA
    rows = np.flatnonzero(times == chosen) if is_single else np.empty(0, dtype=np.intp)
    if not rows.size:
        periods = times.unique().sort_values()
        raise option_error(
            "period",
            period,
            f"period={cited(period)} is not in the sample; it has "
            f"{quoted(periods, 12)}.",
            periods,
        )
    return rows, entities[rows]


def _period_text(index: pd.Index[Any], period: Any) -> str:
    """Write a period as ", year 2021"; None: the last; "" for a cross-section."""
    if index.nlevels == 1:
        return ""
    when = index.get_level_values(1).max() if period is None else period
    return f", {index.names[1] or 'period'} {when}"
