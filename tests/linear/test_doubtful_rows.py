"""Codes of missing values that are used as numbers."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from digiprosper import FixedEffects, Panel, PoissonEffects
from digiprosper.errors import DigiprosperWarning, Notice
from tests.linear.test_doubtful_terms import group_panel


def coded(values: dict[int, float], *, column: str = "x") -> Panel:
    """Put numbers in place of the values of a column in some rows."""
    frame = group_panel().frame.reset_index()
    for row, number in values.items():
        frame.loc[row, column] = number
    return Panel(frame, "i", "t")


def codes_of(panel: Panel, terms: list[str], y: str = "y") -> list[Notice]:
    with warnings.catch_warnings(record=True) as issued:
        warnings.simplefilter("always")
        fit = FixedEffects(y, terms).fit(panel)
    notices = [n for n in fit.diagnostics if n.code == "missing_codes"]
    # They warn, whatever the role of the column.
    texts = [str(warning.message) for warning in issued]
    assert all(notice.message in texts for notice in notices)
    return notices


@pytest.mark.parametrize("code", [-99, -66, 999, 9999])
@pytest.mark.parametrize("terms", [["x", "z"], ["lag(x)", "z"], ["z", "x:late"]])
def test_codes_of_missing_values_are_told(code: int, terms: list[str]) -> None:
    (notice,) = codes_of(coded({3: code, 4: np.nan, 44: code}), terms)
    used = 1 if terms[0] == "lag(x)" else 2
    assert notice.data["column"] == "x"
    assert notice.data["codes"] == [code]
    assert notice.data["count"] in (used, 2)
    assert f"df['x'].replace([{code}], np.nan)" in notice.message


def test_codes_that_alone_are_negative_are_told() -> None:
    panel = coded({}).assign(x=lambda f: np.exp(9 + f["x"]))
    frame = panel.frame.reset_index()
    frame.loc[[3, 44], "x"] = -9999
    (notice,) = codes_of(Panel(frame, "i", "t"), ["x", "z"])
    assert notice.data == {"column": "x", "codes": [-9999], "count": 2}
    for honest in ({3: -9999}, {3: -9999, 44: -9999, 5: -1}):
        frame.loc[[3, 44, 5], "x"] = [honest.get(row, 9e3) for row in (3, 44, 5)]
        assert codes_of(Panel(frame, "i", "t"), ["x", "z"]) == []


def test_a_code_of_never_treated_entities_is_a_time() -> None:
    frame = coded({}).frame.reset_index()
    first = frame.iloc[:, 0].map(lambda i: 9999 if i % 2 else 4 + i % 3)
    panel = Panel(frame.assign(first=first), *frame.columns[:2])
    assert codes_of(panel, ["treated(first)"]) == []


def test_codes_of_the_outcome_and_two_codes_are_told() -> None:
    panel = coded({3: -66, 4: -88, 5: -88}, column="x")
    (notice,) = codes_of(panel, ["z"], y="x")
    assert notice.data == {"column": "x", "codes": [-88, -66], "count": 3}


@pytest.mark.parametrize(
    "panel",
    [
        coded({3: -98.0}),  # no code
        coded({3: -99.0, 4: 120.0}),  # returns in percent
        coded({3: -9.0, 4: -8.0, 5: 7.0}),  # a scale from -9
        coded(dict.fromkeys(range(400), -9.0) | {3: 0.0}),  # no range of others
        coded(dict.fromkeys(range(400), -9.0) | {3: -8.0}),  # codes only
    ],
)
def test_numbers_that_may_be_values_are_no_codes(panel: Panel) -> None:
    assert codes_of(panel, ["x", "z"]) == []


def test_a_code_of_a_category_is_no_number() -> None:
    panel = group_panel().assign(w=lambda f: (f["x"] > 0) - 10.0 * (f["x"] > 1.5))
    assert codes_of(panel, ["z", "w"])[0].data["codes"] == [-9]
    assert codes_of(panel, ["z", "C(w)"]) == []


def clubs(n: int = 30, seed: int = 3) -> pd.DataFrame:
    """Clubs by season: attendance that stadiums limit, points, sales and prices."""
    rng = np.random.default_rng(seed)
    i, t = np.indices((n, 10)).reshape(2, -1)
    frame = pd.DataFrame({"i": i, "t": t, "quality": rng.normal(size=i.size)})
    frame["seats"] = np.exp(rng.normal(10, 0.4, n)).round()[i]
    wanted = np.exp(-0.1 + 0.3 * frame["quality"] + rng.normal(0, 0.1, i.size))
    frame["wanted"] = (frame["seats"] * wanted).round()
    frame["attendance"] = frame[["wanted", "seats"]].min(axis=1)
    frame["sold"] = rng.poisson(np.exp(1 + rng.normal(0, 1, n)[i]))
    return frame.assign(price=np.exp(rng.normal(0, 0.2, i.size)))


def codes_in(spec: FixedEffects | PoissonEffects, frame: pd.DataFrame) -> list[Notice]:
    codes = ("capped_outcome", "missing_at_zero", "suppressed_counts")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        fit = spec.fit(Panel(frame, "i", "t"))
    return [n for n in fit.diagnostics if n.code in codes]


@pytest.mark.parametrize("y", ["log(attendance)", "I(attendance / seats)"])
def test_an_outcome_that_a_limit_stops_is_reported(y: str) -> None:
    frame, spec = clubs(), FixedEffects(y, ["quality"])
    (notice,) = codes_in(spec, frame)
    at_limit = frame["attendance"] == frame["seats"]
    assert notice.data["term"] == y
    sold_out = at_limit.groupby(frame["i"]).sum()
    # Of shares the limit is that of all clubs, of numbers each club's own.
    assert notice.data["count"] == sold_out[sold_out > ("log" in y)].sum()
    wanted = FixedEffects(y.replace("attendance", "wanted"), ["quality"])
    assert not codes_in(wanted, frame)
    # Incomes above a limit are written as the limit.
    limit = frame["wanted"].quantile(0.8)
    top = frame.assign(wanted=frame["wanted"].clip(upper=limit))
    (notice,) = codes_in(FixedEffects("wanted", ["quality"]), top)
    assert notice.data["count"] == (top["wanted"] == limit).sum()


@pytest.mark.parametrize(
    "y", ["sold", "grade", "won", "steps", "scaled", "filled", "still", "listed"]
)
def test_largest_values_that_are_no_limits_are_silent(y: str) -> None:
    frame = clubs()
    by_year = frame.groupby("t")["wanted"]
    frame["scaled"] = (frame["wanted"] - by_year.transform("min")) / (
        by_year.transform("max") - by_year.transform("min")
    )
    frame["grade"] = np.clip(np.round(3 + frame["quality"]), 1, 5)
    frame["won"] = (frame["quality"] > -1) * 1.0
    frame["steps"] = frame["seats"] * (1 + (frame["t"] > 4) + (frame["t"] > 7))
    rises = frame.groupby("i")["price"].cumsum()
    frame["filled"] = rises.where(frame["t"] < 7).ffill()
    frame["still"] = frame["price"].where(frame["i"] % 3 > 0, frame["seats"])
    frame["listed"] = frame["seats"] * np.exp(np.minimum(frame["quality"] + 0.5, 0))
    for some in (frame, frame[frame["i"] < 6]):
        assert not codes_in(FixedEffects(y, ["price"]), some)


def test_prices_that_are_missing_where_nothing_is_sold_are_reported() -> None:
    frame = clubs()
    spec = PoissonEffects("sold", ["quality", "log(price)"])
    some = np.arange(len(frame)) % 20 == 0
    assert not codes_in(spec, frame.assign(price=frame["price"].mask(some)))
    paid = frame.assign(price=frame["price"].where(frame["sold"] > 0))
    (notice,) = codes_in(spec, paid)
    zeros = int((frame["sold"] == 0).sum())
    # Changes are missing in the first period, where growth since then is zero.
    grown = frame.assign(since=lambda f: f["t"] * f["price"])
    grown["change"] = grown.groupby("i")["quality"].diff()
    assert not codes_in(FixedEffects("since", ["change"]), grown)
    assert notice.data == {"term": "log(price)", "outcome": "sold", "count": zeros}


def test_rows_that_are_absent_where_nothing_is_sold_are_reported() -> None:
    frame = clubs(200)
    spec = PoissonEffects("sold", ["price"])
    (notice,) = codes_in(spec, frame[frame["sold"] > 0])
    assert (notice.code, notice.data["column"]) == ("suppressed_counts", "sold")
    # Entities that enter late, or leave, have no gaps.
    size = frame.groupby("i")["sold"].transform("mean")
    staying = frame[frame["t"] < 3 + size].assign(sold=frame["sold"] + 1)
    assert not codes_in(spec, staying)
    # Households have at least one person, and small ones answer less often.
    persons = frame.assign(sold=frame["sold"].clip(1, 6))
    assert not codes_in(spec, persons[frame["sold"] > 0])
