"""Results of binary outcomes with effects: coefficients and average effects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, TypeAlias, cast

from digiprosper.checks import check_option
from digiprosper.counts.words import WORDS
from digiprosper.errors import IdentificationError, Notice, TermError
from digiprosper.report.columns import Remark
from digiprosper.report.estimates import Estimates
from digiprosper.report.inference import Inference
from digiprosper.report.protocol import Glance
from digiprosper.report.results import BaseResults
from digiprosper.report.summary import Lines, Remarks, Summary, coefficient_cells
from digiprosper.report.terms import Factors, Term, slope_terms
from digiprosper.report.text import conventions
from digiprosper.report.words import Words

_Errors: TypeAlias = Literal["population", "sample"]


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class BinaryResults(BaseResults):
    """What coefficients and average effects of a binary outcome share.

    Parameters
    ----------
    estimated : Estimates
        Coefficients, or average effects, with their covariance.
    info : Glance
        Summary numbers of the fit.
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

    estimated: Estimates
    info: Glance
    labels: Mapping[str, str]
    factors: Factors
    diagnostics: tuple[Notice, ...]
    key_names: tuple[str, str | None]
    correction: Literal["corrected", "uncorrected"] | None = None

    @property
    def terms(self) -> tuple[Term, ...]:
        """Description of each regressor."""
        return slope_terms(self.names, self.factors)

    def glance(self) -> Glance:
        """Return summary numbers of the fit, such as the number of rows.

        Returns
        -------
        Glance
            Beside what all results have: pseudo_rsquared (McFadden's), loglik
            before the correction, and n_predicted, rows that are predicted perfectly.
        """
        return cast("Glance", {**self.info, **self.inference.numbers})

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
            conventions=self._conventions_of(self.inference),
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
        count, apart = info["n_predicted"], ""
        if count:
            apart = (
                f", of which {count:,} ({count / info['nobs']:.0%}) are predicted "
                "perfectly and count as zero"
            )
        about = "Changes of the probability for one unit more, averaged over all rows"
        lines = [f"{about}{apart}."]
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
        Summary numbers of the fit.
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
