"""Estimates of dynamic panels, with names: GMM and corrected within estimators."""

from __future__ import annotations

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
from digiprosper.dynamic.kernels.instruments import (
    ExogenousInstrument,
    LaggedInstruments,
)
from digiprosper.dynamic.kernels.transforms import within_deviations
from digiprosper.dynamic.preparation import rows_of
from digiprosper.dynamic.results import CorrectedEstimates, DynamicResults, GmmTests
from digiprosper.errors import (
    CollinearityError,
    IdentificationError,
    Notice,
    cited,
    collinearity_problem,
    counted,
    one_problem,
    quoted,
    several,
)
from digiprosper.kernels.intervals import covariance_of
from digiprosper.kernels.least_squares import dependences
from digiprosper.kernels.resampling import draw_counts, seed_sequence
from digiprosper.kernels.tolerances import ABSORBED
from digiprosper.report.estimates import Estimates, lost_in
from digiprosper.report.inference import Inference
from digiprosper.report.notices import few_draws, lost_draws, too_few_clusters_to_draw
from digiprosper.report.protocol import fit_glance
from digiprosper.report.tests import TestResult

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from digiprosper.dynamic.kernels.corrected import Corrected, WithinProducts
    from digiprosper.dynamic.kernels.gmm import GmmFit, Moments, Reported
    from digiprosper.dynamic.preparation import PreparedPanel
    from digiprosper.kernels import Bools, Floats

_ORDERS = 3
_LEAST_CLUSTERS = 3


# --- what all estimators have ---------------------------------------------------------


def _results(
    spec: Any,
    data: PreparedPanel,
    estimated: Estimates,
    bounds: dict[str, float],
    diagnostics: Sequence[Notice],
    *,
    nobs: int,
    tests: GmmTests | None = None,
) -> DynamicResults:
    prepared, sample = data.prepared, data.sample
    # Few clusters matter otherwise here than for t intervals of least squares.
    about_rows = [n for n in prepared.notices if n not in prepared.few]
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
        diagnostics=(*about_rows, *diagnostics),
        key_names=sample.keys.pair,
    )


def _refuse_dependent(
    data: PreparedPanel, values: Floats, levels: Floats, *, means: int, where: str
) -> None:
    """Refuse columns of transformed rows (n, 1 + k + p) that are combinations.

    `levels` are the rows before the transformation. Of the n so many are not
    independent as there are `means`. Dummies are independent. `where` is for messages.
    """
    k = data.n_regressors
    names = data.names[:k]
    outcome = data.sample.names_of("y")[0]
    rows = len(values) - means
    if rows <= len(data.names):
        raise one_problem(
            IdentificationError,
            "few_rows",
            f"{where} has {rows} independent rows for {len(data.names)} "
            "coefficients, dummies of periods among them: use fewer regressors, fewer "
            "lags or time_effects=False.",
        )
    change = np.linalg.norm(values[:, : k + 1], axis=0)
    size = np.linalg.norm(levels[:, : k + 1], axis=0)
    unchanged = (change <= ABSORBED * size).tolist()
    if unchanged[0]:
        raise one_problem(
            IdentificationError,
            "constant",
            f"the outcome {cited(outcome)} does not change within entities in {where}.",
            column=outcome,
        )
    constant = [name for name, still in zip(names, unchanged[1:], strict=True) if still]
    if constant:
        raise IdentificationError(
            f"{quoted(constant)} does not change within entities in {where}, so that "
            "it drops out of the model. Remove it.",
            [Notice("absorbed", c, {"column": c}) for c in constant],
        )
    # What is refused is a regressor, since dummies and constant come first.
    columns = (outcome, *data.names)
    order = sorted(
        range(1, len(columns)), key=lambda j: (columns[j] != "Intercept", j <= k)
    )
    order.append(0)
    combinations = {
        order[dependence.column]: [columns[order[j]] for j in dependence.on]
        for dependence in dependences(values[:, order])
    }
    explained = combinations.pop(0, None)
    problems = [
        collinearity_problem(
            columns[j], on, f"{cited(columns[j])} is collinear with {quoted(on)}"
        )
        for j, on in combinations.items()
    ]
    if problems:
        raise CollinearityError(
            f"{several(problems)} in {where}. Remove one of them.", problems
        )
    if explained is not None:
        raise one_problem(
            IdentificationError,
            "perfect_fit",
            f"the regressors explain {cited(outcome)} perfectly in {where}. Check "
            "whether one is computed from it.",
        )


# --- GMM ------------------------------------------------------------------------------


def fit_gmm(spec: Any, data: PreparedPanel) -> DynamicResults:
    """Estimate by difference or system GMM."""
    clusters = data.prepared.cluster_names
    groups = int(data.clusters.max()) + 1
    if groups < _LEAST_CLUSTERS:
        raise one_problem(
            IdentificationError,
            "few_clusters",
            f"GMM needs at least {_LEAST_CLUSTERS} clusters ({clusters[0]}), not "
            f"{groups}: standard errors may be rounding. Use estimator='lsdvc'.",
        )
    moments = kernel.moments(_design(spec, data))
    _refuse_unidentified(data, moments)
    fit = kernel.gmm(moments, data.clusters)
    reported = _reported(spec, data, moments, fit)

    k = data.n_regressors
    classical = spec.cov_type == "classical"
    estimated = Estimates.of(
        data.names[:k],
        reported.step.coefficients[:k],
        reported.covariance[:k, :k],
        Inference(
            cov_type="unadjusted" if classical else "clustered",
            ssc="none",
            clusters=() if classical else clusters,
            n_clusters=() if classical else (groups,),
        ),
    )
    tests = _tests(spec, data, moments, fit, reported)
    bounds = persistence_bounds(data.columns, data.complete, spec.lags)
    count = len(moments.columns)
    diagnostics = [
        *notices.many_instruments(count, clusters[0], groups),
        *notices.few_entities(data.sample.n_entities),
        *notices.outside_bounds(
            estimated.coefficients[: spec.lags].sum(), bounds, spec.estimator
        ),
        *notices.second_order(tests.autocorrelations),
        *notices.uninformative_hansen(tests.hansen.p_value, count),
    ]
    return _results(
        spec, data, estimated, bounds, diagnostics, nobs=moments.nobs, tests=tests
    )


def _design(spec: Any, data: PreparedPanel) -> kernel.Design:
    lagged = [
        LaggedInstruments(
            name=name,
            values=data.lagged[name],
            first=first,
            last=data.complete.shape[1] if last is None else last,
            equation=spec.equation_of(name),
            collapse=spec.collapse,
        )
        for name, (first, last) in spec.lags_of_instruments().items()
    ]
    dummies = data.names[data.n_regressors :]
    columns = dict(zip(data.names, np.moveaxis(data.columns, 2, 0)[1:], strict=True))
    names = (*data.sample.names_of("x"), *dummies)
    values = {**{name: columns[name] for name in names}, **data.instruments}
    exogenous = [
        ExogenousInstrument(
            name=name,
            values=column,
            equation=spec.equation_of("time_effects" if name in dummies else name),
        )
        for name, column in values.items()
    ]
    if spec.has_constant:
        constant = columns["Intercept"]
        exogenous.append(
            ExogenousInstrument(name="Intercept", values=constant, equation="level")
        )
    return kernel.Design(
        columns=data.columns,
        complete=data.complete,
        is_constant=spec.has_constant
        & (np.arange(len(data.names)) == data.n_regressors - 1),
        lagged=lagged,
        exogenous=exogenous,
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
    values = moments.transformed[moments.rows.transformed]
    if moments.rows.levels is not None:
        values = np.vstack([values, levels])
    means = len(values) - moments.n_transformed
    where = "the transformed equation"
    _refuse_dependent(data, values, levels, means=means, where=where)
    total = moments.products.sum(axis=0)
    if not kernel.identifies(total):
        count, k = len(total), len(data.names)
        raise one_problem(
            IdentificationError,
            "underidentified",
            f"{count} independent instruments for {k} regressors (with dummies of "
            "periods), not all of which they identify: allow more lags "
            "(instrument_lags), or remove regressors.",
            n_instruments=count,
            n_regressors=k,
        )


def _reported(
    spec: Any, data: PreparedPanel, moments: Moments, fit: GmmFit
) -> Reported:
    """Choose the step and the covariance that are reported."""
    if spec.steps == 2:
        if fit.second is None or fit.corrected is None:
            count, groups = len(moments.columns), int(data.clusters.max()) + 1
            raise one_problem(
                IdentificationError,
                "singular_weights",
                f"steps=2: {count} instruments and {counted(groups, 'cluster')}. The "
                "covariance of the moments is singular, so the second step has no "
                "weights: there are too many instruments, or a period has too few "
                "rows. Use collapse=True, fewer lags such as instrument_lags=(2, 4), "
                "or steps=1.",
                n_instruments=count,
                n_clusters=groups,
            )
        covariance = fit.corrected if spec.has_windmeijer else fit.second.bread
        return kernel.Reported(step=fit.second, covariance=covariance, variance=None)
    if spec.cov_type == "robust":
        return kernel.Reported(step=fit.first, covariance=fit.robust, variance=None)
    coefficients = fit.first.coefficients
    n = moments.n_transformed
    variance = moments.error_variance(coefficients) * n / (n - len(coefficients))
    return kernel.Reported(
        step=fit.first, covariance=fit.first.bread * variance, variance=variance
    )


# --- tests of GMM ---------------------------------------------------------------------


def _tests(
    spec: Any,
    data: PreparedPanel,
    moments: Moments,
    fit: GmmFit,
    reported: Reported,
) -> GmmTests:
    from scipy.special import chdtrc, ndtr

    orders = range(1, min(_ORDERS, data.complete.shape[1] - 1) + 1)
    z = [kernel.autocorrelation(moments, reported, order) for order in orders]
    hansens_j, surplus = kernel.hansen(moments, fit)
    variance = moments.error_variance(fit.first.coefficients)
    if spec.sargan_df == "n-k":
        n = moments.n_transformed
        variance *= n / (n - len(fit.first.coefficients))
    null = "the instruments are not correlated with the errors"
    statistics = {
        "Hansen": hansens_j,
        "Sargan": kernel.sargan(moments, fit, variance) if surplus else np.nan,
    }
    hansen, sargan = (
        TestResult(
            f"{name} test of overidentification",
            value,
            "chi2",
            float(surplus),
            float(chdtrc(surplus, value)),
            null,
        )
        for name, value in statistics.items()
    )
    return GmmTests(
        autocorrelations={
            order: (value, float(2 * ndtr(-abs(value))))
            for order, value in zip(orders, z, strict=True)
        },
        hansen=hansen,
        sargan=sargan,
        groups=tuple(_difference_in_hansen(data, moments, fit, hansens_j, surplus)),
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
    """Test groups of instruments: those of the level equation, and of each variable.

    A group without which the model is not overidentified is left out.
    """
    from scipy.special import chdtrc

    groups: dict[str, Bools] = {}
    dummies = data.names[data.n_regressors :]
    for column in moments.columns:
        name = column.variable
        if name != "Intercept" and name not in dummies:
            groups[name] = np.array([c.variable == name for c in moments.columns])
    groups["level equation"] = np.array(
        [c.equation == "level" and c.variable != "Intercept" for c in moments.columns]
    )
    for name, tested in groups.items():
        without, df = kernel.hansen(moments, fit, np.flatnonzero(~tested))
        if tested.any() and np.isfinite(without):
            difference, tested_df = whole - without, surplus - df
            yield {
                "group": name,
                "n_instruments": int(tested.sum()),
                "without": without,
                "df_without": df,
                "difference": difference,
                "df": tested_df,
                "p_value": float(chdtrc(tested_df, max(difference, 0.0))),
            }


# --- corrected within estimators ------------------------------------------------------


def fit_corrected(spec: Any, data: PreparedPanel, rng: object) -> DynamicResults:
    """Correct the within estimates, and draw clusters for intervals."""
    seed = seed_sequence(rng)
    groups = int(data.clusters.max()) + 1
    products = _products(spec, data)
    estimate = _corrected(products, np.ones((1, groups)))
    counts = draw_counts(seed, groups, spec.reps)
    draws = _corrected(products, counts)

    clusters = data.prepared.cluster_names
    values = draws.coefficients
    estimated = CorrectedEstimates.of(
        data.names[: data.n_regressors],
        estimate.coefficients[0],
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
    share = float(1 - draws.solved.mean())
    bounds = persistence_bounds(data.columns, data.complete, spec.lags)
    persistence = float(estimate.coefficients[0, : spec.lags].sum())
    diagnostics = [
        *few_draws(spec.reps, "ends"),
        *too_few_clusters_to_draw(groups, clusters[0]),
        *lost_draws(
            lost_in(values),
            spec.reps,
            "have too few rows or no variation in a regressor.",
        ),
        *notices.outside_bounds(persistence, bounds, spec.estimator),
        *notices.near_one(persistence, spec.estimator),
        *notices.bias_not_solved(
            float(estimate.coefficients[0, 0]), share, solved=bool(estimate.solved[0])
        ),
    ]
    return _results(spec, data, estimated, bounds, diagnostics, nobs=data.sample.nobs)


def _products(spec: Any, data: PreparedPanel) -> list[WithinProducts]:
    """Sum products of the panel, and of its halves for the half-panel jackknife.

    With an odd number of periods there are two ways to halve it.
    """
    parts = [("the sample", data)]
    used = np.flatnonzero(data.complete.any(axis=0))
    if spec.estimator == "half_panel":
        if used.size < 4:
            raise one_problem(
                IdentificationError,
                "few_periods",
                f"estimator='half_panel' halves the {used.size} periods of the sample; "
                "it needs at least four.",
                periods=used.size,
            )
        for middle in sorted({used.size // 2, (used.size + 1) // 2}):
            early = np.arange(data.complete.shape[1]) < used[middle]
            parts += [
                ("the first half of the periods", rows_of(data, early)),
                ("the second half of the periods", rows_of(data, ~early)),
            ]
    for where, part in parts:
        values = within_deviations(part.columns, part.complete)[0][part.complete]
        # An entity's mean takes one of its rows.
        means = int(part.complete.any(axis=1).sum())
        levels = part.columns[part.complete]
        _refuse_dependent(part, values, levels, means=means, where=where)
    return [
        within_products(part.columns, part.n_regressors, part.complete, part.clusters)
        for _, part in parts
    ]


def _corrected(products: Sequence[WithinProducts], counts: Floats) -> Corrected:
    whole, *halves = [part.drawn(counts) for part in products]
    return half_panel(whole, halves) if halves else bias_corrected(whole)
