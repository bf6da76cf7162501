"""A model estimated by group, with a test of a coefficient's difference."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial, reduce
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from digiprosper.checks import check_option, one_problem
from digiprosper.errors import (
    DigiprosperError,
    IdentificationError,
    InputTypeError,
    MissingDataError,
    Notice,
    OptionError,
    TermError,
    cited,
    counted,
    hold_warnings,
    issue,
    issue_by_model,
    notice_of,
    number_text,
    quoted,
)
from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.kernels.resampling import entity_grams, seed_sequence
from digiprosper.kernels.slopes import Slope
from digiprosper.kernels.within import is_nested
from digiprosper.linear.auxiliary import joint_test
from digiprosper.linear.estimation import Demeaned, checked_columns, fit_equation
from digiprosper.linear.fixed_effects import Fitted, FixedEffects
from digiprosper.linear.kernels.exchange import (
    arrangements,
    count_arrangements,
    distorted_size,
    permuted_labels,
    permuted_slopes,
)
from digiprosper.linear.kernels.wild import p_value_of_draws
from digiprosper.linear.notices import few_exchanges
from digiprosper.linear.preparation import Prepared
from digiprosper.linear.results import LinearResults
from digiprosper.linear.scanned import scanned, specification_texts
from digiprosper.optional import progress_bar
from digiprosper.panel import Panel, PanelScan, Sample
from digiprosper.panel.access import check_panel, table_of
from digiprosper.panel.codes import coded
from digiprosper.panel.evaluation import rows_where
from digiprosper.report.collection import ResultSet, regression_of
from digiprosper.report.columns import (
    Remark,
    RowName,
    SharedRow,
    remark_text,
    test_remark,
)
from digiprosper.report.labels import condition_factor
from digiprosper.report.notices import few_draws
from digiprosper.report.tests import TestResult
from digiprosper.report.text import p_words, permutations_text, repeated
from digiprosper.specification import as_terms, check_reps, one_term
from digiprosper.studies.many import coefficient_named, fit_all
from digiprosper.studies.words import WORDS

GroupTest: TypeAlias = Literal["permutation", "interaction"]

_LEAST_REPS = 19
_REPS, _REFITS = 999, 99
_MOST_GROUPS = 20


@dataclass(frozen=True, slots=True, eq=False)
class ByGroup(ResultSet):
    """Results by group with a test of their difference, made by `by_group`.

    It is a `ResultSet` with one result per group.

    Parameters
    ----------
    outcomes : tuple of pairs
        Name and result of each group.
    difference : TestResult
        Test of the null hypothesis that the coefficient is the same in all groups.

    Examples
    --------
    >>> import digiprosper as dp
    >>> spec = dp.FixedEffects("log(gsp)", ["log(pc)", "unemp"])
    >>> groups = dp.by_group(
    ...     spec, dp.datasets.us_states(), "state < 'MO'", method="interaction"
    ... )
    >>> [float(fit.params["unemp"].round(3)) for fit in groups.values()]
    [-0.018, -0.014]
    >>> round(groups.difference.p_value, 3)
    0.602
    """

    difference: TestResult

    @property
    def table_rows(self) -> tuple[SharedRow, ...]:
        """Rows of a table with the difference and its p-value, in the last column.

        That is the column of the last group. `etable` adds them. With
        ``method="interaction"`` the difference is the coefficient of the interaction,
        which is not equal to the difference of the columns.
        """
        detail: Any = self.difference.detail
        last = self.labels[-1]
        names = {"term": (detail["term"],)}
        name = Remark(f"{self._kind}.row", names, WORDS, self.difference.factors)
        return (
            (name, {last: float(detail["difference"])}),
            (Remark("p_value.row", {}, WORDS), {last: self.difference.p_value}),
        )

    @property
    def table_heads(self) -> Mapping[str, Remark]:
        """Headings of columns with the labels of the columns in a condition."""
        factors = self.difference.factors
        return {
            label: Remark("group", {"name": (label,)}, WORDS, factors)
            for label in self.labels
            if label in factors
        }

    @property
    def rows(self) -> dict[str, list[Any]]:
        """The difference and its p-value as `rows` of `etable`."""
        blanks = [None] * (len(self.labels) - 1)
        return {
            RowName(remark_text(name, WORDS, {}, {}), name): [*blanks, *cells.values()]
            for name, cells in self.table_rows
        }

    @property
    def table_notes(self) -> tuple[Remark, ...]:
        """Note of a table with the difference, its p-value and the method."""
        test, labels = self.difference, self.labels
        detail: Any = test.detail
        texts = {
            "term": detail["term"],
            "group": detail["group"],
            "last": labels[-1],
            "first": labels[0],
            "count": str(len(labels)),
            "value": number_text(detail["difference"]),
            "p": p_words(test.p_value),
        }
        names: dict[str, tuple[str | Remark]] = {n: (t,) for n, t in texts.items()}
        if test.draws is None:
            method = "interaction"
            form = "method.interaction"
            if self._kind == "range":
                form = "method.interactions"
            drawn = {"method": (test_remark(test.method) or test.method,)}
            names["method"] = (Remark(form, drawn, WORDS),)
        else:
            method = "permutations.all" if detail["enumerated"] else "permutations"
            names["reps"] = (f"{test.draws.size:,}",)
            names["units"] = (detail["permuted"] or Remark("units", {}, WORDS),)
        # A condition is the name of its own group.
        is_condition = detail["group"] == labels[-1]
        by = "" if is_condition or self._kind == "range" else ".by"
        tested = Remark(f"{self._kind}{by}.{method}", names, WORDS, test.factors)
        unlike = [n.data for n in test.diagnostics if n.code == "unlike_groups"]
        return (
            tested,
            *(
                Remark(
                    "unlike",
                    {"share": (f"{d['share']:.0%}",), "p": (p_words(d["p_value"]),)},
                    WORDS,
                )
                for d in unlike
            ),
        )

    @property
    def _kind(self) -> str:
        return "difference" if len(self.labels) == 2 else "range"

    def __repr__(self) -> str:
        return f"{ResultSet.__repr__(self)}\n{self.difference}"


@dataclass(frozen=True, slots=True)
class _Groups:
    """The groups of a column or condition."""

    text: str  # the column or condition
    names: tuple[str, ...]  # of the groups, in order
    levels: pd.Index[Any]  # values of the column, or False and True

    def codes_in(self, panel: Panel) -> Ints:
        """Return the group of each row (N,) of a panel, or of a part of the data."""
        codes, levels = _group_codes(panel, self.text)
        return self.levels.get_indexer(levels)[codes]

    def rows_in(self, code: int, panel: Panel) -> Bools:
        """Select the rows of a group."""
        return np.asarray(self.codes_in(panel) == code)


def by_group(
    spec: Any,
    panel: Panel | PanelScan[Any],
    group: str,
    *,
    term: str | None = None,
    method: GroupTest = "permutation",
    reps: int | None = None,
    rng: object = None,
    progress: bool = False,
) -> ByGroup:
    """Estimate a model in each group, and test the difference of a coefficient.

    The difference is that between the groups. If a coefficient is significant in one
    group and not in another, this does not mean that it differs between them. The
    difference must be tested itself.

    Parameters
    ----------
    spec : specification
        Specification of the model. ``method="interaction"`` needs a `FixedEffects`.
    panel : Panel
        The data, or a table that is larger than memory (`Panel.scan`), for
        ``method="interaction"``.
    group : str
        A column whose values are the groups, or a condition as in `Panel.subset`. A
        condition has two groups: the rows where it is false and those where it is true.
    term : str, optional
        The coefficient to compare, by its name in the results. The default is the first
        of `x` for a `FixedEffects` or `PoissonEffects`; for other specifications it
        must be given.
    method : {"permutation", "interaction"}
        ``"permutation"`` (default) permutes the group labels of the entities, or of the
        clusters if each of them is in one group, and estimates the model in each group
        again. ``"interaction"`` estimates one
        regression on all rows, with interactions of the regressor and dummies of all
        groups but the first; the fixed effects and the other coefficients are the same
        in all groups.
    reps : int, optional
        Number of permutations, at least 19. The default is 999. It is 99 if the whole
        model must be fitted in each permutation, which is so for specifications other
        than `FixedEffects` and for absorbed slopes by groups of entities, such as
        ``"region[year]"``. If there are no more different permutations than this, each
        of them is used once, and nothing is random.
    rng : None, int, sequence of int, SeedSequence or Generator
        Seed of the permutations and of the draws of the specification.
    progress : bool
        Whether to show a progress bar on stderr if the whole model is fitted in each
        permutation. The default is False. It needs tqdm (the extra ``parallel``).

    Returns
    -------
    ByGroup
        A `ResultSet` with one result per group, each estimated on the rows of its
        group. Labels are the values of the column, or ``"not (condition)"`` and the
        condition. `difference` is the test:

        - With two groups and ``"permutation"``, `statistic` is the second coefficient
          minus the first; with ``"interaction"`` it is the t statistic of the
          interaction.
        - With more groups and ``"permutation"``, `statistic` is the range of the
          coefficients; with ``"interaction"`` it is the F statistic of all
          interactions, whose p-value with clusters is from draws, as in
          `LinearResults.wald_test`.
        - `detail` has the ``term``, ``group``, ``method``, the ``estimates`` by group,
          the ``difference``, the numbers of the permutations, and as ``permuted`` the
          clusters whose labels were permuted, None for entities.

        `etable` shows the difference and its p-value in two rows, and the method in a
        note.

    Raises
    ------
    InputTypeError
        If `spec` is not a specification, or not a `FixedEffects` for ``"interaction"``.
        If `panel` is not a Panel, or `group` or `term` is not text.
    OptionError
        If there is one group, or more than 20. If the group of an entity changes over
        time and `method` is ``"permutation"``. If an option has an unknown value.
    MissingDataError
        If `group` has missing values.
    TermError, ColumnError
        If the condition cannot be read, or a group has no coefficient with the name
        `term`.
    DigiprosperError
        If the model cannot be estimated in a group. The message names the group.

    Notes
    -----
    ``"permutation"`` (Fisher 1935): ``p = (1 + #{|d*| >= |d|}) / (reps + 1)``, where d
    is the difference or the range, and d* that of a permutation. If all permutations
    are used, the p-value is the share of them with ``|d*| >= |d|``. The null hypothesis
    is that the groups are a random partition of the entities, or of the clusters (of
    provinces, if households are clustered by province). It can be false although
    the coefficients are equal, if the groups differ in the variance of errors or
    regressors. If they also differ in size, the test rejects too often or too rarely
    (Chung & Romano 2013). A permutation in which a coefficient is not identified counts
    as ``|d*| >= |d|``; ``lost`` in `detail` is the number of such permutations.

    ``"interaction"`` allows for different variances, through the standard errors of the
    specification. But it assumes that the fixed effects and the other coefficients are
    the same in all groups. If they are not, it rejects too often.

    Examples
    --------
    >>> import digiprosper as dp
    >>> spec = dp.FixedEffects(
    ...     "log(gsp)", ["log(pcap)", "log(pc)", "log(emp)", "unemp"]
    ... )
    >>> groups = by_group(
    ...     spec, dp.datasets.us_states(), "state < 'MO'", term="unemp", rng=1
    ... )
    >>> groups.labels
    ("not (state < 'MO')", "state < 'MO'")
    >>> groups.difference.p_value > 0.05
    True
    """
    check_option("method", method, ("permutation", "interaction"))
    _check_arguments(spec, panel, group, term, method)
    seed = seed_sequence(rng)
    if isinstance(panel, PanelScan):
        with panel.copied([*specification_texts(spec), group]) as copied:
            return _by_group_of_scan(spec, copied, group, term)
    panel = _drop_unchosen_entities(spec, panel)
    groups = _read_groups([_levels_and_rows(group, panel)], group, panel)
    codes = groups.codes_in(panel)
    fit = spec._fitted(panel) if isinstance(spec, FixedEffects) else None
    by_products = fit is not None and _nested_slopes(fit)
    default = _REPS if by_products else _REFITS
    draws = check_reps(default if reps is None else reps, _LEAST_REPS)
    if method == "permutation":
        _refuse_varying_groups(panel, group, codes)

    by_name = {
        name: (spec, _subset(panel, codes == code))
        for code, name in enumerate(groups.names)
    }
    fits = _fit_groups(by_name, panel, seed)
    name, estimates = _coefficient_by_group(spec, fits, term)
    if fit is not None and method == "interaction":
        rows = panel.index.get_indexer(fit.prepared.sample.index)
        joint = _with_interactions(fit, codes[rows], groups, name)
        test = _interaction_test(joint, groups, name)
    else:
        units, clusters_name = _units_to_permute(spec, panel, codes)
        if fit is not None and by_products:
            slopes, drawn = _permute_by_products(
                fit, panel, codes, units, name, draws, seed
            )
        else:
            slopes, drawn = _permute_by_refits(
                spec, panel, codes, units, name, draws, seed, show=progress
            )
        test = _permutation_test(slopes, groups, clusters_name, name, estimates, drawn)
        unlike = _unequal_variances(fits, name, test.statistic)
        test = replace(test, diagnostics=(*test.diagnostics, *unlike))
    return _by_group_results(test, fits, groups, panel, name, estimates)


def _drop_unchosen_entities(spec: Any, panel: Panel) -> Panel:
    """Drop entities without a row that meets the condition of a specification."""
    if getattr(spec, "where", None) is None:
        return panel
    chosen = _is_chosen_entity(spec, panel)
    return _subset(panel, chosen) if chosen.any() else panel


def _by_group_of_scan(
    spec: Any, scan: PanelScan[Any], group: str, term: str | None
) -> ByGroup:
    """Compare the groups of a scanned table by interactions."""
    if spec.where is not None:
        scan = scan._choose(partial(_is_chosen_entity, spec))
    parts = scan._run(partial(_levels_and_rows, group))
    groups = _read_groups(parts, group, scan, scan.source.categories)
    by_name = {
        name: (spec, scan._choose(partial(groups.rows_in, code)))
        for code, name in enumerate(groups.names)
    }
    fits = _fit_groups(by_name, scan, None)
    name, estimates = _coefficient_by_group(spec, fits, term)
    names = tuple(_interaction_names(groups, name))

    def columns(panel: Panel, sample: Sample) -> tuple[Floats, dict[str, Floats]]:
        codes = groups.codes_in(panel)[panel.index.get_indexer(sample.index)]
        column = sample.matrix[:, sample.names.index(name)]
        return _products(column, codes, groups), {}

    with scanned(spec, scan, {"x": spec.x}, (names, columns)) as (prepared, demeaned):
        x = range(1, len(prepared.sample.roles["x"]) + 1)
        regressors, _, _ = checked_columns(prepared, demeaned, 0, x)
        joint = _fit_with_interactions(prepared, demeaned, regressors, groups, name)
    test = _interaction_test(joint, groups, name)
    return _by_group_results(test, fits, groups, scan, name, estimates)


def _by_group_results(
    test: TestResult,
    fits: ResultSet,
    groups: _Groups,
    panel: Any,
    name: str,
    estimates: dict[str, float],
) -> ByGroup:
    """Join the test with the fits of the groups, and describe the terms."""
    detail: Any = test.detail
    about = {
        "term": name,
        "group": groups.text.strip(),
        "method": "interaction" if test.draws is None else "permutation",
        "estimates": estimates,
    }
    # A result from another package does not describe its terms.
    described = [getattr(regression_of(fit), "factors", {}) for fit in fits.values()]
    factors = {name: term for terms in described for name, term in terms.items()}
    if groups.text.strip() in groups.names:
        factors |= {text: (condition_factor(text),) for text in groups.names}
    described_test = replace(
        test, detail=about | detail, labels=panel.labels, factors=factors
    )
    return ByGroup(fits.outcomes, described_test)


def _check_arguments(
    spec: Any, panel: object, group: object, term: object, method: str
) -> None:
    if not hasattr(spec, "fit") or isinstance(spec, type):
        raise InputTypeError(f"by_group takes a specification, not {cited(spec)}.")
    if method == "permutation" or not isinstance(panel, PanelScan):
        check_panel(panel, f"by_group with method={cited(method)}")
    if not isinstance(group, str):
        raise InputTypeError(
            f"group={cited(group)} must be a column or a condition (text)."
        )
    if term is not None:
        one_term(term, "by_group: term")
    if method == "interaction" and not isinstance(spec, FixedEffects):
        instead = "Use method='permutation', or regressors such as 'x:C(group)'."
        if isinstance(panel, PanelScan):
            instead = (
                "Add interactions to the model, such as d:C(group) in endog and "
                "z:C(group) in instruments, and test them with wald_test."
            )
        raise InputTypeError(
            "by_group: method='interaction' takes a FixedEffects specification, not "
            f"{type(spec).__name__}. {instead}"
        )


# --- groups ---------------------------------------------------------------------------


def _is_chosen_entity(spec: Any, panel: Panel) -> Bools:
    """Mark rows of entities that have a row in the model: only these are permuted."""
    table = table_of(panel)
    entity = table.keys.entity
    return np.isin(entity, entity[rows_where(spec.where, table, "where")])


def _group_codes(panel: Panel, text: str) -> tuple[Ints, pd.Index[Any]]:
    """Code rows (N,) by the values of a column, or by the truth of a condition."""
    table = table_of(panel)
    if text not in table.names:
        truth = rows_where(text, table, "by_group").astype(np.intp)
        return truth, pd.Index([False, True])
    codes, levels = coded(table, text, "group")
    if missing := int((codes < 0).sum()):
        raise one_problem(
            MissingDataError,
            "missing_group",
            f"group={cited(text)} is missing in {counted(missing, 'row')}, which are "
            "in no group. Fill the column, or drop them: "
            f"panel.subset(panel.frame[{cited(text)}].notna()).",
            group=text,
            count=missing,
        )
    return codes, levels


def _levels_and_rows(text: str, panel: Panel) -> tuple[pd.Index[Any], int]:
    """Return the groups of a part of the data, and its number of rows."""
    codes, levels = _group_codes(panel, text)
    return levels[np.unique(codes)], codes.size


def _read_groups(
    parts: Iterable[tuple[pd.Index[Any], int]],
    text: str,
    panel: Panel | PanelScan[Any],
    categories: Mapping[str, Any] | None = None,
) -> _Groups:
    """Read a column, its values as in `categories`, or a condition as groups."""
    condition = text.strip()
    levels_of_parts, rows_of_parts = zip(*parts, strict=True)
    levels, rows = reduce(pd.Index.union, levels_of_parts), sum(rows_of_parts)
    if text in (panel.entity_name, panel.time_name, *panel.columns):
        order = pd.Index((categories or {}).get(text, levels))
        levels = order[order.isin(levels)]
        values = (
            str(v).removesuffix(".0") if isinstance(v, float) else str(v)
            for v in levels
        )
        groups = _Groups(text, tuple(values), levels)
        if twice := tuple(repeated(groups.names)):
            raise one_problem(
                OptionError,
                "groups",
                f"group={cited(text)} has different values with the same text: "
                f"{quoted(twice)}. Convert them to one type, such as "
                "df[column].astype(str), or give them other names.",
                group=text,
                names=twice,
            )
    else:
        both = pd.Index([False, True])
        groups = _Groups(text, (f"not ({condition})", condition), both)
        if levels.size == 1:
            truth = "true" if levels[0] else "false"
            raise _group_count_error(
                f"group={cited(text)} is {truth} in all {rows} rows", text, 1
            )
    count = len(groups.names)
    if not 2 <= count <= _MOST_GROUPS:
        raise _group_count_error(
            f"group={cited(text)} has {counted(count, 'value')}", text, count
        )
    return groups


def _group_count_error(problem: str, text: str, count: int) -> DigiprosperError:
    return one_problem(
        OptionError,
        "groups",
        f"{problem}; by_group compares 2 to {_MOST_GROUPS} groups. Pass a column with "
        "few values, or a condition such as 'income > 5000'.",
        group=text,
        count=count,
    )


def _refuse_varying_groups(panel: Panel, text: str, codes: Ints) -> None:
    """Refuse groups that cut through entities."""
    entity = table_of(panel).keys.entity
    labels = _group_of_units(entity, codes)
    cut = np.unique(entity[labels[entity] != codes])
    if cut.size:
        data = {"group": text, "count": int(cut.size)}
        raise OptionError(
            f"group={cited(text)} changes within {cut.size} of "
            f"{panel.n_entities} {panel.entity_name}, such as "
            f"{panel.entities[cut[0]]}, and labels are permuted over whole entities. "
            "Use method='interaction' with FixedEffects, or a group that does not "
            "change, such as its value in the first period.",
            [Notice("groups_change", "not permuted", data)],
        )


def _units_to_permute(spec: Any, panel: Panel, groups: Ints) -> tuple[Ints, str]:
    """Code the entities, or the clusters if each is in one group, and name them."""
    # A group of whole provinces is no random partition of their households.
    table = table_of(panel)
    entity = table.keys.entity
    clusters = as_terms(getattr(spec, "clusters", None) or (), "clusters")
    if len(clusters) == 1 and clusters[0] != panel.entity_name:
        codes, _ = coded(table, clusters[0], "clusters")
        has_cluster = codes >= 0
        inner = entity[has_cluster], codes[has_cluster]
        outer = codes[has_cluster], groups[has_cluster]
        if all(map(is_nested, inner, outer)):
            return np.unique(codes, return_inverse=True)[1], clusters[0]
    return entity, ""


def _group_of_units(units: Ints, codes: Ints) -> Ints:
    """Return the group of each entity or other unit, that of its last row."""
    labels = np.empty(int(units.max()) + 1, dtype=np.intp)
    labels[units] = codes
    return labels


def _subset(panel: Panel, rows: Any) -> Panel:
    return panel.subset(pd.Series(rows, index=panel.index))


# --- fits by group --------------------------------------------------------------------


def _fit_groups(by_name: Mapping[str, Any], panel: Any, seed: object) -> ResultSet:
    fits = fit_all(by_name, panel, rng=seed)
    for name, error in fits.failures.items():
        text = (
            "by_group: the model cannot be estimated in the group "
            f"{cited(name)}: {error}"
        )
        raise type(error)(text, error.problems) from error
    return fits


def _params(result: Any) -> pd.Series[float]:
    return regression_of(result).params  # type: ignore[no-any-return]


def _coefficient_by_group(
    spec: Any, fits: ResultSet, term: str | None
) -> tuple[str, dict[str, float]]:
    """Return the coefficient's name, and its estimate in every group."""
    params = {group: _params(result) for group, result in fits.items()}
    first, *others = params.values()
    common = [name for name in first.index if all(name in other for other in others)]
    if term is None and not hasattr(spec, "_fitted"):
        raise TermError(
            f"by_group: pass term, the coefficient of {type(spec).__name__} to "
            f"compare; every group has {quoted(common, 20)}."
        )
    target = str(spec.x[0] if term is None else term)
    name = coefficient_named(
        target,
        common,
        "by_group: not every group has a coefficient named {target}; all have {names}.",
    )
    return name, {group: float(p[name]) for group, p in params.items()}


# --- permutation ----------------------------------------------------------------------


def _nested_slopes(fit: Fitted) -> bool:
    """Check whether all absorbed slopes are by groups inside entities."""
    # Only these can be demeaned by cross products.
    slopes = (
        effect
        for effect in fit.prepared.within.effects_and_slopes
        if isinstance(effect, Slope)
    )
    return all(is_nested(slope.codes, fit.prepared.sample.entity) for slope in slopes)


def _permute_by_products(
    fit: Fitted,
    panel: Panel,
    groups: Ints,
    units: Ints,
    name: str,
    reps: int,
    seed: np.random.SeedSequence,
) -> tuple[Floats, np.random.SeedSequence | None]:
    """Estimate the groups in each permutation from cross products by unit.

    Returns slopes (reps, groups), and the seed, or None if these are all permutations.
    """
    prepared, sample = fit.prepared, fit.prepared.sample
    rows = panel.index.get_indexer(sample.index)
    codes = np.unique(units[rows], return_inverse=True)[1]
    labels = _group_of_units(codes, groups[rows])
    grams = entity_grams(
        fit.demeaned.select((0, *fit.regressors)),
        codes,
        prepared.within.effects_and_slopes,
        demeaned=True,
        obs_weights=prepared.obs_weights,
    )
    position, count = fit.results.names.index(name), count_arrangements(labels)
    if count < reps + 0.5:
        return permuted_slopes(grams, labels, position, round(count), None), None
    return permuted_slopes(grams, labels, position, reps, seed), seed


def _permute_by_refits(
    spec: Any,
    panel: Panel,
    groups: Ints,
    units: Ints,
    name: str,
    reps: int,
    seed: np.random.SeedSequence,
    *,
    show: bool,
) -> tuple[Floats, np.random.SeedSequence | None]:
    """Fit the model of each group again in each permutation; returns the same."""
    labels = _group_of_units(units, groups)
    enumerated = count_arrangements(labels) < reps + 0.5
    drawn = (
        arrangements(labels)
        if enumerated
        else permuted_labels(np.random.default_rng(seed), labels, reps)
    )
    out = np.empty((len(drawn), 1 + int(labels.max())))
    with progress_bar("by_group", len(drawn), show=show) as done:
        for i, permuted in enumerate(drawn):
            for group in range(out.shape[1]):
                rows = _subset(panel, permuted[units] == group)
                out[i, group] = _slope_in_rows(spec, rows, name, [seed.entropy, i])
            done(1)
    return out, None if enumerated else seed


def _slope_in_rows(spec: Any, panel: Panel, name: str, rng: object) -> float:
    """Estimate the coefficient in one group of a permutation; NaN if it fails."""
    try:
        with hold_warnings("", []):
            return float(_params(spec.fit(panel, rng=rng)).get(name, np.nan))
    except DigiprosperError:
        # A permuted group may have no variation, as a drawn sample may.
        return float("nan")


def _between_groups(slopes: Floats) -> Floats:
    """Compare groups on the last axis: second minus first, or the range of more."""
    if slopes.shape[-1] == 2:
        return slopes[..., 1] - slopes[..., 0]
    return np.asarray(np.ptp(slopes, axis=-1))


def _permutation_test(
    slopes: Floats,
    groups: _Groups,
    clusters_name: str,
    name: str,
    estimates: dict[str, float],
    seed: np.random.SeedSequence | None,
) -> TestResult:
    """Test the difference by permutations; without a seed, these are all there are."""
    draws, enumerated = _between_groups(slopes), seed is None
    statistic = float(_between_groups(np.array(list(estimates.values()))))
    units = f"clusters ({clusters_name})" if clusters_name else "entities"
    description = f"the groups of {cited(groups.text)} can be permuted over {units}"
    notices = (
        few_exchanges(name, draws.size, description)
        if enumerated
        else few_draws(draws.size, "test")
    )
    issue(notices)
    return TestResult(
        statistic=statistic,
        distribution="permutation",
        df=None,
        p_value=p_value_of_draws(draws, statistic, enumerated=enumerated),
        detail={
            "difference": statistic,
            "reps": draws.size,
            "enumerated": enumerated,
            "permuted": clusters_name or None,
            "lost": int(np.isnan(draws).sum()),
            "rng_entropy": seed.entropy if seed else None,
        },
        draws=draws,
        diagnostics=notices,
        method=permutations_text(draws.size, enumerated=enumerated),
        **_hypothesis(groups, name),
    )


def _unequal_variances(fits: ResultSet, name: str, difference: float) -> list[Notice]:
    from scipy.special import stdtr

    results = list(fits.values())
    if len(results) != 2 or not all(isinstance(r, LinearResults) for r in results):
        return []
    variances = np.array([r._ssr() / r.df_resid for r in results])
    sizes = np.array([r.n_entities for r in results])
    share = distorted_size(variances, sizes)
    error = float(np.hypot(*[r.std_errors[name] for r in results]))
    df = float(min(r.df_by_term[name] for r in results))
    p = float(2 * stdtr(df, -abs(difference) / error))
    if share is None or np.isnan(p):
        return []
    return [
        notice_of(
            "unlike_groups",
            share=share,
            p_value=p,
            _sizes=sizes,
            _deviations=" and ".join(f"{sd:.3g}" for sd in np.sqrt(variances)),
            _df=df,
            _t=difference / error,
            _p=p_words(p),
        )
    ]


def _hypothesis(groups: _Groups, name: str) -> dict[str, Any]:
    text, labels = groups.text, groups.names
    # The values of a column, such as True and False, need its name; a condition does
    # not.
    by = "" if text.strip() in labels else f" by {text}"
    compared = f"{by}, {labels[1]} minus {labels[0]}"
    if len(labels) > 2:
        compared = f" between {len(labels)} groups of {text}"
    return {
        "name": f"Difference of {name}{compared}",
        "null": f"{name} has the same coefficient in all groups of {text}",
    }


# --- interaction ----------------------------------------------------------------------


def _interaction_names(groups: _Groups, name: str) -> list[str]:
    """Name the interactions of a regressor with later groups, then their dummies."""
    others = groups.names[1:]
    interactions = [f"{name} in {group}" for group in others]
    return interactions + [f"{groups.text} is {group}" for group in others]


def _interaction_test(joint: LinearResults, groups: _Groups, name: str) -> TestResult:
    others = groups.names[1:]
    names = _interaction_names(groups, name)[: len(others)]
    absent = [interaction for interaction in names if interaction not in joint.names]
    if absent:
        raise IdentificationError(
            f"by_group: {quoted(absent)} cannot be estimated together with the other "
            "regressors and effects. Use method='permutation'."
        )
    hypothesis = _hypothesis(groups, name)
    test = joint_test(joint, names, "by_group", **hypothesis)
    model = f"all groups jointly, where {name} is that of {groups.names[0]}"
    issue_by_model([(model, joint.diagnostics)])
    differences = joint.params[names].tolist()
    detail: dict[str, Any] = {
        "differences": dict(zip(others, differences, strict=True)),
        "difference": float(np.ptp([0.0, *differences])),
    }
    diagnostics = (*joint.diagnostics, *test.diagnostics)
    if len(names) == 1:
        row: Any = joint.tidy().set_index("term").loc[names[0]]
        test = TestResult(
            statistic=float(row["statistic"]),
            distribution="t",
            df=float(joint.df_by_term[names[0]]),
            p_value=float(row["p_value"]),
            **hypothesis,
        )
        detail = {"difference": differences[0], "std_error": float(row["std_error"])}
    return replace(test, detail=detail, diagnostics=diagnostics)


def _with_interactions(
    fit: Fitted, codes: Ints, groups: _Groups, name: str
) -> LinearResults:
    """Add the interactions of a regressor with groups to a regression, and refit."""
    column = fit.demeaned.raw[:, fit.regressors[fit.results.names.index(name)]]
    further = _products(column, codes, groups)
    names = _interaction_names(groups, name)
    demeaned = fit.demeaned.with_columns(fit.prepared, names, further)
    return _fit_with_interactions(fit.prepared, demeaned, fit.regressors, groups, name)


def _products(column: Floats, codes: Ints, groups: _Groups) -> Floats:
    """Return interactions of a column (n,) and dummies of later groups, (n, 2 q)."""
    indicators = np.equal.outer(codes, np.arange(1, len(groups.names)))
    return np.hstack([column[:, None] * indicators, indicators])


def _fit_with_interactions(
    prepared: Prepared,
    demeaned: Demeaned,
    regressors: Sequence[int],
    groups: _Groups,
    name: str,
) -> LinearResults:
    """Fit the regression with interactions, and group dummies not absorbed."""
    # Indicators come last: of two collinear columns the later one is dropped.
    names, count = _interaction_names(groups, name), len(groups.names) - 1
    columns = demeaned.at(names)
    not_absorbed = [j for j in columns[count:] if not demeaned.absorbed[j]]
    every = [*regressors, *columns[:count], *not_absorbed]
    options = replace(prepared.options, collinear="drop")
    prepared = replace(prepared, options=options)
    return fit_equation(prepared, demeaned, 0, every, auxiliary=names[count:])[0]
