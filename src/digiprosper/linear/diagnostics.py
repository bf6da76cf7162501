"""Notices about any equation: lags of the outcome, few clusters, lost digits, no variance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from digiprosper.errors import Notice, cited, quoted
from digiprosper.kernels.leverage import effective_clusters, variation_shares
from digiprosper.kernels.tolerances import LOST_DIGITS, NEGATIVE
from digiprosper.kernels.within import is_nested
from digiprosper.linear.notices import (
    EFFECTIVE_CLUSTERS,
    FewTreated,
    few_treated_notices,
    lagged_outcome_notice,
    near_collinear,
)
from digiprosper.report.notices import not_psd

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import pandas as pd

    from digiprosper.kernels import Floats, Ints
    from digiprosper.linear.preparation import Prepared
    from digiprosper.panel import Sample

_LAGS = (1, 2)
_HALF = 0.5
_BIASED_SLOPES = (
    "and so are the other slopes. Omit it, or use an estimator for dynamic panels (Arellano & Bond 1991)."
)
_NO_REGRESSOR = frozenset({"y", "obs_weights", "coordinates", "threshold_variable", "absorb"})


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
    found = []
    for clusters, codes in zip(prepared.cluster_names, prepared.cluster_codes, strict=True):
        groups = int(codes.max()) + 1
        shares = variation_shares(basis, root, codes, groups, obs_weights=prepared.obs_weights)
        effective = effective_clusters(shares)
        few = np.flatnonzero(effective < min(EFFECTIVE_CLUSTERS, _HALF * groups))
        told = [j for j in few.tolist() if names[j] not in unread]
        if told:
            levels = prepared.sample.code_levels[clusters]
            terms = {names[j]: _carriers(float(effective[j]), shares[:, j], levels) for j in told}
            found.append(FewTreated(clusters, groups, terms))
    return few_treated_notices(found)


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
        f"{quoted(lost)}: rounding leaves fewer than six correct digits after the effects and the other "
        "regressors are partialled out, because its columns are far from zero. Coefficients and standard "
        "errors are not more precise. Subtract the mean of each column before it is squared or multiplied."
    )
    return [near_collinear(lost, "rounding", float(rounding.max()), text)]


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
    given = list(notices)
    others = [notice for notice in given if notice.code != "few_treated"]
    few = [FewTreated(**notice.data) for notice in given if notice.code == "few_treated"]
    distinct = [notice for place, notice in enumerate(others) if notice not in others[:place]]
    return [*distinct, *few_treated_notices(few)]


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
    if not any(is_nested(codes, sample.entity) for codes in prepared.within.codes):
        return []
    searched = sorted(set(sample.roles) - _NO_REGRESSOR) if roles is None else roles
    found = {at: _lags_of_outcome(sample, at, searched) for at in sample.roles[outcome]}
    word = "outcome" if outcome == "y" else "mediator"
    return [
        lagged_outcome_notice(columns, f"the {word} {cited(sample.names[at])}", sample, consequence)
        for at, columns in found.items()
        if columns
    ]


def _lags_of_outcome(sample: Sample, at: int, roles: Sequence[str]) -> list[str]:
    """Find columns with a lag of one or two periods as a factor, by its term or by its values.

    By its values a column is a lag if it repeats the outcome of one or two periods before, wherever both are
    in the sample.
    """
    places = list(dict.fromkeys(place for role in roles for place in sample.roles[role]))
    named = _named_lags(sample.lags[sample.names[at]])
    by_term = {place for place in places if not named.isdisjoint(sample.lags[sample.names[place]])}

    by_value = set[int]()
    for rows in _rows_apart(sample.entity, sample.time):
        by_value.update(_repeating(sample.matrix, places, at, *rows))
    return list(dict.fromkeys(sample.names[place] for place in places if place in by_term | by_value))


def _named_lags(itself: Sequence[tuple[str, int]]) -> set[tuple[str, int]]:
    """Name the lags of an outcome that is one factor, itself perhaps shifted."""
    if len(itself) != 1:
        return set()
    factor, shift = itself[0]
    return {(factor, shift + k) for k in _LAGS}


def _repeating(matrix: Floats, places: Sequence[int], at: int, row: Ints, before: Ints) -> list[int]:
    """Find columns that repeat what the outcome was in earlier rows, which were not all the same."""
    if row.size < 2:
        return []
    # The first rows are enough to see that most columns are no lag.
    first = matrix[row[:8]][:, places] == matrix[before[:8], at, None]
    likely = [place for place, same in zip(places, first.all(axis=0), strict=True) if same]
    if not likely:
        return []
    past = matrix[before, at]
    if np.ptp(past) == 0:
        return []
    return [place for place in likely if np.array_equal(matrix[row, place], past)]


def _rows_apart(entity: Ints, time: Ints) -> Iterator[tuple[Ints, Ints]]:
    """Rows of an entity some periods apart, which lie at most as many rows apart: the later, the earlier."""
    steps = range(1, min(max(_LAGS), time.size - 1) + 1)
    # Rows of another entity are no periods apart.
    gaps = {step: np.where(entity[step:] == entity[:-step], time[step:] - time[:-step], 0) for step in steps}
    for periods in _LAGS:
        before = [np.flatnonzero(gap == periods) for step, gap in gaps.items() if step <= periods]
        row = [found + step for step, found in zip(steps, before, strict=False)]
        none = np.empty(0, dtype=np.intp)
        yield np.concatenate([none, *row]), np.concatenate([none, *before])


def not_semidefinite(
    prepared: Prepared, terms: Sequence[str], covariance: Floats, middle: Floats
) -> list[Notice]:
    """Report a covariance of two-way clusters, or of Conley, that is not positive semidefinite.

    Parameters
    ----------
    prepared : Prepared
        With the clusters, or the rows that are near each other.
    terms : sequence of str
        Names of the coefficients.
    covariance : (k, k) array
        Their covariance.
    middle : (m, m) array
        Covariance of their scores, with as many negative eigenvalues.

    Returns
    -------
    list of Notice
        One, or none.
    """
    what = _perhaps_indefinite(prepared)
    fewer = "another cutoff or kernel" if prepared.near is not None else "clusters in fewer ways"
    if what is None or np.linalg.eigvalsh(middle)[0] >= -NEGATIVE:
        return []
    negative = [t for t, v in zip(terms, np.diag(covariance), strict=True) if v < 0]
    text = (
        f"the covariance {what} is not positive semidefinite; it is not adjusted. Some standard errors are "
        f"too small or missing: compare with {fewer}."
    )
    if negative:
        have = "has" if len(negative) == 1 else "have"
        text += f" {quoted(negative)} {have} a negative variance and no standard error."
    return [not_psd(negative, text)]


def _perhaps_indefinite(prepared: Prepared) -> str | None:
    """Name a covariance that need not be positive semidefinite."""
    if prepared.near is not None:
        return f"of cov_type='conley' with the {prepared.near.kernel} kernel"
    ways = {2: "two-way", 3: "three-way"}.get(len(prepared.cluster_codes))
    return None if ways is None else f"of {ways} clusters"
