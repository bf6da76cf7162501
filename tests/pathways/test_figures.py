"""What the figure of pathways draws."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import digiprosper as dp
from digiprosper.errors import InputTypeError
from digiprosper.pathways.figures import pathway_figure
from tests.pathways.conftest import COLUMNS, CONTROLS, IDS


def rows_of(drawn):
    return {row.id: row for rows in drawn.stages.values() for row in rows}


def test_stages_hold_the_propositions_in_order(report) -> None:
    drawn = pathway_figure(report, {}, "test")
    cake = drawn.stages["Making the cake bigger"]
    assert [row.id for row in cake] == ["P05", "P09", "P10"]
    constraints = {row.id: row for row in drawn.stages["Constraints"]}
    assert constraints["P15"].verdict == "contradicted"
    assert constraints["P15"].path.endswith("(low end))")
    assert constraints["P20"].path == "digital × openness → prosperity"
    assert constraints["P20"].basis == ["two-way FE", "proxy"]
    assert cake[0].basis == ["two-way FE, a×b"]
    assert set(drawn.verdicts) == {"supported", "contradicted", "inconclusive"}


def test_stages_are_in_their_order_whatever_that_of_the_propositions(report) -> None:
    reverse = replace(report, findings=report.findings[::-1])
    drawn = [pathway_figure(r, {}, "test").stages for r in (report, reverse)]
    assert list(drawn[1]) == list(drawn[0])
    assert list(drawn[0])[-1] == "Constraints"


def test_what_was_not_tested_is_named_with_the_reason(report) -> None:
    last = pathway_figure(report, {}, "test").notes[-1]
    assert last.startswith("Not tested: ")
    for finding in report.findings:
        name = finding.mechanism.id.partition(":")[0]
        assert (name in last) == (not finding.tested)
    assert "P41 (needs survey data)" in last
    assert "no column for a role of P04, P08." in last


def test_effects_are_those_of_standardised_columns(panel, catalogue, report) -> None:
    """With columns of standard deviation one, estimates are in these units."""
    drawn = rows_of(pathway_figure(report, {}, "test"))
    names = sorted({*COLUMNS.values(), *CONTROLS})
    scaled = panel.assign(**{n: panel[n] / panel[n].std() for n in names})
    chosen = [catalogue[name] for name in IDS if name in drawn]
    again = dp.pathways.evaluate(scaled, chosen, COLUMNS, controls=CONTROLS, rng=1)
    for name, row in drawn.items():
        frame = report.frame.loc[name]
        standard = again.frame.loc[name]
        assert row.effect == tuple(frame[["std_effect", "std_low", "std_high"]])
        assert row.effect == pytest.approx(
            tuple(standard[["estimate", "conf_low", "conf_high"]]), rel=1e-6
        )
        assert standard["std_effect"] == pytest.approx(standard["estimate"], rel=1e-9)
        assert row.number == f"{frame['std_effect']:z.2f}"
        assert row.interval == f"[{frame['std_low']:z.2f}, {frame['std_high']:z.2f}]"


@pytest.mark.filterwarnings("ignore::digiprosper.errors.FewClustersWarning")
def test_paths_of_a_chain_and_policies_have_their_own_units(panel, catalogue) -> None:
    chain = replace(catalogue["P05"], path_signs="++")
    policy = dp.pathways.Mechanism(
        "M",
        "A claim",
        cause="p",
        outcome="cp",
        sign="+",
        shape="linear",
        design="staggered",
    )
    shift = dp.pathways.Mechanism(
        "S",
        "A claim",
        cause="de",
        outcome="gap",
        moderator="w",
        sign="shift",
        shape="U-moderated",
    )
    year = panel.frame.index.get_level_values("year")
    adopted = panel["digital"].groupby(level=0).transform("mean") > 0.45
    staggered = panel.assign(pilot=(adopted & (year > 2016)).astype(float))
    actual = dp.pathways.evaluate(
        staggered,
        [chain, policy, shift],
        {
            "de": "digital",
            "cp": "prosperity",
            "isu": "upgrading",
            "p": "pilot",
            "gap": "urban_rural_theil",
            "w": "urban",
        },
        rng=1,
    )
    sd = panel[["digital", "upgrading", "prosperity"]].std()
    parts = {part.code: part for part in actual.findings[0].parts}
    x, m, y = sd
    assert parts["indirect"].scale == pytest.approx(x / y)
    assert parts["path_a"].scale == pytest.approx(x / m)
    assert parts["path_b"].scale == pytest.approx(m / y)
    assert actual.findings[1].parts[0].scale == pytest.approx(1 / y)
    assert actual.findings[1].identification == "parallel_trends"
    assert np.isnan(actual.frame.loc["S", "std_effect"])
    row = rows_of(pathway_figure(actual, {}, "test"))["S"]
    assert (row.number, row.interval) == ("-", "")


def test_words_of_the_language_and_labels(report) -> None:
    chinese = pathway_figure(report.in_language("zh"), {}, "test")
    assert next(iter(chinese.stages.values()))[0].path.startswith("数字经济指数 → ")
    assert chinese.notes[-1].startswith("未检验：")
    named = pathway_figure(report, {"digital": "数字", "prosperity": "CP"}, "test")
    assert next(iter(named.stages.values()))[0].path == "数字 → upgrading → CP"
    by_style = pathway_figure(report, {}, "test", "chinese")
    assert by_style.notes == chinese.notes


@pytest.mark.parametrize("given", [None, 3, {"P05": 1}])
def test_what_is_no_report_is_refused(given) -> None:
    with pytest.raises(InputTypeError):
        dp.plots.pathways(given)


def test_the_figure_is_drawn(report) -> None:
    pyplot = pytest.importorskip("matplotlib.pyplot")
    ax = dp.plots.pathways(report)
    assert "P15" in [text.get_text() for text in ax.texts]
    pyplot.close(ax.figure)


def test_own_propositions_are_a_stage_without_a_note_on_others(panel) -> None:
    own = [
        dp.pathways.Mechanism(
            f"M{place}", "A claim", cause="one", outcome="out", sign="+", shape="linear"
        )
        for place in range(2)
    ]
    report = dp.pathways.evaluate(
        panel, own, {"one": "digital", "out": "upgrading"}, rng=1
    )
    drawn = pathway_figure(report, {"digital": "Digital"}, "test")
    assert [[row.path for row in rows] for rows in drawn.stages.values()] == [
        ["Digital → upgrading"] * 2
    ]
    assert drawn.notes[-1] == ""
    none = dp.pathways.evaluate(panel, own, {}, rng=1)
    empty = pathway_figure(none, {}, "test")
    assert (empty.stages, empty.notes) == (
        {},
        ["Not tested: no column for a role of M0, M1."],
    )
