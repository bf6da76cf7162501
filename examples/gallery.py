# %% [markdown]
# # Every figure once
#
# One function for each figure, on the simulated provinces or the US states. Each takes
# labels by column, and draws in the current style. `python examples/gallery.py` draws
# all of them for a column and for a page, in English and in Chinese, into
# `demo_output/gallery/`. Names choose some figures:
# `python examples/gallery.py placebo`.

# %%
from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import digiprosper as dp

OUTPUT = Path("demo_output") / "gallery"
CONTROLS = ["urban", "fiscal", "openness"]
Labels = Mapping[str, str]

ENGLISH = {
    "province": "Province",
    "state": "State",
    "year": "Year",
    "digital": "Digital economy",
    "prosperity": "Common prosperity",
    "urban_rural_theil": "Urban-rural gap",
    "productivity": "Productivity (log)",
    "upgrading": "Industrial upgrading",
    "entrepreneurship": "Entrepreneurship",
    "urban": "Urban share (%)",
    "fiscal": "Public spending (% of GDP)",
    "openness": "Trade (% of GDP)",
    "pilot": "Pilot zone",
    "gsp": "output",
    "pc": "private capital",
    "pcap": "public capital",
    "emp": "employment",
    "unemp": "Unemployment (%)",
}
CHINESE = {
    "province": "省份",
    "state": "州",
    "year": "年份",
    "digital": "数字经济",
    "prosperity": "共同富裕",
    "urban_rural_theil": "城乡收入泰尔指数",
    "productivity": "劳动生产率（对数）",
    "upgrading": "产业结构高级化",
    "entrepreneurship": "创业活跃度",
    "urban": "城镇化率（%）",
    "fiscal": "财政支出占比（%）",
    "openness": "对外开放度（%）",
    "pilot": "试验区",
    "gsp": "总产出",
    "pc": "私人资本",
    "pcap": "公共资本",
    "emp": "就业",
    "unemp": "失业率（%）",
}


# %% [markdown]
# ## Panels and fits that several figures share


# %%
@cache
def provinces() -> dp.Panel:
    """Simulated provinces with a pilot policy."""
    panel, _ = dp.datasets.simulate_provinces(rng=2026)
    rng = np.random.default_rng(7)
    names = panel.frame.index.unique(0)
    first = pd.Series(
        rng.choice([2015, 2016, 2017, np.nan], names.size, p=[0.2, 0.2, 0.2, 0.4]),
        names,
    )

    def since(frame: pd.DataFrame) -> Any:
        return (
            frame.index.get_level_values(1)
            - first.loc[frame.index.get_level_values(0)].to_numpy()
        )

    return panel.assign(
        first=lambda frame: first.loc[frame.index.get_level_values(0)].to_numpy(),
        pilot=lambda frame: (since(frame) >= 0).astype(float),
        outcome=lambda frame: (
            frame["prosperity"] + 0.02 * np.clip(np.nan_to_num(since(frame)) + 1, 0, 3)
        ),
    )


@cache
def states() -> dp.Panel:
    return dp.datasets.us_states()


@cache
def baseline() -> dp.FixedEffects:
    return dp.FixedEffects("prosperity", ["digital", *CONTROLS])


@cache
def mediated() -> Any:
    spec = dp.Mediation(
        "prosperity", "digital", ["productivity", "upgrading"], CONTROLS, reps=999
    )
    return spec.fit(provinces(), rng=2026)


@cache
def threshold() -> Any:
    spec = dp.PanelThreshold("prosperity", "digital", "urban", CONTROLS[1:], reps=199)
    return spec.fit(provinces(), rng=2026)


@cache
def digital_index() -> dp.CompositeIndex:
    _, truth = dp.datasets.simulate_provinces(rng=2026)
    return dp.CompositeIndex(
        dp.IndicatorSystem.from_frame(truth.indicators("digital")), name="digital_index"
    )


@cache
def borders() -> dp.SpatialWeights:
    return dp.SpatialWeights.from_neighbours(dp.datasets.us_neighbours(), name="W")


# %% [markdown]
# ## Figures


# %%
def coefficients(labels: Labels) -> Any:
    return dp.plots.coefficients(
        dp.stepwise(baseline().replace(x=("digital",)), provinces(), CONTROLS),
        labels=labels,
    )


def coefficients_of_many(labels: Labels) -> Any:
    spec, panel = (
        dp.FixedEffects(
            "prosperity", ["digital", "productivity", "upgrading", *CONTROLS]
        ),
        provinces(),
    )
    battery = {f"{year}": spec for year in range(2011, 2023)}
    fits = {
        name: one.fit(panel.subset(f"year != {name}")) for name, one in battery.items()
    }
    return dp.plots.coefficients(fits, labels=labels)


def specification_curve(labels: Labels) -> Any:
    spec = dp.FixedEffects("prosperity", ["digital"])
    return dp.plots.specification_curve(
        dp.control_sets(
            spec,
            provinces(),
            ["productivity", "upgrading", "entrepreneurship", *CONTROLS],
        ),
        labels=labels,
    )


def placebo(labels: Labels) -> Any:
    spec = dp.FixedEffects("outcome", ["pilot", *CONTROLS])
    return dp.plots.placebo(
        dp.placebo_test(spec, provinces(), "pilot", rng=1), labels=labels
    )


def event_study(labels: Labels) -> Any:
    spec = dp.EventStudy("outcome", "first", x=CONTROLS, before=4, after=4)
    return dp.plots.event_study(
        spec.fit(provinces()), labels={**labels, "outcome": labels["prosperity"]}
    )


def event_studies(labels: Labels) -> Any:
    panel = provinces()
    # With the reference of the event study, so that they can be compared.
    staggered = dp.StaggeredDid("outcome", "first", base_period="universal")
    fits = {
        "TWFE": dp.EventStudy("outcome", "first", before=4, after=4).fit(panel),
        "Callaway & Sant'Anna": staggered.fit(panel, rng=1),
    }
    return dp.plots.event_study(
        fits, labels={**labels, "outcome": labels["prosperity"]}
    )


def honest(labels: Labels) -> Any:
    spec = dp.StaggeredDid("outcome", "first", base_period="universal")
    return dp.plots.honest(
        spec.fit(provinces()).honest(effect="average"),
        labels={**labels, "outcome": labels["prosperity"]},
    )


def balance(labels: Labels) -> Any:
    treated = provinces().assign(pilot=lambda frame: frame["first"].notna().astype(int))
    columns = ["digital", "productivity", *CONTROLS]
    return dp.plots.balance(dp.match_entities(treated, "pilot", columns), labels=labels)


def moran_scatter(labels: Labels) -> Any:
    return dp.plots.moran_scatter(
        states(), "unemp", borders(), time=1986, labels=labels
    )


def impacts(labels: Labels) -> Any:
    spec = dp.PanelSpatial("log(gsp)", ["log(pcap)", "log(pc)", "unemp"], borders())
    return dp.plots.impacts(spec.fit(states()), labels=labels)


def decay(labels: Labels) -> Any:
    places = dp.datasets.us_capitals()
    weights = {
        km: dp.SpatialWeights.inverse_distance(places, cutoff=km)
        for km in range(700, 1600, 200)
    }
    spec = dp.PanelSpatial("log(gsp)", ["log(pc)", "unemp"], borders())
    battery = {km: spec.replace(spatial_weights=one) for km, one in weights.items()}
    return dp.plots.decay(dp.fit_all(battery, states()), labels=labels)


def lr_profile(labels: Labels) -> Any:
    return dp.plots.lr_profile(threshold(), labels=labels)


def regime_map(labels: Labels) -> Any:
    return dp.plots.regime_map(threshold(), labels=labels)


def mediation_path(labels: Labels) -> Any:
    return dp.plots.mediation_path(mediated(), labels=labels)


def effect_plot(labels: Labels) -> Any:
    return dp.plots.effect_plot(mediated(), labels=labels)


def conditional_effect(labels: Labels) -> Any:
    spec = dp.Mediation(
        "prosperity",
        "digital",
        "productivity",
        CONTROLS[1:],
        moderator="urban",
        moderates="a",
    )
    return dp.plots.conditional_effect(spec.fit(provinces(), rng=2026), labels=labels)


def marginal_effect(labels: Labels) -> Any:
    fit = dp.FixedEffects(
        "log(gsp)", ["log(pcap)", "unemp", "log(pcap):unemp", "log(pc)"]
    ).fit(states())
    return dp.plots.marginal_effect(fit, "log(pcap)", panel=states(), labels=labels)


def sensitivity_curve(labels: Labels) -> Any:
    return dp.plots.sensitivity_curve(
        mediated().sensitivity("productivity"), labels=labels
    )


def u_shape(labels: Labels) -> Any:
    x = ["digital", "I(digital**2)", *CONTROLS]
    fit = dp.FixedEffects("urban_rural_theil", x).fit(provinces())
    test = dp.u_test(fit, "digital")
    return dp.plots.u_shape(fit, test, panel=provinces(), labels=labels)


def pathways(labels: Labels) -> Any:
    names = ("productivity", "upgrading", "entrepreneurship")
    roles = {"de": "digital", "cp": "prosperity"}
    columns = {
        **roles,
        **dict(zip(("tfp", "isu", "entrepreneurship"), names, strict=True)),
    }
    catalogue = [m for m in dp.pathways.seed_catalogue() if m.id != "P11"]
    report = dp.pathways.evaluate(
        provinces(), catalogue, columns, controls=CONTROLS, rng=1
    )
    return dp.plots.pathways(report, labels=labels)


@cache
def ranks() -> Any:
    return dp.rank_probabilities(digital_index(), provinces(), rng=1)


def rank_ribbon(labels: Labels) -> Any:
    return dp.plots.rank_ribbon(ranks(), labels=labels)


def rank_ribbon_of_a_year(labels: Labels) -> Any:
    return dp.plots.rank_ribbon(ranks(), period=2022, labels=labels)


@cache
def options() -> Any:
    grid = {
        "weighting": ["entropy", "critic", "equal"],
        "normalise": ["minmax", "rank"],
    }
    return dp.index_sensitivity(digital_index(), provinces(), over=grid)


def index_sensitivity(labels: Labels) -> Any:
    return dp.plots.index_sensitivity(options(), labels=labels)


def index_shares(labels: Labels) -> Any:
    return dp.plots.index_sensitivity(options(), show="shares", labels=labels)


def kernel_ridge(labels: Labels) -> Any:
    return dp.plots.kernel_ridge(
        provinces(), "digital", periods=range(2011, 2023, 2), labels=labels
    )


FIGURES: dict[str, Callable[[Labels], Any]] = {
    made.__name__: made
    for made in (
        coefficients,
        coefficients_of_many,
        specification_curve,
        placebo,
        event_study,
        event_studies,
        honest,
        balance,
        moran_scatter,
        impacts,
        decay,
        lr_profile,
        regime_map,
        mediation_path,
        effect_plot,
        conditional_effect,
        marginal_effect,
        sensitivity_curve,
        u_shape,
        pathways,
        rank_ribbon,
        rank_ribbon_of_a_year,
        index_sensitivity,
        index_shares,
        kernel_ridge,
    )
}


# %%
def draw(names: list[str], folder: Path = OUTPUT) -> None:
    """Write figures in both widths and languages."""
    from matplotlib import pyplot as plt

    folder.mkdir(parents=True, exist_ok=True)
    for width in ("column", "page"):
        for language, labels in (("en", ENGLISH), ("zh", CHINESE)):
            with dp.plots.figure_style(width, language):
                for name in names:
                    figure = FIGURES[name](labels).figure
                    figure.savefig(folder / f"{name}_{width}_{language}.png")
                    plt.close(figure)
    print(f"{len(names)} figures in {folder}")


if __name__ == "__main__":
    draw([name for name in sys.argv[1:] if name in FIGURES] or list(FIGURES))
