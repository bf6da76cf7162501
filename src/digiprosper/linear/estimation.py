"""From demeaned columns to results: solving equations and their covariances."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np

from digiprosper.checks import collinearity_problem, several
from digiprosper.errors import (
    CollinearityError,
    IdentificationError,
    Notice,
    TermError,
    cited,
    counted,
    notice_of,
    quoted,
)
from digiprosper.kernels import Bools, Floats
from digiprosper.kernels.cluster_jackknife import jackknife_root_and_middle
from digiprosper.kernels.covariance import (
    Counts,
    Vcov,
    conley_vcov,
    intersections,
    vcov,
)
from digiprosper.kernels.equation import Solved, block_slopes, solve
from digiprosper.kernels.least_squares import (
    Fit,
    dependences,
    invert_gram,
    with_weights,
)
from digiprosper.kernels.tolerances import (
    ABSORBED,
    CONSTANT,
    NEARLY_ABSORBED,
    PERFECT_FIT,
)
from digiprosper.linear.diagnostics import (
    few_treated,
    lost_digits,
    not_semidefinite,
    shared_between_clusters,
)
from digiprosper.linear.kernels.bias_reduced import BiasReduced, bias_reduced
from digiprosper.linear.kernels.wild import ClusterSums, cluster_sums
from digiprosper.linear.notices import (
    EFFECTIVE_CLUSTERS,
    ENOUGH_CLUSTERS,
    NEAR,
    dropped_column,
    in_memory_only,
    no_variance,
)
from digiprosper.linear.preparation import Prepared
from digiprosper.linear.results import (
    EffectValues,
    Estimated,
    EstimationSample,
    LinearResults,
)
from digiprosper.linear.variance_checks import (
    find_zero_variances,
    needed_cluster_notices,
    perfect_row_notices,
    refuse_full_leverage,
)
from digiprosper.panel import Sample
from digiprosper.report.estimates import Estimates
from digiprosper.report.inference import WITHOUT_FACTOR, Inference
from digiprosper.report.text import repeated

_MANY_CELLS = 100_000
NOT_IDENTIFIED = (
    "The coefficient of such a variable is not identified: drop it, interact it with a "
    "variable that varies within the effects, or omit the effect."
)
"""What to do about a regressor that the effects absorb."""


@dataclass(frozen=True, slots=True, eq=False)
class Demeaned:
    """Columns of all equations of a system, raw and demeaned."""

    names: tuple[str, ...]
    raw: Floats  # (N, p) as in the data
    columns: Floats  # (N, p) demeaned
    # (levels, p) estimates of each effect for each column; all but the first have mean
    # zero; without effects, the means
    effects: tuple[Floats, ...]
    # (p, 5) rows, mean, standard deviation, minimum and maximum of the raw columns,
    # never weighted
    moments: Floats
    lengths: Floats  # (p,) norms of the demeaned columns, never weighted
    constant: Bools  # (p,) raw columns that are constant up to rounding
    # (p,) columns that the effects absorb, constant ones included
    absorbed: Bools
    # (p, p) (weighted) cross products of the demeaned columns; None if p > N, to save
    # memory, since such equations are refused
    products: Floats | None

    def at(self, names: Sequence[str]) -> tuple[int, ...]:
        """Return the positions of columns by name."""
        return tuple(self.names.index(name) for name in names)

    def names_at(self, positions: Iterable[int]) -> tuple[str, ...]:
        """Return the names of columns by position."""
        return tuple(map(self.names.__getitem__, positions))

    def select(self, positions: Sequence[int]) -> Floats:
        """Select demeaned columns (N, k) by position."""
        return columns_at(self.columns, positions)

    def with_columns(
        self, prepared: Prepared, names: Sequence[str], raw: Floats
    ) -> Demeaned:
        """Append further columns (N, q), given as in the data."""
        if not names:
            return self
        together = _join_columns(self.raw, raw)
        return demean_columns(prepared, (*self.names, *names), together)


def demean_columns(prepared: Prepared, names: Sequence[str], raw: Floats) -> Demeaned:
    """Demean the columns (N, p) of all equations of a system."""
    # The memory layout is fixed, since it affects the last digits.
    raw = np.asfortranarray(raw, dtype=np.float64)
    columns, effects = prepared.within.decompose(raw)
    products: Floats | None = None
    if columns.shape[1] <= len(columns):
        products = with_weights(columns, prepared.obs_weights).T @ columns
    if products is None or prepared.obs_weights is not None:
        squares = np.einsum("ij,ij->j", columns, columns)
    else:
        squares = products.diagonal()
    moments, lengths = column_moments(raw), np.sqrt(squares)
    constant, absorbed = find_constant_and_absorbed(moments, lengths)
    return Demeaned(
        names=tuple(names),
        raw=raw,
        columns=columns,
        effects=tuple(effects),
        moments=moments,
        lengths=lengths,
        constant=constant,
        absorbed=absorbed,
        products=products,
    )


@dataclass(frozen=True, slots=True, eq=False)
class CommonColumns:
    """Columns of several equations on the rows complete in all, demeaned once."""

    prepared: Prepared
    demeaned: Demeaned  # outcome, then every column of the regressors
    columns: tuple[int, ...]  # positions in the sample of the columns of `demeaned`

    def regressors(self, role: str) -> list[int]:
        """Return the positions in `demeaned` of the columns of a role."""
        return [self.columns.index(c) for c in self.prepared.sample.roles[role]]


def demean_roles(
    y: str, prepared: Prepared, roles: Iterable[str]
) -> tuple[Demeaned, tuple[int, ...]]:
    """Demean the outcome and the columns of roles; also return their positions."""
    sample = prepared.sample
    single_column(sample, "y", y)
    positions = chain.from_iterable([sample.roles[role] for role in ("y", *roles)])
    columns = tuple(dict.fromkeys(positions))
    names = (y, *[sample.names[column] for column in columns[1:]])
    demeaned = demean_columns(prepared, names, columns_at(sample.matrix, columns))
    return demeaned, columns


def single_column(
    sample: Sample, role: str, term: str, argument: str | None = None
) -> Floats:
    """Return the column (N,) of a role; refuse a term that makes several."""
    column, *others = sample.roles[role]
    if others:
        raise TermError(
            f"{argument or role}={cited(term)} makes several columns; it must be one "
            "column."
        )
    return sample.matrix[:, column]


def find_constant_and_absorbed(moments: Floats, lengths: Floats) -> tuple[Bools, Bools]:
    """Find columns (p,) that are constant, and those that the effects absorb."""
    n = moments[0, 0]
    # Norm of each raw column less its mean
    spreads = moments[:, 2] * np.sqrt(n - 1) if n > 1 else np.zeros(len(moments))
    largest = np.maximum(-moments[:, 3], moments[:, 4])
    constant = spreads <= CONSTANT * largest * np.sqrt(n)
    return constant, constant | (lengths < ABSORBED * spreads)


def columns_at(columns: Floats, positions: Sequence[int]) -> Floats:
    """Select columns, each contiguous in memory; adjacent ones are not copied."""
    if not positions:
        return columns[:, :0]
    first, last = positions[0], positions[-1]
    if tuple(positions) == tuple(range(first, last + 1)):
        return columns[:, first : last + 1]
    return np.asarray(columns.T[list(positions)].T)


def fit_columns(
    prepared: Prepared,
    depvar: str,
    outcome: Floats,
    names: Sequence[str],
    design: Floats,
    *,
    auxiliary: Sequence[str] = (),
) -> LinearResults:
    """Demean an outcome (N,) and columns (N, k), and run the regression."""
    demeaned = demean_columns(
        prepared, (depvar, *names), _join_columns(outcome[:, None], design)
    )
    regressors = range(1, 1 + len(names))
    return fit_equation(prepared, demeaned, 0, regressors, auxiliary=auxiliary)[0]


def fit_equation(
    prepared: Prepared,
    demeaned: Demeaned,
    outcome: int,
    regressors: Sequence[int],
    *,
    remarks: Sequence[Notice] = (),
    auxiliary: Sequence[str] = (),
    report_indefinite: bool = True,
) -> tuple[LinearResults, Solved]:
    """Solve one equation of a system; return its results, and the solution.

    `outcome` and `regressors` are positions in `demeaned`. Notices, including
    `remarks`, are stored in `diagnostics` and not issued. `auxiliary` names columns
    that the model adds itself, such as the dummy of a regime; no notice is given if
    their slopes depend on few clusters. `report_indefinite=False` is for models that
    compute the covariance jointly with other parameters and check that one instead.
    """
    columns, notices, inverse = checked_columns(prepared, demeaned, outcome, regressors)
    if prepared.block_sums is not None and not prepared.block_sums.has_scores:
        prepared, demeaned = prepared.block_sums.with_scores(
            prepared,
            demeaned,
            columns,
            (outcome,),
            {tuple(columns): demeaned.select(columns)},
        )
        inverse = None  # it is of columns in another basis
    products = None
    if demeaned.products is not None:
        with_all = demeaned.products[columns]
        products = with_all[:, columns], with_all[:, outcome]
    solved = solve(
        demeaned.columns[:, outcome],
        columns_at(demeaned.columns, columns),
        *counts_and_vcov(prepared, len(columns)),
        obs_weights=prepared.obs_weights,
        products=products,
        inverse=inverse,
    )
    refuse_full_leverage(prepared, solved, demeaned.names_at(columns))
    notices += fit_notices(solved, demeaned, (outcome, *columns))
    results = make_results(
        prepared,
        demeaned,
        (outcome, *columns),
        solved,
        auxiliary,
        before=[*prepared.notices, *notices],
        after=remarks,
        report_indefinite=report_indefinite,
    )
    if prepared.block_sums is not None:
        more = in_memory_only(results.diagnostics)
        results = replace(results, diagnostics=(*results.diagnostics, *more))
    return results, solved


def checked_columns(
    prepared: Prepared, demeaned: Demeaned, outcome: int, regressors: Sequence[int]
) -> tuple[list[int], list[Notice], tuple[Floats, float] | None]:
    """Refuse an equation that is not identified.

    Return the positions of the regressors that are kept, notices, and the inverse of
    their cross products as by `invert_gram`.
    """
    if not regressors:
        raise IdentificationError("x is empty; specify at least one regressor.")
    refuse_names(demeaned.names_at(regressors))
    columns, notices, inverse = independent_columns(prepared, demeaned, regressors)
    refuse_constant_outcome(prepared, demeaned, outcome)
    return columns, notices, inverse


def refuse_names(names: Sequence[str]) -> None:
    """Refuse a column named Intercept, and repeated names."""
    if "Intercept" in names:
        raise TermError("'Intercept' is the name of the constant; rename the column.")
    if len(set(names)) < len(names):
        raise TermError(
            f"{quoted(repeated(names))} is the name of a column and of a term that the "
            "model adds; rename the column."
        )


def counts_and_vcov(
    prepared: Prepared, k: int, cov_type: str | None = None
) -> tuple[Counts, Vcov]:
    """Return the counts and the covariance estimator of an equation with k slopes."""
    options, count = prepared.options, prepared.count.with_slopes(k)
    if prepared.block_sums is not None:
        return count, prepared.block_sums.vcov(count, cov_type or options.cov_type)
    if prepared.near is not None:
        return count, conley_vcov(options.ssc, count, prepared.near)
    return count, vcov(
        cov_type or options.cov_type,
        options.ssc,
        count,
        intersections(prepared.cluster_codes or (prepared.sample.entity,)),
        prepared.sample.time,
        bandwidth=options.bandwidth,
        leverage=prepared.leverage,
        effects=prepared.within.effects_and_slopes
        if options.cov_type in ("crv3", "cr2")
        else (),
    )


# --- columns that cannot be estimated -------------------------------------------------


def independent_columns(
    prepared: Prepared, demeaned: Demeaned, regressors: Sequence[int]
) -> tuple[list[int], list[Notice], tuple[Floats, float] | None]:
    """Drop or refuse absorbed and collinear columns, as `collinear` says.

    Also returns notices of those dropped, and what `invert_gram` makes of the cross
    products of the others.
    """
    strict = prepared.options.collinear == "raise"
    varying, absorbed = _drop_absorbed(prepared, demeaned, regressors)
    if strict:
        # Checked first: otherwise the search for combinations may be slow.
        refuse_too_many_parameters(prepared, len(varying))
    inverse, columns, collinear = None, varying, list[Notice]()
    if demeaned.products is not None:
        inverse = invert_gram(demeaned.products[varying][:, varying])
    if inverse is None:
        columns, collinear = drop_collinear(prepared, demeaned, varying)
    if strict and collinear:
        raise CollinearityError(
            several(collinear)
            + ". Drop one of them (FixedEffects does so with collinear='drop').",
            collinear,
        )
    if not strict:
        refuse_too_many_parameters(prepared, len(columns))
    return columns, [*map(dropped_column, (*absorbed, *collinear))], inverse


def _drop_absorbed(
    prepared: Prepared, demeaned: Demeaned, regressors: Sequence[int]
) -> tuple[list[int], list[Notice]]:
    """Drop or refuse regressors that the effects absorb; describe those dropped."""
    varying = [j for j in regressors if not demeaned.absorbed[j]]
    if len(varying) == len(regressors):
        return varying, []
    absorbed = [j for j in regressors if demeaned.absorbed[j]]
    problems = [absorbed_problem(prepared, demeaned, j) for j in absorbed]
    if prepared.options.collinear == "raise":
        raise IdentificationError(f"{several(problems)}. {NOT_IDENTIFIED}", problems)
    if not varying:
        text = f"every regressor is absorbed by the effects ({effects_text(prepared)})."
        raise IdentificationError(text, problems)
    return varying, problems


def effects_text(prepared: Prepared) -> str:
    """List the absorbed effects for a message."""
    return ", ".join(prepared.effect_names) or "the intercept"


def absorbed_problem(prepared: Prepared, demeaned: Demeaned, column: int) -> Notice:
    """Describe an absorbed column, as the problem of an error."""
    name, effects = demeaned.names[column], effects_text(prepared)
    text = f"{cited(name)} is absorbed by the effects ({effects})"
    if demeaned.constant[column]:
        text = f"{cited(name)} is constant in the sample"
    return Notice("absorbed", text, {"column": name, "effects": effects})


def drop_collinear(
    prepared: Prepared, demeaned: Demeaned, columns: list[int]
) -> tuple[list[int], list[Notice]]:
    """Drop columns that are linear combinations of earlier ones; describe them."""
    gram = None
    if prepared.obs_weights is None and demeaned.products is not None:
        gram = demeaned.products[columns][:, columns]
    combinations = dependences(columns_at(demeaned.columns, columns), gram=gram)
    if not combinations:
        return columns, []
    names = demeaned.names_at(columns)
    redundant = {columns[column] for column in combinations}
    problems = [
        collinear_problem(names[column], [names[i] for i in earlier])
        for column, earlier in combinations.items()
    ]
    return [j for j in columns if j not in redundant], problems


def collinear_problem(name: str, on: Sequence[str]) -> Notice:
    """Describe a collinear column, as the problem of an error."""
    end = "after the effects are partialled out"
    return collinearity_problem(
        name, on, f"{cited(name)} is collinear with {quoted(on)} {end}"
    )


def refuse_too_many_parameters(prepared: Prepared, k: int) -> None:
    """Refuse k slopes that leave no degrees of freedom beside the effects."""
    n, rank = prepared.count.n, prepared.count.parameters
    if n <= k + rank:
        many = "as many parameters as" if n == k + rank else "more parameters than"
        raise IdentificationError(
            f"{counted(k, 'slope')} and {counted(rank, 'absorbed effect')} on "
            f"{counted(n, 'row')}: {many} rows. Drop terms or effects."
        )


def refuse_constant_outcome(
    prepared: Prepared, demeaned: Demeaned, outcome: int
) -> None:
    """Refuse an outcome that is constant or absorbed by the effects."""
    depvar = demeaned.names[outcome]
    if demeaned.constant[outcome]:
        raise IdentificationError(
            f"the outcome {cited(depvar)} is constant in the sample."
        )
    if demeaned.absorbed[outcome]:
        raise IdentificationError(
            f"the outcome {cited(depvar)} does not vary within the effects "
            f"({effects_text(prepared)})."
        )


# --- notices --------------------------------------------------------------------------


def fit_notices(
    solved: Solved | Fit,
    demeaned: Demeaned,
    positions: Sequence[int],  # of the outcome, then the regressors
    length: float | None = None,  # of the outcome, by default demeaned
) -> Iterator[Notice]:
    """Report near collinearity and a perfect fit."""
    length = demeaned.lengths[positions[0]] if length is None else length
    regressors = list(positions[1:])
    if solved.condition > NEAR:
        yield notice_of(
            "near_collinear.condition",
            columns=demeaned.names_at(regressors),
            measure="condition",
            value=float(solved.condition),
        )
    n, sd = demeaned.moments[regressors, 0], demeaned.moments[regressors, 2]
    within_sd = demeaned.lengths[regressors] / np.sqrt(n - 1)
    if (nearly_absorbed := within_sd < NEARLY_ABSORBED * sd).any():
        yield notice_of(
            "near_collinear.absorbed",
            columns=demeaned.names_at(np.array(regressors)[nearly_absorbed].tolist()),
            measure="absorbed",
            value=float((within_sd / sd)[nearly_absorbed].min()),
        )
    if float(np.linalg.norm(solved.residuals)) < PERFECT_FIT * length:
        yield notice_of("perfect_fit", depvar=demeaned.names[positions[0]])


# --- from a solved equation to its results --------------------------------------------


def make_results(
    prepared: Prepared,
    demeaned: Demeaned,
    positions: tuple[int, ...],  # of the outcome, then the regressors
    solved: Solved,
    auxiliary: Sequence[str],
    *,
    before: Sequence[Notice] = (),
    after: Sequence[Notice] = (),
    report_indefinite: bool,
) -> LinearResults:
    """Make results of a solved equation; notices go `before` and `after` its own."""
    depvar, *names = demeaned.names_at(positions)
    terms, full = tuple(names), solved
    if not prepared.absorbed:
        terms = (*names, "Intercept")
        full = with_intercept(prepared, demeaned, positions, solved)

    reduced = bias_reduced(full) if full.vcov.cov_type == "cr2" else None
    moved = None if reduced is None else reduced.moved
    by_cluster = _sums_by_cluster(prepared, full)
    root, middle = _root_and_middle(prepared, full, by_cluster, moved)
    covariance = root @ middle @ root.T
    empty = find_zero_variances(full, covariance)
    root[empty] = np.nan

    notices = [
        *lost_digits(names, demeaned.moments[list(positions[1:])], solved.bread),
        *no_variance([terms[j] for j in empty]),
        *needed_cluster_notices(prepared, terms, full, covariance, moved),
        *perfect_row_notices(prepared, solved),
        *few_treated(
            prepared,
            names,
            solved.score_columns,
            solved.root,
            by_cluster=by_cluster if full.moved is None else (),
            auxiliary=auxiliary,
            limit=ENOUGH_CLUSTERS.get(prepared.options.cov_type, EFFECTIVE_CLUSTERS),
        ),
        *shared_between_clusters(
            prepared,
            demeaned,
            [j for j in positions if demeaned.names[j] not in auxiliary],
        ),
    ]
    if report_indefinite:
        notices += not_semidefinite(prepared, terms, covariance, middle)
    results = LinearResults(
        depvar=depvar,
        estimated=Estimated(
            names=terms,
            coefficients=full.coefficients,
            root=root,
            middle=middle,
            inference=inference_of(prepared, solved, reduced),
            bias_reduced=reduced,
            by_cluster=by_cluster,
            **_driscoll_kraay_alternatives(prepared, terms, full, solved),
            **_by_row(prepared, demeaned.raw[:, positions[0]], full),
        ),
        sample=estimation_sample(
            prepared.sample, prepared.options.obs_weights, demeaned, positions
        )
        if prepared.block_sums is None
        else prepared.block_sums.sample(demeaned, positions, solved),
        labels=dict(prepared.sample.labels),
        diagnostics=(*before, *notices, *after),
        **_effects_and_fit(prepared, demeaned, positions, full),
    )
    return results if prepared.options.keep_rows else results.without_rows()


def _root_and_middle(
    prepared: Prepared,
    solved: Solved,
    by_cluster: Sequence[ClusterSums],
    moved: Floats | None,
) -> tuple[Floats, Floats]:
    """Factor the covariance as ``root @ middle @ root.T``; `moved` is that of CR2."""
    if moved is not None:
        return jackknife_root_and_middle(moved, factor=1.0)
    in_one_way = len(by_cluster) == 1 and prepared.block_sums is None
    return solved.root_and_middle(by_cluster[0].scores if in_one_way else None)


def _sums_by_cluster(prepared: Prepared, solved: Solved) -> tuple[ClusterSums, ...]:
    """Compute the sums by cluster of joint tests; empty with too many clusters."""
    if prepared.options.cov_type != "clustered":
        return ()
    sums = []
    for codes, groups in zip(
        prepared.cluster_codes, prepared.count.groups, strict=True
    ):
        way = cluster_sums(solved, codes, groups)
        if way is None:
            return ()
        sums.append(way)
    return tuple(sums)


def _driscoll_kraay_alternatives(
    prepared: Prepared, terms: tuple[str, ...], full: Solved, solved: Solved
) -> dict[str, Any]:
    """Compute what Driscoll-Kraay results report too: xtscc, slopes by block."""
    if prepared.options.cov_type != "driscoll_kraay":
        return {}
    estimator = counts_and_vcov(prepared, solved.coefficients.size, "xtscc")[1]
    plain = replace(full, vcov=estimator)
    root, middle = plain.root_and_middle()
    xtscc = Estimates(
        names=terms,
        coefficients=full.coefficients,
        root=root,
        middle=middle,
        inference=replace(inference_of(prepared, plain), cov_type="xtscc"),
    )
    if prepared.block_sums is not None:
        return {"xtscc": xtscc}
    effects, time = prepared.within.effects_and_slopes, prepared.sample.time
    return {"xtscc": xtscc, "block_slopes": block_slopes(solved, effects, time)}


def with_intercept(
    prepared: Prepared, demeaned: Demeaned, positions: tuple[int, ...], solved: Solved
) -> Solved:
    """Add an intercept to a solved equation without effects."""
    columns = columns_at(demeaned.raw, positions)
    means = np.average(columns, axis=0, weights=prepared.obs_weights)
    return solved.with_intercept(means, float(prepared.row_weights.sum()))


def _by_row(prepared: Prepared, outcome: Floats, solved: Solved) -> dict[str, Any]:
    """Return residuals and fitted values, which scanned tables do not have."""
    if prepared.block_sums is not None:
        return {"residuals": None, "fitted": None, "is_scanned": True}
    residuals = solved.residuals
    return {"residuals": residuals, "fitted": outcome - residuals}


def _effects_and_fit(
    prepared: Prepared, demeaned: Demeaned, positions: tuple[int, ...], solved: Solved
) -> dict[str, Any]:
    """Compute R2 and effects, as fields of `LinearResults`."""
    terms = [(term.effect, term.slope) for term in prepared.absorbed]
    if prepared.block_sums is not None:
        sums = prepared.block_sums
        statistics, effects = sums.statistics_and_effects(positions, solved)
        terms = terms[1:]  # effects of entities are not kept
    else:
        outcome, k = demeaned.raw[:, positions[0]], len(positions) - 1
        # Estimated effects: those of the outcome less those of the fitted values
        less_fit = np.zeros(len(demeaned.names))
        less_fit[positions[0]] = 1.0
        less_fit[list(positions[1:])] = -solved.coefficients[:k]
        values = [taken_out @ less_fit for taken_out in demeaned.effects]
        effects = named_effects(prepared, values)
        statistics = _fit_statistics(prepared, outcome, values, solved)
    return {
        "fit_statistics": statistics,
        "df_resid": solved.df_resid,
        "df_absorbed": solved.count.parameters - solved.count.k,
        "effect_names": prepared.effect_names,
        "effect_values": effects,
        "effect_terms": tuple(terms),
    }


def named_effects(prepared: Prepared, values: Sequence[Floats]) -> EffectValues:
    """Name the values of effects by `Within.decompose`: name, levels and values."""
    levels = [prepared.sample.code_levels[term.effect] for term in prepared.absorbed]
    gaps = prepared.within.with_gaps(values)
    # Without effects `zip` is empty: the single value is the intercept.
    return tuple(zip(prepared.effect_names, levels, gaps, strict=False))


def _fit_statistics(
    prepared: Prepared, outcome: Floats, values: Sequence[Floats], solved: Solved
) -> tuple[float, float, float, float]:
    w = prepared.obs_weights
    ssr = _sum_of_squares(solved.residuals, w)
    mean = outcome.sum() / outcome.size if w is None else outcome @ w / w.sum()
    total = _sum_of_squares(outcome - mean, w)
    entity = prepared.entity_position
    by_entity = np.nan if entity is None else None
    if entity is not None and len(prepared.absorbed) > 1:
        # Not explained by slopes within entities: residuals and the other effects
        unexplained = solved.residuals.copy()
        for position, value in enumerate(values):
            if position != entity:
                unexplained += prepared.within.by_row(value, position)
        both = np.array([unexplained, outcome]).T
        unexplained, all_within = prepared.within.deviations(both, entity).T
        by_entity = 1 - _sum_of_squares(unexplained, w) / _sum_of_squares(all_within, w)
    return r_squared(solved, outcome.size, ssr=ssr, total=total, by_entity=by_entity)


def r_squared(
    solved: Solved, n: int, *, ssr: float, total: float, by_entity: float | None
) -> tuple[float, float, float, float]:
    """Compute `fit_statistics`: R2 with all effects, within, by entity, and adjusted.

    `total` is the sum of squares of the outcome, `by_entity` R2 within entities: NaN
    without their effects, and None without others, where it is R2 within.
    """
    within = 1 - ssr / _sum_of_squares(solved.y, solved.obs_weights)
    adjusted = 1 - (ssr / solved.df_resid) / (total / (n - 1))
    by_entity = within if by_entity is None else by_entity
    return 1 - ssr / total, within, by_entity, adjusted


def _sum_of_squares(values: Floats, obs_weights: Floats | None) -> float:
    """Sum the (weighted) squares of values (N,)."""
    return float(values @ (values if obs_weights is None else values * obs_weights))


def inference_of(
    prepared: Prepared, solved: Solved, reduced: BiasReduced | None = None
) -> Inference:
    """Describe how the standard errors of an equation were computed."""
    cov_type = prepared.options.cov_type
    df_t = solved.vcov.df_t
    if reduced is not None:
        df_t = float(
            np.nanmin(reduced.df_t(np.eye(reduced.moved.shape[1])), initial=df_t)
        )
    return Inference(
        cov_type=cov_type,
        ssc=None if cov_type in WITHOUT_FACTOR else prepared.options.ssc,
        clusters=prepared.cluster_names,
        n_clusters=solved.count.groups,
        df_t=df_t,
        df_counted=solved.vcov.counted,
        bandwidth=solved.vcov.bandwidth,
        distance_cutoff=prepared.options.distance_cutoff,
        distance_kernel=prepared.options.distance_kernel
        if cov_type == "conley"
        else None,
    )


def estimation_sample(
    sample: Sample,
    obs_weights: str | None,
    demeaned: Demeaned,
    positions: Sequence[int],
) -> EstimationSample:
    """Describe the rows of a fit, with moments of outcome and regressors."""
    names = demeaned.names_at(positions)
    computed = [name for name in names[1:] if name not in sample.factors]
    further = {n: v for n, v in sample.variables.items() if n not in names}
    moments = [column_moments(v[~np.isnan(v), None]) for v in further.values()]
    return EstimationSample(
        index=sample.keys.index,
        key_names=sample.keys.name_pair,
        n_entities=sample.n_entities,
        n_times=sample.n_times,
        period=sample.keys.period,
        stats=(
            (*names, *further),
            np.concatenate([demeaned.moments[list(positions)], *moments]),
        ),
        categories=dict(sample.categories),
        obs_weights=obs_weights,
        factors={**sample.factors, **{n: sample.factors_of(n) for n in computed}},
    )


# --- columns --------------------------------------------------------------------------


def _join_columns(first: Floats, second: Floats) -> Floats:
    """Join columns, each contiguous in memory."""
    together = np.empty((first.shape[1] + second.shape[1], len(first)))
    return np.concatenate([first.T, second.T], out=together).T


def column_moments(columns: Floats) -> Floats:
    """Compute rows, mean, standard deviation, minimum and maximum of each column."""
    n, k = columns.shape
    # Column by column, to avoid a copy of the whole matrix
    if k > 1 and n * k > _MANY_CELLS:
        return np.vstack([column_moments(columns[:, j : j + 1]) for j in range(k)])
    if n == 0:
        return np.tile([0.0, np.nan, np.nan, np.nan, np.nan], (k, 1))
    mean = columns.sum(axis=0) / n
    centred = columns - mean
    sd = (
        np.sqrt(np.einsum("ij,ij->j", centred, centred) / (n - 1))
        if n > 1
        else np.full(k, np.nan)
    )
    least, largest = columns.min(axis=0), columns.max(axis=0)
    return np.array([np.full(k, n), mean, sd, least, largest]).T
