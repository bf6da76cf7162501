"""One model by group, and a test of whether a coefficient differs between the groups."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from digiprosper.errors import (
    DigiprosperError,
    IdentificationError,
    InputTypeError,
    MissingDataError,
    Notice,
    OptionError,
    TermError,
    check_option,
    cited,
    issue,
    one_of_many,
    quoted,
)
from digiprosper.kernels.resampling import entity_grams, seed_sequence
from digiprosper.kernels.slopes import Slope
from digiprosper.kernels.within import is_nested
from digiprosper.linear.auxiliary import joint_form
from digiprosper.linear.estimation import fit_equation
from digiprosper.linear.fixed_effects import FixedEffects, estimate
from digiprosper.linear.kernels.permutation import permuted_labels, permuted_slopes
from digiprosper.linear.kernels.wild import share_beyond
from digiprosper.optional import progress_bar
from digiprosper.panel import Panel
from digiprosper.panel.access import table_of
from digiprosper.panel.codes import coded
from digiprosper.panel.conditions import rows_where
from digiprosper.panel.terms import canonical
from digiprosper.report.collection import ResultSet
from digiprosper.report.columns import Remark, SharedRow, remark_text
from digiprosper.report.notices import few_draws
from digiprosper.report.tests import TestResult
from digiprosper.report.text import p_words
from digiprosper.specification import check_reps
from digiprosper.studies.many import fit_all
from digiprosper.studies.words import WORDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digiprosper.kernels import Floats, Ints
    from digiprosper.linear.fixed_effects import Fitted
    from digiprosper.linear.results import LinearResults

__all__ = ["ByGroup", "GroupTest", "by_group"]

GroupTest: TypeAlias = Literal["permutation", "interaction"]

_LEAST_REPS = 19
_REPS, _REFITS = 999, 99
_MOST_GROUPS = 20


@dataclass(frozen=True, slots=True, eq=False)
class ByGroup(ResultSet):
    """Results by group, in the order of the groups, and the test of the difference.

    Parameters
    ----------
    outcomes : tuple of pairs
        Group and its result.
    difference : TestResult
        Test of the hypothesis that the coefficient is the same in all groups.

    Examples
    --------
    >>> import digiprosper as dp
    >>> spec = dp.FixedEffects("log(gsp)", ["log(pc)", "unemp"])
    >>> groups = dp.by_group(spec, dp.datasets.us_states(), "state < 'MO'", method="interaction")
    >>> [float(fit.params["unemp"].round(3)) for fit in groups.values()]
    [-0.018, -0.014]
    >>> round(groups.difference.p_value, 3)
    0.602
    """

    difference: TestResult

    @property
    def table_rows(self) -> tuple[SharedRow, ...]:
        """The difference and its p-value, in the column of the last group, as a table has them by itself.

        With ``method="interaction"`` the difference is the coefficient of the interaction, which is not the
        difference of the columns: the note below the table has the method.
        """
        detail: Any = self.difference.detail
        last = self.labels[-1]
        name = Remark(f"{self._kind}.row", {"term": (detail["term"],)}, WORDS)
        return (
            SharedRow(name, {last: float(detail["difference"])}),
            SharedRow(Remark("p_value.row", {}, WORDS), {last: self.difference.p_value}),
        )

    @property
    def rows(self) -> dict[str, list[Any]]:
        """The same as rows to pass to `etable`, one value a group, in English; their names may be changed."""
        blanks = [None] * (len(self.labels) - 1)
        named = {remark_text(row.name, WORDS, {}, {}): row.cells for row in self.table_rows}
        return {name: [*blanks, *cells.values()] for name, cells in named.items()}

    @property
    def table_notes(self) -> tuple[Remark, ...]:
        """The difference, its p-value and where it comes from."""
        test = self.difference
        detail: Any = test.detail
        texts: dict[str, object] = {
            "group": detail["group"],
            "last": self.labels[-1],
            "first": self.labels[0],
            "count": len(self.labels),
            "value": f"{detail['difference']:.4g}",
            "p": p_words(test.p_value),
        }
        how = "interaction"
        if test.draws is not None:
            how, texts["reps"] = "permutations", f"{test.draws.size:,}"
        names = {"term": (detail["term"],)} | {name: (str(text),) for name, text in texts.items()}
        # A condition is the name of its own group.
        by = ".by" if self._kind == "difference" and detail["group"] != self.labels[-1] else ""
        return (Remark(f"{self._kind}{by}.{how}", names, WORDS),)

    @property
    def _kind(self) -> str:
        return "difference" if len(self.labels) == 2 else "range"

    def __repr__(self) -> str:
        return f"{ResultSet.__repr__(self)}\n{self.difference}"


@dataclass(frozen=True, slots=True)
class _Groups:
    """Which group each row of a panel is in."""

    text: str  # the column or condition
    names: tuple[str, ...]  # of the groups, in order
    codes: Ints  # (N,) group of each row


def by_group(
    spec: Any,
    panel: Panel,
    group: str,
    *,
    term: str | None = None,
    method: GroupTest = "permutation",
    reps: int | None = None,
    rng: object = None,
    progress: bool = False,
) -> ByGroup:
    """Fit a model in each group, and test whether a coefficient differs between the groups.

    That a coefficient is significant in one group and not in another does not mean that the two differ. The
    difference has a test of its own.

    Parameters
    ----------
    spec : specification
        Any; the interaction needs `FixedEffects`.
    panel : Panel
        The data.
    group : str
        A column, whose values are the groups, or a condition as in `Panel.subset`: the rows where it is
        true and the others are two groups.
    term : str, optional
        The coefficient, as the results name it. Default the first of `x` of a `FixedEffects`; it has to be
        given with other specifications.
    method : {"permutation", "interaction"}
        ``"permutation"``: labels of the groups are permuted over entities, and every group fitted again with
        effects of its own. ``"interaction"``: one regression on all rows with the regressor times an
        indicator of each group but the first; effects and other regressors are in common.
    reps : int, optional
        Permutations, 19 or more; default 999, and 99 where the model has to be fitted anew in each of them
        (any specification but `FixedEffects`, and slopes by groups of entities).
    rng : None, int, sequence of int, SeedSequence or Generator
        Source of the permutations, and of what the specification draws.
    progress : bool
        Show a progress bar on stderr, where the model is fitted anew in each permutation; needs tqdm, the
        extra ``parallel``.

    Returns
    -------
    ByGroup
        A `ResultSet` with one result a group, on its own rows with its own effects; labels are the values in
        order, of a condition ``"not (condition)"`` and the condition. `difference` is the test. Its
        `statistic` with two groups is the second coefficient minus the first (permutation), or t of the
        interaction; with more groups the range of the coefficients, or the joint F of the interactions.
        `detail` has `term`, `group`, `method`, `estimates` by group, `difference`, and what was drawn. In
        `etable` the difference and its p-value are rows, with the test in a note.

    Raises
    ------
    InputTypeError
        If `spec` is no specification, or no `FixedEffects` for an interaction; `panel` no `Panel`; `group` or
        `term` no text.
    OptionError
        If there is one group, or more than 20; if the groups of an entity differ between its rows and labels
        are to be permuted; if an option is not allowed.
    MissingDataError
        If `group` is missing in some row.
    TermError, ColumnError
        If the condition cannot be read, or no coefficient of every group is named so.
    DigiprosperError
        If the model cannot be estimated in a group: the error of that fit, with the group before it.

    Notes
    -----
    Permutation (Fisher 1935): ``p = (1 + #{|d*| >= |d|}) / (reps + 1)``, d the difference, or the range.
    The hypothesis is that the groups are a random partition of the entities. If groups differ in size and in
    the variance of errors or of regressors, it is false although the coefficients are the same, and the test
    rejects too often or too rarely (Chung & Romano 2013). The interaction allows for that through the
    covariance of the specification, but takes the other coefficients and the effects as common, and rejects
    too often where they are not.
    A permutation that leaves the coefficient of a group unidentified counts as beyond and is in ``lost``.

    Examples
    --------
    >>> import digiprosper as dp
    >>> spec = dp.FixedEffects("log(gsp)", ["log(pcap)", "log(pc)", "log(emp)", "unemp"])
    >>> groups = by_group(spec, dp.datasets.us_states(), "state < 'MO'", term="unemp", rng=1)
    >>> groups.labels
    ("not (state < 'MO')", "state < 'MO'")
    >>> groups.difference.p_value > 0.05
    True
    """
    check_option("method", method, ("permutation", "interaction"))
    _refuse_others(spec, panel, group, term, method)
    seed = seed_sequence(rng)
    groups = _read_groups(panel, group)
    fit = estimate(spec, panel) if isinstance(spec, FixedEffects) else None
    batched = fit is not None and _nested_slopes(fit)
    draws = check_reps(_default(reps, batched=batched), _LEAST_REPS)
    if method == "permutation":
        _refuse_varying(panel, groups)

    fits = _fit_groups(spec, panel, groups, seed)
    name, estimates = _estimates(spec, fits, term)
    if fit is not None and method == "interaction":
        difference = _interaction(fit, panel, groups, name, estimates)
    elif fit is not None and batched:
        slopes = _batched(fit, panel, groups, name, draws, seed)
        difference = _permutation(slopes, groups, name, estimates, seed)
    else:
        slopes = _refitted(spec, panel, groups, name, draws, seed, show=progress)
        difference = _permutation(slopes, groups, name, estimates, seed)
    return ByGroup(fits.outcomes, difference)


def _default(reps: int | None, *, batched: bool) -> int:
    if reps is not None:
        return reps
    return _REPS if batched else _REFITS


def _refuse_others(spec: Any, panel: object, group: object, term: object, method: str) -> None:
    if not hasattr(spec, "fit") or isinstance(spec, type):
        raise InputTypeError(f"by_group takes a specification, not {cited(spec)}.")
    if not isinstance(panel, Panel):
        raise InputTypeError(
            f"by_group takes a Panel, not {type(panel).__name__}: Panel(df, entity='province', time='year')."
        )
    if not isinstance(group, str):
        raise InputTypeError(f"group={cited(group)} must be a column or a condition (text).")
    if term is not None and not isinstance(term, str):
        raise InputTypeError(f"term={cited(term)} must be one coefficient (text).")
    if method == "interaction" and not isinstance(spec, FixedEffects):
        raise InputTypeError(
            f"by_group: method='interaction' takes a FixedEffects specification, not {type(spec).__name__}. "
            "Use method='permutation'."
        )


# --- groups -------------------------------------------------------------------------------------------------


def _read_groups(panel: Panel, text: str) -> _Groups:
    """Read a column, or a condition, as groups of rows."""
    table = table_of(panel)
    if text in table.known:
        codes, levels = coded(table, text, "group")
        _refuse_gaps(text, int((codes < 0).sum()))
        names = tuple(map(_text, levels))
        _refuse_one_name(text, names)
    else:
        codes = rows_where(text, table, "by_group").astype(np.intp)
        names = (f"not ({text.strip()})", text.strip())
        if codes.min() == codes.max():
            truth = "true" if codes[0] else "false"
            raise _no_groups(f"group={cited(text)} is {truth} in all {codes.size} rows", text, 1)
    if not 2 <= len(names) <= _MOST_GROUPS:
        count = f"{len(names):,} value{'' if len(names) == 1 else 's'}"
        raise _no_groups(f"group={cited(text)} has {count}", text, len(names))
    return _Groups(text, names, codes)


def _text(level: object) -> str:
    return str(level).removesuffix(".0") if isinstance(level, float) else str(level)


def _refuse_one_name(text: str, names: Sequence[str]) -> None:
    """Refuse values that are written alike, such as a number and its text."""
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise OptionError(
            f"group={cited(text)} has different values that are written alike: {quoted(twice)}. Make them "
            "one type, such as df[column].astype(str), or give them other names.",
            [Notice("groups", "written alike", {"group": text, "names": tuple(twice)})],
        )


def _no_groups(found: str, text: str, count: int) -> OptionError:
    return OptionError(
        f"{found}; groups are from 2 to {_MOST_GROUPS}. Pass a column with few values, or a condition such "
        'as "income > 5000".',
        [Notice("groups", found, {"group": text, "count": count})],
    )


def _refuse_gaps(text: str, count: int) -> None:
    if count:
        rows = f"row{'' if count == 1 else 's'}"
        raise MissingDataError(
            f"group={cited(text)} is missing in {count} {rows}, which are in no group. Fill the column, "
            f"or drop them: panel.subset(panel.frame[{cited(text)}].notna()).",
            [Notice("missing_group", "in no group", {"group": text, "count": count})],
        )


def _refuse_varying(panel: Panel, groups: _Groups) -> None:
    """Refuse groups that cut through entities."""
    keys = table_of(panel).keys
    one = np.empty(panel.n_entities, dtype=np.intp)
    one[keys.entity] = groups.codes
    cut = np.unique(keys.entity[one[keys.entity] != groups.codes])
    if cut.size:
        raise OptionError(
            f"group={cited(groups.text)} changes within {cut.size} of {panel.n_entities} "
            f"{panel.entity_name}, such as {panel.entities[cut[0]]}, and labels are permuted over whole "
            "entities. Use method='interaction', or a group that does not change, such as its value in the "
            "first period.",
            [Notice("groups_change", "not permuted", {"group": groups.text, "count": int(cut.size)})],
        )


def _subset(panel: Panel, rows: Any) -> Panel:
    return panel.subset(pd.Series(rows, index=panel.index))


# --- fits by group ------------------------------------------------------------------------------------------


def _fit_groups(spec: Any, panel: Panel, groups: _Groups, seed: np.random.SeedSequence) -> ResultSet:
    battery = {name: (spec, _subset(panel, groups.codes == code)) for code, name in enumerate(groups.names)}
    fits = fit_all(battery, panel, rng=seed)
    for name, error in fits.failures.items():
        text = f"by_group: the model cannot be estimated in the group {cited(name)}: {error}"
        raise type(error)(text, error.problems) from error
    return fits


def _params(result: Any) -> pd.Series[float]:
    return getattr(result, "slopes", result).params  # type: ignore[no-any-return]


def _estimates(spec: Any, fits: ResultSet, term: str | None) -> tuple[str, dict[str, float]]:
    """Find the coefficient in every group."""
    params = {group: _params(result) for group, result in fits.items()}
    common = _common(list(params.values()))
    if term is None:
        term = _first(spec, common)
    found = [name for name in common if canonical(name) == canonical(term)]
    if not found:
        raise TermError(
            f"by_group: not every group has a coefficient named {cited(term)}; all have "
            f"{quoted(common, 20)}.",
            [Notice("no_coefficient", term, {"term": term, "common": tuple(common)})],
        )
    return found[0], {group: float(p[found[0]]) for group, p in params.items()}


def _common(params: list[pd.Series[float]]) -> list[str]:
    """List the coefficients that all groups have."""
    first, *others = params
    return [name for name in first.index if all(name in other for other in others)]


def _first(spec: Any, common: list[str]) -> str:
    """Take the first regressor where it is clear which that is."""
    if isinstance(spec, FixedEffects):
        return spec.x[0]
    raise TermError(
        f"by_group: pass term, the coefficient of {type(spec).__name__} that is compared; every group has "
        f"{quoted(common, 20)}."
    )


# --- permutation --------------------------------------------------------------------------------------------


def _nested_slopes(fit: Fitted) -> bool:
    """Tell whether all absorbed slopes are by groups inside entities, which cross products can sweep."""
    slopes = (effect for effect in fit.prepared.within.every if isinstance(effect, Slope))
    return all(is_nested(slope.codes, fit.prepared.sample.entity) for slope in slopes)


def _rows_of(fit: Fitted, panel: Panel, groups: _Groups) -> Ints:
    """Take the groups of the rows of a fit."""
    return np.asarray(groups.codes[panel.index.get_indexer(fit.prepared.sample.index)])


def _batched(
    fit: Fitted, panel: Panel, groups: _Groups, name: str, reps: int, seed: np.random.SeedSequence
) -> Floats:
    """Fit every group in each permutation from cross products by entity: (reps, groups)."""
    prepared, entity = fit.prepared, fit.prepared.sample.entity
    labels = np.empty(prepared.sample.n_entities, dtype=np.intp)
    labels[entity] = _rows_of(fit, panel, groups)
    columns = fit.swept.taken((0, *fit.regressors))
    grams = entity_grams(columns, entity, prepared.within.every, swept=True, obs_weights=prepared.obs_weights)
    return permuted_slopes(grams, labels, fit.results.names.index(name), reps, seed)


def _refitted(
    spec: Any,
    panel: Panel,
    groups: _Groups,
    name: str,
    reps: int,
    seed: np.random.SeedSequence,
    *,
    show: bool,
) -> Floats:
    """Fit every group in each permutation anew: (reps, groups)."""
    entity = table_of(panel).keys.entity
    labels = np.empty(panel.n_entities, dtype=np.intp)
    labels[entity] = groups.codes
    drawn = permuted_labels(np.random.default_rng(seed), labels, reps)
    out = np.empty((reps, len(groups.names)))
    with progress_bar("by_group", reps, show=show) as done:
        for i, permuted in enumerate(drawn):
            for group in range(len(groups.names)):
                rows = permuted[entity] == group
                out[i, group] = _refit(spec, _subset(panel, rows), name, [seed.entropy, i])
            done(1)
    return out


def _refit(spec: Any, panel: Panel, name: str, rng: object) -> float:
    """Estimate one group of a permutation; missing where that is not possible."""
    try:
        with one_of_many("", {}):
            return float(_params(spec.fit(panel, rng=rng)).get(name, np.nan))
    except DigiprosperError:
        # A permuted group may have no variation, as a drawn sample may.
        return float("nan")


def _difference(slopes: Floats) -> Floats:
    """Compare groups along the last axis: the second less the first, or the range of more."""
    if slopes.shape[-1] == 2:
        return np.asarray(slopes[..., 1] - slopes[..., 0])
    return np.asarray(slopes.max(axis=-1) - slopes.min(axis=-1))


def _permutation(
    slopes: Floats, groups: _Groups, name: str, estimates: dict[str, float], seed: np.random.SeedSequence
) -> TestResult:
    draws = _difference(slopes)
    statistic = float(_difference(np.array(list(estimates.values()))))
    notices = few_draws(draws.size, "test")
    issue(notices)
    return TestResult(
        name=_title(groups, name),
        statistic=statistic,
        distribution="permutation",
        df=None,
        p_value=share_beyond(draws, statistic, enumerated=False),
        null=_null(groups, name),
        detail={
            "term": name,
            "group": groups.text.strip(),
            "method": "permutation",
            "estimates": estimates,
            "difference": statistic,
            "reps": draws.size,
            "lost": int(np.isnan(draws).sum()),
            "rng_entropy": seed.entropy if isinstance(seed.entropy, int) else None,
        },
        draws=draws,
        diagnostics=notices,
    )


def _title(groups: _Groups, name: str) -> str:
    if len(groups.names) > 2:
        return f"Difference of {name} between {len(groups.names)} groups of {groups.text}"
    # The values of a column, such as True and False, say little without its name; a condition is its own.
    by = "" if groups.text.strip() in groups.names else f" by {groups.text}"
    return f"Difference of {name}{by}, {groups.names[1]} minus {groups.names[0]}"


def _null(groups: _Groups, name: str) -> str:
    return f"{name} has the same coefficient in all groups of {groups.text}"


# --- interaction --------------------------------------------------------------------------------------------


def _interaction(
    fit: Fitted, panel: Panel, groups: _Groups, name: str, estimates: dict[str, float]
) -> TestResult:
    """Test the interactions of a regressor with the groups in one regression."""
    names = [f"{name} in {group}" for group in groups.names[1:]]
    wider = _with_interactions(fit, _rows_of(fit, panel, groups), groups, name, names)
    absent = [each for each in names if each not in wider.names]
    if absent:
        raise IdentificationError(
            f"by_group: {quoted(absent)} cannot be estimated beside the other regressors and effects. Use "
            "method='permutation'."
        )
    form, notices = joint_form(wider, names, "by_group")
    issue(wider.diagnostics)
    differences = dict(zip(groups.names[1:], wider.params[names].tolist(), strict=True))
    detail: dict[str, Any] = {
        "term": name,
        "group": groups.text.strip(),
        "method": "interaction",
        "estimates": estimates,
    }
    diagnostics = (*wider.diagnostics, *notices)
    if len(names) == 1:
        place = wider.names.index(names[0])
        detail |= {
            "difference": differences[groups.names[1]],
            "std_error": float(wider.std_errors.iloc[place]),
        }
        t, p, df = float(wider.tstats.iloc[place]), float(wider.pvalues.iloc[place]), float(wider.df_t)
        title, null = _title(groups, name), _null(groups, name)
        return TestResult(title, t, "t", df, p, null, detail, diagnostics=diagnostics)
    return _joint(form / len(names), wider, groups, {**detail, "differences": differences}, diagnostics)


def _joint(
    f: float, wider: LinearResults, groups: _Groups, detail: dict[str, Any], notices: tuple[Notice, ...]
) -> TestResult:
    """Test several interactions together."""
    from scipy.special import fdtrc

    name, df = detail["term"], (float(len(groups.names) - 1), float(wider.df_t))
    apart = np.array([0.0, *detail["differences"].values()])
    detail = {**detail, "difference": float(np.ptp(apart))}
    p = float(fdtrc(*df, f))
    return TestResult(_title(groups, name), f, "F", df, p, _null(groups, name), detail, diagnostics=notices)


def _with_interactions(
    fit: Fitted, codes: Ints, groups: _Groups, name: str, names: list[str]
) -> LinearResults:
    """Add the products of a regressor with indicators, and those indicators that effects do not absorb."""
    indicators = np.array([codes == code for code in range(1, len(groups.names))], dtype=np.float64).T
    column = fit.swept.raw[:, fit.regressors[fit.results.names.index(name)]]
    own = [f"{groups.text} is {group}" for group in groups.names[1:]]
    # The indicators come last: of two collinear columns the later one is dropped.
    prepared = replace(fit.prepared, options=replace(fit.prepared.options, collinear="drop"))
    further = np.column_stack([column[:, None] * indicators, indicators])
    swept = fit.swept.with_columns(prepared, [*names, *own], further)
    beside = [place for place in swept.at(own) if not swept.absorbed[place]]
    places = (*fit.regressors, *swept.at(names), *beside)
    return fit_equation(prepared, swept, 0, places, unread=own)[0]
