"""Logit and probit with fixed effects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal

from digiprosper.counts.logit_estimation import fit_logit
from digiprosper.errors import OptionError, issue
from digiprosper.linear.fixed_effects import check_regression_terms
from digiprosper.linear.preparation import check_linear_options, refuse_cov_types
from digiprosper.specification import TERM, TERMS, Specification, check_words

if TYPE_CHECKING:
    from digiprosper.counts.logit_results import LogitResults
    from digiprosper.panel import Panel

_REFUSED = ("hc2", "hc3", "crv3", "cr2", "driscoll_kraay", "xtscc", "conley")


@dataclass(frozen=True, slots=True)
class LogitEffects(Specification):
    """Logit or probit of a yes/no outcome with fixed effects.

    The probability is

    .. math:: P(y_{it} = 1) = F(x_{it}'b + a_i + l_t + ...)

    where F is the logistic or the normal distribution function. With few periods
    estimated effects bias b away from zero (incidental parameters), by about a fifth
    with ten periods. A logit with effects of one kind is estimated given the number of
    ones of each entity, which needs no effects. Otherwise the bias is estimated and
    subtracted. Coefficients are changes of the log odds or the index;
    `LogitResults.average_effects` has effects on the probability.

    Parameters
    ----------
    y : str
        Outcome of zeros and ones: a column, or a term such as ``"I(patents > 0)"``.
    x : sequence of str
        Regressors, as in `FixedEffects`.
    link : {"logit", "probit"}
        ``"logit"`` (default) or ``"probit"``.
    entity_effects, time_effects : bool
        Whether there are entity and time fixed effects; True by default. With entity
        effects alone the logit is conditional (Chamberlain 1980); dummies of periods
        may then be among the regressors, ``"C(year)"``.
    absorb : sequence of str
        Other fixed effects, such as ``"region^year"``, without slopes.
    bias_correction : {"analytical", None}
        ``"analytical"`` (default) corrects coefficients and average effects by the
        formulas of Fernandez-Val & Weidner (2016). It assumes regressors that do not
        react to earlier outcomes, and errors of an entity that are independent over
        time. With fewer than six rows of an entity nothing is corrected, with a
        warning. A conditional logit needs no correction. None corrects nothing.
    cov_type : {"clustered", "robust", "unadjusted"}
        ``"clustered"`` (default) sums scores by cluster. ``"robust"`` does not sum
        them, and ``"unadjusted"`` is the inverse of the information.
    clusters : str or sequence of up to three str, optional
        Cluster variables; the entity by default.
    collinear : {"raise", "drop"}
        What to do if a regressor is a linear combination of others, as in
        `FixedEffects`.
    missing : {"drop", "raise"}
        ``"drop"`` (default) drops rows with missing values, with a warning.
    where : str, optional
        Condition that chooses rows once lags and other terms are made, as in
        `FixedEffects`.

    Raises
    ------
    OptionError, TermError, InputTypeError
        By the constructor, if an option is unknown or contradicts another.
    ColumnError, TermError, MissingDataError
        By `fit`, if a column cannot be used, or the outcome has other values than 0
        and 1.
    IdentificationError, CollinearityError
        By `fit`, if all rows are predicted perfectly, or regressors do not vary within
        the effects or are collinear.

    Notes
    -----
    An entity (or a level of another effect) whose outcome is always 0 or always 1 has
    an effect without limit: the model predicts its rows perfectly, and they say nothing
    about b. Such rows leave, as do rows that regressors and effects together predict
    perfectly (Correia, Guimaraes & Zylkin 2019); a notice counts and names them.

    The estimate b is ``b_c = b + H^-1 sum over effects of 1/2 sum_g (sum_g z x) /
    (sum_g w)`` after the correction. H is the information about b, w the weights of
    the rows, x regressors without the effects by these weights, z is w times the second
    over the first derivative of F, and the sums are over the rows of a level g
    (Fernandez-Val & Weidner 2016, Journal of Econometrics 192:291). Effects are then
    estimated again at b_c. Intervals of coefficients are those of the normal
    distribution; clustered covariances have the factor G / (G - 1).

    Examples
    --------
    >>> import digiprosper as dp
    >>> spec = dp.LogitEffects("I(unemp > 6)", ["log(pc)", "log(emp)"])
    >>> fit = spec.fit(dp.datasets.us_states())
    >>> fit.params.round(2).to_dict()
    {'log(pc)': 3.73, 'log(emp)': -11.07}
    >>> fit.average_effects().params.round(2).to_dict()
    {'log(pc)': 0.41, 'log(emp)': -1.21}
    """

    y: str = field(metadata=TERM)
    x: Sequence[str] = field(metadata=TERMS)
    _: KW_ONLY
    link: Literal["logit", "probit"] = "logit"
    entity_effects: bool = True
    time_effects: bool = True
    absorb: Sequence[str] = ()
    bias_correction: Literal["analytical"] | None = "analytical"
    cov_type: Literal["clustered", "robust", "unadjusted"] = "clustered"
    clusters: Sequence[str] | None = None
    collinear: Literal["raise", "drop"] = "raise"
    missing: Literal["drop", "raise"] = "drop"
    where: str | None = None

    ssc: ClassVar[str] = "none"

    def __post_init__(self) -> None:
        check_regression_terms(self)
        words = {
            "link": ("logit", "probit"),
            "bias_correction": ("analytical", None),
            "collinear": ("raise", "drop"),
            "missing": ("drop", "raise"),
        }
        check_words(self, words)
        refuse_cov_types(
            "LogitEffects", self.cov_type, _REFUSED, "it is that of least squares"
        )
        check_linear_options(self)
        if not (self.entity_effects or self.time_effects or self.absorb):
            raise OptionError(
                "LogitEffects has fixed effects; specify some. A model without them is "
                "statsmodels' Logit or Probit, whose results etable takes too."
            )

    def fit(
        self,
        panel: Panel,
        *,
        rng: object = None,  # noqa: ARG002
        progress: bool = False,  # noqa: ARG002
    ) -> LogitResults:
        """Estimate the model.

        Parameters
        ----------
        panel : Panel
            The data.
        rng, progress
            Not used. All specifications have these arguments.

        Returns
        -------
        LogitResults
            Coefficients with their covariance, and average partial effects.

        Raises
        ------
        ColumnError, TermError, InputTypeError, MissingDataError
            If `panel` is not a Panel, a column or term cannot be used, the outcome has
            other values than 0 and 1, or no row is left.
        IdentificationError, CollinearityError
            If all rows are predicted perfectly, or regressors do not vary within the
            effects or are collinear.

        Warns
        -----
        MissingDataWarning, IdentificationWarning, FewClustersWarning
            If rows are dropped, the panel is too short for a correction, or there are
            fewer than ten clusters.
        """
        results = fit_logit(self, panel)
        issue(results.diagnostics)
        return results
