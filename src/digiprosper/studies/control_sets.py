"""Estimates of one coefficient with each set of candidate controls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain, combinations, compress, pairwise
from math import comb
from typing import Any

import numpy as np
import pandas as pd

from digiprosper.checks import is_whole, one_problem, option_error, plain, several
from digiprosper.errors import (
    DigiprosperError,
    IdentificationError,
    Notice,
    TermError,
    cited,
    counted,
    issue,
    issue_by_model,
    quoted,
    subject,
)
from digiprosper.kernels import Bools, Floats
from digiprosper.linear.estimation import (
    Demeaned,
    absorbed_problem,
    columns_at,
    counts_and_vcov,
)
from digiprosper.linear.fixed_effects import CommonRows, refuse_other_specification
from digiprosper.linear.notices import NEAR
from digiprosper.linear.preparation import Prepared
from digiprosper.panel import Panel, Sample
from digiprosper.panel.terms import canonical
from digiprosper.report.text import repeated
from digiprosper.specification import as_terms, one_term
from digiprosper.studies.control_set_results import (
    ControlSample,
    ControlSet,
    ControlSets,
    set_label,
)
from digiprosper.studies.kernel import set_slopes
from digiprosper.studies.many import coefficient_named

MOST_SETS = 2**16
ONE_BY_ONE = ("hc2", "hc3", "crv3", "cr2", "conley")


@dataclass(frozen=True, slots=True, eq=False)
class Equations:
    """All columns of all models on their common rows, demeaned once."""

    common_rows: Any  # `CommonRows`, or what another specification has
    prepared: Prepared  # these rows, with their effects and clusters
    demeaned: Demeaned  # the outcome, and all regressors
    x: tuple[int, ...]  # positions of the regressors of every model
    controls: tuple[tuple[int, ...], ...]  # positions of the columns of each candidate
    base: Any  # the model without candidates

    def regressors(self, controls: Bools) -> tuple[int, ...]:
        """Return the positions of the regressors of a model, in order."""
        return (*self.x, *chain.from_iterable(compress(self.controls, controls)))


def control_sets(
    spec: Any,
    panel: Panel,
    candidates: Sequence[str],
    *,
    size: int | tuple[int, int] | range | None = None,
    term: str | None = None,
) -> ControlSets:
    """Estimate one coefficient with each set of candidate controls.

    Other tools search for a set of controls with which a coefficient is significant,
    and report only this model. This function reports the models with all sets. They
    show whether a result depends on particular controls [1]_ [2]_.

    Parameters
    ----------
    spec : FixedEffects or PoissonEffects
        The model without candidates. All models have its regressors, fixed effects,
        weights and type of standard errors.
    panel : Panel
        The data.
    candidates : sequence of str
        Terms that are added to `spec.x` in each combination. A term with several
        columns, such as ``"C(region)"``, is one candidate.
    size : int, pair or range, optional
        Number of candidates in a set: a number, a pair (lowest, highest), or a `range`.
        The default is all sets, from no candidate to all. At most 65,536 sets are
        estimated, which is the number of sets of 16 candidates.
    term : str, optional
        The coefficient, by its name in the results. The default is the first of
        `spec.x`.

    Returns
    -------
    ControlSets
        A `ResultSet` with one `ControlSet` per set. Labels are such as ``"a + b"``;
        ``"(none)"`` is `spec` itself. `frame` has all estimates, `included` the
        candidates in each set, and `distribution` and `by_control` summarise them.
        `plots.specification_curve` plots them. If a model cannot be estimated, its
        error is in `failures`.

    Raises
    ------
    InputTypeError
        If `spec` is another specification, `panel` is not a Panel, or `candidates` or
        `term` is not text.
    TermError
        If there is no candidate, or `term` is not a regressor of `spec`. If a candidate
        is listed twice, is in `spec.x`, is the outcome, or contains a column of `term`
        in the same period, as an interaction or a power of it does: the coefficient
        then has another meaning.
    OptionError
        If `size` is not as above, or there are too many sets.
    ColumnError, MissingDataError, CollinearityError
        As in `FixedEffects.fit`, for the model without candidates.
    IdentificationError
        If a candidate is absorbed by the fixed effects; and as in `FixedEffects.fit`.

    Notes
    -----
    All models are estimated on the same rows: those in which all candidates are
    observed. So estimates differ only because of the controls. A separate fit of a
    model with few candidates may have more rows.

    The fixed effects are absorbed from all columns once. The estimates and standard
    errors of each set are computed from these columns and equal those of a
    separate fit. With ``hc2``, ``hc3`` and ``crv3``, for nearly collinear sets and for
    a `PoissonEffects`, each model is fitted separately, which takes longer.

    The p-values do not allow for the number of sets. Many significant estimates do not
    confirm each other, because all use the same data. A control that is itself affected
    by the regressor, or that opens a path between regressor and outcome (a collider),
    biases the estimate, even if most sets agree with it.

    References
    ----------
    .. [1] Leamer, E. E. (1983). Let's take the con out of econometrics. American
       Economic Review 73, 31-43.
    .. [2] Simonsohn, U., Simmons, J. P. & Nelson, L. D. (2020). Specification curve
       analysis. Nature Human Behaviour 4, 1208-1214.

    Examples
    --------
    >>> import digiprosper as dp
    >>> spec = dp.FixedEffects("log(gsp)", ["log(pcap)"])
    >>> sets = dp.control_sets(
    ...     spec, dp.datasets.us_states(), ["log(pc)", "log(emp)", "unemp"]
    ... )
    >>> sets.frame[["model", "estimate"]].round(3).head(3).values.tolist()
    [['(none)', 0.432], ['log(pc)', 0.143], ['log(emp)', -0.038]]
    >>> sets.distribution()[["n_sets", "median", "negative_significant"]].round(
    ...     3
    ... ).tolist()
    [8.0, 0.07, 0.0]
    """
    return estimate_sets(spec, panel, candidates, size, term)[0]


def estimate_sets(
    spec: Any, panel: Panel, candidates: Sequence[str], size: object, term: str | None
) -> tuple[ControlSets, Equations, Bools]:
    """Estimate the sets, and keep the columns of all models.

    Also returns which sets were estimated at once: neither collinear nor nearly so.
    """
    refuse_other_specification("control_sets", spec, needs="_on_common_rows")
    candidates = _read_candidates(spec, candidates)
    if term is not None:
        one_term(term, "term")
    sets = _sets(len(candidates), _read_sizes(size, len(candidates)))
    controls = [tuple(compress(candidates, row)) for row in sets]
    labels = _set_labels(controls)

    equations = _prepare_equations(spec, panel, candidates)
    base = equations.base
    name = _coefficient_name(spec, base, candidates, term)
    _refuse_products_of_term(equations, candidates, name)
    common = _common_values(equations, name)
    numbers = _estimate_together(equations, sets, name)
    results, by_code = _estimate_each(equations, controls, sets, common, numbers)
    for notice in base.diagnostics:
        by_code.pop(notice.code, None)

    issue(base.diagnostics)
    issue_by_model(
        (labels[position], [notice])
        for notice, positions in by_code.values()
        for position in positions
    )
    estimated = ControlSets(
        outcomes=tuple(zip(labels, results, strict=True)),
        candidates=candidates,
        included=pd.DataFrame(
            sets, index=pd.Index(labels, name="model"), columns=list(candidates)
        ),
        common=common,
        diagnostics=(*base.diagnostics, *(notice for notice, _ in by_code.values())),
    )
    return estimated, equations, ~np.isnan(numbers[:, 1])


# --- which sets -----------------------------------------------------------------------


def _read_candidates(spec: Any, values: object) -> tuple[str, ...]:
    """Read the candidates; none of them may have a role in the model already."""
    candidates = as_terms(values, "candidates")
    if not candidates:
        raise TermError(
            "candidates is empty; pass the controls to add, such as "
            "['income', 'trade']."
        )
    problems = [
        Notice(
            "repeated",
            f"{cited(candidate)} is in candidates and in {role}",
            {"term": candidate, "roles": (role, "candidates")},
        )
        for role, terms in (("x", spec.x), ("y", (spec.y,)))
        for candidate in candidates
        if canonical(candidate) in map(canonical, terms)
    ]
    if problems:
        raise TermError(
            f"{several(problems)}. A candidate is not in every model, as this term is: "
            "remove it from candidates, or from x with spec.drop(...).",
            problems,
        )
    return candidates


def _read_sizes(size: object, count: int) -> list[int]:
    """Read how many candidates a set may have."""
    sizes = range(count + 1) if size is None else _read_range(plain(size))
    if not sizes or not all(0 <= number <= count for number in sizes):
        raise option_error(
            "size",
            size,
            f"size={cited(size)} must be a number of candidates from 0 to {count}, a "
            f"pair such as (1, {count}), or a range.",
        )
    total = sum(comb(count, number) for number in sizes)
    if total > MOST_SETS:
        of_size = "" if size is None else f" with size={cited(size)}"
        raise option_error(
            "size",
            size,
            f"{counted(count, 'candidate')}{of_size} make {total:,} sets; at most "
            f"{MOST_SETS:,} are estimated. Put controls that every model has in spec.x "
            "only, or make one candidate of several with panel.assign. "
            f"{_suggest_size(min(sizes), count)}",
        )
    return sorted(sizes)


def _read_range(size: Any) -> range:
    """Read a number, a pair (lowest, highest) or a range; empty if it is invalid."""
    if isinstance(size, range):
        return size
    ends = list(size) if isinstance(size, tuple | list) else [size, size]
    if len(ends) != 2 or not all(map(is_whole, ends)):
        return range(0)
    return range(int(ends[0]), int(ends[1]) + 1)


def _suggest_size(least: int, count: int) -> str:
    """Suggest sizes that keep the sets few enough."""
    total, most = 0, least - 1
    while total + comb(count, most + 1) <= MOST_SETS:
        most += 1
        total += comb(count, most)
    if most < least:
        return "Pass fewer candidates."
    return f"control_sets takes size=({least}, {most}), which makes {total:,}."


def _sets(count: int, sizes: Sequence[int]) -> Bools:
    """List the sets, the smallest first: (sets, candidates)."""
    members = chain.from_iterable(combinations(range(count), size) for size in sizes)
    return np.array(
        [[j in chosen for j in range(count)] for chosen in members], dtype=np.bool_
    )


def _set_labels(controls: Sequence[Sequence[str]]) -> list[str]:
    """Name the sets; names with plus signs may make two of them equal."""
    labels = list(map(set_label, controls))
    if twice := repeated(labels):
        raise TermError(
            f"candidates: {quoted(twice)} is the name of a candidate and of a set of "
            "others; rename the column."
        )
    return labels


# --- the columns of all models --------------------------------------------------------


def _prepare_equations(spec: Any, panel: Panel, candidates: Sequence[str]) -> Equations:
    """Demean all models' columns on rows complete in all, and fit the first."""
    roles = {
        "x": spec.x,
        **{f"candidate {name}": (*spec.x, name) for name in candidates},
        "candidates": (*spec.x, *candidates),
    }
    common_rows = spec._on_common_rows(panel, roles)
    prepared, demeaned = common_rows.prepared, common_rows.demeaned
    rows = prepared.sample
    blocks = _count_columns(rows, candidates)

    x = tuple(range(1, 1 + len(rows.roles["x"])))
    base = common_rows.fit(x, None)
    starts = np.cumsum([1 + len(x), *blocks]).tolist()
    controls = tuple(tuple(range(start, stop)) for start, stop in pairwise(starts))
    absorbed = [j for j in chain.from_iterable(controls) if demeaned.absorbed[j]]
    if absorbed and spec.collinear == "raise":
        problems = [absorbed_problem(prepared, demeaned, j) for j in absorbed]
        raise IdentificationError(
            f"candidates: {several(problems)}. Remove it from candidates, or "
            "interact it with a variable that varies within the effects.",
            problems,
        )
    return Equations(common_rows, prepared, demeaned, x, controls, base)


def _count_columns(rows: Sample, candidates: Sequence[str]) -> list[int]:
    """Count each candidate's columns, which may not depend on the other candidates."""
    x, all_names = rows.roles["x"], rows.roles["candidates"]
    columns = {name: rows.roles[f"candidate {name}"] for name in candidates}
    # Candidates that change the dummies of x, or else those whose dummies the others
    # change.
    depending = [name for name in candidates if columns[name][: len(x)] != x]
    if not depending:
        added = [columns[name][len(x) :] for name in candidates]
        if (*x, *chain.from_iterable(added)) == all_names:
            return list(map(len, added))
        depending = [
            name for name in candidates if not set(columns[name]) <= set(all_names)
        ]
    raise one_problem(
        TermError,
        "categories",
        f"candidates: with {quoted(depending)} the dummies of a product with a "
        "category depend on which other terms are in the model. Put the product and "
        "its other factor in spec.x, or make columns of it with panel.assign.",
        candidates=tuple(depending),
    )


def _coefficient_name(
    spec: Any, base: Any, candidates: Sequence[str], term: str | None
) -> str:
    target = spec.x[0] if term is None else term
    names = [name for name in base.names if name != "Intercept"]
    text = "term: no coefficient of spec is named {target}; they are {names}."
    if canonical(target) in map(canonical, candidates):
        text += " It is a candidate, which is not in every model: put it in spec.x."
    return coefficient_named(target, names, text)


def _refuse_products_of_term(
    equations: Equations, candidates: Sequence[str], name: str
) -> None:
    """Refuse candidates that contain the coefficient's column in the same period."""
    factors_of, names = equations.prepared.sample.factors_of, equations.demeaned.names

    def columns(term: str) -> set[tuple[str, int]]:
        return {
            (column, factor.shift)
            for factor in factors_of(term)
            for column in factor.columns
        }

    shared = [
        candidate
        for candidate, positions in zip(candidates, equations.controls, strict=True)
        if any(columns(names[position]) & columns(name) for position in positions)
    ]
    if shared:
        raise TermError(
            f"candidates: {subject(shared, 'contains')} the column of {cited(name)}, "
            f"which changes the meaning of the coefficient of {cited(name)}, such as "
            "to the slope where the other factor is zero. Put the product in "
            "spec.x, or compare the two models with fit_all.",
            [
                Notice("shared", candidate, {"term": name, "candidate": candidate})
                for candidate in shared
            ],
        )


def _common_values(equations: Equations, name: str) -> ControlSample:
    base = equations.base
    r2 = ("rsquared", "rsquared_within", "rsquared_within_entity", "rsquared_adj")
    unknown = dict.fromkeys(("df_resid", "f_statistic", *r2))
    return ControlSample(
        term=base.terms[base.names.index(name)],
        x=tuple(regressor for regressor in base.names if regressor != "Intercept"),
        glance={**base.glance(), **unknown},
        key_names=base.key_names,
        # The parameters that are counted differ between the models.
        inference=replace(base.inference, df_counted=None),
        labels=dict(base.labels),
        factors=dict(base.factors),
    )


# --- estimates ------------------------------------------------------------------------


def _estimate_each(
    equations: Equations,
    controls: Sequence[tuple[str, ...]],
    sets: Bools,
    common: ControlSample,
    numbers: Floats,
) -> tuple[list[ControlSet | DigiprosperError], dict[str, tuple[Notice, list[int]]]]:
    """Estimate the coefficient with every set, in order, where `numbers` are missing.

    Also returns, by code, the first notice of sets fitted one by one, and the positions
    of the sets with it.
    """
    name = common.term.name
    results: list[ControlSet | DigiprosperError] = []
    by_code: dict[str, tuple[Notice, list[int]]] = {}
    for position, names in enumerate(controls):
        estimate, std_error, df_t = numbers[position].tolist()
        if np.isnan(std_error):
            regressors = equations.regressors(sets[position])
            try:
                fit = equations.common_rows.fit(regressors)
            except DigiprosperError as error:
                results.append(error)
                continue
            for notice in fit.diagnostics:
                by_code.setdefault(notice.code, (notice, []))[1].append(position)
            row = fit.names.index(name)
            weights = np.eye(len(fit.names))[[row]]
            estimate = float(fit.coefficients[row])
            std_error = float(fit.estimated.std_errors()[row])
            df_t = float(np.ravel(fit.estimated.df_of(weights))[0])
        results.append(ControlSet.of(names, estimate, std_error, df_t, common))
    return results, by_code


def _estimate_together(equations: Equations, sets: Bools, name: str) -> Floats:
    """Estimate at once all sets that allow it: estimate, error, df, (sets, 3).

    The standard error of a set that has to be fitted by itself is missing.
    """
    prepared, demeaned = equations.prepared, equations.demeaned
    numbers = np.full((len(sets), 3), np.nan)
    if (
        not isinstance(equations.common_rows, CommonRows)
        or prepared.options.cov_type in ONE_BY_ONE
        or demeaned.absorbed[list(equations.x)].any()
    ):
        return numbers

    absorbed = np.array(
        [demeaned.absorbed[list(positions)].any() for positions in equations.controls]
    )
    columns, inside = set_columns(equations, sets, name)
    wide = prepared.sample.nobs <= inside.sum(axis=1) + prepared.within.rank
    estimable = np.flatnonzero(~wide & ~sets[:, absorbed].any(axis=1))
    slopes, std_errors, df_t = set_slopes(
        demeaned.columns[:, 0],
        columns,
        inside[estimable],
        lambda k: counts_and_vcov(prepared, k)[1],
        most_condition=NEAR,
        obs_weights=prepared.obs_weights,
    )
    numbers[estimable] = np.column_stack([slopes, std_errors, df_t])
    return numbers


def set_columns(equations: Equations, sets: Bools, name: str) -> tuple[Floats, Bools]:
    """Select the columns of all models (N, p), that of a coefficient last.

    Also returns which of them are in each set, (sets, p). Candidates that the effects
    absorb are left out.
    """
    demeaned = equations.demeaned
    at = demeaned.at([name])[0]
    others = [position for position in equations.x if position != at]
    varying = [
        (candidate, position)
        for candidate, positions in enumerate(equations.controls)
        for position in positions
        if not demeaned.absorbed[list(positions)].any()
    ]
    columns = [*others, *(position for _, position in varying), at]
    inside = np.ones((len(sets), len(columns)), dtype=np.bool_)
    inside[:, len(others) : -1] = sets[:, [candidate for candidate, _ in varying]]
    return columns_at(demeaned.columns, columns), inside
