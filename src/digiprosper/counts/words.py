"""Words of models of counts in tables."""

from __future__ import annotations

from digiprosper.report.words import Words

WORDS = Words(
    english={
        "stat.deviance": "Deviance",
        "stat.n_separated": "Separated rows",
        "stat.n_singletons": "Singletons",
    },
    chinese={
        "stat.deviance": "偏差",
        "stat.n_separated": "分离样本数",
        "stat.n_singletons": "单一观测数",
    },
)
