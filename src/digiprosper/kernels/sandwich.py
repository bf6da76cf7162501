"""The covariance of maximum-likelihood estimates, as that of their last step."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from digiprosper.kernels.covariance import rescaled_sandwich
from digiprosper.kernels.equation import solve

if TYPE_CHECKING:
    from digiprosper.kernels import Floats
    from digiprosper.kernels.covariance import Counts, Vcov
    from digiprosper.kernels.equation import Solved
    from digiprosper.kernels.reweighted import Reweighted


def as_regression(likelihood: Reweighted, count: Counts, estimator: Vcov) -> Solved:
    """Write the last step as a weighted regression, whose scores are the model's."""
    assert likelihood.regression is not None
    fitted = likelihood.x @ likelihood.coefficients
    solved = solve(
        fitted + likelihood.regression.residuals,
        likelihood.x,
        count,
        estimator,
        obs_weights=likelihood.weights,
    )
    return replace(
        solved,
        coefficients=likelihood.coefficients,
        residuals=likelihood.working_residuals,
    )


def root_and_middle(solved: Solved) -> tuple[Floats, Floats]:
    """Compute the halves of the covariance; under ``unadjusted`` the information."""
    if solved.vcov.cov_type != "unadjusted":
        return solved.root_and_middle()
    columns, factor = solved.score_columns, solved.vcov.parts[0].factor
    assert solved.obs_weights is not None
    information = (columns.T * solved.obs_weights) @ columns
    return rescaled_sandwich(solved.root, information * factor)
