"""Every public figure in both languages: glyphs, canvas, no ticks overlap.

Texts have glyphs and lie on the canvas.
"""

from __future__ import annotations

import warnings
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.text import Text

import digiprosper as dp
from digiprosper import plots
from digiprosper.errors import DigiprosperWarning
from digiprosper.present.figure_style import chinese_font

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

mpl.use("Agg")

LABELS = {
    "en": {
        "state": "State",
        "year": "Year",
        "gsp": "Gross product of the state, in constant prices",
        "pcap": "Public capital: highways, water and other structures",
        "pc": "Private capital",
        "emp": "Employment outside of agriculture ($ of wages)",
        "unemp": "Unemployment (%)",
        "pilot": "Pilot policy",
    },
    "zh": {
        "state": "州",
        "year": "年份",
        "gsp": "按不变价格计算的地区生产总值",
        "pcap": "公共资本：公路、给排水设施与其他公共建筑",
        "pc": "私人资本",
        "emp": "非农就业人数",
        "unemp": "失业率（%）",
        "pilot": "试点政策",
    },
}
# A rounding of pixels.
PIXEL = 1.0


@cache
def states() -> dp.Panel:
    panel = dp.datasets.us_states()
    names = panel.frame.index.unique(0)
    first = pd.Series(np.where(np.arange(names.size) % 3 == 0, 1977.0, np.nan), names)
    first.iloc[1::6] = 1980.0

    def start(frame: pd.DataFrame) -> Any:
        return first.loc[frame.index.get_level_values(0)].to_numpy()

    return panel.assign(
        first=start,
        pilot=lambda f: (
            (f.index.get_level_values(1) >= np.nan_to_num(start(f), nan=9e9)) * 1.0
        ),
    )


def quietly(make: Callable[[], Any]) -> Any:
    """Make results whose notices are no matter of figures."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        return make()


@cache
def fit() -> Any:
    return dp.FixedEffects(
        "log(gsp)", ["log(pcap)", "unemp", "log(pcap):unemp", "I(unemp**2)"]
    ).fit(states())


@cache
def cubic() -> Any:
    terms = ["unemp", "I(unemp**2)", "I(unemp**3)"]
    return quietly(lambda: dp.FixedEffects("log(gsp)", terms).fit(states()))


@cache
def mediation(**options: str) -> Any:
    spec = dp.Mediation(
        "log(gsp)", "log(pcap)", ["log(emp)", "log(pc)"], "unemp", reps=99
    )
    chosen = spec.replace(mediators="log(emp)", x=(), **options) if options else spec
    return quietly(lambda: chosen.fit(states(), rng=1))


@cache
def threshold() -> Any:
    spec = dp.PanelThreshold(
        "log(gsp)", "log(pcap)", "unemp", ["log(pc)"], bootstrap=None
    )
    return spec.fit(states())


@cache
def borders() -> dp.SpatialWeights:
    return dp.SpatialWeights.from_neighbours(dp.datasets.us_neighbours())


@cache
def index() -> tuple[dp.CompositeIndex, dp.Panel]:
    panel = states().assign(
        roads="I(hwy / emp)", pipes="I(water / emp)", other="I(util / emp)"
    )
    return dp.CompositeIndex(
        dp.IndicatorSystem.from_dict({"": {"roads": "+", "pipes": "+", "other": "+"}})
    ), panel


@cache
def ranks() -> Any:
    return quietly(lambda: dp.rank_probabilities(*index(), reps=99, rng=1))


@cache
def sensitivity() -> Any:
    grid = {"weighting": ["entropy", "equal"], "normalise": ["minmax", "rank"]}
    return dp.index_sensitivity(*index(), over=grid)


@cache
def studies() -> Any:
    spec = dp.EventStudy("log(gsp)", "first", before=4, after=4)
    return {
        "two-way": spec.fit(states()),
        "longer": spec.replace(before=6, after=6).fit(states()),
    }


@cache
def honest(restriction: Any) -> Any:
    spec = dp.StaggeredDid("log(gsp)", "first", base_period="universal")
    fit = quietly(lambda: spec.fit(states()))
    return fit.honest(restriction=restriction, effect="average")


@cache
def placebo() -> Any:
    return dp.placebo_test(
        dp.FixedEffects("log(gsp)", ["pilot", "unemp"]),
        states(),
        "pilot",
        reps=199,
        rng=1,
    )


@cache
def battery() -> Any:
    spec = dp.FixedEffects("log(gsp)", ["log(pcap)", "log(pc)", "unemp"])
    return dp.fit_all({str(n): spec for n in range(12)}, states())


@cache
def control_sets() -> Any:
    spec = dp.FixedEffects("log(gsp)", ["log(pcap)"])
    return dp.control_sets(spec, states(), ["log(pc)", "log(emp)", "unemp"])


@cache
def searched() -> Any:
    spec = dp.FixedEffects("log(gsp)", ["log(pcap)"])
    return dp.search_test(
        spec,
        states(),
        ["log(pc)", "log(emp)", "unemp"],
        also={"one-way": spec.replace(time_effects=False)},
        rng=1,
    )


@cache
def spatial(cutoff: float | None = None) -> Any:
    weights = borders()
    if cutoff is not None:
        weights = dp.SpatialWeights.inverse_distance(
            dp.datasets.us_capitals(), cutoff=cutoff
        )
    return quietly(
        lambda: dp.PanelSpatial("log(gsp)", ["log(pcap)", "unemp"], weights).fit(
            states()
        )
    )


@cache
def matching_terms() -> Any:
    treated = states().assign(pilot=lambda f: f["first"].notna().astype(int))
    return quietly(
        lambda: dp.match_entities(treated, "pilot", ["log(pcap)", "log(emp)", "unemp"])
    )


@cache
def report() -> Any:
    panel, _ = dp.datasets.simulate_provinces()
    columns = {
        "de": "digital",
        "cp": "prosperity",
        "isu": "upgrading",
        "tfp": "productivity",
    }
    chosen = [m for m in dp.pathways.seed_catalogue() if m.id in ("P05", "P09", "P41")]
    return quietly(
        lambda: dp.pathways.evaluate(panel, chosen, columns, controls=["urban"], rng=1)
    )


FIGURES: dict[str, Callable[[dict[str, str]], Any]] = {
    "balance": lambda labels: plots.balance(matching_terms(), labels=labels),
    "coefficients": lambda labels: plots.coefficients(battery(), labels=labels),
    "conditional_effect": lambda labels: plots.conditional_effect(
        mediation(moderator="unemp", moderates="a"), labels=labels
    ),
    "decay": lambda labels: plots.decay(
        {km: spatial(km) for km in (900, 1200)},
        kinds=["direct", "indirect"],
        labels=labels,
    ),
    "effect_plot": lambda labels: plots.effect_plot(mediation(), labels=labels),
    "event_study": lambda labels: plots.event_study(
        studies(), counts=True, labels=labels
    ),
    "honest": lambda labels: plots.honest(honest("relative"), labels=labels),
    "honest, smoothness": lambda labels: plots.honest(
        honest("smoothness"), labels=labels
    ),
    "impacts": lambda labels: plots.impacts(spatial(), labels=labels),
    "index_sensitivity": lambda labels: plots.index_sensitivity(
        sensitivity(), labels=labels
    ),
    "index_sensitivity, shares": lambda labels: plots.index_sensitivity(
        sensitivity(), show="shares", labels=labels
    ),
    "kernel_ridge": lambda labels: plots.kernel_ridge(states(), "unemp", labels=labels),
    "lr_profile": lambda labels: plots.lr_profile(threshold(), labels=labels),
    "marginal_effect": lambda labels: plots.marginal_effect(
        fit(), "log(pcap)", panel=states(), labels=labels
    ),
    "mediation_path": lambda labels: plots.mediation_path(mediation(), labels=labels),
    "moran_scatter": lambda labels: plots.moran_scatter(
        states(), "unemp", borders(), labels=labels
    ),
    "pathways": lambda labels: plots.pathways(report(), labels={"tfp": labels["pcap"]}),
    "placebo": lambda labels: plots.placebo(placebo(), labels=labels),
    "rank_ribbon": lambda labels: plots.rank_ribbon(ranks(), labels=labels),
    "rank_ribbon, one period": lambda labels: plots.rank_ribbon(
        ranks(), period=1986, labels=labels
    ),
    "regime_map": lambda labels: plots.regime_map(threshold(), labels=labels),
    "sensitivity_curve": lambda labels: plots.sensitivity_curve(
        mediation().sensitivity("log(emp)"), labels=labels
    ),
    "specification_curve": lambda labels: plots.specification_curve(
        control_sets(), labels=labels
    ),
    "specification_curve, searched": lambda labels: plots.specification_curve(
        searched(), labels=labels
    ),
    "u_shape": lambda labels: plots.u_shape(
        fit(), dp.u_test(fit(), "unemp", at={"log(pcap)": 10}), labels=labels
    ),
    "u_shape, two turns": lambda labels: plots.u_shape(
        cubic(), dp.two_turns_test(cubic(), "unemp"), labels=labels
    ),
}


COLUMNS = {
    "balance": {"label", "before", "after"},
    "coefficients": {"model", "label", "term", "estimate", "conf_low", "conf_high"},
    "conditional_effect": {"at", "estimate", "conf_low", "conf_high"},
    "decay": {"kind", "cutoff", "estimate"},
    "effect_plot": {"label", "estimate", "conf_low"},
    "honest": {"M", "conf_low", "conf_high", "original"},
    "honest, smoothness": {"M", "conf_low", "conf_high", "original"},
    "event_study": {"model", "time", "estimate", "reference", "n_treated"},
    "impacts": {"model", "label", "estimate"},
    "index_sensitivity": {"entity", "rank", "span", "rank_low", "rank_high"},
    "index_sensitivity, shares": {"label", "first", "total"},
    "kernel_ridge": {"period", "at", "density"},
    "lr_profile": {"gamma", "lr", "critical"},
    "marginal_effect": {"series", "at", "estimate", "low", "high", "rows"},
    "mediation_path": {"from", "to", "label", "estimate", "p_value"},
    "moran_scatter": {"entity", "value", "spatial_lag"},
    "pathways": {"stage", "id", "verdict"},
    "placebo": {"series", "value", "density"},
    "rank_ribbon": {"entity", "time", "rank", "rank_low", "rank_high"},
    "rank_ribbon, one period": {"entity", "rank", "span"},
    "regime_map": {"entity", "time", "regime"},
    "sensitivity_curve": {"rho", "estimate"},
    "specification_curve": {"model", "estimate", "significant"},
    "specification_curve, searched": {"model", "estimate", "band_low", "band_high"},
    "u_shape": {"at", "estimate", "conf_low"},
    "u_shape, two turns": {"at", "estimate", "conf_low"},
}
"""Columns that the data of each figure have."""


def problems(figure: Figure) -> list[str]:
    """List texts off the canvas and tick labels over each other."""
    # As savefig does: the layout of the first draw may change the ticks of the second
    for _ in range(2):
        figure.draw_without_rendering()
    ticks = [axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)]
    shown = {axis: shown_labels(axis) for axis in ticks}
    hidden = {
        label
        for axis in ticks
        for label in every_label(axis)
        if label not in shown[axis]
    }
    texts = [
        t
        for t in figure.findobj(Text)
        if t.get_visible() and t.get_text() and t not in hidden
    ]
    out = [
        f"off the canvas: {text.get_text()!r}"
        for text in texts
        if not inside(text, figure.bbox)
    ]
    for axis, labels in shown.items():
        boxes = [(text.get_text(), text.get_window_extent()) for text in labels]
        out += [
            f"{a!r} over {b!r}"
            for (a, one), (b, two) in pairwise(boxes)
            if meet(axis, one, two)
        ]
    return out


def inside(text: Text, canvas: Any) -> bool:
    box = text.get_window_extent()
    wide = box.x0 >= canvas.x0 - PIXEL and box.x1 <= canvas.x1 + PIXEL
    return wide and box.y0 >= canvas.y0 - PIXEL and box.y1 <= canvas.y1 + PIXEL


def every_label(axis: Axis) -> list[Text]:
    ticks = [*axis.get_major_ticks(), *axis.get_minor_ticks()]
    return [label for tick in ticks for label in (tick.label1, tick.label2)]


def shown_labels(axis: Axis) -> list[Text]:
    low, high = sorted(axis.get_view_interval())
    room = 1e-9 * (high - low)
    ticks = (
        [*axis.get_major_ticks(), *axis.get_minor_ticks()] if axis.axes.axison else []
    )
    shown = [
        t
        for t in ticks
        if low - room <= t.get_loc() <= high + room and t.label1.get_text()
    ]
    return [tick.label1 for tick in sorted(shown, key=lambda tick: tick.get_loc())]


def meet(axis: Axis, one: Any, two: Any) -> bool:
    """Whether two labels overlap by over a pixel; rotated ones' boxes always do."""
    if any(tick.label1.get_rotation() for tick in axis.get_major_ticks()):
        return False
    wide = min(one.x1, two.x1) - max(one.x0, two.x0)
    high = min(one.y1, two.y1) - max(one.y0, two.y0)
    return wide > PIXEL and high > PIXEL


def test_every_public_figure_is_here() -> None:
    assert {name.split(",")[0] for name in FIGURES} == set(plots.__all__) - {
        "data",
        "figure_style",
    }


def test_the_gallery_draws_every_public_figure() -> None:
    script = (Path(__file__).parents[2] / "examples" / "gallery.py").read_text(
        encoding="utf-8"
    )
    assert [
        name for name in COLUMNS if f"dp.plots.{name.split(',')[0]}(" not in script
    ] == []


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


@pytest.mark.many(3)
@pytest.mark.parametrize("name", FIGURES)
def test_texts_have_glyphs_and_room(name: str) -> None:
    for language in ("en", "zh") if has_chinese_font() else ("en",):
        with plots.figure_style("column", language):
            axes = FIGURES[name](LABELS[language])
            assert problems(axes.figure) == [], language
            assert axes.figure.get_figwidth() * 25.4 == pytest.approx(90)
        frame = plots.data(axes)
        assert set(frame) >= COLUMNS[name]
        assert len(frame) > 0
        pd.testing.assert_frame_equal(frame, plots.data(axes.figure))


@cache
def has_chinese_font() -> bool:
    return quietly(chinese_font) is not None


def test_a_text_off_the_canvas_and_ticks_over_each_other_are_found() -> None:
    figure, axes = plt.subplots(figsize=(4, 3))
    axes.set_xticks([0.4, 0.5, 0.6], ["a long name", "another one", "b"])
    axes.text(0.9, 0.5, "a text that is longer than the figure")
    actual = problems(figure)
    assert len(actual) == 3
    assert "off the canvas: 'a text that is longer than the figure'" in actual
