"""Least squares on demeaned columns, and linear dependences among columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from digiprosper.kernels import Floats
from digiprosper.kernels.tolerances import COLLINEAR, PART_OF, WELL_CONDITIONED


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """A least-squares solution.

    ``root @ basis.T @ (w * e)`` is how far errors `e` move the slopes; a covariance
    ``root @ joint_meat([(basis, ..)]) @ root.T`` squares no condition number.
    """

    coefficients: Floats
    residuals: Floats  # (N,) outcome minus fit, unweighted
    # (N, k) orthonormal by the weights, or the design if far from collinear
    basis: Floats
    root: Floats  # (k, k)
    bread: Floats  # (k, k) inverse of the (weighted) cross product of the columns
    condition: float  # condition number of the columns scaled to unit length


def with_weights(columns: Floats, obs_weights: Floats | None) -> Floats:
    """Multiply columns (N,) or (N, k) by the weights of the rows, if there are any."""
    if obs_weights is None:
        return columns
    return columns * (obs_weights if columns.ndim == 1 else obs_weights[:, None])


def dependences(
    design: Floats, *, gram: Floats | None = None
) -> dict[int, tuple[int, ...]]:
    """Find columns that are linear combinations of earlier ones, each with these.

    Columns are scaled to unit length; one counts as dependent when its distance from
    the span of the earlier independent ones is below 1e-9. `gram` is their cross
    product, where it is known.
    """
    gram = design.T @ design if gram is None else gram
    if invert_gram(gram) is not None:
        return {}
    scaled = design / np.sqrt(gram.diagonal())
    if scaled.shape[0] >= scaled.shape[1]:
        # It has the lengths and angles of the columns in fewer rows
        scaled = np.asarray(np.linalg.qr(scaled, mode="r"))
        if (np.abs(scaled.diagonal()) > COLLINEAR).all():
            return {}
    independent, heights = _gram_schmidt(scaled)
    dependent = np.setdiff1d(np.arange(scaled.shape[1]), independent)
    solutions = np.linalg.solve(heights[:, independent], heights[:, dependent])
    return {
        j: tuple(independent[i] for i in np.flatnonzero(np.abs(parts) > PART_OF))
        for j, parts in zip(dependent.tolist(), solutions.T, strict=True)
    }


def _gram_schmidt(columns: Floats) -> tuple[list[int], Floats]:
    """Find the q columns (m, k) that are independent of earlier ones.

    Returns their positions, and the coordinates (q, k) of all columns in an orthonormal
    basis of them, by Gram-Schmidt.
    """
    most = min(columns.shape)
    basis, heights = np.empty((most, len(columns))), np.zeros((most, columns.shape[1]))
    independent: list[int] = []
    for j, column in enumerate(columns.T):
        q, remaining = len(independent), column
        # Twice: the first projection leaves rounding where little of a column remains.
        for _ in range(2):
            parts = basis[:q] @ remaining
            heights[:q, j] += parts
            remaining = remaining - parts @ basis[:q]
        length = float(np.linalg.norm(remaining))
        if length > COLLINEAR:
            basis[q], heights[q, j] = remaining / length, length
            independent.append(j)
    return independent, heights[: len(independent)]


def ols(
    design: Floats,
    outcome: Floats,
    *,
    obs_weights: Floats | None = None,
    products: tuple[Floats, Floats] | None = None,
    inverse: tuple[Floats, float] | None = None,
    rotate: bool = False,
) -> Fit:
    """Solve least squares on columns of full rank, scaled to unit length.

    By QR, unless the columns are far from collinear: then the normal equations lose
    nothing (their error is 1e-16 times the squared condition number, at most 1e-12) and
    take a fraction of the time; not with `rotate`. `products` are the (weighted) cross
    products of the design with itself and with the outcome, and `inverse` is that of
    the first by `invert_gram`, where they are known.
    """
    if products is None:
        weighted_design = with_weights(design, obs_weights)
        products = weighted_design.T @ design, weighted_design.T @ outcome
    gram, with_outcome = products
    if inverse is None and not rotate:
        inverse = invert_gram(gram)
    if inverse is None or rotate:
        scale = 1 / np.sqrt(gram.diagonal())
        return _solve_by_qr(design, outcome, scale, obs_weights)
    bread, condition = inverse
    coefficients = bread @ with_outcome
    return Fit(
        coefficients, outcome - design @ coefficients, design, bread, bread, condition
    )


def _solve_by_qr(
    design: Floats, outcome: Floats, scale: Floats, obs_weights: Floats | None
) -> Fit:
    root_weights = None if obs_weights is None else np.sqrt(obs_weights)
    weighted_outcome = with_weights(outcome, root_weights)
    q, r = np.linalg.qr(with_weights(design, root_weights) * scale)
    root = np.linalg.inv(r) * scale[:, None]
    heights = q.T @ weighted_outcome
    # Not computed from the slopes, which would add rounding of large ones.
    residuals = weighted_outcome - q @ heights
    if root_weights is not None:
        residuals, q = residuals / root_weights, q / root_weights[:, None]
    singular = np.linalg.svd(r, compute_uv=False)
    return Fit(
        root @ heights,
        residuals,
        q,
        root,
        root @ root.T,
        float(singular[0] / singular[-1]),
    )


def invert_gram(gram: Floats) -> tuple[Floats, float] | None:
    """Invert a cross product; None if it is nearly singular. Also return the condition.

    The condition number is that of the columns scaled to unit length.
    """
    scale = 1 / np.sqrt(gram.diagonal())
    values, vectors = np.linalg.eigh(gram * scale * scale[:, None])
    if not values[0] > WELL_CONDITIONED * values[-1]:
        return None
    vectors *= scale[:, None]
    return (vectors / values) @ vectors.T, float(np.sqrt(values[-1] / values[0]))
