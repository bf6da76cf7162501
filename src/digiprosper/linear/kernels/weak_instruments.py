"""Statistics of the first stage and of overidentification, from projected columns."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from digiprosper.kernels import Floats
from digiprosper.kernels.covariance import Vcov
from digiprosper.linear.kernels.anderson_rubin import (
    inverse_root,
    score_covariance,
    wald_form,
)
from digiprosper.linear.kernels.two_stage import Projection


@dataclass(frozen=True, slots=True)
class Effective:
    """The effective F of Montiel Olea and Pflueger (2013)."""

    statistic: float
    degrees: float  # effective degrees of freedom for `critical`
    critical: float  # 5% critical value for a worst bias of 10%


def without_small_sample_factors(vcov: Vcov, rows: float) -> Vcov:
    """Leave out the small-sample factors, as large-sample statistics do."""
    # Unadjusted, the sum of squares of residuals is divided by their number.
    factor = 1 / rows if vcov.cov_type == "unadjusted" else 1.0
    return replace(
        vcov, parts=tuple(replace(part, factor=factor) for part in vcov.parts)
    )


def canonical_correlation(projected: Projection) -> float:
    """Compute the least canonical correlation of regressors and instruments."""
    return float(_decompose_first_stage(projected)[1][-1])


def cragg_donald(projected: Projection, df: float) -> float:
    """Compute the F form of the statistic of Cragg and Donald (1993).

    ``(df / q) r^2 / (1 - r^2)`` with r the smallest canonical correlation, and df the
    rows less controls, instruments and the rank of the effects.
    """
    square = canonical_correlation(projected) ** 2
    q = int(projected.instruments.shape[1])
    return df / q * square / (1 - square)


def _decompose_first_stage(
    projected: Projection,
) -> tuple[Floats, Floats, Floats, Floats]:
    """Decompose the first stage between orthonormal bases: u, s, v, and a root."""
    slopes, residual_products = projected.first_slopes, projected.residual_products
    size = np.sqrt((slopes**2).sum(axis=0) + np.diag(residual_products))
    products = (slopes.T @ slopes + residual_products) / size / size[:, None]
    root = np.linalg.inv(np.linalg.cholesky(products).T) / size[:, None]
    u, s, vt = np.linalg.svd(slopes @ root, full_matrices=True)
    return u, s, vt.T, root


def kleibergen_paap(projected: Projection, errors: Floats, vcov: Vcov) -> float:
    """Compute the rank statistic of Kleibergen and Paap (2006).

    `errors` (N, m) make scores with the instruments: residuals of the first stages for
    the Wald form, the endogenous regressors net of the controls for the LM form.
    Chi-square with q - m + 1 degrees of freedom under the null that the rank is m - 1.
    Missing where the covariance of the scores is singular, as with fewer clusters than
    instruments, or the scores add up to zero.
    """
    u, s, v, root = _decompose_first_stage(projected)
    scores = score_covariance(projected, errors, vcov)
    q, m = projected.first_slopes.shape
    least, turn = u[:, m - 1 :], root @ v[:, m - 1 :]
    choose = np.kron(turn.T, least.T)
    gap = np.zeros(q - m + 1)
    gap[0] = s[-1]
    return wald_form(gap, choose @ scores @ choose.T)


def effective_f(projected: Projection, vcov: Vcov) -> Effective:
    """Compute the effective F of one endogenous regressor, and its critical value.

    ``F = h'h / tr(S)`` with h the first-stage slopes on an orthonormal basis of the
    instruments and S their covariance. The critical value is that of Patnaik's
    approximation for two-stage least squares with the bound of the bias set to one
    (Montiel Olea & Pflueger 2013, section 3.3, the simplified procedure), for a worst
    bias tau of 10% of the benchmark's. Missing if the scores add up to zero.
    """
    from scipy.special import chndtrix

    slopes, errors = projected.first_slopes[:, 0], projected.endog_residuals[:, 0]
    covariance = score_covariance(projected, errors, vcov)
    if np.isnan(covariance).any():
        return Effective(float("nan"), float("nan"), float("nan"))
    trace = float(np.trace(covariance))
    statistic = float(slopes @ slopes) / trace

    x, share = 10.0, covariance / trace  # x is 1 / tau
    square = float((share**2).sum())
    largest = float(np.linalg.eigvalsh(share)[-1])
    degrees = (1 + 2 * x) / (square + 2 * x * largest)
    critical = float(chndtrix(0.95, degrees, x * degrees) / degrees)
    return Effective(statistic, degrees, critical)


def overidentification(projected: Projection, residuals: Floats, vcov: Vcov) -> float:
    """Compute J of Hansen (1982): whether the instruments agree.

    Controls are exactly identified by their own moments, so only the instruments net of
    them matter. Under ``unadjusted`` it is the statistic of Sargan (1958). The
    covariance of the moments has no small-sample factor; chi-square with q - m degrees
    of freedom, missing where that covariance is singular.
    """
    turn = inverse_root(score_covariance(projected, residuals, vcov))
    if turn is None:
        return float("nan")
    design, gap = turn @ projected.first_slopes, turn @ projected.reduced_slopes
    gap = gap - design @ _slopes(design, gap)
    return float(gap @ gap)


def _slopes(design: Floats, outcome: Floats) -> Floats:
    """Regress an outcome on columns of different sizes."""
    scale = 1 / np.linalg.norm(design, axis=0)
    return np.asarray(scale * np.linalg.lstsq(design * scale, outcome)[0])


def sanderson_windmeijer(projected: Projection, regressor: int, vcov: Vcov) -> float:
    """Compute the conditional F of one of several endogenous regressors.

    The regressor less the others, at their two-stage slopes, is regressed on the
    instruments; the Wald statistic is divided by q - m + 1 (Sanderson & Windmeijer
    2016). Missing where the covariance is singular.
    """
    q, m = projected.first_slopes.shape
    design = np.delete(projected.first_slopes, regressor, axis=1)
    # Of the regressor less the others
    weights = np.insert(
        -_slopes(design, projected.first_slopes[:, regressor]), regressor, 1.0
    )
    covariance = score_covariance(projected, projected.endog_residuals @ weights, vcov)
    return wald_form(projected.first_slopes @ weights, covariance) / int(q - m + 1)
