"""What thresholds, kinks, their tests and their confidence sets are called, by code."""

from __future__ import annotations

from digiprosper.report.words import Words

_NULL = (
    "Thresholds in {variable}, each tested against one fewer; p-values and critical "
    "values from "
)
_NULL_CHINESE = "门槛变量为{{variable}}，原假设为少一个门槛值；p值和临界值来自{}。"
_ROWS = {
    "Single threshold": "单一门槛",
    "Double threshold": "双重门槛",
    "Triple threshold": "三重门槛",
} | {f"{count} thresholds": f"{count}重门槛" for count in range(4, 10)}

WORDS = Words(
    english={
        "step": "threshold",
        "step.numbered": "threshold {number}",
        "step.row": "Threshold {number}",
        "step.known": "Standard errors treat the estimated threshold as known.",
        "step.given": (
            "A given threshold was fixed and not estimated: it has no confidence set "
            "and no test."
        ),
        "none": "No threshold is significant at {size}.",
        "intercepts": "Intercepts of regimes are relative to that of the highest one.",
        "step.none": "its slopes are those of the linear model",
        "step.test.threshold": "{statistic} of threshold {number}",
        "step.set.lr": "LR (Hansen 1999)",
        "step.set.scaled": "LR scaled by the variance at the threshold",
        "step.set.bootstrap": "bootstrap",
        "step.criterion.lr": "homoskedastic",
        "step.criterion.scaled": "scaled",
        "step.criterion.bootstrap": "bootstrap",
        "kink": "kink point",
        "kink.numbered": "kink point",
        "kink.row": "Kink point",
        "kink.known": "Standard errors allow for the estimation of the kink point.",
        "kink.test.no_kink": "{statistic}, no kink",
        "kink.test.no_jump": "{statistic}, no jump",
        "kink.set.lr": "LR against chi-squared with one degree of freedom",
        "kink.set.bootstrap": "bootstrap (Hansen 2017)",
        "drawn.wild_cluster": "wild cluster bootstrap",
        "drawn.hansen": "bootstrap of whole entities (Hansen 1999)",
        "drawn.iid": "bootstrap of single rows",
        "drawn.wild_score": "wild cluster bootstrap of the score",
        "statistic.F": "F",
        "statistic.score": "score",
        "head.F": "F",
        "head.score": "Score",
        "head.p_value": "p-value",
        "head.draws": "Draws",
        "over.critical": "Critical values",
        "tests.wild_cluster": _NULL + "a wild cluster bootstrap.",
        "tests.wild_score": _NULL + "a wild cluster bootstrap of the score.",
        "tests.hansen": _NULL + "a bootstrap of whole entities (Hansen 1999).",
        "tests.iid": _NULL + "a bootstrap of single rows.",
        **{f"row.{name}": name for name in _ROWS},
    },
    chinese={
        "step": "门槛值",
        "step.numbered": "第{number}个门槛值",
        "step.row": "门槛值{number}",
        "step.known": "标准误将估计的门槛值视为已知。",
        "step.given": "给定的门槛值未经估计，没有置信集和检验。",
        "none": "在{size}的显著性水平上没有显著的门槛值。",
        "intercepts": "各区间的常数项以最高区间为基准。",
        "step.none": "其斜率为线性模型的斜率",
        "step.test.threshold": "第{number}个门槛值的{statistic}统计量",
        "step.set.lr": "似然比（Hansen 1999）",
        "step.set.scaled": "按门槛值处方差调整的似然比",
        "step.set.bootstrap": "自助法",
        "step.criterion.lr": "同方差",
        "step.criterion.scaled": "调整方差",
        "step.criterion.bootstrap": "自助法",
        "kink": "拐点",
        "kink.numbered": "拐点",
        "kink.row": "拐点",
        "kink.known": "标准误已考虑拐点的估计。",
        "kink.test.no_kink": "{statistic}统计量，无拐点",
        "kink.test.no_jump": "{statistic}统计量，无跳跃",
        "kink.set.lr": "似然比，自由度为1的卡方分布",
        "kink.set.bootstrap": "自助法（Hansen 2017）",
        "drawn.wild_cluster": "野聚类自助法",
        "drawn.hansen": "整体抽取个体的自助法（Hansen 1999）",
        "drawn.iid": "逐行抽取的自助法",
        "drawn.wild_score": "得分统计量的野聚类自助法",
        "statistic.F": "F",
        "statistic.score": "得分",
        "head.F": "F值",
        "head.score": "得分统计量",
        "head.p_value": "p值",
        "head.draws": "抽样次数",
        "over.critical": "临界值",
        "tests.wild_cluster": _NULL_CHINESE.format("野聚类自助法"),
        "tests.wild_score": _NULL_CHINESE.format("得分统计量的野聚类自助法"),
        "tests.hansen": _NULL_CHINESE.format("整体抽取个体的自助法（Hansen 1999）"),
        "tests.iid": _NULL_CHINESE.format("逐行抽取的自助法"),
        **{f"row.{name}": text for name, text in _ROWS.items()},
    },
)
"""Words of tables and figures of thresholds and kinks."""
