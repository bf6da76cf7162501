"""The effects and curves that are drawn are those of the results."""

from __future__ import annotations

import itertools
import subprocess
import sys
import warnings
from dataclasses import replace
from functools import cache
from types import SimpleNamespace

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper import plots
from digiprosper.errors import DigiprosperWarning, InputTypeError, OptionError
from digiprosper.present.figure_style import chinese_font

mpl.use("Agg")

LABELS = {
    "digital": "Digital economy index",
    "prosperity": "Common prosperity index",
    "productivity": "Labour productivity (log, 10,000 yuan per person)",
    "upgrading": "Upgrading of industry",
    "entrepreneurship": "New firms ($ per head, $ of 2010)",
    "urban": "URBAN HOUSEHOLDS AS A SHARE OF ALL HOUSEHOLDS (%)",
}
THREE = ("productivity", "upgrading", "entrepreneurship")
SPECS = {
    "one": ("productivity", {}),
    "two": (THREE[:2], {}),
    "three": (THREE, {}),
    "a": ("productivity", {"moderator": "urban", "moderates": "a"}),
    "b": (THREE[:2], {"moderator": "urban", "moderates": "b"}),
    "threshold": ("productivity", {"threshold": ("urban", 55.0)}),
    "quadratic": (THREE[:2], {"quadratic": ("a", "direct")}),
}


@cache
def data():
    frame = dp.datasets.simulate_provinces()[0].frame.reset_index()
    return dp.Panel(frame, "province", "year", labels=LABELS)


@cache
def fitted(name):
    mediators, options = SPECS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        spec = dp.Mediation(
            "prosperity", "digital", mediators, "fiscal", reps=99, **options
        )
        return spec.fit(data(), rng=1)


@cache
def curved():
    fit = dp.FixedEffects(
        "urban_rural_theil", ["digital", "I(digital**2)", "urban"]
    ).fit(data())
    return fit, dp.u_test(fit, "digital")


@cache
def turning():
    """An effect with the sign of its moderator."""
    rng = np.random.default_rng(3)
    n, periods = 40, 12
    w, x, e, u = rng.normal(size=(4, n * periods))
    m = 0.4 * x * w + 0.1 * x + e
    columns = {"w": w, "x": x, "m": m, "y": 0.5 * m + 0.2 * x + u}
    keys = {"i": np.repeat(np.arange(n), periods), "t": np.tile(np.arange(periods), n)}
    panel = dp.Panel(
        pd.DataFrame({**keys, **columns}), "i", "t", labels={"w": "Moderator"}
    )
    return dp.Mediation(
        "y", "x", "m", moderator="w", moderates=("a", "direct"), reps=199
    ).fit(panel, rng=1)


@pytest.fixture(autouse=True)
def closed_figures():
    from matplotlib import pyplot as plt

    yield
    plt.close("all")


@pytest.fixture
def axes():
    from matplotlib import pyplot as plt

    return plt.subplots()[1]


def words(ax):
    return [text.get_text() for text in ax.texts]


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


# --- effects --------------------------------------------------------------------------


def test_effects_are_drawn_with_their_percentile_intervals():
    results = fitted("three")
    ax = plots.effect_plot(results, level=0.9)
    frame = results.tidy(0.9).set_index("term").iloc[:-1]
    (container,) = ax.containers
    points, _, (bars,) = container.lines
    assert points.get_xdata().tolist() == frame["estimate"].tolist()
    ends = np.array([segment[:, 0] for segment in bars.get_segments()])
    np.testing.assert_allclose(ends, frame[["conf_low", "conf_high"]])
    labels = [t.get_text() for t in ax.get_yticklabels()]
    assert labels[:3] == ["Total effect", "Direct effect", "Indirect effect"]
    assert labels[4].replace("\n", " ") == "Indirect through Upgrading of industry"
    # No standard error is drawn.
    first, below = ax.get_xlabel().split("\n", 1)
    assert first == "Effect and 90% percentile interval"
    assert (
        below.replace("\n", " ")
        == "Percentile intervals from 99 bootstrap draws of entities."
    )


def test_effects_name_what_was_drawn_by_its_label():
    one = fitted("one")
    inference = replace(one.inference, drawn="urban")
    results = replace(one, estimated=replace(one.estimated, inference=inference))
    below = plots.effect_plot(results, labels={"urban": "Region"}).get_xlabel()
    assert below.endswith("bootstrap draws of clusters (Region).")


def test_a_narrow_interval_that_leaves_the_estimate_out_is_drawn():
    results = fitted("three")
    frame = results.tidy(0.06).set_index("term").iloc[:-1]
    outside = (frame["estimate"] < frame["conf_low"]) | (
        frame["estimate"] > frame["conf_high"]
    )
    assert outside.any()
    points, _, (bars,) = plots.effect_plot(results, level=0.06).containers[0].lines
    assert points.get_xdata().tolist() == frame["estimate"].tolist()
    ends = np.array([segment[:, 0] for segment in bars.get_segments()])
    np.testing.assert_allclose(ends, frame[["conf_low", "conf_high"]])


def test_effects_where_they_vary_say_where():
    labels = [
        t.get_text()
        for t in plots.effect_plot(
            fitted("a"), labels={"urban": "Urban"}
        ).get_yticklabels()
    ]
    assert "Total effect\nmean of the rows" in labels
    assert labels[-1].endswith("\nUrban = 64.29 (90% quantile)")
    assert not any("change" in text for text in labels)  # the index is in another unit
    regimes = plots.effect_plot(
        fitted("threshold"), labels={"urban": "Urban", "total:regime2": "Rich"}
    )
    labels = [t.get_text() for t in regimes.get_yticklabels()]
    assert "Direct effect\nUrban > 55" in labels
    assert "Rich" in labels
    assert "Direct effect\nhigh minus low regime" in labels


def test_dollar_signs_are_text():
    assert not any(
        t.get_parse_math() for t in plots.effect_plot(fitted("three")).get_yticklabels()
    )


# --- conditional effects --------------------------------------------------------------


@pytest.mark.parametrize("effect", ["indirect:m", "direct"])
def test_a_conditional_effect_is_drawn_with_its_regions(effect):
    results = turning()
    actual = results.johnson_neyman(effect, level=0.9)
    ax = plots.conditional_effect(results, effect, level=0.9)
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), actual.points[:, :2])
    edges = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert edges.min() == pytest.approx(actual.points[:, 2].min())
    assert edges.max() == pytest.approx(actual.points[:, 3].max())
    spans = [(p.get_x(), p.get_x() + p.get_width()) for p in ax.patches]
    np.testing.assert_allclose(spans, actual.regions)
    inside = [
        end for region in actual.regions for end in region if end not in actual.support
    ]
    assert words(ax) == [f"{end:.4g}" for end in inside]
    assert len(inside) == 2
    how = "t" if effect == "direct" else "percentile of the draws"
    assert legend(ax)[0] == f"90% interval ({how})"
    assert f"Excludes 0 ({actual.share:.0%} of rows)" in legend(ax)
    assert ax.get_xlabel() == "Moderator"
    assert ax.get_xlim() == actual.support


def test_quantiles_of_the_moderator_are_marked():
    results = turning()
    ax = plots.conditional_effect(results, "direct")
    marks = next(line for line in ax.lines if line.get_marker() == "^")
    assert marks.get_xdata().tolist() == results.quantiles[[10, 50, 90]].tolist()
    strokes = next(line for line in ax.lines if line.get_marker() == "|")
    np.testing.assert_array_equal(strokes.get_xdata(), results.quantiles)


def test_a_square_makes_an_effect_conditional_on_the_treatment():
    ax = plots.conditional_effect(fitted("quadratic"), "indirect:upgrading")
    assert ax.get_xlabel() == "Digital economy index"
    assert (
        ax.get_ylabel().replace("\n", " ")
        == "Indirect effect through Upgrading of industry"
    )


def test_the_legend_keeps_clear_of_the_ends():
    ax = plots.conditional_effect(turning(), "direct")
    ax.figure.canvas.draw()
    box = ax.get_legend().get_window_extent()
    assert not any(box.overlaps(t.get_window_extent()) for t in ax.texts)


# --- sensitivity and curves -----------------------------------------------------------


def test_a_sensitivity_curve_marks_where_the_effect_goes():
    actual = fitted("two").sensitivity("upgrading")
    ax = plots.sensitivity_curve(actual, labels=LABELS)
    np.testing.assert_array_equal(
        ax.lines[0].get_xydata(), np.column_stack([actual.rho, actual.effects[:, 0]])
    )
    marks = {line.get_marker(): line.get_xydata().tolist() for line in ax.lines}
    assert marks["o"] == [[0.0, actual.assumed[0]]]
    assert marks["D"] == [[actual.rho_at_zero, 0.0]]
    assert marks["|"] == [[actual.rho_insignificant, 0.0]]
    assert (
        f"0 at ρ = {actual.rho_at_zero:#.3g} "
        f"[{actual.rho_low:#.3g}, {actual.rho_high:#.3g}]" in legend(ax)
    )
    assert f"interval includes 0 from ρ = {actual.rho_insignificant:.3g}" in legend(ax)
    assert (
        ax.get_ylabel().replace("\n", " ")
        == "Indirect effect through Upgrading of industry"
    )
    own = plots.sensitivity_curve(actual)
    assert own.get_ylabel() == ax.get_ylabel()
    given = plots.sensitivity_curve(actual, labels={"upgrading": "Industry"})
    assert given.get_ylabel() == "Indirect effect through Industry"
    never = plots.sensitivity_curve(replace(actual, rho_insignificant=float("nan")))
    assert not any("includes" in text for text in legend(never))
    already = plots.sensitivity_curve(replace(actual, rho_insignificant=0.0))
    assert "interval includes 0 already at ρ = 0" in legend(already)


def test_a_curve_is_drawn_less_its_value_at_the_mean():
    fit, test = curved()
    ax = plots.u_shape(fit, test)
    x, y = ax.lines[0].get_data()
    mean = fit.sample_stats.loc["digital", "mean"]
    b1, b2 = fit.params["digital"], fit.params["I(digital**2)"]
    np.testing.assert_allclose(y, b1 * (x - mean) + b2 * (x**2 - mean**2), atol=1e-12)
    assert (x[0], x[-1]) == test.interval
    # The slope of the band's middle is the fit's marginal effect, its width the
    # standard error of a sum.
    edges = ax.collections[0].get_paths()[0].vertices
    top = edges[np.isclose(edges[:, 0], test.interval[1]), 1].max()
    weights = np.array([x[-1] - mean, x[-1] ** 2 - mean**2])
    cov = fit.cov.loc[
        ["digital", "I(digital**2)"], ["digital", "I(digital**2)"]
    ].to_numpy()
    from scipy.stats import t

    assert top == pytest.approx(
        y[-1] + t.ppf(0.975, fit.df_t) * np.sqrt(weights @ cov @ weights)
    )
    spans = [(p.get_x(), p.get_x() + p.get_width()) for p in ax.patches]
    np.testing.assert_allclose(spans, test.fieller)
    assert f"Turning point {test.extremum:.4g}" in legend(ax)


def test_a_curve_without_a_turn_in_the_data_says_so():
    fit, test = curved()
    stored = {name: getattr(test, name) for name in type(test).__dataclass_fields__}
    beyond = SimpleNamespace(
        **{**stored, "extremum": 5.0, "fieller": [(-np.inf, 0.1), (4.0, np.inf)]}
    )
    ax = plots.u_shape(fit, beyond)
    assert "Turning point 5, outside the interval" in legend(ax)
    spans = [(p.get_x(), p.get_x() + p.get_width()) for p in ax.patches]
    np.testing.assert_allclose(spans, [(test.interval[0], 0.1)])
    none = plots.u_shape(
        fit, SimpleNamespace(**{**stored, "extremum": np.nan, "fieller": []})
    )
    assert {"No turning point", "95% set of the turning point empty"} <= set(
        legend(none)
    )


def test_a_curve_keeps_its_width_where_the_set_has_two_pieces_without_end():
    fit, test = curved()
    stored = {name: getattr(test, name) for name in type(test).__dataclass_fields__}
    low, high = test.interval
    gap = [(-np.inf, low + 0.4 * (high - low)), (low + 0.6 * (high - low), np.inf)]
    ax = plots.u_shape(
        fit, SimpleNamespace(**{**stored, "extremum": low - 1, "fieller": gap})
    )
    widths = []
    for _ in range(4):
        ax.figure.draw_without_rendering()
        widths.append(ax.get_position().width)
    assert min(widths) > 0.7
    assert len(ax.patches) == 2
    assert ax.get_xlim() == (low, high)


@pytest.mark.parametrize("bend", ["I(1/unemp)", "log(unemp)", "sqrt(unemp)"])
def test_other_bends_are_drawn_too(bend):
    fit = dp.FixedEffects("log(gsp)", ["unemp", bend]).fit(dp.datasets.us_states())
    x, y = plots.u_shape(fit, dp.u_test(fit, "unemp")).lines[0].get_data()
    b1, b2 = fit.params
    value = {
        "I(1/unemp)": lambda v: 1 / v,
        "log(unemp)": np.log,
        "sqrt(unemp)": np.sqrt,
    }[bend]
    curve = b1 * x + b2 * value(x)
    np.testing.assert_allclose(np.diff(y), np.diff(curve), atol=1e-12)


# --- what all of them owe -------------------------------------------------------------


def everything(labels=None):
    return [
        plots.effect_plot(fitted("three"), labels=labels),
        plots.conditional_effect(fitted("a"), labels=labels),
        plots.sensitivity_curve(fitted("one").sensitivity(), labels=labels),
        plots.u_shape(*curved(), labels=labels),
    ]


def test_bad_calls_are_refused(one_way):
    fit = fitted("two")
    for function, maker in (
        (plots.effect_plot, r"Mediation\(...\).fit"),
        (plots.conditional_effect, r"Mediation\(...\).fit"),
        (plots.sensitivity_curve, r"MediationResults.sensitivity"),
    ):
        with pytest.raises(
            InputTypeError,
            match=rf"plots.{function.__name__}: takes what {maker} returns, not Fit",
        ):
            function(one_way)
    with pytest.raises(
        InputTypeError,
        match=r"plots.u_shape: takes what FixedEffects\(...\).fit returns",
    ):
        plots.u_shape(fit, curved()[1])
    with pytest.raises(
        InputTypeError,
        match="test must be what u_test or two_turns_test returns, not float",
    ):
        plots.u_shape(curved()[0], 0.5)
    with pytest.raises(OptionError, match="does not contain 'digital' or"):
        plots.u_shape(fit.paths["outcome"], curved()[1])
    for name in ("two", "threshold"):
        with pytest.raises(
            OptionError, match="no effect of this fit depends on a continuous variable"
        ):
            plots.conditional_effect(fitted(name))
    with pytest.raises(OptionError, match="specify the effect"):
        plots.conditional_effect(fitted("b"))
    for call in (plots.effect_plot, plots.conditional_effect):
        with pytest.raises(OptionError, match="level="):
            call(fitted("a"), level=95)
        with pytest.raises(InputTypeError, match="labels must be a mapping"):
            call(fitted("a"), labels=["urban"])


def test_figures_lay_themselves_out_and_change_no_setting():
    before = dict(mpl.rcParams)
    for ax in everything():
        assert (
            ax.figure.get_layout_engine().__class__.__name__
            == "ConstrainedLayoutEngine"
        )
    assert dict(mpl.rcParams) == before


@pytest.mark.further
def test_legends_hide_no_data():
    for ax in everything():
        ax.figure.draw_without_rendering()
        legend = ax.get_legend()
        assert legend is None or not legend.get_window_extent().overlaps(ax.bbox)


def test_given_axes_are_used(axes):
    size = axes.figure.get_size_inches().tolist()
    for call in (
        lambda: plots.effect_plot(fitted("one"), ax=axes),
        lambda: plots.conditional_effect(fitted("a"), ax=axes),
        lambda: plots.sensitivity_curve(fitted("one").sensitivity(), ax=axes),
        lambda: plots.u_shape(*curved(), ax=axes),
    ):
        assert call() is axes
        axes.clear()
    assert axes.figure.get_size_inches().tolist() == size


ZH = {
    "digital": "数字经济发展水平",
    "prosperity": "共同富裕指数",
    "productivity": "劳动生产率（对数，万元/人）",
    "upgrading": "产业结构高级化（第三产业增加值与第二产业增加值之比）",
    "entrepreneurship": "创业活跃度（新增企业，个/百人）",
    "urban": "城镇化率（%）",
    "urban_rural_theil": "城乡收入泰尔指数",
}


@pytest.mark.further
def test_chinese_labels_have_glyphs(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        font = chinese_font()
    if font is None:
        pytest.skip("no font with Chinese characters on this machine")
    for ax in everything(ZH):
        # a missing glyph warns, and warnings are errors
        ax.figure.savefig(tmp_path / "f.png")
    assert mpl.rcParams["font.family"] == ["sans-serif"]


def test_a_missing_extra_names_its_cure(monkeypatch):
    results = fitted("a")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    for name in ("effect_plot", "conditional_effect"):
        with pytest.raises(
            ImportError,
            match=rf'plots.{name} needs matplotlib: pip install "\.\[plot\]"',
        ):
            getattr(plots, name)(results)


@pytest.mark.further
def test_importing_loads_no_matplotlib():
    code = (
        "import sys, digiprosper.present.curve_plots\n"
        "print(sorted({'matplotlib', 'scipy.special'} & set(sys.modules)))"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert out.stdout.strip() == "[]"


@cache
def moderated():
    return dp.FixedEffects("prosperity", ["digital", "digital:urban", "urban"]).fit(
        data()
    )


def test_a_marginal_effect_has_its_rows_below():
    ax = plots.marginal_effect(moderated(), "digital", panel=data())
    line = ax.lines[0]
    points = moderated().marginal_effect("digital", at={"urban": line.get_xdata()})
    np.testing.assert_allclose(line.get_ydata(), points["estimate"])
    heights = [bar.get_height() for bar in ax.patches if bar.get_height() > 0][-30:]
    assert max(heights) < 0.2  # of the axes
    assert all(tick >= 0 for tick in ax.get_yticks())
    assert (
        ax.get_ylabel().replace("\n", " ")
        == "Marginal effect of Digital economy index on Common prosperity index"
    )


def test_a_slope_by_category_has_points_and_bars():
    by_region = dp.FixedEffects("prosperity", ["digital", "C(region):digital"]).fit(
        data()
    )
    ax = plots.marginal_effect(
        by_region, "digital", panel=data(), labels={"region": "Region"}
    )
    assert [text.get_text() for text in ax.get_xticklabels()] == [
        "central",
        "east",
        "west",
    ]
    assert ax.get_xlabel() == "Region"
    alone = plots.marginal_effect(by_region, "digital")
    assert len(alone.patches) == 0


# Legends are measured, and a machine without Chinese fonts has no signs to measure.
@pytest.mark.filterwarnings("ignore:Glyph")
@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("Excludes 0 everywhere", "95% set of the turning point (all values)")),
        ("zh", ("区间处处不含0", "拐点的95%置信集为全部数值")),
    ],
)
def test_a_region_or_set_of_all_values_is_told_and_not_shaded(language, words):
    panel = dp.datasets.us_states()
    moved = dp.FixedEffects("log(gsp)", ["log(pcap)", "unemp", "log(pcap):unemp"])
    bent = dp.FixedEffects("log(gsp)", ["unemp", "I(unemp**2)", "log(emp)"]).fit(panel)
    test = dp.u_test(bent, "unemp")
    assert test.fieller == [(-np.inf, np.inf)]
    with plots.figure_style("page", language=language):
        slope = plots.marginal_effect(moved.fit(panel), "log(pcap)")
        turn = plots.u_shape(bent, test)
    for ax, text in zip((slope, turn), words, strict=True):
        assert text in legend(ax)
        assert not ax.patches
        assert not any("inf" in text for text in legend(ax))


def test_pieces_of_a_confidence_set_do_not_overlap_and_can_be_seen():
    panel = dp.datasets.us_states().assign(k="I(pc / emp)")
    spec = dp.PanelThreshold(
        "log(gsp)", "unemp", "k", ["log(pc)", "log(emp)"], trim=0.1
    )
    results = spec.replace(bootstrap=None).fit(panel)
    pieces = results.confidence_set(1)
    assert len(pieces) > 4
    ax = plots.lr_profile(results)
    low, high = ax.get_xlim()
    gamma = results.profile(1)["gamma"]
    assert (low, high) == (gamma.min(), gamma.max())
    spans = sorted((p.get_x(), p.get_x() + p.get_width()) for p in ax.patches)
    assert 1 < len(spans) <= len(pieces)
    for start, end in pieces:
        assert sum(a - 1e-9 <= start and end <= b + 1e-9 for a, b in spans) == 1
    assert min(b - a for a, b in spans) > 0.005 * (high - low)
    assert all(a[1] < b[0] for a, b in itertools.pairwise(spans))
    # The critical value is drawn from one edge to the other.
    (line,) = [li for li in ax.lines if "critical value" in str(li.get_label())]
    assert (line.get_xdata().min(), line.get_xdata().max()) == (low, high)


@pytest.mark.parametrize("rule", ["<=", "<"])
def test_the_set_is_shaded_where_the_line_is_below_the_critical_value(rule):
    spec = dp.PanelThreshold(
        "log(gsp)", "log(pcap)", "unemp", ["log(pc)"], rule=rule, bootstrap=None
    )
    results = spec.fit(dp.datasets.us_states())
    ax = plots.lr_profile(results)
    lines = {str(line.get_label()): line for line in ax.lines}
    ratio = lines["LR(γ)"]
    gamma, lr = (np.asarray(v) for v in ratio.get_data())
    # Between two candidates the line is that of the lower one, with < of the upper.
    middles = (gamma[1:] + gamma[:-1]) / 2
    heights = lr[:-1] if rule == "<=" else lr[1:]
    assert ratio.get_drawstyle() == ("steps-post" if rule == "<=" else "steps-pre")
    spans = [(p.get_x(), p.get_x() + p.get_width()) for p in ax.patches]
    shaded = np.array([any(a < x < b for a, b in spans) for x in middles])
    below = heights <= results.critical_value(1)
    assert 1 < below.sum() < below.size
    np.testing.assert_array_equal(shaded, below)
