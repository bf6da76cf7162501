"""Variance inflation factors."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from digiprosper.checks import not_identified, several
from digiprosper.errors import (
    CollinearityError,
    IdentificationError,
    Notice,
    cited,
    issue,
)
from digiprosper.kernels.least_squares import dependences
from digiprosper.linear.estimation import Demeaned, collinear_problem, demean_columns
from digiprosper.linear.preparation import LinearOptions, prepare
from digiprosper.panel import Panel, Sample
from digiprosper.panel.access import check_panel
from digiprosper.report.summary import stored_factors
from digiprosper.specification import as_terms


def vif(panel: Panel, x: Sequence[str]) -> pd.DataFrame:
    """Compute variance inflation factors, ``1 / (1 - R2_j)``.

    ``R2_j`` is the R2 of a regression of column j on all other columns and an
    intercept, without fixed effects and weights. Rows with a missing value are dropped.

    A regression with fixed effects uses only the variation that they leave. So these
    factors say little about the precision of its coefficients.

    Parameters
    ----------
    panel : Panel
        The data.
    x : sequence of str
        Regressors: columns or terms, as in `FixedEffects`. A category ``C(region)`` has
        one row per dummy.

    Returns
    -------
    DataFrame
        One row per column, with columns term, vif and tolerance (``1 / vif``).

    Raises
    ------
    InputTypeError
        If `panel` is not a Panel, or `x` is not a list of terms.
    ColumnError, TermError
        If a column does not exist, or a term cannot be read.
    IdentificationError
        If a column is constant, or the number of rows is not larger than the number of
        columns.
    CollinearityError
        If a column is a linear combination of others, so that its factor is infinite.

    Notes
    -----
    The factors equal those of Stata's ``estat vif`` after ``regress``, and of
    ``variance_inflation_factor`` of statsmodels with a constant among the columns. A
    large factor is not a reason to drop a control: this makes confidence intervals
    narrower but can bias the coefficients.

    Examples
    --------
    >>> import digiprosper as dp
    >>> dp.vif(dp.datasets.us_states(), ["log(pcap)", "log(emp)", "unemp"]).round(2)
            term    vif  tolerance
    0  log(pcap)  20.65       0.05
    1   log(emp)  20.50       0.05
    2      unemp   1.04       0.96
    """
    check_panel(panel, "vif")
    terms = as_terms(x, "x")
    if not terms:
        raise IdentificationError("vif: x is empty; specify at least one term.")
    options = LinearOptions(
        entity_effects=False, time_effects=False, cov_type="unadjusted"
    )
    prepared = prepare(panel, {"x": terms}, options)
    issue(prepared.notices)

    names = prepared.sample.names_of("x")
    demeaned = demean_columns(prepared, names, prepared.sample.columns("x"))
    _check_columns(demeaned)
    # The diagonal of the inverse of the correlations, by QR
    triangle = np.linalg.qr(demeaned.columns / demeaned.lengths, mode="r")
    inflation = np.maximum((np.linalg.inv(triangle) ** 2).sum(axis=1), 1.0)
    frame = pd.DataFrame(
        {"term": list(names), "vif": inflation, "tolerance": 1 / inflation}
    )
    frame.attrs = frame_attributes(prepared.sample, names)
    return frame


def frame_attributes(
    sample: Sample, names: Sequence[str]
) -> dict[Hashable | None, Any]:
    """Return the labels and factors that a frame stores for tables."""
    factors = stored_factors({name: sample.factors_of(name) for name in names})
    return {"labels": dict(sample.labels), "factors": factors}


def _check_columns(demeaned: Demeaned) -> None:
    """Refuse constant and collinear columns."""
    rows, count = demeaned.columns.shape
    constant = [
        name
        for name, flat in zip(demeaned.names, demeaned.absorbed, strict=True)
        if flat
    ]
    if constant:
        problems = [
            Notice("constant", f"{cited(name)} is constant", {"column": name})
            for name in constant
        ]
        raise IdentificationError(
            f"vif: {several(problems)} in the rows without missing values.", problems
        )
    if rows <= count:
        raise not_identified(
            "rows",
            f"vif: {count} columns on {rows} rows; there must be more rows "
            "than columns.",
            rows=rows,
            columns=count,
        )
    problems = [
        collinear_problem(demeaned.names[column], demeaned.names_at(earlier))
        for column, earlier in dependences(demeaned.columns).items()
    ]
    if problems:
        raise CollinearityError(
            f"vif: {several(problems)}, so its factor is infinite. Omit one of them.",
            problems,
        )
