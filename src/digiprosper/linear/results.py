"""Results of a linear model."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from digiprosper._version import __version__
from digiprosper.errors import Notice, OptionError, TermError, check_level, cited, issue, option_problem
from digiprosper.kernels.tolerances import SINGULAR
from digiprosper.linear.combination import LinearCombination
from digiprosper.linear.constant import HasConstant
from digiprosper.linear.marginal import slope_weights
from digiprosper.linear.notices import unseen
from digiprosper.report.pickling import PickledByName
from digiprosper.report.protocol import Glance, empty_glance, hash_of
from digiprosper.report.summary import Lines, PlainNumbers, Remarks, Summarised, Summary, coefficient_cells
from digiprosper.report.terms import Factor, Term
from digiprosper.report.tests import TestResult
from digiprosper.report.text import conventions, freedom_text, sample_text
from digiprosper.report.variance import negative_variance, quadratic_form, standard_errors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Self

    from digiprosper.kernels import Floats
    from digiprosper.linear.kernels.bias_reduced import BiasReduced
    from digiprosper.panel import Panel
    from digiprosper.report.inference import Inference

_STATS = ("nobs", "mean", "sd", "min", "max")


def _kept(rows: Any, attribute: str) -> Any:
    """Return what the fit kept of every row, or refuse."""
    if rows is not None:
        return rows
    text = f"this result has no {attribute}: it was fitted with keep_rows=False. Fit with keep_rows=True."
    raise OptionError(text, [option_problem("keep_rows", value=False, allowed=(True,), what=text)])


@lru_cache(maxsize=256)
def _term_index(names: tuple[str, ...]) -> pd.Index[Any]:
    # Building an index of text costs more than everything else in a small Series.
    return pd.Index(list(names), name="term")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class EstimationSample(PickledByName):
    """The rows of a fit."""

    index: pd.Index[Any] | None  # row labels; None with ``keep_rows=False``
    key_names: tuple[str, str | None]  # entity and time
    n_entities: int
    n_times: int
    # names of m variables and terms, and an (m, 5) array with their nobs, mean, sd, min and max
    stats: tuple[tuple[str, ...], Floats]
    # for each category in the terms, its column and the levels that were estimated
    categories: Mapping[str, tuple[str, pd.Index[Any]]]
    obs_weights: str | None = None  # column with the weights of the rows
    # for each regressor, outcome, absorbed effect or cluster, the factors of which it is the product
    factors: Mapping[str, tuple[Factor, ...]] = field(default_factory=dict)
    rows: RowSummary | None = None  # if the fit did not keep its rows


@dataclass(frozen=True, slots=True, kw_only=True)
class RowSummary(PickledByName):
    """Summary of the rows of a fit that did not keep them (``keep_rows=False``)."""

    nobs: int
    sample_hash: str  # of the row labels
    ssr: float  # sum of squared residuals, unweighted


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Estimated(PickledByName):
    """Numbers computed by least squares; the covariance is ``root @ middle @ root.T``."""

    coefficients: Floats  # (k,)
    root: Floats  # (k, m), missing for a coefficient without standard error
    middle: Floats  # (m, m) covariance of scaled scores
    residuals: Floats | None  # (N,), None with ``keep_rows=False``
    fitted: Floats | None  # (N,) including the fixed effects, None with ``keep_rows=False``
    # R2 including the fixed effects, within R2, within-entity R2, adjusted R2
    fit_statistics: tuple[float, float, float, float]
    df_resid: float  # rows less slopes less rank of the absorbed effects
    df_absorbed: int  # rank of the absorbed effects
    effect_names: tuple[str, ...]
    # name, levels and estimates of each absorbed effect
    effect_values: tuple[tuple[str, pd.Index[Any], Floats], ...]
    # of each absorbed effect, the term of its levels, and that of its slope or None
    effect_terms: tuple[tuple[str, str | None], ...] = ()
    has_f: bool = True  # whether the covariance has enough rank for a joint test of all slopes
    # what the degrees of freedom of ``cov_type="cr2"`` are computed from
    bias_reduced: BiasReduced | None = None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class LinearResults(HasConstant, Summarised, PickledByName):
    """Results of a linear model: coefficients, covariance, tests and predictions.

    Made by `FixedEffects.fit`; other models use it for their equations. It keeps residuals, fitted values and
    row labels (unless ``keep_rows=False``), but no other data.

    Parameters
    ----------
    names : tuple of str
        Names of the coefficients: the terms as they were written.
    depvar : str
        Outcome.
    estimated : Estimated
        Coefficients, covariance, residuals and R2.
    inference : Inference
        Type of the standard errors. The degrees of freedom of t are G - 1 with G clusters (the smaller G of
        clusters in several ways), those of `df_by_term` under ``"cr2"``, T - 1 for Driscoll-Kraay standard
        errors, and otherwise `df_resid`.
    sample : EstimationSample
        The rows of the fit.
    labels : mapping
        Labels of columns.
    diagnostics : tuple of Notice
        Remarks about the data and the fit.
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

    names: tuple[str, ...]
    depvar: str
    estimated: Estimated
    inference: Inference
    sample: EstimationSample
    labels: Mapping[str, str]
    diagnostics: tuple[Notice, ...]
    version: str = __version__
    equation: Term | None = None

    # --- the protocol -------------------------------------------------------------------------------------

    @property
    def params(self) -> pd.Series[float]:
        """Coefficients, indexed by term."""
        return pd.Series(self.coefficients, index=self._terms(), name="estimate", copy=True)

    @property
    def covariance(self) -> Floats:
        """Covariance matrix of the coefficients as a (k, k) array."""
        return np.asarray(self.root @ self.middle @ self.root.T)

    @property
    def cov(self) -> pd.DataFrame:
        """Covariance matrix of the coefficients, with terms in rows and columns."""
        return pd.DataFrame(self.covariance, index=self._terms(), columns=self._terms())

    @property
    def nobs(self) -> int:
        """Number of rows in the estimation sample."""
        return self.residuals.size if self.rows is None else self.rows.nobs

    def tidy(self, level: float = 0.95) -> pd.DataFrame:
        """Return a table with one row per coefficient.

        Parameters
        ----------
        level : float
            Confidence level of the intervals, .95 by default.

        Returns
        -------
        DataFrame
            Columns term, estimate, std_error, statistic, p_value, conf_low and conf_high.

        Examples
        --------
        >>> import digiprosper as dp
        >>> fit = dp.FixedEffects("log(gsp)", ["log(pc)", "unemp"]).fit(dp.datasets.us_states())
        >>> fit.tidy()[["term", "estimate", "std_error"]].round(3).values.tolist()
        [['log(pc)', 0.664, 0.066], ['unemp', -0.017, 0.003]]
        """
        se, t, p = self._inference()
        half = self._critical(level, np.eye(len(self.names))) * se
        b = self.coefficients
        columns = {"term": list(self.names), "estimate": b, "std_error": se, "statistic": t, "p_value": p}
        return pd.DataFrame({**columns, "conf_low": b - half, "conf_high": b + half})

    def glance(self) -> Glance:
        """Return summary numbers of the fit, such as the number of rows and R2.

        Returns
        -------
        Glance
            A mapping with the same keys for all types of results.
        """
        r2, inside, by_entity, adjusted = (None if np.isnan(v) else float(v) for v in self.fit_statistics)
        f_value = self.f_value
        values: dict[str, Any] = {
            "depvar": self.depvar,
            "n_entities": self.n_entities,
            "n_times": self.n_times,
            "n_clusters": min(self.n_clusters) if self.n_clusters else None,
            "df_resid": self.df_resid,
            "df_t": self.df_t,
            "df_absorbed": self.df_absorbed,
            "cov_type": self.cov_type,
            "clusters": "+".join(self.clusters) or None,
            "ssc": self.ssc,
            "obs_weights": self.obs_weights,
            "effects": "+".join(self.effect_names) or None,
            "rsquared": r2,
            "rsquared_within": inside,
            "rsquared_within_entity": by_entity,
            "rsquared_adj": adjusted,
            "f_statistic": None if np.isnan(f_value) else f_value,
            "sample_hash": self._sample_hash(),
            "version": self.version,
        }
        return cast("Glance", {**empty_glance("FixedEffects", self.nobs), **values})

    @property
    def terms(self) -> tuple[Term, ...]:
        """Description of each coefficient: its type and the factors of its regressor."""
        return tuple(
            Term(name, kind="intercept")
            if name == "Intercept"
            else Term(name, path=(name,), factors=self.sample.factors.get(name, (Factor(name, name),)))
            for name in self.names
        )

    # --- inference ----------------------------------------------------------------------------------------

    @property
    def std_errors(self) -> pd.Series[float]:
        """Standard errors, indexed by term."""
        return pd.Series(self._inference()[0], index=self._terms(), name="std_error")

    @property
    def tstats(self) -> pd.Series[float]:
        """The t statistics of the null hypotheses that a coefficient is zero, indexed by term."""
        return pd.Series(self._inference()[1], index=self._terms(), name="statistic")

    @property
    def pvalues(self) -> pd.Series[float]:
        """Two-sided p-values, indexed by term: t with the degrees of freedom of `df_by_term`."""
        return pd.Series(self._inference()[2], index=self._terms(), name="p_value")

    @property
    def df_by_term(self) -> pd.Series[float]:
        """Degrees of freedom of each t statistic: `df_t`, but under ``"cr2"`` each term has its own."""
        df = np.broadcast_to(self.df_of(np.eye(len(self.names))), len(self.names))
        return pd.Series(df, index=self._terms(), name="df")

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
        return self.df_t if self.bias_reduced is None else self.bias_reduced.df_t(weights)

    def f_of(self, form: float, weights: Floats) -> tuple[float, tuple[float, float], float]:
        """Turn a Wald statistic into an F test.

        Parameters
        ----------
        form : float
            ``b'W'(WVW')^-1 Wb``.
        weights : (q, k) array
            W: weights of the k coefficients in q sums.

        Returns
        -------
        f : float
            ``form / q``. Under ``"cr2"`` it is multiplied by ``(eta - q + 1) / eta``, with eta degrees of
            freedom of the covariance matrix (Pustejovsky & Tipton 2018), and missing if eta is below q.
        df : pair of float
            q and `df_t`; under ``"cr2"`` q and ``eta - q + 1``.
        p_value : float
            From the F distribution; missing if `f` is.
        """
        from scipy.special import fdtrc

        q, df = float(len(weights)), self.df_t
        f = form / q
        if self.bias_reduced is not None:
            eta = self.bias_reduced.df_wald(weights)
            df = eta - q + 1
            f = f * df / eta if df >= 1 else np.nan
        return float(f), (q, df), float(fdtrc(q, df, f)) if np.isfinite(f) else np.nan

    def conf_int(self, *, level: float = 0.95) -> pd.DataFrame:
        """Return confidence intervals of the coefficients.

        Parameters
        ----------
        level : float
            Confidence level, .95 by default.

        Returns
        -------
        DataFrame
            One row per term with columns conf_low and conf_high.

        Raises
        ------
        OptionError
            If `level` is not between 0 and 1.

        Examples
        --------
        >>> import digiprosper as dp
        >>> fit = dp.FixedEffects("log(gsp)", ["log(pc)", "unemp"]).fit(dp.datasets.us_states())
        >>> fit.conf_int().round(3).loc["unemp"].tolist()
        [-0.023, -0.01]
        """
        return self.tidy(level).set_index("term")[["conf_low", "conf_high"]]

    def covariance_of(self, weights: Floats) -> Floats:
        """Compute the covariance matrix of weighted sums of the coefficients.

        It equals ``weights @ covariance @ weights.T``, but is more precise if regressors are nearly
        collinear. Coefficients with weight 0 in all sums are ignored, also if their variance is missing.

        Parameters
        ----------
        weights : (q, k) array
            Weights of the k coefficients in q sums.

        Returns
        -------
        (q, q) array
            Covariance matrix of the sums.
        """
        rows = self._rows(weights)
        return np.asarray(rows @ self.middle @ rows.T)

    def is_indefinite(self, weights: Floats) -> bool:
        """Return whether the covariance matrix of weighted sums has a negative eigenvalue.

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
        return quadratic_form(np.zeros(len(weights)), self._rows(weights), self.middle)[1] < -SINGULAR

    def wald_test(self, restrictions: str | Sequence[str]) -> TestResult:
        """Test linear restrictions on the coefficients jointly, as Stata's ``test``.

        Parameters
        ----------
        restrictions : str or sequence of str
            One or more restrictions, such as ``"a = b"``, ``"a + 2*b = 1, c = 0"`` or
            ``["a = b", "c = -2"]``. ``"a = b = 0"`` is two restrictions.

        Returns
        -------
        TestResult
            F test. The degrees of freedom are the number of restrictions and `df_t`. The statistic is missing
            if the covariance matrix of the restrictions is not positive definite, which is possible with
            clusters in several ways. Under ``cov_type="cr2"`` it is the test of Pustejovsky & Tipton (2018).

        Raises
        ------
        TermError
            If a restriction cannot be read, is not linear, or uses a name that is not a coefficient.
        InputTypeError
            If a restriction is not text.

        Examples
        --------
        >>> import digiprosper as dp
        >>> fit = dp.FixedEffects("log(gsp)", ["log(pc)", "unemp"]).fit(dp.datasets.us_states())
        >>> test = fit.wald_test("log(pc) = 0.6, unemp = 0")
        >>> test.df
        (2.0, 47)
        """
        from digiprosper.linear.restrictions import null_text, read_restrictions, restrictions_text

        text = restrictions_text(restrictions)
        matrix, value = read_restrictions(text, self.names)
        gap = matrix @ self.coefficients - value
        form, least = quadratic_form(gap, self._rows(matrix), self.middle)
        if abs(least) <= SINGULAR:
            raise TermError(
                f"wald_test({cited(text)}): the restrictions repeat each other, or there are more of "
                f"them than the covariance allows ({freedom_text(self.df_t)})."
            )
        if least < 0:
            issue([negative_variance([text])])
        f, df, p = self.f_of(form, matrix)
        return TestResult("Wald test", f, "F", df, p, null_text(text, self.names))

    def combination(self, expression: str) -> LinearCombination:
        """Estimate a linear combination of the coefficients, as Stata's ``lincom``.

        Parameters
        ----------
        expression : str
            A linear combination of coefficients with ``+``, ``-``, ``*`` and brackets, such as ``"a + 2*b"``.
            It may contain a number: ``"a - 1"`` tests whether the coefficient of a is 1.

        Returns
        -------
        LinearCombination
            Estimate, standard error, t statistic, p-value and confidence interval, from the t distribution
            with the degrees of freedom of `df_of`.

        Raises
        ------
        TermError
            If the expression cannot be read, is not linear, contains ``=``, or uses a name that is not a
            coefficient.
        InputTypeError
            If `expression` is not text.

        Examples
        --------
        >>> from digiprosper import FixedEffects, datasets
        >>> spec = FixedEffects("log(gsp)", ["log(pcap)", "log(pc)", "log(emp)", "unemp"])
        >>> returns = spec.fit(datasets.us_states()).combination("log(pcap) + log(pc) + log(emp) - 1")
        >>> [round(v, 4) for v in (returns.estimate, returns.std_error, returns.p_value)]
        [-0.092, 0.0641, 0.1575]
        """
        from digiprosper.linear.restrictions import read_combination

        weights, constant = read_combination(expression, self.names)
        variance = self.covariance_of(weights[None, :])
        if (variance < 0).any():
            issue([negative_variance([expression])])
        return LinearCombination(
            expression=expression,
            estimate=float(weights @ self.coefficients + constant),
            std_error=float(standard_errors(variance)[0, 0]),
            fit_glance=self.glance(),
            inference=replace(self.inference, df_t=float(np.ravel(self.df_of(weights[None, :]))[0])),
            labels=dict(self.labels),
            version=self.version,
            factors=self.factors,
        )

    def standardised(self, level: float = 0.95) -> pd.DataFrame:
        """Return standardised coefficients: estimate times sd(x) / sd(y).

        Standard deviations are those of the rows of the fit, without weights and before the fixed effects are
        absorbed.

        Parameters
        ----------
        level : float
            Confidence level of the intervals, .95 by default.

        Returns
        -------
        DataFrame
            A table with the columns of `tidy`.

        Examples
        --------
        >>> import digiprosper as dp
        >>> fit = dp.FixedEffects("log(gsp)", ["log(pc)", "unemp"]).fit(dp.datasets.us_states())
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
        self, term: str, at: Mapping[str, Sequence[Any]] | None = None, *, level: float = 0.95
    ) -> pd.DataFrame:
        """Compute the marginal effect of a variable at several values of the variables it depends on.

        The variable may occur as itself, as a power ``I(x**k)``, and in interactions with other columns.

        Parameters
        ----------
        term : str
            The variable.
        at : mapping, optional
            One column and its values, such as ``{"z": [0, 1]}``, or a category and its levels, such as
            ``{"region": ["east", "west"]}``. All other columns are at their means.

            The default is the column that the marginal effect depends on: the variable itself, or the column
            of the interaction. A category is evaluated at all levels and a column of two values at both. Any
            other column is evaluated at its minimum, mean minus one standard deviation, mean, mean plus one
            standard deviation, and maximum; values outside the range of the data are left out. Means and
            standard deviations are unweighted.
        level : float
            Confidence level of the intervals, .95 by default.

        Returns
        -------
        DataFrame
            One row per value, with columns at, estimate, std_error, conf_low and conf_high.

        Raises
        ------
        ColumnError
            If no regressor contains the variable, or the marginal effect does not depend on the column in
            `at`.
        TermError
            If the variable is in a term of another type, such as ``log(x)``.
        OptionError
            If `at` has a level that is not in the estimation sample, or one dummy of a category
            (``"C(region)[T.east]"``) instead of the category.

        Examples
        --------
        >>> import numpy as np, pandas as pd
        >>> from digiprosper import FixedEffects, Panel
        >>> keys = {"city": np.repeat(np.arange(30), 6), "year": np.tile(np.arange(6), 30)}
        >>> frame = pd.DataFrame(keys).assign(region=lambda f: np.array(["east", "west"])[f["city"] % 2])
        >>> frame["x"] = np.random.default_rng(1).normal(size=180)
        >>> frame["y"] = np.where(frame["region"] == "east", 1.0, 3.0) * frame["x"] + frame["city"] % 7
        >>> fit = FixedEffects("y", ["x", "C(region):x"], cov_type="robust").fit(Panel(frame, "city", "year"))
        >>> fit.marginal_effect("x")[["at", "estimate"]].round(3).values.tolist()
        [['east', 1.0], ['west', 3.0]]
        """
        stats = self.sample_stats
        weights, values = slope_weights(self.terms, term, at, stats, self.categories)
        estimate = weights @ self.coefficients
        variance = np.diag(self.covariance_of(weights))
        if (variance < 0).any():
            issue([negative_variance([f"the slope in {term}"])])
        se = standard_errors(variance)
        half = self._critical(level, weights) * se
        columns = {"at": values, "estimate": estimate, "std_error": se}
        return pd.DataFrame({**columns, "conf_low": estimate - half, "conf_high": estimate + half})

    # --- the sample ---------------------------------------------------------------------------------------

    @property
    def sample_stats(self) -> pd.DataFrame:
        """Summary statistics of variables and terms in the estimation sample, unweighted.

        Columns are nobs, mean, sd, min and max.
        """
        names, values = self.stats
        out = pd.DataFrame(values, index=pd.Index(list(names), name="variable"), columns=list(_STATS))
        return out.astype({"nobs": int})

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

        Outcome and regressors are deviations from entity means. Other fixed effects count as unexplained.
        """
        return self.fit_statistics[2]

    @property
    def rsquared_adj(self) -> float:
        """R2 including the fixed effects, adjusted for the numbers of slopes and absorbed effects."""
        return self.fit_statistics[3]

    @property
    def f_statistic(self) -> TestResult:
        """F test that all slopes are zero, with the covariance matrix of the fit."""
        f, df, p = self._all_slopes()
        return TestResult("F test", f, "F", df, p, "all slopes are zero")

    @property
    def resids(self) -> pd.Series[float]:
        """Residuals, indexed by row: outcome minus fitted values."""
        return pd.Series(self.residuals, index=self.index, name="resid", copy=True)

    @property
    def fitted_values(self) -> pd.Series[float]:
        """Fitted values including the fixed effects, indexed by row."""
        return pd.Series(self.fitted, index=self.index, name="fitted", copy=True)

    @property
    def effects(self) -> dict[str, pd.Series[float]]:
        """Estimates of the absorbed effects: a Series by level for each effect.

        All effects except one are normalised to mean zero. The slopes of ``absorb="province[year]"`` have the
        name ``"province[[year]]"``; they are missing for levels in which the column does not vary. Together
        with time effects, such slopes are identified only up to a common trend.
        """
        return {n: pd.Series(v, index=levels, name=n, copy=True) for n, levels, v in self.effect_values}

    def predict(self, panel: Panel) -> pd.Series[float]:
        """Predict the outcome, including the fixed effects.

        Parameters
        ----------
        panel : Panel
            A panel with the columns of the model.

        Returns
        -------
        Series
            Predictions indexed by row of `panel`. A prediction is missing, with a warning, if a fixed effect
            of the row was not estimated or a regressor is missing.

        Raises
        ------
        ColumnError, InputTypeError, MissingDataError
            If `panel` is not a Panel or does not have a column, or a term cannot be evaluated.

        Examples
        --------
        >>> import digiprosper as dp
        >>> panel = dp.datasets.us_states()
        >>> fit = dp.FixedEffects("log(gsp)", ["log(pc)", "unemp"]).fit(panel)
        >>> round(float(fit.predict(panel).loc[("AL", 1970)]), 2)
        10.29
        """
        from digiprosper.panel.access import check_panel, table_of
        from digiprosper.panel.codes import coded
        from digiprosper.panel.selection import coefficient_column

        check_panel(panel, "predict")
        table = table_of(panel)
        total = np.zeros(table.nobs)
        for term, b in zip(self.terms, self.coefficients, strict=True):
            constant = term.kind == "intercept"
            column = 1.0 if constant else coefficient_column(table, term.factors, self.categories)
            total = total + b * column
        terms = self.effect_terms or [(name, None) for name, *_ in self.effect_values]
        for (effect, slope), (_, levels, values) in zip(terms, self.effect_values, strict=True):
            codes, panel_levels = coded(table, effect)
            positions = levels.get_indexer(panel_levels)[codes]
            value = np.where((codes >= 0) & (positions >= 0), values[positions], np.nan)
            column = 1.0 if slope is None else coefficient_column(table, self.factors[slope], {})
            total = total + value * column
        unknown = int(np.isnan(total).sum())
        if unknown:
            text = (
                f"{unknown} of {panel.nobs} rows have no prediction: a regressor is missing or an effect "
                "was not estimated for them."
            )
            issue([unseen(unknown, text)])
        return pd.Series(total, index=panel.index, name=self.depvar)

    def without_rows(self) -> Self:
        """Return a copy without residuals, fitted values and row labels.

        Returns
        -------
        LinearResults
            The same estimates in less memory. Methods that need the rows raise an OptionError.
        """
        rows = RowSummary(nobs=self.nobs, sample_hash=self._sample_hash(), ssr=self._ssr())
        return replace(
            self,
            estimated=replace(self.estimated, residuals=None, fitted=None),
            sample=replace(self.sample, index=None, rows=rows),
        )

    # --- words --------------------------------------------------------------------------------------------

    def _summary(self) -> Summary:
        return Summary(
            type=type(self).__name__,
            title=f"Outcome: {self.depvar}",
            blocks=(
                Lines(
                    (
                        f"Effects: {', '.join(self.effect_names) or 'none (intercept)'}",
                        *([f"Weights: {self.obs_weights}"] if self.obs_weights else []),
                        sample_text(self.nobs, self.n_entities, self.n_times, self.key_names),
                        f"R2 {self.rsquared:z.4f}, within {self.rsquared_within:z.4f}",
                        "",
                    )
                ),
                coefficient_cells(self.tidy()),
                Remarks.of(self.diagnostics),
            ),
            notices=self.diagnostics,
            conventions=self.conventions,
            settings=self.settings,
            version=self.version,
        )

    def _numbers(self) -> PlainNumbers:
        stats = self.sample_stats.reset_index().to_dict("records")
        return PlainNumbers.of(
            self,
            inference=self.inference,
            labels=self.labels,
            factors=self.factors,
            rows_key="coefficients",
            more={"sample_stats": stats},
        )

    @property
    def conventions(self) -> str:
        """Type of the standard errors, with clusters, degrees of freedom and small-sample correction."""
        return conventions(self.inference)

    @property
    def settings(self) -> str:
        """Number of parameters K in the small-sample correction, if there is one."""
        return f"K = {self.df_counted} in the small-sample correction" if self.df_counted else ""

    # --- the groups, field by field -----------------------------------------------------------------------

    @property
    def coefficients(self) -> Floats:
        """Coefficients as a (k,) array."""
        return self.estimated.coefficients

    @property
    def root(self) -> Floats:
        """Outer part of `covariance`, a (k, m) array; see `Estimated`."""
        return self.estimated.root

    @property
    def middle(self) -> Floats:
        """Inner part of the covariance matrix: `covariance` is ``root @ middle @ root.T``."""
        return self.estimated.middle

    @property
    def residuals(self) -> Floats:
        """Residuals as an (N,) array."""
        return np.asarray(_kept(self.estimated.residuals, "residuals"))

    @property
    def fitted(self) -> Floats:
        """Fitted values including the fixed effects as an (N,) array."""
        return np.asarray(_kept(self.estimated.fitted, "fitted values"))

    @property
    def fit_statistics(self) -> tuple[float, float, float, float]:
        """R2 including the fixed effects, within R2, within-entity R2, adjusted R2."""
        return self.estimated.fit_statistics

    @property
    def has_f(self) -> bool:
        """Whether the covariance matrix has enough rank for a joint test of all slopes."""
        return self.estimated.has_f

    @property
    def bias_reduced(self) -> BiasReduced | None:
        """What the degrees of freedom of ``cov_type="cr2"`` are computed from; see `df_of`."""
        return self.estimated.bias_reduced

    @property
    def f_value(self) -> float:
        """F statistic of the test that all slopes are zero; missing if `has_f` is False."""
        return self._all_slopes()[0]

    @property
    def df_resid(self) -> float:
        """Residual degrees of freedom: rows minus slopes minus rank of the absorbed effects."""
        return self.estimated.df_resid

    @property
    def df_absorbed(self) -> int:
        """Rank of the absorbed effects."""
        return self.estimated.df_absorbed

    @property
    def effect_names(self) -> tuple[str, ...]:
        """Names of the absorbed effects."""
        return self.estimated.effect_names

    @property
    def effect_values(self) -> tuple[tuple[str, pd.Index[Any], Floats], ...]:
        """Name, levels and estimates of each absorbed effect."""
        return self.estimated.effect_values

    @property
    def effect_terms(self) -> tuple[tuple[str, str | None], ...]:
        """For each absorbed effect, the term of its levels, and the term of its slope or None."""
        return self.estimated.effect_terms

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

    @property
    def df_t(self) -> float:
        """Degrees of freedom of the t statistics; under ``"cr2"`` the smallest of `df_by_term`."""
        return self.inference.df_t

    @property
    def df_counted(self) -> int:
        """Number of parameters K in the small-sample correction; 0 if there is none."""
        return self.inference.df_counted or 0

    @property
    def bandwidth(self) -> int | None:
        """Number of lags of Driscoll-Kraay or Conley standard errors; None for other types."""
        return self.inference.bandwidth

    @property
    def index(self) -> pd.Index[Any]:
        """Row labels of the estimation sample."""
        index: pd.Index[Any] = _kept(self.sample.index, "row labels")
        return index

    @property
    def key_names(self) -> tuple[str, str | None]:
        """Names of the entity key and the time key."""
        return self.sample.key_names

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
        """Names of m variables and terms, and an (m, 5) array with nobs, mean, sd, min and max."""
        return self.sample.stats

    @property
    def categories(self) -> Mapping[str, tuple[str, pd.Index[Any]]]:
        """For each category in the terms, its column and the levels that were estimated."""
        return self.sample.categories

    @property
    def factors(self) -> Mapping[str, tuple[Factor, ...]]:
        """Factors of each regressor, outcome, absorbed effect and cluster, by name."""
        return self.sample.factors

    @property
    def obs_weights(self) -> str | None:
        """Column with the weights of the rows."""
        return self.sample.obs_weights

    @property
    def rows(self) -> RowSummary | None:
        """Summary of the rows of a fit with ``keep_rows=False``; otherwise None."""
        return self.sample.rows

    # --- other people's tables ----------------------------------------------------------------------------

    @property
    def __maketables_coef_table__(self) -> pd.DataFrame:
        t = self.tidy().set_index("term").rename_axis("Coefficient")
        names = {"estimate": "b", "std_error": "se", "statistic": "t", "p_value": "p", "conf_low": "ci95l"}
        return t.rename(columns={**names, "conf_high": "ci95u"})

    def __maketables_stat__(self, key: str) -> Any:
        g = self.glance()
        statistics: dict[str, Any] = {
            "N": self.nobs,
            "n_clusters": g["n_clusters"],
            "r2": g["rsquared"],
            "r2_within": g["rsquared_within"],
            "adj_r2": g["rsquared_adj"],
            "fvalue": g["f_statistic"],
            "se_type": "by: " + "+".join(self.clusters) if self.clusters else self.cov_type,
            "df_resid": self.df_resid,
            "rmse": float(np.sqrt(self._ssr() / self.df_resid)),
        }
        return statistics.get(key)

    @property
    def __maketables_depvar__(self) -> str:
        return self.depvar

    @property
    def __maketables_fixef_string__(self) -> str | None:
        return "+".join(self.effect_names) or None

    @property
    def __maketables_vcov_info__(self) -> dict[str, Any]:
        return {"vcov_type": self.cov_type, "clustervar": list(self.clusters)}

    @property
    def __maketables_var_labels__(self) -> dict[str, str] | None:
        return dict(self.labels) or None

    @property
    def __maketables_stat_labels__(self) -> dict[str, str]:
        return {"N": "Observations", "r2": "R2", "r2_within": "Within R2", "n_clusters": "Clusters"}

    @property
    def __maketables_default_stat_keys__(self) -> list[str]:
        return ["N", "r2_within"]

    # --- inside -------------------------------------------------------------------------------------------

    def _terms(self) -> pd.Index[Any]:
        return _term_index(self.names).view()

    def _inference(self) -> tuple[Floats, Floats, Floats]:
        from scipy.special import stdtr

        se = standard_errors(np.diag(self.covariance))
        with np.errstate(divide="ignore", invalid="ignore"):
            t = self.coefficients / se
        df = self.df_of(np.eye(len(self.names)))
        return se, t, np.asarray(2 * stdtr(df, -np.abs(t)), dtype=np.float64)

    def _all_slopes(self) -> tuple[float, tuple[float, float], float]:
        """Test that all slopes are zero: F, its degrees of freedom, p."""
        k = len(self.names) - ("Intercept" in self.names)
        slopes = np.eye(k, len(self.names))
        # With no more clusters than slopes the covariance is singular and the joint test does not exist.
        most = self.n_clusters[0] - 1 if self.cov_type == "cr2" else self.df_t
        if not self.has_f or k > most:
            return np.nan, (float(k), self.df_t), np.nan
        return self.f_of(quadratic_form(self.coefficients[:k], self.root[:k], self.middle)[0], slopes)

    def _rows(self, weights: Floats) -> Floats:
        used = np.flatnonzero(weights.any(axis=0))
        return np.asarray(weights[:, used] @ self.root[used])

    def _critical(self, level: float, weights: Floats) -> Floats:
        """Compute critical values of t for weighted sums of the coefficients."""
        from scipy.special import stdtrit

        return np.asarray(stdtrit(self.df_of(weights), 0.5 + check_level(level) / 2))

    def _ssr(self) -> float:
        return float(self.residuals @ self.residuals) if self.rows is None else self.rows.ssr

    def _sample_hash(self) -> str:
        if self.rows is not None:
            return self.rows.sample_hash
        return hash_of(self.index)
