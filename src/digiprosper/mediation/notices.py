"""Notices about mediation models.

=================== ====================================================================
code                data
=================== ====================================================================
pooled              nobs
masking             direct, indirect, total_interval
absorbed_level      column
held_level          column
untested_threshold  column, gamma
influential_cluster cluster (label), term, without (its estimate without the cluster)
weak_instrument     stages (first stage to F)
left_out            count, entities
short_series        median_df
ratio_above_one     mediator, ratio
ratio_negative      mediator, ratio
total_near_zero     mediator, ratio
readings_differ     mediator, ratio
tests_differ        mediator, ratio
=================== ====================================================================
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from digiprosper.errors import Notice, notice_of
from digiprosper.kernels.intervals import has_enough_clusters
from digiprosper.report.notices import few_clusters

# The loss of one of G clusters moves an effect by some standard errors whatever the
# data. In the median of 200 simulated panels without an odd cluster (serial correlation
# 0 and .8, G 31 to 200) it is 2.8 to 4.8 over the root of G; beyond 6, and .5, at most
# 4% of them are remarked on.
INFLUENCE = 6.0
LEAST_INFLUENCE = 0.5
# Products lose digits if the mean is this many standard deviations.
MEAN_IN_SDS = 1e4
# Median residual degrees of freedom of an entity's own regression, below which its
# slopes are imprecise.
SHORT_SERIES = 10
# F of a first stage below which an instrument is weak (Staiger & Stock 1997).
WEAK_F = 10.0


def few_for_paths(clusters: int, name: str, remedy: str) -> tuple[Notice, ...]:
    """Report few clusters, if enough for the bootstrap; `remedy` is a sentence."""
    if not has_enough_clusters(clusters):
        return ()
    text = f"delta intervals use t with {clusters - 1} degrees of freedom. {remedy}"
    return few_clusters(clusters, name, text)


def weak_instrument(
    stages: Mapping[str, float], equations: Mapping[str, str]
) -> list[Notice]:
    """Report first stages in which the instrument is weak; `stages` maps them to F."""
    weak = {stage: f for stage, f in stages.items() if f < WEAK_F}
    if not weak:
        return []
    each = "; ".join(f"F = {f:.3g} of {equations[stage]}" for stage, f in weak.items())
    return [notice_of("weak_instrument", stages=weak, _stages=each, _least=WEAK_F)]


def short_series(median_df: float, key: str) -> list[Notice]:
    """Report regressions by entity with few degrees of freedom."""
    if median_df >= SHORT_SERIES:
        return []
    return [notice_of("short_series", median_df=median_df, _entity=key)]


# --- decisions ------------------------------------------------------------------------


def ratio_notices(
    mediator: str, ratio: float, name: str, *, total_differs: bool
) -> Iterator[Notice]:
    """Report a ratio above 1, below 0, or with a total effect near zero."""
    fields = {"mediator": mediator, "ratio": ratio, "_name": name}
    of_total = name == "indirect/total"
    if ratio > 1:
        yield notice_of(
            "ratio_above_one" if of_total else "ratio_above_one.of_direct", **fields
        )
    if ratio < 0:
        yield notice_of("ratio_negative", **fields)
    if of_total and not total_differs:
        yield notice_of("total_near_zero", **fields)
