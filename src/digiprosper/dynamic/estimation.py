"""Estimates of dynamic panels, with names: GMM and corrected within estimators."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from digiprosper.dynamic import notices
from digiprosper.dynamic.kernels import gmm as kernel
from digiprosper.dynamic.kernels.corrected import (
    bias_corrected,
    half_panel,
    within_products,
)
from digiprosper.dynamic.kernels.instruments import LaggedInstruments, OwnInstrument
from digiprosper.dynamic.preparation import single_column
from digiprosper.dynamic.results import CorrectedEstimates, DynamicResults, GmmTests
from digiprosper.errors import (
    CollinearityError,
    IdentificationError,
    Notice,
    cited,
    quoted,
)
from digiprosper.kernels.intervals import covariance_of
from digiprosper.kernels.least_squares import dependences
from digiprosper.kernels.resampling import draw_counts, seed_sequence
from digiprosper.linear.auxiliary import with_effects
from digiprosper.linear.estimation import demean_columns, fit_equation
from digiprosper.report.estimates import Estimates
from digiprosper.report.inference import Inference
from digiprosper.report.notices import few_draws, too_few_clusters_to_draw
from digiprosper.report.protocol import empty_glance
from digiprosper.report.tests import TestResult

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from digiprosper.dynamic.dynamic_panel import DynamicPanel
    from digiprosper.dynamic.kernels.corrected import Corrected, WithinProducts
    from digiprosper.dynamic.kernels.gmm import GmmFit, Moments, Reported
    from digiprosper.dynamic.preparation import PreparedPanel
    from digiprosper.kernels import Bools, Floats
    from digiprosper.linear.results import LinearResults
    from digiprosper.panel import Panel
    from digiprosper.report.protocol import Glance

_ORDERS = (1, 2, 3)
_MOST_INSTRUMENTS = 5_000


# --- what all estimators have ---------------------------------------------------------


def bounds(spec: DynamicPanel, data: PreparedPanel) -> pd.DataFrame:
    """Estimate persistence by pooled least squares and within entities (Bond 2002)."""
    time = [data.sample.keys.time_name] if spec.time_effects else []
    options = replace(data.prepared.options, collinear="drop")
    within = replace(data.prepared, options=options)
    pooled = with_effects(within, [name for name in time if name is not None])
    rows = [
        {"estimator": name, **_persistence(_least_squares(prepared, data), spec)}
        for name, prepared in (("ols", pooled), ("within", within))
    ]
    return pd.DataFrame(rows).set_index("estimator")


def _least_squares(prepared: Any, data: PreparedPanel) -> LinearResults:
    columns = data.columns[data.complete]
    demeaned = demean_columns(prepared, (data.sample.names[0], *data.names), columns)
    positions = range(1, columns.shape[1])
    return fit_equation(prepared, demeaned, 0, positions, unread=demeaned.names)[0]


def _persistence(results: Any, spec: DynamicPanel) -> dict[str, float]:
    """Sum the coefficients of the lags, with the standard error of the sum."""
    weights = np.isin(results.names, spec.lag_terms).astype(np.float64)
    total = results.estimated.combined("persistence", weights, 0.0)
    return {
        "estimate": float(total.coefficients[0]),
        "std_error": float(total.std_errors()[0]),
    }


def _results(
    spec: DynamicPanel,
    data: PreparedPanel,
    estimated: Estimates,
    bonds: pd.DataFrame,
    diagnostics: Sequence[Notice],
    *,
    nobs: int,
    tests: GmmTests | None,
) -> DynamicResults:
    sample, inference = data.sample, estimated.inference
    effects = [n for n in sample.keys.pair[: 1 + spec.time_effects] if n is not None]
    glance: dict[str, Any] = {**empty_glance("DynamicPanel", nobs)}
    glance |= {
        "depvar": spec.y,
        "n_entities": sample.n_entities,
        "n_times": sample.n_times,
        "n_clusters": min(inference.n_clusters, default=None),
        "df_t": inference.df_t,
        "cov_type": inference.cov_type,
        "clusters": "+".join(inference.clusters) or None,
        "ssc": inference.ssc,
        "effects": "+".join(effects),
        "rng_entropy": inference.rng_entropy,
    }
    return DynamicResults(
        estimated=estimated,
        estimator=spec.estimator,
        settings=spec.settings,
        info=cast("Glance", glance),
        lag_names=spec.lag_terms,
        bounds=bonds,
        tests=tests,
        labels=dict(sample.labels),
        factors=dict(sample.factors),
        diagnostics=(*data.prepared.notices, *diagnostics),
        key_names=sample.keys.pair,
    )


# --- GMM ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Regressors:
    """Regressors of the GMM equations: names (k,), columns (N, T, 1 + k)."""

    names: tuple[str, ...]
    columns: Floats
    dummies: tuple[str, ...]


def fit_gmm(
    spec: DynamicPanel, data: PreparedPanel, panel: Panel, bonds: pd.DataFrame
) -> DynamicResults:
    """Estimate by difference or system GMM."""
    regressors = _regressors(spec, data)
    design = _design(spec, data, panel, regressors)
    moments = kernel.moments(design)
    _refuse_unidentified(moments, regressors.names)
    fit = kernel.gmm(moments, data.clusters)
    reported = _reported(spec, moments, fit)

    shown = [
        j for j, name in enumerate(regressors.names) if name not in regressors.dummies
    ]
    clusters = data.prepared.cluster_names
    groups = int(data.clusters.max()) + 1
    classical = spec.cov_type == "classical"
    estimated = Estimates.of(
        [regressors.names[j] for j in shown],
        reported.step.coefficients[shown],
        reported.covariance[np.ix_(shown, shown)],
        Inference(
            cov_type="unadjusted" if classical else "clustered",
            ssc="none",
            clusters=() if classical else clusters,
            n_clusters=() if classical else (groups,),
        ),
    )
    tests = _tests(spec, data, moments, fit, reported)
    persistence = _persistence_of(estimated, spec)
    p_values = tests.ar_tests["p_value"]
    diagnostics = [
        *notices.many_instruments(len(moments.columns), clusters[0], groups),
        *notices.few_entities(data.sample.n_entities),
        *notices.outside_bounds(persistence, *bonds["estimate"][["within", "ols"]]),
        *notices.second_order(
            tests.ar_tests["z"].get(2, np.nan), p_values.get(2, np.nan)
        ),
        *notices.uninformative_hansen(tests.hansen.p_value, len(moments.columns)),
    ]
    return _results(
        spec, data, estimated, bonds, diagnostics, nobs=moments.nobs, tests=tests
    )


def _persistence_of(estimated: Estimates, spec: DynamicPanel) -> float:
    lags = np.isin(estimated.names, spec.lag_terms)
    return float(estimated.coefficients[lags].sum())


def _regressors(spec: DynamicPanel, data: PreparedPanel) -> Regressors:
    """Add the dummies of periods and the constant to the regressors."""
    complete = data.complete
    columns, names = [data.columns], list(data.names)
    dummies: list[str] = []
    if spec.time_effects:
        used = np.flatnonzero(complete.any(axis=0))[1:]
        labels = data.period_labels()
        dummies = [f"period {labels[period]}" for period in used.tolist()]
        columns.append(np.eye(complete.shape[1])[used].T * complete[..., None])
    if spec.has_constant:
        names_of_constant = ["Intercept"]
        columns.append(complete[..., None].astype(np.float64))
    else:
        names_of_constant = []
    return Regressors(
        names=(*names, *dummies, *names_of_constant),
        columns=np.concatenate(columns, axis=2),
        dummies=tuple(dummies),
    )


def _design(
    spec: DynamicPanel, data: PreparedPanel, panel: Panel, regressors: Regressors
) -> kernel.Design:
    lagged = list(_lagged_instruments(spec, data, panel))
    by_name = dict(
        zip(regressors.names, range(1, regressors.columns.shape[2]), strict=True)
    )
    exogenous = [*data.sample.names_of("x"), *regressors.dummies]
    own = [
        OwnInstrument(
            name=name,
            values=regressors.columns[..., by_name[name]],
            equation=spec.equation_of(
                "time_effects" if name in regressors.dummies else name
            ),
        )
        for name in exogenous
    ]
    for name, column in zip(
        data.sample.names_of("instruments"),
        data.sample.columns("instruments").T,
        strict=True,
    ):
        values = np.nan_to_num(data.on_grid(data.sample, column))
        own.append(
            OwnInstrument(name=name, values=values, equation=spec.equation_of(name))
        )
    if spec.has_constant:
        constant = data.complete.astype(np.float64)
        own.append(OwnInstrument(name="Intercept", values=constant, equation="level"))
    is_constant = np.array([name == "Intercept" for name in regressors.names])
    return kernel.Design(
        columns=regressors.columns,
        complete=data.complete,
        is_constant=is_constant,
        lagged=lagged,
        own=own,
        system=spec.estimator == "system",
        transform=spec.transform,
        h=spec.h,
    )


def _lagged_instruments(
    spec: DynamicPanel, data: PreparedPanel, panel: Panel
) -> Iterator[LaggedInstruments]:
    for variable, lags in spec.lags_of_instruments().items():
        sample = single_column(panel, variable)
        first, last = lags
        yield LaggedInstruments(
            name=variable,
            values=data.on_grid(sample, sample.matrix[:, 0]),
            first=first,
            last=data.complete.shape[1] if last is None else last,
            equation=spec.equation_of(variable),
            collapse=spec.collapse,
        )


def _refuse_unidentified(moments: Moments, names: Sequence[str]) -> None:
    """Refuse no rows, dependent regressors, and too few instruments."""
    k = len(names)
    if not moments.n_transformed:
        raise IdentificationError(
            "no entity has two consecutive rows with the outcome, its lags and all "
            "regressors: there is nothing to difference.",
            [Notice("no_rows", "no differences", {})],
        )
    columns = moments.transformed[moments.rows.transformed][:, 1:]
    if moments.rows.levels is not None:
        levels = moments.design.columns[moments.rows.levels][:, 1:]
        columns = np.vstack([columns, levels])
    empty = [names[j] for j in np.flatnonzero(~columns.any(axis=0)).tolist()]
    if empty:
        raise IdentificationError(
            f"{quoted(empty)} does not change within entities, so that it drops out of "
            "the differenced equation. Remove it, or use estimator='system'.",
            [Notice("no_variation", "constant within entities", {"terms": empty})],
        )
    dependent = dependences(columns)
    if dependent:
        first = dependent[0]
        others = [names[j] for j in first.on]
        raise CollinearityError(
            f"{cited(names[first.column])} is collinear with {quoted(others)} in the "
            "transformed equation; remove one of them.",
            [
                Notice(
                    "collinear",
                    "collinear",
                    {"column": names[first.column], "on": tuple(others)},
                )
            ],
        )
    total = moments.products.sum(axis=0)[:, 1:]
    size = np.sqrt(np.diag(moments.weight))
    scaled = total / size[:, None] / np.linalg.norm(columns, axis=0)
    if len(total) < k or np.linalg.matrix_rank(scaled) < k:
        raise IdentificationError(
            f"{len(total)} independent instruments for {k} regressors, not all of "
            "which they identify: allow more lags (instrument_lags), or remove "
            "regressors.",
            [
                Notice(
                    "underidentified",
                    "too few instruments",
                    {"n_instruments": len(total), "k": k},
                )
            ],
        )


def _reported(spec: DynamicPanel, moments: Moments, fit: GmmFit) -> Reported:
    """Choose the step and the covariance that are reported."""
    if spec.steps == 2:
        if fit.second is None or fit.corrected is None:
            raise IdentificationError(
                f"steps=2: {len(moments.columns)} instruments, but the covariance of "
                "their moments has a lower rank, since there are not more clusters. Use "
                "collapse=True, fewer lags (instrument_lags=(2, 3)) or steps=1.",
                [
                    Notice(
                        "singular_weights",
                        "singular",
                        {"n_instruments": len(moments.columns)},
                    )
                ],
            )
        uncorrected = spec.cov_type == "classical" or not spec.windmeijer
        covariance = fit.second.bread if uncorrected else fit.corrected
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
    spec: DynamicPanel,
    data: PreparedPanel,
    moments: Moments,
    fit: GmmFit,
    reported: Reported,
) -> GmmTests:
    from scipy.special import chdtrc, ndtr

    orders = [j for j in _ORDERS if j < data.complete.shape[1]]
    z = np.array([kernel.autocorrelation(moments, reported, j) for j in orders])
    ar_tests = pd.DataFrame(
        {"z": z, "p_value": 2 * ndtr(-np.abs(z))}, index=pd.Index(orders, name="order")
    )
    surplus = len(moments.columns) - len(fit.first.coefficients)
    variance = moments.error_variance(fit.first.coefficients)
    if spec.sargan_df == "n-k":
        n = moments.n_transformed
        variance *= n / (n - len(fit.first.coefficients))
    null = "the instruments are not correlated with the errors"
    j = kernel.hansen(moments, fit)[0]
    s = kernel.sargan(moments, fit, variance) if surplus else np.nan
    hansen, sargan = (
        TestResult(
            f"{name} test of overidentification",
            value,
            "chi2",
            float(surplus),
            float(chdtrc(surplus, value)) if np.isfinite(value) else np.nan,
            null,
        )
        for name, value in (("Hansen", j), ("Sargan", s))
    )
    return GmmTests(
        ar_tests=ar_tests,
        hansen=hansen,
        sargan=sargan,
        difference_in_hansen=_difference_in_hansen(moments, fit, j, surplus),
        instruments=_instrument_table(data, moments),
        n_columns=moments.n_columns,
    )


def _difference_in_hansen(
    moments: Moments, fit: GmmFit, whole: float, surplus: int
) -> pd.DataFrame:
    """Test groups of instruments: those of the level equation, and of each variable."""
    from scipy.special import chdtrc

    is_level = np.array(
        [c.equation == "level" and c.variable != "Intercept" for c in moments.columns]
    )
    groups: dict[str, Bools] = {"level equation": is_level} if is_level.any() else {}
    for column in moments.columns:
        if column.variable != "Intercept" and not column.variable.startswith("period "):
            groups[column.variable] = np.array(
                [c.variable == column.variable for c in moments.columns]
            )
    rows = []
    for name, tested in groups.items():
        j, df = kernel.hansen(moments, fit, np.flatnonzero(~tested))
        difference = whole - j
        tested_df = surplus - df if np.isfinite(j) else 0
        rows.append(
            {
                "group": name,
                "n_instruments": int(tested.sum()),
                "without": j,
                "df_without": df,
                "difference": difference,
                "df": tested_df,
                "p_value": float(chdtrc(tested_df, difference))
                if np.isfinite(difference) and tested_df
                else np.nan,
            }
        )
    return pd.DataFrame(rows).set_index("group") if rows else pd.DataFrame()


def _instrument_table(data: PreparedPanel, moments: Moments) -> pd.DataFrame:
    labels = data.period_labels()
    return pd.DataFrame(
        [
            {
                "variable": column.variable,
                "equation": column.equation,
                "lag": column.lag,
                "period": None if column.period is None else labels[column.period],
            }
            for column in moments.columns
        ],
        columns=["variable", "equation", "lag", "period"],
    ).astype({"lag": "Int64"})


# --- corrected within estimators ------------------------------------------------------


def fit_corrected(
    spec: DynamicPanel, data: PreparedPanel, bonds: pd.DataFrame, rng: object
) -> DynamicResults:
    """Correct the within estimates, and draw clusters for intervals."""
    seed = seed_sequence(rng)
    groups = int(data.clusters.max()) + 1
    once = np.ones((1, groups))
    parts = _products(spec, data)
    # Refuses regressors that are collinear or constant within entities.
    _least_squares(data.prepared, data)
    estimate = _corrected(spec, parts, once)
    counts = draw_counts(seed, groups, spec.reps)
    draws = _corrected(spec, parts, counts)

    clusters = data.prepared.cluster_names
    values = draws.coefficients
    estimated = CorrectedEstimates.of(
        data.names,
        estimate.coefficients[0],
        covariance_of(values, clusters=groups),
        Inference(
            cov_type="clustered",
            ssc=None,
            clusters=clusters,
            n_clusters=(groups,),
            drawn=clusters[0],
            n_drawn=groups,
            reps=spec.reps,
            rng_entropy=int(seed.entropy) if isinstance(seed.entropy, int) else None,
        ),
        draw_values=values,
    )
    share = float(1 - draws.solved.mean())
    diagnostics = [
        *few_draws(spec.reps, "ends"),
        *too_few_clusters_to_draw(groups, clusters[0]),
        *notices.bias_not_solved(
            float(estimate.coefficients[0, 0]), share, solved=bool(estimate.solved[0])
        ),
    ]
    nobs = int(data.complete.sum())
    return _results(spec, data, estimated, bonds, diagnostics, nobs=nobs, tests=None)


def _products(
    spec: DynamicPanel, data: PreparedPanel
) -> tuple[WithinProducts, tuple[tuple[WithinProducts, WithinProducts], ...]]:
    """Sum products of the whole panel, and of its halves for the half-panel jackknife."""

    def products(rows: Bools) -> WithinProducts:
        return within_products(
            data.columns, rows, data.clusters, time_effects=spec.time_effects
        )

    whole = products(data.complete)
    if spec.estimator == "lsdvc":
        return whole, ()
    used = np.flatnonzero(data.complete.any(axis=0))
    if used.size < 4:
        raise IdentificationError(
            f"estimator='half_panel' halves {used.size} periods of the sample; it needs "
            "at least four.",
            [Notice("few_periods", "too short to halve", {"periods": used.size})],
        )
    middles = {used.size // 2, (used.size + 1) // 2}
    splits = []
    for middle in sorted(middles):
        early = np.zeros(data.complete.shape[1], dtype=bool)
        early[used[:middle]] = True
        splits.append(
            (products(data.complete & early), products(data.complete & ~early))
        )
    return whole, tuple(splits)


def _corrected(
    spec: DynamicPanel,
    parts: tuple[WithinProducts, tuple[tuple[WithinProducts, WithinProducts], ...]],
    counts: Floats,
) -> Corrected:
    whole, splits = parts
    if spec.estimator == "lsdvc":
        return bias_corrected(whole.drawn(counts))
    drawn = tuple((a.drawn(counts), b.drawn(counts)) for a, b in splits)
    return half_panel(whole.drawn(counts), drawn)
