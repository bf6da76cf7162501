"""What effects and paths of a mediation are called, by code."""

from digiprosper.report.words import Words

WORDS = Words(
    {
        "total": ("Total effect", "总效应"),
        "direct": ("Direct effect", "直接效应"),
        "indirect": ("Indirect effect", "间接效应"),
        "indirect.through": ("Indirect through {path}", "经由{path}的间接效应"),
        "indirect.effect_through": (
            "Indirect effect through {path}",
            "经由{path}的间接效应",
        ),
        "proportion_mediated": ("Proportion mediated", "中介效应占比"),
        "controlled_direct": ("Controlled direct effect", "受控直接效应"),
        "eliminated": ("Eliminated effect", "消除效应"),
        "eliminated.through": ("Eliminated through {path}", "经由{path}的消除效应"),
        "a": ("a: treatment on mediator", "a：处理变量对中介变量"),
        "a.through": ("a: treatment on {path}", "a：处理变量对{path}"),
        "b": ("b: mediator on outcome", "b：中介变量对结果变量"),
        "b.through": ("b: {path} on outcome", "b：{path}对结果变量"),
        "product_of_means.through": (
            "Product of the means of a and b, {path}",
            "a与b均值之积，{path}",
        ),
        "covariance.through": ("Covariance of a and b, {path}", "a与b的协方差，{path}"),
        "index.of": (
            "{effect}: change with the moderator",
            "{effect}：随调节变量的变化",
        ),
        "difference.of": (
            "{effect}: regime 2 minus regime 1",
            "{effect}：高区制减低区制",
        ),
        "depends": (
            "effects depend on {name}, at whose values they are shown.",
            "效应取决于{name}，所列取值为{name}的取值。",
        ),
        "depends.regimes": (
            "regime 1 has {name} at most {value}, regime 2 above.",
            "区制1中{name}不高于{value}，区制2中高于{value}。",
        ),
        "point": ("{effect} ({point})", "{effect}（{point}）"),
        "point.p10": ("10% quantile", "10%分位数"),
        "point.p50": ("median", "中位数"),
        "point.p90": ("90% quantile", "90%分位数"),
        "point.low": ("low value", "低值"),
        "point.high": ("high value", "高值"),
        "regime": ("{effect} (regime {number})", "{effect}（区制{number}）"),
        "part.mean": ("mean of the rows", "各行均值"),
        "part.p10": (
            "{variable} = {value} (10% quantile)",
            "{variable} = {value}（10%分位数）",
        ),
        "part.p50": (
            "{variable} = {value} (50% quantile)",
            "{variable} = {value}（50%分位数）",
        ),
        "part.p90": (
            "{variable} = {value} (90% quantile)",
            "{variable} = {value}（90%分位数）",
        ),
        "part.low": "{variable} = {value}",
        "part.high": "{variable} = {value}",
        "part.index": ("change per unit of {variable}", "{variable}每变动一单位的变化"),
        "part.difference": ("high minus low regime", "高区制减低区制"),
        "row.effect": ("Indirect effect{through}", "{through}间接效应"),
        "row.interval": (
            "Indirect effect{through} [95% interval]",
            "{through}间接效应 [95%置信区间]",
        ),
        "row.bootstrap": ("Bootstrap p{through}", "{through}自助法p值"),
        "row.sobel": ("Sobel z{through}", "{through}Sobel z值"),
        "row.note": (
            (
                "Intervals and p-values of indirect effects: percentiles of {count} "
                "bootstrap draws, resampled by {units}."
            ),
            "间接效应的置信区间和p值来自{count}次自助抽样的分位数，按{units}整群抽样。",
        ),
        "row.through": (" through {path}", "经由{path}的"),
        "row.only": "",
    }
)
"""Words of tables and figures; ``row``: last rows of the three-step table."""
