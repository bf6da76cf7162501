"""From a layout to results: the likelihood's maximum, its covariance, and the effects."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from digiprosper.errors import IdentificationError, Notice, OptionError, option_problem, quoted
from digiprosper.kernels.resampling import seed_sequence
from digiprosper.kernels.tolerances import NO_VARIANCE, SINGULAR
from digiprosper.report.inference import Inference
from digiprosper.report.notices import few_clusters, lost_draws
from digiprosper.spatial.groups import SpatialEstimated
from digiprosper.spatial.impacts import SpatialEffects
from digiprosper.spatial.kernels.information import (
    Point,
    clustered_covariance,
    expected_information,
    lee_yu,
    observed_information,
    time_effects_bias,
    time_effects_shift,
)
from digiprosper.spatial.kernels.likelihood import at_values, maximise
from digiprosper.spatial.kernels.multiplier import (
    averages,
    by_unit,
    effects,
    effects_of_draws,
    row_sum,
    symmetric_root,
    without_lag,
)
from digiprosper.spatial.notices import (
    biased_coefficient,
    entity_effects_errors,
    near_end,
    several_rows,
)
from digiprosper.spatial.preparation import ERROR, LAG, spatial_columns
from digiprosper.spatial.results import SpatialResults

if TYPE_CHECKING:
    from digiprosper.kernels import Floats
    from digiprosper.spatial.kernels.likelihood import Optimum, SpatialColumns
    from digiprosper.spatial.kernels.spectrum import Spectrum
    from digiprosper.spatial.preparation import Layout

_LOST = "have a rho outside its interval and were dropped."
# Residuals of two entities with time effects are each other's negative, and scores add up to zero.
_LEAST_CLUSTERS = 3


class _Draws(NamedTuple):
    """Seed and number of draws for simulated errors of effects; not simulated without a seed."""

    seed: np.random.SeedSequence | None
    reps: int


def estimate(spec: Any, layout: Layout, rng: object) -> SpatialResults:
    """Maximise the likelihood of a `PanelSpatial`, and compute the covariance, the effects and the notices.

    Notices are stored in `diagnostics`, not issued.
    """
    maximum = _maximum(spec, layout)
    point = maximum if spec.bias_correction is None else _corrected(maximum, layout)
    intercept = () if any(layout.effects) else ("Intercept",)
    names = (*point.names, *layout.names[1:], *intercept)
    covariance = _covariance(point, spec.cov_type, names)
    seed = seed_sequence(rng) if spec.effects_error == "simulated" else None
    inverse = point.inverse(point.optimum.rho)
    spatial_effects = _effects(layout, point, covariance, inverse, _Draws(seed, spec.reps))
    n_drawn = 0 if spatial_effects.draws is None else len(spatial_effects.draws)
    inference = _inference(spec, layout, seed, n_drawn)
    return SpatialResults(
        estimated=_estimated(spec, layout, point, names, covariance, inference, inverse),
        effects=spatial_effects,
        sample=layout.linear.sample,
        labels=layout.linear.labels,
        diagnostics=(
            *layout.linear.diagnostics,
            *layout.weights.diagnostics,
            *_near_ends(point, layout),
            *_bias_notices(spec, layout, maximum, covariance),
            *_cluster_notices(spec, layout),
            *several_rows(layout.slopes, layout.linear.factors),
            *(() if seed is None else lost_draws(spec.reps - n_drawn, spec.reps, _LOST)),
        ),
    )


def _maximum(spec: Any, layout: Layout) -> Point:
    """Maximise the likelihood."""
    lag, error = spec.model in LAG, spec.model in ERROR
    splm = spec.transform == "splm"
    columns = spatial_columns(layout, splm=splm, error=error)
    spectrum = layout.weights.spectrum if lag or error else None
    if spectrum is None and (lag or error):
        _refuse_no_cycle(layout)
    return Point(
        columns=columns,
        optimum=_optimum(columns, spectrum, layout, lag=lag, error=error),
        spectrum=spectrum,
        matrix=layout.weights.matrix,
        lag=lag,
        error=error,
        periods=columns.n_times,
        demean=np.asarray if splm else layout.demean,
    )


def _values(point: Point, count: int) -> Floats:
    """Return the coefficients that have names, which those of dummies of periods do not."""
    return np.concatenate([point.spatial, point.optimum.coefficients])[:count]


def _optimum(
    columns: SpatialColumns, spectrum: Spectrum | None, layout: Layout, *, lag: bool, error: bool
) -> Optimum:
    """Maximise the likelihood; refuse a maximum at an end of the interval."""
    if spectrum is None:
        return at_values(columns, None, 0.0, 0.0)
    optimum = maximise(columns, spectrum, lag=lag, error=error)
    if optimum.at_end:
        value = optimum.rho if optimum.at_end == "rho" else optimum.lam
        raise IdentificationError(
            f"the likelihood has no maximum inside the interval ({spectrum.low:.4g}, {spectrum.high:.4g}) in "
            f"which I - {optimum.at_end} W is invertible: it increases up to {optimum.at_end} = {value:.4g}. "
            f"Check the weights {layout.weights.name!r}, and whether the outcome has a common trend, which "
            "time effects would remove."
        )
    return optimum


def _refuse_no_cycle(layout: Layout) -> None:
    text = (
        f"all eigenvalues of the weights {layout.weights.name!r} are zero, because their links have no "
        "cycle. So the spatial coefficient is not bounded. Use model='slx', or weights in which neighbours "
        "are mutual."
    )
    raise IdentificationError(text)


def _corrected(point: Point, layout: Layout) -> Point:
    """Correct the bias of the fixed effects, and subtract the period that entity effects use."""
    entity, time = layout.effects
    if time and row_sum(layout.matrix) is None:
        islands = layout.weights.islands
        islands_text = f" ({len(islands)} without neighbours: {quoted(islands)})" if islands else ""
        text = (
            "bias_correction='lee_yu' with time effects requires weights with equal row sums, such as "
            f"row-standardised weights without islands; those of {layout.weights.name!r} differ"
            f"{islands_text}. Use SpatialWeights(standardise='row') in which every entity has a "
            "neighbour, or time_effects=False."
        )
        raise OptionError(text, [option_problem("bias_correction", "lee_yu", (None,), text)])
    optimum = lee_yu(point, entity=entity, time=time)
    spectrum = point.spectrum
    for coefficient in (optimum.rho, optimum.lam):
        if spectrum is not None and not spectrum.low < coefficient < spectrum.high:
            raise IdentificationError(
                f"bias_correction='lee_yu' moves the spatial coefficient to {coefficient:.4g}, out of its "
                f"interval ({spectrum.low:.4g}, {spectrum.high:.4g}): there are too few entities. Use "
                "bias_correction=None, or time_effects=False."
            )
    return replace(point, optimum=optimum, periods=point.columns.n_times - float(entity))


def _covariance(point: Point, cov_type: str, names: tuple[str, ...]) -> Floats:
    """Compute the covariance of the coefficients that have names."""
    information = expected_information(point) if cov_type == "information" else observed_information(point)
    scale = 1 / np.sqrt(np.abs(np.diag(information)))
    scaled = information * scale * scale[:, None]
    if not float(np.linalg.eigvalsh(scaled)[0]) > SINGULAR:
        raise IdentificationError(
            "the information matrix of the estimates is not positive definite, because the likelihood is "
            "flat. So there are no standard errors. Drop regressors, or the spatial lags of some "
            "(spatial_lags)."
        )
    k = len(names)
    covariance = (np.linalg.inv(scaled) * scale * scale[:, None])[:k, :k]
    if cov_type != "clustered":
        return np.asarray(covariance)
    _refuse_two_clusters(point)
    clustered = clustered_covariance(point)[:k, :k]
    _refuse_no_variance(np.diag(clustered), np.diag(covariance), names)
    return clustered


def _refuse_two_clusters(point: Point) -> None:
    n = point.columns.n_entities
    if n < _LEAST_CLUSTERS:
        raise IdentificationError(
            f"cov_type='clustered' needs at least {_LEAST_CLUSTERS} entities; the sample has "
            f"{n}. Use cov_type='observed'."
        )


def _refuse_no_variance(clustered: Floats, observed: Floats, names: tuple[str, ...]) -> None:
    """Refuse coefficients whose scores are zero in every entity, as of a regressor that fits single rows."""
    no_variance = ~(clustered > NO_VARIANCE**2 * observed)
    if no_variance.any():
        terms = [name for name, missing in zip(names, no_variance, strict=True) if missing]
        raise IdentificationError(
            f"no clustered standard error for {quoted(terms)}: the scores of every entity add up to zero, "
            "for example because a regressor varies in only one entity. Use cov_type='observed'."
        )


def _effects(
    layout: Layout, point: Point, covariance: Floats, inverse: Floats, drawing: _Draws
) -> SpatialEffects:
    """Compute effects of all regressors, with errors by the delta method or from draws."""
    selection = _chosen(layout, point, len(covariance))
    values = _values(point, len(covariance))
    b, covariance_b = selection @ values, selection @ covariance @ selection.T
    k = len(layout.slopes)
    lag, matrix = point.lag, layout.matrix
    slopes, lags = b[-2 * k : -k], b[-k:]
    if lag and point.spectrum is not None:
        average, derivative = averages(matrix, inverse, point.spectrum, point.optimum.rho)
    else:
        average, derivative = without_lag(matrix)
    average_effects = effects(average, derivative, slopes, lags, covariance_b, lag=lag)
    return SpatialEffects(
        terms=layout.slopes,
        slopes=slopes,
        lags=lags,
        estimates=average_effects.estimates,
        covariance=average_effects.covariance,
        draws=None if drawing.seed is None else _drawn(point, matrix, b, covariance_b, drawing),
        units=by_unit(matrix, inverse),
        entities=layout.prepared.sample.entities,
    )


def _chosen(layout: Layout, point: Point, count: int) -> Floats:
    """Return rows that select rho, the slopes and their spatial lags; zeros for an absent one."""
    first, k = len(point.spatial), len(layout.slopes)
    positions: list[int | None] = [*[0] * point.lag, *(first + j for j in range(k))]
    lags = {name: first + k + j for j, name in enumerate(layout.lags)}
    positions += [lags.get(name) for name in layout.slopes]
    selection = np.zeros((len(positions), count))
    for row, position in enumerate(positions):
        if position is not None:
            selection[row, position] = 1.0
    return selection


def _drawn(point: Point, matrix: Floats, b: Floats, covariance: Floats, drawing: _Draws) -> Floats:
    """Draw coefficients from their normal distribution and compute the effects of each draw."""
    k = (b.size - point.lag) // 2
    generator = np.random.default_rng(drawing.seed)
    draws = b + generator.standard_normal((drawing.reps, b.size)) @ symmetric_root(covariance)
    if not point.lag or point.spectrum is None:
        return effects_of_draws(matrix, None, draws[:, 0], draws[:, :k], draws[:, k:])
    inside = (draws[:, 0] > point.spectrum.low) & (draws[:, 0] < point.spectrum.high)
    rho, slopes, lags = draws[inside, 0], draws[inside, 1 : k + 1], draws[inside, k + 1 :]
    return effects_of_draws(matrix, point.spectrum, rho, slopes, lags)


def _near_ends(point: Point, layout: Layout) -> list[Notice]:
    """Report spatial coefficients near an end of their interval."""
    spectrum = point.spectrum
    if spectrum is None:
        return []
    notices: list[Notice] = []
    for name, value in zip(point.names, point.spatial, strict=True):
        notices += near_end(name, value, (spectrum.low, spectrum.high), layout.weights.name)
    return notices


def _bias_notices(spec: Any, layout: Layout, maximum: Point, covariance: Floats) -> list[Notice]:
    """Report the bias of rho, lambda and the standard errors that comes from the fixed effects."""
    entity, time = layout.effects
    can_correct = not time or row_sum(layout.matrix) is not None
    notices: list[Notice] = []
    if entity and spec.bias_correction is None and spec.cov_type != "clustered":
        notices += entity_effects_errors(layout.n_times, can_correct=can_correct)
    if not time or not maximum.names:
        return notices

    shift, bias = time_effects_shift(maximum), time_effects_bias(maximum)
    for j, name in enumerate(maximum.names):
        notices += biased_coefficient(
            name,
            float(bias[j]),
            float(bias[j] + shift[j]) if can_correct else None,
            float(np.sqrt(covariance[j, j])),
            len(layout.matrix),
            model=spec.model,
            corrected=bool(spec.bias_correction),
        )
    return notices


def _cluster_notices(spec: Any, layout: Layout) -> tuple[Notice, ...]:
    """Report few entities to cluster by."""
    if spec.cov_type != "clustered":
        return ()
    sample = layout.prepared.sample
    return few_clusters(
        sample.n_entities,
        sample.keys.entity_name,
        "clustered standard errors are too small with few clusters; compare cov_type='observed'.",
    )


def _estimated(
    spec: Any,
    layout: Layout,
    point: Point,
    names: tuple[str, ...],
    covariance: Floats,
    inference: Inference,
    inverse: Floats,
) -> SpatialEstimated:
    optimum, spectrum, k = point.optimum, point.spectrum, len(layout.names) - 1
    demeaned_fit = (layout.demeaned[:, 1:] @ optimum.coefficients[:k]).reshape(len(inverse), -1)
    explained = inverse @ demeaned_fit if point.lag else demeaned_fit
    df_absorbed = layout.prepared.within.rank
    return SpatialEstimated.of(
        names,
        _values(point, len(names)),
        covariance,
        inference,
        depvar=spec.y,
        model=spec.model,
        residuals=optimum.residuals,
        sigma2=optimum.sigma2,
        loglik=optimum.loglik,
        n_parameters=len(point.spatial) + k + df_absorbed + 1,
        rsquared_within=float(np.corrcoef(explained.ravel(), layout.demeaned[:, 0])[0, 1] ** 2),
        df_absorbed=df_absorbed,
        effect_names=layout.prepared.effect_names,
        interval=(np.nan, np.nan) if spectrum is None else (spectrum.low, spectrum.high),
        transform=spec.transform,
        bias_correction=spec.bias_correction,
        weights_name=layout.weights.name,
        weights_text=layout.weights.conventions,
        weights_standardise=layout.weights.standardise,
        weights_hash=layout.weights.digest,
    )


def _inference(spec: Any, layout: Layout, seed: np.random.SeedSequence | None, reps: int) -> Inference:
    sample = layout.prepared.sample
    clustered = spec.cov_type == "clustered"
    groups = sample.n_entities
    return Inference(
        cov_type=spec.cov_type,
        clusters=(sample.keys.entity_name,) if clustered else (),
        n_clusters=(groups,) if clustered else (),
        df_t=groups - 1.0 if clustered else np.inf,
        reps=reps,
        rng_entropy=None if seed is None else _entropy(seed),
    )


def _entropy(seed: np.random.SeedSequence) -> int:
    entropy: Any = seed.entropy
    return int(entropy)
