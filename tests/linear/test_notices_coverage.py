"""Coverage of clustered intervals where few entities carry x.

As in docs/validity.md.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from digiprosper import FixedEffects, Panel
from digiprosper.errors import FewClustersWarning

if TYPE_CHECKING:
    from collections.abc import Callable

T = 10
RHO = 0.6


def autoregressive(rng, reps, entities, rho):
    out = rng.normal(size=(reps, entities, T))
    out[..., 0] /= np.sqrt(1 - rho**2)
    for t in range(1, T):
        out[..., t] += rho * out[..., t - 1]
    return out


def step(entities, treated):
    x = np.zeros((1, entities, T))
    x[:, :treated, T // 2 :] = 1
    return x


def regressors(kind, rng, reps, entities):
    if kind == "normal":
        return rng.normal(size=(reps, entities, T))
    if kind == "persistent":
        return autoregressive(rng, reps, entities, 0.8)
    spread = {"lognormal": 0.5, "wide lognormal": 1.0}[kind]
    return np.exp(spread * 0.6 * autoregressive(rng, reps, entities, 0.8))


def demeaned(x):
    return (
        x
        - x.mean(-1, keepdims=True)
        - x.mean(-2, keepdims=True)
        + x.mean((-2, -1), keepdims=True)
    )


def intervals(x, errors):
    """Slope, clustered error with reghdfe's factor, effective clusters; (reps,)."""
    x, errors = demeaned(x), demeaned(errors)
    reps, entities, periods = errors.shape
    total = (x * x).sum((-2, -1))
    slope = (x * errors).sum((-2, -1)) / total
    scores = (x * (errors - slope[:, None, None] * x)).sum(-1)
    n, counted = entities * periods, 1 + periods
    factor = entities / (entities - 1) * (n - 1) / (n - counted)
    shares = (x * x).sum(-1) / total[:, None]
    effective = np.broadcast_to(1 / (shares**2).sum(-1), (reps,))
    return slope, np.sqrt(factor * (scores**2).sum(-1)) / total, effective


def coverage(x, entities, reps, rng):
    """Share of 95% intervals that hold the truth, 0, and effective clusters."""
    slope, error, effective = intervals(x, autoregressive(rng, reps, entities, RHO))
    return np.abs(slope) <= stats.t.ppf(0.975, entities - 1) * error, effective


def fitted(x, y):
    entities = x.shape[0]
    keys = {
        "i": np.repeat(np.arange(entities), T),
        "t": np.tile(np.arange(T), entities),
    }
    panel = Panel(pd.DataFrame({**keys, "x": x.ravel(), "y": y.ravel()}), "i", "t")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FewClustersWarning)
        return FixedEffects("y", ["x"]).fit(panel)


@pytest.mark.parametrize(("entities", "treated"), [(31, 2), (50, 4), (100, 1)])
def test_the_simulation_computes_what_the_library_does(
    entities: int, treated: int
) -> None:
    rng = np.random.default_rng(1)
    x, errors = step(entities, treated), autoregressive(rng, 1, entities, RHO)
    slope, error, effective = intervals(x, errors)
    fit = fitted(x[0], errors[0])
    assert fit.params["x"] == pytest.approx(slope[0], rel=1e-10)
    assert fit.std_errors["x"] == pytest.approx(error[0], rel=1e-10)
    (notice,) = (n for n in fit.diagnostics if n.code == "few_treated")
    assert notice.data["terms"]["x"]["effective"] == pytest.approx(
        effective[0], rel=1e-10
    )


@pytest.mark.montecarlo
@pytest.mark.parametrize("entities", [10, 20, 31, 50, 100])
def test_few_treated_entities_are_covered_too_seldom(
    entities: int, measured: Callable[..., None]
) -> None:
    """Share of 4,000 panels in which the 95% interval contains the true effect, 0.

    The interval is clustered by entity. Some of N entities are treated in the last five
    of 10 periods. The model has two-way effects, and the errors have a serial
    correlation of .6. The number of effective clusters is in brackets. Bold cells have
    the notice `few_treated`, and cells in italics `few_effective_clusters`.
    """
    rng = np.random.default_rng(entities)
    cells = {}
    for treated in [n for n in (1, 2, 3, 5, 10) if n < entities / 2] + [entities // 2]:
        covered, effective = coverage(step(entities, treated), entities, 4000, rng)
        share, few = covered.mean(), effective[0] < min(10.0, entities / 2)
        text = f"{share:.3f}".removeprefix("0")
        mark = ("**" if effective[0] < 7.0 else "*") if few else ""
        head = "half" if treated == entities // 2 else f"{treated} treated"
        cells[head] = f"{mark}{text}{mark} ({effective[0]:.1f})"
        if mark == "**":
            assert share < 0.91, treated
        elif mark:
            assert 0.895 < share < 0.93, treated
        else:
            assert share > 0.91, treated
    rows = {
        head: cells.get(head, "")
        for head in (*(f"{n} treated" for n in (1, 2, 3, 5, 10)), "half")
    }
    measured("coverage_with_few_treated", {"N": entities, **rows})


@pytest.mark.montecarlo
@pytest.mark.parametrize("entities", [10, 20, 31, 50, 100])
@pytest.mark.parametrize(
    "kind", ["normal", "persistent", "lognormal", "wide lognormal"]
)
def test_continuous_regressors_are_remarked_on_where_intervals_fail(
    entities: int, kind: str, measured: Callable[..., None]
) -> None:
    """Share of 4,000 panels in which the 95% interval contains the true slope, 0.

    The interval is clustered by entity. N entities are observed for 10 periods, with
    two-way effects and errors with a serial correlation of .6. The regressor is normal
    and independent over time, or persistent (normal, with a serial correlation of .8),
    or lognormal: the log is persistent with a standard deviation of .5 (wide: 1). The
    columns after the coverage have the share of panels with one of the two notices, and
    the coverage in these panels.
    """
    rng = np.random.default_rng(entities)
    x = regressors(kind, rng, 4000, entities)
    covered, effective = coverage(x, entities, 4000, rng)
    few = effective < min(10.0, entities / 2)
    row: dict[str, float | str] = {"coverage": covered.mean()}
    for code, panels in {
        "few_treated": few & (effective < 7.0),
        "few_effective_clusters": few & (effective >= 7.0),
    }.items():
        row[code] = panels.mean()
        row[f"coverage, {code}"] = covered[panels].mean() if panels.any() else np.nan
    measured(
        "coverage_with_unequal_variation", {"regressor": kind, "N": entities, **row}
    )
    if (~few).sum() > 200:
        assert covered[~few].mean() > 0.92
    if kind in ("normal", "persistent"):
        assert few.mean() < 0.05
    if few.sum() > 200:
        assert covered[few].mean() < 0.93


@pytest.mark.montecarlo
@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
@pytest.mark.parametrize(
    ("cov_type", "least", "most"),
    [("clustered", 0.10, 0.30), ("crv3", 0.03, 0.15), ("cr2", 0.0, 0.06)],
)
def test_size_with_three_treated_is_as_the_notice_says(
    cov_type: str, least: float, most: float, measured: Callable[..., None]
) -> None:
    """Share of 1,000 panels in which a test at 5% rejects an effect of zero.

    Three of 31 entities are treated in the last five of 10 periods. The model has
    two-way effects, and the errors have a serial correlation of .6 and one variance.
    """
    rng = np.random.default_rng(31)
    keys = {"i": np.repeat(np.arange(31), T), "t": np.tile(np.arange(T), 31)}
    d, errors = step(31, 3).ravel(), autoregressive(rng, 1000, 31, RHO)
    spec = FixedEffects("y", ["d"], cov_type=cov_type)
    rejected = [
        spec.fit(
            Panel(pd.DataFrame({**keys, "d": d, "y": y.ravel()}), "i", "t")
        ).pvalues["d"]
        < 0.05
        for y in errors
    ]
    size = float(np.mean(rejected))
    measured("size_with_three_treated", {"standard errors": cov_type, "size": size})
    assert least <= size <= most
