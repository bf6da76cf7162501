# %% [markdown]
# # What a referee asks: standard errors, few clusters, instruments, diagnostics
#
# 48 US states, 1970 to 1986 (Munnell 1990). Does public capital raise output? The
# baseline is a production function in logs with state and year effects. Each section
# answers one question of a referee.
#
# Open this file as a notebook, or run it as a script.

# %%
import warnings

import pandas as pd

import digiprosper as dp


def heading(text: str) -> None:
    print(f"\n{text}\n{'=' * len(text)}")


panel = dp.datasets.us_states().relabel(
    gsp="output",
    pcap="public capital",
    pc="private capital",
    emp="employment",
    unemp="unemployment rate",
)
inputs = ["log(pc)", "log(emp)", "unemp"]
baseline = dp.FixedEffects("log(gsp)", ["log(pcap)", *inputs])
fit = baseline.fit(panel)
heading("The baseline")
print(fit.summary())

# %% [markdown]
# ## 1. Which standard error?
# The coefficient is the same in every column. Robust standard errors treat the years of
# a state as independent and are too small here; a note of the fit says so.

# %%
kinds = {
    "clustered": baseline,
    "CRV3": baseline.replace(cov_type="crv3"),
    "robust": baseline.replace(cov_type="robust"),
    "HC3": baseline.replace(cov_type="hc3"),
    "Driscoll-Kraay": baseline.replace(cov_type="driscoll_kraay"),
}
heading("1. One coefficient, five standard errors")
print(dp.etable(dp.fit_all(kinds, panel)))

# %% [markdown]
# ## 2. Are the clusters many enough?
# The wild cluster bootstrap does not need many clusters. Its interval need not be
# symmetric. It can also test a combination of coefficients, here constant returns to
# scale.

# %%
heading("2. Wild cluster bootstrap")
print(dp.wild_bootstrap(baseline, panel, "log(pc)", rng=2026).summary())
returns = "log(pcap) + log(pc) + log(emp) = 1"
print()
print(dp.wild_bootstrap(baseline, panel, returns, rng=2026).summary())
print()
print(fit.combination("log(pcap) + log(pc) + log(emp)").summary())

# %% [markdown]
# ## 3. Does every state follow a trend of its own?
# `absorb=["state[year]"]` adds a linear trend for each state.

# %%
trends = baseline.replace(absorb=["state[year]"])
heading("3. State trends")
print(dp.etable({"baseline": fit, "state trends": trends.fit(panel)}))

# %% [markdown]
# ## 4. The specification
# Each test is printed with its null hypothesis. The tests describe the model. They are
# no rule for choosing one.

# %%
one_way = baseline.replace(time_effects=False)
tests = [
    dp.hausman(baseline, panel),
    dp.poolability(baseline, panel),
    dp.wooldridge_ar1(baseline, panel),
    dp.modified_wald(fit, method="chi2"),
    dp.pesaran_cd(one_way.fit(panel)),
    dp.reset_test(baseline, panel),
]
heading("4. Diagnostics")
for test in tests:
    print(test.summary())
print()
print(dp.vif(panel, ["log(pcap)", *inputs]).round(2).to_string(index=False))

# %% [markdown]
# ## 5. An instrument
# States that grow may build more roads. Public capital two years before is a strong
# instrument, but not a valid one if shocks to output last for years. The second
# instrument is the stock of 1970 times the national stock of the year before, as in
# papers that multiply post offices in 1984 by last year's internet users. It depends
# less on such shocks, but it is weak: its first-stage F is far below 10. Then only the
# Anderson-Rubin set is reliable. The warning counts the rows of 1970, before which no
# year is known.

# %%
stock = panel.frame["pcap"]
start = stock.xs(1970, level="year") / panel.frame["emp"].xs(1970, level="year")
national = stock.groupby(level="year").sum()
with_instrument = panel.assign(
    early_stock=dp.instruments.interact(panel, start, national, lag=1)
)
iv = dp.FixedEffectsIV("log(gsp)", inputs, ["log(pcap)"], ["lag(log(pcap), 2)"])
weak = iv.replace(instruments=["early_stock"])
with warnings.catch_warnings():
    # The instrument is weak on purpose
    warnings.simplefilter("ignore", dp.IdentificationWarning)
    models = {
        "OLS": baseline.fit(panel),
        "2SLS, lag": iv.fit(panel),
        "2SLS, early stock": weak.fit(with_instrument),
    }
heading("5. Instruments")
print(dp.etable(models))
print()
print(models["2SLS, early stock"].summary())
strength = {
    name: {"effective F": m.iv_tests["effective_f"], "AR set": m.anderson_rubin()}
    for name, m in models.items()
    if name != "OLS"
}
print(pd.DataFrame(strength).T.to_string())
