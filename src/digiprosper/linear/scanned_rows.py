"""Rows of a scanned table, a sample a block on disk, and counts of levels."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, combinations, compress
from math import prod
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from digiprosper.checks import option_error, option_problem
from digiprosper.errors import MissingDataError, cited, counted, quoted
from digiprosper.kernels import Bools, Floats, Ints, in_blocks
from digiprosper.kernels.covariance import Ranks, count_ranks
from digiprosper.kernels.within import finest, pseudo_inverse, rank_by_components
from digiprosper.linear import preparation
from digiprosper.linear.diagnostics import lags_of_outcome
from digiprosper.linear.estimation import single_column
from digiprosper.panel.access import table_of
from digiprosper.panel.columns import sort_by_count
from digiprosper.panel.keys import rows_text
from digiprosper.panel.sample import Dropped, Sample
from digiprosper.panel.scan import PanelScan, explain_block_errors
from digiprosper.panel.selection import (
    Levels,
    cut_sample,
    levels_in_use,
    refuse_missing,
)

# Computes q further columns (n, q) of a block, and variables (n,) stored with them
Columns: TypeAlias = Callable[[Any, Sample], tuple[Floats, dict[str, Any]]]
Further: TypeAlias = Callable[[PanelScan[Any]], tuple[tuple[str, ...], Columns]]


@dataclass(slots=True, eq=False)
class ScannedRows:
    """A scanned table: the sample of each block on disk, and counts."""

    options: preparation.LinearOptions
    scan: PanelScan[Any]
    sample: Sample  # first block with rows; source of names, factors and labels
    folder: Path
    effects: tuple[str, ...]  # the entity's first
    clusters: tuple[str, ...]
    names: tuple[str, ...]  # outcome, regressors and further columns
    positions: tuple[int, ...]  # of these in the samples
    total: int = 0  # rows of the table
    dropped: dict[str, Dropped] = field(default_factory=dict)  # by reason
    blocks: list[int] = field(default_factory=list)  # numbers of those with rows
    # Lags of outcomes in all blocks
    lags: dict[int, list[str]] = field(default_factory=dict)
    # Levels in use of effects and clusters except the entity, and of the time, in
    # order; codes of combinations of clusters
    levels: dict[tuple[str, ...], pd.Index[Any]] = field(default_factory=dict)
    # The following fields are set by `count_rows`
    sizes: dict[tuple[str, ...], int] = field(default_factory=dict)  # numbers of levels
    n: int = 0
    most_rows: int = 0  # of an entity
    across: int = 0  # entities in several clusters
    hash: int = 0
    mean_weight: float = 1.0

    @property
    def others(self) -> tuple[str, ...]:
        """Effects but that of the entity."""
        return self.effects[1:]

    @property
    def n_levels(self) -> list[int]:
        """Number of levels of each effect but that of the entity."""
        return [self.sizes[text,] for text in self.others]

    @property
    def n_entities(self) -> int:
        """Number of entities."""
        return self.sizes[self.effects[:1]]

    @property
    def n_times(self) -> int:
        """Number of periods."""
        return self.sizes.get(self.sample.keys.names[1:], 1)

    @property
    def variables(self) -> list[str]:
        """Variables of the terms that are no columns themselves."""
        return [name for name in self.sample.variables if name not in self.names]

    def write(self, number: int, sample: Sample) -> None:
        """Write the rows of a block."""
        np.save(
            self.folder / f"{number}.npy",
            np.array([*sample.matrix.T, *sample.variables.values()]),
        )
        nothing = np.empty((0, 0))
        variables = dict.fromkeys(sample.variables, nothing)
        with (self.folder / f"{number}.pickle").open("wb") as file:
            pickle.dump(replace(sample, matrix=nothing, variables=variables), file)

    def load(self, number: int) -> Sample:
        """Read the rows of a block; columns stay on disk until they are used."""
        with (self.folder / f"{number}.pickle").open("rb") as file:
            sample: Sample = pickle.load(file)
        columns = np.load(self.folder / f"{number}.npy", mmap_mode="r")
        p = len(columns) - len(sample.variables)
        variables = dict(zip(sample.variables, columns[p:], strict=True))
        return replace(sample, matrix=columns[:p].T, variables=variables)

    def samples(self) -> Iterator[Sample]:
        """Read the rows of each block."""
        return map(self.load, self.blocks)

    def add_dropped(self, dropped: Dropped) -> None:
        """Add rows of a block that were dropped to those of other blocks."""
        before = self.dropped.get(dropped.reason)
        self.dropped[dropped.reason] = (
            dropped if before is None else before.add(dropped)
        )

    def add_levels(self, sample: Sample) -> None:
        """Add the levels of a block to those of other blocks."""
        for text in (*self.others, *self.clusters, *sample.keys.names[1:]):
            if text != self.effects[0]:
                levels = _coded(sample, text)[1]
                before = self.levels.get((text,), levels)
                self.levels[text,] = before.union(levels)

    def codes(self, sample: Sample, texts: tuple[str, ...]) -> Ints:
        """Code the levels of a block (n,) as in all; with the entity they are its own.

        Several texts are combinations of clusters.
        """
        entity = self.effects[0]
        if texts == (entity,):
            return sample.entity
        if len(texts) == 1:
            codes, levels = _coded(sample, *texts)
            return np.asarray(self.levels[texts].get_indexer(levels)[codes])
        keys = self.combinations(sample, texts)
        if entity in texts:
            return np.unique(keys, return_inverse=True)[1]
        return np.asarray(self.levels[texts].get_indexer(pd.Index(keys)))

    def combinations(self, sample: Sample, texts: tuple[str, ...]) -> Ints:
        """Return the combinations of clusters (n,) of a block as numbers with gaps."""
        parts = [self.codes(sample, (text,)) for text in texts]
        sizes = [
            self.levels[text,].size if (text,) in self.levels else sample.n_entities
            for text in texts
        ]
        if prod(sizes) > np.iinfo(np.intp).max:
            raise option_error(
                "clusters",
                texts,
                f"clusters={quoted(texts)} have {' x '.join(f'{n:,}' for n in sizes)} "
                "combinations, too many for a scanned table. Use clusters in two ways, "
                "or fit a sample in memory, spec.fit(scan.sample_entities(share)).",
            )
        return np.ravel_multi_index(parts, sizes)

    def weights(self, sample: Sample) -> Floats | None:
        """Return the weights (n,) of a block, which have mean one in all blocks."""
        if self.options.obs_weights is None:
            return None
        return preparation.checked_weights(sample, self.options) / self.mean_weight

    def block(self, sample: Sample, positions: Sequence[int]) -> in_blocks.Block:
        """Return columns of some positions and the effects of a block."""
        return in_blocks.block_of(
            sample.matrix.T[[self.positions[j] for j in positions]].T,
            sample.entity,
            [self.codes(sample, (text,)) for text in self.others],
            self.n_levels,
            self.weights(sample),
            sample.entities.to_numpy(dtype=object),
        )

    def read(self, positions: Sequence[int]) -> Iterator[in_blocks.Block]:
        """Read columns of some positions and the effects of each block."""
        return (self.block(sample, positions) for sample in self.samples())


def read_rows(
    spec: Any,
    copied: PanelScan[Any],
    regressors: Mapping[str, Sequence[str]],
    folder: Path,
    further: Further | None = None,
) -> ScannedRows:
    """Write the sample of each block, with columns, effects and clusters."""
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
            sample = cut_sample(
                table_of(panel),
                roles,
                codes=effects,
                clusters=clusters,
                missing="drop",
                where=options.where,
                across=levels,
            )
        if rows is None:
            single_column(sample, "y", spec.y)
            at = chain.from_iterable(sample.roles[role] for role in ("y", *regressors))
            positions = tuple(dict.fromkeys(at))
            p = len(sample.names)
            rows = ScannedRows(
                options,
                copied,
                sample,
                folder,
                effects,
                clusters,
                (spec.y, *(sample.names[j] for j in positions[1:]), *names),
                (*positions, *range(p, p + len(names))),
            )
        rows.total += panel.nobs
        for dropped in sample.dropped:
            rows.add_dropped(dropped)
        if sample.nobs:
            _store_block(rows, number, panel, sample, columns_of)
    assert rows is not None
    _refuse_lost(spec, rows)
    return rows


def _store_block(
    rows: ScannedRows,
    number: int,
    panel: Any,
    sample: Sample,
    columns_of: Columns | None,
) -> None:
    """Write a block with its further columns, and look for levels and lags in it."""
    if not rows.blocks:
        rows.sample = replace(sample, labels=rows.scan.labels)
    if columns_of is not None:
        columns, variables = columns_of(panel, sample)
        sample = replace(
            sample,
            matrix=np.hstack([sample.matrix, columns]),
            variables={**sample.variables, **variables},
        )
    rows.write(number, sample)
    rows.add_levels(sample)
    # Lags are recognised by values only if entities have several rows.
    if not rows.blocks or (np.diff(sample.entity) == 0).any():
        lags = lags_of_outcome(sample)
        before = rows.lags or lags
        rows.lags = {at: [n for n in before[at] if n in lags[at]] for at in lags}
    rows.blocks.append(number)


def _refuse_lost(spec: Any, rows: ScannedRows) -> None:
    """Refuse an empty sample, or missing values with ``missing="raise"``."""
    not_chosen = rows.dropped.get(f"where={spec.where}")
    if not_chosen is not None and not_chosen.count == rows.total:
        text = f"where={cited(spec.where)} is true in no row of the table."
        raise MissingDataError(text, [option_problem("where", spec.where, what=text)])
    lost = rows.dropped.get("missing")
    if lost is None:
        return
    lost = replace(lost, by_term=sort_by_count(lost.by_term))
    rows.dropped["missing"] = lost
    if spec.missing == "raise":
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


def _coded(sample: Sample, text: str) -> tuple[Ints, pd.Index[Any]]:
    """Return the codes (n,) of an effect, clusters or the time, and their levels."""
    if text == sample.keys.time_name:
        return sample.time, sample.times
    return sample.codes[text], sample.code_levels[text]


# --- rows that are used, and how effects and clusters are nested ----------------------


def drop_singletons(rows: ScannedRows) -> None:
    """Drop rows that are the only one of a level of an effect, repeatedly."""
    masks = [np.ones(sample.nobs, dtype=bool) for sample in rows.samples()]
    before = remaining = sum(mask.size for mask in masks)
    last = -1
    while remaining != last:
        last, remaining = remaining, 0
        counts = [_rows_by_level(rows, masks, text) for text in rows.others]
        for sample, mask in zip(rows.samples(), masks, strict=True):
            mask &= np.bincount(sample.entity, mask)[sample.entity] > 1
            for text, count in zip(rows.others, counts, strict=True):
                mask &= count[rows.codes(sample, (text,))] > 1
            remaining += int(mask.sum())
    if remaining == before:
        return
    if not remaining:
        raise preparation.all_singletons_error(before, rows.effects)
    rows.levels = {}
    for number, mask in zip(rows.blocks, masks, strict=True):
        # Nothing refers to the files when they are written again.
        sample = rows.load(number).keep(mask, f"singletons ({', '.join(rows.effects)})")
        if not mask.all():
            rows.add_dropped(sample.dropped[-1])
            rows.write(number, sample)
        if sample.nobs:
            rows.add_levels(sample)
    rows.blocks = [*compress(rows.blocks, map(np.any, masks))]


def _rows_by_level(rows: ScannedRows, masks: Sequence[Bools], text: str) -> Ints:
    """Count the rows of each level of an effect."""
    counts = np.zeros(rows.levels[text,].size, dtype=np.intp)
    for sample, mask in zip(rows.samples(), masks, strict=True):
        counts += np.bincount(rows.codes(sample, (text,))[mask], minlength=counts.size)
    return counts


def count_rows(rows: ScannedRows) -> None:
    """Count rows, entities, and the combinations of clusters that occur."""
    entity, weight = rows.effects[0], 0.0
    crossed = [texts for texts in subsets(rows.clusters) if len(texts) > 1]
    rows.sizes = dict.fromkeys([(entity,), *crossed], 0)
    keys = {t: np.empty(0, dtype=np.intp) for t in crossed if entity not in t}
    for sample in rows.samples():
        by_entity = np.bincount(sample.entity)
        rows.n += sample.nobs
        rows.sizes[entity,] += by_entity.size
        rows.most_rows = max(rows.most_rows, int(by_entity.max()))
        rows.across += preparation.count_entities_across(
            sample.entity, [sample.codes[text] for text in rows.clusters]
        )
        for texts in crossed:
            distinct = np.unique(rows.combinations(sample, texts))
            if texts in keys:
                keys[texts] = np.union1d(keys[texts], distinct)
            else:
                rows.sizes[texts] += distinct.size
        rows.hash = (rows.hash + _hash_rows(sample)) % 2**64
        if rows.options.obs_weights is not None:
            weight += float(preparation.checked_weights(sample, rows.options).sum())
    rows.mean_weight = weight / rows.n
    rows.sample = replace(rows.sample, dropped=tuple(rows.dropped.values()))
    rows.levels |= {texts: pd.Index(every) for texts, every in keys.items()}
    rows.sizes |= {texts: levels.size for texts, levels in rows.levels.items()}


def subsets(clusters: Sequence[str]) -> list[tuple[str, ...]]:
    """List the combinations of clusters, single ones first."""
    orders = range(1, len(clusters) + 1)
    return list(chain.from_iterable(combinations(clusters, order) for order in orders))


def _hash_rows(sample: Sample) -> int:
    """Add up hashes of the row labels, which do not depend on the order of rows."""
    from pandas.util import hash_array

    hashes = hash_array(sample.entities.to_numpy(), categorize=False)[sample.entity]
    if sample.keys.time_name is not None:
        texts = np.array([*map(str, sample.times)], dtype=object)
        times = hash_array(texts, categorize=False)[sample.time]
        hashes = hashes ^ (times * np.uint64(31))
    with np.errstate(over="ignore"):
        return int(np.add.reduce(hashes * np.uint64(0x9E3779B97F4A7C15)))


# --- counting -------------------------------------------------------------------------


def is_nested(rows: ScannedRows, inner: str, outer: str) -> bool:
    """Return whether one effect, or clusters, is nested in another."""
    if inner == outer:
        return True
    entity, start = rows.effects[0], 0
    outer_of = np.full(rows.sizes[inner,], -1)
    for sample in rows.samples():
        codes, others = (rows.codes(sample, (text,)) for text in (inner, outer))
        if entity == inner:
            codes = codes + start
        elif entity == outer:
            others = others + start
        start += sample.n_entities
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
    entity = rows.effects[0]
    if len(effects) <= 1:
        return sum(rows.sizes[e,] for e in effects) or 1, True
    # Columns of each effect but the entity's among the dummies
    ends = np.cumsum([0, *rows.n_levels])
    at = {e: np.arange(*ends[i : i + 2]) for i, e in enumerate(rows.others)}
    if system.taken_out is None:
        largest = sorted(effects, key=lambda e: -rows.sizes[e,])
        second, first = sorted(largest[:2], key=entity.__eq__)
        table = system.cross if first == entity else system.gram[at[first]]
        sizes = [rows.sizes[e,] for e in largest]
        return rank_by_components(sizes, table[:, at[second]])
    crossed = np.concatenate([at[e] for e in effects if e != entity])
    gram = system.gram[np.ix_(crossed, crossed)]
    if entity in effects:
        gram = gram - system.taken_out[np.ix_(crossed, crossed)]
    rank = pseudo_inverse(gram, system.weights[crossed])[1]
    return rank + (rows.n_entities if entity in effects else 0), True
