from __future__ import annotations

import subprocess
import sys
import warnings

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper.errors import (
    ColumnError,
    DigiprosperWarning,
    IdentificationError,
    InputTypeError,
    OptionError,
)
from digiprosper.present import plots
from digiprosper.results.collection import ResultSet

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


def texts(ax) -> list[str]:
    return [label.get_text() for label in ax.get_yticklabels()]


def drawn(ax):
    """(x, y, left, right, marker, label) of every model."""
    found = []
    for container in ax.containers:
        points, _, (bars,) = container.lines
        low, high = np.array([s[:, 0] for s in bars.get_segments()]).reshape(-1, 2).T
        found.append((*points.get_data(), low, high, points.get_marker(), container.get_label()))
    return found


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
    assert any(list(line.get_xdata()) == [0, 0] and line.get_linestyle() == "--" for line in ax.lines)


def test_the_level_reaches_the_interval(make_fit):
    ax = plots.coefficients(make_fit({"a": (1.0, 0.5, 0.1)}), level=0.5)
    np.testing.assert_allclose(drawn(ax)[0][2:4], [[0.75], [1.25]])
    assert ax.get_xlabel() == "Estimate and 50% confidence interval"


def test_models_differ_in_marker_and_height_and_are_named(one_way, two_way):
    failed = IdentificationError("absorbed")
    ax = plots.coefficients(ResultSet((("Base", one_way), ("More", two_way), ("Area", failed))))
    base, more = drawn(ax)
    assert base[4] != more[4]
    assert base[1][0] < more[1][0]
    assert more[0].tolist() == [0.1034, -0.04]
    legend = [t.get_text() for t in ax.get_legend().get_texts()]
    assert legend == ["Base", "More", "Area (not estimated)"]
    named = plots.coefficients({"A": one_way, "B": two_way})
    assert [t.get_text() for t in named.get_legend().get_texts()] == ["A", "B"]


def test_a_model_without_the_terms_shown_takes_no_room(one_way, two_way, make_fit):
    failed, other = IdentificationError("absorbed"), make_fit({"x": (1.0, 1.0, 0.1)})
    models = {"Area": failed, "Base": one_way, "Other": other, "Same": one_way, "More": two_way}
    ax = plots.coefficients(models, keep="digital")
    places = [y.tolist() for _, y, *_ in drawn(ax)]
    assert places == [
        y.tolist() for _, y, *_ in drawn(plots.coefficients([one_way, one_way, two_way], keep="d*"))
    ]
    assert [t.get_text() for t in ax.get_legend().get_texts()] == [
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
    ax = plots.coefficients(fit, keep="*digital*", drop=["digital"], labels={"digital": "D"})
    assert texts(ax) == ["D²"]
    slopes = make_fit({"digital:regime1": (1, 1, 1), "digital:regime3": (1, 1, 1)})
    assert texts(plots.coefficients(make_threshold(slopes))) == [
        "digital (urban <= 0.53)",
        "digital (urban > 0.61)",
    ]
    with pytest.raises(ColumnError, match=r"plots.coefficients: keep names no term 'x'"):
        plots.coefficients(fit, keep=["x"])


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
    with pytest.raises(InputTypeError, match=r"Fit has no thresholds; pass what PanelThreshold.fit returns"):
        plots.lr_profile(one_way)
    for number in (0, 3, True, "1"):
        with pytest.raises(OptionError, match="threshold="):
            plots.lr_profile(make_threshold(two_way), number)


def test_the_profile_is_drawn_with_its_set_piece_by_piece(make_fit, make_threshold):
    found = make_threshold(make_fit({"a": (1, 1, 1)}, {"urban": "Urban share"}))
    ax = plots.lr_profile(found, 2)
    lines = {line.get_label(): line for line in ax.lines}
    profile = found.profile(2)
    np.testing.assert_array_equal(lines["LR(γ)"].get_xdata(), profile["gamma"])
    np.testing.assert_array_equal(lines["LR(γ)"].get_ydata(), profile["lr"])
    critical = lines["95% critical value 7.35"]
    np.testing.assert_allclose(critical.get_ydata(), -2 * np.log(1 - np.sqrt(0.95)))
    assert critical.get_linestyle() == "--"
    assert lines["Estimate 0.53"].get_xydata().tolist() == [[0.53, 0.0]]
    pieces = [(p.get_x(), p.get_x() + p.get_width()) for p in ax.patches]
    np.testing.assert_allclose(pieces, found.confidence_set(2))
    assert len(pieces) == 2
    assert next(p.get_label() for p in ax.patches) == "95% confidence set"
    assert ax.get_xlabel() == "Urban share (γ)"
    assert ax.get_ylabel() == "Likelihood ratio, threshold 2"
    assert ax.get_ylim()[0] == 0
    alone = plots.lr_profile(make_threshold(make_fit({"a": (1, 1, 1)}), (0.5,)))
    assert alone.get_ylabel() == "Likelihood ratio"


def test_given_axes_are_used_as_they_are(one_way, two_way, make_threshold, axes, zh):
    one_way.labels = zh
    assert plots.coefficients(one_way, ax=axes) is axes
    assert axes.get_yticklabels()[0].get_fontfamily() == mpl.rcParams["font.family"]
    assert plots.lr_profile(make_threshold(two_way), ax=axes) is axes


def test_a_new_figure_lays_itself_out_and_changes_no_setting(one_way, make_threshold):
    from matplotlib import pyplot as plt

    before = dict(mpl.rcParams)
    for ax in (plots.coefficients(one_way), plots.lr_profile(make_threshold(one_way))):
        assert ax.figure.get_layout_engine().__class__.__name__ == "ConstrainedLayoutEngine"
    assert dict(mpl.rcParams) == before
    assert len(plt.get_fignums()) == 2


def test_chinese_labels_have_glyphs_and_so_has_the_minus(make_fit, make_threshold, zh, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        font = plots._cjk_font()
    if font is None:
        pytest.skip("no font with Chinese characters on this machine")
    fit = make_fit({"digital": (-1.0, 0.5, 0.1), "I(digital**2)": (1, 0.5, 0.1)}, zh)
    for ax in (plots.coefficients({"基准": fit, "稳健": fit}), plots.lr_profile(make_threshold(fit))):
        ax.figure.savefig(tmp_path / "f.png")  # a missing glyph warns, and warnings are errors
        assert ax.xaxis.label.get_fontfamily() == ["sans-serif", font]
        assert all(t.get_fontfamily() == ["sans-serif", font] for t in ax.get_yticklabels())
    assert mpl.rcParams["font.family"] == ["sans-serif"]
    plain = plots.coefficients(make_fit({"digital": (1, 1, 1)}))
    assert plain.xaxis.label.get_fontfamily() == ["sans-serif"]


def test_a_missing_font_warns_once_and_names_its_cure(make_fit, zh, monkeypatch):
    plots._cjk_font.cache_clear()
    monkeypatch.setattr(plots, "_FONTS", ("No such font",))
    monkeypatch.setattr(plots, "_FONT_FILES", ())
    fit = make_fit({"digital": (1, 1, 1)}, zh)
    try:
        with pytest.warns(DigiprosperWarning, match="no font with Chinese characters.*install") as caught:
            plots.coefficients(fit)
        assert caught[0].filename == __file__
        plots.coefficients(fit)  # a second warning would be an error
    finally:
        plots._cjk_font.cache_clear()


def test_real_fits_are_drawn():
    panel = dp.datasets.us_states()
    fits = dp.stepwise(dp.FixedEffects("log(gsp)", ["log(pcap)", "log(pc)"]), panel, ["unemp"])
    ax = plots.coefficients(fits)
    assert texts(ax)[-1] == "Unemployment rate (%)"
    spec = dp.PanelThreshold("log(gsp)", "log(pcap)", "unemp", ["log(pc)"], bootstrap=None)
    found = spec.fit(panel)
    ax = plots.lr_profile(found)
    assert ax.get_xlabel() == "Unemployment rate (%) (γ)"
    assert len(ax.patches) == len(found.confidence_set(1))


def test_a_missing_extra_names_its_cure(one_way, make_threshold, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(
        ImportError, match=r'plots.coefficients needs matplotlib: pip install "digiprosper\[plot\]"'
    ):
        plots.coefficients(one_way)
    with pytest.raises(ImportError, match=r"plots.lr_profile needs matplotlib"):
        plots.lr_profile(make_threshold(one_way))


def test_importing_plots_loads_no_matplotlib():
    code = (
        "import sys, digiprosper.present.plots, digiprosper.present.tables\n"
        "print(sorted({'matplotlib', 'docx', 'openpyxl', 'maketables'} & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
