# %% [markdown]
# # Does infrastructure raise output? The whole chain on real data
#
# 48 US states, 1970 to 1986 (Munnell 1990). Raw columns become an index, the index a regressor, and the
# regressor a table, a mechanism, a threshold and a U-test. Every number below says which sample and which
# standard error it has.
#
# Open this file as a notebook, or run it as a script: it prints, and writes tables and figures to
# `demo_output/`.

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
# Entropy weights: an indicator weighs more the more unequally it is spread over the 816 state-years. The
# indicators are stocks, so the index measures the size of a state; every regression below has state
# effects, and only changes inside a state count. A stock enters a production function in logs, so the
# regressor is the log of the index.

# %%
system = dp.IndicatorSystem.from_dict({"transport": {"hwy": "+"}, "utilities": {"water": "+", "util": "+"}})
index = dp.CompositeIndex(system, name="infrastructure").fit(panel)
panel = panel.attach(index.scores).assign(ln_infra="log(infrastructure)")
panel = panel.relabel(infrastructure="Infrastructure index", ln_infra="log infrastructure index")
heading("2. An infrastructure index")
print(index.summary())

# %% [markdown]
# ## 3. Two-way fixed effects, controls added one by one
# All four columns use the same rows, so a coefficient that moves is moved by the control.

# %%
short = {"gsp": "output", "pc": "private capital", "emp": "employment", "unemp": "unemployment rate"}
baseline = dp.FixedEffects("log(gsp)", ["ln_infra"])
steps = dp.stepwise(baseline, panel, ["unemp", "log(pc)", "log(emp)"])
heading("3. Two-way fixed effects")
print(dp.etable(steps, labels=short))
first = steps["(2)"].tidy().set_index("term").loc["ln_infra"]
more, low, high = (100 * (1.1**b - 1) for b in (first.estimate, first.conf_low, first.conf_high))
print(
    f"\nAn index 10% higher goes with output {more:.1f}% higher (95% interval {low:.1f} to {high:.1f}%),\n"
    "given state, year and unemployment (column 2). With private capital and employment\n"
    "held fixed nothing is left (column 4): either infrastructure works through them, or\n"
    "it merely moves with them."
)

# %% [markdown]
# ## 4. The mechanism
# Does infrastructure work through private capital and employment? One sample and the same effects in every
# equation; the interval resamples states, not rows.

# %%
mediation = dp.Mediation("log(gsp)", "ln_infra", ["log(pc)", "log(emp)"], ["unemp"], reps=1999)
paths = mediation.fit(panel, rng=2026)
heading("4. The mechanism")
print(paths.summary())

# %% [markdown]
# ## 5. A threshold in unemployment
# Does the slope differ between tight and slack labour markets? Every candidate is searched; the test keeps
# its size when the variance differs between states. The regressor is a logarithm, so each regime has an
# intercept of its own: without it the threshold would depend on the units inside the logarithm.

# %%
inputs = ["log(pc)", "log(emp)", "unemp"]
spec = dp.PanelThreshold("log(gsp)", ["ln_infra"], "unemp", inputs, regime_intercept=True, reps=999)
threshold = spec.fit(panel, rng=2026)
heading("5. A threshold in unemployment")
print(threshold.summary())

# %% [markdown]
# ## 6. A U-shape?
# A significant square is not a U: both ends of the observed range need slopes of opposite sign.

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
print("\n".join(str(OUTPUT / name) for name in ["tables.docx", "robustness.html", *figures]))
