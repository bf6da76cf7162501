"""The leverage of rows, and how many clusters carry the variation of a regressor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from digiprosper.kernels.tolerances import FULL_LEVERAGE
from digiprosper.kernels.within import finest, level_sums, within

if TYPE_CHECKING:
    from digiprosper.kernels import Floats, Ints
    from digiprosper.kernels.within import Within

_POWERS = {"hc2": 0.5, "hc3": 1.0}


def effects_leverage(absorbed: Within, n: int) -> Floats | None:
    """Compute the leverage of every row in a regression on all effects, slopes by level too.

    Parameters
    ----------
    absorbed : Within
        The effects.
    n : int
        Rows.

    Returns
    -------
    (N,) array or None
        As `Within.leverage`; None where the effects have too many levels to be solved for densely.
    """
    if absorbed.is_dense:
        return absorbed.leverage(n)
    # Dummies that are sums of those of another effect change nothing.
    codes = finest(absorbed.codes)
    if absorbed.has_slopes or len(codes) == len(absorbed.codes):
        return None
    fewer = within(codes, n, obs_weights=absorbed.obs_weights)
    return fewer.leverage(n) if fewer.is_dense else None


def row_leverage(basis: Floats, *, obs_weights: Floats | None = None) -> Floats:
    """Compute the leverage of every row in a regression on swept columns.

    With W the weights, ``h_i = w_i x_i' (X'WX)^-1 x_i``. Since swept columns are orthogonal to the dummies,
    the leverage of both together is the sum of their leverages.

    Parameters
    ----------
    basis : (N, m) array
        Columns that span the swept regressors, far from collinear.
    obs_weights : (N,) array, optional
        Weights of the rows.

    Returns
    -------
    (N,) array
        Between 0 and 1; they sum to m.
    """
    weighted = basis if obs_weights is None else basis * obs_weights[:, None]
    shares = basis @ np.linalg.inv(weighted.T @ basis)
    return np.asarray(np.einsum("ij,ij->i", shares, weighted))


def error_scale(cov_type: str, effects: Floats, regressors: Floats) -> Floats:
    """Compute what residuals are multiplied by: ``(1 - h)^-1/2`` for HC2 and ``1 / (1 - h)`` for HC3.

    Parameters
    ----------
    cov_type : {"hc2", "hc3"}
        Covariance (MacKinnon & White 1985).
    effects : (N,) array
        Leverage in the effects.
    regressors : (N,) array
        Leverage in the swept regressors.

    Returns
    -------
    (N,) array
        Zero for rows that the effects alone fit perfectly, such as the only row of an entity: the slopes are
        the same without them. Infinite for rows that effects and regressors together fit perfectly, without
        which a slope is not identified.
    """
    left = 1 - effects - regressors
    scale = np.full(left.shape, np.inf)
    np.power(left, -_POWERS[cov_type], out=scale, where=left > FULL_LEVERAGE)
    return np.where(effects > 1 - FULL_LEVERAGE, 0.0, scale)


def variation_shares(
    basis: Floats, root: Floats, codes: Ints, levels: int, *, obs_weights: Floats | None = None
) -> Floats:
    """Compute each cluster's share of the variation that identifies each slope.

    With ``a = X (X'X)^-1 e_j``, column j net of the others over its own sum of squares (Frisch & Waugh
    1933), the share of cluster g is ``a_g'a_g / a'a``: its partial leverage (MacKinnon, Nielsen & Webb 2023).

    Parameters
    ----------
    basis : (N, m) array
        Columns that span the swept regressors.
    root : (k, m) array
        With ``root @ basis.T`` what errors move the slopes by; both as in `least_squares.Fit`.
    codes : (N,) array of int
        Clusters, without gaps.
    levels : int
        Number of clusters G.
    obs_weights : (N,) array, optional
        Weights of the rows.

    Returns
    -------
    (G, k) array
        Shares; each column adds up to 1.
    """
    net = root @ basis.T  # one regressor a row, since sums by level are faster along the memory
    np.square(net, out=net)
    sums = level_sums(codes, levels, net.T, obs_weights)
    return np.asarray(sums / sums.sum(axis=0))


def effective_clusters(shares: Floats) -> Floats:
    """Count clusters by what they contribute to each slope.

    ``G* = G / (1 + Gamma)``, Gamma the mean squared deviation of the clusters' contributions from their mean,
    over the square of that mean (Carter, Schnepel & Steigerwald 2017, eq. 10). The contribution is taken for
    errors that are independent within clusters, where it is the share of the variation and G* the inverse of
    the sum of squared shares. For errors that are all alike within a cluster it would be the squared sum of
    the regressor, which is zero in every cluster once entity effects are out.

    Parameters
    ----------
    shares : (G, k) array
        From `variation_shares`.

    Returns
    -------
    (k,) array
        Between 1 and G.
    """
    groups = shares.shape[0]
    mean = shares.mean(axis=0)
    gamma = ((shares - mean) ** 2).mean(axis=0) / mean**2
    return np.asarray(groups / (1 + gamma))
