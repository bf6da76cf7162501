"""Results of binary outcomes with effects: coefficients and average effects."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias, cast

import pandas as pd

from digiprosper.counts.logit_words import WORDS
from digiprosper.errors import IdentificationError, Notice, TermError, check_option
from digiprosper.report.columns import Remark, result_column
from digiprosper.report.estimates import Estimates
from digiprosper.report.results import BaseResults
from digiprosper.report.summary import (
    Lines,
    Remarks,
    Summary,
    coefficient_cells,
)
from digiprosper.report.terms import Term, slope_terms
from digiprosper.report.text import conventions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from digiprosper.kernels import Floats
    from digiprosper.report.columns import Column
    from digiprosper.report.inference import Inference
    from digiprosper.report.protocol import Glance
    from digiprosper.report.terms import Factors
    from digiprosper.report.words import Words

EffectErrors: TypeAlias = Literal["population", "sample"]


class _Binary(BaseResults):
    """What coefficients and average effects share."""

    __slots__ = ()

    words: ClassVar[Words] = WORDS

    if TYPE_CHECKING:

        @property
        def info(self) -> Glance:
            """Summary numbers of the fit."""

    @property
    def terms(self) -> tuple[Term, ...]:
        """Description of each regressor."""
        return slope_terms(self.names, self.factors)

    def glance(self) -> Glance:
        """Return summary numbers of the fit, such as the number of rows.

        Returns
        -------
        Glance
            Beside what all results have: pseudo_rsquared (McFadden's), loglik, and
            n_predicted, the rows that are predicted perfectly and are not among nobs.
        """
        return cast("Glance", dict(self.info))

    @property
    def n_predicted(self) -> int:
        """Number of rows that the model predicts perfectly."""
        info: Any = self.info
        return int(info["n_predicted"])

    def _column(self, level: float, code: str) -> Column:
        column = result_column(self, level)
        return replace(column, remarks=(*column.remarks, Remark(code, {})))

    def _conventions_of(self, inference: Inference) -> str:
        if inference.cov_type == "information":
            return "Standard errors from the expected information (normal distribution)"
        return conventions(inference)


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class AverageEffects(_Binary):
    """Average partial effects on the probability, made by `LogitResults`.

    It has the attributes and methods of all results, and can be a column of `etable`.

    Parameters
    ----------
    estimated : Estimates
        Average effects with their covariance.
    errors : {"population", "sample"}
        What the standard errors allow for.
    dummies : tuple of str
        Regressors whose effect is that of a change from zero to one.
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

    Examples
    --------
    >>> import digiprosper as dp
    >>> panel = dp.datasets.us_states()
    >>> spec = dp.LogitEffects("I(unemp > 6)", ["log(pc)"])
    >>> fit = spec.fit(panel)
    >>> effects = fit.average_effects()
    >>> effects.params.round(3).to_dict()
    {}
    """

    estimated: Estimates
    errors: EffectErrors
    dummies: tuple[str, ...]
    info: Glance
    labels: Mapping[str, str]
    factors: Factors
    diagnostics: tuple[Notice, ...] = ()
    key_names: tuple[str, str | None] | None = field(default=None)

    def table_columns(self, level: float = 0.95) -> tuple[Column, ...]:
        """Return the column of a table, with a note on what the numbers are.

        Parameters
        ----------
        level : float
            Confidence level of the intervals, .95 by default.

        Returns
        -------
        tuple of Column
            One.
        """
        return (self._column(level, "note.average_effects"),)

    def _summary(self) -> Summary:
        info = self.info
        rows = f"{info['nobs']:,} rows, {info['n_entities']:,} entities"
        lines = ["Changes of the probability for one unit more, averaged over all rows"]
        if self.n_predicted:
            share = self.n_predicted / self.nobs
            lines[0] += (
                f", of which {self.n_predicted:,} ({share:.0%}) are predicted "
                "perfectly and count as zero"
            )
        lines[0] += "."
        if self.dummies:
            lines.append(f"From 0 to 1: {', '.join(self.dummies)}.")
        if self.errors == "sample":
            lines.append(
                "Standard errors take entities and regressors as fixed: intervals are "
                "for the average of these rows."
            )
        return Summary(
            type=type(self).__name__,
            title=f"Average partial effects, outcome: {info['depvar']}",
            blocks=(
                Lines((rows,)),
                coefficient_cells(self.tidy()),
                Lines(tuple(lines), wrapped=True),
            ),
            notices=self.diagnostics,
            conventions=self._conventions_of(self.inference),
        )


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class LogitResults(_Binary):
    """Results of `LogitEffects`.

    Parameters
    ----------
    estimated : Estimates
        Coefficients with their covariance: changes of the log odds, or of the probit
        index.
    link : {"logit", "probit"}
        The option of the specification.
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
    effects : mapping
        Average partial effects by what their errors allow for; empty for the
        conditional logit.
    dummies : tuple of str
        Regressors whose average effect is that of a change from zero to one.
    uncorrected_coefficients : array, optional
        Coefficients before the correction; None if there is none.
    n_all_entities : int
        Entities in all rows, those included that are predicted perfectly.

    Examples
    --------
    >>> import digiprosper as dp
    >>> spec = dp.LogitEffects("I(unemp > 6)", ["log(pc)"], time_effects=False)
    >>> fit = spec.fit(dp.datasets.us_states())
    >>> fit.params.round(3).to_dict()
    {}
    """

    estimated: Estimates
    link: Literal["logit", "probit"]
    info: Glance
    labels: Mapping[str, str]
    factors: Factors
    diagnostics: tuple[Notice, ...] = ()
    key_names: tuple[str, str | None] | None = field(default=None)
    effects: Mapping[str, Estimates] = field(default_factory=dict)
    dummies: tuple[str, ...] = ()
    uncorrected_coefficients: Floats | None = None
    n_all_entities: int = 0

    @property
    def is_conditional(self) -> bool:
        """Whether it is a conditional logit, in which no effects are estimated."""
        return not self.effects

    @property
    def uncorrected(self) -> pd.Series[float] | None:
        """Coefficients before the correction by term; None if there is none."""
        if self.uncorrected_coefficients is None:
            return None
        return self._by_term(self.uncorrected_coefficients, "estimate")

    def average_effects(self, *, errors: EffectErrors = "population") -> AverageEffects:
        """Average the effects of regressors on the probability over all rows.

        Parameters
        ----------
        errors : {"population", "sample"}
            ``"population"`` (default) allows for entities being a sample of those the
            effect is for: the average would be another one with other entities.
            ``"sample"`` takes entities and regressors as fixed (delta method alone, as
            Stata's ``margins``); its intervals are for the average of these rows and
            too short with 31 entities.

        Returns
        -------
        AverageEffects
            One effect for each regressor: of a dummy the change of the probability from
            zero to one, and from the reference level for a level of a category; of
            others the derivative. Rows that are predicted perfectly count with an
            effect of zero. Regressors that share a variable with another, such as
            ``x`` and ``x:z``, have none.

        Raises
        ------
        IdentificationError
            If the logit is conditional: probabilities, and effects on them, depend on
            effects that it does not estimate.
        TermError
            If no regressor has an effect of its own.
        OptionError
            If `errors` is another word.

        Notes
        -----
        With clustered errors intervals are those of t with G - 1 degrees of freedom.
        With a correction the bias of the averages is subtracted too (Fernandez-Val &
        Weidner 2016, section 4.4), both over all rows.

        Examples
        --------
        >>> import digiprosper as dp
        >>> fit = dp.LogitEffects("I(unemp > 6)", ["log(pc)"]).fit(
        ...     dp.datasets.us_states()
        ... )
        >>> fit.average_effects().tidy()[["estimate", "std_error"]].round(3)
        """
        check_option("errors", errors, ("population", "sample"))
        if self.is_conditional:
            raise IdentificationError(
                "a conditional logit has no partial effects: it does not estimate the "
                "entity effects that probabilities depend on. exp(b) is an odds ratio, "
                "no change of the probability. For average effects add time effects "
                "(time_effects=True), or use link='probit'."
            )
        estimated = self.effects[errors]
        if not estimated.names:
            raise TermError(
                "no regressor has an average effect: each shares a variable with "
                "another one. Fit a model without powers and interactions."
            )
        return AverageEffects(
            estimated=estimated,
            errors=errors,
            dummies=self.dummies,
            info=cast(
                "Glance",
                {
                    **self.info,
                    "model": "AverageEffects",
                    "nobs": self.nobs + self.n_predicted,
                    "n_entities": self.n_all_entities,
                    "df_t": estimated.inference.df_t,
                    "n_clusters": min(estimated.inference.n_clusters, default=None),
                },
            ),
            labels=self.labels,
            factors=self.factors,
            diagnostics=self.diagnostics,
            key_names=self.key_names,
        )

    def table_columns(self, level: float = 0.95) -> tuple[Column, ...]:
        """Return the column of a table, with a note on what the numbers are.

        Parameters
        ----------
        level : float
            Confidence level of the intervals, .95 by default.

        Returns
        -------
        tuple of Column
            One.
        """
        return (self._column(level, f"note.{self.link}"),)

    def _summary(self) -> Summary:
        info: Any = self.info
        unit = {"logit": "log odds", "probit": "probit index"}[self.link]
        rows = f"{info['nobs']:,} rows, {info['n_entities']:,} entities"
        if self.n_predicted:
            rows += f"; {self.n_predicted:,} more rows are predicted perfectly"
        numbers = (
            f"Log likelihood: {info['loglik']:.4f}; pseudo R2: "
            f"{info['pseudo_rsquared']:.4f}."
        )
        meaning = f"Coefficients are changes of the {unit}, not of the probability"
        if self.is_conditional:
            title, settings = "Conditional logit", "no effect is estimated"
            meaning += "; exp(b) is an odds ratio, no effect on the probability."
        else:
            title = f"{self.link.capitalize()} with fixed effects"
            meaning += ", for which there is average_effects()."
            settings = (
                "no bias correction"
                if self.uncorrected_coefficients is None
                else "bias correction of Fernandez-Val and Weidner (2016)"
            )
        return Summary(
            type=type(self).__name__,
            title=f"{title}, outcome: {info['depvar']}",
            blocks=(
                Lines((rows,)),
                coefficient_cells(self.tidy()),
                Lines((numbers, meaning), wrapped=True),
                Remarks.of(self.diagnostics),
            ),
            notices=self.diagnostics,
            conventions=self._conventions_of(self.inference),
            settings=f"effects of {info['effects'].replace('+', ', ')}; {settings}",
        )
