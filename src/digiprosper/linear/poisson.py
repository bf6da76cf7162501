"""Poisson regressions with absorbed effects: their rows, and the likelihood."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from digiprosper.errors import (
    CollinearityError,
    IdentificationError,
    TermError,
    cited,
    counted,
)
from digiprosper.kernels.reweighted import POISSON, reweighted_least_squares
from digiprosper.kernels.sandwich import as_regression
from digiprosper.kernels.separation import in_empty_levels, rows_of, separated_rows
from digiprosper.linear.estimation import checked_columns, counts_and_vcov, fit_notices
from digiprosper.linear.notices import separated_notice
from digiprosper.linear.preparation import effects_of
from digiprosper.panel.keys import rows_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digiprosper.errors import Notice
    from digiprosper.kernels import Bools, Floats
    from digiprosper.kernels.covariance import Counts, Vcov
    from digiprosper.kernels.equation import Solved
    from digiprosper.kernels.reweighted import Reweighted
    from digiprosper.linear.estimation import Demeaned
    from digiprosper.linear.preparation import Prepared
    from digiprosper.panel import Sample
    from digiprosper.panel.codes import Absorbed

PoissonSsc = Literal["ppmlhdfe", "fixest"]
LAGGED = (
    "and so are the other slopes: regressors must not depend on earlier outcomes. Omit "
    "it."
)
"""What lags of the outcome do to a model with entity effects, and the remedy."""


@dataclass(frozen=True, slots=True, eq=False)
class Separated:
    """Rows that are fitted perfectly at zero."""

    index: pd.Index[Any]
    reasons: tuple[str, ...]  # ``"effects"`` or ``"regressors"``

    @property
    def by_reason(self) -> dict[str, int]:
        """Count rows by reason."""
        return {r: self.reasons.count(r) for r in ("effects", "regressors")}

    @property
    def first(self) -> tuple[Any, ...]:
        """Labels of the first five rows."""
        return tuple(self.index[:5])

    @property
    def frame(self) -> pd.DataFrame:
        """The reason by row."""
        return pd.DataFrame({"reason": list(self.reasons)}, index=self.index)


def check_counts(y: str, sample: Sample) -> None:
    """Refuse outcomes that no model of counts takes."""
    if len(sample.roles["y"]) != 1:
        raise TermError(
            f"y={cited(y)} makes several columns; the outcome must be one column."
        )
    outcome = sample.columns("y")[:, 0]
    negative = np.flatnonzero(outcome < 0)
    if negative.size:
        raise IdentificationError(
            f"the outcome {cited(y)} is negative in "
            f"{counted(negative.size, 'row')}, first: "
            f"{rows_text(tuple(sample.index[negative[:5]]))}. A Poisson regression is "
            "for outcomes that are zero or more; use FixedEffects."
        )
    if not outcome.any():
        raise IdentificationError(
            f"the outcome {cited(y)} is zero in every row of the sample."
        )


def find_separated(
    sample: Sample, x: Floats, absorbed: Sequence[Absorbed], separation: str
) -> tuple[Bools, Separated]:
    """Mark rows (N,) that effects separate, or a combination with columns (N, k)."""
    y, effects = sample.columns("y")[:, 0], effects_of(sample, absorbed)
    by_effects = in_empty_levels(y, effects)
    mask, rows = by_effects.copy(), np.flatnonzero(~by_effects)
    mask[rows] = separated_rows(y[rows], x[rows], rows_of(effects, rows))
    reasons = np.where(by_effects, "effects", "regressors")[mask]
    separated = Separated(sample.index[mask], tuple(reasons.tolist()))
    if mask.any() and separation == "raise":
        raise _separated(separated)
    return mask, separated


def _separated(rows: Separated) -> IdentificationError:
    """Build the error for ``separation="raise"``."""
    by_reason = rows.by_reason
    text = (
        f"{counted(len(rows.reasons), 'row')} with outcome zero are separated: "
        f"{by_reason['effects']} in levels of effects whose outcomes are all zero, "
        f"{by_reason['regressors']} by regressors and effects; first: "
        f"{rows_text(rows.first)}. The likelihood has no maximum with them; "
        "separation='drop' drops them, which does not change the other estimates."
    )
    return IdentificationError(text, separated_notice(by_reason, rows.first))


def fit_poisson(
    prepared: Prepared,
    demeaned: Demeaned,
    regressors: Sequence[int],
    separated: Separated,
    ssc: str,
    offset: Floats | None = None,
) -> tuple[list[int], list[Notice], Reweighted, Solved]:
    """Maximise the likelihood; columns are those of `demeaned`, the outcome first.

    Returns the positions of the regressors, notices, the maximum, and its last step as
    a regression with the covariance of the options.
    """
    try:
        columns, notices = checked_columns(prepared, demeaned, 0, regressors)
    except (IdentificationError, CollinearityError) as error:
        raise _after_separation(error, separated) from error
    likelihood = reweighted_least_squares(
        demeaned.raw[:, 0],
        demeaned.select(columns),
        prepared.within.every,
        POISSON,
        obs_weights=prepared.obs_weights,
        offset=offset,
    )
    solved = as_regression(likelihood, *_counts_and_vcov(ssc, prepared, len(columns)))
    notices += fit_notices(
        solved,
        float(np.sqrt(demeaned.raw.shape[0])),
        demeaned.names[0],
        [demeaned.names[j] for j in columns],
    )
    return columns, notices, likelihood, solved


def _after_separation(
    error: IdentificationError | CollinearityError, separated: Separated
) -> IdentificationError | CollinearityError:
    """Add to an error that separated rows were dropped, which may be why."""
    count = len(separated.reasons)
    if not count:
        return error
    text = (
        f"{error} This is so after {counted(count, 'separated row')} with outcome zero "
        "were dropped."
    )
    return type(error)(text, error.problems)


def _counts_and_vcov(ssc: str, prepared: Prepared, k: int) -> tuple[Counts, Vcov]:
    """Choose the covariance, with the factor of ppmlhdfe or fixest."""
    count, estimator = counts_and_vcov(prepared, k)
    n, cov_type = count.n, estimator.cov_type
    if cov_type == "crv3":
        return count, estimator
    factor = 1.0
    if cov_type == "robust":
        factor = n / (n - 1)
    if cov_type == "clustered":
        factor = min(count.groups) / (min(count.groups) - 1)
    counted_k = 0
    if ssc == "fixest":
        counted_k = estimator.counted
        factor *= (n - 1) / (n - counted_k)
    parts = tuple(replace(part, factor=factor) for part in estimator.parts)
    return count, replace(estimator, parts=parts, df_t=inf, counted=counted_k)


def effect_values_of(
    prepared: Prepared, linear: Floats
) -> tuple[tuple[str, pd.Index[Any], Floats], ...]:
    """Estimate effects from the index (N,) less regressors: name, levels, values."""
    _, values = prepared.within.decompose(linear)
    levels = [prepared.sample.code_levels[term.effect] for term in prepared.absorbed]
    gaps = prepared.within.with_gaps(values)
    return tuple(zip(prepared.effect_names, levels, gaps, strict=False))
