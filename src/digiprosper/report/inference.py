"""Where standard errors, intervals and p-values come from, as values."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Final

from digiprosper.kernels.intervals import enough_clusters
from digiprosper.report.pickling import PickledByName

# Covariances that correct the residuals of each row or cluster and have no small-sample factor.
WITHOUT_FACTOR: Final = ("hc2", "hc3", "crv3", "cr2")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inference(PickledByName):
    """Where standard errors, intervals and p-values come from.

    Parameters
    ----------
    cov_type : str
        Option word of the covariance, such as ``"clustered"``.
    ssc : str or None
        Option word of the small-sample correction; None if there is none to name.
    clusters : tuple of str
        Names of the clusters.
    n_clusters : tuple of int
        Their numbers, in the order of `clusters`.
    df_t : float
        Degrees of freedom of t; infinite for the normal distribution. Under ``cr2``, where each coefficient
        has its own, the smallest.
    df_counted : int or None
        K in the small-sample factor.
    bandwidth : int or None
        Lags of Driscoll-Kraay errors, or of Conley errors within an entity.
    distance_cutoff : float or None
        Kilometres up to which Conley errors allow for correlation.
    distance_kernel : str or None
        Option word of their kernel.
    drawn : str or None
        What was drawn with replacement: ``"entity"`` or the name of the clusters. None if intervals and
        p-values come from no draws.
    n_drawn : int or None
        How many of these there are.
    reps, lost : int
        Draws, and how many of them could not be estimated.
    rng_entropy : int or None
        Number that reproduces the draws.
    """

    cov_type: str
    ssc: str | None = None
    clusters: tuple[str, ...] = ()
    n_clusters: tuple[int, ...] = ()
    df_t: float = inf
    df_counted: int | None = None
    bandwidth: int | None = None
    distance_cutoff: float | None = None
    distance_kernel: str | None = None
    drawn: str | None = None
    n_drawn: int | None = None
    reps: int = 0
    lost: int = 0
    rng_entropy: int | None = None

    @property
    def from_draws(self) -> bool:
        """Whether intervals and p-values are read from draws."""
        return self.drawn is not None

    @property
    def few_drawn(self) -> int | None:
        """How many clusters were drawn from, where they are too few for intervals and p-values."""
        few = self.from_draws and self.n_drawn is not None and not enough_clusters(self.n_drawn)
        return self.n_drawn if few else None
