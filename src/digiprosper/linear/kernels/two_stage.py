"""Two-stage least squares on swept columns, by rotations: no cross product of raw columns is formed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from digiprosper.kernels.equation import Solved

if TYPE_CHECKING:
    from digiprosper.kernels import Floats
    from digiprosper.kernels.covariance import Counts, Recipe


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Projection:
    """Outcome and endogenous regressors, projected on the controls and the instruments.

    Heights are coordinates in `basis`: ``basis @ heights`` is the projection of a column.

    Parameters
    ----------
    basis : (N, c + q) array
        Orthonormal columns (by the weights of the rows): the first c span the controls, the others the
        instruments net of the controls.
    n_controls : int
        c.
    outcome : (c + q,) array
        Heights of the outcome.
    endog : (c + q, m) array
        Heights of the endogenous regressors.
    controls : (c + q, c) array
        Heights of the controls; the last q rows are zero.
    outcome_left : (N,) array
        Residuals of the outcome: those of the reduced form.
    endog_left : (N, m) array
        Residuals of the endogenous regressors: those of the first stages.
    obs_weights : (N,) array or None
        Weights of the rows.
    """

    basis: Floats
    n_controls: int
    outcome: Floats
    endog: Floats
    controls: Floats
    outcome_left: Floats
    endog_left: Floats
    obs_weights: Floats | None

    @property
    def instruments(self) -> Floats:
        """Orthonormal basis of the instruments net of the controls, an (N, q) array."""
        return self.basis[:, self.n_controls :]

    @property
    def reduced_slopes(self) -> Floats:
        """Slopes of the outcome on that basis, a (q,) array."""
        return self.outcome[self.n_controls :]

    @property
    def first_slopes(self) -> Floats:
        """Slopes of the endogenous regressors on that basis, a (q, m) array."""
        return self.endog[self.n_controls :]

    @property
    def left_products(self) -> Floats:
        """Cross products of the residuals of the first stages, an (m, m) array."""
        w = 1.0 if self.obs_weights is None else self.obs_weights
        return np.asarray((self.endog_left.T * w) @ self.endog_left)


def project(
    y: Floats,
    endog: Floats,
    controls: Floats,
    instruments: Floats,
    *,
    obs_weights: Floats | None = None,
) -> Projection:
    """Project outcome and endogenous regressors on the controls and the instruments.

    Parameters
    ----------
    y : (N,) array
        Swept outcome.
    endog : (N, m) array
        Swept endogenous regressors.
    controls : (N, c) array
        Swept exogenous regressors, perhaps none.
    instruments : (N, q) array
        Swept excluded instruments; together with the controls of full rank.
    obs_weights : (N,) array, optional
        Weights of the rows.

    Returns
    -------
    Projection
        For `solve_two_stage` and the statistics of the first stage.
    """
    weigh = np.ones((len(y), 1)) if obs_weights is None else np.sqrt(obs_weights)[:, None]
    exogenous = np.hstack([controls, instruments]) * weigh
    basis = np.linalg.qr(exogenous / np.linalg.norm(exogenous, axis=0))[0]

    left = np.column_stack([y, endog]) * weigh
    heights = basis.T @ left
    left = left - basis @ heights
    # A second projection removes the rounding that the first leaves where little is left.
    more = basis.T @ left
    left = (left - basis @ more) / weigh
    heights = heights + more

    return Projection(
        basis=basis / weigh,
        n_controls=controls.shape[1],
        outcome=heights[:, 0],
        endog=heights[:, 1:],
        controls=basis.T @ (controls * weigh),
        outcome_left=left[:, 0],
        endog_left=left[:, 1:],
        obs_weights=obs_weights,
    )


def solve_two_stage(projected: Projection, y: Floats, x: Floats, count: Counts, how: Recipe) -> Solved:
    """Solve an equation by two-stage least squares.

    ``b = (X'PX)^-1 X'Py`` with P the projection on controls and instruments. Residuals are those of the
    regressors themselves, and the scores those of the projected ones, so the sandwich of `Solved` is that of
    two-stage least squares (Wooldridge 2010, section 5.2).

    Parameters
    ----------
    projected : Projection
        From `project`.
    y : (N,) array
        Swept outcome.
    x : (N, m + c) array
        Swept endogenous regressors, then the controls.
    count : Counts
        Of the equation: its slopes are m + c.
    how : Recipe
        Of its covariance.

    Returns
    -------
    Solved
        `scored` is an orthonormal basis of the projected regressors, and `bread` the inverse of their cross
        product.
    """
    heights = np.hstack([projected.endog, projected.controls])
    scale = 1 / np.linalg.norm(heights, axis=0)
    rotation, triangle = np.linalg.qr(heights * scale)
    root = np.linalg.inv(triangle) * scale[:, None]
    coefficients = root @ (rotation.T @ projected.outcome)
    singular = np.linalg.svd(triangle, compute_uv=False)
    return Solved(
        y=y,
        x=x,
        scored=projected.basis @ rotation,
        coefficients=coefficients,
        residuals=y - x @ coefficients,
        root=root,
        bread=root @ root.T,
        condition=float(singular[0] / singular[-1]),
        count=count,
        how=how,
        obs_weights=projected.obs_weights,
    )
