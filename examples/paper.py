# %% [markdown]
# # The empirical section of a paper, SIMULATED: every step, in 40 statements
#
# Does the digital economy go with common prosperity? This is the whole empirical
# section of such a paper, from raw indicators with gaps to one Word file with every
# table, in English and in Chinese. The names of the 31 provinces, the units and the
# labels are real. **Every number is simulated** by `datasets.simulate_provinces`, which
# also returns the true effects: section 12 prints them beside the estimates.
#
# Open this file as a notebook, or run it as a script. It prints the results, and writes
# tables and figures to `paper_output/`, or to the folder that the environment variable
# `PAPER_OUTPUT` names.

# %%
import os
from functools import partial
from pathlib import Path

import digiprosper as dp

OUTPUT = Path(os.environ.get("PAPER_OUTPUT", "paper_output"))
OUTPUT.mkdir(exist_ok=True)

# %% [markdown]
# ## 1. Data
# Yearbooks have gaps: here 2% of the values of indicators and controls are missing.
# They are interpolated between the neighbouring years of the same province, and never
# before its first or after its last value. `panel.imputations` lists each of them.
# Controls are winsorised at 1% and 99%. A paper reports both.

# %%
raw, truth = dp.datasets.simulate_provinces(gaps=0.02, rng=2026)
controls = ["urban", "fiscal", "openness"]
panel = (
    raw.interpolate(
        [*truth.weights["digital"], *truth.weights["prosperity"], *controls]
    )
    .winsorize(controls)
    .relabel(**truth.labels["en"])
)

# %% [markdown]
# ## 2. Two indices
# Both indices have entropy weights over all provinces and years. For the robustness
# checks there is also a digital index with the weights of its first principal
# component. Standard errors of the weights are clustered by province.

# %%
systems = {
    f"{name}_index": dp.IndicatorSystem.from_frame(truth.indicators(name))
    for name in ("digital", "prosperity")
}
indices = dp.fit_all(
    {
        "digital": dp.CompositeIndex(systems["digital_index"], name="digital_index"),
        "pca": dp.CompositeIndex(
            systems["digital_index"], weighting="pca", name="pca_index"
        ),
        "prosperity": dp.CompositeIndex(
            systems["prosperity_index"], name="prosperity_index"
        ),
    },
    panel,
)
panel = (
    panel.attach(indices["digital"].scores)
    .attach(indices["pca"].scores)
    .attach(indices["prosperity"].scores)
    .relabel(digital_index="Digital economy", prosperity_index="Common prosperity")
)
print(indices["digital"].summary(), indices["prosperity"].summary(), sep="\n\n")

# %% [markdown]
# ## 3. Descriptive statistics
# The number of interpolated values, standard deviations between and within provinces,
# and correlations. The stars of the correlations assume independent rows, and the rows
# of a panel are not independent. Variance inflation factors are those of the columns
# before province and year effects are removed, as papers print them.

# %%
variables = [
    "prosperity_index",
    "digital_index",
    *controls,
    *truth.a,
    "rural_income",
    "urban_rural_theil",
]
print(
    panel,
    f"{len(panel.imputations)} values are interpolated.",
    panel.describe(variables).round(3),
    dp.etable(panel.correlate(variables)),
    dp.vif(panel, ["digital_index", *controls]),
    sep="\n\n",
)

# %% [markdown]
# ## 4. Baseline
# Province and year effects, errors clustered by province, controls added one by one on
# the same rows. As there are only 31 clusters, the wild bootstrap checks the p-value.
# Hausman's test is used in its regression form (Mundlak), which allows for clustered
# errors.

# %%
base = dp.FixedEffects("prosperity_index", ["digital_index", *controls])
steps = dp.stepwise(base.drop(*controls), panel, controls)
print(
    dp.etable(steps),
    dp.wild_bootstrap(base, panel, "digital_index", rng=2026),
    dp.hausman(base, panel),
    sep="\n\n",
)

# %% [markdown]
# ## 5. An inverted U
# Does the gap between town and country first widen and then narrow? A significant
# square is not enough: the slopes at both ends of the data must have opposite signs.

# %%
curve = dp.FixedEffects(
    "urban_rural_theil", ["digital_index", "I(digital_index**2)", *controls]
).fit(panel)
shape = dp.u_test(curve, "digital_index")
print(dp.etable(curve), shape.summary(), sep="\n\n")

# %% [markdown]
# ## 6. Instruments
# The instrument is post offices in 1984 times last year's internet users of the whole
# country. Because of the lag, the first year is lost (31 rows). The simulated index is
# exogenous, so least squares and two-stage least squares estimate the same number.

# %%
iv = dp.FixedEffectsIV(
    "prosperity_index",
    controls,
    ["digital_index"],
    ["post_offices_1984:lag(national_users)"],
).fit(panel)
print(iv.summary())

# %% [markdown]
# ## 7. Mechanisms
# Three mediators. All equations have the same rows and the same effects, and the
# bootstrap resamples provinces, not rows. The path from a mediator to prosperity is an
# association, even if the index is as good as random.

# %%
mediation = dp.Mediation(
    "prosperity_index", "digital_index", list(truth.a), controls
).fit(panel, rng=2026)
print(mediation.summary())

# %% [markdown]
# ## 8. Heterogeneity: a threshold, and regions
# Does the slope of rural income change with the urban share? Thresholds are added until
# one is not significant. Then the model is estimated for each region. If a coefficient
# is significant in one region only, it may still not differ from those of the other
# regions. A test permutes the regions of the provinces. Warnings say that the 8 to 12
# provinces of a region are too few clusters for a t test. The permutation test does not
# need many clusters.

# %%
threshold = dp.PanelThreshold(
    "rural_income", "digital_index", "urban", controls, n_thresholds="auto", reps=999
).fit(panel, rng=2026)
groups = dp.by_group(base, panel, "region", rng=2026)
print(threshold.summary(), dp.etable(groups), sep="\n\n")

# %% [markdown]
# ## 9. Robustness and placebo
# Another index, a lag, without the four municipalities, without the years from 2020 on,
# trends by province, and other standard errors. The placebo test gives the path of each
# province's index to another province. A warning says that two-way clustering has 12
# clusters of years only. Was the result searched for? With three controls, and a
# shorter sample, nine estimates could have been reported. The test compares the
# reported t statistic with the largest of nine in outcomes without an effect.

# %%
battery = dp.fit_all(
    {
        "Baseline": base,
        "PCA index": base.swap("digital_index", "pca_index"),
        "Lagged index": base.swap("digital_index", "lag(digital_index)"),
        "No municipalities": (
            base,
            panel.subset(
                "province not in ['beijing', 'tianjin', 'shanghai', 'chongqing']"
            ),
        ),
        "Until 2019": (base, panel.subset("year < 2020")),
        "Province trends": base.replace(absorb="province[year]"),
        "Two-way clusters": base.replace(clusters=["province", "year"]),
    },
    panel,
)
placebo = dp.randomisation_test(base, panel, "digital_index", rng=2026)
print(
    dp.etable(battery),
    placebo,
    dp.search_test(
        base,
        panel,
        controls,
        also={"Until 2019": base.replace(where="year < 2020")},
        rng=2026,
    ).summary(),
    sep="\n\n",
)

# %% [markdown]
# ## 10. Spillovers
# The spatial Durbin model with the borders of the provinces. The spillover is the
# indirect effect, not the coefficient of the neighbours' index. The likelihood is
# adjusted for the fixed effects, and intervals hold with 31 provinces.

# %%
borders = dp.SpatialWeights.from_neighbours(
    dp.datasets.province_neighbours(), name="Borders"
)
spatial = dp.PanelSpatial("prosperity_index", base.x, borders).fit(panel)
print(spatial.summary())

# %% [markdown]
# ## 11. Propositions
# Through what does the digital economy go with common prosperity here? The literature
# makes 62 propositions. Each is tested on the panel by a suitable model, and p-values
# are adjusted over all that can be tested. Table 14 and the last figure put them side
# by side in standard deviations, and list the others with the data that they need. The
# warning is about P11: its threshold is not significant, and its confidence set reaches
# the ends of the data. P34 is supported, although the digital divide is not in the
# equation of the gap: its model does not have the index, and an association is no
# mechanism.

# %%
report = dp.pathways.evaluate(
    panel,
    dp.pathways.seed_catalogue(),
    {
        "de": "digital_index",
        "cp": "prosperity_index",
        "tfp": "productivity",
        "isu": "upgrading",
        "entrepreneurship": "entrepreneurship",
        "rural_income": "rural_income",
        "ur_gap": "urban_rural_theil",
        "digital_infra": "broadband_ports",
        "growth_volatility": "growth_volatility",
        "digital_skill": "digital_skill",
        "digital_divide": "digital_divide",
        "digital_gov": "digital_government",
        "service_mismatch": "service_mismatch",
    },
    controls=controls,
    systems=systems,
    spatial_weights=borders,
    rng=2026,
)
print(report.summary())

# %% [markdown]
# ## 12. Estimates beside the truth
# On average one 95% interval in twenty does not contain the true number. Here all do.
# The spillover is significant at 10% although its true value is zero: a paper, which
# does not know the truth, might report an effect.

# %%
print(
    dp.datasets.beside_truth(
        {
            "Total effect": (truth.total, steps["(4)"], "digital_index"),
            "Total effect, instruments": (truth.total, iv, "digital_index"),
            **{
                f"Mechanisms, {name}": (effect, mediation, name)
                for name, effect in truth.effects.items()
            },
            "Threshold": (
                truth.threshold,
                threshold.thresholds["estimate"].iloc[0],
                threshold.confidence_set(1),
            ),
            "Slope below it": (
                truth.regime_slopes[0],
                threshold.slopes,
                "digital_index:regime1",
            ),
            "Slope above it": (
                truth.regime_slopes[1],
                threshold.slopes,
                "digital_index:regime2",
            ),
            "Turning point": (truth.turning_point, shape.extremum, shape.fieller),
            "Spillover": (
                0,
                spatial.impacts.query("kind == 'indirect'"),
                "digital_index",
            ),
        }
    )
    .round(3)
    .to_string()
)

# %% [markdown]
# ## 13. Every table in one Word file, and the figures, in both languages
# For another language only titles and labels change; labels also translate the heads of
# columns. The index, its lag and the index by principal components have one label, so
# they share a row of the table.

# %%
words = {
    "en": {
        "Table 1": "Table 1. Weights of the index of the digital economy",
        "Table 2": "Table 2. Weights of the index of common prosperity",
        "Table 3": "Table 3. Descriptive statistics",
        "Table 4": "Table 4. Correlations",
        "Table 5": "Table 5. Digital economy and common prosperity",
        "Table 6": "Table 6. Digital economy and the gap between town and country",
        "Table 7": "Table 7. Instruments",
        "Table 8": "Table 8. Mechanisms",
        "Table 9": "Table 9. Thresholds in the urban share: tests",
        "Table 10": (
            "Table 10. Digital economy and rural income below and above the threshold"
        ),
        "Table 11": "Table 11. Regions",
        "Table 12": "Table 12. Robustness",
        "Table 13": "Table 13. Spillovers",
        "Table 14": "Table 14. Propositions",
        "point": "Turning point",
        "p": "U test, p",
        "labels": {
            **truth.labels["en"],
            "prosperity_index": "Common prosperity",
            "digital_index": "Digital economy",
            "pca_index": "Digital economy, principal component",
            "lag(digital_index)": "Digital economy, a year ago",
            "post_offices_1984:lag(national_users)": (
                "Post offices in 1984 × internet users of last year"
            ),
            "weight": "Weight",
            "std_error": "Standard error",
            "mean": "Mean",
            "sd": "SD",
            "min": "Min",
            "p50": "Median",
            "max": "Max",
            "central": "Central",
            "east": "East",
            "west": "West",
        },
    },
    "zh": {
        "Table 1": "表1 数字经济指数的指标权重",
        "Table 2": "表2 共同富裕指数的指标权重",
        "Table 3": "表3 描述性统计",
        "Table 4": "表4 相关系数",
        "Table 5": "表5 基准回归：数字经济与共同富裕",
        "Table 6": "表6 倒U型检验：数字经济与城乡差距",
        "Table 7": "表7 工具变量法",
        "Table 8": "表8 作用机制",
        "Table 9": "表9 门槛效应检验",
        "Table 10": "表10 门槛回归：数字经济与农村收入",
        "Table 11": "表11 区域异质性",
        "Table 12": "表12 稳健性检验",
        "Table 13": "表13 空间溢出效应",
        "Table 14": "表14 理论命题的检验",
        "point": "拐点",
        "p": "U型检验的 p",
        "labels": {
            **truth.labels["zh"],
            "prosperity_index": "共同富裕",
            "digital_index": "数字经济",
            "pca_index": "数字经济（主成分）",
            "lag(digital_index)": "数字经济（滞后一期）",
            "post_offices_1984:lag(national_users)": (
                "1984年邮局数 × 上一年全国互联网用户数"
            ),
            "weight": "权重",
            "std_error": "标准误",
            "N": "样本量",
            "mean": "均值",
            "sd": "标准差",
            "min": "最小值",
            "p50": "中位数",
            "max": "最大值",
            "central": "中部",
            "east": "东部",
            "west": "西部",
            "beijing": "北京",
            "tianjin": "天津",
            "shanghai": "上海",
            "chongqing": "重庆",
            "Baseline": "基准",
            "PCA index": "主成分指数",
            "Lagged index": "滞后一期",
            "No municipalities": "剔除直辖市",
            "Until 2019": "2019年前",
            "Province trends": "省份趋势",
            "Two-way clusters": "双向聚类",
            "Borders": "省界相邻",
        },
    },
}

# %%
for language, say in words.items():
    table = partial(
        dp.etable, style=dp.TableStyle(language, digits=4), labels=say["labels"]
    )
    dp.save_tables(
        OUTPUT / f"paper_{language}.docx",
        {
            say["Table 1"]: table(indices["digital"].weights[["weight", "std_error"]]),
            say["Table 2"]: table(
                indices["prosperity"].weights[["weight", "std_error"]]
            ),
            say["Table 3"]: table(panel.summarise(variables)),
            say["Table 4"]: table(panel.correlate(variables), digits=2),
            say["Table 5"]: table(steps, constant=True, std_effect="digital_index"),
            say["Table 6"]: table(
                curve,
                controls=controls,
                rows={say["point"]: [shape.extremum], say["p"]: [shape.p_value]}
                if shape.inside
                else None,
            ),
            say["Table 7"]: table(iv.stages, controls=controls),
            say["Table 8"]: table(mediation),
            say["Table 9"]: table(threshold.test_table()),
            say["Table 10"]: table(threshold, controls=controls),
            say["Table 11"]: table(groups, controls=controls),
            say["Table 12"]: table(
                battery,
                controls=controls,
                labels=say["labels"]
                | dict.fromkeys(
                    ["pca_index", "lag(digital_index)"], say["labels"]["digital_index"]
                ),
            ),
            say["Table 13"]: table(spatial.decomposition, controls=controls),
            say["Table 14"]: table(
                report.in_language(language, say["labels"]), labels=None
            ),
        },
    )
    with dp.plots.figure_style("page", language=language):
        for name, axes in {
            "1_index": dp.plots.kernel_ridge(
                panel, "digital_index", labels=say["labels"]
            ),
            "2_inverse_u": dp.plots.u_shape(curve, shape, labels=say["labels"]),
            "3_slope": dp.plots.marginal_effect(
                curve, "digital_index", panel=panel, labels=say["labels"]
            ),
            "4_mechanisms": dp.plots.mediation_path(mediation, labels=say["labels"]),
            **(
                {"5_threshold": dp.plots.lr_profile(threshold, labels=say["labels"])}
                if len(threshold.thresholds)
                else {}
            ),
            "6_robustness": dp.plots.specification_curve(
                battery,
                ["digital_index", "pca_index", "lag(digital_index)"],
                labels=say["labels"],
            ),
            "7_placebo": dp.plots.placebo(placebo, labels=say["labels"]),
            "8_spillovers": dp.plots.impacts(
                spatial, keep="digital_index", labels=say["labels"]
            ),
            "9_propositions": dp.plots.pathways(
                report.in_language(language), labels=say["labels"]
            ),
        }.items():
            axes.figure.savefig(OUTPUT / f"figure_{name}_{language}.png")
