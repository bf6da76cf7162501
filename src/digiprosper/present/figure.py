"""Shared parts of figures: new axes, colours, and texts that fit."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias
from weakref import WeakKeyDictionary, WeakSet

from digiprosper.errors import InputTypeError
from digiprosper.present.figure_style import (
    COLORS,
    chinese_font,
    figure_language,
    figure_width,
    is_cff,
    matplotlib_part,
)
from digiprosper.report.characters import CJK, has_cjk, text_width, with_signs
from digiprosper.report.drawings import Drawing, words_in

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.legend import Legend


INK, FAINT, MARKED, PALE = "#1f4e79", "#8a8a8a", "#b03a2e", "#9dbbd8"
THIN: dict[str, Any] = {"color": FAINT, "linewidth": 0.8, "zorder": 0}
"""Colour of lines behind the data, such as that at zero."""
# Single entities are named, and their cells set apart, up to here; more would not be
# readable on one page.
MOST_NAMES = 60

_MARKERS = "osD^vPX*"
_DASHES = ("-", "--", "-.", ":")
# Of matplotlib, in points, for which sizes of figures are written.
_USUAL_TYPE = 10.0
# Inches a point of type takes by column and by line, as `type_columns` counts columns.
_COLUMN, _LINE = 0.56 / 72, 1.3 / 72
# Fewest columns of a line; the share of a figure that the names of rows may take;
# inches kept free at a rim.
_FEWEST_COLUMNS = 12
_NAMES_SHARE = 0.38
_RIM = 0.15
# Inches of the name of an axis, or of a title; most numbers along an axis.
_NAMED = 0.3
_MOST_NUMBERS = 9
# Height of a text at 45 degrees as a share of its length.
_SLOPE = 0.7

Fit: TypeAlias = Literal["width", "rows", "boxes"]

# Figures that are made here, and may grow.
_new_figures: WeakSet[Figure] = WeakSet()
_drawings: WeakKeyDictionary[Axes, Drawing] = WeakKeyDictionary()


class Look(NamedTuple):
    """Colour, marker, line of one of several models; 32 differ, in grey too."""

    color: str
    marker: str
    face: str
    dashes: str


def look(position: int) -> Look:
    """Return a model's look by number; markers are filled up to the eighth."""
    turn, number = divmod(position, len(COLORS))
    color, dashes = COLORS[number], _DASHES[number % len(_DASHES)]
    return Look(color, _MARKERS[number], "white" if turn % 2 else color, dashes)


def type_size() -> float:
    """Return the size of type relative to matplotlib's: .85 in `figure_style`."""
    return float(matplotlib_part("").rcParams["font.size"]) / _USUAL_TYPE


def _column() -> float:
    """Return the width of a column of type in inches."""
    return _COLUMN * _USUAL_TYPE * type_size()


def _line() -> float:
    """Return the height of a line of type in inches."""
    return _LINE * _USUAL_TYPE * type_size()


def drawing(
    drawn: Drawing,
    ax: Axes | None,
    size: tuple[float, float],
    fit: Fit = "width",
    names: Iterable[str] = (),
) -> AbstractContextManager[Axes]:
    """Give axes without upper and right border to draw on, and store what they show.

    Without `ax` they are those of a new figure, see `new_axes`. Words of `drawn`, and
    `names` of its rows that are shown, may need a font.
    """
    # Here and not in the generator, so that its warning names the line of the call.
    font = _font_context(ax, chain(words_in(drawn), names))

    @contextmanager
    def open_axes() -> Iterator[Axes]:
        with font:
            axes = new_axes(size, fit=fit) if ax is None else ax
            axes.spines[["top", "right"]].set_visible(False)
            yield axes
        _drawings[axes] = drawn

    return open_axes()


def drawing_on(axes: object) -> Drawing | None:
    """Return what axes show; None if no function of the library drew on them."""
    untyped_axes: Any = axes
    # What has no coordinates of axes cannot be looked up, such as a list.
    return _drawings.get(untyped_axes) if hasattr(axes, "transAxes") else None


# --- figures of their own -------------------------------------------------------------


def new_axes(size: tuple[float, float], *, fit: Fit = "width") -> Axes:
    """Make a figure with one axes; `size` is in inches, for a font of 10 points."""
    pyplot = matplotlib_part("pyplot")
    axes: Axes = pyplot.subplots(figsize=_fit_size(size, fit), layout="constrained")[1]
    # Ticks have all their digits: a power of ten above the axis is overlooked, or is
    # below a legend.
    axes.ticklabel_format(style="plain", useOffset=False)
    _new_figures.add(_figure(axes))
    return axes


def _fit_size(size: tuple[float, float], fit: Fit) -> tuple[float, float]:
    """Adjust the size of a figure to the style in force."""
    (width, height), style_width = size, figure_width()
    if style_width is None:
        return size
    if fit == "boxes":
        share = min(style_width / width, 1.0)
        return share * width, share * height
    return style_width, height * (
        type_size() if fit == "rows" else min(style_width / width, 1.0)
    )


def _font_context(ax: Axes | None, texts: Iterable[str]) -> AbstractContextManager[Any]:
    """Return a context that adds a Chinese font if a new figure needs it."""
    # The font must be in `font.family` itself, after the usual family. In
    # `font.sans-serif` it is either not used or replaces the usual one, and then the
    # minus sign is missing. Texts copy the font when made.
    matplotlib = matplotlib_part("")
    needed = ax is None and figure_language() == "english" and any(map(has_cjk, texts))
    font = chinese_font() if needed else None
    usual = list(matplotlib.rcParams["font.family"])
    if font is None or font in usual:
        return nullcontext()
    if figure_width() is not None and is_cff(font):
        # Of the style's block, like all its settings: see `figure_style`.
        matplotlib.rcParams.update({"pdf.fonttype": 3, "ps.fonttype": 3})
    # A style has its own fonts, and one for signs that comes last.
    position = max(len(usual) - 1, 1)
    context: AbstractContextManager[Any] = matplotlib.rc_context(
        {"font.family": [*usual[:position], font, *usual[position:]]}
    )
    return context


def axes_inches(axes: Axes) -> tuple[float, float]:
    """Return axes' width and height in inches, as the layout will make them."""
    return _room(axes, "x") - _NAMED, _room(axes, "y") - _NAMED


def checked_axes(ax: Axes | None, purpose: str) -> Axes | None:
    """Refuse other objects than axes; without matplotlib say what needs it."""
    matplotlib_part("", purpose)
    if ax is not None and not hasattr(ax, "transAxes"):
        raise InputTypeError(
            f"ax must be axes of matplotlib, such as plt.subplots()[1], not "
            f"{type(ax).__name__}."
        )
    return ax


# --- texts ----------------------------------------------------------------------------


def row_names(
    names: Sequence[str], ax: Axes | None, width: float
) -> tuple[list[str], int]:
    """Break the names of rows into lines, so that most of the width is left for data.

    Returns the names and the largest number of lines. `width` is that of a new figure
    in inches.
    """
    column = _column()
    inches = figure_width() or width
    if ax is not None:
        inches = _inches(ax, "width") / (1 - _NAMES_SHARE)
    columns = max(_NAMES_SHARE * inches / column, _FEWEST_COLUMNS)
    broken = [
        "\n".join(
            line for part in name.split("\n") for line in balanced_lines(part, columns)
        )
        for name in map(with_signs, names)
    ]
    return broken, max((name.count("\n") + 1 for name in broken), default=1)


def name_axis(axes: Axes, axis: str, *parts: str, **options: Any) -> None:
    """Label an axis in lines no longer than the axis; each part starts a line.

    ``"title"`` is the title, as long as the horizontal axis. A new figure becomes
    larger with each line after the first, so that no room is taken from the data.
    """
    if axis == "x":
        spread_ticks(axes)
    room = _room(axes, "y" if axis == "y" else "x")
    columns = max(room / _column(), _FEWEST_COLUMNS)
    lines = [line for part in parts if part for line in balanced_lines(part, columns)]
    setters: dict[str, Callable[..., object]] = {
        "x": axes.set_xlabel,
        "y": axes.set_ylabel,
        "title": axes.set_title,
    }
    setters[axis]("\n".join(lines), parse_math=False, **options)
    if axis != "y" and len(lines) > 1:
        _grow(axes, (len(lines) - 1) * _line())


def name_axes(axes: Axes, y: Iterable[str], x: Iterable[str]) -> None:
    """Label both axes, the vertical one first, since it takes room from the other."""
    name_axis(axes, "y", *y)
    name_axis(axes, "x", *x)


def tick_step(texts: Sequence[str], inches: float) -> int:
    """Return n such that labels at every n-th tick do not overlap."""
    widest = (_longest(texts) + 1) * _column()
    return max(1, math.ceil(len(texts) * widest / inches))


def spread_ticks(axes: Axes, reserved_width: float = 0.0) -> None:
    """Reduce the number of ticks that matplotlib chooses if their labels would overlap.

    `reserved_width` is the part of the width, in inches, that texts beside the axes
    need.
    """
    ticker = matplotlib_part("ticker")
    locator = axes.xaxis.get_major_locator()
    if isinstance(locator, ticker.MaxNLocator):
        texts = [label.get_text() for label in axes.get_xticklabels()]
        widest = (_longest(texts) + 2) * _column()
        most = int((_room(axes, "x") - reserved_width) / widest)
        locator.set_params(nbins=max(2, min(most, _MOST_NUMBERS)))


def text_em(text: str) -> float:
    """Estimate the width of a text as a multiple of its font size."""
    return 72 * _COLUMN * type_columns(text)


def legend_above(
    axes: Axes, *, room: float = 0.0, columns: int = 2, **options: Any
) -> None:
    """Put the legend above the axes, not wider than they are.

    With a wider legend the layout would shrink the axes at every draw. A new figure
    becomes higher with each line after the first.
    """
    width = min((_room(axes, "x") - _RIM) * _figure(axes).dpi, axes.bbox.width)
    handles = options.pop("handles", None) or axes.get_legend_handles_labels()[0]
    for count in range(columns, 0, -1):
        # Matplotlib fills columns, but lines are read one after the other.
        by_line = [item for column in range(count) for item in handles[column::count]]
        legend = axes.legend(
            handles=by_line,
            loc="lower left",
            bbox_to_anchor=(0.0, 1.0 + room),
            borderaxespad=0.2,
            frameon=False,
            ncols=count,
            fontsize="small",
            **options,
        )
        excess = legend.get_window_extent().width - width
        if excess <= 0:
            break
    else:
        _break_texts(legend, excess)
    _grow(axes, legend.get_window_extent().height / _figure(axes).dpi - 2 * _line())


def legend_beside(axes: Axes, **options: Any) -> None:
    """Put the legend right of the axes, or above them if it needs much room."""
    legend = axes.legend(
        loc="upper left",
        bbox_to_anchor=(1.01, 1.0),
        borderaxespad=0.0,
        frameon=False,
        **options,
    )
    width = legend.get_window_extent().width
    if width > 0.35 * axes.bbox.width:
        legend_above(axes, columns=4, **options)
    else:
        spread_ticks(axes, width / _figure(axes).dpi)


def _break_texts(legend: Legend, excess: float) -> None:
    """Break the texts of a legend so that it becomes narrower by `excess` pixels."""
    widths = {text: text.get_window_extent().width for text in legend.get_texts()}
    room = max(max(widths.values()) - excess, 1.0)
    for text, width in widths.items():
        if width > room:
            columns = type_columns(text.get_text()) * room / width
            text.set_text("\n".join(balanced_lines(text.get_text(), columns)))


def _figure(axes: Axes) -> Any:
    return axes.get_figure()


def _inches(axes: Axes, side: str) -> float:
    return float(getattr(axes.bbox, side)) / float(_figure(axes).dpi)


def _room(axes: Axes, axis: str) -> float:
    """Return an axis's length in inches, without texts of the other axis."""
    figure = _figure(axes)
    if figure not in _new_figures:
        return _inches(axes, "width" if axis == "x" else "height")
    size = figure.get_figwidth() if axis == "x" else figure.get_figheight()
    named = axes.get_ylabel() if axis == "x" else axes.get_xlabel()
    lines = len(named.splitlines()) * _line()
    return float(size) - _RIM - lines - _depth(axes, "y" if axis == "x" else "x")


def _depth(axes: Axes, axis: str) -> float:
    """Return the inches that tick labels of an axis need at right angles to it."""
    matplotlib_axis = axes.yaxis if axis == "y" else axes.xaxis
    ticks = [
        *matplotlib_axis.get_ticklabels(),
        *matplotlib_axis.get_ticklabels(minor=True),
    ]
    texts = [text.get_text() for text in ticks if text.get_text()]
    if axis == "x" and not any(text.get_rotation() for text in ticks):
        return _line() * max((text.count("\n") + 1 for text in texts), default=0)
    return (1.0 if axis == "y" else _SLOPE) * _column() * _longest(texts)


def _longest(texts: Sequence[str]) -> float:
    """Return the width of the longest line in columns."""
    return max(
        (type_columns(line) for text in texts for line in text.splitlines()),
        default=0.0,
    )


def _grow(axes: Axes, inches: float) -> None:
    """Make a new figure higher."""
    figure = _figure(axes)
    if figure in _new_figures and inches > 0:
        figure.set_figheight(figure.get_figheight() + inches)


# --- lines ----------------------------------------------------------------------------

_OPEN = r"\uff08「『《【“"
_CLOSE = r"、。\uff0c\uff0e\uff1a\uff1b\uff01\uff1f\uff09」』》】”\uff05"
# What a line may be broken between: words, comparisons such as * p < 0.1, and Chinese
# characters with the punctuation that clings to them.
_PIECES = re.compile(
    rf"[{_OPEN}]*(?:[{CJK}]|(?:\*+ )?[^\s{CJK}]+(?: [<=] [\d.]+,?)?)[{_CLOSE}]*|\s+"
)


def type_columns(text: str) -> float:
    """Estimate the width of a text in a proportional font, in columns."""
    # A Chinese character takes two columns; capitals are wider than other letters.
    return text_width(text) + 0.25 * sum(map(str.isupper, text))


def broken_lines(text: str, columns: float) -> list[str]:
    """Break a text into lines at blanks, between Chinese characters, or in words."""
    lines = [""]
    for part in _PIECES.findall(text):
        pieces = [part] if type_columns(part) <= columns else part
        for piece in pieces:
            if type_columns(lines[-1] + piece.rstrip()) > columns:
                lines.append(piece.lstrip())
            else:
                lines[-1] += piece
    return [line.strip() for line in lines]


def balanced_lines(text: str, columns: float) -> list[str]:
    """Break a text into the smallest number of lines, with about equal lengths."""
    best = broken_lines(text, columns)
    # No narrower than the longest word that fits: only one that does not may be broken.
    words = (type_columns(part) for part in _PIECES.findall(text))
    least = max((math.ceil(w) for w in words if w <= columns), default=6)
    narrower = (
        broken_lines(text, fewer) for fewer in range(max(least, 6), int(columns))
    )
    return next((lines for lines in narrower if len(lines) == len(best)), best)
