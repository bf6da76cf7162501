"""Rows of a scanned table, stored as arrays on disk, and counts of levels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, combinations, islice
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from digiprosper.errors import (
    MissingDataError,
    cited,
    counted,
    option_error,
    option_problem,
    quoted,
)
from digiprosper.kernels import Bools, Floats, Ints, in_blocks
from digiprosper.kernels.covariance import Ranks, count_ranks, intersections
from digiprosper.kernels.within import (
    compress,
    finest,
    pseudo_inverse,
    rank_by_components,
)
from digiprosper.linear import preparation
from digiprosper.linear.diagnostics import lags_of_outcome
from digiprosper.linear.estimation import outcome_of
from digiprosper.panel.access import table_of
from digiprosper.panel.columns import sort_by_count
from digiprosper.panel.keys import rows_text
from digiprosper.panel.sample import Dropped, Sample
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


class CodedTerm:
    """Codes of a term that are the same in all blocks."""

    def __init__(self, levels: pd.Index[Any]) -> None:
        self.levels: pd.Index[Any] = levels
        self.numbers: Ints  # of each code among the levels in use, in their order

    def codes(self, codes: Ints, levels: pd.Index[Any]) -> Ints:
        """Recode the levels of a block consistently with earlier blocks."""
        positions = self.levels.get_indexer(levels)
        unseen = positions < 0
        if unseen.any():
            positions[unseen] = self.levels.size + np.arange(int(unseen.sum()))
            self.levels = self.levels.append(levels[unseen])
        return np.asarray(positions[codes], dtype=np.intp)

    def renumber(self, rows: Ints) -> None:
        """Drop the levels without rows, and sort the others."""
        in_use = np.flatnonzero(rows)
        in_order = in_use[self.levels[in_use].argsort()]
        self.levels = self.levels[in_order]
        self.numbers = np.zeros(rows.size, dtype=np.intp)
        self.numbers[in_order] = np.arange(in_order.size)


@dataclass(slots=True, eq=False)
class StoredBlock:
    """Arrays of one block on disk, and which of its rows are used."""

    path: Path
    mask: Bools  # (n,) rows that are used

    def array(self, name: str) -> Any:
        """Read an array (n, ..) of the rows that are used."""
        values = self.stored(name)
        return values if self.mask.all() else values.T[..., self.mask].T

    def stored(self, name: str) -> Any:
        """Read an array of all rows."""
        return np.load(self.path / f"{name}.npy", mmap_mode="r")

    def entity(self) -> Ints:
        """Return entities (n,) of the rows that are used, numbered without gaps."""
        return compress(self.array("entity").astype(np.intp))[0]

    def entities(self) -> Any:
        """Read the labels of the block's entities, also of those without such rows."""
        return np.load(self.path / "entities.npy", allow_pickle=True)

    def used_entities(self) -> Any:
        """Read the labels of the entities with rows that are used."""
        labels = self.entities()
        rows = np.bincount(self.array("entity"), minlength=labels.size)
        return labels[rows > 0].astype(object)


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
    # Effects and clusters except the entity, the time, and combinations of clusters
    coded: dict[tuple[str, ...], CodedTerm] = field(default_factory=dict)
    blocks: list[StoredBlock] = field(default_factory=list)
    total: int = 0  # rows of the table
    chosen: int = 0  # of them, those where a condition is true
    missing: Dropped = field(default_factory=lambda: Dropped("missing", 0, ()))
    singletons: Dropped | None = None
    lags: list[dict[int, list[str]]] = field(default_factory=list)  # by block
    # Up to three different values of each column
    distinct: dict[str, set[float]] = field(default_factory=dict)
    # Of the rows that are used, set by `count_rows`
    mean_weight: float = 1.0
    n_entities: int = 0
    most_rows: int = 0  # of an entity
    # combinations of levels in use, of single effects and clusters too
    sizes: dict[tuple[str, ...], int] = field(default_factory=dict)
    across: int = 0  # entities in several clusters
    hash: int = 0

    @property
    def n(self) -> int:
        """Rows that are used."""
        return sum(int(block.mask.sum()) for block in self.blocks)

    @property
    def n_times(self) -> int:
        """Number of periods."""
        return self.sizes.get(self.sample.keys.names[1:], 1)

    def parts_of(self, variable: str) -> Iterator[Floats]:
        """Read a variable of the terms, block by block."""
        array, names = "columns", self.names
        if variable in self.variables:
            array, names = "variables", self.variables
        for block in self.blocks:
            yield block.array(array)[:, names.index(variable)]

    def levels_of(self, text: str) -> pd.Index[Any]:
        """Return the levels in use of an effect, clusters or the time, in order."""
        return self.coded[text,].levels

    def raw_codes(self, block: StoredBlock, texts: tuple[str, ...]) -> Ints:
        """Read codes (n,) that may have gaps; those of the block's entities too."""
        name = "entity" if texts == self.effects[:1] else self.file(texts)
        return np.asarray(block.array(name), dtype=np.intp)

    def codes(self, block: StoredBlock, texts: tuple[str, ...]) -> Ints:
        """Read codes (n,) without gaps; with the entity they are the block's own."""
        if texts in self.coded:
            return self.coded[texts].numbers[block.array(self.file(texts))]
        if len(texts) == 1:
            return block.entity()
        parts = [self.codes(block, (text,)) for text in texts]
        joint = intersections(parts)(range(len(texts)))[0]
        assert joint is not None
        return joint

    def file(self, texts: tuple[str, ...]) -> str:
        """Name the file with the codes of an effect or of clusters."""
        return f"codes{list(self.coded).index(texts)}"

    def weights(self, block: StoredBlock) -> Floats | None:
        """Read the weights (n,) of the rows, which have mean one."""
        if self.options.obs_weights is None:
            return None
        return np.asarray(block.array("weights") / self.mean_weight)

    def read(self, positions: Sequence[int]) -> Iterator[in_blocks.Block]:
        """Read columns of some positions and effects of each block."""
        levels = [self.sizes[text,] for text in self.others]
        for block in self.blocks:
            yield in_blocks.block_of(
                block.array("columns").T[list(positions)].T,
                block.entity(),
                [self.codes(block, (text,)) for text in self.others],
                levels,
                self.weights(block),
                block.used_entities(),
            )

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
    rows.missing = replace(rows.missing, by_term=sort_by_count(rows.missing.by_term))
    _refuse_lost(spec, rows)
    return rows


def _refuse_lost(spec: Any, rows: ScannedRows) -> None:
    """Refuse an empty sample, or missing values with ``missing="raise"``."""
    if spec.where is not None and not rows.chosen:
        text = f"where={cited(spec.where)} is true in no row of the table."
        raise MissingDataError(text, [option_problem("where", spec.where, what=text)])
    lost = rows.missing
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
    outcome_of(spec.y, sample)
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
    terms = [(text,) for text in (*effects, *clusters, *sample.keys.names[1:])]
    for texts in dict.fromkeys([*terms, *subsets(clusters)]):
        if effects[0] not in texts:
            levels = _coded(sample, *texts)[1] if len(texts) == 1 else pd.Index([])
            rows.coded[texts] = CodedTerm(levels)
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
    if incomplete.any():
        dropped = Dropped(
            "missing",
            int(incomplete.sum()),
            tuple(selected.rows.index[incomplete][:_FIRST_LABELS]),
            selected.missing,
            tuple(selected.compared),
        )
        rows.missing = rows.missing.add(dropped)


def _store_block(
    rows: ScannedRows,
    sample: Sample,
    further: tuple[Floats, Ints] | None,
    folder: Path,
) -> None:
    """Write the arrays of a block; also record distinct values and lags."""
    columns = sample.matrix.T[list(rows.positions)]
    arrays = {"entity": sample.entity.astype(np.int32)}
    arrays["entities"] = sample.entities.to_numpy()
    if further is not None:
        columns, arrays["further"] = np.vstack([columns, further[0].T]), further[1]
    arrays["columns"] = columns.T
    if rows.variables:
        variables = np.array([sample.variables[name] for name in rows.variables])
        arrays["variables"] = variables.T
    if rows.options.obs_weights is not None:
        arrays["weights"] = preparation.checked_weights(sample, rows.options)
    codes: dict[tuple[str, ...], Ints] = {}
    for texts, coded in rows.coded.items():
        if len(texts) == 1:
            block_codes, levels = _coded(sample, *texts)
        else:
            # Those of the first clusters and of the last, in one number
            both = (codes[texts[:-1]] << 32) + codes[texts[-1:]]
            block_codes, keys = pd.factorize(both)
            levels = pd.Index(keys)
        codes[texts] = coded.codes(block_codes, levels)
        arrays[rows.file(texts)] = codes[texts].astype(np.int32)
    folder.mkdir()
    for name, values in arrays.items():
        np.save(folder / f"{name}.npy", values)
    rows.blocks.append(StoredBlock(folder, np.ones(sample.nobs, dtype=bool)))

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
    before, remaining = rows.n, -1
    while remaining != rows.n:
        remaining = rows.n
        by_level = {text: _rows_by_level(rows, (text,)) for text in rows.others}
        for block in rows.blocks:
            entity = block.entity()
            keep = np.bincount(entity)[entity] > 1
            for text, count in by_level.items():
                keep &= count[rows.raw_codes(block, (text,))] > 1
            block.mask[block.mask] = keep
    if remaining == before:
        return
    if not remaining:
        raise preparation.all_singletons_error(before, rows.effects)
    first = chain.from_iterable(_first_dropped(rows, block) for block in rows.blocks)
    reason = f"singletons ({', '.join(rows.effects)})"
    labels = tuple(islice(sorted(first), _FIRST_LABELS))
    rows.singletons = Dropped(reason, before - remaining, labels)
    rows.blocks = [block for block in rows.blocks if block.mask.any()]


def _rows_by_level(rows: ScannedRows, texts: tuple[str, ...]) -> Ints:
    """Count the rows of each level of an effect or of clusters."""
    size = rows.coded[texts].levels.size
    codes = (rows.raw_codes(block, texts) for block in rows.blocks)
    counts: Ints = sum(np.bincount(code, minlength=size) for code in codes)
    return counts


def _first_dropped(rows: ScannedRows, block: StoredBlock) -> list[Any]:
    """Rebuild the labels of the first rows of a block that are not used."""
    at = np.flatnonzero(~block.mask)[:_FIRST_LABELS]
    entities = pd.Index(block.entities()).take(block.stored("entity")[at])
    time = rows.sample.keys.names[1:]
    if not time:
        return entities.tolist()
    codes = block.stored(rows.file(time))[at]
    return list(zip(entities, rows.levels_of(*time).take(codes), strict=True))


def count_rows(rows: ScannedRows) -> None:
    """Count the levels, entities and combinations that occur; sort the levels."""
    entity, clusters = rows.effects[:1], [(text,) for text in rows.clusters]
    for texts, coded in rows.coded.items():
        coded.renumber(_rows_by_level(rows, texts))
        rows.sizes[texts] = coded.levels.size
    crossed = [t for t in subsets(rows.clusters) if t not in rows.coded and t != entity]
    rows.sizes |= dict.fromkeys(crossed, 0)
    weight = 0.0
    for block in rows.blocks:
        codes = block.entity()
        by_entity = np.bincount(codes)
        rows.n_entities += by_entity.size
        rows.most_rows = max(rows.most_rows, int(by_entity.max()))
        rows.across += preparation.count_entities_across(
            codes, [codes if t == entity else rows.codes(block, t) for t in clusters]
        )
        for texts in crossed:
            rows.sizes[texts] += int(rows.codes(block, texts).max()) + 1
        rows.hash = (rows.hash + _hash_rows(rows, block)) % 2**64
        if rows.options.obs_weights is not None:
            weight += float(block.array("weights").sum())
    rows.sizes[entity] = rows.n_entities
    rows.mean_weight = weight / rows.n


def subsets(clusters: Sequence[str]) -> list[tuple[str, ...]]:
    """List the combinations of clusters, single ones first."""
    orders = range(1, len(clusters) + 1)
    return list(chain.from_iterable(combinations(clusters, order) for order in orders))


def _hash_rows(rows: ScannedRows, block: StoredBlock) -> int:
    """Add up hashes of the row labels, which do not depend on the order of rows."""
    from pandas.util import hash_array

    hashes = hash_array(block.entities(), categorize=False)[block.array("entity")]
    time = rows.sample.keys.names[1:]
    if time:
        texts = np.array([*map(str, rows.levels_of(*time))], dtype=object)
        times = hash_array(texts, categorize=False)
        hashes = hashes ^ (times[rows.codes(block, time)] * np.uint64(31))
    with np.errstate(over="ignore"):
        return int(np.add.reduce(hashes * np.uint64(0x9E3779B97F4A7C15)))


# --- counting -------------------------------------------------------------------------


def is_nested(rows: ScannedRows, inner: str, outer: str) -> bool:
    """Return whether one effect, or clusters, is nested in another."""
    if inner == outer:
        return True
    entity, start = rows.effects[0], 0
    outer_of = np.full(rows.sizes[inner,], -1)
    for block in rows.blocks:
        codes, others = (rows.codes(block, (text,)) for text in (inner, outer))
        if entity == inner:
            codes = codes + start
        elif entity == outer:
            others = others + start
        start += int(block.entity().max()) + 1
        unseen = outer_of[codes] < 0
        outer_of[codes[unseen]] = others[unseen]
        if (outer_of[codes] != others).any():
            return False
    return True


def effect_ranks(rows: ScannedRows, system: in_blocks.Dummies) -> Ranks:
    """Count the parameters of the effects, as `covariance.ranks` does from rows."""
    every = (*rows.effects, *rows.clusters)
    nested = {
        (inner, outer): is_nested(rows, inner, outer)
        for inner in rows.effects
        for outer in every
    }

    def inside(inner: str, outer: str) -> bool:
        return nested[inner, outer]

    return count_ranks(
        rows.effects,
        rows.effects,
        rows.clusters,
        rows.effects[0],
        inside,
        lambda effects: _effect_rank(finest(effects, inside), rows, system),
    )


def _effect_rank(
    effects: Sequence[str], rows: ScannedRows, system: in_blocks.Dummies
) -> tuple[int, bool]:
    """Compute the rank of the dummies of some effects, and whether it is exact."""
    entity, sizes = rows.effects[0], {e: rows.sizes[e,] for e in rows.effects}
    if len(effects) <= 1:
        return sum(sizes[e] for e in effects) or 1, True
    ends = np.cumsum([0, *(sizes[e] for e in rows.others)])
    at = {e: np.arange(*ends[i : i + 2]) for i, e in enumerate(rows.others)}
    if system.taken_out is None:
        largest = sorted(effects, key=lambda e: -sizes[e])
        second, first = sorted(largest[:2], key=entity.__eq__)
        table = system.cross if first == entity else system.gram[at[first]]
        return rank_by_components([sizes[e] for e in largest], table[:, at[second]])
    crossed = np.concatenate([at[e] for e in effects if e != entity])
    gram = system.gram[np.ix_(crossed, crossed)]
    if entity in effects:
        gram = gram - system.taken_out[np.ix_(crossed, crossed)]
    rank = pseudo_inverse(gram, system.weights[crossed])[1]
    return rank + (rows.n_entities if entity in effects else 0), True
