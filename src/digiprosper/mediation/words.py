"""What effects and paths of a mediation are called, by code."""

from __future__ import annotations

from digiprosper.report.words import Words

__all__ = ["WORDS"]

WORDS = Words(
    english={
        "total": "Total effect",
        "direct": "Direct effect",
        "indirect": "Indirect effect",
        "indirect.through": "Indirect through {path}",
        "indirect.effect_through": "Indirect effect through {path}",
        "proportion_mediated": "Proportion mediated",
        "controlled_direct": "Controlled direct effect",
        "eliminated": "Eliminated effect",
        "eliminated.through": "Eliminated through {path}",
        "a": "a: treatment on mediator",
        "a.through": "a: treatment on {path}",
        "b": "b: mediator on outcome",
        "b.through": "b: {path} on outcome",
        "product_of_means.through": "Product of the means of a and b, {path}",
        "covariance.through": "Covariance of a and b, {path}",
        "index.of": "{effect}: change with the moderator",
        "difference.of": "{effect}: regime 2 minus regime 1",
        "point": "{effect} ({point})",
        "point.p10": "10% quantile",
        "point.p50": "median",
        "point.p90": "90% quantile",
        "point.low": "low value",
        "point.high": "high value",
        "regime": "{effect} (regime {number})",
    },
    chinese={
        "total": "总效应",
        "direct": "直接效应",
        "indirect": "间接效应",
        "indirect.through": "经由{path}的间接效应",
        "indirect.effect_through": "经由{path}的间接效应",
        "proportion_mediated": "中介效应占比",
        "controlled_direct": "受控直接效应",
        "eliminated": "消除效应",
        "eliminated.through": "经由{path}的消除效应",
        "a": "a：处理变量对中介变量",
        "a.through": "a：处理变量对{path}",
        "b": "b：中介变量对结果变量",
        "b.through": "b：{path}对结果变量",
        "product_of_means.through": "a与b均值之积，{path}",
        "covariance.through": "a与b的协方差，{path}",
        "index.of": "{effect}：随调节变量的变化",
        "difference.of": "{effect}：高区制减低区制",
        "point": "{effect}（{point}）",
        "point.p10": "10%分位数",
        "point.p50": "中位数",
        "point.p90": "90%分位数",
        "point.low": "低值",
        "point.high": "高值",
        "regime": "{effect}（区制{number}）",
    },
)
"""Of tables and figures."""
