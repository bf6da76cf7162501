"""Thresholds, their tests and confidence sets, and the slopes in each regime."""

from __future__ import annotations

import math
from dataclasses import dataclass
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from digiprosper.errors import Notice, OptionError, PanelIndexError, counted
from digiprosper.results.text import json_safe, p_text, sample_text, table, wrapped

if TYPE_CHECKING:
    from digiprosper.kernels import Floats, Ints
    from digiprosper.results.linear import LinearResults

__all__ = ["ThresholdResults", "bootstrap_p", "critical_lr", "remarks", "runs"]

# Draws that repeat the data up to sign or scale count as ties whatever the rounding.
_TIE = 1e-10
_FEW_DRAWS = 199
_FEW_ENTITIES = 5
_FEW_ROWS = 20
_CRITICAL = {"crit_10": 0.9, "crit_5": 0.95, "crit_1": 0.99}


def critical_lr(level: float) -> float:
    """Compute the critical value of the likelihood ratio of a threshold (Hansen 1999, eq. 15).

    Parameters
    ----------
    level : float
        Such as .95.

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
        Of the draws; missing ones are left out.

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
    return (1 + int((kept >= statistic * (1 - _TIE)).sum())) / (kept.size + 1)


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
class ThresholdResults:
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
    estimates : (m,) array
        Thresholds in the order found (or given).
    search_ssr : (m + 1,) array
        Least sum of squares with 0, 1, ..., m thresholds, each found with the earlier ones held.
    null_ssr : (m,) array
        Sum of squares of the refined model with one threshold less.
    candidates : (G,) array
        Values a threshold may take, increasing.
    profiles : (m, G) array
        Sum of squares with threshold j at each candidate, the others held; infinite where it may not lie.
    fit_ssr : float
        Sum of squares at the thresholds.
    statistic_draws : (b, m, B) array
        Drawn F of each bootstrap and threshold; missing where a draw left no room.
    regime_codes : (N,) array
        Regime of each row, 1 for the lowest values.
    regime_sizes : (m + 1, 2) array
        Rows and entities of each regime.
    bootstrap : tuple of str
        Bootstraps run, the headline first; empty for none.
    given : bool
        Whether the thresholds were fixed by the user.
    rule : str
        ``"<="`` or ``"<"``: which rows belong to the low regime.
    df : float
        Denominator of F and LR.
    df_rule : str
        ``"hansen"`` (N - n) or ``"xthreg"`` (T (n - 1)).
    level : float
        Of the confidence sets.
    trim : tuple of float
        Share of the rows that each regime keeps, one a threshold.
    grid : int, str or None
        Candidates asked for; None is every one.
    reps : int
        Draws of each bootstrap.
    rng_entropy : int or None
        Number that reproduces the draws when passed as `rng`; None when nothing was drawn.
    diagnostics : tuple of Notice
        What is worth saying about the fit.

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
    estimates: Floats
    search_ssr: Floats
    null_ssr: Floats
    candidates: Floats
    profiles: Floats
    fit_ssr: float
    statistic_draws: Floats
    regime_codes: Ints
    regime_sizes: Ints
    bootstrap: tuple[str, ...]
    given: bool
    rule: str
    df: float
    df_rule: str
    level: float
    trim: tuple[float, ...]
    grid: int | str | None
    reps: int
    rng_entropy: int | None
    diagnostics: tuple[Notice, ...]

    # --- thresholds ---------------------------------------------------------------------------------------

    @property
    def thresholds(self) -> pd.DataFrame:
        """One row a threshold, in the order found, numbered from 1.

        Columns: estimate, conf_low, conf_high (hull of the confidence set, which may have gaps: see
        `confidence_set`), ssr, F, p_value, crit_10, crit_5, crit_1 (of the first bootstrap).
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
            "ssr": self.search_ssr[1:],
            "F": self.statistics,
        }
        index = pd.RangeIndex(1, m + 1, name="threshold")
        frame = pd.DataFrame(columns, index=index)
        tested = self.tests[self.tests["bootstrap"] == self.bootstrap[0]] if self.bootstrap else self.tests
        tested = tested.set_index("threshold").reindex(index)
        for name in ("p_value", *_CRITICAL):
            frame[name] = tested[name].astype(float)
        return frame

    @property
    def statistics(self) -> Floats:
        """F of each threshold: ``(S of the null / S_j - 1) df``."""
        return np.asarray((self.null_ssr / self.search_ssr[1:] - 1) * self.df)

    @property
    def ssr(self) -> pd.Series[float]:
        """Sums of squares S0, S1, ..., Sm of the sequential search, indexed by the number of thresholds."""
        index = pd.RangeIndex(self.search_ssr.size, name="thresholds")
        return pd.Series(self.search_ssr, index=index, name="ssr")

    @property
    def tests(self) -> pd.DataFrame:
        """One row a threshold and bootstrap: threshold, bootstrap, F, p_value, crit_10, crit_5, crit_1."""
        rows = []
        for j, f in enumerate(self.statistics):
            for name, draws in zip(self.bootstrap, self.statistic_draws[:, j], strict=True):
                kept = draws[np.isfinite(draws)]
                critical = np.quantile(kept, list(_CRITICAL.values())) if kept.size else [np.nan] * 3
                rows.append([j + 1, name, f, bootstrap_p(f, draws), *critical])
        return pd.DataFrame(rows, columns=["threshold", "bootstrap", "F", "p_value", *_CRITICAL])

    def profile(self, threshold: int = 1) -> pd.DataFrame:
        """Show how the fit changes as one threshold moves and the others stay.

        Parameters
        ----------
        threshold : int
            Number of the threshold, from 1, in the order found.

        Returns
        -------
        DataFrame
            One row an admissible candidate: gamma, ssr, lr with ``lr = (ssr / min ssr - 1) df``. Given
            thresholds are the reference themselves, so that lr may be negative. Between two candidates the
            sum of squares does not change.

        Raises
        ------
        OptionError
            If there is no such threshold.
        """
        j = self._position(threshold)
        there = np.isfinite(self.profiles[j])
        ssr = self.profiles[j][there]
        least = self.fit_ssr if self.given else ssr.min()
        lr = (ssr / least - 1) * self.df
        return pd.DataFrame({"gamma": self.candidates[there], "ssr": ssr, "lr": lr})

    def confidence_set(self, threshold: int = 1) -> list[tuple[float, float]]:
        """Invert the likelihood ratio: all candidates with ``lr <= -2 log(1 - sqrt(level))``.

        Parameters
        ----------
        threshold : int
            Number of the threshold, from 1, in the order found.

        Returns
        -------
        list of (low, high)
            One a run of neighbouring candidates of `profile`. It often has several pieces. It rests on
            homoskedastic, serially independent errors (Hansen 1999, theorem 1).

        Raises
        ------
        OptionError
            If there is no such threshold.
        """
        profile = self.profile(threshold)
        inside = profile["lr"].to_numpy() <= critical_lr(self.level)
        return runs(profile["gamma"].to_numpy(), inside)

    # --- regimes ------------------------------------------------------------------------------------------

    @property
    def regimes(self) -> pd.DataFrame:
        """One row a regime from low to high: lower, upper, nobs, n_entities (seen in it at least once)."""
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
            Indexed by time, one column a regime.

        Raises
        ------
        PanelIndexError
            In a cross-section.
        """
        name = self.slopes.key_names[1]
        if name is None:
            raise PanelIndexError("regime_by_time needs a time key, and this is a cross-section.")
        times = self.slopes.index.get_level_values(name)
        codes, levels = pd.factorize(times, sort=True)
        width = self.estimates.size + 1
        counts = np.bincount(codes * width + self.regime_codes - 1, minlength=width * len(levels))
        columns = pd.RangeIndex(1, width + 1, name="regime")
        return pd.DataFrame(counts.reshape(-1, width), index=pd.Index(levels, name=name), columns=columns)

    # --- words --------------------------------------------------------------------------------------------

    def summary(self) -> str:
        """Say the thresholds, their tests, the regimes and the slopes in words.

        Returns
        -------
        str
            Ends with one line of conventions.
        """
        slopes, m = self.slopes, self.estimates.size
        head = [
            f"Outcome: {slopes.depvar}",
            f"Slope of {', '.join(self.regime_dependent)} by {self.threshold_variable}: "
            f"{counted(m, 'threshold')}{' (given)' if self.given else ''}",
            f"Effects: {', '.join(slopes.effect_names) or 'none (intercept)'}",
            sample_text(slopes.nobs, slopes.n_entities, slopes.n_times, slopes.key_names),
        ]
        found = [line for j in range(m) for line in self._threshold_words(j)]
        regimes = [
            [self._condition(r), f"{size[0]:,}", f"{size[1]:,}"]
            for r, size in enumerate(self.regime_sizes, 1)
        ]
        tidy = slopes.tidy()
        numbers = tidy[["estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high"]].to_numpy()
        rows = [
            [str(term), f"{b:.5g}", f"{se:.4g}", f"{t:.2f}", p_text(p), f"[{low:.4g}, {high:.4g}]"]
            for term, (b, se, t, p, low, high) in zip(tidy["term"], numbers, strict=True)
        ]
        notes = wrapped(f"Note: {n.message}" for n in self.diagnostics if not _is_small_print(n))
        parts = [
            *head,
            "",
            *found,
            "",
            table(["regime", "rows", slopes.key_names[0]], regimes),
            "",
            table(["", "estimate", "std. error", "t", "p", "95% interval"], rows),
            *notes,
            self.conventions,
        ]
        return "\n".join(parts)

    def __repr__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        frames = [self.thresholds, self.regimes, self.slopes.tidy().set_index("term")]
        text = "".join(f.to_html(float_format=lambda v: f"{v:.5g}", escape=True) for f in frames)
        return f"{text}<p>{self.conventions}</p>"

    @property
    def conventions(self) -> str:
        """One line: errors of the slopes, rule, trim, candidates, denominator, draws."""
        trims = ", ".join(f"{t:g}".removeprefix("0") for t in dict.fromkeys(self.trim))
        words = "N - n" if self.df_rule == "hansen" else "T (n - 1)"
        if not self.slopes.effect_names or self.slopes.key_names[0] not in self.slopes.effect_names:
            words = "N - 1"
        grid = "every candidate" if self.grid is None else f"grid {self.grid}"
        drawn = f"; {' and '.join(self.bootstrap)}, {self.reps} draws; rng {self.rng_entropy}"
        return (
            f"{self.slopes.conventions}; low regime {self.rule} threshold; trim {trims}; {grid}; "
            f"F and LR over {words} = {self.df:g} (df {self.df_rule})" + (drawn if self.bootstrap else "")
        )

    def to_dict(self) -> dict[str, Any]:
        """Give everything but rows as JSON-safe values.

        Returns
        -------
        dict
            With a ``schema`` number.
        """
        sets = [self.confidence_set(j + 1) for j in range(self.estimates.size)]
        out = {
            "schema": 1,
            "model": "PanelThreshold",
            "threshold_variable": self.threshold_variable,
            "regime_dependent": self.regime_dependent,
            "thresholds": self.thresholds.reset_index().to_dict("records"),
            "ssr": self.search_ssr.tolist(),
            "confidence_sets": sets,
            "tests": self.tests.to_dict("records"),
            "regimes": self.regimes.reset_index().to_dict("records"),
            "options": {
                "given": self.given,
                "rule": self.rule,
                "df": self.df_rule,
                "level": self.level,
                "trim": self.trim,
                "grid": self.grid,
                "bootstrap": self.bootstrap,
                "reps": self.reps,
            },
            "denominator": self.df,
            "rng_entropy": self.rng_entropy,
            "diagnostics": [{"code": n.code, "message": n.message} for n in self.diagnostics],
        }
        return {**json_safe(out), "slopes": self.slopes.to_dict()}

    # --- inside -------------------------------------------------------------------------------------------

    def _position(self, threshold: int) -> int:
        m = self.estimates.size
        if isinstance(threshold, bool) or threshold not in range(1, m + 1):
            raise OptionError(f"threshold={threshold!r}: a number from 1 to {m}, in the order found.")
        return int(threshold) - 1

    def _condition(self, regime: int) -> str:
        cuts = [f"{c:.5g}" for c in np.sort(self.estimates)]
        above, other = (">", "<") if self.rule == "<=" else (">=", "<=")
        if regime == 1:
            return f"{self.threshold_variable} {self.rule} {cuts[0]}"
        if regime > len(cuts):
            return f"{self.threshold_variable} {above} {cuts[-1]}"
        return f"{cuts[regime - 2]} {other} {self.threshold_variable} {self.rule} {cuts[regime - 1]}"

    def _threshold_words(self, j: int) -> list[str]:
        pieces = self.confidence_set(j + 1)
        text = ", ".join(f"{a:.5g}" if a == b else f"{a:.5g} to {b:.5g}" for a, b in pieces) or "empty"
        first = f"Threshold {j + 1}: {self.estimates[j]:.5g}; {100 * self.level:g}% confidence set: {text}"
        lines = wrap(first, 80, subsequent_indent="  ", break_long_words=False)
        null = "H0 no threshold" if j == 0 else f"H0 {j} threshold{'s' * (j > 1)}"
        tests = self.tests[self.tests["threshold"] == j + 1]
        for _, name, f, p, *critical in tests.itertuples(index=False, name=None):
            verdict = "rejected" if p <= 1 - self.level + 1e-12 else "not rejected"
            at = ", ".join(f"{c:.2f}" for c in critical)
            lines += [
                f"  {null}: {verdict} at {100 * (1 - self.level):.3g}% (F = {f:.2f}, p = {p:.4f}, {name},",
                f"    critical at 10, 5, 1%: {at})",
            ]
        if tests.empty:
            lines.append(f"  {null}: F = {self.statistics[j]:.2f}, no bootstrap and no p-value")
        return lines


def remarks(results: ThresholdResults) -> list[Notice]:
    """Say what the stored numbers give reason to say.

    Parameters
    ----------
    results : ThresholdResults
        A fit.

    Returns
    -------
    list of Notice
        Codes boundary, small_regime, few_draws, lost_draws, tests_disagree.
    """
    tests = _about_tests(results) if results.bootstrap else []
    return [*_about_sets(results), *_about_regimes(results), *tests]


def _about_sets(results: ThresholdResults) -> list[Notice]:
    out, name = list[Notice](), results.threshold_variable
    for j in range(1, results.estimates.size + 1):
        gamma = results.profile(j)["gamma"].to_numpy()
        pieces = results.confidence_set(j)
        touched = []
        if pieces and pieces[0][0] == gamma[0]:
            touched.append(f"lowest ({gamma[0]:.5g})")
        if pieces and pieces[-1][1] == gamma[-1]:
            touched.append(f"highest ({gamma[-1]:.5g})")
        if touched:
            text = (
                f"threshold {j}: its confidence set reaches the {' and the '.join(touched)} searched value "
                f"of {name!r}; it may go on beyond. Lower trim, or read it as open at that end."
            )
            out.append(
                Notice("boundary", text, {"threshold": j, "first": float(gamma[0]), "last": float(gamma[-1])})
            )
    return out


def _about_regimes(results: ThresholdResults) -> list[Notice]:
    out = []
    for r, (rows, seen) in enumerate(results.regime_sizes.tolist(), 1):
        if seen < max(_FEW_ENTITIES, 0.05 * results.slopes.n_entities) or rows < _FEW_ROWS:
            text = (
                f"regime {r} of {results.threshold_variable!r} has {rows} rows of {seen} entities: its "
                "slopes rest on few. Raise trim or use fewer thresholds."
            )
            out.append(Notice("small_regime", text, {"regime": r, "nobs": rows, "n_entities": seen}))
    return out


def _about_tests(results: ThresholdResults) -> list[Notice]:
    out, reps, size = list[Notice](), results.reps, 1 - results.level
    if reps < _FEW_DRAWS:
        text = (
            f"reps={reps}: no p below {1 / (reps + 1):.2g} can occur and p = 0.05 has a simulation error of "
            f"{math.sqrt(0.05 * 0.95 / reps):.2g}. Use 999."
        )
        out.append(Notice("few_draws", text, {"reps": reps}))
    lost = int(np.isnan(results.statistic_draws).sum())
    if lost:
        text = f"{lost} bootstrap draws left no room for a further threshold and do not count; lower trim."
        out.append(Notice("lost_draws", text, {"count": lost}))
    for j, tests in results.tests.groupby("threshold"):
        rejected = tests["p_value"] <= size + 1e-12
        if rejected.any() and not rejected.all():
            said = ", ".join(
                f"{b}: p = {p:.4f}" for b, p in zip(tests["bootstrap"], tests["p_value"], strict=True)
            )
            text = (
                f"threshold {j}: the bootstraps disagree at {100 * size:.3g}% ({said}). wild_cluster allows "
                "for a variance that depends on the regressors; the others do not."
            )
            data = dict(zip(tests["bootstrap"], map(float, tests["p_value"]), strict=True))
            out.append(Notice("tests_disagree", text, {"threshold": j, "p_values": data}))
    return out


def _is_small_print(notice: Notice) -> bool:
    """Tell whether a notice is kept for the record only: few clusters carrying less than half is no news."""
    return notice.code == "concentration" and notice.data["share"] < 0.5
