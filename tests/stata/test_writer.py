"""A specification becomes a command, and is read back as itself."""

from __future__ import annotations

import random
from typing import Any

import pytest

import digiprosper as dp

TERMS = (
    "x",
    "z",
    "I(x**2)",
    "x:z",
    "lag(w)",
    "lag(w, 3)",
    "lead(w, 2)",
    "diff(v)",
    "lag(diff(v), 2)",
    "C(g)",
    "C(g, ref=2)",
    "C(h):x",
    "C(g):C(h)",
    "I(g == 3)",
    "增长率",
)
CONDITIONS = (
    None,
    "year >= 2010",
    "year == 2012 or g in [1, 2]",
    "not (x <= 6)",
    "x <= 3 and z != 2",
    "1 <= x <= 3",
    "(g == 1 or h == 2) and year < 2015",
    'region == "东部"',
    "x == x",
)


def drawn(seed: int) -> Any:
    """Draw a specification of any kind."""
    rng = random.Random(seed)
    x = rng.sample(TERMS, rng.randint(1, 5))
    where = rng.choice(CONDITIONS)
    clusters = rng.choice([None, ["prov"], ["prov", "year"], ["prov^year"]])
    errors = rng.choice(
        [{"cov_type": "unadjusted"}, {"cov_type": "robust"}, {"clusters": clusters}]
    )
    effects = {
        "entity_effects": rng.random() < 0.7,
        "time_effects": rng.random() < 0.7,
        "absorb": rng.sample(
            ["prov^year", "prov[t]", "ind[[t, q]]", "city"], rng.randint(0, 2)
        ),
        "collinear": "drop",
        "where": where,
        "obs_weights": rng.choice([None, None, "pop"]),
    }
    kind = seed % 7
    if kind == 0:
        return dp.FixedEffects(
            "y", x, singletons=rng.choice(["keep", "drop"]), **effects, **errors
        )
    if kind == 1:
        if not (
            effects["entity_effects"] or effects["time_effects"] or effects["absorb"]
        ):
            effects["entity_effects"] = True
        return dp.FixedEffectsIV(
            "y", x, ["d"], rng.sample(["iv1", "iv2", "lag(d)"], 2), **effects, **errors
        )
    if kind == 2:
        effects |= {"absorb": (), "entity_effects": True}
        cov = rng.choice([{"cov_type": "unadjusted"}, {"clusters": ["prov"]}, {}])
        return dp.FixedEffects("y", x, ssc="xtreg", singletons="keep", **effects, **cov)
    if kind == 3:
        return dp.Mediation(
            "y",
            "d",
            "m",
            x,
            cov_type="unadjusted",
            where=where,
            entity_effects=effects["entity_effects"],
            time_effects=effects["time_effects"],
        )
    if kind == 4:
        return dp.PanelThreshold(
            "y",
            ["d"],
            "q",
            x,
            n_thresholds=rng.randint(1, 3),
            trim=rng.choice([0.01, 0.05]),
            cov_type="unadjusted",
            where=where,
            time_effects=rng.random() < 0.5,
            rule="<",
            df="xthreg",
            confidence="lr",
        )
    if kind == 5:
        return dp.DynamicPanel(
            "y",
            ["x", "z"][: rng.randint(0, 2)],
            lags=rng.randint(1, 2),
            estimator=rng.choice(["difference", "system"]),
            steps=rng.randint(1, 2),
            collapse=rng.random() < 0.5,
            time_effects=rng.random() < 0.5,
            instrument_lags=rng.choice([(2, None), (2, 5), (3, 4)]),
            transform=rng.choice(["difference", "orthogonal"]),
            where=where,
        )
    return dp.StaggeredDid(
        "y",
        "first",
        ["x"][: rng.randint(0, 1)],
        never=0,
        cov_type="influence",
        control=rng.choice([None, "not_yet"]),
        where=where,
        base_period=rng.choice([None, "universal"]),
        aggregate=rng.choice(["dynamic", "simple", "group", "calendar"]),
    )


@pytest.mark.many(20)
@pytest.mark.parametrize("seed", range(200))
def test_what_is_written_is_read_back(seed: int) -> None:
    spec = drawn(seed)
    command = dp.to_stata(spec)
    read = dp.from_stata(command, entity="id", time="year")
    if isinstance(spec, dp.StaggeredDid) and spec.x:
        spec = spec.replace(adjustment="doubly_robust")
    assert read.spec == spec, command
    assert eval(read.python) == spec, read.python


@pytest.mark.many(6)
@pytest.mark.parametrize(
    "spec",
    [
        dp.FixedEffects("log(y)", "x"),
        dp.FixedEffects("y", "x", cov_type="driscoll_kraay"),
        dp.FixedEffects("y", "x", ssc="sandwich"),
        dp.FixedEffects("y", "C(g, ref='east')"),
        dp.FixedEffects("y", "I(x**0.5)"),
        dp.FixedEffects("y", "lag(log(x))"),
        dp.FixedEffects("y", "x", where="x"),
        dp.FixedEffects("y", "x", where="f(x) > 1"),
        dp.FixedEffects("y", "x", ssc="areg", absorb="prov^year", singletons="keep"),
        dp.FixedEffects("y", "x", ssc="xtreg"),
        dp.FixedEffects("y", "x", ssc="xtreg", singletons="keep", entity_effects=False),
        dp.FixedEffectsIV("y", "x", "d", "z", ssc="none"),
        dp.PanelThreshold("y", "x", "q", entity_effects=False),
        dp.PanelThreshold("y", "x", "q", n_thresholds="auto"),
        dp.DynamicPanel("y", "x", instrument_lags={"y": (2, 3)}),
        dp.Mediation("y", "x", ["m", "n"]),
        dp.DynamicPanel("y", "x", estimator="lsdvc"),
        dp.StaggeredDid("y", "first"),
    ],
)
def test_what_stata_has_not(spec: Any) -> None:
    with pytest.raises(dp.StataError):
        dp.to_stata(spec)


def test_other_values_are_refused() -> None:
    with pytest.raises(dp.InputTypeError, match="writes FixedEffects"):
        dp.to_stata("reg y x")  # type: ignore[arg-type]


@pytest.mark.many(4)
@pytest.mark.parametrize(
    ("where", "condition"),
    [
        ("not (g in [1, 2])", "!(inlist(g, 1, 2))"),
        ("x*2 - 1 == 3", "x * 2 - 1 == 3"),
        ("log(x) <= -1", "ln(x) <= -1"),
        ("lag(x) == 3", "L.x == 3"),
    ],
)
def test_conditions(where: str, condition: str) -> None:
    spec = dp.FixedEffects("y", "x", where=where, collinear="drop")
    command = dp.to_stata(spec)
    assert f" if {condition}," in command
    assert dp.from_stata(command, entity="id", time="year").spec.where is not None


def test_an_instrument_without_effects() -> None:
    spec = dp.FixedEffectsIV(
        "y", "x", "d", "z", entity_effects=False, time_effects=False, clusters="prov"
    )
    command = dp.to_stata(spec.replace(collinear="drop"))
    assert command == "ivreg2 y x (d = z), small vce(cluster prov)"


def test_missing_values_stay_out() -> None:
    command = dp.to_stata(dp.FixedEffects("y", "x", where="z > 6 and year > 2010"))
    assert "if z > 6 & z < . & year > 2010," in command


def test_a_driscoll_kraay_regression() -> None:
    spec = dp.FixedEffects(
        "y",
        ["x", "C(year)"],
        time_effects=False,
        cov_type="xtscc",
        ssc="plm",
        bandwidth=2,
        singletons="keep",
        collinear="drop",
    )
    assert dp.to_stata(spec) == "xtscc y x i.year, fe lag(2)"
    assert (
        dp.from_stata("xtscc y x i.year, fe lag(2)", entity="id", time="year").spec
        == spec
    )
    # xtscc counts the dummies of periods, which plm does not count as effects.
    with pytest.raises(dp.StataError, match="xtscc differs in time_effects=True"):
        dp.to_stata(spec.replace(x="x", time_effects=True))


def test_spatial_models() -> None:
    weights = dp.SpatialWeights.from_neighbours(
        {"a": ["b"], "b": ["a", "c"], "c": ["b"]}
    )
    for model in ("sar", "sem", "sdm"):
        spec = dp.PanelSpatial(
            "y", ["x"], weights, model=model, likelihood="unadjusted"
        )
        read = dp.from_stata(dp.to_stata(spec), spatial_weights=weights)
        assert read.spec == spec
        assert eval(read.python, {"dp": dp, "spatial_weights": weights}) == spec
    for lacking in (
        {"likelihood": "adjusted"},
        {"entity_effects": False, "time_effects": False},
    ):
        with pytest.raises(dp.StataError):
            dp.to_stata(spec.replace(**lacking))
