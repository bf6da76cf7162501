"""Randomisation inference: permuted treatments, and placebo policies.

=================== ====================================================================
code                data
=================== ====================================================================
assigned_by_cluster term, clusters (name), n_clusters, entity (name)
=================== ====================================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from digiprosper.checks import one_problem, option_error
from digiprosper.errors import (
    IdentificationError,
    InputTypeError,
    Notice,
    OptionError,
    TermError,
    cited,
    issue,
    notice_of,
    quoted,
    subject,
)
from digiprosper.kernels import Floats, Ints
from digiprosper.kernels.resampling import seed_sequence
from digiprosper.kernels.within import is_nested
from digiprosper.linear.fixed_effects import refuse_other_specification
from digiprosper.linear.kernels.exchange import Paths, paths
from digiprosper.linear.kernels.placebo import Cohorts, cohorts
from digiprosper.linear.kernels.wild import p_value_of_draws
from digiprosper.linear.notices import few_exchanges
from digiprosper.linear.preparation import Prepared
from digiprosper.optional import progress_bar
from digiprosper.panel import Panel
from digiprosper.panel.access import table_of
from digiprosper.panel.columns import group_codes
from digiprosper.panel.keys import Keys, rows_text
from digiprosper.panel.terms import canonical
from digiprosper.report.notices import FEW_CODES, few_draws, without
from digiprosper.report.tests import TestResult
from digiprosper.report.text import permutations_text
from digiprosper.specification import check_reps

_LEAST_REPS = 19
_INSTEAD = (*FEW_CODES, "few_treated", "heavy_cluster")


def randomisation_test(
    spec: Any,
    panel: Panel,
    term: str,
    *,
    strata: str | None = None,
    reps: int = 999,
    rng: object = None,
    progress: bool = False,
) -> TestResult:
    """Test a regressor by randomisation inference: permute its values between entities.

    With few treated entities, neither clustered standard errors nor the wild bootstrap
    are reliable. Suppose that the treated entities were chosen at random and that the
    treatment has no effect on any entity. Then the outcomes would be the same if other
    entities had been treated. So the t statistic is compared with the t statistics
    after random permutations of the treatment (Fisher 1935; MacKinnon & Webb 2020).

    Parameters
    ----------
    spec : FixedEffects or PoissonEffects
        The specification. Its `cov_type` cannot be ``"crv3"``, ``"cr2"`` or
        ``"conley"``. A `PoissonEffects` is fitted again in every permutation.
    panel : Panel
        The data.
    term : str
        The regressor, by its name in the results. It may be continuous.
    strata : str, optional
        Column inside whose groups the treatment was drawn, such as a region. Values are
        permuted between entities of the same group only.
    reps : int
        Number of permutations, at least 19; 999 by default. If there are no more
        different permutations than this, each of them is used once, and nothing is
        random.
    rng : None, int, sequence of int, SeedSequence or Generator
        Seed of the permutations. ``result.detail["rng_entropy"]`` reproduces them; it
        is None if all permutations are used.
    progress : bool
        Whether to show a progress bar on stderr, False by default. It needs tqdm (the
        extra ``parallel``).

    Returns
    -------
    TestResult
        `statistic` is the t statistic of the fit, and `draws` are the t statistics t*
        of the permutations. The p-value is ``(1 + #{|t*| >= |t|}) / (reps + 1)``. If
        all permutations are used, those of the data are among them, and the p-value is
        the share of them with ``|t*| >= |t|``. `detail` has the number of entities
        whose values are permuted (``exchanged``) and not permuted, the number of
        permutations (``reps``) and whether these are all (``enumerated``), the number
        of permutations without a t statistic (``lost``; they count as ``|t*| >= |t|``),
        and ``rng_entropy``.

    Raises
    ------
    InputTypeError
        If `spec` is another specification, `panel` is not a Panel, or `term` is not
        text.
    TermError
        If `term` is not a regressor of the fit, or one of its columns is also in
        another regressor, such as an interaction.
    OptionError
        If `cov_type` is ``"crv3"``, ``"cr2"`` or ``"conley"``, or `reps` is below 19.
        If `strata` changes inside an entity.
    ColumnError, MissingDataError
        If `strata` is not a column, or has missing values.
    IdentificationError
        If no permutation changes the regressor, for example because no two entities
        have rows in the same periods. Also if the term has no standard error; and as in
        `FixedEffects.fit`.

    Notes
    -----
    All values of the regressor in an entity move together to another entity that has
    rows in the same periods. Entities with rows in other periods than all others keep
    their values. The outcome, the other regressors and the fixed effects do not move.
    The t statistic is compared rather than the coefficient, since its distribution
    depends less on differences between entities (MacKinnon & Webb 2020, Journal of
    Econometrics 218:435).

    The test is valid if all permutations were equally likely: if treatment was drawn
    separately in each region, specify `strata`. It is not valid if
    entities selected themselves into treatment, or if groups of entities were treated
    together. A notice reports if the regressor is the same in all entities of a
    cluster.

    With 2 treated entities of 31 there are only 465 different permutations, so the
    p-value cannot be smaller than 1/465.

    Examples
    --------
    >>> import digiprosper as dp
    >>> panel = dp.datasets.us_states().assign(
    ...     treated=lambda f: (f.index.get_level_values(0).isin(["IA", "OH"]) * 1.0
    ...                        * (f.index.get_level_values(1) >= 1979)))
    >>> spec = dp.FixedEffects("log(gsp)", ["treated", "log(emp)"])
    >>> test = dp.randomisation_test(spec, panel, "treated", rng=1)
    >>> test.detail["exchanged"], test.p_value > 0.05
    (48, True)
    """
    _check_specification(spec, term)
    reps = check_reps(reps, _LEAST_REPS)
    seed = seed_sequence(rng)
    fit = spec._fitted(panel)
    name = find_regressor(fit, term, "randomisation_test")
    sample, position = fit.prepared.sample, fit.results.names.index(name)
    column = fit.demeaned.raw[:, fit.regressors[position]]
    t = float(fit.results.tstats.iloc[position])
    if not np.isfinite(t):
        raise IdentificationError(
            f"{cited(name)} has no standard error, so there is no t statistic to "
            "compare."
        )

    time, within = sample.time, ""
    if strata is not None:
        # As if entities of two strata were observed in different periods
        codes = _strata_codes(panel, strata, sample.keys)
        time = time + sample.n_times * codes[sample.entity]
        within = f" within groups of {strata}"
    moved = paths(column, sample.entity, time)
    _refuse_identical_paths(fit.prepared, name, moved, within)
    enumerated = moved.n_exchanges < reps + 0.5
    reps = round(moved.n_exchanges) if enumerated else reps
    with progress_bar("randomisation_test", reps, show=progress) as done:
        draws = fit.exchanged_statistics(
            position, moved, reps, None if enumerated else seed, done
        )
    notices = (
        *without(fit.results.diagnostics, _INSTEAD),
        *_assigned_by_cluster_notices(fit.prepared, name, column),
        *(() if enumerated else few_draws(reps, "test")),
        *few_exchanges(name, moved.n_exchanges),
    )
    issue(notices)
    exchanged = int(moved.exchanged.sum())
    return TestResult(
        name="Randomisation test",
        statistic=t,
        distribution="permutation",
        df=None,
        p_value=p_value_of_draws(draws, t, enumerated=enumerated),
        null=f"{name} has no effect on any entity",
        detail={
            "exchanged": exchanged,
            "kept": sample.n_entities - exchanged,
            "reps": reps,
            "enumerated": enumerated,
            "lost": int(np.isnan(draws).sum()),
            "rng_entropy": None if enumerated else seed.entropy,
        },
        draws=draws,
        diagnostics=notices,
        method=permutations_text(reps, enumerated=enumerated) + within,
        labels=dict(fit.results.labels),
        factors=dict(fit.results.factors),
    )


def _check_specification(spec: Any, term: str) -> None:
    refuse_other_specification("randomisation_test", spec, needs="_fitted")
    check_term(term, "randomisation_test")
    if spec.cov_type in ("crv3", "cr2", "conley"):
        raise OptionError(
            f"randomisation_test does not take cov_type={cited(spec.cov_type)}: use "
            "cov_type='clustered'. The p-value depends little on the type of "
            "standard error, which is the same in all permutations."
        )


def find_regressor(fit: Any, term: str, caller: str) -> str:
    """Find a regressor by name; refuse one that shares a column with another."""
    check_term(term, caller)
    names: list[str] = [n for n in fit.results.names if n != "Intercept"]
    matches = [name for name in names if canonical(name) == canonical(term)]
    if not matches:
        raise TermError(
            f"{caller}: no regressor named {cited(term)}; there are "
            f"{quoted(names, 20)}."
        )
    _refuse_shared(fit, matches[0], names, caller)
    return matches[0]


def check_term(term: object, caller: str) -> None:
    """Refuse a term that is not text."""
    if not isinstance(term, str):
        raise InputTypeError(f"{caller} takes one term as text, not {cited(term)}.")


def _refuse_shared(fit: Any, name: str, names: Sequence[str], caller: str) -> None:
    """Refuse a regressor that has a column in common with another."""
    columns = {
        regressor: {c for f in fit.results.factors[regressor] for c in f.columns}
        for regressor in names
    }
    shared = [n for n in names if n != name and columns[n] & columns[name]]
    if shared:
        raise TermError(
            f"{caller}: {subject(shared, 'has')} a column in common with {cited(name)} "
            "that would not be permuted. Test a specification in which the column is "
            "in one regressor only.",
            [Notice("repeated", other, {"term": other}) for other in shared],
        )


def _strata_codes(panel: Panel, strata: str, keys: Keys) -> Ints:
    """Code the strata (E,) of entities; refuse strata that change in an entity."""
    table = table_of(panel)
    codes = group_codes(table, strata, "randomisation_test", "strata")
    changing = table.keys.vary(codes)
    if changing.any():
        rows = table.describe_rows(changing)
        text = f"strata={cited(strata)} changes inside entities, in {rows}."
        raise option_error("strata", strata, text)
    return codes[table.keys.starts][table.keys.entities.get_indexer(keys.entities)]


def _refuse_identical_paths(
    prepared: Prepared, name: str, moved: Paths, within: str
) -> None:
    if moved.differ:
        return
    entity = prepared.sample.keys.entity_name
    unexchanged = int((~moved.exchanged).sum())
    reason = f"observed in the same periods{within}"
    if not moved.exchanged.any():
        reason = f"no two {entity} are {reason}"
    else:
        reason = f"it is the same for all {entity} that are {reason}"
        if unexchanged:
            reason += f", and {unexchanged} {entity} have different periods"
    raise IdentificationError(
        f"{cited(name)} cannot be permuted between {entity}: {reason}."
    )


def _assigned_by_cluster_notices(
    prepared: Prepared, name: str, column: Floats
) -> tuple[Notice, ...]:
    """Report a regressor that is the same for all entities of a cluster in a period."""
    sample = prepared.sample
    if len(prepared.cluster_codes) != 1:
        return ()
    codes = prepared.cluster_codes[0]
    groups = int(codes.max()) + 1
    if groups >= sample.n_entities:
        return ()
    cells = codes * sample.n_times + sample.time
    if np.bincount(cells).max() < 2 or not is_nested(cells, column):
        return ()
    return (
        notice_of(
            "assigned_by_cluster",
            term=name,
            clusters=prepared.cluster_names[0],
            n_clusters=groups,
            entity=sample.keys.entity_name,
        ),
    )


# --- placebo policies -----------------------------------------------------------------


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
    check_term(term, "placebo_test")
    reps = check_reps(reps, _LEAST_REPS)
    seed = seed_sequence(rng)
    fit = spec._fitted(panel)
    name = find_regressor(fit, term, "placebo_test")
    position = fit.results.names.index(name)
    column = fit.demeaned.raw[:, fit.regressors[position]]
    treated = _treatment_cohorts(fit, name, column)
    starts = map(str, fit.prepared.sample.times[treated.starts])

    slope = float(fit.results.coefficients[position])
    draws = fit.placebo_slopes(position, treated, reps, seed)
    notices = (*without(fit.results.diagnostics, _INSTEAD), *few_draws(reps, "test"))
    issue(notices)
    return TestResult(
        name="Placebo test",
        statistic=slope,
        distribution="placebo",
        df=None,
        p_value=p_value_of_draws(draws, slope, enumerated=False),
        null=f"{name} has no effect on any entity; treated entities and first "
        "periods are random",
        detail={
            "term": name,
            "cohorts": dict(zip(starts, treated.sizes.tolist(), strict=True)),
            "treated": treated.n_treated,
            "never": treated.n_entities - treated.n_treated,
            "reps": reps,
            "lost": int(np.isnan(draws).sum()),
            "rng_entropy": seed.entropy,
        },
        draws=draws,
        diagnostics=notices,
        method=f"{reps:,} placebo treatments",
        labels=dict(fit.results.labels),
        factors=dict(fit.results.factors),
    )


def _treatment_cohorts(fit: Any, name: str, column: Floats) -> Cohorts:
    """Find the cohorts; refuse a treatment that is not 0 or 1, or ends."""
    sample = fit.prepared.sample
    if sample.n_times < 2:
        raise IdentificationError(
            "placebo_test: the sample has one period, so there is none before the "
            "treatment."
        )
    treated = cohorts(column, sample.entity, sample.time)
    if treated is not None:
        return treated
    if not np.isin(column, (0.0, 1.0)).all():
        values = column[~np.isin(column, (0.0, 1.0))]
        cause = (
            f"is {values[0]:.6g} in "
            f"{_row_text(fit, int(np.flatnonzero(column == values[0])[0]))}"
        )
        problem = "not 0 or 1"
    else:
        ends = np.flatnonzero((np.diff(column) < 0) & (np.diff(sample.entity) == 0)) + 1
        entities = np.unique(sample.entity[ends]).size
        cause = (
            f"returns to 0 in {entities} {sample.keys.entity_name}, first in "
            f"{_row_text(fit, int(ends[0]))}"
        )
        problem = "switches off"
    raise one_problem(
        OptionError,
        "treatment",
        "placebo_test takes a treatment that is 0 or 1 and stays 1 once it is 1, but "
        f"{cited(name)} {cause}. Use dp.randomisation_test(spec, panel, term), which "
        "takes any regressor.",
        term=name,
        why=problem,
    )


def _row_text(fit: Any, row: int) -> str:
    return f"row {rows_text((fit.prepared.sample.index[row],))}"
