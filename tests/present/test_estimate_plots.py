"""Figures of estimates: what they show is what the results say."""

from __future__ import annotations

import subprocess
import sys
import warnings
from dataclasses import replace
from itertools import pairwise
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper import plots
from digiprosper.errors import (
    ColumnError,
    DigiprosperWarning,
    IdentificationError,
    InputTypeError,
    OptionError,
    PanelIndexError,
)
from digiprosper.present.estimate_plots import (
    draw_balance,
    draw_decay,
    draw_event_paths,
    draw_specification_curve,
)
from digiprosper.present.figure_style import chinese_font
from digiprosper.report.collection import ResultSet
from digiprosper.report.drawings import (
    Balance,
    Choice,
    Decay,
    EventPath,
    EventPaths,
    SpecificationCurve,
)

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


@pytest.fixture
def make_map(make_fit, make_threshold):
    """Threshold results with chosen regimes: a number a period for each entity.

    None where it has no row.
    """

    def make(
        cells,
        estimates=(0.53,),
        times=(2001, 2002, 2003, 2004),
        labels=None,
        keys=("city", "year"),
    ):
        entities = pd.Index(list(cells))
        there = [
            (i, t, r)
            for i, row in enumerate(cells.values())
            for t, r in enumerate(row)
            if r
        ]
        entity, time, codes = np.array(there).T
        fit = make_fit({"a": (1, 1, 1)}, labels or {})
        fit.index = pd.MultiIndex(
            [entities, pd.Index(times)], [entity, time], names=keys
        )
        fit.key_names = keys
        sizes = np.bincount(codes - 1, minlength=len(estimates) + 1)
        actual = make_threshold(fit, estimates)
        regime_sizes = np.column_stack([sizes, sizes])
        return replace(actual, regime_codes=codes, regime_sizes=regime_sizes)

    return make


def legend(ax) -> list[str]:
    """Texts of the legend, as they are read: line by line."""
    ax.figure.canvas.draw()
    texts = ax.get_legend().get_texts()
    places = {text: text.get_window_extent() for text in texts}
    by_line = sorted(texts, key=lambda t: (-round(places[t].y0), places[t].x0))
    return [text.get_text() for text in by_line]


def shown(ax) -> list[list[float]]:
    (image,) = ax.images
    return image.get_array().filled(0).tolist()


def texts(ax) -> list[str]:
    return [label.get_text() for label in ax.get_yticklabels()]


def drawn(ax):
    """(x, y, left, right, marker, label) of every model."""
    actual = []
    for container in ax.containers:
        points, _, (bars,) = container.lines
        low, high = np.array([s[:, 0] for s in bars.get_segments()]).reshape(-1, 2).T
        actual.append(
            (*points.get_data(), low, high, points.get_marker(), container.get_label())
        )
    return actual


def test_estimates_and_intervals_are_those_of_the_fit(make_fit):
    fit = make_fit({"a": (1.0, 0.5, 0.1), "b": (-2.0, 0.25, 0.1)}, {"a": "Label of a"})
    ax = plots.coefficients(fit)
    ((x, y, low, high, _, _),) = drawn(ax)
    assert x.tolist() == [1.0, -2.0]
    assert y.tolist() == [0.0, 1.0]
    assert ax.yaxis_inverted()  # the first term is on top
    np.testing.assert_allclose(low, [0.0, -2.5])
    np.testing.assert_allclose(high, [2.0, -1.5])
    assert texts(ax) == ["Label of a", "b"]
    assert ax.get_xlabel() == "Estimate and 95% confidence interval"
    assert ax.get_legend() is None
    assert any(
        list(line.get_xdata()) == [0, 0] and line.get_linestyle() == "--"
        for line in ax.lines
    )


def test_the_intercept_has_its_name_in_chinese():
    fit = dp.FixedEffects(
        "unemp", ["log(emp)"], entity_effects=False, time_effects=False
    ).fit(dp.datasets.us_states())
    with plots.figure_style("column", language="zh"):
        assert "常数项" in texts(plots.coefficients(fit))
        named = plots.coefficients(fit, labels={"Intercept": "截距"})
        assert "截距" in texts(named)


def test_the_level_reaches_the_interval(make_fit):
    ax = plots.coefficients(make_fit({"a": (1.0, 0.5, 0.1)}), level=0.5)
    np.testing.assert_allclose(drawn(ax)[0][2:4], [[0.75], [1.25]])
    assert ax.get_xlabel() == "Estimate and 50% confidence interval"


def test_an_estimate_outside_its_interval_is_drawn_beside_it(make_fit):
    # Percentiles of draws need not enclose the estimate.
    fit = make_fit(
        {"a": (1.0, 0.5, 0.1), "b": (-2.0, 0.25, 0.1), "c": (0.5, 0.25, 0.1)}
    )
    low, high = [1.5, -3.0, 0.0], [2.0, -2.5, 1.0]
    frame = fit.tidy().assign(conf_low=low, conf_high=high)
    fit.tidy = lambda level: frame
    ax = plots.coefficients(fit)
    ((x, y, left, right, marker, _),) = drawn(ax)
    assert (x.tolist(), y.tolist(), marker) == ([1.0, -2.0, 0.5], [0.0, 1.0, 2.0], "o")
    assert (left.tolist(), right.tolist()) == (low, high)
    for term, inner, outer in (("a", 1.0, 2.0), ("b", -3.0, -2.0)):
        left, right = plots.coefficients(fit, keep=term).get_xlim()
        assert left < inner
        assert right > outer


def test_models_differ_in_marker_and_height_and_are_named(one_way, two_way):
    failed = IdentificationError("absorbed")
    ax = plots.coefficients(
        ResultSet((("Base", one_way), ("More", two_way), ("Area", failed)))
    )
    base, more = drawn(ax)
    assert base[4] != more[4]
    assert base[1][0] < more[1][0]
    assert more[0].tolist() == [0.1034, -0.04]
    legend = [t.get_text() for t in ax.get_legend().get_texts()]
    assert legend == ["Base", "More", "Area (not estimated)"]
    named = plots.coefficients({"A": one_way, "B": two_way})
    assert [t.get_text() for t in named.get_legend().get_texts()] == ["A", "B"]


def test_a_row_has_no_gaps_for_models_that_do_not_have_it(make_fit):
    both, lagged = make_fit({"a": (1.0, 0.5, 0.1)}), make_fit({"b": (1.0, 0.5, 0.1)})
    models = {"1": both, "2": both, "lagged": lagged, "4": both, "5": both}
    heights = {
        label: y.tolist() for _, y, _, _, _, label in drawn(plots.coefficients(models))
    }
    assert heights["lagged"] == [1.0]
    others = [heights[name][0] for name in ("1", "2", "4", "5")]
    np.testing.assert_allclose(np.diff(others), np.diff(others)[0])
    assert np.isclose(sum(others), 0.0)
    assert others[0] < others[1]


def test_a_legend_of_several_lines_is_read_line_by_line(make_fit):
    fits = [make_fit({"a": (float(n), 0.5, 0.1)}) for n in range(5)]
    ax = plots.coefficients(fits)
    assert legend(ax) == [f"({n})" for n in range(1, 6)]


def test_the_legend_is_above_in_both_languages(one_way, two_way):
    for heads in (["甲", "乙"], ["A rather long name of a model", "Another long name"]):
        ax = plots.coefficients(dict(zip(heads, (one_way, two_way), strict=True)))
        ax.figure.canvas.draw()
        assert ax.get_legend().get_window_extent().y0 >= ax.bbox.y1


def test_a_model_without_the_terms_shown_takes_no_room(one_way, two_way, make_fit):
    failed, other = IdentificationError("absorbed"), make_fit({"x": (1.0, 1.0, 0.1)})
    models = {
        "Area": failed,
        "Base": one_way,
        "Other": other,
        "Same": one_way,
        "More": two_way,
    }
    ax = plots.coefficients(models, keep="digital")
    places = [y.tolist() for _, y, *_ in drawn(ax)]
    assert places == [
        y.tolist()
        for _, y, *_ in drawn(
            plots.coefficients([one_way, one_way, two_way], keep="d*")
        )
    ]
    assert legend(ax) == [
        "Area (not estimated)",
        "Base",
        "Other (none of these terms)",
        "Same",
        "More",
    ]
    alone = plots.coefficients({"Base": one_way, "Other": other}, keep="digital")
    assert drawn(alone)[0][1].tolist() == [0.0]


def test_what_is_missing_has_no_line(make_fit):
    fit = make_fit({"a": (1.0, 1.0, 0.1), "b": (np.nan, np.nan, np.nan)})
    assert texts(plots.coefficients(fit)) == ["a"]
    with pytest.raises(InputTypeError, match="no estimates to draw"):
        plots.coefficients(fit, keep="b")


def test_terms_are_chosen_and_labelled(make_fit, make_threshold):
    fit = make_fit(dict.fromkeys(["digital", "I(digital**2)", "edu"], (1, 1, 1)))
    ax = plots.coefficients(
        fit, keep="*digital*", drop=["digital"], labels={"digital": "D"}
    )
    assert texts(ax) == ["D²"]
    slopes = make_fit({"digital:regime1": (1, 1, 1), "digital:regime3": (1, 1, 1)})
    assert texts(plots.coefficients(make_threshold(slopes))) == [
        "digital (urban ≤ 0.53)",
        "digital (urban > 0.61)",
    ]
    with pytest.raises(
        ColumnError, match=r"plots.coefficients: keep matches no term 'x'"
    ):
        plots.coefficients(fit, keep=["x"])


def test_terms_with_one_label_share_a_line(make_fit, by_regime):
    now, before = (
        make_fit({"digital": (1, 1, 1)}),
        make_fit({"lag(digital)": (2, 1, 1)}),
    )
    labels = {"digital": "Digital economy", "lag(digital)": "Digital economy"}
    ax = plots.coefficients([now, before], labels=labels)
    assert texts(ax) == ["Digital economy"]
    assert [float(model[0][0]) for model in drawn(ax)] == [1.0, 2.0]
    ax = plots.coefficients([by_regime("urban"), by_regime("internet")])
    assert texts(ax) == [
        f"digital ({v} {sign} 0.5)"
        for v in ("urban", "internet")
        for sign in ("≤", ">")
    ]


@pytest.fixture
def by_regime(make_fit, make_threshold):
    slopes = {f"digital:regime{i}": (i, 0.1, 0.5) for i in (1, 2)}
    return lambda variable: replace(
        make_threshold(make_fit(slopes), (0.5,), bootstrap=()),
        threshold_variable=variable,
    )


def test_bad_calls_are_refused(one_way, two_way, make_threshold):
    for level in (0, 1, 95, "a", True):
        with pytest.raises(OptionError, match="level="):
            plots.coefficients(one_way, level=level)
    for nothing in (
        [],
        [IdentificationError("absorbed")],
        pd.DataFrame({"b": [1]}),
        [one_way, pd.DataFrame({"b": [1]})],
    ):
        with pytest.raises(InputTypeError, match=r"plots.coefficients"):
            plots.coefficients(nothing)
    with pytest.raises(
        InputTypeError,
        match=r"Fit has no thresholds; pass what PanelThreshold.fit returns",
    ):
        plots.lr_profile(one_way)
    for number in (0, 3, True, "1"):
        with pytest.raises(OptionError, match="threshold="):
            plots.lr_profile(make_threshold(two_way), number)


def test_what_has_no_regimes_over_time_is_refused(one_way, make_map):
    with pytest.raises(
        InputTypeError,
        match=r"regime_map: Fit has no thresholds; pass what PanelThreshold",
    ):
        plots.regime_map(one_way)
    actual = make_map({"a": [1, 1, 2, 2]})
    for order in ("crossing", True, ["name"]):
        with pytest.raises(OptionError, match=r"order=.*None, 'name', 'first'"):
            plots.regime_map(actual, order=order)
    with pytest.raises(
        InputTypeError, match=r"plots.regime_map: labels must be a mapping"
    ):
        plots.regime_map(actual, labels=["a"])
    actual.slopes.key_names = ("city", None)
    with pytest.raises(
        PanelIndexError, match=r"plots.regime_map: .* this is a cross-section"
    ):
        plots.regime_map(actual)


def test_the_map_shows_every_regime_where_it_was(make_map):
    cells = {"a": [1, 1, 1, 2], "b": [1, 2, 2, 2], "c": [1, 1, 1, 1], "d": [1, 2, 1, 2]}
    ax = plots.regime_map(make_map(cells))
    assert texts(ax) == ["b", "d", "a", "c"]
    assert shown(ax) == [cells[name] for name in texts(ax)]
    assert [t.get_text() for t in ax.get_xticklabels()] == [
        "2001",
        "2002",
        "2003",
        "2004",
    ]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("year", "city")
    assert legend(ax) == ["urban ≤ 0.53 (10 rows)", "urban > 0.53 (6 rows)"]
    assert ax.yaxis_inverted()  # the first row is on top


def test_entities_stand_in_the_order_asked_for(make_map):
    cells = {
        "late": [1, 2, 2, 3],
        "never": [2, 2, 2, 2],
        "fell": [1, 3, 1, 1],
        "low": [1, 1, 2, 2],
        "high": [2, 2, 3, 3],
        "low too": [1, 1, 2, 2],
    }
    actual = make_map(cells, (0.61, 0.53))
    assert texts(plots.regime_map(actual)) == [
        "high",
        "late",
        "never",
        "fell",
        "low",
        "low too",
    ]
    by_first = plots.regime_map(actual, order="first")
    assert texts(by_first) == ["fell", "high", "late", "never", "low", "low too"]
    assert shown(by_first) == [cells[name] for name in texts(by_first)]
    assert texts(plots.regime_map(actual, order="name")) == list(cells)
    assert legend(by_first)[1] == "0.53 < urban ≤ 0.61 (12 rows)"


def test_regimes_darken_from_low_to_high_and_none_is_the_blank(make_map):
    ax = plots.regime_map(
        make_map({"a": [1, 2, 3, 3], "b": [1, 1, 2, 2]}, (0.61, 0.53))
    )
    (image,) = ax.images
    colours = [image.cmap(image.norm(r)) for r in (1, 2, 3)]
    weights = np.array([0.2126, 0.7152, 0.0722])
    light = [float(np.array(c[:3]) ** 2.2 @ weights) for c in colours]
    assert light[0] > light[1] + 0.2 > light[2] + 0.3
    assert light[0] < 0.85
    handles = ax.get_legend().legend_handles
    np.testing.assert_allclose([h.get_facecolor() for h in handles], colours)


def test_what_is_not_in_the_sample_is_blank_and_does_not_count(make_map):
    # Nobody has a row in 2003, so that it has no column.
    cells = {"a": [1, 1, None, 2], "b": [None, None, None, 2], "c": [1, None, None, 1]}
    ax = plots.regime_map(make_map(cells))
    assert texts(ax) == ["b", "a", "c"]
    assert shown(ax) == [[0, 0, 2], [1, 1, 2], [1, 0, 1]]
    assert [t.get_text() for t in ax.get_xticklabels()] == ["2001", "2002", "2004"]
    assert legend(ax)[-1] == "not in the sample (3)"
    assert ax.images[0].cmap(np.ma.masked)[3] == 0
    assert texts(plots.regime_map(make_map(cells), order="first")) == ["a", "b", "c"]


@pytest.mark.further
def test_many_entities_and_periods_stay_readable(make_map):
    cells = {
        f"firm {i:03d}": [1 + (i % 7 > t % 8) for t in range(40)] for i in range(61)
    }
    actual = make_map(cells, times=pd.date_range("1981-01-01", periods=40, freq="YS"))
    ax = plots.regime_map(actual)
    assert texts(ax) == []
    assert ax.get_ylabel() == "city (61)"
    ticks = [t.get_text() for t in ax.get_xticklabels()]
    assert ticks[:2] == ["1981-01-01", "1988-01-01"]  # more would overlap
    assert len(ticks) == 6
    assert np.isin(shown(ax), [1, 2]).all()
    fewer = plots.regime_map(make_map(dict(list(cells.items())[:60]), times=range(40)))
    assert len(texts(fewer)) == 60
    assert fewer.get_ylabel() == "city"
    heights = [p.figure.get_size_inches()[1] for p in (ax, fewer)]
    assert heights[0] < heights[1] < 14


def test_a_map_without_a_threshold_says_so(make_map):
    ax = plots.regime_map(
        make_map({"a": [1, 1, 1, 1], "b": [1, 1, 1, 1]}, estimates=()), order="first"
    )
    assert legend(ax) == ["no threshold in urban (8 rows)"]
    assert texts(ax) == ["a", "b"]


def test_labels_given_in_the_call_win_in_a_map(make_map):
    actual = make_map(
        {"a": [1, 1, 2, 2]}, labels={"urban": "Urban share", "city": "City"}
    )
    ax = plots.regime_map(actual, labels={"urban": "Cities"})
    assert legend(ax)[0] == "Cities ≤ 0.53 (2 rows)"
    assert ax.get_ylabel() == "City"


def with_steps(estimated, threshold: int) -> list[tuple[float, float]]:
    """Continue the pieces of a set to the next candidate, as the line does."""
    sets, gamma = estimated.confidence_set(threshold), estimated.candidates
    assert sets[0][0] == sets[0][1]  # a single candidate
    return [(low, gamma[np.searchsorted(gamma, high) + 1]) for low, high in sets]


@pytest.mark.further
def test_the_profile_is_drawn_with_its_set_piece_by_piece(make_fit, make_threshold):
    results = make_threshold(make_fit({"a": (1, 1, 1)}, {"urban": "Urban share"}))
    ax = plots.lr_profile(results, 2)
    lines = {line.get_label(): line for line in ax.lines}
    profile = results.profile(2)
    np.testing.assert_array_equal(lines["LR(γ)"].get_xdata(), profile["gamma"])
    np.testing.assert_array_equal(lines["LR(γ)"].get_ydata(), profile["lr"])
    critical = lines["95% critical value 7.35 (homoskedastic)"]
    np.testing.assert_allclose(critical.get_ydata(), -2 * np.log(1 - np.sqrt(0.95)))
    assert critical.get_linestyle() == "--"
    assert lines["Estimate 0.53"].get_xydata().tolist() == [[0.53, 0.0]]
    pieces = [(p.get_x(), p.get_x() + p.get_width()) for p in ax.patches]
    np.testing.assert_allclose(pieces, with_steps(results, 2))
    assert next(p.get_label() for p in ax.patches) == "95% confidence set"
    assert ax.get_xlabel() == "Urban share (γ)"
    assert ax.get_ylabel() == "Likelihood ratio, threshold 2"
    assert ax.get_ylim()[0] == 0
    ax.figure.draw_without_rendering()
    assert not ax.get_legend().get_window_extent().overlaps(ax.bbox)
    alone = plots.lr_profile(make_threshold(make_fit({"a": (1, 1, 1)}), (0.5,)))
    assert alone.get_ylabel() == "Likelihood ratio"


@pytest.mark.parametrize("rule", ["<=", "<"])
def test_the_profile_is_interrupted_where_there_is_no_candidate(
    make_fit, make_threshold, rule
):
    actual = make_threshold(make_fit({"a": (1, 1, 1)}), rule=rule)
    profiles = actual.profiles.copy()
    profiles[1, 18:25] = np.inf  # around threshold 1, which is 0.61
    actual = replace(actual, profiles=profiles)
    ax = plots.lr_profile(actual, 2)
    line = next(line for line in ax.lines if line.get_label() == "LR(γ)")
    x, y = line.get_data()
    np.testing.assert_array_equal(x, actual.candidates)
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(y)), range(18, 25))
    np.testing.assert_array_equal(y[~np.isnan(y)], actual.profile(2)["lr"])


def test_the_critical_value_is_that_of_the_confidence_asked_for(
    make_fit, make_threshold
):
    fitted = make_threshold(make_fit({"a": (1, 1, 1)}), (0.5,))
    rising = np.linspace(5, 24.5, 40)[None, :]
    scaled = replace(fitted, confidence="scaled", variance_ratios=np.array([2.0]))
    drawn = replace(fitted, confidence="bootstrap", lr_bounds=rising)
    for results, text in ((scaled, " 14.70 (scaled)"), (drawn, "s (bootstrap)")):
        ax = plots.lr_profile(results)
        line = next(x for x in ax.lines if x.get_label() == f"95% critical value{text}")
        np.testing.assert_array_equal(line.get_ydata(), results.profile(1)["critical"])
        pieces = [(p.get_x(), p.get_x() + p.get_width()) for p in ax.patches]
        np.testing.assert_allclose(pieces, with_steps(results, 1))
        assert pieces != with_steps(fitted, 1)


def test_given_axes_are_used_as_they_are(one_way, two_way, make_threshold, axes, zh):
    one_way.labels = zh
    assert plots.coefficients(one_way, ax=axes) is axes
    assert axes.get_yticklabels()[0].get_fontfamily() == mpl.rcParams["font.family"]
    assert plots.lr_profile(make_threshold(two_way), ax=axes) is axes


def test_a_map_is_drawn_on_given_axes(make_map, axes):
    size = axes.figure.get_size_inches().tolist()
    assert plots.regime_map(make_map({"省": [1, 1, 2, 2]}), ax=axes) is axes
    assert axes.get_yticklabels()[0].get_fontfamily() == mpl.rcParams["font.family"]
    assert axes.figure.get_size_inches().tolist() == size


def test_a_new_figure_lays_itself_out_and_changes_no_setting(
    one_way, make_threshold, make_map
):
    from matplotlib import pyplot as plt

    before = dict(mpl.rcParams)
    actual = make_map({"a": [1, 1, 2, 2]})
    drawings = (
        plots.coefficients(one_way),
        plots.lr_profile(make_threshold(one_way)),
        plots.regime_map(actual),
    )
    for ax in drawings:
        assert (
            ax.figure.get_layout_engine().__class__.__name__
            == "ConstrainedLayoutEngine"
        )
    assert dict(mpl.rcParams) == before
    assert len(plt.get_fignums()) == 3


@pytest.mark.further
def test_chinese_labels_have_glyphs_and_so_has_the_minus(
    make_fit, make_threshold, make_map, zh, tmp_path
):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        font = chinese_font()
    if font is None:
        pytest.skip("no font with Chinese characters on this machine")
    fit = make_fit({"digital": (-1.0, 0.5, 0.1), "I(digital**2)": (1, 0.5, 0.1)}, zh)
    actual = make_map(
        {"北京": [1, 1, 2, 2], "上海": [1, 2, 2, 2]},
        labels=zh,
        keys=("province", "year"),
    )
    drawings = [
        plots.coefficients({"基准": fit, "稳健": fit}),
        plots.lr_profile(make_threshold(fit)),
    ]
    for ax in [*drawings, plots.regime_map(actual)]:
        # a missing glyph warns, and warnings are errors
        ax.figure.savefig(tmp_path / "f.png")
        assert ax.xaxis.label.get_fontfamily() == ["sans-serif", font]
        assert all(
            t.get_fontfamily() == ["sans-serif", font] for t in ax.get_yticklabels()
        )
    assert mpl.rcParams["font.family"] == ["sans-serif"]
    plain = plots.coefficients(make_fit({"digital": (1, 1, 1)}))
    assert plain.xaxis.label.get_fontfamily() == ["sans-serif"]


def test_real_fits_are_drawn():
    panel = dp.datasets.us_states()
    fits = dp.stepwise(
        dp.FixedEffects("log(gsp)", ["log(pcap)", "log(pc)"]), panel, ["unemp"]
    )
    ax = plots.coefficients(fits)
    assert texts(ax)[-1] == "Unemployment rate (%)"
    spec = dp.PanelThreshold(
        "log(gsp)", "log(pcap)", "unemp", ["log(pc)"], bootstrap=None
    )
    results = spec.fit(panel)
    ax = plots.lr_profile(results)
    assert ax.get_xlabel() == "Unemployment rate (%) (γ)"
    assert len(ax.patches) == len(results.confidence_set(1))
    ax = plots.regime_map(results)
    assert sum(row.count(1) for row in shown(ax)) == results.regimes.loc[1, "nobs"]
    assert len(texts(ax)) == 48


def test_a_missing_extra_names_its_cure(one_way, make_threshold, make_map, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(
        ImportError,
        match=r'plots.coefficients needs matplotlib: pip install "\.\[plot\]"',
    ):
        plots.coefficients(one_way)
    with pytest.raises(ImportError, match=r"plots.lr_profile needs matplotlib"):
        plots.lr_profile(make_threshold(one_way))
    with pytest.raises(ImportError, match=r"plots.regime_map needs matplotlib"):
        plots.regime_map(make_map({"a": [1, 1, 2, 2]}))


@pytest.mark.further
def test_importing_plots_loads_no_matplotlib():
    code = (
        "import sys, digiprosper.present.estimate_plots, digiprosper.present.tables\n"
        "print(sorted({'matplotlib', 'docx', 'openpyxl', 'maketables'} & "
        "set(sys.modules)))"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert out.stdout.strip() == "[]"


@pytest.mark.many(1)
@pytest.mark.parametrize(("periods", "named"), [(16, 16), (17, 9)])
def test_a_map_names_up_to_sixteen_periods(make_map, periods, named):
    cells = {"a": [1 + (t > 5) for t in range(periods)], "b": [1] * periods}
    ax = plots.regime_map(make_map(cells, times=range(periods)))
    assert len(ax.get_xticklabels()) == named


def drawn_test(statistic: float) -> dp.TestResult:
    draws = np.random.default_rng(0).normal(size=199)
    detail = {"term": "policy"}
    return dp.TestResult(
        "Placebo test", statistic, "permutation", None, 0.015, "none", detail, draws
    )


@pytest.mark.parametrize(
    ("estimated", "printed", "place"),
    [(2.5, "2.5", 0.02), (-2.5, "−2.5", 0.98), (-5.812e-5, "−0.00005812", 0.02)],
)
def test_draws_and_the_data_are_drawn_with_p_in_the_corner(estimated, printed, place):
    test = drawn_test(estimated)
    ax = plots.placebo(test)
    lines = {line.get_label(): line for line in ax.lines}
    assert lines[f"the data: {printed}"].get_xdata()[0] == estimated
    assert "199 draws" in lines
    (text,) = ax.texts
    assert (text.get_text(), text.get_position()[0]) == ("p = 0.0150", place)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Estimate of policy", "Density")
    strokes = next(line for line in ax.lines if line.get_marker() == "|")
    np.testing.assert_array_equal(strokes.get_xdata(), test.draws)


def test_draws_are_drawn_on_given_axes():
    import matplotlib.pyplot as plt

    axes = plt.figure().add_subplot()
    assert plots.placebo(drawn_test(1.0), ax=axes) is axes


@pytest.mark.parametrize(
    "test", [None, 1.0, np.ones(9), replace(drawn_test(1.0), draws=None)]
)
def test_what_has_no_draws_is_refused(test):
    with pytest.raises(InputTypeError, match="placebo_test returns"):
        plots.placebo(test)


def test_labels_name_models_too(one_way, two_way):
    ax = plots.coefficients(
        {"base": one_way, "more": two_way},
        labels={"base": "Baseline", "digital": "Digital"},
    )
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "Baseline",
        "more",
    ]


pytest.importorskip("matplotlib")


def drawn_of_balance() -> Balance:
    names = ["Size", "Industry's share of output at constant prices"]
    points = pd.DataFrame({"label": names, "before": [0.8, 0.3], "after": [0.02, 0.15]})
    return Balance(points, 0.1)


def test_points_lines_and_names() -> None:
    ax = draw_balance(drawn_of_balance(), None)
    zero, limit, before, after = ax.get_lines()
    assert (zero.get_xdata()[0], limit.get_xdata()[0]) == (0, 0.1)
    assert before.get_xdata().tolist() == [0.8, 0.3]
    assert after.get_xdata().tolist() == [0.02, 0.15]
    assert before.get_markerfacecolor() == "white"
    assert before.get_ydata().tolist() == [1, 0]
    names = [text.get_text() for text in ax.get_yticklabels()]
    assert names[0] == "Size"
    assert names[1].count("\n") == 1
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "Before matching",
        "After matching",
    ]


def test_it_draws_where_it_is_told() -> None:
    from matplotlib import pyplot as plt

    _, ax = plt.subplots()
    assert draw_balance(drawn_of_balance(), ax) is ax


def path(head: str = "", times: range = range(-3, 3)) -> EventPath:
    estimate = np.where(np.array(times) == -1, 0.0, np.array(times) / 10)
    half = np.where(np.array(times) == -1, np.nan, 0.2)
    frame = pd.DataFrame({"time": list(times), "estimate": estimate})
    frame = frame.assign(
        conf_low=estimate - half, conf_high=estimate + half, n_treated=1200
    )
    return EventPath(head, frame, -1)


def paths(
    *drawn: EventPath, outcome: str = "Output", ticks: dict[int, str] | None = None
) -> EventPaths:
    times = sorted({time for one in drawn for time in one.points["time"]})
    return EventPaths(
        drawn, {time: str(time) for time in times} | (ticks or {}), outcome, 0.95
    )


REFERENCE = "reference, 0 by construction"


def test_estimates_intervals_reference_and_lines() -> None:
    ax = draw_event_paths(paths(path(), ticks={-3: "≤ -3"}), None, counts=False)
    zero, policy, estimates, reference, _ = ax.get_lines()
    assert zero.get_ydata()[0] == 0
    assert policy.get_xdata()[0] == -0.5
    assert policy.get_linestyle() == "--"
    assert estimates.get_xdata().tolist() == [-3, -2, 0, 1, 2]
    assert reference.get_xdata()[0] == -1
    assert reference.get_markerfacecolor() == "white"
    segments = ax.collections[0].get_segments()
    np.testing.assert_allclose(segments[0], [[-3, -0.5], [-3, -0.1]])
    assert [t.get_text() for t in ax.get_xticklabels()] == [
        "≤ −3",
        "−2",
        "−1",
        "0",
        "1",
        "2",
    ]
    assert ax.get_ylabel() == "Output\nEstimate and 95% confidence interval"
    assert legend(ax) == [REFERENCE]


def test_a_joint_band_is_thin_beside_the_intervals_and_named() -> None:
    banded = path()
    banded.points["band_low"] = banded.points["conf_low"] - 0.3
    banded.points["band_high"] = banded.points["conf_high"] + 0.3
    ax = draw_event_paths(paths(banded), None, counts=False)
    band, intervals = ax.collections
    np.testing.assert_allclose(band.get_segments()[0], [[-3, -0.8], [-3, 0.2]])
    np.testing.assert_allclose(intervals.get_segments()[0], [[-3, -0.5], [-3, -0.1]])
    assert band.get_linewidth()[0] < intervals.get_linewidth()[0]
    shown = " ".join(ax.get_ylabel().split())
    assert shown == "Output Estimate, 95% interval (thick) and joint band (thin)"
    numbers = paths(banded, path("b")).data()
    assert numbers.columns.tolist()[3:7] == [
        "conf_low",
        "conf_high",
        "band_low",
        "band_high",
    ]
    assert numbers["band_low"].isna().sum() == 7


def test_counts_stand_under_the_event_times() -> None:
    ax = draw_event_paths(paths(path()), None, counts=True)
    assert ax.get_xticklabels()[0].get_text() == "−3\n1,200"
    other = path("b")
    other.points["n_treated"] = 7
    ax = draw_event_paths(paths(path("a"), other), None, counts=True)
    assert ax.get_xticklabels()[0].get_text() == "−3\n1,200\n7"


def test_several_models_stand_beside_each_other() -> None:
    ax = draw_event_paths(
        paths(path("all"), path("east"), outcome=""), None, counts=False
    )
    assert legend(ax) == ["all", "east", REFERENCE]
    at = [line.get_xdata()[0] for line in ax.get_lines()[2:-1:2]]
    assert at[0] < -3 < at[1]
    assert ax.get_ylabel() == "Estimate and 95% confidence interval"


@pytest.mark.parametrize("width", ["column", "page"])
@pytest.mark.parametrize("count", [2, 3, 5])
def test_markers_of_several_models_do_not_overlap(count: int, width: Any) -> None:
    models = [path(f"model {number}", range(-8, 9)) for number in range(count)]
    with plots.figure_style(width):
        ax = draw_event_paths(paths(*models), None, counts=False)
        ax.figure.canvas.draw()
    lines = [line for line in ax.get_lines() if len(line.get_xdata()) > 2]
    assert len(lines) == count
    pixels = [ax.transData.transform((line.get_xdata()[0], 0.0))[0] for line in lines]
    size = lines[0].get_markersize() * ax.figure.dpi / 72
    assert np.diff(pixels).min() >= size
    # The next event time begins after the last model.
    assert lines[-1].get_xdata()[0] < lines[0].get_xdata()[1]


def test_a_binned_end_beside_one_event_time_is_in_the_legend() -> None:
    ended = EventPath("two-way", path().points, -1, ("≤ -3", "≥ 2"))
    ax = draw_event_paths(
        paths(ended, path("longer", range(-4, 4))), None, counts=False
    )
    assert legend(ax) == ["two-way (ends ≤ −3, ≥ 2)", "longer", REFERENCE]


def test_without_a_reference_there_is_no_legend() -> None:
    ax = draw_event_paths(paths(EventPath("", path().points, None)), None, counts=False)
    assert ax.get_legend() is None


def test_of_many_event_times_some_are_named() -> None:
    drawn = paths(path(times=range(-40, 41)), ticks={-40: "≤ -40"})
    ax = draw_event_paths(drawn, None, counts=False)
    texts = [t.get_text() for t in ax.get_xticklabels()]
    assert len(texts) <= 25
    assert {"≤ −40", "0"} <= set(texts)


POINTS = pd.DataFrame(
    {
        "kind": ["indirect", "indirect", "total", "total"],
        "cutoff": [200.0, 1200.0, 200.0, 1200.0],
        "estimate": [0.5, 0.2, 1.5, 1.2],
        "conf_low": [0.3, -0.1, 1.3, 0.9],
        "conf_high": [0.7, 0.5, 1.7, 1.5],
    }
)
ONE = Decay(
    name="Digital",
    outcome="GDP",
    points=POINTS[:2],
    heads={"indirect": "Indirect"},
    left_out=[],
    level=0.9,
)
TWO = replace(
    ONE, points=POINTS, heads={"indirect": "Indirect", "total": "Total"}, outcome=""
)


def test_points_intervals_and_texts() -> None:
    ax = draw_decay(ONE, None)
    zero, _, points = ax.get_lines()
    assert zero.get_ydata()[0] == 0
    np.testing.assert_array_equal(
        points.get_xydata(), POINTS.loc[:1, ["cutoff", "estimate"]]
    )
    ends = [segment[:, 1].tolist() for segment in ax.collections[0].get_segments()]
    assert ends == [[0.3, 0.7], [-0.1, 0.5]]
    assert [text.get_text() for text in ax.get_xticklabels()] == ["200", "1,200"]
    assert ax.get_xlabel() == "Cut-off of the distance in km"
    assert (
        ax.get_ylabel()
        == "Indirect effect of Digital on GDP\nEstimate and 90% confidence interval"
    )
    assert ax.get_legend() is None


def test_kinds_stand_beside_each_other_with_a_legend() -> None:
    ax = draw_decay(replace(TWO, left_out=["1 not estimated"]), None)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "Indirect",
        "Total",
    ]
    first, second = ax.get_lines()[2], ax.get_lines()[4]
    assert (first.get_xdata() < second.get_xdata()).all()
    np.testing.assert_allclose(
        (first.get_xdata() + second.get_xdata()) / 2, [200, 1200]
    )
    assert ax.get_ylabel().startswith("Effects of Digital\n")
    assert ax.get_xlabel() == "Cut-off of the distance in km (1 not estimated)"


def test_many_cutoffs_have_no_tick_each() -> None:
    many = pd.DataFrame(
        {
            "cutoff": np.arange(1.0, 31),
            "estimate": 0.1,
            "conf_low": 0.0,
            "conf_high": 0.2,
        }
    )
    ax = draw_decay(replace(ONE, points=many.assign(kind="indirect")), None)
    assert len(ax.get_xticks()) <= 12


def test_axes_that_are_given_are_used() -> None:
    first = draw_decay(ONE, None)
    assert draw_decay(ONE, first) is first


def test_the_name_is_broken_where_the_axis_is_short() -> None:
    pyplot = pytest.importorskip("matplotlib.pyplot")
    low = pyplot.subplots(figsize=(4, 2))[1]
    lines = draw_decay(
        replace(ONE, name="Digital economy of the prefecture"), low
    ).get_ylabel()
    assert max(map(len, lines.splitlines())) <= 21


plt = pytest.importorskip("matplotlib.pyplot")


def curve(
    count: int = 6,
    choices: int = 3,
    *,
    groups: Any = "control",
    heads: Any = (),
    **more: Any,
) -> Any:
    estimate = np.linspace(-0.1, 0.4, count)
    points = pd.DataFrame(
        {"model": [f"m{j}" for j in range(count)], "estimate": estimate}
    )
    points = points.assign(
        conf_low=estimate - 0.2, conf_high=estimate + 0.2, significant=estimate > 0.25
    )
    made = [np.arange(count) % (j + 2) == 0 for j in range(choices)]
    given = {
        "name": "Digital economy",
        "outcome": "Prosperity",
        "points": points,
        "choices": [Choice(groups, f"c{j}", which) for j, which in enumerate(made)],
        "main": 1,
        "main_text": "specification as given",
        "heads": heads,
        "left_out": [],
        "level": 0.95,
    }
    return SpecificationCurve(**{**given, **more})


def draw(*args: Any, **more: Any) -> Any:
    ax = draw_specification_curve(curve(*args, **more), None)
    ax.figure.canvas.draw()
    return ax


@pytest.mark.parametrize(
    "words", [{"main_text": "基准"}, {"left_out": ["没有估计"]}], ids=str
)
def test_any_chinese_word_of_an_english_figure_has_a_font(words) -> None:
    font = chinese_font()
    if font is None:
        pytest.skip("no font with Chinese characters on this machine")
    # A missing glyph warns, and warnings are errors.
    ax = draw(**words)
    assert ax.xaxis.label.get_fontfamily() == ["sans-serif", font]


def names(ax: Any) -> list[str]:
    return [text.get_text() for text in ax.get_yticklabels(minor=True)]


def test_few_models_have_a_mark_and_an_interval_each() -> None:
    ax = draw()
    assert ax.get_xlabel() == "6 models, ordered by estimate"
    assert ax.get_ylabel().splitlines() == [
        "Digital economy (outcome: Prosperity)",
        "Estimate and 95% confidence interval",
    ]
    segments = [segment for lines in ax.collections for segment in lines.get_segments()]
    assert len(segments) == 7  # and that of the marked model once more
    np.testing.assert_allclose(segments[0][:, 1], [0.1, 0.5])
    assert names(ax) == ["c0", "c1", "c2"]
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert texts == ["p ≤ 0.05", "p > 0.05", "specification as given"]
    plt.close(ax.figure)


def test_choices_are_in_rows_below_the_estimates() -> None:
    ax = draw()
    rows = ax.get_yticks(minor=True)
    assert (np.diff(rows) < 0).all()
    assert rows[0] < -0.3
    marks = [
        line
        for line in ax.get_lines()
        if line.get_marker() == "o" and line.get_ydata().size
    ]
    made = next(line for line in marks if set(line.get_ydata()) <= set(rows))
    assert [int(x) for x, y in zip(*made.get_data(), strict=True) if y == rows[0]] == [
        1,
        3,
        5,
    ]
    assert min(ax.get_yticks()) >= -0.4
    plt.close(ax.figure)


def test_of_many_models_a_row_is_shaded_by_shares() -> None:
    ax = draw(5000, 4)
    assert len(ax.images) == 4
    shares = np.asarray(ax.images[0].get_array()).ravel()
    assert shares.size == 400
    np.testing.assert_allclose(shares, 0.5, atol=0.05)
    assert ax.get_xlabel().startswith("5,000 models")
    assert len(ax.collections) == 2  # the band, and the interval of the marked model
    low, high = ax.get_xlim()
    assert low < 1
    assert high > 5000
    plt.close(ax.figure)


def test_between_the_limits_each_model_is_a_cell() -> None:
    ax = draw(200, 2)
    shares = np.asarray(ax.images[1].get_array()).ravel()
    assert shares.tolist() == (np.arange(200) % 3 == 0).astype(float).tolist()
    plt.close(ax.figure)


@pytest.mark.further
def test_few_models_are_named_and_kinds_of_choices_too() -> None:
    ax = draw(
        groups="effect", heads=[f"m{j}" for j in range(6)], left_out=["2 not estimated"]
    )
    assert [text.get_text() for text in ax.get_xticklabels()] == [
        f"m{j}" for j in range(6)
    ]
    assert names(ax)[0] == "effect: c0"
    assert ax.get_xlabel() == "6 models, ordered by estimate (2 not estimated)"
    plt.close(ax.figure)
    many = draw(40, heads=[f"m{j}" for j in range(40)])
    assert "m0" not in [text.get_text() for text in many.get_xticklabels()]
    plt.close(many.figure)


def test_no_choices_and_no_main() -> None:
    ax = draw(choices=0, main=None, main_text="", outcome="")
    assert names(ax) == []
    assert ax.get_ylabel().splitlines()[0] == "Digital economy"
    assert "specification as given" not in [
        text.get_text() for text in ax.get_legend().get_texts()
    ]
    plt.close(ax.figure)


def test_more_choices_than_can_be_named() -> None:
    ax = draw(choices=70)
    assert names(ax) == []
    plt.close(ax.figure)


def test_missing_intervals_and_estimates_that_are_all_zero() -> None:
    points = curve().points.assign(
        estimate=0.0, conf_low=np.nan, conf_high=np.nan, significant=False
    )
    ax = draw(points=points)
    low, high = ax.get_ylim()
    assert low < 0 < high
    plt.close(ax.figure)


def test_names_do_not_overlap() -> None:
    ax = draw(16, 12)
    boxes = [text.get_window_extent() for text in ax.get_yticklabels(minor=True)]
    assert all(upper.y0 >= lower.y1 - 1 for upper, lower in pairwise(boxes))
    lowest = min(text.get_window_extent().y0 for text in ax.get_yticklabels())
    assert lowest >= boxes[0].y1 - 4
    plt.close(ax.figure)


def test_long_names_are_broken_and_the_figure_is_wide_enough() -> None:
    long = ["a name of a column " * 4, "x" * 90, "short"]
    choices = [Choice("control", name, np.arange(6) % 2 == 0) for name in long]
    drawn = curve(choices=0, heads=["a long name of a model that goes on and on"] * 6)
    ax = draw_specification_curve(replace(drawn, choices=choices), None)
    ax.figure.canvas.draw()
    assert "\n" in names(ax)[0]
    assert "\n" in ax.get_xticklabels()[0].get_text()
    assert ax.get_window_extent().width > 0.5 * ax.figure.get_window_extent().width
    boxes = [text.get_window_extent() for text in ax.get_yticklabels(minor=True)]
    assert all(upper.y0 >= lower.y1 - 1 for upper, lower in pairwise(boxes))
    plt.close(ax.figure)


def test_on_given_axes() -> None:
    figure, axes = plt.subplots()
    assert draw_specification_curve(curve(), axes) is axes
    plt.close(figure)
