"""The test of Anderson and Rubin (1949), and its confidence set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from digiprosper.kernels import Floats
from digiprosper.kernels.cluster_jackknife import (
    can_leave_out,
    deviations,
    jackknife_root_and_middle,
)
from digiprosper.kernels.covariance import Part, Vcov, joint_meat, score_sizes
from digiprosper.kernels.slopes import Effect, split_slopes
from digiprosper.kernels.tolerances import NO_VARIANCE, REAL_ROOT, SAME_ROOT, SINGULAR
from digiprosper.kernels.within import is_nested
from digiprosper.linear.kernels.two_stage import Projection
from digiprosper.report.pickling import PickledByName


@dataclass(frozen=True, slots=True, eq=False)
class ReducedForms(PickledByName):
    """Slopes of outcome and endogenous regressors on the instruments.

    The reduced form of ``y - x b`` has the same linear combination of these slopes and
    scores, so the test needs nothing else.
    """

    # (q, 1 + m) on an orthonormal basis of the instruments net of controls and effects:
    # of the outcome, then of the endogenous regressors
    slopes: Floats
    # ((1 + m) q, (1 + m) q) of the slopes, column after column, with the small-sample
    # factor
    covariance: Floats
    df_t: float  # degrees of freedom of the denominator of F
    # F is the Wald statistic over q times this: one, or that of Hotelling
    factor: float = 1.0


def reduced_forms(
    projected: Projection,
    vcov: Vcov,
    effects: Sequence[Effect] = (),
    jackknifed: Floats | None = None,
) -> ReducedForms:
    """Compute the reduced forms, with the covariance of their slopes.

    `effects` are those absorbed; `jackknifed` is the CRV3 covariance where it was
    computed elsewhere. With clusters it is the jackknife covariance (CRV3),
    which is a sum of squares at every coefficient, and ``(G - q) / (G - 1)`` times the
    Wald statistic over q is F(q, G - q) (Hotelling 1931). With clusters in several ways
    it is the sum of the clustered covariances, from which that of the intersections is
    not subtracted (Davezies, D'Haultfoeuille & Guyonvarch 2021), and G is the smallest
    number of clusters.
    """
    slopes = np.column_stack([projected.reduced_slopes, projected.first_slopes])
    clustered = vcov.cov_type == "clustered"
    if jackknifed is not None:
        covariance = jackknifed
    elif clustered and len(vcov.parts) == 1:
        covariance = _jackknife_covariance(projected, vcov.parts[0], effects)
    else:
        if clustered:
            vcov = replace(vcov, parts=_parts_by_dimension(vcov.parts))
        covariance = score_covariance(projected, projected.residuals, vcov)
    if not clustered and vcov.cov_type != "driscoll_kraay":
        return ReducedForms(slopes, covariance, vcov.df_t)
    df = vcov.df_t + 1 - len(slopes)
    return ReducedForms(slopes, covariance, df, max(df, 0.0) / vcov.df_t)


def _jackknife_covariance(
    projected: Projection, part: Part, effects: Sequence[Effect]
) -> Floats:
    """Compute the CRV3 covariance of the slopes on the instruments.

    Controls and effects are estimated again without each cluster; effects are those of
    the fit if slopes of groups cross the clusters, which cannot be left out singly, or
    if thousands of levels do.
    """
    codes, residuals = part.codes, projected.residuals
    assert codes is not None
    count = residuals.shape[1] + projected.basis.shape[1]
    nested = all(is_nested(slope.codes, codes) for slope in split_slopes(effects)[1])
    if not nested or not can_leave_out(codes, effects, count):
        effects = ()
    moved = deviations(
        projected.basis,
        residuals,
        projected.excluded,
        codes,
        effects,
        obs_weights=projected.obs_weights,
    )
    root, middle = jackknife_root_and_middle(moved.reshape(part.levels, -1))
    size = np.abs(residuals).T @ np.abs(projected.instruments)
    return mask_zero_variances(np.asarray(root @ middle @ root.T), size.ravel())


def _parts_by_dimension(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Keep the one-way clustered parts, without the intersections."""
    ways = (len(parts) + 1).bit_length() - 1
    return tuple(
        replace(part, factor=part.levels / (part.levels - 1)) for part in parts[:ways]
    )


def score_covariance(projected: Projection, errors: Floats, vcov: Vcov) -> Floats:
    """Compute the covariance of the instruments' scores with errors (N, m) or (N,).

    It is missing for scores that add up to zero by group.

    Their variance is the square of rounding, so that a statistic divided by it could be
    any number. An example is two periods with entity and time effects, if the clusters
    are the periods.
    """
    design, weights = projected.instruments, projected.obs_weights
    columns = errors.reshape(len(errors), -1).T
    equations = [(design, column, vcov) for column in columns]
    covariance = joint_meat(equations, obs_weights=weights)
    w = 1.0 if weights is None else weights
    sizes = [score_sizes(design, w * column, vcov) for column in columns]
    return mask_zero_variances(covariance, np.concatenate(sizes))


def mask_zero_variances(covariance: Floats, size: Floats) -> Floats:
    """Set variances that are zero to rounding to NaN; `size` (K,) is of the scores."""
    empty = np.abs(np.diag(covariance)) <= (NO_VARIANCE * size) ** 2
    covariance[empty] = np.nan
    covariance[:, empty] = np.nan
    return covariance


def inverse_root(covariance: Floats) -> Floats | None:
    """Compute R (q, q) with ``R'R = V^-1``; None unless V is positive definite."""
    if not np.isfinite(covariance).all():
        return None
    values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
    if values[0] <= SINGULAR * np.abs(values).max():
        return None
    return np.asarray(vectors.T / np.sqrt(values)[:, None])


def wald_form(gap: Floats, covariance: Floats) -> float:
    """Compute ``gap' V^-1 gap``, missing unless V is positive definite."""
    root = inverse_root(covariance)
    return float("nan") if root is None else float(((root @ gap) ** 2).sum())


def statistic(reduced: ReducedForms, values: Floats) -> float:
    """Compute F of the instruments, given coefficients (m,) of the endogenous.

    It has q and `df_t` degrees of freedom (Anderson & Rubin 1949; Hotelling 1931 with
    clusters), and is missing where the covariance is not positive definite.
    """
    weights = np.concatenate([[1.0], -np.asarray(values, dtype=np.float64)])
    gap = reduced.slopes @ weights
    form = wald_form(gap, _combined_covariance(reduced.covariance, weights))
    return reduced.factor * form / len(gap)


def _combined_covariance(covariance: Floats, weights: Floats) -> Floats:
    """Compute the covariance of a weighted sum of the columns of slopes."""
    columns = len(weights)
    q = len(covariance) // columns
    blocks = covariance.reshape(columns, q, columns, q)
    return np.asarray(np.einsum("a,aibj,b->ij", weights, blocks, weights))


def confidence_set(reduced: ReducedForms, critical: float) -> list[tuple[float, float]]:
    """Find values of a coefficient where F is at most critical, as intervals.

    With ``g(b)`` the slopes and ``S(b)`` their covariance, polynomials of b of degree 1
    and 2, the statistic reaches the critical value c where
    ``det(S(b) - g(b) g(b)' / (q c)) = 0``: a quadratic eigenvalue problem, solved by
    its companion form (Tisseur & Meerbergen 2001). Between neighbouring roots the
    statistic is on one side of c. Intervals are closed, ascending, with infinite ends
    where the set is unbounded. Values at which the covariance is indefinite, possible
    with Conley errors, are not rejected.
    """
    unit, scale = _rescaled(reduced)
    roots = _boundaries(unit, critical)
    ends = np.concatenate([[-np.inf], roots, [np.inf]])
    inside = [_is_accepted(unit, b, critical) for b in _points_between(roots)]

    out: list[tuple[float, float]] = []
    for low, high, accepted in zip(
        ends[:-1] * scale, ends[1:] * scale, inside, strict=True
    ):
        if not accepted:
            continue
        if out and out[-1][1] == low:
            out[-1] = (out[-1][0], float(high))
        else:
            out.append((float(low), float(high)))
    return out


def _is_accepted(reduced: ReducedForms, value: float, critical: float) -> bool:
    """Return whether a coefficient is not rejected.

    Where the covariance is singular up to rounding the statistic exceeds every critical
    value. That happens at single points when there is one cluster more than
    instruments.
    """
    f = statistic(reduced, np.array([value]))
    if not np.isnan(f):
        return f <= critical
    weights = np.array([1.0, -value])
    covariance = _combined_covariance(reduced.covariance, weights)
    terms = _combined_covariance(np.abs(reduced.covariance), np.abs(weights))
    least = float(np.linalg.eigvalsh((covariance + covariance.T) / 2)[0])
    return least < -SINGULAR * float(terms.max())


def _rescaled(reduced: ReducedForms) -> tuple[ReducedForms, float]:
    """Scale outcome and regressor so that slopes and errors are of order one."""
    q = reduced.slopes.shape[0]
    variances = np.diag(reduced.covariance).reshape(2, q).sum(axis=1)
    sizes = np.sqrt((reduced.slopes**2).sum(axis=0) + np.abs(variances))
    scales = np.repeat(sizes, q)
    unit = replace(
        reduced,
        slopes=reduced.slopes / sizes,
        covariance=reduced.covariance / scales / scales[:, None],
    )
    return unit, float(sizes[0] / sizes[1])


def _boundaries(reduced: ReducedForms, critical: float) -> Floats:
    """Find where F equals the critical value, or the covariance becomes singular."""
    q = reduced.slopes.shape[0]
    at_critical = _polynomial_coefficients(reduced, reduced.factor / (q * critical))
    singular = _polynomial_coefficients(reduced, 0.0)
    roots = np.sort(np.concatenate([_real_roots(*at_critical), _real_roots(*singular)]))
    if not roots.size:
        return roots
    apart = np.diff(roots) > SAME_ROOT * (1 + np.abs(roots[1:]))
    return np.asarray(roots[np.concatenate([[True], apart])])


def _polynomial_coefficients(
    reduced: ReducedForms, share: float
) -> tuple[Floats, Floats, Floats]:
    """Return the coefficients of 1, b and b^2 of the matrix polynomial."""
    q, stacked = len(reduced.slopes), reduced.slopes.T.ravel()
    products = reduced.covariance - share * np.outer(stacked, stacked)
    cross = products[:q, q:]
    return products[:q, :q], -(cross + cross.T), products[q:, q:]


def _real_roots(constant: Floats, linear: Floats, square: Floats) -> Floats:
    """Find the real b at which a quadratic polynomial of matrices is singular."""
    from scipy.linalg import eigvals

    q = len(constant)
    eye, zero = np.eye(q), np.zeros((q, q))
    companion = np.block([[zero, eye], [-constant, -linear]])
    leading = np.block([[eye, zero], [zero, square]])
    above, below = eigvals(companion, leading, homogeneous_eigvals=True)
    finite = np.abs(below) > SINGULAR * np.abs(above)
    roots = above[finite] / below[finite]
    real = np.abs(roots.imag) <= REAL_ROOT * (1 + np.abs(roots))
    return np.asarray(roots.real[real])


def _points_between(roots: Floats) -> Floats:
    """Choose one value below all roots, between each two neighbours, and above all."""
    if not roots.size:
        return np.zeros(1)
    below, above = roots[0] - 1 - abs(roots[0]), roots[-1] + 1 + abs(roots[-1])
    return np.concatenate([[below], (roots[:-1] + roots[1:]) / 2, [above]])
