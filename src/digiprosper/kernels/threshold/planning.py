"""All that a search needs and that no outcome changes: running sums of the regressors."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from digiprosper.errors import CollinearityError, OptionError, option_problem
from digiprosper.kernels.slopes import apart, directions
from digiprosper.kernels.tolerances import UNIDENTIFIED
from digiprosper.kernels.within import is_nested

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digiprosper.kernels import Bools, Floats, Ints
    from digiprosper.kernels.slopes import Effect, Slope
    from digiprosper.kernels.threshold.grid import Candidates

# From so many numbers on a copy of the fixed columns costs more than importing scipy.linalg.
_LARGE = 1 << 24
# Numbers that the columns of slopes by level may take, 128 MB.
_MOST_SLOPES = 1 << 24


@dataclass(frozen=True, slots=True)
class Groups:
    """Levels of the effect that is taken out by its means, over rows in the order of q."""

    codes: Ints  # (N,) level of each row
    order: Ints  # (N,) rows by level, in the order of q within one
    starts: Ints  # (n,) where each level begins in `order`
    sizes: Floats  # (n,) rows of each level

    def demean(self, rows: Floats) -> Floats:
        """Take level means out of the last axis."""
        if self.sizes.size == 1:
            return np.asarray(rows - rows.mean(axis=-1, keepdims=True))
        means = np.add.reduceat(np.take(rows, self.order, axis=-1), self.starts, axis=-1) / self.sizes
        return np.asarray(rows - np.take(means, self.codes, axis=-1))


def _group(codes: Ints) -> Groups:
    order = np.argsort(codes, kind="stable").astype(np.intp)
    _, inverse, sizes = np.unique(codes, return_inverse=True, return_counts=True)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.intp)
    return Groups(inverse.astype(np.intp), order, starts, sizes.astype(np.float64))


@dataclass(frozen=True, slots=True)
class Plan:
    """What a search needs and no outcome changes. Rows are in the order of the threshold variable."""

    candidates: Candidates
    groups: Groups  # levels of the effect that is taken out by its means
    z: Floats  # (k, N) regime-dependent columns, made orthogonal and of mean square one
    basis: Floats  # (p, N) orthonormal basis of the fixed columns after the pass
    loadings: Floats  # (k, p, G) products of the basis with the regime block at each candidate
    gram: Floats  # (k, k, 1, G) products of the block with itself after demean and basis
    squares: Floats  # (k, k, G) the same before the pass; the diagonal is the scale of what is left

    @property
    def nobs(self) -> int:
        """Number of rows."""
        return int(self.z.shape[1])

    @property
    def chunk(self) -> int:
        """Number of batch members computed together.

        As many as stay in a processor's cache; else eight, so that basis and loadings are read once for all
        of them, as long as their arrays stay small enough for freed memory to be used again.
        """
        k, n = self.z.shape
        return int(max(1, min(256, 65_536 // n), min(8, 1_000_000 // (n * k))))

    def demean(self, rows: Floats) -> Floats:
        """Take the level means of that effect out of rows (..., N), in the order of q."""
        return self.groups.demean(rows)

    def residualise(self, rows: Floats) -> Floats:
        """Take all effects and fixed columns out of rows (c, N), in the order of q.

        The basis is taken out twice, so that residuals are orthogonal to it to machine precision.
        """
        residuals = self.demean(rows - rows.mean(axis=-1, keepdims=True))
        for _ in range(2):
            residuals = residuals - (residuals @ self.basis.T) @ self.basis
        return residuals

    def block(self, cut: int) -> Floats:
        """Compute the regime block (k, N) below one cut, effects and fixed columns taken out."""
        return self.residualise(self.z * (np.arange(self.nobs) < cut))

    def regimes(self, at: Sequence[int]) -> Ints:
        """Find the regime 1, 2, ... of each row, in the original order, with thresholds at positions `at`."""
        numbers = np.empty(self.nobs, dtype=np.intp)
        cuts = np.sort(self.candidates.cuts[list(at)])
        numbers[self.candidates.order] = 1 + np.searchsorted(cuts, np.arange(self.nobs), side="right")
        return numbers


def plan(
    z: Floats,
    fixed: Floats,
    candidates: Candidates,
    effects: Sequence[Effect] = (),
    *,
    intercept: bool = False,
) -> Plan:
    """Compute the running sums that depend on the regressors only, in O(N (p k + k^2)).

    `z` (N, k) has the regime-dependent columns, `fixed` (N, p) those with a common slope; dependent ones do
    no harm. The effect with most levels is taken out by its means, the others become dummies, slopes by
    level dummies times their column; without any the mean is taken out. `intercept` lets the level shift
    with the regime too. Raises CollinearityError if regime-dependent columns are combinations of one
    another, OptionError if slopes by level would take more than 2**24 numbers.
    """
    order = candidates.order
    constants, slopes = apart(effects)
    absorbed = constants or [np.zeros(order.size, dtype=np.intp)]
    demeaned, *others = sorted(absorbed, key=lambda codes: -np.unique(codes).size)
    groups = _group(demeaned[order])
    # An effect that is constant within the demeaned one has left with it.
    others = [codes for codes in others if not is_nested(demeaned, codes)]
    dummies = [np.unique(codes)[1:, None] == codes[order] for codes in others]
    dummies += [_columns_of(slope, absorbed)[:, order] for slope in slopes]
    columns = np.concatenate([fixed[order].T, z[order].T, *dummies], axis=0, dtype=np.float64)
    basis = _basis(columns, groups)
    block = z[order].T
    if intercept:
        block = np.concatenate([np.ones((1, order.size)), block])
    return _sums(candidates, groups, basis, _whiten(block))


def _columns_of(slope: Slope, constants: Sequence[Ints]) -> Floats:
    """Expand slopes by level into columns: (levels, N)."""
    levels = int(slope.codes.max()) + 1
    if levels * slope.codes.size > _MOST_SLOPES:
        raise OptionError(
            f"slopes by {levels:,} groups in absorb: the search of thresholds needs a column for each, which "
            f"is too many with {slope.codes.size:,} rows. Absorb slopes by fewer groups.",
            [option_problem("absorb", what="too many groups")],
        )
    centred = any(is_nested(codes, slope.codes) for codes in constants)
    (column,) = directions(slope.codes, levels, [slope.column], centred=centred).columns
    return np.asarray(np.where(np.arange(levels)[:, None] == slope.codes, column, 0.0))


def with_level(search: Plan) -> Plan:
    """Let the level shift with the regime too, as ``plan(..., intercept=True)`` does, from the same basis.

    Its first regime-dependent column is the constant. Raises CollinearityError if the regime-dependent
    columns add up to a constant: their level shifts already.
    """
    block = np.concatenate([np.ones((1, search.nobs)), search.z])
    return _sums(search.candidates, search.groups, search.basis, _whiten(block))


def without_level(search: Plan) -> Plan:
    """Take the regime's level out of a plan again, for candidates at which it adds nothing.

    Sums of squares are those of the whole plan where `level_is_held`, and nowhere else.
    """
    return replace(
        search,
        z=search.z[1:],
        loadings=search.loadings[1:],
        gram=search.gram[1:, 1:],
        squares=search.squares[1:, 1:],
    )


def level_is_held(search: Plan) -> Bools:
    """Find the candidates (G,) at which effects and fixed columns span the dummy of the low regime.

    The level shifts with the regime already there, and `drops` has no value.
    """
    return np.asarray(search.gram[0, 0, 0] <= UNIDENTIFIED * search.squares[0, 0])


def _sums(candidates: Candidates, groups: Groups, basis: Floats, white: Floats) -> Plan:
    last = candidates.cuts - 1
    loadings = np.empty((white.shape[0], basis.shape[0], last.size))
    running = np.empty(white.shape[1])
    for row, loading in zip(white, loadings, strict=True):
        for column, out in zip(basis, loading, strict=True):
            np.cumsum(np.multiply(column, row, out=running), out=running)
            np.take(running, last, out=out, mode="clip")
    raw = _block_products(white, groups)[:, :, last]
    gram = raw - np.einsum("apg,bpg->abg", loadings, loadings)
    squares = np.stack([[np.cumsum(first * second)[last] for first in white] for second in white])
    return Plan(candidates, groups, white, basis, loadings, gram[:, :, None, :], squares)


def _basis(columns: Floats, groups: Groups) -> Floats:
    """Compute an orthonormal basis of demeaned columns in their own memory, to save that of a copy."""
    columns -= columns.mean(axis=1, keepdims=True)
    before = np.sqrt(np.einsum("pn,pn->p", columns, columns))
    for row in columns:
        # A second pass removes what rounding left when level means dwarf the variation around them.
        row[:] = groups.demean(groups.demean(row))
    after = np.sqrt(np.einsum("pn,pn->p", columns, columns))
    varying = after > UNIDENTIFIED * np.maximum(before, np.finfo(np.float64).tiny)
    if not varying.any():
        return np.zeros((0, columns.shape[1]))
    if not varying.all():
        columns = columns[varying]
    columns /= after[varying, None]
    q, r = _orthonormal(columns)
    if r.shape[0] < varying.sum() or np.abs(np.diag(r)).min() < UNIDENTIFIED:
        vectors, values, _ = np.linalg.svd(r)
        q = q @ vectors[:, : int((values > UNIDENTIFIED).sum())]
    return np.ascontiguousarray(q.T)


def _orthonormal(columns: Floats) -> tuple[Floats, Floats]:
    if columns.size < _LARGE:
        q, r = np.linalg.qr(columns.T)
    else:
        from scipy.linalg import qr

        q, r = qr(columns.T, mode="economic", overwrite_a=True, check_finite=False)
    return np.asarray(q), np.asarray(r)


def _whiten(block: Floats) -> Floats:
    norms = np.sqrt((block * block).sum(axis=1))
    if norms.min() == 0:
        raise CollinearityError("a regime-dependent column is zero in every row")
    q, r = np.linalg.qr((block / norms[:, None]).T)
    if np.abs(np.diag(r)).min() < UNIDENTIFIED:
        raise CollinearityError("the regime-dependent columns are exact linear combinations of one another")
    return np.asarray(np.ascontiguousarray(q.T) * np.sqrt(block.shape[1]))


def _block_products(z: Floats, groups: Groups) -> Floats:
    """Sum the demeaned products of the block: row s of level i adds z z' - (S z' + z S' + z z') / T_i."""
    k, n = z.shape
    by_level = z[:, groups.order]
    means = np.add.reduceat(by_level, groups.starts, axis=1) / groups.sizes
    level = groups.codes[groups.order]
    # Sums inside a level are kept around its mean, so that they return to zero at each level's end.
    around = np.cumsum(by_level - means[:, level], axis=1)
    around = np.concatenate([np.zeros((k, 1)), around[:, :-1]], axis=1)
    around -= around[:, groups.starts][:, level]
    before = np.empty_like(z)
    before[:, groups.order] = around + (np.arange(n) - groups.starts[level]) * means[:, level]
    size = groups.sizes[groups.codes]
    products = np.empty((k, k, n))
    for a in range(k):
        for b in range(a + 1):
            row_product = z[a] * z[b]
            products[a, b] = np.cumsum(
                row_product - (before[a] * z[b] + z[a] * before[b] + row_product) / size
            )
            products[b, a] = products[a, b]
    return products
