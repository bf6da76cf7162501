# %% [markdown]
# # Does infrastructure raise output? The whole chain on real data
#
# 48 US states, 1970 to 1986 (Munnell 1990). Raw columns become an index, and the index
# a regressor. Then come a table of regressions, a mechanism, a threshold and a U-test.
#
# Open this file as a notebook, or run it as a script: it prints the results, and writes
# tables and figures to `demo_output/`.

# %%
from pathlib import Path

import digiprosper as dp

OUTPUT = Path("demo_output")
OUTPUT.mkdir(exist_ok=True)


def heading(text: str) -> None:
    print(f"\n{text}\n{'=' * len(text)}")


# %% [markdown]
# ## 1. The panel
# The panel checks its keys. Its labels are used in every table and figure.

# %%
panel = dp.datasets.us_states()
heading("1. The panel")
print(panel)
print(panel.describe(["gsp", "unemp"]).round(1).to_string())

# %% [markdown]
# ## 2. An infrastructure index
# An entropy weight is larger if the values of the indicator are more unequal, here over
# the 816 state-years. The indicators are stocks, so the index measures the size of a
# state. All regressions below have state effects and use changes inside a state only.
# Stocks enter a production function in logs, so the regressor is the log of the index.

# %%
system = dp.IndicatorSystem.from_dict(
    {"transport": {"hwy": "+"}, "utilities": {"water": "+", "util": "+"}}
)
index = dp.CompositeIndex(system, name="infrastructure").fit(panel)
panel = panel.attach(index.scores).assign(ln_infra="log(infrastructure)")
panel = panel.relabel(
    infrastructure="Infrastructure index", ln_infra="log infrastructure index"
)
heading("2. An infrastructure index")
print(index.summary())

# %% [markdown]
# ## 3. Two-way fixed effects, controls added one by one
# All four columns use the same rows, so a change of the coefficient comes from the
# added control.

# %%
short = {
    "gsp": "output",
    "pc": "private capital",
    "emp": "employment",
    "unemp": "unemployment rate",
}
baseline = dp.FixedEffects("log(gsp)", ["ln_infra"])
steps = dp.stepwise(baseline, panel, ["unemp", "log(pc)", "log(emp)"])
heading("3. Two-way fixed effects")
print(dp.etable(steps, labels=short))
first = steps["(2)"].tidy().set_index("term").loc["ln_infra"]
more, low, high = (
    100 * (1.1**b - 1) for b in (first.estimate, first.conf_low, first.conf_high)
)
print(
    f"\nIf the index is 10% higher, output is {more:.1f}% higher (95% interval "
    f"{low:.1f} to {high:.1f}%)\n"
    "in the same state, year and unemployment (column 2). With private capital and "
    "employment\n"
    "held fixed the coefficient is near zero (column 4): infrastructure may "
    "work through\n"
    "them, or be correlated with them only."
)

# %% [markdown]
# ## 4. The mechanism
# Does infrastructure work through private capital and employment? All equations use the
# same rows and the same effects. The bootstrap resamples states, not rows.

# %%
mediation = dp.Mediation(
    "log(gsp)", "ln_infra", ["log(pc)", "log(emp)"], ["unemp"], reps=1999
)
paths = mediation.fit(panel, rng=2026)
heading("4. The mechanism")
print(paths.summary())

# %% [markdown]
# ## 5. A threshold in unemployment
# Does the slope differ between low and high unemployment? All candidate thresholds are
# searched. The bootstrap allows for variances that differ between states. The regressor
# is a logarithm, so each regime has its own intercept: without it the threshold would
# depend on the units inside the logarithm.

# %%
inputs = ["log(pc)", "log(emp)", "unemp"]
spec = dp.PanelThreshold(
    "log(gsp)", ["ln_infra"], "unemp", inputs, regime_intercept=True, reps=999
)
threshold = spec.fit(panel, rng=2026)
heading("5. A threshold in unemployment")
print(threshold.summary())

# %% [markdown]
# ## 6. A U-shape?
# A significant square is not enough for a U-shape: the slopes at both ends of the data
# must have opposite signs.

# %%
curved = dp.FixedEffects("log(gsp)", ["ln_infra", "I(ln_infra**2)", "unemp"]).fit(panel)
shape = dp.u_test(curved, "ln_infra")
heading("6. A U-shape?")
print(shape.summary())

# %% [markdown]
# ## 7. Tables and figures for the paper

# %%
robustness = dp.fit_all(
    {
        "Baseline": baseline.add("unemp"),
        "State effects only": baseline.add("unemp").replace(time_effects=False),
        "Lagged index": baseline.add("unemp").swap("ln_infra", "lag(ln_infra)"),
        "Winsorised": (baseline.add("unemp"), panel.winsorize(["ln_infra", "gsp"])),
        "After 1975": (baseline.add("unemp"), panel.subset("year > 1975")),
    },
    panel,
)
models = {**steps, "By regime": threshold, "Curved": curved}
dp.etable(models, labels=short).save(OUTPUT / "tables.docx")
dp.etable(robustness, labels=short).save(OUTPUT / "robustness.html")
figures = {
    "robustness.png": dp.plots.coefficients(robustness, drop=["unemp"]),
    "lr_profile.png": dp.plots.lr_profile(threshold),
}
for name, axes in figures.items():
    axes.figure.savefig(OUTPUT / name, dpi=150)
heading("7. Files")
print(
    "\n".join(
        str(OUTPUT / name) for name in ["tables.docx", "robustness.html", *figures]
    )
)
