"""The base of all results with estimates, and linear combinations of coefficients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np
import pandas as pd

from digiprosper.errors import Notice, TermError, cited, issue
from digiprosper.kernels import Floats
from digiprosper.kernels.tolerances import SINGULAR
from digiprosper.report.columns import Column, Remark, result_column
from digiprosper.report.estimates import Estimates
from digiprosper.report.inference import Inference
from digiprosper.report.labels import text_factor
from digiprosper.report.notices import not_psd
from digiprosper.report.protocol import Glance
from digiprosper.report.restrictions import (
    null_text,
    read_combination,
    read_restrictions,
    restrictions_text,
)
from digiprosper.report.summary import (
    PlainNumbers,
    Summarised,
    Summary,
    coefficient_cells,
)
from digiprosper.report.terms import Factors
from digiprosper.report.tests import TestResult
from digiprosper.report.text import conventions, freedom_text
from digiprosper.report.words import NO_WORDS, Words

# Statistics by the names of maketables
_MAKETABLES = {
    "N": "nobs",
    "n_clusters": "n_clusters",
    "r2": "rsquared",
    "r2_within": "rsquared_within",
    "adj_r2": "rsquared_adj",
    "fvalue": "f_statistic",
    "se_type": "cov_type",
    "df_resid": "df_resid",
}


@lru_cache(maxsize=256)
def _index_of_terms(names: tuple[str, ...]) -> pd.Index[str]:
    # Building an index of text costs more than everything else in a small Series.
    texts = np.array(names, dtype=object)
    # All results with these names share the index, whose values pandas 2 lets change.
    texts.flags.writeable = False
    index: pd.Index[str] = pd.Index(texts, name="term")
    return index


class BaseResults(Summarised):
    """Base class of results with estimates.

    A method's results are a frozen dataclass with the fields (or properties)
    ``estimated``, an `Estimates`, and ``labels``, ``factors`` and ``diagnostics``. They
    define ``glance`` and ``_summary``; everything else follows from ``estimated``.
    Words for tables are in ``words``.

    Examples
    --------
    >>> import digiprosper as dp
    >>> spec = dp.FixedEffects("log(gsp)", ["log(pc)", "unemp"])
    >>> fit = spec.fit(dp.datasets.us_states())
    >>> isinstance(fit, dp.BaseResults), fit.estimated.names
    (True, ('log(pc)', 'unemp'))
    """

    __slots__ = ()

    _rows_key: ClassVar[str] = "terms"
    # Whether a combination has the words of the fit about errors, as with draws.
    _same_conventions: ClassVar[bool] = False

    if TYPE_CHECKING:  # fields or properties of the subclasses

        @property
        def estimated(self) -> Estimates:
            """Estimates with their covariance and inference."""

        @property
        def labels(self) -> Mapping[str, str]:
            """Labels of columns."""

        @property
        def factors(self) -> Factors:
            """Factors of outcome, effects, clusters and regressors, by name."""

        @property
        def diagnostics(self) -> tuple[Notice, ...]:
            """Remarks about the data and the fit."""

    def glance(self) -> Glance:
        """Return summary numbers of the fit, such as the number of rows.

        Returns
        -------
        Glance
            A mapping. All types of results have its keys, and some have more.
        """
        raise NotImplementedError

    # --- estimates --------------------------------------------------------------------

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the coefficients."""
        return self.estimated.names

    @property
    def coefficients(self) -> Floats:
        """Coefficients as a (k,) array."""
        return self.estimated.coefficients

    @property
    def covariance(self) -> Floats:
        """Covariance matrix of the coefficients as a (k, k) array."""
        return self.estimated.covariance

    @property
    def inference(self) -> Inference:
        """Types of the standard errors, intervals and p-values."""
        return self.estimated.inference

    @property
    def df_t(self) -> float:
        """Degrees of freedom of t; infinite for the normal distribution."""
        return self.inference.df_t

    @property
    def conventions(self) -> str:
        """Type of the standard errors: clusters, degrees of freedom, correction."""
        return self._conventions_of(self.inference)

    @property
    def params(self) -> pd.Series[float]:
        """Coefficients, indexed by term."""
        return self._by_term(self.coefficients, "estimate")

    @property
    def cov(self) -> pd.DataFrame:
        """Covariance matrix of the coefficients, with terms in rows and columns."""
        index = self._term_index()
        return pd.DataFrame(self.covariance, index=index, columns=index)

    @property
    def std_errors(self) -> pd.Series[float]:
        """Standard errors, indexed by term."""
        return self._by_term(self.estimated.std_errors(), "std_error")

    @property
    def tstats(self) -> pd.Series[float]:
        """Estimates divided by their standard errors, indexed by term."""
        return self._by_term(self.estimated.tests()[1], "statistic")

    @property
    def pvalues(self) -> pd.Series[float]:
        """Two-sided p-values of the hypotheses that a coefficient is zero, by term."""
        return self._by_term(self.estimated.tests()[2], "p_value")

    @property
    def nobs(self) -> int:
        """Number of rows in the estimation sample."""
        return self.glance()["nobs"]

    def conf_int(self, level: float = 0.95) -> pd.DataFrame:
        """Return confidence intervals of the coefficients, those of `tidy`.

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
        """
        low, high = self.estimated.limits(level)
        return pd.DataFrame(
            {"conf_low": low, "conf_high": high}, index=self._term_index()
        )

    def tidy(self, level: float = 0.95) -> pd.DataFrame:
        """Return a table with one row per coefficient.

        Parameters
        ----------
        level : float
            Confidence level of the intervals, .95 by default.

        Returns
        -------
        DataFrame
            Columns term, estimate, std_error, statistic, p_value, conf_low and
            conf_high.

        Raises
        ------
        OptionError
            If `level` is not between 0 and 1.

        Examples
        --------
        >>> import digiprosper as dp
        >>> spec = dp.FixedEffects("log(gsp)", ["log(pc)", "unemp"])
        >>> fit = spec.fit(dp.datasets.us_states())
        >>> fit.tidy()[["term", "estimate", "std_error"]].round(3).values.tolist()
        [['log(pc)', 0.664, 0.066], ['unemp', -0.017, 0.003]]
        """
        return self.estimated.frame(level)

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
            F test with the number of restrictions and `df_t` as degrees of freedom, or
            chi-squared test where `df_t` is infinite. It uses `cov`, also where
            intervals are percentiles of draws. Under ``cov_type="clustered"`` the
            p-value of several restrictions is that of the restricted wild cluster
            bootstrap (Cameron, Gelbach & Miller 2008): 999 draws with a fixed seed and
            the weights of `wild_bootstrap`. They are from sums by cluster, so that
            effects common to clusters, such as time effects, are not estimated again in
            each draw, unlike in `wild_bootstrap`. The test that Stata prints is
            ``alternatives["stata"]``. With clusters in several ways their covariances
            are added, each with its G / (G - 1), and F is Hotelling's, as under
            ``"crv3"``: ``(G - q) / (q (G - 1))`` times the Wald statistic of q
            restrictions, with q and G - q degrees of freedom and the smallest G. The
            statistic is missing if the covariance matrix of the restrictions is not
            positive definite: with clusters in several ways often that of
            ``alternatives["stata"]``, which subtracts a covariance. Under
            ``cov_type="cr2"`` it is the test of Pustejovsky & Tipton (2018).

        Raises
        ------
        TermError
            If a restriction cannot be read, is not linear, repeats another one, or uses
            a name that is not a coefficient.
        InputTypeError
            If a restriction is not text.

        Examples
        --------
        >>> import digiprosper as dp
        >>> spec = dp.FixedEffects("log(gsp)", ["log(pc)", "unemp"])
        >>> fit = spec.fit(dp.datasets.us_states())
        >>> test = fit.wald_test("log(pc) = 0.6, unemp = 0")
        >>> test.df
        (2.0, 47)
        """
        text = restrictions_text(restrictions)
        matrix, value = read_restrictions(text, self.names)
        gap = self.estimated.sums(matrix) - value
        form, least = self.estimated.wald(matrix, gap)
        if abs(least) <= SINGULAR:
            raise TermError(
                f"wald_test({cited(text)}): the restrictions repeat each other, or "
                "there are more of them than the covariance allows "
                f"({freedom_text(self.df_t)})."
            )
        null = null_text(text, self.names)
        test = self.estimated.joint_test(form, matrix, gap, name="Wald test", null=null)
        if least < 0 and np.isnan(test.statistic):
            issue([not_psd("variance", [text])])
        return test

    def combination(self, expression: str) -> LinearCombination:
        """Estimate a linear combination of the coefficients, as Stata's ``lincom``.

        Parameters
        ----------
        expression : str
            A linear combination of coefficients with ``+``, ``-``, ``*`` and brackets,
            such as ``"a + 2*b"``. It may contain a number: ``"a - 1"`` tests whether
            the coefficient of a is 1.

        Returns
        -------
        LinearCombination
            Estimate, standard error, t statistic, p-value and confidence interval. With
            draws the interval and the p-value are those of the combination in the
            draws.

        Raises
        ------
        TermError
            If the expression cannot be read, is not linear, contains ``=``, or uses a
            name that is not a coefficient.
        InputTypeError
            If `expression` is not text.

        Examples
        --------
        >>> from digiprosper import FixedEffects, datasets
        >>> spec = FixedEffects(
        ...     "log(gsp)", ["log(pcap)", "log(pc)", "log(emp)", "unemp"]
        ... )
        >>> fit = spec.fit(datasets.us_states())
        >>> returns = fit.combination("log(pcap) + log(pc) + log(emp) - 1")
        >>> numbers = (returns.estimate, returns.std_error, returns.p_value)
        >>> [round(number, 4) for number in numbers]
        [-0.092, 0.0641, 0.1575]
        """
        weights, constant = read_combination(expression, self.names)
        combined = self.estimated.combined(expression, weights, constant)
        if (combined.covariance < 0).any():
            issue([not_psd("variance", [expression])])
        info = self.glance()
        factor = text_factor(expression, self.names, self.factors)
        return LinearCombination(
            estimated=combined,
            fit_glance=info,
            labels=dict(self.labels),
            conventions=self.conventions
            if self._same_conventions
            else self._conventions_of(combined.inference),
            version=info["version"],
            factors={**self.factors, expression: (factor,)},
            key_names=getattr(self, "key_names", None),
        )

    # --- tables and text --------------------------------------------------------------

    def table_columns(self, level: float = 0.95) -> tuple[Column, ...]:
        """Return the column of a table.

        Parameters
        ----------
        level : float
            Confidence level of the intervals, .95 by default.

        Returns
        -------
        tuple of Column
            One column.
        """
        column = result_column(self, level)
        return (replace(column, remarks=(*self._remarks(), *column.remarks)),)

    def _remarks(self) -> tuple[Remark, ...]:
        """Return what the note below a table says of the numbers."""
        return ()

    def _numbers(self) -> PlainNumbers:
        rows: Any = self.tidy().to_dict("records")
        names = getattr(self, "key_names", None)
        return PlainNumbers(
            glance=dict(self.glance()),
            estimates=tuple(rows),
            cov=self.cov.to_numpy().tolist(),
            inference=self.inference,
            labels=self.labels,
            factors=self.factors,
            rows_key=self._rows_key,
            more=self._more_numbers() | ({"key_names": names} if names else {}),
        )

    def _conventions_of(self, inference: Inference) -> str:
        """Describe the standard error of a combination of the coefficients."""
        return conventions(inference)

    def _term_index(self) -> pd.Index[str]:
        return _index_of_terms(self.names).view()

    def _by_term(self, values: Floats, name: str) -> pd.Series[float]:
        return pd.Series(values, index=self._term_index(), name=name, copy=True)

    @property
    def __maketables_coef_table__(self) -> pd.DataFrame:
        frame = self.tidy().set_index("term").rename_axis("Coefficient")
        return frame.set_axis(["b", "se", "t", "p", "ci95l", "ci95u"], axis=1)

    def __maketables_stat__(self, key: str) -> Any:
        info = self.glance()
        if key == "se_type" and info["clusters"]:
            return f"by: {info['clusters']}"
        return info.get(_MAKETABLES.get(key, ""))

    @property
    def __maketables_depvar__(self) -> str:
        return self.glance()["depvar"] or ""

    @property
    def __maketables_fixef_string__(self) -> str | None:
        return self.glance()["effects"]

    @property
    def __maketables_vcov_info__(self) -> dict[str, Any]:
        info = self.glance()
        clusters = info["clusters"].split("+") if info["clusters"] else []
        return {"vcov_type": info["cov_type"], "clustervar": clusters}

    @property
    def __maketables_var_labels__(self) -> dict[str, str] | None:
        return dict(self.labels) or None

    @property
    def __maketables_stat_labels__(self) -> dict[str, str]:
        return {
            "N": "Observations",
            "r2": "R2",
            "r2_within": "Within R2",
            "n_clusters": "Clusters",
        }

    @property
    def __maketables_default_stat_keys__(self) -> list[str]:
        return ["N", "r2_within"]


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class FitResults(BaseResults):
    """Base of results with the coefficients and the summary numbers of one fit."""

    estimated: Estimates
    info: Glance
    labels: Mapping[str, str]
    factors: Factors
    diagnostics: tuple[Notice, ...] = ()
    key_names: tuple[str, str | None] | None = None

    words: ClassVar[Words] = NO_WORDS

    def glance(self) -> Glance:
        """Return summary numbers of the fit, such as the number of rows.

        Returns
        -------
        Glance
            A mapping. All types of results have its keys, and some have more.
        """
        return cast("Glance", {**self.info, **self.inference.numbers})

    def _notice_remarks(self) -> tuple[Remark, ...]:
        """Remark on the notices that have a sentence for tables."""
        codes = dict.fromkeys(f"note.{notice.code}" for notice in self.diagnostics)
        return tuple(Remark(code, {}) for code in codes if code in self.words)


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class LinearCombination(BaseResults):
    """Estimate of a linear combination of coefficients, made by `combination`.

    It can be a column of `etable`.

    Parameters
    ----------
    estimated : Estimates
        The combination, with its standard error and, if the fit has draws, its draws.
        The standard error is missing if the variance is negative, or if a coefficient
        has no standard error.
    fit_glance : Glance
        Summary numbers of the fit, such as the number of rows.
    labels : mapping
        Labels of columns.
    conventions : str
        Type of the standard error, as in the fit.
    version : str
        Version of digiprosper that fitted the model.
    factors : mapping
        Factors of the coefficients, and of the combination.
    diagnostics : tuple of Notice
        Remarks about the estimate.
    key_names : tuple or None
        Names of the entity and time keys of the panel.

    Examples
    --------
    >>> import digiprosper as dp
    >>> spec = dp.FixedEffects("log(gsp)", ["log(pc)", "unemp"])
    >>> total = spec.fit(dp.datasets.us_states()).combination("log(pc) + 10*unemp")
    >>> round(total.estimate, 3), round(total.std_error, 3)
    (0.499, 0.079)
    """

    estimated: Estimates
    fit_glance: Glance
    labels: Mapping[str, str]
    conventions: str
    version: str
    factors: Factors = field(default_factory=dict)
    diagnostics: tuple[Notice, ...] = ()
    key_names: tuple[str, str | None] | None = None

    @property
    def expression(self) -> str:
        """The combination, such as ``"a + 2*b"``."""
        return self.names[0]

    @property
    def estimate(self) -> float:
        """Value of the combination."""
        return float(self.coefficients[0])

    @property
    def std_error(self) -> float:
        """Standard error of the combination."""
        return float(self.estimated.std_errors()[0])

    @property
    def df(self) -> float:
        """Degrees of freedom of the t test."""
        return self.df_t

    @property
    def statistic(self) -> float:
        """The t statistic of the null hypothesis that the combination is zero."""
        return float(self.estimated.tests()[1][0])

    @property
    def p_value(self) -> float:
        """Two-sided p-value: t with `df` degrees of freedom, or from the draws."""
        return float(self.estimated.tests()[2][0])

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Return a confidence interval.

        Parameters
        ----------
        level : float
            Confidence level, .95 by default.

        Returns
        -------
        low, high : float
            Ends of the interval; missing if there is no standard error.

        Raises
        ------
        OptionError
            If `level` is not between 0 and 1.
        """
        low, high = self.estimated.limits(level)
        return float(low[0]), float(high[0])

    def glance(self) -> Glance:
        """Return summary numbers of the fit.

        Returns
        -------
        Glance
            The same as `glance` of the fit.
        """
        return cast("Glance", dict(self.fit_glance))

    def _summary(self) -> Summary:
        return self._titled(
            f"Linear combination of coefficients, outcome: {self.fit_glance['depvar']}",
            coefficient_cells(self.tidy()),
        )
