# %% [markdown]
# # Does infrastructure raise output? The whole chain on real data
#
# 48 US states, 1970 to 1986 (Munnell 1990). Raw columns become an index, the index a regressor, and the regressor a
# table, a mechanism, a threshold and a U-test. Every number below says which sample and which standard error it has.
#
# Open this file as a notebook, or run it as a script: it prints, and writes tables and figures to `demo_output/`.

# %%
from pathlib import Path

import digiprosper as dp

OUTPUT = Path("demo_output")
OUTPUT.mkdir(exist_ok=True)


def heading(text: str) -> None:
    print(f"\n{text}\n{'=' * len(text)}")


# %% [markdown]
# ## 1. The panel
# Keys are checked once, labels are given once and travel to every table and figure.

# %%
panel = dp.datasets.us_states()
heading("1. The panel")
print(panel)
print(panel.describe(["gsp", "unemp"]).round(1).to_string())

# %% [markdown]
# ## 2. An infrastructure index
# Entropy weights: an indicator weighs more the more unequally it is spread over the 816 state-years. The stocks
# measure the size of a state; that is why every regression below has state effects, and only changes inside a state
# count.

# %%
system = dp.IndicatorSystem.from_dict({"transport": {"hwy": "+"}, "utilities": {"water": "+", "util": "+"}})
index = dp.CompositeIndex(system, name="infrastructure").fit(panel)
panel = panel.attach(index.scores).relabel(infrastructure="Infrastructure index")
heading("2. An infrastructure index")
print(index.summary())

# %% [markdown]
# ## 3. Two-way fixed effects, controls added one by one
# All four columns use the same rows, so a coefficient that moves is moved by the control.

# %%
controls = ["log(pc)", "log(emp)", "unemp"]
steps = dp.stepwise(dp.FixedEffects("log(gsp)", ["infrastructure"]), panel, controls)
full = steps["(4)"]
heading("3. Two-way fixed effects")
print(dp.etable(steps))
row = full.tidy().set_index("term").loc["infrastructure"]
sd = full.sample_stats.loc["infrastructure", "sd"]
print(
    f"\nWith every control, an index higher by one standard deviation ({sd:.2f}) goes with output "
    f"{100 * sd * row.estimate:+.1f}% (95% interval {100 * sd * row.conf_low:.1f} to {100 * sd * row.conf_high:.1f}%), "
    "given state and year."
)

# %% [markdown]
# ## 4. The mechanism
# Does infrastructure work through private capital and employment? One sample and the same effects in every equation;
# the interval resamples states, not rows.

# %%
mediation = dp.Mediation("log(gsp)", "infrastructure", ["log(pc)", "log(emp)"], ["unemp"], reps=1999)
paths = mediation.fit(panel, rng=2026)
heading("4. The mechanism")
print(paths.summary())

# %% [markdown]
# ## 5. A threshold in unemployment
# Does the slope differ between tight and slack labour markets? Every candidate is searched; the test keeps its size
# when the variance differs between states.

# %%
model = dp.PanelThreshold(
    "log(gsp)", ["infrastructure"], "unemp", ["log(pc)", "log(emp)", "unemp"], n_thresholds=1, reps=999
)
threshold = model.fit(panel, rng=2026)
heading("5. A threshold in unemployment")
print(threshold.summary())

# %% [markdown]
# ## 6. A U-shape?
# A significant square is not a U: both ends of the observed range need slopes of opposite sign.

# %%
curved = dp.FixedEffects("log(gsp)", ["infrastructure", "I(infrastructure**2)", *controls]).fit(panel)
shape = dp.u_test(curved, "infrastructure")
heading("6. A U-shape?")
print(shape.summary())

# %% [markdown]
# ## 7. Tables and figures for the paper

# %%
state_only = dp.FixedEffects("log(gsp)", ["infrastructure", *controls], time_effects=False).fit(panel)
models = {"State effects": state_only, "Two-way": full, "By regime": threshold, "Curved": curved}
short = {"gsp": "output", "pc": "private capital", "emp": "employment", "unemp": "unemployment rate"}
dp.etable(models, labels=short).save(OUTPUT / "tables.docx")
dp.etable(steps, labels=short).save(OUTPUT / "tables.html")
for name, axes in {
    "coefficients.png": dp.plots.coefficients(steps, keep=["infrastructure"]),
    "lr_profile.png": dp.plots.lr_profile(threshold),
}.items():
    axes.figure.savefig(OUTPUT / name, dpi=150)
heading("7. Files")
print("\n".join(sorted(str(p) for p in OUTPUT.iterdir())))
