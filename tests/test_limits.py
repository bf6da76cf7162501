"""Limits that every method shares, at their edge and one step beyond.

Few clusters, few draws, small regimes. Each method is fitted as its users fit it, and
the codes and data of its notices are read.
"""

from __future__ import annotations

import warnings
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from digiprosper import (
    CompositeIndex,
    DagumResult,
    FixedEffects,
    IndicatorSystem,
    Mediation,
    MediationIV,
    Panel,
    PanelKink,
    PanelThreshold,
    PropagatedIndex,
    RankResults,
    cluster_bootstrap,
    dagum,
    mean_group_mediation,
    rank_probabilities,
    sequential_g,
)
from digiprosper.errors import (
    DigiprosperWarning,
    FewClustersWarning,
    IdentificationError,
    OptionError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_DRAWS = 10_000_000
INDEX = CompositeIndex(IndicatorSystem.from_dict({"": {"p": "+", "q": "+"}}))


@cache
def panel(entities: int, periods: int = 8) -> Panel:
    rng = np.random.default_rng(entities)
    n = entities * periods
    data = pd.DataFrame(
        {
            "i": np.repeat(np.arange(entities), periods),
            "t": np.tile(np.arange(periods), entities),
        }
    )
    for name in "zxwqp":
        data[name] = rng.normal(size=n)
    data["x"] += data["z"]
    data["m"] = data["x"] + rng.normal(size=n)
    data["y"] = data["x"] + data["m"] + data["x"] * (data["q"] > 0) + rng.normal(size=n)
    return Panel(data, "i", "t")


def told(make: Callable[[], Any]) -> dict[str, Any]:
    """Fit, and give the data of each notice by its code."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        results = make()
    return {n.code: n.data for n in results.diagnostics}


def income(entities: int, reps: int) -> Any:
    data = panel(entities).frame.reset_index()
    return dagum(np.exp(data["y"]), data["t"] % 2, clusters=data["i"], reps=reps, rng=1)


# What is fitted to a panel of so many entities with so many draws.
DRAWN: dict[str, Callable[[int, int], Any]] = {
    "Mediation": lambda g, b: Mediation("y", "x", "m", reps=b).fit(panel(g), rng=1),
    "MediationIV": lambda g, b: MediationIV("y", "x", "m", "z", reps=b).fit(
        panel(g), rng=1
    ),
    "mean_group_mediation": lambda g, b: mean_group_mediation(
        Mediation("y", "x", "m", reps=b), panel(g), rng=1
    ),
    "sequential_g": lambda g, b: sequential_g(
        Mediation("y", "x", "m", reps=b), panel(g), "w", rng=1
    ),
    "dagum": income,
    "cluster_bootstrap": lambda g, b: cluster_bootstrap(
        FixedEffects("y", ["x"]), panel(g), reps=b, rng=1
    ),
}
RANKED: dict[str, Callable[[int, int], Any]] = {
    "rank_probabilities": lambda g, b: rank_probabilities(
        INDEX, panel(g), reps=b, rng=1
    ),
    "PropagatedIndex": lambda g, b: PropagatedIndex(
        {"d": INDEX}, FixedEffects("y", ["d"]), reps=b
    ).fit(panel(g), rng=1),
}
SEARCHED: dict[str, Callable[[int, int], Any]] = {
    "PanelThreshold": lambda g, b: PanelThreshold("y", "x", "q", grid=10, reps=b).fit(
        panel(g), rng=1
    ),
    "PanelKink": lambda g, b: PanelKink("y", "q", reps=b).fit(panel(g), rng=1),
}
NOT_DRAWN: dict[str, Callable[[int], Any]] = {
    "FixedEffects": lambda g: FixedEffects("y", ["x"]).fit(panel(g)),
    "PanelThreshold": lambda g: PanelThreshold("y", "x", "q", bootstrap=None).fit(
        panel(g)
    ),
}


@pytest.mark.parametrize(
    ("clusters", "code"),
    [(19, "very_few_clusters"), (20, "few_clusters"), (39, "few_clusters"), (40, None)],
)
@pytest.mark.parametrize("method", [*NOT_DRAWN, *DRAWN])
def test_clusters_are_few_below_40_and_very_few_below_20(
    method: str, clusters: int, code: str | None
) -> None:
    make = NOT_DRAWN.get(method) or (lambda g: DRAWN[method](g, 199))
    actual = told(lambda: make(clusters))
    assert {"few_clusters", "very_few_clusters"} & set(actual) == (
        {code} if code else set()
    )
    assert code is None or actual[code]["n_clusters"] == clusters


def test_two_clusters_are_the_least_for_clustered_errors() -> None:
    assert (
        told(lambda: FixedEffects("y", ["x"]).fit(panel(2)))["very_few_clusters"][
            "n_clusters"
        ]
        == 2
    )
    alone = FixedEffects("y", ["x"], entity_effects=False, time_effects=False)
    with pytest.raises(IdentificationError, match="at least two"):
        alone.fit(panel(1))


@pytest.mark.parametrize("clusters", [4, 5])
@pytest.mark.parametrize("method", [*DRAWN, "rank_probabilities", "PropagatedIndex"])
def test_draws_of_fewer_than_5_clusters_give_no_interval(
    method: str, clusters: int
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        results = {**DRAWN, **RANKED}[method](clusters, 199)
    ends = _ends(results)
    few = {n.code: n.data for n in results.diagnostics}.get("too_few_clusters_to_draw")
    assert np.isfinite(ends).all() == (clusters == 5) != np.isnan(ends).all()
    assert few is None if clusters == 5 else few["n_clusters"] == 4


def _ends(results: Any) -> Any:
    if isinstance(results, DagumResult):
        return results.intervals[["conf_low", "conf_high"]].loc["total"].to_numpy()
    if isinstance(results, RankResults):
        return results.ranks()[["rank_low", "rank_high"]].to_numpy()
    return results.conf_int().iloc[0].to_numpy()


@pytest.mark.parametrize("clusters", [4, 5])
def test_weights_are_drawn_from_5_entities_or_more(clusters: int) -> None:
    index = INDEX.fit(panel(clusters))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        errors = index.weight_errors("bootstrap", reps=20, rng=1)
    few = any(issubclass(w.category, FewClustersWarning) for w in caught)
    assert few == errors["std_error"].isna().all() == (clusters == 4)


@pytest.mark.parametrize("reps", [198, 199])
@pytest.mark.parametrize(
    "method", [*DRAWN, "rank_probabilities", "PanelThreshold", "PanelKink"]
)
def test_fewer_than_199_draws_are_few(method: str, reps: int) -> None:
    actual = told(lambda: {**DRAWN, **RANKED, **SEARCHED}[method](40, reps))
    assert ("few_draws" in actual) == (reps == 198)
    assert reps == 199 or actual["few_draws"]["reps"] == 198


def test_errors_of_a_propagated_index_need_499_draws() -> None:
    few, enough = (
        told(lambda b=b: RANKED["PropagatedIndex"](12, b)) for b in (498, 499)
    )
    assert few["few_draws"]["reps"] == 498
    assert "few_draws" not in enough


@pytest.mark.parametrize(
    ("make", "least"),
    [
        (lambda b: Mediation("y", "x", "m", reps=b), 20),
        (lambda b: MediationIV("y", "x", "m", "z", reps=b), 20),
        (lambda b: PropagatedIndex({"d": INDEX}, FixedEffects("y", ["d"]), reps=b), 99),
        (lambda b: PanelThreshold("y", "x", "q", reps=b), 1),
        (lambda b: PanelKink("y", "q", reps=b), 1),
    ],
    ids=["Mediation", "MediationIV", "PropagatedIndex", "PanelThreshold", "PanelKink"],
)
def test_draws_have_a_least_and_a_largest_number(
    make: Callable[[int], Any], least: int
) -> None:
    assert make(least).reps == least
    assert make(MOST_DRAWS).reps == MOST_DRAWS
    for reps in (least - 1, MOST_DRAWS + 1):
        with pytest.raises(
            OptionError,
            match=rf"reps={reps} must be an integer from {least} to 10,000,000",
        ):
            make(reps)


@pytest.mark.parametrize("clusters", [12, 13])
@pytest.mark.parametrize("method", SEARCHED)
def test_up_to_12_clusters_take_webbs_weights(method: str, clusters: int) -> None:
    assert ("webb" in told(lambda: SEARCHED[method](clusters, 19))) == (clusters == 12)


# Rows and entities of a regime in a panel of so many entities, and whether they are
# few: below 20 rows, or below 5 entities or a twentieth of all.
SIZES = [
    (20, 5, 40, False),
    (19, 5, 40, True),
    (24, 4, 40, True),
    (24, 6, 120, False),
    (25, 5, 120, True),
]


def small_regime(rows: int, seen: int, entities: int) -> Panel:
    """Rows of the first entities with q below zero, where the slope of q is another."""
    data = panel(entities).frame.reset_index()
    place = np.arange(seen * 8).reshape(seen, 8).T.ravel()[:rows]
    low = np.zeros(len(data), dtype=bool)
    low[place] = True
    q = np.where(low, -1, 1) * (data["q"].abs().to_numpy() + 0.01)
    return Panel(
        data.assign(q=q, y=data["z"] / 100 + np.where(low, 0, 9 * q)), "i", "t"
    )


@pytest.mark.parametrize(("rows", "seen", "entities", "few"), SIZES)
def test_a_regime_of_few_rows_or_few_entities_is_small(
    rows: int, seen: int, entities: int, few: bool
) -> None:
    data = small_regime(rows, seen, entities)
    results = told(lambda: PanelThreshold("y", "x", "q", thresholds=[-0.005]).fit(data))
    assert results.get("small_regime") == (
        {"regime": 1, "nobs": rows, "n_entities": seen} if few else None
    )


@pytest.mark.parametrize(("rows", "seen", "entities", "few"), SIZES)
def test_a_side_of_a_kink_with_few_rows_or_few_entities_is_small(
    rows: int, seen: int, entities: int, few: bool
) -> None:
    data = small_regime(rows, seen, entities)
    results = told(lambda: PanelKink("y", "q", trim=0.01, bootstrap=None).fit(data))
    assert results.get("small_regime") == (
        {"regime": "below", "nobs": rows, "n_entities": seen} if few else None
    )
