"""Slopes in blocks of periods are those of separate fits."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp

X = ["a", "b"]


def make(seed: int, periods: int, *, missing: float = 0.2) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    n = 12
    frame = pd.DataFrame(
        {
            "i": np.repeat(np.arange(n), periods),
            "t": np.tile(np.arange(2000, 2000 + periods), n),
        }
    )
    shock = rng.normal(size=periods)
    for name in ("a", "b", "z", "u"):
        frame[name] = rng.normal(size=len(frame)) + shock[frame["t"] - 2000]
    frame["w"] = rng.uniform(0.5, 2.0, len(frame))
    frame["d"] = frame["z"] + frame["u"]
    frame["y"] = frame["a"] - frame["b"] + frame["d"] + frame["u"]
    return frame[rng.random(len(frame)) >= missing]


def fit(spec: dp.FixedEffects | dp.FixedEffectsIV, frame: pd.DataFrame):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        return spec.fit(dp.Panel(frame, "i", "t"))


@pytest.mark.parametrize("periods", [8, 9, 10, 12, 17])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"time_effects": False},
        {"entity_effects": False, "time_effects": False},
        {"obs_weights": "w"},
        {"absorb": ["i[b]"], "x": ["a"]},
    ],
)
def test_they_equal_fits_of_the_blocks(periods: int, options: dict) -> None:
    frame = make(periods, periods, missing=0.1)
    if "absorb" in options and periods < 17:
        pytest.skip("a slope of each entity needs longer blocks")
    spec = dp.FixedEffects("y", X, cov_type="driscoll_kraay").replace(**options)
    results = fit(spec, frame)
    q = 5 if periods >= 10 else 4
    year = frame["t"] - 2000
    want = [
        fit(spec.replace(cov_type="robust"), frame[year * q // periods == block])
        .params[list(spec.x)]
        .tolist()
        for block in range(q)
    ]
    test = results.block_test("a")
    np.testing.assert_allclose(
        test.detail["blocks"], [row[0] for row in want], rtol=1e-8
    )
    mean, error = np.mean(want, axis=0)[0], np.std(want, axis=0, ddof=1)[0]
    assert test.statistic == pytest.approx(mean / error * np.sqrt(q), rel=1e-8)
    assert test.df == q - 1
    assert (test.detail["conf_low"] < 0 < test.detail["conf_high"]) == (
        test.p_value > 0.05
    )
    assert np.sign(test.statistic) == np.sign(test.detail["estimate"])


def test_instruments_keep_the_first_stage_of_all_periods() -> None:
    frame = make(3, 10, missing=0.0)
    spec = dp.FixedEffectsIV("y", ["a"], ["d"], ["z"], cov_type="driscoll_kraay")
    test = fit(spec, frame).block_test("d")
    inside = [
        fit(spec.replace(cov_type="robust"), frame[(frame["t"] - 2000) // 2 == block])
        for block in range(5)
    ]
    # With one instrument its coefficient in the first stage does not matter, but that
    # of the control does; both are close to those of the block.
    np.testing.assert_allclose(
        test.detail["blocks"], [f.params["d"] for f in inside], atol=0.5
    )
    alone = dp.FixedEffectsIV("y", [], ["d"], ["z"], cov_type="driscoll_kraay")
    inside = [
        fit(alone.replace(cov_type="robust"), frame[(frame["t"] - 2000) // 2 == block])
        for block in range(5)
    ]
    np.testing.assert_allclose(
        fit(alone, frame).block_test("d").detail["blocks"],
        [f.params["d"] for f in inside],
        rtol=1e-8,
    )


def test_a_regressor_that_does_not_vary_in_every_block_is_refused() -> None:
    frame = make(4, 10)
    frame["policy"] = (frame["i"] < 5) * (frame["t"] >= 2005)
    results = fit(
        dp.FixedEffects("y", ["policy", "a"], cov_type="driscoll_kraay"), frame
    )
    with pytest.raises(dp.OptionError, match="'policy' does not vary by itself"):
        results.block_test("policy")
    assert np.isfinite(results.block_test("a").p_value)
    assert "missing" in results.summary()
    with pytest.raises(dp.TermError, match="slopes are 'policy', 'a'"):
        results.block_test("c")
    other = fit(dp.FixedEffects("y", ["a"]), frame)
    with pytest.raises(dp.OptionError, match="cov_type='driscoll_kraay'"):
        other.block_test("a")


def test_few_periods_have_no_block_test() -> None:
    results = fit(dp.FixedEffects("y", ["a"], cov_type="driscoll_kraay"), make(5, 5))
    with pytest.raises(dp.OptionError, match="4 blocks"):
        results.block_test("a")
