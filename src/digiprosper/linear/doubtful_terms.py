"""Notices about terms computed from the outcome or from other terms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, product
from typing import Any

import numpy as np

from digiprosper.errors import Notice, cited, quoted
from digiprosper.linear.notices import made_from, many_dummies
from digiprosper.panel import Panel, PanelScan, Sample
from digiprosper.panel.access import table_of
from digiprosper.panel.treatment import group_treatment_notices, pair_direction_notices
from digiprosper.report.terms import columns_in

_REGRESSORS = ("x", "endog", "treatment", "mediators")


def term_notices(
    sample: Sample, panel: Panel, clusters: Sequence[str]
) -> Iterator[Notice]:
    """Report shared treatments, derived terms, and categories with many dummies."""
    roles = sample.roles
    of_interest = [
        *roles.get("x", ())[:1],
        *roles.get("endog", ()),
        *roles.get("treatment", ()),
    ]
    if of_interest and tuple(clusters) == (sample.keys.entity_name,):
        yield from shared_treatments(sample, panel, of_interest)
    yield from derived_term_notices(sample, panel)
    yield from indicators_on_both_sides(sample, panel)
    yield from many_dummies(sample)


def derived_term_notices(
    sample: Sample, panel: Panel | PanelScan[Any]
) -> Iterator[Notice]:
    """Report terms computed from the outcome, endog or treatment alone."""
    roles = sample.roles
    if len(roles.get("y", ())) == 1:
        # Differences that a model makes itself are not terms of the user.
        of_no_term = ("y", "obs_weights", "coordinates", "changes")
        others = [roles[role] for role in roles if role not in of_no_term]
        if any(others):
            yield from _derived_terms(
                sample, panel, "y", [*chain.from_iterable(others)]
            )
    for role, other in (("endog", "instruments"), ("treatment", "mediators")):
        if role in roles:
            yield from _derived_terms(sample, panel, role, roles.get(other, ()))


def _derived_terms(
    sample: Sample, panel: Panel | PanelScan[Any], role: str, others: Sequence[int]
) -> Iterator[Notice]:
    """Report columns, by position, that are functions of a term of the role alone."""
    names, roles = sample.names, sample.roles
    factors = chain.from_iterable([sample.factors_of(names[at]) for at in roles[role]])
    inside = set(chain.from_iterable([factor.columns for factor in factors]))
    # Fast: most terms do not have such a column in their text.
    searched = [at for at in others if any(column in names[at] for column in inside)]
    if not searched:
        return
    columns = frozenset(panel.columns)
    sources = {
        column: names[at]
        for at in roles[role]
        if (column := _only_column(sample, at, columns, ("lag", "lead")))
    }
    terms = {
        names[at]: sources[column]
        for at in searched
        if (column := _only_column(sample, at, columns, ("lag",))) in sources
    }
    if terms:
        yield made_from(terms, role)


def _only_column(
    sample: Sample, at: int, columns: frozenset[str], shifts: Sequence[str]
) -> str | None:
    """Return the column of a term; None if it has several, dummies or `shifts`."""
    factors = sample.factors_of(sample.names[at])
    inside = set(chain.from_iterable([factor.columns for factor in factors]))
    used, calls = inside & columns, " ".join(inside - columns)
    steps = [factor.shift for factor in factors]
    shifted = max(steps) > 0 or ("lead" in shifts and min(steps) < 0)
    if len(used) != 1 or shifted or any(f"{shift}(" in calls for shift in shifts):
        return None
    return None if any(f.level is not None for f in factors) else used.pop()


def indicators_on_both_sides(sample: Sample, panel: Panel) -> list[Notice]:
    """Report regressors that share an indicator of an index with the outcome."""
    indexes: dict[str, tuple[str, ...]] = {}
    for notice in panel.diagnostics:
        if notice.code == "index_of":
            indexes |= notice.data["cells"]
    if not indexes:
        return []
    names, roles = sample.names, sample.roles
    regressors = chain.from_iterable([roles.get(role, ()) for role in _REGRESSORS])
    shared: dict[str, tuple[str, ...]] = {}
    for at, y in product(regressors, roles.get("y", ())):
        columns, indicators = _columns_and_indicators(sample, at, indexes)
        of_outcome, in_outcome = _columns_and_indicators(sample, y, indexes)
        if common := (indicators & in_outcome) - (columns & of_outcome):
            shared[names[at]] = tuple(sorted(common))
    return [_shared_indicators_notice(shared, names[roles["y"][0]])] if shared else []


def _columns_and_indicators(
    sample: Sample, at: int, indexes: Mapping[str, Sequence[str]]
) -> tuple[set[str], set[str]]:
    """Return the unlagged columns of a term, without and with indicators of indexes."""
    name = sample.names[at]
    now = [factor for factor in sample.factors_of(name) if not factor.shift]
    columns = set(columns_in({name: tuple(now)}))
    return columns, columns.union(*[indexes.get(column, ()) for column in columns])


def _shared_indicators_notice(
    shared: Mapping[str, Sequence[str]], depvar: str
) -> Notice:
    """Report regressors with indicators of an index that the outcome has too."""
    shown = "; ".join(f"{cited(name)} ({quoted(c)})" for name, c in shared.items())
    indicators = ", ".join(sorted({cited(c) for cs in shared.values() for c in cs}))
    text = (
        f"the outcome {cited(depvar)} and regressors contain the same indicators of an "
        f"index: {shown}. They are correlated by construction, so the coefficient is "
        "not an effect. Remove the indicators from the index: "
        f"system.drop({indicators})."
    )
    return Notice("shared_indicators", text, {"indicators": dict(shared)})


def shared_treatments(
    sample: Sample, panel: Panel, columns: Sequence[int]
) -> Iterator[Notice]:
    """Report columns that are equal within groups, or in both directions of a pair."""
    table, keys = table_of(panel), sample.keys
    for at in columns:
        values, name = sample.matrix[:, at], sample.names[at]
        notices: list[Notice] = []
        # The first row is enough to see that most columns are no dummy.
        if values[0] in (0, 1) and np.isin(values, (0, 1)).all():
            treated = values == 1
            first = np.full(sample.n_entities, sample.n_times)
            np.minimum.at(first, sample.entity[treated], sample.time[treated])
            earlier = sample.time < first[sample.entity]
            before = np.full(sample.n_entities, -1)
            np.maximum.at(before, sample.entity[earlier], sample.time[earlier])
            first[first == sample.n_times] = -1
            notices = group_treatment_notices(table, keys.entities, first, name, before)
        yield from notices or pair_direction_notices(
            table, keys.entities, values, name, sample.entity, sample.time
        )
