"""Results of Poisson regressions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np
import pandas as pd

from digiprosper._version import __version__
from digiprosper.counts.words import WORDS
from digiprosper.errors import check_level
from digiprosper.kernels.tolerances import TWO_VALUES
from digiprosper.linear.results import RowSummary, kept_rows, predicted_index
from digiprosper.report.protocol import Glance, empty_glance, hash_of
from digiprosper.report.results import BaseResults
from digiprosper.report.summary import Lines, Remarks, Summary, coefficient_cells
from digiprosper.report.terms import Term, slope_terms
from digiprosper.report.text import conventions, sample_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from digiprosper.errors import Notice
    from digiprosper.kernels import Floats
    from digiprosper.linear.results import EstimationSample
    from digiprosper.panel import Panel
    from digiprosper.report.estimates import Estimates
    from digiprosper.report.inference import Inference
    from digiprosper.report.terms import Factors
    from digiprosper.report.words import Words

_MEANING = (
    "A slope b is a change of the log of the mean: the elasticity, if the regressor is "
    "a log. Otherwise 100 b is roughly the change in percent, and that of a dummy is "
    "100 (exp(b) - 1). See average_effects()."
)


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class PoissonResults(BaseResults):
    """Results of `PoissonEffects`: coefficients, covariance, tests and predictions.

    Parameters
    ----------
    depvar : str
        Outcome.
    estimated : Estimates
        Names, coefficients and covariance. Tests use the normal distribution, as
        ppmlhdfe and fixest do, and under ``"crv3"`` t with G - 1 degrees of freedom.
    sample : EstimationSample
        The rows of the fit.
    fitted : array or None
        Means (N,), effects included; None with ``keep_rows=False``.
    residuals : array or None
        Outcome less mean (N,).
    deviance : float
        Twice the difference of log likelihoods of a perfect fit and of the fit.
    log_likelihood, null_log_likelihood : float
        Log likelihood, and that of a model with a constant (and the exposure) only.
    mean_outcome : float
        Mean of the outcome, with the weights of the rows.
    df_absorbed : int
        Rank of the absorbed effects.
    effect_names : tuple of str
        Names of the absorbed effects.
    effect_values : tuple
        Name, levels and estimates of each absorbed effect.
    effect_terms : tuple
        Of each absorbed effect the term of its levels, and that of its slope or None.
    separated_index : Index
        Labels of the rows that were dropped because they are separated.
    separated_reasons : tuple of str
        Why each of them was dropped.
    n_singletons : int
        Number of singletons that were dropped.
    exposure, offset : str or None
        Terms of the specification.
    labels : mapping
        Labels of columns.
    diagnostics : tuple of Notice
        Remarks about the data and the fit.
    version : str
        Version of digiprosper that fitted the model.

    Examples
    --------
    >>> import digiprosper as dp
    >>> spec = dp.PoissonEffects("gsp", ["log(pc)", "unemp"])
    >>> fit = spec.fit(dp.datasets.us_states())
    >>> fit.params.round(3).to_dict(), fit.std_errors.round(3).to_dict()
    ({}, {})
    """

    words: ClassVar[Words] = WORDS
    _rows_key: ClassVar[str] = "coefficients"

    depvar: str
    estimated: Estimates
    sample: EstimationSample
    fitted: Floats | None
    residuals: Floats | None
    deviance: float
    log_likelihood: float
    null_log_likelihood: float
    mean_outcome: float
    df_absorbed: int
    effect_names: tuple[str, ...]
    effect_values: tuple[tuple[str, pd.Index[Any], Floats], ...]
    effect_terms: tuple[tuple[str, str | None], ...]
    separated_index: pd.Index[Any]
    separated_reasons: tuple[str, ...]
    n_singletons: int
    exposure: str | None
    offset: str | None
    labels: Mapping[str, str]
    diagnostics: tuple[Notice, ...]
    version: str = __version__

    # --- what all results have --------------------------------------------------------

    @property
    def factors(self) -> Factors:
        """Factors of each regressor, outcome, absorbed effect and cluster, by name."""
        return self.sample.factors

    @property
    def key_names(self) -> tuple[str, str | None]:
        """Names of the entity key and the time key."""
        return self.sample.key_names

    @property
    def categories(self) -> Mapping[str, tuple[str, pd.Index[Any]]]:
        """For each category in the terms, its column and its estimated levels."""
        return self.sample.categories

    @property
    def terms(self) -> tuple[Term, ...]:
        """Description of each coefficient: its type and its regressor's factors."""
        return slope_terms(self.names, self.factors)

    @property
    def pseudo_rsquared(self) -> float:
        """One less the log likelihood over that of a constant (McFadden 1974)."""
        return 1 - self.log_likelihood / self.null_log_likelihood

    @property
    def separated(self) -> pd.DataFrame:
        """Rows that were dropped because they are separated, with the reason.

        ``"effects"`` are rows of a level of a fixed effect whose outcomes are all zero,
        ``"regressors"`` are rows that a combination of regressors and effects predicts
        to be zero (Correia, Guimaraes & Zylkin 2019).
        """
        return pd.DataFrame(
            {"reason": list(self.separated_reasons)}, index=self.separated_index
        )

    def glance(self) -> Glance:
        """Return summary numbers of the fit, such as the number of rows.

        Returns
        -------
        Glance
            Beside what all results have: pseudo_rsquared, deviance, loglik, n_separated
            and n_singletons.
        """
        sample, inference = self.sample, self.inference
        clusters = inference.n_clusters
        nobs = sample.rows.nobs if sample.rows else len(kept_rows(self.fitted, "rows"))
        values: dict[str, Any] = {
            "depvar": self.depvar,
            "n_entities": sample.n_entities,
            "n_times": sample.n_times,
            "n_clusters": min(clusters) if clusters else None,
            "df_resid": float(nobs - self.df_absorbed - len(self.names))
            + ("Intercept" in self.names),
            "df_t": self.df_t,
            "df_absorbed": self.df_absorbed,
            "cov_type": inference.cov_type,
            "clusters": "+".join(inference.clusters) or None,
            "ssc": inference.ssc,
            "obs_weights": sample.obs_weights,
            "effects": "+".join(self.effect_names) or None,
            "sample_hash": sample.rows.sample_hash
            if sample.rows
            else hash_of(kept_rows(sample.index, "row labels")),
            "version": self.version,
            "pseudo_rsquared": self.pseudo_rsquared,
            "deviance": self.deviance,
            "loglik": self.log_likelihood,
            "n_separated": len(self.separated_reasons),
            "n_singletons": self.n_singletons,
        }
        return cast("Glance", {**empty_glance("PoissonEffects", nobs), **values})

    # --- rows and effects -------------------------------------------------------------

    @property
    def sample_stats(self) -> pd.DataFrame:
        """Summary statistics of variables and terms in the estimation sample."""
        names, values = self.sample.stats
        columns = ["nobs", "mean", "sd", "min", "max"]
        index = pd.Index(list(names), name="variable")
        frame = pd.DataFrame(values, index=index, columns=columns)
        return frame.astype({"nobs": int})

    @property
    def fitted_values(self) -> pd.Series[float]:
        """Fitted means including the fixed effects, indexed by row."""
        return self._by_row(self.fitted, "fitted values")

    @property
    def resids(self) -> pd.Series[float]:
        """Residuals, indexed by row: outcome minus fitted mean."""
        return self._by_row(self.residuals, "residuals")

    def _by_row(self, values: Floats | None, attribute: str) -> pd.Series[float]:
        rows = kept_rows(values, attribute)
        return pd.Series(rows, index=self.sample.index, name=attribute, copy=True)

    @property
    def effects(self) -> dict[str, pd.Series[float]]:
        """Estimates of the absorbed effects: a Series by level for each effect.

        All effects except one are normalised to mean zero.
        """
        return {
            name: pd.Series(values, index=levels, name=name, copy=True)
            for name, levels, values in self.effect_values
        }

    def predict(self, panel: Panel) -> pd.Series[float]:
        """Predict the mean of the outcome, including fixed effects and exposure.

        Parameters
        ----------
        panel : Panel
            A panel with the columns of the model.

        Returns
        -------
        Series
            Means indexed by row of `panel`. One is missing, with a warning, if a fixed
            effect of the row was not estimated or a regressor is missing.

        Raises
        ------
        ColumnError, InputTypeError, MissingDataError
            If `panel` is not a Panel or does not have a column, or a term cannot be
            evaluated.

        Examples
        --------
        >>> import digiprosper as dp
        >>> panel = dp.datasets.us_states()
        >>> fit = dp.PoissonEffects("gsp", ["log(pc)", "unemp"]).fit(panel)
        >>> bool((fit.predict(panel) - fit.fitted_values).abs().max() < 1e-6)
        True
        """
        from digiprosper.panel.access import table_of
        from digiprosper.panel.selection import coefficient_column

        index = predicted_index(self, panel)
        term = self.exposure or self.offset
        if term is not None:
            column = coefficient_column(table_of(panel), self.factors[term], {})
            with np.errstate(divide="ignore", invalid="ignore"):
                index = index + (np.log(column) if self.exposure else column)
        return pd.Series(np.exp(index), index=panel.index, name=self.depvar)

    def average_effects(self, level: float = 0.95) -> pd.DataFrame:
        """Compute average effects of regressors on the mean of the outcome.

        Since the average of the fitted means is that of the outcome, the average effect
        of a slope b is b times the mean of the outcome.

        Parameters
        ----------
        level : float
            Confidence level of the intervals, .95 by default.

        Returns
        -------
        DataFrame
            One row per regressor, with its `kind`. Columns relative, std_error,
            conf_low and conf_high are relative changes of the mean: b for a
            ``"slope"``, which is the elasticity for a log (``"elasticity"``), and
            exp(b) - 1, with the error exp(b) se(b), for a ``"dummy"``. `effect` is the
            relative change times the mean of the outcome, in units of the outcome; of
            an elasticity it is the effect of a change of the log by one. All are
            missing for an ``"interaction"`` and for regressors that have a column in
            common with others, whose effect is not that of one coefficient.

        Raises
        ------
        OptionError
            If `level` is not between 0 and 1.

        Examples
        --------
        >>> import digiprosper as dp
        >>> fit = dp.PoissonEffects("gsp", ["log(pc)", "unemp"]).fit(
        ...     dp.datasets.us_states()
        ... )
        >>> fit.average_effects()[["kind", "relative"]].round(3).values.tolist()
        []
        """
        frame, stats = self.tidy(check_level(level)), self.sample_stats
        rows = []
        for term, row in zip(self.terms, frame.to_dict("records"), strict=True):
            if term.kind == "intercept":
                continue
            kind = self._kind_of(term, stats)
            ends = [row[name] for name in ("estimate", "conf_low", "conf_high")]
            error = row["std_error"]
            if kind == "dummy":
                error = float(np.exp(row["estimate"])) * error
                ends = np.expm1(ends).tolist()
            if kind == "interaction":
                error, ends = np.nan, [np.nan] * 3
            names = ("relative", "conf_low", "conf_high")
            numbers = dict(zip(names, ends, strict=True))
            rows.append(
                {
                    "term": term.name,
                    "kind": kind,
                    "relative": numbers["relative"],
                    "std_error": error,
                    "conf_low": numbers["conf_low"],
                    "conf_high": numbers["conf_high"],
                    "effect": numbers["relative"] * self.mean_outcome,
                }
            )
        return pd.DataFrame(rows)

    def _kind_of(self, term: Term, stats: pd.DataFrame) -> str:
        """Tell what the coefficient of a term is."""
        columns = {column for factor in term.factors for column in factor.columns}
        others = {
            column
            for other in self.terms
            if other.name != term.name
            and not all(factor.level is not None for factor in other.factors)
            for factor in other.factors
            for column in factor.columns
        }
        if len(term.factors) != 1 or columns & others:
            return "interaction"
        if term.factors[0].level is not None:
            return "dummy"
        if term.factors[0].function in ("log", "log2", "log10"):
            return "elasticity"
        n, mean, sd, low, high = stats.loc[term.name].to_numpy(dtype=np.float64)
        # No other column between zero and one with this mean has as much variance.
        below = mean * (1 - mean) - sd**2 * (n - 1) / n
        is_dummy = (low, high) == (0.0, 1.0) and below <= TWO_VALUES
        return "dummy" if is_dummy else "slope"

    def without_rows(self) -> Self:
        """Return a copy without residuals, fitted values and row labels.

        Returns
        -------
        PoissonResults
            The same estimates in less memory. Methods that need the rows raise an
            OptionError.
        """
        residuals = kept_rows(self.residuals, "residuals")
        rows = RowSummary(
            nobs=residuals.size,
            sample_hash=hash_of(kept_rows(self.sample.index, "row labels")),
            ssr=float(residuals @ residuals),
        )
        sample = replace(self.sample, index=None, rows=rows)
        return replace(self, fitted=None, residuals=None, sample=sample)

    # --- words ------------------------------------------------------------------------

    def _summary(self) -> Summary:
        info = self.glance()
        sample = self.sample
        size = sample_text(
            info["nobs"], sample.n_entities, sample.n_times, sample.key_names
        )
        lines = [
            f"Effects: {', '.join(self.effect_names) or 'none (intercept)'}",
            *([f"Weights: {sample.obs_weights}"] if sample.obs_weights else []),
            *([f"Exposure: {self.exposure}"] if self.exposure else []),
            *([f"Offset: {self.offset}"] if self.offset else []),
            size,
            f"Dropped: {len(self.separated_reasons)} separated rows, "
            f"{self.n_singletons} singletons",
            f"Pseudo-R2 {self.pseudo_rsquared:.4f}, deviance {self.deviance:.6g}, log "
            f"likelihood {self.log_likelihood:.6g}",
            "",
        ]
        return Summary(
            type=type(self).__name__,
            title=f"Poisson regression, outcome: {self.depvar}",
            blocks=(
                Lines(tuple(lines)),
                coefficient_cells(self.tidy()),
                Lines((_MEANING,), wrapped=True),
                Remarks.of(self.diagnostics),
            ),
            notices=self.diagnostics,
            conventions=self.conventions,
            version=self.version,
        )

    @property
    def conventions(self) -> str:
        """Type of the standard errors, with everything that defines them."""
        return self._conventions_of(self.inference)

    def _conventions_of(self, inference: Inference) -> str:
        if inference.cov_type != "unadjusted":
            return conventions(inference)
        return conventions(inference).replace(
            "for independent errors of equal variance",
            "for a variance equal to the mean",
        )
