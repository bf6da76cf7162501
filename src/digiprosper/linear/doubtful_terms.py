"""Terms that make an equation meaningless, or its errors too small, by their origin."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from digiprosper.linear.notices import equal_paths, made_from, many_dummies

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from digiprosper.errors import Notice
    from digiprosper.kernels import Floats
    from digiprosper.panel import Sample

ROLES_OF_INTEREST = frozenset({"treatment", "mediators", "endog", "instruments"})
NO_REGRESSOR = frozenset(
    {"y", "obs_weights", "coordinates", "threshold_variable", "absorb"}
)
# Paths over fewer periods, or with fewer values each, may be equal by chance.
_LEAST_TIMES = 4


def about_terms(
    sample: Sample,
    columns: Collection[str],
    clusters: Sequence[str],
    groups: Iterable[int],
    cov_type: str,
) -> Iterator[Notice]:
    """Report where terms come from, and categories of many dummies."""
    yield from made_from_others(sample, columns)
    yield from measured_for_groups(sample, clusters, groups, cov_type)
    yield from many_dummies(sample)


def made_from_others(sample: Sample, columns: Collection[str]) -> Iterator[Notice]:
    """Report terms made from the outcome alone, or from what they stand for.

    `columns` are those of the panel. Lags are made from earlier periods.
    """
    roles = sample.roles
    others = [r for r in roles if r not in ("y", "obs_weights", "coordinates")]
    for role, searched in (
        ("y", others if len(roles.get("y", ())) == 1 else ()),
        ("endog", ("instruments",)),
        ("treatment", ("mediators",)),
    ):
        sources = {
            column: sample.names[at]
            for at in roles.get(role, ())
            if (column := _only_column(sample, at, columns, ("lag", "lead")))
        }
        terms = {
            sample.names[at]: sources[column]
            for at in chain.from_iterable([roles.get(r, ()) for r in searched])
            if (column := _only_column(sample, at, columns, ("lag",))) in sources
        }
        if terms:
            yield made_from(terms, role)


def measured_for_groups(
    sample: Sample, clusters: Sequence[str], groups: Iterable[int], cov_type: str
) -> Iterator[Notice]:
    """Report a regressor of interest with the same path in groups of entities.

    Policies, which have two values, are equal by chance, and trends by design.
    """
    if cov_type not in ("clustered", "crv3", "cr2") or sample.n_times < _LEAST_TIMES:
        return
    listed = [p for role, p in sample.roles.items() if role not in NO_REGRESSOR]
    of_interest = [sample.roles.get(role, ()) for role in sorted(ROLES_OF_INTEREST)]
    first = [positions[:1] for positions in listed[:1]]
    positions = chain.from_iterable(of_interest if any(of_interest) else first)
    paths = {
        sample.names[at]: _number_of_paths(sample, sample.matrix[:, at])
        for at in positions
    }
    terms = {name: count for name, count in paths.items() if 0 < count < min(groups)}
    if terms:
        keys = sample.keys
        yield equal_paths(terms, keys.entity_name, sample.n_entities, clusters)


def _number_of_paths(sample: Sample, values: Floats) -> int:
    """Count the different paths of a column over time; 0 if they are many.

    And 0 for trends and for columns of few values.
    """
    starts = np.flatnonzero(np.diff(sample.entity, prepend=-1))
    # Most columns differ between entities in their first rows already.
    if 2 * np.unique(values[starts]).size > starts.size:
        return 0
    parts = np.split(values, starts[1:])
    periods = np.split(sample.time, starts[1:])
    count = len(
        {(t.tobytes(), v.tobytes()) for t, v in zip(periods, parts, strict=True)}
    )
    is_trend = count == 1 and np.allclose(np.diff(parts[0]), np.diff(parts[0])[:1])
    few_values = np.unique(values).size <= _LEAST_TIMES * count
    return 0 if is_trend or few_values or 2 * count > starts.size else count


def _only_column(
    sample: Sample, at: int, columns: Collection[str], shifts: Sequence[str]
) -> str | None:
    """Return the column of which a term is a function; None of several.

    And None of dummies, and where a function of `shifts` is in it.
    """
    factors = sample.factors_of(sample.names[at])
    inside = set(chain.from_iterable([factor.columns for factor in factors]))
    used, calls = inside & set(columns), " ".join(inside - set(columns))
    steps = [factor.shift for factor in factors]
    shifted = max(steps) > 0 or ("lead" in shifts and min(steps) < 0)
    if len(used) != 1 or shifted or any(f"{shift}(" in calls for shift in shifts):
        return None
    return None if any(f.level is not None for f in factors) else used.pop()
