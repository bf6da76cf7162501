"""The controlled direct effect with intermediate confounders (sequential g)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from digiprosper.errors import Notice, OptionError, TermError, subject
from digiprosper.kernels import Floats
from digiprosper.kernels.resampling import seed_sequence
from digiprosper.mediation.effect_terms import effect
from digiprosper.mediation.mediation import Mediation, require_parallel, term_roles
from digiprosper.mediation.system import estimate, prepare_terms, result_fields
from digiprosper.panel import Panel
from digiprosper.panel.terms import canonical
from digiprosper.report.effects import EffectResults
from digiprosper.specification import as_terms


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
    system = estimate(prepared, demeaned, layout, reps=spec.reps, seed=seed)

    second_step = [(equation, 1) for equation in range(1 + k)]
    effects = system.effects(
        _effects, [*second_step, *((1 + k, 2 + j) for j in range(k))]
    )
    terms = (
        *map(effect, ("total", "controlled_direct", "eliminated")),
        *(effect("eliminated", m) for m in sample.names_of("mediators")),
    )
    return EffectResults(**result_fields(system, terms, effects, "Sequential g"))


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
