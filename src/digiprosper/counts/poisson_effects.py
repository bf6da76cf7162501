"""Poisson regression with absorbed fixed effects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import Literal

import numpy as np

from digiprosper.counts.kernel import ScoreDraws
from digiprosper.counts.notices import interaction_ratios
from digiprosper.counts.results import PoissonResults
from digiprosper.errors import IdentificationError, TermError, issue
from digiprosper.kernels import Floats, Ints
from digiprosper.kernels.equation import Solved
from digiprosper.kernels.least_squares import dependences
from digiprosper.kernels.resampling import draw_counts
from digiprosper.kernels.reweighted import (
    POISSON,
    Reweighted,
    as_regression,
    reweighted_least_squares,
    root_and_middle,
)
from digiprosper.kernels.separation import separated_rows
from digiprosper.kernels.tolerances import ABSORBED
from digiprosper.kernels.within import effects_in_rows, level_sums, within
from digiprosper.linear import poisson
from digiprosper.linear.diagnostics import (
    few_treated,
    lagged_outcome,
    shared_between_clusters,
    staggered,
)
from digiprosper.linear.estimation import CommonColumns, Demeaned, demean_roles
from digiprosper.linear.fixed_effects import check_regression_terms, check_row_options
from digiprosper.linear.kernels.exchange import Cohorts, Paths
from digiprosper.linear.kernels.wild import WildWeights
from digiprosper.linear.preparation import (
    LinearSpecification,
    Prepared,
    check_linear_options,
    refuse_cov_types,
)
from digiprosper.optional import Done
from digiprosper.panel import Panel
from digiprosper.specification import TERM, TERMS

_REFUSED = ("hc2", "hc3", "cr2", "driscoll_kraay", "xtscc", "conley")
_REASON = "it is defined for linear regressions, or not tested for counts"

_WILD = (
    "; confirm a borderline result with dp.wild_bootstrap(spec, panel, term), which "
    "needs cov_type='clustered'"
)
# Null values, in standard errors from the estimate, under which the model is fitted
# again; between them scores by cluster are interpolated.
_NULLS = (*np.arange(1, 11) / 4, 3.0, 3.5, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0)


@dataclass(frozen=True, slots=True)
class PoissonEffects(LinearSpecification):
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
    ssc: poisson.PoissonSsc = "ppmlhdfe"
    obs_weights: str | None = None
    singletons: Literal["drop", "keep"] = "drop"
    collinear: Literal["raise", "drop"] = "raise"
    missing: Literal["drop", "raise"] = "drop"
    keep_rows: bool = True
    where: str | None = None

    def __post_init__(self) -> None:
        check_regression_terms(self)
        refuse_cov_types("PoissonEffects", self.cov_type, _REFUSED, _REASON)
        check_linear_options(self)
        check_row_options(self)
        poisson.check_exposure_and_offset(self)

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
        """Cut the rows complete in all regressors, by role, without separated ones."""
        prepared, separated = poisson.prepare_poisson(
            self,
            panel,
            regressors,
            lambda sample, _: np.hstack([sample.columns(role) for role in regressors]),
            self.separation,
        )
        columns = demean_roles(self.y, prepared, regressors)
        offset = poisson.offset_of(self, prepared.sample)
        return CountSample(prepared, *columns, self, offset, separated)


# --- from a panel to estimates --------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class CountSample(CommonColumns):
    """One sample of counts, shared by models with different regressors."""

    spec: PoissonEffects
    offset: Floats  # (N,) of the index; the log of the exposure
    separated: poisson.Separated

    def fit(
        self, regressors: Sequence[int], lags_in: Sequence[str] | None = ()
    ) -> PoissonResults:
        """Fit a model by positions in `demeaned`; issue no notice.

        Lags of the outcome in the roles `lags_in`, with None in all, are reported.
        """
        return fit_counts(self, regressors, lags_in).results


def fit_counts(
    counts: CountSample,
    regressors: Sequence[int],
    lags_in: Sequence[str] | None = ("x",),
) -> CountFit:
    """Estimate a model by positions of regressors, as `CountSample.fit`."""
    spec, prepared, demeaned = counts.spec, counts.prepared, counts.demeaned
    separated, offset, sample = counts.separated, counts.offset, prepared.sample
    columns, notices, likelihood, solved = poisson.fit_poisson(
        prepared, demeaned, regressors, separated, spec.ssc, offset
    )
    terms = names = demeaned.names_at(columns)
    full, weights = solved, likelihood.weights
    if not prepared.absorbed:
        terms, rows = (*names, "Intercept"), float(weights.sum())
        raw = np.column_stack([likelihood.index - offset, demeaned.raw[:, columns]])
        full = solved.with_intercept(weights @ raw / rows, rows)
    estimated, of_covariance = poisson.count_estimates(
        prepared,
        spec.ssc,
        names=terms,
        coefficients=full.coefficients,
        solved=full,
        root_and_middle=root_and_middle(full),
    )
    weighted = replace(prepared, obs_weights=weights)
    diagnostics = (
        *prepared.other_notices,
        *poisson.few_clusters(prepared, _WILD),
        *poisson.three_effects(prepared),
        *separated.notices,
        *notices,
        *of_covariance,
        *few_treated(weighted, names, solved.score_columns, solved.root),
        *lagged_outcome(prepared, poisson.LAGGED, roles=lags_in),
        *staggered(prepared, demeaned, columns, "poisson"),
        *shared_between_clusters(prepared, demeaned, [0, *columns]),
        *interaction_ratios(
            [name for name in names if len(sample.factors_of(name)) > 1]
        ),
    )
    y, q = demeaned.raw[:, 0], prepared.row_weights
    singletons = (d for d in sample.dropped if d.reason.startswith("singletons"))
    loglik, null = _log_likelihoods(y, likelihood.index, q, offset)
    results = PoissonResults(
        **poisson.count_fields(
            spec, prepared, demeaned, columns, likelihood, separated
        ),
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
    """Compute log likelihoods of the model and of a constant; `q` (N,) weights rows."""
    from scipy.special import gammaln

    constant = offset + np.log(q @ y) - np.log(q @ np.exp(offset))
    both = np.stack([index, constant])
    sums: list[float] = ((y * both - np.exp(both) - gammaln(y + 1)) @ q).tolist()
    return sums


# --- a fit that is estimated again ----------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class CountFit:
    """A fit with its sample and solution; its notices are kept and not issued."""

    results: PoissonResults
    prepared: Prepared
    demeaned: Demeaned  # outcome, then every regressor of the specification
    regressors: tuple[int, ...]  # positions in `demeaned`, without those dropped
    offset: Floats  # (N,)
    likelihood: Reweighted
    solved: Solved  # the last step as a weighted regression, with the intercept

    @property
    def _x(self) -> Floats:
        return self.demeaned.select(self.regressors)

    def cluster_draws(
        self, codes: Ints, reps: int, seed: np.random.SeedSequence
    ) -> tuple[Floats, int]:
        """Estimate all coefficients (R, k) in draws of clusters; count lost draws.

        A cluster that is drawn twice has twice the weight: its two copies would have
        the same effects.
        """
        x, q = self._x, self.prepared.row_weights
        counts = draw_counts(seed, int(codes.max()) + 1, reps)
        out = np.full((reps, len(self.results.names)), np.nan)
        for draw, times in enumerate(counts):
            refit = self._refit(x, q * times[codes])
            if refit is None:
                continue
            fit, rows = refit
            out[draw, : x.shape[1]] = fit.coefficients
            if not self.prepared.absorbed:
                raw = self.demeaned.raw[rows][:, self.regressors]
                constant = fit.index - self.offset[rows] - raw @ fit.coefficients
                out[draw, -1] = constant.mean()
        return out, int(np.isnan(out).all(axis=1).sum())

    def placebo_slopes(
        self, position: int, treated: Cohorts, reps: int, seed: np.random.SeedSequence
    ) -> Floats:
        """Estimate the slope of placebo treatments (R,) in the place of a regressor."""
        entities, periods = map(np.random.default_rng, seed.spawn(2))
        everyone, first = treated.drawn(entities, periods, reps)
        out = np.empty(reps)
        for draw in range(reps):
            start = np.full(treated.n_entities, treated.n_times)
            start[everyone[draw]] = first[draw]
            column = (treated.time >= start[treated.entity]).astype(np.float64)
            out[draw] = self._with_column(position, column)[0]
        return out

    def exchanged_statistics(
        self,
        position: int,
        moved: Paths,
        reps: int,
        seed: np.random.SeedSequence | None,
        done: Done,
    ) -> Floats:
        """Compute t (R,) of a regressor whose paths are exchanged between entities."""
        generator = np.random.default_rng(seed)
        every = moved.all_donors() if seed is None else None
        out = np.empty(reps)
        for draw in range(reps):
            column = (
                moved.drawn(generator, 1)
                if every is None
                else moved.moved(every[draw : draw + 1])
            )
            slope, error = self._with_column(position, column[:, 0])
            out[draw] = slope / error
            done(1)
        return out

    def _with_column(self, position: int, column: Floats) -> tuple[float, float]:
        """Estimate a slope and its error with another column; missing if impossible."""
        x = self._x.copy()
        x[:, position] = column
        refit = self._refit(x, self.prepared.row_weights)
        if refit is None:
            return np.nan, np.nan
        fit, rows = refit
        estimator = self.solved.vcov
        parts = tuple(
            part if part.codes is None else replace(part, codes=part.codes[rows])
            for part in estimator.parts
        )
        solved = as_regression(fit, self.solved.count, replace(estimator, parts=parts))
        root, middle = root_and_middle(solved)
        variance = float(root[position] @ middle @ root[position])
        error = float(np.sqrt(variance)) if variance > 0 else np.nan
        return float(fit.coefficients[position]), error

    def wild_draws(
        self,
        row: Floats,
        error: float,
        tested: float,
        weights: WildWeights,
        seed: np.random.SeedSequence,
    ) -> ScoreDraws:
        """Draw the score bootstrap of a sum of coefficients with weights (k,).

        `error` is its standard error, and `tested` the t of the null that is tested.
        """
        k = len(self.regressors)
        if row[k:].any():
            raise TermError(
                "wild_bootstrap: the intercept of a PoissonEffects cannot be tested."
            )
        row, codes = row[:k], self.prepared.cluster_codes[0]
        estimate = float(row @ self.likelihood.coefficients)
        moved = {
            t: self._score_moves(row, estimate - t * error, codes, None)[0]
            for t in (0.0, tested)
        }
        for sign in (-1.0, 1.0):
            start: Floats | None = self.likelihood.index
            for distance in _NULLS:
                null = estimate - sign * distance * error
                try:
                    moved[sign * distance], start = self._score_moves(
                        row, null, codes, start
                    )
                except IdentificationError:
                    # So far from the estimate the restricted mean overflows.
                    break
        nulls = sorted(moved)
        shares = np.bincount(codes, self.prepared.row_weights)
        return ScoreDraws(
            nulls=np.array(nulls),
            moved=np.stack([moved[t] for t in nulls]),
            shares=shares / shares.sum(),
            drawn=weights,
            seed=seed,
        )

    def _score_moves(
        self, row: Floats, null: float, codes: Ints, start: Floats | None
    ) -> tuple[Floats, Floats]:
        """Compute what scores (G,) move a sum by under a null, and the index there."""
        x = self._x
        pivot = int(np.abs(row * np.abs(x).max(axis=0)).argmax())
        others = np.delete(np.arange(row.size), pivot)
        column = x[:, pivot] / row[pivot]
        fit = reweighted_least_squares(
            self.demeaned.raw[:, 0],
            x[:, others] - column[:, None] * row[others],
            self.prepared.within.effects_and_slopes,
            POISSON,
            obs_weights=self.prepared.row_weights,
            offset=null * column + self.offset,
            start=start,
        )
        net = fit.projection.demean(x)
        information = (net.T * fit.weights) @ net
        scores = level_sums(
            codes, int(codes.max()) + 1, net, fit.weights * fit.working_residuals
        )
        return scores @ np.linalg.solve(information, row), fit.index

    def _refit(self, x: Floats, obs_weights: Floats) -> tuple[Reweighted, Ints] | None:
        """Estimate again without separated rows; None if not identified."""
        y, effects = self.demeaned.raw[:, 0], self.prepared.within.effects_and_slopes
        rows = np.flatnonzero(obs_weights > 0)
        rows = rows[
            ~separated_rows(y[rows], x[rows], effects_in_rows(effects, rows))[0]
        ]
        if rows.size <= x.shape[1] + 1:
            return None
        part, columns = effects_in_rows(effects, rows), x[rows]
        demeaned = within(part, rows.size).demean(columns)
        size = np.linalg.norm(columns - columns.mean(axis=0), axis=0)
        absorbed = np.linalg.norm(demeaned, axis=0) <= ABSORBED * size
        if absorbed.any() or dependences(demeaned):
            return None
        try:
            fit = reweighted_least_squares(
                y[rows],
                columns,
                part,
                POISSON,
                obs_weights=obs_weights[rows],
                offset=self.offset[rows],
            )
        except IdentificationError:
            # A draw may have no maximum, as a sample may have none.
            return None
        return fit, rows
