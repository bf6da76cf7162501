"""The Goodman-Bacon decomposition of a two-way fixed effects slope."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from digiprosper.errors import (
    IdentificationError,
    InputTypeError,
    Notice,
    OptionError,
    cited,
    option_problem,
    quoted,
)
from digiprosper.linear.fixed_effects import FixedEffects
from digiprosper.linear.preparation import linear_options, prepare
from digiprosper.policy.kernels.aggregation import cluster_sums
from digiprosper.policy.kernels.decomposition import compare_cohorts

if TYPE_CHECKING:
    from digiprosper.kernels import Floats, Ints
    from digiprosper.panel import Panel, Sample


def bacon_decomposition(spec: FixedEffects, panel: Panel) -> pd.DataFrame:
    """Decompose the two-way fixed effects slope of a staggered treatment (Goodman-Bacon 2021).

    The slope is a weighted average of differences in differences between two cohorts. A cohort is the set of
    entities that are first treated in the same period.

    Parameters
    ----------
    spec : FixedEffects
        A specification with entity and time effects, no weights, and one regressor: a dummy that is 0 before
        treatment and 1 from then on.
    panel : Panel
        The data. The sample must be balanced.

    Returns
    -------
    DataFrame
        One row per comparison of two cohorts, with the largest weight first. Columns are comparison
        (``"treated vs never"``, ``"earlier vs later"``, ``"later vs earlier"`` or ``"treated vs always"``),
        treated and control (first treated times of the two cohorts; missing for entities never or always
        treated), weight and estimate. The weights add up to one, and the weighted sum of the estimates is the
        slope.

    Raises
    ------
    InputTypeError
        If `spec` is not a `FixedEffects`.
    OptionError
        If `spec` has other regressors, other fixed effects or weights.
    IdentificationError
        If the sample is unbalanced, if the treatment is not 0 or 1 or returns to 0, or if no entity becomes
        treated.
    DigiprosperError
        As in `FixedEffects.fit`.

    Notes
    -----
    The decomposition is equation 10 of Goodman-Bacon (2021, Journal of Econometrics 225:254). In
    ``later vs earlier`` the controls are entities that are already treated. If their effects grow over time,
    this estimate is too small. If its weight is large, compare the slope with the estimates of
    `StaggeredDid`.

    Examples
    --------
    >>> import numpy as np, pandas as pd, digiprosper as dp
    >>> df = pd.DataFrame({"city": np.repeat(np.arange(60), 6), "year": np.tile(np.arange(2010, 2016), 60)})
    >>> first = (df["city"] % 6).map({0: 2012, 1: 2012, 2: 2014}).fillna(9999)
    >>> df["on"] = (df["year"] >= first).astype(float)
    >>> df["y"] = df["on"] * (1 + df["year"] - first) + df["city"]
    >>> spec = dp.FixedEffects("y", ["on"])
    >>> parts = dp.bacon_decomposition(spec, dp.Panel(df, "city", "year"))
    >>> parts.round(3)[["comparison", "treated", "weight", "estimate"]].values.tolist()[:2]
    [['treated vs never', 2012, 0.545, 2.5], ['treated vs never', 2014, 0.273, 1.5]]
    >>> slope = spec.fit(dp.Panel(df, "city", "year")).params["on"]
    >>> bool(np.isclose((parts["weight"] * parts["estimate"]).sum(), slope))
    True
    """
    _refuse_other_models(spec)
    prepared = prepare(
        panel,
        {"y": (spec.y,), "x": spec.x},
        linear_options(spec),
        singletons=spec.singletons,
        missing=spec.missing,
    )
    sample = prepared.sample
    first = _first_treated(spec, sample)
    cohorts, of_entity = np.unique(first, return_inverse=True)
    means = _cohort_means(sample, of_entity)
    comparisons = compare_cohorts(means, cohorts, np.bincount(of_entity) / of_entity.size)

    times = [*sample.times.tolist(), None]
    labels = [None if period == 0 else times[period] for period in cohorts]
    # Years stay whole numbers beside missing ones.
    whole: Any = "Int64" if all(isinstance(time, int) for time in sample.times.tolist()) else None
    treated, control = cohorts[comparisons.treated], cohorts[comparisons.control]
    frame = pd.DataFrame(
        {
            "comparison": [_kind(*pair, sample.n_times) for pair in zip(treated, control, strict=True)],
            "treated": pd.Series([labels[cohort] for cohort in comparisons.treated], dtype=whole),
            "control": pd.Series([labels[cohort] for cohort in comparisons.control], dtype=whole),
            "weight": comparisons.weights,
            "estimate": comparisons.estimates,
        }
    )
    return frame.sort_values("weight", ascending=False, kind="stable", ignore_index=True)


def _kind(treated: int, control: int, n_times: int) -> str:
    """Name a comparison by whether its controls are never, always, or later or earlier treated."""
    if control in (0, n_times):
        return "treated vs never" if control else "treated vs always"
    return "earlier vs later" if control > treated else "later vs earlier"


def _cohort_means(sample: Sample, of_entity: Ints) -> Floats:
    """Average the outcome by cohort and period of a balanced sample."""
    outcome = sample.columns("y").reshape(sample.n_entities, sample.n_times)
    counts = np.bincount(of_entity)
    return np.asarray(cluster_sums(outcome, of_entity, counts.size) / counts[:, None])


def _refuse_other_models(spec: object) -> None:
    if not isinstance(spec, FixedEffects):
        raise InputTypeError(
            f"bacon_decomposition takes a FixedEffects specification, not {type(spec).__name__}."
        )
    if len(spec.x) != 1:
        text = (
            f"x={cited(list(spec.x))}: the decomposition needs the treatment as the only regressor; specify "
            "one term."
        )
        raise OptionError(text, [option_problem("x", spec.x, what=text)])
    two_way = spec.entity_effects and spec.time_effects and not spec.absorb
    if not two_way or spec.obs_weights is not None:
        text = (
            "the decomposition is of entity and time effects without weights: leave absorb and obs_weights "
            "out, and entity_effects and time_effects at True."
        )
        raise OptionError(text, [option_problem("absorb", spec.absorb, what=text)])


def _first_treated(spec: FixedEffects, sample: Sample) -> Ints:
    """Find the first treated period of each entity; 0 where always treated, T where never."""
    event = spec.x[0]
    if not sample.is_balanced:
        text = (
            f"the sample is unbalanced ({sample.nobs:,} rows of {sample.n_entities:,} entities and "
            f"{sample.n_times:,} periods), and the decomposition holds for balanced ones only: keep entities "
            "with all periods, with panel.subset."
        )
        data = {"nobs": sample.nobs, "n_entities": sample.n_entities, "n_times": sample.n_times}
        raise IdentificationError(text, [Notice("unbalanced", text, data)])
    values: Any = sample.columns("x")
    if values.shape[1] != 1 or not np.isin(values, (0.0, 1.0)).all():
        text = f"{cited(event)} must be 0 before treatment and 1 from then on; it has other values."
        raise IdentificationError(text, [Notice("event_values", text, {"event": event})])
    dummy = values.reshape(sample.n_entities, sample.n_times)
    off = np.flatnonzero((np.diff(dummy, axis=1) < 0).any(axis=1))
    if off.size:
        names = sample.entities[off].tolist()
        text = (
            f"{cited(event)} switches from 1 to 0 in {len(names):,} {sample.keys.entity_name} "
            f"({quoted(names)}); the decomposition needs a treatment that does not end."
        )
        raise IdentificationError(text, [Notice("switched_off", text, {"event": event, "entities": names})])
    first = sample.n_times - dummy.sum(axis=1).astype(np.intp)
    if np.unique(first).size < 2 or not ((first > 0) & (first < sample.n_times)).any():
        text = (
            f"{cited(event)} gives nothing to compare: entities must become treated in the sample, in "
            "different periods or beside others that do not."
        )
        raise IdentificationError(text, [Notice("no_comparison", text, {"event": event})])
    return np.asarray(first)
