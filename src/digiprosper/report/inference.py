"""How standard errors, intervals and p-values are computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Any, Self

from digiprosper.kernels.intervals import has_enough_clusters
from digiprosper.report.labels import effect_names
from digiprosper.report.pickling import PickledByName

# Covariances that assume independent rows
BY_ROW = ("unadjusted", "robust", "hc2", "hc3")
# Covariances that correct the residuals of each row or cluster and have no small-sample
# factor.
WITHOUT_FACTOR = ("hc2", "hc3", "crv3", "cr2")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inference(PickledByName):
    """Types of standard errors, intervals and p-values."""

    # Values of the options; ssc may be None
    cov_type: str
    ssc: str | None = None
    # Names and numbers of clusters
    clusters: tuple[str, ...] = ()
    n_clusters: tuple[int, ...] = ()
    # Degrees of freedom of t; infinite for the normal distribution, the smallest one
    # under ``cr2``
    df_t: float = inf
    df_counted: int | None = None  # K in the small-sample factor
    # Lags of Driscoll-Kraay errors, or of Conley errors within an entity
    bandwidth: int | None = None
    # Kilometres up to which Conley errors allow for correlation
    distance_cutoff: float | None = None
    distance_kernel: str | None = None
    # ``"entity"`` or the name of the clusters that were drawn; None without draws
    drawn: str | None = None
    n_drawn: int | None = None  # number of entities or clusters that were drawn from
    # Draws, and those that could not be estimated
    reps: int = 0
    lost: int = 0
    rng_entropy: int | None = None

    @classmethod
    def of_glance(cls, glance: Mapping[str, Any]) -> Self:
        """Read what `glance` of results has of the errors."""
        least, df_t = glance.get("n_clusters"), glance.get("df_t")
        return cls(
            cov_type=glance.get("cov_type") or "",
            ssc=glance.get("ssc"),
            clusters=effect_names(glance.get("clusters")),
            n_clusters=() if least is None else (least,),
            df_t=inf if df_t is None else df_t,
            rng_entropy=glance.get("rng_entropy"),
        )

    @property
    def numbers(self) -> dict[str, Any]:
        """Return what `glance` of results has of the errors."""
        return {
            "n_clusters": min(self.n_clusters, default=None),
            "df_t": self.df_t,
            "cov_type": self.cov_type or None,
            "clusters": "+".join(self.clusters) or None,
            "ssc": self.ssc,
        }

    @property
    def from_draws(self) -> bool:
        """Return whether intervals and p-values are based on draws."""
        return self.drawn is not None

    @property
    def few_drawn(self) -> int | None:
        """Return the number of drawn clusters if it is too small for inference."""
        few = (
            self.from_draws
            and self.n_drawn is not None
            and not has_enough_clusters(self.n_drawn)
        )
        return self.n_drawn if few else None
