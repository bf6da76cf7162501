"""Words of models of counts and of binary outcomes in tables."""

from __future__ import annotations

from digiprosper.report.words import Words

WORDS = Words(
    english={
        "stat.deviance": "Deviance",
        "stat.n_separated": "Separated rows",
        "stat.n_singletons": "Singletons",
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
        "note.corrected": "bias correction of Fernandez-Val and Weidner (2016).",
        "note.uncorrected": "no bias correction.",
    },
    chinese={
        "stat.deviance": "偏差",
        "stat.n_separated": "分离样本数",
        "stat.n_singletons": "单一观测数",
        "stat.n_predicted": "完全预测样本数",
        "note.logit": "系数为对数发生比的变化，不是概率的变化。",
        "note.probit": "系数为Probit指数的变化，不是概率的变化。",
        "note.average_effects": "平均偏效应：概率的变化，对全部观测值取平均。",
        "note.corrected": "已按Fernandez-Val和Weidner（2016）校正偏差。",
        "note.uncorrected": "未校正偏差。",
    },
)
