"""Joint bands of event studies: against draws by refits, and their coverage."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper.linear.kernels.wild import REPS, SEED, wild_weights

if TYPE_CHECKING:
    from collections.abc import Callable

    from digiprosper.policy.results import EventStudyResults


def make(
    rng: np.random.Generator,
    cohorts: tuple[int, ...],
    shape: tuple[int, int],
    errors: str = "AR .6",
) -> pd.DataFrame:
    """Panel without effects; cohorts are first treated around the middle period."""
    n, periods = shape
    e = rng.normal(size=shape)
    if errors == "AR .6":
        for t in range(1, periods):
            e[:, t] = 0.6 * e[:, t - 1] + 0.8 * e[:, t]
    else:
        e = e.cumsum(axis=1) * rng.lognormal(0, 0.5, size=(n, 1))
    if errors == "treated noisy":
        e[: sum(cohorts)] *= 2
    first = np.full(n, np.nan)
    starts = np.linspace(periods // 2 - 1, periods // 2 + 2, len(cohorts)).round()
    first[: sum(cohorts)] = np.repeat(starts, cohorts)
    return pd.DataFrame(
        {
            "i": np.repeat(np.arange(n), periods),
            "t": np.tile(np.arange(periods), n),
            "first": np.repeat(first, periods),
            "y": e.ravel(),
        }
    )


def fit(frame: pd.DataFrame, **options: object) -> EventStudyResults:
    spec = dp.EventStudy("y", "first", before=3, after=3).replace(**options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        return spec.fit(dp.Panel(frame, "i", "t"))


def critical(results: EventStudyResults, level: float = 0.95) -> float:
    path = results.event_path(level, "joint").dropna()
    half = (path["conf_high"] - path["conf_low"]) / 2
    (value,) = np.unique((half / path["std_error"]).round(10))
    return float(value)


def test_the_band_equals_that_of_refits_in_every_draw() -> None:
    # With entity effects alone sums by cluster are exact.
    frame = make(np.random.default_rng(1), (5, 5), (14, 8))
    results = fit(frame, time_effects=False)
    residuals = results.residuals.reshape(14, 8)
    x = np.column_stack([results.names])  # names of the event times
    dummies = np.column_stack(
        [
            np.clip(frame["t"] - frame["first"], -3, 3) == int(name[0].split(":")[1])
            for name in x
        ]
    ).astype(float)
    by_entity = dummies.reshape(14, 8, -1)
    centred = (by_entity - by_entity.mean(axis=1, keepdims=True)).reshape(112, -1)
    bread = np.linalg.inv(centred.T @ centred)
    scores = np.einsum("gtk,gt->gk", centred.reshape(14, 8, -1), residuals)
    order = np.argsort(
        ((scores @ bread) ** 2 / ((scores @ bread) ** 2).sum(axis=0)).sum(axis=1),
        kind="stable",
    )
    largest = []
    for v in wild_weights(14, REPS).chunks(np.random.SeedSequence(SEED), 10_000):
        for draw in v:
            weights = np.empty(14)
            weights[order] = draw
            y = (residuals * weights[:, None]).ravel()
            b = bread @ centred.T @ y
            s = np.einsum(
                "gtk,gt->gk",
                centred.reshape(14, 8, -1),
                (y - centred @ b).reshape(14, 8),
            )
            v_b = bread @ (s.T @ s) @ bread
            largest.append(np.max(np.abs(b) / np.sqrt(np.diag(v_b))))
    want = np.quantile(largest, 0.95, method="higher")
    assert critical(results) == pytest.approx(want, rel=1e-8)


def test_other_errors_have_a_multivariate_t() -> None:
    frame = make(np.random.default_rng(2), (10, 10), (31, 10))
    robust = fit(frame, cov_type="unadjusted")
    names = [name for name in robust.names if name.startswith("event:")]
    corr = robust.cov.loc[names, names].to_numpy()
    corr = corr / np.sqrt(np.outer(np.diag(corr), np.diag(corr)))
    rng = np.random.default_rng(5)
    draws = rng.multivariate_normal(np.zeros(len(corr)), corr, size=100_000)
    draws = np.abs(draws).max(axis=1) / np.sqrt(
        rng.chisquare(robust.df_t, 100_000) / robust.df_t
    )
    assert critical(robust) == pytest.approx(np.quantile(draws, 0.95), rel=0.01)
    assert critical(robust, 0.9) < critical(robust)


def test_a_band_contains_the_pointwise_intervals_and_is_invariant() -> None:
    frame = make(np.random.default_rng(3), (10, 10), (31, 10))
    results = fit(frame)
    joint, pointwise = results.event_path(bands="joint"), results.event_path()
    shown = pointwise["std_error"] > 0
    assert (joint["conf_low"] < pointwise["conf_low"])[shown].all()
    assert (joint["conf_high"] > pointwise["conf_high"])[shown].all()
    others = (
        frame.assign(i=30 - frame["i"]),
        frame.sample(frac=1, random_state=1),
        frame.assign(y=1e4 * frame["y"] + 7),
    )
    for other in others:
        assert critical(fit(other)) == pytest.approx(critical(results), rel=1e-6)
    assert "event_path(bands='joint')" in results.summary()
    drawn = dp.plots.data(dp.plots.event_study(results))
    assert {"band_low", "band_high"} <= set(drawn.columns)
    with pytest.raises(dp.OptionError, match="bands"):
        results.event_path(bands="both")


DESIGNS = {
    "15": (15,),
    "10 + 10": (10, 10),
    "5 + 5": (5, 5),
    "13 + 13": (13, 13),
    "14 + 14": (14, 14),
    "15 + 15": (15, 15),
}


@pytest.mark.montecarlo
@pytest.mark.parametrize("cohorts", DESIGNS)
@pytest.mark.parametrize("periods", [10, 20])
@pytest.mark.parametrize("errors", ["AR .6", "random walk", "treated noisy"])
def test_coverage_of_the_path(
    cohorts: str, periods: int, errors: str, measured: Callable[..., None]
) -> None:
    """Share of 300 panels in which a 95% band of an event study contains the path.

    31 entities in T periods; treated cohorts of these sizes begin around the middle,
    and the others are never treated. There are no effects, and event times from -3 to 3
    with binned ends. Errors are autocorrelated, or random walks with a variance of each
    entity, or such walks with twice the size for the treated. "each point" is the mean
    coverage of pointwise intervals, "width" that of the band over theirs.
    """
    rng = np.random.default_rng([periods, len(errors), *DESIGNS[cohorts]])
    shares = np.zeros(4)
    for _ in range(300):
        results = fit(make(rng, DESIGNS[cohorts], (31, periods), errors))
        path = results.event_path().dropna()
        points = (path["conf_low"] < 0) & (path["conf_high"] > 0)
        band = results.event_path(bands="joint").dropna()
        inside = ((band["conf_low"] < 0) & (band["conf_high"] > 0)).all()
        width = (band["conf_high"] - band["conf_low"]).mean()
        ratio = width / (path["conf_high"] - path["conf_low"]).mean()
        shares += [inside, points.all(), points.mean(), ratio]
    shares /= 300
    never = 31 - sum(DESIGNS[cohorts])
    names = ("joint band", "all points", "each point", "width")
    row = {"cohorts": cohorts, "never treated": never, "T": periods, "errors": errors}
    row |= dict(zip(names, shares, strict=True))
    measured("coverage_of_event_paths", row)
    # The Monte Carlo standard error of .95 is .013.
    assert shares[0] > 0.9
    assert shares[0] > shares[1]
