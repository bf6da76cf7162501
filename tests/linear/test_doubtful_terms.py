"""Terms made from the outcome, or from what they stand for."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from digiprosper import (
    FixedEffects,
    FixedEffectsIV,
    Mediation,
    Panel,
    PanelThreshold,
)
from digiprosper.errors import DigiprosperWarning, IndicatorWarning, Notice


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
    assert notice.data == {"terms": terms, "role": role}
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


@pytest.mark.parametrize("other", [5, None, "x", [1, 2], {"x": 1}])
def test_attrs_of_others_are_no_indicators(other) -> None:
    panel = group_panel()
    column = panel.frame["x"].rename("copy")
    column.attrs["indicators"] = other
    assert panel.assign(copy=column).diagnostics == panel.diagnostics
    assert panel.attach(column).diagnostics == panel.diagnostics


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
