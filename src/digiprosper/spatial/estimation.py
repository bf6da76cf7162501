"""Estimation of spatial models: maximum likelihood, covariance and effects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np

from digiprosper.checks import option_error
from digiprosper.errors import IdentificationError, Notice, quoted
from digiprosper.kernels import Floats
from digiprosper.kernels.leverage import effective_clusters
from digiprosper.kernels.resampling import seed_sequence
from digiprosper.kernels.tolerances import NO_VARIANCE, SINGULAR
from digiprosper.linear.diagnostics import largest_clusters
from digiprosper.linear.notices import (
    EFFECTIVE_CLUSTERS,
    FewTreated,
    few_treated_notices,
)
from digiprosper.report.estimates import Estimates
from digiprosper.report.inference import Inference
from digiprosper.report.notices import few_clusters, lost_draws
from digiprosper.spatial import notices
from digiprosper.spatial.kernels import likelihood
from digiprosper.spatial.kernels.determinants import (
    Determinants,
    Spectrum,
    averages,
    by_unit,
    effects,
    effects_of_draws,
    symmetric_root,
)
from digiprosper.spatial.kernels.matrices import row_sum
from digiprosper.spatial.preparation import ERROR, LAG, Layout, spatial_columns
from digiprosper.spatial.results import SpatialEffects, SpatialResults

_LOST = "have a rho outside its interval and were dropped."
# With two entities and time effects, scores by entity add up to zero.
_LEAST_CLUSTERS = 3
# A column is absorbed if at most this share of its length remains.
_ABSORBED = 1e-6


def estimate(spec: Any, layout: Layout, rng: object) -> SpatialResults:
    """Estimate a `PanelSpatial`, without issuing notices."""
    point = maximise_likelihood(spec, layout)
    if spec.likelihood == "lee_yu":
        point = _lee_yu_point(point, layout)
    intercept = () if any(layout.effects) else ("Intercept",)
    spatial = point.spatial
    names = (*spatial, *layout.names[1:], *intercept)
    # Dummies of periods have no names
    values = np.array([*spatial.values(), *point.optimum.coefficients])[: len(names)]
    covariances = _covariances(point, spec.error_type, names)
    covariance = _larger_errors(covariances)
    seed = seed_sequence(rng) if spec.effects_error == "simulated" else None
    spatial_effects = _spatial_effects(spec, layout, point, values, covariances, seed)
    n_drawn = 0 if spatial_effects.draws is None else len(spatial_effects.draws)
    optimum, weights = point.optimum, layout.weights
    spectrum = point.determinants.eigenvalues
    interval = (np.nan, np.nan) if spectrum is None else (spectrum.low, spectrum.high)
    df_absorbed = layout.prepared.within.rank
    outcome, demeaned = layout.demeaned[:, 0], layout.demeaned[:, 1:]
    fitted = demeaned @ optimum.coefficients[: demeaned.shape[1]]
    predicted = likelihood.lagged(point.inverse(optimum.rho), fitted)
    return SpatialResults(
        estimated=Estimates.of(
            names, values, covariance, _make_inference(spec, layout, seed, n_drawn)
        ),
        effects=spatial_effects,
        sample=layout.sample,
        labels=dict(layout.prepared.sample.labels),
        diagnostics=(
            *layout.notices,
            *weights.diagnostics,
            *notices.near_end(spatial, interval, weights.name),
            *_bias_notices(spec, layout, point, covariance),
            *_shock_notices(spec, layout, point),
            *_few_entities(spec, layout),
            *notices.several_rows(layout.slopes, layout.sample.factors),
            *lost_draws(0 if seed is None else spec.reps - n_drawn, spec.reps, _LOST),
        ),
        depvar=spec.y,
        model=spec.model,
        transform=spec.transform,
        likelihood=spec.likelihood,
        residuals=optimum.residuals,
        loglik=optimum.loglik,
        sigma2=optimum.sigma2,
        rsquared_within=float(np.corrcoef(predicted, outcome)[0, 1] ** 2),
        n_parameters=len(spatial) + len(layout.names) + df_absorbed,
        df_absorbed=df_absorbed,
        effect_names=layout.prepared.effect_names,
        interval=interval,
        weights_name=weights.name,
        weights_text=weights.conventions,
        weights_made_by=weights.made_by,
        weights_standardise=weights.standardise,
        weights_hash=weights.digest,
    )


def maximise_likelihood(spec: Any, layout: Layout) -> likelihood.Point:
    """Maximise the likelihood; refuse a maximum at an end of the interval."""
    lag, error = spec.model in LAG, spec.model in ERROR
    splm = spec.transform == "splm"
    columns = spatial_columns(layout, splm=splm, error=error)
    spectrum = layout.weights.spectrum if lag or error else None
    if spectrum is None and (lag or error):
        raise IdentificationError(
            f"all eigenvalues of the weights {layout.weights.name!r} are zero, because "
            "their links have no cycle. So the spatial coefficient is not bounded. "
            "Use model='slx', or weights in which neighbours are mutual."
        )
    determinants = Determinants(spectrum, columns.n_times, len(columns.y))
    if spec.likelihood == "adjusted":
        determinants = _adjusted_determinants(layout, spectrum, splm=splm)
    if spectrum is None:
        optimum = likelihood.at_values(columns, determinants, 0.0, 0.0)
    else:
        optimum = likelihood.maximise(columns, determinants, lag=lag, error=error)
        if optimum.at_end:
            raise _no_maximum(layout, determinants, optimum)
    return likelihood.Point(
        columns=columns,
        optimum=optimum,
        determinants=determinants,
        matrix=layout.weights.matrix,
        lag=lag,
        error=error,
        demean=np.asarray if splm else layout.demean,
    )


def _no_maximum(
    layout: Layout, determinants: Determinants, optimum: likelihood.Optimum
) -> IdentificationError:
    spectrum, name = determinants.spectrum, optimum.at_end
    value = optimum.rho if name == "rho" else optimum.lam
    text = (
        f"the likelihood has no maximum inside the interval ({spectrum.low:.4g}, "
        f"{spectrum.high:.4g}) in which I - {name} W is invertible: it increases up to "
        f"{name} = {value:.4g}. Check the weights {layout.weights.name!r}, and whether "
        "the outcome has a common trend, which time effects would remove."
    )
    if determinants.period_means is not None:
        text += (
            " With time effects, weights with many links leave little information on "
            f"{name}: use weights with fewer links or a faster decay."
        )
    return IdentificationError(text)


def _adjusted_determinants(
    layout: Layout, spectrum: Spectrum | None, *, splm: bool
) -> Determinants:
    """Make determinants of the likelihood adjusted for fixed effects."""
    entity, time = layout.effects
    if splm and time and row_sum(layout.matrix) is None:
        raise option_error(
            "transform",
            "splm",
            "likelihood='adjusted' with time effects and weights with different row "
            "sums requires transform='exact'. Use likelihood='unadjusted' for the "
            "estimates of splm.",
            ("exact",),
        )
    periods = layout.n_times - float(entity)
    rows = periods * (len(layout.matrix) - float(time))
    means = layout.weights.period_means if time and spectrum is not None else None
    return Determinants(spectrum, periods, rows, means)


def _lee_yu_point(point: likelihood.Point, layout: Layout) -> likelihood.Point:
    """Correct the bias of fixed effects, and drop the period of entity effects."""
    entity, time = layout.effects
    if time and row_sum(layout.matrix) is None:
        islands = layout.weights.islands
        islands_text = (
            f" ({len(islands)} without neighbours: {quoted(islands)})"
            if islands
            else ""
        )
        raise option_error(
            "likelihood",
            "lee_yu",
            "likelihood='lee_yu' with time effects requires weights with equal row "
            "sums, such as row-standardised weights without islands; those of "
            f"{layout.weights.name!r} differ"
            f"{islands_text}. Use likelihood='adjusted', which does not require them.",
            ("adjusted",),
        )
    spectrum = point.determinants.eigenvalues
    periods = point.determinants.periods - float(entity)
    optimum = likelihood.lee_yu(
        point, layout.weights.period_means if time else None, entity=entity
    )
    for coefficient in (optimum.rho, optimum.lam):
        if spectrum is not None and not spectrum.low < coefficient < spectrum.high:
            raise IdentificationError(
                "likelihood='lee_yu' moves the spatial coefficient to "
                f"{coefficient:.4g}, out of its interval ({spectrum.low:.4g}, "
                f"{spectrum.high:.4g}): there are too few entities. Use "
                "likelihood='adjusted', or time_effects=False."
            )
    rows = periods * point.columns.n_entities
    return replace(
        point, optimum=optimum, determinants=Determinants(spectrum, periods, rows)
    )


def _covariances(
    point: likelihood.Point, error_type: str, names: tuple[str, ...]
) -> tuple[Floats, ...]:
    """Compute the covariances of the coefficients: one, or two for "larger"."""
    information = (
        likelihood.expected_information(point)
        if error_type == "information"
        else likelihood.observed_information(point)
    )
    scale = 1 / np.sqrt(np.abs(np.diag(information)))
    scaled = information * scale * scale[:, None]
    if not float(np.linalg.eigvalsh(scaled)[0]) > SINGULAR:
        raise IdentificationError(
            "the information matrix of the estimates is not positive definite, because "
            "the likelihood is flat. So there are no standard errors. Drop "
            "regressors, or the spatial lags of some (spatial_lags)."
        )
    k = len(names)
    inverse = np.linalg.inv(scaled) * scale * scale[:, None]
    covariance = inverse[:k, :k]
    if error_type in ("observed", "information"):
        return (covariance,)
    n = point.columns.n_entities
    if error_type == "clustered" and n < _LEAST_CLUSTERS:
        raise IdentificationError(
            f"cov_type='clustered' needs at least {_LEAST_CLUSTERS} entities; the "
            f"sample has {n}. Use cov_type='observed'."
        )
    clustered = likelihood.clustered_covariance(point, inverse)[:k, :k]
    if error_type == "larger":
        return covariance, clustered
    # Scores are zero in every entity, for example of dummies of single rows
    no_variance = ~(np.diag(clustered) > NO_VARIANCE**2 * np.diag(covariance))
    if no_variance.any():
        terms = [names[j] for j in np.flatnonzero(no_variance)]
        raise IdentificationError(
            f"no clustered standard error for {quoted(terms)}: the scores of every "
            "entity add up to zero, for example because a regressor varies in only "
            "one entity. Use cov_type='observed'."
        )
    return (clustered,)


def _larger_errors(covariances: Sequence[Floats]) -> Floats:
    """Scale the first covariance to the larger standard errors."""
    first = covariances[0]
    variance = np.diag(first)
    largest = np.max([np.diag(covariance) for covariance in covariances], axis=0)
    ratio = np.divide(largest, variance, out=np.ones_like(largest), where=variance > 0)
    scale = np.sqrt(ratio)
    return np.asarray(first * scale * scale[:, None])


def _spatial_effects(
    spec: Any,
    layout: Layout,
    point: likelihood.Point,
    values: Floats,
    covariances: Sequence[Floats],
    seed: np.random.SeedSequence | None,
) -> SpatialEffects:
    """Compute the effects of all regressors, with errors by delta method or draws."""
    # rho with a lag of the outcome, slopes, and slopes of lags: zero if there is none
    lag, k, first = int(point.lag), len(layout.slopes), len(point.spatial)
    rows = [*range(lag + k), *(lag + k + j for j in layout.lagged_slopes)]
    columns = [*range(lag), *range(first, first + len(rows) - lag)]
    selection = np.zeros((lag + 2 * k, len(values)))
    selection[rows, columns] = 1.0
    b = selection @ values
    covariances = [selection @ c @ selection.T for c in covariances]
    slopes, lags = np.split(b[lag:], 2)
    matrix, rho = layout.matrix, point.optimum.rho
    spectrum = point.determinants.spectrum if point.lag else None
    units = by_unit(matrix, point.inverse(rho))
    average, derivative = averages(units, spectrum, rho)
    estimates, gradient = effects(average, derivative, slopes, lags)
    draws = None
    if seed is not None:
        normal = np.random.default_rng(seed).standard_normal((spec.reps, b.size))
        samples = np.stack([b + normal @ symmetric_root(c) for c in covariances])
        if spectrum is not None:
            rhos = samples[..., 0]
            inside = ((rhos > spectrum.low) & (rhos < spectrum.high)).all(axis=0)
            samples = samples[:, inside]
        draws, *others = (effects_of_draws(matrix, spectrum, s) for s in samples)
        # With two covariances, those of an effect with the larger deviation
        for other in others:
            draws = np.where(other.std(axis=0) > draws.std(axis=0), other, draws)
    return SpatialEffects(
        terms=layout.slopes,
        slopes=slopes,
        lags=lags,
        estimates=estimates,
        covariance=_larger_errors([gradient @ c @ gradient.T for c in covariances]),
        draws=draws,
        units=units,
        entities=layout.prepared.sample.entities,
    )


def _bias_notices(
    spec: Any, layout: Layout, point: likelihood.Point, covariance: Floats
) -> Iterator[Notice]:
    """Report the bias from fixed effects without the adjusted likelihood."""
    entity, time = layout.effects
    if spec.likelihood == "adjusted":
        return
    if entity and spec.likelihood == "unadjusted" and spec.error_type != "clustered":
        yield from notices.entity_effects_errors(layout.n_times)
    spatial = point.spatial
    if not time or not spatial:
        return
    try:
        adjusted = maximise_likelihood(
            spec.replace(likelihood="adjusted", transform="exact"), layout
        )
        names = (*spatial, *layout.names[1:])
        observed, clustered = _covariances(adjusted, "larger", names)
    except IdentificationError:
        return
    without_bias = adjusted.spatial
    for j, (name, value) in enumerate(spatial.items()):
        error = deviation = float(np.sqrt(covariance[j, j]))
        if spec.error_type != "clustered":
            deviation *= float(np.sqrt(max(clustered[j, j] / observed[j, j], 1.0)))
        yield from notices.biased_coefficient(
            name,
            value - without_bias[name],
            error,
            deviation,
            model=spec.model,
            n_entities=len(layout.matrix),
            likelihood=spec.likelihood,
        )


def _shock_notices(
    spec: Any, layout: Layout, point: likelihood.Point
) -> Iterator[Notice]:
    """Report significant time effects in a model without them, by an LR test."""
    # Residuals do not show them, because the spatial coefficient absorbs them.
    from scipy.special import chdtrc

    (entity, time), n, t = layout.effects, len(layout.matrix), layout.n_times
    if time or t < 2 or n < 2:
        return
    demeaned = likelihood.without_means(layout.raw, t, entity, time=True)
    lengths = np.linalg.norm(demeaned, axis=0)
    if (lengths <= _ABSORBED * np.linalg.norm(layout.demeaned, axis=0)).any():
        return  # A regressor that is common to all entities is collinear with them.
    plain = spec.replace(likelihood="unadjusted")
    both = replace(layout, effects=(entity, True), demeaned=demeaned)
    try:
        lower, higher = (
            maximise_likelihood(plain, rows).optimum for rows in (layout, both)
        )
        with_time_effects = maximise_likelihood(spec, both).spatial
    except IdentificationError:
        return
    # Entity effects take a period, whose variance the likelihood counts.
    statistic = 2 * (higher.loglik - lower.loglik) * (1 - float(entity) / t)
    yield from notices.common_shocks(
        layout.prepared.sample.keys.time_name,
        statistic,
        t - 1,
        float(chdtrc(t - 1, max(statistic, 0.0))),
        {
            name: (value, with_time_effects[name])
            for name, value in point.spatial.items()
        },
    )


def _few_entities(spec: Any, layout: Layout) -> Iterator[Notice]:
    """Report few clusters, and regressors that vary in few, with their lags."""
    n, entity = len(layout.matrix), layout.sample.key_names[0]
    if spec.error_type == "clustered":
        yield from few_clusters(
            n,
            entity,
            "clustered standard errors are too small with few clusters; use "
            "cov_type='larger'.",
        )
    # Spatial lags are reported only together with their regressor.
    # Each regressor net of the others, over its own sum of squares (k, N, T)
    projections = np.linalg.pinv(layout.demeaned[:, 1:]).reshape(-1, n, layout.n_times)
    shares = (projections**2).sum(axis=2).T
    shares /= shares.sum(axis=0)
    effective = effective_clusters(shares)
    few = effective < min(EFFECTIVE_CLUSTERS, n / 2)
    few &= few[[*range(len(layout.slopes)), *layout.lagged_slopes]]
    labels, names = layout.weights.entities, layout.names[1:]
    terms = {
        names[j]: largest_clusters(float(effective[j]), shares[:, j], labels)
        for j in np.flatnonzero(few)
    }
    if terms and layout.n_times > 1:
        only_controls = names[0] not in terms
        yield from few_treated_notices([FewTreated(entity, n, terms, only_controls)])


def _make_inference(
    spec: Any, layout: Layout, seed: np.random.SeedSequence | None, reps: int
) -> Inference:
    by_entity: dict[str, Any] = {}
    if spec.error_type in ("clustered", "larger"):
        n = layout.sample.n_entities
        entity = layout.sample.key_names[0]
        by_entity = {"clusters": (entity,), "n_clusters": (n,), "df_t": n - 1.0}
    return Inference(
        cov_type=spec.error_type,
        reps=reps,
        rng_entropy=None if seed is None else cast("int", seed.entropy),
        **by_entity,
    )
