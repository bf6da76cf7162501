"""A table of tests to choose a spatial model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from digiprosper.errors import IdentificationError, InputTypeError, issue
from digiprosper.kernels.least_squares import ols
from digiprosper.report.pickling import PickledByName
from digiprosper.report.summary import Cells, Lines, PlainNumbers, Remarks, Summarised, Summary
from digiprosper.report.text import p_text, sample_text
from digiprosper.spatial.comparison import DURBIN_NULLS
from digiprosper.spatial.estimation import estimate
from digiprosper.spatial.kernels.lagrange import lagrange_tests
from digiprosper.spatial.kernels.multiplier import row_sum
from digiprosper.spatial.notices import model_not_estimated
from digiprosper.spatial.panel_spatial import PanelSpatial
from digiprosper.spatial.preparation import lay_out

if TYPE_CHECKING:
    from digiprosper.errors import Notice
    from digiprosper.kernels import Floats
    from digiprosper.linear.results import EstimationSample
    from digiprosper.panel import Panel
    from digiprosper.report.tests import TestResult
    from digiprosper.spatial.preparation import Layout
    from digiprosper.spatial.results import SpatialResults

_LAGRANGE = {
    "LM lag": "no spatial lag of the outcome",
    "LM error": "no spatial lag of the error",
    "Robust LM lag": "no spatial lag of the outcome, given one of the error",
    "Robust LM error": "no spatial lag of the error, given one of the outcome",
}
# Tests of the Durbin model by the model that each needs beside it.
_LR, _WALD = "LR SDM against {}", "Wald SDM against {}"


class _Row(NamedTuple):
    """A row of the table of tests."""

    test: str
    statistic: float
    df: int
    p_value: float
    null: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SpatialTests(Summarised, PickledByName):
    """Tests to choose a spatial model, made by `spatial_tests`.

    Parameters
    ----------
    frame : DataFrame
        One row per test, with columns test, statistic, df, p_value and null. Statistic and p-value are
        missing if a model that the test needs has no estimates; `diagnostics` says why.
    depvar : str
        Outcome.
    weights : str
        Name of the weights, and how they were made and standardised.
    effect_names : tuple of str
        Fixed effects.
    sample : EstimationSample
        The rows of the tests.
    nobs : int
        Number of these rows.
    diagnostics : tuple of Notice
        Remarks about the sample, the weights and the estimates of SDM, SAR and SEM.

    Examples
    --------
    >>> import digiprosper as dp
    >>> weights = dp.SpatialWeights.from_neighbours(dp.datasets.us_neighbours())
    >>> spec = dp.PanelSpatial("log(gsp)", ["log(emp)"], weights, bias_correction="lee_yu")
    >>> tests = dp.spatial_tests(spec, dp.datasets.us_states())
    >>> tests.frame[["test", "p_value"]].round(3).values.tolist()[-2:]
    [['LR SDM against SEM', 0.095], ['Wald SDM against SEM', 0.12]]
    """

    frame: pd.DataFrame
    depvar: str
    weights: str
    effect_names: tuple[str, ...]
    sample: EstimationSample
    nobs: int
    diagnostics: tuple[Notice, ...]

    def _summary(self) -> Summary:
        sample = self.sample
        about = (
            f"Weights: {self.weights}",
            f"Fixed effects: {', '.join(self.effect_names) or 'none (intercept)'}",
            sample_text(self.nobs, sample.n_entities, sample.n_times, sample.key_names),
            "",
        )
        rows = [
            [
                row.test,
                "" if np.isnan(row.statistic) else f"{row.statistic:.3f}",
                f"{row.df}",
                p_text(row.p_value),
            ]
            for row in map(_Row._make, self.frame.itertuples(index=False, name=None))
        ]
        return Summary(
            type=type(self).__name__,
            title=f"Tests to choose a spatial model. Outcome: {self.depvar}",
            blocks=(Lines(about), Cells.of(["", "chi2", "df", "p"], rows), Remarks.of(self.diagnostics)),
            notices=self.diagnostics,
        )

    def _numbers(self) -> PlainNumbers:
        more = {"depvar": self.depvar, "weights": self.weights, "nobs": self.nobs}
        return PlainNumbers(more={**more, "tests": self.frame.to_dict("records")})


def spatial_tests(spec: PanelSpatial, panel: Panel) -> SpatialTests:
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
    SpatialTests
        Its `frame` has one row per test, with columns test, statistic, df, p_value and null. The tests are:
        Lagrange multiplier tests of a spatial lag and a spatial error, with their robust versions, from least
        squares residuals; likelihood ratio tests of the fixed effects in the model without spatial terms;
        likelihood ratio and Wald tests of SAR and of SEM against SDM. All are chi-squared. A test has no
        statistic if a model that it needs has no estimates, because the likelihood has no maximum for
        admissible rho or lambda; a notice names the model.

    Raises
    ------
    InputTypeError
        If `spec` is not a `PanelSpatial`.
    DigiprosperError
        As in `PanelSpatial.fit`, except for models without estimates.

    Warns
    -----
    IdentificationWarning, SpatialWeightsWarning
        As in `PanelSpatial.fit`, for SDM, SAR and SEM. Also if one of them has no estimates.

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
    >>> weights = dp.SpatialWeights.from_neighbours(dp.datasets.us_neighbours())
    >>> spec = dp.PanelSpatial("log(gsp)", ["log(pc)", "unemp"], weights, bias_correction="lee_yu")
    >>> tests = dp.spatial_tests(spec, dp.datasets.us_states())
    >>> tests.frame[["test", "statistic", "p_value"]].round(3).values.tolist()[:2]
    [['LM lag', 222.562, 0.0], ['LM error', 151.828, 0.0]]
    """
    if not isinstance(spec, PanelSpatial):
        raise InputTypeError(
            f"spatial_tests takes a PanelSpatial specification, not {type(spec).__name__}: "
            "spatial_tests(spec, panel)."
        )
    base = spec.replace(effects_error="delta", spatial_lags=None)
    non_spatial = base.replace(model="slx", spatial_lags=(), bias_correction=None)
    layout = lay_out(non_spatial, panel)
    fits, missing = _durbin_fits(base, panel)
    rows = [
        *_lagrange_rows(layout),
        *_effect_rows(non_spatial, panel),
        *_durbin_rows(fits, len(layout.slopes)),
    ]
    # The table has no rows of effects, which the notice several_rows is about.
    notices = [n for fit in fits.values() for n in fit.diagnostics if n.code != "several_rows"]
    distinct = {notice.message: notice for notice in notices}
    tests = SpatialTests(
        frame=pd.DataFrame(rows, columns=list(_Row._fields)),
        depvar=spec.y,
        weights=layout.weights.conventions,
        effect_names=layout.prepared.effect_names,
        sample=layout.linear.sample,
        nobs=len(layout.raw),
        diagnostics=(*distinct.values(), *missing),
    )
    issue(tests.diagnostics)
    return tests


def _fit(spec: PanelSpatial, panel: Panel) -> SpatialResults:
    return estimate(spec, lay_out(spec, panel), None)


def _durbin_fits(base: PanelSpatial, panel: Panel) -> tuple[dict[str, SpatialResults], list[Notice]]:
    """Fit SDM, SAR and SEM; report those that have no estimates, and the tests that need them."""
    fits, missing = {}, []
    for model in ("sdm", *DURBIN_NULLS):
        layout = lay_out(base.replace(model=model), panel)
        try:
            fits[model] = estimate(base.replace(model=model), layout, None)
        except IdentificationError as error:
            needs = [_LR.format(model.upper())]
            if model == "sdm":
                needs = [test.format(other.upper()) for other in DURBIN_NULLS for test in (_LR, _WALD)]
            missing.append(model_not_estimated(model, needs, str(error)))
    return fits, missing


def _lagrange_rows(layout: Layout) -> list[_Row]:
    from scipy.special import chdtrc

    x, e, lag_y, lag_e = _residuals(layout)
    statistics = lagrange_tests(layout.matrix, x, e, lag_y, lag_e)
    return [
        _Row(test, statistic, 1, float(chdtrc(1, statistic)), null)
        for (test, null), statistic in zip(_LAGRANGE.items(), statistics, strict=True)
    ]


def _residuals(layout: Layout) -> tuple[Floats, Floats, Floats, Floats]:
    """Return regressors, residuals of least squares, and spatial lags of the outcome and of the residuals."""
    if not any(layout.effects):
        x = np.column_stack([layout.raw[:, 1:], np.ones(len(layout.raw))])
        y = layout.raw[:, :1]
        e = ols(x, y[:, 0]).residuals
        lags = layout.lag(np.column_stack([y, e]))
        return x, e, lags[:, 0], lags[:, 1]

    x = layout.demeaned[:, 1:]
    e = ols(x, layout.demeaned[:, 0]).residuals
    if layout.effects[1] and row_sum(layout.matrix) is None:
        lags = layout.demean(layout.lag(np.column_stack([layout.raw[:, 0], e])))
    else:
        lags = layout.lag(np.column_stack([layout.demeaned[:, 0], e]))
    return x, e, lags[:, 0], lags[:, 1]


def _effect_rows(non_spatial: PanelSpatial, panel: Panel) -> list[_Row]:
    """Test the fixed effects in the model without spatial terms, by likelihood ratios."""
    full = _fit(non_spatial, panel)
    rows = []
    for option, dimension in (("entity_effects", panel.entity_name), ("time_effects", panel.time_name)):
        if getattr(non_spatial, option):
            without = _fit(non_spatial.replace(**{option: False}), panel)
            rows.append(_row(f"LR {dimension} effects", full.lr_test(without), f"no {dimension} effects"))
    return rows


def _durbin_rows(fits: dict[str, SpatialResults], n_lags: int) -> list[_Row]:
    """Test SAR and SEM against SDM; a test whose models have no estimates has no statistic."""
    durbin, rows = fits.get("sdm"), []
    for model, null in DURBIN_NULLS.items():
        likelihood_ratio, wald = _LR.format(model.upper()), _WALD.format(model.upper())
        if durbin is None or model not in fits:
            rows.append(_Row(likelihood_ratio, np.nan, n_lags, np.nan, null))
        else:
            rows.append(_row(likelihood_ratio, durbin.lr_test(fits[model]), null))
        if durbin is None:
            rows.append(_Row(wald, np.nan, n_lags, np.nan, null))
        else:
            rows.append(_row(wald, durbin.wald_to(model), null))
    return rows


def _row(name: str, test: TestResult, null: str) -> _Row:
    df: Any = test.df
    return _Row(name, test.statistic, int(df), test.p_value, null)
