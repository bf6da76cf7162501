"""Rows of a scanned table, a sample a block, and counts of levels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial, reduce
from itertools import chain, combinations, product
from math import prod
from operator import add
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from digiprosper.checks import option_error, option_problem
from digiprosper.errors import MissingDataError, cited, counted, quoted
from digiprosper.kernels import Floats, Ints, in_blocks
from digiprosper.kernels.covariance import Ranks, count_ranks
from digiprosper.kernels.within import finest, pseudo_inverse, rank_by_components
from digiprosper.linear import preparation
from digiprosper.linear.diagnostics import lags_of_outcome
from digiprosper.linear.estimation import column_moments, single_column
from digiprosper.panel.access import table_of
from digiprosper.panel.describe import sort_by_count
from digiprosper.panel.keys import rows_text
from digiprosper.panel.sample import Dropped, Sample
from digiprosper.panel.scan import PanelScan, merge_moments
from digiprosper.panel.selection import (
    Levels,
    cut_sample,
    levels_in_use,
    refuse_missing,
)

# Rows of a block by which columns are recognised
_FEW_ROWS = 1000
_A_SAMPLE = "a sample in memory, spec.fit(scan.sample_entities(share))"
# Computes q further columns (n, q) of a block, and variables (n,) stored with them
Columns: TypeAlias = Callable[[Any, Sample], tuple[Floats, dict[str, Any]]]
# Names of further columns, and what computes them
Further: TypeAlias = tuple[tuple[str, ...], Columns | None]


@dataclass(frozen=True, slots=True, eq=False)
class RowCounts:
    """Counts of the rows of a block, or of several."""

    n: int
    n_entities: int
    most_rows: int  # of an entity
    across: int  # entities in several clusters
    hash: int
    weight: float
    lags: dict[int, list[str]]  # of outcomes
    # Rows by level of effects and clusters except the entity, and of the time
    by_level: dict[str, pd.Series[int]]
    moments: list[list[Floats]]  # by block, of columns and variables

    def __add__(self, other: RowCounts) -> RowCounts:
        """Add the rows of another block."""
        # Lags are recognised by values only if entities have several rows.
        several = [part for part in (self, other) if part.most_rows > 1] or [self]
        first, last = several[0].lags, several[-1].lags
        return RowCounts(
            n=self.n + other.n,
            n_entities=self.n_entities + other.n_entities,
            most_rows=max(self.most_rows, other.most_rows),
            across=self.across + other.across,
            hash=(self.hash + other.hash) % 2**64,
            weight=self.weight + other.weight,
            lags={y: [n for n in names if n in last[y]] for y, names in first.items()},
            by_level={
                text: rows.add(other.by_level[text], fill_value=0).astype(np.intp)
                for text, rows in self.by_level.items()
            },
            moments=self.moments + other.moments,
        )


@dataclass(frozen=True, slots=True, eq=False)
class EffectsAndClusters:
    """Effects and clusters of a model of a scanned table."""

    options: preparation.LinearOptions
    effects: tuple[str, ...]  # the entity's first
    clusters: tuple[str, ...]

    @property
    def others(self) -> tuple[str, ...]:
        """Effects but that of the entity."""
        return self.effects[1:]


@dataclass(frozen=True, slots=True, eq=False)
class ScannedRows(EffectsAndClusters):
    """A scanned table: the sample of each block, and counts of all."""

    blocks: Any  # of samples
    sample: Sample  # a few rows; source of names, factors and labels
    names: tuple[str, ...]  # outcome, regressors and further columns
    positions: tuple[int, ...]  # of these in the samples
    total: int  # rows of the table
    counts: RowCounts
    # Levels in use of effects and clusters except the entity, and of the time, in
    # order; codes of combinations of clusters
    levels: Mapping[tuple[str, ...], pd.Index[Any]]
    sizes: Mapping[tuple[str, ...], int]  # numbers of levels
    # Whether an effect is nested in another, or in clusters; empty before `link`
    nested: Mapping[tuple[str, str], bool] = field(default_factory=dict)

    @property
    def n_levels(self) -> list[int]:
        """Number of levels of each effect but that of the entity."""
        return [self.sizes[text,] for text in self.others]

    @property
    def n_times(self) -> int:
        """Number of periods."""
        return self.sizes.get(self.sample.keys.names[1:], 1)

    @property
    def variables(self) -> list[str]:
        """Variables of the terms that are no columns themselves."""
        return [name for name in self.sample.variables if name not in self.names]

    @property
    def moments(self) -> Floats:
        """Moments (k, 5) of columns and variables."""
        moments = np.array(self.counts.moments).transpose(1, 0, 2)
        every = list(self.sample.variables)
        at = [every.index(name) - len(every) for name in self.variables]
        return np.vstack([merge_moments(moments[j]) for j in (*self.positions, *at)])

    def run(self, function: Callable[[ScannedRows, Sample], Any]) -> Iterator[Any]:
        """Call a function with these counts and each sample; yield in order."""
        results: Iterator[Any] = self.blocks.run(partial(function, self))
        return results

    def run_on_blocks(
        self, positions: Sequence[int], groupings: Sequence[tuple[str, ...]] = ()
    ) -> in_blocks.Run:
        """Return what passes take; `groupings` are effects or clusters, () is rows."""

        def run(function: Callable[[in_blocks.Block], Any]) -> Iterator[Any]:
            def call(rows: ScannedRows, sample: Sample) -> Any:
                return function(rows.block(sample, positions, groupings))

            return self.run(call)

        return run

    def codes(self, sample: Sample, texts: tuple[str, ...]) -> Ints:
        """Code levels or combinations (n,) as in all blocks; entities in this one."""
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
                f"or fit {_A_SAMPLE}.",
            )
        return np.ravel_multi_index(parts, sizes)

    def block(
        self,
        sample: Sample,
        positions: Sequence[int],
        groupings: Sequence[tuple[str, ...]] = (),
    ) -> in_blocks.Block:
        """Return columns of some positions, effects and groups of a block."""
        weights = preparation.checked_weights(sample, self.options)
        if weights is not None:  # with mean one in all blocks
            weights = weights / (self.counts.weight / self.counts.n)
        return in_blocks.block_of(
            sample.matrix.T[[self.positions[j] for j in positions]].T,
            sample.entity,
            codes=[self.codes(sample, (text,)) for text in self.others],
            levels=self.n_levels,
            obs_weights=weights,
            labels=sample.entities.to_numpy(dtype=object),
            groupings=[self.codes(sample, t) if t else None for t in groupings],
        )


def effects_and_clusters(
    options: preparation.LinearOptions, scan: PanelScan[Any]
) -> EffectsAndClusters:
    """Read the effects and clusters of a scanned table."""
    absorbed, entity = preparation.absorbed_effects(scan, options), scan.entity_name
    slopes = [a.name for a in absorbed if a.slope is not None]
    if slopes:
        raise option_error(
            "absorb",
            slopes[0],
            f"absorb={quoted(slopes)}: a scanned table takes no slopes by level. Fit "
            f"{_A_SAMPLE}.",
        )
    if not absorbed or absorbed[0].effect != entity:
        raise option_error(
            "entity_effects",
            None,
            f"a scanned table is read in blocks of {entity} and needs its effects. Set "
            "entity_effects=True, or make the column of another effect the entity of "
            "Panel.scan.",
        )
    clusters = preparation.cluster_terms(scan, options)
    return EffectsAndClusters(options, tuple(a.effect for a in absorbed), clusters)


def read_rows(
    model: EffectsAndClusters,
    copied: PanelScan[Any],
    roles: Mapping[str, Sequence[str]],
    folder: Path,
    further: Further,
) -> ScannedRows:
    """Store the sample of each block, with columns, effects and clusters."""
    levels = _collect_levels(model, copied, roles)
    names, columns_of = further
    weights = preparation.weight_and_slope_roles(copied, (), model.options)
    cut = partial(_cut_block, model, {**roles, **weights}, levels, columns_of)
    parts, blocks = copied._store(cut, folder)
    totals, samples, dropped, counts = zip(*parts, strict=True)
    sample = next((some for some in samples if some.nobs), samples[0])
    at = chain.from_iterable(sample.roles[role] for role in roles)
    positions, p = tuple(dict.fromkeys(at)), len(sample.names)
    sample, total = replace(sample, labels=copied.labels, dropped=()), sum(totals)
    return ScannedRows(
        options=model.options,
        effects=model.effects,
        clusters=model.clusters,
        blocks=blocks,
        names=(*roles["y"], *(sample.names[j] for j in positions[1:]), *names),
        positions=(*positions, *range(p, p + len(names))),
        total=total,
        **_add_up(model, total, sample, dropped, counts),
    )


def _cut_block(
    model: EffectsAndClusters,
    roles: Mapping[str, Sequence[str]],
    levels: Levels,
    columns_of: Columns | None,
    panel: Any,
) -> tuple[tuple[Any, ...], Sample]:
    """Cut the sample of a block with its further columns, and count its rows."""
    preparation.refuse_cross_section(panel, model.options)
    sample = cut_sample(
        table_of(panel),
        roles,
        codes=model.effects,
        clusters=model.clusters,
        missing="drop",
        where=model.options.where,
        across=levels,
    )
    single_column(sample, "y", *roles["y"])
    if model.options.singletons == "drop":
        pairs = np.bincount(sample.entity) > 1
        sample = sample.keep(pairs[sample.entity], _singletons(model.effects))
    few = np.zeros(sample.nobs, dtype=bool)
    few[:: 1 + sample.nobs // _FEW_ROWS] = True
    few_rows, dropped = sample.keep(few, ""), sample.dropped
    if columns_of is not None and sample.nobs:
        columns, variables = columns_of(panel, sample)
        sample = replace(
            sample,
            matrix=np.vstack([sample.matrix.T, columns.T]).T,
            variables={**sample.variables, **variables},
        )
    counts = _count(model, [*few_rows.variables], sample)
    return (panel.nobs, few_rows, dropped, counts), sample


def _count(
    model: EffectsAndClusters, variables: Sequence[str], sample: Sample
) -> RowCounts | None:
    """Count the rows of a sample, if there are any."""
    if not sample.nobs:
        return None
    by_entity = np.bincount(sample.entity)
    clusters = [sample.codes[text] for text in model.clusters]
    weight = preparation.checked_weights(sample, model.options)
    by_level = {}
    for text in {*model.effects, *model.clusters, *sample.keys.names[1:]}:
        if text != model.effects[0]:
            codes, levels = _coded(sample, text)
            size = np.bincount(codes, minlength=levels.size)
            by_level[text] = pd.Series(size, levels)
    columns = [*sample.matrix.T, *(sample.variables[name] for name in variables)]
    return RowCounts(
        n=sample.nobs,
        n_entities=by_entity.size,
        most_rows=int(by_entity.max()),
        across=preparation.count_entities_across(sample, clusters),
        hash=_hash_rows(sample),
        weight=0.0 if weight is None else float(weight.sum()),
        lags=lags_of_outcome(sample),
        by_level=by_level,
        moments=[[column_moments(c[~np.isnan(c), None])[0] for c in columns]],
    )


def _add_up(
    model: EffectsAndClusters,
    total: int,
    sample: Sample,
    dropped: Iterable[Iterable[Dropped]],
    counts: Iterable[RowCounts | None],
) -> dict[str, Any]:
    """Add up counts, and the rows that blocks dropped, as fields of `ScannedRows`."""
    by_reason = {part.reason: part for part in sample.dropped}
    for part in chain.from_iterable(dropped):
        before = by_reason.get(part.reason)
        by_reason[part.reason] = before.add(part) if before else part
    if "missing" in by_reason:
        missing = by_reason["missing"]
        by_term = sort_by_count(missing.by_term)
        by_reason["missing"] = replace(missing, by_term=by_term)
    used = [count for count in counts if count is not None]
    _refuse_lost(model, total, by_reason, any_left=bool(used))
    count = reduce(add, used)
    levels = {(text,): series.index for text, series in count.by_level.items()}
    sizes = {texts: index.size for texts, index in levels.items()}
    return {
        "sample": replace(sample, dropped=tuple(by_reason.values())),
        "counts": count,
        "levels": levels,
        "sizes": {**sizes, model.effects[:1]: count.n_entities},
    }


def _singletons(effects: Sequence[str]) -> str:
    return f"singletons ({', '.join(effects)})"


def _refuse_lost(
    model: EffectsAndClusters,
    total: int,
    dropped: Mapping[str, Dropped],
    *,
    any_left: bool,
) -> None:
    """Refuse an empty sample, or missing values with ``missing="raise"``."""
    where = model.options.where
    not_chosen = dropped.get(f"where={where}")
    if not_chosen is not None and not_chosen.count == total:
        text = f"where={cited(where)} is true in no row of the table."
        raise MissingDataError(text, [option_problem("where", where, what=text)])
    missing = dropped.get("missing")
    if missing is not None and model.options.missing == "raise":
        first = f"{counted(missing.count, 'row')} (first: {rows_text(missing.rows)})"
        advice = "before the table is scanned"
        refuse_missing(missing.by_term, missing.compared, first, advice)
    if any_left:
        return
    singletons = dropped.get(_singletons(model.effects))
    if singletons is not None:
        raise preparation.all_singletons_error(singletons.count, model.effects)
    assert missing is not None
    raise missing.empty_sample_error()


def _collect_levels(
    model: EffectsAndClusters,
    copied: PanelScan[Any],
    roles: Mapping[str, Sequence[str]],
) -> Levels:
    """Collect the levels of categories in the rows of all blocks."""
    if not any("C(" in text for texts in roles.values() for text in texts):
        return Levels({}, copied._files.rows)
    codes, where = model.effects, model.options.where
    every: dict[str, pd.Index[Any]] = {}
    complete = 0
    for in_block in copied._run(
        lambda panel: levels_in_use(table_of(panel), roles, codes=codes, where=where)
    ):
        complete += in_block.rows
        for name, index in in_block.levels.items():
            every[name] = every.get(name, index).union(index)
    for name, values in copied.source.categories.items():
        if name in every and every[name].isin(values).all():
            order = pd.Index(values)
            every[name] = order[order.isin(every[name])]
    return Levels(every, complete)


def _coded(sample: Sample, text: str) -> tuple[Ints, pd.Index[Any]]:
    """Return the codes (n,) of an effect, clusters or the time, and their levels."""
    if text == sample.keys.time_name:
        return sample.time, sample.times
    return sample.codes[text], sample.code_levels[text]


# --- rows that are used, and how effects and clusters are nested ----------------------


def drop_singletons(rows: ScannedRows, folder: Path) -> ScannedRows:
    """Drop rows that are the only one of a level of an effect, repeatedly."""
    # Blocks have dropped the only rows of entities.
    while any((rows.counts.by_level[text] == 1).any() for text in rows.others):
        parts, blocks = rows.blocks.store(partial(_drop_singletons, rows), folder)
        added = _add_up(rows, rows.total, rows.sample, *zip(*parts, strict=True))
        rows = replace(rows, blocks=blocks, **added)
    return rows


def _drop_singletons(
    rows: ScannedRows, sample: Sample
) -> tuple[tuple[Any, ...], Sample]:
    """Drop rows of a block, and count the others."""
    mask = np.ones(sample.nobs, dtype=bool)
    for text in rows.others:
        single = rows.counts.by_level[text].to_numpy() == 1
        mask &= ~single[rows.codes(sample, (text,))]
    mask &= np.bincount(sample.entity, mask)[sample.entity] > 1
    out = sample.keep(mask, _singletons(rows.effects))
    dropped = () if out is sample else out.dropped[-1:]
    return (dropped, _count(rows, [*rows.sample.variables], out)), out


def link(
    rows: ScannedRows, positions: Sequence[int], centres: Floats
) -> tuple[ScannedRows, tuple[Any, ...]]:
    """Run the first pass, and see in it what is nested and which combinations occur."""
    entity = rows.effects[0]
    pairs = [*product(rows.effects, (*rows.effects, *rows.clusters))]
    orders = range(2, len(rows.clusters) + 1)
    crossed = [*chain.from_iterable(combinations(rows.clusters, n) for n in orders)]
    levels, sizes, outer_of = {**rows.levels}, {**rows.sizes}, dict[Any, Any]()

    def run(function: Callable[..., Any]) -> Iterator[Any]:
        def link_block(rows: ScannedRows, sample: Sample) -> tuple[Any, ...]:
            keys = [np.unique(rows.combinations(sample, texts)) for texts in crossed]
            outer = [_outer_levels(rows, sample, *pair) for pair in pairs]
            return keys, outer, function(rows.block(sample, positions))

        for keys, outer, sums in rows.run(link_block):
            for texts, distinct in zip(crossed, keys, strict=True):
                size = sizes.get(texts, 0) + distinct.size
                if entity not in texts:
                    index = pd.Index(distinct)
                    levels[texts] = index.union(levels.get(texts, index))
                    size = levels[texts].size
                sizes[texts] = size
            for pair, of_block in zip(pairs, outer, strict=True):
                if pair in outer_of:
                    of_block = _merge(outer_of[pair], of_block, whole=pair[1] == entity)
                outer_of[pair] = of_block
            yield sums

    sums = in_blocks.first_pass(run, rows.n_levels, centres)
    nested = {pair: outer_of[pair] is not None for pair in pairs}
    return replace(rows, levels=levels, sizes=sizes, nested=nested), sums


def _outer_levels(
    rows: ScannedRows, sample: Sample, inner: str, outer: str
) -> Ints | None:
    """Return the outer level (L,) of each inner one, or -1; None if one has several."""
    entity = rows.effects[0]
    if inner == outer:
        return np.empty(0, dtype=np.intp)
    codes, others = (rows.codes(sample, (text,)) for text in (inner, outer))
    size = sample.n_entities if inner == entity else rows.sizes[inner,]
    levels = np.full(size, -1)
    # Some rows are often enough to see that it is not nested.
    for part in (slice(1000), slice(None)):
        levels[codes[part]] = others[part]
        if (levels[codes[part]] != others[part]).any():
            return None
    # Levels of entities are whole in a block: nothing has to be returned of them.
    return levels[:0] if inner == entity else levels


def _merge(before: Any, levels: Any, *, whole: bool) -> Ints | None:
    """Merge outer levels (L,); `whole` if each is in one block alone."""
    if before is None or levels is None:
        return None
    both = (before >= 0) & (levels >= 0)
    differ = both if whole else both & (before != levels)
    return None if differ.any() else np.maximum(before, levels)


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


def effect_ranks(rows: ScannedRows, system: in_blocks.Dummies) -> Ranks:
    """Count the parameters of the effects, as `covariance.ranks` does from rows."""

    def inside(inner: str, outer: str) -> bool:
        return rows.nested[inner, outer]

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
    return rank + (rows.counts.n_entities if entity in effects else 0), True
