"""Difference and system GMM of a dynamic panel, from moments by entity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from digiprosper.dynamic.kernels.instruments import (
    InstrumentColumn,
    Rows,
    instrument_array,
    layout,
)
from digiprosper.dynamic.kernels.transforms import (
    differences,
    transformation,
    transformed,
)
from digiprosper.kernels.chunks import chunks
from digiprosper.kernels.tolerances import SAME_INSTRUMENT
from digiprosper.kernels.within import level_sums

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digiprosper.dynamic.kernels.instruments import (
        ExogenousInstrument,
        LaggedInstruments,
    )
    from digiprosper.dynamic.kernels.transforms import Transform
    from digiprosper.kernels import Bools, Floats, Ints

# Bytes of the instruments that are held at a time.
_CHUNK = 2**26


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Design:
    """Equations and instruments on a grid of N entities and T periods.

    columns (N, T, 1 + k): outcome, then regressors; any number where not complete
    complete (N, T): rows with all of them and all exogenous instruments
    is_constant (k,): regressors that drop out of the transformed equation
    system: whether there is a level equation
    h: first-step weight, as in xtabond2: 3 is the covariance of the stacked errors if
        they are independent with one variance, 2 is without the covariances between
        the two equations, 1 is the identity matrix
    """

    columns: Floats
    complete: Bools
    is_constant: Bools
    lagged: Sequence[LaggedInstruments]
    exogenous: Sequence[ExogenousInstrument]
    system: bool
    transform: Transform
    h: int


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Moments:
    """What GMM needs of a design, with L instruments and k regressors.

    products (N, L, 1 + k): ``Z_i' [y_i, X_i]``
    weight (L, L): ``sum_i Z_i' H_i Z_i``
    columns: the L instruments, none a combination of the others
    size (L,): what they are divided by, so that `weight` has a diagonal of one
    rows: which rows the equations have
    transformed (N, T, 1 + k): outcome and regressors of the transformed equation
    changes (N, T, 1 + k): their first differences, zero without `has_change` (N, T)
    """

    design: Design
    products: Floats
    weight: Floats
    columns: tuple[InstrumentColumn, ...]
    size: Floats
    rows: Rows
    transformed: Floats
    changes: Floats
    has_change: Bools

    @property
    def n_transformed(self) -> int:
        """How many rows the transformed equation has."""
        return int(self.rows.transformed.sum())

    @property
    def nobs(self) -> int:
        """Rows of the level equation if there is one, else of the transformed one."""
        levels = self.rows.levels
        return self.n_transformed if levels is None else int(levels.sum())

    def by_entity(self, coefficients: Floats) -> Floats:
        """Compute the moments (N, L) of each entity, ``Z_i' (y_i - X_i b)``."""
        return np.asarray(self.products[..., 0] - self.products[..., 1:] @ coefficients)

    def differenced_residuals(self, coefficients: Floats) -> Floats:
        """Compute differenced residuals (N, T), zero where there are none."""
        return np.asarray(self.changes[..., 0] - self.changes[..., 1:] @ coefficients)

    def error_variance(self, coefficients: Floats) -> float:
        """Estimate the variance of the errors from the transformed rows.

        The variance of a difference is twice that of the error.
        """
        residuals = self.transformed[..., 0] - self.transformed[..., 1:] @ coefficients
        scale = 2.0 if self.design.transform == "difference" else 1.0
        return float((residuals**2).sum() / self.n_transformed / scale)


def moments(design: Design) -> Moments:
    """Transform the equations, and sum products of instruments by entity."""
    complete = design.complete
    values = np.where(complete[..., None], design.columns, 0.0)
    values_t, has_t = transformed(values, complete, design.transform)
    changes, has_change = differences(values, complete)
    for array in (values_t, changes):
        array[..., 1:][..., design.is_constant] = 0.0
    rows = Rows(transformed=has_t, levels=complete if design.system else None)
    exogenous = [_exogenous_columns(variable, design) for variable in design.exogenous]

    columns = layout(design.lagged, design.exogenous, rows)
    stacked = np.concatenate([values_t, values], axis=1) if design.system else values_t
    products = np.empty((len(complete), len(columns), values.shape[2]))
    weight = np.zeros((len(columns), len(columns)))
    error_covariance = _error_covariance(design)
    for part in chunks(len(complete), stacked.shape[1] * len(columns), _CHUNK):
        z = instrument_array(columns, design.lagged, exogenous, rows, part)
        products[part] = z.transpose(0, 2, 1) @ stacked[part]
        weighted = np.tensordot(error_covariance, z, axes=(1, 1)).transpose(1, 0, 2)
        weight += np.tensordot(z, weighted, axes=((0, 1), (0, 1)))

    kept = _independent_instruments(weight)
    size = np.sqrt(np.diag(weight)[kept])
    return Moments(
        design=design,
        products=products[:, kept] / size[:, None],
        weight=weight[np.ix_(kept, kept)] / size / size[:, None],
        columns=tuple(columns[j] for j in kept.tolist()),
        size=size,
        rows=rows,
        transformed=values_t,
        changes=changes,
        has_change=has_change,
    )


def _exogenous_columns(
    variable: ExogenousInstrument, design: Design
) -> tuple[Floats, Floats]:
    """Transform an exogenous variable; its halves (N, T) in the two equations."""
    levels = np.where(design.complete, variable.values, 0.0)
    change = transformed(levels[..., None], design.complete, design.transform)[0]
    nothing = np.zeros(levels.shape)
    if not design.system or variable.equation == "difference":
        return change[..., 0], nothing
    if variable.equation == "level":
        return nothing, levels
    return change[..., 0], levels


def _error_covariance(design: Design) -> Floats:
    """Make the covariance H (R, R) of stacked errors that the first step assumes.

    That of every entity is cut from that of a balanced panel.
    """
    periods = design.complete.shape[1]
    matrix = transformation(periods, design.transform)
    upper = np.eye(periods) if design.h == 1 else matrix @ matrix.T
    if not design.system:
        return np.asarray(upper)
    cross = matrix if design.h == 3 else np.zeros((periods, periods))
    return np.block([[upper, cross], [cross.T, np.eye(periods)]])


def _independent_instruments(weight: Floats) -> Ints:
    """Select instruments none of which is a combination of the others."""
    used = np.flatnonzero(np.diag(weight) > 0)
    if not used.size:
        return used
    return np.asarray(used[_independent(weight[np.ix_(used, used)])])


def _independent(gram: Floats) -> Ints:
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
    weighting (L, L): W
    """

    coefficients: Floats
    bread: Floats
    influence: Floats
    weighting: Floats


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class GmmFit:
    """One-step and, if the moments allow it, two-step estimates.

    score_covariance (L, L): ``sum_g m_g m_g'`` of one-step moments by cluster
    robust (k, k): robust covariance of the one-step estimates
    second: None if there are more instruments than clusters, so that the covariance
        of the moments is singular
    corrected (k, k): covariance of the two-step estimates by Windmeijer (2005, equation
        2.6)
    """

    first: GmmStep
    score_covariance: Floats
    robust: Floats
    second: GmmStep | None
    corrected: Floats | None


def gmm(data: Moments, clusters: Ints) -> GmmFit:
    """Estimate in one and in two steps; `clusters` are codes (N,) of the entities."""
    total = data.products.sum(axis=0)
    first = _step(total, _inverse(data.weight))
    groups = int(clusters.max()) + 1
    by_cluster = level_sums(
        clusters, groups, data.products.reshape(len(clusters), -1)
    ).reshape(groups, *total.shape)
    scores = by_cluster[..., 0] - by_cluster[..., 1:] @ first.coefficients
    score_covariance = scores.T @ scores
    robust = first.influence @ score_covariance @ first.influence.T
    second = corrected = None
    if groups >= len(total) and _is_regular(score_covariance):
        second = _step(total, _inverse(score_covariance))
        gap = total[:, 0] - total[:, 1:] @ second.coefficients
        # Derivatives of the second step with respect to the first, by its weights.
        moved = np.column_stack(
            [
                second.influence
                @ _symmetric(by_cluster[..., j].T @ scores)
                @ second.weighting
                @ gap
                for j in range(1, total.shape[1])
            ]
        )
        corrected = (
            second.bread + _symmetric(moved @ second.bread) + moved @ robust @ moved.T
        )
    return GmmFit(
        first=first,
        score_covariance=score_covariance,
        robust=robust,
        second=second,
        corrected=corrected,
    )


def identifies(total: Floats) -> bool:
    """Tell whether products (L, 1 + k) of instruments identify all coefficients."""
    regressors = total[:, 1:]
    size = np.linalg.norm(regressors, axis=0)
    scaled = regressors / np.where(size > 0, size, 1.0)
    return bool(np.linalg.matrix_rank(scaled) == regressors.shape[1])


def _step(total: Floats, weighting: Floats) -> GmmStep:
    outcome, regressors = total[:, 0], total[:, 1:]
    weighted = regressors.T @ weighting
    bread = _inverse(weighted @ regressors)
    influence = bread @ weighted
    return GmmStep(
        coefficients=influence @ outcome,
        bread=bread,
        influence=influence,
        weighting=weighting,
    )


def _inverse(matrix: Floats) -> Floats:
    return np.asarray(np.linalg.inv(matrix), dtype=np.float64)


def _symmetric(matrix: Floats) -> Floats:
    """Add a matrix and its transpose."""
    return np.asarray(matrix + matrix.T)


def _is_regular(covariance: Floats) -> bool:
    variances = np.diag(covariance)
    return bool((variances > 0).all()) and len(_independent(covariance)) == len(
        variances
    )


# --- tests ----------------------------------------------------------------------------


def sargan(data: Moments, fit: GmmFit, variance: float) -> float:
    """Compute Sargan's statistic of the one-step estimates."""
    total = data.by_entity(fit.first.coefficients).sum(axis=0)
    return float(total @ fit.first.weighting @ total / variance)


def hansen(data: Moments, fit: GmmFit, kept: Ints | None = None) -> tuple[float, int]:
    """Compute Hansen's J of the two-step estimates, and its degrees of freedom.

    `kept` are the instruments of a restricted model; its covariance of the moments is a
    part of that of the whole model, so that the difference is not negative (Hayashi
    2000, section 3.6). Missing where the covariance is singular, nothing is
    overidentified, or the instruments do not identify all coefficients.
    """
    total = data.products.sum(axis=0)
    covariance = fit.score_covariance
    if kept is not None:
        total, covariance = total[kept], covariance[np.ix_(kept, kept)]
    surplus = len(total) - (total.shape[1] - 1)
    if surplus <= 0 or fit.second is None:
        return np.nan, max(surplus, 0)
    if not identifies(total):
        return np.nan, 0
    step = _step(total, _inverse(covariance))
    gap = total[:, 0] - total[:, 1:] @ step.coefficients
    return float(gap @ step.weighting @ gap), surplus


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Reported:
    """The estimates that are reported: a step, its covariance, and its variance.

    `variance` is the error variance if the covariance is classical and one-step, else
    None.
    """

    step: GmmStep
    covariance: Floats
    variance: float | None


def autocorrelation(data: Moments, reported: Reported, order: int) -> float:
    """Compute the z statistic of Arellano & Bond (1991, equation 8) for an order.

    It is about the differenced residuals, whatever the transformation. Missing if no
    entity has two of them so far apart.
    """
    step = reported.step
    residuals = data.differenced_residuals(step.coefficients)
    earlier = np.zeros(residuals.shape)
    earlier[:, order:] = residuals[:, :-order]
    earlier[~data.has_change] = 0.0
    products = (earlier * residuals).sum(axis=1)
    if not products.any():
        return np.nan
    regressors = np.einsum("nt,ntk->k", earlier, data.changes[..., 1:])
    if reported.variance is None:
        variance = float(products @ products)
        with_moments = data.by_entity(step.coefficients).T @ products
    else:
        matrix = transformation(residuals.shape[1], "difference")
        weighted = earlier @ (matrix @ matrix.T)
        variance = reported.variance * float((weighted * earlier).sum())
        with_moments = reported.variance * _instruments_times(data, weighted)
    spread = (
        variance
        - 2 * regressors @ step.influence @ with_moments
        + regressors @ reported.covariance @ regressors
    )
    return float(products.sum() / np.sqrt(spread)) if spread > 0 else np.nan


def _instruments_times(data: Moments, values: Floats) -> Floats:
    """Compute ``sum_i Z_i' v_i`` for values (N, T) of the transformed equation."""
    design = data.design
    exogenous = [
        _exogenous_columns(variable, design)
        for variable in design.exogenous
        if any(c.lag is None and c.variable == variable.name for c in data.columns)
    ]
    out = np.zeros(len(data.columns))
    numbers = data.transformed.shape[1] * len(data.columns)
    for part in chunks(len(values), numbers, _CHUNK):
        z = instrument_array(data.columns, design.lagged, exogenous, data.rows, part)
        out += np.einsum("nrl,nr->l", z[:, : values.shape[1]], values[part])
    return np.asarray(out / data.size)
