"""Mediation analysis with fixed effects, also with an instrument."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from digiprosper.checks import (
    check_option,
    check_type,
    collinearity_problem,
    one_problem,
    option_error,
)
from digiprosper.errors import (
    IdentificationError,
    Notice,
    OptionError,
    TermError,
    ThresholdSearchError,
    cited,
    notice_of,
    number_text,
    quoted,
    subject,
)
from digiprosper.kernels import Floats
from digiprosper.kernels.resampling import seed_sequence
from digiprosper.linear.diagnostics import staggered
from digiprosper.linear.preparation import CovType, Prepared, Ssc, refuse_corrected
from digiprosper.linear.results import LinearResults
from digiprosper.mediation.kernel import Effects, PathSystem
from digiprosper.mediation.layout import (
    REGIME_INTERCEPT,
    Layout,
    effect,
    equation_term,
    named_fits,
)
from digiprosper.mediation.notices import (
    INFLUENCE,
    LEAST_INFLUENCE,
    MEAN_IN_SDS,
    weak_instrument,
)
from digiprosper.mediation.results import MediationResults
from digiprosper.mediation.system import (
    FittedSystem,
    check_common_options,
    draw_thresholds,
    estimate,
    lay_out_columns,
    prepare_terms,
    result_fields,
    search_threshold,
)
from digiprosper.panel import Panel, Sample
from digiprosper.panel.terms import canonical
from digiprosper.report.effects import EffectResults
from digiprosper.report.summary import Summary
from digiprosper.report.terms import Term
from digiprosper.report.text import p_text
from digiprosper.specification import TERM, TERMS, Specification, as_terms, read_terms

MediationStructure = Literal["parallel", "serial"]
Moderated = Literal["a", "b", "direct"]

# Options on which effects depend, and the structures of their models.
_STRUCTURES = {
    "moderator": "moderated",
    "threshold": "threshold",
    "quadratic": "quadratic",
}
_MOST_SERIAL = 6
_REMEDY = (
    "With fewer than 40 clusters the percentile interval may be too short: confirm a "
    "borderline result with joint_significance(), or with the p-values of "
    "dp.wild_bootstrap for a and b."
)


@dataclass(frozen=True, slots=True)
class Mediation(Specification):
    r"""Mediation analysis with fixed effects.

    It has total, direct and indirect effects of a treatment. The equations are

    .. math::
        y = c x + ..., \quad m_k = a_k x + ...,
        \quad y = c' x + \sum_k b_k m_k + ...

    with treatment x and mediators m_k. All have the same controls, fixed effects and
    rows. c is the total effect, c' the direct effect and a_k b_k the indirect effect
    through m_k. Then ``c = c' + sum_k a_k b_k`` holds exactly, in the estimates and in
    each bootstrap draw (Preacher & Hayes 2008; Gelbach 2016).

    Parameters
    ----------
    y : str
        Outcome: a column or a term.
    treatment : str
        Treatment x: a column or a term.
    mediators : str or sequence of str
        Mediators: columns or terms. All are in the equation of the outcome.
    x : str or sequence of str
        Controls of all equations, none by default.
    structure : {"parallel", "serial"}
        ``"parallel"`` (default): mediators do not affect each other. ``"serial"``: each
        mediator depends on those before it (Hayes' model 6). Each chain has an effect
        ``indirect:<m1>><m2>``, and the chains add up to the indirect effect of the
        parallel structure. A chain has at most six mediators.
    moderator : str, optional
        Moderator w: a column or a term. Its interactions with treatment or mediators
        (products of levels) are added to the equations that `moderates` selects,
        together with w itself. To have w in all equations, add it to `x` too.
    moderates : {"a", "b", "direct"}, one or several
        Slopes that depend on w. ``"a"``: effect of the treatment on the mediators
        (Hayes' model 7); ``index:<m>`` is the change of the indirect effect with w.
        ``"b"``: effect of the mediators on the outcome (model 14). Both (model 58) have
        no such index. ``"direct"``: direct effect (model 5), whose change with w is
        ``index:direct``. If an interaction exists and is not in the model, the others
        are biased; so compare with a model that has all three.
    threshold : str or (str, float), optional
        Threshold variable q. Effects differ between regime 1, ``q <= gamma``, and
        regime 2. Slopes of treatment and mediators differ by regime in all equations.
        With a pair, gamma is given. Otherwise gamma minimises the sum of squared
        residuals of the outcome, among all values that leave at least 5% of the rows in
        each regime.
    regime_intercept : bool
        Whether the equations also have an intercept by regime (term
        ``"intercept:regime1"``). The default is True. Without it gamma and all effects
        depend on the zero of treatment and mediators, for example on the unit inside a
        logarithm. Use False only to replicate fits without it, such as those of Stata's
        ``xthreg``.
    search_draws : bool
        Whether gamma is searched again in each bootstrap draw. The default is False,
        which takes gamma as known. True is slower and more reliable in small samples.
    quadratic : {"a", "direct"}, one or both
        Equations with the square of the treatment: those of the mediators (``"a"``) or
        that of the outcome (``"direct"``). The instantaneous indirect effect at x is
        ``(a1 + 2 a2 x) b`` (Hayes & Preacher 2010).
    absorb : str or sequence of str
        Other fixed effects of all equations, as in `FixedEffects`. Slopes such as
        ``"province[year]"`` must be by groups that are nested in the clusters.
    entity_effects, time_effects : bool
        Whether to absorb entity and time effects, True by default. Without fixed
        effects there is an intercept.
    cov_type : str, default "clustered"
        Type of the joint covariance matrix of all equations, as in `FixedEffects`:
        ``"clustered"``, ``"crv3"``, ``"robust"``, ``"hc2"``, ``"hc3"``,
        ``"unadjusted"``, ``"driscoll_kraay"`` or ``"xtscc"``.
    clusters : str, optional
        Cluster variable, by default the entity. The bootstrap draws these clusters,
        under any `cov_type`.
    ssc : {"reghdfe", "xtreg", "areg", "sandwich", "linearmodels", "plm", "none"}
        Small-sample correction of each equation, as in `FixedEffects`.
    reps : int
        Number of bootstrap draws, at least 20. With the default, 4,999, the ends of a
        95% interval are draws, without interpolation.
    where : str, optional
        Condition that chooses rows, as in `FixedEffects`.

    Raises
    ------
    OptionError
        By the constructor, if an option has an unknown value, if `reps` is too small,
        if there are two-way clusters, or if more than one of a serial structure,
        `moderator`, `threshold` and `quadratic` is given.
    TermError
        By the constructor, if a term has two roles.
    IdentificationError
        By `fit`, if the treatment or a mediator is absorbed by the fixed effects. Its
        effect is then not identified.
    ThresholdSearchError
        By `fit`, if no threshold leaves enough rows in each regime.
    DigiprosperError
        By `fit`, as in `FixedEffects.fit`.

    Notes
    -----
    The bootstrap draws clusters with replacement, and estimates all equations and fixed
    effects in each draw. Intervals are percentile intervals, and p-values are
    consistent with them. If rows were taken as independent, a true null hypothesis
    would be rejected far too often with serially correlated errors (documentation, page
    "Validity"). Standard errors use the delta method with the joint covariance matrix
    of all equations (Weesie 1999; Gelbach 2016); they take an estimated gamma as known.

    Examples
    --------
    >>> import digiprosper as dp
    >>> panel, truth = dp.datasets.simulate_provinces()
    >>> controls = ["urban", "fiscal", "openness"]
    >>> spec = dp.Mediation(
    ...     "prosperity", "digital", ["productivity", "upgrading"], controls, reps=999
    ... )
    >>> results = spec.fit(panel, rng=2026)
    >>> (
    ...     list(results.params.index[:3]),
    ...     list(results.params.index[3:5]),
    ...     results.params.index[5],
    ... )
    (['total', 'direct', 'indirect'],
     ['indirect:productivity', 'indirect:upgrading'],
     'proportion_mediated')
    >>> total, direct, indirect = results.params.iloc[:3]
    >>> bool(abs(total - direct - indirect) < 1e-12)
    True
    """

    y: str = field(metadata=TERM)
    treatment: str = field(metadata=TERM)
    mediators: str | Sequence[str] = field(metadata=TERMS)
    x: str | Sequence[str] = field(default=(), metadata=TERMS)
    _: KW_ONLY
    structure: MediationStructure = "parallel"
    moderator: str | None = field(default=None, metadata=TERM)
    moderates: Moderated | Sequence[Moderated] = ()
    threshold: str | tuple[str, float] | None = field(
        default=None, metadata={"term": "with or without its value"}
    )
    regime_intercept: bool = True
    search_draws: bool = False
    quadratic: Moderated | Sequence[Moderated] = ()
    absorb: str | Sequence[str] = ()
    entity_effects: bool = True
    time_effects: bool = True
    cov_type: CovType = "clustered"
    clusters: str | Sequence[str] | None = None
    ssc: Ssc = "reghdfe"
    reps: int = 4999
    where: str | None = None

    def __post_init__(self) -> None:
        read_terms(self)
        if not self.mediators:
            raise TermError(
                "mediators is empty; specify at least one term (FixedEffects estimates "
                "the total effect alone)."
            )
        check_common_options(self, ("y", "treatment", "mediators", "x"))
        self._check_dependence()

    def _check_dependence(self) -> None:
        """Check moderator, threshold, square and chain, on which effects may depend."""
        for name, words in (
            ("moderates", get_args(Moderated)),
            ("quadratic", ("a", "direct")),
        ):
            object.__setattr__(self, name, as_terms(getattr(self, name), name))
            for word in getattr(self, name):
                check_option(name, word, words)
        if (self.moderator is None) != (not self.moderates):
            raise OptionError(
                f"moderator={cited(self.moderator)} with "
                f"moderates={cited(self.moderates)}: specify the moderator and the "
                "slopes it moderates, one or more of 'a' (treatment to mediator), "
                "'b' (mediator to outcome) and 'direct'."
            )
        if not isinstance(self.threshold, str | None):
            object.__setattr__(self, "threshold", _read_threshold(self.threshold))
        self._check_threshold()
        several = ["structure='serial'"] if self.structure == "serial" else []
        several += [option for option in _STRUCTURES if getattr(self, option)]
        if len(several) > 1:
            raise OptionError(
                f"{' and '.join(several)} cannot be combined; specify one of them."
            )
        if self.structure == "serial" and len(self.mediators) > _MOST_SERIAL:
            raise OptionError(
                f"structure='serial' with {len(self.mediators)} mediators has "
                f"{2 ** len(self.mediators) - 1} chains; at most {_MOST_SERIAL} "
                "mediators are allowed."
            )

    def _check_threshold(self) -> None:
        (q,) = term_roles(self).get("threshold_variable", (None,))
        if q is not None and canonical(q) in map(canonical, (self.y, *self.mediators)):
            role = "outcome" if canonical(q) == canonical(self.y) else "mediator"
            raise TermError(
                f"threshold={cited(self.threshold)}: {cited(q)} is the {role}, and "
                "splitting the sample by a variable that the treatment affects "
                "biases the slopes. Use the treatment, or a variable "
                "determined before it."
            )
        for name in ("search_draws", "regime_intercept"):
            check_option(name, getattr(self, name), (True, False))
        if self.search_draws and not isinstance(self.threshold, str):
            raise OptionError(
                f"search_draws={cited(self.search_draws)}: True requires an estimated "
                "threshold, such as threshold='q'."
            )
        if self.threshold is None and not self.regime_intercept:
            raise OptionError(
                "regime_intercept=False requires a threshold, such as threshold='q'."
            )

    def fit(
        self,
        panel: Panel,
        *,
        rng: object = None,
        progress: bool = False,  # noqa: ARG002
    ) -> MediationResults:
        """Estimate and bootstrap all equations.

        Parameters
        ----------
        panel : Panel
            The data. Rows with a missing value in any term are dropped from all
            equations. A cross-section is a Panel without a time key.
        rng : None, int, sequence of int, SeedSequence or Generator
            Seed of the draws. The `rng_entropy` of the results reproduces them.
        progress : bool
            Not used. All specifications have this argument.

        Returns
        -------
        MediationResults
            Effects with standard errors, intervals and draws. Of the rows it keeps only
            the residuals of its `paths`.
        """
        seed = seed_sequence(rng)
        prepared, demeaned = prepare_terms(self, panel, term_roles(self))
        gamma = self._threshold_value(prepared)
        layout, with_added = lay_out_columns(self, prepared, demeaned, gamma)
        sample = prepared.sample.with_factors(layout.factors)
        prepared = replace(prepared, sample=sample)
        system = estimate(
            prepared,
            with_added,
            layout.equations,
            layout.used,
            reps=self.reps,
            seed=seed,
            remedy=_REMEDY,
            partial=layout.partial,
        )
        used = [
            (layout.equation_terms[e].name, layout.names[c]) for e, c in layout.used
        ]
        products = layout.products
        paths = replace(system.slopes, names=tuple(used), products=products)
        effects = paths.effects(products.evaluate)
        gammas = np.empty(0)
        if self.search_draws:
            n_effects = len(layout.effects)
            gammas, draws, terms = draw_thresholds(self, demeaned, system, n_effects)
            paths, effects = replace(paths, draws=draws), (*effects[:2], terms)
        treatment = demeaned.at(sample.names_of("treatment"))
        about = (
            *self._variable_notices(prepared, layout, gamma),
            *_influence_notices(prepared, paths, effects, layout.effects),
            *staggered(prepared, demeaned, treatment, "mediation"),
        )
        dependent = [word for name, word in _STRUCTURES.items() if getattr(self, name)]
        (structure,) = dependent or [self.structure]
        return MediationResults(
            **result_fields(
                system,
                layout.effects,
                effects,
                "Mediation",
                about,
                searched=paths.draws if self.search_draws else None,
            ),
            treatment=layout.names[1],
            mediators=layout.names[2 : 2 + len(self.mediators)],
            equations=named_fits(layout.equation_terms, system.fits),
            structure=structure,
            system=paths,
            variable=layout.variable,
            quantiles=layout.quantiles,
            points=layout.points,
            routes=layout.routes,
            threshold=gamma,
            threshold_draws=gammas,
            regime_counts=_regime_counts(prepared, gamma),
        )

    def _threshold_value(self, prepared: Prepared) -> float | None:
        if not isinstance(self.threshold, tuple):
            return None if self.threshold is None else search_threshold(self, prepared)
        name, gamma = self.threshold
        q = prepared.sample.columns("threshold_variable")[:, 0]
        if not q.min() <= gamma < q.max():
            raise one_problem(
                ThresholdSearchError,
                "empty_regime",
                f"threshold={cited(self.threshold)} leaves a regime without rows: "
                f"{cited(name)} ranges from {q.min():.6g} to {q.max():.6g} "
                "in the sample.",
                column=name,
                gamma=gamma,
            )
        return gamma

    def _variable_notices(
        self, prepared: Prepared, layout: Layout, gamma: float | None
    ) -> Iterator[Notice]:
        """Make the notices about the threshold, the moderator or the square."""
        sample = prepared.sample
        if isinstance(self.threshold, str):
            yield notice_of("untested_threshold", column=self.threshold, gamma=gamma)
        if self.moderator is not None:
            level = layout.names.index(sample.names_of("moderator")[0])
            if not any(level in regressors for _, regressors in layout.equations):
                yield notice_of(
                    "absorbed_level",
                    column=self.moderator,
                    _effects=prepared.effect_names,
                )
        absent = REGIME_INTERCEPT not in layout.names
        if gamma is not None and self.regime_intercept and absent:
            collinear_with = (*prepared.effect_names, *self.x)
            (variable,) = term_roles(self)["threshold_variable"]
            terms = collinear_with or ["the intercept"]
            yield notice_of("held_level", column=variable, _terms=terms)
        if self.moderator is not None or self.quadratic:
            yield from _large_mean(sample, "treatment")
        if self.moderator is not None:
            yield from _large_mean(sample, "moderator")


def term_roles(spec: Mediation) -> dict[str, tuple[str, ...]]:
    """Group the terms of a specification by role."""
    roles = {
        "y": (spec.y,),
        "treatment": (spec.treatment,),
        "mediators": tuple(spec.mediators),
        "x": tuple(spec.x),
    }
    if spec.moderator is not None:
        roles["moderator"] = (spec.moderator,)
    if spec.threshold is not None:
        term = spec.threshold if isinstance(spec.threshold, str) else spec.threshold[0]
        roles["threshold_variable"] = (term,)
    return roles


def require_parallel(spec: object, caller: str, remedy: str) -> None:
    """Refuse models with other structures; `remedy` has braces for the option."""
    check_type(spec, Mediation, f"{caller} takes a Mediation specification")
    for name in ("structure", *_STRUCTURES):
        value = getattr(spec, name)
        if value not in (None, (), "parallel"):
            setting = remedy.format(f"{name}={cited(value)}")
            raise option_error(
                name,
                value,
                f"{caller} requires parallel mediators with one slope each: {setting}.",
            )


def _influence_notices(
    prepared: Prepared, paths: PathSystem, effects: Effects, terms: Sequence[Term]
) -> Iterator[Notice]:
    """Report the most influential cluster if its influence is large."""
    estimates, variances = effects[0][:3], np.diag(effects[1])[:3]
    without = paths.products.evaluate(paths.jackknife)[:, :3]
    with np.errstate(invalid="ignore", divide="ignore"):
        shifts = np.abs(without - estimates) / np.sqrt(variances)
    shifts = np.where(np.isfinite(shifts), shifts, 0.0)
    g, j = divmod(int(np.argmax(shifts)), shifts.shape[1])
    if shifts[g, j] < max(INFLUENCE / np.sqrt(shifts.shape[0]), LEAST_INFLUENCE):
        return
    sample = prepared.sample
    name = sample.keys.entity_name
    if prepared.options.clusters:
        name = prepared.cluster_names[0]
    yield notice_of(
        "influential_cluster",
        cluster=sample.code_levels.get(name, sample.entities)[g],
        term=terms[j].name,
        without=float(without[g, j]),
        _n_clusters=len(shifts),
        _name=name,
        _estimate=estimates[j],
        _shift=shifts[g, j],
    )


def _large_mean(sample: Sample, role: str) -> Iterator[Notice]:
    """Report a mean of so many standard deviations that products lose digits."""
    names, column = sample.names_of(role), sample.columns(role)[:, 0]
    ratio = float(abs(column.mean()) / column.std())
    if ratio > MEAN_IN_SDS:
        yield notice_of(
            "near_collinear.mean", columns=names, measure="mean", value=ratio
        )


def _read_threshold(value: object) -> tuple[str, float]:
    match value:
        case (str(term), int() | float() | np.number() as gamma):
            if not isinstance(gamma, bool) and np.isfinite(gamma):
                return term, float(gamma)
    raise OptionError(
        f"threshold={cited(value)} must be a term, or a term and a finite number such "
        "as ('q', 6.5)."
    )


def _regime_counts(
    prepared: Prepared, gamma: float | None
) -> tuple[tuple[int, int], ...]:
    if gamma is None:
        return ()
    sample = prepared.sample
    low = sample.columns("threshold_variable")[:, 0] <= gamma
    return tuple(
        (int(r.sum()), int(np.unique(sample.entity[r]).size)) for r in (low, ~low)
    )


# --- the controlled direct effect -----------------------------------------------------


def sequential_g(
    spec: Mediation,
    panel: Panel,
    intermediate: str | Sequence[str],
    *,
    rng: object = None,
) -> EffectResults:
    """Estimate a treatment's controlled direct effect with intermediate confounders.

    An intermediate confounder Z is affected by the treatment and affects both mediator
    and outcome. In `Mediation` there is no good choice then: with Z as a control the
    direct effect misses a part, and without Z the mediator is confounded. Sequential
    g-estimation solves this in two steps (Vansteelandt 2009; Acharya, Blackwell and Sen
    2016):

    1. Estimate ``y = .. x + sum_k b_k m_k + controls + Z`` and keep only the b_k.
    2. Estimate ``y - sum_k b_k m_k = d x + controls``. d is the controlled direct
       effect: the effect of the treatment with the mediators held constant.

    So ``d = c - sum_k a_k b_k``, where c and a_k are the effects of x on y and on m_k,
    estimated without Z.

    Parameters
    ----------
    spec : Mediation
        A specification with parallel mediators. Its controls must not be affected by
        the treatment.
    panel : Panel
        The data.
    intermediate : str or sequence of str
        Intermediate confounders Z: columns or terms. They are only in the first step.
    rng : None, int, sequence of int, SeedSequence or Generator
        Seed of the draws. The `rng_entropy` of the results reproduces them.

    Returns
    -------
    EffectResults
        Terms ``total`` (c), ``controlled_direct`` (d), ``eliminated`` (c - d) and
        ``eliminated:<m>`` (a_k b_k). Intervals are from the bootstrap, in which both
        steps are estimated in each draw of clusters. `cov` uses the delta method with
        the `cov_type` of the specification.

    Raises
    ------
    InputTypeError
        If `spec` is not a `Mediation`, `panel` is not a Panel or a term is not text.
    OptionError
        If the specification has a serial structure, a moderator, a threshold or a
        square, or `intermediate` is empty.
    TermError
        If an intermediate confounder has another role in the specification, or if
        treatment, outcome or a mediator has several columns.
    IdentificationError, CollinearityError
        As in `Mediation.fit`.

    Notes
    -----
    Assumptions: no omitted common cause of treatment and outcome given the controls; no
    omitted common cause of mediators and outcome given controls, treatment and Z;
    linear equations; effects of the mediators that do not depend on the treatment or Z.
    Then d does not depend on the value at which the mediators are held constant.

    ``eliminated`` is not an indirect effect, because a part of it may be an effect of
    the treatment through Z on the mediators. It shows how much smaller the effect is if
    the mediators are held constant (Acharya, Blackwell and Sen 2016).

    Sources are Acharya, Blackwell and Sen (2016, American Political Science Review
    110:512) and Vansteelandt (2009, Epidemiology 20:851).

    Examples
    --------
    Public capital may raise output through employment. It may also attract private
    capital, which affects both:

    >>> import digiprosper as dp
    >>> spec = dp.Mediation("log(gsp)", "log(pcap)", "log(emp)", ["unemp"], reps=999)
    >>> results = dp.sequential_g(spec, dp.datasets.us_states(), "log(pc)", rng=2026)
    >>> results.params.round(3).to_dict()
    {'total': 0.512, 'controlled_direct': 0.049,
     'eliminated': 0.463, 'eliminated:log(emp)': 0.463}
    """
    confounders = _check_confounders(spec, intermediate)
    seed = seed_sequence(rng)
    roles = {**term_roles(spec), "intermediate": confounders}
    prepared, demeaned = prepare_terms(spec, panel, roles)
    sample, k = prepared.sample, len(spec.mediators)
    controls = range(2 + k, 2 + k + len(sample.names_of("x")))
    layout = [(outcome, (1, *controls)) for outcome in (0, *range(2, 2 + k))]
    layout.append((0, tuple(range(1, len(demeaned.names)))))
    slopes = [(equation, 1) for equation in range(1 + k)]
    slopes += [(1 + k, 2 + j) for j in range(k)]
    system = estimate(prepared, demeaned, layout, slopes, reps=spec.reps, seed=seed)
    terms = (
        *map(effect, ("total", "controlled_direct", "eliminated")),
        *(effect("eliminated", m) for m in sample.names_of("mediators")),
    )
    fields = result_fields(
        system, terms, system.slopes.effects(_effects), "Sequential g"
    )
    return EffectResults(**fields)


def _effects(slopes: Floats) -> Floats:
    """Compute effects (R, 3 + K) from the slopes (R, 1 + 2 K) c, a_k and b_k."""
    total, (a, b) = slopes[:, :1], np.split(slopes[:, 1:], 2, axis=1)
    parts = a * b
    eliminated = parts.sum(axis=1, keepdims=True)
    return np.hstack([total, total - eliminated, eliminated, parts])


def _check_confounders(
    spec: Mediation, intermediate: str | Sequence[str]
) -> tuple[str, ...]:
    """Refuse other models and repeated terms; return the intermediate terms."""
    require_parallel(spec, "sequential_g", "change {} (spec.replace)")
    terms = as_terms(intermediate, "intermediate")
    if not terms:
        raise OptionError(
            "intermediate is empty: without intermediate confounders the controlled "
            "direct effect is the term 'direct' of Mediation. Specify at least one, "
            "or fit the specification itself."
        )
    used = {canonical(t) for t in spec.terms}
    repeated = [t for t in terms if canonical(t) in used]
    if repeated:
        raise TermError(
            f"intermediate: {subject(repeated, 'is')} already in the specification. A "
            "control affected by the treatment belongs in intermediate only: remove "
            "it with spec.drop().",
            [Notice("repeated", t, {"term": t}) for t in repeated],
        )
    return terms


# --- with an instrument ---------------------------------------------------------------

_ROLES = ("y", "treatment", "mediator", "instrument", "x")
# Columns in the order of the roles.
_Y, _X, _M, _Z = range(4)
_EQUATIONS = (
    ("x on z", _X, (_Z,)),
    ("y on z", _Y, (_Z,)),
    ("m on z", _M, (_Z,)),
    ("m on z given x", _M, (_Z, _X)),
    ("y on z given x", _Y, (_Z, _X)),
)
# Slopes that the effects are computed from, by equation and column, in the order that
# `_iv_effects` takes them.
_USED = ((0, _Z), (1, _Z), (2, _Z), (3, _Z), (3, _X), (4, _Z), (4, _X))
# Equations of the first stages, and positions of their slopes.
_STAGES = [0, 3]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class MediationIVResults(EffectResults):
    """Results of mediation analysis with one instrument, made by `MediationIV.fit`.

    Terms are ``total``, ``direct``, ``indirect``, ``indirect:<m>``, ``a``, ``b`` and
    ``proportion_mediated``. Effects are changes of the outcome per unit of the
    treatment. a is the change of the mediator per unit of the treatment, and b the
    change of the outcome per unit of the mediator.

    Parameters
    ----------
    treatment, mediator, instrument : str
        Terms of the model.
    equations : tuple of (name, LinearResults)
        Reduced forms; see `paths`.
    stages : (2, 5) array
        Both first stages; see `first_stage`.

    Notes
    -----
    The other parameters are those of `EffectResults`. `cov` is the covariance matrix of
    the effects by the delta method, with the `cov_type` of the fit.

    Examples
    --------
    >>> import numpy as np, pandas as pd, digiprosper as dp
    >>> z, u, v, *e = np.random.default_rng(1).normal(size=(6, 1000))
    >>> x = z + u + e[0]
    >>> m = 0.6 * x + 2 * u + v + e[1]
    >>> keys = {"city": np.repeat(range(100), 10), "year": np.tile(range(10), 100)}
    >>> columns = {"z": z, "x": x, "m": m, "y": 0.3 * x + 0.5 * m - v + e[2]}
    >>> panel = dp.Panel(pd.DataFrame(keys | columns), "city", "year")
    >>> results = dp.MediationIV("y", "x", "m", "z", reps=199).fit(panel, rng=1)
    >>> results.params.round(1)[["direct", "indirect"]].to_dict()
    {'direct': 0.2, 'indirect': 0.4}
    """

    treatment: str = ""
    mediator: str = ""
    instrument: str = ""
    equations: tuple[tuple[str, LinearResults], ...] = ()
    stages: Floats = field(default_factory=lambda: np.empty((2, 5)))

    @property
    def paths(self) -> dict[str, LinearResults]:
        """Reduced forms by name.

        The names are ``x on z``, ``y on z``, ``m on z``, ``m on z given x`` and
        ``y on z given x``, with the terms of treatment x, mediator m, outcome y and
        instrument z.
        """
        return dict(self.equations)

    @property
    def first_stage(self) -> pd.DataFrame:
        """First stages, with rows ``x on z`` and ``m on z given x``.

        Columns are coefficient, std_error, F and p_value (with the `cov_type` of the
        fit), and partial_r2. With one instrument, F is the square of t, and equals the
        Wald F of Kleibergen and Paap (2006) and the effective F of Montiel Olea and
        Pflueger (2013).
        """
        index = pd.Index([_EQUATIONS[stage][0] for stage in _STAGES], name="stage")
        columns = ["coefficient", "std_error", "F", "p_value", "partial_r2"]
        return pd.DataFrame(self.stages.copy(), index=index, columns=columns)

    def _summary(self) -> Summary:
        outcome = self.info["depvar"] or ""
        path = f"{self.treatment} -> {self.mediator} -> {outcome}"
        total, direct, indirect, a, b = map(
            number_text, self.estimates[[0, 1, 2, 4, 5]]
        )
        (first, first_p), (second, second_p) = self.stages[:, [2, 3]]
        p_texts = [p_text(p) or "missing" for p in (first_p, second_p)]
        words = [
            (
                f"A one-unit increase in {self.treatment} changes {outcome} by "
                f"{total}: {direct} directly and {indirect} through "
                f"{self.mediator} (a = {a}, b = {b}). This requires that "
                f"{self.instrument} is a valid instrument, and that {self.treatment} "
                f"and {outcome} have no common cause other than through "
                f"{self.mediator}."
            ),
            (
                f"First stage F: {first:.4g} for {self.treatment} on {self.instrument} "
                f"(p {p_texts[0]}); {second:.4g} for {self.mediator} on "
                f"{self.instrument} given {self.treatment} (p {p_texts[1]}), "
                "usually the weak one."
            ),
        ]
        return self._make_summary(
            f"IV mediation: {path}, instrument {self.instrument}", words
        )

    def _more_numbers(self) -> dict[str, Any]:
        # A slotted dataclass is a new class: `super()` without arguments would look in
        # the old one.
        return {
            **EffectResults._more_numbers(self),
            "treatment": self.treatment,
            "mediator": self.mediator,
            "instrument": self.instrument,
            "first_stage": self.first_stage.to_dict("index"),
            "paths": {name: fit.to_dict() for name, fit in self.equations},
        }


@dataclass(frozen=True, slots=True)
class MediationIV(Specification):
    """Mediation analysis with one instrument.

    The instrument is for treatment and mediator (Dippel, Ferrara and Heblich 2020). The
    equations are ``y = c x + ..`` and ``m = a x + ..``, with instrument z for the
    treatment x, and ``y = c' x + b m + ..``, with instrument z for the mediator m and x
    as a control. All have the same controls, fixed effects and rows. ``c = c' + a b``
    holds exactly, in the estimates and in each bootstrap draw.

    Parameters
    ----------
    y : str
        Outcome: a column or a term.
    treatment : str
        Endogenous treatment: a column or a term.
    mediator : str
        Endogenous mediator: one column or term.
    instrument : str
        Instrument z: a column or a term. It affects the treatment, and the outcome only
        through the treatment.
    x : sequence of str
        Controls of all equations, none by default.
    entity_effects, time_effects : bool
        Whether to absorb entity and time effects, True by default. Without fixed
        effects there is an intercept.
    absorb : sequence of str
        Other fixed effects of all equations, as in `FixedEffects`. Slopes such as
        ``"province[year]"`` must be by groups that are nested in the clusters.
    cov_type : {"clustered", "robust", "unadjusted", "driscoll_kraay", "xtscc"}
        Type of the joint covariance matrix of all equations, as in `FixedEffects`;
        ``"clustered"`` by default.
    clusters : str, optional
        Cluster variable, by default the entity. The bootstrap draws these clusters,
        under any `cov_type`.
    ssc : {"reghdfe", "xtreg", "areg", "sandwich", "linearmodels", "plm", "none"}
        Small-sample correction of each equation, as in `FixedEffectsIV`.
    reps : int
        Number of bootstrap draws, at least 20. With the default, 4,999, the ends of a
        95% interval are draws, without interpolation.
    where : str, optional
        Condition that chooses rows, as in `FixedEffects`.

    Raises
    ------
    OptionError
        By the constructor, if an option has an unknown value, `reps` is too small, or
        there are two-way clusters.
    TermError
        By the constructor, if a term has two roles, or there are several mediators or
        instruments.
    IdentificationError
        By `fit`, if treatment, mediator or instrument is absorbed by the fixed effects,
        or the mediator is a linear combination of treatment, instrument and controls.
    CollinearityError
        By `fit`, if the instrument is a linear combination of the treatment and the
        controls.

    Warns
    -----
    IdentificationWarning
        If a first-stage F is below 10, or the proportion mediated is not meaningful (as
        in `Mediation`).

    Notes
    -----
    **Assumptions.** z is exogenous given controls and fixed effects, and affects y only
    through x. Omitted common causes of x and m, and of m and y, are allowed. But there
    is no omitted common cause of x and y that does not work through m.

    **Identification of b.** Given x, a higher z means that the omitted causes of x are
    lower. If these also affect m, then z and m are correlated given x, so z is an
    instrument for m. If x and m have no omitted common cause, b is not identified.
    Often this first stage is weak. With F of at least 10 the bias is small, but a t
    test at 5% has the correct size only from F = 104.7 on (Lee, McCrary, Moreira and
    Porter 2022, American Economic Review 112:3260).

    **Computation.** All estimates are ratios of slopes of reduced forms, which are
    estimated by least squares. Let p be slopes on z, and let r and d be slopes on z and
    x in regressions on both. Then ``c = p_y/p_x``, ``a = p_m/p_x``, ``b = r_y/r_m`` and
    ``c' = d_y - b d_m``. Standard errors use the delta method and equal those of 2SLS.
    Intervals and p-values are percentile intervals from draws of clusters, with all
    equations estimated in each draw.

    The method is that of Dippel, Ferrara and Heblich (2020, Stata Journal 20:613).
    Identification is proved by Dippel, Gold, Heblich and Pinto (2017, NBER Working
    Paper 23209).

    Examples
    --------
    Simulated data with two omitted variables: u affects x and m, and v affects m and y.
    The true values are c' = .3 and a b = .6 x .5.

    >>> import numpy as np, pandas as pd
    >>> from digiprosper import MediationIV, Panel
    >>> rng = np.random.default_rng(2026)
    >>> z, u, v, *e = rng.normal(size=(6, 4000))
    >>> x = z + u + e[0]
    >>> m = .6 * x + 2 * u + v + e[1]
    >>> y = .3 * x + .5 * m - v + e[2]
    >>> frame = pd.DataFrame(
    ...     {"city": np.repeat(np.arange(400), 10), "year": np.tile(np.arange(10), 400)}
    ... )
    >>> panel = Panel(frame.assign(z=z, x=x, m=m, y=y), "city", "year")
    >>> results = MediationIV("y", "x", "m", "z", reps=999).fit(panel, rng=1)
    >>> results.conf_int().loc[["direct", "indirect"]].round(2).to_numpy().tolist()
    [[0.31, 0.45], [0.21, 0.32]]
    >>> results.first_stage["F"].round().to_dict()
    {'x on z': 1603.0, 'm on z given x': 670.0}
    """

    y: str = field(metadata=TERM)
    treatment: str = field(metadata=TERM)
    mediator: str = field(metadata=TERM)
    instrument: str = field(metadata=TERM)
    x: Sequence[str] = field(default=(), metadata=TERMS)
    _: KW_ONLY
    entity_effects: bool = True
    time_effects: bool = True
    absorb: Sequence[str] = ()
    cov_type: CovType = "clustered"
    clusters: Sequence[str] | None = None
    ssc: Ssc = "reghdfe"
    reps: int = 4999
    where: str | None = None

    def __post_init__(self) -> None:
        for name in ("mediator", "instrument"):
            if isinstance(getattr(self, name), list | tuple):
                raise TermError(
                    f"{name}={cited(getattr(self, name))}: one instrument identifies "
                    f"the effect through one mediator. Specify one {name}; Mediation "
                    "allows several mediators, treated as exogenous."
                )
        read_terms(self)
        check_common_options(self, _ROLES)
        refuse_corrected("MediationIV", self.cov_type)

    def fit(
        self,
        panel: Panel,
        *,
        rng: object = None,
        progress: bool = False,  # noqa: ARG002
    ) -> MediationIVResults:
        """Estimate and bootstrap all equations.

        Parameters
        ----------
        panel : Panel
            The data. Rows with a missing value in any term are dropped from all
            equations. A cross-section is a Panel without a time key.
        rng : None, int, sequence of int, SeedSequence or Generator
            Seed of the draws. The `rng_entropy` of the results reproduces them.
        progress : bool
            Not used. All specifications have this argument.

        Returns
        -------
        MediationIVResults
            Effects with standard errors, intervals and draws. Of the rows it keeps only
            the residuals of its `paths`.
        """
        seed = seed_sequence(rng)
        roles = {role: as_terms(getattr(self, role), role) for role in _ROLES}
        prepared, demeaned = prepare_terms(self, panel, roles)
        names, controls = demeaned.names, tuple(range(4, len(demeaned.names)))
        layout = [
            (outcome, (*regressors, *controls)) for _, outcome, regressors in _EQUATIONS
        ]
        system = estimate(prepared, demeaned, layout, _USED, reps=self.reps, seed=seed)
        _refuse_perfect_fits(system, names)
        stages = _first_stages(system)
        treatment, mediator, instrument = names[_X : _Z + 1]
        terms = (
            *map(effect, ("total", "direct", "indirect")),
            effect("indirect", mediator),
            *map(effect, ("a", "b", "proportion_mediated")),
        )
        return MediationIVResults(
            **result_fields(
                system,
                terms,
                system.slopes.effects(_iv_effects),
                "MediationIV",
                method_notices=_weak_instrument_notices(stages, names),
            ),
            treatment=treatment,
            mediator=mediator,
            instrument=instrument,
            equations=named_fits(
                [equation_term(code) for code, _, _ in _EQUATIONS], system.fits
            ),
            stages=stages,
        )


def _refuse_perfect_fits(system: FittedSystem, names: Sequence[str]) -> None:
    """Refuse an endogenous term that is collinear with the other regressors."""
    for equation in _STAGES:
        _, outcome, regressors = _EQUATIONS[equation]
        fit = system.fits[equation]
        if any(n.code == "perfect_fit" for n in fit.diagnostics):
            on = tuple(names[j] for j in regressors)
            raise IdentificationError(
                f"{cited(names[outcome])} is an exact linear combination of "
                f"{quoted(on)} and the controls after the effects are partialled "
                "out, so no variation is left for an instrument. Use another term.",
                [collinearity_problem(names[outcome], on)],
            )


def _iv_effects(slopes: Floats) -> Floats:
    """Compute effects (R, 7) from reduced-form slopes (R, 7); NaN if divided by 0."""
    x_z, y_z, m_z, m_zx, m_x, y_zx, y_x = slopes.T
    total = _ratio(y_z, x_z)
    a = _ratio(m_z, x_z)
    b = _ratio(y_zx, m_zx)
    indirect = a * b
    return np.column_stack(
        [total, y_x - b * m_x, indirect, indirect, a, b, _ratio(indirect, total)]
    )


def _ratio(upper: Floats, lower: Floats) -> Floats:
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        ratio = upper / lower
    return np.where(np.isfinite(ratio), ratio, np.nan)


def _first_stages(system: FittedSystem) -> Floats:
    """Compute both first stages: coefficient, std_error, F, p, partial R2."""
    rows = []
    unadjusted = system.slopes.unadjusted[_STAGES]
    for equation, (plain, df) in zip(_STAGES, unadjusted, strict=True):
        row = system.fits[equation].tidy().iloc[0]
        b, error = row["estimate"], row["std_error"]
        square = (b / plain) ** 2
        rows.append(
            (b, error, (b / error) ** 2, row["p_value"], square / (square + df))
        )
    return np.array(rows, dtype=np.float64)


def _weak_instrument_notices(stages: Floats, names: Sequence[str]) -> list[Notice]:
    treatment, mediator, instrument = names[_X : _Z + 1]
    equations = {
        "x on z": f"{treatment} on {instrument} (total, a and what follows)",
        "m on z given x": (
            f"{mediator} on {instrument} given {treatment} (b, direct, indirect)"
        ),
    }
    f_statistics = dict(zip(equations, stages[:, 2].tolist(), strict=True))
    return weak_instrument(f_statistics, equations)
