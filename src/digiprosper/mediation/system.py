"""Equations on one sample, estimated together and drawn together."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, product
from typing import TYPE_CHECKING

import numpy as np

from digiprosper.errors import (
    CollinearityError,
    IdentificationError,
    Notice,
    cited,
    collinearity_problem,
    several,
)
from digiprosper.kernels import intervals
from digiprosper.kernels.equation import joint_covariance
from digiprosper.kernels.intervals import enough_clusters
from digiprosper.kernels.resampling import bootstrap, entity_grams, jackknife
from digiprosper.kernels.tolerances import COLLINEAR, NO_DIVISION
from digiprosper.linear.cluster_bootstrap import drawn_clusters
from digiprosper.linear.diagnostics import lagged_outcome, said_once
from digiprosper.linear.estimation import fit_equation
from digiprosper.linear.notices import few_for_slopes
from digiprosper.linear.preparation import refuse_extreme
from digiprosper.mediation.notices import masking, pooled
from digiprosper.report.notices import few_draws, lost_draws, too_few_clusters_to_draw

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digiprosper.kernels import Floats
    from digiprosper.kernels.equation import Solved
    from digiprosper.kernels.resampling import Block, Equation
    from digiprosper.linear.estimation import Demeaned
    from digiprosper.linear.notices import FewClusters
    from digiprosper.linear.preparation import Prepared
    from digiprosper.linear.results import LinearResults
    from digiprosper.mediation.layout import Layout
    from digiprosper.report.protocol import Glance

LEAST_REPS = 20
_RARE = 0.05
_DELTA = "interval('delta') needs no draws."
_BIASED_PATHS = "and so are the other paths. Omit it, or lag treatment and mediator instead."
_BIASED_MEDIATOR = "and so are the other paths to the mediator. Omit it."
# Roles whose columns are regressors in the equations of the mediators.
_BEFORE_MEDIATORS = ("treatment", "x", "instrument")
_MEDIATORS = ("mediators", "mediator")


@dataclass(frozen=True, slots=True, eq=False)
class System:
    """Coefficients of all equations in one row, with their joint covariance and their draws.

    - layout: (outcome, regressors) of each equation, as column numbers
    - coefficients: (K,), slopes of the equations in order, without intercepts
    - covariance: (K, K), with the cov_type and ssc of the fit; all NaN if a slope has no standard error
    - unadjusted: (K, 2), standard errors for independent rows, and residual degrees of freedom after the
      effects
    - draws: (R, K), a lost draw is a row of NaN
    - jackknife: (G, K), coefficients without each cluster
    - residuals: cross products (m, m) of residuals, one for each block; residual_draws (R, m, m) in each draw
    - n_drawn, drawn: number and name of the clusters
    - lost: number of draws in which an equation could not be estimated
    - notices: of all equations, without repetition, and of clusters too few for the bootstrap
    """

    fits: tuple[LinearResults, ...]
    layout: tuple[Equation, ...]
    coefficients: Floats
    covariance: Floats
    unadjusted: Floats
    draws: Floats
    jackknife: Floats
    residuals: tuple[Floats, ...]
    residual_draws: tuple[Floats, ...]
    n_drawn: int
    drawn: str
    lost: int
    notices: tuple[Notice, ...]

    def at(self, equation: int, column: int) -> int:
        """Look up the position of the slope of a column in an equation among all coefficients."""
        before = sum(len(x) for _, x in self.layout[:equation])
        return before + self.layout[equation][1].index(column)


def estimate(
    prepared: Prepared,
    demeaned: Demeaned,
    layout: Sequence[Equation],
    *,
    reps: int,
    seed: np.random.SeedSequence,
    few: FewClusters = few_for_slopes,
    residuals: Sequence[Block] = (),
    unread: Sequence[str] = (),
) -> System:
    """Estimate every equation, then draw clusters and estimate all of them again in each draw.

    `few` makes the notice about few clusters; that of the equations is about their own t intervals and stays
    with them. `residuals` are blocks (outcomes, regressors) of two outcomes whose residual cross products are
    needed in every draw: the outcome of an equation and one of its regressors, given the other regressors.
    `unread` are columns that the model adds, as in `fit_equation`. The notices are not issued.
    """
    layout = tuple(layout)
    fits, solved = zip(
        *(fit_equation(prepared, demeaned, y, x, unread=unread) for y, x in layout), strict=True
    )

    codes, drawn = drawn_clusters(prepared)
    grams = entity_grams(demeaned.columns, codes, prepared.within.every, demeaned=True)
    draws = bootstrap(grams, layout, reps, seed, residuals=residuals)
    without = jackknife(grams, layout)

    covariance = joint_covariance(solved)
    notices = _notices(prepared, fits, few)
    if "no_variance" in {n.code for n in notices}:
        covariance[:] = np.nan
    notices += too_few_clusters_to_draw(grams.n_clusters, drawn, _DELTA)
    if draws.lost == reps and enough_clusters(grams.n_clusters):
        raise IdentificationError(
            f"all {reps} {drawn} draws failed: in each of them the treatment, a mediator or a control is "
            "collinear (for example a dummy of one entity). Drop such a control."
        )
    return System(
        fits=fits,
        layout=layout,
        coefficients=np.concatenate([equation.coefficients for equation in solved]),
        covariance=covariance,
        unadjusted=np.vstack([_unadjusted(equation) for equation in solved]),
        draws=np.hstack(draws.coefficients),
        jackknife=np.hstack(without.coefficients),
        residuals=tuple(_net(solved, layout, block) for block in residuals),
        residual_draws=draws.residuals,
        n_drawn=grams.n_clusters,
        drawn=drawn,
        lost=draws.lost,
        notices=tuple(said_once(notices)),
    )


def _notices(prepared: Prepared, fits: Sequence[LinearResults], few: FewClusters) -> list[Notice]:
    """Collect the notices of the equations, with those of the model about few clusters."""
    of_fits = chain.from_iterable(fit.diagnostics for fit in fits)
    notices = [notice for notice in of_fits if notice not in prepared.few]
    for name, codes in zip(prepared.cluster_names, prepared.cluster_codes, strict=True):
        notices += few(int(codes.max()) + 1, name)
    return notices


def refuse_absorbed(prepared: Prepared, demeaned: Demeaned, roles: Sequence[str]) -> None:
    """Refuse a column without variation within the effects, and a mediator equal to outcome or treatment.

    `roles` are those of the first columns, such as "outcome" or "mediator".
    """
    is_absorbed = demeaned.absorbed
    absorbed = [j for j, role in enumerate(roles) if role != "outcome" and is_absorbed[j]]
    problems = [_absorbed(prepared, roles[j], demeaned.names[j]) for j in absorbed]
    if problems:
        raise IdentificationError(
            f"{several(problems)}: the indirect within effect is not identified. "
            "Use a column that varies within the effects, or omit an effect: with entity_effects=False "
            "the estimates also use variation between entities, which is a different effect "
            "(within_between reports both).",
            problems,
        )
    for j, other in product(_positions(roles, "mediator"), _positions(roles, "outcome", "treatment")):
        _refuse_again(demeaned, j, other, roles[other])


def _positions(roles: Sequence[str], *names: str) -> list[int]:
    return [j for j, role in enumerate(roles) if role in names]


def _absorbed(prepared: Prepared, role: str, name: str) -> Notice:
    effects = ", ".join(prepared.effect_names) or "the intercept"
    text = f"the {role} {cited(name)} does not vary within the effects ({effects})"
    return Notice("absorbed", text, {"column": name, "effects": effects})


def _refuse_again(demeaned: Demeaned, mediator: int, other: int, role: str) -> None:
    column, regressor = demeaned.columns[:, mediator], demeaned.columns[:, other]
    residuals = column - regressor * (regressor @ column) / max(demeaned.lengths[other] ** 2, NO_DIVISION)
    if np.linalg.norm(residuals) < COLLINEAR * demeaned.lengths[mediator]:
        names = demeaned.names
        raise CollinearityError(
            f"the mediator {cited(names[mediator])} is collinear with the {role} {cited(names[other])} "
            "after the effects are partialled out; a variable cannot mediate itself. Use another "
            "mediator.",
            [collinearity_problem(names[mediator], [names[other]])],
        )


def glance_of(outcome: LinearResults, model: str, seed: np.random.SeedSequence) -> Glance:
    """Make the glance of a system: that of its outcome equation without measures of fit."""
    info = outcome.glance()
    info["model"] = model
    info["rng_entropy"] = seed.entropy if isinstance(seed.entropy, int) else None
    info["rsquared"] = info["rsquared_within"] = info["rsquared_within_entity"] = info["rsquared_adj"] = None
    info["f_statistic"] = None
    return info


def about_draws(system: System, lost: int | None = None, why: str = "") -> tuple[Notice, ...]:
    """Report few draws, and draws in which the equations could not be estimated.

    `lost` and `why` are for other draws than those of the system. Without intervals (few clusters) nothing is
    reported.
    """
    reps = len(system.draws)
    if not enough_clusters(system.n_drawn):
        return ()
    if lost is not None:
        return (*few_draws(reps, "effects"), *lost_draws(lost, reps, why))
    why = (
        "failed: in the drawn sample the treatment, a mediator or a control is collinear. Intervals use the "
        "remaining draws."
    )
    if system.lost > _RARE * reps:
        why += " With so many failed draws the intervals are too short; do not rely on them."
    return (*few_draws(reps, "effects"), *lost_draws(system.lost, reps, why, system.drawn))


def unclear_share(estimates: Floats, draws: Floats, *, clusters: int) -> tuple[Notice, ...]:
    """Report that the proportion mediated has no meaning, if that is so.

    That is, if direct and indirect effect have opposite signs, or the 95% percentile interval of the total
    effect covers 0 or is missing. The first columns of `estimates` and `draws` are total, direct and indirect
    effect.
    """
    direct, indirect = float(estimates[1]), float(estimates[2])
    low, high = (float(end) for end in intervals.percentile(draws[:, 0], 0.95, clusters=clusters))
    if direct * indirect < 0:
        why = "direct and indirect effect have opposite signs (masking)"
    elif np.isnan(low):
        why = "the total effect has no confidence interval"
    elif not (low > 0 or high < 0):
        why = f"the 95% interval of the total effect, {low:.3g} to {high:.3g}, includes 0"
    else:
        return ()
    return (masking(why, direct, indirect, (low, high)),)


def remarks(prepared: Prepared) -> list[Notice]:
    """Report pooled rows, and lags of the outcome or of a mediator among the terms."""
    roles = prepared.sample.roles
    before = [role for role in _BEFORE_MEDIATORS if role in roles]
    return [
        *_pooled(prepared),
        *lagged_outcome(prepared, _BIASED_PATHS),
        *(
            notice
            for role in _MEDIATORS
            if role in roles
            for notice in lagged_outcome(prepared, _BIASED_MEDIATOR, before, outcome=role)
        ),
    ]


def _pooled(prepared: Prepared) -> list[Notice]:
    if prepared.effect_names or prepared.sample.nobs == prepared.sample.n_entities:
        return []
    return [pooled(prepared.sample.nobs)]


def demean_made(prepared: Prepared, demeaned: Demeaned, layout: Layout) -> Demeaned:
    """Demean the columns that a layout adds to those of its terms."""
    n_given = len(demeaned.names)
    if n_given < len(layout.names):
        # Products of columns are wider apart than the columns, which were checked when the sample was cut.
        refuse_extreme(layout.columns, layout.names)
    return demeaned.with_columns(prepared, layout.names[n_given:], layout.columns[:, n_given:])


def _unadjusted(solved: Solved) -> Floats:
    errors = solved.unadjusted_errors()
    return np.column_stack([errors, np.full(errors.size, solved.df_resid)])


def _net(solved: Sequence[Solved], layout: Sequence[Equation], block: Block) -> Floats:
    """Compute the residual products of a block from the equation with its second outcome."""
    (outcome, regressor), controls = block
    for equation, (y, x) in zip(solved, layout, strict=True):
        if y == outcome and sorted(x) == sorted((regressor, *controls)):
            return equation.held_fixed(x.index(regressor))
    raise ValueError(f"no equation of column {outcome} has {(regressor, *controls)}")
