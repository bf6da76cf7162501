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
        "head.Direct": "Direct",
        "head.Indirect": "Indirect",
        "head.Total": "Total",
        **{
            f"{code}.weights.{standardise}": f"{name}, W: {{weights}}."
            for code, name in MODELS.items()
            for standardise in _CHINESE_SCALES
        },
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
        "head.Direct": "直接效应",
        "head.Indirect": "间接效应",
        "head.Total": "总效应",
        **{
            f"{code}.weights.{standardise}": f"{name}，W：{{name}}（{scale}）。"
            for code, name in _CHINESE_MODELS.items()
            for standardise, scale in _CHINESE_SCALES.items()
        },
    },
)
"""Words in tables, by code."""
