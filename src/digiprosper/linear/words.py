"""What tables say of linear models, by code."""

from digiprosper.report.words import Words

WORDS = Words(
    {
        "two_stage": (
            "two-stage least squares, {endog} instrumented by {instruments}.",
            "两阶段最小二乘法，{endog}的工具变量为{instruments}。",
        ),
        "stage.first": ("First stage", "第一阶段"),
        "stage.first.of": ("First stage: {name}", "第一阶段：{name}"),
        "stage.second": ("Second stage", "第二阶段"),
        "stage.first_f": ("F of the instruments", "工具变量F值"),
        "stage.set": ("Anderson-Rubin 95% set", "Anderson-Rubin 95%置信集"),
        "stage.set_p": ("Anderson-Rubin, p-value", "Anderson-Rubin检验p值"),
        "stat.effective_f": ("Effective F", "有效F值"),
        "stat.effective_f_critical": ("Critical value of F", "有效F临界值"),
        "stage.kp_lm": ("Kleibergen-Paap LM, p-value", "Kleibergen-Paap LM检验p值"),
        "stage.hansen": ("Hansen J, p-value", "Hansen J检验p值"),
        "stage.sargan": ("Sargan, p-value", "Sargan检验p值"),
        "stage.endogeneity": ("Endogeneity, p-value", "内生性检验p值"),
        "wild.estimate": ("Estimate", "估计值"),
        "wild.interval": ("{level} interval", "{level}置信区间"),
        "wild.statistic": "t",
        "wild.p_value": ("p-value", "p值"),
        "wild.draws": ("Draws", "抽样次数"),
        "wild.clusters": ("Clusters", "聚类数"),
        "wild.note": (
            (
                "Wild cluster bootstrap: p-values and intervals with the null imposed; "
                "t with clustered standard errors."
            ),
            "野聚类自助法：p值和区间在原假设下得到，t值使用聚类标准误。",
        ),
    }
)
