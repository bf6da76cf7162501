"""Results of a linear model."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeAlias, cast

import numpy as np
import pandas as pd

from digiprosper._version import __version__
from digiprosper.checks import check_level, option_error
from digiprosper.errors import (
    Notice,
    TermError,
    cited,
    issue,
    notice_of,
    number_text,
    quoted,
)
from digiprosper.kernels import Floats
from digiprosper.kernels.leverage import effective_clusters
from digiprosper.kernels.tolerances import SINGULAR
from digiprosper.linear.kernels.bias_reduced import BiasReduced
from digiprosper.linear.kernels.wild import (
    ClusterSums,
    added_covariance,
    jackknife_covariance,
    restricted_wild_test,
    variation_by_cluster,
)
from digiprosper.linear.marginal import Categories, slope_weights
from digiprosper.linear.notices import LEAST_EFFECTIVE, in_memory_only
from digiprosper.panel import Panel
from digiprosper.report.certificate import coverage_remark
from digiprosper.report.estimates import Estimates, hotelling_result, wald_result
from digiprosper.report.notices import extrapolated, not_psd
from digiprosper.report.pickling import PickledByName
from digiprosper.report.protocol import Glance, empty_glance, hash_of
from digiprosper.report.results import BaseResults
from digiprosper.report.summary import Lines, Remarks, Summary, coefficient_cells
from digiprosper.report.terms import Factor, Term, slope_terms
from digiprosper.report.tests import TestResult
from digiprosper.report.text import freedom_text, p_text, sample_text, table, wrapped
from digiprosper.report.variance import (
    covariance_form,
    quadratic_form,
    standard_errors,
)

# Name, levels and estimates of each absorbed effect
EffectValues: TypeAlias = "tuple[tuple[str, pd.Index[Any], Floats], ...]"

# With more clusters F(q, G - 1) is reliable.
_MANY = 100
_TOO_OFTEN = "F(q, G - 1), which rejects a true hypothesis too often with few clusters"
NO_COVARIANCE = (
    "not available: the covariance of the restrictions is missing, singular or not "
    "positive definite"
)
"""Why a joint test has no statistic."""
# `fit_statistics`, then `f_value`, in `glance`
_STATISTICS = (
    *("rsquared", "rsquared_within", "rsquared_within_entity", "rsquared_adj"),
    "f_statistic",
)
# Small-sample factors of commands of Stata.
_STATA = ("reghdfe", "xtreg", "areg")
# Conventions under which s^2 is the sum of squared residuals over df_resid
_RESIDUAL_VARIANCE = ("reghdfe", "xtreg")


def require_rows(rows: Any, attribute: str) -> Any:
    """Return stored values by row; refuse if the fit did not keep them."""
    if rows is not None:
        return rows
    raise option_error(
        "keep_rows",
        value=False,
        text=f"this result has no {attribute}: it was fitted with keep_rows=False or "
        "to a scanned table. Fit a Panel with keep_rows=True.",
        allowed=(True,),
    )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class EstimationSample(PickledByName):
    """The rows of a fit."""

    index: pd.Index[Any] | None  # row labels; None with ``keep_rows=False``
    key_names: tuple[str, str | None]  # entity and time
    n_entities: int
    n_times: int
    # names of m variables and terms, and an (m, 5) array with their nobs, mean, sd, min
    # and max
    stats: tuple[tuple[str, ...], Floats]
    # for each category in the terms, its column and its estimated levels
    categories: Categories
    obs_weights: str | None = None  # column with the weights of the rows
    # factors of each regressor, outcome, absorbed effect and cluster
    factors: Mapping[str, tuple[Factor, ...]] = field(default_factory=dict)
    rows: RowSummary | None = None  # if the fit did not keep its rows
    period: str | None = None  # first and last time


@dataclass(frozen=True, slots=True, kw_only=True)
class RowSummary(PickledByName):
    """Summary of the rows of a fit that did not keep them (``keep_rows=False``)."""

    nobs: int
    sample_hash: str  # of the row labels
    ssr: float  # sum of squared residuals, unweighted


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Estimated(Estimates):
    """Estimates by least squares, with residuals."""

    residuals: Floats | None  # (N,), None with ``keep_rows=False``
    # (N,) including the fixed effects, None with ``keep_rows=False``
    fitted: Floats | None
    # what the degrees of freedom of ``cov_type="cr2"`` are computed from
    bias_reduced: BiasReduced | None = None
    # sums by cluster of one-way or, one for each way, of several-way clustered errors;
    # empty with too many
    by_cluster: tuple[ClusterSums, ...] = ()
    # under ``"driscoll_kraay"``: estimates with the covariance of xtscc, and the slopes
    # (q, k) in q blocks of periods
    xtscc: Estimates | None = None
    block_slopes: Floats | None = None
    is_scanned: bool = False  # whether a scanned table was fitted

    def df_of(self, weights: Floats) -> Floats | float:
        """Return the degrees of freedom of t for sums of coefficients."""
        if self.bias_reduced is None:
            return self.inference.df_t
        return self.bias_reduced.df_t(weights)

    def joint_test(
        self,
        form: float,
        weights: Floats,
        gap: Floats,
        *,
        name: str,
        null: str,
        drawn: bool = True,
    ) -> TestResult:
        """Test restrictions jointly with a method that is valid with few clusters.

        Under ``"clustered"`` this is the restricted wild cluster bootstrap, or
        `_added_covariance_test` with clusters in several ways; F(q, G - 1) is an
        alternative. Under ``"crv3"`` and ``"driscoll_kraay"`` it is Hotelling's test,
        under ``"cr2"`` that of Pustejovsky & Tipton (2018).
        """
        q, inference = len(weights), self.inference
        plain = _plain_test(form, q, inference.df_t, name, null)
        # Stata prints F(q, G - 1) after commands that have this small-sample factor.
        program = "stata" if inference.ssc in _STATA else "f"
        if q > 1 and len(self.by_cluster) > 1:
            # The sum of the covariances may be definite where the usual one is not.
            test = self._added_covariance_test(weights, gap, name, null)
            return replace(test, alternatives={program: plain})
        if not np.isfinite(form):
            return plain
        if self.bias_reduced is not None:
            eta = self.bias_reduced.df_wald(weights)
            too_few = f", but so few clusters that there are {freedom_text(eta)}"
            return hotelling_result(form, q, eta, name, null, too_few)
        if self.xtscc is not None:
            return self._driscoll_kraay_test(form, weights, gap, name, null)
        if q == 1:
            return plain
        if inference.cov_type == "crv3":
            (groups,) = inference.n_clusters
            test = hotelling_test(form, q, groups, name, null)
            return replace(test, alternatives={"f": plain})
        if not drawn:
            return plain
        if not self.by_cluster:
            few = min(inference.n_clusters, default=_MANY + 1) <= _MANY
            return replace(plain, method=_TOO_OFTEN) if few else plain
        return self._wild_test(plain, program, weights, gap)

    def _wild_test(
        self, plain: TestResult, program: str, weights: Floats, gap: Floats
    ) -> TestResult:
        """Compute the p-value by the bootstrap; add F and CRV3 as alternatives."""
        (sums,) = self.by_cluster
        p_value, method = restricted_wild_test(sums, weights, gap)
        few = self.few_effective(weights)
        form = covariance_form(gap, jackknife_covariance(sums, weights))
        crv3 = hotelling_test(form, len(gap), sums.groups, plain.name, plain.null)
        return replace(
            plain,
            p_value=p_value,
            method=method,
            diagnostics=(*few, *(in_memory_only(few) if self.is_scanned else ())),
            alternatives={program: plain, "crv3": crv3},
        )

    def few_effective(
        self,
        weights: Floats,
        advice: str = "For a treatment use dp.randomisation_test(spec, panel, term).",
    ) -> list[Notice]:
        """Report sums of coefficients that depend on at most two clusters."""
        (sums,), (clusters,) = self.by_cluster, self.inference.clusters
        shares = variation_by_cluster(sums, weights @ sums.root)
        effective = float(effective_clusters(shares).min())
        if effective >= LEAST_EFFECTIVE:
            return []
        tested = tuple(self.names[j] for j in np.flatnonzero(weights.any(axis=0)))
        return [
            notice_of(
                "no_rejection",
                clusters=clusters,
                terms=tested,
                effective=effective,
                _advice=advice,
            )
        ]

    def _added_covariance_test(
        self, weights: Floats, gap: Floats, name: str, null: str
    ) -> TestResult:
        """Compute Hotelling's test with the sum of the one-way covariances."""
        groups = min(way.groups for way in self.by_cluster)
        root, middle = added_covariance(self.by_cluster)
        form, _ = quadratic_form(gap, weights @ root, middle)
        test = hotelling_test(form, len(gap), groups, name, null)
        added = "sum of the one-way clustered covariances"
        if not np.isfinite(test.statistic):
            added = NO_COVARIANCE
        return replace(test, method=test.method or added)

    def _driscoll_kraay_test(
        self, form: float, weights: Floats, gap: Floats, name: str, null: str
    ) -> TestResult:
        """Compute Hotelling's test, with the test of xtscc as alternative."""
        assert self.xtscc is not None
        # With less than one degree of freedom the test would never reject.
        q, df_t = len(weights), self.inference.df_t
        too_few = f", but so few periods that there are {freedom_text(df_t)}"
        test = hotelling_result(form, q, df_t, name, null, too_few)
        other, _ = self.xtscc.wald(weights, gap)
        plain = wald_result(other, q, self.xtscc.inference.df_t, name, null)
        return replace(test, alternatives={"xtscc": plain})


class SampledResults(BaseResults):
    """Base class of results that describe the rows of the fit.

    Subclasses have the field (or property) ``residuals``, and the fields below, of
    which ``sample`` is an `EstimationSample`.
    """

    __slots__ = ()

    depvar: str
    sample: EstimationSample
    df_absorbed: int
    effect_names: tuple[str, ...]
    version: str

    if TYPE_CHECKING:  # a field or property of the subclasses

        @property
        def residuals(self) -> Floats | None:
            """Outcome minus fitted values (N,), if they were kept."""

    @property
    def key_names(self) -> tuple[str, str | None]:
        """Names of the entity key and the time key."""
        return self.sample.key_names

    @property
    def factors(self) -> Mapping[str, tuple[Factor, ...]]:
        """Factors of each regressor, outcome, absorbed effect and cluster, by name."""
        return self.sample.factors

    @property
    def sample_stats(self) -> pd.DataFrame:
        """Unweighted nobs, mean, sd, min and max of variables and terms of the fit."""
        names, moments = self.sample.stats
        index = pd.Index(list(names), name="variable")
        columns = ["nobs", "mean", "sd", "min", "max"]
        return pd.DataFrame(moments, index, columns).astype({"nobs": int})

    @property
    def nobs(self) -> int:
        """Number of rows in the estimation sample."""
        if self.sample.rows is not None:
            return self.sample.rows.nobs
        residuals: Floats = require_rows(self.residuals, "residuals")
        return residuals.size

    @property
    def resids(self) -> pd.Series[float]:
        """Residuals, indexed by row: outcome minus fitted values."""
        rows = require_rows(self.residuals, "residuals")
        return self._by_row(rows, "resid")

    def _by_row(self, values: Floats, name: str) -> pd.Series[float]:
        # A view, since the caller may change its names.
        index: pd.Index[Any] = require_rows(self.sample.index, "row labels").view()
        return pd.Series(values, index=index, name=name, copy=True)

    def _glance(self, model: str, **more: Any) -> Glance:
        """Return `glance` with the items that all regressions have, and `more`."""
        sample = self.sample
        values = {
            "depvar": self.depvar,
            "n_entities": sample.n_entities,
            "n_times": sample.n_times,
            "period": sample.period,
            **self.inference.numbers,
            "obs_weights": sample.obs_weights,
            "effects": "+".join(self.effect_names) or None,
            "sample_hash": self._sample_hash(),
            "df_absorbed": self.df_absorbed,
            "version": self.version,
        }
        return cast("Glance", {**empty_glance(model, self.nobs), **values, **more})

    def _sample_hash(self) -> str:
        if self.sample.rows is not None:
            return self.sample.rows.sample_hash
        return hash_of(require_rows(self.sample.index, "row labels"))


class RegressionResults(SampledResults):
    """Base class of results of regressions with absorbed effects.

    Subclasses also have the field (or property) ``fitted``, and the field below.
    """

    __slots__ = ()

    effect_values: EffectValues

    if TYPE_CHECKING:  # a field or property of the subclasses

        @property
        def fitted(self) -> Floats | None:
            """Fitted values (N,), if they were kept."""

    @property
    def terms(self) -> tuple[Term, ...]:
        """Description of each coefficient: its type and its regressor's factors."""
        return slope_terms(self.names, self.sample.factors)

    @property
    def fitted_values(self) -> pd.Series[float]:
        """Fitted values with the fixed effects, by row; of counts they are means."""
        rows = require_rows(self.fitted, "fitted values")
        return self._by_row(rows, "fitted")

    @property
    def effects(self) -> dict[str, pd.Series[float]]:
        """Estimates of the absorbed effects: a Series by level for each effect.

        All effects except one are normalised to mean zero. The slopes of
        ``absorb="province[year]"`` have the name ``"province[[year]]"``; they are
        missing for levels in which the column does not vary. Together with time
        effects, such slopes are identified only up to a common trend.

        Effects of workers and firms are comparable only within a set that movers
        connect. The variance of estimates is that of the effects and of their errors,
        far too large for levels with few rows or few movers, and their covariance far
        too small (Andrews et al. 2008).
        """
        return {
            n: pd.Series(v, index=levels.view(), name=n, copy=True)
            for n, levels, v in self.effect_values
        }

    @property
    def n_entities(self) -> int:
        """Number of entities in the estimation sample."""
        return self.sample.n_entities

    @property
    def n_times(self) -> int:
        """Number of periods in the estimation sample."""
        return self.sample.n_times

    @property
    def stats(self) -> tuple[tuple[str, ...], Floats]:
        """Names of variables, and their nobs, mean, sd, min and max (m, 5)."""
        return self.sample.stats

    @property
    def categories(self) -> Categories:
        """For each category in the terms, its column and its estimated levels."""
        return self.sample.categories

    @property
    def obs_weights(self) -> str | None:
        """Column with the weights of the rows."""
        return self.sample.obs_weights

    @property
    def rows(self) -> RowSummary | None:
        """Summary of the rows of a fit with ``keep_rows=False``; otherwise None."""
        return self.sample.rows

    @property
    def cov_type(self) -> str:
        """The `cov_type` of the fit."""
        return self.inference.cov_type

    @property
    def ssc(self) -> str:
        """The `ssc` of the fit."""
        return self.inference.ssc or "none"

    @property
    def clusters(self) -> tuple[str, ...]:
        """Names of the cluster variables."""
        return self.inference.clusters

    @property
    def n_clusters(self) -> tuple[int, ...]:
        """Number of clusters of each variable in `clusters`."""
        return self.inference.n_clusters

    def _coverage(self, slope: str) -> str:
        """Cite the simulated coverage of intervals with these errors and effects."""
        alike = self.effect_names == self.key_names and not self.obs_weights
        if not alike or self.clusters != self.key_names[:1]:
            return ""
        return coverage_remark(
            {"slopes": f"{slope}, {self.cov_type}"},
            (self.nobs, self.n_entities, self.n_times),
            self.diagnostics,
        )

    def _effects_and_rows(self) -> list[str]:
        """Describe effects, weights and rows in lines of a summary."""
        keys = self.key_names
        return [
            f"Effects: {', '.join(self.effect_names) or 'none (intercept)'}",
            *([f"Weights: {self.obs_weights}"] if self.obs_weights else []),
            sample_text(self.nobs, self.n_entities, self.n_times, keys),
        ]

    def _summarised_rows(self) -> EstimationSample:
        """Replace the row labels by a summary of the rows."""
        if self.rows is not None:
            return self.sample
        residuals = require_rows(self.residuals, "residuals")
        rows = RowSummary(
            nobs=residuals.size,
            sample_hash=self._sample_hash(),
            ssr=float(residuals @ residuals),
        )
        return replace(self.sample, index=None, rows=rows)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class LinearResults(RegressionResults):
    """Results of a linear model: coefficients, covariance, tests and predictions.

    Made by `FixedEffects.fit`; other models use it for their equations. It keeps
    residuals, fitted values and row labels (unless ``keep_rows=False``), but no other
    data.

    Parameters
    ----------
    depvar : str
        Outcome.
    estimated : Estimated
        Names, coefficients, covariance and residuals. The names are the terms as they
        were written. In its `inference` the degrees of freedom of t are G - 1 with
        G clusters (the smaller G of clusters in several ways), those of `df_by_term`
        under ``"cr2"``, T - 1 under ``"xtscc"`` and fewer under ``"driscoll_kraay"``,
        and otherwise `df_resid`.
    sample : EstimationSample
        The rows of the fit.
    labels : mapping
        Labels of columns.
    diagnostics : tuple of Notice
        Remarks about the data and the fit.
    fit_statistics : tuple of float
        R2 including the fixed effects, within R2, within-entity R2, adjusted R2.
    df_resid : float
        Residual degrees of freedom: rows minus slopes minus rank of the absorbed
        effects.
    df_absorbed : int
        Rank of the absorbed effects.
    effect_names : tuple of str
        Names of the absorbed effects.
    effect_values : tuple of tuple
        Name, levels and estimates of each absorbed effect.
    effect_terms : tuple of pairs
        For each absorbed effect, the term of its levels, and of its slope. The latter
        is None without a slope.
    has_f : bool
        Whether the covariance matrix has the rank for a joint test of all slopes.
    version : str
        Version of digiprosper that fitted the model.
    equation : Term or None
        Equation of a system that the results belong to, if any.

    Examples
    --------
    >>> import digiprosper as dp
    >>> spec = dp.FixedEffects("log(gsp)", ["log(pc)", "unemp"])
    >>> fit = spec.fit(dp.datasets.us_states())
    >>> fit.params.round(3).to_dict(), fit.std_errors.round(3).to_dict()
    ({'log(pc)': 0.664, 'unemp': -0.017}, {'log(pc)': 0.066, 'unemp': 0.003})
    >>> fit.conf_int().round(3).loc["unemp"].tolist()
    [-0.023, -0.01]
    """

    _rows_key: ClassVar[str] = "coefficients"

    depvar: str
    estimated: Estimated
    sample: EstimationSample
    labels: Mapping[str, str]
    diagnostics: tuple[Notice, ...]
    fit_statistics: tuple[float, float, float, float]
    df_resid: float
    df_absorbed: int
    effect_names: tuple[str, ...]
    effect_values: EffectValues
    effect_terms: tuple[tuple[str, str | None], ...]
    has_f: bool = True
    version: str = __version__
    equation: Term | None = None

    # --- the protocol -----------------------------------------------------------------

    @classmethod
    def _of(cls, fit: LinearResults, **others: Any) -> Self:
        """Make results, of a subclass too, from those of a regression."""
        of_fit = {f.name: getattr(fit, f.name) for f in fields(LinearResults)}
        return cls(**{**of_fit, **others})

    def glance(self) -> Glance:
        """Return summary numbers of the fit, such as the number of rows and R2.

        Returns
        -------
        Glance
            A mapping with the same keys for all types of results.
        """
        values = zip(_STATISTICS, (*self.fit_statistics, self.f_value), strict=True)
        numbers = {name: None if np.isnan(v) else float(v) for name, v in values}
        return self._glance(
            "FixedEffects", ssc=self.ssc, df_resid=self.df_resid, **numbers
        )

    # --- inference --------------------------------------------------------------------

    @property
    def df_by_term(self) -> pd.Series[float]:
        """Degrees of freedom of each t statistic.

        They are `df_t`, but under ``"cr2"`` each term has its own.
        """
        df = np.broadcast_to(self.df_of(np.eye(len(self.names))), len(self.names))
        return self._by_term(df, "df")

    def df_of(self, weights: Floats) -> Floats | float:
        """Return the degrees of freedom of t for weighted sums of the coefficients.

        Parameters
        ----------
        weights : (q, k) array
            Weights of the k coefficients in q sums.

        Returns
        -------
        float or (q,) array
            `df_t`. Under ``"cr2"`` each sum has its own (Bell & McCaffrey 2002).
        """
        return self.estimated.df_of(weights)

    def covariance_of(self, weights: Floats) -> Floats:
        """Compute the covariance matrix of weighted sums of the coefficients.

        It equals ``weights @ covariance @ weights.T``, but is more precise if
        regressors are nearly collinear. Coefficients with weight 0 in all sums are
        ignored, also if their variance is missing.

        Parameters
        ----------
        weights : (q, k) array
            Weights of the k coefficients in q sums.

        Returns
        -------
        (q, q) array
            Covariance matrix of the sums.
        """
        return self.estimated.covariance_of(weights)

    def is_indefinite(self, weights: Floats) -> bool:
        """Return whether a covariance of weighted sums has a negative eigenvalue.

        This is possible, for example, with two-way clusters.

        Parameters
        ----------
        weights : (q, k) array
            Weights of the k coefficients in q sums.

        Returns
        -------
        bool
            False if a variance is missing.
        """
        return self.estimated.wald(weights, np.zeros(len(weights)))[1] < -SINGULAR

    def standardised(self, level: float = 0.95) -> pd.DataFrame:
        """Return standardised coefficients: estimate times sd(x) / sd(y).

        Standard deviations are those of the rows of the fit, without weights and before
        the fixed effects are absorbed.

        Parameters
        ----------
        level : float
            Confidence level of the intervals, .95 by default.

        Returns
        -------
        DataFrame
            A table with the columns of `tidy`.

        Raises
        ------
        OptionError
            If `level` is not between 0 and 1.

        Examples
        --------
        >>> import digiprosper as dp
        >>> fit = dp.FixedEffects("log(gsp)", ["log(pc)", "unemp"]).fit(
        ...     dp.datasets.us_states()
        ... )
        >>> fit.standardised()["estimate"].round(3).tolist()
        [0.601, -0.036]
        """
        out = self.tidy(level)
        sd = self.sample_stats["sd"]
        ratio = (sd.reindex(self.names) / sd[self.depvar]).to_numpy()
        for column in ("estimate", "std_error", "conf_low", "conf_high"):
            out[column] = out[column] * ratio
        return out[out["term"] != "Intercept"].reset_index(drop=True)

    def marginal_effect(
        self,
        term: str,
        at: Mapping[str, Sequence[Any]] | None = None,
        *,
        level: float = 0.95,
    ) -> pd.DataFrame:
        """Compute the marginal effect of a variable at several values.

        They are values of the variables that the effect depends on. The variable may
        occur as itself, as a power ``I(x**k)``, and in interactions with other columns.

        Parameters
        ----------
        term : str
            The variable.
        at : mapping, optional
            One column and its values, such as ``{"z": [0, 1]}``, or a category and its
            levels, such as ``{"region": ["east", "west"]}``. All other columns are at
            their means. A warning names values outside the range of the sample.

            The default is the column that the marginal effect depends on: the variable
            itself, or the column of the interaction. A category is evaluated at all
            levels and a column of two values at both. Any other column is evaluated at
            its minimum, mean minus one standard deviation, mean, mean plus one standard
            deviation, and maximum; values outside the range of the data are left out.
            Means and standard deviations are unweighted.
        level : float
            Confidence level of the intervals, .95 by default.

        Returns
        -------
        DataFrame
            One row per value, with columns at, estimate, std_error, conf_low and
            conf_high.

        Raises
        ------
        ColumnError
            If no regressor contains the variable, or the marginal effect does not
            depend on the column in `at`.
        TermError
            If the variable is in a term of another type, such as ``log(x)``.
        OptionError
            If `at` has a level that is not in the estimation sample, or one dummy of a
            category (``"C(region)[T.east]"``) instead of the category, or `level` is
            not between 0 and 1.

        Examples
        --------
        >>> import numpy as np, pandas as pd
        >>> from digiprosper import FixedEffects, Panel
        >>> keys = {
        ...     "city": np.repeat(np.arange(30), 6),
        ...     "year": np.tile(np.arange(6), 30),
        ... }
        >>> frame = pd.DataFrame(keys).assign(
        ...     region=lambda f: np.array(["east", "west"])[f["city"] % 2]
        ... )
        >>> frame["x"] = np.random.default_rng(1).normal(size=180)
        >>> frame["y"] = (
        ...     np.where(frame["region"] == "east", 1.0, 3.0) * frame["x"]
        ...     + frame["city"] % 7
        ... )
        >>> fit = FixedEffects("y", ["x", "C(region):x"], cov_type="robust").fit(
        ...     Panel(frame, "city", "year")
        ... )
        >>> fit.marginal_effect("x")[["at", "estimate"]].round(3).values.tolist()
        [['east', 1.0], ['west', 3.0]]
        """
        stats = self.sample_stats
        weights, values = slope_weights(self.terms, term, at, stats, self.categories)
        for column in set(at or ()) & set(stats.index):
            low, high = map(float, stats.loc[column, ["min", "max"]])
            issue(extrapolated(column, values, low, high))
        estimate = weights @ self.coefficients
        variance = np.diag(self.covariance_of(weights))
        if (variance < 0).any():
            issue([not_psd("variance", [f"the slope in {term}"])])
        se = standard_errors(variance)
        half = self.estimated.critical(level, weights) * se
        columns = {"at": values, "estimate": estimate, "std_error": se}
        return pd.DataFrame(
            {**columns, "conf_low": estimate - half, "conf_high": estimate + half}
        )

    def block_test(self, term: str, level: float = 0.95) -> TestResult:
        """Test a slope by its estimates in blocks of consecutive periods.

        The test holds with few periods, also if shocks that entities share are
        strongly autocorrelated. It has an estimate of its own, the mean of the blocks,
        which may differ from that of the fit, even in sign.

        Parameters
        ----------
        term : str
            A regressor.
        level : float
            Confidence level of the interval, .95 by default.

        Returns
        -------
        TestResult
            t test that the slope is zero, with q - 1 degrees of freedom for q blocks.
            `detail` has estimate, std_error, conf_low and conf_high of the mean, and
            blocks, the estimates in each.

        Raises
        ------
        OptionError
            If the fit has another `cov_type` than ``"driscoll_kraay"``, the slope
            cannot be estimated in every block, or `level` is not between 0 and 1.
        TermError
            If `term` is not a slope.

        Notes
        -----
        The periods are divided into five blocks (four if there are fewer than ten).
        Each is fitted with effects of its own, and t of the mean of the q estimates is
        compared with t(q - 1) (Ibragimov & Mueller 2010, Journal of Business and
        Economic Statistics 28:453). Blocks that are far from each other are nearly
        independent whatever the dependence of near ones. With instruments the first
        stage is that of all periods.

        Examples
        --------
        >>> import digiprosper as dp
        >>> spec = dp.FixedEffects("log(gsp)", ["unemp"], cov_type="driscoll_kraay")
        >>> fit = spec.fit(dp.datasets.us_states())
        >>> test = fit.block_test("unemp")
        >>> test.df, round(test.detail["estimate"], 3), round(test.p_value, 3)
        (4.0, -0.015, 0.001)
        """
        slopes = self.estimated.block_slopes
        if slopes is None and self.cov_type == "driscoll_kraay":
            raise option_error(
                "panel",
                None,
                "block_test is not available for a scanned table. Fit a sample in "
                "memory: spec.fit(scan.sample_entities(share)).",
            )
        if slopes is None:
            raise option_error(
                "cov_type",
                self.cov_type,
                "block_test needs cov_type='driscoll_kraay'; the fit has "
                f"cov_type={cited(self.cov_type)}.",
            )
        names = self.names[: slopes.shape[1]]
        if term not in names:
            raise TermError(
                f"block_test: {cited(term)} is not a slope of this fit; slopes are "
                f"{quoted(names)}."
            )
        test = _block_test(term, slopes[:, names.index(term)], check_level(level))
        if np.isnan(test.p_value):
            raise option_error(
                "term",
                term,
                f"block_test: {cited(term)} does not vary by itself, after the effects "
                f"are taken out, in every one of {len(slopes)} blocks of consecutive "
                "periods.",
            )
        return test

    # --- the sample -------------------------------------------------------------------

    @property
    def rsquared(self) -> float:
        """R2 including the fixed effects."""
        return self.fit_statistics[0]

    @property
    def rsquared_within(self) -> float:
        """Within R2, after all fixed effects are absorbed, as in reghdfe and fixest."""
        return self.fit_statistics[1]

    @property
    def rsquared_within_entity(self) -> float:
        """R2 of the slopes within entities, as in xtreg and linearmodels.

        Outcome and regressors are deviations from entity means. Other fixed effects
        count as unexplained.
        """
        return self.fit_statistics[2]

    @property
    def rsquared_adj(self) -> float:
        """R2 with the fixed effects, adjusted for slopes and absorbed effects.

        The adjustment counts both.
        """
        return self.fit_statistics[3]

    @property
    def f_statistic(self) -> TestResult:
        """F test that all slopes are zero, with the covariance matrix of the fit."""
        return self._test_of_slopes(drawn=True)

    def predict(self, panel: Panel) -> pd.Series[float]:
        """Predict the outcome, including the fixed effects.

        Parameters
        ----------
        panel : Panel
            A panel with the columns of the model.

        Returns
        -------
        Series
            Predictions indexed by row of `panel`. A prediction is missing, with a
            warning, if a fixed effect of the row was not estimated or a regressor is
            missing.

        Raises
        ------
        ColumnError, InputTypeError, MissingDataError
            If `panel` is not a Panel or does not have a column, or a term cannot be
            evaluated.

        Examples
        --------
        >>> import digiprosper as dp
        >>> panel = dp.datasets.us_states()
        >>> fit = dp.FixedEffects("log(gsp)", ["log(pc)", "unemp"]).fit(panel)
        >>> round(float(fit.predict(panel).loc[("AL", 1970)]), 2)
        10.29
        """
        total = predicted_index(self, panel)
        return pd.Series(total, index=panel.index, name=self.depvar)

    def without_rows(self) -> Self:
        """Return a copy without residuals, fitted values and row labels.

        Returns
        -------
        LinearResults
            The same estimates in less memory. Methods that need the rows raise an
            OptionError.
        """
        estimated = replace(self.estimated, residuals=None, fitted=None)
        return replace(self, estimated=estimated, sample=self._summarised_rows())

    def constant(self, level: float = 0.95) -> pd.Series[float]:
        """Give the constant, as Stata's ``xtreg, fe``, ``areg``, ``reghdfe`` report it.

        With absorbed effects it is the mean of the outcome less the slopes times the
        means of the regressors in the estimation sample, which makes the effects
        average zero over the rows. Without any it is the intercept of the fit.

        Parameters
        ----------
        level : float
            Confidence level of the intervals, .95 by default.

        Returns
        -------
        Series
            estimate, std_error, statistic, p_value, conf_low, conf_high; all missing
            with weights of rows. The error is known for unadjusted errors, and where
            the residuals add up to zero in every cluster, that is where the clusters
            are absorbed as effects; elsewhere it is missing.

        Raises
        ------
        OptionError
            If `level` is not between 0 and 1.

        Notes
        -----
        With V the covariance of the slopes and m the means of the regressors the
        variance is ``m'Vm``, and ``m'Vm + s^2/N`` for unadjusted errors: that of a
        regression, with a constant, of the columns without the effects but with their
        means added again (Gould 2013, Stata FAQ: the intercept of xtreg, fe).

        Examples
        --------
        >>> import digiprosper as dp
        >>> fit = dp.FixedEffects("log(gsp)", ["log(pc)"]).fit(dp.datasets.us_states())
        >>> fit.constant()[["estimate", "std_error"]].round(3).tolist()
        [2.926, 0.755]
        """
        level, table = check_level(level), self.tidy(level).set_index("term")
        numbers: Any = math.nan
        if not self.effect_names and "Intercept" in self.names:
            numbers = table.loc["Intercept"]
        elif self.obs_weights is None:
            means = self.sample_stats["mean"]
            weights = means.reindex(self.names).to_numpy(dtype=float)
            estimate = float(means[self.depvar] - weights @ self.coefficients)
            error = _constant_error(self, weights)
            numbers = _t_test(estimate, error, self.df_t, level)
        return pd.Series(numbers, table.columns, np.float64, "Intercept")

    # --- words ------------------------------------------------------------------------

    def _summary(self) -> Summary:
        return self._titled(
            f"Outcome: {self.depvar}",
            Lines(
                (
                    *self._effects_and_rows(),
                    f"R2 {self.rsquared:z.4f}, within {self.rsquared_within:z.4f}",
                    "",
                )
            ),
            coefficient_cells(self.tidy()),
            self._alternative_tests(),
            Remarks.of(
                self.diagnostics,
                self._coverage("slope") if type(self) is LinearResults else "",
            ),
        )

    def _alternative_tests(self) -> Lines:
        """Write other tests of the slopes, under Driscoll-Kraay errors."""
        xtscc, slopes = self.estimated.xtscc, self.estimated.block_slopes
        if xtscc is None or slopes is None:
            return Lines(())
        errors, _, p_values = xtscc.tests()
        rows = []
        for j, term in enumerate(self.names[: slopes.shape[1]]):
            test = _block_test(term, slopes[:, j], 0.95)
            of_blocks = [number_text(slopes[:, j].mean()), p_text(test.p_value)]
            rows.append([term, number_text(errors[j]), p_text(p_values[j]), *of_blocks])
        head = ["", "xtscc: std. error", "p", "block_test: estimate", "p"]
        lags = xtscc.inference.bandwidth
        about = (
            f"For comparison: standard errors of Stata's xtscc ({lags} lags, "
            "cov_type='xtscc'), too small with few periods; and the mean of the slopes "
            f"in {len(slopes)} blocks of consecutive periods, with its p-value."
        )
        if np.isnan(slopes).any():
            about += " It is missing where a slope is not identified in every block."
        return Lines(("", *wrapped([about]), *table(head, rows).split("\n")))

    def _more_numbers(self) -> dict[str, Any]:
        return {"sample_stats": self.sample_stats.reset_index().to_dict("records")}

    @property
    def settings(self) -> str:
        """Number of parameters K in the small-sample correction, if there is one."""
        k = self.df_counted
        return f"K = {k} in the small-sample correction" if k else ""

    # --- fields of `estimated` and `inference` ----------------------------------------

    @property
    def residuals(self) -> Floats:
        """Residuals as an (N,) array."""
        return np.asarray(require_rows(self.estimated.residuals, "residuals"))

    @property
    def fitted(self) -> Floats:
        """Fitted values including the fixed effects as an (N,) array."""
        return np.asarray(require_rows(self.estimated.fitted, "fitted values"))

    @property
    def bias_reduced(self) -> BiasReduced | None:
        """Terms of the degrees of freedom of ``cov_type="cr2"``; see `df_of`."""
        return self.estimated.bias_reduced

    @property
    def f_value(self) -> float:
        """F statistic of all slopes being zero; missing if `has_f` is False."""
        return self._test_of_slopes(drawn=False).statistic

    @property
    def df_counted(self) -> int:
        """Number of parameters K in the small-sample correction; 0 if there is none."""
        return self.inference.df_counted or 0

    @property
    def bandwidth(self) -> int | None:
        """Number of lags of Driscoll-Kraay or Conley standard errors, or None.

        Other types have no lags.
        """
        return self.inference.bandwidth

    @property
    def index(self) -> pd.Index[Any]:
        """Row labels of the estimation sample."""
        index: pd.Index[Any] = require_rows(self.sample.index, "row labels")
        return index

    # --- tables of other packages -----------------------------------------------------

    def __maketables_stat__(self, key: str) -> Any:
        if key == "rmse":
            return float(np.sqrt(self._ssr() / self.df_resid))
        return BaseResults.__maketables_stat__(self, key)

    # --- internal ---------------------------------------------------------------------

    def _test_of_slopes(self, *, drawn: bool) -> TestResult:
        """Test that all slopes are zero; without draws by F(q, G - 1)."""
        k = len(self.names) - ("Intercept" in self.names)
        name, null = "F test", "all slopes are zero"
        # With no more clusters than slopes the covariance is singular.
        groups = min(self.n_clusters, default=k + 1)
        if k >= groups:
            return hotelling_test(np.nan, k, groups, name, null)
        # For these types the rank of the covariance may exceed the degrees of freedom.
        has_rank = k <= self.df_t or self.cov_type in ("cr2", "driscoll_kraay")
        slopes, gap = np.eye(k, len(self.names)), self.coefficients[:k]
        if not (self.has_f and has_rank):
            return _plain_test(np.nan, k, self.df_t, name, null)
        form, _ = self.estimated.wald(slopes, gap)
        return self.estimated.joint_test(
            form, slopes, gap, name=name, null=null, drawn=drawn
        )

    def _ssr(self) -> float:
        return (
            float(self.residuals @ self.residuals)
            if self.rows is None
            else self.rows.ssr
        )


def predicted_index(results: Any, panel: Panel) -> Floats:
    """Predict the linear index of each row of a panel, including the effects.

    It is missing, with a warning, if an effect was not estimated or a regressor is
    missing.
    """
    from digiprosper.panel.access import check_panel, table_of
    from digiprosper.panel.codes import coded
    from digiprosper.panel.selection import coefficient_column

    check_panel(panel, "predict")
    stored = {name for name, *_ in results.effect_values}
    not_stored = [name for name in results.effect_names if name not in stored]
    if not_stored:
        raise option_error(
            "panel",
            None,
            f"effects of {quoted(not_stored)} are not stored, because a scanned table "
            "was fitted. Use the coefficients of the regressors.",
        )
    table = table_of(panel)
    total = np.zeros(len(table))
    # The column of an intercept, or of an effect without a slope, has no factors.
    for term, b in zip(results.terms, results.coefficients, strict=True):
        total += b * coefficient_column(table, term.factors, results.categories)
    terms = results.effect_terms or [(name, None) for name, *_ in results.effect_values]
    for (effect, slope), (_, levels, values) in zip(
        terms, results.effect_values, strict=True
    ):
        codes, panel_levels = coded(table, effect)
        positions = levels.get_indexer(panel_levels)[codes]
        value = np.where((codes >= 0) & (positions >= 0), values[positions], np.nan)
        factors = () if slope is None else results.factors[slope]
        total += value * coefficient_column(table, factors, {})
    unknown = int(np.isnan(total).sum())
    if unknown:
        issue([notice_of("unseen", count=unknown, _nobs=panel.nobs)])
    return total


def _plain_test(form: float, q: int, df_t: float, name: str, null: str) -> TestResult:
    """Compare a Wald statistic with F(q, df_t), and say why one is missing."""
    test = wald_result(form, q, df_t, name, null)
    return test if np.isfinite(form) else replace(test, method=NO_COVARIANCE)


def hotelling_test(
    form: float, q: int, groups: int, name: str, null: str
) -> TestResult:
    """Compare a Wald statistic with F(q, G - q), for G clusters."""
    too_few = f" need more than {groups} clusters"
    return hotelling_result(form, q, groups - 1.0, name, null, too_few)


def _block_test(term: str, slopes: Floats, level: float) -> TestResult:
    """Test that the mean of slopes (q,) in blocks is zero, by t(q - 1)."""
    q, mean = len(slopes), float(slopes.mean())
    error = float(slopes.std(ddof=1)) / math.sqrt(q)
    _, _, t, p_value, low, high = _t_test(mean, error, q - 1.0, level)
    detail = {"estimate": mean, "std_error": error, "conf_low": low, "conf_high": high}
    return TestResult(
        name=f"Block test of {term}",
        statistic=t,
        distribution="t",
        df=q - 1.0,
        p_value=p_value,
        null=f"{term} = 0",
        detail={**detail, "blocks": slopes.tolist()},
        method=f"mean {number_text(mean)} of the slopes in {q} blocks of periods",
    )


def _constant_error(results: LinearResults, weights: Floats) -> float:
    """Compute the standard error of the constant, or NaN where it is not known."""
    variance = float(results.covariance_of(weights[None, :])[0, 0])
    by_cluster = results.cov_type == "clustered" and len(results.clusters) == 1
    if by_cluster and results.clusters[0] in results.effect_names:
        return math.sqrt(variance) if variance >= 0 else math.nan
    if results.cov_type == "unadjusted" and results.ssc in _RESIDUAL_VARIANCE:
        return math.sqrt(variance + results._ssr() / results.df_resid / results.nobs)
    return math.nan


def _t_test(estimate: float, error: float, df: float, level: float) -> list[float]:
    from scipy.special import stdtr, stdtrit

    t = float(np.divide(estimate, error)) if error > 0 else math.nan
    p = float(2 * stdtr(df, -abs(t)))
    half = float(stdtrit(df, 0.5 + level / 2)) * error
    return [estimate, error, t, p, estimate - half, estimate + half]
