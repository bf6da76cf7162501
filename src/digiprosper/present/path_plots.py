"""Figures of paths: mediations, and propositions about pathways side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

from digiprosper.present.figure import (
    FAINT,
    INK,
    MARKED,
    balanced_lines,
    broken_lines,
    drawing,
    type_columns,
)
from digiprosper.present.figure_style import (
    figure_width,
    matplotlib_part,
    say,
    say_level,
)
from digiprosper.present.style import Style
from digiprosper.report.characters import with_minus_signs
from digiprosper.report.drawings import (
    Drawing,
    PathDiagram,
    PathwayRow,
    Pathways,
    Slopes,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Point = tuple[float, float]
Edges = tuple[float, float, float, float]
"""Left, right, bottom and top."""
Texts = tuple[str, str]
"""Over and under a line."""
_Row = tuple[str, str, str, bool]
"""Words, estimate, interval, and whether the row belongs to the one above."""

_PALE = "#eef3f8"
# Type in points, and in figures of a column; inches a point of type takes by column
# and by line; figures below so many inches are laid out for a column.
_BOX_TYPE, _TYPE = 9.0, 8.0
_SMALL_BOX_TYPE, _SMALL_TYPE = 7.5, 7.0
_NARROW = 5.0
_COLUMN, _LINE = 0.58 / 72, 1.45 / 72
# Estimated widths are on the safe side, so that columns of a row do not touch.
_WIDE_COLUMN = 0.56 / 72


class _Picture:
    """Boxes (left, bottom, width, height, colour) and texts in inches.

    texts: text, x, y, points, horizontal and vertical alignment, colour
    width: of the figure in inches; None for axes of the caller, or without a style
    type, box_type: sizes of type in points
    column: inches that a point of type takes by column
    """

    column = _COLUMN

    def __init__(self, ax: Axes | None) -> None:
        self.width = figure_width() if ax is None else None
        self.narrow = self.width is not None and self.width < _NARROW
        self.type = _SMALL_TYPE if self.narrow else _TYPE
        self.box_type = _SMALL_BOX_TYPE if self.narrow else _BOX_TYPE
        self.line, self.box_line = self.type * _LINE, self.box_type * _LINE
        self.boxes: list[tuple[float, float, float, float, str]] = []
        self.texts: list[tuple[str, float, float, float, str, str, str]] = []

    def write(
        self,
        text: str,
        x: float,
        y: float,
        *,
        size: float | None = None,
        ha: str = "left",
        va: str = "center",
        color: str = "black",
    ) -> None:
        if text:
            text = with_minus_signs(text)
            self.texts.append((text, x, y, size or self.type, ha, va, color))

    def inches(self, *texts: str) -> float:
        """Return the width of the widest text."""
        return max((_inches(text, self.type, self.column) for text in texts), default=0)

    def lines_in(self, text: str, inches: float) -> list[str]:
        """Break a text to a width."""
        return broken_lines(text, inches / (self.type * self.column))

    def draw_lines(self, axes: Axes, scale: float) -> None:
        """Draw the lines between the boxes, scaled by a factor."""
        raise NotImplementedError


def _draw_picture(
    picture: _Picture,
    edges: Edges,
    drawn: Drawing,
    ax: Axes | None,
    rim: float = 0.0,
) -> Axes:
    """Draw boxes, lines and texts, which shrink to fit a narrow figure or axes."""
    # Given axes need no room for the rim.
    left_edge, right_edge, bottom, top = edges
    spare = max((picture.width or 0.0) - (right_edge - left_edge + 0.1), 0.0) / 2
    left_edge, right_edge = left_edge - spare, right_edge + spare
    # A constrained layout keeps a rim of its own.
    width, height = right_edge - left_edge + 0.1, top - bottom + 0.1
    with drawing(drawn, ax, (width, height), "boxes") as axes:
        figure: Any = axes.get_figure()
        if ax is None:
            scale = float(figure.get_figwidth()) / width
        else:
            inverted = figure.dpi_scale_trans.inverted()
            room = axes.get_window_extent().transformed(inverted)
            scale = min(room.width / (width - rim), room.height / (height - rim), 1.0)
        patches = matplotlib_part("patches")
        for x, y, box_width, box_height, face in picture.boxes:
            axes.add_patch(
                patches.FancyBboxPatch(
                    (x, y),
                    box_width,
                    box_height,
                    boxstyle="round,pad=0,rounding_size=0.06",
                    facecolor=face,
                    edgecolor=INK,
                    linewidth=1.1 * scale,
                    zorder=2,
                )
            )
        picture.draw_lines(axes, scale)
        for text, x, y, size, ha, va, color in picture.texts:
            axes.text(
                x,
                y,
                text,
                ha=ha,
                va=va,
                fontsize=size * scale,
                color=color,
                parse_math=False,  # a label may have dollar signs
            )
        axes.set_xlim(left_edge, right_edge)
        axes.set_ylim(bottom, top)
        axes.set_aspect("equal")
        axes.set_axis_off()
    return axes


def _inches(text: str, size: float, column: float = _COLUMN) -> float:
    """Return the width of a text of so many points."""
    return max(map(type_columns, text.split("\n"))) * size * column


# --- mediation ------------------------------------------------------------------------

_STARS = (0.1, 0.05, 0.01)
# Inches: width of a box, space round its text, from a line to its text, between lines
# of a chain, and what a row of text is moved in.
_WIDTH, _PADDING, _NEAR, _TRACK, _INDENT = 1.7, 0.18, 0.04, 0.42, 0.2
_SMALL_WIDTH = 0.86
_MOST_ROWS = 20


def draw_paths(diagram: PathDiagram, digits: int, ax: Axes | None) -> Axes:
    """Draw the paths from treatment through mediators to outcome, and effects below."""
    style, picture = Style("se", _STARS, digits), _PathPicture(ax, diagram)
    lay_out = _place_serial if diagram.chain else _place_parallel
    lay_out(picture, diagram, style)
    stars = (
        say("path.star", mark="*" * count, level=f"{level:g}")
        for count, level in enumerate(_STARS, start=1)
    )
    arrows = say("path.arrows", stars=say("list").join(stars))
    _write_effects(picture, _effect_rows(diagram, style), [arrows, *diagram.remarks])
    return _draw_picture(picture, picture.edges, diagram, ax)


class _PathPicture(_Picture):
    """A picture with arrows, whose edges follow from its content."""

    def __init__(self, ax: Axes | None, diagram: PathDiagram) -> None:
        super().__init__(ax)
        names = (diagram.treatment, *diagram.mediators, diagram.outcome)
        words = (word for name in names for word in name.split() if word.isascii())
        sizes = (_inches(word, self.box_type, _WIDE_COLUMN) for word in words)
        longest = max(sizes, default=0.0)
        small = min(max(_SMALL_WIDTH, longest + _PADDING / 2), _WIDTH)
        self.box_width = small if self.narrow else _WIDTH
        self.arrows: list[tuple[tuple[Point, ...], bool]] = []

    def box(self, text: str, x: float, y: float) -> None:
        height, width = self.box_height(text), self.box_width
        self.boxes.append((x - width / 2, y - height / 2, width, height, _PALE))
        lines = "\n".join(self._box_lines(text))
        self.write(lines, x, y, size=self.box_type, ha="center")

    def box_height(self, text: str) -> float:
        return len(self._box_lines(text)) * self.box_line + _PADDING

    def _box_lines(self, text: str) -> list[str]:
        room = self.box_width - _PADDING / (2 if self.narrow else 1)
        return balanced_lines(text, room / (self.box_type * _COLUMN))

    def arrow(self, *points: Point, dashed: bool = False) -> None:
        self.arrows.append((points, dashed))

    def about(self, texts: Texts, x: float, y: float) -> None:
        """Write texts above and below a horizontal line."""
        self.write(texts[0], x, y + _NEAR, ha="center", va="bottom")
        self.write(texts[1], x, y - _NEAR, ha="center", va="top")

    @property
    def edges(self) -> Edges:
        rims = [(x, x + width, y, y + height) for x, y, width, height, _ in self.boxes]
        for text, x, y, size, ha, va, _ in self.texts:
            width, height = _inches(text, size), (text.count("\n") + 1) * size * _LINE
            left_edge = x - width * {"left": 0.0, "center": 0.5, "right": 1.0}[ha]
            bottom = y - height * {"bottom": 0.0, "center": 0.5, "top": 1.0}[va]
            rims.append((left_edge, left_edge + width, bottom, bottom + height))
        rims += [(x, x, y, y) for points, _ in self.arrows for x, y in points]
        lefts, rights, bottoms, tops = zip(*rims, strict=True)
        return (
            min(lefts) - 0.05,
            max(rights) + 0.05,
            min(bottoms) - 0.05,
            max(tops) + 0.05,
        )

    def draw_lines(self, axes: Axes, scale: float) -> None:
        arrow_patch = matplotlib_part("patches").FancyArrowPatch
        path = matplotlib_part("path").Path
        for points, dashed in self.arrows:
            axes.add_patch(
                arrow_patch(
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


def _effect_rows(diagram: PathDiagram, style: Style) -> list[_Row]:
    rows = [
        (
            words,
            style.number(effect.estimate),
            style.interval(effect.conf_low, effect.conf_high),
            is_part,
        )
        for words, effect, is_part in diagram.effects
    ]
    head = (diagram.title, "", say_level("interval.percentile", diagram.level), False)
    more = len(rows) - _MOST_ROWS
    more_row = [(say("path.more", count=more), "", "", False)] if more > 0 else []
    return [head, *rows[:_MOST_ROWS], *more_row]


def _place_parallel(picture: _PathPicture, diagram: PathDiagram, style: Style) -> None:
    """Place parallel mediators above each other, with aligned arrows."""
    arrow = _short_arrow if picture.narrow else _long_arrow_texts
    first = [arrow(slopes, style) for slopes in diagram.first]
    second = [arrow(slopes, style) for slopes in diagram.second]
    # Beside the arrow of a moderator only half of the line is free.
    moved = "direct" in diagram.moved
    of_line = arrow if moved else _long_arrow_texts
    straight = of_line([*diagram.direct, *diagram.total], style)
    wide = straight if moved or not picture.narrow else []
    run = _arrow_length(picture, [*chain.from_iterable((*first, *second)), *wide])
    half = picture.box_width / 2
    middle, right = run + half, 2 * (run + half)
    treatment, outcome = diagram.treatment, diagram.outcome
    picture.box(treatment, 0.0, 0.0)
    picture.box(outcome, right, 0.0)
    picture.arrow((half, 0.0), (right - half, 0.0))
    across = picture.inches(*straight) / 2 + _NEAR
    aside = max(run / 2, across) if moved else 0.0
    picture.about(straight, middle + aside, 0.0)
    tops = picture.box_height(treatment) / 2, picture.box_height(outcome) / 2
    y = max(*tops, (1 + straight[0].count("\n")) * picture.line + _NEAR)
    if diagram.moderator:
        y = _place_moderator(picture, diagram, (middle, y), (half, right))
    mediators = list(zip(diagram.mediators, first, second, strict=True))
    for name, into, out_of in reversed(mediators):
        lines = 1 + max(text.count("\n") for text in (*into, *out_of))
        height = max(picture.box_height(name), 2 * (lines * picture.line + _NEAR))
        y += 0.2 + height / 2
        picture.box(name, middle, y)
        picture.arrow((0.0, tops[0]), (0.0, y), (run, y))
        picture.arrow((middle + half, y), (right, y), (right, tops[1]))
        picture.about(into, run / 2, y)
        picture.about(out_of, right - run / 2, y)
        y += height / 2


def _arrow_length(picture: _PathPicture, texts: Sequence[str]) -> float:
    """Compute the length of arrows, in inches, that have room for texts above them."""
    least, round_text = (0.6, 0.16) if picture.narrow else (1.4, 0.3)
    return max(least, round_text + picture.inches(*texts))


def _place_moderator(
    picture: _PathPicture, diagram: PathDiagram, below: Point, sides: Point
) -> float:
    """Place the moderator over the paths it moderates, and return its upper edge."""
    (middle, y), (half, right) = below, sides
    text = f"w: {diagram.moderator}"
    y += 0.3 + picture.box_height(text) / 2
    picture.box(text, middle, y)
    ends = {
        "a": ((middle - half, y), (0.0, y)),
        "b": ((middle + half, y), (right, y)),
        "direct": ((middle, y - picture.box_height(text) / 2), (middle, 0.0)),
    }
    for kind in sorted(diagram.moved):
        picture.arrow(*ends[kind], dashed=True)
    return y + picture.box_height(text) / 2


def _place_serial(picture: _PathPicture, diagram: PathDiagram, style: Style) -> None:
    """Place serial mediators in a row above treatment and outcome."""
    # Lines above and below the row have different heights, and their texts are between
    # two boxes where no line goes up or down. Thus no text is crossed, whatever the
    # number of mediators.
    count, names = len(diagram.mediators), diagram.mediators
    treatment, outcome = diagram.treatment, diagram.outcome
    first = [_short_arrow_texts(slopes, style) for slopes in diagram.first]
    second = [_short_arrow_texts(slopes, style) for slopes in diagram.second]
    between = {
        pair: _short_arrow_texts(s, style) for pair, s in diagram.between.items()
    }
    direct, total = (
        _short_arrow_texts(s, style) for s in (diagram.direct, diagram.total)
    )
    straight = "\n".join(direct), "\n".join(total)
    over = [t for pair in (*first, *second, *between.values(), straight) for t in pair]
    least = 0.5 if picture.narrow else 0.9
    pitch = picture.box_width + max(least, 0.2 + picture.inches(*over))
    roofs = picture.box_height(treatment) / 2, picture.box_height(outcome) / 2
    last, foot = (count - 1) * pitch, max(*roofs, 2 * picture.line + _NEAR)
    rises, falls = _levels(count)
    most = max(rises + falls)
    row = foot + (0.8 + most) * _TRACK + max(map(picture.box_height, names)) / 2
    floors = [row - picture.box_height(name) / 2 for name in names]
    for k, name in enumerate(names):
        picture.box(name, k * pitch, row)
    picture.box(treatment, 0.0, 0.0)
    picture.box(outcome, last, 0.0)
    picture.arrow((picture.box_width / 2, 0.0), (last - picture.box_width / 2, 0.0))
    picture.about(straight, last / 2, 0.0)
    side, middle = 0.35 * picture.box_width, (foot + min(floors)) / 2
    picture.arrow((-side, roofs[0]), (-side, floors[0]))
    picture.write("\n".join(first[0]), -side - 0.08, middle, ha="right")
    picture.arrow((last + side, floors[-1]), (last + side, roofs[1]))
    picture.write("\n".join(second[-1]), last + side + 0.08, middle, ha="left")
    for i in range(1, count):
        # Ports from left to right as the heights from top to bottom, so that lines of
        # one box do not cross.
        port, k = picture.box_width * (0.4 * i / count - 0.2), count - 1 - i
        x, y = i * pitch - side, foot + (0.8 + most - rises[i - 1]) * _TRACK
        picture.arrow((port, roofs[0]), (port, y), (x, y), (x, floors[i]))
        picture.about(first[i], pitch / 2, y)
        x, y = k * pitch + side, foot + (0.8 + most - falls[i - 1]) * _TRACK
        picture.arrow((x, floors[k]), (x, y), (last - port, y), (last - port, roofs[1]))
        picture.about(second[k], last - pitch / 2, y)
    _draw_serial_paths(picture, names, between, (row, pitch))


def _levels(count: int) -> tuple[list[int], list[int]]:
    """Return heights of lines to the second, third, ... mediator.

    A line to a mediator and one from it, or from a later one, share a height.
    """
    shared = (count - 1) // 2
    rises = list(range(1, count))
    return rises, [i if i <= shared else count - 1 + i - shared for i in rises]


def _draw_serial_paths(
    picture: _PathPicture,
    names: Sequence[str],
    texts: Mapping[tuple[int, int], Texts],
    at: Point,
) -> None:
    """Draw paths between mediators: straight for neighbours, others above the row."""
    row, pitch = at
    over = sorted(
        (pair for pair in texts if pair[1] - pair[0] > 1),
        key=lambda p: (p[1] - p[0], p),
    )
    levels = _free_levels(over)
    roofs = [row + picture.box_height(name) / 2 for name in names]
    for (j, k), text in texts.items():
        if k - j == 1:
            picture.arrow(
                (j * pitch + picture.box_width / 2, row),
                (k * pitch - picture.box_width / 2, row),
            )
            picture.about(text, (j + 0.5) * pitch, row)
            continue
        start, end = _path_ends((j, k), over, pitch, picture.box_width)
        y = max(roofs) + (levels[j, k] + 0.8) * _TRACK
        picture.arrow((start, roofs[j]), (start, y), (end, y), (end, roofs[k]))
        picture.about(text, (j + 0.5) * pitch, y)


def _free_levels(over: Sequence[tuple[int, int]]) -> dict[tuple[int, int], int]:
    """Give each path above the row its lowest height free of earlier paths."""
    levels: dict[tuple[int, int], int] = {}
    for j, k in over:
        used_levels = {level for (s, t), level in levels.items() if s < k and j < t}
        levels[j, k] = min(set(range(len(over))) - used_levels)
    return levels


def _path_ends(
    path: tuple[int, int],
    over: Sequence[tuple[int, int]],
    pitch: float,
    box_width: float,
) -> Point:
    """Return where a path above the row leaves its first box and enters its second."""
    j, k = path
    outs = sorted((p for p in over if p[0] == j), reverse=True)
    ins = sorted((p for p in over if p[1] == k), reverse=True)
    start = j * pitch + box_width / 2 * (outs.index(path) + 1) / (len(outs) + 1)
    end = k * pitch - box_width / 2 * (len(ins) - ins.index(path)) / (len(ins) + 1)
    return start, end


def _write_effects(
    picture: _PathPicture, rows: Sequence[_Row], remarks: Sequence[str]
) -> None:
    """Write the list of effects and the remarks below what is drawn."""
    left_edge, right_edge, bottom, _ = picture.edges
    step, y = picture.line, bottom - 0.2
    widths = picture.inches(*(number for _, number, _, _ in rows))
    ends = picture.inches(*(interval for _, _, interval, _ in rows))
    room = right_edge - left_edge - widths - ends - 0.4
    stub = min(
        room, max(picture.inches(name) + _INDENT * inner for name, _, _, inner in rows)
    )
    for name, number, interval, inner in rows:
        picture.write(number, left_edge + stub + 0.2 + widths, y, ha="right", va="top")
        picture.write(interval, left_edge + stub + 0.4 + widths, y, va="top")
        for line in picture.lines_in(name, room - _INDENT * inner):
            picture.write(line, left_edge + _INDENT * inner, y, va="top")
            y -= step
    y -= 0.1
    for remark in remarks:
        for line in picture.lines_in(remark, right_edge - left_edge):
            picture.write(line, left_edge, y, va="top")
            y -= step


def _long_arrow_texts(slopes: Slopes, style: Style) -> Texts:
    """Write the texts of a long arrow: the first slope above it, other terms below."""
    texts = [
        " ".join(filter(None, (name, style.estimate(cell), style.companion(cell))))
        for name, cell in slopes
    ]
    first, second = [*texts, ""][:2]
    return first, second


def _short_arrow(slopes: Slopes, style: Style) -> Texts:
    """Write the texts of an arrow in a column: standard errors are below estimates."""
    if len(slopes) == 1:
        return _short_arrow_texts(slopes, style)
    first, second = (
        "\n".join(_short_arrow_texts([slope], style)) for slope in slopes[:2]
    )
    return first, second


def _short_arrow_texts(slopes: Slopes, style: Style) -> Texts:
    """Write the texts of a short arrow: estimate above and standard error below."""
    name, cell = slopes[0]
    return f"{name} {style.estimate(cell)}".strip(), style.companion(cell)


# --- pathways -------------------------------------------------------------------------

# Inches: of a figure; of the axis of effects, also in a column; of what estimates rest
# on; the narrowest path; between columns, stages, and rows.
_FIGURE = 7.4
_AXIS, _SMALL_AXIS = 1.5, 1.0
_BASIS, _LEAST = 1.0, 1.2
_SPACE, _STAGE, _ROW = 0.1, 0.06, 0.04
# Length of the line beside the words of a verdict.
_SAMPLE = 0.4
# Of the distance between the estimates, how far intervals are drawn beyond them.
_REACH = 0.6
# Colour, marker, its face and line of each verdict, which differ in grey.
_LOOKS: dict[str, tuple[str, str, str, Any]] = {
    "supported": (INK, "o", INK, "-"),
    "contradicted": (MARKED, "X", MARKED, (0, (5, 1.5, 1, 1.5))),
    "inconclusive": (FAINT, "o", "white", (0, (3, 2))),
}


class _PathwayPicture(_Picture):
    """Rows of texts, and intervals on an axis of effects; y decreases.

    marks: verdict, y, and in inches estimate and ends of its interval, and the edges
        beyond which it is not drawn
    rules: both x and both y of a line, and its style
    axis, length, span: left edge, length, and both ends of the axis
    numbers, p, basis, right: edges of columns, right ones of aligned numbers
    """

    column = _WIDE_COLUMN

    def __init__(self, ax: Axes | None, drawn: Pathways) -> None:
        super().__init__(ax)
        self.marks: list[tuple[str, float, tuple[float, float, float], Point]] = []
        self.rules: list[tuple[Point, Point, str]] = []
        rows = [row for of_stage in drawn.stages.values() for row in of_stage]
        effects = [row.effect for row in rows if math.isfinite(row.effect[0])]
        self.limits = _limits(effects) if effects else None
        self._place(rows, drawn.heads.get("p_adjusted", ""))

    def _place(self, rows: Sequence[PathwayRow], head: str) -> None:
        """Place the columns; in a narrow figure numbers are below the paths."""
        numbers = self.inches(*(row.number for row in rows))
        # A head is broken at blanks only, so that no word may be wider.
        p = self.inches(*(row.p for row in rows), *head.split())
        self.path = self.inches(*(row.id for row in rows)) + _SPACE
        self.length = _SMALL_AXIS if self.narrow else _AXIS
        beside = 0.0 if self.narrow else numbers + p + _BASIS + 3 * _SPACE
        room = (self.width or _FIGURE) - 0.2 - self.path - self.length - beside
        self.wide = max(room - 2 * _SPACE, _LEAST)
        self.axis = self.path + self.wide + _SPACE
        end = self.axis + self.length
        self.span = self.axis, end
        self.numbers = end + _SPACE + numbers
        self.p = self.numbers + p + _SPACE
        self.basis = self.p + _SPACE
        self.right = end + _SPACE if self.narrow else self.basis + _BASIS

    def paragraph(self, text: str, x: float, y: float, inches: float) -> float:
        """Write a text below y, and return its lower edge."""
        for line in self.lines_in(text, inches) if text else ():
            self.write(line, x, y - self.line / 2)
            y -= self.line
        return y

    def inch(self, value: float) -> float:
        """Return where an effect lies on its axis."""
        low, high = self.limits or (0.0, 1.0)
        return self.axis + self.length * (value - low) / (high - low)

    def draw_lines(self, axes: Axes, scale: float) -> None:
        for xs, ys, style in self.rules:
            axes.plot(xs, ys, color=FAINT, linewidth=0.8 * scale, linestyle=style)
        for verdict, y, (at, low, high), (left_edge, right_edge) in self.marks:
            color, marker, face, line = _LOOKS[verdict]
            ends = max(low, left_edge), min(high, right_edge)
            axes.plot(ends, [y, y], color=color, linestyle=line, linewidth=1.3 * scale)
            size = (7 if marker == "X" else 5.5) * scale
            axes.plot([at], [y], marker, color=color, mfc=face, markersize=size)
            for x, beyond, sign in (
                (left_edge, low < left_edge, "<"),
                (right_edge, high > right_edge, ">"),
            ):
                if beyond:
                    axes.plot([x], [y], sign, color=color, markersize=4 * scale)


def draw_pathways(drawn: Pathways, ax: Axes | None) -> Axes:
    """Draw effects by stage, with their identification, and notes below."""
    picture = _PathwayPicture(ax, drawn)
    top = y = _write_heads(picture, drawn) if drawn.stages else 0.0
    for stage, rows in drawn.stages.items():
        y -= _STAGE + picture.box_line
        middle = y + picture.box_line / 2
        picture.write(stage, 0.0, middle, size=picture.box_type, color=INK)
        for row in rows:
            y = _write_row(picture, row, drawn.heads, y) - _ROW
    if picture.limits:
        y = _write_axis(picture, picture.limits, top, y)
    if drawn.stages:
        y = _write_verdicts(picture, drawn, y - _STAGE)
    # The layout would shrink axes whose texts reach their edge.
    room = 0.88 * picture.right
    for note in drawn.notes:
        y = picture.paragraph(note, 0.0, y - _ROW, room)
    edges = (-0.05, picture.right + 0.05, y - 0.05, 0.05)
    return _draw_picture(picture, edges, drawn, ax, rim=0.2)


def _limits(effects: Sequence[tuple[float, float, float]]) -> tuple[float, float]:
    """Choose the ends of the axis; wide intervals must not hide the estimates."""
    estimates = [estimate for estimate, *_ in effects]
    low, high = min(0.0, *estimates), max(0.0, *estimates)
    reach = _REACH * (high - low) or 1.0
    return (
        max(low - reach, min(low, *(end for _, end, _ in effects))),
        min(high + reach, max(high, *(end for *_, end in effects))),
    )


def _write_heads(picture: _PathwayPicture, drawn: Pathways) -> float:
    """Write the headings of the columns, and return the lower edge."""
    middle = picture.axis + picture.length / 2
    placed = [("effects", middle, picture.length + 2 * _SPACE, "center")]
    if not picture.narrow:
        placed += [
            ("p_adjusted", picture.p, picture.p - picture.numbers, "right"),
            ("identification", picture.basis, _BASIS, "left"),
        ]
    broken = [
        (picture.lines_in(drawn.heads[head], room), x, ha)
        for head, x, room, ha in placed
    ]
    most = max(len(lines) for lines, *_ in broken)
    for lines, x, ha in broken:
        for number, line in enumerate(lines, start=most - len(lines)):
            y = -(number + 0.5) * picture.line
            picture.write(line, x, y, ha=ha, color="#555555")
    return -most * picture.line


def _write_row(
    picture: _PathwayPicture, row: PathwayRow, heads: Mapping[str, str], top: float
) -> float:
    """Write a proposition from its upper edge, and return its lower edge."""
    middle = top - picture.line / 2
    picture.write(row.id, 0.0, middle)
    y = picture.paragraph(row.path, picture.path, top, picture.wide)
    if math.isfinite(row.effect[0]):
        at, low, high = map(picture.inch, row.effect)
        picture.marks.append((row.verdict, middle, (at, low, high), picture.span))
    if picture.narrow:
        numbers = f"{row.number} {row.interval}, {heads['p_adjusted']} {row.p}"
        text = ", ".join([numbers, *row.basis])
        return picture.paragraph(text, picture.path, y, picture.wide)
    picture.write(row.number, picture.numbers, middle, ha="right")
    picture.write(row.p, picture.p, middle, ha="right")
    for text in row.basis:
        top = picture.paragraph(text, picture.basis, top, _BASIS)
    return min(y, top)


def _write_axis(
    picture: _PathwayPicture, limits: tuple[float, float], top: float, y: float
) -> float:
    """Write the axis of effects with a line at zero, and return the lower edge."""
    zero = picture.inch(0.0)
    picture.rules = [((zero, zero), (top, y), "--"), (picture.span, (y, y), "-")]
    ticker = matplotlib_part("ticker")
    for value in ticker.MaxNLocator(3 if picture.narrow else 4).tick_values(*limits):
        if limits[0] <= value <= limits[1]:
            x = picture.inch(value)
            picture.rules.append(((x, x), (y, y - 0.04), "-"))
            picture.write(f"{value:z.4g}", x, y - 0.06 - picture.line / 2, ha="center")
    return y - 0.06 - picture.line


def _write_verdicts(picture: _PathwayPicture, drawn: Pathways, y: float) -> float:
    """Write the legend of verdicts, and return the lower edge."""
    step, x = picture.line, 0.0
    for verdict, words in drawn.verdicts.items():
        end = x + _SAMPLE + _SPACE + picture.inches(words)
        if end > picture.right:
            x, y, end = 0.0, y - step, end - x
        ends = x, x + _SAMPLE
        marked = (x + _SAMPLE / 2, *ends)
        picture.marks.append((verdict, y - step / 2, marked, ends))
        picture.write(words, x + _SAMPLE + _SPACE / 2, y - step / 2)
        x = end + 0.3
    return y - step
