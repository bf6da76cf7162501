# %% [markdown]
# # A digital index of the world's economies: how sure is its ranking, and what has it to do with inequality?
#
# Internet users, broadband and mobile subscriptions of about 200 economies, 2005 to 2022, with real gaps
# (Gapminder's Systema Globalis, CC BY 4.0; the numbers are those of the ITU and the World Bank). Three
# indicators become one index; its ranks get intervals; its options are varied; and it meets the Gini
# coefficient of incomes, once with and once without what a careless reader would forget.
#
# The table is not part of the library. Run `python examples/digital_index.py gapminder_digital_1995_2023.csv`
# with the path of yours: columns `name`, `year`, `internet`, `broadband`, `mobile`, `gini`, `gdp_pc`, one row
# an economy and year. Figures go to `demo_output/`.

# %%
import sys
from pathlib import Path
from textwrap import fill

import pandas as pd

import digiprosper as dp

OUTPUT = Path("demo_output")
NAME = "gapminder_digital_1995_2023.csv"
given = [Path(a) for a in sys.argv[1:] if a.endswith(".csv")]
beside = Path(__file__).parents[2] / "shared" / "data" / NAME if "__file__" in globals() else Path(NAME)
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
# Rows with all three indicators. "NA" is Namibia's code, not a missing value, so that only empty cells count.
# Before 2005 broadband is mostly missing; in 2023 many series have not arrived. Nothing is filled.

# %%
columns = ["name", "year", "internet", "broadband", "mobile", "gini", "gdp_pc"]
frame = pd.read_csv(SOURCE, keep_default_na=False, na_values=[""])[columns].query("2005 <= year <= 2022")
digital = ["internet", "broadband", "mobile"]
labels = {"name": "Economy", "year": "Year", "gini": "Gini of incomes"}
panel = dp.Panel(frame.dropna(subset=digital), entity="name", time="year", labels=labels)
last = int(panel.times.max())
heading("1. The panel")
print(panel)
print(f"{len(frame) - panel.nobs:,} of {len(frame):,} rows lack an indicator.")
print(panel.describe(digital).round(1).to_string())

# %% [markdown]
# ## 2. The index
# All three are relative to population: totals would rank countries by size. Entropy weights go to what is
# spread most unevenly, which is broadband: in 2005 most countries had next to none. That is a fact about the
# spread, not about importance. Standard errors are by economy and hold the end points fixed.

# %%
units = {"internet": "% of people", "broadband": "per 100 people", "mobile": "per 100 people"}
system = dp.IndicatorSystem([dp.Indicator(name, unit=unit) for name, unit in units.items()])
spec = dp.CompositeIndex(system, name="digital")
index = spec.fit(panel)
heading("2. The index")
print(index.summary())

# %% [markdown]
# ## 3. How sure is the ranking?
# Economies are drawn again, weights estimated again, and the rows as they are ranked anew, 999 times. What
# the intervals do not know: errors in the data, and every choice of section 4.

# %%
ranking = dp.rank_probabilities(spec, panel, rng=2026)
now = ranking.ranks().xs(last, level="year")
width = now["rank_high"] - now["rank_low"]
heading("3. How sure is the ranking?")
print(ranking.summary())
wins = ranking.pairwise().melt()["value"].dropna()
sure = (wins.clip(lower=1 - wins) > 0.95).mean()
say(
    f"Given the options, drawing weights moves ranks little: {panel.n_entities} economies estimate them "
    f"well. In {last} half of the {len(now)} intervals are at most {width.median():.0f} wide, the widest "
    f"{width.max():.0f}, and {sure:.0%} of all pairs stand in the same order in 95% of the draws."
)

# %% [markdown]
# ## 4. What is it that moves ranks?
# Leaving out an indicator, and 36 combinations of options: how values are scaled, weighted, added up, and
# which years the yardstick is learned from.

# %%
without = dp.leave_one_out(spec, panel)
grid = {
    "normalise": ["minmax", "rank", "zscore"],
    "weighting": ["entropy", "critic", "equal"],
    "aggregate": ["linear", "geometric"],
    "scope": ["pooled", "per_year"],
}
options = dp.index_sensitivity(spec, panel, over=grid)
heading("4. What is it that moves ranks?")
shown = ["spearman", "mean_rank_change", "max_rank_change", "moved_entity", "moved_period"]
print(without[shown].round(3).to_string())
print(f"\n{options.summary()}")
top = options.spread(last).head(10)
most = options.shares(last, overall=True)["total"].idxmax()
print(f"\nThe ten leaders of {last} and where the combinations put them:")
print(top[["rank", "min", "median", "max"]].to_string(float_format="{:.0f}".format))
say(
    f"The choice of {most!r} matters most, and all of them together far more than the sampling error of the "
    "weights. Ranks instead of values give the long upper tails of broadband and mobile less room. None of "
    "the combinations is wrong: whoever prints a ranking should print how far it moves."
)

# %% [markdown]
# ## 5. The divide between economies
# Gini coefficients of the index itself, over the economies that are there in all three years, each counting
# alike. An equal rise everywhere lowers them, since they are relative to the mean.

# %%
years = [2005, 2013, last]
wide = index.scores.to_frame().pivot_table(index="name", columns="year", values="digital")[years].dropna()
heading("5. The divide between economies")
print(f"Gini coefficient of the index over {len(wide)} economies:")
print("; ".join(f"{year}: {dp.gini(wide[year]):.3f}" for year in years))

# %% [markdown]
# ## 6. The index and the Gini coefficient of incomes
# Survey Ginis, in percent, for fewer than half of the rows, and not for a random half: rich countries are
# surveyed more often. Some countries measure income, others consumption, so that levels compare badly between
# countries; country effects take out what does not change. Year effects take out what all share: everywhere
# the index rose, and in many places the Gini fell, which need have nothing to do with each other.

# %%
data = panel.attach(index.scores).assign(ln_gdp="log(gdp_pc)").relabel(digital="Digital index")
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
rows = {label: fit.tidy().set_index("term").loc["digital"] for label, fit in models.items()}
rows["Economy, year; weights estimated"] = estimated.tidy().set_index("term").loc["digital"]
slopes = pd.DataFrame(rows).T[["estimate", "conf_low", "conf_high"]].astype(float) / 10
print(f"\nPoints of the Gini for a tenth of the index:\n{slopes.round(2).to_string()}")
seen = surveyed.frame["digital"].groupby("name")
rise = float((seen.last() - seen.first())[seen.size() > 1].mean())
low, high = slopes.loc["Economy, year", ["conf_low", "conf_high"]] * 10 * rise
say(
    "Digital countries are more equal ones, clearly so. Inside a country the slope is less than half, and "
    "next to other countries in the same year little is left. The mean country rose by "
    f"{rise:.2f} while it was surveyed; for that rise the interval is {low:.1f} to {high:.1f} points: no "
    "effect, a modest fall and a modest rise are all compatible with it. The slope across countries is no "
    "evidence that connecting people makes incomes more equal. The last line has the weights estimated "
    "anew in every draw; a slope near zero loses nothing by it."
)

# %% [markdown]
# ## 7. Figures
# A line breaks where an economy has no row, as several in 2018: the others move up there, by absence alone.

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
