"""Terms that are made from the outcome, or from what they stand for."""

from __future__ import annotations

from itertools import chain, product
from typing import TYPE_CHECKING, Any

import numpy as np

from digiprosper.errors import Notice, cited, quoted
from digiprosper.kernels.slopes import Slope
from digiprosper.kernels.tolerances import LINEAR_INSIDE
from digiprosper.linear.notices import made_from, many_dummies
from digiprosper.report.terms import columns_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from digiprosper.kernels import Floats, Ints
    from digiprosper.linear.estimation import Demeaned
    from digiprosper.linear.preparation import Prepared
    from digiprosper.panel import Panel, PanelScan, Sample

_REGRESSORS = ("x", "endog", "treatment", "mediators")
# Two values are always on a line.
_FEWEST_INSIDE = 3


def about_terms(sample: Sample, panel: Panel) -> Iterator[Notice]:
    """Report where terms come from, and categories of many dummies."""
    yield from made_from_others(sample, panel)
    yield from shared_indicators(sample, panel)
    yield from many_dummies(sample)


def made_from_others(sample: Sample, panel: Panel | PanelScan[Any]) -> Iterator[Notice]:
    """Report terms made from the outcome alone, or from what they stand for."""
    roles = sample.roles
    if len(roles.get("y", ())) == 1:
        # Differences that a model makes itself are no terms of the user.
        of_no_term = ("y", "obs_weights", "coordinates", "changes")
        others = [roles[role] for role in roles if role not in of_no_term]
        if any(others):
            yield from _made_from(sample, panel, "y", [*chain.from_iterable(others)])
    for role, other in (("endog", "instruments"), ("treatment", "mediators")):
        if role in roles:
            yield from _made_from(sample, panel, role, roles.get(other, ()))


def _made_from(
    sample: Sample, panel: Panel | PanelScan[Any], role: str, others: Sequence[int]
) -> Iterator[Notice]:
    """Report columns, by position, that are made from the terms of a role alone."""
    names, roles = sample.names, sample.roles
    factors = chain.from_iterable([sample.factors_of(names[at]) for at in roles[role]])
    inside = set(chain.from_iterable([factor.columns for factor in factors]))
    # Most terms do not have such a column in their text.
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
    """Return the one column of a term; None of dummies and functions of `shifts`."""
    factors = sample.factors_of(sample.names[at])
    inside = set(chain.from_iterable([factor.columns for factor in factors]))
    used, calls = inside & columns, " ".join(inside - columns)
    steps = [factor.shift for factor in factors]
    shifted = max(steps) > 0 or ("lead" in shifts and min(steps) < 0)
    if len(used) != 1 or shifted or any(f"{shift}(" in calls for shift in shifts):
        return None
    return None if any(f.level is not None for f in factors) else used.pop()


def shared_indicators(sample: Sample, panel: Panel) -> list[Notice]:
    """Report regressors that share an indicator of an index with the outcome.

    Data: indicators (regressor to those that the outcome has, too).
    """
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
        columns, indicators = _columns_of(sample, at, indexes)
        of_outcome, in_outcome = _columns_of(sample, y, indexes)
        if common := (indicators & in_outcome) - (columns & of_outcome):
            shared[names[at]] = tuple(sorted(common))
    if not shared:
        return []
    shown = "; ".join(f"{quoted(c)} in {cited(name)}" for name, c in shared.items())
    text = (
        f"the outcome {cited(names[roles['y'][0]])} shares indicators of an index with "
        f"regressors ({shown}), so they are correlated by construction, and the "
        "coefficient is no effect. Leave these indicators out of one of the two: "
        "IndicatorSystem.drop(...)."
    )
    return [Notice("shared_indicators", text, {"indicators": shared})]


def _columns_of(
    sample: Sample, at: int, indexes: Mapping[str, Sequence[str]]
) -> tuple[set[str], set[str]]:
    """Return the columns of a term, lags apart, without and with indicators."""
    name = sample.names[at]
    now = [factor for factor in sample.factors_of(name) if not factor.shift]
    columns = set(columns_in({name: tuple(now)}))
    return columns, columns.union(*[indexes.get(column, ()) for column in columns])


def means_without_the_row(
    prepared: Prepared,
    demeaned: Demeaned,
    instruments: Sequence[int],
    endog: Sequence[int],
) -> list[Notice]:
    """Report instruments that have only the row's own value within an effect.

    Code own_values; data instrument, endog, effect.
    """
    if prepared.sums is not None:
        return []
    notices = []
    effects = zip(prepared.absorbed, prepared.within.every, strict=True)
    for effect, codes in effects:
        if isinstance(codes, Slope):
            continue
        for j in instruments:
            for k in endog:
                pair = demeaned.raw[:, [j, k]]
                if _linear_inside(pair[:, 0], pair[:, 1], codes):
                    names = demeaned.names[j], demeaned.names[k]
                    notices.append(_own_values(*names, effect.name))
    return notices


def _linear_inside(z: Floats, x: Floats, codes: Ints) -> bool:
    """Tell whether z is a linear function of x in each level with three rows or more.

    These levels have to have half of the rows.
    """
    size = np.bincount(codes)
    rows = size[codes] >= _FEWEST_INSIDE
    if 2 * np.count_nonzero(rows) < rows.size:
        return False
    z, x = (
        column - (np.bincount(codes, weights=column) / np.maximum(size, 1))[codes]
        for column in (z, x)
    )
    zz, xx, zx = (
        np.bincount(codes[rows], weights=squares[rows])
        for squares in (z * z, x * x, z * x)
    )
    moves, follows = (part > LINEAR_INSIDE * part.mean() for part in (xx, zz))
    # A constant is a linear function too, but not a mean of the others.
    if not moves.any() or not np.array_equal(moves, follows):
        return False
    return bool((zz * xx - zx**2 <= LINEAR_INSIDE * zz * xx)[moves].all())


def _own_values(instrument: str, endog: str, effect: str) -> Notice:
    """Report an instrument that has nothing of other rows within an effect."""
    text = (
        f"within each {effect}, which is absorbed, {cited(instrument)} is a linear "
        f"function of {cited(endog)}. A mean of the others is (total - own value) / "
        "(n - 1), and the effects absorb the total: two-stage least squares repeats "
        "least squares, with a large F. Do not absorb the groups of the mean."
    )
    about = {"instrument": instrument, "endog": endog, "effect": effect}
    return Notice("own_values", text, about)
