from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper.errors import IdentificationError, InputTypeError, OptionError
from digiprosper.present.style import Style, TableStyle, read_style
from digiprosper.present.tables import Table, etable, save_tables
from digiprosper.report.characters import has_cjk
from digiprosper.report.collection import ResultSet

CHINESE = TableStyle("zh")
LABELS = {
    "digital": "数字经济",
    "edu": "教育",
    "gdp": "共同富裕",
    "province": "省份",
    "year": "年份",
}


def lines(table: Table) -> list[list[str]]:
    rows = zip(table.frame.index, table.frame.to_numpy().tolist(), strict=True)
    return [[name, *cells] for name, cells in rows]


def keyed(fit):
    """Give results whose panel has the keys province and year."""
    fit.key_names = ("province", "year")
    return fit


def test_a_chinese_table_has_the_rows_and_the_note_of_the_field(one_way, two_way):
    fits = [
        keyed(
            replace(
                fit,
                info={**fit.info, "rsquared": 0.9},
            )
        )
        for fit in (one_way, two_way)
    ]
    table = etable(
        fits, style=CHINESE, labels=LABELS, controls="edu", title="表1 基准回归"
    )
    assert lines(table) == [
        ["被解释变量", "共同富裕", "共同富裕"],
        ["数字经济", "0.123***", "0.103**"],
        ["", "(0.040)", "(0.050)"],
        ["控制变量", "否", "是"],
        ["个体固定效应", "是", "是"],
        ["时间固定效应", "否", "是"],
        ["观测值", "1,234", "1,234"],
        ["R²", "0.900", "0.900"],
        ["组内R²", "0.512", "0.512"],
    ]
    assert table.notes == (
        (
            "注：括号内为聚类到省份层面的稳健标准误；***、**、*分别表示在1%、5%、"
            "10%的水平上显著。"
        ),
    )
    assert table.title == "表1 基准回归"
    assert str(table).splitlines()[0] == "表1 基准回归"


def test_the_effects_of_two_panels_keep_their_names(one_way, two_way):
    fits = [keyed(one_way), two_way]
    two_way.key_names = ("city", "year")
    names = etable(fits, style=CHINESE, labels=LABELS).frame.index
    assert "省份固定效应" in names
    assert "时间固定效应" in names


@pytest.mark.parametrize(
    ("yes", "no", "shown"),
    [
        (None, None, ("否", "是")),
        ("控制", None, ("未控制", "控制")),
        ("YES", None, ("NO", "YES")),
        ("√", None, ("", "√")),
        ("有", None, ("否", "有")),
        ("√", "×", ("×", "√")),
        (None, "不控制", ("不控制", "是")),
    ],
)
def test_words_for_yes_and_no(one_way, two_way, yes, no, shown):
    style = TableStyle("zh", yes=yes, no=no)
    table = etable([keyed(one_way), keyed(two_way)], style=style, controls="edu")
    assert tuple(table.frame.loc["时间固定效应"]) == shown
    assert tuple(table.frame.loc["控制变量"]) == shown
    own = etable(one_way, style=style, rows={"东部": [True], "西部": [False]}).frame
    assert (own.loc["西部"].item(), own.loc["东部"].item()) == shown


def test_arguments_override_the_style(one_way):
    style = TableStyle("en", below="t", stars=None, digits=1, stats=["nobs"])
    assert etable(one_way, style=style).frame.iloc[1:3, 0].tolist() == ["0.1", "(3.1)"]
    own = etable(
        one_way, style=style, below="se", stars=(0.05,), digits=2, stats=["n_entities"]
    )
    assert own.frame.iloc[1:3, 0].tolist() == ["0.12*", "(0.04)"]
    assert "Entities" in own.frame.index
    assert "Observations" not in own.frame.index
    assert etable(one_way, style=TableStyle(), stars=None).frame.iloc[1, 0] == "0.123"


def test_the_default_style_changes_nothing(one_way, two_way):
    plain, styled = (
        etable([one_way, two_way], style=style) for style in (None, TableStyle())
    )
    pd.testing.assert_frame_equal(plain.frame, styled.frame)
    assert plain.notes == styled.notes
    assert plain.title is None


@pytest.mark.parametrize(
    ("language", "row"), [("en", "SE clustered by"), ("zh", "标准误聚类层级")]
)
@pytest.mark.parametrize("asked", [None, True, False])
def test_the_row_of_clusters(one_way, make_fit, language, row, asked):
    style = TableStyle(language, cluster_row=asked)
    alike = etable([one_way, one_way], style=style).frame.index
    assert (row in alike) is (asked if asked is not None else language == "en")
    other = make_fit({"digital": (1, 1, 1)}, info={"clusters": "city"})
    assert row in etable([one_way, other], style=style).frame.index


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("[-inf, inf]", "(-∞, ∞)"),
        ("(-inf, 0.5], [4, inf)", "(-∞, 0.5], [4, ∞)"),
        ("information, inf", "information, inf"),
    ],
)
def test_open_ends_of_intervals_are_signs(one_way, text, written):
    assert dp.etable(one_way, rows={"Set": [text]}).frame.loc["Set"].item() == written


def test_stars_of_any_number_in_words(one_way):
    def note(stars):
        return etable(one_way, style=CHINESE, labels=LABELS, stars=stars).notes[0]

    assert note((0.05,)).endswith("；*表示在5%的水平上显著。")
    assert note((0.05, 0.001)).endswith("；**、*分别表示在0.1%、5%的水平上显著。")
    assert note(None) == "注：括号内为聚类到省份层面的稳健标准误。"


@pytest.mark.parametrize(
    ("info", "words"),
    [
        ({"clusters": "province+year"}, "聚类到省份和年份层面的稳健标准误"),
        (
            {"clusters": None, "n_clusters": None, "cov_type": "robust"},
            "异方差稳健标准误",
        ),
        (
            {"clusters": None, "n_clusters": None, "cov_type": "unadjusted"},
            "常规标准误",
        ),
        ({"ssc": "none"}, "聚类到省份层面的稳健标准误（未作小样本调整）"),
        ({"ssc": "xtreg"}, "聚类到省份层面的稳健标准误（小样本调整同xtreg）"),
    ],
)
def test_errors_in_words(make_fit, info, words):
    fit = make_fit({"digital": (1, 1, 1)}, info=info)
    assert etable(fit, style=CHINESE, labels=LABELS, stars=None).notes == (
        f"注：括号内为{words}。",
    )
    t = etable(fit, style=CHINESE, labels=LABELS, stars=None, below="t").notes
    assert t == (f"注：括号内为t统计量，来自{words}。",)


def test_a_chinese_table_of_any_method_has_no_english_of_ours(
    two_way, make_threshold, make_fit
):
    failed = IdentificationError("X")
    fits = [
        make_threshold(two_way),
        make_fit({"Intercept": (1, 1, 1)}, info={"cov_type": "hc3"}),
    ]
    table = etable(
        ResultSet((("甲", fits[0]), ("乙", fits[1]), ("丙", failed))),
        style=CHINESE,
        labels={**LABELS, "urban": "城镇化"},
    )
    assert "常数项" in table.frame.index
    names = [name for name in table.frame.index if name not in ("", "R²")]
    assert all(map(has_cjk, names))
    assert all(map(has_cjk, table.notes))
    assert "未估计" in table.frame["丙"].tolist()
    assert table.notes[-1] == "丙未估计：模型无法识别。"


def test_a_test_in_chinese():
    panel = dp.datasets.us_states()
    actual = dp.hausman(dp.FixedEffects("log(gsp)", ["log(pc)"]), panel)
    assert etable(actual, style=CHINESE).frame.index.tolist() == [
        "统计量",
        "分布",
        "p值",
    ]
    assert etable(actual).frame.index.tolist() == [
        "Statistic",
        "Distribution",
        "p-value",
    ]


def test_a_style_is_a_value():
    style = TableStyle(
        "zh", stars=np.array([0.1, 0.05]), stats=["nobs"], digits=np.int64(2)
    )
    assert style == TableStyle("zh", stars=(0.1, 0.05), stats=("nobs",), digits=2)
    assert hash(style) == hash(
        TableStyle("zh", stars=(0.1, 0.05), stats=("nobs",), digits=2)
    )
    assert replace(style, language="en").stars == (0.1, 0.05)
    with pytest.raises(FrozenInstanceError):
        style.language = "en"  # type: ignore[misc]


def test_a_journal_decides_what_the_call_leaves_open():
    assert read_style(None, None, "style", None, None) == Style(
        "se", (0.1, 0.05, 0.01), 3
    )
    actual = read_style(CHINESE, "p", None, 2, ["nobs"])
    assert (actual.below, actual.stars, actual.digits, actual.stats) == (
        "p",
        None,
        2,
        ("nobs",),
    )
    assert (actual.language, actual.yes_no, actual.cluster_row) == (
        "chinese",
        ("是", "否"),
        False,
    )


@pytest.mark.parametrize(
    ("options", "error", "option"),
    [
        ({"language": "chinese"}, OptionError, "language"),
        ({"language": None}, OptionError, "language"),
        ({"language": ["zh"]}, OptionError, "language"),
        ({"below": "stars"}, OptionError, "below"),
        ({"below": None}, OptionError, "below"),
        ({"stars": (0.01, 0.1)}, OptionError, "stars"),
        ({"stars": "style"}, OptionError, "stars"),
        ({"stars": 0.1}, OptionError, "stars"),
        ({"stars": ()}, OptionError, "stars"),
        ({"stars": (0.1, float("nan"))}, OptionError, "stars"),
        ({"digits": 2.0}, OptionError, "digits"),
        ({"digits": 99}, OptionError, "digits"),
        ({"digits": None}, OptionError, "digits"),
        ({"stats": "nobs"}, InputTypeError, "stats"),
        ({"stats": ["nobs", 1]}, OptionError, "stats"),
        ({"stats": [["nobs"]]}, OptionError, "stats"),
        ({"yes": True}, InputTypeError, "yes"),
        ({"no": 0}, InputTypeError, "no"),
        ({"cluster_row": "yes"}, OptionError, "cluster_row"),
        ({"cluster_row": 1}, OptionError, "cluster_row"),
    ],
)
def test_what_no_style_is(options, error, option):
    with pytest.raises(error) as caught:
        TableStyle(**options)
    assert [problem.data["option"] for problem in caught.value.problems] == [option]


def test_statistics_of_a_style_are_looked_up_in_the_models(one_way, make_fit, tmp_path):
    style = TableStyle(stats=["nobs", "tjur_rsquared"])
    with pytest.raises(
        OptionError, match="stats='tjur_rsquared' is not known"
    ) as caught:
        etable(one_way, style=style)
    assert [problem.data["option"] for problem in caught.value.problems] == ["stats"]
    with pytest.raises(OptionError, match="stats='n' is not known"):
        etable(one_way, style=TableStyle(stats=["n"]))
    logit = make_fit({"digital": (1, 1, 1)}, info={"tjur_rsquared": 0.25})
    labels = {"tjur_rsquared": "Tjur R²"}
    frame = etable([logit, one_way], style=style, labels=labels).frame
    assert frame.loc["Tjur R²"].tolist() == ["0.250", ""]
    # The label is used, so nothing warns; the others are those of the style.
    path = save_tables(tmp_path / "t.md", {"A": logit}, style=style, labels=labels)
    assert "Tjur R²" in path.read_text("utf-8")


@pytest.mark.parametrize(
    ("options", "option"),
    [
        ({"style": "zh"}, "style"),
        ({"style": {"language": "zh"}}, "style"),
        ({"style": TableStyle}, "style"),
        ({"title": 1}, "title"),
        ({"title": ["Table 1"]}, "title"),
    ],
)
def test_what_a_table_cannot_wear(one_way, options, option):
    with pytest.raises(InputTypeError) as caught:
        etable(one_way, **options)
    assert [problem.data["option"] for problem in caught.value.problems] == [option]


def test_descriptive_statistics_have_counts_and_labels():
    panel = dp.datasets.us_states()
    labels = {"unemp": "Unemployment", "gsp": "Output"}
    split = panel.describe(["unemp", "gsp"])
    table = etable(split, labels=labels)
    assert table.frame.index.tolist()[:4] == [
        "Unemployment / overall",
        "Unemployment / between",
        "Unemployment / within",
        "Output / overall",
    ]
    assert table.frame["N"].tolist() == ["816", "48", "17"] * 2
    assert table.frame["Mean"].tolist() == [f"{v:,.3f}" for v in split["mean"]]
    plain = etable(panel.summarise(["unemp", "gsp"]), labels=labels).frame
    assert plain.index.tolist() == ["Unemployment", "Output"]
    assert plain["N"].tolist() == ["816", "816"]
    assert plain.index.name == "Variable"
    assert [*plain] == ["N", "Mean", "SD", "Min", "Median", "Max"]


def test_counts_have_thousands_separators_and_years_have_none():
    frame = pd.DataFrame({"N": [1470, 12], "year": [2011, 2012]}, index=["a", "b"])
    table = etable(frame).frame
    assert table.loc["a"].tolist() == ["1,470", "2011"]
    mixed = pd.DataFrame({"N": [14700.0, 7.5]}, index=["a", "b"])
    assert etable(mixed).frame["N"].tolist() == ["14,700", "7.500"]


def test_a_mean_count_keeps_its_decimals():
    frame = pd.DataFrame({"N": [30.0, 7.5]}, index=["overall", "within"])
    assert etable(frame).frame["N"].tolist() == ["30", "7.500"]


def test_descriptive_statistics_have_chinese_heads_and_parts():
    panel, labels = dp.datasets.us_states(), {"unemp": "失业率"}
    chinese = dp.TableStyle("zh")
    summary = etable(panel.summarise(["unemp"]), style=chinese, labels=labels).frame
    assert list(summary.columns) == [
        "观测值",
        "均值",
        "标准差",
        "最小值",
        "中位数",
        "最大值",
    ]
    split = etable(panel.describe(["unemp"]), style=chinese, labels=labels).frame
    assert list(split.index) == ["失业率 / 总体", "失业率 / 组间", "失业率 / 组内"]
    own = etable(
        panel.summarise(["unemp"]), style=chinese, labels={**labels, "mean": "平均"}
    ).frame
    assert "平均" in own.columns


def test_heads_that_are_names_have_labels(make_fit):
    fit = make_fit({"digital": (0.1, 0.04, 0.01)}, labels={"east": "东部"})
    table = etable(
        {"digital": fit, "east": fit, "digital + edu": fit},
        labels={"digital": "数字经济"},
    )
    assert list(table.frame.columns) == ["数字经济", "东部", "数字经济 + edu"]
    assert list(
        etable([fit], heads=["digital"], labels={"digital": "数字经济"}).frame.columns
    ) == ["digital"]
    # A model that is called like a column of descriptive statistics keeps its name.
    assert list(etable({"mean": fit}, style=dp.TableStyle("zh")).frame.columns) == [
        "mean"
    ]


@pytest.mark.parametrize(
    "name", ["p值", "U检验p值", "经验P值", "检验（p值）", "检验的p 值"]
)
def test_rows_of_p_values_are_known_by_their_chinese_names(make_fit, name):
    fit = make_fit({"digital": (0.1, 0.04, 0.01)})
    assert etable(fit, rows={name: [0.00001]}).frame.loc[name].tolist() == ["<0.001"]


def test_weights_of_an_index_have_chinese_heads():
    system = dp.IndicatorSystem([dp.Indicator(name, "+") for name in ("hwy", "water")])
    weights = dp.CompositeIndex(system).fit(dp.datasets.us_states()).weights
    table = etable(
        weights[["direction", "weight"]],
        style=dp.TableStyle("zh"),
        labels={"hwy": "公路"},
    )
    assert list(table.frame.columns) == ["方向", "权重"]
    assert table.frame.index[0] == "公路"


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (29835.0433, 3, "29,835.043"),
        (-1234.5, 1, "-1,234.5"),
        (999.9996, 3, "1,000.000"),
        (127586.0, 0, "127,586"),
        (0.99996, 3, "1.000"),
        (0.0000312, 3, "0.0000312"),
    ],
)
def test_thousands_are_grouped_as_in_counts(value, digits, text):
    assert Style("se", None, digits).number(value) == text
    assert Style("se", None, digits).plain(value) == text


@pytest.mark.parametrize(
    ("estimate", "std_error", "pair"),
    [
        (0.00075, 0.000407, ("0.000750", "(0.000407)")),
        (0.57, 0.0000852, ("0.5700000", "(0.0000852)")),
        (-0.0000449, 0.1, ("-0.0000449", "(0.100)")),
        (0.57, 0.1, ("0.570", "(0.100)")),
    ],
)
def test_an_estimate_has_at_least_the_decimals_of_its_error(
    estimate: float, std_error: float, pair: tuple[str, str]
) -> None:
    fit = dp.FixedEffects("log(gsp)", ["unemp"]).fit(dp.datasets.us_states())
    (column,) = fit.table_columns()
    cell = next(iter(column.estimates.values()))
    cell = cell._replace(estimate=estimate, std_error=std_error, p_value=1.0)
    shown = Style("se", (0.1, 0.05, 0.01), 3)
    assert (shown.estimate(cell), shown.companion(cell)) == pair
