"""Measures of inequality; decompositions of Theil's T and of the Gini coefficient.

=========== ===========================================
notice      data
=========== ===========================================
rows_drawn  level (of the index that repeats)
mixed_units larger, smaller (arguments), ratio, rows
=========== ===========================================
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Literal, TypeAlias, cast

import numpy as np
import pandas as pd

from digiprosper.checks import (
    MOST_DRAWS,
    check_level,
    check_real,
    check_whole,
    is_whole,
    plain,
)
from digiprosper.errors import (
    IdentificationError,
    Notice,
    OptionError,
    cited,
    issue,
    notice_of,
    quoted,
)
from digiprosper.inequality import kernel
from digiprosper.kernels import Bools, Floats, Ints, dispersion, intervals
from digiprosper.kernels.resampling import seed_sequence
from digiprosper.kernels.tolerances import EQUAL_VALUES
from digiprosper.panel.arguments import (
    Arguments,
    aligned,
    arguments,
    below_zero,
    coded,
    numbers,
    refuse,
    refuse_extreme,
    refuse_missing,
)
from digiprosper.panel.keys import describe_rows
from digiprosper.report.notices import (
    few_clusters,
    few_draws,
    lost_draws,
    too_few_clusters_to_draw,
)
from digiprosper.report.summary import (
    Cells,
    Lines,
    PlainNumbers,
    Remarks,
    Summarised,
    Summary,
)
from digiprosper.report.text import interval_text

# Urban and rural incomes per head differ by a factor of 10 at most, and a share of 2%
# is the smallest of most regions. Units differ by 100 (percent), 1,000 or 10,000.
_MOST_APART = 50.0
_DAGUM_TERMS = ("total", "share_within", "share_between", "share_transvariation")
_DAGUM_PARTS = ("within", "between", "transvariation")
_DRAWN_TOGETHER = "drawn together"
Numbers: TypeAlias = "np.typing.ArrayLike | pd.Series[Any]"
"""One number a row."""

RowLabels: TypeAlias = "Iterable[Hashable] | pd.Series[Any] | pd.Index[Any]"
"""One label a row."""


Least = Literal["any", "zero", "positive"]
"""What values may be: any number, at least zero with a positive sum, or all
positive."""


def gini(y: Numbers, *, obs_weights: Numbers | None = None) -> float:
    """Compute the Gini coefficient.

    ``G = sum_i sum_j w_i w_j |y_i - y_j| / (2 W^2 mean)``, where W is the sum of the
    weights w_i.

    Parameters
    ----------
    y : array or Series, shape (N,)
        Values >= 0, such as incomes, in any unit.
    obs_weights : array or Series, shape (N,), optional
        Weights >= 0, such as populations. A row with weight 2 counts as two rows. A
        Series is matched to `y` by its index.

    Returns
    -------
    float
        Gini coefficient of a population, in [0, 1). Multiply it by N / (N - 1) for the
        version of a sample, whose maximum is 1.

    Raises
    ------
    InputTypeError
        If `y` or `obs_weights` is not numeric.
    AlignmentError
        If they have different lengths or rows.
    MissingDataError
        If a value is missing or infinite.
    OptionError
        If a weight is negative, or all are zero.
    IdentificationError
        If a value is negative, or all are zero.

    Notes
    -----
    The coefficient is that of Gini (1914). It is computed from sorted values as
    ``sum_k (y_(k+1) - y_(k)) W_k (W - W_k) / (W^2 mean)``, where W_k is the sum of the
    weights up to rank k.

    Examples
    --------
    >>> from digiprosper import gini
    >>> round(gini([12, 18, 25, 31, 40, 22, 15, 9, 55, 28]), 8)
    0.28352941
    """
    sample = read_observations("gini", y, obs_weights)
    return kernel.gini(sample.y, sample.weights)


def relative_deprivation(
    y: Numbers,
    groups: RowLabels | None = None,
    *,
    obs_weights: Numbers | None = None,
) -> pd.Series[float]:
    """Compute the relative deprivation of each row in its group (Kakwani 1984).

    ``R_i = sum_j w_j max(y_j - y_i, 0) / sum_j w_j y_j``: how much more others have,
    on average, as a share of the mean. The sums are over the group of i.

    Parameters
    ----------
    y : array or Series, shape (N,)
        Values >= 0, such as incomes of households.
    groups : sequence or Series, shape (N,), optional
        With whom a row is compared, such as its county and year. The default is all
        rows.
    obs_weights : array or Series, shape (N,), optional
        As in `gini`. Rows of weight 0 are left out.

    Returns
    -------
    Series
        Deprivation, 0 for the richest of a group and 1 for an income of zero, with the
        index of `y`. Its mean in a group, by the same weights, is the Gini coefficient
        of the group. Times the mean of y it is the measure of Yitzhaki (1979).

    Raises
    ------
    InputTypeError, AlignmentError, MissingDataError, OptionError, IdentificationError
        As in `gini`. Also an IdentificationError if all values of a group are zero.

    Notes
    -----
    Kakwani (1984), Advances in Econometrics 3:191-206; Yitzhaki (1979), Quarterly
    Journal of Economics 93:321-324.

    Examples
    --------
    >>> from digiprosper import relative_deprivation
    >>> relative_deprivation([1, 2, 6, 4, 4], list("aaabb")).round(4).tolist()
    [0.6667, 0.4444, 0.0, 0.0, 0.0]
    """
    labels = {} if groups is None else {"groups": groups}
    sample = read_observations("relative_deprivation", y, obs_weights, labels)
    codes = sample.codes.get("groups", np.zeros(sample.y.size, dtype=np.intp))
    poor = np.flatnonzero(np.bincount(codes, sample.weights * sample.y) == 0)
    if poor.size:
        names = quoted([str(level) for level in sample.levels["groups"][poor]])
        raise IdentificationError(
            f"relative_deprivation: y is zero in every row of {names}, so deprivation "
            "there is not defined. Leave these rows out, and report it."
        )
    values = kernel.relative_deprivation(sample.y, sample.weights, codes)
    return pd.Series(values, sample.rows, name="relative_deprivation")


def theil_t(y: Numbers, *, obs_weights: Numbers | None = None) -> float:
    """Compute Theil's T: ``mean (y / mean) ln(y / mean)``.

    Parameters
    ----------
    y : array or Series, shape (N,)
        Values >= 0. For a zero, 0 ln 0 = 0.
    obs_weights : array or Series, shape (N,), optional
        As in `gini`.

    Returns
    -------
    float
        Theil's T, in [0, ln N].

    Raises
    ------
    InputTypeError, AlignmentError, MissingDataError, OptionError, IdentificationError
        As in `gini`.

    Notes
    -----
    The index is that of Theil (1967). Entropy weights are shares of such indices; see
    `entropy_weights`.

    Examples
    --------
    >>> from digiprosper import theil_t
    >>> round(theil_t([0, 1, 2]), 8)  # (2/3) ln 2: the zero counts
    0.46209812
    """
    sample = read_observations("theil_t", y, obs_weights)
    return float(dispersion.theil_t(sample.y[:, None], obs_weights=sample.weights)[0])


def theil_l(y: Numbers, *, obs_weights: Numbers | None = None) -> float:
    """Compute Theil's L, the mean logarithmic deviation: ``mean ln(mean / y)``.

    Parameters
    ----------
    y : array or Series, shape (N,)
        Positive values. With a zero L would be infinite.
    obs_weights : array or Series, shape (N,), optional
        As in `gini`.

    Returns
    -------
    float
        Theil's L, at least 0.

    Raises
    ------
    InputTypeError, AlignmentError, MissingDataError, OptionError, IdentificationError
        As in `gini`. Also an IdentificationError if a value is zero.

    Notes
    -----
    The index is that of Theil (1967).

    Examples
    --------
    >>> from digiprosper import theil_l
    >>> round(theil_l([12, 18, 25, 31, 40, 22, 15, 9, 55, 28]), 8)
    0.13339087
    """
    sample = read_observations("theil_l", y, obs_weights, least="positive")
    return kernel.theil_l(sample.y, sample.weights)


def atkinson(
    y: Numbers, epsilon: float, *, obs_weights: Numbers | None = None
) -> float:
    """Compute Atkinson's index.

    It is the share of total income that could be given up without loss of welfare if
    the rest were distributed equally:
    ``A = 1 - [mean (y / mean)^(1 - e)]^(1 / (1 - e))``. For e = 1 it is one minus the
    geometric mean divided by the arithmetic mean.

    Parameters
    ----------
    y : array or Series, shape (N,)
        Values >= 0; positive if `epsilon` is 1 or more.
    epsilon : float
        Inequality aversion e >= 0; .5, 1 and 2 are usual. With a larger value low
        incomes have more weight.
    obs_weights : array or Series, shape (N,), optional
        As in `gini`.

    Returns
    -------
    float
        Atkinson's index, in [0, 1].

    Raises
    ------
    OptionError
        If `epsilon` is not a finite number >= 0.
    InputTypeError, AlignmentError, MissingDataError, OptionError, IdentificationError
        As in `gini`. Also an IdentificationError if a value is zero and `epsilon` is 1
        or more.

    Notes
    -----
    The index is that of Atkinson (1970, Journal of Economic Theory 2:244-263).

    Examples
    --------
    >>> from digiprosper import atkinson
    >>> incomes = [12, 18, 25, 31, 40, 22, 15, 9, 55, 28]
    >>> [round(atkinson(incomes, e), 4) for e in (0.5, 1, 2)]
    [0.0634, 0.1249, 0.236]
    """
    kind = "a number of at least 0, such as .5, 1 or 2"
    epsilon = check_real("epsilon", epsilon, lambda e: 0 <= e < math.inf, kind)
    sample = read_observations(
        "atkinson", y, obs_weights, least="positive" if epsilon >= 1 else "zero"
    )
    return kernel.atkinson(sample.y, sample.weights, epsilon)


def coefficient_of_variation(
    y: Numbers, *, ddof: int = 0, obs_weights: Numbers | None = None
) -> float:
    """Compute the coefficient of variation: standard deviation divided by mean.

    Parameters
    ----------
    y : array or Series, shape (N,)
        Values of either sign with a positive mean.
    ddof : int
        The variance has the divisor N - ddof, with ddof = 0 by default. With weights N
        is their sum.
    obs_weights : array or Series, shape (N,), optional
        As in `gini`. With populations this is the weighted coefficient of Williamson
        (1965).

    Returns
    -------
    float
        Coefficient of variation, at least 0.

    Raises
    ------
    OptionError
        If `ddof` is not an integer >= 0 below the sum of weights.
    InputTypeError, AlignmentError, MissingDataError, OptionError, IdentificationError
        As in `gini`, but negative values are allowed. An IdentificationError if the
        mean is not positive.

    Notes
    -----
    The weighted coefficient is that of Williamson (1965, Economic Development and
    Cultural Change 13(4), part 2).

    Examples
    --------
    >>> from digiprosper import coefficient_of_variation
    >>> incomes = [12, 18, 25, 31, 40, 22, 15, 9, 55, 28]
    >>> (
    ...     round(coefficient_of_variation(incomes), 4),
    ...     round(coefficient_of_variation(incomes, ddof=1), 4),
    ... )
    (0.5188, 0.5469)
    """
    ddof = plain(ddof)
    if not is_whole(ddof) or ddof < 0:
        raise OptionError(f"ddof={cited(ddof)} must be 0 (population) or 1 (sample).")
    sample = read_observations("coefficient_of_variation", y, obs_weights, least="any")
    rows = float(sample.weights.sum())
    if ddof and rows <= ddof:
        raise OptionError(
            f"ddof={ddof} treats weights as numbers of rows, but they add up to "
            f"{rows:g}; use ddof=0 with shares."
        )
    mean = float(np.average(sample.y, weights=sample.weights))
    if not mean > 0:
        raise IdentificationError(
            f"coefficient_of_variation: the mean is {mean:.6g}; the coefficient needs "
            "a positive mean."
        )
    squares = sample.weights @ (sample.y - mean) ** 2
    return float(np.sqrt(squares / (rows - ddof)) / mean)


# --- Theil's T by groups --------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class TheilDecomposition(Summarised):
    """Decomposition of Theil's T by groups, made by `theil_decomposition`.

    Parameters
    ----------
    total : float
        Theil's T of all rows.
    between : float
        ``sum_k s_k ln(m_k / m)``, with income share s_k and mean m_k of group k, and
        overall mean m.
    within : float
        ``sum_k s_k T_k``, with Theil's T_k of group k.
    by_group : DataFrame
        One row per group: population_share, income_share, mean, theil (T_k), and
        between and within, its terms of the two sums. Its term of `between` is negative
        if its mean is below the overall mean.
    nobs : int
        Number of rows with a positive weight.

    Examples
    --------
    >>> import digiprosper as dp
    >>> theil = dp.theil_decomposition(
    ...     [12, 18, 25, 31, 40, 22], ["E", "E", "C", "E", "C", "C"]
    ... )
    >>> round(theil.between, 3), round(theil.within, 3)
    (0.016, 0.052)
    """

    _reported: ClassVar[str] = "total between within nobs by_group"

    total: float
    between: float
    within: float
    by_group: pd.DataFrame
    nobs: int

    def _summary(self) -> Summary:
        parts = [["total", f"{self.total:z.4f}", ""]]
        for name, value in (("between", self.between), ("within", self.within)):
            share = f"{value / self.total:z.1%}" if self.total else ""
            parts.append([name, f"{value:z.4f}", share])
        groups = self.by_group[
            ["population_share", "income_share", "theil"]
        ].itertuples(name=None)
        rows = [[str(k), *(f"{v:z.4f}" for v in row)] for k, *row in groups]
        return self._titled(
            f"Theil's T: {self.nobs:,} rows, {len(self.by_group)} groups",
            Cells.of(["", "Theil T", "share"], parts),
            Cells.of(["", "population", "income", "Theil T"], rows),
            Lines(("Theil (1967), population version",)),
        )


def theil_decomposition(
    y: Numbers, groups: RowLabels, *, obs_weights: Numbers | None = None
) -> TheilDecomposition:
    """Decompose Theil's T into inequality between and within groups.

    Parameters
    ----------
    y : array or Series, shape (N,)
        Values >= 0, such as incomes.
    groups : sequence or Series, shape (N,)
        Group of each row: text or numbers.
    obs_weights : array or Series, shape (N,), optional
        Weights >= 0. A row with weight 2 counts as two rows. For incomes per head use
        populations.

    Returns
    -------
    TheilDecomposition
        The components `between` and `within`, which add up to `total`, and a table
        `by_group`.

    Raises
    ------
    InputTypeError, AlignmentError, MissingDataError, OptionError, IdentificationError
        As in `dagum`.

    Notes
    -----
    Theil (1967); Bourguignon (1979), Econometrica 47:901-920; Shorrocks (1980),
    Econometrica 48:613-625.

    Examples
    --------
    >>> from digiprosper import theil_decomposition
    >>> incomes = [12, 18, 25, 31, 40, 22, 15, 9, 55, 28]
    >>> theil = theil_decomposition(
    ...     incomes, ["E", "E", "C", "E", "E", "C", "W", "W", "E", "C"]
    ... )
    >>> round(theil.total, 4), round(theil.between, 4), round(theil.within, 4)
    (0.1277, 0.0466, 0.0811)
    >>> theil.by_group["theil"].round(4).to_dict()
    {'C': 0.0048, 'E': 0.1253, 'W': 0.0316}
    """
    sample = read_observations(
        "theil_decomposition", y, obs_weights, {"groups": groups}
    )
    codes, labels = sample.codes["groups"], sample.levels["groups"]
    sizes = np.bincount(codes, sample.weights).astype(np.float64)
    incomes = np.bincount(codes, sample.weights * sample.y)
    means, shares = incomes / sizes, incomes / incomes.sum()
    theil = dispersion.theil_by_group(sample.y, codes, len(labels), sample.weights)
    relative = means * (sizes.sum() / incomes.sum())

    by_group = pd.DataFrame(
        {
            "population_share": sizes / sizes.sum(),
            "income_share": shares,
            "mean": means,
            "theil": theil,
            "between": shares * np.log(np.where(relative > 0, relative, 1.0)),
            "within": shares * theil,
        },
        index=labels.rename("group"),
    )
    return TheilDecomposition(
        total=float(
            dispersion.theil_t(sample.y[:, None], obs_weights=sample.weights)[0]
        ),
        between=float(dispersion.theil_t(means[:, None], obs_weights=sizes)[0]),
        within=float(shares @ theil),
        by_group=by_group,
        nobs=sample.y.size,
    )


def urban_rural_theil(
    urban_income: Any, rural_income: Any, urban_population: Any, rural_population: Any
) -> Any:
    """Compute the Theil index of the urban-rural income gap in each row.

    ``sum_k (Y_k / Y) ln[(Y_k / Y) / (X_k / X)]`` with k = urban, rural. X_k is the
    population and Y_k the *total* income: income per head times population.

    Parameters
    ----------
    urban_income, rural_income : float, array or Series, shape (N,)
        Income *per head*, >= 0, both in one unit.
    urban_population, rural_population : float, array or Series, shape (N,)
        Population, >= 0, both in one unit. They may be shares: the urbanisation rate u
        and 1 - u.

    Returns
    -------
    float, ndarray or Series
        The index, at least 0. A Series named ``urban_rural_theil`` if an argument is a
        Series, and a float if all are numbers. It is missing if an argument is missing.

    Raises
    ------
    InputTypeError
        If an argument does not have one number per row.
    AlignmentError
        If lengths differ, or Series have different rows.
    MissingDataError
        If a value is infinite.
    IdentificationError
        If a value is negative, a row has no income or no population, or the incomes are
        shares.

    Warns
    -----
    IndicatorWarning
        If one of two incomes, or one of two populations, is more than 50 times the
        other in some row: they probably have two units, such as persons and 10,000
        persons. It is no error, because a city may have nearly no rural population.

    Notes
    -----
    The index is that of Theil (1967). It is the between component of Theil's T for two
    groups. Inequality within urban and rural areas is not included, so it is a lower
    bound of T. Do not use income per head for Y_k: the index would then not be zero if
    incomes per head are equal.

    Examples
    --------
    >>> from digiprosper import urban_rural_theil
    >>> round(urban_rural_theil(47412, 18931, 0.6472, 0.3528), 8)
    0.074063
    >>> urban_rural_theil([3.0, 2.0], [3.0, 1.0], 0.5, 0.5).round(4).tolist()
    [0.0, 0.0566]
    """
    columns = arguments(
        "urban_rural_theil",
        {
            "urban_income": urban_income,
            "rural_income": rural_income,
            "urban_population": urban_population,
            "rural_population": rural_population,
        },
    )
    why = "Shares need values of at least 0"
    columns.refuse(tuple(columns.numbers), below_zero, "negative", why)
    urban, rural, urban_people, rural_people = columns.numbers.values()
    empty = {
        "the total population": urban_people + rural_people == 0,
        "the total income": urban * urban_people + rural * rural_people == 0,
    }
    columns.refuse_rows(empty, "zero", "Shares need a positive total")
    incomes = (urban + rural)[columns.complete]
    if incomes.size and np.isin(incomes.round(6), (1, 100)).all():
        raise IdentificationError(
            "urban_rural_theil: the two incomes add up to 1 or 100 in every row, as "
            "shares do. Pass both incomes per head, then both populations."
        )
    issue(
        [
            *_unit_notices(columns, "urban_income", "rural_income"),
            *_unit_notices(columns, "urban_population", "rural_population"),
        ]
    )
    return columns.apply_by_row(_theil_of_two)


def _unit_notices(columns: Arguments, first: str, second: str) -> Iterator[Notice]:
    """Report rows where two columns differ so much that units probably differ."""
    for larger, smaller in ((first, second), (second, first)):
        above, below = columns.numbers[larger], columns.numbers[smaller]
        far_apart = (below > 0) & (above > _MOST_APART * below)
        if far_apart.any():
            yield notice_of(
                "mixed_units",
                larger=larger,
                smaller=smaller,
                ratio=float(np.median(above[far_apart] / below[far_apart])),
                rows=tuple(columns.rows[far_apart][:5].tolist()),
                _rows=describe_rows(far_apart, columns.rows),
            )


def _theil_of_two(
    urban: Floats, rural: Floats, urban_people: Floats, rural_people: Floats
) -> Floats:
    groups = np.tile(np.arange(urban.size), 2)
    return dispersion.theil_by_group(
        np.r_[urban, rural], groups, urban.size, np.r_[urban_people, rural_people]
    )


# --- Dagum's decomposition of the Gini coefficient ------------------------------------


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class DagumResult(Summarised):
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
    >>> gini = dp.dagum([12, 18, 25, 31, 40, 22], ["E", "E", "C", "E", "C", "C"])
    >>> round(gini.total, 3)
    0.205
    >>> gini.shares.round(3).to_dict()
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
            _shares(parts)[0, 1:],
            index=pd.Index(_DAGUM_PARTS, name="part"),
            name="share",
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
        return pd.DataFrame(
            self.draw_values.copy(), index=rows, columns=list(_DAGUM_TERMS)
        )

    @property
    def intervals(self) -> pd.DataFrame:
        """Total and shares with percentile intervals: estimate, conf_low, conf_high.

        Intervals are missing without draws, and with fewer than five clusters.
        """
        low, high = np.full((2, len(_DAGUM_TERMS)), np.nan)
        if len(self.draw_values):
            low, high = intervals.percentile(
                self.draw_values, self.level, clusters=self.n_clusters
            )
        columns = {
            "estimate": [self.total, *self.shares],
            "conf_low": low,
            "conf_high": high,
        }
        return pd.DataFrame(columns, index=pd.Index(_DAGUM_TERMS, name="term"))

    @property
    def conventions(self) -> str:
        """Type of the decomposition and of the intervals."""
        text = "Decomposition of Dagum (1997), population version"
        if not len(self.draw_values):
            return text
        if not intervals.has_enough_clusters(self.n_clusters):
            needed = (
                f"{self.n_clusters} clusters, but the bootstrap needs "
                f"{intervals.LEAST_CLUSTERS} or more"
            )
            return f"{text}; percentile intervals not computed: {needed}"
        draws_text = (
            f"{len(self.draw_values):,} bootstrap draws of {self.n_clusters:,} clusters"
        )
        return f"{text}; percentile intervals from {draws_text}"

    @property
    def settings(self) -> str:
        """Seed of the draws; empty without draws."""
        return f"rng {self.rng_entropy}" if len(self.draw_values) else ""

    def _summary(self) -> Summary:
        head = ["", "Gini", "share"]
        if len(self.draw_values):
            head.append(f"{100 * self.level:g}% interval")
        computed = intervals.has_enough_clusters(self.n_clusters)
        rows = []
        for name, share, (low, high) in zip(
            ("total", *_DAGUM_PARTS),
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
        draw_columns = {
            "count": len(self.draw_values),
            "clusters": self.n_clusters,
            "rng": self.rng_entropy,
        }
        numbers = Summarised._numbers(self)
        # `labels` are of groups here, not of columns.
        return replace(numbers, labels={}, more={**numbers.more, "draws": draw_columns})


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
    >>> gini = dagum(incomes, ["E", "E", "C", "E", "E", "C", "W", "W", "E", "C"])
    >>> round(gini.total, 4), gini.shares.round(3).to_dict()
    (0.2835, {'within': 0.324, 'between': 0.502, 'transvariation': 0.174})
    >>> gini.pairs.round(3).values.tolist()
    [['E', 'C', 0.253, 0.437], ['E', 'W', 0.458, 0.97], ['C', 'W', 0.351, 1.0]]
    """
    level = check_level(level)
    reps = check_whole("reps", reps, 0, MOST_DRAWS)
    labels_of_rows = {"groups": groups}
    if clusters is not None:
        labels_of_rows["clusters"] = clusters
    sample = read_observations("dagum", y, obs_weights, labels_of_rows)
    codes, labels = sample.codes["groups"], sample.levels["groups"]
    parts = kernel.dagum(sample.y, codes, len(labels), sample.weights)
    no_draws = np.empty((0, 4)), None, None, ()
    values, n_clusters, entropy, notices = (
        _draw_shares(sample, reps, rng) if reps else no_draws
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


def _draw_shares(
    sample: Observations, reps: int, rng: object
) -> tuple[Floats, int, int, tuple[Notice, ...]]:
    """Draw total and shares (R, 4); also return clusters, seed and notices."""
    codes = sample.codes
    clusters = codes.get("clusters", np.arange(sample.y.size))
    ranked = kernel.rank_rows(sample.y, codes["groups"], clusters, sample.weights)
    seed, n_clusters = seed_sequence(rng), int(clusters.max()) + 1
    if n_clusters < 2:
        raise IdentificationError(
            "dagum: bootstrap intervals need at least two clusters."
        )

    values = _shares(kernel.dagum_draws(ranked, n_clusters, reps, seed))
    imprecise = (
        "bootstrap intervals from so few clusters are imprecise and mostly too short."
    )
    equal = (
        "were dropped: all drawn values are equal, so there is no inequality "
        "to decompose."
    )
    notices = (
        *(
            too_few_clusters_to_draw(n_clusters, _DRAWN_TOGETHER)
            or few_clusters(
                n_clusters, _DRAWN_TOGETHER, imprecise, f"{n_clusters} clusters"
            )
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
        level = 0 if index.names[0] is None else index.names[0]
        notices += (notice_of("rows_drawn", level=level),)
    return values, n_clusters, cast("int", seed.entropy), notices


def _shares(parts: Floats) -> Floats:
    """Divide the parts by the total in the first column; NaN if that is rounding."""
    total = parts[:, :1]
    divisor = np.where(total > EQUAL_VALUES, total, np.nan)
    return np.hstack([total, parts[:, 1:] / divisor])


# --- values, weights and labels in one order ------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Observations:
    """Rows with a positive weight.

    `codes` maps an argument to (N,) codes 0..K-1 of its labels, and `levels` to the
    label of each code. `rows` are labels of the rows, or positions if nothing has an
    index.
    """

    y: Floats
    weights: Floats
    codes: Mapping[str, Ints]
    levels: Mapping[str, pd.Index[Any]]
    rows: pd.Index[Any]


def read_observations(
    function: str,
    y: Numbers,
    obs_weights: Numbers | None = None,
    labels: Mapping[str, RowLabels] | None = None,
    *,
    least: Least = "zero",
) -> Observations:
    """Align and check values, weights and labels of a measure.

    Weights are 1 by default. Rows of weight zero are dropped. `function` is the name in
    messages.
    """
    numeric = {"y": y} if obs_weights is None else {"y": y, "obs_weights": obs_weights}
    cells, rows = aligned(function, {**numeric, **(labels or {})})
    values: dict[str, Floats] = {
        name: numbers(function, name, cells[name]) for name in numeric
    }
    by_label = {name: coded(function, name, cells[name]) for name in labels or {}}
    codes = {name: code for name, (code, _) in by_label.items()}
    refuse_missing(function, {**values, **codes}, rows)

    weights = values.get("obs_weights", np.ones(len(rows)))
    _refuse_weights(function, weights, rows)
    refuse_extreme(function, values)
    positive = weights > 0
    _refuse_low(function, values["y"], positive, rows, least)

    levels = {}
    for name, (code, level) in by_label.items():
        used, codes[name] = np.unique(code[positive], return_inverse=True)
        levels[name] = level[used]
    return Observations(
        values["y"][positive], weights[positive], codes, levels, rows[positive]
    )


def _refuse_weights(function: str, weights: Floats, rows: pd.Index[Any]) -> None:
    if not weights.any():
        problem = "zero everywhere"
    elif (weights < 0).any():
        problem = f"negative in {describe_rows(weights < 0, rows)}"
    else:
        return
    raise OptionError(
        f"{function}: obs_weights is {problem}; weights must be at least 0, such as "
        "populations."
    )


def _refuse_low(
    function: str, y: Floats, counted: Bools, rows: pd.Index[Any], least: Least
) -> None:
    if least == "any":
        return
    why = "Shares of a total need values of at least 0"
    refuse(function, "y", counted & (y < 0), rows, "negative", why)
    if least == "positive":
        why = "This measure takes logarithms of y"
        refuse(function, "y", counted & (y == 0), rows, "zero", why)
    if not y[counted].any():
        raise IdentificationError(
            f"{function}: y is zero in every row, so inequality is not defined."
        )
