"""Estimates of a linear model, with everything that stored numbers alone can tell."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from digiprosper._version import __version__
from digiprosper.errors import Notice, OptionError, TermError, check_level, cited, issue, option_problem
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
from digiprosper.report.variance import SINGULAR, negative_variance, quadratic_form, standard_errors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Self

    from digiprosper.kernels import Floats
    from digiprosper.panel import Panel
    from digiprosper.report.inference import Inference

__all__ = ["Estimated", "EstimationSample", "LinearResults", "RowSummary"]

_STATS = ("nobs", "mean", "sd", "min", "max")


def _kept(rows: Any, what: str) -> Any:
    """Give what is there of every row, or refuse."""
    if rows is not None:
        return rows
    text = f"this result has no {what}: it was fitted with keep_rows=False. Fit with keep_rows=True."
    raise OptionError(text, [option_problem("keep_rows", value=False, allowed=(True,), what=text)])


@lru_cache(maxsize=256)
def _term_index(names: tuple[str, ...]) -> pd.Index[Any]:
    # Building an index of text costs more than everything else in a small Series.
    return pd.Index(list(names), name="term")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class EstimationSample(PickledByName):
    """What the rows of a fit were.

    Parameters
    ----------
    index : Index
        Row labels.
    key_names : pair of str
        Entity and time.
    n_entities, n_times : int
        How many of them have rows.
    stats : tuple
        Names and an (m, 5) array: nobs, mean, sd, min, max.
    categories : mapping
        Categories in the terms: column and the levels that were estimated.
    obs_weights : str or None
        Column with the weights of the rows.
    factors : mapping
        Name of a regressor, an outcome, an absorbed effect or a cluster to what it is a product of.
    rows : RowSummary or None
        What is known of the rows of a fit that kept none.
    """

    index: pd.Index[Any] | None
    key_names: tuple[str, str | None]
    n_entities: int
    n_times: int
    stats: tuple[tuple[str, ...], Floats]
    categories: Mapping[str, tuple[str, pd.Index[Any]]]
    obs_weights: str | None = None
    factors: Mapping[str, tuple[Factor, ...]] = field(default_factory=dict)
    rows: RowSummary | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowSummary(PickledByName):
    """What is known of the rows of a fit that kept none, ``keep_rows=False``.

    Parameters
    ----------
    nobs : int
        How many there were.
    sample_hash : str
        Hash of their labels.
    ssr : float
        Sum of squared residuals, unweighted.
    """

    nobs: int
    sample_hash: str
    ssr: float


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Estimated(PickledByName):
    """What least squares gave.

    Parameters
    ----------
    coefficients : (k,) array
        Estimates.
    root : (k, m) array
        What a score of each column of `middle` moves the coefficients by; missing where a coefficient has no
        standard error.
    middle : (m, m) array
        Covariance of those scores, which are of standard deviation 1 as far as it is positive: the covariance
        of the estimates is ``root @ middle @ root.T``.
    residuals, fitted : (N,) arrays or None
        Outcome = fitted + residuals; fitted values include the effects. None if no rows were kept.
    fit_statistics : tuple of float
        R2 with the effects as explained, within all effects, within entities, adjusted.
    df_resid : float
        Rows less slopes less the rank of the absorbed effects.
    df_absorbed : int
        Rank of the absorbed effects.
    effect_names : tuple of str
        Absorbed effects.
    effect_values : tuple
        Name, levels and values of each absorbed effect.
    effect_terms : tuple
        Of each the term of its levels, and the term that it is a slope of or None.
    has_f : bool
        Whether the covariance allows a joint test of all slopes.
    """

    coefficients: Floats
    root: Floats
    middle: Floats
    residuals: Floats | None
    fitted: Floats | None
    fit_statistics: tuple[float, float, float, float]
    df_resid: float
    df_absorbed: int
    effect_names: tuple[str, ...]
    effect_values: tuple[tuple[str, pd.Index[Any], Floats], ...]
    effect_terms: tuple[tuple[str, str | None], ...] = ()
    has_f: bool = True


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class LinearResults(HasConstant, Summarised, PickledByName):
    """Coefficients with their covariance, and what the sample was.

    Made by `FixedEffects.fit` and by every path and slope of the other models. It keeps residuals, fitted
    values and row labels (none of them with ``keep_rows=False``), and no data.

    Parameters
    ----------
    names : tuple of str
        Coefficient names, terms as typed.
    depvar : str
        Outcome.
    estimated : Estimated
        Coefficients, their covariance, residuals and measures of fit.
    inference : Inference
        How the errors were computed. The degrees of freedom of t are G - 1 when clustered (the smaller G of
        two), T - 1 under Driscoll-Kraay, otherwise `df_resid`.
    sample : EstimationSample
        What the rows were.
    labels : mapping
        Labels of columns.
    diagnostics : tuple of Notice
        Notices about the fit.
    version : str
        Of digiprosper, when the model was fitted.
    equation : Term or None
        Which equation of a system it is.

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
        """Estimates, indexed by term."""
        return pd.Series(self.coefficients, index=self._terms(), name="estimate", copy=True)

    @property
    def covariance(self) -> Floats:
        """Covariance of the estimates as a (k, k) array."""
        return np.asarray(self.root @ self.middle @ self.root.T)

    @property
    def cov(self) -> pd.DataFrame:
        """Covariance of the estimates."""
        return pd.DataFrame(self.covariance, index=self._terms(), columns=self._terms())

    @property
    def nobs(self) -> int:
        """Rows in the estimation sample."""
        return self.residuals.size if self.rows is None else self.rows.nobs

    def tidy(self, level: float = 0.95) -> pd.DataFrame:
        """Give one row a term.

        Parameters
        ----------
        level : float
            Of the confidence interval.

        Returns
        -------
        DataFrame
            term, estimate, std_error, statistic, p_value, conf_low, conf_high.
        """
        se, t, p = self._inference()
        half = self._critical(level) * se
        b = self.coefficients
        columns = {"term": list(self.names), "estimate": b, "std_error": se, "statistic": t, "p_value": p}
        return pd.DataFrame({**columns, "conf_low": b - half, "conf_high": b + half})

    def glance(self) -> Glance:
        """Give one mapping about the whole fit.

        Returns
        -------
        Glance
            Same keys for every kind of results.
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
        """What each coefficient is: its kind, and the factors of its regressor."""
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
        """Statistics of the test that a coefficient is zero, indexed by term."""
        return pd.Series(self._inference()[1], index=self._terms(), name="statistic")

    @property
    def pvalues(self) -> pd.Series[float]:
        """Two-sided p-values from t(`df_t`), indexed by term."""
        return pd.Series(self._inference()[2], index=self._terms(), name="p_value")

    def conf_int(self, *, level: float = 0.95) -> pd.DataFrame:
        """Give confidence intervals.

        Parameters
        ----------
        level : float
            Such as .95.

        Returns
        -------
        DataFrame
            Indexed by term: conf_low, conf_high.
        """
        return self.tidy(level).set_index("term")[["conf_low", "conf_high"]]

    def covariance_of(self, weights: Floats) -> Floats:
        """Compute the covariance of weighted sums of coefficients.

        Unlike ``weights @ covariance @ weights.T`` it keeps its digits where the coefficients are nearly
        collinear. Coefficients of weight 0 throughout play no part, missing variances included.

        Parameters
        ----------
        weights : (q, k) array
            One row a sum.

        Returns
        -------
        (q, q) array
            Covariance.
        """
        rows = self._rows(weights)
        return np.asarray(rows @ self.middle @ rows.T)

    def is_indefinite(self, weights: Floats) -> bool:
        """Tell whether two-way clusters give some sum of weighted sums of coefficients a negative variance.

        Parameters
        ----------
        weights : (q, k) array
            One row a sum.

        Returns
        -------
        bool
            False where a variance is missing.
        """
        return quadratic_form(np.zeros(len(weights)), self._rows(weights), self.middle)[1] < -SINGULAR

    def wald_test(self, restrictions: str | Sequence[str]) -> TestResult:
        """Test linear restrictions jointly.

        Parameters
        ----------
        restrictions : str or sequence of str
            Such as ``"a = b"``, ``"a + 2*b = 1, c = 0"`` or ``["a = b", "c = -2"]``. ``"a = b = 0"`` is two.

        Returns
        -------
        TestResult
            F with `df_t` as the denominator's degrees of freedom; missing where two-way clusters give the
            restrictions a covariance that is not positive definite.

        Raises
        ------
        TermError
            If they cannot be read, name no coefficient or are not linear.
        InputTypeError
            If they are not text.
        """
        from scipy.special import fdtrc

        from digiprosper.linear.restrictions import null_text, read_restrictions, restrictions_text

        text = restrictions_text(restrictions)
        matrix, value = read_restrictions(text, self.names)
        gap = matrix @ self.coefficients - value
        q = matrix.shape[0]
        form, least = quadratic_form(gap, self._rows(matrix), self.middle)
        if abs(least) <= SINGULAR:
            raise TermError(
                f"wald_test({cited(text)}): the restrictions repeat each other, or there are more of "
                f"them than the covariance allows ({freedom_text(self.df_t)})."
            )
        if least < 0:
            issue([negative_variance([text])])
        f = form / q
        null = null_text(text, self.names)
        return TestResult("Wald test", f, "F", (float(q), self.df_t), float(fdtrc(q, self.df_t, f)), null)

    def combination(self, expression: str) -> LinearCombination:
        """Estimate a linear combination of coefficients, as Stata's lincom.

        Its standard error keeps its digits where the coefficients are nearly collinear.

        Parameters
        ----------
        expression : str
            Coefficients as they are named, times numbers, with ``+``, ``-`` and brackets, such as
            ``"a + 2*b"``. A number may be part of it: ``"a - 1"`` tests whether `a` is 1.

        Returns
        -------
        LinearCombination
            Estimate, standard error, statistic, p-value and interval from t(`df_t`).

        Raises
        ------
        TermError
            If it cannot be read, names no coefficient, is not linear or has ``=``.
        InputTypeError
            If it is not text.

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
            inference=self.inference,
            labels=dict(self.labels),
            version=self.version,
            factors=self.factors,
        )

    def standardised(self, level: float = 0.95) -> pd.DataFrame:
        """Give coefficients in standard deviations of outcome and regressor.

        Parameters
        ----------
        level : float
            Of the confidence interval.

        Returns
        -------
        DataFrame
            As `tidy`, estimates times sd(x) / sd(y), the overall standard deviations in the estimation
            sample, unweighted: no effect is taken out of x or y before.
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
        """Give the slope of the outcome in a variable, where it depends on values.

        Knows the variable itself, ``I(x**k)`` and products with columns.

        Parameters
        ----------
        term : str
            The variable.
        at : mapping, optional
            One column to its values, or a category ``C(region)`` to its levels,
            ``{"region": ["east", "west"]}``; other columns, and the dummies of other categories, are at their
            means. By default the column the slope depends on (the variable itself, or what it is multiplied
            with): a category at all its levels, a column of two values, such as a dummy, at both, and another
            at its minimum, mean less one standard deviation, mean, mean plus one, and maximum in the
            estimation sample, leaving out points beyond minimum and maximum. Means and standard deviations
            are unweighted, with `obs_weights` too.
        level : float
            Of the confidence interval.

        Returns
        -------
        DataFrame
            at, estimate, std_error, conf_low, conf_high.

        Raises
        ------
        ColumnError
            If no coefficient has the variable, or `at` names a column the slope does not depend on.
        TermError
            If the variable stands in a term that is none of these.
        OptionError
            If `at` has a level that is not in the estimation sample, or names a single dummy of a category
            (``"C(region)[T.east]"``), which does not say what its other dummies are.

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
        half = self._critical(level) * se
        columns = {"at": values, "estimate": estimate, "std_error": se}
        return pd.DataFrame({**columns, "conf_low": estimate - half, "conf_high": estimate + half})

    # --- the sample ---------------------------------------------------------------------------------------

    @property
    def sample_stats(self) -> pd.DataFrame:
        """Every variable and term in the estimation sample: nobs, mean, sd, min, max; never weighted."""
        names, values = self.stats
        out = pd.DataFrame(values, index=pd.Index(list(names), name="variable"), columns=list(_STATS))
        return out.astype({"nobs": int})

    @property
    def rsquared(self) -> float:
        """Share of the outcome's variance explained, the effects counted as explained."""
        return self.fit_statistics[0]

    @property
    def rsquared_within(self) -> float:
        """Share explained of what all absorbed effects leave (reghdfe, fixest)."""
        return self.fit_statistics[1]

    @property
    def rsquared_within_entity(self) -> float:
        """Share explained inside entities, time effects not taken out (xtreg, linearmodels)."""
        return self.fit_statistics[2]

    @property
    def rsquared_adj(self) -> float:
        """`rsquared` adjusted for slopes and absorbed effects."""
        return self.fit_statistics[3]

    @property
    def f_statistic(self) -> TestResult:
        """Joint test of all slopes under the fit's covariance."""
        from scipy.special import fdtrc

        k = len(self.names) - ("Intercept" in self.names)
        f_value = self.f_value
        p = float(fdtrc(k, self.df_t, f_value)) if np.isfinite(f_value) else float("nan")
        return TestResult("F test", f_value, "F", (float(k), self.df_t), p, "all slopes are zero")

    @property
    def resids(self) -> pd.Series[float]:
        """Residuals: outcome less slopes less effects, by row."""
        return pd.Series(self.residuals, index=self.index, name="resid", copy=True)

    @property
    def fitted_values(self) -> pd.Series[float]:
        """Outcome less residuals, effects included, by row."""
        return pd.Series(self.fitted, index=self.index, name="fitted", copy=True)

    @property
    def effects(self) -> dict[str, pd.Series[float]]:
        """Value of each absorbed effect by level; all but one have mean zero.

        The slopes of ``absorb="province[year]"`` are under ``"province[[year]]"``, missing for levels in
        which the column does not vary. They are identified as far as other effects do not hold them: beside
        time effects, up to a trend that all have in common.
        """
        return {n: pd.Series(v, index=levels, name=n, copy=True) for n, levels, v in self.effect_values}

    def predict(self, panel: Panel) -> pd.Series[float]:
        """Predict the outcome, effects of known levels included.

        Parameters
        ----------
        panel : Panel
            With the columns of the model.

        Returns
        -------
        Series
            By row of `panel`; missing, with one warning, where an effect was not estimated or a regressor is
            missing.
        """
        from digiprosper.panel.access import table_of
        from digiprosper.panel.codes import coded
        from digiprosper.panel.selection import coefficient_column

        table = table_of(panel)
        total = np.zeros(table.nobs)
        for term, b in zip(self.terms, self.coefficients, strict=True):
            is_intercept = term.kind == "intercept"
            total = total + b * (
                1.0 if is_intercept else coefficient_column(table, term.factors, self.categories)
            )
        terms = self.effect_terms or [(name, None) for name, *_ in self.effect_values]
        for (effect, slope), (_, levels, values) in zip(terms, self.effect_values, strict=True):
            codes, found = coded(table, effect)
            place = levels.get_indexer(found)[codes]
            value = np.where((codes >= 0) & (place >= 0), values[place], np.nan)
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
        """Leave out what has one value a row: residuals, fitted values and row labels.

        Returns
        -------
        LinearResults
            The same numbers. What needs the rows raises an OptionError that says so.
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
        """Which standard errors: clusters and their number, degrees of freedom, small-sample correction."""
        return conventions(self.inference)

    @property
    def settings(self) -> str:
        """What else the standard errors depend on: the K of the small-sample correction, if it has one."""
        return f"K = {self.df_counted} in the small-sample correction" if self.df_counted else ""

    # --- the groups, field by field -----------------------------------------------------------------------

    @property
    def coefficients(self) -> Floats:
        """Estimates, a (k,) array."""
        return self.estimated.coefficients

    @property
    def root(self) -> Floats:
        """What a score of each column of `middle` moves the coefficients by, a (k, m) array."""
        return self.estimated.root

    @property
    def middle(self) -> Floats:
        """Covariance of those scores: `covariance` is ``root @ middle @ root.T``."""
        return self.estimated.middle

    @property
    def residuals(self) -> Floats:
        """Outcome less fitted values, an (N,) array."""
        return np.asarray(_kept(self.estimated.residuals, "residuals"))

    @property
    def fitted(self) -> Floats:
        """Outcome less residuals, effects included, an (N,) array."""
        return np.asarray(_kept(self.estimated.fitted, "fitted values"))

    @property
    def fit_statistics(self) -> tuple[float, float, float, float]:
        """R2 with the effects as explained, within all effects, within entities, adjusted."""
        return self.estimated.fit_statistics

    @property
    def has_f(self) -> bool:
        """Whether the covariance allows a joint test of all slopes."""
        return self.estimated.has_f

    @property
    def f_value(self) -> float:
        """Joint Wald F of all slopes; missing where the covariance allows none."""
        k = len(self.names) - ("Intercept" in self.names)
        # With no more clusters than slopes the covariance is singular and the joint test does not exist.
        if not self.has_f or k > self.df_t:
            return float("nan")
        return quadratic_form(self.coefficients[:k], self.root[:k], self.middle)[0] / k

    @property
    def df_resid(self) -> float:
        """Rows less slopes less the rank of the absorbed effects."""
        return self.estimated.df_resid

    @property
    def df_absorbed(self) -> int:
        """Rank of the absorbed effects."""
        return self.estimated.df_absorbed

    @property
    def effect_names(self) -> tuple[str, ...]:
        """Absorbed effects."""
        return self.estimated.effect_names

    @property
    def effect_values(self) -> tuple[tuple[str, pd.Index[Any], Floats], ...]:
        """Name, levels and values of each absorbed effect."""
        return self.estimated.effect_values

    @property
    def effect_terms(self) -> tuple[tuple[str, str | None], ...]:
        """Of each absorbed effect the term of its levels, and the term that it is a slope of or None."""
        return self.estimated.effect_terms

    @property
    def cov_type(self) -> str:
        """Option word of the covariance."""
        return self.inference.cov_type

    @property
    def ssc(self) -> str:
        """Option word of the small-sample correction."""
        return self.inference.ssc or "none"

    @property
    def clusters(self) -> tuple[str, ...]:
        """Names of the clusters."""
        return self.inference.clusters

    @property
    def n_clusters(self) -> tuple[int, ...]:
        """Numbers of clusters, in the order of `clusters`."""
        return self.inference.n_clusters

    @property
    def df_t(self) -> float:
        """Degrees of freedom of the t statistics."""
        return self.inference.df_t

    @property
    def df_counted(self) -> int:
        """K in the small-sample factor of the errors; 0 where there is none."""
        return self.inference.df_counted or 0

    @property
    def bandwidth(self) -> int | None:
        """Lags of Driscoll-Kraay errors."""
        return self.inference.bandwidth

    @property
    def index(self) -> pd.Index[Any]:
        """Row labels of the estimation sample."""
        index: pd.Index[Any] = _kept(self.sample.index, "row labels")
        return index

    @property
    def key_names(self) -> tuple[str, str | None]:
        """Names of entity and time."""
        return self.sample.key_names

    @property
    def n_entities(self) -> int:
        """Entities in the estimation sample."""
        return self.sample.n_entities

    @property
    def n_times(self) -> int:
        """Periods in the estimation sample."""
        return self.sample.n_times

    @property
    def stats(self) -> tuple[tuple[str, ...], Floats]:
        """Names and an (m, 5) array: nobs, mean, sd, min, max."""
        return self.sample.stats

    @property
    def categories(self) -> Mapping[str, tuple[str, pd.Index[Any]]]:
        """Categories in the terms: column and the levels that were estimated."""
        return self.sample.categories

    @property
    def factors(self) -> Mapping[str, tuple[Factor, ...]]:
        """What each regressor, outcome, absorbed effect and cluster is a product of, by name."""
        return self.sample.factors

    @property
    def obs_weights(self) -> str | None:
        """Column with the weights of the rows."""
        return self.sample.obs_weights

    @property
    def rows(self) -> RowSummary | None:
        """What is known of the rows of a fit that kept none; None where they are kept."""
        return self.sample.rows

    # --- other people's tables ----------------------------------------------------------------------------

    @property
    def __maketables_coef_table__(self) -> pd.DataFrame:
        t = self.tidy().set_index("term").rename_axis("Coefficient")
        names = {"estimate": "b", "std_error": "se", "statistic": "t", "p_value": "p", "conf_low": "ci95l"}
        return t.rename(columns={**names, "conf_high": "ci95u"})

    def __maketables_stat__(self, key: str) -> Any:
        g = self.glance()
        known: dict[str, Any] = {
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
        return known.get(key)

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
        return se, t, np.asarray(2 * stdtr(self.df_t, -np.abs(t)), dtype=np.float64)

    def _rows(self, weights: Floats) -> Floats:
        used = np.flatnonzero(weights.any(axis=0))
        return np.asarray(weights[:, used] @ self.root[used])

    def _critical(self, level: float) -> float:
        from scipy.special import stdtrit

        level = check_level(level)
        return float(stdtrit(self.df_t, 0.5 + level / 2))

    def _ssr(self) -> float:
        return float(self.residuals @ self.residuals) if self.rows is None else self.rows.ssr

    def _sample_hash(self) -> str:
        if self.rows is not None:
            return self.rows.sample_hash
        return hash_of(self.index)
