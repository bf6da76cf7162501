"""Results of Poisson regressions."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import ClassVar, cast

import numpy as np
import pandas as pd

from digiprosper.counts.words import WORDS
from digiprosper.kernels.tolerances import TWO_VALUES
from digiprosper.linear.poisson import CountResults
from digiprosper.linear.results import predicted_index
from digiprosper.panel import Panel
from digiprosper.report.columns import Remark
from digiprosper.report.inference import Inference
from digiprosper.report.protocol import Glance
from digiprosper.report.summary import Lines, Remarks, Summary, coefficient_cells
from digiprosper.report.terms import Term
from digiprosper.report.text import conventions
from digiprosper.report.words import Words

_MEANING = (
    "A slope b is a change of the log of the mean: the elasticity, if the regressor is "
    "a log. Otherwise 100 b is roughly the change in percent, and that of a dummy is "
    "100 (exp(b) - 1). See average_effects()."
)


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class PoissonResults(CountResults):
    """Results of `PoissonEffects`: coefficients, covariance, tests and predictions.

    Parameters
    ----------
    depvar : str
        Outcome.
    estimated : Estimates
        Names, coefficients and covariance. Tests use the normal distribution, as
        ppmlhdfe and fixest do, and under ``"crv3"`` t with G - 1 degrees of freedom.
    sample : EstimationSample
        The rows of the fit.
    fitted : array or None
        Means (N,), effects included; None with ``keep_rows=False``.
    residuals : array or None
        Outcome less mean (N,).
    deviance : float
        Twice the difference of log likelihoods of a perfect fit and of the fit.
    log_likelihood, null_log_likelihood : float
        Log likelihood, and that of a model with a constant (and the exposure) only.
    mean_outcome : float
        Mean of the outcome, with the weights of the rows.
    df_absorbed : int
        Rank of the absorbed effects.
    effect_names : tuple of str
        Names of the absorbed effects.
    effect_values : tuple
        Name, levels and estimates of each absorbed effect.
    effect_terms : tuple
        Of each absorbed effect the term of its levels, and that of its slope or None.
    separated : DataFrame
        Rows that were dropped because they are separated, with the reason.
        ``"effects"`` are rows of a level of a fixed effect whose outcomes are all zero,
        ``"regressors"`` are rows that a combination of regressors and effects predicts
        to be zero (Correia, Guimaraes & Zylkin 2019).
    n_singletons : int
        Number of singletons that were dropped.
    exposure, offset : str or None
        Terms of the specification.
    labels : mapping
        Labels of columns.
    diagnostics : tuple of Notice
        Remarks about the data and the fit.
    version : str
        Version of digiprosper that fitted the model.

    Examples
    --------
    >>> import digiprosper as dp
    >>> spec = dp.PoissonEffects("gsp", ["log(pc)", "unemp"])
    >>> fit = spec.fit(dp.datasets.us_states())
    >>> fit.params.round(3).to_dict(), fit.std_errors.round(3).to_dict()
    ({'log(pc)': 0.728, 'unemp': -0.014}, {'log(pc)': 0.084, 'unemp': 0.003})
    """

    words: ClassVar[Words] = WORDS
    log_likelihood: float
    null_log_likelihood: float
    mean_outcome: float
    effect_terms: tuple[tuple[str, str | None], ...]
    n_singletons: int

    # --- what all results have --------------------------------------------------------

    @property
    def pseudo_rsquared(self) -> float:
        """One less the log likelihood over that of a constant (McFadden 1974)."""
        return 1 - self.log_likelihood / self.null_log_likelihood

    def glance(self) -> Glance:
        """Return summary numbers of the fit, such as the number of rows.

        Returns
        -------
        Glance
            Beside what all results have: pseudo_rsquared, deviance, loglik, n_separated
            and n_singletons.
        """
        values = {
            **CountResults.glance(self),
            "pseudo_rsquared": self.pseudo_rsquared,
            "loglik": self.log_likelihood,
            "n_singletons": self.n_singletons,
        }
        return cast("Glance", values)

    # --- rows and effects -------------------------------------------------------------

    def predict(self, panel: Panel) -> pd.Series[float]:
        """Predict the mean of the outcome, including fixed effects and exposure.

        Parameters
        ----------
        panel : Panel
            A panel with the columns of the model.

        Returns
        -------
        Series
            Means indexed by row of `panel`. One is missing, with a warning, if a fixed
            effect of the row was not estimated or a regressor is missing.

        Raises
        ------
        ColumnError, InputTypeError, MissingDataError
            If `panel` is not a Panel or does not have a column, or a term cannot be
            evaluated.

        Examples
        --------
        >>> import digiprosper as dp
        >>> panel = dp.datasets.us_states()
        >>> fit = dp.PoissonEffects("gsp", ["log(pc)", "unemp"]).fit(panel)
        >>> bool((fit.predict(panel) - fit.fitted_values).abs().max() < 1e-6)
        True
        """
        from digiprosper.panel.access import table_of
        from digiprosper.panel.selection import coefficient_column

        index = predicted_index(self, panel)
        term = self.exposure or self.offset
        if term is not None:
            column = coefficient_column(table_of(panel), self.factors[term], {})
            with np.errstate(divide="ignore", invalid="ignore"):
                index = index + (np.log(column) if self.exposure else column)
        return pd.Series(np.exp(index), index=panel.index, name=self.depvar)

    def average_effects(self, level: float = 0.95) -> pd.DataFrame:
        """Compute average effects of regressors on the mean of the outcome.

        Since the average of the fitted means is that of the outcome, the average effect
        of a slope b is b times the mean of the outcome.

        Parameters
        ----------
        level : float
            Confidence level of the intervals, .95 by default.

        Returns
        -------
        DataFrame
            One row per regressor: term, kind, estimate, std_error, conf_low, conf_high,
            effect, percent, percent_low and percent_high. The estimates are relative
            changes of the mean: b for a ``"slope"``, which is the elasticity for a log
            (``"elasticity"``), and exp(b) - 1, with the error exp(b) se(b), for a
            ``"dummy"``. `effect` is the relative change times the mean of the outcome,
            in units of the outcome; of an elasticity it is the effect of a change of
            the log by one. `percent`, with its interval, is the change of the mean in
            percent for one unit more, 100 (exp(b) - 1); for an elasticity, the one for
            one percent more. All are missing for an ``"interaction"`` and for
            regressors that have a column in common with others, whose effect is not
            that of one coefficient.

        Raises
        ------
        OptionError
            If `level` is not between 0 and 1.

        Examples
        --------
        >>> import digiprosper as dp
        >>> fit = dp.PoissonEffects("gsp", ["log(pc)", "unemp"]).fit(
        ...     dp.datasets.us_states()
        ... )
        >>> fit.average_effects()[["kind", "estimate"]].round(3).values.tolist()
        [['elasticity', 0.728], ['slope', -0.014]]
        """
        slopes = [term for term in self.terms if term.kind != "intercept"]
        kinds = np.array([self._kind_of(term) for term in slopes])
        ends = ["estimate", "conf_low", "conf_high"]
        frame = self.tidy(level).drop(columns=["statistic", "p_value"])[: kinds.size]
        frame.insert(1, "kind", kinds)
        logs, dummy = frame[ends].copy(), kinds == "dummy"
        relative = np.expm1(logs)
        frame.loc[dummy, "std_error"] *= np.exp(logs.loc[dummy, "estimate"])
        frame.loc[dummy, ends] = relative[dummy]
        frame["effect"] = frame["estimate"] * self.mean_outcome
        elastic = (kinds == "elasticity")[:, None]
        percent = ["percent", "percent_low", "percent_high"]
        frame[percent] = np.where(elastic, logs, 100 * relative)
        frame.loc[kinds == "interaction", frame.columns[2:]] = np.nan
        return frame

    def _kind_of(self, term: Term) -> str:
        """Tell what the coefficient of a term is."""
        others = chain.from_iterable(
            _factor_columns(other) for other in self.terms if other.name != term.name
        )
        first = term.factors[0]
        if len(term.factors) > 1 or not _factor_columns(term).isdisjoint(others):
            return "interaction"
        if first.function == "log":
            return "elasticity"
        is_dummy = first.level is not None or self._is_dummy(term.name)
        return "dummy" if is_dummy else "slope"

    def _is_dummy(self, name: str) -> bool:
        """Decide from its moments whether a column is zero or one."""
        n, mean, sd, low, high = self.sample_stats.loc[name].to_numpy(np.float64)
        # No other column between zero and one with this mean has as much variance.
        below = mean * (1 - mean) - sd**2 * (n - 1) / n
        return bool((low, high) == (0.0, 1.0) and below <= TWO_VALUES)

    # --- words ------------------------------------------------------------------------

    def _remarks(self) -> tuple[Remark, ...]:
        return (Remark("note.poisson", {}),)

    def _summary(self) -> Summary:
        lines = (
            *self._about(),
            f"Dropped: {len(self.separated)} separated rows, "
            f"{self.n_singletons} singletons",
            f"Pseudo-R2 {self.pseudo_rsquared:.4f}, deviance {self.deviance:.6g}, log "
            f"likelihood {self.log_likelihood:.6g}",
            "",
        )
        return self._titled(
            f"Poisson regression, outcome: {self.depvar}",
            Lines(lines),
            coefficient_cells(self.tidy()),
            Lines((_MEANING,), wrapped=True),
            Remarks.of(self.diagnostics, self._coverage("Poisson slope")),
        )

    def _conventions_of(self, inference: Inference) -> str:
        # Words of unadjusted errors
        return conventions(inference).replace(
            "for independent errors of equal variance",
            "for a variance equal to the mean",
        )


def _factor_columns(term: Term) -> set[str]:
    """List the columns of a term; the levels of one category share theirs."""
    return {
        factor.text if factor.level is not None else column
        for factor in term.factors
        for column in factor.columns
    }
