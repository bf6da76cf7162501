"""Beta convergence: growth regressions on the initial level."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from digiprosper.errors import Notice, check_real, cited, issue, option_error
from digiprosper.kernels.tolerances import LARGEST_PRODUCT
from digiprosper.linear.estimation import fit_columns
from digiprosper.linear.fixed_effects import FixedEffects
from digiprosper.linear.notices import nickell
from digiprosper.linear.preparation import prepare
from digiprosper.linear.results import LinearResults
from digiprosper.panel.access import check_panel, table_of
from digiprosper.report.summary import Lines, PlainNumbers, Summary
from digiprosper.report.terms import Factor
from digiprosper.specification import as_terms, one_term

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digiprosper.linear.preparation import CovType, Ssc
    from digiprosper.panel import Panel

_SLOPE = "log_initial"
# With more rows per entity the bias is small.
_LONG = 15


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
        """Change of the gap over the whole interval, and its standard error.

        The change is -(1 - exp(-speed T)).
        """
        at = self.names.index(_SLOPE)
        times = self._interval if self.averaged else 1.0
        change, error = self.coefficients[at], self.std_errors.iloc[at]
        return times * float(change), times * float(error)

    def _summary(self) -> Summary:
        unit = "period" if self.years is None else "year"
        half = "no half-life: no convergence"
        if self.speed > 0.0:
            half = (
                f"half-life {self.half_life:.4g} (se {self.half_life_se:.3g}) {unit}s"
            )
        line = f"Speed {self.speed:.4g} (se {self.speed_se:.3g}) per {unit}; {half}"
        # A slotted dataclass is a new class: `super()` without arguments would look in
        # the old one.
        summary = LinearResults._summary(self)
        return replace(summary, blocks=(*summary.blocks, Lines((line,))))

    def _numbers(self) -> PlainNumbers:
        numbers = LinearResults._numbers(self)
        names = ("speed", "speed_se", "half_life", "half_life_se", "years")
        return replace(
            numbers, more={**numbers.more, **{n: getattr(self, n) for n in names}}
        )


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
        entity (Nickell 1981).

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
    level = f"log(`{name}`)" if name in table_of(panel).known else f"log({name})"
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
    roles = {"growth": (later,), **roles}
    prepared = prepare(
        panel, roles, spec.options, singletons=spec.singletons, missing=missing
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
    design = np.hstack([initial, sample.columns("x")])
    fit = fit_columns(
        prepared, spec.y, outcome[:, 0], (_SLOPE, *sample.names_of("x")), design
    )
    values = {f.name: getattr(fit, f.name) for f in fields(LinearResults)}
    results = ConvergenceResults(**values, years=years, averaged=growth is not None)
    if prepared.entity_position is not None:
        results = replace(
            results, diagnostics=(*results.diagnostics, *_nickell(results))
        )
    issue(results.diagnostics)
    return results


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


def _nickell(fit: ConvergenceResults) -> tuple[Notice, ...]:
    periods = fit.nobs / fit.n_entities
    if periods >= _LONG:
        return ()
    bias = (
        (2 + fit._change[0]) / (periods - 1) / (fit._interval if fit.averaged else 1.0)
    )
    text = (
        f"entity effects with {periods:.3g} rows per entity: the slope of "
        f"{cited(_SLOPE)} is biased downwards, by about {bias:.2g} (Nickell 1981), "
        "which looks like convergence. Omit the entity effects, or use a "
        "longer panel."
    )
    return (nickell((_SLOPE,), periods, text),)
