"""Parts of data commands: groups, the order of rows, files, the estimated rows."""

from __future__ import annotations

import pytest

import digiprosper as dp
from digiprosper.stata.prefixes import read_command
from digiprosper.stata.translation import ASSIGNMENT, Context, DataCall, file_name


def call(text: str, context: Context | None = None) -> DataCall:
    return DataCall(read_command(text), context or Context("id", "year"), {})


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
