"""A table of tests to choose a spatial model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from digiprosper.errors import InputTypeError, issue
from digiprosper.kernels.least_squares import ols
from digiprosper.spatial.estimation import estimate
from digiprosper.spatial.kernels.lagrange import lagrange_tests
from digiprosper.spatial.kernels.multiplier import row_sum
from digiprosper.spatial.panel_spatial import PanelSpatial
from digiprosper.spatial.preparation import lay_out

if TYPE_CHECKING:
    from digiprosper.kernels import Floats
    from digiprosper.panel import Panel
    from digiprosper.report.tests import TestResult
    from digiprosper.spatial.preparation import Layout
    from digiprosper.spatial.results import SpatialResults

__all__ = ["spatial_tests"]

_LAGRANGE = {
    "LM lag": "no spatial lag of the outcome",
    "LM error": "no spatial lag of the error",
    "Robust LM lag": "no spatial lag of the outcome, given one of the error",
    "Robust LM error": "no spatial lag of the error, given one of the outcome",
}


class _Row(NamedTuple):
    """One test."""

    test: str
    statistic: float
    df: int
    p_value: float
    null: str


def spatial_tests(spec: PanelSpatial, panel: Panel) -> pd.DataFrame:
    """Test for spatial dependence, and for SAR and SEM as special cases of the spatial Durbin model.

    Parameters
    ----------
    spec : PanelSpatial
        The specification. Its `model` and `spatial_lags` are not used: the tests compare the model without
        spatial terms, SAR, SEM, and SDM with spatial lags of all regressors.
    panel : Panel
        The data, balanced.

    Returns
    -------
    DataFrame
        One row per test, with columns test, statistic, df, p_value and null. The tests are: Lagrange
        multiplier tests of a spatial lag and a spatial error, with their robust versions, from least squares
        residuals; likelihood ratio tests of the fixed effects in the model without spatial terms; likelihood
        ratio and Wald tests of SAR and of SEM against SDM. All are chi-squared.

    Raises
    ------
    InputTypeError
        If `spec` is not a `PanelSpatial`.
    DigiprosperError
        As in `PanelSpatial.fit`.

    Notes
    -----
    The Lagrange multiplier tests are those of Anselin, Le Gallo & Jayet (2008), and their robust versions
    those of Elhorst (2010, Spatial Economic Analysis 5:9). As in these papers, the fixed effects are removed
    before the spatial lag is computed. With time effects and weights with different row sums the spatial lag
    is computed first, because otherwise time effects would remain in it. The test of entity effects in
    addition to time effects has N - 1 degrees of freedom; Elhorst (2014) uses N.

    Examples
    --------
    >>> import digiprosper as dp
    >>> near = {"AL": "FL GA MS", "FL": "AL GA", "GA": "AL FL SC", "MS": "AL", "SC": "GA"}
    >>> matrix = [[float(other in near[state].split()) for other in near] for state in near]
    >>> weights = dp.SpatialWeights(matrix, list(near))
    >>> south = dp.datasets.us_states().subset("state in ('AL', 'FL', 'GA', 'MS', 'SC')")
    >>> spec = dp.PanelSpatial("log(gsp)", ["log(emp)"], weights)
    >>> dp.spatial_tests(spec, south)[["test", "statistic", "p_value"]].round(3).values.tolist()[:2]
    [['LM lag', 15.749, 0.0], ['LM error', 1.386, 0.239]]
    """
    if not isinstance(spec, PanelSpatial):
        raise InputTypeError(
            f"spatial_tests takes a PanelSpatial specification, not {type(spec).__name__}: "
            "spatial_tests(spec, panel)."
        )
    base = spec.replace(effects_error="delta", spatial_lags=None)
    plain = base.replace(model="slx", spatial_lags=(), bias_correction=None)
    layout = lay_out(plain, panel)
    durbin = _fit(base.replace(model="sdm"), panel)
    # The table has no interval of rho, which is what this warning is about.
    issue(notice for notice in durbin.diagnostics if notice.code != "large_time_effects_bias")
    rows = [*_lagrange_rows(layout), *_effect_rows(plain, panel), *_durbin_rows(base, durbin, panel)]
    return pd.DataFrame(rows, columns=list(_Row._fields))


def _fit(spec: PanelSpatial, panel: Panel) -> SpatialResults:
    return estimate(spec, lay_out(spec, panel), None)


def _lagrange_rows(layout: Layout) -> list[_Row]:
    from scipy.special import chdtrc

    x, e, lag_y, lag_e = _residuals(layout)
    statistics = lagrange_tests(layout.matrix, x, e, lag_y, lag_e)
    return [
        _Row(test, statistic, 1, float(chdtrc(1, statistic)), null)
        for (test, null), statistic in zip(_LAGRANGE.items(), statistics, strict=True)
    ]


def _residuals(layout: Layout) -> tuple[Floats, Floats, Floats, Floats]:
    """Regressors and residuals of least squares, and spatial lags of the outcome and of the residuals."""
    if not any(layout.effects):
        x = np.column_stack([layout.raw[:, 1:], np.ones(len(layout.raw))])
        y = layout.raw[:, :1]
        e = ols(x, y[:, 0]).residuals
        lags = layout.lag(np.column_stack([y, e]))
        return x, e, lags[:, 0], lags[:, 1]

    x = layout.swept[:, 1:]
    e = ols(x, layout.swept[:, 0]).residuals
    if layout.effects[1] and row_sum(layout.matrix) is None:
        lags = layout.sweep(layout.lag(np.column_stack([layout.raw[:, 0], e])))
    else:
        lags = layout.lag(np.column_stack([layout.swept[:, 0], e]))
    return x, e, lags[:, 0], lags[:, 1]


def _effect_rows(plain: PanelSpatial, panel: Panel) -> list[_Row]:
    """Compare with the model without the effects, by least squares."""
    full = _fit(plain, panel)
    rows = []
    for option, what in (("entity_effects", panel.entity_name), ("time_effects", panel.time_name)):
        if getattr(plain, option):
            without = _fit(plain.replace(**{option: False}), panel)
            rows.append(_row(f"LR {what} effects", full.lr_test(without), f"no {what} effects"))
    return rows


def _durbin_rows(base: PanelSpatial, durbin: SpatialResults, panel: Panel) -> list[_Row]:
    rows = []
    for model in ("sar", "sem"):
        fitted = _fit(base.replace(model=model), panel)
        null = durbin.wald_to(model).null
        rows.append(_row(f"LR SDM against {model.upper()}", durbin.lr_test(fitted), null))
        rows.append(_row(f"Wald SDM against {model.upper()}", durbin.wald_to(model), null))
    return rows


def _row(name: str, test: TestResult, null: str) -> _Row:
    df: Any = test.df
    return _Row(name, test.statistic, int(df), test.p_value, null)
