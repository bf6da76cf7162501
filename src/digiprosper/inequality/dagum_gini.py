"""Dagum's decomposition of the Gini coefficient, with intervals of the shares."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np
import pandas as pd

from digiprosper.errors import (
    MOST_DRAWS,
    IdentificationError,
    Notice,
    check_level,
    check_whole,
    issue,
)
from digiprosper.inequality import kernel
from digiprosper.inequality.notices import rows_drawn
from digiprosper.inequality.observations import observe
from digiprosper.kernels import intervals
from digiprosper.kernels.resampling import seed_sequence
from digiprosper.kernels.tolerances import EQUAL_VALUES
from digiprosper.report.notices import (
    few_clusters,
    few_draws,
    lost_draws,
    too_few_clusters_to_draw,
)
from digiprosper.report.pickling import PickledByName
from digiprosper.report.summary import Cells, PlainNumbers, Remarks, Summarised, Summary
from digiprosper.report.text import interval_text

if TYPE_CHECKING:
    from digiprosper.inequality.observations import Numbers, Observations, RowLabels
    from digiprosper.kernels import Floats

_TERMS = ("total", "share_within", "share_between", "share_transvariation")
_PARTS = ("within", "between", "transvariation")
_CLUSTERS = "drawn together"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class DagumResult(Summarised, PickledByName):
    """Dagum's decomposition of the Gini coefficient, made by `dagum`.

    Parameters
    ----------
    total : float
        Gini coefficient of all rows, as of a population.
    within : float
        Component of inequality within groups.
    between : float
        Component between groups: the Gini coefficient if all rows had the mean of their
        group.
    transvariation : float
        Component from overlapping groups, in which rows of a poorer group have more
        than rows of a richer group.
    labels : Index, length K
        Groups, sorted if possible.
    population_shares, income_shares, means, ginis : ndarray, shape (K,)
        Numbers of each group. The Gini coefficient is missing if all values of a group
        are zero.
    ahead : ndarray, shape (K, K)
        ``E(Y_j - Y_h)+``, the mean of the positive part of the difference between a row
        of group j (row) and one of group h (column), in units of y.
    nobs : int
        Number of rows with a positive weight.
    draw_values : ndarray, shape (R, 4)
        Draws of the total and of the shares; NaN for a draw without inequality or
        without income.
    level : float
        Confidence level of `intervals`.
    n_clusters : int or None
        Number of clusters, or None without draws.
    rng_entropy : int or None
        Seed of the draws; pass it as `rng` to reproduce them.
    diagnostics : tuple of Notice
        Remarks about the draws.

    Examples
    --------
    >>> import digiprosper as dp
    >>> found = dp.dagum([12, 18, 25, 31, 40, 22], ["E", "E", "C", "E", "C", "C"])
    >>> round(found.total, 3)
    0.205
    >>> found.shares.round(3).to_dict()
    {'within': 0.407, 'between': 0.429, 'transvariation': 0.165}
    """

    _reported: ClassVar[str] = (
        "total within between transvariation nobs level groups pairs intervals"
    )

    total: float
    within: float
    between: float
    transvariation: float
    labels: pd.Index[Any]
    population_shares: Floats
    income_shares: Floats
    means: Floats
    ginis: Floats
    ahead: Floats
    nobs: int
    draw_values: Floats
    level: float
    n_clusters: int | None
    rng_entropy: int | None
    diagnostics: tuple[Notice, ...]

    @property
    def shares(self) -> pd.Series[float]:
        """Shares of within, between and transvariation in the total.

        They are missing if all values are equal.
        """
        parts = np.array([[self.total, self.within, self.between, self.transvariation]])
        return pd.Series(
            _shares(parts)[0, 1:], index=pd.Index(_PARTS, name="part"), name="share"
        )

    @property
    def groups(self) -> pd.DataFrame:
        """One row per group: population_share, income_share, mean, gini."""
        columns = {
            "population_share": self.population_shares,
            "income_share": self.income_shares,
            "mean": self.means,
            "gini": self.ginis,
        }
        return pd.DataFrame(columns, index=self.labels.rename("group"), copy=True)

    @property
    def pairs(self) -> pd.DataFrame:
        """One row per pair of groups: richer, poorer, gini (G_jh), distance (D_jh).

        ``gini`` is E|Y_j - Y_h| divided by the sum of the two means. ``distance`` is 0
        if the means are equal and 1 if the groups do not overlap. Both are missing if
        they are zero divided by zero.
        """
        order = np.argsort(-self.means, kind="stable")
        first, second = np.triu_indices(order.size, 1)
        richer, poorer = order[first], order[second]
        lead, behind = self.ahead[richer, poorer], self.ahead[poorer, richer]
        with np.errstate(invalid="ignore"):
            columns = {
                "richer": self.labels[richer],
                "poorer": self.labels[poorer],
                "gini": (lead + behind) / (self.means[richer] + self.means[poorer]),
                "distance": (lead - behind) / (lead + behind),
            }
        return pd.DataFrame(columns)

    @property
    def draws(self) -> pd.DataFrame:
        """Bootstrap draws: total, share_within, share_between, share_transvariation."""
        rows = pd.RangeIndex(len(self.draw_values), name="draw")
        return pd.DataFrame(self.draw_values.copy(), index=rows, columns=list(_TERMS))

    @property
    def intervals(self) -> pd.DataFrame:
        """Total and shares with percentile intervals: estimate, conf_low, conf_high.

        Intervals are missing without draws, and with fewer than five clusters.
        """
        low, high = np.full((2, len(_TERMS)), np.nan)
        if len(self.draw_values):
            low, high = intervals.percentile(
                self.draw_values, self.level, clusters=self.n_clusters
            )
        columns = {
            "estimate": [self.total, *self.shares],
            "conf_low": low,
            "conf_high": high,
        }
        return pd.DataFrame(columns, index=pd.Index(_TERMS, name="term"))

    @property
    def conventions(self) -> str:
        """Type of the decomposition and of the intervals."""
        text = "Decomposition of Dagum (1997), population version"
        if not len(self.draw_values):
            return text
        if not intervals.enough_clusters(self.n_clusters):
            needed = (
                f"{self.n_clusters} clusters, but the bootstrap needs "
                f"{intervals.LEAST_CLUSTERS} or more"
            )
            return f"{text}; percentile intervals not computed: {needed}"
        drawn = (
            f"{len(self.draw_values):,} bootstrap draws of {self.n_clusters:,} clusters"
        )
        return f"{text}; percentile intervals from {drawn}"

    @property
    def settings(self) -> str:
        """Seed of the draws; empty without draws."""
        return f"rng {self.rng_entropy}" if len(self.draw_values) else ""

    def _summary(self) -> Summary:
        head = ["", "Gini", "share"]
        if len(self.draw_values):
            head.append(f"{100 * self.level:g}% interval")
        computed = intervals.enough_clusters(self.n_clusters)
        rows = []
        for name, share, (low, high) in zip(
            ("total", *_PARTS),
            (1.0, *self.shares),
            self.intervals[["conf_low", "conf_high"]].to_numpy(),
            strict=True,
        ):
            form = ".4f" if name == "total" else ".1%"
            cells = [
                name,
                f"{getattr(self, name):z.4f}",
                "" if np.isnan(share) else f"{share:z.1%}",
                interval_text(low, high, form=form, computed=computed),
            ]
            rows.append(cells[: len(head)])
        return self._titled(
            f"Gini coefficient: {self.nobs:,} rows, {len(self.labels)} groups",
            Cells.of(head, rows),
            Remarks.of(self.diagnostics),
        )

    def _numbers(self) -> PlainNumbers:
        drawn = {
            "count": len(self.draw_values),
            "clusters": self.n_clusters,
            "rng": self.rng_entropy,
        }
        numbers = Summarised._numbers(self)
        # `labels` are of groups here, not of columns.
        return replace(numbers, labels={}, more={**numbers.more, "draws": drawn})


def dagum(
    y: Numbers,
    groups: RowLabels,
    *,
    obs_weights: Numbers | None = None,
    clusters: RowLabels | None = None,
    reps: int = 0,
    rng: object = None,
    level: float = 0.95,
) -> DagumResult:
    """Decompose the Gini coefficient by groups (Dagum 1997).

    The parts are within, between and transvariation. Let p_j be the population share,
    s_j the income share and m_j the mean of group j. Then
    ``G_jh = E|Y_j - Y_h| / (m_j + m_h)``, and for m_j > m_h
    ``D_jh = (d_jh - d_hj) / (d_jh + d_hj)`` with ``d_jh = E(Y_j - Y_h)+``. The within
    component is ``G_w = sum_j G_jj p_j s_j``. The between component is
    ``G_nb = sum_{j>h} G_jh D_jh (p_j s_h + p_h s_j)``. The transvariation G_t is the
    same sum with 1 - D_jh. The three components add up to the Gini coefficient.

    Parameters
    ----------
    y : array or Series, shape (N,)
        Values >= 0, such as incomes, in any unit.
    groups : sequence or Series, shape (N,)
        Group of each row: text or numbers.
    obs_weights : array or Series, shape (N,), optional
        Weights >= 0, such as populations. A row with weight 2 counts as two rows.
    clusters : sequence or Series, shape (N,), optional
        Cluster of each row, which the bootstrap draws. With several years of a province
        use the province. By default each row is a cluster, which is correct only for a
        single cross-section.
    reps : int
        Number of bootstrap draws for the intervals. The default is 0, no intervals; 999
        is usual.
    rng : int, SeedSequence, Generator or None
        Seed of the draws.
    level : float
        Confidence level of the intervals, .95 by default.

    Returns
    -------
    DagumResult
        The components `within`, `between` and `transvariation`, their `shares`, and
        tables of `groups` and `pairs` of groups. With draws also `intervals` and
        `draws`.

    Raises
    ------
    InputTypeError
        If `y` or the weights are not numbers, or labels are not hashable.
    AlignmentError
        If lengths differ, or two Series have different rows.
    MissingDataError
        If a value is missing or infinite.
    IdentificationError
        If a value is negative, or all are zero. With draws also if there is only one
        cluster.
    OptionError
        If a weight is negative, all weights are zero, or `reps` or `level` has a value
        that is not allowed.

    Warns
    -----
    FewClustersWarning
        If there are fewer than 20 clusters. With fewer than five, intervals are
        missing.
    FewDrawsWarning
        If `reps` is below 199, or draws were dropped.

    Notes
    -----
    The decomposition is that of Dagum (1997, Empirical Economics 22:515-531). It is
    computed from sorted values, without a matrix of all pairs of rows. Series are
    matched by index, other inputs by position.

    The intervals are percentile intervals. Each draw takes clusters with replacement
    (Efron 1979; Field and Welsh 2007, JRSS B 69:369-390).

    Examples
    --------
    >>> from digiprosper import dagum
    >>> incomes = [12, 18, 25, 31, 40, 22, 15, 9, 55, 28]
    >>> found = dagum(incomes, ["E", "E", "C", "E", "E", "C", "W", "W", "E", "C"])
    >>> round(found.total, 4), found.shares.round(3).to_dict()
    (0.2835, {'within': 0.324, 'between': 0.502, 'transvariation': 0.174})
    >>> found.pairs.round(3).values.tolist()
    [['E', 'C', 0.253, 0.437], ['E', 'W', 0.458, 0.97], ['C', 'W', 0.351, 1.0]]
    """
    level = check_level(level)
    reps = check_whole("reps", reps, 0, MOST_DRAWS)
    labels_of_rows = {"groups": groups}
    if clusters is not None:
        labels_of_rows["clusters"] = clusters
    sample = observe("dagum", y, obs_weights, labels_of_rows)
    codes, labels = sample.codes["groups"], sample.levels["groups"]
    parts = kernel.dagum(sample.y, codes, len(labels), sample.weights)
    no_draws = np.empty((0, 4)), None, None, ()
    values, n_clusters, entropy, notices = (
        _draw(sample, reps, rng) if reps else no_draws
    )
    issue(notices)

    income = parts.sizes * parts.means
    return DagumResult(
        **{f.name: getattr(parts, f.name) for f in fields(parts) if f.name != "sizes"},
        labels=labels,
        population_shares=parts.sizes / parts.sizes.sum(),
        income_shares=income / income.sum(),
        nobs=sample.y.size,
        draw_values=values,
        level=level,
        n_clusters=n_clusters,
        rng_entropy=entropy,
        diagnostics=notices,
    )


def _draw(
    sample: Observations, reps: int, rng: object
) -> tuple[Floats, int, int, tuple[Notice, ...]]:
    """Draw total and shares (R, 4); also return clusters, seed and notices."""
    codes = sample.codes
    clusters = codes.get("clusters", np.arange(sample.y.size))
    rows = kernel.ranked(sample.y, codes["groups"], clusters, sample.weights)
    seed, n_clusters = seed_sequence(rng), rows.n_clusters
    if n_clusters < 2:
        raise IdentificationError(
            "dagum: bootstrap intervals need at least two clusters."
        )

    values = _shares(kernel.dagum_draws(rows, reps, seed))
    imprecise = (
        "bootstrap intervals from so few clusters are imprecise and mostly too short."
    )
    equal = (
        "were dropped: all drawn values are equal, so there is no inequality "
        "to decompose."
    )
    notices = (
        *(
            too_few_clusters_to_draw(n_clusters, _CLUSTERS)
            or few_clusters(n_clusters, _CLUSTERS, imprecise, f"{n_clusters} clusters")
        ),
        *few_draws(reps, "tails"),
        *lost_draws(int(np.isnan(values[:, 1]).sum()), reps, equal),
    )
    index = sample.rows
    if (
        "clusters" not in codes
        and index.nlevels == 2
        and index.get_level_values(0).has_duplicates
    ):
        notices += (rows_drawn(0 if index.names[0] is None else index.names[0]),)
    return values, n_clusters, cast("int", seed.entropy), notices


def _shares(parts: Floats) -> Floats:
    """Divide the parts by the total in the first column.

    The shares are missing if all values are equal up to rounding.
    """
    total = parts[:, :1]
    divisor = np.where(total > EQUAL_VALUES, total, np.nan)
    return np.hstack([total, parts[:, 1:] / divisor])
