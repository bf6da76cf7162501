"""Values as code that gives them again, and panels that are read as they are."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper.replication.script import as_code, data_and_reading, entry, stem_of
from digiprosper.replication.twins import filled

STATES = dp.datasets.us_states()
SPEC = dp.FixedEffects("log(gsp)", ["unemp"])
SPECIFICATIONS = [
    SPEC.replace(absorb=["state[year]"], clusters=["state", "year"], where="year > 3"),
    dp.FixedEffects("y", "x", cov_type="conley", distance_cutoff=500.0, bandwidth=2),
    dp.FixedEffectsIV("y", ["x"], ["增长率"], ["lag(z)", "w"], singletons="keep"),
    dp.Mediation("y", "d", ["m", "n"], ["x"], structure="serial", reps=99),
    dp.Mediation("y", "d", "m", moderator="q", moderates="a"),
    dp.MediationIV("y", "d", "m", "z", reps=99),
    dp.PanelThreshold("y", "d", "q", ["x"], thresholds=[1.5, 2.0]),
    dp.PanelKink("y", "q", ["x"], reps=99),
    dp.DynamicPanel("y", ["x"], endogenous=["x2"], instrument_lags={"y": (2, 3)}),
    dp.EventStudy("y", "first", before=3, after=4, never=0),
    dp.StaggeredDid("y", "first", control="not_yet", estimator="imputation"),
    dp.PoissonEffects("n", ["x"], exposure="pop"),
    dp.LogitEffects("b", ["x"], link="probit"),
]


@pytest.mark.parametrize("spec", SPECIFICATIONS)
@pytest.mark.many(13)
def test_code_gives_the_specification(spec: Any) -> None:
    assert eval(as_code(spec, STATES, fits=False), {"dp": dp}) == spec
    seed = ", rng=SEED" if hasattr(spec, "reps") else ""
    assert as_code(spec, STATES).endswith(f".fit(panel{seed})")


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (STATES, "panel"),
        ({"A": [1, 2.5], 2: None}, '{"A": [1, 2.5], "2": None}'),
        (np.float64(0.1), "0.1"),
        ('a\n"引号"', r'"a\n\"引号\""'),
        (
            partial(dp.stepwise, SPEC, STATES, ["pc"]),
            'dp.stepwise(dp.FixedEffects("log(gsp)", ["unemp"]), panel, ["pc"])',
        ),
        (partial(dp.vif, STATES, ["pc", "emp"]), 'dp.vif(panel, ["pc", "emp"])'),
        (partial(STATES.summarise, ["pc"]), 'panel.summarise(["pc"])'),
        (
            partial(dp.wild_bootstrap, SPEC, STATES, "unemp", rng=3),
            'dp.wild_bootstrap(dp.FixedEffects("log(gsp)", ["unemp"]), panel, '
            '"unemp", rng=3)',
        ),
        (
            partial(dp.u_test, SPEC, "unemp"),
            'dp.u_test(dp.FixedEffects("log(gsp)", ["unemp"]).fit(panel), "unemp")',
        ),
    ],
)
@pytest.mark.many(9)
def test_values_as_code(value: Any, code: str) -> None:
    assert as_code(value, STATES) == code


def test_draws_have_the_seed() -> None:
    call = partial(dp.randomisation_test, SPEC, STATES, "unemp")
    assert as_code(call, STATES).endswith('panel, "unemp", rng=SEED)')


def test_a_style_is_written() -> None:
    style = dp.TableStyle("zh", below="t")
    assert eval(as_code(style, STATES), {"dp": dp}) == style


@pytest.mark.parametrize(
    "value",
    [
        SPEC.fit(STATES),
        dp.etable(SPEC.fit(STATES)),
        STATES.subset("year > 1975"),
        partial(int, "3"),
        partial(STATES.subset("year > 1975").summarise, ["pc"]),
        lambda panel: SPEC.fit(panel),
        dp.PanelSpatial(
            "gsp",
            ["pc"],
            dp.SpatialWeights.from_neighbours({"a": ["b"], "b": ["a"]}),
        ),
    ],
)
@pytest.mark.many(7)
def test_other_values_need_a_script(value: Any) -> None:
    with pytest.raises(dp.InputTypeError, match="script="):
        entry("T", value, STATES)


@pytest.mark.parametrize(
    ("title", "stem"),
    [("Table 1. A & B", "table_1_a_b"), ("表1 基准", "表1_基准"), ("1", "table_1")],
)
def test_names_of_files(title: str, stem: str) -> None:
    assert stem_of(title) == stem


# --- panels ---------------------------------------------------------------------------


def read_again(panel: dp.Panel, tmp_path: Any) -> dp.Panel:
    data, parts = data_and_reading(panel)
    path = tmp_path / "panel.csv"
    path.write_bytes(data)
    template = filled("replicate.txt", parts).splitlines()
    (first,) = [i for i, line in enumerate(template) if line.startswith("frame = ")]
    (last,) = [i for i, line in enumerate(template) if line.startswith("def path_of(")]
    names: dict[str, Any] = {"pd": pd, "dp": dp, "DATA": path}
    exec("\n".join(template[first:last]), names)
    return names["panel"]


@pytest.mark.parametrize("keys", ["numbers", "codes", "periods", "dates"])
def test_a_panel_is_read_as_it_is(keys: str, tmp_path: Any) -> None:
    rng = np.random.default_rng(3)
    floats = rng.normal(size=8) * 10.0 ** rng.integers(-300, 300, 8)
    frame = pd.DataFrame({"a": np.append(floats, [np.nan, 5e-324, 0.1, 1e22])})
    frame["id"] = np.repeat([101, 7, 33], 4)
    frame["time"] = np.tile(np.arange(2010, 2014), 3)
    frame["whole"] = np.arange(12) + 2**60
    frame["small"] = frame["time"].astype("int16")
    frame["flag"] = frame["a"] > 0
    frame["text"] = [
        "NA",
        "01",
        "null",
        'a,"b"',
        "第一\n行",
        None,
        *["TF", "NaN"],
    ] + ["x"] * 4
    frame["rank"] = pd.Categorical([3, 1, 2] * 4, [3, 1, 2], ordered=True)
    frame["group"] = pd.Categorical(["b", "a", None] * 4, ["b", "a", "unused"])
    if keys == "codes":
        frame["id"] = frame["id"].astype(str).str.zfill(6)
    if keys == "periods":
        frame["time"] = pd.PeriodIndex(frame["time"].astype(str), freq="Y")
    if keys == "dates":
        frame["time"] = pd.to_datetime(frame["time"].astype(str) + "-03-01")
    panel = dp.Panel(frame, entity="id", time="time", labels={"a": "“A”, the 'first'"})
    again = read_again(panel, tmp_path)
    pd.testing.assert_frame_equal(panel.frame, again.frame, check_exact=True)
    assert again.labels == panel.labels
    assert again.lag("a").frame.equals(panel.lag("a").frame)


def test_the_step_is_kept(tmp_path: Any) -> None:
    frame = pd.DataFrame({"id": [1, 1], "year": [2010, 2015], "x": [1.0, 2.0]})
    panel = dp.Panel(frame, entity="id", time="year", step=5)
    assert read_again(panel, tmp_path).lag("x").frame["x_lag1"].tolist()[1] == 1.0


@pytest.mark.parametrize("values", [["", "a"], [1, "a"], [True, None]])
def test_columns_that_a_csv_cannot_keep(values: list[Any]) -> None:
    frame = pd.DataFrame({"id": [1, 2], "year": [1, 1], "odd": values})
    panel = dp.Panel(frame, entity="id", time="year")
    with pytest.raises(dp.InputTypeError, match="'odd'"):
        data_and_reading(panel)
