"""The sample of a dynamic model on a grid, its estimation, and notices.

Notices of a fit, of which many_instruments, first_lag, second_order, hansen_rejected,
bias_not_solved and seasons_of_entities warn:

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
seasons_of_entities  outcome, entity (name), statistic (F)
==================== ==================================================================
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, TypeAlias, cast

import numpy as np
import pandas as pd

from digiprosper.checks import collinearity_problem, not_identified, several
from digiprosper.dynamic import kernel
from digiprosper.dynamic.results import CorrectedEstimates, DynamicResults
from digiprosper.errors import (
    CollinearityError,
    IdentificationError,
    Notice,
    TermError,
    cited,
    counted,
    notice_of,
    quoted,
    subject,
)
from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.kernels.chunks import chunks
from digiprosper.kernels.intervals import covariance_of
from digiprosper.kernels.least_squares import dependences, ols
from digiprosper.kernels.resampling import draw_counts, seed_sequence
from digiprosper.kernels.tolerances import ABSORBED
from digiprosper.linear.diagnostics import few_treated
from digiprosper.linear.estimation import single_column
from digiprosper.linear.preparation import LinearOptions, Prepared, prepare
from digiprosper.panel import Panel
from digiprosper.panel.access import check_panel, numeric_values, table_of
from digiprosper.panel.grammar import as_argument
from digiprosper.panel.keys import Keys, usual_step
from digiprosper.panel.sample import Sample
from digiprosper.panel.terms import canonical
from digiprosper.report.estimates import Estimates, n_lost
from digiprosper.report.inference import Inference
from digiprosper.report.notices import few_draws, lost_draws, too_few_clusters_to_draw
from digiprosper.report.protocol import fit_glance
from digiprosper.report.tests import chi2_test
from digiprosper.report.text import p_words

MOST_LAGS = 20
_LEAST_CLUSTERS = 3
# Cells of the grid with its regressors: 2 GB.
_MOST_CELLS = 2**28
# With fewer entities the corrected within estimator is recommended in addition to GMM;
# see docs/explanations/dynamic_panels.md.
_FEW_ENTITIES = 100
# Above this estimate persistence may be so near one that intervals are too short.
_NEAR_ONE = 0.85
# Seasons are reported from this F and below this p-value: 0 to 3% of simulated panels
# without seasons, and all in which they bias persistence by .1.
_LEAST_F = 2.0
_SEASONAL_P = 1e-6
_SEASONS = {"Q": ("quarter", 4), "M": ("month", 12)}
# A p-value above this is a sign that a test of overidentification has no power.
_UNINFORMATIVE_P = 0.99


# --- the sample -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PreparedPanel:
    """Rows of the level equation, and all variables on a grid.

    prepared: the sample of complete rows, with effects and clusters
    columns (N, T, 1 + k + p): outcome, regressors with the lags of the outcome first,
        dummies of periods; zero without a complete row
    names: of the columns but the outcome
    n_regressors: k
    complete (N, T): which rows are complete
    clusters (N,): codes of the clusters of entities
    periods: labels of periods with a complete row, by position
    variables: instruments (N, T) that are not among the columns: variables with lags,
        missing without a value, and further exogenous ones, as far as complete
    """

    prepared: Prepared
    columns: Floats
    names: tuple[str, ...]
    n_regressors: int
    complete: Bools
    clusters: Ints
    periods: Mapping[int, str]
    variables: dict[str, Floats]

    @property
    def cluster(self) -> tuple[str, int]:
        """Name and number of the clusters."""
        return self.prepared.cluster_names[0], int(self.clusters.max()) + 1

    @property
    def dummies(self) -> tuple[str, ...]:
        """Names of the dummies of periods."""
        return self.names[self.n_regressors :]


def _lag_terms(outcome: str, lags: int, column_names: Sequence[str]) -> tuple[str, ...]:
    """Write the lags of the outcome as terms: ``"lag(y)"``, ``"lag(y, 2)"``."""
    lagged = as_argument(outcome, column_names)
    later = (f"lag({lagged}, {periods})" for periods in range(2, lags + 1))
    return (f"lag({lagged})", *later)


def refuse_lags(spec: Any, column_names: Sequence[str] = ()) -> None:
    """Refuse regressors that are lags of the outcome.

    `column_names` distinguish columns with colons or brackets from terms.
    """
    lags = set(map(canonical, _lag_terms(spec.y, MOST_LAGS, column_names)))
    regressors = (*spec.endogenous, *spec.predetermined, *spec.x)
    if repeated := [term for term in regressors if canonical(term) in lags]:
        raise TermError(
            f"{subject(repeated, 'is')} among the lags of the outcome, which "
            "DynamicPanel adds itself; set lags instead."
        )


def prepare_panel(spec: Any, panel: Panel) -> PreparedPanel:
    """Prepare the rows of a `DynamicPanel`, and write all variables on a grid."""
    prepared = _prepare_rows(spec, panel)
    sample = prepared.sample
    # Lags that are instruments are also taken from rows outside the sample.
    keys = table_of(panel).keys if spec.is_gmm else sample.keys
    first, periods = int(_ordinals(keys).min()), int(np.ptp(_ordinals(keys))) + 1
    if sample.n_entities * periods * len(sample.names) > _MOST_CELLS:
        raise not_identified(
            "large_grid",
            f"DynamicPanel writes {sample.n_entities:,} entities and {periods:,} steps "
            "of time on a grid, which is too large. It is for short panels; if keys "
            "have few of these steps, pass the step of time: Panel(..., step=...).",
            n_entities=sample.n_entities,
            periods=periods,
        )

    def on_grid(rows: Keys, values: Floats) -> Floats:
        """Write values of rows (n, p) on the grid (N, T, p), missing elsewhere."""
        out: Floats = np.full((sample.n_entities, periods, *values.shape[1:]), np.nan)
        entity = sample.entities.get_indexer(rows.entities)[rows.entity]
        period = _ordinals(rows)[rows.time] - first
        out[entity[entity >= 0], period[entity >= 0]] = values[entity >= 0]
        return out

    grid = on_grid(sample.keys, sample.matrix)
    # Instruments that are not in the model come last.
    in_model = [sample.roles[role] for role in sample.roles if role != "instruments"]
    names = list(sample.names[1 : 1 + max(chain(*in_model))])
    columns = np.nan_to_num(grid[..., : 1 + len(names)])
    complete = np.isfinite(grid[..., 0])
    if spec.has_constant:
        columns = np.concatenate([columns, complete[..., None]], axis=2)
        names.append("Intercept")
    data = PreparedPanel(
        prepared=prepared,
        columns=columns,
        names=tuple(names),
        n_regressors=len(names),
        complete=complete,
        clusters=_entity_clusters(spec, prepared),
        periods=dict(
            zip(_ordinals(sample.keys) - first, map(str, sample.times), strict=True)
        ),
        variables={
            **{sample.names[j]: grid[..., j] for j in sample.roles["instruments"]},
            **{
                name: on_grid(keys, numeric_values(panel, name, "instrument_lags"))
                for name in spec.lags_of_instruments()
            },
        },
    )
    sample_name = "the transformed equation" if spec.is_gmm else "the sample"
    return restrict_periods(spec, data, np.ones(periods, dtype=bool), sample_name)


def restrict_periods(
    spec: Any, data: PreparedPanel, periods: Bools, sample_name: str
) -> PreparedPanel:
    """Keep the rows of some periods (T,), with dummies of these periods."""
    k, complete = data.n_regressors, data.complete & periods
    data = replace(data, complete=complete)
    if spec.time_effects:
        used = np.flatnonzero(complete.any(axis=0))[1:]
        dummies = np.eye(len(periods))[:, used] * complete[..., None]
        names = [f"period {data.periods[position]}" for position in used.tolist()]
        data = replace(
            data,
            columns=np.concatenate([data.columns[..., : 1 + k], dummies], axis=2),
            names=(*data.names[:k], *names),
        )
    return _check_columns(spec, data, sample_name)


def _check_columns(spec: Any, data: PreparedPanel, sample_name: str) -> PreparedPanel:
    """Refuse collinear regressors and too few rows; drop redundant dummies."""
    # Orthogonal deviations have the cross products of deviations from means.
    transform: kernel.Transform = spec.transform if spec.is_gmm else "orthogonal"
    values, present = kernel.transformed(data.columns, data.complete, transform)
    values, levels = values[present], data.columns[data.complete]
    if not (rows := len(values)):
        raise IdentificationError(
            "no entity has two consecutive rows with the outcome, its lags and all "
            "regressors, so there is nothing to difference. A model with one lag needs "
            "three periods in a row."
        )
    if spec.estimator == "system":
        values = np.vstack([values, levels])
    names, k = [*data.prepared.sample.names_of("y"), *data.names], data.n_regressors
    # Dummies and constant come first, so that a regressor is refused, and the outcome
    # last: if it is a combination of them, the fit is perfect.
    slopes = k - spec.has_constant
    order = [*range(1 + slopes, len(names)), *range(1, 1 + slopes), 0]
    dependent = _dependent_columns(values, levels, order)
    dropped = [j for j in dependent if j > k]
    data = replace(
        data,
        columns=np.delete(data.columns, dropped, axis=2),
        names=tuple(np.delete(names, dropped)[1:].tolist()),
    )
    if rows <= len(data.names):
        raise not_identified(
            "few_rows",
            f"{sample_name} has {rows} independent rows for {len(data.names)} "
            "coefficients, dummies of periods among them: use fewer regressors, fewer "
            "lags or time_effects=False.",
        )
    others = {names[j]: [names[i] for i in dependent[j]] for j in dependent if j <= k}
    _refuse_dependent(names[0], others, sample_name)
    return data


def _dependent_columns(
    values: Floats, levels: Floats, order: Sequence[int]
) -> dict[int, list[int]]:
    """Find columns that are combinations of those before them in an order.

    Columns that are constant before the transformation are combinations of none.
    """
    change, size = (np.linalg.norm(v, axis=0) for v in (values, levels))
    constant = np.flatnonzero(change <= ABSORBED * size).tolist()
    varying = [j for j in order if j not in constant]
    dependent = dependences(values[:, varying]) if varying else {}
    combinations = {
        varying[column]: [varying[j] for j in earlier]
        for column, earlier in dependent.items()
    }
    return {j: [] for j in constant} | combinations


def _refuse_dependent(
    outcome: str, dependent: dict[str, list[str]], sample_name: str
) -> None:
    """Refuse constant columns, and combinations of others."""
    constant = [name for name, on in dependent.items() if not on]
    if outcome in constant:
        # So are its lags.
        constant = [outcome]
    if constant:
        raise IdentificationError(
            f"{subject(constant, 'does')} not change within entities in {sample_name}. "
            "Remove such regressors; an outcome must change.",
            [Notice("absorbed", c, {"column": c}) for c in constant],
        )
    problems = [
        collinearity_problem(name, on, f"{cited(name)} is collinear with {quoted(on)}")
        for name, on in dependent.items()
        if name != outcome
    ]
    if problems:
        raise CollinearityError(
            f"{several(problems)} in {sample_name}. Remove one of them.", problems
        )
    if dependent:
        raise not_identified(
            "perfect_fit",
            f"the regressors explain {cited(outcome)} perfectly in {sample_name}. "
            "Check whether one is computed from it.",
        )


def _prepare_rows(spec: Any, panel: Panel) -> Prepared:
    """Prepare the rows with outcome, lags and all regressors."""
    check_panel(panel, "fit")
    if panel.n_entities == panel.nobs:
        raise IdentificationError(
            f"every {panel.entity_name} has one row; a dynamic model needs several "
            "periods of each."
        )
    column_names = table_of(panel).names
    refuse_lags(spec, column_names)
    options = LinearOptions(
        time_effects=spec.time_effects,
        clusters=spec.clusters,
        ssc="none",
        singletons="keep",
        missing=spec.missing,
        where=spec.where,
    )
    roles = {
        "y": (spec.y,),
        "lags": _lag_terms(spec.y, spec.lags, column_names),
        "endogenous": spec.endogenous,
        "predetermined": spec.predetermined,
        "x": spec.x,
        "instruments": spec.instruments,
    }
    prepared = prepare(panel, roles, options)
    single_column(prepared.sample, "y", spec.y)
    return prepared


def _ordinals(keys: Keys) -> Ints:
    """Return the times in steps, which the lags of the outcome guarantee to exist."""
    assert keys.ordinals is not None
    return keys.ordinals


def _entity_clusters(spec: Any, prepared: Prepared) -> Ints:
    """Code the cluster of each entity; refuse entities in several, and few clusters."""
    keys, (codes, *others) = prepared.sample.keys, prepared.cluster_codes
    split_entities = np.unique(keys.entity[keys.vary(codes)])
    if others or split_entities.size:
        names = prepared.cluster_names
        entities = keys.entities[split_entities[:5]].tolist()
        detail = f"{subject(entities, 'is')} in several" if entities else "specify one"
        raise not_identified(
            "clusters",
            f"clusters={quoted(names)}: {detail}. DynamicPanel allows clusters in one "
            "way, and of whole entities, since its moments are sums over all periods "
            "of an entity.",
            clusters=names,
            entities=entities,
        )
    groups = int(codes.max()) + 1
    if spec.is_gmm and groups < _LEAST_CLUSTERS:
        raise not_identified(
            "few_clusters",
            f"GMM needs at least {_LEAST_CLUSTERS} clusters "
            f"({prepared.cluster_names[0]}), not {groups}: standard errors may be "
            "rounding. Use estimator='lsdvc'.",
        )
    return codes[keys.starts]


# --- results --------------------------------------------------------------------------

# Estimates, tests of GMM, numbers of the glance, and notices
_Fit: TypeAlias = tuple[Estimates, dict[str, Any], dict[str, Any], Iterable[Notice]]


def fit_panel(spec: Any, panel: Panel, rng: object) -> DynamicResults:
    """Prepare the panel and estimate a `DynamicPanel`."""
    data = prepare_panel(spec, panel)
    prepared, sample = data.prepared, data.prepared.sample
    fit = _fit_gmm(spec, data) if spec.is_gmm else _fit_corrected(spec, data, rng)
    estimated, tests, numbers, notices = fit
    info = fit_glance(
        "DynamicPanel",
        sample,
        estimated.inference,
        prepared.effect_names,
        depvar=spec.y,
        **numbers,
    )
    bounds = kernel.persistence_bounds(data.columns, data.complete, spec.lags)
    persistence = float(estimated.coefficients[: spec.lags].sum())
    return DynamicResults(
        estimated=estimated,
        estimator=spec.estimator,
        info=info,
        lag_names=sample.names_of("lags"),
        bounds=bounds,
        labels=dict(sample.labels),
        factors=dict(sample.factors),
        diagnostics=(
            # Notices of few clusters concern t intervals of least squares.
            *prepared.other_notices,
            *_few_treated_notices(spec, data),
            *notices,
            *seasons_of_entities(data, spec.y),
            *outside_bounds(persistence, bounds, spec.estimator),
        ),
        key_names=sample.keys.name_pair,
        **tests,
    )


def _few_treated_notices(spec: Any, data: PreparedPanel) -> list[Notice]:
    """Report regressors whose variation is in few clusters.

    For system GMM this is the variation in levels, since a regressor may be constant in
    entities.
    """
    columns, lags = data.columns, spec.lags
    names = data.names[lags : data.n_regressors - spec.has_constant]
    if not names:
        return []
    if spec.estimator != "system":
        columns = kernel.transformed(columns, data.complete, "within")[0]
    rows = columns[data.complete]
    fit = ols(rows[:, 1:], rows[:, 0])
    root = fit.root[lags : lags + len(names)]
    return few_treated(data.prepared, names, fit.basis, root, model="DynamicPanel")


# --- GMM ------------------------------------------------------------------------------


def _fit_gmm(spec: Any, data: PreparedPanel) -> _Fit:
    """Estimate by difference or system GMM."""
    moments = kernel.moments(_gmm_design(spec, data))
    count, rows = len(moments.columns), len(moments.transformed)
    if not kernel.identifies(moments.total):
        raise not_identified(
            "underidentified",
            f"{count} independent instruments for {len(data.names)} regressors (with "
            "dummies of periods), not all of which they identify: allow more lags "
            "(instrument_lags), or remove regressors.",
            n_instruments=count,
            n_regressors=len(data.names),
        )
    fit = kernel.gmm(moments, data.clusters)
    estimated, by_order = _estimates(spec, data, moments, fit)
    tests = _overidentification_tests(spec, data, moments, fit)
    tests["autocorrelations"] = by_order
    tests["instrument_columns"] = tuple(
        (name, equation, lag, None if period is None else data.periods[period])
        for name, equation, lag, period in moments.columns
    )
    tests["gmm_options"] = {
        "steps": spec.steps,
        "windmeijer": spec.has_windmeijer,
        "transform": spec.transform,
        "h": spec.h,
        "collapse": spec.collapse,
        "lags": spec.lags_of_instruments(),
    }
    numbers = {
        "nobs": int(data.complete.sum()) if moments.design.system else rows,
        "n_instruments": count,
        "ar1_p": by_order[1][1],
        "ar2_p": by_order[2][1],
        "hansen_p": tests["hansen"].p_value,
        "sargan_p": tests["sargan"].p_value,
    }
    notices = gmm_notices(
        count,
        data.cluster,
        data.prepared.sample.n_entities,
        spec.first_lags(),
        by_order[2],
        numbers["hansen_p"],
    )
    return estimated, tests, numbers, notices


def _estimates(
    spec: Any, data: PreparedPanel, moments: kernel.Moments, fit: kernel.GmmFit
) -> tuple[Estimates, dict[int, tuple[float, float]]]:
    """Choose step and covariance; also return the tests of autocorrelation."""
    step = fit.first if spec.steps == 1 else fit.second
    cluster, groups = data.cluster
    if step is None:
        count = len(moments.columns)
        raise not_identified(
            "singular_weights",
            f"steps=2: {count} instruments and {counted(groups, 'cluster')}. The "
            "covariance of the moments is singular, so the second step has no "
            "weights: there are too many instruments, or a period has too few "
            "rows, or a regressor changes in one cluster only. Use collapse=True, "
            "fewer lags such as instrument_lags=(2, 4), or steps=1; if most are "
            "dummies of periods, estimator='lsdvc' or longer periods.",
            n_instruments=count,
            n_clusters=groups,
        )
    classical, variance = spec.cov_type == "classical", None
    if classical and spec.steps == 1:
        variance = moments.error_variance(step, less_k=True)
        step = step._replace(covariance=variance * step.bread)
    elif spec.steps == 2 and not spec.has_windmeijer:
        step = step._replace(covariance=step.bread)
    inference = Inference(cov_type="unadjusted", ssc="none")
    if not classical:
        inference = replace(
            inference, cov_type="clustered", clusters=(cluster,), n_clusters=(groups,)
        )
    k = data.n_regressors
    estimated = Estimates.of(
        data.names[:k], step.coefficients[:k], step.covariance[:k, :k], inference
    )
    return estimated, kernel.autocorrelations(moments, step, variance)


def _gmm_design(spec: Any, data: PreparedPanel) -> kernel.Design:
    sample, lags = data.prepared.sample, spec.lags_of_instruments()
    columns = dict(zip(data.names, np.moveaxis(data.columns, 2, 0)[1:], strict=True))
    variables = columns | data.variables
    exogenous = [*sample.names_of("x"), *data.dummies, *sample.names_of("instruments")]
    if spec.has_constant:
        exogenous.append("Intercept")
    by_term: dict[str, Any] = dict(spec.equations)
    equations: dict[str, Any] = {"Intercept": "level"}
    equations |= dict.fromkeys(data.dummies, by_term.pop("time_effects", "both"))
    for term, equation in by_term.items():
        equations |= dict.fromkeys(_columns_of(sample, term), equation)
    return kernel.Design(
        columns=data.columns,
        complete=data.complete,
        instruments=[
            kernel.Instrument(
                name=name,
                values=variables[name],
                equation=equations.get(name, "both"),
                lags=lags.get(name),
            )
            for name in (*lags, *exogenous)
        ],
        collapse=spec.collapse,
        system=spec.estimator == "system",
        transform=spec.transform,
        h=spec.h,
    )


def _columns_of(sample: Sample, term: str) -> list[str]:
    def factors(name: str) -> list[str | tuple[str, ...]]:
        return [
            f.columns if f.function == "C" or f.level is not None else f.text
            for f in sample.factors_of(name)
        ]

    return [name for name in sample.names if factors(name) == factors(term)]


def _overidentification_tests(
    spec: Any, data: PreparedPanel, moments: kernel.Moments, fit: kernel.GmmFit
) -> dict[str, Any]:
    """Test all instruments, and groups of them, as fields of the results.

    Groups are those of each variable, and of the level equation. One without which the
    model is not overidentified is left out.
    """
    from scipy.special import chdtrc

    variables, equations = np.array([column[:2] for column in moments.columns]).T
    always = np.isin(variables, ["Intercept", *data.dummies])
    hansen, df_hansen = kernel.hansen(moments, fit, np.ones_like(always))
    groups = {name: variables == name for name in variables[~always].tolist()}
    groups["level equation"] = (equations == "level") & (variables != "Intercept")
    by_group = {}
    for name, tested in groups.items():
        without, df_without = kernel.hansen(moments, fit, ~tested)
        if tested.any() and np.isfinite(without):
            difference, df = hansen - without, df_hansen - df_without
            p_value = float(chdtrc(df, max(difference, 0.0)))
            count = int(tested.sum())
            by_group[name] = (count, without, df_without, difference, df, p_value)
    variance = moments.error_variance(fit.first, less_k=spec.sargan_df == "n-k")
    sargan = fit.first.criterion / variance if df_hansen else np.nan
    null = "the instruments are not correlated with the errors"
    kind = "test of overidentification"
    return {
        "hansen": chi2_test(f"Hansen {kind}", hansen, df_hansen, null),
        "sargan": chi2_test(f"Sargan {kind}", sargan, df_hansen, null),
        "instrument_groups": by_group,
    }


# --- corrected within estimators ------------------------------------------------------


def _fit_corrected(spec: Any, data: PreparedPanel, rng: object) -> _Fit:
    """Correct the within estimates, and draw clusters for intervals."""
    seed, (cluster, groups) = seed_sequence(rng), data.cluster
    products = _within_products(spec, data)
    # The first draw has every cluster once.
    counts = np.vstack([np.ones(groups), draw_counts(seed, groups, spec.reps)])
    estimates = [
        kernel.corrected(products, counts[part][:, data.clusters])
        for part in chunks(len(counts), len(data.clusters))
    ]
    values, solved = map(np.concatenate, zip(*estimates, strict=True))
    coefficients, draws = values[0], values[1:]
    estimated = CorrectedEstimates.of(
        data.names[: data.n_regressors],
        coefficients,
        covariance_of(draws, clusters=groups),
        Inference(
            cov_type="bootstrap",
            ssc=None,
            clusters=(cluster,),
            n_clusters=(groups,),
            drawn=cluster,
            n_drawn=groups,
            reps=spec.reps,
            rng_entropy=cast("int", seed.entropy),
        ),
        draw_values=draws,
    )
    lost = "have too few rows or no variation in a regressor."
    notices = [
        *few_draws(spec.reps, "ends"),
        *too_few_clusters_to_draw(groups, cluster),
        *lost_draws(n_lost(draws), spec.reps, lost),
        *corrected_notices(coefficients[: spec.lags], solved, spec.estimator),
    ]
    return estimated, {}, {}, notices


def _within_products(spec: Any, data: PreparedPanel) -> list[kernel.WithinProducts]:
    """Compute products of the panel, and of its halves for the half-panel jackknife."""
    samples, used = [data], np.flatnonzero(data.complete.any(axis=0))
    if spec.estimator == "half_panel":
        if used.size < 4:
            raise not_identified(
                "few_periods",
                f"estimator='half_panel' halves the {used.size} periods of the sample; "
                "it needs at least four.",
                periods=used.size,
            )
        # With an odd number of periods, it is halved in two ways.
        middles = used[sorted({used.size // 2, (used.size + 1) // 2})]
        early = np.arange(data.complete.shape[1]) < middles[:, None]
        samples += [
            restrict_periods(spec, data, part, f"the {half} half of the periods")
            for half, periods in (("first", early), ("second", ~early))
            for part in periods
        ]
    return [
        kernel.within_products(s.columns, s.n_regressors, s.complete) for s in samples
    ]


# --- notices --------------------------------------------------------------------------


def gmm_notices(
    count: int,
    cluster: tuple[str, int],
    entities: int,
    first_lags: Mapping[str, int],
    second_order: tuple[float, float],
    hansen_p: float,
) -> Iterator[Notice]:
    """Report that instruments are many or not valid, and that entities are few.

    `second_order` are z and p of the test of autocorrelation of order 2.
    """
    clusters, groups = cluster
    if count > groups:
        numbers = {"n_instruments": count, "clusters": clusters, "n_clusters": groups}
        yield notice_of("many_instruments", **numbers)
    if entities < _FEW_ENTITIES:
        yield notice_of("few_entities_gmm", n_entities=entities)
    if early := tuple(name for name, lag in first_lags.items() if lag == 1):
        yield notice_of("first_lag", terms=early)
    z, p_value = second_order
    if p_value <= 0.05 and min(first_lags.values(), default=2) <= 2:
        yield notice_of("second_order", z=z, p_value=p_value, _p=p_words(p_value))
    fields = {"p_value": hansen_p, "n_instruments": count}
    if hansen_p <= 0.05:
        yield notice_of("hansen_rejected", **fields, _p=p_words(hansen_p))
    if hansen_p > _UNINFORMATIVE_P:
        yield notice_of("uninformative_hansen", **fields)


def corrected_notices(lags: Floats, solved: Bools, estimator: str) -> Iterator[Notice]:
    """Report persistence near one, where intervals are short, and unsolved biases.

    `lags` are the coefficients of the lags; the bias was `solved` in the data, which
    come first, and in each draw.
    """
    persistence = float(lags.sum())
    if persistence > _NEAR_ONE:
        variant = ".half_panel" if estimator == "half_panel" else ""
        yield notice_of(f"near_one{variant}", persistence=persistence)
    if not solved[0]:
        share = float(1 - solved[1:].mean())
        yield notice_of("bias_not_solved", nearest=persistence, share=share)


def seasons_of_entities(data: PreparedPanel, outcome: str) -> Iterator[Notice]:
    """Report seasons that differ between entities, in quarters or months."""
    keys, times = data.prepared.sample.keys, data.prepared.sample.times
    if isinstance(times, pd.PeriodIndex):
        times = times.to_timestamp()
    unit, n_seasons = _SEASONS.get(str(usual_step(times)), ("", 1))
    statistic, p_value = kernel.season_test(data.columns, data.complete, n_seasons)
    if statistic > _LEAST_F and p_value < _SEASONAL_P:
        yield notice_of(
            "seasons_of_entities",
            outcome=outcome,
            entity=keys.entity_name,
            statistic=statistic,
            _time=keys.time_name,
            _unit=unit,
        )


def outside_bounds(
    estimate: float, bounds: Mapping[str, float], estimator: str
) -> Iterator[Notice]:
    """Report persistence outside Bond's bounds, and recommend a comparison."""
    low, high = sorted(bounds.values())
    if not low <= estimate <= high:
        is_gmm = estimator in ("difference", "system")
        yield notice_of(
            "outside_bounds.gmm" if is_gmm else "outside_bounds",
            estimate=estimate,
            **bounds,
            _other="difference" if estimator == "system" else "system",
        )
