"""Figures of paths: they are those of the results, and no text is in another's way."""

from __future__ import annotations

import re
import subprocess
import sys
import warnings
from dataclasses import replace
from functools import cache
from itertools import pairwise

import matplotlib as mpl
import pytest
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path
from matplotlib.transforms import Bbox

import digiprosper as dp
from digiprosper import plots
from digiprosper.errors import DigiprosperWarning, InputTypeError, OptionError
from digiprosper.present.figure import FAINT, INK, MARKED
from digiprosper.present.figure_style import chinese_font
from digiprosper.present.path_plots import draw_pathways
from digiprosper.report.drawings import PathwayRow, Pathways

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
    "everything": (
        THREE[:2],
        {"moderator": "urban", "moderates": ("a", "b", "direct")},
    ),
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
        spec = dp.Mediation(
            "prosperity", "digital", mediators, "fiscal", reps=99, **options
        )
        return spec.fit(data(), rng=1)


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


def row_of(ax, name):
    """Texts on the line of a text below the figure."""
    line = next(t for t in ax.texts if t.get_text() == name)
    return [
        t.get_text() for t in ax.texts if t.get_position()[1] == line.get_position()[1]
    ]


def crowded(ax):
    """Pairs in each other's way, and what leaves the axes or its box."""
    ax.figure.draw_without_rendering()
    texts = {
        f"{i} {t.get_text()}": t.get_window_extent() for i, t in enumerate(ax.texts)
    }
    boxes = [p.get_window_extent() for p in ax.patches if isinstance(p, FancyBboxPatch)]
    # The patch's own path goes there and back round the head; this is the line alone.
    ways = [
        p._path_original.vertices for p in ax.patches if isinstance(p, FancyArrowPatch)
    ]
    arrows = [
        Path(pair) for way in ways for pair in pairwise(ax.transData.transform(way))
    ]
    actual = [
        (a, b) for a in texts for b in texts if a < b and texts[a].overlaps(texts[b])
    ]
    actual += [(a, b) for i, a in enumerate(boxes) for b in boxes[:i] if a.overlaps(b)]
    whole = ax.get_window_extent()
    for name, box in texts.items():
        actual += [] if contains(whole, box) else [(name, "axes")]
        actual += [
            (name, "box") for b in boxes if b.overlaps(box) and not contains(b, box)
        ]
        actual += [
            (name, "arrow")
            for arrow in arrows
            if arrow.intersects_bbox(box, filled=False)
        ]
    # Arrows end on the rim of a box.
    inner = [Bbox.from_extents(b.x0 + 4, b.y0 + 4, b.x1 - 4, b.y1 - 4) for b in boxes]
    return actual + [
        (b, "arrow")
        for b in inner
        for a in arrows
        if a.intersects_bbox(b, filled=False)
    ]


def contains(outer, inner):
    return (
        outer.x0 <= inner.x0
        and inner.x1 <= outer.x1
        and outer.y0 <= inner.y0
        and inner.y1 <= outer.y1
    )


@pytest.mark.many(1)
@pytest.mark.parametrize("name", SPECS)
def test_nothing_is_in_the_way_of_anything(name):
    assert crowded(plots.mediation_path(fitted(name))) == []


@pytest.mark.many(2)
@pytest.mark.parametrize("name", sorted(SPECS.keys() - {"chain of six"}))
@pytest.mark.parametrize("width", ["column", "page"])
def test_a_style_has_the_width_of_the_figure(name, width):
    with plots.figure_style(width):
        ax = plots.mediation_path(fitted(name))
        assert crowded(ax) == []
    expected = {"column": 90, "page": 190}[width]
    assert ax.figure.get_figwidth() * 25.4 == pytest.approx(expected)


def test_type_of_a_column_is_readable():
    with plots.figure_style("column"):
        ax = plots.mediation_path(fitted("two"))
    assert min(text.get_fontsize() for text in ax.texts) >= 6


def test_what_is_in_the_way_is_found(axes):
    axes.text(0.5, 0.5, "one")
    axes.text(0.51, 0.5, "other")
    axes.text(0.9, 0.1, "beyond the edge of the axes")
    axes.add_patch(
        FancyArrowPatch(
            path=Path([(0.0, 0.0), (0.0, 0.52), (1.0, 0.52)]), arrowstyle="-|>"
        )
    )
    assert {b for _, b in crowded(axes)} == {"1 other", "axes", "arrow"}


def test_numbers_with_many_digits_make_the_figure_wider():
    small, fit = fitted("two"), fitted("two")
    equations = tuple(
        (
            name,
            replace(
                e,
                estimated=replace(
                    e.estimated,
                    coefficients=e.coefficients * 1e6,
                    middle=e.estimated.middle * 1e12,
                ),
            ),
        )
        for name, e in fit.equations
    )
    large = plots.mediation_path(replace(fit, equations=equations))
    assert crowded(large) == []
    widths = [
        ax.figure.get_size_inches()[0] for ax in (plots.mediation_path(small), large)
    ]
    assert widths[0] < widths[1]


def test_labels_that_are_one_long_word_are_broken():
    labels = {"digital": "broadband_users_per_hundred_people", "productivity": "x" * 60}
    assert crowded(plots.mediation_path(fitted("one"), labels=labels)) == []


def test_arrows_have_estimate_stars_and_error_of_their_own_equation():
    results = fitted("two")
    actual = words(plots.mediation_path(results))
    paths = results.paths

    def cell(equation, term, name):
        row = paths[equation].tidy().set_index("term").loc[term]
        stars = "*" * sum(row["p_value"] < level for level in (0.1, 0.05, 0.01))
        return f"{name} = {row['estimate']:.3f}{stars} ({row['std_error']:.3f})"

    assert cell("mediator:productivity", "digital", "a₁") in actual
    assert cell("mediator:upgrading", "digital", "a₂") in actual
    assert cell("outcome", "productivity", "b₁") in actual
    assert cell("outcome", "upgrading", "b₂") in actual
    assert cell("outcome", "digital", "c'") in actual
    assert cell("total", "digital", "total c") in actual
    assert any(t.startswith("a = ") for t in words(plots.mediation_path(fitted("one"))))


def test_stars_are_those_of_the_paths_p_values():
    results = fitted("one")
    equations = tuple(
        # The errors of tidy's p-values grow with the covariance.
        (
            name,
            replace(
                e, estimated=replace(e.estimated, middle=e.estimated.middle * factor)
            ),
        )
        for (name, e), factor in zip(results.equations, (1e4, 1e4, 1.0), strict=True)
    )
    actual = words(plots.mediation_path(replace(results, equations=equations)))
    assert not any("*" in t for t in actual if t.startswith(("a =", "total c")))
    assert all("***" in t for t in actual if t.startswith("b ="))


def test_below_are_the_effects_with_their_percentile_intervals():
    results = fitted("three")
    ax = plots.mediation_path(results, digits=4, level=0.9)
    frame = results.tidy(0.9).set_index("term")
    for term, label in (
        ("indirect", "Indirect effect"),
        ("indirect:upgrading", "Indirect through Upgrading of industry"),
    ):
        row = frame.loc[term]
        assert row_of(ax, label) == [
            f"{row['estimate']:.4f}",
            f"[{row['conf_low']:.4f}, {row['conf_high']:.4f}]",
            label,
        ]
    assert "90% percentile interval" in words(ax)
    # They are on the arrow
    assert not {"Total effect", "Direct effect"} & set(words(ax))


@pytest.mark.filterwarnings("ignore:no font with Chinese characters")
def test_below_are_errors_sample_and_seed():
    results = fitted("one")
    text = " ".join(words(plots.mediation_path(results)))
    assert f"{results.conventions}." in text
    named = " ".join(
        words(
            plots.mediation_path(results, labels={"province": "省份", "year": "年份"})
        )
    )
    assert "effects: 省份, 年份." in named
    assert "Standard errors clustered by 省份 (31 clusters" in named
    assert "province" not in named
    assert "Sample: 372 rows, 31 entities, 12 periods; effects: province, year." in text
    assert (
        "standard errors in parentheses; * p < 0.1, ** p < 0.05, *** p < 0.01." in text
    )


def test_one_mediators_effect_is_not_listed_twice():
    assert "Indirect effect" not in words(plots.mediation_path(fitted("one")))
    alone = plots.mediation_path(fitted("three"), "upgrading")
    assert "Indirect through Upgrading of industry" in words(alone)
    assert len([t for t in words(alone) if "Indirect" in t]) == 1
    text = " ".join(words(alone))
    assert (
        "Also in the outcome's equation: Labour productivity (log, 10,000 yuan per "
        "person), New firms"
    ) in text
    assert crowded(alone) == []


def test_a_chain_has_every_path_between_its_mediators():
    results = fitted("chain of three")
    ax = plots.mediation_path(results)
    actual = " ".join(words(ax))
    for name, source, target in (("d₂₁", 0, 1), ("d₃₁", 0, 2), ("d₃₂", 1, 2)):
        estimate = results.paths[f"mediator:{THREE[target]}"].params[THREE[source]]
        assert f"{name} = {estimate:.3f}" in actual
    assert (
        len([p for p in ax.patches if isinstance(p, FancyArrowPatch)]) == 3 + 3 + 3 + 1
    )
    assert "→ Upgrading of industry →" in actual


def test_many_chains_are_cut_and_counted():
    actual = words(plots.mediation_path(fitted("chain of six")))
    assert "and 44 more effects" in actual  # the sum, and 2^6 - 1 chains


@pytest.mark.parametrize(
    ("name", "kinds"),
    [("a", "a"), ("b", "b"), ("direct", "c"), ("everything", "abc"), ("two", "")],
)
def test_a_moderator_points_at_the_paths_it_moves(name, kinds):
    results = fitted(name)
    ax = plots.mediation_path(results)
    dashed = [
        p
        for p in ax.patches
        if isinstance(p, FancyArrowPatch) and p.get_linestyle() == "--"
    ]
    assert len(dashed) == len(kinds)
    beside = [t for t in words(ax) if t.startswith("× w:")]
    assert len(beside) == sum(
        1 if kind == "c" else len(results.mediators) for kind in kinds
    )
    if kinds:
        equation = results.paths["mediator:productivity" if "a" in kinds else "outcome"]
        term = {"a": "digital:urban", "b": "productivity:urban", "c": "digital:urban"}[
            kinds[0]
        ]
        number = f"{equation.params[term]:.3f}".replace("-", "−")
        assert any(t.startswith(f"× w: {number}") for t in beside)
        assert not re.search(r"-\d", " ".join(beside))
        assert "w = 54.96 (50% quantile)" in words(ax)
        assert not any(t.startswith("total c") for t in words(ax))
        assert {"Total effect", "Effect, mean of the rows"} <= set(words(ax))


def test_parts_of_an_effect_stand_under_it():
    results = fitted("a")
    ax = plots.mediation_path(results, digits=6)
    lines = {t.get_text(): t.get_position() for t in ax.texts}
    parts = [
        "w = 46.52 (10% quantile)",
        "w = 64.29 (90% quantile)",
        "change per unit of w",
    ]
    heights = [lines[name][1] for name in parts]
    assert heights == sorted(heights, reverse=True)
    assert all(lines[name][0] > lines["Direct effect"][0] for name in parts)
    assert row_of(ax, parts[2])[0] == f"{results.params['index:productivity']:.6f}"


def test_a_threshold_has_both_regimes_on_each_arrow():
    results = fitted("threshold")
    actual = words(plots.mediation_path(results))
    for name, term, equation in (
        ("b", "productivity", "outcome"),
        ("a", "digital", "mediator:productivity"),
    ):
        for word, regime in (("low", "regime1"), ("high", "regime2")):
            estimate = results.paths[equation].params[f"{term}:{regime}"]
            assert any(t.startswith(f"{name} {word} = {estimate:.3f}") for t in actual)
    (low, _), (high, _) = results.regime_counts
    text = " ".join(actual)
    assert f"≤ 55 ({low} rows" in text
    assert f"high: > 55 ({high} rows" in text
    assert actual.count("low regime") == 3


def test_a_square_stands_under_the_slope():
    results = fitted("quadratic")
    actual = words(plots.mediation_path(results))
    estimate = results.paths["outcome"].params["I(digital**2)"]
    assert any(t.startswith(f"x²: {estimate:.3f}") for t in actual)
    # Two mediators, the direct path, the note
    assert len([t for t in actual if t.startswith("x²:")]) == 4


def test_on_given_axes_the_type_shrinks_with_the_room():
    from matplotlib import pyplot as plt

    small, large = (
        plt.figure(figsize=size).add_axes((0, 0, 1, 1)) for size in ((4, 3), (16, 12))
    )
    for ax in (small, large):
        assert plots.mediation_path(fitted("two"), ax=ax) is ax
        assert crowded(ax) == []
    own = plots.mediation_path(fitted("two"))
    sizes = [ax.texts[0].get_fontsize() for ax in (small, large, own)]
    assert sizes[0] < sizes[1] == sizes[2] == 9.0


def test_dollar_signs_are_text():
    assert not any(
        t.get_parse_math() for t in plots.mediation_path(fitted("three")).texts
    )


def test_bad_calls_are_refused(one_way):
    fit = fitted("two")
    with pytest.raises(
        InputTypeError,
        match=r"plots.mediation_path: takes what Mediation\(...\).fit returns, not Fit",
    ):
        plots.mediation_path(one_way)
    with pytest.raises(OptionError, match="mediator='fiscal' is not known"):
        plots.mediation_path(fit, "fiscal")
    with pytest.raises(OptionError, match="serial mediators"):
        plots.mediation_path(fitted("chain of two"), "upgrading")
    for digits in (-1, 16, 2.0, True, "3"):
        with pytest.raises(OptionError, match="digits="):
            plots.mediation_path(fit, digits=digits)
    with pytest.raises(OptionError, match="level="):
        plots.mediation_path(fit, level=95)
    with pytest.raises(InputTypeError, match="labels must be a mapping"):
        plots.mediation_path(fit, labels=["urban"])


def test_few_and_no_digits_are_digits():
    actual = words(plots.mediation_path(fitted("one"), digits=1))
    assert any(t.startswith("a = 0.9***") for t in actual)


def test_a_figure_lays_itself_out_and_changes_no_setting():
    before = dict(mpl.rcParams)
    for name in ("three", "chain of two"):
        engine = plots.mediation_path(fitted(name)).figure.get_layout_engine()
        assert engine.__class__.__name__ == "ConstrainedLayoutEngine"
    assert dict(mpl.rcParams) == before


def test_given_axes_are_used(axes):
    size = axes.figure.get_size_inches().tolist()
    assert plots.mediation_path(fitted("one"), ax=axes) is axes
    assert axes.figure.get_size_inches().tolist() == size


ZH = {
    "digital": "数字经济发展水平",
    "prosperity": "共同富裕指数",
    "productivity": "劳动生产率（对数，万元/人）",
    "upgrading": "产业结构高级化（第三产业增加值与第二产业增加值之比）",
    "entrepreneurship": "创业活跃度（新增企业，个/百人）",
    "urban": "城镇化率（%）",
}


@pytest.mark.further
def test_chinese_labels_have_glyphs_and_room():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        font = chinese_font()
    if font is None:
        pytest.skip("no font with Chinese characters on this machine")
    for name in SPECS:
        ax = plots.mediation_path(fitted(name), labels=ZH)
        # It lays out texts: a missing glyph warns, and warnings are errors.
        assert crowded(ax) == []
    assert mpl.rcParams["font.family"] == ["sans-serif"]


def test_a_missing_extra_names_its_cure(monkeypatch):
    results = fitted("a")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(
        ImportError,
        match=r'plots.mediation_path needs matplotlib: pip install "\.\[plot\]"',
    ):
        plots.mediation_path(results)


@pytest.mark.further
def test_importing_loads_no_matplotlib():
    code = (
        "import sys, digiprosper.present.path_plots\n"
        "print(sorted({'matplotlib', 'scipy.special'} & set(sys.modules)))"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert out.stdout.strip() == "[]"


pyplot = pytest.importorskip("matplotlib.pyplot")
WORDS = {
    "supported": "supported",
    "contradicted": "contradicted",
    "inconclusive": "inconclusive",
}
ROWS = [
    PathwayRow(
        "P01",
        "digital → income",
        "supported",
        (0.12, 0.04, 0.21),
        "0.12",
        "[0.04, 0.21]",
        "<0.001",
        ["two-way FE"],
    ),
    PathwayRow(
        "P15",
        "digital, digital² → gap",
        "contradicted",
        (-0.3, -0.4, -0.2),
        "-0.30",
        "[-0.40, -0.20]",
        "0.012",
        ["two-way FE", "proxy"],
    ),
]
WIDE = PathwayRow(
    "P20",
    "a × b → c",
    "inconclusive",
    (0.1, -5.0, 9.0),
    "0.10",
    "[-5.00, 9.00]",
    "1.000",
    ["parallel trends"],
)
HEADS = {
    "effects": "association (SD), 95% interval",
    "p_adjusted": "adjusted p",
    "identification": "identified by",
}
DRAWN = Pathways(
    heads=HEADS,
    stages={"Making the cake bigger": ROWS, "Constraints": [WIDE]},
    verdicts=WORDS,
    notes=["A note.", "Not tested: P47."],
)


@pytest.fixture
def axes_of_pathway():
    drawn = draw_pathways(DRAWN, None)
    yield drawn
    pyplot.close(drawn.figure)


def read_texts(axes_of_pathway):
    return [text.get_text() for text in axes_of_pathway.texts if text.get_text()]


def markers_of(axes_of_pathway):
    lines = [
        line
        for line in axes_of_pathway.get_lines()
        if line.get_marker() not in ("None", "<", ">")
    ]
    return [
        (line.get_color(), line.get_marker(), line.get_markerfacecolor())
        for line in lines
    ]


def test_every_text_is_there(axes_of_pathway) -> None:
    actual = read_texts(axes_of_pathway)
    for row in [*ROWS, WIDE]:
        number = row.number.replace("-", "−")
        assert {row.id, row.path, number, row.p, *row.basis} <= set(actual)
    assert {"Not tested: P47.", "A note.", "Constraints"} <= set(actual)
    assert "adjusted" in " ".join(actual)


def test_a_verdict_has_a_colour_and_a_marker(axes_of_pathway) -> None:
    looks = markers_of(axes_of_pathway)
    assert looks[:3] == [(INK, "o", INK), (MARKED, "X", MARKED), (FAINT, "o", "white")]
    # Once more beside the words of the verdicts.
    assert looks[3:] == looks[:3]
    assert len({look[1:] for look in looks}) == 3


def test_marks_and_intervals_lie_on_the_axis_of_their_units(axes_of_pathway) -> None:
    """Ticks give the scale; a wide interval ends at the axis, with arrows."""
    texts = {text.get_text(): text.get_position()[0] for text in axes_of_pathway.texts}
    ticks = [text for text in texts if re.fullmatch(r"-?\d*\.?\d+", text)]
    lines = axes_of_pathway.get_lines()
    marks = [line for line in lines if line.get_marker() in ("o", "X")][:3]
    (zero,) = (texts[t] for t in ticks if float(t) == 0)
    first, second = (float(mark.get_xdata()[0]) - zero for mark in marks[:2])
    assert first / second == pytest.approx(0.12 / -0.3, rel=1e-9)
    intervals = [line for line in lines if line.get_linestyle() != "None"]
    low, high = next(
        line.get_xdata()
        for line in intervals
        if len(line.get_xdata()) == 2
        and line.get_ydata()[0] == marks[0].get_ydata()[0]
        and line.get_color() == INK
    )
    assert (low - zero) / first == pytest.approx(0.04 / 0.12, rel=1e-9)
    assert (high - zero) / first == pytest.approx(0.21 / 0.12, rel=1e-9)
    arrows = [line.get_marker() for line in lines if line.get_marker() in ("<", ">")]
    assert arrows == ["<", ">"]


def test_nothing_lies_outside_and_rows_do_not_overlap(axes_of_pathway) -> None:
    axes_of_pathway.figure.draw_without_rendering()
    frame = axes_of_pathway.get_window_extent()
    boxes = [
        text.get_window_extent() for text in axes_of_pathway.texts if text.get_text()
    ]
    assert all(frame.x0 - 2 <= box.x0 and box.x1 <= frame.x1 + 2 for box in boxes)
    for j, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[j + 1 :])


def test_a_page_is_as_wide_as_it_says() -> None:
    with plots.figure_style("page"):
        ax = draw_pathways(DRAWN, None)
    test_nothing_lies_outside_and_rows_do_not_overlap(ax)
    assert ax.figure.get_figwidth() * 25.4 == pytest.approx(190)
    pyplot.close(ax.figure)


def test_a_column_has_the_numbers_below_the_paths() -> None:
    with plots.figure_style("column"):
        ax = draw_pathways(DRAWN, None)
    test_nothing_lies_outside_and_rows_do_not_overlap(ax)
    assert ax.figure.get_figwidth() * 25.4 == pytest.approx(90)
    assert min(t.get_fontsize() for t in ax.texts if t.get_text()) >= 6
    at = {text.get_text(): text.get_position() for text in ax.texts}
    (numbers,) = [text for text in at if text.startswith("0.12 [0.04, 0.21]")]
    (x, y), (numbers_x, numbers_y) = at[ROWS[0].path], at[numbers]
    assert numbers_x == x
    assert numbers_y < y
    pyplot.close(ax.figure)


def test_long_paths_are_broken() -> None:
    long = replace(ROWS[0], path=" → ".join(["a variable with a long name"] * 5))
    ax = draw_pathways(replace(DRAWN, stages={"S": [long]}), None)
    assert long.path not in read_texts(ax)
    assert " ".join(read_texts(ax)).count("long") == 5
    pyplot.close(ax.figure)


def test_without_a_common_unit_there_is_no_mark_and_no_axis() -> None:
    nan = float("nan")
    row = replace(ROWS[0], effect=(nan, nan, nan), number="-", interval="")
    ax = draw_pathways(replace(DRAWN, stages={"S": [row]}), None)
    assert len(markers_of(ax)) == len(WORDS)
    assert {"P01", "-"} <= set(read_texts(ax))
    pyplot.close(ax.figure)


def test_given_axes_are_drawn_on_in_smaller_type() -> None:
    small = pyplot.subplots(figsize=(4, 3))[1]
    assert draw_pathways(DRAWN, small) is small
    assert max(text.get_fontsize() for text in small.texts if text.get_text()) < 9
    pyplot.close(small.figure)


def test_without_a_tested_proposition() -> None:
    ax = draw_pathways(replace(DRAWN, stages={}), None)
    assert read_texts(ax) == DRAWN.notes
    pyplot.close(ax.figure)


def test_samples_of_verdicts_have_no_arrows():
    """A sample right of the axis began where an interval would leave it."""
    row = PathwayRow(
        id="P1",
        path="a on b",
        verdict="supported",
        effect=(0.2, 0.1, 0.3),
        number="0.20",
        interval="[0.10, 0.30]",
        p="0.01",
        basis=["two-way effects"],
    )
    words = ("supported", "contradicted", "inconclusive")
    for length in range(16, 32):
        drawn = Pathways(
            heads={"effects": "Effect", "p_adjusted": "p", "identification": "Basis"},
            stages={"cake": [row]},
            verdicts=dict.fromkeys(words, "w" * length),
            notes=[],
        )
        axes = draw_pathways(drawn, None)
        assert not {line.get_marker() for line in axes.lines} & {"<", ">"}
