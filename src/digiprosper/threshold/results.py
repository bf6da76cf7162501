"""Thresholds, their tests and confidence sets, and the slopes in each regime."""

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
from digiprosper.threshold.columns import slopes_by_regime, slopes_column, step_regimes, threshold_with
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

__all__ = ["ThresholdResults", "bootstrap_p", "critical_lr", "runs"]

_CRITERIA = ("lr", "scaled", "bootstrap")
_CRITICAL = {"crit_10": 0.9, "crit_5": 0.95, "crit_1": 0.99}


def critical_lr(level: float) -> float:
    """Compute the critical value of the likelihood ratio of a threshold (Hansen 1999, eq. 15).

    Parameters
    ----------
    level : float
        Confidence level.

    Returns
    -------
    float
        ``-2 log(1 - sqrt(level))``: 5.94, 7.35, 10.59 at .90, .95, .99. (The 6.53 printed there for .90 is
        that of .925; Hansen 2000, table I, has 5.94.)

    Examples
    --------
    >>> [round(critical_lr(level), 2) for level in (.9, .95, .99)]
    [5.94, 7.35, 10.59]
    """
    return float(-2 * np.log(1 - np.sqrt(level)))


def bootstrap_p(statistic: float, draws: Floats) -> float:
    """Compute a bootstrap p-value, which is never zero.

    Parameters
    ----------
    statistic : float
        Of the data.
    draws : (B,) float array
        Of the draws; missing ones are left out. Without a statistic there is no p-value.

    Returns
    -------
    float
        ``(1 + #{F* >= F}) / (B + 1)``.

    Examples
    --------
    >>> bootstrap_p(3.0, np.array([1.0, 2.0, 3.0, 4.0]))
    0.6
    """
    kept = draws[np.isfinite(draws)]
    if not np.isfinite(statistic):
        return float("nan")
    return (1 + int((kept >= statistic * (1 - SAME_STATISTIC)).sum())) / (kept.size + 1)


def runs(values: Floats, accepted: np.ndarray[Any, np.dtype[np.bool_]]) -> list[tuple[float, float]]:
    """Join neighbours that are accepted into intervals.

    Parameters
    ----------
    values : (G,) float array
        Increasing.
    accepted : (G,) bool array
        Which of them are in the set.

    Returns
    -------
    list of (low, high)
        One a maximal run.

    Examples
    --------
    >>> runs(np.array([1.0, 2.0, 3.0, 4.0]), np.array([True, True, False, True]))
    [(1.0, 2.0), (4.0, 4.0)]
    """
    edges = np.diff(np.concatenate([[0], accepted.astype(np.int8), [0]]))
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1
    return [(float(values[a]), float(values[b])) for a, b in zip(starts, ends, strict=True)]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ThresholdResults(ThresholdFields, Summarised, PickledByName):
    """Thresholds of a panel regression.

    Made by `PanelThreshold.fit`. Estimates, regimes, profiles and sets are of the refined model; `ssr` and F
    of the search for each threshold. It keeps row labels and each row's regime, and no data.

    Parameters
    ----------
    threshold_variable : str
        Term that splits the sample.
    regime_dependent : tuple of str
        Terms whose slope depends on the regime.
    slopes : LinearResults
        Ordinary regression at the thresholds; terms ``"x:regime1"`` from low to high values of the threshold
        variable, then the common ones. Its errors take the thresholds as known.
    searched : ThresholdSearched
        Thresholds and the fit around them.
    tested : ThresholdTested
        Statistics of the tests and their draws.
    bounded : ThresholdBounded
        What bounds the likelihood ratio in the confidence sets.
    split : ThresholdSplit
        How the thresholds split the rows.
    diagnostics : tuple of Notice
        Remarks about the data and the fit.

    Notes
    -----
    The fields of the groups are attributes of the results, too: `estimates`, `level` and so on.

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
        """One row per threshold, in the order found, numbered from 1.

        Columns: estimate, conf_low, conf_high (hull of the confidence set, which may have gaps: see
        `confidence_set`), ssr, F, p_value, crit_10, crit_5, crit_1 (of the first bootstrap), statistic and
        value: what these refer to, "F" itself or the "score" of "wild_score".
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
        """F of each threshold tested: ``(S of the null / S_j - 1) df``."""
        return np.asarray((self.null_ssr / self.search_ssr[1:] - 1) * self.df)

    @property
    def ssr(self) -> pd.Series[float]:
        """Sums of squares S0, S1, ..., Sm of the sequential search, indexed by the number of thresholds."""
        index = pd.RangeIndex(self.estimates.size + 1, name="thresholds")
        return pd.Series(self.search_ssr[: index.size], index=index, name="ssr")

    @property
    def tests(self) -> pd.DataFrame:
        """One row per threshold and bootstrap, the test that stopped "auto" included.

        Columns: threshold, bootstrap, F (missing where another statistic is tested), p_value, crit_10,
        crit_5, crit_1, statistic ("F" or "score") and value: what p-value and critical values refer to.
        """
        rows = []
        for j, f in enumerate(self.statistics):
            for b, name in enumerate(self.bootstrap):
                draws, value = self.statistic_draws[b, j], float(self.statistic_values[b, j])
                kept = draws[np.isfinite(draws)]
                critical = np.quantile(kept, list(_CRITICAL.values())) if kept.size else [np.nan] * 3
                score = name == "wild_score"
                numbers = [np.nan if score else f, bootstrap_p(value, draws), *critical]
                rows.append([j + 1, name, *numbers, "score" if score else "F", value])
        names = ["threshold", "bootstrap", "F", "p_value", *_CRITICAL, "statistic", "value"]
        return pd.DataFrame(rows, columns=names)

    def profile(self, threshold: int = 1, *, method: str | None = None) -> pd.DataFrame:
        """Show how the fit changes as one threshold moves and the others stay.

        Parameters
        ----------
        threshold : int
            Number of the threshold, from 1, in the order found.
        method : {"lr", "scaled", "bootstrap"}, optional
            Which bound; default is the specification's `confidence`. See `critical_value`.

        Returns
        -------
        DataFrame
            One row an admissible candidate: gamma, ssr, lr and critical, with ``lr = (ssr / min ssr - 1) df``
            and the bound that lr must not exceed in the confidence set. Given thresholds are the reference
            themselves, so that lr may be negative. Between two candidates the sum of squares does not change.

        Raises
        ------
        OptionError
            If there is no such threshold, or the bound was not drawn.
        """
        j = self._position(threshold)
        there = np.isfinite(self.profiles[j])
        ssr = self.profiles[j][there]
        least = self.fit_ssr if self.given else ssr.min()
        lr, bound = (ssr / least - 1) * self.df, self._bound(j, method)[there]
        return pd.DataFrame({"gamma": self.candidates[there], "ssr": ssr, "lr": lr, "critical": bound})

    def critical_value(self, threshold: int = 1, *, method: str | None = None) -> float:
        """Give the bound on the likelihood ratio of a confidence set, at the threshold.

        Parameters
        ----------
        threshold : int
            Number of the threshold, from 1, in the order found.
        method : {"lr", "scaled", "bootstrap"}, optional
            Default is the specification's `confidence`.

        Returns
        -------
        float
            "lr": ``-2 log(1 - sqrt(level))`` (Hansen 1999, eq. 15). "scaled": the same times the variance
            ratio (Hansen 2000, section 3.4). "bootstrap": the quantile of ratios drawn with each candidate as
            the truth; it differs from one candidate to the next, and `profile` has them all.

        Raises
        ------
        OptionError
            If there is no such threshold, or the bound was not drawn.
        """
        j = self._position(threshold)
        return float(np.interp(self.estimates[j], self.candidates, self._bound(j, method)))

    def confidence_set(self, threshold: int = 1, *, method: str | None = None) -> list[tuple[float, float]]:
        """Invert the likelihood ratio: all candidates at which it is at most `critical_value`.

        Parameters
        ----------
        threshold : int
            Number of the threshold, from 1, in the order found.
        method : {"lr", "scaled", "bootstrap"}, optional
            Default is the specification's `confidence`. "lr" rests on errors of one variance and no serial
            correlation (Hansen 1999, theorem 1); "scaled" allows for a variance that differs at the
            threshold; "bootstrap" is drawn with the data's own errors, each candidate the truth in turn.

        Returns
        -------
        list of (low, high)
            One a run of neighbouring candidates of `profile`. It often has several pieces.

        Raises
        ------
        OptionError
            If there is no such threshold, or the bound was not drawn.
        """
        profile = self.profile(threshold, method=method)
        inside = profile["lr"].to_numpy() <= profile["critical"].to_numpy()
        return runs(profile["gamma"].to_numpy(), inside)

    # --- regimes ------------------------------------------------------------------------------------------

    @property
    def regimes(self) -> pd.DataFrame:
        """One row per regime from low to high: lower, upper, nobs, n_entities (seen in it at least once)."""
        cuts = np.sort(self.estimates)
        bounds = {"lower": np.append(-np.inf, cuts), "upper": np.append(cuts, np.inf)}
        sizes = {"nobs": self.regime_sizes[:, 0], "n_entities": self.regime_sizes[:, 1]}
        return pd.DataFrame({**bounds, **sizes}, index=pd.RangeIndex(1, cuts.size + 2, name="regime"))

    @property
    def regime(self) -> pd.Series[int]:
        """Regime of each row of the estimation sample, 1 for the lowest values."""
        return pd.Series(self.regime_codes, index=self.slopes.index, name="regime")

    def regime_by_time(self) -> pd.DataFrame:
        """Count the entities in each regime, period by period.

        Returns
        -------
        DataFrame
            Indexed by time, one column per regime.

        Raises
        ------
        PanelIndexError
            In a cross-section.
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
        """Show where each entity was, and when it moved.

        Returns
        -------
        DataFrame
            Indexed by entity: one column per regime with the entity's rows in it, then first and last (its
            regime in its first and last row), crossings (how often the regime changed from one row to the
            next) and first_crossing (the period of the first new regime; missing for those that stayed).

        Raises
        ------
        PanelIndexError
            In a cross-section.
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
        """List every change of regime from one row of an entity to its next.

        Returns
        -------
        DataFrame
            One row a change: the entity and the period in which it is first in the new regime, under the
            names of the keys, then from_regime and to_regime. A period without a row is passed over.

        Raises
        ------
        PanelIndexError
            In a cross-section.
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
        """Test that slopes do not differ between regimes, the thresholds taken as known.

        It says whether regimes differ given where they end. Whether there is a threshold at all is another
        question, for which this F is too large: see `tests`.

        Parameters
        ----------
        term : str, optional
            One regime-dependent term; default all of them jointly, without the levels of `regime_intercept`.

        Returns
        -------
        TestResult
            Wald test with the covariance of `slopes`.

        Raises
        ------
        OptionError
            If there is no threshold.
        ColumnError
            If no slope depends on the regime under that name.
        """
        width = self.estimates.size + 1
        if width == 1:
            raise OptionError("equality: no threshold was kept, so there is one regime.")
        known = self.terms_in_every_regime
        terms = known if term is None else [term]
        if term is not None and term not in known:
            raise ColumnError(f"{cited(term)} has no slopes by regime; those that have are {quoted(known)}.")
        pairs = [(f"{t}:regime1", f"{t}:regime{r}") for t in terms for r in range(2, width + 1)]
        found = self.slopes.wald_test(", ".join(f"{a} = {b}" for a, b in pairs))
        words = " and ".join(terms)
        return replace(
            found, name="Equal slopes", null=f"{words}: the same in every regime, thresholds treated as known"
        )

    # --- tables -------------------------------------------------------------------------------------------

    def test_table(self, bootstrap: str | None = None) -> ThresholdTestTable:
        """Give the tests as a paper's table has them: single, double, triple threshold.

        Parameters
        ----------
        bootstrap : str, optional
            Which of several; default the first.

        Returns
        -------
        ThresholdTestTable
            For `etable`: statistic, p-value, draws and critical values at 10, 5 and 1%, a row a test, the one
            that stopped "auto" included. ``{variable: results.test_table(), ...}`` in `stack_tables` makes a
            panel of each threshold variable.

        Raises
        ------
        OptionError
            If nothing was tested, or not by this bootstrap.
        """
        slopes = self.slopes
        variable, reps = self.threshold_variable, self.reps
        return table_of_tests(self.tests, variable, reps, bootstrap, slopes.labels, slopes.factors)

    @property
    def regime_bounds(self) -> tuple[Regime, ...]:
        """Regimes from low to high, each with its bounds."""
        return step_regimes(self.threshold_variable, self.estimates.tolist(), self.rule)

    @property
    def terms(self) -> tuple[Term, ...]:
        """What each slope is, with its regime."""
        regimes = self.regime_bounds
        named = {f"regime{regime.number}": regime for regime in regimes}
        split = self.split_names or self.regime_dependent
        return slopes_by_regime(self.slopes, split, named if len(regimes) > 1 else {})

    @property
    def terms_in_every_regime(self) -> list[str]:
        """Terms that have a slope in every regime; the intercept has none in the highest."""
        slopes = [term for term in self.terms if term.regime is not None]
        bases = dict.fromkeys(term.base for term in slopes)
        width = self.estimates.size + 1
        return [base for base in bases if sum(term.base == base for term in slopes) == width]

    def table_columns(self, level: float = 0.95) -> tuple[Column, ...]:
        """Bring the slopes to a table, with the thresholds, their confidence sets and their tests.

        Parameters
        ----------
        level : float
            Level of the confidence intervals of the slopes.

        Returns
        -------
        tuple of Column
            One. Its tests are those of the first bootstrap, the one that stopped "auto" included.
        """
        tests, found = self._headline_tests, self.estimates.size
        block = Block(
            kind="step",
            variable=self.threshold_variable,
            parameters=tuple(
                # What was not estimated has no set: its LR only compares other values with it.
                threshold_with(value, [] if self.given else self.confidence_set(j), tests[j - 1 : j])
                for j, value in enumerate(map(float, self.estimates), start=1)
            ),
            level=self.level,
            given=self.given,
            drawn=Drawn(self.reps, self.bootstrap[0]) if tests else None,
            confidence=self.confidence,
            refused=tests[found] if len(tests) > found else None,
        )
        return (slopes_column(self.slopes, self.terms, block, level),)

    # --- words --------------------------------------------------------------------------------------------

    def _summary(self) -> Summary:
        slopes, m = self.slopes, self.estimates.size
        found = [line for j in range(self.statistics.size) for line in self._threshold_words(j)]
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
                        *found,
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
        """Which standard errors the slopes have."""
        return self.slopes.conventions

    @property
    def settings(self) -> str:
        """Rule of the regimes, trim, candidates, denominator of F and LR, draws and their seed."""
        trims = ", ".join(f"{t:g}".removeprefix("0") for t in dict.fromkeys(self.trim))
        words = "N - n" if self.df_rule == "hansen" else "T (n - 1)"
        if not self.slopes.effect_names or self.slopes.key_names[0] not in self.slopes.effect_names:
            words = "N - 1"
        grid = "every candidate" if self.grid is None else f"grid {self.grid}"
        grid += ", best pair" if self.search == "joint" else ""
        words_drawn = [*self.bootstrap, *(["wild signs for the sets"] if self.lr_bounds.size else [])]
        drawn = f"; {' and '.join(words_drawn)}, {self.reps:,} draws; rng {self.rng_entropy}"
        counted_k = f"{self.slopes.settings}; " if self.slopes.settings else ""
        return (
            f"{counted_k}low regime {self.rule} threshold; trim {trims}; {grid}; sets {self.confidence}; "
            f"F and LR over {words} = {self.df:g} (df {self.df_rule}){drawn if words_drawn else ''}"
        )

    def _numbers(self) -> PlainNumbers:
        sets = [self.confidence_set(j + 1) for j in range(self.estimates.size)]
        more = {
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
        return PlainNumbers(labels=self.slopes.labels, more=more)

    # --- inside -------------------------------------------------------------------------------------------

    @property
    def _headline_tests(self) -> list[ParameterTest]:
        if not self.bootstrap:
            return []
        frame = self.tests
        wanted = ["threshold", "statistic", "value", "p_value"]
        rows = frame.loc[frame["bootstrap"] == self.bootstrap[0], wanted]
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
            raise OptionError("no threshold was kept; `tests` has the test that stopped the search.")
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
        beside = list[str]()
        if j < self.estimates.size:
            text = _set_text(self.confidence_set(j + 1))
            what = "set of values whose fit is not significantly worse" if self.given else "confidence set"
            kind = f"{100 * self.level:g}% {what} ({self.confidence})"
            first = f"Threshold {j + 1}: {self.estimates[j]:.5g}; {kind}: {text}"
            beside = self._scaled_words(j) if self.confidence == "scaled" else []
        else:
            first = f"Threshold {j + 1}: tested and not retained"
        lines = wrap(first, 80, subsequent_indent="  ", break_long_words=False)
        for text in beside:
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
            said = f"{null}: {verdict} at {100 * (1 - self.level):.3g}%"
            lines += [
                f"  {said} ({word} = {value:z.2f}, p = {p:.4f}, {name},",
                f"    critical at 10, 5, 1%: {at})",
            ]
        if tests.empty:
            why = "the thresholds are given: no test" if self.given else "no bootstrap and no p-value"
            lines.append(f"  {null}: F = {self.statistics[j]:z.2f}, {why}")
        return lines

    def _scaled_words(self, j: int) -> list[str]:
        """Describe how the variance ratio changes the set, and what the set would be without it."""
        ratio, critical = float(self.variance_ratios[j]), critical_lr(self.level)
        if np.isnan(ratio):
            return []
        bound = critical * ratio
        said = f"Variance ratio {ratio:.2f}: LR <= {critical:.2f} x {ratio:.2f} = {bound:.1f}"
        inside = self.profile(j + 1)
        if (inside["lr"] <= inside["critical"]).all():
            known = self.estimates.size == 1 and bound > self.statistics[j]
            f, most = f"F = {self.statistics[j]:.1f}", f"the largest LR, {inside['lr'].max():.1f}"
            said += f"; the set contains every candidate, because {bound:.1f} > {f if known else most}"
        own, plain = self.confidence_set(j + 1), self.confidence_set(j + 1, method="lr")
        text = "the same" if own == plain else _set_text(plain)
        return [said, f"Set for homoskedastic errors (lr, LR <= {critical:.2f}): {text}"]

    def _is_small_print(self, notice: Notice) -> bool:
        """Tell whether a notice is for the record only: what few clusters carry by chance is no news."""
        data = notice.data
        return notice.code == "concentration" and (
            not data["high"] or data["threshold"] > self.estimates.size
        )


def _set_text(pieces: Sequence[tuple[float, float]]) -> str:
    return ", ".join(f"{a:.5g}" if a == b else f"{a:.5g} to {b:.5g}" for a, b in pieces) or "empty"
