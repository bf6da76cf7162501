"""Income and democracy (Acemoglu et al. 2008, table 2)."""

import pandas as pd

import digiprosper as dp

data = pd.read_csv("democracy_income.csv")
data["year"] = data["year"].str[:4].astype(int)
panel = dp.Panel(data, "country", "year", step=5)
within = dp.FixedEffects(
    "democracy",
    ["lag(democracy)", "lag(income)"],
    cov_type="unadjusted",
    where="sample == 1",
)
anderson_hsiao = dp.FixedEffectsIV(
    "diff(democracy)",
    [],
    ["diff(lag(democracy))", "diff(lag(income))"],
    ["lag(democracy, 2)", "lag(income, 2)"],
    entity_effects=False,
    cov_type="unadjusted",
    where="sample == 1",
)
columns = {
    "pooled": within.replace(entity_effects=False),
    "fixed effects": within,
    "Anderson-Hsiao": anderson_hsiao,
}

# Beside print
ours, by_default = {}, {}
for column, spec in columns.items():
    fit = spec.fit(panel)
    default = spec.replace(cov_type="clustered", clusters="country").fit(panel)
    for name, term in zip(("democracy", "income"), fit.params.index, strict=True):
        ours[f"{column}: {name}"] = fit.params[term]
        key = f"{column}: std. error of {name}"
        ours[key] = fit.std_errors[term]
        by_default[key] = default.std_errors[term]
