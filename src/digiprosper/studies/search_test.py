"""The best of many specifications, beside the best under no effect."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from digiprosper.checks import check_level, not_identified, option_error, type_error
from digiprosper.errors import IdentificationError, TermError, cited, issue
from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.kernels.resampling import seed_sequence
from digiprosper.linear.estimation import (
    collinear_problem,
    counts_and_vcov,
    fit_equation,
)
from digiprosper.linear.fixed_effects import FixedEffects, refuse_other_specification
from digiprosper.linear.kernels.exchange import Residualiser, simple_regressions
from digiprosper.linear.kernels.wild import WildWeights, p_value_of_draws, wild_weights
from digiprosper.linear.notices import NEAR
from digiprosper.linear.preparation import refuse_cov_types
from digiprosper.optional import progress_bar
from digiprosper.panel import Panel
from digiprosper.panel.terms import canonical
from digiprosper.report.columns import Column, Remark
from digiprosper.report.notices import few_draws
from digiprosper.report.summary import (
    Cells,
    Lines,
    PlainNumbers,
    Remarks,
    Summarised,
    Summary,
)
from digiprosper.report.tests import TestResult
from digiprosper.report.text import conventions, p_text, p_words
from digiprosper.report.verdicts import rejects
from digiprosper.specification import as_terms, check_reps
from digiprosper.studies.control_set_results import (
    ControlSample,
    ControlSet,
    ControlSets,
    set_label,
)
from digiprosper.studies.control_sets import (
    ONE_BY_ONE,
    Equations,
    estimate_sets,
    set_columns,
)
from digiprosper.studies.kernel import set_slopes_in_draws
from digiprosper.studies.words import WORDS

_LEAST_REPS = 19
# Numbers of the estimates in a block of draws, and ranks at which a curve is kept.
_CACHED = 2**23
_RANKS = 1_001


# Rows of a table below the estimate
_ROWS = ("statistic", "p_reported", "best", "specifications", "significant", "p_value")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SearchTest(Summarised):
    """A reported specification among all that could have been reported.

    Made by `search_test`.

    Parameters
    ----------
    test : TestResult
        `statistic` is the absolute t statistic of the reported specification, `draws`
        are the largest absolute t statistics of all specifications in outcomes without
        an effect, and `p_value` is the share of draws at least as large. `detail` has
        the ``term``; the number of ``specifications`` and the share that is
        ``significant``; of the ``reported`` specification its ``estimate``, its signed
        ``statistic``, its own p-value ``p_reported`` and its ``position``, the share of
        estimates that are not larger; label, signed statistic and adjusted p-value of
        the ``best`` one (``best_statistic``, ``best_p_value``); and ``without_star``,
        the set without a star that differs in the fewest controls from the reported
        specification, the one with the largest p-value if there are several. It is None
        if the reported one has no star, or all have one.
    frame : DataFrame
        One row per specification, the smallest estimate first: model (the label),
        controls, estimate, std_error, statistic, p_value, conf_low, conf_high, nobs,
        and band_low and band_high, between which the estimate of this rank is in the
        draws.
    included : DataFrame of bool
        Which candidates are in which set, with labels in the rows.
    left_out : tuple of str
        Sets that are not searched, because their columns are collinear or nearly so.
    common : ControlSample
        What is the same in all sets.
    level : float
        Confidence level of intervals, band and stars.

    Examples
    --------
    >>> import digiprosper as dp
    >>> spec = dp.FixedEffects("log(gsp)", ["log(pc)"])
    >>> panel = dp.datasets.us_states()
    >>> search = dp.search_test(spec, panel, ["log(emp)", "unemp"], rng=1)
    >>> search.frame["model"].tolist()
    ['log(emp)', 'log(emp) + unemp', 'unemp', '(none)']
    >>> search.test.detail["best"], search.test.detail["without_star"]
    ('unemp', 'log(emp)')
    """

    test: TestResult
    frame: pd.DataFrame
    included: pd.DataFrame
    left_out: tuple[str, ...]
    common: ControlSample
    level: float

    def table_columns(self, level: float = 0.95) -> tuple[Column, ...]:
        """Return the column of a table: the reported estimate and both p-values.

        Parameters
        ----------
        level : float
            Confidence level of the interval, .95 by default.

        Returns
        -------
        tuple of Column
            One column, with rows and a note that say what was searched.
        """
        detail: Any = self.test.detail
        row: Any = self.frame.set_index("model").loc[detail["reported"]]
        numbers = row["controls"], row["estimate"], row["std_error"]
        reported = ControlSet.of(*numbers, self.common.inference.df_t, self.common)
        (column,) = reported.table_columns(level)
        names = {n: (f"{detail[n]:,}",) for n in ("specifications", "clusters", "reps")}
        names["alpha"] = (f"{1 - self.level:.4g}",)
        best = abs(detail["best_statistic"])
        values = detail | {"best": best, "p_value": self.test.p_value}
        rows = tuple((Remark(f"search.{c}", names, WORDS), values[c]) for c in _ROWS)
        return (replace(column, whole=Remark("search", names, WORDS), set_rows=rows),)

    def _summary(self) -> Summary:
        detail: Any = self.test.detail
        models: Any = self.frame.set_index("model")
        limit = f"{1 - self.level:.4g}"
        rank = 1 + (models["statistic"].abs() > self.test.statistic).sum()
        draws = "all " * detail["enumerated"] + f"{detail['reps']:,} draws"
        named = (
            ("Reported", detail["reported"], self.test.p_value),
            ("Largest |t|", detail["best"], detail["best_p_value"]),
        )
        rows, lines = [], [""]
        for name, label, p in named:
            b, t, own_p = models.loc[label, ["estimate", "statistic", "p_value"]]
            rows.append([name, f"{b:z.5g}", f"{t:z.2f}", p_text(own_p), p_text(p)])
            lines.append(f"{name}: {label}.")
        lines += [
            f"p-values are <= {limit} in {detail['significant']:.1%} of the "
            "specifications.",
            f"Rank of the reported |t|: {rank:,} of {len(models):,}.",
        ]
        if (other := detail["without_star"]) is not None:
            p = p_words(models["p_value"][other])
            lines.append(f"Nearest set of controls with p > {limit}: {other} ({p}).")
        if self.left_out:
            lines.append(
                f"Not searched because of collinear columns: {len(self.left_out):,} "
                "sets (left_out)."
            )
        return self._titled(
            f"{detail['term']} in {detail['specifications']:,} specifications of "
            f"{self.common.glance['depvar']}. H0: {self.test.null}",
            Cells.of(["", "estimate", "t", "p", "searched p"], rows),
            Lines(tuple(lines), wrapped=True),
            Remarks.of(
                self.test.diagnostics,
                f"Searched p: share of {draws} without an effect in which the largest "
                "|t| of all specifications is at least as large (restricted wild "
                f"cluster bootstrap, {detail['weights']} weights of "
                f"{detail['clusters']} clusters).",
            ),
            wrapped_title=True,
            notices=self.test.diagnostics,
            conventions=conventions(self.common.inference),
            settings=f"rng {detail['rng_entropy']}",
            version=str(self.common.glance["version"]),
        )

    def _numbers(self) -> PlainNumbers:
        return self.common.with_numbers(
            {
                "test": self.test.to_dict(),
                "specifications": self.frame.to_dict("records"),
                "left_out": list(self.left_out),
                "level": self.level,
            }
        )


# From changes of the outcome (N, R), in the rows of the sets, to slopes and t of
# specifications, (S, R) each
_Estimate: TypeAlias = Callable[[Floats], tuple[Floats, Floats]]


def search_test(  # noqa: PLR0913  (what is searched, and how: all but three named)
    spec: FixedEffects,
    panel: Panel,
    candidates: Sequence[str],
    *,
    also: Mapping[str, FixedEffects] | None = None,
    term: str | None = None,
    reps: int = 999,
    rng: object = None,
    level: float = 0.95,
    progress: bool = False,
) -> SearchTest:
    """Test a coefficient that may be the best of many specifications.

    A paper reports one specification. With ten candidate controls its authors could
    have estimated 1,024, and reported the one with the most stars. Under the hypothesis
    of no effect, the largest absolute t statistic of 1,024 is often above 2. This
    function compares the reported t statistic with the largest one of all
    specifications in outcomes that are drawn without an effect (White 2000 [1]_;
    Simonsohn, Simmons & Nelson 2020 [2]_).

    Parameters
    ----------
    spec : FixedEffects
        The specification as the paper reports it, with clustered standard errors in one
        way. Its controls that are not among the candidates are in all specifications.
    panel : Panel
        The data.
    candidates : sequence of str
        Controls that could have been in the model or not; those in `spec.x`, too. All
        2^k sets are estimated, for at most 16 candidates.
    also : mapping of str to FixedEffects, optional
        Other specifications, by label: other fixed effects, standard errors or rows
        (`where`) of the same outcome. Their rows must be among those of `spec`. Any
        `cov_type` but ``hc2``, ``hc3``, ``crv3``, ``cr2`` and ``conley``.
    term : str, optional
        The coefficient, by its name in the results. The default is the first of
        `spec.x`.
    reps : int
        Number of draws, at least 19; 999 by default.
    rng : None, int, sequence of int, SeedSequence or Generator
        Seed of the draws.
    level : float
        Confidence level, .95 by default: an estimate has a star if its p-value is at
        most ``1 - level``.
    progress : bool
        Whether to show a progress bar on stderr, False by default. It needs tqdm (the
        ``parallel`` extra).

    Returns
    -------
    SearchTest
        `test` has the p-value of the reported specification that allows for the search,
        `frame` all specifications. ``plots.specification_curve`` draws them beside the
        draws.

    Raises
    ------
    InputTypeError
        If `spec` or one in `also` is another specification.
    TermError
        If there is no candidate, the coefficient is one, or a specification in `also`
        has another outcome, does not have the coefficient, or has the label of a set.
        And as in `control_sets`.
    OptionError
        If there are more than 16 candidates, or the covariance is another one.
    IdentificationError
        If the reported specification cannot be estimated, the candidates together
        explain the regressor completely, or rows of `also` are not among those of
        `spec`. And as in `control_sets`.

    Notes
    -----
    The null hypothesis is that the coefficient is zero given all candidates. The model
    with all candidates and without the regressor is fitted. In each draw the residuals
    of each cluster are multiplied by a random sign (Webb's six points with 12 clusters
    or fewer) and added to the fitted values. Regressor and controls stay as they are,
    so that sets which omit a confounder have the same bias in every draw. All
    specifications are estimated on each drawn outcome. The adjusted p-value is
    ``(1 + #{max |t*| >= |t|}) / (reps + 1)``.

    All sets are estimated on the same rows, as in `control_sets`. Sets whose columns
    are collinear, or nearly so, are not searched; `SearchTest.left_out` lists them. A
    search that is not listed here (other outcomes, other samples) is not allowed for.

    References
    ----------
    .. [1] White, H. (2000). A reality check for data snooping. Econometrica 68,
       1097-1126.
    .. [2] Simonsohn, U., Simmons, J. P. & Nelson, L. D. (2020). Specification curve
       analysis. Nature Human Behaviour 4, 1208-1214.

    Examples
    --------
    >>> import digiprosper as dp
    >>> spec = dp.FixedEffects("log(gsp)", ["log(pcap)", "log(emp)"])
    >>> search = dp.search_test(
    ...     spec, dp.datasets.us_states(), ["log(pc)", "log(emp)", "unemp"], rng=1
    ... )
    >>> search.test.detail["reported"], search.test.detail["specifications"]
    ('log(emp)', 8)
    >>> search.test.p_value > 0.3
    True
    """
    reps, level = check_reps(reps, _LEAST_REPS), check_level(level)
    seed = seed_sequence(rng)
    candidates, in_spec = _read_candidates(spec, candidates, term, also)
    base, reported = spec.drop(*in_spec), set_label(in_spec)
    sets, equations, regular = estimate_sets(base, panel, candidates, None, term)
    searched = sets.included.loc[regular]
    if reported not in searched.index:
        raise sets.failures.get(reported) or not_identified(
            "near_collinear",
            "search_test: the regressors of the reported specification, with "
            f"{cited(reported)}, are nearly collinear, or it fits perfectly. Remove a "
            "control from it.",
            model=reported,
        )
    columns, inside = set_columns(equations, searched.to_numpy(), sets.term)
    of_sets = sets._frame(level).set_index("model", drop=False).loc[searched.index]
    terms = (*base.x, *candidates)
    models: list[Any] = [
        (of_sets, _estimate_sets(equations, columns, inside)),
        *(
            _fit_other(label, other, panel, terms, sets, equations, level)
            for label, other in (also or {}).items()
        ),
    ]
    rows, estimates = zip(*models, strict=True)
    frame = pd.concat(rows).sort_values("estimate", kind="stable", ignore_index=True)
    residuals, position = _fit_restricted(equations, columns, sets)
    weights = wild_weights(1 + int(position.max()), reps)
    best, frame["band_low"], frame["band_high"] = _draw_estimates(
        estimates, residuals, position, weights, seed, len(frame), level, progress
    )
    detail = _compare_reported(frame, searched, reported, level)
    p_value, detail["best_p_value"] = (
        p_value_of_draws(best, detail[key], enumerated=weights.enumerated)
        for key in ("statistic", "best_statistic")
    )
    test = TestResult(
        name="Test of a searched specification",
        statistic=abs(detail["statistic"]),
        distribution="bootstrap",
        df=None,
        p_value=p_value,
        null=f"{sets.term} has no effect given all candidate controls",
        detail={
            "term": sets.term,
            **detail,
            "weights": weights.name,
            "enumerated": weights.enumerated,
            "clusters": weights.groups,
            "reps": weights.reps,
            "rng_entropy": seed.entropy,
        },
        draws=best,
        diagnostics=few_draws(reps, "test"),
        labels=sets.common.labels,
        factors=sets.common.factors,
    )
    issue(test.diagnostics)
    left_out = sets.included.index[~regular]
    return SearchTest(test, frame, searched, tuple(left_out), sets.common, level)


# --- what is searched -----------------------------------------------------------------


def _read_candidates(
    spec: FixedEffects, candidates: object, term: object, also: object
) -> tuple[tuple[str, ...], list[str]]:
    """Read the candidates, and which of them are controls of the reported model.

    Refuse other models and other covariances.
    """
    refuse_other_specification("search_test", spec)
    if not isinstance(also, Mapping | None):
        needed = (
            "a mapping of labels to specifications, such as "
            "{'no time effects': spec.replace(time_effects=False)}"
        )
        raise type_error("also", also, needed, "search_test")
    names = as_terms(candidates, "candidates")
    if spec.cov_type != "clustered" or len(spec.clusters or ("",)) > 1:
        raise option_error(
            "cov_type",
            spec.cov_type,
            "search_test takes cov_type='clustered' with one cluster variable, because "
            "the sign of residuals is drawn by cluster. Pass specifications with "
            "other standard errors in also={label: specification}.",
        )
    tested = canonical(str(spec.x[0] if term is None else term))
    controls = set(map(canonical, spec.x)) - {tested}
    return names, [name for name in names if canonical(name) in controls]


def _estimate_sets(equations: Equations, columns: Floats, inside: Bools) -> _Estimate:
    """Return a function that estimates the sets, which are columns (S, p)."""
    prepared, y = equations.prepared, equations.demeaned.columns[:, :1]
    estimate = set_slopes_in_draws(
        columns, inside, lambda k: counts_and_vcov(prepared, k)[1], prepared.obs_weights
    )
    return lambda change: estimate(y + prepared.within.demean(change))


def _fit_other(
    label: str,
    other: FixedEffects,
    panel: Panel,
    terms: Sequence[str],
    sets: ControlSets,
    equations: Equations,
    level: float,
) -> tuple[pd.DataFrame, _Estimate]:
    """Estimate a specification of `also` on rows that have all `terms`, as the sets."""
    where = f"search_test: also[{cited(label)}]"
    refuse_other_specification(where, other)
    if canonical(other.y) != canonical(equations.demeaned.names[0]):
        raise TermError(f"{where} has the outcome {cited(other.y)}, not that of spec.")
    if label in sets.included.index:
        raise TermError(f"{where} has the label of a set of candidates; rename it.")
    reason = "its statistics cannot be computed in draws"
    refuse_cov_types(f"also[{cited(label)}]", other.cov_type, ONE_BY_ONE, reason)
    common_rows = other._on_common_rows(panel, {"x": other.x, "sets": terms})
    prepared, demeaned = common_rows.prepared, common_rows.demeaned
    fit, solved = fit_equation(prepared, demeaned, 0, common_rows.regressors("x"))
    if sets.term not in fit.names:
        raise TermError(f"{where} has no coefficient of {cited(sets.term)}.")
    positions = equations.prepared.sample.index.get_indexer(prepared.sample.index)
    if absent := int((positions < 0).sum()):
        raise IdentificationError(
            f"{where} has {absent:,} rows that are not in the sample of spec, so "
            "no outcome can be drawn for them. Estimate spec on all rows, and "
            "select fewer with where in also; singletons='keep' keeps singletons."
        )
    controls = tuple(n for n in fit.names if n not in ("Intercept", sets.term))
    at = fit.names.index(sets.term)
    others = Residualiser.without(solved, at)
    x = others.residuals(solved.x[:, [at]])

    def estimate(change: Floats) -> tuple[Floats, Floats]:
        outcomes = solved.y[:, None] + prepared.within.demean(change[positions])
        return simple_regressions(x, others.residuals(outcomes), solved.vcov, others)

    row: Any = fit.tidy(level).set_index("term").loc[[sets.term]]
    return row.assign(model=label, controls=[controls], nobs=fit.nobs), estimate


# --- draws ----------------------------------------------------------------------------


def _fit_restricted(
    equations: Equations, columns: Floats, sets: ControlSets
) -> tuple[Floats, Ints]:
    """Fit the largest set with the coefficient restricted to zero.

    Returns residuals (N,), and the position (N,) of each row's cluster in the order of
    the scores of the regressor net of all candidates. It depends on no name or unit.
    """
    prepared, y = equations.prepared, equations.demeaned.columns[:, 0]
    root = np.sqrt(prepared.row_weights)[:, None]
    controls, both = root * columns[:, :-1], root * np.column_stack([y, columns[:, -1]])
    controls = controls / np.linalg.norm(controls, axis=0)
    net = both - controls @ np.linalg.lstsq(controls, both)[0]
    if np.linalg.norm(net[:, 1]) * NEAR <= np.linalg.norm(both[:, 1]):
        raise IdentificationError(
            f"search_test: {cited(sets.term)} is collinear with all candidates "
            "together, so its effect given all of them is not identified. Leave out a "
            "candidate.",
            [collinear_problem(sets.term, sets.candidates)],
        )
    codes = prepared.cluster_codes[0]
    scores = np.bincount(codes, weights=net.prod(axis=1))
    order = np.argsort(np.argsort(scores * scores.sum(), kind="stable"))
    return net[:, 0] / root[:, 0], order[codes]


def _draw_estimates(
    estimates: Sequence[_Estimate],
    residuals: Floats,
    position: Ints,
    weights: WildWeights,
    seed: np.random.SeedSequence,
    count: int,
    level: float,
    progress: bool,  # noqa: FBT001
) -> list[Floats]:
    """Draw outcomes without an effect, and estimate all specifications, `count`.

    Returns the largest absolute t (R,), and both ends of a band of the estimates in
    ascending order, (count,) each.
    """
    ranks = np.linspace(0, count - 1, min(count, _RANKS))
    best, curves = [], []
    with progress_bar("search_test", weights.reps, show=progress) as done:
        for drawn in weights.chunks(seed, max(1, _CACHED // (count + position.size))):
            # A drawn outcome is that of the data plus this.
            change = residuals[:, None] * (drawn[:, position] - 1).T
            numbers = [estimate(change) for estimate in estimates]
            slopes, t = map(np.vstack, zip(*numbers, strict=True))
            best.append(np.abs(t).max(axis=0))
            ordered = np.sort(slopes.T.copy())
            curves.append(ordered[:, ranks.round().astype(np.intp)])
            done(len(drawn))
    ends = np.quantile(np.vstack(curves), ((1 - level) / 2, (1 + level) / 2), axis=0)
    band = [np.interp(np.arange(count), ranks, end) for end in ends]
    return [np.concatenate(best), *band]


def _compare_reported(
    frame: pd.DataFrame, searched: pd.DataFrame, reported: str, level: float
) -> dict[str, Any]:
    """Compare the reported specification with all others and with the best one."""
    rows: Any = frame.set_index("model")
    t, p, estimates = rows["statistic"], rows["p_value"], rows["estimate"]
    significant = p.map(lambda value: rejects(value, level))
    best = t.abs().idxmax()
    # Sets without a star by the number of controls in which they differ, then by p
    others = searched.index[~significant[searched.index]]
    changes = (searched.loc[others] != searched.loc[reported]).sum(axis=1)
    nearest = others[np.lexsort((-p[others], changes))]
    return {
        "specifications": len(rows),
        "significant": float(significant.mean()),
        "reported": reported,
        "estimate": float(estimates[reported]),
        "statistic": float(t[reported]),
        "p_reported": float(p[reported]),
        "position": float((estimates <= estimates[reported]).mean()),
        "best": best,
        "best_statistic": float(t[best]),
        "without_star": nearest[0] if significant[reported] and len(nearest) else None,
    }
