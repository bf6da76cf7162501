"""Words of the notices that are also below a table."""

from __future__ import annotations

from digiprosper.report.words import Words

BELOW = Words(
    {
        "chosen_rows": ("rows where {where}.", "样本为满足{where}的观测。"),
        "winsorised": (
            "winsorised at {lower} and {upper}: {cells}.",
            "{cells}在{lower}和{upper}分位数处缩尾。",
        ),
        "interpolated": (
            "interpolated: {cells}.",
            "{cells}的缺失值已插值补齐。",
        ),
        "standardised": ("standardised: {cells}.", "{cells}已标准化。"),
        "separated": (
            "separated rows dropped (zeros that are fitted perfectly): {count}.",
            "剔除被完全拟合的零值观测（分离）{count}个。",
        ),
        "shifted_log": (
            (
                "{term} changes with the unit of {column}, so that its coefficients "
                "are no percentages."
            ),
            "{term}取决于{column}的计量单位，其系数不是百分比变化。",
        ),
        "dropped_collinear": (
            "{column} was dropped, because it is collinear with {on}.",
            "{column}与{on}共线，已剔除。",
        ),
        "dropped_absorbed": (
            (
                "{column} was dropped, because it does not vary within the effects "
                "({effects})."
            ),
            "{column}被固定效应（{effects}）吸收，已剔除。",
        ),
        "no_variance": (
            (
                "no standard error of {terms}, because the scores add up to zero in "
                "every group."
            ),
            "{terms}没有标准误，因为得分在每一组内之和为零。",
        ),
        "needed_clusters": (
            (
                "no standard error of {terms}, because not identified without one of "
                "the clusters ({clusters})."
            ),
            "{terms}没有标准误，因为剔除某个聚类（{clusters}）后无法识别。",
        ),
        "not_psd": (
            (
                "no standard error of {terms}, because two-way clusters give a "
                "negative variance."
            ),
            "{terms}没有标准误，因为双向聚类给出负的方差。",
        ),
        "few_treated": (
            (
                "standard error too small, because few clusters ({clusters}) have most "
                "of the variation: {terms}."
            ),
            "标准误偏小，因为变动集中于少数聚类（{clusters}）：{terms}。",
        ),
        "few_treated_clusters": (
            (
                "{n_treated} of {n_clusters} clusters ({clusters}) are treated, so "
                "that standard errors are too small."
            ),
            "{n_clusters}个聚类（{clusters}）中{n_treated}个受处理，标准误偏小。",
        ),
        "very_few_clusters": (
            "t tests may reject too often with {n_clusters} clusters ({clusters}).",
            "聚类（{clusters}）仅{n_clusters}个，t检验可能过度拒绝原假设。",
        ),
        "weak_first_stage": (
            (
                "the instruments of {endog} are weak, so that its t test and interval "
                "may not hold: see the Anderson-Rubin set."
            ),
            (
                "{endog}的工具变量较弱，其t检验和置信区间可能不成立，应报告"
                "Anderson-Rubin置信集。"
            ),
        ),
        "biased_first_stage": (
            (
                "the effective F of {endog} is below its critical value, so that a "
                "bias of 10% is not excluded: see the Anderson-Rubin set."
            ),
            (
                "{endog}的有效F统计量低于临界值，不能排除10%的偏误，应参考"
                "Anderson-Rubin置信集。"
            ),
        ),
    }
)
"""By code: rows chosen or dropped, columns changed, terms without an estimate or error,
errors too small, weak instruments."""
