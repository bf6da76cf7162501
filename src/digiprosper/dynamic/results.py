"""Results of dynamic panel models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, cast

import numpy as np
import pandas as pd

from digiprosper.checks import check_level
from digiprosper.errors import counted
from digiprosper.kernels import Floats, intervals
from digiprosper.report.columns import Remark, remark_text
from digiprosper.report.estimates import DrawnEstimates
from digiprosper.report.results import FitResults
from digiprosper.report.summary import Lines, Remarks, Summary, coefficient_cells
from digiprosper.report.terms import Term, slope_terms
from digiprosper.report.tests import TestResult
from digiprosper.report.text import conventions, freedom_text, p_words
from digiprosper.report.words import Words, read_words

# Covariance that the first step assumes unless another is chosen
_USUAL_H = 3
# Constants of numerator and denominator in the ratio b / (1 - r).
_ONE_BELOW = np.array([0.0, 1.0])
# Stands for an infinite effect of a draw; finite, because quantiles are interpolated.
_WITHOUT_LIMIT = 1e150
_LARGEST_RATIO = 1e100
_TITLES = {
    "difference": "Difference GMM",
    "system": "System GMM",
    "lsdvc": "Bias-corrected within estimator",
    "half_panel": "Half-panel jackknife",
}
WORDS = read_words(__file__)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class CorrectedEstimates(DrawnEstimates):
    """Estimates with draws of clusters and expanded percentile intervals.

    With n clusters the tails of the percentile interval are ``Phi(-sqrt(n / (n - 1))
    t)``, with the quantile t of the t distribution with n - 1 degrees of freedom, since
    draws vary too little by these factors (Hesterberg 2015, The American Statistician
    69:371, section 3.3).
    """

    @property
    def _scale(self) -> tuple[float, int]:
        clusters = self.inference.n_drawn or 2
        return float(np.sqrt(clusters / (clusters - 1))), clusters - 1

    def tests(self) -> tuple[Floats, Floats, Floats]:
        """Compute errors, statistics, and p-values that agree with the intervals."""
        from scipy.special import ndtri, stdtr

        errors, statistics, p_values = DrawnEstimates.tests(self)
        scale, df = self._scale
        expanded = 2 * stdtr(df, ndtri(p_values / 2) / scale)
        return errors, statistics, np.asarray(expanded)

    def limits(self, level: float) -> tuple[Floats, Floats]:
        """Compute expanded percentile intervals of the draws."""
        from scipy.special import ndtr, stdtrit

        scale, df = self._scale
        tail = ndtr(scale * stdtrit(df, (1 - check_level(level)) / 2))
        ends = intervals.percentile(
            self.draw_values, 1 - 2 * float(tail), clusters=self.inference.n_drawn
        )
        return ends[0], ends[1]


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class DynamicResults(FitResults):
    """Results of `DynamicPanel`.

    Parameters
    ----------
    estimated : Estimates
        Coefficients of the lags of the outcome and of the regressors, with their
        covariance. Dummies of periods are not among them.
    estimator : str
        The option of the specification.
    info : Glance
        Summary numbers of the fit. With GMM they have n_instruments, and the p-values
        ar1_p, ar2_p, hansen_p and sargan_p.
    lag_names : tuple of str
        Terms of the lags of the outcome.
    bounds : dict
        Persistence, the sum of the coefficients of the lags: within entities
        (``within``), where it is biased downwards, and by pooled least squares
        (``ols``), where it is biased upwards (Bond 2002).
    labels : mapping
        Labels of columns.
    factors : mapping
        Factors of outcome, effects, clusters and regressors, by name.
    diagnostics : tuple of Notice
        Remarks about the data and the fit.
    key_names : pair of str or None
        Names of the entity key and the time key.
    gmm_options : dict
        Of GMM: steps, windmeijer, transform, h and collapse of the specification, and
        lags, the first and the last one by variable. Empty for the corrected within
        estimators, as all that follows.
    hansen : TestResult, optional
        Hansen's J test of overidentification, of the two-step estimates. Missing if
        there are more instruments than clusters.
    sargan : TestResult, optional
        Sargan's test of overidentification, of the one-step estimates. It assumes
        independent errors with one variance.
    autocorrelations : dict
        Statistic z and p-value by order; see `ar_tests`.
    instrument_columns : tuple
        Rows of `instruments`.
    instrument_groups : dict
        Rows of `difference_in_hansen` by group.

    Examples
    --------
    >>> import digiprosper as dp
    >>> spec = dp.DynamicPanel("log(gsp)", ["unemp"], estimator="lsdvc", reps=499)
    >>> fit = spec.fit(dp.datasets.us_states(), rng=1)
    >>> fit.params.round(3).to_dict()
    {'lag(log(gsp))': 0.943, 'unemp': -0.009}
    """

    words: ClassVar[Words] = WORDS

    estimator: str
    lag_names: tuple[str, ...]
    bounds: dict[str, float]
    gmm_options: Mapping[str, Any] = field(default_factory=dict)
    hansen: TestResult | None = None
    sargan: TestResult | None = None
    autocorrelations: dict[int, tuple[float, float]] = field(default_factory=dict)
    instrument_columns: tuple[tuple[str, str, int | None, str | None], ...] = ()
    instrument_groups: dict[str, tuple[float, ...]] = field(default_factory=dict)

    # --- tests of GMM -----------------------------------------------------------------

    @property
    def ar_tests(self) -> pd.DataFrame | None:
        """Tests of autocorrelation of the differenced residuals (Arellano & Bond 1991).

        Columns z and p_value, one row per order. The first order is expected to be
        negative. One of the second order makes instruments of lag 2 invalid. None
        without GMM.
        """
        return self._gmm_frame("order", self.autocorrelations, ["z", "p_value"])

    @property
    def difference_in_hansen(self) -> pd.DataFrame | None:
        """Difference in Hansen's J without each group of instruments.

        Columns n_instruments, without (J without the group), df_without, difference,
        df and p_value. The covariance of the moments is that of the whole model, so the
        difference is not negative (Hayashi 2000, section 3.6). A group without which
        the model is not overidentified has no row. None without GMM.
        """
        columns = ["n_instruments", "without", "df_without", "difference", "df"]
        return self._gmm_frame("group", self.instrument_groups, [*columns, "p_value"])

    def _gmm_frame(
        self, index: str, rows: dict[Any, Any], columns: list[str]
    ) -> pd.DataFrame | None:
        """Return rows by index as a frame; None without GMM."""
        if not self.gmm_options:
            return None
        frame = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
        return frame.rename_axis(index)

    @property
    def instruments(self) -> pd.DataFrame | None:
        """Instruments: variable, equation, lag and period; None without GMM.

        `lag` is missing for exogenous variables, and `period` for columns of all
        periods. Combinations of other instruments are left out.
        """
        if not self.gmm_options:
            return None
        columns = ["variable", "equation", "lag", "period"]
        rows = pd.DataFrame(list(self.instrument_columns), columns=columns)
        return rows.astype({"lag": "Int64"})

    @property
    def n_instruments(self) -> int | None:
        """Number of independent instruments; None without GMM."""
        return len(self.instrument_columns) or None

    # --- persistence ------------------------------------------------------------------

    @property
    def persistence(self) -> float:
        """Sum of the coefficients of the lags of the outcome."""
        return float(self.coefficients[: len(self.lag_names)].sum())

    def long_run(self, level: float = 0.95) -> pd.DataFrame:
        """Return long-run effects ``b / (1 - sum of the lags' coefficients)``.

        Parameters
        ----------
        level : float
            Confidence level of the intervals, .95 by default.

        Returns
        -------
        DataFrame
            One row per regressor: estimate, std_error by the delta method, the interval
            (conf_low, conf_high), Fieller's set (fieller_low, fieller_high) and the
            interval by the delta method (delta_low, delta_high).

            The interval is Fieller's set with GMM, since it allows for a denominator
            near zero; if this set is not one bounded interval, its ends are infinite.
            With the corrected estimators it is that of the draws; an end is infinite if
            in too many of them persistence is one or more. Intervals by the delta
            method are too short with few entities and a high persistence.

            If the estimate of persistence is one or more, there is no long-run effect:
            estimate, error and delta interval are missing, the ends of Fieller's set
            infinite.

        Raises
        ------
        OptionError
            If `level` is not between 0 and 1.

        Examples
        --------
        >>> import digiprosper as dp
        >>> spec = dp.DynamicPanel("log(gsp)", ["unemp"], estimator="lsdvc", reps=499)
        >>> fit = spec.fit(dp.datasets.us_states(), rng=1)
        >>> float(fit.long_run()["estimate"].iloc[0].round(3))
        -0.155
        """
        check_level(level)
        regressors = set(self.names).difference(self.lag_names, ["Intercept"])
        effects = {
            name: self._long_run_effect(position, level)
            for position, name in enumerate(self.names)
            if name in regressors
        }
        return pd.DataFrame.from_dict(effects, orient="index").rename_axis("term")

    def _long_run_effect(self, position: int, level: float) -> dict[str, float]:
        """Estimate the long-run effect of a regressor, with its intervals."""
        weights = np.zeros((2, len(self.names)))
        weights[0, position], weights[1, : len(self.lag_names)] = 1.0, -1.0
        top, bottom = (self.estimated.sums(weights) + _ONE_BELOW).tolist()
        covariance = self.estimated.covariance_of(weights)
        # With persistence of one or more, the long-run effect is infinite.
        ratio = top / bottom if bottom > 0 else np.nan
        slope = np.array([1.0, -ratio])
        error = float(np.sqrt(slope @ covariance @ slope) / bottom)
        critical = float(self.estimated.critical(level, weights))
        (v_nn, v_nd), (_, v_dd) = covariance
        pieces = intervals.fieller((top, bottom), (v_nn, v_nd, v_dd), critical)
        is_bounded = bottom > 0 and len(pieces) == 1
        fieller = pieces[0] if is_bounded else (-np.inf, np.inf)
        low, high = fieller
        if isinstance(self.estimated, CorrectedEstimates):
            tops, bottoms = (self.estimated.draw_values @ weights.T + _ONE_BELOW).T
            drawn = tops / np.maximum(bottoms, 1 / _WITHOUT_LIMIT)
            ratios = replace(self.estimated, draw_values=drawn[:, None])
            ends = np.ravel(ratios.limits(level))
            infinite = np.abs(ends) > _LARGEST_RATIO
            low, high = np.where(infinite, np.copysign(np.inf, ends), ends).tolist()
        return {
            "estimate": ratio,
            "std_error": error,
            "conf_low": low,
            "conf_high": high,
            "fieller_low": fieller[0],
            "fieller_high": fieller[1],
            "delta_low": ratio - critical * error,
            "delta_high": ratio + critical * error,
        }

    # --- results ----------------------------------------------------------------------

    @property
    def terms(self) -> tuple[Term, ...]:
        """Description of each coefficient."""
        return slope_terms(self.names, self.factors)

    @property
    def settings(self) -> str:
        """Steps, transformation and instruments of GMM as text."""
        return (
            remark_text(self._method(), WORDS, {}, {})[:-1] if self.gmm_options else ""
        )

    def _method(self) -> Remark:
        """Describe the estimator for the note below a table."""
        if not self.gmm_options:
            return Remark(f"note.{self.estimator}", {})
        variables: dict[tuple[int, int | None], list[str]] = {}
        for name, lags in self.gmm_options["lags"].items():
            variables.setdefault(lags, []).append(name)
        lags = [
            Remark(
                {None: "lags.from", first: "lags.only"}.get(last, "lags.to"),
                {"first": (f"{first}",), "last": (f"{last}",), "names": tuple(names)},
            )
            for (first, last), names in variables.items()
        ]
        parts = {
            "kind": (Remark(f"{self.estimator}.{self.gmm_options['steps']}", {}),),
            "transform": (Remark(f"transform.{self.gmm_options['transform']}", {}),),
            "lags": tuple(lags) or (Remark("lags.none", {}),),
        }
        h = self.gmm_options["h"]
        parts["h"] = () if h == _USUAL_H else (Remark("h", {"h": (f"{h}",)}),)
        for word in ("windmeijer", "collapse"):
            parts[word] = (Remark(word, {}),) if self.gmm_options[word] else ()
        return Remark("note.gmm", parts)

    def _remarks(self) -> tuple[Remark, ...]:
        return (self._method(), *self._notice_remarks())

    def _summary(self) -> Summary:
        info = self.info
        kind = "transformed rows" if self.estimator == "difference" else "rows"
        dummies = ", with dummies of periods" if info["effects"] else ""
        rows = (
            f"{info['nobs']:,} {kind}, {info['n_entities']:,} entities, "
            f"{info['n_times']:,} periods{dummies}"
        )
        bounds = (
            f"Persistence: {self.persistence:.3f}; within entities "
            f"{self.bounds['within']:.3f} (biased downwards), pooled least squares "
            f"{self.bounds['ols']:.3f} (biased upwards)."
        )
        return self._titled(
            f"{_TITLES[self.estimator]}, outcome: {info['depvar']}",
            Lines((rows,)),
            coefficient_cells(self.tidy()),
            Lines((*self._test_lines(), bounds), wrapped=True),
            Remarks.of(self.diagnostics),
        )

    def _test_lines(self) -> tuple[str, ...]:
        if self.hansen is None:
            return ()
        autocorrelation = "; ".join(
            f"AR({order}): z = {z:.2f}, {p_words(p_value)}"
            if np.isfinite(z)
            else f"AR({order}): too few periods"
            for order, (z, p_value) in self.autocorrelations.items()
            if order <= 2
        )
        hansen = self.hansen
        if np.isfinite(hansen.p_value):
            df = freedom_text(cast("float", hansen.df))
            p = p_words(hansen.p_value)
            test = f"Hansen test: {hansen.statistic:.2f} ({df}), {p}."
        elif hansen.df:
            test = "No Hansen test: the covariance of the moments is singular."
        else:
            test = "No Hansen test: as many instruments as coefficients."
        return (
            f"{counted(len(self.instrument_columns), 'instrument')}.",
            f"Differenced residuals: {autocorrelation}.",
            test,
        )

    def _conventions_of(self, inference: Any) -> str:
        if not inference.from_draws:
            return conventions(inference)
        return (
            "Standard errors, p-values and expanded percentile intervals from "
            f"{inference.reps:,} draws of clusters ({inference.drawn}, "
            f"{inference.n_drawn:,} clusters)"
        )
