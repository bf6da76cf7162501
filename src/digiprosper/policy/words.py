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
        "callaway_santanna.never": "Callaway & Sant'Anna (2021), compared with never treated.",
        "callaway_santanna.not_yet": "Callaway & Sant'Anna (2021), compared with not yet treated.",
        "imputation.not_yet": "imputation, Borusyak, Jaravel & Spiess (2024).",
        "sun_abraham.never": "Sun & Abraham (2021), compared with never treated.",
        "controls": "controls {x}.",
        "controls.doubly_robust": "controls {x}, doubly robust.",
        "controls.ipw": "controls {x}, inverse probability weights.",
        "controls.regression": "controls {x}, regression.",
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
        "callaway_santanna.never": "Callaway & Sant'Anna (2021)，以从未处理组为对照。",
        "callaway_santanna.not_yet": "Callaway & Sant'Anna (2021)，以尚未处理组为对照。",
        "imputation.not_yet": "插补估计，Borusyak, Jaravel & Spiess (2024)。",
        "sun_abraham.never": "Sun & Abraham (2021)，以从未处理组为对照。",
        "controls": "控制{x}。",
        "controls.doubly_robust": "控制{x}，双重稳健。",
        "controls.ipw": "控制{x}，逆概率加权。",
        "controls.regression": "控制{x}，回归调整。",
    },
)
"""Of tables. The code of a point is its text, such as ``"-3"`` or ``"≤ -5"``."""
