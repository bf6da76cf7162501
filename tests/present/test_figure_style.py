"""The common look of figures."""

from __future__ import annotations

import warnings
from itertools import pairwise

import matplotlib as mpl
import pytest
from matplotlib import pyplot as plt

from digiprosper import plots
from digiprosper.errors import DigiprosperWarning, InputTypeError, OptionError
from digiprosper.present import figure, figure_style as styles

mpl.use("Agg")
MM = 25.4


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


@pytest.mark.parametrize(
    ("width", "inches"), [("column", 90 / MM), ("page", 190 / MM), (5, 5.0)]
)
def test_a_figure_has_the_width_of_the_style(width, inches, two_way):
    with plots.figure_style(width):
        ax = plots.coefficients(two_way)
        ax.figure.draw_without_rendering()
    assert ax.figure.get_figwidth() == pytest.approx(inches)


def test_a_paper_may_have_more_figures_than_matplotlib_warns_of(two_way):
    limit = int(mpl.rcParams["figure.max_open_warning"])
    with warnings.catch_warnings(), plots.figure_style("column"):
        warnings.simplefilter("error")
        for _ in range(limit + 1):
            plots.coefficients(two_way)
    assert len(plt.get_fignums()) == limit + 1


def test_rows_take_the_room_of_their_type_whatever_the_width(two_way):
    with plots.figure_style("column"):
        narrow = plots.coefficients(two_way)
    with plots.figure_style("page"):
        wide = plots.coefficients(two_way)
    assert narrow.figure.get_figheight() == pytest.approx(wide.figure.get_figheight())
    assert narrow.get_yticklabels()[0].get_fontsize() == 8.5


def test_the_style_ends_with_its_block_and_may_be_used_again(two_way):
    before = dict(mpl.rcParams)
    style = plots.figure_style("column", "zh")
    for _ in range(2):
        with style, plots.figure_style("page"):
            assert styles.figure_language() == "english"
        with style:
            assert plots.coefficients(two_way).get_xlabel() == "估计值与95%置信区间"
        assert (styles.figure_language(), styles.figure_width()) == ("english", None)
    assert dict(mpl.rcParams) == before
    assert (
        plots.coefficients(two_way).get_xlabel()
        == "Estimate and 95% confidence interval"
    )


def test_an_error_inside_the_block_ends_the_style():
    before = dict(mpl.rcParams)
    with pytest.raises(ZeroDivisionError), plots.figure_style("page", "zh"):
        1 / 0  # noqa: B018
    assert dict(mpl.rcParams) == before
    assert styles.figure_language() == "english"


def test_its_settings_serve_other_figures():
    with mpl.rc_context(plots.figure_style("column").rc):
        own, _ = plt.subplots()
        assert own.get_figwidth() == pytest.approx(90 / MM)
        assert mpl.rcParams["pdf.fonttype"] == 42
        assert mpl.rcParams["svg.fonttype"] == "path"


@pytest.mark.parametrize(("cff", "expected"), [(True, 3), (False, 42)])
def test_fonts_with_postscript_outlines_are_not_embedded_as_truetype(
    cff, expected, monkeypatch
):
    monkeypatch.setattr(styles, "chinese_font", lambda: "DejaVu Serif")
    monkeypatch.setattr(
        styles, "is_cff", lambda family: cff and family == "DejaVu Serif"
    )
    assert plots.figure_style(language="zh").font_type == expected


def test_a_chinese_label_in_an_english_style_is_embedded_like_others(
    make_fit, zh, monkeypatch
):
    monkeypatch.setattr(figure, "chinese_font", lambda: "DejaVu Serif")
    monkeypatch.setattr(figure, "is_cff", lambda family: family == "DejaVu Serif")
    before = mpl.rcParams["pdf.fonttype"]
    with plots.figure_style("column"):
        plots.coefficients(make_fit({"digital": (1, 1, 1)}))
        assert mpl.rcParams["pdf.fonttype"] == 42
        plots.coefficients(make_fit({"digital": (1, 1, 1)}, zh))
        assert mpl.rcParams["pdf.fonttype"] == 3
    assert mpl.rcParams["pdf.fonttype"] == before


def test_given_fonts_come_first_and_signs_last(monkeypatch):
    monkeypatch.setattr(styles, "chinese_font", lambda: "DejaVu Serif")
    assert plots.figure_style(font="STIXGeneral").families == (
        "STIXGeneral",
        "DejaVu Sans",
    )
    zh = plots.figure_style(language="zh", font=["STIXGeneral", "DejaVu Sans Mono"])
    assert zh.families == (
        "STIXGeneral",
        "DejaVu Sans Mono",
        "DejaVu Serif",
        "DejaVu Sans",
    )
    assert plots.figure_style().families == ("sans-serif", "DejaVu Sans")


def test_a_figure_in_english_with_chinese_labels_finds_its_font(make_fit, zh):
    with plots.figure_style("column"):
        label = plots.coefficients(
            make_fit({"digital": (1, 1, 1)}, zh)
        ).get_yticklabels()[0]
    first, *_, last = label.get_fontfamily()
    assert (first, last) == ("sans-serif", "DejaVu Sans")


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"width": "columns"}, OptionError),
        ({"width": 0}, OptionError),
        ({"width": float("nan")}, OptionError),
        ({"width": True}, OptionError),
        ({"width": None}, OptionError),
        ({"language": "cn"}, OptionError),
        ({"language": None}, OptionError),
        ({"font": "No such font"}, OptionError),
        ({"font": ["DejaVu Sans", "No such font"]}, OptionError),
        ({"font": []}, InputTypeError),
        ({"font": 8}, InputTypeError),
        ({"font": [8]}, InputTypeError),
    ],
)
def test_what_is_no_style_is_refused(options, error):
    with pytest.raises(error) as caught:
        plots.figure_style(**options)
    assert caught.value.problems


def test_neighbouring_colours_differ_in_grey():
    def grey(color: str) -> float:
        red, green, blue = mpl.colors.to_rgb(color)
        return 0.299 * red + 0.587 * green + 0.114 * blue

    shades = [grey(color) for color in styles.COLORS]
    assert all(abs(a - b) > 0.1 for a, b in pairwise(shades))


def test_a_missing_font_warns_once_and_names_its_cure(make_fit, zh, monkeypatch):
    styles.chinese_font.cache_clear()
    monkeypatch.setattr(styles, "_FONTS", ("No such font",))
    monkeypatch.setattr(styles, "_FONT_FILES", ())
    fit = make_fit({"digital": (1, 1, 1)}, zh)
    try:
        with pytest.warns(
            DigiprosperWarning, match="no font with Chinese characters.*install"
        ) as caught:
            plots.coefficients(fit)
        assert caught[0].filename == __file__
        plots.coefficients(fit)  # a second warning would be an error
    finally:
        styles.chinese_font.cache_clear()


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (b"OTTO" + bytes(12), True),
        (b"\x00\x01\x00\x00" + bytes(12), False),
        (b"ttcf" + bytes(8) + (16).to_bytes(4, "big") + b"OTTO", True),
        (b"ttcf" + bytes(8) + (16).to_bytes(4, "big") + b"true", False),
    ],
)
def test_outlines_are_read_from_the_file(start, expected, tmp_path, monkeypatch):
    file = tmp_path / "font"
    file.write_bytes(start)
    monkeypatch.setattr(mpl.font_manager, "findfont", lambda family: str(file))
    assert styles.is_cff.__wrapped__("a font") is expected
