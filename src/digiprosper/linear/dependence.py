"""Notices of correlated errors that the standard errors leave out.

=============== ======================================================================
code            data
=============== ======================================================================
shared_exposure term, p_value, ratio, entity (name); not a warning
in_entities     term, ratio (of variances), entity (name); not a warning
near_entities   term, ratio (of variances), entity (name); not a warning
lasting_shocks  term, correlation, ratio (of variances), lags; not a warning
=============== ======================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from digiprosper.errors import Notice, notice_of
from digiprosper.kernels import Floats, Ints
from digiprosper.kernels.equation import Solved
from digiprosper.kernels.within import is_nested, less_means
from digiprosper.linear.diagnostics import is_staggered
from digiprosper.linear.doubtful_rows import HEAVY
from digiprosper.linear.kernels.residual_tests import (
    dependence_in_periods,
    lasting_sums,
    moulton_factor,
    period_sums,
)
from digiprosper.linear.preparation import Prepared
from digiprosper.panel import Sample
from digiprosper.report.inference import BY_ROW
from digiprosper.report.text import p_words

# Common shocks are reported from so many periods and entities on. Where entities are
# independent and their variances differ much, a notice is false in up to 2% of panels.
_FEWEST_PERIODS = 5
_FEWEST_ENTITIES = 10
# Computing the moments of correlated sums takes up to a second, and as many numbers as
# there are entities times periods.
_MOST_PRODUCTS = 5e9
_MOST_CELLS = 10
# Neighbours in a cell, whose sums understate what errors by distance would be
_NEIGHBOURS = 5
_LARGER_IN_CELLS = 1.5
# Dependence is reported if the variance is more than twice as large with it, and if it
# is no chance: by its p-value, or by its distance from zero in standard errors.
_STANDARD_ERRORS = 4
_NO_CHANCE = 0.001
_LARGER = 2.0
# Lower limits for common shocks where periods have no effects, because 31 entities and
# ten periods would seldom reach the others.
_UNLIKELY = 0.01
_LARGER_BY_SHOCKS = 1.5
# A column with two values is a policy if it changes at most so often in an entity.
_POLICY_CHANGES = 2.0


def dependent_scores(
    prepared: Prepared, solved: Solved, names: Sequence[str]
) -> list[Notice]:
    """Report correlated scores of the first regressor that the errors leave out.

    Of a category it is the level with the smallest variance.
    """
    if prepared.block_sums is not None or not solved.weighted_residuals.any():
        return []
    checks = [*_score_checks(prepared)]
    if checks:
        levels = _levels_of_first(prepared.sample, names)
        root = solved.root[levels] / np.abs(solved.root[levels]).max()
        at = levels[int(np.linalg.norm(root, axis=1).argmin())]
        scores = (solved.score_columns @ solved.root[at]) * solved.weighted_residuals
        for check in checks:
            if notices_of_check := [*check(prepared, scores, names[at])]:
                return notices_of_check
        if not prepared.options.time_effects:
            return [*common_shocks(prepared, solved, names[at], at)]
    return []


def _levels_of_first(sample: Sample, names: Sequence[str]) -> list[int]:
    factors = [*map(sample.factors_of, names)]
    first, *others = factors[0]
    if first.level is None or others:
        return [0]
    columns = [[f.column for f in of_term] for of_term in factors]
    return [at for at, column in enumerate(columns) if column == columns[0]]


def _score_checks(
    prepared: Prepared,
) -> Iterator[Callable[[Prepared, Floats, str], Iterator[Notice]]]:
    """List what to check; the errors that one advises may allow for the next, too."""
    keys, clusters = prepared.sample.keys, prepared.cluster_names
    inside = keys.entity_name in prepared.effect_names
    by_row = prepared.options.cov_type in BY_ROW and not inside
    if _has_pairs(prepared.sample):
        if keys.time_name in clusters:
            yield _lasting_shocks
        if by_row or (clusters == (keys.time_name,) and not inside):
            yield _in_entities
        if by_row or len(clusters) == 1:
            yield _shared_exposure
    if prepared.degrees is not None and (by_row or clusters == (keys.entity_name,)):
        yield _near_entities


def _is_heavy(prepared: Prepared) -> bool:
    weights = prepared.obs_weights
    if weights is None:
        return False
    groups = (*prepared.cluster_codes, prepared.sample.entity)[0]
    return bool(np.bincount(groups, weights).max() > HEAVY * weights.sum())


def _has_pairs(sample: Sample) -> bool:
    n, n_times = sample.n_entities, sample.n_times
    enough = n >= _FEWEST_ENTITIES and n_times >= _FEWEST_PERIODS
    is_dense = n * n_times <= _MOST_CELLS * sample.nobs
    return enough and is_dense and max(n, n_times) * n_times**2 <= _MOST_PRODUCTS


def _squared_sums(codes: Ints, scores: Floats) -> float:
    return float((np.bincount(codes, scores) ** 2).sum())


def _near_entities(prepared: Prepared, scores: Floats, name: str) -> Iterator[Notice]:
    """Report scores that near entities share, as noise in maps does."""
    assert prepared.degrees is not None
    # Entities without coordinates are not near each other.
    on_map = ~np.isnan(prepared.degrees).any(axis=1)
    sums = np.bincount(prepared.sample.entity, scores)[on_map]
    n = sums.size
    # By ranks of latitude and longitude
    across = int((n / _NEIGHBOURS) ** 0.5)
    if not across:
        return
    sums = sums - sums.mean()
    squares = sums**2
    ranks = prepared.degrees[on_map].argsort(axis=0).argsort(axis=0)
    cells = ranks * across // n @ (across, 1)
    added = _squared_sums(cells, sums) - squares.sum()
    error = (2 * (_squared_sums(cells, squares) - (squares**2).sum())) ** 0.5
    if added > max((_LARGER_IN_CELLS - 1) * squares.sum(), _STANDARD_ERRORS * error):
        ratio = 1 + added / squares.sum()
        entity = prepared.sample.keys.entity_name
        yield notice_of(
            "near_entities", term=name, ratio=ratio, entity=entity, _times=ratio**0.5
        )


def _in_entities(prepared: Prepared, scores: Floats, name: str) -> Iterator[Notice]:
    """Report scores of an entity that are correlated over time, without clusters."""
    sample, clusters = prepared.sample, prepared.cluster_names
    rows = float(scores @ scores)
    used = _squared_sums(sample.time, scores) if clusters else rows
    ratio = 1 + (_squared_sums(sample.entity, scores) - rows) / used
    if ratio <= _LARGER:
        return
    # What entities share in a period is no correlation between rows of one.
    squares = period_sums(less_means(scores, sample.time), sample.entity) ** 2
    error = squares.std(ddof=1) / squares.size**0.5
    if squares.mean() - 1 > _STANDARD_ERRORS * error:
        entity = sample.keys.entity_name
        yield notice_of(
            "in_entities",
            term=name,
            ratio=ratio,
            entity=entity,
            _clusters=str([entity, *clusters]),
            _times=ratio**0.5,
            _than="as large" if clusters else "the robust one",
        )


def _shared_exposure(prepared: Prepared, scores: Floats, name: str) -> Iterator[Notice]:
    """Report if entities, or clusters of them, share scores within periods."""
    sample, keys = prepared.sample, prepared.sample.keys
    # Demeaned by period, others share the errors of a cluster with most weights.
    if _is_heavy(prepared):
        return
    for codes in prepared.cluster_codes:
        if not is_nested(sample.entity, codes):
            return
    entity, groups, periods = keys.entity_name, sample.entity, sample.time
    if prepared.cluster_names and prepared.cluster_names != (entity,):
        (entity,) = prepared.cluster_names
        joint = prepared.cluster_codes[0] * sample.n_times + periods
        cells, rows = np.unique(joint, return_inverse=True)
        scores = np.asarray(np.bincount(rows, scores), dtype=np.float64)
        groups, periods = np.divmod(cells, sample.n_times)
        if groups.max() + 1 < _FEWEST_ENTITIES:
            return
    ratio = float((period_sums(scores, periods) ** 2).mean())
    if ratio <= _LARGER or _is_policy(sample, name):
        return
    p_value = dependence_in_periods(scores, groups, periods).p_value
    if p_value < _NO_CHANCE:
        yield _exposure(prepared, entity, name, ratio, p_value)


def _exposure(
    prepared: Prepared,
    entity: str,
    name: str,
    ratio: float,
    p_value: float,
    *,
    common: bool = False,
) -> Notice:
    time = prepared.sample.keys.time_name
    also = f"effects of groups by period, such as absorb='region^{time}'"
    if time not in prepared.effect_names:
        also = f"effects of {time}"
    return notice_of(
        "shared_exposure.common" if common else "shared_exposure",
        term=name,
        p_value=p_value,
        ratio=ratio,
        entity=entity,
        _time=time,
        _p=p_words(p_value),
        _errors=f"clustered by {entity}" if prepared.cluster_names else "by row",
        _also=also,
        _times=ratio**0.5,
    )


def common_shocks(
    prepared: Prepared, solved: Solved, name: str, position: int
) -> Iterator[Notice]:
    """Report a regressor and residuals that both have a common path over time."""
    sample, clusters = prepared.sample, prepared.cluster_names
    entity, time = sample.keys.entity_name, sample.keys.time_name
    by_entity = clusters == (entity,) or prepared.options.cov_type in BY_ROW
    if time in prepared.effect_names or not by_entity or not _has_pairs(sample):
        return
    regressor = solved.score_columns @ solved.root[position]
    residuals = solved.weighted_residuals
    ratio = moulton_factor(regressor, residuals, sample.time)
    if ratio <= _LARGER_BY_SHOCKS or _is_heavy(prepared):
        return
    p_value = dependence_in_periods(residuals, sample.entity, sample.time).p_value
    if p_value < _UNLIKELY:
        yield _exposure(prepared, entity, name, ratio, p_value, common=True)


def _lasting_shocks(prepared: Prepared, scores: Floats, name: str) -> Iterator[Notice]:
    """Report sums of scores by period that are correlated over time."""
    sample, periods = prepared.sample, prepared.sample.n_times
    # A correlation of few periods is never four times its standard error.
    if periods <= _STANDARD_ERRORS**2:
        return
    lags = int(1.3 * periods**0.5)
    correlation, added = lasting_sums(scores, sample.entity, sample.time, lags)
    # Clusters in two ways: what rows of an entity share is no shock that lasts.
    used = _squared_sums(sample.time, scores) - float(scores @ scores)
    used += _squared_sums(sample.entity, scores)
    ratio = 1 + added / used
    if ratio > _LARGER and correlation > _STANDARD_ERRORS / np.sqrt(periods):
        yield notice_of(
            "lasting_shocks",
            term=name,
            correlation=correlation,
            ratio=ratio,
            lags=lags,
            _time=sample.keys.time_name,
            _entity=sample.keys.entity_name,
            _times=ratio**0.5,
        )


def _is_policy(sample: Sample, name: str) -> bool:
    """Tell whether a regressor changes once in an entity, or begins and ends."""
    # Effects of a policy that grow or differ look like shocks that the treated share.
    column, entity = sample.matrix[:, sample.names.index(name)], sample.entity
    changes = (np.diff(entity) == 0) & (np.diff(column) != 0)
    counts = np.bincount(entity[1:][changes], minlength=entity.max() + 1)
    # A policy ends at most; a day above 30 degrees, or in a bin, comes and goes.
    in_two = np.isin(column, (column.min(), column.max())).all()
    begins_or_ends = counts.max() <= 1 or (in_two and counts.mean() <= _POLICY_CHANGES)
    return bool(begins_or_ends or is_staggered(column, sample))
