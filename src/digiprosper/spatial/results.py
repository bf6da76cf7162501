"""Results of spatial panel models."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np
import pandas as pd

from digiprosper._version import __version__
from digiprosper.errors import InputTypeError, Notice
from digiprosper.report.columns import Column, Remark, result_column
from digiprosper.report.protocol import Glance, empty_glance, hash_of
from digiprosper.report.results import BaseResults
from digiprosper.report.summary import Cells, Lines, Remarks, Summary
from digiprosper.report.terms import Factor, Term
from digiprosper.report.text import interval_text, p_text, sample_text
from digiprosper.spatial.comparison import lr_test, wald_to
from digiprosper.spatial.impacts import (
    SpatialDecomposition,
    SpatialEffects,
    effects_frame,
    shared_variables,
    unit_frame,
)
from digiprosper.spatial.words import MODELS, WORDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from digiprosper.linear.results import EstimationSample
    from digiprosper.report.inference import Inference
    from digiprosper.report.tests import TestResult
    from digiprosper.report.words import Words
    from digiprosper.spatial.groups import SpatialEstimated

_SPATIAL = ("rho", "lambda")
_ERRORS = {
    "observed": "Standard errors from the second derivatives of the log likelihood",
    "information": "Standard errors from the information matrix",
    "clustered": "Standard errors clustered by",
}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SpatialResults(BaseResults):
    """Results of a spatial panel model, made by `PanelSpatial.fit`.

    Report the effects in `impacts`. If the outcome has a spatial lag, the coefficient of ``W:x`` is not the
    spillover effect of x.

    Parameters
    ----------
    estimated : SpatialEstimated
        Coefficients, their covariance matrix and the log likelihood. Tests use the normal distribution, or t
        with G - 1 degrees of freedom with clustered standard errors.
    effects : SpatialEffects
        Direct, indirect and total effects.
    sample : EstimationSample
        The rows of the fit.
    labels : mapping
        Labels of columns.
    diagnostics : tuple of Notice
        Remarks about the sample, the weights and the estimates.
    version : str
        Version of digiprosper that fitted the model.

    Examples
    --------
    >>> import digiprosper as dp
    >>> weights = dp.SpatialWeights.from_neighbours(dp.datasets.us_neighbours())
    >>> spec = dp.PanelSpatial("log(gsp)", ["log(pc)"], weights, model="sar", bias_correction="lee_yu")
    >>> fit = spec.fit(dp.datasets.us_states())
    >>> fit.params.round(3).to_dict()
    {'rho': 0.494, 'log(pc)': 0.538}
    >>> fit.impacts["kind"].tolist()
    ['direct', 'indirect', 'total']
    """

    words: ClassVar[Words] = WORDS
    _rows_key: ClassVar[str] = "coefficients"

    estimated: SpatialEstimated
    effects: SpatialEffects
    sample: EstimationSample
    labels: Mapping[str, str]
    diagnostics: tuple[Notice, ...]
    version: str = __version__

    # --- the protocol -------------------------------------------------------------------------------------

    @property
    def nobs(self) -> int:
        """Number of rows in the estimation sample."""
        return self.estimated.residuals.size

    def glance(self) -> Glance:
        """Return summary numbers of the fit, such as the number of rows.

        Returns
        -------
        Glance
            A mapping with the keys of all types of results, and loglik, aic, bic, sigma2, n_parameters and
            weights.
        """
        estimated = self.estimated
        values: dict[str, Any] = {
            "depvar": self.depvar,
            "n_entities": self.sample.n_entities,
            "n_times": self.sample.n_times,
            "n_clusters": min(self.inference.n_clusters) if self.inference.n_clusters else None,
            "df_t": None if np.isinf(self.df_t) else self.df_t,
            "df_absorbed": estimated.df_absorbed,
            "cov_type": self.inference.cov_type,
            "clusters": "+".join(self.inference.clusters) or None,
            "effects": "+".join(estimated.effect_names) or None,
            "rsquared_within": estimated.rsquared_within,
            "sample_hash": None if self.sample.index is None else hash_of(self.sample.index),
            "rng_entropy": self.rng_entropy,
            "version": self.version,
            "loglik": self.loglik,
            "aic": self.aic,
            "bic": self.bic,
            "sigma2": self.sigma2,
            "n_parameters": estimated.n_parameters,
            "weights": estimated.weights_text,
        }
        return cast("Glance", {**empty_glance("PanelSpatial", self.nobs), **values})

    @property
    def terms(self) -> tuple[Term, ...]:
        """Description of each coefficient: spatial parameter, slope, slope of a spatial lag, or intercept."""
        return tuple(map(self._term, self.names))

    def table_columns(self, level: float = 0.95) -> tuple[Column, ...]:
        """Return the column of a table of the coefficients.

        Parameters
        ----------
        level : float
            Confidence level of the intervals, .95 by default.

        Returns
        -------
        tuple of Column
            One.
        """
        column = result_column(self, level)
        return (replace(column, remarks=(*self._remarks(), *column.remarks)),)

    @property
    def key_names(self) -> tuple[str, str | None]:
        """Names of the entity key and the time key."""
        return self.sample.key_names

    # --- effects ------------------------------------------------------------------------------------------

    @property
    def impacts(self) -> pd.DataFrame:
        """Direct, indirect and total effects with 95% intervals; see `effects_table`."""
        return self.effects_table()

    def effects_table(self, level: float = 0.95) -> pd.DataFrame:
        """Return direct, indirect and total effects of each regressor.

        Parameters
        ----------
        level : float
            Confidence level of the intervals, .95 by default.

        Returns
        -------
        DataFrame
            Three rows per regressor, with columns term, kind (direct, indirect or total), estimate,
            std_error, statistic, p_value, conf_low and conf_high. If a variable is in several regressors,
            no row alone is its effect; `diagnostics` then has a notice ``"several_rows"``.
        """
        return effects_frame(self.effects, self.df_t, level)

    @property
    def decomposition(self) -> SpatialDecomposition:
        """Direct, indirect and total effects as columns of a table, ``etable(fit.decomposition)``."""
        return SpatialDecomposition(
            effects=self.effects,
            glance=self.glance(),
            inference=self.inference,
            labels=self.labels,
            factors=self.factors,
            key_names=self.key_names,
            remarks=(*self._remarks(), *self._several_rows()),
        )

    @property
    def unit_impacts(self) -> pd.DataFrame:
        """Effects of each entity, one row per entity and regressor.

        ``direct`` is the effect of the entity's x on its own outcome, ``indirect`` the effect of the x of all
        other entities on its outcome, and ``total`` their sum. ``to_others`` is the effect of its x on the
        outcomes of all others. The effects in `impacts` are means over entities.
        """
        return unit_frame(self.effects, self.sample.key_names[0])

    # --- inference ----------------------------------------------------------------------------------------

    def wald_to(self, model: str) -> TestResult:
        """Test a SAR or SEM model as a special case of the spatial Durbin model.

        Parameters
        ----------
        model : {"sar", "sem"}
            ``"sar"`` tests that the coefficients of all ``W:x`` are zero. ``"sem"`` tests the common-factor
            restriction, that each is ``-rho`` times that of x; for a Durbin error model it tests that they
            are zero.

        Returns
        -------
        TestResult
            Chi-squared test.

        Raises
        ------
        OptionError
            If the model is not a Durbin model, or a regressor has no spatial lag.
        """
        return wald_to(self.estimated, model)

    def lr_test(self, other: object) -> TestResult:
        """Compare with a nested model by a likelihood ratio test.

        Parameters
        ----------
        other : SpatialResults
            Results of a model on the same rows and with the same weights. One of the two models must be
            nested in the other: fewer terms or fixed effects, or a simpler spatial model.

        Returns
        -------
        TestResult
            Chi-squared test. The degrees of freedom are the difference of the numbers of parameters.

        Raises
        ------
        InputTypeError
            If `other` is not a `SpatialResults`.
        OptionError
            If rows, outcome, weights or transform differ, or neither model is nested in the other.
        """
        if not isinstance(other, SpatialResults):
            raise InputTypeError(
                f"lr_test takes the results of another PanelSpatial, not {type(other).__name__}."
            )
        same_rows = self.glance()["sample_hash"] == other.glance()["sample_hash"]
        return lr_test(self.estimated, other.estimated, same_rows=same_rows)

    # --- numbers ------------------------------------------------------------------------------------------

    @property
    def depvar(self) -> str:
        """Outcome."""
        return self.estimated.depvar

    @property
    def model(self) -> str:
        """The `model` of the specification."""
        return self.estimated.model

    @property
    def loglik(self) -> float:
        """Log likelihood at its maximum, with the constant ``-NT/2 (ln 2 pi + 1)``."""
        return self.estimated.loglik

    @property
    def sigma2(self) -> float:
        """Variance of the errors: mean squared residual, with the bias correction if there is one."""
        return self.estimated.sigma2

    @property
    def aic(self) -> float:
        """Akaike information criterion. Parameters include sigma2 and the fixed effects."""
        return 2 * self.estimated.n_parameters - 2 * self.loglik

    @property
    def bic(self) -> float:
        """Bayesian information criterion, with the parameters of `aic`."""
        return float(np.log(self.nobs)) * self.estimated.n_parameters - 2 * self.loglik

    @property
    def rsquared_within(self) -> float:
        """Squared correlation of the outcome and its prediction, after fixed effects are removed.

        The prediction is ``(I - rho W)^-1`` times the fit of the regressors and their spatial lags.
        """
        return self.estimated.rsquared_within

    @property
    def rng_entropy(self) -> int | None:
        """Seed of the draws of simulated standard errors, or None."""
        return self.inference.rng_entropy

    @property
    def resids(self) -> pd.Series[float]:
        """Residuals e, indexed by row."""
        return pd.Series(self.estimated.residuals, index=self.sample.index, name="resid", copy=True)

    @property
    def factors(self) -> Mapping[str, tuple[Factor, ...]]:
        """Factors of each regressor, outcome and fixed effect, by name."""
        return self.sample.factors

    # --- words --------------------------------------------------------------------------------------------

    @property
    def conventions(self) -> str:
        """Type of the standard errors."""
        text = _ERRORS[self.inference.cov_type]
        if self.inference.clusters:
            groups = f"{self.inference.n_clusters[0]:,} clusters, t with {self.df_t:g} degrees of freedom"
            text = f"{text} {self.inference.clusters[0]} ({groups})"
        draws = self.effects.draws
        source = "by the delta method" if draws is None else f"from {len(draws):,} draws of the coefficients"
        return f"{text}; of effects {source}"

    @property
    def settings(self) -> str:
        """Options of the specification."""
        estimated = self.estimated
        parts = [f"transform = {estimated.transform}"]
        if estimated.bias_correction:
            parts.append(f"bias correction = {estimated.bias_correction}")
        if self.rng_entropy is not None:
            parts.append(f"rng = {self.rng_entropy}")
        return ", ".join(parts)

    def _summary(self) -> Summary:
        first = [notice for notice in self.diagnostics if notice.code == "large_time_effects_bias"]
        below_effects = [notice for notice in self.diagnostics if notice.code == "several_rows"]
        last = [notice for notice in self.diagnostics if notice not in (*first, *below_effects)]
        return Summary(
            type=type(self).__name__,
            title=f"Outcome: {self.depvar}",
            blocks=(
                Lines(tuple(self._about())),
                Lines(tuple(f"Warning: {notice.message}" for notice in first), wrapped=True),
                Lines(("", "Direct, indirect and total effects:")),
                self._cells(self._effect_rows()),
                Remarks.of(below_effects),
                Lines(("", self._heading())),
                self._cells(self.tidy()),
                Remarks.of(last),
            ),
            notices=self.diagnostics,
            conventions=self.conventions,
            settings=self.settings,
            version=self.version,
        )

    def _about(self) -> list[str]:
        estimated, sample = self.estimated, self.sample
        effects = ", ".join(estimated.effect_names) or "none (intercept)"
        numbers = f"Log likelihood {self.loglik:.3f}, AIC {self.aic:.2f}, BIC {self.bic:.2f}"
        fit = f"sigma2 {self.sigma2:.4g}, within R2 {self.rsquared_within:z.3f}"
        return [
            f"Model: {MODELS[self.model]}",
            f"Weights: {estimated.weights_text}",
            f"Fixed effects: {effects}",
            sample_text(self.nobs, sample.n_entities, sample.n_times, sample.key_names),
            f"{numbers}, {fit}",
        ]

    def _heading(self) -> str:
        if "rho" in self.names and any(name.startswith("W:") for name in self.names):
            return "Coefficients (those of W:x are not spillovers; the indirect effects are):"
        return "Coefficients:"

    def _effect_rows(self) -> pd.DataFrame:
        frame = self.impacts
        return frame.assign(term=frame["term"] + ": " + frame["kind"])

    def _cells(self, frame: pd.DataFrame) -> Cells:
        numbers = frame.drop(columns=["term", "kind"], errors="ignore").to_numpy(dtype=np.float64)
        rows = [
            [
                str(term),
                f"{b:z.5g}",
                f"{se:.4g}",
                f"{z:z.2f}",
                p_text(p),
                interval_text(low, high, form=".3g"),
            ]
            for term, (b, se, z, p, low, high) in zip(frame["term"], numbers, strict=True)
        ]
        symbol = "z" if np.isinf(self.df_t) else "t"
        return Cells.of(["", "estimate", "std. error", symbol, "p", "95% interval"], rows)

    def _conventions_of(self, inference: Inference) -> str:  # noqa: ARG002
        return self.conventions

    def _more_numbers(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "impacts": self.impacts.to_dict("records"),
            "interval": list(self.estimated.interval),
            "weights_hash": self.estimated.weights_hash,
            "sample_stats": self.sample_stats.reset_index().to_dict("records"),
        }

    @property
    def sample_stats(self) -> pd.DataFrame:
        """Summary statistics of variables and terms: nobs, mean, sd, min, max."""
        names, values = self.sample.stats
        columns = ["nobs", "mean", "sd", "min", "max"]
        out = pd.DataFrame(values, index=pd.Index(list(names), name="variable"), columns=columns)
        return out.astype({"nobs": int})

    # --- inside -------------------------------------------------------------------------------------------

    def _remarks(self) -> tuple[Remark, ...]:
        """Name for a table which model and weights these are, and whether a bias is corrected."""
        estimated = self.estimated
        names = {"weights": (estimated.weights_text,), "name": (estimated.weights_name,)}
        model = Remark(f"{self.model}.weights.{estimated.weights_standardise}", names)
        correction = estimated.bias_correction
        return (model,) if correction is None else (model, Remark(correction, {}))

    def _several_rows(self) -> list[Remark]:
        """Name for a table of effects which variables are in several of its rows."""
        shared = shared_variables(self.effects.terms, self.factors)
        return [
            Remark("several_rows", {"variable": (variable,), "terms": names})
            for variable, names in shared.items()
        ]

    def _term(self, name: str) -> Term:
        if name in _SPATIAL:
            return Term(name, family="spatial", kind=name)
        if name == "Intercept":
            return Term(name, kind="intercept")
        return Term(name, path=(name,), factors=self.factors.get(name, (Factor(name, name),)))
