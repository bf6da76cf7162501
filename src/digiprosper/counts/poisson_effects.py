"""Poisson regression with absorbed fixed effects."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from digiprosper.counts.notices import interaction_ratios
from digiprosper.counts.refits import CountFit
from digiprosper.counts.results import PoissonResults
from digiprosper.errors import check_option, issue
from digiprosper.kernels.reweighted import root_and_middle
from digiprosper.linear.diagnostics import (
    few_treated,
    lagged_outcome,
    shared_between_clusters,
    staggered,
)
from digiprosper.linear.estimation import CommonColumns, demean_roles
from digiprosper.linear.fixed_effects import check_regression_terms, check_row_options
from digiprosper.linear.notices import separated_notice
from digiprosper.linear.poisson import (
    LAGGED,
    check_index_terms,
    count_estimates,
    count_fields,
    cut_counts,
    few_clusters,
    fit_poisson,
    offset_of,
)
from digiprosper.linear.preparation import (
    LinearOptions,
    check_linear_options,
    linear_options,
    refuse_cov_types,
)
from digiprosper.specification import TERM, TERMS, Specification

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from digiprosper.kernels import Floats
    from digiprosper.linear.poisson import PoissonSsc, Separated
    from digiprosper.panel import Panel

_REFUSED = ("hc2", "hc3", "cr2", "driscoll_kraay", "xtscc", "conley")
_REASON = "it is defined for linear regressions, or not tested for counts"

_WILD = (
    "; confirm a borderline result with dp.wild_bootstrap(spec, panel, term), which "
    "needs cov_type='clustered'"
)


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


# --- from a panel to estimates --------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class CountSample(CommonColumns):
    """One sample of counts, shared by models with different regressors."""

    spec: Any
    offset: Floats  # (N,) of the index; the log of the exposure
    separated: Separated

    def fit(
        self, regressors: Sequence[int], lags_in: Sequence[str] | None = ()
    ) -> PoissonResults:
        """Fit a model by positions in `demeaned`; issue no notice.

        Lags of the outcome in the roles `lags_in`, with None in all, are reported.
        """
        return fit_counts(self, regressors, lags_in).results


def prepare_counts(
    spec: Any, panel: Panel, regressors: Mapping[str, Sequence[str]]
) -> CountSample:
    """Cut the rows complete in all regressors, by role, without separated ones."""
    prepared, separated, *_ = cut_counts(
        spec,
        panel,
        regressors,
        lambda sample, _: np.hstack([sample.columns(role) for role in regressors]),
        spec.separation,
    )
    columns = demean_roles(spec.y, prepared, regressors)
    offset = offset_of(spec, prepared.sample)
    return CountSample(prepared, *columns, spec, offset, separated)


def fit_counts(
    counts: CountSample,
    regressors: Sequence[int],
    lags_in: Sequence[str] | None = ("x",),
) -> CountFit:
    """Estimate a model by positions of regressors, as `CountSample.fit`."""
    spec, prepared, demeaned = counts.spec, counts.prepared, counts.demeaned
    separated, offset, sample = counts.separated, counts.offset, prepared.sample
    columns, notices, likelihood, solved = fit_poisson(
        prepared, demeaned, regressors, separated, spec.ssc, offset
    )
    terms = names = tuple(demeaned.names[j] for j in columns)
    full, weights = solved, likelihood.weights
    if not prepared.absorbed:
        terms, rows = (*names, "Intercept"), float(weights.sum())
        raw = np.column_stack([likelihood.index - offset, demeaned.raw[:, columns]])
        full = solved.with_intercept(weights @ raw / rows, rows)
    estimated, of_covariance = count_estimates(
        prepared,
        spec.ssc,
        terms,
        full.coefficients,
        solved,
        full,
        root_and_middle(full),
    )
    weighted = replace(prepared, obs_weights=weights)
    diagnostics = (
        *(notice for notice in prepared.notices if notice not in prepared.few),
        *few_clusters(prepared, _WILD),
        *separated_notice(separated.by_reason, separated.first),
        *notices,
        *of_covariance,
        *few_treated(weighted, names, solved.score_columns, solved.root),
        *lagged_outcome(prepared, LAGGED, roles=lags_in),
        *staggered(prepared, demeaned.names, demeaned.raw, columns, "poisson"),
        *shared_between_clusters(prepared, demeaned, columns),
        *interaction_ratios(
            [name for name in names if len(sample.factors_of(name)) > 1]
        ),
    )
    y, q = demeaned.raw[:, 0], prepared.row_weights
    singletons = (d for d in sample.dropped if d.reason.startswith("singletons"))
    loglik, null = _log_likelihoods(y, likelihood.index, q, offset)
    results = PoissonResults(
        **count_fields(spec, prepared, demeaned, columns, likelihood, separated),
        estimated=estimated,
        log_likelihood=loglik,
        null_log_likelihood=null,
        mean_outcome=float(np.average(y, weights=q)),
        effect_terms=tuple((t.effect, t.slope) for t in prepared.absorbed),
        n_singletons=sum(d.count for d in singletons),
        diagnostics=diagnostics,
    )
    if not spec.keep_rows:
        results = results.without_rows()
    return CountFit(
        results, prepared, demeaned, tuple(columns), offset, likelihood, full
    )


def _log_likelihoods(
    y: Floats, index: Floats, q: Floats, offset: Floats
) -> list[float]:
    """Compute the log likelihood, and that of a constant and the offset.

    `q` (N,) are weights of the rows.
    """
    from scipy.special import gammaln

    constant = offset + np.log(q @ y) - np.log(q @ np.exp(offset))
    both = np.stack([index, constant])
    sums: list[float] = ((y * both - np.exp(both) - gammaln(y + 1)) @ q).tolist()
    return sums
