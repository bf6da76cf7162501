"""Checks for coefficients and rows without a defined covariance.

=============== ========================================================================
code            data
=============== ========================================================================
needed_clusters clusters (name), terms (term to the clusters without which it is not
                identified)
perfect_rows    count, rows (labels of the first five)
=============== ========================================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np

from digiprosper.checks import not_identified
from digiprosper.errors import Notice, cited, counted, notice_of, quoted
from digiprosper.kernels import Floats, Ints
from digiprosper.kernels.covariance import score_sizes
from digiprosper.kernels.equation import Solved
from digiprosper.kernels.tolerances import NO_VARIANCE
from digiprosper.linear.preparation import Prepared
from digiprosper.report.inference import BY_ROW

_MOST_OF = 0.5


def find_zero_variances(solved: Solved, covariance: Floats) -> Ints:
    """Find slopes whose variance is rounding: scores sum to zero in every group."""
    if solved.vcov.cov_type in BY_ROW:
        return np.empty(0, dtype=np.intp)
    variance = np.abs(covariance.diagonal()[: solved.coefficients.size])
    weighted = solved.weighted_residuals
    if solved.vcov.parts[0].products is not None:
        size = score_sizes(solved.score_columns @ solved.root.T, weighted, solved.vcov)
        return np.flatnonzero(variance <= (NO_VARIANCE * size) ** 2)
    spread = solved.bread.diagonal()
    if spread.size < variance.size:
        # Bread is that of the slopes: add the intercept.
        moved = solved.score_columns @ solved.root[-1]
        spread = np.append(spread, moved @ solved.weighted(moved))
    # Upper bound by Cauchy and Schwarz, which is enough for most fits
    most = weighted.size * float((weighted * solved.residuals).max()) * spread
    if (variance > NO_VARIANCE**2 * most).all():
        return np.empty(0, dtype=np.intp)
    size = np.abs((solved.score_columns * weighted[:, None]) @ solved.root.T).sum(
        axis=0
    )
    # Also if the rows that identify the slope are fitted perfectly.
    return np.flatnonzero(
        (variance <= (NO_VARIANCE * size) ** 2) | (size**2 <= NO_VARIANCE**2 * most)
    )


def needed_cluster_notices(
    prepared: Prepared,
    terms: Sequence[str],
    solved: Solved,
    covariance: Floats,
    moved: Floats | None = None,
) -> list[Notice]:
    """Report coefficients not identified without some cluster, under CRV3 and CR2."""
    cov_type = solved.vcov.cov_type
    if cov_type not in ("crv3", "cr2"):
        return []
    missing = np.flatnonzero(np.isnan(covariance.diagonal()))
    if not missing.size:
        return []
    no_variance = np.isnan(solved.deviations() if moved is None else moved)
    clusters = prepared.cluster_names[0]
    levels = prepared.sample.code_levels[clusters]
    needed = {
        terms[j]: tuple(levels[no_variance[:, j]].tolist()) for j in missing.tolist()
    }
    return [
        notice_of(
            "needed_clusters",
            clusters=clusters,
            terms=needed,
            _cov_type=cov_type,
            _labels=dict.fromkeys(chain.from_iterable(needed.values())),
        )
    ]


def refuse_full_leverage(
    prepared: Prepared, solved: Solved, names: Sequence[str]
) -> None:
    """Refuse rows that a regressor fits perfectly: HC2 and HC3 are undefined."""
    if solved.error_scale is None or np.isfinite(solved.error_scale).all():
        return
    rows = np.flatnonzero(np.isinf(solved.error_scale))
    squares = (solved.score_columns[rows] @ solved.root.T) ** 2
    if solved.obs_weights is not None:
        squares *= solved.obs_weights[rows, None]
    # The row's share of the variation of each regressor net of the others.
    shares = (squares / np.diag(solved.bread)).max(axis=0)
    terms = [
        name for name, share in zip(names, shares, strict=True) if share > _MOST_OF
    ]
    index = prepared.sample.index
    first, by_terms = index[rows[:5]].tolist(), f" by {quoted(terms)}" if terms else ""
    text = (
        f"{counted(rows.size, 'row')} ({quoted(first)}) fitted perfectly{by_terms}: "
        f"cov_type={cited(prepared.options.cov_type)} is not defined for a leverage of "
        "1. Drop the row and its regressor, or use cov_type='robust' or 'clustered'."
    )
    data = {"count": int(rows.size), "rows": first, "terms": tuple(terms)}
    raise not_identified("full_leverage", text, **data)


def perfect_row_notices(prepared: Prepared, solved: Solved) -> list[Notice]:
    """Report rows that the effects fit perfectly, which HC2 and HC3 leave out."""
    if solved.error_scale is None or solved.error_scale.all():
        return []
    rows = np.flatnonzero(solved.error_scale == 0.0)
    return [
        notice_of(
            "perfect_rows",
            count=rows.size,
            rows=tuple(prepared.sample.index[rows[:5]].tolist()),
            _cov_type=prepared.options.cov_type,
        )
    ]
