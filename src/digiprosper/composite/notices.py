"""Notices on weights and scores of indices, and on ranks.

=================== ====================================================================
code                data
=================== ====================================================================
constant_indicator  columns, times (column to the periods in which it is constant; empty
                    for always)
dominant_indicator  weights (column to weight), limit, times (column to period)
negative_weight     weights (column to weight)
opposed_indicator   correlations (by column, with the mean of the others)
shift               shift
legacy_lnT          scope
zero_score          count
beyond_end_points   shares (column to its share of rows beyond), nobs, lowest, highest
                    (scores)
beyond_base_year    the same
beyond_ideal        count, nobs
unstable_components reasons
fixed_weights       weighting
equally_bad         count
zero_system         count
unlike_scales       medians (by system)
impossible          missing, kept (option to values)
=================== ====================================================================
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from digiprosper.composite.cells import names_where
from digiprosper.composite.kernels.structure import FIXED_WEIGHTS, Rule, Weighing
from digiprosper.composite.kernels.uncertainty import EntitySums
from digiprosper.errors import Notice, cited, notice_of
from digiprosper.kernels import Bools, Floats
from digiprosper.kernels.tolerances import NO_DIVISION, SAME_SCORE
from digiprosper.report.notices import imputed
from digiprosper.report.text import listed

# A shift from which on it changes the weights.
LARGE_SHIFT = 0.01
# A weight dominates the index above this multiple of the equal weight, or, with few
# indicators, above this share.
DOMINANT = 3.0
ALMOST_ALL = 0.9
# In 31 x 10 simulated rows of 4 to 15 indicators, of which some are unrelated or fall
# over time, a lower correlation is in at most .5% of the panels. If an indicator of the
# opposite direction has "+", it is in 35 to 98%.
OPPOSED = -0.5
MANY = 100
# Coupling above the first and development below the second are noticed in this share
# of rows: the poorest rows of all indices are such.
COUPLED = 0.9
POOR = 0.2
SHARE = 0.05
# C is at most .8 where one of two systems is a fourth of the other; of few rows this
# may be so.
UNLIKE = 4.0
FEWEST = 20
# Causes of a geometric mean of 0.
_ZERO_FACTORS = {
    "geometric": "indicator is 0",
    "geometric_dimensions": "dimension has only indicators that are 0",
}
_UNSTABLE = {
    "count": (
        "an eigenvalue is close to 1, so the number of retained components is uncertain"
    ),
    "order": (
        "two eigenvalues are close to each other, so the loadings of their components "
        "are uncertain"
    ),
    "sign": "the elements of a component nearly add up to 0, so its sign is uncertain",
}


def weight_remarks(
    names: Sequence[str],
    weighings: Sequence[Weighing],
    rule: Rule,
    periods: Sequence[object] = (),
) -> Iterator[Notice]:
    """Report constant columns, dominant and negative weights, and a large shift."""
    weights = np.array([w.weights for w in weighings])
    constant = np.array([w.constant for w in weighings])
    if not rule.keeps_constant:
        yield from _constant_remarks(names, constant, periods)
    if rule.shift >= LARGE_SHIFT:
        yield notice_of("shift", shift=float(rule.shift))
    if rule.estimated:
        yield from _dominant_remarks(names, weights, constant, periods)
    least = zip(names, weights.min(axis=0).tolist(), strict=True)
    if negative := {n: w for n, w in least if w < 0}:
        shown = [f"{cited(n)} ({w:.2f})" for n, w in negative.items()]
        yield notice_of("negative_weight", weights=negative, _shown=shown)


def opposed_remarks(names: Sequence[str], z: Floats) -> Iterator[Notice]:
    """Report columns (N, m) that are low where most others are high."""
    if z.shape[1] < 3 or len(z) < MANY:
        return
    r = pd.DataFrame(z, columns=[*names]).corr().to_numpy(na_value=0.0)
    sums = r.sum(axis=0)
    # Correlations with the sum of the other standardised columns
    with_others = (sums - 1) / np.sqrt(np.maximum(r.sum() - 2 * sums + 1, NO_DIVISION))
    pairs = zip(names, with_others.tolist(), strict=True)
    if opposed := {name: value for name, value in pairs if value < OPPOSED}:
        shown = [f"{cited(n)} ({value:.2f})" for n, value in opposed.items()]
        yield notice_of("opposed_indicator", correlations=opposed, _shown=shown)


def _constant_remarks(
    names: Sequence[str], constant: Bools, periods: Sequence[object]
) -> Iterator[Notice]:
    """Report columns that are constant in all states or in some; constant (L, m)."""
    always = np.asarray(constant.all(axis=0))
    if columns := tuple(names_where(names, always)):
        them = "it" if len(columns) == 1 else "them"
        yield notice_of("constant_indicator", columns=columns, times={}, _them=them)
    times = {
        names[j]: tuple(p for p, c in zip(periods, constant[:, j], strict=True) if c)
        for j in np.flatnonzero(constant.any(axis=0) & ~always).tolist()
    }
    if times:
        shown = "; ".join(
            f"{cited(n)} in {', '.join(map(str, t[:5]))}" for n, t in times.items()
        )
        yield notice_of(
            "constant_indicator.in_periods",
            columns=tuple(times),
            times=times,
            _shown=shown,
        )


def _dominant_remarks(
    names: Sequence[str], weights: Floats, constant: Bools, periods: Sequence[object]
) -> Iterator[Notice]:
    """Report weights (L, m) of several times the equal weight."""
    varying = np.maximum(1, (~constant).sum(axis=1))
    # A single indicator has all the weight.
    limits = np.where(varying > 1, np.minimum(DOMINANT / varying, ALMOST_ALL), 1.0)
    dominant = weights > limits[:, None]
    if not dominant.any():
        return
    state = np.where(dominant, weights, -np.inf).argmax(axis=0)
    columns = np.flatnonzero(dominant.any(axis=0)).tolist()
    large = {names[j]: float(weights[state[j], j]) for j in columns}
    limit = float(limits[dominant.any(axis=1)][0])
    times = {names[j]: periods[state[j]] for j in columns} if periods else {}
    limit_text = f"three times the equal weight {limit / DOMINANT:.2f}"
    yield notice_of(
        "dominant_indicator",
        weights=large,
        limit=limit,
        times=times,
        _shown=[
            f"{cited(n)} ({w:.2f}{f' in {times[n]}' if times else ''})"
            for n, w in large.items()
        ],
        _limit=f"{ALMOST_ALL:.0%}" if limit == ALMOST_ALL else limit_text,
    )


def fixed_weights(weighting: str) -> Iterator[Notice]:
    """Report that weights which are not estimated are the same in all draws."""
    if weighting in FIXED_WEIGHTS:
        yield notice_of("fixed_weights", weighting=weighting)


def zero_remarks(values: Floats, aggregate: str) -> Iterator[Notice]:
    """Report scores that are 0 because a factor of a geometric mean is 0."""
    zeros = int((values == 0).sum())
    if aggregate in _ZERO_FACTORS and zeros:
        factor = _ZERO_FACTORS[aggregate]
        yield notice_of("zero_score", count=zeros, _nobs=values.size, _factor=factor)


def beyond_remarks(
    names: Sequence[str], z: Floats, values: Floats, *, one_year: bool
) -> Iterator[Notice]:
    """Report values beyond the end points; a warning unless these are of one year."""
    lowest, highest = float(values.min()), float(values.max())
    beyond = zip(names, ((z < 0) | (z > 1)).mean(axis=0).tolist(), strict=True)
    shares = {name: share for name, share in beyond if share > 0}
    if shares and (lowest < 0.0 or highest > 1.0):
        yield notice_of(
            "beyond_base_year" if one_year else "beyond_end_points",
            shares=shares,
            nobs=values.size,
            lowest=lowest,
            highest=highest,
            _shown=[f"{cited(name)} in {share:.0%}" for name, share in shares.items()],
        )


def beyond_ideal_remarks(
    scores: Floats, scores_up_to_best: Floats, scores_from_worst: Floats
) -> Iterator[Notice]:
    """Report TOPSIS scores that better values lower, or worse values raise."""
    lowered = scores < scores_up_to_best - SAME_SCORE
    raised = scores > scores_from_worst + SAME_SCORE
    count = int((lowered | raised).sum())
    if count > SHARE * len(scores):
        yield notice_of("beyond_ideal", count=count, nobs=len(scores))


def component_remarks(sums: EntitySums | None) -> Iterator[Notice]:
    """Report PCA weights whose components may change within the sampling error."""
    if sums is None or sums.rows.size < 2:
        return
    if reasons := sums.unstable_components():
        explained = "; ".join(_UNSTABLE[reason] for reason in reasons)
        yield notice_of("unstable_components", reasons=reasons, _reasons=explained)


def imputed_remarks(
    imputations: pd.DataFrame, names: Sequence[str]
) -> Iterator[Notice]:
    """Report interpolated cells (as in `Panel.imputations`), which use later years."""
    filled = imputations["column"].tolist()
    if cells := {n: filled.count(n) for n in names if n in filled}:
        shown = ", ".join(f"{cited(n)} ({c})" for n, c in cells.items())
        yield imputed(cells, "ahead", _shown=shown)


def coupling_notices(
    scores: Floats, names: Sequence[str], coupling: Floats, development: Floats
) -> Iterator[Notice]:
    """Report coupling of poor systems, of zeros, and of systems on unlike scales."""
    poor = int(((coupling > COUPLED) & (development < POOR)).sum())
    if poor > SHARE * len(scores):
        yield notice_of("equally_bad", count=poor, _coupled=COUPLED, _poor=POOR)
    if zeros := int(((scores == 0).any(axis=1) & (development > 0)).sum()):
        yield notice_of("zero_system", count=zeros)
    medians = dict(zip(names, np.median(scores, axis=0).tolist(), strict=True))
    low, high = (choose(medians, key=medians.__getitem__) for choose in (min, max))
    apart = medians[high] > UNLIKE * medians[low]
    if apart and len(scores) >= FEWEST and np.median(coupling) < COUPLED:
        shown = [f"{cited(name)} ({medians[name]:.2g})" for name in (low, high)]
        yield notice_of("unlike_scales", medians=medians, _shown=shown)


def impossible_notice(
    possible: Bools,
    options: Sequence[tuple[str, Sequence[Any]]],
    complete: Sequence[Sequence[int]],
) -> Iterator[Notice]:
    """Report impossible combinations; those of the positions `complete` are not."""
    if possible.all():
        return
    used = {
        name: [values[p] for p in positions]
        for (name, values), positions in zip(options, complete, strict=True)
    }
    excluded = [
        f"{n} {cited(v)}" for n, values in options for v in values if v not in used[n]
    ]
    yield notice_of(
        "impossible" if all(complete) else "impossible.no_shares",
        missing=int((~possible).sum()),
        kept=used,
        _combinations=possible.size,
        _excluded=listed(excluded),
    )
