"""Fonts of figures."""

from __future__ import annotations

import matplotlib as mpl
import pytest

from digiprosper import plots
from digiprosper.errors import DigiprosperWarning
from digiprosper.present import fonts

mpl.use("Agg")


def test_a_missing_font_warns_once_and_names_its_cure(make_fit, zh, monkeypatch):
    fonts.chinese_font.cache_clear()
    monkeypatch.setattr(fonts, "_FONTS", ("No such font",))
    monkeypatch.setattr(fonts, "_FONT_FILES", ())
    fit = make_fit({"digital": (1, 1, 1)}, zh)
    try:
        with pytest.warns(DigiprosperWarning, match="no font with Chinese characters.*install") as caught:
            plots.coefficients(fit)
        assert caught[0].filename == __file__
        plots.coefficients(fit)  # a second warning would be an error
    finally:
        fonts.chinese_font.cache_clear()


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
    assert fonts.is_cff.__wrapped__("a font") is expected
