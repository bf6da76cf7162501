"""What is noticed about weights and scores, in words: one maker a code.

=================== ====================================================================
code                data
=================== ====================================================================
constant_indicator  columns, times (column to the periods in which it is constant; empty
                    for always)
dominant_indicator  weights (column to weight), limit, times (column to period)
negative_weight     weights (column to weight)
shift               shift
legacy_lnT          scope
zero_score          count
beyond_end_points   shares (column to its share of rows beyond), nobs, lowest, highest
                    (scores)
beyond_base_year    the same
unstable_components reasons
fixed_weights       weighting
equally_bad         count
impossible          missing, kept (option to values)
=================== ====================================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from digiprosper.composite.cells import names_where
from digiprosper.composite.kernels.structure import FIXED_WEIGHTS, Rule, Weighing
from digiprosper.composite.kernels.uncertainty import EntitySums
from digiprosper.errors import Notice, cited, counted, subject
from digiprosper.kernels import Bools, Floats
from digiprosper.report.notices import imputed
from digiprosper.report.text import listed

# A shift from which on it changes the weights.
LARGE_SHIFT: Final = 0.01
# Weights above so many times the equal weight dominate the index, and with few
# indicators those above this share.
DOMINANT: Final = 3.0
ALMOST_ALL: Final = 0.9
# Systems with a high degree of coupling, of which both are poor.
COUPLED: Final = 0.9
POOR: Final = 0.2
# What makes a geometric mean 0.
_ZERO_FACTORS: Final = {
    "geometric": "indicator is 0",
    "geometric_dimensions": "dimension has only indicators that are 0",
}
_UNSTABLE: Final = {
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
) -> list[Notice]:
    """Remark on constant, dominant and negative weights and on a large shift."""
    weights = np.array([w.weights for w in weighings])
    constant = np.array([w.constant for w in weighings])
    notices = [] if rule.keeps_constant else _constant(names, constant, periods)
    if rule.shift >= LARGE_SHIFT:
        text = (
            f"shift={rule.shift:g} changes the weights and is not needed, since 0 ln 0 "
            "is defined as 0. Use 0 unless replicating."
        )
        notices.append(Notice("shift", text, {"shift": float(rule.shift)}))
    if rule.estimated:
        notices += _dominant(names, weights, constant, periods)
    least = weights.min(axis=0).tolist()
    negative = {n: w for n, w in zip(names, least, strict=True) if w < 0}
    if negative:
        shown = ", ".join(f"{cited(n)} ({w:.2f})" for n, w in negative.items())
        text = (
            f"{shown} has a negative weight: it varies in the opposite direction to "
            "the others, and a higher value lowers the index. Check its direction, "
            "or use weighting='critic'."
        )
        notices.append(Notice("negative_weight", text, {"weights": negative}))
    return notices


def _constant(
    names: Sequence[str], constant: Bools, periods: Sequence[object]
) -> list[Notice]:
    """Remark on columns that are constant always, and in some periods: (L, m)."""
    always = constant.all(axis=0)
    notices = []
    columns = tuple(names_where(names, np.asarray(always)))
    if columns:
        text = (
            f"{subject(columns, 'is')} constant over the sample, with weight 0; remove "
            f"{'it' if len(columns) == 1 else 'them'} from the system."
        )
        notices.append(
            Notice("constant_indicator", text, {"columns": columns, "times": {}})
        )
    when = {
        names[j]: tuple(p for p, c in zip(periods, constant[:, j], strict=True) if c)
        for j in np.flatnonzero(constant.any(axis=0) & ~always).tolist()
    }
    if when:
        shown = "; ".join(
            f"{cited(n)} in {', '.join(map(str, t[:5]))}" for n, t in when.items()
        )
        text = (
            "constant in the rows from which weights are estimated, and weight 0 in "
            f"them: {shown}."
        )
        notices.append(
            Notice("constant_indicator", text, {"columns": tuple(when), "times": when})
        )
    return notices


def _dominant(
    names: Sequence[str], weights: Floats, constant: Bools, periods: Sequence[object]
) -> list[Notice]:
    """Remark on weights, (L, m), of several times the equal weight."""
    varying = np.maximum(1, (~constant).sum(axis=1))
    # A single indicator has all the weight.
    limits = np.where(varying > 1, np.minimum(DOMINANT / varying, ALMOST_ALL), 1.0)
    over = weights > limits[:, None]
    if not over.any():
        return []
    state = np.where(over, weights, -np.inf).argmax(axis=0)
    columns = np.flatnonzero(over.any(axis=0)).tolist()
    large = {names[j]: float(weights[state[j], j]) for j in columns}
    limit = float(limits[over.any(axis=1)][0])
    when = {names[j]: periods[state[j]] for j in columns} if periods else {}
    shown = ", ".join(
        f"{cited(n)} ({w:.2f}{f' in {when[n]}' if when else ''})"
        for n, w in large.items()
    )
    large_is = f"three times the equal weight {limit / DOMINANT:.2f}"
    if limit == ALMOST_ALL:
        large_is = f"{ALMOST_ALL:.0%}"
    text = (
        f"{shown} has a weight of more than {large_is}: "
        "zeros or a few large values dominate the index. "
        "Check the column; a ratio to population or a logarithm is often more "
        "appropriate."
    )
    return [
        Notice(
            "dominant_indicator",
            text,
            {"weights": large, "limit": limit, "times": when},
        )
    ]


def fixed_weights(weighting: str) -> list[Notice]:
    """Report that draws cannot change weights which are not estimated."""
    if weighting not in FIXED_WEIGHTS:
        return []
    text = (
        "the weights are not estimated: every draw has the same weights, and the ranks "
        "have no sampling error."
    )
    return [Notice("fixed_weights", text, {"weighting": weighting})]


def legacy_remark() -> Notice:
    """Report what is wrong with the ln T script."""
    text = (
        "scope='legacy_lnT' divides the entropy of all rows by the logarithm of the "
        "number of years: entropies exceed 1 and the order of the weights is "
        "reversed. Use it for replication only; otherwise use scope='pooled'."
    )
    return Notice("legacy_lnT", text, {"scope": "legacy_lnT"})


def zero_remarks(values: Floats, aggregate: str) -> list[Notice]:
    """Count scores that are 0 because one factor of a geometric mean is."""
    zeros = int((values == 0).sum())
    if aggregate not in _ZERO_FACTORS or not zeros:
        return []
    text = (
        f"{counted(zeros, 'score')} of {values.size} {'is' if zeros == 1 else 'are'} 0 "
        f"because one {_ZERO_FACTORS[aggregate]}, which makes the geometric mean 0. "
        "Use scope='goalposts' with ends below the smallest value, or "
        "aggregate='linear'."
    )
    return [Notice("zero_score", text, {"count": zeros})]


def beyond_remarks(
    names: Sequence[str], z: Floats, values: Floats, *, one_year: bool
) -> list[Notice]:
    """Report values beyond the end points, a warning unless these are of one year."""
    lowest, highest = float(values.min()), float(values.max())
    if lowest >= 0.0 and highest <= 1.0:
        return []
    beyond = ((z < 0) | (z > 1)).mean(axis=0).tolist()
    shares = {
        name: share for name, share in zip(names, beyond, strict=True) if share > 0
    }
    if not shares:
        return []
    shown = ", ".join(f"{cited(name)} in {share:.0%}" for name, share in shares.items())
    text = (
        f"scores from {lowest:.3g} to {highest:.3g} instead of 0 to 1: values are "
        f"beyond the end points of the index ({shown} of "
        f"{counted(values.size, 'row')}). Check that these columns have the unit of "
        "the end "
        "points"
        f"{', if this is not the growth since the base year' if one_year else ''}."
    )
    data = {"shares": shares, "nobs": values.size, "lowest": lowest, "highest": highest}
    return [Notice("beyond_base_year" if one_year else "beyond_end_points", text, data)]


def component_remarks(sums: EntitySums | None) -> list[Notice]:
    """Remark on PCA weights whose components may change within the sampling error."""
    if sums is None or sums.rows.size < 2:
        return []
    reasons = sums.unstable_components()
    if not reasons:
        return []
    text = (
        "PCA weights have no standard error here: "
        f"{'; '.join(_UNSTABLE[reason] for reason in reasons)} (within two standard "
        "errors). Delta-method and jackknife standard errors treat the components "
        "as known and can be much too small. weight_errors('bootstrap') shows how "
        "much the weights vary; weighting='entropy', 'critic' or 'equal' has "
        "no components."
    )
    return [Notice("unstable_components", text, {"reasons": reasons})]


def imputed_remarks(imputations: pd.DataFrame, names: Sequence[str]) -> list[Notice]:
    """Report that interpolated cells, listed as in `Panel.imputations`, look ahead."""
    filled = imputations["column"].tolist()
    cells = {n: filled.count(n) for n in names if n in filled}
    if not cells:
        return []
    shown = ", ".join(f"{cited(n)} ({c})" for n, c in cells.items())
    text = (
        f"interpolated cells in {shown}: an interpolated value uses the later year, so "
        "scope='expanding' uses future information in these cells. Use "
        "missing='drop' with the panel before interpolation."
    )
    return [imputed(cells, "ahead", text)]


def equally_bad(rows: int) -> list[Notice]:
    """Report rows whose coupling is high because all systems are poor."""
    if not rows:
        return []
    text = (
        f"C is above {COUPLED} in {counted(rows, 'row')} where T is below {POOR}: "
        "systems with equally low scores have a high C. Use D, which "
        "combines C and T."
    )
    return [Notice("equally_bad", text, {"count": rows})]


def impossible(
    possible: Bools,
    options: Sequence[tuple[str, Sequence[Any]]],
    complete: Sequence[Sequence[int]],
) -> list[Notice]:
    """Report how many of the combinations of options make no index.

    `complete`: positions by option whose combinations are all possible, or empty.
    """
    missing = int((~possible).sum())
    if not missing:
        return []
    kept = {
        name: [values[p] for p in positions]
        for (name, values), positions in zip(options, complete, strict=True)
    }
    excluded = [
        f"{n} {cited(v)}" for n, values in options for v in values if v not in kept[n]
    ]
    explanation = "No part of the grid is complete, so no variance shares are computed."
    if all(complete):
        explanation = f"The shares exclude {listed(excluded)}."
    text = (
        f"{missing} of {possible.size} combinations are impossible: see `problem` in "
        f"`combinations`. {explanation}"
    )
    return [Notice("impossible", text, {"missing": missing, "kept": kept})]
