"""How many clusters carry the variation of a regressor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from digiprosper.kernels.within import level_sums

if TYPE_CHECKING:
    from digiprosper.kernels import Floats, Ints

__all__ = ["effective_clusters", "variation_shares"]


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
