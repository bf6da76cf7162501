"""The within projection: demeaning by several effects and slopes by level."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from digiprosper.checks import option_error
from digiprosper.errors import IdentificationError
from digiprosper.kernels import Bools, Floats, Ints, tolerances
from digiprosper.kernels.slopes import Directions, Effect, Slope, codes_of, directions

T = TypeVar("T")
# Dummies of all effects but the largest are solved for densely up to this many; beyond,
# by conjugate gradients.
_DENSE = 1200
_DENSE_CELLS = 20_000_000
_ITERATIONS = 5000
# Affects speed only: with fewer rows checking their order costs more than it saves.
_MANY_ROWS = 10_000
# Numbers that are subtracted at once; affects speed only.
_FEW_CELLS = 20_000


def compress(codes: Ints) -> tuple[Ints, int]:
    """Renumber codes that may have gaps as 0..L-1, in their order; also return L."""
    if codes.size == 0:
        return codes, 0
    occurs = np.bincount(codes) > 0
    if occurs.all():
        return codes, occurs.size
    return (np.cumsum(occurs) - 1)[codes], int(occurs.sum())


def not_singletons(effects: Sequence[Ints]) -> Bools:
    """Mark rows (N,) that remain after dropping singletons repeatedly."""
    keep = np.ones(effects[0].size, dtype=bool)
    # Whole numbers are counted faster than weights are added.
    dropped = 1 in np.concatenate([*map(np.bincount, effects)])
    while dropped:
        dropped = False
        for codes in effects:
            single = np.bincount(codes, keep) == 1
            if single.any():
                keep &= ~single[codes]
                dropped = True
    return keep


def is_nested(inner: Ints, outer: Ints | Floats) -> bool:
    """Return whether `inner` is nested in `outer`, codes or a column.

    Codes of `outer` may have gaps, so that more levels do not rule it out.
    """
    if inner is outer:
        return True
    # Two rows are often enough to see that it is not.
    if inner.size > 1 and inner[0] == inner[1] and outer[0] != outer[1]:
        return False
    first = np.empty(int(inner.max()) + 1, dtype=outer.dtype)
    first[inner] = outer
    return bool((first[inner] == outer).all())


def less_means(column: Floats | Bools, codes: Ints) -> Floats:
    """Subtract from a column (N,) its mean in each level."""
    means = np.bincount(codes, column) / np.maximum(np.bincount(codes), 1)
    return column - means[codes]


def split_nested(
    effects: Sequence[Effect], clusters: Ints
) -> tuple[list[Effect], list[Effect]]:
    """Separate effects that are nested in clusters from those that cross them."""
    nested: list[Effect] = []
    crossing: list[Effect] = []
    for effect in effects:
        inside = is_nested(codes_of(effect), clusters)
        (nested if inside else crossing).append(effect)
    return nested, crossing


def effects_in_rows(effects: Sequence[Effect], rows: Ints) -> list[Effect]:
    """Select rows of effects; the levels in them are numbered without gaps."""
    parts = [compress(codes_of(effect)[rows])[0] for effect in effects]
    return [
        Slope(codes, effect.column[rows]) if isinstance(effect, Slope) else codes
        for effect, codes in zip(effects, parts, strict=True)
    ]


def finest(
    effects: Sequence[T], inside: Callable[[Any, Any], bool] = is_nested
) -> list[T]:
    """Drop effects in which another is nested, and repetitions."""
    finest_effects: list[T] = []
    for effect in effects:
        if not any(inside(finer, effect) for finer in finest_effects):
            finest_effects = [
                coarser for coarser in finest_effects if not inside(effect, coarser)
            ]
            finest_effects.append(effect)
    return finest_effects


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    """Slopes by the same levels, and the effect that contains their constants."""

    slopes: tuple[int, ...]  # positions among the effects
    directions: Directions  # of the slopes
    # Position of the effect without slope that holds the constants of the levels, -1
    # without
    host: int
    # Of each level of the host the level of this block; None where they are the same
    levels: Ints | None


@dataclass(frozen=True, slots=True, eq=False)
class Within:
    """The projection that demeans columns."""

    codes: tuple[Ints, ...]  # (N,) codes without gaps of each effect
    # (N,) column of a slope by level; None for a constant by level
    slopes: tuple[Floats | None, ...]
    levels: tuple[int, ...]  # of each effect
    constants: tuple[int, ...]  # positions of the effects that are no slopes
    # Rank of all dummies (times the columns of slopes); 1 without effects
    rank: int
    # Effect with most parameters, removed in closed form; -1 without effects
    main: int
    obs_weights: Floats | None
    _starts: Ints | None
    # Weights of the rows of each level, one for slopes; the same of `closed_form`
    _counts: tuple[Floats, ...]
    _main_counts: Floats
    _cross: Any
    _gram: Any
    _inverse: Floats | None
    # False if `rank` is an upper bound: effects that are not nested, or slopes, of too
    # many levels
    exact: bool = True
    # Effects with the levels of `main`, removed in closed form, and all others
    closed_form: tuple[int, ...] = ()
    others: tuple[int, ...] = ()
    # (levels,) levels that have a slope, for each effect that is one
    identified: tuple[Bools | None, ...] = ()
    _blocks: tuple[_Block, ...] = ()
    # (N,) columns that span the slopes: orthogonal, and of sum of squares one, in each
    # level
    _units: tuple[Floats | None, ...] = ()

    @property
    def has_slopes(self) -> bool:
        """Whether an effect is a slope."""
        return len(self.constants) < len(self.slopes)

    @property
    def effects(self) -> tuple[Ints, ...]:
        """Codes of the effects; refused if one is a slope by level."""
        if self.has_slopes:
            raise option_error(
                "absorb",
                None,
                "this computation does not take slopes by level "
                "(absorb='province[year]'); absorb effects without slopes, or add "
                "the slopes to the regressors (x), as 'C(province):year'.",
            )
        return self.codes

    @property
    def effects_and_slopes(self) -> tuple[Effect, ...]:
        """Codes of each effect, or a slope by level."""
        parts = zip(self.codes, self.slopes, strict=True)
        return tuple(
            codes if slope is None else Slope(codes, slope) for codes, slope in parts
        )

    def demean(self, columns: Floats) -> Floats:
        """Demean columns: residuals of a regression on the effects."""
        work = self._work(columns)
        self._centre(work)
        if self.main >= 0:
            self._take_out(work)
        return work[0] if columns.ndim == 1 else work.T

    def decompose(self, columns: Floats) -> tuple[Floats, list[Floats]]:
        """Split columns, (N,) or (N, k), into demeaned ones and estimated effects.

        Slopes are zero in levels where they are not identified. Effects other than the
        first have mean zero; their means are added to the first. Without effects there
        is one array with the mean.
        """
        work = self._work(columns)
        means = self._centre(work)
        values = [means] if self.main < 0 else self._take_out(work)
        if self.main >= 0:
            values[self.main] += means
        for block in self._blocks:
            # Coefficients of orthogonal columns become the original slopes.
            level, slopes = block.directions.slopes([values[p] for p in block.slopes])
            for position, slope in zip(block.slopes, slopes, strict=True):
                values[position] = slope
            if block.host >= 0:
                at = slice(None) if block.levels is None else block.levels
                values[block.host] += level[:, at]
        constants = self.constants
        for position in constants[1:]:
            by_level = values[position]
            mean = by_level.sum(axis=1, keepdims=True) / by_level.shape[1]
            by_level -= mean
            values[constants[0]] += mean
        if columns.ndim == 1:
            return work[0], [value[0] for value in values]
        return work.T, [value.T for value in values]

    def by_row(self, values: Floats, position: int) -> Floats:
        """Return the contribution of an effect to each row, from `decompose`."""
        column, out = self.slopes[position], values.take(self.codes[position])
        return out if column is None else out * column

    def with_gaps(self, values: Sequence[Floats]) -> list[Floats]:
        """Set slopes of `decompose` to missing where they are not identified."""
        identified = self.identified or (None,) * len(values)
        return [
            v if k is None else np.where(k, v, np.nan)
            for v, k in zip(values, identified, strict=True)
        ]

    @staticmethod
    def _work(columns: Floats) -> Floats:
        # One contiguous row a column: sums and look-ups by level are several times
        # faster that way.
        return np.array(columns.T, dtype=np.float64, order="C", ndmin=2)

    def _centre(self, work: Floats) -> Floats:
        """Subtract means by level of the main effect, or overall; return them."""
        # Where levels dwarf the variation around them a value less its own level's mean
        # is exact in floating point, and less the overall mean it is not.
        w = self.obs_weights
        if self.main < 0:
            means = (
                work.mean(axis=1)[:, None]
                if w is None
                else (work @ (w / w.sum()))[:, None]
            )
            work -= means
            return np.asarray(means)
        if self.slopes[self.main] is not None:
            return np.zeros((len(work), 1))
        means = (
            self._sums(self.main, work if w is None else work * w)
            / self._counts[self.main]
        )
        self._subtract(work, [(self.main, means)])
        return np.asarray(means)

    def deviations(self, columns: Floats, position: int) -> Floats:
        """Compute deviations from the level means of one effect."""
        work = self._work(columns)
        codes, counts = self.codes[position], self._counts[position]
        for _ in range(2):  # the second time removes what rounding left
            weighted = work if self.obs_weights is None else work * self.obs_weights
            work -= (self._sums(position, weighted) / counts).take(codes, axis=1)
        return work[0] if columns.ndim == 1 else work.T

    @property
    def is_dense(self) -> bool:
        """Whether effects are solved by a dense system, not by conjugate gradients."""
        return self._cross is None or self._inverse is not None

    def leverage(self, n: int) -> Floats:
        """Compute the leverage (N,) of every row in a regression on the effects alone.

        With D the dummies, times the columns of slopes, and W the weights,
        ``h_i = w_i d_i' (D'WD)^+ d_i``: one over the rows of the level for a single
        effect. Of several effects, the largest has that part, and the dummies of the
        others, net of it, add ``w_i m_i' S^+ m_i``, each of whose terms depends on the
        levels of the row, and its values of the columns, alone. The effects are solved
        for densely, see `is_dense`.
        """
        weights = np.ones(n) if self.obs_weights is None else self.obs_weights
        if self.main < 0:
            return np.asarray(weights / weights.sum())
        shares = [
            self._unit(p) / self._counts[p][self.codes[p]] for p in self.closed_form
        ]
        out = sum(
            self._unit(p) * share
            for p, share in zip(self.closed_form, shares, strict=True)
        )
        if self._inverse is not None:
            out = out + self._further_leverage(shares)
        return np.clip(weights * out, 0.0, 1.0)

    def _unit(self, position: int) -> Floats | float:
        column = self._units[position]
        return 1.0 if column is None else column

    def _further_leverage(self, shares: Sequence[Floats]) -> Floats:
        """Compute what other effects' dummies add, net of the main: m' S^+ m."""
        assert self._inverse is not None
        starts = np.cumsum([0, *[self.levels[p] for p in self.others]]).tolist()
        cross = np.split(self._cross, len(self.closed_form))
        main, out = self.codes[self.main], np.empty(self.codes[self.main].size)
        chunk = max(1, _DENSE_CELLS // starts[-1])
        for first in range(0, main.size, chunk):
            rows = np.arange(first, min(first + chunk, main.size))
            net = np.zeros((rows.size, starts[-1]))
            for p, start in zip(self.others, starts, strict=False):
                unit = self._units[p]
                columns = self.codes[p][rows] + start
                net[rows - first, columns] = 1.0 if unit is None else unit[rows]
            for products, share in zip(cross, shares, strict=True):
                net -= products[main[rows]] * share[rows, None]
            out[rows] = np.einsum("ij,ij->i", net @ self._inverse, net)
        return out

    def _take_out(self, work: Floats) -> list[Floats]:
        before = self._squares(work)
        values = self._once(work, before)
        after = self._squares(work)
        # A second pass removes what rounding left where levels dwarf the variation
        # around them.
        if (self._cross is not None and self._inverse is None) or (
            after < tolerances.DWARFED * before
        ).any():
            correction = self._once(work, after + tolerances.SECOND_PASS * before)
            values = [a + b for a, b in zip(values, correction, strict=True)]
        return values

    def _squares(self, work: Floats) -> Floats:
        """Sum the (weighted) squares of each row, the scale of rounding."""
        w = self.obs_weights
        weighted = work if w is None else work * w
        return np.asarray(np.einsum("ij,ij->i", weighted, work))

    def _once(self, work: Floats, square: Floats) -> list[Floats]:
        """Demean rows in place; return the estimated effects, (k, levels) each."""
        weighted = work if self.obs_weights is None else work * self.obs_weights
        closed_form, others = self.closed_form, self.others
        sums = [self._sums(p, weighted) for p in closed_form]
        taken_out = np.concatenate(sums, axis=1) / self._main_counts
        if others:
            sums = [self._sums(p, weighted) for p in others]
            right = np.concatenate(sums, axis=1) - taken_out @ self._cross
            solved = (
                self._conjugate(right, square)
                if self._inverse is None
                else right @ self._inverse
            )
            taken_out = taken_out - (self._cross @ solved.T).T / self._main_counts
            taken_out = np.concatenate([taken_out, solved], axis=1)
        values, start = [taken_out] * len(self.codes), 0
        for position in (*closed_form, *others):
            stop = start + self.levels[position]
            values[position], start = taken_out[:, start:stop], stop
        self._subtract(work, enumerate(values))
        return values

    def _subtract(self, work: Floats, values: Iterable[tuple[int, Floats]]) -> None:
        """Subtract the effects with values (k, levels) from rows."""
        # Long rows one by one, to save memory.
        step, effects = max(1, _FEW_CELLS // work.shape[1]), list(values)
        for first in range(0, len(work), step):
            rows = slice(first, first + step)
            for position, by_level in effects:
                column = self._units[position]
                part = by_level[rows].take(self.codes[position], axis=1)
                work[rows] -= part if column is None else part * column

    def _sums(self, position: int, weighted: Floats) -> Floats:
        column = self._units[position]
        if column is not None:
            weighted = weighted * column
        if self._starts is not None and position in self.closed_form:
            return np.add.reduceat(weighted, self._starts, axis=1)
        return level_sums(self.codes[position], self.levels[position], weighted.T).T

    def _conjugate(self, right: Floats, square: Floats) -> Floats:
        """Solve for all rows (p, L) by conjugate gradients, scaled by level counts."""
        counts = np.concatenate([self._counts[p] for p in self.others])
        system = self._gram, self._cross, self._main_counts, counts
        # Below the floor, a multiple of the rounding in `right`, lies only its part
        # outside the range.
        return conjugate_gradients(right.T, square, *system).T


def conjugate_gradients(
    right: Floats,
    size: Floats,
    gram: Any,
    cross: Any,
    main_counts: Floats,
    counts: Floats,
) -> Floats:
    """Solve ``(gram - cross' diag(1/main_counts) cross) g = right`` for each column.

    The system is scaled by `counts` (L,). Iterations stop when the squared norm of the
    residual is a small multiple of `size` (p,). Because of rounding `right` is not
    exactly in the range, so the solution with the smallest residual is returned.
    """
    scale = 1 / np.sqrt(counts)[:, None]
    main = main_counts[:, None]

    def apply(vectors: Floats) -> Floats:
        scaled = scale * vectors
        net = gram @ scaled - cross.T @ ((cross @ scaled) / main)
        return np.asarray(scale * net)

    floor = tolerances.CONVERGED**2 * size
    solution = np.zeros_like(right)
    residual = scale * right
    direction = residual.copy()
    square = np.einsum("ij,ij->j", residual, residual)
    active = square > floor
    best, shortest = solution.copy(), square
    for _ in range(_ITERATIONS):
        if not active.any():
            break
        image = apply(direction)
        curvature = np.einsum("ij,ij->j", direction, image)
        # A direction without curvature lies in the null space: nothing more can be
        # gained along it.
        active &= curvature > tolerances.NO_CURVATURE * np.einsum(
            "ij,ij->j", direction, direction
        )
        step = np.where(active, square / np.where(active, curvature, 1.0), 0.0)
        solution += step * direction
        residual -= step * image
        new = np.einsum("ij,ij->j", residual, residual)
        ratio = np.where(active, new / np.where(active, square, 1.0), 0.0)
        square = new
        shorter = square < shortest
        best[:, shorter] = solution[:, shorter]
        shortest = np.minimum(square, shortest)
        active &= square > floor
        direction = residual + ratio * direction
    if (shortest > tolerances.NOT_CONVERGED**2 * size).any():
        raise IdentificationError(
            "demeaning did not converge, because the effects are weakly connected; "
            "absorb fewer effects."
        )
    return scale * best


def level_sums(
    codes: Ints, levels: int, values: Floats, factor: Floats | None = None
) -> Floats:
    """Sum columns (N, k), times `factor` (N,) if given, by level: (levels, k)."""
    out = np.empty((values.shape[1], levels))
    # Rows of a level that lie together are summed faster.
    starts = _level_starts(codes) if codes.size > _MANY_ROWS else None
    for column, sums in zip(values.T, out, strict=True):
        scaled = column if factor is None else column * factor
        if starts is None:
            sums[:] = np.bincount(codes, weights=scaled, minlength=levels)
        else:
            np.add.reduceat(scaled, starts, out=sums)
    return out.T


def _level_starts(codes: Ints) -> Ints | None:
    """Find where each level begins; None where rows are not sorted by level."""
    if (codes[1:] < codes[:-1]).any():
        return None
    return np.concatenate([[0], np.flatnonzero(codes[1:] != codes[:-1]) + 1])


def within(
    effects: Sequence[Effect],
    n: int,
    *,
    obs_weights: Floats | None = None,
) -> Within:
    """Prepare the within projection of effects; without any, only the mean.

    The effect with most levels is taken out by its means, and by its regressions on
    slopes of the same levels; the dummies of the others, times their slopes, are then
    solved for from ``S g = r`` with ``S = D'MD``, exactly, by a pseudo-inverse of the
    scaled `S` (Abowd, Kramarz & Margolis 1999, eq. 3.9, for two effects). Past 1,200
    further dummies the same system is solved by conjugate gradients. Codes have no
    gaps; effects of the same levels are taken out together.
    """
    if not effects:
        none = np.empty(0)
        return Within(
            codes=(),
            slopes=(),
            levels=(),
            constants=(),
            rank=1,
            main=-1,
            obs_weights=obs_weights,
            _starts=None,
            _counts=(),
            _main_counts=none,
            _cross=None,
            _gram=None,
            _inverse=None,
        )

    pairs = [
        (e.codes, e.column) if isinstance(e, Slope) else (e, None) for e in effects
    ]
    codes, slopes = zip(*pairs, strict=True)
    counts = [np.bincount(c, obs_weights).astype(np.float64) for c in codes]
    levels = tuple(map(len, counts))
    constants = tuple([p for p, slope in enumerate(slopes) if slope is None])
    groups, blocks = [[p] for p in constants], list[_Block]()
    units: list[Floats | None] = [None] * len(codes)
    identified: list[Bools | None] = [None] * len(codes)
    if len(constants) < len(codes):
        groups = _same_levels(codes, constants)
        blocks, units, identified = _slope_blocks(
            groups, codes, slopes, counts, constants, obs_weights
        )
    # Of several with as many parameters the first.
    parameters = [levels[group[0]] * len(group) for group in groups]
    closed_form = tuple(groups[parameters.index(max(parameters))])
    others = tuple(sorted(set(range(len(codes))).difference(closed_form)))
    projection = Within(
        codes=codes,
        slopes=slopes,
        levels=levels,
        constants=constants,
        rank=_count_parameters(closed_form, levels, identified),
        main=closed_form[0],
        closed_form=closed_form,
        others=others,
        obs_weights=obs_weights,
        _starts=_level_starts(codes[closed_form[0]]),
        _counts=tuple(counts),
        _main_counts=np.concatenate([counts[p] for p in closed_form]),
        _cross=None,
        _gram=None,
        _inverse=None,
        identified=tuple(identified),
        _blocks=tuple(blocks),
        _units=tuple(units),
    )
    return _prepare_others(projection, n) if others else projection


def _prepare_others(projection: Within, n: int) -> Within:
    """Prepare the system of the effects that are not removed in closed form."""
    levels, main_counts = projection.levels, projection._main_counts
    width = main_counts.size
    size = sum(levels) - width
    dense = size <= _DENSE and size * width <= _DENSE_CELLS
    cross, gram = _cross_tables(projection, dense=dense)
    if not dense:
        rank, exact = _rank_bound(projection, n)
        return replace(projection, rank=rank, exact=exact, _cross=cross, _gram=gram)
    system = gram - cross.T @ (cross / main_counts[:, None])
    counts = np.concatenate([projection._counts[p] for p in projection.others])
    inverse, good = pseudo_inverse(system, counts)
    return replace(
        projection, rank=projection.rank + good, _cross=cross, _inverse=inverse
    )


def _same_levels(codes: Sequence[Ints], constants: Sequence[int]) -> list[list[int]]:
    """Group effects of the same levels: a constant, slopes or both."""
    groups = [[p] for p in constants]
    for p in range(len(codes)):
        if p in constants:
            continue
        equal_groups = [g for g in groups if np.array_equal(codes[g[0]], codes[p])]
        if equal_groups:
            equal_groups[0].append(p)
        else:
            groups.append([p])
    return groups


def _slope_blocks(
    groups: Sequence[list[int]],
    codes: tuple[Ints, ...],
    slopes: tuple[Floats | None, ...],
    counts: list[Floats],
    constants: tuple[int, ...],
    obs_weights: Floats | None,
) -> tuple[list[_Block], list[Floats | None], list[Bools | None]]:
    """Make the slopes of effects of the same levels orthogonal; set their counts.

    Also returns the columns that span the slopes, and which levels have them.
    """
    blocks = []
    units: list[Floats | None] = [None] * len(codes)
    identified: list[Bools | None] = [None] * len(codes)
    for group in groups:
        columns = {p: column for p in group if (column := slopes[p]) is not None}
        if not columns:
            continue
        # Means of levels may be taken out of a slope's column where other dummies add
        # up to those of its levels.
        inner = codes[group[0]]
        candidates = [*(p for p in group if p in constants), *constants]
        host = next((p for p in candidates if is_nested(codes[p], inner)), -1)
        orthogonal = directions(
            inner,
            counts[group[0]].size,
            list(columns.values()),
            centred=host >= 0,
            obs_weights=obs_weights,
        )
        block_levels = None
        if host >= 0 and host not in group:
            block_levels = np.empty(counts[host].size, dtype=np.intp)
            block_levels[codes[host]] = inner
        blocks.append(_Block(tuple(columns), orthogonal, host, block_levels))
        for p, unit, has_slope in zip(
            columns, orthogonal.columns, orthogonal.identified, strict=True
        ):
            units[p], identified[p] = unit, has_slope
            counts[p] = np.ones(counts[p].size)
    return blocks, units, identified


def _count_parameters(
    positions: Iterable[int],
    levels: Sequence[int],
    identified: Sequence[Bools | None],
) -> int:
    """Count constants and slopes of effects by themselves."""
    count = 0
    for position in positions:
        has_slope = identified[position]
        count += levels[position] if has_slope is None else int(has_slope.sum())
    return count


def pseudo_inverse(system: Floats, counts: Floats) -> tuple[Floats, int]:
    """Compute the pseudo-inverse of products of dummies, and their rank."""
    root = pseudo_inverse_root(system, counts)
    return root @ root.T, root.shape[1]


def pseudo_inverse_root(system: Floats, counts: Floats) -> Floats:
    """Compute R (L, r), where ``RR'`` is the pseudo-inverse of products (L, L)."""
    # Scaled by counts, not by its own diagonal: that of an effect nested in another is
    # rounding alone.
    scale = 1 / np.sqrt(counts)
    values, vectors = np.linalg.eigh(system * scale[:, None] * scale)
    null = np.count_nonzero(values <= tolerances.REDUNDANT_LEVELS)
    return np.asarray(vectors[:, null:] * scale[:, None] / np.sqrt(values[null:]))


def _cross_tables(absorbed: Within, *, dense: bool) -> tuple[Any, Any]:
    """Count rows by level of the main effect and the others, and among the others."""
    every = (*absorbed.closed_form, *absorbed.others)
    columns = [
        [_cross_table(absorbed, a, b, dense=dense) for a in every]
        for b in absorbed.others
    ]
    tables: Any
    if dense:
        tables = np.concatenate([np.concatenate(c) for c in columns], axis=1)
    else:
        from scipy.sparse import block_array

        tables = block_array(list(zip(*columns, strict=True)), format="csr")
    width = absorbed._main_counts.size
    return tables[:width], tables[width:]


def _cross_table(absorbed: Within, a: int, b: int, *, dense: bool) -> Any:
    """Sum weights, times the columns of slopes, by the levels of two effects."""
    codes, shape = absorbed.codes, (absorbed.levels[a], absorbed.levels[b])
    factor = absorbed.obs_weights
    for unit in (absorbed._units[a], absorbed._units[b]):
        if unit is not None:
            factor = unit if factor is None else factor * unit
    if dense:
        cells = codes[a] * shape[1] + codes[b]
        sums = np.bincount(cells, weights=factor, minlength=shape[0] * shape[1])
        return sums.reshape(shape).astype(np.float64)
    from scipy.sparse import csr_array

    weights = np.ones(codes[a].size) if factor is None else factor
    return csr_array((weights, (codes[a], codes[b])), shape=shape)


def _rank_bound(absorbed: Within, n: int) -> tuple[int, bool]:
    """Bound the rank by the connected components of the two largest effects."""
    from scipy.sparse import coo_array

    constants = absorbed.constants
    slope_positions = [p for p in range(len(absorbed.codes)) if p not in constants]
    slopes_rank = _count_parameters(
        slope_positions, absorbed.levels, absorbed.identified
    )
    largest_first = sorted(
        finest([absorbed.codes[p] for p in constants]),
        key=lambda codes: -int(codes.max()),
    )
    levels = [int(codes.max()) + 1 for codes in largest_first]
    if len(largest_first) < 2:
        return sum(levels) + slopes_rank, not slope_positions
    cells = (largest_first[0], largest_first[1])
    table = coo_array((np.ones(n), cells), shape=tuple(levels[:2]))
    rank, exact = rank_by_components(levels, table)
    return rank + slopes_rank, exact and not slope_positions


def rank_by_components(levels: Sequence[int], table: Any) -> tuple[int, bool]:
    """Bound the rank of effects, of which `table` has the rows of the first two."""
    from scipy.sparse import block_array
    from scipy.sparse.csgraph import connected_components

    graph = block_array([[None, table], [table.T, None]], format="csr")
    components: Any = connected_components(graph, directed=False, return_labels=False)
    rank = sum(levels) - int(components) - (len(levels) - 2)
    return rank, len(levels) == 2
