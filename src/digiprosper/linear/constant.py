"""The constant that statistical packages report beside absorbed effects."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from digiprosper.errors import check_level

if TYPE_CHECKING:
    from digiprosper.kernels import Floats

# The variance of the residuals under these is their sum of squares over the degrees of freedom that are left.
_RESIDUAL_VARIANCE = ("reghdfe", "xtreg")


class HasConstant:
    """What linear results add: the constant of a fit whose effects are absorbed."""

    __slots__ = ()

    def constant(self: Any, level: float = 0.95) -> pd.Series[float]:
        """Give the constant, as Stata's ``xtreg, fe``, ``areg`` and ``reghdfe`` report it.

        With absorbed effects it is the mean of the outcome less the slopes times the means of the regressors
        in the estimation sample, which makes the effects average zero over the rows. Without any it is the
        intercept of the fit.

        Parameters
        ----------
        level : float
            Confidence level of the intervals, .95 by default.

        Returns
        -------
        Series
            estimate, std_error, statistic, p_value, conf_low, conf_high; all missing with weights of rows.
            The error is known for unadjusted errors, and where the residuals add up to zero in every cluster,
            that is where the clusters are absorbed as effects; elsewhere it is missing.

        Notes
        -----
        With V the covariance of the slopes and m the means of the regressors the variance is ``m'Vm``, and
        ``m'Vm + s^2/N`` for unadjusted errors: that of a regression, with a constant, of the columns without
        the effects but with their means added again (Gould 2013, Stata FAQ: the intercept of xtreg, fe).

        Examples
        --------
        >>> import digiprosper as dp
        >>> fit = dp.FixedEffects("log(gsp)", ["log(pc)"]).fit(dp.datasets.us_states())
        >>> fit.constant()[["estimate", "std_error"]].round(3).tolist()
        [2.926, 0.755]
        """
        level = check_level(level)
        names = ["estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high"]
        if not self.effect_names and "Intercept" in self.names:
            intercept_row = self.tidy(level).set_index("term").loc["Intercept", names]
            return pd.Series(intercept_row.to_numpy(dtype=float), index=names, name="Intercept")
        if self.obs_weights is not None:
            return pd.Series(math.nan, index=names, name="Intercept")
        means = self.sample_stats["mean"]
        weights = means.reindex(self.names).to_numpy(dtype=float)
        estimate = float(means[self.depvar] - weights @ self.coefficients)
        error = _error(self, weights)
        return pd.Series(_numbers(estimate, error, self.df_t, level), index=names, name="Intercept")


def _error(results: Any, weights: Floats) -> float:
    """Compute the standard error; missing where the residuals do not add up to zero by cluster."""
    variance = float(results.covariance_of(weights[None, :])[0, 0])
    by_cluster = results.cov_type == "clustered" and len(results.clusters) == 1
    if by_cluster and results.clusters[0] in results.effect_names:
        return math.sqrt(variance) if variance >= 0 else math.nan
    if results.cov_type == "unadjusted" and results.ssc in _RESIDUAL_VARIANCE:
        return math.sqrt(variance + results._ssr() / results.df_resid / results.nobs)
    return math.nan


def _numbers(estimate: float, error: float, df: float, level: float) -> list[float]:
    from scipy.special import stdtr, stdtrit

    t = float(np.divide(estimate, error)) if error > 0 else math.nan
    p = float(2 * stdtr(df, -abs(t)))
    half = float(stdtrit(df, 0.5 + level / 2)) * error
    return [estimate, error, t, p, estimate - half, estimate + half]
