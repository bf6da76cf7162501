"""Figures of entities: what they show is what the results say."""

from __future__ import annotations

import subprocess
import sys
import warnings
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text
from scipy.stats import gaussian_kde

import digiprosper as dp
from digiprosper import plots
from digiprosper.composite.ranking_results import IndexSensitivity, RankResults
from digiprosper.errors import (
    ColumnError,
    DigiprosperWarning,
    IdentificationError,
    InputTypeError,
    OptionError,
)
from digiprosper.present import curve_plots, entity_plots
from digiprosper.present.entity_plots import draw_moran_scatter
from digiprosper.present.figure_style import chinese_font
from digiprosper.report.drawings import MoranScatter

mpl.use("Agg")


@pytest.fixture(autouse=True)
def closed_figures():
    from matplotlib import pyplot as plt

    yield
    plt.close("all")


@pytest.fixture
def axes():
    from matplotlib import pyplot as plt

    return plt.subplots()[1]


def index_of(n, periods=(2019, 2020, 2021), keys=("city", "year")):
    entities = [f"c{i:03d}" for i in range(n)]
    if not len(periods):
        return pd.Index(entities, name=keys[0])
    return pd.MultiIndex.from_product([entities, periods], names=keys)


def ranked(
    n=4,
    periods=(2019, 2020, 2021),
    *,
    labels=None,
    among="per_year",
    keep=slice(None),
    keys=("city", "year"),
):
    """Entity i has rank i + 1, and moves to its neighbours' in some draws."""
    index = index_of(n, periods, keys)[keep]
    base = np.repeat(np.arange(1, n + 1), max(len(periods), 1))[keep]
    draws = np.tile(base, (99, 1))
    draws[:20] = np.minimum(draws[:20] + 1, n)
    draws[20:30] = np.maximum(draws[20:30] - 1, 1)
    return RankResults(
        name="digital",
        index=index,
        among=among,
        method="pooled",
        labels=labels or {},
        values=1.0 / base,
        rank_values=base,
        draw_values=draws.astype(np.uint16),
        n_drawn=31,
        rng_entropy=1,
        diagnostics=(),
    )


def varied(
    n=4,
    periods=(2020, 2021),
    *,
    problems=("", "", "", ""),
    complete=((0, 1), (0, 1)),
    labels=None,
):
    index = index_of(n, periods)
    base = np.repeat(np.arange(1, n + 1), max(len(periods), 1))
    ranks = np.array([base, base, n + 1 - base, base], dtype=np.uint16)
    ranks[[bool(p) for p in problems]] = 0
    return IndexSensitivity(
        name="digital",
        index=index,
        among="per_year",
        method="pooled",
        labels=labels or {},
        options=(
            ("weighting", ("entropy", "std")),
            ("aggregate", ("linear", "topsis")),
        ),
        baseline=(0, 0),
        base_ranks=base,
        rank_values=ranks,
        correlations=np.ones(4),
        problems=problems,
        same=np.array([True, False, False, False]),
        complete=complete,
        diagnostics=(),
    )


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def texts(ax):
    return [label.get_text() for label in ax.get_yticklabels()]


def bars(container):
    return [(b.get_x(), round(b.get_x() + b.get_width(), 9)) for b in container]


def test_ribbons_are_ranks_and_intervals_over_time():
    actual = ranked()
    ax = plots.rank_ribbon(actual, ["c002", "c000"])
    table = actual.ranks()
    for line, name in zip(ax.lines, ["c002", "c000"], strict=True):
        assert line.get_label() == name
        assert line.get_xdata().tolist() == [2019, 2020, 2021]
        assert line.get_ydata().tolist() == table.loc[name, "rank"].tolist()
    area = ax.collections[0].get_paths()[0].vertices
    assert {tuple(v) for v in area} >= {(2019.0, 2.0), (2019.0, 4.0), (2021.0, 2.0)}
    assert legend(ax) == ["c002", "c000"]
    assert ax.get_legend().get_title().get_text() == "city"
    assert ax.lines[0].get_marker() != ax.lines[1].get_marker()
    assert ax.yaxis_inverted()  # rank 1 on top
    assert ax.get_yticks().tolist() == [1, 2, 3, 4]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("year", "Rank and 95% of draws")


def test_the_best_six_of_the_last_period_are_drawn_by_default():
    ax = plots.rank_ribbon(ranked(9))
    assert legend(ax) == [f"c{i:03d}" for i in range(6)]


def test_a_period_without_a_row_breaks_the_line():
    actual = ranked(3, keep=[0, 1, 2, 3, 5, 6, 7, 8])
    line = plots.rank_ribbon(actual, ["c001"]).lines[0]
    assert line.get_xdata().tolist() == [2019, 2020, 2021]
    assert np.isnan(line.get_ydata()).tolist() == [False, True, False]


@pytest.mark.parametrize(
    "times",
    [
        pd.period_range("2019Q1", periods=3, freq="Q"),
        pd.date_range("2019-01-01", periods=3, freq="YS"),
    ],
)
def test_periods_and_dates_are_time(times):
    ax = plots.rank_ribbon(ranked(3, times), ["c001"])
    x = mpl.dates.num2date(ax.lines[0].get_xdata(orig=False))
    first = times.to_timestamp() if isinstance(times, pd.PeriodIndex) else times
    assert [t.date() for t in x] == [t.date() for t in first]


def test_the_level_reaches_the_ribbon():
    wide = plots.rank_ribbon(ranked(), ["c001"])
    narrow = plots.rank_ribbon(ranked(), ["c001"], level=0.5)
    assert narrow.get_ylabel() == "Rank and 50% of draws"
    spread = [
        np.ptp(ax.collections[0].get_paths()[0].vertices[:, 1]) for ax in (wide, narrow)
    ]
    assert spread == [2.0, 0.0]


@pytest.mark.further
def test_one_period_has_a_line_an_entity():
    actual = ranked()
    ax = plots.rank_ribbon(actual, period=2020)
    table = actual.ranks().xs(2020, level="year")
    assert texts(ax) == ["c000", "c001", "c002", "c003"]
    assert ax.yaxis_inverted()
    spans = [
        (low - 0.25, high + 0.25)
        for low, high in zip(table["rank_low"], table["rank_high"], strict=True)
    ]
    assert bars(ax.containers[0]) == spans
    assert ax.lines[0].get_xdata().tolist() == [1, 2, 3, 4]
    assert legend(ax) == ["weights of the sample", "95% of draws"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Rank, year 2020", "city")
    some = plots.rank_ribbon(actual, ["c003", "c001"], period=2020)
    assert texts(some) == ["c001", "c003"]
    assert some.lines[0].get_xdata().tolist() == [2, 4]


def test_a_single_period_and_a_cross_section_need_no_period():
    assert plots.rank_ribbon(ranked(3, (2021,))).get_xlabel() == "Rank, year 2021"
    assert plots.rank_ribbon(ranked(3, ())).get_xlabel() == "Rank"
    assert plots.rank_ribbon(ranked(3, among="pooled"), period=2020).get_xlabel() == (
        "Rank (among all rows), year 2020"
    )


def test_many_entities_show_how_far_they_move():
    actual = ranked(101)
    ax = plots.rank_ribbon(actual, period=2021)
    assert texts(ax) != [f"c{i:03d}" for i in range(101)]
    assert ax.get_xlabel() == "Rank, year 2021 (101 x city)"
    area = ax.collections[0].get_paths()[0].vertices
    assert (area[:, 1].min(), area[:, 1].max()) == (-1.0, 1.0)
    assert ax.get_ylabel() == "Change in rank (above 0: higher)"
    assert ax.get_xticks().tolist() == [1, 20, 40, 60, 80, 100]


def test_a_hundred_names_fit_on_a_page():
    ax = plots.rank_ribbon(ranked(100), period=2021)
    assert len(texts(ax)) == 100
    assert ax.figure.get_figheight() < 10
    names = ax.get_yticklabels()
    assert names[0].get_fontsize() >= 6
    ax.figure.draw_without_rendering()
    boxes = [name.get_window_extent() for name in names]
    pitch = abs(boxes[0].y0 - boxes[1].y0)
    assert max(box.height for box in boxes) < 1.25 * pitch


def test_ticks_are_round_and_few():
    assert entity_plots._rank_ticks(1) == [1]
    assert entity_plots._rank_ticks(8) == list(range(1, 9))
    assert entity_plots._rank_ticks(12) == [1, 3, 5, 7, 9, 11]
    assert entity_plots._rank_ticks(31) == [1, 5, 10, 15, 20, 25, 30]
    assert entity_plots._rank_ticks(2800)[:3] == [1, 500, 1000]


def test_labels_given_in_the_call_win(axes):
    actual = ranked(labels={"city": "City", "year": "Year"})
    ax = plots.rank_ribbon(actual, period=2021, labels={"city": "Town"})
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Rank, Year 2021", "Town")
    over_time = plots.rank_ribbon(actual, labels={"city": "Town"}, ax=axes)
    assert over_time is axes
    assert axes.get_legend().get_title().get_text() == "Town"


def test_spread_over_combinations():
    actual = varied()
    ax = plots.index_sensitivity(actual)
    spread = actual.spread()
    assert texts(ax) == ["c000", "c001", "c002", "c003"]
    outer, inner = (bars(c) for c in ax.containers)
    assert outer == [
        (a - 0.25, b + 0.25) for a, b in zip(spread["min"], spread["max"], strict=True)
    ]
    assert inner == [
        (a - 0.25, b + 0.25) for a, b in zip(spread["q25"], spread["q75"], strict=True)
    ]
    assert ax.lines[0].get_xdata().tolist() == [1, 2, 3, 4]
    assert legend(ax) == ["baseline", "all 4 combinations", "middle half"]
    assert ax.get_xlabel() == "Rank, year 2021"
    assert (
        plots.index_sensitivity(actual, period=2020).get_xlabel() == "Rank, year 2020"
    )
    assert plots.index_sensitivity(varied(periods=())).get_xlabel() == "Rank"
    many = plots.index_sensitivity(varied(101))
    assert len(many.collections) == 2


def test_impossible_combinations_are_not_drawn():
    actual = varied(problems=("", "", "why", ""), complete=((0,), (0, 1)))
    ax = plots.index_sensitivity(actual)
    assert legend(ax)[1] == "all 3 combinations"
    assert bars(ax.containers[0]) == [(r - 0.25, r + 0.25) for r in (1, 2, 3, 4)]
    with pytest.raises(InputTypeError, match="no combination is possible"):
        plots.index_sensitivity(varied(problems=("a",) * 4, complete=((), ())))


def test_shares_are_bars_of_alone_and_together():
    actual = varied(labels={"weighting": "Weights"})
    ax = plots.index_sensitivity(actual, show="shares")
    shares = actual.shares(overall=True)
    assert texts(ax) == ["Weights", "aggregate"]
    alone, more = (bars(c) for c in ax.containers)
    assert [end for _, end in alone] == pytest.approx(shares["first"].tolist())
    assert [start for start, _ in more] == pytest.approx(shares["first"].tolist())
    assert [end for _, end in more] == pytest.approx(shares["total"].tolist())
    assert legend(ax) == ["alone", "with other options"]
    with plots.figure_style("column", language="zh"):
        chinese = plots.index_sensitivity(varied(), show="shares")
    assert texts(chinese) == ["赋权方法", "合成方法"]
    assert [t.get_text() for t in ax.texts] == [f"{t:.0%}" for t in shares["total"]]
    assert ax.get_xlim() == (0, 1)
    held = varied(problems=("", "", "why", "why"), complete=((0,), (0, 1)))
    with_one = plots.index_sensitivity(held, show="shares")
    assert with_one.texts[0].get_text() == "one value only"
    with pytest.raises(IdentificationError, match="cannot be decomposed"):
        plots.index_sensitivity(varied(complete=((0,), (0,))), show="shares")
    assert plots.index_sensitivity(actual, show="shares", period="mean").get_xlim() == (
        0,
        1,
    )


@pytest.fixture
def series():
    rng = np.random.default_rng(1)
    index = index_of(30)
    return pd.Series(
        rng.normal(size=90) + np.tile([0, 1, 2], 30), index=index, name="digital"
    )


@pytest.mark.parametrize("rule", ["scott", "silverman"])
def test_ridges_are_scipys_densities_on_one_scale(series, rule):
    ax = plots.kernel_ridge(series, bandwidth=rule)
    kernels = [
        gaussian_kde(series.xs(t, level=1), bw_method=rule) for t in (2019, 2020, 2021)
    ]
    curves = [line for line in ax.lines if len(line.get_xdata()) > 2]
    x = curves[0].get_xdata()
    top = max(k(x).max() for k in kernels)
    for place, (curve, kernel) in enumerate(zip(curves, kernels, strict=True)):
        np.testing.assert_allclose(
            place - curve.get_ydata(),
            curve_plots._OVERLAP * kernel(x) / top,
            atol=1e-12,
        )
    h = [float(np.sqrt(k.covariance[0, 0])) for k in kernels]
    assert [t.get_text() for t in ax.texts] == [f"h = {v:.3g}, n = 30" for v in h]
    assert (
        ax.get_xlabel()
        == f"digital\nGaussian kernel, {rule.title()}'s bandwidth h by period"
    )
    assert texts(ax) == ["2019", "2020", "2021"]
    assert ax.yaxis_inverted()  # the first period on top
    ends = [
        (series.xs(t, level=1).min() - 3 * b, series.xs(t, level=1).max() + 3 * b)
        for t, b in zip((2019, 2020, 2021), h, strict=True)
    ]
    assert (x[0], x[-1]) == pytest.approx(
        (min(a for a, _ in ends), max(b for _, b in ends))
    )


def test_a_bandwidth_in_units_of_the_values(series):
    ax = plots.kernel_ridge(series * 1e4, bandwidth=2500)
    assert [t.get_text() for t in ax.texts] == ["h = 2,500, n = 30"] * 3
    assert ax.get_xlabel().endswith("bandwidth h = 2500 in every period")


def test_periods_are_chosen_and_gaps_are_counted(series):
    series.iloc[::3] = 1.0  # 2019 does not vary
    series.iloc[1] = np.nan
    ax = plots.kernel_ridge(series, periods=[2020, 2019])
    assert texts(ax) == ["2020", "2019"]
    assert ax.texts[0].get_text().endswith("n = 29")
    assert ax.texts[1].get_text() == "no density, n = 30"
    alone = series[series.index.get_level_values("city") == "c001"]
    with pytest.raises(InputTypeError, match="no density"):
        plots.kernel_ridge(alone)


def test_a_panel_brings_its_labels(series):
    frame = series.reset_index()
    panel = dp.Panel(
        frame, "city", "year", labels={"digital": "Digital economy", "year": "Year"}
    )
    ax = plots.kernel_ridge(panel, "digital")
    assert ax.get_xlabel().startswith("Digital economy\n")
    assert ax.get_ylabel() == "Year"
    assert (
        plots.kernel_ridge(panel, "digital", labels={"digital": "D"})
        .get_xlabel()
        .startswith("D\n")
    )


def test_bad_calls_are_refused(series):
    for function, maker in (
        (plots.rank_ribbon, "rank_probabilities"),
        (plots.index_sensitivity, "index_sensitivity"),
    ):
        with pytest.raises(
            InputTypeError, match=f"takes what {maker} returns, not Series"
        ):
            function(series)
    actual = ranked()
    with pytest.raises(OptionError, match="'x' is not in the sample"):
        plots.rank_ribbon(actual, ["c001", "x"])
    with pytest.raises(OptionError, match="is not in the sample"):
        plots.rank_ribbon(actual, [["c001"]])
    for entities in ("c001", []):
        with pytest.raises(InputTypeError, match="entities must be a list"):
            plots.rank_ribbon(actual, entities)
    with pytest.raises(OptionError, match="period=1999"):
        plots.rank_ribbon(actual, period=1999)
    with pytest.raises(OptionError, match="level="):
        plots.rank_ribbon(actual, level=95)
    with pytest.raises(OptionError, match="show="):
        plots.index_sensitivity(varied(), show="sobol")
    for labels in (["a"], "city"):
        with pytest.raises(InputTypeError, match="labels must be a mapping"):
            plots.rank_ribbon(actual, labels=labels)
    for bandwidth in ("sheather", 0, -1, True, np.inf, None):
        with pytest.raises(OptionError, match="bandwidth="):
            plots.kernel_ridge(series, bandwidth=bandwidth)
    with pytest.raises(OptionError, match="the data have '2019', '2020', '2021'"):
        plots.kernel_ridge(series, periods=[2022])
    with pytest.raises(OptionError, match="periods="):
        plots.kernel_ridge(series, periods=[])
    panel = dp.Panel(series.reset_index(), "city", "year")
    with pytest.raises(ColumnError, match="digtal"):
        plots.kernel_ridge(panel, "digtal")
    for data, column in (
        (panel, None),
        (series, "digital"),
        ([1, 2], None),
        (series.to_numpy(), None),
    ):
        with pytest.raises(InputTypeError, match="takes a Series indexed by"):
            plots.kernel_ridge(data, column)
    for data in (series.reset_index(drop=True), series.astype(str)):
        with pytest.raises(InputTypeError, match="needs numbers indexed by"):
            plots.kernel_ridge(data)


def everything(series, **options):
    return [
        plots.rank_ribbon(ranked(**options)),
        plots.rank_ribbon(ranked(**options), period=2021),
        plots.index_sensitivity(varied(**options)),
        plots.index_sensitivity(varied(**options), show="shares"),
        plots.kernel_ridge(series, labels=options.get("labels")),
    ]


def test_figures_lay_themselves_out_and_change_no_setting(series):
    before = dict(mpl.rcParams)
    for ax in everything(series):
        assert (
            ax.figure.get_layout_engine().__class__.__name__
            == "ConstrainedLayoutEngine"
        )
        assert not ax.spines["top"].get_visible()
    assert dict(mpl.rcParams) == before


def test_given_axes_are_used(series, axes):
    size = axes.figure.get_size_inches().tolist()
    assert plots.rank_ribbon(ranked(), period=2021, ax=axes) is axes
    axes.clear()
    assert plots.index_sensitivity(varied(), ax=axes) is axes
    axes.clear()
    assert plots.index_sensitivity(varied(), show="shares", ax=axes) is axes
    axes.clear()
    assert plots.kernel_ridge(series, ax=axes) is axes
    assert axes.figure.get_size_inches().tolist() == size


@pytest.mark.further
def test_chinese_labels_have_glyphs(series, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        font = chinese_font()
    if font is None:
        pytest.skip("no font with Chinese characters on this machine")
    zh = {"city": "城市", "year": "年份", "digital": "数字经济", "weighting": "权重"}
    for ax in everything(series, labels=zh):
        # a missing glyph warns, and warnings are errors
        ax.figure.savefig(tmp_path / "f.png")
        assert ax.xaxis.label.get_fontfamily() == ["sans-serif", font]
    assert mpl.rcParams["font.family"] == ["sans-serif"]


def test_a_missing_extra_names_its_cure(series, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    for name, call in {
        "rank_ribbon": lambda: plots.rank_ribbon(ranked()),
        "index_sensitivity": lambda: plots.index_sensitivity(varied()),
        "kernel_ridge": lambda: plots.kernel_ridge(series),
    }.items():
        with pytest.raises(
            ImportError,
            match=rf'plots.{name} needs matplotlib: pip install "\.\[plot\]"',
        ):
            call()


@pytest.mark.further
def test_importing_loads_no_matplotlib():
    code = (
        "import sys, digiprosper.present.entity_plots\n"
        "print(sorted({'matplotlib', 'scipy.stats'} & set(sys.modules)))"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert out.stdout.strip() == "[]"


@pytest.mark.further
def test_real_results_are_drawn():
    from digiprosper.composite.rankings import index_sensitivity, rank_probabilities

    states = dp.datasets.us_states().assign(
        roads="I(hwy / emp)", pipes="I(water / emp)"
    )
    spec = dp.CompositeIndex(
        dp.IndicatorSystem.from_dict({"": {"roads": "+", "pipes": "+"}})
    )
    actual = rank_probabilities(spec, states, rng=1)
    assert legend(plots.rank_ribbon(actual))[0] == "WY"
    assert len(texts(plots.rank_ribbon(actual, period=1986))) == 48
    grid = {"weighting": ["entropy", "equal"], "aggregate": ["linear", "topsis"]}
    ax = plots.index_sensitivity(index_sensitivity(spec, states, over=grid))
    assert len(texts(ax)) == 48
    assert len(plots.kernel_ridge(spec.fit(states).scores).texts) == 17


def test_complex_values_have_no_density():
    values = pd.Series(np.arange(4) + 1j, index=index_of(2, (2019, 2020)))
    with pytest.raises(InputTypeError, match="needs numbers"):
        plots.kernel_ridge(values)


pytest.importorskip("matplotlib")
POINTS = pd.DataFrame(
    {"value": [1.0, 0.5, -1.0, -0.5], "spatial_lag": [0.4, -0.2, -0.3, 0.1]},
    index=list("abcd"),
)
DRAWN = MoranScatter(
    variable="Income",
    period="2020",
    weights="W: row-standardised",
    points=POINTS,
    quadrants=[("High-high", 1), ("High-low", 1), ("Low-low", 1), ("Low-high", 1)],
    slope=0.22,
    statistic=-0.22,
    p_value=0.0004,
)


def test_points_line_quadrants_and_texts() -> None:
    ax = draw_moran_scatter(DRAWN, None, names=True)
    horizontal, vertical, points, line = ax.get_lines()
    assert (horizontal.get_ydata()[0], vertical.get_xdata()[0]) == (0, 0)
    np.testing.assert_array_equal(points.get_xydata(), POINTS.to_numpy())
    assert line.get_slope() == 0.22
    assert ax.get_title() == "Moran's I in 2020: −0.220 (p < 0.001, randomisation)"
    assert ax.get_xlabel() == "Income, standardised"
    assert ax.get_ylabel() == "Spatial lag\nW: row-standardised"
    texts = {text.get_text(): text for text in ax.texts}
    assert set(texts) == {
        *"abcd",
        "High-high (1)",
        "High-low (1)",
        "Low-low (1)",
        "Low-high (1)",
    }
    # Each quadrant is named in its corner.
    for name, right, top in (
        ("High-high", 1, 1),
        ("High-low", 1, 0),
        ("Low-low", 0, 0),
        ("Low-high", 0, 1),
    ):
        x, y = texts[f"{name} (1)"].get_position()
        assert (x > 0.5, y > 0.5) == (right, top)


def test_names_are_left_out_on_request_and_of_many() -> None:
    ax = draw_moran_scatter(DRAWN, None, names=False)
    assert len(ax.texts) == 4
    many = pd.DataFrame({"value": np.zeros(61), "spatial_lag": np.zeros(61)})
    ax = draw_moran_scatter(replace(DRAWN, points=many, period=""), None, names=True)
    assert len(ax.texts) == 4
    assert ax.get_title().startswith("Moran's I: ")
    assert ax.get_xlabel() == "Income, standardised"


@pytest.mark.parametrize("count", [12, 50])
def test_every_point_has_a_name_inside_the_axes_or_is_listed(count: int) -> None:
    rng = np.random.default_rng(count)
    points = pd.DataFrame(
        rng.normal(0, 0.2, (count, 2)),
        [f"entity {number}" for number in range(count)],
        ["value", "spatial_lag"],
    )
    with plots.figure_style("column"):
        ax = draw_moran_scatter(replace(DRAWN, points=points), None, names=True)
        ax.figure.canvas.draw()
    named = [text for text in ax.texts if text.get_text() in points.index]
    frame = ax.get_window_extent()
    for text in named:
        box = Text.get_window_extent(text)
        assert frame.x0 - 9 < box.x0
        assert box.x1 < frame.x1 + 9
    *_, listed = ax.get_xlabel().split("\n")
    lost = count - len(named)
    if lost > 5:
        assert listed == f"{lost} entities not named"
    elif lost:
        names = listed.removeprefix("not named: ").split(", ")
        assert {*names, *(text.get_text() for text in named)} == set(points.index)
    else:
        assert listed == "Income, standardised"


def test_axes_that_are_given_are_used() -> None:
    first = draw_moran_scatter(DRAWN, None, names=True)
    assert draw_moran_scatter(DRAWN, first, names=True) is first
