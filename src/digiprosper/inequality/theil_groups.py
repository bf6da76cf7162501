"""Decomposition of Theil's T by groups, and the urban-rural Theil index."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from digiprosper.errors import issue
from digiprosper.inequality.notices import mixed_units
from digiprosper.inequality.observations import observe
from digiprosper.kernels.dispersion import theil_by_group, theil_t
from digiprosper.panel.arguments import arguments, below_zero
from digiprosper.panel.keys import where
from digiprosper.report.pickling import PickledByName
from digiprosper.report.summary import Cells, Lines, Summarised, Summary

if TYPE_CHECKING:
    from digiprosper.errors import Notice
    from digiprosper.inequality.observations import Numbers, RowLabels
    from digiprosper.kernels import Floats
    from digiprosper.panel.arguments import Arguments

# Urban and rural incomes per head differ by a factor of 10 at most, and a share of 2%
# is the smallest of most regions. Units differ by 100 (percent), 1,000 or 10,000.
_MOST_APART = 50.0


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class TheilDecomposition(Summarised, PickledByName):
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
    >>> found = dp.theil_decomposition(
    ...     [12, 18, 25, 31, 40, 22], ["E", "E", "C", "E", "C", "C"]
    ... )
    >>> round(found.between, 3), round(found.within, 3)
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
    >>> found = theil_decomposition(
    ...     incomes, ["E", "E", "C", "E", "E", "C", "W", "W", "E", "C"]
    ... )
    >>> round(found.total, 4), round(found.between, 4), round(found.within, 4)
    (0.1277, 0.0466, 0.0811)
    >>> found.by_group["theil"].round(4).to_dict()
    {'C': 0.0048, 'E': 0.1253, 'W': 0.0316}
    """
    sample = observe("theil_decomposition", y, obs_weights, {"groups": groups})
    codes, labels = sample.codes["groups"], sample.levels["groups"]
    sizes = np.bincount(codes, sample.weights).astype(np.float64)
    incomes = np.bincount(codes, sample.weights * sample.y)
    means, shares = incomes / sizes, incomes / incomes.sum()
    theil = theil_by_group(sample.y, codes, len(labels), sample.weights)
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
        total=float(theil_t(sample.y[:, None], obs_weights=sample.weights)[0]),
        between=float(theil_t(means[:, None], obs_weights=sizes)[0]),
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
        If a value is negative, or a row has no income or no population.

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
    issue(
        [
            *_other_units(columns, "urban_income", "rural_income"),
            *_other_units(columns, "urban_population", "rural_population"),
        ]
    )
    return columns.by_row(_between_two)


def _other_units(columns: Arguments, first: str, second: str) -> list[Notice]:
    """Report rows where two columns differ so much that units probably differ."""
    notices = []
    for larger, smaller in ((first, second), (second, first)):
        above, below = columns.numbers[larger], columns.numbers[smaller]
        apart = (below > 0) & (above > _MOST_APART * below)
        if apart.any():
            ratio = float(np.median(above[apart] / below[apart]))
            rows = columns.rows[apart][:5].tolist()
            notices.append(
                mixed_units(larger, smaller, ratio, rows, where(apart, columns.rows))
            )
    return notices


def _between_two(
    urban: Floats, rural: Floats, urban_people: Floats, rural_people: Floats
) -> Floats:
    groups = np.tile(np.arange(urban.size), 2)
    return theil_by_group(
        np.r_[urban, rural], groups, urban.size, np.r_[urban_people, rural_people]
    )
