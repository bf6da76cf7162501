"""Estimation on a panel larger than memory, from sums over blocks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import reduce
from itertools import chain
from operator import add
from typing import Any, ClassVar, cast

import numpy as np

from digiprosper.checks import option_error
from digiprosper.errors import Notice, OptionError, cited, quoted
from digiprosper.kernels import Floats, in_blocks
from digiprosper.kernels.cluster_jackknife import deviations_from_grams
from digiprosper.kernels.covariance import (
    Counts,
    Part,
    Ranks,
    Vcov,
    count_groups,
    counts,
    vcov,
)
from digiprosper.kernels.equation import Solved
from digiprosper.kernels.in_blocks import MOST_DENSE, cluster_shares
from digiprosper.kernels.resampling import Grams, block_grams
from digiprosper.kernels.tolerances import SOLVED
from digiprosper.linear.diagnostics import ClusterVariation
from digiprosper.linear.doubtful_terms import derived_term_notices, shifted_log
from digiprosper.linear.estimation import (
    Demeaned,
    estimation_sample,
    find_constant_and_absorbed,
    r_squared,
)
from digiprosper.linear.kernels.two_stage import Projection, mask_zero_variances
from digiprosper.linear.kernels.wild import keeps_cluster_sums
from digiprosper.linear.notices import (
    chosen_rows,
    dropped_notices,
    entities_across,
    many_dummies,
    rank_bound,
    robust_inconsistent,
)
from digiprosper.linear.preparation import (
    Prepared,
    cluster_size_notices,
    period_notices,
    refuse_cov_types,
    refuse_extreme,
)
from digiprosper.linear.results import EstimationSample, RowSummary
from digiprosper.linear.scanned_rows import (
    EffectsAndClusters,
    Further,
    ScannedRows,
    drop_singletons,
    effect_ranks,
    effects_and_clusters,
    link,
    read_rows,
)
from digiprosper.panel.codes import Absorbed
from digiprosper.panel.keys import period_text
from digiprosper.panel.scan import PanelScan
from digiprosper.panel.sources import temporary_folder
from digiprosper.panel.terms import crossed, parse

_REFUSED = ("hc2", "hc3", "crv3", "cr2", "conley")
_MOST_PASSES = 6
# Limit of the products of columns and errors whose sums are scores
_MOST_SCORES = 2**11
# Limits of products by cluster in a jackknife, and of entities in a block
_MOST_PRODUCTS, _MOST_TOGETHER = 2**27, 2**15
_NO_COLUMNS: Further = ((), None)
_IN_MEMORY = "fit a sample in memory, spec.fit(scan.sample_entities(0.1))"


def specification_texts(spec: Any) -> list[str]:
    """List the terms of a specification."""
    options = spec.options
    others = [text for text in (options.obs_weights, options.where) if text is not None]
    return [*spec.terms, *options.absorb, *(options.clusters or ()), *others]


def checked_rows(
    spec: Any, scan: PanelScan[Any], roles: Mapping[str, Sequence[str]]
) -> EffectsAndClusters:
    """Check options and terms, before the table is copied, which is slow."""
    refuse_cov_types("a scanned table", spec.options.cov_type, _REFUSED, _IN_MEMORY)
    _refuse_unknown_columns(spec, scan.columns, roles)
    return effects_and_clusters(spec.options, scan)


@contextmanager
def scanned(
    spec: Any,
    scan: PanelScan[Any],
    regressors: Mapping[str, Sequence[str]],
    further: Further = _NO_COLUMNS,
) -> Iterator[tuple[Prepared, Demeaned]]:
    """Copy a scanned table, and prepare its rows and compressed columns."""
    roles = {"y": (spec.y,), **regressors}
    model = checked_rows(spec, scan, roles)
    terms = [*specification_texts(spec), *chain.from_iterable(roles.values())]
    with (
        scan.copied(terms) as copied,
        temporary_folder(copied._files.folder) as folder,
    ):
        rows = read_rows(model, copied, roles, folder, further)
        if rows.options.singletons == "drop":
            rows = drop_singletons(rows, folder)
        yield _prepare(rows, copied)


def _refuse_unknown_columns(
    spec: Any, columns: Sequence[str], roles: Mapping[str, Sequence[str]]
) -> None:
    weights, event = spec.options.obs_weights, getattr(spec, "event", None)
    for role, texts in {**roles, "obs_weights": [weights], "event": [event]}.items():
        for text in filter(None, texts):
            parse(text, columns, role)
    for text in spec.options.clusters or ():
        crossed(text, columns, "clusters")


# --- preparation ----------------------------------------------------------------------


def _prepare(rows: ScannedRows, copied: PanelScan[Any]) -> tuple[Prepared, Demeaned]:
    """Count rows, effects and clusters, and demean the columns."""
    refuse_extreme(
        np.abs(rows.moments[:, 3:5]).max(axis=1)[None, :],
        [*rows.names, *rows.variables],
    )
    _refuse_two_large_effects(rows)
    groups = tuple(rows.sizes[text,] for text in rows.clusters)
    few = cluster_size_notices(rows.clusters, groups, rows.options.cov_type)
    demeaned, sums = _demean_in_blocks(rows)
    rows = sums.rows
    ranks = effect_ranks(rows, sums.system)
    prepared = Prepared(
        sample=rows.sample,
        within=cast("Any", None),
        absorbed=tuple(Absorbed(effect) for effect in rows.effects),
        count=counts(rows.counts.n, 0, ranks, groups, periods=rows.n_times),
        cluster_codes=(),
        cluster_names=rows.clusters,
        obs_weights=None,
        options=replace(rows.options, keep_rows=True),
        notices=tuple(_row_notices(rows, copied, ranks, few)),
        block_sums=sums,
    )
    return prepared, demeaned


def _refuse_two_large_effects(rows: ScannedRows) -> None:
    large = [text for text in rows.others if rows.sizes[text,] > MOST_DENSE]
    if len(large) > 1:
        text = (
            f"absorb: {quoted(large)} have more than {MOST_DENSE:,} levels "
            "each; with a scanned table only one effect besides the entity can. Make "
            "one of them the entity of Panel.scan"
        )
        raise _scan_error("absorb", text, large[1])


def _demean_in_blocks(rows: ScannedRows) -> tuple[Demeaned, BlockSums]:
    """Demean the columns, compressed to a triangular factor; the outcome is first."""
    p = len(rows.names)
    order, back = [*range(1, p), 0], [-1, *range(p - 1)]
    of_columns = rows.moments[:p]
    rows, sums_of_columns = link(rows, order, of_columns[order, 1])
    by_entity, right, total, system = sums_of_columns
    before = np.diag(by_entity)
    values = system.solve(right, before)
    products = by_entity - right.T @ values
    transform, regular = in_blocks.orthonormalising_transform(products, np.sqrt(before))
    if regular.all():
        factor, squares = in_blocks.triangular_factor(products), np.diag(products)
    else:
        # Cross products are not precise for norms below a millionth of the raw ones.
        for _ in range(_MOST_PASSES):
            sums = in_blocks.second_pass(rows.run_on_blocks(order), values, transform)
            factor, squares = sums.factor, sums.squares
            step = sums.remaining_effects(system, before)
            if step is None:
                break
            values += step
    compressed = np.asfortranarray(factor[:, back])
    lengths = np.sqrt(squares[back])
    constant, absorbed = find_constant_and_absorbed(of_columns, lengths)
    demeaned = Demeaned(
        names=rows.names,
        raw=np.empty((0, p)),
        columns=compressed,
        effects=(),
        moments=of_columns,
        lengths=lengths,
        constant=constant,
        absorbed=absorbed,
        products=compressed.T @ compressed,
    )
    by_entity, values = by_entity[np.ix_(back, back)], values[:, back]
    return demeaned, BlockSums(rows, system, total[back], by_entity, values)


# --- scores ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class BlockSums:
    """Sums over the rows of a scanned table; scores of equations are computed here."""

    # Equations get compressed columns with the same cross products as all rows.
    rows: ScannedRows
    system: in_blocks.Dummies
    total: Floats  # (p,) sums of squares of the columns around their means
    by_entity: Floats  # (p, p) products of the columns net of entity means
    by_level: Floats  # (L, p) estimates of the other effects

    has_scores: ClassVar[bool] = False

    def with_scores(
        self,
        prepared: Prepared,
        demeaned: Demeaned,
        design: Sequence[int],
        errors: Sequence[int],
        regressors: Mapping[tuple[int, ...], Floats],
    ) -> tuple[Prepared, Demeaned]:
        """Sum scores by group in a pass over the rows; return columns in their basis.

        Residuals of the equations are combinations of columns `errors` net of `design`.
        `regressors` has by position the (projected) columns that slopes depend on.
        """
        at, clusters = [*design, *errors], self.rows.clusters
        turn, factor = np.linalg.qr(demeaned.columns[:, at])
        in_basis = [turn.T @ columns for columns in regressors.values()]
        # Each column of an equation, less what its others explain
        partials = np.hstack(
            [np.linalg.pinv(x / np.linalg.norm(x, axis=0)).T for x in in_basis]
        )
        fewest, kind = min(map(len, regressors)), self.rows.options.cov_type
        parts = self.vcov(prepared.count, kind).parts if kind != "unadjusted" else ()
        scores = self._empty_scores(parts, partials, len(errors), fewest)
        sums, by_level, transform = self._orthonormal_pass(
            at, len(design), factor, scores
        )
        rotation = in_blocks.inverse_factor(in_blocks.triangular_factor(sums.products))
        scores = dict(zip(scores, sums.scores, strict=True))
        by_group = {texts: score.by_group(rotation) for texts, score in scores.items()}
        out = ScoredSums(
            self.rows,
            self.system,
            self.total,
            self.by_entity,
            by_level,
            positions=tuple(at),
            rotation=transform @ rotation,
            plain=rotation.T @ sums.plain @ rotation,
            shares=tuple(self._shares(c, scores[c,]) for c in clusters),
            products={
                texts: products[:, : len(at) - 1, -len(errors) :]
                for texts, products in by_group.items()
            },
            regressors=tuple(map(demeaned.names_at, regressors)),
        )
        # All products by cluster, if these are few
        codes: Any = tuple(
            by_group[c,] if scores[c,].keep else np.empty(0) for c in clusters
        )
        return (
            replace(prepared, block_sums=out, cluster_codes=codes),
            _in_basis(demeaned, at, sums.factor),
        )

    def _orthonormal_pass(
        self,
        at: Sequence[int],
        first: int,
        factor: Floats,
        scores: Mapping[tuple[str, ...], in_blocks.Scores],
    ) -> tuple[Any, Floats, Floats]:
        """Pass over the rows with columns that are made nearly orthonormal.

        If residuals, of the columns behind the `first` ones, or effects move by more
        than rounding once they are, the pass is repeated, as long as they move by less
        than half of what they did before. Also return effects by level, and what makes
        columns nearly orthonormal.
        """
        values, before = self.by_level[:, at], np.diag(self.by_entity)[at]
        run, moved = self.rows.run_on_blocks(at, [*scores]), np.inf
        for _ in range(_MOST_PASSES):
            transform = in_blocks.inverse_factor(factor)
            sums = in_blocks.second_pass(run, values, transform, [*scores.values()])
            factor = sums.factor
            products = sums.products[:first]
            slopes = np.linalg.solve(products[:, :first], products[:, first:])
            last_moved = moved
            moved = np.abs(slopes).max(initial=0.0) * np.sqrt(self.rows.counts.n)
            effects = sums.remaining_effects(self.system, before)
            if effects is not None:
                values = values + effects
            elif not SOLVED < moved < last_moved / 2:
                break
        return sums, values, transform

    def _shares(self, cluster: str, score: in_blocks.Scores) -> Any:
        if score.inside:
            return score.variation
        return cluster_shares(
            score.variation, self.rows.levels[cluster,].astype(object)
        )

    def _empty_scores(
        self, parts: Sequence[Part], partials: Floats, errors: int, fewest: int
    ) -> dict[tuple[str, ...], in_blocks.Scores]:
        """Create empty sums for each part; `fewest` slopes per equation."""
        clusters, sizes = self.rows.clusters, self.rows.sizes
        few = all(keeps_cluster_sums(sizes[text,], fewest) for text in clusters)
        p, out = len(partials), {}
        for texts in map(_groups_of, parts):
            one_way = bool(clusters) and len(texts) == 1
            keep, inside = one_way and few, not texts or self.rows.effects[0] in texts
            out[texts] = in_blocks.Scores(
                # Joint tests need the products of all columns by cluster.
                k=p if keep else p - 1,
                e=p if keep else errors,
                inside=inside,
                size=sizes.get(texts, 0),
                keep=keep or not inside,
                partials=partials if one_way else None,
            )
        return out

    def vcov(self, count: Counts, cov_type: str) -> Vcov:
        """Return the covariance estimator; its codes are the names of the groups."""
        rows, options = self.rows, self.rows.options
        clusters = rows.clusters or rows.effects[:1]
        time: Any = rows.sample.keys.names[1:] or rows.effects[:1]

        def intersection(members: Sequence[int]) -> tuple[Any, int]:
            texts = tuple(clusters[member] for member in members)
            return texts, rows.sizes[texts]

        return vcov(
            cov_type,
            options.ssc,
            count,
            intersection,
            time,
            bandwidth=options.bandwidth,
        )

    def refuse_instruments(self) -> None:
        """Refuse what two-stage least squares cannot compute from sums over blocks."""
        rows, roles = self.rows, self.rows.sample.roles
        p, controls = len(rows.names), len(roles["x"])
        if (p - 1) * (p - controls) > _MOST_SCORES:
            text = f"{p - 1} columns are too many for instruments on a scanned table"
            raise _scan_error("instruments", text)
        if len(rows.clusters) != 1:
            return
        (cluster,), entity = rows.clusters, rows.effects[0]
        levels, groups = sum(rows.n_levels), rows.sizes[rows.clusters]
        # Entities are in memory block by block, other clusters all at once.
        together = _MOST_TOGETHER if cluster == entity else groups
        which = f"{levels:,} levels of further effects"
        if crosses := not rows.nested[entity, cluster]:
            which = f"each {entity} that is in several of them"
        if crosses or together * (p + levels) ** 2 > _MOST_PRODUCTS:
            text = (
                f"clusters={cited(cluster)}: the Anderson-Rubin test estimates effects "
                "anew without each cluster, which a scanned table cannot do for "
                f"{which}. Use clusters in two ways or cov_type='robust'"
            )
            raise _scan_error("clusters", text)

    def lags(self, roles: Sequence[str] | None) -> dict[int, list[str]]:
        """List the columns of roles that are lags of the outcome in every block."""
        sample, lags = self.rows.sample, self.rows.counts.lags
        every = sample.roles if roles is None else roles
        searched = {name for role in every for name in sample.names_of(role)}
        return {at: [n for n in names if n in searched] for at, names in lags.items()}


@dataclass(frozen=True, slots=True, eq=False)
class ScoredSums(BlockSums):
    """Sums with the scores of some equations, and how their columns are rotated."""

    positions: tuple[int, ...]  # of the columns, also of those of `by_level`
    rotation: Floats  # (p, p) from the columns to orthonormal ones
    plain: Floats  # (p, p) products of these, never weighted
    shares: tuple[in_blocks.ClusterShares, ...]  # by cluster
    products: Mapping[Any, Floats]  # by group of rows, see `Part`
    regressors: tuple[tuple[str, ...], ...]  # names of the columns of `shares`

    has_scores: ClassVar[bool] = True

    def vcov(self, count: Counts, cov_type: str) -> Vcov:
        """Return the covariance estimator, with the scores by group."""
        estimator = BlockSums.vcov(self, count, cov_type)
        parts = [
            replace(part, products=self.products.get(_groups_of(part)))
            for part in estimator.parts
        ]
        return replace(estimator, parts=tuple(parts))

    def variation(self, names: Sequence[str]) -> Iterator[ClusterVariation]:
        """Yield by clustering the variation of the regressors of an equation."""
        which = self.regressors.index(tuple(names))
        start = sum(map(len, self.regressors[:which]))
        columns = slice(start, start + len(names))
        for cluster, shares in zip(self.rows.clusters, self.shares, strict=False):
            yield ClusterVariation(
                cluster,
                self.rows.sizes[cluster,],
                shares.effective[columns],
                (shares.largest / shares.total)[:, columns],
                shares.labels,
            )

    def jackknife(self, projected: Projection) -> Floats | None:
        """Compute the CRV3 covariance of reduced forms with clusters in one way."""
        if len(self.rows.clusters) != 1:
            return None
        residuals, slopes = projected.residuals, projected.excluded
        lengths, count = np.linalg.norm(residuals, axis=0), residuals.shape[1]
        columns = np.hstack([residuals / lengths, projected.basis])
        # Products of the columns and of the dummies, in the order of `Grams.sums`.
        k = columns.shape[1]
        levels = sum(self.rows.n_levels)
        gram = self.system.gram - self.system.taken_out
        totals = np.concatenate(
            [
                (columns.T @ columns)[np.triu_indices(k)],
                np.zeros(k * levels),
                self.system.weights,
                gram[np.triu_indices(levels)],
            ]
        )

        def moved_products(grams: Grams) -> Floats:
            moved = deviations_from_grams(grams, totals, slopes, count)
            flat = moved.reshape(len(moved), -1)
            return np.asarray(flat.T @ flat)

        clusters, n_levels = self.rows.clusters, self.rows.n_levels
        groups = self.rows.sizes[clusters]
        by_level, transform = self.by_level, self.rotation @ columns
        inside = clusters[0] == self.rows.effects[0]

        def in_block(block: in_blocks.Block) -> Any:
            (codes,) = block.groupings
            grams = block_grams(
                block.net_columns(by_level) @ transform,
                codes,
                count_groups(codes) if inside else groups,
                block.entity,
                block.codes,
                n_levels,
                block.entities.obs_weights,
            )
            return moved_products(grams) if inside else grams

        run = self.rows.run_on_blocks(self.positions, [clusters])
        products = reduce(add, run(in_block))
        if not inside:
            products = moved_products(products)
        size = np.repeat(lengths, len(slopes))
        covariance = np.asarray(products * (groups - 1) / groups * size * size[:, None])
        return mask_zero_variances(covariance, size)

    # --- results ----------------------------------------------------------------------

    def statistics_and_effects(
        self, positions: Sequence[int], solved: Solved
    ) -> tuple[tuple[float, float, float, float], Any]:
        """Compute R2 as in memory, and name the effects but that of the entity."""
        at, slopes = list(positions), np.append(1.0, -solved.coefficients)
        products = self.by_entity[np.ix_(at, at)]
        by_level = self.by_level[:, [self.positions.index(j) for j in at]] @ slopes
        values = np.split(by_level, np.cumsum(self.rows.n_levels)[:-1])
        effects = [
            (text, self.rows.levels[text,], part - part.mean())
            for text, part in zip(self.rows.others, values, strict=False)
        ]
        ssr = float(solved.residuals @ solved.residuals)
        by_entity = 1 - float(slopes @ products @ slopes) / products[0, 0]
        statistics = r_squared(
            solved,
            self.rows.counts.n,
            ssr=ssr,
            total=float(self.total[at[0]]),
            by_entity=by_entity if effects else None,
        )
        return statistics, tuple(effects)

    def sample(
        self, demeaned: Demeaned, positions: Sequence[int], solved: Solved
    ) -> EstimationSample:
        """Describe the rows, with moments of outcome, regressors and variables."""
        rows, time = self.rows, self.rows.sample.keys.time_name
        weights = rows.options.obs_weights
        of_first = estimation_sample(rows.sample, weights, demeaned, positions)
        names, every = of_first.stats[0], (*rows.names, *rows.variables)
        return replace(
            of_first,
            index=None,
            n_entities=rows.counts.n_entities,
            n_times=rows.n_times,
            period=period_text(None if time is None else rows.levels[time,]),
            stats=(names, rows.moments[[*map(every.index, names)]]),
            rows=RowSummary(
                nobs=rows.counts.n,
                sample_hash=f"{rows.counts.hash:016x}",
                ssr=float(solved.residuals @ self.plain @ solved.residuals),
            ),
        )


def _scan_error(option: str, problem: str, value: object = None) -> OptionError:
    return option_error(option, value, f"{problem}, or {_IN_MEMORY}.")


def _groups_of(part: Part) -> Any:
    """Return the effect or clusters of a part, without any for single rows."""
    return () if part.codes is None else part.codes


def _in_basis(demeaned: Demeaned, positions: Sequence[int], factor: Floats) -> Demeaned:
    """Replace columns by their coordinates (p, p) in the basis of the scores."""
    columns = np.zeros((len(factor), len(demeaned.names)), order="F")
    columns[:, list(positions)] = factor
    return replace(demeaned, columns=columns, products=columns.T @ columns)


def _row_notices(
    rows: ScannedRows, copied: PanelScan[Any], ranks: Ranks, few: Sequence[Notice]
) -> list[Notice]:
    """Collect the notices about rows, clusters and periods."""
    options, counts = rows.options, rows.counts
    # As in memory, conditions that all rows satisfy are not reported.
    conditions = () if rows.total == copied._files.rows else copied.conditions
    robust = options.cov_type in ("unadjusted", "robust") and counts.most_rows > 2
    periods = counts.n / counts.n_entities
    return [
        *chosen_rows(conditions, rows.sample, rows.total),
        *dropped_notices(
            rows.sample,
            copied.columns,
            rows.effects,
            rows.total,
            is_part=copied.is_part,
        ),
        *few,
        *period_notices(rows.n_times, options),
        *entities_across(
            counts.across, counts.n_entities, rows.effects[0], rows.clusters
        ),
        *rank_bound(rows.effects, ranks),
        *([robust_inconsistent(options.cov_type, periods)] if robust else []),
        *shifted_log(rows.sample, rows.blocks.run),
        *derived_term_notices(rows.sample, copied),
        *many_dummies(rows.sample),
    ]
