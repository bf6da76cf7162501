"""Traffic deaths (Stock & Watson, table 10.1)."""

import numpy as np
import pandas as pd
from scipy import stats

import digiprosper as dp

data = pd.read_csv("fatalities.csv")
data["deaths"] = 10_000 * data["fatal"] / data["pop"]
punished = (data["jail"] == "yes") | (data["service"] == "yes")
data["punished"] = np.where(data["jail"].isna(), np.nan, punished)
age = np.floor(data["drinkage"])
for years in (18, 19, 20):
    data[f"age{years}"] = (age == years).astype(float)
panel = dp.Panel(data, "state", "year")
laws = ["age18", "age19", "age20", "punished", "I(miles / 1000)"]
economy = ["unemp", "log(income)"]
pooled = dp.FixedEffects(
    "deaths",
    ["beertax"],
    entity_effects=False,
    time_effects=False,
    cov_type="robust",
)
states = dp.FixedEffects("deaths", ["beertax"], time_effects=False, clusters="state")
years = states.replace(x=["beertax", "C(year)"])
full = years.replace(x=["beertax", *laws, *economy, "C(year)"])
columns = {
    1: pooled.fit(panel),
    2: states.fit(panel),
    3: years.fit(panel),
    4: full.fit(panel),
    5: years.replace(x=["beertax", *laws, "C(year)"]).fit(panel),
    6: years.replace(x=["beertax", "drinkage", *laws[3:], *economy, "C(year)"]).fit(
        panel
    ),
    7: full.replace(where="year in (1982, 1988)", singletons="keep").fit(panel),
}

# Beside print
ours, by_default = {}, {}
names = {"punished": "jail or service", "I(miles / 1000)": "miles"}
for column, fit in columns.items():
    for term in fit.params.index:
        if term == "Intercept" or "year" in term:
            continue
        name = names.get(term, term)
        ours[f"({column}) {name}"] = fit.params[term]
        ours[f"({column}) std. error of {name}"] = fit.std_errors[term]
    ours[f"({column}) R2"] = fit.rsquared_adj
tests = {
    "years": (3, 4, 5, 6, 7),
    "drinking ages": (4, 5, 7),
    "economy": (4, 6, 7),
}
for name, fitted in tests.items():
    for column in fitted:
        terms = {
            "years": [term for term in columns[column].names if "year" in term],
            "drinking ages": laws[:3],
            "economy": economy,
        }[name]
        test = columns[column].wald_test(terms)
        ours[f"({column}) F of {name}"] = test.statistic
        key = f"({column}) p of {name}"
        ours[key] = stats.f.sf(test.statistic, *test.df)
        by_default[key] = test.p_value
