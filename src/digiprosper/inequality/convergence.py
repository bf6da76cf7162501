"""Sigma convergence, and Markov transitions between classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from digiprosper.errors import (
    IdentificationError,
    MissingDataError,
    Notice,
    OptionError,
    PanelIndexError,
    check_option,
    cited,
    counted,
    finite_numbers,
    is_real,
    is_whole,
    issue,
    plain,
)
from digiprosper.inequality.kernel import ergodic
from digiprosper.inequality.notices import reducible
from digiprosper.kernels.dispersion import variation_by_group
from digiprosper.panel.access import check_panel, table_of, values_of
from digiprosper.panel.arguments import refuse, refuse_extreme
from digiprosper.report.notices import missing_rows
from digiprosper.report.pickling import PickledByName
from digiprosper.report.summary import Cells, PlainNumbers, Remarks, Summarised, Summary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digiprosper.kernels import Floats, Ints
    from digiprosper.panel import Panel

Cuts = Literal["pooled", "per_year"]

_CLASSES = 4


def sigma_convergence(panel: Panel, column: str) -> pd.DataFrame:
    """Compute a column's dispersion over entities in each period.

    This is the question of sigma convergence.

    Parameters
    ----------
    panel : Panel
        The data.
    column : str
        Column or term with positive values, such as income per head.

    Returns
    -------
    DataFrame
        One row per period. ``cv`` is the coefficient of variation, with divisor n of
        the variance. ``sd_log`` is the standard deviation of ln y, with divisor n - 1;
        it is missing with one entity. Sigma convergence means that they decrease over
        time.

    Raises
    ------
    ColumnError, TermError, InputTypeError
        If `column` is not a numeric column or term.
    PanelIndexError
        If the panel has no time key.
    IdentificationError
        If a value is zero or negative.

    Warns
    -----
    MissingDataWarning
        If the panel is not balanced. The dispersion then also changes because the
        entities change.

    Notes
    -----
    The concept is that of Barro and Sala-i-Martin (1992, Journal of Political Economy
    100:223-251). All entities have the same weight.

    Examples
    --------
    >>> import digiprosper as dp
    >>> from digiprosper import sigma_convergence
    >>> spread = sigma_convergence(dp.datasets.us_states(), "I(gsp / emp)")
    >>> spread.loc[[1970, 1986]].round(4).values.tolist()
    [[0.2416, 0.1977], [0.1167, 0.1084]]
    """
    values = _values("sigma_convergence", panel, column)
    observed, name = ~np.isnan(values), repr(column)
    low, why = observed & (values <= 0), "Its logarithm is taken"
    refuse("sigma_convergence", name, low, panel.index, "zero or negative", why)
    y, keys = values[observed], table_of(panel).keys
    refuse_extreme("sigma_convergence", {name: y})

    periods, time = np.unique(keys.time[observed], return_inverse=True)
    issue(_unbalanced(column, np.bincount(keys.entity[observed]), periods.size))
    rows, logs = np.bincount(time), np.log(y)
    deviations = logs - (np.bincount(time, logs) / rows)[time]
    columns = {
        "cv": variation_by_group(y, time, periods.size, np.ones(y.size)),
        "sd_log": np.sqrt(
            np.bincount(time, deviations**2) / np.where(rows > 1, rows - 1, np.nan)
        ),
    }
    return pd.DataFrame(columns, index=panel.times[periods])


def _unbalanced(column: str, n_periods: Ints, n_times: int) -> list[Notice]:
    """Make the notice of entities without values in some periods."""
    gaps = n_times - n_periods[n_periods > 0]
    partial = int((gaps > 0).sum())
    if not partial:
        return []
    text = (
        f"{cited(column)}: {partial} of {counted(gaps.size, 'entity', 'entities')} are "
        "not observed in every period, so the dispersion also changes with the "
        "composition of the sample. Use a balanced panel: subset() it to rows with "
        "values, then balance() it."
    )
    return [missing_rows(int(gaps.sum()), text, {column: int(gaps.sum())})]


def _values(function: str, panel: Panel, column: str) -> Floats:
    check_panel(panel, function)
    if panel.time_name is None:
        raise PanelIndexError(
            f"{function} needs a time key, but this is a cross-section: Panel(df, "
            "entity=, time=)."
        )
    values = values_of(panel, column, function)
    if np.isnan(values).all():
        raise MissingDataError(f"{function}: {cited(column)} is missing in every row.")
    return values


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class MarkovResult(Summarised, PickledByName):
    """Transitions of entities between classes, made by `markov_transitions`.

    Parameters
    ----------
    column : str
        Column or term.
    cut_rule : str
        ``"pooled"``, ``"per_year"`` or ``"given"``.
    breaks : ndarray, shape (1, K - 1) or (T, K - 1)
        Upper ends of the classes except the last, in units of `column`. With
        ``"per_year"`` there is one row per period.
    times : Index or None
        Periods of `breaks`, or None if there is one row.
    transitions : ndarray of int, shape (K, K)
        Number of transitions from a class (row) to a class in the next period (column).
    ergodic_values : ndarray, shape (K,)
        Ergodic distribution: shares of the classes in the long run.
    diagnostics : tuple of Notice
        Remarks about the data and the Markov chain.

    Examples
    --------
    >>> import digiprosper as dp
    >>> moves = dp.markov_transitions(
    ...     dp.datasets.us_states(), "I(gsp / emp)", classes=2, cuts="per_year"
    ... )
    >>> moves.counts.values.tolist()
    [[369, 15], [15, 369]]
    """

    column: str
    cut_rule: str
    breaks: Floats
    times: pd.Index[Any] | None
    transitions: Ints
    ergodic_values: Floats
    diagnostics: tuple[Notice, ...]

    @property
    def n(self) -> int:
        """Number of transitions."""
        return int(self.transitions.sum())

    @property
    def counts(self) -> pd.DataFrame:
        """Number of transitions from a class (row) to a class (column).

        Class 1 is the lowest.
        """
        return pd.DataFrame(
            self.transitions.copy(), self._classes("from"), self._classes("to")
        )

    @property
    def probabilities(self) -> pd.DataFrame:
        """Transition probabilities: counts divided by their row sums."""
        share = self.transitions / self.transitions.sum(axis=1, keepdims=True)
        return pd.DataFrame(share, self._classes("from"), self._classes("to"))

    @property
    def ergodic(self) -> pd.Series[float]:
        """Ergodic distribution: shares of the classes in the long run.

        It is missing if it is not unique.
        """
        return pd.Series(
            self.ergodic_values.copy(), self._classes("class"), name="ergodic"
        )

    @property
    def cuts(self) -> pd.DataFrame:
        """Upper ends of the classes except the last.

        There is one row, or one row per period.
        """
        index = pd.Index(["all"]) if self.times is None else self.times
        return pd.DataFrame(self.breaks.copy(), index, self._classes("class")[:-1])

    def _classes(self, name: str) -> pd.Index[Any]:
        return pd.RangeIndex(1, len(self.transitions) + 1, name=name)

    @property
    def conventions(self) -> str:
        """Number of transitions and definition of the classes."""
        rules = {
            "pooled": "cut at quantiles of all rows",
            "per_year": "cut at quantiles of each period",
            "given": "cut at the given values",
        }
        classes = f"{len(self.transitions)} classes, {rules[self.cut_rule]}"
        return f"{self.n:,} transitions between consecutive periods; {classes}"

    def _summary(self) -> Summary:
        chances = self.probabilities.to_numpy()
        moves = self.transitions.sum(axis=1)
        rows = [
            [f"from {i}", *(f"{p:.3f}" for p in row), f"{n:,}"]
            for i, (row, n) in enumerate(zip(chances, moves, strict=True), start=1)
        ]
        shares = ["" if np.isnan(p) else f"{p:.3f}" for p in self.ergodic_values]
        last = ["ergodic", *shares, ""]
        head = ["", *(f"to {i + 1}" for i in range(len(rows))), "moves"]
        return self._titled(
            f"Markov transitions of {self.column}",
            Cells.of(head, [*rows, last]),
            Remarks.of(self.diagnostics),
        )

    def _numbers(self) -> PlainNumbers:
        numbers = {
            "column": self.column,
            "cut_rule": self.cut_rule,
            "cuts": self.breaks,
            "counts": self.transitions,
            "probabilities": self.probabilities.to_numpy(),
            "ergodic": self.ergodic_values,
            "n": self.n,
        }
        return PlainNumbers(more=numbers)


def markov_transitions(
    panel: Panel,
    column: str,
    *,
    classes: int | None = None,
    cuts: Cuts | Sequence[float] = "pooled",
) -> MarkovResult:
    """Compute transition probabilities between classes, and their ergodic distribution.

    Parameters
    ----------
    panel : Panel
        The data. A transition needs values of an entity in two consecutive periods.
    column : str
        Column or term that defines the classes.
    classes : int, optional
        Number of classes. The default is 4 (quartiles), or the number of given cuts
        plus one.
    cuts : {"pooled", "per_year"} or sequence of float
        ``"pooled"`` (default) uses quantiles of all rows, so a class is a range of
        values. If the column has a common trend, use values relative to the mean of the
        period. ``"per_year"`` uses quantiles of each period, so a class is a range of
        ranks. Numbers are the upper ends of the classes except the last, in ascending
        order.

    Returns
    -------
    MarkovResult
        Transition `probabilities`, `counts`, the `ergodic` distribution, and the
        `cuts`.

    Raises
    ------
    OptionError
        If `cuts` or `classes` are out of range, or do not go together.
    ColumnError, TermError, InputTypeError, MissingDataError, PanelIndexError
        As in `sigma_convergence`.
    IdentificationError
        If two cuts are equal, if no entity has two consecutive periods, or if there is
        no transition from a class.

    Notes
    -----
    The method is that of Quah (1993, European Economic Review 37:426-434). A value
    equal to a cut is in the lower class. Quantiles are interpolated linearly. The
    ergodic distribution p solves p = p P with the matrix P of probabilities. It is
    unique if the Markov chain has one closed set of classes, and missing otherwise.

    Examples
    --------
    >>> import digiprosper as dp
    >>> from digiprosper import markov_transitions
    >>> moves = markov_transitions(
    ...     dp.datasets.us_states(), "I(gsp / emp)", classes=3, cuts="per_year"
    ... )
    >>> moves.counts.values.tolist(), moves.n
    ([[243, 13, 0], [13, 226, 17], [0, 17, 239]], 768)
    >>> moves.ergodic.round(3).tolist()
    [0.333, 0.333, 0.333]
    """
    values = _values("markov_transitions", panel, column)
    k, table = _n_classes(classes, cuts), table_of(panel)
    breaks = _breaks(panel, column, values, cuts, k)
    row = breaks[table.keys.time] if len(breaks) > 1 else breaks
    state = np.where(np.isnan(values), np.nan, (values[:, None] > row).sum(axis=1))

    next_state = table.shift(state, -1)
    moves = ~np.isnan(state) & ~np.isnan(next_state)
    if not moves.any():
        raise IdentificationError(
            f"markov_transitions: no entity has {cited(column)} in two consecutive "
            "periods; check the step of the panel."
        )
    pairs = (state[moves] * k + next_state[moves]).astype(np.intp)
    counts = np.bincount(pairs, minlength=k * k).reshape(k, k)
    without_moves = [str(i + 1) for i in np.flatnonzero(counts.sum(axis=1) == 0)]
    if without_moves:
        raise IdentificationError(
            f"markov_transitions: no transition of {cited(column)} starts in class "
            f"{', '.join(without_moves)} of {k}, so its transition probabilities are "
            "undefined; use fewer classes or other cuts."
        )

    distribution, closed = ergodic(counts / counts.sum(axis=1, keepdims=True))
    rule = cuts if isinstance(cuts, str) else "given"
    times = panel.times if rule == "per_year" else None
    return MarkovResult(
        column, rule, breaks, times, counts, distribution, reducible(closed)
    )


def _n_classes(classes: int | None, cuts: object) -> int:
    number = plain(classes)
    if number is not None and not (is_whole(number) and number >= 2):
        raise OptionError(f"classes={cited(number)} must be an integer of at least 2.")
    if isinstance(cuts, str):
        check_option("cuts", cuts, ("pooled", "per_year"))
        return number or _CLASSES
    if (
        is_real(cuts)
        or not isinstance(cuts, list | tuple | np.ndarray)
        or not len(cuts)
    ):
        raise OptionError(
            f"cuts={cited(cuts)} must be 'pooled', 'per_year', or a list of "
            "ascending numbers."
        )
    if number not in (None, len(cuts) + 1):
        raise OptionError(
            f"classes={number} with {len(cuts)} cuts, which make {len(cuts) + 1}; "
            "omit classes."
        )
    return len(cuts) + 1


def _breaks(panel: Panel, column: str, values: Floats, cuts: Any, k: int) -> Floats:
    """Compute upper ends of all classes but the last: a row, or one per period."""
    if not isinstance(cuts, str):
        return _read_breaks(cuts)
    observed = ~np.isnan(values)
    if k > observed.sum():
        raise OptionError(
            f"classes={cited(k)}: {cited(column)} has {observed.sum():,} values, fewer "
            "than classes. Use fewer classes, or pass cuts."
        )
    time = np.zeros(values.size) if cuts == "pooled" else table_of(panel).keys.time
    periods = range(1 if cuts == "pooled" else panel.n_times)
    breaks = np.array([_quantiles(values[observed & (time == t)], k) for t in periods])
    same = (np.diff(breaks, axis=1) <= 0).any(axis=1)
    if same.any():
        where = (
            ""
            if cuts == "pooled"
            else f" in {panel.times[int(np.flatnonzero(same)[0])]}"
        )
        raise IdentificationError(
            f"markov_transitions: {k} classes of {cited(column)} have equal "
            f"cuts{where}: too many equal values. Use fewer classes, or pass cuts."
        )
    return breaks


def _read_breaks(cuts: Any) -> Floats:
    breaks = np.array(finite_numbers(cuts))
    if not breaks.size or not (np.diff(breaks) > 0).all():
        raise OptionError(
            f"cuts={cited(cuts)} must be finite numbers in ascending order."
        )
    return breaks[None, :]


def _quantiles(values: Floats, k: int) -> Floats:
    """Compute the cuts of k classes of equal size; missing without values."""
    if not values.size:
        return np.full(k - 1, np.nan)
    return np.asarray(np.quantile(values, np.arange(1, k) / k))
