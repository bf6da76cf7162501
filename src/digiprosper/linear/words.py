"""What tables say of linear models, by code."""

from __future__ import annotations

from digiprosper.report.words import Words

__all__ = ["WORDS"]

WORDS = Words(
    english={
        "two_stage": "two-stage least squares, {endog} instrumented by {instruments}.",
        "wild.estimate": "Estimate",
        "wild.interval": "{level} interval",
        "wild.statistic": "t",
        "wild.p_value": "p-value",
        "wild.draws": "Draws",
        "wild.clusters": "Clusters",
        "wild.note": "Wild cluster bootstrap: p-values and intervals with the null imposed; t with clustered "
        "standard errors.",
    },
    chinese={
        "two_stage": "两阶段最小二乘法，{endog}的工具变量为{instruments}。",
        "wild.estimate": "估计值",
        "wild.interval": "{level}置信区间",
        "wild.statistic": "t",
        "wild.p_value": "p值",
        "wild.draws": "抽样次数",
        "wild.clusters": "聚类数",
        "wild.note": "野聚类自助法：p值和区间在原假设下得到，t值使用聚类标准误。",
    },
)
"""Of tables."""
