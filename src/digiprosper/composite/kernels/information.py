"""The information of each column, from means and covariances: CRITIC, variation, deviation, components.

Everything is written for a stack of samples, so that a fit (a stack of one) and its bootstrap draws share it.
A column without variance has no information and is treated as absent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from digiprosper.kernels.tolerances import SAME_CORRELATION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from digiprosper.kernels import Bools, Floats


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Means (..., m) and population covariances (..., m, m) of directed columns; 0 for a constant column."""

    mean: Floats
    cov: Floats

    @property
    def sd(self) -> Floats:
        """Standard deviations, shape (..., m)."""
        sd: Floats = np.sqrt(self.cov.diagonal(axis1=-2, axis2=-1))
        return sd

    def correlation(self) -> tuple[Floats, Bools]:
        """Compute correlations (..., m, m), 0 where a column is constant, and which columns vary (..., m)."""
        sd = self.sd
        varies = sd > 0
        inverse = np.where(varies, 1.0 / np.where(varies, sd, 1.0), 0.0)
        return self.cov * inverse[..., :, None] * inverse[..., None, :], varies

    def of(self, columns: object) -> Moments:
        """Take some columns."""
        return Moments(self.mean[..., columns], self.cov[..., columns, :][..., columns])  # type: ignore[index]


class Information(Protocol):
    """The information of each column, and its derivative by the moments."""

    def level(self, moments: Moments) -> Floats:
        """Information of every column, (..., m): weights before they are divided by their sum."""

    def slope(self, moments: Moments, change: Moments) -> Floats:
        """Differentiate the level along k changes of the moments of one sample, (k, m)."""


class _StandardDeviation:
    """Weights in proportion to the standard deviation."""

    def level(self, moments: Moments) -> Floats:
        return moments.sd

    def slope(self, moments: Moments, change: Moments) -> Floats:
        return _relative_sd(moments, change) * moments.sd


class _Variation:
    """Weights in proportion to the standard deviation over the mean."""

    def level(self, moments: Moments) -> Floats:
        mean = moments.mean
        return moments.sd / np.where(mean != 0, mean, 1.0)

    def slope(self, moments: Moments, change: Moments) -> Floats:
        mean = np.where(moments.mean != 0, moments.mean, 1.0)
        return (_relative_sd(moments, change) - change.mean / mean) * self.level(moments)


class _Critic:
    """sd_j sum_k (1 - r_jk): Diakoulaki, Mavrotas and Papayannakis (1995)."""

    def level(self, moments: Moments) -> Floats:
        varies = moments.sd > 0
        # One column has nothing to be compared with, and all the weight.
        alone = varies & (varies.sum(axis=-1, keepdims=True) == 1)
        return np.where(alone, 1.0, moments.sd * self._conflict(moments))

    def _conflict(self, moments: Moments) -> Floats:
        r, varies = moments.correlation()
        gap = np.where(varies[..., :, None] & varies[..., None, :], 1.0 - r, 0.0)
        diagonal = np.arange(gap.shape[-1])
        gap[..., diagonal, diagonal] = 0.0
        conflict: Floats = np.where(gap > SAME_CORRELATION, gap, 0.0).sum(axis=-1)
        return conflict

    def slope(self, moments: Moments, change: Moments) -> Floats:
        dr = _correlation_slope(moments, change)
        from_sd = _relative_sd(moments, change) * self.level(moments)
        slope: Floats = from_sd - moments.sd * dr.sum(axis=-1)
        return slope


class _Components:
    """PCA: sum_k lambda_k v_k over the components of the correlations with lambda > 1, or the first."""

    def level(self, moments: Moments) -> Floats:
        values, vectors, retained = self._components(moments)
        loadings = np.einsum("...k,...jk->...j", np.where(retained, values, 0.0), vectors)
        return np.where(moments.sd > 0, loadings, 0.0)

    def margins(self, moments: Moments, change: Moments) -> list[tuple[str, Floats, Floats]]:
        """Compute how far PCA weights are from where they jump or turn: names, margins (q,), slopes (k, q).

        "count": eigenvalues but the largest, less 1, where a component enters or leaves.
        "order": retained eigenvalues less each other one, where components turn.
        "sign": sums of the retained eigenvectors, where one changes its sign.
        The slopes are along k changes of the moments of one sample.
        """
        values, vectors, retained = self._components(moments)
        rotated = vectors.T @ _correlation_slope(moments, change) @ vectors
        moved = rotated.diagonal(axis1=1, axis2=2)
        first, second = np.nonzero(retained[:, None] & ~np.eye(values.size, dtype=bool))
        sums = vectors.sum(axis=0)
        turned = np.einsum("klm,l,lm->km", rotated, sums, _pull(values))
        return [
            ("count", values[:-1] - 1.0, moved[:, :-1]),
            ("order", values[first] - values[second], moved[:, first] - moved[:, second]),
            ("sign", sums[retained], turned[:, retained]),
        ]

    def _components(self, moments: Moments) -> tuple[Floats, Floats, Bools]:
        r, _ = moments.correlation()
        values, vectors = np.linalg.eigh(r)
        vectors = vectors * np.where(vectors.sum(axis=-2, keepdims=True) < 0, -1.0, 1.0)
        retained = values > 1.0 + SAME_CORRELATION
        retained[..., -1] = True
        return values, vectors, retained

    def slope(self, moments: Moments, change: Moments) -> Floats:
        values, vectors, retained = self._components(moments)
        rotated = vectors.T @ _correlation_slope(moments, change) @ vectors
        weight = np.where(retained, values, 0.0)
        # d v_k = sum_l v_l (v_l' dR v_k) / (lambda_k - lambda_l); d lambda_k = v_k' dR v_k.
        turned = np.einsum("jl,klm,lm,m->kj", vectors, rotated, _pull(values), weight)
        grown = np.einsum("kmm,jm,m->kj", rotated, vectors, retained.astype(np.float64))
        return np.where(moments.sd > 0, turned + grown, 0.0)


def _pull(values: Floats) -> Floats:
    """Compute 1 / (lambda_m - lambda_l) for row l and column m; 0 where they are equal."""
    gap = values[None, :] - values[:, None]
    return np.where(gap != 0, 1.0 / np.where(gap != 0, gap, 1.0), 0.0)


def _relative_sd(moments: Moments, change: Moments) -> Floats:
    """Compute d sd / sd, (k, m); 0 where there is no variance."""
    variance = moments.sd**2
    diagonal = change.cov.diagonal(axis1=-2, axis2=-1)
    relative: Floats = np.where(variance > 0, diagonal / np.where(variance > 0, 2.0 * variance, 1.0), 0.0)
    return relative


def _correlation_slope(moments: Moments, change: Moments) -> Floats:
    """Differentiate the correlations along k changes of the moments, (k, m, m)."""
    r, varies = moments.correlation()
    sd = np.where(varies, moments.sd, 1.0)
    relative = _relative_sd(moments, change)
    slope = change.cov / np.outer(sd, sd) - r * (relative[:, :, None] + relative[:, None, :])
    both: Floats = np.where(np.outer(varies, varies), slope, 0.0)
    return both


_COMPONENTS: Final = _Components()
component_margins: Final = _COMPONENTS.margins

INFORMATION: Final[Mapping[str, Information]] = {
    "critic": _Critic(),
    "cv": _Variation(),
    "std": _StandardDeviation(),
    "pca": _COMPONENTS,
}
