"""Words of dynamic panels in tables."""

from __future__ import annotations

from digiprosper.report.words import Words

WORDS = Words(
    {
        "note.gmm": (
            "{kind}{windmeijer}, {transform}; instruments: {lags}{collapse}.",
            "{kind}{windmeijer}，{transform}；工具变量：{lags}{collapse}。",
        ),
        "difference.1": ("one-step difference GMM", "一步差分GMM"),
        "difference.2": ("two-step difference GMM", "两步差分GMM"),
        "system.1": ("one-step system GMM", "一步系统GMM"),
        "system.2": ("two-step system GMM", "两步系统GMM"),
        "windmeijer": (" with Windmeijer's correction", "（Windmeijer修正）"),
        "transform.difference": ("first differences", "一阶差分"),
        "transform.orthogonal": ("orthogonal deviations", "正交离差"),
        "lags.to": (
            "lags {first} to {last} of {names}",
            "{names}的{first}至{last}阶滞后",
        ),
        "lags.from": (
            "lags {first} and longer of {names}",
            "{names}的{first}阶及以上滞后",
        ),
        "lags.none": ("no lags", "无滞后项"),
        "collapse": (", collapsed", "（已折叠）"),
        "note.lsdvc": (
            "bias-corrected within estimator.",
            "偏差修正的组内估计量。",
        ),
        "note.half_panel": ("half-panel jackknife.", "半面板刀切法估计量。"),
        "note.bias_not_solved": (
            (
                "no coefficient of the lag explains the within estimate by its bias; "
                "the nearest one is shown."
            ),
            "没有任何滞后项系数的偏差能解释组内估计值，表中为最接近者。",
        ),
        "note.outside_bounds": (
            "persistence is outside the bounds of the within and the pooled estimate.",
            "持续性超出组内估计与混合OLS估计的界限。",
        ),
        "note.many_instruments": (
            "more instruments than clusters.",
            "工具变量多于聚类数。",
        ),
    }
)
