"""Results of panel regression with a kink."""

from __future__ import annotations

import math
from dataclasses import dataclass
from textwrap import wrap
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from digiprosper.errors import Notice, check_option, cited
from digiprosper.report.columns import Block, Drawn, ParameterTest
from digiprosper.report.notices import few_draws, lost_draws
from digiprosper.report.pickling import PickledByName
from digiprosper.report.summary import (
    Cells,
    Lines,
    PlainNumbers,
    Remarks,
    Summarised,
    Summary,
    coefficient_cells,
)
from digiprosper.report.tests import TestResult
from digiprosper.report.text import sample_text
from digiprosper.report.verdicts import rejects
from digiprosper.threshold.columns import (
    is_whole,
    kink_regimes,
    slopes_by_regime,
    slopes_column,
    threshold_with,
)
from digiprosper.threshold.groups import KinkFields
from digiprosper.threshold.notices import NOTHING_DRAWN, boundary, no_threshold_se, small_regime
from digiprosper.threshold.results import bootstrap_p

if TYPE_CHECKING:
    from collections.abc import Mapping

    from digiprosper.linear.results import LinearResults
    from digiprosper.report.columns import Column
    from digiprosper.report.terms import Term
    from digiprosper.threshold.groups import KinkBounded, KinkSearched, KinkTested

_METHODS = ("bootstrap", "lr", "wald")


def critical_chi2(level: float) -> float:
    """Compute the critical value of the likelihood ratio of a kink: chi-squared, one degree of freedom."""
    from scipy.special import chdtri

    return float(chdtri(1, 1 - level))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class KinkResults(KinkFields, Summarised, PickledByName):
    """Results of panel regression with a kink, made by `PanelKink.fit`.

    It keeps no data except those of `slopes`.

    Parameters
    ----------
    kink_variable : str
        Term whose slope changes.
    slopes : LinearResults
        Coefficients ``"q:below"`` and ``"q:above"``, then those of `x`. Standard errors allow for the
        estimation of the kink. There is no joint F test, because the kink is not identified if all slopes are
        zero.
    searched : KinkSearched
        Kink and sums of squared residuals.
    tested : KinkTested
        Draws of the tests.
    bounded : KinkBounded
        Confidence sets of the kink.
    diagnostics : tuple of Notice
        Remarks about the data and the fit.

    Notes
    -----
    The fields of these groups are also attributes of the results: `threshold`, `draws`, `level` and so on.

    Examples
    --------
    >>> import numpy as np, pandas as pd, digiprosper as dp
    >>> rng = np.random.default_rng(1)
    >>> df = pd.DataFrame({"city": np.repeat(np.arange(60), 10), "year": np.tile(np.arange(10), 60)})
    >>> df["debt"] = rng.normal(50, 15, 600)
    >>> bend = np.minimum(df["debt"] - 60, 0) * 0.05 - np.maximum(df["debt"] - 60, 0) * 0.05
    >>> df["growth"] = bend + df["city"] / 30 + rng.normal(0, 0.5, 600)
    >>> found = dp.PanelKink("growth", "debt").fit(dp.Panel(df, "city", "year"), rng=1)
    >>> found.slopes.params.round(3).to_dict()
    {'debt:below': 0.048, 'debt:above': -0.054}
    >>> [low < 60 < high for low, high in found.confidence_set()]
    [True]
    """

    kink_variable: str
    slopes: LinearResults
    searched: KinkSearched
    tested: KinkTested
    bounded: KinkBounded
    diagnostics: tuple[Notice, ...]

    # --- where and whether --------------------------------------------------------------------------------

    @property
    def ssr(self) -> pd.Series[float]:
        """Sums of squared residuals of the models ``linear``, ``kink`` and ``step``."""
        index = pd.Index(["linear", "kink", "step"], name="model")
        return pd.Series(self.sums, index=index, name="ssr", copy=True)

    @property
    def test(self) -> TestResult:
        """Test that there is no kink: ``F = (S_linear / S_kink - 1) df``.

        F is compared with draws F* from the linear model. The p-value is ``(1 + #{F* >= F}) / (B + 1)`` with
        B draws; it is missing without a bootstrap.
        """
        return self._test("Test of no kink", 0, f"the outcome is linear in {self.kink_variable}")

    @property
    def continuity(self) -> TestResult:
        """Test that the function is continuous: ``F = (S_kink / S_step - 1) df``.

        The step model has an intercept and a slope on each side of a threshold. F is compared with draws from
        the kink model.
        """
        return self._test("Test of continuity", 1, f"a kink in {self.kink_variable}, no jump")

    def confidence_set(self, method: str | None = None) -> list[tuple[float, float]]:
        """Return a confidence set of the kink.

        Parameters
        ----------
        method : {"bootstrap", "lr", "wald"}, optional
            ``"bootstrap"`` has all g whose ``LR(g) = (S(g) / S_kink - 1) df`` is at most a quantile of its
            draws (Hansen 2017). It is the default if there are draws. ``"lr"`` uses the quantile of
            chi-squared with one degree of freedom, which assumes independent errors with equal variances. It
            is the default without draws. ``"wald"`` is the kink plus and minus t times its standard error; it
            is too short in samples of a few hundred rows.

        Returns
        -------
        list of (low, high)
            Intervals in ascending order. There are several if distant values of g have a similar fit. Ends
            are exact, also between observed values. The set of ``"bootstrap"`` and ``"lr"`` ends at the
            latest at the end of the searched range. The Wald interval does not, and it is unbounded if there
            is no standard error.

        Raises
        ------
        OptionError
            If `method` is unknown, or there are no draws for ``"bootstrap"``.
        """
        method = self._default_set if method is None else method
        check_option("method", method, _METHODS if self.bootstrap else _METHODS[1:])
        if method != "wald":
            return list(self.sets[method])
        if math.isnan(self.threshold_se):
            return [(-math.inf, math.inf)]
        from scipy.special import stdtrit

        half = float(stdtrit(self.slopes.df_t, 0.5 + self.level / 2)) * self.threshold_se
        return [(self.threshold - half, self.threshold + half)]

    def profile(self) -> pd.DataFrame:
        """Return the likelihood ratio for all values of the kink.

        Returns
        -------
        DataFrame
            One row per observed value in the searched range, and one for the estimate. Columns are gamma,
            ssr, and ``lr = (ssr / min ssr - 1) df``.
        """
        gamma, ssr = self.candidates, self.profile_ssr
        at = int(np.searchsorted(gamma, self.threshold))
        if self.threshold not in gamma:
            gamma, ssr = np.insert(gamma, at, self.threshold), np.insert(ssr, at, self.sums[1])
        return pd.DataFrame({"gamma": gamma, "ssr": ssr, "lr": (ssr / self.sums[1] - 1) * self.df})

    @property
    def regimes(self) -> pd.DataFrame:
        """Rows ``below`` and ``above`` the kink: lower, upper, nobs, n_entities.

        n_entities is the number of entities with at least one row there.
        """
        bounds = {"lower": [-np.inf, self.threshold], "upper": [self.threshold, np.inf]}
        sizes = {"nobs": self.regime_sizes[:, 0], "n_entities": self.regime_sizes[:, 1]}
        return pd.DataFrame({**bounds, **sizes}, index=pd.Index(["below", "above"], name="regime"))

    # --- tables -------------------------------------------------------------------------------------------

    @property
    def terms(self) -> tuple[Term, ...]:
        """Description of each slope, with its side of the kink."""
        sides = zip(("below", "above"), kink_regimes(self.kink_variable, self.threshold), strict=True)
        return slopes_by_regime(self.slopes, [self.kink_variable], dict(sides))

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
        named = {"no_kink": self.test, "no_jump": self.continuity} if self.bootstrap else {}
        tests = [ParameterTest("F", code, test.statistic, test.p_value) for code, test in named.items()]
        pieces = self.confidence_set()
        block = Block(
            kind="kink",
            variable=self.kink_variable,
            parameters=(
                threshold_with(self.threshold, pieces, tests, whole=is_whole(pieces, self.candidates)),
            ),
            level=self.level,
            drawn=Drawn(self.reps, self.bootstrap) if self.bootstrap else None,
            confidence="bootstrap" if self.bootstrap else "lr",
            rank=1,
        )
        return (slopes_column(self.slopes, self.terms, block, level),)

    # --- words --------------------------------------------------------------------------------------------

    def _summary(self) -> Summary:
        slopes = self.slopes
        conditions = [f"{self.kink_variable} {sign} {self.threshold:.5g}" for sign in ("<=", ">")]
        regimes = [
            [text, f"{size[0]:,}", f"{size[1]:,}"]
            for text, size in zip(conditions, self.regime_sizes, strict=True)
        ]
        return Summary(
            type=type(self).__name__,
            title=f"Outcome: {slopes.depvar}",
            blocks=(
                Lines(
                    (
                        f"Slope of {self.kink_variable} with a kink",
                        f"Effects: {', '.join(slopes.effect_names) or 'none (intercept)'}",
                        sample_text(slopes.nobs, slopes.n_entities, slopes.n_times, slopes.key_names),
                        "",
                        *self._threshold_words(),
                        *self._test_words(self.test, "H0 no kink"),
                        *self._test_words(self.continuity, "H0 no jump"),
                        *self._advice(),
                        "",
                    )
                ),
                Cells.of(["", "rows", slopes.key_names[0]], regimes),
                Lines(("",)),
                coefficient_cells(slopes.tidy()),
                Remarks.of(self.diagnostics),
            ),
            notices=self.diagnostics,
            conventions=self.conventions,
            settings=self.settings,
            version=slopes.version,
        )

    @property
    def conventions(self) -> str:
        """Type of the standard errors of the slopes."""
        return f"{self.slopes.conventions}, allowing for the estimated threshold"

    @property
    def settings(self) -> str:
        """Options of the search and the tests, and the seed of the draws."""
        denominator = "N - n" if self.df_rule == "hansen" else "T (n - 1)"
        if self.slopes.key_names[0] not in self.slopes.effect_names:
            denominator = "N - 1"
        trim = f"{self.trim:g}".removeprefix("0")
        drawn = f"; {self.bootstrap}, {self.reps:,} draws; rng {self.rng_entropy}" if self.bootstrap else ""
        counted_k = f"{self.slopes.settings}; " if self.slopes.settings else ""
        bound = f"{self._default_set} set: LR <= {self.critical[self._default_set]:.4g}"
        return (
            f"{counted_k}trim {trim}; every value in the range; F and LR over {denominator} = {self.df:g} "
            f"(df {self.df_rule}); {bound}{drawn}"
        )

    def _numbers(self) -> PlainNumbers:
        methods = _METHODS if self.bootstrap else _METHODS[1:]
        tests = {
            name: {"F": test.statistic, "p_value": test.p_value}
            for name, test in zip(("no_kink", "continuity"), self._tests(), strict=True)
        }
        numbers = {
            "model": "PanelKink",
            "kink_variable": self.kink_variable,
            "threshold": self.threshold,
            "threshold_se": self.threshold_se,
            "confidence_sets": {m: self.confidence_set(m) for m in methods},
            "critical_values": dict(self.critical),
            "ssr": self.ssr.to_dict(),
            "tests": tests,
            "regimes": self.regimes.reset_index().to_dict("records"),
            "options": {
                "df": self.df_rule,
                "level": self.level,
                "trim": self.trim,
                "bootstrap": self.bootstrap,
                "reps": self.reps,
            },
            "denominator": self.df,
            "rng_entropy": self.rng_entropy,
            "slopes": self.slopes.to_dict(),
        }
        return PlainNumbers(labels=self.slopes.labels, more=numbers)

    # --- inside -------------------------------------------------------------------------------------------

    def _test(self, name: str, row: int, null: str) -> TestResult:
        statistic = float(self.sums[row] / self.sums[row + 1] - 1) * self.df
        draws = self.draws[row] if self.bootstrap else None
        p = math.nan if draws is None else bootstrap_p(statistic, draws)
        return TestResult(name, statistic, "bootstrap", None, p, null, draws=draws)

    def _tests(self) -> tuple[TestResult, TestResult]:
        return self.test, self.continuity

    @property
    def _default_set(self) -> str:
        return "bootstrap" if self.bootstrap else "lr"

    @property
    def _set_name(self) -> str:
        return f"{100 * self.level:g}% confidence set ({self._default_set})"

    def _rejects(self, test: TestResult) -> bool:
        return rejects(test.p_value, self.level)

    def _advice(self) -> list[str]:
        """Advise where the tests do not support a kink."""
        if not self.bootstrap:
            return []
        # First: a jump without a bend is what the test of no kink often misses.
        if self._rejects(self.continuity):
            return ["  A jump fits better: use PanelThreshold, regime_intercept=True, and its test."]
        if not self._rejects(self.test):
            return ["  Without a kink its threshold, std. error and sets are not identified."]
        return []

    def _threshold_words(self) -> list[str]:
        text = (
            f"Threshold: {self.threshold:.5g} (std. error {self.threshold_se:.4g}); {self._set_name}: "
            f"{_words(self.confidence_set())}"
        )
        if is_whole(self.confidence_set(), self.candidates):
            text += ", every candidate"
        return wrap(text, 80, subsequent_indent="  ", break_long_words=False)

    def _test_words(self, test: TestResult, null: str) -> list[str]:
        if test.draws is None:
            return [f"  {null}: F = {test.statistic:z.2f}, no bootstrap and no p-value"]
        verdict = "rejected" if self._rejects(test) else "not rejected"
        at = 100 * (1 - self.level)
        numbers = f"F = {test.statistic:z.2f}, p = {test.p_value:.4f}, {self.bootstrap}"
        return [f"  {null}: {verdict} at {at:.3g}% ({numbers})"]


def _words(pieces: list[tuple[float, float]]) -> str:
    return ", ".join(f"{a:.5g}" if a == b else f"{a:.5g} to {b:.5g}" for a, b in pieces)


def remarks(results: KinkResults) -> list[Notice]:
    """Make the notices that follow from the stored numbers: ends of sets, small regimes, draws, no error."""
    out, name = list[Notice](), results.kink_variable
    pieces, (first, last) = results.confidence_set(), results.candidates[[0, -1]]
    reached = {"lowest": pieces[0][0] <= first, "highest": pieces[-1][1] >= last}
    ends = {end: edge for end, edge in zip(reached, (first, last), strict=True) if reached[end]}
    if ends:
        covers_all = is_whole(pieces, results.candidates)
        message = _whole_words(name, ends) if covers_all else _ends_words(name, ends)
        reasons = dict.fromkeys(ends)
        out.append(boundary(message, 1, (float(first), float(last)), reasons, whole=covers_all))
    for side, (rows, entities) in zip(("below", "above"), results.regime_sizes.tolist(), strict=True):
        text = (
            f"{rows} rows of {entities} entities are {side} the threshold of {cited(name)}: the slope on "
            "that side is estimated from few observations. Increase trim."
        )
        out += small_regime(side, rows, entities, results.slopes.n_entities, text)
    if math.isnan(results.threshold_se):
        out.append(no_threshold_se(name))
    if results.bootstrap:
        out += few_draws(results.reps, "test")
        # The second and the third statistic are of the same draws.
        drawn = results.draws[:2]
        out += lost_draws(int(np.isnan(drawn).sum()), drawn.size, NOTHING_DRAWN, "bootstrap")
    return out


def _whole_words(name: str, ends: Mapping[str, float]) -> str:
    reached = " to the ".join(f"{end} ({edge:.5g})" for end, edge in ends.items())
    return (
        f"the confidence set of the threshold contains every candidate value of {cited(name)}, from the "
        f"{reached}: the data do not show where the threshold is."
    )


def _ends_words(name: str, ends: Mapping[str, float]) -> str:
    reached = " and the ".join(f"{end} ({edge:.5g})" for end, edge in ends.items())
    return (
        f"the confidence set of the threshold includes the {reached} candidate value of {cited(name)} and "
        "may extend beyond it. Lower trim, or treat the set as unbounded on that side."
    )
