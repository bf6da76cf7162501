"""What a two-way fixed-effects slope of a staggered treatment is an average of."""

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

__all__ = ["bacon_decomposition"]


def bacon_decomposition(spec: FixedEffects, panel: Panel) -> pd.DataFrame:
    """Decompose the slope of a staggered treatment into comparisons of two cohorts.

    Parameters
    ----------
    spec : FixedEffects
        One regressor, 0 before treatment and 1 from then on, with entity and time effects; no other
        regressors, effects or weights.
    panel : Panel
        The data; the sample is balanced.

    Returns
    -------
    DataFrame
        One row a comparison, the largest weight first: comparison (``"treated vs never"``, ``"earlier vs
        later"``, ``"later vs earlier"``, ``"treated vs always"``), treated and control (first treated times
        of the cohorts; missing for never and always), weight, estimate. Weights sum to one, and the weighted
        sum of the estimates is the slope.

    Raises
    ------
    InputTypeError
        If `spec` is no `FixedEffects`.
    OptionError
        If it has other regressors, effects or weights.
    IdentificationError
        If the sample is unbalanced, the treatment is not 0 and 1, switches off, or no entity becomes treated.

    Notes
    -----
    Goodman-Bacon (2021), Journal of Econometrics 225:254, equation 10. In the comparison ``later vs earlier``
    entities that are already treated serve as controls: if their effects grow, its estimate is too small. A
    large weight there is a reason to compare `StaggeredDid`.

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
    found = compare_cohorts(means, cohorts, np.bincount(of_entity) / of_entity.size)

    times = [*sample.times.tolist(), None]
    labels = [None if place == 0 else times[place] for place in cohorts]
    # Years stay whole numbers beside missing ones.
    whole: Any = "Int64" if all(isinstance(time, int) for time in sample.times.tolist()) else None
    treated, control = cohorts[found.treated], cohorts[found.control]
    frame = pd.DataFrame(
        {
            "comparison": [_kind(*pair, sample.n_times) for pair in zip(treated, control, strict=True)],
            "treated": pd.Series([labels[place] for place in found.treated], dtype=whole),
            "control": pd.Series([labels[place] for place in found.control], dtype=whole),
            "weight": found.weights,
            "estimate": found.estimates,
        }
    )
    return frame.sort_values("weight", ascending=False, kind="stable", ignore_index=True)


def _kind(treated: int, control: int, n_times: int) -> str:
    """Name a comparison by what the cohort that is compared with is."""
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
            f"x={cited(list(spec.x))}: the decomposition is of a regression on the treatment alone; specify "
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
    on = values.reshape(sample.n_entities, sample.n_times)
    off = np.flatnonzero((np.diff(on, axis=1) < 0).any(axis=1))
    if off.size:
        names = sample.entities[off].tolist()
        text = (
            f"{cited(event)} switches from 1 to 0 in {len(names):,} {sample.keys.entity_name} "
            f"({quoted(names)}); the decomposition is of a treatment that stays."
        )
        raise IdentificationError(text, [Notice("switched_off", text, {"event": event, "entities": names})])
    first = sample.n_times - on.sum(axis=1).astype(np.intp)
    if np.unique(first).size < 2 or not ((first > 0) & (first < sample.n_times)).any():
        text = (
            f"{cited(event)} gives nothing to compare: entities must become treated in the sample, in "
            "different periods or beside others that do not."
        )
        raise IdentificationError(text, [Notice("no_comparison", text, {"event": event})])
    return np.asarray(first)
