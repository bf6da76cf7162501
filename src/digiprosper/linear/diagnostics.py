"""Notices of any equation: lagged outcomes, few clusters, lost digits, no variance.

=============== ======================================================================
code            data
=============== ======================================================================
no_main_effect  term (a product), columns (its factors that are no regressors),
                estimate, with_them (the coefficient beside them); not a warning
turn_outside    term, square, turn, low, high (of the term); not a warning
=============== ======================================================================
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain, product, repeat
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from digiprosper.errors import Notice, notice_of, subject
from digiprosper.kernels import Floats, Ints
from digiprosper.kernels.leverage import effective_clusters, variation_shares
from digiprosper.kernels.tolerances import IS_SQUARE, LOST_DIGITS, NEGATIVE
from digiprosper.kernels.within import is_nested
from digiprosper.linear import notices
from digiprosper.linear.doubtful_terms import columns_of, is_dummy, stocks_of
from digiprosper.linear.kernels.wild import ClusterSums, variation_by_cluster
from digiprosper.linear.preparation import Prepared
from digiprosper.linear.results import LinearResults
from digiprosper.panel import Sample
from digiprosper.report.notices import not_psd
from digiprosper.report.terms import Factor

_ROLES_OF_INTEREST = frozenset({"treatment", "mediators", "endog", "instruments"})
_NO_REGRESSOR = frozenset(
    {"y", "obs_weights", "coordinates", "threshold_variable", "absorb"}
)
_LAGS = (1, 2)
# A column is explained by others if at most this share of its norm remains.
_SPANNED = 1e-6
_HALF = 0.5
# Entities may share so few different values by chance.
_BY_CHANCE = range(2, 5)
# Not all: some households move from one region to another.
_ALIKE = 0.9
# With a larger share of entities that leave the treatment, it is no staggered one.
_MOVERS = 0.1
_SIGNIFICANT = 0.05
# Growth rates in a file are often rounded.
_ROUNDED = 0.01
_WAYS = {2: "two-way", 3: "three-way"}
_BIASED_SLOPES = (
    "and so are the other slopes. Omit it, or use an estimator that corrects this: "
    "DynamicPanel(..., estimator='lsdvc')."
)
_BIASED_BY_STOCKS = (
    "and so are the other slopes. Omit it, or use DynamicPanel(predetermined=...)."
)


class ClusterVariation(NamedTuple):
    """How much of the variation of k regressors is in each of the G clusters."""

    clusters: str
    groups: int
    effective: Floats  # (k,) effective number of clusters
    shares: Floats  # (G, k), perhaps of the largest clusters only
    labels: Any  # of the clusters in `shares`


def few_treated(
    prepared: Prepared,
    names: Sequence[str],
    basis: Floats,
    root: Floats,
    *,
    by_cluster: Sequence[ClusterSums] = (),
    auxiliary: Sequence[str] = (),
    model: str = "",
    limit: float = notices.EFFECTIVE_CLUSTERS,
) -> list[Notice]:
    """Report slopes identified by few clusters, except those of `auxiliary`."""
    sample, scan = prepared.sample, prepared.block_sums
    in_one_way = len(prepared.cluster_names) == 1
    # Those of a scanned table are in its blocks.
    is_weighted = prepared.obs_weights is not None or prepared.options.obs_weights
    dimensions = []
    for variation in (
        _variation_by_cluster(prepared, basis, root, by_cluster)
        if scan is None
        else scan.variation(names)
    ):
        few = min(limit, _HALF * variation.groups)
        by_term = zip(names, variation.effective, variation.shares.T, strict=True)
        carriers = {
            name: largest_clusters(float(effective), shares, variation.labels)
            for name, effective, shares in by_term
            if effective < few and name not in auxiliary
        }
        if carriers:
            controls = _controls_among(sample, names, _two_valued_columns(prepared))
            terms = dict(sorted(carriers.items(), key=lambda item: item[0] in controls))
            entry = notices.FewTreated(
                clusters=variation.clusters,
                n_clusters=variation.groups,
                terms=terms,
                only_controls=next(iter(terms)) in controls,
                cov_type=prepared.options.cov_type,
                has_cr2=in_one_way and not is_weighted,
                model=model,
            )
            dimensions.append(entry)
    return notices.few_treated_notices(dimensions)


def _variation_by_cluster(
    prepared: Prepared, basis: Floats, root: Floats, by_cluster: Sequence[ClusterSums]
) -> Iterator[ClusterVariation]:
    for clusters, codes, groups, sums in zip(
        prepared.cluster_names,
        prepared.cluster_codes,
        prepared.count.groups,
        by_cluster or repeat(None),
        strict=False,
    ):
        if sums is None:
            shares = variation_shares(
                basis, root, codes, groups, obs_weights=prepared.obs_weights
            )
        else:
            shares = variation_by_cluster(sums, sums.root[: len(root)])
        levels = prepared.sample.code_levels[clusters]
        effective = effective_clusters(shares)
        yield ClusterVariation(clusters, groups, effective, shares, levels)


def _two_valued_columns(prepared: Prepared) -> set[str]:
    """Find the columns that have at most two values."""
    scan = prepared.block_sums
    parts = (
        [_three_values(prepared.sample)]
        if scan is None
        else scan.rows.blocks.run(_three_values)
    )
    columns = zip(prepared.sample.names, *parts, strict=True)
    return {name for name, *seen in columns if len(set[float]().union(*seen)) <= 2}


def _three_values(sample: Sample) -> list[set[float]]:
    columns = sample.matrix.T[: len(sample.names)]
    return [{*np.unique(column)[:3].tolist()} for column in columns]


def _controls_among(
    sample: Sample, names: Sequence[str], two_values: Collection[str]
) -> set[str]:
    """Select the regressors that are controls: no treatment, mediator or first term."""
    first = columns_of(sample, names[:1]).keys()
    listed = {
        sample.names[at]
        for role, columns in sample.roles.items()
        if role not in _ROLES_OF_INTEREST
        for at in columns
    }
    return {
        name
        for name in names[1:]
        if name in listed
        and first.isdisjoint(columns_of(sample, [name]))
        and name not in two_values
    }


def largest_clusters(
    effective: float, shares: Floats, levels: pd.Index[Any]
) -> dict[str, Any]:
    """Return the clusters with most of a regressor's variation, and their shares."""
    largest = np.argsort(-shares, kind="stable")[: max(1, round(effective))]
    return {
        "effective": effective,
        "share": float(shares[largest].sum()),
        "largest": dict(
            zip(levels[largest].tolist(), shares[largest].tolist(), strict=True)
        ),
    }


def shared_between_clusters(
    prepared: Prepared,
    demeaned: Any,  # `estimation.Demeaned`, whose module imports this one
    columns: Sequence[int],
) -> list[Notice]:
    """Report columns of `demeaned`, the outcome first, that clusters share."""
    if not prepared.cluster_codes or prepared.block_sums is not None:
        return []
    sample, names, raw = prepared.sample, demeaned.names, demeaned.raw
    # Clusters are compared in the period with most rows.
    rows = sample.keys.in_largest_period
    # A sorted column has one step less than different values.
    values = np.sort(raw.T.take(rows, axis=1)[list(columns)], axis=1)
    counts = 1 + (values[:, 1:] != values[:, :-1]).sum(axis=1)
    # There are no more clusters than rows.
    if (counts > _HALF * values.shape[1]).all():
        return []
    groups = min(
        [int((np.bincount(c[rows]) > 0).sum()) for c in prepared.cluster_codes]
    )
    shared = {
        names[j]: count
        for j, count in zip(columns, counts.tolist(), strict=True)
        if count <= _HALF * groups and count not in _BY_CHANCE
        if _values_move_together(sample, raw[:, j])
    }
    if not shared:
        return []
    for name in _controls_among(sample, [names[j] for j in columns[1:]], ()):
        shared.pop(name, None)
    label = f"{sample.keys.time_name} {sample.times[sample.time[rows[0]]]}"
    return notices.shared_values(shared, prepared.cluster_names, groups, label)


def _values_move_together(sample: Sample, column: Floats) -> bool:
    """Return whether entities with the same value mostly have the same next value."""
    later = np.flatnonzero((np.diff(sample.entity) == 0) & (np.diff(column) != 0)) + 1
    if later.size < _HALF * sample.n_entities:
        return False
    # Integers of some entities may be equal by chance, unless only time changes them.
    if (column == np.round(column)).all() and not is_nested(sample.time, column):
        return False
    # Rounded, since 25 / 12 + 1 is not 37 / 12.
    rounded = np.round(column / np.abs(column).max(), 9)
    values, codes = np.unique(rounded, return_inverse=True)
    before, after = codes[later - 1], codes[later]
    earlier, period = sample.time[later - 1], sample.time[later]
    # Entities with the same value may next be observed in different periods.
    n_times, steps = sample.n_times, before * sample.n_times + period
    ways, share = _count_common_moves(steps * n_times + earlier, after, values.size)
    # The next value of an age, or of a function of it, is the same in all periods.
    ages, share_of_ages = _count_common_moves(steps - earlier, after, values.size)
    is_age = share_of_ages >= _ALIKE and ages <= _ALIKE * ways
    return share >= _ALIKE and later.size >= 2 * ways and not is_age


def _count_common_moves(ways: Ints, after: Ints, size: int) -> tuple[int, float]:
    """Count different moves (N,), and the share with the most frequent end of each."""
    pairs, counts = np.unique(ways * size + after, return_counts=True)
    starts = np.flatnonzero(np.diff(pairs // size, prepend=-1))
    return starts.size, float(np.maximum.reduceat(counts, starts).sum() / after.size)


def lost_digits(names: Sequence[str], moments: Floats, bread: Floats) -> list[Notice]:
    """Report squares and products with fewer than six digits correct after rounding."""
    calculated = [j for j, name in enumerate(names) if ":" in name or "(" in name]
    if not calculated:
        return []
    # A square has 16 digits; the variation that is left after partialling out may be
    # smaller by the square of mean over sd.
    largest = np.abs(moments[:, 3:5]).max(axis=1)
    partial_sd = 1 / np.sqrt(np.diag(bread) * moments[:, 0])
    rounding = np.finfo(np.float64).eps * largest / partial_sd
    columns = {names[j]: rounding[j] for j in calculated if rounding[j] > LOST_DIGITS}
    if not columns:
        return []
    return [
        notice_of(
            "near_collinear.rounding",
            columns=tuple(columns),
            measure="rounding",
            value=float(max(columns.values())),
        )
    ]


def merge_notices(of_equations: Iterable[Notice]) -> list[Notice]:
    """Merge the notices of several equations: drop repetitions, join `few_treated`."""
    distinct, few = list[Notice](), list[notices.FewTreated]()
    for notice in of_equations:
        if notice.code in ("few_treated", "few_effective_clusters"):
            few.append(notices.FewTreated(**notice.data))
        elif notice not in distinct:
            distinct.append(notice)
    return [*distinct, *notices.few_treated_notices(few)]


def lagged_outcome(
    prepared: Prepared,
    consequence: str = _BIASED_SLOPES,
    roles: Sequence[str] | None = None,
    *,
    outcome: str = "y",
) -> list[Notice]:
    """Report lags of the outcome, its level beside growth, and stocks made from it.

    Their slopes are biased (Nickell 1981, eq. 18), with a further `consequence`.
    `roles` are those of the columns to search, by default of all regressors; `outcome`
    is the role of the outcome.
    """
    sample = prepared.sample
    lags, periods = _lags_and_periods(prepared, roles, outcome)

    def notice(
        kind: str, at: int, columns: Sequence[str], consequence: str, **words: str
    ) -> Notice:
        return notice_of(
            f"lagged_outcome{kind}",
            columns=tuple(columns),
            periods=float(periods),
            _outcome=sample.names[at],
            _consequence=consequence,
            **words,
        )

    dynamic = [
        notice(
            "",
            at,
            terms,
            consequence,
            _are_lags=_lag_words(sample, terms),
            _kind="outcome" if outcome == "y" else "mediator",
            _bias=_bias_words(1, periods),
        )
        for at, terms in lags.items()
        if terms
    ]
    if dynamic or prepared.block_sums is not None:
        return dynamic
    columns = _columns_of_roles(sample, roles)
    growth = []
    for at, level in product(lags, columns):
        unit = _unit_of_growth(sample, at, level)
        if unit:
            bias, levels = _bias_words(2 * unit, periods), [sample.names[level]]
            growth.append(notice(".growth", at, levels, consequence, _bias=bias))
    by_stocks = _BIASED_BY_STOCKS if consequence == _BIASED_SLOPES else consequence
    return growth or [
        notice(".stock", at, stocks, by_stocks)
        for at in lags
        if (stocks := stocks_of(sample, at, columns))
    ]


def _lags_and_periods(
    prepared: Prepared, roles: Sequence[str] | None, outcome: str
) -> tuple[dict[int, list[str]], float]:
    """Find lags by outcome, and the mean number of periods of an entity."""
    sample, scan = prepared.sample, prepared.block_sums
    if scan is not None:
        return scan.lags(roles), prepared.count.n / scan.rows.counts.n_entities
    # There is no bias without entity effects, or finer ones.
    if not any(is_nested(codes, sample.entity) for codes in prepared.within.codes):
        return {}, math.nan
    lags = lags_of_outcome(sample, roles, outcome)
    return lags, sample.nobs / sample.n_entities


def lags_of_outcome(
    sample: Sample, roles: Sequence[str] | None = None, outcome: str = "y"
) -> dict[int, list[str]]:
    """Find the columns with a lag of each outcome, by position of the outcome."""
    columns = _columns_of_roles(sample, roles)
    return {at: _lags_of(sample, at, columns) for at in sample.roles[outcome]}


def _columns_of_roles(sample: Sample, roles: Sequence[str] | None) -> list[int]:
    """List the columns of some roles, by default of all roles of regressors."""
    searched = sorted(set(sample.roles) - _NO_REGRESSOR) if roles is None else roles
    return [*dict.fromkeys(chain.from_iterable([sample.roles[r] for r in searched]))]


def _lag_words(sample: Sample, columns: Sequence[str]) -> str:
    """Write whether columns are lags, or contain them, as part of a sentence."""
    single = len(columns) == 1
    if any(len(sample.lags[name]) > 1 for name in columns):
        return "contains a lag" if single else "contain a lag"
    return "is the lag" if single else "are lags"


def _bias_words(constant: int, periods: float) -> str:
    """Write the bias -(1 + rho) / (T - 1), where 1 + rho is `constant` + slope."""
    return f"by about -({constant} + slope) / {max(periods - 1, 1):.3g} (Nickell 1981)"


def missing_main_effects(
    prepared: Prepared,
    demeaned: Any,  # `estimation.Demeaned` of the outcome and the regressors
) -> Iterator[Notice]:
    """Report products without a factor that effects and regressors do not take up."""
    sample, names, net = prepared.sample, demeaned.names, demeaned.columns
    products = _products_without_main_effects(sample, names)
    if not (prepared.options.entity_effects and prepared.options.time_effects):
        for at, name in enumerate(names[1:], 1):
            products.setdefault(at, _arms(sample, name))
    if not products:
        return
    root = np.sqrt(prepared.row_weights)[:, None]
    regressors, y = net[:, 1:] * root, net[:, 0] * root[:, 0]
    for at, main_effects in products.items():
        if not main_effects:
            continue
        raw = np.column_stack([*main_effects.values()])
        added = prepared.within.decompose(np.asfortranarray(raw))[0] * root
        residuals = added - regressors @ np.linalg.lstsq(regressors, added)[0]
        lengths = np.linalg.norm(raw * root, axis=0)
        free = np.flatnonzero(np.linalg.norm(residuals, axis=0) > _SPANNED * lengths)
        if free.size:
            both = np.hstack([regressors, added[:, free]])
            estimate, with_them = (
                float(np.linalg.lstsq(m, y)[0][at - 1]) for m in (regressors, both)
            )
            yield notice_of(
                "no_main_effect",
                term=names[at],
                columns=tuple([*main_effects][j] for j in free),
                estimate=estimate,
                with_them=with_them,
            )


def _products_without_main_effects(
    sample: Sample, names: Sequence[str]
) -> dict[int, dict[str, Floats]]:
    """List, by position, the factors of products of columns that are no regressors."""
    products = {}
    for at, name in enumerate(names[1:], 1):
        factors = sample.factors_of(name)
        texts = [factor.text for factor in factors]
        # A square or cube is the product of a column with itself.
        if len(factors) == 1 and factors[0].power in (2, 3):
            texts = [factors[0].column] * 2
        if len(texts) > 1 and set(texts) <= sample.variables.keys():
            products[at] = {n: sample.variables[n] for n in texts if n not in names}
    return products


def _arms(sample: Sample, name: str) -> dict[str, Floats]:
    """Return the dummies of entities and later periods whose product a dummy is."""
    (factor, *others), keys = sample.factors_of(name), sample.keys
    if others or factor.level is not None or keys.time_name is None:
        return {}
    column = sample.matrix[:, sample.names.index(name)]
    if not is_dummy(column) or not column.any():
        return {}
    treated = np.bincount(sample.entity, column)[sample.entity] > 0
    since = sample.time >= sample.time[column == 1].min()
    arms = treated.astype(np.float64), since.astype(np.float64)
    is_product = np.array_equal(column, arms[0] * arms[1])
    if not is_product or any(np.array_equal(column, arm) for arm in arms):
        return {}
    return dict(zip([f"treated {key}" for key in keys.names], arms, strict=True))


def turn_outside(sample: Sample, results: LinearResults) -> list[Notice]:
    """Report a significant square of the first regressor that turns outside of it."""
    if len(results.names) < 2:
        return []
    names = [name for name in results.names if name in sample.names]
    term, square = names[0], _square_of(sample, names)
    # Also without a p-value, as of a square that is zero with the outcome.
    if square is None or not results.pvalues[square] < _SIGNIFICANT:
        return []
    columns, moments = results.stats
    low, high = moments[columns.index(term), 3:].tolist()
    slope, curvature = results.params[[term, square]].tolist()
    turn = -slope / (2 * curvature)
    if low < turn < high:
        return []
    return [
        notice_of(
            "turn_outside", term=term, square=square, turn=turn, low=low, high=high
        )
    ]


def _square_of(sample: Sample, names: Sequence[str]) -> str | None:
    """Return the regressor that is the square of the first; None if others bend it."""
    x, *others = sample.matrix.T[[sample.names.index(name) for name in names]]
    powers: dict[str, int] = {
        name: power
        for name, z in zip(names[1:], others, strict=True)
        for power in (2, 3)
        # The first row tells of most columns that they are no power.
        if math.isclose(z[0], x[0] ** power, rel_tol=IS_SQUARE)
        and np.allclose(z, x**power, rtol=IS_SQUARE, atol=0)
    }
    if [*powers.values()] != [2]:
        return None
    (square,) = powers
    # A product with something else moves the turning point.
    other_columns = columns_of(sample, [name for name in names[1:] if name != square])
    moves = other_columns.keys() & columns_of(sample, names[:1]).keys()
    return None if moves else square


def staggered(
    prepared: Prepared,
    demeaned: Any,  # `estimation.Demeaned`
    columns: Iterable[int],
    kind: Literal["", "iv", "poisson", "spatial", "mediation"] = "",
) -> tuple[Notice, ...]:
    """Report columns, by position, of treatments that start in different periods."""
    sample, keys = prepared.sample, prepared.sample.keys
    effects = [term.effect for term in prepared.absorbed if term.slope is None]
    two_way = keys.entity_name in effects and keys.time_name in effects
    if not two_way or prepared.block_sums is not None:
        return ()
    positions = [j for j in columns if is_staggered(demeaned.raw[:, j], sample)]
    if not positions:
        return ()
    terms, policy = demeaned.names_at(positions), demeaned.raw[:, positions[0]]
    # The first and the last row of an entity tell whether it is always, or ever treated
    always = policy[np.diff(sample.entity, prepend=-1) != 0].any()
    ever = policy[np.diff(sample.entity, append=-1) != 0]
    event = _event_column(sample.factors_of(terms[0])) if is_dummy(policy) else None
    return notices.staggered_treatment(
        terms,
        event,
        sample,
        kind if is_dummy(policy) else kind or "shares",
        always=bool(always),
        all_treated=bool(ever.all()),
    )


def is_staggered(policy: Floats, sample: Sample) -> bool:
    """Return whether an entity is treated while another is not yet treated."""
    if policy.min() != 0 or policy.max() != 1:
        return False
    entity, on = sample.entity, policy > 0
    same_entity = entity[:-1] == entity[1:]
    # The first treated period may be a share of it, such as 7 of 12 months.
    if (on[:-1] & same_entity & (policy[1:] < 1) & on[1:]).any():
        return False
    off_again = np.bincount(entity[1:], on[:-1] & ~on[1:] & same_entity) > 0
    ever = np.bincount(entity, on) > 0
    before = sample.time[~on & ever[entity]]
    first = sample.time[on].min(initial=sample.n_times)
    # A few persons move away from a place with the treatment.
    stays = off_again.sum() <= _MOVERS * ever.sum()
    return bool(stays and before.max(initial=-1) >= first)


def _event_column(factors: Sequence[Factor]) -> str | None:
    """Return the column with the timing of a treatment, if the term is that column."""
    factor = factors[0]
    plain = len(factors) == 1 and factor.function in ("", "treated")
    if not plain or factor.level is not None or factor.shift:
        return None
    return factor.columns[0]


def _lagged_rows(entity: Ints, time: Ints) -> list[tuple[Ints, Ints]]:
    """Pair rows with the entity's rows one and two periods before: (later, earlier)."""
    # No lag reaches from the periods of one entity to those of another.
    periods = entity * (int(time.max(initial=0)) + 1 + max(_LAGS)) + time
    gaps = periods[1:] - periods[:-1]
    before = np.flatnonzero(gaps == 1)
    # Two periods before is the row before, or the one before that.
    skipped = np.flatnonzero(gaps == 2)
    second = np.flatnonzero(periods[2:] - periods[:-2] == 2)
    return [
        (before + 1, before),
        (np.append(skipped + 1, second + 2), np.append(skipped, second)),
    ]


def _lags_of(sample: Sample, at: int, columns: Iterable[int]) -> list[str]:
    """Find columns with a lag of one or two periods of the outcome."""
    itself = sample.lags[sample.names[at]]
    # The outcome has named lags if it is one factor, itself perhaps shifted.
    lagged_factors = set[tuple[str, int]]()
    if len(itself) == 1:
        lagged_factors = {(itself[0][0], itself[0][1] + lag) for lag in _LAGS}
    repeats = _equal_to_lag(sample, at)
    lags = [
        sample.names[column]
        for column in columns
        if column in repeats
        or not lagged_factors.isdisjoint(sample.lags[sample.names[column]])
    ]
    return list(dict.fromkeys(lags))


def _unit_of_growth(sample: Sample, at: int, column: int) -> int:
    """Return 1 if column `at` is the growth of a level, 100 if in percent, else 0."""
    lags = sample.lags[sample.names[column]]
    if len(lags) != 1 or lags[0][1] != 1:
        return 0
    level = lags[0][0]
    if sample.lags[sample.names[at]] == ((f"diff({level})", 0),):
        return 1
    is_log = level.startswith("log(")
    level_values = sample.variables.get(level[4:-1] if is_log else level)
    if level_values is None or (is_log and not (level_values > 0).all()):
        return 0
    change = (np.log(level_values) if is_log else level_values) - sample.matrix[
        :, column
    ]
    outcome = sample.matrix[:, at]
    rates = (change, np.expm1(change)) if is_log else (change,)
    for rate, unit in product(rates, (1, 100)):
        if np.linalg.norm(outcome - unit * rate) < _ROUNDED * np.linalg.norm(outcome):
            return unit
    return 0


def _equal_to_lag(sample: Sample, at: int) -> set[int]:
    """Find columns equal to the first or second lag of column `at`."""
    matrix, entity, time = sample.matrix, sample.entity, sample.time
    out = set[int]()
    # Three consecutive periods rule out most columns.
    in_a_row = (
        entity[:3].size == 3
        and entity[2] == entity[0]
        and time[0] + 1 == time[1] == time[2] - 1
    )
    if in_a_row and not (matrix[1:3] == matrix[0, at]).any():
        return out
    for later, earlier in _lagged_rows(entity, time):
        # The first rows rule out most of the others.
        likely = (matrix[later[:8]] == matrix[earlier[:8], at, None]).all(axis=0)
        if later.size < 2 or not likely.any():
            continue
        past = matrix[earlier, at]
        if np.ptp(past) > 0:
            candidates = np.flatnonzero(likely).tolist()
            out |= {j for j in candidates if np.array_equal(matrix[later, j], past)}
    return out


def not_semidefinite(
    prepared: Prepared, terms: Sequence[str], covariance: Floats, middle: Floats
) -> list[Notice]:
    """Report a covariance (two-way, Conley) that is not positive semidefinite."""
    near, ways = prepared.near, len(prepared.cluster_codes)
    if near is None and ways < 2:
        return []
    # The scores' covariance has as many negative eigenvalues as that of the slopes.
    if np.linalg.eigvalsh(middle)[0] >= -NEGATIVE:
        return []
    negative = [t for t, v in zip(terms, np.diag(covariance), strict=True) if v < 0]
    text = ""
    if negative:
        text = f" {subject(negative, 'has')} a negative variance and no standard error."
    if near is not None:
        return [not_psd("conley", negative, _kernel=near.kernel, _negative=text)]
    return [not_psd("clusters", negative, _ways=_WAYS[ways], _negative=text)]
