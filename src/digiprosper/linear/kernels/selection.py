"""Bias of a slope from omitted variables under proportional selection (Oster 2019)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from digiprosper.kernels import Floats


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


def two_regressions(
    y: Floats, treatment: Floats, common: Floats, controls: Floats
) -> TwoRegressions:
    """Regress an outcome on a treatment without and with controls, on the same rows.

    Columns have mean zero or are net of effects; those of `common` (N, m) are in both
    regressions. R2 is that of all regressors.
    """
    total = float(y @ y)
    pair = np.column_stack([treatment, y])
    x0, y0 = _residualise(common, pair).T
    x1, y1 = _residualise(np.column_stack([common, controls]), pair).T
    without, slope = float(x0 @ y0 / (x0 @ x0)), float(x1 @ y1 / (x1 @ x1))
    left0, left1 = y0 - without * x0, y1 - slope * x1
    return TwoRegressions(
        slope_without=without,
        slope_with=slope,
        rsquared_without=1 - float(left0 @ left0) / total,
        rsquared_with=1 - float(left1 @ left1) / total,
        spread=float(np.sqrt(total / (x0 @ x0))),
        unexplained=float((x1 @ x1) / (x0 @ x0)),
    )


def _residualise(on: Floats, columns: Floats) -> Floats:
    """Take columns of full rank out of others."""
    if not on.shape[1]:
        return columns
    basis = np.linalg.qr(on / np.sqrt(np.einsum("ij,ij->j", on, on)))[0]
    residuals = columns - basis @ (basis.T @ columns)
    # Twice is enough: the second time removes the rounding of the first.
    return np.asarray(residuals - basis @ (basis.T @ residuals))


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
    moved = regressions.slope_without - regressions.slope_with
    if delta == 0 or moved == 0:
        return [regressions.slope_with]
    added = regressions.rsquared_with - regressions.rsquared_without
    hidden = rsquared_max - regressions.rsquared_with
    if hidden == 0:
        return [regressions.slope_with]
    q, explained = regressions.unexplained, 1 - regressions.unexplained
    m = (moved / regressions.spread) ** 2

    # In 1 / z, since the solution wanted is that of the smallest bias: the largest root
    # is the most exact.
    linear = delta * hidden * explained - q * (added + m)
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
    added = regressions.rsquared_with - regressions.rsquared_without
    hidden = rsquared_max - regressions.rsquared_with
    q, explained = regressions.unexplained, 1 - regressions.unexplained
    moved = (regressions.slope_without - regressions.slope_with) / regressions.spread
    bias = (regressions.slope_with - slope) / regressions.spread

    common = bias**2 * q * (moved + bias * explained)
    needed = bias * q * (added + moved**2 + bias * moved) + common
    per_unit = hidden * (moved + bias * explained) + common
    return needed / per_unit if per_unit else float(np.copysign(np.inf, needed))
