"""Scopes: which rows end points and weights are learned from, and all that follows from it.

A scope is a value, made once from the option's word. What it decides is asked of it, never of the word.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, TypeAlias

import numpy as np
import pandas as pd

from digiprosper.composite.kernels.normalise import EndPoints
from digiprosper.composite.kernels.structure import FIXED_WEIGHTS
from digiprosper.composite.notices import imputed_remarks, legacy_remark
from digiprosper.errors import IndicatorError, Notice, OptionError, cited, option_problem, quoted

if TYPE_CHECKING:
    from digiprosper.composite.indicators import IndicatorSystem
    from digiprosper.kernels import Bools, Ints

Scope = Literal["pooled", "per_year", "pooled_norm_yearly_weights", "expanding", "goalposts", "legacy_lnT"]

Finding: TypeAlias = tuple[str, str]
"""Finding of an audit: ``ok``, ``note`` or ``warning``, and a sentence."""

RowSelection: TypeAlias = "Bools | slice"
"""Rows that a state is learned from."""

_BASE: Final = re.compile(r"base_year\(\s*(.*?)\s*\)")


@dataclass(frozen=True, slots=True)
class LearningScope:
    """A scope; by itself, one state that is learned from all rows.

    needs_periods: whether it is defined for panels only
    fixed_end_points: whether end points are given with the indicators
    scale_by_period, weights_by_period: whether each period has its own end points, its own weights
    replication_only: whether its weights are known to be wrong
    comparable_years: whether scores of different years may be ranked together
    one_year: whether end points are those of one year, beyond which other years may be
    comparability: the same as comparable_years in words, for the audit
    negative: what a negative normalised value is, and what to do about it
    """

    word: ClassVar[str]
    needs_periods: ClassVar[bool] = True
    fixed_end_points: ClassVar[bool] = False
    scale_by_period: ClassVar[bool] = False
    weights_by_period: ClassVar[bool] = False
    replication_only: ClassVar[bool] = False
    comparable_years: ClassVar[bool] = True
    one_year: ClassVar[bool] = False
    comparability: ClassVar[Finding] = ("ok", "comparable over time, and with rows scored by `apply`.")
    negative: ClassVar[tuple[str, str]] = (
        "is negative",
        "Use normalise='minmax', or weighting='equal'.",
    )

    @property
    def text(self) -> str:
        """The option as its user writes it."""
        return self.word

    def refuse_options(self, *, weighting: str, normalise: str, structure: str) -> str:
        """Name the option that contradicts the scope, and what to change; empty if none does."""
        del weighting, normalise, structure
        return ""

    def refuse_system(self, system: IndicatorSystem) -> None:
        """Refuse indicators that lack what the scope needs."""

    def refuse_times(self, times: pd.Index[Any], *, has_time: bool) -> None:
        """Refuse a sample that lacks the periods the scope needs; `has_time` is False in a cross-section."""
        del times
        if self.needs_periods and not has_time:
            raise OptionError(
                f"scope={cited(self.text)} needs a time key, but this is a cross-section: use 'pooled', or "
                "Panel(df, entity=, time=).",
                [option_problem("scope", self.text, what="no time key")],
            )

    def learned_rows(self, time: Ints, times: pd.Index[Any]) -> tuple[RowSelection, ...]:
        """Select the rows that each state is learned from: all rows, or one selection per period.

        `time`, (N,), has the position of each row's period in `times`.
        """
        del time, times
        return (slice(None),)

    def where(self, period: object) -> str:
        """Name the rows of a yearly state, such as ``" in 2011"``; empty for a single state."""
        del period
        return ""

    def state_positions(self, times: pd.Index[Any], periods: pd.Index[Any]) -> Ints:
        """Find the position of the yearly state that scores each period; negative where there is none."""
        return np.asarray(periods.get_indexer(times), dtype=np.intp)

    def why_no_state(self, periods: pd.Index[Any]) -> str:
        """Explain why a period cannot be scored."""
        return f"has its own scale or weights in each period, estimated for {periods[0]} to {periods[-1]}"

    def given_scale(self, system: IndicatorSystem) -> EndPoints | None:
        """Return the end points that are given with the indicators; None where they are learned."""
        del system
        return None

    def entropy_periods(self, n_times: int) -> int | None:
        """Return the years whose logarithm divides the entropy; None for the rows, as it should be."""
        del n_times
        return None

    def notices(self, imputations: pd.DataFrame, names: tuple[str, ...]) -> list[Notice]:
        """Make the notices that the scope gives about a fit, from `Panel.imputations`."""
        del imputations, names
        return []

    def future(self, *, estimated: bool, imputed: bool) -> Finding:
        """Report whether scores use information from later years."""
        del estimated, imputed
        return "warning", (
            "scores of early years depend on later years and change when a year is added. For event studies "
            "and policy evaluation use 'expanding', 'base_year(...)' or 'goalposts'."
        )


@dataclass(frozen=True, slots=True)
class Pooled(LearningScope):
    """End points and weights from all rows."""

    word: ClassVar[str] = "pooled"
    needs_periods: ClassVar[bool] = False
    comparability: ClassVar[Finding] = (
        "ok",
        "comparable within the sample, but not with an index of another sample or of more years.",
    )


@dataclass(frozen=True, slots=True)
class BaseYear(LearningScope):
    """End points and weights from the rows of one year, named as `find_period` reads it."""

    word: ClassVar[str] = "base_year"
    one_year: ClassVar[bool] = True
    period: str

    @property
    def text(self) -> str:
        """The option as its user writes it."""
        return f"base_year({self.period})"

    def learned_rows(self, time: Ints, times: pd.Index[Any]) -> tuple[RowSelection, ...]:
        """Take the rows of the year."""
        return (time == find_period(times, self.period),)

    def future(self, *, estimated: bool, imputed: bool) -> Finding:
        """Later years are not used."""
        del estimated, imputed
        return (
            "ok",
            "scale and weights are estimated in the base year: later years use no future information.",
        )


@dataclass(frozen=True, slots=True)
class Goalposts(LearningScope):
    """End points as the indicators give them, weights from all rows."""

    word: ClassVar[str] = "goalposts"
    needs_periods: ClassVar[bool] = False
    fixed_end_points: ClassVar[bool] = True
    negative: ClassVar[tuple[str, str]] = (
        "lies beyond its worse goalpost",
        "Move the goalpost to the worst value that can occur.",
    )

    def refuse_options(self, *, weighting: str, normalise: str, structure: str) -> str:
        """Require min-max scaling, whose ends the goalposts are."""
        del weighting, structure
        if normalise == "minmax":
            return ""
        return (
            "scope='goalposts' sets the end points of min-max scaling: use normalise='minmax', not "
            f"{cited(normalise)}"
        )

    def refuse_system(self, system: IndicatorSystem) -> None:
        """Require goalposts for every indicator."""
        bare = [i.name for i in system if i.goalposts is None]
        if bare:
            raise IndicatorError(
                f"scope='goalposts' needs goalposts for every indicator, but {quoted(bare)} has none: set "
                "Indicator(name, goalposts=(low, high)).",
                [Notice("goalposts", f"{cited(n)} has no goalposts", {"indicator": n}) for n in bare],
            )

    def given_scale(self, system: IndicatorSystem) -> EndPoints | None:
        """Take the goalposts."""
        low, high = np.array([i.goalposts for i in system], dtype=np.float64).T
        return EndPoints(low, high)

    def future(self, *, estimated: bool, imputed: bool) -> Finding:
        """Estimated weights use all years."""
        del imputed
        if not estimated:
            return "ok", (
                "end points are fixed in advance and weights are not estimated: no future information is "
                "used."
            )
        return "note", (
            "end points are fixed in advance; weights are estimated from all years. Pass given weights if no "
            "future information may be used."
        )


@dataclass(frozen=True, slots=True)
class LegacyLogT(LearningScope):
    """A script that divides the entropy of all rows by the log of the number of years, to replicate it."""

    word: ClassVar[str] = "legacy_lnT"
    replication_only: ClassVar[bool] = True
    comparability: ClassVar[Finding] = (
        "warning",
        "the weights are in reverse order: see legacy_lnT.",
    )

    def refuse_options(self, *, weighting: str, normalise: str, structure: str) -> str:
        """Require the one combination of options that the script knows."""
        if (weighting, normalise, structure) == ("entropy", "minmax", "flat"):
            return ""
        return (
            "scope='legacy_lnT' replicates one script, which requires weighting='entropy', "
            "normalise='minmax' and structure='flat': use these, or scope='pooled'"
        )

    def refuse_times(self, times: pd.Index[Any], *, has_time: bool) -> None:
        """Require two years: the logarithm of one is zero."""
        LearningScope.refuse_times(self, times, has_time=has_time)
        if times.size == 1:
            raise OptionError(
                "scope='legacy_lnT' divides by the logarithm of the number of years, which is 0 for one "
                "year; use 'pooled'.",
                [option_problem("scope", self.text, what="one period")],
            )

    def entropy_periods(self, n_times: int) -> int | None:
        """Return the number of years in the sample."""
        return n_times

    def notices(self, imputations: pd.DataFrame, names: tuple[str, ...]) -> list[Notice]:
        """Warn of the script."""
        del imputations, names
        return [legacy_remark()]


@dataclass(frozen=True, slots=True)
class _OwnYear(LearningScope):
    """Weights of each year from its own rows."""

    weights_by_period: ClassVar[bool] = True

    def learned_rows(self, time: Ints, times: pd.Index[Any]) -> tuple[RowSelection, ...]:
        """Take the rows of each year."""
        return tuple(time == k for k in range(times.size))

    def where(self, period: object) -> str:
        """Name the year."""
        return f" in {period}"


@dataclass(frozen=True, slots=True)
class PerYear(_OwnYear):
    """End points and weights of each year from its own rows."""

    word: ClassVar[str] = "per_year"
    scale_by_period: ClassVar[bool] = True
    comparable_years: ClassVar[bool] = False
    comparability: ClassVar[Finding] = (
        "warning",
        "the best value of each indicator is 1 in every year: scores of different years are not comparable.",
    )

    def future(self, *, estimated: bool, imputed: bool) -> Finding:
        """Other years are not used."""
        del estimated, imputed
        return "note", "each year uses only its own rows, but growth common to all entities is removed."


@dataclass(frozen=True, slots=True)
class YearlyWeights(_OwnYear):
    """End points from all rows, weights of each year from its own."""

    word: ClassVar[str] = "pooled_norm_yearly_weights"
    comparability: ClassVar[Finding] = (
        "note",
        "the weights differ between years: part of a change in the score is a change in the weights.",
    )

    def refuse_options(self, *, weighting: str, normalise: str, structure: str) -> str:
        """Require weights that are estimated: others have no years."""
        del normalise, structure
        if weighting not in FIXED_WEIGHTS:
            return ""
        return (
            "scope='pooled_norm_yearly_weights' estimates weights year by year, but equal or given "
            "weights are not estimated: use scope='pooled'"
        )


@dataclass(frozen=True, slots=True)
class Expanding(LearningScope):
    """End points and weights of each year from the years up to it."""

    word: ClassVar[str] = "expanding"
    scale_by_period: ClassVar[bool] = True
    weights_by_period: ClassVar[bool] = True
    comparability: ClassVar[Finding] = YearlyWeights.comparability

    def learned_rows(self, time: Ints, times: pd.Index[Any]) -> tuple[RowSelection, ...]:
        """Take the rows up to each year."""
        return tuple(time <= k for k in range(times.size))

    def where(self, period: object) -> str:
        """Name the last year."""
        return f" up to {period}"

    def state_positions(self, times: pd.Index[Any], periods: pd.Index[Any]) -> Ints:
        """Find the latest state that uses no later year; after the last period, the last state."""
        return np.asarray(periods.searchsorted(times, side="right") - 1, dtype=np.intp)

    def why_no_state(self, periods: pd.Index[Any]) -> str:
        """Explain why a period cannot be scored."""
        return f"was estimated from {periods[0]} on and has no weights for earlier periods"

    def notices(self, imputations: pd.DataFrame, names: tuple[str, ...]) -> list[Notice]:
        """Warn of interpolated cells, which use a later year."""
        return imputed_remarks(imputations, names)

    def future(self, *, estimated: bool, imputed: bool) -> Finding:
        """Only interpolated cells use later years."""
        del estimated
        if imputed:
            return "warning", (
                "each year uses only the years up to it, but interpolated cells use later years."
            )
        return "ok", "each year uses only the years up to it."


_BY_WORD: Final[dict[str, LearningScope]] = {
    scope.word: scope
    for scope in (Pooled(), PerYear(), YearlyWeights(), Expanding(), Goalposts(), LegacyLogT())
}
SCOPES: Final = tuple(_BY_WORD)


def read_scope(scope: object) -> LearningScope:
    """Make the scope of an option's word, such as "pooled" or "base_year(2011)"."""
    base_year = _BASE.fullmatch(scope.strip()) if isinstance(scope, str) else None
    if base_year and base_year[1]:
        return BaseYear(base_year[1])
    if isinstance(scope, str) and scope in _BY_WORD:
        return _BY_WORD[scope]
    hint = " Include the base year: 'base_year(2011)'." if str(scope).startswith("base_year") else ""
    raise OptionError(
        f"scope={cited(scope)} is not known; use one of {', '.join(map(repr, SCOPES))}, "
        f"'base_year(2011)'.{hint}",
        [option_problem("scope", scope, SCOPES)],
    )


def find_period(times: pd.Index[Any], text: str) -> int:
    """Find the position of the period a text names.

    For dates the beginning is enough if only one period has it.
    """
    words = [str(t) for t in times]
    positions = [k for k, w in enumerate(words) if w == text]
    if not positions and isinstance(times, pd.DatetimeIndex):
        positions = [k for k, w in enumerate(words) if w.startswith(text)]
    if len(positions) != 1:
        problem = "is not a period of" if not positions else "begins several periods of"
        raise OptionError(
            f"scope='base_year({text})': {cited(text)} {problem} the sample; it has {quoted(words, 12)}.",
            [option_problem("scope", text, words, f"no period {cited(text)}")],
        )
    return positions[0]
