"""Equations on one sample, estimated together and drawn together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from digiprosper.errors import CollinearityError, IdentificationError, Notice, OptionError, cited, several
from digiprosper.kernels import intervals
from digiprosper.kernels.covariance import cross_meat
from digiprosper.kernels.least_squares import ols
from digiprosper.kernels.resampling import bootstrap, entity_grams, jackknife
from digiprosper.kernels.tolerances import ABSORBED, COLLINEAR, CONSTANT, NO_DIVISION
from digiprosper.kernels.within import is_nested
from digiprosper.linear.fixed_effects import fit_columns, inference
from digiprosper.linear.notices import lagged_outcome, said_once
from digiprosper.linear.preparation import refuse_extreme
from digiprosper.report.notices import too_few_clusters_to_draw

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digiprosper.kernels import Floats, Ints
    from digiprosper.kernels.resampling import Block, Equation
    from digiprosper.linear.preparation import Prepared
    from digiprosper.linear.results import LinearResults
    from digiprosper.report.protocol import Glance

__all__ = [
    "LEAST_REPS",
    "System",
    "drawn_clusters",
    "estimate",
    "few_clusters",
    "glance_of",
    "refuse_absorbed",
    "refuse_two_way",
    "remarks",
    "unclear_share",
]

LEAST_REPS = 20
_FEW_REPS = 199
_RARE = 0.05
_DELTA = "interval('delta') needs no draws."
_BIASED_PATHS = "and so are the other paths. Omit it, or lag treatment and mediator instead."
_BIASED_MEDIATOR = "and so are the other paths to the mediator. Omit it."
# Roles whose columns are regressors in the equations of the mediators.
_BEFORE_MEDIATORS = ("treatment", "x", "instrument")
_MEDIATORS = ("mediators", "mediator")
_FEW = ("few_clusters", "very_few_clusters")


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
    notices : tuple of Notice
        Of all equations and of the draws, each once.
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
    columns: Floats,
    names: Sequence[str],
    layout: Sequence[Equation],
    *,
    reps: int,
    seed: np.random.SeedSequence,
    residuals: Sequence[Block] = (),
    unread: Sequence[str] = (),
) -> System:
    """Fit every equation, then draw clusters and fit all of them again on each draw.

    Parameters
    ----------
    prepared : Prepared
        Sample, effects and clusters of all equations.
    columns : (N, p) array
        As in the data, not swept.
    names : sequence of str
        Names of the columns.
    layout : sequence of (outcome, regressors)
        Column numbers of each equation.
    reps : int
        Draws.
    seed : SeedSequence
        Source of the draws.
    residuals : sequence of (outcomes, regressors)
        Blocks of outcomes whose residuals' cross products are wanted in every draw.
    unread : sequence of str
        Columns that the model adds itself; as in `fit_columns`.

    Returns
    -------
    System
        Its notices are not issued.
    """
    layout = tuple(layout)
    # Products of columns are wider apart than the columns, which were checked when the sample was cut.
    refuse_extreme(list(columns.T), names)
    swept = prepared.within.sweep(columns)
    fits = tuple(
        fit_columns(
            prepared, names[y], columns[:, y], [names[j] for j in x], columns[:, list(x)], unread=unread
        )
        for y, x in layout
    )
    codes, drawn = drawn_clusters(prepared)
    grams = entity_grams(swept, codes, prepared.within.effects)
    draws = bootstrap(grams, layout, reps, seed, residuals=residuals)
    without = jackknife(grams, layout)
    covariance, unadjusted = _joint(prepared, swept, layout)
    notices = [n for fit in fits for n in fit.diagnostics]
    if any(n.code == "no_variance" for n in notices):
        covariance[:] = np.nan
    few = too_few_clusters_to_draw(grams.n_clusters, drawn, _DELTA)
    # Without intervals, what draws do to them is of no concern.
    notices += few or _draw_notices(reps, draws.lost, drawn)
    return System(
        fits=fits,
        layout=layout,
        coefficients=np.concatenate(
            [f.coefficients[: len(x)] for f, (_, x) in zip(fits, layout, strict=True)]
        ),
        covariance=covariance,
        unadjusted=unadjusted,
        draws=np.hstack(draws.coefficients),
        jackknife=np.hstack(without.coefficients),
        residuals=tuple(_moments(swept, *block) for block in residuals),
        residual_draws=draws.residuals,
        n_drawn=grams.n_clusters,
        drawn=drawn,
        notices=tuple(said_once(notices)),
    )


def drawn_clusters(prepared: Prepared) -> tuple[Ints, str]:
    """Choose what the bootstrap draws: the clusters, the entity by default.

    Parameters
    ----------
    prepared : Prepared
        Sample, effects and clusters.

    Returns
    -------
    codes : (N,) array of int
        What is drawn.
    name : str
        ``"entity"``, or the term of the clusters.

    Raises
    ------
    OptionError
        If the clusters cut through the entities and through the periods alike.
    """
    if prepared.options.clusters is None:
        return prepared.sample.entity, "entity"
    codes, name = prepared.cluster_codes[0], prepared.cluster_names[0]
    keys = {prepared.sample.keys.entity_name, prepared.sample.keys.time_name}
    of_keys = [e for e, n in zip(prepared.within.effects, prepared.effect_names, strict=False) if n in keys]
    if sum(not is_nested(e, codes) for e in of_keys) > 1:
        raise OptionError(
            f"clusters={cited(prepared.options.clusters)}: neither entities nor periods are nested in "
            "the clusters, which the bootstrap needs to draw them with their effects. Specify clusters "
            "of whole entities, or of whole periods."
        )
    return codes, name


def refuse_two_way(clusters: Sequence[str] | None) -> None:
    """Refuse clusters that cannot be drawn whole.

    Parameters
    ----------
    clusters : sequence of str or None
        As in the specification.

    Raises
    ------
    OptionError
        If there are two.
    """
    if clusters is not None and len(clusters) > 1:
        raise OptionError(
            f"clusters={cited(tuple(clusters))}: the bootstrap draws whole clusters, which is not "
            "possible with two-way clusters. Specify one; FixedEffects has two-way clustered standard "
            "errors for a single path."
        )


def refuse_absorbed(prepared: Prepared, columns: Floats, names: Sequence[str], roles: Sequence[str]) -> None:
    """Refuse a column without variation of its own, and a mediator that is another column again.

    Parameters
    ----------
    prepared : Prepared
        Sample and effects.
    columns : (N, p) array
        Not swept.
    names : sequence of str
        Names of the columns.
    roles : sequence of str
        ``"outcome"``, ``"treatment"``, ``"mediator"``, ...: one a column.

    Raises
    ------
    IdentificationError
        If the effects absorb a column that is no outcome.
    CollinearityError
        If a mediator is the outcome or the treatment over again.
    """
    swept = prepared.within.sweep(columns)
    spread = np.sqrt(((columns - columns.mean(axis=0)) ** 2).sum(axis=0))
    size = np.abs(columns).max(axis=0) * np.sqrt(columns.shape[0])
    norm = np.sqrt((swept**2).sum(axis=0))
    gone = (spread <= CONSTANT * size) | (norm < ABSORBED * spread)
    what = ", ".join(prepared.effect_names) or "the intercept"
    problems = []
    for role, name, absorbed in zip(roles, names, gone, strict=True):
        if absorbed and role != "outcome":
            text = f"the {role} {cited(name)} does not vary within the effects ({what})"
            problems.append(Notice("absorbed", text, {"column": name, "effects": what}))
    if problems:
        raise IdentificationError(
            f"{several(problems)}: the indirect within effect is not identified. "
            "Use a column that varies within the effects, or omit an effect: with entity_effects=False "
            "the estimates also use variation between entities, which is a different effect "
            "(within_between reports both).",
            problems,
        )
    others = [i for i, role in enumerate(roles) if role in ("outcome", "treatment")]
    for j in (j for j, role in enumerate(roles) if role == "mediator"):
        for i in others:
            rest = swept[:, j] - swept[:, i] * (swept[:, i] @ swept[:, j]) / max(norm[i] ** 2, NO_DIVISION)
            if np.linalg.norm(rest) < COLLINEAR * norm[j]:
                raise CollinearityError(
                    f"the mediator {cited(names[j])} is collinear with the {roles[i]} {cited(names[i])} "
                    "after the effects are partialled out; a variable cannot mediate itself. Use another "
                    "mediator.",
                    [Notice("collinear", "mediator", {"column": names[j], "on": (names[i],)})],
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


def few_clusters(notices: Sequence[Notice], remedy: str) -> tuple[Notice, ...]:
    """Put the remedy at hand into the notice about few clusters.

    Parameters
    ----------
    notices : sequence of Notice
        Of a fit.
    remedy : str
        A sentence.

    Returns
    -------
    tuple of Notice
        The others as they are; none about few clusters where too few are drawn, which says more.
    """
    if any(n.code == "too_few_clusters_to_draw" for n in notices):
        return tuple(n for n in notices if n.code not in _FEW)
    out = []
    for n in notices:
        if n.code in _FEW:
            groups, name = n.data["n_clusters"], n.data["clusters"]
            text = (
                f"{groups} clusters ({name}): delta intervals use t with {groups - 1} degrees of freedom. "
                f"{remedy}"
            )
            n = Notice(n.code, text, n.data)
        out.append(n)
    return tuple(out)


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
    text = (
        f"{why}: proportion_mediated is not meaningful and is set to missing. Report the effects themselves."
    )
    return (Notice("masking", text, {"direct": direct, "indirect": indirect, "total_interval": (low, high)}),)


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
    text = (
        "no effects are absorbed (pooled OLS): the estimates mix variation within entities and "
        "differences between entities. Set entity_effects=True for the within effects."
    )
    return [Notice("pooled", text, {"nobs": prepared.sample.nobs})]


def _joint(prepared: Prepared, swept: Floats, layout: Sequence[Equation]) -> tuple[Floats, Floats]:
    """Covariance of all slopes across the equations, and their unadjusted errors with the df."""
    parts, roots, plain = [], [], []
    for y, x in layout:
        design = swept[:, list(x)]
        fit = ols(design, swept[:, y])
        count, how = inference(prepared, len(x))
        parts.append((fit.basis, fit.residuals, how))
        roots.append(fit.root)
        df = float(count.n - count.full)
        errors = np.sqrt(np.diag(fit.bread) * (fit.residuals @ fit.residuals) / df)
        plain.append(np.column_stack([errors, np.full(len(x), df)]))
    pairs = list(zip(parts, roots, strict=True))
    joint = np.block([[a @ cross_meat(p, q) @ b.T for q, b in pairs] for p, a in pairs])
    return np.asarray((joint + joint.T) / 2.0), np.vstack(plain)


def _moments(swept: Floats, outcomes: Sequence[int], regressors: Sequence[int]) -> Floats:
    rest: Any = swept[:, list(outcomes)]
    if regressors:
        design = swept[:, list(regressors)]
        rest = np.column_stack([ols(design, column).residuals for column in rest.T])
    return np.asarray(rest.T @ rest)


def _draw_notices(reps: int, lost: int, drawn: str) -> list[Notice]:
    out = []
    if reps < _FEW_REPS:
        least = 2 / (reps + 1)
        text = (
            f"{reps} draws: the p-value cannot be below {least:.3f}, and the interval is imprecise. Use "
            "999 or more."
        )
        out.append(Notice("few_draws", text, {"reps": reps}))
    if lost == reps:
        raise IdentificationError(
            f"all {reps} {drawn} draws failed: in each of them the treatment, a mediator or a control is "
            "collinear (for example a dummy of one entity). Drop such a control."
        )
    if lost:
        text = (
            f"{lost} of {reps} {drawn} draws failed: in the drawn sample the treatment, a mediator or a "
            "control is collinear. Intervals use the remaining draws."
        )
        if lost > _RARE * reps:
            text += " With so many failed draws the intervals are too short; do not rely on them."
        out.append(Notice("lost_draws", text, {"lost": lost, "reps": reps}))
    return out
