"""Words of double machine learning in tables."""

from __future__ import annotations

from digiprosper.report.words import Words

WORDS = Words(
    english={
        "stat.r2_y": "R² of the outcome, out of fold",
        "stat.r2_d": "R² of the treatment, out of fold",
        "stat.r2_z": "R² of the instrument, out of fold",
        "column.linear": "FE, linear",
        "column.dictionary": "FE, squares and products",
        "column.iv.linear": "2SLS, linear",
        "column.iv.dictionary": "2SLS, squares and products",
        "note.dictionary": "squares and products of the controls, demeaned",
        "note.within": "controls demeaned",
        "note.difference": "differences, on controls and their lags",
        "note.mundlak": "controls and their means",
        "note.method": "double machine learning ({transform}); {folds}; {seeds}.",
        "note.iv": (
            "double machine learning ({transform}) with {instrument} as instrument of "
            "{treatment}; {folds}; {seeds}."
        ),
        "folds.drawn": "{count} folds of {clusters}",
        "folds.fixed": "fixed folds of {clusters}",
        "folds.none": "no cross-fitting",
        "seeds.several": "medians over {count} seeds",
        "seeds.one": "one seed",
        "note.learners_differ": (
            "estimates of the learners differ by more than two standard errors."
        ),
        "note.seed_spread": (
            "estimates differ between seeds by more than a standard error."
        ),
    },
    chinese={
        "stat.r2_y": "被解释变量样本外R²",
        "stat.r2_d": "处理变量样本外R²",
        "stat.r2_z": "工具变量样本外R²",
        "column.linear": "固定效应（线性）",
        "column.dictionary": "固定效应（平方项与交互项）",
        "column.iv.linear": "2SLS（线性）",
        "column.iv.dictionary": "2SLS（平方项与交互项）",
        "note.dictionary": "控制变量的平方项与交互项去均值",
        "note.within": "控制变量去均值",
        "note.difference": "一阶差分，控制变量及其滞后",
        "note.mundlak": "控制变量及其均值",
        "note.method": "双重机器学习（{transform}）；{folds}；{seeds}。",
        "note.iv": (
            "双重机器学习（{transform}），{instrument}为{treatment}的工具变量；"
            "{folds}；{seeds}。"
        ),
        "folds.drawn": "按{clusters}分{count}折",
        "folds.fixed": "按{clusters}固定分折",
        "folds.none": "无交叉拟合",
        "seeds.several": "{count}个随机种子的中位数",
        "seeds.one": "单一随机种子",
        "note.learners_differ": "各学习器的估计值相差超过两个标准误。",
        "note.seed_spread": "不同随机种子的估计值相差超过一个标准误。",
    },
)
