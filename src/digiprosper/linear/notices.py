"""Remarks that equations of every model share: a lag of the outcome, and slopes that rest on few clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from digiprosper.errors import Notice, cited, counted, quoted
from digiprosper.kernels.leverage import effective_clusters, variation_shares
from digiprosper.kernels.tolerances import LOST_DIGITS
from digiprosper.kernels.within import is_nested

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd

    from digiprosper.kernels import Floats, Ints
    from digiprosper.linear.preparation import Prepared
    from digiprosper.panel import Sample

__all__ = ["few_treated", "lagged_outcome", "lost_digits", "said_once"]

_LAGS = (1, 2)
# Below so many effective clusters 95% intervals cover less than 90%; see docs/fixed_effects.md. With few
# clusters in all many a regressor has no more, and intervals with G - 1 degrees of freedom allow for it.
_EFFECTIVE = 7.0
_HALF = 0.5
_BIASED_SLOPES = (
    "and so are the other slopes. Omit it, or use an estimator for dynamic panels (Arellano & Bond 1991)."
)
_NO_REGRESSOR = frozenset({"y", "obs_weights", "threshold_variable"})


def few_treated(
    prepared: Prepared, names: Sequence[str], basis: Floats, root: Floats, *, unread: Sequence[str] = ()
) -> list[Notice]:
    """Report which slopes rest on the variation of few clusters.

    Parameters
    ----------
    prepared : Prepared
        Sample and clusters.
    names : sequence of str
        Of the columns.
    basis : (N, m) array
        Columns that span the swept regressors.
    root : (k, m) array
        With ``root @ basis.T`` what errors move the slopes by; both as in `least_squares.Fit`.
    unread : sequence of str
        Names of which nothing is said.

    Returns
    -------
    list of Notice
        Code few_treated, at most one for each dimension of the clusters; none unless errors are clustered.
    """
    out = []
    for clusters, codes in zip(prepared.cluster_names, prepared.cluster_codes, strict=True):
        groups = int(codes.max()) + 1
        shares = variation_shares(basis, root, codes, groups, obs_weights=prepared.obs_weights)
        effective = effective_clusters(shares)
        few = np.flatnonzero(effective < min(_EFFECTIVE, _HALF * groups))
        told = [j for j in few.tolist() if names[j] not in unread]
        if told:
            levels = prepared.sample.code_levels[clusters]
            terms = {names[j]: _carriers(float(effective[j]), shares[:, j], levels) for j in told}
            out.append(_few_treated(clusters, groups, terms))
    return out


def _carriers(effective: float, shares: Floats, levels: pd.Index[Any]) -> dict[str, Any]:
    """Name the clusters with most of a regressor's variation, and their shares."""
    largest = np.argsort(-shares, kind="stable")[: max(1, round(effective))]
    return {
        "effective": effective,
        "share": float(shares[largest].sum()),
        "largest": dict(zip(levels[largest].tolist(), shares[largest].tolist(), strict=True)),
    }


def lost_digits(names: Sequence[str], moments: Floats, bread: Floats) -> list[Notice]:
    """Report squares and products so large that rounding shows in what is left of them.

    A square or product of a column far from zero is rounded to about 16 digits of its own size. What is left
    of it once effects and other regressors are out is smaller by the square of mean over standard deviation,
    and has as many digits less.

    Parameters
    ----------
    names : sequence of str
        Of the columns.
    moments : (k, 5) array
        Rows, mean, standard deviation, minimum and maximum of each column.
    bread : (k, k) array
        Inverse of the cross product of the swept columns.

    Returns
    -------
    list of Notice
        Code near_collinear, for terms with fewer than six digits left; a column as it is in the data is not
        rounded.
    """
    largest = np.abs(moments[:, 3:5]).max(axis=1)
    left = 1 / np.sqrt(np.diag(bread) * moments[:, 0])
    rounding = np.finfo(np.float64).eps * largest / left
    made = np.array([":" in name or "(" in name for name in names])
    lost = [names[j] for j in np.flatnonzero(made & (rounding > LOST_DIGITS)).tolist()]
    if not lost:
        return []
    text = (
        f"{quoted(lost)}: its columns are so far from zero that rounding leaves it fewer than six digits "
        "once effects and other regressors are out, and estimates and standard errors no more. Subtract a "
        "constant near the mean of each column before it is squared or multiplied."
    )
    return [Notice("near_collinear", text, {"columns": tuple(lost), "rounding": float(rounding.max())})]


def said_once(notices: Iterable[Notice]) -> list[Notice]:
    """Put the notices of several equations together, each once.

    Parameters
    ----------
    notices : iterable of Notice
        Of all equations.

    Returns
    -------
    list of Notice
        Equal ones once; those with the code few_treated as one for each dimension of the clusters, with the
        numbers of the equation that comes first.
    """
    out, few = list[Notice](), dict[str, list[Notice]]()
    for notice in notices:
        if notice.code == "few_treated":
            few.setdefault(notice.data["clusters"], []).append(notice)
        elif notice not in out:
            out.append(notice)
    return [*out, *(_joined(same) for same in few.values())]


def _joined(notices: Sequence[Notice]) -> Notice:
    terms: dict[str, Any] = {}
    for notice in notices:
        terms = {**notice.data["terms"], **terms}
    return _few_treated(notices[0].data["clusters"], notices[0].data["n_clusters"], terms)


def _few_treated(clusters: str, groups: int, terms: Mapping[str, Mapping[str, Any]]) -> Notice:
    name, first = next(iter(terms.items()))
    carriers = counted(len(first["largest"]), "cluster")
    if len(terms) == 1:
        what = f"the coefficient of {quoted(terms)} depends on few clusters:"
        errors = "Its interval is too short and its p-value too small"
    else:
        what = f"the coefficients of {quoted(terms)} depend on few clusters: that of {cited(name)} on"
        errors = "Their intervals are too short and their p-values too small"
    text = (
        f"{what} {first['effective']:.1f} effective clusters instead of {groups} ({clusters}), and "
        f"{first['share']:.0%} of its variation is in {carriers} ({quoted(first['largest'], 3)}). {errors}; "
        "other coefficients are not affected. Check that the result is robust to dropping these clusters; "
        "for a treatment, use randomisation inference over which entities are treated."
    )
    return Notice("few_treated", text, {"clusters": clusters, "n_clusters": groups, "terms": dict(terms)})


def lagged_outcome(
    prepared: Prepared,
    consequence: str = _BIASED_SLOPES,
    roles: Sequence[str] | None = None,
    *,
    outcome: str = "y",
) -> list[Notice]:
    """Report a lag of the outcome among the regressors, which the within estimator biases.

    Parameters
    ----------
    prepared : Prepared
        Sample with the role of the outcome and others.
    consequence : str
        What follows for this model and what to do, as the end of the sentence; by default for a regression.
    roles : sequence of str, optional
        Where regressors stand; by default in every role but the outcome, weights and threshold variable.
    outcome : str
        Role of the outcomes: ``"y"``, or that of the mediators for their equations.

    Returns
    -------
    list of Notice
        Code lagged_outcome, one an outcome, with the columns; empty without entity effects, or effects
        nested in the entity. The bias is that of Nickell (1981), Econometrica 49:1417, eq. 18.
    """
    sample = prepared.sample
    if not any(is_nested(codes, sample.entity) for codes in prepared.within.effects):
        return []
    searched = sorted(set(sample.roles) - _NO_REGRESSOR) if roles is None else roles
    found = {at: _lags_of_outcome(sample, at, searched) for at in sample.roles[outcome]}
    word = "outcome" if outcome == "y" else "mediator"
    return [
        _biased(columns, f"the {word} {cited(sample.names[at])}", sample, consequence)
        for at, columns in found.items()
        if columns
    ]


def _biased(columns: Sequence[str], what: str, sample: Sample, consequence: str) -> Notice:
    one = len(columns) == 1
    if any(len(sample.lags[name]) > 1 for name in columns):
        are = "contains a lag" if one else "contain a lag"
    else:
        are = "is the lag" if one else "are lags"
    text = (
        f"{quoted(columns)} {are} of {what}: with entity effects its slope is biased by about 1/T "
        f"(Nickell 1981), {consequence}"
    )
    return Notice("lagged_outcome", text, {"columns": tuple(columns)})


def _lags_of_outcome(sample: Sample, at: int, roles: Sequence[str]) -> list[str]:
    """Find columns with a lag of one or two periods as a factor, by its term or by its values.

    By its values a column is a lag if it repeats the outcome of one or two periods before, wherever both are
    in the sample.
    """
    y, apart = sample.matrix[:, at], [_rows_apart(sample.entity, sample.time, k) for k in _LAGS]
    named = _named_lags(sample.lags[sample.names[at]])

    def is_lag(place: int) -> bool:
        column = sample.matrix[:, place]
        return not named.isdisjoint(sample.lags[sample.names[place]]) or any(
            _repeats(column, y, *rows) for rows in apart
        )

    places = dict.fromkeys(place for role in roles for place in sample.roles[role])
    return list(dict.fromkeys(sample.names[place] for place in places if is_lag(place)))


def _named_lags(itself: Sequence[tuple[str, int]]) -> set[tuple[str, int]]:
    """Name the lags of an outcome that is one factor, itself perhaps shifted."""
    if len(itself) != 1:
        return set()
    factor, shift = itself[0]
    return {(factor, shift + k) for k in _LAGS}


def _repeats(column: Floats, y: Floats, row: Ints, before: Ints) -> bool:
    """Tell whether a column repeats what the outcome was in earlier rows, which were not all the same."""
    # The first rows are enough to see that most columns are no lag.
    if row.size < 2 or not np.array_equal(column[row[:8]], y[before[:8]]):
        return False
    past = y[before]
    return bool(np.ptp(past) > 0) and np.array_equal(column[row], past)


def _rows_apart(entity: Ints, time: Ints, periods: int) -> tuple[Ints, Ints]:
    """Rows of an entity some periods apart, which lie at most as many rows apart: the later, the earlier."""
    later = []
    for step in range(1, min(periods, time.size - 1) + 1):
        same = (entity[step:] == entity[:-step]) & (time[step:] - time[:-step] == periods)
        later.append((np.flatnonzero(same) + step, step))
    rows = [row for row, _ in later] or [np.empty(0, dtype=np.intp)]
    before = [row - step for row, step in later] or [np.empty(0, dtype=np.intp)]
    return np.concatenate(rows), np.concatenate(before)
