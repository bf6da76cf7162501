"""What every figure shares: a figure of its own, its colours, and a font for Chinese labels."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from digiprosper.errors import Notice, issue
from digiprosper.optional import require
from digiprosper.present.lines import balanced_lines, type_columns
from digiprosper.report.characters import has_cjk

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager

    from matplotlib.axes import Axes
    from matplotlib.legend import Legend

__all__ = [
    "FAINT",
    "INK",
    "MARKED",
    "MARKERS",
    "MOST_NAMES",
    "fonts",
    "legend_above",
    "legend_beside",
    "new_axes",
    "plain_spines",
]

MARKERS = "osD^vPX*"
INK, FAINT, MARKED = "#1f4e79", "#8a8a8a", "#b03a2e"
# Single entities are named, and their cells set apart, up to here; more would not be readable on one page.
MOST_NAMES = 60
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


def plain_spines(axes: Axes) -> None:
    """Take off the upper and the right border.

    Parameters
    ----------
    axes : Axes
        Where.
    """
    axes.spines[["top", "right"]].set_visible(False)


def legend_above(axes: Axes, *, room: float = 0.0, columns: int = 2, **options: Any) -> None:
    """Put the legend over the axes, where it hides no data, and no wider than they are.

    A wider one would let the layout take room off the axes again at every draw.

    Parameters
    ----------
    axes : Axes
        Where.
    room : float
        Height that is left for what stands over the axes, as a share of theirs.
    columns : int
        Most columns; fewer where they do not fit.
    **options
        Of `Axes.legend`.
    """
    place: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (0.0, 1.0 + room), "borderaxespad": 0.2}
    for count in range(columns, 0, -1):
        legend = axes.legend(frameon=False, ncols=count, fontsize="small", **place, **options)
        excess = legend.get_window_extent().width - axes.bbox.width
        if excess <= 0:
            return
    _break_texts(legend, excess)


def legend_beside(axes: Axes, **options: Any) -> None:
    """Put the legend to the right of the axes, or over them where its texts are long.

    Parameters
    ----------
    axes : Axes
        Where.
    **options
        Of `Axes.legend`.
    """
    place: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1.01, 1.0), "borderaxespad": 0.0}
    legend = axes.legend(frameon=False, **place, **options)
    if legend.get_window_extent().width > 0.5 * axes.bbox.width:
        legend_above(axes, columns=1, **options)


def new_axes(size: tuple[float, float], purpose: str) -> Axes:
    """Make a figure of its own that lays itself out.

    Parameters
    ----------
    size : pair of float
        Width and height in inches.
    purpose : str
        Who needs matplotlib, for the error.

    Returns
    -------
    Axes
        The only one of the figure.
    """
    pyplot = require("matplotlib.pyplot", extra="plot", purpose=purpose)
    axes: Axes = pyplot.subplots(figsize=size, layout="constrained")[1]
    return axes


def fonts(ax: Axes | None, texts: Iterable[str], purpose: str) -> AbstractContextManager[Any]:
    """Set a font with Chinese characters, only while a figure of our own that needs it is made.

    The name must stand in `font.family` itself, after the usual family: in `font.sans-serif` it is either not
    asked for or takes over, and then the minus is missing. Texts copy it when they are made.

    Parameters
    ----------
    ax : Axes or None
        Given by the caller: then nothing is set.
    texts : iterable of str
        What will be written.
    purpose : str
        Who needs matplotlib, for the error.

    Returns
    -------
    context manager
        To draw in.
    """
    matplotlib = require("matplotlib", extra="plot", purpose=purpose)
    font = _cjk_font() if ax is None and any(map(has_cjk, texts)) else None
    if font is None:
        return nullcontext()
    context: AbstractContextManager[Any] = matplotlib.rc_context({"font.family": ["sans-serif", font]})
    return context


def _break_texts(legend: Legend, excess: float) -> None:
    """Break the texts of a legend so that it is narrower by `excess` pixels."""
    widths = {text: text.get_window_extent().width for text in legend.get_texts()}
    room = max(max(widths.values()) - excess, 1.0)
    for text, width in widths.items():
        if width > room:
            columns = type_columns(text.get_text()) * room / width
            text.set_text("\n".join(balanced_lines(text.get_text(), columns)))


@cache
def _cjk_font() -> str | None:
    manager = require("matplotlib.font_manager", extra="plot", purpose="plots").fontManager
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


def _listed(manager: Any) -> str | None:
    known = set(manager.get_font_names())
    return next((font for font in _FONTS if font in known), None)
