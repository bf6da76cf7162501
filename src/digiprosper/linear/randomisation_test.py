"""The randomisation test: a treatment exchanged between entities, for few treated ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from digiprosper.errors import (
    IdentificationError,
    InputTypeError,
    Notice,
    OptionError,
    TermError,
    cited,
    issue,
    quoted,
)
from digiprosper.kernels.resampling import seed_sequence
from digiprosper.linear.fixed_effects import estimate, refuse_other_specification
from digiprosper.linear.kernels.exchange import exchanged_statistics, paths
from digiprosper.linear.kernels.wild import share_beyond
from digiprosper.linear.notices import assigned_by_cluster, few_exchanges
from digiprosper.optional import progress_bar
from digiprosper.panel.terms import canonical
from digiprosper.report.notices import few_draws
from digiprosper.report.tests import TestResult
from digiprosper.specification import check_reps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digiprosper.kernels import Floats
    from digiprosper.linear.fixed_effects import Fitted, FixedEffects
    from digiprosper.linear.kernels.exchange import Paths
    from digiprosper.linear.preparation import Prepared
    from digiprosper.panel import Panel

__all__ = ["named_regressor", "randomisation_test", "refuse_no_term"]

_LEAST_REPS = 19
_INSTEAD = frozenset({"few_clusters", "very_few_clusters", "few_treated"})


def randomisation_test(
    spec: FixedEffects,
    panel: Panel,
    term: str,
    *,
    reps: int = 999,
    rng: object = None,
    progress: bool = False,
) -> TestResult:
    """Test a regressor by exchanging its paths between entities.

    Where few entities are treated, neither clustered errors nor the wild bootstrap hold. If it was by chance
    which entities were treated, then under the null that the treatment has no effect on anybody the outcomes
    would have been the same had other entities been treated: the t statistic is compared with those of such
    exchanges (Fisher 1935; MacKinnon & Webb 2020).

    Parameters
    ----------
    spec : FixedEffects
        The specification, with any `cov_type` but ``"crv3"`` and ``"conley"``.
    panel : Panel
        The data.
    term : str
        The regressor, as the results name it. It may be continuous.
    reps : int
        Exchanges, 19 or more.
    rng : None, int, sequence of int, SeedSequence or Generator
        Source of the exchanges; ``result.detail["rng_entropy"]`` passed back reproduces them.
    progress : bool
        Show a progress bar of the exchanges on stderr; needs tqdm, the extra ``parallel``.

    Returns
    -------
    TestResult
        `statistic` is t of the fit under its own covariance, `draws` are those of the exchanges, and the
        p-value is ``(1 + #{|t*| >= |t|}) / (reps + 1)``. `detail` has the numbers of entities whose paths
        are exchanged and kept, of exchanges, of those without a t (``lost``, which count as beyond) and
        `rng_entropy`.

    Raises
    ------
    InputTypeError
        If `spec` is no `FixedEffects`, `panel` no `Panel` or `term` no text.
    TermError
        If `term` is no regressor of the fit, or one of its columns is also in another regressor, such as an
        interaction: which of them to exchange would be unclear.
    OptionError
        If `cov_type` is ``"crv3"`` or ``"conley"``, or `reps` too small.
    IdentificationError
        If no exchange changes anything, as where no two entities are in the sample in the same periods, or
        the term has no standard error; and as `FixedEffects.fit`.

    Notes
    -----
    The whole path of the regressor, all its rows of an entity, moves between entities that the sample has in
    the same periods; other entities keep theirs. Outcome, other regressors and effects stay where they are.
    The t statistic, and not the slope, is compared, since its distribution depends less on how entities
    differ (MacKinnon & Webb 2020, Journal of Econometrics 218:435).

    The null is that the regressor changes no outcome. The test is valid if each exchange was as likely as
    what happened: not if entities chose, and not if whole groups of entities were treated together. A notice
    says where the regressor is the same in all entities of a cluster; then the clusters are what is to be
    exchanged. With two treated of 31 there are 465 different exchanges, and p is about 1/465 at least.

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
    _check(spec, term)
    reps = check_reps(reps, _LEAST_REPS)
    seed = seed_sequence(rng)
    fit = estimate(spec, panel)
    name = named_regressor(fit, term, "randomisation_test")
    sample, place = fit.prepared.sample, fit.results.names.index(name)
    column = fit.swept.raw[:, fit.regressors[place]]
    t = float(fit.results.tstats.iloc[place])
    if not np.isfinite(t):
        raise IdentificationError(f"{cited(name)} has no standard error, and so no t statistic to compare.")

    moved = paths(column, sample.entity, sample.time)
    _refuse_unmoved(fit.prepared, name, moved)
    with progress_bar("randomisation_test", reps, show=progress) as done:
        draws = exchanged_statistics(fit.solved, place, fit.prepared.within, moved, reps, seed, done=done)
    notices = (
        *(notice for notice in fit.results.diagnostics if notice.code not in _INSTEAD),
        *_by_cluster(fit.prepared, name, column),
        *few_draws(reps, "test"),
        *few_exchanges(name, moved.ways),
    )
    issue(notices)
    exchanged = int(moved.exchanged.sum())
    return TestResult(
        name="Randomisation test",
        statistic=t,
        distribution="permutation",
        df=None,
        p_value=share_beyond(draws, t, enumerated=False),
        null=f"{name} has no effect on any entity",
        detail={
            "exchanged": exchanged,
            "kept": sample.n_entities - exchanged,
            "reps": reps,
            "lost": int(np.isnan(draws).sum()),
            "rng_entropy": seed.entropy if isinstance(seed.entropy, int) else None,
        },
        draws=draws,
        diagnostics=notices,
    )


def _check(spec: FixedEffects, term: str) -> None:
    refuse_other_specification("randomisation_test", spec)
    refuse_no_term(term, "randomisation_test")
    if spec.cov_type in ("crv3", "conley"):
        raise OptionError(
            f"randomisation_test does not take cov_type={cited(spec.cov_type)}: use cov_type='clustered'. "
            "The p-value depends little on the kind of standard error, since the draws have the same."
        )


def named_regressor(fit: Fitted, term: str, caller: str) -> str:
    """Find a regressor that has no column in common with another.

    Parameters
    ----------
    fit : Fitted
        The fit.
    term : str
        The regressor, in any spelling.
    caller : str
        Function that was called, for messages.

    Returns
    -------
    str
        As the results name it.

    Raises
    ------
    InputTypeError
        If `term` is no text.
    TermError
        If it is no regressor, or one of its columns is also in another regressor: which of them to change
        would be unclear.
    """
    refuse_no_term(term, caller)
    names = [name for name in fit.results.names if name != "Intercept"]
    found = [name for name in names if canonical(name) == canonical(term)]
    if not found:
        raise TermError(f"{caller}: no regressor named {cited(term)}; they are {quoted(names, 20)}.")
    _refuse_shared(fit, found[0], names, caller)
    return found[0]


def refuse_no_term(term: object, caller: str) -> None:
    """Refuse what is no text.

    Parameters
    ----------
    term : object
        What was given.
    caller : str
        Function that was called, for messages.

    Raises
    ------
    InputTypeError
        If it is no text.
    """
    if not isinstance(term, str):
        raise InputTypeError(f"{caller} takes one term as text, not {cited(term)}.")


def _refuse_shared(fit: Fitted, name: str, names: Sequence[str], caller: str) -> None:
    """Refuse a regressor that has a column in common with another."""

    def columns(regressor: str) -> set[str]:
        return {column for factor in fit.results.factors[regressor] for column in factor.columns}

    shared = [other for other in names if other != name and columns(other) & columns(name)]
    if shared:
        raise TermError(
            f"{caller}: {quoted(shared)} has a column of {cited(name)} too, which would not be "
            "exchanged. Test a specification in which the column is in one regressor only.",
            [Notice("repeated", other, {"term": other}) for other in shared],
        )


def _refuse_unmoved(prepared: Prepared, name: str, moved: Paths) -> None:
    if moved.differ:
        return
    entity, kept = prepared.sample.keys.entity_name, int((~moved.exchanged).sum())
    if not moved.exchanged.any():
        why = f"no two {entity} are in the sample in the same periods"
    else:
        why = f"it is the same for all {entity} that are in the sample in the same periods"
        why += f", and {kept} {entity} with periods of their own keep theirs" if kept else ""
    raise IdentificationError(f"the paths of {cited(name)} cannot be exchanged: {why}.")


def _by_cluster(prepared: Prepared, name: str, column: Floats) -> tuple[Notice, ...]:
    """Report a regressor that is the same for all entities of a cluster in a period."""
    sample = prepared.sample
    if len(prepared.cluster_codes) != 1:
        return ()
    codes = prepared.cluster_codes[0]
    groups = int(codes.max()) + 1
    if groups >= sample.n_entities:
        return ()
    cells = codes * sample.n_times + sample.time
    order = np.argsort(cells, kind="stable")
    same = np.diff(cells[order]) == 0
    if not same.any() or (np.diff(column[order])[same] != 0).any():
        return ()
    return (assigned_by_cluster(name, prepared.cluster_names[0], groups, sample.keys.entity_name),)
