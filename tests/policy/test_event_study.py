"""Event studies: dummies, known truths, an outside number, malformed columns."""

from __future__ import annotations

import json
import re
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

import digiprosper as dp
from digiprosper import EventStudy, FixedEffects, Panel
from digiprosper.errors import (
    ColumnError,
    DigiprosperError,
    FewClustersWarning,
    IdentificationError,
    InputTypeError,
    MissingDataError,
    OptionError,
    PanelIndexError,
    TermError,
)
from tests.scanned_cases import assert_same, fitted

if TYPE_CHECKING:
    from collections.abc import Callable

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
REFERENCE = Path(__file__).resolve().parents[1] / "reference" / "event_study.json"

pytestmark = pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
CASE = json.loads(REFERENCE.with_name("poisson.json").read_text(encoding="utf-8"))[
    "etwfe"
]
ETWFE = dp.EventStudy("y", "g", never=0, before=1, after=3, family="poisson")


def staggered(
    seed: int, *, n: int = 60, times: int = 10, drop: float = 0.15
) -> pd.DataFrame:
    """Draw a panel of cohorts 2004, 2006, 2007, and a third never treated."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "city": np.repeat(np.arange(n), times),
            "year": np.tile(np.arange(times) + 2000, n),
        }
    )
    frame["first"] = np.array([2004.0, 2006.0, 2007.0, np.nan, np.nan])[
        frame["city"] % 5
    ]
    frame["x"] = rng.normal(size=len(frame))
    frame["region"] = frame["city"] % 12
    frame["w"] = rng.uniform(0.5, 2, size=len(frame))
    since = frame["year"] - frame["first"]
    frame["y"] = (
        (0.3 * (since + 1) * (since >= 0)).fillna(0)
        + 0.5 * frame["x"]
        + frame["city"] % 7
    )
    frame["y"] += 0.1 * frame["year"] + rng.normal(size=len(frame))
    return frame[rng.uniform(size=len(frame)) > drop].reset_index(drop=True)


def by_hand(
    frame: pd.DataFrame, before: int, after: int, reference: int
) -> tuple[pd.DataFrame, list[str]]:
    """Write every dummy of event time into the table, ends binned."""
    since = (frame["year"] - frame["first"]).clip(-before, after)
    times = [k for k in range(-before, after + 1) if k != reference]
    made = {f"d{k}".replace("-", "m"): (since == k).astype(float) for k in times}
    return frame.assign(**made), list(made)


OPTIONS: list[dict[str, Any]] = [
    {},
    {"cov_type": "robust"},
    {"cov_type": "crv3"},
    {"clusters": "region"},
    {"clusters": ["city", "year"], "ssc": "xtreg"},
    {"obs_weights": "w"},
    {"absorb": ["region^year"], "time_effects": False},
    {"absorb": ["region[year]"]},
    {"entity_effects": False, "time_effects": False},
    {"cov_type": "driscoll_kraay"},
    {"missing": "drop", "x": ["lag(x)"]},
    {"reference": -3, "before": 4, "after": 2},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_equal_to_fixed_effects_with_dummies_made_by_hand(
    seed: int, options: dict[str, Any]
) -> None:
    options = {"x": ["x"], "before": 3, "after": 2, "reference": -1, **options}
    ends = {name: options.pop(name) for name in ("before", "after", "reference")}
    x = options.pop("x")
    frame = staggered(seed)
    study = EventStudy("y", "first", x, **ends, **options).fit(
        Panel(frame, "city", "year")
    )
    wide, names = by_hand(frame, **ends)
    plain = FixedEffects("y", [*names, *x], **options).fit(Panel(wide, "city", "year"))

    np.testing.assert_allclose(
        study.coefficients, plain.coefficients, rtol=0, atol=1e-12
    )
    np.testing.assert_allclose(study.covariance, plain.covariance, rtol=0, atol=1e-12)
    assert (study.nobs, study.df_t, study.df_counted) == (
        plain.nobs,
        plain.df_t,
        plain.df_counted,
    )
    leads = [f"{name} = 0" for name in names if "m" in name]
    actual, wanted = study.pretrend_test(), plain.wald_test(leads)
    np.testing.assert_allclose(
        [actual.statistic, actual.p_value],
        [wanted.statistic, wanted.p_value],
        rtol=1e-9,
    )
    assert actual.df == wanted.df


def test_dummies_are_in_the_path_with_the_reference_at_zero() -> None:
    frame = staggered(1, drop=0)
    fit = EventStudy("y", "first", before=3, after=2, reference=-2).fit(
        Panel(frame, "city", "year")
    )
    path = fit.path
    assert list(path.columns) == [
        "time",
        "estimate",
        "std_error",
        "conf_low",
        "conf_high",
        "n_treated",
    ]
    assert path["time"].tolist() == [-3, -2, -1, 0, 1, 2]
    assert path["estimate"].iloc[1] == 0
    assert path.loc[1, ["std_error", "conf_low", "conf_high"]].isna().all()
    np.testing.assert_array_equal(path["estimate"].drop(1), fit.params)
    assert path["n_treated"].tolist() == [36] * 6
    assert fit.names == ("event:-3", "event:-1", "event:0", "event:1", "event:2")


def test_a_switch_and_a_first_treated_time_say_the_same() -> None:
    frame = staggered(2, drop=0)
    frame["on"] = (frame["year"] >= frame["first"]).astype(int)
    frame["since"] = pd.array(
        np.where(frame["first"].isna(), pd.NA, frame["first"]), dtype="Int64"
    )
    frame["zero"] = frame["first"].fillna(0)
    frame["flag"] = frame["on"] == 1
    panel = Panel(frame, "city", "year")
    spec = EventStudy("y", "first", ["x"], before=3, after=2)
    base = spec.fit(panel)
    for other in (
        {"event": "on"},
        {"event": "since"},
        {"event": "zero", "never": 0},
        {"event": "flag"},
    ):
        fit = spec.replace(**other).fit(panel)
        np.testing.assert_array_equal(fit.coefficients, base.coefficients)
        assert fit.window.cohorts == ((2004, 12), (2006, 12), (2007, 12))
        assert fit.window.n_never == 24


def test_dates_and_steps_of_time() -> None:
    frame = staggered(3, drop=0)
    base = EventStudy("y", "first", before=3, after=2).fit(Panel(frame, "city", "year"))
    dates = frame.assign(
        year=pd.to_datetime(frame["year"].astype(str) + "-01-01"),
        first=pd.to_datetime(
            frame["first"].map("{:.0f}-01-01".format, na_action="ignore")
        ),
    )
    np.testing.assert_array_equal(
        EventStudy("y", "first", before=3, after=2)
        .fit(Panel(dates, "city", "year"))
        .coefficients,
        base.coefficients,
    )
    periods = frame.assign(
        year=pd.PeriodIndex(frame["year"].astype(str), freq="Y"),
        first=pd.Series(
            [
                pd.NaT if np.isnan(v) else pd.Period(f"{v:.0f}", "Y")
                for v in frame["first"]
            ]
        ).astype("period[Y]"),
    )
    fit = EventStudy("y", "first", before=3, after=2).fit(
        Panel(periods, "city", "year")
    )
    np.testing.assert_array_equal(fit.coefficients, base.coefficients)
    double = frame.assign(year=frame["year"] * 2, first=frame["first"] * 2)
    fit = EventStudy("y", "first", before=3, after=2).fit(
        Panel(double, "city", "year", step=2)
    )
    np.testing.assert_array_equal(fit.coefficients, base.coefficients)
    with pytest.raises(IdentificationError, match="step=") as caught:
        EventStudy("y", "first", before=3, after=2).fit(Panel(double, "city", "year"))
    assert caught.value.problems[0].data["times"] == (-1, 1)


def test_known_effects_are_recovered() -> None:
    """One cohort, no noise: the coefficients are the effects, and leads are zero."""
    frame = staggered(4, drop=0)
    frame = frame[frame["city"] % 5 != 1][lambda f: f["city"] % 5 != 2]
    since = frame["year"] - frame["first"]
    frame["y"] = (
        np.where(since >= 0, 1.0 + since, 0.0)
        + frame["city"] ** 1.5
        + np.sin(frame["year"])
    )
    fit = EventStudy("y", "first", before=4, after=5).fit(Panel(frame, "city", "year"))
    np.testing.assert_allclose(
        fit.path["estimate"], [0, 0, 0, 0, 1, 2, 3, 4, 5, 6], atol=1e-10
    )


def test_one_cohort_is_differences_in_differences() -> None:
    frame = staggered(5, drop=0)
    frame = frame[frame["city"] % 5 != 1][lambda f: f["city"] % 5 != 2]
    fit = EventStudy("y", "first", before=4, after=5).fit(Panel(frame, "city", "year"))
    means = frame.assign(d=frame["first"].notna()).pivot_table(
        index="year", columns="d", values="y"
    )
    gap = means[True] - means[False]
    np.testing.assert_allclose(fit.path["estimate"], gap - gap[2003], atol=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_row_order_labels_and_units_change_nothing(seed: int) -> None:
    frame = staggered(seed)
    spec = EventStudy("y", "first", ["x"], before=3, after=2)
    base = spec.fit(Panel(frame, "city", "year"))
    shuffled = spec.fit(Panel(frame.sample(frac=1, random_state=seed), "city", "year"))
    np.testing.assert_array_equal(shuffled.coefficients, base.coefficients)
    other = frame.assign(
        city=[f"c{97 - c}" for c in frame["city"]], y=frame["y"] * 1000 + 5
    )
    fit = spec.fit(Panel(other, "city", "year"))
    np.testing.assert_allclose(fit.coefficients, base.coefficients * 1000, rtol=1e-9)
    later = frame.assign(year=frame["year"] + 7, first=frame["first"] + 7)
    np.testing.assert_allclose(
        spec.fit(Panel(later, "city", "year")).coefficients,
        base.coefficients,
        rtol=0,
        atol=1e-12,
    )


def test_missing_values_of_the_event_drop_no_row() -> None:
    frame = staggered(6)
    fit = EventStudy(
        "y", "first", before=3, after=2, singletons="keep", missing="raise"
    ).fit(Panel(frame, "city", "year"))
    assert fit.nobs == len(frame)


@pytest.mark.data("mpdta.csv")
@pytest.mark.parametrize(
    ("case", "before", "after"), [("static", 1, 0), ("event_times", 4, 3)]
)
def test_numbers_of_pyfixest_on_mpdta(case: str, before: int, after: int) -> None:
    """A window with both ends binned and one event time a side is the static model."""
    cases = json.loads(REFERENCE.read_text(encoding="utf-8"))["cases"]
    values = next(one for one in cases if one["case"] == case)["values"]
    panel = Panel(pd.read_csv(SHARED / "mpdta.csv"), "countyreal", "year")
    fit = EventStudy("lemp", "first.treat", before=before, after=after, never=0).fit(
        panel
    )
    for name, actual in (("estimate", fit.params), ("std_error", fit.std_errors)):
        np.testing.assert_allclose(
            actual, values[name]["value"], rtol=values[name]["rtol"]
        )
    assert fit.window.cohorts == ((2004, 20), (2006, 40), (2007, 131))
    assert fit.window.n_never == 309


# --- remarks --------------------------------------------------------------------------


def codes(fit: Any) -> list[str]:
    return [notice.code for notice in fit.diagnostics]


def test_several_cohorts_are_reported_and_one_is_not() -> None:
    frame = staggered(7)
    fit = EventStudy("y", "first", before=3, after=2).fit(Panel(frame, "city", "year"))
    notice = next(n for n in fit.diagnostics if n.code == "several_cohorts")
    assert notice.data == {"cohorts": {2004: 12, 2006: 12, 2007: 12}}
    one = frame[frame["first"].isna() | (frame["first"] == 2004)]
    fit = EventStudy("y", "first", before=3, after=2).fit(Panel(one, "city", "year"))
    assert "several_cohorts" not in codes(fit)


@pytest.mark.parametrize(
    ("treated", "n", "few"),
    [(2, 40, True), (9, 40, True), (10, 40, False), (10, 120, True), (12, 120, False)],
)
def test_few_treated_clusters_are_a_warning(treated: int, n: int, few: bool) -> None:
    rng = np.random.default_rng(treated)
    frame = pd.DataFrame(
        {"city": np.repeat(np.arange(n), 8), "year": np.tile(np.arange(8), n)}
    )
    frame["on"] = (frame["city"] < treated) & (frame["year"] >= 4)
    frame["y"] = rng.normal(size=len(frame))
    spec = EventStudy("y", "on", before=3, after=3)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit = spec.fit(Panel(frame, "city", "year"))
    assert ("few_treated_clusters" in codes(fit)) is few
    assert any(w.category is FewClustersWarning for w in caught) is few
    assert "few_treated" not in codes(fit)
    if few:
        data = next(n for n in fit.diagnostics if n.code == "few_treated_clusters").data
        assert data == {"clusters": "city", "n_treated": treated, "n_clusters": n}


def test_of_several_clusters_the_notice_is_about_those_of_which_few_are_treated() -> (
    None
):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"city": np.repeat(np.arange(200), 8), "year": np.tile(np.arange(8), 200)}
    )
    frame["on"] = (frame["city"] < 12) & (frame["year"] >= 4)
    frame["region"] = frame["city"] % 20
    frame["y"] = rng.normal(size=len(frame))
    spec = EventStudy("y", "on", before=3, after=3, clusters=["city", "region"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        fit = spec.fit(Panel(frame, "city", "year"))
    data = next(n for n in fit.diagnostics if n.code == "few_treated_clusters").data
    # 12 of 20 regions are many, 12 of 200 cities are few.
    assert data == {"clusters": "city", "n_treated": 12, "n_clusters": 200}


def test_all_treated_at_different_times_needs_binned_ends() -> None:
    frame = staggered(8).dropna(subset="first")
    panel = Panel(frame, "city", "year")
    fit = EventStudy("y", "first", before=3, after=2).fit(panel)
    assert "none_never_treated" in codes(fit)
    wide, names = by_hand(frame, 3, 2, -1)
    plain = FixedEffects("y", names).fit(Panel(wide, "city", "year"))
    np.testing.assert_allclose(fit.coefficients, plain.coefficients, atol=1e-11)
    with pytest.raises(IdentificationError) as caught:
        EventStudy("y", "first", before=7, after=5).fit(panel)
    assert caught.value.problems[0].code == "no_comparison"
    EventStudy("y", "first", before=7, after=5, time_effects=False).fit(panel)


# --- what is refused ------------------------------------------------------------------


def changed(**columns: Any) -> pd.DataFrame:
    """Give the staggered panel with other columns, functions of it."""
    return staggered(9, drop=0).assign(**columns)


def on(frame: pd.DataFrame) -> pd.Series:
    return (frame["year"] >= frame["first"]).astype(float)


MALFORMED: dict[
    str, tuple[pd.DataFrame, dict[str, Any], type[DigiprosperError], str]
] = {
    "switches off": (
        changed(first=lambda f: on(f) * (f["year"] != 2008)),
        {},
        IdentificationError,
        "switched_off",
    ),
    "a gap where it switches on": (
        changed(first=on)[lambda f: ~((f["city"] == 0) & (f["year"] == 2004))],
        {},
        IdentificationError,
        "switched_in_gap",
    ),
    "a switch with missing values": (
        changed(first=lambda f: on(f).where(f["year"] != 2003)),
        {},
        MissingDataError,
        "missing",
    ),
    "a switch that is one from the first row": (
        changed(first=lambda f: on(f).where(f["city"] != 1, 1.0)),
        {},
        IdentificationError,
        "always_treated",
    ),
    "a switch that is always one": (
        changed(first=1),
        {},
        IdentificationError,
        "always_treated",
    ),
    "a switch that is always zero": (
        changed(first=0),
        {},
        IdentificationError,
        "none_treated",
    ),
    "truth values with missing ones": (
        changed(first=lambda f: (on(f) == 1).astype(object).where(f["year"] != 2003)),
        {},
        MissingDataError,
        "missing",
    ),
    "all missing": (changed(first=np.nan), {}, IdentificationError, "none_treated"),
    "never treated is zero": (
        changed(first=lambda f: f["first"].fillna(0)),
        {},
        IdentificationError,
        "event_times",
    ),
    "a treatment intensity": (
        changed(first=lambda f: on(f) * 0.5),
        {},
        IdentificationError,
        "event_times",
    ),
    "a cohort before the panel": (
        changed(first=lambda f: f["first"].replace(2004, 1990)),
        {},
        IdentificationError,
        "event_times",
    ),
    "a cohort after the panel": (
        changed(first=lambda f: f["first"].replace(2004, 2050)),
        {},
        IdentificationError,
        "event_times",
    ),
    "a cohort between times": (
        changed(first=lambda f: f["first"].replace(2004, 2004.5)),
        {},
        IdentificationError,
        "event_times",
    ),
    "a cohort in the first period": (
        changed(first=lambda f: f["first"].replace(2004, 2000)),
        {},
        IdentificationError,
        "always_treated",
    ),
    "a first time that varies": (
        changed(first=lambda f: f["first"].where(f["year"] != 2003, 2006)),
        {},
        IdentificationError,
        "event_varies",
    ),
    "a first time in some rows only": (
        changed(first=lambda f: f["first"].where(f["year"] > 2003)),
        {},
        IdentificationError,
        "event_varies",
    ),
    "text": (
        changed(first=lambda f: f["first"].map("{:.0f}".format, na_action="ignore")),
        {},
        InputTypeError,
        "event_type",
    ),
    "dates beside whole years": (
        changed(first=lambda f: pd.to_datetime("2004-01-01")),
        {},
        InputTypeError,
        "event_type",
    ),
    "complex numbers": (
        changed(first=lambda f: on(f) + 0j),
        {},
        InputTypeError,
        "event_type",
    ),
    "lists": (
        changed(first=lambda f: [[1]] * len(f)),
        {},
        InputTypeError,
        "event_type",
    ),
    "no such column": (changed(), {"event": "frist"}, ColumnError, "column"),
    "a key": (changed(), {"event": "year"}, TermError, "term"),
    "a term": (changed(), {"event": "log(first)"}, ColumnError, "column"),
    "never is no value": (changed(), {"never": 0}, OptionError, "option"),
    "all treated in one period": (
        changed(first=2004.0),
        {},
        IdentificationError,
        "no_comparison",
    ),
    "a window that is too wide": (
        changed(),
        {"before": 9},
        IdentificationError,
        "unreached",
    ),
    "rows beyond the window": (
        changed(),
        {"bin_ends": False},
        IdentificationError,
        "beyond_window",
    ),
    "whole regions treated": (
        changed(),
        {"absorb": ["cohort^year"], "time_effects": False},
        IdentificationError,
        "absorbed",
    ),
    "a control that is an event time": (
        changed(x=lambda f: (f["year"] - f["first"] == 0) * 1.0),
        {"x": ["x"]},
        dp.CollinearityError,
        "collinear",
    ),
    "an event time that effects absorb, dropped": (
        changed(),
        {
            "absorb": ["cohort^year"],
            "time_effects": False,
            "collinear": "drop",
            "x": ["x"],
        },
        IdentificationError,
        "identification",
    ),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_events_are_refused_by_name(case: str) -> None:
    frame, options, error, code = MALFORMED[case]
    panel = Panel(frame.assign(cohort=frame["city"] % 5), "city", "year")
    spec = EventStudy("y", **{"event": "first", "before": 3, "after": 2, **options})
    with pytest.raises(error) as caught:
        spec.fit(panel)
    assert type(caught.value) is error
    assert caught.value.problems[0].code == code


def test_a_cross_section_and_times_without_a_step_are_refused() -> None:
    frame = staggered(9, drop=0)
    spec = EventStudy(
        "y", "first", entity_effects=False, time_effects=False, cov_type="robust"
    )
    with pytest.raises(PanelIndexError):
        spec.fit(Panel(frame[frame["year"] == 2003], "city"))
    with pytest.raises(PanelIndexError):
        EventStudy("y", "first").fit(Panel(frame, "city", "year", step=2))


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"before": 0}, OptionError),
        ({"before": 2.5}, OptionError),
        ({"before": True}, OptionError),
        ({"after": -1}, OptionError),
        ({"after": 10**9}, OptionError),
        ({"reference": 0}, OptionError),
        ({"reference": -6}, OptionError),
        ({"reference": None}, OptionError),
        ({"bin_ends": 1}, OptionError),
        ({"never": "never"}, OptionError),
        ({"never": False}, OptionError),
        ({"never": 10**400}, OptionError),
        ({"never": float("nan")}, OptionError),
        ({"never": float("inf")}, OptionError),
        ({"event": ["first"]}, InputTypeError),
        ({"event": "y"}, TermError),
        ({"x": ["first"]}, TermError),
        ({"cov_type": "wrong"}, OptionError),
    ],
)
def test_options_are_checked_by_the_constructor(
    options: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        EventStudy("y", **{"event": "first", **options})


def test_it_is_a_specification() -> None:
    spec = EventStudy("y", "first", ["x"])
    assert spec.terms == ("y", "first", "x")
    assert spec.swap("first", "other").event == "other"
    assert spec.add("z").x == ("x", "z")


def test_a_cohort_without_a_row_at_the_reference_is_named() -> None:
    rng = np.random.default_rng(5)
    frame = pd.DataFrame(
        {
            "city": np.repeat(np.arange(60), 9),
            "year": np.tile(np.arange(2000, 2009), 60),
        }
    )
    frame["first"] = np.array([2003.0, 2005.0, np.nan])[frame["city"] % 3]
    frame["y"] = rng.normal(size=len(frame))
    spec = dp.EventStudy("y", "first", before=3, after=3)
    whole = spec.fit(dp.Panel(frame, "city", "year"))
    assert "reference_unobserved" not in [notice.code for notice in whole.diagnostics]
    fit = spec.fit(dp.Panel(frame.query("year != 2004"), "city", "year"))
    (notice,) = [one for one in fit.diagnostics if one.code == "reference_unobserved"]
    assert notice.data == {"reference": -1, "cohorts": {2005: 20}}
    assert "event time -1: 2005." in notice.message


# --- panels larger than memory --------------------------------------------------------


def draw_study(rng: np.random.Generator, seed: int) -> EventStudy:
    """Draw an event study that a scanned table takes."""
    kind = str(rng.choice(["clustered", "clustered", "robust", "driscoll_kraay"]))
    ways = [None, "region", ["city", "year"]]
    event = ("first", "on", "zero")[seed % 3]
    return EventStudy(
        "y",
        event,
        [term for term in ("x", "lag(x)") if rng.random() < 0.5],
        before=int(rng.integers(1, 5)),
        after=int(rng.integers(0, 5)),
        bin_ends=bool(rng.random() < 0.9),
        never=0 if event == "zero" else None,
        absorb=["region"] if rng.random() < 0.2 else [],
        time_effects=bool(rng.random() < 0.8),
        cov_type=kind,
        clusters=ways[rng.integers(3)] if kind == "clustered" else None,
        obs_weights="w" if rng.random() < 0.2 else None,
        where="year < 2008" if rng.random() < 0.2 else None,
        collinear="drop",
        keep_rows=False,
    )


@pytest.mark.parametrize("seed", range(20))
def test_a_study_in_blocks_is_that_in_memory(seed: int) -> None:
    pytest.importorskip("pyarrow")
    rng = np.random.default_rng(seed)
    frame = staggered(
        seed, n=25 if seed % 2 else 60, drop=0.0 if seed % 3 == 1 else 0.15
    )
    if seed % 5 == 4:
        late = frame["first"].where(frame["city"] < 6)
        frame["first"] = late if seed % 10 == 4 else frame["first"].fillna(2005)
    frame["on"] = (frame["year"] >= frame["first"]).astype(int)
    frame["zero"] = frame["first"].fillna(0).astype(int)
    spec = draw_study(rng, seed)
    memory = fitted(spec, Panel(frame, "city", "year"))
    for blocks in ((1, 64), (7, 64), (1, 7))[seed % 3]:
        scan = Panel.scan(frame, entity="city", time="year", blocks=blocks)
        ours = fitted(spec, scan)
        assert_same(ours, memory)
        if isinstance(memory, DigiprosperError):
            continue
        assert ours.window == memory.window
        if spec.cov_type != "driscoll_kraay":
            told = replace(ours, diagnostics=memory.diagnostics)
            assert str(told.summary()) == str(memory.summary())


def as_dates(years: pd.Series[Any]) -> pd.Series[Any]:
    return pd.to_datetime(years.map("{:.0f}-01-01".format, na_action="ignore"))


def as_periods(years: pd.Series[Any]) -> pd.Series[Any]:
    return as_dates(years).dt.to_period("Y")


@pytest.mark.parametrize("kind", [lambda years: years, as_dates, as_periods])
def test_the_error_names_the_condition_that_drops_the_always_treated(
    kind: Callable[[pd.Series[Any]], pd.Series[Any]],
) -> None:
    frame = changed(first=lambda f: f["first"].replace(2004, 2000))
    panel = Panel(
        frame.assign(**{n: kind(frame[n]) for n in ("year", "first")}), "city", "year"
    )
    with pytest.raises(IdentificationError) as caught:
        EventStudy("y", "first").fit(panel)
    (condition,) = re.findall(r'panel\.subset\("(.*?)"\)', str(caught.value))
    assert panel.subset(condition).nobs == (frame["first"] != 2000).sum()


def test_dates_and_subsets_in_blocks() -> None:
    pytest.importorskip("pyarrow")
    frame = staggered(3)
    for name in ("year", "first"):
        texts = frame[name].astype("Int64").astype("string") + "-01-01"
        frame[name] = pd.to_datetime(texts)
    spec = EventStudy("y", "first", before=2, after=2, keep_rows=False)
    panel = Panel(frame, "city", "year").subset("city != 3")
    scan = Panel.scan(frame, entity="city", time="year", blocks=9).subset("city != 3")
    ours, memory = fitted(spec, scan), fitted(spec, panel)
    assert_same(ours, memory)
    assert ours.window == memory.window


def test_a_study_of_counts_takes_no_scanned_table() -> None:
    pytest.importorskip("pyarrow")
    scan = Panel.scan(staggered(1), entity="city", time="year", blocks=2)
    with pytest.raises(ColumnError, match=r"nope.*'region'"):
        EventStudy("y", "nope").fit(scan)
    with pytest.raises(InputTypeError, match=r"event study of counts.*scanned"):
        EventStudy("y", "first", family="poisson").fit(scan)


# --- counts ---------------------------------------------------------------------------


def etwfe_frame() -> pd.DataFrame:
    path = SHARED / CASE["file"]
    if not path.exists():
        pytest.skip(f"{path.name} is not beside the project")
    return pd.read_csv(path)


def draw(cohorts: tuple[float, ...], seed: int = 3, entities: int = 60) -> pd.DataFrame:
    """Draw counts of `entities` over eight years; the first cohort is never treated."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "city": np.repeat(np.arange(entities), 8),
            "year": np.tile(np.arange(2000, 2008), entities),
        }
    )
    frame["first"] = np.array([np.nan, *cohorts])[frame["city"] % (len(cohorts) + 1)]
    since = (frame["year"] - frame["first"]).fillna(-9)
    level = rng.normal(scale=0.7, size=entities)[frame["city"]]
    frame["x"] = rng.normal(size=len(frame))
    frame["w"] = rng.uniform(0.5, 2, size=len(frame))
    frame["region"] = frame["city"] // 4
    index = 1.2 + level + 0.2 * frame["x"] + 0.3 * (since >= 0) + 0.1 * since.clip(0)
    frame["y"] = rng.poisson(np.exp(index + 0.05 * (frame["year"] - 2000)))
    return frame


def panel_of(frame: pd.DataFrame) -> dp.Panel:
    return dp.Panel(frame, "city", "year")


def study(**options) -> dp.EventStudy:
    defaults = {"before": 3, "after": 2, "family": "poisson"}
    return dp.EventStudy("y", "first", **{**defaults, **options})


def average(fit) -> tuple[float, float]:
    row = fit.average_effects().set_index("scale").loc["counts"]
    return float(row["estimate"]), float(row["std_error"])


# --- outside numbers ------------------------------------------------------------------


def test_effects_in_counts_are_those_of_etwfe() -> None:
    panel = dp.Panel(etwfe_frame(), "id", "year")
    spec = ETWFE.replace(entity_effects=False, absorb=["g"], ssc="fixest")
    fit = spec.fit(panel)
    estimate, error = average(fit)
    assert estimate == pytest.approx(CASE["simple"], abs=1e-9)
    # The derivatives of R's marginaleffects are numerical.
    assert error == pytest.approx(CASE["std_error"], rel=5e-6)
    path = fit.event_path(scale="counts").set_index("time")["estimate"]
    for time in (0, 2):
        assert path[time] == pytest.approx(CASE[f"event_{time}"], abs=5e-7)


def test_entity_effects_give_the_effects_of_cohorts_in_a_balanced_panel() -> None:
    """The means differ by a factor of each entity, which cancels in every score."""
    panel = dp.Panel(etwfe_frame(), "id", "year")
    entity, cohort = (
        spec.fit(panel)
        for spec in (ETWFE, ETWFE.replace(entity_effects=False, absorb=["g"]))
    )
    np.testing.assert_allclose(entity.params, cohort.params, atol=1e-10)
    np.testing.assert_allclose(entity.cov, cohort.cov, atol=1e-12)
    assert average(entity) == pytest.approx(average(cohort), rel=1e-9)


def test_entities_without_counts_have_an_effect_of_zero() -> None:
    """Entity effects drop them; effects of cohorts fit them beside the others."""
    frame = etwfe_frame()
    zero = frame.loc[frame["g"] == 3, "id"].unique()[:5]
    frame.loc[frame["id"].isin(zero), "y"] = 0
    panel = dp.Panel(frame, "id", "year")
    with pytest.warns(dp.IdentificationWarning, match="30 rows with outcome zero"):
        entity = ETWFE.fit(panel)
    assert len(entity.separated) == 30
    assert set(entity.separated["reason"]) == {"effects"}
    cohort = ETWFE.replace(entity_effects=False, absorb=["g"]).fit(panel)
    assert average(entity)[0] == pytest.approx(average(cohort)[0], rel=1e-9)
    both = [fit.event_path(scale="counts")["estimate"] for fit in (entity, cohort)]
    np.testing.assert_allclose(*both, atol=1e-9)


# --- brute force ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"ssc": "fixest"},
        {"cov_type": "robust"},
        {"cov_type": "crv3"},
        {"clusters": ["region"]},
        {"clusters": ["region", "year"]},
        {"obs_weights": "w"},
        {"exposure": "w"},
        {"offset": "w", "cov_type": "crv3"},
    ],
)
def test_one_cohort_is_a_poisson_regression_on_dummies(options) -> None:
    frame = draw((2004.0,))
    since = (frame["year"] - frame["first"]).clip(-3, 2)
    names = []
    for time in (-3, -2, 0, 1, 2):
        names.append(f"d{time}".replace("-", "m"))
        frame[names[-1]] = (since == time).astype(float)
    panel = panel_of(frame)
    fit = study(x=["x"], **options).fit(panel)
    other = dp.PoissonEffects("y", [*names, "x"], **options).fit(panel)
    np.testing.assert_allclose(fit.params, other.params, rtol=1e-9)
    np.testing.assert_allclose(fit.cov, other.cov, rtol=1e-7, atol=1e-12)
    np.testing.assert_allclose(fit.pvalues, other.pvalues, rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(fit.fitted_values, other.fitted_values, rtol=1e-8)


def test_effects_of_cohorts_are_those_of_dummies_and_their_delta_method() -> None:
    """An unbalanced, weighted panel with a control: influences of every cluster."""
    frame = draw((2003.0, 2005.0)).sample(frac=0.9, random_state=1)
    frame = frame.sort_values(["city", "year"])
    fit = study(x=["x"], obs_weights="w").fit(panel_of(frame))

    since = (frame["year"] - frame["first"]).clip(-3, 2)
    cells = {
        (cohort, time): (frame["first"].eq(cohort) & since.eq(time)).to_numpy(float)
        for cohort in (2003.0, 2005.0)
        for time in (-3, -2, 0, 1, 2)
    }
    effects = pd.get_dummies(frame[["city", "year"]].astype("category"), dtype=float)
    dummies = np.column_stack(list(cells.values()))
    x = np.column_stack([dummies, frame["x"], effects.drop(columns="year_2000")])
    y, q = frame["y"].to_numpy(float), frame["w"].to_numpy()
    model = sm.GLM(y, x, family=sm.families.Poisson(), var_weights=q)
    glm = model.fit(maxiter=100, tol=1e-14)
    m = len(cells)
    b, mean = glm.params[:m], glm.fittedvalues

    scores = x * (q * (y - mean))[:, None]
    moved = scores @ np.linalg.inv((x.T * (q * mean)) @ x)[:, :m]
    weight, sums = dummies.T @ q, dummies.T @ (q * y)
    of_sums = dummies * (q * (y - dummies @ (sums / weight)))[:, None]
    groups = frame["city"].to_numpy()
    for time in (*(-3, -2, 0, 1, 2), None):
        used = np.array([t >= 0 if time is None else t == time for _, t in cells])
        rows = weight[used].sum()
        treated, untreated = sums[used].sum(), (sums * np.exp(-b))[used].sum()
        by_b = used * sums * np.exp(-b)
        influence = moved @ by_b + of_sums @ (used * (1 - np.exp(-b)))
        error = np.sqrt(_squares(influence / rows, groups))
        if time is None:
            assert average(fit) == pytest.approx(
                ((treated - untreated) / rows, error), rel=1e-6
            )
            continue
        path = fit.event_path(scale="counts").set_index("time").loc[time]
        assert path["estimate"] == pytest.approx((treated - untreated) / rows, rel=1e-6)
        assert path["std_error"] == pytest.approx(error, rel=1e-6)
        name = f"event:{time}"
        assert fit.params[name] == pytest.approx(np.log(treated / untreated), rel=1e-6)
        influence = moved @ by_b / untreated + of_sums @ (
            used * (1 / treated - np.exp(-b) / untreated)
        )
        error = np.sqrt(_squares(influence, groups))
        assert fit.std_errors[name] == pytest.approx(error, rel=1e-6)


def _squares(values: np.ndarray, groups: np.ndarray) -> float:
    sums = pd.Series(values).groupby(groups).sum()
    return float((sums**2).sum() * sums.size / (sums.size - 1))


def test_the_jackknife_is_that_of_the_last_step() -> None:
    """Without each cluster: least squares of the working response, and the means."""
    frame = draw((2003.0, 2005.0), entities=24)
    spec = study(before=1, after=4, cov_type="crv3")
    fit = spec.fit(panel_of(frame))
    joint = fit.cells.joint
    m = fit.cells.event.size
    assert joint.inference.df_t == 23
    since = frame["year"] - frame["first"]
    dummies = np.column_stack(
        [
            frame["first"].eq(cohort) & since.clip(-1, 4).eq(time)
            for cohort in (2003.0, 2005.0)
            for time in range(5)
            if (frame["first"].eq(cohort) & since.clip(-1, 4).eq(time)).any()
        ]
    ).astype(float)
    assert dummies.shape[1] == m
    y, mean = frame["y"].to_numpy(float), fit.fitted_values.to_numpy()
    effects = pd.get_dummies(frame[["city", "year"]].astype("category"), dtype=float)
    x = np.column_stack([dummies, effects.drop(columns="year_2000")])
    response = np.log(mean) + (y - mean) / mean
    root = np.sqrt(mean)
    whole = np.concatenate([joint.coefficients[:m], joint.coefficients[-m:]])
    moved = []
    for city in range(24):
        rest = (frame["city"] != city).to_numpy()
        weighted = x[rest] * root[rest, None]
        b = np.linalg.lstsq(weighted, (response * root)[rest], rcond=None)[0][:m]
        means = (dummies[rest].T @ y[rest]) / dummies[rest].sum(axis=0)
        moved.append(np.append(b, means * dummies.sum(axis=0)) - whole)
    expected = 23 / 24 * np.transpose(moved) @ np.array(moved)
    np.testing.assert_allclose(joint.covariance, expected, rtol=1e-5, atol=1e-6)


def test_an_exposure_is_the_offset_of_its_log() -> None:
    frame = draw((2003.0, 2005.0)).assign(size=lambda f: 50 * f["w"] ** 3)
    spec, panel = study(exposure="size"), panel_of(frame)
    fit = spec.fit(panel)
    other = spec.replace(exposure=None, offset="log(size)").fit(panel)
    np.testing.assert_allclose(fit.params, other.params, atol=1e-10)
    np.testing.assert_allclose(fit.cov, other.cov, atol=1e-12)
    assert "Exposure: size" in fit.summary()
    assert "Offset: log(size)" in other.summary()
    # The unit of the exposure is in the effects of entities and periods.
    thousands = panel_of(frame.assign(size=lambda f: f["size"] / 1000))
    np.testing.assert_allclose(spec.fit(thousands).params, fit.params, atol=1e-9)


def test_effects_in_counts_are_means_with_an_exposure_too() -> None:
    frame = draw((2004.0,))
    fit = study(exposure="w").fit(panel_of(frame))
    path = fit.event_path().set_index("time")["estimate"]
    counts = fit.event_path(scale="counts").set_index("time")["estimate"]
    since = frame["year"].to_numpy() - frame["first"].to_numpy()
    for time in (0, 1):
        means = fit.fitted_values.to_numpy()[since == time]
        want = (means * (1 - np.exp(-path[time]))).mean()
        assert counts[time] == pytest.approx(want, rel=1e-9)


# --- invariances ----------------------------------------------------------------------


def test_rows_in_any_order_and_outcomes_in_any_unit() -> None:
    frame = draw((2003.0, 2005.0))
    fit = study().fit(panel_of(frame))
    shuffled = study().fit(panel_of(frame.sample(frac=1, random_state=4)))
    np.testing.assert_allclose(shuffled.cov, fit.cov, rtol=1e-9)
    scaled = study().fit(panel_of(frame.assign(y=1000.0 * frame["y"])))
    np.testing.assert_allclose(scaled.params, fit.params, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(scaled.cov, fit.cov, rtol=1e-8, atol=1e-12)
    assert average(scaled) == pytest.approx(np.multiply(1000, average(fit)), rel=1e-8)


def test_weights_in_any_unit() -> None:
    frame = draw((2003.0, 2005.0))
    spec = study(obs_weights="w")
    fits = [
        spec.fit(panel_of(frame.assign(w=scale * frame["w"]))) for scale in (1, 70.0)
    ]
    assert average(fits[1]) == pytest.approx(average(fits[0]), rel=1e-9)


def test_where_chooses_rows() -> None:
    frame = draw((2003.0, 2005.0))
    chosen = study(where="year < 2007").fit(panel_of(frame))
    subset = study().fit(panel_of(frame[frame["year"] < 2007]))
    np.testing.assert_allclose(chosen.params, subset.params, rtol=1e-10)
    assert average(chosen) == pytest.approx(average(subset), rel=1e-10)
    assert chosen.nobs == 420


# --- what is refused, and reported ----------------------------------------------------


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda f: f["y"] - 5, "is negative in"),
        (lambda f: 0.0 * f["y"], "is zero in every row"),
        (
            lambda f: f["y"].where(~((f["first"] == 2005) & (f["year"] == 2006)), 0),
            r"zero in every row of 1 cell .*event:1, first:2005",
        ),
        (
            lambda f: f["y"].where(~((f["first"] == 2003) & (f["year"] == 2002)), 0),
            r"event:-1, first:2003",
        ),
    ],
)
def test_outcomes_without_finite_ratios_are_refused(change, match) -> None:
    frame = draw((2003.0, 2005.0))
    with pytest.raises(dp.IdentificationError, match=match):
        study().fit(panel_of(frame.assign(y=change(frame))))


def test_without_a_comparison_nothing_is_identified() -> None:
    treated = draw((2004.0,)).dropna()
    with pytest.raises(dp.IdentificationError, match="never treated"):
        study().fit(panel_of(treated))
    treated = draw((2003.0, 2005.0)).dropna()
    with pytest.raises(dp.DigiprosperError, match="event"):
        study(before=1, after=4).fit(panel_of(treated))


def test_exposures_that_are_refused() -> None:
    frame = draw((2004.0,)).assign(zero=lambda f: f["w"] * (f["year"] > 2000))
    with pytest.raises(dp.OptionError, match="positive in every row"):
        study(exposure="zero").fit(panel_of(frame))
    with pytest.raises(dp.OptionError, match="cannot be combined"):
        study(exposure="w", offset="x")
    with pytest.raises(dp.OptionError, match="offset='x' requires family='poisson'"):
        study(offset="x", family="linear")


def test_cells_are_never_dropped() -> None:
    treated = draw((2003.0, 2005.0)).dropna()
    with pytest.raises(dp.IdentificationError, match="another reference"):
        study(before=2, after=3, collinear="drop").fit(panel_of(treated))


@pytest.mark.parametrize("cov_type", ["clustered", "crv3"])
def test_few_clusters_are_reported(cov_type) -> None:
    fit = study(cov_type=cov_type).fit(panel_of(draw((2004.0,), entities=30)))
    (notice,) = [n for n in fit.diagnostics if n.code == "few_clusters"]
    assert ("29 degrees" in notice.message) == (cov_type == "crv3")


def test_a_notice_does_not_speak_of_mixed_cohorts() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit = study().fit(panel_of(draw((2003.0, 2005.0))))
    assert fit.diagnostics == ()
