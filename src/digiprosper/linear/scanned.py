"""Least squares on a panel that is larger than memory, from sums over blocks."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from digiprosper.errors import (
    IdentificationError,
    Notice,
    OptionError,
    TermError,
    cited,
    option_problem,
    quoted,
)
from digiprosper.kernels.covariance import (
    Counts,
    Ranks,
    Vcov,
    counts,
    lagged_products,
    rescaled_sandwich,
    vcov,
)
from digiprosper.kernels.in_blocks import (
    MOST_DENSE,
    Block,
    Dummies,
    Scores,
    SecondSums,
    dummies,
    empty_scores,
    first_pass,
    is_removed,
    orthonormalising,
    second_pass,
    triangular_factor,
)
from digiprosper.kernels.least_squares import ols
from digiprosper.kernels.leverage import effective_clusters
from digiprosper.kernels.tolerances import NO_VARIANCE
from digiprosper.kernels.within import compress, is_nested, pseudo_inverse
from digiprosper.linear.diagnostics import (
    carriers_of,
    controls_among,
    depends_on_few,
    few_treated_entry,
    lagged_outcome_notices,
    lags_of_outcome,
    lost_digits,
    not_semidefinite,
)
from digiprosper.linear.estimation import (
    Demeaned,
    checked_columns,
    column_moments,
    fit_notices,
    without_variation,
)
from digiprosper.linear.kernels.restricted_wild import ClusterSums, few_enough
from digiprosper.linear.notices import (
    entities_across,
    few_treated_notices,
    no_variance,
    rank_bound,
    robust_inconsistent,
)
from digiprosper.linear.preparation import (
    LinearOptions,
    absorbed_effects,
    checked_weights,
    cluster_size_notices,
    cluster_terms,
    count_across,
    dropped_notices,
    further_roles,
    only_shifted,
    period_notices,
    refuse_extreme,
)
from digiprosper.linear.results import (
    Estimated,
    EstimationSample,
    LinearResults,
    RowSummary,
)
from digiprosper.panel.access import table_of
from digiprosper.panel.sample import Compared, Dropped, Sample
from digiprosper.panel.scan import merge_moments
from digiprosper.panel.selection import (
    Levels,
    levels_in_use,
    missing_values,
    select_rows,
)
from digiprosper.report.estimates import Estimates
from digiprosper.report.inference import WITHOUT_FACTOR, Inference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from digiprosper.kernels import Bools, Floats, Ints
    from digiprosper.kernels.least_squares import Fit
    from digiprosper.linear.fixed_effects import FixedEffects
    from digiprosper.panel import Panel
    from digiprosper.panel.scan import PanelScan

_COVARIANCES = ("clustered", "robust", "unadjusted", "driscoll_kraay", "xtscc")
_STEP = 1e-11
_MOST_PASSES = 6
_FIRST_LABELS = 5


def fit_scan(spec: FixedEffects, scan: PanelScan[Any]) -> LinearResults:
    """Estimate a specification on a scanned table; issues no notice."""
    _refuse_options(spec)
    texts = [spec.y, *spec.x, *spec.absorb, *(spec.clusters or ())]
    if spec.obs_weights is not None:
        texts.append(spec.obs_weights)
    with scan.copied(texts) as copied:
        assert copied.copy is not None
        folder = Path(tempfile.mkdtemp(dir=copied.copy.folder))
        try:
            rows = _read(spec, copied, folder)
            return _estimate(spec, rows)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _refuse_options(spec: FixedEffects) -> None:
    if spec.cov_type not in _COVARIANCES:
        text = (
            f"cov_type={cited(spec.cov_type)} is not available for a scanned table. "
            f"Use one of {quoted(_COVARIANCES)}, or fit a sample in memory: "
            "spec.fit(scan.sample_entities(0.1))."
        )
        raise OptionError(
            text, [option_problem("cov_type", spec.cov_type, _COVARIANCES, text)]
        )


class _Coded:
    """Codes of a term that are the same in all blocks."""

    def __init__(self) -> None:
        self.levels: pd.Index[Any] | None = None

    @property
    def size(self) -> int:
        return 0 if self.levels is None else self.levels.size

    def codes(self, codes: Ints, levels: pd.Index[Any]) -> Ints:
        """Number the levels of a block as those of the blocks before."""
        if self.levels is None:
            self.levels = levels
            return codes
        positions = self.levels.get_indexer(levels)
        unseen = positions < 0
        if unseen.any():
            positions[unseen] = self.levels.size + np.arange(int(unseen.sum()))
            self.levels = self.levels.append(levels[unseen])
        return np.asarray(positions[codes], dtype=np.intp)


@dataclass(slots=True, eq=False)
class _Stored:
    """Arrays of one block on disk, and which of its rows are used."""

    path: Path
    n_entities: int
    first_entity: int  # number of entities in the blocks before
    mask: Bools | None = None  # (n,) rows that are used; None is all

    def array(self, name: str) -> Any:
        """Read an array (n, ..) of the rows that are used, without copying all."""
        values = np.load(self.path / f"{name}.npy", mmap_mode="r")
        if self.mask is None:
            return values
        return values.T[..., self.mask].T

    def entities(self) -> pd.Index[Any]:
        """Read the labels of the block's entities."""
        out: pd.Index[Any] = pd.read_pickle(self.path / "entities.pkl")
        return out


@dataclass(slots=True, eq=False)
class _Rows:
    """What was read of a scanned table: arrays on disk, and a few numbers."""

    options: LinearOptions
    sample: Sample  # of the first block, for names, factors and labels
    scan: PanelScan[Any]
    effects: tuple[str, ...]  # the entity's first
    clusters: tuple[str, ...]
    names: tuple[str, ...]  # outcome and regressors
    variables: tuple[str, ...]
    coded: dict[str, _Coded] = field(default_factory=dict)
    blocks: list[_Stored] = field(default_factory=list)
    total: int = 0  # rows of the table
    missing: int = 0
    by_term: dict[str, int] = field(default_factory=dict)
    compared: dict[str, Compared] = field(default_factory=dict)
    first_missing: list[Any] = field(default_factory=list)
    shifted: bool = True
    singletons: Dropped | None = None
    lags: list[dict[int, list[str]]] = field(default_factory=list)  # by block
    # Up to three different values of each column
    values: dict[str, set[float]] = field(default_factory=dict)
    mean_weight: float = 1.0

    @property
    def n(self) -> int:
        """Rows that are used."""
        return sum(len(block.array("entity")) for block in self.blocks)

    @property
    def others(self) -> tuple[str, ...]:
        """Effects but that of the entity."""
        return self.effects[1:]

    @property
    def effect_names(self) -> tuple[str, ...]:
        """Names of the absorbed effects."""
        return self.effects


def _read(spec: FixedEffects, copied: PanelScan[Any], folder: Path) -> _Rows:
    """Write the columns, effects and clusters of each block as arrays."""
    options = spec.options
    rows: _Rows | None = None
    first = next(iter(copied.panels()))
    absorbed = absorbed_effects(first, options)
    clusters = cluster_terms(first, options)
    _refuse_effects(first.entity_name, absorbed)
    effects = tuple(a.effect for a in absorbed)
    roles = {"y": (spec.y,), "x": spec.x, **further_roles(first, (), options)}
    levels = _levels(copied, roles, effects)
    for number, panel in enumerate(copied.panels()):
        selected = select_rows(
            table_of(panel), roles, codes=effects, clusters=clusters, across=levels
        )
        if rows is None:
            rows = _begin(spec, selected.rows, copied, effects, clusters)
        _count_missing(rows, panel, selected, strict=spec.missing == "raise")
        if selected.complete.any():
            sample = selected.rows.keep(selected.complete, "missing")
            _store(rows, sample, folder / str(number))
    assert rows is not None
    if not rows.blocks:
        raise missing_values(rows.by_term, list(rows.compared.values()), "every row")
    return rows


def _refuse_effects(entity: str, absorbed: Sequence[Any]) -> None:
    slopes = [a.name for a in absorbed if a.slope is not None]
    if slopes:
        text = f"absorb={quoted(slopes)}: a scanned table takes no slopes by level."
        raise OptionError(text, [option_problem("absorb", slopes[0], what=text)])
    if not absorbed or absorbed[0].effect != entity:
        text = (
            f"a scanned table is fitted with effects of the entity ({entity}): its "
            "blocks are whole entities. Set entity_effects=True, or make the column "
            "of the effect the entity of Panel.scan."
        )
        raise OptionError(text, [option_problem("entity_effects", what=text)])


def _levels(
    copied: PanelScan[Any], roles: Mapping[str, Sequence[str]], effects: Sequence[str]
) -> Levels:
    """Collect the levels of categories in the rows of all blocks."""
    assert copied.copy is not None
    if not any("C(" in text for texts in roles.values() for text in texts):
        return Levels({}, copied.copy.rows)
    every: dict[str, pd.Index[Any]] = {}
    rows = 0
    for panel in copied.panels():
        levels, complete = levels_in_use(table_of(panel), roles, codes=effects)
        rows += complete
        for name, index in levels.items():
            every[name] = every[name].union(index) if name in every else index
    return Levels(every, rows)


def _begin(
    spec: FixedEffects,
    sample: Sample,
    scan: PanelScan[Any],
    effects: tuple[str, ...],
    clusters: tuple[str, ...],
) -> _Rows:
    if len(sample.roles["y"]) != 1:
        raise TermError(
            f"y={cited(spec.y)} makes several columns; the outcome must be one column."
        )
    names = (spec.y, *sample.names_of("x"))
    variables = tuple(name for name in sample.variables if name not in names)
    rows = _Rows(spec.options, sample, scan, effects, clusters, names, variables)
    rows.values = {name: set() for name in sample.names}
    texts = dict.fromkeys([*effects[1:], *clusters, *_time_key(sample)])
    rows.coded = {text: _Coded() for text in texts if text != effects[0]}
    return rows


def _time_key(sample: Sample) -> list[str]:
    name = sample.keys.time_name
    return [] if name is None else [name]


def _count_missing(rows: _Rows, panel: Panel, selected: Any, *, strict: bool) -> None:
    """Add the rows of a block that are missing to those of the others."""
    incomplete = ~selected.complete
    rows.total += panel.nobs
    if not incomplete.any():
        return
    if strict:
        where = table_of(panel).describe_rows(incomplete)
        raise missing_values(selected.by_term, selected.compared, where)
    rows.missing += int(incomplete.sum())
    for term, count in selected.by_term.items():
        rows.by_term[term] = rows.by_term.get(term, 0) + count
    for compared in selected.compared:
        before = rows.compared.get(compared.term)
        rows.compared[compared.term] = (
            compared if before is None else before.plus(compared)
        )
    labels = [*rows.first_missing, *selected.rows.index[incomplete][:_FIRST_LABELS]]
    rows.first_missing = sorted(labels)[:_FIRST_LABELS]
    dropped = Dropped("missing", 1, (), selected.by_term)
    rows.shifted &= only_shifted(panel, selected.rows, dropped)


def _store(rows: _Rows, sample: Sample, folder: Path) -> None:
    """Write the arrays of a block, and note what needs its columns."""
    folder.mkdir()
    positions = [*sample.roles["y"], *sample.roles["x"]]
    columns = sample.matrix.T[positions]
    np.save(folder / "columns.npy", columns.T)
    np.save(folder / "entity.npy", sample.entity.astype(np.int32))
    if rows.variables:
        variables = np.array([sample.variables[name] for name in rows.variables])
        np.save(folder / "variables.npy", variables.T)
    for text, coded in rows.coded.items():
        if text == sample.keys.time_name:
            codes, levels = sample.time, sample.times
        else:
            codes, levels = sample.codes[text], sample.code_levels[text]
        by_text = coded.codes(codes, levels).astype(np.int32)
        np.save(folder / f"{_file(rows, text)}.npy", by_text)
    if rows.options.obs_weights is not None:
        np.save(folder / "weights.npy", checked_weights(sample, rows.options))
    pd.to_pickle(sample.entities, folder / "entities.pkl")
    before = rows.blocks[-1] if rows.blocks else None
    first = 0 if before is None else before.first_entity + before.n_entities
    rows.blocks.append(_Stored(folder, sample.n_entities, first))

    for name, column in zip(sample.names, sample.matrix.T, strict=True):
        if len(rows.values[name]) <= 2:
            ends = {float(column.min()), float(column.max())}
            between = column[~np.isin(column, list(ends))][:1]
            rows.values[name] |= ends | set(between.tolist())
    # Entities of one row do not tell by their values what is a lag.
    if not rows.lags or (np.diff(sample.entity) == 0).any():
        rows.lags.append(lags_of_outcome(sample))


def _file(rows: _Rows, text: str) -> str:
    return f"codes{list(rows.coded).index(text)}"


# --- rows that are used, and how effects and clusters lie in one another --------------


def _drop_singletons(rows: _Rows) -> None:
    """Leave out rows that are the only one of a level of an effect, repeatedly."""
    others = [_file(rows, text) for text in rows.others]
    sizes = [rows.coded[text].size for text in rows.others]
    usable = [np.ones(size, dtype=bool) for size in sizes]
    before = rows.n
    while True:
        counts_by_level = [np.zeros(size, dtype=np.intp) for size in sizes]
        changed = False
        for block in rows.blocks:
            entity = np.load(block.path / "entity.npy", mmap_mode="r")
            keep = (
                np.ones(entity.size, dtype=bool)
                if block.mask is None
                else (block.mask.copy())
            )
            codes = [
                np.load(block.path / f"{name}.npy", mmap_mode="r") for name in others
            ]
            for code, good in zip(codes, usable, strict=True):
                keep &= good[code]
            keep &= np.bincount(entity[keep], minlength=block.n_entities)[entity] > 1
            for code, count in zip(codes, counts_by_level, strict=True):
                count += np.bincount(code[keep], minlength=count.size)
            if not keep.all() and (block.mask is None or (keep != block.mask).any()):
                block.mask, changed = keep, True
        usable = [count != 1 for count in counts_by_level]
        if not changed and all(good.all() for good in usable):
            break
    if rows.n < before:
        _note_singletons(rows, before)


def _note_singletons(rows: _Rows, before: int) -> None:
    effects = rows.effects
    if not rows.n:
        raise IdentificationError(
            f"every row is a singleton (the only row of its {', '.join(effects)}), so "
            "there is no variation within the effects. Remove an effect.",
            [Notice("singletons", "all rows", {"count": before, "effects": effects})],
        )
    labels: list[Any] = []
    for block in rows.blocks:
        if block.mask is not None:
            dropped = np.flatnonzero(~block.mask)[:_FIRST_LABELS]
            labels = sorted([*labels, *_labels(rows, block, dropped)])[:_FIRST_LABELS]
    reason = f"singletons ({', '.join(effects)})"
    rows.singletons = Dropped(reason, before - rows.n, tuple(labels))
    rows.blocks = [
        block for block in rows.blocks if block.mask is None or block.mask.any()
    ]


def _labels(rows: _Rows, block: _Stored, positions: Ints) -> list[Any]:
    """Rebuild the labels of some rows of a block."""
    entity = np.load(block.path / "entity.npy", mmap_mode="r")[positions]
    entities = block.entities().take(entity)
    time = rows.sample.keys.time_name
    if time is None:
        return entities.tolist()
    codes = np.load(block.path / f"{_file(rows, time)}.npy", mmap_mode="r")[positions]
    levels = rows.coded[time].levels
    assert levels is not None
    return list(zip(entities, levels.take(codes), strict=True))


@dataclass(slots=True, eq=False)
class _Structure:
    """How often each level is used, and which effects lie in which clusters."""

    n: int
    n_entities: int
    most_rows: int  # of an entity
    used: dict[str, Ints]  # rows of each level
    # of two and more clusters, by their positions, the number of combinations, and
    # without the entity their keys
    combinations: dict[tuple[int, ...], int]
    keys: dict[tuple[int, ...], Ints]
    nested: dict[tuple[str, str], bool]  # (inner, outer): effects, effects or clusters
    across: int  # entities in several clusters
    hash: int


def _structure(rows: _Rows) -> _Structure:
    """Count levels, entities across clusters and effects in clusters, by one pass."""
    entity_name = rows.effects[0]
    used = {text: np.zeros(c.size, dtype=np.intp) for text, c in rows.coded.items()}
    pairs = {
        (inner, outer): _Nested(rows, inner)
        for inner in rows.effects
        for outer in dict.fromkeys([*rows.effects, *rows.clusters])
        if inner != outer
    }
    members = _members(rows.clusters)
    seen = {m: np.empty(0, dtype=np.int64) for m in members if len(m) > 1}
    inside = dict.fromkeys(seen, 0)
    across = most = n = n_entities = 0
    total_hash = np.uint64(0)
    for block in rows.blocks:
        entity, size = compress(np.asarray(block.array("entity"), dtype=np.intp))
        codes = {text: block.array(_file(rows, text)) for text in rows.coded}
        codes = {text: np.asarray(c, dtype=np.intp) for text, c in codes.items()}
        for text, code in codes.items():
            used[text] += np.bincount(code, minlength=used[text].size)
        n, n_entities = n + entity.size, n_entities + size
        most = max(most, int(np.bincount(entity).max()))
        codes[entity_name] = entity
        across += count_across(entity, [codes[c] for c in rows.clusters])
        for (inner, outer), check in pairs.items():
            outer_codes = codes[outer] + (
                block.first_entity if outer == entity_name else 0
            )
            check.add(codes[inner], outer_codes)
        for m in seen:
            texts = [rows.clusters[i] for i in m]
            if entity_name in texts:
                inside[m] += int(_joint([codes[text] for text in texts]).max()) + 1
            else:
                keys = np.unique(_keys(rows, texts, codes))
                seen[m] = np.union1d(seen[m], keys)
        total_hash += _hash(rows, block)
    return _Structure(
        n=n,
        n_entities=n_entities,
        most_rows=most,
        used=used,
        combinations={m: inside[m] or seen[m].size for m in seen},
        keys=seen,
        nested={pair: check.nested for pair, check in pairs.items()},
        across=across,
        hash=int(total_hash),
    )


def _members(clusters: Sequence[str]) -> list[tuple[int, ...]]:
    return [
        members
        for order in range(1, len(clusters) + 1)
        for members in combinations(range(len(clusters)), order)
    ]


def _joint(codes: Sequence[Ints]) -> Ints:
    """Code combinations of codes (n,) that occur in a block."""
    joint = codes[0].astype(np.intp)
    for other in codes[1:]:
        pairs = joint * (int(other.max()) + 1) + other
        joint = np.unique(pairs, return_inverse=True)[1].astype(np.intp)
    return joint


def _keys(rows: _Rows, texts: Sequence[str], codes: Mapping[str, Ints]) -> Ints:
    """Number combinations of levels, the same in all blocks."""
    key = codes[texts[0]].astype(np.int64)
    for text in texts[1:]:
        key = key * rows.coded[text].size + codes[text]
    return key


class _Nested:
    """Whether every level of an effect lies in one level of another, over blocks."""

    def __init__(self, rows: _Rows, inner: str) -> None:
        self.nested = True
        self.is_entity = inner == rows.effects[0]
        size = 0 if self.is_entity else rows.coded[inner].size
        self.outer_of = np.full(size, -1, dtype=np.intp)

    def add(self, inner: Ints, outer: Ints) -> None:
        """Look at the codes (n,) of a block."""
        if not self.nested:
            return
        if self.is_entity:
            self.nested = is_nested(inner, outer)
            return
        unseen = self.outer_of[inner] < 0
        self.outer_of[inner[unseen]] = outer[unseen]
        self.nested = bool((self.outer_of[inner] == outer).all())


def _hash(rows: _Rows, block: _Stored) -> np.uint64:
    """Add up hashes of the row labels, which do not depend on the order of rows."""
    from pandas.util import hash_array

    entities = hash_array(np.asarray(block.entities()), categorize=False)
    hashes = entities[block.array("entity")]
    time = rows.sample.keys.time_name
    if time is not None:
        levels = rows.coded[time].levels
        texts = np.array([str(level) for level in levels], dtype=object)
        times = hash_array(texts, categorize=False)
        hashes = hashes ^ (times[block.array(_file(rows, time))] * np.uint64(31))
    with np.errstate(over="ignore"):
        return np.uint64(np.add.reduce(hashes * np.uint64(0x9E3779B97F4A7C15)))


# --- counting -------------------------------------------------------------------------


def _ranks(rows: _Rows, structure: _Structure, system: Dummies | None) -> Ranks:
    """Count the parameters of the effects, as `covariance.ranks` does from rows."""
    effects, clusters = rows.effects, rows.clusters
    nested_in = structure.nested
    nested = tuple(
        effect
        for effect in effects
        if any(effect == c or nested_in[effect, c] for c in clusters)
    )
    exempt = tuple(e for e in effects if e in nested or e == effects[0])
    by_subset = {
        subset: _rank_of(subset, rows, structure, system)
        for subset in {nested, exempt, effects}
    }
    every = by_subset[effects][0]
    containing = dict.fromkeys([*effects, *clusters])
    return Ranks(
        every=every,
        nested=min(by_subset[nested][0], every),
        nested_or_entity=min(by_subset[exempt][0], every),
        lone_nested=any(
            all(e == outer or nested_in[e, outer] for outer in containing)
            for e in nested
        ),
        intercept=False,
        exact=all(exact for _, exact in by_subset.values()),
    )


def _rank_of(
    subset: tuple[str, ...],
    rows: _Rows,
    structure: _Structure,
    system: Dummies | None,
) -> tuple[int, bool]:
    """Compute the rank of the dummies of some effects, and whether it is exact."""
    finest = [
        e
        for position, e in enumerate(subset)
        if not any(
            structure.nested[other, e]
            and not (structure.nested[e, other] and position < subset.index(other))
            for other in subset
            if other != e
        )
    ]
    sizes = {
        e: structure.n_entities
        if e == rows.effects[0]
        else int((structure.used[e] > 0).sum())
        for e in finest
    }
    if len(finest) <= 1:
        return (next(iter(sizes.values())) if sizes else 1), True
    assert system is not None
    at = _positions(rows, structure)
    inside = np.concatenate([at[e] for e in finest if e in at])
    has_entity = rows.effects[0] in finest
    if system.taken_out is not None:
        chosen = np.ix_(inside, inside)
        gram = system.gram[chosen] - (system.taken_out[chosen] if has_entity else 0.0)
        rank = pseudo_inverse(gram, system.weights[inside])[1]
        return rank + (structure.n_entities if has_entity else 0), True
    return _rank_by_components(finest, sizes, at, system, rows.effects[0])


def _rank_by_components(
    finest: Sequence[str],
    sizes: Mapping[str, int],
    at: Mapping[str, Ints],
    system: Dummies,
    entity: str,
) -> tuple[int, bool]:
    """Count components of the two largest effects; others lose one level each."""
    from scipy.sparse import block_array
    from scipy.sparse.csgraph import connected_components

    largest = sorted(finest, key=lambda e: -sizes[e])
    first, second = largest[:2]
    if entity in (first, second):
        other = second if first == entity else first
        table = system.cross[:, at[other]]
    else:
        table = system.gram[at[first]][:, at[second]]
    graph = block_array([[None, table], [table.T, None]], format="csr")
    components: Any = connected_components(graph, directed=False, return_labels=False)
    rank = sizes[first] + sizes[second] - int(components)
    rank += sum(sizes[e] - 1 for e in largest[2:])
    return rank, len(largest) == 2


def _positions(rows: _Rows, structure: _Structure) -> dict[str, Ints]:
    """List the positions of each effect's levels among those of all but the entity."""
    out, start = {}, 0
    for text in rows.others:
        size = int((structure.used[text] > 0).sum())
        out[text], start = np.arange(start, start + size), start + size
    return out


# --- estimation -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class _Equation:
    """What says which columns can be estimated; see `preparation.Counted`."""

    options: LinearOptions
    count: Counts
    effect_names: tuple[str, ...]
    obs_weights: None = None


def _estimate(spec: FixedEffects, rows: _Rows) -> LinearResults:
    """Solve the regression on the stored arrays and make its results."""
    if spec.singletons == "drop":
        _drop_singletons(rows)
    structure = _structure(rows)
    if rows.options.obs_weights is not None:
        total = sum(float(block.array("weights").sum()) for block in rows.blocks)
        rows.mean_weight = total / structure.n
    levels = [int((structure.used[text] > 0).sum()) for text in rows.others]
    moments = _moments(rows)
    refuse_extreme(
        np.abs(moments[:, 3:5]).max(axis=1)[None, :], [*rows.names, *rows.variables]
    )
    system = dummies(_blocks(rows, structure), levels) if levels else None
    _refuse_two_large(rows, levels)
    ranks = _ranks(rows, structure, system)
    groups = _groups(rows, structure)
    n_times = _n_times(rows, structure)
    count = counts(structure.n, 0, ranks, groups, periods=n_times)
    equation = _Equation(rows.options, count, rows.effect_names)
    notices = _row_notices(rows, structure, ranks, groups, n_times)

    columns = _net_columns(rows, structure, system, levels)
    demeaned = _demeaned(rows, moments, columns)
    kept, dropped = checked_columns(equation, demeaned, 0, range(1, len(rows.names)))
    grouping = _Grouping(rows, structure, equation, len(kept))
    solution = _solve(
        rows, structure, system, levels, columns, kept, grouping.empty_scores
    )
    results = _results(rows, columns, moments, kept, solution, grouping)
    notices += dropped
    lags = _common_lags(rows)
    remarks = lagged_outcome_notices(
        rows.sample, lags, periods=structure.n / structure.n_entities
    )
    diagnostics = (*notices, *results.diagnostics, *remarks)
    return replace(results, diagnostics=diagnostics)


def _refuse_two_large(rows: _Rows, levels: Sequence[int]) -> None:
    large = [
        text
        for text, size in zip(rows.others, levels, strict=True)
        if size > MOST_DENSE
    ]
    if len(large) > 1:
        text = (
            f"absorb: {quoted(large)} have more than {MOST_DENSE:,} levels each; a "
            "scanned table takes one such effect beside the entity."
        )
        raise OptionError(text, [option_problem("absorb", large[1], what=text)])


def _blocks(rows: _Rows, structure: _Structure) -> Iterator[Block]:
    """Read the columns and effects of each block, effects numbered without gaps."""
    numbers = {text: np.cumsum(structure.used[text] > 0) - 1 for text in rows.others}
    weighted = rows.options.obs_weights is not None
    for block in rows.blocks:
        yield Block(
            columns=block.array("columns"),
            entity=compress(np.asarray(block.array("entity"), dtype=np.intp))[0],
            codes=tuple(
                numbers[text][block.array(_file(rows, text))] for text in rows.others
            ),
            obs_weights=block.array("weights") / rows.mean_weight if weighted else None,
        )


def _moments(rows: _Rows) -> Floats:
    """Compute rows, mean, sd, minimum and maximum of all columns and variables."""
    names = ["columns", *(["variables"] if rows.variables else [])]
    parts = []
    for block in rows.blocks:
        columns = [c for name in names for c in block.array(name).T]
        parts.append([column_moments(c[~np.isnan(c), None])[0] for c in columns])
    by_column = np.array(parts).transpose(1, 0, 2)
    return np.vstack([merge_moments(column) for column in by_column])


def _groups(rows: _Rows, structure: _Structure) -> tuple[int, ...]:
    return tuple(
        structure.n_entities
        if text == rows.effects[0]
        else int((structure.used[text] > 0).sum())
        for text in rows.clusters
    )


def _n_times(rows: _Rows, structure: _Structure) -> int:
    time = rows.sample.keys.time_name
    return 1 if time is None else int((structure.used[time] > 0).sum())


@dataclass(frozen=True, slots=True, eq=False)
class _Columns:
    """Net columns, compressed to their triangular factor, x before y."""

    values: Floats  # (L, p) what the effects but the entity's take out
    by_entity: Floats  # (p, p) products of columns net of entity means
    factor: Floats  # (p, p) R of the columns net of all effects
    squares: Floats  # (p,) of the net columns, never weighted


def _net_columns(
    rows: _Rows, structure: _Structure, system: Dummies | None, levels: Sequence[int]
) -> _Columns:
    """Find what the effects take out, and the size of what is left, from rows if small.

    Cross products of net columns do not tell norms below a millionth of the raw ones;
    such columns are computed once more from the rows.
    """
    p = len(rows.names)
    first = first_pass(_ordered(rows, structure), levels, p)
    before = np.diag(first.products)
    values = np.zeros((sum(levels), p))
    products = first.products
    if system is not None:
        values = system.solve(first.right, before)
        products = products - first.right.T @ values
    transform, regular = orthonormalising(products, np.sqrt(before))
    if regular.all():
        factor = triangular_factor(products)
        return _Columns(values, first.products, factor, np.diag(products))
    for _ in range(_MOST_PASSES):
        blocks = ((block, ()) for block in _ordered(rows, structure))
        sums = second_pass(blocks, values, levels, transform)
        factor = triangular_factor(sums.products) @ np.linalg.inv(transform)
        squares = np.einsum("ij,ij->j", factor, factor)
        if system is None or is_removed(system, sums.right, squares, before):
            break
        values += system.solve(sums.right, before)
    return _Columns(values, first.products, factor, sums.squares)


def _ordered(rows: _Rows, structure: _Structure) -> Iterator[Block]:
    """Read the blocks with the outcome as the last column."""
    order = [*range(1, len(rows.names)), 0]
    for block in _blocks(rows, structure):
        yield replace(block, columns=block.columns.T[order].T)


def _demeaned(rows: _Rows, moments: Floats, columns: _Columns) -> Demeaned:
    """Make demeaned columns of as many rows as columns, the outcome first."""
    p = len(rows.names)
    order = [p - 1, *range(p - 1)]
    compressed = np.asfortranarray(columns.factor[:, order])
    lengths = np.sqrt(columns.squares[order])
    constant, absorbed = without_variation(moments[:p], lengths)
    return Demeaned(
        names=rows.names,
        raw=compressed,
        columns=compressed,
        effects=(),
        moments=moments[:p],
        lengths=lengths,
        constant=constant,
        absorbed=absorbed,
        products=compressed.T @ compressed,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Solution:
    """The solved regression."""

    fit: Fit  # of the compressed columns
    root: Floats  # (k, k) from sums of scores to slopes
    values: Floats  # (L, 1 + k) what the other effects take out of x and y
    sums: SecondSums
    scores: tuple[Scores, ...]


def _solve(
    rows: _Rows,
    structure: _Structure,
    system: Dummies | None,
    levels: Sequence[int],
    columns: _Columns,
    kept: Sequence[int],
    scores: Callable[[int], tuple[list[Scores], list[Any]]],
) -> _Solution:
    """Solve the regression on the kept regressors, with scores by group.

    The columns are made nearly orthonormal; if the solution or the effects move by more
    than rounding once they are, the pass is repeated. `kept` are positions among
    outcome and regressors.
    """
    at = [j - 1 for j in kept] + [len(rows.names) - 1]
    k = len(kept)
    values, before = columns.values[:, at], np.diag(columns.by_entity)[at]
    factor = np.linalg.qr(columns.factor[:, at], mode="r")
    for _ in range(_MOST_PASSES):
        transform = _inverse_of(factor)
        empty, groupings = scores(k)
        blocks = (
            (replace(block, columns=block.columns.T[at].T), codes)
            for block, codes in zip(
                _ordered(rows, structure),
                _grouped(rows, structure, groupings),
                strict=True,
            )
        )
        sums = second_pass(blocks, values, levels, transform, empty)
        factor = triangular_factor(sums.products) @ np.linalg.inv(transform)
        squares = np.einsum("ij,ij->j", factor, factor)
        step = np.linalg.solve(sums.products[:k, :k], sums.products[:k, k])
        moved = np.abs(step).max() * np.sqrt(structure.n)
        removed = system is None or is_removed(system, sums.right, squares, before)
        if removed and moved <= _STEP:
            break
        if not removed and system is not None:
            values = values + system.solve(sums.right, before)
    fit = ols(factor[:, :k], factor[:, k])
    root = transform[:k, :k] @ np.linalg.inv(sums.products[:k, :k])
    return _Solution(fit, root, values, sums, tuple(empty))


def _inverse_of(factor: Floats) -> Floats:
    """Invert a triangular factor; a last column that is fitted perfectly is rounding."""
    out = factor.copy()
    least = np.finfo(np.float64).eps * np.linalg.norm(out[:, -1])
    if abs(out[-1, -1]) < least:
        out[-1, -1] = least
    return np.asarray(np.linalg.inv(out))


def _grouped(
    rows: _Rows, structure: _Structure, groupings: Sequence[Sequence[str]]
) -> Iterator[list[Ints | None]]:
    """Code, for each block, the groups whose scores are summed; no names are rows."""
    entity_name = rows.effects[0]
    ranks_of_time = _time_order(rows, structure)
    for block in rows.blocks:
        entity = compress(np.asarray(block.array("entity"), dtype=np.intp))[0]

        def codes_of(texts: Sequence[str]) -> Ints | None:
            if not texts:
                return None
            codes = {
                text: entity
                if text == entity_name
                else np.asarray(block.array(_file(rows, text)), dtype=np.intp)  # noqa: B023
                for text in texts
            }
            if entity_name in texts:
                return _joint(list(codes.values()))
            if len(texts) > 1:
                members = tuple(rows.clusters.index(text) for text in texts)
                keys = _keys(rows, texts, codes)
                return np.searchsorted(structure.keys[members], keys)
            (text,) = texts
            if text == rows.sample.keys.time_name:
                return ranks_of_time[codes[text]]
            return (np.cumsum(structure.used[text] > 0) - 1)[codes[text]]

        yield [codes_of(texts) for texts in groupings]


def _time_order(rows: _Rows, structure: _Structure) -> Ints:
    """Number the times that are used in order; codes are in order of appearance."""
    time = rows.sample.keys.time_name
    if time is None:
        return np.zeros(1, dtype=np.intp)
    levels, used = rows.coded[time].levels, structure.used[time] > 0
    assert levels is not None
    out = np.zeros(levels.size, dtype=np.intp)
    order = [i for i in levels.argsort() if used[i]]
    out[order] = np.arange(len(order))
    return out


# --- results --------------------------------------------------------------------------


class _Grouping:
    """Which sums of scores a covariance needs, and the covariance made of them."""

    def __init__(
        self, rows: _Rows, structure: _Structure, equation: _Equation, k: int
    ) -> None:
        self.rows, self.structure, self.k = rows, structure, k
        self.count = equation.count.plus(k)
        self.time = rows.sample.keys.time_name
        entity, options = rows.effects[0], rows.options
        self.members = _members(rows.clusters)
        self.texts: list[tuple[str, ...]] = {
            "clustered": [tuple(rows.clusters[i] for i in m) for m in self.members],
            "robust": [()],
            "unadjusted": [],
            "driscoll_kraay": [(self.time or entity,), (entity,)],
            "xtscc": [(self.time or entity,)],
        }[options.cov_type]

    def intersection(self, members: Sequence[int]) -> tuple[None, int]:
        """Count the combinations of clusters; their rows are summed block by block."""
        if self.rows.options.cov_type == "driscoll_kraay":
            return None, self.structure.n_entities
        if len(members) == 1:
            return None, self.count.groups[members[0]]
        return None, self.structure.combinations[tuple(members)]

    def empty_scores(self, k: int) -> tuple[list[Scores], list[tuple[str, ...]]]:
        """Begin the sums of scores, and name the clusters of each."""
        clustered = self.rows.options.cov_type == "clustered"
        sizes = self.count.groups
        keep = clustered and all(few_enough(size, k) for size in sizes)
        scores = []
        for position, texts in enumerate(self.texts):
            inside = not texts or self.rows.effects[0] in texts
            one_way = clustered and len(texts) == 1
            if clustered:
                size = self.intersection(self.members[position])[1]
            else:
                size = self.structure.n_entities if inside else self.count.periods
            scores.append(
                empty_scores(
                    k, inside=inside, size=size, carriers=one_way, keep=keep and one_way
                )
            )
        return scores, self.texts

    def estimator(self, cov_type: str | None = None) -> Vcov:
        """Choose factors and degrees of freedom."""
        options = self.rows.options
        return vcov(
            cov_type or options.cov_type,
            options.ssc,
            self.count,
            self.intersection,
            None,
            bandwidth=options.bandwidth,
        )

    def middle(self, estimator: Vcov, solution: _Solution) -> Floats:
        """Add up the middle of the sandwich (k, k) of sums of scores."""
        if estimator.cov_type == "unadjusted":
            ssr = float(solution.fit.residuals @ solution.fit.residuals)
            products = solution.sums.products[: self.k, : self.k]
            return np.asarray(ssr * estimator.parts[0].factor * products)
        total = np.zeros((self.k, self.k))
        for part, scores in zip(estimator.parts, solution.scores, strict=False):
            products = (
                scores.middle
                if scores.inside
                else lagged_products(scores.sums, part.lags)
            )
            total += part.sign * part.factor * products
        return total

    def cluster_sums(self, solution: _Solution) -> tuple[ClusterSums, ...]:
        """Return the sums by cluster of each way that joint tests draw from."""
        out = []
        for scores in solution.scores:
            if scores.kept:
                sums, products = (
                    np.concatenate(parts) for parts in zip(*scores.kept, strict=True)
                )
                out.append(ClusterSums(solution.root, sums, products))
        return tuple(out)

    def few_treated(self, names: Sequence[str], solution: _Solution) -> list[Notice]:
        """Report slopes that depend on few clusters, as `diagnostics.few_treated`."""
        rows, entries = self.rows, []
        two_values = {name for name, seen in rows.values.items() if len(seen) <= 2}
        controls = controls_among(rows.sample, names, two_values)
        one_way = [s for s in solution.scores if s.carriers is not None]
        for cluster, groups, scores in zip(
            rows.clusters, self.count.groups, one_way, strict=False
        ):
            if scores.variation is not None:
                shares = scores.variation / scores.variation.sum(axis=0)
                effective = effective_clusters(shares)
            else:
                assert scores.carriers is not None
                shares = scores.carriers.largest / scores.carriers.total
                effective = scores.carriers.effective
            few = depends_on_few(effective, groups)
            carriers = {
                names[j]: carriers_of(
                    float(effective[j]), shares[:, j], self._labels(cluster, scores, j)
                )
                for j in few.tolist()
            }
            if carriers:
                entries.append(few_treated_entry(cluster, groups, carriers, controls))
        return few_treated_notices(entries)

    def _labels(self, cluster: str, scores: Scores, j: int) -> pd.Index[Any]:
        if scores.variation is not None:
            levels = self.rows.coded[cluster].levels
            assert levels is not None
            return levels[self.structure.used[cluster] > 0]
        assert scores.carriers is not None
        labels = []
        for number, position in scores.carriers.where[:, j].tolist():
            block = self.rows.blocks[number]
            used = np.unique(block.array("entity"))
            labels.append(block.entities()[used[position]])
        return pd.Index(labels)


def _results(
    rows: _Rows,
    columns: _Columns,
    moments: Floats,
    kept: Sequence[int],
    solution: _Solution,
    grouping: _Grouping,
) -> LinearResults:
    """Put names to the numbers."""
    options, structure = rows.options, grouping.structure
    names, fit = [rows.names[j] for j in kept], solution.fit
    estimator = grouping.estimator()
    root, middle = rescaled_sandwich(
        solution.root, grouping.middle(estimator, solution)
    )
    covariance = root @ middle @ root.T
    empty = _without_information(solution, covariance, estimator)
    root[empty] = np.nan
    length = float(np.sqrt(solution.sums.squares[-1]))
    residual = np.array([np.sqrt(solution.sums.residual_square)])
    notices = [
        *fit_notices(replace(fit, residuals=residual), length, rows.names[0], names),
        *lost_digits(names, moments[kept], fit.bread),
        *no_variance([names[j] for j in empty]),
        *not_semidefinite(names, covariance, middle, ways=len(rows.clusters)),
        *grouping.few_treated(names, solution),
    ]
    inference = _inference(options, rows, grouping, estimator)
    beside = None
    if options.cov_type == "driscoll_kraay":
        other = grouping.estimator("xtscc")
        other_root, other_middle = rescaled_sandwich(
            solution.root, grouping.middle(other, solution)
        )
        beside = Estimates(
            names=tuple(names),
            coefficients=fit.coefficients,
            root=other_root,
            middle=other_middle,
            inference=replace(
                _inference(options, rows, grouping, other), cov_type="xtscc"
            ),
        )
    return LinearResults(
        depvar=rows.names[0],
        estimated=Estimated(
            names=tuple(names),
            coefficients=fit.coefficients,
            root=root,
            middle=middle,
            inference=inference,
            by_cluster=grouping.cluster_sums(solution),
            residuals=None,
            fitted=None,
            fit_statistics=_fit_statistics(
                rows, columns, kept, solution, grouping, moments
            ),
            df_resid=float(grouping.count.n - grouping.count.full),
            df_absorbed=grouping.count.full - grouping.k,
            effect_names=rows.effects,
            effect_values=_effect_values(rows, structure, solution),
            effect_terms=tuple((text, None) for text in rows.others),
            xtscc=beside,
        ),
        sample=EstimationSample(
            index=None,
            key_names=rows.sample.keys.pair,
            n_entities=structure.n_entities,
            n_times=grouping.count.periods,
            stats=_stats(rows, kept, moments),
            categories=dict(rows.sample.categories),
            obs_weights=options.obs_weights,
            factors={
                **rows.sample.factors,
                **{name: rows.sample.factors_of(name) for name in names},
            },
            rows=RowSummary(
                nobs=structure.n,
                sample_hash=f"{structure.hash:016x}",
                ssr=solution.sums.residual_square,
            ),
        ),
        labels=dict(rows.scan.labels),
        diagnostics=tuple(notices),
    )


def _stats(
    rows: _Rows, kept: Sequence[int], moments: Floats
) -> tuple[tuple[str, ...], Floats]:
    further = range(len(rows.names), len(moments))
    positions = [0, *kept, *further]
    every = (*rows.names, *rows.variables)
    return tuple(every[i] for i in positions), moments[positions]


def _without_information(
    solution: _Solution, covariance: Floats, estimator: Vcov
) -> Ints:
    """Find slopes whose scores sum to zero in every group, as `variance_checks`."""
    if estimator.cov_type in ("robust", "unadjusted"):
        return np.empty(0, dtype=np.intp)
    variance, size = np.abs(np.diag(covariance)), solution.sums.sizes
    assert size is not None
    return np.flatnonzero(variance <= (NO_VARIANCE * size) ** 2)


def _inference(
    options: LinearOptions, rows: _Rows, grouping: _Grouping, estimator: Vcov
) -> Inference:
    return Inference(
        cov_type=options.cov_type,
        ssc=None if options.cov_type in WITHOUT_FACTOR else options.ssc,
        clusters=rows.clusters,
        n_clusters=grouping.count.groups,
        df_t=estimator.df_t,
        df_counted=estimator.counted,
        bandwidth=estimator.bandwidth,
    )


def _fit_statistics(
    rows: _Rows,
    columns: _Columns,
    kept: Sequence[int],
    solution: _Solution,
    grouping: _Grouping,
    moments: Floats,
) -> tuple[float, float, float, float]:
    """Compute R2 with all effects, within, within entities, and adjusted."""
    fit, n = solution.fit, grouping.count.n
    ssr = float(fit.residuals @ fit.residuals)
    inside = columns.factor[:, -1]
    total = _total(rows, moments)
    within = 1 - ssr / float(inside @ inside)
    df_resid = n - grouping.count.full
    adjusted = 1 - (ssr / df_resid) / (total / (n - 1))
    slopes = np.append(-fit.coefficients, 1.0)
    at = [*[j - 1 for j in kept], len(rows.names) - 1]
    products = columns.by_entity[np.ix_(at, at)]
    by_entity = 1 - float(slopes @ products @ slopes) / products[-1, -1]
    return 1 - ssr / total, within, by_entity if rows.others else within, adjusted


def _total(rows: _Rows, moments: Floats) -> float:
    """Compute the (weighted) sum of squares of the outcome around its mean."""
    if rows.options.obs_weights is None:
        return float(moments[0, 2] ** 2 * (moments[0, 0] - 1))
    parts = []
    for block in rows.blocks:
        y, w = block.array("columns")[:, 0], block.array("weights") / rows.mean_weight
        mean = float(w @ y / w.sum())
        parts.append((float(w.sum()), mean, float(w @ (y - mean) ** 2)))
    weight, mean, squares = np.array(parts).T
    overall = float(weight @ mean / weight.sum())
    return float(squares.sum() + weight @ (mean - overall) ** 2)


def _effect_values(
    rows: _Rows, structure: _Structure, solution: _Solution
) -> tuple[tuple[str, pd.Index[Any], Floats], ...]:
    """List the values of all effects but the entity's, each with mean zero."""
    slopes = np.append(-solution.fit.coefficients, 1.0)
    values, start, out = solution.values @ slopes, 0, []
    for text in rows.others:
        levels = rows.coded[text].levels
        assert levels is not None
        used = levels[structure.used[text] > 0]
        part = values[start : start + used.size]
        start += used.size
        order = used.argsort()
        out.append((text, used[order], (part - part.mean())[order]))
    return tuple(out)


def _row_notices(
    rows: _Rows,
    structure: _Structure,
    ranks: Ranks,
    groups: Sequence[int],
    n_times: int,
) -> list[Notice]:
    """Report rows that were dropped, few clusters and periods, and counts."""
    options, n_entities = rows.options, structure.n_entities
    missing = Dropped(
        "missing",
        rows.missing,
        tuple(rows.first_missing),
        rows.by_term,
        tuple(rows.compared.values()),
    )
    robust = options.cov_type == "robust" and structure.most_rows > 2
    return [
        *dropped_notices(
            [missing] if rows.missing else [],
            rows.singletons,
            [rows.shifted] if rows.missing else [],
            effects=rows.effects,
            part=rows.scan.is_part,
            nobs=rows.total,
            remaining=structure.n,
        ),
        *cluster_size_notices(rows.clusters, groups, options.cov_type),
        *period_notices(n_times, options),
        *entities_across(structure.across, n_entities, rows.effects[0], rows.clusters),
        *([] if ranks.exact else [rank_bound(rows.effects, ranks.every)]),
        *([robust_inconsistent("robust", structure.n / n_entities)] if robust else []),
    ]


def _common_lags(rows: _Rows) -> dict[int, list[str]]:
    """List the columns that are lags of the outcome in every block."""
    first, *others = rows.lags
    return {
        at: [name for name in names if all(name in block[at] for block in others)]
        for at, names in first.items()
    }
