"""From a panel to Poisson estimates: rows, the likelihood, covariance, results."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from digiprosper.counts.notices import few_for_counts, interaction_ratios
from digiprosper.counts.refits import CountFit
from digiprosper.counts.results import PoissonResults
from digiprosper.errors import (
    OptionError,
    cited,
    option_problem,
)
from digiprosper.kernels.sandwich import root_and_middle
from digiprosper.linear.diagnostics import (
    few_treated,
    lagged_outcome,
    not_semidefinite,
)
from digiprosper.linear.estimation import (
    Demeaned,
    columns_at,
    demean_columns,
    estimation_sample,
)
from digiprosper.linear.notices import no_variance, separated_notice
from digiprosper.linear.poisson import (
    LAGGED,
    check_counts,
    effect_values_of,
    find_separated,
    fit_poisson,
)
from digiprosper.linear.preparation import Prepared, prepare
from digiprosper.linear.variance_checks import cluster_notices, without_information
from digiprosper.panel.keys import rows_text
from digiprosper.report.estimates import Estimates
from digiprosper.report.inference import WITHOUT_FACTOR, Inference

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from digiprosper.kernels import Floats
    from digiprosper.kernels.equation import Solved
    from digiprosper.kernels.reweighted import Reweighted
    from digiprosper.linear.poisson import Separated
    from digiprosper.panel import Panel, Sample
    from digiprosper.panel.codes import Absorbed


@dataclass(frozen=True, slots=True, eq=False)
class CountSample:
    """One sample of counts, shared by models with different regressors."""

    spec: Any
    prepared: Prepared
    demeaned: Demeaned  # outcome, then every column of the regressors
    columns: tuple[int, ...]  # positions in the sample of the columns of `demeaned`
    offset: Floats | None  # (N,) of the index; the log of the exposure
    separated: Separated

    def regressors(self, role: str) -> list[int]:
        """Return the positions in `demeaned` of the columns of a role."""
        return [self.columns.index(c) for c in self.prepared.sample.roles[role]]

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
    roles: dict[str, Sequence[str]] = {"y": (spec.y,), **regressors}
    for name in ("exposure", "offset"):
        if getattr(spec, name) is not None:
            roles[name] = (getattr(spec, name),)
    dropped: list[Separated] = []

    def select(sample: Sample, absorbed: tuple[Absorbed, ...]) -> Sample:
        check_counts(spec.y, sample)
        if spec.exposure is not None:
            _check_exposure(spec.exposure, sample)
        x = sample.matrix[:, list(_columns(sample, regressors))]
        mask, separated = find_separated(sample, x, absorbed, spec.separation)
        dropped.append(separated)
        return sample.keep(~mask, "separated rows")

    prepared = prepare(
        panel,
        roles,
        replace(spec.options, ssc="reghdfe"),
        singletons=spec.singletons,
        missing=spec.missing,
        select=select,
    )
    sample = prepared.sample
    positions = (*sample.roles["y"], *_columns(sample, regressors))
    names = (spec.y, *(sample.names[at] for at in positions[1:]))
    demeaned = demean_columns(prepared, names, columns_at(sample.matrix, positions))
    return CountSample(
        spec, prepared, demeaned, positions, _offset(spec, sample), dropped[0]
    )


def _columns(sample: Sample, roles: Mapping[str, Sequence[str]]) -> tuple[int, ...]:
    """List the columns of all regressors once."""
    return tuple(dict.fromkeys(chain.from_iterable(sample.roles[r] for r in roles)))


def _check_exposure(name: str, sample: Sample) -> None:
    exposure = sample.columns("exposure")
    if exposure.shape[1] == 1 and (exposure > 0).all():
        return
    rows = tuple(sample.index[np.flatnonzero((exposure <= 0).any(axis=1))[:5]])
    text = f"exposure={cited(name)} must be one column and positive in every row"
    where = f"; it is not in {rows_text(rows)}" if rows else ""
    raise OptionError(
        f"{text}{where}. Remove these rows with panel.subset().",
        [option_problem("exposure", name, what=text)],
    )


def _offset(spec: Any, sample: Sample) -> Floats | None:
    if spec.exposure is not None:
        return np.asarray(np.log(sample.columns("exposure")[:, 0]))
    return None if spec.offset is None else sample.columns("offset")[:, 0]


# --- estimates ------------------------------------------------------------------------


def fit_counts(
    counts: CountSample,
    regressors: Sequence[int],
    lags_in: Sequence[str] | None = ("x",),
) -> CountFit:
    """Estimate a model by positions of regressors, as `CountSample.fit`."""
    spec, prepared, demeaned = counts.spec, counts.prepared, counts.demeaned
    columns, notices, likelihood, solved = fit_poisson(
        prepared, demeaned, regressors, counts.separated, spec.ssc, counts.offset
    )
    names = [demeaned.names[j] for j in columns]
    results, full = _results(spec, counts, columns, likelihood, solved)
    groups = zip(prepared.count.groups, prepared.cluster_names, strict=True)
    few = chain.from_iterable(few_for_counts(*g, spec.cov_type) for g in groups)
    diagnostics = (
        *(notice for notice in prepared.notices if notice not in prepared.few),
        *few,
        *separated_notice(counts.separated.by_reason, counts.separated.first),
        *notices,
        *results.diagnostics,
        *lagged_outcome(prepared, LAGGED, roles=lags_in),
        *interaction_ratios(
            [name for name in names if len(prepared.sample.factors_of(name)) > 1]
        ),
    )
    results = replace(results, diagnostics=diagnostics)
    if not spec.keep_rows:
        results = results.without_rows()
    return CountFit(
        results, prepared, demeaned, tuple(columns), counts.offset, likelihood, full
    )


def _results(
    spec: Any,
    counts: CountSample,
    columns: Sequence[int],
    likelihood: Reweighted,
    solved: Solved,
) -> tuple[PoissonResults, Solved]:
    """Make results, with the covariance and what there is to notice of it."""
    prepared, demeaned = counts.prepared, counts.demeaned
    raw = columns_at(demeaned.raw, columns)
    linear = likelihood.index - (0.0 if counts.offset is None else counts.offset)
    names, full = tuple(demeaned.names[j] for j in columns), solved
    terms = names
    if not prepared.absorbed:
        weights = likelihood.weights
        means = weights @ np.column_stack([linear, raw]) / weights.sum()
        terms, full = (
            (*names, "Intercept"),
            solved.with_intercept(means, float(weights.sum())),
        )
    root, middle = root_and_middle(full)
    covariance = root @ middle @ root.T
    empty = without_information(solved, covariance)
    root[empty] = np.nan
    weighted = replace(prepared, obs_weights=likelihood.weights)
    notices = (
        *no_variance([terms[j] for j in empty]),
        *cluster_notices(prepared, terms, full, covariance),
        *not_semidefinite(terms, covariance, middle, ways=len(prepared.cluster_codes)),
        *few_treated(weighted, names, solved.score_columns, solved.root),
    )
    results = _named(counts, columns, likelihood, linear)
    estimated = Estimates(
        names=terms,
        coefficients=full.coefficients,
        root=root,
        middle=middle,
        inference=_inference(spec, prepared, full),
    )
    return PoissonResults(**results, estimated=estimated, diagnostics=notices), full


def _named(
    counts: CountSample, columns: Sequence[int], likelihood: Reweighted, linear: Floats
) -> dict[str, Any]:
    """Describe rows, effects and likelihood, as fields of the results.

    `linear` (N,) is the index without the offset.
    """
    spec, prepared, demeaned = counts.spec, counts.prepared, counts.demeaned
    sample = prepared.sample
    y, q = demeaned.raw[:, 0], prepared.obs_weights
    loglik, null = _log_likelihoods(y, likelihood.index, q, counts.offset)
    raw = columns_at(demeaned.raw, columns)
    effects = effect_values_of(prepared, linear - raw @ likelihood.coefficients)
    rows = estimation_sample(sample, spec.obs_weights, demeaned, (0, *columns))
    further = {
        term: sample.factors_of(term) for term in (spec.exposure, spec.offset) if term
    }
    dropped = (d for d in sample.dropped if d.reason.startswith("singletons"))
    return {
        "depvar": spec.y,
        "sample": replace(rows, factors={**rows.factors, **further}),
        "fitted": likelihood.mean,
        "residuals": y - likelihood.mean,
        "deviance": likelihood.deviance,
        "log_likelihood": loglik,
        "null_log_likelihood": null,
        "mean_outcome": float(np.average(y, weights=q)),
        "df_absorbed": prepared.within.rank,
        "effect_names": prepared.effect_names,
        "effect_values": effects,
        "effect_terms": tuple((t.effect, t.slope) for t in prepared.absorbed),
        "separated_index": counts.separated.index,
        "separated_reasons": counts.separated.reasons,
        "n_singletons": sum(d.count for d in dropped),
        "exposure": spec.exposure,
        "offset": spec.offset,
        "labels": dict(sample.labels),
    }


def _log_likelihoods(
    y: Floats, index: Floats, obs_weights: Floats | None, offset: Floats | None
) -> tuple[float, float]:
    """Compute the log likelihood, and that of a constant and the offset."""
    from scipy.special import gammaln

    q = np.ones(y.size) if obs_weights is None else obs_weights
    fixed = np.zeros(y.size) if offset is None else offset
    constant = fixed + np.log(q @ y) - np.log(q @ np.exp(fixed))
    logs = gammaln(y + 1)
    loglik, null = (
        float(q @ (y * values - np.exp(values) - logs)) for values in (index, constant)
    )
    return loglik, null


def _inference(spec: Any, prepared: Prepared, solved: Solved) -> Inference:
    return Inference(
        cov_type=spec.cov_type,
        ssc=None if spec.cov_type in WITHOUT_FACTOR else spec.ssc,
        clusters=prepared.cluster_names,
        n_clusters=solved.count.groups,
        df_t=solved.vcov.df_t,
        df_counted=solved.vcov.counted,
    )
