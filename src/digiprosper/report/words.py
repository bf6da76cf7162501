"""Words of tables and figures: the texts of each code in both languages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from digiprosper.report.pickling import PickledByName

Language: TypeAlias = Literal["english", "chinese"]

LANGUAGES: Final[dict[str, Language]] = {"en": "english", "zh": "chinese"}
"""Languages by the word that options take."""


@dataclass(frozen=True, slots=True)
class Words(PickledByName):
    """English and Chinese text of codes, with braces to fill, or one that is both."""

    texts: Mapping[str, str | tuple[str, str]]

    def __contains__(self, code: object) -> bool:
        return code in self.texts

    def text(self, code: str, language: Language = "english") -> str | None:
        """Return the text of a code with its braces; None without words."""
        text = self.texts.get(code)
        return text[language == "chinese"] if isinstance(text, tuple) else text

    def say(self, code: str, language: Language = "english", **parts: object) -> str:
        """Return the words of a code; without words, what follows its last dot."""
        text = self.text(code, language)
        return code.rpartition(".")[2] if text is None else text.format_map(parts)

    def read(self, text: str) -> tuple[str, dict[str, str]] | None:
        """Return the code that says a text in English, and what fills it in."""
        for code in self.texts:
            words = re.escape(self.text(code) or "")
            pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>.+?)", words)
            match = re.fullmatch(pattern, text)
            if match:
                return code, match.groupdict()
        return None


NO_WORDS = Words({})
"""Words of results without their own."""

_HEADS: dict[str, str | tuple[str, str]] = {
    "mean": ("Mean", "均值"),
    "sd": ("SD", "标准差"),
    "min": ("Min", "最小值"),
    "p50": ("Median", "中位数"),
    "max": ("Max", "最大值"),
    "N": "观测值",
    "nobs": "观测值",
    "variable": ("Variable", "变量"),
    "term": ("Variable", "变量"),
    "kind": "效应",
    "time": "时间",
    "estimate": ("Estimate", "估计值"),
    "std_error": ("Std. error", "标准误"),
    "statistic": ("Statistic", "统计量"),
    "p_value": ("p-value", "p值"),
    "conf_low": ("CI, lower end", "置信区间下限"),
    "conf_high": ("CI, upper end", "置信区间上限"),
    "dimension": ("Dimension", "维度"),
    "direction": ("Direction", "方向"),
    "entropy": ("Entropy", "信息熵"),
    "redundancy": ("Redundancy", "差异系数"),
    "weight": ("Weight", "权重"),
    "definition": ("Definition", "定义"),
    "unit": ("Unit", "单位"),
    "source": ("Source", "数据来源"),
    "difference": ("Difference", "差异"),
    "effect": "平均效应",
    "percent": "百分比变化",
    "percent_low": "百分比变化下限",
    "percent_high": "百分比变化上限",
    "expectation": ("Expectation", "期望值"),
    "z_normality": ("z, normality", "z（正态假定）"),
    "p_normality": ("p, normality", "p值（正态假定）"),
    "z_randomisation": ("z, randomisation", "z（随机化假定）"),
    "p_randomisation": ("p, randomisation", "p值（随机化假定）"),
    "p_permutation": ("p, permutation", "p值（置换检验）"),
    "p_adjusted": "校正p值",
    "value": "数值",
    "spatial_lag": "空间滞后",
    "quadrant": "象限",
    "vif": ("VIF", "VIF"),
    "tolerance": ("Tolerance", "容忍度"),
    "beta_uncontrolled": ("β without controls", "β（无控制变量）"),
    "rsquared_uncontrolled": ("R² without controls", "R²（无控制变量）"),
    "beta_controlled": ("β with controls", "β（含控制变量）"),
    "rsquared_controlled": ("R² with controls", "R²（含控制变量）"),
    "rsquared_max": ("Maximal R²", "R²上限"),
    "delta": ("δ", "δ"),
    "beta_adjusted": ("Adjusted β", "校正后β"),
    "bound_low": ("Lower bound", "下界"),
    "bound_high": ("Upper bound", "上界"),
    "excludes_zero": ("Excludes zero", "区间不含0"),
    "delta_zero": ("δ for β = 0", "β = 0时的δ"),
    "n_solutions": ("Solutions", "解的个数"),
    "comparison": "比较",
    "treated": "处理组",
    "control": "对照组",
    "n_treated": "处理组个体数",
    "population_share": "人口份额",
    "income_share": "收入份额",
    "gini": "基尼系数",
    "share": "贡献率",
    "part": "来源",
    "indicator": ("Indicator", "指标"),
    "group": "分组",
    "from": "期初状态",
    "cv": "变异系数",
    "sd_log": "对数标准差",
    "n_with": "含该变量的模型数",
    "median_with": "含该变量时的中位数",
    "median_without": "不含该变量时的中位数",
    "significant_with": "含该变量时的显著比例",
    "significant_without": "不含该变量时的显著比例",
    "threshold": "门槛值",
    "ssr": "残差平方和",
    "F": "F值",
    "crit_10": "10%临界值",
    "crit_5": "5%临界值",
    "crit_1": "1%临界值",
    "slope": ("Slope of the trend", "趋势斜率"),
    "power": ("Power", "检验功效"),
    "bayes_factor": ("Bayes factor", "贝叶斯因子"),
    "likelihood_ratio": ("Likelihood ratio", "似然比"),
}
"""Headings of frames; in English most are the names of the columns."""

_TEXTS = {
    "overall": "总体",
    "between": "组间",
    "within": "组内",
    "transvariation": "超变密度",
    "direct": "直接效应",
    "indirect": "间接效应",
    "total": "总计",
    "share_within": "组内贡献率",
    "share_between": "组间贡献率",
    "share_transvariation": "超变密度贡献率",
    "high-high": "高-高",
    "low-high": "低-高",
    "low-low": "低-低",
    "high-low": "高-低",
    "treated vs never": "处理组与从未处理组",
    "later vs earlier": "较晚与较早处理组",
    "earlier vs later": "较早与较晚处理组",
    "chi2": "χ²",
    "normal": "标准正态",
    "bootstrap": "自助法",
    "permutation": "置换",
    "placebo": "安慰剂",
    "simulated": "模拟",
    "slope": "斜率",
    "elasticity": "弹性",
    "dummy": "虚拟变量",
    "interaction": "交互项",
    "outside the data": "在样本取值范围之外",
}
"""Texts in rows and cells (other than labels) in Chinese."""

REGIONS = {"east": "东部", "central": "中部", "west": "西部", "northeast": "东北"}
"""Levels of categories that `match_provinces` makes, in Chinese."""

_FAILURES = {
    "CollinearityError": "解释变量完全共线。",
    "IdentificationError": "模型无法识别。",
    "MissingDataError": "数据缺失。",
    "ColumnError": "缺少变量。",
    "TermError": "变量的表达式有误。",
    "InputTypeError": "参数或变量的类型不符。",
    "OptionError": "选项不适用。",
    "ThresholdSearchError": "无法搜索门槛值。",
    "DigiprosperError": "原因见结果的failures。",
}
"""Why a model was not estimated, by class of error; English prints the error."""

TABLE = Words(
    {
        "depvar": ("Dependent variable", "被解释变量"),
        "estimates": ("Estimates", "估计值"),
        "not_estimated": ("not estimated", "未估计"),
        "yes": ("Yes", "是"),
        "no": ("No", "否"),
        "some": ("Some", "部分"),
        "controls": ("Controls", "控制变量"),
        **{
            f"head.{name}": (name, words) if isinstance(words, str) else words
            for name, words in _HEADS.items()
        },
        **{f"text.{name}": (name, words) for name, words in _TEXTS.items()},
        "text.chi2": "χ²",
        "stub.control": ("control", "控制变量"),
        "intercept": ("Intercept", "常数项"),
        "effects": ("{name} fixed effects", "{name}固定效应"),
        "effects.entity": ("{name} fixed effects", "个体固定效应"),
        "effects.time": ("{name} fixed effects", "时间固定效应"),
        "effects.random": ("{name} random effects", "个体随机效应"),
        "effects.slope": ("{name} slopes", "{name}斜率"),
        "effects.trend": ("{name} trends", "{name}趋势"),
        "weights": ("Weights", "权重"),
        "clustered_by": ("Clustered by", "聚类层级"),
        "errors_clustered_by": ("SE clustered by", "标准误聚类层级"),
        "errors": ("Standard errors", "标准误"),
        "errors.by": ("by {clusters}", "聚类到{clusters}"),
        "errors.by.crv3": ("by {clusters}, CRV3", "聚类到{clusters}，CRV3"),
        "errors.by.cr2": ("by {clusters}, CR2", "聚类到{clusters}，CR2"),
        "errors.by.bootstrap": ("bootstrap by {clusters}", "按{clusters}的自助法"),
        "errors.by.larger": (
            "larger of observed information and by {clusters}",
            "观测信息矩阵与聚类到{clusters}中的较大者",
        ),
        "errors.bootstrap": ("bootstrap", "自助法"),
        "errors.observed": ("observed information", "观测信息矩阵"),
        "errors.information": ("expected information", "期望信息矩阵"),
        "errors.clustered": ("clustered", "聚类"),
        "errors.unadjusted": ("unadjusted", "常规"),
        "errors.robust": ("robust", "异方差稳健"),
        "errors.hc2": "HC2",
        "errors.hc3": "HC3",
        "errors.driscoll_kraay": ("DK + entity", "DK + 个体"),
        "errors.xtscc": "Driscoll-Kraay",
        "errors.conley": "Conley",
        "errors.abadie_imbens": "Abadie-Imbens",
        "errors.mean_group": ("of means", "均值"),
        "errors.more": ("{errors}, {detail}", "{errors}，{detail}"),
        "distance": ("{count} km", "{count}公里"),
        "kernel.uniform": ("uniform kernel", "均匀核"),
        "lag": ("{count} lag", "滞后{count}期"),
        "lags": ("{count} lags", "滞后{count}期"),
        "ssc.none": ("none", "无"),
        "regime": ("{name} ({condition})", "{name}（{condition}）"),
        "regime.kink": ("{name}, {condition}", "{name}（{condition}）"),
        "regime.condition": ("{condition}, {which}", "{condition}，{which}"),
        "regime.number": ("regime {number}", "区间{number}"),
        "regime.number.of": (
            "regime {number} of {count}",
            "第{number}区间，共{count}个",
        ),
        "regime.below": ("below {value}", "低于{value}"),
        "regime.above": ("above {value}", "高于{value}"),
        "regime.below.kink": ("below the kink", "拐点以下"),
        "regime.above.kink": ("above the kink", "拐点以上"),
        "given": ("{value} (given)", "{value}（给定）"),
        "parameter": ("{what} ({variable})", "{what}（{variable}）"),
        "parameter_given": ("{what} ({variable}, given)", "{what}（{variable}，给定）"),
        "curve.extremum": ("Turning point", "转折点"),
        "curve.fieller": (
            "{level} Fieller set of the turning point",
            "转折点的{level} Fieller置信集",
        ),
        "curve.slope.low": ("Slope at the low end (t)", "左端斜率（t值）"),
        "curve.slope.high": ("Slope at the high end (t)", "右端斜率（t值）"),
        "curve.p": ("U test, p", "U型检验p值"),
        "test.statistic": ("Statistic", "统计量"),
        "test.distribution": ("Distribution", "分布"),
        "test.p_value": ("p-value", "p值"),
        "std_effect.sd": (
            "{name}: effect of one SD, in SD of the outcome",
            "{name}增加一个标准差的效应（被解释变量的标准差）",
        ),
        "std_effect.mean": (
            "{name}: effect of one SD, in % of the mean outcome",
            "{name}增加一个标准差的效应（被解释变量均值的%）",
        ),
        "stat.nobs": ("Observations", "观测值"),
        "stat.n_entities": ("Entities", "个体数"),
        "stat.n_times": ("Periods", "期数"),
        "stat.period": ("Sample period", "样本期间"),
        "stat.n_clusters": ("Clusters", "聚类数"),
        "stat.df_resid": ("Residual degrees of freedom", "残差自由度"),
        "stat.df_t": ("Degrees of freedom of t", "t分布自由度"),
        "stat.df_absorbed": ("Absorbed degrees of freedom", "吸收的自由度"),
        "stat.rsquared": "R²",
        "stat.rsquared_within": ("Within R²", "组内R²"),
        "stat.rsquared_within_entity": ("Within R² (entity)", "组内R²（个体）"),
        "stat.rsquared_adj": ("Adjusted R²", "调整R²"),
        "stat.f_statistic": "F",
        "stat.kp_rk_f": "Kleibergen-Paap F",
        "stat.pseudo_rsquared": ("Pseudo R²", "伪R²"),
        "stat.n_instruments": ("Instruments", "工具变量个数"),
        "stat.ar1_p": ("AR(1), p-value", "AR(1) p值"),
        "stat.ar2_p": ("AR(2), p-value", "AR(2) p值"),
        "stat.hansen_p": ("Hansen test, p-value", "Hansen检验p值"),
        "stat.sargan_p": ("Sargan test, p-value", "Sargan检验p值"),
        "stat.mean_y": ("Mean of the outcome", "被解释变量均值"),
        "stat.ssc": ("Small-sample correction", "小样本调整"),
        "stat.loglik": ("Log likelihood", "对数似然值"),
        "stat.aic": "AIC",
        "stat.bic": "BIC",
    }
)
"""Words of the rows of a table."""

_SEARCHED = (
    "thresholds taken as known: in simulated panels without a threshold half of such "
    "tests reject; the table of tests says whether there is one",
    "门槛值视为已知：在没有门槛的模拟面板中，此类检验有半数拒绝；是否存在门槛须看门槛效应检验",
)
TESTS = Words(
    {
        "wald": ("Wald test", "Wald检验"),
        "f": ("F test", "F检验"),
        "hausman": ("Hausman test", "Hausman检验"),
        "mundlak": ("Hausman test (Mundlak)", "Hausman检验（Mundlak）"),
        "pesaran": ("Pesaran CD test of {name}", "{name}的Pesaran CD检验"),
        "modified_wald": ("Modified Wald test", "修正的Wald检验"),
        "levene": ("Levene test", "Levene检验"),
        "ar1": ("Wooldridge test of AR(1) errors", "Wooldridge一阶自相关检验"),
        "effects": ("F test of the effects", "固定效应的F检验"),
        "reset": ("RESET test", "RESET检验"),
        "randomisation": ("Randomisation test", "随机化检验"),
        "placebo": ("Placebo test", "安慰剂检验"),
        "search": ("Test of a searched specification", "模型挑选检验"),
        "unit_root.ips": ("IPS unit root test", "IPS单位根检验"),
        "unit_root.cips": ("CIPS unit root test", "CIPS单位根检验"),
        "unit_root.ht": ("Harris-Tzavalis unit root test", "Harris-Tzavalis单位根检验"),
        "unit_root.fisher": ("Fisher unit root test", "Fisher单位根检验"),
        "kp_lm": ("Kleibergen-Paap rk LM", "Kleibergen-Paap rk LM检验"),
        "hansen": ("Hansen J", "Hansen J检验"),
        "sargan": ("Sargan", "Sargan检验"),
        "endogeneity": ("Endogeneity test (regression-based)", "内生性检验"),
        "anderson_rubin": ("Anderson-Rubin test", "Anderson-Rubin检验"),
        "first_stage": ("First-stage F of {name}", "{name}的第一阶段F检验"),
        "conditional": (
            "Sanderson-Windmeijer F of {name}",
            "{name}的Sanderson-Windmeijer F检验",
        ),
        "pretrend": ("Pre-trend test", "平行趋势检验"),
        "likelihood_ratio": ("Likelihood ratio test", "似然比检验"),
        "equal_slopes": ("Equal slopes", "斜率相等的检验"),
        "no_kink": ("Test of no kink", "无拐点的检验"),
        "continuity": ("Test of continuity", "连续性检验"),
        "shift": ("Shift", "转折点移动的检验"),
        "steepening": ("Steepening", "曲线变陡的检验"),
        "groups": (
            "Difference of {term} between {count} groups of {group}",
            "{term}的系数在{group}的{count}组之间的差异",
        ),
        "two_groups.by": (
            "Difference of {term} by {group}, {last} minus {first}",
            "按{group}分组，{term}的系数之差（{last}减{first}）",
        ),
        "two_groups": (
            "Difference of {term}, {last} minus {first}",
            "{term}的系数之差（{last}减{first}）",
        ),
        "null.effect": (
            "{name} has no effect on any entity",
            "{name}对任何个体都没有影响",
        ),
        "null.placebo": (
            (
                "{name} has no effect on any entity; treated entities and first "
                "periods are random"
            ),
            "{name}对任何个体都没有影响，且处理个体和起始时期是随机的",
        ),
        "permutations.all": ("all {count} permutations", "全部{count}种置换"),
        "permutations": ("{count} permutations", "{count}次置换"),
        "placebos": ("{count} placebo treatments", "{count}次安慰剂处理"),
        "drawn.all": (
            "restricted wild cluster bootstrap, all {count} draws",
            "施加约束的野聚类自助法，全部{count}种抽样",
        ),
        "drawn": (
            "restricted wild cluster bootstrap, {count} draws",
            "施加约束的野聚类自助法，{count}次抽样",
        ),
        "drawn.units": (
            "wild bootstrap by {clusters}, {count} draws",
            "按{clusters}抽样的野自助法，{count}次抽样",
        ),
        "drawn.errors": (
            "{count} draws of errors with one variance",
            "同方差误差的{count}次抽样",
        ),
        "drawn.walks": (
            (
                "{count} simulated panels of {n} independent random walks; constants, "
                "lags: {lags}"
            ),
            "{count}个由{n}个独立随机游走组成的模拟面板；含常数项，滞后阶数：{lags}",
        ),
        "drawn.walks.trend": (
            (
                "{count} simulated panels of {n} independent random walks; trends, "
                "lags: {lags}"
            ),
            "{count}个由{n}个独立随机游走组成的模拟面板；含趋势项，滞后阶数：{lags}",
        ),
        "drawn.walks.means": (
            (
                "{count} simulated panels of {n} independent random walks; without "
                "year means, constants, lags: {lags}"
            ),
            (
                "{count}个由{n}个独立随机游走组成的模拟面板；减去年均值，含常数项，"
                "滞后阶数：{lags}"
            ),
        ),
        "drawn.walks.trend.means": (
            (
                "{count} simulated panels of {n} independent random walks; without "
                "year means, trends, lags: {lags}"
            ),
            (
                "{count}个由{n}个独立随机游走组成的模拟面板；减去年均值，含趋势项，"
                "滞后阶数：{lags}"
            ),
        ),
        "printed.ips": (
            "moments of Im, Pesaran and Shin (2003)",
            "Im、Pesaran和Shin（2003）的矩",
        ),
        "printed.ht": (
            "moments of Harris and Tzavalis (1999)",
            "Harris和Tzavalis（1999）的矩",
        ),
        "printed.fisher": (
            "p-values of MacKinnon (1994) by entity",
            "MacKinnon（1994）的个体p值",
        ),
        "few": (
            "F(q, G - 1), which rejects a true hypothesis too often with few clusters",
            "F(q, G − 1)，聚类少时过度拒绝真的原假设",
        ),
        "few.chi2": (
            "chi-squared, which rejects a true hypothesis too often with few clusters",
            "卡方分布，聚类少时过度拒绝真的原假设",
        ),
        "few.crv3": (
            "{method}: use cov_type='crv3'",
            "{method}，应使用cov_type='crv3'",
        ),
        "searched": _SEARCHED,
        "searched.after": (
            f"{{method}}; {_SEARCHED[0]}",
            f"{{method}}；{_SEARCHED[1]}",
        ),
        "chi2.correlated": (
            "chi-squared, which rejects too often if errors are correlated over time; "
            "Wald tests of a model and the table of spatial tests allow for that",
            "卡方分布，误差自相关时过度拒绝真的原假设；Wald检验和空间检验对此有效",
        ),
        "added": (
            "covariances of the clusters in each way added",
            "各聚类维度的协方差之和",
        ),
        "missing": (
            ("not available: {count} restrictions need more than {groups} clusters"),
            "不可用：{count}个约束需要多于{groups}个聚类",
        ),
        "no_covariance": (
            (
                "not available: the covariance of the restrictions is missing, "
                "singular or not positive definite"
            ),
            "不可用：约束的协方差矩阵缺失、奇异或非正定",
        ),
    }
)
"""Names of tests, and how their p-values were computed.

Results have them in English; `Words.read` finds their codes again.
"""

HEADS = Words(
    {
        "total": ("Total effect", "总效应"),
        "outcome": ("Outcome", "结果变量"),
        "mediator": ("Mediator: {name}", "中介变量：{name}"),
        "x on z": ("Treatment on instrument", "处理变量对工具变量"),
        "y on z": ("Outcome on instrument", "结果变量对工具变量"),
        "m on z": ("Mediator on instrument", "中介变量对工具变量"),
        "m on z given x": (
            "Mediator on instrument given treatment",
            "给定处理变量，中介变量对工具变量",
        ),
        "y on z given x": (
            "Outcome on instrument given treatment",
            "给定处理变量，结果变量对工具变量",
        ),
    }
)
"""Headings of columns that are equations of one system."""

NOTES = Words(
    {
        "list": (", ", "、"),
        "comma": (", ", "，"),
        "clauses": ("; ", "；"),
        "and": (" and ", "和"),
        "stop": (".", "。"),
        "opening": ("{note}", "注：{note}"),
        "each": ("{heads}: {text}", "{heads}：{text}"),
        "column": ("{heads}: {text}", "{heads}：{text}"),
        "companion.se": ("{errors} in parentheses.", "括号内为{errors}。"),
        "companion": ("{what}, from {source}.", "{what}，来自{source}。"),
        "companion.each": ("{what}: {sources}.", "{what}：{sources}。"),
        "source": ("{heads} from {source}", "{heads}来自{source}"),
        "what.t": ("t statistics in parentheses", "括号内为t统计量"),
        "what.p": ("p-values in parentheses", "括号内为p值"),
        "what.ci": ("95% confidence intervals in brackets", "方括号内为95%置信区间"),
        "draws": ("{count} bootstrap draws", "{count}次自助抽样"),
        "percentiles": ("percentiles of {draws}", "{draws}的分位数"),
        "errors": ("Standard errors", "标准误"),
        "errors.clustered": (
            "Standard errors clustered as shown above",
            "按上表所示聚类的标准误",
        ),
        "errors.several": (
            "Standard errors of the type shown above",
            "上表所示类型的标准误",
        ),
        "errors.by": (
            "{errors} clustered by {clusters}",
            "聚类到{clusters}层面的{errors}",
        ),
        "errors.by.larger": (
            "Larger of observed-information standard errors and those clustered by "
            "{clusters}",
            "观测信息矩阵标准误与聚类到{clusters}层面的标准误中的较大者",
        ),
        "errors.short": ("DK: Driscoll-Kraay", "DK为Driscoll-Kraay"),
        "errors.with": ("{errors} ({brackets})", "{errors}（{brackets}）"),
        "ssc": ("small-sample correction as {name}", "小样本调整同{name}"),
        "ssc.none": ("no small-sample correction", "未作小样本调整"),
        # Chinese papers do not mention it: it is the convention of the field.
        "ssc.reghdfe": ("small-sample correction as reghdfe", ""),
        "errors.kind.clustered": ("Standard errors", "稳健标准误"),
        "errors.kind.unadjusted": ("Unadjusted standard errors", "常规标准误"),
        "errors.kind.robust": (
            "Heteroskedasticity-robust standard errors",
            "异方差稳健标准误",
        ),
        "errors.kind.hc2": (
            "Heteroskedasticity-robust standard errors, HC2",
            "异方差稳健标准误（HC2）",
        ),
        "errors.kind.hc3": (
            "Heteroskedasticity-robust standard errors, HC3",
            "异方差稳健标准误（HC3）",
        ),
        "errors.kind.crv3": ("CRV3 standard errors", "CRV3标准误"),
        "errors.kind.mean_group": (
            "Standard errors of means over entities",
            "各个体系数均值的标准误",
        ),
        "errors.kind.cr2": ("CR2 standard errors", "CR2标准误"),
        "errors.kind.driscoll_kraay": (
            "Driscoll-Kraay standard errors, the variance by entity added",
            "Driscoll-Kraay标准误（加上个体聚类方差）",
        ),
        "errors.kind.xtscc": ("Driscoll-Kraay standard errors", "Driscoll-Kraay标准误"),
        "errors.kind.conley": ("Conley standard errors", "Conley标准误"),
        "errors.kind.abadie_imbens": (
            "Abadie-Imbens standard errors",
            "Abadie-Imbens标准误",
        ),
        "errors.kind.larger": (
            "Larger of observed-information and clustered standard errors",
            "观测信息矩阵标准误与聚类标准误中的较大者",
        ),
        "errors.kind.observed": (
            "Standard errors from the observed information",
            "基于观测信息矩阵的标准误",
        ),
        "errors.kind.information": (
            "Standard errors from the expected information",
            "基于期望信息矩阵的标准误",
        ),
        "errors.kind.bootstrap": ("Bootstrap standard errors", "自助法标准误"),
        "constant": (
            (
                "Intercept beside fixed effects: mean of the outcome less slopes times "
                "means of the regressors."
            ),
            "含固定效应的模型，常数项为被解释变量均值减去斜率与解释变量均值的乘积。",
        ),
        "correction": ("{heads}: {text}.", "{heads}：{text}。"),
        "restored": (
            "{model} read from a file, without the notes and rows of its method.",
            "{model}由文件读入，不含其方法的说明和专有行。",
        ),
        "foreign": (
            "{model}; standard errors and p-values are those of {package}.",
            "{model}，标准误和p值由{package}计算。",
        ),
        "foreign.named": (
            "standard errors and p-values are those of {package}.",
            "标准误和p值由{package}计算。",
        ),
        "foreign.logit": (
            "coefficients are changes of the log odds, not of the probability.",
            "系数为对数发生比的变化，不是概率的变化。",
        ),
        "foreign.probit": (
            "coefficients are changes of the probit index, not of the probability.",
            "系数为Probit指数的变化，不是概率的变化。",
        ),
        "stars": ("{pairs}.", "{marks}分别表示在{levels}的水平上显著。"),
        "stars.one": ("{pairs}.", "{marks}表示在{levels}的水平上显著。"),
        "stars.draws": (
            "Stars of {heads}: p-values from {draws}.",
            "{heads}的星号：p值来自{draws}。",
        ),
        "stars.correlations": (
            (
                "Stars of correlations: t test with N - 2 degrees of freedom, which "
                "assumes independent rows."
            ),
            "相关系数的星号：自由度为N − 2的t检验，假定各行相互独立。",
        ),
        "test.method": (
            "{test}: p-value by {method}.",
            "{test}：p值的计算方法为{method}。",
        ),
        "test.null": ("{test} (H0: {null})", "{test}（原假设：{null}）"),
        "test.missing": ("{test}: {method}.", "{test}：{method}。"),
        "test.method.smallest": (
            (
                "{test}: p-value by {method}; it is the smallest possible with these "
                "draws."
            ),
            "{test}：p值的计算方法为{method}，已是该抽样次数下的最小值。",
        ),
        "test.smallest": (
            "{test}: the p-value is the smallest possible with {count} draws.",
            "{test}：p值已是{count}次抽样下的最小值。",
        ),
        "few_drawn": (
            (
                "Bootstrap p-values and intervals of {heads} are not reported: {count} "
                "clusters are too few for a bootstrap."
            ),
            "未报告{heads}的自助法p值和区间：{count}个聚类不足以进行自助抽样。",
        ),
        "sets.level": (" {level}", "{level}"),
        "sets": (
            (
                "Below a {what}: its{level} confidence set (lower and upper "
                "end); {sources}."
            ),
            "{what}下方为其{level}置信集（下端和上端），{sources}。",
        ),
        "gap": ("{heads} {what} in {pieces} pieces", "{heads} {what}分为{pieces}段"),
        "gaps": ("Confidence sets with gaps: {gaps}.", "有间断的置信集：{gaps}。"),
        "of.parameter": "{heads} {what}",
        "reach.lowest": (
            (
                "The confidence set includes the lowest candidate and may extend below "
                "it: {sets}."
            ),
            "置信集包含最小的候选值，可能向下延伸：{sets}。",
        ),
        "reach.highest": (
            (
                "The confidence set includes the highest candidate and may extend "
                "above it: {sets}."
            ),
            "置信集包含最大的候选值，可能向上延伸：{sets}。",
        ),
        "reach.ends": (
            (
                "The confidence set includes the lowest and the highest candidate and "
                "may extend beyond both: {sets}."
            ),
            "置信集包含最小和最大的候选值，两端均可能延伸：{sets}。",
        ),
        "insignificant": (
            "Not significant at {size} by its test: {sets}.",
            "检验在{size}的水平上不显著：{sets}。",
        ),
        "reach.whole": (
            (
                "The interval contains every candidate, so the data do not show the "
                "value: {sets}."
            ),
            "区间包含所有候选值，数据不能确定其数值：{sets}。",
        ),
        "tests": (
            "Below {statistics} of a test: its p-value, {sources}.",
            "检验的{statistics}统计量下方为其p值，{sources}。",
        ),
        "tests.or": (" or ", "或"),
        "drawn": ("{count} draws, {how}", "{count}次抽样，{how}"),
        "refused": (
            (
                "{head} tested and not retained: {what} in {variable}, {numbers} "
                "({drawn}){rest}."
            ),
            "{head}经检验未保留：{variable}的{what}，{numbers}（{drawn}）{rest}。",
        ),
        "refused.no_p": ("no p-value", "无p值"),
        "refused.rest": ("; {text}", "；{text}"),
        "not_estimated": ("{head} not estimated: {why}", "{head}未估计：{why}"),
        **{f"failure.{kind}": ("{message}", why) for kind, why in _FAILURES.items()},
    }
)
"""Words of the notes below a table."""

CHINESE_CALLS = {
    "log": "ln({0})",
    "log1p": "ln(1 + {0})",
    "exp": "exp({0})",
    "sqrt": "√({0})",
    "abs": "|{0}|",
    "lag": "{0}（滞后{count}期）",
    "lead": "{0}（提前{count}期）",
    "diff": "{0}（{count}期差分）",
    "treated": "{0}起实施",
    "C": "{0}",
    "I": "({0})",
    "growth of ": "{0}的增长率",
    "log_initial": "期初值的对数",
}
"""Functions of terms in Chinese; English has them as typed."""

CHINESE_SIGNS = {
    "**": "^",
    "*": "×",
    "==": "=",
    "!=": "≠",
    "<=": "≤",
    ">=": "≥",
    "-": "−",
    "not in": "不属于",
    "and": "且",
    "or": "或",
    "not": "非",
    "in": "属于",
}
"""Operators of calculations and conditions in Chinese; the longer ones first."""
