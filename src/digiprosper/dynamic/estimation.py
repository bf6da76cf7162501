"""Estimates of dynamic panels, with names: GMM and corrected within estimators."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from digiprosper.dynamic import notices
from digiprosper.dynamic.kernels import gmm as kernel
from digiprosper.dynamic.kernels.corrected import (
    bias_corrected,
    half_panel,
    persistence_bounds,
    within_products,
)
from digiprosper.dynamic.kernels.transforms import transformed
from digiprosper.dynamic.preparation import rows_of
from digiprosper.dynamic.results import CorrectedEstimates, DynamicResults, GmmTests
from digiprosper.errors import (
    CollinearityError,
    IdentificationError,
    Notice,
    cited,
    collinearity_problem,
    counted,
    not_identified,
    quoted,
    several,
    subject,
)
from digiprosper.kernels.chunks import chunks
from digiprosper.kernels.intervals import covariance_of
from digiprosper.kernels.least_squares import dependences, ols
from digiprosper.kernels.resampling import draw_counts, seed_sequence
from digiprosper.kernels.tolerances import ABSORBED
from digiprosper.linear.diagnostics import few_treated
from digiprosper.report.estimates import Estimates, lost_in
from digiprosper.report.inference import Inference
from digiprosper.report.notices import few_draws, lost_draws, too_few_clusters_to_draw
from digiprosper.report.protocol import fit_glance
from digiprosper.report.tests import TestResult

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from digiprosper.dynamic.kernels.corrected import WithinProducts
    from digiprosper.dynamic.kernels.gmm import GmmFit, Moments
    from digiprosper.dynamic.preparation import PreparedPanel
    from digiprosper.kernels import Bools, Floats

_ORDERS = 3
_LEAST_CLUSTERS = 3


# --- what all estimators have ---------------------------------------------------------


def _results(
    spec: Any,
    data: PreparedPanel,
    estimated: Estimates,
    diagnostics: Sequence[Notice],
    *,
    nobs: int,
    tests: GmmTests | None = None,
) -> DynamicResults:
    prepared, sample = data.prepared, data.sample
    bounds = persistence_bounds(data.columns, data.complete, spec.lags)
    persistence = float(estimated.coefficients[: spec.lags].sum())
    return DynamicResults(
        estimated=estimated,
        estimator=spec.estimator,
        settings=spec.settings,
        info=fit_glance(
            "DynamicPanel",
            sample,
            estimated.inference,
            prepared.effect_names,
            nobs=nobs,
            depvar=spec.y,
        ),
        lag_names=sample.names_of("lags"),
        bounds=bounds,
        gmm_tests=tests,
        labels=dict(sample.labels),
        factors=dict(sample.factors),
        diagnostics=(
            # Those of few clusters are about t intervals of least squares.
            *(notice for notice in prepared.notices if notice not in prepared.few),
            *_few_treated(spec, data),
            *diagnostics,
            *notices.outside_bounds(persistence, bounds, spec.estimator),
        ),
        key_names=sample.keys.pair,
    )


def _few_treated(spec: Any, data: PreparedPanel) -> list[Notice]:
    """Report regressors whose variation is in few clusters.

    In a system that of levels counts, since a regressor may be constant in entities.
    """
    columns = data.columns
    if spec.estimator != "system":
        columns = transformed(columns, data.complete, "within")[0]
    rows, lags = columns[data.complete], spec.lags
    names = [name for name in data.names[: data.n_regressors] if name != "Intercept"]
    if len(names) == lags:
        return []
    fit = ols(rows[:, 1:], rows[:, 0])
    root = fit.root[lags : len(names)]
    return few_treated(
        data.prepared, names[lags:], fit.basis, root, model="DynamicPanel"
    )


def _refuse_dependent(
    data: PreparedPanel, values: Floats, levels: Floats, *, means: int, where: str
) -> None:
    """Refuse columns of transformed rows (n, 1 + k + p) that are combinations.

    `levels` are the rows before the transformation. Of the n so many are not
    independent as there are `means`. Dummies are independent. `where` is for messages.
    """
    names, k = [*data.sample.names_of("y"), *data.names], data.n_regressors
    if (rows := len(values) - means) < len(names):
        raise not_identified(
            "few_rows",
            f"{where} has {rows} independent rows for {len(data.names)} "
            "coefficients, dummies of periods among them: use fewer regressors, fewer "
            "lags or time_effects=False.",
        )
    change, size = (np.linalg.norm(v[:, : 1 + k], axis=0) for v in (values, levels))
    constant = [names[j] for j in np.flatnonzero(change <= ABSORBED * size)]
    if names[0] in constant:
        raise not_identified(
            "constant",
            f"the outcome {cited(names[0])} does not change within entities in "
            f"{where}.",
            column=names[0],
        )
    if constant:
        raise IdentificationError(
            f"{subject(constant, 'does')} not change within entities in {where}: such "
            "regressors drop out of the model. Remove them.",
            [Notice("absorbed", c, {"column": c}) for c in constant],
        )
    # What is refused is a regressor, since dummies and constant come first.
    slopes = k - ("Intercept" in names)
    order = [*range(1 + slopes, len(names)), *range(1, 1 + slopes), 0]
    combinations = {
        names[order[dependence.column]]: [names[order[j]] for j in dependence.on]
        for dependence in dependences(values[:, order])
    }
    explained = combinations.pop(names[0], None)
    problems = [
        collinearity_problem(name, on, f"{cited(name)} is collinear with {quoted(on)}")
        for name, on in combinations.items()
    ]
    if problems:
        raise CollinearityError(
            f"{several(problems)} in {where}. Remove one of them.", problems
        )
    if explained is not None:
        raise not_identified(
            "perfect_fit",
            f"the regressors explain {cited(names[0])} perfectly in {where}. Check "
            "whether one is computed from it.",
        )


# --- GMM ------------------------------------------------------------------------------


def fit_gmm(spec: Any, data: PreparedPanel) -> DynamicResults:
    """Estimate by difference or system GMM."""
    clusters, k = data.prepared.cluster_names, data.n_regressors
    groups = int(data.clusters.max()) + 1
    if groups < _LEAST_CLUSTERS:
        raise not_identified(
            "few_clusters",
            f"GMM needs at least {_LEAST_CLUSTERS} clusters ({clusters[0]}), not "
            f"{groups}: standard errors may be rounding. Use estimator='lsdvc'.",
        )
    moments = kernel.moments(_design(spec, data))
    _refuse_unidentified(data, moments)
    fit, count = kernel.gmm(moments, data.clusters), len(moments.columns)
    step = fit.first if spec.steps == 1 else fit.second
    if step is None:
        raise not_identified(
            "singular_weights",
            f"steps=2: {count} instruments and {counted(groups, 'cluster')}. The "
            "covariance of the moments is singular, so the second step has no "
            "weights: there are too many instruments, or a period has too few "
            "rows, or a regressor changes in one cluster only. Use collapse=True, "
            "fewer lags such as instrument_lags=(2, 4), or steps=1.",
            n_instruments=count,
            n_clusters=groups,
        )
    classical, variance = spec.cov_type == "classical", None
    if classical and spec.steps == 1:
        variance = moments.error_variance(step.coefficients, less_k=True)
        step = replace(step, covariance=variance * step.bread)
    elif spec.steps == 2 and not spec.has_windmeijer:
        step = replace(step, covariance=step.bread)
    estimated = Estimates.of(
        data.names[:k],
        step.coefficients[:k],
        step.covariance[:k, :k],
        Inference(
            cov_type="unadjusted" if classical else "clustered",
            ssc="none",
            clusters=() if classical else clusters,
            n_clusters=() if classical else (groups,),
        ),
    )
    orders = range(1, min(_ORDERS, data.complete.shape[1] - 1) + 1)
    z = {o: kernel.autocorrelation(moments, step, o, variance) for o in orders}
    tests = _tests(spec, data, moments, fit, z)
    diagnostics = [
        *notices.many_instruments(count, clusters[0], groups),
        *notices.few_entities(data.sample.n_entities),
        *notices.invalid_instruments(tests, count, spec.first_lag),
    ]
    return _results(spec, data, estimated, diagnostics, nobs=moments.nobs, tests=tests)


def _design(spec: Any, data: PreparedPanel) -> kernel.Design:
    columns = dict(zip(data.names, np.moveaxis(data.columns, 2, 0)[1:], strict=True))
    in_model = (*data.sample.names_of("x"), *data.dummies)
    exogenous = {name: columns[name] for name in in_model} | data.instruments
    equations = dict.fromkeys(data.dummies, spec.equation_of("time_effects"))
    if spec.has_constant:
        exogenous["Intercept"], equations["Intercept"] = columns["Intercept"], "level"
    lags = spec.lags_of_instruments()
    return kernel.Design(
        columns=data.columns,
        complete=data.complete,
        is_constant=np.array(data.names) == "Intercept",
        instruments=[
            kernel.Instrument(
                name=name,
                values=values,
                equation=equations.get(name) or spec.equation_of(name),
                lags=lags.get(name),
            )
            for name, values in (data.lagged | exogenous).items()
        ],
        collapse=spec.collapse,
        system=spec.estimator == "system",
        transform=spec.transform,
        h=spec.h,
    )


def _refuse_unidentified(data: PreparedPanel, moments: Moments) -> None:
    """Refuse no rows, dependent regressors, and too few instruments."""
    if not moments.n_transformed:
        raise IdentificationError(
            "no entity has two consecutive rows with the outcome, its lags and all "
            "regressors, so there is nothing to difference. A model with one lag needs "
            "three periods in a row."
        )
    levels = data.columns[data.complete]
    values = moments.transformed[moments.has_transformed]
    if moments.design.system:
        values = np.vstack([values, levels])
    means = len(values) - moments.n_transformed
    where = "the transformed equation"
    _refuse_dependent(data, values, levels, means=means, where=where)
    count, k = len(moments.columns), len(data.names)
    if not kernel.identifies(moments.products.sum(axis=0)):
        raise not_identified(
            "underidentified",
            f"{count} independent instruments for {k} regressors (with dummies of "
            "periods), not all of which they identify: allow more lags "
            "(instrument_lags), or remove regressors.",
            n_instruments=count,
            n_regressors=k,
        )


def _tests(
    spec: Any,
    data: PreparedPanel,
    moments: Moments,
    fit: GmmFit,
    z: dict[int, float],
) -> GmmTests:
    """Test autocorrelation, by z of each order, and overidentification."""
    from scipy.special import chdtrc, ndtr

    whole = kernel.hansen(moments, fit, np.zeros(len(moments.columns), dtype=bool))
    surplus = whole[1]
    variance = moments.error_variance(
        fit.first.coefficients, less_k=spec.sargan_df == "n-k"
    )
    sargans = fit.first.form / variance if surplus else np.nan
    hansen, sargan = (
        TestResult(
            f"{name} test of overidentification",
            value,
            "chi2",
            float(surplus),
            float(chdtrc(surplus, value)),
            "the instruments are not correlated with the errors",
        )
        for name, value in (("Hansen", whole[0]), ("Sargan", sargans))
    )
    return GmmTests(
        autocorrelations={o: (v, float(2 * ndtr(-abs(v)))) for o, v in z.items()},
        hansen=hansen,
        sargan=sargan,
        groups=tuple(_difference_in_hansen(data, moments, fit, *whole)),
        instruments=tuple(
            (name, equation, lag, None if period is None else data.periods[period])
            for name, equation, lag, period in moments.columns
        ),
        options={
            "steps": spec.steps,
            "windmeijer": spec.has_windmeijer,
            "transform": spec.transform,
            "collapse": spec.collapse,
            "lags": spec.lags_of_instruments(),
        },
    )


def _difference_in_hansen(
    data: PreparedPanel, moments: Moments, fit: GmmFit, whole: float, surplus: int
) -> Iterator[dict[str, Any]]:
    """Test groups of instruments: those of each variable, and of the level equation.

    A group without which the model is not overidentified is left out.
    """
    from scipy.special import chdtrc

    variables = np.array([column.variable for column in moments.columns])
    in_levels = np.array([column.equation == "level" for column in moments.columns])
    always = ("Intercept", *data.dummies)
    groups = {v: variables == v for v in variables.tolist() if v not in always}
    groups["level equation"] = in_levels & (variables != "Intercept")
    for name, tested in groups.items():
        without, df = kernel.hansen(moments, fit, tested)
        if tested.any() and np.isfinite(without):
            difference = whole - without
            yield {
                "group": name,
                "n_instruments": int(tested.sum()),
                "without": without,
                "df_without": df,
                "difference": difference,
                "df": surplus - df,
                "p_value": float(chdtrc(surplus - df, max(difference, 0.0))),
            }


# --- corrected within estimators ------------------------------------------------------


def fit_corrected(spec: Any, data: PreparedPanel, rng: object) -> DynamicResults:
    """Correct the within estimates, and draw clusters for intervals."""
    seed, clusters = seed_sequence(rng), data.prepared.cluster_names
    groups = int(data.clusters.max()) + 1
    products = _products(spec, data)
    coefficients, solved = _corrected(products, np.ones((1, len(data.clusters))))
    counts = draw_counts(seed, groups, spec.reps)
    draws = [
        _corrected(products, counts[part][:, data.clusters])
        for part in chunks(spec.reps, len(data.clusters))
    ]
    values, draws_solved = map(np.concatenate, zip(*draws, strict=True))
    estimated = CorrectedEstimates.of(
        data.names[: data.n_regressors],
        coefficients[0],
        covariance_of(values, clusters=groups),
        Inference(
            cov_type="bootstrap",
            ssc=None,
            clusters=clusters,
            n_clusters=(groups,),
            drawn=clusters[0],
            n_drawn=groups,
            reps=spec.reps,
            rng_entropy=cast("int", seed.entropy),
        ),
        draw_values=values,
    )
    persistence = float(coefficients[0, : spec.lags].sum())
    diagnostics = [
        *few_draws(spec.reps, "ends"),
        *too_few_clusters_to_draw(groups, clusters[0]),
        *lost_draws(
            lost_in(values),
            spec.reps,
            "have too few rows or no variation in a regressor.",
        ),
        *notices.near_one(persistence, spec.estimator),
        *notices.bias_not_solved(
            float(coefficients[0, 0]),
            float(1 - draws_solved.mean()),
            solved=bool(solved[0]),
        ),
    ]
    return _results(spec, data, estimated, diagnostics, nobs=data.sample.nobs)


def _products(spec: Any, data: PreparedPanel) -> list[WithinProducts]:
    """Compute products of the panel, and of its halves for the half-panel jackknife.

    With an odd number of periods there are two ways to halve it.
    """
    parts = {"the sample": [data]}
    used = np.flatnonzero(data.complete.any(axis=0))
    if spec.estimator == "half_panel":
        if used.size < 4:
            raise not_identified(
                "few_periods",
                f"estimator='half_panel' halves the {used.size} periods of the sample; "
                "it needs at least four.",
                periods=used.size,
            )
        middles = used[sorted({used.size // 2, (used.size + 1) // 2})]
        early = np.arange(data.complete.shape[1]) < middles[:, None]
        for half, periods in (("first", early), ("second", ~early)):
            parts[f"the {half} half of the periods"] = [
                rows_of(data, part, "within") for part in periods
            ]
    products = []
    for where, samples in parts.items():
        for part in samples:
            complete = part.complete
            values = transformed(part.columns, complete, "within")[0][complete]
            # An entity's mean takes one of its rows.
            means = int(complete.any(axis=1).sum())
            levels = part.columns[complete]
            _refuse_dependent(part, values, levels, means=means, where=where)
            products.append(within_products(part.columns, part.n_regressors, complete))
    return products


def _corrected(
    products: Sequence[WithinProducts], counts: Floats
) -> tuple[Floats, Bools]:
    """Estimate draws of entities: coefficients (D, k), and whether these are solved."""
    whole, *halves = [part.drawn(counts) for part in products]
    if not halves:
        return bias_corrected(whole)
    return half_panel(whole, halves), np.ones(len(counts), dtype=bool)
