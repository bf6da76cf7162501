"""Estimated coefficients with their covariance, and inference from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Any, Self

import numpy as np
import pandas as pd

from digiprosper.checks import check_level
from digiprosper.kernels import Floats, intervals
from digiprosper.report.inference import Inference
from digiprosper.report.pickling import PickledByName
from digiprosper.report.tests import TestResult, chi2_test, f_test
from digiprosper.report.variance import quadratic_form, standard_errors


def wald_result(form: float, q: int, df_t: float, name: str, null: str) -> TestResult:
    """Compare a Wald statistic with F(q, df_t), or chi-square if infinite."""
    if df_t == inf:
        return chi2_test(name, form, q, null)
    return f_test(name, form / q, (q, df_t), null)


def hotelling_result(
    form: float, q: int, df: float, name: str, null: str, too_few: str = ""
) -> TestResult:
    """Compare a Wald statistic with F(q, df - q + 1), scaled as by Hotelling (1931).

    `df` are the degrees of freedom of the covariance, G - 1 with G clusters. `too_few`
    says why there are so few where less than one would remain: the test is missing.
    """
    df_denominator = df - q + 1
    if too_few and not df_denominator >= 1:
        text = f"not available: {q} restrictions{too_few}"
        return f_test(name, np.nan, (q, df_denominator), null, method=text)
    f = form / q * df_denominator / df if df_denominator > 0 else np.nan
    return f_test(name, f, (q, df_denominator), null)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Estimates(PickledByName):
    """Coefficients (k,) with their covariance ``root @ middle @ root.T``.

    Sums of coefficients are computed from `root` (k, m) and `middle` (m, m), which has
    a diagonal of about one, because the covariance itself loses digits if regressors
    are nearly collinear. A row of `root` is missing if the coefficient has no standard
    error. Tests and intervals are those of t with the degrees of freedom in
    `inference`; subclasses have others.
    """

    names: tuple[str, ...]
    coefficients: Floats
    root: Floats
    middle: Floats
    inference: Inference

    @classmethod
    def of(
        cls,
        names: Sequence[str],
        coefficients: Floats,
        covariance: Floats,
        inference: Inference,
        **more: Any,
    ) -> Self:
        """Make estimates from a covariance matrix (k, k)."""
        errors = np.sqrt(np.abs(np.diag(covariance)))
        missing = np.isnan(errors)
        scale = np.where(missing | (errors == 0), 1.0, errors)
        middle = np.where(
            missing | missing[:, None], 0.0, covariance / scale / scale[:, None]
        )
        return cls(
            names=tuple(names),
            coefficients=coefficients,
            root=np.diag(np.where(missing, np.nan, scale)),
            middle=middle,
            inference=inference,
            **more,
        )

    @property
    def covariance(self) -> Floats:
        """Return the covariance matrix (k, k)."""
        return self.root @ self.middle @ self.root.T

    def rows(self, weights: Floats) -> Floats:
        """Compute ``weights @ root`` for sums of coefficients with weights (q, k)."""
        used = np.flatnonzero(weights.any(axis=0))
        return weights[:, used] @ self.root[used]

    def sums(self, weights: Floats) -> Floats:
        """Compute sums (q,) of coefficients; one with weight 0 may be missing."""
        used = np.flatnonzero(weights.any(axis=0))
        return weights[:, used] @ self.coefficients[used]

    def covariance_of(self, weights: Floats) -> Floats:
        """Compute the covariance (q, q) of sums of coefficients with weights (q, k)."""
        rows = self.rows(weights)
        return rows @ self.middle @ rows.T

    def wald(self, weights: Floats, gap: Floats) -> tuple[float, float]:
        """Compute ``gap' V^-1 gap`` for the covariance V of sums with weights (q, k).

        The second number is the smallest eigenvalue of V; see `quadratic_form`.
        """
        return quadratic_form(gap, self.rows(weights), self.middle)

    def df_of(self, weights: Floats) -> Floats | float:  # noqa: ARG002
        """Return the degrees of freedom of t for sums with weights (q, k)."""
        return self.inference.df_t

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
        """Test that sums with weights (q, k) have given values.

        `form` is the statistic and `gap` (q,) the sums less their values under the
        null; without `drawn` no bootstrap is used.
        """
        return wald_result(form, len(weights), self.inference.df_t, name, null)

    def std_errors(self) -> Floats:
        """Compute standard errors (k,); missing where a variance is negative."""
        return standard_errors(self.covariance.diagonal())

    def tests(self) -> tuple[Floats, Floats, Floats]:
        """Compute standard errors, statistics and p-values, each (k,)."""
        from scipy.special import stdtr

        errors = self.std_errors()
        with np.errstate(divide="ignore", invalid="ignore"):
            statistics = self.coefficients / errors
        df = self.df_of(np.eye(len(self.names)))
        return errors, statistics, np.asarray(2 * stdtr(df, -np.abs(statistics)))

    def limits(self, level: float) -> tuple[Floats, Floats]:
        """Compute the lower and the upper ends (k,) of confidence intervals."""
        half = self.critical(level, np.eye(len(self.names))) * self.std_errors()
        return self.coefficients - half, self.coefficients + half

    def frame(self, level: float) -> pd.DataFrame:
        """Return estimates, errors, tests and intervals, one row per coefficient."""
        errors, statistics, p_values = self.tests()
        low, high = self.limits(level)
        return pd.DataFrame(
            {
                "term": list(self.names),
                "estimate": self.coefficients,
                "std_error": errors,
                "statistic": statistics,
                "p_value": p_values,
                "conf_low": low,
                "conf_high": high,
            }
        )

    def critical(self, level: float, weights: Floats) -> Floats:
        """Compute critical values of t for sums with weights (q, k)."""
        from scipy.special import stdtrit

        return np.asarray(stdtrit(self.df_of(weights), 0.5 + check_level(level) / 2))

    def combined(self, name: str, weights: Floats, constant: float) -> Estimates:
        """Estimate one sum of the coefficients, with weights (k,), plus a constant."""
        (df_t,) = np.broadcast_to(self.df_of(weights[None, :]), 1)
        return Estimates(
            names=(name,),
            coefficients=self.sums(weights[None, :]) + constant,
            root=self.rows(weights[None, :]),
            middle=self.middle,
            inference=replace(self.inference, df_t=float(df_t)),
        )


def n_lost(draws: Floats) -> int:
    """Count the lost draws: rows of NaN among draws (R, k)."""
    return int(np.isnan(draws).all(axis=1).sum())


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class DrawnEstimates(Estimates):
    """Estimates with bootstrap draws (R, k); a lost draw is a row of NaN."""

    draw_values: Floats

    def tests(self) -> tuple[Floats, Floats, Floats]:
        """Compute standard errors and statistics, and p-values from the draws."""
        errors, statistics, _ = Estimates.tests(self)
        p_values = intervals.percentile_p(
            self.draw_values, clusters=self.inference.n_drawn
        )
        return errors, statistics, p_values

    def limits(self, level: float) -> tuple[Floats, Floats]:
        """Compute percentile intervals of the draws."""
        ends = intervals.percentile(
            self.draw_values, check_level(level), clusters=self.inference.n_drawn
        )
        return ends[0], ends[1]

    def combined(self, name: str, weights: Floats, constant: float) -> Self:
        """Estimate one sum of the coefficients in the data and in every draw."""
        total = Estimates.combined(self, name, weights, constant)
        used = np.flatnonzero(weights)
        values = self.draw_values[:, used] @ weights[used] + constant
        return replace(
            self,
            names=total.names,
            coefficients=total.coefficients,
            root=total.root,
            middle=total.middle,
            inference=total.inference,
            draw_values=values[:, None],
        )
