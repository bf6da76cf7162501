"""Variances of weighted sums of coefficients, and quadratic forms, without squaring a condition number."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from digiprosper.errors import Notice, quoted
from digiprosper.kernels.tolerances import SINGULAR
from digiprosper.report.notices import not_psd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digiprosper.kernels import Floats


def standard_errors(variance: Floats) -> Floats:
    """Take roots of variances.

    Parameters
    ----------
    variance : array
        Variances; two-way clusters can make them negative.

    Returns
    -------
    array
        Same shape; missing where the variance is negative or missing.
    """
    return np.asarray(np.sqrt(np.where(variance < 0, np.nan, variance)))


def negative_variance(what: Sequence[str]) -> Notice:
    """Report a negative variance, which clusters in several ways can give.

    Parameters
    ----------
    what : sequence of str
        What it is the variance of.

    Returns
    -------
    Notice
        Code ``"not_psd"``.
    """
    text = (
        f"the covariance is not positive semidefinite: the variance of {quoted(what)} is negative, which is "
        "possible with clusters in several ways. Standard errors and tests that use it are missing."
    )
    return not_psd(what, text)


def quadratic_form(gap: Floats, rows: Floats, middle: Floats) -> tuple[float, float]:
    """Compute ``gap' V^-1 gap`` for ``V = rows @ middle @ rows.T`` by a rotation of the rows.

    `V` itself is not formed: of nearly collinear coefficients it would have lost the digits that its inverse
    lives on.

    Parameters
    ----------
    gap : (q,) array
        What is measured.
    rows : (q, m) array
        One a weighted sum.
    middle : (m, m) array
        Symmetric, with a diagonal of about one.

    Returns
    -------
    form : float
        Missing unless V is positive definite.
    least : float
        Smallest eigenvalue of V in an orthonormal basis of the rows, over the size of the terms that add up
        to it; 0 if rows are sums of one another, missing if anything is.
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
