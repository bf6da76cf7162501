"""Two-stage least squares on demeaned columns, by rotations.

No cross product of raw columns is formed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from digiprosper.kernels import Floats
from digiprosper.kernels.covariance import Counts, Vcov
from digiprosper.kernels.equation import Solved


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Projection:
    """Outcome and endogenous regressors, projected on the controls and the instruments.

    Heights are coordinates on the basis: ``basis @ heights`` is a projection.
    """

    # (N, c + q) orthonormal columns (by the weights of the rows): the first c span the
    # controls, the others the instruments net of the controls
    basis: Floats
    n_controls: int  # c
    outcome: Floats  # (c + q,) heights
    endog: Floats  # (c + q, m) heights
    controls: Floats  # (c + q, c) heights; the last q rows are zero
    outcome_residuals: Floats  # (N,) residuals of the reduced form
    endog_residuals: Floats  # (N, m) residuals of the first stages
    obs_weights: Floats | None

    @property
    def instruments(self) -> Floats:
        """Orthonormal basis of the instruments net of the controls, an (N, q) array."""
        return self.basis[:, self.n_controls :]

    @property
    def residuals(self) -> Floats:
        """Residuals of the reduced form, then of the first stages, (N, 1 + m)."""
        return np.column_stack([self.outcome_residuals, self.endog_residuals])

    @property
    def regressors(self) -> Floats:
        """Heights of the endogenous regressors, then of the controls."""
        return np.hstack([self.endog, self.controls])

    @property
    def excluded(self) -> Floats:
        """Rows of the instruments (q, c + q) among slopes on the basis."""
        return np.eye(len(self.endog))[self.n_controls :]

    @property
    def reduced_slopes(self) -> Floats:
        """Slopes of the outcome on that basis, a (q,) array."""
        return self.outcome[self.n_controls :]

    @property
    def first_slopes(self) -> Floats:
        """Slopes of the endogenous regressors on that basis, a (q, m) array."""
        return self.endog[self.n_controls :]

    @property
    def residual_products(self) -> Floats:
        """Cross products of the residuals of the first stages, an (m, m) array."""
        w = 1.0 if self.obs_weights is None else self.obs_weights
        return np.asarray((self.endog_residuals.T * w) @ self.endog_residuals)


def project(
    y: Floats,
    endog: Floats,
    controls: Floats,
    instruments: Floats,
    *,
    obs_weights: Floats | None = None,
) -> Projection:
    """Project demeaned outcome and endogenous regressors on all exogenous columns."""
    weigh = (
        np.ones((len(y), 1)) if obs_weights is None else np.sqrt(obs_weights)[:, None]
    )
    exogenous = np.hstack([controls, instruments]) * weigh
    basis = np.linalg.qr(exogenous / np.linalg.norm(exogenous, axis=0))[0]

    residuals = np.column_stack([y, endog]) * weigh
    heights = basis.T @ residuals
    residuals = residuals - basis @ heights
    # A second projection removes the rounding that the first leaves where little is
    # left.
    more = basis.T @ residuals
    residuals = (residuals - basis @ more) / weigh
    heights = heights + more

    return Projection(
        basis=basis / weigh,
        n_controls=controls.shape[1],
        outcome=heights[:, 0],
        endog=heights[:, 1:],
        controls=basis.T @ (controls * weigh),
        outcome_residuals=residuals[:, 0],
        endog_residuals=residuals[:, 1:],
        obs_weights=obs_weights,
    )


def solve_two_stage(
    projected: Projection, y: Floats, x: Floats, count: Counts, vcov: Vcov
) -> Solved:
    """Solve an equation by two-stage least squares.

    ``b = (X'PX)^-1 X'Py`` with P the projection on controls and instruments. Residuals
    are those of the regressors themselves, and the scores those of the projected ones,
    so the sandwich of `Solved` is that of two-stage least squares (Wooldridge 2010,
    section 5.2). `x` has the demeaned endogenous regressors, then the controls;
    `score_columns` is an orthonormal basis of the projected regressors, `bread` the
    inverse of their cross product.
    """
    heights = projected.regressors
    scale = 1 / np.linalg.norm(heights, axis=0)
    rotation, triangle = np.linalg.qr(heights * scale)
    root = np.linalg.inv(triangle) * scale[:, None]
    coefficients = root @ (rotation.T @ projected.outcome)
    singular = np.linalg.svd(triangle, compute_uv=False)
    return Solved(
        y=y,
        x=x,
        score_columns=projected.basis @ rotation,
        coefficients=coefficients,
        residuals=y - x @ coefficients,
        root=root,
        bread=root @ root.T,
        condition=float(singular[0] / singular[-1]),
        moved=x @ root,
        count=count,
        vcov=vcov,
        obs_weights=projected.obs_weights,
    )
