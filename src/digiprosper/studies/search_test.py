"""The best of many specifications, beside the best under no effect."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
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
from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.kernels.covariance import Vcov
from digiprosper.kernels.resampling import seed_sequence
from digiprosper.linear.estimation import collinear_problem, counts_and_vcov
from digiprosper.linear.fixed_effects import FixedEffects, refuse_other_specification
from digiprosper.linear.kernels.wild import p_value_of_draws, wild_weights
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
    estimate_together,
    set_columns,
)
from digiprosper.studies.kernel import SetProjections, drawn_slope, set_projections
from digiprosper.studies.search_results import SearchTest

_LEAST_REPS = 19
# Numbers of the estimates in a block of draws, and ranks at which a curve is kept.
_CACHED = 2**23
_RANKS = 1_001


@dataclass(frozen=True, slots=True, eq=False)
class _OtherModel:
    """A specification of `also`: its fit, and the arrays to estimate it in draws."""

    fit: Any
    prepared: Prepared
    rows: Ints  # positions of its rows among those of the sets
    y: Floats  # (n,) demeaned
    x: Floats  # (n, k) demeaned, the coefficient's column last
    vcov: Vcov


@dataclass(frozen=True, slots=True, eq=False)
class _SearchedModels:
    """All specifications, with the arrays to estimate the sets in draws."""

    sets: ControlSets
    equations: Equations
    included: pd.DataFrame  # candidates in each set that is searched, by label
    columns: Floats  # (N, p) demeaned, the coefficient's column last
    inside: Bools  # (S, p) which of them are in each set
    others: Mapping[str, _OtherModel]
    reported: str  # label of a set

    @property
    def codes(self) -> Ints:
        """Cluster of each row, (N,)."""
        return self.equations.prepared.cluster_codes[0]


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
    searched = _estimate_all(spec, panel, candidates, also, term)
    sets = searched.sets
    frame = _models_frame(searched, level)
    description = _describe_reported(frame, searched, level)

    residuals, scores = _fit_restricted(searched)
    weights = wild_weights(scores.size, reps)
    with progress_bar("search_test", weights.reps, show=progress) as done:
        best, curves = _draw_estimates(
            searched, residuals, scores, weights.chunks, seed, done
        )
    ranks = np.linspace(0, len(frame) - 1, curves.shape[1])
    ends = np.quantile(curves, ((1 - level) / 2, (1 + level) / 2), axis=0)
    for name, end in zip(("band_low", "band_high"), ends, strict=True):
        frame[name] = np.interp(np.arange(len(frame)), ranks, end)

    p_value, best_p_value = (
        p_value_of_draws(best, description[key], enumerated=weights.enumerated)
        for key in ("statistic", "best_statistic")
    )
    notices = few_draws(reps, "test")
    issue(notices)
    test = TestResult(
        name="Test of a searched specification",
        statistic=abs(description["statistic"]),
        distribution="bootstrap",
        df=None,
        p_value=p_value,
        null=f"{sets.term} has no effect given all candidate controls",
        detail={
            "term": sets.term,
            **description,
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
    left_out = sets.included.index.difference(searched.included.index, sort=False)
    return SearchTest(
        test, frame, searched.included, tuple(left_out), sets.common, level
    )


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
            f"most {MOST_SETS:,} are estimated, those of 16 candidates. Put controls "
            "that every specification would have in spec.x only, or make one candidate "
            "of several with panel.assign.",
        )
    if spec.cov_type != "clustered" or len(spec.clusters or ("",)) > 1:
        raise option_error(
            "cov_type",
            spec.cov_type,
            "search_test takes cov_type='clustered' with one cluster variable, because "
            "the sign of residuals is drawn by cluster. Pass specifications with "
            "other standard errors in the dict also=.",
        )
    return names


def _estimate_all(
    spec: FixedEffects,
    panel: Panel,
    candidates: Sequence[str],
    also: Mapping[str, FixedEffects] | None,
    term: str | None,
) -> _SearchedModels:
    """Estimate all specifications; the reported one must be among them."""
    x, keys = set(map(canonical, spec.x)), set(map(canonical, candidates))
    base = spec.replace(x=tuple(name for name in spec.x if canonical(name) not in keys))
    sets, equations = estimate_sets(base, panel, candidates, term=term)
    regular = estimate_together(equations, sets.included.to_numpy(), sets.term)[1]
    included = sets.included.loc[regular]
    reported = set_label([name for name in candidates if canonical(name) in x])
    if reported not in included.index:
        raise sets.failures.get(reported) or not_identified(
            "near_collinear",
            "search_test: the regressors of the reported specification, with "
            f"{cited(reported)}, are nearly collinear, or it fits perfectly. Remove a "
            "control from it.",
            model=reported,
        )
    columns, inside = set_columns(equations, included.to_numpy(), sets.term)
    others = _estimate_others(also, panel, equations, sets, (*base.x, *candidates))
    return _SearchedModels(sets, equations, included, columns, inside, others, reported)


def _estimate_others(
    also: Mapping[str, FixedEffects] | None,
    panel: Panel,
    equations: Equations,
    sets: ControlSets,
    terms: Sequence[str],
) -> dict[str, _OtherModel]:
    """Estimate the specifications of `also`."""
    if also is not None and not isinstance(also, Mapping):
        raise InputTypeError(
            "search_test: also must be a mapping of labels to specifications, such as "
            f"{{'no time effects': spec.replace(time_effects=False)}}, not "
            f"{type(also).__name__}."
        )
    out = {}
    for label, other in (also or {}).items():
        refuse_other_specification(f"search_test, also[{cited(label)}]:", other)
        where = f"search_test: also[{cited(label)}]"
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
        names = [name for name in fit.names if name not in ("Intercept", sets.term)]
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
        x = demeaned.select(demeaned.at([*names, sets.term]))
        out[label] = _OtherModel(
            fit,
            prepared,
            rows,
            demeaned.columns[:, 0],
            x,
            counts_and_vcov(prepared, x.shape[1])[1],
        )
    return out


# --- draws ----------------------------------------------------------------------------


def _root_weights(prepared: Prepared) -> Floats:
    """Return roots of the weights as a column (N, 1)."""
    return np.asarray(np.sqrt(prepared.row_weights)[:, None])


def _fit_restricted(searched: _SearchedModels) -> tuple[Floats, Floats]:
    """Fit the largest set with the coefficient restricted to zero.

    Returns residuals (N,), and scores (G,) of the regressor net of all candidates,
    with the sign of its effect.
    """
    equations, columns = searched.equations, searched.columns
    root = _root_weights(equations.prepared)
    controls = root * columns[:, :-1]
    controls = controls / np.sqrt(np.einsum("ij,ij->j", controls, controls))
    both = root * np.column_stack([equations.demeaned.columns[:, 0], columns[:, -1]])
    net = both - controls @ np.linalg.lstsq(controls, both, rcond=None)[0]
    if np.linalg.norm(net[:, 1]) * NEAR <= np.linalg.norm(both[:, 1]):
        name = searched.sets.term
        raise IdentificationError(
            f"search_test: {cited(name)} is collinear with all candidates together, so "
            "its effect given all of them is not identified. Leave out a candidate.",
            [collinear_problem(name, searched.sets.candidates)],
        )
    scores = np.bincount(searched.codes, weights=net[:, 0] * net[:, 1])
    return net[:, 0] / root[:, 0], scores * scores.sum()


def _projections(searched: _SearchedModels) -> SetProjections:
    sizes, prepared = searched.inside.sum(axis=1), searched.equations.prepared
    by_size = {
        size: counts_and_vcov(prepared, size)[1].parts[0].factor
        for size in np.unique(sizes).tolist()
    }
    factors = np.array([by_size[size] for size in sizes.tolist()])
    x = _root_weights(prepared) * searched.columns
    return set_projections(x, searched.inside, factors, searched.codes)


def _draw_estimates(
    searched: _SearchedModels,
    residuals: Floats,
    scores: Floats,
    chunks: Callable[[np.random.SeedSequence, int], Iterator[Floats]],
    seed: np.random.SeedSequence,
    done: Done,
) -> tuple[Floats, Floats]:
    """Estimate all specifications on drawn outcomes.

    Returns the largest absolute t (R,), and the estimates in ascending order (R, K), at
    K ranks of them.
    """
    projections, prepared = _projections(searched), searched.equations.prepared
    # The order of the clusters by their scores depends on no name or unit.
    order = np.argsort(np.argsort(scores, kind="stable"))
    position = order[searched.codes]
    count = len(projections.influence) + len(searched.others)
    ranks = np.linspace(0, count - 1, min(count, _RANKS)).round().astype(np.intp)
    numbers = count + residuals.size + projections.products.size
    best, curves = [], []
    for drawn in chunks(seed, max(1, _CACHED // numbers)):
        # A drawn outcome is that of the data plus this.
        change = residuals[:, None] * (drawn[:, position] - 1).T
        outcomes = prepared.within.demean(change)
        outcomes += searched.equations.demeaned.columns[:, :1]
        estimates = [projections.drawn(_root_weights(prepared) * outcomes)]
        for other in searched.others.values():
            root = _root_weights(other.prepared)
            outcomes = other.prepared.within.demean(change[other.rows])
            outcomes = root * (other.y[:, None] + outcomes)
            estimates.append(drawn_slope(root * other.x, outcomes, other.vcov))
        slopes, t = map(np.vstack, zip(*estimates, strict=True))
        best.append(np.abs(t).max(axis=0))
        curves.append(np.sort(slopes, axis=0)[ranks].T)
        done(len(drawn))
    return np.concatenate(best), np.vstack(curves)


# --- results --------------------------------------------------------------------------


def _models_frame(searched: _SearchedModels, level: float) -> pd.DataFrame:
    """List all specifications, the smallest estimate first."""
    sets, labels = searched.sets, searched.included.index
    models: dict[str, Any] = dict(sets.outcomes)
    rows = sets.tidy(level).set_index("model").loc[labels].reset_index()
    rows.insert(1, "controls", [models[label].controls for label in labels])
    parts = [rows.assign(nobs=sets.nobs)]
    for label, other in searched.others.items():
        row = other.fit.tidy(level)
        names = tuple(n for n in row["term"] if n not in ("Intercept", sets.term))
        row = row.loc[row["term"] == sets.term]
        parts.append(row.assign(model=label, controls=[names], nobs=other.fit.nobs))
    frame: pd.DataFrame = pd.concat(parts, ignore_index=True)[parts[0].columns]
    return frame.drop(columns="term").sort_values(
        "estimate", kind="stable", ignore_index=True
    )


def _describe_reported(
    frame: pd.DataFrame, searched: _SearchedModels, level: float
) -> dict[str, Any]:
    """Compare the reported specification with all others and with the best one."""
    rows: dict[Any, Any] = frame.set_index("model").to_dict("index")
    reported, included = rows[searched.reported], searched.included
    significant = {label: rejects(row["p_value"], level) for label, row in rows.items()}
    # Sets by the number of controls in which they differ from the reported one
    changes = (included != included.loc[searched.reported]).sum(axis=1)
    nearest = min(
        (label for label in included.index if not significant[label]),
        key=lambda label: (changes[label], -rows[label]["p_value"]),
        default=None,
    )
    best = max(rows, key=lambda label: abs(rows[label]["statistic"]))
    return {
        "specifications": len(rows),
        "significant": float(np.mean(list(significant.values()))),
        "reported": searched.reported,
        "estimate": reported["estimate"],
        "statistic": reported["statistic"],
        "p_reported": reported["p_value"],
        "position": float((frame["estimate"] <= reported["estimate"]).mean()),
        "best": best,
        "best_statistic": rows[best]["statistic"],
        "without_star": nearest if significant[searched.reported] else None,
    }
