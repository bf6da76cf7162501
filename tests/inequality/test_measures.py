"""Measures of inequality: outside numbers, invariances, weights as repetition."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digiprosper import (
    Panel,
    atkinson,
    coefficient_of_variation,
    gini,
    relative_deprivation,
    theil_l,
    theil_t,
)
from digiprosper.errors import IdentificationError, OptionError

OUTSIDE = Path(__file__).parents[1] / "reference" / "inequality.json"
G3 = json.loads(OUTSIDE.read_text(encoding="utf-8"))["G3"]
INCOMES = G3["data"]

MEASURES = {
    "gini": gini,
    "theil_t": theil_t,
    "theil_l": theil_l,
    "atkinson .5": lambda y, **w: atkinson(y, 0.5, **w),
    "atkinson 1": lambda y, **w: atkinson(y, 1, **w),
    "atkinson 2": lambda y, **w: atkinson(y, 2, **w),
    "cv": coefficient_of_variation,
}
EACH = pytest.mark.parametrize("measure", MEASURES.values(), ids=list(MEASURES))


def draw(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 40))
    return (
        rng.lognormal(3.0, rng.uniform(0.1, 2.0), n),
        rng.integers(0, 4, n) + (np.arange(n) == 0),
        rng,
    )


@pytest.mark.parametrize("name", ["gini", "theil_t", "theil_l"])
def test_outside_numbers(name):
    assert MEASURES[name](INCOMES) == pytest.approx(G3[name], abs=G3["tolerance"])


def test_outside_numbers_of_atkinson_and_variation():
    for epsilon, value in G3["atkinson"].items():
        assert atkinson(INCOMES, float(epsilon)) == pytest.approx(
            value, abs=G3["tolerance"]
        )
    assert coefficient_of_variation(INCOMES) == pytest.approx(
        G3["cv"], abs=G3["tolerance"]
    )
    assert coefficient_of_variation(INCOMES, ddof=1) == pytest.approx(
        G3["cv_sample"], abs=G3["tolerance"]
    )
    weighted = coefficient_of_variation(INCOMES, obs_weights=G3["obs_weights"])
    assert weighted == pytest.approx(G3["cv_weighted"], abs=G3["tolerance"])


@pytest.mark.many(3)
@EACH
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_weights_are_repetition(measure, seed):
    y, times, _ = draw(seed)
    assert measure(y, obs_weights=times) == pytest.approx(
        measure(np.repeat(y, times)), abs=1e-13
    )


@pytest.mark.many(2)
@EACH
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_scale_order_and_replication_do_not_matter(measure, seed):
    y, _, rng = draw(seed)
    w = rng.random(y.size) + 0.1
    value = measure(y, obs_weights=w)
    assert value >= 0
    assert measure(y * 1234.5, obs_weights=w / 7) == pytest.approx(value, abs=1e-13)
    order = rng.permutation(y.size)
    assert measure(y[order], obs_weights=w[order]) == pytest.approx(value, abs=1e-13)
    assert measure(np.tile(y, 3), obs_weights=np.tile(w, 3)) == pytest.approx(
        value, abs=1e-13
    )


@pytest.mark.many(4)
@EACH
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_a_transfer_to_the_poorer_lowers_inequality(measure, seed):
    y, _, rng = draw(seed)
    if y.size < 2:
        return
    poor, rich = np.argmin(y), np.argmax(y)
    gift = rng.uniform(0.2, 0.5) * (y[rich] - y[poor])
    after = y.copy()
    after[poor] += gift
    after[rich] -= gift
    assert measure(after) < measure(y)


@EACH
def test_equality_is_zero(measure):
    assert measure([0.1] * 7) == pytest.approx(0.0, abs=1e-15)
    assert measure([3.0]) == 0.0
    assert measure([3, 3, 9], obs_weights=[1, 2, 0]) == pytest.approx(0.0, abs=1e-16)


def test_limits():
    most = [0.0] * 9 + [5.0]
    assert gini(most) == pytest.approx(0.9)  # 1 - 1/n; times n/(n-1) it is 1
    assert theil_t(most) == pytest.approx(np.log(10))
    assert atkinson(most, 0.5) == pytest.approx(0.9)
    assert theil_t([0, 1, 2]) == pytest.approx(2 / 3 * np.log(2), abs=1e-15)


def test_atkinson_and_theil_l():
    assert atkinson(INCOMES, 1) == pytest.approx(
        1 - np.exp(-theil_l(INCOMES)), abs=1e-15
    )
    near = [atkinson(INCOMES, 1 + d) for d in (-1e-9, 1e-9)]
    assert near == pytest.approx([atkinson(INCOMES, 1)] * 2, abs=1e-9)


@pytest.mark.parametrize(
    "values",
    [
        pd.Series(INCOMES, index=list("abcdefghij")),
        pd.Series(INCOMES, dtype="Int64"),
        pd.Series(INCOMES, dtype="float32"),
        pd.Index(INCOMES),
        np.array(INCOMES, dtype=np.int16),
        np.array(INCOMES, dtype=object),
        tuple(INCOMES),
        (v for v in INCOMES),
    ],
    ids=lambda v: f"{type(v).__name__} {getattr(v, 'dtype', '')}",
)
def test_any_column_of_numbers(values):
    assert gini(values) == pytest.approx(G3["gini"])


def test_zeros_where_logarithms_are_taken():
    for call in (
        lambda: theil_l([0, 1]),
        lambda: atkinson([0, 1], 1),
        lambda: atkinson([0, 1], 2.5),
    ):
        with pytest.raises(
            IdentificationError, match=r"y is zero in 1 row \(first: 0\)"
        ):
            call()
    assert theil_l([0, 1, 3], obs_weights=[0, 1, 1]) == theil_l([1, 3])


@pytest.mark.parametrize("epsilon", [-0.1, float("nan"), float("inf"), "1", None, True])
def test_epsilon_out_of_range(epsilon):
    with pytest.raises(OptionError, match="epsilon"):
        atkinson(INCOMES, epsilon)


def test_variation_of_values_of_both_signs():
    assert coefficient_of_variation([-1.0, 3.0]) == pytest.approx(2.0)
    for values in ([-1.0, 1.0], [-3.0, 1.0], [0.0, 0.0]):
        with pytest.raises(IdentificationError, match="positive"):
            coefficient_of_variation(values)


@pytest.mark.parametrize("ddof", [-1, 0.5, True, None])
def test_ddof_out_of_range(ddof):
    with pytest.raises(OptionError, match="ddof"):
        coefficient_of_variation(INCOMES, ddof=ddof)


def test_ddof_with_shares_as_weights():
    with pytest.raises(OptionError, match="ddof=0"):
        coefficient_of_variation([1, 2], ddof=1, obs_weights=[0.4, 0.6])
    with pytest.raises(OptionError, match="ddof"):
        coefficient_of_variation([1.0], ddof=1)


@pytest.mark.many(3)
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_deprivation_is_the_mean_gap_to_the_richer_and_its_mean_the_gini(seed):
    y, groups, rng = draw(seed)
    y, weights = np.round(y, rng.integers(0, 3)) + 1, rng.uniform(0.1, 3, y.size)
    found = relative_deprivation(y, groups, obs_weights=weights)
    for group in np.unique(groups):
        x, w = y[groups == group], weights[groups == group]
        gaps = np.maximum(x - x[:, None], 0)
        np.testing.assert_allclose(
            found[groups == group], gaps @ w / (w @ x), atol=1e-13
        )
        mean = np.average(found[groups == group], weights=w)
        assert mean == pytest.approx(gini(x, obs_weights=w), abs=1e-13)
    together = relative_deprivation(y, obs_weights=weights)
    one_group = relative_deprivation(y, np.zeros(y.size), obs_weights=weights)
    pd.testing.assert_series_equal(together, one_group)


def test_deprivation_keeps_the_index_and_leaves_out_rows_without_weight():
    frame = pd.DataFrame({"home": [1, 1, 2, 2, 3, 3], "wave": [1, 2] * 3})
    frame["income"], frame["w"] = [0.0, 4, 2, 4, 4, 1], [1.0, 1, 2, 1, 1, 0]
    panel = Panel(frame, "home", "wave")
    waves = panel.frame.index.get_level_values("wave").to_series(panel.index)
    found = relative_deprivation(panel["income"], waves, obs_weights=panel["w"])
    attached = panel.attach(found)["relative_deprivation"]
    np.testing.assert_allclose(attached, [1, 0, 0.25, 0, 0, np.nan])


def test_deprivation_where_all_are_poor_is_refused():
    with pytest.raises(IdentificationError, match=r"zero in every row of 'b'"):
        relative_deprivation([1, 2, 0, 0], list("aabb"))
    with pytest.raises(IdentificationError, match="y is negative in 1 row"):
        relative_deprivation([1, -2])
