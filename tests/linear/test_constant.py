"""The constant beside absorbed effects: against a regression, and linearmodels.

The regression has the constant.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper.errors import DigiprosperWarning, OptionError

COUNT, PERIODS = 25, 7


def make(seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "i": np.repeat(np.arange(COUNT), PERIODS),
            "t": np.tile(np.arange(PERIODS), COUNT),
        }
    ).sample(frac=0.8, random_state=seed)
    frame = frame.sort_values(["i", "t"], ignore_index=True)
    frame[["a", "b"]] = (
        rng.normal(3.0, 1.0, (len(frame), 2)) + frame[["i"]].to_numpy() / 5
    )
    frame["y"] = (
        2.0
        + frame["a"]
        - 0.5 * frame["b"]
        + frame["i"]
        + frame["t"]
        + rng.normal(size=len(frame))
    )
    return frame


def fit(frame: pd.DataFrame, **options: Any) -> dp.LinearResults:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        return dp.FixedEffects("y", ["a", "b"], **options).fit(
            dp.Panel(frame, "i", "t")
        )


def with_means(frame: pd.DataFrame, effects: list[str]) -> pd.DataFrame:
    """Take effects out of columns with dummies, and add the means again."""
    dummies = np.column_stack(
        [pd.get_dummies(frame[name]).to_numpy(float) for name in effects]
    )
    columns = frame[["y", "a", "b"]].to_numpy()
    left = columns - dummies @ np.linalg.lstsq(dummies, columns, rcond=None)[0]
    return pd.DataFrame(left + columns.mean(axis=0), columns=["y", "a", "b"])


@pytest.mark.parametrize("effects", [["i"], ["i", "t"]])
@pytest.mark.parametrize("cov_type", ["clustered", "unadjusted"])
def test_it_is_that_of_a_regression_with_the_means_added_again(
    effects: list[str], cov_type: Any
) -> None:
    frame = make()
    result = fit(frame, time_effects="t" in effects, cov_type=cov_type)
    made = with_means(frame, effects)
    x = np.column_stack([made[["a", "b"]], np.ones(len(made))])
    bread = np.linalg.inv(x.T @ x)
    slopes = bread @ x.T @ made["y"].to_numpy()
    residuals = made["y"].to_numpy() - x @ slopes
    if cov_type == "clustered":
        scores = (
            pd.DataFrame(x * residuals[:, None])
            .groupby(frame["i"].to_numpy())
            .sum()
            .to_numpy()
        )
        raw = bread @ scores.T @ scores @ bread
        factor = result.cov.loc["a", "a"] / raw[0, 0]
    else:
        raw, factor = bread * (residuals @ residuals), 1 / result.df_resid
    actual = result.constant()
    assert actual["estimate"] == pytest.approx(slopes[2], rel=1e-9)
    assert actual["std_error"] == pytest.approx(np.sqrt(factor * raw[2, 2]), rel=1e-9)
    assert result.cov.loc["b", "b"] == pytest.approx(factor * raw[1, 1], rel=1e-9)


def test_linearmodels_reports_the_same() -> None:
    from linearmodels.panel import PanelOLS

    frame = make(1)
    result = fit(frame, time_effects=False, ssc="linearmodels")
    data = frame.set_index(["i", "t"]).assign(const=1.0)
    peer = PanelOLS(data["y"], data[["const", "a", "b"]], entity_effects=True)
    other = peer.fit(cov_type="clustered", cluster_entity=True)
    actual = result.constant()
    assert actual["estimate"] == pytest.approx(other.params["const"], rel=1e-9)
    ratio = result.std_errors["a"] / other.std_errors["a"]
    assert actual["std_error"] == pytest.approx(
        ratio * other.std_errors["const"], rel=1e-9
    )
    assert ratio == pytest.approx(1.0, rel=0.01)


def test_the_classic_numbers_of_grunfeld() -> None:
    """As Stata prints: ``webuse grunfeld``, ``xtreg invest mvalue kstock, fe``.

    In floats.
    """
    from statsmodels.datasets import grunfeld

    data = grunfeld.load_pandas().data
    data = data[data["firm"] != "American Steel"]
    spec = dp.FixedEffects(
        "invest", ["value", "capital"], time_effects=False, cov_type="unadjusted"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        results = spec.fit(dp.Panel(data, "firm", "year")).constant()
    assert results["estimate"] == pytest.approx(-58.74393, abs=2e-5)
    assert results["std_error"] == pytest.approx(12.45369, abs=2e-5)


def test_without_effects_it_is_the_intercept() -> None:
    result = fit(make(), entity_effects=False, time_effects=False)
    expected = result.tidy(0.9).set_index("term").loc["Intercept"]
    assert result.constant(0.9).tolist() == expected.tolist()


def test_it_keeps_effects_at_zero_on_average_and_its_interval_its_level() -> None:
    result = fit(make())
    actual = result.constant(0.9)
    means = result.sample_stats["mean"]
    at_means = actual["estimate"] + (result.params * means[["a", "b"]]).sum()
    assert at_means == pytest.approx(means["y"])
    assert (
        actual["conf_high"] - actual["estimate"]
        < result.constant(0.95)["conf_high"] - actual["estimate"]
    )
    assert actual["statistic"] == pytest.approx(
        actual["estimate"] / actual["std_error"]
    )


@pytest.mark.parametrize(
    "options",
    [
        {"cov_type": "robust"},
        {"cov_type": "hc3"},
        {"cov_type": "driscoll_kraay"},
        {"clusters": "t", "time_effects": False},
        {"clusters": ["i", "t"]},
        {"cov_type": "unadjusted", "ssc": "none"},
    ],
)
def test_an_error_that_is_not_known_is_missing(options: dict[str, Any]) -> None:
    actual = fit(make(), **options).constant()
    assert np.isfinite(actual["estimate"])
    assert actual.drop("estimate").isna().all()


def test_with_weights_nothing_is_known() -> None:
    assert fit(make().assign(w=1.0), obs_weights="w").constant().isna().all()


def test_it_needs_no_rows() -> None:
    frame = make()
    one, other = (
        fit(frame, keep_rows=keep, cov_type="unadjusted").constant()
        for keep in (True, False)
    )
    assert other.tolist() == pytest.approx(one.tolist(), rel=1e-9)


@pytest.mark.parametrize("level", [0, 1, 2, -0.5, "high", None])
def test_levels_that_are_none(level: Any) -> None:
    with pytest.raises(OptionError):
        fit(make()).constant(level)
