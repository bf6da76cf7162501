"""What spatial coefficients and models are called, by code."""

from __future__ import annotations

from digiprosper.report.words import Words

MODELS = {
    "sdm": "spatial Durbin model (SDM)",
    "sar": "spatial lag model (SAR)",
    "sem": "spatial error model (SEM)",
    "slx": "spatially lagged regressors (SLX)",
    "sdem": "spatial Durbin error model (SDEM)",
    "sac": "spatial lag and error (SAC)",
}
"""In summaries and under tables, by option word."""

_CHINESE_MODELS = {
    "sdm": "空间杜宾模型（SDM）",
    "sar": "空间滞后模型（SAR）",
    "sem": "空间误差模型（SEM）",
    "slx": "解释变量空间滞后模型（SLX）",
    "sdem": "空间杜宾误差模型（SDEM）",
    "sac": "空间自回归组合模型（SAC）",
}

_CHINESE_SCALES = {"row": "行标准化", "spectral": "除以谱半径", "none": "未标准化"}

_CHINESE_TESTS = {
    "LM lag": "LM检验（空间滞后）",
    "LM error": "LM检验（空间误差）",
    "Robust LM lag": "稳健LM检验（空间滞后）",
    "Robust LM error": "稳健LM检验（空间误差）",
    "LR SDM against SAR": "LR检验（SDM与SAR）",
    "Wald SDM against SAR": "Wald检验（SDM与SAR）",
    "LR SDM against SEM": "LR检验（SDM与SEM）",
    "Wald SDM against SEM": "Wald检验（SDM与SEM）",
}

WORDS = Words(
    english={
        "rho": "Spatial lag of the outcome (ρ)",
        "lambda": "Spatial lag of the error (λ)",
        "weights.row": "row-standardised",
        "weights.spectral": "divided by the spectral radius",
        "weights.none": "not standardised",
        "adjusted": "likelihood adjusted for fixed effects (Lee & Yu 2010).",
        "lee_yu": "bias of fixed effects corrected (Lee & Yu 2010).",
        "several_rows": "{variable} is in {terms}; no row alone is its effect.",
        "direct": "Direct",
        "indirect": "Indirect",
        "total": "Total",
        "direct.through": "{path}: direct",
        "indirect.through": "{path}: indirect",
        "total.through": "{path}: total",
        "head.tests.statistic": "Statistic",
        "head.tests.df": "df",
        "head.tests.p_value": "p-value",
        "head.tests.chi2": "χ², not centred",
        "head.tests.chi2_p_value": "p of χ²",
        "tests": (
            "p-values by the signs of entities, {reps} draws; those of fixed effects "
            "and of χ² by the chi-squared distribution."
        ),
        **{f"row.{test}": test for test in _CHINESE_TESTS},
        "row.entity": "LR entity effects",
        "row.time": "LR time effects",
        "head.Direct": "Direct",
        "head.Indirect": "Indirect",
        "head.Total": "Total",
        **{code: f"{name}." for code, name in MODELS.items()},
        "w": "W: {weights}.",
    },
    chinese={
        "rho": "被解释变量的空间滞后（ρ）",
        "lambda": "误差项的空间滞后（λ）",
        **{
            f"weights.{standardise}": scale
            for standardise, scale in _CHINESE_SCALES.items()
        },
        "adjusted": "似然函数已针对固定效应调整（Lee & Yu 2010）。",
        "lee_yu": "固定效应的估计偏误已按 Lee & Yu（2010）校正。",
        "several_rows": "{variable}同时出现在{terms}中，任何一行都不单独是其效应。",
        "direct": "直接效应",
        "indirect": "间接效应",
        "total": "总效应",
        "direct.through": "{path}：直接效应",
        "indirect.through": "{path}：间接效应",
        "total.through": "{path}：总效应",
        "head.tests.statistic": "统计量",
        "head.tests.df": "自由度",
        "head.tests.p_value": "p值",
        "head.tests.chi2": "χ²（未中心化）",
        "head.tests.chi2_p_value": "χ²检验p值",
        "tests": (
            "p值由个体符号的{reps}次抽样得到；固定效应检验和χ²检验的p值来自卡方分布。"
        ),
        **{f"row.{test}": name for test, name in _CHINESE_TESTS.items()},
        "row.entity": "个体固定效应的LR检验",
        "row.time": "时间固定效应的LR检验",
        "head.Direct": "直接效应",
        "head.Indirect": "间接效应",
        "head.Total": "总效应",
        **{code: f"{name}。" for code, name in _CHINESE_MODELS.items()},
        "w": "空间权重矩阵W：{name}（{scale}）。",
    },
)
"""Words in tables, by code."""
