# %% [markdown]
# # The empirical section of a paper: infrastructure and output of US states
#
# Does output per worker rise with public infrastructure? Every step of `paper.py` on
# the 48 contiguous states, 1970 to 1986 (Munnell 1990), except instruments, for which
# these data have no candidate. Little of the first estimate is left with controls, and
# each step below reports that.
#
# Open this file as a notebook, or run it as a script. It prints the results, and writes
# tables and figures to `paper_output/`, or to the folder that the environment variable
# `PAPER_OUTPUT` names.

# %%
import os
from functools import partial
from pathlib import Path

import numpy as np

import digiprosper as dp

OUTPUT = Path(os.environ.get("PAPER_OUTPUT", "paper_output"))
OUTPUT.mkdir(exist_ok=True)

# %% [markdown]
# ## 1. Data
# There are no gaps, so nothing is interpolated. All variables are per worker, since
# totals would measure the size of a state. The South is that of the Census Bureau
# without Delaware and Maryland.

# %%
south = [
    "AL",
    "AR",
    "FL",
    "GA",
    "KY",
    "LA",
    "MS",
    "NC",
    "OK",
    "SC",
    "TN",
    "TX",
    "VA",
    "WV",
]
panel = dp.datasets.us_states().assign(
    output="I(gsp / emp)",
    highways="I(hwy / emp)",
    water_systems="I(water / emp)",
    other_capital="I(util / emp)",
    ln_output="log(gsp / emp)",
    ln_capital="log(pc / emp)",
    ln_jobs="log(emp)",
    region=lambda frame: np.where(
        frame.index.get_level_values("state").isin(south), "South", "Elsewhere"
    ),
)

# %% [markdown]
# ## 2. Two indices
# An infrastructure index by entropy weights, and another by the first principal
# component. An index of prosperity, from output and unemployment, is a second outcome.
# Highways have the largest entropy weight, because their values are most unequal. This
# says nothing about their importance.

# %%
systems = {
    "infrastructure": dp.IndicatorSystem.from_dict(
        {
            "transport": {"highways": "+"},
            "utilities": {"water_systems": "+", "other_capital": "+"},
        }
    ),
    "prosperity": dp.IndicatorSystem.from_dict({"": {"output": "+", "unemp": "-"}}),
}
indices = dp.fit_all(
    {
        "infrastructure": dp.CompositeIndex(
            systems["infrastructure"], name="infrastructure"
        ),
        "pca": dp.CompositeIndex(
            systems["infrastructure"], weighting="pca", name="pca_index"
        ),
        "prosperity": dp.CompositeIndex(systems["prosperity"], name="prosperity"),
    },
    panel,
)
panel = (
    panel.attach(indices["infrastructure"].scores)
    .attach(indices["pca"].scores)
    .attach(indices["prosperity"].scores)
    .relabel(
        infrastructure="Infrastructure",
        ln_output="Output per worker (log)",
        ln_jobs="Jobs (log)",
    )
)
print(indices["infrastructure"].summary(), indices["prosperity"].summary(), sep="\n\n")

# %% [markdown]
# ## 3. Descriptive statistics
# The stars of the correlations assume independent rows, and the rows of a panel are not
# independent. Variance inflation factors are those of the columns before state and year
# effects are removed, as papers print them.

# %%
controls = ["unemp", "ln_jobs"]
variables = ["ln_output", "infrastructure", *controls, "ln_capital"]
print(
    panel,
    panel.describe(variables).round(3),
    dp.etable(panel.correlate(variables)),
    dp.vif(panel, ["infrastructure", *controls]),
    sep="\n\n",
)

# %% [markdown]
# ## 4. Baseline
# State and year effects, errors clustered by state, controls added one by one on the
# same rows. If the index is higher by .1 (one standard deviation), output is 2% higher.
# With the number of jobs held fixed, it is 1% higher and not significant: states where
# employment grew had less infrastructure per worker and less output per worker.

# %%
base = dp.FixedEffects("ln_output", ["infrastructure", *controls])
steps = dp.stepwise(base.drop(*controls), panel, controls)
print(
    dp.etable(steps),
    dp.wild_bootstrap(base, panel, "infrastructure", rng=2026),
    dp.hausman(base, panel),
    sep="\n\n",
)

# %% [markdown]
# ## 5. A U-shape
# No U-shape is found. The warning says that most of the variation of the square comes
# from five states, above all Wyoming.

# %%
curve = dp.FixedEffects(
    "ln_output", ["infrastructure", "I(infrastructure**2)", *controls]
).fit(panel)
shape = dp.u_test(curve, "infrastructure")
print(dp.etable(curve), shape.summary(), sep="\n\n")

# %% [markdown]
# ## 6. Mechanism
# The mediator is private capital per worker. The bootstrap resamples states, not rows.
# The interval of the total effect includes zero, so the proportion mediated is not
# reported, and a warning says why.

# %%
mediation = dp.Mediation("ln_output", "infrastructure", "ln_capital", controls).fit(
    panel, rng=2026
)
print(mediation.summary())

# %% [markdown]
# ## 7. Heterogeneity: a threshold, and regions
# Does the slope differ between high and low unemployment? No threshold is found. Nor
# does the slope in the South differ. A warning says that its 14 states are few
# clusters. The test of the difference permutes the regions of the states.

# %%
threshold = dp.PanelThreshold(
    "ln_output", "infrastructure", "unemp", controls, n_thresholds="auto", reps=999
).fit(panel, rng=2026)
groups = dp.by_group(base, panel, "region", rng=2026)
print(threshold.summary(), dp.etable(groups), sep="\n\n")

# %% [markdown]
# ## 8. Robustness and placebo
# Other indices and outcomes, a lag, winsorised values, later years, trends by state,
# and other standard errors. The placebo test gives the path of each state's index to
# another state.

# %%
battery = dp.fit_all(
    {
        "Baseline": base,
        "PCA index": base.swap("infrastructure", "pca_index"),
        "Lagged index": base.swap("infrastructure", "lag(infrastructure)"),
        "Prosperity index": base.replace(y="prosperity").drop("unemp"),
        "Winsorised": (
            base,
            panel.winsorize(["ln_output", "infrastructure", *controls]),
        ),
        "From 1976 on": (base, panel.subset("year > 1975")),
        "State trends": base.replace(absorb="state[year]"),
        "Driscoll-Kraay": base.replace(cov_type="driscoll_kraay"),
    },
    panel,
)
placebo = dp.randomisation_test(base, panel, "infrastructure", rng=2026)
print(dp.etable(battery), placebo, sep="\n\n")

# %% [markdown]
# ## 9. Spillovers
# The spatial Durbin model with the borders of the states. Output depends on the output
# of the neighbours (rho). The interval of the indirect effect of infrastructure is
# wide: these data cannot show whether there are spillovers of infrastructure.

# %%
borders = dp.SpatialWeights.from_neighbours(dp.datasets.us_neighbours(), name="Borders")
spatial = dp.PanelSpatial("ln_output", base.x, borders, cov_type="clustered").fit(panel)
print(spatial.summary())

# %% [markdown]
# ## 10. Propositions
# The claims of the sections above as data. Each is tested on the panel by a suitable
# model, and p-values are adjusted over all of them.

# %%
claims = [
    dp.pathways.Mechanism(
        id="S1",
        claim="Infrastructure raises output per worker",
        claim_zh="基础设施提高劳均产出",
        source="Munnell 1990",
        cause="infrastructure",
        outcome="output",
        sign="+",
        shape="linear",
    ),
    dp.pathways.Mechanism(
        id="S2",
        claim="Private capital carries infrastructure to output per worker",
        claim_zh="基础设施通过私人资本提高劳均产出",
        source="Munnell 1990",
        cause="infrastructure",
        channels=("capital",),
        outcome="output",
        sign="+",
        shape="mediated",
    ),
    dp.pathways.Mechanism(
        id="S3",
        claim="Infrastructure raises the output of neighbouring states",
        claim_zh="基础设施提高相邻州的劳均产出",
        source="Munnell 1990",
        cause="infrastructure",
        outcome="output",
        sign="+",
        shape="spatial",
        impact="indirect",
    ),
]
report = dp.pathways.evaluate(
    panel,
    claims,
    {
        "infrastructure": "infrastructure",
        "output": "ln_output",
        "capital": "ln_capital",
    },
    controls=controls,
    systems={"infrastructure": systems["infrastructure"]},
    spatial_weights=borders,
    rng=2026,
)
print(report.summary())

# %% [markdown]
# ## 11. Every table in one Word file, and the figures, in both languages
# For another language only titles and labels change. The index, its lag and the index
# by principal components have one label, so they share a row of the table.

# %%
words = {
    "en": {
        "Table 1": "Table 1. Weights of the index of infrastructure",
        "Table 2": "Table 2. Weights of the index of prosperity",
        "Table 3": "Table 3. Descriptive statistics",
        "Table 4": "Table 4. Correlations",
        "Table 5": "Table 5. Infrastructure and output per worker",
        "Table 6": "Table 6. A test of a U-shape",
        "Table 7": "Table 7. Mechanism: private capital",
        "Table 8": "Table 8. Thresholds in unemployment: tests",
        "Table 9": "Table 9. Regions",
        "Table 10": "Table 10. Robustness",
        "Table 11": "Table 11. Spillovers",
        "Table 12": "Table 12. Propositions",
        "labels": {
            "infrastructure": "Infrastructure",
            "pca_index": "Infrastructure, principal component",
            "lag(infrastructure)": "Infrastructure, a year ago",
            "prosperity": "Prosperity",
            "ln_output": "Output per worker (log)",
            "ln_capital": "Private capital per worker (log)",
            "ln_jobs": "Jobs (log)",
            "unemp": "Unemployment (%)",
            "output": "Output per worker",
            "highways": "Highways per worker",
            "water_systems": "Water and sewers per worker",
            "other_capital": "Other public capital per worker",
            "state": "State",
            "year": "Year",
            "region": "Region",
            "weight": "Weight",
            "std_error": "Standard error",
            "mean": "Mean",
            "sd": "SD",
            "min": "Min",
            "p50": "Median",
            "max": "Max",
        },
        "point": "Turning point",
        "p": "U test, p",
    },
    "zh": {
        "Table 1": "表1 基础设施指数的指标权重",
        "Table 2": "表2 繁荣指数的指标权重",
        "Table 3": "表3 描述性统计",
        "Table 4": "表4 相关系数",
        "Table 5": "表5 基准回归：基础设施与劳均产出",
        "Table 6": "表6 U型检验",
        "Table 7": "表7 作用机制：私人资本",
        "Table 8": "表8 门槛效应检验",
        "Table 9": "表9 区域异质性",
        "Table 10": "表10 稳健性检验",
        "Table 11": "表11 空间溢出效应",
        "Table 12": "表12 理论命题的检验",
        "labels": {
            "infrastructure": "基础设施",
            "pca_index": "基础设施（主成分）",
            "lag(infrastructure)": "基础设施（滞后一期）",
            "prosperity": "繁荣指数",
            "ln_output": "劳均产出（对数）",
            "ln_capital": "劳均私人资本（对数）",
            "ln_jobs": "就业人数（对数）",
            "unemp": "失业率（%）",
            "output": "劳均产出",
            "highways": "劳均公路资本",
            "water_systems": "劳均供排水资本",
            "other_capital": "劳均其他公共资本",
            "state": "州",
            "year": "年份",
            "region": "地区",
            "weight": "权重",
            "std_error": "标准误",
            "N": "样本量",
            "mean": "均值",
            "sd": "标准差",
            "min": "最小值",
            "p50": "中位数",
            "max": "最大值",
            "South": "南部",
            "Elsewhere": "其他地区",
            "Baseline": "基准",
            "PCA index": "主成分指数",
            "Lagged index": "滞后一期",
            "Prosperity index": "繁荣指数",
            "Winsorised": "缩尾",
            "From 1976 on": "1976年起",
            "State trends": "州趋势",
            "Borders": "州界相邻",
        },
        "point": "拐点",
        "p": "U型检验的 p",
    },
}

# %%
for language, say in words.items():
    table = partial(dp.etable, style=dp.TableStyle(language), labels=say["labels"])
    dp.save_tables(
        OUTPUT / f"states_{language}.docx",
        {
            say["Table 1"]: table(
                indices["infrastructure"].weights[["weight", "std_error"]]
            ),
            say["Table 2"]: table(
                indices["prosperity"].weights[["weight", "std_error"]]
            ),
            say["Table 3"]: table(panel.summarise(variables)),
            say["Table 4"]: table(panel.correlate(variables)),
            say["Table 5"]: table(steps, constant=True, std_effect="infrastructure"),
            say["Table 6"]: table(
                curve, rows={say["point"]: [shape.extremum], say["p"]: [shape.p_value]}
            ),
            say["Table 7"]: table(mediation),
            say["Table 8"]: table(threshold.test_table()),
            say["Table 9"]: table(groups),
            say["Table 10"]: table(
                battery,
                controls=controls,
                labels=say["labels"]
                | dict.fromkeys(
                    ["pca_index", "lag(infrastructure)"],
                    say["labels"]["infrastructure"],
                ),
            ),
            say["Table 11"]: table(spatial.decomposition),
            say["Table 12"]: table(report.in_language(language), labels=None),
        },
    )
    with dp.plots.figure_style("page", language=language):
        for name, axes in {
            "1_index": dp.plots.kernel_ridge(
                panel, "infrastructure", labels=say["labels"]
            ),
            "2_u_shape": dp.plots.u_shape(curve, shape, labels=say["labels"]),
            "3_slope": dp.plots.marginal_effect(
                curve, "infrastructure", panel=panel, labels=say["labels"]
            ),
            "4_mechanism": dp.plots.mediation_path(mediation, labels=say["labels"]),
            "5_robustness": dp.plots.specification_curve(
                battery,
                ["infrastructure", "pca_index", "lag(infrastructure)"],
                labels=say["labels"],
            ),
            "6_placebo": dp.plots.placebo(placebo, labels=say["labels"]),
            "7_spillovers": dp.plots.impacts(
                spatial, keep="infrastructure", labels=say["labels"]
            ),
        }.items():
            axes.figure.savefig(OUTPUT / f"states_{name}_{language}.png")

# %% [markdown]
# ## 12. A folder for referees
# Its `replicate.py` rebuilds the tables below from the data, byte for byte. The folder
# also has the same models for Stata and R, and a README in both languages.

# %%
dp.save_replication(
    OUTPUT / "states_replication",
    {
        words["en"]["Table 5"]: partial(
            dp.etable,
            partial(dp.stepwise, base.drop(*controls), panel, controls),
            constant=True,
            std_effect="infrastructure",
        ),
        "Table 10. Robustness": {
            "Baseline": base,
            "From 1976 on": base.replace(where="year > 1975"),
            "State trends": base.replace(absorb="state[year]"),
        },
    },
    panel=panel,
    rng=2026,
)
