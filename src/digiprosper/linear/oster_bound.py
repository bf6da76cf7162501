"""Oster's bound of a slope under selection on unobservables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from digiprosper.checks import check_real, not_identified, option_error
from digiprosper.errors import Notice, TermError, cited, quoted
from digiprosper.kernels import Floats
from digiprosper.linear.auxiliary import issue_fit_notices, refuse_perfect_fit
from digiprosper.linear.drawn_tests import check_term, find_regressor
from digiprosper.linear.estimation import fit_equation
from digiprosper.linear.fixed_effects import (
    Fitted,
    FixedEffects,
    refuse_other_specification,
)
from digiprosper.linear.kernels.exchange import Residualiser
from digiprosper.linear.specification_tests import frame_attributes
from digiprosper.panel import Panel
from digiprosper.panel.terms import canonical
from digiprosper.specification import as_terms

_CALLER = "oster_bound"


def oster_bound(
    spec: FixedEffects,
    panel: Panel,
    term: str,
    controls: Sequence[str],
    *,
    rmax: float = 1.3,
    delta: float = 1.0,
    rsquared_max: float | None = None,
) -> pd.DataFrame:
    """Compute the bound of a slope under selection on unobservables (Oster 2019).

    The bound uses the slopes without and with `controls`, and the R2 of the two
    regressions. It assumes that selection on the omitted variables is proportional to
    selection on the controls. A slope that does not change with the controls is
    evidence against omitted variable bias only if the controls explain much of the
    outcome.

    Parameters
    ----------
    spec : FixedEffects
        The specification with all controls. Its `cov_type` does not matter.
    panel : Panel
        The data.
    term : str
        The regressor, by its name in the results.
    controls : sequence of str
        Terms of `x` that are left out of the regression without controls. Fixed effects
        and all other terms are in both regressions.
    rmax : float
        R2 of a regression with all omitted variables, as a multiple of the R2 with
        controls; the product is at most 1. The default is 1.3, with which 90% of the
        results of randomised trials would survive (Oster 2019, section 4).
        ``float("inf")`` is an R2 of 1.
    delta : float
        Selection on the omitted variables relative to selection on `controls`. The
        default is 1: equal selection.
    rsquared_max : float, optional
        The R2 with all omitted variables itself, instead of `rmax`. Stata's ``psacalc``
        calls it ``rmax``.

    Returns
    -------
    DataFrame
        One row with columns

        - ``term``;
        - ``beta_uncontrolled``, ``rsquared_uncontrolled``, ``beta_controlled``,
          ``rsquared_controlled``: slope and R2 without and with controls;
        - ``rsquared_max``, ``delta``: the assumptions;
        - ``beta_adjusted``: the bias-adjusted slope;
        - ``bound_low``, ``bound_high``: ``beta_controlled`` and ``beta_adjusted`` in
          ascending order;
        - ``excludes_zero``: whether 0 is outside these bounds;
        - ``delta_zero``: the delta for which the adjusted slope is 0;
        - ``n_solutions``: number of adjusted slopes that are consistent with `delta`.
          The nearest to ``beta_controlled`` is reported.

    Raises
    ------
    InputTypeError
        If `spec` is not a `FixedEffects`, `panel` is not a Panel, or a term is not
        text.
    TermError
        If `term` is not a regressor or has a column in common with another one, or if a
        control is not in `x`.
    OptionError
        If `rmax` is not above 1, if `rsquared_max` is not above the R2 with controls or
        is above 1, or if `delta` is not a number.
    IdentificationError
        If the fit is perfect, or if no slope is consistent with `delta`. The latter can
        happen only if `delta` is above 1.

    Notes
    -----
    The method is that of Oster (2019, Journal of Business & Economic Statistics
    37:187), propositions 1 to 3. The adjusted slope solves a cubic equation. Solutions
    whose bias has the wrong direction are dropped (assumption 3 of the paper), so with
    ``delta=1`` there is one solution. Both regressions use the rows of `spec`.

    The fixed effects are in both regressions, so R2 is the within R2, and `rmax`
    multiplies the within R2. Without fixed effects the numbers equal those of
    ``psacalc`` after ``regress``, with the other terms in ``mcontrol``. After
    ``xtreg, fe``, ``psacalc`` combines the within R2 with the overall variance of the
    outcome, so its numbers differ.

    If ``delta_zero`` is above 1, the omitted variables would have to be more important
    than the controls to explain the whole slope. It is negative if the controls move
    the slope away from 0.

    Examples
    --------
    >>> import digiprosper as dp
    >>> spec = dp.FixedEffects("log(gsp)", ["log(pc)", "log(emp)", "unemp"])
    >>> bound = dp.oster_bound(
    ...     spec, dp.datasets.us_states(), "log(pc)", ["log(emp)", "unemp"]
    ... )
    >>> bound[["beta_uncontrolled", "beta_controlled", "beta_adjusted"]].round(
    ...     3
    ... ).values.tolist()
    [[0.718, 0.164, -0.196]]
    >>> bool(bound["excludes_zero"][0]), round(float(bound["delta_zero"][0]), 2)
    (False, 0.49)
    """
    refuse_other_specification(_CALLER, spec)
    check_term(term, _CALLER)
    chosen = _checked_controls(spec, term, controls)
    degree = check_real("delta", delta, math.isfinite, "a finite number, such as 1")

    fitted = _fit_with_controls(spec, panel, chosen)
    name = find_regressor(fitted, term, _CALLER)
    moments = _two_regressions(fitted, name, chosen)
    limit = _rsquared_limit(moments.rsquared_with, rmax, rsquared_max)
    slopes = adjusted_slopes(moments, degree, limit)
    if not slopes:
        text = (
            f"{_CALLER}: no slope is consistent with delta={degree:g} and an R2 of "
            f"{limit:.4g}. Use a smaller delta or a smaller rmax."
        )
        data = {"delta": degree, "rsquared_max": limit}
        raise not_identified("no_solution", text, **data)
    low, high = sorted((moments.slope_with, slopes[0]))
    frame = pd.DataFrame(
        {
            "term": [name],
            "beta_uncontrolled": moments.slope_without,
            "rsquared_uncontrolled": moments.rsquared_without,
            "beta_controlled": moments.slope_with,
            "rsquared_controlled": moments.rsquared_with,
            "rsquared_max": limit,
            "delta": degree,
            "beta_adjusted": slopes[0],
            "bound_low": low,
            "bound_high": high,
            "excludes_zero": low > 0 or high < 0,
            "delta_zero": delta_for_slope(moments, 0.0, limit),
            "n_solutions": len(slopes),
        }
    )
    frame.attrs = frame_attributes(fitted.prepared.sample, [name])
    return frame


def _fit_with_controls(
    spec: FixedEffects, panel: Panel, controls: Sequence[str]
) -> Fitted:
    """Fit the specification, with the controls in a separate role."""
    of_controls = set(map(canonical, controls))
    others = [
        regressor for regressor in spec.x if canonical(regressor) not in of_controls
    ]
    rows = spec._on_common_rows(panel, {"x": others, "controls": controls})
    results, solved = fit_equation(
        rows.prepared, rows.demeaned, 0, range(1, len(rows.columns))
    )
    refuse_perfect_fit(results, _CALLER)
    return Fitted(results, rows.prepared, rows.demeaned, solved)


def _two_regressions(
    fitted: Fitted, name: str, controls: Sequence[str]
) -> TwoRegressions:
    """Regress with the controls and without, other regressors in both."""
    sample, results = fitted.prepared.sample, fitted.results
    common, of_controls = (
        [n for n in sample.names_of(role) if n in results.names and n != name]
        for role in ("x", "controls")
    )
    if not of_controls:
        raise not_identified(
            "no_controls",
            f"{_CALLER}: all controls ({quoted(controls)}) were dropped as collinear.",
            controls=tuple(controls),
        )
    issue_fit_notices(fitted)
    root = np.sqrt(fitted.prepared.row_weights)[:, None]
    outcome, x, m, w = (
        fitted.demeaned.select(fitted.demeaned.at(names)) * root
        for names in ([results.depvar], [name], common, of_controls)
    )
    return two_regressions(outcome[:, 0], x[:, 0], m, w)


# --- arguments ------------------------------------------------------------------------


def _checked_controls(
    spec: FixedEffects, term: str, controls: Sequence[str]
) -> tuple[str, ...]:
    chosen = as_terms(controls, "controls")
    if not chosen:
        raise option_error(
            "controls",
            (),
            f"{_CALLER}: controls is empty; pass the terms of x that represent the "
            "omitted variables.",
        )
    in_model = set(map(canonical, spec.x))
    absent = [control for control in chosen if canonical(control) not in in_model]
    if absent:
        raise TermError(
            f"{_CALLER}: the controls {quoted(absent)} are not in x "
            f"({quoted(spec.x, 20)}); pass the specification with all controls.",
            [
                Notice("not_in_x", cited(control), {"term": control})
                for control in absent
            ],
        )
    if canonical(term) in map(canonical, chosen):
        raise TermError(
            f"{_CALLER}: {cited(term)} is the tested term and cannot be one of the "
            "controls."
        )
    return chosen


def _rsquared_limit(controlled: float, rmax: object, rsquared_max: object) -> float:
    if rsquared_max is not None:
        return check_real(
            "rsquared_max",
            rsquared_max,
            lambda limit: controlled < limit <= 1,
            f"a number above the R2 with controls ({controlled:.4g}) and at most 1",
        )
    multiple = check_real(
        "rmax",
        rmax,
        lambda multiple: multiple > 1,
        "a number above 1: it multiplies the R2 with controls. For an R2 itself, as in "
        "psacalc, pass it as rsquared_max",
    )
    return min(multiple * controlled, 1.0)


# --- slopes under proportional selection ----------------------------------------------


@dataclass(frozen=True, slots=True)
class TwoRegressions:
    """A slope without and with controls, and the moments that give the bias."""

    slope_without: float
    slope_with: float
    rsquared_without: float
    rsquared_with: float
    # standard deviation of outcome over that of treatment, what is in both regressions
    # taken out
    spread: float
    unexplained: float  # share of the variance of the treatment that the controls leave

    @property
    def moved(self) -> float:
        """How far the controls move the slope."""
        return self.slope_without - self.slope_with

    @property
    def added(self) -> float:
        """R2 that the controls add."""
        return self.rsquared_with - self.rsquared_without


def two_regressions(
    y: Floats, treatment: Floats, common: Floats, controls: Floats
) -> TwoRegressions:
    """Regress an outcome on a treatment without and with controls, on the same rows.

    Columns have mean zero or are net of effects; those of `common` (N, m) are in both
    regressions. R2 is that of all regressors.
    """
    total = float(y @ y)
    pair = np.column_stack([treatment, y])
    (x0, slope0, r0), (x1, slope1, r1) = [
        _simple_regression(Residualiser(held_fixed, None).residuals(pair), total)
        for held_fixed in (common, np.column_stack([common, controls]))
    ]
    return TwoRegressions(
        slope_without=slope0,
        slope_with=slope1,
        rsquared_without=r0,
        rsquared_with=r1,
        spread=float(np.sqrt(total / x0)),
        unexplained=x1 / x0,
    )


def _simple_regression(columns: Floats, total: float) -> tuple[float, ...]:
    """Return the sum of squares of x, the slope of y on it, and R2 of a `total`."""
    x, y = columns.T
    square = float(x @ x)
    slope = float(x @ y) / square
    residuals = y - slope * x
    return square, slope, 1 - float(residuals @ residuals) / total


def adjusted_slopes(
    regressions: TwoRegressions, delta: float, rsquared_max: float
) -> list[float]:
    """Solve for slopes that a degree of selection implies, nearest to `slope_with`.

    `delta` is selection on unobservables over that on observables, `rsquared_max` the
    R2 with the unobservables too. There is one slope if delta is 1, none if no slope
    with a bias in the direction of delta is consistent with it.

    Oster (2019), equation of proposition 2: a cubic in the bias ``v = b~ - b*``. In
    units of the distance ``d = b0 - b~`` that the controls moved the slope,
    ``z = v / d``, and with q the share of the treatment's variance that the controls
    leave, ``m`` the share of y's variance that d stands for, and ``r``, ``a`` the R2
    that controls and unobservables add::

        delta a + z [delta a (1 - q) - q (r + m)]
            + z^2 (delta - 2) q m + z^3 (delta - 1) q (1 - q) m = 0

    Assumption 3, that controls as they truly enter move the slope in the direction that
    they do in the regression, is ``1 + z (1 - q) > 0``; the bias then has the sign of
    ``delta d``.
    """
    moved, hidden = regressions.moved, rsquared_max - regressions.rsquared_with
    if delta == 0 or moved == 0 or hidden == 0:
        return [regressions.slope_with]
    q, explained = regressions.unexplained, 1 - regressions.unexplained
    m = (moved / regressions.spread) ** 2

    # In 1 / z, since the solution wanted is that of the smallest bias: the largest root
    # is the most exact.
    linear = delta * hidden * explained - q * (regressions.added + m)
    inverse = np.roots(
        [delta * hidden, linear, (delta - 2) * q * m, (delta - 1) * q * explained * m]
    )
    real = inverse[np.isreal(inverse) & (inverse != 0)].real
    z = 1 / real[np.argsort(-np.abs(real), kind="stable")]
    allowed = (np.sign(z) == np.sign(delta)) & (1 + z * explained > 0)
    return [regressions.slope_with - float(root) * moved for root in z[allowed]]


def delta_for_slope(
    regressions: TwoRegressions, slope: float, rsquared_max: float
) -> float:
    """Solve for Oster's delta at which the slope is a given one; it may be infinite.

    Oster (2019), proposition 3, in standard deviations of outcome and treatment.
    """
    hidden, q = rsquared_max - regressions.rsquared_with, regressions.unexplained
    moved = regressions.moved / regressions.spread
    bias = (regressions.slope_with - slope) / regressions.spread

    total = moved + bias * (1 - q)
    common = bias**2 * q * total
    needed = bias * q * (regressions.added + moved**2 + bias * moved) + common
    per_unit = hidden * total + common
    return needed / per_unit if per_unit else float(np.copysign(np.inf, needed))
