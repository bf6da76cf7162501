"""Two-stage least squares on demeaned columns, and the strength of instruments.

Columns are rotated: no cross product of raw columns is formed. Beside estimates there
are the test of Anderson and Rubin (1949) with its confidence set, statistics of the
first stage, and of overidentification.
"""

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
from digiprosper.kernels.covariance import Counts, Part, Vcov, joint_meat, score_sizes
from digiprosper.kernels.equation import Solved
from digiprosper.kernels.slopes import Effect, split_slopes
from digiprosper.kernels.tolerances import NO_VARIANCE, REAL_ROOT, SAME_ROOT, SINGULAR
from digiprosper.kernels.within import is_nested
from digiprosper.report.pickling import PickledByName


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Projection:
    """Outcome and endogenous regressors, projected on the controls and the instruments.

    Heights are coordinates on the basis: ``basis @ heights`` is a projection.
    """

    # (N, c + q) orthonormal columns (by the weights of the rows): the first c span the
    # controls, the others the instruments net of the controls
    basis: Floats
    n_controls: int  # c
    # (c + q, 1 + m) heights of the outcome, then of the endogenous regressors
    heights: Floats
    controls: Floats  # (c + q, c) heights; the last q rows are zero
    # (N, 1 + m) residuals of the reduced form, then of the first stages
    residuals: Floats
    obs_weights: Floats | None

    @property
    def instruments(self) -> Floats:
        """Orthonormal basis of the instruments net of the controls, an (N, q) array."""
        return self.basis[:, self.n_controls :]

    @property
    def endog_residuals(self) -> Floats:
        """Residuals of the first stages, an (N, m) array."""
        return self.residuals[:, 1:]

    @property
    def regressors(self) -> Floats:
        """Heights of the endogenous regressors, then of the controls."""
        return np.hstack([self.heights[:, 1:], self.controls])

    @property
    def excluded(self) -> Floats:
        """Rows of the instruments (q, c + q) among slopes on the basis."""
        return np.eye(len(self.heights))[self.n_controls :]

    @property
    def slopes(self) -> Floats:
        """Slopes on that basis: of the outcome, then of the endogenous, (q, 1 + m)."""
        return self.heights[self.n_controls :]

    @property
    def first_slopes(self) -> Floats:
        """Slopes of the endogenous regressors on that basis, a (q, m) array."""
        return self.slopes[:, 1:]

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
        heights=heights,
        controls=basis.T @ (controls * weigh),
        residuals=residuals,
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
    coefficients = root @ (rotation.T @ projected.heights[:, 0])
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


# --- the test of Anderson and Rubin ---------------------------------------------------


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
    effects: Sequence[Effect],
    jackknifed: Floats | None,
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
    slopes, clustered = projected.slopes, vcov.cov_type == "clustered"
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
    return np.nan if root is None else float(((root @ gap) ** 2).sum())


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
    turns = np.flatnonzero(np.diff([False, *inside, False]))
    return [(low, high) for low, high in (ends[turns] * scale).reshape(-1, 2).tolist()]


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
    distinct = np.diff(roots, prepend=-np.inf) > SAME_ROOT * (1 + np.abs(roots))
    return np.asarray(roots[distinct])


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


# --- the first stage, and overidentification ------------------------------------------


def without_small_sample_factors(vcov: Vcov, rows: float) -> Vcov:
    """Leave out the small-sample factors, as large-sample statistics do."""
    # Unadjusted, the sum of squares of residuals is divided by their number.
    factor = 1 / rows if vcov.cov_type == "unadjusted" else 1.0
    return replace(
        vcov, parts=tuple(replace(part, factor=factor) for part in vcov.parts)
    )


def canonical_correlation(projected: Projection) -> float:
    """Compute the least canonical correlation of regressors and instruments."""
    return float(_decompose_first_stage(projected)[1][-1])


def cragg_donald(projected: Projection, df: float) -> float:
    """Compute the F form of the statistic of Cragg and Donald (1993).

    ``(df / q) r^2 / (1 - r^2)`` with r the smallest canonical correlation, and df the
    rows less controls, instruments and the rank of the effects.
    """
    square = canonical_correlation(projected) ** 2
    q = int(projected.instruments.shape[1])
    return df / q * square / (1 - square)


def _decompose_first_stage(
    projected: Projection,
) -> tuple[Floats, Floats, Floats, Floats]:
    """Decompose the first stage between orthonormal bases: u, s, v, and a root."""
    slopes, residual_products = projected.first_slopes, projected.residual_products
    size = np.sqrt((slopes**2).sum(axis=0) + np.diag(residual_products))
    products = (slopes.T @ slopes + residual_products) / size / size[:, None]
    root = np.linalg.inv(np.linalg.cholesky(products).T) / size[:, None]
    u, s, vt = np.linalg.svd(slopes @ root, full_matrices=True)
    return u, s, vt.T, root


def kleibergen_paap(projected: Projection, errors: Floats, vcov: Vcov) -> float:
    """Compute the rank statistic of Kleibergen and Paap (2006).

    `errors` (N, m) make scores with the instruments: residuals of the first stages for
    the Wald form, the endogenous regressors net of the controls for the LM form.
    Chi-square with q - m + 1 degrees of freedom under the null that the rank is m - 1.
    Missing where the covariance of the scores is singular, as with fewer clusters than
    instruments, or the scores add up to zero.
    """
    u, s, v, root = _decompose_first_stage(projected)
    scores = score_covariance(projected, errors, vcov)
    q, m = projected.first_slopes.shape
    least, turn = u[:, m - 1 :], root @ v[:, m - 1 :]
    choose = np.kron(turn.T, least.T)
    gap = np.zeros(q - m + 1)
    gap[0] = s[-1]
    return wald_form(gap, choose @ scores @ choose.T)


def effective_f(projected: Projection, vcov: Vcov) -> tuple[float, float]:
    """Compute the effective F of one endogenous regressor, and its 5% critical value.

    ``F = h'h / tr(S)`` with h the first-stage slopes on an orthonormal basis of the
    instruments and S their covariance. The critical value is that of Patnaik's
    approximation for two-stage least squares with the bound of the bias set to one
    (Montiel Olea & Pflueger 2013, section 3.3, the simplified procedure), for a worst
    bias tau of 10% of the benchmark's. Missing if the scores add up to zero.
    """
    from scipy.special import chndtrix

    slopes, errors = projected.first_slopes[:, 0], projected.endog_residuals[:, 0]
    covariance = score_covariance(projected, errors, vcov)
    if np.isnan(covariance).any():
        return np.nan, np.nan
    trace = float(np.trace(covariance))
    statistic = float(slopes @ slopes) / trace

    x, share = 10.0, covariance / trace  # x is 1 / tau
    square = float((share**2).sum())
    largest = float(np.linalg.eigvalsh(share)[-1])
    degrees = (1 + 2 * x) / (square + 2 * x * largest)
    return statistic, float(chndtrix(0.95, degrees, x * degrees) / degrees)


def overidentification(projected: Projection, residuals: Floats, vcov: Vcov) -> float:
    """Compute J of Hansen (1982): whether the instruments agree.

    Controls are exactly identified by their own moments, so only the instruments net of
    them matter. Under ``unadjusted`` it is the statistic of Sargan (1958). The
    covariance of the moments has no small-sample factor; chi-square with q - m degrees
    of freedom, missing where that covariance is singular.
    """
    turn = inverse_root(score_covariance(projected, residuals, vcov))
    if turn is None:
        return np.nan
    turned = turn @ projected.slopes
    gap, design = turned[:, 0], turned[:, 1:]
    gap = gap - design @ _slopes(design, gap)
    return float(gap @ gap)


def _slopes(design: Floats, outcome: Floats) -> Floats:
    """Regress an outcome on columns of different sizes."""
    scale = 1 / np.linalg.norm(design, axis=0)
    return np.asarray(scale * np.linalg.lstsq(design * scale, outcome)[0])


def sanderson_windmeijer(projected: Projection, regressor: int, vcov: Vcov) -> float:
    """Compute the conditional F of one of several endogenous regressors.

    The regressor less the others, at their two-stage slopes, is regressed on the
    instruments; the Wald statistic is divided by q - m + 1 (Sanderson & Windmeijer
    2016). Missing where the covariance is singular.
    """
    q, m = projected.first_slopes.shape
    design = np.delete(projected.first_slopes, regressor, axis=1)
    # Of the regressor less the others
    weights = np.insert(
        -_slopes(design, projected.first_slopes[:, regressor]), regressor, 1.0
    )
    covariance = score_covariance(projected, projected.endog_residuals @ weights, vcov)
    return wald_form(projected.first_slopes @ weights, covariance) / int(q - m + 1)
