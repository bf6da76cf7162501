"""Information of columns from moments: CRITIC, variation, deviation, components.

Everything is written for a stack of samples, so that a fit (a stack of one) and its
bootstrap draws share it. A column without variance has no information and is treated as
absent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from digiprosper.kernels import Bools, Floats
from digiprosper.kernels.tolerances import SAME_CORRELATION


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Means (..., m) and population covariances (..., m, m); 0 if constant."""

    mean: Floats
    cov: Floats

    @property
    def sd(self) -> Floats:
        """Standard deviations, shape (..., m)."""
        return np.sqrt(self.cov.diagonal(axis1=-2, axis2=-1))

    def correlation(self) -> tuple[Floats, Bools]:
        """Compute correlations (..., m, m), 0 if constant, and which columns vary."""
        sd = self.sd
        varies = sd > 0
        inverse = np.where(varies, 1.0 / np.where(varies, sd, 1.0), 0.0)
        return self.cov * inverse[..., :, None] * inverse[..., None, :], varies

    def of(self, columns: object) -> Moments:
        """Take some columns."""
        return Moments(self.mean[..., columns], self.cov[..., columns, :][..., columns])  # type: ignore[index]


def _variation(moments: Moments) -> Floats:
    """Divide the standard deviation by the mean."""
    return moments.sd / _divisor(moments.mean)


def _variation_slope(moments: Moments, change: Moments) -> Floats:
    relative = _relative_sd(moments, change) - change.mean / _divisor(moments.mean)
    return relative * _variation(moments)


def _critic(moments: Moments) -> Floats:
    """sd_j sum_k (1 - r_jk): Diakoulaki, Mavrotas and Papayannakis (1995)."""
    r, varies = moments.correlation()
    # One column has nothing to be compared with, and all the weight.
    only_varying = varies & (varies.sum(axis=-1, keepdims=True) == 1)
    gap = np.where(varies[..., :, None] & varies[..., None, :], 1.0 - r, 0.0)
    diagonal = np.arange(gap.shape[-1])
    gap[..., diagonal, diagonal] = 0.0
    conflict = np.where(gap > SAME_CORRELATION, gap, 0.0).sum(axis=-1)
    return np.where(only_varying, 1.0, moments.sd * conflict)


def _critic_slope(moments: Moments, change: Moments) -> Floats:
    dr = _correlation_slope(moments, change)
    from_sd = _relative_sd(moments, change) * _critic(moments)
    return np.asarray(from_sd - moments.sd * dr.sum(axis=-1))


def _components(moments: Moments) -> tuple[Floats, Floats, Bools]:
    """Eigenvalues, eigenvectors, components retained: lambda > 1, or the first."""
    r, _ = moments.correlation()
    values, vectors = np.linalg.eigh(r)
    vectors = vectors * np.where(vectors.sum(axis=-2, keepdims=True) < 0, -1.0, 1.0)
    retained = values > 1.0 + SAME_CORRELATION
    retained[..., -1] = True
    return values, vectors, retained


def _loadings(moments: Moments) -> Floats:
    """sum_k lambda_k v_k over the retained components of the correlations."""
    values, vectors, retained = _components(moments)
    loadings = np.einsum("...k,...jk->...j", np.where(retained, values, 0.0), vectors)
    return np.where(moments.sd > 0, loadings, 0.0)


def _loadings_slope(moments: Moments, change: Moments) -> Floats:
    values, vectors, retained = _components(moments)
    rotated = vectors.T @ _correlation_slope(moments, change) @ vectors
    weight = np.where(retained, values, 0.0)
    # d v_k = sum_l v_l (v_l' dR v_k) / (lambda_k - lambda_l); d lambda_k = v_k' dR v_k.
    by_vectors = np.einsum(
        "jl,klm,lm,m->kj", vectors, rotated, _inverse_gaps(values), weight
    )
    by_values = np.einsum("kmm,jm,m->kj", rotated, vectors, retained.astype(np.float64))
    return np.where(moments.sd > 0, by_vectors + by_values, 0.0)


def component_margins(
    moments: Moments, change: Moments
) -> list[tuple[str, Floats, Floats]]:
    """Compute how far PCA weights are from where they jump or turn.

    Returns names, margins (q,), slopes (k, q).

    "count": eigenvalues but the largest, less 1, where a component enters or leaves.
    "order": retained eigenvalues less each other one, where components turn.
    "sign": sums of the retained eigenvectors, where one changes its sign.
    The slopes are along k changes of the moments of one sample.
    """
    values, vectors, retained = _components(moments)
    rotated = vectors.T @ _correlation_slope(moments, change) @ vectors
    slopes = rotated.diagonal(axis1=1, axis2=2)
    first, second = np.nonzero(retained[:, None] & ~np.eye(values.size, dtype=bool))
    sums = vectors.sum(axis=0)
    sum_slopes = np.einsum("klm,l,lm->km", rotated, sums, _inverse_gaps(values))
    return [
        ("count", values[:-1] - 1.0, slopes[:, :-1]),
        ("order", values[first] - values[second], slopes[:, first] - slopes[:, second]),
        ("sign", sums[retained], sum_slopes[:, retained]),
    ]


def _divisor(values: Floats) -> Floats:
    """One in place of zero."""
    return np.where(values != 0, values, 1.0)


def _inverse_gaps(values: Floats) -> Floats:
    """Compute 1 / (lambda_m - lambda_l), row l and column m; 0 if they are equal."""
    gap = values[None, :] - values[:, None]
    return np.where(gap != 0, 1.0 / _divisor(gap), 0.0)


def _relative_sd(moments: Moments, change: Moments) -> Floats:
    """Compute d sd / sd, (k, m); 0 where there is no variance."""
    variance = moments.sd**2
    diagonal = change.cov.diagonal(axis1=-2, axis2=-1)
    return np.where(variance > 0, diagonal / _divisor(2.0 * variance), 0.0)


def _correlation_slope(moments: Moments, change: Moments) -> Floats:
    """Differentiate the correlations along k changes of the moments, (k, m, m)."""
    r, varies = moments.correlation()
    sd = _divisor(moments.sd)
    relative = _relative_sd(moments, change)
    slope = change.cov / np.outer(sd, sd) - r * (
        relative[:, :, None] + relative[:, None, :]
    )
    return np.where(np.outer(varies, varies), slope, 0.0)


# Of every column, (..., m): weights before they are divided by their sum.
INFORMATION: Mapping[str, Callable[[Moments], Floats]] = {
    "critic": _critic,
    "cv": _variation,
    "std": lambda moments: moments.sd,
    "pca": _loadings,
}
# Derivatives along k changes of the moments of one sample, (k, m).
SLOPES: Mapping[str, Callable[[Moments, Moments], Floats]] = {
    "critic": _critic_slope,
    "cv": _variation_slope,
    "std": lambda moments, change: _relative_sd(moments, change) * moments.sd,
    "pca": _loadings_slope,
}
