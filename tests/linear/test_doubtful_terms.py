"""Terms made from the outcome, or from what they stand for."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from digiprosper import (
    CompositeIndex,
    EventStudy,
    FixedEffects,
    FixedEffectsIV,
    IndicatorSystem,
    Mediation,
    Panel,
    PanelThreshold,
    PoissonEffects,
    coupling_coordination,
    etable,
)
from digiprosper.errors import (
    DigiprosperWarning,
    IdentificationError,
    IdentificationWarning,
    IndicatorWarning,
    InputTypeError,
    Notice,
)


def group_panel() -> Panel:
    """Forty cities of eight provinces, ten years; `z` is measured by province."""
    rng = np.random.default_rng(8)
    frame = pd.DataFrame(
        {"i": np.repeat(np.arange(40), 10), "t": np.tile(np.arange(10), 40)}
    )
    frame["province"] = frame["i"] // 5
    by_province, common = rng.normal(size=(8, 10)), rng.normal(size=(8, 10))
    frame["z"] = by_province[frame["province"], frame["t"]]
    frame["national"] = common[0, frame["t"]]
    frame["late"] = 1.0 * (frame["t"] > 4) * (frame["province"] < 3)
    frame["trend"] = 0.1 * frame["t"]
    frame["x"] = rng.normal(size=400)
    errors = rng.normal(size=400) + common[frame["province"], frame["t"]]
    frame["y"] = np.exp(0.1 * (frame["x"] + errors))
    return Panel(frame, "i", "t")


def with_code(spec, code: str) -> list[Notice]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        result = spec.fit(group_panel(), rng=1)
    return [n for n in result.diagnostics if n.code == code]


@pytest.mark.parametrize(
    ("spec", "role", "terms"),
    [
        (FixedEffects("log(y)", ["x", "y"]), "y", {"y": "log(y)"}),
        (FixedEffects("y", ["x", "lead(y)"]), "y", {"lead(y)": "y"}),
        (FixedEffects("diff(log(y))", ["log(y)"]), "y", {"log(y)": "diff(log(y))"}),
        (FixedEffectsIV("y", [], ["x"], ["log(y)"]), "y", {"log(y)": "y"}),
        (FixedEffectsIV("y", [], ["x"], ["I(x**2)"]), "endog", {"I(x**2)": "x"}),
        (FixedEffectsIV("y", [], ["x"], ["lead(x)"]), "endog", {"lead(x)": "x"}),
        (Mediation("y", "x", "I(x**2)", reps=99), "treatment", {"I(x**2)": "x"}),
        (PanelThreshold("y", "x", "log(y)", reps=19), "y", {"log(y)": "y"}),
    ],
)
def test_terms_made_from_what_they_explain_or_replace_are_told(
    spec, role, terms
) -> None:
    (notice,) = with_code(spec, "made_from")
    of = tuple(dict.fromkeys(terms.values()))
    assert notice.data == {"terms": terms, "role": role, "of": of}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        spec.fit(group_panel(), rng=1)
    assert notice.message in [str(w.message) for w in caught]


@pytest.mark.parametrize(
    "spec",
    [
        FixedEffects("diff(log(y))", ["lag(log(y))", "x"]),
        FixedEffects("I(lead(log(y)) - log(y))", ["log(y)", "x"]),
        FixedEffects("y", ["x", "I(x**2)", "lag(y)", "x:z"]),
        FixedEffects("log(y / exp(x))", ["x"]),
        FixedEffectsIV("y", [], ["x"], ["lag(x)"]),
        FixedEffectsIV("y", [], ["x"], ["z:lag(national)"]),
        Mediation("y", "x", "z", quadratic=("a", "direct"), reps=99),
        PanelThreshold("y", "x", "x", reps=19),
        PanelThreshold("y", "x", "lag(y)", reps=19),
    ],
)
def test_lags_squares_and_ratios_of_ordinary_models_are_not_told(spec) -> None:
    assert not with_code(spec, "made_from")


def test_indicators_of_an_outcome_are_told_by_their_new_names() -> None:
    panel = group_panel()
    scores = panel.frame["x"] + panel.frame["z"]
    scores.attrs["indicators"] = ["x", "z"]  # as a list, from a file
    panel = panel.assign(index=scores).rename(x="trade", index="openness")
    with pytest.warns(IndicatorWarning, match="the same indicators"):
        fit = FixedEffects("openness", ["trade", "late"], cov_type="robust").fit(panel)
    (notice,) = [n for n in fit.diagnostics if n.code == "shared_indicators"]
    assert notice.data == {"indicators": {"trade": ("trade",)}}


@pytest.mark.parametrize("made", ["log(income)", "I(1e4 * income)", "income"])
def test_an_indicator_of_the_outcome_in_logs_or_another_unit_is_told(made) -> None:
    panel = group_panel().assign(income=lambda f: np.exp(f["z"] + f["x"]))
    system = IndicatorSystem.from_dict({"a": {"income": "+", "national": "+"}})
    panel = panel.attach(CompositeIndex(system, name="index").fit(panel).scores)
    control = panel.assign(made=made)["made"]
    for column in (made, control, lambda _: control.to_numpy()):
        beside = panel.assign(control=column, other="I(income + x)")
        spec = FixedEffects("index", ["x", "control", "late"], time_effects=False)
        with pytest.warns(IndicatorWarning, match=r"'control' \('income'\)"):
            fit = spec.fit(beside)
        (notice,) = [n for n in fit.diagnostics if n.code == "shared_indicators"]
        assert notice.data == {"indicators": {"control": ("income",)}}
        for other in (spec.swap("control", "other"), spec.replace(y="y")):
            codes = {n.code for n in other.fit(beside).diagnostics}
            assert "shared_indicators" not in codes


@pytest.mark.parametrize("n", [1, 2])
def test_series_that_only_rise_are_not_one_column(n: int) -> None:
    rng = np.random.default_rng(1)
    i, t = np.indices((n, 20)).reshape(2, -1)
    rising = (
        rng.exponential(size=(3, n, 20)).cumsum(axis=2) + 100 * np.arange(n)[:, None]
    )
    a, b, c = rising.reshape(3, -1)
    frame = pd.DataFrame({"i": i, "t": t, "a": a, "b": b, "c": c})
    panel = Panel(frame, "i", "t")
    system = IndicatorSystem.from_dict({"d": {"a": "+", "b": "+"}})
    panel = panel.attach(CompositeIndex(system, name="index").fit(panel).scores)
    spec = FixedEffects("index", ["c"], entity_effects=False, time_effects=False)
    fit = spec.replace(cov_type="robust").fit(panel)
    assert "shared_indicators" not in {n.code for n in fit.diagnostics}


def test_the_mean_of_a_group_contains_the_outcome() -> None:
    frame = group_panel().frame.reset_index()
    cells = frame.groupby(["province", "t"])
    frame["peers"] = cells["y"].transform("mean")
    frame["other"] = cells["x"].transform("mean")
    panel, codes = Panel(frame, "i", "t"), {}
    for y, x in (("y", "peers"), ("log(y)", "peers"), ("y", "other"), ("x", "peers")):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DigiprosperWarning)
            fit = FixedEffects(y, [x], clusters="province").fit(panel)
        codes[y, x] = [
            n.data["terms"] for n in fit.diagnostics if n.code == "made_from"
        ]
    assert codes.pop(("y", "peers")) == [{"peers": "y"}]
    assert codes.pop(("log(y)", "peers")) == [{"peers": "y"}]
    assert not any(codes.values())


def test_zeros_beside_an_outcome_of_mean_zero_are_no_means_of_it() -> None:
    # The total of both is zero, and zeros have no largest value to divide by.
    y = np.random.default_rng(1).permutation(np.arange(48) - 23.5)
    keys = {"i": np.repeat(np.arange(8), 6), "t": np.tile(np.arange(6), 8)}
    panel = Panel(pd.DataFrame({**keys, "y": y, "x": 0.0}), "i", "t")
    with pytest.raises(IdentificationError, match="'x' is constant"):
        FixedEffects("y", ["x"]).fit(panel)


@pytest.mark.parametrize("begin", [0, 5])
def test_running_means_are_stocks_of_the_outcome(begin: int) -> None:
    frame = group_panel().frame.reset_index()
    frame["y"] = frame["y"].clip(upper=1.05)
    frame["mean"] = frame.groupby("i")["y"].transform(lambda y: y.expanding().mean())
    frame["before"] = frame.groupby("i")["mean"].shift()
    frame["of_x"] = frame.groupby("i")["x"].transform(lambda x: x.expanding().mean())
    panel = Panel(frame, "i", "t").subset(f"t >= {begin}")
    for term in ("mean", "before", "lag(mean)", "of_x"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DigiprosperWarning)
            fit = FixedEffects("y", ["z", term]).fit(panel)
        columns = [
            n.data["columns"] for n in fit.diagnostics if n.code == "lagged_outcome"
        ]
        assert columns == ([] if term == "of_x" else [(term,)])


def test_interpolated_indicators_of_an_index_are_told() -> None:
    panel = group_panel().assign(
        x=lambda f: f["x"].mask(f.index.get_level_values("t") == 4)
    )
    panel = panel.interpolate("x")
    system = IndicatorSystem.from_dict({"a": {"x": "+", "z": "+"}})
    panel = panel.attach(CompositeIndex(system, name="index").fit(panel).scores)
    fit = FixedEffects("log(y)", ["index"]).fit(panel)
    (notice,) = [n for n in fit.diagnostics if n.code == "interpolated"]
    assert notice.data == {"cells": {"x": 40}}
    assert "interpolated: x" in str(etable(fit)).lower()
    fit = FixedEffects("log(y)", ["z"], cov_type="robust").fit(panel)
    assert "interpolated" not in {n.code for n in fit.diagnostics}


def test_columns_that_are_interpolated_in_steps_have_one_notice() -> None:
    panel = group_panel().assign(
        x=lambda f: f["x"].mask(f.index.get_level_values("t") == 4)
    )
    panel = panel.interpolate("x").assign(double="I(2 * x)", square="I(x**2)")
    fit = FixedEffects("log(y)", ["double", "square"]).fit(panel)
    (notice,) = [n for n in fit.diagnostics if n.code == "interpolated"]
    assert notice.data == {"cells": {"double": 40, "square": 40}}
    # In a battery one of the models winsorises more columns than the others.
    more = panel.winsorize("double").winsorize("square")
    fit = FixedEffects("log(y)", ["double", "square"]).fit(more)
    assert [n.code for n in fit.diagnostics].count("winsorised") == 2


def indexed_panel() -> Panel:
    """Panel with an index of x, z and late, and with its dimensions."""
    panel = group_panel()
    system = IndicatorSystem.from_dict({"a": {"x": "+", "z": "+"}, "b": {"late": "+"}})
    index = CompositeIndex(system, name="index").fit(panel)
    return panel.attach(index.scores).attach(index.dimension_scores)


@pytest.mark.parametrize(
    ("terms", "common"),
    [
        (["index", "a"], ("x", "z")),
        (["index", "exp(z)"], ("z",)),
        (["b", "I(index**2)", "index"], ("late",)),
    ],
)
@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
def test_an_index_beside_its_parts_is_told(terms, common) -> None:
    panel = indexed_panel()
    spec = FixedEffects("y", terms, cov_type="robust", entity_effects=False)
    told = [n for n in spec.fit(panel).diagnostics if n.code == "own_indicators"]
    assert told[0].data == {"indicators": dict.fromkeys(terms[:2], common)}
    assert "Each slope holds the other fixed" in told[0].message


@pytest.mark.parametrize(
    "terms",
    [
        ["a", "b"],
        ["index", "I(index**2)", "index:national", "national"],
        ["index", "lag(a)"],
        ["a", "late", "a:late"],
    ],
)
@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
def test_other_dimensions_squares_and_lags_are_no_parts(terms) -> None:
    spec = FixedEffects("y", terms, cov_type="robust", entity_effects=False)
    spec = spec.replace(time_effects=False, collinear="drop")
    fit = spec.fit(indexed_panel())
    assert "own_indicators" not in {n.code for n in fit.diagnostics}


@pytest.mark.parametrize("mediator", ["a", "z", "log(y)"])
def test_a_path_between_indices_with_one_indicator_is_told(mediator) -> None:
    spec = Mediation("y", "index", [mediator], reps=99)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit = spec.fit(indexed_panel(), rng=1)
    told = [n for n in fit.diagnostics if n.code == "shared_on_path"]
    assert len(told) == (mediator != "log(y)")
    for notice in told:
        shared = {"a": ("x", "z"), "z": ("z",)}[mediator]
        path = {"treatment": "index", "mediator": mediator, "indicators": shared}
        assert notice.data == path
        assert notice.message in [str(w.message) for w in caught]


@pytest.mark.parametrize(("q", "z"), [("z", "national"), ("y", "a"), ("y", "national")])
@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
def test_parts_of_an_index_that_split_the_sample_or_depend_on_it_are_told(q, z) -> None:
    spec = PanelThreshold("index", z, q, time_effects=False, reps=19)
    fit = spec.fit(indexed_panel(), rng=1)
    told = [
        n.data["indicators"] for n in fit.diagnostics if n.code == "shared_indicators"
    ]
    parts = {"a": ("x", "z"), "z": ("z",)}
    assert told == [{term: parts[term]} for term in (q, z) if term in parts]


@pytest.mark.parametrize(
    ("y", "x", "told"),
    [
        ("I(lead(index) - index)", "index", False),
        ("diff(index)", "I(index**2)", False),
        ("I(lead(index) - index)", "z", True),
    ],
)
@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
def test_growth_of_an_index_on_its_level_shares_no_indicators(y, x, told) -> None:
    fit = FixedEffects(y, [x], entity_effects=False).fit(indexed_panel())
    assert ("shared_indicators" in {n.code for n in fit.diagnostics}) == told


@pytest.mark.parametrize("other", [5, None, "x", [1, 2], {"x": 1}])
def test_attrs_of_others_are_no_indicators(other) -> None:
    panel = group_panel()
    column = panel.frame["x"].rename("copy")
    column.attrs["indicators"] = other
    assert panel.assign(copy=column).diagnostics == panel.diagnostics
    assert panel.attach(column).diagnostics == panel.diagnostics


# --- how an outcome is made -----------------------------------------------------------


def emissions_frame(seed: int = 0) -> pd.DataFrame:
    """Emissions of 30 provinces that do not depend on output, and functions of both."""
    rng = np.random.default_rng(seed)
    i, t = np.indices((30, 12)).reshape(2, -1)
    keys = pd.DataFrame({"i": i, "t": t})
    level, change = rng.normal(size=(3, 30)), rng.normal(0, 0.1, (3, i.size))
    co2, gdp, pop = np.exp(level[:, i] + change)
    some = np.where(rng.random(i.size) < 0.2, 0.0, co2)
    whole = np.rint(1000 * pop)
    dummy = (rng.random(i.size) < 0.5) * 1.0
    return keys.assign(
        co2=co2,
        gdp=gdp,
        pop=pop,
        some=some,
        gdp2=gdp**2,
        gdp3=gdp**3,
        intensity=(co2 / gdp).round(3),
        ln_gdp=np.log(gdp),
        ln_intensity=np.log(co2 / gdp),
        gdppc=gdp / pop,
        yuan=10_000 * gdp / pop,
        single=(gdp / pop).astype("float32"),
        whole=whole,
        perwhole=gdp / whole,
        on=dummy,
        off=1 - dummy,
        ln_1=np.log(some + 1).astype("float32"),
        ln_some=np.log(np.where(some == 0, 0.01, some)),
        **{"asinh": np.arcsinh(some), "some + 1": some + 1, "share": some / 50},
    )


@pytest.mark.parametrize(
    ("y", "x", "ratio"),
    [
        ("log(co2 / gdp)", "log(gdp)", ("co2", "gdp")),
        ("intensity", "gdp", ("co2", "gdp")),
        ("ln_intensity", "ln_gdp", ("co2", "gdp")),
        ("ln_intensity", "log(gdp / pop)", ("co2", "gdp")),
        ("log(gdp)", "ln_intensity", ("co2", "intensity")),
        ("log(co2 / pop)", "log(gdp / pop)", None),
        ("log(co2)", "log(gdp)", None),
        # Population is output over output per head.
        ("ln_intensity", "pop", None),
        ("ln_intensity", "whole", None),
        ("ln_intensity", "gdppc", ("co2", "gdp")),
        ("intensity", "log(yuan)", ("co2", "gdp")),
        ("intensity", "single", ("co2", "gdp")),
        ("gdp2", "gdp", None),
        ("log(gdp)", "gdp2", None),
    ],
)
@pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
def test_a_ratio_on_its_own_denominator_is_reported(y, x, ratio) -> None:
    panel = Panel(emissions_frame(), "i", "t")
    fit = FixedEffects(y, [x, "on"]).fit(panel)
    actual = [n for n in fit.diagnostics if n.code == "own_denominator"]
    assert len(actual) == (ratio is not None)
    for notice in actual:
        names = dict(zip(("numerator", "denominator"), ratio, strict=True))
        assert notice.data == {"outcome": y, **names, "term": x}
        assert f"{ratio[0]} / {ratio[1]}" in " ".join(str(etable(fit)).split())
    # As a control it is no result.
    control = FixedEffects(y, ["on", x]).fit(panel)
    assert "own_denominator" not in {n.code for n in control.diagnostics}


@pytest.mark.parametrize(
    ("y", "x", "ratio"),
    [
        ("log(co2)", "log(co2 / gdp)", ("co2", "gdp")),
        ("co2", "emitted", ("co2", "gdp")),
        ("log(co2 / pop)", "log(emitted)", ("co2", "gdp")),
        ("log(gdp)", "gdppc", ("gdp", "pop")),
        # Output of all is that per head times heads, and contains both.
        ("log(gdp)", "log(pop)", None),
        ("log(co2)", "log(gdp)", None),
        ("log(co2 / pop)", "log(gdp / pop)", None),
        ("log(co2)", "log(gdp / pop)", None),
        ("log(co2 / pop)", "log(co2)", None),
    ],
)
@pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
def test_a_ratio_of_the_outcome_is_reported(y, x, ratio) -> None:
    frame = emissions_frame().drop(columns=["intensity", "ln_intensity"])
    panel = Panel(frame.assign(emitted=frame["co2"] / frame["gdp"]), "i", "t")
    fit = FixedEffects(y, [x, "on"]).fit(panel)
    told = [n for n in fit.diagnostics if n.code == "own_numerator"]
    assert len(told) == (ratio is not None)
    for notice in told:
        names = dict(zip(("numerator", "denominator"), ratio, strict=True))
        assert notice.data == {"outcome": y, "term": x, **names}
        assert f"{ratio[0]} / {ratio[1]}" in " ".join(str(etable(fit)).split())
    control = FixedEffects(y, ["on", x]).fit(panel)
    assert "own_numerator" not in {n.code for n in control.diagnostics}


@pytest.mark.parametrize(
    ("y", "x", "ratio"),
    [
        ("log(gdppc)", "log(emitted)", ("co2", "gdp")),
        ("gdppc", "emitted", ("co2", "gdp")),
        ("log(gdp / pop)", "log(co2 / gdp)", ("co2", "gdp")),
        ("log(co2 / pop)", "log(gdp / pop)", None),
        ("log(gdppc)", "log(pop / gdp)", None),
        ("pop", "emitted", None),
        ("log(co2 / pop)", "gdp", None),
    ],
)
@pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
def test_a_ratio_to_the_outcome_is_reported(y, x, ratio) -> None:
    """Clearance rates, arrests by crimes, of crimes by population."""
    frame = emissions_frame().drop(columns=["intensity", "ln_intensity"])
    panel = Panel(frame.assign(emitted=frame["co2"] / frame["gdp"]), "i", "t")
    fit = FixedEffects(y, [x, "off"]).fit(panel)
    told = [n for n in fit.diagnostics if n.code == "own_ratio"]
    assert len(told) == (ratio is not None)
    for notice in told:
        names = dict(zip(("numerator", "denominator"), ratio, strict=True))
        assert notice.data == {"outcome": y, "term": x, **names}
        assert f"{ratio[0]} / {ratio[1]}" in " ".join(str(etable(fit)).split())
        assert fit.params[x] < 0


@pytest.mark.parametrize(
    ("y", "x"),
    [("D", "a"), ("D", "b"), ("log(D)", "log(a)"), ("D.round(4)", "log(b)")],
)
@pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
def test_a_degree_of_coupling_on_its_system_is_reported(y, x) -> None:
    rng = np.random.default_rng(2)
    i, t = np.indices((30, 12)).reshape(2, -1)
    a, b, c = rng.uniform(0.05, 1, (3, i.size))
    frame = pd.DataFrame({"i": i, "t": t, "a": a, "b": b, "c": c, "a2": a**2})
    frame["D"] = coupling_coordination(frame[["a", "b"]])["D"].to_numpy()
    if y == "D.round(4)":
        frame, y = frame.assign(D=frame["D"].round(4)), "D"
    panel = Panel(frame, "i", "t")
    fit = FixedEffects(y, [x, "c"]).fit(panel)
    (notice,) = [n for n in fit.diagnostics if n.code == "shared_indicators"]
    assert notice.data == {"indicators": {x: (x.strip("log()"),)}}
    assert "the same indicators of an index" in " ".join(str(etable(fit)).split())
    reverse = FixedEffects(x, [y]).fit(panel)
    (notice,) = [n for n in reverse.diagnostics if n.code == "shared_indicators"]
    assert notice.data == {"indicators": {y: (x.strip("log()"),)}}
    for outcome, regressor in ((y, "c"), ("c", x), ("a", "a2"), ("a", "b")):
        other = FixedEffects(outcome, [regressor]).fit(panel)
        assert "shared_indicators" not in {n.code for n in other.diagnostics}


@pytest.mark.parametrize("weights", [None, [0.3, 0.7]])
@pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
def test_a_coupling_in_the_panel_remembers_its_systems(weights) -> None:
    rng = np.random.default_rng(2)
    frame = emissions_frame()
    frame[["a", "b"]] = rng.uniform(0.05, 1, (len(frame), 2))
    panel = Panel(frame, "i", "t")
    degrees = coupling_coordination(panel[["a", "b"]], coefficients=weights)
    for joined in (
        panel.attach(degrees[["C", "D"]]),
        panel.attach(degrees["D"]),
        panel.assign(D=degrees["D"]),
    ):
        fit = FixedEffects("D", ["gdp", "a"]).fit(joined)
        (notice,) = [n for n in fit.diagnostics if n.code == "shared_indicators"]
        assert notice.data == {"indicators": {"a": ("a",)}}


@pytest.mark.filterwarnings("ignore::digiprosper.errors.CovarianceWarning")
def test_the_slope_on_the_own_denominator_is_one_lower() -> None:
    panel = Panel(emissions_frame(), "i", "t")
    slopes = [
        FixedEffects(y, ["log(gdp)"]).fit(panel).params["log(gdp)"]
        for y in ("log(co2 / gdp)", "log(co2)")
    ]
    assert slopes[0] == pytest.approx(slopes[1] - 1, abs=1e-9)
    assert abs(slopes[1]) < 0.2


@pytest.mark.parametrize("where", [None, "t > 3"])
@pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
def test_a_ratio_is_recognised_in_a_part_of_the_rows(where) -> None:
    frame = emissions_frame().drop(index=range(20, 40)).sample(frac=1, random_state=1)
    frame.loc[frame["i"] % 3 == 0, ["gdp", "ln_gdp", "intensity"]] = np.nan
    panel = Panel(frame.assign(i=frame["i"].astype(str)), "i", "t")
    fit = FixedEffects("intensity", ["ln_gdp"], where=where).fit(panel)
    (notice,) = [n for n in fit.diagnostics if n.code == "own_denominator"]
    assert notice.data["numerator"] == "co2"


@pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
def test_an_instrumented_denominator_is_reported() -> None:
    frame = emissions_frame()
    z = frame["ln_gdp"] + np.random.default_rng(1).normal(size=len(frame))
    panel = Panel(frame.assign(z=z), "i", "t")
    fit = FixedEffectsIV("ln_intensity", ["on"], ["ln_gdp"], ["z"]).fit(panel)
    (notice,) = [n for n in fit.diagnostics if n.code == "own_denominator"]
    assert notice.data["term"] == "ln_gdp"


def patents_frame(seed: int = 0) -> pd.DataFrame:
    """Patents of 60 firms that do not depend on jobs, and functions of both."""
    rng = np.random.default_rng(seed)
    i, t = np.indices((60, 8)).reshape(2, -1)
    patents = rng.poisson(np.exp(rng.normal(0.5, 1, 60))[i])
    jobs = np.exp(rng.normal(6, 1, 60)[i] + rng.normal(0, 0.2, i.size))
    research = np.where(rng.random(i.size) < 0.3, 0, np.exp(rng.normal(12, 1, i.size)))
    heads = 1000 * patents / jobs
    frame = pd.DataFrame({"i": i, "t": t, "patents": patents, "jobs": jobs})
    return frame.assign(
        research=research,
        first=np.where(i % 2, 4, np.nan),
        hours=np.where(rng.random(i.size) < 0.3, 0, rng.integers(30, 60, i.size)),
        heads=heads,
        ln_heads=np.log1p(heads),
        small=heads * 1e-6,
        few=(patents > 2) * 1.0,
        ln_jobs=np.log(jobs),
        ln_research=np.log1p(research),
        ln_patents=np.log1p(patents),
    )


def codes_of(spec, frame: pd.DataFrame) -> dict[str, Notice]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        fit = spec.fit(Panel(frame, "i", "t"))
    return {notice.code: notice for notice in fit.diagnostics}


@pytest.mark.parametrize("spec", [FixedEffects, PoissonEffects])
@pytest.mark.parametrize("y", ["heads", "ln_heads", "log1p(heads)", "small"])
def test_a_ratio_with_zeros_on_its_own_denominator_is_reported(spec, y) -> None:
    notice = codes_of(spec(y, ["ln_jobs"]), patents_frame())["own_denominator"]
    assert notice.data["numerator"] == "patents"
    assert notice.data["denominator"] == "jobs"
    assert "own_denominator" not in codes_of(spec(y, ["hours"]), patents_frame())


@pytest.mark.parametrize("spec", [FixedEffects, PoissonEffects])
@pytest.mark.parametrize(
    ("transform", "code"),
    [
        (np.log1p, "log_of_counts"),
        (np.arcsinh, "shifted_log"),
        (lambda y: np.log1p(y).round(5), "log_of_counts"),
    ],
)
def test_logs_of_counts_are_reported_without_the_counts(spec, transform, code) -> None:
    frame = patents_frame()
    y = transform(frame["patents"])
    frame = frame.assign(**{"ln y": y})[["i", "t", "ln y", "jobs"]]
    notice = codes_of(spec("ln y", ["log(jobs)"]), frame)[code]
    assert notice.data["term"] == "ln y"
    assert notice.data["zeros"] == (y == 0).sum()
    # The outcome that it names can be used.
    level = notice.message.split("with outcome '")[1].split("' estimates")[0]
    sample = Panel(frame, "i", "t").sample({"y": [level]})
    counts = patents_frame()["patents"]
    np.testing.assert_allclose(sample.matrix[:, 0], counts, rtol=1e-4)


def test_logs_of_numbers_that_begin_at_one_may_be_no_shifted_logs() -> None:
    """One is not added to employees, nor to days in hospital."""
    frame = patents_frame().assign(days=lambda f: f["patents"] + 1)
    frame = frame.assign(ln_days=np.log(frame["days"]))[["i", "t", "days", "ln_days"]]
    spec = FixedEffects("ln_days", ["x"])
    frame["x"] = np.random.default_rng(2).normal(size=len(frame))
    assert {"shifted_log", "log_of_counts"}.isdisjoint(codes_of(spec, frame))
    notices = codes_of(spec, frame.drop(columns="days"))
    assert "shifted_log" not in notices
    assert "If it is log(1 + count)" in notices["log_of_counts"].message


@pytest.mark.parametrize("y", ["patents", "hours", "small", "few", "ln_research"])
def test_other_outcomes_with_zeros_are_no_logs_of_counts(y) -> None:
    frame = patents_frame()[["i", "t", "jobs", y]]
    assert "shifted_log" not in codes_of(FixedEffects(y, ["jobs"]), frame)


def test_an_outcome_that_hardly_changes_is_no_log_of_zeros() -> None:
    # Of many rows some are compared.
    frames = [patents_frame().assign(i=lambda f, k=k: f["i"] + k) for k in (0, 60)]
    frame = pd.concat(frames, ignore_index=True).assign(y=1.0, nothing=0.0)
    frame.loc[[1, 100], "y"] = 0
    assert "shifted_log" not in codes_of(FixedEffects("y", ["jobs"]), frame)


@pytest.mark.parametrize(
    "spec",
    [
        PoissonEffects("log1p(patents)", ["jobs"]),
        FixedEffectsIV("log1p(patents)", [], ["jobs"], ["hours"]),
        EventStudy("log1p(patents)", "first", before=2, after=2),
    ],
)
def test_every_model_of_a_shifted_log_says_so(spec) -> None:
    notice = codes_of(spec, patents_frame())["shifted_log"]
    assert "PoissonEffects with outcome 'patents'" in notice.message


@pytest.mark.parametrize("x", ["ln_research", "log1p(research)", "lag(ln_research)"])
def test_a_log_that_mostly_tells_zeros_from_others_is_reported(x) -> None:
    spec = FixedEffects("patents", [x, "hours"])
    with pytest.warns(IdentificationWarning, match="is zero and the others"):
        fit = spec.fit(Panel(patents_frame(), "i", "t"))
    (notice,) = [n for n in fit.diagnostics if n.code == "zeros_in_log"]
    assert notice.data["column"] == "research"
    assert notice.data["share"] > 0.95
    # As a control it is no result.
    control = codes_of(spec.replace(x=["hours", x]), patents_frame())
    assert "zeros_in_log" not in control


def test_a_few_zeros_of_levels_that_differ_are_reported() -> None:
    """Between firms levels differ much, which effects of firms take out."""
    rng = np.random.default_rng(3)
    frame = patents_frame().assign(land=lambda f: np.exp(7 + np.log(f["jobs"])))
    frame["y"] = 0.3 * np.log(frame["land"]) + rng.normal(0, 0.05, 480)
    frame["known"] = frame["land"]
    frame.loc[[17, 203, 391], "land"] = 0.0
    panel = Panel(frame, "i", "t")
    assert FixedEffects("y", ["log(known)"]).fit(panel).params.iloc[0] > 0.25
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        fit = FixedEffects("y", ["log1p(land)"]).fit(panel)
    assert fit.params.iloc[0] < 0.05
    notices = codes_of(FixedEffects("y", ["log1p(land)"]), frame)
    assert notices["zeros_in_log"].data["zeros"] == 3
    assert "zeros_in_log" not in codes_of(FixedEffects("y", ["log1p(known)"]), frame)


def budgets(seed: int = 0) -> pd.DataFrame:
    """Revenue and transfers of 60 counties, and means of three years."""
    rng = np.random.default_rng(seed)
    i, t = np.indices((60, 8)).reshape(2, -1)
    walks = rng.normal(0.1, 0.2, (3, 60, 8)).cumsum(axis=2)
    logs = rng.normal(8, 1, (3, 60, 1)) + walks
    names = ["revenue", "transfers", "land"]
    amounts = dict(zip(names, np.exp(logs).reshape(3, -1), strict=True))
    frame = pd.DataFrame({"i": i, "t": t, **amounts})
    means = frame.groupby("i")[["land", "revenue"]].rolling(3, min_periods=1).mean()
    frame[["land_3", "revenue_3"]] = means.to_numpy()
    frame["before"] = frame.groupby("i")["land_3"].shift()
    return frame.assign(spending=lambda f: (f["revenue"] + f["transfers"]).round(1))


@pytest.mark.parametrize("control", [[], ["log(land)", "t:revenue"]])
def test_logs_of_the_parts_of_a_sum_are_reported(control) -> None:
    spec = FixedEffects("log(spending)", ["log(revenue)", "log(transfers)", *control])
    notice = codes_of(spec, budgets())["made_from"]
    assert notice.data["of"] == ("log(spending)",)
    assert {*notice.data["terms"]} == {"log(revenue)", "log(transfers)"}
    assert "Its slope is its share of the sum" in notice.message
    # One part, or parts of which a third is missing
    assert "made_from" not in codes_of(spec.drop("log(transfers)"), budgets())
    rest = budgets().assign(spending=lambda f: f["spending"] + 0.1 * f["land"])
    spec = FixedEffects("log(spending)", ["log(revenue)", "log(transfers)"])
    assert "made_from" not in codes_of(spec, rest)


@pytest.mark.parametrize(("y", "x"), [("land", "land_3"), ("log(land)", "log(land_3)")])
def test_a_moving_mean_of_the_outcome_is_reported(y, x) -> None:
    spec = FixedEffects(y, ["revenue", x])
    notice = codes_of(spec, budgets())["made_from"]
    assert notice.data["terms"] == {x: y}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        table = etable(spec.fit(Panel(budgets(), "i", "t")))
    assert f"{x} computed from {y} of the same model" in " ".join(str(table).split())
    others = spec.replace(x=["revenue", "revenue_3", "before"])
    assert "made_from" not in codes_of(others, budgets())


def test_dummies_are_no_sums_of_a_rare_event() -> None:
    """The event, the treatment and another dummy are zero in the first entities."""
    rng = np.random.default_rng(0)
    i, t = np.indices((60, 10)).reshape(2, -1)
    frame = pd.DataFrame({"i": i, "t": t, "cold": -20 - 70 * rng.uniform(size=i.size)})
    frame["crisis"] = ((i > 15) & (rng.uniform(size=i.size) < 0.1)) * 1
    frame["treated"], frame["open"] = ((i > 20) & (t > 5)) * 1, ((i > 40) & (t > 3)) * 1
    frame["loss"] = -20 - rng.pareto(1.5, size=i.size).clip(max=60)
    for y, x in (("crisis", ["treated", "open"]), ("loss", ["cold"])):
        assert "made_from" not in codes_of(FixedEffects(y, x), frame)


def test_as_many_dummies_as_compared_rows_are_no_parts_of_a_sum() -> None:
    rng = np.random.default_rng(0)
    i, t = np.indices((320, 3)).reshape(2, -1)
    frame = pd.DataFrame({"i": i, "t": t, "y": rng.normal(size=i.size)})
    spec = FixedEffects("y", ["t", "C(i)"], entity_effects=False, time_effects=False)
    assert "made_from" not in codes_of(spec, frame)


def test_logs_of_one_among_logs_with_zeros_are_compared_without_a_division() -> None:
    rng = np.random.default_rng(0)
    frame = patents_frame().assign(y=rng.normal(size=480))
    frame["trade"] = np.exp(rng.normal(8, 1, 480)) * (rng.uniform(size=480) > 0.2)
    frame.loc[[0, 5], "trade"] = [0.999, 0.0]
    spec = FixedEffects("y", ["log(trade + 0.001)"])
    with np.errstate(all="raise"):
        assert "zeros_in_log" in codes_of(spec, frame)


def test_zeros_that_no_slope_compares_with_others_are_not_reported() -> None:
    frame = patents_frame()
    with_dummy = FixedEffects("patents", ["ln_research", "I(research > 0)"])
    assert "zeros_in_log" not in codes_of(with_dummy, frame)
    # Firms that always or never do research, beside effects of firms
    frame["research"] = (frame["research"] + 1e4) * (frame["i"] % 2)
    spec = FixedEffects("patents", ["log1p(research)"])
    assert "zeros_in_log" not in codes_of(spec, frame)
    assert "zeros_in_log" in codes_of(spec.replace(entity_effects=False), frame)


@pytest.mark.parametrize("x", ["hours", "log1p(hours)", "ln_patents", "few", "ln_jobs"])
def test_other_columns_with_zeros_are_not_reported(x) -> None:
    noise = np.random.default_rng(1).uniform(0, 3, 480).round()
    frame = patents_frame().assign(hours=lambda f: f["hours"] // 10 + noise)
    assert "zeros_in_log" not in codes_of(FixedEffects("heads", [x]), frame)


def money_frame(seed: int = 0) -> pd.DataFrame:
    """Money of 31 provinces in twelve years, with three indices of their prices."""
    rng = np.random.default_rng(seed)
    i, t = np.indices((31, 12)).reshape(2, -1)
    growth = rng.normal(0.025, 0.02, 12) + rng.normal(0, 0.01, (31, 12))
    prices = np.exp(growth.cumsum(axis=1))
    real = rng.normal(9, 1, (31, 1)) + rng.normal(0.08, 0.04, (2, 31, 12)).cumsum(
        axis=2
    )
    money = np.exp(real) * prices
    frame = pd.DataFrame({"i": i, "t": t, "capital": money[0].ravel()})
    frame["income"] = money[1].ravel()
    frame["yearly"] = (100 * np.exp(growth)).round(1).ravel()
    frame["chained"] = (100 * prices / prices[:, [0]]).round(1).ravel()
    frame["old_base"] = (104 * prices).round(1).ravel()
    frame["by_yearly"] = (100 * frame["income"] / frame["yearly"]).round(2)
    # Nominal growth, and small numbers, which vary less than their digits
    nominal = frame.groupby("i")["income"].pct_change().fillna(0.1)
    frame["growth"] = (100 + 100 * nominal).round(1)
    frame["small"] = rng.uniform(0, 0.001, 372)
    # Chained from the last year to the first, with the year itself and without it
    for name, exponent in {"backward": growth, "later": np.roll(growth, -1, 1)}.items():
        sums = exponent[:, ::-1].cumsum(axis=1)[:, ::-1]
        frame[name] = np.exp(sums).round(4).ravel()
    # Men per 100 women, which differ between provinces
    frame["sex_ratio"] = rng.normal(104, 3, 31)[i] + rng.normal(0, 1, 372)
    return frame


@pytest.mark.parametrize(
    ("y", "x", "codes"),
    [
        ("log(income / yearly)", "log(capital)", {"over_growth"}),
        ("log(by_yearly)", "log(capital / chained)", {"over_growth"}),
        ("log(income)", "log(capital / yearly)", {"over_growth"}),
        ("I(income / yearly)", "capital", {"over_growth"}),
        ("log(yearly)", "log(capital)", {"log_of_growth"}),
        ("yearly", "log(capital)", set()),
        ("log(income / backward)", "log(capital)", {"over_reversed"}),
        ("log(income)", "log(capital / later)", {"over_reversed"}),
        ("log(income)", "log(later)", set()),
        ("log(income)", "log(yearly)", set()),
        ("log(income / chained)", "log(capital / old_base)", set()),
        ("log(income / sex_ratio)", "log(capital)", set()),
        ("log(income)", "I(growth / yearly)", set()),
        ("log(income)", "small", set()),
        ("log(chained)", "log(capital)", set()),
    ],
)
@pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
def test_amounts_over_an_index_of_growth_are_reported(y, x, codes) -> None:
    fit = FixedEffects(y, [x]).fit(Panel(money_frame(), "i", "t"))
    told = {n.code: n for n in fit.diagnostics}
    named = {"over_growth", "over_reversed", "log_of_growth"}
    assert named & told.keys() == codes
    if "over_growth" in codes:
        term = y if "yearly" in y else x
        assert told["over_growth"].data == {"terms": (term,), "index": "yearly"}
        assert "上年=100" in told["over_growth"].message


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
def test_the_advice_for_an_index_of_growth_deflates(seed: int) -> None:
    panel = Panel(money_frame(seed), "i", "t")
    spec = FixedEffects("log(income / yearly)", ["t"], time_effects=False)
    (notice,) = [n for n in spec.fit(panel).diagnostics if n.code == "over_growth"]
    advice = notice.message.split("Chain it: ")[1].rstrip(".")
    chained = eval(advice, {"panel": panel})
    fit = spec.replace(y="log(income / deflator)").fit(chained)
    assert "over_growth" not in {n.code for n in fit.diagnostics}
    nominal, over, real = (
        float(spec.replace(y=y).fit(chained).params.iloc[0])
        for y in ("log(income)", "log(income / yearly)", "log(income / deflator)")
    )
    # Nominal growth is a fourth higher, and so is that of amounts over the index.
    assert abs(real - 0.08) < 0.02
    assert abs(over - nominal) < 0.5 * abs(real - nominal)


@pytest.mark.parametrize(
    ("y", "reported"),
    [
        *(("ln_1", True), ("asinh", True), ("ln_some", True)),
        *(("some", False), ("ln_gdp", False), ("some + 1", False), ("share", False)),
        *(("on", False), ("off", False), ("co2", False)),
    ],
)
@pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
def test_a_column_that_is_a_log_of_zeros_is_reported(y, reported) -> None:
    frame = emissions_frame()
    fit = FixedEffects(y, ["pop"]).fit(Panel(frame, "i", "t"))
    actual = [n for n in fit.diagnostics if n.code == "shifted_log"]
    assert len(actual) == reported
    for notice in actual:
        zeros = int((frame["some"] == 0).sum())
        assert notice.data == {"term": y, "column": "some", "zeros": zeros}


@pytest.mark.parametrize("digits", [np.float64, np.float32])
def test_a_share_of_what_the_outcome_is_a_share_of_is_reported(digits) -> None:
    """Demand with the share in a nest: its slope is 1 - 0 without instruments."""
    frame = group_panel().frame.reset_index()[["i", "t", "province", "x", "y"]]
    cells = [frame.groupby(keys)["y"] for keys in ("t", ["t", "province"])]
    market, nest = (frame["y"] / cell.transform("sum") for cell in cells)
    frame["inside"], frame["demand"] = np.log(nest), np.log(market / 0.5)
    frame = frame.astype({"inside": digits, "demand": digits})[
        ["i", "t", "x", "inside", "demand"]
    ]
    notice = codes_of(FixedEffects("demand", ["x", "inside"]), frame)["made_from"]
    assert notice.data["terms"] == {"inside": "demand"}
    assert "made_from" not in codes_of(FixedEffects("x", ["inside"]), frame)
    other = frame.assign(inside=frame["inside"].sample(frac=1, random_state=1).array)
    assert "made_from" not in codes_of(FixedEffects("demand", ["x", "inside"]), other)


def ratings(teams: int = 20, rounds: int = 20) -> pd.DataFrame:
    """Points of teams, and Elo's ratings before and after each game."""
    rng = np.random.default_rng(6)
    strength, elo, rows = rng.normal(size=teams), np.zeros(teams), []
    for t in range(rounds):
        for a, b in rng.permutation(teams).reshape(-1, 2):
            won = 1.0 * (rng.logistic() < strength[a] - strength[b])
            before, expected = elo.copy(), 1 / (1 + 10 ** ((elo[b] - elo[a]) / 400))
            elo[[a, b]] += 20 * (won - expected) * np.array([1, -1])
            rows += [(a, t, won, before[a], elo[a]), (b, t, 1 - won, before[b], elo[b])]
    return pd.DataFrame(rows, columns=["i", "t", "won", "before", "after"])


def test_a_rating_that_is_made_from_the_outcome_is_reported() -> None:
    frame = ratings()
    notice = codes_of(FixedEffects("won", ["after"]), frame)["made_from"]
    assert notice.data["terms"] == {"after": "won"}
    fits = [
        codes_of(FixedEffects("won", ["before"], entity_effects=effects), frame)
        for effects in (True, False)
    ]
    assert fits[0]["lagged_outcome"].data["columns"] == ("before",)
    assert {"lagged_outcome", "made_from"}.isdisjoint(fits[1])
    # With the first rating of each season the outcome is no part of it.
    first = frame.assign(before=frame["before"].where(frame["t"] % 10 == 0).ffill())
    assert "made_from" not in codes_of(FixedEffects("won", ["before"]), first)


@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
def test_rows_chosen_before_do_not_hide_what_is_made_from_the_outcome() -> None:
    panel = Panel(ratings(), "i", "t")
    spec = FixedEffects("won", ["after"], time_effects=False, cov_type="robust")
    spec.replace(where="t < 1", entity_effects=False).fit(panel)
    assert "made_from" in [notice.code for notice in spec.fit(panel).diagnostics]


def test_a_rate_with_its_exposure_is_reported() -> None:
    frame = patents_frame().assign(heads=lambda f: f["patents"] / f["jobs"])
    spec = PoissonEffects("heads", ["hours"], exposure="jobs")
    notice = codes_of(spec, frame)["own_denominator"]
    assert (notice.data["numerator"], notice.data["term"]) == ("patents", "jobs")
    counts = codes_of(spec.replace(y="patents"), frame)
    assert "own_denominator" not in counts


@pytest.mark.parametrize("term", ["rivals", "log(rivals)"])
@pytest.mark.parametrize("some", [1.0, 0.9])
def test_a_mean_of_the_others_beside_period_effects_is_reported(term, some) -> None:
    frame = group_panel().frame.reset_index().sample(frac=some, random_state=1)
    by_year = frame.groupby("t")["y"]
    others = by_year.transform("count") - 1
    frame["rivals"] = (by_year.transform("sum") - frame["y"]) / others
    spec = FixedEffects("x", [term])
    notice = codes_of(spec, frame)["mean_of_others"]
    assert notice.data == {"term": "rivals", "column": "y", "effect": "t"}
    assert "mean_of_others" not in codes_of(spec.replace(time_effects=False), frame)
    assert "mean_of_others" not in codes_of(FixedEffects("x", ["y"]), frame)


RATINGS = ["CCC", "B", "BB", "BBB", "A", "AA", "AAA"]


def rated_panel() -> Panel:
    """Firms with ratings as letters, whose score is their right order."""
    rng = np.random.default_rng(4)
    frame = pd.DataFrame(
        {"i": np.repeat(np.arange(30), 6), "t": np.tile(np.arange(6), 30)}
    )
    score = rng.integers(0, 7, 180)
    frame["rating"] = np.array(RATINGS)[score]
    frame.loc[::11, "rating"] = None
    frame["code"] = frame["rating"].astype("category").cat.codes.replace(-1, np.nan)
    frame["score"], frame["w"] = score, rng.normal(size=180)
    frame["grade"] = np.array(["D", "C", "B", "A"])[score // 2]
    frame["letter"] = frame["grade"].astype("category").cat.codes
    frame["number"], frame["step"] = "grade " + frame["score"].astype(str), 1 + score
    frame["y"] = score + rng.normal(size=180)
    return Panel(frame, "i", "t")


@pytest.mark.parametrize(
    ("depvar", "regressors", "term"),
    [
        ("y", ["code", "w"], "code"),
        ("y", ["w", "lag(code)"], "lag(code)"),
        ("code", ["w"], "code"),
    ],
)
def test_codes_of_labels_in_alphabetical_order_are_told(
    depvar, regressors, term
) -> None:
    spec = FixedEffects(depvar, regressors)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit = spec.fit(rated_panel())
    assert IdentificationWarning in {w.category for w in caught}
    (notice,) = [n for n in fit.diagnostics if n.code == "alphabetical_codes"]
    labels = ["A", "AA", "AAA", "B", "BB", "BBB"]
    assert notice.data == {"term": term, "column": "rating", "labels": labels}
    text = str(etable(fit)).replace("\n", " ")
    assert f"{term} numbers the labels of rating in alphabetical order" in text


@pytest.mark.parametrize("regressor", ["score", "letter", "step", "C(code)", "w"])
def test_numbers_in_the_order_of_labels_are_not_told(regressor) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        fit = FixedEffects("y", [regressor]).fit(rated_panel())
    assert "alphabetical_codes" not in {n.code for n in fit.diagnostics}


@pytest.mark.parametrize(
    ("labels", "numbers", "told"),
    [
        (["high", "low", "middle"], [1, 2, 3], True),
        (["low", "middle", "upper"], [1, 2, 3], False),
        (["primary", "secondary", "tertiary"], [6, 7, 8], False),
        (["I", "II", "III", "IV", "V"], [1, 2, 3, 4, 5], False),
        (["(-inf, 0]", "(0, 9]", "(9, 20]", "(20, inf]"], [1, 2, 3, 4], False),
        (["east", "north", "south", "west"], [1, 2, 3, 4], True),
        (["east", "north", "south", "west"], [210, 250, 330, 480], False),
    ],
)
def test_labels_and_numbers_that_show_another_order_are_not_told(
    labels, numbers, told
) -> None:
    codes = np.random.default_rng(2).integers(0, len(labels), 400)
    frame = group_panel().frame.reset_index()
    frame["label"] = np.array(labels, dtype=object)[codes]
    frame["number"] = np.array(numbers)[codes]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        fit = FixedEffects("y", ["number"]).fit(Panel(frame, "i", "t"))
    assert ("alphabetical_codes" in {n.code for n in fit.diagnostics}) is told


def test_a_column_of_labels_among_the_regressors_says_how_to_number_them() -> None:
    with pytest.raises(InputTypeError, match=r"or number its labels in their order"):
        FixedEffects("y", ["rating"]).fit(rated_panel())


@pytest.mark.parametrize("winsorised", [False, True])
def test_an_outcome_that_is_a_square_function_of_a_control_is_told(winsorised) -> None:
    rng = np.random.default_rng(12)
    frame = group_panel().frame.reset_index()
    size = 8 + rng.normal(size=40)[frame["i"]] + 0.1 * rng.normal(size=400).cumsum()
    age = frame["t"] + rng.integers(5, 30, 40)[frame["i"]]
    frame["size"], frame["age"] = size, np.log(age)
    # The index of financing constraints of Hadlock & Pierce (2010)
    frame["sa"] = -0.737 * size + 0.043 * size**2 - 0.04 * age
    frame["near"], frame["grade"] = np.log(size), rng.integers(1, 4, 400)
    panel = Panel(frame, "i", "t")
    if winsorised:
        panel = panel.winsorize(["sa", "size", "x"], 0.01)
    with pytest.warns(IdentificationWarning, match="a square function of it"):
        fit = FixedEffects("sa", ["x", "size", "age", "grade"]).fit(panel)
    (notice,) = [n for n in fit.diagnostics if n.code == "made_from"]
    assert notice.data == {"terms": {"size": "sa"}, "role": "square", "of": ("sa",)}
    for depvar, control in (("sa", "z"), ("near", "size"), ("y", "size")):
        other = FixedEffects(depvar, ["x", control, "grade"]).fit(panel)
        assert "made_from" not in {n.code for n in other.diagnostics}


def test_a_mediator_that_is_a_square_function_of_a_control_is_told() -> None:
    panel = group_panel().assign(size="I(5 + z + x)", sa="I(size**2 - 9 * size + t)")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        Mediation("y", "x", "sa", ["size"], reps=99).fit(panel, rng=1)
    assert any("'size' (of 'sa'): the outcome is a" in str(w.message) for w in caught)


@pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
def test_logs_of_a_count_in_the_outcomes_index_are_told() -> None:
    rng = np.random.default_rng(4)
    i, t = np.indices((60, 8)).reshape(2, -1)
    frame = pd.DataFrame({"i": i, "t": t, "a": rng.uniform(size=i.size)})
    frame[["words", "others"]] = rng.poisson(2.0, (i.size, 2))
    frame["ln_words"], frame["ln_others"] = (
        np.log1p(frame[name]) for name in ("words", "others")
    )
    panel = Panel(frame, "i", "t")
    system = IndicatorSystem.from_dict({"d": {"words": "+", "a": "+"}})
    panel = panel.attach(CompositeIndex(system, name="index").fit(panel).scores)
    for term, told in (("ln_words", True), ("ln_others", False)):
        fit = FixedEffects("index", [term]).fit(panel)
        shared = [n.data for n in fit.diagnostics if n.code == "shared_indicators"]
        assert shared == [{"indicators": {term: ("words",)}}] * told
