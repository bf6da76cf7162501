"""The paths, effects and curves that are drawn are those of the results, and no text is in another's way."""

from __future__ import annotations

import subprocess
import sys
import warnings
from dataclasses import replace
from functools import cache
from itertools import pairwise
from types import SimpleNamespace

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path
from matplotlib.transforms import Bbox

import digiprosper as dp
from digiprosper.errors import DigiprosperWarning, InputTypeError, OptionError
from digiprosper.present import figure, mechanism_plots, plots

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
SIX = (*THREE, "schooling", "hospital_beds", "pension_coverage")
SPECS = {
    "one": ("productivity", {}),
    "two": (THREE[:2], {}),
    "three": (THREE, {}),
    "six": (SIX, {}),
    "chain of two": (THREE[:2], {"structure": "serial"}),
    "chain of three": (THREE, {"structure": "serial"}),
    "chain of six": (SIX, {"structure": "serial"}),
    "a": ("productivity", {"moderator": "urban", "moderates": "a"}),
    "b": (THREE[:2], {"moderator": "urban", "moderates": "b"}),
    "direct": ("productivity", {"moderator": "urban", "moderates": "direct"}),
    "everything": (THREE[:2], {"moderator": "urban", "moderates": ("a", "b", "direct")}),
    "threshold": ("productivity", {"threshold": ("urban", 55.0)}),
    "two regimes": (THREE[:2], {"threshold": ("urban", 55.0)}),
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
        spec = dp.Mediation("prosperity", "digital", mediators, "fiscal", reps=99, **options)
        return spec.fit(data(), rng=1)


@cache
def curved():
    fit = dp.FixedEffects("urban_rural_theil", ["digital", "I(digital**2)", "urban"]).fit(data())
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
    panel = dp.Panel(pd.DataFrame({**keys, **columns}), "i", "t", labels={"w": "Moderator"})
    return dp.Mediation("y", "x", "m", moderator="w", moderates=("a", "direct"), reps=199).fit(panel, rng=1)


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


def row_of(ax, name):
    """Texts on the line of a text below the figure."""
    line = next(t for t in ax.texts if t.get_text() == name)
    return [t.get_text() for t in ax.texts if t.get_position()[1] == line.get_position()[1]]


# --- paths --------------------------------------------------------------------------------------------------


def crowded(ax):
    """Pairs that are in each other's way: texts, boxes, arrows; and what leaves the axes or its box."""
    ax.figure.canvas.draw()
    texts = {f"{i} {t.get_text()}": t.get_window_extent() for i, t in enumerate(ax.texts)}
    boxes = [p.get_window_extent() for p in ax.patches if isinstance(p, FancyBboxPatch)]
    # The patch's own path goes there and back round the head; this is the line alone.
    ways = [p._path_original.vertices for p in ax.patches if isinstance(p, FancyArrowPatch)]
    arrows = [Path(pair) for way in ways for pair in pairwise(ax.transData.transform(way))]
    found = [(a, b) for a in texts for b in texts if a < b and texts[a].overlaps(texts[b])]
    found += [(a, b) for i, a in enumerate(boxes) for b in boxes[:i] if a.overlaps(b)]
    whole = ax.get_window_extent()
    for name, box in texts.items():
        found += [] if contains(whole, box) else [(name, "axes")]
        found += [(name, "box") for b in boxes if b.overlaps(box) and not contains(b, box)]
        found += [(name, "arrow") for arrow in arrows if arrow.intersects_bbox(box, filled=False)]
    # Arrows end on the rim of a box.
    inner = [Bbox.from_extents(b.x0 + 4, b.y0 + 4, b.x1 - 4, b.y1 - 4) for b in boxes]
    return found + [(b, "arrow") for b in inner for a in arrows if a.intersects_bbox(b, filled=False)]


def contains(outer, inner):
    return outer.x0 <= inner.x0 and inner.x1 <= outer.x1 and outer.y0 <= inner.y0 and inner.y1 <= outer.y1


@pytest.mark.parametrize("name", SPECS)
def test_nothing_is_in_the_way_of_anything(name):
    assert crowded(plots.mediation_path(fitted(name))) == []


def test_what_is_in_the_way_is_found(axes):
    axes.text(0.5, 0.5, "one")
    axes.text(0.51, 0.5, "other")
    axes.text(0.9, 0.1, "beyond the edge of the axes")
    axes.add_patch(FancyArrowPatch(path=Path([(0.0, 0.0), (0.0, 0.52), (1.0, 0.52)]), arrowstyle="-|>"))
    assert {b for _, b in crowded(axes)} == {"1 other", "axes", "arrow"}


def test_numbers_with_many_digits_make_the_figure_wider():
    small, fit = fitted("two"), fitted("two")
    equations = tuple(
        (name, replace(e, coefficients=e.coefficients * 1e6, covariance=e.covariance * 1e12))
        for name, e in fit.equations
    )
    large = plots.mediation_path(replace(fit, equations=equations))
    assert crowded(large) == []
    widths = [ax.figure.get_size_inches()[0] for ax in (plots.mediation_path(small), large)]
    assert widths[0] < widths[1]


def test_labels_that_are_one_long_word_are_broken():
    labels = {"digital": "broadband_users_per_hundred_people", "productivity": "x" * 60}
    assert crowded(plots.mediation_path(fitted("one"), labels=labels)) == []


def test_arrows_have_estimate_stars_and_error_of_their_own_equation():
    results = fitted("two")
    found = words(plots.mediation_path(results))
    paths = results.paths

    def cell(equation, term, name):
        row = paths[equation].tidy().set_index("term").loc[term]
        stars = "*" * sum(row["p_value"] < level for level in (0.1, 0.05, 0.01))
        return f"{name} = {row['estimate']:.3f}{stars} ({row['std_error']:.3f})"

    assert cell("mediator:productivity", "digital", "a₁") in found
    assert cell("mediator:upgrading", "digital", "a₂") in found
    assert cell("outcome", "productivity", "b₁") in found
    assert cell("outcome", "upgrading", "b₂") in found
    assert cell("outcome", "digital", "c'") in found
    assert cell("total", "digital", "total c") in found
    assert any(t.startswith("a = ") for t in words(plots.mediation_path(fitted("one"))))


def test_stars_are_those_of_the_paths_p_values():
    results = fitted("one")
    equations = tuple(
        # The errors of tidy's p-values grow with the covariance.
        (name, replace(e, covariance=e.covariance * factor))
        for (name, e), factor in zip(results.equations, (1e4, 1e4, 1.0), strict=True)
    )
    found = words(plots.mediation_path(replace(results, equations=equations)))
    assert not any("*" in t for t in found if t.startswith(("a =", "total c")))
    assert all("***" in t for t in found if t.startswith("b ="))


def test_below_are_the_effects_with_their_percentile_intervals():
    results = fitted("three")
    ax = plots.mediation_path(results, digits=4, level=0.9)
    frame = results.tidy(0.9).set_index("term")
    for term, label in (
        ("indirect", "Indirect effect"),
        ("indirect:upgrading", "Indirect via Upgrading of industry"),
    ):
        row = frame.loc[term]
        assert row_of(ax, label) == [
            f"{row['estimate']:.4f}",
            f"[{row['conf_low']:.4f}, {row['conf_high']:.4f}]",
            label,
        ]
    assert "90% percentile interval" in words(ax)
    assert not {"Total effect", "Direct effect"} & set(words(ax))  # they are on the arrow


def test_below_are_errors_sample_and_seed():
    results = fitted("one")
    text = " ".join(words(plots.mediation_path(results)))
    assert f"{results.conventions}." in text
    assert "Sample: 372 rows, 31 entities, 12 periods; effects: province, year." in text
    assert "standard errors in parentheses; * p < 0.1, ** p < 0.05, *** p < 0.01." in text


def test_one_mediators_effect_is_not_listed_twice():
    assert "Indirect effect" not in words(plots.mediation_path(fitted("one")))
    alone = plots.mediation_path(fitted("three"), "upgrading")
    assert "Indirect via Upgrading of industry" in words(alone)
    assert len([t for t in words(alone) if "Indirect" in t]) == 1
    text = " ".join(words(alone))
    assert (
        "Also in the outcome's equation: Labour productivity (log, 10,000 yuan per person), New firms" in text
    )
    assert crowded(alone) == []


def test_a_chain_has_every_path_between_its_mediators():
    results = fitted("chain of three")
    ax = plots.mediation_path(results)
    found = " ".join(words(ax))
    for name, source, target in (("d₂₁", 0, 1), ("d₃₁", 0, 2), ("d₃₂", 1, 2)):
        estimate = results.paths[f"mediator:{THREE[target]}"].params[THREE[source]]
        assert f"{name} = {estimate:.3f}" in found
    assert len([p for p in ax.patches if isinstance(p, FancyArrowPatch)]) == 3 + 3 + 3 + 1
    assert "→ Upgrading of industry →" in found


def test_many_chains_are_cut_and_counted():
    found = words(plots.mediation_path(fitted("chain of six")))
    assert "and 44 more in tidy()" in found  # the sum, and 2^6 - 1 chains


@pytest.mark.parametrize(
    ("name", "kinds"), [("a", "a"), ("b", "b"), ("direct", "c"), ("everything", "abc"), ("two", "")]
)
def test_a_moderator_points_at_the_paths_it_moves(name, kinds):
    results = fitted(name)
    ax = plots.mediation_path(results)
    dashed = [p for p in ax.patches if isinstance(p, FancyArrowPatch) and p.get_linestyle() == "--"]
    assert len(dashed) == len(kinds)
    beside = [t for t in words(ax) if t.startswith("× w:")]
    assert len(beside) == sum(1 if kind == "c" else len(results.mediators) for kind in kinds)
    if kinds:
        equation = results.paths["mediator:productivity" if "a" in kinds else "outcome"]
        term = {"a": "digital:urban", "b": "productivity:urban", "c": "digital:urban"}[kinds[0]]
        assert any(t.startswith(f"× w: {equation.params[term]:.3f}") for t in beside)
        assert "w = 54.96 (50% quantile)" in words(ax)
        assert not any(t.startswith("total c") for t in words(ax))
        assert {"Total effect", "Effect, mean of the rows"} <= set(words(ax))


def test_parts_of_an_effect_stand_under_it():
    results = fitted("a")
    ax = plots.mediation_path(results, digits=6)
    lines = {t.get_text(): t.get_position() for t in ax.texts}
    parts = ["w = 46.52 (10% quantile)", "w = 64.29 (90% quantile)", "change with a unit of w"]
    heights = [lines[name][1] for name in parts]
    assert heights == sorted(heights, reverse=True)
    assert all(lines[name][0] > lines["Direct effect"][0] for name in parts)
    assert row_of(ax, parts[2])[0] == f"{results.params['index:productivity']:.6f}"


def test_a_threshold_has_both_regimes_on_each_arrow():
    results = fitted("threshold")
    found = words(plots.mediation_path(results))
    for name, term, equation in (("b", "productivity", "outcome"), ("a", "digital", "mediator:productivity")):
        for word, regime in (("low", "regime1"), ("high", "regime2")):
            estimate = results.paths[equation].params[f"{term}:{regime}"]
            assert any(t.startswith(f"{name} {word} = {estimate:.3f}") for t in found)
    (low, _), (high, _) = results.regime_counts
    text = " ".join(found)
    assert f"<= 55 ({low} rows" in text
    assert f"high: > 55 ({high} rows" in text
    assert found.count("low regime") == 3


def test_a_square_stands_under_the_slope():
    results = fitted("quadratic")
    found = words(plots.mediation_path(results))
    estimate = results.paths["outcome"].params["I(digital**2)"]
    assert any(t.startswith(f"x²: {estimate:.3f}") for t in found)
    assert len([t for t in found if t.startswith("x²:")]) == 4  # two mediators, the direct path, the note


def test_on_given_axes_the_type_shrinks_with_the_room():
    from matplotlib import pyplot as plt

    small, large = (plt.figure(figsize=size).add_axes((0, 0, 1, 1)) for size in ((4, 3), (16, 12)))
    for ax in (small, large):
        assert plots.mediation_path(fitted("two"), ax=ax) is ax
        assert crowded(ax) == []
    own = plots.mediation_path(fitted("two"))
    sizes = [ax.texts[0].get_fontsize() for ax in (small, large, own)]
    assert sizes[0] < sizes[1] == sizes[2] == 9.0


def test_dollar_signs_are_text():
    drawn = [
        *plots.mediation_path(fitted("three")).texts,
        *plots.effect_plot(fitted("three")).get_yticklabels(),
    ]
    assert not any(t.get_parse_math() for t in drawn)


# --- effects ------------------------------------------------------------------------------------------------


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
    assert labels[4] == "Indirect via Upgrading of industry"
    assert ax.get_xlabel().startswith("Effect and 90% percentile interval\nSE clustered by province")
    assert results.conventions in ax.get_xlabel().replace("\n", " ")


def test_effects_where_they_vary_say_where():
    labels = [
        t.get_text() for t in plots.effect_plot(fitted("a"), labels={"urban": "Urban"}).get_yticklabels()
    ]
    assert "Total effect\nmean of the rows" in labels
    assert labels[-1].endswith("\nUrban = 64.29 (90% quantile)")
    assert not any("change" in text for text in labels)  # the index is in another unit
    regimes = plots.effect_plot(fitted("threshold"), labels={"urban": "Urban", "total:regime2": "Rich"})
    labels = [t.get_text() for t in regimes.get_yticklabels()]
    assert "Direct effect\nUrban > 55" in labels
    assert "Rich" in labels
    assert "Direct effect\nhigh less low regime" in labels


# --- conditional effects ------------------------------------------------------------------------------------


@pytest.mark.parametrize("effect", ["indirect:m", "direct"])
def test_a_conditional_effect_is_drawn_with_its_regions(effect):
    results = turning()
    found = results.johnson_neyman(effect, level=0.9)
    ax = plots.conditional_effect(results, effect, level=0.9)
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), found.points[:, :2])
    edges = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert edges.min() == pytest.approx(found.points[:, 2].min())
    assert edges.max() == pytest.approx(found.points[:, 3].max())
    spans = [(p.get_x(), p.get_x() + p.get_width()) for p in ax.patches]
    np.testing.assert_allclose(spans, found.regions)
    inside = [end for region in found.regions for end in region if end not in found.support]
    assert words(ax) == [f"{end:.4g}" for end in inside]
    assert len(inside) == 2
    how = "t" if effect == "direct" else "percentile of the draws"
    assert legend(ax)[0] == f"90% interval ({how})"
    assert f"leaves 0 out ({found.share:.0%} of rows)" in legend(ax)
    assert ax.get_xlabel() == "Moderator"
    assert ax.get_xlim() == found.support


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
    assert ax.get_ylabel().replace("\n", " ") == "Indirect effect via Upgrading of industry"


def test_the_legend_keeps_clear_of_the_ends():
    ax = plots.conditional_effect(turning(), "direct")
    ax.figure.canvas.draw()
    box = ax.get_legend().get_window_extent()
    assert not any(box.overlaps(t.get_window_extent()) for t in ax.texts)


# --- sensitivity and curves ---------------------------------------------------------------------------------


def test_a_sensitivity_curve_marks_where_the_effect_goes():
    found = fitted("two").sensitivity("upgrading")
    ax = plots.sensitivity_curve(found, labels=LABELS)
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), np.column_stack([found.rho, found.effects[:, 0]]))
    marks = {line.get_marker(): line.get_xydata().tolist() for line in ax.lines}
    assert marks["o"] == [[0.0, found.assumed[0]]]
    assert marks["D"] == [[found.rho_at_zero, 0.0]]
    assert marks["|"] == [[found.rho_insignificant, 0.0]]
    assert f"0 at ρ = {found.rho_at_zero:.3g} [{found.rho_low:.3g}, {found.rho_high:.3g}]" in legend(ax)
    assert f"interval covers 0 from ρ = {found.rho_insignificant:.3g}" in legend(ax)
    assert ax.get_ylabel().replace("\n", " ") == "Indirect effect via Upgrading of industry"
    never = plots.sensitivity_curve(replace(found, rho_insignificant=float("nan")))
    assert not any("covers" in text for text in legend(never))
    already = plots.sensitivity_curve(replace(found, rho_insignificant=0.0))
    assert "interval covers 0 already at ρ = 0" in legend(already)


def test_a_curve_is_drawn_less_its_value_at_the_mean():
    fit, test = curved()
    ax = plots.u_shape(fit, test)
    x, y = ax.lines[0].get_data()
    mean = fit.sample_stats.loc["digital", "mean"]
    b1, b2 = fit.params["digital"], fit.params["I(digital**2)"]
    np.testing.assert_allclose(y, b1 * (x - mean) + b2 * (x**2 - mean**2), atol=1e-12)
    assert (x[0], x[-1]) == test.interval
    # The slope of the band's middle is the fit's marginal effect, its width the standard error of a sum.
    edges = ax.collections[0].get_paths()[0].vertices
    top = edges[np.isclose(edges[:, 0], test.interval[1]), 1].max()
    weights = np.array([x[-1] - mean, x[-1] ** 2 - mean**2])
    cov = fit.cov.loc[["digital", "I(digital**2)"], ["digital", "I(digital**2)"]].to_numpy()
    from scipy.stats import t

    assert top == pytest.approx(y[-1] + t.ppf(0.975, fit.df_t) * np.sqrt(weights @ cov @ weights))
    spans = [(p.get_x(), p.get_x() + p.get_width()) for p in ax.patches]
    np.testing.assert_allclose(spans, test.fieller)
    assert f"turning point {test.extremum:.3g}" in legend(ax)


def test_a_curve_without_a_turn_in_the_data_says_so():
    fit, test = curved()
    stored = {name: getattr(test, name) for name in type(test).__dataclass_fields__}
    beyond = SimpleNamespace(**{**stored, "extremum": 5.0, "fieller": [(-np.inf, 0.1), (4.0, np.inf)]})
    ax = plots.u_shape(fit, beyond)
    assert "turning point 5, outside the interval" in legend(ax)
    spans = [(p.get_x(), p.get_x() + p.get_width()) for p in ax.patches]
    np.testing.assert_allclose(spans, [(test.interval[0], 0.1)])
    none = plots.u_shape(fit, SimpleNamespace(**{**stored, "extremum": np.nan, "fieller": []}))
    assert {"no turning point", "95% set of the turning point empty"} <= set(legend(none))


@pytest.mark.parametrize("bend", ["I(1/unemp)", "log(unemp)", "sqrt(unemp)"])
def test_other_bends_are_drawn_too(bend):
    fit = dp.FixedEffects("log(gsp)", ["unemp", bend]).fit(dp.datasets.us_states())
    x, y = plots.u_shape(fit, dp.u_test(fit, "unemp")).lines[0].get_data()
    b1, b2 = fit.params
    value = {"I(1/unemp)": lambda v: 1 / v, "log(unemp)": np.log, "sqrt(unemp)": np.sqrt}[bend]
    curve = b1 * x + b2 * value(x)
    np.testing.assert_allclose(np.diff(y), np.diff(curve), atol=1e-12)


# --- what all of them owe -----------------------------------------------------------------------------------


def everything(labels=None):
    return [
        plots.mediation_path(fitted("three"), labels=labels),
        plots.mediation_path(fitted("chain of two"), labels=labels),
        plots.effect_plot(fitted("three"), labels=labels),
        plots.conditional_effect(fitted("a"), labels=labels),
        plots.sensitivity_curve(fitted("one").sensitivity(), labels=labels),
        plots.u_shape(*curved(), labels=labels),
    ]


def test_bad_calls_are_refused(one_way):
    fit = fitted("two")
    for function, maker in (
        (plots.mediation_path, r"Mediation\(...\).fit"),
        (plots.effect_plot, r"Mediation\(...\).fit"),
        (plots.conditional_effect, r"Mediation\(...\).fit"),
        (plots.sensitivity_curve, r"MediationResults.sensitivity"),
    ):
        with pytest.raises(
            InputTypeError, match=rf"plots.{function.__name__}: takes what {maker} returns, not Fit"
        ):
            function(one_way)
    with pytest.raises(InputTypeError, match=r"plots.u_shape: takes what FixedEffects\(...\).fit returns"):
        plots.u_shape(fit, curved()[1])
    with pytest.raises(InputTypeError, match=r"plots.u_shape: test is what u_test returns, not float"):
        plots.u_shape(curved()[0], 0.5)
    with pytest.raises(OptionError, match="lacks 'digital' or"):
        plots.u_shape(fit.paths["outcome"], curved()[1])
    with pytest.raises(OptionError, match="mediator='fiscal' is not known"):
        plots.mediation_path(fit, "fiscal")
    with pytest.raises(OptionError, match="in a chain no mediator stands alone"):
        plots.mediation_path(fitted("chain of two"), "upgrading")
    for digits in (-1, 16, 2.0, True, "3"):
        with pytest.raises(OptionError, match="digits="):
            plots.mediation_path(fit, digits=digits)
    for name in ("two", "threshold"):
        with pytest.raises(OptionError, match="no effect of this fit depends on a continuous variable"):
            plots.conditional_effect(fitted(name))
    with pytest.raises(OptionError, match="name the effect"):
        plots.conditional_effect(fitted("b"))
    for call in (plots.mediation_path, plots.effect_plot, plots.conditional_effect):
        with pytest.raises(OptionError, match="level="):
            call(fitted("a"), level=95)
        with pytest.raises(InputTypeError, match="labels must be a mapping"):
            call(fitted("a"), labels=["urban"])


def test_few_and_no_digits_are_digits():
    found = words(plots.mediation_path(fitted("one"), digits=1))
    assert any(t.startswith("a = 0.9***") for t in found)


def test_figures_lay_themselves_out_and_change_no_setting():
    before = dict(mpl.rcParams)
    for ax in everything():
        assert ax.figure.get_layout_engine().__class__.__name__ == "ConstrainedLayoutEngine"
    assert dict(mpl.rcParams) == before


def test_given_axes_are_used(axes):
    size = axes.figure.get_size_inches().tolist()
    for call in (
        lambda: plots.mediation_path(fitted("one"), ax=axes),
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


def test_chinese_labels_have_glyphs_and_room(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        font = figure._cjk_font()
    if font is None:
        pytest.skip("no font with Chinese characters on this machine")
    for ax in everything(ZH):
        ax.figure.savefig(tmp_path / "f.png")  # a missing glyph warns, and warnings are errors
    for name in SPECS:
        assert crowded(plots.mediation_path(fitted(name), labels=ZH)) == []
    assert mpl.rcParams["font.family"] == ["sans-serif"]


def test_lines_break_between_words_and_chinese_characters():
    lines = mechanism_plots._lines
    assert lines("one two three", 8) == ["one two", "three"]
    assert lines("劳动生产率（对数）", 12) == ["劳动生产率", "（对数）"]
    assert lines("城镇化率，省份", 8) == ["城镇化", "率，省份"]  # a comma never begins a line
    assert lines("abcdefghij", 4) == ["abcd", "efgh", "ij"]
    assert mechanism_plots._balanced("Common prosperity of all", 18) == ["Common", "prosperity of all"]


def test_a_missing_extra_names_its_cure(monkeypatch):
    results = fitted("a")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    for name in ("mediation_path", "effect_plot", "conditional_effect"):
        with pytest.raises(
            ImportError, match=rf'plots.{name} needs matplotlib: pip install "digiprosper\[plot\]"'
        ):
            getattr(plots, name)(results)


def test_importing_loads_no_matplotlib():
    code = (
        "import sys, digiprosper.present.mechanism_plots\n"
        "print(sorted({'matplotlib', 'scipy.special'} & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
