"""Covariances of maximum likelihood estimates of spatial panels."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from digiprosper.spatial.kernels.multiplier import multiplier

if TYPE_CHECKING:
    from collections.abc import Callable

    from digiprosper.kernels import Floats
    from digiprosper.spatial.kernels.likelihood import Optimum, SpatialColumns
    from digiprosper.spatial.kernels.matrices import Matrix
    from digiprosper.spatial.kernels.spectrum import Spectrum

_LARGEST_SHARE = 0.9


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """A model at its estimates, with what every covariance is computed from."""

    columns: SpatialColumns  # without fixed effects
    optimum: Optimum
    spectrum: Spectrum | None  # None if no determinant is needed
    matrix: Matrix  # (N, N) weights
    lag: bool  # whether the outcome has a spatial lag
    error: bool  # whether the error has a spatial lag
    periods: float  # in the log-determinant: T, or T - 1 if the bias of entity effects is corrected
    demean: Callable[[Floats], Floats]  # removes the fixed effects from an (NT, 1) array
    inverses: dict[float, Floats] = field(default_factory=dict)  # (I - a W)^-1 by a; shared by points

    @property
    def spatial(self) -> list[float]:
        """Spatial coefficients of the model: rho, lambda, both or none."""
        return [self.optimum.rho] * self.lag + [self.optimum.lam] * self.error

    @property
    def names(self) -> list[str]:
        """Names of the spatial coefficients."""
        return ["rho"] * self.lag + ["lambda"] * self.error

    def moves(self) -> Floats:
        """Compute minus the derivatives of the residuals in rho, lambda and the slopes, an (NT, p) array."""
        columns, rho, lam = self.columns, self.optimum.rho, self.optimum.lam
        _, first, *second = columns.y.T
        spatial = []
        if self.lag:
            spatial.append(first - lam * second[0] if self.error else first)
        if self.error:
            spatial.append(first - rho * second[0] - columns.wx @ self.optimum.coefficients)
        return np.column_stack([*spatial, columns.filtered(lam)])

    def inverse(self, at: float) -> Floats:
        """Compute ``(I - a W)^-1``, an (N, N) array, once for each a."""
        if at not in self.inverses:
            self.inverses[at] = multiplier(self.matrix, at)
        return self.inverses[at]

    def multiplied(self, at: float) -> Floats:
        """Compute ``W (I - a W)^-1``, an (N, N) array."""
        return np.asarray(self.matrix @ self.inverse(at))

    def trace(self, at: float, *, lags: int, inverses: int) -> float:
        """Compute the trace of ``W^lags (I - a W)^-inverses``, times the number of periods that count."""
        if self.spectrum is None:
            return 0.0
        return self.periods * self.spectrum.trace(at, lags=lags, inverses=inverses)


def observed_information(point: Point) -> Floats:
    """Compute minus the second derivatives of the log likelihood in rho, lambda, the slopes and sigma2."""
    columns, e, sigma2 = point.columns, point.optimum.residuals, point.optimum.sigma2
    moves, q = point.moves(), len(point.spatial)
    squares = moves.T @ moves
    # Second derivatives of the residuals: in lambda and a slope, and in rho and lambda.
    if point.error:
        along = columns.wx.T @ e
        squares[q - 1, q:] += along
        squares[q:, q - 1] += along
    if point.lag and point.error:
        cross = float(columns.y[:, 2] @ e)
        squares[0, 1] += cross
        squares[1, 0] += cross
    for j, at in enumerate(point.spatial):
        squares[j, j] += sigma2 * point.trace(at, lags=2, inverses=2)
    with_variance = moves.T @ e / sigma2**2
    # At the estimate the sum of squares is sigma2 times as many rows as the likelihood counts.
    rows = point.periods * columns.n_entities
    of_variance = float(e @ e) / sigma2**3 - rows / (2 * sigma2**2)
    return _bordered(squares / sigma2, with_variance, of_variance)


def expected_information(point: Point) -> Floats:
    """Compute the expectation of `observed_information` under normal errors."""
    sigma2 = point.optimum.sigma2
    multiplied = {at: point.multiplied(at) for at in point.spatial}
    means = _means(point, multiplied)
    squares = means.T @ means / sigma2
    with_variance = np.zeros(len(squares))
    for j, first in enumerate(point.spatial):
        with_variance[j] = point.trace(first, lags=1, inverses=1) / sigma2
        for i, second in enumerate(point.spatial):
            symmetric = multiplied[first].T + multiplied[first]
            squares[i, j] += point.periods * float(np.sum(symmetric.T * multiplied[second]))
    rows = point.periods * point.columns.n_entities
    return _bordered(squares, with_variance, rows / (2 * sigma2**2))


def clustered_covariance(point: Point) -> Floats:
    """Compute a sandwich of the observed information that allows for dependence within entities.

    The score of a spatial coefficient has the form ``sum_t e_t' B e_t + m_t' e_t``. Its part from one entity
    is summed over the periods; its part from a pair of entities, ``(B_ij + B_ji) sum_t e_it e_jt``, is a term
    of its own, since a sum by entity alone omits half of the variance of the pairs. Errors of different
    entities are independent, those of one entity are not restricted. The factor is G / (G - 1).
    """
    sigma2, n = point.optimum.sigma2, point.columns.n_entities
    multiplied = {at: point.multiplied(at) for at in point.spatial}
    by_period = point.optimum.residuals.reshape(n, -1)
    products = by_period @ by_period.T / sigma2
    linear = _means(point, multiplied) * point.optimum.residuals[:, None] / sigma2
    scores = linear.reshape(n, -1, linear.shape[1]).sum(axis=1)
    rows = point.periods
    for j, at in enumerate(point.spatial):
        scores[:, j] += np.diag(multiplied[at]) * (np.diag(products) - rows)
    of_variance = (np.diag(products) - rows) / (2 * sigma2)
    scores = np.column_stack([scores, of_variance])
    meat = scores.T @ scores

    above = np.triu_indices(n, 1)
    for i, first in enumerate(point.spatial):
        for j, second in enumerate(point.spatial):
            first_pairs, second_pairs = (multiplied[at] + multiplied[at].T for at in (first, second))
            meat[i, j] += float(np.sum(first_pairs[above] * second_pairs[above] * products[above] ** 2))
    bread = np.linalg.inv(observed_information(point))
    return np.asarray(n / (n - 1) * bread @ meat @ bread)


def time_effects_shift(point: Point) -> Floats:
    """Compute the correction of the estimates for time effects, to the first order (Lee & Yu 2010).

    It is ``T I^-1 a`` for rho, lambda, the slopes and sigma2, with the expected information I. -T a is the
    expectation of the scores at the true values: `_period_scores` of rho and lambda, ``1 / (2 sigma2)`` of
    sigma2, and 0 of the slopes.
    """
    bias = np.zeros(len(point.spatial) + point.optimum.coefficients.size + 1)
    bias[: len(point.spatial)] = _period_scores(point)
    bias[-1] = 1 / (2 * point.optimum.sigma2)
    return np.asarray(point.columns.n_times * np.linalg.solve(expected_information(point), bias))


def time_effects_bias(point: Point) -> Floats:
    """Estimate the bias of rho and lambda from time effects.

    ``-s / (1 - 2 a s)``, where s is `time_effects_shift` and a `_period_scores`. Time effects also remove the
    information ``2 T a^2`` in the means of the periods, of which 2 a s is the share. It is limited to .9:
    beyond that the bias is only known to be very large.
    """
    shift = time_effects_shift(point)[: len(point.spatial)]
    share = 2 * _period_scores(point) * shift
    return np.asarray(-shift / (1 - np.minimum(share, _LARGEST_SHARE)))


def _period_scores(point: Point) -> Floats:
    """Compute a, minus the expected score of rho and lambda per period under time effects.

    With B = I - lambda W, S = (I - rho W)^-1 and the vector of ones 1, it is ``1'B'B W S 1 / 1'B'B 1`` for
    rho and ``1'B'W 1 / 1'B'B 1`` for lambda. If all rows of W have the sum w, these are
    ``w / (1 - rho w)`` and ``w / (1 - lambda w)``, as in Lee & Yu (2010).
    """
    rho, lam, ones = point.optimum.rho, point.optimum.lam, np.ones(point.columns.n_entities)

    def filtered(column: Floats) -> Floats:
        return np.asarray(column - lam * (point.matrix @ column))

    period, scores = filtered(ones), []
    if point.lag:
        scores.append(period @ filtered(point.matrix @ (point.inverse(rho) @ ones)))
    if point.error:
        scores.append(period @ (point.matrix @ ones))
    return np.asarray(scores) / (period @ period)


def lee_yu(point: Point, *, entity: bool, time: bool) -> Optimum:
    """Correct the bias of fixed effects (Lee & Yu 2010; Elhorst 2014, eqs 3.25 and 3.26).

    With time effects `time_effects_shift` is added to the estimates; with entity effects sigma2 is multiplied
    by ``T / (T - 1)``. The log likelihood remains that of the maximum.
    """
    optimum, columns, q = point.optimum, point.columns, len(point.spatial)
    values = np.concatenate([point.spatial, optimum.coefficients, [optimum.sigma2]])
    if time:
        values = values + time_effects_shift(point)
    if entity:
        values[-1] *= columns.n_times / (columns.n_times - 1)
    rho = float(values[0]) if point.lag else 0.0
    lam = float(values[q - 1]) if point.error else 0.0
    coefficients = values[q:-1]
    residuals = columns.filtered_outcome(rho, lam) - columns.filtered(lam) @ coefficients
    return replace(
        optimum, rho=rho, lam=lam, coefficients=coefficients, sigma2=float(values[-1]), residuals=residuals
    )


def _means(point: Point, multiplied: dict[float, Floats]) -> Floats:
    """Compute the expectation of `Point.moves`: the errors in a spatial lag are removed."""
    moves = point.moves()
    for j, at in enumerate(point.spatial):
        if point.error and j == len(point.spatial) - 1:
            moves[:, j] = 0.0  # the lag of the error is nothing but errors
        else:
            errors = point.optimum.residuals.reshape(point.columns.n_entities, -1)
            added = (multiplied[at] @ errors).reshape(-1, 1)
            moves[:, j] -= point.demean(added)[:, 0]
    return moves


def _bordered(squares: Floats, with_variance: Floats, of_variance: float) -> Floats:
    out = np.empty((len(squares) + 1, len(squares) + 1))
    out[:-1, :-1] = squares
    out[:-1, -1] = out[-1, :-1] = with_variance
    out[-1, -1] = of_variance
    return out
