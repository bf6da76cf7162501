"""Results of Poisson regressions, and of binary outcomes with their effects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, ClassVar, Literal, TypeAlias, cast

import numpy as np
import pandas as pd

from digiprosper.checks import check_option
from digiprosper.errors import IdentificationError, TermError
from digiprosper.kernels.tolerances import TWO_VALUES
from digiprosper.linear.poisson import CountResults
from digiprosper.linear.results import predicted_index
from digiprosper.panel import Panel
from digiprosper.report.columns import Remark
from digiprosper.report.inference import Inference
from digiprosper.report.protocol import Glance
from digiprosper.report.results import FitResults
from digiprosper.report.summary import Lines, Remarks, Summary, coefficient_cells
from digiprosper.report.terms import Term, slope_terms
from digiprosper.report.text import conventions
from digiprosper.report.words import Words, read_words

WORDS = read_words(__file__)
_Errors: TypeAlias = Literal["population", "sample"]
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
        # One unit more may be far beyond the data.
        with np.errstate(over="ignore"):
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


# --- binary outcomes ------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class BinaryResults(FitResults):
    """What coefficients and average effects of a binary outcome share.

    Parameters
    ----------
    estimated : Estimates
        Coefficients, or average effects, with their covariance.
    info : Glance
        Summary numbers of the fit. They have pseudo_rsquared (McFadden's), loglik
        before the correction, and n_predicted, rows that are predicted perfectly.
    labels : mapping
        Labels of columns.
    factors : mapping
        Factors of outcome, effects, clusters and regressors, by name.
    diagnostics : tuple of Notice
        Remarks about the data and the fit.
    key_names : pair of str or None
        Names of the entity key and the time key.
    correction : {"corrected", "uncorrected"} or None
        Whether the bias of estimated effects was subtracted; None if none are
        estimated.
    """

    words: ClassVar[Words] = WORDS

    correction: Literal["corrected", "uncorrected"] | None = None

    @property
    def terms(self) -> tuple[Term, ...]:
        """Description of each regressor."""
        return slope_terms(self.names, self.factors)

    def _remarks_of(self, meaning: str) -> tuple[Remark, ...]:
        """Remark, by its code, on what the numbers are, and on their correction."""
        codes = filter(None, (meaning, self.correction))
        return tuple(Remark(f"note.{code}", {}) for code in codes)

    def _conventions_of(self, inference: Inference) -> str:
        if inference.cov_type == "information":
            return "Standard errors from the expected information (normal distribution)"
        return conventions(inference)

    def _summary_of(self, title: str, *lines: str, settings: str = "") -> Summary:
        info: Any = self.info
        rows = f"{info['nobs']:,} rows, {info['n_entities']:,} entities"
        return self._titled(
            f"{title}, outcome: {info['depvar']}",
            Lines((rows,)),
            coefficient_cells(self.tidy()),
            Lines(lines, wrapped=True),
            Remarks.of(self.diagnostics),
            settings=settings,
        )


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class AverageEffects(BinaryResults):
    """Average partial effects on a probability, made by `LogitResults.average_effects`.

    They have the attributes and methods of all results, and can be a column of
    `etable`. Those below are in addition to the fields of `LogitResults`.

    Parameters
    ----------
    errors : {"population", "sample"}
        What the standard errors allow for.
    dummies : tuple of str
        Regressors whose effect is that of a change from zero to one.

    Examples
    --------
    >>> import digiprosper as dp
    >>> spec = dp.LogitEffects("I(unemp > 6)", ["log(pc)", "log(emp)"])
    >>> effects = spec.fit(dp.datasets.us_states()).average_effects()
    >>> effects.params.round(2).to_dict()
    {'log(pc)': 0.41, 'log(emp)': -1.21}
    """

    errors: _Errors
    dummies: tuple[str, ...]

    def _remarks(self) -> tuple[Remark, ...]:
        return self._remarks_of("average_effects")

    def _summary(self) -> Summary:
        info: Any = self.info
        count, dummies_text = info["n_predicted"], ""
        if count:
            dummies_text = (
                f", of which {count:,} ({count / info['nobs']:.0%}) are predicted "
                "perfectly and count as zero"
            )
        about = "Changes of the probability for one unit more, averaged over all rows"
        lines = [f"{about}{dummies_text}."]
        if self.dummies:
            lines.append(f"From 0 to 1: {', '.join(self.dummies)}.")
        if self.errors == "sample":
            lines.append(
                "Entities and regressors are taken as fixed: intervals are for the "
                "average of these rows."
            )
        return self._summary_of("Average partial effects", *lines)


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class LogitResults(BinaryResults):
    """Results of `LogitEffects`: changes of the log odds, or of the probit index.

    Parameters
    ----------
    estimated : Estimates
        Coefficients with their covariance.
    link : {"logit", "probit"}
        The option of the specification.
    effects : mapping
        Average partial effects by what their errors allow for; empty for the
        conditional logit.
    info : Glance
        Summary numbers of the fit. They have pseudo_rsquared (McFadden's), loglik
        before the correction, and n_predicted, rows that are predicted perfectly.
    labels : mapping
        Labels of columns.
    factors : mapping
        Factors of outcome, effects, clusters and regressors, by name.
    diagnostics : tuple of Notice
        Remarks about the data and the fit.
    key_names : pair of str or None
        Names of the entity key and the time key.
    correction : {"corrected", "uncorrected"} or None
        Whether the bias of estimated effects was subtracted; None for the conditional
        logit.

    Examples
    --------
    >>> import digiprosper as dp
    >>> spec = dp.LogitEffects("I(unemp > 6)", ["log(pc)"], time_effects=False)
    >>> fit = spec.fit(dp.datasets.us_states())
    >>> fit.params.round(2).to_dict(), fit.is_conditional
    ({'log(pc)': 5.41}, True)
    """

    link: Literal["logit", "probit"]
    effects: Mapping[str, AverageEffects] = field(default_factory=dict)

    @property
    def is_conditional(self) -> bool:
        """Whether it is a conditional logit, in which no effects are estimated."""
        return not self.effects

    def average_effects(self, *, errors: _Errors = "population") -> AverageEffects:
        """Average the effects of regressors on the probability over all rows.

        Parameters
        ----------
        errors : {"population", "sample"}
            ``"population"`` (default) is for the average effect in the population that
            the entities are drawn from; others would have another average.
            ``"sample"`` is for the average of these rows (delta method alone, as
            Stata's ``margins``); with 31 entities its intervals are too short.

        Returns
        -------
        AverageEffects
            One effect for each regressor: of a dummy the change of the probability from
            zero to one, for a level of a category from the reference level; of others
            the derivative. Rows that are predicted perfectly count as zero. Regressors
            that share a variable with another, such as ``x`` and ``x:z``, have none.

        Raises
        ------
        IdentificationError
            If the logit is conditional: probabilities depend on effects that it does
            not estimate.
        TermError
            If no regressor has an effect.
        OptionError
            If `errors` is another word.

        Notes
        -----
        With clustered errors intervals are those of t with G - 1 degrees of freedom.
        With a correction the bias of the averages is subtracted too (Fernandez-Val &
        Weidner 2016, section 4.4), averaged over all rows as the effects are.

        Examples
        --------
        >>> import digiprosper as dp
        >>> spec = dp.LogitEffects("I(unemp > 6)", ["log(pc)", "log(emp)"])
        >>> fit = spec.fit(dp.datasets.us_states())
        >>> fit.average_effects().std_errors.round(2).to_dict()
        {'log(pc)': 0.49, 'log(emp)': 0.42}
        """
        check_option("errors", errors, ("population", "sample"))
        if self.is_conditional:
            raise IdentificationError(
                "a conditional logit has no partial effects: probabilities depend on "
                "entity effects, which it does not estimate. exp(b) is an odds ratio. "
                "Add time effects, or use link='probit'."
            )
        effects = self.effects[errors]
        if not effects.names:
            raise TermError(
                "no regressor has an average effect, since each shares a variable with "
                "another one. Omit powers and interactions."
            )
        return effects

    def _remarks(self) -> tuple[Remark, ...]:
        return self._remarks_of(self.link)

    def _summary(self) -> Summary:
        info: Any = self.info
        meaning = WORDS.say(f"note.{self.link}").rstrip(".").capitalize()
        if self.is_conditional:
            title, settings = "Conditional logit", ", which are not estimated"
            meaning += "; exp(b) is an odds ratio."
        else:
            title = f"{self.link.capitalize()} with effects"
            settings = "; " + WORDS.say(f"note.{self.correction}").rstrip(".")
            meaning += ", for which there is average_effects()."
        return self._summary_of(
            title,
            f"Log likelihood: {info['loglik']:.4f}; pseudo R2: "
            f"{info['pseudo_rsquared']:.4f}.",
            meaning,
            settings=f"effects of {info['effects'].replace('+', ', ')}{settings}",
        )
