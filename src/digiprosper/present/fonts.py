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
    """Find a font with Chinese characters.

    Returns
    -------
    str or None
        Its name; None if there is none, with a warning the first time.
    """
    manager = _manager().fontManager
    listed = _listed(manager)
    if listed is None:
        for file in filter(Path.exists, map(Path, _FONT_FILES)):
            manager.addfont(file)
        listed = _listed(manager)
    if listed is None:
        how = _INSTALL.get(sys.platform, "install Noto Sans CJK SC from fonts.google.com")
        message = f"no font with Chinese characters was found, so labels will show boxes. Solution: {how}"
        issue([Notice("missing_font", f"{message}, then restart Python.", {"fonts": _FONTS})])
    return listed


@cache
def is_cff(family: str) -> bool:
    """Tell whether a font has PostScript outlines.

    Parameters
    ----------
    family : str
        Its name, or that of a class of fonts such as ``"sans-serif"``.

    Returns
    -------
    bool
        From the first bytes of its file; of a collection, of the first font in it.
    """
    manager = _manager()
    # A name with a hyphen by itself would be read as a pattern.
    found = manager.findfont(manager.FontProperties(family=[family]))
    with Path(found).open("rb") as file:
        start = file.read(16)
        if start.startswith(_COLLECTION):
            file.seek(int.from_bytes(start[12:16], "big"))
            start = file.read(4)
    return start.startswith(_POSTSCRIPT)


def _manager() -> Any:
    return require("matplotlib.font_manager", extra="plot", purpose="plots")


def _listed(manager: Any) -> str | None:
    known = set(manager.get_font_names())
    return next((font for font in _FONTS if font in known), None)
