"""The figure of paths: treatment, mediators and outcome in boxes, coefficients on arrows, effects below."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from digiprosper.optional import require
from digiprosper.present.figure import FAINT, INK, fonts, keep_drawing, new_axes
from digiprosper.present.figure_style import say
from digiprosper.present.lines import balanced_lines, broken_lines, type_columns
from digiprosper.present.style import Style

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes

    from digiprosper.report.columns import Estimate
    from digiprosper.report.drawings import PathDiagram

    Point = tuple[float, float]
    Texts = tuple[str, str]
    """Over and under a line."""
    Slopes = list[tuple[str, str, str]]
    """Name, estimate with stars and standard error of each coefficient on an arrow."""
    _Row = tuple[str, str, str, bool]
    """Words, estimate, interval, and whether the row belongs to that over it."""

_PALE = "#eef3f8"
_STARS = (0.1, 0.05, 0.01)
# Type in points; inches a point of type takes by column and by line.
_BOX_TYPE, _TYPE = 9.0, 8.0
_COLUMN, _LINE = 0.58 / 72, 1.45 / 72
# Inches: width of a box, space round its text, from a line to its text, between lines of a chain, and what
# a row of text is moved in.
_WIDTH, _PADDING, _NEAR, _TRACK, _INDENT = 1.7, 0.18, 0.04, 0.42, 0.2
_MOST_ROWS = 20


def draw_paths(diagram: PathDiagram, digits: int, ax: Axes | None, purpose: str) -> Axes:
    """Draw the paths from treatment through mediators to outcome, with the effects below, in inches."""
    style = Style("se", _STARS, digits)
    paths, picture = _Paths(diagram, style), _Picture()
    if diagram.chain:
        _in_a_row(picture, paths)
    else:
        _in_a_stack(picture, paths)
    stars = (say("path.star", mark="*" * n, level=f"{level:g}") for n, level in enumerate(_STARS, start=1))
    arrows = say("path.arrows", stars=say("list").join(stars))
    _write_below(picture, _effect_rows(diagram, style), [arrows, *diagram.remarks])
    with fonts(ax, picture.words, purpose):
        axes = new_axes(picture.size, purpose, fit="boxes") if ax is None else ax
        figure: Any = axes.get_figure()
        scale = float(figure.get_figwidth()) / picture.size[0] if ax is None else picture.scale(ax)
        picture.draw(axes, scale)
    keep_drawing(axes, diagram)
    return axes


class _Paths:
    """Labels of the boxes, and coefficients of the arrows as texts."""

    def __init__(self, diagram: PathDiagram, style: Style) -> None:
        self.mediators = diagram.mediators
        self.ends = diagram.treatment, diagram.outcome
        self.moderator, self.moved = diagram.moderator, diagram.moved
        self.sides = tuple([_texts(s, style) for s in side] for side in (diagram.first, diagram.second))
        self.between = {pair: _texts(slopes, style) for pair, slopes in diagram.between.items()}
        self.direct, self.total = _texts(diagram.direct, style), _texts(diagram.total, style)


def _texts(slopes: Sequence[tuple[str, Estimate]], style: Style) -> Slopes:
    return [(name, style.estimate(cell), style.companion(cell)) for name, cell in slopes]


def _effect_rows(diagram: PathDiagram, style: Style) -> list[_Row]:
    rows = [
        (
            effect.words,
            style.number(effect.estimate.estimate),
            style.interval(effect.estimate.conf_low, effect.estimate.conf_high),
            effect.inner,
        )
        for effect in diagram.effects
    ]
    head = (diagram.title, "", say("interval.percentile", level=f"{100 * diagram.level:g}"), False)
    more = len(rows) - _MOST_ROWS
    more_row = [(say("path.more", count=more), "", "", False)] if more > 0 else []
    return [head, *rows[:_MOST_ROWS], *more_row]


# --- drawing in inches --------------------------------------------------------------------------------------


class _Picture:
    """Boxes, arrows and texts in inches; the size of the figure follows from them."""

    def __init__(self) -> None:
        self.boxes: list[tuple[float, float, float]] = []
        self.arrows: list[tuple[tuple[Point, ...], bool]] = []
        self.texts: list[tuple[str, float, float, str, str, float]] = []

    @property
    def words(self) -> list[str]:
        return [text for text, *_ in self.texts]

    def box(self, text: str, x: float, y: float) -> None:
        lines = _box_lines(text)
        self.boxes.append((x, y, _box_height(text)))
        self.text("\n".join(lines), x, y, size=_BOX_TYPE)

    def arrow(self, *points: Point, dashed: bool = False) -> None:
        self.arrows.append((points, dashed))

    def text(
        self, text: str, x: float, y: float, *, ha: str = "center", va: str = "center", size: float = _TYPE
    ) -> None:
        if text:
            self.texts.append((text, x, y, ha, va, size))

    def about(self, texts: Texts, x: float, y: float) -> None:
        """Write texts above and below a horizontal line."""
        self.text(texts[0], x, y + _NEAR, va="bottom")
        self.text(texts[1], x, y - _NEAR, va="top")

    @property
    def edges(self) -> tuple[float, float, float, float]:
        """Return left, right, lower and upper edge."""
        rims = [(x - _WIDTH / 2, x + _WIDTH / 2, y - h / 2, y + h / 2) for x, y, h in self.boxes]
        for text, x, y, ha, va, size in self.texts:
            width, height = _inches(text, size), (text.count("\n") + 1) * size * _LINE
            text_left = x - width * {"left": 0.0, "center": 0.5, "right": 1.0}[ha]
            bottom = y - height * {"bottom": 0.0, "center": 0.5, "top": 1.0}[va]
            rims.append((text_left, text_left + width, bottom, bottom + height))
        ways = [point for points, _ in self.arrows for point in points]
        rims += [(x, x, y, y) for x, y in ways]
        lefts, rights, bottoms, tops = zip(*rims, strict=True)
        return min(lefts) - 0.05, max(rights) + 0.05, min(bottoms) - 0.05, max(tops) + 0.05

    @property
    def size(self) -> tuple[float, float]:
        left_edge, right_edge, bottom, top = self.edges
        # A constrained layout keeps a rim of its own.
        return right_edge - left_edge + 0.1, top - bottom + 0.1

    def scale(self, axes: Axes) -> float:
        """Return the factor by which the picture shrinks to fit given Axes, at most 1."""
        figure: Any = axes.figure
        room = axes.get_window_extent().transformed(figure.dpi_scale_trans.inverted())
        return min(1.0, room.width / self.size[0], room.height / self.size[1])

    def draw(self, axes: Axes, scale: float) -> None:
        patches = require("matplotlib.patches", extra="plot", purpose="plots.mediation_path")
        path = require("matplotlib.path", extra="plot", purpose="plots.mediation_path").Path
        for points, dashed in self.arrows:
            axes.add_patch(
                patches.FancyArrowPatch(
                    path=path(points),
                    arrowstyle="-|>",
                    mutation_scale=9 * scale,
                    color=FAINT if dashed else INK,
                    linewidth=1.1 * scale,
                    linestyle="--" if dashed else "-",
                    capstyle="butt",
                    joinstyle="round",
                )
            )
        for x, y, height in self.boxes:
            axes.add_patch(
                patches.FancyBboxPatch(
                    (x - _WIDTH / 2, y - height / 2),
                    _WIDTH,
                    height,
                    boxstyle="round,pad=0,rounding_size=0.06",
                    facecolor=_PALE,
                    edgecolor=INK,
                    linewidth=1.1 * scale,
                    zorder=2,
                )
            )
        for text, x, y, ha, va, size in self.texts:
            # A label may have dollar signs.
            axes.text(x, y, text, ha=ha, va=va, fontsize=size * scale, parse_math=False, zorder=3)
        left_edge, right_edge, bottom, top = self.edges
        axes.set_xlim(left_edge, right_edge)
        axes.set_ylim(bottom, top)
        axes.set_aspect("equal")
        axes.set_axis_off()


def _in_a_stack(picture: _Picture, paths: _Paths) -> None:
    """Place parallel mediators above each other, with aligned arrows to and from them."""
    count, (first, second) = len(paths.mediators), paths.sides
    ways = [(_one_line(a), _one_line(b)) for a, b in zip(first, second, strict=True)]
    straight = _one_line([*paths.direct, *paths.total])
    texts = [text for pair in ways for way in pair for text in way] + list(straight)
    run, half = max(1.4, 0.3 + max(_inches(text, _TYPE) for text in texts)), _WIDTH / 2
    middle, right = run + half, 2 * (run + half)
    treatment, outcome = paths.ends
    picture.box(treatment, 0.0, 0.0)
    picture.box(outcome, right, 0.0)
    picture.arrow((half, 0.0), (right - half, 0.0))
    picture.about(straight, middle + (run / 2 if "direct" in paths.moved else 0.0), 0.0)
    tops = _box_height(treatment) / 2, _box_height(outcome) / 2
    y = max(*tops, _TYPE * _LINE + _NEAR)
    if paths.moderator:
        y = _put_moderator(picture, paths, (middle, y), (half, right))
    for k in reversed(range(count)):
        name, (a, b) = paths.mediators[k], ways[k]
        height = max(_box_height(name), 2 * (_TYPE * _LINE + _NEAR))
        y += 0.2 + height / 2
        picture.box(name, middle, y)
        picture.arrow((0.0, tops[0]), (0.0, y), (run, y))
        picture.arrow((middle + half, y), (right, y), (right, tops[1]))
        picture.about(a, run / 2, y)
        picture.about(b, right - run / 2, y)
        y += height / 2


def _put_moderator(picture: _Picture, paths: _Paths, below: Point, sides: Point) -> float:
    """Place the moderator where straight lines reach each path that it moderates; return its upper edge."""
    (middle, y), (half, right) = below, sides
    text = f"w: {paths.moderator}"
    y += 0.3 + _box_height(text) / 2
    picture.box(text, middle, y)
    ends = {
        "a": ((middle - half, y), (0.0, y)),
        "b": ((middle + half, y), (right, y)),
        "direct": ((middle, y - _box_height(text) / 2), (middle, 0.0)),
    }
    for kind in sorted(paths.moved):
        picture.arrow(*ends[kind], dashed=True)
    return y + _box_height(text) / 2


def _in_a_row(picture: _Picture, paths: _Paths) -> None:
    """Place serial mediators in a row above treatment and outcome.

    Lines above and below the row have different heights, and their texts are between two boxes where no line
    goes up or down. Thus no text is crossed, whatever the number of mediators.
    """
    count, names = len(paths.mediators), paths.mediators
    treatment, outcome = paths.ends
    first, second = ([_two_lines(slopes) for slopes in side] for side in paths.sides)
    between = {pair: _two_lines(slopes) for pair, slopes in paths.between.items()}
    straight = "\n".join(_two_lines(paths.direct)), "\n".join(_two_lines(paths.total))
    over = [t for pair in (*first, *second, *between.values(), straight) for t in pair]
    pitch = _WIDTH + max(0.9, 0.2 + max(_inches(t, _TYPE) for t in over))
    roofs = _box_height(treatment) / 2, _box_height(outcome) / 2
    last, foot = (count - 1) * pitch, max(*roofs, 2 * _TYPE * _LINE + _NEAR)
    rises, falls = _levels(count)
    most = max(rises + falls)
    row = foot + (0.8 + most) * _TRACK + max(map(_box_height, names)) / 2
    floors = [row - _box_height(name) / 2 for name in names]
    for k, name in enumerate(names):
        picture.box(name, k * pitch, row)
    picture.box(treatment, 0.0, 0.0)
    picture.box(outcome, last, 0.0)
    picture.arrow((_WIDTH / 2, 0.0), (last - _WIDTH / 2, 0.0))
    picture.about(straight, last / 2, 0.0)
    side, middle = 0.35 * _WIDTH, (foot + min(floors)) / 2
    picture.arrow((-side, roofs[0]), (-side, floors[0]))
    picture.text("\n".join(first[0]), -side - 0.08, middle, ha="right")
    picture.arrow((last + side, floors[-1]), (last + side, roofs[1]))
    picture.text("\n".join(second[-1]), last + side + 0.08, middle, ha="left")
    for i in range(1, count):
        # Ports from left to right as the heights from top to bottom, so that lines of one box do not cross.
        port, k = _WIDTH * (0.4 * i / count - 0.2), count - 1 - i
        x, y = i * pitch - side, foot + (0.8 + most - rises[i - 1]) * _TRACK
        picture.arrow((port, roofs[0]), (port, y), (x, y), (x, floors[i]))
        picture.about(first[i], pitch / 2, y)
        x, y = k * pitch + side, foot + (0.8 + most - falls[i - 1]) * _TRACK
        picture.arrow((x, floors[k]), (x, y), (last - port, y), (last - port, roofs[1]))
        picture.about(second[k], last - pitch / 2, y)
    _join_the_row(picture, names, between, (row, pitch))


def _levels(count: int) -> tuple[list[int], list[int]]:
    """Return the heights of lines to the second, third, ... mediator, and from the last but one, ...

    Shorter lines are higher. A line to a mediator and one from it, or from a later one, share a height.
    """
    shared = (count - 1) // 2
    rises = list(range(1, count))
    return rises, [i if i <= shared else count - 1 + i - shared for i in rises]


def _join_the_row(
    picture: _Picture, names: Sequence[str], texts: Mapping[tuple[int, int], Texts], at: Point
) -> None:
    """Draw the paths between mediators: straight for neighbours, others above the row, shorter ones lower."""
    row, pitch = at
    over = sorted((pair for pair in texts if pair[1] - pair[0] > 1), key=lambda p: (p[1] - p[0], p))
    levels = _free_levels(over)
    roofs = [row + _box_height(name) / 2 for name in names]
    for (j, k), text in texts.items():
        if k - j == 1:
            picture.arrow((j * pitch + _WIDTH / 2, row), (k * pitch - _WIDTH / 2, row))
            picture.about(text, (j + 0.5) * pitch, row)
            continue
        start, end = _ports((j, k), over, pitch)
        y = max(roofs) + (levels[j, k] + 0.8) * _TRACK
        picture.arrow((start, roofs[j]), (start, y), (end, y), (end, roofs[k]))
        picture.about(text, (j + 0.5) * pitch, y)


def _free_levels(over: Sequence[tuple[int, int]]) -> dict[tuple[int, int], int]:
    """Give each path above the row the lowest height at which it meets no previous path."""
    levels: dict[tuple[int, int], int] = {}
    for j, k in over:
        used_levels = {level for (s, t), level in levels.items() if s < k and j < t}
        levels[j, k] = next(level for level in range(len(over)) if level not in used_levels)
    return levels


def _ports(path: tuple[int, int], over: Sequence[tuple[int, int]], pitch: float) -> Point:
    """Return where a path above the row leaves its first box and enters its second, apart from others."""
    j, k = path
    outs = sorted((p for p in over if p[0] == j), reverse=True)
    ins = sorted((p for p in over if p[1] == k), reverse=True)
    start = j * pitch + _WIDTH / 2 * (outs.index(path) + 1) / (len(outs) + 1)
    end = k * pitch - _WIDTH / 2 * (len(ins) - ins.index(path)) / (len(ins) + 1)
    return start, end


def _write_below(picture: _Picture, rows: Sequence[_Row], remarks: Sequence[str]) -> None:
    left_edge, right_edge, bottom, _ = picture.edges
    step, y = _TYPE * _LINE, bottom - 0.2
    widths, ends = (max(_inches(t, _TYPE) for t in part) for part in list(zip(*rows, strict=True))[1:3])
    room = right_edge - left_edge - widths - ends - 0.4
    stub = min(room, max(_inches(name, _TYPE) + _INDENT * inner for name, _, _, inner in rows))
    for name, number, interval, inner in rows:
        picture.text(number, left_edge + stub + 0.2 + widths, y, ha="right", va="top")
        picture.text(interval, left_edge + stub + 0.4 + widths, y, ha="left", va="top")
        for line in broken_lines(name, (room - _INDENT * inner) / (_TYPE * _COLUMN)):
            picture.text(line, left_edge + _INDENT * inner, y, ha="left", va="top")
            y -= step
    y -= 0.1
    for remark in remarks:
        for line in broken_lines(remark, (right_edge - left_edge) / (_TYPE * _COLUMN)):
            picture.text(line, left_edge, y, ha="left", va="top")
            y -= step


def _one_line(slopes: Slopes) -> Texts:
    """Write the texts of a long arrow: the first slope above or below it, and other terms beside it."""
    first, second = [*(" ".join(filter(None, slope)) for slope in slopes), ""][:2]
    return first, second


def _two_lines(slopes: Slopes) -> Texts:
    """Write the texts of a short arrow: estimate above and standard error below."""
    name, estimate, error = slopes[0]
    return f"{name} {estimate}", error


def _box_lines(text: str) -> list[str]:
    return balanced_lines(text, (_WIDTH - _PADDING) / (_BOX_TYPE * _COLUMN))


def _box_height(text: str) -> float:
    return len(_box_lines(text)) * _BOX_TYPE * _LINE + _PADDING


def _inches(text: str, size: float) -> float:
    return max(map(type_columns, text.split("\n"))) * size * _COLUMN
