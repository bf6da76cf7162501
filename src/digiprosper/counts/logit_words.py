"""Words of binary outcomes in tables."""

from __future__ import annotations

from digiprosper.report.words import Words

WORDS = Words(
    english={
        "stat.n_predicted": "Perfectly predicted rows",
        "note.logit": (
            "coefficients are changes of the log odds, not of the probability."
        ),
        "note.probit": (
            "coefficients are changes of the probit index, not of the probability."
        ),
        "note.average_effects": (
            "average partial effects: changes of the probability, over all rows."
        ),
    },
    chinese={
        "stat.n_predicted": "被完全预测的观测值",
        "note.logit": "系数为对数发生比的变化，不是概率的变化。",
        "note.probit": "系数为Probit指数的变化，不是概率的变化。",
        "note.average_effects": "平均偏效应：概率的变化，对全部观测值取平均。",
    },
)
