"""A solved equation, from which all covariances are computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from digiprosper.kernels import Floats, Ints
from digiprosper.kernels.cluster_jackknife import deviations, jackknife_root_and_middle
from digiprosper.kernels.covariance import Counts, Vcov, joint_meat, rescaled_sandwich
from digiprosper.kernels.least_squares import ols, with_weights
from digiprosper.kernels.leverage import error_scale, row_leverage
from digiprosper.kernels.slopes import Effect
from digiprosper.kernels.tolerances import ABSORBED, SINGULAR
from digiprosper.kernels.within import effects_in_rows, within


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Solved:
    """A solved equation on demeaned columns; it exists during a fit only."""

    y: Floats  # (N,) demeaned outcome
    x: Floats  # (N, k) demeaned regressors
    # (N, m) times residuals the scores: Q of the (projected) regressors, or `x` if not
    # near collinear
    score_columns: Floats
    coefficients: Floats  # (k,) slopes
    residuals: Floats  # (N,) outcome minus fit, unweighted
    # (k, m) ``root @ score_columns.T @ (w * e)`` is how far errors e move the slopes:
    # inverse of R, or `bread`
    root: Floats
    bread: Floats  # (k, k) inverse of the (weighted) cross product of the regressors
    condition: float  # condition number of the regressors scaled to unit length
    # Rows, slopes, rank of the effects and K, as each convention counts them
    count: Counts
    vcov: Vcov  # how scores become a covariance
    obs_weights: Floats | None = None
    # (N,) multiplies the residuals in the scores of ``hc2`` and ``hc3``; None is one
    error_scale: Floats | None = None
    # (N, m) what errors move the fitted values by, per unit of their scores: with
    # instruments ``x @ root``, the regressors themselves; None is `score_columns`
    moved: Floats | None = None

    @property
    def df_resid(self) -> float:
        """Rows less slopes less the rank of the effects."""
        return float(self.count.n - self.count.parameters)

    def weighted(self, values: Floats) -> Floats:
        """Multiply values (N,) by the weights of the rows."""
        return values if self.obs_weights is None else values * self.obs_weights

    @property
    def weighted_residuals(self) -> Floats:
        """Residuals times the weights of the rows."""
        return self.weighted(self.residuals)

    @property
    def errors(self) -> Floats:
        """Residuals as they enter the scores."""
        return (
            self.residuals
            if self.error_scale is None
            else self.residuals * self.error_scale
        )

    def deviations(self) -> Floats:
        """Compute estimates without each cluster, less those with all: (G, k)."""
        weighted = with_weights(self.score_columns, self.obs_weights)
        codes = self.vcov.parts[0].codes
        assert codes is not None
        return deviations(
            self.score_columns,
            self.residuals,
            self.root @ (weighted.T @ self.score_columns),
            codes,
            self.vcov.effects,
            obs_weights=self.obs_weights,
        )

    def root_and_middle(self, scores: Floats | None = None) -> tuple[Floats, Floats]:
        """Factor the covariance of the slopes as ``root @ middle @ root.T``.

        `middle` (m, m) has a diagonal of ones as far as it is positive. Under ``crv3``
        rows of `root` (k, m) are missing for coefficients that are not identified
        without some cluster. `scores` (G, m) are the sums by cluster, in one way, where
        they are known.
        """
        if self.vcov.cov_type == "crv3":
            return jackknife_root_and_middle(self.deviations())
        if scores is not None:
            middle = self.vcov.parts[0].factor * (scores.T @ scores)
        else:
            equation = (self.score_columns, self.errors, self.vcov)
            middle = joint_meat([equation], obs_weights=self.obs_weights)
        return rescaled_sandwich(self.root, middle)

    def with_intercept(self, means: Floats, rows: float) -> Solved:
        """Add the intercept to an equation without effects.

        `bread` and `x` stay those of the slopes. `means` (1 + k,) are those of outcome
        and regressors before they were demeaned; `rows` is the sum of the weights.
        """
        k, m = self.root.shape
        root = np.zeros((k + 1, m + 1))
        root[:k, :m] = self.root
        root[k, :m] = -means[1:] @ self.root
        root[k, m] = 1 / rows
        ones = np.ones(len(self.score_columns))
        return replace(
            self,
            score_columns=np.column_stack([self.score_columns, ones]),
            moved=None if self.moved is None else np.column_stack([self.moved, ones]),
            coefficients=np.append(
                self.coefficients, means[0] - means[1:] @ self.coefficients
            ),
            root=root,
        )

    def unadjusted_errors(self) -> Floats:
        """Compute the standard errors (k,) under independence and equal variances."""
        variance = self.residuals @ self.weighted_residuals / self.df_resid
        return np.sqrt(np.diag(self.bread) * variance)

    def partial_products(self, regressor: int) -> Floats:
        """Compute products (2, 2) of outcome and a regressor, net of the others.

        The regressor net of the others has the square ``1 / bread_jj``; the outcome net
        of them is the residual plus the slope times it, and residual and regressor are
        orthogonal (Frisch and Waugh 1933).
        """
        square = 1 / self.bread[regressor, regressor]
        slope = self.coefficients[regressor]
        explained: Floats = square * np.array([[slope**2, slope], [slope, 1.0]])
        explained[0, 0] += self.residuals @ self.weighted_residuals
        return explained


def solve(
    y: Floats,
    x: Floats,
    count: Counts,
    estimator: Vcov,
    *,
    obs_weights: Floats | None = None,
    products: tuple[Floats, Floats] | None = None,
    inverse: tuple[Floats, float] | None = None,
) -> Solved:
    """Solve an equation by least squares; `x` (N, k) is demeaned, of full rank.

    `products` are the (weighted) cross products of `x` with itself and with the
    outcome, and `inverse` is what `invert_gram` makes of the first, where known.
    """
    # With products of scores, a basis is needed to recognise sums that are zero.
    rotate = estimator.parts[0].products is not None
    fit = ols(
        x,
        y,
        obs_weights=obs_weights,
        products=products,
        inverse=inverse,
        rotate=rotate,
    )
    scale = None
    if estimator.leverage is not None:
        scale = error_scale(
            estimator.cov_type,
            estimator.leverage,
            row_leverage(fit.basis, obs_weights=obs_weights),
        )
    return Solved(
        y=y,
        x=x,
        score_columns=fit.basis,
        coefficients=fit.coefficients,
        residuals=fit.residuals,
        root=fit.root,
        bread=fit.bread,
        condition=fit.condition,
        count=count,
        vcov=estimator,
        obs_weights=obs_weights,
        error_scale=scale,
    )


def joint_covariance(equations: Sequence[Solved]) -> Floats:
    """Compute the joint covariance (K, K) of the slopes of several equations."""
    if equations[0].vcov.cov_type == "crv3":
        root, _ = jackknife_root_and_middle(
            np.hstack([e.deviations() for e in equations])
        )
        return root @ root.T
    from scipy.linalg import block_diag

    middle = joint_meat(
        [(e.score_columns, e.errors, e.vcov) for e in equations],
        obs_weights=equations[0].obs_weights,
    )
    root = block_diag(*[e.root for e in equations])
    joint = root @ middle @ root.T
    return (joint + joint.T) / 2.0


# --- slopes in blocks of periods ------------------------------------------------------


# Five blocks; four where a fifth would leave blocks of one period.
_BLOCKS, _FEWER, _LEAST = 5, 4, 10


def block_slopes(equation: Solved, effects: Sequence[Effect], time: Ints) -> Floats:
    """Estimate the slopes (q, k) in q blocks of periods, each with effects of its own.

    `time` (N,) codes periods in order. Missing where a regressor does not vary in the
    block, or is collinear there; with instruments all slopes of that block are.
    """
    periods, k = int(time.max()) + 1, equation.x.shape[1]
    count = _BLOCKS if periods >= _LEAST else _FEWER
    columns = np.column_stack([equation.y, equation.x, equation.score_columns])
    sizes = np.linalg.norm(equation.x, axis=0)
    slopes = np.full((count, k), np.nan)
    blocks = time * count // periods
    for block in np.unique(blocks).tolist():
        rows = np.flatnonzero(blocks == block)
        w = None if equation.obs_weights is None else equation.obs_weights[rows]
        inside = within(effects_in_rows(effects, rows), rows.size, obs_weights=w)
        y, x, z = np.split(inside.demean(columns[rows]), [1, k + 1], axis=1)
        varies = np.linalg.norm(x, axis=0) > ABSORBED * sizes
        # Regressors are their own instruments in least squares only.
        if varies.all() or equation.moved is None:
            z = with_weights(z[:, varies], w)
            slopes[block, varies] = _solve_moments(z, x[:, varies], y[:, 0])
    return slopes


def _solve_moments(z: Floats, x: Floats, y: Floats) -> Floats:
    """Solve ``z'x b = z'y``, in any units; missing if there is no single solution."""
    if not x.shape[1]:
        return np.empty(0)
    of_z, of_x = np.linalg.norm(z, axis=0), np.linalg.norm(x, axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        products, outcome = z.T @ x / of_z[:, None] / of_x, z.T @ y / of_z
    if not np.isfinite(products).all() or np.linalg.cond(products) > 1 / SINGULAR:
        return np.full(x.shape[1], np.nan)
    return np.asarray(np.linalg.solve(products, outcome) / of_x)
