"""Fields of the results of thresholds and kinks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from digiprosper.report.pickling import PickledByName

if TYPE_CHECKING:
    from collections.abc import Mapping

    from digiprosper.kernels import Floats, Ints


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ThresholdSearched(PickledByName):
    """Estimated thresholds and sums of squared residuals; `ThresholdFields` describes the fields.

    `search_ssr` (t + 1,) and `null_ssr` (t,): t is the number of thresholds m, or m + 1 if another threshold
    was tested and not kept ("auto"). `profiles` (m, G) is infinite where a threshold is not allowed.
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
    """Statistics of the tests and their draws; `ThresholdFields` describes the fields.

    `statistic_values` is (b, t) and `statistic_draws` (b, t, B), for b bootstraps, t thresholds and B draws.
    """

    bootstrap: tuple[str, ...]
    statistic_values: Floats
    statistic_draws: Floats
    reps: int
    rng_entropy: int | None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ThresholdBounded(PickledByName):
    """Bounds of the likelihood ratio in the confidence sets; `ThresholdFields` describes the fields.

    `variance_ratios` (m,) are ratios of the error variance at each threshold, weighted by the squared jump,
    to its average; the bound "scaled" is multiplied by them. `lr_bounds` (m, G) is empty unless `confidence`
    is "bootstrap".
    """

    level: float
    confidence: str
    variance_ratios: Floats
    lr_bounds: Floats


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ThresholdSplit(PickledByName):
    """Regimes of the rows; `ThresholdFields` describes the fields.

    `regime_sizes` (m + 1, 2) has rows and entities. `split_names` are the columns of `regime_dependent`
    (several for a category), and the intercept if it depends on the regime.
    """

    rule: str
    regime_codes: Ints
    regime_sizes: Ints
    split_names: tuple[str, ...] = ()


class ThresholdFields:
    """Fields of the groups of `ThresholdResults` as attributes."""

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
        """Sums of squared residuals with 0, 1, ..., t thresholds in the sequential search."""
        return self.searched.search_ssr

    @property
    def null_ssr(self) -> Floats:
        """Sum of squared residuals of the refined model with one threshold less."""
        return self.searched.null_ssr

    @property
    def candidates(self) -> Floats:
        """Candidates for a threshold, in ascending order."""
        return self.searched.candidates

    @property
    def profiles(self) -> Floats:
        """Sums of squared residuals with threshold j at each candidate and the others constant."""
        return self.searched.profiles

    @property
    def fit_ssr(self) -> float:
        """Sum of squared residuals at the thresholds."""
        return self.searched.fit_ssr

    @property
    def df(self) -> float:
        """Degrees of freedom in F and LR."""
        return self.searched.df

    @property
    def df_rule(self) -> str:
        """Rule of `df`: ``"hansen"`` (N - n) or ``"xthreg"`` (T (n - 1))."""
        return self.searched.df_rule

    @property
    def given(self) -> bool:
        """Whether the thresholds were given."""
        return self.searched.given

    @property
    def trim(self) -> tuple[float, ...]:
        """Smallest share of the rows in each regime, one per threshold."""
        return self.searched.trim

    @property
    def grid(self) -> int | str | None:
        """The `grid` of the specification; None is all candidates."""
        return self.searched.grid

    @property
    def search(self) -> str:
        """Type of the search: ``"sequential"`` or ``"joint"``."""
        return self.searched.search

    @property
    def bootstrap(self) -> tuple[str, ...]:
        """Bootstraps of the tests; the first is used for conclusions. Empty without tests."""
        return self.tested.bootstrap

    @property
    def statistic_values(self) -> Floats:
        """Statistic of each bootstrap: F, or the score statistic of "wild_score"."""
        return self.tested.statistic_values

    @property
    def statistic_draws(self) -> Floats:
        """Draws of the statistic for each bootstrap and threshold; missing if a draw has no candidate."""
        return self.tested.statistic_draws

    @property
    def reps(self) -> int:
        """Number of draws of each bootstrap."""
        return self.tested.reps

    @property
    def rng_entropy(self) -> int | None:
        """Seed of the draws; pass it as `rng` to reproduce them. None without draws."""
        return self.tested.rng_entropy

    @property
    def level(self) -> float:
        """Confidence level of the sets."""
        return self.bounded.level

    @property
    def confidence(self) -> str:
        """Type of the bound: ``"lr"``, ``"scaled"`` or ``"bootstrap"``."""
        return self.bounded.confidence

    @property
    def variance_ratios(self) -> Floats:
        """Ratio of the error variance at each threshold to its average, for the bound "scaled"."""
        return self.bounded.variance_ratios

    @property
    def lr_bounds(self) -> Floats:
        """Bootstrap bound at each candidate; empty unless `confidence` is "bootstrap"."""
        return self.bounded.lr_bounds

    @property
    def rule(self) -> str:
        """Whether a row at the threshold belongs to the lower regime: ``"<="`` or ``"<"``."""
        return self.split.rule

    @property
    def regime_codes(self) -> Ints:
        """Regime of each row, 1 for the lowest values."""
        return self.split.regime_codes

    @property
    def regime_sizes(self) -> Ints:
        """Numbers of rows and entities of each regime."""
        return self.split.regime_sizes

    @property
    def split_names(self) -> tuple[str, ...]:
        """Names of the columns with slopes by regime."""
        return self.split.split_names


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class KinkSearched(PickledByName):
    """Estimated kink and sums of squared residuals; `KinkFields` describes the fields.

    `threshold_se` is missing if the kink is not identified. `sums` is (3,), `profile_ssr` (G,),
    `regime_sizes` (2, 2). The search is over all numbers between the first and the last of the `candidates`
    (G,).
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
    """Draws of the tests; `KinkFields` describes the fields, `draws` is (3, B)."""

    bootstrap: str | None
    draws: Floats
    reps: int
    rng_entropy: int | None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class KinkBounded(PickledByName):
    """Confidence sets of the kink, intervals in ascending order; `KinkFields` describes the fields."""

    level: float
    critical: Mapping[str, float]
    sets: Mapping[str, tuple[tuple[float, float], ...]]


class KinkFields:
    """Fields of the groups of `KinkResults` as attributes."""

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
        """Standard error of the kink, of the same type as those of the slopes."""
        return self.searched.threshold_se

    @property
    def sums(self) -> Floats:
        """Sums of squared residuals of the linear, kink and step model."""
        return self.searched.sums

    @property
    def candidates(self) -> Floats:
        """Observed values of the kink variable in the searched range."""
        return self.searched.candidates

    @property
    def profile_ssr(self) -> Floats:
        """Sums of squared residuals with the kink at each candidate."""
        return self.searched.profile_ssr

    @property
    def regime_sizes(self) -> Ints:
        """Numbers of rows, and of entities with at least one row, at or below the kink, and above."""
        return self.searched.regime_sizes

    @property
    def df(self) -> float:
        """Degrees of freedom in F and LR."""
        return self.searched.df

    @property
    def df_rule(self) -> str:
        """Rule of `df`: ``"hansen"`` (N - n) or ``"xthreg"`` (T (n - 1))."""
        return self.searched.df_rule

    @property
    def trim(self) -> float:
        """Share of the rows outside the searched range on each side."""
        return self.searched.trim

    @property
    def bootstrap(self) -> str | None:
        """Bootstrap of the tests: ``"wild_cluster"`` or None."""
        return self.tested.bootstrap

    @property
    def draws(self) -> Floats:
        """Draws of F of no kink, F of continuity, and LR of the kink."""
        return self.tested.draws

    @property
    def reps(self) -> int:
        """Number of draws of each bootstrap."""
        return self.tested.reps

    @property
    def rng_entropy(self) -> int | None:
        """Seed of the draws; pass it as `rng` to reproduce them. None without draws."""
        return self.tested.rng_entropy

    @property
    def level(self) -> float:
        """Confidence level of the sets."""
        return self.bounded.level

    @property
    def critical(self) -> Mapping[str, float]:
        """Critical value of LR for each type of confidence set."""
        return self.bounded.critical

    @property
    def sets(self) -> Mapping[str, tuple[tuple[float, float], ...]]:
        """Confidence set of each type: intervals in ascending order."""
        return self.bounded.sets
