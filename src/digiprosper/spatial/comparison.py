"""Tests that compare spatial models: Wald tests of restrictions, and likelihood ratios of nested models."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from digiprosper.errors import OptionError, TermError, check_option, cited, option_problem
from digiprosper.kernels.tolerances import SINGULAR
from digiprosper.report.tests import TestResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digiprosper.kernels import Floats
    from digiprosper.spatial.groups import SpatialEstimated

DURBIN_NULLS = {
    "sar": "the coefficients of all spatial lags of regressors are zero",
    "sem": "W:x + rho x is zero for all regressors x (common factors)",
}
"""What restricts a Durbin model to each simpler model."""

# What each spatial model contains beside itself with fewer terms.
_SIMPLER = {
    "sdm": ("sar", "sem", "slx"),
    "sdem": ("sem", "slx"),
    "sac": ("sar", "sem"),
}


def wald_to(fitted: SpatialEstimated, model: str) -> TestResult:
    """Test whether a Durbin model reduces to another, as `SpatialResults.wald_to`."""
    check_option("model", model, ("sar", "sem"))
    _refuse_no_durbin(fitted, model)
    names, b = fitted.names, fitted.coefficients
    lags = [name for name in names if name.startswith("W:") and name.removeprefix("W:") in names]
    if not lags:
        raise OptionError("wald_to: the model has no spatial lags of regressors; fit with spatial_lags=None.")
    restrictions = np.zeros((len(lags), b.size))
    restrictions[np.arange(len(lags)), [names.index(name) for name in lags]] = 1.0
    if model == "sar" or "rho" not in names:
        return _wald(fitted, restrictions @ b, restrictions, DURBIN_NULLS["sar"])
    return _common_factors(fitted, lags, restrictions)


def _refuse_no_durbin(fitted: SpatialEstimated, model: str) -> None:
    durbin = ("sdm",) if model == "sar" else ("sdm", "sdem")
    if fitted.model not in durbin:
        text = f"wald_to({model!r}) is for model={' or '.join(map(repr, durbin))}, not {fitted.model!r}."
        raise OptionError(text, [option_problem("model", fitted.model, durbin, text)])


def _common_factors(fitted: SpatialEstimated, lags: Sequence[str], restrictions: Floats) -> TestResult:
    """Test that each lag has the coefficient of its regressor times minus rho, by the delta method."""
    names, b = fitted.names, fitted.coefficients
    if 2 * len(lags) + 1 < len([name for name in names if name != "Intercept"]):
        raise OptionError(
            "wald_to('sem') requires spatial lags of all regressors; fit with spatial_lags=None."
        )
    slope_positions = [names.index(name.removeprefix("W:")) for name in lags]
    rho = b[names.index("rho")]
    gap = restrictions @ b + rho * b[slope_positions]
    restrictions[np.arange(len(lags)), slope_positions] += rho
    restrictions[:, names.index("rho")] += b[slope_positions]
    return _wald(fitted, gap, restrictions, DURBIN_NULLS["sem"])


def lr_test(first: SpatialEstimated, second: SpatialEstimated, *, same_rows: bool) -> TestResult:
    """Compare nested models, as `SpatialResults.lr_test`."""
    _refuse_other_data(first, second, same_rows=same_rows)
    small, large = sorted((first, second), key=lambda fit: fit.n_parameters)
    df = large.n_parameters - small.n_parameters
    if df == 0 or not _is_nested(small, large):
        raise OptionError(
            "lr_test: neither model is nested in the other, which has all terms, effects and spatial "
            "coefficients of the simpler one. Compare them by aic or bic."
        )
    from scipy.special import chdtrc

    statistic = max(2 * (large.loglik - small.loglik), 0.0)
    null = f"the restrictions of the {small.model.upper()} hold in the {large.model.upper()}"
    if small.model == large.model:
        null = f"what the {large.model.upper()} with fewer terms or effects leaves out is zero"
    return TestResult(
        "Likelihood ratio test", statistic, "chi2", float(df), float(chdtrc(df, statistic)), null
    )


def _wald(fitted: SpatialEstimated, gap: Floats, weights: Floats, null: str) -> TestResult:
    form, smallest_eigenvalue = fitted.wald(weights, gap)
    if not smallest_eigenvalue > SINGULAR:
        raise TermError("wald_test: the restrictions repeat each other.")
    return fitted.joint_test(form, weights, gap, name="Wald test", null=null)


def _refuse_other_data(first: SpatialEstimated, second: SpatialEstimated, *, same_rows: bool) -> None:
    pairs = {
        "outcome": (first.depvar, second.depvar),
        "rows": (True, same_rows),
        "weights": (first.weights_hash, second.weights_hash),
        "transform": (first.transform, second.transform),
    }
    different = [aspect for aspect, (value, other_value) in pairs.items() if value != other_value]
    if different:
        text = (
            f"lr_test: the two fits differ in their {' and '.join(different)}; compare fits on the same data."
        )
        raise OptionError(text, [option_problem("other", cited(different), what=text)])


def _is_nested(small: SpatialEstimated, large: SpatialEstimated) -> bool:
    """Tell whether one model is another with restrictions."""
    simpler = (large.model, *_SIMPLER.get(large.model, ()))
    effects = set(small.effect_names) <= set(large.effect_names)
    # A model without any spatial term is every model with all of them zero.
    without_space = small.model == "slx" and not any(name.startswith("W:") for name in small.names)
    regressors = set(small.names) - {"rho", "lambda", "Intercept"} <= set(large.names)
    if small.model == "sem" and large.model == "sdm":
        lagged = {f"W:{name}" for name in small.names if name not in ("lambda", "Intercept")}
        return effects and regressors and lagged <= set(large.names)
    return effects and regressors and (without_space or small.model in simpler)
