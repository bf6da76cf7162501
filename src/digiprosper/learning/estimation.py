"""From rows to estimates: runs of seeds and learners, and fixed effects beside."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from digiprosper.errors import (
    IdentificationError,
    Notice,
    cited,
    counted,
    option_error,
)
from digiprosper.kernels.resampling import seed_sequence
from digiprosper.kernels.tolerances import ABSORBED
from digiprosper.learning import notices
from digiprosper.learning.kernel import (
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
from digiprosper.linear.fixed_effects_iv import two_stage
from digiprosper.linear.instrument_columns import ColumnPositions
from digiprosper.optional import require
from digiprosper.report.estimates import Estimates
from digiprosper.report.inference import Inference
from digiprosper.report.protocol import fit_glance

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from digiprosper.kernels import Floats, Ints
    from digiprosper.learning.preparation import LearningSample
    from digiprosper.linear.results import LinearResults

_ROWS_A_FEATURE = 10


def fit_learning(spec: Any, sample: LearningSample, rng: object) -> DMLResults:
    """Estimate with every seed and learner; issue no notice."""
    _check_learners(spec, sample)
    beside, dropped = _fixed_effects(sample)
    prepared, rows = sample.prepared, sample.prepared.sample
    seed = seed_sequence(rng)
    names = [name for name, _ in spec.learners]
    is_varied = isinstance(spec.folds, int) or any(
        is_random(learner) for _, learner in spec.learners
    )
    children = seed.spawn(spec.seeds if is_varied else 1)
    groups = sample.n_clusters
    factor = 1.0 if spec.ssc == "none" else groups / (groups - 1)
    runs = _runs(spec, sample, children, factor)
    estimates, influences = runs["estimate"], runs.pop("influence")
    inference = Inference(
        cov_type="clustered",
        ssc=spec.ssc,
        clusters=prepared.cluster_names,
        n_clusters=(groups,),
        df_t=float(groups - 1),
        rng_entropy=cast("int", seed.entropy),
    )
    covariance = over_seeds(estimates, influences, factor)
    medians = np.median(estimates, axis=0)
    results = DMLResults(
        estimated=Estimates.of(names, medians, covariance, inference),
        treatment=spec.treatment,
        instrument=spec.instrument,
        controls=spec.controls,
        transform=spec.transform,
        folds=_folds_text(spec),
        run_values={
            "estimate": estimates,
            "std_error": np.sqrt(factor * (influences**2).sum(axis=2)),
            **runs,
        },
        fixed_effects=beside,
        info=fit_glance(
            "PanelDML", rows, inference, prepared.effect_names, depvar=spec.y
        ),
        labels=dict(rows.labels),
        factors=dict(rows.factors),
        key_names=rows.keys.pair,
    )
    diagnostics = (
        *(n for n in prepared.notices if n not in prepared.few),
        *notices.few_for_learning(groups, prepared.cluster_names[0]),
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
            problem = notices.few_for_trees(name, entities)
            raise IdentificationError(problem.message, [problem])
        if is_unpenalised(learner) and width > rows / _ROWS_A_FEATURE:
            raise option_error(
                "learners",
                name,
                f"learners: {cited(name)} is least squares without a penalty on "
                f"{width} features of {counted(rows, 'row')}, more than one for every "
                f"{_ROWS_A_FEATURE} rows. Use a lasso, degree=1 or fewer controls.",
            )
    if isinstance(spec.folds, int) and spec.folds > sample.n_clusters:
        raise option_error(
            "folds",
            spec.folds,
            f"folds={spec.folds} is more than the {sample.n_clusters} clusters "
            f"({sample.prepared.cluster_names[0]}), which folds consist of.",
        )


# --- runs -----------------------------------------------------------------------------


def _runs(
    spec: Any,
    sample: LearningSample,
    seeds: Sequence[np.random.SeedSequence],
    factor: float,
) -> dict[str, Floats]:
    """Compute estimate, influence (S, L, G) and measures (S, L) of all seeds, by name.

    Measures are the R2 of what is learned, and perhaps the first-stage F.
    """
    runs = [_run(spec, sample, seed, factor) for seed in seeds]
    return {
        name: np.array([[values[name] for values in run] for run in runs])
        for name in runs[0][0]
    }


def _run(
    spec: Any, sample: LearningSample, seed: np.random.SeedSequence, factor: float
) -> list[dict[str, Any]]:
    """Estimate with each learner on the same folds.

    The seed decides the folds, and what is random in the learners. Beside a slope are
    the R2 of what is learned, and with an instrument the first-stage F, whose variance
    has the small-sample `factor`.
    """
    folds, state = _folds(spec, sample, seed)
    instrument, term = "d", spec.treatment
    if spec.instrument is not None:
        instrument, term = "z", spec.instrument
    run = []
    for name, learner in spec.learners:
        residuals: dict[str, Floats] = {}
        values: dict[str, Any] = {}
        for role, column in sample.learned.items():
            predicted = _predicted(name, learner, state, sample.features, column, folds)
            residuals[role] = column - predicted
            values[f"r2_{role}"] = rsquared(column, predicted)
        source = residuals[instrument]
        if sample.demean_by is not None:
            source = source - level_means(source[:, None], sample.demean_by)[:, 0]
        size = np.linalg.norm(sample.learned[instrument])
        if np.linalg.norm(source) <= ABSORBED * size:
            what = "instrument" if spec.instrument else "treatment"
            text = (
                f"the controls predict the {what} {cited(term)} exactly (learner "
                f"{cited(name)}); no variation is left to estimate the effect from."
            )
            raise IdentificationError(text, notices.nothing_left(name, 1.0))
        slope = partial_out(residuals["y"], residuals["d"], source, sample.clusters)
        if spec.instrument is not None:
            first = partial_out(residuals["d"], source, source, sample.clusters)
            values["first_stage_f"] = first.estimate**2 / (factor * first.variance)
        run.append({"estimate": slope.estimate, "influence": slope.influence, **values})
    return run


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
    try:
        predicted = cross_fit(partial(seeded, learner, state), features, outcome, folds)
    except (ValueError, TypeError, ArithmeticError, np.linalg.LinAlgError) as error:
        raise option_error(
            "learners",
            name,
            f"learners: {cited(name)} could not be fitted to {features.shape[0]:,} "
            f"rows and {features.shape[1]} features: {error}",
        ) from error
    if not np.isfinite(predicted).all():
        raise option_error(
            "learners",
            name,
            f"learners: {cited(name)} predicts values that are not finite.",
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

    With an instrument by two-stage least squares. Returns what is dropped from the
    first too. A dictionary with as many columns as there are rows is left out.
    """
    prepared, demeaned, count = sample.prepared, sample.demeaned, sample.prepared.count
    has_instrument = "z" in sample.learned
    width = len(demeaned.names) - has_instrument
    ends = {"linear": 2 + sample.n_controls}
    if 2 + sample.n_controls < width < count.n - count.full - has_instrument:
        ends["dictionary"] = width
    fits: dict[str, LinearResults] = {}
    for name, end in ends.items():
        if not has_instrument:
            fits[name] = fit_equation(prepared, demeaned, 0, range(1, end))[0]
            continue
        columns = ColumnPositions((1,), tuple(range(2, end)), (width,))
        fits[name] = two_stage(prepared, demeaned, columns)
    dropped = [n for n in fits["linear"].diagnostics if n.code.startswith("dropped_")]
    return {name: fit.without_rows() for name, fit in fits.items()}, dropped


def _notices(results: DMLResults) -> Iterator[Notice]:
    spread, table = results.spread, results.comparison
    for name in results.names:
        if results.instrument is not None:
            f = float(table["first_stage_f"][name])
            yield from notices.weak_after_learning(name, f, results.instrument)
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
        for column in (sample.learned["y"], sample.learned["d"])
    ]
    entities = sample.prepared.sample.n_entities
    for name in flexible:
        r2_y, r2_d = results.comparison.loc[name, ["r2_y", "r2_d"]]
        yield from notices.flexible_learner(
            name, entities, (float(r2_y), float(r2_d)), (other[0], other[1])
        )
