"""Words of figures: the texts of each code in both languages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from digiprosper.report.labels import name_label
from digiprosper.report.terms import Factors
from digiprosper.report.words import Language, Words

FIGURE = Words(
    {
        "interval": ("{level}% confidence interval", "{level}%置信区间"),
        "interval.t": ("{level}% interval (t)", "{level}%置信区间（t分布）"),
        "interval.percentile": ("{level}% percentile interval", "{level}%分位数区间"),
        "interval.draws": (
            "{level}% interval (percentile of the draws)",
            "{level}%区间（抽样的分位数）",
        ),
        "estimate": (
            "Estimate and {level}% confidence interval",
            "估计值与{level}%置信区间",
        ),
        "effect": (
            "Effect and {level}% percentile interval",
            "效应与{level}%分位数区间",
        ),
        "impact": ("Effect and {level}% confidence interval", "效应与{level}%置信区间"),
        "impact.of": (
            "{kind} effect and {level}% confidence interval",
            "{kind}与{level}%置信区间",
        ),
        "absent.failed": ("{head} (not estimated)", "{head}（未估计）"),
        "absent.terms": ("{head} (none of these terms)", "{head}（不含所示变量）"),
        "list": (", ", "，"),
        "sentence": ("{text}.", "{text}。"),
        "brackets": ("{text} ({inside})", "{text}（{inside}）"),
        "left_out.failed": ("{count} not estimated", "{count}个未估计"),
        "left_out.term": ("{count} without the coefficient", "{count}个不含该系数"),
        "left_out.regressor": ("{count} without the regressor", "{count}个不含该变量"),
        "profile.set": ("{level}% confidence set", "{level}%置信集"),
        "profile.estimate": ("Estimate {value}", "估计值{value}"),
        "profile.given": ("Given {value}", "给定值{value}"),
        "profile.ratio": ("Likelihood ratio", "似然比统计量"),
        "profile.ratio.of": (
            "Likelihood ratio, threshold {number}",
            "第{number}个门槛值的似然比统计量",
        ),
        "profile.critical": (
            "{level}% critical value {value} ({criterion})",
            "{level}%临界值{value}（{criterion}）",
        ),
        "profile.critical.drawn": (
            "{level}% critical values ({criterion})",
            "{level}%临界值（{criterion}）",
        ),
        "draws": ("{count} draws", "{count}次抽样"),
        "draws.found": ("the data: {value}", "实际样本：{value}"),
        "draws.estimate": ("Estimate of {term}", "{term}的估计系数"),
        "draws.statistic": ("Statistic of the {name}", "检验统计量（{name}）"),
        "density": ("Density", "核密度"),
        "map.rows": ("{condition} ({count} rows)", "{condition}（{count}个观测值）"),
        "map.none": (
            "no threshold in {name} ({count} rows)",
            "{name}无门槛值（{count}个观测值）",
        ),
        "map.blank": ("not in the sample ({count})", "不在样本中（{count}）"),
        "balance.before": ("Before matching", "匹配前"),
        "balance.after": ("After matching", "匹配后"),
        "balance.axis": (
            "Absolute standardised difference of means",
            "标准化均值差异（绝对值）",
        ),
        "event.axis": ("Periods since treatment", "相对处理时点的期数"),
        "event.bands": (
            "Estimate, {level}% interval (thick) and joint band (thin)",
            "估计值、{level}%逐点置信区间（粗）与联合置信带（细）",
        ),
        "event.counts": (
            "Periods since treatment, treated entities below",
            "相对处理时点的期数，下方为处理组个体数",
        ),
        "event.ends": ("{head} (ends {ends})", "{head}（端点{ends}）"),
        "event.before": ("{head} ({before})", "{head}（{before}）"),
        "event.previous": (
            "before treatment: change since the previous period",
            "处理前为相对上一期的变化",
        ),
        "event.earlier": (
            "before treatment: difference from earlier periods",
            "处理前为相对更早各期的差异",
        ),
        "event.cohorts": ("reference differs between cohorts", "各批次基准期不同"),
        "event.reference": ("reference, 0 by construction", "基准期，设定为0"),
        "honest.original": ("usual", "通常"),
        "honest.interval": (
            "{level}% interval if trends differ by M",
            "趋势差异不超过M时的{level}%置信区间",
        ),
        "honest.usual": ("Usual {level}% interval", "通常的{level}%置信区间"),
        "honest.breakdown": ("contains 0 from M = {value}", "自M = {value}起区间包含0"),
        "curve.models": (
            "{count} models, ordered by estimate",
            "{count}个模型，按估计值排序",
        ),
        "curve.model": (
            "{count} model, ordered by estimate",
            "{count}个模型，按估计值排序",
        ),
        "curve.outcome": (
            "{name} (outcome: {outcome})",
            "{name}（被解释变量：{outcome}）",
        ),
        "curve.given": ("specification as given", "给定的模型"),
        "curve.reported": ("reported specification", "所报告的模型"),
        "curve.band": (
            "{level}% of draws without an effect",
            "无效应抽样的{level}%区间",
        ),
        "choice.regressor": ("regressor: {name}", "解释变量：{name}"),
        "choice.control": "{name}",
        "choice.model": ("model: {name}", "模型：{name}"),
        "choice.effect": ("effect: {name}", "固定效应：{name}"),
        "choice.slope": ("slopes: {name}", "斜率：{name}"),
        "choice.trend": ("trends: {name}", "趋势：{name}"),
        "choice.random": ("random effects: {name}", "随机效应：{name}"),
        "choice.rows": ("rows: {name}", "样本：{name}"),
        "choice.outcome": ("outcome: {name}", "被解释变量：{name}"),
        "choice.weights": ("weights: {name}", "权重：{name}"),
        "choice.errors": ("errors: {name}", "标准误：{name}"),
        "errors.by": ("{errors} by {clusters}", "聚类到{clusters}（{errors}）"),
        "and": (" and ", "和"),
        "errors.clustered": ("clustered", "聚类稳健"),
        "errors.crv3": "CRV3",
        "errors.cr2": "CR2",
        "errors.conley": ("Conley, {distance} km", "Conley，{distance}公里"),
        "errors.driscoll_kraay": (
            "Driscoll-Kraay and by entity",
            "Driscoll-Kraay与个体聚类",
        ),
        "errors.xtscc": "Driscoll-Kraay",
        "errors.hc2": "HC2",
        "errors.hc3": "HC3",
        "errors.robust": "HC1",
        "errors.unadjusted": ("unadjusted", "未调整"),
        "decay.axis": ("Cut-off of the distance in km", "距离阈值（公里）"),
        "decay.effect": ("{kind} effect of {name}", "{name}的{kind}"),
        "decay.effects": ("Effects of {name}", "{name}的空间效应"),
        "decay.on": ("{effect} on {outcome}", "{effect}（被解释变量：{outcome}）"),
        "moran.title": ("Moran's I: {value} ({p})", "莫兰指数：{value}（{p}）"),
        "moran.title.in": (
            "Moran's I in {period}: {value} ({p})",
            "莫兰指数（{period}）：{value}（{p}）",
        ),
        "moran.value": ("{name}, standardised", "{name}（标准化）"),
        "moran.lag": ("Spatial lag", "空间滞后"),
        "moran.unnamed": ("not named: {names}", "未标注：{names}"),
        "moran.unnamed.count": (
            "{count} entities not named",
            "{count}个个体未标注名称",
        ),
        "quadrant": ("{name} ({count})", "{name}（{count}）"),
        "quadrant.high-high": ("High-high", "高-高"),
        "quadrant.high-low": ("High-low", "高-低"),
        "quadrant.low-low": ("Low-low", "低-低"),
        "quadrant.low-high": ("Low-high", "低-高"),
        "slope.of": (
            "Marginal effect of {name} on {outcome}",
            "{name}对{outcome}的边际效应",
        ),
        "slope.zero.everywhere": ("Excludes 0 everywhere", "区间处处不含0"),
        "slope.zero": ("Excludes 0", "区间不含0"),
        "slope.zero.share": (
            "Excludes 0 ({share} of rows)",
            "区间不含0（占观测值的{share}）",
        ),
        "slope.rows": (
            "{count} rows, {most} in the highest bar",
            "{count}个观测值，最高柱{most}个",
        ),
        "slope.held": ("at the mean of {names}", "{names}取均值"),
        "conditional.quantiles": ("10, 50, 90% of rows", "观测值的10%、50%、90%分位数"),
        "sensitivity.assumed": (
            "{value} at ρ = 0, as the fit assumes",
            "ρ = 0时为{value}（模型的假定）",
        ),
        "sensitivity.zero": (
            "0 at ρ = {value} [{low}, {high}]",
            "ρ = {value} [{low}, {high}]时为0",
        ),
        "sensitivity.already": (
            "interval includes 0 already at ρ = 0",
            "ρ = 0时区间已包含0",
        ),
        "sensitivity.from": (
            "interval includes 0 from ρ = {value}",
            "ρ = {value}起区间包含0",
        ),
        "sensitivity.axis": (
            "Correlation ρ of the errors of mediator and outcome",
            "中介方程与结果方程误差项的相关系数ρ",
        ),
        "turn.axis": (
            "{outcome} minus its value at the mean",
            "{outcome}与其在均值处取值之差",
        ),
        "turn.set": (
            "{level}% set of the turning point {sets}",
            "拐点的{level}%置信集{sets}",
        ),
        "turn.and": (" and ", "和"),
        "turn.empty": ("empty", "为空"),
        "turn.missing": ("missing", "缺失"),
        "turn.all": ("(all values)", "为全部数值"),
        "turn.none": ("No turning point", "没有拐点"),
        "turn.at": ("Turning point {value}", "拐点{value}"),
        "turn.outside": (
            "Turning point {value}, outside the interval",
            "拐点{value}，在区间之外",
        ),
        "rank": ("Rank", "排名"),
        "rank.draws": ("Rank and {level}% of draws", "排名与{level}%抽样区间"),
        "rank.among": ("{title} (among all rows)", "{title}（全部观测值排序）"),
        "rank.in": ("{title}, {time} {period}", "{title}，{time}{period}"),
        "rank.count": ("{title} ({count} x {key})", "{title}（{count}个{key}）"),
        "rank.moves": ("Change in rank (above 0: higher)", "排名变化（大于0表示上升）"),
        "rank.share": ("{level}% of draws", "{level}%的抽样"),
        "rank.mark": ("weights of the sample", "样本权重"),
        "rank.combinations": ("all {count} combinations", "全部{count}种组合"),
        "rank.middle": ("middle half", "中间一半"),
        "rank.baseline": ("baseline", "基准方案"),
        "bars.alone": ("alone", "单独作用"),
        "bars.total": ("with other options", "与其他选项共同作用"),
        "bars.fixed": ("one value only", "仅一个取值"),
        "bars.axis": (
            "Share of the variance of ranks, all entities together",
            "占排名方差的比例（全部个体）",
        ),
        "ridge.kernel": ("Gaussian kernel, {rule}", "高斯核，{rule}"),
        "ridge.rule.scott": ("Scott's bandwidth h by period", "各期带宽h按Scott法则"),
        "ridge.rule.silverman": (
            "Silverman's bandwidth h by period",
            "各期带宽h按Silverman法则",
        ),
        "ridge.rule.given": (
            "bandwidth h = {value} in every period",
            "各期带宽h = {value}",
        ),
        "ridge.none": ("no density, {count}", "无密度，{count}"),
        "period": ("period", "时期"),
        "entity": ("entity", "个体"),
        "path.total": ("total {name}", "总效应{name}"),
        "path.low": ("{name} low =", "{name}低 ="),
        "path.high": ("{name} high =", "{name}高 ="),
        "path.arrows": (
            "Arrows: coefficients, standard errors in parentheses; {stars}.",
            "箭头旁为系数，括号内为标准误；{stars}。",
        ),
        "path.star": "{mark} p < {level}",
        "path.effect": ("Effect", "效应"),
        "path.effect.mean": ("Effect, mean of the rows", "效应（各行均值）"),
        "path.more": ("and {count} more effects", "另有{count}项效应未列出"),
        "path.side.low": ("low regime", "低区制"),
        "path.side.high": ("high regime", "高区制"),
        "path.others": (
            "Also in the outcome's equation: {names}.",
            "结果方程中还包括：{names}。",
        ),
        "path.moderator": (
            (
                "w: {name}. The slope above × w is the slope at w = 0; the coefficient "
                "of × w is its change per unit of w."
            ),
            "w：{name}。× w上方为w = 0时的斜率，× w的系数为w每变动一单位斜率的变化。",
        ),
        "path.square": (
            "x²: square of {name}; the slope above it is the slope at 0.",
            "x²：{name}的平方；其上方为在0处的斜率。",
        ),
        "path.regimes": (
            (
                "low: {name} <= {cut} ({low_rows} rows, {low_entities} entities); "
                "high: > {cut} ({high_rows} rows, {high_entities} entities)."
            ),
            (
                "低：{name} <= {cut}（{low_rows}个观测值，{low_entities}个个体）；"
                "高：> {cut}（{high_rows}个观测值，{high_entities}个个体）。"
            ),
        ),
        "path.rows": ("{count} rows", "{count}个观测值"),
        "path.entities": ("{count} entities", "{count}个个体"),
        "path.periods": ("{count} periods", "{count}期"),
        "path.sample": (
            "Sample: {counts}; effects: {effects}.",
            "样本：{counts}；固定效应：{effects}。",
        ),
        "path.no_effects": ("none", "无"),
        "path.errors": ("{errors}; {draws}.", "{errors}；{draws}。"),
        "path.clusters": ("{errors} ({counts} clusters)", "{errors}（{counts}个聚类）"),
        "path.drawn": (
            "{level}% percentile intervals from {count} bootstrap draws of {units}",
            "{level}%分位数区间来自{count}次自助抽样（抽取{units}）",
        ),
        "path.not_drawn": (
            (
                "percentile intervals not computed: {count} {units} are too few for "
                "the bootstrap"
            ),
            "未计算分位数区间：{count}个{units}不足以进行自助抽样",
        ),
    }
)
"""Words of axes, legends and remarks."""


@dataclass(frozen=True, slots=True)
class Wording:
    """Labels and language of one figure."""

    labels: Mapping[str, str]
    factors: Factors
    language: Language = "english"

    def label(self, name: str) -> str:
        """Print an outcome, effect, cluster or mediator with labels."""
        return name_label(name, self.labels, self.factors, self.language)

    def say(self, code: str, **parts: object) -> str:
        """Return the words of a code of figures."""
        return FIGURE.say(code, self.language, **parts)
