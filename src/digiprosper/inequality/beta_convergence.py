"""Beta convergence: growth regressions on the initial level."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from digiprosper.errors import Notice, cited, issue
from digiprosper.linear.estimation import fit_columns
from digiprosper.linear.fixed_effects import FixedEffects
from digiprosper.linear.notices import nickell
from digiprosper.linear.preparation import prepare
from digiprosper.linear.results import LinearResults
from digiprosper.panel.access import check_panel, table_of
from digiprosper.report.summary import Lines, PlainNumbers, Summary
from digiprosper.specification import as_terms, one_term

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digiprosper.linear.preparation import CovType, Ssc
    from digiprosper.panel import Panel

__all__ = ["ConvergenceResults", "beta_convergence"]

_SLOPE = "log_initial"
# With more rows per entity the bias is small.
_LONG = 15


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ConvergenceResults(LinearResults):
    """Results of a growth regression, made by `beta_convergence`.

    It has all methods of `LinearResults`. With the coefficient b of ``log_initial`` it adds

    - ``speed``: -ln(1 + b), the rate per period at which the gap to the steady state decreases; negative if
      it increases;
    - ``half_life``: ln 2 / speed, the number of periods until half of the gap is closed.

    ``speed_se`` and ``half_life_se`` are their standard errors by the delta method. The speed is missing if b
    <= -1, and the half-life if the speed is not positive.

    Examples
    --------
    >>> import digiprosper as dp
    >>> fit = dp.beta_convergence(dp.datasets.us_states(), "I(gsp / emp)", time_effects=True)
    >>> round(fit.speed, 4), round(fit.half_life, 1)
    (0.0428, 16.2)
    """

    @property
    def speed(self) -> float:
        """Rate of convergence per period, -ln(1 + b)."""
        b = self._slope[0]
        return float(-np.log1p(b)) if b > -1.0 else float("nan")

    @property
    def speed_se(self) -> float:
        """Standard error of the speed: se(b) / (1 + b)."""
        b, se = self._slope
        return se / (1.0 + b) if b > -1.0 else float("nan")

    @property
    def half_life(self) -> float:
        """Number of periods until half of the gap is closed, ln 2 / speed."""
        return float(np.log(2.0)) / self.speed if self.speed > 0.0 else float("nan")

    @property
    def half_life_se(self) -> float:
        """Standard error of the half-life: half-life times se(speed) / speed."""
        return self.half_life * self.speed_se / self.speed if self.speed > 0.0 else float("nan")

    @property
    def _slope(self) -> tuple[float, float]:
        at = self.names.index(_SLOPE)
        return float(self.coefficients[at]), float(self.std_errors.iloc[at])

    def _summary(self) -> Summary:
        speed = f"Speed {self.speed:.4g} (se {self.speed_se:.3g}) per period"
        half = f"half-life {self.half_life:.4g} (se {self.half_life_se:.3g}) periods"
        none = "no half-life: no convergence" if not self.speed > 0.0 else half
        # A slotted dataclass is a new class: `super()` without arguments would look in the old one.
        summary = LinearResults._summary(self)
        return replace(summary, blocks=(*summary.blocks, Lines((f"{speed}; {none}",))))

    def _numbers(self) -> PlainNumbers:
        numbers = LinearResults._numbers(self)
        names = ("speed", "speed_se", "half_life", "half_life_se")
        return replace(numbers, more={**numbers.more, **{n: getattr(self, n) for n in names}})


def beta_convergence(
    panel: Panel,
    column: str,
    *,
    x: Sequence[str] = (),
    entity_effects: bool = False,
    time_effects: bool = False,
    cov_type: CovType = "clustered",
    clusters: Sequence[str] | None = None,
    ssc: Ssc = "reghdfe",
    **options: Any,
) -> ConvergenceResults:
    """Estimate a growth regression for beta convergence.

    The model is ``ln(y_{t+1} / y_t) = a + b ln y_t (+ x_t'c) (+ fixed effects) + e``. b < 0 is beta
    convergence. It is absolute convergence without `x` and fixed effects, and conditional convergence with
    them.

    Parameters
    ----------
    panel : Panel
        The data. A row needs values in two consecutive periods.
    column : str
        Column or term with positive values, such as income per head.
    x : sequence of str
        Controls: columns or terms, with their values in the initial period. None by default.
    entity_effects, time_effects : bool
        Whether to absorb entity and time effects. The default is False, for absolute convergence. With entity
        effects each entity has its own steady state.
    cov_type, clusters, ssc
        Standard errors, as in `FixedEffects`; clustered by entity by default.
    **options
        Other options of `FixedEffects`: absorb, bandwidth, obs_weights, singletons, collinear, missing.

    Returns
    -------
    ConvergenceResults
        `LinearResults` in which b is the coefficient of ``log_initial``, with `speed` and `half_life`.

    Raises
    ------
    MissingDataError
        If a value is zero or negative, or no entity has two consecutive periods.
    DigiprosperError
        As in `FixedEffects`.

    Warns
    -----
    IdentificationWarning
        With entity effects and fewer than 15 rows per entity. The within estimator of b has a bias of about
        -(2 + b) / (T - 1) towards convergence (Nickell 1981).

    Notes
    -----
    The regression is that of Barro and Sala-i-Martin (1992, Journal of Political Economy 100:223-251). The
    bias is that of Nickell (1981, Econometrica 49:1417-1426). Measurement error in y also biases b towards
    convergence.

    Examples
    --------
    >>> import digiprosper as dp
    >>> from digiprosper import beta_convergence
    >>> fit = beta_convergence(dp.datasets.us_states(), "I(gsp / emp)", time_effects=True)
    >>> round(float(fit.params["log_initial"]), 4), round(fit.speed, 4), round(fit.half_life, 1)
    (-0.0419, 0.0428, 16.2)
    """
    check_panel(panel, "beta_convergence")
    name = one_term(column, "column").strip()
    level = f"log(`{name}`)" if name in table_of(panel).known else f"log({name})"
    spec = FixedEffects(
        f"growth of {name}",
        (_SLOPE, *as_terms(x, "x")),
        entity_effects=entity_effects,
        time_effects=time_effects,
        cov_type=cov_type,
        clusters=clusters,
        ssc=ssc,
        **options,
    )

    roles = {"initial": (level,), "x": spec.x[1:]}
    if spec.missing == "raise":
        panel.sample(roles, missing="raise")
    roles = {"after": (f"lead({level})",), **roles}
    # The last period of each entity has no growth: that is no missing value.
    prepared = prepare(panel, roles, spec.options, singletons=spec.singletons)

    sample = prepared.sample
    initial = sample.columns("initial")
    growth = (sample.columns("after") - initial)[:, 0]
    design = np.hstack([initial, sample.columns("x")])
    fit = fit_columns(prepared, spec.y, growth, (_SLOPE, *sample.names_of("x")), design)
    values = {f.name: getattr(fit, f.name) for f in fields(LinearResults)}
    if prepared.entity_position is not None:
        values["diagnostics"] += _nickell(fit)
    issue(values["diagnostics"])
    return ConvergenceResults(**values)


def _nickell(fit: LinearResults) -> tuple[Notice, ...]:
    periods = fit.nobs / fit.n_entities
    b = float(fit.coefficients[0])
    if periods >= _LONG:
        return ()
    text = (
        f"entity effects with {periods:.3g} rows per entity: the slope of {cited(_SLOPE)} is biased "
        f"downwards, by about {(2 + b) / (periods - 1):.2g} (Nickell 1981), which looks like "
        "convergence. Omit the entity effects, or use a longer panel."
    )
    return (nickell((_SLOPE,), periods, text),)
