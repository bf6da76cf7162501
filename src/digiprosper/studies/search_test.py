"""The best of many specifications, beside the best under no effect."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from digiprosper.errors import (
    IdentificationError,
    InputTypeError,
    TermError,
    check_level,
    cited,
    issue,
    not_identified,
    one_problem,
    option_error,
)
from digiprosper.kernels import Floats
from digiprosper.kernels.covariance import Vcov
from digiprosper.kernels.resampling import seed_sequence
from digiprosper.linear.estimation import collinear_problem, counts_and_vcov
from digiprosper.linear.fixed_effects import FixedEffects, refuse_other_specification
from digiprosper.linear.kernels.wild import WildWeights, p_value_of_draws, wild_weights
from digiprosper.linear.notices import NEAR
from digiprosper.linear.preparation import Prepared
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
from digiprosper.studies.kernel import set_projections, set_slopes
from digiprosper.studies.search_results import SearchTest

_LEAST_REPS = 19
# Numbers of the estimates in a block of draws, and ranks at which a curve is kept.
_CACHED = 2**23
_RANKS = 1_001


@dataclass(frozen=True, slots=True, eq=False)
class _Models:
    """Specifications with the same rows, and how they are estimated in draws."""

    frame: pd.DataFrame  # their estimates
    prepared: Prepared
    rows: Any  # positions of their rows among those of the sets
    y: Floats  # (n, 1) demeaned
    # From demeaned outcomes (n, R) to slopes and t statistics, (S, R) each
    estimate: Callable[[Floats], tuple[Floats, Floats]]


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
    candidates = _read_candidates(spec, candidates, spec.x[0] if term is None else term)
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
        *_fit_others(also, panel, terms, sets, equations, level),
    ]
    residuals, scores = _fit_restricted(equations, sets)
    weights = wild_weights(scores.size, reps)
    with progress_bar("search_test", weights.reps, show=progress) as done:
        best, curves = _draw_estimates(models, residuals, scores, weights, seed, done)
    frame = pd.concat([each.frame for each in models]).sort_values(
        "estimate", kind="stable", ignore_index=True
    )
    ranks = np.linspace(0, len(frame) - 1, curves.shape[1])
    ends = np.quantile(curves, ((1 - level) / 2, (1 + level) / 2), axis=0)
    for name, end in zip(("band_low", "band_high"), ends, strict=True):
        frame[name] = np.interp(np.arange(len(frame)), ranks, end)

    detail = _compare_reported(frame, searched, reported, level)
    p_value, best_p_value = (
        p_value_of_draws(best, detail[key], enumerated=weights.enumerated)
        for key in ("statistic", "best_statistic")
    )
    notices = few_draws(reps, "test")
    issue(notices)
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
    left_out = sets.included.index[~regular]
    return SearchTest(test, frame, searched, tuple(left_out), sets.common, level)


# --- what is searched -----------------------------------------------------------------


def _read_candidates(
    spec: FixedEffects, candidates: object, term: object
) -> tuple[str, ...]:
    """Read the candidates; refuse too many, and other covariances."""
    names: tuple[str, ...] = as_terms(candidates, "candidates")
    if isinstance(term, str) and canonical(term) in map(canonical, names):
        raise one_problem(
            TermError,
            "repeated",
            f"search_test: {cited(term)} is the tested coefficient, which must be in "
            "every specification. Remove it from candidates.",
            term=term,
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
            "other standard errors in also.",
        )
    return names


def _search_sets(
    sets: ControlSets, searched: pd.DataFrame, equations: Equations, level: float
) -> _Models:
    """Collect the sets that are searched."""
    prepared = equations.prepared
    columns, inside = set_columns(equations, searched.to_numpy(), sets.term)
    projections = set_projections(
        columns,
        inside,
        lambda k: counts_and_vcov(prepared, k)[1],
        obs_weights=prepared.obs_weights,
    )
    rows = sets.frame.assign(**sets.tidy(level)[["conf_low", "conf_high"]])
    return _Models(
        rows.loc[rows["model"].isin(searched.index)].drop(columns="n_controls"),
        prepared,
        slice(None),
        equations.demeaned.columns[:, :1],
        projections.drawn,
    )


def _fit_others(
    also: Mapping[str, FixedEffects] | None,
    panel: Panel,
    terms: Sequence[str],
    sets: ControlSets,
    equations: Equations,
    level: float,
) -> Iterator[_Models]:
    """Estimate the specifications of `also` on rows that have all `terms`."""
    if not isinstance(also, Mapping | None):
        raise InputTypeError(
            "search_test: also must be a mapping of labels to specifications, such as "
            f"{{'no time effects': spec.replace(time_effects=False)}}, not "
            f"{type(also).__name__}."
        )
    for label, other in (also or {}).items():
        where = f"search_test: also[{cited(label)}]"
        refuse_other_specification(where, other)
        if canonical(other.y) != canonical(equations.demeaned.names[0]):
            raise TermError(
                f"{where} has the outcome {cited(other.y)}, not that of spec."
            )
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
        rows = equations.prepared.sample.index.get_indexer(prepared.sample.index)
        if absent := int((rows < 0).sum()):
            raise IdentificationError(
                f"{where} has {absent:,} rows that are not in the sample of spec, so "
                "no outcome can be drawn for them. Estimate spec on all rows, and "
                "select fewer with where in also; singletons='keep' keeps singletons."
            )
        controls = tuple(n for n in fit.names if n not in ("Intercept", sets.term))
        x = demeaned.select(demeaned.at([*controls, sets.term]))
        vcov = counts_and_vcov(prepared, x.shape[1])[1]
        row = fit.tidy(level).set_index("term").loc[[sets.term]]
        yield _Models(
            row.assign(model=label, controls=[controls], nobs=fit.nobs),
            prepared,
            rows,
            demeaned.columns[:, :1],
            partial(_estimate_other, x, vcov, prepared.obs_weights),
        )


# --- draws ----------------------------------------------------------------------------


def _estimate_other(
    x: Floats, vcov: Vcov, obs_weights: Floats | None, outcomes: Floats
) -> tuple[Floats, Floats]:
    """Regress drawn outcomes (n, R) on x (n, k): slope and t of the last, (1, R)."""
    every = np.ones((1, x.shape[1]), dtype=np.bool_)
    fits = set_slopes(outcomes, x, every, lambda _: vcov, obs_weights=obs_weights)
    return fits.slopes, fits.slopes / fits.std_errors


def _fit_restricted(equations: Equations, sets: ControlSets) -> tuple[Floats, Floats]:
    """Fit the largest set with the coefficient restricted to zero.

    Returns residuals (N,), and scores (G,) of the regressor net of all candidates,
    with the sign of its effect.
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
    scores = np.bincount(prepared.cluster_codes[0], weights=net.prod(axis=1))
    return net[:, 0] / root[:, 0], scores * scores.sum()


def _draw_estimates(
    models: Sequence[_Models],
    residuals: Floats,
    scores: Floats,
    weights: WildWeights,
    seed: np.random.SeedSequence,
    done: Done,
) -> tuple[Floats, Floats]:
    """Estimate all specifications on drawn outcomes.

    Returns the largest absolute t (R,), and the estimates in ascending order (R, K), at
    K ranks of them.
    """
    # The order of the clusters by their scores depends on no name or unit.
    order = np.argsort(np.argsort(scores, kind="stable"))
    position = order[models[0].prepared.cluster_codes[0]]
    count = sum(len(each.frame) for each in models)
    ranks = np.linspace(0, count - 1, min(count, _RANKS)).round().astype(np.intp)
    best, curves = [], []
    for drawn in weights.chunks(seed, max(1, _CACHED // (count + residuals.size))):
        # A drawn outcome is that of the data plus this.
        change = residuals[:, None] * (drawn[:, position] - 1).T
        estimates = [
            each.estimate(each.y + each.prepared.within.demean(change[each.rows]))
            for each in models
        ]
        slopes, t = map(np.vstack, zip(*estimates, strict=True))
        best.append(np.abs(t).max(axis=0))
        curves.append(np.sort(slopes, axis=0)[ranks].T)
        done(len(drawn))
    return np.concatenate(best), np.vstack(curves)


# --- results --------------------------------------------------------------------------


def _compare_reported(
    frame: pd.DataFrame, searched: pd.DataFrame, reported: str, level: float
) -> dict[str, Any]:
    """Compare the reported specification with all others and with the best one."""
    rows = frame.set_index("model")
    row: Any = rows.loc[[reported]].to_dict("records")[0]
    significant = rows["p_value"].map(lambda p: rejects(p, level)).astype(bool)
    best = rows["statistic"].abs().idxmax()
    # Sets by the number of controls in which they differ from the reported one
    changes = (searched != searched.loc[reported]).sum(axis=1)
    nearest = min(
        searched.index[~significant.loc[searched.index]],
        key=lambda label: (changes[label], -rows["p_value"][label]),
        default=None,
    )
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
        "without_star": nearest if significant[reported] else None,
    }
