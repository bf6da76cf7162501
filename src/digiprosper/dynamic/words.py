"""Words of dynamic panels in tables."""

from __future__ import annotations

from digiprosper.report.words import Words

WORDS = Words(
    english={
        "stat.n_instruments": "Instruments",
        "stat.ar1_p": "AR(1), p-value",
        "stat.ar2_p": "AR(2), p-value",
        "stat.hansen_p": "Hansen test, p-value",
        "stat.sargan_p": "Sargan test, p-value",
        "note.gmm": ("{kind}{windmeijer}, {transform}; instruments: {lags}{collapse}."),
        "difference.1": "one-step difference GMM",
        "difference.2": "two-step difference GMM",
        "system.1": "one-step system GMM",
        "system.2": "two-step system GMM",
        "windmeijer": " with Windmeijer's correction",
        "transform.difference": "first differences",
        "transform.orthogonal": "orthogonal deviations",
        "lags.to": "lags {first} to {last} of {names}",
        "lags.from": "lags {first} and longer of {names}",
        "lags.none": "no lags",
        "collapse": ", collapsed",
        "note.bias_not_solved": (
            "no coefficient of the lag explains the within estimate by its bias; the "
            "nearest one is shown."
        ),
        "note.outside_bounds": (
            "persistence is outside the bounds of the within and the pooled estimate."
        ),
        "note.many_instruments": "more instruments than clusters.",
    },
    chinese={
        "stat.n_instruments": "工具变量个数",
        "stat.ar1_p": "AR(1) p值",
        "stat.ar2_p": "AR(2) p值",
        "stat.hansen_p": "Hansen检验p值",
        "stat.sargan_p": "Sargan检验p值",
        "note.gmm": "{kind}{windmeijer}，{transform}；工具变量：{lags}{collapse}。",
        "difference.1": "一步差分GMM",
        "difference.2": "两步差分GMM",
        "system.1": "一步系统GMM",
        "system.2": "两步系统GMM",
        "windmeijer": "（Windmeijer修正）",
        "transform.difference": "一阶差分",
        "transform.orthogonal": "正交离差",
        "lags.to": "{names}的{first}至{last}阶滞后",
        "lags.from": "{names}的{first}阶及以上滞后",
        "lags.none": "无滞后项",
        "collapse": "（已折叠）",
        "note.bias_not_solved": (
            "没有任何滞后项系数的偏差能解释组内估计值，表中为最接近者。"
        ),
        "note.outside_bounds": "持续性超出组内估计与混合OLS估计的界限。",
        "note.many_instruments": "工具变量多于聚类数。",
    },
)
