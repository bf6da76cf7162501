"""The figure of pathways: stages between a cause and an outcome, each proposition with its verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from digiprosper.optional import require
from digiprosper.present.figure import FAINT, INK, MARKED, fonts, keep_drawing, new_axes
from digiprosper.present.lines import balanced_lines, broken_lines, type_columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matplotlib.axes import Axes

    from digiprosper.report.drawings import Pathways, PathwayStage

_PALE = "#eef3f8"
# Type in points; inches a point of type takes by column and by line.
_HEAD, _TYPE = 9.0, 8.0
_COLUMN, _LINE = 0.61 / 72, 1.45 / 72
# Inches: width of the boxes at the ends, from them to the stages, of the arrow before a row, between columns,
# round the texts of a stage, between stages, and the widest path.
_BOX, _GAP, _ARROW, _SPACE, _PADDING, _BETWEEN, _WIDEST = 1.1, 0.34, 0.42, 0.1, 0.1, 0.16, 2.8


class _Look(NamedTuple):
    """Colour of a verdict, with a marker and a line that differ in grey."""

    color: str
    marker: str
    face: str
    line: Any


_LOOKS: Final = {
    "supported": _Look(INK, "o", INK, "-"),
    "contradicted": _Look(MARKED, "X", MARKED, (0, (5, 1.5, 1, 1.5))),
    "inconclusive": _Look(FAINT, "o", "white", (0, (3, 2))),
}


class _Text(NamedTuple):
    text: str
    x: float
    y: float
    size: float = _TYPE
    ha: str = "left"
    color: str = "black"


class _Picture:
    """Boxes, lines, arrows and texts in inches; y decreases from 0."""

    def __init__(self) -> None:
        self.boxes: list[tuple[float, float, float, float, str]] = []
        self.lines: list[tuple[list[tuple[float, float]], bool]] = []
        self.verdicts: list[tuple[str, float, float]] = []
        self.texts: list[_Text] = []
        self.width = self.height = 0.0

    @property
    def words(self) -> list[str]:
        return [drawn_text.text for drawn_text in self.texts]

    def scale(self, axes: Axes) -> float:
        """Return the factor by which the picture shrinks to fit given Axes, at most 1."""
        figure: Any = axes.figure
        room = axes.get_window_extent().transformed(figure.dpi_scale_trans.inverted())
        return min(1.0, room.width / self.width, room.height / self.height)

    def draw(self, axes: Axes, scale: float) -> None:
        patches = require("matplotlib.patches", extra="plot", purpose="plots.pathways")
        for x, y, width, height, face in self.boxes:
            axes.add_patch(
                patches.FancyBboxPatch(
                    (x, y - height),
                    width,
                    height,
                    boxstyle="round,pad=0,rounding_size=0.06",
                    facecolor=face,
                    edgecolor=INK,
                    linewidth=1.1 * scale,
                )
            )
        for points, with_head in self.lines:
            _draw_line(axes, points, scale, with_head=with_head)
        for verdict, x, y in self.verdicts:
            _draw_verdict(axes, _LOOKS[verdict], x, y, scale)
        for text, x, y, size, ha, color in self.texts:
            # A label may have dollar signs.
            axes.text(x, y, text, ha=ha, va="center", fontsize=size * scale, color=color, parse_math=False)
        axes.set_xlim(-0.05, self.width + 0.05)
        axes.set_ylim(-self.height - 0.05, 0.05)
        axes.set_aspect("equal")
        axes.axis("off")


def draw_pathways(drawn: Pathways, ax: Axes | None, purpose: str) -> Axes:
    """Draw stages below each other, between the cause on the left and the outcome on the right; in inches."""
    picture = _laid_out(drawn)
    with fonts(ax, picture.words, purpose):
        size = picture.width + 0.2, picture.height + 0.2
        axes = new_axes(size, purpose, fit="boxes") if ax is None else ax
        figure: Any = axes.get_figure()
        scale = float(figure.get_figwidth()) / size[0] if ax is None else picture.scale(ax)
        picture.draw(axes, scale)
    keep_drawing(axes, drawn)
    return axes


# --- layout -------------------------------------------------------------------------------------------------


class _Columns(NamedTuple):
    """Left edges of the columns of the rows; the numbers are aligned at the right."""

    left: float
    id: float
    path: float
    wide: float
    numbers: float
    right: float


def _laid_out(drawn: Pathways) -> _Picture:
    picture = _Picture()
    columns = _columns([row for stage in drawn.stages for row in stage.rows], drawn)
    middles = []
    y = 0.0
    for stage in drawn.stages:
        bottom = _write_stage(picture, stage, columns, y)
        picture.boxes.insert(0, (columns.left, y, columns.right - columns.left, y - bottom, "white"))
        middles.append((y + bottom) / 2)
        y = bottom - _BETWEEN
    picture.width = columns.right + _GAP + _BOX
    centre = (y + _BETWEEN) / 2
    _end_box(picture, drawn.source, 0.0, centre)
    _end_box(picture, drawn.target, picture.width - _BOX, centre)
    _join(picture, middles, centre, columns)
    picture.height = -_write_below(picture, drawn, y - 0.1)
    return picture


def _columns(rows: Sequence[Any], drawn: Pathways) -> _Columns:
    left_edge = _BOX + _GAP
    ids = left_edge + _PADDING + _ARROW + _SPACE
    path = ids + _widest(row.id for row in rows) + _SPACE
    wide = min(_WIDEST, max(_widest(row.path for row in rows), 1.5))
    numbers = path + wide + _SPACE + _widest(row.numbers for row in rows)
    heads = _widest((stage.name for stage in drawn.stages), _HEAD) + 2 * _PADDING
    right_edge = max(numbers + _PADDING, left_edge + heads, left_edge + 4.0)
    return _Columns(left_edge, ids, path, wide, right_edge - _PADDING, right_edge)


def _write_stage(picture: _Picture, stage: PathwayStage, columns: _Columns, top: float) -> float:
    """Write a stage from its upper edge, and return its lower edge."""
    step = _TYPE * _LINE
    y = top - _PADDING - _HEAD * _LINE / 2
    picture.texts.append(_Text(stage.name, columns.left + _PADDING, y, _HEAD, color=INK))
    y -= _HEAD * _LINE / 2 + 0.05
    for row in stage.rows:
        lines = broken_lines(row.path, columns.wide / (_TYPE * _COLUMN))
        picture.verdicts.append((row.verdict, columns.left + _PADDING, y - step / 2))
        picture.texts.append(_Text(row.id, columns.id, y - step / 2))
        picture.texts.append(_Text(row.numbers, columns.numbers, y - step / 2, ha="right"))
        for line in lines:
            picture.texts.append(_Text(line, columns.path, y - step / 2))
            y -= step
        y -= 0.03
    return _write_untested(picture, stage.untested, columns, y) - _PADDING / 2


def _write_untested(picture: _Picture, text: str, columns: _Columns, y: float) -> float:
    step = _TYPE * _LINE
    room = (columns.right - columns.left - 2 * _PADDING) / (_TYPE * _COLUMN)
    for line in broken_lines(text, room) if text else []:
        picture.texts.append(_Text(line, columns.left + _PADDING, y - step / 2, color="#666666"))
        y -= step
    return y


def _end_box(picture: _Picture, text: str, x: float, centre: float) -> None:
    lines = balanced_lines(text, (_BOX - 2 * _PADDING) / (_HEAD * _COLUMN))
    height = len(lines) * _HEAD * _LINE + 2 * _PADDING
    picture.boxes.append((x, centre + height / 2, _BOX, height, _PALE))
    picture.texts.append(_Text("\n".join(lines), x + _BOX / 2, centre, _HEAD, "center"))


def _join(picture: _Picture, middles: Sequence[float], centre: float, columns: _Columns) -> None:
    """Draw lines from the first box to every stage, and from every stage to the last."""
    end = picture.width - _BOX
    fork, meet = _BOX + _GAP / 2, end - _GAP / 2
    for y in middles:
        picture.lines.append(([(_BOX, centre), (fork, centre), (fork, y), (columns.left, y)], True))
        picture.lines.append(([(columns.right, y), (meet, y), (meet, centre)], False))
    picture.lines.append(([(meet, centre), (end, centre)], True))


def _write_below(picture: _Picture, drawn: Pathways, y: float) -> float:
    """Write the legend of verdicts and the note, and return the lower edge."""
    step = _TYPE * _LINE
    x = 0.0
    for verdict, words in drawn.verdicts.items():
        picture.verdicts.append((verdict, x, y - step / 2))
        picture.texts.append(_Text(words, x + _ARROW + _SPACE / 2, y - step / 2))
        x += _ARROW + _SPACE + _inches(words, _TYPE) + 0.3
    y -= step + 0.08
    for line in broken_lines(drawn.note, picture.width / (_TYPE * _COLUMN)) if drawn.note else []:
        picture.texts.append(_Text(line, 0.0, y - step / 2))
        y -= step
    return y


def _widest(texts: Iterable[str], size: float = _TYPE) -> float:
    return max((_inches(text, size) for text in texts), default=0.0)


def _inches(text: str, size: float) -> float:
    return type_columns(text) * size * _COLUMN


# --- drawing ------------------------------------------------------------------------------------------------


def _draw_line(axes: Axes, points: Sequence[tuple[float, float]], scale: float, *, with_head: bool) -> None:
    xs, ys = zip(*points, strict=True)
    axes.plot(xs, ys, color=INK, linewidth=1.1 * scale, solid_joinstyle="round")
    if with_head:
        _arrow(axes, points[-2], points[-1], INK, "-", scale)


def _draw_verdict(axes: Axes, look: _Look, x: float, y: float, scale: float) -> None:
    _arrow(axes, (x, y), (x + _ARROW, y), look.color, look.line, scale)
    axes.plot(
        [x + 0.42 * _ARROW],
        [y],
        look.marker,
        color=look.color,
        markerfacecolor=look.face,
        markersize=(7 if look.marker == "X" else 5.5) * scale,
    )


def _arrow(
    axes: Axes, start: tuple[float, float], end: tuple[float, float], color: str, line: Any, scale: float
) -> None:
    # Not shrunk at its ends, as an annotation is by default.
    style = {"arrowstyle": "-|>", "shrinkA": 0, "shrinkB": 0, "color": color, "linestyle": line}
    axes.annotate("", end, start, arrowprops={**style, "linewidth": 1.2 * scale, "mutation_scale": 8 * scale})
