"""Specifications are written as calls; data commands have groups, order and files."""

from __future__ import annotations

from typing import Any

import pytest

import digiprosper as dp
from digiprosper.stata.prefixes import read_command
from digiprosper.stata.translation import (
    ASSIGNMENT,
    Call,
    Context,
    as_python,
    file_name,
)
from digiprosper.stata.varlists import Variables


@pytest.mark.many(6)
@pytest.mark.parametrize(
    "spec",
    [
        dp.FixedEffects(
            "y",
            ["x", "C(地区, ref='东部')"],
            absorb=["a^b"],
            bandwidth=2,
            cov_type="xtscc",
            ssc="plm",
        ),
        dp.FixedEffectsIV("y", [], ["d"], ["z"], clusters="id"),
        dp.PanelThreshold("y", "x", "q", n_thresholds=2, trim=(0.05, 0.1)),
        dp.DynamicPanel(
            "y",
            "x",
            equations={"x": "level"},
            estimator="system",
            instrument_lags={"y": (2, None)},
        ),
        dp.Mediation("y", "x", ["m", "n"], reps=99),
        dp.EventStudy("y", "first", ["x"], before=3),
    ],
)
def test_calls_make_the_same_value(spec: Any) -> None:
    assert eval(as_python(spec)) == spec


def test_what_a_specification_refuses_is_refused() -> None:
    call = Call(read_command("reghdfe y x"), Context(), {})
    with pytest.raises(dp.StataError, match="also in x"):
        call.specify("FixedEffects", y="y", x=["y"])


def test_keys_and_complete_columns_come_from_the_panel() -> None:
    context = Context.start(dp.datasets.us_states(), {})
    assert (context.entity, context.time) == ("state", "year")
    assert "unemp" in context.complete
    assert context.frame["year"].nunique() == 17
    assert context.where("unemp > 6") == "unemp > 6"
    plain = Context.start(None, {}, ("id", None))
    assert plain.where("unemp > 6 & id > 3") == "not (unemp <= 6) and id > 3"
    assert plain.frame.columns.empty
    assert plain.variables == Variables()


def call(text: str, context: Context | None = None) -> Call:
    return Call(read_command(text), context or Context("id", "year"), {})


@pytest.mark.parametrize(
    ("text", "groups", "order"),
    [
        ("bysort id (year): gen a = _n", (["id"], ["year"]), ("id", "year")),
        ("by id (year), sort: gen a = _n", (["id"], ["year"]), ("id", "year")),
        ("by id: gen a = _n", (["id"], []), ("x",)),
        ("gen a = _n", ([], []), ("x",)),
    ],
)
def test_groups_and_order(text: str, groups: object, order: tuple[str, ...]) -> None:
    of = call(text, Context("id", "year", order=("x",)))
    assert (of.groups, of.order) == (groups, order)


def test_an_assignment_has_a_type_a_name_and_a_value() -> None:
    match = ASSIGNMENT.fullmatch("double a:label = x == 1")
    assert match is not None
    assert match.group("type", "name", "value") == ("double", "a", "x == 1")
    assert ASSIGNMENT.fullmatch("a == 1") is None
    with pytest.raises(dp.StataError, match="gen"):
        call("gen a").assignment  # noqa: B018  (a property that raises)


def test_files_have_an_ending() -> None:
    assert file_name('"D:\\data\\a"') == "D:\\data\\a.dta"
    assert file_name("a.dta") == "a.dta"
    with pytest.raises(dp.StataError, match="without using"):
        call("append").path  # noqa: B018  (a property that raises)


def test_the_estimated_rows_need_keys_and_a_linear_regression() -> None:
    fitted = dp.FixedEffects("y", "x")
    for context, is_known in (
        (Context("id", "year", last=fitted, fitted_keys=("id", "year")), True),
        (Context("id", "year", last=fitted), False),
        (Context("id", last=fitted), False),
        (Context("id", "year"), False),
    ):
        results = call("keep if e(sample)", context).printer.results
        assert ("e(sample)" in results) == is_known
