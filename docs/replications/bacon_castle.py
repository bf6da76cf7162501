"""Goodman-Bacon's decomposition of castle doctrine."""

import causaldata

import digiprosper as dp

raw = causaldata.castle.load_pandas().data
raw = raw.astype({"sid": int, "year": int}).copy()
law = raw[raw["lag0"] == 1].groupby("sid")["year"].min()
law[[2, 3]] = 2006  # Alaska and Arizona, as in the data of bacondecomp
raw["law"] = (raw["year"] >= raw["sid"].map(law)).astype(float)
panel = dp.Panel(raw, "sid", "year")
parts = dp.bacon_decomposition(dp.FixedEffects("l_homicide", ["law"]), panel)

# Beside print
ours = {}
for comparison, rows in parts.groupby("comparison"):
    weight = rows["weight"].sum()
    ours[f"{comparison}: weight"] = weight
    ours[f"{comparison}: estimate"] = rows["weight"] @ rows["estimate"] / weight
