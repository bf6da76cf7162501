"""Words of models of counts and of binary outcomes in tables."""

from digiprosper.report.words import Words

WORDS = Words(
    {
        "stat.deviance": ("Deviance", "偏差"),
        "stat.n_separated": ("Separated rows", "分离样本数"),
        "stat.n_singletons": ("Singletons", "单一观测数"),
        "stat.n_predicted": ("Perfectly predicted rows", "完全预测样本数"),
        "note.poisson": (
            "Poisson regression: coefficients are changes of the log of the mean.",
            "泊松回归：系数为均值对数的变化。",
        ),
        "note.logit": (
            "coefficients are changes of the log odds, not of the probability.",
            "系数为对数发生比的变化，不是概率的变化。",
        ),
        "note.probit": (
            "coefficients are changes of the probit index, not of the probability.",
            "系数为Probit指数的变化，不是概率的变化。",
        ),
        "note.average_effects": (
            "average partial effects: changes of the probability, over all rows.",
            "平均偏效应：概率的变化，对全部观测值取平均。",
        ),
        "note.corrected": (
            "bias correction of Fernandez-Val and Weidner (2016).",
            "已按Fernandez-Val和Weidner（2016）校正偏差。",
        ),
        "note.uncorrected": ("no bias correction.", "未校正偏差。"),
    }
)
