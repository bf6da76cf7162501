"""Concealed weapons and violent crime (Stock & Watson, exercise 10.1)."""

import pandas as pd

import digiprosper as dp

data = pd.read_csv("guns.csv")
data["law"] = (data["law"] == "yes").astype(float)
panel = dp.Panel(data, "state", "year")
controls = ["prisoners", "density", "income", "population", "afam", "cauc", "male"]
pooled = dp.FixedEffects(
    "log(violent)",
    ["law"],
    entity_effects=False,
    time_effects=False,
    cov_type="robust",
)
# Dummies instead of absorbed effects, so that the tests of effects are robust too
dummies = ["law", *controls, "C(state)", "C(year)"]
specs = {
    1: pooled,
    2: pooled.replace(x=dummies[:-2]),
    3: pooled.replace(x=dummies[:-1]),
    4: pooled.replace(x=dummies),
    5: pooled.replace(
        x=["law", *controls, "C(year)"],
        entity_effects=True,
        cov_type="clustered",
        clusters="state",
        ssc="areg",
    ),
}

# Beside print
columns = {column: spec.fit(panel) for column, spec in specs.items()}
ours, by_default = {"rows": columns[1].nobs}, {}
for column, fit in columns.items():
    ours[f"({column}) law"] = fit.params["law"]
    ours[f"({column}) std. error of law"] = fit.std_errors["law"]
    if column < 5:
        classical = specs[column].replace(cov_type="unadjusted").fit(panel)
        ours[f"({column}) classical std. error of law"] = classical.std_errors["law"]
for effect, tested in {"state": (3, 4), "year": (4, 5)}.items():
    for column in tested:
        terms = [term for term in columns[column].names if f"C({effect})" in term]
        test = columns[column].wald_test(terms)
        ours[f"({column}) F of {effect} effects"] = test.statistic
default = specs[5].replace(ssc="reghdfe").fit(panel)
by_default["(5) std. error of law"] = default.std_errors["law"]
