"""Linear combinations of coefficients with standard errors, as Stata's ``lincom``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import numpy as np
import pandas as pd

from digiprosper.errors import check_level
from digiprosper.report.pickling import PickledByName
from digiprosper.report.summary import PlainNumbers, Summarised, Summary, coefficient_cells
from digiprosper.report.text import conventions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from digiprosper.report.inference import Inference
    from digiprosper.report.protocol import Glance
    from digiprosper.report.terms import Factors


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class LinearCombination(Summarised, PickledByName):
    """Estimate of a linear combination of coefficients, made by `LinearResults.combination`.

    It can be a column of `etable`.

    Parameters
    ----------
    expression : str
        The combination, such as ``"a + 2*b"``.
    estimate : float
        Value of the combination.
    std_error : float
        Standard error. It is missing if the variance is negative, or if a coefficient has no standard error.
    fit_glance : Glance
        Summary numbers of the fit, such as the number of rows.
    inference : Inference
        Type of the standard error and degrees of freedom.
    labels : mapping
        Labels of columns.
    version : str
        Version of digiprosper that fitted the model.
    factors : mapping
        Factors of each interaction among the coefficients.

    Examples
    --------
    >>> import digiprosper as dp
    >>> spec = dp.FixedEffects("log(gsp)", ["log(pc)", "unemp"])
    >>> total = spec.fit(dp.datasets.us_states()).combination("log(pc) + 10*unemp")
    >>> round(total.estimate, 3), round(total.std_error, 3)
    (0.499, 0.079)
    """

    expression: str
    estimate: float
    std_error: float
    fit_glance: Glance
    inference: Inference
    labels: Mapping[str, str]
    version: str
    factors: Factors = field(default_factory=dict)

    @property
    def df(self) -> float:
        """Degrees of freedom of the t test, as in the fit."""
        return self.inference.df_t

    @property
    def statistic(self) -> float:
        """The t statistic of the null hypothesis that the combination is zero."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return float(np.divide(self.estimate, self.std_error))

    @property
    def p_value(self) -> float:
        """Two-sided p-value from the t distribution with `df` degrees of freedom."""
        from scipy.special import stdtr

        return float(2 * stdtr(self.df, -abs(self.statistic)))

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Return a confidence interval.

        Parameters
        ----------
        level : float
            Confidence level, .95 by default.

        Returns
        -------
        low, high : float
            Ends of the interval; missing if there is no standard error.

        Raises
        ------
        OptionError
            If `level` is not between 0 and 1.
        """
        from scipy.special import stdtrit

        half = float(stdtrit(self.df, 0.5 + check_level(level) / 2)) * self.std_error
        return self.estimate - half, self.estimate + half

    @property
    def params(self) -> pd.Series[float]:
        """The estimate, as a Series whose index is the expression."""
        return self.tidy().set_index("term")["estimate"]

    @property
    def cov(self) -> pd.DataFrame:
        """Variance of the estimate, as a table with one cell."""
        return pd.DataFrame([[self.std_error**2]], index=self.params.index, columns=self.params.index)

    @property
    def nobs(self) -> int:
        """Number of rows in the estimation sample."""
        return self.fit_glance["nobs"]

    def tidy(self, level: float = 0.95) -> pd.DataFrame:
        """Return a table with one row.

        Parameters
        ----------
        level : float
            Confidence level, .95 by default.

        Returns
        -------
        DataFrame
            Columns term, estimate, std_error, statistic, p_value, conf_low and conf_high.
        """
        low, high = self.interval(level)
        row = {
            "term": self.expression,
            "estimate": self.estimate,
            "std_error": self.std_error,
            "statistic": self.statistic,
            "p_value": self.p_value,
            "conf_low": low,
            "conf_high": high,
        }
        return pd.DataFrame([row])

    def glance(self) -> Glance:
        """Return summary numbers of the fit.

        Returns
        -------
        Glance
            The same as `glance` of the fit.
        """
        return cast("Glance", dict(self.fit_glance))

    @property
    def conventions(self) -> str:
        """Type of the standard errors, as in the fit."""
        return conventions(self.inference)

    def _summary(self) -> Summary:
        return Summary(
            type=type(self).__name__,
            title=f"Linear combination of coefficients, outcome: {self.fit_glance['depvar']}",
            blocks=(coefficient_cells(self.tidy()),),
            conventions=self.conventions,
            version=self.version,
        )

    def _numbers(self) -> PlainNumbers:
        return PlainNumbers.of(self, inference=self.inference, labels=self.labels, factors=self.factors)
