from __future__ import annotations

import digiprosper as dp
from digiprosper.panel.words import WORDS


def test_every_code_has_words_in_both_languages() -> None:
    assert list(WORDS.english) == list(WORDS.chinese)


def test_correlations_in_chinese() -> None:
    found = dp.datasets.us_states().correlate(["unemp", "gsp"])
    table = dp.etable(found, style=dp.TableStyle("zh"), labels={"unemp": "失业率", "gsp": "产出"})
    assert table.frame.columns.tolist() == ["均值", "标准差", "(1)", "(2)"]
    assert table.frame.index.tolist() == ["(1) 失业率", "(2) 产出"]
    assert table.notes == (
        "注：***、**、*分别表示在1%、5%、10%的水平上显著。",
        "Pearson相关系数，各使用两个变量均有观测的行（N = 816）。",
        "相关系数的星号：自由度为N - 2的t检验，假定各行相互独立。",
    )
