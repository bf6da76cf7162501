"""Names of event times, cohorts, averages of effects and balance, by code."""

from digiprosper.report.words import Words

BALANCE_HEADS = {
    "mean_treated": ("Treated", "处理组"),
    "mean_control": ("Controls", "对照组"),
    "std_diff": ("Std. diff.", "标准化差异"),
    "variance_ratio": ("Var. ratio", "方差比"),
}
"""Heads of the columns of a table of the balance, before and after matching."""

_STD_DIFF = (
    "Std. diff.: difference of the means over the root of the mean of the two "
    "variances (those before matching)."
)
_STD_DIFF_ZH = "标准化差异为均值之差除以匹配前两组方差均值的平方根。"


WORDS = Words(
    {
        "event": ("Event time", "事件时间"),
        "cohort": ("First treated in", "首次处理时间"),
        "calendar": ("Treated, in", "处理组，时间"),
        "att_simple": ("ATT, treated rows", "ATT（全部处理观测）"),
        "att_dynamic": ("ATT, mean of event times", "ATT（事件时间平均）"),
        "att_group": ("ATT, mean of cohorts", "ATT（处理批次平均）"),
        "att_calendar": ("ATT, mean of periods", "ATT（时期平均）"),
        "point": "{effect} {point}",
        "callaway_santanna.never": (
            "Callaway & Sant'Anna (2021), compared with never treated.",
            "Callaway & Sant'Anna (2021)，以从未处理组为对照。",
        ),
        "callaway_santanna.not_yet": (
            "Callaway & Sant'Anna (2021), compared with not yet treated.",
            "Callaway & Sant'Anna (2021)，以尚未处理组为对照。",
        ),
        "imputation.not_yet": (
            "imputation, Borusyak, Jaravel & Spiess (2024).",
            "插补估计，Borusyak, Jaravel & Spiess (2024)。",
        ),
        "sun_abraham.never": (
            "Sun & Abraham (2021), compared with never treated.",
            "Sun & Abraham (2021)，以从未处理组为对照。",
        ),
        "before.reference": (
            "event time {time} is the reference, 0 by construction.",
            "事件时间{time}为基准期，设定为0。",
        ),
        "before.previous": (
            (
                "before treatment: change since the previous period; event time -1 "
                "is estimated."
            ),
            "处理前为相对上一期的变化，事件时间-1也是估计值。",
        ),
        "before.earlier": (
            "before treatment: difference from all earlier periods.",
            "处理前为相对更早各期的差异。",
        ),
        "before.cohorts": (
            "the reference is not the same event time for all cohorts.",
            "各批次的基准期不是同一事件时间。",
        ),
        "log_ratios": (
            (
                "Poisson regression; coefficients of event times are logs of ratios of "
                "means, exp(b) - 1 is the relative effect."
            ),
            "泊松回归；事件时间的系数为均值之比的对数，exp(b) - 1为相对效应。",
        ),
        "stat.n_treated": ("Treated entities", "处理组个体数"),
        "stat.deviance": ("Deviance", "偏差"),
        "stat.n_separated": ("Separated rows", "分离样本数"),
        "controls": ("controls {x}.", "控制{x}。"),
        "controls.doubly_robust": (
            "controls {x}, doubly robust.",
            "控制{x}，双重稳健。",
        ),
        "controls.ipw": (
            "controls {x}, inverse probability weights.",
            "控制{x}，逆概率加权。",
        ),
        "controls.regression": ("controls {x}, regression.", "控制{x}，回归调整。"),
        "untreated": (
            "never treated: {count} {entity}, on which effects depend.",
            "从未处理的{entity}仅{count}个，效应依赖于此。",
        ),
        "untreated.clustered": (
            "never treated: {count} {entity}; standard errors are far too small.",
            "从未处理的{entity}仅{count}个，标准误严重偏小。",
        ),
        "alone": (
            "errors of a single {entity} assumed to vary as the others do (pooled).",
            "单个{entity}的误差方差设为与其他个体相同（合并方差）。",
        ),
        **{
            f"head.{english}, {when}": (
                f"{english}, {when}",
                f"{chinese}，{chinese_when}",
            )
            for when, chinese_when in (("before", "匹配前"), ("after", "匹配后"))
            for english, chinese in BALANCE_HEADS.values()
        },
        "head.honest.conf_low": ("Lower end", "区间下限"),
        "head.honest.conf_high": ("Upper end", "区间上限"),
        "row.original": ("Usual interval", "通常的置信区间"),
        "honest.time": ("effect at event time {first}", "事件时间{first}的效应"),
        "honest.average": (
            "mean effect of event times {first} to {last}",
            "事件时间{first}至{last}的平均效应",
        ),
        "honest.weights": (
            "weighted effect of event times {first} to {last}",
            "事件时间{first}至{last}的加权效应",
        ),
        "honest": (
            (
                "{level}% intervals, {effect}; {restriction} (Rambachan & Roth 2023). "
                "Break-even M: {breakdown}."
            ),
            (
                "{level}%置信区间，{effect}；{restriction}（Rambachan & Roth 2023）。"
                "临界M值：{breakdown}。"
            ),
        ),
        "honest.relative": (
            (
                "the difference in trends changes after treatment by at most M times "
                "its largest change before it"
            ),
            "处理后趋势差异的逐期变化不超过处理前最大变化的M倍",
        ),
        "honest.smoothness": (
            "the slope of the difference in trends changes by at most M per period",
            "趋势差异的斜率逐期变化不超过M",
        ),
        "att_matched": ("ATT, matched entities", "ATT（匹配个体）"),
        "scores.estimated": (
            "standard error of Abadie & Imbens (2016), for estimated scores.",
            "Abadie & Imbens (2016)标准误，考虑倾向得分的估计。",
        ),
        "scores.given": (
            "standard error of Abadie & Imbens (2006), scores taken as given.",
            "Abadie & Imbens (2006)标准误，倾向得分视为已知。",
        ),
        "scores.balanced": (
            "standard error allows for estimated weights.",
            "标准误考虑权重的估计。",
        ),
        "matched": (
            (
                "Base values of {treated} treated and {controls} control entities "
                "({entity}) before matching, of {matched} and {used} after it. {how}. "
                f"{_STD_DIFF}"
            ),
            (
                "基期值；匹配前{entity}中处理组{treated}个、对照组{controls}个，"
                "匹配后分别为{matched}个和{used}个。{how}。"
                f"{_STD_DIFF_ZH}"
            ),
        ),
        "balanced": (
            (
                "Base values of {treated} treated and {controls} control entities "
                "({entity}). {how}: the controls are worth {worth} of equal weight, "
                "and the largest weight is {largest}% of all. "
                f"{_STD_DIFF}"
            ),
            (
                "基期值；{entity}中处理组{treated}个、对照组{controls}个。{how}："
                "对照组的有效个数为{worth}，最大权重占{largest}%。"
                f"{_STD_DIFF_ZH}"
            ),
        ),
        "how": (
            (
                "{neighbours} by the propensity score (logit, distance of "
                "probabilities) {caliper}, {replacement}"
            ),
            "logit倾向得分近邻匹配（{neighbours}），{caliper}，{replacement}",
        ),
        "how.untrimmed": (
            (
                "{neighbours} by the propensity score (logit, distance of "
                "probabilities) {caliper}, {replacement}, also outside the common "
                "support"
            ),
            (
                "logit倾向得分近邻匹配（{neighbours}），{caliper}，{replacement}，"
                "不限于共同支撑域"
            ),
        ),
        "neighbours.1": ("Nearest neighbour", "1:1"),
        "neighbours": ("{k} nearest neighbours", "1:{k}"),
        "caliper": ("within {caliper}", "卡尺{caliper}"),
        "caliper.none": ("without a caliper", "无卡尺"),
        "replace.True": ("with replacement", "有放回"),
        "replace.False": ("without replacement", "无放回"),
        "moments.1": (
            "Entropy balancing of means (Hainmueller 2012)",
            "均值熵平衡（Hainmueller 2012）",
        ),
        "moments.2": (
            "Entropy balancing of means and variances (Hainmueller 2012)",
            "均值与方差熵平衡（Hainmueller 2012）",
        ),
    }
)
"""Words in tables. The code of a point is its text, such as ``"-3"`` or ``"≤ -5"``."""
