"""What tables say of sets of models, by code."""

from __future__ import annotations

from digiprosper.report.words import Words

_ENGLISH = {
    "permutations": "{value}, {p} ({reps} permutations of the groups over entities).",
    "permutations.all": (
        "{value}, {p} (all {reps} permutations of the groups over entities)."
    ),
    "interaction": (
        "{value}, {p} (interaction, other coefficients and effects in common)."
    ),
}
_CHINESE = {
    "permutations": "为{value}，{p}（在个体间随机置换分组{reps}次）。",
    "permutations.all": "为{value}，{p}（在个体间置换分组的全部{reps}种方式）。",
    "interaction": "为{value}，{p}（交互项检验，其他系数和固定效应相同）。",
}

WORDS = Words(
    english={
        **{
            f"difference.{method}": "Difference of {term}, {last} minus {first}: " + s
            for method, s in _ENGLISH.items()
        },
        **{
            f"difference.by.{method}": (
                "Difference of {term} by {group}, {last} minus {first}: "
            )
            + s
            for method, s in _ENGLISH.items()
        },
        **{
            f"range.{method}": "Range of {term} over {count} groups: " + s
            for method, s in _ENGLISH.items()
        },
        "difference.row": "{term}: difference between groups",
        "range.row": "{term}: range over groups",
        "p_value.row": "Difference between groups, p-value",
        "group": "{name}",
        "head.(none)": "(none)",
        "control_sets": (
            "{about} on the same rows; p-values do not allow for a choice among them."
        ),
        "search": (
            "The t statistic of {term} is compared with the largest one of {count} "
            "specifications in each of {reps} draws without an effect (restricted wild "
            "cluster bootstrap); by itself it has {p}. {share} of the specifications "
            "are significant."
        ),
    },
    chinese={
        **{
            f"difference.{method}": "{term}的系数之差（{last}减{first}）" + s
            for method, s in _CHINESE.items()
        },
        **{
            f"difference.by.{method}": (
                "按{group}分组，{term}的系数之差（{last}减{first}）"
            )
            + s
            for method, s in _CHINESE.items()
        },
        **{
            f"range.{method}": "{term}的系数在{count}个组之间的极差" + s
            for method, s in _CHINESE.items()
        },
        "difference.row": "{term}系数的组间差异",
        "range.row": "{term}系数的组间极差",
        "p_value.row": "组间差异检验p值",
        "group": "{name}",
        "head.(none)": "（无）",
        "control_sets": (
            "{candidates}个候选控制变量的{sets}种组合，样本相同；"
            "p值未考虑对模型的挑选。"
        ),
        "search": (
            "将{term}的t统计量与{reps}次无效应抽样中{count}个模型的最大t统计量相比"
            "（施加约束的野聚类自助法）；其自身{p}。{share}的模型显著。"
        ),
    },
)
"""Of the groups of `by_group` and the models of `control_sets`."""
