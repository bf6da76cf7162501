"""The pairs cluster bootstrap of a linear model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from digiprosper.errors import IdentificationError, OptionError, cited, issue
from digiprosper.kernels.intervals import enough_clusters
from digiprosper.kernels.resampling import (
    bootstrap,
    draw_counts,
    entity_grams,
    seed_sequence,
)
from digiprosper.kernels.within import is_nested, level_sums
from digiprosper.linear.estimation import columns_at
from digiprosper.linear.fixed_effects import estimate, refuse_other_specification
from digiprosper.linear.notices import few_for_draws
from digiprosper.report.effects import EffectResults, drawn_estimates
from digiprosper.report.notices import few_draws, lost_draws, too_few_clusters_to_draw
from digiprosper.specification import check_reps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digiprosper.errors import Notice
    from digiprosper.kernels import Floats, Ints
    from digiprosper.kernels.resampling import Grams
    from digiprosper.linear.fixed_effects import Fitted, FixedEffects
    from digiprosper.linear.preparation import Prepared
    from digiprosper.panel import Panel
    from digiprosper.report.protocol import Glance

_LEAST_REPS = 20
_INSTEAD = frozenset({"few_clusters", "very_few_clusters"})
_REMEDY = (
    "Use dp.wild_bootstrap(spec, panel, term), which draws weights of the clusters."
)
_LOST = (
    "failed: in the drawn sample a regressor is collinear. Intervals use the "
    "remaining draws."
)


def cluster_bootstrap(
    spec: FixedEffects, panel: Panel, *, reps: int = 999, rng: object = None
) -> EffectResults:
    """Bootstrap a linear model: draw clusters and estimate the model in each draw.

    Clusters are drawn with replacement. This is the pairs cluster bootstrap (Cameron &
    Miller 2015, section VI.C.1). A cluster that is drawn twice counts as two clusters,
    each with its own fixed effects. Fixed effects that are common to clusters, such as
    time effects, are estimated in each draw. With few clusters use `wild_bootstrap`,
    which is more reliable.

    Parameters
    ----------
    spec : FixedEffects
        The specification. The draws are of its clusters, or of entities if it has no
        clusters.
    panel : Panel
        The data.
    reps : int
        Number of draws, at least 20; 999 by default.
    rng : None, int, sequence of int, SeedSequence or Generator
        Seed of the draws. The `rng_entropy` of the results reproduces them.

    Returns
    -------
    EffectResults
        Coefficients of the fit, with percentile intervals and p-values from the
        bootstrap. Covariance, standard errors and t statistics are those of the fit.
        `draws` has one row per draw and one column per coefficient.

    Raises
    ------
    InputTypeError
        If `spec` is not a `FixedEffects`, or `panel` is not a Panel.
    OptionError
        If there are two-way clusters, if a cluster contains neither whole entities nor
        whole periods, or if `reps` is below 20.
    IdentificationError
        If no draw has estimates; and as in `FixedEffects.fit`.

    Notes
    -----
    A draw has no estimates if a regressor is collinear in it. Such draws are dropped,
    and a notice reports their number. With fewer than five clusters there is no
    interval and no p-value.

    The cross products of each cluster are computed once. The estimates of a draw are
    computed from them, and equal those of a refit.

    Examples
    --------
    >>> import digiprosper as dp
    >>> spec = dp.FixedEffects(
    ...     "log(gsp)", ["log(pcap)", "log(pc)", "log(emp)", "unemp"]
    ... )
    >>> results = dp.cluster_bootstrap(spec, dp.datasets.us_states(), rng=2026)
    >>> results.conf_int().round(2).loc["log(emp)"].tolist()
    [0.6, 0.94]
    """
    refuse_other_specification("cluster_bootstrap", spec)
    refuse_two_way(spec.clusters)
    reps = check_reps(reps, _LEAST_REPS)
    seed = seed_sequence(rng)
    fit = estimate(spec, panel)
    codes, drawn = drawn_clusters(fit.prepared)

    effects, weights = fit.prepared.within.every, fit.prepared.obs_weights
    columns = fit.demeaned.select((0, *fit.regressors))
    grams = entity_grams(columns, codes, effects, demeaned=True, obs_weights=weights)
    slopes = bootstrap(grams, [(0, tuple(range(1, columns.shape[1])))], reps, seed)
    if slopes.lost == reps and enough_clusters(grams.n_clusters):
        raise IdentificationError(
            f"all {reps} {drawn} draws failed: in each of them a regressor is "
            "collinear (for example a dummy of one entity). Drop it."
        )
    values = slopes.coefficients[0]
    if not fit.prepared.effect_names:
        values = np.column_stack([values, _intercepts(fit, codes, values, seed)])

    notices = _notices(fit, grams, drawn, slopes.lost, reps)
    issue(notices)
    info = _glance(fit, seed)
    return EffectResults(
        terms=fit.results.terms,
        estimated=drawn_estimates(
            fit.results.names,
            fit.results.coefficients.copy(),
            fit.results.covariance,
            values,
            info,
            n_drawn=grams.n_clusters,
            drawn=drawn,
            errors=fit.results.inference,
        ),
        info=info,
        errors_text=fit.results.conventions,
        diagnostics=notices,
        labels=dict(fit.results.labels),
        factors=fit.results.factors,
        key_names=fit.results.key_names,
    )


def _intercepts(
    fit: Fitted, codes: Ints, slopes: Floats, seed: np.random.SeedSequence
) -> Floats:
    """Compute each draw's intercept: the mean outcome less that of the fit."""
    raw = columns_at(fit.demeaned.raw, (0, *fit.regressors))
    groups, weights = int(codes.max()) + 1, fit.prepared.obs_weights
    sums = level_sums(codes, groups, np.column_stack([raw, np.ones(len(raw))]), weights)
    totals = draw_counts(seed, groups, len(slopes)) @ sums
    means = totals[:, :-1] / totals[:, -1:]
    return np.asarray(means[:, 0] - np.einsum("rk,rk->r", means[:, 1:], slopes))


def _notices(
    fit: Fitted, grams: Grams, drawn: str, lost: int, reps: int
) -> tuple[Notice, ...]:
    of_fit = (
        notice for notice in fit.results.diagnostics if notice.code not in _INSTEAD
    )
    groups = grams.n_clusters
    if not enough_clusters(groups):
        return (*of_fit, *too_few_clusters_to_draw(groups, drawn, _REMEDY))
    return (
        *of_fit,
        *few_for_draws(groups, drawn),
        *few_draws(reps, "effects"),
        *lost_draws(lost, reps, _LOST, "bootstrap"),
    )


def _glance(fit: Fitted, seed: np.random.SeedSequence) -> Glance:
    info = fit.results.glance()
    info["model"] = "Cluster bootstrap"
    info["rng_entropy"] = seed.entropy if isinstance(seed.entropy, int) else None
    return info


# --- what is drawn --------------------------------------------------------------------


def drawn_clusters(prepared: Prepared) -> tuple[Ints, str]:
    """Return codes and name of the clusters to draw: the entities by default.

    Refuse clusters that cut through the entities and through the periods alike.
    """
    if prepared.options.clusters is None:
        return prepared.sample.entity, "entity"
    codes, name = prepared.cluster_codes[0], prepared.cluster_names[0]
    keys = {prepared.sample.keys.entity_name, prepared.sample.keys.time_name}
    of_keys = [
        e
        for e, n in zip(prepared.within.codes, prepared.effect_names, strict=False)
        if n in keys
    ]
    if sum(not is_nested(e, codes) for e in of_keys) > 1:
        raise OptionError(
            f"clusters={cited(prepared.options.clusters)}: neither entities nor "
            "periods are nested in the clusters, which the bootstrap needs to draw "
            "them with their effects. Specify clusters of whole entities, or of "
            "whole periods."
        )
    return codes, name


def refuse_two_way(clusters: Sequence[str] | None) -> None:
    """Refuse two-way clusters, which cannot be drawn whole."""
    if clusters is not None and len(clusters) > 1:
        raise OptionError(
            f"clusters={cited(tuple(clusters))}: the bootstrap draws whole clusters, "
            "which is not possible with two-way clusters. Specify one; the two-way "
            "clustered standard errors of FixedEffects need no draws."
        )
