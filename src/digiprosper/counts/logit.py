"""Logit and probit with fixed effects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import Any, ClassVar, Literal

import numpy as np

from digiprosper.checks import option_problem
from digiprosper.counts import notices
from digiprosper.counts.kernel import (
    PartialEffects,
    coefficient_bias,
    conditional_logit,
    partial_effects,
)
from digiprosper.counts.results import AverageEffects, LogitResults
from digiprosper.errors import (
    IdentificationError,
    Notice,
    OptionError,
    TermError,
    cited,
    counted,
    issue,
    notice_of,
    quoted,
)
from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.kernels.covariance import count_groups, intersections, joint_meat, vcov
from digiprosper.kernels.reweighted import (
    LOGIT,
    PROBIT,
    Family,
    Reweighted,
    reweighted_least_squares,
)
from digiprosper.kernels.separation import predicted_rows
from digiprosper.kernels.within import is_nested
from digiprosper.linear.diagnostics import (
    lagged_outcome,
    not_semidefinite,
    shared_between_clusters,
)
from digiprosper.linear.estimation import (
    Demeaned,
    checked_columns,
    demean_roles,
    single_column,
)
from digiprosper.linear.fixed_effects import check_regression_terms
from digiprosper.linear.preparation import (
    Prepared,
    check_linear_options,
    linear_options,
    prepare,
    refuse_cov_types,
    refuse_extreme,
)
from digiprosper.panel import Panel, Sample
from digiprosper.panel.codes import Absorbed
from digiprosper.report.estimates import Estimates
from digiprosper.report.inference import Inference
from digiprosper.report.notices import without
from digiprosper.report.protocol import fit_glance
from digiprosper.report.terms import Factor
from digiprosper.specification import TERM, TERMS, Specification

_REFUSED = ("hc2", "hc3", "crv3", "cr2", "driscoll_kraay", "xtscc", "conley")

_FAMILIES: dict[str, Family] = {"logit": LOGIT, "probit": PROBIT}
# Rows of a level for which the correction is meant (Fernandez-Val & Weidner 2016).
_LEAST_ROWS = 6
_OF_LEAST_SQUARES = ("rank_bound", "robust_inconsistent")


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
        refuse_cov_types(
            "LogitEffects", self.cov_type, _REFUSED, "it is that of least squares"
        )
        check_linear_options(self)
        if not (self.entity_effects or self.time_effects or self.absorb):
            raise OptionError(
                "LogitEffects needs fixed effects: set entity_effects, time_effects or "
                "absorb. For a model without effects use Logit or Probit of "
                "statsmodels; etable takes their results too."
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


# --- from a panel to estimates --------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class BinarySample:
    """The rows of a model that are not predicted perfectly, and all of them.

    prepared: the rows that are kept
    y (n,), x (n, k): their outcome and regressors, of which `names` are the names
    complete_sample, keep (N,): all complete rows, and which of them are kept
    notices: about rows and regressors
    """

    prepared: Prepared
    y: Floats
    x: Floats
    names: tuple[str, ...]
    complete_sample: Sample
    keep: Bools
    notices: tuple[Any, ...]


def fit_logit(spec: LogitEffects, panel: Panel) -> LogitResults:
    """Fit a specification, and issue no notice."""
    data = _prepare_sample(spec, panel)
    conditional = spec.link == "logit" and len(data.prepared.absorbed) == 1
    return (
        _fit_conditional(spec, data) if conditional else _fit_with_effects(spec, data)
    )


# --- rows -----------------------------------------------------------------------------


def _prepare_sample(spec: LogitEffects, panel: Panel) -> BinarySample:
    """Cut the rows that are not predicted perfectly, and check the regressors."""
    cut: list[tuple[Sample, Bools]] = []

    def select(sample: Sample, absorbed: tuple[Absorbed, ...]) -> Sample:
        refuse_extreme(sample.matrix, sample.names)
        y, effects = _outcome(spec, sample), [term.effect for term in absorbed]
        codes = [sample.codes[effect] for effect in effects]
        keep = ~predicted_rows(y, sample.columns("x"), codes)
        if not keep.any():
            raise IdentificationError(
                "every row is predicted perfectly, so no coefficient can be estimated: "
                f"{cited(spec.y)} does not vary within levels of {quoted(effects)}, or "
                "effects and regressors separate zeros from ones, as when y stays 1 "
                "after its first 1. Use fewer effects, or a linear probability model "
                "(FixedEffects)."
            )
        cut.append((sample, keep))
        return sample.keep(keep, "perfectly predicted")

    prepared = prepare(
        panel,
        {"y": (spec.y,), "x": spec.x},
        replace(linear_options(spec), singletons="keep"),
        select=select,
    )
    ((complete_sample, keep),) = cut
    sample = prepared.sample
    demeaned, _ = demean_roles(spec.y, prepared, ("x",))
    columns, dropped = _regressors(prepared, demeaned, predicted=not keep.all())
    levels = {
        effect: complete_sample.code_levels[effect].difference(
            sample.code_levels[effect]
        )
        for effect in (term.effect for term in prepared.absorbed)
    }
    sample_notices = without(prepared.other_notices, _OF_LEAST_SQUARES)
    return BinarySample(
        prepared=prepared,
        y=demeaned.raw[:, 0],
        x=demeaned.raw[:, columns],
        names=demeaned.names_at(columns),
        complete_sample=complete_sample,
        keep=keep,
        notices=(
            *sample_notices,
            *notices.few_clusters(prepared),
            *dropped,
            *notices.perfectly_predicted(int((~keep).sum()), keep.size, levels),
            *lagged_outcome(prepared, notices.LAGGED),
            *shared_between_clusters(prepared, demeaned, [0, *columns]),
        ),
    )


def _regressors(
    prepared: Prepared, demeaned: Demeaned, *, predicted: bool
) -> tuple[list[int], list[Notice]]:
    """Check the regressors; return the positions of those that are kept, and notices.

    Levels of a category may be gone with rows that are predicted perfectly, so that
    dummies of the others are redundant. They are dropped.
    """
    every = range(1, len(demeaned.names))
    if predicted:
        lenient = replace(prepared.options, collinear="drop")
        columns, dropped, _ = checked_columns(
            replace(prepared, options=lenient), demeaned, 0, every
        )
        absent = [notice.data["column"] for notice in dropped]
        if all(_is_level(prepared.sample, name) for name in absent):
            return columns, dropped
    return checked_columns(prepared, demeaned, 0, every)[:2]


def _is_level(sample: Sample, name: str) -> bool:
    """Tell whether a regressor is the dummy of a level of a category."""
    factors = sample.factors_of(name)
    return len(factors) == 1 and factors[0].level is not None


def _outcome(spec: LogitEffects, sample: Sample) -> Floats:
    """Read an outcome (N,) of zeros and ones."""
    outcome = single_column(sample, "y", spec.y)
    values = np.unique(outcome)
    others = values[(values != 0) & (values != 1)]
    if others.size:
        two, middle = values.size == 2, np.median(outcome)
        condition = f"== {values[1]:g}" if two else f"> {middle:.4g}"
        raise TermError(
            f"y={cited(spec.y)} has values other than 0 and 1, such as {others[0]:g}. "
            f"Write a condition, such as y='I({spec.y} {condition})', or use "
            "FixedEffects for an outcome that is not binary."
        )
    if values.size == 1:
        raise IdentificationError(
            f"the outcome {cited(spec.y)} is {values[0]:g} in all "
            f"{counted(sample.nobs, 'row')} of the sample."
        )
    return outcome


# --- estimates ------------------------------------------------------------------------


def _fit_conditional(spec: LogitEffects, data: BinarySample) -> LogitResults:
    """Estimate given the number of ones of each level."""
    prepared = data.prepared
    (levels,), (effect,) = prepared.within.effects, prepared.effect_names
    fit = conditional_logit(data.y, data.x, levels)
    covariance = np.asarray(np.linalg.inv(fit.information), dtype=np.float64)
    if spec.cov_type != "unadjusted":
        ways = zip(prepared.cluster_names, prepared.cluster_codes, strict=True)
        split_clusters = [name for name, codes in ways if not is_nested(levels, codes)]
        if split_clusters:
            text = (
                f"clusters={cited(split_clusters[0])}: all rows of one {effect} must "
                "be in one cluster, since a conditional logit has one likelihood for "
                f"them. Use clusters={cited(effect)}."
            )
            problem = option_problem("clusters", spec.clusters, what=text)
            raise OptionError(text, [problem])
        first = np.unique(levels, return_index=True)[1]
        clusters = [codes[first] for codes in prepared.cluster_codes]
        covariance = _covariance(prepared, fit.scores @ covariance, clusters)
    return _make_results(
        spec, data, fit.coefficients, covariance, (fit.loglik, fit.null)
    )


def _fit_with_effects(spec: LogitEffects, data: BinarySample) -> LogitResults:
    """Estimate all effects; correct, and average the effects on the probability."""
    prepared, y, x = data.prepared, data.y, data.x
    codes = prepared.within.effects
    fit = reweighted_least_squares(y, x, codes, _FAMILIES[spec.link])
    at, coefficients, remarks = _correct_bias(spec, data, fit)
    corrected = at is not fit
    categories, dummy_positions = _categories(prepared.sample, data.names, x)
    effects = partial_effects(
        spec.link, at, coefficients, x, categories, corrected=corrected
    )
    names = tuple(data.names[j] for j in dummy_positions)
    results = _make_results(
        spec,
        data,
        coefficients,
        _score_covariance(prepared, at, effects.coefficient_moves),
        (-fit.deviance / 2, _null_likelihood(y)),
        remarks=(
            *remarks,
            *notices.no_average([name for name in data.names if name not in names]),
        ),
        correction="corrected" if corrected else "uncorrected",
    )
    info: Any = {
        **results.info,
        "model": "AverageEffects",
        "nobs": data.keep.size,
        "n_entities": data.complete_sample.n_entities,
    }
    shared = ("labels", "factors", "diagnostics", "key_names", "correction")
    averages, covariances, inference = _average_effects(data, at, effects)
    averaged = {
        errors: AverageEffects(
            estimated=Estimates.of(
                names,
                averages[dummy_positions],
                covariance[np.ix_(dummy_positions, dummy_positions)],
                inference,
            ),
            info=info,
            errors=errors,
            dummies=tuple(
                data.names[j] for j in dummy_positions if categories[j] is not None
            ),
            **{name: getattr(results, name) for name in shared},
        )
        for errors, covariance in covariances.items()
    }
    return replace(results, effects=averaged)


def _average_effects(
    data: BinarySample, at: Reweighted, effects: PartialEffects
) -> tuple[Floats, dict[Any, Floats], Inference]:
    """Average effects (k,); covariances by what they allow for, and what they are."""
    size, prepared = data.keep.size, data.prepared
    averages = (effects.by_row.sum(axis=0) - effects.bias) / size
    of_sample = _score_covariance(prepared, at, effects.moves)
    # The information is about scores; how effects differ is seen in the rows.
    unadjusted = prepared.options.cov_type == "unadjusted"
    scores = at.weights * at.working_residuals * (not unadjusted)
    deviations = np.zeros((size, averages.size))
    deviations[data.keep] = effects.by_row + effects.moves * scores[:, None]
    clusters = [data.complete_sample.codes[name] for name in prepared.cluster_names]
    of_population = _covariance(prepared, deviations - averages, clusters)
    of_population += unadjusted * of_sample
    totals = {"population": of_population, "sample": of_sample}
    covariances = {errors: total / size**2 for errors, total in totals.items()}
    groups = tuple(map(count_groups, clusters))
    return averages, covariances, _inference(prepared, groups, means=True)


def _correct_bias(
    spec: LogitEffects, data: BinarySample, fit: Reweighted
) -> tuple[Reweighted, Floats, list[Notice]]:
    """Correct the coefficients, and estimate the effects again; or leave all as is."""
    if spec.bias_correction is None:
        return fit, fit.coefficients, []
    prepared = data.prepared
    bias = coefficient_bias(spec.link, fit)
    short = _effect_with_few_rows(prepared.effect_names, data.complete_sample)
    remarks = notices.short_panel(short, spec.link)
    remarks = remarks or notices.large_correction(*_sizes_in_errors(fit, bias))
    if remarks:
        return fit, fit.coefficients, remarks
    coefficients = fit.coefficients - bias
    again = reweighted_least_squares(
        data.y,
        data.x[:, :0],
        prepared.within.effects,
        _FAMILIES[spec.link],
        offset=data.x @ coefficients,
        start=fit.index,
    )
    # Coverage with 31 and 100 entities: docs/explanations/binary.md.
    independent = notice_of(
        "independent_errors", coefficients=(0.91, 0.85), averages=(0.92, 0.95)
    )
    return again, coefficients, [independent]


def _null_likelihood(y: Floats) -> float:
    """Compute the log likelihood of a constant probability."""
    share = y.mean()
    return float(y.size * (share * np.log(share) + (1 - share) * np.log1p(-share)))


def _sizes_in_errors(fit: Reweighted, bias: Floats) -> list[float]:
    """Measure bias and estimates in standard errors: the roots of ``b'Hb``."""
    fitted = fit.x @ np.column_stack([bias, fit.coefficients])
    sizes: list[float] = np.sqrt(fit.weights @ fitted**2).tolist()
    return sizes


def _effect_with_few_rows(
    effects: Sequence[str], whole: Sample
) -> tuple[str, float] | None:
    """Return the effect with too few rows a level for a correction, and their mean."""
    rows = {name: whole.nobs / whole.code_levels[name].size for name in effects}
    name = min(rows, key=rows.__getitem__)
    return (name, rows[name]) if rows[name] < _LEAST_ROWS else None


def _variables(factors: Sequence[Factor]) -> set[str]:
    """List the variables of a regressor; a lag is another variable."""
    return {
        name
        for factor in factors
        for name in ((factor.column,) if factor.shift else factor.columns)
    }


def _categories(
    sample: Sample, names: Sequence[str], x: Floats
) -> tuple[list[Ints | None], list[int]]:
    """Find dummies, with those of their category, and regressors that stand alone.

    A regressor that shares a variable with another, as in ``x`` and ``x:z``, has no
    effect while all others are held fixed.
    """
    variables = [_variables(sample.factors_of(name)) for name in names]
    is_level = [_is_level(sample, name) for name in names]
    categories: list[Ints | None] = []
    dummy_positions = []
    for j, column in enumerate(x.T):
        related = [i for i, others in enumerate(variables) if others & variables[j]]
        is_apart = len(related) == 1 or all(is_level[i] for i in related)
        is_dummy = bool(np.isin(column, (0.0, 1.0)).all())
        categories.append(np.array(related) if is_apart and is_dummy else None)
        if is_apart:
            dummy_positions.append(j)
    return categories, dummy_positions


# --- from the estimates to results ----------------------------------------------------


def _score_covariance(prepared: Prepared, at: Reweighted, moves: Floats) -> Floats:
    """Compute the covariance of what scores move by `moves` (N, k)."""
    if prepared.options.cov_type == "unadjusted":
        return (moves.T * at.weights) @ moves
    scores = at.weights * at.working_residuals
    return _covariance(prepared, moves * scores[:, None], prepared.cluster_codes)


def _covariance(prepared: Prepared, moved: Floats, clusters: Sequence[Ints]) -> Floats:
    """Add up products of what rows (N, k), or their clusters, move estimates by.

    The small-sample factor is G / (G - 1), with the smaller number of clusters in two
    ways, or N / (N - 1) of rows.
    """
    word = "clustered" if clusters else "robust"
    groups = tuple(map(count_groups, clusters))
    count = replace(prepared.count, groups=groups)
    estimator = vcov(word, "none", count, intersections(clusters), prepared.sample.time)
    fewest = min(groups, default=len(moved))
    if fewest < 2:
        raise IdentificationError(
            "only one level has both zeros and ones, but cov_type='robust' needs "
            "several. Use cov_type='unadjusted'."
        )
    total = joint_meat([(moved, np.ones(len(moved)), estimator)])
    return total * fewest / (fewest - 1)


def _inference(
    prepared: Prepared, groups: tuple[int, ...], *, means: bool = False
) -> Inference:
    """Describe standard errors, of coefficients or of means over clusters."""
    cov_type = prepared.options.cov_type
    return Inference(
        cov_type="information" if cov_type == "unadjusted" else cov_type,
        ssc=None if cov_type == "unadjusted" else "Stata",
        clusters=prepared.cluster_names,
        n_clusters=groups,
        df_t=min(groups) - 1 if means and groups else np.inf,
    )


def _make_results(
    spec: LogitEffects,
    data: BinarySample,
    coefficients: Floats,
    covariance: Floats,
    likelihoods: tuple[float, float],
    *,
    remarks: Sequence[Any] = (),
    correction: Any = None,
) -> LogitResults:
    """Make results; `likelihoods` are the logs of the model's and its null model's."""
    prepared, sample = data.prepared, data.prepared.sample
    inference = _inference(prepared, prepared.count.groups)
    estimated = Estimates.of(data.names, coefficients, covariance, inference)
    return LogitResults(
        estimated=estimated,
        link=spec.link,
        info=fit_glance(
            "LogitEffects",
            sample,
            inference,
            prepared.effect_names,
            depvar=spec.y,
            df_absorbed=prepared.within.rank,
            pseudo_rsquared=1 - likelihoods[0] / likelihoods[1],
            loglik=likelihoods[0],
            n_predicted=int((~data.keep).sum()),
        ),
        labels=dict(sample.labels),
        factors=dict(sample.factors),
        diagnostics=(
            *data.notices,
            *remarks,
            *not_semidefinite(prepared, data.names, covariance, estimated.middle),
        ),
        key_names=sample.keys.name_pair,
        correction=correction,
    )
