"""Words of dynamic panels in tables."""

from __future__ import annotations

from digiprosper.report.words import Words

WORDS = Words(
    english={
        "stat.n_instruments": "Instruments",
        "stat.ar1_p": "AR(1), p-value",
        "stat.ar2_p": "AR(2), p-value",
        "stat.hansen_p": "Hansen test, p-value",
        "stat.sargan_p": "Sargan test, p-value",
        "note.bias_not_solved": (
            "no coefficient of the lag explains the within estimate by its bias; the "
            "nearest one is shown."
        ),
        "note.outside_bounds": (
            "persistence is outside the bounds of the within and the pooled estimate."
        ),
        "note.many_instruments": "more instruments than clusters.",
    },
    chinese={
        "stat.n_instruments": "工具变量个数",
        "stat.ar1_p": "AR(1) p值",
        "stat.ar2_p": "AR(2) p值",
        "stat.hansen_p": "Hansen检验p值",
        "stat.sargan_p": "Sargan检验p值",
        "note.bias_not_solved": (
            "没有任何滞后项系数的偏差能解释组内估计值，表中为最接近者。"
        ),
        "note.outside_bounds": "持续性超出组内估计与混合OLS估计的界限。",
        "note.many_instruments": "工具变量多于聚类数。",
    },
)
