"""Difference and system GMM of a dynamic panel, from moments by entity."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np

from digiprosper.dynamic.kernels.transforms import (
    Transform,
    transformation,
    transformed,
)
from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.kernels.chunks import chunks
from digiprosper.kernels.tolerances import NO_VARIANCE, SAME_INSTRUMENT
from digiprosper.kernels.within import level_sums

# Bytes of the instruments that are held at a time.
_CHUNK = 2**26
# Orders up to which autocorrelation is tested.
_ORDERS = 3

# --- instruments ----------------------------------------------------------------------

Equation = Literal["both", "difference", "level"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Design:
    """Equations and instruments on a grid of N entities and T periods.

    columns (N, T, 1 + k): outcome, then regressors; any number where not complete
    complete (N, T): rows with all of them and all exogenous instruments
    instruments: variables, as themselves or with their lags
    collapse: whether a lag is one column, or one for each period
    system: whether there is a level equation
    h: first-step weight, as in xtabond2: 3 is the covariance of the stacked errors if
        they are independent with one variance, 2 is without the covariances between
        the two equations, 1 is the identity matrix
    """

    columns: Floats
    complete: Bools
    instruments: Sequence[Instrument]
    collapse: bool
    system: bool
    transform: Transform
    h: int


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Instrument:
    """A variable that is its own instrument, or whose lags are, as in xtabond2.

    Without `lags` it is exogenous, ``iv()``: its column has the transformed values in
    the transformed equation and the values in the level equation. With the first and
    the last of `lags`, ``gmm()``, the transformed equation of period t has its values
    at t - l, and the level equation has its difference at t - (first - 1). `equation`
    says which of the two equations have it.
    """

    name: str
    values: Floats  # (N, T); those of lags are missing where there is no row
    equation: Equation = "both"
    lags: tuple[int, int | None] | None = None


class InstrumentColumn(NamedTuple):
    """What a column of instruments is."""

    variable: str
    equation: Equation
    lag: int | None  # None of an exogenous variable
    period: int | None  # position; None of a column of all periods


def instrument_array(
    design: Design, part: slice
) -> tuple[list[InstrumentColumn], Floats]:
    """Make the instruments (n, R, L) of some entities, and say what the columns are.

    R is the T periods of the transformed equation and, with a level equation, the T
    periods of that. Columns may be zero in every row.
    """
    (n, periods), equations = design.complete[part].shape, 1 + design.system
    by_period = np.tile(np.eye(periods), (equations, 1))
    columns: list[InstrumentColumn] = []
    arrays = [np.zeros((n, equations * periods, 0))]
    for instrument in design.instruments:
        for equation, lag, *blocks in _values_by_lag(design, instrument, part):
            values = np.concatenate(blocks[:equations], axis=1)[..., None]
            by_column: Sequence[int | None] = (None,)
            if lag is not None and not design.collapse:
                by_column = range(lag, periods)
                values = values * by_period[:, lag:]
            columns += [
                InstrumentColumn(instrument.name, equation, lag, period)
                for period in by_column
            ]
            arrays.append(values)
    return columns, np.concatenate(arrays, axis=2)


def _values_by_lag(
    design: Design, instrument: Instrument, part: slice
) -> Iterator[tuple[Equation, int | None, Floats, Floats]]:
    """Make the values (n, T) of each lag in the transformed and the level equation."""
    values, complete = instrument.values[part], design.complete[part]
    equation, periods = instrument.equation, values.shape[1]
    levels, nothing = np.where(complete, values, 0.0), np.zeros(values.shape)
    changes, present = transformed(levels[..., None], complete, design.transform)
    if instrument.lags is None:
        upper = changes[..., 0] * (equation != "level")
        lower = levels * (equation != "difference")
        yield equation if design.system else "difference", None, upper, lower
        return
    first, last = instrument.lags
    if equation != "level":
        for lag in range(first, min(last or periods, periods - 1) + 1):
            lagged = np.nan_to_num(_shifted(values, lag)) * present
            yield "difference", lag, lagged, nothing
    if design.system and equation != "difference":
        change = _shifted(values - _shifted(values, 1), first - 1)
        yield "level", first - 1, nothing, np.nan_to_num(change) * complete


def _shifted(values: Floats, lag: int) -> Floats:
    out = np.full(values.shape, np.nan)
    out[:, lag:] = values[:, : max(values.shape[1] - lag, 0)]
    return out


# --- moments --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Moments:
    """What GMM needs of a design, with L instruments and k regressors.

    products (N, L, 1 + k): ``Z_i' [y_i, X_i]``
    weight (L, L): ``sum_i Z_i' H_i Z_i``
    columns: the L instruments, none a combination of the others
    positions (L,): their positions among all that the design makes
    size (L,): what they are divided by, so that `weight` has a diagonal of one
    transformed (n, 1 + k): outcome and regressors, rows of the transformed equation
    """

    design: Design
    products: Floats
    weight: Floats
    columns: tuple[InstrumentColumn, ...]
    positions: Ints
    size: Floats
    transformed: Floats

    def error_variance(self, coefficients: Floats, *, less_k: bool) -> float:
        """Estimate the variance of the errors from the transformed rows.

        The variance of a difference is twice that of the error. With `less_k` the
        divisor is the number of rows less that of the coefficients.
        """
        residuals = self.transformed[:, 0] - self.transformed[:, 1:] @ coefficients
        scale = 2.0 if self.design.transform == "difference" else 1.0
        divisor = len(residuals) - less_k * len(coefficients)
        return float(residuals @ residuals / divisor / scale)


def moments(design: Design) -> Moments:
    """Transform the equations, and sum products of instruments by entity."""
    values, present = transformed(design.columns, design.complete, design.transform)
    stacked = np.concatenate([values, design.columns], axis=1)
    error_covariance = _error_covariance(design)
    columns, _ = instrument_array(design, slice(0))
    by_chunk, weight = [], np.zeros(())
    for part, z in _instrument_chunks(design):
        by_chunk.append(z.transpose(0, 2, 1) @ stacked[part, : z.shape[1]])
        weighted = np.tensordot(error_covariance, z, axes=(1, 1)).transpose(1, 0, 2)
        weight = weight + np.tensordot(z, weighted, axes=((0, 1), (0, 1)))

    used = np.flatnonzero(np.diag(weight) > 0)
    positions = used[_independent_columns(weight[np.ix_(used, used)])]
    size = np.sqrt(np.diag(weight)[positions])
    return Moments(
        design=design,
        products=np.concatenate(by_chunk)[:, positions] / size[:, None],
        weight=weight[np.ix_(positions, positions)] / size / size[:, None],
        columns=tuple(columns[j] for j in positions.tolist()),
        positions=positions,
        size=size,
        transformed=values[present],
    )


def _instrument_chunks(design: Design) -> Iterator[tuple[slice, Floats]]:
    """Make the instruments (n, R, L) of one chunk of entities after another."""
    n, periods = design.complete.shape
    most = len(design.instruments) * periods ** (1 if design.collapse else 2)
    for part in chunks(n, (1 + design.system) * periods * most, _CHUNK):
        yield part, instrument_array(design, part)[1]


def _error_covariance(design: Design) -> Floats:
    """Make the covariance H (R, R) of stacked errors that the first step assumes.

    That of every entity is cut from that of a balanced panel.
    """
    periods = design.complete.shape[1]
    matrix = transformation(periods, design.transform)
    upper = np.eye(periods) if design.h == 1 else matrix @ matrix.T
    if not design.system:
        return np.asarray(upper)
    cross = matrix * (design.h == 3)
    return np.block([[upper, cross], [cross.T, np.eye(periods)]])


def _independent_columns(gram: Floats) -> Ints:
    """Select columns of full rank from their cross product, in ascending order."""
    from scipy.linalg import qr

    size = np.sqrt(np.diag(gram))
    triangle, order = qr(gram / size / size[:, None], mode="r", pivoting=True)
    rank = int((np.abs(np.diag(triangle)) > SAME_INSTRUMENT).sum())
    return np.sort(order[:rank])


# --- estimates ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class GmmStep:
    """Estimates of one step.

    coefficients (k,)
    bread (k, k): ``(X'Z W Z'X)^-1``
    influence (k, L): what a moment adds to the coefficients, ``bread X'Z W``
    weighted (L,): W times the moments at the coefficients
    criterion: what the step minimises, the moments times `weighted`
    covariance (k, k): of the coefficients; the robust one, and for two steps that of
        Windmeijer (2005, equation 2.6)
    """

    coefficients: Floats
    bread: Floats
    influence: Floats
    weighted: Floats
    criterion: float
    covariance: Floats


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class GmmFit:
    """One-step and, if the moments allow it, two-step estimates.

    score_covariance (L, L): ``sum_g m_g m_g'`` of one-step moments by cluster
    second: None if the covariance of the moments is singular, as it is with more
        instruments than clusters
    """

    first: GmmStep
    second: GmmStep | None
    score_covariance: Floats


def gmm(data: Moments, clusters: Ints) -> GmmFit:
    """Estimate in one and in two steps; `clusters` are codes (N,) of the entities."""
    total = data.products.sum(axis=0)
    first = _step(total, data.weight)
    groups = int(clusters.max()) + 1
    by_cluster = level_sums(
        clusters, groups, data.products.reshape(len(clusters), -1)
    ).reshape(groups, *total.shape)
    scores = by_cluster[..., 0] - by_cluster[..., 1:] @ first.coefficients
    score_covariance = scores.T @ scores
    robust = first.influence @ score_covariance @ first.influence.T
    # A moment with variation in one cluster only is zero at the estimates, but for
    # rounding.
    terms = np.abs(by_cluster * np.append(1.0, first.coefficients)).sum(axis=(0, 2))
    varies = np.sqrt(np.diag(score_covariance)) > NO_VARIANCE * terms
    rank = len(_independent_columns(score_covariance)) if varies.all() else 0
    second = None
    if rank == len(total) <= groups:
        second = _step(total, score_covariance)
        # Derivatives of the moments' covariance, and so of the second step, with
        # respect to the first.
        changes = np.tensordot(by_cluster[..., 1:], scores, axes=(0, 0))
        changes = changes.transpose(1, 0, 2) + changes.transpose(1, 2, 0)
        derivative = second.influence @ (changes @ second.weighted).T
        cross = derivative @ second.bread
        corrected = second.bread + cross + cross.T + derivative @ robust @ derivative.T
        second = replace(second, covariance=corrected)
    return GmmFit(
        first=replace(first, covariance=robust),
        second=second,
        score_covariance=score_covariance,
    )


def identifies(total: Floats) -> bool:
    """Tell whether products (L, 1 + k) of instruments identify all coefficients."""
    regressors = total[:, 1:]
    size = np.linalg.norm(regressors, axis=0)
    scaled = regressors / np.where(size > 0, size, 1.0)
    count, k = regressors.shape
    return count >= k and bool(np.linalg.matrix_rank(scaled) == k)


def _step(total: Floats, moment_covariance: Floats) -> GmmStep:
    """Estimate from summed products (L, 1 + k), whose covariance is given."""
    outcome, regressors = total[:, 0], total[:, 1:]
    weighting = np.asarray(np.linalg.inv(moment_covariance))
    weighted = regressors.T @ weighting
    bread = np.asarray(np.linalg.inv(weighted @ regressors))
    influence = bread @ weighted
    coefficients = influence @ outcome
    moment = outcome - regressors @ coefficients
    return GmmStep(
        coefficients=coefficients,
        bread=bread,
        influence=influence,
        weighted=weighting @ moment,
        criterion=float(moment @ weighting @ moment),
        covariance=bread,
    )


# --- tests ----------------------------------------------------------------------------


def hansen(data: Moments, fit: GmmFit, chosen: Bools) -> tuple[float, int]:
    """Compute Hansen's J with some instruments (L,), and its degrees of freedom.

    The covariance of the moments is part of that of the whole model, so that the
    difference is not negative (Hayashi 2000, section 3.6). Missing where the covariance
    is singular, nothing is overidentified, or the instruments do not identify all
    coefficients.
    """
    total = data.products[:, chosen].sum(axis=0)
    df_hansen = max(len(total) - (total.shape[1] - 1), 0)
    if not df_hansen or fit.second is None:
        return np.nan, df_hansen
    if not identifies(total):
        return np.nan, 0
    return _step(total, fit.score_covariance[chosen][:, chosen]).criterion, df_hansen


def autocorrelations(
    data: Moments, step: GmmStep, variance: float | None
) -> dict[int, tuple[float, float]]:
    """Test autocorrelation (Arellano & Bond 1991, equation 8): z and p by order.

    The tests are about the differenced residuals, whatever the transformation.
    `variance` is that of the errors if the covariance assumes one, else None. Missing
    if no entity has two of the residuals so far apart.
    """
    from scipy.special import ndtr

    design, tests = data.design, {}
    changes, present = transformed(design.columns, design.complete, "difference")
    residuals = changes[..., 0] - changes[..., 1:] @ step.coefficients
    by_entity = data.products[..., 0] - data.products[..., 1:] @ step.coefficients
    for order in range(1, _ORDERS + 1):
        earlier = np.where(present, np.nan_to_num(_shifted(residuals, order)), 0.0)
        products = (earlier * residuals).sum(axis=1)
        if variance is None:
            square, with_moments = products @ products, by_entity.T @ products
        else:
            matrix = transformation(residuals.shape[1], "difference")
            weighted = earlier @ (variance * matrix @ matrix.T)
            square = (weighted * earlier).sum()
            with_moments = _instrument_products(data, weighted)
        regressors = np.einsum("nt,ntk->k", earlier, changes[..., 1:])
        spread = (
            square
            - 2 * regressors @ step.influence @ with_moments
            + regressors @ step.covariance @ regressors
        )
        z = np.nan
        if products.any() and spread > 0:
            z = float(products.sum() / np.sqrt(spread))
        tests[order] = (z, float(2 * ndtr(-abs(z))))
    return tests


def _instrument_products(data: Moments, values: Floats) -> Floats:
    """Multiply values (N, T) of the transformed equation by the instruments (L,)."""
    periods = values.shape[1]
    products = [
        np.einsum("nrl,nr->l", z[:, :periods][..., data.positions], values[part])
        for part, z in _instrument_chunks(data.design)
    ]
    return np.asarray(np.sum(products, axis=0) / data.size)
