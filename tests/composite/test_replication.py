from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from digiprosper import (
    ColumnError,
    Indicator,
    IndicatorSystem,
    InputTypeError,
    OptionError,
    Panel,
    audit_weights,
    datasets,
)

COLUMNS = ["weighting", "scope", "normalise", "structure", "shift", "max_deviation", "problem"]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"scope": "legacy_lnT"},
        {"scope": "per_year", "shift": 1e-4},
        {"scope": "expanding", "weighting": "cv"},
        {"scope": "base_year(2012)", "structure": "nested"},
        {"scope": "goalposts", "structure": "equal_dimensions"},
        {"weighting": "critic"},
        {"weighting": "equal"},
        {"normalise": "max"},
    ],
)
@pytest.mark.further
def test_the_options_behind_weights_are_found(options, posted, frame_of, fit):
    frame = frame_of(1)
    results = fit(posted, frame, **options)
    found = audit_weights(posted, Panel(frame, "id", "year"), results.weights["weight"].round(4))
    assert list(found) == COLUMNS
    assert found["max_deviation"].dropna().is_monotonic_increasing
    best = found.iloc[0]
    for name, value in {"weighting": "entropy", "scope": "pooled", "shift": 0.0, **options}.items():
        # a shift of 1e-6 or 1e-4 shows in no printed digit
        assert best[name] == value or (name == "shift" and abs(best[name] - value) <= 1e-4)
    assert best["max_deviation"] <= 0.5e-4 + 1e-12


@pytest.mark.further
def test_percent_and_mappings_and_shapes(system, frame_of, fit):
    frame = frame_of(2)
    panel, weights = Panel(frame, "id", "year"), fit(system, frame).weights["weight"]
    percent = audit_weights(system, panel, {n: 100 * w for n, w in weights.items()})
    assert percent["max_deviation"].iloc[0] < 1e-12
    assert percent.drop_duplicates(COLUMNS[:5]).shape == percent.shape
    assert (percent["weighting"] == "equal").sum() == 3  # one a structure
    assert "goalposts" not in set(percent["scope"])
    assert "none" not in set(percent["normalise"])
    assert set(percent["scope"]) >= {"pooled", "legacy_lnT", "base_year(2010)", "base_year(2014)"}


@pytest.mark.further
def test_what_these_data_cannot_have_comes_last_with_its_reason(system, frame_of, fit):
    frame = frame_of(3).assign(a=lambda f: f["a"] - 1)
    found = audit_weights(system, Panel(frame, "id", "year"), fit(system, frame).weights["weight"])
    assert found["max_deviation"].iloc[0] < 1e-12
    last = found[found["max_deviation"].isna()]
    assert last.index[-1] == len(found) - 1
    cancelled = last["weighting"] == "pca"
    assert set(last[~cancelled]["normalise"]) == {"max"}
    assert last[last["normalise"] == "max"]["problem"].str.contains("'a' is zero or negative").all()
    assert last[last["normalise"] != "max"]["problem"].str.contains("loadings").all()
    assert (found["problem"] == "").sum() == len(found) - len(last)


def test_a_cross_section_has_few_scopes(frame_of):
    table = frame_of(4, periods=1).drop(columns="year")
    flat = IndicatorSystem([Indicator(c) for c in "abcd"])
    found = audit_weights(flat, Panel(table, "id"), dict.fromkeys("abcd", 1))
    assert set(found["scope"]) == {"pooled"}
    assert found.iloc[0]["weighting"] == "equal"


@pytest.mark.parametrize(
    ("published", "error", "match"),
    [
        ({"a": 1.0}, OptionError, "published=.*'b', 'c', 'd' has none"),
        (dict.fromkeys("abcde", 1), OptionError, "'e' is not an indicator"),
        ([0.25] * 4, InputTypeError, "mapping .* or a Series, not list"),
        ({"a": -1, "b": 1, "c": 1, "d": 1}, OptionError, "'a' has -1"),
    ],
)
def test_what_is_wrong_is_said(published, error, match, system, frame_of):
    with pytest.raises(error, match=match):
        audit_weights(system, Panel(frame_of(5), "id", "year"), published)


def test_columns_are_needed(system, frame_of):
    with pytest.raises(ColumnError, match="'c'"):
        audit_weights(system, Panel(frame_of(6).drop(columns="c"), "id", "year"), dict.fromkeys("abcd", 1))


@pytest.mark.further
def test_the_planted_weights_of_a_simulated_panel():
    panel, truth = datasets.simulate_provinces(15, 6, rng=3)
    system = IndicatorSystem.from_frame(truth.indicators("prosperity"))
    published = {n: round(w, 4) for n, w in truth.weights["prosperity"].items()}
    best = audit_weights(system, panel, published).iloc[0]
    assert best[COLUMNS[:4]].tolist() == ["entropy", "pooled", "minmax", "flat"]
    assert np.isclose(pd.Series(truth.weights["prosperity"]).sum(), 1)


def test_what_is_no_panel_is_refused(system):
    weights = dict.fromkeys(system.names, 1.0)
    with pytest.raises(InputTypeError, match="audit_weights takes a Panel, not int"):
        audit_weights(system, 3, weights)
