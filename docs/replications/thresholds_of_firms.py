"""Investment of 565 firms (Hansen 1999, Wang 2015)."""

import pandas as pd

import digiprosper as dp

firms = dp.Panel(pd.read_csv("hansen1999.csv"), "id", "year")
spec = dp.PanelThreshold(
    "i",
    "c1",
    "d1",
    ["q1", "q2", "q3", "d1", "qd1"],
    time_effects=False,
    trim=0.01,
    bootstrap=None,
    confidence="lr",
)
at_his = spec.replace(thresholds=(0.0154, 0.54181, 0.4778), rule="<", df="xthreg").fit(
    firms
)
searched = spec.replace(n_thresholds=2).fit(firms)

# Beside print
ours = {}
for number in range(4):
    ours[f"xthreg: SSR, {number} thresholds"] = at_his.ssr[number]
for number in (1, 2, 3):
    ours[f"xthreg: F of threshold {number}"] = at_his.thresholds.loc[number, "F"]
for number in (1, 2):
    row = searched.thresholds.loc[number]
    ours[f"Hansen: threshold {number}"] = row["estimate"]
    ours[f"Hansen: F of threshold {number}"] = row["F"]
    ours[f"Hansen: 95% set {number}, from"] = row["conf_low"]
    ours[f"Hansen: 95% set {number}, to"] = row["conf_high"]
