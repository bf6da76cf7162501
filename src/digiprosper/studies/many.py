"""Many models at once: a battery of specifications, and controls added one by one."""

from __future__ import annotations

from collections import Counter
from itertools import accumulate, chain
from typing import TYPE_CHECKING, Any, cast

from digiprosper.errors import (
    DigiprosperError,
    InputTypeError,
    TermError,
    check_option,
    cited,
    issue,
    issue_of_many,
    one_of_many,
    quoted,
)
from digiprosper.kernels.resampling import seed_sequence
from digiprosper.linear.diagnostics import lagged_outcome, said_once
from digiprosper.linear.estimation import columns_at, fit_equation, sweep_columns
from digiprosper.linear.fixed_effects import FixedEffects
from digiprosper.linear.preparation import prepare
from digiprosper.report.collection import ResultSet
from digiprosper.specification import as_terms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from digiprosper.linear.results import LinearResults
    from digiprosper.panel import Panel

__all__ = ["fit_all", "stepwise"]


def fit_all(
    specs: Mapping[Any, Any], panel: Panel, *, rng: object = None, progress: bool = False
) -> ResultSet:
    """Fit a battery of specifications, each on its own sample.

    Parameters
    ----------
    specs : mapping
        Label to a specification, or to a pair (specification, panel) for a variant of the data. A label that
        is no text, such as a number, is known by its text.
    panel : Panel
        The data of all specifications without their own.
    rng : int, SeedSequence, Generator or None
        Seeds what draws. Each label has its own stream: adding a row changes no other.
    progress : bool
        Print each label when it is done.

    Returns
    -------
    ResultSet
        In the order given. A specification that fails keeps its error in `failures` and stops no other.
        Warnings come at the end, each once, with the labels of the models they are about.

    Examples
    --------
    >>> from digiprosper import FixedEffects, datasets, fit_all
    >>> base = FixedEffects("log(gsp)", ["log(pc)", "unemp"])
    >>> panel = datasets.us_states()
    >>> battery = {"baseline": base, "no time effects": base.replace(time_effects=False),
    ...            "after 1975": (base, panel.subset("year > 1975"))}
    >>> fit_all(battery, panel).compare("unemp")[["model", "nobs"]].values.tolist()
    [['baseline', 816], ['no time effects', 816], ['after 1975', 528]]
    """
    _refuse_labels(specs)
    entropy = cast("int", seed_sequence(rng).entropy)
    outcomes = []
    said: dict[tuple[str, str], list[str]] = {}
    for label, entry in specs.items():
        spec, data = _variant(str(label), entry, panel)
        child = seed_sequence([entropy, int.from_bytes(str(label).encode(), "little")])
        try:
            with one_of_many(str(label), said):
                result = spec.fit(data, rng=child)
        except DigiprosperError as error:
            result = error
        outcomes.append((str(label), result))
        if progress:
            _say(f"{label}: {'not estimated' if isinstance(result, DigiprosperError) else 'done'}")
    issue_of_many(said)
    return ResultSet(tuple(outcomes))


def _refuse_labels(specs: object) -> None:
    """Refuse what is no mapping, and labels that are the same as text."""
    if not hasattr(specs, "items"):
        raise InputTypeError(
            f"fit_all takes a mapping of label to specification, not {type(specs).__name__}."
        )
    times = Counter(str(label) for label, _ in specs.items())
    twice = sorted(label for label, count in times.items() if count > 1)
    if twice:
        raise InputTypeError(
            f"fit_all: the labels {quoted(twice)} are duplicated as text; rename one of each."
        )


def _variant(label: str, entry: Any, panel: Panel) -> tuple[Any, Panel]:
    """Tell the specification of an entry, and its own panel if it has one."""
    spec, data = entry if isinstance(entry, tuple) and len(entry) == 2 else (entry, panel)
    if not hasattr(spec, "fit"):
        raise InputTypeError(f"fit_all: {cited(label)} is {type(spec).__name__}, not a specification.")
    return spec, data


def _say(text: str) -> None:
    import sys

    sys.stderr.write(text + "\n")


def stepwise(spec: Any, panel: Panel, order: Sequence[str], *, sample: str = "common") -> ResultSet:
    """Add controls one by one.

    Parameters
    ----------
    spec : FixedEffects
        The first column.
    panel : Panel
        The data.
    order : sequence of str
        Terms to add, one a column.
    sample : {"common", "own"}
        ``"common"``: all columns on the rows of the last one, so that a coefficient changes because
        of the control and not because of the sample. ``"own"``: each on its own rows.

    Returns
    -------
    ResultSet
        Labelled "(1)", "(2)", ...

    Examples
    --------
    >>> from digiprosper import FixedEffects, datasets, stepwise
    >>> steps = stepwise(FixedEffects("log(gsp)", ["log(pc)"]), datasets.us_states(), ["unemp", "log(emp)"])
    >>> [len(r.params) for r in steps.values()]
    [1, 2, 3]
    """
    check_option("sample", sample, ("common", "own"))
    if not isinstance(spec, FixedEffects):
        raise InputTypeError(
            f"stepwise takes a FixedEffects specification, not {type(spec).__name__}. Fit the steps of "
            "another one with fit_all({'(1)': spec, '(2)': spec.add('x'), ...}, panel)."
        )
    specs = accumulate(as_terms(order, "order"), lambda before, term: before.add(term), initial=spec)
    labelled = {f"({i})": step for i, step in enumerate(specs, start=1)}
    if sample == "own":
        return fit_all(labelled, panel)

    outcomes = _on_common_rows(spec, labelled, panel)
    fits = (result for _, result in outcomes if not isinstance(result, DigiprosperError))
    issue(said_once(chain.from_iterable(fit.diagnostics for fit in fits)))
    return ResultSet(tuple(outcomes))


def _on_common_rows(
    spec: FixedEffects, steps: Mapping[str, FixedEffects], panel: Panel
) -> list[tuple[str, LinearResults | DigiprosperError]]:
    """Fit every step, or keep its error, on columns that are swept once."""
    roles = {"y": (spec.y,), **{label: step.x for label, step in steps.items()}}
    prepared = prepare(panel, roles, spec.options, singletons=spec.singletons, missing=spec.missing)
    rows = prepared.sample
    if len(rows.roles["y"]) != 1:
        raise TermError(f"y={cited(spec.y)} makes several columns; the outcome must be one column.")

    # A category may be coded otherwise in another step: the columns of all steps, each once.
    places = tuple(dict.fromkeys(chain.from_iterable(rows.roles[role] for role in roles)))
    names = (spec.y, *(rows.names[place] for place in places[1:]))
    swept = sweep_columns(prepared, names, columns_at(rows.matrix, places))
    position = {place: j for j, place in enumerate(places)}

    def fitted(label: str) -> LinearResults | DigiprosperError:
        regressors = [position[place] for place in rows.roles[label]]
        try:
            remarks = lagged_outcome(prepared, roles=(label,))
            return fit_equation(prepared, swept, 0, regressors, remarks=remarks)[0]
        except DigiprosperError as error:
            return error

    return [(label, fitted(label)) for label in steps]
