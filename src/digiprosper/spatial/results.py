"""Results of spatial panel models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from digiprosper._version import __version__
from digiprosper.checks import check_option, check_type, option_error
from digiprosper.errors import Notice, OptionError, TermError, cited
from digiprosper.kernels import Floats
from digiprosper.kernels.tolerances import SINGULAR
from digiprosper.linear.results import EstimationSample, SampledResults
from digiprosper.report.certificate import coverage_remark
from digiprosper.report.columns import Column, Estimate, Remark, notice_remarks
from digiprosper.report.estimates import DrawnEstimates, Estimates
from digiprosper.report.inference import Inference
from digiprosper.report.labels import text_factor
from digiprosper.report.pickling import PickledByName
from digiprosper.report.protocol import Glance
from digiprosper.report.summary import Lines, Remarks, Summary, coefficient_cells
from digiprosper.report.terms import Term, slope_terms
from digiprosper.report.tests import TestResult, chi2_test
from digiprosper.report.text import sample_text
from digiprosper.report.words import TESTS, Words
from digiprosper.spatial.notices import shared_variables
from digiprosper.spatial.words import WORDS, construction_remark

_SPATIAL = ("rho", "lambda")
_ERRORS = {
    "larger": (
        "The larger of the standard errors from the second derivatives of the log "
        "likelihood and of those clustered by"
    ),
    "observed": "Standard errors from the second derivatives of the log likelihood",
    "information": "Standard errors from the information matrix",
    "clustered": "Standard errors clustered by",
}

DURBIN_NULLS = {
    "sar": "the coefficients of all spatial lags of regressors are zero",
    "sem": "W:x + rho x is zero for all regressors x (common factors)",
}
"""Null hypotheses under which the Durbin model is a simpler model."""

# Special cases of each spatial model.
_SIMPLER = {
    "sdm": ("sar", "sem", "slx"),
    "sdem": ("sem", "slx"),
    "sac": ("sar", "sem"),
}
KINDS = ("direct", "indirect", "total")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class SpatialEffects(PickledByName):
    """Average effects of k regressors, and sums for the effects of single entities."""

    terms: tuple[str, ...]
    slopes: Floats  # (k,) coefficients of the regressors
    lags: Floats  # (k,) coefficients of their spatial lags, 0 where there is none
    estimates: Floats  # (3, k) direct, indirect and total effects
    # (3k, 3k) by the delta method: direct effects of all terms, indirect, total
    covariance: Floats
    # (B, 3, k) effects of drawn coefficients, if errors are simulated
    draws: Floats | None
    # (6, N) diagonal, row sums, column sums of S = (I - rho W)^-1, then of S W
    units: Floats
    entities: pd.Index[Any]

    def frame(self, inference: Inference, level: float) -> pd.DataFrame:
        """Tabulate effects with their errors, three rows per term.

        With simulated errors p-values and intervals are those of the draws. Errors are
        missing for an effect that the model sets to zero.
        """
        names, values = self.terms * len(KINDS), self.estimates.ravel()
        kind: type[Estimates] = Estimates
        more: dict[str, Floats] = {}
        covariance = self.covariance.copy()
        if self.draws is not None:
            kind, draws = DrawnEstimates, self.draws.reshape(len(self.draws), -1)
            covariance = np.diag(draws.var(axis=0, ddof=1))
            more["draw_values"] = np.where(np.diag(covariance) == 0, np.nan, draws)
        undefined = np.flatnonzero(np.diag(covariance) == 0)
        covariance[undefined, undefined] = np.nan
        frame = kind.of(names, values, covariance, inference, **more).frame(level)
        frame.insert(1, "kind", np.repeat(KINDS, len(self.terms)))
        by_term = np.arange(len(names)).reshape(len(KINDS), -1).T.ravel()
        return frame.iloc[by_term].reset_index(drop=True)

    def by_unit(self, entity: str) -> pd.DataFrame:
        """Tabulate effects of units, a row per unit and term; `entity` names units."""
        of_slopes, of_lags = self.units.reshape(2, 3, -1, 1)
        direct, total, outgoing = of_slopes * self.slopes + of_lags * self.lags
        columns = {
            "direct": direct,
            "indirect": total - direct,
            "total": total,
            "to_others": outgoing - direct,
        }
        n, k = direct.shape
        return pd.DataFrame(
            {
                entity: np.repeat(self.entities.to_numpy(), k),
                "term": list(self.terms) * n,
                **{name: cells.ravel() for name, cells in columns.items()},
            }
        )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class SpatialDecomposition(PickledByName):
    """Direct, indirect and total effects as three columns of a table."""

    fit: SpatialResults

    def table_columns(self, level: float = 0.95) -> tuple[Column, ...]:
        """Return columns of direct, indirect and total effects, a row per regressor."""
        fit = self.fit
        estimates: dict[str, dict[str, Estimate]] = {kind: {} for kind in KINDS}
        rows = fit.effects_table(level).itertuples(index=False, name=None)
        for name, kind, *numbers in rows:
            term = Term(name, path=(name,), factors=tuple(fit.factors.get(name, ())))
            estimates[kind][name] = Estimate(term, *numbers)
        shared = shared_variables(fit.effects.terms, fit.factors)
        several = [
            Remark("several_rows", {"variable": (variable,), "terms": terms})
            for variable, terms in shared.items()
        ]
        return tuple(
            Column(
                head=WORDS.say(kind),
                estimates=estimates[kind],
                glance=fit.glance(),
                inference=fit.inference,
                labels=fit.labels,
                factors=fit.factors,
                words=WORDS,
                keys=fit.key_names,
                remarks=(*fit._remarks(), *several, *notice_remarks(fit)),
            )
            for kind in KINDS
        )

    def __repr__(self) -> str:
        return self.fit.effects_table().to_string()


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class SpatialResults(SampledResults):
    """Results of a spatial panel model, made by `PanelSpatial.fit`.

    Report the effects in `impacts`. If the outcome has a spatial lag, the coefficient
    of ``W:x`` is not the spillover effect of x.

    Parameters
    ----------
    estimated : Estimates
        Coefficients and their covariance matrix. Tests use the normal distribution, or
        t with G - 1 degrees of freedom with clustered standard errors.
    effects : SpatialEffects
        Direct, indirect and total effects.
    sample : EstimationSample
        The rows of the fit.
    labels : mapping
        Labels of columns.
    diagnostics : tuple of Notice
        Remarks about the sample, the weights and the estimates.
    depvar : str
        Outcome.
    model, transform, likelihood : str
        Options of the specification.
    residuals : array
        Residuals of the filtered equation (NT,), without the fixed effects.
    loglik : float
        Log likelihood at its maximum, with the constant ``-NT/2 (ln 2 pi + 1)``.
    sigma2 : float
        Variance of the errors: mean squared residual, with the bias correction if there
        is one.
    rsquared_within : float
        Squared correlation of the outcome and its prediction, after fixed effects are
        removed. The prediction is ``(I - rho W)^-1`` times the fit of the regressors
        and their spatial lags.
    n_parameters : int
        Number of parameters, with sigma2 and the rank of the fixed effects.
    df_absorbed : int
        Rank of the fixed effects.
    effect_names : tuple of str
        Fixed effects.
    interval : tuple of float
        Ends of the interval in which ``I - rho W`` is invertible.
    weights_name, weights_text, weights_made_by : str
        Name of the weights, a description of them, and how they were made; the last is
        empty for weights that the user gave.
    weights_standardise, weights_hash : str
        How the weights were standardised, and a hash of their values.
    version : str
        Version of digiprosper that fitted the model.

    Examples
    --------
    >>> import digiprosper as dp
    >>> weights = dp.SpatialWeights.from_neighbours(dp.datasets.us_neighbours())
    >>> spec = dp.PanelSpatial("log(gsp)", ["log(pc)"], weights, model="sar")
    >>> fit = spec.fit(dp.datasets.us_states())
    >>> fit.params.round(3).to_dict()
    {'rho': 0.49, 'log(pc)': 0.539}
    >>> fit.impacts["kind"].tolist()
    ['direct', 'indirect', 'total']
    """

    words: ClassVar[Words] = WORDS
    _rows_key: ClassVar[str] = "coefficients"
    _same_conventions: ClassVar[bool] = True

    estimated: Estimates
    effects: SpatialEffects
    sample: EstimationSample
    labels: Mapping[str, str]
    diagnostics: tuple[Notice, ...]
    depvar: str
    model: str
    transform: str
    likelihood: str
    residuals: Floats
    loglik: float
    sigma2: float
    rsquared_within: float
    n_parameters: int
    df_absorbed: int
    effect_names: tuple[str, ...]
    interval: tuple[float, float]
    weights_name: str
    weights_text: str
    weights_made_by: str
    weights_standardise: str
    weights_hash: str
    version: str = __version__

    # --- the protocol -----------------------------------------------------------------

    def glance(self) -> Glance:
        """Return summary numbers of the fit, such as the number of rows.

        Returns
        -------
        Glance
            A mapping with the keys of all types of results, and loglik, aic, bic,
            sigma2, n_parameters and weights.
        """
        return self._glance(
            "PanelSpatial",
            df_t=None if np.isinf(self.df_t) else self.df_t,
            rsquared_within=self.rsquared_within,
            rng_entropy=self.rng_entropy,
            loglik=self.loglik,
            aic=self.aic,
            bic=self.bic,
            sigma2=self.sigma2,
            n_parameters=self.n_parameters,
            weights=self.weights_text,
        )

    @property
    def terms(self) -> tuple[Term, ...]:
        """Description of each coefficient.

        Spatial parameter, slope, slope of a spatial lag, or intercept.
        """
        spatial = {name: Term(name, family="spatial", kind=name) for name in _SPATIAL}
        slopes = slope_terms(self.names, self.factors)
        return tuple(spatial.get(term.name, term) for term in slopes)

    # --- effects ----------------------------------------------------------------------

    @property
    def impacts(self) -> pd.DataFrame:
        """Direct, indirect and total effects with intervals; see `effects_table`.

        The intervals are 95% intervals.
        """
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
            Three rows per regressor, with columns term, kind (direct, indirect or
            total), estimate, std_error, statistic, p_value, conf_low and conf_high. If
            a variable is in several regressors, no row alone is its effect;
            `diagnostics` then has a notice ``"several_rows"``.

        Raises
        ------
        OptionError
            If `level` is not between 0 and 1.
        """
        return self.effects.frame(self.inference, level)

    @property
    def decomposition(self) -> SpatialDecomposition:
        """Effects as columns of a table, ``etable(fit.decomposition)``.

        They are the direct, indirect and total effects.
        """
        return SpatialDecomposition(fit=self)

    @property
    def unit_impacts(self) -> pd.DataFrame:
        """Effects of each entity, one row per entity and regressor.

        ``direct`` is the effect of the entity's x on its own outcome, ``indirect`` the
        effect of the x of all other entities on its outcome, and ``total`` their sum.
        ``to_others`` is the effect of its x on the outcomes of all others. The effects
        in `impacts` are means over entities.
        """
        return self.effects.by_unit(self.sample.key_names[0])

    # --- inference --------------------------------------------------------------------

    def wald_to(self, model: str) -> TestResult:
        """Test a SAR or SEM model as a special case of the spatial Durbin model.

        Parameters
        ----------
        model : {"sar", "sem"}
            ``"sar"`` tests that the coefficients of all ``W:x`` are zero. ``"sem"``
            tests the common-factor restriction, that each is ``-rho`` times that of x;
            for a Durbin error model it tests that they are zero.

        Returns
        -------
        TestResult
            Chi-squared test.

        Raises
        ------
        OptionError
            If the model is not a Durbin model, or a regressor has no spatial lag.
        """
        check_option("model", model, ("sar", "sem"))
        durbin = ("sdm",) if model == "sar" else ("sdm", "sdem")
        if self.model not in durbin:
            raise option_error(
                "model",
                self.model,
                f"wald_to({model!r}) is for model={' or '.join(map(repr, durbin))}, "
                f"not {self.model!r}.",
                durbin,
            )
        names, b = self.names, self.coefficients
        slopes = [j for j, name in enumerate(names) if f"W:{name}" in names]
        lags = [names.index(f"W:{names[j]}") for j in slopes]
        if not lags:
            raise OptionError(
                "wald_to: the model has no spatial lags of regressors; fit with "
                "spatial_lags=None."
            )
        restrictions = np.eye(b.size)[lags]
        values = restrictions @ b
        null = DURBIN_NULLS["sar"]
        if model == "sem" and "rho" in names:
            if 2 * len(lags) + 1 < len({*names} - {"Intercept"}):
                raise OptionError(
                    "wald_to('sem') requires spatial lags of all regressors; fit with "
                    "spatial_lags=None."
                )
            rho = names.index("rho")
            values = values + b[rho] * b[slopes]
            null = DURBIN_NULLS["sem"]
            # The derivatives of these products, for the delta method
            restrictions[np.arange(len(lags)), slopes] += b[rho]
            restrictions[:, rho] += b[slopes]
        form, least = self.estimated.wald(restrictions, values)
        if not least > SINGULAR:
            raise TermError("wald_to: the restrictions repeat each other.")
        return self.estimated.joint_test(
            form, restrictions, values, name="Wald test", null=null
        )

    def lr_test(self, other: SpatialResults) -> TestResult:
        """Compare with a nested model by a likelihood ratio test.

        Parameters
        ----------
        other : SpatialResults
            Results of a model on the same rows and with the same weights. One of the
            two models must be nested in the other: fewer terms or fixed effects, or a
            simpler spatial model.

        Returns
        -------
        TestResult
            Chi-squared test, which assumes independent errors. The degrees of freedom
            are the difference of the numbers of parameters.

        Raises
        ------
        InputTypeError
            If `other` is not a `SpatialResults`.
        OptionError
            If rows, outcome, weights or transform differ, or neither model is nested in
            the other.
        """
        needed = "lr_test takes the results of another PanelSpatial"
        check_type(other, SpatialResults, needed)
        pairs = {
            "outcome": (self.depvar, other.depvar),
            "rows": (self.glance()["sample_hash"], other.glance()["sample_hash"]),
            "weights": (self.weights_hash, other.weights_hash),
            "likelihood": (self.likelihood, other.likelihood),
            "transform": (self.transform, other.transform),
        }
        different = [name for name, (mine, theirs) in pairs.items() if mine != theirs]
        if different:
            raise option_error(
                "other",
                cited(different),
                f"lr_test: the two fits differ in their {' and '.join(different)}; "
                "compare fits on the same data.",
            )
        small, large = sorted((self, other), key=lambda fit: fit.n_parameters)
        df = large.n_parameters - small.n_parameters
        if self.likelihood == "adjusted" and self.effect_names != other.effect_names:
            raise option_error(
                "likelihood",
                "adjusted",
                "lr_test: adjusted likelihoods of models with different fixed effects "
                "cannot be compared; fit both with likelihood='unadjusted'.",
                ("unadjusted",),
            )
        if df == 0 or not _is_nested(small, large):
            raise OptionError(
                "lr_test: neither model is nested in the other, which has all terms, "
                "effects and spatial coefficients of the simpler one. Compare them "
                "by aic or bic."
            )
        statistic = max(2 * (large.loglik - small.loglik), 0.0)
        name = large.model.upper()
        null = f"the restrictions of the {small.model.upper()} hold in the {name}"
        if small.model == large.model:
            null = f"what the {name} with fewer terms or effects leaves out is zero"
        method = TESTS.say("chi2.correlated") if self.sample.n_times > 1 else ""
        return chi2_test("Likelihood ratio test", statistic, df, null, method=method)

    # --- numbers ----------------------------------------------------------------------

    @property
    def aic(self) -> float:
        """Akaike information criterion.

        Parameters include sigma2 and the fixed effects.
        """
        return 2 * self.n_parameters - 2 * self.loglik

    @property
    def bic(self) -> float:
        """Bayesian information criterion, with the parameters of `aic`."""
        return float(np.log(self.nobs)) * self.n_parameters - 2 * self.loglik

    @property
    def rng_entropy(self) -> int | None:
        """Seed of the draws of simulated standard errors, or None."""
        return self.inference.rng_entropy

    # --- words ------------------------------------------------------------------------

    @property
    def conventions(self) -> str:
        """Type of the standard errors."""
        inference, draws = self.inference, self.effects.draws
        text = _ERRORS[inference.cov_type]
        for entity, count in zip(inference.clusters, inference.n_clusters, strict=True):
            df = f"t with {self.df_t:g} degrees of freedom"
            text += f" {entity} ({count:,} clusters, {df})"
        if draws is None:
            return f"{text}; of effects by the delta method"
        return f"{text}; of effects from {len(draws):,} draws of the coefficients"

    @property
    def settings(self) -> str:
        """Options of the specification."""
        parts = [f"likelihood = {self.likelihood}"] if self.model != "slx" else []
        parts.append(f"transform = {self.transform}")
        if self.rng_entropy is not None:
            parts.append(f"rng = {self.rng_entropy}")
        return ", ".join(parts)

    def _summary(self) -> Summary:
        bias, several, others = list[Notice](), list[Notice](), list[Notice]()
        blocks = {"large_time_effects_bias": bias, "several_rows": several}
        for notice in self.diagnostics:
            blocks.get(notice.code, others).append(notice)
        sample, effects = self.sample, self.impacts
        effects["term"] += ": " + effects["kind"]
        symbol = "z" if np.isinf(self.df_t) else "t"
        heading = "Coefficients:"
        if "rho" in self.names and any(name.startswith("W:") for name in self.names):
            heading = (
                "Coefficients (those of W:x are not spillovers; the indirect "
                "effects are):"
            )
        about = (
            f"Model: {WORDS.say(self.model).removesuffix('.')}",
            f"Weights: {self.weights_text}",
            f"Fixed effects: {', '.join(self.effect_names) or 'none (intercept)'}",
            sample_text(self.nobs, sample.n_entities, sample.n_times, sample.key_names),
            f"Log likelihood {self.loglik:.3f}, AIC {self.aic:.2f}, BIC {self.bic:.2f},"
            f" sigma2 {self.sigma2:.4g}, within R2 {self.rsquared_within:z.3f}",
        )
        return self._titled(
            f"Outcome: {self.depvar}",
            Lines(about),
            Lines(tuple(f"Warning: {n.message}" for n in bias), wrapped=True),
            Lines(("", "Direct, indirect and total effects:")),
            coefficient_cells(effects, symbol, 3),
            Remarks.of(several),
            Lines(("", heading)),
            coefficient_cells(self.tidy(), symbol, 3),
            Remarks.of(others, self._coverage_text()),
        )

    def _coverage_text(self) -> str:
        """Cite how often intervals of a Durbin model cover with these errors."""
        sample, default = self.sample, ("sdm", "adjusted", "larger")
        options = (self.model, self.likelihood, self.inference.cov_type)
        if options != default or self.effect_names != sample.key_names:
            return ""
        return coverage_remark(
            {"rho": "rho", "indirect effects": "indirect effect"},
            (self.nobs, sample.n_entities, sample.n_times),
            self.diagnostics,
        )

    def _more_numbers(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "impacts": self.impacts.to_dict("records"),
            "interval": list(self.interval),
            "weights_hash": self.weights_hash,
            "sample_stats": self.sample_stats.reset_index().to_dict("records"),
        }

    # --- inside -----------------------------------------------------------------------

    def _remarks(self) -> tuple[Remark, ...]:
        """Name for a table the model and weights, and whether a bias is corrected."""
        names = {
            "weights": (self.weights_text,),
            "name": (self.weights_name,),
            "made": (construction_remark(self.weights_made_by),),
            "scale": (Remark(f"weights.{self.weights_standardise}", {}),),
        }
        code = "w.made" if self.weights_made_by else "w"
        text = text_factor(self.weights_text, [self.weights_name], {})
        weights = Remark(code, names, factors={self.weights_text: (text,)})
        remarks = (Remark(self.model, {}), weights)
        # The SLX is estimated by least squares, without adjustment.
        bias = self.likelihood != "unadjusted" and self.model != "slx"
        return (*remarks, Remark(self.likelihood, {})) if bias else remarks


# --- special cases --------------------------------------------------------------------


def _is_nested(small: SpatialResults, large: SpatialResults) -> bool:
    """Check whether one model is a special case of another."""
    terms = set(small.names) - {*_SPATIAL, "Intercept"}
    # A model without any spatial term is every model with all of them zero.
    without_space = small.model == "slx" and not any(
        name.startswith("W:") for name in terms
    )
    if small.model == "sem" and large.model == "sdm":
        terms |= {f"W:{name}" for name in terms}
    simpler = (large.model, *_SIMPLER.get(large.model, ()))
    return (
        set(small.effect_names) <= set(large.effect_names)
        and terms <= set(large.names)
        and (without_space or small.model in simpler)
    )
