"""Poisson regression with absorbed fixed effects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Literal

from digiprosper.counts.estimation import fit_counts, prepare_counts
from digiprosper.errors import check_option, issue
from digiprosper.linear.fixed_effects import check_regression_terms, check_row_options
from digiprosper.linear.poisson import PoissonSsc, check_index_terms
from digiprosper.linear.preparation import (
    LinearOptions,
    check_linear_options,
    linear_options,
    refuse_cov_types,
)
from digiprosper.specification import TERM, TERMS, Specification

if TYPE_CHECKING:
    from collections.abc import Mapping

    from digiprosper.counts.estimation import CountSample
    from digiprosper.counts.refits import CountFit
    from digiprosper.counts.results import PoissonResults
    from digiprosper.panel import Panel

_REFUSED = ("hc2", "hc3", "cr2", "driscoll_kraay", "xtscc", "conley")
_REASON = "it is defined for linear regressions, or not tested for counts"


@dataclass(frozen=True, slots=True)
class PoissonEffects(Specification):
    r"""Poisson regression with entity, time and other fixed effects.

    The mean of the outcome is

    .. math:: E[y_{it} | x, a] = \exp(x_{it}'b + a_i + l_t + ...)

    and b is estimated by Poisson pseudo-maximum likelihood (Gourieroux, Monfort &
    Trognon 1984; Santos Silva & Tenreyro 2006). Only the mean must be specified
    correctly: the outcome need not be Poisson, nor be a count, only zero or more.
    Unlike a regression of ``log(y + 1)``, slopes do not depend on the units of the
    outcome, and zeros need no constant.

    Parameters
    ----------
    y : str
        Outcome, zero or more: a column or a term.
    x : sequence of str
        Regressors, as in `FixedEffects`.
    entity_effects, time_effects : bool
        Whether to absorb entity and time fixed effects, True by default.
    absorb : sequence of str
        Other fixed effects, and slopes by group, as in `FixedEffects`.
    exposure : str, optional
        Column of the size that counts are proportional to, such as population: its log
        is added to the index with coefficient one. It must be positive.
    offset : str, optional
        Column that is added to the index with coefficient one. Not together with
        `exposure`.
    separation : {"drop", "raise"}
        Rows with outcome zero that are fitted perfectly, whatever the coefficients, are
        dropped with a warning (default), or an error is raised. See Notes.
    cov_type : {"clustered", "crv3", "robust", "unadjusted"}
        Type of the standard errors. The default is ``"clustered"``, which allows for
        any variance and for correlation over time. ``"crv3"`` is the cluster jackknife,
        more reliable with few clusters. ``"unadjusted"`` assumes a variance equal to
        the mean, which counts rarely have.
    clusters : str or sequence of up to three str, optional
        Cluster variables, the entity by default.
    ssc : {"ppmlhdfe", "fixest"}
        Small-sample correction. ``"ppmlhdfe"`` (default) is G/(G-1) for clustered
        errors, with the smallest G of clusters in several ways, and n/(n-1) for robust
        ones. ``"fixest"`` multiplies by (n-1)/(n-K) too.
    obs_weights : str, optional
        Column with weights of the rows.
    singletons : {"drop", "keep"}
        Rows that are the only one of a fixed effect are dropped by default.
    collinear : {"raise", "drop"}
        What to do if a regressor is a combination of others, as in `FixedEffects`.
    missing : {"drop", "raise"}
        What to do with rows with missing values.
    keep_rows : bool
        Whether the results keep residuals, fitted values and row labels.
    where : str, optional
        Condition that chooses rows once lags and other terms are made, as in
        `FixedEffects`.

    Raises
    ------
    OptionError, TermError, InputTypeError
        By the constructor, if an option is unknown or contradicts another one.
    ColumnError, MissingDataError
        By `fit`, if a column or term cannot be used.
    IdentificationError, CollinearityError
        By `fit`, if the outcome is negative, or zero in every row, or the model is not
        identified.

    Notes
    -----
    The likelihood is maximised by iteratively reweighted least squares, from whose
    columns the effects are absorbed in every step (Correia, Guimaraes & Zylkin 2020).
    The estimates equal those with dummies. With entity and time effects there is no
    incidental-parameter bias of the slopes (Fernandez-Val & Weidner 2016).

    A row with outcome zero is separated if a combination of regressors and effects is
    zero where the outcome is positive, positive in the row, and nowhere negative: its
    mean can come as near to zero as one likes, and the likelihood has no maximum
    (Correia, Guimaraes & Zylkin 2019). Levels of effects without a positive outcome are
    found first, then linear programs find the others.

    The covariance is ``H^-1 M H^-1`` with ``H = X'WX``, X without the effects and W the
    means, and M the sum of products of the scores ``x (y - mu)``. ``"crv3"`` is the
    jackknife of the last weighted regression, without its clusters one at a time, that
    of R's clubSandwich times (G-1)/G. p-values are those of the normal distribution,
    except under ``"crv3"``.

    Examples
    --------
    >>> from digiprosper import PoissonEffects, datasets
    >>> spec = PoissonEffects("gsp", ["log(pcap)", "log(emp)", "unemp"])
    >>> fit = spec.fit(datasets.us_states())
    >>> fit.params.round(3).to_dict()
    {'log(pcap)': -0.016, 'log(emp)': 0.833, 'unemp': -0.006}
    """

    y: str = field(metadata=TERM)
    x: Sequence[str] = field(default=(), metadata=TERMS)
    _: KW_ONLY
    entity_effects: bool = True
    time_effects: bool = True
    absorb: Sequence[str] = ()
    exposure: str | None = None
    offset: str | None = None
    separation: Literal["drop", "raise"] = "drop"
    cov_type: Literal["unadjusted", "robust", "clustered", "crv3"] = "clustered"
    clusters: Sequence[str] | None = None
    ssc: PoissonSsc = "ppmlhdfe"
    obs_weights: str | None = None
    singletons: Literal["drop", "keep"] = "drop"
    collinear: Literal["raise", "drop"] = "raise"
    missing: Literal["drop", "raise"] = "drop"
    keep_rows: bool = True
    where: str | None = None

    def __post_init__(self) -> None:
        check_regression_terms(self)
        refuse_cov_types("PoissonEffects", self.cov_type, _REFUSED, _REASON)
        check_linear_options(self, ("ppmlhdfe", "fixest"))
        check_row_options(self)
        check_option("separation", self.separation, ("drop", "raise"))
        check_index_terms(self)

    @property
    def options(self) -> LinearOptions:
        """Options of the fixed effects, the standard errors and the sample."""
        return linear_options(self)

    def fit(
        self,
        panel: Panel,
        *,
        rng: object = None,  # noqa: ARG002
        progress: bool = False,  # noqa: ARG002
    ) -> PoissonResults:
        """Estimate the model.

        Parameters
        ----------
        panel : Panel
            The data.
        rng, progress
            Not used. All specifications have these arguments.

        Returns
        -------
        PoissonResults
            Coefficients and their covariance. Of the data it keeps only residuals,
            fitted values and row labels.

        Raises
        ------
        ColumnError, TermError, InputTypeError, MissingDataError
            If `panel` is not a Panel, a column does not exist, a term cannot be read or
            evaluated, or no row is left.
        OptionError
            If the exposure is zero or negative somewhere.
        IdentificationError
            If the outcome is negative somewhere or zero everywhere, rows are separated
            and `separation` is ``"raise"``, or the model is not identified.
        CollinearityError
            If a regressor is a combination of others, perhaps only after separated rows
            are dropped.

        Warns
        -----
        MissingDataWarning, SingletonWarning
            If rows are dropped.
        IdentificationWarning
            If separated rows are dropped.
        FewClustersWarning, CovarianceWarning, NearCollinearWarning
            If standard errors may be unreliable.
        """
        results = self._fitted(panel).results
        issue(results.diagnostics)
        return results

    def _fitted(self, panel: Panel) -> CountFit:
        counts = self._on_common_rows(panel, {"x": self.x})
        return fit_counts(counts, counts.regressors("x"))

    def _on_common_rows(
        self, panel: Panel, regressors: Mapping[str, Sequence[str]]
    ) -> CountSample:
        return prepare_counts(self, panel, regressors)
