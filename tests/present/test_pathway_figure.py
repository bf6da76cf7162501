"""The figure of pathways."""

from __future__ import annotations

from dataclasses import replace

import pytest

from digiprosper.present.figure import FAINT, INK, MARKED
from digiprosper.present.pathway_figure import draw_pathways
from digiprosper.report.drawings import PathwayRow, Pathways, PathwayStage

pyplot = pytest.importorskip("matplotlib.pyplot")

WORDS = {"supported": "supported", "contradicted": "contradicted", "inconclusive": "inconclusive"}
ROWS = [
    PathwayRow("P01", "digital → income", "0.12 [0.04, 0.21]", "supported"),
    PathwayRow("P15", "digital, digital² → gap", "-0.3 [-0.4, -0.2]", "contradicted"),
]
DRAWN = Pathways(
    source="Digital economy",
    target="Common prosperity",
    stages=[
        PathwayStage("Making the cake bigger", ROWS, "Not tested: P02"),
        PathwayStage("Constraints", [PathwayRow("P20", "a × b → c", "1 [0, 2]", "inconclusive")], ""),
        PathwayStage("Conditions", [], "Not tested: P47"),
    ],
    verdicts=WORDS,
    note="A note.",
)


@pytest.fixture
def axes():
    drawn = draw_pathways(DRAWN, None, "test")
    yield drawn
    pyplot.close(drawn.figure)


def texts_of(axes):
    return [text.get_text() for text in axes.texts if text.get_text()]


def markers_of(axes):
    lines = [line for line in axes.get_lines() if line.get_marker() != "None"]
    return [(line.get_color(), line.get_marker(), line.get_markerfacecolor()) for line in lines]


def test_every_text_is_there(axes) -> None:
    found = texts_of(axes)
    for row in ROWS:
        assert {row.id, row.path, row.numbers} <= set(found)
    assert {"Not tested: P47", "A note."} <= set(found)
    assert [" ".join(text.split()) for text in found if "\n" in text] == [DRAWN.source, DRAWN.target]


def test_a_verdict_has_a_colour_and_a_marker(axes) -> None:
    looks = markers_of(axes)
    assert looks[:3] == [(INK, "o", INK), (MARKED, "X", MARKED), (FAINT, "o", "white")]
    # Once more beside the words of the verdicts.
    assert looks[3:] == looks[:3]
    assert len({look[1:] for look in looks}) == 3


def test_nothing_lies_outside_and_rows_do_not_overlap(axes) -> None:
    axes.figure.canvas.draw()
    frame = axes.get_window_extent()
    boxes = [text.get_window_extent() for text in axes.texts if text.get_text()]
    assert all(frame.x0 - 2 <= box.x0 and box.x1 <= frame.x1 + 2 for box in boxes)
    for j, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[j + 1 :])


def test_long_paths_are_broken() -> None:
    long = replace(ROWS[0], path=" → ".join(["a variable with a long name"] * 5))
    ax = draw_pathways(replace(DRAWN, stages=[PathwayStage("S", [long], "")]), None, "test")
    assert long.path not in texts_of(ax)
    assert " ".join(texts_of(ax)).count("long") == 5
    pyplot.close(ax.figure)


def test_given_axes_are_drawn_on_in_smaller_type() -> None:
    small = pyplot.subplots(figsize=(4, 3))[1]
    assert draw_pathways(DRAWN, small, "test") is small
    assert max(text.get_fontsize() for text in small.texts if text.get_text()) < 9
    pyplot.close(small.figure)


def test_without_a_tested_proposition() -> None:
    ax = draw_pathways(replace(DRAWN, stages=DRAWN.stages[2:], note=""), None, "test")
    assert "Not tested: P47" in texts_of(ax)
    pyplot.close(ax.figure)
