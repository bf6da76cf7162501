"""Variances of weighted sums, and quadratic forms, without squared conditions."""

from __future__ import annotations

import numpy as np

from digiprosper.kernels import Floats
from digiprosper.kernels.tolerances import SINGULAR


def standard_errors(variance: Floats) -> Floats:
    """Return square roots of variances; missing if negative or missing."""
    return np.sqrt(np.where(variance < 0, np.nan, variance))


def quadratic_form(gap: Floats, rows: Floats, middle: Floats) -> tuple[float, float]:
    """Compute ``gap' V^-1 gap``, ``V = rows @ middle @ rows.T``, rotating the rows.

    `V` itself is not formed: for nearly collinear coefficients it would lose the digits
    that its inverse needs. `gap` is (q,), `rows` (q, m) has one weighted sum per row,
    and `middle` (m, m) is symmetric with a diagonal of about one. Returns the form,
    which is missing unless V is positive definite, and the smallest eigenvalue of V in
    an orthonormal basis of the rows, relative to the size of the terms that add up
    to it. That is 0 if rows are linearly dependent, and missing if anything is.
    """
    size = np.linalg.norm(rows, axis=1)
    if not np.isfinite(size).all() or np.isnan(middle).any():
        return float("nan"), float("nan")
    if rows.shape[0] > rows.shape[1] or not size.all():
        return float("nan"), 0.0
    basis, triangle = np.linalg.qr((rows / size[:, None]).T)
    if (np.abs(np.diag(triangle)) <= SINGULAR).any():
        return float("nan"), 0.0
    values, vectors = np.linalg.eigh(basis.T @ middle @ basis)
    terms = float(np.diag(np.abs(basis).T @ np.abs(middle) @ np.abs(basis)).max())
    least = float(values[0]) / terms if terms > 0 else 0.0
    if least <= SINGULAR:
        return float("nan"), least
    heights = vectors.T @ np.linalg.solve(triangle.T, gap / size)
    return float((heights**2 / values).sum()), least


def covariance_form(gap: Floats, covariance: Floats) -> float:
    """Compute ``gap' V^-1 gap`` of a covariance matrix, missing if it is singular."""
    size = np.sqrt(np.diag(covariance))
    scaled = covariance / size / size[:, None]
    return quadratic_form(gap, np.diag(size), scaled)[0]
