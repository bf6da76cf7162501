"""Numbers for the figure of a U: the curve minus its value at the mean, with a band.

Also that of a curve with two turning points.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from digiprosper.checks import option_error
from digiprosper.errors import cited
from digiprosper.kernels.intervals import delta
from digiprosper.linear.figures import row_counts, sample_values
from digiprosper.linear.results import LinearResults
from digiprosper.panel import Panel
from digiprosper.report.drawings import TurningCurve, Wording
from digiprosper.report.variance import standard_errors
from digiprosper.u_shape.two_turns import TwoTurnsResult
from digiprosper.u_shape.u_test import (
    FORMS,
    Curve,
    UTestResult,
    moderator_texts,
    moderator_values,
)

_POINTS = 401


def turning_curve(
    results: LinearResults,
    test: UTestResult | TwoTurnsResult,
    wording: Wording,
    panel: Panel | None = None,
) -> TurningCurve:
    """Compute ``b1 (x - x0) + b2 (f(x) - f(x0))``, x0 the mean, on an interval.

    Of a cubic, also ``b3 (x**3 - x0**3)``. Where x interacts with other columns, the
    coefficients are those at the values of the test. The curve has a pointwise t band
    and the Fieller set of the turning points. With a panel, its rows are counted by x.
    """
    turns: tuple[float, ...]
    bends: list[Any] = [np.square, lambda x: x**3]
    if isinstance(test, TwoTurnsResult):
        form, terms, turns = "cube", test.terms, test.turning_points
    else:
        form, terms, turns = test.form, (test.variable, test.square), (test.extremum,)
        bends = [FORMS[form].value]
    if not set(terms) <= set(results.names):
        raise option_error(
            "test",
            test.variable,
            "plots.u_shape: the fit does not contain "
            f"{' or '.join(map(cited, terms))}; pass the fit that was tested.",
            results.names,
        )
    positions = tuple(results.names.index(term) for term in terms)
    curve = Curve("plots.u_shape", results, positions, form, test.interval)
    # Refuses a curve that depends on other columns.
    moderator_values(curve, test.at)
    columns = (test.variable, results.depvar, *test.at)
    names = {column: wording.label(column) for column in columns}
    rows = None
    if panel is not None:
        values = sample_values(results, test.variable, panel, "plots.u_shape")
        rows = row_counts(values[values.between(*test.interval)], None)
    stats = results.sample_stats
    mean = float(stats["mean"].to_numpy()[stats.index.get_loc(test.variable)])
    at = np.linspace(*test.interval, _POINTS)
    changes = [at - mean, *(bend(at) - bend(mean) for bend in bends)]
    weights = np.column_stack(changes) @ curve.weights(test.at)
    value = weights @ results.coefficients
    error = standard_errors(np.diag(results.covariance_of(weights)))
    low, high, _ = delta(value, error, test.df_t, test.level)
    return TurningCurve(
        variable=names[test.variable],
        outcome=names[results.depvar],
        points=pd.DataFrame(
            {"at": at, "estimate": value, "conf_low": low, "conf_high": high}
        ),
        interval=test.interval,
        level=test.level,
        turns=turns,
        sets=test.fieller,
        at=moderator_texts(test.at, names),
        rows=rows,
    )
