"""The best of many specifications, beside the best under no effect."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from digiprosper.errors import (
    IdentificationError,
    InputTypeError,
    Notice,
    TermError,
    check_level,
    cited,
    issue,
    not_identified,
    one_problem,
    option_error,
)
from digiprosper.kernels import Floats, Ints
from digiprosper.kernels.resampling import seed_sequence
from digiprosper.linear.estimation import collinear_problem, counts_and_vcov
from digiprosper.linear.fixed_effects import FixedEffects, refuse_other_specification
from digiprosper.linear.kernels.wild import WildWeights, p_value_of_draws, wild_weights
from digiprosper.linear.notices import NEAR
from digiprosper.optional import Done, progress_bar
from digiprosper.panel import Panel
from digiprosper.panel.terms import canonical
from digiprosper.report.notices import few_draws
from digiprosper.report.tests import TestResult
from digiprosper.report.verdicts import rejects
from digiprosper.specification import as_terms, check_reps
from digiprosper.studies.control_set_results import ControlSets, set_label
from digiprosper.studies.control_sets import (
    MOST_SETS,
    ONE_BY_ONE,
    Equations,
    estimate_sets,
    set_columns,
)
from digiprosper.studies.kernel import set_slopes, set_slopes_in_draws
from digiprosper.studies.search_results import SearchTest

_LEAST_REPS = 19
# Numbers of the estimates in a block of draws, and ranks at which a curve is kept.
_CACHED = 2**23
_RANKS = 1_001


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
    >>> found = dp.search_test(
    ...     spec, dp.datasets.us_states(), ["log(pc)", "log(emp)", "unemp"], rng=1
    ... )
    >>> found.test.detail["reported"], found.test.detail["specifications"]
    ('log(emp)', 8)
    >>> found.test.p_value > 0.3
    True
    """
    refuse_other_specification("search_test", spec)
    reps, level = check_reps(reps, _LEAST_REPS), check_level(level)
    seed = seed_sequence(rng)
    candidates = _read_candidates(spec, candidates, term, also)
    keys, x = set(map(canonical, candidates)), set(map(canonical, spec.x))
    reported = set_label([name for name in candidates if canonical(name) in x])
    base = spec.replace(x=tuple(name for name in spec.x if canonical(name) not in keys))
    sets, equations, regular = estimate_sets(base, panel, candidates, term=term)
    searched = sets.included.loc[regular]
    if reported not in searched.index:
        raise sets.failures.get(reported) or not_identified(
            "near_collinear",
            "search_test: the regressors of the reported specification, with "
            f"{cited(reported)}, are nearly collinear, or it fits perfectly. Remove a "
            "control from it.",
            model=reported,
        )
    terms = (*base.x, *candidates)
    models = [
        _search_sets(sets, searched, equations, level),
        *(
            _fit_other(label, other, panel, terms, sets, equations, level)
            for label, other in (also or {}).items()
        ),
    ]
    frame = pd.concat([rows for rows, _ in models]).sort_values(
        "estimate", kind="stable", ignore_index=True
    )
    residuals, position = _fit_restricted(equations, sets)
    weights = wild_weights(1 + int(position.max()), reps)
    size = max(1, _CACHED // (len(frame) + position.size))
    # A drawn outcome is that of the data plus this.
    changes = (
        residuals[:, None] * (drawn[:, position] - 1).T
        for drawn in weights.chunks(seed, size)
    )
    with progress_bar("search_test", weights.reps, show=progress) as done:
        estimates = [estimate for _, estimate in models]
        best, band = _draw_estimates(estimates, changes, len(frame), level, done)
    frame["band_low"], frame["band_high"] = band
    detail = _compare_reported(frame, searched, reported, level)
    notices = few_draws(reps, "test")
    issue(notices)
    test = _make_test(sets, detail, best, weights, seed, notices)
    left_out = sets.included.index[~regular]
    return SearchTest(test, frame, searched, tuple(left_out), sets.common, level)


# --- what is searched -----------------------------------------------------------------


def _read_candidates(
    spec: FixedEffects, candidates: object, term: object, also: object
) -> tuple[str, ...]:
    """Read the candidates; refuse too many, and other covariances."""
    if not isinstance(also, Mapping | None):
        raise InputTypeError(
            "search_test: also must be a mapping of labels to specifications, such as "
            f"{{'no time effects': spec.replace(time_effects=False)}}, not "
            f"{type(also).__name__}."
        )
    names: tuple[str, ...] = as_terms(candidates, "candidates")
    tested = spec.x[0] if term is None else term
    if isinstance(tested, str) and canonical(tested) in map(canonical, names):
        raise one_problem(
            TermError,
            "repeated",
            f"search_test: {cited(tested)} is the tested coefficient, which must be in "
            "every specification. Remove it from candidates.",
            term=tested,
            roles=("x", "candidates"),
        )
    if 2 ** len(names) > MOST_SETS:
        raise option_error(
            "candidates",
            len(names),
            f"search_test: {len(names)} candidates make {2 ** len(names):,} sets; at "
            f"most {MOST_SETS:,} are estimated. Put controls that every specification "
            "would have in spec.x only, or make one candidate of several with "
            "panel.assign.",
        )
    if spec.cov_type != "clustered" or len(spec.clusters or ("",)) > 1:
        raise option_error(
            "cov_type",
            spec.cov_type,
            "search_test takes cov_type='clustered' with one cluster variable, because "
            "the sign of residuals is drawn by cluster. Pass specifications with "
            "other standard errors in also={label: specification}.",
        )
    return names


def _search_sets(
    sets: ControlSets, searched: pd.DataFrame, equations: Equations, level: float
) -> tuple[pd.DataFrame, _Estimate]:
    """List the estimates of the sets that are searched, and estimate them in draws."""
    prepared, y = equations.prepared, equations.demeaned.columns[:, :1]
    slopes_of = set_slopes_in_draws(
        *set_columns(equations, searched.to_numpy(), sets.term),
        lambda k: counts_and_vcov(prepared, k)[1],
        obs_weights=prepared.obs_weights,
    )
    rows = sets.tidy(level).assign(nobs=sets.nobs).drop(columns="term")
    rows.insert(1, "controls", [each.controls for each in sets.values()])
    rows = rows.loc[rows["model"].isin(searched.index)]
    return rows, lambda change: slopes_of(y + prepared.within.demean(change))


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
    if other.cov_type in ONE_BY_ONE:
        raise option_error(
            "cov_type",
            other.cov_type,
            f"{where} has cov_type={cited(other.cov_type)}, which is not computed "
            "in draws. Use 'clustered' or 'robust'.",
        )
    common_rows = other._on_common_rows(panel, {"x": other.x, "sets": terms})
    fit = common_rows.fit(common_rows.regressors("x"), None)
    if sets.term not in fit.names:
        raise TermError(f"{where} has no coefficient of {cited(sets.term)}.")
    prepared, demeaned = common_rows.prepared, common_rows.demeaned
    positions = equations.prepared.sample.index.get_indexer(prepared.sample.index)
    if absent := int((positions < 0).sum()):
        raise IdentificationError(
            f"{where} has {absent:,} rows that are not in the sample of spec, so "
            "no outcome can be drawn for them. Estimate spec on all rows, and "
            "select fewer with where in also; singletons='keep' keeps singletons."
        )
    controls = tuple(n for n in fit.names if n not in ("Intercept", sets.term))
    y, x = demeaned.columns[:, :1], demeaned.select(demeaned.at([*controls, sets.term]))
    vcov = counts_and_vcov(prepared, x.shape[1])[1]
    every = np.ones((1, x.shape[1]), dtype=np.bool_)

    def estimate(change: Floats) -> tuple[Floats, Floats]:
        outcomes = y + prepared.within.demean(change[positions])
        weights = prepared.obs_weights
        slopes, std_errors, _ = set_slopes(
            outcomes, x, every, lambda _: vcov, obs_weights=weights
        )
        return slopes, slopes / std_errors

    row: Any = fit.tidy(level).set_index("term").loc[[sets.term]]
    return row.assign(model=label, controls=[controls], nobs=fit.nobs), estimate


# --- draws ----------------------------------------------------------------------------


def _fit_restricted(equations: Equations, sets: ControlSets) -> tuple[Floats, Ints]:
    """Fit the largest set with the coefficient restricted to zero.

    Returns residuals (N,), and the position (N,) of each row's cluster in the order of
    the scores of the regressor net of all candidates. It depends on no name or unit.
    """
    prepared, y = equations.prepared, equations.demeaned.columns[:, 0]
    columns = set_columns(equations, sets.included.to_numpy(), sets.term)[0]
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
    changes: Iterable[Floats],
    count: int,
    level: float,
    done: Done,
) -> tuple[Floats, list[Floats]]:
    """Estimate all specifications, `count` of them, after changes of the outcome.

    Returns the largest absolute t (R,), and both ends of a band of the estimates in
    ascending order, (count,) each.
    """
    ranks = np.linspace(0, count - 1, min(count, _RANKS))
    best, curves = [], []
    for change in changes:
        numbers = [estimate(change) for estimate in estimates]
        slopes, t = map(np.vstack, zip(*numbers, strict=True))
        best.append(np.abs(t).max(axis=0))
        curves.append(np.sort(slopes, axis=0)[ranks.round().astype(np.intp)].T)
        done(len(curves[-1]))
    ends = np.quantile(np.vstack(curves), ((1 - level) / 2, (1 + level) / 2), axis=0)
    band = [np.interp(np.arange(count), ranks, end) for end in ends]
    return np.concatenate(best), band


# --- results --------------------------------------------------------------------------


def _compare_reported(
    frame: pd.DataFrame, searched: pd.DataFrame, reported: str, level: float
) -> dict[str, Any]:
    """Compare the reported specification with all others and with the best one."""
    rows: Any = frame.set_index("model")
    row = rows.loc[[reported]].to_dict("records")[0]
    significant = rows["p_value"].map(lambda p: rejects(p, level)).astype(bool)
    best = rows["statistic"].abs().idxmax()
    # Sets without a star by the number of controls in which they differ, then by p
    others = searched.index[~significant.loc[searched.index]]
    changes = (searched.loc[others] != searched.loc[reported]).sum(axis=1)
    nearest = others[np.lexsort((-rows["p_value"].loc[others], changes))]
    return {
        "specifications": len(rows),
        "significant": float(significant.mean()),
        "reported": reported,
        "estimate": row["estimate"],
        "statistic": row["statistic"],
        "p_reported": row["p_value"],
        "position": float((rows["estimate"] <= row["estimate"]).mean()),
        "best": best,
        "best_statistic": float(rows["statistic"][best]),
        "without_star": nearest[0] if significant[reported] and len(nearest) else None,
    }


def _make_test(
    sets: ControlSets,
    detail: Mapping[str, Any],
    best: Floats,
    weights: WildWeights,
    seed: np.random.SeedSequence,
    notices: tuple[Notice, ...],
) -> TestResult:
    """Compare the reported and the best t with the `best` (R,) of the draws."""
    p_value, best_p_value = (
        p_value_of_draws(best, detail[key], enumerated=weights.enumerated)
        for key in ("statistic", "best_statistic")
    )
    return TestResult(
        name="Test of a searched specification",
        statistic=abs(detail["statistic"]),
        distribution="bootstrap",
        df=None,
        p_value=p_value,
        null=f"{sets.term} has no effect given all candidate controls",
        detail={
            "term": sets.term,
            **detail,
            "best_p_value": best_p_value,
            "weights": weights.name,
            "enumerated": weights.enumerated,
            "clusters": weights.groups,
            "reps": weights.reps,
            "rng_entropy": seed.entropy,
        },
        draws=best,
        diagnostics=notices,
        labels=sets.common.labels,
        factors=sets.common.factors,
    )
