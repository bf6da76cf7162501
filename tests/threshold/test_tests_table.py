from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper.errors import OptionError
from digiprosper.threshold.tests_table import ThresholdTestTable, table_of_tests

ZH = dp.TableStyle("zh")


def frame_of(count: int, *bootstraps: str) -> pd.DataFrame:
    """Give a frame as `ThresholdResults.tests` has it."""
    names = ["p_value", "crit_10", "crit_5", "crit_1"]
    rows = [
        [j, name, "score" if name == "wild_score" else "F", 20.0 / j, *(np.arange(4) / 100 + j / 50)]
        for j in range(1, count + 1)
        for name in bootstraps
    ]
    return pd.DataFrame(rows, columns=["threshold", "bootstrap", "statistic", "value", *names])


def made(count: int, *bootstraps: str, chosen: str | None = None) -> ThresholdTestTable:
    return table_of_tests(frame_of(count, *bootstraps), "urban", 999, chosen, {"urban": "Urban share"}, {})


def test_a_paper_has_a_row_a_test() -> None:
    table = dp.etable(made(4, "hansen"))
    assert list(table.frame.index) == [
        "Single threshold",
        "Double threshold",
        "Triple threshold",
        "4 thresholds",
    ]
    assert list(table.frame.columns) == ["F", "p-value", "Draws", "10%", "5%", "1%"]
    assert table.spans == ("", "", "", "Critical values", "Critical values", "Critical values")
    assert table.frame.loc["Double threshold"].tolist() == [
        "10.000",
        "0.040",
        "999",
        "0.050",
        "0.060",
        "0.070",
    ]
    assert table.notes == (
        "Thresholds in Urban share, each tested against one fewer; p-values and critical values from a "
        "bootstrap of whole entities (Hansen 1999).",
    )


def test_a_chinese_table_is_chinese() -> None:
    table = dp.etable(made(3, "wild_score"), style=ZH, labels={"urban": "城镇化率"})
    assert list(table.frame.index) == ["单一门槛", "双重门槛", "三重门槛"]
    assert list(table.frame.columns) == ["得分统计量", "p值", "抽样次数", "10%", "5%", "1%"]
    assert set(table.spans) == {"", "临界值"}
    assert table.notes[0].startswith("注：门槛变量为城镇化率，原假设为少一个门槛值")


def test_one_of_several_bootstraps_is_chosen() -> None:
    assert made(1, "wild_cluster", "iid").bootstrap == "wild_cluster"
    assert made(1, "wild_cluster", "iid", chosen="iid").bootstrap == "iid"


@pytest.mark.parametrize("chosen", ["hansen", 1, ""])
def test_a_bootstrap_that_was_not_drawn_is_refused(chosen: object) -> None:
    with pytest.raises(OptionError) as caught:
        made(1, "wild_cluster", "iid", chosen=chosen)  # type: ignore[arg-type]
    assert [problem.data["option"] for problem in caught.value.problems] == ["bootstrap"]


def test_without_tests_there_is_no_table() -> None:
    with pytest.raises(OptionError):
        table_of_tests(frame_of(0), "urban", 999, None, {}, {})


def test_variables_are_panels_of_one_table() -> None:
    table = dp.stack_tables({"Urban share": made(2, "hansen"), "Income": made(1, "hansen")})
    assert [table.frame.index[row] for row in table.panels] == ["Urban share", "Income"]
    assert table.spans[-1] == "Critical values"
