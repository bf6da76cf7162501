"""Terms made from the outcome, and regressors measured for groups of entities."""

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
from digiprosper.errors import DigiprosperWarning, Notice


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


@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
def test_a_regressor_measured_by_province_is_told_with_city_clusters() -> None:
    (notice,) = with_code(FixedEffects("y", ["z", "x"]), "equal_paths")
    assert notice.data == {
        "terms": {"z": 8},
        "entity": "i",
        "n_entities": 40,
        "clusters": ("i",),
    }
    # With errors that a province has in common the estimates vary much more than the
    # standard errors of single cities say: sqrt(1 + 4 / 2) times, by Moulton's formula.
    panel, rng = group_panel(), np.random.default_rng(2)
    province, t = panel["province"].to_numpy(), np.tile(np.arange(10), 40)
    fits = [
        FixedEffects("v", ["z"]).fit(panel.assign(v=lambda _, e=e: e))
        for e in rng.normal(size=(120, 8, 10))[:, province, t]
        + rng.normal(size=(120, 400))
    ]
    errors = np.mean([fit.std_errors["z"] for fit in fits])
    assert np.std([fit.params["z"] for fit in fits]) > 1.4 * errors
    one_path = FixedEffects("y", ["national"], time_effects=False)
    assert with_code(one_path, "equal_paths")[0].data["terms"] == {"national": 1}
    two_stage = FixedEffectsIV("y", [], ["x"], ["z"])
    assert with_code(two_stage, "equal_paths")[0].data["terms"] == {"z": 8}


@pytest.mark.parametrize(
    "spec",
    [
        FixedEffects("y", ["z", "x"], clusters="province"),
        FixedEffects("y", ["z", "x"], cov_type="driscoll_kraay"),
        FixedEffects("y", ["x", "z"]),
        FixedEffects("y", ["late", "x"]),
        FixedEffects("y", ["trend", "x"], time_effects=False),
    ],
)
def test_policies_trends_controls_and_other_clusters_are_not_told(spec) -> None:
    assert not with_code(spec, "equal_paths")
