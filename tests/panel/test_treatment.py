"""The dummy of a treatment that stays; what is said where it is missing.

A comparison makes it missing.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper import (
    EventStudy,
    FixedEffects,
    FixedEffectsIV,
    Mediation,
    Panel,
    PanelThreshold,
)
from digiprosper.errors import (
    DigiprosperError,
    DigiprosperWarning,
    IdentificationError,
    InputTypeError,
    MissingDataError,
    MissingDataWarning,
    PanelIndexError,
    TermError,
)
from digiprosper.panel.access import table_of
from digiprosper.panel.evaluation import evaluate
from digiprosper.panel.terms import parse

nan = np.nan
FIRMS, YEARS, FIRST = 20, np.arange(2000, 2012), [nan, 2004, nan, 2008]


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    out = pd.DataFrame(
        {"firm": np.repeat(np.arange(FIRMS), 12), "year": np.tile(YEARS, FIRMS)}
    )
    out["first"] = np.array(FIRST)[out["firm"] % 4]
    out["d"] = (out["year"] >= out["first"]).astype(float)
    out["kind"] = (out["firm"] > 9).astype(int)
    for name in ("x", "m", "z", "q"):
        out[name] = rng.normal(size=len(out))
    out["w"] = out["x"] + rng.normal(size=len(out))
    out["m"] += out["d"]
    out["y"] = (
        1.5 * out["d"]
        + out["x"]
        + out["m"]
        + 0.2 * out["firm"]
        + rng.normal(size=len(out))
    )
    return out


@pytest.fixture(scope="module")
def panel(frame: pd.DataFrame) -> Panel:
    return Panel(frame.sample(frac=1.0, random_state=1), "firm", "year")


def value(panel: Panel, text: str) -> Any:
    return evaluate(parse(text, table_of(panel).names, "x"), table_of(panel))


# --- its values -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["treated(first)", " treated( first ) ", "treated(`first`)"]
)
def test_it_is_one_from_the_first_treated_period_on_and_zero_for_the_others(
    panel: Panel, text: str
) -> None:
    np.testing.assert_array_equal(value(panel, text), panel.frame["d"])


def test_it_is_a_factor_and_stands_inside_calls(panel: Panel) -> None:
    d, x = panel.frame["d"], panel.frame["x"]
    np.testing.assert_array_equal(value(panel, "treated(first):x"), d * x)
    np.testing.assert_array_equal(value(panel, "I(treated(first) * x + 1)"), d * x + 1)
    np.testing.assert_array_equal(value(panel, "I(treated(first) == 1)"), d)
    np.testing.assert_array_equal(
        value(panel, "lead(treated(first))"), d.groupby(level=0).shift(-1)
    )
    np.testing.assert_array_equal(
        panel.assign(after="treated(first)").frame["after"], d
    )
    assert panel.subset("treated(first) == 1").nobs == d.sum()
    renamed = panel.assign(treated=1.0).rename(first="treated since")
    np.testing.assert_array_equal(value(renamed, "treated(`treated since`):treated"), d)


def _months(years: Any) -> Any:
    return pd.to_datetime(
        pd.Series(years).map(lambda y: f"{y:.0f}-01-01", na_action="ignore")
    )


KINDS = {
    "nullable": lambda first: first.astype("Int64"),
    "before the panel": lambda first: first.replace(2004, 1995),
    "after the panel": lambda first: first.replace(2008, 9999),
    "nobody": lambda first: first * nan,
}


@pytest.mark.parametrize("kind", KINDS)
def test_years(frame: pd.DataFrame, kind: str) -> None:
    first = KINDS[kind](frame["first"])
    panel = Panel(frame.assign(first=first), "firm", "year")
    expected = (frame["year"] >= first).fillna(value=False)
    np.testing.assert_array_equal(
        value(panel, "treated(first)"), expected.astype(float)
    )


@pytest.mark.parametrize(
    "kind", ["dates", "dates of another unit", "dates with a zone", "periods"]
)
def test_dates_and_periods(frame: pd.DataFrame, kind: str) -> None:
    time, first = _months(frame["year"]), _months(frame["first"])
    if kind == "dates of another unit":
        first = first.astype("datetime64[s]")
    if kind == "dates with a zone":
        time, first = (column.dt.tz_localize("UTC") for column in (time, first))
    if kind == "periods":
        time, first = (column.dt.to_period("Y") for column in (time, first))
    panel = Panel(frame.assign(year=time, first=first), "firm", "year")
    np.testing.assert_array_equal(value(panel, "treated(first)"), frame["d"])


def test_a_gap_in_time_and_a_missing_row_do_not_matter(frame: pd.DataFrame) -> None:
    some = frame[frame["year"] != 2004]
    np.testing.assert_array_equal(
        value(Panel(some, "firm", "year"), "treated(first)"), some["d"]
    )


# --- what is refused ------------------------------------------------------------------


REFUSED: dict[str, tuple[Any, type[DigiprosperError], str]] = {
    "varies": (
        lambda f: f["first"].where(f["firm"] != 3, f["year"]),
        IdentificationError,
        r"'first' has several values in 1 firm \('3'\)",
    ),
    "missing in some rows": (
        lambda f: f["first"].where((f["firm"] != 1) | (f["year"] > 2003)),
        IdentificationError,
        r"several values in 1 firm \('1'\)",
    ),
    "0 for never": (
        lambda f: f["first"].fillna(0),
        TermError,
        (
            r"is 0 in 120 rows .* before the first year \(2000\). Set it to missing .* "
            r"assign\(first="
        ),
    ),
    "-1 for never": (lambda f: f["first"].fillna(-1), TermError, "is -1 in 120 rows"),
    "a dummy": (
        lambda f: f["d"],
        TermError,
        "'first' is from 0 to 1: a dummy already; write first",
    ),
    "shares of years": (
        lambda f: f["d"] / 4,
        TermError,
        "'first' is from 0 to 1: a share already; write first",
    ),
    "truth": (lambda f: f["d"] == 1, InputTypeError, "is bool, but 'year' is int64"),
    "text": (lambda f: f["first"].astype(str), InputTypeError, "but 'year' is int64"),
    "years in text": (
        lambda f: f["first"].mask(f["first"].notna(), "2015年"),
        InputTypeError,
        r"str.extract\('\(\[0-9\]\{4\}\)'\)",
    ),
    "dates": (
        lambda f: _months(f["first"]),
        InputTypeError,
        "must have the type of the time key",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_refused_by_name(frame: pd.DataFrame, kind: str) -> None:
    make, error, words = REFUSED[kind]
    with pytest.raises(error, match=words) as caught:
        value(Panel(frame.assign(first=make), "firm", "year"), "treated(first)")
    assert "treated(first)" in str(caught.value)
    assert caught.value.problems


def test_zero_is_a_time_where_times_begin_at_or_below_it(frame: pd.DataFrame) -> None:
    relative = frame.assign(year=frame["year"] - 2004, first=frame["first"] - 2004)
    np.testing.assert_array_equal(
        value(Panel(relative, "firm", "year"), "treated(first)"), frame["d"]
    )


def test_naive_dates_beside_times_with_a_zone_are_refused(frame: pd.DataFrame) -> None:
    time, first = _months(frame["year"]).dt.tz_localize("UTC"), _months(frame["first"])
    panel = Panel(frame.assign(year=time, first=first), "firm", "year")
    with pytest.raises(InputTypeError, match="type of the time key"):
        value(panel, "treated(first)")
    with pytest.raises(InputTypeError, match="type of the time key"):
        EventStudy("y", "first").fit(panel)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("treated(first + 1)", r"treated\(\) takes one column"),
        ("treated(2004)", r"treated\(\) takes one column"),
        ("treated()", r"treated\(\) takes one column"),
        ("treated(first, x)", r"treated\(\) takes one column"),
        ("treated(year)", "'year' is a key"),
        ("treated(firm)", "'firm' is a key"),
    ],
)
def test_it_takes_a_column_of_first_treated_times(
    panel: Panel, text: str, words: str
) -> None:
    with pytest.raises(TermError, match=words):
        value(panel, text)


def test_a_cross_section_has_no_periods(frame: pd.DataFrame) -> None:
    with pytest.raises(PanelIndexError, match="cross-section"):
        value(
            Panel(frame[frame["year"] == 2005].drop(columns="year"), "firm"),
            "treated(first)",
        )


def test_never_treated_is_read_as_in_an_event_study(frame: pd.DataFrame) -> None:
    zeros = Panel(frame.assign(first=frame["first"].fillna(0)), "firm", "year")
    with pytest.raises(IdentificationError, match="before the first year"):
        EventStudy("y", "first").fit(zeros)
    with pytest.raises(TermError, match="before the first year"):
        value(zeros, "treated(first)")


# --- in models ------------------------------------------------------------------------


MODELS: dict[str, Any] = {
    "FixedEffects": lambda d: FixedEffects("y", [d, "x"]),
    "formula": lambda d: FixedEffects.from_formula(f"y ~ {d} + x | firm + year"),
    "interaction": lambda d: FixedEffects("y", ["x", f"{d}:x"]),
    "category": lambda d: FixedEffects("y", ["x", f"C(kind):{d}"]),
    "slopes": lambda d: FixedEffects("y", ["x"], absorb=f"firm[{d}]"),
    "effect": lambda d: FixedEffects("y", ["x"], absorb=d, entity_effects=False),
    "control": lambda d: FixedEffectsIV("y", [d, "x"], endog="w", instruments=["z"]),
    "endog": lambda d: FixedEffectsIV("y", ["x"], endog=d, instruments=["z"]),
    "instrument": lambda d: FixedEffectsIV("y", ["x"], endog="w", instruments=[d, "z"]),
    "PanelThreshold": lambda d: PanelThreshold("y", "x", "q", [d], reps=19),
    "Mediation": lambda d: Mediation("y", d, "m", ["x"], reps=20),
}


@pytest.mark.many(len(MODELS))
@pytest.mark.parametrize("model", MODELS)
def test_models_use_it_as_a_column_and_say_what_a_comparison_loses(
    panel: Panel, model: str
) -> None:
    fits = {}
    for d in ("treated(first)", "d", "I(year >= first)"):
        with warnings.catch_warnings(record=True) as issued:
            warnings.simplefilter("always", DigiprosperWarning)
            fits[d] = MODELS[model](d).fit(panel, rng=1)
        lost = [str(w.message) for w in issued if w.category is MissingDataWarning]
        assert len(lost) == (d == "I(year >= first)")
    (text,) = lost
    assert "120 of 240 rows dropped" in text
    assert "The model uses the other 120 rows" in text
    assert (
        "missing where 'first' is missing (120 rows, with all rows of 10 firm)" in text
    )
    assert (
        "write treated(first), which is 0 for them and 1 from the first treated "
        "period on"
    ) in text
    numbers = [
        getattr(fits[d], "params" if model != "PanelThreshold" else "ssr")
        for d in ("treated(first)", "d")
    ]
    np.testing.assert_allclose(*numbers)


# --- comparisons that are missing -----------------------------------------------------


@pytest.mark.parametrize(
    ("term", "text"),
    [
        ("I(year >= first)", "I(year >= first)"),
        ("I(first <= year)", "I(first <= year)"),
        ("I((year - first >= 0) * x)", "I((year - first >= 0) * x)"),
        ("I(year > first):x", "I(year > first):x"),
        ("C(kind):I(year >= first)", "I(year >= first)"),
    ],
)
def test_a_comparison_with_time_names_term_rows_entities_and_the_way_out(
    panel: Panel, term: str, text: str
) -> None:
    (dropped,) = panel.sample({"y": ["y"], "x": [term]}).dropped
    (compared,) = dropped.compared
    assert (compared.term, compared.columns, compared.first) == (
        text,
        ("first",),
        "first",
    )
    assert (compared.count, compared.entities) == (120, 10)
    assert "treated(first)" in dropped.message
    with pytest.raises(MissingDataError, match=r"write treated\(first\)"):
        panel.sample({"y": ["y"], "x": [term]}, missing="raise")


def test_only_entities_that_leave_wholly_are_counted(panel: Panel) -> None:
    years = panel.frame.index.get_level_values("year")
    holes = panel.assign(x=panel.frame["x"].mask(years < 2003))
    (dropped,) = holes.sample({"y": ["y"], "x": ["I(x > 0)"]}).dropped
    (compared,) = dropped.compared
    assert (compared.columns, compared.count, compared.entities, compared.first) == (
        ("x",),
        60,
        0,
        None,
    )
    assert "treated" not in dropped.message
    assert "Fill 'x' with assign() to keep them" in dropped.message


def test_other_missing_values_say_nothing_of_comparisons(panel: Panel) -> None:
    holes = panel.assign(x=panel.frame["x"].mask(panel.frame["x"] > 1))
    (dropped,) = holes.sample(
        {"y": ["y"], "x": ["x", "I(year >= 2004)", "I(z > 0)"]}
    ).dropped
    assert dropped.compared == ()


def test_an_effect_that_is_a_comparison_is_named_too(panel: Panel) -> None:
    (dropped,) = panel.sample({"y": ["y"]}, codes=["I(year >= first)^firm"]).dropped
    assert [(c.term, c.entities) for c in dropped.compared] == [
        ("I(year >= first)^firm", 10)
    ]


def test_an_effect_that_is_a_cluster_too_is_refused_where_it_is_missing(
    panel: Panel,
) -> None:
    effect = "I(year >= first)^firm"
    with pytest.raises(MissingDataError, match=r"clusters: .* is missing in 120 rows"):
        panel.sample({"y": ["y"]}, codes=[effect], clusters=[effect])
    both = panel.sample(
        {"y": ["y"], "x": ["I(year >= first)"]}, codes=[effect], clusters=[effect]
    )
    assert [c.term for c in both.dropped[0].compared] == ["I(year >= first)"]


def test_a_sample_without_rows_gives_the_reason(panel: Panel) -> None:
    with pytest.raises(MissingDataError, match=r"no rows.*treated\(first\)"):
        panel.subset("firm % 2 == 0").sample({"y": ["y"], "x": ["I(year >= first)"]})


def test_the_notice_has_the_numbers_as_data(panel: Panel) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        fit = FixedEffects("y", ["I(year >= first)"]).fit(panel)
    (notice,) = (n for n in fit.diagnostics if n.code == "missing_rows")
    assert notice.data["compared"] == {
        "I(year >= first)": {"columns": ("first",), "count": 120, "entities": 10}
    }


# --- groups treated together ----------------------------------------------------------


def counties(by: str, seed: int = 0, **columns: Any) -> dp.Panel:
    """Twelve provinces of five counties; a policy starts by province or by county."""
    rng = np.random.default_rng(seed)
    county, year = np.repeat(np.arange(60), 8), np.tile(np.arange(2010, 2018), 60)
    frame = pd.DataFrame({"county": county, "year": year})
    frame["province"] = pd.Series(county // 5).map(lambda p: f"p{p}")
    frame["level"] = (county % 4).astype(str)
    of_unit = rng.choice([2013.0, 2015.0, np.nan], 60)
    frame["first"] = of_unit[county // 5 if by == "province" else county]
    frame["cohort"] = frame["first"].fillna(0).astype(int)
    frame["d"] = (frame["year"] >= frame["first"]).astype(int)
    frame["x"], frame["y"] = rng.normal(size=(2, 480))
    return dp.Panel(frame.assign(**columns), "county", "year")


def treated_by(results: Any) -> list[dict[str, Any]]:
    return [n.data for n in results.diagnostics if n.code == "treated_together"]


SPECS = [
    dp.StaggeredDid("y", "first"),
    dp.StaggeredDid("y", "first", estimator="imputation"),
    dp.EventStudy("y", "first", before=3, after=2),
    dp.FixedEffects("y", ["d", "x"]),
    dp.PoissonEffects("count", ["d", "x"]),
    dp.EventStudy("count", "first", before=3, after=2, family="poisson"),
]


@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
@pytest.mark.parametrize("spec", SPECS, ids=range(len(SPECS)))
def test_a_policy_of_provinces_in_a_panel_of_counties_is_reported(spec: Any) -> None:
    count = np.random.default_rng(1).poisson(5.0, 480)
    treatment = getattr(spec, "event", "d")
    data = {"treatment": treatment, "column": "province", "n_groups": 12}
    results = spec.fit(counties("province", count=count))
    assert treated_by(results) == [{**data, "n_entities": 60}]
    assert (
        treated_by(
            spec.replace(clusters="province").fit(counties("province", count=count))
        )
        == []
    )
    assert treated_by(spec.fit(counties("county", count=count))) == []


@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
def test_controls_cohorts_and_few_groups_are_no_groups_treated_together() -> None:
    panel = counties("province")
    control = dp.FixedEffects("y", ["x", "d"])
    assert treated_by(control.fit(panel)) == []
    spec = dp.StaggeredDid("y", "first")
    assert treated_by(spec.fit(dp.Panel(panel.frame.drop(columns="province")))) == []
    few = panel.subset("province in ['p0', 'p1', 'p2', 'p3']")
    assert treated_by(dp.FixedEffects("y", ["d"]).fit(few)) == []
    # All provinces but one begin together, as with any policy of one year.
    first = panel.frame["province"].map(lambda p: 2013.0 if p != "p0" else np.nan)
    assert treated_by(spec.fit(panel.assign(first=first))) == []
    moved = panel.frame["province"].where(
        panel.frame.index.get_level_values("year") > 2010, "p0"
    )
    assert treated_by(spec.fit(panel.assign(province=moved))) == []


@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
def test_a_policy_of_cities_in_some_industries_is_reported() -> None:
    """In a triple difference industries that are never treated hide the cities."""
    rng = np.random.default_rng(3)
    city, industry, year = np.indices((24, 6, 8)).reshape(3, -1)
    first = np.array([3, 5, 99, 99])[city % 4]
    alone = rng.choice([3, 5, 99, 99], 24 * 6)[city * 6 + industry]
    frame = pd.DataFrame(
        {
            "cell": city * 6 + industry,
            "year": year,
            "city": city,
            "industry": industry,
            "heavy": (industry < 3) * 1,
            "policy": (year >= first) * 1,
            "ddd": (year >= first) * (industry < 3),
            "by_cell": (year >= alone) * (industry < 3),
            "y": rng.normal(size=city.size),
        }
    )
    panel = dp.Panel(frame, "cell", "year")
    spec = dp.FixedEffects("y", "ddd", absorb=["city^year", "industry^year"])
    spec = spec.replace(time_effects=False)
    data = {"column": "city", "n_groups": 24, "n_entities": 144}
    for term in ("ddd", "policy:heavy"):
        fit = spec.replace(x=term).fit(panel)
        assert treated_by(fit) == [{"treatment": term, **data}]
        (message,) = [m.message for m in fit.diagnostics if "city" in str(m.data)][-1:]
        assert "or never by its 'heavy'" in message
    assert treated_by(spec.fit(dp.Panel(frame.drop(columns="heavy"), "cell", "year")))
    assert treated_by(spec.replace(clusters="city").fit(panel)) == []
    assert treated_by(spec.replace(x="by_cell").fit(panel)) == []


@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
def test_gaps_at_the_start_of_a_policy_do_not_hide_its_groups() -> None:
    """Counties without the first row under a policy seem to be treated later."""
    panel = counties("province")
    rng = np.random.default_rng(2)
    rows = panel.subset(pd.Series(rng.random(480) < 0.8, index=panel.frame.index))
    spec = dp.FixedEffects("y", ["d"])
    firsts = rows.subset("d == 1").frame.reset_index().groupby("county")["year"].min()
    assert firsts.groupby(firsts.index // 5).nunique().max() > 1
    (data,) = treated_by(spec.fit(rows))
    assert data == {
        "treatment": "d",
        "column": "province",
        "n_groups": 12,
        "n_entities": 60,
    }


@pytest.mark.further
@pytest.mark.weekly
@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
@pytest.mark.parametrize("share", [0.8, 0.5])
def test_chance_is_no_assignment_by_groups_where_rows_are_missing(share: float) -> None:
    spec, alike = dp.FixedEffects("y", ["d"]), 0
    for seed in range(100):
        panel = counties("county", seed)
        keep = np.random.default_rng(seed).random(480) < share
        rows = panel.subset(pd.Series(keep, index=panel.frame.index))
        alike += bool(treated_by(spec.fit(rows)))
    assert not alike


@pytest.mark.further
@pytest.mark.weekly
@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
def test_chance_is_no_assignment_by_groups() -> None:
    """Of 200 policies of counties none looks like one of provinces."""
    spec = dp.FixedEffects("y", ["d"])
    alike = [treated_by(spec.fit(counties("county", seed))) for seed in range(200)]
    assert not any(alike)


@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
@pytest.mark.parametrize("cell", [[1, 2], {"a": 1}, (1, [2]), 1j])
def test_columns_of_other_objects_are_no_groups(cell: Any) -> None:
    panel = counties("province", other=pd.Series([cell] * 480, dtype=object))
    (data,) = treated_by(dp.FixedEffects("y", ["d"]).fit(panel))
    assert data["column"] == "province"


# --- flows ----------------------------------------------------------------------------


def flows(seed: int = 0, countries: int = 14, share: float = 1.0) -> pd.DataFrame:
    """Exports of pairs, with shocks of pairs without direction; nothing has an effect.

    Agreements `d` begin in `first`; `index` is of the exporter, `product` of both ends.
    """
    rng = np.random.default_rng(seed)
    grid = np.meshgrid(*map(np.arange, (countries, countries, 6)), indexing="ij")
    i, j, t = (part.ravel() for part in grid)
    i, j, t = (part[i != j] for part in (i, j, t))
    both = np.minimum(i, j) * countries + np.maximum(i, j)
    index = rng.normal(size=(countries, 6)).cumsum(axis=1)
    shocks = rng.normal(size=(countries**2, 6)).cumsum(axis=1)
    names = np.array([f"c{k:02}" for k in range(countries)])
    frame = pd.DataFrame({"exporter": names[i], "importer": names[j], "year": t})
    frame["pair"] = frame["exporter"] + " " + frame["importer"]
    frame["first"] = rng.choice([2, 3, 4, 5, np.nan], countries**2)[both]
    frame["d"] = (frame["year"] >= frame["first"]).astype(float)
    frame["index"], frame["product"] = index[i, t], index[i, t] * index[j, t]
    frame["y"] = shocks[both, t] + rng.normal(size=len(frame))
    frame["flow"] = np.exp(frame["y"] / 3).round(3)
    return frame[rng.uniform(size=len(frame)) < share]


def same_ways(results: Any) -> list[dict[str, Any]]:
    notices = results.diagnostics
    return [n.data for n in notices if n.code == "same_in_both_directions"]


EFFECTS: dict[str, Any] = {
    "absorb": ("exporter^year", "importer^year"),
    "time_effects": False,
}
OF_FLOWS = [
    dp.FixedEffects("y", ["d"], **EFFECTS),
    dp.FixedEffects("y", ["product"], **EFFECTS),
    dp.FixedEffectsIV("y", [], ["product"], ["lag(product)"]),
    dp.PoissonEffects("flow", ["d"], **EFFECTS),
    dp.EventStudy("y", "first", before=2, after=2),
    dp.StaggeredDid("y", "first"),
]


@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
@pytest.mark.parametrize("share", [1.0, 0.9])
@pytest.mark.parametrize("spec", OF_FLOWS, ids=range(len(OF_FLOWS)))
def test_a_regressor_of_both_directions_of_a_pair_is_reported(
    spec: Any, share: float
) -> None:
    panel = Panel(flows(share=share), "pair", "year")
    (data,) = same_ways(spec.fit(panel))
    assert data["columns"] == ("exporter", "importer")
    # A model may lose pairs of few rows.
    if share == 1:
        assert (data["n_pairs"], data["n_entities"]) == (91, 182)
    ends = ["exporter", "importer"]
    panel = panel.assign(both=lambda f: f[ends].apply(sorted, axis=1).str.join("-"))
    assert panel["both"].nunique() == 91
    for clusters in ("both", ends):
        if clusters == "both" or not isinstance(spec, dp.StaggeredDid):
            assert not same_ways(spec.replace(clusters=clusters).fit(panel))


@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
@pytest.mark.parametrize("kind", [str, int, "category"])
def test_the_statement_for_both_directions_runs_for_any_labels(kind: Any) -> None:
    frame = flows()
    ends = frame[["exporter", "importer"]]
    numbers = ends.apply(lambda names: names.str[1:].astype(int))
    frame[[*ends]] = (numbers if kind is int else ends).astype(kind)
    panel = Panel(frame, "pair", "year")
    notices = dp.FixedEffects("y", ["d"], **EFFECTS).fit(panel).diagnostics
    (notice,) = [n for n in notices if n.code == "same_in_both_directions"]
    statement = notice.message.split("Use ")[1].split(" and clusters")[0]
    assert eval(statement, {"panel": panel})["both"].nunique() == 91


@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
def test_a_column_of_pairs_without_direction_is_named() -> None:
    frame = flows(share=0.95)
    ends = frame[["exporter", "importer"]]
    frame["both"] = ends.min(axis=1) + ends.max(axis=1)
    alone = frame[~frame["both"].isin(sorted(frame["both"].unique())[:30])]
    alone = pd.concat([alone, frame[frame["exporter"] == "c00"]]).drop_duplicates()
    fit = dp.StaggeredDid("y", "first").fit(Panel(alone, "pair", "year"))
    assert [data["column"] for data in treated_by(fit)] == ["both"]


@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
def test_other_regressors_and_other_entities_have_no_two_directions() -> None:
    panel = Panel(flows(), "pair", "year")
    assert not same_ways(dp.FixedEffects("y", ["index"]).fit(panel))
    assert not same_ways(dp.FixedEffects("y", ["index", "d"]).fit(panel))
    one_way = panel.subset("exporter < importer")
    assert not same_ways(dp.FixedEffects("y", ["product"]).fit(one_way))
    firms = panel.rename(pair="firm", exporter="province", importer="industry")
    firms = firms.assign(industry=lambda f: f["industry"].str.upper())
    assert not same_ways(dp.FixedEffects("y", ["d"]).fit(firms))
    assert not same_ways(dp.FixedEffects("y", ["d"]).fit(counties("province")))


@pytest.mark.further
@pytest.mark.weekly
@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
def test_clusters_of_both_directions_cover_and_those_of_one_do_not() -> None:
    covered = {"pair": 0, "both": 0}
    for seed in range(100):
        frame = flows(seed, 10).assign(
            both=lambda f: (
                f[["exporter", "importer"]].apply(sorted, axis=1).str.join("")
            )
        )
        panel = Panel(frame, "pair", "year")
        for clusters in covered:
            low, high = (
                dp.FixedEffects("y", ["d"], clusters=clusters, **EFFECTS)
                .fit(panel)
                .conf_int()
                .loc["d"]
            )
            covered[clusters] += low <= 0 <= high
    assert covered["pair"] < 88
    assert covered["both"] >= 90


@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
def test_a_regressor_with_opposite_signs_in_both_directions_is_reported() -> None:
    """Each game is two rows: what one team is ahead the other is behind."""
    frame = flows()
    size = frame["exporter"].str[1:].astype(int) * (frame["year"] + 1)
    other = frame["importer"].str[1:].astype(int) * (frame["year"] + 1)
    frame["ahead"] = (size - other) * 1.0
    spec = dp.FixedEffects("y", ["ahead"])
    (data,) = same_ways(spec.fit(Panel(frame, "pair", "year")))
    assert (data["term"], data["n_pairs"]) == ("ahead", 91)
    frame["ahead"] += frame["exporter"].eq("c01")
    assert not same_ways(spec.fit(Panel(frame, "pair", "year")))
