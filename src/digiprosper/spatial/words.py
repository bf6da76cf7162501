"""What spatial coefficients and models are called, by code."""

from __future__ import annotations

from digiprosper.report.columns import Remark
from digiprosper.report.words import Words

MODELS = {
    "sdm": ("spatial Durbin model (SDM)", "空间杜宾模型（SDM）"),
    "sar": ("spatial lag model (SAR)", "空间滞后模型（SAR）"),
    "sem": ("spatial error model (SEM)", "空间误差模型（SEM）"),
    "slx": ("spatially lagged regressors (SLX)", "解释变量空间滞后模型（SLX）"),
    "sdem": ("spatial Durbin error model (SDEM)", "空间杜宾误差模型（SDEM）"),
    "sac": ("spatial lag and error (SAC)", "空间自回归组合模型（SAC）"),
}
"""In summaries and under tables, by option word."""

WORDS = Words(
    {
        "rho": ("Spatial lag of the outcome (ρ)", "被解释变量的空间滞后（ρ）"),
        "lambda": ("Spatial lag of the error (λ)", "误差项的空间滞后（λ）"),
        "weights.row": ("row-standardised", "行标准化"),
        "weights.spectral": ("divided by the spectral radius", "除以谱半径"),
        "weights.none": ("not standardised", "未标准化"),
        "adjusted": (
            "likelihood adjusted for fixed effects (Lee & Yu 2010).",
            "似然函数已针对固定效应调整（Lee & Yu 2010）。",
        ),
        "lee_yu": (
            "bias of fixed effects corrected (Lee & Yu 2010).",
            "固定效应的估计偏误已按 Lee & Yu（2010）校正。",
        ),
        "several_rows": (
            "{variable} is in {terms}; no row alone is its effect.",
            "{variable}同时出现在{terms}中，任何一行都不单独是其效应。",
        ),
        "direct": ("Direct", "直接效应"),
        "indirect": ("Indirect", "间接效应"),
        "total": ("Total", "总效应"),
        "direct.through": ("{path}: direct", "{path}：直接效应"),
        "indirect.through": ("{path}: indirect", "{path}：间接效应"),
        "total.through": ("{path}: total", "{path}：总效应"),
        "head.tests.statistic": ("Statistic", "统计量"),
        "head.tests.df": ("df", "自由度"),
        "head.tests.p_value": ("p-value", "p值"),
        "head.tests.chi2": ("Usual χ²", "通常的χ²"),
        "head.tests.chi2_p_value": ("p of χ²", "χ²检验p值"),
        "tests": (
            (
                "Statistics are centred, those of LR and Wald tests of the adjusted "
                "likelihood; their p-values are by the signs of entities, {reps} "
                "draws, and not by the chi-squared distribution. The usual χ² is "
                "neither centred nor adjusted; its p-value, and those of fixed "
                "effects, are by the chi-squared distribution."
            ),
            (
                "统计量经过中心化，LR和Wald检验的统计量来自调整后的似然函数；其p值由个体"
                "符号的{reps}次抽样得到，不来自卡方分布。通常的χ²未经中心化和调整；其p值"
                "以及固定效应检验的p值来自卡方分布。"
            ),
        ),
        "row.LM lag": ("LM lag", "LM检验（空间滞后）"),
        "row.LM error": ("LM error", "LM检验（空间误差）"),
        "row.Robust LM lag": ("Robust LM lag", "稳健LM检验（空间滞后）"),
        "row.Robust LM error": ("Robust LM error", "稳健LM检验（空间误差）"),
        "row.LR SDM against SAR": ("LR SDM against SAR", "LR检验（SDM与SAR）"),
        "row.Wald SDM against SAR": ("Wald SDM against SAR", "Wald检验（SDM与SAR）"),
        "row.LR SDM against SEM": ("LR SDM against SEM", "LR检验（SDM与SEM）"),
        "row.Wald SDM against SEM": ("Wald SDM against SEM", "Wald检验（SDM与SEM）"),
        "row.entity": ("LR entity effects", "个体固定效应的LR检验"),
        "row.time": ("LR time effects", "时间固定效应的LR检验"),
        "head.Direct": ("Direct", "直接效应"),
        "head.Indirect": ("Indirect", "间接效应"),
        "head.Total": ("Total", "总效应"),
        **{
            code: (f"{english}.", f"{chinese}。")
            for code, (english, chinese) in MODELS.items()
        },
        "w": ("W: {weights}.", "空间权重矩阵W：{name}（{scale}）。"),
        "w.made": ("W: {weights}.", "空间权重矩阵W：{name}（{made}，{scale}）。"),
    }
)

MADE = Words(
    {
        "mixed": (
            "{share} x ({made_1}) + {rest} x ({made_2})",
            "{share}×（{made_1}）+{rest}×（{made_2}）",
        ),
        "gravity": (
            "gravity: {column} at both ends over {made}",
            "引力模型：两端{column}的乘积除以{made}",
        ),
        "within": ("{made} within {cutoff} km", "{made}，{cutoff}公里以内"),
        "inverse": ("inverse {made}", "{made}的倒数"),
        "power": ("distance to the power {power}", "距离的{power}次方"),
        "distance": ("distance", "距离"),
        "neighbours": ("{count} nearest neighbours", "{count}个最近邻"),
        "neighbour": ("1 nearest neighbour", "1个最近邻"),
    }
)


def construction_remark(made_by: str) -> str | Remark:
    """Return the construction of weights as a remark, or as it is if it has no words.

    A construction may contain others; the outermost is read first.
    """
    read = MADE.read(made_by)
    if read is None:
        return made_by
    names: dict[str, tuple[str | Remark, ...]] = {
        part: (construction_remark(text) if part.startswith("made") else text,)
        for part, text in read[1].items()
    }
    return Remark(read[0], names, MADE)


"""Words in tables, by code."""
