"""Results of panel threshold regression."""

from __future__ import annotations

from dataclasses import dataclass, replace
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from digiprosper.errors import (
    ColumnError,
    OptionError,
    PanelIndexError,
    check_option,
    check_whole,
    cited,
    counted,
    quoted,
)
from digiprosper.kernels.tolerances import SAME_STATISTIC
from digiprosper.report.columns import Block, Drawn, ParameterTest
from digiprosper.report.pickling import PickledByName
from digiprosper.report.summary import (
    Cells,
    Lines,
    PlainNumbers,
    Remarks,
    Summarised,
    Summary,
    coefficient_cells,
)
from digiprosper.report.text import sample_text
from digiprosper.report.verdicts import rejects
from digiprosper.threshold.columns import (
    is_whole,
    slopes_by_regime,
    slopes_column,
    step_regimes,
    threshold_with,
)
from digiprosper.threshold.groups import ThresholdFields
from digiprosper.threshold.tests_table import table_of_tests

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digiprosper.errors import Notice
    from digiprosper.kernels import Floats
    from digiprosper.linear.results import LinearResults
    from digiprosper.report.columns import Column
    from digiprosper.report.terms import Regime, Term
    from digiprosper.report.tests import TestResult
    from digiprosper.threshold.groups import (
        ThresholdBounded,
        ThresholdSearched,
        ThresholdSplit,
        ThresholdTested,
    )
    from digiprosper.threshold.tests_table import ThresholdTestTable

_CRITERIA = ("lr", "scaled", "bootstrap")
_CRITICAL = {"crit_10": 0.9, "crit_5": 0.95, "crit_1": 0.99}


def critical_lr(level: float) -> float:
    """Compute the critical value of the likelihood ratio of a threshold (Hansen 1999, eq. 15).

    ``-2 log(1 - sqrt(level))``: 5.94, 7.35, 10.59 at .90, .95, .99. (The 6.53 printed there for .90 is that
    of .925; Hansen 2000, table I, has 5.94.)
    """
    return float(-2 * np.log(1 - np.sqrt(level)))


def bootstrap_p(statistic: float, draws: Floats) -> float:
    """Compute the bootstrap p-value ``(1 + #{F* >= F}) / (B + 1)``, which is never zero.

    Missing draws are left out; without a statistic there is no p-value.
    """
    finite = draws[np.isfinite(draws)]
    if not np.isfinite(statistic):
        return float("nan")
    return (1 + int((finite >= statistic * (1 - SAME_STATISTIC)).sum())) / (finite.size + 1)


def runs(values: Floats, accepted: np.ndarray[Any, np.dtype[np.bool_]]) -> list[tuple[float, float]]:
    """Join neighbouring accepted values, in ascending order, into intervals."""
    edges = np.diff(np.concatenate([[0], accepted.astype(np.int8), [0]]))
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1
    return [(float(values[a]), float(values[b])) for a, b in zip(starts, ends, strict=True)]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ThresholdResults(ThresholdFields, Summarised, PickledByName):
    """Results of panel threshold regression, made by `PanelThreshold.fit`.

    Thresholds, regimes and confidence sets are those of the refined model. `ssr` and F are those of the
    search for each threshold. The results keep row labels and the regime of each row, but no other data.

    Parameters
    ----------
    threshold_variable : str
        Term that splits the sample.
    regime_dependent : tuple of str
        Terms whose slopes depend on the regime.
    slopes : LinearResults
        Linear regression with these thresholds. It has terms such as ``"x:regime1"``, where regime 1 has the
        lowest values of the threshold variable, then the terms of `x`. Its standard errors take the
        thresholds as known.
    searched : ThresholdSearched
        Thresholds and sums of squared residuals.
    tested : ThresholdTested
        Test statistics and their draws.
    bounded : ThresholdBounded
        Bounds of the likelihood ratio in the confidence sets.
    split : ThresholdSplit
        Regime of each row.
    diagnostics : tuple of Notice
        Remarks about the data and the fit.

    Notes
    -----
    The fields of these groups are also attributes of the results: `estimates`, `level` and so on.

    Examples
    --------
    >>> from digiprosper import PanelThreshold, datasets
    >>> panel, truth = datasets.simulate_provinces()
    >>> found = PanelThreshold("rural_income", "digital", "urban", ["urban", "fiscal"]).fit(panel, rng=2026)
    >>> found.slopes.names
    ('digital:regime1', 'digital:regime2', 'urban', 'fiscal')
    >>> bool(found.regimes["nobs"].sum() == found.slopes.nobs)
    True
    >>> [low <= truth.threshold <= high for low, high in found.confidence_set(1)]
    [True]
    """

    threshold_variable: str
    regime_dependent: tuple[str, ...]
    slopes: LinearResults
    searched: ThresholdSearched
    tested: ThresholdTested
    bounded: ThresholdBounded
    split: ThresholdSplit
    diagnostics: tuple[Notice, ...]

    # --- thresholds ---------------------------------------------------------------------------------------

    @property
    def thresholds(self) -> pd.DataFrame:
        """Thresholds with intervals and tests, one row per threshold in the order found, numbered from 1.

        Columns are estimate; conf_low and conf_high (the ends of the confidence set, which can have gaps, see
        `confidence_set`); ssr and F; p_value and the critical values crit_10, crit_5 and crit_1 of the first
        bootstrap; statistic ("F", or "score" for "wild_score") and value, the statistic that they refer to.
        """
        m = self.estimates.size
        hulls = np.full((m, 2), np.nan)
        for j in range(m):
            pieces = self.confidence_set(j + 1)
            if pieces:
                hulls[j] = pieces[0][0], pieces[-1][1]
        columns: dict[str, Any] = {
            "estimate": self.estimates,
            "conf_low": hulls[:, 0],
            "conf_high": hulls[:, 1],
            "ssr": self.search_ssr[1 : m + 1],
            "F": self.statistics[:m],
        }
        index = pd.RangeIndex(1, m + 1, name="threshold")
        frame = pd.DataFrame(columns, index=index)
        tested = self.tests[self.tests["bootstrap"] == self.bootstrap[0]] if self.bootstrap else self.tests
        tested = tested.set_index("threshold").reindex(index)
        for name in ("p_value", *_CRITICAL):
            frame[name] = tested[name].astype(float)
        frame["statistic"] = tested["statistic"]
        frame["value"] = tested["value"].astype(float)
        return frame

    @property
    def statistics(self) -> Floats:
        """F statistic of each tested threshold j: ``(S_0 / S_j - 1) df``.

        S_0 and S_j are the sums of squared residuals under the null hypothesis and with the threshold.
        """
        return np.asarray((self.null_ssr / self.search_ssr[1:] - 1) * self.df)

    @property
    def ssr(self) -> pd.Series[float]:
        """Sums of squared residuals of the sequential search, indexed by the number of thresholds from 0."""
        index = pd.RangeIndex(self.estimates.size + 1, name="thresholds")
        return pd.Series(self.search_ssr[: index.size], index=index, name="ssr")

    @property
    def tests(self) -> pd.DataFrame:
        """Tests of the thresholds, one row per threshold and bootstrap.

        With "auto" the last test, which did not reject, is included. Columns are threshold, bootstrap, F
        (missing for a score test), p_value, crit_10, crit_5, crit_1, statistic ("F" or "score") and value (of
        the statistic).
        """
        rows = []
        for j, f in enumerate(self.statistics):
            for b, name in enumerate(self.bootstrap):
                draws, value = self.statistic_draws[b, j], float(self.statistic_values[b, j])
                finite = draws[np.isfinite(draws)]
                critical = np.quantile(finite, list(_CRITICAL.values())) if finite.size else [np.nan] * 3
                score = name == "wild_score"
                numbers = [np.nan if score else f, bootstrap_p(value, draws), *critical]
                rows.append([j + 1, name, *numbers, "score" if score else "F", value])
        names = ["threshold", "bootstrap", "F", "p_value", *_CRITICAL, "statistic", "value"]
        return pd.DataFrame(rows, columns=names)

    def profile(self, threshold: int = 1, *, method: str | None = None) -> pd.DataFrame:
        """Return the likelihood ratio for all values of one threshold, with the other thresholds constant.

        Parameters
        ----------
        threshold : int
            Number of the threshold in the order found, 1 by default.
        method : {"lr", "scaled", "bootstrap"}, optional
            Bound of the likelihood ratio; see `critical_value`. The default is `confidence` of the
            specification.

        Returns
        -------
        DataFrame
            One row per admissible candidate. Columns are gamma (the value), ssr, lr and critical, where
            ``lr = (ssr / min ssr - 1) df``. The confidence set has the candidates with lr up to critical. If
            the threshold is given, its ssr replaces the minimum, so lr can be negative. Between two
            candidates the ssr does not change.

        Raises
        ------
        OptionError
            If there is no such threshold, or there are no draws for ``"bootstrap"``.
        """
        j = self._position(threshold)
        allowed = np.isfinite(self.profiles[j])
        ssr = self.profiles[j][allowed]
        min_ssr = self.fit_ssr if self.given else ssr.min()
        lr, bound = (ssr / min_ssr - 1) * self.df, self._bound(j, method)[allowed]
        return pd.DataFrame({"gamma": self.candidates[allowed], "ssr": ssr, "lr": lr, "critical": bound})

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
            ``"lr"`` is ``-2 log(1 - sqrt(level))`` (Hansen 1999, eq. 15). ``"scaled"`` multiplies it by the
            variance ratio at the threshold (Hansen 2000, section 3.4). ``"bootstrap"`` is a quantile of draws
            in which the candidate is the true threshold. It differs between candidates: this is the bound at
            the estimate, and `profile` has all.

        Raises
        ------
        OptionError
            If there is no such threshold, or there are no draws for ``"bootstrap"``.
        """
        j = self._position(threshold)
        return float(np.interp(self.estimates[j], self.candidates, self._bound(j, method)))

    def confidence_set(self, threshold: int = 1, *, method: str | None = None) -> list[tuple[float, float]]:
        """Return the confidence set of a threshold: all candidates with a likelihood ratio up to the bound.

        Parameters
        ----------
        threshold : int
            Number of the threshold in the order found, 1 by default.
        method : {"lr", "scaled", "bootstrap"}, optional
            Type of the bound, see `critical_value`. The default is `confidence` of the specification.
            ``"lr"`` assumes equal variances and no serial correlation (Hansen 1999, theorem 1). ``"scaled"``
            allows for another variance at the threshold. ``"bootstrap"`` allows for both.

        Returns
        -------
        list of (low, high)
            Intervals of neighbouring candidates of `profile`, in ascending order. Often there are several.

        Raises
        ------
        OptionError
            If there is no such threshold, or there are no draws for ``"bootstrap"``.
        """
        profile = self.profile(threshold, method=method)
        accepted = profile["lr"].to_numpy() <= profile["critical"].to_numpy()
        return runs(profile["gamma"].to_numpy(), accepted)

    # --- regimes ------------------------------------------------------------------------------------------

    @property
    def regimes(self) -> pd.DataFrame:
        """Regimes in ascending order: lower, upper, nobs, n_entities.

        n_entities is the number of entities with at least one row in the regime.
        """
        cuts = np.sort(self.estimates)
        bounds = {"lower": np.append(-np.inf, cuts), "upper": np.append(cuts, np.inf)}
        sizes = {"nobs": self.regime_sizes[:, 0], "n_entities": self.regime_sizes[:, 1]}
        return pd.DataFrame({**bounds, **sizes}, index=pd.RangeIndex(1, cuts.size + 2, name="regime"))

    @property
    def regime(self) -> pd.Series[int]:
        """Regime of each row of the estimation sample, 1 for the lowest values."""
        return pd.Series(self.regime_codes, index=self.slopes.index, name="regime")

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
        name = self.slopes.key_names[1]
        if name is None:
            raise PanelIndexError("regime_by_time needs a time key, but this is a cross-section.")
        times = self._key(1)
        codes, levels = pd.factorize(times, sort=True)
        width = self.estimates.size + 1
        counts = np.bincount(codes * width + self.regime_codes - 1, minlength=width * len(levels))
        columns = pd.RangeIndex(1, width + 1, name="regime")
        return pd.DataFrame(counts.reshape(-1, width), index=pd.Index(levels, name=name), columns=columns)

    def regime_by_entity(self) -> pd.DataFrame:
        """Return the regimes of each entity and when they change.

        Returns
        -------
        DataFrame
            One row per entity. There is one column per regime with the number of rows in it. first and last
            are the regimes of the first and the last row. crossings is the number of changes of the regime,
            and first_crossing the period of the first change, missing if there is none.

        Raises
        ------
        PanelIndexError
            If the data are a cross-section.
        """
        moves = self.crossings()
        entity = self._key(0)
        codes, levels = pd.factorize(entity, sort=True)
        width = self.estimates.size + 1
        counts = np.bincount(codes * width + self.regime_codes - 1, minlength=width * len(levels))
        index = pd.Index(levels, name=self.slopes.key_names[0])
        frame = pd.DataFrame(counts.reshape(-1, width), index=index, columns=range(1, width + 1))
        frame.columns.name = None
        rows = self.regime.groupby(level=0, sort=True)
        frame["first"], frame["last"] = rows.first().to_numpy(), rows.last().to_numpy()
        by_entity = moves.groupby(moves.columns[0], sort=True)[moves.columns[1]]
        frame["crossings"] = by_entity.size().reindex(index, fill_value=0)
        frame["first_crossing"] = by_entity.first().convert_dtypes().reindex(index)
        return frame

    def crossings(self) -> pd.DataFrame:
        """Return all changes of the regime of an entity from one row to the next.

        Returns
        -------
        DataFrame
            One row per change. The first two columns have the names of the keys: the entity, and the first
            period in the new regime. The others are from_regime and to_regime. Gaps in time are ignored.

        Raises
        ------
        PanelIndexError
            If the data are a cross-section.
        """
        entity_name, time_name = self.slopes.key_names
        if time_name is None:
            raise PanelIndexError("crossings need a time key, but this is a cross-section.")
        entity, time, codes = self._key(0), self._key(1), self.regime_codes
        same = np.asarray(entity[1:] == entity[:-1])
        at = np.flatnonzero(same & (codes[1:] != codes[:-1])) + 1
        columns = {entity_name: entity[at], time_name: time[at]}
        return pd.DataFrame({**columns, "from_regime": codes[at - 1], "to_regime": codes[at]})

    def equality(self, term: str | None = None) -> TestResult:
        """Test that slopes are equal in all regimes, with the thresholds taken as known.

        This is not a test of whether there is a threshold, for which the F statistic is too large; see
        `tests`.

        Parameters
        ----------
        term : str, optional
            A regime-dependent term. The default is all of them jointly, without the intercepts of
            `regime_intercept`.

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
            raise OptionError("equality: no threshold was kept, so there is one regime.")
        split_terms = self.terms_in_every_regime
        terms = split_terms if term is None else [term]
        if term is not None and term not in split_terms:
            raise ColumnError(
                f"{cited(term)} has no slopes by regime; those that have are {quoted(split_terms)}."
            )
        pairs = [(f"{t}:regime1", f"{t}:regime{r}") for t in terms for r in range(2, width + 1)]
        test = self.slopes.wald_test(", ".join(f"{a} = {b}" for a, b in pairs))
        term_text = " and ".join(terms)
        return replace(
            test,
            name="Equal slopes",
            null=f"{term_text}: the same in every regime, thresholds treated as known",
        )

    # --- tables -------------------------------------------------------------------------------------------

    def test_table(self, bootstrap: str | None = None) -> ThresholdTestTable:
        """Return a table of the tests for a single, double and triple threshold.

        Parameters
        ----------
        bootstrap : str, optional
            Bootstrap of the tests. The default is the first.

        Returns
        -------
        ThresholdTestTable
            A table for `etable` with one row per test, including the one that stopped "auto": statistic,
            p-value, number of draws, and critical values at 10, 5 and 1%.
            ``stack_tables({variable: results.test_table(), ...})`` combines tables of several threshold
            variables.

        Raises
        ------
        OptionError
            If there are no tests, or none by this bootstrap.
        """
        slopes = self.slopes
        variable, reps = self.threshold_variable, self.reps
        return table_of_tests(self.tests, variable, reps, bootstrap, slopes.labels, slopes.factors)

    @property
    def regime_bounds(self) -> tuple[Regime, ...]:
        """Regimes in ascending order, with their bounds."""
        return step_regimes(self.threshold_variable, self.estimates.tolist(), self.rule)

    @property
    def terms(self) -> tuple[Term, ...]:
        """Description of each slope, with its regime."""
        regimes = self.regime_bounds
        named = {f"regime{regime.number}": regime for regime in regimes}
        split = self.split_names or self.regime_dependent
        return slopes_by_regime(self.slopes, split, named if len(regimes) > 1 else {})

    @property
    def terms_in_every_regime(self) -> list[str]:
        """Terms with a slope in every regime (not the intercept, which is zero in the highest regime)."""
        slopes = [term for term in self.terms if term.regime is not None]
        bases = dict.fromkeys(term.base for term in slopes)
        width = self.estimates.size + 1
        return [base for base in bases if sum(term.base == base for term in slopes) == width]

    def table_columns(self, level: float = 0.95) -> tuple[Column, ...]:
        """Return the column of a table: slopes, thresholds, confidence sets and tests of the first bootstrap.

        Parameters
        ----------
        level : float
            Confidence level of the intervals of the slopes, .95 by default.

        Returns
        -------
        tuple of Column
            One column.
        """
        tests, n_estimated = self._headline_tests, self.estimates.size
        block = Block(
            kind="step",
            variable=self.threshold_variable,
            parameters=tuple(
                # What was not estimated has no set: its LR only compares other values with it.
                threshold_with(
                    value,
                    [] if self.given else self.confidence_set(j),
                    tests[j - 1 : j],
                    whole=not self.given and self._contains_every_candidate(j),
                )
                for j, value in enumerate(map(float, self.estimates), start=1)
            ),
            level=self.level,
            given=self.given,
            drawn=Drawn(self.reps, self.bootstrap[0]) if tests else None,
            confidence=self.confidence,
            refused=tests[n_estimated] if len(tests) > n_estimated else None,
        )
        return (slopes_column(self.slopes, self.terms, block, level),)

    # --- words --------------------------------------------------------------------------------------------

    def _summary(self) -> Summary:
        slopes, m = self.slopes, self.estimates.size
        threshold_lines = [line for j in range(self.statistics.size) for line in self._threshold_words(j)]
        regimes = [
            [self._condition(r), f"{size[0]:,}", f"{size[1]:,}"]
            for r, size in enumerate(self.regime_sizes, 1)
        ]
        printed = [n for n in self.diagnostics if not self._is_small_print(n)]
        return Summary(
            type=type(self).__name__,
            title=f"Outcome: {slopes.depvar}",
            blocks=(
                Lines(
                    (
                        f"Slope of {', '.join(self.regime_dependent)} by {self.threshold_variable}: "
                        f"{counted(m, 'threshold') if m else 'no threshold kept'}"
                        f"{' (given)' if self.given else ''}",
                        f"Effects: {', '.join(slopes.effect_names) or 'none (intercept)'}",
                        sample_text(slopes.nobs, slopes.n_entities, slopes.n_times, slopes.key_names),
                        "",
                        *threshold_lines,
                        "",
                    )
                ),
                Cells.of(["regime", "rows", slopes.key_names[0]], regimes),
                Lines(("",)),
                coefficient_cells(slopes.tidy()),
                Remarks.of(printed),
            ),
            notices=self.diagnostics,
            conventions=self.conventions,
            settings=self.settings,
            version=slopes.version,
        )

    @property
    def conventions(self) -> str:
        """Type of the standard errors of the slopes."""
        return self.slopes.conventions

    @property
    def settings(self) -> str:
        """Options of the search and the tests, and the seed of the draws."""
        trims = ", ".join(f"{t:g}".removeprefix("0") for t in dict.fromkeys(self.trim))
        denominator = "N - n" if self.df_rule == "hansen" else "T (n - 1)"
        if not self.slopes.effect_names or self.slopes.key_names[0] not in self.slopes.effect_names:
            denominator = "N - 1"
        grid = "every candidate" if self.grid is None else f"grid {self.grid}"
        grid += ", best pair" if self.search == "joint" else ""
        drawn_names = [*self.bootstrap, *(["wild signs for the sets"] if self.lr_bounds.size else [])]
        drawn = f"; {' and '.join(drawn_names)}, {self.reps:,} draws; rng {self.rng_entropy}"
        counted_k = f"{self.slopes.settings}; " if self.slopes.settings else ""
        return (
            f"{counted_k}low regime {self.rule} threshold; trim {trims}; {grid}; sets {self.confidence}; "
            f"F and LR over {denominator} = {self.df:g} (df {self.df_rule}){drawn if drawn_names else ''}"
        )

    def _numbers(self) -> PlainNumbers:
        sets = [self.confidence_set(j + 1) for j in range(self.estimates.size)]
        numbers = {
            "model": "PanelThreshold",
            "threshold_variable": self.threshold_variable,
            "regime_dependent": self.regime_dependent,
            "thresholds": self.thresholds.reset_index().to_dict("records"),
            "ssr": self.ssr.tolist(),
            "confidence_sets": sets,
            "tests": self.tests.to_dict("records"),
            "regimes": self.regimes.reset_index().to_dict("records"),
            "options": {
                "given": self.given,
                "rule": self.rule,
                "df": self.df_rule,
                "level": self.level,
                "confidence": self.confidence,
                "trim": self.trim,
                "grid": self.grid,
                "search": self.search,
                "bootstrap": self.bootstrap,
                "reps": self.reps,
            },
            "denominator": self.df,
            "rng_entropy": self.rng_entropy,
            "slopes": self.slopes.to_dict(),
        }
        return PlainNumbers(labels=self.slopes.labels, more=numbers)

    # --- inside -------------------------------------------------------------------------------------------

    def _contains_every_candidate(self, threshold: int) -> bool:
        """Whether the confidence set of a threshold is the whole range of several candidates."""
        candidates = self.profile(threshold)["gamma"].to_numpy()
        return is_whole(self.confidence_set(threshold), candidates)

    @property
    def _headline_tests(self) -> list[ParameterTest]:
        if not self.bootstrap:
            return []
        frame = self.tests
        columns = ["threshold", "statistic", "value", "p_value"]
        rows = frame.loc[frame["bootstrap"] == self.bootstrap[0], columns]
        return [
            ParameterTest(str(statistic), "threshold", float(value), float(p), int(number))
            for number, statistic, value, p in rows.itertuples(index=False, name=None)
        ]

    def _bound(self, j: int, method: str | None) -> Floats:
        word = self.confidence if method is None else method
        check_option("method", word, _CRITERIA)
        if word == "bootstrap":
            if not self.lr_bounds.size:
                raise OptionError(
                    "method='bootstrap': no bootstrap critical value is available; set "
                    "PanelThreshold(..., confidence='bootstrap') with estimated thresholds."
                )
            return np.asarray(self.lr_bounds[j])
        ratio = float(self.variance_ratios[j]) if word == "scaled" else 1.0
        # An exact fit has no variance to compare: any other candidate is out.
        return np.full(self.candidates.size, critical_lr(self.level) * (1.0 if np.isnan(ratio) else ratio))

    def _key(self, level: int) -> pd.Index[Any]:
        return self.slopes.index.get_level_values(level)

    def _position(self, threshold: int) -> int:
        m = self.estimates.size
        if m == 0:
            raise OptionError(
                "no threshold was kept; `tests` has the test that stopped the search. Fit with "
                "n_thresholds=1 to have the profile and the confidence set of the best threshold."
            )
        return check_whole("threshold", threshold, 1, m) - 1

    def _condition(self, regime: int) -> str:
        cuts = [f"{c:.5g}" for c in np.sort(self.estimates)]
        if not cuts:
            return "all rows"
        above, other = (">", "<") if self.rule == "<=" else (">=", "<=")
        if regime == 1:
            return f"{self.threshold_variable} {self.rule} {cuts[0]}"
        if regime > len(cuts):
            return f"{self.threshold_variable} {above} {cuts[-1]}"
        return f"{cuts[regime - 2]} {other} {self.threshold_variable} {self.rule} {cuts[regime - 1]}"

    def _threshold_words(self, j: int) -> list[str]:
        scaled_lines = list[str]()
        if j < self.estimates.size:
            text = _set_text(self.confidence_set(j + 1))
            if not self.given and self._contains_every_candidate(j + 1):
                text += ", every candidate"
            set_name = (
                "set of values whose fit is not significantly worse" if self.given else "confidence set"
            )
            kind = f"{100 * self.level:g}% {set_name} ({self.confidence})"
            first = f"Threshold {j + 1}: {self.estimates[j]:.5g}; {kind}: {text}"
            scaled_lines = self._scaled_words(j) if self.confidence == "scaled" else []
        else:
            first = f"Threshold {j + 1}: tested and not retained"
        lines = wrap(first, 80, subsequent_indent="  ", break_long_words=False)
        for text in scaled_lines:
            lines += wrap(text, 80, initial_indent="  ", subsequent_indent="    ", break_long_words=False)
        return [*lines, *self._test_words(j)]

    def _test_words(self, j: int) -> list[str]:
        lines = list[str]()
        null = "H0 no threshold" if j == 0 else f"H0 {counted(j, 'threshold')}"
        tests = self.tests[self.tests["threshold"] == j + 1]
        for _, name, _, p, *critical, statistic, value in tests.itertuples(index=False, name=None):
            verdict = "rejected" if rejects(p, self.level) else "not rejected"
            verdict = "cannot be tested" if np.isnan(p) else verdict
            at = ", ".join(f"{c:.2f}" for c in critical)
            word = "score" if statistic == "score" else "F"
            conclusion = f"{null}: {verdict} at {100 * (1 - self.level):.3g}%"
            lines += [
                f"  {conclusion} ({word} = {value:z.2f}, p = {p:.4f}, {name},",
                f"    critical at 10, 5, 1%: {at})",
            ]
        if tests.empty:
            reason = "the thresholds are given: no test" if self.given else "no bootstrap and no p-value"
            lines.append(f"  {null}: F = {self.statistics[j]:z.2f}, {reason}")
        return lines

    def _scaled_words(self, j: int) -> list[str]:
        """Describe how the variance ratio changes the set, and what the set would be without it."""
        ratio, critical = float(self.variance_ratios[j]), critical_lr(self.level)
        if np.isnan(ratio):
            return []
        bound = critical * ratio
        explanation = f"Variance ratio {ratio:.2f}: LR <= {critical:.2f} x {ratio:.2f} = {bound:.1f}"
        if self._contains_every_candidate(j + 1):
            profile = self.profile(j + 1)
            above_f = self.estimates.size == 1 and bound > self.statistics[j]
            f, largest_lr = f"F = {self.statistics[j]:.1f}", f"the largest LR, {profile['lr'].max():.1f}"
            explanation += (
                f"; the set contains every candidate, because {bound:.1f} > {f if above_f else largest_lr}"
            )
        scaled_set, lr_set = self.confidence_set(j + 1), self.confidence_set(j + 1, method="lr")
        text = "the same" if scaled_set == lr_set else _set_text(lr_set)
        return [explanation, f"Set for homoskedastic errors (lr, LR <= {critical:.2f}): {text}"]

    def _is_small_print(self, notice: Notice) -> bool:
        """Tell whether a notice is for the record only: what few clusters carry by chance is no news."""
        data = notice.data
        return notice.code == "concentration" and (
            not data["high"] or data["threshold"] > self.estimates.size
        )


def _set_text(pieces: Sequence[tuple[float, float]]) -> str:
    return ", ".join(f"{a:.5g}" if a == b else f"{a:.5g} to {b:.5g}" for a, b in pieces) or "empty"
