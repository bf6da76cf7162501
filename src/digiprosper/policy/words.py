"""What event times, cohorts and averages of effects are called, by code."""

from __future__ import annotations

from digiprosper.report.words import Words

__all__ = ["WORDS"]

WORDS = Words(
    english={
        "event": "Event time",
        "cohort": "First treated in",
        "calendar": "Treated, in",
        "att_simple": "ATT, treated rows",
        "att_dynamic": "ATT, mean of event times",
        "att_group": "ATT, mean of cohorts",
        "att_calendar": "ATT, mean of periods",
        "point": "{effect} {point}",
    },
    chinese={
        "event": "事件时间",
        "cohort": "首次处理时间",
        "calendar": "处理组，时间",
        "att_simple": "ATT（全部处理观测）",
        "att_dynamic": "ATT（事件时间平均）",
        "att_group": "ATT（处理批次平均）",
        "att_calendar": "ATT（时期平均）",
        "point": "{effect}{point}",
    },
)
"""Of tables. The code of a point is its text, such as ``"-3"`` or ``"≤ -5"``."""
