"""What maximum likelihood of a spatial panel gave, in one group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from digiprosper.report.pickling import PickledByName

if TYPE_CHECKING:
    from digiprosper.kernels import Floats


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class SpatialEstimated(PickledByName):
    """What maximum likelihood gave.

    Parameters
    ----------
    names : tuple of str
        ``"rho"`` and ``"lambda"`` as far as the model has them, then the regressors, then ``"W:<term>"``.
    depvar : str
        Outcome.
    model : str
        Option word of the model.
    coefficients : (k,) array
        Estimates, in the order of the names.
    covariance : (k, k) array
        Their covariance.
    residuals : (NT,) array
        Of the filtered equation, effects out.
    sigma2 : float
        Mean squared residual.
    loglik : float
        Log likelihood at its maximum, without bias correction.
    n_parameters : int
        Slopes, spatial coefficients, sigma2, and the rank of the absorbed effects or the intercept.
    rsquared_within : float
        Squared correlation of the swept outcome with ``(I - rho W)^-1`` times the swept fit.
    df_absorbed : int
        Rank of the absorbed effects.
    effect_names : tuple of str
        Absorbed effects.
    interval : pair of float
        Where I - rho W is invertible.
    transform, bias_correction : str or None
        As in `PanelSpatial`.
    weights_name, weights_text, weights_standardise, weights_hash : str
        Name of the weights, how they were made and standardised, and a hash of their values.
    """

    names: tuple[str, ...]
    depvar: str
    model: str
    coefficients: Floats
    covariance: Floats
    residuals: Floats
    sigma2: float
    loglik: float
    n_parameters: int
    rsquared_within: float
    df_absorbed: int
    effect_names: tuple[str, ...]
    interval: tuple[float, float]
    transform: str
    bias_correction: str | None
    weights_name: str
    weights_text: str
    weights_standardise: str
    weights_hash: str
