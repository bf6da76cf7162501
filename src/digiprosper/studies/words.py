"""What the notes of tables say of sets of models, by code."""

from __future__ import annotations

from digiprosper.report.words import Words

__all__ = ["WORDS"]

WORDS = Words(
    english={
        "by_group": "{what}: {value}, {p} ({how}).",
        "difference": "{title}",
        "range": "Range of {term} over {count} groups",
        "permutations": "{count} permutations of the groups over entities",
        "interaction": "interaction, other coefficients and effects in common",
        "control_sets": "{about} on the same rows; p-values do not allow for a choice among them.",
    },
    chinese={
        "by_group": "{what}为{value}，{p}（{how}）。",
        "difference": "{term}的系数之差（{last}减{first}）",
        "range": "{term}的系数在{count}个组之间的极差",
        "permutations": "在个体间随机置换分组{count}次",
        "interaction": "交互项检验，其他系数和固定效应相同",
        "control_sets": "{candidates}个候选控制变量的{sets}种组合，样本相同；p值未考虑对模型的挑选。",
    },
)
"""Of the groups of `by_group` and the models of `control_sets`."""
