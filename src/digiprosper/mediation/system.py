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
    from digiprosper.linear.estimation import Swept
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

    Parameters
    ----------
    fits : tuple of LinearResults
        One an equation.
    layout : tuple of (outcome, regressors)
        Column numbers.
    coefficients : (K,) array
        Slopes of the equations one after another, intercepts left out.
    covariance : (K, K) array
        Across the equations, under the fit's cov_type and ssc; NaN throughout where an equation has a slope
        without a standard error.
    unadjusted : (K, 2) array
        Standard errors of independent rows, and residual degrees of freedom with the effects counted.
    draws : (R, K) array
        A lost draw is a row of NaN.
    jackknife : (G, K) array
        Coefficients without each cluster.
    residuals : tuple of (m, m) arrays
        Cross products of residuals, one a block.
    residual_draws : tuple of (R, m, m) arrays
        The same in every draw.
    n_drawn : int
        How many clusters were drawn from.
    drawn : str
        What was drawn.
    lost : int
        Draws in which an equation could not be estimated.
    notices : tuple of Notice
        Of all equations, each once, and of clusters too few to be drawn.
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
        """Position of a column's slope in an equation among all coefficients.

        Parameters
        ----------
        equation : int
            Which.
        column : int
            Column number.

        Returns
        -------
        int
            Position.
        """
        before = sum(len(x) for _, x in self.layout[:equation])
        return before + self.layout[equation][1].index(column)


def estimate(
    prepared: Prepared,
    swept: Swept,
    layout: Sequence[Equation],
    *,
    reps: int,
    seed: np.random.SeedSequence,
    few: FewClusters = few_for_slopes,
    residuals: Sequence[Block] = (),
    unread: Sequence[str] = (),
) -> System:
    """Solve every equation, then draw clusters and solve all of them again on each draw.

    Parameters
    ----------
    prepared : Prepared
        Sample, effects and clusters of all equations.
    swept : Swept
        Columns of all equations.
    layout : sequence of (outcome, regressors)
        Column numbers of each equation.
    reps : int
        Number of draws.
    seed : SeedSequence
        Source of the draws.
    few : callable
        Makes the notice about few clusters. That of the equations is about their own t intervals and stays
        with them.
    residuals : sequence of (outcomes, regressors)
        Blocks of two outcomes whose residuals' cross products are wanted in every draw: the outcome of an
        equation and one of its regressors, on its other regressors.
    unread : sequence of str
        Columns that the model adds itself; as in `fit_equation`.

    Returns
    -------
    System
        Its notices are not issued.
    """
    layout = tuple(layout)
    fits, solved = zip(*(fit_equation(prepared, swept, y, x, unread=unread) for y, x in layout), strict=True)

    codes, drawn = drawn_clusters(prepared)
    grams = entity_grams(swept.columns, codes, prepared.within.every, swept=True)
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
        coefficients=np.concatenate([one.coefficients for one in solved]),
        covariance=covariance,
        unadjusted=np.vstack([_unadjusted(one) for one in solved]),
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
    """Take the notices of the equations, but for few clusters that of the model."""
    of_fits = chain.from_iterable(fit.diagnostics for fit in fits)
    notices = [notice for notice in of_fits if notice not in prepared.few]
    for name, codes in zip(prepared.cluster_names, prepared.cluster_codes, strict=True):
        notices += few(int(codes.max()) + 1, name)
    return notices


def refuse_absorbed(prepared: Prepared, swept: Swept, roles: Sequence[str]) -> None:
    """Refuse a column without variation of its own, and a mediator that is another column again.

    Parameters
    ----------
    prepared : Prepared
        Sample and effects.
    swept : Swept
        These columns first.
    roles : sequence of str
        ``"outcome"``, ``"treatment"``, ``"mediator"``, ...: one a column.

    Raises
    ------
    IdentificationError
        If the effects absorb a column that is no outcome.
    CollinearityError
        If a mediator is the outcome or the treatment over again.
    """
    gone = swept.absorbed
    absorbed = [j for j, role in enumerate(roles) if role != "outcome" and gone[j]]
    problems = [_absorbed(prepared, roles[j], swept.names[j]) for j in absorbed]
    if problems:
        raise IdentificationError(
            f"{several(problems)}: the indirect within effect is not identified. "
            "Use a column that varies within the effects, or omit an effect: with entity_effects=False "
            "the estimates also use variation between entities, which is a different effect "
            "(within_between reports both).",
            problems,
        )
    for j, other in product(_places(roles, "mediator"), _places(roles, "outcome", "treatment")):
        _refuse_again(swept, j, other, roles[other])


def _places(roles: Sequence[str], *wanted: str) -> list[int]:
    return [j for j, role in enumerate(roles) if role in wanted]


def _absorbed(prepared: Prepared, role: str, name: str) -> Notice:
    what = ", ".join(prepared.effect_names) or "the intercept"
    text = f"the {role} {cited(name)} does not vary within the effects ({what})"
    return Notice("absorbed", text, {"column": name, "effects": what})


def _refuse_again(swept: Swept, mediator: int, other: int, role: str) -> None:
    column, given = swept.columns[:, mediator], swept.columns[:, other]
    rest = column - given * (given @ column) / max(swept.lengths[other] ** 2, NO_DIVISION)
    if np.linalg.norm(rest) < COLLINEAR * swept.lengths[mediator]:
        names = swept.names
        raise CollinearityError(
            f"the mediator {cited(names[mediator])} is collinear with the {role} {cited(names[other])} "
            "after the effects are partialled out; a variable cannot mediate itself. Use another "
            "mediator.",
            [collinearity_problem(names[mediator], [names[other]])],
        )


def glance_of(outcome: LinearResults, model: str, seed: np.random.SeedSequence) -> Glance:
    """Make the one line about a system from that of its outcome equation.

    Parameters
    ----------
    outcome : LinearResults
        The outcome equation.
    model : str
        Name of the specification.
    seed : SeedSequence
        What reproduces the draws.

    Returns
    -------
    Glance
        Measures of fit are None: they are of one equation, not of the system.
    """
    info = outcome.glance()
    info["model"] = model
    info["rng_entropy"] = seed.entropy if isinstance(seed.entropy, int) else None
    info["rsquared"] = info["rsquared_within"] = info["rsquared_within_entity"] = info["rsquared_adj"] = None
    info["f_statistic"] = None
    return info


def about_draws(system: System, lost: int | None = None, why: str = "") -> tuple[Notice, ...]:
    """Report few draws, and draws in which the equations could not be estimated.

    Parameters
    ----------
    system : System
        Equations and draws.
    lost : int, optional
        Lost draws, where the draws are others than those of the system.
    why : str
        Then why they are lost.

    Returns
    -------
    tuple of Notice
        Codes few_draws and lost_draws; none where clusters are too few to be drawn: without intervals, what
        draws do to them is of no concern.
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
    """Explain why the proportion mediated has no meaning, if it has none.

    Parameters
    ----------
    estimates : (k,) array
        Total, direct and indirect effect first.
    draws : (R, k) array
        The same in every draw.
    clusters : int
        How many were drawn from.

    Returns
    -------
    tuple of Notice
        One, ``"masking"``, if direct and indirect effect have opposite signs or the 95% percentile interval
        of the total covers 0 or is missing.
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
    """Tell of pooled rows, and of lags of the outcome or of a mediator among the terms.

    Parameters
    ----------
    prepared : Prepared
        Sample and effects of the system.

    Returns
    -------
    list of Notice
        Codes pooled and lagged_outcome.
    """
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


def sweep_made(prepared: Prepared, given: Swept, layout: Layout) -> Swept:
    """Sweep the columns that a specification makes of those that are given.

    Parameters
    ----------
    prepared : Prepared
        Sample and effects.
    given : Swept
        The first columns of the layout.
    layout : Layout
        With these and further columns.

    Returns
    -------
    Swept
        All columns of the layout.

    Raises
    ------
    IdentificationError
        If products of columns are beyond the range of floating point numbers.
    """
    made = len(given.names)
    if made < len(layout.names):
        # Products of columns are wider apart than the columns, which were checked when the sample was cut.
        refuse_extreme(layout.columns, layout.names)
    return given.with_columns(prepared, layout.names[made:], layout.columns[:, made:])


def _unadjusted(solved: Solved) -> Floats:
    errors = solved.unadjusted_errors()
    return np.column_stack([errors, np.full(errors.size, solved.df_resid)])


def _net(solved: Sequence[Solved], layout: Sequence[Equation], block: Block) -> Floats:
    """Read off the equation that has the second outcome of the block among its regressors."""
    (outcome, regressor), others = block
    for one, (y, x) in zip(solved, layout, strict=True):
        if y == outcome and sorted(x) == sorted((regressor, *others)):
            return one.held_fixed(x.index(regressor))
    raise ValueError(f"no equation of column {outcome} has {(regressor, *others)}")
