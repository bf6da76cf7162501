"""From a panel to Poisson estimates: rows, the likelihood, covariance, results."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from digiprosper.counts.notices import interaction_ratios
from digiprosper.counts.refits import CountFit
from digiprosper.counts.results import PoissonResults
from digiprosper.kernels.reweighted import root_and_middle
from digiprosper.linear.diagnostics import (
    few_treated,
    lagged_outcome,
    shared_between_clusters,
    staggered,
)
from digiprosper.linear.estimation import CommonColumns, demean_roles
from digiprosper.linear.notices import separated_notice
from digiprosper.linear.poisson import (
    LAGGED,
    count_estimates,
    count_fields,
    cut_counts,
    few_clusters,
    fit_poisson,
    offset_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from digiprosper.kernels import Floats
    from digiprosper.linear.poisson import Separated
    from digiprosper.panel import Panel

_WILD = (
    "; confirm a borderline result with dp.wild_bootstrap(spec, panel, term), which "
    "needs cov_type='clustered'"
)


@dataclass(frozen=True, slots=True, eq=False)
class CountSample(CommonColumns):
    """One sample of counts, shared by models with different regressors."""

    spec: Any
    offset: Floats  # (N,) of the index; the log of the exposure
    separated: Separated

    def fit(
        self, regressors: Sequence[int], lags_in: Sequence[str] | None = ()
    ) -> PoissonResults:
        """Fit a model by positions in `demeaned`; issue no notice.

        Lags of the outcome in the roles `lags_in`, with None in all, are reported.
        """
        return fit_counts(self, regressors, lags_in).results


def prepare_counts(
    spec: Any, panel: Panel, regressors: Mapping[str, Sequence[str]]
) -> CountSample:
    """Cut the rows complete in all regressors, by role, without separated ones."""
    prepared, separated, *_ = cut_counts(
        spec,
        panel,
        regressors,
        lambda sample, _: np.hstack([sample.columns(role) for role in regressors]),
        spec.separation,
    )
    columns = demean_roles(spec.y, prepared, regressors)
    offset = offset_of(spec, prepared.sample)
    return CountSample(prepared, *columns, spec, offset, separated)


def fit_counts(
    counts: CountSample,
    regressors: Sequence[int],
    lags_in: Sequence[str] | None = ("x",),
) -> CountFit:
    """Estimate a model by positions of regressors, as `CountSample.fit`."""
    spec, prepared, demeaned = counts.spec, counts.prepared, counts.demeaned
    separated, offset, sample = counts.separated, counts.offset, prepared.sample
    columns, notices, likelihood, solved = fit_poisson(
        prepared, demeaned, regressors, separated, spec.ssc, offset
    )
    terms = names = tuple(demeaned.names[j] for j in columns)
    full, weights = solved, likelihood.weights
    if not prepared.absorbed:
        terms, rows = (*names, "Intercept"), float(weights.sum())
        raw = np.column_stack([likelihood.index - offset, demeaned.raw[:, columns]])
        full = solved.with_intercept(weights @ raw / rows, rows)
    estimated, of_covariance = count_estimates(
        prepared,
        spec.ssc,
        terms,
        full.coefficients,
        solved,
        full,
        root_and_middle(full),
    )
    weighted = replace(prepared, obs_weights=weights)
    diagnostics = (
        *(notice for notice in prepared.notices if notice not in prepared.few),
        *few_clusters(prepared, _WILD),
        *separated_notice(separated.by_reason, separated.first),
        *notices,
        *of_covariance,
        *few_treated(weighted, names, solved.score_columns, solved.root),
        *lagged_outcome(prepared, LAGGED, roles=lags_in),
        *staggered(prepared, demeaned.names, demeaned.raw, columns, "poisson"),
        *shared_between_clusters(prepared, demeaned, columns),
        *interaction_ratios(
            [name for name in names if len(sample.factors_of(name)) > 1]
        ),
    )
    y, q = demeaned.raw[:, 0], prepared.row_weights
    singletons = (d for d in sample.dropped if d.reason.startswith("singletons"))
    loglik, null = _log_likelihoods(y, likelihood.index, q, offset)
    results = PoissonResults(
        **count_fields(spec, prepared, demeaned, columns, likelihood, separated),
        estimated=estimated,
        log_likelihood=loglik,
        null_log_likelihood=null,
        mean_outcome=float(np.average(y, weights=q)),
        effect_terms=tuple((t.effect, t.slope) for t in prepared.absorbed),
        n_singletons=sum(d.count for d in singletons),
        diagnostics=diagnostics,
    )
    if not spec.keep_rows:
        results = results.without_rows()
    return CountFit(
        results, prepared, demeaned, tuple(columns), offset, likelihood, full
    )


def _log_likelihoods(
    y: Floats, index: Floats, q: Floats, offset: Floats
) -> list[float]:
    """Compute the log likelihood, and that of a constant and the offset.

    `q` (N,) are weights of the rows.
    """
    from scipy.special import gammaln

    constant = offset + np.log(q @ y) - np.log(q @ np.exp(offset))
    both = np.stack([index, constant])
    sums: list[float] = ((y * both - np.exp(both) - gammaln(y + 1)) @ q).tolist()
    return sums
