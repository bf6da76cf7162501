"""Base values: against means written out, and columns and periods that cannot be used."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from digiprosper import Panel
from digiprosper.errors import (
    ColumnError,
    IdentificationError,
    InputTypeError,
    MissingDataError,
    OptionError,
    PanelIndexError,
    TermError,
)
from digiprosper.policy.base_values import base_values


def frame() -> pd.DataFrame:
    """Eight cities over six years, unbalanced; cities 0 to 2 are treated from 2003, city 3 from 2004 on."""
    rng = np.random.default_rng(1)
    made = pd.DataFrame({"city": np.repeat(np.arange(8), 6), "year": np.tile(np.arange(2000, 2006), 8)})
    first = np.array([2003, 2003, 2003, 2004, 9999, 9999, 9999, 9999])
    made["policy"] = (made["year"] >= first[made["city"]]).astype(float)
    made["group"] = (first[made["city"]] < 9999).astype(int)
    made["first"] = first[made["city"]]
    made["a"], made["b"] = rng.uniform(1, 2, size=(2, len(made)))
    made.loc[9, "b"] = np.nan  # city 1, 2003
    return made.drop(index=[0, 13, 40]).reset_index(drop=True)


def read(base: Any, treated: str = "policy", terms: tuple[str, ...] = ("a", "b")) -> Any:
    return base_values(Panel(frame(), "city", "year"), treated, terms, base)


def test_first_rows_are_taken() -> None:
    found = read("first")
    expected = frame().groupby("city")[["a", "b"]].first()
    assert found.x == pytest.approx(expected.to_numpy(), abs=0)
    assert found.treated.tolist() == [True] * 4 + [False] * 4
    assert found.periods == {2000: 7, 2001: 1}
    assert found.complete.all()


def test_a_period_is_taken() -> None:
    found = read(2001)
    rows = frame().query("year == 2001").set_index("city").reindex(range(8))
    assert found.x == pytest.approx(rows[["a", "b"]].to_numpy(), abs=0, nan_ok=True)
    assert found.complete.tolist() == [True, True, False, True, True, True, True, True]
    assert found.missing == {"a": 1, "b": 1}
    assert found.periods == {}


def test_means_are_over_the_periods_before_anybody_is_treated() -> None:
    found = read("pre")
    expected = frame().query("year < 2003").groupby("city")[["a", "b"]].mean()
    assert found.x == pytest.approx(expected.to_numpy(), rel=1e-14)


def test_terms_and_lags_are_evaluated_in_the_whole_panel() -> None:
    found = read(2002, terms=("lag(a)", "log(b)"))
    made = frame().set_index(["city", "year"])
    assert found.x[3] == pytest.approx([made.loc[(3, 2001), "a"], np.log(made.loc[(3, 2002), "b"])])
    assert np.isnan(found.x[2]).all()  # no row in 2001
    assert found.missing == {"lag(a)": 1}


def test_a_missing_value_is_counted_by_its_term() -> None:
    found = read(2003, treated="group")
    assert found.missing == {"b": 1}
    assert not found.complete[1]


def test_a_column_that_is_constant_by_entity_has_no_first_period() -> None:
    assert read(2005, treated="group").complete.all()
    with pytest.raises(OptionError, match="not known"):
        read("pre", treated="group")


def test_a_cross_section_has_its_only_row() -> None:
    made = frame().groupby("city").first().reset_index()
    found = base_values(Panel(made, "city"), "group", ("a",), "first")
    assert (found.base, found.periods) == ("the only row", {})
    for base in ("pre", 2001):
        with pytest.raises(PanelIndexError):
            base_values(Panel(made, "city"), "group", ("a",), base)


def test_dates_can_be_a_base() -> None:
    made = frame()
    made["year"] = pd.to_datetime(made["year"].astype(str))
    panel = Panel(made, "city", "year")
    for base in (pd.Timestamp("2001-01-01"), "2001-01-01"):
        assert base_values(panel, "policy", ("a",), base).complete.sum() == 7
    with pytest.raises(OptionError):
        base_values(panel, "policy", ("a",), "soon")


@pytest.mark.parametrize("base", [2010, 2000.5, "middle", None, True, [2001], (2000, 2001), float("nan")])
def test_other_bases_are_refused(base) -> None:
    with pytest.raises(OptionError) as caught:
        read(base)
    assert caught.value.problems[0].data["option"] == "base"


@pytest.mark.parametrize(("base", "late"), [(2003, [0, 1, 2]), (2004, [0, 1, 2, 3])])
def test_a_base_in_which_treatment_has_begun_is_refused(base, late) -> None:
    with pytest.raises(IdentificationError) as caught:
        read(base)
    assert caught.value.problems[0].data == {"base": base, "entities": late}


def test_an_entity_treated_in_its_first_row_has_no_base() -> None:
    made = frame().query("city != 0 or year >= 2003")
    with pytest.raises(IdentificationError) as caught:
        base_values(Panel(made, "city", "year"), "policy", ("a",), "first")
    assert caught.value.problems[0].data["entities"] == [0]


@pytest.mark.parametrize(
    ("treated", "error"),
    [
        ("first", InputTypeError),
        ("a", InputTypeError),
        ("b", MissingDataError),
        ("city", TermError),
        ("year", TermError),
        ("nothing", ColumnError),
        ("name", InputTypeError),
        ("always", IdentificationError),
        ("never", IdentificationError),
    ],
)
def test_columns_that_say_not_who_is_treated_are_refused(treated, error) -> None:
    made = frame().assign(name="x", always=1, never=0)
    with pytest.raises(error):
        base_values(Panel(made, "city", "year"), treated, ("a",), "first")
