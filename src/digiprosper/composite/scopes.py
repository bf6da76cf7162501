"""Scopes: which rows end points and weights are learned from."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import pandas as pd

from digiprosper.checks import option_error
from digiprosper.composite.indicators import IndicatorSystem
from digiprosper.composite.kernels.normalise import EndPoints
from digiprosper.errors import cited, quoted
from digiprosper.kernels import Bools, Ints

Scope = Literal[
    "pooled",
    "per_year",
    "pooled_norm_yearly_weights",
    "expanding",
    "goalposts",
    "legacy_lnT",
]

Finding: TypeAlias = tuple[str, str]
"""Finding of an audit: ``ok``, ``note`` or ``warning``, and a sentence."""

RowSelection: TypeAlias = "Bools | slice"
"""Rows that a state is learned from."""

_BASE = re.compile(r"(base_year(?:_norm_pooled_weights)?)\(\s*(.*?)\s*\)")


@dataclass(frozen=True, slots=True)
class LearningScope:
    """The rows that end points and weights are learned from.

    - text: the option as the user writes it
    - rows: rows of the weights: all, those of the base year, or for each year its own
      ("own") or those up to it ("past"); also those of the end points, unless all years
      share them
    - comparability: finding of the audit on scores of different years and samples
    - future: finding of the audit on whether scores use later years
    - scale_by_period: whether each period has its own end points
    - needs_periods: whether it is defined for panels only
    - period: the base year, as `find_period` reads it; its rows have the end points
    """

    text: str
    rows: Literal["all", "base", "own", "past"]
    comparability: Finding
    future: Finding
    scale_by_period: bool = False
    needs_periods: bool = True
    period: str = ""

    @property
    def weights_by_period(self) -> bool:
        """Whether each period has its own weights."""
        return self.rows in ("own", "past")

    @property
    def fixed_end_points(self) -> bool:
        """Whether end points are given with the indicators."""
        return self.text == "goalposts"

    @property
    def replication_only(self) -> bool:
        """Whether the weights are wrong, and only replicate a published script."""
        return self.text == "legacy_lnT"

    @property
    def comparable_years(self) -> bool:
        """Whether scores of different years may be ranked together."""
        return self.text != "per_year"

    def refuse_times(self, times: pd.Index[Any], *, has_time: bool) -> None:
        """Refuse a sample that lacks the periods the scope needs."""
        if self.needs_periods and not has_time:
            raise option_error(
                "scope",
                self.text,
                f"scope={cited(self.text)} needs a time key, but this is a "
                "cross-section: use 'pooled', or Panel(df, entity=, time=).",
            )
        if self.replication_only and times.size == 1:
            raise option_error(
                "scope",
                self.text,
                "scope='legacy_lnT' divides by the logarithm of the number of years, "
                "which is 0 for one year; use 'pooled'.",
            )

    def learned_rows(
        self, time: Ints, times: pd.Index[Any]
    ) -> tuple[RowSelection, ...]:
        """Select the rows of each state; `time` (N,) has positions in `times`."""
        if self.rows == "all":
            return (slice(None),)
        if self.rows == "base":
            return (time == find_period(times, self.period),)
        periods = range(times.size)
        return tuple(time <= k if self.rows == "past" else time == k for k in periods)

    def scale_rows(self, time: Ints, times: pd.Index[Any]) -> RowSelection | None:
        """Select the rows of the end points; None if they are those of the weights."""
        if self.period and self.rows == "all":
            return np.asarray(time == find_period(times, self.period))
        if self.weights_by_period and not self.scale_by_period:
            return slice(None)
        return None

    def state_positions(self, times: pd.Index[Any], periods: pd.Index[Any]) -> Ints:
        """Return the state that scores each period, the latest allowed; -1 if none."""
        if self.rows == "past":
            return np.asarray(
                periods.searchsorted(times, side="right") - 1, dtype=np.intp
            )
        return np.asarray(periods.get_indexer(times), dtype=np.intp)

    def given_scale(self, system: IndicatorSystem) -> EndPoints | None:
        """Return the goalposts of the indicators as end points; None if learned."""
        if not self.fixed_end_points:
            return None
        low, high = np.array([i.goalposts for i in system], dtype=np.float64).T
        return EndPoints(low, high)


_LATER_YEARS = (
    "warning",
    (
        "scores of early years depend on later years and change when a year is added. "
        "For event studies and policy evaluation use 'expanding', 'base_year(...)' or "
        "'goalposts'."
    ),
)
_COMPARABLE = ("ok", "comparable over time, and with rows scored by `apply`.")
_WEIGHTS_DIFFER = (
    "note",
    (
        "the weights differ between years: part of a change in the score is a change "
        "in the weights."
    ),
)
_SCOPES = {
    scope.text: scope
    for scope in (
        LearningScope(
            "pooled",
            "all",
            (
                "ok",
                (
                    "comparable within the sample, but not with an index of another "
                    "sample or of more years."
                ),
            ),
            _LATER_YEARS,
            needs_periods=False,
        ),
        LearningScope(
            "per_year",
            "own",
            (
                "warning",
                (
                    "the best value of each indicator is 1 in every year: scores of "
                    "different years are not comparable."
                ),
            ),
            (
                "note",
                (
                    "each year uses only its own rows, but growth common to all "
                    "entities is removed."
                ),
            ),
            scale_by_period=True,
        ),
        LearningScope(
            "pooled_norm_yearly_weights", "own", _WEIGHTS_DIFFER, _LATER_YEARS
        ),
        LearningScope(
            "expanding",
            "past",
            _WEIGHTS_DIFFER,
            ("ok", "each year uses only the years up to it."),
            scale_by_period=True,
        ),
        LearningScope(
            "goalposts",
            "all",
            _COMPARABLE,
            (
                "note",
                (
                    "end points are fixed in advance; weights are estimated from all "
                    "years. Pass given weights if no future information may be used."
                ),
            ),
            needs_periods=False,
        ),
        LearningScope(
            "legacy_lnT",
            "all",
            ("warning", "the weights are in reverse order: see legacy_lnT."),
            _LATER_YEARS,
        ),
        LearningScope(
            "base_year",
            "base",
            _COMPARABLE,
            (
                "ok",
                (
                    "scale and weights are estimated in the base year: later years use "
                    "no future information."
                ),
            ),
        ),
        LearningScope(
            "base_year_norm_pooled_weights",
            "all",
            _COMPARABLE,
            (
                "note",
                (
                    "end points are those of the base year; weights are estimated from "
                    "all years. Use 'base_year(...)' if no future information may be "
                    "used."
                ),
            ),
        ),
    )
}
SCOPES = get_args(Scope)


def read_scope(scope: object) -> LearningScope:
    """Parse the option, such as "pooled" or "base_year(2011)"."""
    base_year = _BASE.fullmatch(scope.strip()) if isinstance(scope, str) else None
    if base_year and base_year[2]:
        word, period = base_year.groups()
        return replace(_SCOPES[word], text=f"{word}({period})", period=period)
    if isinstance(scope, str) and scope in SCOPES:
        return _SCOPES[scope]
    hint = ""
    if str(scope).startswith("base_year"):
        hint = " Include the base year: 'base_year(2011)'."
    raise option_error(
        "scope",
        scope,
        f"scope={cited(scope)} is not known; use one of "
        f"{', '.join(map(repr, SCOPES))}, 'base_year(2011)'.{hint}",
        SCOPES,
    )


def find_period(times: pd.Index[Any], text: str) -> int:
    """Return the position of a period by its text.

    For dates, a prefix is enough if only one period has it.
    """
    words = [str(t) for t in times]
    positions = [k for k, w in enumerate(words) if w == text]
    if not positions and isinstance(times, pd.DatetimeIndex):
        positions = [k for k, w in enumerate(words) if w.startswith(text)]
    if len(positions) != 1:
        problem = "is not a period of" if not positions else "begins several periods of"
        raise option_error(
            "scope",
            text,
            f"scope='base_year({text})': {cited(text)} {problem} the sample; it has "
            f"{quoted(words, 12)}.",
            words,
        )
    return positions[0]
