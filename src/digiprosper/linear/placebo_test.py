"""The placebo test with randomly drawn entities and treatment periods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from digiprosper.errors import IdentificationError, Notice, OptionError, cited, issue
from digiprosper.kernels.resampling import seed_sequence
from digiprosper.linear.fixed_effects import refuse_other_specification
from digiprosper.linear.kernels.placebo import cohorts
from digiprosper.linear.kernels.wild import share_beyond
from digiprosper.linear.randomisation_test import named_regressor, refuse_no_term
from digiprosper.panel.keys import rows_text
from digiprosper.report.notices import few_draws
from digiprosper.report.tests import TestResult
from digiprosper.specification import check_reps

if TYPE_CHECKING:
    from digiprosper.kernels import Floats
    from digiprosper.linear.kernels.placebo import Cohorts
    from digiprosper.panel import Panel

_LEAST_REPS = 19
_ERRORS_ONLY = frozenset({"few_clusters", "very_few_clusters", "few_treated"})


def placebo_test(
    spec: Any, panel: Panel, term: str, *, reps: int = 999, rng: object = None
) -> TestResult:
    """Compare the estimate of a policy with estimates of placebo policies.

    In each draw the treatment is assigned to randomly drawn entities from a randomly
    drawn period on, and the model is estimated again. If few of these estimates are as
    large as the actual one, it is unlikely to be due to chance (Bertrand, Duflo &
    Mullainathan 2004, section II).

    Parameters
    ----------
    spec : FixedEffects or PoissonEffects
        The specification. Its `cov_type` does not matter. A `PoissonEffects` is fitted
        again in every draw.
    panel : Panel
        The data.
    term : str
        The treatment, by its name in the results. It must be 0 or 1, and stay 1 once it
        is 1.
    reps : int
        Number of draws, at least 19; 999 by default.
    rng : None, int, sequence of int, SeedSequence or Generator
        Seed of the draws. ``result.detail["rng_entropy"]`` reproduces them.

    Returns
    -------
    TestResult
        `statistic` is the estimate b of the fit, and `draws` are the estimates b* of
        the placebo policies. The p-value is ``(1 + #{|b*| >= |b|}) / (reps + 1)``.
        `detail` has the ``term``, its ``cohorts`` (number of entities by first treated
        period), the numbers of entities ``treated`` and ``never`` treated, the number
        of draws, the number of draws without an estimate (``lost``; they count as
        ``|b*| >= |b|``), and ``rng_entropy``.

    Raises
    ------
    InputTypeError
        If `spec` is another specification, `panel` is not a Panel, or `term` is not
        text.
    TermError
        If `term` is not a regressor of the fit, or one of its columns is also in
        another regressor.
    OptionError
        If the treatment is not 0 or 1, or ends in an entity. If `reps` is below 19. If
        a fixed effect that is not nested in entities has too many levels.
    IdentificationError
        If the sample has only one period; and as in `FixedEffects.fit`.

    Notes
    -----
    A cohort is the set of entities that are first treated in the same period. Each draw
    has as many cohorts of the same sizes. The entities are drawn without replacement
    from all entities, treated or not. The first treated period of each cohort is drawn
    from all periods except the first, with equal probabilities. If a cohort is treated
    in all periods of the sample, so is its placebo cohort; entity effects absorb such a
    treatment.

    `randomisation_test` differs in two ways: it does not draw the time of the
    treatment, and it compares t statistics instead of estimates. The p-value is exact
    only if the entities and periods of the treatment were random. A small p-value does
    not prove that the policy has an effect: a trend that only treated entities have
    also gives a small p-value.

    Examples
    --------
    >>> import digiprosper as dp
    >>> panel = dp.datasets.us_states().assign(
    ...     policy=lambda f: (
    ...         f.index.get_level_values(0).isin(["IA", "OH", "TX", "UT"])
    ...         * 1.0
    ...         * (f.index.get_level_values(1) >= 1979)
    ...     )
    ... )
    >>> spec = dp.FixedEffects("log(gsp)", ["policy", "log(emp)"])
    >>> test = dp.placebo_test(spec, panel, "policy", rng=1)
    >>> test.detail["cohorts"], test.p_value > 0.05
    ({'1979': 4}, True)
    """
    refuse_other_specification("placebo_test", spec, needs="_fitted")
    refuse_no_term(term, "placebo_test")
    reps = check_reps(reps, _LEAST_REPS)
    seed = seed_sequence(rng)
    fit = spec._fitted(panel)
    name = named_regressor(fit, term, "placebo_test")
    position = fit.results.names.index(name)
    column = fit.demeaned.raw[:, fit.regressors[position]]
    treated = _cohorts(fit, name, column)

    slope = float(fit.results.coefficients[position])
    draws = fit.placebo_slopes(position, treated, reps, seed)
    of_fit = (
        notice for notice in fit.results.diagnostics if notice.code not in _ERRORS_ONLY
    )
    notices = (*of_fit, *few_draws(reps, "test"))
    issue(notices)
    return TestResult(
        name="Placebo test",
        statistic=slope,
        distribution="placebo",
        df=None,
        p_value=share_beyond(draws, slope, enumerated=False),
        null=f"{name} has no effect on any entity; treated entities and first "
        "periods are random",
        detail={
            "term": name,
            "cohorts": _sizes(fit, treated),
            "treated": treated.n_treated,
            "never": treated.n_entities - treated.n_treated,
            "reps": reps,
            "lost": int(np.isnan(draws).sum()),
            "rng_entropy": seed.entropy if isinstance(seed.entropy, int) else None,
        },
        draws=draws,
        diagnostics=notices,
    )


def _cohorts(fit: Any, name: str, column: Floats) -> Cohorts:
    """Read the cohorts, or say why there are none."""
    sample = fit.prepared.sample
    if sample.n_times < 2:
        raise IdentificationError(
            "placebo_test: the sample has one period, and a treatment needs one "
            "before its start."
        )
    treated = cohorts(column, sample.entity, sample.time)
    if treated is not None:
        return treated
    if not np.isin(column, (0.0, 1.0)).all():
        values = column[~np.isin(column, (0.0, 1.0))]
        cause = (
            f"is {values[0]:.6g} in "
            f"{_row(fit, int(np.flatnonzero(column == values[0])[0]))}"
        )
        problem = "not 0 or 1"
    else:
        ends = np.flatnonzero((np.diff(column) < 0) & (np.diff(sample.entity) == 0)) + 1
        entities = np.unique(sample.entity[ends]).size
        cause = (
            f"returns to 0 in {entities} {sample.keys.entity_name}, first in "
            f"{_row(fit, int(ends[0]))}"
        )
        problem = "switches off"
    text = (
        "placebo_test takes a treatment that is 0 or 1 and stays 1 once it is 1, but "
        f"{cited(name)} {cause}. Use dp.randomisation_test(spec, panel, term), which "
        "takes any regressor."
    )
    raise OptionError(
        text, [Notice("treatment", problem, {"term": name, "why": problem})]
    )


def _row(fit: Any, row: int) -> str:
    return f"row {rows_text((fit.prepared.sample.index[row],))}"


def _sizes(fit: Any, treated: Cohorts) -> dict[str, int]:
    labels = fit.prepared.sample.times[treated.starts]
    return {
        str(label): int(size) for label, size in zip(labels, treated.sizes, strict=True)
    }
