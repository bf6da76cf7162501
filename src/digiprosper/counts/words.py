"""Words of models of counts in tables."""

from __future__ import annotations

from digiprosper.report.words import Words

WORDS = Words(
    english={
        "stat.pseudo_rsquared": "Pseudo-R²",
        "stat.deviance": "Deviance",
        "stat.log_likelihood": "Log likelihood",
        "stat.n_separated": "Separated rows",
        "stat.n_singletons": "Singletons",
    },
    chinese={
        "stat.pseudo_rsquared": "伪R²",
        "stat.deviance": "偏差",
        "stat.log_likelihood": "对数似然值",
        "stat.n_separated": "分离样本数",
        "stat.n_singletons": "单一观测数",
    },
)
