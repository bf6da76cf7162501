"""Mean-group mediation: separate regressions for each entity, averaged."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from digiprosper.errors import IdentificationError, Notice, OptionError, cited, issue, quoted
from digiprosper.kernels.resampling import draw_counts, seed_sequence
from digiprosper.kernels.tolerances import ABSORBED
from digiprosper.kernels.within import within
from digiprosper.mediation.effect_terms import effect
from digiprosper.mediation.notices import left_out, short_series
from digiprosper.mediation.within_between import parallel_sample, path_slopes
from digiprosper.mediation.words import WORDS
from digiprosper.report.effects import EffectResults, drawn_estimates
from digiprosper.report.notices import few_clusters, few_draws, too_few_clusters_to_draw
from digiprosper.report.protocol import empty_glance
from digiprosper.report.text import freedom_text

if TYPE_CHECKING:
    from digiprosper.kernels import Bools, Floats, Ints
    from digiprosper.linear.preparation import Prepared
    from digiprosper.mediation.mediation import Mediation
    from digiprosper.panel import Panel
    from digiprosper.report.protocol import Glance
    from digiprosper.report.summary import Summary

_MEMORY = 2**28


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class MeanGroupResults(EffectResults):
    """Results of mean-group mediation, made by `mean_group_mediation`.

    Terms are ``total``, ``direct`` and ``indirect``, and for each mediator ``indirect:<m>`` (the mean of a_i
    b_i), ``a:<m>`` and ``b:<m>`` (the mean slopes), ``product_of_means:<m>``, and ``covariance:<m>`` (the
    difference between the mean of a_i b_i and the product of the means).

    Parameters
    ----------
    treatment : str
        Treatment.
    mediators : tuple of str
        Mediators.
    entity_table : DataFrame
        See `entities`.

    Notes
    -----
    The other parameters are those of `EffectResults`. The bootstrap draws entities.

    Examples
    --------
    >>> import digiprosper as dp
    >>> spec = dp.Mediation("log(gsp)", "log(pc)", "log(emp)", "unemp", reps=199)
    >>> results = dp.mean_group_mediation(spec, dp.datasets.us_states(), rng=1)
    >>> results.entities.shape
    (48, 6)
    """

    treatment: str = ""
    mediators: tuple[str, ...] = ()
    entity_table: pd.DataFrame = field(default_factory=pd.DataFrame)

    @property
    def entities(self) -> pd.DataFrame:
        """Slopes of each entity: total, direct, a:<m>, b:<m>, indirect:<m>, nobs (a copy)."""
        return self.entity_table.copy()

    def _summary(self) -> Summary:
        path = f"{self.treatment} -> {', '.join(self.mediators)} -> {self.info['depvar']}"
        return self._summarised(f"Mean group mediation: {path}")

    def _more_numbers(self) -> dict[str, Any]:
        # A slotted dataclass is a new class: `super()` without arguments would look in the old one.
        draws = EffectResults._more_numbers(self)
        slopes = self.entity_table.to_dict("index")
        roles = {"treatment": self.treatment, "mediators": self.mediators}
        return {**draws, **roles, "entities": slopes}


def mean_group_mediation(spec: Mediation, panel: Panel, *, rng: object = None) -> MeanGroupResults:
    """Estimate mediation separately for each entity, and average the effects (mean-group estimator).

    If slopes differ between entities, the mean indirect effect is
    ``E(a_i b_i) = E(a_i) E(b_i) + cov(a_i, b_i)``. A model with common slopes ignores the covariance (Bauer,
    Preacher and Gil 2006). Here the equations ``y = c_i x + ..``, ``m_k = a_ik x + ..`` and
    ``y = c'_i x + sum_k b_ik m_k + ..`` are estimated over time for each entity i, with an intercept and the
    controls. The effects are means over entities (Pesaran and Smith 1995). total = direct + indirect holds
    exactly, in the estimates and in each draw.

    Parameters
    ----------
    spec : Mediation
        A specification with parallel mediators. `reps` is the number of draws. `cov_type`, `ssc` and
        `entity_effects` are not used; each entity has its own intercept. With `time_effects` (default),
        entity and time effects are first absorbed from all columns of the sample.
    panel : Panel
        The data. Each entity needs many periods.
    rng : None, int, sequence of int, SeedSequence or Generator
        Seed of the draws. The `rng_entropy` of the results reproduces them.

    Returns
    -------
    MeanGroupResults
        Mean effects with standard errors, intervals and draws. `entities` has the slopes of each entity.

    Raises
    ------
    InputTypeError, OptionError, TermError, CollinearityError
        As in `within_between`. Also an OptionError if the specification has other fixed effects, or clusters
        other than the entity.
    IdentificationError
        If the data are a cross-section, or fewer than two entities can be estimated.

    Warns
    -----
    MissingDataWarning
        If entities are left out: those with no more rows than the equation of the outcome has parameters, and
        those in which the treatment, a mediator or a control is constant or collinear. Their rows are still
        used for the time effects.

    Notes
    -----
    Sources are Pesaran and Smith (1995, Journal of Econometrics 68:79) and Bauer, Preacher and Gil (2006,
    Psychological Methods 11:142).

    The covariance matrix of the mean effects is ``sum_i d_i d_i' / (N (N - 1))``, where d_i is the deviation
    of entity i from the mean (Pesaran and Smith 1995). Standard errors of ``product_of_means`` and
    ``covariance`` use the delta method. t has N - 1 degrees of freedom. This is valid for any errors within
    entities, if entities are independent. The bootstrap draws entities with replacement.

    If treatment and mediators are strictly exogenous, the errors of a_i and b_i are uncorrelated, so the mean
    of a_i b_i is unbiased also in short panels. If they depend on past outcomes, all slopes have a bias of
    order 1/T, which does not vanish in the mean.

    Time effects remove shocks that are common to all entities. If slopes differ, they do not remove the
    effect of common shocks of the treatment or the mediators completely, and b can be biased. The estimator
    of Pesaran (2006, Econometrica 74:967) for this case is not available.

    Examples
    --------
    >>> import digiprosper as dp
    >>> spec = dp.Mediation("log(gsp)", "log(pc)", "log(emp)", "unemp", reps=999)
    >>> results = mean_group_mediation(spec, dp.datasets.us_states(), rng=2026)
    >>> results.params.round(3).iloc[:4].to_dict()
    {'total': 0.634, 'direct': 0.197, 'indirect': 0.437, 'indirect:log(emp)': 0.437}
    >>> results.params.round(3).iloc[6:].to_dict()
    {'product_of_means:log(emp)': 0.454, 'covariance:log(emp)': -0.017}
    >>> results.entities.shape
    (48, 6)
    """
    prepared, columns, names = parallel_sample(spec, panel, "mean_group_mediation")
    _refuse_options(spec, panel)
    seed = seed_sequence(rng)
    sample, k = prepared.sample, len(names) - 2
    length = np.bincount(sample.entity)
    parameters = columns.shape[1]  # the regressors of the outcome's equation and an intercept
    long_enough = length > parameters
    slopes = np.full((length.size, 2 + 2 * k), np.nan)
    if long_enough.any():
        # Where no entity has enough rows, a term with thousands of levels would fill the memory for nothing.
        slopes = _slopes(prepared, columns, k)
    used = long_enough & ~np.isnan(slopes).any(axis=1)
    dropped = _left_out(prepared, long_enough, used, parameters)
    slopes, length = slopes[used], length[used]
    a, b = np.split(slopes[:, 2:], 2, axis=1)
    values = np.hstack([slopes, a * b])
    short = short_series(float(np.median(length - parameters)), sample.keys.entity_name)
    entities, mean, mediators = len(values), values.mean(axis=0), names[1:-1]
    diagnostics = (*prepared.notices, *dropped, *short, *_few(entities, spec.reps))
    issue(diagnostics)
    info: Glance = {
        **empty_glance("Mean group mediation", int(length.sum())),
        "depvar": names[-1],
        "effects": "+".join(prepared.effect_names),
        "cov_type": "mean_group",
        "n_entities": entities,
        "n_times": int(np.unique(sample.time[used[sample.entity]]).size),
        "df_t": float(entities - 1),
        "rng_entropy": seed.entropy if isinstance(seed.entropy, int) else None,
    }
    kinds = ("indirect", "a", "b", "product_of_means", "covariance")
    terms = (
        *map(effect, ("total", "direct", "indirect")),
        *(effect(kind, m) for kind in kinds for m in mediators),
    )
    estimated = drawn_estimates(
        [term.name for term in terms],
        _terms(mean[None])[0],
        np.cov(_terms(values, mean), rowvar=False) / entities,
        _terms(_drawn_means(values, spec.reps, seed)),
        info,
        n_drawn=entities,
    )
    labels = [f"{n}:{m}" for n in ("a", "b", "indirect") for m in mediators]
    table = pd.DataFrame(values, index=sample.entities[used], columns=["total", "direct", *labels])
    return MeanGroupResults(
        terms=terms,
        words=WORDS,
        estimated=estimated,
        info=info,
        errors_text=(
            f"Mean group standard errors ({entities} entities, t with {entities - 1} degrees of freedom)"
        ),
        diagnostics=diagnostics,
        labels=dict(sample.labels),
        factors=dict(sample.factors),
        key_names=sample.keys.pair,
        treatment=names[0],
        mediators=mediators,
        entity_table=table.assign(nobs=length),
    )


def _refuse_options(spec: Mediation, panel: Panel) -> None:
    if spec.absorb:
        raise OptionError(
            f"absorb={cited(spec.absorb)}: each entity's regression has its own intercept, after period "
            "effects are removed (time_effects). Omit absorb."
        )
    if spec.clusters not in (None, (panel.entity_name,)):
        raise OptionError(
            f"clusters={cited(spec.clusters)}: the mean group estimator averages over entities and "
            "resamples entities. Omit clusters."
        )


def _slopes(prepared: Prepared, columns: Floats, mediators: int) -> Floats:
    """Estimate the equations of every entity; NaN if a regressor has no variation within it."""
    sample = prepared.sample
    floor = ABSORBED * columns.std(axis=0) * np.sqrt(np.bincount(sample.entity))[:, None]
    demeaned = prepared.within.demean(columns)
    slopes = path_slopes(_blocks(demeaned, sample.entity), mediators, floor)
    if len(prepared.effect_names) > 1:
        # Time effects give a constant regressor the variation of other entities, which identifies no slope.
        within_entity = within([sample.entity], sample.nobs).demean(columns)
        constant = np.isnan(path_slopes(_blocks(within_entity, sample.entity), mediators, floor)).any(axis=1)
        slopes[constant] = np.nan
    return slopes


def _blocks(rows: Floats, entity: Ints) -> Floats:
    """Copy the (sorted) rows of each entity into a block (entities, longest, p), padded with zeros."""
    length = np.bincount(entity)
    out = np.zeros((length.size, length.max(), rows.shape[1]))
    out[entity, np.arange(entity.size) - (np.cumsum(length) - length)[entity]] = rows
    return out


def _terms(values: Floats, around: Floats | None = None) -> Floats:
    """Compute effects (R, terms) from total, direct, a, b and a b of each mediator (R, .).

    `around` are means around which the effects are linearised.
    """
    a, b, products = np.split(values[:, 2:], 3, axis=1)
    of_means = a * b
    if around is not None:
        mean_a, mean_b, _ = np.split(around[2:], 3)
        of_means = a * mean_b + mean_a * b
    indirect = products.sum(axis=1, keepdims=True)
    return np.hstack([values[:, :2], indirect, products, a, b, of_means, products - of_means])


def _drawn_means(values: Floats, reps: int, seed: np.random.SeedSequence) -> Floats:
    """Draw entities with replacement: means (R, .)."""
    generator, n = np.random.default_rng(seed), len(values)
    chunk = max(1, _MEMORY // (32 * n))
    sizes = [min(chunk, reps - start) for start in range(0, reps, chunk)]
    return np.vstack([draw_counts(generator, n, size) @ values / n for size in sizes])


def _left_out(prepared: Prepared, long_enough: Bools, used: Bools, parameters: int) -> list[Notice]:
    names, key = prepared.sample.entities, prepared.sample.keys.entity_name
    if used.size < 2:
        raise IdentificationError(
            f"only one {key} is in the sample ({names[0]}): the mean group needs two entities or more."
        )
    if used.all():
        return []
    reasons = (
        (~long_enough, f"{parameters} rows or fewer, too few for {parameters} parameters"),
        (long_enough & ~used, "a treatment, mediator or control that is collinear over time"),
    )
    why = "; ".join(f"{quoted(names[mask])} with {text}" for mask, text in reasons if mask.any())
    dropped = tuple(names[~used])
    count = f"{len(dropped)} of {used.size} entities ({key})"
    text = f"{count} cannot be estimated separately and are dropped: {why}."
    notice = left_out(text, dropped)
    if used.sum() < 2:
        raise IdentificationError(
            f"{text} The mean group estimator needs at least two entities: use a longer panel, or fewer "
            "controls.",
            [notice],
        )
    return [notice]


def _few(entities: int, reps: int) -> list[Notice]:
    few = too_few_clusters_to_draw(entities, "entity", "interval('delta') needs no draws.") or few_clusters(
        entities,
        "entity",
        "percentile intervals are reliable with many entities only; "
        f"interval('delta') uses t with {freedom_text(entities - 1)}.",
        f"{entities} entities",
    )
    return [*few, *few_draws(reps, "effects")]
