"""The Goodman-Bacon decomposition of a two-way fixed effects slope."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pandas as pd

from digiprosper.checks import not_identified, option_error
from digiprosper.errors import cited
from digiprosper.kernels import Floats, Ints
from digiprosper.kernels.within import level_sums
from digiprosper.linear.fixed_effects import FixedEffects, refuse_other_specification
from digiprosper.linear.preparation import linear_options, prepare
from digiprosper.panel import Panel, Sample
from digiprosper.panel.treatment import entities_text


def bacon_decomposition(spec: FixedEffects, panel: Panel) -> pd.DataFrame:
    """Decompose the slope of a staggered treatment (Goodman-Bacon 2021).

    It is the slope of a regression with two-way fixed effects. The slope is a weighted
    average of differences in differences between two cohorts. A cohort is the set of
    entities that are first treated in the same period.

    Parameters
    ----------
    spec : FixedEffects
        A specification with entity and time effects, no weights, and one regressor: a
        dummy that is 0 before treatment and 1 from then on.
    panel : Panel
        The data. The sample must be balanced.

    Returns
    -------
    DataFrame
        One row per comparison of two cohorts, with the largest weight first. Columns
        are comparison (``"treated vs never"``, ``"earlier vs later"``,
        ``"later vs earlier"`` or ``"treated vs always"``), treated and control (first
        treated times of the two cohorts; missing for entities never or always treated),
        weight and estimate. The weights add up to one, and the weighted sum of the
        estimates is the slope.

    Raises
    ------
    InputTypeError
        If `spec` is not a `FixedEffects`.
    OptionError
        If `spec` has other regressors, other fixed effects or weights.
    IdentificationError
        If the sample is unbalanced, if the treatment is not 0 or 1 or returns to 0, or
        if no entity becomes treated.
    DigiprosperError
        As in `FixedEffects.fit`.

    Notes
    -----
    The decomposition is equation 10 of Goodman-Bacon (2021, Journal of Econometrics
    225:254). In ``later vs earlier`` the controls are entities that are already
    treated. If their effects grow over time, this estimate is too small. If its weight
    is large, compare the slope with the estimates of `StaggeredDid`.

    Examples
    --------
    >>> import numpy as np, pandas as pd, digiprosper as dp
    >>> df = pd.DataFrame(
    ...     {
    ...         "city": np.repeat(np.arange(60), 6),
    ...         "year": np.tile(np.arange(2010, 2016), 60),
    ...     }
    ... )
    >>> first = (df["city"] % 6).map({0: 2012, 1: 2012, 2: 2014}).fillna(9999)
    >>> df["on"] = (df["year"] >= first).astype(float)
    >>> df["y"] = df["on"] * (1 + df["year"] - first) + df["city"]
    >>> spec = dp.FixedEffects("y", ["on"])
    >>> parts = dp.bacon_decomposition(spec, dp.Panel(df, "city", "year"))
    >>> parts.round(3)[["comparison", "treated", "weight", "estimate"]].values.tolist()[
    ...     :2
    ... ]
    [['treated vs never', 2012, 0.545, 2.5], ['treated vs never', 2014, 0.273, 1.5]]
    >>> slope = spec.fit(dp.Panel(df, "city", "year")).params["on"]
    >>> bool(np.isclose((parts["weight"] * parts["estimate"]).sum(), slope))
    True
    """
    _check_specification(spec)
    prepared = prepare(panel, {"y": (spec.y,), "x": spec.x}, linear_options(spec))
    sample = prepared.sample
    first = _first_treated_period(spec.x[0], sample)
    cohorts, entity_cohort, sizes = np.unique(
        first, return_inverse=True, return_counts=True
    )
    outcome = sample.columns("y").reshape(sample.n_entities, sample.n_times)
    means = level_sums(entity_cohort, sizes.size, outcome) / sizes[:, None]
    pairs, weights, estimates = compare_cohorts(means, cohorts, sizes / sizes.sum())

    times = sample.times.tolist()
    labels = np.array([None, *times[1:], None], dtype=object)[cohorts]
    names = [_comparison_name(t, c, sample.n_times) for t, c in cohorts[pairs]]
    treated, control = labels[pairs.T].tolist()
    columns = {"comparison": names, "treated": treated, "control": control}
    frame = pd.DataFrame({**columns, "weight": weights, "estimate": estimates})
    if all(isinstance(time, int) for time in times):
        # Years stay whole numbers beside missing ones.
        frame = frame.astype({"treated": "Int64", "control": "Int64"})
    return frame.sort_values(
        "weight", ascending=False, kind="stable", ignore_index=True
    )


def _comparison_name(treated: int, control: int, n_times: int) -> str:
    """Name a comparison by its control group: never, always, later or earlier."""
    if control in (0, n_times):
        return "treated vs never" if control else "treated vs always"
    return "earlier vs later" if control > treated else "later vs earlier"


def _check_specification(spec: FixedEffects) -> None:
    refuse_other_specification("bacon_decomposition", spec)
    if len(spec.x) != 1:
        text = (
            f"x={cited(list(spec.x))}: the decomposition needs the treatment as the "
            "only regressor; specify one term."
        )
        raise option_error("x", spec.x, text)
    two_way = spec.entity_effects and spec.time_effects and not spec.absorb
    if not two_way or spec.obs_weights is not None:
        text = (
            "the decomposition is for entity and time effects without weights: omit "
            "absorb and obs_weights, and keep entity_effects and time_effects True."
        )
        raise option_error("absorb", spec.absorb, text)


def _first_treated_period(event: str, sample: Sample) -> Ints:
    """Return each entity's first treated period; 0 if always treated, T if never."""
    if not sample.is_balanced:
        text = (
            f"the sample is unbalanced ({sample.nobs:,} rows of {sample.n_entities:,} "
            f"entities and {sample.n_times:,} periods), and the decomposition holds "
            "for balanced ones only: keep entities with all periods, by "
            "panel.dropna([...]).balance()."
        )
        raise not_identified(
            "unbalanced",
            text,
            nobs=sample.nobs,
            n_entities=sample.n_entities,
            n_times=sample.n_times,
        )
    values: Any = sample.columns("x")
    if values.shape[1] != 1 or not np.isin(values, (0.0, 1.0)).all():
        text = (
            f"{cited(event)} must be 0 before treatment and 1 from then on; it has "
            "other values."
        )
        raise not_identified("event_values", text, event=event)
    dummy = values.reshape(sample.n_entities, sample.n_times)
    names = sample.entities[(np.diff(dummy, axis=1) < 0).any(axis=1)].tolist()
    if names:
        text = (
            f"{cited(event)} switches from 1 to 0 in "
            f"{entities_text(sample.keys, names)}; the decomposition needs a treatment "
            "that does not end."
        )
        raise not_identified("switched_off", text, event=event, entities=names)
    first = sample.n_times - dummy.sum(axis=1).astype(np.intp)
    if np.unique(first).size < 2 or not ((first > 0) & (first < sample.n_times)).any():
        text = (
            f"{cited(event)} allows no comparison: some entities must become treated "
            "in the sample, in different periods or while others are never treated."
        )
        raise not_identified("no_comparison", text, event=event)
    return np.asarray(first)


def compare_cohorts(
    means: Floats, first: Ints, share: Floats
) -> tuple[Ints, Floats, Floats]:
    """Compare cohorts pair by pair (Goodman-Bacon 2021, equations 7 to 10).

    Journal of Econometrics 225:254. `means` (G, T): outcome by cohort and period.
    `first` (G,): first treated period of each cohort, all different; 0 if always
    treated, T if never. `share` (G,): share of the entities. In each pair the treatment
    of the second cohort does not change.

    Returns positions (m, 2) of the cohort that becomes treated and of the other,
    weights, which add up to one, and estimates (m,). Their weighted sum is the slope.
    """
    periods = np.arange(means.shape[1])
    pairs = [
        pair
        for pair in permutations(range(first.size), 2)
        if 0 < first[pair[0]] < periods.size
    ]
    weights, estimates = np.empty((2, len(pairs)))
    for index, (treated, control) in enumerate(pairs):
        # The periods in which the treatment of the control cohort does not change.
        window = periods >= first[control]
        if first[control] > first[treated]:
            window = ~window
        since = periods >= first[treated]
        gap = means[treated] - means[control]
        estimates[index] = gap[window & since].mean() - gap[window & ~since].mean()
        # Variance of the treatment, net of both effects, in the rows of the pair, times
        # their share squared. As in the paper, n_kl is the share of the treated cohort,
        # d_bar its share of treated periods.
        pair_share = share[treated] + share[control]
        n_kl = share[treated] / pair_share
        d_bar = since[window].mean()
        weights[index] = (
            (pair_share * window.mean()) ** 2 * n_kl * (1 - n_kl) * d_bar * (1 - d_bar)
        )
    positions = np.array(pairs, dtype=np.intp).reshape(-1, 2)
    return positions, weights / weights.sum(), estimates
