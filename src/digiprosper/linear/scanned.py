"""Least squares on a panel that is larger than memory, from sums over blocks."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from digiprosper.errors import (
    Notice,
    OptionError,
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
from digiprosper.kernels.tolerances import NO_VARIANCE, SOLVED
from digiprosper.kernels.within import compress
from digiprosper.linear.diagnostics import (
    carriers_of,
    controls_among,
    depends_on_few,
    few_treated_entry,
    lagged_outcome_notices,
    lost_digits,
    not_semidefinite,
    shifted_log,
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
    chosen_rows,
    entities_across,
    few_treated_notices,
    many_dummies,
    no_variance,
    rank_bound,
    robust_inconsistent,
)
from digiprosper.linear.preparation import (
    LinearOptions,
    cluster_size_notices,
    dropped_notices,
    only_shifted,
    period_notices,
    refuse_cov_types,
    refuse_extreme,
)
from digiprosper.linear.results import (
    Estimated,
    EstimationSample,
    LinearResults,
    RowSummary,
)
from digiprosper.linear.scanned_rows import (
    ScannedRows,
    ScannedSpec,
    Structure,
    codes_of,
    combination_keys,
    drop_singletons,
    effect_ranks,
    joint_codes,
    read_rows,
    structure_of,
    subsets,
)
from digiprosper.panel.codes import read_absorbed
from digiprosper.panel.scan import merge_moments
from digiprosper.panel.sources import disk_errors
from digiprosper.panel.terms import crossed, parse
from digiprosper.report.estimates import Estimates
from digiprosper.report.inference import WITHOUT_FACTOR, Inference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from digiprosper.kernels import Bools, Floats, Ints
    from digiprosper.kernels.least_squares import Fit
    from digiprosper.panel.scan import PanelScan

_REFUSED = ("hc2", "hc3", "crv3", "cr2", "conley")
_MOST_PASSES = 6


def texts_of(spec: ScannedSpec) -> list[str]:
    """List the terms of a specification."""
    options = spec.options
    others = [text for text in (options.obs_weights, options.where) if text is not None]
    return [spec.y, *spec.x, *options.absorb, *(options.clusters or ()), *others]


def fit_scan(spec: ScannedSpec, scan: PanelScan[Any]) -> LinearResults:
    """Estimate a specification on a scanned table; issues no notice."""
    (fit,) = fit_equations(spec, scan, {"x": spec.x})
    return fit


def fit_equations(
    spec: ScannedSpec, scan: PanelScan[Any], regressors: Mapping[str, Sequence[str]]
) -> list[LinearResults]:
    """Estimate equations of one outcome on the rows that are complete in all of them.

    `regressors` has the terms of each equation by its role.
    """
    reason = "fit a sample in memory, spec.fit(scan.sample_entities(0.1))"
    refuse_cov_types("a scanned table", spec.options.cov_type, _REFUSED, reason)
    _refuse_unknown_columns(spec, scan.columns, regressors)
    terms = [*texts_of(spec), *chain.from_iterable(regressors.values())]
    with scan.copied(terms) as copied:
        assert copied.copy is not None
        folder = copied.copy.folder / "arrays"
        try:
            with disk_errors(folder):
                folder.mkdir()
                rows = read_rows(spec, copied, regressors, folder)
            return _estimate(spec, rows, tuple(regressors))
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _refuse_unknown_columns(
    spec: ScannedSpec, columns: Sequence[str], regressors: Mapping[str, Sequence[str]]
) -> None:
    """Read the terms before the table is copied, which may take long."""
    options = spec.options
    weights = [] if options.obs_weights is None else [options.obs_weights]
    for role, texts in {"y": [spec.y], **regressors, "obs_weights": weights}.items():
        for text in texts:
            parse(text, columns, role)
    for absorbed in chain.from_iterable(
        read_absorbed(text, columns) for text in options.absorb
    ):
        crossed(absorbed.effect, columns, "absorb")
    for text in options.clusters or ():
        crossed(text, columns, "clusters")


# --- estimation -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class _Equation:
    """What says which columns can be estimated; see `preparation.Counted`."""

    options: LinearOptions
    count: Counts
    effect_names: tuple[str, ...]
    obs_weights: None = None


def _estimate(
    spec: ScannedSpec, rows: ScannedRows, equations: Sequence[str]
) -> list[LinearResults]:
    """Solve each equation on the stored arrays and make its results."""
    if spec.singletons == "drop":
        drop_singletons(rows)
    structure = structure_of(rows)
    if rows.options.obs_weights is not None:
        total = sum(float(block.array("weights").sum()) for block in rows.blocks)
        rows.mean_weight = total / structure.n
    levels = [structure.sizes[text,] for text in rows.others]
    moments = _moments(rows)
    refuse_extreme(
        np.abs(moments[:, 3:5]).max(axis=1)[None, :], [*rows.names, *rows.variables]
    )
    system = dummies(_blocks(rows, structure), levels) if levels else None
    _refuse_two_large(rows, levels)
    ranks = effect_ranks(rows, structure, system)
    groups = tuple(structure.sizes[text,] for text in rows.clusters)
    n_times = structure.sizes.get(rows.sample.keys.names[1:], 1)
    count = counts(structure.n, 0, ranks, groups, periods=n_times)
    equation = _Equation(rows.options, count, rows.effects)
    notices = _row_notices(rows, structure, ranks, groups, n_times)

    columns = _net_columns(rows, structure, system, levels)
    demeaned = _demeaned(rows, moments, columns)
    out = []
    for role in equations:
        regressors = [rows.positions.index(at) for at in rows.sample.roles[role]]
        kept, dropped = checked_columns(equation, demeaned, 0, regressors)
        grouping = _Grouping(rows, structure, equation, len(kept))
        solution = _solve(
            rows, structure, system, levels, columns, kept, grouping.empty_scores
        )
        results = _results(rows, columns, moments, kept, solution, grouping)
        remarks = lagged_outcome_notices(
            rows.sample,
            _common_lags(rows, role),
            periods=structure.n / structure.n_entities,
        )
        remarks += shifted_log(rows.sample, rows.parts_of)
        diagnostics = (*notices, *dropped, *results.diagnostics, *remarks)
        out.append(replace(results, diagnostics=diagnostics))
    return out


def _refuse_two_large(rows: ScannedRows, levels: Sequence[int]) -> None:
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


def _blocks(rows: ScannedRows, structure: Structure) -> Iterator[Block]:
    """Read the columns and effects of each block, effects numbered without gaps."""
    numbers = {text: np.cumsum(structure.used[text] > 0) - 1 for text in rows.others}
    weighted = rows.options.obs_weights is not None
    for block in rows.blocks:
        yield Block(
            columns=block.array("columns"),
            entity=compress(np.asarray(block.array("entity"), dtype=np.intp))[0],
            codes=tuple(
                numbers[text][block.array(rows.file(text))] for text in rows.others
            ),
            obs_weights=block.array("weights") / rows.mean_weight if weighted else None,
        )


def _moments(rows: ScannedRows) -> Floats:
    """Compute rows, mean, sd, minimum and maximum of all columns and variables."""
    names = ["columns", *(["variables"] if rows.variables else [])]
    parts = []
    for block in rows.blocks:
        columns = [c for name in names for c in block.array(name).T]
        parts.append([column_moments(c[~np.isnan(c), None])[0] for c in columns])
    by_column = np.array(parts).transpose(1, 0, 2)
    return np.vstack([merge_moments(column) for column in by_column])


@dataclass(frozen=True, slots=True, eq=False)
class _Columns:
    """Net columns, compressed to their triangular factor, x before y."""

    by_level: Floats  # (L, p) what the effects but the entity's take out
    by_entity: Floats  # (p, p) products of columns net of entity means
    factor: Floats  # (p, p) R of the columns net of all effects
    squares: Floats  # (p,) of the net columns, never weighted


def _net_columns(
    rows: ScannedRows,
    structure: Structure,
    system: Dummies | None,
    levels: Sequence[int],
) -> _Columns:
    """Find what the effects take out, and the size of what is left, from rows if small.

    Cross products of net columns do not tell norms below a millionth of the raw ones;
    such columns are computed once more from the rows.
    """
    p = len(rows.names)
    by_entity, right = first_pass(_ordered(rows, structure), levels, p)
    before = np.diag(by_entity)
    values = np.zeros((sum(levels), p))
    products = by_entity
    if system is not None:
        values = system.solve(right, before)
        products = products - right.T @ values
    transform, regular = orthonormalising(products, np.sqrt(before))
    if regular.all():
        factor = triangular_factor(products)
        return _Columns(values, by_entity, factor, np.diag(products))
    for _ in range(_MOST_PASSES):
        blocks = ((block, ()) for block in _ordered(rows, structure))
        sums = second_pass(blocks, values, levels, transform)
        factor = triangular_factor(sums.products) @ np.linalg.inv(transform)
        squares = np.einsum("ij,ij->j", factor, factor)
        if system is None or is_removed(system, sums.right, squares, before):
            break
        values += system.solve(sums.right, before)
    return _Columns(values, by_entity, factor, sums.squares)


def _ordered(rows: ScannedRows, structure: Structure) -> Iterator[Block]:
    """Read the blocks with the outcome as the last column."""
    order = [*range(1, len(rows.names)), 0]
    for block in _blocks(rows, structure):
        yield replace(block, columns=block.columns.T[order].T)


def _demeaned(rows: ScannedRows, moments: Floats, columns: _Columns) -> Demeaned:
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
    by_level: Floats  # (L, k + 1) what the other effects take out of x and y
    sums: SecondSums
    scores: tuple[Scores, ...]


def _solve(
    rows: ScannedRows,
    structure: Structure,
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
    values, before = columns.by_level[:, at], np.diag(columns.by_entity)[at]
    factor: Floats = np.asarray(np.linalg.qr(columns.factor[:, at], mode="r"))
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
        if removed and moved <= SOLVED:
            break
        if not removed and system is not None:
            values = values + system.solve(sums.right, before)
    fit = ols(factor[:, :k], factor[:, k])
    root = transform[:k, :k] @ np.linalg.inv(sums.products[:k, :k])
    return _Solution(fit, root, values, sums, tuple(empty))


def _inverse_of(factor: Floats) -> Floats:
    """Invert a triangular factor; what is left of a perfect fit is rounding."""
    out = factor.copy()
    least = np.finfo(np.float64).eps * np.linalg.norm(out[:, -1])
    if abs(out[-1, -1]) < least:
        out[-1, -1] = least
    return np.asarray(np.linalg.inv(out))


def _grouped(
    rows: ScannedRows, structure: Structure, groupings: Sequence[Sequence[str]]
) -> Iterator[list[Ints | None]]:
    """Code, for each block, the groups whose scores are summed; no names are rows."""
    numbers = {t: np.cumsum(used > 0) - 1 for t, used in structure.used.items()}
    time = rows.sample.keys.time_name
    if time is not None:
        numbers[time] = _time_order(rows.coded[time].levels, structure.used[time] > 0)

    def group_codes(texts: Sequence[str], codes: Mapping[str, Ints]) -> Ints | None:
        if not texts:
            return None
        if rows.effects[0] in texts:
            return joint_codes([codes[text] for text in texts])
        if len(texts) == 1:
            return numbers[texts[0]][codes[texts[0]]]
        keys = combination_keys(rows, texts, codes)
        return np.searchsorted(structure.keys[tuple(texts)], keys)

    for block in rows.blocks:
        codes = codes_of(rows, block)
        yield [group_codes(texts, codes) for texts in groupings]


def _time_order(times: Any, used: Bools) -> Ints:
    """Give times that are used numbers in order; codes are in order of appearance."""
    out = np.zeros(len(times), dtype=np.intp)
    order = times.argsort()
    order = order[used[order]]
    out[order] = np.arange(len(order))
    return out


# --- results --------------------------------------------------------------------------


class _Grouping:
    """Which sums of scores a covariance needs, and the covariance made of them."""

    def __init__(
        self, rows: ScannedRows, structure: Structure, equation: _Equation, k: int
    ) -> None:
        self.rows, self.structure, self.k = rows, structure, k
        self.count = equation.count.plus(k)
        self.time = rows.sample.keys.time_name
        entity, options = rows.effects[0], rows.options
        by_type: dict[str, list[tuple[str, ...]]] = {
            "clustered": subsets(rows.clusters),
            "robust": [()],
            "unadjusted": [],
            "driscoll_kraay": [(self.time or entity,), (entity,)],
            "xtscc": [(self.time or entity,)],
        }
        self.texts = by_type[options.cov_type]

    def intersection(self, members: Sequence[int]) -> tuple[None, int]:
        """Count the combinations of clusters; their rows are summed block by block."""
        if self.rows.options.cov_type == "driscoll_kraay":
            return None, self.structure.n_entities
        texts = tuple(self.rows.clusters[member] for member in members)
        return None, self.structure.sizes[texts]

    def empty_scores(self, k: int) -> tuple[list[Scores], list[tuple[str, ...]]]:
        """Begin the sums of scores, and name the clusters of each."""
        clustered = self.rows.options.cov_type == "clustered"
        sizes = self.count.groups
        keep = clustered and all(few_enough(size, k) for size in sizes)
        scores = []
        for texts in self.texts:
            one_way = clustered and len(texts) == 1
            scores.append(
                empty_scores(
                    k,
                    inside=not texts or self.rows.effects[0] in texts,
                    size=self.structure.sizes.get(texts, 0),
                    carriers=one_way,
                    keep=keep and one_way,
                )
            )
        return scores, self.texts

    def estimates(
        self, names: Sequence[str], solution: _Solution, cov_type: str
    ) -> Estimates:
        """Compute a covariance with its factors and degrees of freedom."""
        options = self.rows.options
        estimator = vcov(
            cov_type,
            options.ssc,
            self.count,
            self.intersection,
            None,
            bandwidth=options.bandwidth,
        )
        root, middle = rescaled_sandwich(
            solution.root, self._middle(estimator, solution)
        )
        inference = Inference(
            cov_type=cov_type,
            ssc=None if cov_type in WITHOUT_FACTOR else options.ssc,
            clusters=self.rows.clusters,
            n_clusters=self.count.groups,
            df_t=estimator.df_t,
            df_counted=estimator.counted,
            bandwidth=estimator.bandwidth,
        )
        return Estimates(
            names=tuple(names),
            coefficients=solution.fit.coefficients,
            root=root,
            middle=middle,
            inference=inference,
        )

    def _middle(self, estimator: Vcov, solution: _Solution) -> Floats:
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
        two_values = {name for name, seen in rows.distinct.items() if len(seen) <= 2}
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
            used: pd.Index[Any] = levels[self.structure.used[cluster] > 0]
            return used.sort_values() if cluster == self.time else used
        assert scores.carriers is not None
        labels = []
        for number, position in scores.carriers.where[:, j].tolist():
            block = self.rows.blocks[number]
            present = np.unique(block.array("entity"))
            labels.append(block.entities()[present[position]])
        out: pd.Index[Any] = pd.Index(labels)
        return out


def _results(
    rows: ScannedRows,
    columns: _Columns,
    moments: Floats,
    kept: Sequence[int],
    solution: _Solution,
    grouping: _Grouping,
) -> LinearResults:
    """Put names to the numbers."""
    options, structure = rows.options, grouping.structure
    names, fit = [rows.names[j] for j in kept], solution.fit
    estimates = grouping.estimates(names, solution, options.cov_type)
    root, middle = estimates.root, estimates.middle
    covariance = root @ middle @ root.T
    empty = _without_information(solution, covariance, options.cov_type)
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
    beside = None
    if options.cov_type == "driscoll_kraay":
        beside = grouping.estimates(names, solution, "xtscc")
    return LinearResults(
        depvar=rows.names[0],
        estimated=Estimated(
            names=estimates.names,
            coefficients=estimates.coefficients,
            root=root,
            middle=middle,
            inference=estimates.inference,
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
        sample=_sample(rows, kept, moments, grouping, solution.sums.residual_square),
        labels=dict(rows.scan.labels),
        diagnostics=tuple(notices),
    )


def _sample(
    rows: ScannedRows,
    kept: Sequence[int],
    moments: Floats,
    grouping: _Grouping,
    ssr: float,
) -> EstimationSample:
    """Describe the rows, with moments of outcome, regressors and variables."""
    structure, sample = grouping.structure, rows.sample
    positions = [0, *kept, *range(len(rows.names), len(moments))]
    every = (*rows.names, *rows.variables)
    names = [rows.names[j] for j in kept]
    return EstimationSample(
        index=None,
        key_names=sample.keys.pair,
        n_entities=structure.n_entities,
        n_times=grouping.count.periods,
        stats=(tuple(every[i] for i in positions), moments[positions]),
        categories=dict(sample.categories),
        obs_weights=rows.options.obs_weights,
        factors=dict(sample.factors)
        | {name: sample.factors_of(name) for name in names},
        rows=RowSummary(
            nobs=structure.n, sample_hash=f"{structure.hash:016x}", ssr=ssr
        ),
    )


def _without_information(
    solution: _Solution, covariance: Floats, cov_type: str
) -> Ints:
    """Find slopes whose scores sum to zero in every group, as `variance_checks`."""
    if cov_type in ("robust", "unadjusted"):
        return np.empty(0, dtype=np.intp)
    variance, size = np.abs(np.diag(covariance)), solution.sums.sizes
    return np.flatnonzero(variance <= (NO_VARIANCE * size) ** 2)


def _fit_statistics(
    rows: ScannedRows,
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


def _total(rows: ScannedRows, moments: Floats) -> float:
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
    rows: ScannedRows, structure: Structure, solution: _Solution
) -> tuple[tuple[str, pd.Index[Any], Floats], ...]:
    """List the values of all effects but the entity's, each with mean zero."""
    slopes = np.append(-solution.fit.coefficients, 1.0)
    values, start, out = solution.by_level @ slopes, 0, []
    for text in rows.others:
        used = rows.coded[text].levels[structure.used[text] > 0]
        part = values[start : start + used.size]
        start += used.size
        order = used.argsort()
        out.append((text, used[order], (part - part.mean())[order]))
    return tuple(out)


def _row_notices(
    rows: ScannedRows,
    structure: Structure,
    ranks: Ranks,
    groups: Sequence[int],
    n_times: int,
) -> list[Notice]:
    """Report rows that were dropped, few clusters and periods, and counts."""
    options, n_entities = rows.options, structure.n_entities
    missing = rows.dropped_as_missing()
    robust = options.cov_type == "robust" and structure.most_rows > 2
    return [
        *chosen_rows(options.where, rows.chosen, rows.total),
        *dropped_notices(
            [missing] if rows.missing else [],
            rows.singletons,
            [only_shifted(rows.scan.columns, rows.sample, missing)]
            if rows.missing
            else [],
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
        *many_dummies(rows.sample),
    ]


def _common_lags(rows: ScannedRows, role: str) -> dict[int, list[str]]:
    """List the columns of an equation that are lags of the outcome in every block."""
    first, *others = rows.lags
    of_role = rows.sample.names_of(role)
    return {
        at: [
            name
            for name in names
            if name in of_role and all(name in block[at] for block in others)
        ]
        for at, names in first.items()
    }
