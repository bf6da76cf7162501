"""Thresholds of growth (Hansen 2000)."""

import pandas as pd

import digiprosper as dp

data = pd.read_csv("durlauf_johnson.csv").reset_index(names="country")
panel = dp.Panel(data, "country")
x = ["LogGDP1960", "LogInvGDP", "LogPopGwth", "LogSchool"]
options = {
    "entity_effects": False,
    "time_effects": False,
    "cov_type": "robust",
    "ssc": "none",
}
all_rows = dp.FixedEffects("GDPGwth", x, **options).fit(panel)
split = dp.PanelThreshold(
    "GDPGwth",
    x,
    "GDP1960",
    regime_intercept=True,
    bootstrap=None,
    confidence="lr",
    **options,
)
by_income = split.fit(panel)
rich = panel.subset("GDP1960 > 863")
by_literacy = split.replace(threshold_variable="Literacy").fit(rich)
usually = {
    "GDP1960": split.replace(confidence="scaled").fit(panel),
    "Literacy": split.replace(threshold_variable="Literacy", confidence="scaled").fit(
        rich
    ),
}

# Beside print
ours, by_default = {}, {}
for term in ["Intercept", *x]:
    ours[f"all rows: {term}"] = all_rows.params[term]
    ours[f"all rows: std. error of {term}"] = all_rows.std_errors[term]
ours["all rows: SSR"] = by_income.ssr[0]
for name, found in {"GDP1960": by_income, "Literacy": by_literacy}.items():
    ours[f"{name}: threshold"] = found.estimates[0]
    ours[f"{name}: SSR"] = found.ssr[1]
    for numbers, fit in ((ours, found), (by_default, usually[name])):
        pieces = fit.confidence_set(1)
        numbers[f"{name}: 95% set, from"] = pieces[0][0]
        numbers[f"{name}: 95% set, to"] = pieces[-1][1]
    slopes = found.slopes
    for number in (1, 2):
        key = f"{name}, regime {number}"
        for term in x:
            column = f"{term}:regime{number}"
            ours[f"{key}: {term}"] = slopes.params[column]
            ours[f"{key}: std. error of {term}"] = slopes.std_errors[column]
        terms = ["Intercept + intercept:regime1", "Intercept"][number - 1]
        intercept = slopes.combination(terms)
        ours[f"{key}: Intercept"] = intercept.estimate
        ours[f"{key}: std. error of Intercept"] = intercept.std_error
