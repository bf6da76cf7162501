"""Results of panel threshold regression."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from textwrap import wrap
from typing import Any, ClassVar, cast

import numpy as np
import pandas as pd

from digiprosper.checks import check_option, check_whole, option_error
from digiprosper.errors import (
    ColumnError,
    Notice,
    OptionError,
    PanelIndexError,
    cited,
    counted,
    number_text,
    quoted,
)
from digiprosper.kernels import Floats, Ints
from digiprosper.kernels.tolerances import SAME_STATISTIC
from digiprosper.linear.results import LinearResults
from digiprosper.report.columns import (
    Column,
    Parameter,
    ParameterBlock,
    ParameterTest,
    PlainCell,
    Remark,
    result_column,
)
from digiprosper.report.estimates import Estimates
from digiprosper.report.protocol import Glance
from digiprosper.report.results import BaseResults
from digiprosper.report.summary import Cells, Lines, Remarks, Summary, coefficient_cells
from digiprosper.report.terms import Factors, Regime, Term, terms_of
from digiprosper.report.tests import TestResult
from digiprosper.report.text import percent_text, sample_text, wrapped
from digiprosper.report.verdicts import rejects
from digiprosper.report.words import TESTS
from digiprosper.specification import one_term
from digiprosper.threshold.words import WORDS

# Level of the sets of thresholds in intervals of slopes (Hansen 2000)
SLOPE_SET = 0.8
_CRITERIA = ("lr", "scaled", "bootstrap")
_CRITICAL = {"crit_10": 0.9, "crit_5": 0.95, "crit_1": 0.99}
NO_BOOTSTRAP = "no bootstrap and no p-value"
_ROWS = {1: "Single threshold", 2: "Double threshold", 3: "Triple threshold"}


def critical_lr(level: float) -> float:
    """Return the critical value of a threshold's likelihood ratio (Hansen 1999, 15).

    ``-2 log(1 - sqrt(level))``: 5.94, 7.35, 10.59 at .90, .95, .99. (The 6.53 printed
    there for .90 is that of .925; Hansen 2000, table I, has 5.94.)
    """
    return float(-2 * np.log(1 - np.sqrt(level)))


def bootstrap_p(statistic: float, draws: Floats) -> float:
    """Compute the bootstrap p-value ``(1 + #{F* >= F}) / (B + 1)``; NaN without F."""
    finite = draws[np.isfinite(draws)]
    if not np.isfinite(statistic):
        return float("nan")
    return (1 + int((finite >= statistic * (1 - SAME_STATISTIC)).sum())) / (
        finite.size + 1
    )


def accepted_intervals(
    values: Floats, accepted: np.ndarray[Any, np.dtype[np.bool_]]
) -> list[tuple[float, float]]:
    """Join neighbouring accepted values (ascending) into intervals."""
    edges = np.diff(np.concatenate([[0], accepted.astype(np.int8), [0]]))
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1
    return [
        (float(values[a]), float(values[b])) for a, b in zip(starts, ends, strict=True)
    ]


def threshold_parameter(
    value: float,
    pieces: Sequence[tuple[float, float]],
    tests: Sequence[ParameterTest],
    reach: str = "",
) -> Parameter:
    """Make the table's parameter of a threshold, with its set and its tests.

    There is no set if it was not estimated, and no test without a p-value.
    """
    # The statistic has no F distribution, so it is not shown without a p-value.
    tested = tuple(t for t in tests if not math.isnan(t.p_value))
    return Parameter(value, *set_ends(pieces), len(pieces), tested, reach)


def set_ends(pieces: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return the lowest and the highest value of a set; NaN if it is empty."""
    return (pieces[0][0], pieces[-1][1]) if pieces else (math.nan, math.nan)


def ends_reached(pieces: Sequence[tuple[float, float]], candidates: Floats) -> str:
    """Return which ends of the search a set includes: the code of `Parameter.reach`."""
    first, last = candidates[[0, -1]]
    if not pieces or first == last:
        return ""
    low, high = pieces[0][0] <= first, last <= pieces[-1][1]
    if low and high:
        return "whole" if len(pieces) == 1 else "ends"
    return "lowest" if low else "highest" if high else ""


def set_text(pieces: Sequence[tuple[float, float]], reach: str = "") -> str:
    """Write a confidence set as ``"0.5 to 0.6; 0.7"``, or "every candidate"."""
    texts = [
        " to ".join(number_text(end, 5) for end in sorted({*ends})) for ends in pieces
    ]
    texts += ["every candidate"] if reach == "whole" else []
    return "; ".join(texts) or "empty"


class SlopesByRegime(BaseResults):
    """Base of the results of thresholds and kinks; estimates are those of `slopes`."""

    __slots__ = ()

    _model: ClassVar[str]

    slopes: LinearResults
    regime_sizes: Ints
    rng_entropy: int | None
    df: float
    df_rule: str
    level: float

    @property
    def regimes(self) -> pd.DataFrame:
        """Regimes between thresholds with their sizes."""
        raise NotImplementedError

    @property
    def estimated(self) -> Estimates:
        """Estimates of `slopes`, with their covariance and inference."""
        return self.slopes.estimated

    @property
    def labels(self) -> Mapping[str, str]:
        """Labels of columns."""
        return self.slopes.labels

    @property
    def factors(self) -> Factors:
        """Factors of outcome, effects, clusters and regressors, by name."""
        return self.slopes.factors

    def glance(self) -> Glance:
        """Return summary numbers of the regression at the estimates.

        Returns
        -------
        Glance
            A mapping with the same keys for all types of results.
        """
        numbers = {"model": self._model, "rng_entropy": self.rng_entropy}
        return cast("Glance", {**self.slopes.glance(), **numbers})

    @property
    def settings(self) -> str:
        """Options of the search and the tests, and the seed of the draws."""
        denominator = "N - n" if self.df_rule == "hansen" else "T (n - 1)"
        if self.slopes.key_names[0] not in self.slopes.effect_names:
            denominator = "N - 1"
        slopes = f"{self.slopes.settings}; " if self.slopes.settings else ""
        return slopes + self._options_text(
            f"F and LR over {denominator} = {self.df:g} (df {self.df_rule})"
        )

    def _options_text(self, denominator: str) -> str:
        """Write the options of the search and the tests."""
        raise NotImplementedError

    def _shared_numbers(self, options: Sequence[str]) -> dict[str, Any]:
        """Return regimes, options, seed and slopes for `to_dict`."""
        values = {name: getattr(self, name) for name in options}
        return {
            "regimes": self.regimes.reset_index().to_dict("records"),
            "options": {"df": self.df_rule, **values},
            "denominator": self.df,
            "rng_entropy": self.rng_entropy,
            "slopes": self.slopes.to_dict(),
        }

    def _regimes(self, cuts: Sequence[float], index: pd.Index[Any]) -> pd.DataFrame:
        """List the regimes between thresholds with their sizes."""
        bounds = {"lower": [-np.inf, *cuts], "upper": [*cuts, np.inf]}
        sizes = {"nobs": self.regime_sizes[:, 0], "n_entities": self.regime_sizes[:, 1]}
        return pd.DataFrame({**bounds, **sizes}, index=index)

    def _terms_by_regime(
        self, split: Sequence[str], regimes: Mapping[str, Regime], intercept: str = ""
    ) -> tuple[Term, ...]:
        """Return the terms of slopes; those of `split` end in the regime."""
        terms = terms_of(self.slopes, self.slopes.params.index)
        for term in split:
            for ending, regime in regimes.items():
                name = f"{term}:{ending}"
                kind = "slope"
                if term == intercept:
                    kind = "intercept"
                if name in terms:
                    label = replace(terms[name], path=(term,), regime=regime)
                    terms[name] = replace(label, kind=kind)
        return tuple(terms.values())

    def _table_column(
        self, terms: Sequence[Term], block: ParameterBlock, level: float
    ) -> Column:
        column = result_column(self.slopes, level, words=WORDS)
        estimates = {
            term.name: column.estimates[term.name]._replace(term=term) for term in terms
        }
        shifts = any(term.kind == "intercept" for term in terms if term.regime)
        notes = (Remark("intercepts", {}),) if shifts else ()
        return replace(column, estimates=estimates, blocks=(block,), set_notes=notes)

    def _verdict(self, null: str, p_value: float) -> str:
        verdict = "rejected" if rejects(p_value, self.level) else "not rejected"
        verdict = "cannot be tested" if math.isnan(p_value) else verdict
        return f"  {null}: {verdict} at {percent_text(1 - self.level)}"

    def _build_summary(
        self,
        subject: str,
        lines: Sequence[str],
        regimes: Sequence[str],
        printed: Sequence[Notice],
        *,
        first_column: str,
        below: Sequence[str] = (),
    ) -> Summary:
        """Build a summary of thresholds, their tests, regime sizes and slopes."""
        slopes = self.slopes
        sizes = zip(regimes, self.regime_sizes.tolist(), strict=True)
        rows = [
            [text, f"{nobs:,}", f"{entities:,}"] for text, (nobs, entities) in sizes
        ]
        sample = sample_text(
            slopes.nobs, slopes.n_entities, slopes.n_times, slopes.key_names
        )
        effects = f"Effects: {', '.join(slopes.effect_names) or 'none (intercept)'}"
        return self._titled(
            f"Outcome: {slopes.depvar}",
            Lines((subject, effects, sample, "", *lines, "")),
            Cells.of([first_column, "rows", slopes.key_names[0]], rows),
            Lines(("",)),
            coefficient_cells(slopes.tidy()),
            Lines(tuple(below)),
            Remarks.of(printed),
            settings=self.settings,
            version=slopes.version,
        )


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ThresholdResults(SlopesByRegime):
    """Results of panel threshold regression, made by `PanelThreshold.fit`.

    Thresholds, regimes and confidence sets are those of the refined model. `ssr` and F
    are those of the search for each threshold. The results keep row labels and the
    regime of each row, but no other data.

    Parameters
    ----------
    threshold_variable : str
        Term that splits the sample.
    regime_dependent : tuple of str
        Terms whose slopes depend on the regime.
    slopes : LinearResults
        Linear regression with these thresholds. It has terms such as ``"x:regime1"``,
        where regime 1 has the lowest values of the threshold variable, then the terms
        of `x`. Its standard errors take the thresholds as known.
    estimates : (m,) array
        Thresholds in the order found (or given).
    search_ssr : (t + 1,) array
        Sums of squared residuals with 0, 1, ..., t thresholds in the sequential search.
        t is m, or m + 1 if another threshold was tested and not kept (``"auto"``).
    null_ssr : (t,) array
        Sum of squared residuals of the refined model with one threshold less.
    stage_estimates : tuple of tuple of float
        Thresholds of the models with 1, 2, ..., t thresholds that are tested against
        one fewer, each in ascending order. With each further threshold those before it
        are estimated again, so they may differ from `estimates`.
    candidates : (G,) array
        Candidates for a threshold, in ascending order.
    profiles : (m, G) array
        Sums of squared residuals with threshold j at each candidate and the others
        constant; infinite where a threshold is not allowed.
    fit_ssr : float
        Sum of squared residuals at the thresholds.
    df : float
        Degrees of freedom in F and LR.
    df_rule : {"hansen", "xthreg"}
        Rule of `df`: N - n, or T (n - 1).
    given : bool
        Whether the thresholds were given.
    trim : tuple of float
        Smallest share of the rows in each regime, one per threshold.
    grid : int, "hansen" or None
        The `grid` of the specification; None is all candidates.
    search : {"sequential", "joint"}
        Type of the search.
    bootstrap : tuple of str
        Bootstraps of the tests; the first is used for conclusions. Empty without tests.
    statistic_values : (b, t) array
        Statistic of each bootstrap: F, or the score statistic of ``"wild_score"``.
    statistic_draws : (b, t, B) array
        Draws of the statistic for each bootstrap and threshold; missing if a draw has
        no candidate.
    reps : int
        Number of draws of each bootstrap.
    rng_entropy : int or None
        Seed of the draws; pass it as `rng` to reproduce them. None without draws.
    level : float
        Confidence level of the sets.
    confidence : {"lr", "scaled", "bootstrap"}
        Type of the bound of the likelihood ratio.
    variance_ratios : (m,) array
        Ratio of the error variance at each threshold, weighted by the squared jump, to
        its average; the bound ``"scaled"`` is multiplied by it.
    lr_bounds : (m, G) array
        Bootstrap bound at each candidate; empty unless `confidence` is ``"bootstrap"``.
    rule : {"<=", "<"}
        Whether a row at the threshold belongs to the lower regime.
    regime_codes : (N,) array
        Regime of each row, 1 for the lowest values.
    regime_sizes : (m + 1, 2) array
        Numbers of rows and entities of each regime.
    split_names : tuple of str
        Names of the columns with slopes by regime: several for a category, and the
        intercept if it depends on the regime.
    diagnostics : tuple of Notice
        Remarks about the data and the fit.
    slopes_in_sets : tuple of Estimates
        Slopes at up to 20 values of each threshold in its 80% set, for
        `slope_intervals`. Empty if the thresholds were given.

    Examples
    --------
    >>> from digiprosper import PanelThreshold, datasets
    >>> panel, truth = datasets.simulate_provinces()
    >>> results = PanelThreshold(
    ...     "rural_income", "digital", "urban", ["urban", "fiscal"]
    ... ).fit(panel, rng=2026)
    >>> results.slopes.names
    ('digital:regime1', 'digital:regime2', 'urban', 'fiscal')
    >>> bool(results.regimes["nobs"].sum() == results.slopes.nobs)
    True
    >>> [low <= truth.threshold <= high for low, high in results.confidence_set(1)]
    [True]
    """

    _model: ClassVar[str] = "PanelThreshold"

    threshold_variable: str
    regime_dependent: tuple[str, ...]
    slopes: LinearResults
    estimates: Floats
    search_ssr: Floats
    null_ssr: Floats
    stage_estimates: tuple[tuple[float, ...], ...]
    candidates: Floats
    profiles: Floats
    fit_ssr: float
    df: float
    df_rule: str
    given: bool
    trim: tuple[float, ...]
    grid: int | str | None
    search: str
    bootstrap: tuple[str, ...]
    statistic_values: Floats
    statistic_draws: Floats
    reps: int
    rng_entropy: int | None
    level: float
    confidence: str
    variance_ratios: Floats
    lr_bounds: Floats
    rule: str
    regime_codes: Ints
    regime_sizes: Ints
    split_names: tuple[str, ...]
    diagnostics: tuple[Notice, ...]
    slopes_in_sets: tuple[Estimates, ...] = ()

    # --- thresholds -------------------------------------------------------------------

    @property
    def thresholds(self) -> pd.DataFrame:
        """Thresholds with intervals and tests, a row each in the order found.

        They are numbered from 1. Columns are estimate; conf_low and conf_high (the ends
        of the confidence set, which can have gaps, see `confidence_set`); ssr and F;
        p_value and the critical values crit_10, crit_5 and crit_1 of the first
        bootstrap; statistic ("F", or "score" for "wild_score") and value, the statistic
        that they refer to.
        """
        m = self.estimates.size
        sets = [self.confidence_set(j + 1) for j in range(m)]
        low, high = np.array(list(map(set_ends, sets))).reshape(m, 2).T
        columns = {"estimate": self.estimates, "conf_low": low, "conf_high": high}
        sums = {"ssr": self.search_ssr[1 : m + 1], "F": self.statistics[:m]}
        index = pd.RangeIndex(1, m + 1, name="threshold")
        tests = self._first_tests().set_index("threshold")
        shown = ["p_value", *_CRITICAL, "statistic", "value"]
        numbers = dict.fromkeys(("p_value", *_CRITICAL, "value"), float)
        frame = pd.DataFrame({**columns, **sums}, index=index)
        return frame.join(tests.reindex(index)[shown].astype(numbers))

    @property
    def statistics(self) -> Floats:
        """F statistic of each tested threshold j: ``(S_0 / S_j - 1) df``.

        S_0 and S_j are the sums of squared residuals under the null hypothesis and with
        the threshold.
        """
        return (self.null_ssr / self.search_ssr[1:] - 1) * self.df

    @property
    def ssr(self) -> pd.Series[float]:
        """Sums of squared residuals of the sequential search.

        They are indexed by the number of thresholds from 0.
        """
        index = pd.RangeIndex(self.estimates.size + 1, name="thresholds")
        sums = self.search_ssr[: index.size]
        return pd.Series(sums, index=index, name="ssr", copy=True)

    @property
    def tests(self) -> pd.DataFrame:
        """Tests of the thresholds, one row per threshold and bootstrap.

        With "auto" the last test, which did not reject, is included. Columns are
        threshold, bootstrap, F (missing for a score test), p_value, crit_10, crit_5,
        crit_1, statistic ("F" or "score"), value (of the statistic) and estimates (the
        thresholds of the model that is tested against one fewer).
        """
        rows = []
        for j, f in enumerate(self.statistics):
            for b, name in enumerate(self.bootstrap):
                draws = self.statistic_draws[b, j]
                value = float(self.statistic_values[b, j])
                finite = draws[np.isfinite(draws)]
                critical = [np.nan] * len(_CRITICAL)
                if finite.size:
                    critical = np.quantile(finite, list(_CRITICAL.values())).tolist()
                score = name == "wild_score"
                statistic, f_value = ("score", np.nan) if score else ("F", f)
                p_value = bootstrap_p(value, draws)
                numbers = (f_value, p_value, *critical, statistic, value)
                rows.append((j + 1, name, *numbers, self.stage_estimates[j]))
        names = ["threshold", "bootstrap", "F", "p_value", *_CRITICAL]
        return pd.DataFrame(rows, columns=[*names, "statistic", "value", "estimates"])

    def profile(self, threshold: int = 1, *, method: str | None = None) -> pd.DataFrame:
        """Return one threshold's likelihood ratio at all values, others constant.

        Parameters
        ----------
        threshold : int
            Number of the threshold in the order found, 1 by default.
        method : {"lr", "scaled", "bootstrap"}, optional
            Bound of the likelihood ratio; see `critical_value`. The default is
            `confidence` of the specification.

        Returns
        -------
        DataFrame
            One row per admissible candidate. Columns are gamma (the value), ssr, lr and
            critical, where ``lr = (ssr / min ssr - 1) df``. The confidence set has the
            candidates with lr up to critical. If the threshold is given, its ssr
            replaces the minimum, so lr can be negative. Between two candidates the ssr
            does not change.

        Raises
        ------
        OptionError
            If there is no such threshold, or there are no draws for ``"bootstrap"``.
        """
        j = self._position(threshold)
        allowed = np.isfinite(self.profiles[j])
        ssr = self.profiles[j][allowed]
        min_ssr = self.fit_ssr if self.given else ssr.min()
        lr, bound = (ssr / min_ssr - 1) * self.df, self._lr_bound(j, method)[allowed]
        return pd.DataFrame(
            {"gamma": self.candidates[allowed], "ssr": ssr, "lr": lr, "critical": bound}
        )

    def critical_value(self, threshold: int = 1, *, method: str | None = None) -> float:
        """Return the bound of the likelihood ratio in a confidence set.

        Parameters
        ----------
        threshold : int
            Number of the threshold in the order found, 1 by default.
        method : {"lr", "scaled", "bootstrap"}, optional
            Type of the bound. The default is `confidence` of the specification.

        Returns
        -------
        float
            ``"lr"`` is ``-2 log(1 - sqrt(level))`` (Hansen 1999, eq. 15). ``"scaled"``
            multiplies it by the variance ratio at the threshold (Hansen 2000, section
            3.4). ``"bootstrap"`` is a quantile of draws in which the candidate is the
            true threshold. It differs between candidates: this is the bound at the
            estimate, and `profile` has all.

        Raises
        ------
        OptionError
            If there is no such threshold, or there are no draws for ``"bootstrap"``.
        """
        j = self._position(threshold)
        return float(
            np.interp(self.estimates[j], self.candidates, self._lr_bound(j, method))
        )

    def confidence_set(
        self, threshold: int = 1, *, method: str | None = None
    ) -> list[tuple[float, float]]:
        """Return the confidence set of a threshold.

        It has all candidates with a likelihood ratio up to the bound.

        Parameters
        ----------
        threshold : int
            Number of the threshold in the order found, 1 by default.
        method : {"lr", "scaled", "bootstrap"}, optional
            Type of the bound, see `critical_value`. The default is `confidence` of the
            specification. ``"lr"`` assumes equal variances and no serial correlation
            (Hansen 1999, theorem 1). ``"scaled"`` allows for another variance at the
            threshold. ``"bootstrap"`` allows for both.

        Returns
        -------
        list of (low, high)
            Intervals of neighbouring candidates of `profile`, in ascending order. Often
            there are several.

        Raises
        ------
        OptionError
            If there is no such threshold, or there are no draws for ``"bootstrap"``.
        """
        profile = self.profile(threshold, method=method)
        accepted = profile["lr"].to_numpy() <= profile["critical"].to_numpy()
        return accepted_intervals(profile["gamma"].to_numpy(), accepted)

    def slope_intervals(self, level: float = 0.95) -> pd.DataFrame:
        """Return intervals of the slopes that allow for estimated thresholds.

        `conf_int` takes the thresholds as known. Where the slopes change little, the
        search takes the value at which they differ most, and these intervals are too
        short: in simulated panels of 31 x 10 they contain the true slope in 77 to 94%,
        and those of this method in 93% or more.

        Parameters
        ----------
        level : float
            Confidence level, .95 by default.

        Returns
        -------
        DataFrame
            One row per term with columns conf_low and conf_high: the lowest and the
            highest end of the intervals at values of a threshold in its 80% set, with
            the other thresholds at their estimates (Hansen 2000). The set has the bound
            ``"lr"``, times the variance ratio where it is above one. If it has more
            than 20 candidates, 20 of them at equal distances in the order of the values
            are used.

        Raises
        ------
        OptionError
            If `level` is not between 0 and 1.

        Examples
        --------
        >>> from digiprosper import PanelThreshold, datasets
        >>> panel, _ = datasets.simulate_provinces()
        >>> fit = PanelThreshold("rural_income", "digital", "urban").fit(panel, rng=1)
        >>> fit.slope_intervals().loc["digital:regime1"].round(3).to_dict()
        {'conf_low': 0.166, 'conf_high': 0.447}
        """
        limits = [e.limits(level) for e in (self.estimated, *self.slopes_in_sets)]
        return pd.DataFrame(
            {
                "conf_low": np.min([low for low, _ in limits], axis=0),
                "conf_high": np.max([high for _, high in limits], axis=0),
            },
            index=pd.Index(self.slopes.names, name="term"),
        )

    # --- regimes ----------------------------------------------------------------------

    @property
    def regimes(self) -> pd.DataFrame:
        """Regimes in ascending order: lower, upper, nobs, n_entities.

        n_entities is the number of entities with at least one row in the regime.
        """
        cuts = np.sort(self.estimates).tolist()
        return self._regimes(cuts, pd.RangeIndex(1, len(cuts) + 2, name="regime"))

    @property
    def regime(self) -> pd.Series[int]:
        """Regime of each row of the estimation sample, 1 for the lowest values."""
        index = self.slopes.index.view()
        return pd.Series(self.regime_codes, index=index, name="regime", copy=True)

    def regime_by_time(self) -> pd.DataFrame:
        """Return the number of entities in each regime by period.

        Returns
        -------
        DataFrame
            One row per period and one column per regime.

        Raises
        ------
        PanelIndexError
            If the data are a cross-section.
        """
        self._time_name("regime_by_time")
        return self._rows_by_regime(1)

    def regime_by_entity(self) -> pd.DataFrame:
        """Return the regimes of each entity and when they change.

        Returns
        -------
        DataFrame
            One row per entity. There is one column per regime with the number of rows
            in it. first and last are the regimes of the first and the last row.
            crossings is the number of changes of the regime, and first_crossing the
            period of the first change, missing if there is none.

        Raises
        ------
        PanelIndexError
            If the data are a cross-section.
        """
        moves = self.crossings()
        frame = self._rows_by_regime(0).rename_axis(columns=None)
        rows = self.regime.groupby(level=0, sort=True)
        frame["first"], frame["last"] = rows.first().to_numpy(), rows.last().to_numpy()
        by_entity = moves.groupby(moves.columns[0], sort=True)[moves.columns[1]]
        frame["crossings"] = by_entity.size().reindex(frame.index, fill_value=0)
        frame["first_crossing"] = (
            by_entity.first().convert_dtypes().reindex(frame.index)
        )
        return frame

    def crossings(self) -> pd.DataFrame:
        """Return all changes of the regime of an entity from one row to the next.

        Returns
        -------
        DataFrame
            One row per change. The first two columns have the names of the keys: the
            entity, and the first period in the new regime. The others are from_regime
            and to_regime. Gaps in time are ignored.

        Raises
        ------
        PanelIndexError
            If the data are a cross-section.
        """
        self._time_name("crossings")
        before = self.regime.groupby(level=0, sort=False).shift()
        changed = before.notna() & (before != self.regime)
        regimes = {"from_regime": before[changed].astype(int)}
        return pd.DataFrame(
            {**regimes, "to_regime": self.regime[changed]}
        ).reset_index()

    def equality(self, term: str | None = None) -> TestResult:
        """Test that slopes are equal in all regimes, taking thresholds as known.

        This is not a test of whether there is a threshold, for which the F statistic is
        too large; see `tests`.

        Parameters
        ----------
        term : str, optional
            A regime-dependent term. The default is all of them jointly, without the
            intercepts of `regime_intercept`.

        Returns
        -------
        TestResult
            Wald test with the covariance matrix of `slopes`.

        Raises
        ------
        OptionError
            If there is no threshold.
        ColumnError
            If `term` is not a regime-dependent term.
        """
        width = self.estimates.size + 1
        if width == 1:
            raise OptionError(
                "equality: no threshold was kept, so there is one regime."
            )
        split_terms = self.terms_in_every_regime
        terms = split_terms if term is None else [one_term(term, "term")]
        if term is not None and term not in split_terms:
            raise ColumnError(
                f"{cited(term)} has no slopes by regime; those that have are "
                f"{quoted(split_terms)}."
            )
        pairs = [
            f"{t}:regime1 = {t}:regime{r}" for t in terms for r in range(2, width + 1)
        ]
        test = self.wald_test(pairs)
        null = (
            f"{' and '.join(terms)}: the same in every regime, thresholds "
            "treated as known"
        )
        if not self.given:
            code = "searched.after" if test.method else "searched"
            test = replace(test, method=TESTS.say(code, method=test.method))
        return replace(test, name="Equal slopes", null=null)

    # --- tables -----------------------------------------------------------------------

    def test_table(self, bootstrap: str | None = None) -> ThresholdTestTable:
        """Return a table of the tests for a single, double and triple threshold.

        Parameters
        ----------
        bootstrap : str, optional
            Bootstrap of the tests. The default is the first.

        Returns
        -------
        ThresholdTestTable
            A table for `etable` with one row per test, including the one that stopped
            "auto": thresholds of the model that is tested, statistic, p-value, number
            of draws, and critical values at 10, 5 and 1%. Thresholds are estimated
            again with each further one, so that of the single-threshold model is
            another than those of the final model. Tables of several threshold
            variables are combined by
            ``stack_tables({variable: results.test_table(), ...})``.

        Raises
        ------
        OptionError
            If there are no tests, or none by this bootstrap.
        """
        if not self.bootstrap:
            raise option_error(
                "bootstrap",
                bootstrap,
                "test_table: nothing was tested (given thresholds, or bootstrap=None). "
                "Fit with a bootstrap.",
            )
        check_option("bootstrap", bootstrap, (None, *self.bootstrap))
        name, tests = bootstrap or self.bootstrap[0], self.tests
        by_name = tests[tests["bootstrap"] == name].set_index("threshold")
        return ThresholdTestTable(
            by_name.assign(reps=self.reps),
            self.threshold_variable,
            name,
            self.labels,
            self.factors,
            self.level,
            regime_intercept="intercept" in self.split_names,
        )

    @property
    def regime_bounds(self) -> tuple[Regime, ...]:
        """Regimes in ascending order, with their bounds."""
        edges = [-math.inf, *np.sort(self.estimates).tolist(), math.inf]
        return tuple(
            Regime(
                self.threshold_variable, number, len(edges) - 1, lower, upper, self.rule
            )
            for number, (lower, upper) in enumerate(pairwise(edges), start=1)
        )

    @property
    def terms(self) -> tuple[Term, ...]:
        """Description of each slope, with its regime."""
        regimes = self.regime_bounds
        by_name = {f"regime{regime.number}": regime for regime in regimes}
        split = self.split_names or self.regime_dependent
        # A column may have the name of the intercepts
        intercept = "" if "intercept" in self.regime_dependent else "intercept"
        several = by_name if len(regimes) > 1 else {}
        return self._terms_by_regime(split, several, intercept)

    @property
    def terms_in_every_regime(self) -> list[str]:
        """Terms with a slope in every regime.

        Not the intercept, which is zero in the highest regime.
        """
        counts = Counter(term.base for term in self.terms if term.regime is not None)
        width = self.estimates.size + 1
        return [base for base, count in counts.items() if count == width]

    def table_columns(self, level: float = 0.95) -> tuple[Column, ...]:
        """Return the column of a table: slopes, thresholds, sets and tests.

        Sets are confidence sets, tests those of the first bootstrap.

        Parameters
        ----------
        level : float
            Confidence level of the intervals of the slopes, .95 by default.

        Returns
        -------
        tuple of Column
            One column.
        """
        first: Any = self._first_tests()
        tests = [
            ParameterTest(
                t.statistic,
                "first" if t.threshold == 1 else "later",
                t.value,
                t.p_value,
                t.threshold,
            )
            for t in first.itertuples()
        ]
        n_estimated = self.estimates.size
        block = ParameterBlock(
            kind="step",
            variable=self.threshold_variable,
            parameters=tuple(
                # Given thresholds have no confidence set.
                threshold_parameter(
                    value,
                    [] if self.given else self.confidence_set(j),
                    tests[j - 1 : j],
                    "" if self.given else self._ends_reached(j),
                )
                for j, value in enumerate(self.estimates.tolist(), start=1)
            ),
            level=self.level,
            fixed=self.given,
            drawn=self.bootstrap[0] if tests else "",
            reps=self.reps,
            confidence=self.confidence,
            refused=tests[n_estimated] if len(tests) > n_estimated else None,
        )
        return (self._table_column(self.terms, block, level),)

    # --- words ------------------------------------------------------------------------

    def _summary(self) -> Summary:
        m = self.estimates.size
        subject = (
            f"Slope of {', '.join(self.regime_dependent)} by "
            f"{self.threshold_variable}: "
            f"{counted(m, 'threshold') if m else 'no threshold kept'}"
            f"{' (given)' if self.given else ''}"
        )
        lines = [
            line
            for j in range(self.statistics.size)
            for line in self._threshold_lines(j)
        ]
        # Concentration that is common by chance is recorded, but not printed.
        printed = [
            notice
            for notice in self.diagnostics
            if notice.code != "concentration"
            or (notice.data["high"] and notice.data["threshold"] <= m)
        ]
        conditions = [
            regime.between(
                self.threshold_variable,
                *(number_text(end, 5) for end in (regime.lower, regime.upper)),
            )
            for regime in self.regime_bounds
        ]
        return self._build_summary(
            subject,
            lines,
            conditions if m else ["all rows"],
            printed,
            first_column="regime",
            below=self._slope_lines(),
        )

    def _slope_lines(self) -> list[str]:
        if not self.slopes_in_sets:
            return []
        by_regime = [term.name for term in self.terms if term.regime is not None]
        ends: Any = self.slope_intervals().loc[by_regime].itertuples()
        texts = (
            f"{row.Index} [{number_text(row.conf_low)}, {number_text(row.conf_high)}]"
            for row in ends
        )
        thresholds, sets = "the threshold", "its 80% set"
        if self.estimates.size > 1:
            thresholds, sets = "thresholds", "their 80% sets"
        text = f"These intervals take {thresholds} as known. Over {sets} (Hansen 2000)"
        return wrapped([f"{text} they are: {', '.join(texts)}."])

    def _options_text(self, denominator: str) -> str:
        trims = ", ".join(f"{t:g}".removeprefix("0") for t in dict.fromkeys(self.trim))
        grid = "every candidate" if self.grid is None else f"grid {self.grid}"
        grid += ", best pair" if self.search == "joint" else ""
        drawn_names = [
            *self.bootstrap,
            *(["wild signs for the sets"] if self.lr_bounds.size else []),
        ]
        draws_text = (
            f"; {' and '.join(drawn_names)}, {self.reps:,} draws; rng "
            f"{self.rng_entropy}"
        )
        return (
            f"low regime {self.rule} threshold; trim {trims}; {grid}; sets "
            f"{self.confidence}; {denominator}{draws_text if drawn_names else ''}"
        )

    def _more_numbers(self) -> dict[str, Any]:
        search = ("given", "rule", "level", "confidence", "trim", "grid", "search")
        options = (*search, "bootstrap", "reps")
        return {
            "model": self._model,
            "threshold_variable": self.threshold_variable,
            "regime_dependent": self.regime_dependent,
            "thresholds": self.thresholds.reset_index().to_dict("records"),
            "ssr": self.ssr.tolist(),
            "confidence_sets": [
                self.confidence_set(j + 1) for j in range(self.estimates.size)
            ],
            "tests": self.tests.to_dict("records"),
            **self._shared_numbers(options),
        }

    # --- inside -----------------------------------------------------------------------

    def _ends_reached(self, threshold: int) -> str:
        """Return which ends of the search a threshold's set includes."""
        candidates = self.profile(threshold)["gamma"].to_numpy()
        return ends_reached(self.confidence_set(threshold), candidates)

    def _first_tests(self) -> pd.DataFrame:
        """Select the tests by the first bootstrap."""
        tests = self.tests
        return tests[tests["bootstrap"].isin(self.bootstrap[:1])]

    def _time_name(self, caller: str) -> str:
        """Return the name of the time key, or refuse a cross-section."""
        time_name = self.slopes.key_names[1]
        if time_name is None:
            raise PanelIndexError(
                f"{caller}: needs a time key, but this is a cross-section."
            )
        return time_name

    def _rows_by_regime(self, level: int) -> pd.DataFrame:
        """Count the rows of each regime by entity (level 0) or period (1)."""
        width = self.estimates.size + 1
        keys = self.slopes.index.get_level_values(level)
        names = [self.slopes.key_names[level]]
        counts = pd.crosstab(keys, self.regime_codes, rownames=names)
        regimes = pd.RangeIndex(1, width + 1, name="regime")
        return counts.reindex(columns=regimes, fill_value=0)

    def _lr_bound(self, j: int, method: str | None) -> Floats:
        word = self.confidence if method is None else method
        check_option("method", word, _CRITERIA)
        if word == "bootstrap":
            if not self.lr_bounds.size:
                raise OptionError(
                    "method='bootstrap': no bootstrap critical value is available; set "
                    "PanelThreshold(..., confidence='bootstrap') with "
                    "estimated thresholds."
                )
            return np.asarray(self.lr_bounds[j])
        bound = critical_lr(self.level)
        # An exact fit has no variance ratio, and excludes all other candidates.
        if word == "scaled" and not np.isnan(self.variance_ratios[j]):
            bound *= float(self.variance_ratios[j])
        return np.full(self.candidates.size, bound)

    def _position(self, threshold: int) -> int:
        m = self.estimates.size
        if m == 0:
            raise OptionError(
                "no threshold was kept; `tests` has the test that stopped the search. "
                "Fit with n_thresholds=1 to have the profile and the confidence set "
                "of the best threshold."
            )
        return check_whole("threshold", threshold, 1, m) - 1

    def _threshold_lines(self, j: int) -> list[str]:
        if j >= self.estimates.size:
            return [f"Threshold {j + 1}: tested and not retained", *self._test_lines(j)]
        name, reach = "confidence set", self._ends_reached(j + 1)
        if self.given:
            name, reach = "set of values whose fit is not significantly worse", ""
        lines = wrapped(
            [
                f"Threshold {j + 1}: {number_text(self.estimates[j], 5)}; "
                f"{percent_text(self.level)} {name} ({self.confidence}): "
                f"{set_text(self.confidence_set(j + 1), reach)}"
            ]
        )
        if self.confidence == "scaled":
            for text in self._variance_ratio_lines(j):
                lines += wrap(
                    f"  {text}", 80, subsequent_indent="    ", break_long_words=False
                )
        return [*lines, *self._test_lines(j)]

    def _test_lines(self, j: int) -> list[str]:
        lines = list[str]()
        null = "H0 no threshold" if j == 0 else f"H0 {counted(j, 'threshold')}"
        estimates = self.stage_estimates[j]
        if not set(estimates) <= set(self.estimates.tolist()):
            null += f" against {' and '.join(number_text(e, 5) for e in estimates)}"
        tests: Any = self.tests[self.tests["threshold"] == j + 1]
        for test in tests.itertuples():
            critical = ", ".join(f"{getattr(test, name):.2f}" for name in _CRITICAL)
            lines += [
                f"{self._verdict(null, test.p_value)} ({test.statistic} = "
                f"{test.value:z.2f}, p = {test.p_value:.4f}, {test.bootstrap},",
                f"    critical at 10, 5, 1%: {critical})",
            ]
            # Given thresholds have no tests
            if j < self.estimates.size and not rejects(test.p_value, self.level):
                text = (
                    "  If there is no such threshold, its set is not identified, and "
                    "intervals of slopes that take it as known are too short: the "
                    "search takes the value where slopes differ most."
                )
                lines += wrap(text, 80, subsequent_indent="    ")
        if not lines:
            reason = "no test of given thresholds" if self.given else NO_BOOTSTRAP
            lines.append(f"  {null}: F = {self.statistics[j]:z.2f}, {reason}")
        return lines

    def _variance_ratio_lines(self, j: int) -> list[str]:
        """Describe the variance ratio, and the set without it."""
        ratio, critical = float(self.variance_ratios[j]), critical_lr(self.level)
        if np.isnan(ratio):
            return []
        bound = critical * ratio
        explanation = (
            f"Variance ratio {ratio:.2f}: LR <= {critical:.2f} x {ratio:.2f} "
            f"= {bound:.1f}"
        )
        if self._ends_reached(j + 1) == "whole":
            largest = f"the largest LR, {self.profile(j + 1)['lr'].max():.1f}"
            if self.estimates.size == 1 and bound > self.statistics[j]:
                largest = f"F = {self.statistics[j]:.1f}"
            explanation += (
                f"; the set contains every candidate, because {bound:.1f} > {largest}"
            )
        lr_set = self.confidence_set(j + 1, method="lr")
        sets_equal = lr_set == self.confidence_set(j + 1)
        text = "the same" if sets_equal else set_text(lr_set)
        return [
            explanation,
            f"Set for homoskedastic errors (lr, LR <= {critical:.2f}): {text}",
        ]


@dataclass(frozen=True, slots=True, eq=False)
class ThresholdTestTable:
    """Tests of one threshold more, a row each, with bootstrap critical values.

    Made by `ThresholdResults.test_table`; `etable` prints it. `frame` is indexed by the
    number of thresholds under the alternative: estimates, statistic, value, p_value,
    reps, crit_10, crit_5, crit_1. Notes say if no test rejects at 1 - `level`, and if
    each regime has an intercept.
    """

    frame: pd.DataFrame
    variable: str
    bootstrap: str
    labels: Mapping[str, str] = field(default_factory=dict)
    factors: Factors = field(default_factory=dict)
    level: float = 0.95
    regime_intercept: bool = False

    def __repr__(self) -> str:
        columns = ["estimates", "statistic", "value", "p_value", "reps", *_CRITICAL]
        return self.frame[columns].round(3).to_string()

    # The argument `level` is that of all results
    def table_columns(self, level: float = 0.95) -> tuple[Column, ...]:  # noqa: ARG002
        """Return columns with thresholds, statistics, p-values and critical values."""
        statistic = str(self.frame["statistic"].iloc[0])
        heads = {"estimates": "estimates", statistic: "value"}
        heads |= {"p_value": "p_value", "draws": "reps"}
        estimates = ["; ".join(map(number_text, e)) for e in self.frame["estimates"]]
        frame = self.frame.assign(estimates=estimates)
        critical = {"10%": "crit_10", "5%": "crit_5", "1%": "crit_1"}
        rows = [
            _ROWS.get(int(count), f"{count} thresholds") for count in self.frame.index
        ]
        p_values = self.frame["p_value"].dropna()
        remarks = []
        if len(p_values) and not any(rejects(p, self.level) for p in p_values):
            size = percent_text(1 - self.level)
            remarks.append(Remark("none", {"size": (size,)}))
        if self.regime_intercept:
            remarks.append(Remark("tests.intercepts", {}))
        return tuple(
            Column(
                head,
                cells={
                    row: PlainCell(head, value)
                    for row, value in zip(rows, frame[name].tolist(), strict=True)
                },
                over="critical" if head in critical else None,
                labels=self.labels,
                factors=self.factors,
                words=WORDS,
                whole=Remark(f"tests.{self.bootstrap}", {"variable": (self.variable,)}),
                set_notes=tuple(remarks),
            )
            for head, name in {**heads, **critical}.items()
        )
