"""Notices that results of several kinds share.

Notices of one method are made in its own `notices`. Every code is made in one function
and has one layout of data, whichever method it is about. Those made here:

======================== ===============================================================
code                     data
======================== ===============================================================
too_few_clusters_to_draw clusters (name), n_clusters
very_few_clusters        clusters (name), n_clusters; below 20
few_clusters             clusters (name), n_clusters; from 20 to 39
few_draws                reps
lost_draws               lost, reps
not_psd                  terms
missing_rows             count, by_term (term to rows where it is missing), rows (labels
                         of the first five),
                         compared (term with a missing comparison to columns, count and
                         entities)
lagged_rows              as missing_rows, where only lags and leads are missing; not a
                         warning
imputed                  cells (column to interpolated cells), why, lag_of
winsorised               cells (column to replaced values), lower and upper (shares), by
                         (column of the groups, or None); not a warning
interpolated             cells (column to filled values); not a warning
standardised             cells (column to None), by; not a warning
index_of                 cells (column to the indicators of the index); not a warning
extrapolated             column, values (outside), low and high (range in the sample)
treated_together         treatment, column (of groups), n_groups, n_entities
======================== ===============================================================
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from math import comb
from typing import Any, Literal, TypeAlias

from digiprosper.errors import (
    Notice,
    cited,
    clipped,
    counted,
    listed,
    notice_of,
    number_text,
    quoted,
)
from digiprosper.kernels.intervals import LEAST_CLUSTERS, has_enough_clusters
from digiprosper.report.text import percent_text

ReadFromDraws: TypeAlias = Literal["tails", "ends", "test", "effects"]
WhyImputed: TypeAlias = Literal["many", "extrapolated", "lagged", "ahead"]

# Fewer clusters than these are worth a line, and a warning. Below `LEAST_CLUSTERS`
# draws give nothing.
FEW_CLUSTERS = 40
VERY_FEW_CLUSTERS = 20
FEW_CODES = ("few_clusters", "very_few_clusters")
# Ends of a range are written as round numbers, this share of it away.
_ROUNDED = 0.01
# Fewer draws than these are too few for what is read from them.
FEW_DRAWS: Mapping[ReadFromDraws, int] = {
    "tails": 199,
    "ends": 499,
    "test": 199,
    "effects": 199,
}


def without(notices: Iterable[Notice], codes: Collection[str]) -> tuple[Notice, ...]:
    """Leave out the notices with some codes."""
    return tuple([notice for notice in notices if notice.code not in codes])


def too_few_clusters_to_draw(
    clusters: int, name: str, remedy: str = ""
) -> tuple[Notice, ...]:
    """Report that with fewer than five clusters draws do not allow inference."""
    if has_enough_clusters(clusters):
        return ()
    return (
        notice_of(
            "too_few_clusters_to_draw",
            clusters=name,
            n_clusters=clusters,
            _ways=comb(2 * clusters - 1, clusters),
            _least=LEAST_CLUSTERS,
            _remedy=f" {remedy}".rstrip(),
        ),
    )


def few_clusters(
    clusters: int, name: str, consequence: str, subject: str = ""
) -> tuple[Notice, ...]:
    """Report few clusters: very_few_clusters below 20, few_clusters below 40."""
    if clusters >= FEW_CLUSTERS:
        return ()
    text = f"{subject or f'{clusters} clusters ({name})'}: {consequence}"
    data = {"clusters": name, "n_clusters": clusters}
    return (
        Notice(
            "very_few_clusters" if clusters < VERY_FEW_CLUSTERS else "few_clusters",
            text,
            data,
        ),
    )


def few_draws(reps: int, read: ReadFromDraws) -> tuple[Notice, ...]:
    """Report that there are few draws for the statistics read from them.

    `read`: shares of draws beyond a value, the ends of an interval, the p-value of a
    test ``(1 + #) / (B + 1)``, or two-sided p-values and intervals of effects.
    """
    if reps >= FEW_DRAWS[read]:
        return ()
    share = 0.05 if read == "test" else 0.025
    error = math.sqrt(share * (1 - share) / reps)
    least = (2 if read == "effects" else 1) / (reps + 1)
    return (notice_of(f"few_draws.{read}", reps=reps, _error=error, _least=least),)


def lost_draws(
    lost: int, reps: int, consequence: str, kind: str = ""
) -> tuple[Notice, ...]:
    """Report draws that could not be estimated."""
    if not lost:
        return ()
    words = {"_draws": f"{kind} draws".strip(), "_consequence": consequence}
    return (notice_of("lost_draws", lost=lost, reps=reps, **words),)


def not_psd(variant: str, terms: Sequence[str], **words: str) -> Notice:
    """Report negative variances of `terms`, or of a combination only."""
    return notice_of(f"not_psd.{variant}", terms=tuple(terms), **words)


def extrapolated(
    column: str, values: Iterable[float], low: float, high: float
) -> list[Notice]:
    """Report an effect at values of a variable outside the sample."""
    room = _ROUNDED * (high - low)
    outside = [float(v) for v in values if not low - room <= v <= high + room]
    if not outside:
        return []
    return [
        notice_of(
            "extrapolated",
            column=column,
            values=tuple(outside),
            low=low,
            high=high,
            _shown=" or ".join(map(number_text, outside[:5])),
        )
    ]


def rows_dropped(count: int, nobs: int, by_term: Mapping[str, int]) -> str:
    """Write what missing removed: ``"2 of 6 rows dropped: missing users (2)."``."""
    terms = ", ".join(f"{clipped(t)} ({c:,})" for t, c in by_term.items())
    several = sum(by_term.values()) > count
    more = "; a row may have several missing values" if several else ""
    return f"{count:,} of {counted(nobs, 'row')} dropped: missing {terms}{more}."


def missing_rows(
    count: int,
    text: str,
    by_term: Mapping[str, int],
    rows: Sequence[Any] = (),
    *,
    shifted: bool = False,
    compared: Mapping[str, Mapping[str, Any]] | None = None,
) -> Notice:
    """Report rows that missing values removed from a sample.

    `by_term` has the number of rows in which each term is missing, `rows` the labels of
    the first few. `shifted`: only lags and leads are missing, which is no warning.
    `compared` has, for terms with a comparison, its columns, the number of rows without
    it, and the number of entities that have no other rows.
    """
    data = {
        "count": count,
        "by_term": dict(by_term),
        "rows": tuple(rows),
        "compared": dict(compared or {}),
    }
    return Notice("lagged_rows" if shifted else "missing_rows", text, data)


def imputed(
    cells: Mapping[str, int],
    why: WhyImputed,
    lag_of: str | None = None,
    **words: object,
) -> Notice:
    """Report interpolated cells that are doubtful.

    `why`: more than a tenth, before the first or after the last observation, the first
    lags of another column, or from later years than the weights use.
    """
    column, count = next(iter(cells.items()))
    words |= {"_column": column, "_count": count}
    return notice_of(
        f"imputed.{why}", cells=dict(cells), why=why, lag_of=lag_of, **words
    )


def _changed_values(cells: Mapping[str, int]) -> str:
    return listed(f"{cited(n)} ({counted(c, 'value')})" for n, c in cells.items())


def winsorised(
    cells: Mapping[str, int], lower: float, upper: float, by: str | None
) -> list[Notice]:
    """Report columns whose values beyond two quantiles were replaced by these."""
    groups = f" by {by}" if by else ""
    ends = f"{percent_text(lower)} and {percent_text(upper)}"
    text = f"Winsorised at {ends}{groups}: {_changed_values(cells)}."
    data = {"cells": dict(cells), "lower": lower, "upper": upper, "by": by}
    return [Notice("winsorised", text, data)] if cells else []


def interpolated(cells: Mapping[str, int]) -> list[Notice]:
    """Report columns with missing values that were filled."""
    text = f"Interpolated: {_changed_values(cells)}."
    return [Notice("interpolated", text, {"cells": dict(cells)})] if cells else []


def standardised(cells: Mapping[str, None], by: str | None) -> list[Notice]:
    """Report columns whose unit is their standard deviation."""
    text = f"Standardised{f' by {by}' if by else ''}: {quoted(cells)}."
    data = {"cells": dict(cells), "by": by}
    return [Notice("standardised", text, data)] if cells else []


def index_of(cells: Mapping[str, tuple[str, ...]]) -> list[Notice]:
    """Report columns that are scores of an index."""
    text = "; ".join(f"{cited(n)} is an index of {quoted(i)}" for n, i in cells.items())
    return [Notice("index_of", f"{text}.", {"cells": dict(cells)})] if cells else []


def treated_together(
    treatment: str, columns: Sequence[str], groups: int, entity: str, n_entities: int
) -> Notice:
    """Report a treatment that groups of entities receive at the same time.

    Groups are those of the first column. In a triple difference the second says which
    of their entities are never treated.
    """
    return notice_of(
        "treated_together.levels" if len(columns) > 1 else "treated_together",
        treatment=treatment,
        column=columns[0],
        n_groups=groups,
        n_entities=n_entities,
        _entity=entity,
        _level=columns[-1],
    )


CHANGED: Mapping[str, Callable[..., list[Notice]]] = {
    "winsorised": winsorised,
    "interpolated": interpolated,
    "standardised": standardised,
    "index_of": index_of,
}
"""Functions that make the notices of changed columns, by code."""


def _renamed(notice: Notice, names: Mapping[str, str]) -> dict[str, Any]:
    cells = notice.data["cells"].items()
    renamed = {names[n]: cell for n, cell in cells if n in names}
    if notice.code != "index_of":
        return renamed
    return {n: tuple(names.get(i, i) for i in of) for n, of in renamed.items()}


def changed_as(notices: Iterable[Notice], names: Mapping[str, str]) -> Iterator[Notice]:
    """Report changed columns by their new names; drop those without a new name."""
    changes: list[tuple[str, dict[str, Any]]] = []
    for notice in notices:
        if notice.code in CHANGED:
            renamed = _renamed(notice, names)
            # Columns that were made from interpolated ones are reported together.
            for code, data in changes:
                is_other = not data["cells"].keys() & renamed.keys()
                if code == notice.code == "interpolated" and is_other:
                    data["cells"] |= renamed
                    break
            else:
                changes.append((notice.code, {**notice.data, "cells": renamed}))
    for code, data in changes:
        yield from CHANGED[code](**data)
