"""Mediation within entities, between them, and in each of them by itself."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any, cast

import numpy as np
import pandas as pd

from digiprosper.checks import option_error
from digiprosper.errors import (
    IdentificationError,
    Notice,
    OptionError,
    cited,
    issue,
    notice_of,
    quoted,
)
from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.kernels.chunks import chunks
from digiprosper.kernels.least_squares import dependences, ols
from digiprosper.kernels.resampling import draw_counts, seed_sequence
from digiprosper.kernels.tolerances import ABSORBED, CONSTANT
from digiprosper.kernels.within import compress, is_nested, within
from digiprosper.linear.preparation import (
    Prepared,
    drop_notice,
    linear_options,
    prepare,
)
from digiprosper.mediation.kernel import gradient
from digiprosper.mediation.layout import effect
from digiprosper.mediation.mediation import Mediation, require_parallel, term_roles
from digiprosper.mediation.notices import short_series
from digiprosper.mediation.system import (
    DELTA,
    collinear_mediator,
    effect_fields,
    refuse_multiple_columns,
)
from digiprosper.panel import Panel, Sample
from digiprosper.panel.access import check_panel, table_of
from digiprosper.report.effects import EffectResults
from digiprosper.report.notices import few_clusters, few_draws, too_few_clusters_to_draw
from digiprosper.report.protocol import Glance, empty_glance
from digiprosper.report.summary import Summary
from digiprosper.report.text import freedom_text

_MEMORY = 2**28


def within_between(spec: Mediation, panel: Panel) -> pd.DataFrame:
    """Estimate mediation within entities, between them, and pooled, on one sample.

    Two questions have different answers: whether the outcome changes if the treatment
    changes in an entity (within), and whether entities with a higher treatment have a
    higher outcome (between). The estimators are

    - ``within``: entity effects and the other fixed effects of the specification (by
      default time effects);
    - ``within_entity``: only entity effects;
    - ``first_difference``: differences to the previous period, with the other fixed
      effects of the specification. Rows without a previous period are dropped. Without
      other fixed effects there is no intercept, because it would be a common trend;
    - ``between``: one row with the means of each entity, and an intercept;
    - ``pooled``: all rows, no fixed effects, and an intercept.

    Parameters
    ----------
    spec : Mediation
        A specification with parallel mediators. Only its terms and fixed effects are
        used. The within estimators always have entity effects.
    panel : Panel
        The data.

    Returns
    -------
    DataFrame
        One row per estimator. Columns are ``a``, ``b``, ``indirect``, ``direct``,
        ``total`` and ``nobs`` (rows of the regression); with several mediators
        ``a:<m>``, ``b:<m>`` and ``indirect:<m>``, then the others. total = direct +
        indirect in each row. A row is missing if the treatment or a mediator is
        constant or collinear.

    Raises
    ------
    InputTypeError
        If `spec` is not a `Mediation` or `panel` is not a Panel.
    OptionError
        If the specification has a serial structure, a moderator, a threshold or a
        square.
    IdentificationError
        If the data are a cross-section, or no estimator is identified.
    CollinearityError
        If a mediator equals the outcome.
    TermError
        If treatment, outcome or a mediator has several columns.

    Warns
    -----
    MissingDataWarning, SingletonWarning
        If rows are dropped, as in `Mediation`.

    Notes
    -----
    All estimators use the sample of `Mediation` with entity effects, so they differ
    only by method. A control that is absorbed or collinear is dropped from this
    estimator.

    In a balanced panel the pooled slope of y on x alone is a weighted mean of the
    within slope s_w and the between slope s_b, ``(S_w s_w + S_b s_b) / (S_w + S_b)``,
    where S_w and S_b are the within and between sums of squares of x (Mundlak 1978,
    Econometrica 46:69; for mediation Zhang, Zyphur and Preacher 2009, Organizational
    Research Methods 12:695).

    Examples
    --------
    >>> import digiprosper as dp
    >>> spec = dp.Mediation("log(gsp)", "log(pc)", "log(emp)", ["log(pcap)", "unemp"])
    >>> within_between(spec, dp.datasets.us_states()).round(3)
                          a      b  indirect  direct  total  nobs
    estimator
    within            0.504  0.769     0.388   0.169  0.557   816
    within_entity     0.625  0.768     0.480   0.292  0.772   816
    first_difference  0.125  0.905     0.113   0.006  0.120   768
    between          -0.002  0.576    -0.001   0.302  0.301    48
    pooled            0.048  0.594     0.029   0.309  0.338   816
    """
    prepared, columns, names = _prepare_sample(spec, panel, "within_between")
    issue(prepared.notices)
    mediators, spread = names[1:-1], columns.std(axis=0)
    by_estimator = _transformed_columns(prepared, columns, panel)
    rows = {
        estimator: [*_effects_row(rows, spread, rank, len(mediators)), len(rows)]
        for estimator, (rows, rank) in by_estimator.items()
    }
    labels = ["a", "b"]
    if len(mediators) > 1:
        labels = [f"{n}:{m}" for n in ("a", "b", "indirect") for m in mediators]
    labels += ["indirect", "direct", "total", "nobs"]
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=labels)
    if frame["total"].isna().all():
        raise IdentificationError(
            f"no effect is identified: {quoted(names[:-1])} are collinear with one "
            "another or with the controls, both within and between entities."
        )
    return frame.rename_axis(index="estimator").astype({"nobs": int})


def _prepare_sample(
    spec: Mediation, panel: Panel, caller: str
) -> tuple[Prepared, Floats, tuple[str, ...]]:
    """Prepare the sample of a parallel mediation with entity effects.

    The columns (N, p) are controls, treatment, mediators and outcome, centred; the
    names are without controls.
    """
    require_parallel(spec, caller, "remove {} from the specification (spec.replace)")
    check_panel(panel, caller)
    if panel.time_name is None:
        raise IdentificationError(
            f"{caller} needs several rows per entity, but this panel is a "
            "cross-section, which has variation between entities only. Use "
            "Mediation with entity_effects=False."
        )
    every_role = term_roles(spec)
    roles = {role: every_role[role] for role in ("x", "treatment", "mediators", "y")}
    # Errors are not computed here; clusters would only be checked.
    options = replace(
        linear_options(spec), entity_effects=True, cov_type="unadjusted", clusters=None
    )
    prepared = prepare(panel, roles, options)
    prepared = drop_notice(prepared, "robust_inconsistent")
    sample = prepared.sample
    refuse_multiple_columns(sample, roles)
    names = tuple(chain.from_iterable(map(sample.names_of, list(roles)[1:])))
    raw = np.column_stack([sample.columns(role) for role in roles])
    columns = raw - raw.mean(axis=0)
    constant = np.abs(columns).max(axis=0) <= CONSTANT * np.abs(raw).max(axis=0)
    columns[:, constant] = 0.0
    outcome, mediators = columns[:, -1], columns[:, -len(names) + 1 : -1]
    for name, column in zip(names[1:-1], mediators.T, strict=True):
        pair = np.column_stack([outcome, column])
        if pair.any(axis=0).all() and dependences(pair):
            raise collinear_mediator(name, "outcome", names[-1], "")
    return prepared, columns, names


def _path_slopes(columns: Floats, mediators: int, floor: Floats) -> Floats:
    """Estimate the equations of a parallel mediation on demeaned rows (T, p).

    Columns are controls, x, mediators, y; one shorter than `floor` (p,) counts as zero.
    Slopes (2 + 2 K) are total, direct, a_k, b_k; NaN if a regressor is collinear.
    """
    varying = np.linalg.norm(columns, axis=0) > floor
    regressors, outcome = columns[:, :-1], columns[:, -1] * varying[-1]
    if not varying[:-1].all() or dependences(regressors):
        return np.full(2 + 2 * mediators, np.nan)
    x_and_controls, mediator_columns = np.split(regressors, [-mediators], axis=1)
    outcomes = np.column_stack([outcome, mediator_columns])
    total, *a = ols(x_and_controls, outcomes).coefficients[-1]
    direct, *b = ols(regressors, outcome).coefficients[-1 - mediators :]
    return np.array([total, direct, *a, *b])


def _transformed_columns(
    prepared: Prepared, columns: Floats, panel: Panel
) -> dict[str, tuple[Floats, int]]:
    """Transform the columns for each estimator; also return the rank of effects."""
    slopes = tuple(
        effect.name for effect in prepared.absorbed if effect.slope is not None
    )
    if slopes:
        raise option_error(
            "absorb",
            slopes,
            "within_between does not take slopes by group in absorb "
            f"({quoted(slopes)}): differences and means by entity have no such "
            "slopes. Omit them.",
        )
    sample = prepared.sample
    entity = within([sample.entity], sample.nobs)
    later, earlier = _consecutive_rows(sample, panel)
    changes, rank = columns[later] - columns[earlier], 0
    crossing = [c for c in prepared.within.effects if not is_nested(sample.entity, c)]
    if crossing and later.size:
        after = within([compress(c[later])[0] for c in crossing], later.size)
        changes, rank = after.demean(changes), after.rank
    sums = np.column_stack([np.bincount(sample.entity, weights=c) for c in columns.T])
    means = sums / np.bincount(sample.entity)[:, None]
    return {
        "within": (prepared.within.demean(columns), prepared.within.rank),
        "within_entity": (entity.demean(columns), entity.rank),
        "first_difference": (changes, rank),
        "between": (means - means.mean(axis=0), 1),
        "pooled": (columns, 1),
    }


def _consecutive_rows(sample: Sample, panel: Panel) -> tuple[Ints, Ints]:
    """Return rows whose entity has a row one step earlier, and these earlier rows."""
    rows = panel.index.get_indexer(pd.Index(sample.index))
    number = np.full(panel.nobs, np.nan)
    number[rows] = np.arange(sample.nobs)
    earlier = table_of(panel).shift(number, 1)[rows]
    later = np.flatnonzero(~np.isnan(earlier))
    return later, earlier[later].astype(np.intp)


def _effects_row(demeaned: Floats, spread: Floats, rank: int, mediators: int) -> Floats:
    """Compute a, b, (if several) indirect by mediator; then indirect, direct, total."""
    n, p = demeaned.shape
    floor = ABSORBED * spread * np.sqrt(n)
    system = np.arange(p - 2 - mediators, p)
    controls = [
        j for j in range(system[0]) if np.linalg.norm(demeaned[:, j]) > floor[j]
    ]
    collinear = [*dependences(demeaned[:, controls])] if controls else []
    used = [*np.delete(controls, collinear).astype(np.intp), *system]
    slopes = np.full(2 + 2 * mediators, np.nan)
    if n > rank + len(used) - 1:
        slopes = _path_slopes(demeaned[:, used], mediators, floor[used])
    (total, direct), (a, b) = slopes[:2], np.split(slopes[2:], 2)
    by_mediator = a * b if mediators > 1 else []
    return np.concatenate([a, b, by_mediator, [(a * b).sum(), direct, total]])


# --- each entity by itself ----------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class MeanGroupResults(EffectResults):
    """Results of mean-group mediation, made by `mean_group_mediation`.

    Terms are ``total``, ``direct`` and ``indirect``, and for each mediator
    ``indirect:<m>`` (the mean of a_i b_i), ``a:<m>`` and ``b:<m>`` (the mean slopes),
    ``product_of_means:<m>``, and ``covariance:<m>`` (the difference between the mean of
    a_i b_i and the product of the means).

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
        """Slopes by entity: total, direct, a:<m>, b:<m>, indirect:<m>, nobs.

        The frame is a copy.
        """
        return self.entity_table.copy()

    def _summary(self) -> Summary:
        path = self.treatment, ", ".join(self.mediators), str(self.info["depvar"])
        return self._make_summary(f"Mean group mediation: {' -> '.join(path)}")

    def _more_numbers(self) -> dict[str, Any]:
        # A slotted dataclass is a new class: `super()` without arguments would look in
        # the old one.
        return EffectResults._more_numbers(self) | {
            "treatment": self.treatment,
            "mediators": self.mediators,
            "entities": self.entity_table.to_dict("index"),
        }


def _mean_group_glance(
    prepared: Prepared, depvar: str, used: Bools, seed: np.random.SeedSequence
) -> Glance:
    """Return summary numbers; `used` (N,) marks the entities in the means."""
    keys = prepared.sample.keys.keep(used[prepared.sample.entity])
    return {
        **empty_glance("Mean group mediation", keys.entity.size),
        "depvar": depvar,
        "effects": "+".join(prepared.effect_names),
        "cov_type": "mean_group",
        "n_entities": len(keys.entities),
        "n_times": len(keys.times),
        "period": keys.period,
        "df_t": len(keys.entities) - 1.0,
        "rng_entropy": cast("int", seed.entropy),
    }


def mean_group_mediation(
    spec: Mediation, panel: Panel, *, rng: object = None
) -> MeanGroupResults:
    """Estimate mediation for each entity, and average the effects.

    This is the mean-group estimator. If slopes differ between entities, the mean
    indirect effect is ``E(a_i b_i) = E(a_i) E(b_i) + cov(a_i, b_i)``. A model with
    common slopes ignores the covariance (Bauer, Preacher and Gil 2006). Here the
    equations ``y = c_i x + ..``, ``m_k = a_ik x + ..`` and
    ``y = c'_i x + sum_k b_ik m_k + ..`` are estimated over time for each entity i, with
    an intercept and the controls. The effects are means over entities (Pesaran and
    Smith 1995). total = direct + indirect holds exactly, in the estimates and in each
    draw.

    Parameters
    ----------
    spec : Mediation
        A specification with parallel mediators. `reps` is the number of draws.
        `cov_type`, `ssc` and `entity_effects` are not used; each entity has its own
        intercept. With `time_effects` (default), entity and time effects are first
        absorbed from all columns of the sample.
    panel : Panel
        The data. Each entity needs many periods.
    rng : None, int, sequence of int, SeedSequence or Generator
        Seed of the draws. The `rng_entropy` of the results reproduces them.

    Returns
    -------
    MeanGroupResults
        Mean effects with standard errors, intervals and draws. `entities` has the
        slopes of each entity.

    Raises
    ------
    InputTypeError, OptionError, TermError, CollinearityError
        As in `within_between`. Also an OptionError if the specification has other fixed
        effects, or clusters other than the entity.
    IdentificationError
        If the data are a cross-section, or fewer than two entities can be estimated.

    Warns
    -----
    MissingDataWarning
        If entities are left out: those with no more rows than the equation of the
        outcome has parameters, and those in which the treatment, a mediator or a
        control is constant or collinear. Their rows are still used for the time
        effects.

    Notes
    -----
    Sources are Pesaran and Smith (1995, Journal of Econometrics 68:79) and Bauer,
    Preacher and Gil (2006, Psychological Methods 11:142).

    The covariance matrix of the mean effects is ``sum_i d_i d_i' / (N (N - 1))``, where
    d_i is the deviation of entity i from the mean (Pesaran and Smith 1995). Standard
    errors of ``product_of_means`` and ``covariance`` use the delta method. t has N - 1
    degrees of freedom. This is valid for any errors within entities, if entities are
    independent. The bootstrap draws entities with replacement.

    If treatment and mediators are strictly exogenous, the errors of a_i and b_i are
    uncorrelated, so the mean of a_i b_i is unbiased also in short panels. If they
    depend on past outcomes, all slopes have a bias of order 1/T, which does not vanish
    in the mean.

    Time effects remove shocks that are common to all entities. If slopes differ, they
    do not remove the effect of common shocks of the treatment or the mediators
    completely, and b can be biased. The estimator of Pesaran (2006, Econometrica
    74:967) for this case is not available.

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
    prepared, columns, names = _prepare_sample(spec, panel, "mean_group_mediation")
    _refuse_options(spec, panel)
    seed = seed_sequence(rng)
    sample, k = prepared.sample, len(names) - 2
    length = np.bincount(sample.entity)
    # The regressors of the outcome's equation and an intercept
    parameters = columns.shape[1]
    long_enough = length > parameters
    slopes = np.full((length.size, 2 + 2 * k), np.nan)
    if long_enough.any():
        # Otherwise a term with thousands of levels would need memory in vain.
        slopes = _slopes_by_entity(prepared, columns, k)
    used = long_enough & ~np.isnan(slopes).any(axis=1)
    dropped = _left_out_notices(prepared, long_enough, used, parameters)
    slopes, length = slopes[used], length[used]
    a, b = np.split(slopes[:, 2:], 2, axis=1)
    values = np.hstack([slopes, a * b])
    short = short_series(float(np.median(length - parameters)), sample.keys.entity_name)
    entities, mean, mediators = len(values), values.mean(axis=0), names[1:-1]
    diagnostics = (
        *prepared.notices,
        *dropped,
        *short,
        *_few_entities_notices(entities, spec.reps),
    )
    info = _mean_group_glance(prepared, names[-1], used, seed)
    kinds = ("indirect", "a", "b", "product_of_means", "covariance")
    terms = (
        *map(effect, ("total", "direct", "indirect")),
        *(effect(kind, m) for kind in kinds for m in mediators),
    )
    effects = (
        _mean_group_effects(mean[None])[0],
        # Of the linear effects of each entity, whose variances cannot be negative.
        np.cov(values @ gradient(_mean_group_effects, mean).T, rowvar=False) / entities,
        _mean_group_effects(_draw_means(values, spec.reps, seed)),
    )
    labels = [f"{n}:{m}" for n in ("a", "b", "indirect") for m in mediators]
    table = pd.DataFrame(
        values, index=sample.entities[used], columns=["total", "direct", *labels]
    )
    return MeanGroupResults(
        **effect_fields(
            sample,
            info,
            terms,
            effects,
            f"Mean group standard errors ({entities} entities, t with "
            f"{freedom_text(entities - 1)})",
            diagnostics,
            n_drawn=entities,
        ),
        treatment=names[0],
        mediators=mediators,
        entity_table=table.assign(nobs=length),
    )


def _refuse_options(spec: Mediation, panel: Panel) -> None:
    if spec.absorb:
        raise OptionError(
            f"absorb={cited(spec.absorb)}: each entity's regression has its own "
            "intercept, after period effects are removed (time_effects). "
            "Omit absorb."
        )
    if spec.clusters not in (None, (panel.entity_name,)):
        raise OptionError(
            f"clusters={cited(spec.clusters)}: the mean group estimator averages over "
            "entities and resamples entities. Omit clusters."
        )


def _slopes_by_entity(prepared: Prepared, columns: Floats, mediators: int) -> Floats:
    """Estimate each entity's equations; NaN if a regressor is constant there."""
    sample = prepared.sample
    length = np.bincount(sample.entity)
    floors = ABSORBED * columns.std(axis=0) * np.sqrt(length)[:, None]

    def by_entity(rows: Floats) -> Floats:
        blocks = np.split(rows, np.cumsum(length)[:-1])
        pairs = zip(blocks, floors, strict=True)
        return np.array([_path_slopes(rows, mediators, floor) for rows, floor in pairs])

    slopes = by_entity(prepared.within.demean(columns))
    if len(prepared.effect_names) > 1:
        # Time effects give a constant regressor the variation of other entities, which
        # identifies no slope.
        within_entity = within([sample.entity], sample.nobs).demean(columns)
        slopes[np.isnan(by_entity(within_entity)).any(axis=1)] = np.nan
    return slopes


def _mean_group_effects(values: Floats) -> Floats:
    """Compute effects (R, terms) from means of total, direct, a, b and a b."""
    a, b, products = np.split(values[:, 2:], 3, axis=1)
    indirect = products.sum(axis=1, keepdims=True)
    return np.hstack([values[:, :2], indirect, products, a, b, a * b, products - a * b])


def _draw_means(values: Floats, reps: int, seed: np.random.SeedSequence) -> Floats:
    """Draw entities with replacement: means (R, .)."""
    generator, n = np.random.default_rng(seed), len(values)
    sizes = [part.stop - part.start for part in chunks(reps, 4 * n, _MEMORY)]
    return np.vstack([draw_counts(generator, n, size) @ values / n for size in sizes])


def _left_out_notices(
    prepared: Prepared, long_enough: Bools, used: Bools, parameters: int
) -> list[Notice]:
    names, key = prepared.sample.entities, prepared.sample.keys.entity_name
    if used.size < 2:
        raise IdentificationError(
            f"only one {key} is in the sample ({names[0]}): the mean group estimator "
            "needs at least two entities."
        )
    if used.all():
        return []
    few = f"{parameters} rows or fewer, too few for {parameters} parameters"
    collinear = "a treatment, mediator or control that is collinear over time"
    reasons = {few: names[~long_enough], collinear: names[long_enough & ~used]}
    shown = "; ".join(
        f"{quoted(of)} with {why}" for why, of in reasons.items() if len(of)
    )
    dropped = tuple(names[~used])
    notice = notice_of(
        "left_out",
        count=len(dropped),
        entities=dropped,
        _n_entities=used.size,
        _entity=key,
        _shown=shown,
    )
    if used.sum() < 2:
        raise IdentificationError(
            f"{notice.message} The mean group estimator needs at least two entities: "
            "use a longer panel, or fewer controls.",
            [notice],
        )
    return [notice]


def _few_entities_notices(entities: int, reps: int) -> list[Notice]:
    consequence = (
        "percentile intervals are reliable with many entities only; interval('delta') "
        f"uses t with {freedom_text(entities - 1)}."
    )
    few = too_few_clusters_to_draw(entities, "entity", DELTA) or few_clusters(
        entities, "entity", consequence, f"{entities} entities"
    )
    return [*few, *few_draws(reps, "effects")]
