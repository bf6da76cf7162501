"""Words of tables of several models, by code."""

from digiprosper.report.words import Words

_METHODS = {
    "permutations": (
        "{value}, {p} ({reps} permutations of the groups over {units}).",
        "为{value}，{p}（在{units}间随机置换分组{reps}次）。",
    ),
    "permutations.all": (
        "{value}, {p} (all {reps} permutations of the groups over {units}).",
        "为{value}，{p}（在{units}间置换分组的全部{reps}种方式）。",
    ),
    "interaction": ("{value}, {p} ({method}).", "为{value}，{p}（{method}）。"),
}
_DIFFERENCES = {
    "difference": (
        "Difference of {term}, {last} minus {first}: ",
        "{term}的系数之差（{last}减{first}）",
    ),
    "difference.by": (
        "Difference of {term} by {group}, {last} minus {first}: ",
        "按{group}分组，{term}的系数之差（{last}减{first}）",
    ),
    "range": (
        "Range of {term} over {count} groups: ",
        "{term}的系数在{count}个组之间的极差",
    ),
}

WORDS = Words(
    {
        **{
            f"{kind}.{method}": (what[0] + result[0], what[1] + result[1])
            for kind, what in _DIFFERENCES.items()
            for method, result in _METHODS.items()
        },
        "method.interaction": (
            "interaction in a joint model, in which other coefficients and effects are "
            "the same in all groups; generally not the one between the columns shown",
            "联合模型的交互项：其他解释变量的系数和固定效应在各组相同，因此一般不同于"
            "所列各列系数之间的差异",
        ),
        "method.interactions": (
            "joint test of the interactions, {method}; other coefficients and effects "
            "are the same in all groups, so the range is generally not that of the "
            "columns shown",
            "交互项的联合检验，{method}；其他解释变量的系数和固定效应在各组相同，因此"
            "一般不同于所列各列系数的极差",
        ),
        "unlike": (
            "The error variances of the groups differ, so this test rejects a true "
            "hypothesis in about {share} of panels; with the columns' errors {p}.",
            "两组误差的方差不同，该检验拒绝真实原假设的比例约为{share}；"
            "按各列标准误计算{p}。",
        ),
        "difference.row": ("{term}: difference between groups", "{term}系数的组间差异"),
        "range.row": ("{term}: range over groups", "{term}系数的组间极差"),
        "p_value.row": ("Difference between groups, p-value", "组间差异检验p值"),
        "group": "{name}",
        "units": ("entities", "个体"),
        "head.(none)": ("(none)", "（无）"),
        "control_sets": (
            "{about} on the same rows; p-values do not allow for a choice among them.",
            (
                "{candidates}个候选控制变量的{sets}种组合，样本相同；"
                "p值未考虑对模型的挑选。"
            ),
        ),
        "search": (
            (
                "Allowing for the search: compared with the largest |t| of "
                "{specifications} specifications in each of {reps} draws without an "
                "effect (restricted wild cluster bootstrap, {clusters} clusters)."
            ),
            (
                "考虑模型挑选：与{reps}次无效应抽样中{specifications}个模型的最大|t|"
                "相比（施加约束的野聚类自助法，{clusters}个聚类）。"
            ),
        ),
        "search.statistic": ("t statistic", "t统计量"),
        "search.p_reported": ("By itself, p-value", "自身的p值"),
        "search.best": ("Largest |t|", "最大的|t|"),
        "search.specifications": ("Specifications", "模型数"),
        "search.significant": ("Share with p <= {alpha}", "其中p ≤ {alpha}的比例"),
        "search.p_value": ("Allowing for the search, p-value", "考虑模型挑选的p值"),
    }
)
"""Words for `by_group`, `control_sets` and `search_test`."""
