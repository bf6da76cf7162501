"""From rows to estimates: runs of seeds and learners, and fixed effects beside."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from digiprosper.errors import (
    IdentificationError,
    Notice,
    OptionError,
    cited,
    counted,
    option_problem,
)
from digiprosper.kernels.resampling import seed_sequence
from digiprosper.kernels.tolerances import ABSORBED
from digiprosper.learning import notices
from digiprosper.learning.kernel import (
    PartialledOut,
    cross_fit,
    draw_folds,
    level_means,
    over_seeds,
    partial_out,
    rsquared,
)
from digiprosper.learning.learners import (
    is_flexible,
    is_random,
    is_unpenalised,
    seeded,
)
from digiprosper.learning.results import DMLResults
from digiprosper.linear.estimation import fit_equation
from digiprosper.optional import require
from digiprosper.report.estimates import Estimates
from digiprosper.report.inference import Inference
from digiprosper.report.protocol import empty_glance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from digiprosper.kernels import Floats, Ints
    from digiprosper.learning.preparation import LearningSample
    from digiprosper.linear.results import LinearResults
    from digiprosper.report.protocol import Glance

_ROWS_A_FEATURE = 10


def fit_learning(spec: Any, sample: LearningSample, rng: object) -> DMLResults:
    """Estimate with every seed and learner; issue no notice."""
    _check_learners(spec, sample)
    seed = seed_sequence(rng)
    names = [name for name, _ in spec.learners]
    is_varied = isinstance(spec.folds, int) or any(
        is_random(learner) for _, learner in spec.learners
    )
    children = seed.spawn(spec.seeds if is_varied else 1)
    estimates, influences, r2 = _runs(spec, sample, children)
    groups = sample.n_clusters
    factor = 1.0 if spec.ssc == "none" else groups / (groups - 1)
    inference = _inference(spec, sample, seed)
    covariance = over_seeds(estimates, influences, factor)
    medians = np.median(estimates, axis=0)
    beside, dropped = _fixed_effects(sample)
    results = DMLResults(
        estimated=Estimates.of(names, medians, covariance, inference),
        treatment=spec.treatment,
        controls=spec.controls,
        transform=spec.transform,
        folds=_folds_text(spec),
        run_values={
            "estimate": estimates,
            "std_error": np.sqrt(factor * (influences**2).sum(axis=2)),
            "r2_y": r2[:, :, 0],
            "r2_d": r2[:, :, 1],
        },
        fixed_effects=beside,
        info=_glance(spec, sample, inference),
        labels=dict(sample.prepared.sample.labels),
        factors=dict(sample.prepared.sample.factors),
        key_names=sample.prepared.sample.keys.pair,
    )
    diagnostics = (
        *(n for n in sample.prepared.notices if n not in sample.prepared.few),
        *notices.few_for_learning(groups, sample.prepared.cluster_names[0]),
        *dropped,
        *notices.few_seeds(spec.seeds, drawn=is_varied),
        *_notices(results),
        *_flexible_notices(spec, sample, results, children[0]),
    )
    return replace(results, diagnostics=diagnostics)


# --- learners that are refused --------------------------------------------------------


def _check_learners(spec: Any, sample: LearningSample) -> None:
    """Refuse learners that cannot be right with so few entities or rows."""
    rows, width = sample.features.shape
    entities = sample.prepared.sample.n_entities
    for name, learner in spec.learners:
        if is_flexible(learner) and entities < notices.ENOUGH_ENTITIES:
            text = notices.too_few_for_trees(name, entities)
            data = {"learner": name, "n_entities": entities}
            raise IdentificationError(text, [Notice("few_for_trees", text, data)])
        if is_unpenalised(learner) and width > rows / _ROWS_A_FEATURE:
            text = (
                f"learners: {cited(name)} is least squares without a penalty on "
                f"{width} features of {counted(rows, 'row')}, more than one for every "
                f"{_ROWS_A_FEATURE} rows. Use a lasso, degree=1 or fewer controls."
            )
            raise OptionError(text, [option_problem("learners", name, what=text)])
    if isinstance(spec.folds, int) and spec.folds > sample.n_clusters:
        text = (
            f"folds={spec.folds} is more than the {sample.n_clusters} clusters "
            f"({sample.prepared.cluster_names[0]}), which folds consist of."
        )
        raise OptionError(text, [option_problem("folds", spec.folds, what=text)])


# --- runs -----------------------------------------------------------------------------


def _runs(
    spec: Any, sample: LearningSample, seeds: Sequence[np.random.SeedSequence]
) -> tuple[Floats, Floats, Floats]:
    """Compute estimates (S, L), influences (S, L, G) and R2 (S, L, 2) of all seeds."""
    runs = [_run(spec, sample, seed) for seed in seeds]
    return (
        np.array([[out.estimate for out, _ in run] for run in runs]),
        np.array([[out.influence for out, _ in run] for run in runs]),
        np.array([[fitted for _, fitted in run] for run in runs]),
    )


def _run(
    spec: Any, sample: LearningSample, seed: np.random.SeedSequence
) -> list[tuple[PartialledOut, tuple[float, float]]]:
    """Estimate with each learner on the same folds, with R2 of outcome and treatment.

    The seed decides the folds, and what is random in the learners.
    """
    folds, state = _folds(spec, sample, seed)
    out = []
    for name, learner in spec.learners:
        y = _predicted(name, learner, state, sample.features, sample.outcome, folds)
        d = _predicted(name, learner, state, sample.features, sample.treatment, folds)
        residual = sample.treatment - d
        if sample.demean_by is not None:
            residual -= level_means(residual[:, None], sample.demean_by)[:, 0]
        if np.linalg.norm(residual) <= ABSORBED * np.linalg.norm(sample.treatment):
            text = (
                f"the controls predict the treatment {cited(spec.treatment)} exactly "
                f"(learner {cited(name)}); no variation is left to estimate its effect."
            )
            raise IdentificationError(text, notices.nothing_left(name, 1.0))
        fitted = rsquared(sample.outcome, y), rsquared(sample.treatment, d)
        out.append((partial_out(sample.outcome - y, residual, sample.clusters), fitted))
    return out


def _folds(
    spec: Any, sample: LearningSample, seed: np.random.SeedSequence
) -> tuple[Ints | None, int]:
    """Draw the folds (N,) of a run, unless they are fixed, and a seed of learners."""
    generator = np.random.default_rng(seed)
    state = int(generator.integers(2**31 - 1))
    if not isinstance(spec.folds, int):
        return sample.folds, state
    by_cluster = draw_folds(sample.n_clusters, spec.folds, generator)
    return by_cluster[sample.clusters], state


def _predicted(
    name: str,
    learner: Any,
    state: int,
    features: Floats,
    outcome: Floats,
    folds: Ints | None,
) -> Floats:
    """Predict by a learner, and say which one failed."""
    new: Callable[[], Any] = lambda: seeded(learner, state)  # noqa: E731
    try:
        predicted = cross_fit(new, features, outcome, folds)
    except (ValueError, TypeError, ArithmeticError, np.linalg.LinAlgError) as error:
        raise OptionError(
            f"learners: {cited(name)} could not be fitted to {features.shape[0]:,} "
            f"rows and {features.shape[1]} features: {error}",
            [option_problem("learners", name)],
        ) from error
    if not np.isfinite(predicted).all():
        raise OptionError(
            f"learners: {cited(name)} predicts values that are not finite.",
            [option_problem("learners", name)],
        )
    return predicted


def _folds_text(spec: Any) -> int | str:
    """Return the number of folds that are drawn, or where they are from."""
    if isinstance(spec.folds, int):
        return spec.folds
    return "none" if spec.folds is None else "fixed"


# --- what is reported beside ----------------------------------------------------------


def _fixed_effects(
    sample: LearningSample,
) -> tuple[dict[str, LinearResults], list[Notice]]:
    """Regress with fixed effects on linear controls, and on the dictionary.

    Returns what is dropped from the first too. A dictionary with as many columns as
    there are rows is left out.
    """
    demeaned, count = sample.demeaned, sample.prepared.count
    width = len(demeaned.names)
    positions = {"linear": range(1, 2 + sample.n_controls)}
    if 2 + sample.n_controls < width < count.n - count.full:
        positions["dictionary"] = range(1, width)
    fits = {
        name: fit_equation(sample.prepared, demeaned, 0, columns)[0]
        for name, columns in positions.items()
    }
    dropped = [n for n in fits["linear"].diagnostics if n.code.startswith("dropped_")]
    return {name: fit.without_rows() for name, fit in fits.items()}, dropped


def _notices(results: DMLResults) -> Iterator[Notice]:
    spread, table = results.spread, results.comparison
    for name in results.names:
        yield from notices.seed_spread(name, spread["seeds"][name])
        yield from notices.nothing_left(name, float(table["r2_d"][name]))
        yield from notices.useless_learner(name, float(table["r2_d"][name]))
    yield from notices.learners_differ(spread["learners"])


def _flexible_notices(
    spec: Any,
    sample: LearningSample,
    results: DMLResults,
    seed: np.random.SeedSequence,
) -> Iterator[Notice]:
    """Compare trees and networks with least squares on the dictionary."""
    flexible = [name for name, learner in spec.learners if is_flexible(learner)]
    if not flexible:
        return
    folds, _ = _folds(spec, sample, seed)
    linear = require("sklearn.linear_model", extra="learn", purpose="PanelDML")
    other = [
        rsquared(
            column,
            cross_fit(linear.LinearRegression, sample.dictionary, column, folds),
        )
        for column in (sample.outcome, sample.treatment)
    ]
    entities = sample.prepared.sample.n_entities
    for name in flexible:
        r2_y, r2_d = results.comparison.loc[name, ["r2_y", "r2_d"]]
        yield from notices.flexible_learner(
            name, entities, (float(r2_y), float(r2_d)), (other[0], other[1])
        )


def _inference(
    spec: Any, sample: LearningSample, seed: np.random.SeedSequence
) -> Inference:
    return Inference(
        cov_type="clustered",
        ssc=spec.ssc,
        clusters=sample.prepared.cluster_names,
        n_clusters=(sample.n_clusters,),
        df_t=float(sample.n_clusters - 1),
        rng_entropy=int(seed.entropy) if isinstance(seed.entropy, int) else None,
    )


def _glance(spec: Any, sample: LearningSample, inference: Inference) -> Glance:
    rows = sample.prepared.sample
    values: dict[str, Any] = {
        "depvar": spec.y,
        "n_entities": rows.n_entities,
        "n_times": rows.n_times,
        "n_clusters": sample.n_clusters,
        "df_t": inference.df_t,
        "cov_type": "clustered",
        "clusters": "+".join(inference.clusters),
        "ssc": spec.ssc,
        "effects": "+".join(sample.prepared.effect_names),
        "rng_entropy": inference.rng_entropy,
    }
    return cast("Glance", {**empty_glance("PanelDML", rows.nobs), **values})
