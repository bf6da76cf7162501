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
    },
    chinese={
        "stat.n_instruments": "工具变量个数",
        "stat.ar1_p": "AR(1) p值",
        "stat.ar2_p": "AR(2) p值",
        "stat.hansen_p": "Hansen检验p值",
        "stat.sargan_p": "Sargan检验p值",
    },
)
