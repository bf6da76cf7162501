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
