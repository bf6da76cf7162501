"""Several models at once: a set of specifications, and controls added one by one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import accumulate, chain
from typing import Any, TypeAlias, cast

from numpy.random import SeedSequence

from digiprosper.checks import (
    check_option,
    check_whole,
    is_real,
    one_problem,
    option_error,
)
from digiprosper.errors import (
    DigiprosperError,
    HeldWarnings,
    InputTypeError,
    TermError,
    cited,
    hold_warnings,
    issue,
    issue_held_warnings,
    quoted,
)
from digiprosper.kernels.resampling import seed_sequence
from digiprosper.linear.diagnostics import merge_notices
from digiprosper.linear.fixed_effects import CommonRows, FixedEffects
from digiprosper.linear.fixed_effects_iv import FixedEffectsIV
from digiprosper.linear.scanned import scanned, specification_texts
from digiprosper.optional import progress_bar, require
from digiprosper.panel import Panel, PanelScan
from digiprosper.panel.access import check_panel
from digiprosper.panel.terms import canonical
from digiprosper.policy.event_study import EventStudy
from digiprosper.report.collection import ResultSet
from digiprosper.report.foreign import as_results
from digiprosper.report.protocol import Results
from digiprosper.report.text import repeated
from digiprosper.specification import Specification, as_sequence, as_terms

# Label, specification, its panel and its stream of random numbers.
_Task: TypeAlias = "tuple[str, Any, Any, SeedSequence]"
# Label, result or error, and the labels by code and message of its warnings.
_Outcome: TypeAlias = tuple[str, Any, HeldWarnings]
_MOST_JOBS = 1024
_ORDER_FORM = (
    "a list whose elements are terms (text) or lists of terms that are added together"
)


def fit_all(
    specs: Mapping[Any, Any],
    panel: Panel | PanelScan[Any],
    *,
    rng: object = None,
    progress: bool = False,
    n_jobs: int = 1,
) -> ResultSet:
    """Fit several specifications, each on its own sample.

    Parameters
    ----------
    specs : mapping
        For each label a specification, or a pair (specification, panel) to use other
        data. A result that was fitted before, also one of statsmodels, linearmodels or
        pyfixest, is kept as it is. Labels are converted to text.
    panel : Panel
        The data of all specifications that have no panel of their own.
    rng : int, SeedSequence, Generator or None
        Seed of the draws. Each label has its own stream, so results do not change if a
        specification is added.
    progress : bool
        Whether to show a progress bar on stderr, False by default. It needs tqdm (the
        extra ``parallel``).
    n_jobs : int
        Number of parallel processes, 1 by default; -1 uses all cores. More than one
        needs joblib (the extra ``parallel``) and does not change the results. It is
        faster only if each fit takes a second or more, because the packages and the
        data must be loaded in each process.

    Returns
    -------
    ResultSet
        Results in the order of `specs`. If a specification cannot be fitted, its error
        is in `failures`, and the others are fitted. Each warning is issued once, with
        the labels of its models.

    Raises
    ------
    InputTypeError
        If `specs` is not a mapping of specifications, or two labels have the same text.
    OptionError
        If `n_jobs` is neither -1 nor an integer of at least 1.
    ImportError
        If tqdm or joblib is needed and not installed.

    Examples
    --------
    >>> from digiprosper import FixedEffects, datasets, fit_all
    >>> base = FixedEffects("log(gsp)", ["log(pc)", "unemp"])
    >>> panel = datasets.us_states()
    >>> battery = {
    ...     "baseline": base,
    ...     "no time effects": base.replace(time_effects=False),
    ...     "after 1975": (base, panel.subset("year > 1975")),
    ... }
    >>> fit_all(battery, panel).compare("unemp")[["model", "nobs"]].values.tolist()
    [['baseline', 816], ['no time effects', 816], ['after 1975', 528]]
    """
    _refuse_labels(specs)
    jobs = 1 if isinstance(panel, PanelScan) else n_jobs
    if not (is_real(jobs) and jobs == -1):
        jobs = check_whole("n_jobs", jobs, 1, _MOST_JOBS)
    entropy = cast("int", seed_sequence(rng).entropy)
    outcomes = []
    held: HeldWarnings = []
    with _copied_once(specs, panel) as data:
        tasks = [
            _read_task(str(label), entry, data, entropy)
            for label, entry in specs.items()
        ]
        with progress_bar("fit_all", len(tasks), show=progress) as done:
            for label, result, warned in _fit_tasks(tasks, jobs):
                outcomes.append((label, result))
                held += warned
                done(1)
    issue_held_warnings(held)
    return ResultSet(tuple(outcomes))


def _copied_once(specs: Mapping[Any, Any], panel: Any) -> AbstractContextManager[Any]:
    """Copy what the specifications need of a scanned table, once for all of them."""
    takes = FixedEffects, FixedEffectsIV, EventStudy
    fitted = [spec for spec in specs.values() if isinstance(spec, takes)]
    if not isinstance(panel, PanelScan) or not fitted or panel.copy is not None:
        return nullcontext(panel)
    return panel.copied(list(chain.from_iterable(map(specification_texts, fitted))))


def _refuse_labels(specs: object) -> None:
    """Refuse other types than a mapping, and labels with the same text."""
    if not hasattr(specs, "items"):
        raise InputTypeError(
            "fit_all takes a mapping of label to specification, not "
            f"{type(specs).__name__}."
        )
    if twice := sorted(repeated([str(label) for label, _ in specs.items()])):
        raise InputTypeError(
            f"fit_all: several labels have the text {quoted(twice)}; rename them."
        )


def _read_task(
    label: str, entry: Any, panel: Panel | PanelScan[Any], entropy: int
) -> _Task:
    """Read a specification with its own panel, if any, and a stream by its label."""
    spec, data = (
        entry if isinstance(entry, tuple) and len(entry) == 2 else (entry, panel)
    )
    spec = as_results(spec)
    if not hasattr(spec, "fit") and not isinstance(spec, Results):
        raise InputTypeError(
            f"fit_all: {cited(label)} is {type(spec).__name__}, not a specification."
        )
    return (
        label,
        spec,
        data,
        seed_sequence([entropy, int.from_bytes(label.encode(), "little")]),
    )


def _fit_tasks(tasks: Sequence[_Task], jobs: int) -> Iterable[_Outcome]:
    """Fit every specification, in order."""
    if jobs == 1 or not tasks:
        return (_fit_task(*task) for task in tasks)
    joblib = require("joblib", extra="parallel", purpose=f"fit_all(n_jobs={jobs})")
    # No more processes than models: each loads the library.
    workers = min(jobs, len(tasks)) if jobs > 0 else jobs
    parallel = joblib.Parallel(n_jobs=workers, return_as="generator")
    return cast(
        "Iterable[_Outcome]",
        parallel(joblib.delayed(_fit_task)(*task) for task in tasks),
    )


def _fit_task(
    label: str, spec: Any, panel: Panel | PanelScan[Any], stream: SeedSequence
) -> _Outcome:
    """Fit a specification or keep its error, with its warnings."""
    held: HeldWarnings = []
    try:
        with hold_warnings(label, held):
            if isinstance(spec, Results):
                return label, spec, held
            return label, as_results(spec.fit(panel, rng=stream)), held
    except DigiprosperError as error:
        return label, error, held


def coefficient_named(target: str, names: Sequence[str], text: str) -> str:
    """Find a coefficient, in whatever spelling, among those of several models.

    `text` is that of the error, with ``{target}`` and ``{names}``.
    """
    for name in names:
        if canonical(name) == canonical(target):
            return name
    raise one_problem(
        TermError,
        "no_coefficient",
        text.format(target=cited(target), names=quoted(names, 20)),
        term=target,
        common=tuple(names),
    )


def stepwise(
    spec: Any,
    panel: Panel | PanelScan[Any],
    order: Sequence[str | Sequence[str]],
    *,
    sample: str = "common",
) -> ResultSet:
    """Fit a model and add controls one by one, or in blocks.

    Parameters
    ----------
    spec : specification
        The first model: one with regressors ``x``, such as a `FixedEffects`.
    panel : Panel
        The data.
    order : sequence of str or of lists of str
        Terms to add. Each model has one more element: a term, or the terms of a list,
        which are added together.
    sample : {"common", "own"}
        ``"common"`` (default) estimates all models on the rows of the last one. Then a
        coefficient changes because of the control and not because of the sample.
        ``"own"`` estimates each model on all its rows; it is needed for specifications
        other than `FixedEffects` and `PoissonEffects`.

    Returns
    -------
    ResultSet
        Results with labels "(1)", "(2)", ...

    Raises
    ------
    InputTypeError
        If `spec` is not a specification with regressors, `panel` is not a Panel, or
        `order` is not as above.
    TermError
        If a term is added twice, or a list in `order` is empty.
    OptionError
        If `sample` has another value, or is ``"common"`` and `spec` cannot be estimated
        on common rows.
    DigiprosperError
        As in `FixedEffects.fit`.

    Examples
    --------
    >>> from digiprosper import FixedEffects, datasets, stepwise
    >>> base, panel = FixedEffects("log(gsp)", ["log(pc)"]), datasets.us_states()
    >>> steps = stepwise(base, panel, ["unemp", "log(emp)"])
    >>> [len(r.params) for r in steps.values()]
    [1, 2, 3]

    A list is a block of controls that are added together:

    >>> blocks = stepwise(base, panel, [["unemp", "log(emp)"], "log(pcap)"])
    >>> [len(r.params) for r in blocks.values()]
    [1, 3, 4]
    """
    check_option("sample", sample, ("common", "own"))
    name = type(spec).__name__
    if not isinstance(spec, Specification) or not hasattr(spec, "x"):
        raise InputTypeError(
            f"stepwise takes a specification with regressors x, not {name}."
        )
    if sample == "common" and not hasattr(spec, "_on_common_rows"):
        raise option_error(
            "sample",
            sample,
            f"stepwise: sample='common' is for FixedEffects and PoissonEffects, not "
            f"{name}. Pass sample='own', and compare nobs of the steps.",
            ("own",),
        )
    if not (isinstance(panel, PanelScan) and isinstance(spec, FixedEffects)):
        check_panel(panel, "stepwise")
    specs = accumulate(
        _read_blocks(order), lambda before, terms: before.add(*terms), initial=spec
    )
    labelled = {f"({i})": step for i, step in enumerate(specs, start=1)}
    if sample == "own":
        return fit_all(labelled, panel)

    regressors = {label: step.x for label, step in labelled.items()}
    if isinstance(panel, PanelScan):
        with scanned(spec, panel, regressors) as (prepared, demeaned):
            positions = prepared.block_sums.rows.positions
            rows = CommonRows(prepared, demeaned, positions)
            models = _fit_steps(rows, labelled)
    else:
        models = _fit_steps(spec._on_common_rows(panel, regressors), labelled)
    issue(
        merge_notices(chain.from_iterable(fit.diagnostics for fit in models.values()))
    )
    return models


def _read_blocks(order: object) -> list[Sequence[str]]:
    """List the terms that each step adds."""
    entries = as_sequence(order)
    elements = (
        entries
        if isinstance(entries, list | tuple)
        else as_terms(entries, "order", form=_ORDER_FORM)
    )
    parts = map(as_sequence, elements)
    blocks: list[Sequence[Any]] = [
        part if isinstance(part, list | tuple) else [part] for part in parts
    ]
    if not all(blocks):
        raise TermError(
            "order contains an empty list; remove it, or list the terms that are "
            "added together."
        )
    as_terms(list(chain.from_iterable(blocks)), "order", form=_ORDER_FORM)
    return blocks


def _fit_steps(rows: Any, labels: Iterable[str]) -> ResultSet:
    """Fit every step, or keep its error, on rows that are complete in all."""
    outcomes: list[tuple[str, Any]] = []
    for label in labels:
        try:
            outcomes.append((label, rows.fit(rows.regressors(label), (label,))))
        except DigiprosperError as error:
            outcomes.append((label, error))
    return ResultSet(tuple(outcomes))
