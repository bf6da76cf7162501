"""From a panel to the estimates of a binary outcome, with names."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

from digiprosper.counts import logit_notices as notices
from digiprosper.counts.kernels.conditional_logit import conditional_logit
from digiprosper.counts.kernels.incidental import coefficient_bias, partial_effects
from digiprosper.counts.kernels.perfect_prediction import separated_rows, varying_rows
from digiprosper.counts.logit_results import LogitResults
from digiprosper.errors import (
    IdentificationError,
    Notice,
    OptionError,
    TermError,
    cited,
    counted,
    option_problem,
    quoted,
)
from digiprosper.kernels.covariance import meat, vcov
from digiprosper.kernels.reweighted import LOGIT, PROBIT, reweighted_least_squares
from digiprosper.kernels.within import compress, is_nested
from digiprosper.linear.diagnostics import lagged_outcome
from digiprosper.linear.estimation import (
    columns_at,
    demean_columns,
    independent_columns,
    refuse_names,
    refuse_wide,
)
from digiprosper.linear.preparation import linear_options, prepare
from digiprosper.report.estimates import Estimates
from digiprosper.report.inference import Inference
from digiprosper.report.protocol import empty_glance

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from digiprosper.counts.kernels.conditional_logit import ConditionalLogit
    from digiprosper.kernels import Bools, Floats, Ints
    from digiprosper.kernels.reweighted import Family, Reweighted
    from digiprosper.linear.preparation import Prepared
    from digiprosper.panel import Panel, Sample
    from digiprosper.report.protocol import Glance

_FAMILIES: dict[str, Family] = {"logit": LOGIT, "probit": PROBIT}
# Rows of a level for which the correction is meant (Fernandez-Val & Weidner 2016).
_LEAST_ROWS = 6
# Index at which the probability of an outcome differs from one by less than 1e-5. A
# model that predicts a row perfectly has one beyond it.
_FAR = {"logit": 12.0, "probit": 4.2}
# Products that one evaluation of the conditional likelihood may add up.
_MOST_PRODUCTS = 1e11
_OF_LEAST_SQUARES = ("rank_bound", "robust_inconsistent")


class Rows(NamedTuple):
    """The rows of a model, and those that say something about its coefficients.

    whole, kept: all complete rows, and those that are not predicted perfectly
    keep (N,): which of the whole rows are kept
    y (n,), x (n, k): outcome and regressors of the kept rows, of which `names` are the
        names
    notices: about the rows and the regressors
    """

    whole: Prepared
    kept: Prepared
    keep: Bools
    y: Floats
    x: Floats
    names: tuple[str, ...]
    notices: tuple[Notice, ...]


def fit_logit(spec: Any, panel: Panel) -> LogitResults:
    """Fit a specification, and issue no notice."""
    cut = partial(
        prepare,
        panel,
        {"y": (spec.y,), "x": spec.x},
        linear_options(spec),
        singletons="keep",
        missing=spec.missing,
    )
    whole = cut()
    y, codes = _outcome(spec, whole.sample), whole.within.effects
    conditional = spec.link == "logit" and len(codes) == 1
    maximise = _conditional if conditional else partial(_unconditional, spec.link)
    keep = varying_rows(y, codes)
    while True:
        rows = _rows(spec, whole, cut, keep, y)
        fit, separated = maximise(rows)
        if not separated.any():
            break
        keep = keep.copy()
        keep[np.flatnonzero(keep)[separated]] = False
        keep[keep] = varying_rows(y[keep], [effect[keep] for effect in codes])
    results = _conditional_results if conditional else _corrected_results
    return results(spec, rows, fit)


# --- rows -----------------------------------------------------------------------------


def _outcome(spec: Any, sample: Sample) -> Floats:
    """Read an outcome (N,) of zeros and ones."""
    outcome = sample.columns("y")
    if outcome.shape[1] != 1:
        raise TermError(
            f"y={cited(spec.y)} makes several columns; the outcome must be one column."
        )
    values = np.unique(outcome)
    others = values[(values != 0) & (values != 1)]
    if others.size:
        shown = ", ".join(f"{value:g}" for value in others[:3])
        remedy = f"y='I({spec.y} > {np.median(outcome):.4g})'"
        if values.size == 2:
            remedy = f"y='I({spec.y} == {values[1]:g})'"
        raise TermError(
            f"y={cited(spec.y)} has values other than 0 and 1, such as {shown}. "
            f"LogitEffects needs a yes/no outcome: write {remedy}, or use FixedEffects "
            "for an outcome that is a number."
        )
    if values.size == 1:
        raise IdentificationError(
            f"the outcome {cited(spec.y)} is {values[0]:g} in all "
            f"{counted(sample.nobs, 'row')} of the sample."
        )
    return outcome[:, 0]


def _rows(
    spec: Any, whole: Prepared, cut: Callable[..., Prepared], keep: Bools, y: Floats
) -> Rows:
    """Cut the rows that are kept, and choose regressors that vary in them."""
    effects = whole.effect_names
    if not keep.any():
        text = (
            f"every row is predicted perfectly: within the levels of {quoted(effects)} "
            f"the outcome {cited(spec.y)} is always 0 or always 1, or effects and "
            "regressors tell zeros from ones without error, as where a state is never "
            "left again. No coefficient can be estimated. Use fewer effects, or a "
            "linear probability model (FixedEffects)."
        )
        raise IdentificationError(
            text, [Notice("perfectly_predicted", text, {"count": keep.size})]
        )
    kept = cut(select=lambda sample, _: sample.keep(keep, "perfectly predicted"))
    sample = kept.sample
    names = sample.names_of("x")
    refuse_names(names)
    demeaned = demean_columns(kept, names, columns_at(sample.matrix, sample.roles["x"]))
    columns, dropped = independent_columns(kept, demeaned, range(len(names)))
    refuse_wide(sample.nobs, len(columns), kept.within.rank)
    levels = {
        name: whole.sample.code_levels[name][np.unique(codes[~keep])].difference(
            sample.code_levels[name], sort=False
        )
        for name, codes in zip(effects, whole.within.codes, strict=True)
    }
    about = [
        notice
        for notice in kept.notices
        if notice not in kept.few and notice.code not in _OF_LEAST_SQUARES
    ]
    return Rows(
        whole=whole,
        kept=kept,
        keep=keep,
        y=y[keep],
        x=demeaned.raw[:, columns],
        names=tuple(names[j] for j in columns),
        notices=(
            *about,
            *dropped,
            *notices.perfectly_predicted(int((~keep).sum()), keep.size, levels),
            *lagged_outcome(kept, notices.LAGGED),
        ),
    )


def _unconditional(link: str, rows: Rows) -> tuple[Reweighted | None, Bools]:
    """Estimate all effects; also mark the rows that the model predicts perfectly."""
    try:
        fit = reweighted_least_squares(
            rows.y, rows.x, rows.kept.within.effects, _FAMILIES[link]
        )
    except IdentificationError as error:
        return None, _separated(rows, error)
    far = float(np.abs(fit.index).max()) > _FAR[link]
    return fit, _separated(rows) if far else np.zeros(rows.y.size, dtype=bool)


def _conditional(rows: Rows) -> tuple[ConditionalLogit | None, Bools]:
    """Estimate given the ones of each level; also mark rows predicted perfectly."""
    (codes,) = rows.kept.within.effects
    sizes, ones = np.bincount(codes), np.bincount(codes, weights=rows.y)
    products = (sizes * np.minimum(ones, sizes - ones)).sum() * rows.x.shape[1] ** 2
    if products > _MOST_PRODUCTS:
        (name,) = rows.kept.effect_names
        text = (
            f"the conditional logit adds up all choices of ones among the rows of each "
            f"{name}, and the largest has {int(sizes.max()):,} rows, which are too "
            "many. Absorb effects of smaller groups, or add time effects, since the "
            "model is then not estimated conditionally."
        )
        raise OptionError(text, [option_problem("absorb", name, what=text)])
    try:
        fit = conditional_logit(rows.y, rows.x, codes)
    except IdentificationError as error:
        return None, _separated(rows, error)
    index = rows.x @ fit.coefficients
    highest, lowest = (np.full(sizes.size, value) for value in (-np.inf, np.inf))
    np.maximum.at(highest, codes, index)
    np.minimum.at(lowest, codes, index)
    far = float((highest - lowest).max()) > _FAR["logit"]
    return fit, _separated(rows) if far else np.zeros(rows.y.size, dtype=bool)


def _separated(rows: Rows, error: IdentificationError | None = None) -> Bools:
    """Mark rows that the model predicts perfectly; raise the error if there are none.

    Its reason may be that there are some.
    """
    if error is not None and error.problems[0].code != "not_converged":
        raise error
    columns = rows.kept.within.demean(rows.x)
    columns = columns / np.sqrt(np.mean(columns**2, axis=0))
    separated = separated_rows(rows.y, columns, rows.kept.within.effects)
    if error is not None and not separated.any():
        raise error
    return separated


# --- from the estimates to results ----------------------------------------------------


def _conditional_results(spec: Any, rows: Rows, fit: ConditionalLogit) -> LogitResults:
    """Name the estimates of a conditional logit."""
    bread = np.linalg.inv(fit.information)
    moved = fit.scores @ bread
    covariance = bread
    if spec.cov_type != "unadjusted":
        covariance = _covariance(rows.kept, moved, *_clusters_of_levels(spec, rows))
    estimated = Estimates.of(
        rows.names, fit.coefficients, covariance, _inference(rows.kept)
    )
    return _results(spec, rows, estimated, (fit.loglik, fit.null))


def _clusters_of_levels(spec: Any, rows: Rows) -> tuple[Ints, ...]:
    """Code the clusters of each level; refuse a level in several clusters."""
    (levels,), (name,) = rows.kept.within.codes, rows.kept.effect_names
    out = []
    for codes, cluster in zip(
        rows.kept.cluster_codes, rows.kept.cluster_names, strict=True
    ):
        if not is_nested(levels, codes):
            text = (
                f"clusters={cited(cluster)}: a conditional logit has one likelihood for "
                f"all rows of a {name}, so clusters must consist of whole {name}s. Use "
                f"clusters={cited(name)}."
            )
            raise OptionError(
                text, [option_problem("clusters", spec.clusters, what=text)]
            )
        by_level = np.empty(int(levels.max()) + 1, dtype=np.intp)
        by_level[levels] = codes
        out.append(by_level)
    return tuple(out)


def _corrected_results(spec: Any, rows: Rows, fit: Reweighted) -> LogitResults:
    """Correct the estimates, and compute average partial effects, with names."""
    link, coefficients = spec.link, fit.coefficients
    short = _short_effect(rows.whole)
    corrected = spec.bias_correction is not None and short is None
    at = fit
    if corrected:
        coefficients = coefficients - coefficient_bias(link, fit)
        at = reweighted_least_squares(
            rows.y,
            rows.x[:, :0],
            rows.kept.within.effects,
            _FAMILIES[link],
            offset=rows.x @ coefficients,
            start=fit.index,
        )
    categories, apart = _categories(rows)
    effects = partial_effects(
        link, at, coefficients, rows.x, categories, corrected=corrected
    )
    scores = (at.weights * at.working_residuals)[:, None]
    unadjusted = spec.cov_type == "unadjusted"
    covariances = [
        (moves.T * at.weights) @ moves
        if unadjusted
        else _covariance(rows.kept, moves * scores, *rows.kept.cluster_codes)
        for moves in (effects.coefficient_moves, effects.moves)
    ]
    averages = (effects.by_row.sum(axis=0) - effects.bias) / rows.keep.size
    deviations = np.zeros((rows.keep.size, averages.size))
    deviations[rows.keep] = effects.by_row
    deviations -= averages
    if not unadjusted:
        deviations[rows.keep] += effects.moves * scores
    drawn = _covariance(rows.whole, deviations, *rows.whole.cluster_codes)
    by_errors = {
        "population": drawn + covariances[1] if unadjusted else drawn,
        "sample": covariances[1],
    }
    names = tuple(rows.names[j] for j in apart)
    share = float(rows.y.mean())
    null = rows.y.size * (share * np.log(share) + (1 - share) * np.log1p(-share))
    about = [] if spec.bias_correction is None or short is None else [short]
    return _results(
        spec,
        rows,
        Estimates.of(rows.names, coefficients, covariances[0], _inference(rows.kept)),
        (-fit.deviance / 2, float(null)),
        uncorrected_coefficients=fit.coefficients if corrected else None,
        effects={
            errors: Estimates.of(
                names,
                averages[apart],
                covariance[np.ix_(apart, apart)] / rows.keep.size**2,
                _inference(rows.whole, means=True),
            )
            for errors, covariance in by_errors.items()
        },
        dummies=tuple(rows.names[j] for j in apart if categories[j] is not None),
        remarks=[
            *(notices.short_panel(*effect, link) for effect in about),
            *notices.no_average(
                [name for j, name in enumerate(rows.names) if j not in apart]
            ),
        ],
    )


def _short_effect(whole: Prepared) -> tuple[str, float] | None:
    """Return the effect with too few rows a level for a correction, and their mean."""
    rows = {
        name: whole.sample.nobs / (int(codes.max()) + 1)
        for name, codes in zip(whole.effect_names, whole.within.codes, strict=True)
    }
    name = min(rows, key=lambda name: rows[name])
    return (name, rows[name]) if rows[name] < _LEAST_ROWS else None


def _categories(rows: Rows) -> tuple[list[Ints | None], list[int]]:
    """Find dummies with those of their category, and regressors that stand alone.

    A regressor that shares a variable with another, as in ``x`` and ``x:z``, has no
    effect with all others held fixed.
    """
    factors = [rows.kept.sample.factors_of(name) for name in rows.names]
    variables = [
        {
            name
            for factor in several
            for name in ([factor.column] if factor.shift else factor.columns)
        }
        or {rows.names[j]}
        for j, several in enumerate(factors)
    ]
    is_level = [len(f) == 1 and f[0].level is not None for f in factors]
    categories: list[Ints | None] = []
    apart = []
    for j, column in enumerate(rows.x.T):
        same = [
            i
            for i, other in enumerate(variables)
            if i == j or (is_level[i] and is_level[j] and other == variables[j])
        ]
        is_dummy = bool(np.isin(column, (0.0, 1.0)).all())
        categories.append(np.array(same) if is_dummy else None)
        if not any(
            variables[j] & variables[i] for i in set(range(len(factors))) - {*same}
        ):
            apart.append(j)
    return categories, apart


def _covariance(prepared: Prepared, moved: Floats, *clusters: Ints) -> Floats:
    """Add up products of what rows (N, k), or their clusters, move estimates by.

    The small-sample factor is G / (G - 1), with the smaller number of clusters in two
    ways, or N / (N - 1) of rows.
    """
    groups = tuple(compress(codes)[1] for codes in clusters)
    estimator = vcov(
        "clustered" if clusters else "robust",
        "none",
        prepared.count,
        clusters,
        prepared.sample.time,
    )
    fewest = min(groups, default=len(moved))
    total = meat(moved, np.ones(len(moved)), estimator)
    return np.asarray(total * fewest / (fewest - 1))


def _inference(prepared: Prepared, *, means: bool = False) -> Inference:
    """Describe standard errors, of coefficients or of means over clusters."""
    cov_type = prepared.options.cov_type
    groups = tuple(int(codes.max()) + 1 for codes in prepared.cluster_codes)
    freedom = {"df_t": min(groups) - 1} if means and groups else {}
    return Inference(
        cov_type="information" if cov_type == "unadjusted" else cov_type,
        ssc=None if cov_type == "unadjusted" else "Stata",
        clusters=prepared.cluster_names,
        n_clusters=groups,
        **freedom,
    )


def _results(
    spec: Any,
    rows: Rows,
    estimated: Estimates,
    logliks: tuple[float, float],
    *,
    remarks: Sequence[Notice] = (),
    **parts: Any,
) -> LogitResults:
    """Make results; `logliks` are those of the model and of its null model."""
    sample, inference = rows.kept.sample, estimated.inference
    loglik, null = logliks
    info: dict[str, Any] = {
        **empty_glance("LogitEffects", sample.nobs),
        "depvar": spec.y,
        "n_entities": sample.n_entities,
        "n_times": sample.n_times,
        "n_clusters": min(inference.n_clusters, default=None),
        "df_t": inference.df_t,
        "df_absorbed": rows.kept.within.rank,
        "cov_type": inference.cov_type,
        "clusters": "+".join(inference.clusters) or None,
        "ssc": inference.ssc,
        "effects": "+".join(rows.kept.effect_names),
        "pseudo_rsquared": 1 - loglik / null,
        "loglik": loglik,
        "n_predicted": int((~rows.keep).sum()),
    }
    return LogitResults(
        estimated=estimated,
        link=spec.link,
        info=cast("Glance", info),
        labels=dict(sample.labels),
        factors=dict(sample.factors),
        diagnostics=(*rows.notices, *remarks),
        key_names=sample.keys.pair,
        n_all_entities=rows.whole.sample.n_entities,
        **parts,
    )
