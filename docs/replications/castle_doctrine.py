"""Castle doctrine and crime (Cheng & Hoekstra 2013, table 4)."""

import causaldata
import numpy as np

import digiprosper as dp

raw = causaldata.castle.load_pandas().data
raw = raw.astype({"sid": int, "year": int}).copy()
region = raw.filter(regex="^r20")
raw["region"] = region.dot(region.columns.str[-1].astype(int))
since = raw["year"] - raw["sid"].map(raw[raw["post"] > 0].groupby("sid")["year"].min())
raw["before"] = np.isin(since, [-3, -2]).astype(float)
controls = [
    *["l_police", "unemployrt", "poverty", "l_income", "l_prisoner", "l_lagprisoner"],
    *["blackm_15_24", "whitem_15_24", "blackm_25_44", "whitem_25_44"],
    *["l_exp_subsidy", "l_exp_pubwelfare"],
]
crimes = [
    *["jhcitizen_c", "jhpolice_c", "murder", "homicide", "robbery", "assault"],
    *["burglary", "larceny", "motor", "robbery_gun_r"],
]
panel = dp.Panel(raw, "sid", "year")
first = dp.FixedEffects("log(burglary)", ["post"], obs_weights="popwt", ssc="xtreg")
by_region = first.replace(time_effects=False, absorb=["region^year"])
columns = [
    first,
    by_region,
    by_region.replace(x=["post", *controls]),
    by_region.replace(x=["post", "before", *controls]),
    by_region.replace(x=["post", *controls, *crimes]),
    by_region.replace(x=["post", *controls], absorb=["region^year", "sid[year]"]),
]
columns += [spec.replace(obs_weights=None) for spec in columns]
burglary = [spec.fit(panel) for spec in columns]
assault = [spec.replace(y="log(assault)").fit(panel) for spec in columns]

# Beside print
ours = {}
for number, fit in enumerate(burglary, 1):
    ours[f"burglary ({number}) post"] = fit.params["post"]
    ours[f"burglary ({number}) std. error"] = fit.std_errors["post"]
    ours[f"burglary ({number}) rows"] = fit.nobs
    if "before" in fit.params:
        ours[f"burglary ({number}) two years before"] = fit.params["before"]
        ours[f"burglary ({number}) std. error, before"] = fit.std_errors["before"]
for number, fit in enumerate(assault, 1):
    ours[f"assault ({number}) post"] = fit.params["post"]
    ours[f"assault ({number}) t"] = fit.tstats["post"]
