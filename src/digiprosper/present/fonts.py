"""Fonts of figures: one with Chinese characters, and how a font draws its letters."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from typing import Any

from digiprosper.errors import Notice, issue
from digiprosper.optional import require

_FONTS = (
    "Noto Sans CJK SC",
    "Source Han Sans SC",
    "PingFang SC",
    "Hiragino Sans GB",
    "Microsoft YaHei",
    "SimHei",
    "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei",
    "Noto Sans CJK JP",  # what older matplotlib calls the file that has all of them
)
# Files that fontManager may not have listed: it caches, and a font installed since then is not in the cache.
_FONT_FILES = (
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/google-noto-cjk/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
    "/System/Library/Fonts/PingFang.ttc",
    "/System/Library/Fonts/Hiragino Sans GB.ttc",
    "C:/Windows/Fonts/msyh.ttc",
    "C:/Windows/Fonts/simhei.ttf",
)
_INSTALL = {"linux": "apt-get install fonts-noto-cjk", "darwin": "brew install --cask font-noto-sans-cjk-sc"}
# First bytes of a collection of fonts, and of a font with PostScript outlines.
_COLLECTION, _POSTSCRIPT = b"ttcf", b"OTTO"


@cache
def chinese_font() -> str | None:
    """Return an installed font with Chinese characters; if there is none, warn once and return None."""
    manager = _manager().fontManager
    listed = _listed(manager)
    if listed is None:
        for file in filter(Path.exists, map(Path, _FONT_FILES)):
            manager.addfont(file)
        listed = _listed(manager)
    if listed is None:
        solution = _INSTALL.get(sys.platform, "install Noto Sans CJK SC from fonts.google.com")
        message = (
            f"no font with Chinese characters was found, so labels will show boxes. Solution: {solution}"
        )
        issue([Notice("missing_font", f"{message}, then restart Python.", {"fonts": _FONTS})])
    return listed


@cache
def is_cff(family: str) -> bool:
    """Return whether a font has PostScript outlines, from the first bytes of its file."""
    manager = _manager()
    # A name with a hyphen by itself would be read as a pattern.
    font_file = manager.findfont(manager.FontProperties(family=[family]))
    with Path(font_file).open("rb") as file:
        start = file.read(16)
        if start.startswith(_COLLECTION):
            file.seek(int.from_bytes(start[12:16], "big"))
            start = file.read(4)
    return start.startswith(_POSTSCRIPT)


def _manager() -> Any:
    return require("matplotlib.font_manager", extra="plot", purpose="plots")


def _listed(manager: Any) -> str | None:
    installed = set(manager.get_font_names())
    return next((font for font in _FONTS if font in installed), None)
