"""The pairs cluster bootstrap of a linear model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from digiprosper.errors import IdentificationError, Notice, OptionError, cited, issue
from digiprosper.kernels import Ints
from digiprosper.kernels.intervals import has_enough_clusters
from digiprosper.kernels.resampling import seed_sequence
from digiprosper.kernels.within import is_nested
from digiprosper.linear.fixed_effects import refuse_other_specification
from digiprosper.linear.preparation import Prepared
from digiprosper.panel import Panel
from digiprosper.report.effects import EffectResults, drawn_estimates
from digiprosper.report.notices import (
    FEW_CODES,
    few_clusters,
    few_draws,
    lost_draws,
    too_few_clusters_to_draw,
    without,
)
from digiprosper.report.protocol import Glance
from digiprosper.specification import check_reps

_LEAST_REPS = 20
_REMEDY = "Use dp.wild_bootstrap(spec, panel, term), which draws cluster weights."
_TOO_SHORT = (
    "percentile intervals are often too short with few clusters; confirm a borderline "
    "result with dp.wild_bootstrap(spec, panel, term)."
)
_LOST = (
    "failed: in the drawn sample a regressor is collinear. Intervals use the "
    "remaining draws."
)


def cluster_bootstrap(
    spec: Any, panel: Panel, *, reps: int = 999, rng: object = None
) -> EffectResults:
    """Bootstrap a linear model: draw clusters and estimate the model in each draw.

    Clusters are drawn with replacement. This is the pairs cluster bootstrap (Cameron &
    Miller 2015, section VI.C.1). A cluster that is drawn twice counts as two clusters,
    each with its own fixed effects. Fixed effects that are common to clusters, such as
    time effects, are estimated in each draw. With few clusters use `wild_bootstrap`,
    which is more reliable.

    Parameters
    ----------
    spec : FixedEffects or PoissonEffects
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
        If `spec` is another specification, or `panel` is not a Panel.
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
    computed from them, and equal those of a refit. A `PoissonEffects` is fitted again
    in every draw, with the number of times that a cluster was drawn as weights.

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
    refuse_other_specification("cluster_bootstrap", spec, needs="_fitted")
    refuse_two_way(spec.clusters)
    reps = check_reps(reps, _LEAST_REPS)
    seed = seed_sequence(rng)
    fit = spec._fitted(panel)
    codes, drawn = drawn_clusters(fit.prepared)

    groups = int(codes.max()) + 1
    values, lost = fit.cluster_draws(codes, reps, seed)
    if lost == reps and has_enough_clusters(groups):
        raise IdentificationError(
            f"all {reps} draws of {drawn} failed: in each of them a regressor is "
            "collinear (for example a dummy of one entity). Drop it."
        )

    notices = _bootstrap_notices(fit, groups, drawn, lost, reps)
    issue(notices)
    info: Glance = fit.results.glance()
    info["model"] = "Cluster bootstrap"
    info["rng_entropy"] = cast("int", seed.entropy)
    return EffectResults(
        terms=fit.results.terms,
        estimated=drawn_estimates(
            fit.results.names,
            fit.results.coefficients.copy(),
            fit.results.covariance,
            values,
            info,
            n_drawn=groups,
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


def _bootstrap_notices(
    fit: Any, groups: int, drawn: str, lost: int, reps: int
) -> tuple[Notice, ...]:
    of_fit = without(fit.results.diagnostics, FEW_CODES)
    if not has_enough_clusters(groups):
        return (*of_fit, *too_few_clusters_to_draw(groups, drawn, _REMEDY))
    return (
        *of_fit,
        *few_clusters(groups, drawn, _TOO_SHORT),
        *few_draws(reps, "effects"),
        *lost_draws(lost, reps, _LOST, "bootstrap"),
    )


# --- clusters -------------------------------------------------------------------------


def drawn_clusters(prepared: Prepared) -> tuple[Ints, str]:
    """Return codes and name of the clusters to draw: the entities by default."""
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
            "periods are nested in the clusters, so clusters cannot be drawn together "
            "with their effects. Specify clusters of whole entities, or of whole "
            "periods."
        )
    return codes, name


def refuse_two_way(clusters: Sequence[str] | None) -> None:
    """Refuse two-way clusters, which cannot be drawn whole."""
    if clusters is not None and len(clusters) > 1:
        raise OptionError(
            f"clusters={cited(tuple(clusters))}: two-way clusters cannot be drawn. "
            "Specify one; the two-way clustered standard errors of FixedEffects need "
            "no draws."
        )
