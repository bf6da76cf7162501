"""Panels of two or three periods: undefined is missing or refused.

There is no warning of numpy.
"""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper.errors import DigiprosperError, DigiprosperWarning

if TYPE_CHECKING:
    from collections.abc import Iterator

# Data are standard normal: a number beyond this is a division by rounding.
SANE = 1e8
COVARIANCES: tuple[dict[str, Any], ...] = (
    {"clusters": ["year"]},
    {"cov_type": "driscoll_kraay"},
    {"clusters": ["year"], "time_effects": False},
    {"clusters": ["city", "year"]},
    {"cov_type": "driscoll_kraay", "time_effects": False},
    {"cov_type": "xtscc"},
    {"cov_type": "xtscc", "time_effects": False},
    {"time_effects": False},
    {"clusters": ["year"], "entity_effects": False},
)
SHAPES = ((6, 2, 0), (6, 2, 2), (8, 3, 0), (8, 3, 4), (30, 2, 0))


def tiny_panel(seed: int, entities: int, periods: int, dropped: int) -> dp.Panel:
    rng = np.random.default_rng(seed)
    rows = entities * periods
    frame = pd.DataFrame({"city": np.repeat(np.arange(entities), periods)})
    frame["year"] = np.tile(np.arange(periods), entities)
    frame[["z", "z2", "u", "c", "q"]] = rng.normal(size=(rows, 5))
    frame["x"] = frame["z"] + frame["z2"] + frame["u"] + rng.normal(size=rows)
    frame["m"] = frame["x"] + frame["u"] + rng.normal(size=rows)
    frame["y"] = frame["x"] + frame["m"] + frame["u"] + rng.normal(size=rows)
    return dp.Panel(
        frame.drop(index=rng.choice(rows, dropped, replace=False)), "city", "year"
    )


def models(panel: dp.Panel, options: dict[str, Any]) -> Iterator[Any]:
    yield dp.FixedEffects("y", ["x", "c"], **options)
    yield dp.FixedEffectsIV("y", ["c"], ["x"], ["z"], **options)
    yield dp.FixedEffectsIV("y", ["c"], ["x"], ["z", "z2"], **options)
    yield dp.FixedEffectsIV("y", [], ["x", "m"], ["z", "z2"], **options)
    # Whole clusters are drawn, of one kind.
    drawn = {
        name: value[:1] if name == "clusters" else value
        for name, value in options.items()
    }
    yield dp.Mediation("y", "x", ["m"], ["c"], reps=20, **drawn)
    yield dp.MediationIV("y", "x", "m", "z", reps=20, **drawn)
    one_way = len(options.get("clusters", ())) < 2
    signs: dict[str, Any] = {"reps": 20} if one_way else {"bootstrap": None}
    yield dp.PanelThreshold("y", ["x"], "q", **signs, **options)
    yield dp.PanelKink("y", "q", **signs, **options)
    neighbours = {city: [(city + 1) % panel.n_entities] for city in panel.entities}
    yield dp.PanelSpatial(
        "y", ["x"], dp.SpatialWeights.from_neighbours(neighbours), cov_type="clustered"
    )


def numbers(value: Any) -> Iterator[float]:
    if isinstance(value, dict):
        for part in value.values():
            yield from numbers(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from numbers(part)
    elif isinstance(value, float):
        yield value


def fitted(model: Any, panel: dp.Panel) -> Any:
    """Fit a model, print it, and put it into a table; None if the model is refused."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        try:
            results = model.fit(panel, rng=1)
        except DigiprosperError:
            return None
        results.summary()
        dp.etable(results)
        return results


@pytest.mark.parametrize("options", COVARIANCES, ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_no_number_is_a_division_by_rounding(shape, options) -> None:
    fits = 0
    for seed in range(2):
        panel = tiny_panel(seed, *shape)
        for model in models(panel, options):
            results = fitted(model, panel)
            if results is not None:
                fits += 1
                large = [
                    n
                    for n in numbers(results.to_dict())
                    if math.isfinite(n) and abs(n) > SANE
                ]
                assert not large, (seed, model)
    assert fits > 3


@pytest.mark.parametrize(
    "options", [{"clusters": ["year"]}, {"cov_type": "xtscc"}], ids=str
)
@pytest.mark.parametrize("instruments", [["z"], ["z", "z2"]], ids=str)
def test_scores_that_add_up_to_nothing_leave_no_test_of_instruments(
    options, instruments
) -> None:
    for seed in range(5):
        panel = tiny_panel(seed, 30, 2, 0)
        results = fitted(
            dp.FixedEffectsIV("y", ["c"], ["x"], instruments, **options), panel
        )
        plain = fitted(dp.FixedEffects("y", ["x", "c"], **options), panel)
        (notice,) = (n for n in results.diagnostics if n.code == "no_variance")
        assert notice in plain.diagnostics

        tests = results.iv_tests
        assert results.std_errors.isna().all()
        assert np.isnan(
            [tests["kp_rk_f"], tests["effective_f"], tests["effective_f_critical"]]
        ).all()
        for test in (
            tests["kp_rk_lm"],
            tests["first_stage_f:x"],
            tests["hansen_j"],
            results.endogeneity,
        ):
            assert np.isnan([test.statistic, test.p_value]).all(), test
        with pytest.raises(dp.IdentificationError, match="is not defined"):
            results.anderson_rubin()
        with pytest.raises(dp.IdentificationError, match="is not defined"):
            results.anderson_rubin_test(0.0)
        assert "effective F not available" in " ".join(results.summary().split())
        assert "Endogeneity test" not in results.summary()


def test_with_a_third_period_the_tests_are_there() -> None:
    results = fitted(
        dp.FixedEffectsIV("y", ["c"], ["x"], ["z"], clusters=["year"]),
        tiny_panel(0, 30, 3, 0),
    )
    assert results.iv_tests["kp_rk_f"] == pytest.approx(
        results.iv_tests["first_stage_f:x"].statistic
    )
    assert results.iv_tests["effective_f"] > 1
    assert np.isfinite(results.endogeneity.p_value)
