"""What thresholds, kinks, their tests and their confidence sets are called, by code."""

from digiprosper.report.words import Words

_DRAWN = {
    "wild_cluster": ("wild cluster bootstrap", "野聚类自助法"),
    "hansen": (
        "bootstrap of whole entities (Hansen 1999)",
        "整体抽取个体的自助法（Hansen 1999）",
    ),
    "iid": ("bootstrap of single rows", "逐行抽取的自助法"),
    "wild_score": (
        "wild cluster bootstrap of the score",
        "得分统计量的野聚类自助法",
    ),
}
_ROWS = {
    "Single threshold": "单一门槛",
    "Double threshold": "双重门槛",
    "Triple threshold": "三重门槛",
} | {f"{count} thresholds": f"{count}重门槛" for count in range(4, 10)}

WORDS = Words(
    {
        "step": ("threshold", "门槛值"),
        "step.numbered": ("threshold {number}", "第{number}个门槛值"),
        "step.row": ("Threshold {number}", "门槛值{number}"),
        "step.known": (
            "Standard errors treat the estimated threshold as known.",
            "标准误将估计的门槛值视为已知。",
        ),
        "step.given": (
            (
                "A given threshold was fixed and not estimated: it has no confidence "
                "set and no test."
            ),
            "给定的门槛值未经估计，没有置信集和检验。",
        ),
        "none": (
            "No threshold is significant at {size}.",
            "在{size}的显著性水平上没有显著的门槛值。",
        ),
        "intercepts": (
            "Intercepts of regimes are relative to that of the highest one.",
            "各区间的常数项以最高区间为基准。",
        ),
        "step.none": (
            "its slopes are those of the linear model",
            "其斜率为线性模型的斜率",
        ),
        "step.test.first": (
            "{statistic}, 1 threshold against none",
            "{statistic}统计量（1个门槛值，原假设：无）",
        ),
        "step.test.later": (
            "{statistic}, {number} thresholds against one fewer",
            "{statistic}统计量（{number}个门槛值，原假设：少1个）",
        ),
        "step.set.lr": ("LR (Hansen 1999)", "似然比（Hansen 1999）"),
        "step.set.scaled": (
            "LR scaled by the variance at the threshold",
            "按门槛值处方差调整的似然比",
        ),
        "step.set.bootstrap": ("bootstrap", "自助法"),
        "step.criterion.lr": ("homoskedastic", "同方差"),
        "step.criterion.scaled": ("scaled", "调整方差"),
        "step.criterion.bootstrap": ("bootstrap", "自助法"),
        "kink": ("kink point", "拐点"),
        "kink.numbered": ("kink point", "拐点"),
        "kink.row": ("Kink point", "拐点"),
        "kink.known": (
            "Standard errors allow for the estimation of the kink point.",
            "标准误已考虑拐点的估计。",
        ),
        "kink.test.no_kink": ("{statistic}, no kink", "{statistic}统计量，无拐点"),
        "kink.test.no_jump": ("{statistic}, no jump", "{statistic}统计量，无跳跃"),
        "kink.set.lr": (
            "LR against chi-squared with one degree of freedom",
            "似然比，自由度为1的卡方分布",
        ),
        "kink.set.bootstrap": ("bootstrap (Hansen 2017)", "自助法（Hansen 2017）"),
        **{f"drawn.{bootstrap}": texts for bootstrap, texts in _DRAWN.items()},
        "statistic.F": "F",
        "statistic.score": ("score", "得分"),
        "head.score": ("Score", "得分统计量"),
        "head.draws": ("Draws", "抽样次数"),
        "head.estimates": ("Thresholds", "门槛估计值"),
        "tests.intercepts": (
            "Each regime has its own intercept.",
            "各区间有各自的常数项。",
        ),
        "over.critical": ("Critical values", "临界值"),
        **{
            f"tests.{bootstrap}": (
                (
                    "Thresholds in {variable}, each tested against one fewer; p-values "
                    f"and critical values from a {english}."
                ),
                f"门槛变量为{{variable}}，原假设为少一个门槛值；p值和临界值来自{chinese}。",
            )
            for bootstrap, (english, chinese) in _DRAWN.items()
        },
        **{f"row.{english}": (english, chinese) for english, chinese in _ROWS.items()},
    }
)
"""Words of tables and figures of thresholds and kinks."""
