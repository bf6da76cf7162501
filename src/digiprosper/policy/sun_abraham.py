"""Effects by cohort and time from one regression (Sun & Abraham 2021)."""

from __future__ import annotations

from typing import Any

import numpy as np

from digiprosper.checks import not_identified
from digiprosper.errors import quoted
from digiprosper.kernels import Ints
from digiprosper.linear.estimation import demean_columns, fit_equation
from digiprosper.linear.preparation import Prepared
from digiprosper.policy.kernels.aggregation import treated_products
from digiprosper.policy.notices import earlier_base, no_rows_before
from digiprosper.policy.timing import CohortEffects, Cohorts, collect_effects


def estimate_sun_abraham(
    spec: Any, prepared: Prepared, cohorts: Cohorts
) -> CohortEffects:
    """Regress the outcome on dummies of cohort and period, without the one before."""
    sample, coding = prepared.sample, cohorts.coding
    pairs, code = cohorts.treated_cells(sample.time)
    bases = _base_periods(pairs, cohorts, spec.anticipation)
    estimated = np.flatnonzero(pairs[:, 1] != bases[pairs[:, 0]])
    dummies = (code[:, None] == estimated).astype(np.float64)
    dummy_names = [
        f"cohort:{coding.cohorts[g][0]}, {coding.time}:{coding.times[t]}"
        for g, t in pairs[estimated]
    ]
    names = (spec.y, *dummy_names, *sample.names_of("x"))
    columns = np.column_stack([sample.columns("y"), dummies, sample.columns("x")])
    demeaned = demean_columns(prepared, names, columns)
    fitted, solved = fit_equation(
        prepared, demeaned, 0, range(1, len(names)), auxiliary=dummy_names
    )

    m = estimated.size
    treated, (clusters,) = cohorts.treated, prepared.cluster_codes
    weights = cohorts.weights[treated]
    # The part of the dummies' covariance due to the treated rows of their own cohort.
    weighted = weights * solved.residuals[treated]
    influence = solved.x @ solved.bread[:, :m]
    scores = influence[treated] * weighted[:, None]
    member = cohorts.cohort[treated, None] == pairs[estimated, 0]
    cells = collect_effects(
        cohorts,
        pairs[estimated],
        fitted.coefficients[:m],
        n_treated=np.bincount(code[treated])[estimated],
        mass=np.bincount(code[treated], weights)[estimated].astype(np.float64),
        joint=fitted.covariance[:m, :m],
        treated_part=treated_products(scores, member, clusters[treated]),
    )
    notices = (
        *(notice for notice in fitted.diagnostics if notice not in prepared.notices),
        *no_rows_before(sample, cohorts),
        *earlier_base(cohorts, bases, spec.anticipation, ()),
    )
    return CohortEffects(
        cells,
        fitted.inference,
        lambda: influence * cohorts.weights[:, None],
        cohorts.common_event(bases),
        notices,
    )


def _base_periods(pairs: Ints, cohorts: Cohorts, anticipation: int) -> Ints:
    """Return each cohort's last period before treatment and its anticipation."""
    before = cohorts.steps[pairs[:, 1]] < cohorts.first[pairs[:, 0]] - anticipation
    bases = np.full(cohorts.first.size, -1)
    np.maximum.at(bases, pairs[before, 0], pairs[before, 1])
    if (bases < 0).any():
        coding = cohorts.coding
        names = [coding.cohorts[position][0] for position in np.flatnonzero(bases < 0)]
        after = f" less anticipation={anticipation}" if anticipation else ""
        text = (
            f"{coding.entity} first treated in {quoted(names)} have no row before "
            f"that{after} in the sample: drop them with panel.subset."
        )
        raise not_identified("no_base_period", text, cohorts=tuple(names))
    return bases
