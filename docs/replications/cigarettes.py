"""The demand for cigarettes (Stock & Watson, table 12.1)."""

import numpy as np
import pandas as pd

import digiprosper as dp

data = pd.read_csv("cigarettes_sw.csv")
data["quantity"] = np.log(data["packs"])
data["real_price"] = np.log(data["price"] / data["cpi"])
data["real_income"] = np.log(data["income"] / data["population"] / data["cpi"])
data["sales_tax"] = (data["taxs"] - data["tax"]) / data["cpi"]
data["cigarette_tax"] = data["tax"] / data["cpi"]
names = ["quantity", "real_price", "real_income", "sales_tax", "cigarette_tax"]
by_year = data.set_index(["year", "state"])[names]
changes = by_year.loc[1995] - by_year.loc[1985]
spec = dp.FixedEffectsIV(
    "quantity",
    ["real_income"],
    ["real_price"],
    ["sales_tax"],
    entity_effects=False,
    time_effects=False,
    cov_type="robust",
)
states = dp.Panel(changes.reset_index(), "state")
columns = [
    spec.fit(states),
    spec.replace(instruments=["cigarette_tax"]).fit(states),
    spec.replace(instruments=["sales_tax", "cigarette_tax"]).fit(states),
]

# Beside print
ours, by_default = {}, {}
for column, fit in enumerate(columns, 1):
    for name, term in {
        "price": "real_price",
        "income": "real_income",
        "Intercept": "Intercept",
    }.items():
        ours[f"({column}) {name}"] = fit.params[term]
        ours[f"({column}) std. error of {name}"] = fit.std_errors[term]
    ours[f"({column}) first-stage F"] = fit.iv_tests["kp_rk_f"]
ours["(3) J"] = columns[2].sargan.statistic
by_default["(3) J"] = columns[2].iv_tests["hansen_j"].statistic
