"""The placebo test: a treatment given to drawn entities from drawn periods on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from digiprosper.errors import IdentificationError, Notice, OptionError, cited, issue
from digiprosper.kernels.resampling import seed_sequence
from digiprosper.linear.fixed_effects import estimate, refuse_other_specification
from digiprosper.linear.kernels.placebo import cohorts, placebo_slopes
from digiprosper.linear.kernels.wild import share_beyond
from digiprosper.linear.randomisation_test import named_regressor, refuse_no_term
from digiprosper.panel.keys import rows_text
from digiprosper.report.notices import few_draws
from digiprosper.report.tests import TestResult
from digiprosper.specification import check_reps

if TYPE_CHECKING:
    from digiprosper.kernels import Floats
    from digiprosper.linear.fixed_effects import Fitted, FixedEffects
    from digiprosper.linear.kernels.placebo import Cohorts
    from digiprosper.panel import Panel

__all__ = ["placebo_test"]

_LEAST_REPS = 19
_ERRORS_ONLY = frozenset({"few_clusters", "very_few_clusters", "few_treated"})


def placebo_test(
    spec: FixedEffects, panel: Panel, term: str, *, reps: int = 999, rng: object = None
) -> TestResult:
    """Compare the estimate of a policy with estimates of policies that never were.

    The treatment is given to entities drawn from all of them, from a drawn period on, and the model is fitted
    again. If few of these estimates are as large as the real one, the specification does not find such an
    estimate in any case in data like these (Bertrand, Duflo & Mullainathan 2004, section II, drew states and
    years so).

    Parameters
    ----------
    spec : FixedEffects
        The specification, with any effects and weights. Its covariance plays no part.
    panel : Panel
        The data.
    term : str
        The treatment, as the results name it: 0 or 1, and 1 to the end once it is 1.
    reps : int
        Draws, 19 or more.
    rng : None, int, sequence of int, SeedSequence or Generator
        Source of the draws; ``result.detail["rng_entropy"]`` passed back reproduces them.

    Returns
    -------
    TestResult
        `statistic` is the estimate of the fit, `draws` are those of the placebo treatments, and the p-value
        is ``(1 + #{|b*| >= |b|}) / (reps + 1)``. `detail` has the `term`, its `cohorts` (first treated period
        to number of entities), the numbers of entities `treated` and `never` treated, of draws, of those
        without an estimate (``lost``, which count as beyond) and `rng_entropy`.

    Raises
    ------
    InputTypeError
        If `spec` is no `FixedEffects`, `panel` no `Panel` or `term` no text.
    TermError
        If `term` is no regressor of the fit, or one of its columns is also in another regressor.
    OptionError
        If the treatment is not 0 or 1, or ends in some entity; if `reps` is too small; if an effect that
        crosses the entities has too many levels.
    IdentificationError
        If the sample has one period only; and as `FixedEffects.fit`.

    Notes
    -----
    Entities that are first treated in the same period of the sample are a cohort. A draw keeps the number and
    the sizes of the cohorts, and so how many are never treated. It takes entities without replacement from
    all of them, those that were treated too, and for each cohort a first treated period, the second of the
    sample or a later one, each as likely. A cohort that is treated from the first period of the sample on has
    no start: as many drawn entities are treated in all periods. Entity effects absorb their treatment, in
    the fit and in the draws.

    In contrast to `randomisation_test`, the time of the treatment is drawn as well, and estimates are
    compared instead of t statistics. Unless entities and periods of the treatment were as good as drawn, p is
    a description and no exact p-value. Nor does a small one show that the estimate is an effect: a trend that
    only the treated have gives one too.

    Examples
    --------
    >>> import digiprosper as dp
    >>> panel = dp.datasets.us_states().assign(
    ...     policy=lambda f: (f.index.get_level_values(0).isin(["IA", "OH", "TX", "UT"]) * 1.0
    ...                       * (f.index.get_level_values(1) >= 1979)))
    >>> spec = dp.FixedEffects("log(gsp)", ["policy", "log(emp)"])
    >>> test = dp.placebo_test(spec, panel, "policy", rng=1)
    >>> test.detail["cohorts"], test.p_value > 0.05
    ({'1979': 4}, True)
    """
    refuse_other_specification("placebo_test", spec)
    refuse_no_term(term, "placebo_test")
    reps = check_reps(reps, _LEAST_REPS)
    seed = seed_sequence(rng)
    fit = estimate(spec, panel)
    name = named_regressor(fit, term, "placebo_test")
    place = fit.results.names.index(name)
    column = fit.swept.raw[:, fit.regressors[place]]
    treated = _cohorts(fit, name, column)

    slope = float(fit.results.coefficients[place])
    draws = placebo_slopes(fit.solved, place, fit.prepared.within, treated, reps, seed)
    kept = (notice for notice in fit.results.diagnostics if notice.code not in _ERRORS_ONLY)
    notices = (*kept, *few_draws(reps, "test"))
    issue(notices)
    return TestResult(
        name="Placebo test",
        statistic=slope,
        distribution="placebo",
        df=None,
        p_value=share_beyond(draws, slope, enumerated=False),
        null=f"{name} has no effect on any entity; treated entities and first periods are random",
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


def _cohorts(fit: Fitted, name: str, column: Floats) -> Cohorts:
    """Read the cohorts, or say why there are none."""
    sample = fit.prepared.sample
    if sample.n_times < 2:
        raise IdentificationError(
            "placebo_test: the sample has one period, and a treatment needs one before its start."
        )
    found = cohorts(column, sample.entity, sample.time)
    if found is not None:
        return found
    if not np.isin(column, (0.0, 1.0)).all():
        values = column[~np.isin(column, (0.0, 1.0))]
        why = f"is {values[0]:.6g} in {_row(fit, int(np.flatnonzero(column == values[0])[0]))}"
        what = "not 0 or 1"
    else:
        ends = np.flatnonzero((np.diff(column) < 0) & (np.diff(sample.entity) == 0)) + 1
        entities = np.unique(sample.entity[ends]).size
        why = f"returns to 0 in {entities} {sample.keys.entity_name}, first in {_row(fit, int(ends[0]))}"
        what = "switches off"
    text = (
        f"placebo_test takes a treatment that is 0 or 1 and stays 1 once it is 1, but {cited(name)} {why}. "
        "Use dp.randomisation_test(spec, panel, term), which takes any regressor."
    )
    raise OptionError(text, [Notice("treatment", what, {"term": name, "why": what})])


def _row(fit: Fitted, row: int) -> str:
    return f"row {rows_text((fit.prepared.sample.index[row],))}"


def _sizes(fit: Fitted, treated: Cohorts) -> dict[str, int]:
    labels = fit.prepared.sample.times[treated.starts]
    return {str(label): int(size) for label, size in zip(labels, treated.sizes, strict=True)}
