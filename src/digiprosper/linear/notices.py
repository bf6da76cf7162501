"""Notices about linear models whose checks are elsewhere.

Sentences without branches are in `notices.csv`, with the warnings that notices become.

======================== ===============================================================
code                     data
======================== ===============================================================
chosen_rows              where, and count unless subset chose them; not a warning
chosen_by_outcome        term; not a warning
rows_as_entities         cov_type; not a warning
scanned_table            names (functions and options); not a warning
many_dummies             columns (by categories, such as "year^industry"); not a
                         warning
singletons               count, effects
entities_once            entity (name), n_entities
entities_across_clusters clusters (names), count, entity (name)
shared_values            clusters (names), terms (name to its values in a period),
                         n_clusters (in that period)
no_rejection             clusters (name), terms (names), effective (clusters)
few_exchanges            term, ways (different exchanges)
few_periods              n_times; under "xtscc"
few_periods_conley       n_times; not a warning
shared_shocks            n_times; under "driscoll_kraay", not a warning
rank_bound               effects, rank
saturated_levels         effect, levels, rows: levels with as few rows as parameters,
                         and their rows
dropped_absorbed         column, effects
dropped_collinear        column, on (the others)
near_collinear           columns, measure ("absorbed", "condition", "rounding" or
                         "mean"), value
perfect_fit              depvar
no_variance              terms
robust_inconsistent      cov_type, periods (rows per entity)
few_effective_clusters   as few_treated; not a warning
few_treated              clusters (name), n_clusters, terms (term to effective, share,
                         largest), only_controls, cov_type, has_cr2, model (without
                         cr2, or ""); not a warning about controls only
lagged_outcome           columns, periods (rows per entity)
made_from                terms (term to the outcome, treatment or endogenous regressor
                         that it is made from), role ("y", "sum", "endog" or
                         "treatment"), of (these, each once)
shifted_log              term, column, zeros (rows)
staggered_treatment      terms, event (column with the timing of the first; may be None)
three_way                effects, rows (mean of a group and period); not a warning
unseen                   count
======================== ===============================================================
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from digiprosper.errors import Notice, cited, counted, hold_warnings, notice_of, quoted
from digiprosper.kernels import Bools
from digiprosper.kernels.covariance import Ranks
from digiprosper.panel import Panel, Sample
from digiprosper.panel.access import table_of
from digiprosper.panel.evaluation import rows_where
from digiprosper.panel.grammar import backticked
from digiprosper.panel.sample import Dropped
from digiprosper.panel.table import Table
from digiprosper.panel.terms import parse
from digiprosper.report.notices import (
    FEW_CLUSTERS,
    changed_as,
    few_clusters,
    missing_rows,
    rows_dropped,
)
from digiprosper.report.terms import columns_in
from digiprosper.report.text import freedom_text

# With fewer effective clusters 95% intervals cover less than 90%; see docs/validity.md.
# If G is small too, intervals with G - 1 degrees of freedom allow for it.
EFFECTIVE_CLUSTERS = 7.0
# With as many or more, intervals of FixedEffects cover about 92% or more if the errors
# have one variance; by cov_type.
ENOUGH_CLUSTERS = {"clustered": 10.0}
# Two treated clusters give 2.0 to 2.7 effective clusters, three give 3.0 or more.
LEAST_EFFECTIVE = 3.0
# With fewer effective clusters the wild bootstrap of one coefficient rejects a true
# null too rarely; see docs/explanations/few_clusters.md.
LEAST_FOR_DRAWS = 4.0
# Fewest clusters of similar sizes with which the wild bootstrap keeps its size; see
# docs/explanations/few_clusters.md.
WILD_CLUSTERS = 10
# A test whose smallest p-value is larger can hardly reject at the usual levels.
LEAST_P = 0.01
# Fewer periods than these are too few for Driscoll-Kraay standard errors, and Conley's.
FEW_PERIODS = 100
_FEW_FOR_CONLEY = 50
# More dummies than this are reported: they can be absorbed.
MANY_DUMMIES = 100
# Condition number at which standard errors are large, but still correct
NEAR = 1e8
# Largest and smallest values that rows chosen by other columns leave out by chance
_FEW_BEYOND = 10
# What notices advise but a scanned table does not support
_IN_MEMORY = (
    *("wild_bootstrap", "randomisation_test", "StaggeredDid", "DynamicPanel"),
    *("PoissonEffects", "block_test", "crv3", "cr2"),
)
# What StaggeredDid does not take, by kind of model
_NOT_STAGGERED = {
    "iv": "instruments",
    "spatial": "spatial lags",
    "mediation": "mediators",
}


# --- rows and clusters ----------------------------------------------------------------


def row_notices(sample: Sample, panel: Panel, cov_type: str) -> Iterator[Notice]:
    """Report conditions on rows, changed columns, and that each row is an entity."""
    conditions = table_of(panel).conditions
    if conditions or sample.where is not None:
        yield from chosen_rows(conditions, sample, panel.nobs, table_of(panel))
    if panel.diagnostics:
        columns = with_indicators(panel, columns_in(sample.factors))
        changed = changed_as(panel.diagnostics, columns)
        yield from (notice for notice in changed if notice.code != "index_of")
    if sample.keys.rows_are_entities:
        variant = ".robust" if cov_type == "robust" else ""
        yield notice_of(f"rows_as_entities{variant}", cov_type=cov_type)


def indices_of(panel: Panel) -> dict[str, tuple[str, ...]]:
    """Return the indicators of each column of a panel that is an index."""
    indices: dict[str, tuple[str, ...]] = {}
    for notice in panel.diagnostics:
        if notice.code == "index_of":
            indices |= notice.data["cells"]
    return indices


def with_indicators(panel: Panel, columns: Mapping[str, str]) -> dict[str, str]:
    """Add the indicators of the indices among columns, by their names."""
    indices = indices_of(panel)
    of_index = [i for name in columns.keys() & indices.keys() for i in indices[name]]
    return {**columns, **dict(zip(of_index, of_index, strict=True))}


def chosen_rows(
    conditions: Sequence[str], sample: Sample, nobs: int, table: Table | None = None
) -> list[Notice]:
    """Report conditions of `subset` and `where`; `nobs` are the rows of the panel."""
    chosen = [
        notice_of("chosen_rows.subset", where=c) for c in dict.fromkeys(conditions)
    ]
    if (where := sample.where) is not None:
        count = nobs - _not_chosen(sample)
        chosen.append(notice_of("chosen_rows", where=where, count=count, _nobs=nobs))
    if chosen:
        chosen += _chosen_by_outcome(conditions, sample, table)
    return chosen


def _chosen_by_outcome(
    conditions: Sequence[str], sample: Sample, table: Table | None
) -> Iterator[Notice]:
    """Report an outcome in conditions, unless `where` leaves out no end of it."""
    where = sample.where or ""
    # Labels in quotation marks are no columns, and codes of missing values no outcomes.
    words = re.findall(
        r"""'.*?'|".*?"|[`\w]+ *[!>]=? *-9\d*|`.*?`|\w+""",
        " ".join([*conditions, where]),
    )
    columns = {word.strip("`") for word in words}
    for at in sample.roles.get("y", ()):
        y = sample.names[at]
        if y not in columns:
            continue
        if table is None or conditions or _leaves_out_ends(y, where, table):
            yield notice_of("chosen_by_outcome", term=y)


def _leaves_out_ends(name: str, where: str, table: Table) -> bool:
    """Tell whether values left out are beyond others, unlike by y > 0 if all are."""
    values = table.numeric(name)
    chosen = values[rows_where_again(where, table)]
    low, high = (end.reduce(chosen) for end in (np.fmin, np.fmax))
    beyond = (values < low) | (values > high)
    return int(beyond.sum()) > max(_FEW_BEYOND, values.size / 100)


def rows_where_again(where: str, table: Table) -> Bools:
    """Find the rows (N,) of a condition whose warnings the sample has issued."""
    with hold_warnings("", []):
        return rows_where(where, table)


def _not_chosen(sample: Sample) -> int:
    """Count the rows that `where` left out."""
    return sum(d.count for d in sample.dropped if d.reason.startswith("where="))


def many_dummies(sample: Sample) -> tuple[Notice, ...]:
    """Report categories with many dummies, which could be absorbed."""
    if not sample.categories:
        return ()
    counts = Counter(
        "^".join(backticked(str(factor.column)) for factor in factors)
        for factors in map(sample.factors_of, sample.names)
        if all(factor.level is not None for factor in factors)
    )
    columns = {effect: n for effect, n in counts.items() if n > MANY_DUMMIES}
    total, effects = sum(columns.values()), [*columns]
    if not total:
        return ()
    return (notice_of("many_dummies", columns=columns, _total=total, _effects=effects),)


def dropped_notices(
    sample: Sample,
    columns: Sequence[str],  # of the panel
    effects: Sequence[str],
    nobs: int,  # rows of the panel
    *,
    is_part: bool,  # whether subset() made the panel
) -> Iterator[Notice]:
    """Report rows dropped as missing and as singletons, and how many remain."""
    by_missing = [d for d in sample.dropped if d.by_term]
    singletons = [d for d in sample.dropped if d.reason.startswith("singletons (")]
    chosen = nobs - _not_chosen(sample)
    remaining = nobs - sum(d.count for d in sample.dropped)
    uses = f" The model uses the other {counted(remaining, 'row')}."
    for dropped in by_missing:
        end = uses if dropped is by_missing[-1] and not singletons else ""
        yield _missing_notice(sample, columns, dropped, chosen, end, is_part=is_part)
    for dropped in singletons:
        text = f"{dropped.message.removesuffix('.')}.{uses}"
        data = {"count": dropped.count, "effects": tuple(effects)}
        yield Notice("singletons", text, data)


def _missing_notice(
    sample: Sample,
    columns: Sequence[str],
    dropped: Dropped,
    nobs: int,  # rows that `where` chose
    end: str,
    *,
    is_part: bool,
) -> Notice:
    """Report rows dropped for missing values, perhaps in lags and leads only."""
    text = rows_dropped(dropped.count, nobs, dropped.by_term)
    only_lags = all(
        t not in sample.codes and parse(t, columns, "x").shifts for t in dropped.by_term
    )
    if is_part and only_lags:
        text += (
            " Lags are computed from the rows of this panel only: create them "
            "before subset(), or select rows with where= of the model."
        )
    text += "".join(f" {c.message}." for c in dropped.compared) + end
    return missing_rows(
        dropped.count,
        text,
        dropped.by_term,
        dropped.rows,
        shifted=only_lags,
        compared={
            c.term: {"columns": c.columns, "count": c.count, "entities": c.entities}
            for c in dropped.compared
        },
    )


def shifted_log_notice(
    term: str, column: str, zeros: int, rows: int, level: str | None = None
) -> Notice:
    """Report a log outcome with a constant added because of zeros.

    `level` is the term of the column, if it is not in the table.
    """
    return notice_of(
        "shifted_log",
        term=term,
        column=column,
        zeros=zeros,
        _rows=rows,
        _level=level or column,
    )


def staggered_treatment(
    terms: Sequence[str],
    event: str | None,  # column with the timing of the first
    sample: Sample,
    kind: str,
    *,
    always: bool,  # whether some entity is treated in all of its rows
    all_treated: bool,
) -> tuple[Notice, ...]:
    """Report staggered treatments in a model with two-way effects."""
    outcome = cited(sample.names[sample.roles["y"][0]])
    verb, slope = ("starts", "its slope") if len(terms) == 1 else ("start", "a slope")
    rows = "" if sample.where is None else f", where={cited(sample.where)}"
    timing = f"{outcome}, {cited(event) if event else 'event'}"
    control = ", control='not_yet'" if all_treated else ""
    advice = f"dp.StaggeredDid({timing}{control}{rows})"
    if kind == "poisson":
        advice = "dp.EventStudy(..., family='poisson'), with effects by cohort"
    elif not event:
        advice += ", where event is a column with first treated times"
    elif always:
        advice += ", without always-treated entities"
    if kind in _NOT_STAGGERED:
        advice += f"; it does not take {_NOT_STAGGERED[kind]}"
    elif not kind and sample.is_balanced:
        advice += (
            "; the weights are in dp.bacon_decomposition(dp.FixedEffects("
            f"{outcome}, [{cited(terms[0])}]{rows}), panel)"
        )
    return (
        notice_of(
            "staggered_treatment",
            terms=tuple(terms),
            event=event,
            _starts=verb,
            _slope=slope,
            _advice=advice,
        ),
    )


def few_for_slopes(
    clusters: int, name: str, groups: Sequence[int], cov_type: str = "clustered"
) -> tuple[Notice, ...]:
    """Report few clusters; `groups` are the numbers in all cluster dimensions."""
    if clusters >= FEW_CLUSTERS:
        return ()
    used = (
        f"t intervals with {freedom_text(min(groups) - 1)} are used. Clustered "
        "standard errors are reliable with many clusters only"
    )
    if cov_type == "cr2":
        used = (
            "t intervals with Bell-McCaffrey degrees of freedom, which are designed "
            "for few clusters, are used"
        )
    remedy = _remedy(clusters, cov_type, several_ways=len(groups) > 1)
    return few_clusters(clusters, name, f"{used}; {remedy}.")


def few_for_counts(
    clusters: int, name: str, cov_type: str = "clustered", then: str = ""
) -> tuple[Notice, ...]:
    """Report few clusters in a model of counts."""
    used = (
        "normal intervals are used, as in ppmlhdfe and fixest, which are too short; "
        "use cov_type='crv3'"
    )
    if cov_type == "crv3":
        used = f"t intervals with {clusters - 1} degrees of freedom are used"
    return few_clusters(clusters, name, f"{used}{then}.")


def _remedy(clusters: int, cov_type: str, *, several_ways: bool) -> str:
    if several_ways:
        return (
            "compare with one-way clusters in the dimension with fewer clusters, and "
            "with dp.wild_bootstrap(spec, panel, term), which takes one-way clusters"
        )
    if cov_type == "cr2":
        return (
            "they are reliable if the errors of all clusters are about equally variable"
        )
    if clusters >= WILD_CLUSTERS:
        return (
            "confirm a borderline result with dp.wild_bootstrap(spec, panel, term), "
            "the wild cluster bootstrap of a FixedEffects specification with "
            "cov_type='clustered'"
        )
    if cov_type == "crv3":
        return (
            f"with fewer than {WILD_CLUSTERS} clusters even t tests with CRV3 reject "
            "too often"
        )
    return (
        f"with fewer than {WILD_CLUSTERS} clusters t tests reject too often; compare "
        "with cov_type='crv3', or 'cr2', which are more reliable"
    )


def shared_values(
    terms: Mapping[str, int], clusters: Sequence[str], groups: int, period: str
) -> list[Notice]:
    """Report variables of interest that are equal within groups of clusters."""
    if not terms:
        return []
    values, single = max(terms.values()), len(terms) == 1
    return [
        notice_of(
            "shared_values.groups" if values > 1 else "shared_values.period",
            clusters=tuple(clusters),
            terms=dict(terms),
            n_clusters=groups,
            _have="has" if single else "have",
            _they="it seems" if single else "they seem",
            _values=values,
            _period=period,
        )
    ]


# block_test fits four blocks; one of a single period has no variation within entities.
_FEWEST_FOR_BLOCKS = 8


def few_periods(n_times: int, cov_type: str) -> list[Notice]:
    """Report few periods of such errors, with their size in simulations."""
    # See docs/explanations/standard_errors.md.
    if cov_type == "conley":
        few = n_times < _FEW_FOR_CONLEY
        return [notice_of("few_periods_conley", n_times=n_times)] if few else []
    if n_times >= FEW_PERIODS:
        return []
    has_blocks = n_times >= _FEWEST_FOR_BLOCKS
    if cov_type == "xtscc":
        blocks = ", and its block_test" if has_blocks else ""
        return [notice_of("few_periods", n_times=n_times, _blocks=blocks)]
    blocks = " block_test rejected it in 2 to 7%." if has_blocks else ""
    return [notice_of("shared_shocks", n_times=n_times, _blocks=blocks)]


def entities_across(
    count: int, n_entities: int, entity: str, clusters: Sequence[str]
) -> list[Notice]:
    """Report entities with rows in several clusters, if any."""
    if not count:
        return []
    notice = notice_of(
        "entities_across_clusters",
        clusters=tuple(clusters),
        count=count,
        entity=entity,
        _n_entities=n_entities,
    )
    return [notice]


def entities_once(panel: Panel, clusters: Sequence[str]) -> list[Notice]:
    """Report that each cluster is an entity with a single row."""
    entity, advice = panel.entity_name, row_number_advice(panel)
    if not advice or entity not in clusters:
        return []
    fields = {"entity": entity, "n_entities": panel.n_entities}
    return [notice_of("entities_once", **fields, _advice=advice)]


def row_number_advice(panel: Panel) -> str:
    """Advise what to do if entities with one row each are row numbers."""
    if not panel.entities_occur_once:
        return ""
    return (
        f" Each {panel.entity_name} is in one {panel.time_name} only: if it is a row "
        "number, pass the column that identifies the unit as the entity, Panel(df, "
        "entity=...), or a panel of means by group."
    )


def rank_bound(effects: Sequence[str], ranks: Ranks) -> list[Notice]:
    """Report that the rank of the absorbed effects is an upper bound, if it is."""
    rank, names = ranks.all_effects, tuple(effects)
    return [] if ranks.exact else [notice_of("rank_bound", rank=rank, effects=names)]


def robust_inconsistent(cov_type: str, periods: float) -> Notice:
    """Report errors that assume independent rows (Stock & Watson 2008)."""
    # See test_unadjusted_errors_cover_too_rarely.
    kind = cov_type if cov_type in ("unadjusted", "conley") else "by_row"
    return notice_of(
        f"robust_inconsistent.{kind}", cov_type=cov_type, periods=float(periods)
    )


def in_memory_only(notices: Iterable[Notice]) -> list[Notice]:
    """Report advice of notices that a scanned table does not support."""
    texts = [notice.message for notice in notices]
    names = [name for name in _IN_MEMORY if any(name in text for text in texts)]
    return [notice_of("scanned_table", names=tuple(names))] if names else []


# --- columns and the fit --------------------------------------------------------------


def no_variance(terms: Sequence[str]) -> list[Notice]:
    """Report slopes whose scores sum to zero in every group."""
    return [notice_of("no_variance", terms=tuple(terms))] if terms else []


def dropped_column(problem: Notice) -> Notice:
    """Report a regressor dropped because it is absorbed, or collinear with others."""
    return Notice(
        "dropped_absorbed" if problem.code == "absorbed" else "dropped_collinear",
        f"{problem.message}; it was dropped",
        problem.data,
    )


# Codes of coefficients that depend on few clusters
FEW_TREATED = ("few_treated", "few_effective_clusters")


class FewTreated(NamedTuple):
    """Slopes of an equation that are identified by few clusters.

    `terms` maps each term to ``effective`` (effective number of clusters), ``share``
    (of its variation in the largest ones) and ``largest`` (label to share).
    `only_controls` says that no term is of interest, `has_cr2` that FixedEffects can
    compute ``"cr2"`` errors. `model` names a model without them.
    """

    clusters: str
    n_clusters: int
    terms: Mapping[str, Mapping[str, Any]]
    only_controls: bool = False
    cov_type: str = "clustered"
    has_cr2: bool = True
    model: str = ""


def few_treated_notices(entries: Iterable[FewTreated]) -> list[Notice]:
    """Report slopes that depend on few clusters, one notice per cluster dimension."""
    joint: dict[str, FewTreated] = {}
    for entry in entries:
        before = joint.get(entry.clusters, entry)
        joint[entry.clusters] = before._replace(
            terms={**entry.terms, **before.terms},
            only_controls=entry.only_controls and before.only_controls,
        )
    return [_few_treated(entry) for entry in joint.values()]


def _few_treated(entry: FewTreated) -> Notice:
    """Make the notice; only the first term is described in full."""
    terms, cov_type = entry.terms, entry.cov_type
    name, first = next(iter(terms.items()))
    start, verb = f"coefficient of {quoted(terms)} depends on few clusters:", "is"
    errors = "Its interval {} too short and its p-value too small"
    if len(terms) > 1:
        start, verb = f"coefficients of {quoted(terms)} depend on few clusters:", "are"
        start = f"{start} that of {cited(name)} on"
        errors = "Their intervals {} too short and their p-values too small"
    remedy = "For a treatment in FixedEffects compare"
    if cov_type == "cr2":
        errors = (
            "The degrees of freedom (df_by_term) allow for that, so that intervals are "
            "wide"
        )
    elif entry.has_cr2:
        remedy = (
            "In FixedEffects compare cov_type='cr2', which allows for that, and for a "
            "treatment"
        )
    lacks = ""
    if entry.model:
        lacks = f"{entry.model} has no errors that allow for it. "
    least = min(term["effective"] for term in terms.values())
    return notice_of(
        "few_treated" if least < EFFECTIVE_CLUSTERS else "few_effective_clusters",
        **entry._asdict(),
        _start=start,
        _first=first,
        _carriers=len(first["largest"]),
        _errors=errors.format("may be" if cov_type == "crv3" else verb),
        _lacks=lacks,
        _remedy=remedy,
    )


def few_exchanges(term: str, ways: float, permuted: str = "") -> tuple[Notice, ...]:
    """Report so few permutations that no p-value is small."""
    if ways * LEAST_P >= 1:
        return ()
    permuted = permuted or (
        f"the paths of {cited(term)} can be exchanged between entities"
    )
    fields = {"term": term, "ways": round(ways), "_permuted": permuted}
    return (notice_of("few_exchanges", **fields, _least=1 / ways),)
