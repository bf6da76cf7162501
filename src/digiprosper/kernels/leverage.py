"""The leverage of rows, and the effective number of clusters of a regressor."""

from __future__ import annotations

import numpy as np

from digiprosper.kernels import Floats, Ints
from digiprosper.kernels.least_squares import with_weights
from digiprosper.kernels.tolerances import FULL_LEVERAGE
from digiprosper.kernels.within import Within, finest, level_sums, within

_POWERS = {"hc2": 0.5, "hc3": 1.0}


def effects_leverage(absorbed: Within, n: int) -> Floats | None:
    """Compute the leverage (N,) of rows in all effects; None with too many levels."""
    if absorbed.is_dense:
        return absorbed.leverage(n)
    # Dummies that are sums of those of another effect change nothing.
    codes = finest(absorbed.codes)
    if absorbed.has_slopes or len(codes) == len(absorbed.codes):
        return None
    fewer = within(codes, n, obs_weights=absorbed.obs_weights)
    return fewer.leverage(n) if fewer.is_dense else None


def row_leverage(basis: Floats, *, obs_weights: Floats | None = None) -> Floats:
    """Compute the leverage (N,): ``h_i = w_i x_i' (X'WX)^-1 x_i``, columns demeaned.

    `basis` (N, m) spans the demeaned regressors and is far from collinear. Demeaned
    columns are orthogonal to the dummies, so that the leverage of both together is the
    sum of their leverages.
    """
    weighted_basis = with_weights(basis, obs_weights)
    shares = basis @ np.linalg.inv(weighted_basis.T @ basis)
    return np.asarray(np.einsum("ij,ij->i", shares, weighted_basis))


def error_scale(cov_type: str, effects: Floats, regressors: Floats) -> Floats:
    """Compute the factors of residuals: ``(1 - h)^-1/2`` (HC2), ``1 / (1 - h)`` (HC3).

    MacKinnon & White (1985). `effects` and `regressors` (N,) are leverages, h
    their sum. The scale is zero for rows that the effects alone fit perfectly, such as
    the only row of an entity: the slopes are the same without them. It is infinite for
    rows that effects and regressors together fit perfectly, without which a slope is
    not identified.
    """
    one_minus_h = 1 - effects - regressors
    scale = np.full(one_minus_h.shape, np.inf)
    np.power(
        one_minus_h, -_POWERS[cov_type], out=scale, where=one_minus_h > FULL_LEVERAGE
    )
    return np.where(effects > 1 - FULL_LEVERAGE, 0.0, scale)


def variation_shares(
    basis: Floats,
    root: Floats,
    codes: Ints,
    levels: int,
    *,
    obs_weights: Floats | None = None,
) -> Floats:
    """Compute the share (G, k) of each cluster in the variation of each regressor.

    With ``a = X (X'X)^-1 e_j``, column j net of the others over its own sum of squares
    (Frisch & Waugh 1933), the share of cluster g is ``a_g'a_g / a'a``: its partial
    leverage (MacKinnon, Nielsen & Webb 2023). `basis` (N, m) and `root` (k, m) are
    those of `least_squares.Fit`. Each column of shares adds up to 1.
    """
    # One regressor a row, since sums by level are faster along the memory
    net = root @ basis.T
    np.square(net, out=net)
    sums = level_sums(codes, levels, net.T, obs_weights)
    return np.asarray(sums / sums.sum(axis=0))


def effective_clusters(shares: Floats) -> Floats:
    """Compute each slope's effective number of clusters from (G, k) shares.

    The inverse of the sum of squared shares, which add up to 1: ``G / (1 + Gamma)``,
    Gamma the mean squared deviation of the clusters' contributions from their mean over
    the square of that mean (Carter, Schnepel & Steigerwald 2017, eq. 10). The
    contribution is that of errors which are independent within clusters. For errors
    that are all alike within a cluster it would be the squared sum of the regressor,
    which is zero in every cluster once entity effects are out.
    """
    return np.asarray(1 / (shares**2).sum(axis=0))
