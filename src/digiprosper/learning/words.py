"""Words of double machine learning in tables."""

from __future__ import annotations

from digiprosper.report.words import Words

WORDS = Words(
    {
        "stat.r2_y": ("R² of the outcome, out of fold", "被解释变量样本外R²"),
        "stat.r2_d": ("R² of the treatment, out of fold", "处理变量样本外R²"),
        "stat.r2_z": ("R² of the instrument, out of fold", "工具变量样本外R²"),
        "stat.first_stage_f": ("First-stage F", "第一阶段F"),
        "column.linear": ("FE, linear", "固定效应（线性）"),
        "column.dictionary": ("FE, squares and products", "固定效应（平方项与交互项）"),
        "column.iv.linear": ("2SLS, linear", "2SLS（线性）"),
        "column.iv.dictionary": (
            "2SLS, squares and products",
            "2SLS（平方项与交互项）",
        ),
        "note.dictionary": (
            "squares and products of the controls, demeaned",
            "控制变量的平方项与交互项去均值",
        ),
        "note.within": ("controls demeaned", "控制变量去均值"),
        "note.difference": (
            "differences, on controls and their lags",
            "一阶差分，控制变量及其滞后",
        ),
        "note.mundlak": ("controls and their means", "控制变量及其均值"),
        "note.method": (
            "double machine learning ({transform}); {folds}; {seeds}.",
            "双重机器学习（{transform}）；{folds}；{seeds}。",
        ),
        "note.iv": (
            "double machine learning ({transform}) with {instrument} as instrument of "
            "{treatment}; {folds}; {seeds}.",
            "双重机器学习（{transform}），{instrument}为{treatment}的工具变量；"
            "{folds}；{seeds}。",
        ),
        "folds.drawn": ("{count} folds of {clusters}", "按{clusters}分{count}折"),
        "folds.fixed": ("fixed folds of {clusters}", "按{clusters}固定分折"),
        "folds.none": ("no cross-fitting", "无交叉拟合"),
        "seeds.several": ("medians over {count} seeds", "{count}个随机种子的中位数"),
        "seeds.one": ("one seed", "单一随机种子"),
        "note.learners_differ": (
            "estimates of the learners differ by more than two standard errors.",
            "各学习器的估计值相差超过两个标准误。",
        ),
        "note.seed_spread": (
            "estimates differ between seeds by more than a standard error.",
            "不同随机种子的估计值相差超过一个标准误。",
        ),
    }
)
