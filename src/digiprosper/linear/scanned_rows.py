"""Rows of a scanned table, stored as arrays on disk, and counts of levels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, combinations
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from digiprosper.errors import (
    MissingDataError,
    TermError,
    cited,
    counted,
    option_error,
    option_problem,
    quoted,
)
from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.kernels.covariance import Ranks
from digiprosper.kernels.in_blocks import Dummies
from digiprosper.kernels.within import compress, pseudo_inverse
from digiprosper.linear import preparation
from digiprosper.linear.diagnostics import lags_of_outcome
from digiprosper.panel.access import table_of
from digiprosper.panel.columns import sort_by_count
from digiprosper.panel.keys import rows_text
from digiprosper.panel.sample import Compared, Dropped, Sample
from digiprosper.panel.scan import PanelScan, explain_block_errors
from digiprosper.panel.selection import (
    Levels,
    Selection,
    levels_in_use,
    refuse_missing,
    select_rows,
)

# Computes q further columns (n, q) of a block, and integers (n, r) stored with them
Columns: TypeAlias = Callable[[Any, Sample], tuple[Floats, Ints]]
Further: TypeAlias = Callable[[PanelScan[Any]], tuple[tuple[str, ...], Columns]]

_FIRST_LABELS = 5
_MOST_CELLS = 2**27


class CodedTerm:
    """Codes of a term that are the same in all blocks."""

    def __init__(self, levels: pd.Index[Any]) -> None:
        self.levels: pd.Index[Any] = levels

    def codes(self, codes: Ints, levels: pd.Index[Any]) -> Ints:
        """Recode the levels of a block consistently with earlier blocks."""
        positions = self.levels.get_indexer(levels)
        unseen = positions < 0
        if unseen.any():
            positions[unseen] = self.levels.size + np.arange(int(unseen.sum()))
            self.levels = self.levels.append(levels[unseen])
        return np.asarray(positions[codes], dtype=np.intp)


@dataclass(slots=True, eq=False)
class StoredBlock:
    """Arrays of one block on disk, and which of its rows are used."""

    path: Path
    n_entities: int
    first_entity: int  # number of entities in the blocks before
    mask: Bools | None = None  # (n,) rows that are used; None is all

    def array(self, name: str) -> Any:
        """Read an array (n, ..) of the rows that are used."""
        values = self.stored(name)
        if self.mask is None:
            return values
        return values.T[..., self.mask].T

    def stored(self, name: str) -> Any:
        """Read an array of all rows."""
        return np.load(self.path / f"{name}.npy", mmap_mode="r")

    def entities(self) -> pd.Index[Any]:
        """Read the labels of the block's entities."""
        labels = np.load(self.path / "entities.npy", allow_pickle=True)
        out: pd.Index[Any] = pd.Index(labels)
        return out


@dataclass(slots=True, eq=False)
class ScannedRows:
    """A scanned table in arrays on disk, with counts."""

    options: preparation.LinearOptions
    sample: Sample  # first block; source of names, factors and labels
    scan: PanelScan[Any]
    effects: tuple[str, ...]  # the entity's first
    clusters: tuple[str, ...]
    names: tuple[str, ...]  # outcome and regressors
    positions: tuple[int, ...]  # of these in the sample, without further columns
    variables: tuple[str, ...]
    coded: dict[str, CodedTerm] = field(default_factory=dict)
    blocks: list[StoredBlock] = field(default_factory=list)
    total: int = 0  # rows of the table
    chosen: int = 0  # of them, those where a condition is true
    missing: int = 0
    missing_by_term: dict[str, int] = field(default_factory=dict)
    compared: dict[str, Compared] = field(default_factory=dict)
    first_missing: list[Any] = field(default_factory=list)
    singletons: Dropped | None = None
    lags: list[dict[int, list[str]]] = field(default_factory=list)  # by block
    # Up to three different values of each column
    distinct: dict[str, set[float]] = field(default_factory=dict)
    mean_weight: float = 1.0

    @property
    def n(self) -> int:
        """Rows that are used."""
        return sum(len(block.array("entity")) for block in self.blocks)

    def dropped_as_missing(self) -> Dropped:
        """Describe the rows with missing values."""
        return Dropped(
            "missing",
            self.missing,
            tuple(self.first_missing),
            sort_by_count(self.missing_by_term),
            tuple(self.compared.values()),
        )

    def parts_of(self, variable: str) -> Iterator[Floats]:
        """Read a variable of the terms, block by block."""
        array, names = "columns", self.names
        if variable in self.variables:
            array, names = "variables", self.variables
        for block in self.blocks:
            yield block.array(array)[:, names.index(variable)]

    def file(self, text: str) -> str:
        """Name the file with the codes of an effect or of clusters."""
        return f"codes{list(self.coded).index(text)}"

    @property
    def others(self) -> tuple[str, ...]:
        """Effects but that of the entity."""
        return self.effects[1:]


def read_rows(
    spec: Any,
    copied: PanelScan[Any],
    regressors: Mapping[str, Sequence[str]],
    folder: Path,
    further: Further | None = None,
) -> ScannedRows:
    """Write the columns, effects and clusters of each block as arrays."""
    assert copied.copy is not None
    options = spec.options
    rows: ScannedRows | None = None
    first = next(iter(copied.panels()))
    absorbed = preparation.absorbed_effects(first, options)
    clusters = preparation.cluster_terms(first, options)
    _refuse_effects(first.entity_name, absorbed)
    effects = tuple(a.effect for a in absorbed)
    roles = {
        "y": (spec.y,),
        **regressors,
        **preparation.weight_and_slope_roles(first, (), options),
    }
    levels = _collect_levels(copied, roles, effects, options.where)
    names, columns_of = ((), None) if further is None else further(copied)
    for number, panel in enumerate(copied.panels()):
        with explain_block_errors(copied.copy):
            selected = select_rows(
                table_of(panel),
                roles,
                codes=effects,
                clusters=clusters,
                where=options.where,
                across=levels,
            )
        if rows is None:
            rows = _start_rows(
                spec, selected.rows, copied, tuple(regressors), effects, clusters, names
            )
        _count_missing(rows, selected)
        if selected.complete.any():
            sample = selected.rows.keep(selected.complete, "missing")
            further_columns = None if columns_of is None else columns_of(panel, sample)
            _store_block(rows, sample, further_columns, folder / str(number))
    assert rows is not None
    _refuse_lost(spec, rows)
    return rows


def _refuse_lost(spec: Any, rows: ScannedRows) -> None:
    """Refuse an empty sample, or missing values with ``missing="raise"``."""
    if spec.where is not None and not rows.chosen:
        text = f"where={cited(spec.where)} is true in no row of the table."
        raise MissingDataError(text, [option_problem("where", spec.where, what=text)])
    lost = rows.dropped_as_missing()
    if lost.count and spec.missing == "raise":
        first = f"{counted(lost.count, 'row')} (first: {rows_text(lost.rows)})"
        advice = "before the table is scanned"
        refuse_missing(lost.by_term, lost.compared, first, advice)
    if not rows.blocks:
        raise lost.empty_sample_error()


def _refuse_effects(entity: str, absorbed: Sequence[Any]) -> None:
    slopes = [a.name for a in absorbed if a.slope is not None]
    if slopes:
        raise option_error(
            "absorb",
            slopes[0],
            f"absorb={quoted(slopes)}: a scanned table takes no slopes by level. Fit a "
            "sample in memory, spec.fit(scan.sample_entities(share)).",
        )
    if not absorbed or absorbed[0].effect != entity:
        raise option_error(
            "entity_effects",
            None,
            f"a scanned table is read in blocks of {entity} and needs its effects. Set "
            "entity_effects=True, or make the column of another effect the entity of "
            "Panel.scan.",
        )


def _collect_levels(
    copied: PanelScan[Any],
    roles: Mapping[str, Sequence[str]],
    effects: Sequence[str],
    where: str | None,
) -> Levels:
    """Collect the levels of categories in the rows of all blocks."""
    assert copied.copy is not None
    if not any("C(" in text for texts in roles.values() for text in texts):
        return Levels({}, copied.copy.rows)
    every: dict[str, pd.Index[Any]] = {}
    rows = 0
    for panel in copied.panels():
        with explain_block_errors(copied.copy):
            levels, complete = levels_in_use(
                table_of(panel), roles, codes=effects, where=where
            )
        rows += complete
        for name, index in levels.items():
            every[name] = every[name].union(index) if name in every else index
    for name, values in copied.source.categories.items():
        if name in every and every[name].isin(values).all():
            order = pd.Index(values)
            every[name] = order[order.isin(every[name])]
    return Levels(every, rows)


def _start_rows(
    spec: Any,
    sample: Sample,
    scan: PanelScan[Any],
    equations: tuple[str, ...],
    effects: tuple[str, ...],
    clusters: tuple[str, ...],
    further: tuple[str, ...],
) -> ScannedRows:
    if len(sample.roles["y"]) != 1:
        raise TermError(
            f"y={cited(spec.y)} makes several columns; the outcome must be one column."
        )
    roles = [sample.roles[role] for role in ("y", *equations)]
    positions = tuple(dict.fromkeys(chain.from_iterable(roles)))
    names = (spec.y, *(sample.names[at] for at in positions[1:]), *further)
    rows = ScannedRows(
        options=spec.options,
        sample=replace(sample, labels=scan.labels),
        scan=scan,
        effects=effects,
        clusters=clusters,
        names=names,
        positions=positions,
        variables=tuple(name for name in sample.variables if name not in names),
    )
    rows.distinct = {name: set() for name in sample.names}
    time = sample.keys.names[1:]
    texts = dict.fromkeys([*effects[1:], *clusters, *time])
    rows.coded = {t: CodedTerm(_coded(sample, t)[1]) for t in texts if t != effects[0]}
    return rows


def _coded(sample: Sample, text: str) -> tuple[Ints, pd.Index[Any]]:
    """Take the codes (n,) of an effect, clusters or the time, and their levels."""
    if text == sample.keys.time_name:
        return sample.time, sample.times
    return sample.codes[text], sample.code_levels[text]


def _count_missing(rows: ScannedRows, selected: Selection) -> None:
    """Add the rows of a block that are missing to those of the others."""
    incomplete = selected.chosen & ~selected.complete
    rows.total += incomplete.size
    rows.chosen += int(selected.chosen.sum())
    if not incomplete.any():
        return
    rows.missing += int(incomplete.sum())
    for term, count in selected.missing.items():
        rows.missing_by_term[term] = rows.missing_by_term.get(term, 0) + count
    for compared in selected.compared:
        before = rows.compared.get(compared.term)
        rows.compared[compared.term] = (
            compared if before is None else before.add(compared)
        )
    labels = [*rows.first_missing, *selected.rows.index[incomplete][:_FIRST_LABELS]]
    rows.first_missing = sorted(labels)[:_FIRST_LABELS]


def _store_block(
    rows: ScannedRows,
    sample: Sample,
    further: tuple[Floats, Ints] | None,
    folder: Path,
) -> None:
    """Write the arrays of a block; also record distinct values and lags."""
    folder.mkdir()
    columns = sample.matrix.T[list(rows.positions)]
    if further is not None:
        columns = np.vstack([columns, further[0].T])
        np.save(folder / "further.npy", further[1])
    np.save(folder / "columns.npy", columns.T)
    np.save(folder / "entity.npy", sample.entity.astype(np.int32))
    if rows.variables:
        variables = np.array([sample.variables[name] for name in rows.variables])
        np.save(folder / "variables.npy", variables.T)
    for text, coded in rows.coded.items():
        by_text = coded.codes(*_coded(sample, text)).astype(np.int32)
        np.save(folder / f"{rows.file(text)}.npy", by_text)
    if rows.options.obs_weights is not None:
        np.save(
            folder / "weights.npy", preparation.checked_weights(sample, rows.options)
        )
    np.save(folder / "entities.npy", sample.entities.to_numpy())
    before = rows.blocks[-1] if rows.blocks else None
    first = 0 if before is None else before.first_entity + before.n_entities
    rows.blocks.append(StoredBlock(folder, sample.n_entities, first))

    for name, column in zip(sample.names, sample.matrix.T, strict=True):
        if len(rows.distinct[name]) <= 2:
            ends = {float(column.min()), float(column.max())}
            between = column[~np.isin(column, list(ends))][:1]
            rows.distinct[name] |= ends | set(between.tolist())
    # Lags are recognised by values only if entities have several rows.
    if not rows.lags or (np.diff(sample.entity) == 0).any():
        rows.lags.append(lags_of_outcome(sample))


# --- rows that are used, and how effects and clusters are nested ----------------------


def drop_singletons(rows: ScannedRows) -> None:
    """Drop rows that are the only one of a level of an effect, repeatedly."""
    sizes = [rows.coded[text].levels.size for text in rows.others]
    usable = [np.ones(size, dtype=bool) for size in sizes]
    before, changed = rows.n, True
    while changed:
        by_level = [np.zeros(size, dtype=np.intp) for size in sizes]
        dropped = [
            _drop_unusable_rows(rows, block, usable, by_level) for block in rows.blocks
        ]
        usable = [count != 1 for count in by_level]
        changed = any(dropped) or not all(levels.all() for levels in usable)
    if rows.n < before:
        _note_singletons(rows, before)


def _drop_unusable_rows(
    rows: ScannedRows,
    block: StoredBlock,
    usable: Sequence[Bools],
    by_level: Sequence[Ints],
) -> bool:
    """Drop singletons and unusable levels of a block; return whether any was."""
    entity = block.stored("entity")
    codes = [block.stored(rows.file(text)) for text in rows.others]
    keep = np.ones(entity.size, dtype=bool) if block.mask is None else block.mask.copy()
    for code, good in zip(codes, usable, strict=True):
        keep &= good[code]
    keep &= np.bincount(entity[keep], minlength=block.n_entities)[entity] > 1
    for code, count in zip(codes, by_level, strict=True):
        count += np.bincount(code[keep], minlength=count.size)
    before = entity.size if block.mask is None else int(block.mask.sum())
    if int(keep.sum()) == before:
        return False
    block.mask = keep
    return True


def _note_singletons(rows: ScannedRows, before: int) -> None:
    effects = rows.effects
    if not rows.n:
        raise preparation.all_singletons_error(before, effects)
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


def _labels(rows: ScannedRows, block: StoredBlock, positions: Ints) -> list[Any]:
    """Rebuild the labels of some rows of a block."""
    entity = block.stored("entity")[positions]
    entities = block.entities().take(entity)
    time = rows.sample.keys.time_name
    if time is None:
        return entities.tolist()
    codes = block.stored(rows.file(time))[positions]
    times = rows.coded[time].levels.take(codes)
    return list(zip(entities, times, strict=True))


@dataclass(slots=True, eq=False)
class Structure:
    """Counts of levels and of their combinations."""

    n: int
    n_entities: int
    most_rows: int  # of an entity
    levels: dict[str, pd.Index[Any]]  # in use, in order
    numbers: dict[str, Ints]  # of each level among those in use
    # combinations of levels in use, of single effects and clusters too
    sizes: dict[tuple[str, ...], int]
    keys: dict[tuple[str, ...], Ints]  # of the combinations, without the entity
    across: int  # entities in several clusters
    hash: int

    def is_nested(self, inner: str, outer: str) -> bool:
        """Return whether one effect is nested in another."""
        pair = (inner, outer) if (inner, outer) in self.sizes else (outer, inner)
        return inner == outer or self.sizes[pair] == self.sizes[inner,]


def structure_of(rows: ScannedRows) -> Structure:
    """Count levels, their combinations, and entities across clusters in one pass."""
    entity, pairs = rows.effects[0], dict.fromkeys([*rows.effects, *rows.clusters])
    used = {t: np.zeros(c.levels.size, np.intp) for t, c in rows.coded.items()}
    sizes = dict.fromkeys([*combinations(pairs, 2), *subsets(rows.clusters)], 0)
    keys = {texts: np.empty(0, np.int64) for texts in sizes if entity not in texts}
    across = most = n = n_entities = total_hash = 0
    for block in rows.blocks:
        codes = codes_of(rows, block)
        rows_of = np.bincount(codes[entity])
        for text, count in used.items():
            count += np.bincount(codes[text], minlength=count.size)
        n, n_entities = n + int(rows_of.sum()), n_entities + rows_of.size
        most = max(most, int(rows_of.max()))
        across += preparation.count_entities_across(
            codes[entity], [codes[text] for text in rows.clusters]
        )
        for texts in sizes:
            together = _distinct_keys(combination_keys(rows, texts, codes))
            if entity in texts:
                sizes[texts] += together.size
            else:
                keys[texts] = np.union1d(keys[texts], together)
        total_hash = (total_hash + _hash_rows(rows, block)) % 2**64
    sizes |= {texts: every.size for texts, every in keys.items()}
    sizes |= {(text,): int((count > 0).sum()) for text, count in used.items()}
    levels, numbers = {}, {}
    for text, count in used.items():
        in_use = np.flatnonzero(count)
        in_order = in_use[rows.coded[text].levels[in_use].argsort()]
        levels[text] = rows.coded[text].levels[in_order]
        numbers[text] = np.zeros(count.size, dtype=np.intp)
        numbers[text][in_order] = np.arange(in_order.size)
    return Structure(
        n=n,
        n_entities=n_entities,
        most_rows=most,
        levels=levels,
        numbers=numbers,
        sizes={**sizes, (entity,): n_entities},
        keys=keys,
        across=across,
        hash=total_hash,
    )


def codes_of(rows: ScannedRows, block: StoredBlock) -> dict[str, Ints]:
    """Read the codes of a block; entities are numbered without gaps."""
    codes = {t: block.array(rows.file(t)).astype(np.intp) for t in rows.coded}
    codes[rows.effects[0]] = compress(block.array("entity").astype(np.intp))[0]
    return codes


def subsets(clusters: Sequence[str]) -> list[tuple[str, ...]]:
    """List the combinations of clusters, single ones first."""
    orders = range(1, len(clusters) + 1)
    return list(chain.from_iterable(combinations(clusters, order) for order in orders))


def combination_keys(
    rows: ScannedRows, texts: Sequence[str], codes: Mapping[str, Ints]
) -> Ints:
    """Encode combinations of levels as integers, consistent between blocks."""
    first, *others = sorted(texts, key=lambda text: text != rows.effects[0])
    key = codes[first].astype(np.int64)
    for text in others:
        key = key * rows.coded[text].levels.size + codes[text]
    return key


def _distinct_keys(keys: Ints) -> Ints:
    """List the keys that occur."""
    if (size := int(keys.max()) + 1) > _MOST_CELLS:
        return np.unique(keys)
    seen = np.zeros(size, dtype=bool)
    seen[keys] = True
    return np.flatnonzero(seen)


def _hash_rows(rows: ScannedRows, block: StoredBlock) -> int:
    """Add up hashes of the row labels, which do not depend on the order of rows."""
    from pandas.util import hash_array

    entities = hash_array(np.asarray(block.entities()), categorize=False)
    hashes = entities[block.array("entity")]
    time = rows.sample.keys.time_name
    if time is not None:
        texts = pd.Series([*map(str, rows.coded[time].levels)], dtype=object)
        times = hash_array(texts.to_numpy(), categorize=False)
        hashes = hashes ^ (times[block.array(rows.file(time))] * np.uint64(31))
    with np.errstate(over="ignore"):
        return int(np.add.reduce(hashes * np.uint64(0x9E3779B97F4A7C15)))


# --- counting -------------------------------------------------------------------------


def effect_ranks(rows: ScannedRows, structure: Structure, system: Dummies) -> Ranks:
    """Count the parameters of the effects, as `covariance.ranks` does from rows."""
    effects, clusters = rows.effects, rows.clusters
    is_nested = structure.is_nested
    nested = tuple(e for e in effects if any(is_nested(e, c) for c in clusters))
    exempt = tuple(e for e in effects if e in nested or e == effects[0])
    by_subset = {
        subset: _effect_rank(subset, rows, structure, system)
        for subset in {nested, exempt, effects}
    }
    every = by_subset[effects][0]
    outer = [*effects, *clusters]
    return Ranks(
        all_effects=every,
        nested=min(by_subset[nested][0], every),
        nested_or_entity=min(by_subset[exempt][0], every),
        lone_nested=any(all(is_nested(e, o) for o in outer) for e in nested),
        intercept=False,
        exact=all(exact for _, exact in by_subset.values()),
    )


def _drop_coarser(effects: Sequence[str], structure: Structure) -> list[str]:
    """Drop effects in which another is nested, and repetitions."""
    out: list[str] = []
    for effect in effects:
        if not any(structure.is_nested(finer, effect) for finer in out):
            out = [e for e in out if not structure.is_nested(effect, e)]
            out.append(effect)
    return out


def _effect_rank(
    subset: tuple[str, ...],
    rows: ScannedRows,
    structure: Structure,
    system: Dummies,
) -> tuple[int, bool]:
    """Compute the rank of the dummies of some effects, and whether it is exact."""
    finest, entity = _drop_coarser(subset, structure), rows.effects[0]
    sizes = {text: structure.sizes[text,] for text in rows.effects}
    if len(finest) <= 1:
        return sum(sizes[e] for e in finest) or 1, True
    at = _positions(rows, sizes)
    if system.taken_out is None:
        return _rank_by_components(finest, sizes, at, system, entity)
    inside = np.concatenate([at[e] for e in finest if e != entity])
    gram = system.gram[np.ix_(inside, inside)]
    if entity in finest:
        gram = gram - system.taken_out[np.ix_(inside, inside)]
    rank = pseudo_inverse(gram, system.weights[inside])[1]
    return rank + (structure.n_entities if entity in finest else 0), True


def _rank_by_components(
    finest: Sequence[str],
    sizes: Mapping[str, int],
    at: Mapping[str, Ints],
    system: Dummies,
    entity: str,
) -> tuple[int, bool]:
    """Bound the rank by the connected components of the two largest effects."""
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


def _positions(rows: ScannedRows, sizes: Mapping[str, int]) -> dict[str, Ints]:
    """List the positions of each effect's levels among those of all but the entity."""
    out, start = {}, 0
    for text in rows.others:
        out[text], start = np.arange(start, start + sizes[text]), start + sizes[text]
    return out
