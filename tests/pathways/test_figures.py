"""What the figure of pathways draws."""

from __future__ import annotations

import pytest

import digiprosper as dp
from digiprosper.errors import InputTypeError
from digiprosper.pathways.figures import pathway_figure


def test_stages_hold_the_propositions_in_order(report) -> None:
    drawn = pathway_figure(report, {}, "test")
    by_name = {stage.name: stage for stage in drawn.stages}
    cake = by_name["Making the cake bigger"]
    assert [row.id for row in cake.rows] == ["P05", "P09", "P10"]
    assert cake.untested == "Not tested: P04, P08:cp_growth"
    assert by_name["Dividing it well"].untested == "Not tested: P08:cp_share"
    constraints = {row.id: row for row in by_name["Constraints"].rows}
    assert constraints["P15"].verdict == "contradicted"
    assert constraints["P20"].path == "digital × openness → prosperity"
    assert set(drawn.verdicts) == {"supported", "contradicted", "inconclusive"}


def test_numbers_are_those_of_the_frame(report) -> None:
    drawn = pathway_figure(report, {}, "test")
    rows = {row.id: row for stage in drawn.stages for row in stage.rows}
    row = report.frame.loc["P05"]
    assert (
        rows["P05"].numbers
        == f"{row['estimate']:.3g} [{row['conf_low']:.3g}, {row['conf_high']:.3g}]"
    )


def test_words_of_the_language_and_labels(report) -> None:
    chinese = pathway_figure(report.in_language("zh"), {}, "test")
    assert (chinese.source, chinese.target) == ("数字经济指数", "共同富裕指数")
    assert chinese.stages[0].rows[0].path.startswith("数字经济指数 → ")
    named = pathway_figure(report, {"digital": "数字", "prosperity": "CP"}, "test")
    assert named.stages[0].rows[0].path == "数字 → upgrading → CP"
    assert (named.source, named.target) == ("数字", "CP")


@pytest.mark.parametrize("given", [None, 3, {"P05": 1}])
def test_what_is_no_report_is_refused(given) -> None:
    with pytest.raises(InputTypeError):
        dp.plots.pathways(given)


def test_the_figure_is_drawn(report) -> None:
    pyplot = pytest.importorskip("matplotlib.pyplot")
    ax = dp.plots.pathways(report)
    assert "P15" in [text.get_text() for text in ax.texts]
    pyplot.close(ax.figure)


def test_own_propositions_have_their_own_ends(panel) -> None:
    own = [
        dp.pathways.Mechanism(
            f"M{place}", "A claim", cause=cause, outcome="out", sign="+", shape="linear"
        )
        for place, cause in enumerate(["one", "one", "two"])
    ]
    columns = {"one": "digital", "two": "openness", "out": "upgrading"}
    alike = dp.pathways.evaluate(
        panel, own[:2], {"one": "digital", "out": "upgrading"}, rng=1
    )
    several = dp.pathways.evaluate(panel, own, columns, rng=1)
    drawn = pathway_figure(alike, {"digital": "Digital"}, "test")
    assert (drawn.source, drawn.target) == ("Digital", "upgrading")
    assert [
        ([row.id for row in stage.rows], stage.untested) for stage in drawn.stages
    ] == [(["M0", "M1"], "")]
    assert pathway_figure(several, {}, "test").source == "Explanatory variables"
