"""The sample of a model, with its effects and clusters coded."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np

from digiprosper.checks import check_option, option_error, several
from digiprosper.errors import (
    IdentificationError,
    Notice,
    OptionError,
    cited,
    notice_of,
    quoted,
)
from digiprosper.kernels import Floats, Ints
from digiprosper.kernels.conley import Nearby
from digiprosper.kernels.covariance import Counts, Ranks, count_groups, counts, ranks
from digiprosper.kernels.leverage import effects_leverage
from digiprosper.kernels.slopes import Effect, Slope
from digiprosper.kernels.tolerances import LARGEST_COLUMN, LARGEST_PRODUCT
from digiprosper.kernels.within import Within, is_nested, not_singletons, within
from digiprosper.linear.distances import (
    DistanceKernel,
    coordinate_terms,
    distance_notices,
    near_rows,
)
from digiprosper.linear.doubtful_rows import (
    about_missing,
    baseline_rows,
    capped_outcome,
    codes_as_numbers,
    heavy_cluster,
)
from digiprosper.linear.doubtful_terms import term_notices
from digiprosper.linear.notices import (
    dropped_notices,
    entities_across,
    entities_once,
    few_for_slopes,
    few_periods,
    rank_bound,
    robust_inconsistent,
    row_notices,
    row_number_advice,
)
from digiprosper.panel import Panel, Sample
from digiprosper.panel.access import check_panel, table_of
from digiprosper.panel.codes import Absorbed, canonical_effect, read_absorbed
from digiprosper.panel.evaluation import check_where
from digiprosper.panel.grammar import backticked
from digiprosper.panel.selection import cut_sample
from digiprosper.report.inference import BY_ROW
from digiprosper.report.notices import FEW_CODES, without
from digiprosper.report.terms import Factor
from digiprosper.specification import Specification, check_words

CovType = Literal[
    "unadjusted",
    "robust",
    "hc2",
    "hc3",
    "clustered",
    "crv3",
    "cr2",
    "driscoll_kraay",
    "xtscc",
    "conley",
]
Ssc = Literal["reghdfe", "xtreg", "areg", "sandwich", "linearmodels", "plm", "none"]
_CLUSTERED = ("clustered", "crv3", "cr2")
# Cells of entity and period per row, up to which tables of them are cached
_MOST_CELLS = 4


@dataclass(frozen=True, slots=True)
class LinearOptions:
    """Options of effects and standard errors, as in `FixedEffects`."""

    entity_effects: bool = True
    time_effects: bool = True
    # Further effects, or slopes by level; a key among them is that effect
    absorb: Sequence[str] = ()
    cov_type: CovType = "clustered"
    clusters: Sequence[str] | None = None
    bandwidth: int | None = None
    coordinates: Sequence[str] | None = None
    distance_cutoff: float | None = None
    distance_kernel: DistanceKernel = "bartlett"
    ssc: Ssc = "reghdfe"
    obs_weights: str | None = None
    singletons: Literal["drop", "keep"] = "drop"
    collinear: Literal["raise", "drop"] = "raise"  # what to do about exact combinations
    missing: Literal["drop", "raise"] = "drop"  # what to do about missing values
    # Whether results keep residuals, fitted values and row labels
    keep_rows: bool = True
    where: str | None = None  # condition that chooses rows, as in `Panel.sample`


def check_linear_options(spec: Any) -> None:
    """Check the options that linear specifications share, and the words of others."""
    for name in ("entity_effects", "time_effects"):
        if not isinstance(getattr(spec, name), bool):
            raise OptionError(
                f"{name}={cited(getattr(spec, name))} must be True or False; specify "
                "other effects in absorb."
            )
    check_words(spec)
    if not hasattr(spec, "distance_cutoff"):
        conley = spec.cov_type == "conley"
        reason = (
            "it has no coordinates and distance_cutoff"
            if conley
            else (
                "its tests need degrees of freedom that are known for a single linear "
                "regression only"
            )
        )
        refuse_cov_types(type(spec).__name__, spec.cov_type, ("conley", "cr2"), reason)
    check_where(spec.where)
    if spec.cov_type == "cr2" and getattr(spec, "obs_weights", None) is not None:
        raise option_error(
            "obs_weights",
            spec.obs_weights,
            "cov_type='cr2' does not take obs_weights: programs that have CR2 disagree "
            "about the variances that weights stand for. Use cov_type='crv3' or "
            "'clustered'.",
        )
    if spec.clusters is not None:
        _check_clusters(spec.clusters, spec.cov_type)


def _check_clusters(clusters: Sequence[str], cov_type: str) -> None:
    why = ""
    kind = cited(cov_type)
    if cov_type not in _CLUSTERED:
        why = f" requires cov_type='clustered', 'crv3' or 'cr2', not {kind}."
    elif not 1 <= len(clusters) <= 3:
        why = " must be one, two or three terms."
    elif len(clusters) > 1 and cov_type != "clustered":
        why = (
            f": cov_type={kind} is defined for clusters in one way. Specify one term, "
            "or use cov_type='clustered'."
        )
    if why:
        raise OptionError(f"clusters={cited(clusters)}{why}")


def refuse_cov_types(
    spec: str, cov_type: str, refused: Sequence[str], reason: str
) -> None:
    """Refuse covariances that are not defined for a specification, with the reason."""
    check_option("cov_type", cov_type, get_args(CovType))
    if cov_type in refused:
        allowed = tuple(word for word in get_args(CovType) if word not in refused)
        raise option_error(
            "cov_type",
            cov_type,
            f"cov_type={cited(cov_type)} is not available for {spec}: {reason}. Use "
            f"one of {quoted(allowed)}.",
            allowed,
        )


def refuse_corrected(spec: str, cov_type: str) -> None:
    """Refuse HC2, HC3, CRV3 and CR2 for a specification with instruments."""
    reason = (
        "its correction for leverage is that of least squares and not exact "
        "with instruments"
    )
    refuse_cov_types(spec, cov_type, ("hc2", "hc3", "crv3", "cr2"), reason)


def linear_options(spec: Any) -> LinearOptions:
    """Copy the linear options of a specification; others keep their default."""
    return LinearOptions(
        **{
            name: getattr(spec, name)
            for name in LinearOptions.__slots__
            if hasattr(spec, name)
        }
    )


class LinearSpecification(Specification):
    """Base of specifications with the options of linear models."""

    __slots__ = ()

    @property
    def options(self) -> LinearOptions:
        """Options of the fixed effects, the standard errors and the sample."""
        return linear_options(self)


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A sample with its effects and clusters, shared by the equations of a system."""

    sample: Sample  # rows without missing values and singletons
    within: Within  # demeans columns
    absorbed: tuple[Absorbed, ...]  # in order: entity, time, others
    count: Counts  # for the degrees of freedom, without slopes
    cluster_codes: tuple[Ints, ...]  # (N,) each; empty unless clustered
    cluster_names: tuple[str, ...]
    obs_weights: Floats | None  # (N,) scaled to mean one
    options: LinearOptions
    notices: tuple[Notice, ...]  # about the rows and the clusters
    # (N,) leverage of the rows in the effects, with ``hc2`` and ``hc3`` only
    leverage: Floats | None = None
    # Which rows have correlated errors, with ``conley`` only
    near: Nearby | None = None
    # (n, 2) latitude and longitude of the entities, if columns have these names
    degrees: Floats | None = None
    # `scanned.BlockSums` if the rows are on disk
    block_sums: Any = None

    @property
    def other_notices(self) -> tuple[Notice, ...]:
        """Notices without those about few clusters, for models with other intervals."""
        return without(self.notices, FEW_CODES)

    @property
    def effect_names(self) -> tuple[str, ...]:
        """Names of the absorbed effects, ``"province[[year]]"`` for slopes."""
        return tuple([effect.name for effect in self.absorbed])

    @property
    def entity_position(self) -> int | None:
        """Position of the entity effect, which comes first: 0, or None without it."""
        return _entity_position(self.absorbed, self.sample)

    @property
    def row_weights(self) -> Floats:
        """Weights of the rows (N,), ones without `obs_weights`."""
        q = self.obs_weights
        return np.ones(self.sample.nobs) if q is None else q


def _entity_position(absorbed: Sequence[Absorbed], sample: Sample) -> int | None:
    """Return the position of the entity effect before a sample is prepared."""
    is_first = absorbed and absorbed[0].name == sample.keys.entity_name
    return 0 if is_first else None


def drop_notice(prepared: Prepared, code: str) -> Prepared:
    """Drop the notices with a code."""
    return replace(prepared, notices=without(prepared.notices, [code]))


def prepare(
    panel: Panel,
    roles: Mapping[str, Sequence[str]],
    options: LinearOptions,
    *,
    select: Callable[[Sample, tuple[Absorbed, ...]], Sample] | None = None,
) -> Prepared:
    """Build the sample of a model, with its effects, clusters and notices.

    `select` drops rows that a method cannot use. Singletons (the only row of a level of
    an effect) are dropped repeatedly.
    """
    check_panel(panel, "fit")
    table, options = table_of(panel), _adapt_options(panel, options)
    absorbed = absorbed_effects(panel, options)
    effects = tuple(dict.fromkeys([term.effect for term in absorbed]))
    slopes = _slope_terms(absorbed)
    clusters = cluster_terms(panel, options)
    sample = cut_sample(
        table,
        {**roles, **weight_and_slope_roles(panel, slopes, options)},
        codes=effects,
        clusters=clusters,
        missing=options.missing,
        where=options.where,
    )
    if select is not None:
        sample = select(sample, absorbed)
    if options.singletons == "drop":
        sample = _drop_singletons(sample, effects, panel)
    if slopes:
        sample = sample.with_factors(_slope_factors(sample, absorbed))
    _check_columns(sample, panel, options)

    weights = checked_weights(sample, options)
    if weights is not None:
        weights = weights / weights.mean()
    absorbing, count, about_structure = _effects_and_clusters(
        sample, panel, absorbed, clusters, options, weights
    )
    near, degrees = near_rows(sample, options), table.degrees
    if degrees is not None:
        degrees = degrees[table.keys.entities.get_indexer(sample.keys.entities)]
    notices = [
        *row_notices(sample, panel, options.cov_type),
        *_missing_notices(sample, panel, effects, clusters),
        *about_structure,
        *(_saturated_notices(absorbed, absorbing) if slopes else []),
        *_robust_notices(sample, absorbing, near, options),
        *distance_notices(sample, near),
        *term_notices(sample, panel, effects, clusters, options.cov_type),
        *codes_as_numbers(sample, panel),
        *baseline_rows(sample, effects),
        *capped_outcome(sample),
        *heavy_cluster(sample, weights, options.cov_type, clusters),
    ]
    return Prepared(
        sample=sample,
        within=absorbing,
        absorbed=absorbed,
        count=count,
        cluster_codes=tuple([sample.codes[c] for c in clusters]),
        cluster_names=clusters,
        obs_weights=weights,
        options=options,
        notices=tuple(notices),
        leverage=_leverage(absorbing, sample.nobs, options),
        near=near,
        degrees=degrees,
    )


def _effects_and_clusters(
    sample: Sample,
    panel: Panel,
    absorbed: tuple[Absorbed, ...],
    clusters: tuple[str, ...],
    options: LinearOptions,
    weights: Floats | None,
) -> tuple[Within, Counts, list[Notice]]:
    """Prepare demeaning and counts, and report on effects and clusters.

    They do not depend on columns, and are cached if effects and clusters are the
    panel's keys.
    """
    entity_name = sample.keys.entity_name
    cache = _cache_for(sample, absorbed, clusters, weights)
    key = (absorbed, clusters, options.cov_type, options.bandwidth)
    cached: tuple[Within, Counts, list[Notice]] | None = cache.get(key)
    if cached is not None:
        return cached
    absorbing = _within(sample, absorbed, weights)
    codes = tuple([sample.codes[c] for c in clusters])
    entity = _entity_position(absorbed, sample)
    count, effect_ranks = count_parameters(sample, absorbing, codes, entity)
    across = 0 if entity is None else count_entities_across(sample, codes)
    notices = [
        *entities_once(panel, clusters),
        *cluster_size_notices(clusters, count.groups, options.cov_type),
        *period_notices(sample.n_times, options),
        *entities_across(across, sample.n_entities, entity_name, clusters),
        *rank_bound([term.name for term in absorbed], effect_ranks),
    ]
    cache[key] = absorbing, count, notices
    return absorbing, count, notices


def count_parameters(
    sample: Sample, absorbing: Within, clusters: Sequence[Ints], entity: int | None
) -> tuple[Counts, Ranks]:
    """Count rows, effects and clusters; `entity` is the position of its effect."""
    effect_ranks = ranks(absorbing, clusters, entity)
    groups = [*map(count_groups, clusters)]
    return (
        counts(sample.nobs, 0, effect_ranks, groups, periods=sample.n_times),
        effect_ranks,
    )


def _cache_for(
    sample: Sample,
    absorbed: Sequence[Absorbed],
    clusters: Sequence[str],
    weights: Floats | None,
) -> dict[Any, Any]:
    """Return the cache of the panel if the structure depends on its keys alone."""
    keys = sample.keys
    of_effects = [t for a in absorbed for t in (a.effect, a.slope) if t is not None]
    terms = {*clusters, *of_effects}
    # Tables of two effects have a number for every cell, also without rows.
    cells = keys.entities.size * keys.times.size
    of_keys = weights is None and terms <= {*keys.names}
    return keys.cache if of_keys and cells <= _MOST_CELLS * sample.nobs else {}


def _adapt_options(panel: Panel, options: LinearOptions) -> LinearOptions:
    """Remove entity effects and clusters if each row is an entity without a name."""
    keys = table_of(panel).keys
    if not keys.rows_are_entities:
        if keys.time_name is None:
            refuse_cross_section(panel, options)
        return options
    effects = [term.effect for term in _read_effects(panel, options.absorb)]
    if panel.entity_name in effects:
        raise option_error(
            "absorb",
            panel.entity_name,
            f"absorb={cited(panel.entity_name)}: each row of this panel is an entity, "
            "so entity effects absorb all variation. Omit it, or pass the entity: "
            "Panel.from_rows(df, entity=...).",
        )
    single_rows = options.cov_type == "clustered" and options.clusters in (
        None,
        (panel.entity_name,),
    )
    return replace(
        options,
        entity_effects=False,
        time_effects=False,
        cov_type="robust" if single_rows else options.cov_type,
        clusters=None if single_rows else options.clusters,
    )


def weight_and_slope_roles(
    panel: Any, slopes: Sequence[str], options: LinearOptions
) -> dict[str, Sequence[str]]:
    """List the roles of weights, coordinates and slopes by level."""
    roles: dict[str, Sequence[str]] = {}
    if options.obs_weights is not None:
        roles["obs_weights"] = (options.obs_weights,)
    if options.cov_type == "conley":
        roles["coordinates"] = coordinate_terms(panel, options.coordinates)
    if slopes:
        roles["absorb"] = slopes
    return roles


def _robust_notices(
    sample: Sample, absorbed: Within, near: Nearby | None, options: LinearOptions
) -> list[Notice]:
    """Report errors that entity effects make inconsistent, or too small."""
    if options.cov_type not in BY_ROW and near is None:
        return []
    by_entity = any(is_nested(codes, sample.entity) for codes in absorbed.codes)
    if not by_entity or np.bincount(sample.entity).max() <= 2:
        return []
    if near is not None and near.lags:
        return few_periods(sample.n_times, options.cov_type)
    return [robust_inconsistent(options.cov_type, sample.nobs / sample.n_entities)]


def _leverage(absorbed: Within, n: int, options: LinearOptions) -> Floats | None:
    """Compute the leverage of the effects for HC2 and HC3."""
    if options.cov_type not in ("hc2", "hc3"):
        return None
    leverage = effects_leverage(absorbed, n)
    if leverage is None:
        most = max(absorbed.levels)
        further = sum(absorbed.levels) - most
        raise OptionError(
            f"cov_type={cited(options.cov_type)} needs the leverage of every row, "
            f"which cannot be computed with {further:,} levels of effects in "
            f"addition to the {most:,} of the largest effect. Absorb effects with "
            "fewer levels, or use cov_type='robust' or 'clustered'."
        )
    return leverage


def cluster_terms(panel: Any, options: LinearOptions) -> tuple[str, ...]:
    """List the clusters: those of the options, or by default the entity."""
    if options.clusters:
        return tuple(options.clusters)
    return (panel.entity_name,) if options.cov_type in _CLUSTERED else ()


def _drop_singletons(sample: Sample, effects: tuple[str, ...], panel: Panel) -> Sample:
    """Drop rows that are the only one of a level of an effect."""
    keys = sample.keys
    if not effects or (keys.all_repeat and {*effects} <= {*keys.names}):
        return sample
    mask = not_singletons([sample.codes[e] for e in effects])
    if mask.all():
        return sample
    if not mask.any():
        single = [e for e in effects if not not_singletons([sample.codes[e]]).any()]
        advice = " (entity_effects=False for a cross-section)."
        if single and not {*single} & {*keys.names}:
            advice = ", or make it coarser, as region^year is than province^year."
        raise all_singletons_error(
            sample.nobs,
            tuple(single) or effects,
            f"{advice}{row_number_advice(panel)}",
        )
    return sample.keep(mask, f"singletons ({', '.join(effects)})")


def all_singletons_error(
    count: int, effects: tuple[str, ...], end: str = "."
) -> IdentificationError:
    """Build the error if all rows are singletons; `end` is further advice."""
    text = (
        f"every row is a singleton (the only row of its {', '.join(effects)}), so "
        f"there is no variation within the effects. Remove an effect{end}"
    )
    data = {"count": count, "effects": effects}
    return IdentificationError(text, [Notice("singletons", "all rows", data)])


def count_entities_across(sample: Sample, clusters: Sequence[Ints]) -> int:
    """Count entities with rows in several clusters, in every dimension."""
    if not clusters or any(codes is sample.entity for codes in clusters):
        return 0
    moving = [np.bincount(sample.entity, sample.keys.vary(c)) > 0 for c in clusters]
    return int(np.all(moving, axis=0).sum())


def refuse_extreme(columns: Floats, names: Sequence[str]) -> None:
    """Refuse columns whose squares, products or ratios overflow or underflow."""
    if not columns.size:
        return
    sizes = np.fmax(np.fmax.reduce(columns), -np.fmin.reduce(columns))
    ordinary = math.sqrt(LARGEST_PRODUCT)
    numbers = sizes.tolist()
    if 1 / ordinary < min(numbers) and max(numbers) < ordinary:
        return
    exponents = np.abs(np.log10(np.where(sizes > 0, sizes, 1.0)))
    extreme = np.argsort(exponents, kind="stable")[-2:]
    if exponents[extreme[-1]] > math.log10(LARGEST_COLUMN):
        extreme = np.flatnonzero(exponents > math.log10(LARGEST_COLUMN))
    elif exponents[extreme].sum() <= math.log10(LARGEST_PRODUCT):
        return
    problems = [
        Notice(
            "extreme",
            f"{cited(names[j])} has a largest value of {sizes[j]:.2g}",
            {"column": names[j], "largest": float(sizes[j])},
        )
        for j in extreme.tolist()
    ]
    raise IdentificationError(
        f"{several(problems)}: squares, products or ratios of such values exceed the "
        "range of floating-point numbers. Rescale them.",
        problems,
    )


def _check_columns(sample: Sample, panel: Panel, options: LinearOptions) -> None:
    """Refuse a single entity with clustered errors, and extreme columns."""
    one_entity = sample.n_entities == 1 and options.entity_effects
    if one_entity and options.cov_type in _CLUSTERED:
        raise IdentificationError(
            f"only one {panel.entity_name} is in the sample ({sample.entities[0]}): "
            "clustered standard errors need at least two clusters. For a single time "
            "series use FixedEffects(..., entity_effects=False, cov_type='robust')."
        )
    # Variables that are terms by themselves are columns already.
    variables = {
        name: values
        for name, values in sample.variables.items()
        if name not in sample.names
    }
    columns = sample.matrix
    if variables:
        columns = np.column_stack([columns, *variables.values()])
    refuse_extreme(columns, [*sample.names, *variables])


def _slope_terms(absorbed: Sequence[Absorbed]) -> tuple[str, ...]:
    return tuple(
        dict.fromkeys([term.slope for term in absorbed if term.slope is not None])
    )


def _within(
    sample: Sample, absorbed: tuple[Absorbed, ...], weights: Floats | None
) -> Within:
    """Prepare demeaning; refuse slopes that do not vary within any level."""
    cache = _cache_for(sample, absorbed, (), weights)
    out: Within | None = cache.get(absorbed)
    if out is not None:
        return out
    out = within(effects_of(sample, absorbed), sample.nobs, obs_weights=weights)
    problems = [
        Notice(
            "absorbed",
            f"{cited(term.name)} is not identified, since {cited(term.slope)} does not "
            f"vary by itself within any level of {cited(term.effect)}",
            {"column": term.slope, "effects": term.effect},
        )
        for term, levels in zip(absorbed, out.identified, strict=False)
        if levels is not None and not levels.any()
    ]
    if problems:
        raise IdentificationError(f"absorb: {several(problems)}. Remove it.", problems)
    cache[absorbed] = out
    return out


def effects_of(sample: Sample, absorbed: Sequence[Absorbed]) -> list[Effect]:
    """Return the codes of effects, and slopes by level."""
    if "absorb" not in sample.roles:
        return [sample.codes[term.effect] for term in absorbed]
    columns = zip(_slope_terms(absorbed), sample.columns("absorb").T, strict=True)
    by_term = dict(columns)
    return [
        sample.codes[term.effect]
        if term.slope is None
        else Slope(sample.codes[term.effect], by_term[term.slope])
        for term in absorbed
    ]


def _saturated_notices(absorbed: Sequence[Absorbed], absorbing: Within) -> list[Notice]:
    """Report levels with slopes that have no more rows than parameters."""
    parameters: dict[str, Ints | int] = {}
    rows: dict[str, Ints] = {}
    for term, codes, identified in zip(
        absorbed, absorbing.codes, absorbing.identified, strict=True
    ):
        rows[term.effect] = np.bincount(codes)
        added = 1 if identified is None else identified.astype(np.intp)
        parameters[term.effect] = parameters.get(term.effect, 0) + added
    effects = dict.fromkeys([term.effect for term in absorbed if term.slope])
    full = {effect: rows[effect] <= parameters[effect] for effect in effects}
    return [
        notice_of(
            "saturated_levels",
            effect=effect,
            levels=int(mask.sum()),
            rows=int(rows[effect][mask].sum()),
        )
        for effect, mask in full.items()
        if mask.any()
    ]


def _slope_factors(
    sample: Sample, absorbed: Sequence[Absorbed]
) -> dict[str, tuple[Factor, ...]]:
    """Return the factors of each slope by level: of its effect and of its term."""
    out = {}
    for term in [term for term in absorbed if term.slope is not None]:
        mark = "trend" if term.slope == sample.keys.time_name else "slope"
        of = [replace(f, slope=mark) for f in sample.factors_of(str(term.slope))]
        out[term.name] = (*sample.factors_of(term.effect), *of)
    return out


def absorbed_effects(panel: Any, options: LinearOptions) -> tuple[Absorbed, ...]:
    """List the absorbed effects without repeats: entity, time, then the others."""
    keys, time_name = {panel.entity_name: options.entity_effects}, panel.time_name
    if time_name is not None:
        keys[time_name] = options.time_effects
    terms = _read_effects(panel, options.absorb) if options.absorb else []
    of_keys = [Absorbed(k) for k, on in keys.items() if on or Absorbed(k) in terms]
    out = tuple(dict.fromkeys([*of_keys, *terms]))
    slopes = [term for term in out if term.slope is not None]
    if out and len(slopes) == len(out):
        name, written = out[0].name, f"{out[0].effect}[{out[0].slope}]"
        raise option_error(
            "absorb",
            name,
            f"absorb={cited(name)}: a model with slopes by group but no effects has no "
            f"intercept. Write {cited(written)}, or add an effect.",
        )
    return out


def _read_effects(panel: Any, absorb: Sequence[str]) -> list[Absorbed]:
    """Read the terms of `absorb`; effects with different spellings are identified."""
    keys = [name for name in (panel.entity_name, panel.time_name) if name is not None]
    columns, effects = [*keys, *panel.columns], []
    spelled = dict(zip(keys, keys, strict=True))
    for term in [term for text in absorb for term in read_absorbed(text, columns)]:
        effect = spelled.setdefault(canonical_effect(term.effect, columns), term.effect)
        effects.append(Absorbed(effect, term.slope))
    return effects


def refuse_cross_section(panel: Panel, options: LinearOptions) -> None:
    """Refuse entity and time effects with one row per entity."""
    both = options.entity_effects and options.time_effects
    if both and panel.time_name is None and panel.n_entities == panel.nobs:
        raise IdentificationError(
            "a cross-section has one row per entity: entity and time effects absorb "
            "all variation. Set entity_effects=False and time_effects=False."
        )


def _missing_notices(
    sample: Sample, panel: Panel, effects: Sequence[str], clusters: Sequence[str]
) -> list[Notice]:
    """Report the dropped rows, and reasons for which an outcome is missing."""
    table, keys = table_of(panel), sample.keys
    if not sample.dropped and sample.nobs == len(keys.entities) * len(keys.times):
        return []
    dropped = dropped_notices(
        sample, table.names, effects, panel.nobs, is_part=panel.is_part
    )
    return [*dropped, *about_missing(sample, table, clusters)]


def checked_weights(sample: Sample, options: LinearOptions) -> Floats | None:
    """Return the weights (N,) of rows, if any; refuse those that are not positive."""
    column = options.obs_weights
    if column is None:
        return None
    values = sample.columns("obs_weights")[:, 0]
    zeros = int((values == 0).sum())
    if (values < 0).any() or zeros == values.size:
        raise OptionError(
            f"obs_weights={cited(column)} must be positive; it is negative in some "
            "row, or zero in all."
        )
    if zeros:
        condition = f"{backticked(column)} > 0"
        raise OptionError(
            f"obs_weights={cited(column)} is zero in {zeros} rows; drop them: "
            f"where={cited(condition)}."
        )
    return values


def cluster_size_notices(
    names: Sequence[str], groups: Sequence[int], cov_type: str
) -> list[Notice]:
    """Refuse a single cluster, and report few; `groups` are numbers of clusters."""
    out = list[Notice]()
    for name, size in zip(names, groups, strict=True):
        if size < 2:
            raise IdentificationError(
                f"clusters: {cited(name)} has one value in the sample; clustered "
                "standard errors need at least two clusters."
            )
        out += few_for_slopes(size, name, groups, cov_type)
    return out


def period_notices(n_times: int, options: LinearOptions) -> list[Notice]:
    """Refuse a single period with Driscoll-Kraay errors, and report few."""
    if options.cov_type not in ("driscoll_kraay", "xtscc"):
        return []
    if n_times < 2:
        raise IdentificationError(
            f"cov_type={cited(options.cov_type)} needs several periods; the sample has "
            "one."
        )
    if options.bandwidth is not None and options.bandwidth >= n_times:
        raise OptionError(
            f"bandwidth={options.bandwidth} must be below the number of periods, "
            f"{n_times}."
        )
    return few_periods(n_times, options.cov_type)
