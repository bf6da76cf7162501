"""What maximum likelihood of a spatial panel gave, in one group."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

from digiprosper.report.estimates import Estimates, wald_result

if TYPE_CHECKING:
    from digiprosper.kernels import Floats
    from digiprosper.report.tests import TestResult


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class SpatialEstimated(Estimates):
    """Estimates of a spatial panel model by maximum likelihood.

    The names are "rho" and "lambda" if the model has them, regressors, "W:<term>".
    """

    depvar: str  # outcome
    model: str
    residuals: Floats  # (NT,) of the filtered equation, fixed effects removed
    sigma2: float  # mean squared residual
    loglik: float  # at the maximum, without bias correction
    n_parameters: int  # with sigma2 and the rank of the absorbed effects, or the intercept
    rsquared_within: float  # squared correlation of the demeaned outcome with its prediction
    df_absorbed: int  # rank of the absorbed effects
    effect_names: tuple[str, ...]
    interval: tuple[float, float]  # where I - rho W is invertible
    transform: str
    bias_correction: str | None
    weights_name: str
    weights_text: str  # how they were made and standardised
    weights_standardise: str
    weights_hash: str  # of their values

    def joint_test(
        self,
        form: float,
        weights: Floats,
        gap: Floats,  # noqa: ARG002
        *,
        name: str,
        null: str,
        drawn: bool = True,  # noqa: ARG002
    ) -> TestResult:
        """Turn a Wald statistic into a chi-squared test, also with clustered errors."""
        return wald_result(form, len(weights), inf, name, null)
