"""Sigma convergence, Markov transitions between classes, and beta convergence.

=============== ====================================================================
notice          data
=============== ====================================================================
reducible       closed (number of absorbing sets)
common_trend    column, up, down (moves of all entities)
spread_of_index column, first, last (standard deviations of these periods)
zero_of_index   column, slope, p_value (of its change on its level, without logs)
growth_unit     growth, ratio (to changes of the logarithm a year; missing where the
                level afterwards is not known), median
=============== ====================================================================
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from digiprosper.checks import (
    check_option,
    check_real,
    finite_numbers,
    is_real,
    is_whole,
    option_error,
    plain,
)
from digiprosper.errors import (
    IdentificationError,
    MissingDataError,
    Notice,
    OptionError,
    PanelIndexError,
    cited,
    counted,
    issue,
    notice_of,
    number_text,
)
from digiprosper.inequality.kernel import ergodic
from digiprosper.kernels import Floats, Ints
from digiprosper.kernels.dispersion import variation_by_group
from digiprosper.kernels.tolerances import LARGEST_PRODUCT
from digiprosper.linear.dependence import common_shocks
from digiprosper.linear.estimation import demean_columns, fit_columns, fit_equation
from digiprosper.linear.fixed_effects import FixedEffects
from digiprosper.linear.notices import indices_of
from digiprosper.linear.preparation import CovType, Ssc, prepare
from digiprosper.linear.results import LinearResults
from digiprosper.panel import Panel
from digiprosper.panel.access import check_panel, numeric_values, table_of
from digiprosper.panel.arguments import refuse, refuse_extreme
from digiprosper.panel.grammar import as_argument
from digiprosper.report.notices import missing_rows
from digiprosper.report.summary import Cells, Lines, Remarks, Summarised, Summary
from digiprosper.report.terms import Factor
from digiprosper.specification import as_terms, one_term

Cuts = Literal["pooled", "per_year"]

_CLASSES = 4
_SLOPE = "log_initial"
# With more rows per entity the bias is small.
_LONG = 15
# Classes have a trend if so many times as many moves are in its direction, in the sum
# of all entities so many standard errors.
_MORE_MOVES, _MANY_ERRORS = 2, 4
# An index converges at the first size, and without logs not even at the second.
_SIZES = 0.05, 0.1
# Growth that is nearly in proportion to changes of a logarithm a year, and its ratio
# to them; no economy grows by half a year.
_LIKE, _SLOW, _FAST, _FASTEST = 0.98, 0.5, 1.9, 0.5


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
    IndicatorWarning
        If `column` is an index whose ``cv`` falls because its values move away from its
        zero, although its standard deviation does not fall.

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
    values = _column_values("sigma_convergence", panel, column)
    observed, name = ~np.isnan(values), repr(column)
    low, why = observed & (values <= 0), "Its logarithm is taken"
    refuse("sigma_convergence", name, low, panel.index, "zero or negative", why)
    y, keys = values[observed], table_of(panel).keys
    refuse_extreme("sigma_convergence", {name: y})

    periods, time = np.unique(keys.time[observed], return_inverse=True)
    issue(_unbalanced_notices(column, np.bincount(keys.entity[observed]), periods.size))
    rows, logs = np.bincount(time), np.log(y)
    deviations = logs - (np.bincount(time, logs) / rows)[time]
    cv = variation_by_group(y, time, periods.size, np.ones(y.size))
    if column in indices_of(panel):
        first, last = (cv * np.bincount(time, y) / rows)[[0, -1]].tolist()
        if cv[-1] < cv[0] and last >= first:
            spread = {"column": column, "first": first, "last": last}
            issue((notice_of("spread_of_index", **spread),))
    columns = {
        "cv": cv,
        "sd_log": np.sqrt(
            np.bincount(time, deviations**2) / np.where(rows > 1, rows - 1, np.nan)
        ),
    }
    return pd.DataFrame(columns, index=panel.times[periods])


def _unbalanced_notices(column: str, n_periods: Ints, n_times: int) -> Iterator[Notice]:
    """Make the notice of entities without values in some periods."""
    gaps = n_times - n_periods[n_periods > 0]
    if partial := np.count_nonzero(gaps):
        count = int(gaps.sum())
        text = (
            f"{cited(column)}: {partial} of {counted(gaps.size, 'entity')} are not "
            "observed in every period, so the dispersion also changes with the "
            "composition of the sample. Use a balanced panel: subset() it to rows with "
            "values, then balance() it."
        )
        yield missing_rows(count, text, {column: count})


def _column_values(function: str, panel: Panel, column: str) -> Floats:
    check_panel(panel, function)
    if panel.time_name is None:
        raise PanelIndexError(
            f"{function} needs a time key, but this is a cross-section: Panel(df, "
            "entity=, time=)."
        )
    values = numeric_values(panel, column, function)
    if np.isnan(values).all():
        raise MissingDataError(f"{function}: {cited(column)} is missing in every row.")
    return values


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class MarkovResult(Summarised):
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

    def _more_numbers(self) -> dict[str, Any]:
        return {
            "column": self.column,
            "cut_rule": self.cut_rule,
            "cuts": self.breaks,
            "counts": self.transitions,
            "probabilities": self.probabilities.to_numpy(),
            "ergodic": self.ergodic_values,
            "n": self.n,
        }


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

    Warns
    -----
    IdentificationWarning
        If entities move in one direction together, so that the ergodic distribution is
        that of a trend.

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
    values = _column_values("markov_transitions", panel, column)
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
    notices = [notice_of("reducible", closed=closed)] if closed > 1 else []
    steps = np.where(moves, next_state - state, 0.0)
    notices += _trend_notices(column, steps, table.keys.entity)
    issue(notices)
    return MarkovResult(
        column, rule, breaks, times, counts, distribution, tuple(notices)
    )


def _trend_notices(column: str, steps: Floats, entity: Ints) -> Iterator[Notice]:
    """Report that most moves go in one direction, by row and by entity."""
    up, down = int((steps > 0).sum()), int((steps < 0).sum())
    (fewer, more), sums = sorted((up, down)), np.bincount(entity, steps)
    together = abs(sums.sum()) >= _MANY_ERRORS * np.sqrt((sums**2).sum())
    if more > _MORE_MOVES * fewer and together:
        yield notice_of("common_trend", column=column, up=up, down=down)


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
        breaks = np.array([finite_numbers(cuts)])
        if not breaks.size or not (np.diff(breaks) > 0).all():
            raise OptionError(
                f"cuts={cited(cuts)} must be finite numbers in ascending order."
            )
        return breaks
    observed = ~np.isnan(values)
    if k > observed.sum():
        raise OptionError(
            f"classes={cited(k)}: {cited(column)} has {observed.sum():,} values, fewer "
            "than classes. Use fewer classes, or pass cuts."
        )
    by_period = cuts == "per_year"
    time = table_of(panel).keys.time * by_period
    samples = [values[observed & (time == t)] for t in range(time.max() + 1)]
    # Periods without values have no cuts.
    shares = np.arange(1, k) / k
    breaks = np.array(
        [np.quantile(x, shares) if x.size else np.nan * shares for x in samples]
    )
    equal_breaks = np.flatnonzero((np.diff(breaks, axis=1) <= 0).any(axis=1))
    if equal_breaks.size:
        where = f" in {panel.times[equal_breaks[0]]}" if by_period else ""
        raise IdentificationError(
            f"markov_transitions: {k} classes of {cited(column)} have equal "
            f"cuts{where}: too many equal values. Use fewer classes, or pass cuts."
        )
    return breaks


# --- growth regressions on the initial level ------------------------------------------


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ConvergenceResults(LinearResults):
    """Results of a growth regression, made by `beta_convergence`.

    It has all methods of `LinearResults`. With the coefficient b of ``log_initial``,
    and growth over T years, it adds

    - ``speed``: -ln(1 + b) / T, the rate per year at which the gap to the steady state
      decreases; negative if it increases. With average growth per year (argument
      `growth`) it is -ln(1 + T b) / T;
    - ``half_life``: ln 2 / speed, the number of years until half of the gap is closed.

    ``speed_se`` and ``half_life_se`` are their standard errors by the delta method. The
    speed is missing if b <= -1 (T b <= -1), and the half-life if the speed is not
    positive. Without `years`, T is 1 and the unit is the period.

    Parameters
    ----------
    years : float or None
        Length T of the interval of growth in years. None if it was not specified.
    averaged : bool
        Whether growth is the average per year over the interval.

    Examples
    --------
    >>> import digiprosper as dp
    >>> fit = dp.beta_convergence(
    ...     dp.datasets.us_states(), "I(gsp / emp)", time_effects=True
    ... )
    >>> round(fit.speed, 4), round(fit.half_life, 1)
    (0.0428, 16.2)
    """

    years: float | None = None
    averaged: bool = False

    @property
    def speed(self) -> float:
        """Rate of convergence per year, or per period without `years`.

        It is -ln(1 + b) / T.
        """
        change = self._change[0]
        return float(-np.log1p(change)) / self._interval if change > -1.0 else np.nan

    @property
    def speed_se(self) -> float:
        """Standard error of the speed: se(b) / ((1 + b) T)."""
        change, se = self._change
        return se / (1.0 + change) / self._interval if change > -1.0 else np.nan

    @property
    def half_life(self) -> float:
        """Number of years until half of the gap is closed: ln 2 / speed.

        Without `years` it is the number of periods.
        """
        return float(np.log(2.0)) / self.speed if self.speed > 0.0 else np.nan

    @property
    def half_life_se(self) -> float:
        """Standard error of the half-life: half-life times se(speed) / speed."""
        if not self.speed > 0.0:
            return np.nan
        return self.half_life * self.speed_se / self.speed

    @property
    def _interval(self) -> float:
        return 1.0 if self.years is None else self.years

    @property
    def _change(self) -> tuple[float, float]:
        """Change of the gap over the interval, -(1 - exp(-speed T)), and its error."""
        at = self.names.index(_SLOPE)
        times = self._interval if self.averaged else 1.0
        change, error = self.coefficients[at], self.std_errors.iloc[at]
        return times * float(change), times * float(error)

    def _summary(self) -> Summary:
        unit = "period" if self.years is None else "year"
        half = "no half-life: no convergence"
        if self.speed > 0.0:
            error = number_text(self.half_life_se, 3)
            half = f"half-life {self.half_life:.4g} (se {error}) {unit}s"
        error = number_text(self.speed_se, 3)
        line = f"Speed {self.speed:.4g} (se {error}) per {unit}; {half}"
        # A slotted dataclass is a new class: `super()` without arguments would look in
        # the old one.
        summary = LinearResults._summary(self)
        return replace(summary, blocks=(*summary.blocks, Lines((line,))))

    def _more_numbers(self) -> dict[str, Any]:
        names = ("speed", "speed_se", "half_life", "half_life_se", "years")
        return LinearResults._more_numbers(self) | {n: getattr(self, n) for n in names}


def beta_convergence(  # noqa: PLR0913  (the options of a regression, all but two named)
    panel: Panel,
    column: str,
    *,
    growth: str | None = None,
    years: float | None = None,
    x: Sequence[str] = (),
    entity_effects: bool = False,
    time_effects: bool = False,
    cov_type: CovType = "clustered",
    clusters: Sequence[str] | None = None,
    ssc: Ssc = "reghdfe",
    **options: Any,
) -> ConvergenceResults:
    """Estimate a growth regression for beta convergence.

    The model is ``ln(y_{t+1} / y_t) = a + b ln y_t (+ x_t'c) (+ fixed effects) + e``,
    or with `growth` that column in place of ``ln(y_{t+1} / y_t)``. b < 0 is beta
    convergence. It is absolute convergence without `x` and fixed effects, and
    conditional convergence with them.

    Parameters
    ----------
    panel : Panel
        The data. A row needs values in two consecutive periods. With `growth` each row
        is an observation of its own, and the panel may be a cross-section.
    column : str
        Column or term with positive values, such as income per head. With `growth` it
        is the initial level.
    growth : str, optional
        Column or term with the *average growth per year* over the interval,
        ``ln(y_{t+T} / y_t) / T``, as a share and not in percent. It needs `years`. By
        default growth is computed from `column`, from each period to the next one, and
        is not divided by the number of years.
    years : float, optional
        Length T of the interval of growth in years: 5 if the periods of the panel are
        five years apart (``Panel(..., step=5)``), 0.25 for quarters, 25 for a
        cross-section of growth from 1960 to 1985. `speed` is then per year, and
        `half_life` in years. By default the unit is the period. It does not change b.
    x : sequence of str
        Controls: columns or terms, with their values in the initial period. None by
        default.
    entity_effects, time_effects : bool
        Whether to absorb entity and time effects. The default is False, for absolute
        convergence. With entity effects each entity has its own steady state.
    cov_type, clusters, ssc
        Standard errors, as in `FixedEffects`; clustered by entity by default.
    **options
        Other options of `FixedEffects`: absorb, bandwidth, obs_weights, singletons,
        collinear, missing.

    Returns
    -------
    ConvergenceResults
        `LinearResults` in which b is the coefficient of ``log_initial``, with `speed`
        and `half_life`.

    Raises
    ------
    MissingDataError
        If a value is zero or negative, or no entity has two consecutive periods.
    OptionError
        If `years` is not a positive number, or `growth` is given without it.
    DigiprosperError
        As in `FixedEffects`.

    Warns
    -----
    IdentificationWarning
        With entity effects and fewer than 15 rows per entity. The within estimator of b
        has a bias of about -(2 + b) / (n - 1) towards convergence with n rows per
        entity (Nickell 1981). Also if `growth` is no average change of the logarithm
        per year.
    IndicatorWarning
        If `column` is an index, and its changes without logarithms do not converge.

    Notes
    -----
    The regression is that of Barro and Sala-i-Martin (1992, Journal of Political
    Economy 100:223-251), with average growth:
    ``ln(y_{t+T} / y_t) / T = a - ((1 - exp(-speed T)) / T) ln y_t``. So
    ``speed = -ln(1 + T b) / T``. For growth that is not divided by T,
    ``b = -(1 - exp(-speed T))`` and ``speed = -ln(1 + b) / T``. In both cases b depends
    on T, and the speed does not. The bias is that of Nickell (1981, Econometrica
    49:1417-1426). Measurement error in y also biases b towards convergence.

    Examples
    --------
    >>> import numpy as np
    >>> import digiprosper as dp
    >>> from digiprosper import beta_convergence
    >>> fit = beta_convergence(
    ...     dp.datasets.us_states(), "I(gsp / emp)", time_effects=True
    ... )
    >>> (
    ...     round(float(fit.params["log_initial"]), 4),
    ...     round(fit.speed, 4),
    ...     round(fit.half_life, 1),
    ... )
    (-0.0419, 0.0428, 16.2)

    Growth from 1970 to 1986 as a cross-section, with the speed per year:

    >>> states = dp.datasets.us_states().assign(output="I(gsp / emp)")
    >>> wide = states.frame["output"].unstack()
    >>> frame = wide[[1970]].set_axis(["initial"], axis=1).reset_index()
    >>> frame["growth"] = np.log(wide[1986] / wide[1970]).to_numpy() / 16
    >>> section = dp.Panel(frame, "state")
    >>> fit = beta_convergence(
    ...     section, "initial", growth="growth", years=16, cov_type="robust"
    ... )
    >>> round(fit.speed, 4), round(fit.half_life, 1)
    (0.0434, 16.0)
    """
    _check_years(years, growth)
    check_panel(panel, "beta_convergence")
    name = one_term(column, "column").strip()
    level = f"log({as_argument(name, table_of(panel).names)})"
    spec = FixedEffects(
        f"growth of {name}" if growth is None else one_term(growth, "growth").strip(),
        (_SLOPE, *as_terms(x, "x")),
        entity_effects=entity_effects,
        time_effects=time_effects,
        cov_type=cov_type,
        clusters=clusters,
        ssc=ssc,
        **options,
    )

    roles = {"initial": (level,), "x": spec.x[1:]}
    later, missing = spec.y, spec.missing
    if growth is None:
        # The last period of each entity has no growth: that is no missing value.
        later, missing = f"lead({level})", "drop"
        if spec.missing == "raise":
            panel.sample(roles, missing="raise", where=spec.where)
    prepared = prepare(
        panel,
        {"growth": (later,), **roles},
        replace(spec.options, missing=missing),
    )

    sample = prepared.sample
    (logarithm,) = sample.factors_of(sample.names_of("initial")[0])
    factors = {_SLOPE: (Factor(_SLOPE, pieces=(_SLOPE,)),)}
    if growth is None:
        pieces = ("growth of ", *logarithm.pieces[1:-1])
        factors[spec.y] = (Factor(spec.y, pieces=pieces),)
    prepared = replace(prepared, sample=sample.with_factors(factors))
    initial, outcome = sample.columns("initial"), sample.columns("growth")
    if growth is None:
        outcome = outcome - initial
    names = (_SLOPE, *sample.names_of("x"))
    design = np.hstack([initial, sample.columns("x")])
    demeaned = demean_columns(prepared, (spec.y, *names), np.hstack([outcome, design]))
    fit, solved = fit_equation(prepared, demeaned, 0, range(1, 1 + len(names)))
    results = ConvergenceResults._of(fit, years=years, averaged=growth is not None)
    notices = [*results.diagnostics, *common_shocks(prepared, solved, _SLOPE, 0)]
    if prepared.entity_position is not None:
        notices += _nickell_notices(results)
    if growth is not None:
        notices += _growth_notices(panel, spec.y, name, results._interval)
    elif name in indices_of(panel) and _converges(fit, _SIZES[0]):
        # The same regression of the change on the level: logs depend on the zero.
        first = np.exp(initial)
        change, design[:, 0] = first * np.expm1(outcome), first[:, 0]
        in_levels = fit_columns(prepared, spec.y, change[:, 0], names, design)
        notices += _zero_notices(name, in_levels)
    results = replace(results, diagnostics=tuple(notices))
    issue(results.diagnostics)
    return results


def _converges(fit: LinearResults, size: float) -> bool:
    """Tell whether the slope on the initial level is negative and significant."""
    return bool(fit.coefficients[0] < 0 and fit.pvalues.iloc[0] < size)


def _zero_notices(column: str, in_levels: LinearResults) -> Iterator[Notice]:
    """Report an index of which only logs converge."""
    if not _converges(in_levels, _SIZES[1]):
        yield notice_of(
            "zero_of_index",
            column=column,
            slope=float(in_levels.coefficients[0]),
            p_value=float(in_levels.pvalues.iloc[0]),
        )


def _growth_notices(
    panel: Panel, growth: str, column: str, years: float
) -> Iterator[Notice]:
    """Report growth that is no change of the logarithm a year."""
    table, function = table_of(panel), "beta_convergence"
    rates = numeric_values(panel, growth, function)
    median, ratios = float(np.nanmedian(np.abs(rates))), []
    with np.errstate(all="ignore"):
        logs = np.log(numeric_values(panel, column, function))
        # Periods are years, or intervals.
        for steps in (1, round(years)) if panel.time_name is not None else ():
            changes = (table.shift(logs, -steps) - logs) / years
            both = np.isfinite(rates) & np.isfinite(changes)
            x, y = changes[both], rates[both]
            product, squares = x @ y, x @ x
            if product**2 > _LIKE * squares * (y @ y):
                ratios.append(float(product / squares))
    ratio, wrong = np.nan, median > _FASTEST
    what = f"above {median:.0%} a year in half of the rows"
    if ratios:
        ratio, wrong = ratios[-1], not any(_SLOW < r < _FAST for r in ratios)
        what = f"{ratio:.3g} times the change of log({column}) a year"
    if wrong:
        data = {"growth": growth, "ratio": ratio, "median": median}
        yield notice_of("growth_unit", **data, _what=what, _years=years)


def _check_years(years: object, growth: object) -> None:
    if years is not None:
        kind = "a positive number: the length of the interval of growth in years"
        check_real("years", years, lambda length: 0 < length <= LARGEST_PRODUCT, kind)
    elif growth is not None:
        raise option_error(
            "years",
            years,
            f"growth={cited(growth)} needs years=, the length of the interval in "
            "years: the speed of convergence depends on it. For example years=25 "
            "for average growth from 1960 to 1985.",
        )


def _nickell_notices(fit: ConvergenceResults) -> Iterator[Notice]:
    periods = float(fit.nobs / fit.n_entities)
    if periods < _LONG:
        years = fit._interval if fit.averaged else 1.0
        bias = (2 + fit._change[0]) / (periods - 1) / years
        yield notice_of(
            "lagged_outcome.convergence",
            columns=(_SLOPE,),
            periods=periods,
            _bias=bias,
        )
