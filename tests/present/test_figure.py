"""What figures share."""

from __future__ import annotations

import matplotlib as mpl
import pytest

from digiprosper.errors import DigiprosperWarning
from digiprosper.present import figure, plots

mpl.use("Agg")


def test_a_figure_of_its_own_has_two_borders():
    from matplotlib import pyplot as plt

    axes = figure.new_axes((2.0, 1.0), "a test")
    figure.plain_spines(axes)
    assert axes.figure.get_size_inches().tolist() == [2.0, 1.0]
    assert [name for name, spine in axes.spines.items() if spine.get_visible()] == ["left", "bottom"]
    plt.close("all")


def test_a_missing_font_warns_once_and_names_its_cure(make_fit, zh, monkeypatch):
    figure._cjk_font.cache_clear()
    monkeypatch.setattr(figure, "_FONTS", ("No such font",))
    monkeypatch.setattr(figure, "_FONT_FILES", ())
    fit = make_fit({"digital": (1, 1, 1)}, zh)
    try:
        with pytest.warns(DigiprosperWarning, match="no font with Chinese characters.*install") as caught:
            plots.coefficients(fit)
        assert caught[0].filename == __file__
        plots.coefficients(fit)  # a second warning would be an error
    finally:
        figure._cjk_font.cache_clear()
