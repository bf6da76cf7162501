"""What results of thresholds and kinks are made of, in groups, and every field by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from digiprosper.report.pickling import PickledByName

if TYPE_CHECKING:
    from collections.abc import Mapping

    from digiprosper.kernels import Floats, Ints

__all__ = [
    "KinkBounded",
    "KinkFields",
    "KinkSearched",
    "KinkTested",
    "ThresholdBounded",
    "ThresholdFields",
    "ThresholdSearched",
    "ThresholdSplit",
    "ThresholdTested",
]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ThresholdSearched(PickledByName):
    """Thresholds as the search found them, and the fit around them.

    Parameters
    ----------
    estimates : (m,) array
        Thresholds in the order found (or given).
    search_ssr : (t + 1,) array
        Least sum of squares with 0, 1, ..., t thresholds, each found with the earlier ones held; t is m, or
        one more when a further one was tested and not kept ("auto").
    null_ssr : (t,) array
        Sum of squares of the refined model with one threshold less.
    candidates : (G,) array
        Values a threshold may take, increasing.
    profiles : (m, G) array
        Sum of squares with threshold j at each candidate, the others held; infinite where it may not lie.
    fit_ssr : float
        Sum of squares at the thresholds.
    df : float
        Denominator of F and LR.
    df_rule : str
        ``"hansen"`` (N - n) or ``"xthreg"`` (T (n - 1)).
    given : bool
        Whether the thresholds were fixed by the user.
    trim : tuple of float
        Share of the rows that each regime keeps, one a threshold.
    grid : int, str or None
        Candidates asked for; None is every one.
    search : str
        ``"sequential"`` or ``"joint"``.
    """

    estimates: Floats
    search_ssr: Floats
    null_ssr: Floats
    candidates: Floats
    profiles: Floats
    fit_ssr: float
    df: float
    df_rule: str
    given: bool
    trim: tuple[float, ...]
    grid: int | str | None
    search: str


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ThresholdTested(PickledByName):
    """Statistics of the tests and their draws.

    Parameters
    ----------
    bootstrap : tuple of str
        Bootstraps run, the one that decides first; empty for none.
    statistic_values : (b, t) array
        What each bootstrap compares its draws with: F, or the robust score statistic of "wild_score".
    statistic_draws : (b, t, B) array
        Drawn statistics of each bootstrap and threshold; missing where a draw left no room.
    reps : int
        Draws of each bootstrap.
    rng_entropy : int or None
        Seed of the draws; pass it as `rng` to reproduce them; None when nothing was drawn.
    """

    bootstrap: tuple[str, ...]
    statistic_values: Floats
    statistic_draws: Floats
    reps: int
    rng_entropy: int | None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ThresholdBounded(PickledByName):
    """What bounds the likelihood ratio in the confidence sets.

    Parameters
    ----------
    level : float
        Of the confidence sets.
    confidence : str
        Which bound the sets have: ``"lr"``, ``"scaled"`` or ``"bootstrap"``.
    variance_ratios : (m,) array
        Variance of the errors, weighted by the squared jump, at each threshold against its average: the
        factor of the "scaled" bound.
    lr_bounds : (m, G) array
        Drawn bound on the likelihood ratio at each candidate; empty unless `confidence` is "bootstrap".
    """

    level: float
    confidence: str
    variance_ratios: Floats
    lr_bounds: Floats


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ThresholdSplit(PickledByName):
    """How the thresholds split the rows.

    Parameters
    ----------
    rule : str
        ``"<="`` or ``"<"``: which rows belong to the low regime.
    regime_codes : (N,) array
        Regime of each row, 1 for the lowest values.
    regime_sizes : (m + 1, 2) array
        Rows and entities of each regime.
    split_names : tuple of str
        Names of what the slopes have by regime: the columns of `regime_dependent`, which are several of a
        category, and the intercept where it differs; the terms themselves if not given.
    """

    rule: str
    regime_codes: Ints
    regime_sizes: Ints
    split_names: tuple[str, ...] = ()


class ThresholdFields:
    """Fields of the groups of `ThresholdResults`, one by one."""

    __slots__ = ()

    searched: ThresholdSearched
    tested: ThresholdTested
    bounded: ThresholdBounded
    split: ThresholdSplit

    @property
    def estimates(self) -> Floats:
        """Thresholds in the order found (or given)."""
        return self.searched.estimates

    @property
    def search_ssr(self) -> Floats:
        """Least sum of squares with 0, 1, ..., t thresholds, each found with the earlier ones held."""
        return self.searched.search_ssr

    @property
    def null_ssr(self) -> Floats:
        """Sum of squares of the refined model with one threshold less."""
        return self.searched.null_ssr

    @property
    def candidates(self) -> Floats:
        """Values a threshold may take, increasing."""
        return self.searched.candidates

    @property
    def profiles(self) -> Floats:
        """Sum of squares with threshold j at each candidate, the others held."""
        return self.searched.profiles

    @property
    def fit_ssr(self) -> float:
        """Sum of squares at the thresholds."""
        return self.searched.fit_ssr

    @property
    def df(self) -> float:
        """Denominator of F and LR."""
        return self.searched.df

    @property
    def df_rule(self) -> str:
        """What `df` is: ``"hansen"`` (N - n) or ``"xthreg"`` (T (n - 1))."""
        return self.searched.df_rule

    @property
    def given(self) -> bool:
        """Whether the thresholds were fixed by the user."""
        return self.searched.given

    @property
    def trim(self) -> tuple[float, ...]:
        """Share of the rows that each regime keeps, one a threshold."""
        return self.searched.trim

    @property
    def grid(self) -> int | str | None:
        """Candidates asked for; None is every one."""
        return self.searched.grid

    @property
    def search(self) -> str:
        """How it was searched: ``"sequential"`` or ``"joint"``."""
        return self.searched.search

    @property
    def bootstrap(self) -> tuple[str, ...]:
        """Bootstraps run, the one that decides first; empty for none."""
        return self.tested.bootstrap

    @property
    def statistic_values(self) -> Floats:
        """What each bootstrap compares its draws with: F, or the robust score statistic of "wild_score"."""
        return self.tested.statistic_values

    @property
    def statistic_draws(self) -> Floats:
        """Drawn statistics of each bootstrap and threshold; missing where a draw left no room."""
        return self.tested.statistic_draws

    @property
    def reps(self) -> int:
        """Draws of each bootstrap."""
        return self.tested.reps

    @property
    def rng_entropy(self) -> int | None:
        """Seed of the draws; pass it as `rng` to reproduce them; None when nothing was drawn."""
        return self.tested.rng_entropy

    @property
    def level(self) -> float:
        """Level of the confidence sets."""
        return self.bounded.level

    @property
    def confidence(self) -> str:
        """Which bound the sets have: ``"lr"``, ``"scaled"`` or ``"bootstrap"``."""
        return self.bounded.confidence

    @property
    def variance_ratios(self) -> Floats:
        """Variance of the errors at each threshold against its average: the factor of the "scaled" bound."""
        return self.bounded.variance_ratios

    @property
    def lr_bounds(self) -> Floats:
        """Drawn bound on the likelihood ratio at each candidate; empty unless `confidence` is "bootstrap"."""
        return self.bounded.lr_bounds

    @property
    def rule(self) -> str:
        """Which rows belong to the low regime: ``"<="`` or ``"<"``."""
        return self.split.rule

    @property
    def regime_codes(self) -> Ints:
        """Regime of each row, 1 for the lowest values."""
        return self.split.regime_codes

    @property
    def regime_sizes(self) -> Ints:
        """Rows and entities of each regime."""
        return self.split.regime_sizes

    @property
    def split_names(self) -> tuple[str, ...]:
        """Names of what the slopes have by regime."""
        return self.split.split_names


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class KinkSearched(PickledByName):
    """The kink as the search found it, and the fit around it.

    Parameters
    ----------
    threshold : float
        Estimated value at which the slope changes.
    threshold_se : float
        Its standard error, of the same kind as those of the slopes; missing where the threshold is not
        identified.
    sums : (3,) array
        Least sums of squares of the line, the kink and the step (a slope and a level on each side).
    candidates : (G,) array
        Observed values of the kink variable inside the trim; the search runs over all between the first and
        the last.
    profile_ssr : (G,) array
        Sum of squares with the threshold at each.
    regime_sizes : (2, 2) array
        Rows and entities (seen at least once) at or below the threshold, and above.
    df : float
        Denominator of F and LR.
    df_rule : str
        ``"hansen"`` (N - n) or ``"xthreg"`` (T (n - 1)).
    trim : float
        Share of the rows outside the searched range, on each side.
    """

    threshold: float
    threshold_se: float
    sums: Floats
    candidates: Floats
    profile_ssr: Floats
    regime_sizes: Ints
    df: float
    df_rule: str
    trim: float


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class KinkTested(PickledByName):
    """Draws of the tests.

    Parameters
    ----------
    bootstrap : str or None
        ``"wild_cluster"`` or None.
    draws : (3, B) array
        Drawn F of no kink, F of continuity, and LR of the threshold.
    reps : int
        Draws of each bootstrap.
    rng_entropy : int or None
        Seed of the draws; pass it as `rng` to reproduce them; None when nothing was drawn.
    """

    bootstrap: str | None
    draws: Floats
    reps: int
    rng_entropy: int | None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class KinkBounded(PickledByName):
    """Confidence sets of the kink.

    Parameters
    ----------
    level : float
        Of the confidence sets.
    critical : mapping
        Critical value of LR by method of the confidence set.
    sets : mapping
        Confidence set by method, intervals from low to high.
    """

    level: float
    critical: Mapping[str, float]
    sets: Mapping[str, tuple[tuple[float, float], ...]]


class KinkFields:
    """Fields of the groups of `KinkResults`, one by one."""

    __slots__ = ()

    searched: KinkSearched
    tested: KinkTested
    bounded: KinkBounded

    @property
    def threshold(self) -> float:
        """Estimated value at which the slope changes."""
        return self.searched.threshold

    @property
    def threshold_se(self) -> float:
        """Standard error of the threshold, of the same kind as those of the slopes."""
        return self.searched.threshold_se

    @property
    def sums(self) -> Floats:
        """Least sums of squares of the line, the kink and the step (a slope and a level on each side)."""
        return self.searched.sums

    @property
    def candidates(self) -> Floats:
        """Observed values of the kink variable inside the trim."""
        return self.searched.candidates

    @property
    def profile_ssr(self) -> Floats:
        """Sum of squares with the threshold at each candidate."""
        return self.searched.profile_ssr

    @property
    def regime_sizes(self) -> Ints:
        """Rows and entities (seen at least once) at or below the threshold, and above."""
        return self.searched.regime_sizes

    @property
    def df(self) -> float:
        """Denominator of F and LR."""
        return self.searched.df

    @property
    def df_rule(self) -> str:
        """What `df` is: ``"hansen"`` (N - n) or ``"xthreg"`` (T (n - 1))."""
        return self.searched.df_rule

    @property
    def trim(self) -> float:
        """Share of the rows outside the searched range, on each side."""
        return self.searched.trim

    @property
    def bootstrap(self) -> str | None:
        """What was drawn: ``"wild_cluster"`` or None."""
        return self.tested.bootstrap

    @property
    def draws(self) -> Floats:
        """Drawn F of no kink, F of continuity, and LR of the threshold."""
        return self.tested.draws

    @property
    def reps(self) -> int:
        """Draws of each bootstrap."""
        return self.tested.reps

    @property
    def rng_entropy(self) -> int | None:
        """Seed of the draws; pass it as `rng` to reproduce them; None when nothing was drawn."""
        return self.tested.rng_entropy

    @property
    def level(self) -> float:
        """Level of the confidence sets."""
        return self.bounded.level

    @property
    def critical(self) -> Mapping[str, float]:
        """Critical value of LR by method of the confidence set."""
        return self.bounded.critical

    @property
    def sets(self) -> Mapping[str, tuple[tuple[float, float], ...]]:
        """Confidence set by method, intervals from low to high."""
        return self.bounded.sets
