"""Bias of a slope from omitted variables under proportional selection (Oster 2019)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from digiprosper.kernels import Floats


@dataclass(frozen=True, slots=True)
class TwoRegressions:
    """A slope without and with controls, and the moments that the bias is computed from.

    Parameters
    ----------
    slope_without, slope_with : float
        Of the treatment.
    rsquared_without, rsquared_with : float
        Of the two regressions.
    spread : float
        Standard deviation of the outcome over that of the treatment, what is in both regressions taken out.
    unexplained : float
        Variance of the treatment that the controls leave, as a share.
    """

    slope_without: float
    slope_with: float
    rsquared_without: float
    rsquared_with: float
    spread: float
    unexplained: float


def two_regressions(y: Floats, treatment: Floats, kept: Floats, controls: Floats) -> TwoRegressions:
    """Regress an outcome on a treatment without and with controls, on the same rows.

    Parameters
    ----------
    y, treatment : (N,) arrays
        With mean zero, or net of effects.
    kept : (N, m) array
        Regressors of both regressions.
    controls : (N, c) array
        Regressors of the second one.

    Returns
    -------
    TwoRegressions
        R2 is that of all regressors, `kept` among them.
    """
    total = float(y @ y)
    pair = np.column_stack([treatment, y])
    x0, y0 = _residuals(kept, pair).T
    x1, y1 = _residuals(np.column_stack([kept, controls]), pair).T
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


def _residuals(on: Floats, columns: Floats) -> Floats:
    """Take columns of full rank out of others."""
    if not on.shape[1]:
        return columns
    basis = np.linalg.qr(on / np.sqrt(np.einsum("ij,ij->j", on, on)))[0]
    left = columns - basis @ (basis.T @ columns)
    # Twice is enough: the second time removes the rounding of the first.
    return np.asarray(left - basis @ (basis.T @ left))


def adjusted_slopes(found: TwoRegressions, delta: float, rsquared_max: float) -> list[float]:
    """Solve for the slopes that a degree of selection implies.

    Parameters
    ----------
    found : TwoRegressions
        The two regressions.
    delta : float
        Selection on unobservables over that on observables.
    rsquared_max : float
        R2 of the regression that has the unobservables, too; at least that with controls.

    Returns
    -------
    list of float
        Slopes with a bias in the direction that `delta` implies, the nearest to `slope_with` first; one
        if `delta` is 1, none if no slope is consistent with `delta`.

    Notes
    -----
    Oster (2019), equation of proposition 2: a cubic in the bias ``v = b~ - b*``. In units of the distance
    ``d = b0 - b~`` that the controls moved the slope, ``z = v / d``, and with q the share of the treatment's
    variance that the controls leave, ``m`` the share of y's variance that d stands for, and ``r``, ``a`` the
    R2 that controls and unobservables add::

        delta a + z [delta a (1 - q) - q (r + m)] + z^2 (delta - 2) q m + z^3 (delta - 1) q (1 - q) m = 0

    Assumption 3, that controls as they truly enter move the slope in the direction that they do in the
    regression, is ``1 + z (1 - q) > 0``; the bias then has the sign of ``delta d``.
    """
    moved = found.slope_without - found.slope_with
    if delta == 0 or moved == 0:
        return [found.slope_with]
    added = found.rsquared_with - found.rsquared_without
    hidden = rsquared_max - found.rsquared_with
    if hidden == 0:
        return [found.slope_with]
    q, rest = found.unexplained, 1 - found.unexplained
    m = (moved / found.spread) ** 2

    # In 1 / z, since the solution wanted is that of the smallest bias: the largest root is the most exact.
    linear = delta * hidden * rest - q * (added + m)
    inverse = np.roots([delta * hidden, linear, (delta - 2) * q * m, (delta - 1) * q * rest * m])
    real = inverse[np.isreal(inverse) & (inverse != 0)].real
    z = 1 / real[np.argsort(-np.abs(real), kind="stable")]
    allowed = (np.sign(z) == np.sign(delta)) & (1 + z * rest > 0)
    return [found.slope_with - float(one) * moved for one in z[allowed]]


def needed_selection(found: TwoRegressions, slope: float, rsquared_max: float) -> float:
    """Solve for the degree of selection at which the slope is a given one.

    Parameters
    ----------
    found : TwoRegressions
        The two regressions.
    slope : float
        The slope, such as 0.
    rsquared_max : float
        R2 of the regression that has the unobservables, too.

    Returns
    -------
    float
        Oster's delta; infinite where no selection leads there.

    Notes
    -----
    Oster (2019), proposition 3, in units of the standard deviations of outcome and treatment.
    """
    added = found.rsquared_with - found.rsquared_without
    hidden = rsquared_max - found.rsquared_with
    q, rest = found.unexplained, 1 - found.unexplained
    moved = (found.slope_without - found.slope_with) / found.spread
    bias = (found.slope_with - slope) / found.spread

    common = bias**2 * q * (moved + bias * rest)
    needed = bias * q * (added + moved**2 + bias * moved) + common
    per_unit = hidden * (moved + bias * rest) + common
    return needed / per_unit if per_unit else float(np.copysign(np.inf, needed))
