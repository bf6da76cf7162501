"""A linear combination of coefficients with its standard error, as Stata's lincom."""

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

__all__ = ["LinearCombination"]


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class LinearCombination(Summarised, PickledByName):
    """A linear combination of coefficients, plus a number if one was given.

    Made by `LinearResults.combination`. It can be a column of a table.

    Parameters
    ----------
    expression : str
        As it was written.
    estimate : float
        Its value.
    std_error : float
        Its standard error; missing if its variance is negative or a coefficient has none.
    fit_glance : Glance
        What the fit says about itself.
    inference : Inference
        Where the error comes from.
    labels : mapping
        Labels of columns.
    version : str
        Of digiprosper, when the model was fitted.
    factors : mapping
        What names of the fit are products of.

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
        """Degrees of freedom of t, those of the fit."""
        return self.inference.df_t

    @property
    def statistic(self) -> float:
        """Estimate over standard error: t of the null that the combination is zero."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return float(np.divide(self.estimate, self.std_error))

    @property
    def p_value(self) -> float:
        """Two-sided, from t(`df`)."""
        from scipy.special import stdtr

        return float(2 * stdtr(self.df, -abs(self.statistic)))

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Give a confidence interval.

        Parameters
        ----------
        level : float
            Such as .95.

        Returns
        -------
        low, high : float
            Missing if there is no standard error.
        """
        from scipy.special import stdtrit

        half = float(stdtrit(self.df, 0.5 + check_level(level) / 2)) * self.std_error
        return self.estimate - half, self.estimate + half

    @property
    def params(self) -> pd.Series[float]:
        """The estimate, indexed by the expression."""
        return self.tidy().set_index("term")["estimate"]

    @property
    def cov(self) -> pd.DataFrame:
        """Its variance, as a table of one cell."""
        return pd.DataFrame([[self.std_error**2]], index=self.params.index, columns=self.params.index)

    @property
    def nobs(self) -> int:
        """Rows in the estimation sample."""
        return self.fit_glance["nobs"]

    def tidy(self, level: float = 0.95) -> pd.DataFrame:
        """Give one row.

        Parameters
        ----------
        level : float
            Of the confidence interval.

        Returns
        -------
        DataFrame
            term, estimate, std_error, statistic, p_value, conf_low, conf_high.
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
        """Give what the fit says about itself.

        Returns
        -------
        Glance
            That of the fit.
        """
        return cast("Glance", dict(self.fit_glance))

    @property
    def conventions(self) -> str:
        """Which standard errors: those of the fit."""
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
