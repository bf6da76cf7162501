"""Employment in 140 firms (Arellano & Bond 1991, table 4)."""

import pandas as pd

import digiprosper as dp

firms = dp.Panel(pd.read_csv("abdata.csv"), "id", "year")
short = ["w", "lag(w)", "k", "ys", "lag(ys)"]
long = [*short, "lag(k)", "lag(k, 2)", "lag(ys, 2)"]
spec = dp.DynamicPanel(
    "n", long, lags=2, collapse=False, instrument_lags=(2, None), windmeijer=False
)
columns = {
    "(a1)": spec.replace(steps=1).fit(firms),
    "(a2)": spec.fit(firms),
    "(b)": spec.replace(x=short).fit(firms),
    "(b), corrected": spec.replace(x=short, windmeijer=True).fit(firms),
}

# Beside print
ours = {}
for column, fit in columns.items():
    for term in fit.params.index:
        ours[f"{column} {term}"] = fit.params[term]
        ours[f"{column} std. error of {term}"] = fit.std_errors[term]
    ours[f"{column} m1"] = fit.ar_tests.loc[1, "z"]
    ours[f"{column} m2"] = fit.ar_tests.loc[2, "z"]
    ours[f"{column} Sargan of two steps"] = fit.hansen.statistic
