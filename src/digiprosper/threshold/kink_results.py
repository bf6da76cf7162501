"""Results of panel regression with a kink."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from digiprosper.checks import check_option
from digiprosper.errors import Notice, number_text
from digiprosper.kernels import Floats, Ints
from digiprosper.linear.results import LinearResults
from digiprosper.report.columns import Column, ParameterBlock, ParameterTest
from digiprosper.report.summary import Summary
from digiprosper.report.terms import Regime, Term
from digiprosper.report.tests import TestResult
from digiprosper.report.text import percent_text, wrapped
from digiprosper.report.verdicts import rejects
from digiprosper.threshold.results import (
    NO_BOOTSTRAP,
    SlopesByRegime,
    bootstrap_p,
    ends_reached,
    set_text,
    threshold_parameter,
)


def critical_chi2(level: float) -> float:
    """Return the critical value of a kink's likelihood ratio: chi-squared, 1 df."""
    from scipy.special import chdtri

    return float(chdtri(1, 1 - level))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class KinkResults(SlopesByRegime):
    """Results of panel regression with a kink, made by `PanelKink.fit`.

    It keeps no data except those of `slopes`.

    Parameters
    ----------
    kink_variable : str
        Term whose slope changes.
    slopes : LinearResults
        Coefficients ``"q:below"`` and ``"q:above"``, then those of `x`. Standard errors
        allow for the estimation of the kink. There is no joint F test, because the kink
        is not identified if all slopes are zero.
    threshold : float
        Estimated value at which the slope changes.
    threshold_se : float
        Standard error of the kink, of the same type as those of the slopes. It is
        missing if the kink is not identified.
    sums : (3,) array
        Sums of squared residuals of the linear, kink and step model.
    candidates : (G,) array
        Observed values of the kink variable in the searched range, which has all
        numbers between the first and the last.
    profile_ssr : (G,) array
        Sums of squared residuals with the kink at each candidate.
    regime_sizes : (2, 2) array
        Numbers of rows, and of entities with at least one row, at or below the kink,
        and above.
    df : float
        Degrees of freedom in F and LR.
    df_rule : {"hansen", "xthreg"}
        Rule of `df`: N - n, or T (n - 1).
    trim : float
        Share of the rows outside the searched range on each side.
    bootstrap : {"wild_cluster"} or None
        Bootstrap of the tests.
    statistic_draws : (3, B) array
        Draws of F of no kink, F of continuity, and LR of the kink.
    reps : int
        Number of draws of each bootstrap.
    rng_entropy : int or None
        Seed of the draws; pass it as `rng` to reproduce them. None without draws.
    level : float
        Confidence level of the sets.
    critical : mapping
        Critical value of LR for each type of confidence set.
    sets : mapping
        Confidence set of each type: intervals in ascending order.
    diagnostics : tuple of Notice
        Remarks about the data and the fit.

    Examples
    --------
    >>> import numpy as np, pandas as pd, digiprosper as dp
    >>> rng = np.random.default_rng(1)
    >>> df = pd.DataFrame(
    ...     {"city": np.repeat(np.arange(60), 10), "year": np.tile(np.arange(10), 60)}
    ... )
    >>> df["debt"] = rng.normal(50, 15, 600)
    >>> bend = (
    ...     np.minimum(df["debt"] - 60, 0) * 0.05
    ...     - np.maximum(df["debt"] - 60, 0) * 0.05
    ... )
    >>> df["growth"] = bend + df["city"] / 30 + rng.normal(0, 0.5, 600)
    >>> kink = dp.PanelKink("growth", "debt").fit(dp.Panel(df, "city", "year"), rng=1)
    >>> kink.slopes.params.round(3).to_dict()
    {'debt:below': 0.048, 'debt:above': -0.054}
    >>> [low < 60 < high for low, high in kink.confidence_set()]
    [True]
    """

    _model: ClassVar[str] = "PanelKink"

    kink_variable: str
    slopes: LinearResults
    threshold: float
    threshold_se: float
    sums: Floats
    candidates: Floats
    profile_ssr: Floats
    regime_sizes: Ints
    df: float
    df_rule: str
    trim: float
    bootstrap: str | None
    statistic_draws: Floats
    reps: int
    rng_entropy: int | None
    level: float
    critical: Mapping[str, float]
    sets: Mapping[str, tuple[tuple[float, float], ...]]
    diagnostics: tuple[Notice, ...]

    # --- the kink and its tests -------------------------------------------------------

    @property
    def ssr(self) -> pd.Series[float]:
        """Sums of squared residuals of the models ``linear``, ``kink`` and ``step``."""
        index = pd.Index(["linear", "kink", "step"], name="model")
        return pd.Series(self.sums, index=index, name="ssr", copy=True)

    @property
    def test(self) -> TestResult:
        """Test that there is no kink: ``F = (S_linear / S_kink - 1) df``.

        F is compared with draws F* from the linear model. The p-value is
        ``(1 + #{F* >= F}) / (B + 1)`` with B draws; it is missing without a bootstrap.
        """
        null = f"the outcome is linear in {self.kink_variable}"
        return self._test("Test of no kink", 0, null)

    @property
    def continuity(self) -> TestResult:
        """Test that the function is continuous: ``F = (S_kink / S_step - 1) df``.

        The step model has an intercept and a slope on each side of a threshold. F is
        compared with draws from the kink model.
        """
        null = f"a kink in {self.kink_variable}, no jump"
        return self._test("Test of continuity", 1, null)

    def confidence_set(self, method: str | None = None) -> list[tuple[float, float]]:
        """Return a confidence set of the kink.

        Parameters
        ----------
        method : {"bootstrap", "lr", "wald"}, optional
            ``"bootstrap"`` has all g whose ``LR(g) = (S(g) / S_kink - 1) df`` is at
            most a quantile of its draws (Hansen 2017). It is the default if there are
            draws. ``"lr"`` uses the quantile of chi-squared with one degree of freedom,
            which assumes independent errors with equal variances. It is the default
            without draws. ``"wald"`` is the kink plus and minus t times its standard
            error; it is too short in samples of a few hundred rows.

        Returns
        -------
        list of (low, high)
            Intervals in ascending order. There are several if distant values of g have
            a similar fit. Ends are exact, also between observed values. The set of
            ``"bootstrap"`` and ``"lr"`` ends at the latest at the end of the searched
            range. The Wald interval does not, and it is unbounded if there is no
            standard error.

        Raises
        ------
        OptionError
            If `method` is unknown, or there are no draws for ``"bootstrap"``.
        """
        method = self._default_set if method is None else method
        check_option("method", method, self._set_methods)
        if method != "wald":
            return list(self.sets[method])
        if math.isnan(self.threshold_se):
            return [(-math.inf, math.inf)]
        from scipy.special import stdtrit

        half = (
            float(stdtrit(self.slopes.df_t, 0.5 + self.level / 2)) * self.threshold_se
        )
        return [(self.threshold - half, self.threshold + half)]

    def profile(self) -> pd.DataFrame:
        """Return the likelihood ratio for all values of the kink.

        Returns
        -------
        DataFrame
            One row per observed value in the searched range, and one for the estimate.
            Columns are gamma, ssr, and ``lr = (ssr / min ssr - 1) df``.
        """
        gamma, ssr = self.candidates, self.profile_ssr
        at = int(np.searchsorted(gamma, self.threshold))
        if self.threshold not in gamma:
            gamma = np.insert(gamma, at, self.threshold)
            ssr = np.insert(ssr, at, self.sums[1])
        lr = (ssr / self.sums[1] - 1) * self.df
        return pd.DataFrame({"gamma": gamma, "ssr": ssr, "lr": lr})

    @property
    def regimes(self) -> pd.DataFrame:
        """Rows ``below`` and ``above`` the kink: lower, upper, nobs, n_entities.

        n_entities is the number of entities with at least one row there.
        """
        return self._regimes(
            [self.threshold], pd.Index(["below", "above"], name="regime")
        )

    # --- tables -----------------------------------------------------------------------

    @property
    def terms(self) -> tuple[Term, ...]:
        """Description of each slope, with its side of the kink."""
        name, kink = self.kink_variable, self.threshold
        below = Regime(name, 1, 2, upper=kink, kink=True)
        above = Regime(name, 2, 2, lower=kink, kink=True)
        return self._terms_by_regime([name], {"below": below, "above": above})

    def table_columns(self, level: float = 0.95) -> tuple[Column, ...]:
        """Return the column of a table: slopes, kink, confidence set and tests.

        Parameters
        ----------
        level : float
            Confidence level of the intervals of the slopes, .95 by default.

        Returns
        -------
        tuple of Column
            One column.
        """
        tests = [
            ParameterTest("F", code, test.statistic, test.p_value)
            for code, test in (("no_kink", self.test), ("no_jump", self.continuity))
            if test.draws is not None
        ]
        pieces = self.confidence_set()
        reach = ends_reached(pieces, self.candidates)
        block = ParameterBlock(
            kind="kink",
            variable=self.kink_variable,
            parameters=(threshold_parameter(self.threshold, pieces, tests, reach),),
            level=self.level,
            drawn=self.bootstrap or "",
            reps=self.reps,
            confidence=self._default_set,
            rank=1,
        )
        return (self._table_column(self.terms, block, level),)

    # --- words ------------------------------------------------------------------------

    def _summary(self) -> Summary:
        name, threshold = self.kink_variable, number_text(self.threshold, 5)
        pieces = self.confidence_set()
        text = (
            f"Threshold: {threshold} (std. error {number_text(self.threshold_se)}); "
            f"{percent_text(self.level)} confidence set ({self._default_set}): "
            f"{set_text(pieces, ends_reached(pieces, self.candidates))}"
        )
        lines = wrapped([text])
        tests = {"H0 no kink": self.test, "H0 no jump": self.continuity}
        for null, test in tests.items():
            verdict = f"  {null}"
            f = f"F = {test.statistic:z.2f}"
            ending = f": {f}, {NO_BOOTSTRAP}"
            if self.bootstrap:
                verdict = self._verdict(null, test.p_value)
                ending = f" ({f}, p = {test.p_value:.4f}, {self.bootstrap})"
            lines.append(verdict + ending)
        # Continuity first: the test of no kink often misses a jump without a kink.
        if self.bootstrap and rejects(self.continuity.p_value, self.level):
            lines.append(
                "  A jump fits better: use PanelThreshold, regime_intercept=True, and "
                "its test."
            )
        elif self.bootstrap and not rejects(self.test.p_value, self.level):
            lines.append(
                "  Without a kink its threshold, std. error and sets are not "
                "identified."
            )
        regimes = [f"{name} <= {threshold}", f"{name} > {threshold}"]
        subject = f"Slope of {name} with a kink"
        return self._build_summary(
            subject, lines, regimes, self.diagnostics, first_column=""
        )

    @property
    def conventions(self) -> str:
        """Type of the standard errors of the slopes."""
        return f"{self.slopes.conventions}, allowing for the estimated threshold"

    def _options_text(self, denominator: str) -> str:
        trim = f"{self.trim:g}".removeprefix("0")
        draws_text = (
            f"; {self.bootstrap}, {self.reps:,} draws; rng {self.rng_entropy}"
            if self.bootstrap
            else ""
        )
        bound = f"{self._default_set} set: LR <= {self.critical[self._default_set]:.4g}"
        return (
            f"trim {trim}; every value in the range; {denominator}; {bound}{draws_text}"
        )

    def _more_numbers(self) -> dict[str, Any]:
        tests = {"no_kink": self.test, "continuity": self.continuity}
        return {
            "model": self._model,
            "kink_variable": self.kink_variable,
            "threshold": self.threshold,
            "threshold_se": self.threshold_se,
            "confidence_sets": {m: self.confidence_set(m) for m in self._set_methods},
            "critical_values": dict(self.critical),
            "ssr": self.ssr.to_dict(),
            "tests": {
                name: {"F": test.statistic, "p_value": test.p_value}
                for name, test in tests.items()
            },
            **self._shared_numbers(("level", "trim", "bootstrap", "reps")),
        }

    # --- inside -----------------------------------------------------------------------

    def _test(self, name: str, row: int, null: str) -> TestResult:
        statistic = float(self.sums[row] / self.sums[row + 1] - 1) * self.df
        draws = self.statistic_draws[row] if self.bootstrap else None
        p = math.nan if draws is None else bootstrap_p(statistic, draws)
        return TestResult(name, statistic, "bootstrap", None, p, null, draws=draws)

    @property
    def _set_methods(self) -> tuple[str, ...]:
        return ("bootstrap", "lr", "wald") if self.bootstrap else ("lr", "wald")

    @property
    def _default_set(self) -> str:
        return self._set_methods[0]
