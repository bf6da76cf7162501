"""Notices about dynamic panels.

Warnings are many_instruments, first_lag, second_order, hansen_rejected and
bias_not_solved.

==================== ==================================================================
code                 data
==================== ==================================================================
many_instruments     n_instruments, clusters (name), n_clusters
few_entities_gmm     n_entities
first_lag            terms
outside_bounds       estimate, within, ols
second_order         z, p_value
hansen_rejected      p_value, n_instruments
uninformative_hansen p_value, n_instruments
near_one             persistence; of corrected estimates
bias_not_solved      nearest, share (of draws without a solution)
==================== ==================================================================
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from digiprosper.errors import Notice, counted, quoted
from digiprosper.report.text import p_words

# With fewer entities the corrected within estimator is recommended in addition to GMM;
# see docs/explanations/dynamic_panels.md.
_FEW_ENTITIES = 100
# Above this estimate persistence may be so near one that intervals are too short.
_NEAR_ONE = 0.85
# A p-value above this is a sign that a test of overidentification has no power.
_UNINFORMATIVE_P = 0.99
_CORRECTED = "DynamicPanel(..., estimator='lsdvc')"


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
    """Report that GMM has few entities, and recommend a comparison."""
    if entities >= _FEW_ENTITIES:
        return []
    text = (
        f"{entities} entities: GMM is justified by many. In simulated panels of 31 the "
        f"bias-corrected within estimator was more precise: {_CORRECTED}. It is "
        "recommended here if the regressors are exogenous; report both."
    )
    return [Notice("few_entities_gmm", text, {"n_entities": entities})]


def outside_bounds(
    estimate: float, bounds: Mapping[str, float], estimator: str
) -> list[Notice]:
    """Report persistence outside Bond's bounds, and recommend a comparison."""
    within, ols = bounds["within"], bounds["ols"]
    if min(within, ols) <= estimate <= max(within, ols):
        return []
    text = (
        f"persistence {estimate:.3f} is not between the within estimate, {within:.3f}, "
        f"which is biased downwards, and that of pooled least squares, {ols:.3f}, "
        "which is biased upwards (Bond 2002). "
    )
    if estimator in ("difference", "system"):
        other = "difference" if estimator == "system" else "system"
        text += (
            "Weak instruments are a frequent reason. "
            f"Compare estimator={other!r} and {_CORRECTED}."
        )
    else:
        text += "Compare DynamicPanel(..., estimator='system')."
    data = {"estimate": float(estimate), "within": within, "ols": ols}
    return [Notice("outside_bounds", text, data)]


def first_lag(names: Sequence[str]) -> list[Notice]:
    """Report lag 1 of outcome or endogenous regressors among the instruments."""
    if not names:
        return []
    text = (
        f"lag 1 of {quoted(names)} is an instrument of the transformed equation, but "
        "contains one of its errors: the estimates are not consistent. "
        "Begin with lag 2 (instrument_lags=(2, 5)). A regressor that does not depend "
        "on the error of its period belongs in predetermined=."
    )
    return [Notice("first_lag", text, {"terms": tuple(names)})]


def second_order(z: float, p_value: float, first: int) -> list[Notice]:
    """Report autocorrelation of order 2, if lag 2 is the `first` instrument."""
    if first > 2 or not p_value <= 0.05:
        return []
    text = (
        "the differenced residuals are autocorrelated of order 2 "
        f"(z = {z:.2f}, {p_words(p_value)}): instruments of lag 2 are then not valid. "
        "Add a lag of the outcome (lags=2), or begin with instrument_lags=(3, 6)."
    )
    return [Notice("second_order", text, {"z": z, "p_value": p_value})]


def overidentification(p_value: float, count: int) -> list[Notice]:
    """Report that Hansen's test rejects, or has a p-value near one."""
    data = {"p_value": p_value, "n_instruments": count}
    if p_value <= 0.05:
        text = (
            f"Hansen's test rejects that the {count} instruments are valid "
            f"({p_words(p_value)}). If they are not, the estimates are not consistent. "
            "Add lags of the outcome or a regressor that is left out, or begin with a "
            "later lag (instrument_lags). difference_in_hansen of the result tests the "
            "instruments of each variable, and those of the level equation."
        )
        return [Notice("hansen_rejected", text, data)]
    if p_value > _UNINFORMATIVE_P:
        text = (
            f"Hansen's test has p = {p_value:.3f} with {count} instruments: this does "
            "not show that they are valid, since many instruments deprive the test of "
            "power (Roodman 2009)."
        )
        return [Notice("uninformative_hansen", text, data)]
    return []


def near_one(persistence: float, estimator: str) -> list[Notice]:
    """Report persistence near one, where intervals of corrected estimates are short."""
    if not persistence > _NEAR_ONE:
        return []
    text = (
        f"persistence is {persistence:.3f}; near one, intervals are too short: in "
        "simulated panels of 31 entities and ten periods, those of 95% covered a "
        "persistence of .95 in 90% of the panels"
    )
    text += ", and with 280 entities in 75%." if estimator == "half_panel" else "."
    return [Notice("near_one", text, {"persistence": persistence})]


def bias_not_solved(nearest: float, share: float, *, solved: bool) -> list[Notice]:
    """Report that no coefficient explains the within estimate by its bias."""
    if solved:
        return []
    text = (
        "the bias-corrected estimate could not be computed: for no coefficient of the "
        "lag is the expected within estimate the one of this panel. The coefficient "
        f"that comes nearest, {nearest:.3f}, is reported. This happens if the outcome "
        "is nearly a random walk or has many gaps; compare estimator='half_panel'. "
        f"It happened in {share:.0%} of the draws too."
    )
    return [Notice("bias_not_solved", text, {"nearest": nearest, "share": share})]
