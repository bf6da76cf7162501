"""A test's answer says its statistic, its distribution and its hypothesis."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper.report.summary import Summary
from digiprosper.report.tests import TestResult


def test_members_of_the_contract() -> None:
    names = [f.name for f in dataclasses.fields(TestResult)]
    assert names[:7] == [
        "name",
        "statistic",
        "distribution",
        "df",
        "p_value",
        "null",
        "detail",
    ]
    assert TestResult.__test__ is False


@pytest.mark.parametrize(
    ("result", "text"),
    [
        (
            TestResult("Wald test", 3.25, "F", (2.0, 47.0), 0.0478, "a = b"),
            "Wald test: F(2, 47) = 3.2500, p = 0.0478. H0: a = b",
        ),
        (
            TestResult("LM", 9.5, "chi2", 4.0, 1e-9, "no"),
            "LM: chi2(4) = 9.5000, p < 0.0001. H0: no",
        ),
        (
            TestResult("CD", -1.0, "normal", None, 0.5, "none"),
            "CD: z = -1.0000, p = 0.5000. H0: none",
        ),
    ],
)
def test_summary_never_prints_zero(result: TestResult, text: str) -> None:
    assert result.summary() == str(result) == text


@pytest.mark.parametrize(
    ("detail", "stored"),
    [
        (None, None),
        ({"pairs": 3, "mean": np.float64(0.5)}, {"pairs": 3, "mean": 0.5}),
        (pd.DataFrame({"term": ["a"], "z": [np.nan]}), [{"term": "a", "z": None}]),
    ],
)
def test_detail_is_stored_as_plain_data(detail: object, stored: object) -> None:
    result = TestResult("t", 1.0, "F", (1.0, 5.0), 0.5, "a = 0", detail)  # type: ignore[arg-type]
    assert json.loads(json.dumps(result.to_dict()))["detail"] == stored
    assert Summary.from_dict(result.to_dict()).to_text() == result.summary()


def test_column_of_a_table() -> None:
    (column,) = TestResult(
        "Wald test", 3.25, "F", (2.0, 47.0), 0.0478, "a = b"
    ).table_columns()
    assert column.head == "Wald test"
    assert {name: cell.value for name, cell in column.cells.items()} == {
        "Statistic": 3.25,
        "Distribution": "F(2, 47)",
        "p-value": 0.0478,
    }


def test_frozen_and_copied() -> None:
    result = TestResult(
        "t", 1.0, "bootstrap", None, 0.5, "a = 0", {"k": 1}, np.arange(3.0)
    )
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.p_value = 0.0  # type: ignore[misc]
    for other in (pickle.loads(pickle.dumps(result)), copy.deepcopy(result)):
        assert other.summary() == result.summary()
        np.testing.assert_array_equal(other.draws, result.draws)


@pytest.mark.parametrize(
    ("p", "shown"), [(1e-4, "p = 0.0001."), (0.99e-4, "p < 0.0001.")]
)
def test_a_p_value_has_four_digits_from_one_in_ten_thousand(
    p: float, shown: str
) -> None:
    assert shown in TestResult("t", 4.0, "normal", None, p, "a = 0").summary()


def test_a_stored_test_is_the_same_column_of_a_table() -> None:
    panel = dp.datasets.us_states()
    spec = dp.FixedEffects("log(gsp)", ["log(pc)", "unemp"])
    tests = [
        dp.hausman(spec, panel),
        dp.wild_bootstrap(spec, panel, "unemp", reps=199, rng=1),
    ]
    stored = [
        Summary.from_dict(json.loads(json.dumps(test.to_dict()))) for test in tests
    ]
    assert str(dp.etable(stored)) == str(dp.etable(tests))


def test_the_method_and_the_alternatives_are_printed_and_stored() -> None:
    known = TestResult("Wald test", 4.0, "chi2", 2.0, 0.1353, "a = b")
    test = TestResult(
        "Wald test",
        3.5,
        "bootstrap",
        2.0,
        0.21,
        "a = b",
        method="wild bootstrap, 999 draws",
        alternatives={"csdid": known},
    )
    assert test.summary().splitlines() == [
        (
            "Wald test: statistic = 3.5000, p = 0.2100 (wild bootstrap, 999 "
            "draws). H0: a = b"
        ),
        "csdid prints chi2(2) = 4.0000, p = 0.1353.",
    ]
    stored = json.loads(json.dumps(test.to_dict()))
    assert stored["method"] == "wild bootstrap, 999 draws"
    assert stored["alternatives"]["csdid"]["p_value"] == 0.1353
    assert Summary.from_dict(stored).to_text() == test.summary()
    again = pickle.loads(pickle.dumps(test))
    assert again.alternatives["csdid"].summary() == known.summary()
    assert [f.name for f in dataclasses.fields(TestResult)][-4:] == [
        "method",
        "alternatives",
        "labels",
        "factors",
    ]


def test_a_p_value_at_the_floor_of_its_draws_is_noted() -> None:
    drawn = TestResult(
        "Placebo test", 9.0, "placebo", None, 1 / 1000, "no effect", draws=np.zeros(999)
    )
    assert dp.etable(drawn).notes == (
        "Placebo test: the p-value is the smallest possible with 999 draws.",
    )
    assert dp.etable(dataclasses.replace(drawn, p_value=2 / 1000)).notes == ()
    wild = TestResult(
        "Wald test",
        99.0,
        "chi2",
        3,
        1 / 10_000,
        "a = b = c = 0",
        method="restricted wild cluster bootstrap, 9,999 draws",
    )
    table = dp.etable(wild)
    assert table.frame.loc["Distribution"].tolist() == ["χ²(3)"]
    assert "smallest possible with these draws" in table.notes[0]
    assert (
        "已是此抽样次数下可能的最小值"
        in dp.etable(wild, style=dp.TableStyle("zh")).notes[0]
    )
    assert "chi2(3) = 99.0000" in str(wild)
