"""Names of event times, cohorts, averages of effects and balance, by code."""

from __future__ import annotations

from digiprosper.report.words import Words

BALANCE_HEADS = {
    "mean_treated": "Treated",
    "mean_control": "Controls",
    "std_diff": "Std. diff.",
    "variance_ratio": "Var. ratio",
}
"""Heads of the columns of a table of the balance, before and after matching."""

_HEADS = [
    f"{head}, {when}" for when in ("before", "after") for head in BALANCE_HEADS.values()
]
_HEADS_ZH = [
    f"{head}，匹配{when}"
    for when in "前后"
    for head in ("处理组", "对照组", "标准化差异", "方差比")
]
_STD_DIFF = (
    "Std. diff.: difference of the means over the root of the mean of the two "
    "variances (those before matching)."
)
_STD_DIFF_ZH = "标准化差异为均值之差除以匹配前两组方差均值的平方根。"


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
        "callaway_santanna.never": (
            "Callaway & Sant'Anna (2021), compared with never treated."
        ),
        "callaway_santanna.not_yet": (
            "Callaway & Sant'Anna (2021), compared with not yet treated."
        ),
        "imputation.not_yet": "imputation, Borusyak, Jaravel & Spiess (2024).",
        "sun_abraham.never": "Sun & Abraham (2021), compared with never treated.",
        "before.reference": "event time {time} is the reference, 0 by construction.",
        "before.previous": (
            "before treatment: change since the previous period; event time -1 "
            "is estimated."
        ),
        "before.earlier": "before treatment: difference from all earlier periods.",
        "before.cohorts": "the reference is not the same event time for all cohorts.",
        "log_ratios": (
            "Poisson regression; coefficients of event times are logs of ratios of "
            "means, exp(b) - 1 is the relative effect."
        ),
        "stat.n_treated": "Treated entities",
        "stat.deviance": "Deviance",
        "stat.n_separated": "Separated rows",
        "controls": "controls {x}.",
        "controls.doubly_robust": "controls {x}, doubly robust.",
        "controls.ipw": "controls {x}, inverse probability weights.",
        "controls.regression": "controls {x}, regression.",
        **{f"head.{head}": head for head in _HEADS},
        "head.honest.conf_low": "Lower end",
        "head.honest.conf_high": "Upper end",
        "row.original": "Usual interval",
        "honest.time": "effect at event time {first}",
        "honest.average": "mean effect of event times {first} to {last}",
        "honest.weights": "weighted effect of event times {first} to {last}",
        "honest": (
            "{level}% intervals, {effect}; {restriction} (Rambachan & Roth 2023). "
            "Break-even M: {breakdown}."
        ),
        "honest.relative": (
            "the difference in trends changes after treatment by at most M times its "
            "largest change before it"
        ),
        "honest.smoothness": (
            "the slope of the difference in trends changes by at most M per period"
        ),
        "att_matched": "ATT, matched entities",
        "scores.estimated": (
            "standard error of Abadie & Imbens (2016), for estimated scores."
        ),
        "scores.given": (
            "standard error of Abadie & Imbens (2006), scores taken as given."
        ),
        "scores.balanced": "standard error allows for estimated weights.",
        "matched": (
            "Base values of {treated} treated and {controls} control entities "
            "({entity}) before matching, of {matched} and {used} after it. {how}. "
            f"{_STD_DIFF}"
        ),
        "balanced": (
            "Base values of {treated} treated and {controls} control entities "
            "({entity}). {how}: the controls are worth {worth} of equal weight, and "
            "the largest weight is {largest}% of all. "
            f"{_STD_DIFF}"
        ),
        "how": (
            "{neighbours} by the propensity score (logit, distance of probabilities) "
            "{caliper}, {replacement}"
        ),
        "how.untrimmed": (
            "{neighbours} by the propensity score (logit, distance of probabilities) "
            "{caliper}, {replacement}, also outside the common support"
        ),
        "neighbours.1": "Nearest neighbour",
        "neighbours": "{k} nearest neighbours",
        "caliper": "within {caliper}",
        "caliper.none": "without a caliper",
        "replace.True": "with replacement",
        "replace.False": "without replacement",
        "moments.1": "Entropy balancing of means (Hainmueller 2012)",
        "moments.2": "Entropy balancing of means and variances (Hainmueller 2012)",
    },
    chinese={
        "event": "事件时间",
        "cohort": "首次处理时间",
        "calendar": "处理组，时间",
        "att_simple": "ATT（全部处理观测）",
        "att_dynamic": "ATT（事件时间平均）",
        "att_group": "ATT（处理批次平均）",
        "att_calendar": "ATT（时期平均）",
        "point": "{effect} {point}",
        "callaway_santanna.never": "Callaway & Sant'Anna (2021)，以从未处理组为对照。",
        "callaway_santanna.not_yet": (
            "Callaway & Sant'Anna (2021)，以尚未处理组为对照。"
        ),
        "imputation.not_yet": "插补估计，Borusyak, Jaravel & Spiess (2024)。",
        "sun_abraham.never": "Sun & Abraham (2021)，以从未处理组为对照。",
        "before.reference": "事件时间{time}为基准期，设定为0。",
        "before.previous": "处理前为相对上一期的变化，事件时间-1也是估计值。",
        "before.earlier": "处理前为相对更早各期的差异。",
        "before.cohorts": "各批次的基准期不是同一事件时间。",
        "log_ratios": (
            "泊松回归；事件时间的系数为均值之比的对数，exp(b) - 1为相对效应。"
        ),
        "stat.n_treated": "处理组个体数",
        "stat.deviance": "偏差",
        "stat.n_separated": "分离样本数",
        "controls": "控制{x}。",
        "controls.doubly_robust": "控制{x}，双重稳健。",
        "controls.ipw": "控制{x}，逆概率加权。",
        "controls.regression": "控制{x}，回归调整。",
        **{
            f"head.{head}": head_zh
            for head, head_zh in zip(_HEADS, _HEADS_ZH, strict=True)
        },
        "head.honest.conf_low": "区间下限",
        "head.honest.conf_high": "区间上限",
        "row.original": "通常的置信区间",
        "honest.time": "事件时间{first}的效应",
        "honest.average": "事件时间{first}至{last}的平均效应",
        "honest.weights": "事件时间{first}至{last}的加权效应",
        "honest": (
            "{level}%置信区间，{effect}；{restriction}（Rambachan & Roth 2023）。"
            "临界M值：{breakdown}。"
        ),
        "honest.relative": "处理后趋势差异的逐期变化不超过处理前最大变化的M倍",
        "honest.smoothness": "趋势差异的斜率逐期变化不超过M",
        "att_matched": "ATT（匹配个体）",
        "scores.estimated": "Abadie & Imbens (2016)标准误，考虑倾向得分的估计。",
        "scores.given": "Abadie & Imbens (2006)标准误，倾向得分视为已知。",
        "scores.balanced": "标准误考虑权重的估计。",
        "matched": (
            "基期值；匹配前{entity}中处理组{treated}个、对照组{controls}个，"
            "匹配后分别为{matched}个和{used}个。{how}。"
            f"{_STD_DIFF_ZH}"
        ),
        "balanced": (
            "基期值；{entity}中处理组{treated}个、对照组{controls}个。{how}："
            "对照组的有效个数为{worth}，最大权重占{largest}%。"
            f"{_STD_DIFF_ZH}"
        ),
        "how": "logit倾向得分近邻匹配（{neighbours}），{caliper}，{replacement}",
        "how.untrimmed": (
            "logit倾向得分近邻匹配（{neighbours}），{caliper}，{replacement}，"
            "不限于共同支撑域"
        ),
        "neighbours.1": "1:1",
        "neighbours": "1:{k}",
        "caliper": "卡尺{caliper}",
        "caliper.none": "无卡尺",
        "replace.True": "有放回",
        "replace.False": "无放回",
        "moments.1": "均值熵平衡（Hainmueller 2012）",
        "moments.2": "均值与方差熵平衡（Hainmueller 2012）",
    },
)
"""Of tables. The code of a point is its text, such as ``"-3"`` or ``"≤ -5"``."""
