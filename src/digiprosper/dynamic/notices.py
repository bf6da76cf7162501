"""Notices about dynamic panels: one maker a code.

==================== ==================================================================
code                 data
==================== ==================================================================
many_instruments     n_instruments, clusters (name), n_clusters
few_entities_gmm     n_entities; not a warning
outside_bounds       estimate, within, ols
second_order         z, p_value
uninformative_hansen p_value, n_instruments
bias_not_solved      nearest, share (of draws without a solution)
==================== ==================================================================
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from digiprosper.errors import Notice, counted

if TYPE_CHECKING:
    from collections.abc import Mapping

# With fewer entities the corrected within estimator is recommended beside GMM; see
# docs/explanations/dynamic_panels.md.
FEW_ENTITIES: Final = 100
# Above this p-value a test of overidentification says that it has no power.
SURE: Final = 0.99
CORRECTED: Final = "DynamicPanel(..., estimator='lsdvc')"


def many_instruments(count: int, clusters: str, groups: int) -> list[Notice]:
    """Report more instruments than clusters."""
    if count <= groups:
        return []
    text = (
        f"{count} instruments and {counted(groups, 'cluster')} ({clusters}): with more "
        "instruments than clusters the estimates are drawn towards least squares, and "
        "Hansen's test cannot be computed (Roodman 2009). Use collapse=True, or "
        "fewer lags: instrument_lags=(2, 3)."
    )
    data = {"n_instruments": count, "clusters": clusters, "n_clusters": groups}
    return [Notice("many_instruments", text, data)]


def few_entities(entities: int) -> list[Notice]:
    """Report that GMM has few entities, and what to compare it with."""
    if entities >= FEW_ENTITIES:
        return []
    text = (
        f"{entities} entities: GMM is justified by many. With so few the bias-corrected "
        f"within estimator, {CORRECTED}, had less bias and better intervals in "
        "simulated panels; report it beside."
    )
    return [Notice("few_entities_gmm", text, {"n_entities": entities})]


def outside_bounds(estimate: float, bounds: Mapping[str, float]) -> list[Notice]:
    """Report persistence outside Bond's bounds."""
    within, ols = bounds["within"], bounds["ols"]
    if min(within, ols) <= estimate <= max(within, ols):
        return []
    text = (
        f"persistence {estimate:.3f} is not between the within estimate, {within:.3f}, "
        f"which is biased downwards, and that of pooled least squares, {ols:.3f}, "
        "which is biased upwards (Bond 2002). Weak instruments are a frequent reason. "
        f"Compare estimator='system' and {CORRECTED}."
    )
    data = {"estimate": float(estimate), "within": within, "ols": ols}
    return [Notice("outside_bounds", text, data)]


def second_order(autocorrelations: Mapping[int, tuple[float, float]]) -> list[Notice]:
    """Report autocorrelation of order 2, which makes lag 2 an invalid instrument."""
    z, p_value = autocorrelations.get(2, (math.nan, math.nan))
    if not p_value <= 0.05:
        return []
    text = (
        f"the differenced residuals are autocorrelated of order 2 (z = {z:.2f}, p = "
        f"{p_value:.3f}): instruments of lag 2 are then not valid. Add a lag of the "
        "outcome (lags=2), or begin with instrument_lags=(3, None)."
    )
    return [Notice("second_order", text, {"z": z, "p_value": p_value})]


def uninformative_hansen(p_value: float, count: int) -> list[Notice]:
    """Report a p-value of Hansen's test near one."""
    if not p_value > SURE:
        return []
    text = (
        f"Hansen's test has p = {p_value:.3f} with {count} instruments: this does not "
        "show that they are valid, since many instruments deprive the test of power "
        "(Roodman 2009)."
    )
    data = {"p_value": p_value, "n_instruments": count}
    return [Notice("uninformative_hansen", text, data)]


def bias_not_solved(nearest: float, share: float, *, solved: bool) -> list[Notice]:
    """Report that no coefficient explains the within estimate by its bias."""
    if solved:
        return []
    text = (
        "no coefficient of the lag has a bias that would give the within estimate; "
        f"{nearest:.3f}, which comes nearest, is reported. This happens if the outcome "
        "is nearly a random walk, and there the interval covers less often than it "
        f"says. It happened in {share:.0%} of the draws too."
    )
    return [Notice("bias_not_solved", text, {"nearest": nearest, "share": share})]
