"""The look of the figures of one paper: their width, type, fonts and language."""

from __future__ import annotations

import contextlib
import math
import sys
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, TypeAlias

from digiprosper.checks import (
    check_option,
    is_real,
    option_error,
    option_problem,
    plain,
    type_error,
)
from digiprosper.errors import (
    OptionError,
    cited,
    did_you_mean,
    issue,
    notice_of,
    quoted,
)
from digiprosper.optional import require
from digiprosper.report.drawings import FIGURE
from digiprosper.report.words import LANGUAGES, Language

Width: TypeAlias = Literal["column", "page"]

COLORS = (
    "#1f4e79",
    "#d55e00",
    "#56b4e9",
    "#000000",
    "#009e73",
    "#e69f00",
    "#777777",
    "#cc79a7",
)
"""Of models beside each other: those of Okabe and Ito (2008) with a dark blue;
neighbours differ in grey."""

# 90 and 190 mm, the widths of one column and of a page in journals.
PAGE = 190 / 25.4
"""Inches."""
_WIDTHS = {"column": 90 / 25.4, "page": PAGE}
_NARROWEST, _WIDEST = 2.0, 40.0
# Points. The small type of legends is .83 of it, so above the 7 points that journals
# ask for.
_TYPE = 8.5
_SHAPE = 0.65
# Has the mathematical signs and subscripts that other fonts lack, and comes with
# matplotlib.
_SIGNS = "DejaVu Sans"

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
# Files that fontManager may not have listed: it caches, and a font installed since then
# is not in the cache.
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
_INSTALL = {
    "linux": "apt-get install fonts-noto-cjk",
    "darwin": "brew install --cask font-noto-sans-cjk-sc",
}
# First bytes of a collection of fonts, and of a font with PostScript outlines.
_COLLECTION, _POSTSCRIPT = b"ttcf", b"OTTO"


_ACTIVE: ContextVar[tuple[tuple[FigureStyle, contextlib.ExitStack], ...]] = ContextVar(
    "active", default=()
)


@dataclass(frozen=True, slots=True)
class FigureStyle:
    """Settings of matplotlib and language of texts, from `plots.figure_style`.

    It can be entered more than once, and inside another one. `width` is in inches. Each
    character is taken from the first of the `families` that has it. `font_type` is how
    PDF and PS files embed fonts (3 or 42).
    """

    width: float
    language: Language
    families: tuple[str, ...]
    font_type: Literal[3, 42]

    @property
    def rc(self) -> dict[str, Any]:
        """Return the settings by name, as `matplotlib.rc_context` takes them."""
        cycler = matplotlib_part("", "plots.figure_style").cycler
        return {
            "axes.linewidth": 0.6,
            "axes.prop_cycle": cycler(color=COLORS),
            "axes.unicode_minus": True,
            "figure.figsize": (self.width, _SHAPE * self.width),
            # A paper in two languages has more figures than matplotlib warns of.
            "figure.max_open_warning": 0,
            "font.family": list(self.families),
            "font.size": _TYPE,
            "pdf.fonttype": self.font_type,
            "ps.fonttype": self.font_type,
            "savefig.bbox": None,
            "savefig.dpi": 300,
            "svg.fonttype": "path",
            "xtick.major.width": 0.6,
            "ytick.major.width": 0.6,
        }

    def __enter__(self) -> FigureStyle:
        """Apply the settings."""
        matplotlib = matplotlib_part("", "plots.figure_style")
        stack = contextlib.ExitStack()
        stack.enter_context(matplotlib.rc_context(self.rc))
        _ACTIVE.set((*_ACTIVE.get(), (self, stack)))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Restore the previous settings."""
        *before, (_, stack) = _ACTIVE.get()
        _ACTIVE.set(tuple(before))
        stack.close()


def figure_style(
    width: Width | float = "column",
    language: Literal["en", "zh"] = "en",
    font: str | Sequence[str] | None = None,
) -> FigureStyle:
    """Set size, language and fonts of figures in a ``with`` block.

    Parameters
    ----------
    width : {"column", "page"} or float
        Width of the figures: 90 mm (``"column"``, the default, for one column of a
        journal), 190 mm (``"page"``), or inches from 2 to 40. The height is
        proportional, or depends on the number of rows. Path diagrams for less than
        5 inches have smaller boxes and type, and texts on more lines.
    language : {"en", "zh"}
        Language of the texts that the library writes on axes, in legends and in notes.
        Labels are printed as they are.
    font : str or sequence of str, optional
        Names of installed fonts, such as ``["Times New Roman", "SimSun"]``. Each
        character is taken from the first font that has it. The default is the default
        font of matplotlib, and a font with Chinese characters if needed.

    Returns
    -------
    FigureStyle
        A context manager. Its `rc` has the settings of matplotlib, which you can use
        for other figures.

    Raises
    ------
    OptionError
        If `width` or `language` has a value that is not allowed, or a font is not
        installed.
    InputTypeError
        If `font` is neither a name nor a list of names.
    ImportError
        If matplotlib is not installed.

    Warns
    -----
    DigiprosperWarning
        If `language` is ``"zh"`` and no font with Chinese characters is found.

    Notes
    -----
    Call ``savefig`` inside the block, because these settings are used when a file is
    written.

    The font size is 8.5 points, and 7 points in legends. The colours are those of Okabe
    and Ito (2008), which colour-blind readers can distinguish, with a dark blue first.
    Neighbouring colours also differ in grey, and each model has another marker. PDF
    files embed TrueType fonts (type 42), as journals require. Fonts with PostScript
    outlines, such as Noto Sans CJK, are embedded as type 3, because some readers do not
    show their type 42 files. SVG files have text as paths. Bitmaps have 300 dots per
    inch.

    Examples
    --------
    >>> import digiprosper as dp, matplotlib.pyplot as plt
    >>> fit = dp.FixedEffects("log(gsp)", ["log(pcap)", "unemp"]).fit(
    ...     dp.datasets.us_states()
    ... )
    >>> with figure_style("column"):
    ...     ax = dp.plots.coefficients(fit)
    >>> round(float(ax.figure.get_figwidth() * 25.4))
    90
    >>> plt.close(ax.figure)
    """
    matplotlib_part("", "plots.figure_style")
    check_option("language", language, tuple(LANGUAGES))
    chosen = LANGUAGES[plain(language)]
    font_names = _read_fonts(font)
    chinese = chinese_font() if chosen == "chinese" else None
    families = (
        *(font_names or ("sans-serif",)),
        *((chinese,) if chinese else ()),
        _SIGNS,
    )
    return FigureStyle(
        _read_width(width),
        chosen,
        tuple(dict.fromkeys(families)),
        3 if any(map(is_cff, families)) else 42,
    )


def figure_language() -> Language:
    """Return the language of the style in force; English without one."""
    active = _ACTIVE.get()
    return active[-1][0].language if active else "english"


def figure_width() -> float | None:
    """Return the width of the style in force in inches; None without one."""
    active = _ACTIVE.get()
    return active[-1][0].width if active else None


def say(code: str, **parts: object) -> str:
    """Return the words of a code in the language of figures."""
    return FIGURE.say(code, figure_language(), **parts)


def say_level(code: str, level: float) -> str:
    """Return the words of a code about a confidence level."""
    return say(code, level=f"{100 * level:g}")


def with_remarks(text: str, remarks: Sequence[str]) -> str:
    """Add remarks, if there are any, in brackets after a text."""
    return (
        say("brackets", text=text, inside=say("list").join(remarks))
        if remarks
        else text
    )


def matplotlib_part(part: str, purpose: str = "plots") -> Any:
    """Import a part of matplotlib, or all of it; `purpose` is for the error."""
    whole = require("matplotlib", extra="plot", purpose=purpose)
    return import_module(f"matplotlib.{part}") if part else whole


def _read_width(width: object) -> float:
    width = plain(width)
    if is_real(width):
        inches = float(width)
        if math.isfinite(inches) and _NARROWEST <= inches <= _WIDEST:
            return inches
    elif isinstance(width, str) and width in _WIDTHS:
        return _WIDTHS[width]
    raise option_error(
        "width",
        width,
        f"plots.figure_style: width={cited(width)} must be 'column' (90 mm), 'page' "
        f"(190 mm) or a number of inches from {_NARROWEST:g} to {_WIDEST:g}.",
        tuple(_WIDTHS),
    )


def _read_fonts(font: Any) -> tuple[str, ...]:
    """Check that fonts are installed."""
    if font is None:
        return ()
    names = [font] if isinstance(font, str) else font
    are_texts = isinstance(names, list | tuple) and all(
        isinstance(name, str) for name in names
    )
    if not are_texts or not names:
        raise type_error(
            "font", font, "the name of a font or a list of names", "plots.figure_style"
        )
    names = tuple(names)
    manager = matplotlib_part("font_manager", "plots.figure_style")
    installed = {*manager.fontManager.get_font_names(), *manager.font_family_aliases}
    missing = [name for name in names if name not in installed]
    if missing:
        raise OptionError(
            f"plots.figure_style: the font {quoted(missing)} is not installed, or was "
            "installed after matplotlib listed the fonts; "
            "matplotlib.font_manager.fontManager.addfont(file) adds it."
            f"{did_you_mean(missing[0], sorted(installed))}",
            [
                option_problem("font", name, what=f"no font {cited(name)}")
                for name in missing
            ],
        )
    return names


# --- fonts ----------------------------------------------------------------------------


@cache
def chinese_font() -> str | None:
    """Return an installed Chinese font; without one, warn once, return None."""
    manager = matplotlib_part("font_manager").fontManager
    listed = _listed(manager)
    if listed is None:
        for file in filter(Path.exists, map(Path, _FONT_FILES)):
            manager.addfont(file)
        listed = _listed(manager)
    if listed is None:
        solution = _INSTALL.get(
            sys.platform, "install Noto Sans CJK SC from fonts.google.com"
        )
        issue([notice_of("missing_font", fonts=_FONTS, _solution=solution)])
    return listed


@cache
def is_cff(family: str) -> bool:
    """Return whether a font has PostScript outlines, by its first bytes."""
    manager = matplotlib_part("font_manager")
    # A name with a hyphen by itself would be read as a pattern.
    font_file = manager.findfont(manager.FontProperties(family=[family]))
    with Path(font_file).open("rb") as file:
        start = file.read(16)
        if start.startswith(_COLLECTION):
            file.seek(int.from_bytes(start[12:16], "big"))
            start = file.read(4)
    return start.startswith(_POSTSCRIPT)


def _listed(manager: Any) -> str | None:
    installed = set(manager.get_font_names())
    return next((font for font in _FONTS if font in installed), None)
