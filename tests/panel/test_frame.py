"""The panel: lags by time value, columns by label, rows by condition, numbers by hand."""

from __future__ import annotations

import copy
import inspect
import pickle
import warnings
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings

from digiprosper import Panel
from digiprosper.errors import (
    AlignmentError,
    ColumnError,
    IdentificationError,
    InputTypeError,
    MissingDataError,
    MissingDataWarning,
    OptionError,
    PanelIndexError,
    TermError,
)

nan = np.nan


def frame(seed: int = 0, entities: int = 5, times: int = 6) -> pd.DataFrame:
    """An unsorted, unbalanced panel with a text column and holes."""
    rng = np.random.default_rng(seed)
    grid = pd.DataFrame(
        [(f"p{i}", 2010 + t) for i in range(entities) for t in range(times)], columns=["city", "year"]
    )
    grid["gdp"] = rng.lognormal(size=len(grid))
    grid["digital"] = rng.normal(size=len(grid))
    grid["region"] = np.where(grid["city"].isin(["p0", "p2"]), "east", "west")
    grid["K / L"] = rng.uniform(1, 2, size=len(grid))
    grid["资本"] = rng.uniform(1, 2, size=len(grid))
    return grid.sample(frac=0.85, random_state=seed)


@pytest.fixture
def panel() -> Panel:
    return Panel(frame(), "city", "year", labels={"gdp": "GDP"})


# --- what it holds ----------------------------------------------------------------------------------------


def test_members(panel: Panel) -> None:
    raw = frame()
    assert panel.nobs == len(raw)
    assert panel.n_entities == 5
    assert panel.n_times == 6
    assert not panel.is_balanced
    assert panel.columns == ("gdp", "digital", "region", "K / L", "资本")
    assert panel.frame.index.equals(raw.set_index(["city", "year"]).sort_index().index)
    assert panel.frame.index.is_monotonic_increasing
    pd.testing.assert_frame_equal(panel.frame, raw.set_index(["city", "year"]).sort_index())


def test_the_users_frame_is_never_written_to() -> None:
    raw = frame()
    before = raw.copy(deep=True)
    panel = Panel(raw, "city", "year")
    panel.assign(gdp=0.0).standardise("digital").winsorize("digital").lag("gdp")
    shown = panel.frame
    shown["gdp"] = 1.0
    panel.numeric("gdp")
    pd.testing.assert_frame_equal(raw, before)
    raw["gdp"] = 7.0
    assert not (panel.frame["gdp"] == 7.0).any()
    assert not (panel.frame["gdp"] == 1.0).any()


def test_copies_and_pickles(panel: Panel) -> None:
    panel.numeric("gdp")
    for other in (pickle.loads(pickle.dumps(panel)), copy.copy(panel), copy.deepcopy(panel)):
        pd.testing.assert_frame_equal(other.frame, panel.frame)
        assert other.labels == panel.labels
        assert other.lag("gdp").frame["gdp_lag1"].equals(panel.lag("gdp").frame["gdp_lag1"])


def test_repr_says_the_shape(panel: Panel) -> None:
    assert repr(panel).startswith(
        f"Panel: 5 city x 6 year, {panel.nobs} rows, unbalanced; columns gdp, digital"
    )
    assert "Panel: 5 city" in repr(Panel(frame().drop_duplicates("city"), "city"))
    assert "<table" in panel._repr_html_()


def test_a_cross_section() -> None:
    panel = Panel(frame().drop_duplicates("city").drop(columns="year"), entity="city")
    assert panel.frame.index.tolist() == ["p0", "p1", "p2", "p3", "p4"]
    assert panel.frame.index.name == "city"
    assert panel.time_name is None
    assert panel.subset("region == 'east'").entities.tolist() == ["p0", "p2"]
    assert panel.attach(pd.Series({"p1": 3.0}, name="z").rename_axis("city")).frame["z"].count() == 1
    for call in (lambda: panel.lag("gdp"), lambda: panel.interpolate("gdp")):
        with pytest.raises(PanelIndexError, match="cross-section"):
            call()
    with pytest.raises(PanelIndexError, match=r"earlier row.*time column"):
        Panel(frame(), "city")


def test_polars_gives_the_same() -> None:
    a, b = Panel(pl.from_pandas(frame()), "city", "year"), Panel(frame(), "city", "year")
    pd.testing.assert_frame_equal(a.frame, b.frame, check_dtype=False)


# --- lags by the value of time ----------------------------------------------------------------------------


def brute_lag(data: pd.DataFrame, column: str, steps: int) -> list[float]:
    known = {(i, t): v for i, t, v in data[["i", "t", column]].itertuples(index=False)}
    ordered = data.sort_values(["i", "t"])
    return [known.get((i, t - steps), nan) for i, t in ordered[["i", "t"]].itertuples(index=False)]


@st.composite
def ragged(draw: st.DrawFn) -> pd.DataFrame:
    cells = draw(
        st.lists(
            st.tuples(st.integers(0, 4), st.integers(-12, 12)), min_size=3, max_size=30, unique=True
        ).map(lambda c: draw(st.permutations(c)))
    )
    values = draw(st.lists(st.integers(-99, 99) | st.none(), min_size=len(cells), max_size=len(cells)))
    return pd.DataFrame(cells, columns=["i", "t"]).assign(x=np.array(values, dtype=float))


@settings(max_examples=120, deadline=None)
@given(ragged(), st.integers(-4, 4).filter(bool), st.sampled_from([1, 2, 5, 10**20]))
def test_shift_equals_a_loop_over_keys(data: pd.DataFrame, periods: int, step: int) -> None:
    panel = Panel(data, "i", "t", step=step)
    np.testing.assert_array_equal(
        panel.shift(panel.numeric("x"), periods), brute_lag(data, "x", periods * step)
    )


@settings(max_examples=40, deadline=None)
@given(ragged(), st.integers(1, 40), st.integers(1, 7))
def test_long_shifts_on_a_grid_of_steps(data: pd.DataFrame, periods: int, step: int) -> None:
    panel = Panel(data, "i", "t", step=step)
    for sign in (1, -1):
        np.testing.assert_array_equal(
            panel.shift(panel.numeric("x"), sign * periods), brute_lag(data, "x", sign * periods * step)
        )


@settings(max_examples=30, deadline=None)
@given(ragged(), st.randoms(use_true_random=False))
def test_row_order_does_not_matter(data: pd.DataFrame, random: Any) -> None:
    order = list(range(len(data)))
    random.shuffle(order)
    a, b = Panel(data, "i", "t"), Panel(data.iloc[order], "i", "t")
    pd.testing.assert_frame_equal(a.frame, b.frame)
    np.testing.assert_array_equal(a.shift(a.numeric("x"), 1), b.shift(b.numeric("x"), 1))


def test_lag_crosses_neither_entities_nor_a_gap() -> None:
    data = pd.DataFrame(
        {"i": list("AAABBB"), "t": [2019, 2020, 2022, 2020, 2021, 2022], "x": [1.0, 2, 3, 4, 5, 6]}
    )
    panel = Panel(data, "i", "t").lag("x").lag("x", 2).diff("x")
    assert panel.columns == ("x", "x_lag1", "x_lag2", "x_diff1")
    np.testing.assert_array_equal(panel.frame["x_lag1"], [nan, 1, nan, nan, 4, 5])
    np.testing.assert_array_equal(panel.frame["x_lag2"], [nan, nan, 2, nan, nan, 4])
    np.testing.assert_array_equal(panel.frame["x_diff1"], [nan, 1, nan, nan, 1, 1])


def test_step_of_five_years() -> None:
    data = pd.DataFrame({"i": 1, "t": [2000, 2005, 2010, 2020], "x": [1.0, 2, 3, 4]})
    with pytest.raises(MissingDataError, match=r"missing in every row.*step"):
        Panel(data, "i", "t").lag("x")
    panel = Panel(data, "i", "t", step=5)
    np.testing.assert_array_equal(panel.lag("x").frame["x_lag1"], [nan, 1, 2, nan])
    np.testing.assert_array_equal(panel.subset("t != 2005").lag("x", 2).frame["x_lag2"], [nan, 1, 3])


def test_dates_keep_their_step_when_rows_leave() -> None:
    data = pd.DataFrame({"i": 1, "t": pd.date_range("2020-01-01", periods=9, freq="QS"), "x": np.arange(9.0)})
    panel = Panel(data.assign(q=data["t"].dt.quarter), "i", "t")
    np.testing.assert_array_equal(panel.lag("x", 4).frame["x_lag4"], [nan] * 4 + [0, 1, 2, 3, 4])
    first = panel.subset("q == 1")
    np.testing.assert_array_equal(first.lag("x", 4).frame["x_lag4"], [nan, 0, 4])
    with pytest.raises(MissingDataError, match="missing in every row"):
        first.lag("x")


def test_periods_and_dates_skip_gaps() -> None:
    for times in (
        pd.PeriodIndex(["2020-01", "2020-02", "2020-04"], freq="M"),
        pd.to_datetime(["2020-01-31", "2020-02-29", "2020-04-30"]),
    ):
        panel = Panel(pd.DataFrame({"i": 1, "t": times, "x": [1.0, 2, 3]}), "i", "t")
        np.testing.assert_array_equal(panel.lag("x").frame["x_lag1"], [nan, 1, nan])
        assert panel.times.equals(pd.Index(times, name="t"))


def test_times_of_hours_ask_for_a_step() -> None:
    data = pd.DataFrame({"i": 1, "t": pd.date_range("2020-01-01", periods=3, freq="h"), "x": [1.0, 2, 3]})
    with pytest.raises(PanelIndexError, match="step="):
        Panel(data, "i", "t").lag("x")
    assert Panel(data, "i", "t", step="h").lag("x").frame["x_lag1"].tolist()[1:] == [1.0, 2.0]


@pytest.mark.parametrize("periods", [0, -1, 1.5, True, "1"])
def test_a_fractional_lag_is_refused(panel: Panel, periods: Any) -> None:
    for method in (panel.lag, panel.diff):
        with pytest.raises(OptionError, match="periods="):
            method("gdp", periods)


def test_lags_of_odd_names_and_of_several(panel: Panel) -> None:
    assert panel.lag(["K / L", "资本"]).columns[-2:] == ("K / L_lag1", "资本_lag1")
    with pytest.raises(InputTypeError, match="'region'"):
        panel.lag("region")
    with pytest.raises(ColumnError, match="did you mean 'gdp'"):
        panel.lag("gpd")


# --- assign, attach ---------------------------------------------------------------------------------------


def test_assign_takes_terms_callables_scalars_and_series(panel: Panel) -> None:
    new = panel.assign(
        ln="log(gdp / `K / L`)",
        twice=lambda d: d["gdp"] * 2,
        one=1,
        word="region",
        series=panel.frame["gdp"].sample(frac=1.0, random_state=3),
        later="I(twice - gdp)",
    )
    f = new.frame
    np.testing.assert_allclose(f["ln"], np.log(f["gdp"] / f["K / L"]))
    np.testing.assert_allclose(f["twice"], 2 * f["gdp"])
    np.testing.assert_array_equal(f["series"], f["gdp"])
    np.testing.assert_allclose(f["later"], f["gdp"])
    assert set(f["one"]) == {1}
    assert f["word"].equals(f["region"].rename("word"))
    assert "ln" not in panel.columns


@pytest.mark.parametrize(
    "value",
    [
        lambda p: np.ones(p.nobs),
        lambda p: [1.0] * p.nobs,
        lambda p: pd.Series(np.ones(p.nobs)),
        lambda p: p.frame["gdp"].iloc[:-1],
        lambda p: p.frame["gdp"].swaplevel(),
        lambda p: pl.Series([1.0] * p.nobs),
    ],
    ids=["array", "list", "range index", "a row less", "levels swapped", "polars"],
)
def test_assign_refuses_what_has_no_row_labels(panel: Panel, value: Any) -> None:
    with pytest.raises(AlignmentError, match="'z'"):
        panel.assign(z=value(panel))


def test_assign_refuses_keys_categories_and_infinities(panel: Panel) -> None:
    with pytest.raises(PanelIndexError, match="'year' is a key"):
        panel.assign(year=1)
    with pytest.raises(TermError, match="several columns"):
        panel.assign(z="C(region)")
    with pytest.raises(MissingDataError, match="'z' is infinite"):
        panel.assign(z=lambda d: d["gdp"] / 0)
    with pytest.raises(TermError, match=r"I\(gdp / digital\)"):
        panel.assign(z="gdp / digital")


@pytest.mark.parametrize(
    "dtype", ["category", "Int64", "int64[pyarrow]", "string[pyarrow]", "datetime64[ns]"]
)
def test_types_survive_assign_and_attach(dtype: str) -> None:
    values = {"category": ["b", None, "a"], "string[pyarrow]": ["b", None, "a"]}.get(dtype, [3, None, 1])
    data = pd.DataFrame({"i": [1, 1, 2], "t": [1, 2, 1], "x": pd.array(values, dtype=dtype)})
    panel = Panel(data, "i", "t")
    assert panel.assign(z=panel.frame["x"]).frame["z"].dtype == data["x"].dtype
    assert panel.attach(panel.frame["x"].rename("z")).frame["z"].dtype == data["x"].dtype


def test_numbers_of_any_type_become_float64() -> None:
    data = pd.DataFrame(
        {
            "i": [1, 1, 2],
            "t": [1, 2, 1],
            "a": pd.array([3, None, 1], dtype="Int64"),
            "b": pd.array([3, None, 1], dtype="int64[pyarrow]"),
            "c": pd.array([True, None, False], dtype="boolean"),
            "d": np.array([3, nan, 1], dtype="float32"),
        }
    )
    panel = Panel(data, "i", "t")
    for name in "abd":
        np.testing.assert_array_equal(panel.numeric(name), [3.0, nan, 1.0])
    np.testing.assert_array_equal(panel.numeric("c"), [1.0, nan, 0.0])
    assert panel.numeric("a").dtype == np.float64


def test_attach_by_both_keys_or_one(panel: Panel) -> None:
    by_both = panel.attach(panel.frame["gdp"].iloc[1:].rename("again"))
    np.testing.assert_array_equal(by_both.frame["again"].iloc[1:], panel.frame["gdp"].iloc[1:])
    assert np.isnan(by_both.frame["again"].iloc[0])
    by_time = panel.attach(pd.Series({2010: 1.0, 2011: 2.0}, name="rate").rename_axis("year"))
    assert by_time.frame["rate"].groupby("year").first().to_dict()[2011] == 2.0
    assert np.isnan(by_time.frame["rate"].groupby("year").first().to_dict()[2013])
    by_entity = panel.attach(pd.DataFrame({"coast": {"p0": 1, "p1": 0}}).rename_axis("city"))
    assert by_entity.frame.loc["p0", "coast"].eq(1).all()
    assert by_entity.labels == panel.labels


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (lambda p: p.frame["gdp"].rename(None), "no name"),
        (lambda p: pd.Series([1.0], name="z"), "index them by 'city', 'year'"),
        (lambda p: pd.Series({"p0": 1.0, "p9": 2.0}, name="z").rename_axis("city"), "p9"),
        (
            lambda p: pd.Series([1.0, 2.0], index=pd.Index([2010, 2010], name="year"), name="z"),
            "duplicate key",
        ),
        (lambda p: p.frame["gdp"].swaplevel(), "swaplevel"),
    ],
    ids=["no name", "no key", "stranger", "repeat", "levels swapped"],
)
def test_attach_refuses_what_does_not_match(panel: Panel, data: Any, words: str) -> None:
    with pytest.raises(AlignmentError, match=words):
        panel.attach(data(panel))


def test_attach_refuses_the_name_of_a_key(panel: Panel) -> None:
    with pytest.raises(PanelIndexError, match="'year' is a key"):
        panel.attach(panel.frame["gdp"].rename("year"))


def test_a_function_of_the_frame_may_return_an_array_of_its_length(panel: Panel) -> None:
    doubled = (panel.frame["gdp"] * 2).to_numpy()
    made = panel.assign(
        a=lambda f: f["gdp"].to_numpy() * 2,
        b=lambda f: pd.array(f["gdp"].to_numpy() * 2, dtype="Float64"),
        c=lambda f: pd.Index(f["gdp"] * 2),
    ).frame
    for name in "abc":
        np.testing.assert_array_equal(made[name].to_numpy(dtype=float), doubled)
    for odd in (lambda f: f["gdp"].to_numpy()[1:], lambda f: f[["gdp"]].to_numpy(), lambda f: f[["gdp"]]):
        with pytest.raises(AlignmentError):
            panel.assign(z=odd)
    with pytest.raises(AlignmentError):
        panel.assign(z=doubled)
    assert panel.lag("gdp", np.int64(2)).columns[-1] == "gdp_lag2"


# --- labels -----------------------------------------------------------------------------------------------


def test_labels_travel_through_every_method(panel: Panel) -> None:
    mask = panel.frame["gdp"] > 0
    made = [
        panel.assign(z="log(gdp)"),
        panel.subset("year > 2010"),
        panel.subset(mask),
        panel.attach(panel.frame["gdp"].rename("w")),
        panel.relabel(digital="Digital economy"),
        panel.balance("entities") if (panel.frame.groupby("city").size() == 6).any() else panel,
        panel.standardise("digital"),
        panel.winsorize("digital"),
        panel.interpolate("digital"),
        panel.lag("gdp"),
        panel.diff("gdp"),
    ]
    for other in made:
        assert other.labels["gdp"] == "GDP"
        assert other.sample({"y": ["gdp"]}).labels["gdp"] == "GDP"
    assert panel.labels == {"gdp": "GDP"}
    assert made[4].labels == {"gdp": "GDP", "digital": "Digital economy"}
    assert panel.relabel(**{"log(gdp)": "ln GDP"}).labels["log(gdp)"] == "ln GDP"
    panel.labels["gdp"] = "changed"
    assert panel.labels == {"gdp": "GDP"}


@pytest.mark.parametrize(
    ("labels", "kind"),
    [
        ({"gpd": "GDP"}, ColumnError),
        ({"log(gpd)": "GDP"}, ColumnError),
        ({"gdp**2": "GDP"}, TermError),
        ({"gdp": 3}, InputTypeError),
        ({1: "GDP"}, InputTypeError),
        (["gdp"], InputTypeError),
    ],
)
def test_labels_are_checked(labels: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind, match=r"g[dp][dp]|labels"):
        Panel(frame(), "city", "year", labels=labels)


# --- fewer rows -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("year >= 2012 and region == 'east'", lambda f: (f.year >= 2012) & (f.region == "east")),
        ("2011 < year <= 2013", lambda f: (f.year > 2011) & (f.year <= 2013)),
        (
            "city in ['p0', 'p3'] or not (year == 2010)",
            lambda f: f.city.isin(["p0", "p3"]) | (f.year != 2010),
        ),
        ("region not in ['east']", lambda f: f.region != "east"),
        (
            "(gdp > 1) & (digital > 0) | year == 2011",
            lambda f: (f.gdp > 1) & (f.digital > 0) | (f.year == 2011),
        ),
        ("`K / L` > 1.5 and 资本 > 1.2", lambda f: (f["K / L"] > 1.5) & (f["资本"] > 1.2)),
        ("gdp > 2 * digital ** 2 - 1", lambda f: f.gdp > 2 * f.digital**2 - 1),
    ],
)
def test_subset_by_text(panel: Panel, text: str, expected: Any) -> None:
    flat = panel.frame.reset_index()
    pd.testing.assert_frame_equal(panel.subset(text).frame, panel.frame[expected(flat).to_numpy()])


@pytest.mark.parametrize("dtype", ["float64", "Float64", "double[pyarrow]"])
def test_subset_drops_rows_where_the_condition_is_missing(dtype: str) -> None:
    data = pd.DataFrame({"i": 1, "t": [1, 2, 3], "x": pd.array([1.0, None, 3.0], dtype=dtype)})
    assert Panel(data, "i", "t").subset("x > 0").times.tolist() == [1, 3]


def test_subset_by_dates_and_periods() -> None:
    for times, text in (
        (pd.date_range("2020-01-01", periods=4, freq="QS"), "t >= '2020-07-01'"),
        (pd.period_range("2020Q1", periods=4, freq="Q"), "t >= '2020Q3'"),
    ):
        panel = Panel(pd.DataFrame({"i": 1, "t": times, "x": 1.0}), "i", "t")
        assert panel.subset(text).nobs == 2


def test_subset_by_mask(panel: Panel) -> None:
    mask = (panel.frame["gdp"] > 1).sample(frac=1.0, random_state=1)
    pd.testing.assert_frame_equal(panel.subset(mask).frame, panel.frame[panel.frame["gdp"] > 1])


@pytest.mark.parametrize(
    ("rows", "kind", "words"),
    [
        ("regoin == 'east'", ColumnError, "did you mean 'region'"),
        ("gdp >", TermError, "cannot be read"),
        ("gdp", TermError, "true or false"),
        ("gdp > @x", TermError, "cannot be read"),
        ("region > 1", TermError, "numbers with numbers"),
        ("gdp.sum() > 0", TermError, "mask made from panel.frame"),
        ("gdp.to_csv('stolen.csv') == 1", TermError, "mask made from panel.frame"),
        ("__import__('os').system('ls') == 0", TermError, "mask made from panel.frame"),
        ("gdp[0] > 1", TermError, "mask made from panel.frame"),
        ("index > 3", ColumnError, "'index'"),
        ("gdp > 1e9", MissingDataError, "keeps no rows"),
        (lambda p: (p.frame["gdp"] > 1).to_numpy(), AlignmentError, "no row labels"),
        (lambda p: (p.frame["gdp"] > 1).reset_index(drop=True), AlignmentError, "do not match"),
        (lambda p: p.frame["gdp"], InputTypeError, "boolean"),
        (
            lambda p: (p.frame["gdp"] > 1).astype("boolean").where(p.frame["gdp"] > 1),
            MissingDataError,
            "fillna",
        ),
    ],
)
def test_subset_refuses(panel: Panel, rows: Any, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        panel.subset(rows(panel) if callable(rows) else rows)


def test_balance() -> None:
    data = pd.DataFrame({"i": list("AAABBCCC"), "t": [1, 2, 3, 1, 2, 1, 2, 3], "x": np.arange(8.0)})
    panel = Panel(data, "i", "t")
    entities, times = panel.balance("entities"), panel.balance("times")
    assert entities.is_balanced
    assert entities.entities.tolist() == ["A", "C"]
    assert times.is_balanced
    assert times.times.tolist() == [1, 2]
    assert panel.balance().nobs == 6
    with pytest.raises(OptionError, match="'entities', 'times'"):
        panel.balance("rows")  # type: ignore[arg-type]
    with pytest.raises(MissingDataError, match="balance"):
        Panel(data[data["t"] != 3].assign(t=[1, 2, 3, 4, 5, 6]), "i", "t").balance()


# --- changed columns --------------------------------------------------------------------------------------


def test_standardise_by_hand(panel: Panel) -> None:
    x = panel.frame["digital"]
    np.testing.assert_allclose(panel.standardise("digital").frame["digital"], (x - x.mean()) / x.std(ddof=1))
    grouped = x.groupby("year")
    expected = (x - grouped.transform("mean")) / grouped.transform("std")
    np.testing.assert_allclose(panel.standardise("digital", by="time").frame["digital"], expected)
    np.testing.assert_allclose(panel.standardise("digital", by="year").frame["digital"], expected)
    region = panel.standardise(["digital", "gdp"], by="region").frame
    assert region.groupby("region")["gdp"].std().round(12).eq(1).all()


@pytest.mark.parametrize("largest", [1e150, 1.7e308])
def test_columns_at_the_end_of_the_range_are_described_and_changed(panel: Panel, largest: float) -> None:
    x = panel.frame["digital"] / panel.frame["digital"].abs().max()
    huge = panel.assign(digital=largest * x)
    expected = panel.standardise("digital").frame["digital"]
    np.testing.assert_allclose(huge.standardise("digital").frame["digital"], expected)
    got = huge.winsorize("digital", 0.1, 0.9).frame["digital"] / largest
    np.testing.assert_allclose(got, panel.assign(digital=x).winsorize("digital", 0.1, 0.9).frame["digital"])
    level = panel.assign(digital=largest)
    assert level.summarise("digital").loc["digital", "p50"] == largest
    assert level.correlate(["digital", "gdp"]).mean["digital"] == largest
    for rule in ("stata", "linear"):
        assert (level.winsorize("digital", 0.1, 0.9, quantile=rule).frame["digital"] == largest).all()
    with pytest.raises(IdentificationError, match="'digital' does not vary"):
        level.standardise("digital")


@pytest.mark.parametrize("value", [0.1, 3.0, 1e-9])
def test_standardise_refuses_what_does_not_vary(panel: Panel, value: float) -> None:
    with pytest.raises(IdentificationError, match="'gdp' does not vary"):
        panel.assign(gdp=value).standardise("gdp")
    with pytest.raises(IdentificationError, match="'gdp' does not vary in 1 row"):
        panel.assign(own="I((year == 2011) * (city == 'p1'))").standardise("gdp", by="own")


def stata_percentile(x: np.ndarray[Any, Any], percent: int) -> float:
    """Stata's _pctile: with i = n p / 100 whole, the mean of x_(i) and x_(i+1), otherwise x_(ceil i)."""
    ordered, n = np.sort(x), x.size
    whole, rest = divmod(n * percent, 100)
    return float((ordered[whole - 1] + ordered[whole]) / 2 if rest == 0 else ordered[whole])


@settings(max_examples=60, deadline=None)
@given(st.integers(3, 260), st.integers(1, 40), st.integers(0, 10))
def test_winsorize_is_statas_rule(n: int, percent: int, seed: int) -> None:
    x = np.random.default_rng(seed).normal(size=n)
    panel = Panel(pd.DataFrame({"i": np.arange(n), "x": x}), "i")
    low, high = stata_percentile(x, percent), stata_percentile(x, 100 - percent)
    got = panel.winsorize("x", percent / 100, 1 - percent / 100).frame["x"]
    np.testing.assert_allclose(got, np.clip(x, low, high), rtol=1e-14)


def test_winsorize_by_time_and_linear(panel: Panel) -> None:
    holes = panel.assign(gdp=panel.frame["gdp"].where(panel.frame["digital"] > -1))
    got = holes.winsorize("gdp", 0.2, 0.8, by="time").frame["gdp"]
    for year, x in holes.frame["gdp"].groupby("year"):
        there = x.dropna().to_numpy()
        expected = x.clip(stata_percentile(there, 20), stata_percentile(there, 80))
        np.testing.assert_allclose(got.xs(year, level="year"), expected)
    assert got.isna().equals(holes.frame["gdp"].isna())
    x = panel.frame["gdp"]
    np.testing.assert_allclose(
        panel.winsorize("gdp", quantile="linear").frame["gdp"], x.clip(*np.quantile(x, [0.01, 0.99]))
    )
    pd.testing.assert_series_equal(panel.winsorize("gdp", 0, 1).frame["gdp"], x)


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ({"lower": 0.9, "upper": 0.1}, OptionError, "lower"),
        ({"upper": 99}, OptionError, "upper=99"),
        ({"quantile": "spss"}, OptionError, "'stata', 'linear'"),
        ({"by": "regoin"}, ColumnError, "region"),
        ({"columns": "region"}, InputTypeError, "'region'"),
        ({"columns": ["gdp", "gpd"]}, ColumnError, "'gpd'"),
    ],
)
def test_winsorize_refuses(panel: Panel, options: dict[str, Any], kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        panel.winsorize(**{"columns": "gdp", **options})


def test_groups_with_missing_values_are_refused(panel: Panel) -> None:
    with pytest.raises(MissingDataError, match="'half' is missing in"):
        panel.assign(half="lag(gdp)").winsorize("gdp", by="half")


# --- interpolation ----------------------------------------------------------------------------------------

GAPS = pd.DataFrame(
    {
        "i": ["A"] * 6 + ["B"] * 5,
        "t": [1, 2, 3, 6, 7, 8, 1, 2, 3, 4, 5],
        "x": [nan, 1, nan, 5, 6, nan, 1, 2, 3, 4, 5],
    }
)


def test_interpolation_is_linear_in_time_inside_an_entity_and_logged() -> None:
    panel = Panel(GAPS, "i", "t")
    with pytest.warns(MissingDataWarning, match="2 cells of 'x' .* stay missing"):
        filled = panel.interpolate("x")
    np.testing.assert_allclose(filled.frame["x"], [nan, 1, 2, 5, 6, nan, 1, 2, 3, 4, 5])
    assert filled.imputations.to_dict("records") == [{"column": "x", "entity": "A", "time": 3, "value": 2.0}]
    assert filled.nobs == panel.nobs
    assert panel.imputations.empty
    assert list(panel.imputations.columns) == ["column", "entity", "time", "value"]
    assert filled.subset("t < 9").assign(z=1).imputations.equals(filled.imputations)


def test_extrapolation_is_off_by_default_and_warns() -> None:
    with pytest.warns(MissingDataWarning) as caught:
        filled = Panel(GAPS, "i", "t").interpolate("x", extrapolate=True)
    np.testing.assert_allclose(filled.frame["x"], [1, 1, 2, 5, 6, 6, 1, 2, 3, 4, 5])
    assert len(filled.imputations) == 3
    words = " ".join(str(w.message) for w in caught)
    assert "extrapolate=True fills 2 values" in words
    assert "27% of 'x' is interpolated (3 cells, 1 entity)" in words
    assert "panel.imputations" in words


def test_extrapolation_without_ends_to_fill_is_silent_about_ends() -> None:
    data = GAPS[GAPS["t"].between(2, 7)]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        Panel(data, "i", "t").interpolate("x", extrapolate=True)
    assert not [w for w in caught if "extrapolate" in str(w.message)]


def test_swapped_levels_are_refused_where_both_keys_have_the_same_values() -> None:
    """Every (year, id) is also an (id, year): matching them would transpose the column in silence."""
    square = Panel(pd.DataFrame({"i": [0, 0, 1, 1], "t": [0, 1, 0, 1], "x": [1.0, 2, 3, 4]}), "i", "t")
    turned = square.frame["x"].swaplevel()
    for call in (
        lambda: square.assign(z=turned),
        lambda: square.attach(turned.rename("z")),
        lambda: square.subset(turned > 2),
    ):
        with pytest.raises(AlignmentError, match="swaplevel"):
            call()


def test_imputations_leave_with_their_rows() -> None:
    data = pd.DataFrame({"i": [1] * 4 + [2] * 4, "t": [1, 2, 3, 4] * 2, "x": [1, nan, 3, 4, 5, nan, 7, 8]})
    with pytest.warns(MissingDataWarning, match="25% of 'x'"):
        filled = Panel(data, "i", "t").interpolate("x")
    assert len(filled.imputations) == 2
    assert filled.subset("i == 2").imputations["entity"].tolist() == [2]
    assert filled.subset("t > 2").imputations.empty


def test_cells_that_stay_missing_are_counted() -> None:
    data = pd.DataFrame(
        {"i": [1, 1, 1, 1, 2, 2, 3], "t": [1, 2, 3, 4, 1, 2, 1], "x": [nan, 1, nan, 3, nan, nan, 2]}
    )
    with pytest.warns(MissingDataWarning) as said:
        filled = Panel(data, "i", "t").interpolate("x")
    (told,) = (str(w.message) for w in said if "stay missing" in str(w.message))
    assert told.startswith("3 cells of 'x' (2 entities)")
    assert filled.frame["x"].isna().sum() == 3
    with pytest.warns(MissingDataWarning) as said:
        Panel(data, "i", "t").interpolate("x", extrapolate=True)
    (told,) = (str(w.message) for w in said if "stay missing" in str(w.message))
    assert told.startswith("2 cells of 'x' (1 entity)")


def test_interpolating_a_lag_is_told() -> None:
    data = pd.DataFrame(
        {"i": np.repeat([1, 2, 3], 12), "t": np.tile(np.arange(12), 3), "cp": np.arange(36.0)}
    )
    panel = Panel(data, "i", "t").lag("cp")
    with pytest.warns(MissingDataWarning) as caught:
        panel.interpolate("cp_lag1", extrapolate=True)
    assert any(
        "'cp_lag1' equals the lag of 'cp'" in str(w.message) and "drop the first period" in str(w.message)
        for w in caught
    )


def test_interpolation_uses_the_value_of_time_off_the_grid_too() -> None:
    data = pd.DataFrame(
        {"i": [1] * 12, "t": [0, 3, *range(5, 55, 5)], "x": [0.0, nan, 5.0, *range(10, 55, 5)]}
    )
    np.testing.assert_allclose(Panel(data, "i", "t", step=5).interpolate("x").frame["x"].iloc[1], 3.0)
    hours = pd.to_datetime(["2020-01-01 00:00", "2020-01-01 06:00", "2020-01-01 08:00"])
    irregular = pd.DataFrame({"i": 1, "t": hours, "x": [0.0, nan, 8.0]})
    with pytest.warns(MissingDataWarning):
        np.testing.assert_allclose(Panel(irregular, "i", "t").interpolate("x").frame["x"], [0, 6, 8])


# --- what is in it ----------------------------------------------------------------------------------------


def test_keys_are_columns_to_read_and_not_to_change(panel: Panel) -> None:
    assert panel.summarise("year").loc["year", "min"] == 2010
    assert panel.correlate(["year", "gdp"]).r.loc["year", "year"] == 1
    assert panel.describe("year").loc[("year", "overall"), "max"] == 2015
    assert panel.lag("year").frame["year_lag1"].dropna().between(2010, 2014).all()
    assert panel.assign(t="I(year - 2010)").frame["t"].min() == 0
    for call in (panel.standardise, panel.winsorize, panel.interpolate):
        with pytest.raises(PanelIndexError, match="'year' is a key"):
            call("year")


def test_every_method_of_the_contract_is_there() -> None:
    expected = (
        "frame entities times n_entities n_times nobs is_balanced labels imputations assign subset attach "
        "relabel balance standardise winsorize interpolate lag diff summarise correlate describe sample"
    )
    for name in expected.split():
        assert hasattr(Panel, name), name
    assert str(inspect.signature(Panel.__init__)).startswith("(self, data")
    kinds = inspect.signature(Panel).parameters
    assert list(kinds) == ["data", "entity", "time", "labels", "step"]
    assert kinds["step"].kind is inspect.Parameter.KEYWORD_ONLY


# --- limits at their edge -----------------------------------------------------------------------------------


def told_of_imputation(data: pd.DataFrame, name: str, **options: Any) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        Panel(data, "i", "t").interpolate(name, **options)
    return [str(w.message) for w in caught]


def test_more_than_a_tenth_of_interpolated_cells_is_told() -> None:
    data = pd.DataFrame({"i": np.repeat([1, 2], 10), "t": np.tile(np.arange(10), 2), "x": np.arange(20.0)})
    tenth, more = ({"x": data["x"].where(~data.index.isin(range(3, 3 + n)))} for n in (2, 3))
    assert told_of_imputation(data.assign(**tenth), "x") == []
    assert any("15% of 'x' is interpolated" in said for said in told_of_imputation(data.assign(**more), "x"))


@pytest.mark.parametrize("shared", [2, 3])
def test_a_column_is_a_lag_of_another_by_three_rows_or_more(shared: int) -> None:
    data = pd.DataFrame({"i": 1, "t": np.arange(40), "x": np.arange(40.0) ** 2, "lagged": np.arange(40.0)})
    data["lagged"] = data["x"].shift(1).where(data["t"] <= shared, data["x"] + 0.5)
    data.loc[data["t"] > shared + 1, "x"] = nan
    data.loc[data["t"] == shared + 1, "lagged"] = nan
    data["x"] = data["x"].where(data["t"] <= shared)
    said = told_of_imputation(data, "lagged", extrapolate=True)
    assert any("equals the lag of 'x'" in words for words in said) == (shared == 3)


@pytest.mark.parametrize(("lower", "upper"), [(0, 1), (0.5, np.nextafter(0.5, 1)), (0.0, 0.01), (0.99, 1.0)])
def test_shares_to_winsorize_by_reach_from_0_to_1(panel: Panel, lower: float, upper: float) -> None:
    assert panel.winsorize("gdp", lower, upper).nobs == panel.nobs


@pytest.mark.parametrize(("lower", "upper"), [(-1e-9, 0.9), (0.1, 1 + 1e-9), (0.5, 0.5), (0.6, 0.4)])
def test_other_shares_to_winsorize_by_are_refused(panel: Panel, lower: float, upper: float) -> None:
    with pytest.raises(OptionError, match="0 <= lower < upper <= 1"):
        panel.winsorize("gdp", lower, upper)


def test_a_column_that_varies_by_less_than_1e_13_of_its_size_is_not_standardised() -> None:
    sign = np.tile([-1.0, 1.0], 6)
    data = pd.DataFrame({"i": np.repeat([1, 2], 6), "t": np.tile(np.arange(6), 2)})
    varies, flat = (Panel(data.assign(x=1 + share * sign), "i", "t") for share in (1.2e-13, 0.8e-13))
    assert varies.standardise("x").frame["x"].abs().max() < 2
    with pytest.raises(IdentificationError, match="'x' does not vary"):
        flat.standardise("x")


def test_lags_and_steps_begin_at_one(panel: Panel) -> None:
    assert "gdp_lag1" in panel.lag("gdp", 1).frame
    with pytest.raises(OptionError, match="periods=0"):
        panel.lag("gdp", 0)
    assert Panel(frame(), "city", "year", step=1).n_times == 6
    with pytest.raises(OptionError, match="step=0"):
        Panel(frame(), "city", "year", step=0)
