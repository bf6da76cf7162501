# %% [markdown]
# # A digital index of the world's economies
#
# How sure is its ranking, and what has it to do with inequality?
#
# Internet users, broadband and mobile subscriptions of about 200 economies, 2005 to
# 2022, with real gaps (Gapminder's Systema Globalis, CC BY 4.0; the data come from the
# ITU and the World Bank). Three indicators become one index. Its ranks get intervals,
# and its options are varied. Then the Gini coefficient of incomes is regressed on it,
# without and with fixed effects.
#
# The table is not part of the library. Run
# `python examples/digital_index.py gapminder_digital_1995_2023.csv` with the path of
# your file. Its columns are `name`, `year`, `internet`, `broadband`, `mobile`, `gini`,
# `gdp_pc`, with one row for each economy and year. Figures are written to
# `demo_output/`.

# %%
import sys
from pathlib import Path
from textwrap import fill

import pandas as pd

import digiprosper as dp

OUTPUT = Path("demo_output")
NAME = "gapminder_digital_1995_2023.csv"
given = [Path(a) for a in sys.argv[1:] if a.endswith(".csv")]
beside = (
    Path(__file__).parents[2] / "shared" / "data" / NAME
    if "__file__" in globals()
    else Path(NAME)
)
SOURCE = given[0] if given else beside
if not SOURCE.exists():
    print(f"{SOURCE.name} is not here: python examples/digital_index.py path/to/{NAME}")
    sys.exit(0)
OUTPUT.mkdir(exist_ok=True)


def heading(text: str) -> None:
    print(f"\n{text}\n{'=' * len(text)}")


def say(text: str) -> None:
    print(f"\n{fill(text, 80)}")


# %% [markdown]
# ## 1. The panel
# The rows with all three indicators. Only empty cells are missing values: "NA" is the
# code of Namibia. Before 2005 most values of broadband are missing, and many series
# have no value for 2023 yet. No value is imputed.

# %%
columns = ["name", "year", "internet", "broadband", "mobile", "gini", "gdp_pc"]
frame = pd.read_csv(SOURCE, keep_default_na=False, na_values=[""])[columns].query(
    "2005 <= year <= 2022"
)
digital = ["internet", "broadband", "mobile"]
labels = {"name": "Economy", "year": "Year", "gini": "Gini of incomes"}
panel = dp.Panel(
    frame.dropna(subset=digital), entity="name", time="year", labels=labels
)
last = int(panel.times.max())
heading("1. The panel")
print(panel)
print(f"{len(frame) - panel.nobs:,} of {len(frame):,} rows lack an indicator.")
print(panel.describe(digital).round(1).to_string())

# %% [markdown]
# ## 2. The index
# All three indicators are relative to population, since totals would rank countries by
# size. Entropy weights are larger for indicators whose values are more unequal. This is
# broadband, which most countries did not have in 2005. A large weight says nothing
# about importance. Standard errors are clustered by economy and take the end points as
# known.

# %%
units = {
    "internet": "% of people",
    "broadband": "per 100 people",
    "mobile": "per 100 people",
}
system = dp.IndicatorSystem(
    [dp.Indicator(name, unit=unit) for name, unit in units.items()]
)
spec = dp.CompositeIndex(system, name="digital")
index = spec.fit(panel)
heading("2. The index")
print(index.summary())

# %% [markdown]
# ## 3. How sure is the ranking?
# In each of 999 draws, economies are resampled, weights are estimated again, and the
# observed rows are ranked with these weights. The intervals do not include errors in
# the data, nor the choices of section 4.

# %%
ranking = dp.rank_probabilities(spec, panel, rng=2026)
now = ranking.ranks().xs(last, level="year")
width = now["rank_high"] - now["rank_low"]
heading("3. How sure is the ranking?")
print(ranking.summary())
wins = ranking.pairwise().melt()["value"].dropna()
sure = (wins.clip(lower=1 - wins) > 0.95).mean()
say(
    f"With the options given, ranks change little between draws: {panel.n_entities} "
    f"economies give precise weights. The median width of the {len(now)} intervals "
    f"of {last} is {width.median():.0f}, the largest {width.max():.0f}. Of all "
    f"pairs, {sure:.0%} have the same order in more than 95% of the draws."
)

# %% [markdown]
# ## 4. What changes the ranks?
# Each indicator is left out in turn. Then 36 combinations of options are computed: how
# values are normalised, weighted and aggregated, and which years give the end points.

# %%
without = dp.leave_one_out(spec, panel)
grid = {
    "normalise": ["minmax", "rank", "zscore"],
    "weighting": ["entropy", "critic", "equal"],
    "aggregate": ["linear", "geometric"],
    "scope": ["pooled", "per_year"],
}
options = dp.index_sensitivity(spec, panel, over=grid)
heading("4. What changes the ranks?")
shown = [
    "spearman",
    "mean_rank_change",
    "max_rank_change",
    "moved_entity",
    "moved_period",
]
print(without[shown].round(3).to_string())
print(f"\n{options.summary()}")
top = options.spread(last).head(10)
most = options.shares(last, overall=True)["total"].idxmax()
print(
    f"\nThe ten highest ranks of {last}, and the ranks of these economies in all "
    "combinations:"
)
print(top[["rank", "min", "median", "max"]].to_string(float_format="{:.0f}".format))
say(
    f"The choice of {most!r} changes ranks most. All choices together change them much "
    "more than the sampling error of the weights does. Normalising by ranks makes "
    "the large values of broadband and mobile matter less. None of the combinations "
    "is wrong, so a paper with a ranking should report how much it changes."
)

# %% [markdown]
# ## 5. The divide between economies
# The Gini coefficient of the index over the economies that have data in all three
# years, without weights. It is relative to the mean, so an equal rise in all economies
# lowers it.

# %%
years = [2005, 2013, last]
wide = (
    index.scores.to_frame()
    .pivot_table(index="name", columns="year", values="digital")[years]
    .dropna()
)
heading("5. The divide between economies")
print(f"Gini coefficient of the index over {len(wide)} economies:")
print("; ".join(f"{year}: {dp.gini(wide[year]):.3f}" for year in years))

# %% [markdown]
# ## 6. The index and the Gini coefficient of incomes
# Gini coefficients come from surveys, for fewer than half of the rows. These rows are
# not a random half: rich countries have more surveys. Some countries measure income and
# others consumption, so levels are hard to compare between countries; country effects
# remove differences that do not change. Year effects remove what all countries have in
# common: the index rose everywhere, and the Gini coefficient fell in many places, which
# may be a coincidence. The warnings count the rows without a Gini coefficient, and the
# economies with a single survey, which have no effect of their own.

# %%
data = (
    panel.attach(index.scores)
    .assign(ln_gdp="log(gdp_pc)")
    .relabel(digital="Digital index")
)
surveyed = data.subset(data.frame["gini"].notna())
pooled = dp.FixedEffects("gini", ["digital"], entity_effects=False, time_effects=False)
both = pooled.replace(entity_effects=True, time_effects=True)
models = dp.fit_all(
    {
        "No effects": pooled,
        "Economy": pooled.replace(entity_effects=True),
        "Economy, year": both,
        "and income": both.add("ln_gdp"),
    },
    surveyed,
)
heading("6. The index and the Gini coefficient of incomes")
print(dp.etable(models, labels={"ln_gdp": "log GDP per head"}))
estimated = dp.PropagatedIndex({"digital": spec}, both).fit(panel, rng=2026)
rows = {
    label: fit.tidy().set_index("term").loc["digital"] for label, fit in models.items()
}
rows["Economy, year; weights estimated"] = (
    estimated.tidy().set_index("term").loc["digital"]
)
slopes = pd.DataFrame(rows).T[["estimate", "conf_low", "conf_high"]].astype(float) / 10
print(f"\nPoints of the Gini for a tenth of the index:\n{slopes.round(2).to_string()}")
seen = surveyed.frame["digital"].groupby("name")
rise = float((seen.last() - seen.first())[seen.size() > 1].mean())
low, high = slopes.loc["Economy, year", ["conf_low", "conf_high"]] * 10 * rise
say(
    "Countries with a higher index have clearly more equal incomes. With economy "
    "effects the slope is less than half as large, and with year effects it is near "
    f"zero. The index of the mean country rose by {rise:.2f} between its first and "
    f"last survey. The interval for this rise is {low:.1f} to {high:.1f} points of "
    "the Gini: no effect, a small fall and a small rise are all possible. The slope "
    "between countries is no evidence that internet access makes incomes more "
    "equal. In the last line the weights are estimated again in every draw, which "
    "changes little if the slope is near zero."
)

# %% [markdown]
# ## 7. Figures
# A line is interrupted where an economy has no row, as several in 2018. The other
# economies then have better ranks in that year for this reason only.

# %%
figures = {
    "digital_ranks.png": dp.plots.rank_ribbon(ranking),
    "digital_moves.png": dp.plots.rank_ribbon(ranking, period=last),
    "digital_leaders.png": dp.plots.rank_ribbon(ranking, list(top.index), period=last),
    "digital_options.png": dp.plots.index_sensitivity(options, show="shares"),
    "digital_ridges.png": dp.plots.kernel_ridge(
        index.scores, labels=labels, periods=range(2006, last + 1, 4)
    ),
}
for name, axes in figures.items():
    axes.figure.savefig(OUTPUT / name, dpi=150)
heading("7. Files")
print("\n".join(sorted(str(p) for p in OUTPUT.glob("digital_*"))))
