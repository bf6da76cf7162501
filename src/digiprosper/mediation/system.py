"""Systems of equations on one sample: estimates, draws and searches of thresholds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from digiprosper.checks import collinearity_problem, one_problem, several
from digiprosper.errors import (
    CollinearityError,
    IdentificationError,
    Notice,
    TermError,
    ThresholdSearchError,
    cited,
    issue,
    notice_of,
    quoted,
)
from digiprosper.kernels import Floats, Ints, intervals, resampling
from digiprosper.kernels.equation import joint_covariance
from digiprosper.kernels.intervals import has_enough_clusters
from digiprosper.kernels.slopes import Effect, Slope, split_slopes
from digiprosper.kernels.threshold import (
    Plan,
    candidates,
    drops,
    level_is_held,
    lowest,
    open_search,
    plan,
    without_level,
)
from digiprosper.kernels.tolerances import ABSORBED, COLLINEAR, NO_DIVISION
from digiprosper.kernels.within import is_nested
from digiprosper.linear.diagnostics import lagged_outcome, merge_notices
from digiprosper.linear.drawn_tests import drawn_clusters, refuse_two_way
from digiprosper.linear.estimation import (
    Demeaned,
    demean_roles,
    effects_text,
    fit_equation,
)
from digiprosper.linear.preparation import (
    Prepared,
    check_linear_options,
    linear_options,
    prepare,
    refuse_extreme,
)
from digiprosper.linear.results import LinearResults
from digiprosper.mediation.kernel import Effects, PathSystem, Products
from digiprosper.mediation.layout import REGIME_INTERCEPT, Layout, lay_out
from digiprosper.mediation.notices import few_for_paths
from digiprosper.mediation.words import WORDS
from digiprosper.panel import Panel, Sample
from digiprosper.report.effects import drawn_estimates
from digiprosper.report.notices import (
    FEW_CODES,
    few_draws,
    lost_draws,
    too_few_clusters_to_draw,
    without,
)
from digiprosper.report.protocol import Glance
from digiprosper.report.terms import Term
from digiprosper.specification import check_reps, refuse_repeats

_LEAST_REPS = 20
_RARE = 0.05
_TRIM = 0.05
_NO_THRESHOLD = (
    "failed: in the drawn sample no threshold leaves enough rows in each regime. "
    "Intervals use the remaining draws."
)
_COLLINEAR_DRAWS = (
    "failed: in the drawn sample the treatment, a mediator or a control is collinear. "
    "Intervals use the remaining draws."
)
_TOO_SHORT = (
    " With so many failed draws the intervals are too short; do not rely on them."
)
_REMEDY = (
    "With fewer than 40 clusters the percentile interval may be too short: compare it "
    "with interval('delta')."
)
DELTA = "interval('delta') needs no draws."
_BIASED_PATHS = (
    "and so are the other paths. Omit it, or lag treatment and mediator instead."
)
_BIASED_MEDIATOR = "and so are the other paths to the mediator. Omit it."
# Names of roles in messages.
_KINDS = {"y": "outcome", "mediators": "mediator"}
# Roles whose columns are regressors in the equations of the mediators.
_BEFORE_MEDIATORS = ("treatment", "x", "instrument")


@dataclass(frozen=True, slots=True, eq=False)
class FittedSystem:
    """An estimated system: all equations, and the slopes that effects are made of."""

    prepared: Prepared
    seed: np.random.SeedSequence
    fits: tuple[LinearResults, ...]
    slopes: PathSystem  # those that `estimate` is asked for, without names
    # Number and name of the clusters that are drawn
    n_drawn: int
    drawn: str
    lost: int  # draws in which an equation could not be estimated
    # Of all equations, without repetition, and of clusters too few for the bootstrap
    notices: tuple[Notice, ...]


def check_common_options(spec: Any, roles: Sequence[str]) -> None:
    """Check the options that mediation specifications share."""
    refuse_repeats(spec, roles)
    check_linear_options(spec)
    refuse_two_way(spec.clusters)
    check_reps(spec.reps, _LEAST_REPS)


def slope_positions(
    layout: Sequence[resampling.Equation], used: Sequence[tuple[int, int]]
) -> list[int]:
    """Return positions among the slopes of all equations; of all if none are `used`.

    A slope is given by the numbers of its equation and its column.
    """
    slopes = [(equation, x) for equation, (_, xs) in enumerate(layout) for x in xs]
    return list(map(slopes.index, used or slopes))


def estimate(
    prepared: Prepared,
    demeaned: Demeaned,
    layout: Sequence[resampling.Equation],
    used: Sequence[tuple[int, int]] = (),
    *,
    reps: int,
    seed: np.random.SeedSequence,
    remedy: str = _REMEDY,
    partial: Sequence[int] = (),
) -> FittedSystem:
    """Estimate every equation, then all of them in each draw of clusters.

    `used` are the slopes to return, each an equation and a column; all by default.
    `remedy` ends the notice about few clusters. `partial` are regressors of the last
    equation: cross products of their residuals and those of the outcome, given the
    other regressors, are needed in every draw. The notices are not issued.
    """
    positions = slope_positions(layout, used)
    fits, solved = zip(
        *[
            fit_equation(prepared, demeaned, y, x, auxiliary=[REGIME_INTERCEPT])
            for y, x in layout
        ],
        strict=True,
    )
    codes, drawn_units = drawn_clusters(prepared)
    grams = resampling.entity_grams(
        demeaned.columns, codes, prepared.within.effects_and_slopes, demeaned=True
    )
    y, x = layout[-1]
    at = [x.index(column) for column in partial]
    blocks = [((y, x[i]), (*x[:i], *x[i + 1 :])) for i in at]
    draws = resampling.bootstrap(grams, layout, reps, seed, residuals=blocks)
    jackknife = resampling.jackknife(grams, layout)

    covariance = joint_covariance(solved)
    notices = _equation_notices(prepared, fits, remedy)
    if "no_variance" in {notice.code for notice in notices}:
        covariance[:] = np.nan
    unadjusted = [(e, s.df_resid) for s in solved for e in s.unadjusted_errors()]
    upper = np.triu_indices(2)
    moments = [solved[-1].partial_products(i)[upper] for i in at]
    moment_draws = np.reshape(draws.residuals, (-1, reps, 2, 2))[:, :, *upper]
    slopes = PathSystem(
        names=(),
        estimates=np.concatenate([s.coefficients for s in solved])[positions],
        covariance=covariance[np.ix_(positions, positions)],
        unadjusted=np.array(unadjusted)[positions],
        draws=np.hstack(draws.coefficients)[:, positions],
        jackknife=np.hstack(jackknife.coefficients)[:, positions],
        moments=np.reshape(moments, (-1, 3)),
        moment_draws=moment_draws.swapaxes(0, 1),
        products=Products(()),
    )
    notices += too_few_clusters_to_draw(grams.n_clusters, drawn_units, DELTA)
    if draws.lost == reps and has_enough_clusters(grams.n_clusters):
        raise IdentificationError(
            f"all {reps} {drawn_units} draws failed: in each of them the treatment, a "
            "mediator or a control is collinear (for example a dummy of one "
            "entity). Drop such a control."
        )
    return FittedSystem(
        prepared=prepared,
        seed=seed,
        fits=fits,
        slopes=slopes,
        n_drawn=grams.n_clusters,
        drawn=drawn_units,
        lost=draws.lost,
        notices=tuple(merge_notices(notices)),
    )


def _equation_notices(
    prepared: Prepared, fits: Sequence[LinearResults], remedy: str
) -> list[Notice]:
    """Collect the notices of the equations, with the model's own on few clusters."""
    of_fits = [notice for fit in fits for notice in fit.diagnostics]
    notices = [*without(of_fits, FEW_CODES)]
    for name, codes in zip(prepared.cluster_names, prepared.cluster_codes, strict=True):
        notices += few_for_paths(int(codes.max()) + 1, name, remedy)
    return notices


def refuse_absorbed(
    prepared: Prepared, demeaned: Demeaned, roles: Sequence[str]
) -> None:
    """Refuse columns without variation, and a mediator collinear with y or x."""
    effects = effects_text(prepared)
    checked = zip(roles, demeaned.names, demeaned.absorbed, strict=False)
    problems = [
        Notice(
            "absorbed",
            f"the {role} {cited(name)} does not vary within the effects ({effects})",
            {"column": name, "effects": effects},
        )
        for role, name, absorbed in checked
        if absorbed and role != "outcome"
    ]
    if problems:
        raise IdentificationError(
            f"{several(problems)}: the indirect within effect is not identified. "
            "Use a column that varies within the effects, or omit an effect: with "
            "entity_effects=False the estimates also use variation between entities, "
            "which is a different effect (within_between reports both).",
            problems,
        )
    columns, lengths, names = demeaned.columns, demeaned.lengths, demeaned.names
    mediators = [j for j, role in enumerate(roles) if role == "mediator"]
    # Outcome and treatment are the first columns.
    for j, i in product(mediators, range(2)):
        mediator, other = columns[:, j], columns[:, i]
        slope = (other @ mediator) / max(lengths[i] ** 2, NO_DIVISION)
        if np.linalg.norm(mediator - other * slope) < COLLINEAR * lengths[j]:
            where = " after the effects are partialled out"
            raise collinear_mediator(names[j], roles[i], names[i], where)


def system_glance(
    outcome: LinearResults, model: str, seed: np.random.SeedSequence
) -> Glance:
    """Make the glance of a system from its outcome equation, without fit measures."""
    numbers = {"df_resid": outcome.df_resid, "rng_entropy": seed.entropy}
    return outcome._glance(model, **numbers)


def draw_notices(
    system: FittedSystem, searched: Floats | None = None
) -> tuple[Notice, ...]:
    """Report few draws, and draws in which the equations could not be estimated.

    `searched` are slopes (R, ..) from a search of the threshold in each draw. Without
    intervals (few clusters) nothing is reported.
    """
    if not has_enough_clusters(system.n_drawn):
        return ()
    reps, n_failed, drawn_units = len(system.slopes.draws), system.lost, system.drawn
    consequence = _COLLINEAR_DRAWS + (_TOO_SHORT if n_failed > _RARE * reps else "")
    if searched is not None:
        n_failed, drawn_units = int(np.isnan(searched).any(axis=1).sum()), ""
        consequence = _NO_THRESHOLD
    return (
        *few_draws(reps, "effects"),
        *lost_draws(n_failed, reps, consequence, drawn_units),
    )


def blank_unclear_share(effects: Effects, clusters: int) -> tuple[Notice, ...]:
    """Set the proportion mediated (last effect) to missing if it is not meaningful."""
    estimates, covariance, draws = effects
    direct, indirect = map(float, estimates[1:3])
    ends = np.array(intervals.percentile(draws[:, :3], 0.95, clusters=clusters))
    low, high = map(float, ends[:, 0])
    if direct * indirect < 0:
        consequence = "direct and indirect effect have opposite signs (masking)"
        if (np.prod(ends[:, 1:], axis=0) <= 0).any():
            consequence = (
                "direct and indirect effect have opposite signs, but the interval of "
                "one includes 0, so that this is no evidence of masking"
            )
    elif np.isnan(low):
        consequence = "the total effect has no confidence interval"
    elif not (low > 0 or high < 0):
        consequence = (
            f"the 95% interval of the total effect, {low:.3g} to {high:.3g}, includes 0"
        )
    else:
        return ()
    for values in (estimates, draws, covariance, covariance.T):
        values[..., -1] = np.nan
    return (
        notice_of(
            "masking",
            direct=direct,
            indirect=indirect,
            total_interval=(low, high),
            _why=consequence,
        ),
    )


def model_notices(prepared: Prepared) -> list[Notice]:
    """Report pooled rows, and lags of the outcome or of a mediator among the terms."""
    sample = prepared.sample
    is_pooled = not prepared.effect_names and sample.nobs > sample.n_entities
    notices = [notice_of("pooled", nobs=sample.nobs)] if is_pooled else []
    notices += lagged_outcome(prepared, _BIASED_PATHS)
    before = [role for role in _BEFORE_MEDIATORS if role in sample.roles]
    for role in ("mediators", "mediator"):
        if role in sample.roles:
            notices += lagged_outcome(prepared, _BIASED_MEDIATOR, before, outcome=role)
    return notices


def prepare_terms(
    spec: Any, panel: Panel, roles: Mapping[str, Sequence[str]]
) -> tuple[Prepared, Demeaned]:
    """Prepare the sample of a specification, and demean its columns by role.

    Refuse terms of several columns, and columns that identify no path.
    """
    prepared = prepare(panel, roles, linear_options(spec))
    sample = prepared.sample
    refuse_multiple_columns(sample, roles)
    others = [role for role in roles if role not in ("y", "threshold_variable")]
    (y,) = sample.names_of("y")
    demeaned, _ = demean_roles(y, prepared, others)
    before_controls = list(roles)[: list(roles).index("x")]
    kinds = [_KINDS.get(r, r) for r in before_controls for _ in sample.roles[r]]
    refuse_absorbed(prepared, demeaned, kinds)
    return prepared, demeaned


def lay_out_columns(
    spec: Any, prepared: Prepared, demeaned: Demeaned, gamma: float | None
) -> tuple[Layout, Demeaned]:
    """Set up the equations of a specification, and demean the columns that it adds.

    A moderator, or the dummy of the low regime, is a regressor itself unless the
    effects or other regressors absorb it.
    """
    level = True
    if gamma is not None:
        level = spec.regime_intercept and not _regime_is_collinear(
            prepared, demeaned, gamma
        )
    elif spec.moderator is not None:
        (at,) = demeaned.at(prepared.sample.names_of("moderator"))
        level = bool(demeaned.constant[at] or not demeaned.absorbed[at])
    columns = dict(zip(demeaned.names, demeaned.raw.T, strict=True))
    layout = lay_out(spec, prepared.sample, columns, gamma, level=level)
    n_terms = len(demeaned.names)
    if n_terms < len(layout.names):
        # Products of columns may be extreme although the columns are not.
        refuse_extreme(layout.columns, layout.names)
    added = layout.names[n_terms:], layout.columns[:, n_terms:]
    return layout, demeaned.with_columns(prepared, *added)


def refuse_multiple_columns(sample: Sample, roles: Mapping[str, Sequence[str]]) -> None:
    """Refuse terms of several columns, in all roles but those of controls."""
    for role, terms in roles.items():
        if role in ("x", "intermediate"):
            continue
        if len(sample.roles[role]) != len(terms):
            columns = sample.names_of(role)
            value = terms if role == "mediators" else terms[0]
            raise TermError(
                f"{role}={cited(value)} makes the columns {quoted(columns)}; each term "
                "must be one column."
            )


def collinear_mediator(
    mediator: str, role: str, other: str, where: str
) -> CollinearityError:
    """Report that a mediator is collinear with the outcome or the treatment."""
    return CollinearityError(
        f"the mediator {cited(mediator)} is collinear with the {role} {cited(other)}"
        f"{where}; a variable cannot mediate itself. Use another mediator.",
        [collinearity_problem(mediator, [other])],
    )


def result_fields(
    system: FittedSystem,
    terms: Sequence[Term],
    effects: Effects,
    model: str,
    method_notices: Sequence[Notice] = (),
    searched: Floats | None = None,
) -> dict[str, Any]:
    """Issue the notices of a model, and collect the fields of `EffectResults`.

    `method_notices` are notices of the method; `searched` is as in `draw_notices`.
    """
    has_share = terms[-1].kind == "proportion_mediated"
    diagnostics = (
        *system.notices,
        *draw_notices(system, searched),
        *model_notices(system.prepared),
        *method_notices,
        *(blank_unclear_share(effects, system.n_drawn) if has_share else ()),
    )
    outcome = system.fits[-1]
    return effect_fields(
        system.prepared.sample,
        system_glance(outcome, model, system.seed),
        terms,
        effects,
        errors_text=outcome.conventions,
        diagnostics=diagnostics,
        n_drawn=system.n_drawn,
        drawn=system.drawn,
        errors=outcome.inference,
    )


def effect_fields(
    sample: Sample,
    info: Glance,
    terms: Sequence[Term],
    effects: Effects,
    errors_text: str,
    diagnostics: tuple[Notice, ...],
    **drawn: Any,
) -> dict[str, Any]:
    """Issue notices, and collect fields; `drawn` is as in `drawn_estimates`."""
    issue(diagnostics)
    names = [term.name for term in terms]
    return {
        "terms": tuple(terms),
        "words": WORDS,
        "estimated": drawn_estimates(names, *effects, info, **drawn),
        "info": info,
        "errors_text": errors_text,
        "diagnostics": diagnostics,
        "labels": dict(sample.labels),
        "factors": dict(sample.factors),
        "key_names": sample.keys.name_pair,
    }


# --- the threshold --------------------------------------------------------------------


def search_threshold(spec: Any, prepared: Prepared) -> float:
    """Find the threshold that minimises the SSR of the outcome's equation."""
    columns = _search_columns(prepared)
    try:
        return _least_squares_threshold(
            columns, prepared.within.effects_and_slopes, intercept=spec.regime_intercept
        )
    except (ThresholdSearchError, CollinearityError) as error:
        name, q = prepared.sample.names_of("threshold_variable")[0], columns[-1]
        raise one_problem(
            ThresholdSearchError,
            "no_room",
            f"threshold={cited(spec.threshold)}: {error}. {cited(name)} has "
            f"{np.unique(q).size:,} values in {q.size:,} rows; each regime needs at "
            "least 5% of the rows, with variation in treatment and mediators. Pass "
            "the value, ('q', 6.5), or use another variable.",
            column=name,
        ) from error


def _regime_is_collinear(prepared: Prepared, demeaned: Demeaned, gamma: float) -> bool:
    """Check whether the dummy of the low regime is collinear with other regressors."""
    sample = prepared.sample
    low = (sample.columns("threshold_variable")[:, 0] <= gamma).astype(np.float64)
    residuals = prepared.within.demean(low)
    if sample.names_of("x"):
        at = demeaned.at(sample.names_of("x"))
        controls, size = demeaned.select(at), demeaned.lengths[list(at)]
        controls = controls[:, size > 0] / size[size > 0]
        residuals -= controls @ np.linalg.lstsq(controls, residuals, rcond=None)[0]
    return bool(np.linalg.norm(residuals) < ABSORBED * np.linalg.norm(low - low.mean()))


def draw_thresholds(
    spec: Any, demeaned: Demeaned, system: FittedSystem, n_effects: int
) -> tuple[Floats, Floats, Floats]:
    """Search the threshold in every draw and fit all equations there.

    Returns thresholds (R,), slopes (R, ..) and effects (R, `n_effects`), NaN in draws
    without a threshold. The draws are those of the system. The rows of each draw are
    searched like a sample, because running sums over rows are not weighted sums of
    clusters; fits are batched over draws with the same threshold.
    """
    prepared, (codes, _) = system.prepared, drawn_clusters(system.prepared)
    draws = np.full_like(system.slopes.draws, np.nan)
    counts = resampling.draw_counts(system.seed, system.n_drawn, len(draws))
    columns = _search_columns(prepared)
    sample_effects = prepared.within.effects_and_slopes
    intercept = spec.regime_intercept
    gammas = np.full(counts.shape[0], np.nan)
    for r, count in enumerate(counts.astype(np.intp)):
        rows, copies = resampling.drawn_rows(codes, count)
        effects = _recode_effects(sample_effects, codes, rows, copies)
        # A draw without room for a threshold is a lost draw, and counted.
        with suppress(ThresholdSearchError, CollinearityError):
            drawn_columns = [column[rows] for column in columns]
            gammas[r] = _least_squares_threshold(
                drawn_columns, effects, intercept=intercept
            )
    terms = np.full((gammas.size, n_effects), np.nan)
    for gamma in map(float, np.unique(gammas[~np.isnan(gammas)])):
        same_gamma = np.flatnonzero(gammas == gamma)
        layout, with_added = lay_out_columns(spec, prepared, demeaned, gamma)
        grams = resampling.entity_grams(
            with_added.columns, codes, sample_effects, demeaned=True
        )
        drawn_slopes = np.hstack(
            resampling.refit(grams, counts[same_gamma], layout.equations)
        )
        # Without the dummy of a regime the equations are others than the system's.
        at = slope_positions(layout.equations, layout.used)
        draws[same_gamma] = drawn_slopes[:, at]
        # Averages over the rows have the shares of the draw's own regimes.
        terms[same_gamma] = layout.products.evaluate(draws[same_gamma])
    missing = np.isnan(draws).any(axis=1)
    draws[missing] = terms[missing] = np.nan
    return gammas, draws, terms


def _search_columns(prepared: Prepared) -> list[Floats]:
    """Return outcome, regressors by regime, controls and threshold variable."""
    columns = prepared.sample.columns
    split = np.column_stack([columns("treatment"), columns("mediators")])
    q = columns("threshold_variable")[:, 0]
    return [columns("y")[:, 0], split, columns("x"), q]


def _least_squares_threshold(
    columns: Sequence[Floats], effects: Sequence[Effect], *, intercept: bool
) -> float:
    """Find the candidate with the least SSR, which is infinite if not identified."""
    y, z, x, q = columns

    def sums_of_squares(running: Plan) -> Floats:
        state = open_search(running, y)
        return np.asarray(state.ssr[0] - drops(running, state)[0])

    running = plan(z, x, candidates(q, [_TRIM]), effects, intercept=intercept)
    sums = sums_of_squares(running)
    if intercept:
        held = level_is_held(running)
        if held.any():
            sums[held] = sums_of_squares(without_level(running))[held]
    best = lowest(sums)
    if not np.isfinite(sums[best]):
        raise ThresholdSearchError(
            "no candidate leaves enough rows in each regime to estimate its slopes"
        )
    return float(running.candidates.values[best])


def _recode_effects(
    effects: Sequence[Effect], codes: Ints, rows: Ints, copies: Ints
) -> list[Effect]:
    """Code the effects of a draw: nested ones separately for each copy of a cluster."""

    def drawn(effect: Ints) -> Ints:
        levels = effect[rows]
        if is_nested(effect, codes):
            levels = copies * (int(effect.max()) + 1) + levels
        return np.unique(levels, return_inverse=True)[1].astype(np.intp)

    constants, slopes = split_slopes(effects)
    return [
        *map(drawn, constants),
        *(Slope(drawn(s.codes), s.column[rows]) for s in slopes),
    ]
