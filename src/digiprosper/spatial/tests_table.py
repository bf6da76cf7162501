"""A table of tests to choose a spatial model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pandas as pd

from digiprosper.errors import (
    IdentificationError,
    InputTypeError,
    Notice,
    issue,
    notice_of,
)
from digiprosper.kernels import Floats
from digiprosper.kernels.least_squares import ols
from digiprosper.linear.results import EstimationSample
from digiprosper.panel import Panel
from digiprosper.report.columns import Column, PlainCell, Remark
from digiprosper.report.summary import (
    Cells,
    Lines,
    Remarks,
    Summarised,
    Summary,
)
from digiprosper.report.text import p_text, sample_text
from digiprosper.spatial.estimation import estimate, maximise_likelihood
from digiprosper.spatial.kernels import dependence
from digiprosper.spatial.kernels.likelihood import without_means
from digiprosper.spatial.kernels.matrices import row_sum
from digiprosper.spatial.panel_spatial import PanelSpatial
from digiprosper.spatial.preparation import Layout, lay_out, spatial_columns
from digiprosper.spatial.results import DURBIN_NULLS, SpatialResults
from digiprosper.spatial.words import WORDS

_LM_NULLS = {
    "LM lag": "no spatial lag of the outcome",
    "LM error": "no spatial lag of the error",
    "Robust LM lag": "no spatial lag of the outcome, given one of the error",
    "Robust LM error": "no spatial lag of the error, given one of the outcome",
}
# Names of tests of the Durbin model against a simpler model.
_LR, _WALD = "LR SDM against {}", "Wald SDM against {}"


class _Row(NamedTuple):
    """A row of the table of tests."""

    test: str
    statistic: float
    df: int
    p_value: float
    chi2: float
    chi2_p_value: float
    null: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SpatialTests(Summarised):
    """Tests to choose a spatial model, made by `spatial_tests`.

    Parameters
    ----------
    frame : DataFrame
        One row per test, with columns test, statistic, df, p_value and null. Statistic
        and p-value are missing if a model that the test needs has no estimates;
        `diagnostics` says why.
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
    >>> spec = dp.PanelSpatial("log(gsp)", ["log(emp)"], weights)
    >>> tests = dp.spatial_tests(spec, dp.datasets.us_states())
    >>> tests.frame[["test", "p_value"]].round(3).values.tolist()[-2:]
    [['LR SDM against SEM', 0.508], ['Wald SDM against SEM', 0.508]]
    """

    _reported: ClassVar[str] = "depvar weights nobs"
    conventions: ClassVar[str] = (
        "Statistics are centred, those of LR and Wald tests of the adjusted "
        f"likelihood; p by the signs of entities, {dependence.REPS} draws with a fixed "
        "seed. The usual chi2 is neither centred nor adjusted; its p and p of "
        "fixed effects by chi-squared"
    )

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
                p_text(row.p_value),
                f"{row.df}",
                "" if np.isnan(row.chi2) else f"{row.chi2:.3f}",
                p_text(row.chi2_p_value),
            ]
            for row in map(_Row._make, self.frame.itertuples(index=False, name=None))
        ]
        heads = ["", "statistic", "p", "df", "usual chi2", "p of chi2"]
        return self._titled(
            f"Tests to choose a spatial model. Outcome: {self.depvar}",
            Lines(about),
            Cells.of(heads, rows),
            Remarks.of(self.diagnostics),
        )

    def table_columns(self, level: float = 0.95) -> tuple[Column, ...]:  # noqa: ARG002
        """Return the columns of a table with one row per test.

        Parameters
        ----------
        level : float
            Not used. All results have this argument.

        Returns
        -------
        tuple of Column
            Columns with statistic and p-value, and the degrees of freedom, statistic
            and p-value of the usual chi-squared test.
        """
        entity, time = self.sample.key_names
        effects = {f"LR {entity} effects": "entity", f"LR {time} effects": "time"}
        rows = self.frame.set_index(self.frame["test"].replace(effects))
        names = {"reps": (f"{dependence.REPS:,}",)}
        return tuple(
            Column(
                f"tests.{name}",
                cells={
                    str(row): PlainCell(name.replace("chi2_p", "p"), value)
                    for row, value in rows[name].items()
                },
                whole=Remark("tests", names),
                words=WORDS,
            )
            for name in ("statistic", "p_value", "df", "chi2", "chi2_p_value")
        )

    def _more_numbers(self) -> dict[str, Any]:
        return {"tests": self.frame.to_dict("records")}


def spatial_tests(spec: PanelSpatial, panel: Panel) -> SpatialTests:
    """Test for spatial dependence, and for SAR and SEM.

    Both are special cases of the spatial Durbin model.

    Parameters
    ----------
    spec : PanelSpatial
        The specification. Its `model` and `spatial_lags` are not used: the tests
        compare the model without spatial terms, SAR, SEM, and SDM with spatial lags of
        all regressors.
    panel : Panel
        The data, balanced.

    Returns
    -------
    SpatialTests
        Its `frame` has one row per test, with columns test, statistic, df, p_value and
        null. The tests are: Lagrange multiplier tests of a spatial lag and a spatial
        error, with their robust versions, from least squares residuals; likelihood
        ratio tests of the fixed effects in the model without spatial terms; likelihood
        ratio and Wald tests of SAR and of SEM against SDM. Columns chi2 and
        chi2_p_value have the usual chi-squared tests. A test has no statistic if a
        model that it needs has no estimates, because the likelihood has no maximum for
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
        As in `PanelSpatial.fit`, for SDM, SAR and SEM. Also if one of them has no
        estimates.

    Notes
    -----
    The Lagrange multiplier tests are those of Anselin, Le Gallo & Jayet (2008), and
    their robust versions those of Elhorst (2010, Spatial Economic Analysis 5:9). As in
    these papers, the fixed effects are removed before the spatial lag is computed. With
    time effects and weights with different row sums the spatial lag is computed first,
    because otherwise time effects would remain in it. The test of entity effects in
    addition to time effects has N - 1 degrees of freedom; Elhorst (2014) uses N.

    Examples
    --------
    >>> import digiprosper as dp
    >>> weights = dp.SpatialWeights.from_neighbours(dp.datasets.us_neighbours())
    >>> spec = dp.PanelSpatial("log(gsp)", ["log(pc)", "unemp"], weights)
    >>> tests = dp.spatial_tests(spec, dp.datasets.us_states())
    >>> tests.frame[["test", "statistic", "p_value"]].round(3).values.tolist()[:2]
    [['LM lag', 237.185, 0.002], ['LM error', 174.735, 0.002]]
    """
    if not isinstance(spec, PanelSpatial):
        raise InputTypeError(
            "spatial_tests takes a PanelSpatial specification, not "
            f"{type(spec).__name__}: spatial_tests(spec, panel)."
        )
    base = spec.replace(
        effects_error="delta", spatial_lags=None, model="sdm", likelihood="adjusted"
    )
    durbin = lay_out(base, panel)
    simple = durbin.without_lags()
    plain = base.replace(
        likelihood="lee_yu" if spec.likelihood == "lee_yu" else "unadjusted"
    )
    layouts = {"sdm": durbin, "sar": simple, "sem": simple}
    adjusted, missing = _fit_models(base, layouts)
    conventional, others = _fit_models(plain, layouts)
    rows = [
        *_lm_rows(simple),
        *_effect_rows(simple),
        *_durbin_rows(base, layouts, adjusted, conventional),
    ]
    # The notice several_rows is about rows of effects, which the table does not have.
    fits = adjusted if spec.likelihood == "adjusted" else conventional
    notices = [
        n for fit in fits.values() for n in fit.diagnostics if n.code != "several_rows"
    ]
    # Report common shocks once, not with the coefficient of each model.
    distinct = {n.code if n.code == "common_shocks" else n.message: n for n in notices}
    missing = others | missing
    tests = SpatialTests(
        frame=pd.DataFrame(rows),
        depvar=spec.y,
        weights=durbin.weights.conventions,
        effect_names=durbin.prepared.effect_names,
        sample=durbin.sample,
        nobs=len(durbin.raw),
        diagnostics=(*distinct.values(), *missing.values()),
    )
    issue(tests.diagnostics)
    return tests


def _fit_models(
    base: PanelSpatial, layouts: dict[str, Layout]
) -> tuple[dict[str, SpatialResults], dict[str, Notice]]:
    """Fit SDM, SAR and SEM; report models without estimates."""
    fits, missing = {}, {}
    for model, layout in layouts.items():
        try:
            fits[model] = estimate(base.replace(model=model), layout, None)
        except IdentificationError as error:
            # Only drawn Wald tests need the model under the null hypothesis.
            needs_null = base.likelihood == "adjusted" or model == "sdm"
            kinds = (_LR, _WALD) if needs_null else (_LR,)
            others = DURBIN_NULLS if model == "sdm" else (model,)
            needs = [kind.format(other.upper()) for other in others for kind in kinds]
            if base.likelihood != "adjusted":
                needs = [f"chi2 of {test}" for test in needs]
            missing[model] = notice_of(
                "model_not_estimated",
                model=model,
                tests=tuple(needs),
                _model=model.upper(),
                _reason=error,
            )
    return fits, missing


def _make_drawn(
    layout: Layout, residuals: Floats, inverse: Floats | None
) -> dependence.Drawn:
    columns = np.stack([layout.raw[:, 0], residuals])
    outcome, cells = columns.reshape(2, -1, layout.n_times)
    return dependence.Drawn(
        outcome, cells, inverse, layout.weights.matrix, *layout.effects
    )


def _lm_rows(layout: Layout) -> list[_Row]:
    """Test for a spatial lag and a spatial error from residuals of least squares."""
    from scipy.special import chdtrc

    entity, time = layout.effects
    columns = layout.demeaned
    if not any(layout.effects):
        columns = np.column_stack([layout.raw, np.ones(len(layout.raw))])
    x = columns[:, 1:]
    residuals = ols(x, columns[:, 0]).residuals
    outcomes = _make_drawn(layout, residuals, None)
    periods = layout.n_times - float(entity)
    centred = dependence.lagrange_draws(
        outcomes, x, periods, periods * (len(layout.matrix) - float(time))
    )
    outcome = layout.raw[:, :1]
    # Otherwise time effects would remain in the spatial lag.
    if time and row_sum(layout.matrix) is None:
        lags = layout.demean(layout.lag(np.column_stack([outcome, residuals])))
    else:
        lags = layout.lag(np.column_stack([layout.demean(outcome), residuals]))
    conventional = dependence.lagrange_tests(layout.matrix, x, residuals, *lags.T)
    tests = zip(_LM_NULLS.items(), centred.T, conventional, strict=True)
    rows = []
    for (test, null), draws, chi2 in tests:
        statistic, p, chi2_p = (
            draws[0],
            dependence.p_value(draws),
            float(chdtrc(1, chi2)),
        )
        rows.append(_Row(test, float(statistic), 1, p, chi2, chi2_p, null))
    return rows


def _effect_rows(layout: Layout) -> list[_Row]:
    """Test fixed effects without spatial terms, by likelihood ratios."""
    from scipy.special import chdtrc

    n, t = len(layout.matrix), layout.n_times
    entity, time = layout.effects
    entity_name, time_name = layout.sample.key_names
    tested = (
        (entity, entity_name, n, (False, time)),
        (time, time_name, t, (entity, False)),
    )
    unrestricted = _sum_of_squares(layout.demeaned)
    rows = []
    for is_in_model, dimension, size, others in tested:
        if not is_in_model:
            continue
        columns = without_means(layout.raw, t, *others)
        restricted = _sum_of_squares(columns - columns.mean(axis=0))
        ratio = n * t * float(np.log(restricted / unrestricted))
        test, null = f"LR {dimension} effects", f"no {dimension} effects"
        p = float(chdtrc(size - 1, ratio))
        rows.append(_Row(test, ratio, size - 1, p, ratio, p, null))
    return rows


def _sum_of_squares(columns: Floats) -> float:
    """Return the sum of squared residuals of the first column on the others."""
    residuals = ols(columns[:, 1:], columns[:, 0]).residuals
    return float(residuals @ residuals)


def _durbin_rows(
    base: PanelSpatial,
    layouts: dict[str, Layout],
    adjusted: dict[str, SpatialResults],
    conventional: dict[str, SpatialResults],
) -> list[_Row]:
    """Test SAR and SEM against SDM; NaN for models without estimates."""
    rows, missing = [], (np.nan, np.nan)
    durbin = spatial_columns(layouts["sdm"], splm=False, error=False)
    df = len(layouts["sdm"].slopes)
    for model, null in DURBIN_NULLS.items():
        by_signs = [missing, missing]  # statistic and p-value of LR and of Wald
        if {"sdm", model} <= adjusted.keys():
            null_spec = base.replace(model=model, transform="exact")
            point = maximise_likelihood(null_spec, layouts[model])
            at = point.optimum.rho if model == "sar" else point.optimum.lam
            residuals, inverse = point.optimum.residuals, point.inverse(at)
            null_draws = _make_drawn(layouts[model], residuals, inverse)
            error = None
            if model == "sem":
                # Where periods have dummies among the regressors, columns of a SEM keep
                # their period means; see `spatial_columns`.
                has_dummies = point.columns.x.shape[1] > durbin.x.shape[1] // 2 + 1
                error = replace(null_draws, time=null_draws.time and not has_dummies)
            draws = dependence.durbin_draws(
                null_draws, durbin, point.columns, point.determinants, df, error
            )
            # Adjusted likelihoods of SDM and SEM are nested only if rows of W have
            # equal sums.
            by_signs = [(max(float(c[0]), 0.0), dependence.p_value(c)) for c in draws.T]
        by_chi2 = [missing, missing]
        if "sdm" in conventional:
            test = conventional["sdm"].wald_to(model)
            by_chi2[1] = test.statistic, test.p_value
            if model in conventional:
                test = conventional["sdm"].lr_test(conventional[model])
                by_chi2[0] = test.statistic, test.p_value
        rows += [
            _Row(kind.format(model.upper()), statistic, df, p, chi2, chi2_p, null)
            for kind, (statistic, p), (chi2, chi2_p) in zip(
                (_LR, _WALD), by_signs, by_chi2, strict=True
            )
        ]
    return rows
