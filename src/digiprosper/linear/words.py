"""What tables say of linear models, by code."""

from __future__ import annotations

from digiprosper.report.words import Words

WORDS = Words(
    english={
        "two_stage": "two-stage least squares, {endog} instrumented by {instruments}.",
        "stage.first": "First stage",
        "stage.first.of": "First stage: {name}",
        "stage.second": "Second stage",
        "stage.first_f": "F of the instruments",
        "stage.effective_f": "Effective F",
        "stage.kp_lm": "Kleibergen-Paap LM, p-value",
        "stage.hansen": "Hansen J, p-value",
        "stage.sargan": "Sargan, p-value",
        "stage.endogeneity": "Endogeneity, p-value",
        "wild.estimate": "Estimate",
        "wild.interval": "{level} interval",
        "wild.statistic": "t",
        "wild.p_value": "p-value",
        "wild.draws": "Draws",
        "wild.clusters": "Clusters",
        "wild.note": (
            "Wild cluster bootstrap: p-values and intervals with the null imposed; t "
            "with clustered standard errors."
        ),
    },
    chinese={
        "two_stage": "两阶段最小二乘法，{endog}的工具变量为{instruments}。",
        "stage.first": "第一阶段",
        "stage.first.of": "第一阶段：{name}",
        "stage.second": "第二阶段",
        "stage.first_f": "工具变量F值",
        "stage.effective_f": "有效F值",
        "stage.kp_lm": "Kleibergen-Paap LM检验p值",
        "stage.hansen": "Hansen J检验p值",
        "stage.sargan": "Sargan检验p值",
        "stage.endogeneity": "内生性检验p值",
        "wild.estimate": "估计值",
        "wild.interval": "{level}置信区间",
        "wild.statistic": "t",
        "wild.p_value": "p值",
        "wild.draws": "抽样次数",
        "wild.clusters": "聚类数",
        "wild.note": "野聚类自助法：p值和区间在原假设下得到，t值使用聚类标准误。",
    },
)
